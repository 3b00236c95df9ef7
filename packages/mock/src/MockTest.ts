/**
 * `it` of `@effect/vitest` on simulated machines: every test has a fresh machine or network of its own, `TestClock`, and
 * `Winsock`; at its end the guard is asked. A test that fails shows its seed, what the guard found, the sockets and what
 * happened last.
 *
 * Needs `@effect/vitest` and `vitest` (optional peers), and is not in the barrel: import
 * `@effect-winsock/mock/MockTest`.
 *
 * @since 0.1.0
 */
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as Vitest from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import * as Report from "./internal/Report.ts"
import * as MockNetstat from "./MockNetstat.ts"
import * as MockNetwork from "./MockNetwork.ts"
import * as MockTrace from "./MockTrace.ts"
import * as MockWinsock from "./MockWinsock.ts"

/**
 * What can be chosen about the tests, besides the simulation itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestOptions {
  /**
   * How many of the latest events a failure shows.
   *
   * @default 40
   */
  readonly shown?: number | undefined
}

/**
 * Options of tests on one machine. `seed` is that of every test; without it each has one of its own, made from its name.
 * `callSites` is true unless chosen; the guard is asked by the test, so `"strict"` is a failure of the test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends MockWinsock.LayerOptions, TestOptions {}

/**
 * Options of tests on a network.
 *
 * @category models
 * @since 0.1.0
 */
export type NetworkOptions<Name extends string> = MockNetwork.Options<Name> &
  Pick<MockWinsock.LayerOptions, "decorate" | "winsock"> &
  TestOptions

/**
 * What a test on one machine gets in its context, besides what vitest puts there.
 *
 * @category models
 * @since 0.1.0
 */
export interface MachineContext {
  readonly seed: number
  readonly mock: MockWinsock.Mock
}

/**
 * What a test on a network gets in its context: its machines by name, and `on`, which runs a program on one of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetworkContext<Name extends string> extends MockNetwork.MockNetwork<Name> {
  readonly seed: number
  readonly on: <A, E, R>(
    host: Name,
    program: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, Winsock | MockWinsock.MockWinsock>>
}

/**
 * Registers a test, as `it.effect` does.
 *
 * @category models
 * @since 0.1.0
 */
export type Test<R, Extra> = Vitest.Vitest.Test<R, Extra>

/**
 * Registers tests, with the modifiers of `it.effect`. Each value of a property has a fresh machine too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tester<R, Extra> extends Omit<Vitest.Vitest.Tester<R, Extra>, "prop"> {
  <A, E>(
    name: string,
    self: Vitest.Vitest.TestFunction<A, E, R, [Vitest.TestContext & Extra]>,
    timeout?: number | Vitest.TestOptions
  ): void
  readonly prop: <const Arbs extends Vitest.Vitest.Arbitraries, A, E>(
    name: string,
    arbitraries: Arbs,
    self: (
      values: { [K in keyof Arbs]: Vitest.Vitest.ArbitraryValue<Arbs[K]> },
      context: Vitest.TestContext & Extra
    ) => Effect.Effect<A, E, R>,
    timeout?: Parameters<Vitest.Vitest.Tester<R>["prop"]>[3]
  ) => void
}

/**
 * vitest's `it`, with tests on simulated machines.
 *
 * @category models
 * @since 0.1.0
 */
export interface Methods<R, Extra> extends Vitest.API {
  /** A test in virtual time. */
  readonly effect: Tester<R | Scope.Scope, Extra>
  /** A test in real time. */
  readonly live: Tester<R | Scope.Scope, Extra>
  /**
   * A test that runs under many seeds, one after the other, each in a fresh machine, and fails naming the first seed that
   * fails. A number is how many, counted up from the test's seed; a list is those. What Windows leaves open (when a call
   * answers, when a cancellation takes hold, the order of completions, where a stream is cut) is up to the seed unless it
   * was chosen.
   */
  readonly seeds: (seeds: number | ReadonlyArray<number>) => Test<R | Scope.Scope, Extra>
  /** Tests with a layer of the user's own over the machine, made anew for each of them. */
  readonly layer: <R2, E>(layer: Layer.Layer<R2, E, R>) => Suite<R | R2, Extra>
}

