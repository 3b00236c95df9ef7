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
export const toTable = (sockets: ReadonlyArray<SocketInfo>): string => table(sockets.map(row))

/**
 * What a machine of a network has open: nothing while it is down.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostSockets {
  readonly host: string
  readonly isUp: boolean
  readonly sockets: ReadonlyArray<SocketInfo>
}

/**
 * Returns what `MockNetwork.netstat` says as one table of text. A machine that is down has one line, with the state `DOWN`.
 *
 * **Example** (What a network has open)
 *
 * ```ts
 * import { MockNetstat, MockNetwork } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const show = Effect.gen(function*() {
 *   const network = yield* MockNetwork.makeServers(3)
 *   yield* network.crash("server2")
 *   yield* Effect.log(MockNetstat.networkTable(yield* network.netstat))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const networkTable = (hosts: ReadonlyArray<HostSockets>): string =>
  table(hosts.flatMap(({ host, isUp, sockets }) => (isUp ? sockets.map(row) : [downRow(host)])))

const row = (socket: SocketInfo): ReadonlyArray<string> => columns.map(([, value]) => String(value(socket)))

const downRow = (host: string): ReadonlyArray<string> =>
  columns.map(([title]) => (title === "Host" ? host : title === "State" ? "DOWN" : "-"))

const table = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const rows = [columns.map(([title]) => title), ...lines]
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
