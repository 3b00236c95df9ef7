import { assert, describe } from "@effect/vitest"
import { ERROR_NOT_FOUND } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { bind, interruptSoon, lawInEachMode as law, numbered, numberOf, start } from "../../support/rig.ts"

describe("L1: an interruption makes at most one cancel call", () => {
  law(
    "the only waiter's receive is cancelled once, and the next message is the next waiter's",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        yield* Fiber.interrupt(fiber)
        const [cancel, ...more] = recorder.of("CancelIoEx")
        const [post] = recorder.of("WSARecvMsg")
        assert.strictEqual(more.length, 0)
        assert.strictEqual(cancel.args.lpOverlapped, post.args.lpOverlapped)
        assert.strictEqual(cancel.args.hFile, post.args.s)
        const after = yield* statistics
        assert.deepStrictEqual([after.pending, after.waiters, after.slots.used], [0, 0, 0])
        assert.strictEqual(after.operations.receive.aborted, 1)
        yield* socket.send(numbered(7), socket.address)
        assert.strictEqual(numberOf(yield* socket.receive), 7)
      })
  )

  law("the newest receive is cancelled, whoever is interrupted, and no other waiter notices", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const older = yield* start(socket.receive)
      const younger = yield* start(socket.receive)
      const posts = recorder.of("WSARecvMsg")
      assert.strictEqual(posts.length, 2)
      yield* Fiber.interrupt(older)
      const cancels = recorder.of("CancelIoEx")
      assert.strictEqual(cancels.length, 1)
      assert.strictEqual(cancels[0].args.lpOverlapped, posts[1].args.lpOverlapped)
      assert.isUndefined(younger.pollUnsafe())
      yield* socket.send(numbered(1), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(younger)), 1)
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
    })
  )

  law("none when the receives posted are no more than those who still wait", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxPosted: 2 })
      const fibers = yield* Effect.forEach([0, 1, 2, 3], () => start(socket.receive))
      assert.strictEqual(recorder.count("WSARecvMsg"), 2)
      yield* Fiber.interrupt(fibers[0])
      yield* Fiber.interrupt(fibers[3])
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      yield* Fiber.interrupt(fibers[1])
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      yield* socket.send(numbered(5), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(fibers[2])), 5)
    })
  )

  law("none when the look-ahead wants the receive anyway", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ lookAhead: 1, maxPosted: 1 })
      const fiber = yield* start(socket.receive)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      yield* socket.send(numbered(9), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 9)
    })
  )

  law("each of many interruptions at once cancels another receive", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () => start(socket.receive))
      const survivor = yield* start(socket.receive)
      yield* Fiber.interruptAll(fibers)
      const cancelled = recorder.of("CancelIoEx").map((call) => call.args.lpOverlapped)
      assert.strictEqual(cancelled.length, 50)
      assert.strictEqual(new Set(cancelled).size, 50)
      assert.strictEqual((yield* statistics).pending, 1)
      yield* socket.send(numbered(3), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(survivor)), 3)
    })
  )

  law("it ends when that completion was seen, and only then is the memory free", ({ gate, recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fiber = yield* start(socket.receive)
      gate.close()
      yield* interruptSoon(fiber)
      yield* gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* statistics).slots.used, 1)
      gate.open()
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.strictEqual((yield* statistics).slots.used, 0)
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
    })
  )

  law("timeout and race take the same path", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const late = yield* Effect.timeoutOption(socket.receive, "5 millis")
      assert.strictEqual(late._tag, "None")
      const winner = yield* Effect.race(socket.receive, Effect.as(Effect.yieldNow, "other"))
      assert.strictEqual(winner, "other")
      assert.strictEqual(recorder.count("CancelIoEx"), 2)
      assert.strictEqual((yield* statistics).pending, 0)
      yield* socket.send(numbered(2), socket.address)
      assert.strictEqual(numberOf(yield* Effect.timeout(socket.receive, "10 seconds")), 2)
    })
  )
})

