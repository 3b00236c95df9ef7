/**
 * Runs a program under many seeds, each with disturbances of its own, and reports the first that fails: exactly
 * repeatable, and shortened to what matters.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { chanceOf, ownChance } from "./internal/Chance.ts"
import { difference, title } from "./internal/Difference.ts"
import { checkDisturbance, checkPlan, integer, limits } from "./internal/Exploring.ts"
import { shorten } from "./internal/Shortening.ts"
import * as MockClock from "./MockClock.ts"
import * as MockNetwork from "./MockNetwork.ts"
import type { Disturbance, Drawn } from "./MockDisturbance.ts"
import * as MockTrace from "./MockTrace.ts"
import type { Mock } from "./MockWinsock.ts"

/**
 * A disturbance and when it is, in virtual milliseconds since the program began.
 *
 * @category models
 * @since 0.1.0
 */
export interface Planned<Name extends string = string> {
  readonly at: number
  readonly duration: number
  readonly disturbance: Disturbance<Name>
}

/**
 * What happens in a run besides the program.
 *
 * @category models
 * @since 0.1.0
 */
export type Plan<Name extends string = string> = ReadonlyArray<Planned<Name>>

/**
 * What is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject<Name extends string, E = unknown> {
  /** The network, made anew for each run with the run's seed. */
  readonly network: Omit<MockNetwork.Options<Name>, "seed">
  /** Succeeds if all went well. */
  readonly program: (network: MockNetwork.MockNetwork<Name>) => Effect.Effect<unknown, E, Scope.Scope>
  /** Says what is wrong with the trace of a run that went well, if something is. */
  readonly invariant?: ((trace: ReadonlyArray<MockTrace.Event>) => string | undefined) | undefined
  /**
   * Virtual milliseconds that a run may take.
   *
   * @default 3600000, an hour
   */
  readonly maxTime?: number | undefined
  /**
   * Turns of the event loop that a run may take.
   *
   * @default 100000
   */
  readonly maxTurns?: number | undefined
}

/**
 * What is run, how often, and what disturbs it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Name extends string, E = unknown> extends Subject<Name, E> {
  /**
   * Which seeds, as of `it.seeds` of `MockTest`: a number is how many, counted up from `seed`; a list is those.
   *
   * @default 1000
   */
  readonly seeds?: number | ReadonlyArray<number> | undefined
  /**
   * The first seed.
   *
   * @default 1
   */
  readonly seed?: number | undefined
  /**
   * What plans are drawn from.
   *
   * @default none
   */
  readonly disturbances?: ReadonlyArray<Drawn<Name>> | undefined
  /**
   * The most disturbances of a run.
   *
   * @default 5
   */
  readonly most?: number | undefined
  /**
   * Disturbances begin within so many virtual milliseconds and last as long at most.
   *
   * @default 10000
   */
  readonly within?: number | undefined
  /**
   * One run in so many is repeated even if it goes well, to see whether it is the same run again.
   *
   * @default 20
   */
  readonly repeatEvery?: number | undefined
  /**
   * How many runs shortening a plan may take.
   *
   * @default 200
   */
  readonly maxShortening?: number | undefined
}

/**
 * How a run failed.
 *
 * - `Failed`, `Died`, `Interrupted`: the program did, or one that it had the network `host`; `name` is the error's
 * - `Stopped`: it did not end by itself; `name` is the reason of `ClockStopped`
 * - `Guard`: the program ended well, and the network's release found violations, or fibers sleep on (`Asleep`)
 * - `Invariant`: the invariant does not hold
 * - `Nondeterminism`: the same seed and plan gave another run; the message has where they part, and how each ended
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly kind: "Failed" | "Died" | "Interrupted" | "Stopped" | "Guard" | "Invariant" | "Nondeterminism"
  readonly name: string
  readonly message: string
}

/**
 * What a run came to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run<Name extends string = string> {
  readonly seed: number
  readonly plan: Plan<Name>
  /** Undefined if all went well. */
  readonly failure: Failure | undefined
  readonly trace: ReadonlyArray<MockTrace.Event>
  /** The last events before the program ended and its scope closed, without looks at ports that found nothing. */
  readonly last: ReadonlyArray<MockTrace.Event>
  readonly turns: number
  /** Virtual milliseconds. */
  readonly time: number
}

