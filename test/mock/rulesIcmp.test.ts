// What rules refuse: who says so, when, and what of that a socket hears.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockRule from "@effect-winsock/mock/MockRule"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { drops, scene } from "./rulesSupport.ts"
import { type Lab, labOf, u32 } from "./support.ts"

const { IPPROTO_ICMP, IPPROTO_ICMPV6 } = Flags

const raw = (l: Lab, ip: string): SocketHandle => {
  const v6 = ip.includes(":")
  const s = l.own(
    l.calls.WSASocketW(
      v6 ? Flags.AF_INET6 : Flags.AF_INET,
      Flags.SOCK_RAW,
      v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
      0,
      0,
      1
    ),
    (s) => l.calls.closesocket(s)
  )
  l.ioctl(s, Ioctls.FIONBIO, u32(1))
  assert.strictEqual(l.bind(s, ip), 0)
  return s
}

interface Heard {
  readonly from: string
  readonly message: ReturnType<typeof Icmp.decode>
  readonly bytes: Uint8Array
}

const heard = (l: Lab, s: SocketHandle, version: Icmp.Version): Array<Heard> => {
  const found: Array<Heard> = []
  for (;;) {
    const message = l.message({ sizes: [2000] })
    const size = l.alloc(4)
    if (l.extension(s, "WSARecvMsg")(s, message.address, size.address, 0, 0) !== 0) return found
    const at = message.payloadAt[0]
    const all = message.block.bytes.slice(at, at + size.view.getUint32(0, true))
    const packet = version === 4 ? Ipv4Header.decode(all) : undefined
    const bytes = packet === undefined || Ipv4Header.isIpv4HeaderIssue(packet) ? all : packet.payload
    found.push({ from: message.from.split(" ")[0], message: Icmp.decode(version, bytes), bytes })
  }
}

const said = (all: ReadonlyArray<Heard>): Array<string> =>
  all.map(({ bytes, from, message }) => `${from} ${message._tag} ${bytes[0]}/${bytes[1]}`)

const routers = [["10.0.0.254", "fd00::fe"], ["10.9.0.254"]]
const routed = (delay = 0) =>
  Effect.gen(function* () {
    const { hosts } = yield* MockNetwork.make({
      hosts: {
        near: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] },
        far: { interfaces: [{ index: 5, name: "Ethernet", addresses: ["10.9.0.1/24", "fd09::1/64"] }] }
      },
      routes: [{ between: ["near", "far"], routers, delay }]
    })
    return { near: yield* labOf(hosts.near), far: yield* labOf(hosts.far) }
  })

describe("what a UDP socket hears of a refusal", () => {
  for (const [name, rule, code] of [
    ["port: WSAECONNRESET", MockRule.unreachable("port"), Codes.WSAECONNRESET],
    ["an expired hop limit: WSAENETRESET", MockRule.expire(), Codes.WSAENETRESET],
    ["host: nothing", MockRule.unreachable("host"), Codes.WSAEWOULDBLOCK],
    ["network: nothing", MockRule.unreachable("network"), Codes.WSAEWOULDBLOCK],
    ["protocol: nothing", MockRule.unreachable("protocol"), Codes.WSAEWOULDBLOCK]
  ] as const) {
    for (const connected of [false, true]) {
      it.effect(`${connected ? "connected" : "unconnected"}: ${name}`, () =>
        Effect.gen(function* () {
          const s = yield* scene()
          if (connected) s.client.connect(s.a.s, "10.0.0.1", s.b.port)
          yield* s.rules(MockRule.when(rule, { from: "client" }))
          s.ask("x")
          yield* s.settled
          assert.strictEqual(s.client.receive(s.a.s), code)
          assert.strictEqual(s.client.receive(s.a.s), Codes.WSAEWOULDBLOCK)
          assert.deepStrictEqual(yield* s.asked, [])
          assert.deepStrictEqual(yield* s.dropped, [`${rule.description} (from client)`])
        })
      )
    }
  }

  it.effect("not what its control codes keep from it, each its own", () =>
    Effect.gen(function* () {
      for (const [code, rule, still] of [
        [Ioctls.SIO_UDP_CONNRESET, MockRule.unreachable("port"), MockRule.expire()],
        [Ioctls.SIO_UDP_NETRESET, MockRule.expire(), MockRule.unreachable("port")]
      ] as const) {
        const s = yield* scene()
        s.client.ioctl(s.a.s, code, u32(0))
        for (const [each, silent] of [
          [rule, true],
          [still, false]
        ] as const) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* s.rules(each)
              s.ask("x")
              yield* s.settled
            })
          )
          assert.strictEqual(s.client.receive(s.a.s) === Codes.WSAEWOULDBLOCK, silent)
        }
      }
    })
  )

  it.effect("a receive that waits ends with the status of what was refused", () =>
    Effect.gen(function* () {
      for (const [rule, status] of [
        [MockRule.unreachable("port"), NtStatus.STATUS_PORT_UNREACHABLE],
        [MockRule.expire(), NtStatus.STATUS_HOPLIMIT_EXCEEDED]
      ] as const) {
        const s = yield* scene()
        yield* s.rules(rule)
        const overlapped = s.client.overlapped()
        s.client.recvMsg(s.a.s, s.client.message(), overlapped.address)
        s.ask("x")
        yield* s.settled
        assert.strictEqual(overlapped.view.Internal, status)
      }
    })
  )

  it.effect("a connected socket hears nothing of others than its peer", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      s.client.connect(s.a.s, "10.0.0.1", 4000)
      yield* s.rules(MockRule.unreachable("port"))
      s.ask("x")
      yield* s.settled
      assert.strictEqual(s.client.receive(s.a.s), Codes.WSAEWOULDBLOCK)
    })
  )
})

