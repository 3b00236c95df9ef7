/** What is shown of a ping: a line per outcome, or a table that is drawn anew in place, and a summary. */
import * as NetAddress from "effect/net/NetAddress"
import type { Outcome, Tally, Target } from "./pinger.ts"

const time = (milliseconds: number): string => `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`

export const nameOf = ({ address, name }: Target): string => {
  const text = NetAddress.formatIp(address)
  return name === text ? text : `${name} (${text})`
}

const said = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Reply": {
      const hops = outcome.hopLimit === undefined ? "" : ` TTL=${outcome.hopLimit}`
      return `${outcome.bytes} bytes in ${time(outcome.milliseconds)}${hops}`
    }
    case "Failed":
      return `${outcome.why}, says ${outcome.from}`
    case "Unsent":
      return `not sent: ${outcome.why}`
    case "TimedOut":
      return "no answer in time"
  }
}

/** "10.0.0.1: 32 bytes in 1.20 ms TTL=127" */
export const line = (target: Target, outcome: Outcome): string => `${nameOf(target)}: ${said(outcome)}`

const loss = ({ received, sent }: Tally): string =>
  sent === 0 ? "-" : `${Math.round(((sent - received) / sent) * 100)} %`

const timings = ({ jitter, least, most, received, total }: Tally): ReadonlyArray<string> =>
  received === 0 ? ["-", "-", "-", "-"] : [least, total / received, most, jitter].map(time)

const heading = ["target", "sent", "lost", "min", "avg", "max", "jitter", "last"]

const row = (tally: Tally): ReadonlyArray<string> => [
  nameOf(tally.target),
  String(tally.sent),
  loss(tally),
  ...timings(tally),
  tally.last === undefined ? "" : said(tally.last)
]

/** The lines of a table of all targets. */
export const table = (tallies: ReadonlyArray<Tally>): ReadonlyArray<string> => {
  const rows = [heading, ...tallies.map(row)]
  const widths = heading.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)))
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd()
  )
}

/** "10.0.0.1: 4 sent, 4 received, 0 % lost; min 1.00 ms, avg 1.20 ms, max 2.00 ms, jitter 0.30 ms" */
export const summary = (tally: Tally): string => {
  const { received, sent, target } = tally
  const counts = `${nameOf(target)}: ${sent} sent, ${received} received, ${loss(tally)} lost`
  if (received === 0) return counts
  const [least, average, most, jitter] = timings(tally)
  return `${counts}; min ${least}, avg ${average}, max ${most}, jitter ${jitter}`
}

const escape = String.fromCodePoint(0x1b)

/** What draws a table over the one of as many lines that was drawn before. */
export const redraw = (lines: ReadonlyArray<string>, before: number, columns: number): string => {
  const up = before === 0 ? "" : `${escape}[${before}A`
  // a line that wraps would take two
  return up + lines.map((text) => `${escape}[2K${text.slice(0, Math.max(1, columns - 1))}\n`).join("")
}
