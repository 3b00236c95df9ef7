// A trace as text, as a diagram, as a picture.
import { UdpSocket } from "@effect-winsock/core"
import { MockDiagram, MockNetwork, MockTimeline, MockTrace } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { story } from "../support/story.ts"
import { at } from "../support/udp.ts"

/** The elements of well-formed XML, by name; fails for any other text. */
const elements = (xml: string): Map<string, number> => {
  const counts = new Map<string, number>()
  const open: Array<string> = []
  let end = 0
  for (const tag of xml.matchAll(/<(\/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const between = xml.slice(end, tag.index)
    assert.notInclude(between, "<")
    assert.notMatch(between, /&(?!amp;|lt;|gt;|quot;)/)
    end = tag.index + tag[0].length
    const [, closes, name, , empty] = tag
    if (closes === "/") assert.strictEqual(open.pop(), name)
    else {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      if (empty === "") open.push(name)
    }
  }
  assert.deepStrictEqual(open, [])
  assert.strictEqual(xml.slice(end).trim(), "")
  return counts
}

describe("a trace as text", () => {
  it.effect("has a line an event, and the time where it has moved", () =>
    Effect.gen(function* () {
      const trace = yield* story
      const lines = MockTrace.toText(trace).split("\n")
      assert.strictEqual(lines.length, trace.length)
      assert.match(lines[0], /^ {4}0\.000s \[server\] /)
      const times = lines.filter((line) => /^ *\d+\.\d{3}s /.test(line))
      assert.strictEqual(new Set(trace.map((event) => event.at)).size, times.length)
      assert.isTrue(times[1].startsWith("  600.000s "))
    }).pipe(Effect.scoped)
  )

  it("of nothing is empty", () => assert.strictEqual(MockTrace.toText([]), ""))
})

describe("a trace as a sequence diagram", () => {
  it.effect("has the machines, their sockets, what went between them, and what went wrong", () =>
    Effect.gen(function* () {
      const diagram = MockDiagram.toMermaid(yield* story)
      const lines = diagram.split("\n").map((line) => line.trim())
      assert.strictEqual(lines[0], "sequenceDiagram")
      assert.strictEqual(lines.filter((line) => line.startsWith("box ")).length, 2)
      assert.strictEqual(lines.filter((line) => line === "end").length, 2)
      const idOf = (label: string): string => {
        const found = lines.find((line) => line.endsWith(` as ${label}`))
        assert.isDefined(found, label)
        return found!.split(" ")[1]
      }
      const client = idOf("UDP 10.0.0.2#58;4000")
      const server = idOf("UDP 10.0.0.1#58;53")
      assert.include(lines, `${client}->>${server}: 12 bytes`)
      assert.include(lines, `${server}->>${client}: 12 bytes`)
      assert.isTrue(lines.some((line) => line.startsWith("Note over") && line.includes("dropped (no such host)")))
      assert.include(lines, `Note over ${client}: CancelIoEx of WSARecvMsg`)
      assert.include(lines, `Note over ${client}: WSASendMsg#58; WSAENOBUFS (10055)`)
      assert.isTrue(lines.some((line) => line.endsWith(": 600.000s")))
      // whatever is said of a packet is between two that are declared
      const declared = new Set(lines.flatMap((line) => /^participant (\w+) /.exec(line)?.[1] ?? []))
      for (const line of lines) {
        const ends = /^(\w+)(?:->>|-x)(\w+):/.exec(line)
        if (ends !== null) assert.isTrue(declared.has(ends[1]) && declared.has(ends[2]), line)
      }
    }).pipe(Effect.scoped)
  )

  it("of nothing has no participant", () => assert.strictEqual(MockDiagram.toMermaid([]), "sequenceDiagram\n"))
})

describe("a trace as a picture", () => {
  it.effect("is one well-formed file with a bar an operation and an arrow a packet", () =>
    Effect.gen(function* () {
      const trace = yield* story
      const svg = MockTimeline.toSvg(trace, { title: "A <story> & more" })
      elements(svg)
      assert.include(svg, "A &lt;story&gt; &amp; more")
      assert.notMatch(svg, /href|url\((?!#)|<script|NaN|undefined/)
      const ofClass = (name: string): number => svg.split(`class="${name}"`).length - 1
      const submitted = trace.filter(
        (event) =>
          event._tag === "Call" &&
          (event.args.lpOverlapped ?? 0) !== 0 &&
          [0, 997].includes(event.error) &&
          !event.name.startsWith("Cancel") &&
          !event.name.startsWith("WSAGetOverlapped")
      ).length
      // the legend shows one of each that there is
      const outcomes = ["succeeded", "aborted", "failed", "pending"].filter((name) => ofClass(name) > 0)
      assert.deepStrictEqual(outcomes, ["succeeded", "aborted", "pending"])
      assert.strictEqual(outcomes.reduce((sum, name) => sum + ofClass(name), 0) - outcomes.length, submitted)
      const sent = trace.filter((event) => event._tag === "Sent" || event._tag === "Segment").length
      assert.strictEqual(ofClass("arrow") + ofClass("arrow lost"), sent)
      assert.include(svg, ">600.000s</text>")
      assert.include(svg, ">10 min</text>")
      assert.include(svg, "dropped (no such host)")
      assert.include(svg, "WSARecvMsg, aborted: STATUS_CANCELLED, 0 bytes")
    }).pipe(Effect.scoped)
  )

  it.effect("of a long trace grows in height, not in width, and has every operation in it", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      yield* Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.2", 4000))
        for (let i = 0; i < 100; i++) {
          yield* socket.send(new Uint8Array(1 + i), socket.address)
          yield* socket.receive
        }
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
      const trace = yield* hosts.client.trace
      const sizeOf = (svg: string) =>
        /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg)!.slice(1).map(Number) as [number, number]
      const svg = MockTimeline.toSvg(trace)
      elements(svg)
      const [width, height] = sizeOf(svg)
      const [, short] = sizeOf(MockTimeline.toSvg(trace, { limit: 50 }))
      assert.isAtMost(width, 1400)
      assert.isAbove(height, 3 * short)
      // nothing stands outside
      for (const [, x] of svg.matchAll(/ x[12]?="(-?[\d.]+)"/g)) assert.isTrue(Number(x) >= 0 && Number(x) <= width, x)
      for (let i = 0; i < 100; i++) assert.include(svg, `WSARecvMsg, succeeded: STATUS_SUCCESS, ${i + 1} byte`)
    }).pipe(Effect.scoped)
  )

  it.effect("of a part of a trace shows that part", () =>
    Effect.gen(function* () {
      const trace = yield* story
      for (const limit of [1, 2, 7, trace.length - 3]) elements(MockTimeline.toSvg(trace, { limit }))
      elements(MockTimeline.toSvg([]))
    }).pipe(Effect.scoped)
  )
})
