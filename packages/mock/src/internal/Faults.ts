/**
 * Faults at calls: what a test wants to go wrong, and the one place where that is looked at.
 */
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import type { Fault } from "../MockFault.ts"
import { type Late, refuse, type Rule, ruleOf } from "./FaultRule.ts"
import type { AnySocket, Kernel } from "./Kernel.ts"
import type { Operation } from "./Operation.ts"

type Arguments = { readonly [parameter: string]: number }

const kindOf = (socket: AnySocket): string =>
  socket.isUnix ? "UNIX" : socket.protocol === "TCP" ? "TCP" : socket.raw === undefined ? "UDP" : "RAW"

export class Faults {
  private kernel: Kernel
  private rules: Array<Rule> = []
  private current: Rule | undefined
  private calledSocket = 0
  /** Operations that a fault keeps from ending by themselves. */
  private readonly kept = new Set<Operation>()

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  /** The machine is up again with another kernel, and what was asked of it holds on. */
  movedTo(kernel: Kernel): this {
    this.kernel = kernel
    return this
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
    if (when !== undefined && !this.ask(when, values)) return false
    rule.seen++
    if (nth !== undefined && rule.seen < nth) return false
    return probability === undefined || this.kernel.random.below(resolution) / resolution < probability
  }

  // the call goes on when a fault is broken: it is passed over, as rules are
  private ask(when: NonNullable<Fault["when"]>, values: Arguments): boolean {
    try {
      return when(values)
    } catch (error) {
      this.kernel.network.rules.failed(error)
      return false
    }
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
