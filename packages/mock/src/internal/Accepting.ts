/**
 * listen, accept, AcceptEx and what its output buffer says.
 */
import { SOMAXCONN } from "@effect-winsock/schema/Flags"
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_BUFFER_TOO_SMALL,
  STATUS_CANCELLED,
  STATUS_CONNECTION_ABORTED,
  STATUS_CONNECTION_RESET
} from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Connection } from "./Connection.ts"
import * as KeepAlive from "./KeepAlive.ts"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation, type MockMemory } from "./Memory.ts"
import { Operation } from "./Operation.ts"
import type { Socket } from "./Socket.ts"
import * as Tcp from "./Tcp.ts"
import { take } from "./TcpReceive.ts"
import { Listening, TcpSocket } from "./TcpSocket.ts"
import * as Unix from "./Unix.ts"
import { UnixSocket } from "./UnixSocket.ts"

// what a queue can be made to hold: plainly, and by SOMAXCONN or SOMAXCONN_HINT
const plainLimit = 200
const hintedLimit = 65_535

const limitOf = (backlog: number): number => {
  if (backlog === SOMAXCONN) return hintedLimit
  if (backlog < 0) return Math.max(plainLimit, Math.min(-backlog, hintedLimit))
  return Math.max(1, Math.min(backlog, plainLimit))
}

export const listen = (kernel: Kernel, s: number, backlog: number): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (socket.protocol === "UDP") return kernel.fail(sdk.WSAEOPNOTSUPP)
  if (socket.connection !== undefined || socket.accepting) return kernel.fail(sdk.WSAEISCONN)
  if (socket.localPort === 0) return kernel.fail(sdk.WSAEINVAL)
  const limit = limitOf(backlog)
  if (socket.listening === undefined) socket.listening = new Listening(limit)
  else socket.listening.limit = limit
  return 0
}

const listener = (kernel: Kernel, s: number, otherwise: number): TcpSocket | undefined => {
  const socket = kernel.socket(s)
  if (socket === undefined) return undefined
  if (socket.protocol === "UDP") kernel.error = otherwise
  else if (socket.listening === undefined) kernel.error = sdk.WSAEINVAL
  else return socket
  return undefined
}

const nextOf = (listening: Listening): Connection | undefined => listening.backlog.values().next().value

export const accept = (kernel: Kernel, s: number, name: number, lengthAt: number): number => {
  const socket = listener(kernel, s, sdk.WSAEOPNOTSUPP)
  if (socket === undefined) return 0
  const listening = socket.listening!
  const connection = nextOf(listening)
  if (connection === undefined) {
    if (socket.nonBlocking) return kernel.fail(sdk.WSAEWOULDBLOCK)
    if (kernel.thread === undefined) return kernel.wouldWait(sdk.WSAEINTR)
    const operation = kernel.operation("accept", socket)
    operation.name = name
    operation.nameLengthAt = lengthAt
    listening.accepts.add(operation)
    return kernel.block(operation, 0, 0)
  }
  if (name !== 0) {
    if (kernel.memory.i32(lengthAt) < Unix.sizeFor(socket)) return kernel.fail(sdk.WSAEFAULT)
    kernel.memory.locate(name, Unix.sizeFor(socket))
  }
  listening.backlog.delete(connection)
  // the peer reset it before anybody accepted it
  if (connection.failure !== 0) return kernel.fail(sdk.WSAECONNRESET)
  return acceptOf(kernel, socket, connection, name, lengthAt)
}

const acceptOf = (
  kernel: Kernel,
  socket: TcpSocket,
  connection: Connection,
  name: number,
  lengthAt: number
): number => {
  const accepted = socket.isUnix
    ? new UnixSocket(kernel, socket.overlapped)
    : new TcpSocket(kernel, socket.v6, socket.overlapped)
  accepted.nonBlocking = socket.nonBlocking
  inherit(accepted, socket)
  attach(accepted, connection)
  accepted.describe()
  accepted.number = kernel.handles.add(accepted)
  if (name !== 0) {
    Unix.writeEnd(kernel, name, connection, socket.v6, true)
    kernel.memory.setU32(lengthAt, Unix.sizeFor(socket))
  }
  return accepted.number
}

/** Gives a socket the options of the one that listened. */
export const inherit = (accepted: TcpSocket, from: TcpSocket): void => {
  from.ownsOptions = false
  const before = accepted.connection === undefined ? 0 : Tcp.receiveBuffer(accepted.connection)
  accepted.options = from.options
  accepted.ownsOptions = false
  accepted.keepAliveTime = from.keepAliveTime
  accepted.keepAliveInterval = from.keepAliveInterval
  accepted.patience = from.patience
  if (accepted.connection !== undefined) {
    Tcp.resized(accepted.connection, Tcp.receiveBuffer(accepted.connection) - before)
  }
}

