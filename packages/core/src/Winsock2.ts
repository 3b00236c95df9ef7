/**
 * Windows Sockets call by call, for those who know them: every function under its own name as an Effect, over a `Socket`
 * that is an object and never a number. `UdpSocket`, `TcpSocket` and `TcpServer` are made of the same pieces, and do much
 * more by themselves: order, fairness, line-up of sends, no lost message.
 *
 * **Details**
 *
 * Calls that move data have three forms, as the pages have them:
 *
 * - overlapped, on a socket with that attribute unless `overlapped: false` is given: the effect ends when the operation
 *   has. Interrupting it cancels exactly that operation (`CancelIoEx`) and ends when the kernel has given it back.
 * - begun (`begin`): an `Overlapped` in a scope, which can be waited for any number of times, polled and cancelled, and
 *   may signal an event object.
 * - not overlapped: they answer at once, by `WouldBlock` where they would wait. No call waits on the JS thread.
 *
 * What an interruption cannot undo counts: a send that completed all the same was sent. Bytes of an overlapped receive that was
 * interrupted too late have nobody to go to: they are counted in `Statistics.discarded`. `begin` the receive where they matter:
 * interrupting a wait for its result takes nothing along.
 *
 * Every function needs the layer that made its socket, and fails with `InvalidArgument` for an argument out of range, for
 * whatever is no `Socket` of this layer, and for an overlapped call on a socket without that attribute; with `SocketClosed`
 * after the socket was closed, and else by the reasons of its own page. A layer belongs to one thread, for Windows cancels the
 * operations of a thread that ends: a `Socket` cannot be posted to another (structured clone refuses it), nothing else
 * names a SOCKET, and a call on another thread than the layer's (`GetCurrentThreadId`) is refused.
 *
 * Sources: the pages of the functions on learn.microsoft.com.
 *
 * @since 0.1.0
 */
import type { ControlIssue, ControlMessage } from "@effect-winsock/schema/ControlMessage"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as EventObject from "./EventObject.ts"
import type { Live } from "./internal/liveSocket.ts"
import { setting } from "./internal/eventObject.ts"
import type { Payload } from "./internal/payload.ts"
import * as calls from "./internal/winsock2Calls.ts"
import * as forms from "./internal/winsock2Forms.ts"
import type { TypeId as FileTypeId } from "./internal/winsock2File.ts"
import { createFile } from "./internal/winsock2File.ts"
import type { TypeId as OverlappedTypeId } from "./internal/winsock2Overlapped.ts"
import type { CallSocket, TypeId } from "./internal/winsock2Socket.ts"
import { close, endpointFor } from "./internal/winsock2Socket.ts"
import type { Completion } from "./Winsock.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"
import { isWinsockError } from "./WinsockError.ts"

// --- models ---

/**
 * A socket: an object of the library's own, of one layer and for its thread. SOCKET numbers are used again at once;
 * `generation` is not: it counts the sockets that the layer has made here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Socket extends Live {
  readonly [TypeId]: typeof TypeId
  readonly generation: number
  /** What `WSASocket` was given. */
  readonly family: number
  readonly type: number
  readonly protocol: number
  /** Whether it has the overlapped attribute. */
  readonly overlapped: boolean
}

/**
 * A socket address: one of Effect's, or one as Windows writes it, with flow information or of a family of one's own.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = NetAddress.SocketAddress | SockAddr

/**
 * What a socket is made with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketOptions {
  /**
   * `WSA_FLAG_OVERLAPPED`. Without it only the forms that answer at once are there.
   *
   * @default true
   */
  readonly overlapped?: boolean | undefined
  /**
   * How its overlapped calls complete: by the layer's port, by an event each, or by completion routines. By routine,
   * `begin` takes no event and `WSAGetOverlappedResult` does not wait, as the pages say; AcceptEx, ConnectEx, DisconnectEx
   * and TransmitFile take no routine, and complete by events then. Sockets that it accepts complete in the same way.
   *
   * @default the layer's
   */
  readonly completion?: Completion | undefined
}

