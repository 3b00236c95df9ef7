/**
 * A network's links and routers, from how they are declared. Throws a RangeError for what cannot be.
 */
import type { Attachment, Link, Router } from "../MockNetwork.ts"
import { Ip, format, parse, v4 } from "./Ip.ts"
import { isHostOf, type Joint, Links } from "./Links.ts"
import * as Machine from "./Machine.ts"

// RFC 791 and RFC 8200: what every link must carry; and what Windows wants of an interface
const leastLink = { v4: 68, v6: 1280 } as const
const leastInterface = 576
const largest = 0xffff_ffff
const defaultMtu = 1500
/** The number of the first router in a network, where there is room; further ones count down. */
const firstRouter = 254
const firstInterface = 2

const listOf = (text: string | ReadonlyArray<string>): ReadonlyArray<string> =>
  typeof text === "string" ? [text] : text

/** The MTU of an interface. */
export const interfaceMtu = (what: string, mtu: number = defaultMtu): number =>
  checkMtu(`mtu of ${what}`, mtu, leastInterface)

const checkMtu = (what: string, mtu: number, least: number): number => {
  if (Number.isInteger(mtu) && mtu >= least && mtu <= largest) return mtu
  throw new RangeError(`${what} must be an integer from ${least} to ${largest}: ${mtu}`)
}

const linkOf = (name: string, { mtu = defaultMtu, subnets }: Link<string>): Machine.Link => {
  const parsed = listOf(subnets).map((text) => {
    if (!text.includes("/")) throw new RangeError(`subnets of link ${name} need a prefix length: ${text}`)
    const { ip, prefix } = Machine.parseAddress(text)
    return { text, ip, prefix }
  })
  if (parsed.length === 0) throw new RangeError(`subnets of link ${name} are none`)
  parsed.forEach(({ ip, prefix, text }, i) => {
    const twin = parsed.slice(0, i).find((other) => ip.samePrefix(other.ip, Math.min(prefix, other.prefix)))
    if (twin !== undefined) throw new RangeError(`subnets of link ${name} overlap: ${twin.text} and ${text}`)
  })
  const least = parsed.every(({ ip }) => ip.isV4) ? leastLink.v4 : leastLink.v6
  return { name, mtu: checkMtu(`mtu of link ${name}`, mtu, least), subnets: parsed }
}

/** The address with a number in a network; it has to have room for it. */
const numbered = (link: Machine.Link, { ip, prefix }: Machine.InterfaceAddress, n: number): Ip => {
  const size = ip.isV4 ? 32 - prefix : Math.min(32, 128 - prefix)
  const base = size >= 32 ? 0 : (ip.w3 & ~(0xffff_ffff >>> (32 - size))) >>> 0
  const own = ip.isV4 ? v4(base + n) : new Ip(ip.w0, ip.w1, ip.w2, (base + n) >>> 0)
  if (n < 1 || !isHostOf({ ip, prefix }, own)) {
    throw new RangeError(`subnets of link ${link.name} have no address number ${n}: ${format(ip)}/${prefix}`)
  }
  return own
}

/** Gives out the addresses of one link, each once. */
class Addresses {
  private readonly link: Machine.Link
  private readonly taken: Array<readonly [ip: Ip, who: string]> = []

  constructor(link: Machine.Link) {
    this.link = link
  }

  /** What somebody says that it has. */
  given(who: string, texts: string | ReadonlyArray<string>): ReadonlyArray<Machine.InterfaceAddress> {
    return listOf(texts).map((text) => {
      const ip = parse(text)
      const subnet = this.link.subnets.find((one) => isHostOf(one, ip))
      if (subnet === undefined) {
        throw new RangeError(`address of ${who} is no host's in the subnets of link ${this.link.name}: ${text}`)
      }
      return this.take(who, ip, subnet.prefix)
    })
  }

  /** One of each network. */
  numbered(who: string, n: number): ReadonlyArray<Machine.InterfaceAddress> {
    return this.link.subnets.map((subnet) => this.take(who, numbered(this.link, subnet, n), subnet.prefix))
  }

  /** One of each network, from its end or from number 254. */
  last(who: string, n: number): ReadonlyArray<Machine.InterfaceAddress> {
    return this.link.subnets.map((subnet) => {
      const bits = (subnet.ip.isV4 ? 32 : 128) - subnet.prefix
      const first = bits >= 8 ? firstRouter : 2 ** bits - (subnet.ip.isV4 && bits > 1 ? 2 : 1)
      return this.take(who, numbered(this.link, subnet, first - n), subnet.prefix)
    })
  }

