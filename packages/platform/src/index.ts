export * as HttpAgent from "./HttpAgent.ts"
export * as TcpDuplex from "./TcpDuplex.ts"
export * as WinsockSocket from "./WinsockSocket.ts"
export * as WinsockSocketServer from "./WinsockSocketServer.ts"