/**
 * What a receive is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiveOptions {
  /** The lengths of the buffers in bytes, 1 to 1024 of them, 2^30 bytes together at most. Each is filled before the next. */
  readonly buffers: ReadonlyArray<number>
  /**
   * `MSG_*` flags that the call takes (`Flags.messageFlags`).
   *
   * @default 0
   */
  readonly flags?: number | undefined
  /**
   * Whether the call is overlapped. `false` is `lpOverlapped` `NULL`: the call answers at once.
   *
   * @default what the socket is
   */
  readonly overlapped?: boolean | undefined
}

/**
 * What `WSARecvMsg` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiveMsgOptions extends ReceiveOptions {
  /**
   * How many bytes of control data it takes, 0 to 65,536 (`ControlMessage.encodedLength` says how many some messages need).
   *
   * @default 0
   */
  readonly control?: number | undefined
}

/**
 * What was received.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  /** How many bytes; 0 on a stream is its end. */
  readonly bytes: number
  /** The bytes, as they lie in the buffers; a buffer that is not full is as short as what is in it. */
  readonly buffers: ReadonlyArray<Uint8Array>
  /** The flags that the call gave: `Flags.messageFlagsOf` has their names. */
  readonly flags: number
  /** Whether the message was larger than the buffers (`WSAEMSGSIZE`): its end is lost. */
  readonly truncated: boolean
}

/**
 * What was received, and from where.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceivedFrom extends Received {
  /** The sender; `undefined` where none was told, as on a stream. */
  readonly name: SockAddr | SockAddrIssue | undefined
}

/**
 * What `WSARecvMsg` received. Its `flags` are those of the `WSAMSG`: `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_BCAST`, `MSG_MCAST`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceivedMsg extends ReceivedFrom {
  /** The control messages, in their order, or the issue with malformed ones. */
  readonly control: ReadonlyArray<ControlMessage> | ControlIssue
  /** Whether there was more control data than room for it. */
  readonly controlTruncated: boolean
}

/**
 * What a send is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** Bytes, or 1 to 1024 pieces that are gathered, 2^30 bytes together at most. They are copied. */
  readonly buffers: Payload
  /**
   * `MSG_*` flags that the call takes (`Flags.messageFlags`).
   *
   * @default 0
   */
  readonly flags?: number | undefined
  /**
   * Whether the call is overlapped. `false` is `lpOverlapped` `NULL`: the call answers at once.
   *
   * @default what the socket is
   */
  readonly overlapped?: boolean | undefined
}

/**
 * What `WSASendTo` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendToOptions extends SendOptions {
  /** Where to; the peer that the socket is connected to without one. A stream ignores it. */
  readonly name?: Name | undefined
}

/**
 * What `WSASendMsg` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendMsgOptions extends SendToOptions {
  /** Control messages. */
  readonly control?: ReadonlyArray<ControlMessage> | undefined
}

/**
 * What `ConnectEx` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectExOptions {
  readonly name: Name
  /** What is sent with the connection, 1 MiB at most. */
  readonly data?: Payload | undefined
}

/**
 * What `AcceptEx` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface AcceptExOptions {
  /** The socket that becomes the connection: neither bound nor connected. */
  readonly acceptSocket: Socket
  /**
   * How many bytes of the connection's first data are waited for and received, 0 to 1 MiB. With 0 the accept is complete as
   * soon as there is a connection.
   *
   * @default 0
   */
  readonly receiveDataLength?: number | undefined
}

/**
 * What `AcceptEx` gives.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  /** The first data. */
  readonly bytes: Uint8Array
  readonly local: SockAddr | SockAddrIssue | undefined
  readonly remote: SockAddr | SockAddrIssue | undefined
}

/**
 * What `DisconnectEx` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectExOptions {
  /** 0, or `TF_REUSE_SOCKET`: the socket may be given to `ConnectEx` or `AcceptEx` again. */
  readonly flags?: number | undefined
}

/**
 * A file that was opened for `TransmitFile`.
 *
 * @category models
 * @since 0.1.0
 */
export interface File {
  readonly [FileTypeId]: typeof FileTypeId
  readonly path: string
}

