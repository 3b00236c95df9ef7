/**
 * A simulated machine's interfaces and how it routes.
 */
import * as Ip from "./Ip.ts"

export interface InterfaceAddress {
  readonly ip: Ip.Ip
  readonly prefix: number
}

/** What joins interfaces of several machines. */
export interface Link {
  readonly name: string
  readonly mtu: number
  readonly subnets: ReadonlyArray<InterfaceAddress>
}

export interface Interface {
  readonly index: number
  readonly name: string
  readonly loopback: boolean
  readonly mtu: number
  readonly addresses: ReadonlyArray<InterfaceAddress>
  /** Undefined where the network has no links: then all machines reach each other. */
  readonly link: Link | undefined
}

export interface Machine {
  readonly name: string
  /** Replaced when an address comes or goes. */
  interfaces: ReadonlyArray<Interface>
  /** Whether a datagram for a closed port or an unknown protocol is answered with ICMP unreachable. */
  readonly answersUnreachable: boolean
  /** Whether an ICMP echo request is answered. */
  readonly answersEcho: boolean
  /** Whether its user may open raw sockets. */
  readonly administrator: boolean
  /** The index of the interface that leads to an address behind routers. */
  toward: ((destination: Ip.Ip) => number | undefined) | undefined
}

const loopbackMtu = 0xffff_ffff

export const loopbackInterface: Interface = {
  index: 1,
  name: "Loopback Pseudo-Interface 1",
  loopback: true,
  mtu: loopbackMtu,
  addresses: [
    { ip: Ip.loopbackV4, prefix: 8 },
    { ip: Ip.loopbackV6, prefix: 128 }
  ],
  link: undefined
}

/** Parses `address/prefix`; throws for text that is none. */
export const parseAddress = (text: string): InterfaceAddress => {
  const slash = text.indexOf("/")
  const ip = Ip.parse(slash === -1 ? text : text.slice(0, slash))
  const most = ip.isV4 ? 32 : 128
  const prefix = slash === -1 ? most : Number(text.slice(slash + 1))
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > most) throw new RangeError(`not a prefix length: ${text}`)
  return { ip, prefix }
}

/** Returns the interface that owns the address. 127.0.0.0/8 is the loopback interface's as a whole. */
export const owner = (machine: Machine, ip: Ip.Ip): Interface | undefined => {
  if (ip.isLoopback) return machine.interfaces.find((own) => own.loopback)
  return machine.interfaces.find((own) => own.addresses.some((address) => address.ip.equals(ip)))
}

export const byIndex = (machine: Machine, index: number): Interface | undefined =>
  machine.interfaces.find((own) => own.index === index)

/** Says whether the address is the limited broadcast, or the broadcast address of one of the machine's networks. */
export const isBroadcast = (machine: Machine, ip: Ip.Ip): boolean =>
  ip.isV4 && (ip.w3 === 0xffff_ffff || broadcastInterface(machine, ip) !== undefined)

export const broadcastInterface = (machine: Machine, ip: Ip.Ip): Interface | undefined =>
  machine.interfaces.find((own) =>
    own.addresses.some(
      ({ ip: address, prefix }) =>
        address.isV4 && prefix < 31 && (address.w3 | (0xffff_ffff >>> prefix)) >>> 0 === ip.w3
    )
  )

/**
 * Returns the interface that a datagram leaves by: the owner of the destination, else the one it is on-link of, else
 * the one that routers lead there from, else the first that is no loopback and has an address of the family (the default
 * route).
 */
export const route = (machine: Machine, destination: Ip.Ip, scope: number): Interface | undefined => {
  if (scope !== 0 && destination.isLinkLocal) return byIndex(machine, scope)
  const own = owner(machine, destination)
  if (own !== undefined) return own
  for (const candidate of machine.interfaces) {
    for (const { ip, prefix } of candidate.addresses) {
      if (ip.samePrefix(destination, prefix)) return candidate
    }
  }
  const led = machine.toward?.(destination)
  if (led !== undefined) return byIndex(machine, led)
  const { isV4 } = destination
  return machine.interfaces.find((own) => !own.loopback && own.addresses.some(({ ip }) => ip.isV4 === isV4))
}

/**
 * Whether two interfaces are on one link. Where none are declared: they share a network, of more than one address and
 * not fe80::/10.
 */
export const onOneLink = (a: Interface, b: Interface): boolean => {
  if (a.loopback || b.loopback) return false
  if (a.link !== undefined || b.link !== undefined) return a.link === b.link
  return a.addresses.some(({ ip, prefix }) => {
    if (ip.isLinkLocal || prefix >= (ip.isV4 ? 32 : 128)) return false
    return b.addresses.some((other) => other.prefix === prefix && ip.samePrefix(other.ip, prefix))
  })
}

/** The largest packet that comes in by an interface: its own bound, and that of its link. */
export const mtuOf = ({ link, mtu }: Interface): number => Math.min(mtu, link?.mtu ?? mtu)

/** Returns the source address that a datagram gets when its socket has none. */
export const sourceFor = (machine: Machine, via: Interface, destination: Ip.Ip): Ip.Ip | undefined => {
  if (!destination.isLoopback && owner(machine, destination) !== undefined) return destination
  const { isV4 } = destination
  const family = via.addresses.filter(({ ip }) => ip.isV4 === isV4)
  const onLink = family.find(({ ip, prefix }) => ip.samePrefix(destination, prefix))
  return (onLink ?? family[0])?.ip
}

export const mtuTo = (machine: Machine, destination: Ip.Ip): number => route(machine, destination, 0)?.mtu ?? 1500
