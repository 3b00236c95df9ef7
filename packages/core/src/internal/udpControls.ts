/** The control data that a UDP socket can be asked for by name, and what each name is in each family. */
import { IPPROTO_IP, IPPROTO_IPV6 } from "@effect-winsock/schema/Flags"
import type { Abi } from "@effect-winsock/schema/Layout"
import * as Options from "@effect-winsock/schema/Options"
import { WSACMSGHDR } from "@effect-winsock/schema/Structs"

/** A socket option that switches a control message on, and the size of the message's payload. */
interface Switch {
  readonly level: number
  readonly option: number
  readonly payload: number
}

const v4 = (option: number, payload: number): Switch => ({ level: IPPROTO_IP, option, payload })
const v6 = (option: number, payload: number): Switch => ({ level: IPPROTO_IPV6, option, payload })

/**
 * Sources: the page of `WSAMSG`, "IPPROTO_IP socket options", "IPPROTO_IPV6 socket options", "Winsock ECN". The
 * payloads are `IN_PKTINFO`, `IN6_PKTINFO` and `INT`.
 */
export const controls = {
  packetInfo: { v4: v4(Options.IP_PKTINFO, 8), v6: v6(Options.IPV6_PKTINFO, 20) },
  hopLimit: { v4: v4(Options.IP_RECVTTL, 4), v6: v6(Options.IPV6_HOPLIMIT, 4) },
  trafficClass: { v4: v4(Options.IP_RECVTOS, 4), v6: v6(Options.IPV6_RECVTCLASS, 4) },
  ecn: { v4: v4(Options.IP_RECVECN, 4), v6: v6(Options.IPV6_RECVECN, 4) },
  originalArrivalInterface: {
    v4: v4(Options.IP_ORIGINAL_ARRIVAL_IF, 4),
    v6: v6(Options.IP_ORIGINAL_ARRIVAL_IF, 4)
  }
} as const satisfies Record<string, { readonly v4: Switch; readonly v6: Switch }>

export type ControlName = keyof typeof controls

export const controlNames = Object.keys(controls) as ReadonlyArray<ControlName>

const align = (n: number, to: number): number => Math.ceil(n / to) * to

/** WSA_CMSG_SPACE: what one control message with so much payload takes. Source: `ws2def.h`. */
export const space = (abi: Abi, payload: number): number => {
  const to = abi === "x64" ? 8 : 4
  return align(align(WSACMSGHDR.size[abi], to) + align(payload, to), to)
}

/**
 * Room for every control message that a send can carry: packet info, hop limit, traffic class, ECN, segment size,
 * timestamp id.
 */
export const sendControlCapacity = (abi: Abi): number => space(abi, 24) + 5 * space(abi, 4)
