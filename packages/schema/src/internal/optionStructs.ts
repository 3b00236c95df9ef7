/** The values of options and control codes that are structures, with the field names of their headers. */
import * as NetAddress from "effect/net/NetAddress"
import * as Guids from "../Guids.ts"
import type { Abi, Layout } from "../Layout.ts"
import { pointerSize, readPointer, struct, writePointer } from "../Layout.ts"
import type { OptionValue, ValueOf } from "../OptionValue.ts"
import { dword, int, Refusal, ushort } from "../OptionValue.ts"
import * as SockAddr from "../SockAddr.ts"
import * as Structs from "../Structs.ts"

type Fields = { readonly [name: string]: OptionValue<any> }

type Values<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

const first = (offset: unknown): number =>
  typeof offset === "number" ? offset : Math.min(...Object.values(offset as object).map(first))

/** A structure whose other fields are zero, and not read. */
const record = <const F extends Fields>(layout: Layout<any>, fields: F): OptionValue<Values<F>> => {
  const names = Object.keys(fields)
  const places = (abi: Abi): ReadonlyArray<number> => names.map((name) => first(layout.offsets[abi][name]))
  const at = { x64: places("x64"), ia32: places("ia32") }
  return {
    type: layout.name,
    check: (value, option) => {
      if (typeof value !== "object" || value === null) {
        return new Refusal(option, value, `a record of ${names.join(", ")}`)
      }
      const found: { [name: string]: unknown } = {}
      for (const name of names) {
        const one = fields[name].check((value as { readonly [name: string]: unknown })[name], `${option}.${name}`)
        if (one instanceof Refusal) return one
        found[name] = one
      }
      return found as Values<F>
    },
    size: (abi) => layout.size[abi],
    write: (abi, view, offset, value) => {
      const size = layout.size[abi]
      new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0)
      for (const [i, name] of names.entries()) fields[name].write(abi, view, offset + at[abi][i], value[name])
      return size
    },
    read: (abi, view, offset, length, address) => {
      const found: { [name: string]: unknown } = {}
      for (const [i, name] of names.entries()) {
        const place = at[abi][i]
        const size = fields[name].size(abi)
        if (place + size > length) return undefined
        const one = fields[name].read(abi, view, offset + place, size, address + place)
        if (one === undefined) return undefined
        found[name] = one
      }
      return found as Values<F>
    }
  }
}

// --- fields ---

const flag16: OptionValue<boolean> = {
  type: "u_short (bool)",
  check: (value, option) => (typeof value === "boolean" ? value : new Refusal(option, value, "true or false")),
  size: () => 2,
  write: (_abi, view, at, value) => {
    view.setUint16(at, value ? 1 : 0, true)
    return 2
  },
  read: (_abi, view, at) => view.getUint16(at, true) !== 0
}

const flag32: OptionValue<boolean> = {
  ...flag16,
  type: "ULONG (bool)",
  size: () => 4,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value ? 1 : 0, true)
    return 4
  },
  read: (_abi, view, at) => view.getUint32(at, true) !== 0
}

const flag8: OptionValue<boolean> = {
  ...flag16,
  type: "BOOLEAN",
  size: () => 1,
  write: (_abi, view, at, value) => {
    view.setUint8(at, value ? 1 : 0)
    return 1
  },
  read: (_abi, view, at) => view.getUint8(at) !== 0
}

const byte: OptionValue<number> = {
  type: "UCHAR",
  check: (value, option) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xff
      ? (value as number)
      : new Refusal(option, value, "an integer from 0 to 255"),
  size: () => 1,
  write: (_abi, view, at, value) => {
    view.setUint8(at, value)
    return 1
  },
  read: (_abi, view, at) => view.getUint8(at)
}

/** 64 bits; above 2^53 the last digits are rounded. */
export const ulong64: OptionValue<number> = {
  type: "ULONG64",
  check: (value, option) =>
    Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : new Refusal(option, value, "an integer from 0 to 2^53 - 1"),
  size: () => 8,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value >>> 0, true)
    view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
    return 8
  },
  read: (_abi, view, at, length) =>
    length < 8 ? undefined : view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
}

