/**
 * Virtual time that goes by itself: whenever nothing is under way, it is as late as the next thing that waits for time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Host from "./internal/Host.ts"
import { Loop, type StopReason } from "./internal/Loop.ts"
import type { Simulation } from "./internal/Simulation.ts"
import * as MockNetstat from "./MockNetstat.ts"
import * as MockTrace from "./MockTrace.ts"
import type { SocketInfo } from "./MockWinsock.ts"

/**
 * How far a program may go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Virtual milliseconds; a program that waits for a later time is ended.
   *
   * @default 86400000, a day
   */
  readonly maxTime?: number | undefined
  /**
   * Turns of the event loop in which there was something to do; a program that takes more is ended.
   *
   * @default 1000000
   */
  readonly maxTurns?: number | undefined
  /**
   * The seed of Effect's `Random` in the program. (A simulation has its own: `Behaviour.seed`.)
   *
   * @default 1
   */
  readonly seed?: number | undefined
  /**
   * Is told, once the program has ended, how many turns and virtual milliseconds it took, and how many fibers still sleep:
   * those that it left behind.
   */
  readonly onEnd?: ((turns: number, time: number, asleep: number) => void) | undefined
}

/**
 * A program that did not end by itself.
 *
 * - `Deadlock`: nothing will ever happen; no fiber waits for time, and nothing has been under way for five seconds
 * - `MaxTime`: what it waits for comes after `maxTime`
 * - `MaxTurns`: it took more than `maxTurns`
 *
 * The message shows who waits: sockets, pending operations, and what happened last.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClockStopped extends Data.TaggedError("ClockStopped")<{
  readonly reason: StopReason
  /** Virtual milliseconds since the program began. */
  readonly at: number
  readonly turns: number
  /** The sockets of all simulations of the program. */
  readonly sockets: ReadonlyArray<SocketInfo>
  /** Overlapped operations that have not ended. */
  readonly pending: ReadonlyArray<string>
  /** The last events. */
  readonly trace: ReadonlyArray<MockTrace.Event>
}> {
  override get message(): string {
    const { pending, sockets, trace } = this
    const lines = [`${sentences[this.reason]} (at ${MockTrace.formatTime(this.at)}, after ${this.turns} turns)`]
    if (sockets.length > 0) lines.push("sockets:", MockNetstat.toTable(sockets))
    if (pending.length > 0) lines.push("pending:", ...pending.map((one) => `  ${one}`))
    if (trace.length > 0) lines.push("what happened last:", MockTrace.toText(trace))
    return lines.join("\n")
  }
}

const sentences: { readonly [R in StopReason]: string } = {
  Deadlock:
    "nothing will ever happen: the program has not ended, and nothing in it waits for time (timers and promises of the real world are not waited for)",
  MaxTime: "the program waits for a time after maxTime",
  MaxTurns: "the program takes more than maxTurns"
}

const shown = 40
// what the finalizers of an ended program may take
const graceTime = 3_600_000
const graceTurns = 10_000

const pendingOf = ({ nodes }: Simulation): Array<string> =>
  nodes.flatMap(({ kernel }) =>
    [...kernel.guard.pending.values()].map(
      ({ kind, overlapped, socket }) =>
        `[${kernel.name}] ${kind} 0x${overlapped.toString(16)} of socket ${socket.number}`
    )
  )

const stoppedBy = (reason: StopReason, loop: Loop): ClockStopped => {
  const simulations = [...loop.simulations]
  return new ClockStopped({
    reason,
    at: loop.preciseMillisUnsafe(),
    turns: loop.turns,
    sockets: simulations.flatMap(({ nodes }) => nodes.flatMap(({ kernel }) => Host.netstat(kernel))),
    pending: simulations.flatMap(pendingOf),
    trace: simulations.flatMap(({ trace }) => trace.list().slice(-shown))
  })
}

const limit = (name: string, value: number): number => {
  if (value > 0) return value
  throw new RangeError(`${name} of MockClock.run is more than 0, not ${value}`)
}

const seedOf = (value: number): number => {
  if (Number.isInteger(value)) return value
  throw new RangeError(`seed of MockClock.run is an integer, not ${value}`)
}

/**
 * Runs a program in virtual time, which begins at 0. Effect's `Clock` and all that is made of it (sleeps, timeouts,
 * schedules) and the timers of the simulations that the program makes are in that time, and it jumps to the next
 * deadline whenever nothing else is to be done: ten minutes of waiting take no time. Everything runs in one order, and
 * `Random` is seeded, so a program that takes chance and time from nowhere else runs the same way each time.
 *
 * Only what the program makes itself is in its time: make the simulation within. Promises that others settle (files,
 * real timers) are not waited for.
 *
 * Fails with `ClockStopped` once nothing will ever happen, or a limit is reached; the program is interrupted then, and
 * given up when it does not end. Dies of a limit that is not above 0, and of a seed that is no
 * integer.
 *
 * **Example** (Ten minutes)
 *
 * ```ts
 * import { MockClock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const program = MockClock.run(Effect.sleep("10 minutes"), { maxTime: 3_600_000 })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<A, E | ClockStopped, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E | ClockStopped>((resume) => {
      const seed = seedOf(options.seed ?? 1)
      let error: ClockStopped | undefined
      const finish = (end: Effect.Effect<A, E | ClockStopped>): void => {
        loop.end()
        options.onEnd?.(loop.turns, loop.preciseMillisUnsafe(), loop.asleep)
        resume(error === undefined ? end : Effect.fail(error))
      }
      const loop = new Loop(
        {
          maxTime: limit("maxTime", options.maxTime ?? 86_400_000),
          maxTurns: limit("maxTurns", options.maxTurns ?? 1_000_000)
        },
        (reason) => {
          if (error !== undefined) return finish(Effect.fail(error))
          error = stoppedBy(reason, loop)
          loop.extend(graceTime, graceTurns)
          loop.start()
          fiber.interruptUnsafe()
        }
      )
      const services = context.pipe(
        Context.add(Clock.Clock, loop),
        Context.add(Scheduler.Scheduler, new Scheduler.MixedScheduler("async", loop.schedule))
      ) as Context.Context<R>
      loop.start()
      const fiber = Effect.runForkWith(services)(Random.withSeed(program, seed))
      fiber.addObserver(finish)
      return Fiber.interrupt(fiber)
    })
  )
