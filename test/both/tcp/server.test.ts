import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { law } from "../../support/rig.ts"
import { listen, pair, text, utf8 } from "../../support/tcp.ts"

describe("TcpServer", () => {
  law("a connection is accepted, and carries bytes both ways", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      assert.notStrictEqual(server.address.port, 0)
      const { accepted, client } = yield* pair(server)
      assert.deepStrictEqual(accepted.remoteAddress, client.localAddress)
      assert.deepStrictEqual(accepted.localAddress, client.remoteAddress)
      yield* client.send(utf8("hello"))
      assert.strictEqual(text(yield* accepted.receiveExactly(5)), "hello")
      yield* accepted.send(utf8("goodbye"))
      assert.strictEqual(text(yield* client.receiveExactly(7)), "goodbye")
    })
  )
})
