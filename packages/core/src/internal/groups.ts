/** The multicast groups that one UDP socket is in, and whose scopes leave them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { ActName, Families, Group } from "./multicast.ts"
import * as Multicast from "./multicast.ts"
import type { SocketCalls } from "./socketCalls.ts"

export class Groups {
  private readonly socket: () => SocketCalls | undefined
  private readonly families: Families
  // a scope leaves only what it joined: by its end the group may have been left, and joined again by another
  private readonly joined = new Map<string, object>()

  /** `socket` gives nothing once it is closed. */
  constructor(socket: () => SocketCalls | undefined, families: Families) {
    this.socket = socket
    this.families = families
  }

  join(group: unknown, options: unknown): Effect.Effect<void, WinsockError, Scope.Scope> {
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.suspend(() => {
          const read = Multicast.read(group, options, this.families, false)
          if (read instanceof WinsockErrors.WinsockError) return Effect.fail(read)
          const error = this.apply("join", read)
          if (error !== undefined) return Effect.fail(error)
          const membership = { key: Multicast.keyOf(read), group: read }
          this.joined.set(membership.key, membership)
          return Effect.succeed(membership)
        }),
        // a socket that is closed has left all its groups
        (membership) => Effect.sync(() => this.release(membership))
      )
    )
  }

  private release(membership: { readonly key: string; readonly group: Group }): void {
    if (this.joined.get(membership.key) !== membership) return
    this.joined.delete(membership.key)
    this.apply("leave", membership.group)
  }

  leave(group: unknown, options: unknown): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const read = Multicast.read(group, options, this.families, false)
      if (read instanceof WinsockErrors.WinsockError) return Effect.fail(read)
      const error = this.apply("leave", read)
      if (error !== undefined) return Effect.fail(error)
      this.joined.delete(Multicast.keyOf(read))
      return Effect.void
    })
  }

  /** Blocks a source of a group, or takes that back. */
  filter(
    name: "block" | "unblock",
    group: unknown,
    source: unknown,
    given: unknown
  ): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const options =
        given === undefined ? { source } : typeof given === "object" && given ? { ...given, source } : given
      const read = Multicast.read(group, options, this.families, true)
      const error = read instanceof WinsockErrors.WinsockError ? read : this.apply(name, read)
      return error === undefined ? Effect.void : Effect.fail(error)
    })
  }

  private apply(name: ActName, group: Group): WinsockError | undefined {
    const on = this.socket()
    return on === undefined ? WinsockErrors.socketClosed("setsockopt") : Multicast.apply(on, name, group)
  }
}
