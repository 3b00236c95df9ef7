/**
 * Multicast groups: who is in which, on which interface and for which sources, and how datagrams to them travel.
 *
 * Sources: the pages "Multicast Socket Option Behavior" (the codes of every sequence of options) and "IPPROTO_IP socket
 * options" (interfaces by index, whose option the loopback is).
 */
import { IPPROTO_IP, IPPROTO_IPV6 } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { GROUP_REQ, GROUP_SOURCE_REQ } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Addresses from "./Addresses.ts"
import type { Datagram } from "./Datagram.ts"
import { Ip, v4 } from "./Ip.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import * as SocketOptions from "./SocketOptions.ts"
import type { UdpSocket } from "./UdpSocket.ts"

// --- the options ---

type Act = "join" | "leave" | "block" | "unblock"

interface Request {
  readonly act: Act
  readonly sourced: boolean
  /** `ip_mreq` and `ip_mreq_source`, `ipv6_mreq`, or GROUP_REQ and GROUP_SOURCE_REQ. */
  readonly shape: "v4" | "v6" | "any"
}

const requests = new Map<number, Request>()
const key = (level: number, name: number): number => level * 256 + name
const define = (level: number, name: number, act: Act, shape: Request["shape"], sourced: boolean): void => {
  requests.set(key(level, name), { act, sourced, shape })
}
define(IPPROTO_IP, Options.IP_ADD_MEMBERSHIP, "join", "v4", false)
define(IPPROTO_IP, Options.IP_DROP_MEMBERSHIP, "leave", "v4", false)
define(IPPROTO_IP, Options.IP_ADD_SOURCE_MEMBERSHIP, "join", "v4", true)
define(IPPROTO_IP, Options.IP_DROP_SOURCE_MEMBERSHIP, "leave", "v4", true)
define(IPPROTO_IP, Options.IP_BLOCK_SOURCE, "block", "v4", true)
define(IPPROTO_IP, Options.IP_UNBLOCK_SOURCE, "unblock", "v4", true)
define(IPPROTO_IPV6, Options.IPV6_ADD_MEMBERSHIP, "join", "v6", false)
define(IPPROTO_IPV6, Options.IPV6_DROP_MEMBERSHIP, "leave", "v6", false)
for (const level of [IPPROTO_IP, IPPROTO_IPV6]) {
  define(level, Options.MCAST_JOIN_GROUP, "join", "any", false)
  define(level, Options.MCAST_LEAVE_GROUP, "leave", "any", false)
  define(level, Options.MCAST_JOIN_SOURCE_GROUP, "join", "any", true)
  define(level, Options.MCAST_LEAVE_SOURCE_GROUP, "leave", "any", true)
  define(level, Options.MCAST_BLOCK_SOURCE, "block", "any", true)
  define(level, Options.MCAST_UNBLOCK_SOURCE, "unblock", "any", true)
}

/** What an option says: the group, the interface (undefined when there is none such) and the source. */
interface Said {
  readonly group: Ip
  readonly via: Machine.Interface | undefined
  readonly source: Ip | undefined
}

const ipv6 = (view: DataView, at: number): Ip =>
  new Ip(
    view.getUint32(at, false),
    view.getUint32(at + 4, false),
    view.getUint32(at + 8, false),
    view.getUint32(at + 12, false)
  )

const sizes = { v4: [8, 12], v6: [20, 20] } as const

/** Reads an option's value; undefined when the call failed. */
const read = (kernel: Kernel, level: number, request: Request, at: number, length: number): Said | undefined => {
  const { machine, memory } = kernel
  const { shape, sourced } = request
  const { abi } = kernel.settings
  const size = shape === "any" ? (sourced ? GROUP_SOURCE_REQ : GROUP_REQ).size[abi] : sizes[shape][sourced ? 1 : 0]
  if (at === 0 || length < size) {
    kernel.error = sdk.WSAEFAULT
    return undefined
  }
  const view = memory.locate(at, size)
  const base = memory.at
  if (shape === "v4") {
    // ip_mreq_source has the source between the two
    const through = view.getUint32(base + (sourced ? 8 : 4), false)
    return {
      group: v4(view.getUint32(base, false)),
      via: interfaceV4(machine, through),
      source: sourced ? v4(view.getUint32(base + 4, false)) : undefined
    }
  }
  const isV4 = level === IPPROTO_IP
  if (shape === "v6") {
    return {
      group: ipv6(view, base),
      via: interfaceOf(machine, view.getUint32(base + 16, true), isV4),
      source: undefined
    }
  }
  const index = view.getUint32(base, true)
  const { gsr_group, gsr_source } = GROUP_SOURCE_REQ.offsets[abi]
  const group = Addresses.read(kernel, !isV4, at + gsr_group.ss_family, 128)
  const source = sourced ? Addresses.read(kernel, !isV4, at + gsr_source.ss_family, 128) : undefined
  if (group === undefined || (sourced && source === undefined)) return undefined
  return { group: group.ip, via: interfaceOf(machine, index, isV4), source: source?.ip }
}

