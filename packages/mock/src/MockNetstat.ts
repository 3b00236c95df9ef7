/**
 * The sockets of simulated machines as a table, as netstat shows a real one's.
 *
 * @since 0.1.0
 */
import type { SocketInfo } from "./MockWinsock.ts"

const columns: ReadonlyArray<readonly [title: string, value: (socket: SocketInfo) => string | number]> = [
  ["Host", ({ host }) => host],
  ["Proto", ({ family, protocol }) => (family === "IPv6" ? `${protocol}v6` : protocol)],
  ["Local Address", ({ local }) => local ?? "-"],
  ["Foreign Address", ({ peer }) => peer ?? "-"],
  ["State", ({ state }) => state ?? ""],
  ["Socket", ({ socket }) => (socket === 0 ? "-" : socket)],
  ["Recv-Q", ({ queuedBytes }) => queuedBytes],
  ["Send-Q", ({ sendBuffered }) => sendBuffered],
  ["Receives", ({ pendingReceives }) => pendingReceives],
  ["Sends", ({ pendingSends }) => pendingSends],
  ["Backlog", ({ backlog }) => backlog],
  ["Dropped", ({ dropped }) => dropped]
]

/**
 * Returns what `Mock.sockets` says as a table of text: a line a socket, and a line a connection that no socket has. `Recv-Q`
 * and `Send-Q` are bytes that wait, `Receives` and `Sends` operations that are pending.
 *
 * **Example** (What a machine has open)
 *
 * ```ts
 * import { MockNetstat, MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const show = Effect.gen(function*() {
 *   const { sockets } = yield* MockWinsock.MockWinsock
 *   yield* Effect.log(MockNetstat.toTable(yield* sockets))
 * })
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const toTable = (sockets: ReadonlyArray<SocketInfo>): string => {
  const rows = [
    columns.map(([title]) => title),
    ...sockets.map((one) => columns.map(([, value]) => String(value(one))))
  ]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
