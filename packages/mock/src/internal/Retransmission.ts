/**
 * What an end of a connection keeps once its segments may be lost: those that are not acknowledged, when they are sent
 * again, and those that came before their turn. Bytes are counted. None is joined when it is sent again, and it is cut
 * only where it was too big for the path.
 *
 * Documented: the first wait comes of the round trip (RFC 6298), each is twice the one before, up to 60 s, and after five
 * retransmissions the connection is given up (TcpMaxDataRetransmissions,
 * https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2003/cc780586(v=ws.10)), or when
 * TCP_MAXRT says so (https://learn.microsoft.com/en-us/windows/win32/winsock/ipproto-tcp-socket-options, which has the 60 s
 * too). Observed practice: 300 ms at least, a SYN,ACK twice more.
 */
import { preciseMillis } from "./Loop.ts"
import { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import { Lane } from "./Passage.ts"
import type { Segment } from "./Segment.ts"
import { ScheduledTask } from "./Turns.ts"

/** RFC 6298, 2.1. */
const initialRto = 1000
const minimumRto = 300
/** The page of TCP_MAXRT; RFC 6298, 2.5 allows it. */
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
  /** The number behind it. */
  get next(): number {
    return this.number + Math.max(this.size, 1)
  }
  /** Pieces of no more than `most` bytes. */
  pieces(most: number): Array<Item> {
    const { at, bytes, end, flags, number, offset, sentAt, urgent } = this
    if (bytes === undefined || this.size <= most) return [this]
    const out: Array<Item> = []
    for (let from = at; from < end; from += most) {
      const chunk = new Chunk(bytes, from, Math.min(from + most, end), urgent)
      const piece = new Item(number + from - at, flags, chunk, offset + from - at, sentAt)
      piece.retransmissions = this.retransmissions
      out.push(piece)
    }
    return out
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

const lengthOf = ({ chunk }: Segment): number => Math.max(chunk?.size ?? 0, 1)

export class Line {
  readonly connection: Connection
  /** The end that it counts with. */
  readonly peer: Connection
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
  /** When the wait began that nothing has ended. */
  private since = 0
  private rto = initialRto
  private smoothed = 0
  private variation = 0
  // what was sent before the last time-out is sent again as acknowledgements come
  private recover = 0
  private timer: ScheduledTask | undefined = undefined

  constructor(connection: Connection, peer: Connection, window: number, actions: Actions) {
    this.connection = connection
    this.peer = peer
    this.window = window
    this.actions = actions
  }

  private get now(): number {
    return preciseMillis(this.connection.kernel.turns.clock)
  }

  /** How many bytes are not acknowledged. */
  get bytes(): number {
    return this.items.reduce((sum, { size }) => sum + size, 0)
  }

  /** Numbers what is to be acknowledged. */
  add(flags: number, chunk: Chunk | undefined, offset: number): Item {
    const item = new Item(this.sent, flags, chunk, offset, this.now)
    this.sent = item.next
    this.items.push(item)
    if (this.items.length === 1) this.restart()
    return item
  }

  /** The peer has all before `number`: returns what that acknowledges. */
  acknowledge(number: number): ReadonlyArray<Item> {
    let count = 0
    while (count < this.items.length && this.items[count].next <= number) count++
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
      const number = this.fresh(segment)
      if (number === -1 || this.ahead.has(number)) return undefined
      this.ahead.set(number, segment)
    }
    const next = this.ahead.get(this.received)
    if (next === undefined) return undefined
    this.ahead.delete(this.received)
    this.received += lengthOf(next)
    return next
  }

  // the number of the first byte that did not come before, and the segment cut to begin there; -1 where all did
  private fresh(segment: Segment): number {
    const { number } = segment.order!
    const came = this.received - number
    if (came <= 0) return number
    if (came >= lengthOf(segment)) return -1
    segment.chunk!.at += came
    return this.received
  }

  /** Segments may be no larger any more: those that are not acknowledged are cut, and sent again. */
  cut(most: number): void {
    this.items = this.items.flatMap((item) => item.pieces(most))
    const first = this.items.at(0)
    if (first === undefined) return
    this.recover = this.sent
    this.restart()
    this.again(first)
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
    if (this.tries === 0) this.since = this.now
    const wait = Math.min(this.rto * 2 ** this.tries, longestRto)
    // nothing is given up before its first time-out
    const least = this.tries === 0 ? this.rto : 0
    this.connection.kernel.turns.after(Math.max(least, Math.min(wait, this.left)), this.timer)
  }

  /** Of the time that the program set. */
  private get left(): number {
    const { listener, socket } = this.connection
    return this.since + ((socket ?? listener)?.patience ?? Infinity) - this.now
  }

  private get isOver(): boolean {
    const { listener, socket, state } = this.connection
    if (state === "SYN_RECEIVED") return this.tries >= mostOfSynAck
    return (socket ?? listener)?.patience === undefined ? this.tries >= mostRetransmissions : this.left <= 0
  }

  private expire(): void {
    this.timer = undefined
    const { connection } = this
    if (connection.state === "CLOSED") return
    const first = this.items.at(0)
    if (first === undefined && !connection.stalled) return
    if (this.isOver) return this.actions.giveUp(connection)
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
