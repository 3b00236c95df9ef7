/**
 * The links between simulated machines and the routers that join them: who is reached, on which way.
 */
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { InterfaceAddress, Link, Machine } from "./Machine.ts"
import type { Router, Way } from "./Routes.ts"

/** A router: its addresses on each of the links that it joins. */
export interface Joint {
  readonly on: ReadonlyMap<Link, Router>
}

/** A link as one machine reaches it: over which routers, and how large a packet may be before each, and on the link. */
interface Reach {
  readonly link: Link
  readonly routers: ReadonlyArray<Router>
  readonly mtus: ReadonlyArray<number>
  /** The interface of the machine that leads there. */
  readonly index: number
}

/** Whether a network of the link has the address. */
const covers = (link: Link, ip: Ip): boolean => link.subnets.some((subnet) => ip.samePrefix(subnet.ip, subnet.prefix))

const isOn = (machine: Machine, link: Link, ip: Ip): boolean =>
  machine.interfaces.some((own) => own.link === link && own.addresses.some((address) => address.ip.equals(ip)))

// a router answers from the address that faces the sender, if it has one there
const facing = (joint: Joint, link: Link): Router => [
  ...(joint.on.get(link) ?? []),
  ...[...joint.on].flatMap(([other, addresses]) => (other === link ? [] : addresses))
]

const noNetwork = (reaches: ReadonlyArray<Reach>): Way | undefined => {
  const behind = reaches.find(({ routers }) => routers.length > 0)
  return behind && { routers: behind.routers.slice(0, 1), delay: 0, mtus: behind.mtus.slice(0, 1), end: "noNetwork" }
}

const wayTo = ({ mtus, routers }: Reach, end: Way["end"]): Way => ({ routers, delay: 0, mtus, end })

const nobody: Way = { routers: [], delay: 0, mtus: [], end: "nobody" }

export class Links {
  private readonly joints: ReadonlyArray<Joint>
  // machines do not move from link to link
  private readonly known = new Map<string, ReadonlyArray<Reach>>()

  constructor(joints: ReadonlyArray<Joint>) {
    this.joints = joints
  }

  /** The machine that a packet to the address comes to: the nearest that has it. */
  owner(kernels: ReadonlyArray<Kernel>, from: Machine, ip: Ip): Kernel | undefined {
    for (const { link } of this.reaches(from)) {
      const owner = kernels.find(({ isDown, machine }) => !isDown && machine !== from && isOn(machine, link, ip))
      if (owner !== undefined) return owner
    }
    return undefined
  }

  /** The way to an address, which is that of `target` unless no machine has it. */
  find(from: Machine, target: Machine | undefined, ip: Ip): Way {
    const reaches = this.reaches(from)
    if (target !== undefined) {
      const reach = reaches.find(({ link }) => isOn(target, link, ip))
      return reach === undefined ? nobody : wayTo(reach, "machine")
    }
    const hasRouter = ({ link }: Reach): boolean =>
      this.joints.some(({ on }) => on.has(link) && [...on.values()].some((own) => own.some((a) => a.equals(ip))))
    const atRouter = reaches.find(hasRouter)
    if (atRouter !== undefined) return wayTo(atRouter, "router")
    // the network of a link is known to the last router, whoever is on it
    const near = reaches.find(({ link }) => covers(link, ip))
    if (near !== undefined) return near.routers.length === 0 ? nobody : wayTo(near, "noHost")
    return noNetwork(reaches) ?? nobody
  }

  /** The index of the interface that leads to an address behind routers; undefined where none does. */
  toward(from: Machine, ip: Ip): number | undefined {
    return this.reaches(from).find(({ link }) => covers(link, ip))?.index
  }

  // nearest first
  private reaches(from: Machine): ReadonlyArray<Reach> {
    const known = this.known.get(from.name)
    if (known !== undefined) return known
    const found: Array<Reach> = []
    const seen = new Set<Link>()
    for (const { index, link } of from.interfaces) {
      if (link === undefined || seen.has(link)) continue
      seen.add(link)
      found.push({ link, routers: [], mtus: [link.mtu], index })
    }
    for (const reach of found) {
      for (const joint of this.joints) {
        if (!joint.on.has(reach.link)) continue
        for (const link of joint.on.keys()) {
          if (seen.has(link)) continue
          seen.add(link)
          const routers = [...reach.routers, facing(joint, reach.link)]
          found.push({ link, routers, mtus: [...reach.mtus, link.mtu], index: reach.index })
        }
      }
    }
    this.known.set(from.name, found)
    return found
  }
}

/** Whether a network has room for an address, and it is not the network itself or its broadcast address. */
export const isHostOf = (subnet: InterfaceAddress, ip: Ip): boolean => {
  if (!ip.samePrefix(subnet.ip, subnet.prefix)) return false
  if (!ip.isV4 || subnet.prefix >= 31) return true
  const mask = 0xffff_ffff >>> subnet.prefix
  const host = (ip.w3 & mask) >>> 0
  return host !== 0 && host !== mask
}
