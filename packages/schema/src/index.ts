export * as Layout from "./Layout.ts"
export * as NtStatus from "./NtStatus.ts"
export * as Structs from "./Structs.ts"
export * as WsaError from "./WsaError.ts"
