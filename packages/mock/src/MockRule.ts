/**
 * Rules of a simulated network: what becomes of a packet on its way.
 *
 * A rule looks at each packet that leaves a machine. It may change what is to come of it (later, twice, damaged) and
 * pass it on to the next rule, or give a verdict, and then no other rule is asked. What was installed last is asked
 * first. A packet without a verdict is delivered, with all changes.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import { codeOf, literal, ruleCall } from "./internal/Code.ts"
import * as Parts from "./internal/RuleParts.ts"

/**
 * What a rule sees of a packet that leaves a machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Packet {
  /** Milliseconds of Effect's `Clock` since the simulation began. */
  readonly at: number
  /** The machine that it leaves, by name. */
  readonly from: string
  /**
   * The machine that has its destination, undefined where none has. A broadcast or multicast is judged for each machine
   * that it would reach: then it is that one.
   */
  readonly to: string | undefined
  readonly protocol: "UDP" | "TCP" | "ICMP" | "other"
  /** An address: `10.0.0.1`, `fd00::1`. */
  readonly source: string
  /** 0 where the protocol has none. */
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** Size of the IP packet in bytes, headers counted. */
  readonly size: number
  /** What the transport carries. Not to be changed: `change.payload` replaces it. */
  readonly payload: Uint8Array
  /** Of TCP: `SYN`, `FIN`, `RST`, `ACK`, `WINDOW`, `PROBE`; of all else empty. */
  readonly flags: ReadonlyArray<string>
  /** Bytes of the TCP stream in this direction that went before this segment's. */
  readonly offset: number
  /** How often TCP has sent it before. */
  readonly retransmissions: number
  /** What it leaves with. */
  readonly hopLimit?: number | undefined
}

/**
 * What is to come of a packet so far. Rules change it in place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  /** Milliseconds that it takes, besides what routers take. */
  delay: number
  /** One for each copy that arrives too: milliseconds after the packet itself. */
  copies: Array<number>
  /** What arrives instead of the payload: a damaged packet. Its receiver drops it, as its checksum does not fit. */
  payload: Uint8Array | undefined
  /** Whether the checksum fits all the same, so that what is damaged is received. */
  undetected: boolean
}

/**
 * Why a packet is refused: what ICMP says.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = "network" | "host" | "protocol" | "port" | "hops"

/**
 * What becomes of a packet, for good.
 *
 * - `Deliver`: it arrives, with what was changed so far
 * - `Drop`: it does not, and nobody is told
 * - `Refuse`: it does not, and ICMP tells its sender why: destination unreachable, or time exceeded for `hops`. `by` is
 *   the address that says so: else the destination for `port` and `protocol`, and for all else the first router of the
 *   route, or the sender's own machine where there is none.
 * - `TooBig`: it does not, and ICMP tells its sender the MTU
 * - `Reset`: of a TCP connection, both ends get a RST, behind the first `after` bytes of the payload (none of them unless
 *   it says so); of all else as `Drop`
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Deliver" }
  | { readonly _tag: "Drop"; readonly reason: string }
  | { readonly _tag: "Refuse"; readonly failure: Failure; readonly by?: string | undefined }
  | { readonly _tag: "TooBig"; readonly mtu: number }
  | { readonly _tag: "Reset"; readonly after?: number | undefined }

/**
 * Decides about packets, one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export type Judge = (packet: Packet, change: Change) => Verdict | undefined

/**
 * Chance, from the seed of the simulation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chance {
  /** A number in [0, 1). */
  readonly next: () => number
  /** An integer in [0, n). */
  readonly below: (n: number) => number
}

/**
 * A rule. What it remembers (a queue, a count) begins anew each time it is installed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  /** All that it does, in a few words: `loss of 10 % (between client and server)`. */
  readonly description: string
  /** The expression that makes it, for the report of an exploration. Functions in it are their source. */
  readonly code?: string | undefined
  /** The hosts that it names. Where one is none of the simulation's, it is not installed. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Begins it; `at` is when, as `Packet.at` counts. */
  readonly begin: (chance: Chance, at: number) => Judge
}

/**
 * A time that chance may have a say in: always the same; evenly spread from `min` to `max`; normal, with 0 for what is
 * less; exponential, at least `least` (0 by default), with such a mean; or your own, in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Time =
  | Duration.Input
  | { readonly min: Duration.Input; readonly max: Duration.Input }
  | { readonly normal: { readonly mean: Duration.Input; readonly deviation: Duration.Input } }
  | { readonly exponential: { readonly mean: Duration.Input; readonly least?: Duration.Input | undefined } }
  | ((chance: Chance) => number)

/**
 * A host, by its name or one of its addresses, or several.
 *
 * @category models
 * @since 0.1.0
 */
export type Hosts = string | ReadonlyArray<string>

/**
 * Which packets. All that is said must hold; a packet is `between` two when it goes from one to the other, either way,
 * and `port` is at either end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly from?: Hosts | undefined
  readonly to?: Hosts | undefined
  readonly between?: readonly [Hosts, Hosts] | undefined
  readonly port?: number | undefined
  readonly sourcePort?: number | undefined
  readonly destinationPort?: number | undefined
  readonly protocol?: Packet["protocol"] | undefined
  readonly predicate?: ((packet: Packet) => boolean) | undefined
  /**
   * The predicate in words.
   *
   * @default its source
   */
  readonly description?: string | undefined
}

