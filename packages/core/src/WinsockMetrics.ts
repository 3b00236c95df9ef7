/**
 * What a Winsock layer counts, as metrics of Effect's own: operations by kind and outcome, bytes, and what is pending.
 *
 * The engine counts in numbers of its own anyway, and the series of the registry read these when somebody looks at them (a
 * snapshot, an exporter). So no operation costs more for it, and without `layer` the registry has nothing of Winsock.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { Metrics } from "./internal/metricSeries.ts"
import { seriesOf } from "./internal/metricSeries.ts"
import { EngineKey, Winsock } from "./Winsock.ts"

/**
 * A kind of operation, as `Winsock.Statistics` has them.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = "receive" | "send" | "connect" | "accept" | "disconnect" | "lookup" | "reverse" | "ioctl"

/**
 * How an operation ended. One that completed although it was being cancelled is `"ok"`, and counted in `recovered`.
 * `"cancelled"` is one that was cancelled or whose socket was closed, and one that was aborted although nobody asked for it.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "ok" | "cancelled" | "failed"

/**
 * The ended operations of a kind by outcome: `winsock.operations`, with the attributes `operation` and `outcome`. Failures
 * have a series for each reason, whose tag is the attribute `error.type`; a reason that there was none for has no series.
 *
 * @category metrics
 * @since 0.1.0
 */
export const operations: {
  (operation: Operation, outcome: "ok" | "cancelled"): Metric.Counter<number>
  (operation: Operation, outcome: "failed", reason: string): Metric.Counter<number>
} = (operation: Operation, outcome: Outcome, reason?: string): Metric.Counter<number> =>
  Metric.counter("winsock.operations", {
    description: "Operations that have ended, by kind and outcome",
    incremental: true,
    attributes: { operation, outcome, ...(reason === undefined ? undefined : { "error.type": reason }) }
  })

/**
 * Bytes of payload that completed operations have transferred: `winsock.bytes`, with the attribute `direction`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bytes = (direction: "received" | "sent"): Metric.Counter<number> =>
  Metric.counter("winsock.bytes", {
    description: "Bytes of payload, by direction",
    incremental: true,
    attributes: { direction }
  })

const counter = (name: string, description: string): Metric.Counter<number> =>
  Metric.counter(`winsock.${name}`, { description, incremental: true })

const gauge = (name: string, description: string): Metric.Gauge<number> =>
  Metric.gauge(`winsock.${name}`, { description })

/**
 * Calls of CancelIoEx and GetAddrInfoExCancel.
 *
 * @category metrics
 * @since 0.1.0
 */
export const cancels = counter("cancels", "Calls of CancelIoEx and GetAddrInfoExCancel")

/**
 * Operations that completed although they were being cancelled. Nothing of them was lost.
 *
 * @category metrics
 * @since 0.1.0
 */
export const recovered = counter("recovered", "Operations that completed although they were being cancelled")

/**
 * Messages and connections that nobody had taken when their socket was closed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const discarded = counter("discarded", "Results that nobody had taken when their socket was closed")

/**
 * Operations that were aborted although nobody asked for it, and posted again.
 *
 * @category metrics
 * @since 0.1.0
 */
export const reposted = counter("reposted", "Operations that were posted again after an abort that nobody asked for")

/**
 * Operations that the kernel never gave back.
 *
 * @category metrics
 * @since 0.1.0
 */
export const leaked = counter("leaked", "Operations that the kernel never gave back")

/**
 * Looks at the completion port from the event loop.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pumpTurns = counter("pump.turns", "Looks at the completion port from the event loop")

/**
 * Completion packets.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pumpPackets = counter("pump.packets", "Completion packets dequeued")

/**
 * Returns of the off-thread wait for completion packets.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pumpWakeups = counter("pump.wakeups", "Returns of the off-thread wait")

/**
 * Sockets that are open, those among them that accepts have ready.
 *
 * @category metrics
 * @since 0.1.0
 */
export const sockets = gauge("sockets", "Sockets that are open")

/**
 * Operations whose end has not been seen.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pending = gauge("operations.pending", "Operations whose end has not been seen")

/**
 * Fibers that wait for a receive, a lookup or an event.
 *
 * @category metrics
 * @since 0.1.0
 */
export const waiters = gauge("waiters", "Fibers that wait")

/**
 * Results that no fiber has taken yet.
 *
 * @category metrics
 * @since 0.1.0
 */
export const inbox = gauge("inbox", "Results that no fiber has taken yet")

const metrics: Metrics = {
  operation: operations as Metrics["operation"],
  bytes,
  counters: {
    cancels,
    recovered,
    discarded,
    reposted,
    leaked,
    turns: pumpTurns,
    packets: pumpPackets,
    wakeups: pumpWakeups
  },
  gauges: { sockets, pending, waiters, inbox }
}

/**
 * Turns the metrics of a Winsock on: registers them with the `MetricRegistry` of the context that the layer is built in, under
 * its `CurrentMetricAttributes`. Several Winsocks add up, unless they have attributes of their own.
 *
 * They count all that the Winsock has done since it was started, and follow it to its end: then the gauges are 0, and the
 * counters stay. Nothing else must update these series.
 *
 * **Example** (Looking at the metrics of a program)
 *
 * ```ts
 * import { UdpSocket, WinsockMetrics } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import { Effect, Layer, Metric } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const live = WinsockMetrics.layer.pipe(Layer.provideMerge(MockWinsock.layerLoopback))
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
 *   yield* socket.send(new Uint8Array(100), socket.address)
 *   yield* socket.receive
 *   const { count } = yield* Metric.value(WinsockMetrics.bytes("received"))
 *   return count // 100
 * }).pipe(Effect.scoped, Effect.provide(live))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Winsock> = Layer.effectDiscard(
  Effect.flatMap(Winsock, (winsock) =>
    Effect.contextWith((context: Context.Context<never>) =>
      Effect.sync(() => seriesOf(context, metrics).add(winsock[EngineKey]))
    )
  )
)
