/**
 * Socket options: what may be read and written, and what a value means.
 */
import type { AnySocket, Kernel } from "./Kernel.ts"
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  XP1_IFS_HANDLES
} from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import * as OptionValue from "@effect-winsock/schema/OptionValue"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as OptionBlocks from "./OptionBlocks.ts"
import * as RawOptions from "./RawOptions.ts"
import type { UdpSocket } from "./UdpSocket.ts"

type Value = "bool" | "number"

interface Option {
  readonly index: number
  readonly value: Value
  readonly minimum: number
  readonly maximum: number
}

const table = new Map<number, Option>()

/** Initial values, by index; a socket has a copy once it differs. */
export const defaults: Array<number> = []

// SO_EXCLUSIVEADDRUSE is ~SO_REUSEADDR: names are signed
const key = (level: number, name: number): number => (level | 0) * 0x1_0000_0000 + (name | 0)

/** The keys of options by name; a name that no option has is a mistake of the test. */
export const optionKeys = (names: ReadonlyArray<string>): ReadonlySet<number> =>
  new Set(
    names.flatMap((name) => {
      const rows = OptionTable.table.filter((row) => row.name === name)
      if (rows.length === 0) throw new RangeError(`absentOptions: there is no option ${name}`)
      return rows.map((row) => key(row.level, row.number))
    })
  )

export const isAbsent = (kernel: Kernel, level: number, name: number): boolean =>
  kernel.settings.absentOptions.size > 0 && kernel.settings.absentOptions.has(key(level, name))

const define = (
  level: number,
  name: number,
  initial: number,
  value: Value = "bool",
  minimum = 0,
  maximum = 0x7fff_ffff
): number => {
  const index = defaults.push(initial) - 1
  table.set(key(level, name), { index, value, minimum, maximum })
  return index
}

export const REUSEADDR = define(SOL_SOCKET, Options.SO_REUSEADDR, 0)
export const EXCLUSIVEADDRUSE = define(SOL_SOCKET, Options.SO_EXCLUSIVEADDRUSE, 0)
export const BROADCAST = define(SOL_SOCKET, Options.SO_BROADCAST, 0)
export const SNDBUF = define(SOL_SOCKET, Options.SO_SNDBUF, 65_536, "number")
export const RCVBUF = define(SOL_SOCKET, Options.SO_RCVBUF, 65_536, "number")
export const SNDTIMEO = define(SOL_SOCKET, Options.SO_SNDTIMEO, 0, "number", 0, 0xffff_ffff)
export const RCVTIMEO = define(SOL_SOCKET, Options.SO_RCVTIMEO, 0, "number", 0, 0xffff_ffff)
define(SOL_SOCKET, Options.SO_DONTROUTE, 0)
export const KEEPALIVE = define(SOL_SOCKET, Options.SO_KEEPALIVE, 0)
export const OOBINLINE = define(SOL_SOCKET, Options.SO_OOBINLINE, 0)
define(SOL_SOCKET, Options.SO_REUSE_UNICASTPORT, 0)
const CONDITIONAL_ACCEPT = define(SOL_SOCKET, Options.SO_CONDITIONAL_ACCEPT, 0)
// SO_LINGER is both of these
export const LINGER = defaults.push(0) - 1
export const LINGER_SECONDS = defaults.push(0) - 1

export const NODELAY = define(IPPROTO_TCP, Options.TCP_NODELAY, 0)
// stored, and without effect on the wire
define(IPPROTO_TCP, Options.TCP_EXPEDITED_1122, 0)
define(IPPROTO_TCP, Options.TCP_TIMESTAMPS, 0)
define(IPPROTO_TCP, Options.TCP_FASTOPEN, 0)
define(IPPROTO_TCP, Options.TCP_MAXRT, 10, "number", -1)
define(IPPROTO_TCP, Options.TCP_MAXRTMS, 10_000, "number")
/** In seconds: the time of silence before the first probe, and between probes. */
export const KEEPIDLE = define(IPPROTO_TCP, Options.TCP_KEEPIDLE, 7200, "number", 1)
export const KEEPINTVL = define(IPPROTO_TCP, Options.TCP_KEEPINTVL, 1, "number", 1)
export const KEEPCNT = define(IPPROTO_TCP, Options.TCP_KEEPCNT, 10, "number", 1, 255)

