/** Starts one of the project's programs where the real ws2_32.dll is: here on Windows, under Wine elsewhere. */
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
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
  return { found, says: async (pattern) => void (await wait(pattern)), stop }
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
