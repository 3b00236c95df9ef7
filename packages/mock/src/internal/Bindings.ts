/**
 * Which socket has which address: bind rules, port allocation, and who a datagram is for.
 */
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Datagram } from "./Datagram.ts"
import { anyV4, anyV6, type Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { UdpSocket } from "./UdpSocket.ts"

// the dynamic port range of Windows
const firstPort = 49_152
const ports = 65_536 - firstPort

const covers = (socket: UdpSocket, isV4: boolean): boolean => (isV4 ? !socket.v6 || socket.dual : socket.v6)

const sameFamily = (a: UdpSocket, b: UdpSocket): boolean =>
  (covers(a, true) && covers(b, true)) || (covers(a, false) && covers(b, false))

/**
 * Returns the code that a bind fails with, 0 for none. Source: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"; the
 * refusal of a reusing bind over a plain one is WSAEACCES.
 */
const conflict = (kernel: Kernel, socket: UdpSocket, ip: Ip, port: number): number => {
  const reuses = socket.options[SocketOptions.REUSEADDR] !== 0
  for (const other of kernel.bound.get(port) ?? []) {
    if (!sameFamily(socket, other)) continue
    if (other.local.equals(ip) || (other.local.isAny && ip.isAny)) {
      if (!reuses) return sdk.WSAEADDRINUSE
      if (!other.boundReuse) return sdk.WSAEACCES
    } else if (other.local.isAny && other.boundExclusive) {
      return sdk.WSAEACCES
    }
  }
  return 0
}

export const bindTo = (kernel: Kernel, socket: UdpSocket, ip: Ip, port: number, scope: number): boolean => {
  let chosen = port
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
  const list = kernel.bound.get(chosen)
  if (list === undefined) kernel.bound.set(chosen, [socket])
  else list.push(socket)
  return true
}

const findPort = (kernel: Kernel, socket: UdpSocket, ip: Ip): number => {
  const start = kernel.random.below(ports)
  for (let i = 0; i < ports; i++) {
    const port = firstPort + ((start + i) % ports)
    const list = kernel.bound.get(port)
    if (list === undefined || !list.some((other) => sameFamily(socket, other) && overlaps(other.local, ip))) return port
  }
  return 0
}

const overlaps = (a: Ip, b: Ip): boolean => a.isAny || b.isAny || a.equals(b)

/** Binds as a send or connect on an unbound socket does: any address, any free port. */
export const bindImplicitly = (kernel: Kernel, socket: UdpSocket): boolean =>
  bindTo(kernel, socket, socket.v6 ? anyV6 : anyV4, 0, 0)

export const unbind = (kernel: Kernel, socket: UdpSocket): void => {
  const list = kernel.bound.get(socket.localPort)
  if (list === undefined) return
  const rest = list.filter((other) => other !== socket)
  if (rest.length === 0) kernel.bound.delete(socket.localPort)
  else kernel.bound.set(socket.localPort, rest)
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
export const isOwn = (kernel: Kernel, socket: UdpSocket, ip: Ip): boolean => {
  if (socket.v6 && ip.isV4 && !socket.dual) return false
  return ip.isAny || Machine.owner(kernel.machine, ip) !== undefined
}
