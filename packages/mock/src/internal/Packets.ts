/**
 * The packets of a trace: IP, UDP and TCP headers around the payloads that it recorded.
 */
import type { DatagramEvent, Event, SegmentEvent } from "../MockTrace.ts"
import type { Ip } from "./Ip.ts"
import { parse } from "./Ip.ts"

const UDP = 17
const TCP = 6
const v4Header = 20
const v6Header = 40
const udpHeader = 8
const tcpHeader = 20
/** Maximum segment size and window scale, padded. */
const synOptions = 8
const defaultTtl = 128

const FIN = 1
const SYN = 2
const RST = 4
const PSH = 8
const ACK = 16
const URG = 32

/** Windows are told in units of 256 bytes: nothing recorded exceeds the largest. */
const windowScale = 8
const window = 0xffff

/** The Internet checksum of some bytes (RFC 1071), on top of a sum. */
const checksum = (bytes: Uint8Array, sum: number): number => {
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000)
  return ~sum & 0xffff
}

const wordsOf = (ip: Ip): ReadonlyArray<number> => (ip.isV4 ? [ip.w3] : [ip.w0, ip.w1, ip.w2, ip.w3])

// what UDP's and TCP's checksums cover besides the packet
const pseudoHeader = (source: Ip, destination: Ip, protocol: number, size: number): number => {
  let sum = protocol + (size >>> 16) + (size & 0xffff)
  for (const word of [...wordsOf(source), ...wordsOf(destination)]) sum += (word >>> 16) + (word & 0xffff)
  return sum
}

interface End {
  readonly ip: Ip
  readonly port: number
}

/** Parses what `formatEndpoint` makes. */
const endOf = (text: string): End => {
  const colon = text.lastIndexOf(":")
  const host = text.slice(0, colon)
  return { ip: parse(host.startsWith("[") ? host.slice(1, -1) : host), port: Number(text.slice(colon + 1)) }
}

// makes room for the IP header and writes it; what comes after it is the caller's
const ipPacket = (
  source: Ip,
  destination: Ip,
  protocol: number,
  size: number,
  ttl: number,
  tos: number,
  id: number
): DataView => {
  const isV4 = source.isV4
  const header = isV4 ? v4Header : v6Header
  const view = new DataView(new ArrayBuffer(header + size))
  if (isV4) {
    view.setUint16(0, 0x4500 | tos)
    view.setUint16(2, header + size)
    view.setUint16(4, id & 0xffff)
    view.setUint8(8, ttl)
    view.setUint8(9, protocol)
    view.setUint32(12, source.w3)
    view.setUint32(16, destination.w3)
    view.setUint16(10, checksum(new Uint8Array(view.buffer, 0, header), 0))
  } else {
    view.setUint32(0, 0x6000_0000 | (tos << 20))
    view.setUint16(4, size)
    view.setUint8(6, protocol)
    view.setUint8(7, ttl)
    for (const [at, ip] of [
      [8, source],
      [24, destination]
    ] as const) {
      wordsOf(ip).forEach((word, i) => view.setUint32(at + 4 * i, word))
    }
  }
  return view
}

// what is not UDP has its own header in its payload
const datagramPacket = (event: DatagramEvent): Uint8Array => {
  const { payload, protocol } = event
  if (protocol === UDP) return udpPacket(event)
  const [source, destination] = [endOf(event.from), endOf(event.to)]
  const view = ipPacket(source.ip, destination.ip, protocol, payload.length, event.ttl, event.tos, event.id)
  const bytes = new Uint8Array(view.buffer)
  bytes.set(payload, bytes.length - payload.length)
  return bytes
}

const udpPacket = (event: DatagramEvent): Uint8Array => {
  const source = endOf(event.from)
  const destination = endOf(event.to)
  const size = udpHeader + event.payload.length
  const view = ipPacket(source.ip, destination.ip, UDP, size, event.ttl, event.tos, event.id)
  const bytes = new Uint8Array(view.buffer)
  const at = bytes.length - size
  view.setUint16(at, source.port)
  view.setUint16(at + 2, destination.port)
  view.setUint16(at + 4, size)
  bytes.set(event.payload, at + udpHeader)
  // a sum of 0 is written as its other form: 0 says that there is none
  view.setUint16(at + 6, checksum(bytes.subarray(at), pseudoHeader(source.ip, destination.ip, UDP, size)) || 0xffff)
  return bytes
}

