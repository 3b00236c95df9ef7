/** WinsockErrors as the reasons of effect/socket. */
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"

const ofReason = (reason: Socket.SocketErrorReason): Socket.SocketError => new Socket.SocketError({ reason })

/** A close, whoever closed: 1000 is a clean one, 1006 any other. */
export const closed = (code: number, closeReason?: string): Socket.SocketError =>
  ofReason(new Socket.SocketCloseError(closeReason === undefined ? { code } : { code, closeReason }))

export const opening = (cause: unknown, kind: "Unknown" | "Timeout" = "Unknown"): Socket.SocketError =>
  ofReason(new Socket.SocketOpenError({ kind, cause }))

export const reading = (cause: unknown): Socket.SocketError => ofReason(new Socket.SocketReadError({ cause }))

export const writing = (cause: unknown): Socket.SocketError => ofReason(new Socket.SocketWriteError({ cause }))

export const upgrading = (cause: unknown): Socket.SocketError => ofReason(new Socket.SocketUpgradeError({ cause }))

// what is said of a wait when the connection is closed on this side
const ownDoing: ReadonlySet<string> = new Set(["OperationAborted", "SocketClosed"])

/** What a pull fails with when the connection's own fails; `undefined` for an interruption or a defect. */
export const ofPull = (cause: Cause.Cause<WinsockError | Cause.Done>): Socket.SocketError | undefined => {
  for (const reason of cause.reasons) {
    if (!Cause.isFailReason(reason)) return undefined
    const { error } = reason
    if (!isWinsockError(error)) return closed(1000)
    return ownDoing.has((error as WinsockError).reason._tag) ? closed(1006) : reading(error)
  }
  return undefined
}

/** As what a writer's effects fail. */
export const mapWrite = <A>(effect: Effect.Effect<A, WinsockError>): Effect.Effect<A, Socket.SocketError> =>
  Effect.mapError(effect, writing)
