/**
 * Who looks at event objects, and when: one off-thread WSAWaitForMultipleEvents for all of a layer. Its first event is a
 * private one, which ends the call when what it should wait for has changed.
 */
import { WSA_MAXIMUM_WAIT_EVENTS, WSA_WAIT_EVENT_0, WSA_WAIT_FAILED } from "@effect-winsock/schema/Flags"
import { pointerSize, writePointer } from "@effect-winsock/schema/Layout"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Block, Handle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Endpoint, Engine } from "./engine.ts"
import type { Operation } from "./operation.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

/** How many events one call waits for, beside the private one. */
const mostAway = WSA_MAXIMUM_WAIT_EVENTS - 1
/** The bound on an off-thread wait: a worker that is terminated cannot end it, and must not hang on it. */
const waitMilliseconds = 1000
/** The pause between looks at the events that no call waits for. */
const pollMilliseconds = 10

const name = "WSAWaitForMultipleEvents"
const closed = Effect.suspend(() => Effect.fail(WinsockErrors.socketClosed(name)))

/** One event object, and the fibers that wait for it. */
export class Event implements Server<void> {
  readonly handle: Handle
  readonly wait: Effect.Effect<void, WinsockError>
  /** The operation whose end it tells. */
  operation: Operation | undefined = undefined
  /** Whether somebody's operation uses it, or will. */
  busy = false
  isOpen = true
  readonly line: Line<void>
  readonly closers: Array<() => void> = []
  private readonly waits: EventWaits

  constructor(waits: EventWaits, handle: Handle) {
    const { engine } = waits
    this.waits = waits
    this.handle = handle
    this.line = new Line(engine, (settled) => {
      engine.poke(waits)
      settled(Effect.void)
    })
    this.wait = takeOrWait<void, WinsockError>(
      () => {
        if (!this.isOpen) return closed
        return this.line.length === 0 && this.can() ? Effect.void : undefined
      },
      (resume, again, hesitant) => {
        if (!this.isOpen) return resume(closed)
        const waiter = this.line.join(undefined, resume, again, hesitant)
        engine.poke(waits)
        return waiter
      }
    )
  }

  /** Whether it is signalled: a manual-reset event stays so for all who wait. */
  can(): boolean {
    return this.waits.isSet(this.handle)
  }

  give(): Effect.Effect<void> {
    return Effect.void
  }

  /** Whether somebody wants to know of its signal. */
  get isWatched(): boolean {
    return this.line.length > 0 || this.operation !== undefined
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
  // what the off-thread call waits for; undefined while there is none
  private away: ReadonlyArray<Event> | undefined = undefined
  // whether that call was asked to end
  private woken = false
  // where the next call begins among those that are watched
  private next = 0
  private timer: (() => void) | undefined = undefined
  private closing: (() => void) | undefined = undefined
  private isClosed = false
  private readonly withdrawExit: () => void

  constructor(engine: Engine, wakeEvent: Handle, block: Block) {
    this.engine = engine
    this.block = block
    this.wakeEvent = wakeEvent
    engine.counters.events++
    this.key = engine.reserve()
    engine.register(this)
    this.withdrawExit = engine.seam.host.onExit(() => this.wake())
  }

  // --- events ---

  make(): Event | WinsockError {
    const { calls, counters } = this.engine
    const handle = calls.WSACreateEvent()
    if (handle === 0) return WinsockErrors.fromCode("WSACreateEvent", calls.WSAGetLastError())
    counters.events++
    const event = new Event(this, handle)
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

  /** Whether an event is signalled, without waiting. */
  isSet(handle: Handle): boolean {
    const { calls, scratch, seam } = this.engine
    writePointer(seam.abi, scratch.view, 0, handle)
    return calls.WSAWaitForMultipleEvents(1, scratch.address, 0, 0, 0) === WSA_WAIT_EVENT_0
  }

  /** Tells the operation's endpoint of its end, when its event has told of it. */
  watch(event: Event, operation: Operation): void {
    event.operation = operation
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
    for (const event of this.events) {
      this.look(event)
      if (!event.isOpen) event.line.fail(WinsockErrors.operationAborted(name))
      else if (event.line.length > 0) event.line.serve(event)
    }
    this.closeEvents()
    this.arm()
    if (this.closing !== undefined && this.events.size === 0 && this.away === undefined) this.finish()
  }

  // the kernel writes the status before it signals the event, and a program may have reset that since
  private look(event: Event): void {
    const { operation } = event
    if (operation === undefined) return
    operation.endpoint.packet(operation.address)
    if (!operation.isPending) event.operation = undefined
  }

  private closeEvents(): void {
    const { calls, counters, pump } = this.engine
    for (const event of this.events) {
      if (event.isOpen || event.operation !== undefined || event.busy) continue
      // closing a handle that a call waits for is undefined
      if (this.away?.includes(event) === true) {
        this.wake()
        continue
      }
      this.events.delete(event)
      calls.WSACloseEvent(event.handle)
      counters.events--
      for (let done = event.closers.pop(); done !== undefined; done = event.closers.pop()) {
        pump.release()
        done()
      }
    }
  }

  // has the kernel tell of those that somebody wants to know of
  private arm(): void {
    const watched = [...this.events].filter((event) => event.isWatched)
    if (this.away !== undefined) {
      const { away } = this
      const changed = watched.length === 0 || watched.some((event) => !away.includes(event))
      // where there are more than fit, the rest is for the timer
      if (changed && (away.length < mostAway || watched.length === 0)) this.wake()
    } else if (watched.length > 0) this.wait(watched)
    const covered = this.away !== undefined && watched.length <= mostAway
    if (watched.length > 0 && !covered) this.poll()
  }

  private wait(watched: ReadonlyArray<Event>): void {
    const { block, engine } = this
    const { abi } = engine.seam
    const size = pointerSize(abi)
    // in turn, when there are more than fit
    const start = watched.length > mostAway ? this.next++ % watched.length : 0
    const chosen = [...watched.slice(start), ...watched.slice(0, start)].slice(0, mostAway)
    writePointer(abi, block.view, 0, this.wakeEvent)
    chosen.forEach(({ handle }, i) => writePointer(abi, block.view, size * (i + 1), handle))
    engine.calls.WSAResetEvent(this.wakeEvent)
    this.woken = false
    try {
      engine.callAway(name, [chosen.length + 1, block.address, 0, waitMilliseconds, 0], this.returned)
      this.away = chosen
    } catch {
      // too many such calls are running: the timer looks
    }
  }

  private readonly returned = (result: number): void => {
    this.away = undefined
    // a handle of a program's that it has closed itself: not again at once
    if (result === WSA_WAIT_FAILED) this.poll()
    else this.engine.poke(this)
  }

  private wake(): void {
    if (this.away === undefined || this.woken) return
    this.woken = true
    this.engine.calls.WSASetEvent(this.wakeEvent)
  }

  private poll(): void {
    this.timer ??= this.engine.seam.host.schedule(() => {
      this.timer = undefined
      this.engine.poke(this)
    }, pollMilliseconds)
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
    this.timer?.()
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
