/**
 * Raw sockets: what makes one, what it is bound to, which packets it gets, and the packet that it sends.
 */
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"
import { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { Network } from "./Network.ts"
import { noPort } from "./Socket.ts"
import type { UdpSocket } from "./UdpSocket.ts"
import * as Wire from "./Wire.ts"

/** What a raw socket has besides what every datagram socket has. */
export class Raw {
  readonly protocol: number
  /** IP_HDRINCL, IPV6_HDRINCL. */
  headerIncluded = false
  constructor(protocol: number) {
    this.protocol = protocol
  }
}

/** Binds to an address; raw sockets share theirs. Source: "TCP/IP Raw Sockets": not for TCP. */
export const bindTo = (kernel: Kernel, socket: UdpSocket, ip: Ip, scope: number): boolean => {
  if (socket.raw!.protocol === IPPROTO_TCP) {
    kernel.error = sdk.WSAEACCES
    return false
  }
  socket.local = ip
  socket.localScope = scope
  socket.localPort = noPort
  kernel.raws = [...kernel.raws, socket]
  return true
}

export const unbind = (kernel: Kernel, socket: UdpSocket): void => {
  kernel.raws = kernel.raws.filter((other) => other !== socket)
}

const wants = (socket: UdpSocket, datagram: Datagram): boolean =>
  socket.raw!.protocol === datagram.protocol &&
  socket.v6 !== datagram.destination.isV4 &&
  (socket.local.isAny || datagram.flags !== 0 || socket.local.equals(datagram.destination)) &&
  (socket.peer === undefined || socket.peer.equals(datagram.source))

/** Gives every raw socket that a packet is for a copy, of IPv4 with the header; how many there were. */
export const deliver = (network: Network, kernel: Kernel, datagram: Datagram): number => {
  let reached = 0
  for (const socket of kernel.raws) {
    if (!wants(socket, datagram)) continue
    const { destination, id, source, tos, ttl } = datagram
    const bytes = destination.isV4 ? Wire.packet(datagram) : Wire.ipPayload(datagram)
    const copy = new Datagram(id, source, 0, destination, 0, bytes, ttl, tos)
    copy.protocol = datagram.protocol
    copy.interfaceIndex = datagram.interfaceIndex
    copy.flags = datagram.flags
    network.hand(kernel, socket, copy)
    reached++
  }
  return reached
}

/** The largest packet there is: of IPv6 the length does not count the header. */
export const largest = (isV4: boolean): number => (isV4 ? 65_535 : 65_535 + Wire.ipv6HeaderSize)

/** How a packet leaves, as its socket and its send have it. */
export interface Manner {
  readonly source: Ip
  readonly destination: Ip
  readonly ttl: number
  readonly tos: number
  /** The largest packet that may leave. */
  readonly most: number
}

const refuse = (kernel: Kernel, code: number): undefined => {
  kernel.error = code
  return undefined
}

/** The packet that a raw send makes of its bytes; undefined when the call failed. */
export const packetOf = (kernel: Kernel, raw: Raw, bytes: Uint8Array, manner: Manner): Datagram | undefined => {
  const { destination, most } = manner
  const header = destination.isV4 ? Wire.ipv4HeaderSize : Wire.ipv6HeaderSize
  if (bytes.length + (raw.headerIncluded ? 0 : header) > most) return refuse(kernel, sdk.WSAEMSGSIZE)
  const own = raw.headerIncluded ? Wire.readHeader(bytes, destination.isV4) : undefined
  if (raw.headerIncluded && own === undefined) return refuse(kernel, sdk.WSAEINVAL)
  const source = own === undefined || own.source.isAny ? manner.source : own.source
  const protocol = own?.protocol ?? raw.protocol
  const payload = own?.payload ?? bytes
  if (protocol === IPPROTO_TCP) return refuse(kernel, sdk.WSAEACCES)
  const { tos, ttl } = own ?? manner
  const make = (from: number, to: number, content: Uint8Array): Datagram => {
    const datagram = new Datagram(kernel.network.nextId(), source, from, destination, to, content, ttl, tos)
    datagram.protocol = protocol
    return datagram
  }
  if (protocol === IPPROTO_UDP) {
    const udp = Wire.readUdp(payload)
    if (udp !== undefined) return make(udp.from, udp.to, udp.payload)
  }
  const isIcmpV6 = protocol === IPPROTO_ICMPV6 && !destination.isV4
  return make(0, 0, isIcmpV6 ? Wire.withChecksum(source, destination, payload) : payload)
}
