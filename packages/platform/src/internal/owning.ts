/** Whose a connection is that became a Duplex, and who ends it. */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import { Server as TlsServer } from "node:tls"
import type { Options, Target } from "../TcpDuplex.ts"
import { Connection, Lifetime } from "./connection.ts"

/** The connection that `open` opens is closed with the Duplex. */
export const own = Effect.fnUntraced(function* <E, R>(open: Effect.Effect<TcpSocket, E, R>, options: Options) {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const parent = yield* Effect.scope
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const scope = Scope.forkUnsafe(parent)
      const lifetime = new Lifetime(scope)
      return Effect.flatMap(Scope.addFinalizer(scope, lifetime.closed), () =>
        Effect.matchCauseEffect(restore(Scope.provide(open, scope)), {
          onFailure: (cause) => Effect.andThen(Scope.close(scope, Exit.failCause(cause)), Effect.failCause(cause)),
          onSuccess: (socket) => {
            const connection = new Connection(socket, fork, lifetime, options)
            return Effect.as(Scope.addFinalizer(scope, connection.stop), connection)
          }
        })
      )
    })
  )
})

/** The connection stays its scope's: the Duplex ends it, and lets it go. */
export const borrow = Effect.fnUntraced(function* (socket: TcpSocket, options: Options) {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const lifetime = new Lifetime(Scope.forkUnsafe(yield* Effect.scope))
  const connection = new Connection(socket, fork, lifetime, options)
  yield* Scope.addFinalizer(lifetime.scope, lifetime.closed)
  yield* Scope.addFinalizer(lifetime.scope, connection.leave)
  yield* Scope.addFinalizer(lifetime.scope, connection.stop)
  return connection
}, Effect.uninterruptible)

/**
 * A TLS session that has begun on a stream ends it, and may have much to send yet when the peer has ended. Until then the
 * stream is as the session is to be, which takes it for an example.
 */
export const leaveToTls = (connection: Duplex): void => {
  connection.allowHalfOpen = true
}

const isSecure = (target: Target): boolean => target instanceof TlsServer

/** What a Duplex is to be like for a server; what was not said is as the server would have its own connections. */
const optionsFor = (target: Target, options: Options): Options => ({
  allowHalfOpen: options.allowHalfOpen ?? target.allowHalfOpen,
  autoDestroy: options.autoDestroy ?? !isSecure(target),
  highWaterMark: options.highWaterMark ?? target.highWaterMark
})

const announce = (target: Target, connection: Connection): Effect.Effect<void> =>
  Effect.catchCause(
    Effect.sync(() => {
      if (target.noDelay) connection.setNoDelay(true)
      if (target.keepAlive) connection.setKeepAlive(true, target.keepAliveInitialDelay)
      // nobody would ever end it
      if (!target.emit("connection", connection)) connection.destroy()
      if (isSecure(target)) leaveToTls(connection)
    }),
    (cause) => {
      connection.destroy()
      return Effect.logError("a listener of 'connection' failed; the connection was closed", cause)
    }
  )

const closed = (connection: Connection): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (connection.closed) return resume(Effect.void)
    const done = () => resume(Effect.void)
    connection.once("close", done)
    return Effect.sync(() => connection.removeListener("close", done))
  })

export const handle = (target: Target, options: Options, socket: TcpSocket): Effect.Effect<void> =>
  Effect.scoped(
    Effect.flatMap(borrow(socket, optionsFor(target, options)), (connection) =>
      Effect.andThen(announce(target, connection), closed(connection))
    )
  )

/**
 * Accepts for ever. The connections belong to a scope of their own, which outlives an interruption: one that was accepted
 * has also been handed over. `seen` is told of each before the server is.
 */
export const acceptInto = (
  connections: Scope.Scope,
  server: TcpServer,
  target: Target,
  options: Options,
  seen: (connection: Connection) => boolean
): Effect.Effect<never, WinsockError> => {
  const wanted = optionsFor(target, options)
  return Effect.forever(
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.provide(own(restore(server.accept), wanted), connections), (connection) =>
        seen(connection) ? announce(target, connection) : Effect.void
      )
    )
  )
}

const all = () => true

export const serve = (server: TcpServer, target: Target, options: Options): Effect.Effect<never, WinsockError> =>
  Effect.scopedWith((scope) =>
    // all of them are ended at the same time
    acceptInto(Scope.forkUnsafe(scope, "parallel"), server, target, options, all)
  )
