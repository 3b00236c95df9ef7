/**
 * Control messages as the kernel writes and reads them. Written from ws2def.h's macros, apart from the library's own
 * codec, so that the one checks the other.
 */
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { WSACMSGHDR } from "@effect-winsock/schema/Structs"
import type { Datagram } from "./Datagram.ts"
import type { Ip } from "./Ip.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { UdpSocket } from "./UdpSocket.ts"

// the interface that local traffic passes through
const loopbackIndex = 1

type Pointer = 4 | 8

const header64 = WSACMSGHDR.size.x64
const header32 = WSACMSGHDR.size.ia32
const headerSize = (width: Pointer): number => (width === 8 ? header64 : header32)
const align = (n: number, width: Pointer): number => (n + width - 1) & ~(width - 1)

/** WSA_CMSG_SPACE. */
export const space = (payload: number, width: Pointer): number =>
  align(headerSize(width) + align(payload, width), width)

/** How many bytes of control data a receive of the datagram gets when there is room. */
export const needed = (socket: UdpSocket, datagram: Datagram, width: Pointer): number => {
  const { isV4 } = datagram.destination
  const wants = isV4 ? socket.wantedV4 : socket.wantedV6
  let size = 0
  if (wants !== 0) {
    if ((wants & SocketOptions.WANTS_PKTINFO) !== 0) size += space(isV4 ? 8 : 20, width)
    if ((wants & SocketOptions.WANTS_PKTINFO_EX) !== 0) size += space(isV4 ? 12 : 24, width)
    for (let bit = wants & fourBytes; bit !== 0; bit &= bit - 1) size += space(4, width)
  }
  if (coalescedInfo(socket, datagram) !== undefined) size += space(4, width)
  if (socket.timestamps) size += space(8, width)
  return size
}

/** What is said of the size of the datagrams that were joined into one, if anything. */
const coalescedInfo = (socket: UdpSocket, datagram: Datagram): number | undefined => {
  if (datagram.segment === 0) return undefined
  const told = socket.kernel.settings.coalescedInfo
  return told === "told" ? datagram.segment : told === "missing" ? undefined : told
}

const fourBytes =
  SocketOptions.WANTS_TTL |
  SocketOptions.WANTS_TOS |
  SocketOptions.WANTS_ECN |
  SocketOptions.WANTS_ORIGINAL_IF |
  SocketOptions.WANTS_RECVIF

/** Writes control messages until one does not fit. */
class Writer {
  view!: DataView
  base = 0
  capacity = 0
  used = 0
  truncated = false
  width: Pointer = 8

  start(view: DataView, base: number, capacity: number, width: Pointer): void {
    this.view = view
    this.base = base
    this.capacity = capacity
    this.used = 0
    this.truncated = false
    this.width = width
  }

  /** Writes a header and returns the offset of the payload, -1 when it does not fit. */
  message(level: number, type: number, payload: number): number {
    const size = space(payload, this.width)
    if (this.truncated || this.used + size > this.capacity) {
      this.truncated = true
      return -1
    }
    const { view, width } = this
    const at = this.base + this.used
    this.used += size
    view.setUint32(at, headerSize(width) + payload, true)
    if (width === 8) view.setUint32(at + 4, 0, true)
    view.setInt32(at + width, level, true)
    view.setInt32(at + width + 4, type, true)
    const data = at + headerSize(width)
    // padding is defined, so that runs are comparable byte by byte
    for (let i = data + (payload & ~3); i < at + size; i += 4) view.setUint32(i, 0, true)
    return data
  }

  number(level: number, type: number, value: number): void {
    const at = this.message(level, type, 4)
    if (at !== -1) this.view.setUint32(at, value, true)
  }

