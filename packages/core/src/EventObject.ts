/**
 * Event objects (`WSAEVENT`), and overlapped sends that complete through one: the way of the sample on the page of
 * WSASend. Completion ports are the library's own way; events are for programs that are written around them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as events from "./internal/eventObject.ts"
import type { Handle } from "./Seam.ts"
import type { Payload, TcpSocket } from "./TcpSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * An event object that stays signalled until it is reset (manual reset), as `WSACreateEvent` makes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventObject {
  /** Its number, for calls of one's own. Closing it is the library's. */
  readonly handle: Handle
  /** Signals it (`WSASetEvent`). */
  readonly set: Effect.Effect<void, WinsockError>
  /** Takes the signal back (`WSAResetEvent`). */
  readonly reset: Effect.Effect<void, WinsockError>
  /** Whether it is signalled, without waiting (`WSAWaitForMultipleEvents` with a timeout of 0). */
  readonly isSet: Effect.Effect<boolean, WinsockError>
  /**
   * Waits until it is signalled. All who wait go on with a signal, in the order of calls, even if the first of them takes
   * it back; whoever comes after that waits for another. The JS thread is never blocked; interrupting the wait changes
   * nothing of the event.
   *
   * Fails with `OperationAborted` when the event is closed meanwhile, with `SocketClosed` afterwards, with
   * `InvalidHandle` when the program has closed its handle by a call of its own.
   */
  readonly wait: Effect.Effect<void, WinsockError>
}

/**
 * Creates an event object, not signalled (`WSACreateEvent`). Closing the scope closes it (`WSACloseEvent`), after the
 * operations that still use it.
 *
 * Fails with `OutOfMemory`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<EventObject, WinsockError, Winsock | Scope.Scope> = Effect.flatMap(
  Winsock,
  (winsock) => events.make(winsock[EngineKey])
)

/**
 * An overlapped send whose completion is told by an event (`hEvent`), not by the completion port.
 *
 * @category models
 * @since 0.1.0
 */
export interface OverlappedSend {
  /**
   * Its outcome (`WSAGetOverlappedResult`): the number of bytes sent. Waits for its completion, not necessarily for the
   * event. Interrupting that wait leaves the send alone.
   *
   * Fails as `TcpSocket.send` does, and with `OperationAborted` when the send's scope was closed before its end.
   */
  readonly result: Effect.Effect<number, WinsockError>
}

/**
 * Begins an overlapped `WSASend` with an event in `hEvent`, and does not wait for it: the event is reset by the call and
 * signalled when the send is complete. The payload is copied. The send belongs to the scope: closing it before its end
 * cancels the send (`CancelIoEx`), waits for its completion, and breaks the stream as an interrupted `send` does.
 *
 * It takes its turn among the sends of the socket. A send that fails signals its event too, even if the call could not be
 * made: whoever waits for it is told by `result`.
 *
 * Fails with `InvalidArgument` for a payload that is none, a socket or an event of another layer, and an event that is
 * used by another send (one is for one operation at a time); with `SocketClosed` for an event that was closed.
 *
 * Source: the page of `WSASend`, "Overlapped Socket I/O".
 *
 * **Example** (Sending as the sample on the page of WSASend does)
 *
 * ```ts
 * import { EventObject, type TcpSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const sendTwice = (connection: TcpSocket.TcpSocket, buffer: Uint8Array) =>
 *   Effect.gen(function*() {
 *     const event = yield* EventObject.make
 *     for (let i = 0; i < 2; i++) {
 *       const send = yield* EventObject.beginSend(connection, buffer, event)
 *       yield* event.wait
 *       console.log(`wrote ${yield* send.result} bytes`)
 *       yield* event.reset
 *     }
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const beginSend = (
  socket: TcpSocket,
  payload: Payload,
  event: EventObject
): Effect.Effect<OverlappedSend, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => events.beginSend(winsock[EngineKey], socket, payload, event))
