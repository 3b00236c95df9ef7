/**
 * npm run bench [-- --json] [--quick] [--provider=fake|mock] [--case=name]
 *
 * What the library costs beside Effect's own floor, net of the provider's functions. Every figure is per operation.
 * Each process measures all cases, in many short rounds, and takes medians, which a busy machine disturbs least; a
 * figure is the median of the processes' medians, with the least and the most of them. `--quick` only shows that every case runs: its figures mean nothing.
 *
 * Allocated bytes are what the JavaScript heap and its array buffers grew by, in a process of its own whose young
 * generation is so large that nothing is collected meanwhile.
 */
import { spawn } from "node:child_process"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Measured, Plan } from "./measure.ts"
import type { Row } from "./report.ts"
import { judge, rows, summary, text } from "./report.ts"
import type { Order, Provider } from "./worker.ts"

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    quick: { type: "boolean" },
    provider: { type: "string" },
    case: { type: "string" }
  }
})

const timed: Plan = { operations: 2_000, warmUp: 30, rounds: 41, bytes: false }
const counted: Plan = { operations: 8_000, warmUp: 5, rounds: 3, bytes: true }
const once: Plan = { operations: 1, warmUp: 0, rounds: 1, bytes: false }

/** How many processes time the cases on each provider. */
const processes = { fake: 5, mock: 2 }

const noCollection = ["--min-semi-space-size=128", "--max-semi-space-size=128"]
const worker = fileURLToPath(new URL("worker.ts", import.meta.url))

const run = (order: Order): Promise<Array<Measured>> =>
  new Promise((resolve, reject) => {
    const options = ["--expose-gc", ...(order.bytes ? noCollection : [])]
    const child = spawn(process.execPath, [...options, worker, JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      output += part
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`a process on the provider "${order.provider}" ended with ${signal ?? code}`))
    })
  })

const all: Array<Row> = []
const chosen = (Object.keys(processes) as Array<Provider>).filter(
  (provider) => values.provider === undefined || values.provider === provider
)
for (const provider of chosen) {
  const plans = values.quick ? [once] : [...Array.from({ length: processes[provider] }, () => timed), counted]
  const results: Array<Array<Measured>> = []
  for (const plan of plans) results.push(await run({ ...plan, provider, only: values.case ?? "" }))
  all.push(...rows(provider, results))
}

const judged = judge(all)
const machine = { node: process.version, platform: process.platform, arch: process.arch, cpu: cpus()[0]?.model ?? "" }
if (values.json) {
  console.log(JSON.stringify({ machine, quick: values.quick ?? false, rows: all, targets: judged }, null, 2))
} else {
  console.log(`${machine.cpu}, Node.js ${machine.node}, ${machine.platform} ${machine.arch}`)
  for (const provider of chosen) {
    console.log(`\non the ${provider} provider`)
    console.log(text(all.filter((row) => row.provider === provider)))
  }
  const verdict = summary(judged.filter((of) => of.provider === chosen[0]))
  console.log(`\n${values.quick ? `${all.length} cases ran; the figures of a quick run mean nothing` : verdict}`)
}
