/**
 * What must hold of a run over a network: nothing is invented, nothing comes twice without a rule that copies, nothing is
 * lost without a rule or a drop that is counted, everything comes at its time, and each datagram with its own bytes and
 * control data.
 */
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { MockTrace } from "@effect-winsock/mock"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import * as NetAddress from "effect/net/NetAddress"
import type { HostName, Judged, Ledger, Life, Sent } from "./Ledger.ts"
import { bytesOf, numberOf } from "./Ledger.ts"
import type { NetworkPlan } from "./NetworkPlan.ts"
import { addresses, interfaceOf } from "./NetworkPlan.ts"

/** What happened, of all runs together. */
export const nothing = () => ({
  sent: 0,
  given: 0,
  joined: 0,
  truncated: 0,
  lost: 0,
  stopped: 0,
  copied: 0,
  delayed: 0,
  damaged: 0,
  changed: 0,
  expired: 0,
  overflowed: 0,
  nobody: 0,
  down: 0,
  crashes: 0,
  faults: 0,
  controls: 0,
  streamBytes: 0,
  streamEnds: 0,
  streamBreaks: 0,
  retransmissions: 0,
  resets: 0
})
export type Happenings = ReturnType<typeof nothing>

type End = MockTrace.DatagramEvent

/** What is read off the trace. */
class Reading {
  readonly happened = nothing()
  readonly problems: Array<string> = []
  /** By number: how often it was handed to the network, and as which datagram. */
  readonly sent = new Map<number, End>()
  readonly ends = new Map<number, Array<End>>()
  /** By port: what the kernel delivered to a socket, in order. */
  readonly delivered = new Map<number, Array<End>>()
  private readonly down = new Set<string>()
  /** Datagrams that met a machine without power. */
  readonly metDown = new Set<End>()

  event(event: MockTrace.Event): void {
    switch (event._tag) {
      case "Sent":
        return this.begins(event)
      case "Delivered":
      case "Dropped":
        return this.ended(event)
      case "Crashed":
        this.down.add(event.host)
        this.happened.crashes++
        return
      case "Restarted":
        this.down.delete(event.host)
        return
      case "Segment":
        if (event.retransmissions > 0) this.happened.retransmissions++
        if (event.flags.includes("RST")) this.happened.resets++
        return
      case "Faulted":
        this.happened.faults++
        return
      default:
        return
    }
  }

  private begins(event: End): void {
    const n = numberOf(event.payload)
    if (n === undefined) return
    if (this.sent.has(n)) this.problems.push(`datagram ${n} was sent twice`)
    this.sent.set(n, event)
    this.ends.set(event.id, [])
  }

  private ended(event: End): void {
    const ends = this.ends.get(event.id)
    if (ends === undefined) return
    ends.push(event)
    if (this.down.size > 0) this.metDown.add(event)
    if (event._tag !== "Delivered") return
    const port = Number(event.to.slice(event.to.lastIndexOf(":") + 1))
    const list = this.delivered.get(port)
    if (list === undefined) this.delivered.set(port, [event])
    else list.push(event)
  }
}

const endpoint = (ip: string, port: number): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)

const bitsBetween = (one: Uint8Array, other: Uint8Array): number => {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY
  let count = 0
  for (let i = 0; i < one.length; i++) {
    for (let diff = one[i] ^ other[i]; diff !== 0; diff &= diff - 1) count++
  }
  return count
}

/** Whether a message is what was delivered, as far as there was room for it. */
const isOf = ({ payload }: Datagram, event: End, { plan }: Life): boolean =>
  bitsBetween(payload, event.payload.subarray(0, plan.options.maxMessageSize!)) === 0

/** Lets a run be judged. */
export class Oracle {
  readonly problems: Array<string>
  readonly happened: Happenings
  private readonly plan: NetworkPlan
  private readonly ledger: Ledger
  private readonly reading = new Reading()
  private readonly overflowed = new Map<Life, number>()

  constructor(plan: NetworkPlan, ledger: Ledger, trace: ReadonlyArray<MockTrace.Event>) {
    this.plan = plan
    this.ledger = ledger
    for (const event of trace) this.reading.event(event)
    this.problems = [...this.reading.problems]
    this.happened = this.reading.happened
  }

  judge(): void {
    this.problems.push(...this.ledger.problems)
    for (const sent of this.ledger.sends) this.way(sent)
    for (const life of this.ledger.lives) this.gifts(life)
  }

  private wrong(text: string): void {
    this.problems.push(text)
  }