/** The interface of an IPv4 option: 0.0.0.0 for the default, 0.x.x.x for an index, else an address. */
const interfaceV4 = (machine: Machine.Machine, word: number): Machine.Interface | undefined =>
  word >>> 24 === 0 ? interfaceOf(machine, word, true) : Machine.owner(machine, v4(word))

const interfaceOf = (machine: Machine.Machine, index: number, isV4: boolean): Machine.Interface | undefined =>
  index === 0 ? defaultInterface(machine, isV4) : Machine.byIndex(machine, index)

// the loopback interface is the last choice
const defaultInterface = (machine: Machine.Machine, isV4: boolean): Machine.Interface | undefined => {
  const able = machine.interfaces.filter((own) => own.addresses.some(({ ip }) => ip.isV4 === isV4))
  return able.find((own) => !own.loopback) ?? able[0]
}

const isInterface = (level: number, name: number): boolean =>
  (level === IPPROTO_IP && name === Options.IP_MULTICAST_IF) ||
  (level === IPPROTO_IPV6 && name === Options.IPV6_MULTICAST_IF)

/** Sets an option of groups; undefined when it is none, or not this socket's, or this provider's. */
export const setsockopt = (
  kernel: Kernel,
  socket: AnySocket,
  level: number,
  name: number,
  at: number,
  length: number
): number | undefined => {
  if (socket.protocol !== "UDP" || (level === IPPROTO_IPV6 && !socket.v6)) return undefined
  if (SocketOptions.isAbsent(kernel, level, name)) return undefined
  if (isInterface(level, name)) return setInterface(kernel, socket, level, at, length)
  const request = requests.get(key(level, name))
  if (request === undefined) return undefined
  const said = read(kernel, level, request, at, length)
  if (said === undefined) return 0
  const { group, source, via } = said
  if (!group.isMulticast || (source !== undefined && (source.isMulticast || source.isAny))) {
    return kernel.fail(sdk.WSAEINVAL)
  }
  if (via === undefined) return kernel.fail(sdk.WSAEADDRNOTAVAIL)
  const { memberships } = socket
  const code =
    request.act === "join" || request.act === "leave"
      ? memberships[request.act](group, via.index, source)
      : memberships[request.act](group, via.index, source!)
  return code === 0 ? 0 : kernel.fail(code)
}

const setInterface = (kernel: Kernel, socket: UdpSocket, level: number, at: number, length: number): number => {
  if (at === 0 || length < 4) return kernel.fail(sdk.WSAEFAULT)
  const isV4 = level === IPPROTO_IP
  const view = kernel.memory.locate(at, 4)
  const word = view.getUint32(kernel.memory.at, !isV4)
  const { machine } = kernel
  const via = isV4 ? interfaceV4(machine, word) : interfaceOf(machine, word, false)
  if (via === undefined) return kernel.fail(sdk.WSAEADDRNOTAVAIL)
  // it is read back as an index
  socket.setOption(isV4 ? SocketOptions.MULTICAST_IF : SocketOptions.MULTICAST_IF6, word === 0 ? 0 : via.index)
  return 0
}

// --- the way of a datagram ---

/** The interface that a datagram to a group leaves by; a scope in the address comes first, then what the send says. */
export const route = (
  machine: Machine.Machine,
  socket: UdpSocket,
  group: Ip,
  scope: number,
  index: number
): Machine.Interface | undefined => {
  const { isV4 } = group
  const chosen = socket.options[isV4 ? SocketOptions.MULTICAST_IF : SocketOptions.MULTICAST_IF6]
  return interfaceOf(machine, scope !== 0 ? scope : index !== 0 ? index : chosen, isV4)
}

// ff01::/16 stays within the interface
const staysHere = (datagram: Datagram): boolean => {
  const { w0 } = datagram.destination
  return datagram.ttl < 1 || (!datagram.destination.isV4 && ((w0 >>> 16) & 0xf) === 1)
}

/** A place where a datagram to a group arrives: a machine, and the interface of it. */
export interface Arrival {
  readonly kernel: Kernel
  readonly index: number
}

/** Where a datagram goes that left by an interface: to its own machine, and to those on the same link. */
export const arrivals = (
  kernels: ReadonlyArray<Kernel>,
  sender: Kernel,
  via: Machine.Interface,
  datagram: Datagram
): Array<Arrival> => {
  const found: Array<Arrival> = sender.isDown ? [] : [{ kernel: sender, index: via.index }]
  if (via.loopback || staysHere(datagram)) return found
  for (const kernel of kernels) {
    if (kernel.isDown || kernel.machine === sender.machine) continue
    for (const own of kernel.machine.interfaces) {
      if (Machine.onOneLink(own, via)) found.push({ kernel, index: own.index })
    }
  }
  return found
}

/** Whether a socket of the machine at `at` takes a datagram to a group; the socket is bound to its port. */
export const isFor = (socket: UdpSocket, datagram: Datagram, at: Arrival, own: boolean): boolean => {
  const { destination, source } = datagram
  if (!socket.memberships.takes(destination, at.index, source)) return false
  // on Windows the receiver says whether it wants what its own machine sends
  const loop = destination.isV4 ? SocketOptions.MULTICAST_LOOP : SocketOptions.MULTICAST_LOOP6
  return !own || socket.options[loop] !== 0
}
