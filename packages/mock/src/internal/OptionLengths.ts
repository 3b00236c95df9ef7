/**
 * How short the value of an option may be, and how long the answer is. Seen on Windows by Wine's tests of option sizes.
 */
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"

const has = (names: { readonly [level: number]: ReadonlyArray<number> }, level: number, name: number): boolean =>
  names[level]?.includes(name) === true

const bytes = {
  [SOL_SOCKET]: [Options.SO_KEEPALIVE, Options.SO_DONTROUTE],
  [IPPROTO_TCP]: [Options.TCP_NODELAY],
  [IPPROTO_IPV6]: [Options.IPV6_V6ONLY]
}

const whole = {
  [IPPROTO_IP]: [Options.IP_PKTINFO, Options.IP_RECVTOS, Options.IP_RECVTTL],
  [IPPROTO_IPV6]: [Options.IPV6_PKTINFO, Options.IPV6_RECVTCLASS, Options.IPV6_HOPLIMIT]
}

const short = {
  [IPPROTO_IP]: [Options.IP_TTL, Options.IP_TOS, Options.IP_MULTICAST_TTL],
  [IPPROTO_IPV6]: [Options.IPV6_UNICAST_HOPS, Options.IPV6_MULTICAST_HOPS]
}

/** Options of which a single byte is told, however much room there is. */
export const isByte = (level: number, name: number): boolean => has(bytes, level, name)

/** Whether a value of fewer than four bytes is one: mostly a BOOL's is, and a number's is not. */
export const mayBeShort = (level: number, name: number, isBool: boolean): boolean =>
  has(short, level, name) || (isBool && !has(whole, level, name))
