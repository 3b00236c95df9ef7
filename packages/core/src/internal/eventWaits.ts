/**
 * Who looks at event objects, and when: one off-thread WSAWaitForMultipleEvents for all of a layer. Its first event is a
 * private one, which ends the call when what it should wait for has changed.
 *
 * A look tells which events are signalled now. Whoever waited then has seen the signal, even if somebody takes it back
 * before they are resumed: as SetEvent releases every thread that waits.
 */
import {
  WSA_MAXIMUM_WAIT_EVENTS,
  WSA_WAIT_EVENT_0,
  WSA_WAIT_FAILED,
  WSA_WAIT_TIMEOUT
} from "@effect-winsock/schema/Flags"
import { pointerSize, writePointer } from "@effect-winsock/schema/Layout"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Block, Handle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Endpoint, Engine } from "./engine.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

/** How many events one call waits for, beside the private one. */
const mostAway = WSA_MAXIMUM_WAIT_EVENTS - 1
/** The bound on an off-thread wait: a worker that is terminated cannot end it, and must not hang on it. */
const waitMilliseconds = 1000
/** The pause between looks at events that no call waits for. */
const pollMilliseconds = 10
/** The longest pause between looks while the off-thread call seems to work. */
const slowestPoll = 250

const name = "WSAWaitForMultipleEvents"
const closed = Effect.suspend(() => Effect.fail(WinsockErrors.socketClosed(name)))

/** An operation that an event tells the end of. */
export interface Watched {
  readonly endpoint: { readonly packet: (overlapped: number) => void }
  readonly address: number
  readonly isPending: boolean
}

/** One event object, and the fibers that wait for it: each knows how many signals had been seen when it came. */
export class Event implements Server<number> {
  readonly handle: Handle
  readonly wait: Effect.Effect<void, WinsockError>
  /** The operation whose end it tells. */
  operation: Watched | undefined = undefined
  /** Whether somebody's operation uses it, or will. */
  busy = false
  isOpen = true
  /** Whether the off-thread call waits for it. */
  isAway = false
  /**
   * Whether the off-thread call must do without it, for it would end at once and for ever: the program has signalled the
   * event of an operation that is under way, or has closed its handle.
   */
  isApart = false
  /** What those who wait for it now are to be told. */
  failure: WinsockError | undefined = undefined
  readonly line: Line<number>
  /** Whether a signal is for one of those who wait, and is taken back then. */
  readonly isAuto: boolean
  /** How many wait for it among others: for any of them, and for all. */
  anys = 0
  alls = 0
  readonly closers: Array<() => void> = []
  private readonly waits: EventWaits
  private count = 0
  // of an event whose signals are for one: how many of those in line may go on
  private tickets = 0

  constructor(waits: EventWaits, handle: Handle, isAuto: boolean) {
    const { engine } = waits
    this.waits = waits
    this.isAuto = isAuto
    this.handle = handle
    this.line = new Line(engine, (settled) => {
      engine.poke(waits)
      settled(Effect.void)
    })
    this.wait = takeOrWait<void, WinsockError>(
      () => {
        if (!this.isOpen) return closed
        // out of turn, or behind others: in line
        if (this.line.length > 0 || engine.pump.direct-- <= 0) return undefined
        const result = waits.test(handle)
        if (result === WSA_WAIT_FAILED) return Effect.fail(waits.failed())
        if (result !== WSA_WAIT_EVENT_0) return undefined
        this.consume()
        return Effect.void
      },
      (resume, again, hesitant) => {
        if (!this.isOpen) return resume(closed)
        const waiter = this.line.join(this.seen, resume, again, hesitant)
        waits.joined()
        return waiter
      }
    )
  }

  /** How many signals have been seen. */
  get seen(): number {
    return this.count
  }

  can(seen: number): boolean {
    return this.isAuto ? this.tickets > 0 : this.seen > seen
  }

  give(): Effect.Effect<void> {
    if (this.isAuto) this.tickets--
    return Effect.void
  }

  /** Somebody goes on with its signal: where that is for one, nobody else does. */
  consume(): void {
    if (this.isAuto) this.waits.engine.calls.WSAResetEvent(this.handle)
  }

