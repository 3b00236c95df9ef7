/**
 * Faults at calls: rules that a test adds, and the one place where they are looked at.
 */
import type { Operation } from "./Operation.ts"

export interface Fault {
  readonly call: string
  readonly nth?: number | undefined
  readonly when?: ((args: { readonly [parameter: string]: number }) => boolean) | undefined
  readonly times?: number | undefined
  readonly code?: number | undefined
  readonly ntstatus?: number | undefined
  readonly lateCompletion?: number | undefined
}

interface Rule {
  readonly fault: Fault
  seen: number
  left: number
}

export class Faults {
  private rules: Array<Rule> = []
  private current: Fault | undefined

  get any(): boolean {
    return this.rules.length > 0
  }

  /** Adds a rule; returns what takes it away. */
  add(fault: Fault): () => void {
    const rule = { fault, seen: 0, left: fault.times ?? (fault.nth === undefined ? Number.POSITIVE_INFINITY : 1) }
    this.rules.push(rule)
    return () => {
      this.rules = this.rules.filter((other) => other !== rule)
    }
  }

  /**
   * Looks the call up. Returns the code it must fail with, 0 for none; what a rule wants of its completion waits for
   * `applyTo`.
   */
  at(call: string, args: () => { readonly [parameter: string]: number }): number {
    this.current = undefined
    for (const rule of this.rules) {
      const { fault } = rule
      if (fault.call !== call || rule.left === 0) continue
      if (fault.when !== undefined && !fault.when(args())) continue
      rule.seen++
      if (fault.nth !== undefined && rule.seen < fault.nth) continue
      rule.left--
      if (fault.code !== undefined) return fault.code
      this.current = fault
      return 0
    }
    return 0
  }

  /** The call in progress is over: what it did not take is not for the next. */
  done(): void {
    this.current = undefined
  }

  /** Gives the operation of the call in progress what a rule wants; true when it is to end with the rule's status. */
  applyTo(operation: Operation): boolean {
    const fault = this.current
    if (fault === undefined) return false
    this.current = undefined
    operation.late = fault.lateCompletion ?? 0
    if (fault.ntstatus === undefined) return false
    operation.forced = true
    operation.status = fault.ntstatus
    return true
  }
}
