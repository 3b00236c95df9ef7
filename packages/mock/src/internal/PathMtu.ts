/**
 * How large a packet may be on its way: by the interface, and by what was learned of the path behind it.
 *
 * Source: the page "IPPROTO_IP socket options" (`IP_MTU`, `IP_MTU_DISCOVER`, `IP_DONTFRAGMENT`).
 */
import type { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
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
    return Math.min(Machine.mtuTo(machine, destination), this.known.get(text(destination)) ?? Infinity)
  }

  learn(destination: Ip, mtu: number): void {
    this.known.set(text(destination), mtu)
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

/** Whether a whole datagram is too big for the link that it arrives by. */
export const isTooBig = (datagram: Datagram, mtu: number): boolean =>
  datagram.whole && packetSize(datagram.payload.length, datagram.destination.isV4) > mtu
