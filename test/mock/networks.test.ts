// Networks that are declared: links, routers, who reaches whom, how large a packet may be.
import { Names } from "@effect-winsock/core"
import { MockNetwork } from "@effect-winsock/mock"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, lab, labOf, u32 } from "./support.ts"
import * as T from "./tcpSupport.ts"

type Declared = Parameters<typeof MockNetwork.make<"client" | "printer" | "server" | "lonely", string>>[0]

/** An office and a computing centre with two routers between them, and an island. */
const declared = {
  hosts: { client: {}, printer: {}, server: {}, lonely: {} },
  links: {
    office: { subnets: ["10.0.0.0/24", "fd00::/64"], hosts: ["client", "printer"] },
    transit: { subnets: ["172.16.0.0/30", "fd0f::/64"], hosts: [], mtu: 1300 },
    centre: { subnets: ["192.0.2.0/24", "fd01::/64"], hosts: { server: ["192.0.2.80", "fd01::80"] } },
    island: { subnets: "198.51.100.0/24", hosts: ["lonely"] }
  },
  routers: {
    gateway: ["office", "transit"],
    edge: { transit: ["172.16.0.1", "fd0f::1"], centre: ["192.0.2.1", "fd01::1"] }
  }
} as const satisfies Declared

const labs = Effect.gen(function* () {
  const { hosts } = yield* MockNetwork.make(declared)
  return {
    client: yield* labOf(hosts.client),
    printer: yield* labOf(hosts.printer),
    server: yield* labOf(hosts.server),
    lonely: yield* labOf(hosts.lonely),
    settled: hosts.client.settled,
    dropped: Effect.map(hosts.client.trace, (events) =>
      events.flatMap((event) => (event._tag === "Dropped" ? [event.reason] : []))
    )
  }
})

const raw = (l: Lab, version: Icmp.Version, ip: string): SocketHandle => {
  const [family, protocol] =
    version === 6 ? [Flags.AF_INET6, Flags.IPPROTO_ICMPV6] : [Flags.AF_INET, Flags.IPPROTO_ICMP]
  const s = l.own(l.calls.WSASocketW(family, Flags.SOCK_RAW, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED), (s) =>
    l.calls.closesocket(s)
  )
  l.ioctl(s, Ioctls.FIONBIO, u32(1))
  assert.strictEqual(l.bind(s, ip), 0)
  return s
}

/** What a machine has heard by ICMP, as `from what code mtu`. */
const heard = (l: Lab, s: SocketHandle, version: Icmp.Version): Array<string> => {
  const found: Array<string> = []
  for (;;) {
    const message = l.message({ sizes: [2000] })
    const bytesAt = l.alloc(4)
    if (l.extension(s, "WSARecvMsg")(s, message.address, bytesAt.address, 0, 0) !== 0) return found
    const at = message.payloadAt[0]
    const bytes = message.block.bytes.slice(at, at + bytesAt.view.getUint32(0, true))
    const packet = version === 6 ? undefined : Ipv4Header.decode(bytes)
    if (packet !== undefined && Ipv4Header.isIpv4HeaderIssue(packet)) return assert.fail(packet.reason)
    const said = Icmp.decode(version, packet?.payload ?? bytes)
    if (Icmp.isIcmpIssue(said)) return assert.fail(said.reason)
    const rest = "mtu" in said ? ` ${said.code} ${said.mtu}` : ""
    found.push(`${message.from.split(" ")[0]} ${said._tag}${rest}`)
  }
}

const text = (size: number): string => "x".repeat(size)

/** What arrived: the size of each datagram. */
const sizes = (l: Lab, s: SocketHandle): Array<number> => {
  const found: Array<number> = []
  for (;;) {
    const message = l.message({ sizes: [8000] })
    const bytesAt = l.alloc(4)
    if (l.extension(s, "WSARecvMsg")(s, message.address, bytesAt.address, 0, 0) !== 0) return found
    found.push(bytesAt.view.getUint32(0, true))
  }
}

