/** Starts one of the project's programs where the real ws2_32.dll is: here on Windows, under Wine elsewhere. */
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

const start = (path: string, args: ReadonlyArray<string>): ChildProcess => {
  // a launcher that is killed on Windows cannot end what it launched
  const launcher = process.platform === "win32" ? [] : ["tools/wine/run.mjs", "--timeout=300"]
  return spawn(process.execPath, [...launcher, path, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
}

/** A program that serves until `stop` is called. */
export interface Launched {
  /** What the first group of the pattern found in its output. */
  readonly found: string
  /** Waits until its output matches, from the beginning of it. */
  readonly says: (pattern: RegExp) => Promise<void>
  readonly stop: () => Promise<void>
  /** Ends it alone, at once, with nothing tidied up. Under Wine `stop` ends the other programs as well. */
  readonly kill: () => Promise<void>
}

/** The processes that run `path` for a launcher, itself left out: Wine's are below it. */
const processesBelow = (launcher: number, path: string): Array<number> => {
  const found: Array<number> = []
  const below = (parent: number): void => {
    for (const child of readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").split(" ").filter(Boolean)) {
      const pid = Number(child)
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(path)) found.push(pid)
      below(pid)
    }
  }
  below(launcher)
  return found
}

/** Starts a server and waits until its output matches. `path` is counted from the project's root. */
export const launch = async (path: string, args: ReadonlyArray<string>, says: RegExp): Promise<Launched> => {
  const server = start(path, args)
  let output = ""
  const read = (text: string) => (output += text)
  server.stdout!.setEncoding("utf8").on("data", read)
  server.stderr!.setEncoding("utf8").on("data", read)
  const wait = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output)
        if (match !== null) resolve(match[1])
        return match !== null
      }
      if (look()) return
      server.stdout!.on("data", look)
      server.stderr!.on("data", look)
      server.on("error", reject)
      server.on("close", (code) => reject(new Error(`${path} ended with ${code}: ${output}`)))
    })
  const found = await wait(says)
  const stop = async () => {
    if (server.exitCode !== null) return
    const closed = once(server, "close")
    server.kill()
    await closed
  }
  const kill = async () => {
    const closed = once(server, "close")
    if (process.platform === "win32") server.kill()
    else for (const pid of processesBelow(server.pid!, path)) process.kill(pid, "SIGKILL")
    await closed
  }
  return { found, says: async (pattern) => void (await wait(pattern)), stop, kill }
}

/** Runs a program to its end and gives what it printed, by line. */
export const runNative = (path: string, args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  new Promise((resolve, reject) => {
    const child = start(path, args)
    let stdout = ""
    let stderr = ""
    child.stdout!.setEncoding("utf8").on("data", (text) => (stdout += text))
    child.stderr!.setEncoding("utf8").on("data", (text) => (stderr += text))
    child.on("error", reject)
    child.on("close", (code) => {
      if (code === 0) resolve(stdout.split(/\r?\n/).filter((line) => line !== ""))
      else reject(new Error(`${path} ended with ${code}: ${stdout}${stderr}`))
    })
  })
