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
import { Line } from "./internal/Line.ts"
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
  /** What it leaves with; undefined for TCP, whose machines all say 128. */
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
export const make = (description: string, judge: Judge): Rule => ({ description, begin: () => judge })

const always = (description: string, verdict: Verdict): Rule => make(description, () => verdict)

const share = (
  what: string,
  probability: number,
  act: (packet: Packet, change: Change, chance: Chance) => Verdict | void
) => {
  Parts.probability(`probability of ${what}`, probability)
  return {
    begin:
      (chance: Chance): Judge =>
      (packet, change) =>
        chance.next() < probability ? (act(packet, change, chance) ?? undefined) : undefined
  }
}

/**
 * Packets arrive so much later. Where the time varies they may overtake each other, but for those of one TCP connection.
 * Latencies of several rules add up.
 *
 * Throws a `RangeError` for a duration that is negative or not finite.
 *
 * **Example** (Latencies)
 *
 * ```ts
 * import { latency } from "@effect-winsock/mock/MockRule"
 *
 * const rules = [
 *   latency("50 millis"),
 *   latency({ min: "10 millis", max: "30 millis" }),
 *   latency({ normal: { mean: "40 millis", deviation: "5 millis" } }),
 *   latency((chance) => (chance.next() < 0.99 ? 20 : 500))
 * ]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const latency = (time: Time): Rule => {
  const { description, next } = Parts.sampler("latency", time)
  return {
    description: `latency of ${description}`,
    begin: (chance) => (_packet, change) => {
      change.delay += next(chance)
      return undefined
    }
  }
}

/**
 * A line between each two machines, in each direction, that carries so many bytes a second. A packet that finds it busy
 * waits for its turn, first in, first out; one that finds `queueBytes` full is lost. What is on its way out is not in the
 * queue. A packet that another rule loses has had its turn, unless that rule is asked first.
 *
 * Throws a `RangeError` for no bytes per second, and for a negative queue.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bandwidth = (options: {
  readonly bytesPerSecond: number
  /**
   * Size of the queue in bytes of IP packets.
   *
   * @default no bound
   */
  readonly queueBytes?: number | undefined
}): Rule => {
  const { bytesPerSecond, queueBytes = Number.POSITIVE_INFINITY } = options
  if (!(bytesPerSecond > 0 && Number.isFinite(bytesPerSecond))) {
    throw new RangeError(`bytesPerSecond of bandwidth: not more than 0: ${bytesPerSecond}`)
  }
  if (!(queueBytes >= 0)) throw new RangeError(`queueBytes of bandwidth: not a size: ${queueBytes}`)
  const queue = queueBytes === Number.POSITIVE_INFINITY ? "" : ` with a queue of ${queueBytes} bytes`
  const description = `bandwidth of ${bytesPerSecond} bytes/s${queue}`
  const full: Verdict = { _tag: "Drop", reason: `queue full: ${description}` }
  return {
    description,
    begin: () => {
      const lines = new Map<string, Line>()
      return (packet, change) => {
        const direction = Parts.directionOf(packet)
        let line = lines.get(direction)
        if (line === undefined) lines.set(direction, (line = new Line(bytesPerSecond, queueBytes)))
        const left = line.add(packet.at, packet.size)
        if (left === undefined) return full
        change.delay += left - packet.at
        return undefined
      }
    }
  }
}

/**
 * Losses in bursts, after Gilbert and Elliott: before each packet of a direction between two machines a burst begins with
 * the probability `begin`, or one that is on ends with the probability `end`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bursts {
  readonly begin: number
  readonly end: number
  /**
   * The probability of a loss within a burst.
   *
   * @default 1
   */
  readonly within?: number | undefined
  /**
   * The probability of a loss outside of bursts.
   *
   * @default 0
   */
  readonly outside?: number | undefined
}

