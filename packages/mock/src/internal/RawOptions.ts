/** The socket options that raw sockets have of their own, and what other options are on them. */
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOCK_RAW, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"
import type { Raw } from "./Raw.ts"

/** IP_HDRINCL and IPV6_HDRINCL have the same number. */
const isHeaderIncluded = (v6: boolean, level: number, name: number): boolean =>
  level === (v6 ? IPPROTO_IPV6 : IPPROTO_IP) && name === Options.IP_HDRINCL

// "IPPROTO_IP socket options": not for raw sockets
const refusal = (level: number, name: number): number =>
  level === IPPROTO_UDP ? sdk.WSAENOPROTOOPT : level === IPPROTO_IP && name === Options.IP_RECVERR ? sdk.WSAEINVAL : 0

/** The option's value on a raw socket; undefined, with or without an error, when it is not decided here. */
export const read = (kernel: Kernel, raw: Raw, v6: boolean, level: number, name: number): number | undefined => {
  if (isHeaderIncluded(v6, level, name)) return raw.headerIncluded ? 1 : 0
  if (level === SOL_SOCKET && name === Options.SO_TYPE) return SOCK_RAW
  kernel.error = refusal(level, name)
  return undefined
}

/** Whether the option was set here, or refused. */
export const write = (
  kernel: Kernel,
  raw: Raw,
  v6: boolean,
  level: number,
  name: number,
  at: number,
  length: number
): boolean => {
  if (isHeaderIncluded(v6, level, name)) {
    if (length < 4) kernel.error = sdk.WSAEFAULT
    else raw.headerIncluded = kernel.memory.u32(at) !== 0
    return true
  }
  kernel.error = refusal(level, name)
  return kernel.error !== 0
}
