import type { Ip } from "./Ip.ts"

/**
 * One UDP datagram on its way, or an ICMP report about one when `status` is not 0.
 */
export class Datagram {
  readonly id: number
  readonly source: Ip
  readonly sourcePort: number
  readonly destination: Ip
  readonly destinationPort: number
  readonly payload: Uint8Array
  /** Hop limit as it arrives. */
  readonly ttl: number
  /** The whole traffic-class byte: DSCP and ECN. */
  readonly tos: number
  /** Index of the interface it left by or came in by, in the numbering of the host that holds it. */
  interfaceIndex = 0
  /** Size of the datagrams that were coalesced into it, 0 for one datagram. */
  segment = 0
  /** MSG_BCAST, MSG_MCAST or 0. */
  flags = 0
  /** NTSTATUS of an ICMP report. */
  status = 0
  /** Whether it must not be fragmented. */
  whole = false
  /** What its sender will ask for its timestamp by. */
  timestampId: number | undefined = undefined
  /** When it arrived, in performance counter ticks of 100 ns. */
  arrived = 0
  constructor(
    id: number,
    source: Ip,
    sourcePort: number,
    destination: Ip,
    destinationPort: number,
    payload: Uint8Array,
    ttl: number,
    tos: number
  ) {
    this.id = id
    this.source = source
    this.sourcePort = sourcePort
    this.destination = destination
    this.destinationPort = destinationPort
    this.payload = payload
    this.ttl = ttl
    this.tos = tos
  }
}
