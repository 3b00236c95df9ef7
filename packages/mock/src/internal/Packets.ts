/**
 * The packets of a trace: IP, UDP and TCP headers around the payloads that it recorded.
 */
import { IPPROTO_TCP } from "@effect-winsock/schema/Flags"
import type { DatagramEvent, Event, SegmentEvent } from "../MockTrace.ts"
import { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import { parse } from "./Ip.ts"
import { checksumBetween, packet } from "./Wire.ts"

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

const datagramPacket = (event: DatagramEvent): Uint8Array => {
  const { from, id, payload, protocol, to, tos, ttl } = event
  const [source, destination] = [endOf(from), endOf(to)]
  const datagram = new Datagram(id, source.ip, source.port, destination.ip, destination.port, payload, ttl, tos)
  datagram.protocol = protocol
  return packet(datagram)
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
    if (syn && event.retransmissions === 0) flow.next = 0
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
    const again = event.retransmissions > 0
    const sequence = again ? (syn ? 0 : 1 + event.offset) : has("PROBE") ? flow.next - 1 : flow.next
    const packet = tcpPacket(event, bits, sequence >>> 0, first ? 0 : back.arrived >>> 0)
    if (!has("PROBE") && !again) flow.next += event.bytes + (syn ? 1 : 0) + (has("FIN") ? 1 : 0)
    this.segments.set(id, packet)
    this.ends.set(id, again ? sequence + event.bytes + (syn || has("FIN") ? 1 : 0) : flow.next)
    return packet
  }

  private readonly ends = new Map<number, number>()

  private arrived(event: SegmentEvent): Uint8Array {
    const { from, id, to } = event
    // the trace has lost its departure
    const packet = this.segments.get(id) ?? this.sent(event)
    const flow = this.flow(from, to)
    flow.arrived = Math.max(flow.arrived, this.ends.get(id)!)
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
  const [source, destination] = [endOf(event.from), endOf(event.to)]
  const header = (bits & SYN) === 0 ? tcpHeader : tcpHeader + synOptions
  const bytes = new Uint8Array(header + event.payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, source.port)
  view.setUint16(2, destination.port)
  view.setUint32(4, sequence)
  view.setUint32(8, acknowledgement)
  view.setUint16(12, ((header / 4) << 12) | bits)
  view.setUint16(14, window)
  if (event.urgent) view.setUint16(18, event.bytes)
  if (header > tcpHeader) {
    view.setUint32(tcpHeader, 0x0204_0000 | (source.ip.isV4 ? 1460 : 1440))
    view.setUint32(tcpHeader + 4, 0x0103_0300 | windowScale)
  }
  bytes.set(event.payload, header)
  view.setUint16(16, checksumBetween(source.ip, destination.ip, IPPROTO_TCP, bytes))
  const datagram = new Datagram(event.id, source.ip, 0, destination.ip, 0, bytes, defaultTtl, 0)
  datagram.protocol = IPPROTO_TCP
  return packet(datagram)
}
