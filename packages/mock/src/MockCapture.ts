/**
 * A trace as a capture file: what was on the simulated wire, for Wireshark and its kin.
 *
 * @since 0.1.0
 */
import * as Capture from "./internal/Capture.ts"
import type { Event } from "./MockTrace.ts"

/**
 * Where a capture is taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The machine it is taken on: what left there and what came in. Without it every packet is in the capture once, as it
   * left its machine; one that was lost has the reason as its comment.
   */
  readonly host?: string | undefined
}

/**
 * Returns the datagrams and segments of a trace as a pcapng file, an interface a machine, with whole IP, UDP and TCP headers,
 * right checksums, and times since the simulation began.
 *
 * TCP's sequence numbers are made up here, from 0 for the SYN: the simulation numbers no bytes. Of a trace that has lost
 * its beginning they start with what is left.
 *
 * Source: draft-ietf-opsawg-pcapng; RFC 791, 768, 8200, 9293.
 *
 * **Example** (A file that tshark reads)
 *
 * ```ts
 * import { MockCapture, MockWinsock } from "@effect-winsock/mock"
 * import { Effect, FileSystem } from "effect"
 *
 * const save = Effect.gen(function*() {
 *   const { trace } = yield* MockWinsock.MockWinsock
 *   const fs = yield* FileSystem.FileSystem
 *   yield* fs.writeFile("trace.pcapng", MockCapture.toPcapng(yield* trace))
 * })
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const toPcapng = (events: ReadonlyArray<Event>, options: Options = {}): Uint8Array =>
  Capture.write(events, options.host)
