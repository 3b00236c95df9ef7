/** What a program says about a lookup, read once, before any call is made. */
import * as Flags from "@effect-winsock/schema/Flags"
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, isWithin, millisOf, oneOf } from "./checks.ts"
import type { Query } from "./lookups.ts"
import type { ReverseQuery } from "./reverseLookups.ts"

export const lookupFlags = {
  passive: NameFlags.AI_PASSIVE,
  canonicalName: NameFlags.AI_CANONNAME,
  fullyQualifiedName: NameFlags.AI_FQDN,
  numericHost: NameFlags.AI_NUMERICHOST,
  numericService: NameFlags.AI_NUMERICSERV,
  addressConfig: NameFlags.AI_ADDRCONFIG,
  v4Mapped: NameFlags.AI_V4MAPPED,
  all: NameFlags.AI_ALL,
  dnsOnly: NameFlags.AI_DNS_ONLY,
  bypassCache: NameFlags.AI_BYPASS_DNS_CACHE,
  fileServer: NameFlags.AI_FILESERVER,
  noIdnEncoding: NameFlags.AI_DISABLE_IDN_ENCODING
} as const

export const reverseFlags = {
  nameRequired: NameFlags.NI_NAMEREQD,
  numericHost: NameFlags.NI_NUMERICHOST,
  numericService: NameFlags.NI_NUMERICSERV,
  noDomain: NameFlags.NI_NOFQDN,
  datagram: NameFlags.NI_DGRAM
} as const

export const namespaces = {
  all: NameFlags.NS_ALL,
  dns: NameFlags.NS_DNS,
  netbios: NameFlags.NS_NETBT,
  wins: NameFlags.NS_WINS
} as const

export const socketTypes = { stream: Flags.SOCK_STREAM, datagram: Flags.SOCK_DGRAM } as const

/** Longer names fit no answer either. */
const mostCharacters = NameFlags.NI_MAXHOST - 1
/** 24 days: what a timer can count. */
const mostMillis = 2 ** 31 - 1

type Given = { readonly [option: string]: unknown }

const refused = (operation: string, option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument(operation, option, value, expected)

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length <= mostCharacters && !value.includes("\0")

const aText = `text of at most ${mostCharacters} characters without a zero`

// one of a table's values by its name
const choice = (
  operation: string,
  option: string,
  table: { readonly [name: string]: number },
  given: unknown
): number | WinsockError =>
  typeof given === "string" && Object.hasOwn(table, given)
    ? table[given]
    : refused(operation, option, given, oneOf(Object.keys(table)))

// a list of names becomes the bits that they stand for
const bitsOf = (
  operation: string,
  table: { readonly [name: string]: number },
  given: unknown
): number | WinsockError => {
  if (given === undefined) return 0
  if (!Array.isArray(given)) return refused(operation, "flags", given, "a list of flags")
  let bits = 0
  for (const name of given) {
    const bit = choice(operation, "flags", table, name)
    if (typeof bit !== "number") return bit
    bits |= bit
  }
  return bits
}

const serviceOf = (given: unknown): string | undefined | WinsockError => {
  if (given === undefined) return undefined
  if (isWithin(given, 0, 65_535)) return String(given)
  // the provider would cut a port that is too large
  if (isText(given) && given !== "" && (!/^\d+$/.test(given) || isWithin(Number(given), 0, 65_535))) return given
  return refused("GetAddrInfoExW", "service", given, "a port from 0 to 65535 or the name of a service")
}

/** Reads what is asked about a name. */
export const queryOf = (host: unknown, options: unknown = {}): Query | WinsockError => {
  const operation = "GetAddrInfoExW"
  if (host !== undefined && !isText(host)) return refused(operation, "host", host, aText)
  if (!isRecord(options)) return refused(operation, "options", options, "a record of options")
  const given = options as Given
  const { family } = given
  if (family !== undefined && family !== "IPv4" && family !== "IPv6") {
    return refused(operation, "family", family, '"IPv4" or "IPv6"')
  }
  const service = serviceOf(given.service)
  if (WinsockErrors.isWinsockError(service)) return service
  if (host === undefined && service === undefined) {
    return refused(operation, "service", service, "given where there is no host")
  }
  const flags = bitsOf(operation, lookupFlags, given.flags)
  if (typeof flags !== "number") return flags
  // both together make a list of another structure
  const names = NameFlags.AI_CANONNAME | NameFlags.AI_FQDN
  if ((flags & names) === names) {
    return refused(operation, "flags", given.flags, "without canonicalName or without fullyQualifiedName")
  }
  const namespace = choice(operation, "namespace", namespaces, given.namespace ?? "all")
  if (typeof namespace !== "number") return namespace
  const socketType = given.socketType === undefined ? 0 : choice(operation, "socketType", socketTypes, given.socketType)
  if (typeof socketType !== "number") return socketType
  const timeout = given.timeout === undefined ? 0 : millisOf(given.timeout)
  if (given.timeout !== undefined && !(timeout >= 1 && timeout <= mostMillis)) {
    return refused(operation, "timeout", given.timeout, "a duration from 1 millisecond to 24 days")
  }
  return { host, service, family, flags, socketType, namespace, timeout }
}

/** Reads what is asked about an address. */
export const reverseQueryOf = (address: unknown, options: unknown = {}): ReverseQuery | WinsockError => {
  const operation = "GetNameInfoW"
  if (!isRecord(options)) return refused(operation, "options", options, "a record of options")
  const flags = bitsOf(operation, reverseFlags, (options as Given).flags)
  if (typeof flags !== "number") return flags
  const inet = NetAddress.isInetAddress(address)
    ? Result.succeed(address)
    : NetAddress.isIpAddress(address)
      ? NetAddress.inetAddress(address, 0)
      : undefined
  return inet === undefined || Result.isFailure(inet)
    ? refused(operation, "address", address, "an IPv4 or IPv6 address, with or without a port")
    : { address: inet.success, flags }
}
