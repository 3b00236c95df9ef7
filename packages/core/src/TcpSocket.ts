/**
 * TCP sockets whose every wait can be interrupted: a receive loses no byte, a connect leaves no socket behind, and
 * nothing is ever sent behind a message that an interruption tore.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Channel from "effect/Channel"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { Live } from "./internal/liveSocket.ts"
import type { Payload as InternalPayload } from "./internal/payload.ts"
import * as connecting from "./internal/tcpConnect.ts"
import type { NativeBuffer } from "./NativeBuffer.ts"
import type { TcpInfo } from "./TcpInfo.ts"
import { tracedConnect } from "./internal/spans.ts"
import { type Completion, EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * Bytes, or several pieces that are gathered into one `WSASend`.
 *
 * @category models
 * @since 0.1.0
 */
export type Payload = InternalPayload

/**
 * When keep-alive probes are sent (`SIO_KEEPALIVE_VALS`).
 *
 * @category models
 * @since 0.1.0
 */
export interface KeepAlive {
  /** How long the connection is idle before the first probe, 1 millisecond to 49 days. */
  readonly time: Duration.Input
  /** The pause between probes that are not answered, 1 millisecond to 49 days. */
  readonly interval: Duration.Input
}

/**
 * How a connection behaves, of whichever side. An option out of range fails with `InvalidArgument` and its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The largest chunk that is received, 1 to 1,048,576 bytes. Who takes several at once has a few read at once.
   *
   * @default 65536
   */
  readonly chunkSize?: number | undefined
  /**
   * How many bytes of sends that wait for their turn are copied ahead, 0 to 2^30. Sends beyond that wait with their
   * payload left where it is: the fibers that send are the back-pressure.
   *
   * @default 1048576
   */
  readonly sendQueue?: number | undefined
  /**
   * Whether small sends leave at once (`TCP_NODELAY`), without waiting for the acknowledgement of earlier ones.
   *
   * @default false
   */
  readonly noDelay?: boolean | undefined
  /**
   * Whether a connection that is idle is probed, and when.
   *
   * @default false
   */
  readonly keepAlive?: boolean | KeepAlive | undefined
  /** The kernel's send buffer in bytes (`SO_SNDBUF`), 0 to 2^30; by default the system's. */
  readonly sendBuffer?: number | undefined
  /** The kernel's receive buffer in bytes (`SO_RCVBUF`), 0 to 2^30; by default the system's. */
  readonly receiveBuffer?: number | undefined
  /**
   * Whether urgent data stay in their place among the others (`SO_OOBINLINE`). `receiveUrgent` is refused then.
   *
   * @default false
   */
  readonly urgentInline?: boolean | undefined
  /**
   * How long closing waits for sends that are under way or queued, 0 to 24 days. What has not left by then is
   * cancelled, and the connection is reset.
   *
   * @default "2 seconds"
   */
  readonly closeTimeout?: Duration.Input | undefined
  /**
   * How long closing waits, after the end of this side was sent, for the end of the peer's, 0 to 24 days; bytes that
   * come meanwhile are dropped. Without it a peer that still sends gets a reset, which may cost it what it has not read.
   * A peer that does not end in that time is reset. Nothing blocks meanwhile (`SO_LINGER` would).
   *
   * @default 0
   */
  readonly linger?: Duration.Input | undefined
  /**
   * What an interruption of a wait does: cancel one operation (`CancelIoEx`), or close the whole socket, abortively,
   * for providers without `CancelIoEx`. By default the first, except with a provider whose sockets are no file handles
   * (`XP1_IFS_HANDLES`).
   */
  readonly cancel?: "operation" | "close" | undefined
  /**
   * How its operations complete. By default as the layer's options say, which is by the port. The connections of a server
   * are as the server is.
   *
   * @default the layer's
   */
  readonly completion?: Completion | undefined
}

