// What the tests of metrics, spans and logs share.
import type { Winsock } from "@effect-winsock/core"
import { WinsockMetrics } from "@effect-winsock/core"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { bind, interruptSoon, numbered, type Rig, start } from "./rig.ts"

/** Runs a program with a registry of its own. */
export const withRegistry = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map()))

/** Runs a program with its Winsock's metrics on, in a registry of its own. */
export const counted = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Winsock.Winsock | Scope.Scope> =>
  withRegistry(Effect.andThen(Layer.build(WinsockMetrics.layer), self))

export const count = (counter: Metric.Counter<number>): Effect.Effect<number> =>
  Effect.map(Metric.value(counter), (state) => state.count)

export const level = (gauge: Metric.Gauge<number>): Effect.Effect<number> =>
  Effect.map(Metric.value(gauge), (state) => state.value)

/** The series of Winsock's that a registry has: their name, attributes and number. */
export const series: Effect.Effect<ReadonlyArray<string>> = Effect.map(Metric.snapshot, (all) =>
  all
    .filter(({ id }) => id.startsWith("winsock."))
    .map(({ attributes, id, state }) => {
      const number = "count" in state ? state.count : "value" in state ? state.value : undefined
      return `${id}${JSON.stringify(attributes ?? {})} ${number}`
    })
)

/** The failed operations of a kind, by reason. */
export const failures = (operation: WinsockMetrics.Operation): Effect.Effect<Record<string, number>> =>
  Effect.map(Metric.snapshot, (all) => {
    const reasons: Record<string, number> = {}
    for (const { attributes, id, state } of all) {
      const reason = attributes?.["error.type"]
      if (id !== "winsock.operations" || attributes?.operation !== operation || reason === undefined) continue
      reasons[reason] = Number((state as Metric.CounterState<number>).count)
    }
    return reasons
  })

/** A receive whose interruption comes when its datagram, which carries 1, is there: the socket that keeps it. */
export const lateInterruption = Effect.fnUntraced(function* ({ gate }: Pick<Rig, "gate">) {
  const socket = yield* bind()
  const fiber = yield* start(socket.receive)
  gate.close()
  yield* socket.send(numbered(1), socket.address)
  yield* gate.awaitHeld(1)
  yield* interruptSoon(fiber)
  gate.open()
  assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
  return socket
})