describe("links and routers", () => {
  it.effect("machines on one link reach each other, others over routers, and nobody who is on an island", () =>
    Effect.gen(function* () {
      const { client, dropped, lonely, printer, server, settled } = yield* labs
      const [a, b, c] = [printer.bound("0.0.0.0"), server.bound("0.0.0.0"), lonely.bound("0.0.0.0")]
      const { s } = client.bound("0.0.0.0")
      client.send(s, "near", "10.0.0.2", a.port)
      client.send(s, "far", "192.0.2.80", b.port)
      client.send(s, "nowhere", "198.51.100.1", c.port)
      yield* settled
      assert.deepStrictEqual([printer.receive(a.s), server.receive(b.s)], ["near", "far"])
      assert.strictEqual(lonely.receive(c.s), Codes.WSAEWOULDBLOCK)
      assert.deepStrictEqual(yield* dropped, ["no such network"])
      const hops = (yield* client.mock.trace).flatMap((e) => (e._tag === "Delivered" ? [[e.host, e.ttl]] : []))
      assert.deepStrictEqual(hops, [
        ["printer", 128],
        ["server", 126]
      ])
      // with what it left, whatever routers took from it
      const sent = (yield* client.mock.trace).flatMap((e) => (e._tag === "Sent" ? [e.ttl] : []))
      assert.deepStrictEqual(sent, [128, 128, 128])
    })
  )

  for (const [version, target, gateway, edge] of [
    [4, "192.0.2.80", "10.0.0.254", "172.16.0.1"],
    [6, "fd01::80", "fd00::fe", "fd0f::1"]
  ] as const) {
    it.effect(`IPv${version}: each router says by the address that faces the sender that the hops are used up`, () =>
      Effect.gen(function* () {
        const { client, settled } = yield* labs
        const icmp = raw(client, version, version === 4 ? "10.0.0.1" : "fd00::1")
        const { s } = client.bound(version === 4 ? "0.0.0.0" : "::")
        const [level, option] =
          version === 4 ? [Flags.IPPROTO_IP, Options.IP_TTL] : [Flags.IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS]
        for (const ttl of [1, 2]) {
          client.setOption(s, level, option, ttl)
          client.send(s, "x", target, 9)
        }
        yield* settled
        const expected = [gateway, edge].map((router) => `${router} TimeExceeded 0 0`)
        assert.deepStrictEqual(heard(client, icmp, version), expected)
      })
    )
  }

  it.effect("the last router says that there is no such host, the first that there is no such network", () =>
    Effect.gen(function* () {
      const { client, settled } = yield* labs
      const icmp = raw(client, 4, "10.0.0.1")
      const { s } = client.bound("0.0.0.0")
      for (const ip of ["192.0.2.9", "198.51.100.1", "10.0.0.77"]) client.send(s, "x", ip, 9)
      yield* settled
      assert.deepStrictEqual(heard(client, icmp, 4), [
        "172.16.0.1 DestinationUnreachable 1 0",
        "10.0.0.254 DestinationUnreachable 0 0"
      ])
    })
  )

  it.effect("of a machine that is down nobody says anything, and its name is known all the same", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.make(declared)
      const client = yield* labOf(network.hosts.client)
      const icmp = raw(client, 4, "10.0.0.1")
      yield* network.crash("server")
      client.send(client.socket(), "x", "192.0.2.80", 9)
      yield* network.settled
      assert.deepStrictEqual(heard(client, icmp, 4), [])
      const found = yield* network.run("client", Names.lookup("server"))
      assert.deepStrictEqual(found.map(NetAddress.formatInet), ["192.0.2.80:0", "[fd01::80]:0"])
    })
  )

  it.effect("routers answer echo requests by each of their addresses", () =>
    Effect.gen(function* () {
      const { client, settled } = yield* labs
      const icmp = raw(client, 4, "10.0.0.1")
      const echo = Icmp.encode(4, { _tag: "EchoRequest", identifier: 1, sequence: 2, data: Uint8Array.of(1) })
      for (const ip of ["10.0.0.254", "172.16.0.2", "192.0.2.1", "198.51.100.254"]) {
        client.send(icmp, String.fromCharCode(...echo), ip, 0)
      }
      yield* settled
      const replies = heard(client, icmp, 4).filter((line) => line.includes("EchoReply"))
      assert.deepStrictEqual(replies, ["10.0.0.254 EchoReply", "172.16.0.2 EchoReply", "192.0.2.1 EchoReply"])
    })
  )

  it.effect("broadcasts and multicasts stay on their link", () =>
    Effect.gen(function* () {
      const { client, printer, server, settled } = yield* labs
      const found: Array<ReadonlyArray<number>> = []
      for (const [to, join] of [
        ["255.255.255.255", undefined],
        ["239.1.2.3", [239, 1, 2, 3, 0, 0, 0, 0]]
      ] as const) {
        const sockets = [printer, server].map((l) => {
          const { port, s } = l.bound("0.0.0.0")
          if (join !== undefined) {
            const block = l.alloc(8)
            block.bytes.set(join)
            assert.strictEqual(l.calls.setsockopt(s, Flags.IPPROTO_IP, Options.IP_ADD_MEMBERSHIP, block.address, 8), 0)
          }
          return { l, port, s }
        })
        const { s } = client.bound("0.0.0.0")
        client.setOption(s, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
        client.setOption(s, Flags.IPPROTO_IP, Options.IP_MULTICAST_TTL, 9)
        for (const { port } of sockets) client.send(s, "all", to, port)
        yield* settled
        found.push(sockets.map(({ l, s }) => sizes(l, s).length))
      }
      assert.deepStrictEqual(found, [
        [1, 0],
        [1, 0]
      ])
    })
  )

  it.effect("streams go over routers, and a router knows no network of an island", () =>
    Effect.gen(function* () {
      const { client, lonely, server, settled } = yield* labs
      const listener = T.listening(server, "0.0.0.0")
      const s = T.stream(client)
      client.connect(s, "192.0.2.80", listener.port)
      yield* settled
      assert.strictEqual(server.peer(T.accept(server, listener.s))!.split(" ")[0], "10.0.0.1")
      const other = T.listening(lonely, "0.0.0.0")
      const lost = T.stream(client)
      client.connect(lost, "198.51.100.1", other.port)
      yield* settled
      yield* TestClock.adjust("21 seconds")
      yield* settled
      assert.strictEqual(client.option(lost, Flags.SOL_SOCKET, Options.SO_ERROR), Codes.WSAENETUNREACH)
    })
  )

  it.effect("a machine on two links leaves by the one that leads there, with its address of that link", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.make({
        hosts: { both: {}, far: {} },
        links: {
          left: { subnets: "10.1.0.0/24", hosts: ["both"] },
          right: { subnets: "10.2.0.0/24", hosts: ["both"] },
          beyond: { subnets: "10.3.0.0/24", hosts: ["far"] }
        },
        routers: { gateway: ["right", "beyond"] }
      })
      const [both, far] = [yield* labOf(hosts.both), yield* labOf(hosts.far)]
      const a = far.bound("0.0.0.0")
      const b = both.bound("0.0.0.0")
      both.send(b.s, "x", "10.3.0.1", a.port)
      yield* hosts.both.settled
      const message = far.message()
      assert.strictEqual(far.recvMsg(a.s, message), 0)
      assert.strictEqual(message.from, `10.2.0.1 ${b.port}`)
    })
  )

  it.effect("an address is the nearest machine's that has it", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.make({
        hosts: { a: {}, near: {}, far: {} },
        links: {
          here: { subnets: "10.0.0.0/24", hosts: { a: "10.0.0.1", near: "10.0.0.2" } },
          there: { subnets: "10.0.0.0/24", hosts: { far: "10.0.0.2" } }
        },
        routers: { gateway: { here: "10.0.0.254", there: "10.0.0.253" } }
      })
      const l = yield* labOf(hosts.a)
      const [near, far] = [yield* labOf(hosts.near), yield* labOf(hosts.far)]
      const [b, c] = [near.bound("0.0.0.0"), far.bound("0.0.0.0")]
      l.send(l.socket(), "x", "10.0.0.2", b.port)
      yield* l.mock.settled
      assert.deepStrictEqual([near.receive(b.s), far.receive(c.s)], ["x", Codes.WSAEWOULDBLOCK])
      // nor does a broadcast go to the network of the same numbers
      const { s } = l.bound("0.0.0.0")
      l.setOption(s, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
      for (const { port } of [b, c]) l.send(s, "all", "10.0.0.255", port)
      yield* l.mock.settled
      assert.deepStrictEqual([near.receive(b.s), far.receive(c.s)], ["all", Codes.WSAEWOULDBLOCK])
    })
  )
})

