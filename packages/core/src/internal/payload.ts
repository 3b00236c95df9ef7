/** What a program gives to be sent: bytes, or several pieces that are gathered into one call. */
export type Payload = Uint8Array | ReadonlyArray<Uint8Array>

/** What a value that is no payload must be. */
export const aPayload = "a Uint8Array, or an array of them"

export const lengthOf = (payload: Payload): number => {
  if (!Array.isArray(payload)) return (payload as Uint8Array).length
  let length = 0
  for (const piece of payload) length += (piece as Uint8Array).length
  return length
}

// of whichever realm it is; a view of larger elements would be cut
const isBytes = (piece: unknown): boolean =>
  ArrayBuffer.isView(piece) && (piece as Uint8Array).length === piece.byteLength

// not every(): it would pass over the holes of a sparse array
export const isPayload = (payload: unknown): payload is Payload =>
  isBytes(payload) || (Array.isArray(payload) && Array.from(payload).every((piece) => isBytes(piece)))

/** Copies it to `at`, where there must be room, and returns its length. */
export const copyPayload = (payload: Payload, to: Uint8Array, at: number): number => {
  if (!Array.isArray(payload)) {
    to.set(payload as Uint8Array, at)
    return (payload as Uint8Array).length
  }
  let length = 0
  for (const piece of payload as ReadonlyArray<Uint8Array>) {
    to.set(piece, at + length)
    length += piece.length
  }
  return length
}

/** Copies `length` bytes of it, from `from` on, to the beginning of `to`. */
export const copyRange = (payload: Payload, from: number, length: number, to: Uint8Array): void => {
  if (!Array.isArray(payload)) {
    to.set((payload as Uint8Array).subarray(from, from + length))
    return
  }
  let start = 0
  let done = 0
  for (const piece of payload as ReadonlyArray<Uint8Array>) {
    if (done === length) return
    const skip = from + done - start
    if (skip < piece.length) {
      const part = Math.min(piece.length - skip, length - done)
      to.set(piece.subarray(skip, skip + part), done)
      done += part
    }
    start += piece.length
  }
}
