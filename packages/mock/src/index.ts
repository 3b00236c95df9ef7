export * as MockNames from "./MockNames.ts"
export * as MockNetwork from "./MockNetwork.ts"
export * as MockTrace from "./MockTrace.ts"
export * as MockWinsock from "./MockWinsock.ts"
