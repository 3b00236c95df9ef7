import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kinds, lab } from "./support.ts"

const quiet = { guard: "collect" } as const

describe("memory", () => {
  it.effect("x64: an address is blockId * 2^32, zeroed, aligned to 16, and no other block is near", () =>
    Effect.gen(function* () {
      const { seam } = yield* MockWinsock.make(quiet)
      const a = seam.memory.alloc(100)
      const b = seam.memory.alloc(100)
      assert.strictEqual(a.address % 2 ** 32, 0)
      assert.strictEqual(b.address, a.address + 2 ** 32)
      assert.isTrue(a.bytes.every((byte) => byte === 0))
      assert.strictEqual(a.bytes.length, 100)
      assert.isBelow(b.address, 2 ** 47)
    })
  )

  it.effect("ia32: addresses fit 32 bits, blocks of many pages work, and an unmapped page lies behind each", () =>
    Effect.gen(function* () {
      const { seam } = yield* MockWinsock.make({ abi: "ia32", ...quiet })
      const a = seam.memory.alloc(5_000_000)
      const b = seam.memory.alloc(16)
      assert.strictEqual(a.address % 16, 0)
      assert.isAbove(b.address, a.address + a.size + 0xffff)
      assert.isBelow(b.address, 2 ** 32)
      // the last byte is there, the one behind is not
      const l = yield* lab({ abi: "ia32" })
      const { s } = l.bound()
      const last = l.alloc(70_000)
      last.view.setInt32(69_996, 28, true)
      assert.strictEqual(l.calls.getsockname(s, last.address, last.address + 69_996), 0)
      assert.strictEqual(l.calls.getsockname(s, last.address, last.address + 69_997), -1)
      assert.strictEqual(l.error, 10014)
    })
  )

  it.effect("ia32: freed pages come back when the address space is used up", () =>
    Effect.gen(function* () {
      const { seam } = yield* MockWinsock.make({ abi: "ia32" })
      const addresses = new Set<number>()
      for (let i = 0; i < 40_000; i++) {
        const block = seam.memory.alloc(16)
        addresses.add(block.address)
        seam.memory.free(block)
      }
      assert.isAbove(addresses.size, 1000)
      assert.isBelow(addresses.size, 40_000)
    })
  )

  it.effect("what cannot be allocated is a RangeError", () =>
    Effect.gen(function* () {
      const { seam } = yield* MockWinsock.make()
      assert.throws(() => seam.memory.alloc(-1), RangeError)
      assert.throws(() => seam.memory.alloc(2 ** 40), RangeError)
    })
  )

  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: NULL, a freed block, and a range that runs out of its block are WSAEFAULT`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi, ...quiet })
        const { s } = l.bound()
        const length = l.alloc(16)
        length.view.setInt32(0, 28, true)
        const room = l.alloc(15)
        const gone = l.seam.memory.alloc(64)
        l.seam.memory.free(gone)
        for (const address of [0, 8, gone.address, room.address, -5, 2 ** 52 + 4]) {
          assert.strictEqual(l.calls.getsockname(s, address, length.address), -1)
          assert.strictEqual(l.error, 10014, `at ${address}`)
        }
      })
    )
  }

  it.effect("a fault in kernel32 is ERROR_NOACCESS, and takes no packet with it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      l.calls.PostQueuedCompletionStatus(port, 1, 2, 3)
      assert.strictEqual(l.calls.GetQueuedCompletionStatusEx(port, 0, 8, 0, 0, 0), 0)
      assert.strictEqual(l.error, 998)
      assert.deepStrictEqual(l.packets(port), [{ key: 2, overlapped: 3, status: 0, bytes: 1 }])
    })
  )

  it.effect("free twice, and free of a block that is no block", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make(quiet)
      const block = mock.seam.memory.alloc(8)
      mock.seam.memory.free(block)
      mock.seam.memory.free(block)
      assert.deepStrictEqual(kinds(yield* mock.guard), ["BadFree"])
    })
  )
})
