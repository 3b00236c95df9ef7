/** From the figures of all processes to a table and a verdict. */
import type { Measured, PartName } from "./measure.ts"
import type { CallCounts } from "./rig.ts"
import type { Provider } from "./worker.ts"

/** The median of the processes' medians, and between what those lay. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Per operation: nanoseconds, ratios and bytes. */
export interface Row {
  readonly provider: Provider
  readonly name: string
  readonly title: string
  floor?: Spread
  calls?: Spread
  engine?: Spread
  /** What the engine took, without the calls. */
  net?: Spread
  /** That, over the floor of the same round. */
  ratio?: Spread
  /** Bytes that are held, for each of what the row is about. */
  memory?: number
  readonly bytes: { readonly [N in PartName]?: number }
  readonly counts: { readonly [N in PartName]?: CallCounts }
}

/** What a figure should be at most, and what it aims at. */
export interface Target {
  readonly name: string
  readonly figure: "ratio" | "net" | "memory"
  /** Where it is judged: times on the fake provider, unless it says otherwise. */
  readonly on?: Provider
  readonly most: number
  readonly aim: number
}

export const targets: ReadonlyArray<Target> = [
  { name: "ready-inbox", figure: "ratio", most: 5, aim: 3 },
  { name: "ready-inbox-arrival", figure: "ratio", most: 5, aim: 3 },
  { name: "ready-now", figure: "ratio", most: 5, aim: 3 },
  { name: "parked-64", figure: "ratio", most: 4, aim: 2.5 },
  { name: "parked-1", figure: "ratio", most: 4, aim: 2.5 },
  { name: "parked-event-loop", figure: "ratio", most: 4, aim: 2.5 },
  { name: "interrupt", figure: "ratio", most: 2, aim: 1.3 },
  { name: "interrupt-root", figure: "ratio", most: 2, aim: 1.3 },
  { name: "pull", figure: "net", most: 400, aim: 250 },
  { name: "datagram-socket-parked", figure: "ratio", most: 1.3, aim: 1.3, on: "mock" },
  { name: "datagram-socket-pull", figure: "ratio", most: 1.3, aim: 1.3, on: "mock" },
  { name: "datagram-socket-write", figure: "ratio", most: 1.3, aim: 1.3, on: "mock" },
  { name: "idle-connection", figure: "memory", most: 4096, aim: 4096 }
]

export interface Judged extends Target {
  readonly provider: Provider
  readonly median: number
  readonly verdict: "aim" | "met" | "missed"
}

const sort = (figures: ReadonlyArray<number>): Array<number> => figures.toSorted((a, b) => a - b)

const medianOf = (figures: ReadonlyArray<number>): number => {
  const sorted = sort(figures)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const spread = (figures: ReadonlyArray<number>): Spread => {
  const sorted = sort(figures)
  return { median: medianOf(sorted), least: sorted[0], most: sorted[sorted.length - 1] }
}

/** The figures of one process: medians over its rounds. */
const medians = ({ times: { calls, engine, floor } }: Measured) => {
  const net = engine?.map((figure, i) => figure - (calls?.[i] ?? 0))
  const figures = {
    floor,
    calls,
    engine,
    net,
    // of what was measured in the same round, for the machine may be slower in the next
    ratio: floor && net?.map((figure, i) => figure / floor[i])
  }
  return Object.entries(figures).flatMap(([key, own]) => (own === undefined ? [] : [[key, medianOf(own)] as const]))
}

/** One row per case of a provider, from all its processes. */
export const rows = (provider: Provider, processes: ReadonlyArray<ReadonlyArray<Measured>>): Array<Row> =>
  processes[0].map(({ name, title }) => {
    const all = processes.flatMap((measured) => measured.filter((of) => of.name === name))
    const figures = all.flatMap(medians)
    const row: Row = {
      provider,
      name,
      title,
      bytes: Object.assign({}, ...all.map((of) => of.bytes)),
      counts: Object.assign({}, ...all.map((of) => of.counts))
    }
    for (const key of ["floor", "calls", "engine", "net", "ratio"] as const) {
      const own = figures.flatMap(([name, figure]) => (name === key ? [figure] : []))
      if (own.length > 0) row[key] = spread(own)
    }
    return row
  })

/**
 * Times of the engine on the fake provider only: the mock's own calls outweigh what is made of them, and take differing
 * times. What stands on a socket is measured beside that socket, calls and all.
 */
export const judge = (all: ReadonlyArray<Row>): Array<Judged> =>
  all.flatMap((row) =>
    targets
      .filter(({ figure, name, on = "fake" }) => name === row.name && (row.provider === on || figure === "memory"))
      .map((target) => {
        const median = target.figure === "memory" ? row.memory! : row[target.figure]!.median
        const verdict = median <= target.aim ? "aim" : median <= target.most ? "met" : "missed"
        return Object.assign({ provider: row.provider, median, verdict } as const, target)
      })
  )

const ns = (of: Spread | undefined): string =>
  of === undefined ? "" : `${of.median.toFixed(0)} [${of.least.toFixed(0)}-${of.most.toFixed(0)}]`
const times = (of: Spread | undefined): string =>
  of === undefined ? "" : `${of.median.toFixed(2)} [${of.least.toFixed(2)}-${of.most.toFixed(2)}]`
const whole = (figure: number | undefined): string => (figure === undefined ? "" : figure.toFixed(0))

const table = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "))
    .join("\n")
}

const units = { ratio: "x", net: " ns", memory: " bytes" }
const words = { aim: "aim met", met: "met", missed: "MISSED" }

const target = (row: Row): string =>
  judge([row])
    .map((of) => `<= ${of.most}${units[of.figure]} (${of.aim}): ${words[of.verdict]}`)
    .join()

/** The table of one provider. */
export const text = (all: ReadonlyArray<Row>): string =>
  table([
    ["per operation", "floor ns", "calls ns", "engine ns", "net ns", "net / floor", "bytes", "floor", "target"],
    ...all.map((row) => [
      row.title,
      ns(row.floor),
      ns(row.calls),
      ns(row.engine),
      ns(row.net),
      row.name === "pull" ? "" : times(row.ratio),
      whole(row.bytes.engine),
      whole(row.bytes.floor),
      target(row)
    ])
  ])

/** The table of what is held. */
export const memoryText = (all: ReadonlyArray<Row>): string =>
  table([["held", "bytes", "target"], ...all.map((row) => [row.title, whole(row.memory), target(row)])])

/** The verdict in a line. */
export const summary = (judged: ReadonlyArray<Judged>): string => {
  const names = (verdict: Judged["verdict"]): string =>
    judged
      .filter((of) => of.verdict === verdict)
      .map((of) => `${of.name} ${of.median.toFixed(of.figure === "ratio" ? 2 : 0)}${units[of.figure]}`)
      .join(", ")
  const parts = [
    ["aim met", names("aim")],
    ["met", names("met")],
    ["missed", names("missed")]
  ]
  return parts
    .filter(([, list]) => list !== "")
    .map(([word, list]) => `${word}: ${list}`)
    .join("; ")
}
