/**
 * Effect's `SocketServer` over TCP and AF_UNIX: programs written for `NodeSocketServer` run on it with only their layer
 * changed.
 *
 * @since 0.1.0
 */
import type { Options as TcpServerOptions } from "@effect-winsock/core/TcpServer"
import * as TcpServer from "@effect-winsock/core/TcpServer"
import type { Options as UnixServerOptions } from "@effect-winsock/core/UnixServer"
import * as UnixServer from "@effect-winsock/core/UnixServer"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as SocketServer from "effect/socket/SocketServer"
import { randomBytes } from "node:crypto"
import type { TlsOptions as NodeTlsOptions } from "node:tls"
import { createServer } from "node:tls"
import * as addresses from "./internal/socketAddress.ts"
import * as tls from "./internal/socketTls.ts"
import * as servers from "./internal/socketServer.ts"
import { Connection, TlsSession } from "./WinsockSocket.ts"

/**
 * Where a server listens, as an address or in Node's words, and how: all that `TcpServer.listen` and
 * `UnixServer.listen` take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends TcpServerOptions, Pick<UnixServerOptions, "replace" | "keepFile"> {
  /** Where it listens; what is said in Node's words is not looked at then. */
  readonly address?: NetAddress.SocketAddress | undefined
  /** The path of an AF_UNIX server. */
  readonly path?: string | undefined
  /**
   * An address of this machine, or a name that is looked up.
   *
   * @default "::" for both families; "0.0.0.0" where there is no IPv6
   */
  readonly host?: string | undefined
  /** @default 0, any free port */
  readonly port?: number | undefined
  /** Milliseconds before the first keep-alive probe of a connection. */
  readonly keepAliveInitialDelay?: number | undefined
}

type Listening = Effect.Effect<TcpServer.TcpServer | UnixServer.UnixServer, WinsockError, Winsock | Scope.Scope>

// what a machine without IPv6 says
const withoutIpv6: ReadonlySet<string> = new Set(["NotSupported", "AddressNotAvailable"])

const listen = (options: Options): Listening => {
  const { address, host, path, port = 0 } = options
  const given = { ...options, keepAlive: addresses.keepAliveOf(options) }
  if (address !== undefined) {
    return NetAddress.isUnixPathAddress(address) ? UnixServer.listen(address, given) : TcpServer.listen(address, given)
  }
  if (path !== undefined) return UnixServer.listen(path, given)
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    return Effect.fail(WinsockErrors.invalidArgument("bind", "port", port, "an integer from 0 to 65535"))
  }
  // no name at all is none, as for node:net
  if (host !== undefined && host !== "") {
    return Effect.flatMap(addresses.lookup(host, port), ([first]) => TcpServer.listen(first, given))
  }
  const at = (text: string) => NetAddress.inetAddressFromIpStringUnsafe(text, port)
  return Effect.catch(TcpServer.listen(at("::"), { ...given, ipv6Only: options.ipv6Only ?? false }), (error) =>
    withoutIpv6.has(error.reason._tag) ? TcpServer.listen(at("0.0.0.0"), given) : Effect.fail(error)
  )
}

const serve = (
  options: Options,
  hand: servers.Hand
): Effect.Effect<SocketServer.SocketServer["Service"], SocketServer.SocketServerError, Winsock | Scope.Scope> =>
  Effect.mapBoth(
    Effect.suspend(() => listen(options)),
    {
      onFailure: servers.openError,
      onSuccess: (server) => servers.fromServer(server, hand, options.closeTimeout)
    }
  )

const plain: servers.Hand = (connection, handle) =>
  Effect.provideService(handle(connection), Connection, connection) as Effect.Effect<void, never, never>

