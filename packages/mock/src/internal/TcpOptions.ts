/**
 * Options that are more than a value: those that act on a connection, or tell of one.
 *
 * Source of TCP_MAXRT: https://learn.microsoft.com/en-us/windows/win32/winsock/ipproto-tcp-socket-options
 */
import { preciseMillis } from "./Loop.ts"
import { IPPROTO_TCP, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Accepting from "./Accepting.ts"
import * as KeepAlive from "./KeepAlive.ts"
import type { Kernel } from "./Kernel.ts"
import * as Multicast from "./Multicast.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import type { TcpSocket } from "./TcpSocket.ts"

type Set = (kernel: Kernel, socket: TcpSocket, at: number, length: number) => number
type Get = (kernel: Kernel, socket: TcpSocket) => number

const isConnected = (socket: TcpSocket): boolean =>
  socket.connection !== undefined && !socket.connection.isConnecting && !socket.accepting

const sets: { readonly [name: number]: Set } = {
  [Options.SO_UPDATE_ACCEPT_CONTEXT]: (kernel, socket, at, length) => {
    if (length < kernel.memory.pointerSize) return kernel.fail(sdk.WSAEFAULT)
    const listener = kernel.socket(kernel.memory.pointer(at))
    if (listener === undefined) return 0
    if (listener.protocol === "UDP" || listener.listening === undefined) return kernel.fail(sdk.WSAEINVAL)
    if (!isConnected(socket)) return kernel.fail(sdk.WSAENOTCONN)
    socket.describe()
    Accepting.inherit(socket, listener)
    KeepAlive.watch(socket.connection!)
    return 0
  },
  [Options.SO_UPDATE_CONNECT_CONTEXT]: (kernel, socket) => {
    if (!isConnected(socket)) return kernel.fail(sdk.WSAENOTCONN)
    socket.describe()
    return 0
  },
  [Options.SO_LINGER]: (kernel, socket, at, length) => {
    if (length < 4) return kernel.fail(sdk.WSAEFAULT)
    socket.setOption(SocketOptions.LINGER, kernel.memory.u16(at) === 0 ? 0 : 1)
    socket.setOption(SocketOptions.LINGER_SECONDS, kernel.memory.u16(at + 2))
    return 0
  },
  [Options.SO_DONTLINGER]: (kernel, socket, at, length) => {
    if (length < 1) return kernel.fail(sdk.WSAEFAULT)
    const { memory } = kernel
    const value = length < 4 ? memory.locate(at, 1).getUint8(memory.at) : memory.u32(at)
    socket.setOption(SocketOptions.LINGER, value === 0 ? 1 : 0)
    return 0
  }
}

const gets: { readonly [name: number]: Get } = {
  [Options.SO_LINGER]: (_kernel, { options }) =>
    options[SocketOptions.LINGER] | (options[SocketOptions.LINGER_SECONDS] << 16),
  [Options.SO_DONTLINGER]: (_kernel, { options }) => 1 - options[SocketOptions.LINGER],
  // the seconds since it was connected, all ones while it is not
  [Options.SO_CONNECT_TIME]: (kernel, socket) => {
    if (!isConnected(socket)) return 0xffff_ffff
    const now = preciseMillis(kernel.turns.clock)
    return Math.floor((now - socket.connection!.connectedAt) / 1000)
  }
}

// the later of the two counts; the system's stands until one is set, whatever getsockopt says of it
const setPatience = (socket: TcpSocket, name: number, value: number): void => {
  if (name === Options.TCP_MAXRT) socket.patience = value === -1 ? Infinity : value * second
  else if (name === Options.TCP_MAXRTMS) socket.patience = value >>> 0
}
const second = 1000

const keepAliveTimes: ReadonlySet<number> = new Set([Options.TCP_KEEPIDLE, Options.TCP_KEEPINTVL, Options.TCP_KEEPCNT])

export const setsockopt = (
  kernel: Kernel,
  s: number,
  level: number,
  name: number,
  at: number,
  length: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "UDP") {
    const group = Multicast.setsockopt(kernel, socket, level, name, at, length)
    return group ?? SocketOptions.setsockopt(kernel, s, level, name, at, length)
  }
  const own = level === SOL_SOCKET ? sets[name] : undefined
  if (own !== undefined) return own(kernel, socket, at, length)
  const { connection } = socket
  const before = connection === undefined ? 0 : Tcp.receiveBuffer(connection)
  SocketOptions.setsockopt(kernel, s, level, name, at, length)
  if (kernel.error === 0 && level === IPPROTO_TCP) setPatience(socket, name, kernel.memory.i32(at))
  if (kernel.error !== 0 || connection === undefined) return 0
  if (name === Options.SO_RCVBUF && level === SOL_SOCKET && !connection.isConnecting) {
    Tcp.resized(connection, Tcp.receiveBuffer(connection) - before)
  }
  // the times that are set count from now
  if (level === IPPROTO_TCP && keepAliveTimes.has(name) && !connection.isConnecting) KeepAlive.unwatch(connection)
  if (socket.options[SocketOptions.KEEPALIVE] !== 0) KeepAlive.watch(connection)
  else if (!connection.isConnecting) KeepAlive.unwatch(connection)
  return 0
}

export const getsockopt = (
  kernel: Kernel,
  s: number,
  level: number,
  name: number,
  at: number,
  lengthAt: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const own = socket.protocol === "TCP" && level === SOL_SOCKET ? gets[name] : undefined
  if (own === undefined || socket.protocol === "UDP") {
    const result = SocketOptions.getsockopt(kernel, s, level, name, at, lengthAt)
    // an error is told once
    if (socket.protocol === "TCP" && level === SOL_SOCKET && name === Options.SO_ERROR) socket.pendingError = 0
    return result
  }
  const { memory } = kernel
  const length = memory.i32(lengthAt)
  // a BOOL may be a byte
  const isByte = name === Options.SO_DONTLINGER && length > 0 && length < 4
  if (length < 4 && !isByte) return kernel.fail(sdk.WSAEFAULT)
  if (isByte) memory.locate(at, 1).setUint8(memory.at, own(kernel, socket))
  else memory.setU32(at, own(kernel, socket))
  memory.setU32(lengthAt, isByte ? 1 : 4)
  return 0
}
