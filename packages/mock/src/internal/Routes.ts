/**
 * The routers between simulated machines: what a datagram passes on its way, and where the way ends.
 */
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import type { Links } from "./Links.ts"
import * as Machine from "./Machine.ts"

/** A router, by its addresses. */
export type Router = ReadonlyArray<Ip>

/** What lies between two machines, from the first one's side. */
export interface Route {
  readonly ends: readonly [string, string]
  readonly routers: ReadonlyArray<Router>
  /** From one to the next, in milliseconds. */
  readonly delay: number
}

/** What a datagram passes, and what is there when it has passed all: a machine, a router, or nothing that goes on. */
export interface Way {
  readonly routers: ReadonlyArray<Router>
  readonly delay: number
  /** The largest packet on each part of it, before each router and at the end; empty where nothing bounds it. */
  readonly mtus: ReadonlyArray<number>
  readonly end: "machine" | "router" | "noHost" | "noNetwork" | "nobody"
}

const unbounded: ReadonlyArray<number> = []
const direct: Way = { routers: [], delay: 0, mtus: unbounded, end: "machine" }
const nobody: Way = { routers: [], delay: 0, mtus: unbounded, end: "nobody" }

/** A route as one of its ends sees it: who is at the other. */
interface View {
  readonly other: string
  readonly routers: ReadonlyArray<Router>
  readonly delay: number
}

const seenFrom = (name: string, { delay, ends: [first, second], routers }: Route): ReadonlyArray<View> =>
  name === first
    ? [{ other: second, routers, delay }]
    : name === second
      ? [{ other: first, routers: routers.toReversed(), delay }]
      : []

const hasAddress = (router: Router, ip: Ip): boolean => router.some((own) => own.equals(ip))

export class Routes {
  private readonly routes: ReadonlyArray<Route>
  private readonly links: Links | undefined

  /** With `links` only they say who reaches whom. */
  constructor(routes: ReadonlyArray<Route>, links?: Links) {
    this.routes = routes
    this.links = links
  }

  /** Whether there is more between machines than a wire. */
  get any(): boolean {
    return this.links !== undefined || this.routes.length > 0
  }

  /** The machine, other than the sender, that a packet to the address comes to. */
  owner(kernels: ReadonlyArray<Kernel>, from: Kernel, ip: Ip): Kernel | undefined {
    if (this.links !== undefined) return this.links.owner(kernels, from.machine, ip)
    return kernels.find(
      ({ isDown, machine }) => !isDown && machine !== from.machine && Machine.owner(machine, ip) !== undefined
    )
  }

  /** The way from a machine to an address, which is that of `target` unless no machine has it. */
  find(kernels: ReadonlyArray<Kernel>, from: Kernel, target: Kernel | undefined, ip: Ip): Way {
    if (target === from) return direct
    if (this.links !== undefined) return this.links.find(from.machine, target?.machine, ip)
    if (this.routes.length === 0) return target === undefined ? nobody : direct
    const views = this.routes.flatMap((route) => seenFrom(from.name, route))
    if (target !== undefined) {
      const view = views.find(({ other }) => other === target.name)
      return view === undefined ? direct : { routers: view.routers, delay: view.delay, mtus: unbounded, end: "machine" }
    }
    for (const { delay, routers } of views) {
      const at = routers.findIndex((router) => hasAddress(router, ip))
      if (at !== -1) return { routers: routers.slice(0, at), delay, mtus: unbounded, end: "router" }
    }
    // the network of a machine is known where it ends, whoever is in it
    for (const { delay, other, routers } of views) {
      const machine = kernels.find(({ name }) => name === other)?.machine
      const near = machine?.interfaces.some((own) => own.addresses.some((a) => a.ip.samePrefix(ip, a.prefix)))
      if (near === true && routers.length > 0) return { routers, delay, mtus: unbounded, end: "noHost" }
    }
    const first = views.find(({ routers }) => routers.length > 0)
    if (first === undefined) return nobody
    return { routers: first.routers.slice(0, 1), delay: first.delay, mtus: unbounded, end: "noNetwork" }
  }
}
