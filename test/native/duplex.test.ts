import { assert, it } from "@effect/vitest"
import { run } from "../support/program.ts"

// the mock keeps such errors for its report
it("what a listener of a Duplex throws is an uncaught exception, as with node:net", async () => {
  const ended = await run("test/native/fixtures/throwingListener.ts")
  assert.deepStrictEqual([ended.lines, ended.stderr], [["uncaught: a listener threw", "then: two"], ""])
})