const ipv4: OptionValue<NetAddress.Ipv4Address> = {
  type: "in_addr",
  check: (value, option) => (NetAddress.isIpv4Address(value) ? value : new Refusal(option, value, "an IPv4 address")),
  size: () => 4,
  write: (_abi, view, at, value) => {
    SockAddr.writeIpv4(view, at, value)
    return 4
  },
  read: (_abi, view, at) => SockAddr.readIpv4(view, at)
}

const ipv6: OptionValue<NetAddress.Ipv6Address> = {
  type: "in6_addr",
  check: (value, option) => (NetAddress.isIpv6Address(value) ? value : new Refusal(option, value, "an IPv6 address")),
  size: () => 16,
  write: (_abi, view, at, value) => {
    SockAddr.writeIpv6(view, at, value)
    return 16
  },
  read: (_abi, view, at) => SockAddr.readIpv6(view, at)
}

const mostIndex = 0xff_ffff

/**
 * An interface, by one of its IPv4 addresses or by its index, which then is an address of 0.0.0.0/8. Read, an index may
 * stand in either byte order: the pages promise the host's, and there are providers that give what was set.
 */
export const interfaceV4: OptionValue<NetAddress.Ipv4Address | number> = {
  type: "in_addr, or IF_INDEX in network byte order",
  check: (value, option) =>
    NetAddress.isIpv4Address(value) ||
    (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostIndex)
      ? (value as NetAddress.Ipv4Address | number)
      : new Refusal(option, value, `an IPv4 address, or an index from 0 to ${mostIndex}`),
  size: () => 4,
  write: (_abi, view, at, value) => {
    if (typeof value === "number") view.setUint32(at, value, false)
    else SockAddr.writeIpv4(view, at, value)
    return 4
  },
  read: (_abi, view, at, length) => {
    if (length < 4) return undefined
    const host = view.getUint32(at, true)
    if (host <= mostIndex) return host
    return view.getUint8(at) === 0 ? view.getUint32(at, false) : SockAddr.readIpv4(view, at)
  }
}

/** A group or source of either family: a socket address without a port. */
const ipStorage: OptionValue<NetAddress.IpAddress> = {
  type: "SOCKADDR_STORAGE",
  check: (value, option) => (NetAddress.isIpAddress(value) ? value : new Refusal(option, value, "an IP address")),
  size: (abi) => Structs.SOCKADDR_STORAGE.size[abi],
  write: (abi, view, at, value) => {
    SockAddr.write(view, at, NetAddress.inetAddressUnsafe(value, 0))
    return Structs.SOCKADDR_STORAGE.size[abi]
  },
  read: (_abi, view, at, length) => {
    const read = SockAddr.read(view, at, length)
    return read._tag === "Inet" ? read.address.address : undefined
  }
}

/** Room for any socket address. */
const roomForAddress = 128

/** A socket address by itself. */
export const sockaddr: OptionValue<NetAddress.InetAddress> = {
  type: "SOCKADDR",
  check: (value, option) =>
    NetAddress.isInetAddress(value) ? value : new Refusal(option, value, "an IPv4 or IPv6 socket address"),
  size: () => roomForAddress,
  write: (_abi, view, at, value) => SockAddr.write(view, at, value),
  read: (_abi, view, at, length) => {
    const read = SockAddr.read(view, at, length)
    return read._tag === "Inet" ? read.address : undefined
  }
}

// --- structures ---

export const linger = record(Structs.linger, { l_onoff: flag16, l_linger: ushort })

export const tcpKeepalive = record(Structs.tcp_keepalive, {
  onoff: flag32,
  keepalivetime: dword(),
  keepaliveinterval: dword()
})

export const initialRto = record(Structs.TCP_INITIAL_RTO_PARAMETERS, { Rtt: ushort, MaxSynRetransmissions: byte })

export const mreq = record(Structs.ip_mreq, { imr_multiaddr: ipv4, imr_interface: interfaceV4 })

export const mreqSource = record(Structs.ip_mreq_source, {
  imr_multiaddr: ipv4,
  imr_sourceaddr: ipv4,
  imr_interface: interfaceV4
})

export const mreqV6 = record(Structs.ipv6_mreq, { ipv6mr_multiaddr: ipv6, ipv6mr_interface: dword() })