/**
 * A run that failed, and the shortest plan found under which it fails in the same way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report<Name extends string = string> {
  readonly seed: number
  /** As it was drawn. */
  readonly plan: Plan<Name>
  readonly failure: Failure
  /** With the shortened plan. Its trace is what `MockTimeline.toSvg` and the others take. */
  readonly shortest: Run<Name>
  /** Runs that went well before. */
  readonly clean: number
  /** Runs that shortening took. */
  readonly shortening: number
}

/**
 * Runs that all went well.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explored {
  readonly runs: number
  readonly turns: number
  /** Virtual milliseconds, of all runs together. */
  readonly time: number
}

/**
 * A run failed. The message is the report as text.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExplorationFailed extends Data.TaggedError("ExplorationFailed")<{
  readonly report: Report
  /** What the program failed of. */
  readonly cause?: unknown
}> {
  constructor(fields: { readonly report: Report; readonly cause?: unknown }) {
    super(fields)
    // a message that says it all needs no list of fields after it
    for (const key of ["report", "cause"]) Object.defineProperty(this, key, { enumerable: false })
  }
  override get message(): string {
    return toText(this.report)
  }
}

const seedsOf = <Name extends string, E>({ seed = 1, seeds = 1000 }: Options<Name, E>): ReadonlyArray<number> => {
  const first = integer("seed", seed, 0)
  // as unsigned numbers of 32 bits, which is what makes the chance
  if (typeof seeds === "number") {
    return Array.from({ length: integer("seeds", seeds, 1) }, (_, i) => (first + i) >>> 0)
  }
  if (seeds.length === 0) throw new RangeError("seeds of an exploration: none")
  return seeds.map((one) => integer("seeds", one, 0))
}

/**
 * Returns the plan of a seed.
 *
 * Throws a `RangeError` for what is no count, and what the constructors of rules and faults throw.
 *
 * @category running
 * @since 0.1.0
 */
export const draw = <Name extends string, E>(seed: number, options: Options<Name, E>): Plan<Name> => {
  const palette = options.disturbances ?? []
  if (palette.length === 0) return []
  const chance = chanceOf(seed ^ 0x2545f491)
  const within = integer("within", options.within ?? 10_000, 1)
  return Array.from({ length: chance.below(integer("most", options.most ?? 5, 0) + 1) }, () => {
    const one = palette[chance.below(palette.length)]
    return {
      at: chance.below(within),
      duration: 1 + chance.below(within),
      disturbance: typeof one === "function" ? one(chance) : one
    }
  }).toSorted((a, b) => a.at - b.at)
}

// events of a report
const shown = 40

const isNews = (event: MockTrace.Event): boolean =>
  event._tag !== "Call" ||
  !(event.name === "WSAGetLastError" || (event.name === "GetQueuedCompletionStatusEx" && event.result === 0))

const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  const name =
    typeof error === "object" && error !== null && "_tag" in error
      ? String(error._tag)
      : error instanceof Error
        ? error.name
        : typeof error
  if (error instanceof MockClock.ClockStopped) return { kind: "Stopped", name: error.reason, message }
  if (Cause.hasInterruptsOnly(cause)) {
    const crashed = "it was interrupted, as a crash of a machine interrupts the programs of run and fork"
    return { kind: "Interrupted", name: "Interrupted", message: crashed }
  }
  return { kind: Cause.hasFails(cause) ? "Failed" : "Died", name, message }
}

