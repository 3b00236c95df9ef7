import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, lab, labOf, u32 } from "./support.ts"

const { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_UDP, SOCK_RAW, SOL_SOCKET } = Flags

const raw = (l: Lab, protocol: number, ip: string): SocketHandle => {
  const family = ip.includes(":") ? Flags.AF_INET6 : Flags.AF_INET
  const s = l.own(l.calls.WSASocketW(family, SOCK_RAW, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED), (s) =>
    l.calls.closesocket(s)
  )
  l.ioctl(s, Ioctls.FIONBIO, u32(1))
  assert.strictEqual(l.bind(s, ip), 0)
  return s
}

const send = (l: Lab, s: SocketHandle, bytes: Uint8Array, ip: string): number =>
  l.send(s, String.fromCharCode(...bytes), ip, 0)

/** What the socket has: sender and bytes of each. */
const drain = (l: Lab, s: SocketHandle): Array<{ readonly from: string; readonly bytes: Uint8Array }> => {
  const found: Array<{ readonly from: string; readonly bytes: Uint8Array }> = []
  for (;;) {
    const message = l.message({ sizes: [2000] })
    const bytesAt = l.alloc(4)
    if (l.extension(s, "WSARecvMsg")(s, message.address, bytesAt.address, 0, 0) !== 0) return found
    const size = bytesAt.view.getUint32(0, true)
    const at = message.payloadAt[0]
    found.push({ from: message.from.split(" ")[0], bytes: message.block.bytes.slice(at, at + size) })
  }
}

/** What the messages of ICMP say: "10.0.0.1 EchoReply ttl 128". */
const heard = (l: Lab, s: SocketHandle, version: Icmp.Version): Array<string> =>
  drain(l, s).map(({ bytes, from }) => {
    if (version === 6) {
      const message = Icmp.decode(6, bytes)
      return `${from} ${message._tag}${"code" in message ? ` ${message.code}` : ""}`
    }
    const packet = Ipv4Header.decode(bytes)
    if (Ipv4Header.isIpv4HeaderIssue(packet)) return packet.reason
    const message = Icmp.decode(4, packet.payload)
    return `${from} ${message._tag}${"code" in message ? ` ${message.code}` : ""} ttl ${packet.header.timeToLive}`
  })

const echo = (version: Icmp.Version) =>
  Icmp.encode(version, { _tag: "EchoRequest", identifier: 1, sequence: 2, data: Uint8Array.of(1, 2, 3) })

const routers = [["10.0.0.254", "fd00::fe"], [], ["10.9.0.254", "fd09::fe"]]
const far = {
  near: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] },
  far: { interfaces: [{ index: 5, name: "Ethernet", addresses: ["10.9.0.1/24", "fd09::1/64"] }] }
} as const

const routed = (delay = 0) =>
  Effect.gen(function* () {
    const { hosts } = yield* MockNetwork.make({ hosts: far, routes: [{ between: ["near", "far"], routers, delay }] })
    return { near: yield* labOf(hosts.near), far: yield* labOf(hosts.far) }
  })

