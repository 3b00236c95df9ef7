import type { ControlMessage } from "@effect-winsock/schema/ControlMessage"
import type { SockAddr } from "@effect-winsock/schema/SockAddr"
import * as Arbitrary from "effect/Arbitrary"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

export const u32 = integer(0, 0xffff_ffff)
export const i32 = integer(-0x8000_0000, 0x7fff_ffff)
export const bytes = Arbitrary.schema(Schema.Uint8Array)

const wordBytes = (...words: ReadonlyArray<number>): Uint8Array => {
  const view = new DataView(new ArrayBuffer(4 * words.length))
  words.forEach((word, i) => view.setUint32(4 * i, word))
  return new Uint8Array(view.buffer)
}

export const ipv4 = Arbitrary.map(u32, (word) => NetAddress.ipv4FromBytesUnsafe(wordBytes(word)))
export const ipv6 = Arbitrary.map(Arbitrary.all([u32, u32, u32, u32]), (words) =>
  NetAddress.ipv6FromBytesUnsafe(wordBytes(...words))
)

const inet: Arbitrary.Arbitrary<SockAddr> = Arbitrary.map(
  Arbitrary.all({
    v6: Arbitrary.schema(Schema.Boolean),
    ipv4,
    ipv6,
    port: integer(0, 0xffff),
    scopeId: u32,
    flowinfo: u32
  }),
  (a) => ({
    _tag: "Inet",
    address: a.v6
      ? Result.getOrThrow(NetAddress.inetAddressV6(a.ipv6, a.port, { scopeId: a.scopeId }))
      : NetAddress.inetAddressUnsafe(a.ipv4, a.port),
    flowinfo: a.v6 ? a.flowinfo : 0
  })
)

const unix: Arbitrary.Arbitrary<SockAddr> = Arbitrary.map(
  Arbitrary.filter(
    Arbitrary.schema(Schema.String),
    (path) => path.isWellFormed() && !path.includes("\0") && new TextEncoder().encode(path).length <= 108
  ),
  (path) => ({ _tag: "Unix", address: NetAddress.unixPathAddress(path) })
)

const unknownFamily: Arbitrary.Arbitrary<SockAddr> = Arbitrary.map(
  Arbitrary.all({ family: Arbitrary.filter(integer(0, 0xffff), (n) => ![1, 2, 23].includes(n)), bytes }),
  ({ bytes: payload, family }) => ({ _tag: "Unknown", family, bytes: payload })
)

/** Every socket address that has bytes. */
export const sockAddr: Arbitrary.Arbitrary<SockAddr> = Arbitrary.flatMap(integer(0, 3), (n) =>
  n === 0 ? unix : n === 1 ? unknownFamily : inet
)

const value = <const Tag extends ControlMessage["_tag"]>(tag: Tag, values: Arbitrary.Arbitrary<unknown>) =>
  Arbitrary.map(values, (v) => ({ _tag: tag, value: v }) as unknown as ControlMessage)

const info = (tag: ControlMessage["_tag"], addresses: Arbitrary.Arbitrary<unknown>, scoped: boolean) =>
  Arbitrary.map(
    Arbitrary.all({ address: addresses, ifIndex: u32, scopeId: u32 }),
    ({ address, ifIndex, scopeId }) =>
      ({ _tag: tag, address, ifIndex, ...(scoped ? { scopeId } : {}) }) as unknown as ControlMessage
  )

const u64 = Arbitrary.map(Arbitrary.all([u32, u32]), ([high, low]) => (BigInt(high) << 32n) | BigInt(low))

const known: ReadonlyArray<Arbitrary.Arbitrary<ControlMessage>> = [
  info("IP_PKTINFO", ipv4, false),
  info("IPV6_PKTINFO", ipv6, false),
  info("IP_PKTINFO_EX", ipv4, true),
  info("IPV6_PKTINFO_EX", ipv6, true),
  value("IP_TTL", i32),
  value("IPV6_HOPLIMIT", i32),
  value("IP_TOS", i32),
  value("IPV6_TCLASS", i32),
  value("IP_ECN", i32),
  value("IPV6_ECN", i32),
  value("UDP_SEND_MSG_SIZE", u32),
  value("UDP_COALESCED_INFO", u32),
  value("IP_ORIGINAL_ARRIVAL_IF", u32),
  value("IPV6_ORIGINAL_ARRIVAL_IF", u32),
  value("SO_TIMESTAMP", u64),
  value("SO_TIMESTAMP_ID", u32),
  value("IP_WFP_REDIRECT_RECORDS", bytes),
  value("IPV6_WFP_REDIRECT_RECORDS", bytes),
  value("IP_WFP_REDIRECT_CONTEXT", bytes),
  value("IPV6_WFP_REDIRECT_CONTEXT", bytes)
]

// a level that no known message has
const unknown = Arbitrary.map(
  Arbitrary.all({ level: Arbitrary.filter(i32, (n) => ![0, 17, 41, 0xffff].includes(n)), type: i32, bytes }),
  ({ bytes: payload, level, type }): ControlMessage => ({ _tag: "Unknown", level, type, bytes: payload })
)

/** Every list of control messages that has bytes: known ones once each, in any order, and unknown ones. */
export const controlMessages: Arbitrary.Arbitrary<ReadonlyArray<ControlMessage>> = Arbitrary.map(
  Arbitrary.all({
    known: Arbitrary.all(known),
    ranks: Arbitrary.all(known.map(() => integer(0, 0xffff))),
    unknown: Arbitrary.array(unknown, { maxLength: 3 }),
    keep: u32
  }),
  (a) => {
    const kept = a.known.filter((_, i) => ((a.keep >>> i) & 1) === 1)
    return [...kept, ...a.unknown]
      .map((message, i) => ({ message, rank: a.ranks[i % a.ranks.length] }))
      .toSorted((x, y) => x.rank - y.rank)
      .map(({ message }) => message)
  }
)

export const abi = Arbitrary.map(Arbitrary.schema(Schema.Boolean), (b) => (b ? ("x64" as const) : ("ia32" as const)))

/** A view whose buffer ends with the bytes, so that reading one more of them throws. */
export const exact = (content: ArrayLike<number>): DataView => new DataView(Uint8Array.from(content).buffer)

export const viewOf = (content: Uint8Array): DataView =>
  new DataView(content.buffer, content.byteOffset, content.byteLength)
