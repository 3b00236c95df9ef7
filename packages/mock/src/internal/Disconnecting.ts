/**
 * How streams end: shutdown, DisconnectEx, closesocket.
 */
import { preciseMillis } from "./Loop.ts"
import { SD_RECEIVE, SD_SEND, TF_REUSE_SOCKET } from "@effect-winsock/schema/Flags"
import { STATUS_CANCELLED, STATUS_CONNECTION_ABORTED } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Accepting from "./Accepting.ts"
import * as Bindings from "./Bindings.ts"
import type { Connection } from "./Connection.ts"
import { anyV4, anyV6 } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { Operation } from "./Operation.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import { failureOf } from "./TcpSend.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import { ScheduledTask } from "./Turns.ts"

export const shutdown = (kernel: Kernel, socket: TcpSocket, how: number): number => {
  const { connection } = socket
  if (connection === undefined || connection.isConnecting || socket.peer === undefined) {
    return kernel.fail(sdk.WSAENOTCONN)
  }
  if (connection.failure !== 0) return kernel.fail(failureOf(connection))
  if (how !== SD_RECEIVE) endSending(socket, connection)
  if (how !== SD_SEND) {
    socket.noReceive = true
    // what waits cannot be received any more, and the peer shall know
    if (connection.queuedBytes > 0) Tcp.abort(connection, STATUS_CONNECTION_ABORTED)
  }
  return 0
}

export const endSending = (socket: TcpSocket, connection: Connection): void => {
  if (socket.noSend) return
  socket.noSend = true
  Tcp.finish(connection)
}

// --- DisconnectEx ---

export const DisconnectEx = (
  kernel: Kernel,
  s: number,
  overlapped: number,
  flags: number,
  reserved: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "UDP") return kernel.fail(sdk.WSAENOTCONN)
  const { connection } = socket
  if (connection === undefined || connection.isConnecting || socket.accepting) return kernel.fail(sdk.WSAENOTCONN)
  if (reserved !== 0 || (flags & ~TF_REUSE_SOCKET) !== 0) return kernel.fail(sdk.WSAEINVAL)
  if (connection.failure !== 0) return kernel.fail(failureOf(connection))
  const reuses = (flags & TF_REUSE_SOCKET) !== 0
  if (overlapped === 0 || !socket.overlapped) {
    endSending(socket, connection)
    // only a connection that is over leaves its socket at once
    if (reuses && !isOver(connection)) return kernel.wouldWait(sdk.WSAEINTR)
    if (reuses) reuse(kernel, socket)
    return 1
  }
  const operation = kernel.operation("disconnect", socket)
  if (!kernel.begin(operation, overlapped, 0)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  operation.reuses = reuses
  operation.state = "pending"
  socket.controls.add(operation)
  const pending = kernel.pend(operation)
  endSending(socket, connection)
  advance(kernel, socket, connection)
  return pending
}

/** A transmission is sent and is to end the connection too: it lasts as a disconnect. */
export const afterSend = (kernel: Kernel, socket: TcpSocket, operation: Operation, reuses: boolean): void => {
  const { connection } = socket
  operation.list?.remove(operation)
  operation.kind = "disconnect"
  operation.reuses = reuses
  socket.controls.add(operation)
  endSending(socket, connection!)
  advance(kernel, socket, connection!)
}

const isOver = (connection: Connection): boolean => connection.state === "CLOSED"

/** A disconnect ends with the FIN; one that makes the socket fit for reuse when the connection is gone. */
export const advance = (kernel: Kernel, socket: TcpSocket, connection: Connection): void => {
  let operation = socket.controls.first
  while (operation !== undefined) {
    const { next } = operation
    if (operation.kind === "disconnect" && (operation.reuses ? isOver(connection) : connection.finSent)) {
      if (operation.reuses) reuse(kernel, socket)
      kernel.finishLater(operation)
    }
    operation = next
  }
}

/** Both sides ended: TIME_WAIT, where it applies, comes before a socket that is used again. */
export const finished = (kernel: Kernel, socket: TcpSocket, connection: Connection): void => {
  if (isOver(connection)) return advance(kernel, socket, connection)
  let operation = socket.controls.first
  while (operation !== undefined && !operation.reuses) operation = operation.next
  if (operation === undefined) return
  kernel.turns.after(
    kernel.settings.timeWait,
    new ScheduledTask(() => {
      kernel.connections.expire(preciseMillis(kernel.turns.clock))
      if (socket.connection === connection) advance(kernel, socket, connection)
    })
  )
}

/** Makes a socket what it was before it had a connection. */
const reuse = (kernel: Kernel, socket: TcpSocket): void => {
  // Windows says that it can be used again, and refuses the next connect with WSAEISCONN (dotnet/runtime 71291)
  if (socket.isUnix) return
  if (socket.connection !== undefined) socket.connection.socket = undefined
  socket.connection = undefined
  socket.noReceive = false
  socket.noSend = false
  socket.peer = undefined
  socket.peerPort = 0
  socket.reusable = true
  // an accepted socket had its address from the one that listened
  if (kernel.boundStreams.get(socket.localPort)?.includes(socket) !== true) {
    socket.localPort = 0
    socket.local = socket.v6 ? anyV6 : anyV4
  }
}

export const cancel = (kernel: Kernel, operation: Operation): void => kernel.end(operation, STATUS_CANCELLED)

// --- closing ---

/** Says whether closesocket has to wait: it lingers, and the peer has not got everything. */
export const lingers = (socket: TcpSocket): boolean => {
  const { connection } = socket
  return (
    connection !== undefined &&
    connection.failure === 0 &&
    socket.options[SocketOptions.LINGER] !== 0 &&
    socket.options[SocketOptions.LINGER_SECONDS] !== 0 &&
    (connection.buffered > 0 || socket.sends.size > 0)
  )
}

export const close = (kernel: Kernel, socket: TcpSocket): void => {
  if (socket.localPort !== 0) Bindings.unbind(kernel, socket)
  const { connection } = socket
  if (socket.listening !== undefined) Accepting.close(kernel, socket)
  if (socket.acceptedBy !== undefined) return Accepting.cancel(kernel, socket.acceptedBy)
  if (connection === undefined) return endAll(kernel, socket)
  const breaks =
    connection.isConnecting ||
    connection.queuedBytes > 0 ||
    socket.receives.size > 0 ||
    socket.sends.size > 0 ||
    (socket.options[SocketOptions.LINGER] !== 0 && socket.options[SocketOptions.LINGER_SECONDS] === 0)
  endAll(kernel, socket)
  connection.socket = undefined
  socket.connection = undefined
  if (connection.failure !== 0 || connection.state === "CLOSED") return
  if (breaks) Tcp.abort(connection, STATUS_CONNECTION_ABORTED)
  else Tcp.finish(connection)
}

const endAll = (kernel: Kernel, socket: TcpSocket): void => {
  const { closeStatus } = kernel.settings
  for (const list of [socket.receives, socket.sends]) {
    while (list.first !== undefined) kernel.end(list.first, closeStatus ?? STATUS_CONNECTION_ABORTED)
  }
  while (socket.controls.first !== undefined) kernel.end(socket.controls.first, closeStatus ?? STATUS_CANCELLED)
}
