import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { bind, law } from "../../support/rig.ts"

describe("UdpSocket: interfaces and pieces", () => {
  law("a socket that sends by the loopback interface reaches it", () =>
    Effect.gen(function* () {
      const socket = yield* bind({ interface: 1 })
      const peer = yield* bind()
      yield* socket.send(new Uint8Array([1]), peer.address)
      assert.deepStrictEqual([...(yield* peer.receive).payload], [1])
    })
  )

  law("an index that is no interface index is refused before any call", ({ recorder }) =>
    Effect.gen(function* () {
      for (const index of [-1, 1.5, 2 ** 32, Number.NaN, "eth0" as never]) {
        recorder.clear()
        const { reason } = yield* Effect.flip(bind({ interface: index }))
        assert.strictEqual(reason._tag, "InvalidArgument")
        assert.include(reason.meaning, "interface")
        assert.strictEqual(recorder.calls.length, 0)
      }
    })
  )

  law("a payload is gathered from pieces and scattered over others", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      yield* socket.send([new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array([4, 5])], socket.address)
      const message = yield* socket.receive
      assert.deepStrictEqual(
        message.scatter([2, 0, 2, 9, 1]).map((piece) => Array.from(piece)),
        [[1, 2], [], [3, 4], [5], []]
      )
      assert.deepStrictEqual(
        message.scatter([1, -1, Number.NaN, 1]).map((piece) => Array.from(piece)),
        [[1], [], [], [2]]
      )
    })
  )
})
