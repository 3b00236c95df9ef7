/** One run over a network: a seed in, what went wrong out. */
import { MockExplorer, MockTrace } from "@effect-winsock/mock"
import { WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Chance } from "../Chance.ts"
import { draw, within } from "./Disturbances.ts"
import type { HostName, Life } from "./Ledger.ts"
import { Ledger } from "./Ledger.ts"
import type { NetworkPlan } from "./NetworkPlan.ts"
import { planOf } from "./NetworkPlan.ts"
import type { Happenings } from "./Oracle.ts"
import { nothing, Oracle } from "./Oracle.ts"
import { Programs } from "./Programs.ts"
import { Streams } from "./Streams.ts"

export interface Outcome {
  readonly problems: ReadonlyArray<string>
  readonly happened: Happenings
  readonly run: MockExplorer.Run<HostName>
  /** The plan, what disturbed it, and all that happened, line by line; only of a run that is to be told. */
  readonly story: ReadonlyArray<string>
}

/** A cancellation that comes to nothing takes two of these until its socket is closed, and its fiber comes back. */
const grace = 5_000
/** Seconds after which a connection is over, whatever had to be sent again. */
const longest = 120

type Subject = MockExplorer.Subject<HostName>

class Run {
  readonly plan: NetworkPlan
  readonly drawn: MockExplorer.Plan<HostName>
  private ledger = new Ledger()
  private streams: Streams | undefined

  constructor(seed: number) {
    this.plan = planOf(seed)
    this.drawn = draw(new Chance(seed ^ 0x77_6f_65), this.plan.names, () => this.ledger)
  }

  private readonly program: Subject["program"] = (network) =>
    Effect.gen({ self: this }, function* () {
      const { names, seed } = this.plan
      const { ledger } = this
      // wishes are refused where they would be ignored
      if (this.plan.network.sendControl === "ignored") ledger.codes.add(WSAENOPROTOOPT)
      yield* network.rules(ledger.after)
      const programs = new Programs(this.plan, ledger, new Chance(seed ^ 0x5bd1e995), network)
      const hosts = yield* Effect.forEach(names, (name) => network.host(name, programs.host(name)))
      const streams = new Streams(ledger, new Chance(seed ^ 0x74_63_70))
      if (this.plan.streams) {
        hosts.push(yield* network.host("b", streams.server))
        hosts.push(yield* network.host("a", streams.client))
        this.streams = streams
      }
      yield* Effect.sleep(2 * within)
      programs.stop()
      const ended = yield* Effect.timeoutOption(programs.end, 2 * grace + within)
      if (Option.isNone(ended)) ledger.problems.push("fibers that were interrupted do not end")
      yield* Effect.sleep(2 * within)
      for (let left = longest; left > 0 && this.streams?.isOver === false; left--) yield* Effect.sleep(1000)
      for (const fiber of hosts)
        if (fiber.pollUnsafe() !== undefined) ledger.problems.push("a machine's program has ended")
      const alive = ledger.lives.filter((life) => !ledger.mayBeClosed(life))
      const drain = Effect.forEach(alive, (life: Life) => programs.drain(life), {
        concurrency: "unbounded",
        discard: true
      })
      yield* drain
      yield* programs.probe(alive)
      yield* drain
      for (const life of alive) programs.count(life)
    })

  one(plan: MockExplorer.Plan<HostName>): Effect.Effect<Outcome> {
    return Effect.suspend(() => {
      this.ledger = new Ledger()
      this.streams = undefined
      const subject: Subject = { network: this.plan.network, program: this.program, maxTime: 600_000 }
      return Effect.map(MockExplorer.run(subject, this.plan.seed, plan), (run) => {
        const { failure, trace } = run
        if (failure !== undefined) {
          return { problems: [`${failure.kind}: ${failure.message}`], happened: nothing(), run, story: [] }
        }
        const oracle = new Oracle(this.plan, this.ledger, trace)
        this.streams?.judge(oracle.happened, this.ledger.breaks || this.ledger.closers.size > 0)
        oracle.judge()
        return { problems: oracle.problems, happened: oracle.happened, run, story: [] }
      })
    })
  }
}

/** One run; with `tell`, what went wrong is shortened to the disturbances that it takes. */
export const run = async (seed: number, tell = false): Promise<Outcome> => {
  const made = new Run(seed)
  const first = await Effect.runPromise(made.one(made.drawn))
  if (!tell) return first
  let shortest = first
  let words = first.problems.length === 0 ? [] : first.run.plan
  for (let left = words.length - 1; left >= 0; left--) {
    const without = words.toSpliced(left, 1)
    const again = await Effect.runPromise(made.one(without))
    if (again.problems.length === 0) continue
    words = without
    shortest = again
  }
  return { ...shortest, story: storyOf(made, first, shortest) }
}

const planText = (plan: MockExplorer.Plan<HostName>): ReadonlyArray<string> =>
  plan.map(({ at, disturbance, duration }) => `  from ${at} ms for ${duration} ms: ${disturbance.description}`)

const storyOf = ({ plan }: Run, first: Outcome, shortest: Outcome): ReadonlyArray<string> => [
  `plan ${JSON.stringify(plan)}`,
  "what disturbs it:",
  ...planText(first.run.plan),
  ...(shortest === first ? [] : ["it takes no more than:", ...planText(shortest.run.plan)]),
  ...MockTrace.toText(shortest.run.trace).split("\n")
]