  packetInfo(level: number, type: number, ip: Ip, index: number, scope: number | undefined): void {
    const size = ip.isV4 ? 8 : 20
    let at = this.message(level, type, scope === undefined ? size : size + 4)
    if (at === -1) return
    const { view } = this
    if (!ip.isV4) {
      view.setUint32(at, ip.w0, false)
      view.setUint32(at + 4, ip.w1, false)
      view.setUint32(at + 8, ip.w2, false)
      at += 12
    }
    view.setUint32(at, ip.w3, false)
    view.setUint32(at + 4, index, true)
    if (scope !== undefined) view.setUint32(at + 8, scope, true)
  }
}

const writer = new Writer()

/**
 * Writes the control messages that the socket wants of the datagram. Returns the writer, with `used` and `truncated`;
 * it is valid until the next call. `view` may be undefined when `capacity` is 0.
 */
export const write = (
  socket: UdpSocket,
  datagram: Datagram,
  view: DataView | undefined,
  base: number,
  capacity: number,
  width: Pointer
): { readonly used: number; readonly truncated: boolean } => {
  writer.start(view as DataView, base, capacity, width)
  const ip = datagram.destination
  const { isV4 } = ip
  const wants = isV4 ? socket.wantedV4 : socket.wantedV6
  if (wants !== 0) {
    const level = isV4 ? IPPROTO_IP : IPPROTO_IPV6
    const index = datagram.interfaceIndex
    if ((wants & SocketOptions.WANTS_PKTINFO) !== 0) writer.packetInfo(level, Options.IP_PKTINFO, ip, index, undefined)
    if ((wants & SocketOptions.WANTS_PKTINFO_EX) !== 0) {
      writer.packetInfo(level, Options.IP_PKTINFO_EX, ip, index, ip.isLinkLocal ? index : 0)
    }
    if ((wants & SocketOptions.WANTS_ORIGINAL_IF) !== 0) {
      // winsock documents the level IPPROTO_IP for both families
      writer.number(IPPROTO_IP, Options.IP_ORIGINAL_ARRIVAL_IF, ip.isLoopback ? loopbackIndex : index)
    }
    if ((wants & SocketOptions.WANTS_RECVIF) !== 0) writer.number(level, Options.IP_RECVIF, index)
    if ((wants & SocketOptions.WANTS_TTL) !== 0)
      writer.number(level, isV4 ? Options.IP_TTL : Options.IP_HOPLIMIT, datagram.ttl)
    if ((wants & SocketOptions.WANTS_TOS) !== 0)
      writer.number(level, isV4 ? Options.IP_TOS : Options.IP_TCLASS, datagram.tos)
    if ((wants & SocketOptions.WANTS_ECN) !== 0) writer.number(level, Options.IP_ECN, datagram.tos & 3)
  }
  const coalesced = coalescedInfo(socket, datagram)
  if (coalesced !== undefined) writer.number(IPPROTO_UDP, Options.UDP_COALESCED_INFO, coalesced)
  if (socket.timestamps) {
    const at = writer.message(SOL_SOCKET, Options.SO_TIMESTAMP, 8)
    if (at !== -1) {
      writer.view.setUint32(at, datagram.arrived >>> 0, true)
      writer.view.setUint32(at + 4, Math.floor(datagram.arrived / 0x1_0000_0000), true)
    }
  }
  return writer
}

export interface Header {
  readonly level: number
  readonly type: number
  /** Offset of the payload in the view, and its size. */
  readonly at: number
  readonly size: number
}

/** Reads the headers of control data that a program sends; undefined when it is malformed. */
export const read = (view: DataView, base: number, length: number, width: Pointer): Array<Header> | undefined => {
  const headers: Array<Header> = []
  const header = headerSize(width)
  let at = 0
  while (at < length) {
    if (length - at < header) return undefined
    const cmsgLength = view.getUint32(base + at, true)
    if (width === 8 && view.getUint32(base + at + 4, true) !== 0) return undefined
    if (cmsgLength < header || cmsgLength > length - at) return undefined
    headers.push({
      level: view.getInt32(base + at + width, true),
      type: view.getInt32(base + at + width + 4, true),
      at: base + at + header,
      size: cmsgLength - header
    })
    at += align(cmsgLength, width)
  }
  return headers
}
