/**
 * Receives on streams: bytes fill them in posting order.
 */
import { MSG_OOB, MSG_PARTIAL, MSG_PEEK, MSG_WAITALL } from "@effect-winsock/schema/Flags"
import { STATUS_ACCESS_VIOLATION, STATUS_CANCELLED } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import { scatter } from "./Buffers.ts"
import type { Chunks } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation } from "./Memory.ts"
import type { Operation } from "./Operation.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import { failureOf } from "./TcpSend.ts"
import type { TcpSocket } from "./TcpSocket.ts"

const receivable = (kernel: Kernel, socket: TcpSocket): Connection | undefined => {
  const { connection } = socket
  if (connection === undefined || connection.isConnecting || socket.accepting) kernel.error = sdk.WSAENOTCONN
  else if (connection.failure !== 0) kernel.error = failureOf(connection)
  else if (socket.noReceive) kernel.error = sdk.WSAESHUTDOWN
  return kernel.error === 0 ? connection : undefined
}

export const receive = (
  kernel: Kernel,
  socket: TcpSocket,
  operation: Operation,
  flags: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  const connection = receivable(kernel, socket)
  if (connection === undefined) return 0
  if ((flags & ~(MSG_PEEK | MSG_OOB | MSG_WAITALL | MSG_PARTIAL)) !== 0) return kernel.fail(sdk.WSAEOPNOTSUPP)
  operation.peek = (flags & MSG_PEEK) !== 0
  operation.urgent = (flags & MSG_OOB) !== 0
  operation.most = kernel.faults.most
  if (operation.urgent && socket.isUnix) return kernel.fail(sdk.WSAEOPNOTSUPP)
  operation.waitAll = (flags & MSG_WAITALL) !== 0
  if (operation.urgent && socket.options[SocketOptions.OOBINLINE] !== 0) return kernel.fail(sdk.WSAEINVAL)
  const isOverlapped = overlapped !== 0 && socket.overlapped
  if (operation.waitAll && (flags !== MSG_WAITALL || (socket.nonBlocking && !isOverlapped))) {
    return kernel.fail(sdk.WSAEOPNOTSUPP)
  }
  if (!isOverlapped) return receiveNow(kernel, socket, connection, operation, bytesAt, overlapped !== 0)
  if (!kernel.begin(operation, overlapped, routine)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  if (!isReady(connection, socket, operation)) {
    operation.state = "pending"
    operation.flagsAt = 0
    const list = operation.urgent ? socket.controls : socket.receives
    list.add(operation)
    const pending = kernel.pend(operation)
    // a receive that wants all takes what is there, so that more can come
    if (operation.waitAll) serve(kernel, socket, connection)
    return pending
  }
  const taken = take(kernel, connection, operation)
  operation.bytes = operation.progress
  Tcp.consumed(connection, taken)
  if (operation.late > 0 || kernel.flip(kernel.settings.readyAnswer, "pending")) {
    operation.flagsAt = 0
    return kernel.pendAndFinish(operation)
  }
  answer(kernel, operation, bytesAt)
  kernel.report(operation, 0, operation.bytes, !socket.skipsPort)
  return 0
}

const receiveNow = (
  kernel: Kernel,
  socket: TcpSocket,
  connection: Connection,
  operation: Operation,
  bytesAt: number,
  givenOverlapped: boolean
): number => {
  if (!isReady(connection, socket, operation)) {
    if (socket.nonBlocking && !givenOverlapped) return kernel.fail(sdk.WSAEWOULDBLOCK)
    const timeout = socket.options[SocketOptions.RCVTIMEO]
    if (kernel.thread === undefined) return kernel.wouldWait(timeout === 0 ? sdk.WSAEINTR : sdk.WSAETIMEDOUT)
    const list = operation.urgent ? socket.controls : socket.receives
    list.add(operation)
    const blocked = kernel.block(operation, bytesAt, timeout)
    if (operation.waitAll) serve(kernel, socket, connection)
    return blocked
  }
  Tcp.consumed(connection, take(kernel, connection, operation))
  operation.bytes = operation.progress
  answer(kernel, operation, bytesAt)
  return 0
}

const answer = (kernel: Kernel, operation: Operation, bytesAt: number): void => {
  if (bytesAt !== 0) kernel.memory.setU32(bytesAt, operation.bytes)
  if (operation.flagsAt !== 0) kernel.memory.setU32(operation.flagsAt, 0)
}

const isReady = (connection: Connection, socket: TcpSocket, operation: Operation): boolean => {
  if (operation.urgent) return connection.urgentBytes > 0
  if (socket.receives.size > 0) return false
  return hasEnough(connection, operation)
}

const hasEnough = (connection: Connection, operation: Operation): boolean => {
  if (connection.ended) return true
  if (operation.waitAll) return connection.queuedBytes + operation.progress >= operation.capacity
  return connection.queuedBytes > 0
}

/** Moves bytes into the operation's buffers; says how much room that made. */
export const take = (kernel: Kernel, connection: Connection, operation: Operation): number => {
  const from = operation.urgent ? connection.urgent : connection.incoming
  let size = from.run(operation.capacity - operation.progress)
  if (size === 0) return 0
  if (!operation.waitAll) size = Math.min(size, operation.most)
  if (kernel.settings.segmentation === "seeded" && !operation.waitAll && !operation.peek) {
    size = 1 + kernel.random.below(size)
  }
  copy(kernel, from, operation, size)
  operation.progress += size
  if (operation.peek) return 0
  from.drop(size)
  // urgent bytes take no room
  return operation.urgent ? 0 : size
}

const copy = (kernel: Kernel, from: Chunks, operation: Operation, size: number): void =>
  from.read(size, (piece, at) => scatter(kernel, operation, operation.progress + at, piece))

/** Gives what arrived to the receives that wait, oldest first. */
export const serve = (kernel: Kernel, socket: TcpSocket, connection: Connection): void => {
  for (let operation = socket.receives.first; operation !== undefined; operation = socket.receives.first) {
    const enough = hasEnough(connection, operation)
    if (!enough && !(operation.waitAll && connection.queuedBytes > 0)) break
    fill(kernel, connection, operation, enough)
    if (!enough) break
  }
  if (connection.urgentBytes > 0) serveUrgent(kernel, socket, connection)
}

const serveUrgent = (kernel: Kernel, socket: TcpSocket, connection: Connection): void => {
  let operation = socket.controls.first
  while (operation !== undefined && connection.urgentBytes > 0) {
    const { next } = operation
    if (operation.kind === "receive") fill(kernel, connection, operation, true)
    operation = next
  }
}

const fill = (kernel: Kernel, connection: Connection, operation: Operation, ends: boolean): void => {
  // the guard compares before the kernel writes
  kernel.guard.completing(operation)
  let taken = 0
  try {
    taken = take(kernel, connection, operation)
  } catch (error) {
    if (!(error instanceof AccessViolation)) throw error
    kernel.complete(operation, STATUS_ACCESS_VIOLATION, 0)
    return
  }
  operation.bytes = operation.progress
  if (!ends || operation.late > 0) kernel.guard.pended(operation)
  if (ends) {
    if (operation.late > 0) kernel.finishLater(operation)
    else kernel.complete(operation, 0, operation.bytes)
  }
  Tcp.consumed(connection, taken)
}

/** Cancels a receive; what one that waited for all had already is counted. */
export const cancel = (kernel: Kernel, operation: Operation): void => {
  kernel.guard.completing(operation)
  kernel.complete(operation, STATUS_CANCELLED, operation.progress)
}
