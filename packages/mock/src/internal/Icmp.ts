/**
 * ICMP as machines and routers speak it by themselves: they answer echo requests, and say why a packet went no further.
 */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@effect-winsock/schema/Flags"
import { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import * as Wire from "./Wire.ts"

/** Why a packet went no further: types and codes of RFC 792 and RFC 4443. */
const failures = {
  network: { v4: [3, 0], v6: [1, 0] },
  host: { v4: [3, 1], v6: [1, 3] },
  protocol: { v4: [3, 2], v6: [4, 1] },
  port: { v4: [3, 3], v6: [1, 4] },
  hops: { v4: [11, 0], v6: [3, 0] },
  size: { v4: [3, 4], v6: [2, 0] }
} as const

export type Failure = keyof typeof failures

const echo = { v4: { request: 8, reply: 0 }, v6: { request: 128, reply: 129 } } as const

// a message about a packet is no longer than every path carries
const mostQuoted = { v4: 548, v6: 1232 } as const

const nextHeaderAt = 6

/** The hop limit of what machines, and of what routers say by themselves. */
export const ownTtl = 128
export const routerTtl = 255

const protocolOf = (isV4: boolean): number => (isV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)

export const isIcmp = (datagram: Datagram): boolean => datagram.protocol === protocolOf(datagram.destination.isV4)

/** Whether it says that another packet failed: about such a one nothing is said. */
const isError = ({ destination, payload }: Datagram): boolean =>
  destination.isV4 ? [3, 4, 5, 11, 12].includes(payload[0]) : payload[0] < 128

const isSound = ({ destination, payload, source }: Datagram): boolean =>
  payload.length >= 8 &&
  (destination.isV4
    ? Wire.checksum(payload) === 0
    : Wire.checksumBetween(source, destination, IPPROTO_ICMPV6, payload) === 0)

const message = (id: number, source: Ip, destination: Ip, payload: Uint8Array, ttl: number, tos = 0): Datagram => {
  const datagram = new Datagram(id, source, 0, destination, 0, seal(source, destination, payload), ttl, tos)
  datagram.protocol = protocolOf(destination.isV4)
  return datagram
}

/** A copy of a message with the checksum that fits. */
export const seal = (source: Ip, destination: Ip, bytes: Uint8Array): Uint8Array => {
  if (!destination.isV4) return Wire.withChecksum(source, destination, bytes)
  const sealed = bytes.slice()
  sealed[2] = 0
  sealed[3] = 0
  const value = Wire.checksum(sealed)
  sealed[2] = value >>> 8
  sealed[3] = value & 255
  return sealed
}

/** The reply to an echo request; undefined for what is none, or damaged. */
export const replyTo = (id: number, datagram: Datagram, ttl: number): Datagram | undefined => {
  const { destination, payload, source, tos } = datagram
  const { reply, request } = echo[destination.isV4 ? "v4" : "v6"]
  if (!isIcmp(datagram) || payload[0] !== request || !isSound(datagram)) return undefined
  const bytes = payload.slice()
  bytes[0] = reply
  return message(id, destination, source, bytes, ttl, tos)
}

/** What is said about a packet that went no further, by who has the address `from`; undefined if nothing is. */
export const about = (
  id: number,
  from: Ip,
  datagram: Datagram,
  failure: Failure,
  ttl: number,
  mtu = 0
): Datagram | undefined => {
  const { source } = datagram
  if (source.isAny || (isIcmp(datagram) && isError(datagram))) return undefined
  const family = from.isV4 ? "v4" : "v6"
  const quoted = Wire.packet(datagram).subarray(0, mostQuoted[family])
  const [type, code] = failures[failure][family]
  const bytes = new Uint8Array(8 + quoted.length)
  bytes[0] = type
  bytes[1] = code
  // of a parameter problem: where the wrong byte is
  if (type === 4) bytes[7] = nextHeaderAt
  if (failure === "size") new DataView(bytes.buffer).setUint32(4, mtu, false)
  bytes.set(quoted, 8)
  return message(id, from, source, bytes, ttl)
}
