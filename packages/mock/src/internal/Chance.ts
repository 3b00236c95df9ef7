/**
 * Chance that is handed out: each from a seed of its own.
 */
import type { Chance } from "../MockRule.ts"
import { Random } from "./Random.ts"

export const chanceOf = (seed: number): Chance => {
  const random = new Random(seed)
  return { below: (n) => random.below(n), next: () => random.below(resolution) / resolution }
}

const resolution = 0x1_0000_0000

/**
 * The chance of a disturbance: the same whatever else is in the plan, for what is left of it would be another disturbance
 * than the one that failed. (FNV-1a)
 */
export const ownChance = (seed: number, at: number, code: string): Chance => {
  let hash = 0x811c_9dc5 ^ seed
  const name = `${at} ${code}`
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193)
  return chanceOf(hash >>> 0)
}
