/** A clock that stands still until it is advanced. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Sleeper {
  readonly deadline: number
  readonly wake: () => void
}

export class VirtualClock implements Clock.Clock {
  private now = 0
  // by deadline, and among equals in the order of falling asleep
  private sleepers: Array<Sleeper> = []

  currentTimeMillisUnsafe(): number {
    return this.now
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.now) * BigInt(1_000_000)
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = {
        deadline: this.now + Duration.toMillis(duration),
        wake: () => resume(Effect.void)
      }
      let at = this.sleepers.length
      while (at > 0 && this.sleepers[at - 1].deadline > sleeper.deadline) at--
      this.sleepers.splice(at, 0, sleeper)
      return Effect.sync(() => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper)
      })
    })
  }

  advance(milliseconds: number): void {
    const until = this.now + milliseconds
    while (this.sleepers.length > 0 && this.sleepers[0].deadline <= until) {
      const sleeper = this.sleepers.shift()!
      this.now = Math.max(this.now, sleeper.deadline)
      sleeper.wake()
    }
    this.now = until
  }

  /** Advances to the next deadline; false when nobody sleeps. */
  jump(): boolean {
    if (this.sleepers.length === 0) return false
    this.advance(this.sleepers[0].deadline - this.now)
    return true
  }
}