/**
 * Packets get lost, each with such a probability, or in bursts.
 *
 * Throws a `RangeError` for a probability that is not in [0, 1].
 *
 * **Example** (Losses)
 *
 * ```ts
 * import { loss } from "@effect-winsock/mock/MockRule"
 *
 * const rules = [loss(0.1), loss({ begin: 0.01, end: 0.25 })]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const loss = (probability: number | Bursts): Rule => {
  if (typeof probability === "object") return lossInBursts(probability)
  const lost: Verdict = { _tag: "Drop", reason: `loss of ${Parts.percent(probability)}` }
  return { description: lost.reason, ...share("loss", probability, () => lost) }
}

const lossInBursts = ({ begin, end, outside = 0, within = 1 }: Bursts): Rule => {
  for (const [name, value] of Object.entries({ begin, end, within, outside }))
    Parts.probability(`${name} of loss`, value)
  const { percent } = Parts
  const description = `loss in bursts: ${percent(begin)} begin, ${percent(end)} end, ${percent(within)} lost within, ${percent(outside)} outside`
  const lost: Verdict = { _tag: "Drop", reason: description }
  return {
    description,
    begin: (chance) => {
      const bursts = new Set<string>()
      return (packet) => {
        const direction = Parts.directionOf(packet)
        const was = bursts.has(direction)
        const is = was ? chance.next() >= end : chance.next() < begin
        if (is && !was) bursts.add(direction)
        if (was && !is) bursts.delete(direction)
        return chance.next() < (is ? within : outside) ? lost : undefined
      }
    }
  }
}

/**
 * Packets arrive more than once, each with such a probability: `copies` more (1), the first `after` the packet (0), and
 * each after the one before.
 *
 * Throws a `RangeError` for what is no probability, no count and no duration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const duplication = (
  probability: number,
  options: { readonly copies?: number | undefined; readonly after?: Time | undefined } = {}
): Rule => {
  const copies = Parts.integer("copies of duplication", options.copies ?? 1, 1)
  const after = Parts.sampler("after of duplication", options.after ?? 0)
  const times = copies === 1 ? "" : `, ${copies} copies`
  const later = options.after === undefined ? "" : `, ${after.description} later`
  return {
    description: `duplication of ${Parts.percent(probability)}${times}${later}`,
    ...share("duplication", probability, (_packet, change, chance) => {
      let at = 0
      for (let i = 0; i < copies; i++) change.copies.push((at += after.next(chance)))
    })
  }
}

/**
 * Packets are held back, each with such a probability, so that others overtake them. Those of one TCP connection stay in
 * order: there all that follow wait too.
 *
 * Throws a `RangeError` for what is no probability and no duration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reordering = (probability: number, by: Time): Rule => {
  const { description, next } = Parts.sampler("reordering", by)
  return {
    description: `reordering of ${Parts.percent(probability)}, held back ${description}`,
    ...share("reordering", probability, (_packet, change, chance) => {
      change.delay += next(chance)
    })
  }
}

/**
 * Bits of the payload are turned over, in each packet with such a probability. The receiver's checksum finds out, and the
 * packet is lost (`damaged` in the trace). With `undetected` it does not, and what is damaged is received; what carries
 * nothing is left alone then. Of protocols without a checksum (raw sockets') it is received in any case.
 *
 * Throws a `RangeError` for what is no probability and no count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const corruption = (
  probability: number,
  options: {
    /** How many bits of a packet, 1 by default. */
    readonly bits?: number | undefined
    readonly undetected?: boolean | undefined
  } = {}
): Rule => {
  const { undetected = false } = options
  const bits = Parts.integer("bits of corruption", options.bits ?? 1, 1)
  const many = bits === 1 ? "" : `, ${bits} bits each`
  return {
    description: `corruption of ${Parts.percent(probability)}${many}${undetected ? ", undetected" : ""}`,
    ...share("corruption", probability, (packet, change, chance) => {
      const payload = (change.payload ?? packet.payload).slice()
      if (payload.length === 0 && undetected) return
      for (let i = 0; i < bits && payload.length > 0; i++) {
        const bit = chance.below(payload.length * 8)
        payload[bit >>> 3] ^= 1 << (bit & 7)
      }
      // what one checksum finds is found, whatever else was damaged
      change.undetected = undetected && (change.payload === undefined || change.undetected)
      change.payload = payload
    })
  }
}

/**
 * Nothing passes between two hosts, or two groups of hosts; with `oneWay` nothing from the first to the second. What a
 * group says to itself passes. It heals when the rule is taken away.
 *
 * Throws a `RangeError` for a group of none, and for a host in both.
 *
 * **Example** (A network that falls apart, and heals)
 *
 * ```ts
 * import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
 * import { partition } from "@effect-winsock/mock/MockRule"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const { hosts } = yield* MockNetwork.makeTwoHosts()
 *   yield* Effect.scoped(
 *     Effect.gen(function* () {
 *       yield* hosts.client.rules(partition("client", "server"))
 *       yield* Effect.sleep("10 minutes")
 *     })
 *   )
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const partition = (a: Hosts, b: Hosts, options: { readonly oneWay?: boolean | undefined } = {}): Rule => {
  const { oneWay = false } = options
  const [first, second] = [Parts.place("partition", a), Parts.place("partition", b)]
  const both = first.members.find((member) => second.members.includes(member))
  if (both !== undefined) throw new RangeError(`partition: a host of both sides: ${both}`)
  const description = oneWay
    ? `partition: nothing from ${first.description} to ${second.description}`
    : `partition of ${first.description} from ${second.description}`
  const verdict: Verdict = { _tag: "Drop", reason: description }
  return {
    description,
    hosts: [...first.hosts, ...second.hosts],
    begin: () => (packet) =>
      (first.sends(packet) && second.gets(packet)) || (!oneWay && second.sends(packet) && first.gets(packet))
        ? verdict
        : undefined
  }
}

/**
 * Nothing passes between a host, by its name, and all others. What it says to itself does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cut = (host: string): Rule => {
  const verdict: Verdict = { _tag: "Drop", reason: `cut of ${host}` }
  return {
    description: verdict.reason,
    hosts: [host],
    begin: () => (packet) => ((packet.from === host) !== (packet.to === host) ? verdict : undefined)
  }
}

/** The smallest MTU of IPv4. */
const leastMtu = 68