/**
 * Takes the tests of a suite, which gets a name or becomes part of the one around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suite<R, Extra> {
  (tests: (it: Methods<R, Extra>) => void): void
  (name: string, tests: (it: Methods<R, Extra>) => void): void
}

interface Rig<R, Extra> {
  readonly mocks: ReadonlyArray<MockWinsock.Mock>
  readonly context: Context.Context<R>
  readonly extra: Extra
}

/** How a test is set up: what makes its machines, and what is to be known of them when it fails. */
interface Plan<R, Extra> {
  readonly options: MockWinsock.Behaviour & TestOptions
  readonly make: (
    behaviour: MockWinsock.Behaviour & { readonly seed: number }
  ) => Effect.Effect<Rig<R, Extra>, unknown, Scope.Scope>
}

const TestEnv = Layer.mergeAll(TestConsole.layer, TestClock.layer())

/**
 * A test failed: what the guard found, if anything, and what the simulation looked like. It is the error's own `cause`, or
 * the error itself where the guard alone is the failure.
 *
 * @category errors
 * @since 0.1.0
 */
export class SimulationReport extends Error {
  override readonly name = "SimulationReport"
  readonly seed: number
  readonly violations: ReadonlyArray<MockTrace.Violated>
  readonly sockets: ReadonlyArray<MockWinsock.SocketInfo>
  readonly trace: ReadonlyArray<MockTrace.Event>
  constructor(
    message: string,
    seed: number,
    violations: ReadonlyArray<MockTrace.Violated>,
    { sockets, trace }: Snapshot
  ) {
    super(message)
    this.seed = seed
    this.violations = violations
    this.sockets = sockets
    this.trace = trace
    // where it was made is nobody's business
    this.stack = `${this.name}: ${message}`
    // a message that says it all needs no list of fields after it
    for (const key of ["name", "seed", "violations", "sockets", "trace"]) {
      Object.defineProperty(this, key, { enumerable: false })
    }
  }
  /** What vitest takes to where it prints: without it all own properties, and so the whole trace. */
  toJSON(): { readonly name: string; readonly message: string; readonly stack: string | undefined } {
    const { message, name, stack } = this
    return { name, message, stack }
  }
}

interface Snapshot {
  readonly sockets: ReadonlyArray<MockWinsock.SocketInfo>
  readonly trace: ReadonlyArray<MockTrace.Event>
}

const nothing: Snapshot = { sockets: [], trace: [] }

const snapshotOf = (mocks: ReadonlyArray<MockWinsock.Mock>): Effect.Effect<Snapshot> =>
  mocks.length === 0
    ? Effect.succeed(nothing)
    : Effect.all({
        sockets: Effect.map(Effect.all(mocks.map(({ sockets }) => sockets)), (all) => all.flat()),
        trace: mocks[0].trace
      })

const mostCauses = 16

/** Puts the report where vitest shows it after the error: at the end of its causes. */
const attach = (error: unknown, report: SimulationReport): unknown => {
  let last = error
  for (let i = 0; i < mostCauses && last instanceof Error; i++) {
    const { cause } = last
    if (cause === undefined || cause instanceof SimulationReport) {
      try {
        Object.defineProperty(last, "cause", { value: report, configurable: true, writable: true, enumerable: false })
        return error
      } catch {
        // one that is frozen
        break
      }
    }
    last = cause
  }
  const wrapped = new Error(error instanceof Error ? error.message : Cause.pretty(Cause.fail(error)), { cause: report })
  if (error instanceof Error && error.stack !== undefined) wrapped.stack = error.stack
  return wrapped
}

const reportOf = (
  title: string,
  seed: number,
  violations: ReadonlyArray<MockTrace.Violated>,
  snapshot: Snapshot,
  shown: number,
  others: ReadonlyArray<string>
): SimulationReport => {
  const { sockets, trace } = snapshot
  const events = trace.slice(-shown)
  const lines = [`${title} (\`seed: ${seed}\` runs it again)`]
  for (const other of others) lines.push(`also: ${other}`)
  if (violations.length > 0) {
    lines.push(`the simulated kernel found ${Report.counted(violations.length)}:`)
    lines.push(...Report.violationLines(violations, trace, events))
  }
  if (sockets.length > 0) lines.push("sockets:", MockNetstat.toTable(sockets))
  if (events.length > 0) lines.push("what happened last:", MockTrace.toText(events))
  return new SimulationReport(lines.join("\n"), seed, violations, snapshot)
}

