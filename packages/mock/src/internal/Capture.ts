/**
 * pcapng: a section, an interface for each machine, and a block for each packet.
 */
import type { Event } from "../MockTrace.ts"
import { Packets } from "./Packets.ts"

const sectionHeader = 0x0a0d_0d0a
const interfaceDescription = 1
const enhancedPacket = 6
const byteOrderMagic = 0x1a2b_3c4d
/** LINKTYPE_RAW: packets begin with their IP header. */
const linkTypeRaw = 101
const microsecondsPerMillisecond = 1000

const optComment = 1
const ifName = 2
const epbFlags = 2
const inbound = 1
const outbound = 2

// every runtime has it, though not every set of types
const { TextEncoder } = globalThis as unknown as { TextEncoder: new () => { encode: (text: string) => Uint8Array } }
const utf8 = new TextEncoder()

const u32 = (...values: ReadonlyArray<number>): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, i) => view.setUint32(i * 4, value, true))
  return new Uint8Array(view.buffer)
}

const padded = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  out.set(bytes)
  return out
}

const option = (code: number, value: Uint8Array): ReadonlyArray<Uint8Array> => [
  u32(code | (value.length << 16)),
  padded(value)
]
const endOfOptions = u32(0)

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

// a block says its size at both ends
const block = (type: number, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const size = parts.reduce((sum, part) => sum + part.length, 12)
  return join([u32(type, size), ...parts, u32(size)])
}

/** Version 1.0, of unknown length. */
const section = block(sectionHeader, u32(byteOrderMagic, 1, 0xffff_ffff, 0xffff_ffff))

/** Of a machine's: its times are in microseconds, as they are without an option that says so. */
const interfaceOf = (name: string): Uint8Array =>
  block(interfaceDescription, u32(linkTypeRaw, 0), ...option(ifName, utf8.encode(name)), endOfOptions)

// in which direction the packet of an event passes the machine that recorded it; 0 for none that does
const directionOf = (event: Event): number => {
  switch (event._tag) {
    case "Sent":
    case "Segment":
      return outbound
    case "Delivered":
    case "SegmentArrived":
      return inbound
    default:
      return 0
  }
}

export const write = (events: ReadonlyArray<Event>, host: string | undefined): Uint8Array => {
  const hosts = host === undefined ? [...new Set(events.map((event) => event.host))] : [host]
  const reasons = new Map(events.flatMap((event) => (event._tag === "Dropped" ? [[event.id, event.reason]] : [])))
  const lost = new Map(events.flatMap((event) => (event._tag === "SegmentDropped" ? [[event.id, event.reason]] : [])))
  const packets = new Packets()
  const blocks = [section, ...hosts.map(interfaceOf)]
  for (const event of events) {
    const packet = packets.of(event)
    const direction = directionOf(event)
    if (packet === undefined || direction === 0) continue
    if (host === undefined ? direction === inbound : host !== event.host) continue
    const time = Math.round(event.at * microsecondsPerMillisecond)
    const reason =
      event._tag === "Sent" ? reasons.get(event.id) : event._tag === "Segment" ? lost.get(event.id) : undefined
    blocks.push(
      block(
        enhancedPacket,
        u32(hosts.indexOf(event.host), Math.floor(time / 2 ** 32), time >>> 0, packet.length, packet.length),
        padded(packet),
        ...(reason === undefined ? [] : option(optComment, utf8.encode(`dropped: ${reason}`))),
        ...option(epbFlags, u32(direction)),
        endOfOptions
      )
    )
  }
  return join(blocks)
}
