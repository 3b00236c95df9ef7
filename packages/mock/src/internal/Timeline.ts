/**
 * The drawing of a story as SVG.
 */
import { type Event, formatTime } from "../MockTrace.ts"
import { type Arrow, type Bar, type Lane, type Mark, type Outcome, type Story, laneName, tell } from "./Story.ts"

const gutter = 230
const stepWidth = 16
const rowHeight = 18
const barHeight = 12
const laneGap = 10
const bandGap = 16
const bandTitle = 24
const top = 96
const margin = 24
/** What a pause adds, by how long it is. */
const widestPause = 72

const style = `
  svg { font: 12px ui-sans-serif, system-ui, "Segoe UI", sans-serif; background: #fbfbfd; color: #1c2330 }
  text { fill: currentColor }
  .title { font-size: 18px; font-weight: 600 }
  .quiet { fill: #6b7484 }
  .small { font-size: 10px }
  .band { fill: #eef1f6 }
  .lane { stroke: #c9d0dc; stroke-width: 1 }
  .closed { stroke: #8791a3; stroke-width: 2 }
  .tick { stroke: #d9dee8; stroke-width: 1 }
  .pause { stroke: #aab3c2; stroke-width: 1; stroke-dasharray: 2 3 }
  .succeeded { fill: #3d9970; stroke: #2c7a57 }
  .aborted { fill: #e3a33b; stroke: #b77a16 }
  .failed { fill: #d0524f; stroke: #a23230 }
  .pending { fill: #8fb3e8; stroke: #4f7fc4 }
  .arrow { stroke: #5a6f94; stroke-width: 1.2; fill: none; marker-end: url(#head) }
  .lost { stroke: #d0524f; stroke-dasharray: 4 3 }
  .head { fill: #5a6f94 }
  .on { fill: #ffffff; font-size: 9.5px }
  .cancel { fill: none; stroke: #b77a16; stroke-width: 2 }
  .failure, .dropped { stroke: #d0524f; stroke-width: 2; fill: none }
  .fault { fill: #e3c23b; stroke: #8a6d00 }
  .violation { fill: #b0308c; stroke: none }
  @media (prefers-color-scheme: dark) {
    svg { background: #12161d; color: #e4e8f0 }
    .band { fill: #1b212c } .lane { stroke: #39424f } .tick { stroke: #2a313d } .quiet { fill: #8f9aad }
    .arrow { stroke: #8fa6cf } .head { fill: #8fa6cf } .lost { stroke: #e57370 } .closed { stroke: #77839a }
    .cancel { stroke: #f0b755 } .failure, .dropped { stroke: #e57370 } .violation { fill: #e06bc0 }
  }`

const escapes: { readonly [c: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }
// what XML cannot hold at all is left out
const escape = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (c) => escapes[c])

const titled = (shape: string, title: string): string => `<g>${shape}<title>${escape(title)}</title></g>`

/** Where each step stands: side by side, and further apart where time has passed between two. */
const positions = (times: ReadonlyArray<number>): ReadonlyArray<number> => {
  const out: Array<number> = []
  let x = gutter + stepWidth
  times.forEach((time, i) => {
    const pause = i === 0 ? 0 : time - times[i - 1]
    if (pause > 0) x += Math.min(8 + 8 * Math.log10(1 + pause), widestPause)
    out.push(x)
    x += stepWidth
  })
  return out
}

/** Puts the bars of a lane into rows in which none lie over each other. */
const rowsOf = (bars: ReadonlyArray<Bar>, end: number): Map<Bar, number> => {
  const rows: Array<number> = []
  const out = new Map<Bar, number>()
  for (const bar of bars) {
    let row = rows.findIndex((until) => until < bar.from)
    if (row === -1) row = rows.length
    rows[row] = bar.to ?? end
    out.set(bar, row)
  }
  return out
}

interface Place {
  readonly y: number
  readonly rows: Map<Bar, number>
  readonly height: number
}

interface Band {
  readonly host: string
  readonly y: number
  readonly height: number
}

const layOut = (story: Story): { readonly places: Map<Lane, Place>; readonly bands: Array<Band>; height: number } => {
  const places = new Map<Lane, Place>()
  const bands: Array<Band> = []
  let y = top
  for (const host of new Set(story.lanes.map((lane) => lane.host))) {
    const start = y
    y += bandTitle
    for (const lane of story.lanes.filter((lane) => lane.host === host)) {
      const rows = rowsOf(
        story.bars.filter((bar) => bar.lane === lane),
        story.times.length
      )
      const height = Math.max(1, ...[...rows.values()].map((row) => row + 1)) * rowHeight
      places.set(lane, { y, rows, height })
      y += height + laneGap
    }
    bands.push({ host, y: start, height: y - start })
    y += bandGap
  }
  return { places, bands, height: y + margin }
}

const marks: { readonly [K in Mark["kind"]]: (x: number, y: number) => string } = {
  cancel: (x, y) => `<path class="cancel" d="M${x - 4} ${y - 4}l4 8l4 -8"/>`,
  failure: (x, y) => `<path class="failure" d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"/>`,
  dropped: (x, y) =>
    `<circle class="dropped" cx="${x}" cy="${y}" r="5"/><path class="dropped" d="M${x - 3} ${y + 3}l6 -6"/>`,
  fault: (x, y) => `<path class="fault" d="M${x + 2} ${y - 8}l-6 9h4l-2 7l6 -9h-4z"/>`,
  violation: (x, y) => `<path class="violation" d="M${x} ${y - 7}l7 12h-14z"/>`
}

