/**
 * Control messages ("ancillary data"): what `WSAMSG.Control` holds for WSARecvMsg and WSASendMsg.
 *
 * **Details**
 *
 * One walker reads them for `parse`, `parseControl` and the codecs. It never throws, never reads outside the given
 * bytes and always ends: each step moves on by at least a header. Its rules:
 *
 * - A message is a `WSACMSGHDR`, its payload, and padding to the header's alignment (8 bytes on x64 and arm64, 4 on
 *   ia32). `cmsg_len` counts header and payload. The padding of the last message may be missing. Padding is not looked at.
 * - `cmsg_len` 0 is `ZeroLength`, another one smaller than the header `ShortLength`, one that reaches beyond the end
 *   `OverlongLength`. A tail of zeroed headers is therefore an issue and not an endless loop.
 * - Bytes too few for a header: after a message they are padding if all are zero; else, and where the data begins with
 *   them, `CutHeader`.
 * - A known message has exactly its payload's size, else `PayloadSize`. Redirect records and contexts, and unknown
 *   messages, have any.
 * - A known message may stand once: the second is `Duplicate`. Unknown ones may be repeated; all are kept, in order.
 * - The numbers that Windows used up to Windows 10 1607, `IP_HOPLIMIT` (21) and `IP_TCLASS` (39) at level
 *   `IPPROTO_IP`, are read as `IP_TTL` and `IP_TOS`. They are the same message: both numbers together are `Duplicate`.
 * - Packet info of both families for one datagram is no error: dual-stack sockets give an IPv4 datagram both. The list
 *   has both; in a `Control` the IPv4 one stands, whatever their order, and so for the other messages that both families have.
 * - The first offence ends the reading, and the result is the issue alone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type { Kind, Value } from "./internal/controlKinds.ts"
import { copyBytes, entryByTag, pasteBytes } from "./internal/controlKinds.ts"
import type { Sink } from "./internal/controlWalk.ts"
import { headerSize, issue, padding, walk } from "./internal/controlWalk.ts"
import type { Abi } from "./Layout.ts"
import { writePointer } from "./Layout.ts"
import { WSACMSGHDR } from "./Structs.ts"

/**
 * The local address and the interface of a datagram: its destination on receive, its source on send. `scopeId` is
 * there when the message was one of the `_EX` kinds.
 *
 * @category models
 * @since 0.1.0
 */
export interface PacketInfo<A extends NetAddress.IpAddress = NetAddress.IpAddress> {
  readonly address: A
  readonly ifIndex: number
  readonly scopeId?: number
}

/**
 * A control message of a kind that Winsock documents, tagged with the name of its type.
 *
 * - `IP_PKTINFO`, `IPV6_PKTINFO`, and `_EX` with a scope: see `PacketInfo`
 * - `IP_TTL`, `IPV6_HOPLIMIT`: time to live, hop limit
 * - `IP_TOS`, `IPV6_TCLASS`: the whole byte, DSCP and ECN
 * - `IP_ECN`, `IPV6_ECN`: the ECN codepoint, 0 to 3
 * - `UDP_SEND_MSG_SIZE`: a send is cut into datagrams of so many bytes
 * - `UDP_COALESCED_INFO`: so many bytes is each of the datagrams that were joined, but for the last
 * - `IP_ORIGINAL_ARRIVAL_IF`, and the same number at level IPv6: the index of the interface it first arrived at
 * - `SO_TIMESTAMP`: a performance counter; `SO_TIMESTAMP_ID`: the id for `SIO_GET_TX_TIMESTAMP`
 * - `IP_WFP_REDIRECT_RECORDS`, `IP_WFP_REDIRECT_CONTEXT`, and IPv6: opaque bytes
 *
 * Sources: the page of `WSAMSG`, "Winsock ECN", "Winsock timestamping", `ws2ipdef.h`, `ws2def.h`.
 *
 * @category models
 * @since 0.1.0
 */
