import type { Winsock } from "@effect-winsock/core"
import { assert, describe, it } from "@effect/vitest"
import process from "node:process"
import type { Happenings } from "./Oracle.ts"
import { nothing } from "./Oracle.ts"
import { run } from "./run.ts"

// `npm run mutants` makes fewer
const runs = Number(process.env.EFFECT_WINSOCK_MODEL_RUNS ?? 10_000)
const firstSeed = 1

/** Makes runs, and tells what happened in all of them. */
const play = async (count: number, completion?: Winsock.Completion): Promise<Happenings> => {
  const sum: Happenings = nothing()
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { happened, problems } = await run(seed, false, completion)
    if (problems.length > 0) {
      const by = completion === undefined ? "" : ` --completion ${completion}`
      const repeat = `npm run simulate -- --runs 1 --seed ${seed}${by}`
      assert.fail([`run ${seed} went wrong; to see it: ${repeat}`, ...problems].join("\n  "))
    }
    for (const key of Object.keys(sum) as Array<keyof Happenings>) sum[key] += happened[key]
  }
  return sum
}

const neverIn = (sum: Happenings): ReadonlyArray<string> =>
  Object.entries(sum)
    .filter(([, count]) => count === 0)
    .map(([name]) => name)

describe("model", () => {
  it(`${runs} random runs: each datagram is given out once and in order, and nothing is left`, async () => {
    // the runs meet everything that they are meant to meet
    assert.deepStrictEqual(neverIn(await play(runs)), [], "what happened in no run")
  }, 600_000)

  for (const completion of ["event", "routine"] as const) {
    const some = Math.ceil(runs / 10)
    it(`${some} of them by ${completion}`, async () => {
      const sum = await play(some, completion)
      // few runs may meet no dead peer
      assert.deepStrictEqual(neverIn({ ...sum, unreachable: 1 }), [], "what happened in no run")
    }, 600_000)
  }

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
