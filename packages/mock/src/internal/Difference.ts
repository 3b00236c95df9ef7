/**
 * Where two runs that should be one part, in words.
 */
import type { Failure, Run } from "../MockExplorer.ts"
import * as MockTrace from "../MockTrace.ts"

export const title = ({ kind, message, name }: Failure): string =>
  `${kind}${name === kind ? "" : ` (${name})`}: ${message}`

const firstLine = (text: string): string => text.split("\n", 1)[0]

const outcome = (failure: Failure | undefined): string =>
  failure === undefined ? "it went well" : firstLine(title(failure))

const line = (event: MockTrace.Event | undefined): string =>
  event === undefined ? "nothing more" : `${MockTrace.formatTime(event.at)} ${MockTrace.format(event)}`

// payloads count as well: a trace's text does not show them
const whole = ({ failure, time, trace }: Run): string =>
  JSON.stringify([failure?.kind, failure?.name, failure?.message, time, trace])

const parting = (a: Run, b: Run): ReadonlyArray<string> => {
  const length = Math.max(a.trace.length, b.trace.length)
  for (let i = 0; i < length; i++) {
    if (JSON.stringify(a.trace[i]) === JSON.stringify(b.trace[i])) continue
    const [one, other] = [line(a.trace[i]), line(b.trace[i])]
    return [
      `event ${i + 1} was`,
      `  ${one}`,
      "and then",
      `  ${one === other ? "the same with another payload" : other}`
    ]
  }
  return a.time === b.time
    ? ["with the same events"]
    : [`with the same events, until ${MockTrace.formatTime(a.time)} and until ${MockTrace.formatTime(b.time)}`]
}

/** Undefined where they are the same. */
export const difference = (a: Run, b: Run): string | undefined =>
  whole(a) === whole(b)
    ? undefined
    : [
        "the same seed and the same plan gave two runs",
        ...parting(a, b),
        `the first: ${outcome(a.failure)}`,
        `the second: ${outcome(b.failure)}`,
        "The program takes time or chance from elsewhere than Effect's Clock and Random (Date.now, Math.random, timers",
        "and promises of the real world), or keeps something from one run to the next."
      ].join("\n")