export type KnownMessage =
  | { readonly _tag: "IP_PKTINFO"; readonly address: NetAddress.Ipv4Address; readonly ifIndex: number }
  | { readonly _tag: "IPV6_PKTINFO"; readonly address: NetAddress.Ipv6Address; readonly ifIndex: number }
  | {
      readonly _tag: "IP_PKTINFO_EX"
      readonly address: NetAddress.Ipv4Address
      readonly ifIndex: number
      readonly scopeId: number
    }
  | {
      readonly _tag: "IPV6_PKTINFO_EX"
      readonly address: NetAddress.Ipv6Address
      readonly ifIndex: number
      readonly scopeId: number
    }
  | {
      readonly _tag:
        | "IP_TTL"
        | "IPV6_HOPLIMIT"
        | "IP_TOS"
        | "IPV6_TCLASS"
        | "IP_ECN"
        | "IPV6_ECN"
        | "UDP_SEND_MSG_SIZE"
        | "UDP_COALESCED_INFO"
        | "IP_ORIGINAL_ARRIVAL_IF"
        | "IPV6_ORIGINAL_ARRIVAL_IF"
        | "SO_TIMESTAMP_ID"
      readonly value: number
    }
  | { readonly _tag: "SO_TIMESTAMP"; readonly value: bigint }
  | {
      readonly _tag:
        | "IP_WFP_REDIRECT_RECORDS"
        | "IPV6_WFP_REDIRECT_RECORDS"
        | "IP_WFP_REDIRECT_CONTEXT"
        | "IPV6_WFP_REDIRECT_CONTEXT"
      readonly value: Uint8Array
    }

/**
 * A control message of any other level and type, with its payload.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownMessage {
  readonly _tag: "Unknown"
  readonly level: number
  readonly type: number
  readonly bytes: Uint8Array
}

/**
 * A control message.
 *
 * @category models
 * @since 0.1.0
 */
export type ControlMessage = KnownMessage | UnknownMessage

/**
 * Why bytes are no control messages; the module's rules say when. `NotUnknown` is `toBytes`'s alone: an `Unknown` message
 * has the level and type of a known one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ControlIssue {
  readonly _tag: "ControlIssue"
  readonly reason:
    | "OutOfBounds"
    | "CutHeader"
    | "ZeroLength"
    | "ShortLength"
    | "OverlongLength"
    | "PayloadSize"
    | "Duplicate"
    | "NotUnknown"
  /** Where the offending message's header begins, counted from the first byte of the control data. */
  readonly offset: number
}

/**
 * The control messages of one datagram as a record that does not care for the family.
 *
 * **Details**
 *
 * Where both families' messages came, the IPv4 one stands (module rules). A v4-mapped address in an IPv6 packet info is
 * given as the IPv4 address. `ecn` is the ECN message's codepoint, or, without one, the low two bits of `trafficClass`.
 *
 * **Gotchas**
 *
 * Nothing here is certain: a provider may leave out any message, and `coalescedSize` may be any number.
 *
 * @category models
 * @since 0.1.0
 */
export interface Control {
  readonly packetInfo?: PacketInfo
  readonly hopLimit?: number
  readonly trafficClass?: number
  readonly ecn?: number
  readonly segmentSize?: number
  readonly coalescedSize?: number
  readonly originalArrivalInterface?: number
  readonly timestamp?: bigint
  readonly timestampId?: number
  readonly redirectRecords?: Uint8Array
  readonly redirectContext?: Uint8Array
  readonly unknown?: ReadonlyArray<UnknownMessage>
}

/**
 * Returns `true` for the issue that `parse` or `parseControl` returned instead of control messages.
 *
 * @category guards
 * @since 0.1.0
 */
export const isControlIssue = (u: unknown): u is ControlIssue => Predicate.isTagged(u, "ControlIssue")