describe("who says so", () => {
  for (const [version, own, target, router] of [
    [4, "10.0.0.2", "10.9.0.1", "10.0.0.254"],
    [6, "fd00::2", "fd09::1", "fd00::fe"]
  ] as const) {
    it.effect(`IPv${version}: the first router, the destination of ports and protocols, or who the rule names`, () =>
      Effect.gen(function* () {
        const { near } = yield* routed()
        const s = raw(near, own)
        const udp = near.bound(own).s
        const under = (rule: MockRule.Rule) =>
          Effect.scoped(
            Effect.gen(function* () {
              yield* near.mock.rules(rule)
              near.send(udp, "x", target, 9)
              yield* near.mock.settled
              return said(heard(near, s, version))
            })
          )
        const { expire, unreachable } = MockRule
        const expected =
          version === 4 ? ["3/1", "3/0", "11/0", "3/3", "3/2", "3/1"] : ["1/3", "1/0", "3/0", "1/4", "4/1", "1/3"]
        const by = version === 4 ? "10.0.0.77" : "fd00::77"
        const all = [
          yield* under(unreachable("host")),
          yield* under(unreachable("network")),
          yield* under(expire()),
          yield* under(unreachable("port")),
          yield* under(unreachable("protocol")),
          yield* under(unreachable("host", { by }))
        ].flat()
        assert.deepStrictEqual(
          all.map((line) => line.split(" ")[0]),
          [router, router, router, target, target, by]
        )
        assert.deepStrictEqual(
          all.map((line) => line.split(" ")[2]),
          expected
        )
        // an address of the other family cannot speak
        assert.deepStrictEqual(yield* under(unreachable("host", { by: version === 4 ? "fd00::1" : "10.0.0.1" })), [])
      })
    )
  }

  it.effect("where there is no router, the sender's own machine", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      const icmp = raw(s.client, "10.0.0.2")
      yield* s.rules(MockRule.unreachable())
      s.ask("x")
      yield* s.settled
      assert.deepStrictEqual(said(heard(s.client, icmp, 4)), ["10.0.0.2 DestinationUnreachable 3/1"])
    })
  )

  it.effect("it takes the time to there and back, besides what rules add", () =>
    Effect.gen(function* () {
      const { near } = yield* routed(5)
      const s = near.bound("10.0.0.2").s
      const pass = (milliseconds: number) =>
        Effect.gen(function* () {
          for (let i = 0; i < milliseconds; i++) {
            yield* TestClock.adjust(1)
            yield* near.mock.settled
          }
        })
      // two routers: three hops
      yield* near.mock.rules(MockRule.latency(10), MockRule.unreachable("port"))
      near.send(s, "x", "10.9.0.1", 9)
      yield* near.mock.settled
      yield* pass(39)
      assert.strictEqual(near.receive(s), Codes.WSAEWOULDBLOCK)
      yield* pass(1)
      assert.strictEqual(near.receive(s), Codes.WSAECONNRESET)
      const dropped = (yield* near.mock.trace).find((event) => event._tag === "Dropped")
      assert.strictEqual(dropped?.at, 25)
    })
  )

  it.effect("hop limits: only those that are no larger, told where they expire", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.expire({ hops: 3 }))
      s.client.setOption(s.a.s, Flags.IPPROTO_IP, Options.IP_TTL, 3)
      s.ask("three")
      s.client.setOption(s.a.s, Flags.IPPROTO_IP, Options.IP_TTL, 4)
      s.ask("four")
      yield* s.settled
      assert.deepStrictEqual(yield* s.asked, ["0 four"])
    })
  )

  it.effect("the MTU is in what is said of a packet that is too big", () =>
    Effect.gen(function* () {
      for (const [version, own, target, mtu, level, option] of [
        [4, "10.0.0.2", "10.0.0.1", 700, Flags.IPPROTO_IP, Options.IP_DONTFRAGMENT],
        [6, "fd00::2", "fd00::1", 1300, Flags.IPPROTO_IPV6, Options.IPV6_DONTFRAG]
      ] as const) {
        const s = yield* scene({}, [own, target])
        const icmp = raw(s.client, own)
        s.client.setOption(s.a.s, level, option, 1)
        yield* s.rules(MockRule.tooBig(mtu))
        s.ask("x".repeat(1400))
        yield* s.settled
        const [{ bytes }] = heard(s.client, icmp, version)
        assert.deepStrictEqual([bytes[0], bytes[1]], version === 4 ? [3, 4] : [2, 0])
        assert.strictEqual(new DataView(bytes.buffer, bytes.byteOffset).getUint32(4), mtu)
      }
    })
  )
})

