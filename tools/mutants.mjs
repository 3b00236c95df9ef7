// npm run mutants [-- words]: plants one fault at a time (tools/mutants/table.mjs), those whose names contain all the
// words or all, and runs the tests that must catch it on the mock. Fails if a fault survives, if its text is not found,
// or if the tests fail without one. The last line says how many were caught.
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mutants } from "./mutants/table.mjs"
import { checkNode, node, root } from "./node.mjs"

/** How many are under test at a time. */
const pool = 2
/** A mutant that hangs a test in a loop is caught, too. Without one all the tests are run at once. */
const mostMilliseconds = 60_000
const mostForAll = 900_000
const modelRuns = 300

checkNode()
const words = process.argv.slice(2)
const chosen = mutants.filter(({ name }) => words.every((word) => name.includes(word)))
if (chosen.length === 0) {
  console.error(`no planted fault has a name with: ${words.join(", ")}`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), "effect-winsock-mutants-"))
let reports = 0

/** Runs test files; what failed first, or undefined if all passed. */
const runTests = (files, mutant) =>
  new Promise((resolve) => {
    const report = join(folder, `${reports}.json`)
    const mark = join(folder, `${reports++}.planted`)
    const args = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--config=tools/mutants/vitest.config.mjs",
      "--reporter=json",
      `--outputFile=${report}`,
      ...(mutant === undefined ? [] : ["--bail=1"]),
      ...files
    ]
    const env = {
      ...process.env,
      EFFECT_WINSOCK_MODEL_RUNS: String(modelRuns),
      EFFECT_WINSOCK_MUTANT: JSON.stringify(mutant === undefined ? null : { ...mutant, mark })
    }
    const child = spawn(node, args, { cwd: root, env, stdio: ["ignore", "ignore", "pipe"] })
    const errors = []
    child.stderr.on("data", (chunk) => errors.push(chunk))
    let late = false
    const timer = setTimeout(
      () => {
        late = true
        child.kill("SIGKILL")
      },
      mutant === undefined ? mostForAll : mostMilliseconds
    )
    child.on("close", (code) => {
      clearTimeout(timer)
      if (mutant !== undefined && !existsSync(mark)) return resolve({ broken: "its file was not loaded" })
      if (late) return resolve({ test: "the tests do not end" })
      if (code === 0) return resolve(undefined)
      if (!existsSync(report)) return resolve({ broken: Buffer.concat(errors).toString().trim() })
      resolve(firstFailure(JSON.parse(readFileSync(report, "utf8"))))
    })
  })

const firstFailure = ({ testResults }) => {
  for (const { assertionResults, message, name, status } of testResults) {
    const failed = assertionResults.find((result) => result.status === "failed")
    if (failed !== undefined) return { test: failed.fullName }
    // a file that does not load tells of a mutant that is no program
    if (status === "failed" && assertionResults.length === 0) return { broken: message }
    if (status === "failed") return { test: `${name}: ${message}` }
  }
  return { test: "an error outside all tests" }
}

const start = performance.now()
const say = (line) => console.log(line)
let caught = 0
const bad = []

const sound = await runTests([...new Set(chosen.flatMap(({ caughtBy }) => caughtBy))])
if (sound !== undefined) bad.push(`without any fault: ${sound.test ?? sound.broken}`)

const queue = sound === undefined ? chosen.slice() : []
const work = async () => {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const { caughtBy, file, find, name, replace } = mutant
    const times = readFileSync(join(root, file), "utf8").split(find).length - 1
    if (times !== 1) {
      bad.push(`${name}: its text occurs ${times} times in ${file}`)
      continue
    }
    const failure = await runTests(caughtBy, { file, find, replace })
    if (failure === undefined) bad.push(`${name}: SURVIVED ${caughtBy.join(", ")}`)
    else if (failure.test === undefined) bad.push(`${name}: is no program: ${failure.broken}`)
    else {
      caught++
      say(`caught: ${name}\n        by ${failure.test.split("\n")[0]}`)
    }
  }
}
await Promise.all(Array.from({ length: pool }, work))
rmSync(folder, { recursive: true, force: true })

for (const line of bad) say(`\n${line}`)
say(`\n${caught} of ${chosen.length} mutants caught, ${Math.round((performance.now() - start) / 1000)} s`)
process.exit(bad.length === 0 ? 0 : 1)
