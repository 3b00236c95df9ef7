/**
 * Spans of operations, by Effect's own tracer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EngineKey, Winsock } from "./Winsock.ts"

/**
 * Makes a span for each operation of the sockets that are made while the layer lives, and for connecting and looking up names:
 * `winsock.send`, `winsock.receive`, `winsock.accept`, `winsock.connect` and so on, children of the current span. Only where a
 * tracer asks: there is none for a fiber that is in no span, in one that is not sampled, or that has tracing off.
 *
 * A span has `network.transport`, `network.type`, `network.local.address` and `.port`, `network.peer.address` and `.port` where
 * they are known, `winsock.bytes` when it has succeeded, and `error.type` with the tag of the reason when it has failed; its
 * status is that of the operation's exit. The end of a stream is no failure.
 *
 * The promises of the operations stay the same: no message is lost by an interruption because it is traced. A fiber that yields
 * every 15 steps or sooner (`MaxOpsBeforeYield`) has no room for both, and no spans. Sockets made before the layer have none.
 *
 * **Example** (The sends of a request)
 *
 * ```ts
 * import { UdpSocket, WinsockTracing } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Layer } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const live = WinsockTracing.layer.pipe(Layer.provideMerge(MockWinsock.layerLoopback))
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
 *   // request > winsock.send
 *   yield* Effect.withSpan(socket.send(new Uint8Array(100), socket.address), "request")
 * }).pipe(Effect.scoped, Effect.provide(live))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Winsock> = Layer.effectDiscard(
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return Effect.acquireRelease(
      Effect.sync(() => void engine.tracing++),
      () => Effect.sync(() => void engine.tracing--)
    )
  })
)
