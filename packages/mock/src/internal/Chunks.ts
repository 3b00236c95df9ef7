/**
 * Bytes of a stream that wait: pieces by reference, oldest first. Taking and adding a piece costs the same however
 * many there are.
 */

export class Chunk {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
  /** One urgent byte, which no take mixes with others. */
  readonly urgent: boolean
  next: Chunk | undefined = undefined
  constructor(bytes: Uint8Array, at: number, end: number, urgent: boolean) {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.urgent = urgent
  }
  get size(): number {
    return this.end - this.at
  }
}

export class Chunks {
  first: Chunk | undefined = undefined
  private last: Chunk | undefined = undefined
  /** Bytes of all pieces. */
  size = 0

  add(chunk: Chunk): void {
    if (chunk.size === 0) return
    if (this.last === undefined) this.first = chunk
    else this.last.next = chunk
    this.last = chunk
    this.size += chunk.size
  }

  get hasUrgent(): boolean {
    for (let chunk = this.first; chunk !== undefined; chunk = chunk.next) if (chunk.urgent) return true
    return false
  }

  /** How many bytes can be taken together: up to the next urgent byte, and `most` of them. */
  run(most: number): number {
    let chunk = this.first
    if (chunk === undefined) return 0
    if (chunk.urgent) return Math.min(1, most)
    let size = 0
    while (chunk !== undefined && !chunk.urgent && size < most) {
      size += chunk.size
      chunk = chunk.next
    }
    return Math.min(size, most)
  }

  /** Takes the next `size` bytes, no more than `run` says, as one piece: by reference where they are one already. */
  take(size: number): Chunk {
    const first = this.first!
    if (first.size >= size) {
      const part = new Chunk(first.bytes, first.at, first.at + size, first.urgent)
      this.drop(size)
      return part
    }
    const bytes = new Uint8Array(size)
    this.read(size, (from, at) => bytes.set(from, at))
    this.drop(size)
    return new Chunk(bytes, 0, size, false)
  }

  /** Shows the next `size` bytes piece by piece, and where in them each begins. */
  read(size: number, visit: (piece: Uint8Array, at: number) => void): void {
    let at = 0
    for (let chunk = this.first; at < size; chunk = chunk!.next) {
      const part = Math.min(chunk!.size, size - at)
      visit(chunk!.bytes.subarray(chunk!.at, chunk!.at + part), at)
      at += part
    }
  }

  /** Forgets the next `size` bytes. */
  drop(size: number): void {
    this.size -= size
    let left = size
    while (left > 0) {
      const chunk = this.first!
      const part = Math.min(chunk.size, left)
      chunk.at += part
      left -= part
      if (chunk.size === 0) this.first = chunk.next
    }
    if (this.first === undefined) this.last = undefined
  }
}
