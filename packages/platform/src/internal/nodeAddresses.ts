/** Node's sockets over streams ask their handle for addresses, and such a handle has none. */
import type { TcpDuplex } from "../TcpDuplex.ts"

const names = ["remoteAddress", "remotePort", "remoteFamily", "localAddress", "localPort", "localFamily"] as const

/** Gives a socket the addresses of the connection that it runs on. */
export const tell = (socket: object, connection: TcpDuplex): void => {
  for (const name of names) Object.defineProperty(socket, name, { configurable: true, get: () => connection[name] })
}
