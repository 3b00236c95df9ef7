/**
 * Packets as the rules of the network see them, and what a judged datagram becomes.
 */
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import type { Packet, Verdict } from "../MockRule.ts"
import { Datagram } from "./Datagram.ts"
import * as Icmp from "./Icmp.ts"
import { format, type Ip, parse } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { DatagramFlight, Network } from "./Network.ts"
import type { Router, Way } from "./Routes.ts"
import type { Fate } from "./Rules.ts"
import { ipv4HeaderSize, ipv6HeaderSize } from "./Wire.ts"

const none: ReadonlyArray<string> = []
const udpHeaderSize = 8

/** What all packets have in common. Texts are made when a rule asks for them. */
export abstract class PacketView implements Packet {
  readonly at: number
  readonly from: string
  readonly to: string | undefined
  abstract readonly protocol: Packet["protocol"]
  abstract readonly sourcePort: number
  abstract readonly destinationPort: number
  abstract readonly payload: Uint8Array
  /** Bytes of the transport's header. */
  protected abstract readonly header: number
  protected abstract readonly sourceIp: Ip
  protected abstract readonly destinationIp: Ip

  constructor(kernel: Kernel, to: Kernel | undefined) {
    this.at = kernel.trace.now
    this.from = kernel.name
    this.to = to?.name
  }

  get source(): string {
    return format(this.sourceIp)
  }
  get destination(): string {
    return format(this.destinationIp)
  }
  get size(): number {
    return (this.destinationIp.isV4 ? ipv4HeaderSize : ipv6HeaderSize) + this.header + this.payload.length
  }
  get flags(): ReadonlyArray<string> {
    return none
  }
  get offset(): number {
    return 0
  }
  get retransmissions(): number {
    return 0
  }
  get hopLimit(): number | undefined {
    return undefined
  }
}

const names: ReadonlyMap<number, Packet["protocol"]> = new Map([
  [IPPROTO_UDP, "UDP"],
  [IPPROTO_TCP, "TCP"],
  [IPPROTO_ICMP, "ICMP"],
  [IPPROTO_ICMPV6, "ICMP"]
])

/** A datagram that leaves a machine. */
export class DatagramView extends PacketView {
  private readonly datagram: Datagram
  constructor(kernel: Kernel, to: Kernel | undefined, datagram: Datagram) {
    super(kernel, to)
    this.datagram = datagram
  }
  get protocol(): Packet["protocol"] {
    return names.get(this.datagram.protocol) ?? "other"
  }
  get sourcePort(): number {
    return this.datagram.sourcePort
  }
  get destinationPort(): number {
    return this.datagram.destinationPort
  }
  get payload(): Uint8Array {
    return this.datagram.payload
  }
  override get hopLimit(): number {
    return this.datagram.ttl
  }
  protected get header(): number {
    return this.datagram.protocol === IPPROTO_UDP ? udpHeaderSize : 0
  }
  protected get sourceIp(): Ip {
    return this.datagram.source
  }
  protected get destinationIp(): Ip {
    return this.datagram.destination
  }
}

/** A datagram of its own that arrives as another does. */
export const copyOf = (datagram: Datagram, payload: Uint8Array = datagram.payload): Datagram => {
  const { destination, destinationPort, id, source, sourcePort, tos, ttl } = datagram
  const copy = new Datagram(id, source, sourcePort, destination, destinationPort, payload, ttl, tos)
  copy.protocol = datagram.protocol
  copy.interfaceIndex = datagram.interfaceIndex
  copy.flags = datagram.flags
  copy.report = datagram.report
  copy.whole = datagram.whole
  copy.damaged = datagram.damaged
  return copy
}

/** What is left of a datagram on the way that the rules chose: itself, or a damaged one. */
const damaged = (datagram: Datagram, { payload, undetected }: Fate): Datagram => {
  if (payload === undefined) return datagram
  const { destination, source } = datagram
  const icmp = Icmp.isIcmp(datagram)
  if (undetected && icmp) return copyOf(datagram, Icmp.seal(source, destination, payload))
  const copy = copyOf(datagram, payload)
  // IP has no checksum of what it carries, UDP and ICMP have
  copy.damaged = !undetected && (icmp || datagram.protocol === IPPROTO_UDP)
  return copy
}

