/**
 * ICMP and ICMPv6 messages, as raw sockets carry them: echo requests and replies, and the errors that routers and hosts
 * answer with.
 *
 * **Details**
 *
 * The rules of `decode`, which never throws and never reads past the bytes it is given:
 *
 * - a message ends with its bytes; one without the 8 bytes that all have is an issue
 * - the checksum of ICMP is verified. That of ICMPv6 covers the addresses too: it is verified when they are given, and
 *   the kernel has done so before a raw socket receives the message
 * - a type that has no tag of its own is kept as `Other`, with its code and its bytes
 *
 * Source: RFC 792, RFC 1191, RFC 4443.
 *
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Predicate from "effect/Predicate"
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "./Flags.ts"
import { internetChecksum, sumOf } from "./internal/internetChecksum.ts"
import * as Ipv4Header from "./Ipv4Header.ts"
import { readIpv6 } from "./SockAddr.ts"

/**
 * The version of IP: 4 for ICMP, 6 for ICMPv6.
 *
 * @category models
 * @since 0.1.0
 */
export type Version = 4 | 6

/**
 * A request to send `data` back, or what came back. `identifier` and `sequence` are the sender's own, 0 to 65,535.
 *
 * @category models
 * @since 0.1.0
 */
export interface Echo<Tag extends "EchoRequest" | "EchoReply"> {
  readonly _tag: Tag
  readonly identifier: number
  readonly sequence: number
  readonly data: Uint8Array
}

/**
 * An error about a packet that was sent. `quoted` is its beginning, from the IP header on: `quotedEcho` reads it.
 *
 * - `DestinationUnreachable`: `unreachableReason` names the code; `mtu` is what a router that would not fragment said of
 *   its next hop (ICMP code 4), else 0
 * - `PacketTooBig`: of ICMPv6, with the `mtu`
 * - `TimeExceeded`: the hop limit came to 0 (code 0), or fragments did not come in time (code 1)
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure<Tag extends "DestinationUnreachable" | "PacketTooBig" | "TimeExceeded"> {
  readonly _tag: Tag
  readonly code: number
  readonly mtu: number
  readonly quoted: Uint8Array
}

/**
 * A message of a type that has no tag here; `body` is what follows the checksum.
 *
 * @category models
 * @since 0.1.0
 */
export interface Other {
  readonly _tag: "Other"
  readonly type: number
  readonly code: number
  readonly body: Uint8Array
}

/**
 * A message of ICMP or ICMPv6.
 *
 * @category models
 * @since 0.1.0
 */
export type IcmpMessage =
  | Echo<"EchoRequest">
  | Echo<"EchoReply">
  | Failure<"DestinationUnreachable">
  | Failure<"PacketTooBig">
  | Failure<"TimeExceeded">
  | Other

/**
 * Why bytes are no message.
 *
 * @category models
 * @since 0.1.0
 */
export interface IcmpIssue {
  readonly _tag: "IcmpIssue"
  readonly reason: "TooShort" | "Checksum"
  /** Where the missing byte would be, or where the checksum is. */
  readonly offset: number
}

/**
 * Returns `true` for the issue that `decode` returned instead of a message.
 *
 * @category guards
 * @since 0.1.0
 */
export const isIcmpIssue = (u: unknown): u is IcmpIssue => Predicate.isTagged(u, "IcmpIssue")

/**
 * The addresses of the packet that carries an ICMPv6 message, which its checksum covers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Between {
  readonly source: NetAddress.Ipv6Address
  readonly destination: NetAddress.Ipv6Address
}

/** The size of what all messages have: type, code, checksum, four bytes that depend on the type. */
const headerSize = 8

type Tag = Exclude<IcmpMessage["_tag"], "Other">