/**
 * A host, by its name or its address, and a port.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostPort {
  readonly host: string | NetAddress.IpAddress
  readonly port: number
}

/**
 * How a connection is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions extends Options {
  /**
   * The local address to connect from. Addresses of the other family are not tried.
   *
   * @default any address of the destination's family, any port
   */
  readonly local?: NetAddress.InetAddress | undefined
  /**
   * Whether a local port may be shared with connections to other destinations (`SO_REUSE_UNICASTPORT`, Windows 10),
   * for programs that make very many. Ignored where the system does not know it.
   *
   * @default false
   */
  readonly reuseUnicastPort?: boolean | undefined
  /**
   * Bytes that leave together with the connection, as `ConnectEx` has them: copied when the connect begins, and sent
   * once, on the connection that is made. At most 1,048,576.
   */
  readonly firstBytes?: Payload | undefined
  /**
   * How long an attempt has before the next address is tried beside it, 10 milliseconds to 24 days (RFC 8305,
   * "Connection Attempt Delay").
   *
   * @default "250 millis"
   */
  readonly attemptDelay?: Duration.Input | undefined
  /**
   * How often a connection request that is not answered, or refused, is repeated (`SIO_TCP_INITIAL_RTO`), and after how
   * long the first time. Windows repeats it after a refusal too, so that a refused connect takes about 2 seconds; for
   * destinations on the loopback interface it is not repeated by default. Ignored where the system does not know it.
   */
  readonly initialRto?: { readonly rtt?: Duration.Input | undefined; readonly retransmissions?: number } | undefined
}

/**
 * What can be said of one send.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** Not to be routed: only to hosts on a network of this one's own (`MSG_DONTROUTE`). Windows may ignore it. */
  readonly dontRoute?: boolean | undefined
  /** Urgent: the peer learns of its last byte ahead of what is queued (`MSG_OOB`). */
  readonly urgent?: boolean | undefined
  /**
   * A part of a message that goes on with the next send (`MSG_PARTIAL`). TCP has no messages: it is refused with
   * `NotSupported` before any call is made.
   */
  readonly partial?: boolean | undefined
  /**
   * To be sent whole or not at all: an interruption that comes when some of it has reached the kernel ends at once, and
   * the rest, copied, is sent all the same. So the stream stays fit for use, and nobody learns how the send ended.
   *
   * @default false
   */
  readonly whole?: boolean | undefined
}

/**
 * Which region of a file is sent, and what goes before and after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransmitOptions {
  /** Where the region begins, in bytes, 0 to 2^53 - 1. @default 0 */
  readonly offset?: number | undefined
  /** How long it is; by default to the file's end. A file that ends earlier fails with `EndOfFile`. */
  readonly length?: number | undefined
  /** Bytes to send before the region. */
  readonly head?: Payload | undefined
  /** Bytes to send after it. */
  readonly tail?: Payload | undefined
  /** How many bytes the kernel reads and sends at once, 0 (its own choice) to 2^31 - 1. @default 0 */
  readonly bytesPerSend?: number | undefined
}

