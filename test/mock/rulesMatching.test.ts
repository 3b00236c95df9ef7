// Which packets a rule is for, which rule has the say, and what a bad one is told.
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockRule from "@effect-winsock/mock/MockRule"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { pipe } from "effect/Function"
import type * as Scope from "effect/Scope"
import { deliveries, drops, letters, scene } from "./rulesSupport.ts"
import { type Lab, lab, labOf } from "./support.ts"

const { drop, during, first, latency, nth, when } = MockRule

/** What the client gets through to the server under rules, and the server to the client. */
const through = (...rules: ReadonlyArray<MockRule.Rule>) =>
  Effect.gen(function* () {
    const s = yield* scene()
    yield* s.rules(...rules)
    s.ask("ask")
    s.answer("answer")
    yield* s.settled
    return [...(yield* s.asked), ...(yield* s.answered)].map((line) => line.split(" ")[1]).join(" ")
  }).pipe(Effect.scoped)

describe("when", () => {
  for (const [name, match, left] of [
    ["everything", {}, ""],
    ["from a host", { from: "client" }, "answer"],
    ["to a host", { to: "client" }, "ask"],
    ["from one of several", { from: ["server", "client"] }, ""],
    ["from an address", { from: "10.0.0.1" }, "ask"],
    ["to another address of the host", { to: "10.0.0.101" }, "ask answer"],
    ["between two", { between: ["client", "server"] }, ""],
    ["between a host and itself", { between: ["client", "client"] }, "ask answer"],
    ["the protocol", { protocol: "UDP" }, ""],
    ["another protocol", { protocol: "TCP" }, "ask answer"],
    ["from and to", { from: "server", to: "client" }, "ask"],
    ["from and to the same", { from: "server", to: "server" }, "ask answer"],
    ["a predicate", { predicate: ({ payload }: MockRule.Packet) => payload.length === 3 }, "answer"],
    ["all that is said", { from: "client", predicate: ({ size }: MockRule.Packet) => size > 31 }, "ask answer"]
  ] as const) {
    it.effect(name, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* through(when(drop, match)), left)
        assert.strictEqual(yield* through(pipe(drop, when(match))), left)
      })
    )
  }

  it.effect("ports: at either end, or at one", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      const under = (match: MockRule.Match) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* s.client.mock.clearTrace
            yield* s.rules(when(drop, match))
            s.ask("ask")
            s.answer("answer")
            yield* s.settled
            return [...(yield* s.asked), ...(yield* s.answered)].map((line) => line.split(" ")[1]).join(" ")
          })
        )
      assert.strictEqual(yield* under({ port: s.b.port }), "")
      assert.strictEqual(yield* under({ destinationPort: s.b.port }), "answer")
      assert.strictEqual(yield* under({ sourcePort: s.b.port }), "ask")
      assert.strictEqual(yield* under({ port: 9 }), "ask answer")
    })
  )

  it.effect("what a packet shows", () =>
    Effect.gen(function* () {
      const s = yield* scene({}, ["fd00::2", "fd00::1"])
      const seen: Array<MockRule.Packet> = []
      yield* s.rules(
        MockRule.make("looks", (packet) => {
          seen.push(packet)
          return undefined
        })
      )
      yield* s.pass(3)
      s.ask("abc")
      s.client.send(s.a.s, "x", "fd00::77", 5)
      yield* s.settled
      const [packet, lost] = seen
      assert.deepStrictEqual(
        [packet.at, packet.from, packet.to, packet.protocol, packet.source, packet.sourcePort, packet.destination],
        [3, "client", "server", "UDP", "fd00::2", s.a.port, "fd00::1"]
      )
      assert.deepStrictEqual(
        [packet.destinationPort, packet.size, packet.flags, packet.offset, packet.retransmissions, packet.hopLimit],
        [s.b.port, 51, [], 0, 0, 128]
      )
      assert.strictEqual(lost.to, undefined)
    })
  )
})

