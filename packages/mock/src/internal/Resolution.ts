/**
 * What a call of GetAddrInfoExW asks, and what the answer is: no memory, no time.
 */
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import { AF_INET, AF_INET6, AF_UNSPEC, SOCK_STREAM } from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"
import { anyV4, anyV6, loopbackV4, loopbackV6 } from "./Ip.ts"
import type { Machine } from "./Machine.ts"
import { type Address, type NameTable, parseNumeric, portOf } from "./NameTable.ts"

export interface Hints {
  readonly flags: number
  readonly family: number
  readonly socketType: number
  readonly protocol: number
}

export const noHints: Hints = { flags: 0, family: AF_UNSPEC, socketType: 0, protocol: 0 }

export interface Entry extends Address {
  readonly v6: boolean
}

/** What comes of a lookup, and how long that takes. */
export interface Resolution {
  readonly code: number
  readonly latency: number
  readonly port: number
  readonly canonicalName: string
  readonly entries: ReadonlyArray<Entry>
}

export const knownFlags =
  NameFlags.AI_PASSIVE |
  NameFlags.AI_CANONNAME |
  NameFlags.AI_NUMERICHOST |
  NameFlags.AI_NUMERICSERV |
  NameFlags.AI_DNS_ONLY |
  NameFlags.AI_FORCE_CLEAR_TEXT |
  NameFlags.AI_BYPASS_DNS_CACHE |
  NameFlags.AI_ALL |
  NameFlags.AI_ADDRCONFIG |
  NameFlags.AI_V4MAPPED |
  NameFlags.AI_NON_AUTHORITATIVE |
  NameFlags.AI_SECURE |
  NameFlags.AI_FQDN |
  NameFlags.AI_FILESERVER |
  NameFlags.AI_DISABLE_IDN_ENCODING

const failed = (code: number, latency = 0): Resolution => ({
  code,
  latency,
  port: 0,
  canonicalName: "",
  entries: []
})

const has = (hints: Hints, flag: number): boolean => (hints.flags & flag) !== 0

// the addresses that the hints allow, as they are to be written
const select = (addresses: ReadonlyArray<Address>, hints: Hints, machine: Machine): ReadonlyArray<Entry> => {
  const configured = (isV4: boolean): boolean =>
    !has(hints, NameFlags.AI_ADDRCONFIG) ||
    machine.interfaces.some((own) => !own.loopback && own.addresses.some(({ ip }) => ip.isV4 === isV4))
  const usable = addresses.filter(({ ip }) => configured(ip.isV4))
  const v4 = usable.filter(({ ip }) => ip.isV4)
  const v6 = usable.filter(({ ip }) => !ip.isV4)
  if (hints.family === AF_UNSPEC) return usable.map(({ ip, scope }) => ({ ip, scope, v6: !ip.isV4 }))
  if (hints.family === AF_INET) return v4.map(({ ip, scope }) => ({ ip, scope, v6: false }))
  const mapped = has(hints, NameFlags.AI_V4MAPPED) && (v6.length === 0 || has(hints, NameFlags.AI_ALL)) ? v4 : []
  return [...v6, ...mapped].map(({ ip, scope }) => ({ ip, scope, v6: true }))
}

const port = (service: string | undefined, hints: Hints): number | undefined =>
  service === undefined
    ? 0
    : /^\d{1,5}$/.test(service) && Number(service) <= 0xffff
      ? Number(service)
      : has(hints, NameFlags.AI_NUMERICSERV)
        ? undefined
        : portOf(service, hints.socketType)

/** What the hints themselves make the call fail with, or 0. */
export const refuse = (host: string | undefined, service: string | undefined, hints: Hints): number => {
  if (host === undefined && service === undefined) return sdk.WSAHOST_NOT_FOUND
  if ((hints.flags & ~knownFlags) !== 0) return sdk.WSAEINVAL
  // whose canonical name?
  if (host === undefined && has(hints, NameFlags.AI_CANONNAME | NameFlags.AI_FQDN)) return sdk.WSAEINVAL
  if (![AF_UNSPEC, AF_INET, AF_INET6].includes(hints.family)) return sdk.WSAEAFNOSUPPORT
  if (hints.socketType < 0 || hints.socketType > SOCK_STREAM + 2) return sdk.WSAESOCKTNOSUPPORT
  return 0
}

/** Looks a host and a service up, on a machine among others. */
export const resolve = (
  table: NameTable,
  machine: Machine,
  others: ReadonlyArray<Machine>,
  host: string | undefined,
  service: string | undefined,
  hints: Hints
): Resolution => {
  const number = port(service, hints)
  if (number === undefined) return failed(sdk.WSATYPE_NOT_FOUND)
  const found = (name: string, addresses: ReadonlyArray<Address>, latency: number, none: number): Resolution => {
    const entries = select(addresses, hints, machine)
    return entries.length === 0
      ? failed(none, latency)
      : { code: 0, latency, port: number, canonicalName: name, entries }
  }
  if (host === undefined) {
    const own = has(hints, NameFlags.AI_PASSIVE) ? [anyV6, anyV4] : [loopbackV6, loopbackV4]
    const addresses = own.map((ip) => ({ ip, scope: 0 }))
    return found("", addresses, 0, sdk.WSAHOST_NOT_FOUND)
  }
  const numeric = parseNumeric(host, machine)
  if (numeric !== undefined) {
    const plain = { ...hints, flags: hints.flags & ~NameFlags.AI_ADDRCONFIG }
    const entries = select([numeric], plain, machine)
    if (entries.length === 0) return failed(sdk.WSAHOST_NOT_FOUND)
    return { code: 0, latency: 0, port: number, canonicalName: host, entries }
  }
  if (has(hints, NameFlags.AI_NUMERICHOST)) return failed(sdk.WSAHOST_NOT_FOUND)
  const known = table.byName(host, hints.flags, machine, others)
  if (known === undefined) return failed(sdk.WSAHOST_NOT_FOUND, table.latency)
  if (known.code !== 0) return failed(known.code, known.latency)
  return found(known.canonicalName, known.addresses, known.latency, sdk.WSANO_DATA)
}
