import { IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import type { Ip } from "./Ip.ts"
import type { UdpSocket } from "./UdpSocket.ts"

/** What an ICMP error tells the socket whose datagram met it. */
export interface Report {
  readonly socket: UdpSocket
  readonly datagram: Datagram
}

/**
 * One datagram on its way, of UDP or another protocol, or an ICMP report about one when `status` is not 0.
 */
export class Datagram {
  readonly id: number
  readonly source: Ip
  readonly sourcePort: number
  readonly destination: Ip
  readonly destinationPort: number
  readonly payload: Uint8Array
  /** Hop limit as it arrives. */
  ttl: number
  /** The whole traffic-class byte: DSCP and ECN. */
  readonly tos: number
  /** Index of the interface it left by or came in by, in the numbering of the host that holds it. */
  interfaceIndex = 0
  /** Size of the datagrams that were coalesced into it, 0 for one datagram. */
  segment = 0
  /** MSG_BCAST, MSG_MCAST or 0. */
  flags = 0
  /** Of IP. The ports are 0 unless it is UDP. */
  protocol = IPPROTO_UDP
  /** What its arrival tells a socket, of an ICMP error. */
  report: Report | undefined = undefined
  /** NTSTATUS of an ICMP report. */
  status = 0
  /** Whether it must not be fragmented. */
  whole = false
  /** Whether its checksum does not fit. */
  damaged = false
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
