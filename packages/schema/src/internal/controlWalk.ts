// the one walker over control data; the rules it keeps are written in ControlMessage.ts
import type { ControlIssue } from "../ControlMessage.ts"
import type { Abi } from "../Layout.ts"
import { readPointer } from "../Layout.ts"
import { WSACMSGHDR } from "../Structs.ts"
import type { Entry } from "./controlKinds.ts"
import { entryOf } from "./controlKinds.ts"

// the payload begins where the header ends: its size is a multiple of its alignment in both ABIs
export const headerSize = WSACMSGHDR.size
export const padding = (abi: Abi, length: number): number => -length & (WSACMSGHDR.alignment[abi] - 1)

export const issue = (reason: ControlIssue["reason"], offset: number): ControlIssue => ({
  _tag: "ControlIssue",
  reason,
  offset
})

const isZero = (view: DataView, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (view.getUint8(at) !== 0) return false
  return true
}

// what the walker tells a reader: `seen` has the bits of the kinds that came before
export interface Sink<S> {
  readonly known: (state: S, entry: Entry, seen: number, view: DataView, at: number, size: number) => void
  readonly unknown: (state: S, level: number, type: number, view: DataView, at: number, size: number) => void
}

export const walk = <S>(
  abi: Abi,
  view: DataView,
  offset: number,
  length: number,
  sink: Sink<S>,
  state: S
): ControlIssue | undefined => {
  // negated, so that a NaN is out of bounds too
  if (!(offset >= 0 && length >= 0 && offset + length <= view.byteLength)) return issue("OutOfBounds", 0)
  const header = headerSize[abi]
  const { cmsg_len, cmsg_level, cmsg_type } = WSACMSGHDR.offsets[abi]
  const end = offset + length
  let seen = 0
  let at = offset
  while (end - at >= header) {
    const messageLength = readPointer(abi, view, at + cmsg_len)
    if (messageLength < header) return issue(messageLength === 0 ? "ZeroLength" : "ShortLength", at - offset)
    if (messageLength > end - at) return issue("OverlongLength", at - offset)
    const level = view.getInt32(at + cmsg_level, true)
    const type = view.getInt32(at + cmsg_type, true)
    const size = messageLength - header
    const entry = entryOf(level, type)
    if (entry === undefined) {
      sink.unknown(state, level, type, view, at + header, size)
    } else {
      const expected = entry.kind.payload.size
      if (expected !== size && expected !== -1) return issue("PayloadSize", at - offset)
      if ((seen & entry.bit) !== 0) return issue("Duplicate", at - offset)
      sink.known(state, entry, seen, view, at + header, size)
      seen |= entry.bit
    }
    at += messageLength + padding(abi, messageLength)
  }
  return at < end && (at === offset || !isZero(view, at, end)) ? issue("CutHeader", at - offset) : undefined
}
