import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { MockNetwork, MockWinsock } from "@effect-winsock/mock"
import { MSG_BCAST, MSG_MCAST } from "@effect-winsock/schema/Flags"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { at, cameTo, from, lacks, reason, tag } from "../support/udp.ts"

const ip = NetAddress.ipFromStringUnsafe
const group = ip("239.1.2.3")
const group6 = ip("ff02::1:2")
const port = 5000

const nic = (index: number, mtu: number, ...addresses: ReadonlyArray<string>) => ({
  index,
  name: `Ethernet ${index}`,
  mtu,
  addresses
})

/** Two links: A and B are on 10.0.0.0/24, A and C on 10.0.1.0/24. The packets of C's interface are smaller. */
const hosts = {
  a: { interfaces: [nic(2, 1500, "10.0.0.1/24", "fd00::1/64"), nic(3, 1500, "10.0.1.1/24", "fd01::1/64")] },
  b: { interfaces: [nic(5, 1500, "10.0.0.2/24", "fd00::2/64")] },
  c: { interfaces: [nic(7, 1000, "10.0.1.3/24", "fd01::3/64")] }
}

type Bind = (
  address: string,
  options?: UdpSocket.Options
) => Effect.Effect<UdpSocket.UdpSocket, WinsockError, Scope.Scope>

interface Machines {
  readonly a: Bind
  readonly b: Bind
  readonly c: Bind
  readonly settled: Effect.Effect<void>
  readonly hold: Effect.Effect<void, never, Scope.Scope>
}

const network = <A, E>(
  name: string,
  body: (machines: Machines) => Effect.Effect<A, E, Scope.Scope>,
  behaviour: MockWinsock.Behaviour = {}
) =>
  it.live(name, () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { hosts: mocks } = yield* MockNetwork.make({ ...behaviour, hosts })
        const layers = yield* Scope.make()
        const binder = Effect.fnUntraced(function* (mock: MockWinsock.Mock) {
          const winsock = yield* Scope.provide(Winsock.make(mock.seam), layers)
          const bind: Bind = (address, options) => {
            const socket = UdpSocket.bind(at(address, port), {
              reuseAddress: true,
              control: ["packetInfo"],
              ...options
            })
            return Effect.provideService(socket, Winsock.Winsock, winsock)
          }
          return bind
        })
        const machines = {
          a: yield* binder(mocks.a),
          b: yield* binder(mocks.b),
          c: yield* binder(mocks.c),
          settled: mocks.a.settled,
          hold: mocks.a.hold
        }
        const exit = yield* Effect.exit(Effect.scoped(body(machines)))
        yield* Scope.close(layers, Exit.void)
        yield* exit
      })
    )
  )

/** How many datagrams wait in each socket, once the network is at rest; they are taken. */
const counts = (machines: Machines, ...sockets: ReadonlyArray<UdpSocket.UdpSocket>) =>
  Effect.gen(function* () {
    yield* machines.settled
    const marker = new Uint8Array([0xff])
    return yield* Effect.forEach(sockets, (socket) =>
      Effect.gen(function* () {
        yield* socket.send(marker, socket.address)
        for (let n = 0; ; n++) {
          const { payload } = yield* socket.receive
          if (payload.length === 1 && payload[0] === 0xff) return n
        }
      })
    )
  })

const scoped = (address: NetAddress.IpAddress, scopeId: number): NetAddress.InetAddress =>
  Result.getOrThrow(NetAddress.inetAddressV6(address as NetAddress.Ipv6Address, port, { scopeId }))

const x = new Uint8Array([1, 2])
const to = NetAddress.inetAddressUnsafe(group, port)