  // --- the way of a datagram ---

  private hopsOf(sent: Sent): number {
    const between = new Set<HostName>([sent.life.host, sent.toHost])
    return between.has("a") && between.has("b") ? this.plan.routers : 0
  }

  private way(sent: Sent): void {
    const { life, n, outcome } = sent
    const name = `datagram ${n}`
    const event = this.reading.sent.get(n)
    if (event === undefined) {
      if (outcome === "sent") this.wrong(`${name} counts as sent, and never was`)
      return
    }
    this.happened.sent++
    if (typeof outcome === "number" && !this.ledger.mayBeClosed(life))
      this.wrong(`${name} failed with ${outcome}, and was sent`)
    if (event.tos !== sent.tos) this.wrong(`${name} left with TOS ${event.tos}, not ${sent.tos}`)
    if (event.ttl !== sent.hopLimit) this.wrong(`${name} left with TTL ${event.ttl}, not ${sent.hopLimit}`)
    if (event.to !== endpoint(sent.to, sent.toPort)) this.wrong(`${name} left for ${event.to}`)
    this.checkSource(sent, event)
    if (bitsBetween(event.payload, bytesOf(n, sent.length)) !== 0) this.wrong(`${name} left with other bytes`)
    const judged = this.ledger.judged.get(n)
    if (judged === undefined) return this.wrong(`${name} was never judged`)
    if (judged.passed === undefined) this.stopped(sent, event, judged)
    else this.passed(sent, event, judged, judged.passed)
  }

  private checkSource({ life, n, source }: Sent, event: End): void {
    const own = source === undefined ? addresses[life.host][life.plan.v6 ? 1 : 0] : [source]
    if (!own.some((ip) => event.from === endpoint(ip, life.port)))
      this.wrong(`datagram ${n} came from ${event.from}, not ${own.join(" or ")}`)
  }

  private stopped({ n }: Sent, event: End, { says }: Judged): void {
    const ends = this.reading.ends.get(event.id)!
    if (!says.some(({ drops }) => drops !== "never")) this.wrong(`datagram ${n} was lost, and no rule loses`)
    if (ends.some(({ _tag }) => _tag === "Delivered")) this.wrong(`datagram ${n} was stopped, and arrived`)
    this.happened.stopped += says.some(({ drops }) => drops === "always") ? 1 : 0
    this.happened.lost++
  }

  private passed(sent: Sent, event: End, { at, says }: Judged, change: NonNullable<Judged["passed"]>): void {
    const { happened, plan } = this
    const name = `datagram ${sent.n}`
    if (says.some(({ drops }) => drops === "always")) return this.wrong(`${name} passed what nothing passes`)
    const sum = (of: (say: (typeof says)[number]) => number): number => says.reduce((all, say) => all + of(say), 0)
    const { copies, delay, payload, undetected } = change
    const [least, most] = [sum((say) => say.delay[0]), sum((say) => say.delay[1])]
    if (delay < least || delay > most) this.wrong(`${name} is ${delay} ms late, not ${least} to ${most}`)
    if (copies.length > sum((say) => say.copies)) this.wrong(`${name} was copied ${copies.length} times`)
    const bits = sum((say) => say.bits)
    if (payload !== undefined && bits === 0) this.wrong(`${name} was damaged, and no rule damages`)
    if (delay > 0) happened.delayed++
    happened.copied += copies.length
    const hops = this.hopsOf(sent)
    const ends = this.reading.ends.get(event.id)!
    const expires = sent.hopLimit <= hops
    const takes = hops === 0 ? 0 : plan.delay * (hops + 1)
    const times = [delay, ...copies.map((after) => delay + after)].map((late) => at + late + takes)
    if (ends.length !== times.length) {
      return this.wrong(`${name} should end ${times.length} times, and did ${ends.length} times`)
    }
    const sorted = times.toSorted((one, other) => one - other)
    ends.forEach((end, i) => {
      if (!expires && Math.abs(end.at - sorted[i]) > 1e-3 && !this.reading.metDown.has(end)) {
        this.wrong(`${name} ended at ${end.at} ms, not at ${sorted[i]}`)
      }
      this.end(sent, end, expires, payload !== undefined && !undetected)
      if (end._tag !== "Delivered") return
      const allowed = payload === undefined ? 0 : bits
      const changed = bitsBetween(end.payload, event.payload)
      if (changed > 0) happened.changed++
      if (changed > allowed) this.wrong(`${name} was delivered with other bytes`)
      if (end.tos !== sent.tos || end.ttl !== sent.hopLimit - hops)
        this.wrong(`${name} was delivered with TTL ${end.ttl} and TOS ${end.tos}`)
    })
  }