/**
 * What `TransmitFile` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransmitFileOptions {
  /** The file; without one only `head` and `tail` are sent. */
  readonly file?: File | undefined
  /** Where in the file to begin, in bytes. */
  readonly offset?: number | undefined
  /** How many bytes of the file, 2^31 - 2 at most; 0 is all of them, from `offset` on. */
  readonly length?: number | undefined
  /** What is sent before and after it, 1 MiB each at most. */
  readonly head?: Payload | undefined
  readonly tail?: Payload | undefined
  /** The size of the blocks, in bytes; 0 leaves it to the system. */
  readonly bytesPerSend?: number | undefined
  /** `TF_*` flags. */
  readonly flags?: number | undefined
}

/**
 * What `WSAIoctl` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface IoctlOptions {
  /** The code, `SIO_*`. `FIONBIO` is for `ioctlsocket`. */
  readonly code: number
  /** What it takes, 1 MiB at most. */
  readonly input?: Payload | undefined
  /** How many bytes it may give, 1 MiB at most. */
  readonly outputLength?: number | undefined
  /**
   * Whether the call is overlapped.
   *
   * @default what the socket is
   */
  readonly overlapped?: boolean | undefined
}

/**
 * The calls that can be overlapped, each with what it is given and what it gives.
 *
 * @category models
 * @since 0.1.0
 */
export interface OverlappedCalls {
  readonly WSARecv: (options: ReceiveOptions) => Received
  readonly WSARecvFrom: (options: ReceiveOptions) => ReceivedFrom
  readonly WSARecvMsg: (options: ReceiveMsgOptions) => ReceivedMsg
  readonly WSASend: (options: SendOptions) => number
  readonly WSASendTo: (options: SendToOptions) => number
  readonly WSASendMsg: (options: SendMsgOptions) => number
  readonly ConnectEx: (options: ConnectExOptions) => number
  readonly AcceptEx: (options: AcceptExOptions) => Accepted
  readonly DisconnectEx: (options: DisconnectExOptions) => void
  readonly TransmitFile: (options: TransmitFileOptions) => number
  readonly WSAIoctl: (options: IoctlOptions) => Uint8Array
}

/**
 * An overlapped call that was begun. Closing its scope cancels it, when it has not ended, and waits for its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overlapped<out A> {
  readonly [OverlappedTypeId]: typeof OverlappedTypeId
  /** The name of its call. */
  readonly name: string
  /**
   * Waits for its end and gives its outcome, as often as it is asked for. Interrupting the wait leaves the operation alone.
   *
   * Fails by the reasons of its call, with `OperationAborted` when it was cancelled or its socket closed.
   */
  readonly result: Effect.Effect<A, WinsockError>
}

// --- sockets ---

const using = <A, R = never>(
  name: string,
  socket: Socket,
  call: (endpoint: CallSocket) => Effect.Effect<A, WinsockError, R>
): Effect.Effect<A, WinsockError, Winsock | R> =>
  Effect.flatMap(Winsock, (winsock) => {
    const endpoint = endpointFor(winsock[EngineKey], name, socket)
    return isWinsockError(endpoint) ? Effect.fail(endpoint) : call(endpoint)
  })

/**
 * Makes a socket (`WSASocketW`): `AF_INET` or `AF_INET6`, `SOCK_DGRAM` or `SOCK_STREAM`, and others where the provider has
 * them. It is not inherited by child processes, and no call on it waits. Closing the scope cancels what is pending, waits
 * for it and closes the socket, without a lingering end: `shutdown` first where one matters.
 *
 * Fails with `NotSupported` for what the provider does not have, with `PermissionDenied` for raw sockets without the right,
 * with `TooManySockets`, `NoBufferSpace`, `OutOfMemory`.
 *
 * **Example** (A datagram, call by call)
 *
 * ```ts
 * import { Winsock2 } from "@effect-winsock/core"
 * import { AF_INET, IPPROTO_UDP, SOCK_DGRAM } from "@effect-winsock/schema/Flags"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const roundTrip = Effect.gen(function*() {
 *   const socket = yield* Winsock2.WSASocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)
 *   yield* Winsock2.bind(socket, NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 0))
 *   const name = yield* Winsock2.getsockname(socket)
 *   yield* Winsock2.WSASendTo(socket, { buffers: [Uint8Array.of(1, 2), Uint8Array.of(3)], name })
 *   const { buffers } = yield* Winsock2.WSARecvFrom(socket, { buffers: [1, 64] })
 *   return buffers // [1] and [2, 3]
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category sockets
 * @since 0.1.0
 */