  /** Serves who waits for it alone. */
  serve(): void {
    if (this.line.length > 0) this.line.serve(this)
    // who was to go on has been interrupted: it is signalled for the next
    if (this.tickets > 0) {
      this.tickets = 0
      this.waits.engine.calls.WSASetEvent(this.handle)
      this.waits.engine.poke(this.waits)
    }
  }

  /** Whether somebody wants to know of its signal. */
  get isWatched(): boolean {
    return this.line.length > 0 || this.operation !== undefined || this.anys > 0 || this.alls > 0
  }

  /** It is signalled: all who wait now have seen it. Whether anybody does. */
  signalled(): boolean {
    const waits = this.line.length + this.anys + this.alls > 0
    if (!this.isAuto) this.count++
    else if (this.line.length > this.tickets) {
      this.tickets++
      this.consume()
    }
    return waits
  }

  /** Signals it: false when the call failed. */
  set(): boolean {
    const { engine } = this.waits
    const ok = engine.calls.WSASetEvent(this.handle) !== 0
    if (ok && this.signalled()) engine.poke(this.waits)
    return ok
  }

  /** Takes the signal back: false when the call failed. */
  reset(): boolean {
    const { handle, line, waits } = this
    const { engine } = waits
    // a signal that nobody has looked at yet is not taken from those who wait for it
    if (line.length + this.anys > 0 && waits.test(handle) === WSA_WAIT_EVENT_0) this.signalled()
    if (this.isWatched) engine.poke(waits)
    return engine.calls.WSAResetEvent(handle) !== 0
  }
}

export class EventWaits implements Endpoint {
  readonly key: number
  dirty = false
  nextDirty: Endpoint | undefined = undefined
  readonly engine: Engine

  private readonly block: Block
  private readonly wakeEvent: Handle
  private readonly events = new Set<Event>()
  /** Who waits for several. */
  readonly groups = new Set<{ readonly serve: () => void }>()
  // what the off-thread call waits for; undefined while there is none
  private away: ReadonlyArray<Event> | undefined = undefined
  // whether that call was asked to end
  private woken = false
  // whether it could not be made: the timer looks for a while
  private refused = false
  // where the next call begins among those that are watched
  private next = 0
  private timer: (() => void) | undefined = undefined
  private timerDelay = 0
  // the pause while the off-thread call seems to work
  private pause = 0
  private closing: (() => void) | undefined = undefined
  private isClosed = false
  // how many SOCKETs have operations that events tell of
  private users = 0
  private readonly withdrawExit: () => void

  constructor(engine: Engine, wakeEvent: Handle, block: Block) {
    this.engine = engine
    this.block = block
    this.wakeEvent = wakeEvent
    engine.counters.events++
    this.key = engine.reserve()
    engine.register(this)
    // at exit nobody can wait for the off-thread call to time out: the process would hang on it
    this.withdrawExit = engine.seam.host.onExit(() => this.wake())
  }

  // --- events ---

  make(isAuto: boolean): Event | WinsockError {
    const { calls, counters } = this.engine
    const handle = calls.WSACreateEvent()
    if (handle === 0) return WinsockErrors.fromCode("WSACreateEvent", calls.WSAGetLastError())
    counters.events++
    const event = new Event(this, handle, isAuto)
    this.events.add(event)
    return event
  }

  /** Closes an event when nothing waits for it any more; calls back then. */
  closeEvent(event: Event, done: () => void): void {
    if (!this.events.has(event)) return done()
    event.closers.push(done)
    event.isOpen = false
    this.engine.pump.retain()
    this.engine.poke(this)
  }

  /** What a wait that does not wait answers: whether an event is signalled. */
  test(handle: Handle): number {
    const { calls, scratch, seam } = this.engine
    writePointer(seam.abi, scratch.view, 0, handle)
    return calls.WSAWaitForMultipleEvents(1, scratch.address, 0, 0, 0)
  }

  /** The error of a look that just failed. */
  failed(): WinsockError {
    return WinsockErrors.fromCode(name, this.engine.calls.WSAGetLastError())
  }

  /** Somebody waits for one of them. */
  joined(): void {
    this.pause = this.engine.seam.host.pollInterval
    this.engine.poke(this)
  }

