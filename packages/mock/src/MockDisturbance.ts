/**
 * Disturbances of a simulated network: what an exploration draws its plans from. They are the rules of `MockRule`, the
 * faults of `MockFault`, and the power of machines, each for a while.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { call, codeOf } from "./internal/Code.ts"
import { ruleOf } from "./internal/FaultRule.ts"
import { describe } from "./internal/FaultText.ts"
import { Outages } from "./internal/Outages.ts"
import * as MockFault from "./MockFault.ts"
import type * as MockNetwork from "./MockNetwork.ts"
import * as MockRule from "./MockRule.ts"
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
  /** The hosts that it names. Where one is none of the network's, nothing is run. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** With chance of its own, from the seed, so that what else happens does not change it. */
  readonly begin: (
    network: MockNetwork.MockNetwork<Name>,
    chance: MockRule.Chance
  ) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * A disturbance, or what draws one from the seed.
 *
 * @category models
 * @since 0.1.0
 */
export type Drawn<Name extends string = string> = Disturbance<Name> | ((chance: MockRule.Chance) => Disturbance<Name>)

/**
 * A disturbance that installs a rule of the network. `code` is for a rule that does not say its own: a record of yours.
 *
 * **Example** (Drawn from the seed)
 *
 * ```ts
 * import { MockDisturbance, MockRule } from "@effect-winsock/mock"
 *
 * const disturbances: ReadonlyArray<MockDisturbance.Drawn> = [
 *   MockDisturbance.rule(MockRule.when(MockRule.drop, { destinationPort: 53 })),
 *   (chance) => MockDisturbance.rule(MockRule.loss(chance.below(100) / 100))
 * ]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const rule = (rule: MockRule.Rule, code?: string): Disturbance => ({
  description: rule.description,
  code: code ?? `MockDisturbance.rule(${codeOf(rule)})`,
  hosts: rule.hosts,
  begin: (network, chance) => network.rules({ ...rule, begin: (_, at) => rule.begin(chance, at) })
})

/**
 * A disturbance that makes calls of one machine fail or end differently.
 *
 * Throws a `RangeError` for a fault that cannot be, as `Mock.fault` dies of.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fault = <Name extends string>(host: Name, fault: Fault): Disturbance<Name> => {
  ruleOf(fault)
  const { description: _, ...said } = fault
  return {
    description: describe({ ...fault, host: fault.host ?? host }),
    code: call("MockDisturbance.fault", host, said),
    hosts: fault.host === undefined ? [host] : [host, fault.host],
    begin: ({ hosts }) => hosts[host].fault(fault)
  }
}

/**
 * A machine without power: its programs are interrupted, and it starts again when this ends, unless something else has
 * started it before. Of several at a time the last one starts it. What is to die with the machine, and to begin again with
 * it, runs by `MockNetwork`'s `run`, `fork` and `host`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const crash = <Name extends string>(host: Name): Disturbance<Name> => ({
  description: `crash of ${host}, until it ends`,
  code: call("MockDisturbance.crash", host),
  hosts: [host],
  begin: (network) => Outages.of(network).begin(host)
})

/**
 * A machine that crashes and is up again at once, however long this is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restart = <Name extends string>(host: Name): Disturbance<Name> => ({
  description: `restart of ${host}`,
  code: call("MockDisturbance.restart", host),
  hosts: [host],
  begin: (network) => network.restart(host)
})

/**
 * A network in which nothing arrives; it comes when this ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stall: Disturbance = {
  description: "nothing arrives until it ends",
  code: "MockDisturbance.stall",
  begin: ({ hosts }) => Object.values<MockNetwork.MockNetwork<string>["hosts"][string]>(hosts)[0].hold
}

// --- palettes ---

/** An integer from `least` to `most`, both possible. */
const from = (least: number, most: number) => (chance: MockRule.Chance) => least + chance.below(most - least + 1)
const share = (least: number, most: number) => (chance: MockRule.Chance) => from(least, most)(chance) / 100
const time = (least: number, most: number) => (chance: MockRule.Chance) =>
  `${from(least, most)(chance)} millis` as const
const upTo = (least: number, most: number) => (chance: MockRule.Chance) => ({ min: 0, max: time(least, most)(chance) })

type Draw = (chance: MockRule.Chance) => MockRule.Rule

const rules = (...draws: ReadonlyArray<Draw>): ReadonlyArray<Drawn> =>
  draws.map((draw) => (chance: MockRule.Chance) => rule(draw(chance)))

const some: ReadonlyArray<Draw> = [
  (chance) => MockRule.loss(share(1, 5)(chance)),
  (chance) => MockRule.duplication(share(1, 5)(chance), { after: upTo(0, 50)(chance) }),
  (chance) => MockRule.latency(upTo(1, 200)(chance)),
  (chance) => MockRule.reordering(share(1, 20)(chance), time(1, 100)(chance)),
  (chance) => MockRule.corruption(share(1, 3)(chance))
]

const heavy: ReadonlyArray<Draw> = [
  () => MockRule.drop,
  (chance) => MockRule.loss(share(10, 70)(chance)),
  (chance) => MockRule.loss({ begin: share(1, 20)(chance), end: share(10, 50)(chance) }),
  (chance) => MockRule.latency(upTo(200, 3200)(chance)),
  (chance) => MockRule.reordering(share(20, 60)(chance), time(100, 2000)(chance)),
  (chance) => MockRule.corruption(share(10, 50)(chance)),
  (chance) =>
    MockRule.bandwidth({ bytesPerSecond: from(1, 10)(chance) * 1000, queueBytes: from(2, 16)(chance) * 1000 }),
  (chance) => MockRule.blackHole(from(576, 1400)(chance))
]

