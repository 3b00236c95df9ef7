import type * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import process from "node:process"
import { nothing, play } from "../../model/streams.ts"
import { layerName, withRig } from "../../support/rig.ts"

const native = layerName === "native"
// `npm run mutants` makes fewer
const runs = native ? 30 : Math.min(200, Number(process.env.EFFECT_WINSOCK_MODEL_RUNS ?? 200))
const mock = (seed: number): MockWinsock.Options => ({
  seed,
  guard: "strict",
  cancellation: "seeded",
  dequeue: "seeded",
  readyAnswer: "seeded",
  segmentation: "seeded"
})

describe("model of streams", () => {
  it.live(
    `${runs} random connections: every byte is accounted for, and nothing is left (${layerName})`,
    () =>
      Effect.gen(function* () {
        const sum = nothing()
        for (let seed = 1; seed <= runs; seed++) {
          yield* Effect.catchCause(
            withRig(() => play(seed, sum, !native), { mock: mock(seed) }),
            (cause) => Effect.die(new Error(`run ${seed} (npm run simulate -- --streams 1 --seed ${seed})`, { cause }))
          )
        }
        // the runs meet everything that they are meant to meet
        const never = Object.entries(sum).filter(([, count]) => count === 0)
        assert.deepStrictEqual(never, [], "what happened in no run")
      }),
    180_000
  )
})
