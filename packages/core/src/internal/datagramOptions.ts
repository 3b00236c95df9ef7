/** Options of a UDP socket that decide how its datagrams travel: checked, and set before it is bound. */
import { IPPROTO_IP, IPPROTO_IPV6, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import type { Wish } from "../UdpCapabilities.ts"
import type { Options as UdpOptions } from "../UdpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, isWithin, oneOf, refused } from "./checks.ts"
import type { MulticastInterface } from "./multicast.ts"
import * as Multicast from "./multicast.ts"
import type { SocketCalls } from "./socketCalls.ts"

/** The modes of path MTU discovery. Source: `ws2ipdef.h` (`PMTUD_STATE`). */
const discovery = { do: 1, dont: 2, probe: 3 } as const

export type MtuDiscovery = keyof typeof discovery

/** How a socket's datagrams travel, all of it decided; what is undefined is left to the system. */
export interface Manner {
  readonly multicastInterface: MulticastInterface | undefined
  readonly multicastHops: number | undefined
  readonly multicastLoopback: boolean | undefined
  readonly broadcast: boolean
  readonly dontFragment: boolean
  readonly mtuDiscovery: MtuDiscovery | undefined
  readonly timestamps: Timestamps
}

export interface Timestamps {
  readonly receive: Wish | undefined
  readonly transmit: Wish | undefined
  /** How many of sent datagrams the system keeps. */
  readonly buffered: number
}

/** What a socket has that asks for nothing. */
export const usual: Manner = {
  multicastInterface: undefined,
  multicastHops: undefined,
  multicastLoopback: undefined,
  broadcast: false,
  dontFragment: false,
  mtuDiscovery: undefined,
  timestamps: { receive: undefined, transmit: undefined, buffered: 0 }
}

const flags = ["multicastLoopback", "broadcast", "dontFragment"] as const

const wishes: ReadonlyArray<unknown> = ["required", "preferred"]

const modes = Object.keys(discovery)

/** Reads the options, or says which is not what it must be. */
export const check = (address: NetAddress.InetAddress, options: UdpOptions): Manner | WinsockError => {
  for (const name of flags) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== "boolean") return refused(name, value, oneOf([true, false]))
  }
  const { multicastHops, mtuDiscovery } = options
  if (multicastHops !== undefined && !isWithin(multicastHops, 0, 255)) {
    return refused("multicastHops", multicastHops, "an integer from 0 to 255")
  }
  if (mtuDiscovery !== undefined && !modes.includes(mtuDiscovery)) {
    return refused("mtuDiscovery", mtuDiscovery, oneOf(modes))
  }
  const through = interfaceOf(address, options)
  if (through instanceof WinsockErrors.WinsockError) return through
  const timestamps = timestampsOf(options.timestamps)
  if (timestamps instanceof WinsockErrors.WinsockError) return timestamps
  return {
    multicastInterface: through,
    multicastHops,
    multicastLoopback: options.multicastLoopback,
    broadcast: options.broadcast === true,
    dontFragment: options.dontFragment === true,
    mtuDiscovery,
    timestamps
  }
}

// what is sent to IPv4 groups by a dual-stack socket may leave by an address, too
const interfaceOf = (
  address: NetAddress.InetAddress,
  { ipv6Only, multicastInterface: given }: UdpOptions
): MulticastInterface | undefined | WinsockError => {
  if (given === undefined) return undefined
  const v4 = NetAddress.isInetAddressV4(address) || (ipv6Only === false && typeof given !== "number")
  return Multicast.interfaceOf(given, v4, "WSASocketW", "multicastInterface")
}

/** How many timestamps of sent datagrams are kept, unless something else is said. */
const usuallyBuffered = 64

const timestampsOf = (given: unknown): Timestamps | WinsockError => {
  if (given === undefined) return usual.timestamps
  if (!isRecord(given)) return refused("timestamps", given, "a record of receive, transmit and buffered")
  const { buffered, receive, transmit } = given as { readonly [name: string]: unknown }
  for (const [name, wish] of [
    ["timestamps.receive", receive],
    ["timestamps.transmit", transmit]
  ] as const) {
    if (wish !== undefined && !wishes.includes(wish)) return refused(name, wish, oneOf(wishes))
  }
  if (buffered !== undefined && !isWithin(buffered, 1, 0xffff)) {
    return refused("timestamps.buffered", buffered, "an integer from 1 to 65535")
  }
  return {
    receive: receive as Wish | undefined,
    transmit: transmit as Wish | undefined,
    buffered: transmit === undefined ? 0 : ((buffered as number | undefined) ?? usuallyBuffered)
  }
}

/** Sets what was asked for, in each family that the socket has. Returns the error of the first call that failed. */
export const apply = (on: SocketCalls, v6: boolean, dual: boolean, manner: Manner): WinsockError | undefined => {
  const v4 = !v6 || dual
  const { broadcast, dontFragment, mtuDiscovery, multicastHops, multicastInterface, multicastLoopback } = manner
  const both = (option4: number, option6: number, value: number): boolean =>
    (!v6 || on.set(IPPROTO_IPV6, option6, value)) && (!v4 || on.set(IPPROTO_IP, option4, value))

  if (multicastInterface !== undefined) {
    const failed = applyInterface(on, v4, v6, multicastInterface)
    if (failed !== undefined) return failed
  }
  const set =
    (multicastHops === undefined || both(Options.IP_MULTICAST_TTL, Options.IPV6_MULTICAST_HOPS, multicastHops)) &&
    (multicastLoopback === undefined ||
      both(Options.IP_MULTICAST_LOOP, Options.IPV6_MULTICAST_LOOP, multicastLoopback ? 1 : 0)) &&
    (!broadcast || on.set(SOL_SOCKET, Options.SO_BROADCAST, 1)) &&
    (!dontFragment || both(Options.IP_DONTFRAGMENT, Options.IPV6_DONTFRAG, 1))
  if (!set) return on.engine.lastError("setsockopt")
  if (mtuDiscovery === undefined) return undefined
  if (both(Options.IP_MTU_DISCOVER, Options.IPV6_MTU_DISCOVER, discovery[mtuDiscovery])) return undefined
  return on.engine.calls.WSAGetLastError() === WSAENOPROTOOPT
    ? WinsockErrors.featureMissing("setsockopt", "mtuDiscovery")
    : on.engine.lastError("setsockopt")
}

const applyInterface = (
  on: SocketCalls,
  v4: boolean,
  v6: boolean,
  through: MulticastInterface
): WinsockError | undefined => {
  if (v6 && typeof through === "number" && !Multicast.sendBy(on, false, through)) {
    return on.engine.lastError("setsockopt")
  }
  if (!v4 || Multicast.sendBy(on, true, through)) return undefined
  const error = on.engine.lastError("setsockopt")
  return Multicast.refusesIndex(on.engine, true, through) ?? error
}

/** Whether the provider has modes of path MTU discovery. */
export const discovers = (on: SocketCalls, v6: boolean): boolean =>
  on.get(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? Options.IPV6_MTU_DISCOVER : Options.IP_MTU_DISCOVER) !== -1

/** What the system takes for the path MTU of a connected socket, or -1. */
export const mtu = (on: SocketCalls, v6: boolean): number =>
  on.get(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? Options.IPV6_MTU : Options.IP_MTU)