describe("the MTU of a link", () => {
  it.effect("IPv4: what must not be cut is not carried, and a router tells the sender; the rest arrives", () =>
    Effect.gen(function* () {
      const { client, dropped, server, settled } = yield* labs
      const icmp = raw(client, 4, "10.0.0.1")
      const to = server.bound("0.0.0.0")
      const cut = client.bound("0.0.0.0")
      const whole = client.bound("0.0.0.0")
      client.setOption(whole.s, Flags.IPPROTO_IP, Options.IP_DONTFRAGMENT, 1)
      client.connect(whole.s, "192.0.2.80", to.port)
      const mtu = () => client.option(whole.s, Flags.IPPROTO_IP, Options.IP_MTU)
      assert.strictEqual(mtu(), 1500)
      const post = (s: SocketHandle, size: number) => client.send(s, text(size), "192.0.2.80", to.port)
      for (const size of [1272, 1273]) assert.strictEqual(post(whole.s, size), 0)
      yield* settled
      assert.deepStrictEqual(sizes(server, to.s), [1272])
      assert.deepStrictEqual(heard(client, icmp, 4), ["10.0.0.254 DestinationUnreachable 4 1300"])
      assert.deepStrictEqual([yield* dropped, mtu()], [["too big for the path"], 1300])
      // known from now on: no call sends it
      assert.strictEqual(post(whole.s, 1273), Codes.WSAEMSGSIZE)
      for (const size of [1273, 4000]) assert.strictEqual(post(cut.s, size), 0)
      yield* settled
      assert.deepStrictEqual(sizes(server, to.s), [1273, 4000])
      assert.deepStrictEqual(heard(client, icmp, 4), [])
    })
  )

  it.effect("IPv6: no router cuts, so the first packet is lost, and the sender cuts the next ones", () =>
    Effect.gen(function* () {
      const { client, server, settled } = yield* labs
      const icmp = raw(client, 6, "fd00::1")
      const to = server.bound("::")
      const { s } = client.bound("::")
      const found: Array<ReadonlyArray<number>> = []
      for (const size of [1252, 1253, 1253, 4000]) {
        assert.strictEqual(client.send(s, text(size), "fd01::80", to.port), 0)
        yield* settled
        found.push(sizes(server, to.s))
      }
      assert.deepStrictEqual(found, [[1252], [], [1253], [4000]])
      assert.deepStrictEqual(heard(client, icmp, 6), ["fd00::fe PacketTooBig 0 1300"])
    })
  )

  it.effect("of the machine's own link: it knows by itself, and nobody says anything", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.make({
        hosts: { a: {}, b: {} },
        links: { lan: { subnets: "10.0.0.0/24", hosts: { a: { mtu: 9000 }, b: {} }, mtu: 68 } }
      })
      const [a, b] = [yield* labOf(hosts.a), yield* labOf(hosts.b)]
      const icmp = raw(a, 4, "10.0.0.1")
      const to = b.bound("0.0.0.0")
      const { s } = a.bound("0.0.0.0")
      a.setOption(s, Flags.IPPROTO_IP, Options.IP_DONTFRAGMENT, 1)
      const post = (size: number) => a.send(s, text(size), "10.0.0.2", to.port)
      const codes = [post(8973), post(41), post(40)]
      yield* a.mock.settled
      codes.push(post(41))
      assert.deepStrictEqual(codes, [Codes.WSAEMSGSIZE, 0, 0, Codes.WSAEMSGSIZE])
      assert.deepStrictEqual(sizes(b, to.s), [40])
      assert.deepStrictEqual(heard(a, icmp, 4), [])
    })
  )

  it.effect("a router that is behind the narrow link never sees the packet whose hops it would have used up", () =>
    Effect.gen(function* () {
      const { client, settled } = yield* labs
      const icmp = raw(client, 4, "10.0.0.1")
      const { s } = client.bound("0.0.0.0")
      client.setOption(s, Flags.IPPROTO_IP, Options.IP_MTU_DISCOVER, 3)
      for (const ttl of [1, 2]) {
        client.setOption(s, Flags.IPPROTO_IP, Options.IP_TTL, ttl)
        client.send(s, text(1400), "192.0.2.80", 9)
      }
      yield* settled
      assert.deepStrictEqual(heard(client, icmp, 4), [
        "10.0.0.254 TimeExceeded 0 0",
        "10.0.0.254 DestinationUnreachable 4 1300"
      ])
    })
  )
})

