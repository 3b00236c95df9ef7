// Processes and workers whose sockets complete by events and by routines: they stay alive and end as others do.
import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { runFixture } from "../support/fixture.ts"

const fixture = fileURLToPath(new URL("./fixtures/process.ts", import.meta.url))

const run = (scenario: string, completion: string) =>
  runFixture(fixture, scenario, { env: { ...process.env, EFFECT_WINSOCK_COMPLETION: completion } })

// a second or so (the bound on an off-thread wait), and room for a busy machine
const soon = 5000

const scenarios = [
  { scenario: "waited, with look-ahead", code: 0, lines: ["ending"] },
  { scenario: "exits", code: 7, lines: ["ending"] },
  { scenario: "worker that receives", code: 0, lines: ["ready", "got hello", "worker exited 0"] },
  { scenario: "worker that is terminated", code: 0, lines: ["ending", "worker exited 1"] }
] as const

for (const completion of ["event", "routine"]) {
  describe(`L7: a process whose operations complete by ${completion}`, () => {
    for (const { code, lines, scenario } of scenarios) {
      it(scenario, { timeout: 15_000 }, async () => {
        const end = await run(scenario, completion)
        assert.strictEqual(end.code, code, end.stderr)
        assert.sameMembers([...end.lines], [...lines])
        if (!Number.isNaN(end.took)) assert.isBelow(end.took, soon)
      })
    }
  })
}
