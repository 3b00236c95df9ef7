/**
 * A trace as a sequence diagram in the language of Mermaid, which many pages and editors draw.
 *
 * @since 0.1.0
 */
import * as Sequence from "./internal/Sequence.ts"
import type { Event } from "./MockTrace.ts"

/**
 * Returns the packets of a trace as a Mermaid sequence diagram: a participant for each socket (in a box for each
 * machine), an arrow for each packet (crossed out when it was lost), and notes for cancels, failed calls, faults and
 * violations. Of a long trace it has the end: as much as Mermaid draws.
 *
 * Source: mermaid.js.org/syntax/sequenceDiagram.html.
 *
 * **Example** (A diagram in a log)
 *
 * ```ts
 * import { MockDiagram, MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const log = Effect.gen(function*() {
 *   const { trace } = yield* MockWinsock.MockWinsock
 *   yield* Effect.log(MockDiagram.toMermaid(yield* trace))
 * })
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const toMermaid = (events: ReadonlyArray<Event>): string => Sequence.write(events)
