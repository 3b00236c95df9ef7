// What the tests of UnixSocket and UnixServer share.
import { UnixServer, UnixSocket } from "@effect-winsock/core"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Rig, RigOptions } from "./rig.ts"
import { law } from "./rig.ts"
import { reason } from "./udp.ts"
import type * as Winsock from "@effect-winsock/core/Winsock"
import type * as Scope from "effect/Scope"

/** A machine with a folder of its own, for the files of sockets. */
export const withFolder: RigOptions = { files: { "a-file": new Uint8Array(1) } }

/** Both ends of a connection to a server. */
export const pair = Effect.fnUntraced(function* (server: UnixServer.UnixServer, options?: UnixSocket.Options) {
  const client = yield* UnixSocket.connect(server.address, options)
  return { client, accepted: yield* server.accept }
})

/** Fails unless a call is refused for want of AF_UNIX. */
export const assertMissing = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const why = yield* reason(effect)
  assert.deepStrictEqual(
    [why._tag, why.name, "what" in why && why.what],
    ["NotSupported", "WSAEAFNOSUPPORT", "addressFamily"]
  )
})

/**
 * A test of AF_UNIX, on whatever provider: the real thing where it has them, and where it does not, that it says so and
 * leaves nothing.
 */
export const lawWhereSupported = <A, E>(
  name: string,
  body: (rig: Rig) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options: RigOptions = {}
): void =>
  law(
    name,
    (rig) =>
      Effect.gen(function* () {
        if (yield* UnixSocket.isSupported) return yield* Effect.asVoid(body(rig))
        yield* assertMissing(UnixServer.listen(rig.path("missing.sock"), { replace: true }))
        yield* assertMissing(UnixSocket.connect(rig.path("missing.sock")))
        assert.strictEqual(rig.recorder.count("DeleteFileW"), 0)
      }),
    { ...withFolder, ...options }
  )
