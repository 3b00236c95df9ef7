/**
 * How far a packet gets: past routers that each take one off its hop limit, over links that bound its size, to a machine,
 * or to where nobody goes on. What is found there is for who sent it to make good.
 */
import type * as Icmp from "./Icmp.ts"
import type { Ip } from "./Ip.ts"
import type { Kernel } from "./Kernel.ts"
import * as Machine from "./Machine.ts"
import type { Routes, Way } from "./Routes.ts"

export interface Journey {
  readonly way: Way
  /** The machine that it is for, also while that is down. */
  readonly target: Kernel | undefined
  readonly end: Way["end"] | "expired" | "narrow"
  /** Routers that take one off its hop limit. */
  readonly passed: number
  /** Until it is where it ends, in milliseconds. */
  readonly delay: number
  /** Of the part that it does not fit into, in `way.mtus`; -1 for none. */
  readonly narrow: number
}

/** Whom a packet is for, and who is about. */
export interface Surroundings {
  readonly routes: Routes
  readonly kernels: ReadonlyArray<Kernel>
  hostOf(kernel: Kernel, ip: Ip): Kernel | undefined
}

/** What a router says of a packet that gets no further than to it. */
export const refusals: { readonly [E in Journey["end"]]?: readonly [failure: Icmp.Failure, reason: string] } = {
  expired: ["hops", "hop limit exceeded"],
  noHost: ["host", "no such host"],
  noNetwork: ["network", "no such network"]
}

/** The machine without power that has an address: it is silent, and so is everybody about it. */
export const downAt = (kernels: ReadonlyArray<Kernel>, ip: Ip): Kernel | undefined =>
  kernels.find(({ isDown, machine }) => isDown && Machine.owner(machine, ip)?.loopback === false)

/** The journey of a packet from a machine; `narrowAt` finds the first part of the way that it does not fit into. */
export const of = (
  around: Surroundings,
  from: Kernel,
  ip: Ip,
  hopLimit: number,
  narrowAt: (mtus: ReadonlyArray<number>) => number
): Journey => {
  const target = around.hostOf(from, ip) ?? downAt(around.kernels, ip)
  const way = around.routes.find(around.kernels, from, target, ip)
  const { delay, end, mtus, routers } = way
  if (end === "nobody") return { way, target, end, passed: 0, delay: 0, narrow: -1 }
  // the last router finds that nobody is behind it
  const ends = end === "noHost" || end === "noNetwork"
  // each router takes one off, and the one that finds nothing left goes no further
  const expires = hopLimit <= routers.length - (ends ? 1 : 0)
  const passed = expires ? hopLimit : routers.length
  const narrow = narrowAt(mtus)
  if (narrow !== -1 && (narrow < passed || !expires)) {
    return { way, target, end: "narrow", passed: narrow, delay: delay * narrow, narrow }
  }
  const parts = expires || ends ? passed : passed + 1
  return { way, target, end: expires ? "expired" : end, passed, delay: delay * parts, narrow: -1 }
}
