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
