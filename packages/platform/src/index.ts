export * as TcpDuplex from "./TcpDuplex.ts"
