export * as NativeWinsock from "./NativeWinsock.ts"
