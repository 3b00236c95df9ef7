/**
 * What constructors of rules are put together from: checks of what they are given, times, hosts, and words for all of it.
 */
import * as Duration from "effect/Duration"
import type { Chance, Hosts, Match, Packet, Time } from "../MockRule.ts"
import { format, parse } from "./Ip.ts"

// --- numbers ---

const tidy = (n: number): string => String(Number(n.toPrecision(12)))

export const percent = (share: number): string => `${tidy(share * 100)} %`

/** `250 ms`, `1.5 s`. */
export const timeText = (milliseconds: number): string =>
  milliseconds < 1000 ? `${tidy(milliseconds)} ms` : `${tidy(milliseconds / 1000)} s`

/** A function as a reader sees it. */
export const source = (f: (...args: never) => unknown): string => {
  const text = String(f).replaceAll(/\s+/g, " ")
  return text.length <= mostText ? text : `${text.slice(0, mostText)} ...`
}

const mostText = 80

export const probability = (what: string, value: number): number => {
  if (value >= 0 && value <= 1) return value
  throw new RangeError(`${what}: not a probability: ${value}`)
}

/** An integer of at least `least`. */
export const integer = (what: string, value: number, least: number): number => {
  if (Number.isInteger(value) && value >= least) return value
  throw new RangeError(`${what}: not an integer of at least ${least}: ${value}`)
}

const port = (what: string, value: number): number => {
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value
  throw new RangeError(`${what}: not a port: ${value}`)
}

export const milliseconds = (what: string, input: Duration.Input): number => {
  const value = typeof input === "number" ? input : durationOf(input)
  if (value >= 0 && Number.isFinite(value)) return value
  throw new RangeError(`${what}: not a duration: ${typeof input === "object" ? JSON.stringify(input) : String(input)}`)
}

const durationOf = (input: Duration.Input): number => {
  try {
    return Duration.toMillis(input)
  } catch {
    return Number.NaN
  }
}

// --- times ---

export interface Sampler {
  readonly description: string
  readonly next: (chance: Chance) => number
}

const has = <K extends string>(time: Time, key: K): time is Extract<Time, { readonly [P in K]: unknown }> =>
  typeof time === "object" && time !== null && key in time

// Box and Muller's; 1 - x, as the logarithm of 0 is none
const normal = (chance: Chance): number =>
  Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next())

export const sampler = (what: string, time: Time): Sampler => {
  if (typeof time === "function") return { description: source(time), next: time }
  if (has(time, "min")) {
    const min = milliseconds(`min of ${what}`, time.min)
    const max = milliseconds(`max of ${what}`, time.max)
    if (max < min) throw new RangeError(`max of ${what}: less than min: ${max}`)
    return {
      description: `${timeText(min)} to ${timeText(max)}`,
      next: (chance) => min + chance.next() * (max - min)
    }
  }
  if (has(time, "normal")) {
    const mean = milliseconds(`mean of ${what}`, time.normal.mean)
    const deviation = milliseconds(`deviation of ${what}`, time.normal.deviation)
    return {
      description: `${timeText(mean)} with a deviation of ${timeText(deviation)}`,
      next: (chance) => Math.max(0, mean + deviation * normal(chance))
    }
  }
  if (has(time, "exponential")) {
    const mean = milliseconds(`mean of ${what}`, time.exponential.mean)
    const least = milliseconds(`least of ${what}`, time.exponential.least ?? 0)
    if (mean < least) throw new RangeError(`mean of ${what}: less than the least: ${mean}`)
    return {
      description: `${timeText(mean)} on average, exponential${least === 0 ? "" : ` from ${timeText(least)}`}`,
      next: (chance) => least - (mean - least) * Math.log(1 - chance.next())
    }
  }
  // an object of durations has none of these keys, and would be no time at all
  const odd =
    typeof time === "object" && time !== null && ["max", "mean", "deviation", "least"].find((key) => key in time)
  if (odd) throw new RangeError(`${what}: ${odd} alone is no time: ${JSON.stringify(time)}`)
  const fixed = milliseconds(what, time)
  return { description: timeText(fixed), next: () => fixed }
}

// --- hosts ---

/** Some hosts and addresses. */
export interface Place {
  readonly description: string
  readonly members: ReadonlyArray<string>
  /** Those of them that are names. */
  readonly hosts: ReadonlyArray<string>
  readonly sends: (packet: Packet) => boolean
  readonly gets: (packet: Packet) => boolean
}

const addressOf = (text: string): string | undefined => {
  try {
    return format(parse(text))
  } catch {
    return undefined
  }
}

