/**
 * The pump: who looks at the completion port, and when.
 *
 * While packets come it polls from the top of the event loop (one system call serves many completions, and no thread
 * is involved). After a few empty looks it hands the waiting to one off-thread call, so that an idle program costs
 * nothing. It keeps the process alive only while somebody waits.
 */
import type { Abi } from "@effect-winsock/schema/Layout"
import { OVERLAPPED_ENTRY } from "@effect-winsock/schema/Structs"
import { ERROR_ABANDONED_WAIT_0, WAIT_TIMEOUT, WSA_INVALID_HANDLE } from "@effect-winsock/schema/WsaError"
import type { Block, Handle, Seam } from "../Seam.ts"

/** How many packets one dequeue takes at most. */
const batch = 64
/** How many batches one turn takes at most, so that a flood does not starve the rest of the program. */
const batchesPerTurn = 4
/**
 * How many calls that answer at once are made between two turns of the event loop: a flood must not keep timers, other
 * sockets and other fibers waiting, and Effect's own yield counts steps, not system calls.
 */
const directPerTurn = 128
/** How many empty looks before the waiting moves off the JS thread: 4 measured as good as 50. */
const spins = 4
/** The bound on an off-thread wait: a worker that is terminated cannot wake it, and must not hang on it. */
const waitMilliseconds = 1000
/** The longest pause between two looks while the off-thread call seems to work. */
const slowestPoll = 250
/** The pause between looks when there is no off-thread call (nobody waits, or it could not be made). */
const unattendedPoll = 10

/** The codes of a dequeue that say that there is no port any more; others pass. */
const portGone: ReadonlySet<number> = new Set([ERROR_ABANDONED_WAIT_0, WSA_INVALID_HANDLE])

/** What the pump serves. */
export interface PumpOwner {
  /** Takes note of one packet; must not run anybody's code. */
  readonly packet: (key: number, overlapped: number) => void
  /**
   * Brings everything to rest: releases results, resumes waiters, settles interruptions, posts what is owed. Tells
   * whether there is more to do in another turn.
   */
  readonly settle: () => boolean
  /** The port failed: nothing will ever complete. */
  readonly broken: (code: number) => void
}

/** Counts what the pump did. */
export interface PumpCounters {
  turns: number
  packets: number
  wakeups: number
}

/** How much memory a dequeue writes to: the entries and their number. */
export const dequeueSize = (abi: Abi): number => OVERLAPPED_ENTRY.size[abi] * batch + 16

export class Pump {
  readonly port: Handle
  readonly counters: PumpCounters = { turns: 0, packets: 0, wakeups: 0 }
  /** How many calls that answer at once may still be made in this turn of the event loop. */
  direct = directPerTurn
  /** How many waits must keep the process alive. */
  waiting = 0
  /** How many packets the port still owes us. */
  owed = 0
  /** How many operations are pending that complete in another way: while there is nothing else, the port is not looked at. */
  elsewhere = 0

  private readonly seam: Seam
  private readonly owner: PumpOwner
  private readonly here: Block
  private readonly away: Block
  private readonly stride: number
  private readonly removedAt: number
  private readonly keyAt: number
  private readonly overlappedAt: number
  private readonly withdrawExit: () => void
  private readonly sentinels: Array<number> = []

  private armed = false
  private scheduled: (() => void) | undefined
  private timer: (() => void) | undefined
  private timerDelay = 0
  private empty = 0
  private more = false
  // the off-thread call could not be made (too many are running): the timer looks for a while
  private refused = false
  private running = false
  private alive = false
  private stopping: (() => void) | undefined
  private stopped = false
  private dead = false

  /** `here` and `away` are for the dequeues on the JS thread and off it. */
  constructor(seam: Seam, port: Handle, here: Block, away: Block, owner: PumpOwner) {
    this.seam = seam
    this.port = port
    this.owner = owner
    const offsets = OVERLAPPED_ENTRY.offsets[seam.abi]
    this.stride = OVERLAPPED_ENTRY.size[seam.abi]
    this.keyAt = offsets.lpCompletionKey
    this.overlappedAt = offsets.lpOverlapped
    this.removedAt = this.stride * batch
    this.here = here
    this.away = away
    // at exit nobody can wait for the off-thread call to time out: the process would hang on it
    this.withdrawExit = seam.host.onExit(() => {
      if (this.armed) this.wake()
    })
  }

  /** Asks for a turn: something was posted, or something must come to rest. */
  poke(): void {
    this.empty = 0
    if (this.scheduled !== undefined || this.running || this.stopped) return
    this.scheduled = this.seam.host.schedule(this.turn)
  }

  /** An operation was handed to the kernel: its packet will come, so somebody must look. */
  submitted(): void {
    this.owed++
    if (!this.armed) this.poke()
  }

  /** A wait that keeps the process alive begins. */
  retain(): void {
    if (this.waiting++ === 0 && !this.armed) this.poke()
  }

  /** A wait that keeps the process alive ends. */
  release(): void {
    if (--this.waiting === 0 && !this.running) this.poke()
  }

  /**
   * Stops for good; calls back when no thread refers to the port any more. The caller must have drained it.
   */
  stop(done: () => void): void {
    this.stopping = done
    this.clearTimer()
    if (!this.armed) return this.end()
    this.setAlive(true)
    this.wake()
  }

  private end(): void {
    this.stopped = true
    this.withdrawExit()
    this.setAlive(false)
    this.scheduled?.()
    this.scheduled = undefined
    this.stopping?.()
  }

  /** Returns the memory that the pump used. */
  blocks(): ReadonlyArray<Block> {
    return [this.here, this.away]
  }