/** Lets the rules decide about a datagram and does as they say; whether it has simply gone its way. */
export const judge = (
  network: Network,
  flight: DatagramFlight,
  target: Kernel | undefined,
  go: (flight: DatagramFlight) => void
): boolean => {
  const { datagram, kernel } = flight
  const fate = network.rules.judge(new DatagramView(kernel, target, datagram))
  const { by, copies, delay, verdict } = fate
  if (verdict._tag === "Deliver" || (verdict._tag === "TooBig" && isCut(kernel, datagram, verdict.mtu))) {
    const arriving = damaged(datagram, fate)
    // made before the datagram changes on its way
    const more = copies.map((after) => ({ at: delay + after, copy: flight.of(copyOf(arriving)) }))
    network.after(delay, () => go(flight.of(arriving)))
    for (const { at, copy } of more) network.after(at, () => go(copy))
    return delay === 0
  }
  const isTold = verdict._tag === "Refuse" || verdict._tag === "TooBig"
  // nobody complains about what was for many
  if (isTold && datagram.flags === 0) refuse(network, flight, target, verdict, by, delay)
  else network.drop(kernel, datagram, verdict._tag === "Drop" ? verdict.reason : by)
  return false
}

/** Whether a datagram passes a narrow place in fragments: a router makes them of IPv4's, the sender of IPv6's. */
const isCut = (kernel: Kernel, datagram: Datagram, mtu: number): boolean =>
  !datagram.whole && (datagram.destination.isV4 || kernel.pathMtus.of(kernel.machine, datagram.destination) <= mtu)

/** Why a datagram goes no further, and who says so. */
export interface Refusal {
  readonly flight: DatagramFlight
  readonly from: Ip | undefined
  readonly ttl: number
  /** Of the way back. */
  readonly delay: number
  readonly failure: Icmp.Failure
  readonly reason: string
  readonly mtu?: number | undefined
}

const refuse = (
  network: Network,
  flight: DatagramFlight,
  target: Kernel | undefined,
  verdict: Extract<Verdict, { readonly _tag: "Refuse" | "TooBig" }>,
  reason: string,
  delay: number
): void => {
  const { datagram, kernel } = flight
  const way = network.routes.find(network.kernels, kernel, target, datagram.destination)
  const [failure, by, mtu] =
    verdict._tag === "TooBig" ? (["size", undefined, verdict.mtu] as const) : ([verdict.failure, verdict.by] as const)
  const { from, hops } = refuserOf(way, datagram, failure, by)
  const ttl = hops > 0 && hops <= way.routers.length ? Icmp.routerTtl : Icmp.ownTtl
  const back = way.delay * hops
  // the datagram goes as far as whoever says so
  network.after(delay + back, () => network.refuse({ flight, from, ttl, delay: back, failure, reason, mtu }))
}

/** The address by which a router speaks to the sender of a datagram. */
export const speakerOf = (router: Router, datagram: Datagram): Ip | undefined =>
  router.find((own) => own.isV4 === datagram.source.isV4)

/** How many hops away is who refuses a packet for a rule: its destination, a router or the sender's own machine. */
export const hopsTo = (way: Way, failure: Icmp.Failure, by: string | undefined): number => {
  if (by !== undefined) {
    const said = parse(by)
    return way.routers.findIndex((router) => router.some((own) => own.equals(said))) + 1
  }
  if (failure === "port" || failure === "protocol") return way.routers.length + 1
  return Math.min(way.routers.length, 1)
}

/** Who refuses a datagram for a rule, and how many hops away. */
const refuserOf = (
  way: Way,
  datagram: Datagram,
  failure: Icmp.Failure,
  by: string | undefined
): { readonly from: Ip | undefined; readonly hops: number } => {
  const { destination, source } = datagram
  const hops = hopsTo(way, failure, by)
  if (by !== undefined) {
    const said = parse(by)
    return { from: said.isV4 === source.isV4 ? said : undefined, hops }
  }
  if (failure === "port" || failure === "protocol") return { from: destination, hops }
  return { from: hops === 0 ? source : speakerOf(way.routers[0], datagram), hops }
}