const legendOf: ReadonlyArray<readonly [Outcome, string]> = [
  ["succeeded", "completed"],
  ["aborted", "aborted"],
  ["failed", "failed"],
  ["pending", "pending"]
]
const legendMarks: ReadonlyArray<readonly [Mark["kind"], string]> = [
  ["cancel", "cancelled"],
  ["failure", "call failed"],
  ["dropped", "packet lost"],
  ["fault", "fault"],
  ["violation", "violation"]
]

const legend = (): string => {
  let x = margin
  const out: Array<string> = []
  for (const [outcome, text] of legendOf) {
    out.push(`<rect class="${outcome}" x="${x}" y="52" width="22" height="${barHeight}" rx="3"/>`)
    out.push(`<text class="quiet" x="${x + 28}" y="62">${text}</text>`)
    x += 44 + text.length * 7
  }
  for (const [kind, text] of legendMarks) {
    out.push(marks[kind](x + 8, 58), `<text class="quiet" x="${x + 20}" y="62">${text}</text>`)
    x += 36 + text.length * 7
  }
  return out.join("\n")
}

/** A letter takes about this much of a bar. */
const letterWidth = 5.6

class Drawing {
  private readonly story: Story
  private readonly xs: ReadonlyArray<number>
  private readonly layout: ReturnType<typeof layOut>
  private readonly width: number

  constructor(story: Story) {
    this.story = story
    this.xs = positions(story.times)
    this.layout = layOut(story)
    this.width = Math.max(900, (this.xs.at(-1) ?? 0) + stepWidth + margin)
  }

  private middle(lane: Lane): number {
    return this.layout.places.get(lane)!.y + rowHeight / 2
  }

  draw(title: string): string {
    const { layout, story, width } = this
    const { height } = layout
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
      `<title>${escape(title)}</title><style>${style}</style>`,
      `<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">`,
      `<path class="head" d="M0 0l8 4l-8 4z"/></marker></defs>`,
      `<text class="title" x="${margin}" y="34">${escape(title)}</text>`,
      legend(),
      ...layout.bands.map((band) => this.band(band)),
      ...this.ticks(),
      ...story.lanes.map((lane) => this.lane(lane)),
      ...story.bars.map((bar) => this.bar(bar)),
      ...story.arrows.map((arrow) => this.arrow(arrow)),
      ...story.marks.map((mark) => titled(marks[mark.kind](this.xs[mark.step], this.middle(mark.lane)), mark.title)),
      "</svg>",
      ""
    ].join("\n")
  }

  private band({ height, host, y }: Band): string {
    return `<rect class="band" x="${margin / 2}" y="${y}" width="${this.width - margin}" height="${height}" rx="8"/>
<text x="${margin}" y="${y + 17}" font-weight="600">${escape(host)}</text>`
  }

  // a line wherever the clock has moved, and its time where there is room for it
  private ticks(): Array<string> {
    const { times } = this.story
    const out: Array<string> = []
    let free = 0
    times.forEach((time, i) => {
      if (i > 0 && time === times[i - 1]) return
      const x = this.xs[i] - stepWidth / 2
      out.push(`<line class="tick" x1="${x}" x2="${x}" y1="${top - 8}" y2="${this.layout.height - margin}"/>`)
      const text = formatTime(time)
      if (x < free) return
      out.push(`<text class="quiet small" x="${x + 2}" y="${top - 10}">${text}</text>`)
      free = x + text.length * letterWidth + 10
    })
    return out
  }

  private lane(lane: Lane): string {
    const y = this.middle(lane)
    const first = this.xs[lane.from] ?? gutter
    const last = lane.to === undefined ? this.width - margin : this.xs[lane.to]
    const end =
      lane.to === undefined
        ? ""
        : titled(`<line class="closed" x1="${last}" x2="${last}" y1="${y - 7}" y2="${y + 7}"/>`, "closed")
    return `<line class="lane" x1="${first - stepWidth / 2}" x2="${last}" y1="${y}" y2="${y}"/>${end}
<text x="${margin}" y="${y + 4}">${escape(laneName(lane))}</text>`
  }

  private bar(bar: Bar): string {
    const place = this.layout.places.get(bar.lane)!
    const x = this.xs[bar.from]
    const width = (bar.to === undefined ? this.width - margin : this.xs[bar.to]) - x
    const y = place.y + place.rows.get(bar)! * rowHeight + (rowHeight - barHeight) / 2
    const fits = bar.name.length * letterWidth + 8 < width
    const text = fits ? `<text class="on" x="${x + 5}" y="${y + 9.5}">${escape(bar.name)}</text>` : ""
    const shape = `<rect class="${bar.outcome}" x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="3"/>`
    return titled(shape + text, bar.title)
  }

  private arrow(arrow: Arrow): string {
    const x1 = this.xs[arrow.from]
    const y1 = this.middle(arrow.lane)
    if (arrow.to === undefined) {
      return titled(
        `<line class="arrow lost" x1="${x1}" y1="${y1}" x2="${x1 + stepWidth}" y2="${y1 + 8}"/>`,
        arrow.title
      )
    }
    const x2 = this.xs[arrow.to.step]
    const y2 = this.middle(arrow.to.lane)
    // to itself, or along one lane: over it
    const bend = y1 === y2 ? -rowHeight : 0
    const path = `M${x1} ${y1}C${x1 + stepWidth / 2} ${y1 + bend} ${x2 - stepWidth / 2} ${y2 + bend} ${x2} ${y2}`
    return titled(`<path class="arrow" d="${path}"/>`, arrow.title)
  }
}

export const draw = (events: ReadonlyArray<Event>, title: string): string => new Drawing(tell(events)).draw(title)
