import { Names, Winsock } from "@effect-winsock/core"
import { NativeWinsock } from "@effect-winsock/native"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Fiber from "effect/Fiber"

describe("lookups", () => {
  // the clock of it.effect stands still
  it.effect("do not wait for a test's clock", () =>
    Effect.gen(function* () {
      const addresses = yield* Names.lookup("localhost", 80, { family: "IPv4" })
      assert.deepStrictEqual(addresses.map(NetAddress.formatInet), ["127.0.0.1:80"])
      assert.strictEqual(yield* Names.reverse(NetAddress.ipv4Loopback), "localhost")
    }).pipe(Effect.provide(NativeWinsock.layer))
  )

  it.effect("are as many at once as a program likes", () =>
    Effect.gen(function* () {
      const { statistics } = yield* Winsock.Winsock
      const fibers = yield* Effect.forEach(Array.from({ length: 300 }), (_, i) =>
        Effect.forkChild(Names.lookup(i % 2 === 0 ? "localhost" : "127.0.0.1", i, { family: "IPv4" }))
      )
      for (const [i, fiber] of fibers.entries()) {
        const [address] = yield* Fiber.join(fiber)
        assert.strictEqual(NetAddress.formatInet(address), `127.0.0.1:${i}`)
      }
      const { handles, operations } = yield* statistics
      assert.strictEqual(operations.lookup.completed, 300)
      assert.strictEqual(handles.events, 0)
    }).pipe(Effect.provide(NativeWinsock.layer))
  )
})
