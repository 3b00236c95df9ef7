/**
 * npm run bench -- --native [--json] [--quick] [--only=datagrams|streams|idle]
 *
 * Datagrams and streams on the real ws2_32 beside node:dgram and node:net, and Effect's own over those, in one process
 * on one CPU: round trips and throughput, as ratios. The contestants take turns, round by round; a figure is the median
 * of the rounds, with the least and the most of them. Then what an idle connection holds, of 1,000.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import * as Datagrams from "./datagrams.ts"
import * as Idle from "./idle.ts"
import type { Event, Result } from "./measure.ts"
import { measureAll, text } from "./measure.ts"
import * as Streams from "./streams.ts"

const { values } = parseArgs({
  options: { json: { type: "boolean" }, quick: { type: "boolean" }, only: { type: "string" } }
})

const quick = values.quick === true

const datagrams: ReadonlyArray<Event<Datagrams.Wire>> = [
  { name: "round trip, 1 outstanding", unit: "a datagram", count: 1_000, run: (wire, count) => wire.echo(count, 1) },
  { name: "echo, 16 outstanding", unit: "a datagram", count: 2_000, run: (wire, count) => wire.echo(count, 16) },
  { name: "echo, 64 outstanding", unit: "a datagram", count: 2_000, run: (wire, count) => wire.echo(count, 64) },
  { name: "one way, bursts of 32", unit: "a datagram", count: 3_200, run: (wire, count) => wire.burst(count, 32) }
]

const connections = 100
const KiB = 1024
const streams: ReadonlyArray<Event<Streams.Wire>> = [
  {
    name: "1 stream, writes of 64 KiB",
    unit: "a write",
    count: 640,
    run: (wire, count) => wire.flow(1, count * 64 * KiB, 64 * KiB)
  },
  {
    name: `${connections} streams, writes of 1 KiB`,
    unit: "a write",
    count: 10_000,
    run: (wire, count) => wire.flow(connections, (count / connections) * KiB, KiB)
  },
  {
    name: "request and response, 1 connection",
    unit: "a round trip",
    count: 1_000,
    run: (wire, count) => wire.echo(1, count)
  },
  {
    name: "request and response, 64 connections",
    unit: "a round trip",
    count: 3_200,
    run: (wire, count) => wire.echo(64, count / 64)
  }
]

const results: Array<Result> = []
const wanted = (part: string): boolean => values.only === undefined || values.only === part
// first, in a heap that is still empty
const idle = wanted("idle") ? await Idle.run(quick ? 100 : 1_000) : undefined
if (wanted("datagrams")) {
  const opened = await Promise.all(Datagrams.contestants.map(async ({ name, open }) => ({ name, wire: await open() })))
  results.push(...(await measureAll("node:dgram", opened, datagrams, quick)))
  for (const { wire } of opened) await wire.close()
}
if (wanted("streams")) {
  const opened: Array<{ readonly name: string; readonly wire: Streams.Wire }> = []
  for (const { name, open } of Streams.contestants) opened.push({ name, wire: await open(connections) })
  results.push(...(await measureAll("node:net", opened, streams, quick)))
  for (const { wire } of opened) await wire.close()
}

if (values.json === true) {
  console.log(JSON.stringify({ node: process.version, platform: process.platform, quick, results, idle }, null, 2))
} else {
  if (results.length > 0) console.log(text(results))
  if (idle !== undefined) console.log(Idle.text(idle))
}
process.exit(0)
