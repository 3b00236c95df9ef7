// Streams over routers: how long the way is, how large a segment may be, how many hops it has, and where it ends.
import { MockNetwork, MockRule, type MockTrace } from "@effect-winsock/mock"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, labOf } from "./support.ts"
import * as T from "./tcpSupport.ts"

/** Two machines, two routers between them, and ten milliseconds from one to the next. */
const routed = Effect.gen(function* () {
  const network = yield* MockNetwork.make({
    hosts: {
      client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] },
      server: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["192.0.2.80/24", "fd01::80/64"] }] }
    },
    routes: [
      {
        between: ["client", "server"],
        routers: [
          ["10.0.0.254", "fd00::fe"],
          ["192.0.2.254", "fd01::fe"]
        ],
        delay: 10
      }
    ]
  })
  return { client: yield* labOf(network.hosts.client), server: yield* labOf(network.hosts.server), network }
})

/** An office and a computing centre, and narrower links on the way between them. */
const narrow = Effect.gen(function* () {
  const network = yield* MockNetwork.make({
    hosts: { client: {}, server: {} },
    links: {
      office: { subnets: ["10.0.0.0/24", "fd00::/64"], hosts: ["client"] },
      transit: { subnets: ["172.16.0.0/30", "fd0f::/64"], hosts: [], mtu: 1300 },
      centre: { subnets: ["192.0.2.0/24", "fd01::/64"], hosts: { server: ["192.0.2.80", "fd01::80"] } }
    },
    routers: {
      gateway: ["office", "transit"],
      edge: { transit: ["172.16.0.1", "fd0f::1"], centre: ["192.0.2.1", "fd01::1"] }
    }
  })
  return { client: yield* labOf(network.hosts.client), server: yield* labOf(network.hosts.server), network }
})

const pass = (l: Lab, milliseconds: number, step: number) =>
  Effect.gen(function* () {
    yield* l.mock.settled
    for (let at = 0; at < milliseconds; at += step) {
      yield* TestClock.adjust(step)
      yield* l.mock.settled
    }
  })

/** A connected client and the socket that was accepted for it, which takes time here. */
const joined = (client: Lab, server: Lab, ip: string) =>
  Effect.gen(function* () {
    const listener = T.listening(server, ip)
    const s = T.stream(client, { v6: ip.includes(":") })
    client.connect(s, ip, listener.port)
    yield* pass(client, 200, 10)
    const accepted = T.accept(server, listener.s)
    assert.isAbove(accepted, 0)
    return { s, accepted, listener }
  })

const isDropped = (event: MockTrace.Event): event is Extract<MockTrace.Event, { _tag: "SegmentDropped" }> =>
  event._tag === "SegmentDropped"

const drops = (l: Lab) => Effect.map(l.mock.trace, (events) => events.filter(isDropped).map(({ reason }) => reason))

const ttl = (ip: string): readonly [level: number, name: number] =>
  ip.includes(":") ? [Flags.IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS] : [Flags.IPPROTO_IP, Options.IP_TTL]

const received = (l: Lab, s: SocketHandle): string => {
  let all = ""
  for (;;) {
    const text = T.receive(l, s, 65_536)
    if (typeof text === "number" || text === "") return all
    all += text
  }
}

