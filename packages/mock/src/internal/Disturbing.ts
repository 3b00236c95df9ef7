/**
 * The rules that disturb: they delay packets, lose, copy, damage and refuse them. `MockRule` exports them.
 */
import type { Chance, Change, Failure, Hosts, Judge, Packet, Rule, Time, Verdict } from "../MockRule.ts"
import { ruleCall } from "./Code.ts"
import { Line } from "./Line.ts"
import * as Parts from "./RuleParts.ts"

const stateless = (code: string, description: string, judge: Judge): Rule => ({
  code,
  description,
  begin: () => judge
})

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
    code: ruleCall("latency", time),
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
    code: ruleCall("bandwidth", options),
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
  return { code: ruleCall("loss", probability), description: lost.reason, ...share("loss", probability, () => lost) }
}

const lossInBursts = (bursts: Bursts): Rule => {
  const { begin, end, outside = 0, within = 1 } = bursts
  for (const [name, value] of Object.entries({ begin, end, within, outside }))
    Parts.probability(`${name} of loss`, value)
  const { percent } = Parts
  const description = `loss in bursts: ${percent(begin)} begin, ${percent(end)} end, ${percent(within)} lost within, ${percent(outside)} outside`
  const lost: Verdict = { _tag: "Drop", reason: description }
  return {
    code: ruleCall("loss", bursts),
    description,
    begin: (chance) => {
      const on = new Set<string>()
      return (packet) => {
        const direction = Parts.directionOf(packet)
        const was = on.has(direction)
        const is = was ? chance.next() >= end : chance.next() < begin
        if (is && !was) on.add(direction)
        if (was && !is) on.delete(direction)
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
  options?: { readonly copies?: number | undefined; readonly after?: Time | undefined }
): Rule => {
  const copies = Parts.integer("copies of duplication", options?.copies ?? 1, 1)
  const after = Parts.sampler("after of duplication", options?.after ?? 0)
  const times = copies === 1 ? "" : `, ${copies} copies`
  const later = options?.after === undefined ? "" : `, ${after.description} later`
  return {
    code: ruleCall("duplication", probability, options),
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
    code: ruleCall("reordering", probability, by),
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
  options?: {
    /** How many bits of a packet, 1 by default. */
    readonly bits?: number | undefined
    readonly undetected?: boolean | undefined
  }
): Rule => {
  const undetected = options?.undetected ?? false
  const bits = Parts.integer("bits of corruption", options?.bits ?? 1, 1)
  const many = bits === 1 ? "" : `, ${bits} bits each`
  return {
    code: ruleCall("corruption", probability, options),
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
export const partition = (a: Hosts, b: Hosts, options?: { readonly oneWay?: boolean | undefined }): Rule => {
  const oneWay = options?.oneWay ?? false
  const [first, second] = [Parts.place("partition", a), Parts.place("partition", b)]
  const both = first.members.find((member) => second.members.includes(member))
  if (both !== undefined) throw new RangeError(`partition: a host of both sides: ${both}`)
  const description = oneWay
    ? `partition: nothing from ${first.description} to ${second.description}`
    : `partition of ${first.description} from ${second.description}`
  const verdict: Verdict = { _tag: "Drop", reason: description }
  return {
    code: ruleCall("partition", a, b, options),
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
    code: ruleCall("cut", host),
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
  const code = ruleCall("blackHole", mtu)
  return stateless(code, verdict.reason, (packet) => (packet.size > mtu ? verdict : undefined))
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
  const code = ruleCall("tooBig", mtu)
  return stateless(code, `too big: more than ${mtu} bytes`, (packet) => (packet.size > mtu ? verdict : undefined))
}

const refusal = (code: string, what: string, failure: Failure, by: string | undefined): Rule => {
  if (by !== undefined) Parts.address(`by of ${what}`, by)
  const verdict: Verdict = { _tag: "Refuse", failure, by }
  return stateless(code, `${what}${by === undefined ? "" : `, says ${by}`}`, () => verdict)
}

/**
 * Packets go no further, and ICMP tells their sender that the destination is unreachable. `by` is the address that says so,
 * as of `Refuse`. UDP sockets hear of `port` only: `WSAECONNRESET`, unless `SIO_UDP_CONNRESET` keeps it from them.
 *
 * Throws a `RangeError` where `by` is no address, and for what cannot be unreachable.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = (
  failure: Exclude<Failure, "hops"> = "host",
  options?: { readonly by?: string | undefined }
): Rule => {
  if (!failures.includes(failure)) {
    throw new RangeError(`failure of unreachable: none of ${failures.join(", ")}: ${String(failure)}`)
  }
  return refusal(ruleCall("unreachable", failure, options), `${failure} unreachable`, failure, options?.by)
}

const failures: ReadonlyArray<Failure> = ["network", "host", "protocol", "port"]

/**
 * Hop limits expire: packets go no further, and ICMP tells their sender (time exceeded). With `hops` only those do that
 * leave with no larger hop limit. UDP sockets hear of it, `WSAENETRESET`, unless `SIO_UDP_NETRESET` keeps it from them.
 *
 * Throws a `RangeError` where `by` is no address and `hops` no count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expire = (options?: { readonly hops?: number | undefined; readonly by?: string | undefined }): Rule => {
  const code = ruleCall("expire", options)
  const { by, hops } = options ?? {}
  if (hops === undefined) return refusal(code, "hop limit exceeded", "hops", by)
  Parts.integer("hops of expire", hops, 1)
  const rule = refusal(code, `hop limit of ${hops} or less exceeded`, "hops", by)
  return {
    ...rule,
    begin: (chance, at) => {
      const judge = rule.begin(chance, at)
      return (packet, change) => ((packet.hopLimit ?? defaultHopLimit) <= hops ? judge(packet, change) : undefined)
    }
  }
}

const defaultHopLimit = 128

/**
 * A TCP connection is reset, at both ends, by the segment that would bring a direction of it to more than so many bytes of
 * the stream.
 *
 * Throws a `RangeError` for what is no count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resetAfter = (bytes: number): Rule => {
  Parts.integer("bytes of resetAfter", bytes, 0)
  return stateless(ruleCall("resetAfter", bytes), `reset after ${bytes} bytes`, ({ offset, payload, protocol }) =>
    protocol === "TCP" && payload.length > 0 && offset + payload.length > bytes
      ? { _tag: "Reset", after: Math.max(0, bytes - offset) }
      : undefined
  )
}
