/**
 * The header of an IPv4 packet, as raw IPv4 sockets receive it before the payload and, with `IP_HDRINCL`, send it.
 * IPv6 raw sockets neither receive nor send theirs.
 *
 * **Details**
 *
 * The rules of `decode`, which never throws and never reads past the bytes it is given:
 *
 * - bytes that end before the header does, another version and a header length below 20 are issues
 * - the payload ends where the packet does (`totalLength`) or with the bytes, whichever is first: what ICMP errors
 *   quote is cut, and padding may follow. A `totalLength` of 0 (segmentation offload) counts as all there is; one that
 *   is smaller than the header is an issue
 * - the checksum is not verified: the kernel has done so, and routers change it in what ICMP errors quote
 *
 * Source: RFC 791, section 3.1; "TCP/IP Raw Sockets" on learn.microsoft.com.
 *
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Predicate from "effect/Predicate"
import { internetChecksum } from "./internal/internetChecksum.ts"
import { readIpv4, writeIpv4 } from "./SockAddr.ts"

/**
 * The fields of an IPv4 header.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ipv4Header {
  /** In bytes, 20 to 60. */
  readonly headerLength: number
  /** The whole byte of DSCP and ECN. */
  readonly typeOfService: number
  /** Of the whole packet as it was sent, in bytes. */
  readonly totalLength: number
  readonly identification: number
  readonly dontFragment: boolean
  readonly moreFragments: boolean
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset: number
  readonly timeToLive: number
  /** The protocol of the payload: `IPPROTO_ICMP`, `IPPROTO_UDP`. */
  readonly protocol: number
  readonly checksum: number
  readonly source: NetAddress.Ipv4Address
  readonly destination: NetAddress.Ipv4Address
  /** Between the fixed fields and the payload, 0 to 40 bytes. */
  readonly options: Uint8Array
}

/**
 * A header and what follows it, as a view of the bytes that were decoded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ipv4Packet {
  readonly header: Ipv4Header
  readonly payload: Uint8Array
}

/**
 * Why bytes are no IPv4 packet.
 *
 * - `TooShort`: they end before the header does
 * - `Version`: another version of IP
 * - `HeaderLength`: the header is shorter than its fixed fields
 * - `TotalLength`: the packet is shorter than its header
 *
 * @category models
 * @since 0.1.0
 */
export interface Ipv4HeaderIssue {
  readonly _tag: "Ipv4HeaderIssue"
  readonly reason: "TooShort" | "Version" | "HeaderLength" | "TotalLength"
  /** Where the wrong or missing byte is. */
  readonly offset: number
}

/**
 * Returns `true` for the issue that `decode` returned instead of a packet.
 *
 * @category guards
 * @since 0.1.0
 */
export const isIpv4HeaderIssue = (u: unknown): u is Ipv4HeaderIssue => Predicate.isTagged(u, "Ipv4HeaderIssue")

const issue = (reason: Ipv4HeaderIssue["reason"], offset: number): Ipv4HeaderIssue => ({
  _tag: "Ipv4HeaderIssue",
  reason,
  offset
})

/** The size of the fixed fields. */
const fixed = 20
const dontFragmentBit = 0x4000
const moreFragmentsBit = 0x2000
const offsetMask = 0x1fff

