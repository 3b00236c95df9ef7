/**
 * How a case is measured: its parts take turns, round by round, so that what disturbs the machine disturbs all of them.
 * A round begins with a garbage collection, and each part with as many operations untimed as are timed then: the
 * collection leaves a young generation that must grow first.
 */
import type { CallCounts } from "./rig.ts"

/** One thing to measure. */
export interface Part {
  /** What must be done before each `run`, untimed. */
  readonly prepare?: () => Promise<void> | void
  readonly run: () => Promise<void> | void
}

export const partNames = ["floor", "calls", "engine"] as const
export type PartName = (typeof partNames)[number]

export interface Case {
  readonly name: string
  /** What one operation is. */
  readonly title: string
  /** How many operations one `run` makes. */
  readonly operations: number
  /** Effect alone (`floor`), the provider's functions alone (`calls`), and the library on that provider (`engine`). */
  readonly parts: { readonly [N in PartName]?: Part }
  readonly close: () => Promise<void> | void
}

/** Per operation. */
export interface Measured {
  readonly name: string
  readonly title: string
  /** Nanoseconds, one figure per round. */
  readonly times: { readonly [N in PartName]?: ReadonlyArray<number> }
  /** Bytes allocated on the JavaScript heap and in array buffers. */
  readonly bytes: { readonly [N in PartName]?: number }
  /** Calls of the provider's functions. */
  readonly counts: { readonly [N in PartName]?: CallCounts }
}

export interface Plan {
  /** Operations of each part in a round, about. */
  readonly operations: number
  readonly warmUp: number
  readonly rounds: number
  /** Whether to count allocated bytes instead of nanoseconds. */
  readonly bytes: boolean
}

// not there in a quick run
const collect = (): void => {
  if (globalThis.gc !== undefined) void globalThis.gc()
}

const allocated = (): number => {
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const now = (): number => Number(process.hrtime.bigint())

/** Measures with `meter` what `cycles` runs take, per operation. */
const sample = async (meter: () => number, part: Part, operations: number, cycles: number): Promise<number> => {
  let total = 0
  for (let i = 0; i < cycles; i++) {
    const prepared = part.prepare?.()
    if (prepared !== undefined) await prepared
    const start = meter()
    const running = part.run()
    if (running !== undefined) await running
    total += meter() - start
  }
  return total / (operations * cycles)
}

const difference = (after: CallCounts, before: CallCounts, by: number): CallCounts => ({
  receive: (after.receive - before.receive) / by,
  send: (after.send - before.send) / by,
  dequeue: (after.dequeue - before.dequeue) / by,
  cancel: (after.cancel - before.cancel) / by
})

/** Measures all cases, interleaved. */
export const measure = async (
  cases: ReadonlyArray<Case>,
  plan: Plan,
  counts: CallCounts | undefined
): Promise<Array<Measured>> => {
  const results = cases.map((of) => ({
    name: of.name,
    title: of.title,
    times: {} as { [N in PartName]?: Array<number> },
    bytes: {} as { [N in PartName]?: number },
    counts: {} as { [N in PartName]?: CallCounts }
  }))
  for (let round = -plan.warmUp; round < plan.rounds; round++) {
    for (const [i, of] of cases.entries()) {
      const cycles = Math.max(1, Math.round(plan.operations / of.operations))
      collect()
      for (const name of partNames) {
        const part = of.parts[name]
        if (part === undefined) continue
        await sample(now, part, of.operations, cycles)
        const before = counts && { ...counts }
        const figure = await sample(plan.bytes ? allocated : now, part, of.operations, cycles)
        if (round < 0) continue
        if (plan.bytes) results[i].bytes[name] = Math.min(figure, results[i].bytes[name] ?? Infinity)
        else (results[i].times[name] ??= []).push(figure)
        if (counts && before) results[i].counts[name] = difference(counts, before, of.operations * cycles)
      }
    }
  }
  return results
}
