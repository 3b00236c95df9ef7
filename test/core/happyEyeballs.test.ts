import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/testing/TestClock"
import * as HappyEyeballs from "../../packages/core/src/internal/happyEyeballs.ts"
import { interruptSoon, start } from "../support/rig.ts"

type Plan = { readonly after: number; readonly ends: "won" | "lost" | "never" }

/** Attempts that go as planned, each by its name, and what became of all of them. */
const attempts = (plans: { readonly [name: string]: Plan }) => {
  const log: Array<string> = []
  const open = new Set<string>()
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void log.push(`${now} ${what}`))
  const attempt = (name: string, restore: HappyEyeballs.Restore): Effect.Effect<string, string> =>
    Effect.gen(function* () {
      const { after, ends } = plans[name]
      yield* note(`${name} begins`)
      open.add(name)
      const exit = yield* Effect.exit(restore(ends === "never" ? Effect.never : Effect.sleep(after)))
      if (Exit.isSuccess(exit) && ends === "won") return name
      open.delete(name)
      if (Exit.isSuccess(exit)) {
        yield* note(`${name} fails`)
        return yield* Effect.fail(name)
      }
      yield* note(`${name} is interrupted`)
      return yield* Effect.failCause(exit.cause)
    })
  const discard = (name: string) =>
    Effect.suspend(() => {
      open.delete(name)
      return note(`${name} is given back`)
    })
  const [head, ...rest] = Object.keys(plans)
  const firstIn = (restore: HappyEyeballs.Restore) =>
    HappyEyeballs.first([head, ...rest], 250, attempt, discard, restore)
  return { log, open, firstIn, first: Effect.uninterruptibleMask(firstIn) }
}

const won = (after: number): Plan => ({ after, ends: "won" })
const lost = (after: number): Plan => ({ after, ends: "lost" })
const never: Plan = { after: 0, ends: "never" }

/** Runs it for so long, or until it ends. */
const within = Effect.fnUntraced(function* <A, E>(milliseconds: number, effect: Effect.Effect<A, E>) {
  const fiber = yield* start(effect)
  yield* TestClock.adjust(milliseconds)
  return yield* Fiber.await(fiber)
})