const attach = (socket: TcpSocket, connection: Connection): void => {
  const before = Tcp.receiveBuffer(connection)
  socket.connection = connection
  connection.socket = socket
  connection.listener = undefined
  const more = Tcp.receiveBuffer(connection) - before
  if (more !== 0) Tcp.resized(connection, more)
  KeepAlive.watch(connection)
}

// --- AcceptEx ---

class AcceptOperation extends Operation {
  readonly acceptor: TcpSocket
  readonly output: number
  readonly receiveLength: number
  readonly localLength: number
  readonly remoteLength: number
  constructor(
    socket: TcpSocket,
    acceptor: TcpSocket,
    output: number,
    receiveLength: number,
    localLength: number,
    remoteLength: number
  ) {
    super(socket)
    this.kind = "accept"
    this.acceptor = acceptor
    this.output = output
    this.receiveLength = receiveLength
    this.localLength = localLength
    this.remoteLength = remoteLength
    this.addBuffer(output, receiveLength)
  }
  get tooSmall(): boolean {
    const least = Unix.sizeFor(this.socket) + addressOverhead
    return (this.localLength !== 0 && this.localLength < least) || this.remoteLength < least
  }
  override ranges(memory: MockMemory, visit: (what: string, address: number, size: number) => void): void {
    super.ranges(memory, visit)
    visit("addresses", this.output + this.receiveLength, this.localLength + this.remoteLength)
  }
}

// "at least 16 bytes more than the maximum address length"
const addressOverhead = 16
// a TRANSPORT_ADDRESS: count u32, length u16, then the address, which begins with its family
const addressAt = 6

export const AcceptEx = (
  kernel: Kernel,
  listenSocket: number,
  acceptSocket: number,
  output: number,
  receiveLength: number,
  localLength: number,
  remoteLength: number,
  _bytesAt: number,
  overlapped: number
): number => {
  // refused calls have it so too
  kernel.markPending(overlapped)
  const socket = listener(kernel, listenSocket, sdk.WSAEINVAL)
  if (socket === undefined) return 0
  const acceptor = kernel.socket(acceptSocket)
  if (acceptor === undefined) return 0
  if (overlapped === 0) return kernel.fail(sdk.ERROR_INVALID_PARAMETER)
  if (acceptor.protocol === "UDP" || acceptor.listening !== undefined || acceptor.accepting) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  if (acceptor.isUnix !== socket.isUnix) return kernel.fail(sdk.WSAEINVAL)
  if (acceptor.connection !== undefined || (acceptor.localPort !== 0 && !acceptor.reusable)) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  if (output === 0 || remoteLength === 0) return kernel.fail(sdk.WSAEFAULT)
  kernel.memory.locate(output, receiveLength + localLength + remoteLength)
  const operation = new AcceptOperation(socket, acceptor, output, receiveLength, localLength, remoteLength)
  if (!kernel.begin(operation, overlapped, 0)) return 0
  if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  operation.state = "pending"
  acceptor.acceptedBy = operation
  socket.listening!.accepts.add(operation)
  const pending = kernel.pend(operation)
  match(kernel, socket)
  return pending
}

/** Brings waiting AcceptEx operations and waiting connections together. */
const match = (kernel: Kernel, socket: TcpSocket): void => {
  const { accepts, backlog, waiting } = socket.listening!
  while (accepts.size > 0 && backlog.size > 0) {
    if (accepts.first!.thread !== undefined) {
      unblock(kernel, socket, accepts.first!)
      continue
    }
    const operation = accepts.first as AcceptOperation
    const { acceptor } = operation
    // the connection stays for the next
    if (operation.tooSmall) {
      acceptor.acceptedBy = undefined
      kernel.end(operation, STATUS_BUFFER_TOO_SMALL)
      continue
    }
    const connection = nextOf(socket.listening!)!
    backlog.delete(connection)
    if (connection.failure !== 0) {
      acceptor.acceptedBy = undefined
      kernel.end(operation, STATUS_CONNECTION_RESET)
      continue
    }
    attach(acceptor, connection)
    acceptor.reusable = false
    if (operation.receiveLength === 0) finish(kernel, operation)
    else {
      accepts.remove(operation)
      waiting.add(operation)
      advance(kernel, connection)
    }
  }
}

