/** What can be asked of the receiving half of a stream. */
import { WSAEMSGSIZE } from "@effect-winsock/schema/WsaError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Bytes } from "./bytes.ts"
import type { Buffer } from "./nativeBuffer.ts"
import { streamError } from "./streamError.ts"

export interface Request {
  /** Whether what is there is enough to end it, with success or not. */
  readonly isThere: (bytes: Bytes) => boolean
  /** Whether it takes more than that, where there is more at hand. */
  readonly takesMore?: (bytes: Bytes) => boolean
  /** How many bytes it could do with, where that is more than a chunk. */
  readonly room?: (bytes: Bytes) => number
  /** Takes it, where it is there. */
  readonly take: (bytes: Bytes) => Effect.Effect<unknown, WinsockError>
  /** What becomes of it when the stream has ended before. */
  readonly atEnd: (bytes: Bytes) => Effect.Effect<never, WinsockError | Cause.Done>
  /** Memory of the caller's that is read into while nothing is buffered. */
  readonly into?: { readonly buffer: Buffer; readonly offset: number; readonly length: number }
}

/** How many chunks one pull gives at most. */
const mostChunks = 16

const endedBefore = (bytes: Bytes, expected: string): Effect.Effect<never, WinsockError> =>
  Effect.fail(WinsockErrors.endOfStream("WSARecv", bytes.length, expected))

const anything = (bytes: Bytes): boolean => bytes.length > 0

export const chunk: Request = {
  isThere: anything,
  take: (bytes) => Effect.succeed(bytes.takeChunk()),
  atEnd: (bytes) => endedBefore(bytes, "1 byte")
}

/** What a stream asks for: who stops in a pull of several chunks would lose them. */
export const oneChunk: Request = {
  isThere: anything,
  take: (bytes) => Effect.succeed([bytes.takeChunk()]),
  atEnd: () => Cause.done()
}

export const chunks: Request = {
  isThere: anything,
  takesMore: (bytes) => bytes.chunkCount < mostChunks,
  room: () => Infinity,
  take: (bytes) => Effect.succeed(bytes.takeChunks(mostChunks)),
  atEnd: () => Cause.done()
}

/** Takes everything and gives nothing out: what a stream that lingers does. */
export const nothing: Request = {
  isThere: (bytes) => {
    bytes.clear()
    return false
  },
  room: () => Infinity,
  take: () => Effect.void,
  atEnd: () => Cause.done()
}

export const exactly = (length: number): Request => ({
  isThere: (bytes) => bytes.length >= length,
  room: (bytes) => length - bytes.length,
  take: (bytes) => Effect.succeed(bytes.take(length)),
  atEnd: (bytes) => endedBefore(bytes, `${length} bytes`)
})

export const until = (delimiter: Uint8Array, maxLength: number): Request => {
  // counted from the beginning of the stream: before `searched` no occurrence begins
  let searched = 0
  let found = -1
  // how many bytes there are up to the end of the next occurrence; 0 for none so far
  const search = (bytes: Bytes): number => {
    if (found < bytes.consumed) {
      found = bytes.indexOf(delimiter, searched)
      // somebody else may take the one that was found
      searched = found === -1 ? Math.max(0, bytes.consumed + bytes.length - delimiter.length + 1) : found + 1
    }
    return found === -1 ? 0 : found - bytes.consumed + delimiter.length
  }
  return {
    isThere: (bytes) => search(bytes) > 0 || bytes.length >= maxLength,
    take: (bytes) => {
      const length = search(bytes)
      return length === 0 || length > maxLength
        ? Effect.fail(streamError("WSARecv", WSAEMSGSIZE))
        : Effect.succeed(bytes.take(length))
    },
    atEnd: (bytes) => endedBefore(bytes, "a delimiter")
  }
}

export const into = (buffer: Buffer, offset: number, length: number): Request => ({
  // a block that was closed is refused at once
  isThere: (bytes) => bytes.length > 0 || buffer.isClosed,
  // what was read before anybody said where to
  take: (bytes) =>
    buffer.isClosed ? Effect.fail(bufferClosed(buffer)) : Effect.succeed(bytes.copyTo(buffer.bytes, offset, length)),
  atEnd: (bytes) => endedBefore(bytes, "1 byte"),
  into: { buffer, offset, length }
})

const bufferClosed = (buffer: Buffer): WinsockError =>
  WinsockErrors.invalidArgument("WSARecv", "buffer", buffer, "a NativeBuffer whose scope is open")
