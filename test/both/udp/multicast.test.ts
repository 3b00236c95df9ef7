import { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { layerName, law, loopback, numbered, numberOf } from "../../support/rig.ts"
import { at, from, reason, refuses, tag } from "../../support/udp.ts"

const ip = NetAddress.ipFromStringUnsafe
const group = ip("239.255.17.1")
const group6 = ip("ff01::1:17")
/** An IPv4 interface by what every provider knows it by. */
const here = loopback.address as NetAddress.Ipv4Address

/** A socket that takes multicasts: elsewhere than on Windows one of a single address gets none. */
const receiver = (options?: UdpSocket.Options) =>
  UdpSocket.bind(at("0.0.0.0"), { control: ["packetInfo", "hopLimit"], ...options })

const sender = (options?: UdpSocket.Options) => UdpSocket.bind(at("0.0.0.0"), { multicastInterface: here, ...options })

const portOf = (socket: UdpSocket.UdpSocket) => socket.address.port

/** Loopback carries datagrams in order: what was sent before the number has arrived with it. */
const until = Effect.fnUntraced(function* (socket: UdpSocket.UdpSocket, last: number) {
  const seen: Array<number> = []
  for (;;) {
    const message = yield* socket.receive
    const n = numberOf(message)
    if (n === last) return seen
    seen.push(n)
  }
})

describe("UdpSocket: multicast", () => {
  law("a group is received from while it is joined, and the datagram says that it was one", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      const peer = yield* sender()
      const to = NetAddress.inetAddressUnsafe(group, portOf(socket))
      const direct = at("127.0.0.1", portOf(socket))
      yield* peer.send(numbered(1), to)
      yield* peer.send(numbered(9), direct)
      assert.deepStrictEqual(yield* until(socket, 9), [])
      yield* socket.joinGroup(group, { interface: here })
      yield* peer.send(numbered(2), to)
      yield* peer.send(numbered(3), direct)
      const first = yield* socket.receive
      assert.strictEqual(numberOf(first), 2)
      assert.isTrue(first.multicast)
      assert.isFalse(first.broadcast)
      const second = yield* socket.receive
      assert.strictEqual(numberOf(second), 3)
      assert.isFalse(second.multicast)
    })
  )

  law("the group is left when the scope of the join closes, once, and can be joined again", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      const peer = yield* sender()
      const to = NetAddress.inetAddressUnsafe(group, portOf(socket))
      const direct = at("127.0.0.1", portOf(socket))
      for (let n = 0; n < 3; n++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* socket.joinGroup(group, { interface: here })
            yield* peer.send(numbered(1), to)
            assert.strictEqual(numberOf(yield* socket.receive), 1)
          })
        )
        yield* peer.send(numbered(2), to)
        yield* peer.send(numbered(9), direct)
        assert.deepStrictEqual(yield* until(socket, 9), [])
      }
      // left by hand and joined again by another scope: the first scope leaves it alone
      const first = yield* Scope.make()
      yield* Scope.provide(socket.joinGroup(group, { interface: here }), first)
      yield* socket.leaveGroup(group, { interface: here })
      yield* socket.joinGroup(group, { interface: here })
      recorder.clear()
      yield* Scope.close(first, Exit.void)
      assert.strictEqual(recorder.count("setsockopt"), 0)
      yield* peer.send(numbered(3), to)
      assert.strictEqual(numberOf(yield* socket.receive), 3)
    })
  )

  law("joined twice, or left without having joined: a typed error, and nothing else changes", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      yield* socket.joinGroup(group, { interface: here })
      // Wine: WSAEADDRINUSE
      assert.include(["AddressNotAvailable", "AddressInUse"], yield* tag(socket.joinGroup(group, { interface: here })))
      yield* socket.leaveGroup(group, { interface: here })
      assert.include(["InvalidCall", "AddressNotAvailable"], yield* tag(socket.leaveGroup(group, { interface: here })))
    })
  )

  law("a socket that is closed leaves nothing to leave", ({ recorder }) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const socket = yield* Scope.provide(receiver(), scope)
      const membership = yield* Scope.make()
      yield* Scope.provide(socket.joinGroup(group, { interface: here }), membership)
      yield* Scope.close(scope, Exit.void)
      recorder.clear()
      yield* Scope.close(membership, Exit.void)
      assert.strictEqual(recorder.calls.length, 0)
      for (const effect of [
        socket.joinGroup(group),
        socket.leaveGroup(group),
        socket.blockSource(group, here),
        socket.unblockSource(group, here),
        socket.mtu
      ]) {
        assert.strictEqual(yield* tag(effect), "SocketClosed")
      }
      assert.strictEqual(recorder.calls.length, 0)
    })
  )

  law("a group of one source, which decides what is received", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      const peer = yield* sender()
      const to = NetAddress.inetAddressUnsafe(group, portOf(socket))
      const direct = at("127.0.0.1", portOf(socket))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* socket.joinGroup(group, { interface: here, source: ip("127.0.0.77") })
          yield* peer.send(numbered(1), to)
          yield* peer.send(numbered(9), direct)
          assert.deepStrictEqual(yield* until(socket, 9), [])
          yield* socket.joinGroup(group, { interface: here, source: here })
          yield* peer.send(numbered(2), to)
          const message = yield* socket.receive
          assert.strictEqual(numberOf(message), 2)
          assert.strictEqual(from(message), "127.0.0.1")
        })
      )
      yield* peer.send(numbered(3), to)
      yield* peer.send(numbered(9), direct)
      assert.deepStrictEqual(yield* until(socket, 9), [])
    })
  )

  law("a source is blocked, and unblocked", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      const peer = yield* sender()
      const to = NetAddress.inetAddressUnsafe(group, portOf(socket))
      const direct = at("127.0.0.1", portOf(socket))
      yield* socket.joinGroup(group, { interface: here })
      yield* socket.blockSource(group, here, { interface: here })
      yield* peer.send(numbered(1), to)
      yield* peer.send(numbered(9), direct)
      assert.deepStrictEqual(yield* until(socket, 9), [])
      yield* socket.unblockSource(group, here, { interface: here })
      yield* peer.send(numbered(2), to)
      assert.strictEqual(numberOf(yield* socket.receive), 2)
    })
  )

  law("the hop limit of multicasts is an option of its own", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      yield* socket.joinGroup(group, { interface: here })
      const to = NetAddress.inetAddressUnsafe(group, portOf(socket))
      for (const multicastHops of [undefined, 0, 7, 255]) {
        const peer = yield* sender({ multicastHops })
        yield* peer.send(numbered(1), to)
        const { control } = yield* socket.receive
        assert.strictEqual((control as { hopLimit?: number }).hopLimit, multicastHops ?? 1)
      }
    })
  )

  law("an IPv6 group, by the index of the interface", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::"), { control: ["packetInfo"] })
      const peer = yield* UdpSocket.bind(at("::"), { multicastInterface: 1 })
      yield* socket.joinGroup(group6, { interface: 1 })
      const sent = yield* Effect.result(peer.send(numbered(1), NetAddress.inetAddressUnsafe(group6, portOf(socket))))
      if (layerName === "native" && Result.isFailure(sent)) {
        // a Linux whose loopback interface has no route for IPv6 multicasts: joining is all that shows there
        assert.strictEqual(sent.failure.reason._tag, "NetworkUnreachable")
        return yield* socket.leaveGroup(group6, { interface: 1 })
      }
      const message = yield* socket.receive
      assert.strictEqual(numberOf(message), 1)
      assert.isTrue(message.multicast)
    })
  )

  law("a dual-stack socket is in groups of both families", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::"), {
        ipv6Only: false,
        multicastHops: 3,
        multicastLoopback: true,
        multicastInterface: here,
        dontFragment: true,
        broadcast: true,
        control: ["packetInfo", "hopLimit"]
      })
      yield* socket.joinGroup(group, { interface: here })
      yield* socket.joinGroup(group6, { interface: 1 })
      yield* socket.send(numbered(1), NetAddress.inetAddressUnsafe(group, portOf(socket)))
      const message = yield* socket.receive
      assert.strictEqual(numberOf(message), 1)
      assert.isTrue(message.multicast)
      yield* socket.leaveGroup(group, { interface: here })
      yield* socket.leaveGroup(group6, { interface: 1 })
    })
  )

  law("what the capability record lacks is NotSupported", () =>
    Effect.gen(function* () {
      const v4 = yield* receiver()
      const v6 = yield* UdpSocket.bind(at("::"))
      const byIndex = (yield* v4.capabilities).multicast.interfaceByIndex
      const sources = (yield* v6.capabilities).multicast.sources
      const joined = yield* Effect.exit(v4.joinGroup(group, { interface: 1 }))
      assert.strictEqual(Exit.isSuccess(joined), byIndex)
      const opened = yield* Effect.exit(sender({ multicastInterface: 1 }))
      assert.strictEqual(Exit.isSuccess(opened), byIndex)
      const source = ip("::1")
      const ofOne = yield* Effect.exit(v6.joinGroup(group6, { interface: 1, source }))
      assert.strictEqual(Exit.isSuccess(ofOne), sources)
      if (!byIndex) {
        assert.strictEqual(yield* tag(v4.joinGroup(group, { interface: 1 })), "NotSupported")
        assert.strictEqual(yield* tag(sender({ multicastInterface: 1 })), "NotSupported")
      }
      if (!sources) {
        assert.strictEqual(yield* tag(v6.joinGroup(group6, { interface: 1, source })), "NotSupported")
        assert.strictEqual(yield* tag(v6.blockSource(group6, source)), "NotSupported")
      }
    })
  )

  law("what is no group, interface or source is refused before any call", ({ recorder }) =>
    Effect.gen(function* () {
      const v4 = yield* receiver()
      const v6 = yield* UdpSocket.bind(at("::"))
      recorder.clear()
      for (const socket of [v4, v6]) {
        for (const wrong of [here, ip("::1"), ip("255.255.255.255"), "239.1.1.1", 1, null, undefined, {}]) {
          yield* refuses(socket.joinGroup(wrong as NetAddress.IpAddress), "group", wrong)
          yield* refuses(socket.leaveGroup(wrong as NetAddress.IpAddress), "group", wrong)
        }
      }
      yield* refuses(v4.joinGroup(group6), "group", group6)
      yield* refuses(v6.joinGroup(group), "group", group)
      const through = (index: unknown) => ({ interface: index }) as UdpSocket.GroupOptions
      for (const wrong of [-1, 2 ** 24, 1.5, Number.NaN, "eth0", null, ip("::1"), group]) {
        yield* refuses(v4.joinGroup(group, through(wrong)), "interface", wrong)
      }
      for (const wrong of [-1, 2 ** 32, here]) {
        yield* refuses(v6.joinGroup(group6, through(wrong)), "interface", wrong)
      }
      for (const source of [group, ip("0.0.0.0"), ip("::1"), "127.0.0.1", null]) {
        yield* refuses(v4.joinGroup(group, { source: source as NetAddress.IpAddress }), "source", source)
      }
      yield* refuses(v4.blockSource(group, undefined as never), "source", undefined)
      for (const options of [1, "all", null]) yield* refuses(v4.joinGroup(group, options as never), "options", options)
      assert.strictEqual(recorder.calls.length, 0)
    })
  )

  law("options of how datagrams travel are checked before any call", ({ recorder }) =>
    Effect.gen(function* () {
      const open = (options: unknown) => UdpSocket.bind(loopback, options as UdpSocket.Options)
      const unsound: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
        ["multicastInterface", [-1, 2 ** 24, "eth0", null, group, ip("::1")]],
        ["multicastHops", [-1, 256, 1.5, "1", null]],
        ["multicastLoopback", ["no", 0, null]],
        ["broadcast", ["yes", 1, null]],
        ["dontFragment", ["yes", 1, null]],
        ["mtuDiscovery", ["want", true, 1, null]],
        ["timestamps", [true, "receive", null]]
      ]
      for (const [option, values] of unsound) {
        for (const value of values) yield* refuses(open({ [option]: value }), option, value)
      }
      yield* refuses(open({ timestamps: { receive: true } }), "timestamps.receive", true)
      yield* refuses(open({ timestamps: { transmit: "yes" } }), "timestamps.transmit", "yes")
      yield* refuses(open({ timestamps: { transmit: "required", buffered: 0 } }), "timestamps.buffered", 0)
      assert.strictEqual(recorder.count("WSASocketW"), 0)
    })
  )
})

