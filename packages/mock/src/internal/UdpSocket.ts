/**
 * A UDP socket's state.
 */
import type { Datagram } from "./Datagram.ts"
import { Memberships } from "./Memberships.ts"
import { Socket } from "./Socket.ts"
import type { Transmitted } from "./Timestamps.ts"

export class UdpSocket extends Socket {
  readonly protocol = "UDP"
  /** SIO_UDP_CONNRESET and SIO_UDP_NETRESET. */
  connectionReset = true
  networkReset = true
  timestamps = false
  /** The timestamps of what it sent, when it wants them. */
  transmitted: Transmitted | undefined = undefined
  readonly memberships = new Memberships()
  /** Which control messages its receives get, per family of the datagram: bits of SocketOptions. */
  wantedV4 = 0
  wantedV6 = 0
  /** Largest coalesced payload, 0 for none. */
  coalesce = 0
  /** Datagrams that arrived and wait for a receive. */
  private queue: Array<Datagram> = []
  private head = 0
  queuedBytes = 0
  sendBuffered = 0
  /** Datagrams lost because the receive buffer was full. */
  overflowed = 0

  get queued(): number {
    return this.queue.length - this.head
  }

  peekQueue(): Datagram {
    return this.queue[this.head]
  }

  takeQueue(): Datagram {
    const datagram = this.queue[this.head++]
    if (this.head > 64 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
    this.queuedBytes -= datagram.payload.length
    return datagram
  }

  putQueue(datagram: Datagram): void {
    this.queue.push(datagram)
    this.queuedBytes += datagram.payload.length
  }

  get lastQueued(): Datagram | undefined {
    return this.queued === 0 ? undefined : this.queue[this.queue.length - 1]
  }

  replaceLast(datagram: Datagram): void {
    const last = this.queue.length - 1
    this.queuedBytes += datagram.payload.length - this.queue[last].payload.length
    this.queue[last] = datagram
  }

  discardQueue(): void {
    this.queue = []
    this.head = 0
    this.queuedBytes = 0
  }
}
