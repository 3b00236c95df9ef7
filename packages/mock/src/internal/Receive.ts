/**
 * WSARecv, WSARecvFrom and WSARecvMsg, and how a datagram ends one of them.
 */
import { MSG_CTRUNC, MSG_PARTIAL, MSG_PEEK, MSG_TRUNC } from "@effect-winsock/schema/Flags"
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_BUFFER_OVERFLOW,
  STATUS_HOPLIMIT_EXCEEDED,
  toWsaError
} from "@effect-winsock/schema/NtStatus"
import { WSAMSG } from "@effect-winsock/schema/Structs"
import * as Addresses from "./Addresses.ts"
import { captureBuffers, scatter } from "./Buffers.ts"
import * as Control from "./Control.ts"
import type { Datagram } from "./Datagram.ts"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation } from "./Memory.ts"
import type { Operation } from "./Operation.ts"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as SocketOptions from "./SocketOptions.ts"
import * as TcpReceive from "./TcpReceive.ts"
import type { UdpSocket } from "./UdpSocket.ts"

const at64 = WSAMSG.offsets.x64
const at32 = WSAMSG.offsets.ia32

/** Captures a WSAMSG. */
export const captureMessage = (kernel: Kernel, operation: Operation, msg: number): boolean => {
  const { memory } = kernel
  const wide = memory.pointerSize === 8
  const view = memory.locate(msg, wide ? WSAMSG.size.x64 : WSAMSG.size.ia32)
  const base = memory.at
  const at = wide ? at64 : at32
  operation.msg = msg
  operation.name = pointerAt(view, base + at.name, wide)
  operation.nameLength = view.getInt32(base + at.namelen, true)
  operation.control = pointerAt(view, base + at.Control.buf, wide)
  operation.controlLength = view.getUint32(base + at.Control.len, true)
  const buffers = pointerAt(view, base + at.lpBuffers, wide)
  const count = view.getUint32(base + at.dwBufferCount, true)
  if (operation.nameLength < 0) {
    kernel.error = sdk.WSAEFAULT
    return false
  }
  // a length without a pointer faults, as any other bad range does
  if (operation.nameLength > 0) memory.locate(operation.name, operation.nameLength)
  if (operation.controlLength > 0) memory.locate(operation.control, operation.controlLength)
  return captureBuffers(kernel, operation, buffers, count)
}

const pointerAt = (view: DataView, at: number, wide: boolean): number =>
  wide ? view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000 : view.getUint32(at, true)

/** What all three calls check first. */
const receivable = (kernel: Kernel, socket: UdpSocket): boolean => {
  if (socket.localPort === 0) kernel.error = sdk.WSAEINVAL
  else if (socket.noReceive) kernel.error = sdk.WSAESHUTDOWN
  return kernel.error === 0
}

export const WSARecvMsg = (
  kernel: Kernel,
  s: number,
  msg: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const flagsAt = kernel.memory.pointerSize === 8 ? at64.dwFlags : at32.dwFlags
  if (socket.protocol === "TCP") {
    const peeks = msg !== 0 && (kernel.memory.u32(msg + flagsAt) & MSG_PEEK) !== 0
    return kernel.fail(peeks ? sdk.WSAEOPNOTSUPP : sdk.WSAEINVAL)
  }
  const operation = kernel.operation("receive", socket)
  if (msg === 0 || (bytesAt === 0 && overlapped === 0)) return kernel.fail(sdk.WSAEFAULT)
  if (!receivable(kernel, socket)) return 0
  if (!captureMessage(kernel, operation, msg)) return 0
  if (operation.nameLength > 0 && operation.nameLength < Addresses.sizeFor(socket.v6)) {
    return kernel.fail(sdk.WSAEFAULT)
  }
  const flags = kernel.memory.u32(msg + flagsAt)
  // the only flag it takes is MSG_PEEK, and that on calls that are not overlapped
  if ((flags & ~MSG_PEEK) !== 0 || (flags !== 0 && overlapped !== 0)) return kernel.fail(sdk.WSAEOPNOTSUPP)
  operation.peek = flags !== 0
  return receive(kernel, socket, operation, bytesAt, overlapped, routine)
}