/**
 * A connection. Its bytes belong to it, not to the fibers that wait for them: an interrupted fiber leaves what had come
 * for the next one.
 *
 * Receives wait in turn, and so do sends: the order of calls is the order of bytes. One receive and one send are in the
 * kernel at most.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpSocket extends Live<"tcp"> {
  /** The address on this side. */
  readonly localAddress: NetAddress.InetAddress
  /** The peer's. */
  readonly remoteAddress: NetAddress.InetAddress

  // --- receiving ---

  /**
   * Waits for bytes and takes what there is, up to `Options.chunkSize`.
   *
   * While it waits, a receive of no bytes is in the kernel: interrupting it is one `CancelIoEx` and loses nothing.
   *
   * Fails with `EndOfStream` when the peer has ended its side, with `ConnectionReset` when it reset the connection,
   * with `OperationAborted` when the socket is closed meanwhile, with `SocketClosed` afterwards, with `Shutdown` after
   * `shutdown("receive")`.
   */
  readonly receive: Effect.Effect<Uint8Array, WinsockError>
  /** Waits for bytes and takes all that are ready, a few chunks at most; the end of the stream is the end of the pull. */
  readonly pull: Pull.Pull<NonEmptyReadonlyArray<Uint8Array>, WinsockError>
  /**
   * Waits for exactly so many bytes, 0 to 2^30. What has come is kept by the socket until all is there, so an
   * interruption loses nothing. A stream that ends earlier fails with `EndOfStream`; what came is left for other
   * receives.
   */
  readonly receiveExactly: (length: number) => Effect.Effect<Uint8Array, WinsockError>
  /**
   * Waits for the next occurrence of a delimiter (bytes, or text that is sent as UTF-8; not empty) and takes
   * everything up to and including it. Fails with `MessageTooLarge` when there is none in the first `maxLength` bytes (1
   * to 2^30, 65,536 by default), with `EndOfStream` when the stream ends before; either way nothing is taken.
   */
  readonly receiveUntil: (
    delimiter: Uint8Array | string,
    options?: { readonly maxLength?: number | undefined }
  ) => Effect.Effect<Uint8Array, WinsockError>
  /**
   * Waits for bytes and has the kernel put them straight into a block of native memory of the caller's, without a copy;
   * gives their number, at least 1, from `offset` (0 by default) on. Bytes that the socket had read already are copied.
   *
   * While it waits the kernel does not have the block: an interruption loses nothing, and leaves it alone. Fails as
   * `receive` does.
   */
  readonly receiveInto: (buffer: NativeBuffer, offset?: number, length?: number) => Effect.Effect<number, WinsockError>
  /** Waits for the peer's next byte of urgent data (`MSG_OOB`). It is taken out of its place in the stream. */
  readonly receiveUrgent: Effect.Effect<number, WinsockError>
  /**
   * Whether no urgent data are ahead, where they stay in line (`Options.urgentInline`): true when all that have come were
   * taken (`SIOCATMARK`). False while the socket holds bytes that nobody has taken. Wine always says that there are none.
   */
  readonly atUrgentMark: Effect.Effect<boolean, WinsockError>
  /** All bytes, to the end of the stream. A consumer that stops early leaves the rest, but for the chunk it was in. */
  readonly stream: Stream.Stream<Uint8Array, WinsockError>

  // --- sending ---

  /**
   * Sends all of a payload; it is done when the kernel has taken its last byte. The pieces are gathered into one
   * `WSASend`. The payload may be changed when the send is done.
   *
   * A send that waits for its turn and is interrupted is removed whole. Interrupting one that has reached the kernel breaks
   * the stream for sending: it cannot be known what left, so it and all younger sends fail with `StreamBroken`, and
   * closing resets the connection. One that completes all the same counts as sent. So a timeout around a send is the
   * end of the connection, unless the send did not get its turn.
   *
   * Fails with `ConnectionReset` or `ConnectionAborted` when the connection is gone, with `Shutdown` after
   * `shutdown("send")`, with `SocketClosed` after closing.
   */
  readonly send: (payload: Payload, options?: SendOptions) => Effect.Effect<void, WinsockError>
  /** Sends every chunk in turn. */
  readonly sink: Sink.Sink<void, Uint8Array, never, WinsockError>
  /**
   * Sends its input in turn, and gives out what comes, to the end of the stream. The end of the input ends this side; a
   * failure of the input or of a send ends the channel with it.
   */
  readonly channel: <IE = never>() => Channel.Channel<
    NonEmptyReadonlyArray<Uint8Array>,
    WinsockError | IE,
    void,
    NonEmptyReadonlyArray<Uint8Array>,
    IE
  >
  /**
   * Sends a region of a file (`CreateFileW`, `TransmitFile`), in its turn among the sends, without bringing it into
   * this process; gives the number of bytes sent, head and tail included. Regions longer than one call allows (2^31 - 2
   * bytes) are sent in several. An interruption is as one of `send`.
   *
   * Fails with `FileNotFound`, `PermissionDenied`, `EndOfFile`, and as `send` does.
   */
  readonly transmitFile: (path: string, options?: TransmitOptions) => Effect.Effect<number, WinsockError>

  // --- ending ---

  /**
   * Ends this side (`"send"`: in its turn among the sends, so that all of them leave before), or receives no more
   * (`"receive"`), or both. What is received after that fails with `Shutdown`, and so does what is sent.
   */
  readonly shutdown: (how: "send" | "receive" | "both") => Effect.Effect<void, WinsockError>
  /**
   * Ends this side as `WSASendDisconnect` does, in its turn among the sends. TCP carries no disconnect data, so there
   * are none.
   */
  readonly sendDisconnect: Effect.Effect<void, WinsockError>
  /**
   * Ends the connection with `DisconnectEx`, after all sends: this side is ended, and the provider has done with the
   * connection when it is done. With `reuse` the socket can be connected again with `reconnect`, which saves making one;
   * Windows waits for the end of TIME_WAIT before it can. A provider that does not have `DisconnectEx` fails with
   * `NotSupported`.
   */
  readonly disconnect: (options?: { readonly reuse?: boolean | undefined }) => Effect.Effect<void, WinsockError>
  /**
   * Connects a socket that `disconnect` with `reuse` made free, from the local address that it had. Wine says that a
   * socket can be used again, and fails here with `AlreadyConnected`.
   */
  readonly reconnect: (
    to: NetAddress.InetAddress,
    options?: Pick<ConnectOptions, "firstBytes">
  ) => Effect.Effect<void, WinsockError>
  /**
   * Ends the connection as closing its scope does, before that: it waits for sends under way (`Options.closeTimeout`), ends
   * this side, and closes the socket. All that wait on it fail with `OperationAborted`.
   */
  readonly close: Effect.Effect<void>
  /**
   * Resets the connection at once: what waits in either direction is dropped, the peer gets a reset, and all that wait
   * on the socket fail with `OperationAborted`.
   */
  readonly abort: Effect.Effect<void>

  // --- asking and setting ---

  /** Sets `TCP_NODELAY`. */
  readonly setNoDelay: (on: boolean) => Effect.Effect<void, WinsockError>
  /** Sets keep-alive. */
  readonly setKeepAlive: (keepAlive: boolean | KeepAlive) => Effect.Effect<void, WinsockError>
  /** What the system counts of the connection (`SIO_TCP_INFO`, Windows 10 1703); fails with `NotSupported` elsewhere. */
  readonly info: Effect.Effect<TcpInfo, WinsockError>
}

