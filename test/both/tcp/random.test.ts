import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import process from "node:process"
import { nothing, play, runStreams } from "../../model/streams.ts"
import { layerName, withRig } from "../../support/rig.ts"

const native = layerName === "native"
// `npm run mutants` makes fewer
const runs = native ? 30 : Math.min(400, Number(process.env.EFFECT_WINSOCK_MODEL_RUNS ?? 400))

describe("model of streams", () => {
  it.live(
    `${runs} random connections: every byte is accounted for, and nothing is left (${layerName})`,
    () =>
      Effect.gen(function* () {
        const sum = nothing()
        for (let seed = 1; seed <= runs; seed++) {
          if (native) yield* withRig(() => play(seed, sum, false))
          else {
            const wrong = yield* Effect.promise(() => runStreams(seed, sum))
            const repeat = `npm run simulate -- --streams 1 --seed ${seed}`
            assert.isUndefined(wrong, `connection ${seed} went wrong; to see it: ${repeat}\n${wrong}`)
          }
        }
        // the runs meet everything that they are meant to meet
        const never = Object.entries(sum).filter(([, count]) => count === 0)
        assert.deepStrictEqual(never, [], "what happened in no run")
      }),
    180_000
  )
})
