/**
 * Where received bytes go: out of the kernel's memory into a chunk shared by many messages. One allocation per datagram
 * would cost ten times the copy.
 */

const chunkSize = 64 * 1024
/** A message larger than this gets a buffer of its own: it would waste the chunk, and keep all of it alive. */
export const largest = chunkSize / 4

/** Memory, and its views. The buffer is kept too: asking a view for it is a call out of JavaScript. */
class Piece {
  readonly buffer: ArrayBuffer
  readonly bytes: Uint8Array
  readonly view: DataView
  constructor(size: number) {
    this.buffer = new ArrayBuffer(size)
    this.bytes = new Uint8Array(this.buffer)
    this.view = new DataView(this.buffer)
  }
}

export class Arena {
  private chunk = new Piece(0)
  private used = 0
  /** What the last `take` reserved from. */
  piece = this.chunk

  /** Reserves `size` bytes of `piece` and returns their offset, a multiple of 8. */
  take(size: number): number {
    if (size > largest) {
      this.piece = new Piece(size)
      return 0
    }
    if (this.used + size > this.chunk.bytes.length) {
      this.chunk = new Piece(chunkSize)
      this.used = 0
    }
    const at = this.used
    this.used = (at + size + 7) & ~7
    if (this.piece !== this.chunk) this.piece = this.chunk
    return at
  }
}
