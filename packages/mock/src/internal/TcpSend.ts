/**
 * Sends on streams: what a send hands to the connection, and when it ends.
 */
import { MSG_DONTROUTE, MSG_OOB } from "@effect-winsock/schema/Flags"
import { STATUS_ACCESS_VIOLATION, STATUS_CANCELLED, toWsaError } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation } from "./Memory.ts"
import type { Operation } from "./Operation.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import type { TcpSocket } from "./TcpSocket.ts"

/** Returns the connection to send on, or makes the call fail. */
export const sendable = (kernel: Kernel, socket: TcpSocket): Connection | undefined => {
  const { connection } = socket
  if (connection === undefined || connection.isConnecting || socket.accepting) kernel.error = sdk.WSAENOTCONN
  else if (connection.failure !== 0) kernel.error = failureOf(connection)
  else if (socket.noSend) kernel.error = sdk.WSAESHUTDOWN
  return kernel.error === 0 ? connection : undefined
}

/** What calls on a broken connection fail with. */
export const failureOf = (connection: Connection): number =>
  connection.timedOut ? sdk.WSAENETRESET : toWsaError(connection.failure)

export const send = (
  kernel: Kernel,
  socket: TcpSocket,
  operation: Operation,
  flags: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  if ((flags & ~(socket.isUnix ? MSG_DONTROUTE : MSG_DONTROUTE | MSG_OOB)) !== 0) return kernel.fail(sdk.WSAEOPNOTSUPP)
  const connection = sendable(kernel, socket)
  if (connection === undefined) return 0
  if (bytesAt === 0 && overlapped === 0) return kernel.fail(sdk.WSAEFAULT)
  operation.urgent = (flags & MSG_OOB) !== 0
  if (overlapped === 0 || !socket.overlapped) {
    return sendNow(kernel, socket, connection, operation, bytesAt, overlapped !== 0)
  }
  if (!kernel.begin(operation, overlapped, routine)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  return start(kernel, socket, connection, operation, bytesAt)
}

/** Begins an overlapped send; also what TransmitFile sends. */
export const start = (
  kernel: Kernel,
  socket: TcpSocket,
  connection: Connection,
  operation: Operation,
  bytesAt: number
): number => {
  const total = operation.capacity
  const buffers = socket.options[SocketOptions.SNDBUF] !== 0
  if (total > 0 && (!buffers || socket.sends.size > 0 || room(socket, connection) < total)) {
    operation.state = "pending"
    socket.sends.add(operation)
    const pending = kernel.pend(operation)
    proceed(kernel, socket, connection)
    return pending
  }
  if (total > 0) hand(kernel, connection, operation, total)
  if (operation.late > 0 || kernel.flip(kernel.settings.readyAnswer, "pending")) {
    operation.bytes = total
    return kernel.pendAndFinish(operation)
  }
  kernel.report(operation, 0, total, !socket.skipsPort)
  if (bytesAt !== 0) kernel.memory.setU32(bytesAt, total)
  return 0
}

const sendNow = (
  kernel: Kernel,
  socket: TcpSocket,
  connection: Connection,
  operation: Operation,
  bytesAt: number,
  givenOverlapped: boolean
): number => {
  const total = operation.capacity
  let size = socket.sends.size > 0 ? 0 : Math.min(room(socket, connection), total)
  const waits = !socket.nonBlocking || givenOverlapped
  const { most } = kernel.faults
  if (size < total && (size === 0 || waits)) {
    if (!waits) return kernel.fail(sdk.WSAEWOULDBLOCK)
    const timeout = socket.options[SocketOptions.SNDTIMEO]
    if (kernel.thread === undefined) return kernel.wouldWait(timeout === 0 ? sdk.WSAEINTR : sdk.WSAETIMEDOUT)
    socket.sends.add(operation)
    const blocked = kernel.block(operation, bytesAt, timeout)
    proceed(kernel, socket, connection)
    return blocked
  }
  if (size > 0) {
    if (!waits) size = Math.min(size, most)
    if (!waits && kernel.settings.segmentation === "seeded") size = 1 + kernel.random.below(size)
    hand(kernel, connection, operation, size)
  }
  kernel.memory.setU32(bytesAt, size)
  return 0
}

/** Sends all of it now, or nothing. */
export const sendWhole = (kernel: Kernel, socket: TcpSocket, connection: Connection, operation: Operation): boolean => {
  if (socket.sends.size > 0 || room(socket, connection) < operation.capacity) return false
  if (operation.capacity > 0) hand(kernel, connection, operation, operation.capacity)
  return true
}

// without a buffer of its own a socket hands over what the peer has room for
const room = (socket: TcpSocket, connection: Connection): number => {
  const size = socket.options[SocketOptions.SNDBUF]
  return Math.max(0, size === 0 ? connection.credit - connection.unsent : size - connection.buffered)
}

/** Copies the next `size` bytes of a send into the connection. */
const hand = (kernel: Kernel, connection: Connection, operation: Operation, size: number): void => {
  const bytes = operation.pull(kernel, operation.progress, size)
  operation.progress += size
  const urgent = operation.urgent && operation.progress === operation.capacity
  if (!urgent) Tcp.put(connection, new Chunk(bytes, 0, size, false))
  else {
    Tcp.put(connection, new Chunk(bytes, 0, size - 1, false))
    Tcp.put(connection, new Chunk(bytes, size - 1, size, true))
  }
  operation.mark = connection.accepted
  Tcp.pump(connection)
}

/** Goes on with the sends that wait, oldest first. Handing over may come back here: each round looks anew. */
export const proceed = (kernel: Kernel, socket: TcpSocket, connection: Connection): void => {
  for (let operation = socket.sends.first; operation !== undefined; operation = socket.sends.first) {
    if (operation.progress === operation.capacity) {
      // what has no buffer lasts until the peer has it
      if (socket.options[SocketOptions.SNDBUF] === 0 && connection.acknowledged < operation.mark) {
        return connection.unsent > 0 ? Tcp.pump(connection) : undefined
      }
      end(kernel, operation)
      continue
    }
    const size = Math.min(room(socket, connection), operation.capacity - operation.progress, operation.piece)
    if (size === 0) {
      if (connection.credit <= 0) Tcp.awaitRoom(connection)
      return
    }
    try {
      hand(kernel, connection, operation, size)
    } catch (error) {
      if (!(error instanceof AccessViolation)) throw error
      kernel.end(operation, STATUS_ACCESS_VIOLATION)
    }
  }
}

const end = (kernel: Kernel, operation: Operation): void => {
  operation.bytes = operation.capacity
  const { disconnects } = operation
  if (disconnects !== undefined) {
    operation.disconnects = undefined
    return disconnects(operation)
  }
  if (operation.late > 0) return kernel.finishLater(operation)
  kernel.guard.completing(operation)
  kernel.complete(operation, 0, operation.bytes)
}

/** Cancels a send: what the connection has of it stays sent. */
export const cancel = (kernel: Kernel, operation: Operation): void => {
  kernel.guard.completing(operation)
  kernel.complete(operation, STATUS_CANCELLED, kernel.settings.cancelledSend === "counted" ? operation.progress : 0)
  const socket = operation.socket as TcpSocket
  if (socket.connection !== undefined && socket.connection.failure === 0) {
    proceed(kernel, socket, socket.connection)
    Tcp.pump(socket.connection)
  }
}
