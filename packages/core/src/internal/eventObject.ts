/** Event objects, and overlapped sends that complete through one. */
import { WSA_MAXIMUM_WAIT_EVENTS, WSA_WAIT_EVENT_0, WSA_WAIT_FAILED } from "@effect-winsock/schema/Flags"
import { WAIT_TIMEOUT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { EventObject, OverlappedSend, WaitOptions } from "../EventObject.ts"
import type { Handle } from "../Seam.ts"
import type { Payload, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { millisOf } from "./checks.ts"
import type { Engine } from "./engine.ts"
import { waitFor } from "./eventGroup.ts"
import { EventTurn } from "./eventTurn.ts"
import type { Event, EventWaits } from "./eventWaits.ts"
import { eventWaits } from "./eventWaits.ts"
import { aPayload, isPayload } from "./payload.ts"
import { streamOf } from "./tcpSocket.ts"

export class EventObjectOf implements EventObject {
  readonly event: Event
  readonly waits: EventWaits
  readonly wait: Effect.Effect<void, WinsockError>

  constructor(waits: EventWaits, event: Event) {
    this.waits = waits
    this.event = event
    this.wait = event.wait
  }

  get isAutoReset(): boolean {
    return this.event.isAuto
  }

  get handle(): Handle {
    return this.event.handle
  }

  get set(): Effect.Effect<void, WinsockError> {
    return this.call("WSASetEvent", () => this.event.set())
  }

  get reset(): Effect.Effect<void, WinsockError> {
    return this.call("WSAResetEvent", () => this.event.reset())
  }

  get isSet(): Effect.Effect<boolean, WinsockError> {
    return Effect.suspend(() => {
      const { event, waits } = this
      if (!event.isOpen) return Effect.fail(WinsockErrors.socketClosed("WSAWaitForMultipleEvents"))
      const result = waits.test(event.handle)
      return result === WSA_WAIT_FAILED ? Effect.fail(waits.failed()) : Effect.succeed(result === WSA_WAIT_EVENT_0)
    })
  }

  private call(name: string, make: () => boolean): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { event, waits } = this
      if (!event.isOpen) return Effect.fail(WinsockErrors.socketClosed(name))
      if (make()) return Effect.void
      return Effect.fail(WinsockErrors.fromCode(name, waits.engine.calls.WSAGetLastError()))
    })
  }
}

export const make = (engine: Engine, isAuto: boolean): Effect.Effect<EventObject, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSACreateEvent"))
      const waits = eventWaits(engine)
      if (waits instanceof WinsockErrors.WinsockError) return Effect.fail(waits)
      const event = waits.make(isAuto)
      return event instanceof WinsockErrors.WinsockError
        ? Effect.fail(event)
        : Effect.succeed(new EventObjectOf(waits, event))
    }),
    ({ event, waits }) => Effect.callback<void>((resume) => waits.closeEvent(event, () => resume(Effect.void)))
  )

/** Signals an event, or takes its signal back: what is no event is refused. */
export const setting = (
  name: "WSASetEvent" | "WSAResetEvent",
  event: EventObject
): Effect.Effect<void, WinsockError> => {
  if (event instanceof EventObjectOf) return name === "WSASetEvent" ? event.set : event.reset
  return Effect.fail(WinsockErrors.invalidArgument(name, "event", event, "an EventObject"))
}

const waiting = "WSAWaitForMultipleEvents"
/** One place of a call is the private event's. */
const mostForAll = WSA_MAXIMUM_WAIT_EVENTS - 1

const invalid = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument(waiting, option, value, expected)

/** Waits for any or all of several events of one layer. */
export const waitForSeveral = (
  engine: Engine,
  events: ReadonlyArray<EventObject>,
  all: boolean,
  options: WaitOptions
): Effect.Effect<number, WinsockError> =>
  Effect.suspend(() => {
    if (!Array.isArray(events)) return Effect.fail(invalid("events", events, "a list of events"))
    // a copy: what is waited for must not change meanwhile
    const own: Array<Event> = []
    for (const event of events as ReadonlyArray<unknown>) {
      if (!(event instanceof EventObjectOf) || event.waits.engine !== engine) {
        return Effect.fail(invalid("events", event, "EventObjects of the same layer"))
      }
      own.push(event.event)
    }
    const most = all ? mostForAll : Number.POSITIVE_INFINITY
    if (own.length === 0 || own.length > most || new Set(own).size < own.length) {
      const expected = `different events, from 1${all ? ` to ${mostForAll}` : ""}`
      return Effect.fail(invalid("events.length", own.length, expected))
    }
    if (typeof options !== "object" || options === null) return Effect.fail(invalid("options", options, "an object"))
    const waits = eventWaits(engine)
    if (waits instanceof WinsockErrors.WinsockError) return Effect.fail(waits)
    const wait = waitFor(waits, own, all)
    const { timeout } = options
    if (timeout === undefined) return wait
    const duration = millisOf(timeout)
    if (!(duration >= 0)) return Effect.fail(invalid("timeout", timeout, "a duration"))
    return Effect.timeoutOrElse(wait, {
      duration,
      orElse: () => Effect.fail(WinsockErrors.fromCode(waiting, WAIT_TIMEOUT))
    })
  })

const refused = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument("WSASend", option, value, expected)

/** The send is a fiber of the scope's: closing that interrupts it, as any other send is. */
export const beginSend = (
  engine: Engine,
  socket: TcpSocket,
  payload: Payload,
  event: EventObject
): Effect.Effect<OverlappedSend, WinsockError, Scope.Scope> =>
  Effect.uninterruptible(
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.suspend(() => {
        const stream = streamOf(socket)
        if (stream?.engine !== engine) return Effect.fail(refused("socket", socket, "a TcpSocket of the same layer"))
        if (!isPayload(payload)) return Effect.fail(refused("payload", payload, aPayload))
        if (!(event instanceof EventObjectOf) || event.waits.engine !== engine) {
          return Effect.fail(refused("event", event, "an EventObject of the same layer"))
        }
        const own = event.event
        if (!own.isOpen) return Effect.fail(WinsockErrors.socketClosed("WSASend"))
        if (own.busy) return Effect.fail(refused("event", event, "an event that no other operation uses"))
        own.busy = true
        // the call resets it, but the send may have to wait for its turn
        own.reset()
        const sending = Effect.onExit(
          stream.sends.run(() => new EventTurn(payload, event.waits, own)),
          (exit) =>
            Effect.sync(() => {
              own.busy = false
              // whoever waits for the event must not wait for a call that was not made, or failed
              if (Exit.isFailure(exit) && own.isOpen) own.set()
              engine.poke(event.waits)
            })
        )
        return Effect.map(Effect.forkIn(Effect.interruptible(sending), scope, { startImmediately: true }), (fiber) => ({
          result: Effect.catchCause(Fiber.join(fiber), (cause) =>
            // the scope was closed before its end
            Exit.hasInterrupts(Exit.failCause(cause))
              ? Effect.fail(WinsockErrors.operationAborted("WSASend"))
              : Effect.failCause(cause)
          )
        }))
      })
    )
  )
