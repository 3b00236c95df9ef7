import { SocketOptions, UdpSocket } from "@effect-winsock/core"
import { WinsockDatagramSocket } from "@effect-winsock/platform"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import { WSAEACCES, WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAEHOSTUNREACH, WSAEMFILE } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import {
  acquire,
  failure,
  here,
  ipv4Group,
  kind,
  kindOf,
  numbersOf,
  open,
  take,
  upTo
} from "../../support/datagrams.ts"
import { bind, law, layerName, loopback, numbered, start } from "../../support/rig.ts"
import { at } from "../../support/udp.ts"

const text = (address: NetAddress.InetAddress): string => NetAddress.formatIp(address.address)

describe("WinsockDatagramSocket: opening", () => {
  law("binds to a port of its own on every address, of IPv4 unless something else is said", () =>
    Effect.gen(function* () {
      const families = [
        [{}, "0.0.0.0"],
        [{ family: "ipv6" }, "::"],
        [{ peer: { address: "::1", port: 9 } }, "::"],
        [{ peer: { address: "127.0.0.1", port: 9 } }, "0.0.0.0"],
        [{ family: "ipv6", peer: { address: "127.0.0.1", port: 9 } }, "::"],
        [{ bind: { address: "::1" } }, "::1"],
        [{ bind: { address: NetAddress.ipFromStringUnsafe("127.0.0.1") } }, "127.0.0.1"],
        [{ bind: at("127.0.0.1") }, "127.0.0.1"],
        [{ bind: { port: 0 } }, "0.0.0.0"]
      ] as const
      for (const [options, expected] of families) {
        const { reader } = yield* Effect.flatMap(WinsockDatagramSocket.make(options), acquire)
        assert.strictEqual(text(reader.address), expected, JSON.stringify(options))
        assert.isAbove(reader.address.port, 0)
      }
    })
  )

  law("names are looked up once per reader, for binding, as a peer, and to connect to", () =>
    Effect.gen(function* () {
      const server = yield* Effect.flatMap(
        WinsockDatagramSocket.make({ bind: { address: "localhost" }, family: "ipv4" }),
        acquire
      )
      assert.strictEqual(text(server.reader.address), "127.0.0.1")
      const { port } = server.reader.address
      for (const options of [
        { peer: { address: "localhost", port } },
        { connect: { address: "localhost", port } }
      ] as const) {
        const client = yield* Effect.flatMap(WinsockDatagramSocket.make(options), acquire)
        yield* client.writer.write({ payload: numbered(1) })
        const [got] = yield* server.reader.pull
        yield* server.writer.write(got)
        assert.deepStrictEqual(yield* take(client.reader, 1), [1])
      }
    })
  )

  law("a name that leads nowhere is AddressNotAvailable", () =>
    Effect.gen(function* () {
      for (const options of [
        { peer: { address: "nobody.invalid", port: 9 } },
        { connect: { address: "nobody.invalid", port: 9 } },
        { bind: { address: "nobody.invalid" } }
      ] as const) {
        const { reader } = yield* WinsockDatagramSocket.make(options)
        assert.strictEqual(yield* kind(reader), "Open AddressNotAvailable")
      }
    })
  )

  law("each kind of error, and nothing is left open that failed half-way", ({ failing, statistics }) =>
    Effect.gen(function* () {
      const before = yield* statistics
      const first = yield* open()
      const { port } = first.reader.address
      const taken = yield* WinsockDatagramSocket.make({ bind: { ...here, port } })
      assert.strictEqual(yield* kind(taken.reader), "Open AddressInUse")
      // an address that is not the machine's own: some systems under Wine bind to it all the same
      const foreign = yield* WinsockDatagramSocket.make({ bind: { address: "192.0.2.77" } })
      if (layerName === "mock") assert.strictEqual(yield* kind(foreign.reader), "Open AddressNotAvailable")
      const codes = [
        ["bind", WSAEACCES, "PermissionDenied"],
        ["bind", WSAEADDRINUSE, "AddressInUse"],
        ["bind", WSAEADDRNOTAVAIL, "AddressNotAvailable"],
        ["WSASocketW", WSAEMFILE, "Unknown"]
      ] as const
      const socket = yield* WinsockDatagramSocket.make({ bind: here })
      for (const [call, code, expected] of codes) {
        const stop = call === "bind" ? failing.add({ call, code }) : failing.add({ call, code })
        const refused = yield* failure(socket.reader)
        stop()
        assert.strictEqual(kindOf(refused), `Open ${expected}`)
        if (refused._tag === "DatagramSocketOpenError") assert.include(String(refused.cause), String(code))
      }
      // these are found out when the socket is bound already
      for (const options of [
        { ttl: 256 },
        { ttl: 0 },
        { kernelReceiveBufferSize: -1 },
        { kernelSendBufferSize: 1.5 },
        { socketOptions: { SO_RCVBUF: -1 } },
        { connect: { address: "::1", port: 9 } },
        { peer: { address: "localhost", port: 65_536 } },
        { peer: { address: loopback.address, port: -1 } },
        { peer: { address: undefined, port: 9 } },
        { bind: { ...here, port: 1.5 } },
        { bind: { address: 7 } },
        { bind: {}, family: "IPv6" }
      ]) {
        const odd = yield* WinsockDatagramSocket.make({ bind: here, ...options } as WinsockDatagramSocket.Options)
        assert.strictEqual(yield* kind(odd.reader), "Open Unknown", JSON.stringify(options))
        // the same socket can be asked again, in the same scope
        assert.strictEqual(yield* kind(odd.reader), "Open Unknown")
      }
      const mixed = yield* WinsockDatagramSocket.make({ bind: here, family: "ipv6" })
      const family = yield* failure(mixed.reader)
      if (family._tag === "DatagramSocketOpenError") assert.include(String(family.cause), "bind.address")
      assert.strictEqual(kindOf(family), "Open Unknown")
      assert.strictEqual((yield* statistics).handles.sockets, before.handles.sockets + 1)

      const reusing = yield* WinsockDatagramSocket.make({ bind: here, reusePort: true })
      const unsupported = yield* failure(reusing.reader)
      assert.strictEqual(unsupported._tag, "DatagramSocketUnsupportedError")
      assert.strictEqual(unsupported.message, "Winsock does not support reusePort")
    })
  )

  law("scopes of link-local addresses are kept, written or said", ({ failing }) =>
    Effect.gen(function* () {
      const ip = NetAddress.ipFromStringUnsafe("fe80::17")
      if (!NetAddress.isIpv6Address(ip)) return assert.fail("no IPv6 address")
      const scoped = Result.getOrThrow(NetAddress.inetAddressV6(ip, 9, { scopeId: 7 }))
      failing.add({ call: "WSASendMsg", code: WSAEHOSTUNREACH })
      for (const peer of [scoped, { address: "fe80::17%7", port: 9 }]) {
        const client = yield* Effect.flatMap(WinsockDatagramSocket.make({ peer }), acquire)
        assert.strictEqual(text(client.reader.address), "::")
        const refused = yield* failure(client.writer.write({ payload: numbered(1) }))
        assert.strictEqual(kindOf(refused), "Write Unreachable")
        if (refused._tag === "DatagramSocketWriteError") assert.deepStrictEqual(refused.address, scoped)
      }
    })
  )

  law("a queue of no packets is a defect", () =>
    Effect.gen(function* () {
      for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const exit = yield* Effect.exit(WinsockDatagramSocket.make({ receiveBuffer: { capacity } }))
        assert.isTrue(Exit.hasDies(exit), String(capacity))
      }
      const odd = { receiveBuffer: { strategy: "latest" as "sliding" } }
      assert.isTrue(Exit.hasDies(yield* Effect.exit(WinsockDatagramSocket.make(odd))))
    })
  )

  law("the options are set: those of node:dgram by its names, and any other of the table", () =>
    Effect.gen(function* () {
      const v4 = yield* open({
        ttl: 33,
        broadcast: true,
        kernelReceiveBufferSize: 1 << 17,
        multicast: { ttl: 5, loopback: false },
        socketOptions: { IP_TOS: 0x10, SO_DEBUG: undefined }
      })
      const { socket } = v4.reader
      assert.strictEqual(yield* SocketOptions.get(socket, "IP_TTL"), 33)
      assert.strictEqual(yield* SocketOptions.get(socket, "SO_BROADCAST"), true)
      assert.strictEqual(yield* SocketOptions.get(socket, "IP_MULTICAST_TTL"), 5)
      assert.strictEqual(yield* SocketOptions.get(socket, "IP_MULTICAST_LOOP"), false)
      assert.isAtLeast(yield* SocketOptions.get(socket, "SO_RCVBUF"), 1 << 17)
      const v6 = yield* open({ bind: { address: "::1" }, ttl: 44 })
      assert.strictEqual(yield* SocketOptions.get(v6.reader.socket, "IPV6_UNICAST_HOPS"), 44)
      const alone = yield* open({ bind: { address: "::" }, ipv6Only: true })
      assert.strictEqual(yield* SocketOptions.get(alone.reader.socket, "IPV6_V6ONLY"), true)
    })
  )

  law("a socket of IPv6 takes IPv4, too, and answers it", () =>
    Effect.gen(function* () {
      const server = yield* open({ bind: { address: "::" } })
      const client = yield* open()
      const to = at("127.0.0.1", server.reader.address.port)
      yield* client.writer.write({ payload: numbered(1), address: to })
      const [got] = yield* server.reader.pull
      assert.strictEqual(text(NetAddress.toCanonical(got.address)), "127.0.0.1")
      yield* server.writer.write(got)
      assert.deepStrictEqual(yield* take(client.reader, 1), [1])
      yield* server.writer.write({ payload: numbered(2), address: client.reader.address })
      assert.deepStrictEqual(yield* take(client.reader, 1), [2])
    })
  )
})

