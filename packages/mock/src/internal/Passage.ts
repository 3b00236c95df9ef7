/**
 * The way of a TCP segment past the rules of the network and over its routers: judged when it leaves, it arrives later,
 * twice or never, and not before what left ahead of it in its direction.
 */
import { preciseMillis } from "./Loop.ts"
import type { Packet } from "../MockRule.ts"
import { Chunk } from "./Chunks.ts"
import type { Connection } from "./Connection.ts"
import * as Icmp from "./Icmp.ts"
import { format, type Ip } from "./Ip.ts"
import * as Journey from "./Journey.ts"
import { hopsTo } from "./Judging.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import { namesOf, Segment } from "./Segment.ts"
import * as SocketOptions from "./SocketOptions.ts"
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

/** Largest payload of a segment by the machine's own interface: what it tells the peer (RFC 6691). */
export const announced = (kernel: Kernel, peer: Ip): number =>
  Math.min(Machine.mtuTo(kernel.machine, peer), largestPacket) - headers(peer.isV4)

const largestPacket = 65_535

/** Largest payload on the way to the address, as far as routers have told the machine (RFC 1191, RFC 8201). */
export const learned = (kernel: Kernel, peer: Ip): number => kernel.pathMtus.learned(peer) - headers(peer.isV4)

/** Whether there is more on a connection's way than a wire: routers, or links that its segments do not fit. */
export const isRouted = ({ announced, kernel, peer }: Connection): boolean => {
  if (!kernel.network.routes.any) return false
  const full = announced + headers(peer.isV4)
  const { end, way } = Journey.of(kernel.network, kernel, peer, Icmp.routerTtl, () => -1)
  return way.routers.length > 0 || way.mtus.some((mtu) => mtu < full) || end === "router"
}

/** Where a segment goes, by addresses. */
const destinationOf = ({ sender, target }: Segment): Ip => (sender === undefined ? target!.local : sender.peer)

// what a machine says without a socket has the system's
const hopLimitOf = (end: Connection | undefined): number => {
  const options = (end?.socket ?? end?.listener)?.options ?? SocketOptions.defaults
  return options[end?.peer.isV4 === false ? SocketOptions.UNICAST_HOPS : SocketOptions.TTL]
}

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
    retransmissions: order?.retransmissions ?? 0,
    hopLimit: hopLimitOf(sender)
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

/** A segment of a machine, on its lane, and who hears what becomes of it. */
class Travel {
  private readonly kernel: Kernel
  private readonly segment: Segment
  private readonly lane: Lane
  private readonly answers: Answers
  private readonly to: Ip
  constructor(kernel: Kernel, segment: Segment, lane: Lane, answers: Answers) {
    this.kernel = kernel
    this.segment = segment
    this.lane = lane
    this.answers = answers
    this.to = destinationOf(segment)
  }

  /** What the rules say of it. */
  judged(): void {
    const { answers, kernel, lane, segment } = this
    const packet = packetOf(kernel, segment)
    const { by, copies, delay, payload, undetected, verdict } = kernel.network.rules.judge(packet)
    switch (verdict._tag) {
      case "Drop":
        return this.drop(verdict.reason)
      case "Refuse": {
        const { failure } = verdict
        return this.refused(`${failure} unreachable`, delay, this.back(failure, verdict.by), () =>
          answers.refused(failure)
        )
      }
      case "TooBig":
        return this.tooBig(verdict.mtu, by, delay, this.back("size", undefined))
      case "Reset": {
        const { after = 0 } = verdict
        if (after > 0 && after < packet.payload.length) {
          lane.add(kernel, withBytes(segment, packet.payload.subarray(0, after)), delay + this.direct())
        } else this.drop("reset")
        return answers.reset()
      }
      case "Deliver": {
        // where bytes were added or taken away the checksum is of other bytes
        if (payload !== undefined && !(undetected && payload.length === packet.payload.length)) {
          return this.drop("checksum")
        }
        const arriving = payload === undefined || payload.length === 0 ? segment : withBytes(segment, payload)
        this.go(arriving, delay)
        // the receiver cuts what it gets
        for (const later of copies) this.go(copyOf(arriving), delay + later)
      }
    }
  }

  /** Over the routers, `delay` from now. */
  go(segment: Segment, delay: number): void {
    const { answers, kernel, lane, to } = this
    if (!kernel.network.routes.any) return lane.add(kernel, segment, delay)
    const size = (segment.chunk?.size ?? 0) + headers(to.isV4)
    const journey = this.journey((mtus) => mtus.findIndex((mtu) => size > mtu))
    const { end, narrow, target, way } = journey
    // who is down may be up when it is there
    if (end === "machine" || target?.isDown === true) return lane.add(kernel, segment, delay + journey.delay)
    if (end === "narrow") return this.tooBig(way.mtus[narrow], "too big for the path", delay, journey.delay)
    const refusal = Journey.refusals[end]
    if (refusal === undefined) return this.drop(end === "router" ? "only a router" : "no such host")
    const [failure, reason] = refusal
    const said = failure as "hops" | "host" | "network"
    this.refused(reason, delay, journey.delay, () => answers.refused(said))
  }

  private journey(narrowAt: (mtus: ReadonlyArray<number>) => number): Journey.Journey {
    const { kernel, segment, to } = this
    return Journey.of(kernel.network, kernel, to, hopLimitOf(segment.sender), narrowAt)
  }

  // how long a way takes that nothing stops
  private direct(): number {
    return this.journey(() => -1).delay
  }

  // from who refuses a packet for a rule
  private back(failure: Icmp.Failure, by: string | undefined): number {
    const { way } = this.journey(() => -1)
    return way.delay * hopsTo(way, failure, by)
  }

  private tooBig(mtu: number, reason: string, delay: number, back: number): void {
    this.refused(reason, delay, back, () => {
      this.kernel.pathMtus.learn(this.to, mtu)
      this.answers.tooBig(mtu)
    })
  }

  // it goes as far as whoever says so, and what that says goes as far back
  private refused(reason: string, delay: number, back: number, tell: () => void): void {
    const { turns } = this.kernel
    const there = delay + back
    if (there === 0) this.drop(reason)
    else turns.after(there, new ScheduledTask(() => this.drop(reason)))
    turns.after(there + back, new ScheduledTask(tell))
  }

  private drop(reason: string): void {
    const { kernel, segment } = this
    kernel.trace.segment("SegmentDropped", kernel.name, segment.sender?.socket?.handle ?? 0, segment, reason)
  }
}

/** Has the rules decide about a segment that leaves a machine, and does as they and the routers say. */
export const pass = (kernel: Kernel, segment: Segment, lane: Lane, answers: Answers): void => {
  const travel = new Travel(kernel, segment, lane, answers)
  if (kernel.network.rules.any) travel.judged()
  else travel.go(segment, 0)
}

const copyOf = (segment: Segment): Segment =>
  segment.chunk === undefined
    ? segment
    : withBytes(segment, segment.chunk.bytes.subarray(segment.chunk.at, segment.chunk.end))