/**
 * Runs a subject once, in virtual time. Never fails: what went wrong is in the result. Dies of what cannot be run, with a
 * `RangeError` that names the option and the value: limits, the seed, times and hosts of the plan, the network's options.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <Name extends string, E>(
  subject: Subject<Name, E>,
  seed: number,
  plan: Plan<Name> = []
): Effect.Effect<Run<Name>> =>
  Effect.gen(function* () {
    const { maxTime, maxTurns } = limits(subject)
    integer("seed", seed, 0)
    checkPlan(subject, plan)
    let turns = 0
    let time = 0
    let asleep = 0
    let network: MockNetwork.MockNetwork<Name> | undefined
    let broken: Failure | undefined
    let last: ReadonlyArray<MockTrace.Event> = []
    const hosted = Deferred.makeUnsafe<never, unknown>()
    const scope = yield* Scope.make()
    const use = (made: MockNetwork.MockNetwork<Name>): Effect.Effect<unknown, unknown> => {
      network = made
      const disturb = ({ at, disturbance, duration }: Planned<Name>) =>
        disturbance
          .begin(made, ownChance(seed, at, disturbance.code))
          .pipe(Effect.andThen(Effect.sleep(duration)), Effect.scoped, Effect.delay(at))
      // one that dies ends the run
      const disturbances = Effect.all(plan.map(disturb), { concurrency: "unbounded", discard: true })
      const program = Effect.suspend(() => subject.program(watched(made, hosted)))
      const look = Effect.map(traceOf(made), (trace) => {
        last = trace.filter(isNews).slice(-shown)
      })
      return Effect.raceAllFirst([
        // before its scope closes
        Effect.scoped(Effect.onExit(program, () => look)),
        Effect.andThen(disturbances, Effect.never),
        Deferred.await(hosted)
      ])
    }
    const options: MockNetwork.Options<Name> = { ...subject.network, seed }
    // what the guard finds is told apart from how the program ends
    const program = Effect.acquireUseRelease(Scope.provide(MockNetwork.make(options), scope), use, (_, exit) =>
      Effect.map(Effect.exit(Scope.close(scope, exit)), (closed) => {
        if (Exit.isFailure(closed)) broken = { ...failureOf(closed.cause), kind: "Guard", name: "Guard" }
      })
    )
    const exit = yield* Effect.exit(
      MockClock.run(program, {
        seed,
        maxTime,
        maxTurns,
        onEnd: (turnsTaken, timeTaken, stillAsleep) => {
          turns = turnsTaken
          time = timeTaken
          asleep = stillAsleep
        }
      })
    )
    // of a program that was given up the network is still there
    yield* Effect.exit(Scope.close(scope, exit))
    // a network that cannot be made is wrong for any seed
    if (network === undefined && Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
      return yield* Effect.die(Cause.squash(exit.cause))
    }
    const trace = network === undefined ? [] : yield* traceOf(network)
    const failure = Exit.isFailure(exit)
      ? failureOf(exit.cause)
      : (broken ?? sleepers(asleep) ?? invariant(subject, trace))
    const result: Run<Name> = { seed, plan, failure, trace, last, turns, time }
    if (Exit.isFailure(exit) && (failure?.kind === "Failed" || failure?.kind === "Died")) {
      errors.set(result, Cause.squash(exit.cause))
    }
    return result
  })

const traceOf = <Name extends string>({ hosts }: MockNetwork.MockNetwork<Name>) => Object.values<Mock>(hosts)[0].trace

/** Hears of programs of `host` that fail: nobody else may. */
const watched = <Name extends string>(
  network: MockNetwork.MockNetwork<Name>,
  failed: Deferred.Deferred<never, unknown>
): MockNetwork.MockNetwork<Name> => ({
  ...network,
  host: (host, program) =>
    Effect.tap(network.host(host, program), (fiber) =>
      Effect.sync(() =>
        fiber.addObserver((exit) => {
          if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) Deferred.doneUnsafe(failed, exit)
        })
      )
    )
})

// what a run failed of, for whoever shows errors with their stacks; two runs are the same without
const errors = new WeakMap<Run, unknown>()

const sleepers = (count: number): Failure | undefined =>
  count === 0
    ? undefined
    : {
        kind: "Guard",
        name: "Asleep",
        message: `${count} ${count === 1 ? "fiber sleeps" : "fibers sleep"} on after the end of the program (forkDetach?)`
      }

