export * as HttpAgent from "./HttpAgent.ts"
export * as TcpDuplex from "./TcpDuplex.ts"
export * as WinsockDatagramSocket from "./WinsockDatagramSocket.ts"