/**
 * Opens a server. It listens from now on: connections that come before `run` wait, and `run` hands them over. Closing the
 * scope resets those that wait.
 *
 * **Details**
 *
 * - Each handler is a fiber of its own, with the context of `run`, the scope of its connection instead of `run`'s, and
 *   `WinsockSocket.Connection`. It begins in the step that takes its connection, which is closed behind it. What it fails
 *   with is logged, and ends nothing else.
 * - An interruption of `run` interrupts all handlers and waits for their ends. Connections that come then wait again.
 * - An accept that fails is logged, and accepting goes on after a pause, 5 milliseconds that double up to a second. When the
 *   server is closed `run` fails with a `SocketServerUnknownError`.
 * - What waits is as many as `acceptAhead` and the `backlog` hold. On Windows further connections are refused.
 *
 * Fails with a `SocketServerOpenError`, whose cause is the `WinsockError`: as `TcpServer.listen`, `UnixServer.listen` and
 * `Names.lookup` fail.
 *
 * **Example** (An echo server)
 *
 * ```ts
 * import { WinsockSocketServer } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import type { Socket } from "effect/socket"
 *
 * const echo = (socket: Socket.Socket) =>
 *   Effect.gen(function*() {
 *     const { pull } = yield* socket.reader
 *     const { writeAll } = yield* socket.writer
 *     return yield* Effect.forever(Effect.flatMap(pull, writeAll))
 *   }).pipe(
 *     Effect.scoped,
 *     Effect.catchReason("SocketError", "SocketCloseError", () => Effect.void)
 *   )
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* WinsockSocketServer.make({ host: "127.0.0.1", port: 7 })
 *   return yield* server.run(echo)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<SocketServer.SocketServer["Service"], SocketServer.SocketServerError, Winsock | Scope.Scope> =>
  serve(options, plain)

/**
 * Provides the server that `make` opens.
 *
 * **Example** (A program that knows nothing of Winsock)
 *
 * ```ts
 * import { NativeWinsock } from "@effect-winsock/native"
 * import { WinsockSocketServer } from "@effect-winsock/platform"
 * import { Effect, Layer } from "effect"
 * import { SocketServer } from "effect/socket"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* SocketServer.SocketServer
 *   return yield* server.run((socket) => Effect.scoped(Effect.flatMap(socket.reader, ({ pull }) => pull)))
 * })
 *
 * // instead of NodeSocketServer.layer({ port: 4000 })
 * const transport = WinsockSocketServer.layer({ port: 4000 }).pipe(Layer.provide(NativeWinsock.layer))
 *
 * const running = Effect.provide(program, transport)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, Winsock> =>
  Layer.effect(SocketServer.SocketServer, make(options))

/**
 * Where a server of TLS listens, how, and how its sessions are made: what `tls.createServer` takes besides.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends Options, Omit<NodeTlsOptions, keyof Options | "allowHalfOpen"> {}

/**
 * Opens a server of TLS. A connection comes to `run`'s handler when its handshake is done; one whose handshake fails is
 * closed, and nothing else. The handler's context has the session as `WinsockSocket.TlsSession` besides.
 *
 * Fails as `make` does, and for options that node:tls does not take with its error for the cause.
 *
 * **Example** (Clients with a certificate)
 *
 * ```ts
 * import { WinsockSocketServer } from "@effect-winsock/platform"
 * import { readFileSync } from "node:fs"
 *
 * const server = WinsockSocketServer.makeTls({
 *   host: "0.0.0.0",
 *   port: 4433,
 *   key: readFileSync("key.pem"),
 *   cert: readFileSync("certificate.pem"),
 *   ca: readFileSync("clients.pem"),
 *   requestCert: true
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTls = (
  options: TlsOptions
): Effect.Effect<SocketServer.SocketServer["Service"], SocketServer.SocketServerError, Winsock | Scope.Scope> =>
  Effect.suspend(() => {
    // one for all sessions, which are servers of node:tls each: a client may come back with its ticket
    const given = { ticketKeys: randomBytes(48), ...options, keepAlive: undefined }
    const begin = tls.server(given)
    const hand: servers.Hand = (connection, handle) =>
      Effect.scoped(
        Effect.matchCauseEffect(tls.secure(connection, begin, options.closeTimeout), {
          onFailure: (cause) => Effect.logDebug("the handshake of a TLS session failed", cause),
          onSuccess: (session) =>
            handle(session).pipe(
              Effect.provideService(Connection, connection),
              Effect.provideService(TlsSession, session.socket)
            )
        })
      ) as Effect.Effect<void, never, never>
    const check = Effect.try({ try: () => void createServer(given), catch: servers.openError })
    return Effect.andThen(check, serve(options, hand))
  })

/**
 * Provides the server that `makeTls` opens.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTls = (
  options: TlsOptions
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, Winsock> =>
  Layer.effect(SocketServer.SocketServer, makeTls(options))
