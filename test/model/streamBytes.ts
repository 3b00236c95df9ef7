/** Messages in a stream that tell what became of them: each carries its number, and bytes that follow from it. */

const header = 8

const byteOf = (n: number, i: number): number => (n * 37 + i * 11 + (i >>> 8)) & 0xff

/** A message's bytes: its number and length, then what follows from them. */
export const messageOf = (n: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(header + length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, n)
  view.setUint32(4, length)
  for (let i = 0; i < length; i++) bytes[header + i] = byteOf(n, i)
  return bytes
}

export interface Read {
  readonly bytes: number
  /** The messages that came whole. */
  readonly whole: ReadonlySet<number>
  /** Whether the last one did not. */
  readonly torn: boolean
  /** What is wrong: a message that was not sent, is not in order, or not itself. */
  readonly wrong: string | undefined
}

/** Reads what came of a stream. */
export const read = (chunks: ReadonlyArray<Uint8Array>, lengthOf: (n: number) => number | undefined): Read => {
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const bytes = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  const view = new DataView(bytes.buffer)
  const whole = new Set<number>()
  let last = -1
  let torn = false
  const read = (wrong: string | undefined): Read => ({ bytes: total, whole, torn, wrong })
  for (at = 0; at < total;) {
    const there = total - at
    if (there < header) {
      torn = true
      break
    }
    const n = view.getUint32(at)
    const expected = lengthOf(n)
    if (expected === undefined || n <= last) return read(`send ${n} after send ${last}`)
    if (view.getUint32(at + 4) !== expected) return read(`send ${n} has another length`)
    const length = Math.min(expected, there - header)
    for (let i = 0; i < length; i++) {
      if (bytes[at + header + i] !== byteOf(n, i)) return read(`byte ${i} of send ${n}`)
    }
    last = n
    torn = length < expected
    if (!torn) whole.add(n)
    at += header + length
  }
  return read(undefined)
}