describe("streams over routers", () => {
  for (const ip of ["192.0.2.80", "fd01::80"]) {
    it.effect(`a connect to ${ip} takes the way there and back, data the way there`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* routed
        const listener = T.listening(server, ip)
        const s = T.stream(client, { v6: ip.includes(":") })
        client.connect(s, ip, listener.port)
        yield* pass(client, 50, 10)
        assert.isUndefined(client.peer(s))
        yield* pass(client, 10, 10)
        assert.isDefined(client.peer(s))
        yield* pass(client, 30, 10)
        const accepted = T.accept(server, listener.s)
        T.send(client, s, "abc")
        yield* pass(client, 20, 10)
        assert.strictEqual(T.receive(server, accepted), Codes.WSAEWOULDBLOCK)
        yield* pass(client, 10, 10)
        assert.strictEqual(T.receive(server, accepted), "abc")
      })
    )

    it.effect(`a SYN to ${ip} without hops for the way: what the connect ends with`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* routed
        const listener = T.listening(server, ip)
        for (const [hops, code] of [
          [1, Codes.WSAEHOSTUNREACH],
          [2, Codes.WSAEHOSTUNREACH],
          [3, 0]
        ] as const) {
          const s = T.stream(client, { v6: ip.includes(":") })
          client.setOption(s, ...ttl(ip), hops)
          client.connect(s, ip, listener.port)
          yield* pass(client, 22_000, 500)
          assert.strictEqual(client.option(s, Flags.SOL_SOCKET, Options.SO_ERROR), code, `${hops} hops`)
          assert.strictEqual(client.peer(s) !== undefined, code === 0, `${hops} hops`)
        }
        const reasons = yield* drops(client)
        assert.deepStrictEqual([...new Set(reasons)], ["hop limit exceeded"])
        // five SYN each
        assert.strictEqual(reasons.length, 10)
      })
    )
  }

  it.effect("a connection whose segments have too few hops is given up; those of the other end arrive", () =>
    Effect.gen(function* () {
      const { client, server } = yield* routed
      const { accepted, s } = yield* joined(client, server, "192.0.2.80")
      client.setOption(s, Flags.IPPROTO_IP, Options.IP_TTL, 2)
      T.send(client, s, "abc")
      T.send(server, accepted, "def")
      yield* pass(client, 100, 10)
      assert.strictEqual(T.receive(client, s), "def")
      yield* pass(client, 70_000, 1000)
      assert.strictEqual(T.receive(client, s), Codes.WSAETIMEDOUT)
      // it has no acknowledgement, either
      assert.strictEqual(T.receive(server, accepted), Codes.WSAETIMEDOUT)
      assert.deepStrictEqual(yield* T.states(client), ["CLOSED"])
      assert.deepStrictEqual(yield* T.states(server), ["CLOSED", "LISTENING"])
    })
  )

  it.effect("nobody at the address, no such network, a router: what a connect ends with", () =>
    Effect.gen(function* () {
      const { client } = yield* narrow
      for (const [ip, code] of [
        ["192.0.2.99", Codes.WSAEHOSTUNREACH],
        ["198.51.100.1", Codes.WSAENETUNREACH],
        ["10.0.0.77", Codes.WSAETIMEDOUT],
        ["192.0.2.1", Codes.WSAETIMEDOUT]
      ] as const) {
        const s = T.stream(client)
        client.connect(s, ip, 80)
        yield* pass(client, 22_000, 500)
        assert.strictEqual(client.option(s, Flags.SOL_SOCKET, Options.SO_ERROR), code, ip)
      }
      assert.deepStrictEqual([...new Set(yield* drops(client))], ["no such host", "no such network", "only a router"])
      assert.deepStrictEqual(yield* T.states(client), [])
    })
  )

  it.effect("a port that is closed is refused, a hop after the other", () =>
    Effect.gen(function* () {
      const { client } = yield* routed
      const s = T.stream(client)
      client.connect(s, "192.0.2.80", 9)
      yield* pass(client, 22_000, 500)
      assert.strictEqual(client.option(s, Flags.SOL_SOCKET, Options.SO_ERROR), Codes.WSAECONNREFUSED)
    })
  )

  it.effect("what a rule's ICMP says comes from the first router: the way to it and back", () =>
    Effect.gen(function* () {
      const { client, network } = yield* routed
      const s = T.stream(client)
      yield* network.rules(MockRule.unreachable("port", { by: "10.0.0.254" }))
      // refused once, and again half a second later, five times in all
      client.connect(s, "192.0.2.80", 9)
      yield* pass(client, 4 * 500 + 5 * 20 - 10, 10)
      assert.strictEqual(client.option(s, Flags.SOL_SOCKET, Options.SO_ERROR), 0)
      yield* pass(client, 10, 10)
      assert.strictEqual(client.option(s, Flags.SOL_SOCKET, Options.SO_ERROR), Codes.WSAECONNREFUSED)
    })
  )
})

