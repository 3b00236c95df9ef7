/** Listening sockets of any address family: how they begin to listen, and what a program sees of them. */
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { associate } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { Restore } from "./happyEyeballs.ts"
import type { Kind, ListenerOptions } from "./listener.ts"
import { Listener } from "./listener.ts"
import type { LiveKind } from "./liveSocket.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import { OPEN } from "./socketEndpoint.ts"
import { side, socketAttributes, traced } from "./spans.ts"
import { closing, owned } from "./streamConnect.ts"
import type { RunOptions } from "../TcpServer.ts"
import type { StreamConnection } from "./streamConnection.ts"
import { streamError } from "./streamError.ts"
import type { Unowned } from "./tcpOpen.ts"
import { lastError, refuse, refuseWithout, skipPackets } from "./tcpOpen.ts"

/** Hands a SOCKET that is bound to a listener, which closes it from then on; on failure it is closed here. */
export const listening = <A, C extends StreamConnection, L extends LiveKind>(
  engine: Engine,
  unowned: Unowned,
  family: number,
  kind: Kind<A, C, L>,
  backlog: number,
  options: ListenerOptions
): Server<A, C, L> | WinsockError => {
  const { on, provider } = unowned
  if (engine.calls.listen(on.socket, backlog) !== 0) return refuse(on, "listen")
  const bound = on.address("getsockname", kind.read)
  if (bound === undefined) return refuse(on, "getsockname")
  const AcceptEx = provider.get("AcceptEx", on.socket)
  if (AcceptEx === undefined) return refuseWithout(on, "AcceptEx")
  const GetAcceptExSockaddrs = provider.get("GetAcceptExSockaddrs", on.socket)
  if (GetAcceptExSockaddrs === undefined) return refuseWithout(on, "GetAcceptExSockaddrs")
  const functions = { AcceptEx, GetAcceptExSockaddrs }
  const completion = engine.completion(options.stream.completion)
  if (completion instanceof WinsockErrors.WinsockError) {
    engine.calls.closesocket(on.socket)
    return completion
  }
  const key = engine.reserve()
  let error: WinsockError
  if (associate(engine, completion, on.socket, key)) {
    const skips = skipPackets(engine, completion, on.socket, provider)
    const mode = { completion, skips, cancelCloses: !provider.ifsHandles }
    try {
      return new Server(
        bound,
        family,
        kind.live,
        new Listener(engine, on.socket, key, mode, family, kind, functions, options)
      )
    } catch {
      // all that it throws for
      error = streamError("WSASocketW", WSA_NOT_ENOUGH_MEMORY)
    }
  } else error = lastError(engine, "CreateIoCompletionPort")
  engine.unreserve(key)
  engine.calls.closesocket(on.socket)
  return error
}

export class Server<A, C extends StreamConnection, L extends LiveKind> {
  readonly address: A
  private readonly family: number
  private readonly live: L
  readonly listener: Listener<A, C>
  readonly accept: Effect.Effect<C, WinsockError, Scope.Scope>

  constructor(address: A, family: number, live: L, listener: Listener<A, C>) {
    this.address = address
    this.family = family
    this.live = live
    this.listener = listener
    const accept = Effect.uninterruptibleMask((restore) => Effect.flatMap(this.next(restore), owned))
    const { engine } = listener
    const attributes = (peer?: unknown) => socketAttributes(live === "unix" ? "unix" : "tcp", address, peer)
    this.accept =
      engine.tracing === 0
        ? accept
        : traced(
            engine,
            "accept",
            accept,
            () => attributes(),
            (connection) => side("peer", (connection as { readonly remoteAddress?: unknown }).remoteAddress)
          )
    engine.life?.opened(listener, "server listening", attributes())
  }

  get [LiveKey](): LiveSocketOf<L> {
    const { family, listener, live } = this
    return new LiveSocketOf(listener.engine, live, family, () => (listener.state === OPEN ? listener.socket : -1))
  }

  readonly run = <R, E, _>(
    handler: (connection: C) => Effect.Effect<_, E, R>,
    { onFailure = Effect.fail }: RunOptions = {}
  ): Effect.Effect<never, WinsockError, Exclude<R, Scope.Scope>> =>
    Effect.acquireUseRelease(
      // at the end all handlers are interrupted at once, and waited for
      Scope.make("parallel"),
      (handlers) => Effect.forever(Effect.catch(this.handleNext(handler, handlers), onFailure)),
      (handlers) => Scope.close(handlers, Exit.void)
    )

  // the next connection, which is the caller's; must run uninterruptible, with the `restore` of that region
  private next(restore: Restore): Effect.Effect<C, WinsockError> {
    const { listener } = this
    const take = (woken: boolean): Effect.Effect<C, WinsockError> =>
      Effect.suspend(() => {
        const taken = listener.take(woken)
        if (taken === undefined) return Effect.flatMap(restore(listener.ready), () => take(true))
        return taken instanceof WinsockErrors.WinsockError ? Effect.fail(taken) : Effect.succeed(taken)
      })
    return take(false)
  }

  private handleNext<R, E, _>(
    handler: (connection: C) => Effect.Effect<_, E, R>,
    handlers: Scope.Scope
  ): Effect.Effect<void, WinsockError, Exclude<R, Scope.Scope>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.next(restore), (connection) =>
        Effect.asVoid(
          // uninterruptible, so that it comes to its end whatever happens; and begun at once: a connection that was taken
          // has been in the handler's hands before an interruption can end it
          Effect.forkIn(handling(handler, connection), handlers, { startImmediately: true, uninterruptible: true })
        )
      )
    )
  }
}

const handling = <C extends StreamConnection, R, E, _>(
  handler: (connection: C) => Effect.Effect<_, E, R>,
  connection: C
): Effect.Effect<void, never, Exclude<R, Scope.Scope>> =>
  Effect.andThen(
    Effect.exit(
      Effect.interruptible(
        Effect.ignoreCause(Effect.scoped(Effect.suspend(() => handler(connection))), {
          log: "Error",
          message: "the handler of a connection failed"
        })
      )
    ),
    closing(connection.internal)
  )