const explanations: { readonly [R in ControlIssue["reason"]]: string } = {
  OutOfBounds: "the control data does not lie within the memory",
  CutHeader: "the header is cut off",
  ZeroLength: "cmsg_len is 0",
  ShortLength: "cmsg_len is less than the header",
  OverlongLength: "cmsg_len reaches beyond the end of the control data",
  PayloadSize: "the payload does not have the size of its type",
  Duplicate: "a message of this type came before",
  NotUnknown: "it is given as unknown, but its type is known"
}

/**
 * Returns an issue as one sentence.
 *
 * @category converting
 * @since 0.1.0
 */
export const formatIssue = (self: ControlIssue): string =>
  `control message at byte ${self.offset}: ${explanations[self.reason]}`

const messageOf = (kind: Kind, value: Value): ControlMessage =>
  (typeof value === "object" && "address" in value
    ? { _tag: kind.tag, ...value }
    : { _tag: kind.tag, value }) as KnownMessage

const valueOf = (message: KnownMessage): Value => ("value" in message ? message.value : message)

const listSink: Sink<Array<ControlMessage>> = {
  known: (messages, { kind }, _seen, view, at, size) => {
    messages.push(messageOf(kind, kind.payload.read(view, at, size)))
  },
  unknown: (messages, level, type, view, at, size) => {
    messages.push({ _tag: "Unknown", level, type, bytes: copyBytes(view, at, size) })
  }
}

/**
 * Reads the control messages in the `length` bytes that lie `offset` bytes into `view`, in memory order. It never
 * throws; the module's rules say what it accepts. Payloads are copied.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  abi: Abi,
  view: DataView,
  offset: number,
  length: number
): ReadonlyArray<ControlMessage> | ControlIssue => {
  const messages: Array<ControlMessage> = []
  return walk(abi, view, offset, length, listSink, messages) ?? messages
}

interface Draft extends Writable<Omit<Control, "unknown">> {
  unknown?: Array<UnknownMessage>
}

type Writable<A> = { -readonly [K in keyof A]: A[K] }

const unmapped = (info: PacketInfo): PacketInfo =>
  info.address._tag === "Ipv6Address" && NetAddress.isIpv4Mapped(info.address)
    ? { ...info, address: NetAddress.toCanonical(info.address) }
    : info

// stores to named fields, because a computed key costs more than the rest of the parser
const put = (control: Draft, kind: Kind, value: Value): void => {
  switch (kind.field) {
    case "packetInfo":
      control.packetInfo = unmapped(value as PacketInfo)
      break
    case "hopLimit":
      control.hopLimit = value as number
      break
    case "trafficClass":
      control.trafficClass = value as number
      break
    case "ecn":
      control.ecn = value as number
      break
    case "segmentSize":
      control.segmentSize = value as number
      break
    case "coalescedSize":
      control.coalescedSize = value as number
      break
    case "originalArrivalInterface":
      control.originalArrivalInterface = value as number
      break
    case "timestamp":
      control.timestamp = value as bigint
      break
    case "timestampId":
      control.timestampId = value as number
      break
    case "redirectRecords":
      control.redirectRecords = value as Uint8Array
      break
    case "redirectContext":
      control.redirectContext = value as Uint8Array
      break
  }
}

const putUnknown = (control: Draft, message: UnknownMessage): void => {
  if (control.unknown === undefined) control.unknown = [message]
  else control.unknown.push(message)
}

const finish = (control: Draft): Control => {
  if (control.ecn === undefined && control.trafficClass !== undefined) control.ecn = control.trafficClass & 3
  return control
}

const recordSink: Sink<Draft> = {
  known: (control, entry, seen, view, at, size) => {
    if ((seen & entry.beatenBy) === 0) put(control, entry.kind, entry.kind.payload.read(view, at, size))
  },
  unknown: (control, level, type, view, at, size) => {
    putUnknown(control, { _tag: "Unknown", level, type, bytes: copyBytes(view, at, size) })
  }
}

/**
 * Reads control messages as `parse` does, and collects them as `collect` does, without the list between.
 *
 * **Example** (The hop limit of a datagram)
 *
 * ```ts
 * import * as ControlMessage from "@effect-winsock/schema/ControlMessage"
 *
 * const view = new DataView(new ArrayBuffer(24))
 * const length = ControlMessage.encode("x64", [{ _tag: "IP_TTL", value: 64 }], view, 0)
 *
 * console.log(ControlMessage.parseControl("x64", view, 0, length)) // { hopLimit: 64 }
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseControl = (abi: Abi, view: DataView, offset: number, length: number): Control | ControlIssue => {
  const control: Draft = {}
  return walk(abi, view, offset, length, recordSink, control) ?? finish(control)
}

/**
 * Collects control messages into a record. Of two messages of one kind the later stands.
 *
 * @category converting
 * @since 0.1.0
 */