describe("WinsockDatagramSocket: opening, interrupted", () => {
  law("an interruption ends at once; the next reader waits until what was begun is over, and closed", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const events: Array<string> = []
      const adopted = yield* WinsockDatagramSocket.fromSocket(
        Effect.gen(function* () {
          events.push("opening")
          const socket = yield* UdpSocket.bind(loopback)
          yield* Effect.addFinalizer(() => Effect.sync(() => void events.push("closed")))
          yield* Effect.uninterruptible(Deferred.await(gate))
          return socket
        })
      )
      const first = yield* start(Effect.scoped(adopted.reader))
      yield* Fiber.interrupt(first)
      const scope = yield* Scope.make()
      const second = yield* start(Scope.provide(adopted.reader, scope))
      assert.deepStrictEqual(events, ["opening"])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(second)
      assert.deepStrictEqual(events, ["opening", "closed", "opening"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(events, ["opening", "closed", "opening", "closed"])
    })
  )

  law("at each step, and nothing is left", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* WinsockDatagramSocket.make({ family: "ipv4", peer: { address: "localhost", port: 9 } })
      const before = (yield* statistics).handles.sockets
      for (const turns of upTo(12)) {
        const fiber = yield* start(Effect.scoped(socket.reader))
        for (let i = 0; i < turns; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }
      yield* Effect.scoped(socket.reader)
      assert.strictEqual((yield* statistics).handles.sockets, before)
    })
  )

  law("the services of who made it are beneath those of who acquires the reader", () =>
    Effect.gen(function* () {
      class Name extends Context.Service<Name, string>()("Name") {}
      class Other extends Context.Service<Other, string>()("Other") {}
      const seen: Array<readonly [string, string]> = []
      const made = yield* WinsockDatagramSocket.fromSocket(
        Effect.gen(function* () {
          seen.push([yield* Name, yield* Other])
          return yield* UdpSocket.bind(loopback)
        })
      ).pipe(Effect.provideService(Name, "maker"), Effect.provideService(Other, "maker"))
      yield* Effect.scoped(made.reader)
      yield* Effect.scoped(made.reader).pipe(Effect.provideService(Name, "acquirer"))
      assert.deepStrictEqual(seen, [
        ["maker", "maker"],
        ["acquirer", "maker"]
      ])
    })
  )
})

