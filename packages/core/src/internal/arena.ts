/**
 * Where received bytes go: out of the kernel's memory into a chunk shared by many messages. One allocation per datagram
 * would cost ten times the copy.
 */

const chunkSize = 64 * 1024
/** A message larger than this gets a buffer of its own: it would waste the chunk, and keep all of it alive. */
const largest = chunkSize / 4

export class Arena {
  /** What the last `take` reserved from. */
  bytes = new Uint8Array(0)
  view = new DataView(this.bytes.buffer)
  private chunk = this.bytes
  private chunkView = this.view
  private used = 0

  /** Reserves `size` bytes of `bytes` and returns their offset, a multiple of 8. */
  take(size: number): number {
    if (size > largest) {
      this.bytes = new Uint8Array(size)
      this.view = new DataView(this.bytes.buffer)
      return 0
    }
    if (this.used + size > this.chunk.length) {
      this.chunk = new Uint8Array(chunkSize)
      this.chunkView = new DataView(this.chunk.buffer)
      this.used = 0
    }
    const at = this.used
    this.used = (at + size + 7) & ~7
    this.bytes = this.chunk
    this.view = this.chunkView
    return at
  }
}
