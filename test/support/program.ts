/** Runs one of the project's programs, with the Node.js that runs the test, to its end. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Ended {
  readonly code: number | null
  /** The lines of its output that are not empty. */
  readonly lines: ReadonlyArray<string>
  readonly stderr: string
}

/** `path` is counted from the project's root. */
export const run = (path: string, args: ReadonlyArray<string> = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
    const child = spawn(process.execPath, [file, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env }
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text))
    child.on("error", reject)
    child.on("close", (code) => {
      resolve({ code, lines: stdout.split(/\r?\n/).filter((line) => line !== ""), stderr })
    })
  })