const PKTINFO4 = define(IPPROTO_IP, Options.IP_PKTINFO, 0)
const PKTINFO_EX4 = define(IPPROTO_IP, Options.IP_PKTINFO_EX, 0)
export const TTL = define(IPPROTO_IP, Options.IP_TTL, 128, "number", 1, 255)
// stored, and without effect on the wire
define(IPPROTO_IP, Options.IP_TOS, 0, "number", 0, 255)
export const DONTFRAGMENT = define(IPPROTO_IP, Options.IP_DONTFRAGMENT, 0)
export const MTU_DISCOVER = define(IPPROTO_IP, Options.IP_MTU_DISCOVER, 0, "number", 1, 3)
export const UNICAST_IF = define(IPPROTO_IP, Options.IP_UNICAST_IF, 0, "number", -0x8000_0000)
const ORIGINAL_IF4 = define(IPPROTO_IP, Options.IP_ORIGINAL_ARRIVAL_IF, 0)
const RECVTTL = define(IPPROTO_IP, Options.IP_RECVTTL, 0)
const RECVTOS = define(IPPROTO_IP, Options.IP_RECVTOS, 0)
const RECVECN4 = define(IPPROTO_IP, Options.IP_RECVECN, 0)
const RECVIF4 = define(IPPROTO_IP, Options.IP_RECVIF, 0)
// the control messages of these two are undocumented, so none is made
define(IPPROTO_IP, Options.IP_RECVDSTADDR, 0)
define(IPPROTO_IP, Options.IP_RECVERR, 0)
/** An index; Multicast sets it. */
export const MULTICAST_IF = define(IPPROTO_IP, Options.IP_MULTICAST_IF, 0, "number")
export const MULTICAST_TTL = define(IPPROTO_IP, Options.IP_MULTICAST_TTL, 1, "number", 0, 255)
export const MULTICAST_LOOP = define(IPPROTO_IP, Options.IP_MULTICAST_LOOP, 1)

export const V6ONLY = define(IPPROTO_IPV6, Options.IPV6_V6ONLY, 1)
const PKTINFO6 = define(IPPROTO_IPV6, Options.IPV6_PKTINFO, 0)
const PKTINFO_EX6 = define(IPPROTO_IPV6, Options.IPV6_PKTINFO_EX, 0)
export const UNICAST_HOPS = define(IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS, 128, "number", 1, 255)
export const TCLASS = define(IPPROTO_IPV6, Options.IPV6_TCLASS, 0, "number", 0, 255)
export const DONTFRAG6 = define(IPPROTO_IPV6, Options.IPV6_DONTFRAG, 0)
export const MTU_DISCOVER6 = define(IPPROTO_IPV6, Options.IPV6_MTU_DISCOVER, 0, "number", 1, 3)
export const UNICAST_IF6 = define(IPPROTO_IPV6, Options.IPV6_UNICAST_IF, 0, "number")
const ORIGINAL_IF6 = define(IPPROTO_IPV6, Options.IP_ORIGINAL_ARRIVAL_IF, 0)
const HOPLIMIT6 = define(IPPROTO_IPV6, Options.IPV6_HOPLIMIT, 0)
const RECVTCLASS = define(IPPROTO_IPV6, Options.IPV6_RECVTCLASS, 0)
const RECVECN6 = define(IPPROTO_IPV6, Options.IPV6_RECVECN, 0)
const RECVIF6 = define(IPPROTO_IPV6, Options.IPV6_RECVIF, 0)
define(IPPROTO_IPV6, Options.IPV6_RECVDSTADDR, 0)
define(IPPROTO_IPV6, Options.IPV6_RECVERR, 0)
export const MULTICAST_IF6 = define(IPPROTO_IPV6, Options.IPV6_MULTICAST_IF, 0, "number")
export const MULTICAST_HOPS6 = define(IPPROTO_IPV6, Options.IPV6_MULTICAST_HOPS, 1, "number", 0, 255)
export const MULTICAST_LOOP6 = define(IPPROTO_IPV6, Options.IPV6_MULTICAST_LOOP, 1)