describe("L2: a cancelled operation that completed anyway loses nothing", () => {
  law("a message that came before the cancel is the next receive's, in order", ({ gate, recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fiber = yield* start(socket.receive)
      gate.close()
      yield* socket.send(numbered(1), socket.address)
      yield* gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      const [cancel] = recorder.of("CancelIoEx")
      assert.strictEqual(cancel.lastError, ERROR_NOT_FOUND)
      assert.isUndefined(fiber.pollUnsafe())
      gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      yield* socket.send(numbered(2), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 1)
      assert.strictEqual(numberOf(yield* socket.receive), 2)
      assert.strictEqual((yield* statistics).recovered, 1)
    })
  )

  law("the waiter that is left gets the oldest message, whichever receive it came through", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const first = yield* start(socket.receive)
      const second = yield* start(socket.receive)
      gate.close()
      yield* socket.send(numbered(1), socket.address)
      yield* socket.send(numbered(2), socket.address)
      yield* gate.awaitHeld(2)
      yield* interruptSoon(first)
      gate.open()
      assert.strictEqual(numberOf(yield* Fiber.join(second)), 1)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(first)))
      assert.strictEqual(numberOf(yield* socket.receive), 2)
      assert.strictEqual((yield* statistics).recovered, 1)
    })
  )

  law("a message waits for a cancelled receive that was posted before it", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      // the cancelled receive is younger than the one that waits, but a new one is posted behind it
      const older = yield* start(socket.receive)
      const younger = yield* start(socket.receive)
      gate.close()
      yield* interruptSoon(younger)
      yield* gate.awaitHeld(1)
      const newest = yield* start(socket.receive)
      for (const n of [1, 2]) yield* socket.send(numbered(n), socket.address)
      yield* gate.awaitHeld(3)
      gate.open()
      assert.strictEqual(numberOf(yield* Fiber.join(older)), 1)
      assert.strictEqual(numberOf(yield* Fiber.join(newest)), 2)
      yield* Fiber.await(younger)
      assert.strictEqual((yield* statistics).operations.receive.aborted, 1)
    })
  )

  law("a send that completed anyway counts as sent", ({ failing, gate, recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      // no room at first: the send becomes an overlapped one
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, code: 10035 })
      gate.close()
      const fiber = yield* start(socket.send(numbered(4), peer.address))
      yield* gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      assert.isUndefined(fiber.pollUnsafe())
      gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(numberOf(yield* peer.receive), 4)
      const { operations, recovered } = yield* statistics
      assert.deepStrictEqual([operations.send.completed, operations.send.aborted, recovered], [1, 0, 1])
    })
  )

  law("overlapped sends keep their order, and later ones queue behind them", ({ failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth: 1, code: 10035 })
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => start(socket.send(numbered(n), peer.address)))
      yield* Effect.forEach(fibers, Fiber.join)
      for (const n of [1, 2, 3]) assert.strictEqual(numberOf(yield* peer.receive), n)
    })
  )
})

describe("L8: an interruption before the call makes no call", () => {
  law("of a fiber that has not started", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fiber = yield* Effect.forkChild(socket.receive)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(recorder.count("WSARecvMsg"), 0)
    })
  )

  law("of a fiber that interrupted itself in the step before", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      for (const effect of [socket.receive, socket.pull, socket.send(numbered(1), peer.address)]) {
        const fiber = yield* start(
          Effect.andThen(
            Effect.sync(() => Fiber.getCurrent()!.interruptUnsafe()),
            effect
          )
        )
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }
      assert.strictEqual(recorder.count("WSARecvMsg") + recorder.count("WSASendMsg"), 0)
    })
  )

  law(
    "and an interruption that waits for the end of an uninterruptible region lets the call complete",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        let got = -1
        const fiber = yield* start(
          Effect.uninterruptible(Effect.tap(socket.receive, (message) => Effect.sync(() => (got = numberOf(message)))))
        )
        yield* interruptSoon(fiber)
        yield* socket.send(numbered(6), socket.address)
        yield* Fiber.await(fiber)
        assert.strictEqual(got, 6)
        assert.strictEqual(recorder.count("CancelIoEx"), 0)
      })
  )
})
