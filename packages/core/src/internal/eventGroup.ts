/** Waiting for several events: for the first of them, or for all at once. */
import {
  WSA_MAXIMUM_WAIT_EVENTS,
  WSA_WAIT_EVENT_0,
  WSA_WAIT_FAILED,
  WSA_WAIT_TIMEOUT
} from "@effect-winsock/schema/Flags"
import { pointerSize, writePointer } from "@effect-winsock/schema/Layout"
import * as Effect from "effect/Effect"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Event, EventWaits } from "./eventWaits.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

const name = "WSAWaitForMultipleEvents"

/** One wait: it knows how many signals of each had been seen when it began. */
class Wait implements Server<ReadonlyArray<number>> {
  private readonly waits: EventWaits
  private readonly events: ReadonlyArray<Event>
  private readonly all: boolean
  readonly line: Line<ReadonlyArray<number>>
  // what it ends with
  private found = -1
  private failure: WinsockError | undefined = undefined

  constructor(waits: EventWaits, events: ReadonlyArray<Event>, all: boolean) {
    this.waits = waits
    this.events = events
    this.all = all
    this.line = new Line(waits.engine, (settled) => {
      this.watch(false)
      waits.engine.poke(waits)
      settled(Effect.void)
    })
  }

  readonly effect: Effect.Effect<number, WinsockError> = takeOrWait<number, WinsockError>(
    () => {
      const { pump } = this.waits.engine
      if (pump.direct-- <= 0) return undefined
      const closed = this.events.some(({ isOpen }) => !isOpen)
      if (closed) return Effect.fail(WinsockErrors.socketClosed(name))
      return this.can(undefined) ? this.give() : undefined
    },
    (resume, again, hesitant) => {
      if (this.events.some(({ isOpen }) => !isOpen)) return resume(Effect.fail(WinsockErrors.socketClosed(name)))
      const waiter = this.line.join(
        this.events.map(({ seen }) => seen),
        resume,
        again,
        hesitant
      )
      this.watch(true)
      this.waits.joined()
      return waiter
    }
  )

  private watch(on: boolean): void {
    const { groups } = this.waits
    if (groups.has(this) === on) return
    if (on) groups.add(this)
    else groups.delete(this)
    const by = on ? 1 : -1
    for (const event of this.events) {
      if (this.all) event.alls += by
      else event.anys += by
    }
  }

  serve(): void {
    const { line } = this
    if (line.length === 0) return
    const closed = this.events.find(({ failure, isOpen }) => !isOpen || failure !== undefined)
    if (closed !== undefined) {
      this.watch(false)
      return line.fail(closed.failure ?? WinsockErrors.operationAborted(name))
    }
    line.serve(this)
  }

  can(seen: ReadonlyArray<number> | undefined): boolean {
    this.found = -1
    this.failure = undefined
    // a signal that was taken back again has been seen by who waits for any
    if (seen !== undefined && !this.all) this.found = this.events.findIndex((event, i) => event.seen > seen[i])
    for (let i = 0; i < this.events.length && this.found === -1; i += WSA_MAXIMUM_WAIT_EVENTS) {
      const answer = this.look(this.events.slice(i, i + WSA_MAXIMUM_WAIT_EVENTS))
      if (answer === WSA_WAIT_FAILED) this.failure = this.waits.failed()
      else if (answer !== WSA_WAIT_TIMEOUT) this.found = i + answer - WSA_WAIT_EVENT_0
    }
    return this.found !== -1 || this.failure !== undefined
  }

  private look(events: ReadonlyArray<Event>): number {
    const { calls, scratch, seam } = this.waits.engine
    const size = pointerSize(seam.abi)
    events.forEach(({ handle }, i) => writePointer(seam.abi, scratch.view, size * i, handle))
    return calls.WSAWaitForMultipleEvents(events.length, scratch.address, this.all ? 1 : 0, 0, 0)
  }

  give(): Effect.Effect<number, WinsockError> {
    this.watch(false)
    if (this.failure !== undefined) return Effect.fail(this.failure)
    if (this.all) for (const event of this.events) event.consume()
    else this.events[this.found].consume()
    return Effect.succeed(this.found)
  }
}

/** Waits for the first of them that is signalled, or for all; gives which, or 0. */
export const waitFor = (
  waits: EventWaits,
  events: ReadonlyArray<Event>,
  all: boolean
): Effect.Effect<number, WinsockError> => Effect.suspend(() => new Wait(waits, events, all).effect)