describe("what cannot be", () => {
  const office = { subnets: "10.0.0.0/24", hosts: ["a", "b"] as const }
  const hosts = { a: {}, b: {} }
  const on = (index: number, ...addresses: ReadonlyArray<string>) => ({
    interfaces: [{ index, name: "Ethernet", addresses }]
  })
  const cases: ReadonlyArray<readonly [why: RegExp, options: unknown]> = [
    [/^hosts of link office: not a host of this network: c$/, { links: { office: { ...office, hosts: ["c"] } } }],
    [/^hosts of link office: named twice: a$/, { links: { office: { ...office, hosts: ["a", "a"] } } }],
    [
      /^address of b on link office is used twice, by a too: 10\.0\.0\.7$/,
      { links: { office: { ...office, hosts: { a: "10.0.0.7", b: "10.0.0.7" } } } }
    ],
    [
      /^address of gateway on link office is used twice, by a too: 10\.0\.0\.254$/,
      {
        links: { office: { ...office, hosts: { a: "10.0.0.254" } }, other: { subnets: "10.1.0.0/24", hosts: [] } },
        routers: { gateway: ["office", "other"] }
      }
    ],
    [
      /^address of a is no host's in the subnets of link office: 10\.0\.1\.7$/,
      { links: { office: { ...office, hosts: { a: "10.0.1.7" } } } }
    ],
    ...["10.0.0.0", "10.0.0.255"].map((ip): readonly [RegExp, unknown] => [
      new RegExp(`^address of a is no host's in the subnets of link office: ${ip}$`),
      { links: { office: { ...office, hosts: { a: ip } } } }
    ]),
    [
      /^subnets of link office need a prefix length: 10\.0\.0\.0$/,
      { links: { office: { ...office, subnets: "10.0.0.0" } } }
    ],
    [/^not a prefix length: 10\.0\.0\.0\/33$/, { links: { office: { ...office, subnets: "10.0.0.0/33" } } }],
    [/^subnets of link office are none$/, { links: { office: { ...office, subnets: [] } } }],
    [
      /^subnets of link office overlap: 10\.0\.0\.0\/24 and 10\.0\.0\.128\/25$/,
      { links: { office: { ...office, subnets: ["10.0.0.0/24", "10.0.0.128/25"] } } }
    ],
    [
      /^subnets of link office have no address number 2: 10\.0\.0\.1\/32$/,
      { links: { office: { ...office, subnets: "10.0.0.1/32", hosts: { a: "10.0.0.1", b: {} } } } }
    ],
    [
      /^mtu of link office must be an integer from 68 to 4294967295: 67$/,
      { links: { office: { ...office, mtu: 67 } } }
    ],
    [
      /^mtu of link office must be an integer from 1280 to 4294967295: 1279$/,
      { links: { office: { ...office, subnets: ["10.0.0.0/24", "fd00::/64"], mtu: 1279 } } }
    ],
    [/^mtu of link office .*: 1400\.5$/, { links: { office: { ...office, mtu: 1400.5 } } }],
    [
      /^mtu of a on link office must be an integer from 576 to 4294967295: 575$/,
      { links: { office: { ...office, hosts: { a: { mtu: 575 } } } } }
    ],
    [
      /^index of a on link office is not one, or used twice: 1$/,
      { links: { office: { ...office, hosts: { a: { index: 1 } } } } }
    ],
    [
      /^links of router gateway: no such link: attic$/,
      { links: { office }, routers: { gateway: ["office", "attic"] } }
    ],
    [/^links of router gateway must be two or more: office$/, { links: { office }, routers: { gateway: ["office"] } }],
    [
      /^links of router gateway: named twice: office$/,
      { links: { office }, routers: { gateway: ["office", "office"] } }
    ],
    [/^routers join links, and there are none$/, { routers: { gateway: ["office"] } }],
    [/^routes are for networks without links$/, { links: { office }, routes: [{ between: ["a", "b"], routers: [] }] }],
    [
      /^interfaces of a come from the links: Ethernet$/,
      { links: { office }, hosts: { ...hosts, a: { interfaces: [{ index: 2, name: "Ethernet", addresses: [] }] } } }
    ],
    [
      /^mtu of Ethernet must be an integer from 576 to 4294967295: 0$/,
      { hosts: { a: { interfaces: [{ index: 2, name: "Ethernet", addresses: [], mtu: 0 }] } } }
    ],
    [
      /^address of b is used twice, by a too: 10\.0\.0\.1$/,
      { hosts: { a: on(2, "10.0.0.1/24"), b: on(2, "10.0.0.1/16") } }
    ],
    [/^address of a is used twice, by a too: fd00::1$/, { hosts: { a: on(2, "fd00::1/64", "fd00:0::1/64") } }],
    [
      /^interface index of a is used twice: 2$/,
      { hosts: { a: { interfaces: [...on(2).interfaces, ...on(2).interfaces] } } }
    ],
    [/^seed must be an integer, not 1\.5$/, { seed: 1.5 }],
    [/^seed must be an integer, not NaN$/, { seed: Number.NaN }],
    [/^trace must be a number of events, not -1$/, { trace: -1 }],
    [/^guard must be "strict" or "collect" or "off", not "stict"$/, { guard: "stict" }],
    [/^dequeue must be "fifo" or "seeded", not "lifo"$/, { dequeue: "lifo" }],
    [/^timeWait must be milliseconds, not -4$/, { timeWait: -4 }],
    [/^coalescedInfo must be "told", "missing" or a size, not -1$/, { coalescedInfo: -1 }],
    [/^absentExtensions must be names of extension functions, not "ConnectX"$/, { absentExtensions: ["ConnectX"] }]
  ]
  for (const [why, options] of cases) {
    it.effect(`${why.source}`, () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(MockNetwork.make({ hosts, ...(options as object) }))
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : assert.fail("it was made")
        assert.instanceOf(defect, RangeError)
        assert.match((defect as RangeError).message, why)
      }).pipe(Effect.scoped)
    )
  }
})

