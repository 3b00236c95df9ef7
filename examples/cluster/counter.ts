/**
 * An entity of the cluster: a counter, of which there is one of each name, on one of the runners.
 *
 * What it counted is in its runner's memory, and gone with that. A program that may lose nothing keeps it in a database.
 */
import { Entity } from "effect/cluster"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Rpc } from "effect/rpc"
import * as Schema from "effect/Schema"

/** What a counter answers: how far it has counted, on which runner, and since when (in milliseconds since 1970). */
export const Counted = Schema.Struct({ count: Schema.Int, runner: Schema.String, since: Schema.Int })

export const Counter = Entity.make("Counter", [Rpc.make("Add", { payload: { amount: Schema.Int }, success: Counted })])

export const CounterLive = Counter.toLayer(
  Effect.gen(function* () {
    const { host, port } = yield* Entity.CurrentRunnerAddress
    const runner = `${host}:${port}`
    const since = yield* Clock.currentTimeMillis
    let count = 0
    return Counter.of({
      Add: ({ payload }) => Effect.sync(() => ({ count: (count += payload.amount), runner, since }))
    })
  })
)
