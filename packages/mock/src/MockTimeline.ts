/**
 * A trace as a picture: operations, packets and faults of all machines over time, in one SVG file.
 *
 * @since 0.1.0
 */
import * as Timeline from "./internal/Timeline.ts"
import type { Event } from "./MockTrace.ts"

/**
 * What a picture shows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** @default "Timeline" */
  readonly title?: string | undefined
  /**
   * How many of the latest events are drawn, from 1.
   *
   * @default 2000
   */
  readonly limit?: number | undefined
}

/**
 * Returns a trace as an SVG file that needs nothing else, light or dark as its reader's screen is.
 *
 * Machines are bands, their sockets lanes. An overlapped operation is a bar from the call to its completion, in the
 * colour of its outcome (open at the right: pending at the end of the trace); packets are arrows from lane to lane;
 * cancels, failed calls, lost packets, faults and violations are marks. Each says more under the pointer. Steps are drawn
 * side by side in their order, however little time is between them; the times stand above.
 *
 * **Example** (Showing a failed test)
 *
 * ```ts
 * import { MockTimeline, MockWinsock } from "@effect-winsock/mock"
 * import { Effect, FileSystem } from "effect"
 *
 * const save = Effect.gen(function*() {
 *   const { trace } = yield* MockWinsock.MockWinsock
 *   const fs = yield* FileSystem.FileSystem
 *   yield* fs.writeFileString("trace.svg", MockTimeline.toSvg(yield* trace, { title: "A retry" }))
 * })
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const toSvg = (events: ReadonlyArray<Event>, options: Options = {}): string =>
  Timeline.draw(events.slice(-(options.limit ?? 2000)), options.title ?? "Timeline")