export const address = (what: string, text: string): void => {
  if (addressOf(text) === undefined) throw new RangeError(`${what}: not an address: ${text}`)
}

export const place = (what: string, given: Hosts): Place => {
  const all = typeof given === "string" ? [given] : given
  if (!Array.isArray(all) || all.some((one) => typeof one !== "string")) {
    throw new RangeError(`${what}: not a host, nor several: ${JSON.stringify(given)}`)
  }
  if (all.length === 0) throw new RangeError(`${what}: no host`)
  const hosts = all.filter((text) => addressOf(text) === undefined)
  const addresses = new Set(all.flatMap((text) => addressOf(text) ?? []))
  const names = new Set(hosts)
  return {
    description: all.join(", "),
    members: [...hosts, ...addresses],
    hosts,
    // an address is written only where one is looked for
    sends: (packet) => names.has(packet.from) || (addresses.size > 0 && addresses.has(packet.source)),
    gets: (packet) =>
      (packet.to !== undefined && names.has(packet.to)) || (addresses.size > 0 && addresses.has(packet.destination))
  }
}

/** One direction between two machines. */
export const directionOf = ({ destination, from, to }: Packet): string => `${from} ${to ?? destination}`

// --- matching ---

/** What is misspelt would match everything. */
export const fieldsOf = (what: string, given: object, known: ReadonlyArray<string>): void => {
  const unknown = Object.keys(given).find((field) => !known.includes(field))
  if (unknown === undefined) return
  const value = (given as { readonly [field: string]: unknown })[unknown]
  throw new RangeError(`${what}: no field ${unknown} (${JSON.stringify(value)}), but ${known.join(", ")}`)
}

const fields: ReadonlyArray<keyof Match> = [
  "from",
  "to",
  "between",
  "port",
  "sourcePort",
  "destinationPort",
  "protocol",
  "predicate",
  "description"
]

export interface Matcher {
  readonly description: string
  readonly hosts: ReadonlyArray<string>
  readonly test: (packet: Packet) => boolean
}

const protocols: ReadonlyArray<string> = ["UDP", "TCP", "ICMP", "other"]

export const matcher = (match: Match): Matcher => {
  const tests: Array<(packet: Packet) => boolean> = []
  const words: Array<string> = []
  const hosts: Array<string> = []
  const placeOf = (what: string, given: Hosts): Place => {
    const found = place(what, given)
    hosts.push(...found.hosts)
    return found
  }
  const add = (text: string, test: (packet: Packet) => boolean): void => {
    words.push(text)
    tests.push(test)
  }
  fieldsOf("when", match, fields)
  const { between, destinationPort, from, port: anyPort, predicate, protocol, sourcePort, to } = match
  if (protocol !== undefined && !protocols.includes(protocol)) {
    throw new RangeError(`protocol: none of ${protocols.join(", ")}: ${String(protocol)}`)
  }
  if (protocol !== undefined) add(protocol, (packet) => packet.protocol === protocol)
  if (from !== undefined) {
    const at = placeOf("from", from)
    add(`from ${at.description}`, (packet) => at.sends(packet))
  }
  if (to !== undefined) {
    const at = placeOf("to", to)
    add(`to ${at.description}`, (packet) => at.gets(packet))
  }
  if (between !== undefined) {
    if (!Array.isArray(between) || between.length !== 2) {
      throw new RangeError(`between: not two places: ${JSON.stringify(between)}`)
    }
    const [a, b] = between.map((given) => placeOf("between", given))
    add(
      `between ${a.description} and ${b.description}`,
      (packet) => (a.sends(packet) && b.gets(packet)) || (b.sends(packet) && a.gets(packet))
    )
  }
  if (anyPort !== undefined) {
    const own = port("port", anyPort)
    add(`port ${own}`, (packet) => packet.sourcePort === own || packet.destinationPort === own)
  }
  if (sourcePort !== undefined) {
    const own = port("sourcePort", sourcePort)
    add(`from port ${own}`, (packet) => packet.sourcePort === own)
  }
  if (destinationPort !== undefined) {
    const own = port("destinationPort", destinationPort)
    add(`to port ${own}`, (packet) => packet.destinationPort === own)
  }
  if (predicate !== undefined && typeof predicate !== "function") {
    throw new RangeError(`predicate: not a function: ${JSON.stringify(predicate)}`)
  }
  if (predicate !== undefined) add(match.description ?? source(predicate), predicate)
  return {
    description: words.length === 0 ? "all" : words.join(", "),
    hosts,
    test: (packet) => tests.every((test) => test(packet))
  }
}