export const WSARecvFrom = (
  kernel: Kernel,
  s: number,
  buffers: number,
  count: number,
  bytesAt: number,
  flagsAt: number,
  from: number,
  fromLengthAt: number,
  overlapped: number,
  routine: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const operation = kernel.operation("receive", socket)
  if (bytesAt === 0 && overlapped === 0) return kernel.fail(sdk.WSAEFAULT)
  const flags = kernel.memory.u32(flagsAt)
  if (socket.protocol === "TCP") {
    // a stream knows its peer: the sender's address is ignored
    if (!captureBuffers(kernel, operation, buffers, count)) return 0
    operation.flagsAt = flagsAt
    return TcpReceive.receive(kernel, socket, operation, flags, bytesAt, overlapped, routine)
  }
  if (from !== 0) {
    operation.name = from
    operation.nameLength = kernel.memory.i32(fromLengthAt)
    operation.nameLengthAt = fromLengthAt
    if (operation.nameLength < Addresses.sizeFor(socket.v6)) return kernel.fail(sdk.WSAEFAULT)
    kernel.memory.locate(from, operation.nameLength)
  }
  if (!captureBuffers(kernel, operation, buffers, count)) return 0
  if (!receivable(kernel, socket)) return 0
  if ((flags & ~(MSG_PEEK | MSG_PARTIAL)) !== 0) return kernel.fail(sdk.WSAEOPNOTSUPP)
  operation.peek = (flags & MSG_PEEK) !== 0
  operation.flagsAt = flagsAt
  return receive(kernel, socket, operation, bytesAt, overlapped, routine)
}

export const WSARecv = (
  kernel: Kernel,
  s: number,
  buffers: number,
  count: number,
  bytesAt: number,
  flagsAt: number,
  overlapped: number,
  routine: number
): number => WSARecvFrom(kernel, s, buffers, count, bytesAt, flagsAt, 0, 0, overlapped, routine)