/**
 * A rule of your own that remembers nothing.
 *
 * **Example** (Resets go unheard)
 *
 * ```ts
 * import { make } from "@effect-winsock/mock/MockRule"
 *
 * const deaf = make("no RST arrives", ({ flags }) =>
 *   flags.includes("RST") ? { _tag: "Drop", reason: "a RST" } : undefined
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (description: string, judge: Judge): Rule => ({
  code: ruleCall("make", description, judge),
  description,
  begin: () => judge
})

export {
  bandwidth,
  blackHole,
  type Bursts,
  corruption,
  cut,
  duplication,
  expire,
  latency,
  loss,
  partition,
  reordering,
  resetAfter,
  tooBig,
  unreachable
} from "./internal/Disturbing.ts"

/**
 * No packet arrives, and nobody is told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const drop: Rule = {
  ...make("dropped", () => ({ _tag: "Drop", reason: "dropped" })),
  code: "MockRule.drop"
}

/**
 * Packets are delivered as they are, whatever the rules say that would be asked later.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deliver: Rule = { ...make("delivered", () => ({ _tag: "Deliver" })), code: "MockRule.deliver" }

const narrowed = (
  rule: Rule,
  by: readonly [combinator: string, value: unknown],
  words: string,
  hosts: ReadonlyArray<string>,
  begin: Rule["begin"]
): Rule => ({
  code: `MockRule.${by[0]}(${codeOf(rule)}, ${literal(by[1])})`,
  description: `${rule.description} (${words})`,
  hosts: [...(rule.hosts ?? []), ...hosts],
  begin
})

/**
 * A rule for some packets only. Hosts are names or addresses; a name that the simulation does not have is found out when
 * the rule is installed, which dies of a `RangeError` then.
 *
 * Throws a `RangeError` for what is no port, no protocol, no host and no function, and for a field that there is none of.
 *
 * **Example** (A bad line between two hosts, good for DNS)
 *
 * ```ts
 * import { deliver, loss, when } from "@effect-winsock/mock/MockRule"
 *
 * const rules = [
 *   when(deliver, { port: 53, protocol: "UDP" }),
 *   when(loss(0.1), { between: ["client", "server"] })
 * ]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const when: {
  (match: Match): (rule: Rule) => Rule
  (rule: Rule, match: Match): Rule
} = dual(2, (rule: Rule, match: Match): Rule => {
  const { description, hosts, test } = Parts.matcher(match)
  return narrowed(rule, ["when", match], description, hosts, (chance, at) => {
    const judge = rule.begin(chance, at)
    return (packet, change) => (test(packet) ? judge(packet, change) : undefined)
  })
})

/**
 * A rule for a while: `from` (0) until `until` (never) after it was installed, by Effect's `Clock`. What leaves at `until` is
 * free of it.
 *
 * Throws a `RangeError` for what is no duration, for another field, and where `until` is not after `from`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const during: {
  (time: {
    readonly from?: Duration.Input | undefined
    readonly until?: Duration.Input | undefined
  }): (rule: Rule) => Rule
  (rule: Rule, time: { readonly from?: Duration.Input | undefined; readonly until?: Duration.Input | undefined }): Rule
} = dual(
  2,
  (
    rule: Rule,
    time: { readonly from?: Duration.Input | undefined; readonly until?: Duration.Input | undefined }
  ): Rule => {
    Parts.fieldsOf("during", time, ["from", "until"])
    const from = Parts.milliseconds("from of during", time.from ?? 0)
    const until = time.until === undefined ? undefined : Parts.milliseconds("until of during", time.until)
    if (until !== undefined && until <= from) throw new RangeError(`until of during: not after from: ${until}`)
    const words = `from ${Parts.timeText(from)}${until === undefined ? "" : ` until ${Parts.timeText(until)}`}`
    return narrowed(rule, ["during", time], words, [], (chance, at) => {
      const judge = rule.begin(chance, at)
      return (packet, change) => {
        const since = packet.at - at
        return since >= from && (until === undefined || since < until) ? judge(packet, change) : undefined
      }
    })
  }
)

const counted = (what: string, n: number, words: string, rule: Rule, applies: (count: number) => boolean): Rule => {
  Parts.integer(`n of ${what}`, n, 1)
  return narrowed(rule, [what, n], words, [], (chance, at) => {
    const judge = rule.begin(chance, at)
    let count = 0
    return (packet, change) => (applies(++count) ? judge(packet, change) : undefined)
  })
}

/**
 * A rule for the first `n` packets that it is asked about.
 *
 * Throws a `RangeError` for what is no count.
 *
 * **Example** (The first three queries get lost)
 *
 * ```ts
 * import { drop, first, when } from "@effect-winsock/mock/MockRule"
 *
 * const rule = when(first(drop, 3), { destinationPort: 53 })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const first: {
  (n: number): (rule: Rule) => Rule
  (rule: Rule, n: number): Rule
} = dual(2, (rule: Rule, n: number): Rule =>
  counted("first", n, n === 1 ? "the first" : `the first ${n}`, rule, (count) => count <= n)
)

/**
 * A rule for the `n`th packet that it is asked about, from 1.
 *
 * Throws a `RangeError` for what is no count.
 *
 * @category combinators
 * @since 0.1.0
 */
export const nth: {
  (n: number): (rule: Rule) => Rule
  (rule: Rule, n: number): Rule
} = dual(2, (rule: Rule, n: number): Rule => counted("nth", n, `number ${n}`, rule, (count) => count === n))

/**
 * Several rules as one: they are asked in order, and the first verdict is its own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (...rules: ReadonlyArray<Rule>): Rule => ({
  code: `MockRule.all(${rules.map(codeOf).join(", ")})`,
  description: rules.map(({ description }) => description).join("; "),
  hosts: rules.flatMap(({ hosts = [] }) => hosts),
  begin: (chance, at) => {
    const judges = rules.map((rule) => rule.begin(chance, at))
    return (packet, change) => {
      for (const judge of judges) {
        const verdict = judge(packet, change)
        if (verdict !== undefined) return verdict
      }
      return undefined
    }
  }
})
