// Addresses and routes that change under a program, on simulated machines.
import { Decorators, Interfaces, TcpServer, TcpSocket, UdpSocket, Winsock } from "@effect-winsock/core"
import { MockNetwork, MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { held, nothing, random, start } from "../support/rig.ts"
import { at, tag } from "../support/udp.ts"

const machine = {
  interfaces: [
    { index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] },
    { index: 7, name: "Ethernet 2", addresses: ["192.168.7.2/16"] }
  ]
}

const ips = (list: ReadonlyArray<NetAddress.InetAddress>) => list.map(({ address }) => NetAddress.formatIp(address))

/** A program on a machine of its own, of which nothing is left in the end. */
const on = <A, E>(
  name: string,
  body: (
    mock: MockWinsock.Mock,
    statistics: Effect.Effect<Winsock.Statistics>,
    gate: Decorators.Gate
  ) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options: MockWinsock.Options = {}
): void =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make({ ...machine, ...options })
      const gate = Decorators.gate()
      let last: Effect.Effect<Winsock.Statistics> | undefined
      yield* Effect.scoped(
        Effect.gen(function* () {
          const winsock = yield* Winsock.make(gate.decorate(mock.seam))
          last = winsock.statistics
          const program = Effect.scoped(body(mock, winsock.statistics, gate))
          yield* Effect.provideService(program, Winsock.Winsock, winsock)
        })
      )
      assert.deepStrictEqual(held(yield* last!), nothing)
    }).pipe(Effect.scoped)
  )

/** The elements of a stream as they come, from now on. */
const elements = Effect.fnUntraced(function* <A, E, R>(stream: Stream.Stream<A, E, R>) {
  const queue = yield* Queue.unbounded<A>()
  yield* start(Stream.runForEach(stream, (element) => Queue.offer(queue, element)))
  return queue
})