  private take(who: string, ip: Ip, prefix: number): Machine.InterfaceAddress {
    const other = this.taken.find(([one]) => one.equals(ip))
    if (other !== undefined) {
      throw new RangeError(
        `address of ${who} on link ${this.link.name} is used twice, by ${other[1]} too: ${format(ip)}`
      )
    }
    this.taken.push([ip, who])
    return { ip, prefix }
  }
}

const isList = <A>(given: ReadonlyArray<A> | object): given is ReadonlyArray<A> => Array.isArray(given)

const attachmentOf = (given: Attachment): Exclude<Attachment, string | ReadonlyArray<string>> =>
  typeof given === "string" || isList(given) ? { addresses: given } : given

/** Puts the interface of a machine on a link. */
const attach = (machine: Machine.Machine, link: Machine.Link, addresses: Addresses, n: number, given: Attachment) => {
  const attachment = attachmentOf(given)
  const { index = machine.interfaces.at(-1)!.index + 1, name = link.name } = attachment
  const who = machine.name
  if (!Number.isInteger(index) || index < firstInterface || Machine.byIndex(machine, index) !== undefined) {
    throw new RangeError(`index of ${who} on link ${link.name} is not one, or used twice: ${index}`)
  }
  const own: Machine.Interface = {
    index,
    name,
    loopback: false,
    mtu: interfaceMtu(`${who} on link ${link.name}`, attachment.mtu),
    addresses:
      attachment.addresses === undefined ? addresses.numbered(who, n) : addresses.given(who, attachment.addresses),
    link
  }
  machine.interfaces = [...machine.interfaces, own]
}

const jointOf = (
  name: string,
  router: Router<string>,
  links: ReadonlyMap<string, readonly [Machine.Link, Addresses]>,
  n: number
): Joint => {
  const named: ReadonlyArray<readonly [string, string | ReadonlyArray<string> | undefined]> = isList<string>(router)
    ? router.map((link) => [link, undefined] as const)
    : Object.entries(router)
  const on = new Map<Machine.Link, ReadonlyArray<Ip>>()
  for (const [linkName, given] of named) {
    const found = links.get(linkName)
    if (found === undefined) throw new RangeError(`links of router ${name}: no such link: ${linkName}`)
    const [link, addresses] = found
    if (on.has(link)) throw new RangeError(`links of router ${name}: named twice: ${linkName}`)
    const own = given === undefined ? addresses.last(name, n) : addresses.given(name, given)
    on.set(
      link,
      own.map(({ ip }) => ip)
    )
  }
  if (on.size < 2)
    throw new RangeError(`links of router ${name} must be two or more: ${[...on.keys()].map((l) => l.name).join()}`)
  return { on }
}

/** Gives machines their interfaces, and says how their links are joined. */
export const make = (
  machines: ReadonlyArray<Machine.Machine>,
  links: { readonly [name: string]: Link<string> },
  routers: { readonly [name: string]: Router<string> }
): Links => {
  const made = new Map<string, readonly [Machine.Link, Addresses]>()
  for (const { interfaces, name } of machines) {
    if (interfaces.length > 1) throw new RangeError(`interfaces of ${name} come from the links: ${interfaces[1].name}`)
  }
  for (const [name, declared] of Object.entries(links)) {
    const link = linkOf(name, declared)
    const addresses = new Addresses(link)
    made.set(name, [link, addresses])
    const hosts: ReadonlyArray<readonly [string, Attachment]> = isList<string>(declared.hosts)
      ? declared.hosts.map((host) => [host, {}] as const)
      : Object.entries(declared.hosts).flatMap(([host, given]) => (given === undefined ? [] : [[host, given] as const]))
    const seen = new Set<string>()
    hosts.forEach(([host, given], i) => {
      const machine = machines.find((one) => one.name === host)
      if (machine === undefined) throw new RangeError(`hosts of link ${name}: not a host of this network: ${host}`)
      if (seen.has(host)) throw new RangeError(`hosts of link ${name}: named twice: ${host}`)
      seen.add(host)
      attach(machine, link, addresses, i + 1, given)
    })
  }
  const joints = Object.entries(routers).map(([name, router], i) => jointOf(name, router, made, i))
  const whole = new Links(joints)
  for (const machine of machines) machine.toward = (ip) => whole.toward(machine, ip)
  return whole
}