export const groupReq = record(Structs.GROUP_REQ, { gr_interface: dword(), gr_group: ipStorage })

export const groupSourceReq = record(Structs.GROUP_SOURCE_REQ, {
  gsr_interface: dword(),
  gsr_group: ipStorage,
  gsr_source: ipStorage
})

export const timestampingConfig = record(Structs.TIMESTAMPING_CONFIG, {
  Flags: dword(0, 3),
  TxTimestampsBuffered: ushort
})

/** Its version 0. */
export const tcpInfo = record(Structs.TCP_INFO_v0, {
  State: dword(),
  Mss: dword(),
  ConnectionTimeMs: ulong64,
  TimestampsEnabled: flag8,
  RttUs: dword(),
  MinRttUs: dword(),
  BytesInFlight: dword(),
  Cwnd: dword(),
  SndWnd: dword(),
  RcvWnd: dword(),
  RcvBuf: dword(),
  BytesOut: ulong64,
  BytesIn: ulong64,
  BytesReordered: dword(),
  BytesRetrans: dword(),
  FastRetrans: dword(),
  DupAcksIn: dword(),
  TimeoutEpisodes: dword(),
  SynRetrans: byte
})

// SOCKET_PROCESSOR_AFFINITY (mswsock.h) and PROCESSOR_NUMBER (winnt.h)
export const processorAffinity = record(
  struct("SOCKET_PROCESSOR_AFFINITY", { Group: "u16", Number: "u8", Reserved: "u8", NumaNodeId: "u16", Unused: "u16" }),
  { Group: ushort, Number: byte, NumaNodeId: ushort }
)

// mswsock.h
export const compatibilityMode = record(
  struct("WSA_COMPATIBILITY_MODE", { BehaviorId: "i32", TargetOsVersion: "u32" }),
  { BehaviorId: int(-0x8000_0000), TargetOsVersion: dword() }
)

const name: OptionValue<string> = {
  type: "WCHAR[256]",
  check: (value, option) => (typeof value === "string" ? value : new Refusal(option, value, "text")),
  size: () => 512,
  write: (_abi, view, at, value) => {
    for (let i = 0; i < 255; i++) view.setUint16(at + 2 * i, i < value.length ? value.charCodeAt(i) : 0, true)
    return 512
  },
  read: (_abi, view, at) => {
    let text = ""
    for (let i = 0; i < 256; i++) {
      const unit = view.getUint16(at + 2 * i, true)
      if (unit === 0) break
      text += String.fromCharCode(unit)
    }
    return text
  }
}

const anyInt = int(-0x8000_0000)

export const protocolInfo = record(Structs.WSAPROTOCOL_INFOW, {
  dwServiceFlags1: dword(),
  dwCatalogEntryId: dword(),
  iVersion: anyInt,
  iAddressFamily: anyInt,
  iMaxSockAddr: anyInt,
  iMinSockAddr: anyInt,
  iSocketType: anyInt,
  iProtocol: anyInt,
  dwMessageSize: dword(),
  szProtocol: name
})

/** What only a provider makes. */
const told = (_value: unknown, option: string): Refusal => new Refusal(option, _value, "left to the provider")

// a pointer into the same answer
const pointed = (
  abi: Abi,
  view: DataView,
  at: number,
  length: number,
  address: number,
  pointer: number
): NetAddress.InetAddress | undefined => {
  const size = pointerSize(abi)
  const target = readPointer(abi, view, pointer) - address
  const count = view.getInt32(pointer + size, true)
  if (!(target >= 0 && count >= 0 && target + count <= length)) return undefined
  const read = SockAddr.read(view, at + target, count)
  return read._tag === "Inet" ? read.address : undefined
}

/** A socket's addresses, type and protocol; an address that there is none of is left out. */
export interface BspState {
  readonly LocalAddr?: NetAddress.InetAddress
  readonly RemoteAddr?: NetAddress.InetAddress
  readonly iSocketType: number
  readonly iProtocol: number
}