describe("WinsockDatagramSocket: a socket of the program's own", () => {
  law("is adopted, with a peer, or connected", () =>
    Effect.gen(function* () {
      const server = yield* open()
      const { address } = server.reader
      const plain = yield* WinsockDatagramSocket.fromSocket(bind({ lookAhead: 4 }), {
        peer: { address: "localhost", port: address.port }
      })
      const connected = yield* WinsockDatagramSocket.fromSocket(Effect.tap(bind(), (socket) => socket.connect(address)))
      for (const of of [plain, connected]) {
        const client = yield* acquire(of)
        yield* client.writer.write({ payload: numbered(1) })
        const [got] = yield* server.reader.pull
        assert.deepStrictEqual(got.address, client.reader.address)
        yield* server.writer.write({ payload: numbered(2), address: got })
        assert.deepStrictEqual(yield* take(client.reader, 1), [2])
        const explicit = client.writer.write({ payload: numbered(3), address })
        if (of === connected) assert.strictEqual(yield* kind(explicit), "Write Unknown")
        else {
          yield* explicit
          assert.deepStrictEqual(yield* take(server.reader, 1), [3])
        }
      }
    })
  )

  law("one from elsewhere is left open, and is the program's again", () =>
    Effect.gen(function* () {
      const own = yield* bind()
      const peer = yield* bind()
      const socket = yield* WinsockDatagramSocket.fromSocket(Effect.succeed(own))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const reader = yield* socket.reader
          yield* peer.send(numbered(1), own.address)
          assert.deepStrictEqual(yield* take(reader, 1), [1])
        })
      )
      // more than one: the reader may have been closed while it was given the last
      for (const n of [2, 3]) {
        yield* peer.send(numbered(n), own.address)
        assert.deepStrictEqual(numbersOf([yield* own.receive]), [n])
      }
    })
  )

  law("an error of opening it keeps its kind, and a fake is refused", () =>
    Effect.gen(function* () {
      const own = yield* bind()
      const taken = yield* WinsockDatagramSocket.fromSocket(UdpSocket.bind(own.address))
      assert.strictEqual(yield* kind(taken.reader), "Open AddressInUse")
      const given = new DatagramSocket.DatagramSocketError({
        reason: new DatagramSocket.DatagramSocketOpenError({ kind: "PermissionDenied", cause: "mine" })
      })
      const failing = yield* WinsockDatagramSocket.fromSocket(Effect.fail(given))
      assert.strictEqual(yield* failure(failing.reader), given.reason)
      const fake = yield* WinsockDatagramSocket.fromSocket(Effect.succeed({ ...own, [UdpSocket.DirectKey]: undefined }))
      assert.strictEqual(yield* kind(fake.reader), "Open Unknown")
    })
  )
})