describe("UdpSocket: broadcast", () => {
  law("needs to be asked for", () =>
    Effect.gen(function* () {
      const socket = yield* receiver()
      const to = at("127.255.255.255", portOf(socket))
      const without = yield* UdpSocket.bind(at("0.0.0.0"))
      assert.strictEqual(yield* tag(without.send(numbered(1), to)), "PermissionDenied")
      assert.strictEqual(yield* tag(without.send(numbered(1), at("255.255.255.255", 9))), "PermissionDenied")
      const peer = yield* UdpSocket.bind(at("0.0.0.0"), { broadcast: true })
      yield* peer.send(numbered(2), to)
      assert.strictEqual(numberOf(yield* socket.receive), 2)
    })
  )
})

describe("UdpSocket: fragments", () => {
  law("a socket that must not fragment sends what fits", () =>
    Effect.gen(function* () {
      for (const address of [loopback, at("::1")]) {
        const socket = yield* UdpSocket.bind(address, { dontFragment: true })
        yield* socket.send(new Uint8Array(1200), socket.address)
        assert.strictEqual((yield* socket.receive).payload.length, 1200)
      }
    })
  )

  law("modes of path MTU discovery, and the MTU of a connected socket, as the capability record says", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(loopback)
      const { mtuDiscovery } = yield* socket.capabilities
      for (const mode of ["do", "dont", "probe"] as const) {
        const opened = yield* Effect.exit(UdpSocket.bind(loopback, { mtuDiscovery: mode }))
        assert.strictEqual(Exit.isSuccess(opened), mtuDiscovery)
        if (!mtuDiscovery) {
          assert.strictEqual(yield* tag(UdpSocket.bind(loopback, { mtuDiscovery: mode })), "NotSupported")
        }
      }
      assert.strictEqual(yield* tag(socket.mtu), mtuDiscovery ? "NotConnected" : "NotSupported")
      yield* socket.connect(socket.address)
      if (mtuDiscovery) assert.isAtLeast(yield* socket.mtu, 1280)
      else assert.strictEqual(yield* tag(socket.mtu), "NotSupported")
    })
  )
})

