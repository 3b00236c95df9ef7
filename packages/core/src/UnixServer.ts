/**
 * AF_UNIX servers: connections of programs of this machine, accepted ahead of demand (`AcceptEx`), and none is lost to an
 * interruption.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Live } from "./internal/liveSocket.ts"
import * as listening from "./internal/unixListen.ts"
import type { Options as TcpOptions, RunOptions } from "./TcpServer.ts"
import type { Options as ConnectionOptions, UnixSocket } from "./UnixSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * How a server listens, and how its connections behave.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ConnectionOptions, Pick<TcpOptions, "backlog" | "acceptAhead" | "receiveLength"> {
  /**
   * Whether a file that is at the path already is deleted first, whatever it is and whoever made it: for the file that a
   * server leaves behind that came to a sudden end. Without it the server fails with `AddressInUse`.
   *
   * @default false
   */
  readonly replace?: boolean | undefined
  /**
   * Whether the file stays when the server is closed. By default it is deleted, for Windows does not: it was made by
   * this server's `bind`. (A process that ends without closing its scopes leaves it.)
   *
   * @default false
   */
  readonly keepFile?: boolean | undefined
}

/**
 * A listening socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixServer extends Live<"unix"> {
  /** The path it listens at. */
  readonly address: NetAddress.UnixPathAddress
  /** Waits for the next connection, which then belongs to the scope, as `TcpServer.accept` does. */
  readonly accept: Effect.Effect<UnixSocket, WinsockError, Scope.Scope>
  /** Accepts for ever, with a fiber and a scope for each connection, as `TcpServer.run` does. */
  readonly run: <R, E, _>(
    handler: (connection: UnixSocket) => Effect.Effect<_, E, R>,
    options?: RunOptions
  ) => Effect.Effect<never, WinsockError, Exclude<R, Scope.Scope>>
}

/**
 * Opens a server at a path: a text, or a `UnixPathAddress` of `effect/net`, of 1 to 108 bytes of UTF-8 without a zero.
 * Its file is made by `bind`, and must not be there yet (see `Options.replace`). Who may connect is who may write to the
 * file.
 *
 * Closing the scope deletes the file (see `Options.keepFile`), cancels what is pending, closes the connections that
 * nobody has accepted, and the listening socket. Files are deleted off the JS thread (`DeleteFileW`).
 *
 * Fails by reason: `InvalidArgument` for an option out of range or no path, `NotSupported` for a provider without
 * AF_UNIX, `AddressInUse` for a file that is there, `PermissionDenied`, `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (An echo server of this machine)
 *
 * ```ts
 * import * as UnixServer from "@effect-winsock/core/UnixServer"
 * import { Effect, Stream } from "effect"
 *
 * const echo = Effect.gen(function*() {
 *   const server = yield* UnixServer.listen("C:\\temp\\echo.sock", { replace: true })
 *   return yield* server.run((connection) => Stream.run(connection.stream, connection.sink))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (
  path: string | NetAddress.UnixPathAddress,
  options: Options = {}
): Effect.Effect<UnixServer, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => listening.listen(winsock[EngineKey], path, options))
