/**
 * Virtual time in steps. Effect's TestClock goes to the end of an adjustment before the event loop turns: what becomes
 * due on the way would happen at the end, all at once. So the clock is told to stop wherever somebody sleeps until, and
 * the simulation settles there.
 */
import { preciseMillis } from "./Loop.ts"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as TestClock from "effect/testing/TestClock"

interface Sleeper {
  readonly until: number
}

const isTestClock = (clock: Clock.Clock): clock is TestClock.TestClock => "adjust" in clock && "setTime" in clock

const sleepersOf = new WeakMap<Clock.Clock, Set<Sleeper>>()

/** Takes note of who sleeps by a TestClock, which does not tell. */
export const watch = (clock: Clock.Clock): void => {
  if (!isTestClock(clock) || sleepersOf.has(clock)) return
  const sleepers = new Set<Sleeper>()
  sleepersOf.set(clock, sleepers)
  const { sleep } = clock
  const noted = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.suspend(() => {
      const sleeper = { until: preciseMillis(clock) + Duration.toMillis(duration) }
      sleepers.add(sleeper)
      return Effect.ensuring(
        sleep(duration),
        Effect.sync(() => sleepers.delete(sleeper))
      )
    })
  Object.assign(clock, { sleep: noted })
}

const next = (sleepers: ReadonlySet<Sleeper>, after: number, end: number): number => {
  let first = end
  for (const { until } of sleepers) if (until > after && until < first) first = until
  return first
}

// a program that sleeps again and again, for less than any time that a clock can tell
const most = 10_000_000

/** Goes on by a duration, settling wherever something is due. */
export const advance = (clock: Clock.Clock, settled: Effect.Effect<void>, input: Duration.Input): Effect.Effect<void> =>
  Effect.suspend(() => {
    const millis = Duration.toMillis(Duration.fromInputUnsafe(input))
    if (!Number.isFinite(millis)) return Effect.die(new RangeError("advance: the duration is finite"))
    if (!isTestClock(clock)) return Effect.andThen(clock.sleep(Duration.millis(millis)), settled)
    const sleepers = sleepersOf.get(clock) ?? new Set<Sleeper>()
    const end = preciseMillis(clock) + millis
    let steps = 0
    const step: Effect.Effect<void> = Effect.suspend(() => {
      const now = preciseMillis(clock)
      if (now >= end) return Effect.void
      if (++steps > most) return Effect.die(new Error(`advance: ${most} steps, and ${end - now} ms to go`))
      return Effect.andThen(Effect.andThen(clock.setTime(next(sleepers, now, end)), settled), step)
    })
    return Effect.andThen(settled, step)
  })