describe("streams over narrow links", () => {
  for (const [ip, headers] of [
    ["192.0.2.80", 40],
    ["fd01::80", 60]
  ] as const) {
    it.effect(
      `the first segment to ${ip} is too big, what it carried arrives, and the machine knows from then on`,
      () =>
        Effect.gen(function* () {
          const { client, server } = yield* narrow
          const { accepted, listener, s } = yield* joined(client, server, ip)
          const text = Array.from({ length: 6000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("")
          assert.strictEqual(T.send(client, s, text), 6000)
          yield* pass(client, 100, 10)
          assert.strictEqual(received(server, accepted), text)
          // four full ones and the rest left before the router said so
          assert.deepStrictEqual([...new Set(yield* drops(client))], ["too big for the path"])
          yield* client.mock.clearTrace
          // the next connection begins with what is known
          const other = T.stream(client, { v6: ip.includes(":") })
          client.connect(other, ip, listener.port)
          yield* pass(client, 100, 10)
          const second = T.accept(server, listener.s)
          T.send(client, other, text)
          yield* pass(client, 100, 10)
          assert.strictEqual(received(server, second), text)
          assert.deepStrictEqual(yield* drops(client), [])
          const largest = (yield* client.mock.trace).flatMap((e) => (e._tag === "Segment" ? [e.bytes] : []))
          assert.strictEqual(Math.max(...largest), 1300 - headers)
          // the other end has to find out by itself
          T.send(server, second, text)
          yield* pass(client, 100, 10)
          assert.strictEqual(received(client, other), text)
          assert.include(yield* drops(server), "too big for the path")
        })
    )
  }

  it.effect("no message makes a path wider than it is known to be", () =>
    Effect.gen(function* () {
      const { client, network, server } = yield* narrow
      const first = yield* joined(client, server, "192.0.2.80")
      T.send(client, first.s, "x".repeat(1400))
      yield* pass(client, 100, 10)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* network.rules(
            MockRule.make("a lie", ({ from, payload, retransmissions }) =>
              from === "client" && payload.length > 0 && retransmissions === 0
                ? { _tag: "TooBig", mtu: 1400 }
                : undefined
            )
          )
          T.send(client, first.s, "abc")
          yield* pass(client, 2000, 100)
        })
      )
      assert.strictEqual(received(server, first.accepted).length, 1403)
      yield* client.mock.clearTrace
      const second = yield* joined(client, server, "192.0.2.80")
      T.send(client, second.s, "x".repeat(1400))
      yield* pass(client, 100, 10)
      assert.strictEqual(received(server, second.accepted).length, 1400)
      assert.deepStrictEqual(yield* drops(client), [])
    })
  )

  it.effect("a restart forgets what was known of paths", () =>
    Effect.gen(function* () {
      const { client, network, server } = yield* narrow
      const first = yield* joined(client, server, "192.0.2.80")
      T.send(client, first.s, "x".repeat(1400))
      yield* pass(client, 100, 10)
      assert.strictEqual(received(server, first.accepted).length, 1400)
      yield* client.mock.clearTrace
      yield* network.restart("client")
      const again = yield* labOf(network.hosts.client)
      const second = yield* joined(again, server, "192.0.2.80")
      T.send(again, second.s, "x".repeat(1400))
      yield* pass(again, 100, 10)
      assert.strictEqual(received(server, second.accepted).length, 1400)
      assert.deepStrictEqual(yield* drops(again), ["too big for the path"])
    })
  )

  it.effect("a path that no segment fits times the sender out, and does not go round for ever", () =>
    Effect.gen(function* () {
      const { client, network, server } = yield* narrow
      const { s } = yield* joined(client, server, "192.0.2.80")
      yield* network.rules(
        MockRule.make("nothing fits", ({ from }) => (from === "client" ? { _tag: "TooBig", mtu: 20 } : undefined))
      )
      T.send(client, s, "abc")
      yield* pass(client, 70_000, 1000)
      assert.strictEqual(T.receive(client, s), Codes.WSAETIMEDOUT)
      assert.isBelow((yield* drops(client)).length, 12)
    })
  )
})
