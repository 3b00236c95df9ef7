// Rules of the network on datagrams: what each of them does, by the clock and by the seed.
import * as MockRule from "@effect-winsock/mock/MockRule"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { letters, scene, textOf } from "./rulesSupport.ts"

/** What of a thousand datagrams reaches the server. */
const thousand = (rule: MockRule.Rule, seed = 1) =>
  Effect.gen(function* () {
    const s = yield* scene({ seed, trace: 20_000 })
    s.server.setOption(s.b.s, Flags.SOL_SOCKET, Options.SO_RCVBUF, 1_000_000)
    yield* s.rules(rule)
    for (let i = 0; i < 1000; i += 100) {
      s.ask(...letters(1000).slice(i, i + 100))
      yield* s.settled
    }
    return { s, arrived: (yield* s.asked).map((line) => line.split(" ")[1]), dropped: yield* s.dropped }
  }).pipe(Effect.scoped)

describe("latency", () => {
  it.effect("delays by the clock, in both directions, and keeps the order of equals", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.latency("50 millis"))
      s.ask("1", "2")
      yield* s.pass(10)
      s.ask("3")
      s.answer("4")
      yield* s.pass(39)
      assert.deepStrictEqual(yield* s.asked, [])
      yield* s.pass(60)
      assert.deepStrictEqual(yield* s.asked, ["50 1", "50 2", "60 3"])
      assert.deepStrictEqual(yield* s.answered, ["60 4"])
    })
  )

  it.effect("adds up over rules, and with what routers take; the send has ended long before", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.latency(5), MockRule.latency("7 millis"))
      yield* s.rules(MockRule.latency({ seconds: 0.001 }))
      s.ask("x")
      yield* s.settled
      assert.strictEqual((yield* s.client.mock.sockets)[0].sendBuffered, 0)
      yield* s.pass(20)
      assert.deepStrictEqual(yield* s.asked, ["13 x"])
    })
  )

  it.effect("fractions of milliseconds are exact enough, and no timer is left over", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.latency((chance) => 1 / 3 + chance.below(1)))
      s.ask("x")
      yield* s.pass(2, 0.25)
      s.ask("y")
      yield* s.pass(2, 0.1)
      assert.deepStrictEqual(
        (yield* s.asked).map((line) => line.split(" ")[1]),
        ["x", "y"]
      )
    })
  )

  for (const [name, time, least, most, mean] of [
    ["uniform", { min: "10 millis", max: "30 millis" }, 10, 30, 20],
    ["normal", { normal: { mean: 40, deviation: 5 } }, 0, 80, 40],
    ["exponential", { exponential: { mean: "20 millis", least: "5 millis" } }, 5, 500, 20]
  ] as const) {
    it.effect(`${name}: within bounds, and as much as it says on average`, () =>
      Effect.gen(function* () {
        const s = yield* scene({ seed: 7 })
        const seen: Array<number> = []
        yield* s.rules(
          MockRule.latency(time),
          MockRule.make("looks", (_packet, change) => {
            seen.push(change.delay)
            return { _tag: "Drop", reason: "seen" }
          })
        )
        s.ask(...letters(2000))
        yield* s.settled
        assert.strictEqual(seen.length, 2000)
        assert.isAtLeast(Math.min(...seen), least)
        assert.isAtMost(Math.max(...seen), most)
        assert.approximately(seen.reduce((sum, n) => sum + n, 0) / seen.length, mean, 1)
        assert.isAbove(new Set(seen).size, 1900)
      })
    )
  }
})

