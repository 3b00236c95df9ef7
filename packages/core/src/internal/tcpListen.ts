/** Listening sockets: how they are opened, and what a program sees of them. */
import { AF_INET, AF_INET6, IPPROTO_IPV6, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE, SO_REUSEADDR } from "@effect-winsock/schema/Options"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type { Options, TcpServer } from "../TcpServer.ts"
import type { TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress } from "./checks.ts"
import { associate } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { Restore } from "./happyEyeballs.ts"
import type { AcceptFunctions } from "./listener.ts"
import { Listener } from "./listener.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import { OPEN } from "./socketEndpoint.ts"
import { streamError } from "./streamError.ts"
import { closing } from "./tcpConnect.ts"
import type { Unowned } from "./tcpOpen.ts"
import { configure, lastError, makeSocket, refuse, skipPackets } from "./tcpOpen.ts"
import type { ListenChecked } from "./tcpOptions.ts"
import { checkListen } from "./tcpOptions.ts"
import type { Connection } from "./tcpSocket.ts"

export const listen = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: Options
): Effect.Effect<TcpServer, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    if (!NetAddress.isInetAddress(address)) {
      return Effect.fail(WinsockErrors.invalidArgument("bind", "address", address, anAddress))
    }
    const checked = checkListen(options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    return Effect.acquireRelease(
      Effect.suspend(() => {
        const server = open(engine, address, checked)
        return server instanceof WinsockErrors.WinsockError ? Effect.fail(server) : Effect.succeed(server)
      }),
      (server) => Effect.callback<void>((resume) => server.listener.close(() => resume(Effect.void)))
    )
  })

/** Opens in one step: the layer may be released at any other. */
const open = (engine: Engine, address: NetAddress.InetAddress, options: ListenChecked): Server | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const v6 = NetAddress.isInetAddressV6(address)
  const unowned = makeSocket(engine, v6)
  if (unowned instanceof WinsockErrors.WinsockError) return unowned
  const { on, provider } = unowned
  if (v6 && !on.set(IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0)) return refuse(on, "setsockopt")
  const sharing = options.reuseAddress ? SO_REUSEADDR : SO_EXCLUSIVEADDRUSE
  if (!on.set(SOL_SOCKET, sharing, 1)) return refuse(on, "setsockopt")
  // buffers count from the handshake on, so the connections have them from their listener; the rest is set on each
  const unset = configure(on, { ...options.stream, noDelay: false, keepAlive: false, urgentInline: false })
  if (unset !== undefined) return refuse(on, unset)
  if (!on.bind(address)) return refuse(on, "bind")
  if (engine.calls.listen(on.socket, options.backlog) !== 0) return refuse(on, "listen")
  const bound = on.localAddress()
  if (bound === undefined) return refuse(on, "getsockname")
  const AcceptEx = provider.get("AcceptEx", on.socket)
  if (AcceptEx === undefined) return refuse(on, "WSAIoctl")
  const GetAcceptExSockaddrs = provider.get("GetAcceptExSockaddrs", on.socket)
  if (GetAcceptExSockaddrs === undefined) return refuse(on, "WSAIoctl")
  const listener = attach(engine, unowned, v6, { AcceptEx, GetAcceptExSockaddrs }, options)
  return listener instanceof WinsockErrors.WinsockError ? listener : new Server(bound, listener)
}

const attach = (
  engine: Engine,
  { on, provider }: Unowned,
  v6: boolean,
  functions: AcceptFunctions,
  options: ListenChecked
): Listener | WinsockError => {
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
      return new Listener(engine, on.socket, key, mode, v6, functions, options)
    } catch {
      // all that it throws for
      error = streamError("WSASocketW", WSA_NOT_ENOUGH_MEMORY)
    }
  } else error = lastError(engine, "CreateIoCompletionPort")
  engine.unreserve(key)
  engine.calls.closesocket(on.socket)
  return error
}

class Server implements TcpServer {
  readonly address: NetAddress.InetAddress
  readonly listener: Listener
  readonly accept: TcpServer["accept"]

  constructor(address: NetAddress.InetAddress, listener: Listener) {
    this.address = address
    this.listener = listener
    this.accept = Effect.uninterruptibleMask((restore) =>
      // in the region in which it is taken: no interruption comes between
      Effect.flatMap(this.next(restore), (connection) =>
        Effect.as(
          Effect.addFinalizer(() => closing(connection.internal)),
          connection
        )
      )
    )
  }

  get [LiveKey](): LiveSocketOf<"listener"> {
    const { address, listener } = this
    const family = NetAddress.isInetAddressV4(address) ? AF_INET : AF_INET6
    return new LiveSocketOf(listener.engine, "listener", family, () => (listener.state === OPEN ? listener.socket : -1))
  }

  readonly run: TcpServer["run"] = <R, E, _>(handler: (connection: TcpSocket) => Effect.Effect<_, E, R>) =>
    Effect.acquireUseRelease(
      // at the end all handlers are interrupted at once, and waited for
      Scope.make("parallel"),
      (handlers) => Effect.forever(this.handleNext(handler, handlers)),
      (handlers) => Scope.close(handlers, Exit.void)
    )

  // the next connection, which is the caller's; must run uninterruptible, with the `restore` of that region
  private next(restore: Restore): Effect.Effect<Connection, WinsockError> {
    const { listener } = this
    const take = (woken: boolean): Effect.Effect<Connection, WinsockError> =>
      Effect.suspend(() => {
        const taken = listener.take(woken)
        if (taken === undefined) return Effect.flatMap(restore(listener.ready), () => take(true))
        return taken instanceof WinsockErrors.WinsockError ? Effect.fail(taken) : Effect.succeed(taken)
      })
    return take(false)
  }

  private handleNext<R, E, _>(
    handler: (connection: TcpSocket) => Effect.Effect<_, E, R>,
    handlers: Scope.Scope
  ): Effect.Effect<void, WinsockError, Exclude<R, Scope.Scope>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.next(restore), (connection) =>
        Effect.asVoid(
          // uninterruptible, so that it comes to its end whatever happens before its first step
          Effect.forkIn(handling(handler, connection), handlers, { uninterruptible: true })
        )
      )
    )
  }
}

const handling = <R, E, _>(
  handler: (connection: TcpSocket) => Effect.Effect<_, E, R>,
  connection: Connection
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
