// npm test [-- [--layer=mock|native] [--skip-check] file ...]: the checks, then every suite on the mock, then on the
// real ws2_32.dll (Windows' own, or Wine's elsewhere), and with it the suites in which other programs are the peers. The
// last line is "N passed, N failed[, N skipped]". It fails if a check or a test failed, or if a part of all this ran no
// test at all: then something is wrong with the set-up.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { checkNode, root, runNode } from "./node.mjs"

const vitest = "node_modules/vitest/vitest.mjs"
// between two CPUs a call to Wine's server takes ten times as long
const oneCpu = process.platform === "win32" ? [] : ["--cpu=0"]
const parts = [
  { layer: "mock", project: "mock", command: [vitest] },
  { layer: "native", project: "native", command: ["tools/wine/run.mjs", ...oneCpu, vitest] },
  // on the host, beside the programs that it asks with
  { layer: "native", project: "peers", command: [vitest], setup: "tools/peers.mjs" }
]

checkNode()
const args = process.argv.slice(2)
const only = /^--layer=(\w+)$/.exec(args.find((arg) => arg.startsWith("--layer=")) ?? "")?.[1]
const rest = args.filter((arg) => !arg.startsWith("--layer=") && arg !== "--skip-check")
const chosen = parts.filter(({ layer }) => only === undefined || layer === only)
if (chosen.length === 0) {
  console.error(`no such layer: ${only}`)
  process.exit(2)
}

/** What vitest's JSON report says, not counting on its console output. */
const countsOf = (report, status) => {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  if (existsSync(report)) {
    const json = JSON.parse(readFileSync(report, "utf8"))
    counts.passed = json.numPassedTests
    counts.skipped = json.numPendingTests + json.numTodoTests
    // a file that failed outside its tests (it does not load, a hook throws) counts as one
    const files = json.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
    )
    counts.failed = json.numFailedTests + files.length
  }
  // vitest itself failed: an error outside all tests, a crash, a run that was stopped
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

const runPart = async ({ command, project, setup }) => {
  if (setup !== undefined && (await runNode([setup])) !== 0) return { project, passed: 0, failed: 1, skipped: 0 }
  const report = `node_modules/.cache/test/${project}.json`
  mkdirSync(join(root, "node_modules/.cache/test"), { recursive: true })
  rmSync(join(root, report), { force: true })
  const reporters = ["default", "json", ...(process.env.GITHUB_ACTIONS === "true" ? ["github-actions"] : [])]
  const options = [...reporters.map((name) => `--reporter=${name}`), `--outputFile.json=${report}`]
  if (rest.length > 0) options.push("--passWithNoTests")
  const status = await runNode([...command, "run", "--project", project, ...options, ...rest])
  return { project, ...countsOf(join(root, report), status) }
}

const text = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`

const checked = args.includes("--skip-check") || (await runNode(["tools/check/run.mjs"])) === 0
const results = []
// one after the other: they share the machine
for (const part of chosen) results.push(await runPart(part))
const sum = (key) => results.reduce((total, result) => total + result[key], 0)
// files that are named need not be in every part, but somewhere
const none = results.filter((result) => result.passed + result.failed === 0)
const empty = rest.length > 0 && none.length < results.length ? [] : none
const total = {
  passed: sum("passed"),
  failed: sum("failed") + empty.length + (checked ? 0 : 1),
  skipped: sum("skipped")
}

console.log()
if (!checked) console.log("check: failed (see above)")
for (const result of results) {
  console.log(`${result.project}: ${empty.includes(result) ? "no test ran, which counts as a failure" : text(result)}`)
}
console.log(text(total))
process.exit(total.failed === 0 ? 0 : 1)
