/**
 * connect on streams, and ConnectEx.
 */
import { preciseMillis } from "./Loop.ts"
import { AF_UNSPEC } from "@effect-winsock/schema/Flags"
import { STATUS_CANCELLED, toWsaError } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Addresses from "./Addresses.ts"
import * as Bindings from "./Bindings.ts"
import { Chunk } from "./Chunks.ts"
import { Connection } from "./Connection.ts"
import * as KeepAlive from "./KeepAlive.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import type { Operation } from "./Operation.ts"
import { announced } from "./Passage.ts"
import * as Tcp from "./Tcp.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import * as Unix from "./Unix.ts"
import { UnixSocket } from "./UnixSocket.ts"

export const connect = (kernel: Kernel, socket: TcpSocket, name: number, length: number): number => {
  if (socket.listening !== undefined || socket.accepting) return kernel.fail(sdk.WSAEINVAL)
  const { connection } = socket
  if (connection !== undefined) return kernel.fail(connection.isConnecting ? sdk.WSAEALREADY : sdk.WSAEISCONN)
  const start = starting(kernel, socket, name, length)
  if (start === undefined) return 0
  if (!socket.nonBlocking && kernel.thread === undefined) return kernel.wouldWait(sdk.WSAEINTR)
  if (!start()) return 0
  if (!socket.nonBlocking) {
    const operation = kernel.operation("connect", socket)
    socket.controls.add(operation)
    return kernel.block(operation, 0, 0)
  }
  return kernel.fail(sdk.WSAEWOULDBLOCK)
}

// reads where it goes: what begins the handshake, false when the call failed
const starting = (kernel: Kernel, socket: TcpSocket, name: number, length: number): (() => boolean) | undefined => {
  if (socket instanceof UnixSocket) {
    const path = Unix.destination(kernel, name, length)
    return path === undefined ? undefined : () => Unix.start(socket, path)
  }
  const to = destination(kernel, socket, name, length)
  return to === undefined ? undefined : () => start(kernel, socket, to)
}

const destination = (
  kernel: Kernel,
  socket: TcpSocket,
  name: number,
  length: number
): Addresses.Endpoint | undefined => {
  if (name !== 0 && length >= 2 && kernel.memory.u16(name) === AF_UNSPEC) {
    kernel.error = sdk.WSAEAFNOSUPPORT
    return undefined
  }
  const to = Addresses.read(kernel, socket.v6, name, length)
  if (to === undefined) return undefined
  if (to.ip.isAny || to.port === 0 || (to.ip.isV4 && socket.v6 && !socket.dual)) kernel.error = sdk.WSAEADDRNOTAVAIL
  else if (Machine.isBroadcast(kernel.machine, to.ip) || to.ip.isMulticast) kernel.error = sdk.WSAEADDRNOTAVAIL
  return kernel.error === 0 ? to : undefined
}

// begins the handshake; false when the call failed
const start = (kernel: Kernel, socket: TcpSocket, to: Addresses.Endpoint): boolean => {
  const via = Machine.route(kernel.machine, to.ip, to.scope)
  const source = via === undefined ? undefined : Machine.sourceFor(kernel.machine, via, to.ip)
  if (source === undefined) {
    kernel.error = sdk.WSAENETUNREACH
    return false
  }
  if (socket.localPort === 0 && !Bindings.bindImplicitly(kernel, socket)) return false
  const local = socket.local.isAny ? source : socket.local
  kernel.connections.expire(preciseMillis(kernel.turns.clock))
  if (kernel.connections.isTaken(local, socket.localPort, to.ip, to.port)) {
    kernel.error = sdk.WSAEADDRINUSE
    return false
  }
  const mss = announced(kernel, to.ip)
  const { localPort, localScope } = socket
  const connection = new Connection(kernel, "SYN_SENT", local, localPort, localScope, to.ip, to.port, to.scope, mss)
  connection.socket = socket
  socket.connection = connection
  socket.pendingError = 0
  socket.reusable = false
  Tcp.open(connection)
  return true
}

export const ConnectEx = (
  kernel: Kernel,
  s: number,
  name: number,
  length: number,
  data: number,
  dataLength: number,
  _sentAt: number,
  overlapped: number
): number => {
  // refused calls have it so too
  kernel.markPending(overlapped)
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (overlapped === 0) return kernel.fail(sdk.ERROR_INVALID_PARAMETER)
  if (socket.protocol === "UDP" || socket.listening !== undefined || socket.accepting) return kernel.fail(sdk.WSAEINVAL)
  if (socket.connection !== undefined) {
    return kernel.fail(socket.connection.isConnecting ? sdk.WSAEINVAL : sdk.WSAEISCONN)
  }
  if (socket.localPort === 0) return kernel.fail(sdk.WSAEINVAL)
  const start = starting(kernel, socket, name, length)
  if (start === undefined) return 0
  const operation = kernel.operation("connect", socket)
  if (data !== 0 && dataLength > 0) {
    kernel.memory.locate(data, dataLength)
    operation.addBuffer(data, dataLength)
  }
  if (!kernel.begin(operation, overlapped, 0)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  if (!start()) return 0
  operation.state = "pending"
  socket.controls.add(operation)
  return kernel.pend(operation)
}

const operationOf = (socket: TcpSocket): Operation | undefined => {
  let operation = socket.controls.first
  while (operation !== undefined && operation.kind !== "connect") operation = operation.next
  return operation
}

export const connected = (kernel: Kernel, socket: TcpSocket): void => {
  const connection = socket.connection!
  KeepAlive.watch(connection)
  const operation = operationOf(socket)
  // connect tells the socket of its connection, ConnectEx does not
  if (operation === undefined) return socket.describe()
  if (operation.thread !== undefined) socket.describe()
  const size = operation.capacity
  if (size > 0) {
    Tcp.put(connection, new Chunk(operation.pull(kernel, 0, size), 0, size, false))
    Tcp.pump(connection)
  }
  operation.bytes = size
  if (operation.late > 0) return kernel.finishLater(operation)
  kernel.guard.completing(operation)
  kernel.complete(operation, 0, size)
}

/** The attempt failed: the socket is as it was before. */
export const failed = (kernel: Kernel, socket: TcpSocket, status: number): void => {
  socket.connection = undefined
  const operation = operationOf(socket)
  if (operation === undefined) socket.pendingError = toWsaError(status)
  else kernel.end(operation, status)
}

export const cancel = (_kernel: Kernel, operation: Operation): void =>
  Tcp.abort((operation.socket as TcpSocket).connection!, STATUS_CANCELLED)