describe("WinsockDatagramSocket: what only Winsock has", () => {
  law("a received datagram has its control data, as far as it was asked for", () =>
    Effect.gen(function* () {
      const server = yield* open({ control: ["packetInfo", "hopLimit", "trafficClass"] })
      const client = yield* open({ ttl: 77 })
      yield* client.writer.write({ payload: numbered(1), address: server.reader.address })
      const [got] = yield* server.reader.pull
      if (isControlIssue(got.control)) return assert.fail("malformed control data")
      assert.strictEqual(NetAddress.formatIp(got.control.packetInfo!.address), "127.0.0.1")
      assert.strictEqual(got.control.hopLimit, 77)
      assert.isFalse(got.message.truncated)
      assert.strictEqual(got.message.control, got.control)
      // nobody asked
      yield* server.writer.write({ payload: numbered(2), address: got })
      const [answer] = yield* client.reader.pull
      assert.deepStrictEqual(answer.control, {})
    })
  )

  law("one to be sent takes what can be said of a single one, or says what the provider lacks", () =>
    Effect.gen(function* () {
      const server = yield* open({ control: ["hopLimit"] })
      for (const sendControl of ["required", "preferred"] as const) {
        const client = yield* open({ sendControl })
        const { send } = yield* client.reader.socket.capabilities
        const out = { payload: numbered(1), address: server.reader.address, options: { hopLimit: 9 } }
        if (layerName === "mock") assert.isTrue(send.hopLimit)
        if (!send.hopLimit && sendControl === "required") {
          assert.strictEqual(yield* kind(client.writer.write(out)), "Write Unknown")
          assert.strictEqual(yield* kind(client.writer.writeAll([out])), "Write Unknown")
          continue
        }
        yield* client.writer.write(out)
        yield* client.writer.writeAll([out])
        for (let seen = 0; seen < 2;) {
          for (const { control } of yield* server.reader.pull) {
            if (isControlIssue(control)) return assert.fail("malformed control data")
            if (send.hopLimit) assert.strictEqual(control.hopLimit, 9)
            seen++
          }
        }
        assert.strictEqual(yield* kind(client.writer.write({ ...out, options: { hopLimit: 256 } })), "Write Unknown")
      }
    })
  )

  law("answers leave from the address that was asked, one by one and many at a time", () =>
    Effect.gen(function* () {
      // IPv4 on a socket of both: where the provider ignores source addresses, a socket of one address answers
      const server = yield* open({ bind: { address: "::" }, reply: "required" })
      const client = yield* open()
      const asked = ["127.0.0.1", "127.0.0.9", "127.1.2.3"]
      for (const ip of asked) {
        yield* client.writer.write({ payload: ip, address: at(ip, server.reader.address.port) })
      }
      const got: Array<WinsockDatagramSocket.Datagram> = []
      while (got.length < asked.length) got.push(...(yield* server.reader.pull))
      const answered = Effect.fnUntraced(function* () {
        const from: Array<readonly [string, string]> = []
        while (from.length < asked.length) {
          for (const { address, payload } of yield* client.reader.pull) {
            from.push([text(address), new TextDecoder().decode(payload)])
          }
        }
        return from
      })
      const expected = asked.map((ip) => [ip, ip])
      for (const one of got) yield* server.writer.write({ payload: one.payload, address: one })
      assert.deepStrictEqual(yield* answered(), expected as never)
      const [first, ...rest] = got
      yield* server.writer.writeAll([first, ...rest])
      assert.deepStrictEqual(yield* answered(), expected as never)
    })
  )

  law("without `packetInfo` the wish for it is not fulfilled, and says so", () =>
    Effect.gen(function* () {
      const server = yield* open({ bind: { address: "0.0.0.0" }, control: [], reply: "required" })
      const client = yield* open()
      const address = at("127.0.0.1", server.reader.address.port)
      yield* client.writer.write({ payload: numbered(1), address })
      const [got] = yield* server.reader.pull
      const refused = yield* failure(server.writer.write(got))
      assert.strictEqual(kindOf(refused), "Write Unknown")
      if (refused._tag === "DatagramSocketWriteError") {
        assert.include(String(refused.cause), "packetInfo")
        assert.deepStrictEqual(refused.address, client.reader.address)
      }
    })
  )
})

