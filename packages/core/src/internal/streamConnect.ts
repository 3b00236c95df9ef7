/** Connections of any address family from this side: a SOCKET that is connected, or given back whatever happens. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as WinsockErrors from "../WinsockError.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Restore } from "./happyEyeballs.ts"
import type { Stream } from "./stream.ts"
import type { StreamConnection } from "./streamConnection.ts"

/** Ends a connection as the end of its scope does. */
export const closing = (stream: Stream): Effect.Effect<void> =>
  Effect.callback<void>((resume) => stream.close(() => resume(Effect.void)))

/** Gives a connection to the scope. In the region in which it was made: no interruption comes between. */
export const owned = <C extends StreamConnection>(connection: C): Effect.Effect<C, never, Scope.Scope> =>
  Effect.as(
    Effect.addFinalizer(() => closing(connection.internal)),
    connection
  )

/** One attempt, on a SOCKET of its own; must run uninterruptible, with the `restore` of that region. */
export const attempt = <C extends StreamConnection>(
  open: () => Stream | WinsockError,
  to: NetAddress.SocketAddress,
  bytes: Uint8Array,
  made: (stream: Stream) => C | WinsockError,
  restore: Restore
): Effect.Effect<C, WinsockError> =>
  Effect.suspend(() => {
    const stream = open()
    if (stream instanceof WinsockErrors.WinsockError) return Effect.fail(stream)
    return Effect.flatMap(Effect.exit(restore(stream.connect(to, bytes))), (exit) => {
      const connection = Exit.isSuccess(exit) ? made(stream) : exit
      if (!Exit.isExit(connection) && !(connection instanceof WinsockErrors.WinsockError)) {
        return Effect.succeed(connection)
      }
      // whatever became of it meanwhile, nobody has it
      const failure = connection instanceof WinsockErrors.WinsockError ? Exit.fail(connection) : connection
      return Effect.andThen(
        Effect.callback<void>((resume) => stream.abort(() => resume(Effect.void))),
        failure as Exit.Exit<never, WinsockError>
      )
    })
  })
