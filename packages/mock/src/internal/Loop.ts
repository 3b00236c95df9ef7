/**
 * An event loop with a clock of its own: one queue for the tasks of Effect's scheduler and of the simulations, and a
 * clock that jumps to the next deadline when the queue stays empty for a turn.
 *
 * Each turn is a macrotask of the real loop, so that promises go on in between. What only the real world ends (files,
 * timers of the host) is not seen: the loop does not wait for it.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Simulation } from "./Simulation.ts"
import { macrotask } from "./macrotask.ts"

interface Sleeper {
  readonly deadline: number
  /** Whether it sleeps for the timers of a simulation. */
  readonly background: boolean
  readonly wake: () => void
}

export type StopReason = "Deadlock" | "MaxTime" | "MaxTurns"

export interface Limits {
  readonly maxTime: number
  readonly maxTurns: number
}

export class Loop implements Clock.Clock {
  readonly simulations = new Set<Simulation>()
  /** Turns in which there was something to do. */
  turns = 0
  private now = 0
  private limits: Limits
  private readonly stopped: (reason: StopReason) => void
  private queue: Array<() => void> = []
  // by deadline, and among equals in the order of falling asleep
  private sleepers: Array<Sleeper> = []
  private armed = false
  private ended = false
  private happened = 0
  private silent = 0
  private silentSince = 0

  constructor(limits: Limits, stopped: (reason: StopReason) => void) {
    this.limits = limits
    this.stopped = stopped
  }

  // whole milliseconds, as the system's clock has them, which programs count on
  currentTimeMillisUnsafe(): number {
    return Math.floor(this.now)
  }
  /** With the fractions that packets take. */
  preciseMillisUnsafe(): number {
    return this.now
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.now * 1000)) * BigInt(1000)
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.fallAsleep(Duration.toMillis(duration), false)
  }

  /** Sleeps for the timers of a simulation, some of which are set again and again whatever happens. */
  background(milliseconds: number): Effect.Effect<void> {
    return this.fallAsleep(milliseconds, true)
  }

  private fallAsleep(milliseconds: number, background: boolean): Effect.Effect<void> {
    if (milliseconds <= 0) return Effect.yieldNow
    if (milliseconds === Number.POSITIVE_INFINITY) return Effect.never
    return Effect.callback<void>((resume) => {
      const sleeper: Sleeper = { deadline: this.now + milliseconds, background, wake: () => resume(Effect.void) }
      let at = this.sleepers.length
      while (at > 0 && this.sleepers[at - 1].deadline > sleeper.deadline) at--
      this.sleepers.splice(at, 0, sleeper)
      return Effect.sync(() => {
        const index = this.sleepers.indexOf(sleeper)
        if (index !== -1) this.sleepers.splice(index, 1)
      })
    })
  }

  /** Runs `task` in the next turn, unless the function that is returned is called before. */
  readonly schedule = (task: () => void): (() => void) => {
    let withdrawn = false
    this.post(() => {
      if (!withdrawn) task()
    })
    return () => {
      withdrawn = true
    }
  }

  readonly post = (task: () => void): void => {
    this.queue.push(task)
    this.arm()
  }

  start(): void {
    this.arm()
  }

  /** New limits, for what is left to do after a stop. */
  extend(time: number, turns: number): void {
    this.limits = { maxTime: this.now + time, maxTurns: this.turns + turns }
  }

  /** How many fibers sleep, without those of simulations. */
  get asleep(): number {
    return this.sleepers.filter(({ background }) => !background).length
  }

  /** Does what is queued and no more: time stands still. */
  end(): void {
    this.ended = true
  }

  private arm(): void {
    if (this.armed) return
    this.armed = true
    macrotask(this.turn)
  }

  private readonly turn = (): void => {
    this.armed = false
    const tasks = this.queue
    if (tasks.length === 0) {
      if (this.ended) return
      return this.idle()
    }
    this.queue = []
    this.turns++
    // before the tasks: one that throws must not end the loop
    this.arm()
    if (this.turns > this.limits.maxTurns && !this.ended) this.stopped("MaxTurns")
    for (let i = 0; i < tasks.length; i++) tasks[i]()
  }

  private idle(): void {
    const next = this.sleepers.at(0)
    if (next === undefined || this.isDead()) return this.stopped("Deadlock")
    if (next.deadline > this.limits.maxTime) return this.stopped("MaxTime")
    this.now = next.deadline
    this.arm()
    // one that falls asleep meanwhile sleeps longer than this instant
    while (this.sleepers.length > 0 && this.sleepers[0].deadline <= this.now) this.sleepers.shift()!.wake()
  }

  // A look at a port that is set again and again is not a hope. A timer from before all fell silent is one.
  private isDead(): boolean {
    let happened = 0
    for (const { trace } of this.simulations) happened += trace.happened
    if (happened !== this.happened || this.sleepers.some(({ background }) => !background)) {
      this.happened = happened
      this.silent = 0
      this.silentSince = this.now
      return false
    }
    if (++this.silent < patience || this.now - this.silentSince < longestGrace) return false
    for (const { turns } of this.simulations) if (turns.oldest <= this.silentSince) return false
    return true
  }
}

// jumps without anything that happens
const patience = 64
// Milliseconds. A cancellation that comes to nothing is given up in steps, each a timer that is set anew: with the default
// `cancelGrace` within 1.25 s.
const longestGrace = 5000

/** What a clock has of milliseconds, with fractions where it has them. */
export const preciseMillis = (clock: Clock.Clock): number =>
  clock instanceof Loop ? clock.preciseMillisUnsafe() : clock.currentTimeMillisUnsafe()
