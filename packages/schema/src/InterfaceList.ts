/**
 * What `WSAIoctl` answers about a machine's interfaces and addresses: the bytes of `SOCKET_ADDRESS_LIST` and of
 * `INTERFACE_INFO`, and their values.
 *
 * **Details**
 *
 * `readAddresses` and `readInterfaces` never throw and never read outside the answer, whatever its counts and pointers
 * say: an entry that does not lie within it is left out.
 *
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import { AF_INET, AF_INET6 } from "./Flags.ts"
import type { Abi } from "./Layout.ts"
import { bytes, pointerSize, readPointer, struct, union, writePointer } from "./Layout.ts"
import * as SockAddr from "./SockAddr.ts"
import { SOCKADDR_IN } from "./Structs.ts"

/**
 * The address of a socket address, and its length. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKET_ADDRESS = struct("SOCKET_ADDRESS", { lpSockaddr: "pointer", iSockaddrLength: "i32" })

/**
 * The answer of `SIO_ADDRESS_LIST_QUERY`: a count and that many addresses, of which the structure names the first; what
 * they point to follows them. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKET_ADDRESS_LIST = struct("SOCKET_ADDRESS_LIST", { iAddressCount: "i32", Address: SOCKET_ADDRESS })

/**
 * An IPv6 socket address without its scope, as older Windows had it. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const sockaddr_in6_old = struct(
  "sockaddr_in6_old",
  { sin6_family: "u16", sin6_port: "u16be", sin6_flowinfo: "u32", sin6_addr: bytes(16) },
  4
)

/**
 * A socket address of one of two families. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const sockaddr_gen = union("sockaddr_gen", { AddressIn: SOCKADDR_IN, AddressIn6: sockaddr_in6_old })

/**
 * An IPv4 address of an interface; `SIO_GET_INTERFACE_LIST` answers with an array of them. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const INTERFACE_INFO = struct("INTERFACE_INFO", {
  iiFlags: "u32",
  iiAddress: sockaddr_gen,
  iiBroadcastAddress: sockaddr_gen,
  iiNetmask: sockaddr_gen
})

/** The interface is up. Source: `ws2ipdef.h`. @category constants @since 0.1.0 */
export const IFF_UP = 0x1

/** It can broadcast. Source: `ws2ipdef.h`. @category constants @since 0.1.0 */
export const IFF_BROADCAST = 0x2

/** It is a loopback interface. Source: `ws2ipdef.h`. @category constants @since 0.1.0 */
export const IFF_LOOPBACK = 0x4

/** It leads to one other machine. Source: `ws2ipdef.h`. @category constants @since 0.1.0 */
export const IFF_POINTTOPOINT = 0x8

/** It can multicast. Source: `ws2ipdef.h`. @category constants @since 0.1.0 */
export const IFF_MULTICAST = 0x10

/**
 * An `INTERFACE_INFO`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InterfaceInfo {
  /** A sum of the `IFF_` constants. */
  readonly flags: number
  readonly address: NetAddress.Ipv4Address
  readonly broadcast: NetAddress.Ipv4Address
  readonly netmask: NetAddress.Ipv4Address
}

/**
 * Reads the `SOCKET_ADDRESS_LIST` of `length` bytes at the start of `view`, which lies at `address` in native memory:
 * its pointers are such addresses. Addresses that are neither IPv4 nor IPv6 are left out.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readAddresses = (
  abi: Abi,
  view: DataView,
  length: number,
  address: number
): Array<NetAddress.InetAddress> => {
  const end = Math.min(length, view.byteLength)
  const out: Array<NetAddress.InetAddress> = []
  if (end < 4) return out
  const first = SOCKET_ADDRESS_LIST.offsets[abi].Address.lpSockaddr
  const stride = SOCKET_ADDRESS.size[abi]
  const { iSockaddrLength, lpSockaddr } = SOCKET_ADDRESS.offsets[abi]
  const count = Math.min(view.getInt32(0, true), Math.floor((end - first) / stride))
  for (let i = 0; i < count; i++) {
    const entry = first + i * stride
    const at = readPointer(abi, view, entry + lpSockaddr) - address
    const size = view.getInt32(entry + iSockaddrLength, true)
    if (!(at >= 0 && size >= 0 && at + size <= end)) continue
    const name = SockAddr.read(view, at, size)
    if (name._tag === "Inet") out.push(name.address)
  }
  return out
}

/**
 * Returns the size in bytes of the `SOCKET_ADDRESS_LIST` of these addresses, with what it points to.
 *
 * @category getters
 * @since 0.1.0
 */
