/**
 * A story as a Mermaid sequence diagram.
 */
import { type Event, formatTime } from "../MockTrace.ts"
import { type Lane, laneName, tell } from "./Story.ts"

// Mermaid's text ends at a semicolon or a line's end, and # begins an entity
const text = (raw: string): string => raw.replace(/[#;:\r\n]/g, (c) => `#${c.charCodeAt(0)};`)

interface Line {
  readonly step: number
  readonly write: string
}

export const write = (events: ReadonlyArray<Event>): string => {
  const story = tell(events)
  const ids = new Map(story.lanes.map((lane, i) => [lane, `p${i}`]))
  const id = (lane: Lane): string => ids.get(lane)!
  const lines: Array<Line> = [
    ...story.arrows.map(({ from, label, lane, to }): Line => {
      const target = to?.lane ?? lane
      return { step: from, write: `${id(lane)}${to === undefined ? "-x" : "->>"}${id(target)}: ${text(label)}` }
    }),
    ...story.marks.map(({ lane, step, title }): Line => ({ step, write: `Note over ${id(lane)}: ${text(title)}` }))
  ].toSorted((a, b) => a.step - b.step)
  const shown = new Set([...story.arrows.flatMap((a) => [a.lane, a.to?.lane]), ...story.marks.map((mark) => mark.lane)])
  const out = ["sequenceDiagram"]
  for (const host of new Set(story.lanes.map((lane) => lane.host))) {
    const lanes = story.lanes.filter((lane) => lane.host === host && shown.has(lane))
    if (lanes.length === 0) continue
    out.push(`  box ${text(host)}`)
    for (const lane of lanes) out.push(`    participant ${id(lane)} as ${text(laneName(lane))}`)
    out.push("  end")
  }
  let last = 0
  for (const { step, write } of lines) {
    const time = story.times[step]
    const at = lines.find((line) => line.step === step)
    if (time !== last && shown.size > 0 && at?.write === write) {
      const ends = story.lanes.filter((lane) => shown.has(lane))
      const span = ends.length === 1 ? id(ends[0]) : `${id(ends[0])},${id(ends.at(-1)!)}`
      out.push(`  Note over ${span}: ${text(formatTime(time))}`)
      last = time
    }
    out.push(`  ${write}`)
  }
  return `${out.join("\n")}\n`
}
