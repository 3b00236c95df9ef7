// The same calls to the real ws2_32.dll and to the simulated one. PARITY=2000 and PARITY_PLAIN=500
// set how many scenarios of each family, PARITY_SEED the first seed.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compare, shortened, sideBySide } from "../parity/Compare.ts"
import { scenarioOf } from "../parity/Generate.ts"
import { plainOf } from "../parity/Plain.ts"
import { runSimulated } from "../parity/Providers.ts"
import { run } from "../parity/Run.ts"
import type { Scenario } from "../parity/Steps.ts"
import { started } from "./support.ts"

const count = Number(process.env.PARITY ?? 450)
const plain = Number(process.env.PARITY_PLAIN ?? 150)
const first = Number(process.env.PARITY_SEED ?? 1)

const families = {
  hostile: { of: scenarioOf, count, least: 80 },
  plain: { of: plainOf, count: plain, least: 120 }
} as const

describe("parity", () => {
  for (const [family, { count, least, of }] of Object.entries(families)) {
    it.effect(
      `${count} ${family} scenarios have the same trace on both, up to named differences`,
      () =>
        Effect.gen(function* () {
          const seam = yield* started
          const both = (scenario: Scenario) =>
            Effect.gen(function* () {
              const mock = yield* runSimulated(scenario)
              const native = yield* run({ seam, settled: undefined }, scenario, mock)
              return { comparison: compare(native, mock), native, mock }
            })
          const differs = (scenario: Scenario): Effect.Effect<boolean> =>
            Effect.map(both(scenario), ({ comparison }) => comparison.unnamed !== undefined)
          const seen: Record<string, number> = {}
          const unnamed: Array<Scenario> = []
          let [without, same, different, notCompared] = [0, 0, 0, 0]
          for (let seed = first; seed < first + count; seed++) {
            const scenario = of(seed)
            const { comparison } = yield* both(scenario)
            if (comparison.unnamed !== undefined) unnamed.push(scenario)
            else if (comparison.named.length === 0) without++
            same += comparison.same
            different += comparison.named.length
            notCompared += comparison.notCompared
            for (const name of comparison.named) seen[name] = (seen[name] ?? 0) + 1
          }
          const counts = { family, scenarios: count, without, same, different, notCompared }
          if (process.env.PARITY !== undefined)
            process.stdout.write(`${JSON.stringify({ ...counts, seen }, null, 1)}\n`)
          const texts: Array<string> = []
          for (const scenario of unnamed.slice(0, 5)) {
            const short = yield* shortened(scenario, differs)
            const { mock, native } = yield* both(short)
            texts.push(sideBySide(short, native, mock))
          }
          assert.deepStrictEqual(texts, [], `${unnamed.length} scenarios differ:\n${texts.join("\n")}`)
          // a comparison that seldom compares would say little
          if (count >= 150) assert.isAtLeast(without, least)
          assert.isAtLeast(same, (same + different + notCompared) / 2)
        }).pipe(Effect.scoped),
      600_000
    )
  }
})
