import { UdpSocket } from "@effect-winsock/core"
import type { Recorder } from "@effect-winsock/core/Decorators"
import type { Seam } from "@effect-winsock/core/Seam"
import type { MockWinsock } from "@effect-winsock/mock"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { ModeOptions, RigOptions } from "../../support/rig.ts"
import {
  bind,
  interruptSoon,
  law as lawByPort,
  lawInEachMode as law,
  layerName,
  loopback,
  numbered,
  numberOf,
  start
} from "../../support/rig.ts"

/** A datagram of eight bytes that carries a number in the first four. */
const long = (n: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  bytes.set(numbered(n))
  return bytes
}

// what a receive answers when the message that is there is too large for it: the real DLL has its own way
const answers: ReadonlyArray<NonNullable<MockWinsock.Behaviour["truncationAnswer"]>> =
  layerName === "mock" ? ["pending", "emsgsize+packet", "emsgsize-only"] : ["pending"]

/** Whether a receive has failed with WSAEMSGSIZE, so that it is not known if a packet follows. */
const undecided = (recorder: Recorder) =>
  recorder.count("WSARecvMsg", (c) => c.args.lpOverlapped !== 0 && c.lastError === 10_040) > 0

for (const answer of answers) {
  const name = layerName === "mock" ? `${answer}: ` : ""
  const mock = { truncationAnswer: answer, delivery: "immediate" } as const
  const options: RigOptions = { mock }
  // the alertable wait that runs no routine decides, and a gate would only hold the routine back from it
  const undecidable: ModeOptions = { mock, modes: ["port", "event"] }

  describe(`${name}messages larger than the buffer`, () => {
    for (const way of ["receive", "pull"] as const) {
      law(
        `${way} cuts them and says so, in order, however many are there before`,
        ({ recorder, statistics }) =>
          Effect.gen(function* () {
            const socket = yield* bind({ maxMessageSize: 4, batch: 3 })
            const total = 100
            for (let n = 0; n < total; n++) yield* socket.send(n % 3 === 0 ? numbered(n) : long(n), socket.address)
            const got: Array<number> = []
            while (got.length < total) {
              for (const message of way === "pull" ? yield* socket.pull : [yield* socket.receive]) {
                assert.strictEqual(message.truncated, numberOf(message) % 3 !== 0)
                assert.strictEqual(message.payload.length, 4)
                got.push(numberOf(message))
              }
            }
            assert.deepStrictEqual(
              got,
              Array.from({ length: total }, (_, i) => i)
            )
            // one that is there before each receive is posted
            for (let n = 0; n < 5; n++) {
              yield* Fiber.interrupt(yield* start(socket.receive))
              yield* socket.send(long(n), socket.address)
              assert.strictEqual(numberOf(yield* socket.receive), n)
            }
            while ((yield* statistics).slots.used > 0) yield* Effect.yieldNow
            if (layerName === "mock" && answer !== "pending") assert.isTrue(undecided(recorder))
          }),
        options
      )
    }

    law(
      "are errors on request, each in its place",
      () =>
        Effect.gen(function* () {
          const socket = yield* bind({ maxMessageSize: 4, truncation: "fail" })
          for (let n = 0; n < 12; n++) yield* socket.send(n % 2 === 0 ? numbered(n) : long(n), socket.address)
          for (let n = 0; n < 12; n++) {
            const exit = yield* Effect.exit(n % 4 < 2 ? socket.receive : Effect.map(socket.pull, ([one]) => one))
            if (n % 2 === 0) assert.strictEqual(Exit.isSuccess(exit) ? numberOf(exit.value) : -1, n)
            else assert.strictEqual((yield* Effect.flip(exit)).reason._tag, "MessageTooLarge")
          }
        }),
      options
    )

    law(
      "an interruption while it is undecided loses nothing",
      ({ gate, statistics }) =>
        Effect.gen(function* () {
          const socket = yield* bind({ maxMessageSize: 4 })
          for (const n of [1, 2]) yield* socket.send(long(n), socket.address)
          gate.close()
          const first = yield* start(socket.receive)
          yield* gate.awaitHeld(1)
          yield* interruptSoon(first)
          assert.isUndefined(first.pollUnsafe())
          const second = yield* start(socket.receive)
          gate.open()
          assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(first)))
          const message = yield* Fiber.join(second)
          assert.deepStrictEqual([numberOf(message), message.truncated], [1, true])
          assert.strictEqual(numberOf(yield* socket.receive), 2)
          assert.strictEqual((yield* statistics).recovered, 1)
        }),
      undecidable
    )

    law(
      "closing while it is undecided ends, and counts it as discarded",
      ({ gate, statistics }) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const socket = yield* Scope.provide(UdpSocket.bind(loopback, { maxMessageSize: 4 }), scope)
          yield* socket.send(long(1), socket.address)
          gate.close()
          const waiter = yield* start(Effect.flip(socket.receive))
          yield* gate.awaitHeld(1)
          const closing = yield* start(Scope.close(scope, Exit.void))
          assert.isUndefined(closing.pollUnsafe())
          gate.open()
          yield* Fiber.join(closing)
          assert.strictEqual((yield* Fiber.join(waiter)).reason._tag, "OperationAborted")
          const after = yield* statistics
          assert.deepStrictEqual([after.discarded, after.pending, after.slots.used, after.inbox], [1, 0, 0, 0])
        }),
      undecidable
    )

    lawByPort(
      "the provider refuses the packet that would decide: the call's own answer is the result, once",
      ({ failing, recorder, statistics }) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const socket = yield* Scope.provide(UdpSocket.bind(loopback, { maxMessageSize: 4 }), scope)
          const withdraw = failing.add({
            call: "PostQueuedCompletionStatus",
            when: (args) => args.lpOverlapped !== 0,
            code: 8
          })
          for (let n = 0; n < 6; n++) {
            yield* socket.send(long(n), socket.address)
            if (n === 4) withdraw()
            const message = yield* socket.receive
            assert.deepStrictEqual([numberOf(message), message.truncated], [n, true])
          }
          assert.strictEqual(failing.count > 0, undecided(recorder))
          assert.strictEqual((yield* statistics).pending, 0)
          yield* Scope.close(scope, Exit.void)
        }),
      // the memory of what is not decided is never used again
      { mock: { ...mock, guard: "collect" } }
    )
  })
}

