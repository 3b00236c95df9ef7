import { WinsockDatagramSocket } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { law } from "../../support/rig.ts"

describe("WinsockDatagramSocket: round trips", () => {
  law("a datagram is received, and answered", () =>
    Effect.gen(function* () {
      const server = yield* WinsockDatagramSocket.make({ bind: { address: "127.0.0.1" } })
      const client = yield* WinsockDatagramSocket.make({ bind: { address: "127.0.0.1" } })
      const at = yield* server.reader
      const from = yield* client.reader
      yield* (yield* client.writer).write({ payload: "ping", address: at.address })
      const [got] = yield* at.pull
      assert.deepStrictEqual(got.address, from.address)
      yield* (yield* server.writer).write({ payload: "pong", address: got })
      const [answer] = yield* from.pull
      assert.strictEqual(new TextDecoder().decode(answer.payload), "pong")
      assert.deepStrictEqual(answer.address, at.address)
    })
  )
})
