/**
 * npm run bench -- --native [--json] [--quick]
 *
 * UDP on the real ws2_32 beside node:dgram and Effect's NodeDatagramSocket, in one process on one CPU: round trips and
 * throughput, as ratios. The contestants take turns, round by round; a figure is the median of the rounds, with the
 * least and the most of them.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import type { Wire } from "./contestants.ts"
import { contestants } from "./contestants.ts"

const { values } = parseArgs({ options: { json: { type: "boolean" }, quick: { type: "boolean" } } })

interface Event {
  readonly name: string
  readonly count: number
  readonly run: (wire: Wire, count: number) => Promise<void>
}

const events: ReadonlyArray<Event> = [
  { name: "round trip, 1 outstanding", count: 1_000, run: (wire, count) => wire.echo(count, 1) },
  { name: "echo, 16 outstanding", count: 2_000, run: (wire, count) => wire.echo(count, 16) },
  { name: "echo, 64 outstanding", count: 2_000, run: (wire, count) => wire.echo(count, 64) },
  { name: "one way, bursts of 32", count: 3_200, run: (wire, count) => wire.burst(count, 32) }
]

const rounds = values.quick === true ? 1 : 9
const share = values.quick === true ? 10 : 1

const median = (sorted: ReadonlyArray<number>): number => sorted[Math.floor(sorted.length / 2)]

interface Figure {
  readonly contestant: string
  /** Microseconds for each datagram: median, least and most. */
  readonly microseconds: readonly [median: number, least: number, most: number]
  /** How many times as fast as node:dgram, the median of the rounds' ratios. */
  readonly ratio: number
}

const measure = async (wires: ReadonlyArray<Wire>, event: Event): Promise<Array<Figure>> => {
  const count = event.count / share
  const times = wires.map((): Array<number> => [])
  // the first round is not counted
  for (let round = -1; round < rounds; round++) {
    for (const [i, wire] of wires.entries()) {
      const start = performance.now()
      await event.run(wire, count)
      if (round >= 0) times[i].push(((performance.now() - start) * 1000) / count)
    }
  }
  const peer = contestants.findIndex(({ name }) => name === "node:dgram")
  return contestants.map(({ name }, i) => {
    const sorted = times[i].toSorted((a, b) => a - b)
    const ratios = times[i].map((time, round) => times[peer][round] / time).toSorted((a, b) => a - b)
    return {
      contestant: name,
      microseconds: [median(sorted), sorted[0], sorted[sorted.length - 1]],
      ratio: median(ratios)
    }
  })
}

const wires = await Promise.all(contestants.map(({ open }) => open()))
const results: Array<{ readonly event: string; readonly figures: ReadonlyArray<Figure> }> = []
for (const event of events) results.push({ event: event.name, figures: await measure(wires, event) })
for (const wire of wires) await wire.close()

if (values.json === true) {
  console.log(
    JSON.stringify({ node: process.version, platform: process.platform, quick: values.quick, results }, null, 2)
  )
} else {
  for (const { event, figures } of results) {
    console.log(`\n${event}`)
    for (const { contestant, microseconds, ratio } of figures) {
      const [mid, least, most] = microseconds.map((us) => us.toFixed(1))
      const figure = `${mid} us a datagram [${least}-${most}]`
      console.log(`  ${contestant.padEnd(20)} ${figure.padEnd(42)} ${ratio.toFixed(2)} x node:dgram`)
    }
  }
  const own = results.map(({ event, figures }) => `${event} ${figures[0].ratio.toFixed(2)}`)
  console.log(`\nas fast as node:dgram, times: ${own.join("; ")}`)
}
process.exit(0)
