/** The forms in which the calls of Winsock2 are made: overlapped and waited for, begun, or answered at once. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EventObject } from "../EventObject.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { OverlappedCalls } from "../Winsock2.ts"
import type { Engine } from "./engine.ts"
import { EventObjectOf } from "./eventObject.ts"
import { takesRoutine } from "./operation.ts"
import * as connections from "./winsock2Connections.ts"
import * as data from "./winsock2Data.ts"
import { isError } from "./winsock2Data.ts"
import type { Call } from "./winsock2Overlapped.ts"
import { begin as beginCall, now, OverlappedOf, run } from "./winsock2Overlapped.ts"
import type { CallSocket } from "./winsock2Socket.ts"

type Name = keyof OverlappedCalls
type Options<K extends Name> = Parameters<OverlappedCalls[K]>[0]
type Result<K extends Name> = ReturnType<OverlappedCalls[K]>

/** What makes a call of each. */
const prepare: {
  readonly [K in Name]: (socket: CallSocket, options: Options<K>, overlapped: boolean) => Call<Result<K>> | WinsockError
} = {
  WSARecv: data.WSARecv,
  WSARecvFrom: data.WSARecvFrom,
  WSARecvMsg: data.WSARecvMsg,
  WSASend: data.WSASend,
  WSASendTo: data.WSASendTo,
  WSASendMsg: data.WSASendMsg,
  ConnectEx: connections.ConnectEx,
  AcceptEx: connections.AcceptEx,
  DisconnectEx: connections.DisconnectEx,
  TransmitFile: connections.TransmitFile,
  WSAIoctl: connections.WSAIoctl
}

const notOverlapped = (name: Name): WinsockError =>
  WinsockErrors.invalidArgument(name, "socket", false, "made with the overlapped attribute (WSA_FLAG_OVERLAPPED)")

/** Makes a call that is always overlapped. */
export const overlapped = <K extends Name>(
  name: K,
  socket: CallSocket,
  options: Options<K>
): Effect.Effect<Result<K>, WinsockError> =>
  socket.shape.overlapped
    ? run(socket, name, () => prepare[name](socket, options, true))
    : Effect.fail(notOverlapped(name))

/** Makes a call in the form that its options ask for. */
export const either = <K extends Name>(
  name: K,
  socket: CallSocket,
  options: Options<K> & { readonly overlapped?: boolean | undefined }
): Effect.Effect<Result<K>, WinsockError> => {
  const form: unknown = options?.overlapped ?? socket.shape.overlapped
  if (form === true) return overlapped(name, socket, options)
  if (form === false) return now(socket, name, () => prepare[name](socket, options, false))
  return Effect.fail(WinsockErrors.invalidArgument(name, "overlapped", form, "a boolean"))
}

export const begin = <K extends Name>(
  name: K,
  socket: CallSocket,
  options: Options<K>,
  hEvent: EventObject | undefined
): Effect.Effect<OverlappedOf<Result<K>>, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const begun = beginNow(name, socket, options, hEvent)
      return isError(begun) ? Effect.fail(begun) : Effect.succeed(begun)
    }),
    (begun) => Effect.callback<void>((settled) => begun.finish(settled))
  )

const beginNow = <K extends Name>(
  name: K,
  socket: CallSocket,
  options: Options<K>,
  hEvent: EventObject | undefined
): OverlappedOf<Result<K>> | WinsockError => {
  if (typeof name !== "string" || !Object.hasOwn(prepare, name)) {
    return WinsockErrors.invalidArgument("begin", "name", name, "the name of a call that can be overlapped")
  }
  if (!socket.isOpen) return WinsockErrors.socketClosed(name)
  if (!socket.shape.overlapped || options?.["overlapped" as keyof typeof options] === false) return notOverlapped(name)
  if (hEvent !== undefined) {
    const refused = refuseEvent(name, socket, hEvent) ?? refuseBoth(name, socket, hEvent)
    if (refused !== undefined) return refused
  }
  const call = prepare[name](socket, options, true)
  return isError(call) ? call : beginCall(socket, call, hEvent as EventObjectOf | undefined)
}

const refuseEvent = (name: string, socket: CallSocket, hEvent: unknown): WinsockError | undefined => {
  const refuse = (expected: string): WinsockError => WinsockErrors.invalidArgument(name, "hEvent", hEvent, expected)
  if (!(hEvent instanceof EventObjectOf) || hEvent.waits.engine !== socket.engine) {
    return refuse("an EventObject of the same layer")
  }
  if (!hEvent.event.isOpen) return WinsockErrors.socketClosed(name)
  return hEvent.event.busy ? refuse("an event that no other operation uses") : undefined
}

// with a routine hEvent is ignored, and free for the application's context
const refuseBoth = (name: Name, socket: CallSocket, hEvent: unknown): WinsockError | undefined =>
  takesRoutine.has(name) && socket.completion.mode === "routine"
    ? WinsockErrors.invalidArgument(name, "hEvent", hEvent, "none where a completion routine tells of the end")
    : undefined

const refuseOverlapped = (name: string, overlapped: unknown): WinsockError =>
  WinsockErrors.invalidArgument(
    name,
    "overlapped",
    overlapped,
    "an Overlapped that begin has made of this socket's layer"
  )

export const resultOf = <A>(
  engine: Engine,
  overlapped: { readonly result: Effect.Effect<A, WinsockError> },
  fWait: boolean
): Effect.Effect<A, WinsockError> => {
  const name = "WSAGetOverlappedResult"
  if (!(overlapped instanceof OverlappedOf) || overlapped.socket.engine !== engine) {
    return Effect.fail(refuseOverlapped(name, overlapped))
  }
  if (typeof fWait !== "boolean") return Effect.fail(WinsockErrors.invalidArgument(name, "fWait", fWait, "a boolean"))
  // the page: fWait should be FALSE where there is a completion routine
  if (fWait && overlapped.hasRoutine) {
    return Effect.fail(
      WinsockErrors.invalidArgument(name, "fWait", true, "false where a completion routine tells of the end")
    )
  }
  return fWait ? overlapped.result : (overlapped as OverlappedOf<A>).poll
}

export const cancel = (socket: CallSocket, overlapped: unknown): Effect.Effect<void, WinsockError> => {
  if (overlapped === undefined) {
    return Effect.suspend(() => {
      const refused = socket.cancelPending()
      return refused === undefined ? Effect.void : Effect.fail(refused)
    })
  }
  return overlapped instanceof OverlappedOf && overlapped.socket === socket
    ? overlapped.cancel
    : Effect.fail(refuseOverlapped("CancelIoEx", overlapped))
}