describe("happyEyeballs", () => {
  it("puts the families in turns, beginning with the first one's", () => {
    const order = (...ips: readonly [string, ...Array<string>]) => {
      const [head, ...rest] = ips.map((ip) => NetAddress.inetAddressFromIpStringUnsafe(ip, 80))
      return HappyEyeballs.interleave([head, ...rest]).map(({ address }) => NetAddress.formatIp(address))
    }
    assert.deepStrictEqual(order("::1", "::2", "::3", "1.0.0.1", "1.0.0.2"), [
      "::1",
      "1.0.0.1",
      "::2",
      "1.0.0.2",
      "::3"
    ])
    assert.deepStrictEqual(order("1.0.0.1", "::1", "::2", "::3"), ["1.0.0.1", "::1", "::2", "::3"])
    assert.deepStrictEqual(order("1.0.0.2", "1.0.0.1"), ["1.0.0.2", "1.0.0.1"])
  })

  it.effect("the next begins when the last has not answered in time, the first that is won ends the others", () =>
    Effect.gen(function* () {
      const { first, log, open } = attempts({ a: never, b: won(400), c: never, d: never })
      assert.deepStrictEqual(yield* within(700, first), Exit.succeed("b"))
      assert.deepStrictEqual(log, [
        "0 a begins",
        "250 b begins",
        "500 c begins",
        "650 a is interrupted",
        "650 c is interrupted"
      ])
      assert.deepStrictEqual([...open], ["b"])
    })
  )

  it.effect("the next begins at once when the last has failed, and not when an earlier one has", () =>
    Effect.gen(function* () {
      const { first, log } = attempts({ a: lost(300), b: lost(100), c: won(10), d: never })
      assert.deepStrictEqual(yield* within(1000, first), Exit.succeed("c"))
      assert.deepStrictEqual(log, ["0 a begins", "250 b begins", "300 a fails", "350 b fails", "350 c begins"])
    })
  )

  it.effect("when all fail, the error is of the one that failed first", () =>
    Effect.gen(function* () {
      const { first, open } = attempts({ a: lost(600), b: lost(100), c: lost(5) })
      assert.deepStrictEqual(yield* within(1000, first), Exit.fail("b"))
      assert.strictEqual(open.size, 0)
    })
  )

  it.effect("the last attempt is waited for, however long it takes", () =>
    Effect.gen(function* () {
      const { first } = attempts({ a: lost(1), b: won(100_000) })
      assert.deepStrictEqual(yield* within(100_001, first), Exit.succeed("b"))
    })
  )

  it.effect("attempts that end in their first step", () =>
    Effect.gen(function* () {
      const immediate = (end: Effect.Effect<string, string>) =>
        Effect.uninterruptibleMask((restore) =>
          HappyEyeballs.first(
            ["a", "b"],
            250,
            (name) => (name === "a" ? Effect.fail(name) : end),
            () => Effect.void,
            restore
          )
        )
      assert.strictEqual(yield* immediate(Effect.succeed("b")), "b")
      assert.deepStrictEqual(yield* Effect.exit(immediate(Effect.fail("b"))), Exit.fail("a"))
    })
  )

  it.effect("two that are won in the same instant: one is kept, the other given back", () =>
    Effect.gen(function* () {
      const { first, open } = attempts({ a: won(500), b: won(250), c: never })
      const exit = yield* within(500, first)
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual([...open], Exit.isSuccess(exit) ? [exit.value] : [])
    })
  )

  it.effect("one that is won while it is being interrupted is given back", () =>
    Effect.gen(function* () {
      // does not hear of the interruption, as a connect whose cancellation comes too late
      const given: Array<string> = []
      const attempt = (name: string) => Effect.as(Effect.sleep(name === "a" ? 1000 : 10), name)
      const first = Effect.uninterruptibleMask((restore) =>
        HappyEyeballs.first(["a", "b"], 250, attempt, (name) => Effect.sync(() => void given.push(name)), restore)
      )
      const fiber = yield* start(first)
      yield* TestClock.adjust(900)
      assert.isUndefined(fiber.pollUnsafe(), "a loser is waited for")
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(fiber), "b")
      assert.deepStrictEqual(given, ["a"])
    })
  )

  for (const most of [8, 16, 2048]) {
    it.effect(`an interruption at any point leaves nothing open (${most} steps between yields)`, () =>
      Effect.gen(function* () {
        let kept = 0
        for (let at = 0; at <= 700; at += 50) {
          for (let turns = 0; turns < 6; turns++) {
            const { firstIn, open } = attempts({ a: won(600), b: lost(100), c: never })
            // as connect does it
            const use = Effect.uninterruptibleMask((restore) =>
              Effect.flatMap(firstIn(restore), (name) => {
                kept++
                return Effect.addFinalizer(() => Effect.sync(() => void open.delete(name)))
              })
            )
            const fiber = yield* start(Effect.provideService(Effect.scoped(use), Scheduler.MaxOpsBeforeYield, most))
            // in small steps: who yields often needs turns to get to its next wait
            for (let passed = 0; passed < at; passed += 50) {
              yield* TestClock.adjust(50)
              for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
            }
            for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
            yield* interruptSoon(fiber)
            yield* TestClock.adjust(1000)
            yield* Fiber.await(fiber)
            assert.deepStrictEqual([...open], [])
          }
        }
        assert.isAbove(kept, 0, "some were won before")
      })
    )
  }

  it.effect("one address: it is tried in the fiber that asks", () =>
    Effect.gen(function* () {
      const own = yield* Effect.fiberId
      const ids: Array<number> = []
      const attempt = () => Effect.map(Effect.fiberId, (id) => void ids.push(id))
      yield* Effect.uninterruptibleMask((restore) =>
        HappyEyeballs.first(["a"], 250, attempt, () => Effect.void, restore)
      )
      assert.deepStrictEqual(ids, [own])
    })
  )
})
