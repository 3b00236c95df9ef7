/**
 * The TCP connections of a machine by local port, and the ports that TIME_WAIT keeps.
 */
import type { Connection } from "./Connection.ts"
import type { Ip } from "./Ip.ts"

export class Connections {
  private readonly ports = new Map<number, Connection>()
  // in the order in which they end: all wait equally long
  private waiting: Array<Connection> = []
  private head = 0
  /** Those whose peer's machine lost its power. */
  readonly orphans = new Set<Connection>()

  add(connection: Connection): void {
    const first = this.ports.get(connection.localPort)
    connection.next = first
    if (first !== undefined) first.previous = connection
    this.ports.set(connection.localPort, connection)
  }

  remove(connection: Connection): void {
    const { next, previous } = connection
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else if (next !== undefined) this.ports.set(connection.localPort, next)
    else this.ports.delete(connection.localPort)
    connection.previous = undefined
    connection.next = undefined
    if (this.orphans.size > 0) this.orphans.delete(connection)
  }

  /** The one between the two ends that another connection wants to have, which only its own end knows. */
  orphanOf({ local, localPort, peer, peerPort }: Connection): Connection | undefined {
    for (const orphan of this.orphans) {
      if (orphan.localPort !== peerPort || orphan.peerPort !== localPort || orphan.state === "TIME_WAIT") continue
      if (orphan.local.equals(peer) && orphan.peer.equals(local)) return orphan
    }
    return undefined
  }

  /** Keeps a connection in TIME_WAIT until `until`. */
  wait(connection: Connection, until: number): void {
    connection.until = until
    this.waiting.push(connection)
  }

  /** Forgets the connections whose TIME_WAIT is over. */
  expire(now: number): void {
    while (this.head < this.waiting.length && this.waiting[this.head].until <= now) {
      const connection = this.waiting[this.head++]
      if (connection.state !== "TIME_WAIT") continue
      connection.state = "CLOSED"
      this.remove(connection)
    }
    if (this.head > 64 && this.head * 2 > this.waiting.length) {
      this.waiting.splice(0, this.head)
      this.head = 0
    }
  }

  has(port: number): boolean {
    return this.ports.has(port)
  }

  some(port: number, holds: (connection: Connection) => boolean): boolean {
    for (let connection = this.ports.get(port); connection !== undefined; connection = connection.next) {
      if (holds(connection)) return true
    }
    return false
  }

  /** Says whether a connection between the two ends is there. */
  isTaken(local: Ip, port: number, peer: Ip, peerPort: number): boolean {
    return this.some(
      port,
      (other) => other.peerPort === peerPort && other.peer.equals(peer) && other.local.equals(local)
    )
  }

  list(): Array<Connection> {
    const out: Array<Connection> = []
    for (const first of this.ports.values()) {
      for (let connection: Connection | undefined = first; connection !== undefined; connection = connection.next) {
        out.push(connection)
      }
    }
    return out
  }
}
