import type { Datagram } from "@effect-winsock/core/Datagram"
import type { UdpSocket } from "@effect-winsock/core/UdpSocket"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import type { Rig } from "../../support/rig.ts"
import {
  bind,
  interruptSoon,
  law as lawByPort,
  lawInEachMode as law,
  numbered,
  numberOf,
  random,
  start
} from "../../support/rig.ts"

const upTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

/** Lets all that can run run, `times` times. */
const turns = (times: number) => Effect.repeat(Effect.yieldNow, { times: Math.max(times - 1, 0) })

/** Takes what is left, up to the message that is sent behind it. */
const drain = Effect.fnUntraced(function* (socket: UdpSocket, got: Array<number>, mark: number) {
  yield* socket.send(numbered(mark), socket.address)
  while (got[got.length - 1] !== mark) got.push(numberOf(yield* socket.receive))
})

type Take = Effect.Effect<void, WinsockError>

const takes: Record<string, (socket: UdpSocket, deliver: (message: Datagram) => void) => Take> = {
  receive: (socket, deliver) => Effect.map(socket.receive, deliver),
  pull: (socket, deliver) => Effect.map(socket.pull, (batch) => batch.forEach((message) => deliver(message)))
}

const loops: Record<string, (take: Take) => Effect.Effect<unknown, unknown>> = {
  "a generator": (take) =>
    Effect.gen(function* () {
      while (true) yield* take
    }),
  "Effect.forever": (take) => Effect.forever(take, { disableYield: true }),
  "Effect.forever, yielding": (take) => Effect.forever(take),
  "Effect.repeat": (take) => Effect.repeat(take, Schedule.forever),
  "Effect.timeout": (take) => Effect.forever(Effect.timeout(take, "1 hour"), { disableYield: true })
}

/** Where the messages are when the loop begins. */
const sources = {
  "the inbox": { lookAhead: 100, maxPosted: 128, yields: [1] },
  "the kernel": { lookAhead: 0, maxPosted: 64, yields: [1, 2] }
} as const

/** Says to the next check for a yield that this many steps were made since the last. */
const atStep = (step: number) =>
  Effect.withFiber<void>((fiber) => {
    ;(fiber as { currentOpCount: number }).currentOpCount = step
    return Effect.void
  })

describe("L9: a busy loop interrupted at every phase of Effect's own yielding", () => {
  const phases: ReadonlyArray<readonly [most: number, phases: ReadonlyArray<number>]> = [
    // Effect itself makes no progress with fewer
    [3, upTo(3)],
    [4, upTo(4)],
    [5, upTo(5)],
    [6, upTo(6)],
    [8, upTo(8)],
    [16, upTo(16)],
    [17, upTo(17)],
    [31, upTo(31)],
    [64, upTo(64)],
    // the last steps before a yield, and some others
    [2048, [...upTo(24).map((i) => 2047 - i), ...upTo(4).map((i) => i * 480)]]
  ]
  for (const [takeName, take] of Object.entries(takes)) {
    for (const [sourceName, source] of Object.entries(sources)) {
      for (const [loopName, loop] of Object.entries(loops)) {
        // what is yielded when is the same in each mode: one loop will do for the others
        const test = loopName === "a generator" ? law : lawByPort
        test(`${takeName} from ${sourceName} in ${loopName}`, ({ recorder, statistics }) =>
          Effect.gen(function* () {
            const socket = yield* bind({ lookAhead: source.lookAhead, maxPosted: source.maxPosted, batch: 3 })
            // while somebody waits the pump fills the inbox at once, not by timer
            const other = yield* bind()
            yield* start(other.receive)
            let cut = 0
            for (const [most, starts] of phases) {
              for (const phase of starts) {
                for (const yields of source.yields) {
                  recorder.clear()
                  const count = Math.min(most, 64) + 4
                  for (const n of upTo(count)) yield* socket.send(numbered(n), socket.address)
                  if (source.lookAhead > 0) while ((yield* statistics).inbox < count) yield* Effect.yieldNow
                  const got: Array<number> = []
                  const one = take(socket, (message) => got.push(numberOf(message)))
                  // the first is waited for, so that the loop finds the others at once
                  const busy = Effect.andThen(one, Effect.andThen(atStep(phase), loop(one)))
                  const fiber = yield* start(Effect.provideService(busy, Scheduler.MaxOpsBeforeYield, most))
                  while (got.length === 0) yield* Effect.yieldNow
                  yield* turns(yields - 1)
                  fiber.interruptUnsafe()
                  assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
                  if (got.length < count) cut++
                  yield* drain(socket, got, count)
                  assert.deepStrictEqual(got, [...upTo(count + 1)], `phase ${phase} of ${most}, after ${yields} yields`)
                }
              }
            }
            // a loop that had taken everything shows nothing
            assert.isAbove(cut, 20)
          }))
      }
    }
  }
})

