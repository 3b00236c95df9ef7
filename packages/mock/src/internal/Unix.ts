/**
 * AF_UNIX: paths instead of addresses, files that bind makes, connections without a network. The data goes as TCP's does.
 * Sources: afunix.h, "AF_UNIX comes to Windows" on devblogs.microsoft.com; abstract names are refused, as Windows does in
 * spite of that page, and a stream that was disconnected cannot be connected again.
 */
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { SOCKADDR_UN } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import * as Addresses from "./Addresses.ts"
import { Connection } from "./Connection.ts"
import { loopbackV4 } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { MockMemory } from "./Memory.ts"
import type { Socket } from "./Socket.ts"
import * as Tcp from "./Tcp.ts"
import type { UnixSocket } from "./UnixSocket.ts"
import { pathPort } from "./UnixSocket.ts"

const size = SOCKADDR_UN.size.x64
// what moves at once
const piece = 65_536

/** The process that every socket of a simulated machine belongs to. */
export const processId = 4128

const pathOf = (kernel: Kernel, name: number, length: number): string | undefined => {
  if (name === 0 || length < 2) kernel.error = sdk.WSAEFAULT
  else if (kernel.memory.u16(name) !== AF_UNIX) kernel.error = sdk.WSAEAFNOSUPPORT
  else {
    const read = Math.min(length, size)
    const view = kernel.memory.locate(name, read)
    const address = SockAddr.read(view, kernel.memory.at, read)
    if (address._tag === "Unix") return address.address.path
    // an abstract name, or no UTF-8
    kernel.error = sdk.WSAEINVAL
  }
  return undefined
}

export const bind = (kernel: Kernel, socket: UnixSocket, name: number, length: number): number => {
  const path = pathOf(kernel, name, length)
  if (path === undefined) return 0
  if (socket.localPort !== 0 || socket.connection !== undefined || socket.accepting) return kernel.fail(sdk.WSAEINVAL)
  // no name makes no file
  if (path !== "" && !kernel.files.bind(path, socket)) return kernel.fail(sdk.WSAEADDRINUSE)
  socket.path = path
  socket.localPort = pathPort
  return 0
}

/** Reads where a connect goes. */
export const destination = (kernel: Kernel, name: number, length: number): string | undefined => {
  const path = pathOf(kernel, name, length)
  if (path !== "") return path
  kernel.error = sdk.WSAEINVAL
  return undefined
}

/** Begins a connection. Whether anybody listens is found out later, as with TCP. */
export const start = (socket: UnixSocket, to: string): boolean => {
  // nobody gave it a name
  if (socket.localPort === 0) socket.localPort = pathPort
  const connection = new Connection(socket.kernel, "SYN_SENT", loopbackV4, pathPort, 0, loopbackV4, pathPort, 0, piece)
  connection.paths = { local: socket.path, peer: to }
  connection.socket = socket
  socket.connection = connection
  socket.pendingError = 0
  Tcp.open(connection)
  return true
}

// --- addresses of streams of any family ---

export const sizeFor = (socket: Socket): number => (socket.isUnix ? size : Addresses.sizeFor(socket.v6))

const write = (memory: MockMemory, address: number, path: string): void => {
  const view = memory.locate(address, size)
  SockAddr.write(view, memory.at, NetAddress.unixPathAddress(path))
}

/** Writes the address of one end of a connection. */
export const writeEnd = (kernel: Kernel, address: number, connection: Connection, v6: boolean, peer: boolean): void => {
  const { memory } = kernel
  const { paths } = connection
  if (paths !== undefined) write(memory, address, peer ? paths.peer : paths.local)
  else if (peer) Addresses.write(memory, v6, address, connection.peer, connection.peerPort, connection.peerScope)
  else Addresses.write(memory, v6, address, connection.local, connection.localPort, connection.localScope)
}

/** Writes a path where the caller said how much room there is, and the length it took. */
export const report = (kernel: Kernel, address: number, lengthAt: number, path: string): number => {
  if (kernel.memory.i32(lengthAt) < size) return kernel.fail(sdk.WSAEFAULT)
  write(kernel.memory, address, path)
  kernel.memory.setU32(lengthAt, size)
  return 0
}