/** Gives the next connection to a thread that waits for one in accept. */
const unblock = (kernel: Kernel, socket: TcpSocket, operation: Operation): void => {
  const { backlog } = socket.listening!
  const connection = nextOf(socket.listening!)!
  backlog.delete(connection)
  if (connection.failure !== 0) return kernel.end(operation, STATUS_CONNECTION_RESET)
  kernel.guard.completing(operation)
  try {
    operation.result = acceptOf(kernel, socket, connection, operation.name, operation.nameLengthAt)
  } catch (error) {
    if (!(error instanceof AccessViolation)) throw error
    kernel.complete(operation, STATUS_ACCESS_VIOLATION, 0)
    return
  }
  kernel.complete(operation, 0, 0)
}

/** An accepted connection has its first data, or will never have any. */
export const advance = (kernel: Kernel, connection: Connection): void => {
  const operation = connection.socket!.acceptedBy as AcceptOperation
  if (connection.queuedBytes > 0 || connection.ended) finish(kernel, operation)
}

const finish = (kernel: Kernel, operation: AcceptOperation): void => {
  const connection = operation.acceptor.connection!
  operation.acceptor.acceptedBy = undefined
  kernel.guard.completing(operation)
  let taken = 0
  try {
    if (operation.receiveLength > 0) taken = take(kernel, connection, operation)
    const at = operation.output + operation.receiveLength
    if (operation.localLength > 0) writeAddress(kernel, at, operation.socket, connection, false)
    writeAddress(kernel, at + operation.localLength, operation.socket, connection, true)
  } catch (error) {
    if (!(error instanceof AccessViolation)) throw error
    kernel.complete(operation, STATUS_ACCESS_VIOLATION, 0)
    return
  }
  operation.bytes = operation.progress
  if (operation.late > 0) {
    kernel.guard.pended(operation)
    kernel.finishLater(operation)
  } else kernel.complete(operation, 0, operation.bytes)
  Tcp.consumed(connection, taken)
}

const writeAddress = (kernel: Kernel, at: number, socket: Socket, connection: Connection, peer: boolean): void => {
  const view = kernel.memory.locate(at, addressAt)
  view.setUint32(kernel.memory.at, 1, true)
  // without the family
  view.setUint16(kernel.memory.at + 4, Unix.sizeFor(socket) - 2, true)
  Unix.writeEnd(kernel, at + addressAt, connection, socket.v6, peer)
}

/** A connection that AcceptEx has, and that waits for data, broke. */
export const failed = (kernel: Kernel, operation: Operation, status: number): void => {
  const { acceptor } = operation as AcceptOperation
  acceptor.acceptedBy = undefined
  acceptor.connection = undefined
  if (operation.state === "pending" || operation.state === "cancelling") kernel.end(operation, status)
}

export const cancel = (kernel: Kernel, operation: Operation): void => {
  if (operation.thread !== undefined) return kernel.end(operation, STATUS_CANCELLED)
  const { connection } = (operation as AcceptOperation).acceptor
  failed(kernel, operation, STATUS_CANCELLED)
  if (connection !== undefined) {
    connection.socket = undefined
    Tcp.abort(connection, STATUS_CONNECTION_ABORTED)
  }
}

/** A handshake is over. */
export const arrived = (socket: TcpSocket, connection: Connection): void => {
  const { listening } = socket
  if (listening === undefined || socket.handle === 0) return Tcp.abort(connection, STATUS_CONNECTION_ABORTED)
  listening.backlog.add(connection)
  match(socket.kernel, socket)
}

/** The listening socket is closed: its connections are reset. */
export const close = (kernel: Kernel, socket: TcpSocket): void => {
  const { accepts, backlog, waiting } = socket.listening!
  for (const list of [accepts, waiting]) {
    while (list.first !== undefined) cancel(kernel, list.first)
  }
  for (const connection of backlog) {
    connection.listener = undefined
    if (connection.failure === 0) Tcp.abort(connection, STATUS_CONNECTION_ABORTED)
  }
  backlog.clear()
}

export const GetAcceptExSockaddrs = (
  kernel: Kernel,
  output: number,
  receiveLength: number,
  localLength: number,
  remoteLength: number,
  local: number,
  localLengthAt: number,
  remote: number,
  remoteLengthAt: number
): number => {
  const { memory } = kernel
  const tell = (at: number, pointerAt: number, lengthAt: number): void => {
    memory.setPointer(pointerAt, at + addressAt)
    memory.setU32(lengthAt, memory.u16(at + 4) + 2)
  }
  const at = output + receiveLength
  // without room for it nothing is said of the local address
  if (localLength > 0) tell(at, local, localLengthAt)
  if (remoteLength > 0) tell(at + localLength, remote, remoteLengthAt)
  return 0
}