define(IPPROTO_UDP, Options.UDP_NOCHECKSUM, 0)
export const SEND_MSG_SIZE = define(IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 0, "number", 0, 0xffff)
export const MAX_COALESCED = define(IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE, 0, "number", 0, 0xffff_ffff)

// every other option that is a number: stored, and without effect
const initial: { readonly [name: string]: number } = {
  SO_COMPARTMENT_ID: 1,
  IP_USER_MTU: 0xffff_ffff,
  IPV6_USER_MTU: 0xffff_ffff,
  IPV6_PROTECTION_LEVEL: 10,
  IPV6_CHECKSUM: -1
}

for (const { access, level, name, number, value } of OptionTable.table) {
  if (access !== "rw" || table.has(key(level, number))) continue
  if (value === OptionValue.bool) define(level, number, initial[name] ?? 0)
  else if (OptionValue.isInteger(value)) {
    define(level, number, initial[name] ?? 0, "number", value.least, value.most)
  }
}

const IFLIST4 = table.get(key(IPPROTO_IP, Options.IP_IFLIST))!.index
const IFLIST6 = table.get(key(IPPROTO_IPV6, Options.IPV6_IFLIST))!.index

/** Whether a socket receives what came by an interface: from all of them, or from those of its list. */
export const takesFrom = (socket: AnySocket, v6: boolean, index: number): boolean =>
  !listsInterfaces(socket, v6) || OptionBlocks.listed(socket, v6, index)

const listsInterfaces = (socket: AnySocket, v6: boolean): boolean => socket.options[v6 ? IFLIST6 : IFLIST4] !== 0

/** Kept from BSD, and not supported since Windows Vista: the pages promise WSAEINVAL for both calls. */
const unsupported: ReadonlySet<number> = new Set(
  [Options.SO_SNDLOWAT, Options.SO_RCVLOWAT, Options.SO_USELOOPBACK].map((name) => key(SOL_SOCKET, name))
)

/** Bits of `UdpSocket.wantedV4` and `wantedV6`. */
export const WANTS_PKTINFO = 1
export const WANTS_TTL = 2
export const WANTS_TOS = 4
export const WANTS_ECN = 8
export const WANTS_ORIGINAL_IF = 16
export const WANTS_RECVIF = 32
export const WANTS_PKTINFO_EX = 64

const bits: ReadonlyArray<readonly [index: number, v6: boolean, bit: number]> = [
  [PKTINFO4, false, WANTS_PKTINFO],
  [RECVTTL, false, WANTS_TTL],
  [RECVTOS, false, WANTS_TOS],
  [RECVECN4, false, WANTS_ECN],
  [ORIGINAL_IF4, false, WANTS_ORIGINAL_IF],
  [RECVIF4, false, WANTS_RECVIF],
  [PKTINFO_EX4, false, WANTS_PKTINFO_EX],
  [PKTINFO6, true, WANTS_PKTINFO],
  [HOPLIMIT6, true, WANTS_TTL],
  [RECVTCLASS, true, WANTS_TOS],
  [RECVECN6, true, WANTS_ECN],
  [ORIGINAL_IF6, true, WANTS_ORIGINAL_IF],
  [RECVIF6, true, WANTS_RECVIF],
  [PKTINFO_EX6, true, WANTS_PKTINFO_EX]
]

const wanted = (socket: UdpSocket, v6: boolean): number => {
  let mask = 0
  for (const [index, family, bit] of bits) {
    if (family === v6 && socket.options[index] !== 0) mask |= bit
  }
  return mask
}

const protocolInfoSize = 628

/** Largest payload of one datagram: 65,535 less the IPv4 and UDP headers, or 65,535 less the UDP header. */
export const maximumPayload = (v4: boolean): number => (v4 ? 65_507 : 65_527)

/** What RFC 879 lets a sender assume that was told nothing. */
const defaultMss = 536

