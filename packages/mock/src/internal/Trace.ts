/**
 * What happened in a simulation, as data. Recording keeps references and numbers; decoding waits until somebody asks.
 */
import { preciseMillis } from "./Loop.ts"
import type { Signature } from "@effect-winsock/core/Signatures"
import type * as Clock from "effect/Clock"
import type * as MockTrace from "../MockTrace.ts"
import type { Datagram } from "./Datagram.ts"
import { formatEndpoint } from "./Ip.ts"
import * as Segments from "./Segment.ts"

class CallRecord {
  readonly at: number
  readonly host: string
  readonly name: string
  readonly signature: Signature
  readonly args: ReadonlyArray<number>
  result = 0
  error = 0
  constructor(at: number, host: string, name: string, signature: Signature, args: ReadonlyArray<number>) {
    this.at = at
    this.host = host
    this.name = name
    this.signature = signature
    this.args = args
  }
  decode(): MockTrace.Call {
    const args: Record<string, number> = {}
    for (let i = 0; i < this.args.length; i++) args[this.signature.parameters[i][0]] = this.args[i]
    const { at, error, host, name, result } = this
    return { _tag: "Call", at, host, name, args, result, error }
  }
}
export type { CallRecord }

class DatagramRecord {
  readonly tag: "Sent" | "Delivered" | "Dropped"
  readonly at: number
  readonly host: string
  readonly datagram: Datagram
  readonly socket: number
  readonly reason: string
  constructor(
    tag: DatagramRecord["tag"],
    at: number,
    host: string,
    datagram: Datagram,
    socket: number,
    reason: string
  ) {
    this.tag = tag
    this.at = at
    this.host = host
    this.datagram = datagram
    this.socket = socket
    this.reason = reason
  }
  decode(): MockTrace.DatagramEvent {
    const d = this.datagram
    const base = {
      at: this.at,
      host: this.host,
      id: d.id,
      from: formatEndpoint(d.source, d.sourcePort),
      to: formatEndpoint(d.destination, d.destinationPort),
      protocol: d.protocol,
      bytes: d.payload.length,
      payload: d.payload,
      ttl: d.ttl,
      tos: d.tos
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

class SegmentRecord {
  readonly tag: "Segment" | "SegmentArrived" | "SegmentDropped"
  readonly at: number
  readonly host: string
  readonly socket: number
  readonly segment: Segments.Segment
  readonly reason: string
  // pieces are cut further while they wait to be received
  private readonly from: number
  private readonly to: number
  constructor(
    tag: SegmentRecord["tag"],
    at: number,
    host: string,
    socket: number,
    segment: Segments.Segment,
    reason: string
  ) {
    this.tag = tag
    this.at = at
    this.host = host
    this.socket = socket
    this.segment = segment
    this.reason = reason
    this.from = segment.chunk?.at ?? 0
    this.to = segment.chunk?.end ?? 0
  }
  decode(): MockTrace.SegmentEvent {
    const { chunk, flags, id, order, sender, target } = this.segment
    // a RST of nobody comes from where the SYN went
    const end = sender ?? target!
    const own = formatEndpoint(end.local, end.localPort)
    const other = formatEndpoint(end.peer, end.peerPort)
    const base = {
      at: this.at,
      host: this.host,
      id,
      socket: this.socket,
      from: sender === undefined ? other : own,
      to: sender === undefined ? own : other,
      flags: Segments.namesOf(flags),
      bytes: this.to - this.from,
      payload: chunk === undefined ? nothing : chunk.bytes.subarray(this.from, this.to),
      urgent: chunk?.urgent ?? false,
      offset: order?.offset ?? 0,
      retransmissions: order?.retransmissions ?? 0
    }
    return this.tag === "SegmentDropped"
      ? { _tag: this.tag, ...base, reason: this.reason }
      : { _tag: this.tag, ...base }
  }
}

const nothing = new Uint8Array(0)

type Plain =
  | MockTrace.Faulted
  | MockTrace.Completed
  | MockTrace.Dequeued
  | MockTrace.Ran
  | MockTrace.Violated
  | MockTrace.PowerEvent

type Entry = CallRecord | DatagramRecord | SegmentRecord | Plain

export class Trace {
  readonly limit: number
  private readonly clock: Clock.Clock
  private readonly begun: number
  /** How many packets there were, and ends of operations. */
  happened = 0
  private entries: Array<Entry> = []
  private segments = 0

  /** `limit` is how many of the latest events are kept; 0 records nothing. */
  constructor(limit: number, clock: Clock.Clock) {
    this.limit = limit
    this.clock = clock
    this.begun = preciseMillis(clock)
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return preciseMillis(this.clock) - this.begun
  }

  call(host: string, name: string, signature: Signature, args: ReadonlyArray<number>): CallRecord {
    const record = new CallRecord(this.now, host, name, signature, args)
    this.add(record)
    return record
  }

  faulted(host: string, call: string, socket: number, description: string): void {
    if (this.limit > 0) this.add({ _tag: "Faulted", at: this.now, host, call, socket, description })
  }

  completed(host: string, socket: number, overlapped: number, status: number, bytes: number, packet: boolean): void {
    this.happened++
    if (this.limit === 0) return
    this.add({ _tag: "Completed", at: this.now, host, socket, overlapped, status, bytes, packet })
  }

  dequeued(host: string, port: number, key: number, overlapped: number, status: number, bytes: number): void {
    this.happened++
    if (this.limit === 0) return
    this.add({ _tag: "Dequeued", at: this.now, host, port, key, overlapped, status, bytes })
  }

  ran(host: string, overlapped: number, status: number, bytes: number): void {
    this.happened++
    if (this.limit > 0) this.add({ _tag: "Ran", at: this.now, host, overlapped, status, bytes })
  }

  violated(
    host: string,
    kind: MockTrace.ViolationKind,
    message: string,
    sites: Pick<MockTrace.Violated, "callSite" | "submittedAt">
  ): MockTrace.Violated {
    const event = { _tag: "Violated", at: this.now, host, kind, message, ...sites } as const
    if (this.limit > 0) this.add(event)
    return event
  }

  power(host: string, tag: MockTrace.PowerEvent["_tag"]): void {
    if (this.limit > 0) this.add({ _tag: tag, at: this.now, host })
  }

  datagram(tag: DatagramRecord["tag"], host: string, datagram: Datagram, socket: number, reason: string): void {
    this.happened++
    if (this.limit > 0) this.add(new DatagramRecord(tag, this.now, host, datagram, socket, reason))
  }

  segment(tag: SegmentRecord["tag"], host: string, socket: number, segment: Segments.Segment, reason = ""): void {
    this.happened++
    if (this.limit === 0) return
    if (segment.id === 0) segment.id = ++this.segments
    this.add(new SegmentRecord(tag, this.now, host, socket, segment, reason))
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
