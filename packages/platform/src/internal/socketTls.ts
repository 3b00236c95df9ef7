/** TLS sessions over connections: node:tls on their Duplexes, as what a Socket reads from and writes to. */
import type { Payload, TcpSocket } from "@effect-winsock/core/TcpSocket"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import { Buffer } from "node:buffer"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import { underTls } from "../TcpDuplex.ts"
import { borrow } from "./owning.ts"
import * as SocketErrors from "./socketErrors.ts"
import type { Bytes, Connection, Link } from "./socketLink.ts"

/** Begins a session on a stream; `done` is told when it stands, or why it does not. Gives what ends it before that. */
export type Begin = (stream: Duplex, done: (session: tls.TLSSocket | undefined, error?: unknown) => void) => () => void

/** How long closing waits for what a session has to send yet, when nothing else was said: as a connection's does. */
const defaultCloseTimeout = "2 seconds"

// of a value that is in hand: see `takeOrWait` in the engine
const handOver = 4
const fewestSteps = 16

type Resume = (effect: Effect.Effect<Bytes, Socket.SocketError>) => void

/** A session that stands. */
export class Session implements Link {
  readonly socket: tls.TLSSocket
  private readonly stream: Duplex
  private readonly connection: Connection
  private readonly closeTimeout: number
  private readonly line: Array<Resume> = []
  private over: Socket.SocketError | undefined = undefined
  // nothing of it is given out any more
  private gone = false
  /** Told of its end; says what pulls fail with. */
  ended: (error: Socket.SocketError) => Socket.SocketError = (error) => error

  constructor(socket: tls.TLSSocket, stream: Duplex, connection: Connection, closeTimeout: Duration.Input) {
    this.socket = socket
    this.stream = stream
    this.connection = connection
    this.closeTimeout = Duration.toMillis(closeTimeout)
    socket.on("readable", this.serve)
    socket.on("end", () => this.finish(SocketErrors.closed(1000), false))
    // stays: what a session says when it is gone must not be an uncaught exception
    socket.on("error", (cause) => this.finish(SocketErrors.reading(cause), true))
    socket.on("close", (hadError) => this.finish(SocketErrors.closed(hadError ? 1006 : 1000), hadError))
  }

  // --- reading ---

  private readonly wait: Effect.Effect<Bytes, Socket.SocketError> = Effect.callback((resume) => {
    this.line.push(resume)
    // in a step of its own: a fiber that is resumed here may yield with what it was given
    queueMicrotask(this.serve)
    return Effect.sync(() => {
      const at = this.line.indexOf(resume)
      if (at !== -1) this.line.splice(at, 1)
    })
  })

  readonly pull: Effect.Effect<Bytes, Socket.SocketError> = Effect.withFiber((fiber) => {
    const most = fiber.cache.maxOpsBeforeYield
    if (most < fewestSteps) return this.wait
    if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => this.pull)
    return (this.line.length === 0 ? this.take() : undefined) ?? this.wait
  })

  private get isReady(): boolean {
    return this.over !== undefined || this.socket.readableLength > 0
  }

  private take(): Effect.Effect<Bytes, Socket.SocketError> | undefined {
    const chunk = this.gone ? null : (this.socket.read() as Buffer | null)
    if (chunk !== null) return Effect.succeed([chunk])
    return this.over === undefined ? undefined : Effect.fail(this.ended(this.over))
  }

  // whoever is first takes it in the first step of its own: one that was interrupted meanwhile does not come to that
  private readonly takeOrWait = Effect.suspend(() => this.take() ?? this.wait)

  private readonly serve = (): void => {
    for (let left = this.line.length; left > 0 && this.line.length > 0 && this.isReady; left--) {
      this.line.shift()!(this.takeOrWait)
    }
    // it tells of more when it was asked in vain
    if (this.line.length > 0 && !this.gone) this.socket.read(0)
  }

  private finish(error: Socket.SocketError, gone: boolean): void {
    this.over ??= error
    if (gone) this.gone = true
    this.serve()
  }

  /** Nothing is given out any more: who waits is told so. */
  stop(error: Socket.SocketError): void {
    this.finish(error, true)
  }

  // --- writing ---

  readonly send = (payload: Payload): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      const { socket } = this
      if (!socket.writable) return Effect.fail(SocketErrors.writing(new Error("the TLS session has ended")))
      let room = true
      try {
        if (Array.isArray(payload)) {
          socket.cork()
          for (const piece of payload as ReadonlyArray<Uint8Array>) room = socket.write(piece)
          socket.uncork()
        } else room = socket.write(payload as Uint8Array)
      } catch (cause) {
        return Effect.fail(SocketErrors.writing(cause))
      }
      return room ? Effect.void : this.drained
    })

  private readonly drained: Effect.Effect<void, Socket.SocketError> = Effect.callback((resume) => {
    const { socket } = this
    const stop = () => {
      socket.off("drain", onDrain).off("error", onError).off("close", onClose)
    }
    const end = (effect: Effect.Effect<void, Socket.SocketError>) => {
      stop()
      resume(effect)
    }
    const onDrain = () => end(Effect.void)
    const onError = (cause: Error) => end(Effect.fail(SocketErrors.writing(cause)))
    const onClose = () => end(Effect.fail(SocketErrors.writing(new Error("the TLS session was closed"))))
    socket.on("drain", onDrain).on("error", onError).on("close", onClose)
    return Effect.sync(stop)
  })

  // --- ending ---

  readonly end: Effect.Effect<void> = Effect.sync(() => {
    this.socket.end()
  })

  /** Sends what there is to send, for a while, and closes. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    const { socket, stream } = this
    // a session whose stream went away under it does not tell that it is closed
    if (socket.closed || stream.closed) return resume(Effect.void)
    const timer = setTimeout(() => stream.destroy(), this.closeTimeout)
    const done = () => {
      clearTimeout(timer)
      resume(Effect.void)
    }
    socket.once("close", done)
    stream.once("close", done)
    socket.destroySoon()
  })

  readonly abort: Effect.Effect<void> = Effect.suspend(() => {
    this.socket.destroy()
    return this.connection.abort
  })
}

/**
 * Makes a session on a connection: done when it stands. Closing the scope ends it, before the connection. A failure is
 * whatever node:tls says.
 */
