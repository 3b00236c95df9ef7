/** A Socket over connections that an effect opens: one at a time, from a reader's acquisition to the end of its scope. */
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketErrors from "./socketErrors.ts"
import type { Bytes, Connection, Link } from "./socketLink.ts"
import { plain } from "./socketLink.ts"
import * as Tls from "./socketTls.ts"

export interface Options {
  /** How long opening may take; with 0 nothing is opened. */
  readonly openTimeout?: Duration.Input | undefined
  /** Whether `upgrade` is the server's side of TLS. */
  readonly tlsServer?: boolean | undefined
  /** The name that was connected to, which a server must show when an upgrade says no other. */
  readonly host?: string | undefined
}

/** What a Socket is over. */
export type Opened = Connection | Tls.Session

const encoder = new TextEncoder()

const toBytes = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)

/** What a Socket has while it is connected. */
class Session {
  readonly pull: Effect.Effect<Bytes, Socket.SocketError>
  link: Link
  private readonly scope: Scope.Closeable
  private readonly options: Options
  // while it can be upgraded
  private connection: Connection | undefined = undefined
  private secured: Tls.Session | undefined = undefined
  // the first end counts, whatever follows from it
  private over: Socket.SocketError | undefined = undefined

  constructor(opened: Opened, scope: Scope.Closeable, options: Options) {
    this.scope = scope
    this.options = options
    if (opened instanceof Tls.Session) this.link = this.secure(opened)
    else this.link = plain((this.connection = opened), this.end)
    this.pull = Effect.suspend(() => (this.over === undefined ? this.link.pull : Effect.fail(this.over)))
  }

  /** From now on pulls fail with it, if they did not with another before. */
  readonly end = (error: Socket.SocketError): Socket.SocketError => (this.over ??= error)

  /** The end of its reader: who still pulls is told so. */
  stop(): void {
    const error = this.end(SocketErrors.closed(1006))
    this.connection = undefined
    // of what is not secured closing the connection tells
    this.secured?.stop(error)
  }

  /** Ends this side in its turn. Nobody waits for it: a peer that does not read must not keep a scope from closing. */
  get endWriting(): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(this.link.end, this.scope, { startImmediately: true }))
  }

  close({ code, reason }: Socket.CloseEvent): Effect.Effect<void> {
    this.secured?.stop(this.end(SocketErrors.closed(code, reason)))
    this.end(SocketErrors.closed(code, reason))
    return code > 1000 ? this.link.abort : this.link.close
  }

  // --- TLS ---

  private secure(secured: Tls.Session): Link {
    this.secured = secured
    secured.ended = this.end
    return secured
  }

  readonly upgrade: Socket.Reader["upgrade"] = (options = {}) =>
    Effect.suspend(() => {
      const { connection } = this
      if (connection === undefined || this.over !== undefined) {
        return Effect.fail(SocketErrors.upgrading(new Error("the socket was upgraded before, or is closed")))
      }
      const begin = Tls.ofUpgrade(options, this.options.tlsServer === true, this.options.host)
      if (begin instanceof Error) return Effect.fail(SocketErrors.upgrading(begin))
      this.connection = undefined
      return this.shake(connection, begin)
    })

  private shake(connection: Connection, begin: Tls.Begin): Effect.Effect<void, Socket.SocketError> {
    const shaken = Latch.makeUnsafe(false)
    this.link = {
      pull: shaken.whenOpen(this.pull),
      send: (payload) => shaken.whenOpen(Effect.suspend(() => this.link.send(payload))),
      end: shaken.whenOpen(Effect.suspend(() => this.link.end)),
      close: connection.close,
      abort: connection.abort
    }
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.exit(restore(Scope.provide(Tls.secure(connection, begin), this.scope))), (exit) => {
        if (Exit.isSuccess(exit)) {
          this.link = this.secure(exit.value)
          return shaken.open
        }
        const interrupted = Cause.hasInterruptsOnly(exit.cause)
        const error = interrupted ? SocketErrors.closed(1006) : SocketErrors.upgrading(Cause.squash(exit.cause))
        this.link = dead(connection, this.end(error))
        return Effect.andThen(
          shaken.open,
          interrupted ? Effect.failCause(exit.cause as Cause.Cause<never>) : Effect.fail(error)
        )
      })
    )
  }
}

/** A connection that is of no use any more. */
const dead = (connection: Connection, error: Socket.SocketError): Link => ({
  pull: Effect.fail(error),
  send: () => Effect.suspend(() => Effect.fail(SocketErrors.writing(error))),
  end: Effect.void,
  close: connection.close,
  abort: connection.abort
})

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

export const fromOpened = <E, R>(
  open: Effect.Effect<Opened, E, R>,
  options: Options = {}
): Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((services: Context.Context<Exclude<R, Scope.Scope>>) => {
    let current: Session | undefined
    const connected = Latch.makeUnsafe(false)

    const opening = Effect.mapError(within(open, options.openTimeout), ofOpen)

    const reader: Socket.Socket["reader"] = Effect.gen(function* () {
      const scope = yield* Effect.scope
      // what is opened is closed when the reader has said that it is at its end
      const owner = yield* Scope.fork(scope)
      const opened = yield* Effect.onError(Scope.provide(opening, owner), (cause) =>
        Scope.close(owner, Exit.failCause(cause))
      )
      const session = new Session(opened, owner, options)
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          session.stop()
          if (current !== session) return
          current = undefined
          connected.closeUnsafe()
        })
      )
      current = session
      yield* connected.open
      return { pull: session.pull, upgrade: session.upgrade }
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

/** As `fromOpened`, for a program: it has no sessions of TLS to give. */
export const fromConnection: <E extends WinsockError | Socket.SocketError, R>(
  open: Effect.Effect<Connection, E, R>,
  options?: Options
) => Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> = fromOpened
