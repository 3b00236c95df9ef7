/**
 * What an end of a connection keeps once its segments may be lost: those that are not acknowledged, when they are sent
 * again, and those that came before their turn. Segments are counted, not bytes: none is cut or joined when it is sent
 * again.
 *
 * Windows measures the round trip and waits no less than 300 ms; each wait is twice the one before, and after five
 * retransmissions the connection is given up (TcpMaxDataRetransmissions,
 * https://learn.microsoft.com/en-us/troubleshoot/windows-server/networking/modify-tcp-ip-maximum-retransmission-time-out).
 */
import { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import { Lane } from "./Passage.ts"
import type { Segment } from "./Segment.ts"
import { ScheduledTask } from "./Turns.ts"

const initialRto = 1000
const minimumRto = 300
const longestRto = 60_000
/** TcpMaxDataRetransmissions. */
const mostRetransmissions = 5
/** TcpMaxConnectResponseRetransmissions. */
const mostOfSynAck = 2

/** What is sent again until it is acknowledged. */
export class Item {
  readonly number: number
  readonly flags: number
  readonly bytes: Uint8Array | undefined
  readonly at: number
  readonly end: number
  readonly urgent: boolean
  /** Of the stream, before it. */
  readonly offset: number
  readonly sentAt: number
  retransmissions = 0
  constructor(number: number, flags: number, chunk: Chunk | undefined, offset: number, sentAt: number) {
    this.number = number
    this.flags = flags
    this.bytes = chunk?.bytes
    this.at = chunk?.at ?? 0
    this.end = chunk?.end ?? 0
    this.urgent = chunk?.urgent ?? false
    this.offset = offset
    this.sentAt = sentAt
  }
  get size(): number {
    return this.end - this.at
  }
  // the receiver cuts what it gets
  get chunk(): Chunk | undefined {
    return this.bytes === undefined ? undefined : new Chunk(this.bytes, this.at, this.end, this.urgent)
  }
}

/** What a timer that ran out is to do. */
export interface Actions {
  readonly resend: (connection: Connection, item: Item) => void
  /** Asks for room that nobody told of. */
  readonly ask: (connection: Connection) => void
  readonly giveUp: (connection: Connection) => void
}

export class Line {
  readonly connection: Connection
  readonly lane = new Lane()
  private readonly actions: Actions
  /** Oldest first. */
  private items: Array<Item> = []
  private sent = 0
  /** What came in order from the peer, counted. */
  received = 0
  private readonly ahead = new Map<number, Segment>()
  /** Bytes that the peer was allowed since the line began, and what this end was. */
  granted = 0
  private allowed = 0
  /** Room that the peer knows of and has not used. */
  window: number
  private tries = 0
  private rto = initialRto
  private smoothed = 0
  private variation = 0
  // what was sent before the last time-out is sent again as acknowledgements come
  private recover = 0
  private timer: ScheduledTask | undefined = undefined

  constructor(connection: Connection, window: number, actions: Actions) {
    this.connection = connection
    this.window = window
    this.actions = actions
  }

  get idle(): boolean {
    return this.items.length === 0
  }

  private get now(): number {
    return this.connection.kernel.turns.clock.currentTimeMillisUnsafe()
  }

  /** Numbers what is to be acknowledged. */
  add(flags: number, chunk: Chunk | undefined, offset: number): Item {
    const item = new Item(this.sent++, flags, chunk, offset, this.now)
    this.items.push(item)
    if (this.items.length === 1) this.restart()
    return item
  }

  /** The peer has all before `number`: returns what that acknowledges. */
  acknowledge(number: number): ReadonlyArray<Item> {
    let count = 0
    while (count < this.items.length && this.items[count].number < number) count++
    if (count === 0) return this.items.slice(0, 0)
    const done = this.items.slice(0, count)
    this.items = this.items.slice(count)
    // what was sent twice tells nothing of the time that it took
    if (done.every(({ retransmissions }) => retransmissions === 0)) this.measure(this.now - done[count - 1].sentAt)
    this.tries = 0
    this.stop()
    const next = this.items.at(0)
    if (next !== undefined) {
      this.restart()
      if (next.number < this.recover) this.again(next)
    }
    return done
  }

  /** The peer allows so many bytes in all: returns how many that are more than before. */
  allow(granted: number): number {
    const more = Math.max(0, granted - this.allowed)
    this.allowed += more
    return more
  }

  /** Keeps what comes before its turn; returns what is next, if it is there. */
  take(segment: Segment | undefined): Segment | undefined {
    if (segment !== undefined) {
      const { number } = segment.order!
      // the copy of one that came
      if (number < this.received || this.ahead.has(number)) return undefined
      this.ahead.set(number, segment)
    }
    const next = this.ahead.get(this.received)
    if (next !== undefined) this.ahead.delete(this.received++)
    return next
  }

  /** Waits for room at the peer, and asks for it when the peer is silent. */
  persist(): void {
    if (this.timer === undefined) this.restart()
  }

  /** The peer answered the question for room. */
  answered(): void {
    if (this.items.length > 0) return
    this.tries = 0
    this.stop()
    if (this.connection.stalled) this.restart()
  }

  stop(): void {
    this.timer?.withdraw()
    this.timer = undefined
  }

  private restart(): void {
    this.stop()
    this.timer = new ScheduledTask(() => this.expire())
    const wait = Math.min(this.rto * 2 ** this.tries, longestRto)
    this.connection.kernel.turns.after(wait, this.timer)
  }

  private expire(): void {
    this.timer = undefined
    const { connection } = this
    if (connection.state === "CLOSED") return
    const first = this.items.at(0)
    if (first === undefined && !connection.stalled) return
    const most = connection.state === "SYN_RECEIVED" ? mostOfSynAck : mostRetransmissions
    if (this.tries >= most) return this.actions.giveUp(connection)
    this.tries++
    this.recover = this.sent
    this.restart()
    if (first === undefined) this.actions.ask(connection)
    else this.again(first)
  }

  private again(item: Item): void {
    item.retransmissions++
    this.actions.resend(this.connection, item)
  }

  // RFC 6298
  private measure(time: number): void {
    if (this.smoothed === 0) {
      this.smoothed = time
      this.variation = time / 2
    } else {
      this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - time)
      this.smoothed = 0.875 * this.smoothed + 0.125 * time
    }
    this.rto = Math.max(minimumRto, this.smoothed + 4 * this.variation)
  }
}
