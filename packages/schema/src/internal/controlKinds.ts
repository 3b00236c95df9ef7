// the known control messages as one table: numbers, payload, and the place of each in a `Control`
import type * as NetAddress from "effect/net/NetAddress"
import type { Control, ControlMessage, KnownMessage, PacketInfo } from "../ControlMessage.ts"
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } from "../Flags.ts"
import * as Options from "../Options.ts"
import { readIpv4, readIpv6, writeIpv4, writeIpv6 } from "../SockAddr.ts"

export type Value = number | bigint | Uint8Array | PacketInfo

interface Payload {
  /** The only size in bytes that is right; -1 for any. */
  readonly size: number
  readonly read: (view: DataView, at: number, size: number) => Value
  readonly write: (view: DataView, at: number, value: never) => void
}

export interface Kind {
  readonly tag: KnownMessage["_tag"]
  readonly level: number
  /** The type that is written, and first the one that is read. */
  readonly types: ReadonlyArray<number>
  readonly payload: Payload
  /** Its place in a `Control`, and the kinds that keep it from there. */
  readonly field: keyof Control
  readonly beatenBy: ReadonlyArray<KnownMessage["_tag"]>
}

const int: Payload = {
  size: 4,
  read: (view, at) => view.getInt32(at, true),
  write: (view, at, value: number) => view.setInt32(at, value, true)
}
const dword: Payload = {
  size: 4,
  read: (view, at) => view.getUint32(at, true),
  write: (view, at, value: number) => view.setUint32(at, value, true)
}
const counter: Payload = {
  size: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value: bigint) => view.setBigUint64(at, value, true)
}
export const copyBytes = (view: DataView, at: number, size: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, size).slice()
export const pasteBytes = (view: DataView, at: number, bytes: Uint8Array): void =>
  new Uint8Array(view.buffer, view.byteOffset + at, bytes.length).set(bytes)
const opaque: Payload = { size: -1, read: copyBytes, write: pasteBytes }

const in4: Payload = {
  size: 8,
  read: (view, at) => ({ address: readIpv4(view, at), ifIndex: view.getUint32(at + 4, true) }),
  write: (view, at, value: PacketInfo<NetAddress.Ipv4Address>) => {
    writeIpv4(view, at, value.address)
    view.setUint32(at + 4, value.ifIndex, true)
  }
}
const in6: Payload = {
  size: 20,
  read: (view, at) => ({ address: readIpv6(view, at), ifIndex: view.getUint32(at + 16, true) }),
  write: (view, at, value: PacketInfo<NetAddress.Ipv6Address>) => {
    writeIpv6(view, at, value.address)
    view.setUint32(at + 16, value.ifIndex, true)
  }
}
const scoped = (plain: Payload): Payload => ({
  size: plain.size + 4,
  read: (view, at, size) => ({
    ...(plain.read(view, at, size) as PacketInfo),
    scopeId: view.getUint32(at + plain.size, true)
  }),
  write: (view, at, value: PacketInfo) => {
    plain.write(view, at, value as never)
    view.setUint32(at + plain.size, value.scopeId ?? 0, true)
  }
})

const row = (
  tag: KnownMessage["_tag"],
  level: number,
  types: ReadonlyArray<number>,
  payload: Payload,
  field: keyof Control,
  beatenBy: ReadonlyArray<KnownMessage["_tag"]> = []
): Kind => ({ tag, level, types, payload, field, beatenBy })

