/**
 * Effect's `Socket` over TCP and AF_UNIX connections: programs written for `NodeSocket` run on it with only their layer
 * changed.
 *
 * @since 0.1.0
 */
import type { ConnectOptions as TcpConnectOptions } from "@effect-winsock/core/TcpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { ConnectionOptions, TLSSocket } from "node:tls"
import * as addresses from "./internal/socketAddress.ts"
import type { Connection as AnyConnection } from "./internal/socketLink.ts"
import * as sessions from "./internal/socketSession.ts"
import * as tls from "./internal/socketTls.ts"

/**
 * The connection of which a server has made the Socket that it hands to its handler: for what Effect's `Socket` does
 * not tell, such as the peer's address. `SocketServer.run` does not know of it: a handler asks whether it is there.
 *
 * **Example** (Who is it)
 *
 * ```ts
 * import { WinsockSocket } from "@effect-winsock/platform"
 * import { Effect, Option } from "effect"
 *
 * const peer = Effect.map(
 *   Effect.serviceOption(WinsockSocket.Connection),
 *   Option.map((connection) => connection.remoteAddress)
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Connection extends Context.Service<Connection, AnyConnection>()(
  "@effect-winsock/platform/WinsockSocket/Connection"
) {}

/**
 * The session of node:tls of which `WinsockSocketServer.makeTls` has made the Socket that it hands to its handler: for the
 * client's certificate, the protocol that was agreed on, and what else it tells.
 *
 * @category services
 * @since 0.1.0
 */
export class TlsSession extends Context.Service<TlsSession, TLSSocket>()(
  "@effect-winsock/platform/WinsockSocket/TlsSession"
) {}

/**
 * Where to connect to: an address, several of which the first that answers is taken, a host by its name and a port, or
 * the path of an AF_UNIX server.
 *
 * @category models
 * @since 0.1.0
 */
export type Destination = addresses.Destination

/**
 * How a Socket opens its connections: all that `TcpSocket.connect` takes, of which AF_UNIX takes what it has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends TcpConnectOptions {
  /**
   * How long opening may take; then it fails with a `SocketOpenError` of kind `"Timeout"`. With 0 nothing is opened.
   *
   * @default for ever
   */
  readonly openTimeout?: Duration.Input | undefined
}

/**
 * Where to connect to in Node's words, as `NodeSocket.makeNet` takes it, and how.
 *
 * `chunkSize` is `TcpSocket`'s, the size of a chunk in bytes. `NodeSocket` means the number of chunks of a pull by it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetOptions extends Options {
  /** The path of an AF_UNIX server, instead of a host and a port. */
  readonly path?: string | undefined
  /** An address, or a name that is looked up. @default "localhost" */
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** The family of the addresses, 4 or 6; 0 for both. */
  readonly family?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Milliseconds before the first keep-alive probe. */
  readonly keepAliveInitialDelay?: number | undefined
}

/**
 * How a Socket behaves whose connections an effect opens.
 *
 * @category models
 * @since 0.1.0
 */
export interface FromOptions extends Pick<Options, "openTimeout" | "closeTimeout"> {
  /** Whether `upgrade` is the server's side of TLS. @default false */
  readonly tlsServer?: boolean | undefined
}

