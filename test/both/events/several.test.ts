// Waiting for several events at once, and events whose signals are for one.
import { EventObject } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { interruptSoon, law, random, start } from "../../support/rig.ts"
import { inScope } from "../../support/tcp.ts"
import { refuses, tag } from "../../support/udp.ts"

const wait = "WSAWaitForMultipleEvents"

const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

const several = (n: number) => Effect.all(Array.from({ length: n }, () => EventObject.make))

describe("waitAny", () => {
  law("ends with the first that is signalled, and says which", ({ winsock }) =>
    Effect.gen(function* () {
      const events = yield* several(3)
      const fiber = yield* start(EventObject.waitAny(events))
      yield* turns(5)
      assert.isUndefined(fiber.pollUnsafe())
      // as the kernel does, without telling the library
      winsock.seam.calls.WSASetEvent(events[2].handle)
      assert.strictEqual(yield* Fiber.join(fiber), 2)
      yield* events[1].set
      assert.strictEqual(yield* EventObject.waitAny(events), 1)
    })
  )

  law("sees a signal that is taken back at once", () =>
    Effect.gen(function* () {
      const events = yield* several(2)
      const fiber = yield* start(EventObject.waitAny(events))
      yield* events[1].set
      yield* events[1].reset
      assert.strictEqual(yield* Fiber.join(fiber), 1)
    })
  )

  law("more than one call takes, in groups", ({ recorder, winsock }) =>
    Effect.gen(function* () {
      const events = yield* several(150)
      const fiber = yield* start(EventObject.waitAny(events))
      yield* turns(5)
      winsock.seam.calls.WSASetEvent(events[140].handle)
      assert.strictEqual(yield* Fiber.join(fiber), 140)
      const away = recorder.of(wait, ({ origin }) => origin === "offThread")
      assert.isAbove(away.length, 0)
      assert.isTrue(away.every(({ args }) => args.cEvents <= 64))
      // never two at once
      assert.isAtMost(away.filter(({ result }) => result === undefined).length, 1)
    })
  )

  law("a timeout, and an interruption", ({ statistics }) =>
    Effect.gen(function* () {
      const events = yield* several(2)
      assert.strictEqual(yield* tag(EventObject.waitAny(events, { timeout: 20 })), "TimedOut")
      const fiber = yield* start(EventObject.waitAny(events))
      yield* turns(2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* statistics).waiters, 0)
      yield* events[0].set
      assert.strictEqual(yield* EventObject.waitAny(events, { timeout: "1 second" }), 0)
    })
  )

  law("refuses what cannot be, and ends when one is closed", () =>
    Effect.gen(function* () {
      const { close, value: closed } = yield* inScope(EventObject.make)
      const event = yield* EventObject.make
      yield* refuses(EventObject.waitAny([]), "events.length", 0)
      yield* refuses(EventObject.waitAny([event, event]), "events.length", 2)
      const other = { ...event } as EventObject.EventObject
      yield* refuses(EventObject.waitAny([other]), "events", other)
      const fiber = yield* start(EventObject.waitAny([event, closed]))
      yield* turns(3)
      yield* close
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
      assert.strictEqual(yield* tag(EventObject.waitAny([event, closed])), "SocketClosed")
    })
  )
})

describe("waitAll", () => {
  law("ends when all are signalled at once, and keeps no thread busy before", ({ recorder, winsock }) =>
    Effect.gen(function* () {
      const events = yield* several(3)
      const fiber = yield* start(EventObject.waitAll(events))
      yield* events[0].set
      yield* events[1].set
      yield* turns(50)
      recorder.clear()
      yield* turns(100)
      assert.isBelow(
        recorder.count(wait, ({ origin }) => origin === "offThread"),
        10
      )
      assert.isUndefined(fiber.pollUnsafe())
      yield* events[0].reset
      winsock.seam.calls.WSASetEvent(events[2].handle)
      yield* turns(50)
      assert.isUndefined(fiber.pollUnsafe())
      yield* events[0].set
      yield* Fiber.join(fiber)
      yield* EventObject.waitAll(events)
    })
  )

  law("63 at most, and a timeout takes nothing along", () =>
    Effect.gen(function* () {
      const events = yield* several(64)
      yield* refuses(EventObject.waitAll(events), "events.length", 64)
      yield* Effect.forEach(events, (event) => event.set, { discard: true })
      yield* EventObject.waitAll(events.slice(1))
      const auto = yield* EventObject.makeAutoReset
      const never = yield* EventObject.make
      yield* auto.set
      assert.strictEqual(yield* tag(EventObject.waitAll([auto, never], { timeout: 30 })), "TimedOut")
      assert.isTrue(yield* auto.isSet)
      yield* never.set
      yield* EventObject.waitAll([auto, never])
      assert.deepStrictEqual([yield* auto.isSet, yield* never.isSet], [false, true])
    })
  )
})

describe("makeAutoReset", () => {
  law("each signal is for one wait, in the order of calls", ({ winsock }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.makeAutoReset
      assert.isTrue(event.isAutoReset)
      const order: Array<number> = []
      const fibers = yield* Effect.forEach([0, 1, 2, 3], (n) =>
        start(
          Effect.andThen(
            event.wait,
            Effect.sync(() => order.push(n))
          )
        )
      )
      yield* turns(5)
      yield* event.set
      yield* Fiber.join(fibers[0])
      yield* turns(20)
      assert.deepStrictEqual(order, [0])
      assert.isFalse(yield* event.isSet)
      // one of the kernel's, and two in a row
      winsock.seam.calls.WSASetEvent(event.handle)
      yield* Fiber.join(fibers[1])
      yield* event.set
      yield* event.set
      yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(order, [0, 1, 2, 3])
      // nobody waits: two are one
      yield* event.set
      yield* event.set
      yield* event.wait
      assert.isFalse(yield* event.isSet)
    })
  )

  law("among several only the one that ended the wait is taken back", () =>
    Effect.gen(function* () {
      const events = [yield* EventObject.makeAutoReset, yield* EventObject.makeAutoReset]
      const fiber = yield* start(EventObject.waitAny(events))
      yield* turns(3)
      yield* Effect.forEach(events, (event) => event.set)
      assert.strictEqual(yield* Fiber.join(fiber), 0)
      assert.deepStrictEqual([yield* events[0].isSet, yield* events[1].isSet], [false, true])
    })
  )

  for (const steps of [2048, 20, 3]) {
    law(`an interruption takes no signal along, with a yield after ${steps} steps`, ({ statistics }) =>
      Effect.gen(function* () {
        const next = random(steps)
        const event = yield* EventObject.makeAutoReset
        const waiting = Effect.provideService(event.wait, Scheduler.MaxOpsBeforeYield, steps)
        for (let point = 0; point < 60; point++) {
          const fibers = yield* Effect.forEach([1, 2], () => start(waiting))
          yield* turns(next(4))
          yield* event.set
          yield* turns(next(3))
          yield* interruptSoon(fibers[next(2)])
          yield* turns(4)
          for (const fiber of fibers) yield* interruptSoon(fiber)
          const exits = yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
          const went = exits.filter(Exit.isSuccess).length
          yield* turns(4)
          const left = (yield* event.isSet) ? 1 : 0
          assert.strictEqual(went + left, 1, `point ${point}`)
          yield* event.reset
        }
        assert.strictEqual((yield* statistics).waiters, 0)
      })
    )
  }
})