/** One direction of a connection: what was sent, and what of it arrived. */
interface Flow {
  next: number
  arrived: number
}

/** Makes packets of the events of a trace, taken in order. */
export class Packets {
  private readonly flows = new Map<string, Flow>()
  private readonly segments = new Map<number, Uint8Array>()

  /** Returns the packet of an event, undefined for one that is of no packet. */
  of(event: Event): Uint8Array | undefined {
    switch (event._tag) {
      case "Sent":
      case "Delivered":
      case "Dropped":
        return datagramPacket(event)
      case "Segment":
        return this.sent(event)
      case "SegmentArrived":
        return this.arrived(event)
      default:
        return undefined
    }
  }

  private sent(event: SegmentEvent): Uint8Array {
    const { from, id, to } = event
    const has = (flag: SegmentEvent["flags"][number]): boolean => event.flags.includes(flag)
    const flow = this.flow(from, to)
    const back = this.flow(to, from)
    const syn = has("SYN")
    const first = syn && !has("ACK")
    if (syn) flow.next = 0
    if (first) {
      flow.arrived = 0
      back.next = 0
      back.arrived = 0
    }
    let bits = first ? 0 : ACK
    if (syn) bits |= SYN
    if (has("FIN")) bits |= FIN
    if (has("RST")) bits |= RST
    if (event.bytes > 0) bits |= PSH
    if (event.urgent) bits |= URG
    // a keep-alive asks again for what is acknowledged
    const sequence = has("PROBE") ? flow.next - 1 : flow.next
    const packet = tcpPacket(event, bits, sequence >>> 0, first ? 0 : back.arrived >>> 0)
    if (!has("PROBE")) flow.next += event.bytes + (syn ? 1 : 0) + (has("FIN") ? 1 : 0)
    this.segments.set(id, packet)
    this.ends.set(id, flow.next)
    return packet
  }

  private readonly ends = new Map<number, number>()

  private arrived(event: SegmentEvent): Uint8Array {
    const { from, id, to } = event
    // the trace has lost its departure
    const packet = this.segments.get(id) ?? this.sent(event)
    const flow = this.flow(from, to)
    flow.arrived = Math.max(flow.arrived, this.ends.get(id)!)
    this.segments.delete(id)
    this.ends.delete(id)
    return packet
  }

  private flow(from: string, to: string): Flow {
    const key = `${from} ${to}`
    let flow = this.flows.get(key)
    if (flow === undefined) this.flows.set(key, (flow = { next: 1, arrived: 1 }))
    return flow
  }
}

const tcpPacket = (event: SegmentEvent, bits: number, sequence: number, acknowledgement: number): Uint8Array => {
  const source = endOf(event.from)
  const destination = endOf(event.to)
  const header = (bits & SYN) === 0 ? tcpHeader : tcpHeader + synOptions
  const size = header + event.payload.length
  const view = ipPacket(source.ip, destination.ip, TCP, size, defaultTtl, 0, event.id)
  const bytes = new Uint8Array(view.buffer)
  const at = bytes.length - size
  view.setUint16(at, source.port)
  view.setUint16(at + 2, destination.port)
  view.setUint32(at + 4, sequence)
  view.setUint32(at + 8, acknowledgement)
  view.setUint16(at + 12, ((header / 4) << 12) | bits)
  view.setUint16(at + 14, window)
  if (event.urgent) view.setUint16(at + 18, event.bytes)
  if (header > tcpHeader) {
    view.setUint32(at + tcpHeader, 0x0204_0000 | (source.ip.isV4 ? 1460 : 1440))
    view.setUint32(at + tcpHeader + 4, 0x0103_0300 | windowScale)
  }
  bytes.set(event.payload, at + header)
  view.setUint16(at + 16, checksum(bytes.subarray(at), pseudoHeader(source.ip, destination.ip, TCP, size)))
  return bytes
}
