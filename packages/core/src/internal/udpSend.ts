/** What a program can say of one send, checked and turned into control messages. */
import type { ControlMessage } from "@effect-winsock/schema/ControlMessage"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import type { SendCapabilities } from "../UdpCapabilities.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Payload } from "./payload.ts"
import { isRecord } from "./checks.ts"

/** See `UdpSocket.SendOptions`. */
export interface SendWishes {
  readonly source?: NetAddress.IpAddress | undefined
  readonly interface?: number | undefined
  readonly hopLimit?: number | undefined
  readonly trafficClass?: number | undefined
  readonly ecn?: number | undefined
  readonly segmentSize?: number | undefined
  readonly timestampId?: number | undefined
}

interface Range {
  readonly least: number
  readonly most: number
  readonly note?: string
}

const ranges = {
  interface: { least: 0, most: 0xffff_ffff },
  hopLimit: { least: 1, most: 255 },
  trafficClass: { least: 0, most: 255 },
  // Windows refuses CE with WSAEINVAL: only a router may say that there is congestion
  ecn: { least: 0, most: 2, note: " (3, CE, is for routers to set)" },
  segmentSize: { least: 1, most: 65_527 },
  timestampId: { least: 0, most: 0xffff_ffff }
} as const satisfies Record<string, Range>

const names = Object.keys(ranges) as ReadonlyArray<keyof typeof ranges>

/** Reads the wishes, once: what the caller does to them later does not matter. Or says which is out of range. */
export const read = (given: SendWishes, v4: boolean): SendWishes | WinsockError => {
  if (!isRecord(given)) {
    return WinsockErrors.invalidArgument("WSASendMsg", "options", given, "a record of what is said of the send")
  }
  const { ecn, hopLimit, interface: ifIndex, segmentSize, source, timestampId, trafficClass } = given
  const wishes: SendWishes = { source, interface: ifIndex, hopLimit, trafficClass, ecn, segmentSize, timestampId }
  for (const name of names) {
    const value = wishes[name]
    if (value === undefined) continue
    const range: Range = ranges[name]
    if (!Number.isInteger(value) || value < range.least || value > range.most) {
      const expected = `an integer from ${range.least} to ${range.most}${range.note ?? ""}`
      return WinsockErrors.invalidArgument("WSASendMsg", name, value, expected)
    }
  }
  if (timestampId !== undefined && segmentSize !== undefined) {
    // the page of SO_TIMESTAMP_ID: not together with UDP_SEND_MSG_SIZE
    return WinsockErrors.invalidArgument("WSASendMsg", "timestampId", timestampId, "given without segmentSize")
  }
  if (source === undefined) {
    // with no address beside it Windows takes 0.0.0.0 for the source
    return ifIndex === undefined
      ? wishes
      : WinsockErrors.invalidArgument("WSASendMsg", "interface", ifIndex, "given together with source")
  }
  return NetAddress.isIpAddress(source) && NetAddress.isIpv4Address(unmapped(source)) === v4
    ? wishes
    : WinsockErrors.invalidArgument("WSASendMsg", "source", source, "an address of the destination's family")
}

const unmapped = (address: NetAddress.IpAddress): NetAddress.IpAddress =>
  NetAddress.isIpv4Address(address)
    ? address
    : Option.getOrElse(NetAddress.fromIpv4Mapped(address), (): NetAddress.IpAddress => address)

/** Whether a datagram to `address` travels as IPv4, on whichever socket. */
export const travelsAsIpv4 = (address: NetAddress.InetAddress): boolean =>
  NetAddress.isIpv4Address(unmapped(address.address))

/** The first wish that the provider would not honour, by name. */
export const missing = (wishes: SendWishes, can: SendCapabilities): keyof SendWishes | undefined =>
  wishes.source !== undefined && !can.source
    ? "source"
    : wishes.hopLimit !== undefined && !can.hopLimit
      ? "hopLimit"
      : wishes.trafficClass !== undefined && !can.trafficClass
        ? "trafficClass"
        : wishes.ecn !== undefined && !can.ecn
          ? "ecn"
          : undefined

/** Leaves out what the provider would not honour. */
export const honoured = (wishes: SendWishes, can: SendCapabilities): SendWishes => ({
  segmentSize: wishes.segmentSize,
  timestampId: wishes.timestampId,
  source: can.source ? wishes.source : undefined,
  interface: can.source ? wishes.interface : undefined,
  hopLimit: can.hopLimit ? wishes.hopLimit : undefined,
  trafficClass: can.trafficClass ? wishes.trafficClass : undefined,
  ecn: can.ecn ? wishes.ecn : undefined
})

/** The control messages of a send, of the family that the datagram travels as. */
export const messages = (wishes: SendWishes, v4: boolean): Array<ControlMessage> => {
  const out: Array<ControlMessage> = []
  const { ecn, hopLimit, segmentSize, timestampId, trafficClass } = wishes
  if (wishes.source !== undefined) {
    const address = unmapped(wishes.source)
    const ifIndex = wishes.interface ?? 0
    if (NetAddress.isIpv4Address(address)) out.push({ _tag: "IP_PKTINFO", address, ifIndex })
    else out.push({ _tag: "IPV6_PKTINFO", address, ifIndex })
  }
  if (hopLimit !== undefined) out.push({ _tag: v4 ? "IP_TTL" : "IPV6_HOPLIMIT", value: hopLimit })
  if (trafficClass !== undefined) {
    // the two share a byte: with both given, the codepoint is the one that was named
    const value = ecn === undefined ? trafficClass : (trafficClass & ~3) | ecn
    out.push({ _tag: v4 ? "IP_TOS" : "IPV6_TCLASS", value })
  } else if (ecn !== undefined) out.push({ _tag: v4 ? "IP_ECN" : "IPV6_ECN", value: ecn })
  if (segmentSize !== undefined) out.push({ _tag: "UDP_SEND_MSG_SIZE", value: segmentSize })
  if (timestampId !== undefined) out.push({ _tag: "SO_TIMESTAMP_ID", value: timestampId })
  return out
}

/** A payload in pieces of one size, but for the last: at least one piece, which may be empty. */
export const cut = (payload: Payload, size: number): ReadonlyArray<Uint8Array> => {
  // not instanceof: bytes may be of another realm
  const whole = Array.isArray(payload) ? concatenate(payload as ReadonlyArray<Uint8Array>) : (payload as Uint8Array)
  const pieces: Array<Uint8Array> = []
  for (let at = 0; at === 0 || at < whole.length; at += size) pieces.push(whole.subarray(at, at + size))
  return pieces
}

const concatenate = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
