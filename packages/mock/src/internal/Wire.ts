/**
 * IP packets as bytes, for the sockets and the messages that show them. Written from the RFCs, apart from the library's
 * own codec, so that the one checks the other.
 */
import { IPPROTO_ICMPV6, IPPROTO_UDP } from "@effect-winsock/schema/Flags"
import type { Datagram } from "./Datagram.ts"
import { type Ip, Ip as IpAddress, v4 } from "./Ip.ts"

export const ipv4HeaderSize = 20
export const ipv6HeaderSize = 40
const udpHeaderSize = 8

/** The sum of 16-bit words, not yet folded. */
const sum = (bytes: Uint8Array): number => {
  let total = 0
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? bytes[i] * 256 : bytes[i]
  return total
}

const complement = (total: number): number => {
  let folded = total
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000)
  return 0xffff - folded
}

/** The checksum of RFC 1071; 0 over bytes that hold theirs. */
export const checksum = (bytes: Uint8Array): number => complement(sum(bytes))

const wordsOf = (ip: Ip): ReadonlyArray<number> => (ip.isV4 ? [ip.w3] : [ip.w0, ip.w1, ip.w2, ip.w3])

const put = (view: DataView, at: number, ip: Ip): void =>
  wordsOf(ip).forEach((word, i) => view.setUint32(at + 4 * i, word, false))

/** The checksum of a payload with the pseudo-header of its packet. */
export const checksumBetween = (source: Ip, destination: Ip, protocol: number, payload: Uint8Array): number => {
  let total = sum(payload) + payload.length + protocol
  for (const word of [...wordsOf(source), ...wordsOf(destination)]) total += (word >>> 16) + (word & 0xffff)
  return complement(total)
}

/** What follows the IP header. */
export const ipPayload = (datagram: Datagram): Uint8Array => {
  const { destination, destinationPort, payload, protocol, source, sourcePort } = datagram
  if (protocol !== IPPROTO_UDP) return payload
  const bytes = new Uint8Array(udpHeaderSize + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, sourcePort, false)
  view.setUint16(2, destinationPort, false)
  view.setUint16(4, bytes.length, false)
  bytes.set(payload, udpHeaderSize)
  // 0 would say that there is none
  view.setUint16(6, checksumBetween(source, destination, protocol, bytes) || 0xffff, false)
  return bytes
}

/** The packet with its IP header. */
export const packet = (datagram: Datagram): Uint8Array => {
  const { destination, id, protocol, source, tos, ttl } = datagram
  const payload = ipPayload(datagram)
  const size = source.isV4 ? ipv4HeaderSize : ipv6HeaderSize
  const bytes = new Uint8Array(size + payload.length)
  const view = new DataView(bytes.buffer)
  bytes.set(payload, size)
  if (source.isV4) {
    bytes[0] = 0x45
    bytes[1] = tos
    view.setUint16(2, bytes.length, false)
    view.setUint16(4, id & 0xffff, false)
    bytes[8] = ttl
    bytes[9] = protocol
    put(view, 12, source)
    put(view, 16, destination)
    view.setUint16(10, checksum(bytes.subarray(0, size)), false)
    return bytes
  }
  view.setUint32(0, ((6 << 28) | (tos << 20)) >>> 0, false)
  view.setUint16(4, payload.length, false)
  bytes[6] = protocol
  bytes[7] = ttl
  put(view, 8, source)
  put(view, 24, destination)
  return bytes
}

/** What a program says of a packet whose header it has made itself. */
export interface OwnHeader {
  readonly source: Ip
  readonly ttl: number
  readonly tos: number
  readonly protocol: number
  readonly payload: Uint8Array
}

/** Reads a header that a program made; undefined for one that is none. Lengths and checksum are the kernel's to set. */
export const readHeader = (bytes: Uint8Array, isV4: boolean): OwnHeader | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fixed = isV4 ? ipv4HeaderSize : ipv6HeaderSize
  if (bytes.length < fixed || bytes[0] >>> 4 !== (isV4 ? 4 : 6)) return undefined
  if (isV4) {
    const size = (bytes[0] & 15) * 4
    if (size < fixed || bytes.length < size) return undefined
    const source = v4(view.getUint32(12, false))
    return { source, ttl: bytes[8], tos: bytes[1], protocol: bytes[9], payload: bytes.subarray(size) }
  }
  const word = (i: number): number => view.getUint32(8 + 4 * i, false)
  return {
    source: new IpAddress(word(0), word(1), word(2), word(3)),
    ttl: bytes[7],
    tos: (view.getUint16(0, false) >>> 4) & 0xff,
    protocol: bytes[6],
    payload: bytes.subarray(fixed)
  }
}

/** The ports and the payload of a UDP packet; undefined for bytes that are none. */
export const readUdp = (
  bytes: Uint8Array
): { readonly from: number; readonly to: number; readonly payload: Uint8Array } | undefined => {
  if (bytes.length < udpHeaderSize) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint16(4, false)
  if (length < udpHeaderSize || length > bytes.length) return undefined
  return {
    from: view.getUint16(0, false),
    to: view.getUint16(2, false),
    payload: bytes.subarray(udpHeaderSize, length)
  }
}

/** A copy of an ICMPv6 message with its checksum, which is the kernel's to compute. */
export const withChecksum = (source: Ip, destination: Ip, message: Uint8Array): Uint8Array => {
  const bytes = message.slice()
  if (bytes.length < 4) return bytes
  bytes[2] = 0
  bytes[3] = 0
  const value = checksumBetween(source, destination, IPPROTO_ICMPV6, bytes)
  bytes[2] = value >>> 8
  bytes[3] = value & 255
  return bytes
}
