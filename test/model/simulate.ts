/**
 * npm run simulate -- [--runs N] [--streams N] [--seed S] [--completion port|event|routine] [--processes P]: more runs of
 * the models than `npm test` makes. Of the runs one in eight is of the model of a network, if no completion is named; the
 * others are of a machine by itself, and streams are counted apart. A run that goes wrong is told, with the command that
 * repeats it, and ends it all; of a network it is told with the least that must disturb it. The last lines say how many
 * runs there were of each, from which seed, and how fast.
 */
import type { Winsock } from "@effect-winsock/core"
import process from "node:process"
import { parseArgs } from "node:util"
import { type Happenings, playSeed } from "./seeds.ts"
import * as Streams from "./streams.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string" },
    streams: { type: "string" },
    seed: { type: "string" },
    completion: { type: "string" }
  }
})

const integer = (name: string, text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value
  process.stderr.write(`--${name} takes a whole number, not ${text}\n`)
  return process.exit(2)
}

const completion = values.completion as Winsock.Completion | undefined
if (completion !== undefined && !["port", "event", "routine"].includes(completion)) {
  process.stderr.write(`--completion is port, event or routine, not ${completion}\n`)
  process.exit(2)
}
const by = completion === undefined ? "" : ` --completion ${completion}`
const first = integer("seed", values.seed, 1)
// who names the one alone means it alone
const runs = integer("runs", values.runs, values.streams === undefined ? 10_000 : 0)
const connections = integer("streams", values.streams, values.runs === undefined ? 2000 : 0)
const sums: Record<string, Happenings> = {}
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const start = performance.now()
let told = start
const counts: Happenings = {}
for (let i = 0; i < runs; i++) {
  const outcome = await playSeed(first + i, runs === 1, completion)
  const { happened, model } = outcome
  if (outcome.problems.length > 0) {
    const { story } = runs === 1 ? outcome : await playSeed(first + i, true, completion)
    for (const line of story) say(line)
    say(`\nrun ${first + i} (${model}) went wrong:`)
    for (const problem of outcome.problems) say(`  ${problem}`)
    say(`repeat it: npm run simulate -- --runs 1 --seed ${first + i}${by}`)
    process.exit(1)
  }
  counts[model] = (counts[model] ?? 0) + 1
  const sum = (sums[model] ??= {})
  for (const [name, count] of Object.entries(happened)) sum[name] = (sum[name] ?? 0) + count
  if (performance.now() - told > 10_000) {
    told = performance.now()
    say(`${i + 1} of ${runs} runs, all clean`)
  }
}
const summary = (happened: Happenings | Streams.Happenings): void =>
  say(
    Object.entries(happened)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")
  )
if (runs > 0) {
  for (const [model, sum] of Object.entries(sums)) {
    say(`${counts[model]} of them are of the model of a ${model}:`)
    summary(sum)
  }
  const seconds = (performance.now() - start) / 1000
  say(`${runs} runs from seed ${first}, all clean, ${Math.round(runs / seconds)} runs/s`)
}

const happened = Streams.nothing()
const begun = performance.now()
for (let i = 0; i < connections; i++) {
  const wrong = await Streams.runStreams(first + i, happened, completion)
  if (wrong !== undefined) {
    say(`\nconnection ${first + i} went wrong:\n${wrong}`)
    say(`repeat it: npm run simulate -- --streams 1 --seed ${first + i}${by}`)
    process.exit(1)
  }
  if (performance.now() - told > 10_000) {
    told = performance.now()
    say(`${i + 1} of ${connections} connections, all clean`)
  }
}
if (connections > 0) {
  summary(happened)
  const took = (performance.now() - begun) / 1000
  say(`${connections} connections from seed ${first}, all clean, ${Math.round(connections / took)} runs/s`)
}
