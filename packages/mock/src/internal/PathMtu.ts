/**
 * How large a packet may be on its way: by the interface, and by what was learned of the path behind it.
 *
 * Source: the page "IPPROTO_IP socket options" (`IP_MTU`, `IP_MTU_DISCOVER`, `IP_DONTFRAGMENT`).
 */
import { IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import type { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { UdpSocket } from "./UdpSocket.ts"

// PMTUD_STATE, ws2ipdef.h
const IP_PMTUDISC_DO = 1
const IP_PMTUDISC_DONT = 2
const IP_PMTUDISC_PROBE = 3

/** What a machine has learned of paths, from routers that a packet was too big for. */
export class PathMtus {
  private readonly known = new Map<string, number>()

  of(machine: Machine.Machine, destination: Ip): number {
    return Math.min(Machine.mtuTo(machine, destination), this.learned(destination))
  }

  /** What a router said of the path; Infinity while none has. */
  learned(destination: Ip): number {
    return this.known.size === 0 ? Infinity : (this.known.get(text(destination)) ?? Infinity)
  }

  /** No message makes a path wider than it is known to be (RFC 8201, 4). */
  learn(destination: Ip, mtu: number): void {
    const key = text(destination)
    this.known.set(key, Math.min(mtu, this.known.get(key) ?? mtu))
  }
}

const text = (ip: Ip): string => `${ip.w0}.${ip.w1}.${ip.w2}.${ip.w3}`

/** The packet of a payload: with the headers of IP and UDP. */
export const packetSize = (payload: number, isV4: boolean): number => payload + (isV4 ? 28 : 48)

/** How a socket's datagrams of a family are treated: may be cut, or not, and then by which MTU. */
export const treatment = (socket: UdpSocket, isV4: boolean): "fragment" | "path" | "interface" => {
  const { options } = socket
  const discover = options[isV4 ? SocketOptions.MTU_DISCOVER : SocketOptions.MTU_DISCOVER6]
  if (discover === IP_PMTUDISC_PROBE) return "interface"
  if (discover === IP_PMTUDISC_DO) return "path"
  if (discover === IP_PMTUDISC_DONT) return "fragment"
  return options[isV4 ? SocketOptions.DONTFRAGMENT : SocketOptions.DONTFRAG6] === 0 ? "fragment" : "path"
}

/**
 * The first part of a way that a datagram does not fit into, -1 where there is none. Routers cut packets of IPv4 that may
 * be cut, and none of IPv6: those are cut by their sender, as far as it knows the path.
 */
export const narrowAt = (kernel: Kernel, datagram: Datagram, mtus: ReadonlyArray<number>): number => {
  const { destination, payload, protocol, whole } = datagram
  const { isV4 } = destination
  if (mtus.length === 0 || (isV4 && !whole)) return -1
  const transport = protocol === IPPROTO_UDP ? 0 : headerOfUdp
  const size = packetSize(payload.length, isV4) - transport
  const sent = whole ? size : Math.min(size, kernel.pathMtus.of(kernel.machine, destination))
  return mtus.findIndex((mtu) => sent > mtu)
}

const headerOfUdp = 8

/** Whether a whole datagram is too big for the link that it arrives by. */
export const isTooBig = (datagram: Datagram, mtu: number): boolean =>
  datagram.whole && packetSize(datagram.payload.length, datagram.destination.isV4) > mtu
