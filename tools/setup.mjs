// Installs the workspace's packages with pnpm, unless what is installed is what the lockfile says: `npm test` and
// `npm run demo` run this first every time. Needs Node.js 20 and npm only, so: no imports but Node's own.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const pnpm = "pnpm@12.21.0"

const root = fileURLToPath(new URL("..", import.meta.url))
const modules = join(root, "node_modules")
const stamp = join(modules, ".cache/setup")

const packages = existsSync(join(root, "packages")) ? readdirSync(join(root, "packages")).toSorted() : []
const members = [".", "bench", "examples", "test", ...packages.map((name) => `packages/${name}`)]

// what the install follows from, and pnpm's own record of what it installed (someone may have run pnpm by hand)
const inputs = [
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  ...members.map((member) => `${member}/package.json`),
  "node_modules/.pnpm/lock.yaml",
  "node_modules/.modules.yaml"
]

const state = () => {
  const hash = createHash("sha256").update(`${pnpm} ${process.platform} ${process.arch}`)
  for (const name of inputs) {
    const file = join(root, name)
    hash.update(`\0${name}\0`).update(existsSync(file) ? readFileSync(file) : "")
  }
  return hash.digest("hex")
}

// a member's own node_modules and the tools themselves may have been deleted by hand
const missing = () =>
  ["typescript", "vitest", "effect"].some((name) => !existsSync(join(modules, name, "package.json"))) ||
  packages.some((name) => !existsSync(join(modules, "@effect-winsock", name, "package.json")))

if (!missing() && existsSync(stamp) && readFileSync(stamp, "utf8") === state()) process.exit(0)

// npx is a .cmd file on Windows, which only a shell starts
const install = ["--yes", pnpm, "install", "--frozen-lockfile"]
const r = spawnSync("npx", install, { cwd: root, stdio: "inherit", shell: process.platform === "win32" })
if (r.error || r.status !== 0) {
  console.error(`[setup] npx ${install.join(" ")} failed: ${r.error?.message ?? `exit code ${r.status ?? r.signal}`}`)
  process.exit(r.status || 1)
}
mkdirSync(dirname(stamp), { recursive: true })
writeFileSync(stamp, state())
