// npm run check [-- types lint format rooms docs pages]: all checks, or those named. The last line says what came out.
import { spawn } from "node:child_process"
import { checkNode, node, root } from "../node.mjs"

const checks = {
  types: ["node_modules/typescript/bin/tsc", "-b"],
  lint: ["node_modules/oxlint/bin/oxlint", "--deny-warnings"],
  format: ["node_modules/oxfmt/bin/oxfmt", "--check"],
  rooms: ["tools/check/rooms.mjs"],
  docs: ["tools/check/docs.mjs"],
  pages: ["tools/check/pages.mjs"]
}

// the examples are checked against the declarations that `types` writes
const after = { docs: "types" }

checkNode()
const named = process.argv.slice(2)
const unknown = named.filter((name) => !Object.hasOwn(checks, name))
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(", ")}; there are ${Object.keys(checks).join(", ")}`)
  process.exit(2)
}

const run = (name) =>
  new Promise((resolve) => {
    const child = spawn(node, checks[name], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    const chunks = []
    child.stdout.on("data", (chunk) => chunks.push(chunk))
    child.stderr.on("data", (chunk) => chunks.push(chunk))
    child.on("close", (code) => {
      const output = Buffer.concat(chunks).toString().trim()
      if (code !== 0) console.log(`--- ${name} ---\n${output}\n`)
      resolve({ name, failed: code !== 0, note: /^(?:rooms|docs|pages): (.*)$/m.exec(output)?.[1] })
    })
  })

const start = performance.now()
const names = Object.keys(checks).filter((name) => named.length === 0 || named.includes(name))
const running = {}
for (const name of names) running[name] = Promise.resolve(running[after[name]]).then(() => run(name))
const results = await Promise.all(Object.values(running))

const seconds = ((performance.now() - start) / 1000).toFixed(1)
const said = results.map(({ name, failed, note }) => {
  if (failed) return `${name} FAILED`
  return note === undefined ? name : `${name} (${note})`
})
const failed = results.some((result) => result.failed)
console.log(`check: ${failed ? "failed" : "passed"} in ${seconds} s: ${said.join(", ")}`)
process.exit(failed ? 1 : 0)