describe("which rule has the say", () => {
  it.effect("what was installed last, and of a list the first; changes before a verdict hold", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* through(when(MockRule.deliver, { from: "client" }), drop), "ask")
      assert.strictEqual(yield* through(drop, MockRule.deliver), "")
      assert.strictEqual(yield* through(MockRule.all(when(MockRule.deliver, { from: "client" }), drop)), "ask")
      const s = yield* scene()
      yield* s.rules(drop)
      yield* s.rules(latency(5), MockRule.deliver, latency(5))
      s.ask("x")
      yield* s.pass(20)
      assert.deepStrictEqual(yield* s.asked, ["5 x"])
    })
  )

  it.effect("the first n, the nth, and of which packets they count", () =>
    Effect.gen(function* () {
      const left = (rule: MockRule.Rule) =>
        Effect.scoped(
          Effect.gen(function* () {
            const s = yield* scene()
            yield* s.rules(rule)
            for (const text of letters(3)) {
              s.answer(`other ${text}`)
              s.ask(text)
            }
            yield* s.settled
            return (yield* s.asked).map((line) => line.split(" ")[1])
          })
        )
      assert.deepStrictEqual(yield* left(when(first(drop, 2), { from: "client" })), ["p2"])
      assert.deepStrictEqual(yield* left(first(when(drop, { from: "client" }), 2)), ["p1", "p2"])
      assert.deepStrictEqual(yield* left(pipe(drop, nth(2), when({ from: "client" }))), ["p0", "p2"])
      assert.deepStrictEqual(yield* left(nth(drop, 2)), ["p1", "p2"])
    })
  )

  it.effect("during a while, counted from when it was installed", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.pass(7)
      yield* s.rules(during(drop, { from: "2 millis", until: "4 millis" }))
      for (let i = 0; i < 6; i++) {
        s.ask(`p${i}`)
        yield* s.pass(1)
      }
      assert.deepStrictEqual(yield* s.asked, ["7 p0", "8 p1", "11 p4", "12 p5"])
    })
  )

  it.effect(
    "what a rule remembers begins anew each time it is installed, and is not shared by two installed at once",
    () =>
      Effect.gen(function* () {
        const s = yield* scene()
        const rule = first(drop, 1)
        for (const text of ["a", "b"]) {
          yield* Effect.scoped(
            Effect.andThen(
              s.rules(rule),
              Effect.andThen(
                Effect.sync(() => s.ask(text, text)),
                s.settled
              )
            )
          )
        }
        assert.deepStrictEqual(yield* s.asked, ["0 a", "0 b"])
        yield* s.client.mock.clearTrace
        yield* s.rules(rule)
        yield* s.rules(rule)
        s.ask("1", "2", "3")
        yield* s.settled
        // the one that has dropped leaves the second to the other
        assert.deepStrictEqual(yield* s.asked, ["0 3"])
      })
  )
})

describe("a rule that is asked in vain", () => {
  it.effect("changes nothing: unicast, broadcast, ICMP, and what is lost are traced as without", () =>
    Effect.gen(function* () {
      const run = (rules: ReadonlyArray<MockRule.Rule>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { hosts } = yield* MockNetwork.makeTwoHosts({ seed: 3, dequeue: "seeded" })
            const client = yield* labOf(hosts.client)
            const server = yield* labOf(hosts.server)
            yield* hosts.client.rules(...rules)
            const { s } = client.bound("0.0.0.0")
            client.setOption(s, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
            const listening = server.socket()
            server.bind(listening, "0.0.0.0", 67)
            for (const [ip, port] of [
              ["10.0.0.1", 67],
              ["10.0.0.1", 9],
              ["10.0.0.77", 9],
              ["255.255.255.255", 67],
              ["255.255.255.255", 68],
              ["224.1.2.3", 67],
              ["10.0.0.2", 9]
            ] as const) {
              client.send(s, "x", ip, port)
              yield* client.mock.settled
            }
            return yield* hosts.client.trace
          })
        )
      const without = yield* run([])
      assert.isAbove(drops(without).length, 4)
      assert.deepStrictEqual(yield* run([when(drop, { port: 1 }), MockRule.loss(0)]), without)
    })
  )

  it.effect("one that throws, or says a time that is none, is passed over, and the guard is told", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const a = l.bound()
      yield* l.mock.rules(
        MockRule.make("throws", (_packet, change) => {
          change.delay = 77
          throw new Error("a bug")
        }),
        MockRule.make("no time", (_packet, change) => {
          change.delay = Number.NaN
          return undefined
        })
      )
      l.send(a.s, "x", "127.0.0.1", a.port)
      l.send(a.s, "y", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.deepStrictEqual([l.receive(a.s), l.receive(a.s)], ["x", "y"])
      const messages = (yield* l.mock.guard).map(({ message }) => message)
      assert.strictEqual(messages.length, 4)
      assert.include(messages[0], "a bug")
      assert.include(messages[1], "no time: not a delay: NaN")
    })
  )
})

