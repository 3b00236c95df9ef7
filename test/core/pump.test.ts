import { assert, describe, it } from "@effect/vitest"
import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { MockWinsock } from "@effect-winsock/mock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { loopback, numbered, numberOf, start } from "../support/rig.ts"

interface Options {
  readonly mock?: MockWinsock.Options
  readonly decorate?: (seam: Seam) => Seam
}

/** A socket over a mock whose host can be looked at. */
const setUp = Effect.fnUntraced(function* ({ decorate = (seam) => seam, mock: behaviour = {} }: Options = {}) {
  const mock = yield* MockWinsock.make(behaviour)
  const scope = yield* Scope.make()
  const close = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => close)
  const winsock = yield* Scope.provide(Winsock.make(decorate(mock.seam)), scope)
  const bind = Effect.provideService(UdpSocket.bind(loopback), Winsock.Winsock, winsock)
  const socket = yield* Scope.provide(bind, scope)
  return { mock, socket, close, winsock }
})

const posted = (mock: MockWinsock.Mock) =>
  Effect.map(
    mock.trace,
    (trace) => trace.filter((event) => event._tag === "Call" && event.name === "PostQueuedCompletionStatus").length
  )

describe("the pump", () => {
  it.effect("keeps the process alive while a fiber waits, and only then", () =>
    Effect.gen(function* () {
      const { mock, socket } = yield* setUp()
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      assert.isTrue(yield* mock.keptAlive)
      yield* Fiber.interrupt(fiber)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
      const again = yield* start(socket.receive)
      yield* socket.send(numbered(1), socket.address)
      yield* Fiber.join(again)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
    })
  )

  it.effect("wakes the call that waits off the JS thread when the process exits", () =>
    Effect.gen(function* () {
      const { mock, socket } = yield* setUp()
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      yield* mock.clearTrace
      yield* mock.exit
      assert.strictEqual(yield* posted(mock), 1)
      yield* Fiber.interrupt(fiber)
      // nobody waits, and no call is out: there is nothing to wake
      yield* mock.settled
      yield* mock.clearTrace
      yield* mock.exit
      assert.strictEqual(yield* posted(mock), 0)
    })
  )

  it.effect("makes no call off the JS thread while nobody waits, although a receive is posted", () =>
    Effect.gen(function* () {
      const { mock, socket, winsock } = yield* setUp()
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      yield* Fiber.interrupt(fiber)
      yield* mock.settled
      const { wakeups } = (yield* winsock.statistics).pump
      yield* TestClock.adjust("10 seconds")
      yield* mock.settled
      assert.strictEqual((yield* winsock.statistics).pump.wakeups, wakeups)
    })
  )

  it.effect("looks by timer while no thread is free to make the call that waits", () =>
    Effect.gen(function* () {
      let waiting: () => void = () => {}
      const { mock, socket } = yield* setUp({
        decorate: (seam) => ({
          ...seam,
          host: { ...seam.host, pollInterval: 10 },
          // in the queue of a pool whose threads are all busy
          offThread: (...call) => {
            waiting = () => seam.offThread(...call)
          }
        })
      })
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      yield* socket.send(numbered(3), socket.address)
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 millis")
      yield* mock.settled
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 3)
      waiting()
    })
  )

  it.effect("a wake-up that is lost costs at most the second that a wait lasts", () =>
    Effect.gen(function* () {
      const { close, mock, socket } = yield* setUp()
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      yield* mock.fault({ call: "PostQueuedCompletionStatus", code: 8 })
      yield* Fiber.interrupt(fiber)
      const closing = yield* start(close)
      yield* mock.settled
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* mock.settled
      assert.isDefined(closing.pollUnsafe())
    })
  )
})
