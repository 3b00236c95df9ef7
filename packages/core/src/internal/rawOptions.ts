/** The options of a raw socket, checked: what a program gives is read once, before any call is made. */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@effect-winsock/schema/Flags"
import * as NetAddress from "effect/net/NetAddress"
import type { Options } from "../RawSocket.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { WinsockError } from "../WinsockError.ts"
import { isRecord, isWithin, numbersOf, oneOf, refuseChoice, refused, refuseOptions } from "./checks.ts"
import type { Checked as CheckedDatagram } from "./udpOptions.ts"
import { check as checkDatagram } from "./udpOptions.ts"

const ranges = {
  hopLimit: { least: 1, most: 255 }
} as const

const choices = { headerIncluded: [false, true], broadcast: [false, true] } as const

const protocols = { icmp: IPPROTO_ICMP, icmpv6: IPPROTO_ICMPV6 } as const

/** Options that are in range, and defaults for what was not given. */
export interface Checked extends CheckedDatagram {
  readonly protocol: number
  readonly headerIncluded: boolean
  readonly broadcast: boolean
  /** Undefined: the system's default. */
  readonly hopLimit: number | undefined
}

const protocolOf = (given: unknown): number | undefined =>
  isWithin(given, 0, 255)
    ? given
    : typeof given === "string" && Object.hasOwn(protocols, given)
      ? protocols[given as keyof typeof protocols]
      : undefined

/** Reads the options, or says which is not what it must be. */
export const check = (address: NetAddress.IpAddress, options: Options): Checked | WinsockError => {
  if (!NetAddress.isIpAddress(address)) {
    return WinsockErrors.invalidArgument("bind", "address", address, "an IPv4 or IPv6 address")
  }
  const unread = refuseOptions(options)
  if (unread !== undefined) return unread
  const protocol = protocolOf(options.protocol)
  if (protocol === undefined) {
    return refused("protocol", options.protocol, `an integer from 0 to 255, or ${oneOf(Object.keys(protocols))}`)
  }
  const numbers = numbersOf(ranges, options)
  if (numbers instanceof WinsockErrors.WinsockError) return numbers
  const unknown = refuseChoice(choices, options)
  if (unknown !== undefined) return unknown
  const datagram = checkDatagram(NetAddress.inetAddressUnsafe(address, 0), {
    batch: options.batch,
    cancel: options.cancel,
    completion: options.completion,
    control: options.control,
    interface: options.interface,
    lookAhead: options.lookAhead,
    maxMessageSize: options.maxMessageSize,
    maxPosted: options.maxPosted,
    reply: options.reply,
    sendControl: options.sendControl,
    truncation: options.truncation
  })
  if (datagram instanceof WinsockErrors.WinsockError) return datagram
  return {
    ...datagram,
    protocol,
    headerIncluded: options.headerIncluded === true,
    broadcast: options.broadcast === true,
    hopLimit: numbers.hopLimit
  }
}

/** What only datagrams of UDP can be asked for. */
export const refuseSegments = (options: unknown): WinsockError | undefined =>
  isRecord(options) && (options as { readonly segmentSize?: unknown }).segmentSize !== undefined
    ? WinsockErrors.invalidArgument(
        "WSASendMsg",
        "segmentSize",
        (options as { readonly segmentSize: unknown }).segmentSize,
        "left out: packets of a raw socket are not cut"
      )
    : undefined
