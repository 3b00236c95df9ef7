/**
 * WSASend, WSASendTo and WSASendMsg.
 */
import { ECN_CE, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, MSG_DONTROUTE, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { STATUS_CANCELLED } from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Addresses from "./Addresses.ts"
import * as Bindings from "./Bindings.ts"
import { captureBuffers, gather } from "./Buffers.ts"
import * as Control from "./Control.ts"
import { Datagram } from "./Datagram.ts"
import { Ip, v4 } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as Multicast from "./Multicast.ts"
import type { Operation } from "./Operation.ts"
import * as PathMtu from "./PathMtu.ts"
import { captureMessage } from "./Receive.ts"
import * as Raw from "./Raw.ts"
import * as SocketOptions from "./SocketOptions.ts"
import * as TcpSend from "./TcpSend.ts"
import type { UdpSocket } from "./UdpSocket.ts"

/** What one send asks for beyond its payload; control messages override the socket's options. */
interface Manner {
  source: Ip | undefined
  interfaceIndex: number
  ttl: number
  tos: number
  segment: number
  timestampId: number | undefined
}

export const WSASendMsg = (
  kernel: Kernel,
  s: number,
  msg: number,
  flags: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  if (msg === 0) return kernel.fail(sdk.WSAEFAULT)
  if (socket.protocol === "TCP") return kernel.fail(sdk.WSAEINVAL)
  const operation = kernel.operation("send", socket)
  if (!captureMessage(kernel, operation, msg)) return 0
  return send(kernel, socket, operation, flags, bytesAt, overlapped, routine)
}

export const WSASendTo = (
  kernel: Kernel,
  s: number,
  buffers: number,
  count: number,
  bytesAt: number,
  flags: number,
  to: number,
  toLength: number,
  overlapped: number,
  routine: number
): number => {
  const socket = kernel.socket(s)
  if (socket === undefined) return 0
  const operation = kernel.operation("send", socket)
  if (!captureBuffers(kernel, operation, buffers, count)) return 0
  if (socket.protocol === "TCP") return TcpSend.send(kernel, socket, operation, flags, bytesAt, overlapped, routine)
  operation.name = to
  operation.nameLength = to === 0 ? 0 : toLength
  return send(kernel, socket, operation, flags, bytesAt, overlapped, routine)
}

export const WSASend = (
  kernel: Kernel,
  s: number,
  buffers: number,
  count: number,
  bytesAt: number,
  flags: number,
  overlapped: number,
  routine: number
): number => WSASendTo(kernel, s, buffers, count, bytesAt, flags, 0, 0, overlapped, routine)

const send = (
  kernel: Kernel,
  socket: UdpSocket,
  operation: Operation,
  flags: number,
  bytesAt: number,
  overlapped: number,
  routine: number
): number => {
  if ((flags & ~MSG_DONTROUTE) !== 0) return kernel.fail(sdk.WSAEOPNOTSUPP)
  if (socket.noSend) return kernel.fail(sdk.WSAESHUTDOWN)
  let to: Addresses.Endpoint | undefined
  if (operation.nameLength > 0) {
    to = Addresses.read(kernel, socket.v6, operation.name, operation.nameLength)
    if (to === undefined) return 0
  } else if (socket.peer !== undefined) {
    to = new Addresses.Endpoint(socket.peer, socket.peerPort, socket.peerScope)
  } else {
    return kernel.fail(sdk.WSAENOTCONN)
  }
  // an unspecified destination is the machine itself; a v6-only socket reaches no v4-mapped address
  if (to.ip.isV4 && socket.v6 && !socket.dual) return kernel.fail(sdk.WSAENETUNREACH)
  // bound even when the call fails below
  if (socket.localPort === 0 && !Bindings.bindImplicitly(kernel, socket)) return 0
  if (bytesAt === 0 && overlapped === 0) return kernel.fail(sdk.WSAEFAULT)
  const manner = mannerOf(kernel, socket, operation, to.ip)
  if (manner === undefined) return 0
  const datagrams = prepare(kernel, socket, operation, to, manner)
  if (datagrams === undefined) return 0

  const total = operation.capacity
  const isOverlapped = overlapped !== 0 && socket.overlapped
  if (isOverlapped) {
    if (!kernel.begin(operation, overlapped, routine)) return 0
    if (kernel.faults.applyTo(operation)) return kernel.pendAndFinish(operation)
  }
  operation.datagrams = datagrams
  if (isOverlapped && socket.options[SocketOptions.SNDBUF] === 0) {
    // no buffer: the operation lasts until the network has taken the datagrams
    operation.bytes = total
    operation.state = "completing"
    const pending = kernel.pend(operation)
    hand(kernel, socket, operation, operation)
    return pending
  }
  if (!fits(socket, total)) {
    if (isOverlapped) {
      operation.state = "pending"
      socket.sends.add(operation)
      return kernel.pend(operation)
    }
    if (socket.nonBlocking && overlapped === 0) return kernel.fail(sdk.WSAEWOULDBLOCK)
    const timeout = socket.options[SocketOptions.SNDTIMEO]
    if (kernel.thread === undefined) return kernel.wouldWait(timeout === 0 ? sdk.WSAEINTR : sdk.WSAETIMEDOUT)
    socket.sends.add(operation)
    return kernel.block(operation, bytesAt, timeout)
  }
  hand(kernel, socket, operation)
  if (isOverlapped) {
    if (operation.late > 0 || kernel.flip(kernel.settings.readyAnswer, "pending")) {
      operation.bytes = total
      return kernel.pendAndFinish(operation)
    }
    kernel.report(operation, 0, total, !socket.skipsPort)
  }
  if (bytesAt !== 0) kernel.memory.setU32(bytesAt, total)
  return 0
}

// a buffer that is empty takes any datagram
const fits = (socket: UdpSocket, bytes: number): boolean =>
  socket.sends.size === 0 &&
  (socket.sendBuffered === 0 || socket.sendBuffered + bytes <= socket.options[SocketOptions.SNDBUF])

const hand = (kernel: Kernel, socket: UdpSocket, operation: Operation, until?: Operation): void => {
  const { datagrams } = operation
  operation.datagrams = none
  for (let i = 0; i < datagrams.length; i++) {
    socket.sendBuffered += datagrams[i].payload.length
    kernel.trace.datagram("Sent", kernel.name, datagrams[i], socket.number, "")
    kernel.network.send(kernel, socket, datagrams[i], i === datagrams.length - 1 ? until : undefined)
  }
}

const none: ReadonlyArray<Datagram> = []

/**
 * The network took `bytes` of the socket's: an operation that lasted for it ends, sends that waited for room go on,
 * oldest first.
 */
export const drained = (kernel: Kernel, socket: UdpSocket, bytes: number, operation: Operation | undefined): void => {
  socket.sendBuffered -= bytes
  if (operation !== undefined) end(kernel, operation)
  while (socket.sends.size > 0) {
    const operation = socket.sends.first!
    const room = socket.options[SocketOptions.SNDBUF]
    if (socket.sendBuffered > 0 && socket.sendBuffered + operation.capacity > room) return
    operation.list!.remove(operation)
    operation.bytes = operation.capacity
    hand(kernel, socket, operation)
    end(kernel, operation)
  }
}

const end = (kernel: Kernel, operation: Operation): void => {
  if (operation.late > 0) return kernel.finishLater(operation)
  kernel.guard.completing(operation)
  kernel.complete(operation, 0, operation.bytes)
}

// --- what is sent ---

const prepare = (
  kernel: Kernel,
  socket: UdpSocket,
  operation: Operation,
  to: Addresses.Endpoint,
  manner: Manner
): ReadonlyArray<Datagram> | undefined => {
  const { machine } = kernel
  const destination = unspecifiedIsSelf(to.ip)
  const via = destination.isMulticast
    ? Multicast.route(machine, socket, destination, to.scope, manner.interfaceIndex)
    : manner.interfaceIndex !== 0
      ? Machine.byIndex(machine, manner.interfaceIndex)
      : Machine.route(machine, destination, to.scope)
  const source =
    manner.source ??
    (socket.local.isAny && via !== undefined ? Machine.sourceFor(machine, via, destination) : socket.local)
  // asked before any route is looked for
  if (Machine.isBroadcast(machine, destination) && socket.options[SocketOptions.BROADCAST] === 0) {
    return refuse(kernel, sdk.WSAEACCES)
  }
  // the address that the socket is bound to may be gone
  if (!socket.local.isAny && Machine.owner(machine, socket.local) === undefined) {
    return refuse(kernel, sdk.WSAEADDRNOTAVAIL)
  }
  if (via === undefined || source === undefined) return refuse(kernel, sdk.WSAENETUNREACH)
  const size = operation.capacity
  const { isV4 } = destination
  if (socket.raw !== undefined) {
    const most = PathMtu.treatment(socket, isV4) !== "fragment" ? via.mtu : Raw.largest(isV4)
    const bytes = gather(kernel, operation, 0, size)
    const packet = Raw.packetOf(kernel, socket.raw, bytes, { ...manner, source, destination, most })
    if (packet === undefined) return undefined
    packet.interfaceIndex = via.index
    return [packet]
  }
  if (size > SocketOptions.maximumPayload(isV4)) return refuse(kernel, sdk.WSAEMSGSIZE)
  const piece = manner.segment === 0 ? size : Math.min(size, manner.segment)
  const treatment = PathMtu.treatment(socket, isV4)
  const most = treatment === "path" ? Math.min(via.mtu, kernel.pathMtus.of(machine, destination)) : via.mtu
  if (treatment !== "fragment" && PathMtu.packetSize(piece, isV4) > most) return refuse(kernel, sdk.WSAEMSGSIZE)
  const payload = gather(kernel, operation, 0, size)
  if (piece === size) return [make(kernel, socket, via, source, destination, to.port, payload, manner)]
  const datagrams: Array<Datagram> = []
  for (let at = 0; at < size; at += piece) {
    const part = payload.subarray(at, at + piece)
    datagrams.push(make(kernel, socket, via, source, destination, to.port, part, manner))
  }
  return datagrams
}

const refuse = (kernel: Kernel, code: number): undefined => {
  kernel.error = code
  return undefined
}

const loopbackOf = { v4: v4(0x7f000001), v6: new Ip(0, 0, 0, 1) }

const unspecifiedIsSelf = (ip: Ip): Ip => (ip.isAny ? (ip.isV4 ? loopbackOf.v4 : loopbackOf.v6) : ip)

const make = (
  kernel: Kernel,
  socket: UdpSocket,
  via: Machine.Interface,
  source: Ip,
  destination: Ip,
  port: number,
  payload: Uint8Array,
  manner: Manner
): Datagram => {
  const id = kernel.network.nextId()
  const datagram = new Datagram(id, source, socket.localPort, destination, port, payload, manner.ttl, manner.tos)
  datagram.interfaceIndex = via.index
  datagram.whole = PathMtu.treatment(socket, destination.isV4) !== "fragment"
  datagram.timestampId = manner.timestampId
  return datagram
}

// --- control data of a send ---

const mannerOf = (kernel: Kernel, socket: UdpSocket, operation: Operation, to: Ip): Manner | undefined => {
  const { options } = socket
  const { isV4 } = to
  // IP_UNICAST_IF holds an index in network byte order, IPV6_UNICAST_IF in host order
  const unicast = options[isV4 ? SocketOptions.UNICAST_IF : SocketOptions.UNICAST_IF6]
  const manner: Manner = {
    source: undefined,
    interfaceIndex: isV4 ? swap(unicast) : unicast,
    ttl: options[hopsOption(to)],
    tos: isV4 ? 0 : options[SocketOptions.TCLASS],
    segment: options[SocketOptions.SEND_MSG_SIZE],
    timestampId: undefined
  }
  if (operation.controlLength === 0 || kernel.settings.sendControl === "ignored") return manner
  const view = kernel.memory.locate(operation.control, operation.controlLength)
  const headers = Control.read(view, kernel.memory.at, operation.controlLength, kernel.memory.pointerSize)
  if (headers === undefined || !headers.every((header) => apply(kernel, manner, isV4, view, header))) {
    return refuse(kernel, sdk.WSAEINVAL)
  }
  return manner
}

const hopsOption = (to: Ip): number =>
  to.isMulticast
    ? to.isV4
      ? SocketOptions.MULTICAST_TTL
      : SocketOptions.MULTICAST_HOPS6
    : to.isV4
      ? SocketOptions.TTL
      : SocketOptions.UNICAST_HOPS

const swap = (n: number): number => (((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0

type Apply = (kernel: Kernel, manner: Manner, view: DataView, at: number) => boolean

const hopLimit: Apply = (_kernel, manner, view, at) => {
  manner.ttl = view.getInt32(at, true)
  return manner.ttl >= 1 && manner.ttl <= 255
}

const trafficClass: Apply = (_kernel, manner, view, at) => {
  manner.tos = view.getInt32(at, true)
  return manner.tos >= 0 && manner.tos <= 255
}

// the stack marks congestion, programs must not
const ecn: Apply = (_kernel, manner, view, at) => {
  const value = view.getInt32(at, true)
  manner.tos = (manner.tos & ~3) | (value & 3)
  return value >= 0 && value < ECN_CE
}

const packetInfo =
  (v6: boolean): Apply =>
  (kernel, manner, view, at) => {
    const ip = v6
      ? new Ip(
          view.getUint32(at, false),
          view.getUint32(at + 4, false),
          view.getUint32(at + 8, false),
          view.getUint32(at + 12, false)
        )
      : v4(view.getUint32(at, false))
    const index = view.getUint32(at + (v6 ? 16 : 4), true)
    const { machine } = kernel
    const via = index === 0 ? undefined : Machine.byIndex(machine, index)
    if (index !== 0 && via === undefined) return false
    if (ip.isAny) {
      // an interface without an address: the datagram leaves with an unspecified source
      if (index !== 0) manner.source = ip
    } else {
      const owner = Machine.owner(machine, ip)
      if (owner === undefined || (via !== undefined && via !== owner)) return false
      manner.source = ip
    }
    manner.interfaceIndex = index
    return true
  }

const segmentSize: Apply = (_kernel, manner, view, at) => {
  manner.segment = view.getUint32(at, true)
  return true
}

const timestampId: Apply = (_kernel, manner, view, at) => {
  manner.timestampId = view.getUint32(at, true)
  return true
}

interface Accepted {
  readonly size: number
  readonly apply: Apply
  /** The family of the destination it is for; undefined for both. */
  readonly v4: boolean | undefined
}

const accepted = new Map<number, Accepted>()
const accept = (level: number, type: number, size: number, isV4: boolean | undefined, f: Apply): void => {
  accepted.set(level * 0x1_0000_0000 + type, { size, apply: f, v4: isV4 })
}
accept(IPPROTO_IP, Options.IP_PKTINFO, 8, true, packetInfo(false))
accept(IPPROTO_IP, Options.IP_TTL, 4, true, hopLimit)
accept(IPPROTO_IP, Options.IP_HOPLIMIT, 4, true, hopLimit)
accept(IPPROTO_IP, Options.IP_TOS, 4, true, trafficClass)
accept(IPPROTO_IP, Options.IP_TCLASS, 4, true, trafficClass)
accept(IPPROTO_IP, Options.IP_ECN, 4, true, ecn)
accept(IPPROTO_IPV6, Options.IP_PKTINFO, 20, false, packetInfo(true))
accept(IPPROTO_IPV6, Options.IP_HOPLIMIT, 4, false, hopLimit)
accept(IPPROTO_IPV6, Options.IP_TCLASS, 4, false, trafficClass)
accept(IPPROTO_IPV6, Options.IP_ECN, 4, false, ecn)
accept(IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 4, undefined, segmentSize)
accept(SOL_SOCKET, Options.SO_TIMESTAMP_ID, 4, undefined, timestampId)

const apply = (kernel: Kernel, manner: Manner, isV4: boolean, view: DataView, header: Control.Header): boolean => {
  const entry = accepted.get(header.level * 0x1_0000_0000 + header.type)
  return (
    entry !== undefined &&
    header.size === entry.size &&
    (entry.v4 === undefined || entry.v4 === isV4) &&
    entry.apply(kernel, manner, view, header.at)
  )
}

/** Takes back a send that the network has not got. */
export const cancel = (kernel: Kernel, operation: Operation): void => {
  operation.datagrams = none
  kernel.end(operation, STATUS_CANCELLED)
}