describe("L9: a fiber that yields every few steps", () => {
  // an interruption reaches it, and then takes it some steps to get to the receive's finalizer. Effect itself makes no
  // progress with fewer than 3
  for (const [takeName, take] of Object.entries(takes)) {
    for (const most of [3, 4, 5, 6, 15]) {
      law(`a ${takeName} interrupted while messages come, every ${most} steps`, () =>
        Effect.gen(function* () {
          const socket = yield* bind({ batch: 3 })
          const got: Array<number> = []
          const loop = Effect.forever(
            take(socket, (message) => got.push(numberOf(message))),
            { disableYield: true }
          )
          let sent = 0
          for (const round of upTo(40)) {
            const fiber = yield* start(Effect.provideService(loop, Scheduler.MaxOpsBeforeYield, most))
            const others = yield* start(Effect.provideService(loop, Scheduler.MaxOpsBeforeYield, most))
            for (const _ of upTo(5)) {
              yield* socket.send(numbered(sent++), socket.address)
              if (round % 5 > 0) yield* turns(round % 5)
            }
            if (round % 7 > 0) yield* turns(round % 7)
            yield* Fiber.interrupt(fiber)
            yield* Fiber.interrupt(others)
          }
          yield* drain(socket, got, sent)
          assert.deepStrictEqual(got, [...upTo(sent + 1)])
        })
      )
    }
  }
})

describe("L9: whatever is interrupted, timed out, raced or retried", () => {
  const mixture = (seed: number, options: { readonly lookAhead: number; readonly batch: number }) =>
    Effect.fnUntraced(function* ({ statistics }: Rig) {
      const below = random(seed)
      const socket = yield* bind(options)
      const got: Array<number> = []
      let ending = false
      let outcomes = 0
      const receive = takes.receive(socket, (message) => got.push(numberOf(message)))
      const pull = takes.pull(socket, (message) => got.push(numberOf(message)))
      const acts: ReadonlyArray<() => Effect.Effect<unknown, unknown>> = [
        () => receive,
        () => pull,
        () => Effect.timeoutOption(receive, below(3)),
        () => Effect.timeoutOption(pull, below(3)),
        () => Effect.race(receive, turns(below(4))),
        () => Effect.race(receive, pull),
        () => Effect.uninterruptible(receive),
        () => Effect.raceFirst(Effect.uninterruptible(pull), turns(below(3))),
        () =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(below(2) === 0 ? receive : pull, { startImmediately: below(2) === 0 })
            yield* turns(below(4))
            yield* Fiber.interrupt(fiber)
          }),
        () => turns(below(3))
      ]
      const worker = Effect.gen(function* () {
        while (!ending) {
          yield* acts[below(acts.length)]()
          outcomes++
        }
      })
      const workers = yield* Effect.forEach(upTo(6), () => start(worker))
      let sent = 0
      const send = Effect.suspend(() => socket.send(numbered(sent++), socket.address))
      for (const burst of upTo(60)) {
        for (let n = below(6); n > 0; n--) yield* send
        // no more under way than the receive buffer holds
        do yield* turns(1 + below(3))
        while (sent - got.length > 40)
        if (burst % 7 === 0) workers[1 + below(workers.length - 1)].interruptUnsafe()
      }
      ending = true
      for (const fiber of workers) {
        while (fiber.pollUnsafe() === undefined) {
          if (sent - got.length < 20) yield* send
          yield* Effect.yieldNow
        }
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isSuccess(exit) || Exit.hasInterrupts(exit))
      }
      yield* drain(socket, got, sent)
      assert.deepStrictEqual(got, [...upTo(sent + 1)], `seed ${seed}`)
      assert.isAbove(outcomes, 20)
      const after = yield* statistics
      assert.deepStrictEqual([after.waiters, after.inbox, after.discarded], [0, 0, 0])
    })

  for (const seed of upTo(8)) {
    law(`a seeded mixture by several fibers, seed ${seed}`, mixture(seed, { lookAhead: 0, batch: 64 }))
    law(`the same with look-ahead and small batches, seed ${seed}`, mixture(seed, { lookAhead: 3, batch: 2 }))
  }
})

