/**
 * A line that carries one packet after the other, and the queue before it.
 */
export class Line {
  private readonly bytesPerSecond: number
  private readonly queueBytes: number
  /** When it has carried all that it took. */
  private free = 0
  // what waits for its turn, as far as it has not been found to have begun
  private waiting: Array<{ readonly begins: number; readonly size: number }> = []
  private waitingBytes = 0

  constructor(bytesPerSecond: number, queueBytes: number) {
    this.bytesPerSecond = bytesPerSecond
    this.queueBytes = queueBytes
  }

  /** Takes a packet; when it has carried it, or undefined where the queue has no room. Times do not go back. */
  add(now: number, size: number): number | undefined {
    let begun = 0
    while (begun < this.waiting.length && this.waiting[begun].begins <= now)
      this.waitingBytes -= this.waiting[begun++].size
    this.waiting.splice(0, begun)
    const begins = Math.max(now, this.free)
    if (begins > now) {
      if (this.waitingBytes + size > this.queueBytes) return undefined
      this.waiting.push({ begins, size })
      this.waitingBytes += size
    }
    this.free = begins + (size * 1000) / this.bytesPerSecond
    return this.free
  }
}
