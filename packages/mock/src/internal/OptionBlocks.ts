/**
 * Options whose values are more than a number: blocks of bytes, lists, addresses.
 */
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET
} from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { CSADDR_INFO } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Addresses from "./Addresses.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"

type Get = (kernel: Kernel, socket: AnySocket, at: number, lengthAt: number) => number
type Set = (kernel: Kernel, socket: AnySocket, at: number, length: number) => number

interface Blocks {
  /** IP_OPTIONS. */
  ipOptions: Uint8Array
  /** IP_ADD_IFLIST and IPV6_ADD_IFLIST, in the order in which they came. */
  readonly interfaces: { readonly v4: Array<number>; readonly v6: Array<number> }
}

// few sockets have any
const blocks = new WeakMap<AnySocket, Blocks>()
const nothing = new Uint8Array(0)

const of = (socket: AnySocket): Blocks => {
  let found = blocks.get(socket)
  if (found === undefined) {
    found = { ipOptions: nothing, interfaces: { v4: [], v6: [] } }
    blocks.set(socket, found)
  }
  return found
}

const listOf = (socket: AnySocket, v6: boolean): Array<number> => of(socket).interfaces[v6 ? "v6" : "v4"]

/** Whether an interface is in a socket's list. */
export const listed = (socket: AnySocket, v6: boolean, index: number): boolean => listOf(socket, v6).includes(index)

/** An IPv4 header has room for so many bytes of options. */
const mostOptions = 40

const writeBytes = (kernel: Kernel, bytes: Uint8Array, at: number, lengthAt: number): number => {
  const { memory } = kernel
  if (memory.i32(lengthAt) < bytes.length) return kernel.fail(sdk.WSAEFAULT)
  if (bytes.length > 0) {
    const block = memory.find(at, bytes.length)
    block.bytes.set(bytes, memory.at)
  }
  memory.setU32(lengthAt, bytes.length)
  return 0
}

const getList =
  (v6: boolean): Get =>
  (kernel, socket, at, lengthAt) => {
    const list = listOf(socket, v6)
    return writeBytes(kernel, new Uint8Array(Uint32Array.from(list).buffer), at, lengthAt)
  }

const changeList =
  (v6: boolean, adds: boolean): Set =>
  (kernel, socket, at, length) => {
    if (length < 4) return kernel.fail(sdk.WSAEFAULT)
    const index = kernel.memory.u32(at)
    const list = listOf(socket, v6)
    const place = list.indexOf(index)
    if (adds ? index === 0 : place === -1) return kernel.fail(sdk.WSAEINVAL)
    if (!adds) list.splice(place, 1)
    else if (place === -1) list.push(index)
    return 0
  }

/** CSADDR_INFO, with the addresses behind it; a socket without a peer has none of the second. */
const getState: Get = (kernel, socket, at, lengthAt) => {
  const { memory } = kernel
  const place = CSADDR_INFO.offsets[memory.abi]
  const size = CSADDR_INFO.size[memory.abi]
  const each = Addresses.sizeFor(socket.v6)
  const total = size + (socket.peer === undefined ? 1 : 2) * each
  if (memory.i32(lengthAt) < total) return kernel.fail(sdk.WSAEFAULT)
  memory.locate(at, total)
  const streams = socket.protocol === "TCP"
  Addresses.write(memory, socket.v6, at + size, socket.local, socket.localPort, socket.localScope)
  memory.setPointer(at + place.LocalAddr.lpSockaddr, at + size)
  memory.setU32(at + place.LocalAddr.iSockaddrLength, each)
  const remote = at + size + each
  if (socket.peer !== undefined) {
    Addresses.write(memory, socket.v6, remote, socket.peer, socket.peerPort, socket.peerScope)
  }
  memory.setPointer(at + place.RemoteAddr.lpSockaddr, socket.peer === undefined ? 0 : remote)
  memory.setU32(at + place.RemoteAddr.iSockaddrLength, socket.peer === undefined ? 0 : each)
  memory.setU32(at + place.iSocketType, streams ? SOCK_STREAM : SOCK_DGRAM)
  memory.setU32(at + place.iProtocol, streams ? IPPROTO_TCP : IPPROTO_UDP)
  memory.setU32(lengthAt, total)
  return 0
}

const key = (level: number, name: number): string => `${level} ${name}`

const gets: ReadonlyMap<string, Get> = new Map([
  [key(SOL_SOCKET, Options.SO_BSP_STATE), getState],
  [
    key(IPPROTO_IP, Options.IP_OPTIONS),
    (kernel, socket, at, lengthAt) => writeBytes(kernel, of(socket).ipOptions, at, lengthAt)
  ],
  [key(IPPROTO_IP, Options.IP_GET_IFLIST), getList(false)],
  [key(IPPROTO_IPV6, Options.IPV6_GET_IFLIST), getList(true)]
])

const sets: ReadonlyMap<string, Set> = new Map([
  [
    key(IPPROTO_IP, Options.IP_OPTIONS),
    (kernel, socket, at, length) => {
      if (length > mostOptions) return kernel.fail(sdk.WSAEINVAL)
      of(socket).ipOptions = length === 0 ? nothing : kernel.memory.copy(at, length)
      return 0
    }
  ],
  [key(IPPROTO_IP, Options.IP_ADD_IFLIST), changeList(false, true)],
  [key(IPPROTO_IP, Options.IP_DEL_IFLIST), changeList(false, false)],
  [key(IPPROTO_IPV6, Options.IPV6_ADD_IFLIST), changeList(true, true)],
  [key(IPPROTO_IPV6, Options.IPV6_DEL_IFLIST), changeList(true, false)]
])

/** How an option is read that is more than a number; undefined for the others. */
export const get = (level: number, name: number): Get | undefined => gets.get(key(level, name))

/** How an option is set that is more than a number; undefined for the others. */
export const set = (level: number, name: number): Set | undefined => sets.get(key(level, name))

/** Whether an option gives the list of interfaces, which is WSAEINVAL while the socket has none. */
export const isList = (level: number, name: number): boolean =>
  (level === IPPROTO_IP && name === Options.IP_GET_IFLIST) ||
  (level === IPPROTO_IPV6 && name === Options.IPV6_GET_IFLIST)
