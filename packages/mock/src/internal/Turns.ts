/**
 * The turns of a simulated event loop. A task runs from the top of a later macrotask; everything queued before a
 * macrotask begins runs in it, in order. Delays run on Effect's Clock.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import { Loop, preciseMillis } from "./Loop.ts"
import { macrotask } from "./macrotask.ts"
import { Timers } from "./Timers.ts"

/** Something that has work to do in a later turn. */
export interface Task {
  run(): void
}

export class ScheduledTask implements Task {
  private task: (() => void) | undefined
  constructor(task: () => void) {
    this.task = task
  }
  run(): void {
    const task = this.task
    this.task = undefined
    if (task !== undefined) task()
  }
  withdraw(): void {
    this.task = undefined
  }
  get withdrawn(): boolean {
    return this.task === undefined
  }
}

// TestClock warns, once per test, of a sleeper that nobody wakes. A pump that waits in the background is not a test
// that forgot to advance time, so the sleeper's log level keeps that warning quiet.
const quiet = Context.make(References.MinimumLogLevel, "None")

// a clock sleeps whole nanoseconds: what is left of a deadline after that is none
const nanosecond = 1e-6

export class Turns {
  readonly clock: Clock.Clock
  readonly failed: (error: unknown) => void
  /** Runs a task from the event loop: the clock's, where it has one. */
  readonly macrotask: (task: () => void) => void
  /** Turns begun. */
  count = 0
  private queue: Array<Task> = []
  private spare: Array<Task> = []
  private armed = false
  private closed = false
  private readonly timers = new Timers<ScheduledTask>()
  private sleeper: Fiber.Fiber<void> | undefined
  private sleepsUntil = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock, failed: (error: unknown) => void) {
    this.clock = clock
    this.failed = failed
    this.macrotask = clock instanceof Loop ? clock.post : macrotask
  }

  /** Runs `task` in a later turn. */
  post(task: Task): void {
    this.queue.push(task)
    if (!this.armed && !this.closed) {
      this.armed = true
      this.macrotask(this.drain)
    }
  }

  /** Runs `task` in a turn after `delay` milliseconds of the clock. */
  after(delay: number, task: ScheduledTask): void {
    if (delay <= 0) return this.post(task)
    const since = preciseMillis(this.clock)
    this.timers.add(since, since + delay, task)
    this.arm()
  }

  /** Runs `act` so many turns or milliseconds from now, within this one for none. */
  later({ delay, turns }: { readonly delay: number; readonly turns: number }, act: () => void): void {
    if (delay > 0) this.after(delay, new ScheduledTask(act))
    else if (turns > 0) this.post(new ScheduledTask(() => this.later({ delay, turns: turns - 1 }, act)))
    else act()
  }

  /** Says whether a task waits for its turn; delayed ones do not count. */
  get busy(): boolean {
    return this.queue.length > 0
  }

  /** When the oldest of the delayed tasks was posted. */
  get oldest(): number {
    return this.timers.oldest
  }

  close(): void {
    this.closed = true
    this.queue = []
    this.timers.clear()
    this.sleeper?.interruptUnsafe()
    this.sleeper = undefined
  }

  private readonly drain = (): void => {
    this.armed = false
    this.count++
    const tasks = this.queue
    this.queue = this.spare
    for (let i = 0; i < tasks.length; i++) {
      try {
        tasks[i].run()
      } catch (error) {
        this.failed(error)
      }
    }
    tasks.length = 0
    this.spare = tasks
    if (this.queue.length > 0 && !this.armed && !this.closed) {
      this.armed = true
      this.macrotask(this.drain)
    }
  }

  // one fiber sleeps for all timers; it is left asleep when its timer is withdrawn, for the next one to use
  private arm(): void {
    const { deadline } = this.timers
    if (this.closed) return
    if (deadline >= this.sleepsUntil) return
    this.sleeper?.interruptUnsafe()
    this.sleepsUntil = deadline
    const { clock } = this
    const delay = deadline - preciseMillis(clock)
    const sleep = clock instanceof Loop ? clock.background(delay) : clock.sleep(Duration.millis(delay))
    this.sleeper = Effect.runForkWith(quiet)(Effect.andThen(sleep, Effect.sync(this.wake)))
  }

  private readonly wake = (): void => {
    this.sleeper = undefined
    this.sleepsUntil = Number.POSITIVE_INFINITY
    const now = preciseMillis(this.clock) + nanosecond
    for (let task = this.timers.due(now); task !== undefined; task = this.timers.due(now)) this.post(task)
    this.arm()
  }
}