/** Runs a test once, in machines of its own. */
const runOnce = <A, E, R, Extra>(
  plan: Plan<R, Extra>,
  behaviour: MockWinsock.Behaviour & { readonly seed: number },
  live: boolean,
  title: string,
  self: (extra: Extra) => Effect.Effect<A, E, R | Scope.Scope>
): Effect.Effect<A> =>
  Effect.suspend(() => {
    const { guard = "strict", shown = 40 } = plan.options
    const { seed } = behaviour
    let mocks: ReadonlyArray<MockWinsock.Mock> = []
    let seen: Snapshot | undefined
    const look = Effect.suspend(() =>
      Effect.map(snapshotOf(mocks), (snapshot) => {
        seen ??= snapshot
      })
    )
    const made = Effect.flatMap(
      plan.make({
        callSites: true,
        ...behaviour,
        guard: guard === "off" ? "off" : "collect"
      }),
      (rig) => {
        mocks = rig.mocks
        const program = Effect.suspend(() => self(rig.extra)).pipe(
          // before the finalizers take down what there is to see
          Effect.onExit((exit) => (Exit.isFailure(exit) ? look : Effect.void)),
          Effect.scoped
        )
        return Effect.provideContext(program, rig.context) as Effect.Effect<A, E>
      }
    )
    const scoped = Random.withSeed(Effect.scoped(made), seed)
    const report = (others: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const violations = (yield* Effect.all(mocks.map((mock) => mock.guard))).flat()
        yield* look
        return reportOf(title, seed, violations, seen ?? nothing, shown, others)
      })
    return (live ? scoped : Effect.provide(scoped, TestEnv)).pipe(
      // vitest tells of a timeout only that there was one
      Effect.onInterrupt(() => Effect.flatMap(report([]), ({ message }) => Effect.logError(message))),
      Effect.exit,
      Effect.flatMap((exit) =>
        Effect.flatMap(
          report(Exit.isFailure(exit) ? Cause.prettyErrors(exit.cause).slice(1).map(String) : []),
          (found): Effect.Effect<A> => {
            if (Exit.isFailure(exit)) return Effect.die(attach(Cause.squash(exit.cause), found))
            return guard === "strict" && found.violations.length > 0 ? Effect.die(found) : Effect.succeed(exit.value)
          }
        )
      )
    )
  })

// as @effect/vitest does: a test that timed out is waited for, so that its finalizers are not the next test's
const runTest = (context: Vitest.TestContext, effect: Effect.Effect<unknown>): Promise<void> => {
  const { signal } = context
  const promise = Effect.runPromise(Effect.asVoid(effect), { signal })
  const onAbort = (): void =>
    context.onTestFinished(() =>
      promise.then(
        () => {},
        () => {}
      )
    )
  signal.addEventListener("abort", onAbort, { once: true })
  const cleanup = (): void => signal.removeEventListener("abort", onAbort)
  promise.then(cleanup, cleanup)
  if (signal.aborted) onAbort()
  return promise
}

/** The seed of a test that was given none: FNV-1a of the names of its suites and its own. */
const seedOf = ({ task }: Vitest.TestContext): number => {
  let name = task.name
  for (let { suite } = task; suite !== undefined; suite = suite.suite) name = `${suite.name} ${name}`
  let hash = 0x811c_9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193)
  return hash >>> 0
}

// vitest reads from a test's source which fixtures it wants
const withSourceOf = <F extends (...args: never) => unknown>(source: (...args: never) => unknown, f: F): F =>
  Object.defineProperty(f, "toString", { value: () => source.toString() })

const withExtra = <Extra>(context: Vitest.TestContext, extra: Extra): Vitest.TestContext & Extra =>
  Object.assign(Object.create(context), extra)

const optionsOf = (timeout: number | Vitest.TestOptions | undefined): Vitest.TestOptions =>
  typeof timeout === "number" ? { timeout } : (timeout ?? {})

// what Windows leaves open, and a seed may decide
const seeded: MockWinsock.Behaviour = {
  dequeue: "seeded",
  truncationAnswer: "seeded",
  readyAnswer: "seeded",
  cancellation: "seeded",
  segmentation: "seeded"
}

type Register = (
  name: string,
  options: Vitest.TestOptions,
  run: (context: Vitest.TestContext) => Promise<void>
) => unknown

