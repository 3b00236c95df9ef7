// Two traces of one scenario side by side: where they agree, which named difference there is, and what has no name.
import * as Effect from "effect/Effect"
import { type Difference, differences } from "./differences.ts"
import { textOf } from "./Run.ts"
import type { Outcome, Scenario } from "./Steps.ts"

export interface Comparison {
  /** Steps that gave the same on both. */
  readonly same: number
  /** Steps after a difference that leaves the two in different states. */
  readonly notCompared: number
  /** The names of differences, once for each time. */
  readonly named: ReadonlyArray<string>
  /** The first step with a difference that has no name. */
  readonly unnamed: number | undefined
}

/** The call, and what came of it. */
const parts = (line: string): readonly [head: string, rest: string] => {
  const at = line.indexOf(": ")
  return at < 0 ? ["", line] : [line.slice(0, at), line.slice(at + 2)]
}

const nameOf = (native: string, mock: string): Difference | undefined => {
  const [call, real] = parts(native)
  const [same, simulated] = parts(mock)
  // a socket may be bound on one of them only, and then both are told
  if (bare(call) !== bare(same)) return undefined
  const both = call === same ? call : `${call} ~ ${same}`
  return differences.find(
    (d) => d.call.test(both) && d.native.test(real) && d.mock.test(simulated) && sameBut(d.field, real, simulated)
  )
}

const sameBut = (field: RegExp | undefined, real: string, simulated: string): boolean =>
  field === undefined || real.replaceAll(field, "") === simulated.replaceAll(field, "")

const bare = (call: string): string => call.replace(" (no port)", "")

export const compare = (native: ReadonlyArray<Outcome>, mock: ReadonlyArray<Outcome>): Comparison => {
  const named: Array<string> = []
  let same = 0
  for (let i = 0; i < mock.length; i++) {
    const [real, simulated] = [textOf(native[i]), textOf(mock[i])]
    if (real === simulated) same++
    else {
      const difference = nameOf(real, simulated)
      if (difference === undefined) return { same, notCompared: mock.length - i - 1, named, unnamed: i }
      named.push(difference.name)
      if (difference.after === "cut") return { same, notCompared: mock.length - i - 1, named, unnamed: undefined }
    }
  }
  return { same, notCompared: 0, named, unnamed: undefined }
}

/** Both traces, a line per step, with a mark where they differ. */
export const sideBySide = (
  { seed, sockets, way }: Scenario,
  native: ReadonlyArray<Outcome>,
  mock: ReadonlyArray<Outcome>
): string => {
  const lines = mock.map((outcome, i) => {
    const [real, simulated] = [textOf(native[i]), textOf(outcome)]
    return real === simulated ? `    ${real}` : `  ≠ native ${real}\n      mock   ${simulated}`
  })
  return [`PARITY_SEED=${seed} (${sockets.join(", ")}; ends by ${way})`, ...lines].join("\n")
}

/** The scenario with as few steps as still make `differs` true. */
export const shortened = (
  scenario: Scenario,
  differs: (scenario: Scenario) => Effect.Effect<boolean>
): Effect.Effect<Scenario> =>
  Effect.gen(function* () {
    let current = scenario
    for (let i = scenario.steps.length - 1; i >= 0; i--) {
      const shorter = { ...current, steps: current.steps.toSpliced(i, 1) }
      if (yield* differs(shorter)) current = shorter
    }
    return current
  })
