import { UdpSocket } from "@effect-winsock/core"
import { MockClock, MockTrace, MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

const pair = Effect.gen(function* () {
  const a = yield* UdpSocket.bind(loopback)
  const b = yield* UdpSocket.bind(loopback)
  return { a, b }
})

describe("a clock that goes by itself", () => {
  it.live("ten minutes of sleeps, a timeout and a schedule take few turns", () =>
    Effect.gen(function* () {
      let turns = 0
      const program = Effect.gen(function* () {
        yield* Effect.sleep("5 minutes")
        const late = yield* Effect.never.pipe(Effect.timeoutOption("1 minute"))
        assert.strictEqual(late._tag, "None")
        const forked = yield* Effect.forkChild(Effect.sleep("4 minutes"))
        yield* Effect.void.pipe(Effect.repeat(Schedule.spaced("10 seconds").pipe(Schedule.upTo({ times: 6 }))))
        yield* Fiber.join(forked)
        return yield* Clock.currentTimeMillis
      })
      assert.strictEqual(yield* MockClock.run(program, { onEnd: (count) => (turns = count) }), 600_000)
      assert.isBelow(turns, 100)
    })
  )

  it.live("sleepers wake in the order of their deadlines, and equal ones in that of falling asleep", () =>
    Effect.gen(function* () {
      const woken: Array<string> = []
      const sleeper = (name: string, delay: number) =>
        Effect.sync(() => void woken.push(name)).pipe(Effect.delay(delay))
      yield* MockClock.run(
        Effect.all([sleeper("c", 3), sleeper("a", 1), sleeper("b", 2), sleeper("a2", 1)], { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(woken, ["a", "a2", "b", "c"])
    })
  )

  it.live("time does not go while something is under way: datagrams, settled, yields and promises", () =>
    MockClock.run(
      Effect.gen(function* () {
        const { a, b } = yield* pair
        yield* Effect.forkChild(Effect.sleep("1 hour"))
        for (let i = 0; i < 20; i++) {
          yield* a.send(new Uint8Array([i]), b.address)
          yield* Effect.yieldNow
          yield* (yield* MockWinsock.MockWinsock).settled
          yield* Effect.promise(() => Promise.resolve().then(() => Promise.resolve()))
          assert.strictEqual((yield* b.receive).payload[0], i)
        }
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer()))
    )
  )

  it.live("a program that waits for what never comes is told who waits", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const { a } = yield* pair
        return yield* a.receive
      }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer()))
      const error = yield* Effect.flip(MockClock.run(program))
      assert.instanceOf(error, MockClock.ClockStopped)
      if (error._tag !== "ClockStopped") return
      assert.strictEqual(error.reason, "Deadlock")
      assert.strictEqual(error.sockets.length, 2)
      assert.isAbove(error.pending.length, 0)
      assert.match(error.message, /nothing will ever happen[^]*sockets:[^]*127\.0\.0\.1[^]*pending:[^]*of socket/)
    })
  )

  it.live("the limits hold, and finalizers run, even those that sleep", () =>
    Effect.gen(function* () {
      let ended = 0
      const ends = Effect.andThen(
        Effect.sleep("1 minute"),
        Effect.sync(() => void ended++)
      )
      const late = yield* Effect.flip(
        MockClock.run(Effect.sleep("2 hours").pipe(Effect.ensuring(ends)), { maxTime: 3_600_000 })
      )
      assert.strictEqual(late.reason, "MaxTime")
      const busy = yield* Effect.flip(
        MockClock.run(Effect.forever(Effect.yieldNow).pipe(Effect.ensuring(ends)), { maxTurns: 1000 })
      )
      assert.deepStrictEqual([busy.reason, busy.turns], ["MaxTurns", 1001])
      assert.strictEqual(ended, 2)
    })
  )

  it.live("dies of limits and seeds that are none", () =>
    Effect.gen(function* () {
      for (const [options, message] of [
        [{ maxTime: 0 }, "maxTime of MockClock.run is more than 0, not 0"],
        [{ maxTurns: Number.NaN }, "maxTurns of MockClock.run is more than 0, not NaN"],
        [{ seed: 1.5 }, "seed of MockClock.run is an integer, not 1.5"],
        [{ seed: "1" as never }, "seed of MockClock.run is an integer, not 1"]
      ] as const) {
        let ran = false
        const exit = yield* Effect.exit(
          MockClock.run(
            Effect.sync(() => (ran = true)),
            options
          )
        )
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(error, RangeError)
        assert.strictEqual((error as Error).message, message)
        assert.isFalse(ran)
      }
    })
  )

  it.live("what neither ends nor can be interrupted is given up", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(MockClock.run(Effect.uninterruptible(Effect.never)))
      assert.strictEqual(error.reason, "Deadlock")
      const busy = yield* Effect.flip(
        MockClock.run(Effect.uninterruptible(Effect.forever(Effect.yieldNow)), { maxTurns: 10 })
      )
      assert.strictEqual(busy.reason, "MaxTurns")
    })
  )

  it.live("an interruption from outside ends the program first, in its own time", () =>
    Effect.gen(function* () {
      let ended = false
      const program = Effect.never.pipe(
        Effect.timeout("30 days"),
        Effect.ensuring(Effect.sleep("1 hour").pipe(Effect.andThen(Effect.sync(() => (ended = true)))))
      )
      const fiber = yield* Effect.forkChild(MockClock.run(program, { maxTime: Number.POSITIVE_INFINITY }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.isTrue(ended)
    })
  )

  it.live("chance and trace are the seed's, of 100 seeds run twice", () =>
    Effect.gen(function* () {
      const once = (seed: number) =>
        MockClock.run(
          Effect.gen(function* () {
            const { a, b } = yield* pair
            const mock = yield* MockWinsock.MockWinsock
            for (let i = 0; i < 5; i++) {
              yield* Effect.sleep(yield* Random.nextIntBetween(1, 1000))
              yield* Effect.forkChild(a.send(new Uint8Array(i), b.address))
              yield* b.receive.pipe(Effect.timeoutOption(yield* Random.nextIntBetween(1, 1000)))
            }
            return MockTrace.toText(yield* mock.trace)
          }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer({ seed, readyAnswer: "seeded", dequeue: "seeded" }))),
          { seed }
        )
      const texts = new Set<string>()
      for (let seed = 1; seed <= 100; seed++) {
        const text = yield* once(seed)
        assert.strictEqual(yield* once(seed), text)
        texts.add(text)
      }
      assert.isAbove(texts.size, 95)
    })
  )
})
