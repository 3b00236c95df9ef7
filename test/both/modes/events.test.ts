// Completion by event: what is its own.
import { EventObject } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { WSA_WAIT_FAILED } from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { bind, law, lawInEachMode, numbered, numberOf, start } from "../../support/rig.ts"
import { inScope, listen, pair, text, utf8 } from "../../support/tcp.ts"
import { tag } from "../../support/udp.ts"

const completion = "event"
const wait = "WSAWaitForMultipleEvents"

describe("completion by event", () => {
  law(
    "more than the wait has places for: each is told of, those that it has and the rest",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const sockets = yield* Effect.forEach(Array.from({ length: 80 }), () => bind({ maxMessageSize: 8 }))
        const fibers = yield* Effect.forEach(sockets, ({ receive }) => start(receive))
        // until the wait is out with as many as it takes
        while (recorder.of(wait, (call) => call.origin === "offThread" && call.args.cEvents === 64).length === 0) {
          yield* Effect.sleep(1)
        }
        assert.strictEqual((yield* statistics).pending, 80)
        for (const [n, socket] of [...sockets.entries()].toReversed()) {
          yield* sockets[0].send(numbered(n), socket.address)
          if (n % 8 === 0) yield* Effect.sleep(1)
        }
        for (const [n, fiber] of fibers.entries()) assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        assert.isBelow(Math.max(...recorder.of(wait).map(({ args }) => args.cEvents)), 65)
      }),
    { completion }
  )

  law(
    "an event belongs to an OVERLAPPED for its life, and is kept for the next",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const { close, value: socket } = yield* inScope(bind())
        for (let n = 0; n < 5; n++) {
          const fiber = yield* start(socket.receive)
          yield* socket.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
        // one more is the wait's own
        assert.strictEqual(recorder.count("WSACreateEvent"), 2)
        yield* close
        const other = yield* bind()
        yield* Fiber.interrupt(yield* start(other.receive))
        assert.strictEqual(recorder.count("WSACreateEvent"), 2)
        assert.strictEqual((yield* statistics).handles.events, 2)
      }),
    { completion }
  )

  law(
    "results are asked for without waiting, once each",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(socket.receive)
          yield* Effect.sleep(5)
          yield* socket.send(numbered(n), socket.address)
          yield* Fiber.join(fiber)
        }
        const asked = recorder.of("WSAGetOverlappedResult")
        assert.deepStrictEqual(
          asked.map(({ args, lastError }) => [args.fWait, lastError]),
          [
            [0, undefined],
            [0, undefined],
            [0, undefined]
          ]
        )
      }),
    { completion }
  )

  law(
    "no thread waits while no fiber does, and what came meanwhile is there",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind({ lookAhead: 2, maxPosted: 2 })
        yield* socket.send(numbered(1), socket.address)
        yield* Effect.sleep(30)
        assert.strictEqual(
          recorder.count(wait, ({ origin }) => origin === "offThread"),
          0
        )
        assert.strictEqual(numberOf(yield* socket.receive), 1)
        const fiber = yield* start(socket.receive)
        while (recorder.count(wait, ({ origin }) => origin === "offThread") === 0) yield* Effect.sleep(1)
        yield* socket.send(numbered(2), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 2)
        // the thread is given back
        while (recorder.of(wait, (call) => call.origin === "offThread" && call.result === undefined).length > 0) {
          yield* Effect.sleep(1)
        }
        const waits = recorder.count(wait, ({ origin }) => origin === "offThread")
        yield* Effect.sleep(30)
        assert.strictEqual(
          recorder.count(wait, ({ origin }) => origin === "offThread"),
          waits
        )
      }),
    { completion }
  )

  law(
    "where no event can be made the wait fails, and holds nothing",
    ({ failing, statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const withdraw = failing.add({ call: "WSACreateEvent", code: 8 })
        assert.strictEqual(yield* tag(socket.receive), "OutOfMemory")
        const { pending, slots } = yield* statistics
        assert.deepStrictEqual([pending, slots.used, slots.allocated], [0, 0, 0])
        withdraw()
        const fiber = yield* start(socket.receive)
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 1)
      }),
    { completion }
  )

  /** Calls off the JS thread that wait for events cannot be made. */
  const refusing = (seam: Seam): Seam => ({
    ...seam,
    offThread: (name, args, done) => {
      if (name !== wait) return seam.offThread(name, args, done)
      seam.host.schedule(() => done(WSA_WAIT_FAILED as never, 164))
    }
  })
  law(
    "an off-thread wait that is refused: a timer looks instead",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 3; n++) {
          recorder.clear()
          const fiber = yield* start(socket.receive)
          while (recorder.count(wait, ({ origin }) => origin === "offThread") === 0) yield* Effect.sleep(1)
          yield* socket.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
      }),
    { completion, decorate: refusing }
  )

  law(
    "the layer is released while sends by events are under way on sockets of its own and of the port's",
    ({ release }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const open = Effect.all([bind({ lookAhead: 3 }), bind({ completion: "port" }), bind({ completion: "routine" })])
        const sockets = yield* Scope.provide(open, scope)
        const fibers = yield* Effect.forEach(sockets, ({ receive }) => start(tag(receive)))
        const server = yield* Scope.provide(listen(), scope)
        const connections = yield* Scope.provide(pair(server), scope)
        fibers.push(yield* start(tag(connections.client.receive)))
        yield* Effect.sleep(10)
        yield* release
        for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), "OperationAborted")
      }),
    { completion }
  )
})

describe("a program's own event", () => {
  lawInEachMode("tells of a send, whatever else tells of the connection's operations", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const { accepted, client } = yield* pair(server)
      const event = yield* EventObject.make
      for (const word of ["one", "two"]) {
        const receiving = yield* start(accepted.receive)
        const send = yield* EventObject.beginSend(client, utf8(word), event)
        yield* event.wait
        assert.strictEqual(yield* send.result, 3)
        assert.strictEqual(text(yield* Fiber.join(receiving)), word)
        yield* client.send(utf8("!"))
        assert.strictEqual(text(yield* accepted.receive), "!")
      }
    })
  )
})