describe("multicast between machines", () => {
  network("reaches the members on the link that it leaves by, each of a machine's sockets", (m) =>
    Effect.gen(function* () {
      const sender = yield* m.a("10.0.0.1")
      const members = [yield* m.b("10.0.0.2"), yield* m.b("10.0.0.2"), yield* m.c("10.0.1.3"), yield* m.a("10.0.1.1")]
      for (const socket of members) yield* socket.joinGroup(group)
      yield* sender.send(x, to)
      yield* m.settled
      const messages = [yield* members[0].receive, yield* members[1].receive]
      for (const message of messages) {
        assert.strictEqual(message.flags & (MSG_MCAST | MSG_BCAST), MSG_MCAST)
        assert.strictEqual(cameTo(message), "239.1.2.3%5")
        assert.strictEqual(from(message), "10.0.0.1")
      }
      // A's member is in the group on A's first interface, by which it left; C is on another link
      assert.deepStrictEqual(yield* counts(m, members[3], members[2]), [1, 0])
      // who is in no group gets nothing, the sender included
      assert.deepStrictEqual(yield* counts(m, sender), [0])
      const other = yield* m.a("10.0.1.1", { multicastInterface: 3 })
      yield* other.send(x, to)
      yield* m.settled
      assert.strictEqual(cameTo(yield* members[2].receive), "239.1.2.3%7")
    })
  )

  network("the interface to send by is an index, an address, or the scope of the destination", (m) =>
    Effect.gen(function* () {
      const c = yield* m.c("0.0.0.0")
      yield* c.joinGroup(group)
      const c6 = yield* m.c("::")
      yield* c6.joinGroup(group6, { interface: 7 })
      const by = ip("10.0.1.1") as NetAddress.Ipv4Address
      for (const multicastInterface of [3, by]) {
        const socket = yield* Effect.scoped(
          m.a("0.0.0.0", { multicastInterface }).pipe(Effect.tap((s) => s.send(x, to)))
        )
        yield* m.settled
        assert.strictEqual(from(yield* c.receive), "10.0.1.1")
        assert.strictEqual(socket.address.port, port)
      }
      const socket = yield* m.a("::", { multicastInterface: 2 })
      yield* socket.send(x, scoped(group6, 3))
      yield* m.settled
      assert.strictEqual(from(yield* c6.receive), "fd01::1")
      const third = yield* m.a("::", { multicastInterface: 3 })
      yield* third.send(x, NetAddress.inetAddressUnsafe(group6, port))
      yield* m.settled
      assert.strictEqual(from(yield* c6.receive), "fd01::1")
      for (const multicastInterface of [99, ip("192.0.2.9") as NetAddress.Ipv4Address]) {
        assert.strictEqual(yield* tag(m.a("0.0.0.0", { multicastInterface })), "AddressNotAvailable")
        assert.strictEqual(yield* tag(c.joinGroup(group, { interface: multicastInterface })), "AddressNotAvailable")
      }
    })
  )

  network("loopback is the receiver's, whatever the sender says", (m) =>
    Effect.gen(function* () {
      const loud = yield* m.a("0.0.0.0")
      const deaf = yield* m.a("0.0.0.0", { multicastLoopback: false })
      const far = yield* m.b("0.0.0.0", { multicastLoopback: false })
      for (const socket of [loud, deaf, far]) yield* socket.joinGroup(group)
      yield* deaf.send(x, to)
      yield* m.settled
      yield* loud.receive
      // its own machine's it does not want, another's it does
      yield* far.receive
      yield* far.send(x, to)
      yield* m.settled
      assert.strictEqual(from(yield* deaf.receive), "10.0.0.2")
      assert.strictEqual(from(yield* loud.receive), "10.0.0.2")
    })
  )

  network("hops: 0 stays in the machine", (m) =>
    Effect.gen(function* () {
      const near = yield* m.a("0.0.0.0")
      const far = yield* m.b("0.0.0.0")
      for (const socket of [near, far]) yield* socket.joinGroup(group)
      const sender = yield* m.a("10.0.0.1", { multicastHops: 0 })
      yield* sender.send(x, to)
      assert.deepStrictEqual(yield* counts(m, far), [0])
      yield* near.receive
    })
  )

  network("sources: included ones only, or all but the blocked ones", (m) =>
    Effect.gen(function* () {
      const [a, b] = [yield* m.a("10.0.0.1"), yield* m.b("10.0.0.2")]
      const one = yield* m.b("0.0.0.0")
      yield* one.joinGroup(group, { source: ip("10.0.0.1") })
      const both = yield* m.b("0.0.0.0")
      yield* both.joinGroup(group, { source: ip("10.0.0.1") })
      yield* both.joinGroup(group, { source: ip("10.0.0.2") })
      const blocking = yield* m.b("0.0.0.0")
      yield* blocking.joinGroup(group)
      yield* blocking.blockSource(group, ip("10.0.0.1"))
      yield* a.send(x, to)
      yield* b.send(x, to)
      yield* m.settled
      assert.strictEqual(from(yield* one.receive), "10.0.0.1")
      assert.deepStrictEqual([from(yield* both.receive), from(yield* both.receive)], ["10.0.0.1", "10.0.0.2"])
      assert.strictEqual(from(yield* blocking.receive), "10.0.0.2")
    })
  )

  network("sources of an IPv6 group", (m) =>
    Effect.gen(function* () {
      const a = yield* m.a("fd00::1", { multicastInterface: 2 })
      const b = yield* m.b("::")
      yield* b.joinGroup(group6, { source: ip("fd00::9") })
      yield* a.send(x, NetAddress.inetAddressUnsafe(group6, port))
      assert.deepStrictEqual(yield* counts(m, b), [0])
      yield* b.joinGroup(group6, { source: ip("fd00::1") })
      yield* a.send(x, NetAddress.inetAddressUnsafe(group6, port))
      yield* m.settled
      assert.strictEqual(from(yield* b.receive), "fd00::1")
    })
  )

  network(
    "a provider without the options for sources of IPv6 groups says so",
    (m) =>
      Effect.gen(function* () {
        const b = yield* m.b("::")
        assert.isFalse((yield* b.capabilities).multicast.sources)
        yield* lacks(b.joinGroup(group6, { source: ip("fd00::9") }), "sources")
        yield* b.joinGroup(group6)
      }),
    { absentOptions: ["MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP"] }
  )
})

