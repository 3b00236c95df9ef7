import type { Winsock } from "@effect-winsock/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import process from "node:process"
import { nothing, play, runStreams } from "../../model/streams.ts"
import { layerName, withRig } from "../../support/rig.ts"

const native = layerName === "native"
// `npm run mutants` makes fewer
const runs = native ? 30 : Math.min(400, Number(process.env.EFFECT_WINSOCK_MODEL_RUNS ?? 400))

const random = (count: number, completion: Winsock.Completion): void => {
  it.live(
    `${count} random connections by ${completion}: every byte is accounted for, and nothing is left (${layerName})`,
    () =>
      Effect.gen(function* () {
        const sum = nothing()
        for (let seed = 1; seed <= count; seed++) {
          if (native) yield* withRig(() => play(seed, sum, false), { completion })
          else {
            const wrong = yield* Effect.promise(() => runStreams(seed, sum, completion))
            const repeat = `npm run simulate -- --streams 1 --seed ${seed} --completion ${completion}`
            assert.isUndefined(wrong, `connection ${seed} went wrong; to see it: ${repeat}\n${wrong}`)
          }
        }
        // the runs meet everything that they are meant to meet
        const never = Object.entries(sum).filter(([, count]) => count === 0)
        assert.deepStrictEqual(never, [], "what happened in no run")
      }),
    180_000
  )
}

describe("model of streams", () => {
  random(runs, "port")
  for (const completion of ["event", "routine"] as const) random(Math.ceil(runs / 4), completion)
})