const receive = (
  kernel: Kernel,
  socket: UdpSocket,
  operation: Operation,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  if (overlapped === 0 || !socket.overlapped) return receiveNow(kernel, socket, operation, bytesAt, overlapped !== 0)
  if (!kernel.begin(operation, overlapped, routine)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  if (socket.queued === 0 || socket.receives.size > 0) {
    operation.state = "pending"
    socket.receives.add(operation)
    // reported flags are the call's own business: the pointer may be gone when the operation completes
    operation.flagsAt = 0
    return kernel.pend(operation)
  }
  const { settings } = kernel
  const datagram = socket.peekQueue()
  const truncated = truncates(kernel, operation, datagram)
  let answer = settings.truncationAnswer
  if (truncated && answer === "seeded") answer = truncationAnswers[kernel.random.below(truncationAnswers.length)]
  const pends = truncated ? answer === "pending" : kernel.flip(settings.readyAnswer, "pending")
  if (pends || operation.late > 0) {
    operation.datagram = operation.peek ? datagram : socket.takeQueue()
    operation.flagsAt = 0
    return kernel.pendAndFinish(operation)
  }
  const status = fill(kernel, operation, datagram)
  if (!operation.peek) socket.takeQueue()
  if (status === 0) {
    if (bytesAt !== 0) kernel.memory.setU32(bytesAt, operation.bytes)
    kernel.report(operation, 0, operation.bytes, !socket.skipsPort)
    return 0
  }
  // a warning is no failure to the I/O manager, which is why a packet may follow; after an error none does
  const packet = status === STATUS_BUFFER_OVERFLOW && answer === "emsgsize+packet" && !socket.skipsPort
  kernel.report(operation, status, operation.bytes, packet)
  return kernel.fail(codeOf(status))
}

// as documented: a time to live that expired. What else gives this status is not known to have a code of its own.
const codeOf = (status: number): number => (status === STATUS_HOPLIMIT_EXCEEDED ? sdk.WSAENETRESET : toWsaError(status))

const truncationAnswers = ["pending", "emsgsize+packet", "emsgsize-only"] as const

const receiveNow = (
  kernel: Kernel,
  socket: UdpSocket,
  operation: Operation,
  bytesAt: number,
  givenOverlapped: boolean
): number => {
  if (socket.queued === 0 || socket.receives.size > 0) {
    // an OVERLAPPED does not help on a socket that is not overlapped: the call waits, whatever FIONBIO says
    if (socket.nonBlocking && !givenOverlapped) return kernel.fail(sdk.WSAEWOULDBLOCK)
    const timeout = socket.options[SocketOptions.RCVTIMEO]
    if (kernel.thread === undefined) return kernel.wouldWait(timeout === 0 ? sdk.WSAEINTR : sdk.WSAETIMEDOUT)
    socket.receives.add(operation)
    return kernel.block(operation, bytesAt, timeout)
  }
  const status = fill(kernel, operation, socket.peekQueue())
  if (!operation.peek) socket.takeQueue()
  if (status !== 0 && status !== STATUS_BUFFER_OVERFLOW) return kernel.fail(codeOf(status))
  if (bytesAt !== 0) kernel.memory.setU32(bytesAt, operation.bytes)
  return status === 0 ? 0 : kernel.fail(codeOf(status))
}

const truncates = (kernel: Kernel, operation: Operation, datagram: Datagram): boolean =>
  datagram.status === 0 &&
  (datagram.payload.length > operation.capacity ||
    (operation.msg !== 0 &&
      Control.needed(operation.socket as UdpSocket, datagram, kernel.memory.pointerSize) > operation.controlLength))

/** Writes the datagram where the operation wants it, sets the operation's byte count and returns the NTSTATUS. */
export const fill = (kernel: Kernel, operation: Operation, datagram: Datagram): number => {
  operation.bytes = 0
  if (datagram.status !== 0) return datagram.status
  const socket = operation.socket as UdpSocket
  const { memory } = kernel
  const { payload } = datagram
  const truncated = payload.length > operation.capacity
  const total = truncated ? operation.capacity : payload.length
  scatter(kernel, operation, 0, truncated ? payload.subarray(0, total) : payload)
  operation.bytes = total
  if (operation.nameLength > 0) {
    const scope = datagram.source.isLinkLocal ? datagram.interfaceIndex : 0
    Addresses.write(memory, socket.v6, operation.name, datagram.source, datagram.sourcePort, scope)
  }
  if (operation.msg === 0) {
    if (operation.nameLengthAt !== 0) memory.setU32(operation.nameLengthAt, Addresses.sizeFor(socket.v6))
    if (operation.flagsAt !== 0) memory.setU32(operation.flagsAt, truncated ? MSG_PARTIAL : 0)
    return truncated ? STATUS_BUFFER_OVERFLOW : 0
  }
  const width = memory.pointerSize
  const room = operation.controlLength
  const view = room > 0 ? memory.locate(operation.control, room) : undefined
  const control = Control.write(socket, datagram, view, memory.at, room, width)
  const { truncated: controlTruncated, used } = control
  const message = memory.locate(operation.msg, width === 8 ? WSAMSG.size.x64 : WSAMSG.size.ia32)
  const base = memory.at
  const at = width === 8 ? at64 : at32
  if (operation.nameLength > 0) message.setInt32(base + at.namelen, Addresses.sizeFor(socket.v6), true)
  message.setUint32(base + at.Control.len, used, true)
  const flags = datagram.flags | (truncated ? MSG_TRUNC : 0) | (controlTruncated ? MSG_CTRUNC : 0)
  message.setUint32(base + at.dwFlags, flags, true)
  return truncated || controlTruncated ? STATUS_BUFFER_OVERFLOW : 0
}

/** Hands queued datagrams to waiting receives, oldest to oldest. */
export const serve = (kernel: Kernel, socket: UdpSocket): void => {
  while (socket.receives.size > 0 && socket.queued > 0) {
    const operation = socket.receives.first!
    const datagram = operation.peek ? socket.peekQueue() : socket.takeQueue()
    finish(kernel, operation, datagram)
  }
}

/** Ends a waiting receive with a datagram, now or as late as a fault wants. */
export const finish = (kernel: Kernel, operation: Operation, datagram: Datagram): void => {
  operation.datagram = datagram
  if (operation.late > 0) kernel.finishLater(operation)
  else complete(kernel, operation)
}

/** Ends a receive with the datagram that it holds. */
export const complete = (kernel: Kernel, operation: Operation): void => {
  const datagram = operation.datagram!
  operation.datagram = undefined
  kernel.guard.completing(operation)
  let status: number
  try {
    status = fill(kernel, operation, datagram)
  } catch (error) {
    if (!(error instanceof AccessViolation)) throw error
    status = STATUS_ACCESS_VIOLATION
    operation.bytes = 0
  }
  kernel.complete(operation, status, operation.bytes)
}
