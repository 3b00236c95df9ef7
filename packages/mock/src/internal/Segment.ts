/**
 * What a TCP connection puts on the wire. Its order on the way is the network's: first in, first out.
 */
import type { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import type { Flight } from "./Network.ts"

export const FIN = 1
export const SYN = 2
export const RST = 4
export const ACK = 8
/** The receiver has room again. */
export const WINDOW = 16
/** Asks whether the other end is there. */
export const PROBE = 32

const names = [
  [SYN, "SYN"],
  [FIN, "FIN"],
  [RST, "RST"],
  [ACK, "ACK"],
  [WINDOW, "WINDOW"],
  [PROBE, "PROBE"]
] as const

export const namesOf = (flags: number): Array<(typeof names)[number][1]> =>
  names.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name)

/** What a segment says where others may be lost. */
export interface Order {
  /** Of its first byte; -1 for one that is not acknowledged. A SYN and a FIN are a byte. */
  readonly number: number
  /** Of the first byte of the other direction that has not come. */
  readonly acknowledges: number
  /** Bytes that its receiver may send, counted from when the two began to count. */
  readonly granted: number
  /** Of the stream, before it. */
  readonly offset: number
  readonly retransmissions: number
}

/** Takes a segment from the wire. */
export type Arrive = (segment: Segment) => void

export class Segment implements Flight {
  /** Its number in the trace, 0 for none. */
  id = 0
  readonly flags: number
  /** The end it is from; undefined for the RST of a port that nobody listens on. */
  readonly sender: Connection | undefined
  /** The end it is for; undefined for a SYN. */
  readonly target: Connection | undefined
  readonly chunk: Chunk | undefined
  /** How many bytes more its receiver may send. */
  readonly credit: number
  /** Undefined where nothing is lost. */
  order: Order | undefined = undefined
  readonly take: Arrive
  constructor(
    flags: number,
    sender: Connection | undefined,
    target: Connection | undefined,
    chunk: Chunk | undefined,
    credit: number,
    take: Arrive
  ) {
    this.flags = flags
    this.sender = sender
    this.target = target
    this.chunk = chunk
    this.credit = credit
    this.take = take
  }
  arrive(): void {
    this.take(this)
  }
}
