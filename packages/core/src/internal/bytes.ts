/** Bytes that were received and not given out yet: chunks in order, taken from the front. */
import type { Arena } from "./arena.ts"
import { largest } from "./arena.ts"

export class Bytes {
  /** How many there are. */
  length = 0
  /** How many were taken since the stream began. */
  consumed = 0
  private readonly arena: Arena
  private chunks: Array<Uint8Array> = []
  // the first chunk that is not given out, and how much of it is
  private head = 0
  private skip = 0

  constructor(arena: Arena) {
    this.arena = arena
  }

  /** In how many chunks they are. */
  get chunkCount(): number {
    return this.chunks.length - this.head
  }

  push(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.length += chunk.length
  }

  /** Copies `count` bytes of `from`, from `start` on, which will be written to again: the only copy but the kernel's. */
  copy(from: Uint8Array, start: number, count: number): void {
    const part = from.subarray(start, start + count)
    // made of the bytes themselves it is not filled with zeros first
    if (count > largest) return this.push(new Uint8Array(part))
    const { arena } = this
    const at = arena.take(count)
    const chunk = new Uint8Array(arena.piece.buffer, at, count)
    chunk.set(part)
    this.push(chunk)
  }

  /** The rest of the first chunk; there must be one. */
  takeChunk(): Uint8Array {
    const chunk = this.chunks[this.head]
    const rest = this.skip === 0 ? chunk : chunk.subarray(this.skip)
    this.drop(rest.length)
    return rest
  }

  /** As many chunks as there are, at most `most`; there must be one. */
  takeChunks(most: number): Array<Uint8Array> {
    const taken: Array<Uint8Array> = []
    while (taken.length < most && this.length > 0) taken.push(this.takeChunk())
    return taken
  }

  /** Exactly `count` bytes in one piece; there must be as many. Copies only what lies in several chunks. */
  take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0)
    const first = this.chunks[this.head]
    if (first.length - this.skip >= count) {
      const taken = first.subarray(this.skip, this.skip + count)
      this.drop(count)
      return taken
    }
    const taken = new Uint8Array(count)
    this.copyTo(taken, 0, count)
    return taken
  }

  /** Takes at most `length` bytes and copies them to `at`; returns how many. */
  copyTo(to: Uint8Array, at: number, length: number): number {
    const count = Math.min(length, this.length)
    let done = 0
    while (done < count) {
      const chunk = this.chunks[this.head]
      const part = Math.min(chunk.length - this.skip, count - done)
      to.set(chunk.subarray(this.skip, this.skip + part), at + done)
      this.drop(part)
      done += part
    }
    return count
  }

  /**
   * Where the next occurrence of `what` begins, counted from the beginning of the stream, at or after `from`; -1 for
   * none. What was taken is not searched.
   */
  indexOf(what: Uint8Array, from: number): number {
    const { chunks } = this
    let start = this.consumed - this.skip
    for (let i = this.head; i < chunks.length; i++) {
      const chunk = chunks[i]
      let at = Math.max(from - start, i === this.head ? this.skip : 0)
      while (at < chunk.length && (at = chunk.indexOf(what[0], at)) !== -1) {
        const match = this.matches(what, i, at)
        if (match === undefined) return -1
        if (match) return start + at
        at++
      }
      start += chunk.length
    }
    return -1
  }

  clear(): void {
    this.consumed += this.length
    this.length = 0
    this.chunks = []
    this.head = 0
    this.skip = 0
  }

  // whether `what` stands at a place; undefined when the bytes end before that is known
  private matches(what: Uint8Array, chunk: number, at: number): boolean | undefined {
    let i = chunk
    let j = at
    for (let n = 0; n < what.length; n++, j++) {
      while (j >= this.chunks[i].length) {
        j = 0
        if (++i === this.chunks.length) return undefined
      }
      if (this.chunks[i][j] !== what[n]) return false
    }
    return true
  }

  private drop(count: number): void {
    this.length -= count
    this.consumed += count
    this.skip += count
    if (this.skip < this.chunks[this.head].length) return
    this.skip = 0
    this.head++
    // chunks that were given out are let go of in bulk: shifting an array costs its length
    if (this.head === this.chunks.length) {
      this.chunks = []
      this.head = 0
    } else if (this.head >= 64 && this.head * 2 >= this.chunks.length) {
      this.chunks = this.chunks.slice(this.head)
      this.head = 0
    }
  }
}
