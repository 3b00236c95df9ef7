/**
 * TCP servers: connections are accepted ahead of demand (`AcceptEx`), and none is lost to an interruption.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Live } from "./internal/liveSocket.ts"
import * as listening from "./internal/tcpListen.ts"
import type { Options as ConnectionOptions, TcpSocket } from "./TcpSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * How a server listens, and how its connections behave.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ConnectionOptions {
  /**
   * How many connections may wait in the kernel, 1 to 2^31 - 1; the system bounds it. On Windows a connection for
   * which there is no room is refused.
   *
   * @default the system's most (`SOMAXCONN`)
   */
  readonly backlog?: number | undefined
  /**
   * How many accepts are in the kernel at most, 1 to 1024. They are posted when the server opens: a connection is taken
   * from the kernel before anybody asks for it. When so many wait to be asked for, the others wait in the backlog.
   *
   * @default 16
   */
  readonly acceptAhead?: number | undefined
  /**
   * How many of a connection's first bytes an accept waits for, 0 to 65,536. With 0 a connection is accepted when it is
   * made; else when its first bytes are there or it ended: one call less for each, but clients that send nothing hold an
   * accept each. The first receive gives those bytes.
   *
   * @default 0
   */
  readonly receiveLength?: number | undefined
  /**
   * Whether other sockets may listen at the same address (`SO_REUSEADDR`). By default it is exclusive
   * (`SO_EXCLUSIVEADDRUSE`).
   *
   * @default false
   */
  readonly reuseAddress?: boolean | undefined
  /**
   * Whether an IPv6 server refuses IPv4. With `false` an IPv6 wildcard server takes both (dual stack), and IPv4 peers
   * have v4-mapped addresses.
   *
   * @default true
   */
  readonly ipv6Only?: boolean | undefined
}

/**
 * How a server runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  /**
   * What follows a failure of `accept`. When it succeeds accepting goes on, and no handler notices.
   *
   * @default Effect.fail, which ends `run` with it
   */
  readonly onFailure?: ((error: WinsockError) => Effect.Effect<void, WinsockError>) | undefined
}

/**
 * A listening socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpServer extends Live<"listener"> {
  /** The address it listens at; its port is never 0. */
  readonly address: NetAddress.InetAddress
  /**
   * Waits for the next connection, which then belongs to the scope.
   *
   * A connection that is reset before it is accepted is passed over, and lack of resources (`NoBufferSpace`,
   * `TooManySockets`, `OutOfMemory`) is waited out with growing pauses: neither is an error of the server. Interrupting
   * it loses no connection: one that was accepted meanwhile is the next one's.
   *
   * Fails with `OperationAborted` when the server is closed meanwhile, with `SocketClosed` afterwards, and with whatever
   * else makes accepting impossible.
   */
  readonly accept: Effect.Effect<TcpSocket, WinsockError, Scope.Scope>
  /**
   * Accepts for ever, with a fiber and a scope for each connection. All of them are children of the caller: an
   * interruption of `run` interrupts them, waits for their ends, and closes their connections. A handler that fails is
   * logged, closes its connection and ends nothing else; a failure of `accept` ends `run`, unless `onFailure` goes on.
   */
  readonly run: <R, E, _>(
    handler: (connection: TcpSocket) => Effect.Effect<_, E, R>,
    options?: RunOptions
  ) => Effect.Effect<never, WinsockError, Exclude<R, Scope.Scope>>
}

/**
 * Opens a server at `address`; port 0 takes any free port. Closing the scope cancels what is pending, closes the
 * connections that nobody has accepted, which `Statistics.discarded` counts, and the listening socket. Connections that
 * were accepted live on in their scopes.
 *
 * Fails by reason: `InvalidArgument` for an option out of range, `AddressInUse`, `AddressNotAvailable`,
 * `PermissionDenied`, `NotSupported` for a family that the machine lacks, `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (An echo server)
 *
 * ```ts
 * import * as TcpServer from "@effect-winsock/core/TcpServer"
 * import { Effect, Stream } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const echo = Effect.gen(function*() {
 *   const server = yield* TcpServer.listen(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 7))
 *   return yield* server.run((connection) => Stream.run(connection.stream, connection.sink))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (
  address: NetAddress.InetAddress,
  options: Options = {}
): Effect.Effect<TcpServer, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => listening.listen(winsock[EngineKey], address, options))
