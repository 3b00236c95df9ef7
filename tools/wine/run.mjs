// Runs a script with Windows' Node.js:
//
//     node tools/wine/run.mjs [--cpu=N] [--timeout=SECONDS] script.ts [arguments]
//
// On Windows that is the Node.js that runs this file; elsewhere it is node.exe under Wine, which is set up first if it
// is not there. --cpu pins the script to one processor (also EFFECT_WINSOCK_CPU; not on Windows). --timeout ends a
// script that hangs, with exit code 124 (also EFFECT_WINSOCK_TIMEOUT; 900 by default). The exit code and the
// environment pass through. A signal, like the timeout, ends everything that runs in this checkout's Wine.
import { spawn, spawnSync } from "node:child_process"
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs"
import { constants } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { checkNode } from "../node.mjs"
import { cache, nodeExe, prefix, wineEnv, workspaceHook } from "./environment.mjs"

const options = { cpu: process.env.EFFECT_WINSOCK_CPU, timeout: process.env.EFFECT_WINSOCK_TIMEOUT ?? "900" }
const args = process.argv.slice(2)
for (let match; (match = /^--(cpu|timeout)=(\d+)$/.exec(args[0] ?? "")); args.shift()) options[match[1]] = match[2]
if (args.length === 0) {
  console.error("usage: node tools/wine/run.mjs [--cpu=N] [--timeout=SECONDS] script.ts [arguments]")
  process.exit(2)
}

/** Runs the script to its end; `stop` ends it, and all that it started, from outside. */
const launch = ({ command, commandArgs, env, stdio, stop, pump, closed }) => {
  const child = spawn(command, commandArgs, { env, stdio })
  const timer = setInterval(pump, 30)
  let stopCode
  const end = (reason, code) => {
    if (stopCode !== undefined) return
    stopCode = code
    console.error(`[run] ${reason}: stopping`)
    stop(child)
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => end(signal, 128 + constants.signals[signal]))
  }
  for (const out of [process.stdout, process.stderr]) out.on("error", () => end("nobody reads the output", 141))
  const seconds = Number(options.timeout)
  const watchdog = setTimeout(() => end(`no end after ${seconds} s`, 124), seconds * 1000)
  child.on("error", (error) => {
    console.error(`[run] ${error.message}`)
    stopCode = 1
  })
  child.on("close", (code) => {
    clearInterval(timer)
    clearTimeout(watchdog)
    closed()
    process.exitCode = stopCode ?? code ?? 1
  })
}

const onWindows = () => {
  checkNode()
  if (options.cpu !== undefined) {
    console.error("[run] --cpu is not possible on Windows: use `start /affinity`")
    process.exit(2)
  }
  launch({
    command: process.execPath,
    commandArgs: args,
    env: process.env,
    stdio: "inherit",
    stop: (child) => spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"]),
    pump: () => {},
    closed: () => {}
  })
}

/** One set-up at a time; the lock goes with its process, however that ends. */
const provision = () => {
  const script = fileURLToPath(new URL("provision.mjs", import.meta.url))
  mkdirSync(cache, { recursive: true })
  // -o: the daemon that Wine leaves behind must not inherit the lock
  const locked = ["-o", join(cache, "wine.lock"), process.execPath, script]
  const r = spawnSync("flock", locked, { stdio: "inherit" })
  if (r.error?.code === "ENOENT") return spawnSync(process.execPath, [script], { stdio: "inherit" }).status ?? 1
  return r.status ?? 1
}

/**
 * Windows' Node.js cannot write to a Unix pipe (EBADF), so it writes to a file that is followed here. The file has no
 * name any more when the script starts: nothing is left behind, whatever happens.
 */
const followedFile = (out) => {
  const dir = mkdtempSync(join(cache, "wine-out-"))
  const write = openSync(join(dir, "out"), "a")
  const read = openSync(join(dir, "out"), "r")
  rmSync(dir, { recursive: true })
  const buffer = Buffer.alloc(65536)
  const pump = () => {
    for (let n; (n = readSync(read, buffer, 0, buffer.length, null)) > 0;) out.write(Buffer.from(buffer.subarray(0, n)))
  }
  const close = () => {
    pump()
    closeSync(read)
    closeSync(write)
  }
  return { write, pump, close }
}

const underWine = () => {
  const status = provision()
  if (status !== 0) process.exit(status)
  const env = wineEnv(prefix)
  env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ""} --import=${workspaceHook}`.trim()
  if (process.stdout.isTTY && process.env.NO_COLOR === undefined) env.FORCE_COLOR ??= "1"
  const files = [followedFile(process.stdout), followedFile(process.stderr)]
  const wine = ["wine", nodeExe, ...args]
  const [command, ...commandArgs] = options.cpu === undefined ? wine : ["taskset", "-c", options.cpu, ...wine]
  launch({
    command,
    commandArgs,
    env,
    stdio: ["ignore", ...files.map((file) => file.write)],
    stop: () => spawnSync("wineserver", ["-k"], { env }),
    pump: () => files.forEach((file) => file.pump()),
    closed: () => files.forEach((file) => file.close())
  })
}

if (process.platform === "win32") onWindows()
else underWine()
