// npm run conformance [-- --layer=mock] [--json]: runs every row on the mock and on the real ws2_32.dll, prints the
// table and writes it to docs. Fails when something is not as it should be.
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Line } from "./child.ts"
import { onMock, runRow } from "./layers.ts"
import type { Outcome, Platform } from "./model.ts"
import * as Report from "./report.ts"
import { groups, rows } from "./table.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const runMock = (): Promise<Map<string, Outcome>> =>
  onMock(async (environment) => {
    const outcomes = new Map<string, Outcome>()
    for (const row of rows) outcomes.set(row.id, await runRow(environment, row))
    return outcomes
  })

interface Native {
  platform: Platform | undefined
  readonly outcomes: Map<string, Outcome>
}

/** Runs the rows behind `after` in a process of its own; the row that ended it, or undefined when it came to the end. */
const runChild = (native: Native, after: string | undefined): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const more = after === undefined ? [] : [`--after=${after}`]
    const args = ["tools/wine/run.mjs", "--timeout=120", "test/conformance/child.ts", ...more]
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
    let begun: string | undefined
    let ended = false
    const lines = createInterface({ input: child.stdout })
    lines.on("line", (text) => {
      if (!text.startsWith("{")) return
      const line = JSON.parse(text) as Line
      if ("platform" in line) native.platform = line.platform
      else if ("begin" in line) begun = line.begin
      else if ("outcome" in line) native.outcomes.set(line.id, line.outcome)
      else ended = true
    })
    child.on("error", reject)
    // "close" comes when the output was read, too
    child.on("close", (code) => {
      if (ended) return resolve(undefined)
      if (begun === undefined || begun === after) {
        return reject(new Error(`the native rows could not run (exit code ${code})`))
      }
      if (!native.outcomes.has(begun)) {
        native.outcomes.set(begun, { _tag: "Broken", reason: `the process ended with ${code}` })
      }
      resolve(begun)
    })
  })

const runNative = async (): Promise<{ platform: Platform; outcomes: Map<string, Outcome> }> => {
  const native: Native = { platform: undefined, outcomes: new Map() }
  let after: string | undefined
  do after = await runChild(native, after)
  while (after !== undefined)
  const { outcomes, platform } = native
  if (platform === undefined) throw new Error("the native layer does not say what it runs on")
  return { platform, outcomes }
}

const args = new Set(process.argv.slice(2))
const only = args.has("--layer=mock")
const unknown = Array.from(args).filter((arg) => arg !== "--layer=mock" && arg !== "--json")
if (unknown.length > 0) {
  process.stderr.write(`usage: npm run conformance [-- --layer=mock] [--json]; not ${unknown.join(" ")}\n`)
  process.exit(2)
}

const mock = await runMock()
const native = only ? undefined : await runNative()
const run = { mock, native }
const judged = rows.map((row) => Report.judge(row, run))
const out: Array<string> = []
if (args.has("--json")) {
  const platform = native?.platform
  out.push(
    JSON.stringify({ platform, rows: judged.map(({ row: { probe: _, ...row }, ...rest }) => ({ row, ...rest })) })
  )
} else {
  const { columns = 160, isTTY } = process.stdout
  out.push(...Report.terminal(groups, run, { width: columns, colour: isTTY || process.env.FORCE_COLOR !== undefined }))
  out.push("")
}
if (native !== undefined) {
  const { platform } = native
  const file = platform._tag === "Windows" ? `docs/conformance-windows-${platform.version}.md` : "docs/conformance.md"
  writeFileSync(new URL(`../../${file}`, import.meta.url), Report.markdown(groups, { mock, native }))
  if (!args.has("--json")) {
    out.push(`written to ${file}${platform._tag === "Windows" ? ": please attach it to an issue of the project" : ""}`)
  }
}
if (!args.has("--json")) out.push(Report.summary(judged, run))
process.stdout.write(`${out.join("\n")}\n`)
process.exitCode = Report.failed(judged) ? 1 : 0