// getsockopt-only values, by level and name; undefined when the option does not exist
const computed = (kernel: Kernel, socket: AnySocket, level: number, name: number): number | undefined => {
  if (level === SOL_SOCKET) {
    const streams = socket.protocol === "TCP"
    switch (name) {
      case Options.SO_ERROR:
        return streams ? socket.pendingError : 0
      case Options.SO_ACCEPTCONN:
        return streams && socket.listening !== undefined ? 1 : 0
      case Options.SO_TYPE:
        return streams ? SOCK_STREAM : SOCK_DGRAM
      case Options.SO_MAX_MSG_SIZE:
        return maximumPayload(!socket.v6)
    }
  }
  if (level === IPPROTO_TCP && name === Options.TCP_MAXSEG && socket.protocol === "TCP") {
    return socket.connection?.mss ?? defaultMss
  }
  if ((level === IPPROTO_IP && name === Options.IP_MTU) || (level === IPPROTO_IPV6 && name === Options.IPV6_MTU)) {
    if (socket.peer === undefined) {
      kernel.fail(sdk.WSAENOTCONN)
      return 0
    }
    return kernel.pathMtus.of(kernel.machine, socket.peer)
  }
  return undefined
}

// IPv4 options exist on an IPv6 socket too, for its dual-stack traffic; IPv6 options do not exist on an IPv4 socket
const legal = (socket: AnySocket, level: number): boolean => {
  if (socket.isUnix) return level === SOL_SOCKET
  if (level === IPPROTO_IPV6) return socket.v6
  return level !== (socket.protocol === "TCP" ? IPPROTO_UDP : IPPROTO_TCP)
}

const rows = new Map(OptionTable.table.map((row) => [key(row.level, row.number), row]))

const kindOf = (socket: AnySocket): OptionTable.SocketKind =>
  socket.protocol === "TCP"
    ? socket.listening === undefined
      ? "tcp"
      : "listener"
    : socket.raw === undefined
      ? "udp"
      : "raw"

/** What an option that this socket does not have, or not for reading or writing, fails with; 0 for one that it has. */
const foreign = (socket: AnySocket, level: number, name: number, access: "r" | "w"): number => {
  const row = rows.get(key(level, name))
  if (row === undefined) return 0
  if (unsupported.has(key(level, name))) return sdk.WSAEINVAL
  return OptionTable.refusal(row, kindOf(socket), socket.v6 ? AF_INET6 : AF_INET, access)
}

export const getsockopt = (
  kernel: Kernel,
  s: number,
  level: number,
  name: number,
  at: number,
  lengthAt: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const { memory } = kernel
  const length = memory.i32(lengthAt)
  if (level === SOL_SOCKET && name === Options.SO_PROTOCOL_INFOW) {
    if (length < protocolInfoSize) return kernel.fail(sdk.WSAEFAULT)
    writeProtocolInfo(kernel, socket, at)
    memory.setU32(lengthAt, protocolInfoSize)
    return 0
  }
  if (isAbsent(kernel, level, name)) return kernel.fail(sdk.WSAENOPROTOOPT)
  const own = socket.raw === undefined ? undefined : RawOptions.read(kernel, socket.raw, socket.v6, level, name)
  if (kernel.error !== 0) return 0
  const option = table.get(key(level, name))
  const refusal = own !== undefined ? 0 : foreign(socket, level, name, "r")
  if (refusal !== 0) return kernel.fail(refusal)
  if (OptionBlocks.isList(level, name) && !listsInterfaces(socket, level === IPPROTO_IPV6)) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  const block = OptionBlocks.get(level, name)
  if (block !== undefined) return block(kernel, socket, at, lengthAt)
  const value =
    own ??
    (option !== undefined && legal(socket, level)
      ? socket.options[option.index]
      : computed(kernel, socket, level, name))
  if (kernel.error !== 0) return 0
  if (value === undefined) return kernel.fail(sdk.WSAENOPROTOOPT)
  // a BOOL may be asked for as a single byte, as Windows allows
  if (length < 1 || (length < 4 && option?.value !== "bool")) return kernel.fail(sdk.WSAEFAULT)
  if (length < 4) {
    const view = memory.locate(at, 1)
    view.setUint8(memory.at, value)
    memory.setU32(lengthAt, 1)
    return 0
  }
  // set in network byte order, and told in the host's
  memory.setU32(at, option?.index === UNICAST_IF ? swapped(value) : value)
  memory.setU32(lengthAt, 4)
  return 0
}

const swapped = (word: number): number =>
  ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0

