import { assert, describe, it } from "@effect/vitest"
import process from "node:process"
import type { Happenings } from "./Oracle.ts"
import { nothing } from "./Oracle.ts"
import { run } from "./run.ts"

// `npm run mutants` makes fewer
const runs = Number(process.env.EFFECT_WINSOCK_MODEL_RUNS ?? 10_000)
const firstSeed = 1

describe("model", () => {
  it(`${runs} random runs: each datagram is given out once and in order, and nothing is left`, async () => {
    const sum: Happenings = nothing()
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const { happened, problems } = await run(seed)
      if (problems.length > 0) {
        const repeat = `npm run simulate -- --runs 1 --seed ${seed}`
        assert.fail([`run ${seed} went wrong; to see it: ${repeat}`, ...problems].join("\n  "))
      }
      for (const key of Object.keys(sum) as Array<keyof Happenings>) sum[key] += happened[key]
    }
    // the runs meet everything that they are meant to meet
    const never = Object.entries(sum).filter(([, count]) => count === 0)
    assert.deepStrictEqual(never, [], "what happened in no run")
  }, 600_000)

  it("the same seed is the same run", async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const first = await run(seed, true)
      const second = await run(seed, true)
      assert.isAbove(first.story.length, 20)
      assert.deepStrictEqual(second, first)
    }
  })

  it("another seed is another run", async () => {
    const stories = await Promise.all([run(1, true), run(2, true)])
    assert.notDeepEqual(stories[0].story, stories[1].story)
  })
})
