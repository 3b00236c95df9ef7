/**
 * The life of sockets as logs of Effect's own: what is opened, connected, accepted, reset and closed, with its addresses, and
 * warnings of what was lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Told } from "./internal/life.ts"
import { Life } from "./internal/life.ts"
import { EngineKey, Winsock } from "./Winsock.ts"

const log = { Debug: Effect.logDebug, Warn: Effect.logWarning } as const

const write = ({ annotations, level, message }: Told): Effect.Effect<void> =>
  Effect.annotateLogs(log[level](message), annotations)

/**
 * Logs the life of the sockets that are made while the layer lives. Sockets that are bound, listen, are connected or accepted,
 * reset and closed, and operations that completed although they were being cancelled, are logged at level `Debug`; messages
 * and connections that nobody had taken when their socket was closed, and operations that the kernel never gave back, at
 * level `Warn`. Annotations are `winsock.socket`, and the attributes of spans (`network.transport`, `network.local.address`...).
 *
 * Loggers and levels are those of the context that the layer is built in. Nothing is written in the midst of the engine's
 * work: what a turn has to say is logged behind it, in order. Winsocks without the layer log nothing but their leaks.
 *
 * **Example** (The sockets of a program)
 *
 * ```ts
 * import { TcpServer, WinsockLogs } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Layer, References } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const live = WinsockLogs.layer.pipe(
 *   Layer.provideMerge(MockWinsock.layerLoopback),
 *   Layer.provide(Layer.succeed(References.MinimumLogLevel, "Debug"))
 * )
 *
 * // level=DEBUG message="server listening" winsock.socket=... network.local.address=127.0.0.1 network.local.port=7
 * const program = TcpServer.listen(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 7)).pipe(
 *   Effect.scoped,
 *   Effect.provide(live)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Winsock> = Layer.effectDiscard(
  Effect.gen(function* () {
    const winsock = yield* Winsock
    const context = yield* Effect.context<never>()
    const engine = winsock[EngineKey]
    let told: Array<Told> = []
    const flush = Effect.suspend(() => {
      const now = told
      told = []
      return Effect.forEach(now, write, { discard: true })
    })
    const listener = (one: Told): void => {
      if (told.push(one) === 1) void Promise.resolve().then(() => Effect.runForkWith(context)(flush))
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        engine.life ??= new Life()
        engine.life.listeners.add(listener)
        return engine.life
      }),
      (life) =>
        Effect.suspend(() => {
          life.listeners.delete(listener)
          if (life.listeners.size === 0) engine.life = undefined
          return flush
        })
    )
  })
)