const makeTester = <R, Extra>(plan: Plan<R, Extra>, live: boolean): Tester<R | Scope.Scope, Extra> => {
  type Self<Args extends Array<unknown>> = (
    ...args: [...Args, Vitest.TestContext & Extra]
  ) => Effect.Effect<unknown, unknown, R | Scope.Scope>
  const once = <Args extends Array<unknown>>(context: Vitest.TestContext, args: Args, self: Self<Args>) => {
    const seed = plan.options.seed ?? seedOf(context)
    return runOnce(plan, { ...plan.options, seed }, live, `seed ${seed}`, (extra) =>
      self(...args, withExtra(context, extra))
    )
  }
  const register =
    (test: Register) =>
    (name: string, self: Self<[]>, timeout?: number | Vitest.TestOptions): void => {
      test(
        name,
        optionsOf(timeout),
        withSourceOf(self, (context) => runTest(context, once(context, [], self)))
      )
    }
  const it = Vitest.it
  const tester = Object.assign(register(it), {
    skip: register(it.skip),
    skipIf: (condition: unknown) => register(it.skipIf(condition)),
    runIf: (condition: unknown) => register(it.runIf(condition)),
    only: register(it.only),
    fails: register(it.fails),
    each:
      <T>(cases: ReadonlyArray<T>) =>
      (name: string, self: Self<[T]>, timeout?: number | Vitest.TestOptions): void => {
        it.for(cases)(
          name,
          optionsOf(timeout),
          withSourceOf(self, (one: T, context: Vitest.TestContext) => runTest(context, once(context, [one], self)))
        )
      },
    prop: (
      name: string,
      arbitraries: Vitest.Vitest.Arbitraries,
      self: Self<[never]>,
      timeout?: Parameters<Vitest.Vitest.Tester<never>["prop"]>[3]
    ): void => Vitest.live.prop(name, arbitraries, (values, context) => once(context, [values as never], self), timeout)
  })
  return tester as unknown as Tester<R | Scope.Scope, Extra>
}

const makeSeeds =
  <R, Extra>(plan: Plan<R, Extra>): Methods<R, Extra>["seeds"] =>
  (seeds) =>
  (name, self, timeout) => {
    Vitest.it(
      name,
      optionsOf(timeout),
      withSourceOf(self, (context: Vitest.TestContext) => {
        const first = plan.options.seed ?? seedOf(context)
        const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, i) => (first + i) >>> 0) : seeds
        if (list.length === 0) throw new RangeError("seeds: at least 1")
        return runTest(
          context,
          Effect.forEach(
            list,
            (seed, i) =>
              runOnce(
                plan,
                { ...seeded, ...plan.options, seed },
                false,
                `seed ${seed}, the ${i + 1}. of ${list.length}: \`it.seeds([${seed}])\` tries it alone`,
                (extra) => self(withExtra(context, extra))
              ),
            { discard: true }
          )
        )
      })
    )
  }

const withLayer = <R, Extra, R2, E>(plan: Plan<R, Extra>, layer: Layer.Layer<R2, E, R>): Plan<R | R2, Extra> => ({
  options: plan.options,
  make: (behaviour) =>
    Effect.flatMap(plan.make(behaviour), (rig) =>
      Effect.map(
        Effect.provideContext(Layer.build(layer), rig.context as Context.Context<R>) as Effect.Effect<
          Context.Context<R2>,
          E,
          Scope.Scope
        >,
        (context) => ({ ...rig, context: Context.merge(rig.context, context) })
      )
    )
})

const suiteOf = <R, Extra>(plan: Plan<R, Extra>): Suite<R, Extra> => {
  const methods = methodsOf(plan)
  return (...args: [(it: Methods<R, Extra>) => void] | [string, (it: Methods<R, Extra>) => void]): void => {
    if (args.length === 1) args[0](methods)
    else {
      const [name, tests] = args
      Vitest.describe(name, () => tests(methods))
    }
  }
}

const methodsOf = <R, Extra>(plan: Plan<R, Extra>): Methods<R, Extra> => {
  const own: Pick<Methods<R, Extra>, "effect" | "live" | "seeds" | "layer"> = {
    effect: makeTester(plan, false),
    live: makeTester(plan, true),
    seeds: makeSeeds(plan),
    layer: (layer) => suiteOf(withLayer(plan, layer))
  }
  return new Proxy(Vitest.it, {
    get: (target, property, receiver) =>
      Object.hasOwn(own, property) ? Reflect.get(own, property) : Reflect.get(target, property, receiver)
  }) as unknown as Methods<R, Extra>
}

