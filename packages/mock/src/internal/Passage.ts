/**
 * The way of a TCP segment past the rules of the network: judged when it leaves, it arrives later, twice or never, and
 * not before what left ahead of it in its direction.
 */
import { preciseMillis } from "./Loop.ts"
import type { Packet } from "../MockRule.ts"
import { Chunk } from "./Chunks.ts"
import { format } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import { namesOf, Segment } from "./Segment.ts"
import { ScheduledTask } from "./Turns.ts"

/** What is under way in one direction of a connection, first in, first out. */
export class Lane {
  private readonly segments: Array<Segment> = []
  private last = 0

  add(kernel: Kernel, segment: Segment, delay: number): void {
    const { network, turns } = kernel
    const now = preciseMillis(turns.clock)
    const at = Math.max(this.last, now + delay)
    this.last = at
    if (at === now && this.segments.length === 0) return network.carry(segment)
    this.segments.push(segment)
    // each of the timers takes one, whichever is first
    turns.after(at - now, new ScheduledTask(() => network.carry(this.segments.shift()!)))
  }
}

/** How the network answers the sender itself. */
export interface Answers {
  /** ICMP says that the destination is unreachable. */
  readonly refused: (failure: "network" | "host" | "protocol" | "port" | "hops") => void
  /** ICMP tells the largest packet that fits. */
  readonly tooBig: (mtu: number) => void
  /** Something between the two ends broke the connection. */
  readonly reset: () => void
}

/** Bytes of the headers of IP and TCP without options. */
export const headers = (isV4: boolean): number => (isV4 ? 40 : 60)
const nothing = new Uint8Array(0)

const packetOf = (kernel: Kernel, segment: Segment): Packet => {
  const { chunk, flags, order, sender, target } = segment
  const end = sender ?? target!
  const payload = chunk === undefined ? nothing : chunk.bytes.subarray(chunk.at, chunk.end)
  const own = { ip: end.local, port: end.localPort }
  const other = { ip: end.peer, port: end.peerPort }
  const [from, to] = sender === undefined ? [other, own] : [own, other]
  return {
    at: kernel.trace.now,
    from: kernel.name,
    to: kernel.network.hostOf(kernel, to.ip)?.name,
    protocol: "TCP",
    source: format(from.ip),
    sourcePort: from.port,
    destination: format(to.ip),
    destinationPort: to.port,
    size: payload.length + headers(from.ip.isV4),
    payload,
    flags: namesOf(flags),
    offset: order?.offset ?? 0,
    retransmissions: order?.retransmissions ?? 0
  }
}

/** The segment with other bytes in place of its own. */
const withBytes = (segment: Segment, bytes: Uint8Array): Segment => {
  const { chunk, credit, flags, id, order, sender, target } = segment
  const copy = new Segment(
    flags,
    sender,
    target,
    new Chunk(bytes, 0, bytes.length, chunk!.urgent),
    credit,
    segment.take
  )
  copy.id = id
  copy.order = order
  return copy
}

/** Has the rules decide about a segment that leaves a machine, and does as they say. */
export const pass = (kernel: Kernel, segment: Segment, lane: Lane, answers: Answers): void => {
  const { network } = kernel
  const socket = segment.sender?.socket?.handle ?? 0
  const drop = (reason: string): void => {
    kernel.trace.segment("SegmentDropped", kernel.name, socket, segment, reason)
  }
  if (!network.rules.any) return lane.add(kernel, segment, 0)
  const packet = packetOf(kernel, segment)
  const { copies, delay, payload, undetected, verdict } = network.rules.judge(packet)
  // what ICMP says takes as long as the segment took
  const later = (act: () => void): void => kernel.turns.after(delay, new ScheduledTask(act))
  switch (verdict._tag) {
    case "Drop":
      return drop(verdict.reason)
    case "Refuse":
      drop(`${verdict.failure} unreachable`)
      return later(() => answers.refused(verdict.failure))
    case "TooBig":
      drop(`larger than ${verdict.mtu} bytes`)
      return later(() => answers.tooBig(verdict.mtu))
    case "Reset": {
      const { after = 0 } = verdict
      if (after > 0 && after < packet.payload.length) {
        lane.add(kernel, withBytes(segment, packet.payload.subarray(0, after)), delay)
      } else drop("reset")
      return answers.reset()
    }
    case "Deliver": {
      // where bytes were added or taken away the checksum is of other bytes
      if (payload !== undefined && !(undetected && payload.length === packet.payload.length)) return drop("checksum")
      const arriving = payload === undefined || payload.length === 0 ? segment : withBytes(segment, payload)
      lane.add(kernel, arriving, delay)
      // the receiver cuts what it gets
      for (const later of copies) lane.add(kernel, copyOf(arriving), delay + later)
    }
  }
}

const copyOf = (segment: Segment): Segment =>
  segment.chunk === undefined
    ? segment
    : withBytes(segment, segment.chunk.bytes.subarray(segment.chunk.at, segment.chunk.end))