describe("broadcast between machines", () => {
  network("to everybody, and to a network: told by MSG_BCAST", (m) =>
    Effect.gen(function* () {
      const b = yield* m.b("0.0.0.0")
      const a = yield* m.a("10.0.0.1", { broadcast: true })
      for (const address of ["255.255.255.255", "10.0.0.255"]) {
        yield* a.send(x, at(address, port))
        yield* m.settled
        const message = yield* b.receive
        assert.isTrue(message.broadcast)
        assert.isFalse(message.multicast)
        assert.strictEqual(cameTo(message), `${address}%5`)
      }
      const without = yield* m.a("10.0.0.1")
      assert.strictEqual(yield* tag(without.send(x, at("10.0.0.255", port))), "PermissionDenied")
    })
  )

  network("on loopback it does not leave the machine", (m) =>
    Effect.gen(function* () {
      const a = yield* m.a("0.0.0.0", { broadcast: true })
      const b = yield* m.b("0.0.0.0")
      yield* a.send(x, at("127.255.255.255", port))
      assert.deepStrictEqual(yield* counts(m, b), [0])
      yield* a.receive
    })
  )
})

describe("path MTU between machines", () => {
  const big = new Uint8Array(1200)

  network("what must not be cut is refused above the interface's MTU, and learns the path's", (m) =>
    Effect.gen(function* () {
      const c = yield* m.c("0.0.0.0")
      const a = yield* m.a("0.0.0.0", { mtuDiscovery: "do" })
      const peer = at("10.0.1.3", port)
      assert.strictEqual(yield* tag(a.send(new Uint8Array(1473), peer)), "MessageTooLarge")
      yield* a.connect(peer)
      assert.strictEqual(yield* a.mtu, 1500)
      // a router on the way says that it is too big
      yield* a.send(big)
      yield* m.settled
      assert.strictEqual(yield* a.mtu, 1000)
      const refused = yield* reason(a.send(big))
      assert.strictEqual(refused._tag, "MessageTooLarge")
      assert.strictEqual((refused as { mtu?: number }).mtu, 1000)
      yield* a.send(new Uint8Array(972))
      yield* m.settled
      assert.strictEqual((yield* c.receive).payload.length, 972)
      assert.strictEqual((yield* reason(a.send(new Uint8Array(973))))._tag, "MessageTooLarge")
    })
  )

  network("a probe goes out although the path is known, fragments go anywhere", (m) =>
    Effect.gen(function* () {
      const c = yield* m.c("0.0.0.0")
      const peer = at("10.0.1.3", port)
      const whole = yield* m.a("0.0.0.0", { dontFragment: true })
      yield* whole.send(big, peer)
      yield* m.settled
      assert.strictEqual(yield* tag(whole.send(big, peer)), "MessageTooLarge")
      const probe = yield* m.a("0.0.0.0", { mtuDiscovery: "probe" })
      yield* probe.send(big, peer)
      assert.strictEqual(yield* tag(probe.send(new Uint8Array(1473), peer)), "MessageTooLarge")
      assert.deepStrictEqual(yield* counts(m, c), [0])
      const plain = yield* m.a("0.0.0.0", { mtuDiscovery: "dont" })
      yield* plain.send(new Uint8Array(4000), peer)
      yield* m.settled
      assert.strictEqual((yield* c.receive).payload.length, 4000)
    })
  )
})

