export * as Seam from "./Seam.ts"
export * as Signatures from "./Signatures.ts"
export * as WinsockError from "./WinsockError.ts"
