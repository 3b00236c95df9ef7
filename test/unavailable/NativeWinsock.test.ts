import type * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as koffi from "koffi"
import { afterEach, vi } from "vitest"

// the machine as the module sees it
interface Machine {
  readonly platform?: string
  readonly arch?: string
  readonly node?: string
  readonly koffi?: () => object
}

const own = { platform: process.platform, arch: process.arch, versions: process.versions }
const set = (values: typeof own | Record<keyof typeof own, unknown>) => {
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(process, name, { value, configurable: true })
}

const build = (machine: Machine) =>
  Effect.gen(function* () {
    const { platform = "win32", arch = "x64", node = "22.19.0" } = machine
    set({ platform, arch, versions: { ...own.versions, node } })
    if (machine.koffi !== undefined) vi.doMock("koffi", machine.koffi)
    const module: typeof NativeWinsock = yield* Effect.promise(() => import("@effect-winsock/native/NativeWinsock"))
    return yield* Effect.flip(Effect.scoped(module.seam))
  })

afterEach(() => {
  set(own)
  vi.doUnmock("koffi")
  vi.resetModules()
})

describe.skipIf(process.platform === "win32")("NativeWinsock where it cannot work", () => {
  it.effect("says that the platform is not Windows", () =>
    Effect.gen(function* () {
      const error = yield* build({ platform: own.platform, arch: own.arch })
      assert.strictEqual(error._tag, "NativeUnavailable")
      assert.strictEqual(error.reason, "platform")
      assert.include(error.message, `this is ${own.platform}`)
      assert.include(error.message, "@effect-winsock/mock")
    })
  )

  it.effect("says it as a WinsockError when the layer is built", () =>
    Effect.gen(function* () {
      const { layer } = yield* Effect.promise(() => import("@effect-winsock/native/NativeWinsock"))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error.reason._tag, "ProviderUnavailable")
      assert.include(error.message, `this is ${own.platform}`)
      assert.propertyVal(error.cause, "_tag", "NativeUnavailable")
      assert.propertyVal(error.cause, "reason", "platform")
    })
  )

  it.effect("says that the processor has no known ABI", () =>
    Effect.gen(function* () {
      const error = yield* build({ arch: "arm" })
      assert.strictEqual(error.reason, "platform")
      assert.include(error.detail, "win32 on arm,")
    })
  )

  it.effect("says that Node.js is too old", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* build({ node: "22.18.9" })).reason, "node")
      assert.strictEqual((yield* build({ node: "20.20.2" })).reason, "node")
      assert.strictEqual((yield* build({ node: "24.0.0", platform: "linux" })).reason, "platform")
    })
  )

  it.effect("says that koffi is absent", () =>
    Effect.gen(function* () {
      const error = yield* build({
        koffi: () => {
          throw new Error("Cannot find package 'koffi'")
        }
      })
      assert.strictEqual(error.reason, "koffi")
      assert.include(error.message, "optional dependencies")
      assert.instanceOf(error.cause, Error)
    })
  )

  it.effect("says that a DLL is absent", () =>
    Effect.gen(function* () {
      // this platform's koffi, which finds no ws2_32.dll
      const error = yield* build({ koffi: () => koffi })
      assert.strictEqual(error.reason, "dll")
      assert.include(error.detail, "ws2_32.dll")
    })
  )

  it.effect("says that the runtime refuses external memory", () =>
    Effect.gen(function* () {
      let freed = 0
      const error = yield* build({
        koffi: () => ({
          alloc: () => 16n,
          free: () => {
            freed++
          },
          view: () => {
            throw new Error("This runtime does not support external buffers")
          }
        })
      })
      assert.strictEqual(error.reason, "externalMemory")
      assert.strictEqual(freed, 1)
    })
  )
})
