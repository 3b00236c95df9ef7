/** What node:net's createConnection does before there is a connection: names, families, options. */
import type { ConnectOptions, TcpSocket } from "@effect-winsock/core/TcpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { LookupAddress, LookupOptions } from "node:dns"
import * as dns from "node:dns"
import type { Connector, Destination } from "../HttpAgent.ts"
import type { TcpDuplex } from "../TcpDuplex.ts"
import * as NodeErrors from "./nodeErrors.ts"
import { own } from "./owning.ts"

type Addresses = NonEmptyReadonlyArray<NetAddress.InetAddress>

/** Opens a connection: `TcpSocket.connect`. */
export type Open<R> = (to: Addresses, options: ConnectOptions) => Effect.Effect<TcpSocket, WinsockError, R>

/** The addresses of a name, or the one that it is. */
export const resolve = (destination: Destination): Effect.Effect<Addresses, Error> =>
  Effect.suspend(() => {
    const host = destination.host ?? destination.hostname ?? "localhost"
    const port = Number(destination.port ?? 0)
    const literal = NetAddress.inetAddressFromIpString(host, port)
    if (literal._tag === "Success") return Effect.succeed<Addresses>([literal.success])
    const { family, hints, lookup = dns.lookup } = destination
    const options: LookupOptions = {
      all: true,
      ...(family === undefined ? undefined : { family }),
      ...(hints === undefined ? undefined : { hints })
    }
    return Effect.callback<Addresses, Error>((resume) => {
      const done = (error: Error | null, found: string | ReadonlyArray<LookupAddress>) => {
        if (error !== null) return resume(Effect.fail(error))
        const texts = typeof found === "string" ? [found] : found.map(({ address }) => address)
        const [first, ...rest] = texts.map((text) => NetAddress.inetAddressFromIpString(text, port))
        resume(
          first === undefined
            ? Effect.fail(new Error(`${host} has no address`))
            : Effect.all([Effect.fromResult(first), ...rest.map(Effect.fromResult)])
        )
      }
      lookup(host, options, done)
    })
  })

const optionsOf = (destination: Destination, options: ConnectOptions): ConnectOptions =>
  destination.localAddress === undefined
    ? options
    : {
        ...options,
        // node:net throws for what is no address, too
        local: NetAddress.inetAddressFromIpStringUnsafe(destination.localAddress, destination.localPort ?? 0)
      }

const prepare = (duplex: TcpDuplex, destination: Destination): TcpDuplex => {
  if (destination.noDelay === true) duplex.setNoDelay(true)
  if (destination.keepAlive === true) duplex.setKeepAlive(true, destination.keepAliveInitialDelay)
  if (destination.timeout !== undefined) duplex.setTimeout(destination.timeout)
  return duplex
}

/** As it is for node:net, except that it gives a connection when there is one. */
export const connector = Effect.fnUntraced(function* <R>(open: Open<R>, options: ConnectOptions) {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<Exclude<R, Scope.Scope> | Scope.Scope>())

  const connect = (destination: Destination): Effect.Effect<TcpDuplex, Error, Exclude<R, Scope.Scope> | Scope.Scope> =>
    Effect.flatMap(resolve(destination), (to) =>
      Effect.mapError(own(open(to, optionsOf(destination, options)), destination), (error) =>
        NodeErrors.fromConnect(error, to)
      )
    )

  const made: Connector = (destination, callback) => {
    const fiber = fork(connect(destination))
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) return callback(null, prepare(exit.value, destination))
      const error = Cause.hasInterruptsOnly(exit.cause) ? NodeErrors.cancelled("connect") : Cause.squash(exit.cause)
      ;(callback as (error: Error) => void)(error instanceof Error ? error : new Error(String(error)))
    })
    Fiber.runIn(fiber, scope)
    return undefined
  }
  return made
})
