/**
 * AF_UNIX streams: connections between programs of one machine, whose addresses are paths of files. They are TCP's
 * streams without a network: nothing is lost to an interruption, and nothing is sent behind a message that one tore.
 *
 * Windows has them since Windows 10 1803 (`afunix.h`), streams only: no datagrams, and no abstract names, which its
 * documentation promised and which it refuses. A provider without them fails with `NotSupported`, whose `what` is
 * `"addressFamily"`; `isSupported` asks.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Live } from "./internal/liveSocket.ts"
import * as connecting from "./internal/unixConnect.ts"
import { tracedConnect } from "./internal/spans.ts"
import type { Options as StreamOptions, Payload, SendOptions, TcpSocket } from "./TcpSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * How a connection behaves, of whichever side: as of `TcpSocket.Options`, without what only TCP has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<StreamOptions, "noDelay" | "keepAlive" | "urgentInline"> {}

/**
 * A connection. What is said of `TcpSocket` holds for all that both have.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixSocket
  extends
    Live<"unix">,
    Pick<
      TcpSocket,
      | "receive"
      | "pull"
      | "receiveExactly"
      | "receiveUntil"
      | "receiveInto"
      | "stream"
      | "sink"
      | "channel"
      | "shutdown"
      | "close"
      | "abort"
    > {
  /** The path on this side: that of the server for an accepted connection, empty (unnamed) for one that was made here. */
  readonly localAddress: NetAddress.UnixPathAddress
  /** The path on the peer's side; empty where the peer has none. */
  readonly remoteAddress: NetAddress.UnixPathAddress
  /** Sends all of a payload, as `TcpSocket.send` does. There is no urgent data. */
  readonly send: (payload: Payload, options?: Pick<SendOptions, "whole">) => Effect.Effect<void, WinsockError>
  /**
   * The process at the other end (`SIO_AF_UNIX_GETPEERPID`, `afunix.h`). Who holds the connection now may be another
   * process: it is the one that connected or listened.
   */
  readonly peerProcessId: Effect.Effect<number, WinsockError>
}

/**
 * Connects to a server by the path of its file: a text, or a `UnixPathAddress` of `effect/net`, of 1 to 108 bytes of
 * UTF-8 without a zero. A relative path is relative to the process's current directory. Closing the scope ends the
 * connection as `TcpSocket.connect` says.
 *
 * It is `ConnectEx` on a SOCKET that is bound to no name, for `ConnectEx` wants a bound one. It can be interrupted at
 * any point and leaves no socket behind.
 *
 * Fails by reason: `InvalidArgument` for an option out of range or no path, `NotSupported` for a provider without
 * AF_UNIX, `ConnectionRefused` where nobody listens (the file of a server that is gone, or no file), `PermissionDenied`,
 * `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (Asking a server of this machine)
 *
 * ```ts
 * import * as UnixSocket from "@effect-winsock/core/UnixSocket"
 * import { Effect } from "effect"
 *
 * const ask = Effect.gen(function*() {
 *   const unix = yield* UnixSocket.connect("C:\\temp\\service.sock")
 *   yield* unix.send(new TextEncoder().encode("status\n"))
 *   return yield* unix.receiveUntil("\n")
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  path: string | NetAddress.UnixPathAddress,
  options: Options = {}
): Effect.Effect<UnixSocket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return tracedConnect(engine, "unix", path, connecting.connect(engine, path, options))
  })

/**
 * Whether the provider has AF_UNIX streams: Windows 10 1803 and later do, Wine 8 does not. It is found out by making a
 * SOCKET. Fails with whatever else keeps one from being made.
 *
 * @category getters
 * @since 0.1.0
 */
export const isSupported: Effect.Effect<boolean, WinsockError, Winsock> = Effect.flatMap(Winsock, (winsock) =>
  connecting.isSupported(winsock[EngineKey])
)
