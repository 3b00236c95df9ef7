// A fixture in a process of its own.
import { spawn, type SpawnOptions } from "node:child_process"

/** What became of a process that a test started. */
export interface Ended {
  readonly code: number | null
  readonly lines: ReadonlyArray<string>
  readonly stderr: string
  /** Milliseconds from "ending" to the end of the process. */
  readonly took: number
}

/** Runs a fixture with this Node.js, and tells what it printed and how it ended. */
export const runFixture = (
  fixture: string,
  scenario: string,
  options: Pick<SpawnOptions, "env" | "timeout"> = {}
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fixture, scenario], { ...options, stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    let ending = Number.NaN
    child.stdout!.on("data", (data) => {
      stdout += data
      if (Number.isNaN(ending) && stdout.includes("ending")) ending = performance.now()
    })
    child.stderr!.on("data", (data) => {
      stderr += data
    })
    child.on("error", reject)
    child.on("close", (code) => {
      const lines = stdout.split(/\r?\n/).filter((line) => line !== "")
      resolve({ code, lines, stderr, took: performance.now() - ending })
    })
  })