describe("bandwidth", () => {
  // 1000 bytes of IP packet each: 972 of payload
  const payload = "x".repeat(972)

  it.effect("takes the time of the bytes, one packet after the other, each direction by itself", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.bandwidth({ bytesPerSecond: 100_000 }))
      s.ask(payload, payload, payload)
      s.answer(payload)
      yield* s.pass(25)
      s.ask(payload)
      yield* s.pass(40)
      s.ask(payload)
      yield* s.pass(40)
      const times = (lines: ReadonlyArray<string>) => lines.map((line) => Number(line.split(" ")[0]))
      assert.deepStrictEqual(times(yield* s.asked), [10, 20, 30, 40, 75])
      assert.deepStrictEqual(times(yield* s.answered), [10])
    })
  )

  it.effect("what finds the queue full is lost: the tail; what is on its way out is not in the queue", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      const rule = MockRule.bandwidth({ bytesPerSecond: 100_000, queueBytes: 2000 })
      yield* s.rules(rule)
      const all = ["a", "b", "c", "d", "e"].map((letter) => letter + payload.slice(1))
      s.ask(...all)
      yield* s.pass(10)
      // "b" is on its way out, "c" waits: there is room for one
      s.ask(`f${payload.slice(1)}`, `g${payload.slice(1)}`)
      yield* s.pass(60)
      assert.deepStrictEqual(
        (yield* s.asked).map((line) => line.slice(0, 4)),
        ["10 a", "20 b", "30 c", "40 f"]
      )
      assert.deepStrictEqual(
        yield* s.dropped,
        Array.from({ length: 3 }, () => `queue full: ${rule.description}`)
      )
    })
  )

  it.effect("a queue of none carries one at a time; a rule that is asked before saves the line its losses", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.first(MockRule.drop, 1), MockRule.bandwidth({ bytesPerSecond: 100_000, queueBytes: 0 }))
      s.ask("first", payload, payload)
      yield* s.pass(10)
      s.ask(payload)
      yield* s.pass(20)
      assert.deepStrictEqual(
        (yield* s.asked).map((line) => line.slice(0, 4)),
        ["10 x", "20 x"]
      )
    })
  )
})

describe("loss", () => {
  it.effect("none at 0, all at 1, a share between them that the seed decides; the trace names the rule", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* thousand(MockRule.loss(0))).arrived.length, 1000)
      const all = yield* thousand(MockRule.loss(1))
      assert.deepStrictEqual([all.arrived.length, new Set(all.dropped)], [0, new Set(["loss of 100 %"])])
      const some = yield* thousand(MockRule.loss(0.1))
      assert.approximately(some.arrived.length, 900, 30)
      assert.strictEqual(some.arrived.length + some.dropped.length, 1000)
      assert.deepStrictEqual((yield* thousand(MockRule.loss(0.1))).arrived, some.arrived)
      assert.notDeepEqual((yield* thousand(MockRule.loss(0.1), 2)).arrived, some.arrived)
    })
  )

  it.effect("in bursts: as many as the two probabilities make, and many in a row", () =>
    Effect.gen(function* () {
      const { arrived } = yield* thousand(MockRule.loss({ begin: 0.02, end: 0.2 }), 5)
      // begin / (begin + end) of the time in a burst
      assert.approximately(arrived.length, 909, 60)
      const numbers = arrived.map((text) => Number(text.slice(1)))
      const gaps = numbers.slice(1).flatMap((n, i) => (n - numbers[i] > 1 ? [n - numbers[i] - 1] : []))
      const lost = gaps.reduce((sum, gap) => sum + gap, 0)
      assert.isAbove(lost / gaps.length, 3)
    })
  )

  it.effect("in bursts: each direction has its own, and what is within and outside of them can be said", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      // the first packet begins a burst that never ends
      yield* s.rules(MockRule.loss({ begin: 1, end: 0 }))
      s.ask(...letters(5))
      s.answer(...letters(5))
      yield* s.settled
      assert.deepStrictEqual([yield* s.asked, yield* s.answered], [[], []])
      const outside = yield* thousand(MockRule.loss({ begin: 0, end: 1, outside: 1 }))
      assert.strictEqual(outside.arrived.length, 0)
      const within = yield* thousand(MockRule.loss({ begin: 1, end: 0, within: 0.5 }))
      assert.approximately(within.arrived.length, 500, 60)
    })
  )
})

