/**
 * The life of a socket: made, bound, connected, shut down, cancelled, closed.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SD_BOTH,
  SD_RECEIVE,
  SD_SEND,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { STATUS_CANCELLED } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Accepting from "./Accepting.ts"
import * as Addresses from "./Addresses.ts"
import * as Bindings from "./Bindings.ts"
import * as Connecting from "./Connecting.ts"
import * as Disconnecting from "./Disconnecting.ts"
import type { Faults } from "./Faults.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import type { Operation, OperationKind, OperationList } from "./Operation.ts"
import { Raw } from "./Raw.ts"
import * as Send from "./Send.ts"
import * as TcpReceive from "./TcpReceive.ts"
import * as TcpSend from "./TcpSend.ts"
import { TcpSocket } from "./TcpSocket.ts"
import { UdpSocket } from "./UdpSocket.ts"
import * as Unix from "./Unix.ts"
import { UnixSocket } from "./UnixSocket.ts"
import * as Unsupported from "./Unsupported.ts"

// OVERLAPPED, the multipoint flags, ACCESS_SYSTEM_SECURITY, NO_HANDLE_INHERIT, REGISTERED_IO
const knownFlags = 0x1ff

export const WSASocketW = (
  kernel: Kernel,
  family: number,
  type: number,
  protocol: number,
  protocolInfo: number,
  _group: number,
  flags: number
): number => {
  if (kernel.started === 0) return kernel.fail(sdk.WSANOTINITIALISED)
  if (protocolInfo !== 0) return kernel.fail(Unsupported.codes.protocolInfo)
  if (family === AF_UNIX && kernel.settings.unixSockets) return unixSocket(kernel, type, protocol, flags)
  if (family !== AF_INET && family !== AF_INET6) return kernel.fail(sdk.WSAEAFNOSUPPORT)
  if (type !== SOCK_DGRAM && type !== SOCK_STREAM && type !== SOCK_RAW) return kernel.fail(sdk.WSAESOCKTNOSUPPORT)
  const own = type === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP
  const known = type === SOCK_RAW ? protocol >= 0 && protocol <= IPPROTO_RAW : protocol === 0 || protocol === own
  if (!known) return kernel.fail(sdk.WSAEPROTONOSUPPORT)
  if (type === SOCK_RAW && !kernel.machine.administrator) return kernel.fail(sdk.WSAEACCES)
  if ((flags & ~knownFlags) !== 0) return kernel.fail(sdk.WSAEINVAL)
  const overlapped = (flags & WSA_FLAG_OVERLAPPED) !== 0
  const v6 = family === AF_INET6
  const socket = type === SOCK_STREAM ? new TcpSocket(kernel, v6, overlapped) : new UdpSocket(kernel, v6, overlapped)
  if (type === SOCK_RAW) socket.raw = new Raw(protocol)
  socket.number = kernel.handles.add(socket)
  return socket.number
}

// streams only
const unixSocket = (kernel: Kernel, type: number, protocol: number, flags: number): number => {
  if (type !== SOCK_STREAM) return kernel.fail(sdk.WSAESOCKTNOSUPPORT)
  if (protocol !== 0) return kernel.fail(sdk.WSAEPROTONOSUPPORT)
  if ((flags & ~knownFlags) !== 0) return kernel.fail(sdk.WSAEINVAL)
  const socket = new UnixSocket(kernel, (flags & WSA_FLAG_OVERLAPPED) !== 0)
  socket.number = kernel.handles.add(socket)
  return socket.number
}

export const bind = (kernel: Kernel, s: number, name: number, length: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket instanceof UnixSocket) return Unix.bind(kernel, socket, name, length)
  const at = Addresses.read(kernel, socket.v6, name, length)
  if (at === undefined) return 0
  const taken = socket.protocol === "TCP" && (socket.connection !== undefined || socket.accepting)
  if (socket.localPort !== 0 || taken) return kernel.fail(sdk.WSAEINVAL)
  if (!Bindings.isOwn(kernel, socket, at.ip)) return kernel.fail(sdk.WSAEADDRNOTAVAIL)
  Bindings.bindTo(kernel, socket, at.ip, at.port, at.scope)
  return 0
}

export const connect = (kernel: Kernel, s: number, name: number, length: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "TCP") return Connecting.connect(kernel, socket, name, length)
  if (name !== 0 && length >= 2 && kernel.memory.u16(name) === AF_UNSPEC) {
    socket.peer = undefined
    socket.peerPort = 0
    return 0
  }
  const to = Addresses.read(kernel, socket.v6, name, length)
  if (to === undefined) return 0
  // a peer has an address and a port; the unspecified address means disconnecting, as AF_UNSPEC does
  if (to.ip.isAny) {
    socket.peer = undefined
    socket.peerPort = 0
    return 0
  }
  if ((to.port === 0 && socket.raw === undefined) || (to.ip.isV4 && socket.v6 && !socket.dual))
    return kernel.fail(sdk.WSAEADDRNOTAVAIL)
  if (Machine.isBroadcast(kernel.machine, to.ip)) return kernel.fail(sdk.WSAEACCES)
  const via = Machine.route(kernel.machine, to.ip, to.scope)
  const source = via === undefined ? undefined : Machine.sourceFor(kernel.machine, via, to.ip)
  if (source === undefined) return kernel.fail(sdk.WSAENETUNREACH)
  if (socket.localPort === 0 && !Bindings.bindImplicitly(kernel, socket)) return 0
  if (socket.local.isAny) socket.local = source
  socket.peer = to.ip
  socket.peerPort = to.port
  socket.peerScope = to.scope
  return 0
}

export const shutdown = (kernel: Kernel, s: number, how: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (how !== SD_RECEIVE && how !== SD_SEND && how !== SD_BOTH) return kernel.fail(sdk.WSAEINVAL)
  if (socket.protocol === "TCP") return Disconnecting.shutdown(kernel, socket, how)
  if (socket.peer === undefined) return kernel.fail(sdk.WSAENOTCONN)
  if (how !== SD_SEND) socket.noReceive = true
  if (how !== SD_RECEIVE) socket.noSend = true
  return 0
}

export const getsockname = (kernel: Kernel, s: number, name: number, lengthAt: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.localPort === 0) return kernel.fail(sdk.WSAEINVAL)
  if (socket instanceof UnixSocket) return Unix.report(kernel, name, lengthAt, socket.path)
  const { local, localPort, localScope, v6 } = socket
  return Addresses.report(kernel, v6, name, lengthAt, local, Math.max(localPort, 0), localScope)
}

export const getpeername = (kernel: Kernel, s: number, name: number, lengthAt: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.peer === undefined) return kernel.fail(sdk.WSAENOTCONN)
  if (socket instanceof UnixSocket) return Unix.report(kernel, name, lengthAt, socket.peerPath)
  return Addresses.report(kernel, socket.v6, name, lengthAt, socket.peer, socket.peerPort, socket.peerScope)
}

/** Closes: the number is free at once, pending operations end, what was not received is gone. */
export const close = (kernel: Kernel, socket: AnySocket): void => {
  kernel.handles.remove(socket)
  for (const operation of pendingOf(kernel, socket)) operation.thread?.closed()
  kernel.faults.closing(socket)
  if (socket.protocol === "TCP") return Disconnecting.close(kernel, socket)
  if (socket.localPort !== 0) Bindings.unbind(kernel, socket)
  socket.discardQueue()
  for (const list of lists(socket)) {
    while (list.first !== undefined) kernel.end(list.first, kernel.settings.closeStatus ?? STATUS_CANCELLED)
  }
}

