/** What modules that put another interface on a UDP socket take of it: its traffic, without a fiber's steps for each datagram. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type { Datagram } from "../Datagram.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Payload } from "./payload.ts"

/** The key under which a socket has it; fakes of a program's own have none. */
export const DirectKey: unique symbol = Symbol.for("@effect-winsock/core/UdpSocket/Direct")

export interface Direct {
  /**
   * Gives to `take` all that comes, as it comes, until the socket fails or this is interrupted. It waits in line as a fiber
   * does that pulls. `take` runs in the pump's loop, and must not throw.
   */
  readonly consume: (take: (batch: NonEmptyReadonlyArray<Datagram>) => void) => Effect.Effect<never, WinsockError>
  /** Sends at once: whether it could, or why it cannot at all. */
  readonly sendNow: (payload: Payload, to: NetAddress.InetAddress | undefined) => boolean | WinsockError
  /** Sends what found no room, in its turn. */
  readonly sendWaiting: (payload: Payload, to: NetAddress.InetAddress | undefined) => Effect.Effect<void, WinsockError>
  /**
   * Gives a pull of what was consumed its spans. It is there where the socket's own operations have them, which are to be
   * preferred to `sendNow` and `sendWaiting` then.
   */
  readonly pulled?: (<A, E>(pull: Effect.Effect<A, E>) => Effect.Effect<A, E>) | undefined
}
