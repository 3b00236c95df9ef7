/** The whole of ping but its layer and its arguments: resolves the targets, asks them, shows what comes. */
import { Names } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as Pinger from "./pinger.ts"
import * as Report from "./report.ts"

/** Where it writes. */
export interface Output {
  readonly write: (text: string) => void
  /** The width of a terminal; undefined for what is none: then there are plain lines. */
  readonly columns: number | undefined
}

/** An address, or the first one of a name. */
const resolve = (name: string) => Effect.map(Names.lookup(name), ([{ address }]): Pinger.Target => ({ name, address }))

/** Ends with the summary, whether it is done or interrupted. */
export const program = (names: ReadonlyArray<string>, options: Pinger.Options, { columns, write }: Output) =>
  Effect.gen(function* () {
    const targets = yield* Effect.forEach(names, resolve, { concurrency: "unbounded" })
    const tallies = targets.map(Pinger.empty)
    let drawn = 0
    const draw = (): void => {
      const lines = Report.table(tallies)
      write(Report.redraw(lines, drawn, columns!))
      drawn = lines.length
    }
    const tell = (index: number, outcome: Pinger.Outcome) =>
      Effect.sync(() => {
        tallies[index] = Pinger.add(tallies[index], outcome)
        if (columns === undefined) write(`${Report.line(targets[index], outcome)}\n`)
        else draw()
      })
    const summary = Effect.sync(() => {
      for (const tally of tallies) write(`${Report.summary(tally)}\n`)
    })
    if (columns !== undefined) draw()
    yield* Effect.scoped(Pinger.ping(targets, options, tell)).pipe(Effect.onInterrupt(() => summary))
    yield* summary
    return tallies as ReadonlyArray<Pinger.Tally>
  })
