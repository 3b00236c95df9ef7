/** Effect's SocketServer over listening sockets. */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { UnixServer } from "@effect-winsock/core/UnixServer"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as SocketErrors from "./socketErrors.ts"
import type { Connection } from "./socketLink.ts"
import type { Opened } from "./socketSession.ts"
import { fromOpened } from "./socketSession.ts"

type Service = SocketServer.SocketServer["Service"]

export const openError = (cause: unknown): SocketServer.SocketServerError =>
  new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerOpenError({ cause }) })

const unknownError = (cause: unknown): SocketServer.SocketServerError =>
  new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerUnknownError({ cause }) })

// no later accept can fare better
const final: ReadonlySet<string> = new Set(["OperationAborted", "SocketClosed"])

const firstPause = 5
const longestPause = 1000

/** What follows a failure of accept: it is said, and after a pause that grows accepting goes on. */
class BackOff {
  private pause = firstPause

  readonly wait = (error: WinsockError): Effect.Effect<void, WinsockError> => {
    if (final.has(error.reason._tag)) return Effect.fail(error)
    const { pause } = this
    this.pause = Math.min(pause * 2, longestPause)
    return Effect.andThen(
      Effect.logWarning(`a connection could not be accepted; accepting goes on in ${pause} ms`, error),
      Effect.sleep(pause)
    )
  }

  /** A connection was accepted. */
  reset(): void {
    this.pause = firstPause
  }
}

/** A connection as what a Socket opens: once, for it is the peer who opened it. */
const once = (opened: Opened): Effect.Effect<Opened, Socket.SocketError, Scope.Scope> => {
  let over = false
  return Effect.acquireRelease(
    Effect.suspend(() => (over ? Effect.fail(SocketErrors.closed(1000)) : Effect.succeed(opened))),
    () => {
      over = true
      return opened.close
    }
  )
}

/** How a connection is made a Socket, and what its handler is provided with. */
export type Hand = <E, R>(
  connection: Connection,
  handle: (opened: Opened) => Effect.Effect<void, E, R>
) => Effect.Effect<void, E, Exclude<R, Scope.Scope>>

/** Makes a server of one that listens. */
export const fromServer = (
  server: TcpServer | UnixServer,
  hand: Hand,
  closeTimeout: Duration.Input | undefined
): Service => {
  const run = <R, E, _>(
    handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>
  ): Effect.Effect<never, SocketServer.SocketServerError, R> => {
    const handle = (opened: Opened): Effect.Effect<void, never, R> =>
      Effect.ignoreCause(Effect.flatMap(fromOpened(once(opened), { closeTimeout, tlsServer: true }), handler), {
        log: "Unhandled",
        message: "Unhandled error in SocketServer"
      })
    return Effect.suspend(() => {
      const backOff = new BackOff()
      const accepted = (connection: Connection) => {
        backOff.reset()
        return hand(connection, handle)
      }
      return Effect.mapError(server.run(accepted, { onFailure: backOff.wait }), unknownError)
    }) as Effect.Effect<never, SocketServer.SocketServerError, R>
  }
  return SocketServer.SocketServer.of({ address: server.address, run })
}