/**
 * Makes a Socket of the connections that an effect opens, one for each reader, in the reader's scope. What is opened sees
 * the services of whoever made the Socket and of whoever reads, whose come first.
 *
 * **Details**
 *
 * - Nothing is received until it is pulled. A pull gives all that is ready, a few chunks at most; an interrupted one leaves
 *   everything for the next. It fails with `SocketCloseError` 1000 at the peer's end, with 1006 when the reader's scope is
 *   closed, with a close event's code after that, and with `SocketReadError` for whatever else ends the connection, whose
 *   cause is the `WinsockError`; again and again with the same.
 * - Writes wait for a connection, and then for the kernel to take them, in turn. A batch leaves as one `WSASend`. An
 *   interrupted write was sent whole, or not at all: one that has begun goes on by itself.
 * - The end of the writer's scope ends this side behind all writes, and waits for nobody; reading goes on.
 * - A close event of 1000 or less closes the connection when all has left; one above resets it.
 * - `upgrade` runs TLS on the connection (node:tls), as a server with `tlsServer`. Writes and pulls that come meanwhile wait
 *   for it.
 * - A failure to open is a `SocketOpenError`, whose cause is the `WinsockError`; `openTimeout` gives the kind `"Timeout"`.
 *
 * **Gotchas**
 *
 * Begin no upgrade while a pull waits: it would take bytes of the handshake.
 *
 * **Example** (A Socket over a connection that says something first)
 *
 * ```ts
 * import { TcpSocket } from "@effect-winsock/core"
 * import { WinsockSocket } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 *
 * const open = Effect.tap(TcpSocket.connect({ host: "example.org", port: 4000 }), (tcp) =>
 *   tcp.send(new TextEncoder().encode("client 7\n"))
 * )
 * const socket = WinsockSocket.fromConnection(open, { openTimeout: "5 seconds" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromConnection: <E extends WinsockError | Socket.SocketError, R>(
  open: Effect.Effect<AnyConnection, E, R>,
  options?: FromOptions
) => Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> = sessions.fromConnection

/**
 * Makes a Socket whose readers connect, as `TcpSocket.connect` and `UnixSocket.connect` do; see `fromConnection` for what
 * it promises.
 *
 * **Example** (Asking the first of two servers that answers)
 *
 * ```ts
 * import { WinsockSocket } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 * import { Socket } from "effect/socket"
 *
 * const ask = Effect.gen(function*() {
 *   const at = (ip: string) => NetAddress.inetAddressFromIpStringUnsafe(ip, 4000)
 *   const socket = yield* WinsockSocket.make([at("192.0.2.1"), at("192.0.2.2")], { noDelay: true })
 *   const pull = yield* Socket.readerString(socket)
 *   const writer = yield* socket.writer
 *   yield* writer.write("status\n")
 *   return yield* pull
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (to: Destination, options: Options = {}): Effect.Effect<Socket.Socket, never, Winsock> =>
  sessions.fromConnection(addresses.connect(to, options), { ...options, host: addresses.nameOf(to) })

/**
 * Makes a Socket whose readers connect, with the options of `NodeSocket.makeNet`; see `fromConnection` for what it
 * promises. A local address, port or family that is none is a `SocketOpenError`.
 *
 * **Example** (A program that knows nothing of Winsock)
 *
 * ```ts
 * import { NativeWinsock } from "@effect-winsock/native"
 * import { WinsockSocket } from "@effect-winsock/platform"
 * import { Effect, Layer, Stream } from "effect"
 * import { Socket } from "effect/socket"
 *
 * const program = Effect.flatMap(Socket.Socket, (socket) => Stream.runCollect(Socket.toStream(socket)))
 *
 * // instead of NodeSocket.layerNet({ host: "localhost", port: 4000 })
 * const transport = WinsockSocket.layerNet({ host: "localhost", port: 4000 }).pipe(Layer.provide(NativeWinsock.layer))
 *
 * const running = Effect.provide(program, transport)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNet = (options: NetOptions): Effect.Effect<Socket.Socket, never, Winsock> =>
  sessions.fromConnection(
    Effect.suspend(() => addresses.connectNet(options)),
    { ...options, host: addresses.nameOf(options) }
  )

/**
 * A Socket as a channel: what is written to it goes in, and what comes goes out.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketChannel<IE> = Channel.Channel<
  Arr.NonEmptyReadonlyArray<Uint8Array>,
  Socket.SocketError | IE,
  void,
  Arr.NonEmptyReadonlyArray<Uint8Array | string | Socket.CloseEvent>,
  IE,
  unknown,
  Winsock
>

/**
 * Makes a channel of the Socket that `makeNet` makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNetChannel = <IE = never>(options: NetOptions): SocketChannel<IE> =>
  Channel.unwrap(Effect.map(makeNet(options), Socket.toChannelWith<IE>()))

/**
 * Where to connect to, how, and how the TLS session is made: what `tls.connect` takes besides, as `NodeSocket.makeTls`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions
  extends
    NetOptions,
    Omit<ConnectionOptions, keyof NetOptions | "socket" | "allowHalfOpen" | "pskCallback" | "timeout"> {
  readonly pskCallback?: ConnectionOptions["pskCallback"]
}

/**
 * Makes a Socket whose readers connect and make a TLS session, by node:tls. A handshake that fails, for a certificate
 * that is not trusted among others, is a `SocketOpenError` with node:tls's error as its cause. A write is done when the
 * session has room for more; closing waits for what it has to send yet, for `closeTimeout`.
 *
 * **Example** (An authority of one's own)
 *
 * ```ts
 * import { WinsockSocket } from "@effect-winsock/platform"
 * import { readFileSync } from "node:fs"
 *
 * const socket = WinsockSocket.makeTls({
 *   host: "db.example.org",
 *   port: 5433,
 *   servername: "db.example.org",
 *   ca: readFileSync("authority.pem"),
 *   openTimeout: "5 seconds"
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTls = (options: TlsOptions): Effect.Effect<Socket.Socket, never, Winsock> =>
  sessions.fromOpened(
    Effect.suspend(() =>
      Effect.flatMap(addresses.connectNet(options), (connection) =>
        tls.secure(connection, tls.client(options), options.closeTimeout)
      )
    ),
    { openTimeout: options.openTimeout }
  )

/**
 * Makes a channel of the Socket that `makeTls` makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTlsChannel = <IE = never>(options: TlsOptions): SocketChannel<IE> =>
  Channel.unwrap(Effect.map(makeTls(options), Socket.toChannelWith<IE>()))

/**
 * Provides the Socket that `make` makes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (to: Destination, options?: Options): Layer.Layer<Socket.Socket, never, Winsock> =>
  Layer.effect(Socket.Socket, make(to, options))

/**
 * Provides the Socket that `makeNet` makes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNet = (options: NetOptions): Layer.Layer<Socket.Socket, never, Winsock> =>
  Layer.effect(Socket.Socket, makeNet(options))

/**
 * Provides the Socket that `makeTls` makes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTls = (options: TlsOptions): Layer.Layer<Socket.Socket, never, Winsock> =>
  Layer.effect(Socket.Socket, makeTls(options))