const lists = (socket: AnySocket): ReadonlyArray<OperationList> => {
  const own = [socket.receives, socket.sends, socket.controls]
  if (socket.protocol === "UDP" || socket.listening === undefined) return own
  return [...own, socket.listening.accepts, socket.listening.waiting]
}

export const closesocket = (kernel: Kernel, s: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "TCP" && Disconnecting.lingers(socket)) {
    // the socket stays open, and nothing has begun to end
    if (socket.nonBlocking) return kernel.fail(sdk.WSAEWOULDBLOCK)
    kernel.guard.violation("WouldWait", "closesocket lingers, and was made on the JS thread")
  }
  close(kernel, socket)
  return 0
}

export const WSASendDisconnect = (kernel: Kernel, s: number): number => shutdown(kernel, s, SD_SEND)

// --- cancelling ---

type Cancel = (kernel: Kernel, operation: Operation) => void

const end: Cancel = (kernel, operation) => kernel.end(operation, STATUS_CANCELLED)

const cancels: { readonly [P in "UDP" | "TCP"]: { readonly [K in OperationKind]: Cancel } } = {
  UDP: { receive: end, send: Send.cancel, ioctl: end, accept: end, connect: end, disconnect: end },
  TCP: {
    receive: TcpReceive.cancel,
    send: TcpSend.cancel,
    ioctl: end,
    accept: Accepting.cancel,
    connect: Connecting.cancel,
    disconnect: end
  }
}