describe("raw sockets of the mock", () => {
  it.effect("are for administrators, of any protocol that a byte can name", () =>
    Effect.gen(function* () {
      const user = yield* lab({ administrator: false })
      assert.strictEqual(user.calls.WSASocketW(Flags.AF_INET, SOCK_RAW, 1, 0, 0, 1), -1)
      assert.strictEqual(user.error, Codes.WSAEACCES)
      const l = yield* lab()
      for (const protocol of [-1, 256]) {
        assert.strictEqual(l.calls.WSASocketW(Flags.AF_INET, SOCK_RAW, protocol, 0, 0, 1), -1)
        assert.strictEqual(l.error, Codes.WSAEPROTONOSUPPORT)
      }
      raw(l, 255, "127.0.0.1")
      const tcp = l.own(l.calls.WSASocketW(Flags.AF_INET, SOCK_RAW, 6, 0, 0, 1), (s) => l.calls.closesocket(s))
      assert.strictEqual(l.bind(tcp, "127.0.0.1"), -1)
      assert.strictEqual(l.error, Codes.WSAEACCES)
    })
  )

  it.effect("receive nothing before they are bound, have no port, and are listed as what they are", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.own(l.calls.WSASocketW(Flags.AF_INET, SOCK_RAW, 1, 0, 0, 1), (s) => l.calls.closesocket(s))
      assert.strictEqual(l.recvMsg(s, l.message()), Codes.WSAEINVAL)
      l.bind(s, "127.0.0.1", 77)
      assert.strictEqual(l.name(s), "127.0.0.1 0")
      const [info] = yield* l.mock.sockets
      assert.deepStrictEqual([info.protocol, info.local], ["RAW", "127.0.0.1"])
    })
  )

  it.effect("options: the header, the type; those of UDP and error reports are none of theirs", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = raw(l, IPPROTO_ICMP, "127.0.0.1")
      assert.strictEqual(l.option(s, IPPROTO_IP, Options.IP_HDRINCL), 0)
      assert.strictEqual(l.setOption(s, IPPROTO_IP, Options.IP_HDRINCL, 5), 0)
      assert.strictEqual(l.option(s, IPPROTO_IP, Options.IP_HDRINCL), 1)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_TYPE), SOCK_RAW)
      assert.strictEqual(l.setOption(s, IPPROTO_UDP, Options.UDP_NOCHECKSUM, 1), -1)
      assert.strictEqual(l.error, Codes.WSAENOPROTOOPT)
      assert.strictEqual(l.setOption(s, IPPROTO_IP, Options.IP_RECVERR, 1), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )

  it.effect("see the datagrams of UDP, whose bytes another stack would take", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = raw(l, IPPROTO_UDP, "0.0.0.0")
      const other = raw(l, IPPROTO_ICMP, "0.0.0.0")
      const udp = l.bound()
      l.send(udp.s, "hello", "127.0.0.1", udp.port)
      yield* l.mock.settled
      assert.strictEqual(l.receive(udp.s), "hello")
      assert.deepStrictEqual(drain(l, other), [])
      const [{ bytes }] = drain(l, s)
      const packet = Ipv4Header.decode(bytes) as Ipv4Header.Ipv4Packet
      const view = new DataView(packet.payload.buffer, packet.payload.byteOffset)
      assert.deepStrictEqual(
        [view.getUint16(0), view.getUint16(2), view.getUint16(4)],
        [udp.port, udp.port, 8 + "hello".length]
      )
    })
  )

  it.effect("send UDP that its sockets receive, but not from an address of another", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = raw(l, IPPROTO_UDP, "127.0.0.1")
      l.setOption(s, IPPROTO_IP, Options.IP_HDRINCL, 1)
      const udp = l.bound()
      const datagram = Uint8Array.of(0, 9, udp.port >> 8, udp.port & 255, 0, 10, 0, 0, 104, 105)
      const destination = NetAddress.ipv4Loopback
      const forged = NetAddress.ipFromStringUnsafe("192.0.2.1") as NetAddress.Ipv4Address
      send(l, s, Ipv4Header.encode({ protocol: 17, source: forged, destination }, datagram), "127.0.0.1")
      send(l, s, Ipv4Header.encode({ protocol: 17, destination }, datagram), "127.0.0.1")
      yield* l.mock.settled
      assert.strictEqual(l.receive(udp.s), "hi")
      assert.strictEqual(l.receive(udp.s), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("a header that is none, TCP, and what is too large", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = raw(l, IPPROTO_ICMP, "127.0.0.1")
      l.setOption(s, IPPROTO_IP, Options.IP_HDRINCL, 1)
      const destination = NetAddress.ipv4Loopback
      for (const bytes of [
        [0x45],
        [0x65, ...Array.from({ length: 30 }, () => 0)],
        [0x4f, ...Array.from({ length: 30 }, () => 0)]
      ]) {
        assert.strictEqual(send(l, s, Uint8Array.from(bytes), "127.0.0.1"), Codes.WSAEINVAL)
      }
      const tcp = Ipv4Header.encode({ protocol: 6, destination }, new Uint8Array(20))
      assert.strictEqual(send(l, s, tcp, "127.0.0.1"), Codes.WSAEACCES)
      l.setOption(s, IPPROTO_IP, Options.IP_HDRINCL, 0)
      assert.strictEqual(send(l, s, new Uint8Array(65_516), "127.0.0.1"), Codes.WSAEMSGSIZE)
    })
  )

  it.effect("a damaged echo request is not answered, nor one to a machine that stays silent", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = raw(l, IPPROTO_ICMP, "127.0.0.1")
      const damaged = echo(4)
      damaged[8] ^= 1
      send(l, s, damaged, "127.0.0.1")
      yield* l.mock.settled
      assert.strictEqual(drain(l, s).length, 1)
      const silent = yield* lab({ echoReply: false })
      const other = raw(silent, IPPROTO_ICMP, "127.0.0.1")
      send(silent, other, echo(4), "127.0.0.1")
      yield* silent.mock.settled
      assert.deepStrictEqual(heard(silent, other, 4), ["127.0.0.1 EchoRequest ttl 128"])
    })
  )

  it.effect("port and protocol unreachable come to them", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      const client = yield* labOf(hosts.client)
      yield* labOf(hosts.server)
      const v4 = raw(client, IPPROTO_ICMP, "10.0.0.2")
      const v6 = raw(client, IPPROTO_ICMPV6, "fd00::2")
      client.send(client.socket(), "x", "10.0.0.1", 4321)
      client.send(client.socket({ v6: true }), "x", "fd00::1", 4321)
      send(client, raw(client, 200, "0.0.0.0"), Uint8Array.of(1), "10.0.0.1")
      send(client, raw(client, 200, "::"), Uint8Array.of(1), "fd00::1")
      yield* client.mock.settled
      assert.deepStrictEqual(heard(client, v4, 4), [
        "10.0.0.1 DestinationUnreachable 3 ttl 128",
        "10.0.0.1 DestinationUnreachable 2 ttl 128"
      ])
      assert.deepStrictEqual(heard(client, v6, 6), ["fd00::1 DestinationUnreachable 4", "fd00::1 Other 1"])
    })
  )
})