export const WSASocket = (
  family: number,
  type: number,
  protocol: number,
  options: SocketOptions = {}
): Effect.Effect<Socket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => calls.WSASocket(winsock[EngineKey], family, type, protocol, options))

/**
 * Closes a socket before its scope does: cancels what is pending, waits for it, and calls `closesocket`. What waits for a
 * result fails with `OperationAborted`, whatever comes later with `SocketClosed`.
 *
 * @category sockets
 * @since 0.1.0
 */
export const closesocket = (socket: Socket): Effect.Effect<void, WinsockError, Winsock> =>
  using("closesocket", socket, () => close(socket))

/**
 * Gives a socket its local address. Fails with `AddressInUse`, `AddressNotAvailable`, `PermissionDenied`, `InvalidCall` for one
 * that has an address.
 *
 * @category sockets
 * @since 0.1.0
 */
export const bind = (socket: Socket, name: Name): Effect.Effect<void, WinsockError, Winsock> =>
  using("bind", socket, (endpoint) => calls.bind(endpoint, name))

/**
 * Sets the peer of a datagram socket, or takes it back (`undefined`). On a stream it begins a connection and fails with
 * `WouldBlock`: what comes of it is not told, so use `ConnectEx`.
 *
 * @category connections
 * @since 0.1.0
 */
export const connect = (socket: Socket, name: Name | undefined): Effect.Effect<void, WinsockError, Winsock> =>
  using("connect", socket, (endpoint) => calls.connect(endpoint, "connect", name))

/**
 * As `connect`: TCP/IP knows none of the data and qualities of service that `WSAConnect` could give beyond it.
 *
 * @category connections
 * @since 0.1.0
 */
export const WSAConnect = (socket: Socket, name: Name | undefined): Effect.Effect<void, WinsockError, Winsock> =>
  using("WSAConnect", socket, (endpoint) => calls.connect(endpoint, "WSAConnect", name))

/**
 * Connects a bound stream socket, overlapped; gives how many bytes of `data` went along. `setsockopt` with
 * `SO_UPDATE_CONNECT_CONTEXT` (and no bytes) must follow before `shutdown` or `getpeername`. An interruption cancels the attempt; the
 * socket stays the scope's, connected or not.
 *
 * Fails with `ConnectionRefused`, `TimedOut`, `NetworkUnreachable`, `HostUnreachable`, `AlreadyConnected`, `InvalidCall` for a socket
 * that is not bound.
 *
 * @category connections
 * @since 0.1.0
 */
export const ConnectEx = (socket: Socket, options: ConnectExOptions): Effect.Effect<number, WinsockError, Winsock> =>
  using("ConnectEx", socket, (endpoint) => forms.overlapped("ConnectEx", endpoint, options))

/**
 * Ends a connection, overlapped: what was sent goes out first. With `TF_REUSE_SOCKET` the socket may be connected again.
 *
 * @category connections
 * @since 0.1.0
 */
export const DisconnectEx = (
  socket: Socket,
  options: DisconnectExOptions = {}
): Effect.Effect<void, WinsockError, Winsock> =>
  using("DisconnectEx", socket, (endpoint) => forms.overlapped("DisconnectEx", endpoint, options))

/**
 * Listens for connections. The backlog may be `SOMAXCONN`, or `SOMAXCONN_HINT(n)`.
 *
 * @category connections
 * @since 0.1.0
 */
export const listen = (socket: Socket, backlog: number): Effect.Effect<void, WinsockError, Winsock> =>
  using("listen", socket, (endpoint) => calls.listen(endpoint, backlog))

/**
 * Takes a connection that is there, as a socket of the scope's with the listener's attributes; `WouldBlock` when there is none.
 *
 * @category connections
 * @since 0.1.0
 */
export const accept = (socket: Socket): Effect.Effect<Socket, WinsockError, Winsock | Scope.Scope> =>
  using("accept", socket, (endpoint) => calls.accept(endpoint))