const endCancelled: Cancel = (kernel, operation) =>
  kernel.faults.isKept(operation)
    ? end(kernel, operation)
    : cancels[operation.socket.protocol][operation.kind](kernel, operation)

const takeHold: Cancel = (kernel, operation) => {
  if (operation.state === "cancelling") endCancelled(kernel, operation)
}

/** A cancellation under way: a datagram that comes first still completes the operation. */
class Cancellation {
  readonly kernel: Kernel
  readonly operation: Operation
  private turns: number
  constructor(kernel: Kernel, operation: Operation) {
    this.kernel = kernel
    this.operation = operation
    this.turns = kernel.settings.cancellation === "seeded" ? kernel.random.below(3) : 0
  }
  run(): void {
    if (this.turns-- > 0) this.kernel.turns.post(this)
    else takeHold(this.kernel, this.operation)
  }
}

/** Ends an operation as aborted, whoever asked for it; one that is completing completes. */
export const abort = (kernel: Kernel, operation: Operation): void => {
  if (operation.state === "pending" || operation.state === "cancelling") endCancelled(kernel, operation)
}

const cancel = (kernel: Kernel, operation: Operation, fault: Faults["cancelling"]): void => {
  // once asked is asked; one that is completing completes
  if (operation.state !== "pending") return
  if (fault?.ignored === true) return
  // a driver that hangs: it has heard, and answers nothing any more
  if (fault?.never !== undefined) {
    operation.list?.remove(operation)
    operation.never = fault.never
    operation.state = "cancelling"
    return kernel.faults.keep(operation)
  }
  if (fault !== undefined) {
    operation.state = "cancelling"
    return kernel.turns.later(fault.late, () => takeHold(kernel, operation))
  }
  if (kernel.flip(kernel.settings.cancellation, "deferred")) {
    operation.state = "cancelling"
    kernel.turns.post(new Cancellation(kernel, operation))
  } else {
    endCancelled(kernel, operation)
  }
}

// what waits, in posting order; also what is completing, which is still there to be found
const pendingOf = (kernel: Kernel, socket: AnySocket): Array<Operation> => {
  const found: Array<Operation> = []
  for (const list of lists(socket)) {
    for (let operation = list.first; operation !== undefined; operation = operation.next) found.push(operation)
  }
  for (const operation of kernel.guard.pending.values()) {
    if (operation.socket === socket && operation.list === undefined) found.push(operation)
  }
  return found
}

const file = (kernel: Kernel, handle: number): AnySocket | undefined => {
  const object = kernel.handles.get(handle)
  if (object !== undefined && object.type === "socket") return object
  if (object === undefined) kernel.dead(handle)
  kernel.fail(sdk.WSA_INVALID_HANDLE)
  return undefined
}

const cancelAll = (kernel: Kernel, list: OperationList, fault: Faults["cancelling"]): void => {
  let operation = list.first
  while (operation !== undefined) {
    const { next } = operation
    cancel(kernel, operation, fault)
    operation = next
  }
}

export const CancelIoEx = (kernel: Kernel, handle: number, overlapped: number): number => {
  const socket = file(kernel, handle)
  if (socket === undefined) return 0
  if (!kernel.settings.cancelIoEx) return kernel.fail(sdk.ERROR_INVALID_FUNCTION)
  const fault = kernel.faults.cancelling
  if (overlapped !== 0) {
    const operation = kernel.guard.pending.get(overlapped)
    if (operation === undefined || operation.socket !== socket) return kernel.fail(sdk.ERROR_NOT_FOUND)
    // Windows cancels all receives of a stream with one
    if (socket.protocol === "TCP" && operation.list === socket.receives) cancelAll(kernel, socket.receives, fault)
    else cancel(kernel, operation, fault)
    return 1
  }
  const pending = pendingOf(kernel, socket)
  if (pending.length === 0) return kernel.fail(sdk.ERROR_NOT_FOUND)
  for (const operation of pending) cancel(kernel, operation, fault)
  return 1
}

/** Cancels what this thread began, which is everything here; having nothing to cancel is no failure. */
export const CancelIo = (kernel: Kernel, handle: number): number => {
  const socket = file(kernel, handle)
  if (socket === undefined) return 0
  const fault = kernel.faults.cancelling
  for (const operation of pendingOf(kernel, socket)) cancel(kernel, operation, fault)
  return 1
}
