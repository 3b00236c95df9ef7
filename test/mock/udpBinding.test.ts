import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { hosts } from "../support/hosts.ts"
import { numbered, numberOf, start } from "../support/rig.ts"
import { at, bytes, cameTo, from, pattern, tag } from "../support/udp.ts"

describe("UdpSocket: sharing ports", () => {
  hosts("a fixed port is exclusive unless it is to be shared, on both sides", ({ server }) =>
    Effect.gen(function* () {
      const bind = (reuseAddress: boolean | undefined, port: number) => server.bind("10.0.0.1", { reuseAddress }, port)
      yield* bind(undefined, 5000)
      assert.strictEqual(yield* tag(bind(undefined, 5000)), "AddressInUse")
      assert.strictEqual(yield* tag(bind(true, 5000)), "PermissionDenied")
      yield* bind(true, 5001)
      yield* bind(true, 5001)
      assert.strictEqual(yield* tag(bind(false, 5001)), "AddressInUse")
      // a failed bind leaves nothing
      assert.strictEqual((yield* server.mock.sockets).length, 3)
    })
  )

  hosts("nobody binds one address of an exclusive wildcard", ({ server }) =>
    Effect.gen(function* () {
      yield* server.bind("0.0.0.0", {}, 5000)
      for (const reuseAddress of [false, true]) {
        assert.strictEqual(yield* tag(server.bind("10.0.0.1", { reuseAddress }, 5000)), "PermissionDenied")
      }
      yield* server.bind("0.0.0.0", { reuseAddress: true }, 5001)
      yield* server.bind("10.0.0.1", { reuseAddress: true }, 5001)
    })
  )

  hosts("the port is free again when the scope has closed", ({ server }) =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        const { address } = yield* Effect.scoped(server.bind("10.0.0.1", {}, 5000))
        assert.strictEqual(address.port, 5000)
      }
    })
  )

  hosts("an address that is not the machine's own", ({ server }) =>
    Effect.gen(function* () {
      for (const ip of ["10.0.0.2", "192.0.2.1", "fd00::2"]) {
        assert.strictEqual(yield* tag(server.bind(ip)), "AddressNotAvailable")
      }
      assert.strictEqual((yield* server.mock.sockets).length, 0)
    })
  )

  hosts("a dual-stack socket takes the port of both families; one of IPv6 leaves that of IPv4", ({ server }) =>
    Effect.gen(function* () {
      yield* server.bind("::", { ipv6Only: false }, 5000)
      assert.strictEqual((yield* Effect.flip(server.bind("0.0.0.0", {}, 5000))).reason._tag, "AddressInUse")
      yield* server.bind("::", {}, 5001)
      yield* server.bind("0.0.0.0", {}, 5001)
    })
  )
})

describe("UdpSocket: where a datagram came to and left from, between machines", () => {
  hosts("each address of each interface is told", ({ client, server }) =>
    Effect.gen(function* () {
      const v4 = yield* client.bind("10.0.0.2")
      const v6 = yield* client.bind("fd00::2")
      const dual = yield* server.bind("::", { ipv6Only: false, control: { packetInfo: "required" } })
      for (const place of ["10.0.0.1%7", "10.0.0.101%7", "10.0.1.1%8", "fd00::1%7", "fd00::101%7"]) {
        const [ip] = place.split("%")
        const sender = ip.includes(":") ? v6 : v4
        yield* sender.send(numbered(1), at(ip, dual.address.port))
        const message = yield* dual.receive
        assert.strictEqual(cameTo(message), place)
        assert.strictEqual(from(message), ip.includes(":") ? "fd00::2" : "::ffff:10.0.0.2")
      }
    })
  )

  hosts("to nobody it is sent all the same", ({ server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1")
      yield* socket.send(bytes(1), at("10.0.0.77", 9))
      assert.strictEqual(yield* tag(socket.send(bytes(1), at("10.0.0.255", 9))), "PermissionDenied")
    })
  )

  hosts("IPv6 carries 65,527 bytes", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("fd00::1")
      const friend = yield* client.bind("fd00::2")
      yield* friend.send(pattern(65_527), socket.address)
      const { payload, truncated } = yield* socket.receive
      assert.deepStrictEqual([payload.length, truncated], [65_527, false])
      assert.isTrue(payload.every((byte, i) => byte === i % 251))
    })
  )
})

describe("UdpSocket: a full send buffer", () => {
  hosts("sends wait for room in order, and another is served meanwhile", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1")
      const friend = yield* client.bind("10.0.0.2")
      const big = pattern(60_000)
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* server.mock.hold
          const fiber = yield* start(
            socket.sendAll([0, 1, 2, 3].map((n) => ({ payload: [numbered(n), big], to: friend.address })))
          )
          yield* friend.send(numbered(9), socket.address)
          for (let i = 0; i < 10; i++) yield* Effect.yieldNow
          assert.isUndefined(fiber.pollUnsafe())
          return fiber
        })
      )
      const got = yield* Stream.runCollect(Stream.take(friend.messages, 4))
      assert.deepStrictEqual(got.map(numberOf), [0, 1, 2, 3])
      yield* Fiber.join(fiber)
      assert.strictEqual(numberOf(yield* socket.receive), 9)
    })
  )
})
