/**
 * A story as a Mermaid sequence diagram.
 */
import { type Event, formatTime } from "../MockTrace.ts"
import { type Lane, laneName, tell } from "./Story.ts"

/** What a text may have before it is cut: a note is as wide as its text. */
const widest = 120
/** Mermaid draws no more characters than 50,000 (its `maxTextSize`). */
const most = 49_000

// Mermaid's text ends at a semicolon or a line's end, # begins an entity, % a comment, and < and > are HTML's
const text = (raw: string): string =>
  (raw.length > widest ? `${raw.slice(0, widest - 1)}…` : raw).replace(
    /[#;:%<>\p{Cc}]/gu,
    (c) => `#${c.codePointAt(0)};`
  )

const size = (line: string): number => line.length + 1

interface Line {
  readonly step: number
  readonly write: string
}

export const write = (events: ReadonlyArray<Event>): string => {
  const story = tell(events)
  const ids = new Map(story.lanes.map((lane, i) => [lane, `p${i}`]))
  const id = (lane: Lane): string => ids.get(lane)!
  const lines: Array<Line> = [
    ...story.arrows.map(({ from, label, lane, lost, to }): Line => {
      const target = to?.lane ?? lane
      return { step: from, write: `${id(lane)}${to === undefined || lost ? "-x" : "->>"}${id(target)}: ${text(label)}` }
    }),
    ...story.marks.map(({ lane, step, title }): Line => ({ step, write: `Note over ${id(lane)}: ${text(title)}` }))
  ].toSorted((a, b) => a.step - b.step)
  const shown = new Set([...story.arrows.flatMap((a) => [a.lane, a.to?.lane]), ...story.marks.map((mark) => mark.lane)])
  const head = ["sequenceDiagram"]
  for (const host of new Set(story.lanes.map((lane) => lane.host))) {
    const lanes = story.lanes.filter((lane) => lane.host === host && shown.has(lane))
    if (lanes.length === 0) continue
    // a host may be called like a colour
    head.push(`  box transparent ${text(host)}`)
    for (const lane of lanes) head.push(`    participant ${id(lane)} as ${text(laneName(lane))}`)
    head.push("  end")
  }
  const ends = story.lanes.filter((lane) => shown.has(lane))
  const span = ends.length < 2 ? ends.map(id).join("") : `${id(ends[0])},${id(ends.at(-1)!)}`
  const body: Array<string> = []
  let last = 0
  for (const { step, write } of lines) {
    const time = story.times[step]
    if (time !== last) body.push(`  Note over ${span}: ${text(formatTime(time))}`)
    last = time
    body.push(`  ${write}`)
  }
  // the latest that find room
  let room = most - head.reduce((sum, line) => sum + size(line), 0)
  let first = body.length
  while (first > 0 && (room -= size(body[first - 1])) >= 0) first--
  const before = first === 0 ? [] : [`  Note over ${span}: what was before is left out`]
  return `${[...head, ...before, ...body.slice(first)].join("\n")}\n`
}
