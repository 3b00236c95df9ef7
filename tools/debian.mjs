// Programs of the system's that tests need: found, or installed where that is possible without asking.
import { spawnSync } from "node:child_process"

const installOptions = ["install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends"]

/** What a command says of its version, on whichever stream; undefined if it does not run. */
const versionOf = (command, flag) => {
  const r = spawnSync(command, [flag], { encoding: "utf8" })
  return r.error === undefined && r.status === 0 ? (r.stdout.trim() || r.stderr.trim()).split("\n")[0] : undefined
}

/**
 * Sees to it that `command` runs, and returns its version. Where it does not and the user is root on a Debian-like
 * system it is installed; elsewhere the one command that does is printed, and the process ends.
 */
export const ensureCommand = ({ command, flag = "--version", packages, size, say }) => {
  const found = versionOf(command, flag)
  if (found !== undefined) return found
  if (process.getuid?.() !== 0 || versionOf("apt-get", "--version") === undefined) {
    say(`${command} is needed to run this here. Install it first:`)
    say(`  sudo apt-get install --no-install-recommends ${packages.join(" ")}`)
    process.exit(1)
  }
  say(`installing ${packages.join(", ")} with apt-get (about ${size} to download) ...`)
  for (const args of [
    ["update", "-qq"],
    [...installOptions, ...packages]
  ]) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
    // what it prints is shown only if it fails, and on stderr: stdout belongs to the program that is launched
    const r = spawnSync("apt-get", args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", env })
    if (r.error === undefined && r.status === 0) continue
    process.stderr.write(`${r.stdout ?? ""}${r.stderr ?? ""}`)
    say(`apt-get ${args.join(" ")} failed: ${r.error?.message ?? `exit code ${r.status ?? r.signal}`}`)
    process.exit(1)
  }
  const installed = versionOf(command, flag)
  if (installed !== undefined) return installed
  say(`apt-get installed ${packages.join(", ")}, but \`${command} ${flag}\` does not run`)
  process.exit(1)
}
