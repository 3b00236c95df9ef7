/**
 * Faults at calls: what a test wants to go wrong, and the one place where that is looked at.
 */
import { extensions, functions } from "@effect-winsock/core/Signatures"

import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Fault, Lateness } from "../MockFault.ts"
import { describe } from "./FaultText.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import type { Operation } from "./Operation.ts"

/** How much later something happens than it would: turns of the event loop, or milliseconds of the clock. */
export interface Late {
  readonly turns: number
  readonly delay: number
}

const inTime: Late = { turns: 0, delay: 0 }

interface Rule {
  readonly fault: Fault
  readonly description: string
  readonly code: number
  readonly ntstatus: number | undefined
  readonly completion: Late
  readonly packet: Late
  /** Whether only overlapped calls can have it. */
  readonly needsOverlapped: boolean
  seen: number
  left: number
}

type Arguments = { readonly [parameter: string]: number }

const cancels: ReadonlySet<string> = new Set(["CancelIoEx", "CancelIo"])

// what a fault can do; each is a field of its own
const effects = ["code", "ntstatus", "lateCompletion", "latePacket", "never", "most", "ignored", "arrives"] as const
const kinds = ["UDP", "TCP", "RAW", "UNIX"]

const refuse = (field: string, value: unknown, expected: string): never => {
  throw new RangeError(`fault: ${field} must be ${expected}, not ${typeof value === "string" ? `"${value}"` : value}`)
}