describe("L9: many fibers on one socket", () => {
  const many = 5000

  law("woken in order by as many messages", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      let woken = 0
      const fibers = yield* Effect.forEach(upTo(many), (i) =>
        start(
          Effect.map(socket.receive, (message) => {
            woken++
            return numberOf(message) === i
          })
        )
      )
      assert.strictEqual((yield* statistics).waiters, many)
      for (const n of upTo(many)) {
        while (n - woken >= 50) yield* Effect.yieldNow
        yield* socket.send(numbered(n), socket.address)
      }
      for (const fiber of fibers) assert.isTrue(yield* Fiber.join(fiber))
    })
  )

  law("all interrupted at once", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fibers = yield* Effect.forEach(upTo(many), () => start(socket.receive))
      yield* Fiber.interruptAll(fibers)
      const { pending, waiters } = yield* statistics
      assert.deepStrictEqual([pending, waiters, recorder.count("CancelIoEx")], [0, 0, 64])
      yield* socket.send(numbered(1), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 1)
    })
  )

  law("all interrupted at once, each with a receive of its own", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxPosted: 1024, maxMessageSize: 64 })
      const fibers = yield* Effect.forEach(upTo(1024), () => start(socket.receive))
      yield* Fiber.interruptAll(fibers)
      assert.deepStrictEqual([(yield* statistics).pending, recorder.count("CancelIoEx")], [0, 1024])
    })
  )

  law("aborted by the release", ({ release }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fibers = yield* Effect.forEach(upTo(many), () => start(Effect.flip(socket.receive)))
      yield* release
      for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "OperationAborted")
    })
  )

  law("each interrupts the next when it is woken: the messages go to those who are left", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const got: Array<number> = []
      const fibers: Array<Fiber.Fiber<void, WinsockError>> = []
      const waiting = 40
      for (const i of upTo(waiting)) {
        fibers.push(
          yield* start(
            Effect.map(socket.receive, (message) => {
              got.push(numberOf(message))
              fibers[i + 1]?.interruptUnsafe()
            })
          )
        )
      }
      gate.close()
      for (const n of upTo(waiting)) yield* socket.send(numbered(n), socket.address)
      yield* gate.awaitHeld(waiting)
      gate.open()
      for (const [i, fiber] of fibers.entries()) {
        assert.strictEqual(Exit.hasInterrupts(yield* Fiber.await(fiber)), i % 2 === 1, `fiber ${i}`)
      }
      assert.deepStrictEqual(got, [...upTo(waiting / 2)])
      yield* drain(socket, got, waiting)
      assert.deepStrictEqual(got, [...upTo(waiting + 1)])
      assert.strictEqual((yield* statistics).cancels, 0)
    })
  )

  law("each interrupts a younger one and starts another when it is woken", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxPosted: 8 })
      const got: Array<number> = []
      const fibers: Array<Fiber.Fiber<void, WinsockError>> = []
      const total = 600
      const one: Effect.Effect<void, WinsockError> = Effect.flatMap(socket.receive, (message) => {
        got.push(numberOf(message))
        if (got.length >= total) return Effect.void
        return Effect.gen(function* () {
          fibers.push(yield* Effect.forkDetach(one, { startImmediately: true }))
          fibers.push(yield* Effect.forkDetach(one, { startImmediately: true }))
          yield* interruptSoon(fibers[fibers.length - 2])
        })
      })
      fibers.push(yield* Effect.forkDetach(one, { startImmediately: true }))
      for (const n of upTo(total)) {
        while (n - got.length >= 20) yield* Effect.yieldNow
        yield* socket.send(numbered(n), socket.address)
      }
      while (got.length < total) yield* Effect.yieldNow
      yield* Fiber.interruptAll(fibers)
      assert.deepStrictEqual(got, [...upTo(total)])
      assert.strictEqual((yield* statistics).waiters, 0)
    })
  )
})