export const setsockopt = (
  kernel: Kernel,
  s: number,
  level: number,
  name: number,
  at: number,
  length: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (isAbsent(kernel, level, name)) return kernel.fail(sdk.WSAENOPROTOOPT)
  if (socket.raw !== undefined && RawOptions.write(kernel, socket.raw, socket.v6, level, name, at, length)) return 0
  const option = table.get(key(level, name))
  const refusal = foreign(socket, level, name, "w")
  if (refusal !== 0) return kernel.fail(refusal)
  const block = OptionBlocks.set(level, name)
  if (block !== undefined) return block(kernel, socket, at, length)
  if (option === undefined || !legal(socket, level)) {
    const known = computed(kernel, socket, level, name) !== undefined
    return kernel.fail(known ? sdk.WSAEINVAL : sdk.WSAENOPROTOOPT)
  }
  if (length < 1 || (length < 4 && option.value !== "bool")) return kernel.fail(sdk.WSAEFAULT)
  const { memory } = kernel
  let value: number
  if (length < 4) {
    const view = memory.locate(at, 1)
    value = view.getUint8(memory.at)
  } else {
    value = option.maximum > 0x7fff_ffff ? memory.u32(at) : memory.i32(at)
  }
  if (option.value === "bool") value = value === 0 ? 0 : 1
  if (value < option.minimum || value > option.maximum) return kernel.fail(sdk.WSAEINVAL)
  return set(kernel, socket, option.index, value)
}

const set = (kernel: Kernel, socket: AnySocket, index: number, value: number): number => {
  const { options } = socket
  const bound = socket.localPort !== 0
  if (index === CONDITIONAL_ACCEPT && socket.protocol === "TCP" && socket.listening !== undefined) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  if (index === V6ONLY && bound) return kernel.fail(sdk.WSAEINVAL)
  if (index === REUSEADDR && value !== 0 && options[EXCLUSIVEADDRUSE] !== 0) return kernel.fail(sdk.WSAEINVAL)
  if (index === EXCLUSIVEADDRUSE && (bound || (value !== 0 && options[REUSEADDR] !== 0))) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  socket.setOption(index, value)
  if (socket.protocol === "TCP") return 0
  socket.wantedV4 = wanted(socket, false)
  socket.wantedV6 = wanted(socket, true)
  socket.coalesce = socket.options[MAX_COALESCED]
  return 0
}

// dwServiceFlags1 0, dwCatalogEntryId 36, ProtocolChain.ChainLen 40, iVersion 72, iAddressFamily 76,
// iMaxSockAddr 80, iMinSockAddr 84, iSocketType 88, iProtocol 92, dwMessageSize 108
const writeProtocolInfo = (kernel: Kernel, socket: AnySocket, address: number): void => {
  const block = kernel.memory.find(address, protocolInfoSize)
  const at = kernel.memory.at
  block.bytes.fill(0, at, at + protocolInfoSize)
  const put = (offset: number, value: number) => block.view.setUint32(at + offset, value, true)
  const streams = socket.protocol === "TCP"
  // XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA | XP1_IFS_HANDLES, or
  // XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED | XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT | XP1_IFS_HANDLES
  put(
    0,
    (streams ? 0x2 | 0x4 | 0x20 | 0x40 : 0x1 | 0x8 | 0x200 | 0x400) | (kernel.settings.cancelIoEx ? XP1_IFS_HANDLES : 0)
  )
  put(36, (socket.v6 ? 1005 : 1002) - (streams ? 1 : 0))
  put(40, 1)
  put(72, 2)
  const { raw } = socket
  put(76, socket.isUnix ? AF_UNIX : socket.v6 ? AF_INET6 : AF_INET)
  put(80, socket.isUnix ? 110 : socket.v6 ? 28 : 16)
  put(84, socket.isUnix ? 110 : socket.v6 ? 28 : 16)
  put(88, streams ? SOCK_STREAM : raw === undefined ? SOCK_DGRAM : SOCK_RAW)
  put(92, socket.isUnix ? 0 : streams ? IPPROTO_TCP : (raw?.protocol ?? IPPROTO_UDP))
  put(108, streams ? 0 : maximumPayload(!socket.v6))
}