export const collect = (messages: ReadonlyArray<ControlMessage>): Control => {
  const control: Draft = {}
  let seen = 0
  for (const message of messages) {
    if (message._tag === "Unknown") {
      putUnknown(control, message)
      continue
    }
    const entry = entryByTag.get(message._tag)!
    if ((seen & entry.beatenBy) === 0) put(control, entry.kind, infoOrValue(message))
    seen |= entry.bit
  }
  return finish(control)
}

const infoOrValue = (message: KnownMessage): Value => {
  if ("value" in message) return message.value
  const { _tag, ...info } = message
  return info
}

const payloadSize = (message: ControlMessage): number => {
  if (message._tag === "Unknown") return message.bytes.length
  const { size } = entryByTag.get(message._tag)!.kind.payload
  return size === -1 ? (message as { readonly value: Uint8Array }).value.length : size
}

/**
 * Returns the number of bytes that `encode` writes for these messages: the value for `WSAMSG.Control.len`. It is the
 * sum of their `WSA_CMSG_SPACE`, the last one's padding included.
 *
 * @category getters
 * @since 0.1.0
 */
export const encodedLength = (abi: Abi, messages: ReadonlyArray<ControlMessage>): number => {
  let length = 0
  for (const message of messages) {
    const messageLength = headerSize[abi] + payloadSize(message)
    length += messageLength + padding(abi, messageLength)
  }
  return length
}

