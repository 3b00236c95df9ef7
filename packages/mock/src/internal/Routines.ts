/**
 * Completion routines: functions at addresses, and what is queued for the JS thread to run in an alertable wait.
 */
import { toWsaError } from "@effect-winsock/schema/NtStatus"
import type { Guard } from "./Guard.ts"

/** A completion routine, with the parameters of LPWSAOVERLAPPED_COMPLETION_ROUTINE. */
export type CompletionRoutine = (error: number, bytes: number, overlapped: number, flags: number) => void

// code addresses behind the extension functions', in the same page that holds no block
const first = 0x8000
const stride = 0x10

class Queued {
  readonly run: CompletionRoutine
  readonly status: number
  readonly bytes: number
  readonly overlapped: number
  constructor(run: CompletionRoutine, status: number, bytes: number, overlapped: number) {
    this.run = run
    this.status = status
    this.bytes = bytes
    this.overlapped = overlapped
  }
}

export class Routines {
  private readonly guard: Guard
  private readonly table: Array<CompletionRoutine | undefined> = []
  private queue: Array<Queued> = []

  constructor(guard: Guard) {
    this.guard = guard
  }

  add(run: CompletionRoutine): number {
    const free = this.table.indexOf(undefined)
    const at = free === -1 ? this.table.length : free
    this.table[at] = run
    return first + at * stride
  }

  remove(address: number): void {
    this.table[(address - first) / stride] = undefined
  }

  at(address: number): CompletionRoutine | undefined {
    return this.table[(address - first) / stride]
  }

  /** Queues the routine of an operation that ended, whatever becomes of its address. */
  post(run: CompletionRoutine, status: number, bytes: number, overlapped: number): void {
    this.guard.queued(overlapped)
    this.queue.push(new Queued(run, status, bytes, overlapped))
  }

  /** An alertable wait: runs what is queued, and says whether anything was. */
  alert(): boolean {
    const queued = this.queue
    this.queue = []
    for (const { bytes, overlapped, run, status } of queued) {
      this.guard.dequeued(overlapped)
      run(toWsaError(status), bytes, overlapped, 0)
    }
    return queued.length > 0
  }
}
