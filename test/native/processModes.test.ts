// Processes and workers whose sockets complete by events and by routines: they stay alive and end as others do.
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const fixture = fileURLToPath(new URL("./fixtures/process.ts", import.meta.url))

const run = (scenario: string, completion: string) =>
  new Promise<{ code: number | null; lines: ReadonlyArray<string>; stderr: string; took: number }>(
    (resolve, reject) => {
      const env = { ...process.env, EFFECT_WINSOCK_COMPLETION: completion }
      const child = spawn(process.execPath, [fixture, scenario], { env, stdio: ["ignore", "pipe", "pipe"] })
      let stdout = ""
      let stderr = ""
      let ending = Number.NaN
      child.stdout.on("data", (data) => {
        stdout += data
        if (Number.isNaN(ending) && stdout.includes("ending")) ending = performance.now()
      })
      child.stderr.on("data", (data) => {
        stderr += data
      })
      child.on("error", reject)
      child.on("close", (code) => {
        const lines = stdout.split(/\r?\n/).filter((line) => line !== "")
        resolve({ code, lines, stderr, took: performance.now() - ending })
      })
    }
  )

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