describe("WinsockDatagramSocket: multicast", () => {
  const group = ipv4Group("239.255.17.3")
  const own = loopback.address as NetAddress.Ipv4Address

  law("a group is joined until the scope closes, by the interface that is said", () =>
    Effect.gen(function* () {
      const server = yield* open({ bind: { address: "0.0.0.0" } })
      const client = yield* open({ bind: { address: "0.0.0.0" }, multicast: { interface: own } })
      const { port } = server.reader.address
      const to = { address: NetAddress.inetAddressUnsafe(group, port) }
      const mark = { payload: numbered(9), address: at("127.0.0.1", port) }
      for (const _ of upTo(2)) {
        yield* client.writer.writeAll([{ payload: numbered(1), ...to }, mark])
        assert.deepStrictEqual(yield* take(server.reader, 1), [9])
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* server.reader.joinMulticast({ group, interface: own })
            yield* client.writer.write({ payload: numbered(2), ...to })
            const [got] = yield* server.reader.pull
            assert.deepStrictEqual(numbersOf([got]), [2])
            assert.isTrue(got.message.multicast)
            // to be in it twice is none of the kinds there are names for, but these
            const twice = yield* kind(server.reader.joinMulticast({ group, interface: own }))
            assert.include(["Open AddressNotAvailable", "Open AddressInUse"], twice)
          })
        )
      }
    })
  )

  law("a group of one source is that, or is unsupported", () =>
    Effect.gen(function* () {
      const server = yield* open({ bind: { address: "0.0.0.0" } })
      const client = yield* open({ multicast: { interface: own } })
      const { port } = server.reader.address
      const address = NetAddress.inetAddressUnsafe(group, port)
      const joined = yield* Effect.exit(server.reader.joinMulticast({ group, interface: own, source: own }))
      if (Exit.isFailure(joined)) {
        assert.strictEqual(layerName, "native")
        return assert.strictEqual(
          yield* kind(server.reader.joinMulticast({ group, interface: own, source: own })),
          "Unsupported"
        )
      }
      yield* client.writer.write({ payload: numbered(1), address })
      assert.deepStrictEqual(yield* take(server.reader, 1), [1])
    })
  )

  law("the reader may be closed before the scope of a group", () =>
    Effect.gen(function* () {
      const groups = yield* Scope.make()
      const reader = yield* Scope.make()
      const server = yield* Scope.provide(open({ bind: { address: "0.0.0.0" } }), reader)
      yield* Scope.provide(server.reader.joinMulticast({ group, interface: own }), groups)
      yield* Scope.close(reader, Exit.void)
      yield* Scope.close(groups, Exit.void)
    })
  )
})
