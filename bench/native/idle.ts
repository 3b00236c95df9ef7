/** What an idle connection takes on the real ws2_32: both ends are in this process, their kernel is not. */
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import type { Idle } from "../idle.ts"
import { line, measure, total } from "../idle.ts"

export const run = (connections: number): Promise<Idle> => measure(NativeWinsock.layer, connections, false)

export const text = (of: Idle): string =>
  [
    "",
    `bytes held, of ${of.connections} connections (${of.making.toFixed(2)} ms to make one, both ends)`,
    line("  an idle connection, both ends", of.idle),
    line("  a receive that waits at one end, with its fiber", of.parked),
    line("  of these the fiber's (the same in Effect.callback)", of.fiber),
    `  for each end ${(total(of.idle) / 2).toFixed(0)}`
  ].join("\n")