/**
 * Larger IP packets than `mtu` bytes, headers counted, vanish, and nobody is told: a black hole for those who try to find
 * out the MTU of the path. Fragments of larger ones vanish too.
 *
 * Throws a `RangeError` for less than 68 bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const blackHole = (mtu: number): Rule => {
  Parts.integer("mtu of blackHole", mtu, leastMtu)
  const verdict: Verdict = { _tag: "Drop", reason: `black hole for more than ${mtu} bytes` }
  return make(verdict.reason, (packet) => (packet.size > mtu ? verdict : undefined))
}

/**
 * Larger IP packets than `mtu` bytes, headers counted, go no further, and ICMP tells the MTU to their sender (fragmentation
 * needed, packet too big), whose machine knows from now on what fits. Datagrams that may be cut arrive all the same: over
 * IPv4 a router cuts them, over IPv6 the sender, once it knows.
 *
 * Throws a `RangeError` for less than 68 bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tooBig = (mtu: number): Rule => {
  Parts.integer("mtu of tooBig", mtu, leastMtu)
  const verdict: Verdict = { _tag: "TooBig", mtu }
  return make(`too big: more than ${mtu} bytes`, (packet) => (packet.size > mtu ? verdict : undefined))
}

const refusal = (what: string, failure: Failure, by: string | undefined): Rule => {
  if (by !== undefined) Parts.address(`by of ${what}`, by)
  const verdict: Verdict = { _tag: "Refuse", failure, by }
  return always(`${what}${by === undefined ? "" : `, says ${by}`}`, verdict)
}

/**
 * Packets go no further, and ICMP tells their sender that the destination is unreachable. `by` is the address that says so,
 * as of `Refuse`. UDP sockets hear of `port` only: `WSAECONNRESET`, unless `SIO_UDP_CONNRESET` keeps it from them.
 *
 * Throws a `RangeError` where `by` is no address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = (
  failure: Exclude<Failure, "hops"> = "host",
  options: { readonly by?: string | undefined } = {}
): Rule => refusal(`${failure} unreachable`, failure, options.by)

/**
 * Hop limits expire: packets go no further, and ICMP tells their sender (time exceeded). With `hops` only those do that
 * leave with no larger hop limit. UDP sockets hear of it, `WSAENETRESET`, unless `SIO_UDP_NETRESET` keeps it from them.
 *
 * Throws a `RangeError` where `by` is no address and `hops` no count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expire = (
  options: { readonly hops?: number | undefined; readonly by?: string | undefined } = {}
): Rule => {
  const { by, hops } = options
  if (hops === undefined) return refusal("hop limit exceeded", "hops", by)
  Parts.integer("hops of expire", hops, 1)
  return when(refusal(`hop limit exceeded after ${hops} hops`, "hops", by), {
    predicate: ({ hopLimit = defaultHopLimit }) => hopLimit <= hops,
    description: `hop limit of ${hops} or less`
  })
}

const defaultHopLimit = 128

/**
 * A TCP connection is reset, at both ends, once so many bytes of a direction of its stream have passed and another is sent:
 * the bytes before arrive, the next does not.
 *
 * Throws a `RangeError` for what is no count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resetAfter = (bytes: number): Rule => {
  Parts.integer("bytes of resetAfter", bytes, 0)
  return make(`reset after ${bytes} bytes`, ({ offset, payload, protocol }) =>
    protocol === "TCP" && payload.length > 0 && offset + payload.length > bytes
      ? { _tag: "Reset", after: Math.max(0, bytes - offset) }
      : undefined
  )
}

/**
 * No packet arrives, and nobody is told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const drop: Rule = always("dropped", { _tag: "Drop", reason: "dropped" })

/**
 * Packets are delivered as they are, whatever the rules say that would be asked later.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deliver: Rule = always("delivered", { _tag: "Deliver" })

const narrowed = (rule: Rule, words: string, hosts: ReadonlyArray<string>, begin: Rule["begin"]): Rule => ({
  description: `${rule.description} (${words})`,
  hosts: [...(rule.hosts ?? []), ...hosts],
  begin
})

/**
 * A rule for some packets only. Hosts are names or addresses; a name that the simulation does not have is found out when
 * the rule is installed, which dies of a `RangeError` then.
 *
 * Throws a `RangeError` for what is no port.
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
  return narrowed(rule, description, hosts, (chance, at) => {
    const judge = rule.begin(chance, at)
    return (packet, change) => (test(packet) ? judge(packet, change) : undefined)
  })
})

/**
 * A rule for a while: `from` (0) until `until` (never) after it was installed, by Effect's `Clock`. What leaves at `until` is
 * free of it.
 *
 * Throws a `RangeError` for what is no duration, and where `until` is not after `from`.
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
    const from = Parts.milliseconds("from of during", time.from ?? 0)
    const until = time.until === undefined ? undefined : Parts.milliseconds("until of during", time.until)
    if (until !== undefined && until <= from) throw new RangeError(`until of during: not after from: ${until}`)
    const words = `from ${Parts.timeText(from)}${until === undefined ? "" : ` until ${Parts.timeText(until)}`}`
    return narrowed(rule, words, [], (chance, at) => {
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
  return narrowed(rule, words, [], (chance, at) => {
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
