// The same calls to the real ws2_32.dll and to the simulated one. PARITY=2000 sets how many scenarios, PARITY_SEED which.
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { differences } from "../parity/differences.ts"
import { scenarioOf, traceOf } from "../parity/scenario.ts"
import { block, started } from "./support.ts"

const count = Number(process.env.PARITY ?? 100)
const first = Number(process.env.PARITY_SEED ?? 1)

describe("parity", () => {
  it.effect(`${count} scenarios have the same trace on both, up to a named difference`, () =>
    Effect.gen(function* () {
      const native = yield* started
      const mock = yield* MockWinsock.seam()
      const data = yield* block(mock, 512)
      yield* Effect.acquireRelease(
        Effect.sync(() => assert.strictEqual(mock.calls.WSAStartup(0x0202, data.address), 0)),
        () => Effect.sync(() => mock.calls.WSACleanup())
      )
      const unnamed: Array<string> = []
      const seen: Record<string, number> = {}
      for (let seed = first; seed < first + count; seed++) {
        const scenario = scenarioOf(seed)
        const [real, simulated] = [traceOf(native, scenario), traceOf(mock, scenario)]
        const at = real.findIndex((line, i) => line !== simulated[i])
        const name =
          at < 0 ? "the same" : differences.find((d) => d.native.test(real[at]) && d.mock.test(simulated[at]))?.name
        // after a difference the two are in different states: the rest is not compared
        if (name !== undefined) seen[name] = (seen[name] ?? 0) + 1
        else
          unnamed.push(
            `PARITY_SEED=${seed}, step ${at}: native ${real[at]} | mock ${simulated[at]}, after ${real.slice(0, at).join(", ")}`
          )
      }
      if (process.env.PARITY !== undefined) process.stdout.write(`${JSON.stringify(seen)}\n`)
      assert.deepStrictEqual(unnamed, [])
    }).pipe(Effect.scoped)
  )
})