  /** One end of a datagram, or of a copy. */
  private end(sent: Sent, end: End, expires: boolean, damaged: boolean): void {
    const { happened } = this
    const name = `datagram ${sent.n}`
    const wrong = (): void =>
      this.wrong(`${name} ended so: ${end._tag === "Dropped" ? end.reason : `delivered to ${end.host}`}`)
    const life = this.ledger.lives.find(({ port }) => port === sent.toPort)
    if (end._tag === "Delivered") {
      if (expires || damaged || end.host !== sent.toHost || end.to !== endpoint(sent.to, sent.toPort)) wrong()
      return
    }
    if (end._tag !== "Dropped") return
    switch (end.reason) {
      case "host is down":
        happened.down++
        return this.reading.metDown.has(end) ? undefined : wrong()
      case "hop limit exceeded":
        happened.expired++
        return expires ? undefined : wrong()
      case "damaged":
        happened.damaged++
        return damaged ? undefined : wrong()
      case "receive buffer full":
        happened.overflowed++
        if (life === undefined || life.plan.receiveBuffer === 0) return wrong()
        this.overflowed.set(life, (this.overflowed.get(life) ?? 0) + 1)
        return
      case "port closed":
        happened.nobody++
        // nobody has had it yet, or not any more
        return life === undefined || this.ledger.mayBeClosed(life) ? undefined : wrong()
      default:
        return wrong()
    }
  }

  // --- what a socket gave out ---

  private gifts(life: Life): void {
    const name = `socket ${life.port}`
    const delivered = this.reading.delivered.get(life.port) ?? []
    let next = 0
    life.given.forEach(({ message }, i) => {
      while (life.crashed && next < delivered.length && !isOf(message, delivered[next], life)) next++
      const event = delivered[next++]
      if (event === undefined) return this.wrong(`${name} gave out more than it was delivered`)
      this.gift(life, message, event, `${name}'s message ${i}`)
    })
    this.happened.given += life.given.length
    const overflowed = this.overflowed.get(life) ?? 0
    if (life.counted !== undefined && life.counted !== overflowed) {
      this.wrong(`${name} lost ${overflowed} for want of room, and netstat says ${life.counted}`)
    }
    if (!this.ledger.mayBeClosed(life) && life.given.length < delivered.length) {
      this.wrong(`${name} kept ${delivered.length - life.given.length} of ${delivered.length} messages`)
    }
  }

  private gift(life: Life, message: Datagram, event: End, name: string): void {
    const { plan } = life
    const most = plan.options.maxMessageSize!
    const cut = event.payload.length > most
    if (message.truncated !== cut) this.wrong(`${name} does not say whether it was cut`)
    if (cut) this.happened.truncated++
    if (!isOf(message, event, life)) this.wrong(`${name} has other bytes`)
    const from = message.from
    if (from === undefined || NetAddress.formatInet(from) !== event.from)
      this.wrong(`${name} came from ${event.from}, and says another`)
    const { control } = message
    if (isControlIssue(control)) return this.wrong(`${name} has broken control data`)
    const has = (kind: (typeof plan.control)[number]): boolean => plan.control.includes(kind)
    const ip = event.to.startsWith("[")
      ? event.to.slice(1, event.to.indexOf("]"))
      : event.to.slice(0, event.to.indexOf(":"))
    const due = {
      packetInfo: has("packetInfo") ? `${ip} ${interfaceOf(life.host, ip)}` : undefined,
      hopLimit: has("hopLimit") ? event.ttl : undefined,
      trafficClass: has("trafficClass") ? event.tos : undefined,
      // the traffic class tells it, too
      ecn: has("ecn") || has("trafficClass") ? event.tos & 3 : undefined
    }
    const info = control.packetInfo
    const is = {
      packetInfo: info === undefined ? undefined : `${NetAddress.formatIp(info.address)} ${info.ifIndex}`,
      hopLimit: control.hopLimit,
      trafficClass: control.trafficClass,
      ecn: control.ecn
    }
    for (const kind of ["packetInfo", "hopLimit", "trafficClass", "ecn"] as const) {
      if (is[kind] !== due[kind]) this.wrong(`${name} has ${kind} ${is[kind]}, not ${due[kind]}`)
      else if (due[kind] !== undefined) this.happened.controls++
    }
    if (control.coalescedSize !== undefined) this.happened.joined++
  }
}
