/**
 * What happened in a simulation, as data. Recording keeps references and numbers; decoding waits until somebody asks.
 */
import type { Signature } from "@effect-winsock/core/Signatures"
import type * as MockTrace from "../MockTrace.ts"
import type { Datagram } from "./Datagram.ts"
import { formatEndpoint } from "./Ip.ts"
import * as Segments from "./Segment.ts"

class CallRecord {
  readonly host: string
  readonly name: string
  readonly signature: Signature
  readonly args: ReadonlyArray<number>
  result = 0
  error = 0
  constructor(host: string, name: string, signature: Signature, args: ReadonlyArray<number>) {
    this.host = host
    this.name = name
    this.signature = signature
    this.args = args
  }
  decode(): MockTrace.Call {
    const args: Record<string, number> = {}
    for (let i = 0; i < this.args.length; i++) args[this.signature.parameters[i][0]] = this.args[i]
    return { _tag: "Call", host: this.host, name: this.name, args, result: this.result, error: this.error }
  }
}
export type { CallRecord }

class DatagramRecord {
  readonly tag: "Sent" | "Delivered" | "Dropped"
  readonly host: string
  readonly datagram: Datagram
  readonly socket: number
  readonly reason: string
  constructor(tag: DatagramRecord["tag"], host: string, datagram: Datagram, socket: number, reason: string) {
    this.tag = tag
    this.host = host
    this.datagram = datagram
    this.socket = socket
    this.reason = reason
  }
  decode(): MockTrace.DatagramEvent {
    const d = this.datagram
    const base = {
      host: this.host,
      id: d.id,
      from: formatEndpoint(d.source, d.sourcePort),
      to: formatEndpoint(d.destination, d.destinationPort),
      bytes: d.payload.length
    }
    switch (this.tag) {
      case "Sent":
        return { _tag: "Sent", ...base, socket: this.socket }
      case "Delivered":
        return { _tag: "Delivered", ...base, socket: this.socket }
      case "Dropped":
        return { _tag: "Dropped", ...base, reason: this.reason }
    }
  }
}

const flagNames = [
  [Segments.SYN, "SYN"],
  [Segments.FIN, "FIN"],
  [Segments.RST, "RST"],
  [Segments.ACK, "ACK"],
  [Segments.WINDOW, "WINDOW"],
  [Segments.PROBE, "PROBE"]
] as const

class SegmentRecord {
  readonly host: string
  readonly segment: Segments.Segment
  // pieces are cut further while they wait to be received
  readonly bytes: number
  constructor(host: string, segment: Segments.Segment) {
    this.host = host
    this.segment = segment
    this.bytes = segment.chunk?.size ?? 0
  }
  decode(): MockTrace.SegmentEvent {
    const { chunk, flags, sender, target } = this.segment
    // a RST of nobody comes from where the SYN went
    const end = sender ?? target!
    const own = formatEndpoint(end.local, end.localPort)
    const other = formatEndpoint(end.peer, end.peerPort)
    return {
      _tag: "Segment",
      host: this.host,
      from: sender === undefined ? other : own,
      to: sender === undefined ? own : other,
      flags: flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name),
      bytes: this.bytes,
      urgent: chunk?.urgent ?? false
    }
  }
}

type Plain = MockTrace.Completed | MockTrace.Dequeued | MockTrace.Ran | MockTrace.Violated

type Entry = CallRecord | DatagramRecord | SegmentRecord | Plain

export class Trace {
  readonly limit: number
  private entries: Array<Entry> = []

  /** `limit` is how many of the latest events are kept; 0 records nothing. */
  constructor(limit: number) {
    this.limit = limit
  }

  call(host: string, name: string, signature: Signature, args: ReadonlyArray<number>): CallRecord {
    const record = new CallRecord(host, name, signature, args)
    this.add(record)
    return record
  }

  completed(host: string, socket: number, overlapped: number, status: number, bytes: number, packet: boolean): void {
    if (this.limit > 0) this.add({ _tag: "Completed", host, socket, overlapped, status, bytes, packet })
  }

  dequeued(host: string, port: number, key: number, overlapped: number, status: number, bytes: number): void {
    if (this.limit > 0) this.add({ _tag: "Dequeued", host, port, key, overlapped, status, bytes })
  }

  ran(host: string, overlapped: number, status: number, bytes: number): void {
    if (this.limit > 0) this.add({ _tag: "Ran", host, overlapped, status, bytes })
  }

  violated(host: string, kind: MockTrace.ViolationKind, message: string): void {
    if (this.limit > 0) this.add({ _tag: "Violated", host, kind, message })
  }

  datagram(tag: DatagramRecord["tag"], host: string, datagram: Datagram, socket: number, reason: string): void {
    if (this.limit > 0) this.add(new DatagramRecord(tag, host, datagram, socket, reason))
  }

  segment(host: string, segment: Segments.Segment): void {
    if (this.limit > 0) this.add(new SegmentRecord(host, segment))
  }

  list(): Array<MockTrace.Event> {
    const from = Math.max(0, this.entries.length - this.limit)
    return this.entries.slice(from).map((entry) => ("decode" in entry ? entry.decode() : entry))
  }

  clear(): void {
    this.entries = []
  }

  private add(entry: Entry): void {
    this.entries.push(entry)
    // dropped in large pieces, so that a full trace costs no shift per event
    if (this.entries.length >= this.limit * 2 + 64) {
      this.entries = this.entries.slice(this.entries.length - this.limit)
    }
  }
}