describe("what machines say by themselves is judged too", () => {
  it.effect("replies to an echo, and reports of a closed port", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      const icmp = raw(s.client, "10.0.0.2")
      const request = Icmp.encode(4, { _tag: "EchoRequest", identifier: 1, sequence: 2, data: Uint8Array.of(1, 2, 3) })
      const try_ = Effect.gen(function* () {
        s.client.send(icmp, String.fromCharCode(...request), "10.0.0.1", 0)
        s.client.send(s.a.s, "x", "10.0.0.1", 9)
        yield* s.settled
        return [said(heard(s.client, icmp, 4)), s.client.receive(s.a.s)]
      })
      assert.deepStrictEqual(yield* try_, [
        ["10.0.0.1 EchoReply 0/0", "10.0.0.1 DestinationUnreachable 3/3"],
        Codes.WSAECONNRESET
      ])
      yield* s.rules(MockRule.when(MockRule.drop, { from: "server", protocol: "ICMP" }))
      assert.deepStrictEqual(yield* try_, [[], Codes.WSAEWOULDBLOCK])
      assert.deepStrictEqual((yield* s.dropped).slice(-2).toSorted(), ["dropped", "dropped"])
    })
  )

  it.effect("a damaged request is not answered; one whose damage no checksum finds is, damaged", () =>
    Effect.gen(function* () {
      for (const undetected of [false, true]) {
        const s = yield* scene()
        const icmp = raw(s.client, "10.0.0.2")
        yield* s.rules(
          MockRule.when(
            MockRule.make("damages byte 10", (packet, change) => {
              change.payload = packet.payload.slice()
              change.payload[10] ^= 1
              change.undetected = undetected
              return undefined
            }),
            { from: "client" }
          )
        )
        const request = Icmp.encode(4, {
          _tag: "EchoRequest",
          identifier: 1,
          sequence: 2,
          data: Uint8Array.of(1, 2, 3)
        })
        s.client.send(icmp, String.fromCharCode(...request), "10.0.0.1", 0)
        yield* s.settled
        const replies = heard(s.client, icmp, 4)
        assert.deepStrictEqual(
          replies.map(({ bytes }) => Array.from(bytes.subarray(8))),
          undetected ? [[1, 2, 2]] : []
        )
      }
    })
  )

  it.effect("what a router says is not, nor is an error said about an error", () =>
    Effect.gen(function* () {
      const { near } = yield* routed()
      const icmp = raw(near, "10.0.0.2")
      yield* near.mock.rules(MockRule.unreachable("host"))
      near.send(near.bound("10.0.0.2").s, "x", "10.9.0.1", 9)
      yield* near.mock.settled
      assert.deepStrictEqual(said(heard(near, icmp, 4)), ["10.0.0.254 DestinationUnreachable 3/1"])
      assert.deepStrictEqual(drops(yield* near.mock.trace), ["host unreachable"])
      // of a closed port on the machine itself: the report is refused, and nothing is said of that
      const other = yield* scene()
      yield* other.rules(MockRule.when(MockRule.unreachable("host"), { protocol: "ICMP" }))
      other.client.send(other.a.s, "x", "10.0.0.1", 9)
      yield* other.settled
      assert.deepStrictEqual(yield* other.dropped, ["port closed", "host unreachable (ICMP)"])
    })
  )

  it.effect("a copy of a report is heard again", () =>
    Effect.gen(function* () {
      const s = yield* scene()
      yield* s.rules(MockRule.when(MockRule.duplication(1), { protocol: "ICMP" }))
      s.client.send(s.a.s, "x", "10.0.0.1", 9)
      yield* s.settled
      assert.deepStrictEqual(
        [0, 1, 2].map(() => s.client.receive(s.a.s)),
        [Codes.WSAECONNRESET, Codes.WSAECONNRESET, Codes.WSAEWOULDBLOCK]
      )
    })
  )

  it.effect("each copy has its own hops", () =>
    Effect.gen(function* () {
      const { far, near } = yield* routed()
      const { port, s } = far.bound("10.9.0.1")
      yield* near.mock.rules(MockRule.duplication(1, { copies: 2 }))
      near.send(near.bound("10.0.0.2").s, "x", "10.9.0.1", port)
      yield* near.mock.settled
      const ttls = (yield* near.mock.trace).flatMap((event) => (event._tag === "Delivered" ? [event.ttl] : []))
      assert.deepStrictEqual(ttls, [126, 126, 126])
      assert.strictEqual(far.receive(s), "x")
    })
  )
})