export const bspState: OptionValue<BspState> = {
  type: "CSADDR_INFO",
  check: told,
  size: (abi) => Structs.CSADDR_INFO.size[abi] + 2 * roomForAddress,
  write: () => 0,
  read: (abi, view, at, length, address) => {
    const place = Structs.CSADDR_INFO.offsets[abi]
    if (length < Structs.CSADDR_INFO.size[abi]) return undefined
    const local = pointed(abi, view, at, length, address, at + place.LocalAddr.lpSockaddr)
    const remote = pointed(abi, view, at, length, address, at + place.RemoteAddr.lpSockaddr)
    return {
      ...(local === undefined ? undefined : { LocalAddr: local }),
      ...(remote === undefined ? undefined : { RemoteAddr: remote }),
      iSocketType: view.getInt32(at + place.iSocketType, true),
      iProtocol: view.getInt32(at + place.iProtocol, true)
    }
  }
}

const mostAddresses = 20

/** SOCKET_ADDRESS_LIST (ws2def.h): a count, and so many pointers into the same answer. */
export const addressList: OptionValue<ReadonlyArray<NetAddress.InetAddress>> = {
  type: "SOCKET_ADDRESS_LIST",
  check: told,
  size: () => mostAddresses * (roomForAddress / 4 + 16),
  write: () => 0,
  read: (abi, view, at, length, address) => {
    const first = pointerSize(abi)
    const size = Structs.SOCKET_ADDRESS.size[abi]
    if (length < 4) return undefined
    const count = view.getInt32(at, true)
    if (!(count >= 0 && first + count * size <= Math.max(length, first))) return undefined
    const found: Array<NetAddress.InetAddress> = []
    for (let i = 0; i < count; i++) {
      const one = pointed(abi, view, at, length, address, at + first + i * size)
      if (one !== undefined) found.push(one)
    }
    return found
  }
}

/** What is told of an IPv4 interface: `INTERFACE_INFO`. Source: `ws2ipdef.h`. */
export interface InterfaceInfo {
  /** `IFF_UP` 1, `IFF_BROADCAST` 2, `IFF_LOOPBACK` 4, `IFF_POINTTOPOINT` 8, `IFF_MULTICAST` 16. */
  readonly iiFlags: number
  readonly iiAddress: NetAddress.Ipv4Address
  readonly iiBroadcastAddress: NetAddress.Ipv4Address
  readonly iiNetmask: NetAddress.Ipv4Address
}

// sockaddr_gen has room for an IPv6 address of old: 24 bytes
const genericSize = 24
const interfaceSize = 4 + 3 * genericSize
const mostInterfaces = 24

export const interfaceList: OptionValue<ReadonlyArray<InterfaceInfo>> = {
  type: "INTERFACE_INFO[]",
  check: told,
  size: () => mostInterfaces * interfaceSize,
  write: () => 0,
  read: (_abi, view, at, length) =>
    Array.from({ length: Math.min(mostInterfaces, Math.floor(length / interfaceSize)) }, (_, i) => {
      const start = at + i * interfaceSize
      const ip = (n: number): NetAddress.Ipv4Address => SockAddr.readIpv4(view, start + 4 + n * genericSize + 4)
      return {
        iiFlags: view.getUint32(start, true),
        iiAddress: ip(0),
        iiBroadcastAddress: ip(1),
        iiNetmask: ip(2)
      }
    })
}

/** A pointer or a handle, as a number. */
export const pointer: OptionValue<number> = {
  type: "SOCKET or pointer",
  check: (value, option) =>
    Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : new Refusal(option, value, "the number of a handle"),
  size: pointerSize,
  write: (abi, view, at, value) => {
    writePointer(abi, view, at, value)
    return pointerSize(abi)
  },
  read: (abi, view, at, length) => (length < pointerSize(abi) ? undefined : readPointer(abi, view, at))
}

export const guid: OptionValue<string> = {
  type: "GUID",
  check: (value, option) =>
    typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
      ? value
      : new Refusal(option, value, "the text of a GUID, as the constants of Guids are"),
  size: () => 16,
  write: (_abi, view, at, value) => {
    new Uint8Array(view.buffer, view.byteOffset + at, 16).set(Guids.toBytes(value))
    return 16
  },
  read: (_abi, view, at, length) =>
    length < 16 ? undefined : Guids.fromBytes(new Uint8Array(view.buffer, view.byteOffset + at, 16))
}