export const addressesSize = (abi: Abi, addresses: ReadonlyArray<NetAddress.InetAddress>): number => {
  let size = SOCKET_ADDRESS_LIST.offsets[abi].Address.lpSockaddr + addresses.length * SOCKET_ADDRESS.size[abi]
  for (const one of addresses) size += aligned(abi, SockAddr.size(one))
  // the structure has room for one address, whether there is any
  return Math.max(size, SOCKET_ADDRESS_LIST.size[abi])
}

const aligned = (abi: Abi, size: number): number => Math.ceil(size / pointerSize(abi)) * pointerSize(abi)

/**
 * Writes the `SOCKET_ADDRESS_LIST` of addresses `offset` bytes into `view`, where native memory has it at `address`, and
 * returns how many bytes it takes: `addressesSize` of them have to be there.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeAddresses = (
  abi: Abi,
  view: DataView,
  offset: number,
  address: number,
  addresses: ReadonlyArray<NetAddress.InetAddress>
): number => {
  const first = SOCKET_ADDRESS_LIST.offsets[abi].Address.lpSockaddr
  const stride = SOCKET_ADDRESS.size[abi]
  const { iSockaddrLength, lpSockaddr } = SOCKET_ADDRESS.offsets[abi]
  view.setInt32(offset, addresses.length, true)
  let at = first + addresses.length * stride
  addresses.forEach((one, i) => {
    const entry = offset + first + i * stride
    const size = SockAddr.write(view, offset + at, one)
    writePointer(abi, view, entry + lpSockaddr, address + at)
    view.setInt32(entry + iSockaddrLength, size, true)
    at += aligned(abi, size)
  })
  return addressesSize(abi, addresses)
}

const info = INTERFACE_INFO.offsets.x64
const infoSize = INTERFACE_INFO.size.x64

/**
 * Reads the array of `INTERFACE_INFO` of `length` bytes at the start of `view`. Entries that are not of IPv4 are left out.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readInterfaces = (view: DataView, length: number): Array<InterfaceInfo> => {
  const end = Math.min(length, view.byteLength)
  const out: Array<InterfaceInfo> = []
  for (let at = 0; at + infoSize <= end; at += infoSize) {
    if (view.getUint16(at + info.iiAddress.AddressIn.sin_family, true) !== AF_INET) continue
    out.push({
      flags: view.getUint32(at + info.iiFlags, true),
      address: SockAddr.readIpv4(view, at + info.iiAddress.AddressIn.sin_addr),
      broadcast: SockAddr.readIpv4(view, at + info.iiBroadcastAddress.AddressIn.sin_addr),
      netmask: SockAddr.readIpv4(view, at + info.iiNetmask.AddressIn.sin_addr)
    })
  }
  return out
}

/**
 * Writes one `INTERFACE_INFO` `offset` bytes into `view`, all of its bytes, and returns its size.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeInterface = (view: DataView, offset: number, self: InterfaceInfo): number => {
  for (let i = 0; i < infoSize; i++) view.setUint8(offset + i, 0)
  view.setUint32(offset + info.iiFlags, self.flags, true)
  const parts = [
    [info.iiAddress, self.address],
    [info.iiBroadcastAddress, self.broadcast],
    [info.iiNetmask, self.netmask]
  ] as const
  for (const [at, ip] of parts) {
    view.setUint16(offset + at.AddressIn.sin_family, AF_INET, true)
    SockAddr.writeIpv4(view, offset + at.AddressIn.sin_addr, ip)
  }
  return infoSize
}

/**
 * Returns the address family of `SOCKADDR` structures for a family of `effect/net`.
 *
 * @category converting
 * @since 0.1.0
 */
export const familyOf = (family: NetAddress.IpFamily): number => (family === "IPv6" ? AF_INET6 : AF_INET)

/**
 * Returns the prefix length that a netmask stands for, or `undefined` where its ones are not at its front.
 *
 * @category converting
 * @since 0.1.0
 */
export const prefixOf = (netmask: NetAddress.Ipv4Address): number | undefined => {
  let word = 0
  for (const octet of NetAddress.ipv4ToOctets(netmask)) word = ((word << 8) | octet) >>> 0
  const length = Math.clz32(~word >>> 0)
  return length === 32 || (word << length) >>> 0 === 0 ? length : undefined
}
