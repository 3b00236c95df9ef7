// Who is told of a signal, and what looking for it costs.
import { EventObject, TcpServer, TcpSocket } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { WSA_WAIT_FAILED } from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { interruptSoon, law, loopback, random, start } from "../../support/rig.ts"
import { inScope } from "../../support/tcp.ts"
import { tag } from "../../support/udp.ts"

const wait = "WSAWaitForMultipleEvents"

/** Turns of the event loop in which something would have happened that must not. */
const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

describe("EventObject.wait", () => {
  law("a signal that is taken back at once has been seen by those who waited, and by nobody later", () =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => start(Effect.as(event.wait, n)))
      yield* event.set
      yield* event.reset
      const late = yield* start(event.wait)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber)), [1, 2, 3])
      yield* turns(10)
      assert.isUndefined(late.pollUnsafe())
      yield* Fiber.interrupt(late)
    })
  )

  law("the first who goes on takes the signal back, and the others go on all the same", ({ winsock }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const first = yield* start(Effect.andThen(event.wait, event.reset))
      const others = yield* Effect.forEach([1, 2], (n) => start(Effect.as(event.wait, n)))
      yield* turns(5)
      // as the kernel does, without telling the library
      assert.notStrictEqual(winsock.seam.calls.WSASetEvent(event.handle), 0)
      yield* Fiber.join(first)
      assert.deepStrictEqual(yield* Effect.forEach(others, (fiber) => Fiber.join(fiber)), [1, 2])
      assert.isFalse(yield* event.isSet)
    })
  )

  law("a signal of the kernel's is not taken from those who wait when it is taken back", ({ winsock }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fiber = yield* start(event.wait)
      yield* turns(5)
      winsock.seam.calls.WSASetEvent(event.handle)
      yield* event.reset
      yield* Fiber.join(fiber)
    })
  )

  law("it is served in the order of calls", () =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const order: Array<number> = []
      const fibers = yield* Effect.forEach([1, 2, 3, 4], (n) =>
        start(
          Effect.andThen(
            event.wait,
            Effect.sync(() => order.push(n))
          )
        )
      )
      yield* interruptSoon(fibers[1])
      yield* event.set
      yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
      assert.deepStrictEqual(order, [1, 3, 4])
    })
  )

  for (const steps of [2048, 20, 3]) {
    law(`interrupted at every point, with a yield after ${steps} steps`, ({ statistics }) =>
      Effect.gen(function* () {
        const next = random(steps)
        const ends = { went: 0, interrupted: 0 }
        for (let point = 0; point < 60; point++) {
          const event = yield* EventObject.make
          const waiting = Effect.provideService(event.wait, Scheduler.MaxOpsBeforeYield, steps)
          const fibers = yield* Effect.forEach([1, 2, 3], () => start(waiting))
          const victim = fibers[next(3)]
          yield* turns(next(4))
          if (next(2) === 0) yield* event.set
          yield* turns(next(3))
          yield* interruptSoon(victim)
          if (next(2) === 0) yield* turns(1)
          yield* event.set
          for (const fiber of fibers) {
            const exit = yield* Fiber.await(fiber)
            if (Exit.isSuccess(exit)) ends.went++
            else {
              assert.isTrue(fiber === victim && Exit.hasInterrupts(exit))
              ends.interrupted++
            }
          }
          assert.isTrue(yield* event.isSet)
        }
        assert.strictEqual((yield* statistics).waiters, 0)
        assert.isAbove(ends.interrupted, 5)
        assert.isAbove(ends.went, 120)
      }).pipe(Effect.scoped)
    )
  }

  law("a loop of waits that end at once lets the event loop turn", ({ recorder }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      yield* event.set
      recorder.clear()
      const most = { calls: 0 }
      let before = 0
      let done = false
      const watch = () => {
        most.calls = Math.max(most.calls, recorder.count(wait) - before)
        before = recorder.count(wait)
        if (!done) setImmediate(watch)
      }
      setImmediate(watch)
      for (let n = 0; n < 1500; n++) yield* event.wait
      done = true
      assert.isBelow(most.calls, 170)
    })
  )

  law("closed while others wait for others", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const stays = yield* EventObject.make
      const other = yield* start(stays.wait)
      for (let n = 0; n < 20; n++) {
        const { close, value: event } = yield* inScope(EventObject.make)
        const fiber = yield* start(event.wait)
        yield* turns(n % 5)
        yield* close
        assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
      }
      assert.isUndefined(other.pollUnsafe())
      assert.strictEqual(recorder.count("WSACloseEvent"), 20)
      assert.strictEqual((yield* statistics).handles.events, 2)
      yield* stays.set
      yield* Fiber.join(other)
    })
  )

  law(
    "a handle that the program closed itself: who waits for it is told",
    ({ winsock }) =>
      Effect.gen(function* () {
        const event = yield* EventObject.make
        winsock.seam.calls.WSACloseEvent(event.handle)
        assert.strictEqual(yield* tag(event.wait), "InvalidHandle")
        assert.strictEqual(yield* tag(event.isSet), "InvalidHandle")
        assert.strictEqual(yield* tag(event.set), "InvalidHandle")
      }),
    { mock: { guard: "collect" } }
  )
})

