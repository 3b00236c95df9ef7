// Brings Wine, its prefix and Windows' node.exe into the state that the launcher needs. Cheap when all is there.
// Run it through `flock` (as run.mjs does): two at once would build the same things.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { ensureCommand } from "../debian.mjs"
import { nodeDir, nodeExe, prefix, wineEnv } from "./environment.mjs"
import { forwarderDll } from "./forwarder-dll.mjs"

const here = dirname(fileURLToPath(import.meta.url))
const say = (text) => console.error(`[wine] ${text}`)

// what a tool prints is shown only if it fails, and on stderr: stdout belongs to the program that is launched
const run = (command, args, options = {}) => {
  const r = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", ...options })
  if (r.error === undefined && r.status === 0) return
  process.stderr.write(`${r.stdout ?? ""}${r.stderr ?? ""}`)
  say(`${command} ${args.join(" ")} failed: ${r.error?.message ?? `exit code ${r.status ?? r.signal}`}`)
  process.exit(1)
}

const hashOf = (...parts) => createHash("sha256").update(parts.join("\0")).digest("hex")
const textOf = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "")

const ensureNode = () => {
  const stamp = join(nodeDir, "node_modules/.installed")
  const wanted = hashOf(...["package.json", "package-lock.json"].map((f) => textOf(join(nodeDir, f))))
  if (existsSync(nodeExe) && textOf(stamp) === wanted) return
  say("installing Windows' node.exe with npm ...")
  run("npm", ["ci", "--os=win32", "--cpu=x64", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: nodeDir })
  writeFileSync(stamp, wanted)
}

const removePrefix = (dir) => {
  if (!existsSync(dir)) return
  spawnSync("wineserver", ["-k"], { env: wineEnv(dir) })
  // Debian's Wine keeps its socket in a folder of /tmp whose name it notes here
  const socket = textOf(join(dir, "wineserver")).trim()
  if (/^wine-\w+$/.test(socket)) rmSync(join("/tmp", socket), { recursive: true, force: true })
  rmSync(dir, { recursive: true, force: true })
}

const ensurePrefix = (wineVersion) => {
  const stamp = "installed"
  const wanted = hashOf(wineVersion, ...["provision.mjs", "forwarder-dll.mjs"].map((f) => textOf(join(here, f))))
  if (textOf(join(prefix, stamp)) === wanted) return
  say(`creating the prefix ${prefix} ...`)
  const cache = dirname(prefix)
  mkdirSync(cache, { recursive: true })
  // what an earlier run left when it was killed, and a prefix of another recipe
  const fresh = join(cache, "wine-new")
  for (const old of [prefix, fresh]) removePrefix(old)
  mkdirSync(fresh)
  const env = wineEnv(fresh)
  run("wineboot", ["-i"], { env, stdio: "ignore" })
  // Node.js refuses to start on Windows 7, which is Wine 8's default
  const version = ["reg", "add", "HKCU\\Software\\Wine", "/v", "Version", "/d", "win10", "/f"]
  run("wine", version, { env, stdio: "ignore" })
  // Wine 8 lacks this DLL, which Rust's standard library (rolldown, lightningcss) imports
  const dll = join(fresh, "drive_c/windows/system32/bcryptprimitives.dll")
  if (!existsSync(dll)) {
    writeFileSync(dll, forwarderDll("bcryptprimitives.dll", { ProcessPrng: "advapi32.SystemFunction036" }))
  }
  // the registry is written when the server ends
  spawnSync("wineserver", ["-k"], { env })
  spawnSync("wineserver", ["-w"], { env })
  writeFileSync(join(fresh, stamp), wanted)
  renameSync(fresh, prefix)
}

const wineVersion = ensureCommand({ command: "wine", packages: ["wine", "wine64"], size: "105 MB", say })
ensureNode()
ensurePrefix(wineVersion)