/** One that throws does not hold either. */
const invariant = <Name extends string, E>(
  subject: Subject<Name, E>,
  trace: ReadonlyArray<MockTrace.Event>
): Failure | undefined => {
  let wrong: string | undefined
  try {
    wrong = subject.invariant?.(trace)
  } catch (error) {
    wrong = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
  return wrong === undefined ? undefined : { kind: "Invariant", name: "Invariant", message: wrong }
}

const sameKind = (a: Failure | undefined, b: Failure): boolean => a?.kind === b.kind && a.name === b.name

/**
 * Runs one seed of an exploration again: the same run, with the plan that the seed draws.
 *
 * @category running
 * @since 0.1.0
 */
export const replay = <Name extends string, E>(options: Options<Name, E>, seed: number): Effect.Effect<Run<Name>> =>
  Effect.suspend(() => run(options, seed, draw(seed, options)))

// the report is for people and pictures, who do not ask which names there were
const failed = <Name extends string>(report: Report<Name>, cause?: unknown): ExplorationFailed =>
  new ExplorationFailed({ report: report as unknown as Report, ...(cause === undefined ? {} : { cause }) })

/**
 * Runs a program under many seeds, until one fails: `ExplorationFailed`, with a report. One seed makes all of a run: what
 * the simulation leaves to chance, Effect's `Random`, the plan, and the chance in its rules. Before a failure is
 * reported it is run again: one that does not repeat is reported as `Nondeterminism`, and so is a run in `repeatEvery`
 * that went well and then differently (the program took time or chance from elsewhere: `Date.now`, `Math.random`).
 *
 * Dies before the first run of options that cannot be, with a `RangeError` that names the option and the value: counts and
 * limits, what the constructors of rules and faults refuse, hosts of disturbances that the network has none of.
 *
 * **Example** (A hundred bad networks)
 *
 * ```ts
 * import { MockDisturbance, MockExplorer, MockNetwork } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const explored = MockExplorer.explore({
 *   seeds: 100,
 *   network: { hosts: MockNetwork.twoHosts },
 *   disturbances: MockDisturbance.harsh,
 *   program: ({ hosts }) => Effect.provide(Effect.sleep("1 minute"), MockNetwork.layer(hosts.client))
 * })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const explore = <Name extends string, E>(
  options: Options<Name, E>
): Effect.Effect<Explored, ExplorationFailed> =>
  Effect.gen(function* () {
    const seeds = seedsOf(options)
    const maxShortening = integer("maxShortening", options.maxShortening ?? 200, 0)
    const repeatEvery = integer("repeatEvery", options.repeatEvery ?? 20, 1)
    limits(options)
    // those that no seed draws, too
    for (const one of options.disturbances ?? []) if (typeof one !== "function") checkDisturbance(options, one)
    for (const seed of seeds) checkPlan(options, draw(seed, options))
    let turns = 0
    let time = 0
    for (const [i, seed] of seeds.entries()) {
      const first = yield* replay(options, seed)
      turns += first.turns
      time += first.time
      if (first.failure === undefined && i % repeatEvery !== 0) continue
      const again = yield* run(options, seed, first.plan)
      const other = difference(first, again)
      const { plan } = first
      if (other !== undefined) {
        const failure: Failure = { kind: "Nondeterminism", name: "Nondeterminism", message: other }
        return yield* failed({ seed, plan, failure, shortest: { ...again, failure }, clean: i, shortening: 0 })
      }
      const { failure } = first
      if (failure === undefined) continue
      let shortest = first
      const shortening = yield* shorten(plan, maxShortening, (shorter) =>
        Effect.map(run(options, seed, shorter), (one) => {
          const same = sameKind(one.failure, failure)
          if (same) shortest = one
          return same
        })
      )
      return yield* failed({ seed, plan, failure, shortest, clean: i, shortening }, errors.get(shortest as Run))
    }
    return { runs: seeds.length, turns, time }
  })

/**
 * Returns a plan as code, to be given to `run` in a test.
 *
 * @category formatting
 * @since 0.1.0
 */
export const toCode = (plan: Plan): string =>
  plan.length === 0
    ? "[]"
    : `[\n${plan
        .map(
          ({ at, disturbance, duration }) => `  { at: ${at}, duration: ${duration}, disturbance: ${disturbance.code} }`
        )
        .join(",\n")}\n]`

const planned = ({ at, disturbance, duration }: Planned): string =>
  `  from ${MockTrace.formatTime(at)} for ${MockTrace.formatTime(duration)}: ${disturbance.description}`

/**
 * Returns a report as text: the seed, the plan, what went wrong, the shortened plan as code, and the end of the trace.
 *
 * @category formatting
 * @since 0.1.0
 */
export const toText = ({ clean, failure, plan, seed, shortening, shortest }: Report): string =>
  [
    `seed ${seed}: ${title(failure)}`,
    `${clean} ${clean === 1 ? "run" : "runs"} went well before`,
    `to explore this seed alone: \`seeds: [${seed}]\`; to run it again as it was: \`MockExplorer.replay(options, ${seed})\``,
    plan.length === 0 ? "nothing disturbed it" : "the plan:",
    ...plan.map(planned),
    ...(shortening === 0
      ? []
      : [
          `shortened by ${shortening} runs to ${shortest.plan.length} of ${plan.length}:`,
          ...shortest.plan.map(planned)
        ]),
    `MockExplorer.run(options, ${seed}, ${toCode(shortest.plan)})`,
    // those that are about the end of the simulation show it themselves
    ...(failure.kind === "Stopped" || failure.kind === "Guard" || shortest.last.length === 0
      ? []
      : ["what happened last:", MockTrace.toText(shortest.last)])
  ].join("\n")
