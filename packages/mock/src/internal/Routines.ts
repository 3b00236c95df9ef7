/**
 * Completion routines: functions at addresses, and what is queued for the JS thread to run in an alertable wait.
 */
import { toWsaError } from "@effect-winsock/schema/NtStatus"
import type { CompletionRoutine } from "@effect-winsock/core/Seam"
import type { Guard } from "./Guard.ts"
import { ScheduledTask, type Turns } from "./Turns.ts"

/** A completion routine, and who wants to know that a run of it is queued. */
export interface Registered {
  readonly run: CompletionRoutine
  readonly queued: (() => void) | undefined
}

// code addresses behind the extension functions', in the same page that holds no block
const first = 0x8000
const stride = 0x10

class Queued {
  readonly routine: Registered
  readonly status: number
  readonly bytes: number
  readonly overlapped: number
  constructor(routine: Registered, status: number, bytes: number, overlapped: number) {
    this.routine = routine
    this.status = status
    this.bytes = bytes
    this.overlapped = overlapped
  }
}

export class Routines {
  private readonly guard: Guard
  private readonly turns: Turns
  private readonly table: Array<Registered | undefined> = []
  private readonly queue: Array<Queued> = []

  constructor(guard: Guard, turns: Turns) {
    this.guard = guard
    this.turns = turns
  }

  /** How many there are. */
  get size(): number {
    return this.table.filter((one) => one !== undefined).length
  }

  add(run: CompletionRoutine, queued?: () => void): number {
    const free = this.table.indexOf(undefined)
    const at = free === -1 ? this.table.length : free
    this.table[at] = { run, queued }
    return first + at * stride
  }

  /** Takes one back, which must not be while an operation may still have it run. */
  remove(address: number): void {
    const at = (address - first) / stride
    const routine = this.table[at]
    this.table[at] = undefined
    const pending = [...this.guard.pending.values()].filter((operation) => operation.routine === routine)
    const undelivered = pending.length + this.queue.filter((queued) => queued.routine === routine).length
    if (routine === undefined || undelivered === 0) return
    this.guard.violation("RoutineGone", `a completion routine was taken back with ${undelivered} runs to come`)
  }

  at(address: number): Registered | undefined {
    return this.table[(address - first) / stride]
  }

  /** Queues the routine of an operation that ended, whatever becomes of its address. */
  post(routine: Registered, status: number, bytes: number, overlapped: number): void {
    this.guard.queued(overlapped)
    this.queue.push(new Queued(routine, status, bytes, overlapped))
    if (routine.queued !== undefined && this.queue.length === 1) this.turns.post(new ScheduledTask(this.tell))
  }

  private readonly tell = (): void => {
    for (const queued of new Set(this.queue.map(({ routine }) => routine.queued))) queued?.()
  }

  /** An alertable wait: runs what is queued, what the runs queue too, and says whether anything was. */
  alert(): boolean {
    const { guard, queue } = this
    const any = queue.length > 0
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { bytes, overlapped, routine, status } = next
      guard.dequeued(overlapped)
      guard.trace.ran(guard.host, overlapped, status, bytes)
      routine.run(toWsaError(status), bytes, overlapped, 0)
    }
    return any
  }
}
