// Segments that are lost, as text, as a diagram, as a picture and in a capture: each with the reason.
import { MockCapture, MockDiagram, MockNetwork, MockRule, MockTimeline, MockTrace } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { labOf } from "./support.ts"
import * as T from "./tcpSupport.ts"

/** A segment that a rule loses once, and what a router and a machine without power lose. */
const losses = Effect.gen(function* () {
  const network = yield* MockNetwork.make({
    hosts: { client: {}, server: {} },
    links: {
      office: { subnets: "10.0.0.0/24", hosts: ["client"] },
      transit: { subnets: "172.16.0.0/30", hosts: [], mtu: 1300 },
      centre: { subnets: "192.0.2.0/24", hosts: { server: "192.0.2.80" } }
    },
    routers: { gateway: ["office", "transit"], edge: ["transit", "centre"] }
  })
  const [client, server] = [yield* labOf(network.hosts.client), yield* labOf(network.hosts.server)]
  const { client: s } = yield* T.pair(server, client, "192.0.2.80")
  const pass = (milliseconds: number) => Effect.andThen(TestClock.adjust(milliseconds), network.settled)
  yield* Effect.scoped(
    Effect.gen(function* () {
      const isFirst = MockRule.make("the first one", ({ payload, retransmissions }) =>
        payload.length > 0 && retransmissions === 0 ? { _tag: "Drop", reason: "bad luck; really" } : undefined
      )
      yield* network.rules(isFirst)
      T.send(client, s, "abc")
      yield* pass(1000)
      yield* pass(1000)
    })
  )
  T.send(client, s, "x".repeat(1400))
  yield* network.settled
  yield* network.crash("server")
  T.send(client, s, "def")
  yield* pass(1000)
  return yield* client.mock.trace
}).pipe(Effect.scoped)

const reasons = ["bad luck; really", "too big for the path", "host is down"] as const

const count = (text: string, part: string): number => text.split(part).length - 1

describe("lost segments are seen", () => {
  it.effect("as text: what was lost, why, and that it is sent again", () =>
    Effect.gen(function* () {
      const trace = yield* losses
      const lost = trace.filter((event) => event._tag === "SegmentDropped")
      const lines = MockTrace.toText(trace).split("\n")
      for (const reason of reasons) {
        const told = lines.filter((line) => line.includes(`dropped (${reason}): ACK`))
        assert.strictEqual(told.length, lost.filter((event) => event.reason === reason).length)
        assert.isAbove(told.length, 0)
      }
      assert.isTrue(lines.some((line) => line.includes("retransmission 1")))
    })
  )

  it.effect("as a diagram: an arrow that ends in a cross, and a note", () =>
    Effect.gen(function* () {
      const trace = yield* losses
      const lost = trace.filter((event) => event._tag === "SegmentDropped").length
      const sent = trace.filter((event) => event._tag === "Segment").length
      const diagram = MockDiagram.toMermaid(trace)
      assert.strictEqual((diagram.match(/^ {2}p\d+-xp\d+: /gm) ?? []).length, lost)
      assert.strictEqual((diagram.match(/^ {2}p\d+->>p\d+: /gm) ?? []).length, sent - lost)
      assert.strictEqual(count(diagram, "dropped ("), lost)
      assert.include(diagram, "dropped (bad luck#59; really)")
      assert.include(diagram, ": 3 bytes again")
    })
  )

  it.effect("as a picture: a dashed arrow to a mark that says why", () =>
    Effect.gen(function* () {
      const trace = yield* losses
      const lost = trace.filter((event) => event._tag === "SegmentDropped").length
      const sent = trace.filter((event) => event._tag === "Segment").length
      const svg = MockTimeline.toSvg(trace)
      assert.strictEqual(count(svg, `class="arrow lost"`), lost)
      assert.strictEqual(count(svg, `class="arrow"`), sent - lost)
      for (const reason of reasons) assert.include(svg, `dropped (${reason}): 10.0.0.1:`)
      assert.include(svg, "packet lost")
    })
  )

  it.effect("in a capture: there once, as it left, with the reason as its comment", () =>
    Effect.gen(function* () {
      const trace = yield* losses
      const file = new TextDecoder("latin1").decode(MockCapture.toPcapng(trace))
      for (const reason of reasons) {
        const lost = trace.filter((event) => event._tag === "SegmentDropped" && event.reason === reason)
        assert.strictEqual(count(file, `dropped: ${reason}`), lost.length)
      }
      // who captures at the server has none of them
      const there = new TextDecoder("latin1").decode(MockCapture.toPcapng(trace, { host: "server" }))
      assert.notInclude(there, "dropped: ")
    })
  )

  it.effect("of copies one may be lost: both have an arrow", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.makeClientServer()
      const [client, server] = [yield* labOf(network.hosts.client), yield* labOf(network.hosts.server)]
      const { client: s } = yield* T.pair(server, client, "10.0.0.1")
      yield* network.rules(MockRule.duplication(1, { after: 100 }))
      yield* client.mock.clearTrace
      T.send(client, s, "abc")
      yield* network.settled
      yield* network.crash("server")
      yield* TestClock.adjust(100)
      yield* network.settled
      const trace = yield* client.mock.trace
      const of = trace.filter((event) => "id" in event && "bytes" in event && event.bytes === 3).map(({ _tag }) => _tag)
      assert.deepStrictEqual(of, ["Segment", "SegmentArrived", "SegmentDropped"])
      const diagram = MockDiagram.toMermaid(trace)
      assert.strictEqual((diagram.match(/-xp\d+: 3 bytes$/gm) ?? []).length, 1)
      assert.strictEqual((diagram.match(/->>p\d+: 3 bytes$/gm) ?? []).length, 1)
    })
  )
})
