// What a row of the table is, how an observation is compared with what Windows does, and what follows from it.
import type { Bench } from "./bench.ts"

export type Value = string | number | boolean

/** What a probe saw: aspects and their values. Nothing in it may differ from run to run (no ports, no addresses). */
export type Observation = { readonly [aspect: string]: Value }

/** One of several values, or a number that is at least this one. */
export type Match = Value | { readonly oneOf: ReadonlyArray<Value> } | { readonly atLeast: number }

export type Expectation = { readonly [aspect: string]: Match }

export const oneOf = (...values: ReadonlyArray<Value>): Match => ({ oneOf: values })
export const atLeast = (n: number): Match => ({ atLeast: n })

export type Probe = (bench: Bench) => Promise<Observation>

interface RowOf {
  /** "fact 3", "P7", "open 2", "W8 ...": unique. */
  readonly id: string
  readonly title: string
  /** Where the expectation comes from, or who asks. */
  readonly source: string
  readonly probe: Probe
  /** Whether a fault brings it about: on the simulated machine, and there only. */
  readonly byFault?: true
}

/**
 * A behaviour. What Windows does is `seen` on Windows (by Wine's CI, which runs Wine's tests on it), `documented`
 * (by Microsoft), or `unknown`: then there is nothing to compare with, and the table shows what the layers answer.
 */
export type Row =
  | (RowOf & { readonly evidence: "seen" | "documented"; readonly windows: Expectation })
  | (RowOf & { readonly evidence: "unknown" })

export interface Group {
  readonly title: string
  readonly rows: ReadonlyArray<Row>
}

/** What came of a row on a layer. */
export type Outcome =
  | { readonly _tag: "Observed"; readonly observation: Observation }
  /** The probe could not be made here, and why. */
  | { readonly _tag: "CannotRun"; readonly reason: string }
  /** The probe itself failed: a defect of the probe, or a crash. */
  | { readonly _tag: "Broken"; readonly reason: string }

/** Thrown by a probe for what the machine lacks. */
export class CannotRun extends Error {}

const matches = (value: Value | undefined, match: Match): boolean =>
  typeof match !== "object"
    ? value === match
    : "oneOf" in match
      ? value !== undefined && match.oneOf.includes(value)
      : typeof value === "number" && value >= match.atLeast

/** Whether the observation is exactly what was expected: every aspect, and no other. */
export const equals = (observation: Observation, expected: Expectation): boolean => {
  const aspects = new Set([...Object.keys(observation), ...Object.keys(expected)])
  return Array.from(aspects).every(
    (aspect) => Object.hasOwn(expected, aspect) && matches(observation[aspect], expected[aspect])
  )
}

const textOfMatch = (match: Match): string =>
  typeof match !== "object"
    ? String(match)
    : "oneOf" in match
      ? match.oneOf.map(String).join(" or ")
      : `>= ${match.atLeast}`

/** "call WSAEMSGSIZE; bytes 6" */
export const textOf = (record: Expectation): string =>
  Object.entries(record)
    .map(([aspect, match]) => `${aspect} ${textOfMatch(match)}`)
    .join("; ")

/** A way in which Wine is known to differ from Windows. */
export interface Divergence {
  readonly id: string
  /** What Wine does instead. */
  readonly wine: Expectation
  /** The versions of Wine under which it was observed. */
  readonly versions: ReadonlyArray<string>
  readonly why: string
}

/** The platform that the native layer ran on. */
export type Platform =
  | { readonly _tag: "Windows"; readonly version: string }
  | { readonly _tag: "Wine"; readonly version: string }

export const nameOfPlatform = (platform: Platform): string => `${platform._tag} ${platform.version}`

export type Verdict =
  | "ok"
  /** A named divergence of Wine. */
  | "diverges"
  /** Nothing to compare with. */
  | "open"
  /** What real Windows answered: it is right by definition. */
  | "seen"
  | "cannot run"
  | "FAIL"

export interface Judgement {
  readonly verdict: Verdict
  readonly note?: string
}

const fail = (note: string): Judgement => ({ verdict: "FAIL", note })

/** The mock has to be as Windows wherever there is evidence; `omitted` says why it does not simulate the row. */
export const judgeMock = (row: Row, outcome: Outcome, omitted: string | undefined): Judgement => {
  if (outcome._tag === "Broken") return fail(outcome.reason)
  if (outcome._tag === "CannotRun") {
    return omitted === undefined ? fail(`cannot run: ${outcome.reason}`) : { verdict: "cannot run", note: omitted }
  }
  if (omitted !== undefined) return fail("it is simulated, though it is listed as not")
  if (row.evidence === "unknown") return { verdict: "open" }
  if (equals(outcome.observation, row.windows)) return { verdict: "ok" }
  return fail("not as Windows")
}

/** Wine may differ where `divergence` says how; real Windows is right. */
export const judgeNative = (
  row: Row,
  outcome: Outcome,
  platform: Platform,
  divergence: Divergence | undefined
): Judgement => {
  if (outcome._tag === "Broken") return fail(outcome.reason)
  if (outcome._tag === "CannotRun") return { verdict: "cannot run", note: outcome.reason }
  const { observation } = outcome
  if (platform._tag === "Windows") {
    if (row.evidence === "unknown" || equals(observation, row.windows)) return { verdict: "seen" }
    return { verdict: "seen", note: "not as expected: please report" }
  }
  if (row.evidence === "unknown") return { verdict: "open" }
  const asWindows = equals(observation, row.windows)
  if (divergence === undefined) return asWindows ? { verdict: "ok" } : fail("a divergence without a name")
  if (asWindows) {
    return divergence.versions.includes(platform.version)
      ? fail("a named divergence that is none any more")
      : { verdict: "ok", note: `unlike Wine ${divergence.versions.join(", ")}` }
  }
  return equals(observation, divergence.wine)
    ? { verdict: "diverges", note: divergence.why }
    : fail(`another divergence than the named one (${textOf(divergence.wine)})`)
}
