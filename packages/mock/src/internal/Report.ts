/**
 * What is said of a simulation that went wrong: what the guard found and where, and what happened around it.
 */
import * as MockTrace from "../MockTrace.ts"

const around = 6
const mostFrames = 5

const siteLines = (what: string, site: MockTrace.CallSite | undefined): Array<string> =>
  site === undefined
    ? []
    : [
        ...site.frames
          .slice(0, mostFrames)
          .map((frame, i) => `    ${i === 0 ? `${what} at` : "  called from"} ${frame}`),
        ...site.spans.slice(0, mostFrames).map((span) => `    ${what} in ${span}`)
      ]

/** Each violation with its places, and with its part of the trace where that is not among the events that are shown. */
export const violationLines = (
  violations: ReadonlyArray<MockTrace.Violated>,
  events: ReadonlyArray<MockTrace.Event>,
  shown: ReadonlyArray<MockTrace.Event>
): Array<string> =>
  violations.flatMap((violation) => {
    const at = shown.includes(violation) ? -1 : events.indexOf(violation)
    const part = at === -1 ? [] : events.slice(Math.max(0, at - around), at + around + 1)
    return [
      `  [${violation.host}] ${violation.kind}: ${violation.message}`,
      ...siteLines("called", violation.callSite),
      ...siteLines("begun", violation.submittedAt),
      ...(part.length === 0 ? [] : ["    around it:", ...part.map((event) => `      ${MockTrace.format(event)}`)])
    ]
  })

/** "1 violation", "2 violations". */
export const counted = (n: number): string => `${n} ${n === 1 ? "violation" : "violations"}`
