// Effect's transports between simulated machines, over a network that delays and loses, in virtual time.
import { MockClock, MockNetwork, MockRule } from "@effect-winsock/mock"
import { WinsockDatagramSocket, WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RpcClient, RpcSerialization, RpcServer } from "effect/rpc"
import { live, makeWaits, Procedures, promises } from "../support/rpc.ts"
import { cert, key } from "../support/overTcp.ts"
import { both, echo, pullBytes } from "../support/transports.ts"

const server = "10.0.0.1"
const port = 4000

/** Two machines, and what is between them. */
const network = Effect.fnUntraced(function* (seed: number, loss = 0.05) {
  const made = yield* MockNetwork.make({
    seed,
    hosts: { server: {}, client: {} },
    links: { wire: { subnets: "10.0.0.0/24", hosts: ["server", "client"] } }
  })
  yield* made.rules(MockRule.loss(loss), MockRule.latency({ min: 1, max: "20 millis" }))
  return made
})

const serialization = RpcSerialization.layerSchemaBinary()

describe("Effect's transports between machines", () => {
  for (const seed of [1, 2, 3]) {
    it.live(`RPC: calls, errors, streams and interruptions, seed ${seed}`, () =>
      Effect.gen(function* () {
        // what is large must not take as long as the client waits for the answer to a ping
        const { host, run } = yield* network(seed, 0.002)
        const waits = yield* makeWaits
        yield* host(
          "server",
          live(waits).pipe(
            Layer.provide(RpcServer.layerProtocolSocketServer),
            Layer.provide([serialization, WinsockSocketServer.layer({ host: server, port })]),
            Layer.launch,
            Effect.orDie
          )
        )
        yield* Effect.sleep("1 second")
        yield* run(
          "client",
          Effect.flatMap(RpcClient.make(Procedures), (client) =>
            Effect.forEach(Object.values(promises), (keeps) => keeps(client, waits), { discard: true })
          ).pipe(
            Effect.scoped,
            Effect.provide(
              RpcClient.layerProtocolSocket().pipe(
                Layer.provide([serialization, WinsockSocket.layerNet({ host: server, port })])
              )
            )
          )
        )
      }).pipe(Effect.scoped, MockClock.run)
    )

    it.live(`TLS: what is sent comes back whole, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { host, run } = yield* network(seed)
        yield* host(
          "server",
          Effect.flatMap(WinsockSocketServer.makeTls({ host: server, port, key, cert }), (secure) =>
            secure.run(echo)
          ).pipe(Effect.scoped, Effect.orDie)
        )
        yield* Effect.sleep("1 second")
        const socket = WinsockSocket.makeTls({ host: server, port, ca: cert, servername: "localhost" })
        const sent = Buffer.alloc(100_000, "0123456789")
        const back = yield* run(
          "client",
          Effect.gen(function* () {
            const { pull, write } = yield* both(yield* socket)
            yield* Effect.forkScoped(write(sent))
            return yield* pullBytes(pull, sent.length)
          }).pipe(Effect.scoped)
        )
        assert.isTrue(back.equals(sent))
      }).pipe(Effect.scoped, MockClock.run)
    )

    it.live(`datagrams: asked again until they are answered, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { host, run } = yield* network(seed)
        yield* host(
          "server",
          Effect.gen(function* () {
            const socket = yield* WinsockDatagramSocket.make({ bind: { port } })
            const { pull } = yield* socket.reader
            const { write } = yield* socket.writer
            return yield* Effect.forever(Effect.flatMap(pull, (some) => Effect.forEach(some, write)))
          }).pipe(Effect.scoped, Effect.orDie)
        )
        yield* Effect.sleep("1 second")
        const answers = yield* run(
          "client",
          Effect.gen(function* () {
            const socket = yield* WinsockDatagramSocket.make({ connect: { address: server, port } })
            const { pull } = yield* socket.reader
            const { write } = yield* socket.writer
            const seen = new Set<number>()
            for (let tries = 0; tries < 20 && seen.size < 30; tries++) {
              for (let n = 0; n < 30; n++) if (!seen.has(n)) yield* write({ payload: Uint8Array.of(n) })
              const some = Effect.map(pull, (got) => got.forEach(({ payload }) => seen.add(payload[0])))
              yield* Effect.timeoutOption(Effect.forever(some), "100 millis")
            }
            return seen.size
          }).pipe(Effect.scoped)
        )
        assert.strictEqual(answers, 30)
      }).pipe(Effect.scoped, MockClock.run)
    )
  }
})
