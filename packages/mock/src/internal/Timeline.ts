/**
 * The drawing of a story as SVG.
 */
import { type Event, formatTime } from "../MockTrace.ts"
import { type Arrow, type Bar, type Lane, type Mark, type Outcome, type Story, laneName, tell } from "./Story.ts"

const gutter = 230
const stepWidth = 16
const rowHeight = 22
const barHeight = 16
const laneGap = 8
/** Between two bands: what is sent is said there. */
const bandGap = 28
const bandTitle = 26
const top = 84
const axisHeight = 34
const margin = 24
/** Steps that take more go on below. */
const widest = 1400
/** From so many milliseconds on a pause is a break in the axis, with its length. */
const longPause = 1000
const breakWidth = 76

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
  .axis { stroke: #aab3c2; stroke-width: 1.2; fill: none }
  .pause { fill: #dfe4ee; opacity: 0.7 }
  .succeeded { fill: #bfe6d3; stroke: #2c8a61 }
  .aborted { fill: #fae0ab; stroke: #b77a16 }
  .failed { fill: #f7c6c3; stroke: #b83f3c }
  .pending { fill: #d0e0f8; stroke: #4f7fc4 }
  .arrow { stroke: #5a6f94; stroke-width: 1.2; fill: none; marker-end: url(#head) }
  .lost { stroke: #d0524f; stroke-dasharray: 4 3 }
  .head { fill: #5a6f94 }
  .on { font-size: 10px }
  .said { font-size: 9.5px; fill: #44557a; text-anchor: middle; paint-order: stroke; stroke: #fbfbfd; stroke-width: 3px }
  .cancel { fill: none; stroke: #b77a16; stroke-width: 2 }
  .failure, .dropped { stroke: #d0524f; stroke-width: 2; fill: none }
  .fault { fill: #e3c23b; stroke: #8a6d00 }
  .violation { fill: #b0308c; stroke: none }
  @media (prefers-color-scheme: dark) {
    svg { background: #12161d; color: #e4e8f0 }
    .succeeded { fill: #1f5a43 } .aborted { fill: #674a16 } .failed { fill: #75302e } .pending { fill: #2b4773 }
    .pause { fill: #252d3b } .axis { stroke: #4a5566 } .said { fill: #a9bbe0; stroke: #12161d }
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
  let x = 0
  times.forEach((time, i) => {
    const pause = i === 0 ? 0 : time - times[i - 1]
    if (pause > 0) x += pause >= longPause ? breakWidth : 8 + 8 * Math.log10(1 + pause)
    out.push(x)
    x += stepWidth
  })
  return out
}

const units: ReadonlyArray<readonly [number, string]> = [
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"]
]

/** How long a pause is, in the largest unit: `10 min`. */
const lengthOf = (milliseconds: number): string => {
  const [size, unit] = units.find(([size]) => milliseconds >= size)!
  return `${Math.round((milliseconds / size) * 10) / 10} ${unit}`
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

const legend = (story: Story): string => {
  let x = margin
  const out: Array<string> = []
  for (const [outcome, text] of legendOf) {
    if (!story.bars.some((bar) => bar.outcome === outcome)) continue
    out.push(`<rect class="${outcome}" x="${x}" y="56" width="24" height="12" rx="3"/>`)
    out.push(`<text class="quiet" x="${x + 30}" y="66">${text}</text>`)
    x += 48 + text.length * 7
  }
  for (const [kind, text] of legendMarks) {
    if (!story.marks.some((mark) => mark.kind === kind)) continue
    out.push(marks[kind](x + 8, 62), `<text class="quiet" x="${x + 20}" y="66">${text}</text>`)
    x += 38 + text.length * 7
  }
  return out.join("\n")
}

/** A letter takes about this much of a bar. */
const letterWidth = 5.6

interface Place {
  readonly y: number
  readonly rows: Map<Bar, number>
  readonly height: number
  readonly band: number
}

interface Band {
  readonly host: string
  readonly y: number
  readonly height: number
}

const round = (n: number): number => Math.round(n * 10) / 10

/** How far across an arrow is where it is so far down, both from 0 to 1: the curve that `arrow` draws. */
const across = (down: number): number => {
  let [from, to] = [0, 1]
  for (let i = 0; i < 12; i++) {
    const t = (from + to) / 2
    if (1.5 * t * (1 - t) + t ** 3 < down) from = t
    else to = t
  }
  return 3 * from ** 2 - 2 * from ** 3
}

/** Steps that stand in one row, and the lanes that have a part in them. */
class Panel {
  height = 0
  private readonly story: Story
  private readonly xs: ReadonlyArray<number>
  private readonly first: number
  private readonly end: number
  private readonly y: number
  private readonly right: number
  private readonly places = new Map<Lane, Place>()
  private readonly bands: Array<Band> = []
  private readonly bars: ReadonlyArray<Bar>
  private readonly marks: ReadonlyArray<Mark>
  private readonly arrows: ReadonlyArray<Arrow>

  constructor(story: Story, xs: ReadonlyArray<number>, first: number, end: number, y: number, width: number) {
    this.story = story
    this.xs = xs
    this.first = first
    this.end = end
    this.y = y
    this.right = width - margin
    const within = (step: number | undefined): boolean => step !== undefined && step >= first && step < end
    this.bars = story.bars.filter((bar) => bar.from < end && (bar.to ?? end) >= first)
    this.marks = story.marks.filter((mark) => within(mark.step))
    this.arrows = story.arrows.filter((arrow) => within(arrow.from) || within(arrow.to?.step))
    const lanes = new Set([...this.bars, ...this.marks].map(({ lane }) => lane))
    for (const { from, lane, to } of this.arrows) {
      if (within(from)) lanes.add(lane)
      if (to !== undefined && within(to.step)) lanes.add(to.lane)
    }
    this.layOut(story.lanes.filter((lane) => lanes.has(lane) || within(lane.to)))
  }

  private layOut(lanes: ReadonlyArray<Lane>): void {
    let y = this.y + axisHeight
    for (const host of new Set(lanes.map((lane) => lane.host))) {
      const start = y
      y += bandTitle
      for (const lane of lanes.filter((one) => one.host === host)) {
        const bars = this.bars.filter((bar) => bar.lane === lane)
        const rows = rowsOf(bars, this.story.times.length)
        const height = Math.max(1, ...[...rows.values()].map((row) => row + 1)) * rowHeight
        this.places.set(lane, { y, rows, height, band: this.bands.length })
        y += height + laneGap
      }
      this.bands.push({ host, y: start, height: y - start })
      y += bandGap
    }
    this.height = y - this.y
  }

  draw(): Array<string> {
    return [
      ...this.bands.map((band) => this.band(band)),
      ...this.axis(),
      ...[...this.places.keys()].map((lane) => this.lane(lane)),
      ...this.arrows.map((arrow) => this.arrow(arrow)),
      ...this.bars.map((bar) => this.bar(bar)),
      ...this.said(),
      ...this.marks.map((mark) => titled(marks[mark.kind](this.x(mark.step), this.middle(mark.lane)), mark.title))
    ]
  }

  /** Where a step stands; at the sides what is not in this panel. */
  private x(step: number): number {
    if (step < this.first) return gutter
    return step >= this.end ? this.right : round(gutter + stepWidth + this.xs[step] - this.xs[this.first])
  }

  private middle(lane: Lane): number {
    return this.places.get(lane)!.y + rowHeight / 2
  }

  /** Where an arrow leaves or meets a lane: at the edge of a bar, if one is there. */
  private edge(lane: Lane, step: number, down: boolean): number {
    const { height, y } = this.places.get(lane)!
    const busy = this.bars.some((bar) => bar.lane === lane && bar.from <= step && (bar.to ?? step) >= step)
    if (!busy) return this.middle(lane)
    const inset = (rowHeight - barHeight) / 2
    return down ? y + height - inset : y + inset
  }

  private band({ height, host, y }: Band): string {
    const width = this.right
    return `<rect class="band" x="${margin / 2}" y="${y}" width="${width}" height="${height}" rx="8"/>
<text x="${margin}" y="${y + 18}" font-weight="600">${escape(host)}</text>`
  }

  // a line wherever the clock has moved, its time where there is room for it, and a break where little happened for long
  private axis(): Array<string> {
    const { times } = this.story
    const y = this.y + axisHeight - 8
    const bottom = this.y + this.height - bandGap
    const out = [`<path class="axis" d="M${gutter} ${y}H${this.right}"/>`]
    let free = 0
    for (let step = this.first; step < this.end; step++) {
      const pause = step === 0 ? 1 : times[step] - times[step - 1]
      if (pause === 0 && step > this.first) continue
      const x = this.x(step) - stepWidth / 2
      if (pause >= longPause && step > this.first) {
        const left = x - breakWidth
        const length = lengthOf(pause)
        const area = `<rect class="pause" x="${left}" y="${y}" width="${breakWidth}" height="${bottom - y}"/>`
        out.push(titled(area, `nothing for ${length}`))
        const center = left + breakWidth / 2
        out.push(`<path class="axis" d="M${center - 5} ${y + 5}l4 -10m2 10l4 -10"/>`)
        out.push(`<text class="quiet small" text-anchor="middle" x="${center}" y="${y - 9}">${length}</text>`)
        free = Math.max(free, center + length.length * 3 + 6)
      }
      out.push(`<line class="tick" x1="${x}" x2="${x}" y1="${y - 4}" y2="${bottom}"/>`)
      const text = formatTime(times[step])
      if (x < free) continue
      out.push(`<text class="quiet small" x="${x + 2}" y="${y - 9}">${text}</text>`)
      free = x + text.length * letterWidth + 10
    }
    return out
  }

  private lane(lane: Lane): string {
    const y = this.middle(lane)
    const first = Math.max(gutter, this.x(lane.from) - stepWidth / 2)
    const last = lane.to === undefined ? this.right : this.x(lane.to)
    const end =
      lane.to === undefined || lane.to >= this.end
        ? ""
        : titled(`<line class="closed" x1="${last}" x2="${last}" y1="${y - 7}" y2="${y + 7}"/>`, "closed")
    const name = `<text x="${margin}" y="${y + 4}">${escape(laneName(lane))}</text>`
    return `<line class="lane" x1="${first}" x2="${last}" y1="${y}" y2="${y}"/>${end}
${titled(name, lane.socket === 0 ? "what no socket has" : `socket ${lane.socket}`)}`
  }

  private bar(bar: Bar): string {
    const place = this.places.get(bar.lane)!
    const x = this.x(bar.from)
    const to = bar.to === undefined ? this.right : this.x(bar.to)
    const width = round(to - x)
    const row = place.rows.get(bar)!
    const y = place.y + row * rowHeight + (rowHeight - barHeight) / 2
    const short = bar.name.replace(/^WSA(?=.)/, "")
    const names = [...(bar.result === "" ? [] : [`${bar.name}: ${bar.result}`]), bar.name, short]
    const fitting = names.find((name) => name.length * letterWidth + 12 < width)
    const text = fitting === undefined ? "" : `<text class="on" x="${x + 6}" y="${y + 11.5}">${escape(fitting)}</text>`
    const shape = `<rect class="${bar.outcome}" x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="3"/>`
    return titled(shape + text, bar.title)
  }

  /** The ends of an arrow within this panel. */
  private ends({ from, lane, to }: Arrow): readonly [number, number, number, number] {
    const [source, target] = [this.places.get(lane), to && this.places.get(to.lane)]
    if (to !== undefined && from >= this.first && to.step < this.end && source !== undefined && target !== undefined) {
      const down = target.y > source.y
      return [this.x(from), this.edge(lane, from, down), this.x(to.step), this.edge(to.lane, to.step, !down)]
    }
    // it comes from the panel above, or goes on below, or nowhere
    if (from < this.first && to !== undefined) {
      const y = this.edge(to.lane, to.step, false)
      return [Math.max(gutter, this.x(to.step) - 2 * stepWidth), y - 8, this.x(to.step), y]
    }
    const y = this.edge(lane, from, true)
    return [this.x(from), y, Math.min(this.right, this.x(from) + 2 * stepWidth), y + 8]
  }

  private arrow(arrow: Arrow): string {
    const [x1, y1, x2, y2] = this.ends(arrow)
    if (arrow.to === undefined) {
      return titled(`<line class="arrow lost" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`, arrow.title)
    }
    // along one lane: over it; else from edge to edge, upright at both
    const half = (y2 - y1) / 2
    const path =
      half === 0
        ? `M${x1} ${y1}C${x1 + stepWidth / 2} ${y1 - rowHeight} ${x2 - stepWidth / 2} ${y2 - rowHeight} ${x2} ${y2}`
        : `M${x1} ${y1}C${x1} ${y1 + half} ${x2} ${y2 - half} ${x2} ${y2}`
    return titled(`<path class="arrow${arrow.lost ? " lost" : ""}" d="${path}"/>`, arrow.title)
  }

  /** What the arrows from machine to machine carry, below or above the sender's band, where there is room. */
  private said(): Array<string> {
    const taken = new Map<number, Array<readonly [number, number]>>()
    return this.arrows.flatMap((arrow) => {
      const [source, target] = [this.places.get(arrow.lane), arrow.to && this.places.get(arrow.to.lane)]
      if (source === undefined || target === undefined || source.band === target.band) return []
      const [x1, y1, x2, y2] = this.ends(arrow)
      const gap = target.band > source.band ? source.band : source.band - 1
      const y = this.bands[gap].y + this.bands[gap].height + bandGap / 2
      if (y < Math.min(y1, y2) || y > Math.max(y1, y2)) return []
      const x = round(x1 + (x2 - x1) * across((y - y1) / (y2 - y1)))
      const half = (arrow.label.length * letterWidth) / 2 + 3
      const others = taken.get(gap) ?? []
      if (others.some(([from, to]) => x - half < to && x + half > from)) return []
      taken.set(gap, [...others, [x - half, x + half]])
      return [`<text class="said" x="${x}" y="${y + 3.5}">${escape(arrow.label)}</text>`]
    })
  }
}

/** The steps of each panel: as many as find room. */
const split = (xs: ReadonlyArray<number>): Array<readonly [number, number]> => {
  const room = widest - gutter - margin - 2 * stepWidth
  const out: Array<readonly [number, number]> = []
  let first = 0
  xs.forEach((x, i) => {
    if (x - xs[first] <= room) return
    out.push([first, i])
    first = i
  })
  if (xs.length > 0) out.push([first, xs.length])
  return out
}

const summary = ({ lanes, times }: Story): string => {
  if (times.length === 0) return "nothing happened"
  const machines = new Set(lanes.map((lane) => lane.host)).size
  return `${machines === 1 ? "1 machine" : `${machines} machines`}, ${formatTime(times[0])} to ${formatTime(times.at(-1)!)}`
}

export const draw = (events: ReadonlyArray<Event>, title: string): string => {
  const story = tell(events)
  const xs = positions(story.times)
  const parts = split(xs)
  const longest = Math.max(0, ...parts.map(([first, end]) => xs[end - 1] - xs[first]))
  const width = parts.length > 1 ? widest : Math.ceil(Math.max(900, gutter + longest + 3 * stepWidth + margin))
  let y = top
  const panels = parts.map(([first, end]) => {
    const panel = new Panel(story, xs, first, end, y, width)
    y += panel.height
    return panel
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">`,
    `<title>${escape(title)}</title><style>${style}</style>`,
    `<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">`,
    `<path class="head" d="M0 0l8 4l-8 4z"/></marker></defs>`,
    `<text class="title" x="${margin}" y="30">${escape(title)}</text>`,
    `<text class="quiet" x="${margin}" y="47">${summary(story)}</text>`,
    legend(story),
    ...panels.flatMap((panel) => panel.draw()),
    "</svg>",
    ""
  ].join("\n")
}