const machinePlan = (options: Options): Plan<Winsock | MockWinsock.MockWinsock, MachineContext> => ({
  options,
  make: (behaviour) =>
    Effect.map(Layer.build(MockWinsock.layer({ ...options, ...behaviour })), (context) => {
      const mock = Context.get(context, MockWinsock.MockWinsock)
      return { mocks: [mock], context, extra: { mock, seed: behaviour.seed } }
    })
})

const networkPlan = <Name extends string>(
  options: NetworkOptions<Name>
): Plan<MockWinsock.MockWinsock, NetworkContext<Name>> => ({
  options,
  make: (behaviour) =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.make({ ...options, ...behaviour })
      const mocks: Array<MockWinsock.Mock> = Object.values(network.hosts)
      const contexts = new Map<string, Context.Context<Winsock | MockWinsock.MockWinsock>>()
      for (const mock of mocks) contexts.set(mock.name, yield* Layer.build(MockNetwork.layer(mock, options)))
      const on: NetworkContext<Name>["on"] = (host, program) => {
        const context = contexts.get(host)
        if (context === undefined) return Effect.die(new RangeError(`not a host of this network: ${host}`))
        return Effect.provide(program, context)
      }
      return {
        mocks,
        context: Context.make(MockWinsock.MockWinsock, mocks[0]),
        extra: { ...network, on, seed: behaviour.seed }
      }
    })
})

/**
 * Makes an `it` whose tests have a fresh simulated machine each: `Winsock`, `MockWinsock`, a scope, `TestClock`
 * (`it.live`: real time), and Effect's `Random` seeded like the simulation. The guard is checked when all of it is
 * released.
 *
 * **Example** (A test that needs no network)
 *
 * ```ts
 * import { UdpSocket } from "@effect-winsock/core"
 * import { MockWinsock } from "@effect-winsock/mock"
 * import * as MockTest from "@effect-winsock/mock/MockTest"
 * import { assert } from "@effect/vitest"
 * import { Effect, Fiber } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const it = MockTest.make({ cancellation: "deferred" })
 *
 * it.effect("gives up after ten minutes", () =>
 *   Effect.gen(function*() {
 *     const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
 *     const fiber = yield* Effect.forkChild(Effect.timeoutOption(socket.receive, "10 minutes"))
 *     yield* MockWinsock.advance("10 minutes")
 *     assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
 *   }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Methods<Winsock | MockWinsock.MockWinsock, MachineContext> =>
  methodsOf(machinePlan(options))

/**
 * Makes an `it` whose tests have a fresh simulated network each. A test takes its machines, by name, and `on` from its
 * context; `MockWinsock` is the first of them.
 *
 * **Example** (A client and a server)
 *
 * ```ts
 * import { UdpSocket } from "@effect-winsock/core"
 * import { MockNetwork } from "@effect-winsock/mock"
 * import * as MockTest from "@effect-winsock/mock/MockTest"
 * import { Effect, Fiber } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const at = NetAddress.inetAddressFromIpStringUnsafe
 * const it = MockTest.makeNetwork({ hosts: MockNetwork.twoHosts })
 *
 * it.effect("one datagram", ({ on }) =>
 *   Effect.gen(function*() {
 *     const server = yield* on("server", UdpSocket.bind(at("10.0.0.1", 7)))
 *     const client = yield* on("client", UdpSocket.bind(at("10.0.0.2", 0)))
 *     const fiber = yield* Effect.forkChild(server.receive)
 *     yield* client.send(new Uint8Array(1), server.address)
 *     yield* Fiber.join(fiber)
 *   }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNetwork = <Name extends string>(
  options: NetworkOptions<Name>
): Methods<MockWinsock.MockWinsock, NetworkContext<Name>> => methodsOf(networkPlan(options))

/**
 * As `make`, for the tests of one suite: `MockTest.layer(options)("name", (it) => { ... })`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Suite<Winsock | MockWinsock.MockWinsock, MachineContext> =>
  suiteOf(machinePlan(options))

/**
 * As `makeNetwork`, for the tests of one suite.
 *
 * @category constructors
 * @since 0.1.0
 */
export const layerNetwork = <Name extends string>(
  options: NetworkOptions<Name>
): Suite<MockWinsock.MockWinsock, NetworkContext<Name>> => suiteOf(networkPlan(options))