/**
 * Splits what an IPv4 raw socket received into header and payload. It never throws; the module's rules say what it
 * accepts.
 *
 * **Example** (Who sent it, and what)
 *
 * ```ts
 * import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
 *
 * const describe = (received: Uint8Array): string => {
 *   const packet = Ipv4Header.decode(received)
 *   return Ipv4Header.isIpv4HeaderIssue(packet)
 *     ? Ipv4Header.formatIssue(packet)
 *     : `${packet.payload.length} bytes of protocol ${packet.header.protocol}`
 * }
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Ipv4Packet | Ipv4HeaderIssue => {
  if (bytes.length < 1) return issue("TooShort", 0)
  if (bytes[0] >>> 4 !== 4) return issue("Version", 0)
  const headerLength = (bytes[0] & 0xf) * 4
  if (headerLength < fixed) return issue("HeaderLength", 0)
  if (bytes.length < headerLength) return issue("TooShort", bytes.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const totalLength = view.getUint16(2, false)
  if (totalLength !== 0 && totalLength < headerLength) return issue("TotalLength", 2)
  const fragment = view.getUint16(6, false)
  return {
    header: {
      headerLength,
      typeOfService: bytes[1],
      totalLength,
      identification: view.getUint16(4, false),
      dontFragment: (fragment & dontFragmentBit) !== 0,
      moreFragments: (fragment & moreFragmentsBit) !== 0,
      fragmentOffset: (fragment & offsetMask) * 8,
      timeToLive: bytes[8],
      protocol: bytes[9],
      checksum: view.getUint16(10, false),
      source: readIpv4(view, 12),
      destination: readIpv4(view, 16),
      options: bytes.subarray(fixed, headerLength)
    },
    payload: bytes.subarray(headerLength, totalLength === 0 ? bytes.length : totalLength)
  }
}

/**
 * What `encode` makes a header of: what is not given is 0, or follows from the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fields extends Partial<Omit<Ipv4Header, "headerLength" | "totalLength" | "checksum">> {
  readonly protocol: number
  readonly destination: NetAddress.Ipv4Address
}

const largestOptions = 40

/**
 * Builds a packet to send through a raw socket with `headerIncluded`. Lengths and checksum are computed; a source that
 * is not given is `0.0.0.0`, which Windows fills in, as it does an identification of 0. Options are padded to a
 * multiple of 4 bytes. Fields that are too large for their place keep their low bits; more than 40 bytes of options,
 * or a packet of more than 65,535 bytes, is a `RangeError`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (fields: Fields, payload: Uint8Array): Uint8Array => {
  const options = fields.options ?? new Uint8Array(0)
  if (options.length > largestOptions)
    throw new RangeError(`options are ${options.length} bytes and must be at most 40`)
  const headerLength = fixed + Math.ceil(options.length / 4) * 4
  const totalLength = headerLength + payload.length
  if (totalLength > 0xffff) throw new RangeError(`the packet is ${totalLength} bytes and must be at most 65535`)
  const bytes = new Uint8Array(totalLength)
  const view = new DataView(bytes.buffer)
  bytes[0] = 0x40 | (headerLength / 4)
  bytes[1] = fields.typeOfService ?? 0
  view.setUint16(2, totalLength, false)
  view.setUint16(4, fields.identification ?? 0, false)
  const flags =
    (fields.dontFragment === true ? dontFragmentBit : 0) | (fields.moreFragments === true ? moreFragmentsBit : 0)
  view.setUint16(6, flags | (((fields.fragmentOffset ?? 0) >>> 3) & offsetMask), false)
  bytes[8] = fields.timeToLive ?? 128
  bytes[9] = fields.protocol
  writeIpv4(view, 12, fields.source ?? NetAddress.ipv4Unspecified)
  writeIpv4(view, 16, fields.destination)
  bytes.set(options, fixed)
  view.setUint16(10, internetChecksum(bytes.subarray(0, headerLength)), false)
  bytes.set(payload, headerLength)
  return bytes
}

const sentences = {
  TooShort: "before its header does",
  Version: "is of another version of IP",
  HeaderLength: "has a header that is too short",
  TotalLength: "is shorter than its header"
} as const

/**
 * Returns an issue as one sentence.
 *
 * @category converting
 * @since 0.1.0
 */
export const formatIssue = (self: Ipv4HeaderIssue): string =>
  self.reason === "TooShort"
    ? `the IPv4 packet ends at byte ${self.offset}, ${sentences.TooShort}`
    : `the IPv4 packet ${sentences[self.reason]}`