describe("fixtures", () => {
  const has = (l: Lab, ...ips: ReadonlyArray<string>) => {
    for (const ip of ips) assert.strictEqual(l.bind(l.socket({ v6: ip.includes(":") }), ip), 0, ip)
    assert.strictEqual(l.bind(l.socket(), "10.0.0.77"), -1)
  }

  it.effect("loopback, a client and a server, so many servers: with the addresses that they are said to have", () =>
    Effect.gen(function* () {
      has(yield* labOf((yield* MockNetwork.makeLoopback()).hosts.localhost), "127.0.0.1", "::1")
      const pair = (yield* MockNetwork.makeClientServer()).hosts
      has(yield* labOf(pair.server), "10.0.0.1", "fd00::1")
      has(yield* labOf(pair.client), "10.0.0.2", "fd00::2")
      const many = (yield* MockNetwork.makeServers(250)).hosts
      assert.strictEqual(Object.keys(many).length, 251)
      has(yield* labOf(many.server1), "10.0.0.1", "fd00::1")
      has(yield* labOf(many.server250), "10.0.0.250", "fd00::fa")
      has(yield* labOf(many.client), "10.0.1.1", "fd00::101")
    })
  )

  it.effect("servers are 1 to 250", () =>
    Effect.gen(function* () {
      for (const n of [0, 251, 1.5, Number.NaN] as Array<number>) {
        const exit = yield* Effect.exit(MockNetwork.makeServers(n))
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : assert.fail("it was made")
        assert.match(String(defect), /^RangeError: the number of servers must be an integer from 1 to 250: /)
      }
    })
  )

  it.effect("one machine alone is as it was: it reaches itself only", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(l.receive(s), "x")
    })
  )
})