/**
 * What any network does to datagrams: some loss, some copies, delays, some overtaking and damage.
 *
 * @category palettes
 * @since 0.1.0
 */
export const mild: ReadonlyArray<Drawn> = rules(...some)

/**
 * What a bad network does to datagrams: outages, stalls, heavy loss also in bursts, many copies, long delays, narrow lines,
 * black holes, and a port that is closed for a while.
 *
 * @category palettes
 * @since 0.1.0
 */
export const harsh: ReadonlyArray<Drawn> = [
  ...mild,
  stall,
  ...rules(
    ...heavy,
    (chance) =>
      MockRule.duplication(share(10, 70)(chance), { copies: from(1, 3)(chance), after: upTo(0, 2000)(chance) }),
    () => MockRule.unreachable("port")
  )
]

/**
 * What any network does to TCP: as `mild`, and a line that is not of the fastest. A program sees time pass, and nothing else.
 *
 * @category palettes
 * @since 0.1.0
 */
export const mildTcp: ReadonlyArray<Drawn> = rules(...some, (chance) =>
  MockRule.bandwidth({ bytesPerSecond: from(20, 200)(chance) * 1000 })
)

/**
 * What a bad network does to TCP: as `harsh`, and resets. Connections are refused, time out and break: a program has to
 * connect again.
 *
 * @category palettes
 * @since 0.1.0
 */
export const harshTcp: ReadonlyArray<Drawn> = [
  ...mildTcp,
  stall,
  ...rules(
    ...heavy,
    (chance) => MockRule.resetAfter(from(0, 2000)(chance)),
    (chance) => MockRule.unreachable((["network", "host", "port"] as const)[chance.below(3)])
  )
]

const oneOf = <A>(all: ReadonlyArray<A>, chance: MockRule.Chance): A => all[chance.below(all.length)]

/**
 * Outages between machines, two or more: partitions, both ways and one way, and one machine that is cut off.
 *
 * Throws a `RangeError` for less than two.
 *
 * @category palettes
 * @since 0.1.0
 */
export const outages = <Name extends string>(...hosts: ReadonlyArray<Name>): ReadonlyArray<Drawn<Name>> => {
  if (hosts.length < 2) throw new RangeError(`outages: not two hosts: ${hosts.join(", ")}`)
  const pair = (chance: MockRule.Chance): readonly [Name, Name] => {
    const first = chance.below(hosts.length)
    return [hosts[first], hosts[(first + 1 + chance.below(hosts.length - 1)) % hosts.length]]
  }
  return rules(
    (chance) => MockRule.partition(...pair(chance)),
    (chance) => MockRule.partition(...pair(chance), { oneWay: true }),
    (chance) => MockRule.cut(oneOf(hosts, chance))
  )
}

/**
 * Machines that lose their power: `crash` and `restart`. What runs on them has to be run by `MockNetwork`.
 *
 * Throws a `RangeError` for none.
 *
 * @category palettes
 * @since 0.1.0
 */
export const crashes = <Name extends string>(...hosts: ReadonlyArray<Name>): ReadonlyArray<Drawn<Name>> => {
  if (hosts.length === 0) throw new RangeError("crashes: no host")
  return [(chance) => crash(oneOf(hosts, chance)), (chance) => restart(oneOf(hosts, chance))]
}

const faultsOf =
  (what: string, ...draws: ReadonlyArray<(chance: MockRule.Chance) => Fault>) =>
  <Name extends string>(...hosts: ReadonlyArray<Name>): ReadonlyArray<Drawn<Name>> => {
    if (hosts.length === 0) throw new RangeError(`${what}: no host`)
    return draws.map((draw) => (chance: MockRule.Chance) => fault(oneOf(hosts, chance), draw(chance)))
  }

const receives = ["WSARecvMsg", "WSARecv"] as const
const sends = ["WSASendMsg", "WSASend"] as const

/**
 * Faults at the calls of such machines that a program does not see, but for the time that they take: completions and their
 * packets that are late, streams that come in crumbs, cancellations that lose their race or take hold late.
 *
 * Throws a `RangeError` for no machine.
 *
 * @category palettes
 * @since 0.1.0
 */
export const mildFaults: <Name extends string>(...hosts: ReadonlyArray<Name>) => ReadonlyArray<Drawn<Name>> = faultsOf(
  "mildFaults",
  (chance) =>
    MockFault.late(oneOf([...receives, ...sends], chance), { after: time(1, 500)(chance) }, { probability: 0.3 }),
  (chance) =>
    MockFault.latePacket(oneOf([...receives, ...sends], chance), { after: time(1, 500)(chance) }, { probability: 0.3 }),
  (chance) => MockFault.partial("WSARecv", from(1, 16)(chance)),
  () => MockFault.cancelLoses(),
  (chance) => MockFault.cancelLate({ after: time(1, 100)(chance) })
)

/**
 * Faults at the calls of such machines that a program gets as errors: no buffer space, no more sockets, operations that end
 * for want of resources. (`MockFault.outOfMemory` is not among them: it may strike before a program of `host` has begun.)
 *
 * Throws a `RangeError` for no machine.
 *
 * @category palettes
 * @since 0.1.0
 */
export const harshFaults: <Name extends string>(...hosts: ReadonlyArray<Name>) => ReadonlyArray<Drawn<Name>> = faultsOf(
  "harshFaults",
  (chance) => MockFault.fail(oneOf(sends, chance), "WSAENOBUFS"),
  (chance) => MockFault.fail(oneOf(receives, chance), "WSAENOBUFS"),
  (chance) => MockFault.complete(oneOf(receives, chance), "STATUS_INSUFFICIENT_RESOURCES"),
  () => MockFault.fail("WSASocketW", "WSAEMFILE")
)