/**
 * Accepts a connection with a socket made before, overlapped. `setsockopt` with `SO_UPDATE_ACCEPT_CONTEXT` and the listener
 * must follow before `shutdown` or `getpeername`. An interruption cancels it; the `acceptSocket` stays its scope's, and is
 * connected when the accept completed all the same.
 *
 * **Example** (A connection, call by call)
 *
 * ```ts
 * import { Winsock2 } from "@effect-winsock/core"
 * import { IPPROTO_TCP, SOCK_STREAM, SOL_SOCKET } from "@effect-winsock/schema/Flags"
 * import { SO_UPDATE_ACCEPT_CONTEXT } from "@effect-winsock/schema/Options"
 * import { Effect } from "effect"
 *
 * const acceptOne = (listener: Winsock2.Socket) =>
 *   Effect.gen(function*() {
 *     const acceptSocket = yield* Winsock2.WSASocket(listener.family, SOCK_STREAM, IPPROTO_TCP)
 *     const { remote } = yield* Winsock2.AcceptEx(listener, { acceptSocket })
 *     yield* Winsock2.setsockopt(acceptSocket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, listener)
 *     return { acceptSocket, remote }
 *   })
 * ```
 *
 * @category connections
 * @since 0.1.0
 */
export const AcceptEx = (socket: Socket, options: AcceptExOptions): Effect.Effect<Accepted, WinsockError, Winsock> =>
  using("AcceptEx", socket, (endpoint) => forms.overlapped("AcceptEx", endpoint, options))

/**
 * Ends one side of a connection, or both: `SD_RECEIVE`, `SD_SEND`, `SD_BOTH`.
 *
 * @category connections
 * @since 0.1.0
 */
export const shutdown = (socket: Socket, how: number): Effect.Effect<void, WinsockError, Winsock> =>
  using("shutdown", socket, (endpoint) => calls.shutdown(endpoint, how))

/**
 * Ends the sending side, as `shutdown` with `SD_SEND`: TCP/IP has no disconnect data.
 *
 * @category connections
 * @since 0.1.0
 */
export const WSASendDisconnect = (socket: Socket): Effect.Effect<void, WinsockError, Winsock> =>
  using("WSASendDisconnect", socket, calls.WSASendDisconnect)

/**
 * The local address. Fails with `InvalidCall` for a socket that has none.
 *
 * @category sockets
 * @since 0.1.0
 */
export const getsockname = (socket: Socket): Effect.Effect<SockAddr, WinsockError, Winsock> =>
  using("getsockname", socket, (endpoint) => calls.nameOf(endpoint, "getsockname"))

/**
 * The peer's address. Fails with `NotConnected`.
 *
 * @category sockets
 * @since 0.1.0
 */
export const getpeername = (socket: Socket): Effect.Effect<SockAddr, WinsockError, Winsock> =>
  using("getpeername", socket, (endpoint) => calls.nameOf(endpoint, "getpeername"))

// --- data ---

/**
 * Receives on a connected socket. On a stream cancelling one receive ends all of that socket's on Windows: those of others
 * fail with `OperationAborted`.
 *
 * Fails with `NotSupported` (`WSAEOPNOTSUPP`) for flags that the socket or the form of the call does not take: `MSG_PEEK`
 * overlapped, `MSG_OOB` and `MSG_WAITALL` on other sockets than streams, `MSG_WAITALL` in a call that answers at once.
 *
 * @category data
 * @since 0.1.0
 */
export const WSARecv = (socket: Socket, options: ReceiveOptions): Effect.Effect<Received, WinsockError, Winsock> =>
  using("WSARecv", socket, (endpoint) => forms.either("WSARecv", endpoint, options))

/**
 * Receives with the sender's address. Fails as `WSARecv` does.
 *
 * @category data
 * @since 0.1.0
 */
export const WSARecvFrom = (
  socket: Socket,
  options: ReceiveOptions
): Effect.Effect<ReceivedFrom, WinsockError, Winsock> =>
  using("WSARecvFrom", socket, (endpoint) => forms.either("WSARecvFrom", endpoint, options))

/**
 * Receives a message with its control messages, on sockets of type `SOCK_DGRAM` and `SOCK_RAW` alone. A message larger than
 * its buffers is a success that says so (`truncated`), for the part received is there.
 *
 * Fails with `NotBound` for a socket without an address, and as `WSARecv` does.
 *
 * @category data
 * @since 0.1.0
 */
export const WSARecvMsg = (
  socket: Socket,
  options: ReceiveMsgOptions
): Effect.Effect<ReceivedMsg, WinsockError, Winsock> =>
  using("WSARecvMsg", socket, (endpoint) => forms.either("WSARecvMsg", endpoint, options))