describe("duplication", () => {
  it.effect("a copy at once, or as many and as late as is said; each is in the trace", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* s.rules(MockRule.duplication(1))
          s.ask("a", "b")
          yield* s.settled
        })
      )
      assert.deepStrictEqual(yield* s.asked, ["0 a", "0 a", "0 b", "0 b"])
      assert.deepStrictEqual(
        [0, 1, 2, 3].map(() => s.server.receive(s.b.s)),
        ["a", "a", "b", "b"]
      )
      yield* s.client.mock.clearTrace
      yield* s.rules(MockRule.duplication(1, { copies: 2, after: "10 millis" }), MockRule.latency(5))
      s.ask("c")
      yield* s.pass(30)
      assert.deepStrictEqual(yield* s.asked, ["5 c", "15 c", "25 c"])
    })
  )

  it.effect("a share", () =>
    Effect.gen(function* () {
      const { arrived } = yield* thousand(MockRule.duplication(0.2))
      assert.approximately(arrived.length, 1200, 50)
      assert.strictEqual(new Set(arrived).size, 1000)
    })
  )
})

describe("reordering", () => {
  it.effect("holds a share back, which others overtake; nothing is lost", () =>
    Effect.gen(function* () {
      const s = yield* scene({ seed: 3 })
      yield* s.rules(MockRule.reordering(0.3, "5 millis"))
      const sent = letters(40)
      s.ask(...sent)
      yield* s.pass(6)
      const arrived = (yield* s.asked).map((line) => line.split(" "))
      assert.deepStrictEqual(arrived.map(([, text]) => text).toSorted(), sent.toSorted())
      const late = arrived.filter(([at]) => at === "5").map(([, text]) => text)
      assert.isAbove(late.length, 4)
      assert.deepStrictEqual(
        late,
        sent.filter((text) => late.includes(text))
      )
    })
  )
})

describe("corruption", () => {
  it.effect("is found by the checksum: the receiver drops the datagram, which the trace shows as it came", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.corruption(1))
      s.ask("abc", "")
      yield* s.settled
      assert.strictEqual(s.server.receive(s.b.s), Codes.WSAEWOULDBLOCK)
      const dropped = (yield* s.client.mock.trace).flatMap((event) => (event._tag === "Dropped" ? [event] : []))
      assert.deepStrictEqual(
        dropped.map(({ host, reason }) => `${host}: ${reason}`),
        ["server: damaged", "server: damaged"]
      )
      assert.notStrictEqual(textOf(dropped[0]), "abc")
    })
  )

  it.effect("or is not: then the payload arrives with so many bits turned over, the sender's own bytes untouched", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.corruption(1, { undetected: true }))
      s.ask("abcdefgh", "")
      yield* s.settled
      const got = s.server.receive(s.b.s) as string
      const bits = Array.from("abcdefgh", (letter, i) => letter.charCodeAt(0) ^ got.charCodeAt(i))
      assert.strictEqual(got.length, 8)
      assert.strictEqual(
        bits.map((n) => n.toString(2).replaceAll("0", "").length).reduce((sum, n) => sum + n),
        1
      )
      assert.strictEqual(s.server.receive(s.b.s), "")
      const sent = (yield* s.client.mock.trace).flatMap((event) => (event._tag === "Sent" ? [textOf(event)] : []))
      assert.deepStrictEqual(sent, ["abcdefgh", ""])
    })
  )

  it.effect("what one checksum finds is found, whatever another rule says", () =>
    Effect.gen(function* () {
      for (const flags of [
        [true, false],
        [false, true]
      ]) {
        const s = yield* scene()
        yield* s.rules(...flags.map((undetected) => MockRule.corruption(1, { undetected })))
        s.ask("abc")
        yield* s.settled
        assert.deepStrictEqual(yield* s.dropped, ["damaged"])
      }
    })
  )
})

