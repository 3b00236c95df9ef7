/** Contestants that take turns at the same events. */

export interface Event<W> {
  readonly name: string
  /** What one of `count` is. */
  readonly unit: string
  readonly count: number
  readonly run: (wire: W, count: number) => Promise<void>
}

export interface Figure {
  readonly contestant: string
  /** Microseconds for each: median, least and most. */
  readonly microseconds: readonly [median: number, least: number, most: number]
  /** How many times as fast as the peer: median, least and most of the rounds' ratios. */
  readonly ratio: readonly [median: number, least: number, most: number]
}

export interface Result {
  readonly event: string
  readonly unit: string
  readonly peer: string
  readonly figures: ReadonlyArray<Figure>
}

interface Opened<W> {
  readonly name: string
  readonly wire: W
}

const spread = (figures: ReadonlyArray<number>): [number, number, number] => {
  const sorted = figures.toSorted((a, b) => a - b)
  return [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted[sorted.length - 1]]
}

const measure = async <W>(
  peer: number,
  opened: ReadonlyArray<Opened<W>>,
  event: Event<W>,
  quick: boolean
): Promise<Array<Figure>> => {
  const rounds = quick ? 1 : 9
  const count = quick ? event.count / 10 : event.count
  const times = opened.map((): Array<number> => [])
  // the first round is not counted
  for (let round = -1; round < rounds; round++) {
    for (const [i, { wire }] of opened.entries()) {
      const start = performance.now()
      await event.run(wire, count)
      if (round >= 0) times[i].push(((performance.now() - start) * 1000) / count)
    }
  }
  return opened.map(({ name }, i) => ({
    contestant: name,
    microseconds: spread(times[i]),
    // of what was measured in the same round, for the machine may be slower in the next
    ratio: spread(times[i].map((time, round) => times[peer][round] / time))
  }))
}

/** Measures all events, with the contestant named `peer` as the measure of the others. */
export const measureAll = async <W>(
  peer: string,
  opened: ReadonlyArray<Opened<W>>,
  events: ReadonlyArray<Event<W>>,
  quick: boolean
): Promise<Array<Result>> => {
  const at = opened.findIndex(({ name }) => name === peer)
  const results: Array<Result> = []
  for (const event of events) {
    results.push({ event: event.name, unit: event.unit, peer, figures: await measure(at, opened, event, quick) })
  }
  return results
}

export const text = (results: ReadonlyArray<Result>): string => {
  const lines: Array<string> = []
  for (const { event, figures, peer, unit } of results) {
    lines.push("", event)
    for (const { contestant, microseconds, ratio } of figures) {
      const [mid, least, most] = microseconds.map((us) => us.toFixed(1))
      const times = ratio.map((figure) => figure.toFixed(2))
      const figure = `${mid} us ${unit} [${least}-${most}]`
      lines.push(`  ${contestant.padEnd(22)} ${figure.padEnd(42)} ${times[0]} [${times[1]}-${times[2]}] x ${peer}`)
    }
  }
  const own = results.map(({ event, figures, peer }) => `${event} ${figures[0].ratio[0].toFixed(2)} x ${peer}`)
  return [...lines, "", `as fast as its peer, times: ${own.join("; ")}`].join("\n")
}