describe("asking once", () => {
  on("tells every address with its netmask; Windows says 255.255.255.255 of broadcasts", () =>
    Effect.gen(function* () {
      const list = yield* Interfaces.list
      assert.deepStrictEqual(
        list.map(({ address, broadcast, canBroadcast, isLoopback, netmask, prefixLength }) => [
          [address, netmask, broadcast].map(NetAddress.formatIp).join(" "),
          prefixLength,
          isLoopback,
          canBroadcast
        ]),
        [
          ["127.0.0.1 255.0.0.0 255.255.255.255", 8, true, false],
          ["10.0.0.2 255.255.255.0 255.255.255.255", 24, false, true],
          ["192.168.7.2 255.255.0.0 255.255.255.255", 16, false, true]
        ]
      )
      assert.deepStrictEqual(ips(yield* Interfaces.addresses("IPv4")), ["10.0.0.2", "192.168.7.2"])
      assert.deepStrictEqual(ips(yield* Interfaces.addresses("IPv6")), ["fd00::2"])
    })
  )

  on(
    "link-local addresses have their scope, so that they can be bound to",
    () =>
      Effect.gen(function* () {
        const [own] = yield* Interfaces.addresses("IPv6")
        assert.strictEqual(NetAddress.isInetAddressV6(own) ? own.scopeId : 0, 9)
        const socket = yield* UdpSocket.bind(own)
        assert.strictEqual(NetAddress.formatIp(socket.address.address), "fe80::9")
      }),
    { interfaces: [{ index: 9, name: "Ethernet", addresses: ["fe80::9/64"] }] }
  )

  for (const [what, options] of [
    ["at once", {}],
    ["later", { readyAnswer: "pending" }],
    ["on 32 bits", { abi: "ia32" }]
  ] as const) {
    on(
      `an answer that outgrows its memory is asked for with more (${what})`,
      (_, statistics) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Interfaces.list).length, 301)
          assert.strictEqual((yield* Interfaces.addresses("IPv4")).length, 300)
          assert.isAtMost((yield* statistics).operations.ioctl.submitted, 10)
        }),
      {
        ...options,
        interfaces: [
          {
            index: 2,
            name: "Ethernet",
            addresses: Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}/16`)
          }
        ]
      }
    )
  }

  on(
    "a machine without another interface has no address to bind to, and no route",
    () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Interfaces.addresses("IPv4"), [])
        assert.strictEqual(yield* tag(Interfaces.routeTo(at("10.0.0.1"))), "NetworkUnreachable")
        assert.deepStrictEqual(ips([yield* Interfaces.routeTo(at("127.0.0.9"))]), ["127.0.0.1"])
        assert.deepStrictEqual(ips([yield* Interfaces.routeTo(at("::1"))]), ["::1"])
      }),
    { interfaces: [] }
  )

  on("a route is the interface's that is on the link of the remote, or the first's", () =>
    Effect.gen(function* () {
      for (const [remote, local] of [
        ["10.0.0.77", "10.0.0.2"],
        ["192.168.1.1", "192.168.7.2"],
        ["203.0.113.9", "10.0.0.2"],
        ["fd00::9", "fd00::2"],
        ["192.168.7.2", "192.168.7.2"]
      ]) {
        assert.deepStrictEqual(ips([yield* Interfaces.routeTo(at(remote, 9))]), [local])
      }
    })
  )
})

describe("changes", () => {
  on("each is followed by how things are then", (mock) =>
    Effect.gen(function* () {
      const queue = yield* elements(Interfaces.changes("IPv4"))
      yield* mock.addAddress(4, "10.0.0.9/24")
      assert.deepStrictEqual(ips(yield* Queue.take(queue)), ["10.0.0.2", "10.0.0.9", "192.168.7.2"])
      yield* mock.removeAddress("10.0.0.2")
      assert.deepStrictEqual(ips(yield* Queue.take(queue)), ["10.0.0.9", "192.168.7.2"])
      // the other family's are another list
      yield* mock.addAddress(4, "fd00::9/64")
      yield* mock.settled
      assert.strictEqual(yield* Queue.size(queue), 0)
    })
  )

  on("one that comes before the first element is asked for is not missed", (mock) =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(Interfaces.changes("IPv6"))
      const first = yield* start(pull)
      yield* mock.addAddress(7, "fd00:7::7/64")
      assert.deepStrictEqual((yield* Fiber.join(first)).map(ips), [["fd00::2", "fd00:7::7"]])
      // nobody waits meanwhile: two changes are one element
      yield* mock.removeAddress("fd00:7::7")
      yield* mock.settled
      yield* mock.removeAddress("fd00::2")
      yield* mock.settled
      assert.deepStrictEqual((yield* pull).map(ips), [[]])
    })
  )

  on(
    "one that comes between the end of a wait and the answer is not missed",
    (mock, statistics) =>
      Effect.gen(function* () {
        const pull = yield* Stream.toPull(Interfaces.changes("IPv4"))
        const seen: Array<ReadonlyArray<string>> = []
        const follow = Effect.forever(Effect.map(pull, (lists) => seen.push(...lists.map(ips))))
        const fiber = yield* start(Effect.exit(follow))
        const chance = random(11)
        for (let i = 1; i <= 60; i++) {
          yield* mock.addAddress(4, `10.0.1.${i}/24`)
          for (let n = chance(12); n > 0; n--) yield* Effect.yieldNow
        }
        yield* mock.settled
        // the last element has the last change, whenever it came
        assert.isAbove(seen.length, 1)
        assert.strictEqual(seen.at(-1)!.length, 62)
        yield* Fiber.interrupt(fiber)
        const { failed, submitted } = (yield* statistics).operations.ioctl
        // the answer outgrew its memory once
        assert.strictEqual(failed, 1)
        // no more than a wait and a question for each element
        assert.isAtMost(submitted, 2 * seen.length + 3)
      }),
    { readyAnswer: "seeded", cancellation: "seeded", dequeue: "seeded" }
  )

  on("an interrupted pull loses no change", (mock) =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(Interfaces.changes("IPv4"))
      const interrupted = yield* start(pull)
      yield* mock.addAddress(4, "10.0.0.9/24")
      yield* Fiber.interrupt(interrupted)
      yield* mock.settled
      assert.deepStrictEqual((yield* pull).map(ips), [["10.0.0.2", "10.0.0.9", "192.168.7.2"]])
    })
  )

  on("what an interrupted pull has left is not told once it has changed", (mock) =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(Interfaces.changes("IPv4"))
      for (let turns = 0; turns < 15; turns++) {
        const interrupted = yield* start(Effect.exit(pull))
        yield* mock.addAddress(4, "10.0.0.9/24")
        for (let n = 0; n < turns; n++) yield* Effect.promise(() => new Promise((next) => setImmediate(next)))
        yield* Fiber.interrupt(interrupted)
        yield* mock.removeAddress("10.0.0.9")
        yield* mock.settled
        assert.deepStrictEqual((yield* pull).map(ips), [["10.0.0.2", "192.168.7.2"]], `after ${turns} turns`)
      }
    })
  )

  on("one that comes while the answer is on its way: how things are then is told", (mock, _, gate) =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(Interfaces.changes("IPv4", { current: true }))
      gate.close()
      const first = yield* start(pull)
      yield* gate.awaitHeld(1)
      yield* mock.addAddress(4, "10.0.0.9/24")
      yield* gate.awaitHeld(2)
      gate.open()
      assert.deepStrictEqual((yield* Fiber.join(first)).map(ips), [["10.0.0.2", "10.0.0.9", "192.168.7.2"]])
    })
  )

  on("while nobody waits, nothing keeps the process alive", (mock) =>
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(Interfaces.changes("IPv4"))
      const waiting = yield* start(pull)
      yield* mock.settled
      assert.isTrue(yield* mock.keptAlive)
      yield* Fiber.interrupt(waiting)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
    })
  )

  on("of a route: only those that change it", (mock) =>
    Effect.gen(function* () {
      const queue = yield* elements(Interfaces.routeChanges(at("172.16.0.1")))
      yield* mock.addAddress(4, "10.0.0.9/24")
      yield* mock.settled
      assert.strictEqual(yield* Queue.size(queue), 0)
      yield* mock.addAddress(7, "172.16.0.2/16")
      assert.deepStrictEqual(ips([yield* Queue.take(queue)]), ["172.16.0.2"])
      yield* mock.removeAddress("172.16.0.2")
      assert.deepStrictEqual(ips([yield* Queue.take(queue)]), ["10.0.0.2"])
    })
  )

  on("of a route: none left is an error", (mock) =>
    Effect.gen(function* () {
      const lost = yield* start(tag(Stream.runDrain(Interfaces.routeChanges(at("fd00::9")))))
      yield* mock.removeAddress("fd00::2")
      assert.strictEqual(yield* Fiber.join(lost), "NetworkUnreachable")
    })
  )
})

describe("sockets of an address that goes", () => {
  const two = Effect.gen(function* () {
    const { hosts } = yield* MockNetwork.makeTwoHosts()
    const client = yield* Layer.build(MockNetwork.layer(hosts.client))
    const server = yield* Layer.build(MockNetwork.layer(hosts.server))
    return { hosts, client, server }
  })

  it.effect("datagrams: bound as before, nothing comes, sends fail; all is well when it comes back", () =>
    Effect.gen(function* () {
      const { client, hosts, server } = yield* two
      const socket = yield* Effect.provide(UdpSocket.bind(at("10.0.0.2")), client)
      const peer = yield* Effect.provide(UdpSocket.bind(at("10.0.0.1")), server)
      const waiting = yield* start(socket.receive)
      yield* hosts.client.removeAddress("10.0.0.2")
      assert.strictEqual(yield* tag(socket.send(new Uint8Array([1]), peer.address)), "AddressNotAvailable")
      yield* peer.send(new Uint8Array([1]), socket.address)
      yield* hosts.client.settled
      assert.isUndefined(waiting.pollUnsafe())
      yield* hosts.client.addAddress(4, "10.0.0.2/24")
      yield* peer.send(new Uint8Array([2]), socket.address)
      assert.deepStrictEqual([...(yield* Fiber.join(waiting)).payload], [2])
      yield* socket.send(new Uint8Array([3]), peer.address)
      assert.deepStrictEqual([...(yield* peer.receive).payload], [3])
    }).pipe(Effect.scoped)
  )

  it.effect("connections break at once, and the peer hears nothing", () =>
    Effect.gen(function* () {
      const { client, hosts, server } = yield* two
      const listening = yield* Effect.provide(TcpServer.listen(at("10.0.0.1")), server)
      const accepting = yield* start(listening.accept)
      const socket = yield* Effect.provide(TcpSocket.connect(listening.address), client)
      const peer = yield* Fiber.join(accepting)
      const waiting = yield* start(tag(socket.receive))
      const other = yield* start(peer.receive)
      yield* hosts.client.settled
      yield* hosts.client.removeAddress("10.0.0.2")
      assert.strictEqual(yield* Fiber.join(waiting), "ConnectionAborted")
      yield* hosts.client.settled
      assert.isUndefined(other.pollUnsafe())
      yield* Fiber.interrupt(other)
      yield* peer.abort
    }).pipe(Effect.scoped)
  )

  it.effect("what no machine can have dies", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make(machine)
      for (const no of [
        mock.addAddress(5, "10.0.0.9/24"),
        mock.addAddress(1, "10.0.0.9/24"),
        mock.addAddress(4, "192.168.7.2/24"),
        mock.removeAddress("10.0.0.9"),
        mock.removeAddress("127.0.0.1")
      ]) {
        assert.isTrue((yield* Effect.exit(no))._tag === "Failure")
      }
    }).pipe(Effect.scoped)
  )
})