describe("partition and cut", () => {
  it.effect("both ways, one way, and healed when the scope closes", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      const under = (rule: MockRule.Rule, text: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* s.rules(rule)
            s.ask(`ask ${text}`)
            s.answer(`answer ${text}`)
            yield* s.settled
          })
        )
      yield* under(MockRule.partition("client", "server"), "both")
      yield* under(MockRule.partition("client", "server", { oneWay: true }), "one")
      yield* under(MockRule.cut("server"), "cut")
      s.ask("healed")
      yield* s.settled
      assert.deepStrictEqual([yield* s.asked, yield* s.answered], [["0 healed"], ["0 answer one"]])
      assert.deepStrictEqual(yield* s.dropped, [
        "partition of client from server",
        "partition of client from server",
        "partition: nothing from client to server",
        "cut of server",
        "cut of server"
      ])
    })
  )

  it.effect("a host that is cut still hears itself; and one may be named by an address", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.cut("client"))
      s.client.send(s.a.s, "to myself", "10.0.0.2", s.a.port)
      yield* s.settled
      assert.deepStrictEqual(yield* s.answered, ["0 to myself"])
      const other = yield* scene()
      yield* other.rules(MockRule.partition("10.0.0.2", ["10.0.0.101"]))
      other.ask("x")
      yield* other.settled
      assert.deepStrictEqual(yield* other.asked, ["0 x"])
      yield* other.rules(MockRule.partition("10.0.0.2", ["10.0.0.101", "10.0.0.1"]))
      other.ask("y")
      yield* other.settled
      assert.deepStrictEqual(yield* other.asked, ["0 x"])
    })
  )

  it.effect("packets under way when it begins arrive; those sent before it ends do not", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.latency(10))
      s.ask("before")
      yield* s.pass(5)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* s.rules(MockRule.partition("client", "server"))
          s.ask("within")
          yield* s.pass(6)
        })
      )
      s.ask("after")
      yield* s.pass(20)
      assert.deepStrictEqual(yield* s.asked, ["10 before", "21 after"])
    })
  )
})

describe("narrow paths", () => {
  it.effect("a black hole swallows what is larger, headers counted, and says nothing", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.blackHole(100))
      s.ask("x".repeat(72), "x".repeat(73))
      yield* s.settled
      assert.deepStrictEqual(yield* s.asked, [`0 ${"x".repeat(72)}`])
      assert.deepStrictEqual(yield* s.dropped, ["black hole for more than 100 bytes"])
    })
  )

  for (const [name, ips, level, dontFragment, mtu, header] of [
    ["IPv4", ["10.0.0.2", "10.0.0.1"], Flags.IPPROTO_IP, Options.IP_DONTFRAGMENT, 600, 28],
    ["IPv6", ["fd00::2", "fd00::1"], Flags.IPPROTO_IPV6, Options.IPV6_DONTFRAG, 1300, 48]
  ] as const) {
    it.effect(`${name}: too big is told, and the sender knows from then on`, () =>
      Effect.gen(function* () {
        const s = yield* scene({}, ips)
        yield* s.rules(MockRule.tooBig(mtu))
        s.client.setOption(s.a.s, level, dontFragment, 1)
        const [fits, large] = ["x".repeat(mtu - header), "y".repeat(mtu - header + 1)]
        s.ask(fits)
        s.ask(large)
        yield* s.settled
        assert.deepStrictEqual(yield* s.asked, [`0 ${fits}`])
        assert.deepStrictEqual(yield* s.dropped, [`too big: more than ${mtu} bytes`])
        const message = s.client.outgoing(large).to(ips[1], s.b.port)
        assert.strictEqual(s.client.sendMsg(s.a.s, message), Codes.WSAEMSGSIZE)
        assert.strictEqual(s.client.send(s.a.s, fits, ips[1], s.b.port), 0)
      })
    )
  }

  it.effect("what may be cut passes: over IPv4 at once, over IPv6 once the sender knows", () =>
    Effect.gen(function* () {
      const text = "x".repeat(1400)
      const v4 = yield* scene()
      yield* v4.rules(MockRule.tooBig(600))
      v4.ask(text)
      yield* v4.settled
      assert.strictEqual((yield* v4.asked).length, 1)
      const v6 = yield* scene({}, ["fd00::2", "fd00::1"])
      yield* v6.rules(MockRule.tooBig(1300))
      v6.ask(text)
      yield* v6.settled
      assert.strictEqual((yield* v6.asked).length, 0)
      v6.ask(text)
      yield* v6.settled
      assert.strictEqual((yield* v6.asked).length, 1)
    })
  )
})