describe("broadcasts and multicasts", () => {
  const three = {
    a: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.1/24"] }] },
    b: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24"] }] },
    c: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.3/24"] }] }
  } as const

  const group = (l: Lab, s: Parameters<Lab["portOf"]>[0]): number => {
    const block = l.alloc(8)
    block.bytes.set([224, 1, 2, 3, 0, 0, 0, 4])
    return l.calls.setsockopt(s, Flags.IPPROTO_IP, Options.IP_ADD_MEMBERSHIP, block.address, 8)
  }

  for (const [name, to] of [
    ["broadcast", "255.255.255.255"],
    ["multicast", "224.1.2.3"]
  ] as const) {
    it.effect(`a ${name} is judged for each machine that it would reach, the sender's own too`, () =>
      Effect.gen(function* () {
        const { hosts } = yield* MockNetwork.make({ hosts: three })
        const labs = [yield* labOf(hosts.a), yield* labOf(hosts.b), yield* labOf(hosts.c)]
        const sockets = labs.map((l) => {
          const s = l.socket()
          l.bind(s, "0.0.0.0", 67)
          if (name === "multicast") assert.strictEqual(group(l, s), 0)
          l.setOption(s, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
          return s
        })
        const asked: Array<string | undefined> = []
        yield* hosts.a.rules(
          MockRule.make("looks", (packet) => {
            asked.push(packet.to)
            return undefined
          }),
          when(drop, { to: "b" }),
          when(MockRule.duplication(1), { to: "c" }),
          when(MockRule.unreachable("port"), { to: "a" })
        )
        labs[0].send(sockets[0], "all", to, 67)
        yield* hosts.a.settled
        assert.deepStrictEqual(asked, ["a", "b", "c"])
        const events = yield* hosts.a.trace
        assert.deepStrictEqual(
          ["a", "b", "c"].map((host) => deliveries(events, host)),
          [[], [], ["0 all", "0 all"]]
        )
        // nobody complains about what was for many
        assert.deepStrictEqual(drops(events), ["port unreachable (to a)", "dropped"])
        assert.strictEqual(labs[0].receive(sockets[0]), Codes.WSAEWOULDBLOCK)
      })
    )
  }

  it.effect("where nobody is in the group there is nothing to judge", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.make({ hosts: three })
      const l = yield* labOf(hosts.a)
      yield* hosts.a.rules(drop)
      l.send(l.bound("10.0.0.1").s, "x", "224.1.2.3", 67)
      yield* hosts.a.settled
      assert.deepStrictEqual(drops(yield* hosts.a.trace), ["nobody is in the group"])
    })
  )
})

describe("time and delivery", () => {
  it.effect("a delayed packet is not under way: settled does not wait for it; hold stops it when it is due", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(latency(10))
      s.ask("x")
      yield* s.settled
      yield* Effect.scoped(Effect.andThen(s.client.mock.hold, s.pass(20)))
      assert.deepStrictEqual(yield* s.asked, [])
      yield* s.settled
      assert.deepStrictEqual(yield* s.asked, ["20 x"])
    })
  )

  it.effect("immediate delivery is that under rules too, unless they take time", () =>
    Effect.gen(function* () {
      const l = yield* lab({ delivery: "immediate" })
      const a = l.bound()
      yield* l.mock.rules(when(latency(1), { predicate: ({ payload }) => payload[0] === 76 }))
      l.send(a.s, "Later", "127.0.0.1", a.port)
      l.send(a.s, "now", "127.0.0.1", a.port)
      assert.deepStrictEqual([l.receive(a.s), l.receive(a.s)], ["now", Codes.WSAEWOULDBLOCK])
    })
  )

  it.effect("a socket that closes while its packets are on a long way leaves nothing behind", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(latency(10), MockRule.unreachable("port"))
      s.ask("x")
      yield* s.settled
      s.client.closesocket(s.a.s)
      yield* s.pass(20)
      assert.deepStrictEqual(yield* s.dropped, ["port unreachable"])
    })
  )
})

