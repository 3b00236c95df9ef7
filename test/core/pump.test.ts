import { assert, describe, it } from "@effect/vitest"
import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { MockWinsock } from "@effect-winsock/mock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { scribbler } from "../support/hostile.ts"
import { loopback, numbered, numberOf, start } from "../support/rig.ts"

type Dequeue = Parameters<Seam["calls"]["GetQueuedCompletionStatusEx"]>

interface Options {
  readonly mock?: MockWinsock.Options
  readonly socket?: UdpSocket.Options
  readonly decorate?: (seam: Seam) => Seam
}

/** A socket over a mock whose host can be looked at. */
const setUp = Effect.fnUntraced(function* (options: Options = {}) {
  const { decorate = (seam: Seam) => seam } = options
  const mock = yield* MockWinsock.make(options.mock)
  const scope = yield* Scope.make()
  const close = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => close)
  const winsock = yield* Scope.provide(Winsock.make(decorate(mock.seam)), scope)
  const bind = (of?: UdpSocket.Options) =>
    Scope.provide(Effect.provideService(UdpSocket.bind(loopback, of), Winsock.Winsock, winsock), scope)
  const socket = yield* bind(options.socket)
  return { bind, mock, socket, close, winsock }
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
      const { mock, socket, winsock } = yield* setUp({ socket: { lookAhead: 1 } })
      yield* mock.settled
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust("1 second")
        yield* mock.settled
      }
      const { pending, pump } = yield* winsock.statistics
      assert.deepStrictEqual({ pending, wakeups: pump.wakeups }, { pending: 1, wakeups: 0 })
      // but looks now and then
      yield* socket.send(numbered(2), socket.address)
      yield* mock.settled
      yield* TestClock.adjust("10 millis")
      yield* mock.settled
      assert.strictEqual((yield* winsock.statistics).inbox, 1)
    })
  )

  it.effect("does not make a call off the JS thread that was refused again at once", () =>
    Effect.gen(function* () {
      let calls = 0
      const { mock, socket } = yield* setUp({
        decorate: (seam) => ({
          ...seam,
          offThread: (_name, _args, done) => {
            calls++
            // ERROR_NO_SYSTEM_RESOURCES
            seam.host.schedule(() => done(0 as never, 1450))
          }
        })
      })
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      assert.strictEqual(calls, 1)
      yield* socket.send(numbered(4), socket.address)
      yield* TestClock.adjust("10 millis")
      yield* mock.settled
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 4)
    })
  )

  it.effect("believes a sentinel only when the call off the JS thread cannot hold the packet before it", () =>
    Effect.gen(function* () {
      let take: () => void = () => {}
      let report: () => void = () => {}
      const { bind, mock, socket } = yield* setUp({
        mock: { truncationAnswer: "emsgsize+packet" },
        decorate: (seam) => ({
          ...seam,
          host: { ...seam.host, pollInterval: 10 },
          // its thread takes one packet, and reports it when it is told to
          offThread: (name, args, done) => {
            assert.strictEqual(name, "GetQueuedCompletionStatusEx")
            const [port, entries, , removed] = args as unknown as Dequeue
            take = () => void seam.calls.GetQueuedCompletionStatusEx(port, entries, 1, removed, 0, 0)
            report = () => done(1 as never, 0)
          }
        })
      })
      const other = yield* bind({ maxMessageSize: 4 })
      const bystander = yield* start(socket.receive)
      yield* mock.settled
      yield* socket.send(new Uint8Array(8), other.address)
      yield* mock.settled
      const fiber = yield* start(other.receive)
      take()
      yield* TestClock.adjust("10 millis")
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      report()
      yield* mock.settled
      assert.isTrue((yield* Fiber.join(fiber)).truncated)
      yield* socket.send(numbered(1), socket.address)
      yield* mock.settled
      take()
      report()
      yield* mock.settled
      assert.strictEqual(numberOf(yield* Fiber.join(bystander)), 1)
    })
  )

  it.effect("takes no more packets than it made room for, whatever the kernel says", () =>
    Effect.gen(function* () {
      const scribbles = scribbler()
      const { mock, socket } = yield* setUp({ decorate: scribbles.decorate })
      const fiber = yield* start(socket.receive)
      scribbles.once((dequeued) => {
        dequeued.removed = 2 ** 32 - 1
      })
      yield* socket.send(numbered(5), socket.address)
      yield* mock.settled
      assert.isFalse(scribbles.pending)
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 5)
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