/**
 * Sends on a connected socket; gives how many bytes were sent. On a stream a call that answers at once may send a part, and
 * says how much.
 *
 * Interrupting an overlapped send of a stream may tear it: unless it completed all the same, every later send on that socket
 * fails with `StreamBroken`. Sends that the kernel has already it may still send: begin one at a time where that matters.
 *
 * Fails with `NotSupported` (`WSAEOPNOTSUPP`) for `MSG_OOB` on other sockets than streams.
 *
 * @category data
 * @since 0.1.0
 */
export const WSASend = (socket: Socket, options: SendOptions): Effect.Effect<number, WinsockError, Winsock> =>
  using("WSASend", socket, (endpoint) => forms.either("WSASend", endpoint, options))

/**
 * Sends to an address. As `WSASend` otherwise.
 *
 * @category data
 * @since 0.1.0
 */
export const WSASendTo = (socket: Socket, options: SendToOptions): Effect.Effect<number, WinsockError, Winsock> =>
  using("WSASendTo", socket, (endpoint) => forms.either("WSASendTo", endpoint, options))

/**
 * Sends a message with control messages, on sockets of type `SOCK_DGRAM` and `SOCK_RAW` alone. As `WSASend` otherwise.
 *
 * @category data
 * @since 0.1.0
 */
export const WSASendMsg = (socket: Socket, options: SendMsgOptions): Effect.Effect<number, WinsockError, Winsock> =>
  using("WSASendMsg", socket, (endpoint) => forms.either("WSASendMsg", endpoint, options))

/**
 * Opens a file for `TransmitFile` (`CreateFileW`, off the JS thread). The scope closes it, when no call uses it any more.
 *
 * Fails with `FileNotFound`, `PermissionDenied`, `NoBufferSpace` when too many calls run off the JS thread.
 *
 * @category data
 * @since 0.1.0
 */
export const CreateFile = (path: string): Effect.Effect<File, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => createFile(winsock[EngineKey], path))

/**
 * Sends a file, with bytes before and after it, overlapped; gives how many bytes were sent. An interruption tears the
 * stream as one of `WSASend` does.
 *
 * @category data
 * @since 0.1.0
 */
export const TransmitFile = (
  socket: Socket,
  options: TransmitFileOptions
): Effect.Effect<number, WinsockError, Winsock> =>
  using("TransmitFile", socket, (endpoint) => forms.overlapped("TransmitFile", endpoint, options))

// --- options and ioctls ---

/**
 * Makes an ioctl; gives what it wrote, `outputLength` bytes at most.
 *
 * @category options
 * @since 0.1.0
 */
export const WSAIoctl = (socket: Socket, options: IoctlOptions): Effect.Effect<Uint8Array, WinsockError, Winsock> =>
  using("WSAIoctl", socket, (endpoint) => forms.either("WSAIoctl", endpoint, options))

/**
 * `FIONREAD` (how many bytes can be received), `SIOCATMARK`, and `FIONBIO` with 1 alone: no call may wait on the JS thread.
 * Gives the value that the call wrote, or left.
 *
 * @category options
 * @since 0.1.0
 */
export const ioctlsocket = (socket: Socket, command: number, value = 0): Effect.Effect<number, WinsockError, Winsock> =>
  using("ioctlsocket", socket, (endpoint) => calls.ioctlsocket(endpoint, command, value))

/**
 * The bytes of an option, `length` of them at most (0 to 2048).
 *
 * @category options
 * @since 0.1.0
 */
export const getsockopt = (
  socket: Socket,
  level: number,
  option: number,
  length = 4
): Effect.Effect<Uint8Array, WinsockError, Winsock> =>
  using("getsockopt", socket, (endpoint) => calls.getsockopt(endpoint, level, option, length))

/**
 * Sets the bytes of an option, 2048 at most; none for an option without a value. `SO_UPDATE_ACCEPT_CONTEXT` takes the
 * listening socket. Refuses a `SO_LINGER` with a time, which `closesocket` would wait for.
 *
 * @category options
 * @since 0.1.0
 */
