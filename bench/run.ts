/**
 * npm run bench [-- --json] [--quick] [--provider=fake|mock] [--case=name]
 *
 * What the library costs beside Effect's own floor, net of the provider's functions. Every figure is per operation.
 * Each process measures all cases, in many short rounds, and takes medians, which a busy machine disturbs least; a
 * figure is the median of the processes' medians, with the least and the most of them. `--quick` only shows that every case runs: its figures mean nothing.
 *
 * On the mock also what an idle connection holds, of 10,000, in a process of its own (the case `idle-connection`), and
 * how the cost of an operation grows up to 10,000 sockets and 100,000 pending operations (the cases `scale-...`).
 *
 * Allocated bytes are what the JavaScript heap and its array buffers grew by, in a process of its own whose young
 * generation is so large that nothing is collected meanwhile.
 */
import { spawn } from "node:child_process"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Idle, Memory } from "./idle.ts"
import { rowsOf } from "./idle.ts"
import { type Comparison, comparisons, type Growth, growthOf, growthSummary, growthText, quickly } from "./growth.ts"
import type { Measured, Plan } from "./measure.ts"
import type { Row } from "./report.ts"
import { judge, memoryText, rows, summary, text } from "./report.ts"
import type { Scaled } from "./scale.ts"
import type { Order, Provider } from "./worker.ts"

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    quick: { type: "boolean" },
    provider: { type: "string" },
    case: { type: "string" }
  }
})

const timed: Plan = { operations: 2_000, warmUp: 15, rounds: 31, bytes: false }
const counted: Plan = { operations: 8_000, warmUp: 5, rounds: 3, bytes: true }
const once: Plan = { operations: 1, warmUp: 0, rounds: 1, bytes: false }

/** How many processes time the cases on each provider; the mock's calls take thirty times as long. */
const providers = {
  fake: { processes: 4, scale: 1 },
  mock: { processes: 1, scale: 0.25 }
}

const noCollection = ["--min-semi-space-size=128", "--max-semi-space-size=128"]
/** What a process of its own prints. */
const inProcess = <A>(script: string, argument: string, options: ReadonlyArray<string>): Promise<A> =>
  new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const child = spawn(process.execPath, ["--expose-gc", ...options, path, argument], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      output += part
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`${script} ${argument} ended with ${signal ?? code}`))
    })
  })

const run = (order: Order): Promise<Array<Measured>> =>
  inProcess("worker.ts", JSON.stringify(order), order.bytes ? noCollection : [])

const all: Array<Row> = []
const chosen = (Object.keys(providers) as Array<Provider>).filter(
  (provider) => values.provider === undefined || values.provider === provider
)
for (const provider of chosen) {
  const { processes, scale } = providers[provider]
  const plans = values.quick ? [once] : [...Array.from({ length: processes }, () => timed), counted]
  const results: Array<Array<Measured>> = []
  for (const plan of plans) {
    const operations = plan.operations * scale
    results.push(await run({ ...plan, operations, provider, only: values.case ?? "" }))
  }
  all.push(...rows(provider, results))
}
const idleConnections = values.quick ? 100 : 10_000
if (chosen.includes("mock") && "idle-connection".includes(values.case ?? "")) {
  const idle = await inProcess<Idle & { readonly kernel: Memory }>("idleMock.ts", String(idleConnections), [])
  all.push(...rowsOf(idle, idle.kernel))
}
const compared = comparisons.filter(({ name }) => chosen.includes("mock") && name.includes(values.case ?? ""))
const grow = async (of: ReadonlyArray<Comparison>): Promise<Array<Growth>> => {
  const orders = JSON.stringify(of.map(({ large, small }) => [small, large]))
  const measured = await inProcess<Array<readonly [Scaled, Scaled]>>("scale.ts", orders, [])
  return of.map((comparison, i) => growthOf(comparison, measured[i]))
}
// each in a process of its own, whose memory holds nothing of the others
const growths: Array<Growth> = []
if (values.quick) growths.push(...(await grow(compared.map(quickly))))
else for (const comparison of compared) growths.push(...(await grow([comparison])))

const judged = judge(all)
const machine = { node: process.version, platform: process.platform, arch: process.arch, cpu: cpus()[0]?.model ?? "" }
if (values.json) {
  console.log(
    JSON.stringify({ machine, quick: values.quick ?? false, rows: all, growth: growths, targets: judged }, null, 2)
  )
} else {
  console.log(`${machine.cpu}, Node.js ${machine.node}, ${machine.platform} ${machine.arch}`)
  for (const provider of chosen) {
    console.log(`\non the ${provider} provider`)
    const own = all.filter((row) => row.provider === provider)
    const held = own.filter((row) => row.memory !== undefined)
    console.log(text(own.filter((row) => row.memory === undefined)))
    if (held.length > 0) console.log(`\n${memoryText(held)}`)
  }
  if (growths.length > 0) console.log(`\n${growthText(growths)}\n\n${growthSummary(growths)}`)
  const verdict =
    judged.length === 0 ? "no target was measured (those of times are judged on the fake provider)" : summary(judged)
  console.log(`\n${values.quick ? `${all.length} cases ran; the figures of a quick run mean nothing` : verdict}`)
}