describe("routers", () => {
  const trace = (version: Icmp.Version, to: string, hopLimits: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const { near } = yield* routed()
      const s = raw(near, version === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, version === 4 ? "10.0.0.2" : "fd00::2")
      const said: Array<Array<string>> = []
      for (const hopLimit of hopLimits) {
        const [level, name] =
          version === 4 ? [IPPROTO_IP, Options.IP_TTL] : [Flags.IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS]
        near.setOption(s, level, name, hopLimit)
        send(near, s, echo(version), to)
        yield* near.mock.settled
        said.push(heard(near, s, version))
      }
      return said
    })

  it.effect("each takes one off the hop limit, and where it ends says so; one without an address is silent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* trace(4, "10.9.0.1", [1, 2, 3, 4]), [
        ["10.0.0.254 TimeExceeded 0 ttl 255"],
        [],
        ["10.9.0.254 TimeExceeded 0 ttl 255"],
        ["10.9.0.1 EchoReply ttl 125"]
      ])
      assert.deepStrictEqual(yield* trace(6, "fd09::1", [1, 2, 3, 4]), [
        ["fd00::fe TimeExceeded 0"],
        [],
        ["fd09::fe TimeExceeded 0"],
        ["fd09::1 EchoReply"]
      ])
    })
  )

  it.effect("answer for themselves, and for hosts and networks that there are none of", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* trace(4, "10.9.0.254", [2, 3]), [[], ["10.9.0.254 EchoReply ttl 255"]])
      assert.deepStrictEqual(yield* trace(4, "10.9.0.77", [2, 128]), [
        [],
        ["10.9.0.254 DestinationUnreachable 1 ttl 255"]
      ])
      assert.deepStrictEqual(yield* trace(4, "192.0.2.1", [1, 128]), [
        ["10.0.0.254 DestinationUnreachable 0 ttl 255"],
        ["10.0.0.254 DestinationUnreachable 0 ttl 255"]
      ])
      assert.deepStrictEqual(yield* trace(6, "fd09::77", [128]), [["fd09::fe DestinationUnreachable 3"]])
    })
  )

  it.effect("the error quotes what was sent", () =>
    Effect.gen(function* () {
      const { near } = yield* routed()
      const s = raw(near, IPPROTO_ICMP, "10.0.0.2")
      near.setOption(s, IPPROTO_IP, Options.IP_TTL, 1)
      send(near, s, echo(4), "10.9.0.1")
      yield* near.mock.settled
      const [{ bytes }] = drain(near, s)
      const message = Icmp.decode(4, (Ipv4Header.decode(bytes) as Ipv4Header.Ipv4Packet).payload)
      if (message._tag !== "TimeExceeded") return assert.fail(message._tag)
      assert.deepStrictEqual(Icmp.quotedEcho(4, message.quoted), {
        destination: NetAddress.ipFromStringUnsafe("10.9.0.1"),
        identifier: 1,
        sequence: 2
      })
    })
  )

  it.effect("datagrams of UDP go the same way: their hop limit arrives smaller, and a dead port is told back", () =>
    Effect.gen(function* () {
      const { far, near } = yield* routed()
      const a = far.bound("10.9.0.1")
      far.setOption(a.s, IPPROTO_IP, Options.IP_RECVTTL, 1)
      const b = near.bound("10.0.0.2")
      near.send(b.s, "x", "10.9.0.1", a.port)
      yield* near.mock.settled
      const message = far.message({ control: 64 })
      far.recvMsg(a.s, message)
      assert.deepStrictEqual(message.controls[0].data, u32(125))
      near.send(b.s, "x", "10.9.0.1", 4321)
      yield* near.mock.settled
      assert.strictEqual(near.receive(b.s), Codes.WSAECONNRESET)
    })
  )

  it.effect("take their time by the clock, there and back", () =>
    Effect.gen(function* () {
      const { near } = yield* routed(5)
      const s = raw(near, IPPROTO_ICMP, "10.0.0.2")
      send(near, s, echo(4), "10.9.0.1")
      yield* near.mock.settled
      // four from one to the next in each direction
      for (const step of [20, 19]) {
        yield* TestClock.adjust(step)
        yield* near.mock.settled
      }
      assert.deepStrictEqual(heard(near, s, 4), [])
      yield* TestClock.adjust(1)
      yield* near.mock.settled
      assert.deepStrictEqual(heard(near, s, 4), ["10.9.0.1 EchoReply ttl 125"])
      near.setOption(s, IPPROTO_IP, Options.IP_TTL, 1)
      send(near, s, echo(4), "10.9.0.1")
      yield* near.mock.settled
      for (const step of [5, 5]) {
        yield* TestClock.adjust(step)
        yield* near.mock.settled
      }
      assert.deepStrictEqual(heard(near, s, 4), ["10.0.0.254 TimeExceeded 0 ttl 255"])
    })
  )

  it.effect("a network that cannot be is refused", () =>
    Effect.sync(() => {
      const make = (route: MockNetwork.Route<string>) =>
        Effect.runSync(Effect.scoped(MockNetwork.make({ hosts: far, routes: [route as never] })))
      assert.throws(() => make({ between: ["near", "nowhere"], routers: [] }), /nowhere/)
      assert.throws(() => make({ between: ["near", "near"], routers: [] }), /two hosts/)
      assert.throws(() => make({ between: ["near", "far"], routers: [["10.0.0"]] }))
      assert.throws(() => make({ between: ["near", "far"], routers: [], delay: -1 }), /delay/)
    })
  )
})
