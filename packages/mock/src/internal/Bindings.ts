/**
 * Which socket has which address: bind rules, port allocation, and who a datagram is for.
 */
import { preciseMillis } from "./Loop.ts"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Datagram } from "./Datagram.ts"
import { anyV4, anyV6, type Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Raw from "./Raw.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { Socket } from "./Socket.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import type { UdpSocket } from "./UdpSocket.ts"

// the dynamic port range of Windows
const firstPort = 49_152
const ports = 65_536 - firstPort

// the ports of the two protocols have nothing to do with each other
const tableOf = (kernel: Kernel, socket: Socket): Map<number, Array<Socket>> =>
  socket.protocol === "TCP" ? kernel.boundStreams : kernel.bound

const covers = (socket: Socket, isV4: boolean): boolean => (isV4 ? !socket.v6 || socket.dual : socket.v6)

const sameFamily = (a: Socket, b: Socket): boolean =>
  (covers(a, true) && covers(b, true)) || (covers(a, false) && covers(b, false))

/**
 * Returns the code that a bind fails with, 0 for none. Source: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"; the
 * refusal of a reusing bind over a plain one is WSAEACCES. What an exclusive listener accepted keeps the port from
 * another exclusive one, in TIME_WAIT too.
 */
const conflict = (kernel: Kernel, socket: Socket, ip: Ip, port: number): number => {
  const reuses = socket.options[SocketOptions.REUSEADDR] !== 0
  for (const other of tableOf(kernel, socket).get(port) ?? []) {
    if (!sameFamily(socket, other)) continue
    if (other.local.equals(ip) || (other.local.isAny && ip.isAny)) {
      if (!reuses) return sdk.WSAEADDRINUSE
      if (!other.boundReuse) return sdk.WSAEACCES
    } else if (other.local.isAny && other.boundExclusive) {
      return sdk.WSAEACCES
    }
  }
  if (socket.protocol === "TCP" && socket.options[SocketOptions.EXCLUSIVEADDRUSE] !== 0) {
    const taken = kernel.connections.some(port, (other) => other.exclusive && overlaps(other.local, ip))
    if (taken) return sdk.WSAEADDRINUSE
  }
  return 0
}

export const bindTo = (kernel: Kernel, socket: Socket, ip: Ip, port: number, scope: number): boolean => {
  if (socket.raw !== undefined) return Raw.bindTo(kernel, socket as UdpSocket, ip, scope)
  let chosen = port
  if (socket.protocol === "TCP") kernel.connections.expire(preciseMillis(kernel.turns.clock))
  if (port === 0) {
    chosen = findPort(kernel, socket, ip)
  } else {
    const code = conflict(kernel, socket, ip, port)
    if (code !== 0) {
      kernel.error = code
      return false
    }
  }
  if (chosen === 0) {
    kernel.error = sdk.WSAENOBUFS
    return false
  }
  socket.local = ip
  socket.localScope = scope
  socket.localPort = chosen
  socket.boundReuse = socket.options[SocketOptions.REUSEADDR] !== 0
  socket.boundExclusive = socket.options[SocketOptions.EXCLUSIVEADDRUSE] !== 0
  const table = tableOf(kernel, socket)
  const list = table.get(chosen)
  if (list === undefined) table.set(chosen, [socket])
  else list.push(socket)
  return true
}

const findPort = (kernel: Kernel, socket: Socket, ip: Ip): number => {
  const table = tableOf(kernel, socket)
  const streams = socket.protocol === "TCP"
  const start = kernel.random.below(ports)
  for (let i = 0; i < ports; i++) {
    const port = firstPort + ((start + i) % ports)
    if (streams && kernel.connections.has(port)) continue
    const list = table.get(port)
    if (list === undefined || !list.some((other) => sameFamily(socket, other) && overlaps(other.local, ip))) return port
  }
  return 0
}

const overlaps = (a: Ip, b: Ip): boolean => a.isAny || b.isAny || a.equals(b)

/** Binds as a send or connect on an unbound socket does: any address, any free port. */
export const bindImplicitly = (kernel: Kernel, socket: Socket): boolean =>
  bindTo(kernel, socket, socket.v6 ? anyV6 : anyV4, 0, 0)

export const unbind = (kernel: Kernel, socket: Socket): void => {
  if (socket.raw !== undefined) return Raw.unbind(kernel, socket as UdpSocket)
  const table = tableOf(kernel, socket)
  const list = table.get(socket.localPort)
  if (list === undefined || !list.includes(socket)) return
  const rest = list.filter((other) => other !== socket)
  if (rest.length === 0) table.delete(socket.localPort)
  else table.set(socket.localPort, rest)
}

/** Returns the socket that listens where a SYN goes: one of that address rather than one of all. */
export const findListener = (kernel: Kernel, ip: Ip, port: number): TcpSocket | undefined => {
  let found: TcpSocket | undefined
  for (const socket of kernel.boundStreams.get(port) ?? []) {
    if (socket.listening === undefined || !covers(socket, ip.isV4)) continue
    if (socket.local.equals(ip)) return socket
    if (socket.local.isAny) found ??= socket
  }
  return found
}

// a connected socket takes its peer's datagrams only; then the bound address decides
const score = (socket: UdpSocket, datagram: Datagram, toMany: boolean): number => {
  const ip = datagram.destination
  if (!covers(socket, ip.isV4)) return 0
  const specific = !socket.local.isAny
  if (specific && !toMany && !socket.local.equals(ip)) return 0
  if (socket.peer === undefined) return specific ? 2 : 1
  if (socket.peerPort !== datagram.sourcePort || !socket.peer.equals(datagram.source)) return 0
  return 4
}

/** Returns the socket that a datagram to one host is for: the best match, the oldest of equals. */
export const find = (kernel: Kernel, datagram: Datagram): UdpSocket | undefined => {
  const list = kernel.bound.get(datagram.destinationPort)
  if (list === undefined) return undefined
  let best: UdpSocket | undefined
  let most = 0
  for (let i = 0; i < list.length; i++) {
    const value = score(list[i], datagram, false)
    if (value > most) {
      most = value
      best = list[i]
    }
  }
  return best
}

/** Returns every socket that a broadcast is for. */
export const findAll = (kernel: Kernel, datagram: Datagram): Array<UdpSocket> =>
  (kernel.bound.get(datagram.destinationPort) ?? []).filter((socket) => score(socket, datagram, true) > 0)

/** Says whether a socket is bound where the datagram goes, though it may take none of this sender's. */
export const isOpen = (kernel: Kernel, datagram: Datagram): boolean =>
  (kernel.bound.get(datagram.destinationPort) ?? []).some(
    (socket) => covers(socket, datagram.destination.isV4) && overlaps(socket.local, datagram.destination)
  )

/** Says whether a socket may be bound to the address. */
export const isOwn = (kernel: Kernel, socket: Socket, ip: Ip): boolean => {
  if (socket.v6 && ip.isV4 && !socket.dual) return false
  return ip.isAny || Machine.owner(kernel.machine, ip) !== undefined
}