export const setsockopt = (
  socket: Socket,
  level: number,
  option: number,
  value: Uint8Array | Socket
): Effect.Effect<void, WinsockError, Winsock> =>
  using("setsockopt", socket, (endpoint) => calls.setsockopt(endpoint, level, option, value))

// --- overlapped operations ---

/**
 * Begins an overlapped call, and does not wait for it. The call belongs to the scope: closing that before its end cancels
 * it and waits for its end. What it received and nobody took is counted in `Statistics.discarded` then.
 *
 * With `hEvent` the event is reset, and signalled when the operation has ended; the completion port gets no packet. An event is
 * for one operation at a time.
 *
 * **Example** (Waiting with a time limit that loses nothing)
 *
 * ```ts
 * import { Winsock2 } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const patient = (socket: Winsock2.Socket) =>
 *   Effect.gen(function*() {
 *     const receive = yield* Winsock2.begin("WSARecv", socket, { buffers: [1500] })
 *     const soon = yield* Effect.timeoutOption(receive.result, "1 second")
 *     if (soon._tag === "Some") return soon.value
 *     console.log("still waiting")
 *     return yield* receive.result
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category overlapped
 * @since 0.1.0
 */
export const begin = <K extends keyof OverlappedCalls>(
  name: K,
  socket: Socket,
  options: Parameters<OverlappedCalls[K]>[0],
  hEvent?: EventObject.EventObject
): Effect.Effect<Overlapped<ReturnType<OverlappedCalls[K]>>, WinsockError, Winsock | Scope.Scope> =>
  using(name, socket, (endpoint) => forms.begin(name, endpoint, options, hEvent))

/**
 * The outcome of an overlapped call. With `fWait` it is waited for, as `overlapped.result` does; without, `Pending`
 * (`WSA_IO_INCOMPLETE`) says that it has not ended.
 *
 * @category overlapped
 * @since 0.1.0
 */
export const WSAGetOverlappedResult = <A>(
  overlapped: Overlapped<A>,
  fWait: boolean
): Effect.Effect<A, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => forms.resultOf(winsock[EngineKey], overlapped, fWait))

/**
 * Asks the kernel to end an overlapped call of a socket, or all of them, and does not wait for that: each ends as ever, with
 * `OperationAborted` unless it was faster. Fails with `NothingToCancel` when the kernel has none.
 *
 * @category overlapped
 * @since 0.1.0
 */
export const CancelIoEx = (
  socket: Socket,
  overlapped?: Overlapped<unknown>
): Effect.Effect<void, WinsockError, Winsock> =>
  using("CancelIoEx", socket, (endpoint) => forms.cancel(endpoint, overlapped))

// --- events ---

/**
 * Creates an event object, not signalled, with manual reset. The scope closes it (`WSACloseEvent`), after the operations that
 * use it.
 *
 * @category events
 * @since 0.1.0
 */
export const WSACreateEvent: Effect.Effect<EventObject.EventObject, WinsockError, Winsock | Scope.Scope> =
  EventObject.make

/**
 * Signals an event object.
 *
 * @category events
 * @since 0.1.0
 */
export const WSASetEvent = (event: EventObject.EventObject): Effect.Effect<void, WinsockError> =>
  setting("WSASetEvent", event)

/**
 * Waits for one of several event objects, or for all of them: the index of the one, 0 for all. Without a timeout it
 * waits for ever; interrupting it takes no signal along. See `EventObject.waitAny` and `waitAll`.
 *
 * Fails with `TimedOut` (`WSA_WAIT_TIMEOUT`), with `InvalidArgument` for none, the same twice, those of another layer, and
 * more than 63 with `waitAll`.
 *
 * @category events
 * @since 0.1.0
 */
export const WSAWaitForMultipleEvents = (
  several: ReadonlyArray<EventObject.EventObject>,
  options: EventObject.WaitOptions & { readonly waitAll?: boolean | undefined } = {}
): Effect.Effect<number, WinsockError, Winsock> =>
  options?.waitAll === true
    ? Effect.as(EventObject.waitAll(several, options), 0)
    : EventObject.waitAny(several, options)

/**
 * Takes the signal of an event object back.
 *
 * @category events
 * @since 0.1.0
 */
export const WSAResetEvent = (event: EventObject.EventObject): Effect.Effect<void, WinsockError> =>
  setting("WSAResetEvent", event)
