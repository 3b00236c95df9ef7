// npm run simulate -- [--runs N] [--streams N] [--seed S] [--processes P]: more runs of the models than `npm test` makes;
// see test/model/simulate.ts. With several processes each takes its share of the seeds.
import { parseArgs } from "node:util"
import { checkNode, runNode } from "./node.mjs"

const script = "test/model/simulate.ts"

checkNode()
const { values } = parseArgs({
  strict: false,
  options: {
    runs: { type: "string" },
    streams: { type: "string" },
    seed: { type: "string" },
    processes: { type: "string" },
    completion: { type: "string" }
  }
})
const { completion, processes = "1", ...counts } = values
const most = 64
if (!/^\d+$/.test(processes) || Number(processes) < 1 || Number(processes) > most) {
  console.error(`--processes is 1 to ${most}, not ${processes}`)
  process.exit(2)
}
const share = Number(processes)

if (share === 1) {
  const args = process.argv.slice(2).filter((arg, i, all) => arg !== "--processes" && all[i - 1] !== "--processes")
  process.exitCode = await runNode([script, ...args])
} else {
  const first = Number(counts.seed ?? 1)
  const none = counts.runs === undefined && counts.streams === undefined
  const total = {
    runs: Number(counts.runs ?? (none ? 10_000 : 0)),
    streams: Number(counts.streams ?? (none ? 2000 : 0))
  }
  const by = completion === undefined ? [] : ["--completion", completion]
  const codes = await Promise.all(
    Array.from({ length: share }, (_, i) => {
      const part = (all) => Math.floor((all * (i + 1)) / share) - Math.floor((all * i) / share)
      // no two take the same seed
      const seed = first + Math.floor((Math.max(total.runs, total.streams) * i) / share)
      const [runs, streams] = [part(total.runs), part(total.streams)].map(String)
      return runNode([script, "--runs", runs, "--streams", streams, "--seed", String(seed), ...by])
    })
  )
  process.exitCode = Math.max(...codes)
}
