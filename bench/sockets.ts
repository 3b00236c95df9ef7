/**
 * npm run bench -- --sockets [--json] [--quick]
 *
 * What Effect's Socket adds to the TCP socket below it, on the mock: the same programs over both, as ratios. Beside
 * NodeSocket, on the real ws2_32: `npm run bench -- --native --only=streams`.
 */
import { MockWinsock } from "@effect-winsock/mock"
import process from "node:process"
import { parseArgs } from "node:util"
import type { Event } from "./native/measure.ts"
import { measureAll, text } from "./native/measure.ts"
import type { Wire } from "./native/streams.ts"
import { ofLayer } from "./native/streams.ts"

const { values } = parseArgs({
  options: { sockets: { type: "boolean" }, json: { type: "boolean" }, quick: { type: "boolean" } }
})
const quick = values.quick === true

const KiB = 1024
const connections = 16
const events: ReadonlyArray<Event<Wire>> = [
  {
    name: "1 stream, writes of 1 KiB",
    unit: "a write",
    count: 4_000,
    run: (wire, count) => wire.flow(1, count * KiB, KiB)
  },
  {
    name: "request and response, 1 connection",
    unit: "a round trip",
    count: 2_000,
    run: (wire, count) => wire.echo(1, count)
  },
  {
    name: `request and response, ${connections} connections`,
    unit: "a round trip",
    count: 3_200,
    run: (wire, count) => wire.echo(connections, count / connections)
  }
]

const opened: Array<{ readonly name: string; readonly wire: Wire }> = []
for (const { name, open } of ofLayer(MockWinsock.layerLoopback)) opened.push({ name, wire: await open(connections) })
const results = await measureAll("effect-winsock", opened, events, quick)
for (const { wire } of opened) await wire.close()

if (values.json === true) console.log(JSON.stringify({ node: process.version, quick, results }, null, 2))
else console.log(text(results))