describe("looking at events", () => {
  law("takes a call for 64 of them", ({ recorder }) =>
    Effect.gen(function* () {
      const events = yield* Effect.all(Array.from({ length: 200 }, () => EventObject.make))
      const fibers = yield* Effect.forEach(events, (event) => start(event.wait))
      yield* turns(5)
      const looks = recorder.of(wait, ({ args, origin }) => origin === "export" && args.cEvents > 1)
      assert.deepStrictEqual(
        looks.slice(0, 4).map(({ args }) => args.cEvents),
        [64, 64, 64, 8]
      )
      assert.isTrue(recorder.of(wait).every(({ args }) => args.cEvents <= 64))
      // all at once, and one of each call
      for (const event of [events[199], events[70], events[3]]) yield* event.set
      for (const i of [3, 70, 199]) yield* Fiber.join(fibers[i])
      assert.strictEqual(fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length, 197)
    })
  )

  law("finds signals of the kernel's whichever call they are in", ({ winsock }) =>
    Effect.gen(function* () {
      const events = yield* Effect.all(Array.from({ length: 130 }, () => EventObject.make))
      const fibers = yield* Effect.forEach(events, (event) => start(event.wait))
      yield* turns(5)
      for (const i of [0, 1, 62, 63, 64, 127, 128, 129]) {
        winsock.seam.calls.WSASetEvent(events[i].handle)
        yield* Fiber.join(fibers[i])
      }
      // several of one call at once
      for (let i = 2; i < 62; i++) winsock.seam.calls.WSASetEvent(events[i].handle)
      for (let i = 2; i < 62; i++) yield* Fiber.join(fibers[i])
    })
  )

  law("one that came later is waited for in another call, and the one before has ended", ({ recorder }) =>
    Effect.gen(function* () {
      const [first, second] = [yield* EventObject.make, yield* EventObject.make]
      const fibers = [yield* start(first.wait)]
      yield* turns(20)
      fibers.push(yield* start(second.wait))
      yield* turns(100)
      const away = recorder.of(wait, ({ origin }) => origin === "offThread")
      assert.deepStrictEqual(
        away.map(({ args }) => args.cEvents),
        [2, 3]
      )
      yield* Effect.forEach([first, second], (event) => event.set)
      yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    })
  )

  law("an event that the program signals under its send keeps no thread busy", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
      const accepted = yield* server.accept
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, new Uint8Array(8_000_000), event)
      yield* event.set
      yield* event.wait
      recorder.clear()
      yield* turns(100)
      assert.isBelow(
        recorder.count(wait, ({ origin }) => origin === "offThread"),
        10
      )
      yield* accepted.receiveExactly(8_000_000)
      assert.strictEqual(yield* send.result, 8_000_000)
    })
  )
})

/** Calls off the JS thread that wait for events cannot be made. */
const refusing = (seam: Seam): Seam => ({
  ...seam,
  offThread: (name, args, done) => {
    if (name !== wait) return seam.offThread(name, args, done)
    seam.host.schedule(() => done(WSA_WAIT_FAILED as never, 164))
  }
})

/** Calls off the JS thread that wait for events are made only when `free` says so: all threads are busy. */
const starving = () => {
  const held: Array<() => void> = []
  let free = false
  const decorate = (seam: Seam): Seam => ({
    ...seam,
    host: { ...seam.host, pollInterval: 10 },
    offThread: (name, args, done) => {
      const call = (): void => seam.offThread(name, args, done)
      if (name === wait && !free) held.push(call)
      else call()
    }
  })
  return {
    decorate,
    get held() {
      return held.length
    },
    free: Effect.sync(() => {
      free = true
      for (const call of held.splice(0)) call()
    })
  }
}

describe("without a call off the JS thread", () => {
  law(
    "a timer looks",
    ({ winsock }) =>
      Effect.gen(function* () {
        const event = yield* EventObject.make
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(event.wait)
          yield* turns(3)
          winsock.seam.calls.WSASetEvent(event.handle)
          yield* Fiber.join(fiber)
          yield* event.reset
        }
      }),
    { decorate: refusing }
  )

  const starved = starving()
  law(
    "a timer looks while the threads are busy, and closing waits for the call",
    ({ winsock }) =>
      Effect.gen(function* () {
        const { close, value: event } = yield* inScope(EventObject.make)
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(event.wait)
          yield* turns(3)
          winsock.seam.calls.WSASetEvent(event.handle)
          yield* Fiber.join(fiber)
          yield* event.reset
        }
        assert.strictEqual(starved.held, 1)
        const closing = yield* start(close)
        yield* turns(10)
        assert.isUndefined(closing.pollUnsafe())
        yield* starved.free
        yield* Fiber.join(closing)
      }),
    { decorate: starved.decorate }
  )
})
