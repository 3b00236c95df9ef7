import * as Winsock from "@effect-winsock/core/Winsock"
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Support from "./support.ts"

const listeners = () => process.listenerCount("exit")

describe("the host", () => {
  it.effect("has one exit listener for all layers, and none after the last", () =>
    Effect.gen(function* () {
      const before = listeners()
      yield* Effect.scoped(
        Effect.gen(function* () {
          for (let i = 0; i < 12; i++) {
            const { host } = yield* NativeWinsock.seam
            host.onExit(() => {})
            host.onExit(() => {})()
          }
          assert.strictEqual(listeners(), before + 1)
        })
      )
      assert.strictEqual(listeners(), before)
    })
  )

  it.effect("keeps real time while the TestClock stands still", () =>
    Effect.gen(function* () {
      const { host } = yield* Support.started
      const ran = yield* Effect.forkChild(
        Effect.callback<void>((resume) => {
          host.keepAlive(true)
          host.schedule(() => resume(Effect.void), 1)
        }),
        { startImmediately: true }
      )
      yield* Fiber.join(ran)
      host.keepAlive(false)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )
})

describe("the layer", () => {
  it.effect("starts Winsock and ends with nothing left", () =>
    Effect.gen(function* () {
      const winsock = yield* Effect.scoped(
        Effect.gen(function* () {
          const started = yield* Winsock.Winsock
          assert.strictEqual(started.seam.name, "native")
          assert.strictEqual((yield* started.statistics).handles.ports, 1)
          return started
        }).pipe(Effect.provide(NativeWinsock.layer))
      )
      const { blocks, handles, slots } = yield* winsock.statistics
      assert.deepStrictEqual(
        { blocks, handles, slots },
        {
          blocks: { count: 0, bytes: 0 },
          handles: { sockets: 0, ports: 0, events: 0 },
          slots: { allocated: 0, used: 0 }
        }
      )
    })
  )
})
