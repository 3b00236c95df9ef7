import { assert, describe, it } from "@effect/vitest"
import process from "node:process"
import { nothing } from "./network/Oracle.ts"
import { run } from "./network/run.ts"

// `npm run mutants` makes fewer
const asked = process.env.EFFECT_WINSOCK_MODEL_RUNS
const runs = asked === undefined ? 400 : Math.ceil(Number(asked) / 2)
const share = 8

describe("model of a network", () => {
  it(`${runs} random runs: nothing is invented, lost, doubled or mixed up but by the rules`, async () => {
    const sum = nothing()
    for (let i = 1; i <= runs; i++) {
      const seed = i * share
      const { happened, problems } = await run(seed)
      if (problems.length > 0) {
        const repeat = `npm run simulate -- --runs 1 --seed ${seed}`
        assert.fail([`run ${seed} went wrong; to see it: ${repeat}`, ...problems].join("\n  "))
      }
      for (const key of Object.keys(sum) as Array<keyof typeof sum>) sum[key] += happened[key]
    }
    const never = Object.entries(sum).flatMap(([name, count]) => (count === 0 ? [name] : []))
    // few runs may not meet everything
    if (asked === undefined) assert.deepStrictEqual(never, [], "what happened in no run")
  }, 600_000)

  it("what an operation of the kernel's held when the power went is gone, and what came after it may be there", async () => {
    assert.deepStrictEqual((await run(48_656)).problems, [])
  })

  it("a cancellation that comes to nothing is waited for, though nothing else is to happen", async () => {
    assert.deepStrictEqual((await run(88_088)).problems, [])
  })

  it("the same seed is the same run", async () => {
    for (let i = 1; i <= 15; i++) {
      const first = await run(i * share, true)
      assert.isAbove(first.story.length, 5)
      assert.deepStrictEqual((await run(i * share, true)).story, first.story)
    }
  })
})