// 0: the version has no such message
const types: { readonly [T in Tag]: { readonly [V in Version]: number } } = {
  EchoReply: { 4: 0, 6: 129 },
  EchoRequest: { 4: 8, 6: 128 },
  DestinationUnreachable: { 4: 3, 6: 1 },
  PacketTooBig: { 4: -1, 6: 2 },
  TimeExceeded: { 4: 11, 6: 3 }
}

const tagsOf = (version: Version): ReadonlyMap<number, Tag> =>
  new Map((Object.keys(types) as Array<Tag>).map((tag) => [types[tag][version], tag]))

const tags: { readonly [V in Version]: ReadonlyMap<number, Tag> } = { 4: tagsOf(4), 6: tagsOf(6) }

const pseudoHeader = ({ destination, source }: Between, length: number): number =>
  sumOf(NetAddress.ipv6ToOctets(source)) + sumOf(NetAddress.ipv6ToOctets(destination)) + length + IPPROTO_ICMPV6

/**
 * Reads a message: the payload of an IPv4 packet (`Ipv4Header.decode`), or what an ICMPv6 raw socket received. It never
 * throws; the module's rules say what it accepts.
 *
 * **Example** (The reply to an echo request)
 *
 * ```ts
 * import * as Icmp from "@effect-winsock/schema/Icmp"
 *
 * const request = Icmp.encode(4, { _tag: "EchoRequest", identifier: 7, sequence: 1, data: new Uint8Array(32) })
 * const message = Icmp.decode(4, request)
 *
 * console.log(message._tag) // "EchoRequest"
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (version: Version, bytes: Uint8Array, between?: Between): IcmpMessage | IcmpIssue => {
  if (bytes.length < headerSize) return { _tag: "IcmpIssue", reason: "TooShort", offset: bytes.length }
  const verified = version === 4 || between !== undefined
  const initial = version === 4 || between === undefined ? 0 : pseudoHeader(between, bytes.length)
  if (verified && internetChecksum(bytes, initial) !== 0) return { _tag: "IcmpIssue", reason: "Checksum", offset: 2 }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [type, code] = bytes
  const rest = bytes.subarray(headerSize)
  const tag = tags[version].get(type)
  switch (tag) {
    case undefined:
      return { _tag: "Other", type, code, body: bytes.subarray(4) }
    case "EchoReply":
    case "EchoRequest":
      return { _tag: tag, identifier: view.getUint16(4, false), sequence: view.getUint16(6, false), data: rest }
    case "DestinationUnreachable":
      return { _tag: tag, code, mtu: version === 4 && code === 4 ? view.getUint16(6, false) : 0, quoted: rest }
    case "PacketTooBig":
      return { _tag: tag, code, mtu: view.getUint32(4, false), quoted: rest }
    case "TimeExceeded":
      return { _tag: tag, code, mtu: 0, quoted: rest }
  }
}

/**
 * Builds a message. The checksum of ICMP is computed; that of ICMPv6 is when the addresses are given, and is left 0 for
 * the kernel otherwise, which computes it on ICMPv6 raw sockets (RFC 3542, section 3.1). Numbers that are too large for
 * their place keep their low bits; a message that the version does not have (`PacketTooBig` of ICMP) is a `RangeError`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (version: Version, message: IcmpMessage, between?: Between): Uint8Array => {
  const bytes = contentOf(version, message)
  const initial = version === 4 || between === undefined ? 0 : pseudoHeader(between, bytes.length)
  if (version === 4 || between !== undefined) {
    const sum = internetChecksum(bytes, initial)
    bytes[2] = sum >>> 8
    bytes[3] = sum
  }
  return bytes
}

const contentOf = (version: Version, message: IcmpMessage): Uint8Array => {
  if (message._tag === "Other") {
    const bytes = new Uint8Array(Math.max(headerSize, 4 + message.body.length))
    bytes[0] = message.type
    bytes[1] = message.code
    bytes.set(message.body, 4)
    return bytes
  }
  const type = types[message._tag][version]
  if (type === -1) throw new RangeError(`ICMP of version ${version} has no ${message._tag}`)
  const isEcho = message._tag === "EchoRequest" || message._tag === "EchoReply"
  const rest = isEcho ? message.data : message.quoted
  const bytes = new Uint8Array(headerSize + rest.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = type
  if (isEcho) {
    view.setUint16(4, message.identifier, false)
    view.setUint16(6, message.sequence, false)
  } else {
    bytes[1] = message.code
    if (message._tag === "PacketTooBig") view.setUint32(4, message.mtu, false)
    else view.setUint16(6, message.mtu, false)
  }
  bytes.set(rest, headerSize)
  return bytes
}

/**
 * The echo request that an error quotes: whose it was, and where it was to go.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuotedEcho {
  readonly destination: NetAddress.IpAddress
  readonly identifier: number
  readonly sequence: number
}

const ipv6HeaderSize = 40
const ipv6NextHeaderAt = 6
const ipv6DestinationAt = 24

/**
 * Reads the echo request that an error quotes, or `undefined` when it quotes something else or too little of it. Of an
 * IPv6 packet with extension headers it tells nothing.
 *
 * @category decoding
 * @since 0.1.0
 */
