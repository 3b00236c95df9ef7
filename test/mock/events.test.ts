import { Decorators, EventObject, TcpServer, TcpSocket, Winsock } from "@effect-winsock/core"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { loopback, start } from "../support/rig.ts"

/** A layer on virtual time, whose calls are recorded. */
const recorded = Effect.gen(function* () {
  // what could be answered at once pends: its end must be told
  const mock = yield* MockWinsock.make({ readyAnswer: "pending" })
  const recorder = Decorators.record()
  const winsock = yield* Winsock.make(recorder.decorate(mock.seam))
  return { mock, recorder, winsock }
})

describe("event objects in virtual time", () => {
  it.effect("a wait makes one call off the JS thread a second, and it keeps the process alive", () =>
    Effect.gen(function* () {
      const { mock, recorder, winsock } = yield* recorded
      const program = Effect.gen(function* () {
        const event = yield* EventObject.make
        const other = yield* EventObject.make
        yield* mock.settled
        assert.isFalse(yield* mock.keptAlive)
        const fibers = [yield* start(event.wait)]
        yield* mock.settled
        fibers.push(yield* start(other.wait))
        yield* mock.settled
        assert.isTrue(yield* mock.keptAlive)
        const away = () => recorder.of("WSAWaitForMultipleEvents").filter(({ origin }) => origin === "offThread").length
        const before = away()
        for (let i = 0; i < 20; i++) {
          yield* TestClock.adjust("1 second")
          yield* mock.settled
        }
        assert.isAtLeast(away() - before, 18)
        assert.isAtMost(away() - before, 22)
        yield* event.set
        yield* other.set
        yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
        yield* mock.settled
        assert.isFalse(yield* mock.keptAlive)
      })
      yield* Effect.scoped(program).pipe(Effect.provideService(Winsock.Winsock, winsock))
    })
  )

  it.effect("an event that is waited for later, or has no place in the call, is not kept waiting", () =>
    Effect.gen(function* () {
      const { mock, winsock } = yield* recorded
      const program = Effect.gen(function* () {
        const [first, later] = [yield* EventObject.make, yield* EventObject.make]
        const waiting = yield* start(first.wait)
        yield* mock.settled
        const late = yield* start(later.wait)
        yield* mock.settled
        yield* later.set
        yield* mock.settled
        yield* Fiber.join(late)
        const many = yield* Effect.all(Array.from({ length: 70 }, () => EventObject.make))
        const fibers = yield* Effect.forEach(many, (event) => start(event.wait))
        yield* mock.settled
        for (const [i, event] of many.entries()) {
          yield* event.set
          yield* TestClock.adjust("20 millis")
          yield* mock.settled
          assert.isDefined(fibers[i].pollUnsafe(), `the wait for event ${i}`)
        }
        yield* Fiber.interrupt(waiting)
      })
      yield* Effect.scoped(program).pipe(Effect.provideService(Winsock.Winsock, winsock))
    })
  )

  it.effect("a send by event has no packet, and none is looked for when it is over", () =>
    Effect.gen(function* () {
      const { mock, recorder, winsock } = yield* recorded
      const program = Effect.gen(function* () {
        const scope = yield* Scope.make()
        const server = yield* Scope.provide(TcpServer.listen(loopback, { acceptAhead: 1 }), scope)
        const client = yield* TcpSocket.connect(server.address)
        const accepted = yield* server.accept
        yield* Scope.close(scope, Exit.void)
        yield* mock.settled
        const packets = Effect.map(winsock.statistics, ({ pump }) => pump.packets)
        const before = yield* packets
        const event = yield* EventObject.make
        const send = yield* EventObject.beginSend(client, new Uint8Array(100), event)
        yield* event.wait
        assert.strictEqual(yield* send.result, 100)
        yield* mock.settled
        assert.strictEqual(yield* packets, before)
        const looks = recorder.count("GetQueuedCompletionStatusEx")
        yield* TestClock.adjust("1 minute")
        yield* mock.settled
        assert.strictEqual(recorder.count("GetQueuedCompletionStatusEx"), looks)
        assert.strictEqual((yield* accepted.receive).length, 100)
      })
      yield* Effect.scoped(program).pipe(Effect.provideService(Winsock.Winsock, winsock))
    })
  )
})
