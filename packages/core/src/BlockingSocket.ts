/**
 * Sockets in blocking mode, for those who know them: each call blocks a thread until it is done, not the JS thread, and is
 * an interruptible Effect all the same. Overlapped sockets (`UdpSocket`, `TcpSocket`) are the library's own way: they need
 * no thread of their own.
 *
 * At most two calls block at once in a layer (`Winsock.Options.blockingCalls`); the others wait in line, and so wait for
 * those. Natively each takes one of libuv's threads, four unless `UV_THREADPOOL_SIZE` says otherwise, which `fs`,
 * `dns.lookup` and the library's own waits use too. While all are busy a call begins late; nothing else changes.
 *
 * `SO_RCVTIMEO` and `SO_SNDTIMEO` (`receiveTimeout`, `sendTimeout`) end a call with `TimedOut` and **poison the socket**:
 * Windows says that its state is indeterminate then, so every later call fails with `SocketPoisoned`, and closing it is all
 * that is left. `Effect.timeout` poisons nothing.
 *
 * An interruption cancels the call (`CancelIoEx`) and ends when the call has returned. What it received all the same
 * is kept for the next receive. An interrupted send of a stream breaks it for sending (`StreamBroken`), since Windows does not
 * tell how much has left; one that completed all the same counts as sent. `CancelIoEx` cancels all calls of a socket: a
 * receive of another fiber is made again, a stream's send of another fiber fails with `StreamBroken`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { InetAddress } from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Datagram } from "./Datagram.ts"
import * as blocking from "./internal/blockingSocket.ts"
import type { Live } from "./internal/liveSocket.ts"
import type { Payload } from "./TcpSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * Options of every socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Whether it is made with `WSA_FLAG_OVERLAPPED`. No call here is overlapped, but without the flag Windows has no
   * timeouts.
   *
   * @default true
   */
  readonly overlapped?: boolean | undefined
  /**
   * `SO_RCVTIMEO`: how long a receive may block, from 1 millisecond to 24 days. It poisons the socket. Source: the page of
   * `SOL_SOCKET` options.
   *
   * @default none
   */
  readonly receiveTimeout?: Duration.Input | undefined
  /**
   * `SO_SNDTIMEO`: how long a send may block, from 1 millisecond to 24 days. It poisons the socket.
   *
   * @default none
   */
  readonly sendTimeout?: Duration.Input | undefined
}

/**
 * Options of a listener; those it accepts inherit its timeouts.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions extends Options {
  /**
   * How many connections may wait to be accepted.
   *
   * @default 200
   */
  readonly backlog?: number | undefined
}

/**
 * Options of a datagram socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface BindOptions extends Options {
  /**
   * The largest message that is received whole, 1 to 65,535 bytes; of a larger one the end is lost, and it says so
   * (`truncated`).
   *
   * @default 65535
   */
  readonly maxMessageSize?: number | undefined
}

/**
 * A connection in blocking mode.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stream extends Live<"tcp"> {
  readonly localAddress: InetAddress
  readonly peerAddress: InetAddress
  /**
   * Receives from 1 to `size` bytes (`WSARecv`). Fails with `EndOfStream` when the peer has ended its side, with `TimedOut`
   * when `receiveTimeout` has passed, with `SocketPoisoned` ever after.
   */
  readonly receive: (size: number) => Effect.Effect<Uint8Array, WinsockError>
  /** As `receive`, and leaves the bytes for the next one (`MSG_PEEK`). */
  readonly peek: (size: number) => Effect.Effect<Uint8Array, WinsockError>
  /** As `receive`, but answers at once: fails with `WouldBlock` when nothing is there, or others are ahead. */
  readonly tryReceive: (size: number) => Effect.Effect<Uint8Array, WinsockError>
  /**
   * Sends all of it (`WSASend`), and returns how many bytes that are. It is copied when its turn has come. Fails with
   * `TimedOut` when `sendTimeout` has passed, and with `StreamBroken` after a send that was interrupted.
   */
  readonly send: (payload: Payload) => Effect.Effect<number, WinsockError>
  /**
   * Sends as much of it as there is room for, and returns how many bytes that are. Fails with `WouldBlock` when there is
   * none, or other sends are ahead.
   */
  readonly trySend: (payload: Payload) => Effect.Effect<number, WinsockError>
}

/**
 * A listening socket in blocking mode.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener extends Live<"listener"> {
  readonly address: InetAddress
  /**
   * Accepts a connection (`accept`), which is closed with the scope. An interruption loses none: one that came all the same
   * is the next accept's.
   */
  readonly accept: Effect.Effect<Stream, WinsockError, Scope.Scope>
}

/**
 * A datagram socket in blocking mode.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagrams extends Live<"udp"> {
  readonly address: InetAddress
  /**
   * Receives a message (`WSARecvMsg`). Fails with `TimedOut` when `receiveTimeout` has passed, with `SocketPoisoned` ever
   * after.
   */
  readonly receiveMessage: Effect.Effect<Datagram, WinsockError>
  /** As `receiveMessage`, and leaves the message for the next one (`MSG_PEEK`). */
  readonly peek: Effect.Effect<Datagram, WinsockError>
  /** As `receiveMessage`, but answers at once: fails with `WouldBlock` when nothing is there, or others are ahead. */
  readonly tryReceive: Effect.Effect<Datagram, WinsockError>
  /** Sends a message (`WSASendTo`), and returns its size. */
  readonly send: (payload: Payload, to: InetAddress) => Effect.Effect<number, WinsockError>
  /** As `send`, but answers at once: fails with `WouldBlock` when there is no room, or other sends are ahead. */
  readonly trySend: (payload: Payload, to: InetAddress) => Effect.Effect<number, WinsockError>
}

/**
 * Connects (`connect`). The scope closes the connection, after its calls have returned.
 *
 * Fails with `InvalidArgument` for what is no address and options out of range, and as `TcpSocket.connect` does.
 *
 * **Example** (Asking a server, with a timeout that loses nothing)
 *
 * ```ts
 * import { BlockingSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const ask = (question: Uint8Array) =>
 *   Effect.gen(function*() {
 *     const server = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 7)
 *     const stream = yield* BlockingSocket.connect(server)
 *     yield* stream.send(question)
 *     return yield* stream.receive(1024).pipe(Effect.timeout("3 seconds"))
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  to: InetAddress,
  options: Options = {}
): Effect.Effect<Stream, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => blocking.connect(winsock[EngineKey], to, options))

/**
 * Listens for connections. The scope closes the socket, after its calls have returned.
 *
 * Fails with `InvalidArgument` for what is no address and options out of range, with `AddressInUse`,
 * `AddressNotAvailable` and `PermissionDenied`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (
  address: InetAddress,
  options: ListenOptions = {}
): Effect.Effect<Listener, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => blocking.listen(winsock[EngineKey], address, options))

/**
 * Binds a datagram socket. The scope closes it, after its calls have returned.
 *
 * Fails with `InvalidArgument` for what is no address and options out of range, with `AddressInUse`,
 * `AddressNotAvailable` and `PermissionDenied`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = (
  address: InetAddress,
  options: BindOptions = {}
): Effect.Effect<Datagrams, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => blocking.bind(winsock[EngineKey], address, options))