const number = (field: string, value: number | undefined, holds: (n: number) => boolean, expected: string): void => {
  if (value !== undefined && !(typeof value === "number" && holds(value))) refuse(field, value, expected)
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 1

const longest = 2 ** 31

const lateOf = (field: string, late: Lateness | undefined): Late => {
  if (late === undefined) return inTime
  const expected = "a number of turns, or { after: a duration up to 24 days }"
  if (typeof late === "number") {
    number(field, late, (n) => Number.isInteger(n) && n >= 0 && n < longest, expected)
    return { turns: late, delay: 0 }
  }
  const after = Duration.fromInput(late.after)
  const delay = Option.isSome(after) ? Duration.toMillis(after.value) : Number.NaN
  if (!(delay >= 0 && delay < longest)) refuse(`${field}.after`, String(late.after), expected)
  return { turns: 0, delay }
}

const constantOf = (field: string, value: number | string | undefined, table: object): number | undefined => {
  if (value === undefined) return undefined
  const found = typeof value === "string" ? (table as { readonly [name: string]: unknown })[value] : value
  if (typeof found === "number" && Number.isInteger(found)) return found
  return refuse(field, value, "a number, or the name of one")
}

/** Checks a fault; throws a RangeError that names the field and its value. */
const ruleOf = (fault: Fault): Rule => {
  const { call, most, never, nth, probability, socket, times } = fault
  if (call !== "alloc" && !(call in functions) && !(call in extensions)) {
    refuse("call", call, 'a function of the seam, or "alloc"')
  }
  number("nth", nth, isCount, "an integer from 1")
  number("times", times, (n) => isCount(n) || n === Number.POSITIVE_INFINITY, "an integer from 1")
  number("probability", probability, (p) => p >= 0 && p <= 1, "from 0 to 1")
  number("most", most, isCount, "a number of bytes, from 1")
  if (socket !== undefined && !kinds.includes(socket)) refuse("socket", socket, kinds.join(", "))
  if (never !== undefined && never !== "until closed" && never !== "ever") {
    refuse("never", never, '"until closed" or "ever"')
  }
  const isCancel = cancels.has(call)
  for (const field of ["ignored", "arrives"] as const) {
    if (fault[field] !== undefined && fault[field] !== true) refuse(field, fault[field], "true or nothing")
    if (fault[field] === true && !isCancel) refuse(field, true, `of CancelIoEx and CancelIo only, which ${call} is not`)
  }
  if (!effects.some((field) => fault[field] !== undefined)) refuse("code", undefined, `given, or one of its kind`)
  const completion = lateOf("lateCompletion", fault.lateCompletion)
  const packet = lateOf("latePacket", fault.latePacket)
  const asynchronous =
    fault.ntstatus !== undefined ||
    fault.lateCompletion !== undefined ||
    fault.latePacket !== undefined ||
    never !== undefined
  return {
    fault,
    description: fault.description ?? describe(fault),
    code: constantOf("code", fault.code, WsaError) ?? 0,
    ntstatus: constantOf("ntstatus", fault.ntstatus, NtStatus),
    completion,
    packet,
    needsOverlapped: asynchronous && !isCancel,
    seen: 0,
    left: times ?? (nth === undefined ? Number.POSITIVE_INFINITY : 1)
  }
}

const kindOf = (socket: AnySocket): string =>
  socket.isUnix ? "UNIX" : socket.protocol === "TCP" ? "TCP" : socket.raw === undefined ? "UDP" : "RAW"

export class Faults {
  private readonly kernel: Kernel
  private rules: Array<Rule> = []
  private current: Rule | undefined
  private calledSocket = 0
  /** Operations that a fault keeps from ending by themselves. */
  private readonly kept = new Set<Operation>()

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  get any(): boolean {
    return this.rules.length > 0
  }

  /** Adds a rule, at the machine that it is for; returns what takes it away. */
  add(fault: Fault): () => void {
    const { host } = fault
    const { kernels } = this.kernel.network
    const kernel = host === undefined ? this.kernel : kernels.find(({ name }) => name === host)
    if (kernel === undefined) return refuse("host", host, `one of ${kernels.map(({ name }) => name).join(", ")}`)
    const { faults } = kernel
    const rule = ruleOf(fault)
    faults.rules.push(rule)
    return () => {
      faults.rules = faults.rules.filter((other) => other !== rule)
    }
  }

  /**
   * Looks the call up. Returns the code it must fail with, 0 for none; what a rule wants of its operation waits for
   * `applyTo`.
   */
  at(call: string, args: () => Arguments): number {
    this.current = undefined
    let values: Arguments | undefined
    for (const rule of this.rules) {
      if (rule.fault.call !== call || rule.left === 0) continue
      values ??= args()
      if (!this.matches(rule, values)) continue
      rule.left--
      this.calledSocket = socketOf(values)
      if (rule.code !== 0) {
        this.struck(rule)
        return rule.code
      }
      this.current = rule
      if (rule.fault.arrives === true) {
        this.struck(rule)
        this.kernel.network.arriveNow()
      }
      return 0
    }
    return 0
  }

  private matches(rule: Rule, values: Arguments): boolean {
    const { nth, probability, socket, when } = rule.fault
    if (rule.needsOverlapped && values.lpOverlapped === 0) return false
    if (socket !== undefined) {
      const object = this.kernel.handles.get(socketOf(values))
      if (object === undefined || object.type !== "socket" || kindOf(object) !== socket) return false
    }
    if (when !== undefined && !when(values)) return false
    rule.seen++
    if (nth !== undefined && rule.seen < nth) return false
    return probability === undefined || this.kernel.random.below(resolution) / resolution < probability
  }

  /** The call in progress is over: what it did not take is not for the next. */
  done(): void {
    this.current = undefined
  }

  /** Gives the operation of the call in progress what a rule wants; true when it must not go its own way. */
  applyTo(operation: Operation): boolean {
    const rule = this.current
    if (rule === undefined || !rule.needsOverlapped) return false
    this.current = undefined
    this.struck(rule)
    operation.delay = rule.completion.delay
    operation.late = rule.completion.delay > 0 ? 1 : rule.completion.turns
    operation.packet = rule.packet
    operation.never = rule.fault.never
    if (rule.ntstatus === undefined && operation.never === undefined) return false
    operation.forced = true
    operation.status = rule.ntstatus ?? 0
    return true
  }

  /** How many bytes the call in progress may take at once. */
  get most(): number {
    const rule = this.current
    if (rule?.fault.most === undefined) return Number.POSITIVE_INFINITY
    this.struck(rule)
    return rule.fault.most
  }

  /** What the cancelling call in progress does instead of cancelling: undefined where no rule says. */
  get cancelling(): { readonly late: Late; readonly ignored: boolean; readonly never: Fault["never"] } | undefined {
    const rule = this.current
    if (rule === undefined || rule.fault.arrives === true) return undefined
    this.struck(rule)
    return { late: rule.completion, ignored: rule.fault.ignored === true, never: rule.fault.never }
  }

  private struck(rule: Rule): void {
    const { call } = rule.fault
    this.kernel.trace.faulted(this.kernel.name, call, this.calledSocket, rule.description)
  }

  // --- operations that do not end by themselves ---

  keep(operation: Operation): void {
    this.kept.add(operation)
  }

  isKept(operation: Operation): boolean {
    return this.kept.has(operation)
  }

  /** It ends, whoever saw to that. */
  ended(operation: Operation): void {
    this.kept.delete(operation)
  }

  /** Ends what is kept of a socket that is being closed, unless even that does not end it. */
  closing(socket: AnySocket): void {
    for (const operation of this.kept) {
      if (operation.socket !== socket || operation.never === "ever") continue
      this.kernel.end(operation, this.kernel.settings.closeStatus ?? NtStatus.STATUS_CANCELLED)
    }
  }
}

const resolution = 0x1_0000_0000

const socketOf = (args: Arguments): number => args.s ?? args.sListenSocket ?? args.hSocket ?? args.hFile ?? 0
