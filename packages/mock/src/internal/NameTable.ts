/**
 * What the simulated resolver knows: hosts by name and by address, services by name and by port.
 */
import { AI_DISABLE_IDN_ENCODING } from "@effect-winsock/schema/NameFlags"
import { SOCK_DGRAM, SOCK_STREAM } from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"
import * as Duration from "effect/Duration"
import * as Host from "effect/net/Host"
import * as Result from "effect/Result"
import type { Failure, HostRecord, Options } from "../MockNames.ts"
import * as Ip from "./Ip.ts"
import type { Machine } from "./Machine.ts"

export interface Address {
  readonly ip: Ip.Ip
  readonly scope: number
}

/** What is known of a host. */
export interface Known {
  readonly name: string
  readonly canonicalName: string
  readonly addresses: ReadonlyArray<Address>
  /** In milliseconds; infinite for one that never answers. */
  readonly latency: number
  /** What asking for it fails with, 0 for nothing. */
  readonly code: number
}

const codes: { readonly [F in Failure]: number } = {
  HostNotFound: sdk.WSAHOST_NOT_FOUND,
  TryAgain: sdk.WSATRY_AGAIN,
  NoData: sdk.WSANO_DATA,
  NameServerFailed: sdk.WSANO_RECOVERY,
  QueryRefused: sdk.WSAEREFUSED
}

// %SystemRoot%\System32\drivers\etc\services, as far as programs are likely to ask for it
const services: ReadonlyArray<readonly [name: string, port: number, type: number]> = [
  ["echo", 7, 0],
  ["discard", 9, 0],
  ["ftp", 21, SOCK_STREAM],
  ["ssh", 22, SOCK_STREAM],
  ["telnet", 23, SOCK_STREAM],
  ["smtp", 25, SOCK_STREAM],
  ["domain", 53, 0],
  ["tftp", 69, SOCK_DGRAM],
  ["http", 80, SOCK_STREAM],
  ["pop3", 110, SOCK_STREAM],
  ["ntp", 123, SOCK_DGRAM],
  ["snmp", 161, SOCK_DGRAM],
  ["https", 443, SOCK_STREAM]
]

// a service that is for one type of socket is none for the others
const fits = (type: number, wanted: number): boolean => type === 0 || wanted === 0 || type === wanted

/** The port of a service by name, or undefined. */
export const portOf = (service: string, type: number): number | undefined =>
  services.find(([name, , own]) => name === service.toLowerCase() && fits(own, type))?.[1]

/** The name of a port's service; its number where it has none. */
export const serviceOf = (port: number, type: number): string =>
  services.find(([, own, only]) => own === port && fits(only, type))?.[0] ?? String(port)

/** Names are one whatever their case and the dot at their end, and in any script unless `flags` say otherwise. */
const keyOf = (name: string, flags = 0): string => {
  const plain = (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase()
  if ((flags & AI_DISABLE_IDN_ENCODING) !== 0) return plain
  const domain = Host.domainNameFromString(plain)
  return Result.isSuccess(domain) ? domain.success : plain
}

/** An address in numbers, with a zone that is a number or the name of an interface; undefined for text that is none. */
export const parseNumeric = (text: string, machine?: Machine): Address | undefined => {
  const percent = text.indexOf("%")
  let ip: Ip.Ip
  try {
    ip = Ip.parse(percent === -1 ? text : text.slice(0, percent))
  } catch {
    return undefined
  }
  if (percent === -1) return { ip, scope: 0 }
  const zone = text.slice(percent + 1)
  const scope = /^\d+$/.test(zone) ? Number(zone) : machine?.interfaces.find(({ name }) => name === zone)?.index
  return scope === undefined || ip.isV4 || scope > 0xffff_ffff ? undefined : { ip, scope }
}

const parse = (text: string): Address => {
  const address = parseNumeric(text)
  if (address === undefined) throw new RangeError(`not an address: ${text}`)
  return address
}

const localhost: ReadonlyArray<Address> = [
  { ip: Ip.loopbackV6, scope: 0 },
  { ip: Ip.loopbackV4, scope: 0 }
]

const addressesOf = (machine: Machine): ReadonlyArray<Address> => {
  const own = machine.interfaces
    .filter(({ loopback }) => !loopback)
    .flatMap(({ addresses, index }) => addresses.map(({ ip }) => ({ ip, scope: ip.isLinkLocal ? index : 0 })))
  return own.length > 0 ? own : localhost
}

export class NameTable {
  /** How long an answer takes that no host says more about. */
  readonly latency: number
  private readonly hosts = new Map<string, Known>()

  /** Throws a RangeError for an address that is none. */
  constructor(options: Options) {
    this.latency = Duration.toMillis(Duration.fromInputUnsafe(options.latency ?? 0))
    for (const [name, given] of Object.entries(options.hosts ?? {})) {
      const record: HostRecord = isList(given) ? { addresses: given } : given
      const { addresses = [], answers = true, canonicalName = name, failure, latency } = record
      this.hosts.set(keyOf(name), {
        name,
        canonicalName,
        addresses: addresses.map(parse),
        latency: answers
          ? latency === undefined
            ? this.latency
            : Duration.toMillis(Duration.fromInputUnsafe(latency))
          : Number.POSITIVE_INFINITY,
        code: failure === undefined ? 0 : codes[failure]
      })
    }
  }

  /** What is known of a name on a machine among others. */
  byName(name: string, flags: number, machine: Machine, others: ReadonlyArray<Machine>): Known | undefined {
    const key = keyOf(name, flags)
    const told = this.hosts.get(key)
    if (told !== undefined) return told
    if (key === "" || key === "..localmachine") return this.known(machine.name, addressesOf(machine))
    if (key === "localhost") return this.known("localhost", localhost)
    const named = others.find((other) => keyOf(other.name) === key)
    return named === undefined ? undefined : this.known(named.name, addressesOf(named))
  }

  /** What is known of the host that has an address. */
  byAddress(ip: Ip.Ip, others: ReadonlyArray<Machine>): Known | undefined {
    const has = ({ addresses }: { readonly addresses: ReadonlyArray<Address> }): boolean =>
      addresses.some((address) => address.ip.equals(ip))
    for (const known of this.hosts.values()) if (has(known)) return known
    if (ip.equals(Ip.loopbackV4) || ip.equals(Ip.loopbackV6)) return this.known("localhost", localhost)
    const named = others.find((other) => has({ addresses: addressesOf(other) }))
    return named === undefined ? undefined : this.known(named.name, addressesOf(named))
  }

  private known(name: string, addresses: ReadonlyArray<Address>): Known {
    return { name, canonicalName: name, addresses, latency: this.latency, code: 0 }
  }
}

const isList = (given: HostRecord | ReadonlyArray<string>): given is ReadonlyArray<string> => Array.isArray(given)