describe("what is said of bad rules", () => {
  for (const [message, build] of [
    ["probability of loss: not a probability: 1.5", () => MockRule.loss(1.5)],
    ["probability of loss: not a probability: NaN", () => MockRule.loss(Number.NaN)],
    ["end of loss: not a probability: -1", () => MockRule.loss({ begin: 0, end: -1 })],
    ["probability of corruption: not a probability: 2", () => MockRule.corruption(2)],
    ["bits of corruption: not an integer of at least 1: 0", () => MockRule.corruption(1, { bits: 0 })],
    ["copies of duplication: not an integer of at least 1: 0.5", () => MockRule.duplication(1, { copies: 0.5 })],
    ["after of duplication: not a duration: -3", () => MockRule.duplication(1, { after: -3 })],
    ["latency: not a duration: -1", () => latency(-1)],
    ["latency: not a duration: NaN", () => latency(Number.NaN)],
    ["latency: not a duration: Infinity", () => latency("Infinity")],
    ["latency: not a duration: soon", () => latency("soon" as "1 second")],
    ['latency: max alone is no time: {"max":5}', () => latency({ max: 5 } as never)],
    ['latency: mean alone is no time: {"mean":5}', () => latency({ mean: 5 } as never)],
    ["latency: not a duration: null", () => latency(null as never)],
    ["protocol: none of UDP, TCP, ICMP, other: udp", () => when(drop, { protocol: "udp" as never })],
    ["max of latency: less than min: 1", () => latency({ min: 2, max: 1 })],
    ["deviation of latency: not a duration: -1", () => latency({ normal: { mean: 1, deviation: -1 } })],
    ["mean of latency: less than the least: 1", () => latency({ exponential: { mean: 1, least: 2 } })],
    ["bytesPerSecond of bandwidth: not more than 0: 0", () => MockRule.bandwidth({ bytesPerSecond: 0 })],
    ["queueBytes of bandwidth: not a size: -1", () => MockRule.bandwidth({ bytesPerSecond: 1, queueBytes: -1 })],
    ["partition: a host of both sides: a", () => MockRule.partition("a", ["b", "a"])],
    ["partition: no host", () => MockRule.partition([], "a")],
    ["mtu of blackHole: not an integer of at least 68: 67", () => MockRule.blackHole(67)],
    ["mtu of tooBig: not an integer of at least 68: 0", () => MockRule.tooBig(0)],
    ["by of host unreachable: not an address: router", () => MockRule.unreachable("host", { by: "router" })],
    ["hops of expire: not an integer of at least 1: 0", () => MockRule.expire({ hops: 0 })],
    ["bytes of resetAfter: not an integer of at least 0: -1", () => MockRule.resetAfter(-1)],
    ["n of nth: not an integer of at least 1: 0", () => nth(drop, 0)],
    ["n of first: not an integer of at least 1: NaN", () => first(drop, Number.NaN)],
    ["port: not a port: 65536", () => when(drop, { port: 65_536 })],
    ["until of during: not after from: 5", () => during(drop, { from: 5, until: 5 })],
    // what is misspelt would match everything
    [
      'when: no field prot ("UDP"), but from, to, between, port, sourcePort, destinationPort, protocol, predicate, description',
      () => when(drop, { prot: "UDP" } as never)
    ],
    ["during: no field til (5), but from, until", () => during(drop, { til: 5 } as never)],
    ["predicate: not a function: true", () => when(drop, { predicate: true as never })],
    ["from: not a host, nor several: 5", () => when(drop, { from: 5 as never })],
    ['between: not two places: "ab"', () => when(drop, { between: "ab" as never })],
    ['between: not two places: ["a"]', () => when(drop, { between: ["a"] as never })],
    [
      "failure of unreachable: none of network, host, protocol, port: nothing",
      () => MockRule.unreachable("nothing" as never)
    ],
    ["failure of unreachable: none of network, host, protocol, port: hops", () => MockRule.unreachable("hops" as never)]
  ] as const) {
    it(message, () => {
      assert.throws(() => build(), RangeError, message)
    })
  }

  it.effect("a host that the simulation does not have: installing dies, however deep it is, and installs nothing", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      for (const rule of [
        MockRule.cut("sever"),
        MockRule.partition("client", ["server", "sever"]),
        MockRule.all(drop, first(during(when(drop, { to: "sever" }), {}), 1))
      ]) {
        const exit = yield* Effect.exit(s.rules(drop, rule))
        assert.isTrue(Exit.isFailure(exit))
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(error, RangeError)
        assert.strictEqual((error as Error).message, `${rule.description}: not a host of this network: sever`)
      }
      s.ask("x")
      yield* s.settled
      assert.deepStrictEqual(yield* s.asked, ["0 x"])
    })
  )
})

