/**
 * Keep-alive: asks a silent peer for a sign of life, and gives the connection up when none comes.
 *
 * Sources: TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT of
 * https://learn.microsoft.com/en-us/windows/win32/winsock/ipproto-tcp-socket-options, SIO_KEEPALIVE_VALS.
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

// `probes` were sent since something was heard, the last one now
const wait = (connection: Connection, time: number, probes: number): void => {
  const since = preciseMillis(connection.kernel.turns.clock)
  connection.timer = new ScheduledTask(() => look(connection, connection.heardAt >= since ? 0 : probes))
  connection.kernel.turns.after(time, connection.timer)
}

const look = (connection: Connection, probes: number): void => {
  connection.timer = undefined
  const { kernel, socket } = connection
  if (socket === undefined || connection.failure !== 0 || connection.state === "CLOSED") return
  const idle = idleTime(connection)
  const silence = preciseMillis(kernel.turns.clock) - connection.heardAt
  if (silence < idle) return wait(connection, idle - silence, 0)
  // retransmission finds out by itself (RFC 9293, 3.8.4)
  if (connection.line !== undefined && connection.inFlight > 0) return wait(connection, idle, 0)
  if (probes >= socket.options[SocketOptions.KEEPCNT]) {
    connection.timedOut = true
    return Tcp.abort(connection, STATUS_IO_TIMEOUT)
  }
  Tcp.probe(connection)
  wait(connection, socket.keepAliveInterval || socket.options[SocketOptions.KEEPINTVL] * second, probes + 1)
}