  /** Tells the operation's endpoint of its end, when its event has told of it. */
  watch(event: Event, operation: Watched): void {
    event.operation = operation
    this.joined()
  }

  /** A SOCKET whose operations events tell of was opened, or closed: it goes on until the last one is. */
  enter(): void {
    this.users++
  }

  leave(): void {
    this.users--
    this.engine.poke(this)
  }

  // --- as an endpoint ---

  packet(): void {}
  sentinel(): void {}
  // cancellations are those of the streams
  grace(): void {}

  broken(): void {
    this.engine.poke(this)
  }

  settle(): void {
    this.look()
    // those there are now: a fiber that goes on may make others, and close them
    const events = Array.from(this.events)
    for (const group of Array.from(this.groups)) group.serve()
    for (const event of events) this.serve(event)
    this.closeEvents(events)
    this.arm()
    if (this.closing !== undefined && this.events.size + this.users === 0 && this.away === undefined) this.finish()
  }

  private serve(event: Event): void {
    const failure = event.isOpen ? event.failure : WinsockErrors.operationAborted(name)
    event.failure = undefined
    if (failure !== undefined) event.line.fail(failure)
    else event.serve()
  }

  private closeEvents(events: ReadonlyArray<Event>): void {
    const { calls, counters, pump } = this.engine
    for (const event of events) {
      if (event.isOpen || event.operation !== undefined || event.busy) continue
      // closing a handle that a call waits for is undefined
      if (event.isAway) {
        this.wake()
        continue
      }
      this.events.delete(event)
      calls.WSACloseEvent(event.handle)
      counters.events--
      const { closers } = event
      for (let i = 0; i < closers.length; i++) pump.release()
      for (let done = closers.pop(); done !== undefined; done = closers.pop()) done()
    }
  }

  // --- looking, on the JS thread and without waiting ---

  // whether there is something to do
  private look(): boolean {
    const watched = this.watched()
    let found = false
    for (const event of watched) if (this.hasEnded(event)) found = true
    for (let i = 0; i < watched.length; i += WSA_MAXIMUM_WAIT_EVENTS) {
      if (this.lookAt(watched.slice(i, i + WSA_MAXIMUM_WAIT_EVENTS))) found = true
    }
    return found
  }

  // the kernel writes the status before it signals the event, and a program may have reset that since
  private hasEnded(event: Event): boolean {
    const { operation } = event
    if (operation === undefined) return false
    operation.endpoint.packet(operation.address)
    if (operation.isPending) return false
    event.operation = undefined
    return true
  }

  // the first that is signalled is told of, so it goes on behind that
  private lookAt(events: ReadonlyArray<Event>): boolean {
    const { calls, scratch, seam } = this.engine
    const size = pointerSize(seam.abi)
    let found = false
    events.forEach((event, i) => {
      event.isApart = false
      writePointer(seam.abi, scratch.view, size * i, event.handle)
    })
    for (let i = 0; i < events.length; i++) {
      const result = calls.WSAWaitForMultipleEvents(events.length - i, scratch.address + size * i, 0, 0, 0)
      if (result === WSA_WAIT_TIMEOUT) return found
      if (result === WSA_WAIT_FAILED) return this.lookAtEach(events.slice(i)) || found
      i += result - WSA_WAIT_EVENT_0
      const event = events[i]
      // who waits for all waits on, and the call would end at once for it
      event.isApart = event.operation !== undefined || event.alls > 0
      if (event.signalled()) found = true
    }
    return found
  }

  // one of them is no handle any more, for a program has closed it: who waits for it is told so
  private lookAtEach(events: ReadonlyArray<Event>): boolean {
    let found = false
    for (const event of events) {
      if (events.length > 1) {
        if (this.lookAt([event])) found = true
        continue
      }
      event.isApart = true
      event.failure = this.failed()
      found = event.line.length + event.anys + event.alls > 0
    }
    return found
  }

  private watched(): ReadonlyArray<Event> {
    return [...this.events].filter((event) => event.isWatched)
  }

  // --- waiting, off the JS thread ---

