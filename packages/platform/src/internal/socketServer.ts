/** Effect's SocketServer over listening sockets. */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { UnixServer } from "@effect-winsock/core/UnixServer"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
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
const backOff = (): ((error: WinsockError) => Effect.Effect<void, WinsockError>) => {
  let pause = firstPause
  return (error) => {
    if (final.has(error.reason._tag)) return Effect.fail(error)
    const now = pause
    pause = Math.min(pause * 2, longestPause)
    return Effect.andThen(
      Effect.logWarning(`a connection could not be accepted; accepting goes on in ${now} ms`, error),
      Effect.sleep(now)
    )
  }
}

/** How a connection is made a Socket, and what its handler is provided with. */
export type Hand = <E, R>(
  connection: Connection,
  handle: (opened: Opened) => Effect.Effect<void, E, R>
) => Effect.Effect<void, E, Exclude<R, Scope.Scope>>

/** Makes a server of one that listens. */
export const fromServer = (server: TcpServer | UnixServer, hand: Hand): Service => {
  const run = <R, E, _>(
    handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>
  ): Effect.Effect<never, SocketServer.SocketServerError, R> => {
    const handle = (opened: Opened): Effect.Effect<void, never, R> =>
      Effect.ignoreCause(
        Effect.flatMap(
          fromOpened(
            Effect.acquireRelease(Effect.succeed(opened), () => opened.close),
            { tlsServer: true }
          ),
          handler
        ),
        { log: "Unhandled", message: "Unhandled error in SocketServer" }
      )
    return Effect.suspend(() =>
      Effect.mapError(
        server.run((connection) => hand(connection, handle), { onFailure: backOff() }),
        unknownError
      )
    ) as Effect.Effect<never, SocketServer.SocketServerError, R>
  }
  return SocketServer.SocketServer.of({ address: server.address, run })
}