export const kinds: ReadonlyArray<Kind> = [
  row("IP_PKTINFO", IPPROTO_IP, [Options.IP_PKTINFO], in4, "packetInfo", ["IP_PKTINFO_EX"]),
  row("IP_PKTINFO_EX", IPPROTO_IP, [Options.IP_PKTINFO_EX], scoped(in4), "packetInfo"),
  row("IPV6_PKTINFO", IPPROTO_IPV6, [Options.IPV6_PKTINFO], in6, "packetInfo", [
    "IP_PKTINFO",
    "IP_PKTINFO_EX",
    "IPV6_PKTINFO_EX"
  ]),
  row("IPV6_PKTINFO_EX", IPPROTO_IPV6, [Options.IPV6_PKTINFO_EX], scoped(in6), "packetInfo", [
    "IP_PKTINFO",
    "IP_PKTINFO_EX"
  ]),
  row("IP_TTL", IPPROTO_IP, [Options.IP_TTL, Options.IP_HOPLIMIT], int, "hopLimit"),
  row("IPV6_HOPLIMIT", IPPROTO_IPV6, [Options.IPV6_HOPLIMIT], int, "hopLimit", ["IP_TTL"]),
  row("IP_TOS", IPPROTO_IP, [Options.IP_TOS, Options.IP_TCLASS], int, "trafficClass"),
  row("IPV6_TCLASS", IPPROTO_IPV6, [Options.IPV6_TCLASS], int, "trafficClass", ["IP_TOS"]),
  row("IP_ECN", IPPROTO_IP, [Options.IP_ECN], int, "ecn"),
  row("IPV6_ECN", IPPROTO_IPV6, [Options.IPV6_ECN], int, "ecn", ["IP_ECN"]),
  row("UDP_SEND_MSG_SIZE", IPPROTO_UDP, [Options.UDP_SEND_MSG_SIZE], dword, "segmentSize"),
  row("UDP_COALESCED_INFO", IPPROTO_UDP, [Options.UDP_COALESCED_INFO], dword, "coalescedSize"),
  row("IP_ORIGINAL_ARRIVAL_IF", IPPROTO_IP, [Options.IP_ORIGINAL_ARRIVAL_IF], dword, "originalArrivalInterface"),
  row("IPV6_ORIGINAL_ARRIVAL_IF", IPPROTO_IPV6, [Options.IP_ORIGINAL_ARRIVAL_IF], dword, "originalArrivalInterface", [
    "IP_ORIGINAL_ARRIVAL_IF"
  ]),
  row("SO_TIMESTAMP", SOL_SOCKET, [Options.SO_TIMESTAMP], counter, "timestamp"),
  row("SO_TIMESTAMP_ID", SOL_SOCKET, [Options.SO_TIMESTAMP_ID], dword, "timestampId"),
  row("IP_WFP_REDIRECT_RECORDS", IPPROTO_IP, [Options.IP_WFP_REDIRECT_RECORDS], opaque, "redirectRecords"),
  row("IPV6_WFP_REDIRECT_RECORDS", IPPROTO_IPV6, [Options.IPV6_WFP_REDIRECT_RECORDS], opaque, "redirectRecords", [
    "IP_WFP_REDIRECT_RECORDS"
  ]),
  row("IP_WFP_REDIRECT_CONTEXT", IPPROTO_IP, [Options.IP_WFP_REDIRECT_CONTEXT], opaque, "redirectContext"),
  row("IPV6_WFP_REDIRECT_CONTEXT", IPPROTO_IPV6, [Options.IPV6_WFP_REDIRECT_CONTEXT], opaque, "redirectContext", [
    "IP_WFP_REDIRECT_CONTEXT"
  ])
]

// what the walker needs of a kind, found by level and type: its own bit, and the bits of the kinds that beat it
export interface Entry {
  readonly kind: Kind
  readonly bit: number
  readonly beatenBy: number
}

const bitOf = (tag: KnownMessage["_tag"]): number => 1 << kinds.findIndex((kind) => kind.tag === tag)

const entries: ReadonlyArray<Entry> = kinds.map((kind) => ({
  kind,
  bit: bitOf(kind.tag),
  beatenBy: kind.beatenBy.reduce((mask, tag) => mask | bitOf(tag), 0)
}))

export const entryByTag: ReadonlyMap<ControlMessage["_tag"], Entry> = new Map(
  entries.map((entry) => [entry.kind.tag, entry])
)

const typesOf = (level: number, first: number): ReadonlyArray<Entry | undefined> => {
  const byType = Array.from<Entry | undefined>({ length: 128 }).fill(undefined)
  for (const entry of entries) {
    if (entry.kind.level !== level) continue
    for (const type of entry.kind.types) byType[type - first] = entry
  }
  return byType
}

const ip = typesOf(IPPROTO_IP, 0)
const ipv6 = typesOf(IPPROTO_IPV6, 0)
const udp = typesOf(IPPROTO_UDP, 0)
// the socket's own types start here
const firstSocketType = 0x3000
const socket = typesOf(SOL_SOCKET, firstSocketType)

const lookup = (byType: ReadonlyArray<Entry | undefined>, index: number): Entry | undefined =>
  index >= 0 && index < byType.length ? byType[index] : undefined

export const entryOf = (level: number, type: number): Entry | undefined => {
  switch (level) {
    case IPPROTO_IP:
      return lookup(ip, type)
    case IPPROTO_IPV6:
      return lookup(ipv6, type)
    case IPPROTO_UDP:
      return lookup(udp, type)
    case SOL_SOCKET:
      return lookup(socket, type - firstSocketType)
    default:
      return undefined
  }
}
