/**
 * What the engines of one registry count, as series of it. Nothing is pushed: a series reads the engines' own counters when
 * somebody looks at it, so an operation costs the same whether there are any or not.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { Counters } from "./engine.ts"
import type { PumpCounters } from "./pump.ts"

/** The kinds of operation that are counted, each with the call that its failures are named after. */
export const operations = {
  receive: "WSARecvMsg",
  send: "WSASendMsg",
  connect: "ConnectEx",
  accept: "AcceptEx",
  disconnect: "DisconnectEx",
  lookup: "GetAddrInfoExW",
  reverse: "GetNameInfoW",
  ioctl: "WSAIoctl"
} as const

export type Operation = keyof typeof operations

export const kinds = Object.keys(operations) as ReadonlyArray<Operation>

/** What one engine counts. Outlives the engine. */
interface Counted {
  readonly counters: Counters
  readonly pump: PumpCounters
}

/** What is counted apart from the kinds of operation, and what a released engine has none of. */
const totals = ["cancels", "recovered", "discarded", "reposted", "leaked"] as const
const ofOperations = ["submitted", "completed", "failed", "aborted", "bytes"] as const
const ofPump = ["turns", "packets", "wakeups"] as const

// adds to one what another has counted
const merge = (into: Counted, from: Counted): void => {
  for (const name of totals) into.counters[name] += from.counters[name]
  for (const name of ofPump) into.pump[name] += from.pump[name]
  for (const kind of kinds) {
    const sum = into.counters[kind]
    for (const name of ofOperations) sum[name] += from.counters[kind][name]
    for (const [code, count] of from.counters[kind].codes) sum.codes.set(code, (sum.codes.get(code) ?? 0) + count)
  }
}

type Read = (counted: Counted) => number

/** The reason that a failure with a code has. */
const reasonOf = (kind: Operation, code: number): string =>
  (code < 0 ? WinsockErrors.fromStatus(operations[kind], code >>> 0) : WinsockErrors.fromCode(operations[kind], code))
    .reason._tag

const failuresOf =
  (kind: Operation, reason: string): Read =>
  ({ counters }) => {
    let sum = 0
    for (const [code, count] of counters[kind].codes) if (reasonOf(kind, code) === reason) sum += count
    return sum
  }

const bytesOf =
  (...from: ReadonlyArray<Operation>): Read =>
  ({ counters }) =>
    from.reduce((sum, kind) => sum + counters[kind].bytes, 0)

export const bytes: { readonly [D in "received" | "sent"]: Read } = {
  // the first bytes of a connection come with an accept, and go with a connect
  received: bytesOf("receive", "accept"),
  sent: bytesOf("send", "connect")
}

export const counters = {
  cancels: ({ counters }) => counters.cancels,
  recovered: ({ counters }) => counters.recovered,
  discarded: ({ counters }) => counters.discarded,
  reposted: ({ counters }) => counters.reposted,
  leaked: ({ counters }) => counters.leaked,
  turns: ({ pump }) => pump.turns,
  packets: ({ pump }) => pump.packets,
  wakeups: ({ pump }) => pump.wakeups
} as const satisfies { readonly [name: string]: Read }

export const gauges = {
  sockets: ({ counters }) => counters.sockets,
  pending: ({ counters }) => counters.pending,
  waiters: ({ counters }) => counters.waiters,
  inbox: ({ counters }) => counters.inbox
} as const satisfies { readonly [name: string]: Read }

export type Outcome = "ok" | "cancelled" | "failed"

/** The metrics whose series are these; `failed` is a series for each reason that there was. */
export interface Metrics {
  readonly operation: (kind: Operation, outcome: Outcome, reason?: string) => Metric.Counter<number>
  readonly bytes: (direction: keyof typeof bytes) => Metric.Counter<number>
  readonly counters: { readonly [K in keyof typeof counters]: Metric.Counter<number> }
  readonly gauges: { readonly [K in keyof typeof gauges]: Metric.Gauge<number> }
}

const noUpdate = (): void => {}

/** The series of one registry, for one set of attributes: the sums over all engines that were added. */
class Series {
  // of engines that were released: what a program has made and released many of must not be kept for each
  private readonly past: Counted = { counters: new Counters(), pump: { turns: 0, packets: 0, wakeups: 0 } }
  private readonly followed = new Map<Counters, Counted>()
  private readonly reasons = new Set<string>()
  private readonly context: Context.Context<never>
  private readonly metrics: Metrics

  constructor(context: Context.Context<never>, metrics: Metrics) {
    this.context = context
    this.metrics = metrics
    for (const kind of kinds) {
      this.count(metrics.operation(kind, "ok"), ({ counters }) => counters[kind].completed)
      this.count(metrics.operation(kind, "cancelled"), ({ counters }) => counters[kind].aborted)
    }
    for (const direction of ["received", "sent"] as const) this.count(metrics.bytes(direction), bytes[direction])
    for (const [name, read] of Object.entries(counters)) {
      this.count(metrics.counters[name as keyof typeof counters], read)
    }
    for (const [name, read] of Object.entries(gauges)) {
      const get = () => ({ value: this.sum(read) })
      const gauge = metrics.gauges[name as keyof typeof gauges]
      Metric.registerUnsafe(gauge, context, { get, update: noUpdate, modify: noUpdate })
    }
  }

  /** Counts what an engine did and will do. */
  add({ counters, pump }: Engine): void {
    if (this.followed.has(counters)) return
    this.forget()
    this.followed.set(counters, { counters, pump: pump.counters })
    for (const kind of kinds) {
      const { codes } = counters[kind]
      const before = counters[kind].onCode
      counters[kind].onCode = () => {
        before?.()
        this.found(kind, codes)
      }
      this.found(kind, codes)
    }
  }

  // the last that a released engine closes is its port
  private forget(): void {
    for (const counted of this.followed.values()) {
      if (counted.counters.ports > 0) continue
      merge(this.past, counted)
      this.followed.delete(counted.counters)
    }
  }

  // a reason that there was none for yet has no series
  private found(kind: Operation, codes: ReadonlyMap<number, number>): void {
    for (const code of codes.keys()) {
      const reason = reasonOf(kind, code)
      const key = `${kind} ${reason}`
      if (this.reasons.has(key)) continue
      this.reasons.add(key)
      this.count(this.metrics.operation(kind, "failed", reason), failuresOf(kind, reason))
    }
  }

  private count(counter: Metric.Counter<number>, read: Read): void {
    const get = () => ({ count: this.sum(read), incremental: true })
    Metric.registerUnsafe(counter, this.context, { get, update: noUpdate, modify: noUpdate })
  }

  private sum(read: Read): number {
    let sum = read(this.past)
    for (const counted of this.followed.values()) sum += read(counted)
    return sum
  }
}

const known = new WeakMap<Metric.MetricRegistry, Map<string, Series>>()

/** The series of a context's registry: those that there are, for layers that share a registry share its series. */
export const seriesOf = (context: Context.Context<never>, metrics: Metrics): Series => {
  const registry = Context.get(context, Metric.MetricRegistry)
  let ofRegistry = known.get(registry)
  if (ofRegistry === undefined) known.set(registry, (ofRegistry = new Map()))
  const attributes = Object.entries(Context.get(context, Metric.CurrentMetricAttributes))
  const key = JSON.stringify(attributes.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  let series = ofRegistry.get(key)
  if (series === undefined) ofRegistry.set(key, (series = new Series(context, metrics)))
  return series
}
