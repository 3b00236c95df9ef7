/**
 * Completion by routine. One routine serves the whole engine, and does nothing but note its numbers. It runs in an alertable
 * wait on the thread that made the call, and on no other: so the pump makes one in each of its turns while there is something
 * to come, often at first and then by a timer.
 */
import type { Routine } from "../Seam.ts"
import type { Looker, Owner, Source } from "./completion.ts"
import { SENTINEL_COMES } from "./completion.ts"
import type { Engine } from "./engine.ts"

/** How many waits in a row may run nothing before there are pauses between them. */
const spins = 4
/** The longest pause between two of them, in milliseconds: while fibers wait, and when nobody does. */
const slowest = 10
const slowestUnattended = 250

export class RoutineSource implements Source, Looker {
  readonly routine: number
  readonly tellsAtOnce = true
  private readonly engine: Engine
  private readonly made: Routine
  /** Whose operations have not been told of, by OVERLAPPED. */
  private readonly owners = new Map<number, Owner>()
  /** Those that nobody waits for any more, and whose routines may still run. */
  private readonly late = new Set<number>()
  // the OVERLAPPEDs of the runs that nobody has looked at
  private ran: Array<number> = []
  private sentinels: Array<readonly [owner: Owner, overlapped: number]> = []
  private looks = 0
  private timer: (() => void) | undefined = undefined
  private timerDelay = 0

  /** Throws when there can be no more routines. */
  constructor(engine: Engine) {
    this.engine = engine
    // the status of an operation is in its OVERLAPPED
    this.made = engine.seam.routine(
      (_error, _bytes, overlapped) => {
        this.ran.push(overlapped)
      },
      () => engine.pump.poke()
    )
    this.routine = this.made.address
  }

  /** How many operations have a routine that has not run. */
  get outstanding(): number {
    return this.owners.size + this.late.size
  }

  adopt(): void {}
  disown(): void {}
  opened(): void {}
  closed(): void {}

  // the application's own, for there is a routine
  event(): number {
    return 0
  }

  submitted(owner: Owner, overlapped: number): void {
    const { counters, pump } = this.engine
    this.owners.set(overlapped, owner)
    counters.pending++
    pump.elsewhere++
    this.looks = 0
    pump.poke()
  }

  completed(overlapped: number): void {
    const { counters, pump } = this.engine
    if (!this.owners.delete(overlapped)) return
    counters.pending--
    pump.elsewhere--
  }

  // its memory is the kernel's for good, so no other operation has the address
  abandoned(overlapped: number): void {
    this.late.add(overlapped)
  }

  // an alertable wait runs all that is queued: what has not run then never will
  undecided(owner: Owner, overlapped: number): number {
    this.sentinels.push([owner, overlapped])
    return SENTINEL_COMES
  }

  look(): void {
    if (this.outstanding === 0) return
    const { sentinels } = this
    this.sentinels = []
    this.engine.calls.SleepEx(0, 1)
    const { ran } = this
    this.looks = ran.length > 0 ? 0 : this.looks + 1
    if (ran.length > 0) this.ran = []
    for (const overlapped of ran) {
      if (!this.late.delete(overlapped)) this.owners.get(overlapped)?.packet(overlapped)
    }
    for (const [owner, overlapped] of sentinels) owner.sentinel(overlapped)
  }

  rest(): boolean {
    if (this.outstanding === 0) {
      this.clearTimer()
      return false
    }
    const isAwaited = this.engine.pump.waiting > 0
    if (isAwaited && this.looks < spins) return true
    const pause = 2 ** Math.min(Math.max(0, this.looks - spins), 10)
    this.setTimer(Math.min(pause, isAwaited ? slowest : slowestUnattended))
    return false
  }

  /** What has not run by now may run whenever the thread waits alertably: the routine stays then. */
  close(): void {
    this.look()
    this.clearTimer()
    if (this.outstanding === 0) this.made.release()
  }

  private setTimer(delay: number): void {
    if (this.timer !== undefined && this.timerDelay <= delay) return
    this.clearTimer()
    this.timerDelay = delay
    this.timer = this.engine.seam.host.schedule(() => {
      this.timer = undefined
      this.engine.pump.poke()
    }, delay)
  }

  private clearTimer(): void {
    this.timer?.()
    this.timer = undefined
  }
}
