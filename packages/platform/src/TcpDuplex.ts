/**
 * Connections as Node streams: what runs on a `net.Socket` runs on these, node:http, node:https, node:tls and clients
 * and servers from npm among them.
 *
 * @since 0.1.0
 */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { ConnectOptions as TcpConnectOptions, TcpSocket } from "@effect-winsock/core/TcpSocket"
import * as TcpSockets from "@effect-winsock/core/TcpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import * as owning from "./internal/owning.ts"

/**
 * How a Duplex behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Whether this side stays open when the peer has ended its own. Otherwise it is ended, too, when everything that the
   * peer sent was read. What runs TLS on it wants it open: TLS ends it itself, when it has sent all.
   *
   * @default false; for a server, as the server has it
   */
  readonly allowHalfOpen?: boolean | undefined
  /**
   * Whether the stream is closed by itself when both sides have ended. What runs TLS on it wants to close it itself: Node
   * drops what the session has not given out yet when the stream under it is closed.
   *
   * @default true; for a server of TLS, false
   */
  readonly autoDestroy?: boolean | undefined
  /**
   * How many bytes wait in each direction before the other side is held back.
   *
   * @default 65536, which is Node's; for a server, as the server has it
   */
  readonly highWaterMark?: number | undefined
}

/**
 * The options for a Duplex that `tls.connect` runs on. Node has the session stay half open as well: end it when it has
 * emitted `'end'`. Servers and agents see to all of this themselves.
 *
 * @category constants
 * @since 0.1.0
 */
export const underTls: Options = { allowHalfOpen: true, autoDestroy: false }

/**
 * How a connection is made, and how its Duplex behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions extends TcpConnectOptions, Options {}

/**
 * A connection as a Node stream, with what programs expect of a `net.Socket` beyond that.
 *
 * **Details**
 *
 * - Nothing is read from the connection until the stream is, and no more than `highWaterMark` and one chunk is read
 *   ahead. A write's callback is called when the kernel has taken its bytes; what was written while corked, or during
 *   another write, leaves as one `WSASend`.
 * - `end()` ends this side behind all writes; the peer's end is the stream's.
 * - An error is Node's (`code: "ECONNRESET"`, `errno`, `syscall`); its `cause` is the `WinsockError`.
 * - `destroy()` interrupts what is under way. A send that has reached the kernel is torn by it, so the peer gets a
 *   reset; otherwise the connection is ended as its options say (`closeTimeout`, `linger`).
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpDuplex extends Duplex {
  /** It is connected when it is made. */
  readonly connecting: false
  /** Whether it is closed. */
  readonly pending: boolean
  /** Which halves are open. */
  readonly readyState: "open" | "readOnly" | "writeOnly" | "closed"
  /** How many bytes were received. */
  readonly bytesRead: number
  /** How many bytes were written, sent or not. */
  readonly bytesWritten: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily: "IPv4" | "IPv6"
  readonly localAddress: string
  readonly localPort: number
  readonly localFamily: "IPv4" | "IPv6"
  /** The milliseconds that `setTimeout` was given last. */
  readonly timeout: number | undefined
  /** The address on this side. */
  address(): AddressInfo
  /** Sets `TCP_NODELAY`. What the system refuses is ignored, as `net.Socket` does. */
  setNoDelay(noDelay?: boolean): this
  /** Sets keep-alive; the first probe after `initialDelay` milliseconds, unless that is 0. Refusals are ignored. */
  setKeepAlive(enable?: boolean, initialDelay?: number): this
  /**
   * Emits `'timeout'` when nothing was received or sent for so many milliseconds; 0 for never. A send counts when
   * it begins and when it is done. It closes nothing, and the timer does not keep the process alive.
   */
  setTimeout(milliseconds: number, callback?: () => void): this
  /** Ends this side, and destroys the stream when all was sent. */
  destroySoon(): void
  /** Resets the connection, and destroys the stream. */
  resetAndDestroy(): this
  /**
   * Does nothing, for compatibility. What keeps the process alive is a wait: a read or a write under way. A stream that
   * is paused and has read ahead what it may holds nothing.
   */
  ref(): this
  /** Does nothing: see `ref`. A stream that should not keep the process alive is paused, or its scope is closed. */
  unref(): this
}

