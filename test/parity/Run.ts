// A scenario step by step on one provider. After each step it waits for what the step must have ended, and no longer.
import type { Seam } from "@effect-winsock/core/Seam"
import * as Effect from "effect/Effect"
import { Bench } from "./Bench.ts"
import { lineOf } from "./Calls.ts"
import type { Outcome, Scenario } from "./Steps.ts"

/** The longest wait for one step's operations, in milliseconds. What has not ended by then counts as not ended. */
const patience = 250

export interface Provider {
  readonly seam: Seam
  /** Waits until what is under way has arrived; a provider that cannot tell waits in its port for what is expected. */
  readonly settled: Effect.Effect<void> | undefined
}

/**
 * The outcomes of the steps, then of a last one: all that still pends is cancelled, and the sockets are closed. Where the
 * provider cannot tell when it has come to rest, `expected` says which operations end with which step.
 */
export const run = (
  { seam, settled }: Provider,
  scenario: Scenario,
  expected?: ReadonlyArray<Outcome>
): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Bench(seam, scenario.way, scenario.sockets)),
    (bench) =>
      Effect.gen(function* () {
        const outcomes: Array<Outcome> = []
        const overdue = new Set<number>()
        const ended = (step: number): Effect.Effect<Outcome["ended"]> =>
          Effect.gen(function* () {
            if (settled !== undefined) yield* settled
            const wanted = new Set((expected?.[step]?.ended ?? []).map(({ operation }) => operation))
            for (const operation of overdue) wanted.delete(operation)
            const out: Array<Outcome["ended"][number]> = []
            const until = Date.now() + patience
            for (let looks = 0; looks < 64; looks++) {
              const left = until - Date.now()
              const found = bench.ends(wanted.size > 0 && left > 0 ? left : 0)
              out.push(...found)
              for (const { operation } of found) wanted.delete(operation)
              if (found.length === 0 && (wanted.size === 0 || left <= 0)) break
            }
            for (const operation of wanted) overdue.add(operation)
            return out.toSorted((x, y) => x.operation - y.operation)
          })
        for (const [i, step] of scenario.steps.entries()) {
          const call = lineOf(bench, step)
          outcomes.push({ call, ended: yield* ended(i) })
        }
        for (const party of bench.parties) {
          const pends = bench.posted.some((posted) => posted.party === party && bench.isPending(posted))
          if (pends && party.open) seam.calls.CancelIoEx(party.handle, 0)
        }
        outcomes.push({ call: "all cancelled", ended: yield* ended(scenario.steps.length) })
        return outcomes
      }),
    (bench) => Effect.sync(() => bench.close())
  )

/** One line of text per outcome. */
export const textOf = ({ call, ended }: Outcome): string => [call, ...ended.map(({ line }) => line)].join(" | ")
