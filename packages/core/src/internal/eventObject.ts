/** Event objects and what waits for them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EventObject, OverlappedSend } from "../EventObject.ts"
import type { Payload, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

export const make = (_engine: Engine): Effect.Effect<EventObject, WinsockError, Scope.Scope> =>
  Effect.die("being built")

export const beginSend = (
  _engine: Engine,
  _socket: TcpSocket,
  _payload: Payload,
  _event: EventObject
): Effect.Effect<OverlappedSend, WinsockError, Scope.Scope> => Effect.die("being built")