/**
 * A server that takes streams for connections: a `http.Server`, `https.Server`, `tls.Server`, `http2` server,
 * `net.Server`, or any EventEmitter. It does not listen itself. The properties are those that Node's servers have
 * from their options.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly allowHalfOpen?: boolean
  readonly highWaterMark?: number
  readonly noDelay?: boolean
  readonly keepAlive?: boolean
  readonly keepAliveInitialDelay?: number
  emit(event: "connection", connection: Duplex): boolean
}

/**
 * Makes a Duplex of a connection, which stays its own scope's. When the Duplex is closed both sides of the connection are
 * ended, or it was reset, and it is no longer used; the SOCKET is closed with the scope that the connection was made in.
 * Closing the scope of the Duplex destroys it.
 *
 * Read from the connection directly before that, or after: what the Duplex has read is its own.
 *
 * **Example** (A line of text, then TLS)
 *
 * ```ts
 * import type { TcpSocket } from "@effect-winsock/core"
 * import { TcpDuplex } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import * as tls from "node:tls"
 *
 * const startTls = (tcp: TcpSocket.TcpSocket) =>
 *   Effect.gen(function*() {
 *     yield* tcp.send(new TextEncoder().encode("STARTTLS\r\n"))
 *     yield* tcp.receiveUntil("\r\n")
 *     return tls.connect({ socket: yield* TcpDuplex.make(tcp, TcpDuplex.underTls), servername: "mail.example" })
 *   })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (socket: TcpSocket, options: Options = {}): Effect.Effect<TcpDuplex, never, Scope.Scope> =>
  owning.borrow(socket, options)

/**
 * Makes a Duplex of the connection that an effect opens, and closes the connection with it: `'close'` is emitted when the
 * SOCKET is closed. Closing the scope destroys the Duplex.
 *
 * **Example** (One connection of a server)
 *
 * ```ts
 * import type { TcpServer } from "@effect-winsock/core"
 * import { TcpDuplex } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 *
 * const echoOne = (server: TcpServer.TcpServer) =>
 *   Effect.map(TcpDuplex.own(server.accept), (duplex) => duplex.pipe(duplex))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const own = <E, R>(
  connection: Effect.Effect<TcpSocket, E, R>,
  options: Options = {}
): Effect.Effect<TcpDuplex, E, Exclude<R, Scope.Scope> | Scope.Scope> => owning.own(connection, options)

/**
 * Connects as `TcpSocket.connect` does, and gives a Duplex. `'close'` is emitted when the SOCKET is closed. Closing the scope
 * destroys the Duplex. Fails as `TcpSocket.connect` does.
 *
 * **Example** (Copying a file to a server)
 *
 * ```ts
 * import { TcpDuplex } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 * import { createReadStream } from "node:fs"
 * import { pipeline } from "node:stream/promises"
 *
 * const upload = (path: string) =>
 *   Effect.gen(function*() {
 *     const duplex = yield* TcpDuplex.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 9000))
 *     yield* Effect.tryPromise((signal) => pipeline(createReadStream(path), duplex, { signal }))
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress>,
  options: ConnectOptions = {}
): Effect.Effect<TcpDuplex, WinsockError, Winsock | Scope.Scope> => owning.own(TcpSockets.connect(to, options), options)

/**
 * Accepts for ever, and hands every connection to one of Node's servers. An interruption destroys all connections and
 * waits until they are closed; a failure of `accept` does so and ends it. A connection that nobody takes is closed.
 *
 * **Gotchas**
 *
 * - Node's http servers begin to watch `requestTimeout` and `headersTimeout` when they are told that they listen, which
 *   they do not here: `server.emit("listening")` starts it, and `server.close()` ends it.
 * - Node's TLS sockets over any stream that is no `net.Socket` do not tell the peer's address.
 *
 * **Example** (A web server)
 *
 * ```ts
 * import { TcpServer } from "@effect-winsock/core"
 * import { TcpDuplex } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 * import * as http from "node:http"
 *
 * const program = Effect.gen(function*() {
 *   const web = http.createServer((_, response) => response.end("hello\n"))
 *   const server = yield* TcpServer.listen(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 8080))
 *   yield* TcpDuplex.serve(server, web)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const serve = (server: TcpServer, target: Target, options: Options = {}): Effect.Effect<never, WinsockError> =>
  owning.serve(server, target, options)

/**
 * Hands one connection to one of Node's servers, and is done when its Duplex is closed. An interruption destroys it. It is
 * a handler for `TcpServer.run`, for programs that do something before or after.
 *
 * **Example** (Counting connections)
 *
 * ```ts
 * import type { TcpServer } from "@effect-winsock/core"
 * import { TcpDuplex } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import * as http from "node:http"
 *
 * let open = 0
 * const web = http.createServer((_, response) => response.end(`${open}\n`))
 * const serve = (server: TcpServer.TcpServer) =>
 *   server.run((connection) =>
 *     Effect.acquireUseRelease(
 *       Effect.sync(() => open++),
 *       () => TcpDuplex.handle(connection, web),
 *       () => Effect.sync(() => open--)
 *     )
 *   )
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const handle = (socket: TcpSocket, target: Target, options: Options = {}): Effect.Effect<void> =>
  owning.handle(target, options, socket)
