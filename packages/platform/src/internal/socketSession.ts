/** A Socket over connections that an effect opens: one at a time, from a reader's acquisition to the end of its scope. */
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketErrors from "./socketErrors.ts"
import type { Bytes, Connection, Link } from "./socketLink.ts"
import { plain } from "./socketLink.ts"

export interface Options {
  /** How long opening may take; with 0 nothing is opened. */
  readonly openTimeout?: Duration.Input | undefined
  /** Whether `upgrade` is the server's side of TLS. */
  readonly tlsServer?: boolean | undefined
}

const encoder = new TextEncoder()

const toBytes = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)

/** What a Socket has while it is connected. */
class Session {
  readonly scope: Scope.Closeable
  readonly pull: Effect.Effect<Bytes, Socket.SocketError>
  link: Link
  // the first end counts, whatever follows from it
  private over: Socket.SocketError | undefined = undefined

  constructor(connection: Connection, scope: Scope.Closeable) {
    this.scope = scope
    this.link = plain(connection, this.end)
    this.pull = Effect.suspend(() => (this.over === undefined ? this.link.pull : Effect.fail(this.over)))
  }

  /** From now on pulls fail with it, if they did not with another before. */
  readonly end = (error: Socket.SocketError): Socket.SocketError => (this.over ??= error)

  /** Ends this side in its turn. Nobody waits for it: a peer that does not read must not keep a scope from closing. */
  get endWriting(): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(this.link.end, this.scope, { startImmediately: true }))
  }

  close({ code, reason }: Socket.CloseEvent): Effect.Effect<void> {
    this.end(SocketErrors.closed(code, reason))
    return code > 1000 ? this.link.abort : this.link.close
  }
}

const timedOut = Effect.suspend(() => Effect.fail(SocketErrors.opening(new Error("Connection timed out"), "Timeout")))

const within = <A, E, R>(
  open: Effect.Effect<A, E, R>,
  openTimeout: Duration.Input | undefined
): Effect.Effect<A, E | Socket.SocketError, R> => {
  if (openTimeout === undefined) return open
  // whoever has no time must not find a connection that was quick
  return Duration.toMillis(openTimeout) <= 0
    ? timedOut
    : Effect.timeoutOrElse(open, { duration: openTimeout, orElse: () => timedOut })
}

const ofOpen = (error: unknown): Socket.SocketError =>
  Socket.isSocketError(error) ? error : SocketErrors.opening(error)

export const fromConnection = <E extends WinsockError | Socket.SocketError, R>(
  open: Effect.Effect<Connection, E, R>,
  options: Options = {}
): Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((services: Context.Context<Exclude<R, Scope.Scope>>) => {
    let current: Session | undefined
    const connected = Latch.makeUnsafe(false)

    const opened = Effect.mapError(within(open, options.openTimeout), ofOpen)

    const reader: Socket.Socket["reader"] = Effect.gen(function* () {
      const scope = yield* Effect.scope
      // what is opened is closed before the reader is done with, and after it has said so
      const owner = yield* Scope.fork(scope)
      const connection = yield* Scope.provide(opened, owner)
      const session = new Session(connection, owner)
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          session.end(SocketErrors.closed(1006))
          if (current !== session) return
          current = undefined
          connected.closeUnsafe()
        })
      )
      current = session
      yield* connected.open
      return { pull: session.pull, upgrade: Socket.SocketUpgradeError.unsupported }
    }).pipe(
      Effect.updateContext(
        (input: Context.Context<Scope.Scope>) =>
          Context.merge(services as Context.Context<never>, input) as Context.Context<R | Scope.Scope>
      )
    )

    const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
      Effect.suspend(() => {
        if (current === undefined) return connected.whenOpen(write(chunk))
        return Socket.isCloseEvent(chunk) ? current.close(chunk) : current.link.send(toBytes(chunk))
      })

    const writeAll = (chunks: NonEmptyReadonlyArray<Uint8Array | string>): Effect.Effect<void, Socket.SocketError> =>
      Effect.suspend(() =>
        current === undefined ? connected.whenOpen(writeAll(chunks)) : current.link.send(chunks.map(toBytes))
      )

    const writer: Socket.Socket["writer"] = Effect.acquireRelease(Effect.succeed({ write, writeAll }), () =>
      Effect.suspend(() => current?.endWriting ?? Effect.void)
    )

    return Effect.succeed(Socket.make({ reader, writer }))
  })