describe("timestamps of sent datagrams", () => {
  network("what finds no room is lost, and so is one that is asked for twice", (m) =>
    Effect.gen(function* () {
      const a = yield* m.a("10.0.0.1", { timestamps: { transmit: "required", buffered: 1 } })
      const peer = at("10.0.0.2", port)
      for (const timestampId of [1, 2]) yield* a.send(x, peer, { timestampId })
      yield* m.settled
      assert.strictEqual(typeof (yield* a.transmitTimestamp(1)), "bigint")
      for (const id of [1, 2, 3]) assert.strictEqual(yield* tag(a.transmitTimestamp(id)), "WouldBlock")
    })
  )

  network("is waited for, as it comes when the datagram leaves", (m) =>
    Effect.gen(function* () {
      const a = yield* m.a("10.0.0.1", { timestamps: { transmit: "required" } })
      const held = yield* Scope.make()
      yield* Scope.provide(m.hold, held)
      yield* a.send(x, at("10.0.0.2", port), { timestampId: 5 })
      const waiting = yield* Effect.forkChild(a.transmitTimestamp(5), { startImmediately: true })
      yield* m.settled
      assert.isUndefined(waiting.pollUnsafe())
      yield* Scope.close(held, Exit.void)
      assert.strictEqual(typeof (yield* Fiber.join(waiting)), "bigint")
    })
  )

  it.live("waits end with the layer, too", () =>
    Effect.gen(function* () {
      const layer = yield* Scope.make()
      const mock = yield* MockWinsock.make()
      const winsock = yield* Scope.provide(Winsock.make(mock.seam), layer)
      const a = yield* Effect.provideService(
        UdpSocket.bind(at("127.0.0.1"), { timestamps: { transmit: "required" } }),
        Winsock.Winsock,
        winsock
      )
      const waiting = yield* Effect.forkChild(tag(a.transmitTimestamp(1)), { startImmediately: true })
      yield* Scope.close(layer, Exit.void)
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
    }).pipe(Effect.scoped)
  )

  network("waits that the socket's end finds are aborted, and interrupted ones leave nothing", (m) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(m.a("10.0.0.1", { timestamps: { transmit: "required" } }), scope)
      const waiting = yield* Effect.forkChild(tag(a.transmitTimestamp(1)), { startImmediately: true })
      const ended = yield* Effect.forkChild(a.transmitTimestamp(2), { startImmediately: true })
      ended.interruptUnsafe()
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Effect.exit(Effect.flatMap(Effect.void, () => tag(a.transmitTimestamp(1))))
      assert.deepStrictEqual(exit, Exit.succeed("SocketClosed"))
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
    })
  )

  network(
    "a system without them",
    (m) =>
      Effect.gen(function* () {
        yield* lacks(m.a("10.0.0.1", { timestamps: { receive: "required" } }), "timestamps.receive")
        const a = yield* m.a("10.0.0.1", { timestamps: { receive: "preferred", transmit: "preferred" } })
        assert.deepStrictEqual((yield* a.capabilities).timestamps, { receive: false, transmit: false })
      }),
    { timestamps: false }
  )
})
