/**
 * Event objects (`WSAEVENT`), and overlapped sends that complete through one: the way of the sample on the page of
 * WSASend. Completion ports are the library's own way; events are for programs that are written around them.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as events from "./internal/eventObject.ts"
import type { Handle } from "./Seam.ts"
import type { Payload, TcpSocket } from "./TcpSocket.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * An event object. One that `make` made stays signalled until it is reset (manual reset), as `WSACreateEvent` makes it; of
 * one that `makeAutoReset` made each signal is for one wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventObject {
  /** Its number, for calls of one's own. Closing it is the library's. */
  readonly handle: Handle
  /** Whether a wait that ends takes its signal back. */
  readonly isAutoReset: boolean
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
  (winsock) => events.make(winsock[EngineKey], false)
)

/**
 * Creates an event object of which each signal is for one wait: the first in line goes on, and the event is not signalled
 * any more. A signal that nobody waits for stays for the next; two of those are one. A wait that is interrupted
 * takes none along.
 *
 * It is the library that takes the signal back (`WSAResetEvent`): to calls of one's own the handle is one of a manual
 * reset, for `WSACreateEvent` makes no others. Fails with `OutOfMemory`.
 *
 * **Example** (One worker for each signal)
 *
 * ```ts
 * import { EventObject } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const workers = Effect.gen(function*() {
 *   const event = yield* EventObject.makeAutoReset
 *   const worker = (n: number) => Effect.andThen(event.wait, Effect.log(`worker ${n}`))
 *   yield* Effect.forkScoped(Effect.all([worker(1), worker(2)], { concurrency: 2 }))
 *   yield* event.set
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeAutoReset: Effect.Effect<EventObject, WinsockError, Winsock | Scope.Scope> = Effect.flatMap(
  Winsock,
  (winsock) => events.make(winsock[EngineKey], true)
)

/**
 * Options of a wait for several events.
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitOptions {
  /**
   * How long it waits, by Effect's clock; it fails with `TimedOut` then. As `Effect.timeout` it takes no signal along.
   *
   * @default for ever
   */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Waits until one of several events is signalled, and gives its index: the lowest, when there are more. Only that one is
 * taken back where it is an auto-reset event. There may be any number of them: those that one call does not take (63, for
 * one place of the 64 is the library's own) are looked at every 10 milliseconds, in groups.
 *
 * Fails with `InvalidArgument` for events of another layer, the same event twice, or none; with `TimedOut`, with
 * `OperationAborted` when one of them is closed meanwhile, with `SocketClosed` when one was.
 *
 * Source: the page of `WSAWaitForMultipleEvents`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const waitAny = (
  several: ReadonlyArray<EventObject>,
  options: WaitOptions = {}
): Effect.Effect<number, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => events.waitForSeveral(winsock[EngineKey], several, false, options))

/**
 * Waits until all of several events are signalled at the same time; then all auto-reset events among them are taken back,
 * and none of them before. From 1 to 63 events.
 *
 * Fails as `waitAny` does, and with `InvalidArgument` for more than 63.
 *
 * @category combinators
 * @since 0.1.0
 */
export const waitAll = (
  several: ReadonlyArray<EventObject>,
  options: WaitOptions = {}
): Effect.Effect<void, WinsockError, Winsock> =>
  Effect.flatMap(Winsock, (winsock) => Effect.asVoid(events.waitForSeveral(winsock[EngineKey], several, true, options)))

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
