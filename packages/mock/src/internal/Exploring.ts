/**
 * What an exploration is refused for, before anything of it runs: a mistake in its options is no finding of a seed.
 */
import type { Disturbance } from "../MockDisturbance.ts"
import type { Plan, Subject } from "../MockExplorer.ts"

const refuse = (name: string, expected: string, value: unknown): never => {
  throw new RangeError(`${name} of an exploration: not ${expected}: ${String(value)}`)
}

export const integer = (name: string, value: number, least: number): number =>
  Number.isInteger(value) && value >= least ? value : refuse(name, `an integer of at least ${least}`, value)

const atLeast0 = (name: string, value: number): void => {
  if (!(typeof value === "number" && value >= 0 && Number.isFinite(value))) refuse(name, "milliseconds", value)
}

const moreThan0 = (name: string, value: number): number =>
  typeof value === "number" && value > 0 ? value : refuse(name, "more than 0", value)

/** Returns the limits of a run. */
export const limits = <Name extends string>({ maxTime = 3_600_000, maxTurns = 100_000 }: Subject<Name>) => ({
  maxTime: moreThan0("maxTime", maxTime),
  maxTurns: moreThan0("maxTurns", maxTurns)
})

/** Looks for hosts that there are none of. */
export const checkDisturbance = <Name extends string>(
  { network }: Subject<Name>,
  { code, hosts = [] }: Disturbance<Name>
): void => {
  const unknown = hosts.find((host) => !Object.hasOwn(network.hosts, host))
  if (unknown === undefined) return
  const known = Object.keys(network.hosts).join(", ")
  throw new RangeError(`disturbance of an exploration: ${code}: not a host of its network (${known}): ${unknown}`)
}

export const checkPlan = <Name extends string>(subject: Subject<Name>, plan: Plan<Name>): void => {
  for (const { at, disturbance, duration } of plan) {
    atLeast0("at", at)
    atLeast0("duration", duration)
    checkDisturbance(subject, disturbance)
  }
}
