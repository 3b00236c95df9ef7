import type { UdpSocket } from "@effect-winsock/core/UdpSocket"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { bind, law, numbered, numberOf, start } from "../../support/rig.ts"
import { tag } from "../../support/udp.ts"

/** An address where nobody is. */
const nobody = Effect.scoped(Effect.map(bind(), ({ address }) => address))

const reports = ["ConnectionReset", "NetworkReset", "ConnectionRefused"]

describe("UdpSocket: a dead peer", () => {
  const loops: Record<string, (socket: UdpSocket) => Effect.Effect<ReadonlyArray<number>, unknown>> = {
    receive: (socket) => Effect.map(socket.receive, (message) => [numberOf(message)]),
    receiveEvent: (socket) =>
      Effect.map(socket.receiveEvent, (event) => ("_tag" in event ? assert.fail("a report") : [numberOf(event)])),
    pull: (socket) => Effect.map(socket.pull, (batch) => batch.map(numberOf))
  }
  for (const [name, loop] of Object.entries(loops)) {
    for (const lookAhead of [0, 2]) {
      law(`never breaks a loop of ${name} by default, with ${lookAhead} ahead`, () =>
        Effect.gen(function* () {
          const dead = yield* nobody
          const [socket, friend] = [yield* bind({ lookAhead }), yield* bind()]
          const got: Array<number> = []
          const fiber = yield* start(
            Effect.whileLoop({
              while: () => got.length < 5,
              body: () => loop(socket),
              step: (numbers) => got.push(...numbers)
            })
          )
          for (const n of [0, 1, 2, 3, 4]) {
            yield* socket.send(numbered(99), dead)
            yield* friend.send(numbered(n), socket.address)
            while (got.length <= n) yield* Effect.yieldNow
          }
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(got, [0, 1, 2, 3, 4])
        })
      )
    }
  }

  // under Wine a connected socket that met a dead peer hears nothing any more; it lacks SIO_UDP_NETRESET too
  const staysAlive = (socket: UdpSocket) =>
    Effect.map(socket.capabilities, ({ peerErrorsOff }) => peerErrorsOff.networkReset)

  law("neither when the socket is connected to it, whether it waits or comes late; nor does a send fail", () =>
    Effect.gen(function* () {
      const dead = yield* nobody
      for (const waits of [true, false]) {
        const [socket, friend] = [yield* bind(), yield* bind()]
        yield* socket.connect(dead)
        const fiber = waits ? yield* start(socket.receive) : undefined
        for (let i = 0; i < 40; i++) yield* socket.send(numbered(i))
        if (!(yield* staysAlive(socket))) continue
        // the peer comes to life
        yield* socket.connect(friend.address)
        yield* friend.send(numbered(7), socket.address)
        assert.strictEqual(numberOf(fiber === undefined ? yield* socket.receive : yield* Fiber.join(fiber)), 7)
      }
    })
  )

  law("with peerErrors its reports are errors of their own, or events, among the messages", () =>
    Effect.gen(function* () {
      const dead = yield* nobody
      const silent = yield* bind()
      const [socket, friend] = [yield* bind({ peerErrors: true }), yield* bind()]
      for (const n of [1, 2, 3]) {
        yield* socket.connect(dead)
        const fiber = yield* start(socket.receiveEvent)
        yield* socket.send(numbered(0))
        const event = yield* Fiber.join(fiber)
        if (!("_tag" in event)) return assert.fail("a message")
        assert.include(reports, event.error.reason._tag)
        assert.include(event.error.reason.meaning, "an earlier")
        if (!(yield* staysAlive(silent))) return
        const waiting = yield* start(n === 2 ? Effect.asVoid(socket.pull) : Effect.asVoid(socket.receive))
        yield* socket.send(numbered(0))
        assert.include(reports, yield* tag(Fiber.join(waiting)))
        yield* socket.connect(friend.address)
        yield* friend.send(numbered(n), socket.address)
        const next = yield* socket.receiveEvent
        assert.strictEqual("_tag" in next ? next._tag : numberOf(next), n)
      }
    })
  )
})