/**
 * Writes control messages one after the other, `offset` bytes into `view`, and returns how many bytes it has written:
 * `encodedLength`, for which there must be room.
 *
 * **Details**
 *
 * Every byte of that range is written, padding with zeros. Known messages are written with their present type number.
 * Repeated ones are written as they are given, although they cannot be read back.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (abi: Abi, messages: ReadonlyArray<ControlMessage>, view: DataView, offset: number): number => {
  const header = headerSize[abi]
  const { cmsg_len, cmsg_level, cmsg_type } = WSACMSGHDR.offsets[abi]
  let at = offset
  for (const message of messages) {
    const kind = message._tag === "Unknown" ? undefined : entryByTag.get(message._tag)!.kind
    const end = at + header + payloadSize(message)
    const next = end + padding(abi, end - at)
    writePointer(abi, view, at + cmsg_len, end - at)
    view.setInt32(at + cmsg_level, kind === undefined ? (message as UnknownMessage).level : kind.level, true)
    view.setInt32(at + cmsg_type, kind === undefined ? (message as UnknownMessage).type : kind.types[0], true)
    if (kind === undefined) pasteBytes(view, at + header, (message as UnknownMessage).bytes)
    else kind.payload.write(view, at + header, valueOf(message as KnownMessage) as never)
    for (let i = end; i < next; i++) view.setUint8(i, 0)
    at = next
  }
  return at - offset
}

/**
 * Returns control messages as bytes of their own, or the issue that would keep `parse` from reading them back as they
 * are: a repeated message, or a known one given as `Unknown`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBytes = (abi: Abi, messages: ReadonlyArray<ControlMessage>): Uint8Array | ControlIssue => {
  const bytes = new Uint8Array(encodedLength(abi, messages))
  const view = new DataView(bytes.buffer)
  encode(abi, messages, view, 0)
  const result = parse(abi, view, 0, bytes.length)
  if (isControlIssue(result)) return result
  const disguised = messages.findIndex((message, i) => message._tag !== result[i]._tag)
  return disguised === -1 ? bytes : issue("NotUnknown", encodedLength(abi, messages.slice(0, disguised)))
}

const u32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))
const i32 = Schema.Int.check(Schema.isBetween({ minimum: -0x8000_0000, maximum: 0x7fff_ffff }))
const u64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 0xffff_ffff_ffff_ffffn }))

/**
 * Schema for a control message: each kind with the ranges that its payload can hold.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ControlMessage = Schema.Union([
  Schema.TaggedStruct("IP_PKTINFO", { address: Schema.Ipv4Address, ifIndex: u32 }),
  Schema.TaggedStruct("IPV6_PKTINFO", { address: Schema.Ipv6Address, ifIndex: u32 }),
  Schema.TaggedStruct("IP_PKTINFO_EX", { address: Schema.Ipv4Address, ifIndex: u32, scopeId: u32 }),
  Schema.TaggedStruct("IPV6_PKTINFO_EX", { address: Schema.Ipv6Address, ifIndex: u32, scopeId: u32 }),
  Schema.TaggedStruct("IP_TTL", { value: i32 }),
  Schema.TaggedStruct("IPV6_HOPLIMIT", { value: i32 }),
  Schema.TaggedStruct("IP_TOS", { value: i32 }),
  Schema.TaggedStruct("IPV6_TCLASS", { value: i32 }),
  Schema.TaggedStruct("IP_ECN", { value: i32 }),
  Schema.TaggedStruct("IPV6_ECN", { value: i32 }),
  Schema.TaggedStruct("UDP_SEND_MSG_SIZE", { value: u32 }),
  Schema.TaggedStruct("UDP_COALESCED_INFO", { value: u32 }),
  Schema.TaggedStruct("IP_ORIGINAL_ARRIVAL_IF", { value: u32 }),
  Schema.TaggedStruct("IPV6_ORIGINAL_ARRIVAL_IF", { value: u32 }),
  Schema.TaggedStruct("SO_TIMESTAMP", { value: u64 }),
  Schema.TaggedStruct("SO_TIMESTAMP_ID", { value: u32 }),
  Schema.TaggedStruct("IP_WFP_REDIRECT_RECORDS", { value: Schema.Uint8Array }),
  Schema.TaggedStruct("IPV6_WFP_REDIRECT_RECORDS", { value: Schema.Uint8Array }),
  Schema.TaggedStruct("IP_WFP_REDIRECT_CONTEXT", { value: Schema.Uint8Array }),
  Schema.TaggedStruct("IPV6_WFP_REDIRECT_CONTEXT", { value: Schema.Uint8Array }),
  Schema.TaggedStruct("Unknown", { level: i32, type: i32, bytes: Schema.Uint8Array })
])

const codec = (abi: Abi) =>
  Schema.Uint8Array.pipe(
    Schema.decodeTo(
      Schema.Array(ControlMessage),
      SchemaTransformation.transformEffect<ReadonlyArray<ControlMessage>, Uint8Array>({
        decode: (bytes, options) => {
          const result = parse(abi, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength)
          return isControlIssue(result)
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: formatIssue(result) }, bytes, options))
            : Effect.succeed(result)
        },
        encode: (messages, options) => {
          const result = toBytes(abi, messages)
          return result instanceof Uint8Array
            ? Effect.succeed(result)
            : Effect.fail(new SchemaIssue.InvalidValue({ message: formatIssue(result) }, messages, options))
        }
      })
    )
  )

/**
 * Schemas for the bytes of control messages, one for each ABI. They decode and encode with `parse` and
 * `toBytes`, and fail with their issues.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes = { x64: codec("x64"), ia32: codec("ia32") }