  private readonly turn = (): void => {
    this.scheduled = undefined
    if (this.stopped) return
    this.counters.turns++
    this.direct = directPerTurn
    this.running = true
    let seen = 0
    // a look would steal the wake-up that the off-thread call needs
    const away = this.sentinels.length > 0 || this.stopping !== undefined
    const idle = this.owed === 0 && this.elsewhere > 0
    for (let i = 0; i < batchesPerTurn && !away && !idle; i++) {
      const n = this.look()
      seen += n
      if (n < batch) break
    }
    this.settle()
    this.empty = seen > 0 ? 0 : this.empty + 1
    this.next()
  }

  private settle(): void {
    let settled = false
    try {
      this.more = this.owner.settle()
      settled = true
    } finally {
      this.running = false
      // somebody's code threw: the rest must not wait for a packet
      if (!settled) this.poke()
    }
  }

  // one look at the port from the JS thread, without waiting
  private look(): number {
    if (this.dead) return 0
    const { here, seam } = this
    const ok = seam.calls.GetQueuedCompletionStatusEx(
      this.port,
      here.address,
      batch,
      here.address + this.removedAt,
      0,
      0
    )
    if (ok === 0) {
      const code = seam.calls.WSAGetLastError()
      if (portGone.has(code)) this.fail(code)
      return 0
    }
    return this.take(here, false)
  }

  private take(block: Block, fromAway: boolean): number {
    const view = block.view
    // what the kernel wrote is not trusted to be within what it was given
    const n = Math.min(view.getUint32(this.removedAt, true), batch)
    const wide = this.seam.abi === "x64"
    for (let i = 0; i < n; i++) {
      const at = i * this.stride
      const low = view.getUint32(at + this.overlappedAt, true)
      const overlapped = wide ? low + view.getUint32(at + this.overlappedAt + 4, true) * 0x1_0000_0000 : low
      const key = view.getUint32(at + this.keyAt, true)
      if (overlapped === 0) continue
      this.counters.packets++
      // a sentinel proves that an earlier packet will never come, but only if nobody else may still hold that packet
      if ((key & 1) === 1 && !fromAway && this.armed) {
        if (this.sentinels.push(key, overlapped) === 2) this.wake()
        continue
      }
      this.owner.packet(key, overlapped)
    }
    return n
  }

  // decides who looks next
  private next(): void {
    if (this.stopped) return
    this.setAlive(this.waiting > 0 || this.stopping !== undefined)
    if (this.more) this.scheduled ??= this.seam.host.schedule(this.turn)
    if (this.owed === 0) {
      this.clearTimer()
      if (this.armed) this.wake()
      return
    }
    if (this.waiting === 0) {
      // operations are pending, but nobody waits: the process may end, so no thread may block on the port
      if (this.armed) this.wake()
      this.setTimer(unattendedPoll)
      return
    }
    if (this.empty < spins) {
      this.scheduled ??= this.seam.host.schedule(this.turn)
      return
    }
    if (!this.armed && !this.refused) this.arm()
    this.watch()
  }

  // all threads that make off-thread calls may be busy for seconds: look by timer too, ever more seldom while idle
  private watch(): void {
    const interval = this.armed ? this.seam.host.pollInterval : unattendedPoll
    this.refused = false
    if (interval > 0 && this.timer === undefined) this.setTimer(interval)
  }

  private setTimer(delay: number): void {
    if (this.timer !== undefined && this.timerDelay <= delay) return
    this.clearTimer()
    this.timerDelay = delay
    this.timer = this.seam.host.schedule(this.onTimer, delay)
  }

  private readonly onTimer = (): void => {
    const delay = this.timerDelay
    this.timer = undefined
    if (this.stopping !== undefined || this.owed === 0) return
    this.running = true
    const n = this.look()
    // what it found may be the wake-up for the off-thread call, which decides about the sentinels
    if (this.sentinels.length > 0 && this.armed) this.wake()
    if (n > 0) {
      // the off-thread call should have had these: its thread is not running, stay alert
      this.settle()
      this.empty = 0
      this.next()
      return
    }
    this.running = false
    if (this.waiting > 0 && !this.armed && this.scheduled === undefined) this.next()
    else this.setTimer(this.armed ? Math.min(delay * 2, slowestPoll) : unattendedPoll)
  }

  private clearTimer(): void {
    this.timer?.()
    this.timer = undefined
  }

  private arm(): void {
    if (this.dead) return
    const { away } = this
    this.armed = true
    away.view.setUint32(this.removedAt, 0, true)
    try {
      this.seam.offThread(
        "GetQueuedCompletionStatusEx",
        [this.port, away.address, batch, away.address + this.removedAt, waitMilliseconds, 0],
        this.returned
      )
    } catch {
      this.armed = false
    }
  }

  private readonly returned = (ok: number, lastError: number): void => {
    this.armed = false
    this.counters.wakeups++
    this.direct = directPerTurn
    this.running = true
    if (ok !== 0) {
      if (this.take(this.away, true) > 0) this.empty = 0
    } else if (portGone.has(lastError)) this.fail(lastError)
    else this.refused = lastError !== WAIT_TIMEOUT
    const { sentinels } = this
    for (let i = 0; i < sentinels.length; i += 2) this.owner.packet(sentinels[i], sentinels[i + 1])
    sentinels.length = 0
    this.settle()
    // settling may have stopped it already
    if (this.stopping !== undefined && !this.stopped) this.end()
    else this.next()
  }

  private wake(): void {
    this.seam.calls.PostQueuedCompletionStatus(this.port, 0, 0, 0)
  }

  private fail(code: number): void {
    if (this.dead || this.stopping !== undefined) return
    this.dead = true
    this.owner.broken(code)
  }

  private setAlive(on: boolean): void {
    if (this.alive === on) return
    this.alive = on
    this.seam.host.keepAlive(on)
  }
}
