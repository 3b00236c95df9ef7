// A reset at byte n, as programs of the library see it: the n bytes, and then the reset.
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import { MockClock, MockNetwork, MockRule } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"

const address = NetAddress.inetAddressFromIpStringUnsafe("10.0.0.1", 80)

/** What a server that waits receives of sends of five bytes each, and what it ends with. */
const received = (rules: ReadonlyArray<MockRule.Rule>, sends: number) =>
  Effect.gen(function* () {
    const network = yield* MockNetwork.makeTwoHosts()
    let text = ""
    const receive = Effect.scoped(
      Effect.gen(function* () {
        const server = yield* TcpServer.listen(address)
        const { receive } = yield* server.accept
        return yield* Effect.flip(
          Effect.forever(Effect.tap(receive, (bytes) => Effect.sync(() => (text += new TextDecoder().decode(bytes)))))
        )
      })
    )
    const server = yield* network.fork("server", receive)
    yield* network.settled
    yield* network.rules(...rules)
    yield* network.run(
      "client",
      Effect.gen(function* () {
        const client = yield* TcpSocket.connect(address)
        // the server waits for bytes
        yield* network.settled
        for (let i = 0; i < sends; i++) {
          yield* Effect.ignore(client.send(new TextEncoder().encode("abcde")))
          yield* Effect.sleep("5 seconds")
        }
      })
    )
    const error = yield* Fiber.join(server)
    return [text, error._tag === "WinsockError" ? error.reason._tag : error]
  }).pipe(Effect.scoped, MockClock.run)

describe("a reset after n bytes", () => {
  for (const [what, rules, sends, text] of [
    ["within the first segment", [MockRule.resetAfter(3)], 1, "abc"],
    ["at once", [MockRule.resetAfter(0)], 1, ""],
    ["at the end of a segment", [MockRule.resetAfter(5)], 2, "abcde"],
    ["within a later segment, which is late", [MockRule.latency(20), MockRule.resetAfter(12)], 3, "abcdeabcdeab"]
  ] as const) {
    it.live(`${what}: a receive that waits has them, and then the reset`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* received(rules, sends), [text, "ConnectionReset"])
      })
    )
  }
})
