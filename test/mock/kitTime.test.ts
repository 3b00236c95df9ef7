import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"

const at = (ip: string, port = 0) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

describe("virtual time in steps", () => {
  // a router between the two: 10 ms to it, and 10 ms from it
  const routed = MockNetwork.make({
    hosts: MockNetwork.twoHosts,
    routes: [{ between: ["client", "server"], routers: [["10.0.0.254"]], delay: 10 }]
  })

  it.effect("what comes on the way is answered at its time, and the answer comes at its own", () =>
    Effect.gen(function* () {
      const { hosts } = yield* routed
      const server = Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.1", 7))
        const message = yield* socket.receive
        const came = yield* Clock.currentTimeMillis
        yield* Effect.sleep(5)
        yield* socket.send(message.payload, message.from)
        return came
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.server)))
      const client = Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.2"))
        yield* Effect.sleep(3)
        yield* socket.send(new Uint8Array(1), at("10.0.0.1", 7))
        yield* socket.receive
        return yield* Clock.currentTimeMillis
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
      const fibers = [yield* Effect.forkChild(server), yield* Effect.forkChild(client)]
      yield* hosts.client.advance("10 minutes")
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [23, 48])
      assert.strictEqual(yield* Clock.currentTimeMillis, 600_000)
    })
  )

  it.effect("the machine of a layer: settled and advance", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("127.0.0.1"))
      const fiber = yield* Effect.forkChild(Effect.timeoutOption(socket.receive, "10 minutes"))
      yield* MockWinsock.advance("10 minutes")
      assert.strictEqual(fiber.pollUnsafe()?._tag, "Success")
      yield* socket.send(new Uint8Array(7), socket.address)
      yield* MockWinsock.settled
      assert.strictEqual((yield* socket.receive).payload.length, 7)
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )

  it.effect("an infinite time is refused, and none is none", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(MockWinsock.advance("Infinity"))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "finite")
      yield* MockWinsock.advance(0)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(Effect.provide(MockWinsock.layerLoopback))
  )

  it.live("under the clock of the host it sleeps", () =>
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* MockWinsock.advance(20)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - before, 19)
    }).pipe(Effect.provide(MockWinsock.layerLoopback))
  )
})
