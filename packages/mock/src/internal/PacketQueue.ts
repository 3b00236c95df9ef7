/**
 * The packets of a port, in the order in which they leave it: as they came, or any that is ready.
 */
import type { Random } from "./Random.ts"

export interface Queued {
  readonly overlapped: number
  /** Whether PostQueuedCompletionStatus made it. */
  readonly posted: boolean
}

export interface PacketQueue<A extends Queued> {
  readonly size: number
  add(packet: A): void
  /** Takes one; there must be one. */
  take(): A
  /** All that wait, oldest first. */
  list(): Array<A>
}

export class Fifo<A extends Queued> implements PacketQueue<A> {
  private packets: Array<A> = []
  private head = 0

  get size(): number {
    return this.packets.length - this.head
  }

  add(packet: A): void {
    this.packets.push(packet)
  }

  take(): A {
    const packet = this.packets[this.head++]
    if (this.head > 64 && this.head * 2 > this.packets.length) {
      this.packets.splice(0, this.head)
      this.head = 0
    }
    return packet
  }

  list(): Array<A> {
    return this.packets.slice(this.head)
  }
}

// a removal moves no more than the rest of a piece
const pieceSize = 512

/** Packets between two that were posted, or one that was. */
class Run<A extends Queued> {
  readonly posted: boolean
  size = 0
  private readonly pieces: Array<Array<A>> = []
  private readonly counts = new Map<number, number>()

  constructor(posted: boolean) {
    this.posted = posted
  }

  add(packet: A): void {
    const last = this.pieces[this.pieces.length - 1]
    if (last === undefined || last.length === pieceSize) this.pieces.push([packet])
    else last.push(packet)
    this.size++
    this.counts.set(packet.overlapped, (this.counts.get(packet.overlapped) ?? 0) + 1)
  }

  /** Takes the packet at an index, or an older one of the same OVERLAPPED. */
  take(index: number): A {
    let at = index
    let piece = 0
    while (at >= this.pieces[piece].length) at -= this.pieces[piece++].length
    const { overlapped } = this.pieces[piece][at]
    const count = this.counts.get(overlapped)!
    if (count === 1) this.counts.delete(overlapped)
    else {
      this.counts.set(overlapped, count - 1)
      piece = 0
      while ((at = this.pieces[piece].findIndex((packet) => packet.overlapped === overlapped)) === -1) piece++
    }
    const [packet] = this.pieces[piece].splice(at, 1)
    if (this.pieces[piece].length === 0) this.pieces.splice(piece, 1)
    this.size--
    return packet
  }

  list(): Array<A> {
    return this.pieces.flat()
  }
}

/**
 * Any ready packet, but none before an older one of the same OVERLAPPED, and nothing across a posted packet: what is
 * posted is behind all that was queued before it.
 */
export class Shuffled<A extends Queued> implements PacketQueue<A> {
  size = 0
  private readonly random: Random
  private runs: Array<Run<A>> = []
  private head = 0

  constructor(random: Random) {
    this.random = random
  }

  add(packet: A): void {
    let last = this.runs[this.runs.length - 1]
    if (last === undefined || packet.posted || last.posted) this.runs.push((last = new Run(packet.posted)))
    last.add(packet)
    this.size++
  }

  take(): A {
    const run = this.runs[this.head]
    const packet = run.take(run.posted ? 0 : this.random.below(run.size))
    this.size--
    if (run.size === 0) this.next()
    return packet
  }

  list(): Array<A> {
    return this.runs.slice(this.head).flatMap((run) => run.list())
  }

  private next(): void {
    this.head++
    if (this.head === this.runs.length || (this.head > 64 && this.head * 2 > this.runs.length)) {
      this.runs.splice(0, this.head)
      this.head = 0
    }
  }
}
