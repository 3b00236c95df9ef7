/**
 * Disturbances of a simulated network: what an exploration draws its plans from.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { describe } from "./internal/FaultText.ts"
import type * as MockNetwork from "./MockNetwork.ts"
import type * as MockRule from "./MockRule.ts"
import type { Fault } from "./MockWinsock.ts"

/**
 * Something that happens to a network for a while: begun at its time, ended with its scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface Disturbance<Name extends string = string> {
  readonly description: string
  /** The expression that makes it, for the report. */
  readonly code: string
  readonly begin: (network: MockNetwork.MockNetwork<Name>) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * A disturbance, or what draws one from the seed.
 *
 * @category models
 * @since 0.1.0
 */
export type Drawn<Name extends string = string> = Disturbance<Name> | ((chance: MockRule.Chance) => Disturbance<Name>)

/**
 * A disturbance that installs rules of the network.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const rule = (rule: MockRule.Rule, code = `MockDisturbance.rule(/* ${rule.description} */)`): Disturbance => ({
  description: rule.description,
  code,
  begin: ({ hosts }) => Object.values(hosts)[0].rules(rule)
})

/**
 * A disturbance that makes calls of one machine fail or end differently.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const fault = <Name extends string>(host: Name, fault: Fault): Disturbance<Name> => ({
  description: describe({ ...fault, host }),
  code: `MockDisturbance.fault(${JSON.stringify(host)}, ${JSON.stringify(fault)}${fault.when === undefined ? "" : " /* and its `when` */"})`,
  begin: ({ hosts }) => hosts[host].fault(fault)
})

/**
 * A network in which nothing arrives; it comes when this ends.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const stall: Disturbance = {
  description: "nothing arrives until it ends",
  code: "MockDisturbance.stall",
  begin: ({ hosts }) => Object.values<MockNetwork.MockNetwork<string>["hosts"][string]>(hosts)[0].hold
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const each = (
  name: string,
  share: number,
  what: string,
  act: (change: MockRule.Change, chance: MockRule.Chance) => MockRule.Verdict | undefined
): Disturbance =>
  rule(
    {
      description: `${what} ${percent(share)} of packets`,
      begin: (chance) => (_packet, change) => (chance.next() < share ? act(change, chance) : undefined)
    },
    `MockDisturbance.${name}(${share})`
  )

/**
 * Loses a share of all packets, 0 to 1.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const loses = (share: number): Disturbance =>
  each("loses", share, "loses", () => ({ _tag: "Drop", reason: "lost" }))

/**
 * Delivers a share of all packets twice, 0 to 1.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const doubles = (share: number): Disturbance =>
  each("doubles", share, "doubles", (change, chance) => {
    change.copies.push(chance.below(100))
    return undefined
  })

/**
 * Makes every packet up to so many milliseconds late.
 *
 * @category disturbances
 * @since 0.1.0
 */
export const delays = (milliseconds: number): Disturbance =>
  rule(
    {
      description: `delays packets by up to ${milliseconds} ms`,
      begin: (chance) => (_packet, change) => {
        change.delay += chance.below(milliseconds + 1)
        return undefined
      }
    },
    `MockDisturbance.delays(${milliseconds})`
  )

/**
 * What any network does: some loss, some copies, some delay.
 *
 * @category palettes
 * @since 0.1.0
 */
export const mild: ReadonlyArray<Drawn> = [
  (chance) => loses((1 + chance.below(5)) / 100),
  (chance) => doubles((1 + chance.below(5)) / 100),
  (chance) => delays(1 + chance.below(200))
]

/**
 * What a bad network does: heavy loss up to outages, stalls, long delays.
 *
 * @category palettes
 * @since 0.1.0
 */
export const harsh: ReadonlyArray<Drawn> = [
  ...mild,
  stall,
  loses(1),
  (chance) => loses((10 + chance.below(60)) / 100),
  (chance) => doubles((10 + chance.below(60)) / 100),
  (chance) => delays(200 + chance.below(3000))
]
