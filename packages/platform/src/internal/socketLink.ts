/** What a Socket reads from and writes to: a connection, or a TLS session over one. */
import type { Payload, TcpSocket } from "@effect-winsock/core/TcpSocket"
import type { UnixSocket } from "@effect-winsock/core/UnixSocket"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Socket from "effect/socket/Socket"
import * as SocketErrors from "./socketErrors.ts"

/** A connection that a Socket can be over. */
export type Connection = TcpSocket | UnixSocket

export type Bytes = NonEmptyReadonlyArray<Uint8Array>

export interface Link {
  readonly pull: Effect.Effect<Bytes, Socket.SocketError>
  /** Sends all of a payload, in its turn. */
  readonly send: (payload: Payload) => Effect.Effect<void, Socket.SocketError>
  /** Ends this side, behind all that is being sent; done when it is ended. */
  readonly end: Effect.Effect<void>
  /** Ends both sides, when what is being sent has left. */
  readonly close: Effect.Effect<void>
  /** Ends both sides at once: the peer sees it end amiss. */
  readonly abort: Effect.Effect<void>
}

/** The connection itself. Every end that it comes to is given to `ended`, which says which one counts. */
export const plain = (connection: Connection, ended: (error: Socket.SocketError) => Socket.SocketError): Link => ({
  // nothing but the failures passes through a step of its own: what was taken is in the caller's hand at once
  pull: Effect.catchCause(connection.pull, (cause) => {
    const error = SocketErrors.ofPull(cause)
    return error === undefined ? (Effect.failCause(cause) as Effect.Effect<never>) : Effect.fail(ended(error))
  }),
  send: (payload) => SocketErrors.mapWrite(connection.send(payload)),
  end: Effect.ignore(connection.shutdown("send")),
  close: connection.close,
  abort: connection.abort
})