  // has the kernel tell of those that somebody wants to know of
  private arm(): void {
    const watched = this.watched()
    const fit = watched.filter((event) => !event.isApart)
    if (this.away === undefined) {
      if (fit.length > 0 && !this.refused) this.wait(fit)
    } else if (watched.length === 0 || (this.away.length < mostAway && fit.some((event) => !event.isAway))) {
      // where there are more than fit, the rest is for the timer
      this.wake()
    }
    this.refused = false
    const pause = watched.every((event) => event.isAway) ? this.pause : pollMilliseconds
    if (watched.length === 0) this.clearTimer()
    else if (pause > 0) this.setTimer(pause)
  }

  private wait(fit: ReadonlyArray<Event>): void {
    const { block, engine } = this
    const { abi } = engine.seam
    const size = pointerSize(abi)
    // in turn, when there are more than fit
    const start = fit.length > mostAway ? this.next % fit.length : 0
    this.next = start + mostAway
    const chosen = [...fit.slice(start), ...fit.slice(0, start)].slice(0, mostAway)
    writePointer(abi, block.view, 0, this.wakeEvent)
    chosen.forEach(({ handle }, i) => writePointer(abi, block.view, size * (i + 1), handle))
    engine.calls.WSAResetEvent(this.wakeEvent)
    this.woken = false
    try {
      engine.callAway(name, [chosen.length + 1, block.address, 0, waitMilliseconds, 0], this.returned)
      this.away = chosen
      for (const event of chosen) event.isAway = true
    } catch {
      // too many such calls are running: the timer looks
    }
  }

  private readonly returned = (result: number): void => {
    for (const event of this.away!) event.isAway = false
    this.away = undefined
    // not again at once: too many are running, or a handle was closed by the program itself
    this.refused = result === WSA_WAIT_FAILED
    if (result !== WSA_WAIT_TIMEOUT) this.pause = this.engine.seam.host.pollInterval
    this.engine.poke(this)
  }

  private wake(): void {
    if (this.away === undefined || this.woken) return
    this.woken = true
    this.engine.calls.WSASetEvent(this.wakeEvent)
  }

  // all threads that make off-thread calls may be busy for seconds: a timer looks too, ever more seldom while idle
  private setTimer(delay: number): void {
    if (this.timer !== undefined && this.timerDelay <= delay) return
    this.clearTimer()
    this.timerDelay = delay
    this.timer = this.engine.seam.host.schedule(this.onTimer, delay)
  }

  private readonly onTimer = (): void => {
    this.timer = undefined
    this.pause = Math.min(this.pause * 2, slowestPoll)
    if (this.look() || this.away === undefined) this.engine.poke(this)
    else this.arm()
  }

  private clearTimer(): void {
    this.timer?.()
    this.timer = undefined
  }

  // --- closing ---

  readonly close = (done: () => void): void => {
    if (this.isClosed) return done()
    this.closing = done
    for (const event of this.events) this.closeEvent(event, () => {})
    this.engine.poke(this)
  }

  private finish(): void {
    const { engine } = this
    const done = this.closing!
    this.closing = undefined
    this.isClosed = true
    this.clearTimer()
    this.withdrawExit()
    engine.calls.WSACloseEvent(this.wakeEvent)
    engine.counters.events--
    engine.heap.free(this.block)
    engine.unregister(this, false)
    done()
  }
}

const known = new WeakMap<Engine, EventWaits>()

/** The one of an engine, made when it is first asked for. */
export const eventWaits = (engine: Engine): EventWaits | WinsockError => {
  const found = known.get(engine)
  if (found !== undefined) return found
  const { calls, heap, seam } = engine
  let block: Block
  try {
    block = heap.alloc(pointerSize(seam.abi) * WSA_MAXIMUM_WAIT_EVENTS)
  } catch {
    return WinsockErrors.fromCode("WSACreateEvent", WSA_NOT_ENOUGH_MEMORY)
  }
  const wakeEvent = calls.WSACreateEvent()
  if (wakeEvent === 0) {
    const error = WinsockErrors.fromCode("WSACreateEvent", calls.WSAGetLastError())
    heap.free(block)
    return error
  }
  const waits = new EventWaits(engine, wakeEvent, block)
  known.set(engine, waits)
  return waits
}