/** Keeps off-thread calls from starting, as a pool whose threads are all busy does. */
const starver = () => {
  let held: Array<() => void> | undefined
  const decorate = (seam: Seam): Seam => ({
    ...seam,
    host: { ...seam.host, pollInterval: 1 },
    offThread: (name, args, done) => {
      const call = () => seam.offThread(name, args, done)
      if (held === undefined) call()
      else held.push(call)
    }
  })
  return {
    decorate,
    starve: () => {
      held = []
    },
    feed: () => {
      const calls = held ?? []
      held = undefined
      for (const call of calls) call()
    }
  }
}

describe("a sentinel that the event loop dequeues while the off-thread wait is out", () => {
  const threads = starver()
  for (const answer of answers) {
    lawByPort(
      `waits for it, and wakes it: ${answer}`,
      ({ recorder, statistics }) =>
        Effect.gen(function* () {
          const socket = yield* bind({ maxMessageSize: 4 })
          const other = yield* bind()
          const dequeues = (origin: "offThread" | "export") =>
            recorder.of("GetQueuedCompletionStatusEx", (c) => c.origin === origin)
          threads.starve()
          yield* Effect.addFinalizer(() => Effect.sync(threads.feed))
          const bystander = yield* start(other.receive)
          while (dequeues("offThread").length === 0) yield* Effect.yieldNow
          yield* socket.send(long(1), socket.address)
          const fiber = yield* start(socket.receive)
          // the timer looks, and looks again behind the sentinel
          const { packets } = (yield* statistics).pump
          while ((yield* statistics).pump.packets === packets) yield* Effect.yieldNow
          const looks = dequeues("export").length
          while (dequeues("export").length < looks + 3) yield* Effect.yieldNow
          const alone = layerName === "mock" && answer === "emsgsize-only"
          assert.strictEqual(fiber.pollUnsafe() === undefined, alone)
          recorder.clear()
          threads.feed()
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 1)
          // the wake-up that was posted for it was not taken from it
          if (alone)
            assert.strictEqual(
              recorder.count("GetQueuedCompletionStatusEx", (c) => c.lastError === 258),
              0
            )
          yield* other.send(numbered(2), other.address)
          assert.strictEqual(numberOf(yield* Fiber.join(bystander)), 2)
        }),
      { decorate: threads.decorate, mock: { truncationAnswer: answer, delivery: "immediate" } }
    )
  }
})
