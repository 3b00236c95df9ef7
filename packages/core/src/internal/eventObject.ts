/** Event objects, and overlapped sends that complete through one. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { EventObject, OverlappedSend } from "../EventObject.ts"
import type { Handle } from "../Seam.ts"
import type { Payload, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { EventTurn } from "./eventTurn.ts"
import type { Event, EventWaits } from "./eventWaits.ts"
import { eventWaits } from "./eventWaits.ts"
import { aPayload, isPayload } from "./payload.ts"
import { streamOf } from "./tcpSocket.ts"

type EventCall = "WSASetEvent" | "WSAResetEvent"

export class EventObjectOf implements EventObject {
  readonly event: Event
  readonly waits: EventWaits
  readonly wait: Effect.Effect<void, WinsockError>

  constructor(waits: EventWaits, event: Event) {
    this.waits = waits
    this.event = event
    this.wait = event.wait
  }

  get handle(): Handle {
    return this.event.handle
  }

  get set(): Effect.Effect<void, WinsockError> {
    return this.call("WSASetEvent")
  }

  get reset(): Effect.Effect<void, WinsockError> {
    return this.call("WSAResetEvent")
  }

  get isSet(): Effect.Effect<boolean, WinsockError> {
    return Effect.suspend(() =>
      this.event.isOpen
        ? Effect.succeed(this.waits.isSet(this.event.handle))
        : Effect.fail(WinsockErrors.socketClosed("WSAWaitForMultipleEvents"))
    )
  }

  private call(name: EventCall): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { event, waits } = this
      if (!event.isOpen) return Effect.fail(WinsockErrors.socketClosed(name))
      const { calls } = waits.engine
      return calls[name](event.handle) === 0
        ? Effect.fail(WinsockErrors.fromCode(name, calls.WSAGetLastError()))
        : Effect.void
    })
  }
}

export const make = (engine: Engine): Effect.Effect<EventObject, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSACreateEvent"))
      const waits = eventWaits(engine)
      if (waits instanceof WinsockErrors.WinsockError) return Effect.fail(waits)
      const event = waits.make()
      return event instanceof WinsockErrors.WinsockError
        ? Effect.fail(event)
        : Effect.succeed(new EventObjectOf(waits, event))
    }),
    ({ event, waits }) => Effect.callback<void>((resume) => waits.closeEvent(event, () => resume(Effect.void)))
  )

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
        engine.calls.WSAResetEvent(own.handle)
        const sending = Effect.onExit(
          stream.sends.run(() => new EventTurn(payload, event.waits, own)),
          (exit) =>
            Effect.sync(() => {
              own.busy = false
              // whoever waits for the event must not wait for a call that was not made, or failed
              if (Exit.isFailure(exit) && own.isOpen) engine.calls.WSASetEvent(own.handle)
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