describe("UdpSocket: timestamps", () => {
  law("of received and of sent datagrams, as the capability record says", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(loopback, { timestamps: { receive: "preferred", transmit: "preferred" } })
      const { timestamps } = yield* socket.capabilities
      if (!timestamps.receive) {
        const required = { receive: "required" } as const
        const { _tag, meaning } = yield* reason(UdpSocket.bind(loopback, { timestamps: required }))
        assert.strictEqual(_tag, "NotSupported")
        assert.include(meaning, "timestamps.receive")
        assert.strictEqual(yield* tag(socket.transmitTimestamp(1)), "NotSupported")
        const sent = socket.send(numbered(1), socket.address, { timestampId: 1 })
        assert.strictEqual(yield* tag(sent), "NotSupported")
        return
      }
      yield* socket.send(numbered(1), socket.address, { timestampId: 7 })
      const message = yield* socket.receive
      const arrived = (message.control as { timestamp?: bigint }).timestamp
      assert.strictEqual(typeof arrived, "bigint")
      const left = yield* socket.transmitTimestamp(7)
      assert.isTrue(left <= arrived!)
      // it is given once
      assert.strictEqual(yield* tag(socket.transmitTimestamp(7)), "WouldBlock")
    })
  )

  law("a socket that did not ask for them has none", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(loopback)
      assert.deepStrictEqual((yield* socket.capabilities).timestamps, { receive: false, transmit: false })
      recorder.clear()
      assert.strictEqual(yield* tag(socket.transmitTimestamp(1)), "NotSupported")
      for (const id of [-1, 2 ** 32, 0.5, "1"]) yield* refuses(socket.transmitTimestamp(id as number), "id", id)
      assert.strictEqual(recorder.calls.length, 0)
      const both = { timestampId: 3, segmentSize: 100 }
      yield* refuses(socket.send(numbered(1), socket.address, both), "timestampId", 3)
    })
  )
})
