/**
 * Keep-alive: asks a silent peer for a sign of life, and gives the connection up when none comes.
 */
import { preciseMillis } from "./Loop.ts"
import { STATUS_IO_TIMEOUT } from "@effect-winsock/schema/NtStatus"
import type { Connection } from "./Connection.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as Tcp from "./Tcp.ts"
import { ScheduledTask } from "./Turns.ts"

const second = 1000

/** Starts watching if the socket wants it. */
export const watch = (connection: Connection): void => {
  const { kernel, socket } = connection
  if (socket === undefined || socket.options[SocketOptions.KEEPALIVE] === 0 || connection.timer !== undefined) return
  if (connection.connectedAt === -1 || connection.failure !== 0) return
  connection.heardAt = preciseMillis(kernel.turns.clock)
  wait(connection, idleTime(connection), 0)
}

/** Stops watching. */
export const unwatch = (connection: Connection): void => {
  connection.timer?.withdraw()
  connection.timer = undefined
}

const idleTime = (connection: Connection): number => {
  const socket = connection.socket!
  return socket.keepAliveTime || socket.options[SocketOptions.KEEPIDLE] * second
}

const wait = (connection: Connection, time: number, probes: number): void => {
  connection.timer = new ScheduledTask(() => look(connection, probes))
  connection.kernel.turns.after(time, connection.timer)
}

const look = (connection: Connection, probes: number): void => {
  connection.timer = undefined
  const { kernel, socket } = connection
  if (socket === undefined || connection.failure !== 0 || connection.state === "CLOSED") return
  const idle = idleTime(connection)
  const silence = preciseMillis(kernel.turns.clock) - connection.heardAt
  if (silence < idle) return wait(connection, idle - silence, 0)
  if (probes >= socket.options[SocketOptions.KEEPCNT]) {
    connection.timedOut = true
    return Tcp.abort(connection, STATUS_IO_TIMEOUT)
  }
  Tcp.probe(connection)
  wait(connection, socket.keepAliveInterval || socket.options[SocketOptions.KEEPINTVL] * second, probes + 1)
}
