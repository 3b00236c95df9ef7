/**
 * Groups of a UDP socket: what a program asks for, checked, and the calls for it.
 *
 * IPv4 uses the options of its own (`ip_mreq`, `ip_mreq_source`) and so does IPv6 for groups of any source
 * (`ipv6_mreq`): Windows and Wine both have them. Only for the sources of IPv6 groups there is nothing but the options of
 * both families (`MCAST_JOIN_SOURCE_GROUP` and its like), which Wine lacks.
 */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  SOCK_DGRAM,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { GROUP_SOURCE_REQ, ip_mreq, ip_mreq_source, ipv6_mreq } from "@effect-winsock/schema/Structs"
import { WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import type { MulticastCapabilities } from "../UdpCapabilities.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, isWithin } from "./checks.ts"
import type { Engine } from "./engine.ts"
import { SocketCalls } from "./socketCalls.ts"

/** An interface by its index or, for IPv4, by one of its addresses. */
export type MulticastInterface = number | NetAddress.Ipv4Address

/** A group on an interface, and the one source that is meant, if any. */
export interface Group {
  readonly group: NetAddress.IpAddress
  readonly interface: MulticastInterface
  readonly source: NetAddress.IpAddress | undefined
}

/** What can be done with a group, and the option for it in each family: without a source, and with one. */
interface Act {
  readonly v4: number
  readonly v4Source: number
  /** 0 where a source is always meant. */
  readonly v6: number
  readonly v6Source: number
}

/** Source: `ws2ipdef.h`; the pages "IPPROTO_IP socket options" and "IPPROTO_IPV6 socket options". */
const acts = {
  join: {
    v4: Options.IP_ADD_MEMBERSHIP,
    v4Source: Options.IP_ADD_SOURCE_MEMBERSHIP,
    v6: Options.IPV6_ADD_MEMBERSHIP,
    v6Source: Options.MCAST_JOIN_SOURCE_GROUP
  },
  leave: {
    v4: Options.IP_DROP_MEMBERSHIP,
    v4Source: Options.IP_DROP_SOURCE_MEMBERSHIP,
    v6: Options.IPV6_DROP_MEMBERSHIP,
    v6Source: Options.MCAST_LEAVE_SOURCE_GROUP
  },
  block: { v4: 0, v4Source: Options.IP_BLOCK_SOURCE, v6: 0, v6Source: Options.MCAST_BLOCK_SOURCE },
  unblock: { v4: 0, v4Source: Options.IP_UNBLOCK_SOURCE, v6: 0, v6Source: Options.MCAST_UNBLOCK_SOURCE }
} as const satisfies Record<string, Act>

export type ActName = keyof typeof acts

/** Which families a socket's groups may be of. */
export interface Families {
  readonly v4: boolean
  readonly v6: boolean
}

const operation = "setsockopt"

/** In place of an IPv4 address an index has 24 bits: it is 0.x.x.x. Source: the page of `IP_MULTICAST_IF`. */
const largestIndexV4 = 0xff_ffff

const anInterface = {
  v4: "an interface's index from 0 to 16777215, or one of its IPv4 addresses",
  v6: "an interface's index from 0 to 4294967295"
} as const

/** Reads an interface for multicasts of a family. */
export const interfaceOf = (
  given: unknown,
  v4: boolean,
  call: string,
  option: string
): MulticastInterface | WinsockError => {
  if (given === undefined) return 0
  if (isWithin(given, 0, v4 ? largestIndexV4 : 0xffff_ffff)) return given
  if (v4 && NetAddress.isIpAddress(given) && NetAddress.isIpv4Address(given) && !NetAddress.isMulticast(given)) {
    return given
  }
  return WinsockErrors.invalidArgument(call, option, given, anInterface[v4 ? "v4" : "v6"])
}

const aGroup = (families: Families): string =>
  `a multicast address of ${families.v4 && families.v6 ? "either family" : families.v4 ? "IPv4" : "IPv6"}`

/** Reads, once, which group is meant; `given` are the options. Or says what is not what it must be. */
export const read = (
  group: unknown,
  given: unknown,
  families: Families,
  sourceNeeded: boolean
): Group | WinsockError => {
  const isGroup = NetAddress.isIpAddress(group) && NetAddress.isMulticast(group)
  if (!isGroup || !(NetAddress.isIpv4Address(group) ? families.v4 : families.v6)) {
    return WinsockErrors.invalidArgument(operation, "group", group, aGroup(families))
  }
  if (given !== undefined && !isRecord(given)) {
    return WinsockErrors.invalidArgument(operation, "options", given, "a record of options")
  }
  const { interface: index, source } = (given ?? {}) as { readonly interface?: unknown; readonly source?: unknown }
  const v4 = NetAddress.isIpv4Address(group)
  const through = interfaceOf(index, v4, operation, "interface")
  if (through instanceof WinsockErrors.WinsockError) return through
  if (source === undefined && !sourceNeeded) return { group, interface: through, source: undefined }
  const sound =
    NetAddress.isIpAddress(source) &&
    NetAddress.isIpv4Address(source) === v4 &&
    !NetAddress.isMulticast(source) &&
    !NetAddress.isUnspecified(source)
  return sound
    ? { group, interface: through, source }
    : WinsockErrors.invalidArgument(operation, "source", source, "an address of one host, of the group's family")
}

/** What tells memberships of a socket apart. */
export const keyOf = ({ group, interface: through, source }: Group): string => {
  const by = typeof through === "number" ? String(through) : NetAddress.formatIp(through)
  return `${NetAddress.formatIp(group)} ${by} ${source === undefined ? "" : NetAddress.formatIp(source)}`
}

const writeInterface = (view: DataView, at: number, through: MulticastInterface): void => {
  if (typeof through === "number") view.setUint32(at, through, false)
  else SockAddr.writeIpv4(view, at, through)
}

/** Makes the call, and returns its error. */
export const apply = (on: SocketCalls, name: ActName, group: Group): WinsockError | undefined => {
  const { engine, socket } = on
  const { calls, scratch, seam } = engine
  const { view } = scratch
  const { group: address, interface: through, source } = group
  const act: Act = acts[name]
  // asked first, for finding out needs the scratch memory
  const swapped = source !== undefined && NetAddress.isIpv4Address(source) && provided(engine).order === "swapped"
  let size: number
  let option: number
  const v4 = NetAddress.isIpv4Address(address)
  if (v4) {
    const at = source === undefined ? ip_mreq.offsets[seam.abi] : ip_mreq_source.offsets[seam.abi]
    SockAddr.writeIpv4(view, at.imr_multiaddr, address)
    writeInterface(view, at.imr_interface, through)
    if (source !== undefined) {
      const sourced = ip_mreq_source.offsets[seam.abi]
      writeInterface(view, swapped ? sourced.imr_sourceaddr : sourced.imr_interface, through)
      const from = swapped ? sourced.imr_interface : sourced.imr_sourceaddr
      SockAddr.writeIpv4(view, from, source as NetAddress.Ipv4Address)
    }
    size = (source === undefined ? ip_mreq : ip_mreq_source).size[seam.abi]
    option = source === undefined ? act.v4 : act.v4Source
  } else if (source === undefined) {
    const at = ipv6_mreq.offsets[seam.abi]
    SockAddr.writeIpv6(view, at.ipv6mr_multiaddr, address)
    view.setUint32(at.ipv6mr_interface, through as number, true)
    size = ipv6_mreq.size[seam.abi]
    option = act.v6
  } else {
    const at = GROUP_SOURCE_REQ.offsets[seam.abi]
    size = GROUP_SOURCE_REQ.size[seam.abi]
    scratch.bytes.fill(0, 0, size)
    view.setUint32(at.gsr_interface, through as number, true)
    SockAddr.write(view, at.gsr_group.ss_family, NetAddress.inetAddressUnsafe(address, 0))
    SockAddr.write(view, at.gsr_source.ss_family, NetAddress.inetAddressUnsafe(source, 0))
    option = act.v6Source
  }
  if (calls.setsockopt(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, option, scratch.address, size) === 0) return undefined
  const code = calls.WSAGetLastError()
  if (code === WSAENOPROTOOPT) return WinsockErrors.featureMissing(operation, "sources of IPv6 groups")
  return refusesIndex(engine, v4, through) ?? WinsockErrors.fromCode(operation, code, "datagram")
}

/** The error of a call that failed, where it did because the provider knows IPv4 interfaces by their addresses only. */
export const refusesIndex = (engine: Engine, v4: boolean, through: MulticastInterface): WinsockError | undefined =>
  v4 && typeof through === "number" && through !== 0 && !capabilities(engine, AF_INET).interfaceByIndex
    ? WinsockErrors.featureMissing(
        operation,
        "the index of an interface for IPv4 multicasts: name one of its addresses"
      )
    : undefined

/** Chooses the interface of sent multicasts: by address or index for IPv4, by index for IPv6. */
export const sendBy = (on: SocketCalls, v4: boolean, through: MulticastInterface): boolean => {
  const { calls, scratch } = on.engine
  if (v4) writeInterface(scratch.view, 0, through)
  else scratch.view.setUint32(0, through as number, true)
  const level = v4 ? IPPROTO_IP : IPPROTO_IPV6
  const option = v4 ? Options.IP_MULTICAST_IF : Options.IPV6_MULTICAST_IF
  return calls.setsockopt(on.socket, level, option, scratch.address, 4) === 0
}

/** What was found out of a provider. */
interface Provided {
  /** IPv4 interfaces can be named by their indices. */
  readonly byIndex: boolean
  /** The order of source and interface in `ip_mreq_source`: Wine 8 hands it to Linux as it is, which has another. */
  readonly order: "windows" | "swapped"
  /** There are options for the sources of IPv6 groups. */
  readonly sources6: boolean
}

const nothingKnown: Provided = { byIndex: false, order: "windows", sources6: false }

const found = new WeakMap<Engine, Provided>()

/** Every Windows has the loopback interface, and it is the first. */
const loopbackIndex = 1

const ofLoopback = NetAddress.ipv4Loopback as NetAddress.Ipv4Address

/** A group on the loopback interface, for a source of nobody's (RFC 5737): no interface has that address. */
const trial = { group: 0xef_ff_00_01, source: 0xc6_33_64_01 }

const trial6: Group = {
  group: NetAddress.ipFromStringUnsafe("ff02::1:3"),
  interface: 0,
  source: NetAddress.ipv6Loopback
}

/** Finds out once per layer, with SOCKETs that are not bound, what the provider can do for groups. */
const provided = (engine: Engine): Provided => {
  const known = found.get(engine)
  if (known !== undefined) return known
  const v4 = openFor(engine, AF_INET)
  if (v4 === undefined) return nothingKnown
  const { calls } = engine
  const byIndex = sendBy(v4, true, loopbackIndex)
  const order = joins(v4, "windows") || !joins(v4, "swapped") ? "windows" : "swapped"
  calls.closesocket(v4.socket)
  const v6 = openFor(engine, AF_INET6)
  // it fails anyhow, for the group is not joined: what matters is whether the option is known
  const sources6 = v6 !== undefined && apply(v6, "leave", trial6)?.reason._tag !== "NotSupported"
  if (v6 !== undefined) calls.closesocket(v6.socket)
  const result: Provided = { byIndex, order, sources6 }
  found.set(engine, result)
  return result
}

const openFor = (engine: Engine, family: number): SocketCalls | undefined => {
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  const socket = engine.calls.WSASocketW(family, SOCK_DGRAM, 0, 0, 0, flags)
  return socket === -1 ? undefined : new SocketCalls(engine, socket)
}

const joins = (on: SocketCalls, order: Provided["order"]): boolean => {
  const { calls, scratch, seam } = on.engine
  const { view } = scratch
  const at = ip_mreq_source.offsets[seam.abi]
  const swapped = order === "swapped"
  view.setUint32(at.imr_multiaddr, trial.group, false)
  view.setUint32(swapped ? at.imr_interface : at.imr_sourceaddr, trial.source, false)
  SockAddr.writeIpv4(view, swapped ? at.imr_sourceaddr : at.imr_interface, ofLoopback)
  const size = ip_mreq_source.size[seam.abi]
  return calls.setsockopt(on.socket, IPPROTO_IP, Options.IP_ADD_SOURCE_MEMBERSHIP, scratch.address, size) === 0
}

/** What the provider can do for groups of a family. */
export const capabilities = (engine: Engine, family: number): MulticastCapabilities => {
  const { byIndex, sources6 } = provided(engine)
  return { interfaceByIndex: byIndex, sources: family === AF_INET || sources6 }
}