export const secure = (
  connection: Connection,
  begin: Begin,
  closeTimeout: Duration.Input = defaultCloseTimeout
): Effect.Effect<Session, unknown, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const own = yield* Scope.fork(scope)
      // what a Duplex asks of a connection both kinds have, but for the names of its ends
      const stream = yield* Scope.provide(borrow(connection as TcpSocket, underTls), own)
      const handshake = Effect.callback<tls.TLSSocket, unknown>((resume) => {
        // what the session says of an end comes first
        const gone = () =>
          setImmediate(() => resume(Effect.fail(new Error("the connection ended during the handshake"))))
        stream.once("end", gone).once("close", gone)
        try {
          return Effect.sync(
            begin(stream, (session, error) =>
              resume(session === undefined ? Effect.fail(error) : Effect.succeed(session))
            )
          )
        } catch (cause) {
          // options that node:tls does not take
          return resume(Effect.fail(cause))
        }
      })
      const exit = yield* Effect.exit(restore(handshake))
      if (Exit.isFailure(exit)) {
        yield* Scope.close(own, exit)
        return yield* Effect.failCause(exit.cause)
      }
      const session = new Session(exit.value, stream, connection, closeTimeout)
      yield* Scope.addFinalizer(own, session.close)
      return session
    })
  )

/** The client's side. */
export const client =
  (options: tls.ConnectionOptions): Begin =>
  (socket, done) => {
    const session = tls.connect({ ...options, socket, allowHalfOpen: true } as tls.ConnectionOptions)
    session.once("error", (error) => done(undefined, error))
    session.once("secureConnect", () => {
      session.pause()
      done(session)
    })
    return () => session.destroy()
  }

/** The server's side: a server of node:tls for one stream, which checks what the client shows. */
export const server =
  (options: tls.TlsOptions): Begin =>
  (stream, done) => {
    const target = tls.createServer({ ...options, allowHalfOpen: true })
    target.once("secureConnection", (session) => {
      session.pause()
      done(session)
    })
    target.once("tlsClientError", (error, session) => {
      session.destroy()
      done(undefined, error)
    })
    target.emit("connection", stream)
    return () => stream.destroy()
  }

const buffersOf = (given: string | Uint8Array | ReadonlyArray<string | Uint8Array>): Array<Buffer> =>
  (Array.isArray(given) ? given : [given]).map((one: string | Uint8Array) => Buffer.from(one as string))

const keysOf = ({ key }: Socket.TlsUpgradeOptions): Array<Buffer> | undefined =>
  key === undefined
    ? undefined
    : (Array.isArray(key) ? key : [key]).map((one: Redacted.Redacted<string | Uint8Array>) =>
        Buffer.from(Redacted.value(one) as string)
      )

type Defined<A> = { [K in keyof A]?: Exclude<A[K], undefined> }

// node:tls takes an option that is undefined for one that is given
const defined = <A extends object>(options: A): Defined<A> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<A>

const contextOf = (options: Socket.TlsUpgradeOptions) =>
  defined({
    key: keysOf(options),
    cert: options.cert === undefined ? undefined : buffersOf(options.cert),
    ca: options.ca === undefined ? undefined : buffersOf(options.ca),
    passphrase: options.passphrase === undefined ? undefined : Redacted.value(options.passphrase),
    ALPNProtocols: options.alpnProtocols === undefined ? undefined : [...options.alpnProtocols],
    requestCert: options.requestCert,
    rejectUnauthorized: options.rejectUnauthorized
  })

const isProtocol = (name: unknown): boolean => {
  const length = typeof name === "string" ? Buffer.byteLength(name) : 0
  return length > 0 && length < 256
}

const refused = (option: string, value: unknown, expected: string): Error =>
  WinsockErrors.invalidArgument("upgrade", option, value, expected)

/** How a session begins that is told by the options of Effect's `upgrade`; or what they lack. */
export const ofUpgrade = (
  options: Socket.TlsUpgradeOptions,
  isServer: boolean,
  host: string | undefined
): Begin | Error => {
  const hasKey = options.key !== undefined
  const hasCert = options.cert !== undefined
  if (isServer && !(hasKey && hasCert)) return new Error("a server's TLS upgrade needs both key and cert")
  if (hasKey !== hasCert) return new Error("a TLS upgrade takes both key and cert, or neither")
  // what is wrong with them is found out before anything is begun
  const { alpnProtocols, servername } = options
  if (servername !== undefined && typeof servername !== "string") {
    return refused("servername", servername, "the name of a host")
  }
  if (alpnProtocols !== undefined && !(Array.isArray(alpnProtocols) && alpnProtocols.every(isProtocol))) {
    return refused("alpnProtocols", alpnProtocols, "names of 1 to 255 bytes")
  }
  try {
    const given = contextOf(options)
    tls.createSecureContext(given)
    return isServer ? server(given) : client({ ...given, ...defined({ servername, host }) })
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause))
  }
}