export const quotedEcho = (version: Version, quoted: Uint8Array): QuotedEcho | undefined => {
  const packet = version === 4 ? quotedIpv4(quoted) : quotedIpv6(quoted)
  if (packet === undefined || packet.payload.length < headerSize) return undefined
  const { destination, payload } = packet
  // only the beginning may be there, so that there is no checksum to verify
  if (payload[0] !== types.EchoRequest[version]) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  return { destination, identifier: view.getUint16(4, false), sequence: view.getUint16(6, false) }
}

interface Quoted {
  readonly destination: NetAddress.IpAddress
  readonly payload: Uint8Array
}

const quotedIpv4 = (quoted: Uint8Array): Quoted | undefined => {
  const packet = Ipv4Header.decode(quoted)
  if (Ipv4Header.isIpv4HeaderIssue(packet)) return undefined
  const { header, payload } = packet
  // a fragment that is not the first has no header of ICMP's
  if (header.protocol !== IPPROTO_ICMP || header.fragmentOffset !== 0) return undefined
  return { destination: header.destination, payload }
}

const quotedIpv6 = (quoted: Uint8Array): Quoted | undefined => {
  if (quoted.length < ipv6HeaderSize || quoted[0] >>> 4 !== 6) return undefined
  if (quoted[ipv6NextHeaderAt] !== IPPROTO_ICMPV6) return undefined
  const view = new DataView(quoted.buffer, quoted.byteOffset, quoted.byteLength)
  return { destination: readIpv6(view, ipv6DestinationAt), payload: quoted.subarray(ipv6HeaderSize) }
}

const reasons: { readonly [V in Version]: ReadonlyArray<string> } = {
  4: [
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network prohibited",
    "host prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "communication prohibited",
    "host precedence violation",
    "precedence cutoff"
  ],
  6: [
    "no route to the destination",
    "communication prohibited",
    "beyond the scope of the source address",
    "address unreachable",
    "port unreachable",
    "source address failed policy",
    "route rejected"
  ]
}

/**
 * Returns what the code of a `DestinationUnreachable` says, in words.
 *
 * Source: the registries "ICMP Type Numbers" and "ICMPv6 Parameters" of IANA.
 *
 * @category converting
 * @since 0.1.0
 */
export const unreachableReason = (version: Version, code: number): string =>
  reasons[version][code] ?? `unreachable (code ${code})`

/**
 * Returns an issue as one sentence.
 *
 * @category converting
 * @since 0.1.0
 */
export const formatIssue = (self: IcmpIssue): string =>
  self.reason === "TooShort"
    ? `the ICMP message ends at byte ${self.offset}, before its header does`
    : "the checksum of the ICMP message is wrong"