describe("descriptions", () => {
  for (const [description, rule] of [
    ["latency of 50 ms", latency("50 millis")],
    ["latency of 1.5 s", latency(1500)],
    ["latency of 10 ms to 30 ms", latency({ min: 10, max: 30 })],
    ["latency of 40 ms with a deviation of 5 ms", latency({ normal: { mean: 40, deviation: 5 } })],
    ["latency of 20 ms on average, exponential from 5 ms", latency({ exponential: { mean: 20, least: 5 } })],
    [
      "bandwidth of 1000 bytes/s with a queue of 500 bytes",
      MockRule.bandwidth({ bytesPerSecond: 1000, queueBytes: 500 })
    ],
    ["loss of 12.5 %", MockRule.loss(0.125)],
    ["loss in bursts: 1 % begin, 25 % end, 100 % lost within, 0 % outside", MockRule.loss({ begin: 0.01, end: 0.25 })],
    ["duplication of 10 %, 2 copies, 3 ms later", MockRule.duplication(0.1, { copies: 2, after: 3 })],
    ["reordering of 10 %, held back 20 ms", MockRule.reordering(0.1, 20)],
    ["corruption of 1 %, 3 bits each, undetected", MockRule.corruption(0.01, { bits: 3, undetected: true })],
    ["partition of a from b, c", MockRule.partition("a", ["b", "c"])],
    ["hop limit of 3 or less exceeded", MockRule.expire({ hops: 3 })],
    ["network unreachable, says 10.0.0.9", MockRule.unreachable("network", { by: "10.0.0.9" })],
    [
      "reset after 10 bytes (TCP, from a, to b, 10.0.0.9, port 80)",
      when(MockRule.resetAfter(10), { protocol: "TCP", from: "a", to: ["b", "10.0.0.9"], port: 80 })
    ],
    [
      "dropped (between a and b, from port 1, to port 2)",
      when(drop, { between: ["a", "b"], sourcePort: 1, destinationPort: 2 })
    ],
    ["dropped (the first 3) (from 1 s until 2 s)", during(first(drop, 3), { from: 1000, until: "2 seconds" })],
    ["dropped (number 3)", nth(drop, 3)],
    ["dropped (all)", when(drop, {})],
    ["dropped (large)", when(drop, { predicate: () => true, description: "large" })],
    ["dropped (({ size }) => size > 100)", when(drop, { predicate: ({ size }) => size > 100 })],
    ["dropped; delivered", MockRule.all(drop, MockRule.deliver)]
  ] as const) {
    it(description, () => {
      assert.strictEqual(rule.description, description)
    })
  }
})

describe("of a network", () => {
  it.effect("rules, partition and cut by the names of its hosts", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.makeTwoHosts()
      const client = yield* labOf(network.hosts.client)
      const server = yield* labOf(network.hosts.server)
      const [a, b] = [client.bound("10.0.0.2"), server.bound("10.0.0.1")]
      const under = (rule: Effect.Effect<void, never, Scope.Scope>) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* rule
            client.send(a.s, "x", "10.0.0.1", b.port)
            yield* network.hosts.client.settled
            return server.receive(b.s)
          })
        )
      assert.strictEqual(yield* under(network.partition("client", "server")), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(yield* under(network.partition("server", "client", { oneWay: true })), "x")
      assert.strictEqual(yield* under(network.cut("client")), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(yield* under(network.rules(MockRule.loss(1))), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(yield* under(network.rules()), "x")
    })
  )
})