/**
 * Connects to an address, to the first of several that answers, or to a host, which is looked up first (as
 * `Names.lookup` does, for the family of `local` if that is given). Closing the scope ends the connection: it waits for
 * sends under way (`Options.closeTimeout`), ends this side, and closes the socket; see `Options.linger` and `abort`.
 *
 * Several addresses are tried as RFC 8305 ("Happy Eyeballs") says: the families in turn, beginning with the first
 * address's; the next one when the last has failed or not answered in `attemptDelay`; the first connection is taken, and
 * all other attempts are cancelled. When none answers it fails with the error of the first one that failed.
 *
 * It can be interrupted at any point and leaves no socket behind.
 *
 * Fails by reason: `InvalidArgument` for an option out of range or no address, `ConnectionRefused`, `TimedOut`,
 * `NetworkUnreachable`, `HostUnreachable`, `AddressInUse` and `AddressNotAvailable` for the local address,
 * `PermissionDenied`, `TooManySockets`, `NoBufferSpace`; for a host also `HostNotFound`, `NoData`, `TryAgain` and
 * `NameServerFailed`.
 *
 * **Example** (Asking a server)
 *
 * ```ts
 * import * as TcpSocket from "@effect-winsock/core/TcpSocket"
 * import { Effect } from "effect"
 *
 * const ask = Effect.gen(function*() {
 *   const tcp = yield* TcpSocket.connect({ host: "example.org", port: 80 }).pipe(Effect.timeout("3 seconds"))
 *   yield* tcp.send(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"))
 *   return yield* tcp.receiveUntil("\r\n\r\n")
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress> | HostPort,
  options: ConnectOptions = {}
): Effect.Effect<TcpSocket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return tracedConnect(engine, "tcp", to, connecting.connect(engine, to, options))
  })
