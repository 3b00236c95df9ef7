import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Winsock from "@effect-winsock/core/Winsock"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"

const at = (ip: string, port = 0) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)
const text = (message: { readonly payload: Uint8Array }) => String.fromCharCode(...message.payload)
const bytes = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0))

describe("the layers", () => {
  it.effect("layerLoopback: a receive times out on the virtual clock, and the late datagram is kept", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const socket = yield* UdpSocket.bind(at("127.0.0.1"))
      const fiber = yield* Effect.forkChild(Effect.timeoutOption(socket.receive, "10 minutes"), {
        startImmediately: true
      })
      yield* TestClock.adjust("5 minutes")
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      assert.isTrue(yield* mock.keptAlive)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
      yield* socket.send(bytes("late"), socket.address)
      assert.strictEqual(text(yield* socket.receive), "late")
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )

  it.effect("two machines: each program has its own Winsock", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      const server = Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.1", 7))
        const message = yield* socket.receive
        yield* socket.send(message.payload, message.from)
        yield* hosts.server.settled
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.server)))
      const client = Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.2"))
        yield* socket.send(bytes("there and back"), at("10.0.0.1", 7))
        return text(yield* socket.receive)
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
      const echo = yield* Effect.forkChild(server, { startImmediately: true })
      assert.strictEqual(yield* client, "there and back")
      yield* Fiber.join(echo)
      assert.deepStrictEqual(yield* hosts.server.guard, [])
    })
  )

  it.effect("the release dies of what the guard found", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.provide(
          Effect.flatMap(Winsock.Winsock, ({ seam }) => Effect.sync(() => seam.memory.alloc(8))),
          MockWinsock.layerLoopback
        )
      )
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "1 blocks of memory are allocated")
    })
  )

  it.effect("decorate puts something around the seam", () =>
    Effect.gen(function* () {
      const { seam } = yield* Winsock.Winsock
      assert.strictEqual(seam.name, "decorated")
    }).pipe(Effect.provide(MockWinsock.layer({ decorate: (seam) => ({ ...seam, name: "decorated" }) })))
  )

  // the test clock complains of time that nobody advances: a parked pump is no such thing
  it.live("a parked pump does not make the test clock complain", () =>
    Effect.gen(function* () {
      const complaints: Array<unknown> = []
      const log = (...line: ReadonlyArray<unknown>): void => {
        complaints.push(line)
      }
      const parked = Effect.gen(function* () {
        const mock = yield* MockWinsock.MockWinsock
        const socket = yield* UdpSocket.bind(at("127.0.0.1"))
        const fiber = yield* Effect.forkChild(socket.receive, { startImmediately: true })
        yield* mock.settled
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
      const forgotten = Effect.gen(function* () {
        const mock = yield* MockWinsock.make()
        const fiber = yield* Effect.forkChild(Effect.sleep("1 second"), { startImmediately: true })
        yield* mock.settled
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.scoped)
      const complaintsOf = (program: Effect.Effect<void, unknown>) =>
        Effect.map(
          program.pipe(
            Effect.provide(TestClock.layer({ warningDelay: 0 })),
            Effect.provideService(Console.Console, { ...console, log })
          ),
          () => complaints.splice(0).length
        )
      assert.strictEqual(yield* complaintsOf(parked), 0)
      // so that silence means something
      assert.strictEqual(yield* complaintsOf(forgotten), 1)
    })
  )
})
