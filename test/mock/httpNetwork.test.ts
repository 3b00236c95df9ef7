// Effect's HTTP server on one machine and its client on another, over a network that delays, loses and parts them. Time is
// virtual, but for Node's own timers, none of which these tests wait for.
import type { Winsock } from "@effect-winsock/core"
import { MockNetwork, MockRule } from "@effect-winsock/mock"
import * as WinsockHttpClient from "@effect-winsock/platform/WinsockHttpClient"
import * as WinsockHttpServer from "@effect-winsock/platform/WinsockHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Socket } from "effect/socket"
import * as http from "node:http"
import { served, told, type Told } from "../support/httpApp.ts"
import { assertStretch } from "../support/peer.ts"

type Network = Effect.Success<ReturnType<typeof MockNetwork.makeClientServer>>

const url = "http://10.0.0.1:80"

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Lets time pass, and Node's streams have their turns in each step of it. */
const pass = Effect.fnUntraced(function* (network: Network, milliseconds: number, step = 10) {
  for (let at = 0; at < milliseconds; at += step) {
    yield* network.hosts.server.advance(step)
    for (let i = 0; i < 5; i++) yield* turn
    yield* network.settled
  }
})

/** Lets time pass until a fiber has ended, but not for ever. */
const until = Effect.fnUntraced(function* <A, E>(network: Network, fiber: Fiber.Fiber<A, E>, step = 10, most = 5000) {
  for (let n = 0; n < most && fiber.pollUnsafe() === undefined; n++) yield* pass(network, step, step)
  const exit = fiber.pollUnsafe()
  assert.isDefined(exit, "it does not end")
  return yield* exit!
})

const app = (tell: Told) =>
  Effect.andThen(
    Layer.build(
      Layer.provide(
        served(tell),
        WinsockHttpServer.layer(() => http.createServer(), { host: "0.0.0.0", port: 80, gracefulShutdownTimeout: 1 })
      )
    ),
    Effect.never
  )

const get = (path: string, options?: WinsockHttpClient.Options) =>
  HttpClient.get(path).pipe(
    Effect.flatMap((response) => Effect.map(response.arrayBuffer, (body) => ({ status: response.status, body }))),
    Effect.provide(
      Layer.effect(HttpClient.HttpClient)(
        Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.prependUrl(url)))
      ).pipe(Layer.provide(WinsockHttpClient.layer(options)))
    )
  )

/** Both machines, the app on the one of them. What runs on them takes time to end, too. */
const network = Effect.fnUntraced(function* (seed?: number) {
  const network = yield* MockNetwork.makeClientServer(seed === undefined ? {} : { seed })
  const programs = yield* Scope.make("parallel")
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(Effect.forkChild(Scope.close(programs, Exit.void)), (closing) => until(network, closing, 100))
  )
  const tell = yield* told
  yield* Scope.provide(network.host("server", app(tell)), programs)
  yield* pass(network, 20)
  const ask = <A, E>(program: Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>) =>
    Scope.provide(network.fork("client", program), programs)
  return { network, tell, ask }
})

describe("over a network", () => {
  it.effect("a request takes a round trip to connect, and one to be answered", () =>
    Effect.gen(function* () {
      const { ask, network: net } = yield* network()
      yield* net.rules(MockRule.latency("50 millis"))
      const before = yield* Clock.currentTimeMillis
      const answer = yield* until(net, yield* ask(get("/hello/far")))
      assert.strictEqual(answer.status, 200)
      const took = (yield* Clock.currentTimeMillis) - before
      assert.isAtLeast(took, 200)
      assert.isAtMost(took, 220)
    })
  )

  it.effect("who asks is the other machine", () =>
    Effect.gen(function* () {
      const { ask, network: net } = yield* network()
      const { body } = yield* until(net, yield* ask(get("/where")))
      assert.deepStrictEqual(JSON.parse(new TextDecoder().decode(body)), {
        url: "http://10.0.0.1/where",
        from: "10.0.0.2"
      })
    })
  )

  for (const seed of [1, 2, 3]) {
    it.effect(`what is large arrives whole, though much is lost (seed ${seed})`, () =>
      Effect.gen(function* () {
        const { ask, network: net } = yield* network(seed)
        yield* net.rules(
          MockRule.loss(0.1),
          MockRule.latency({ min: "1 millis", max: "9 millis" }),
          MockRule.duplication(0.05)
        )
        const { body } = yield* until(net, yield* ask(get("/large/500000")), 100)
        assert.strictEqual(body.byteLength, 500_000)
        assertStretch(new Uint8Array(body), 0)
      })
    )
  }

  it.effect("a partition keeps a client's going from the server, until it heals", () =>
    Effect.gen(function* () {
      const { ask, network: net, tell } = yield* network()
      const asked = yield* ask(Effect.timeoutOption(get("/forever"), "5 seconds"))
      yield* pass(net, 50)
      assert.isTrue(yield* Deferred.isDone(tell.begun))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* net.partition("client", "server")
          assert.strictEqual((yield* until(net, asked, 100))._tag, "None")
          yield* pass(net, 2000, 100)
          assert.isFalse(yield* Deferred.isDone(tell.interrupted))
        })
      )
      for (let n = 0; n < 100 && !(yield* Deferred.isDone(tell.interrupted)); n++) yield* pass(net, 1000, 1000)
      assert.isTrue(yield* Deferred.isDone(tell.interrupted))
    })
  )

  it.effect("a partition holds a stream up, and nothing of it is lost", () =>
    Effect.gen(function* () {
      const { ask, network: net } = yield* network()
      yield* net.rules(MockRule.latency("5 millis"))
      const asked = yield* ask(get("/large/2000000"))
      yield* pass(net, 30)
      yield* Effect.scoped(Effect.andThen(net.partition("client", "server"), pass(net, 3000, 100)))
      assert.isUndefined(asked.pollUnsafe())
      const { body } = yield* until(net, asked, 100)
      assert.strictEqual(body.byteLength, 2_000_000)
      assertStretch(new Uint8Array(body), 0)
    })
  )

  it.effect("a WebSocket, far away", () =>
    Effect.gen(function* () {
      const { ask, network: net } = yield* network()
      yield* net.rules(MockRule.latency("30 millis"))
      const speak = Effect.gen(function* () {
        const socket = yield* Socket.makeWebSocket("ws://10.0.0.1:80/socket")
        const { pull } = yield* socket.reader
        const { write } = yield* socket.writer
        const before = yield* Clock.currentTimeMillis
        yield* write("hello")
        const answer = yield* pull
        return [answer, (yield* Clock.currentTimeMillis) - before] as const
      }).pipe(Effect.scoped, Effect.provide(WinsockHttpClient.layerWebSocketConstructor()))
      const [answer, took] = yield* until(net, yield* ask(speak))
      assert.deepStrictEqual(answer, ["hello"])
      assert.isAtLeast(took, 60)
      assert.isAtMost(took, 80)
    })
  )

  it.effect("a server that lost its power serves again when it is back, and a client that asks again is answered", () =>
    Effect.gen(function* () {
      const { ask, network: net, tell } = yield* network()
      yield* net.rules(MockRule.latency("5 millis"))
      const waiting = yield* ask(Effect.exit(get("/forever", { keepAlive: true })))
      yield* pass(net, 50)
      assert.isTrue(yield* Deferred.isDone(tell.begun))
      yield* net.crash("server")
      assert.isTrue(yield* Deferred.isDone(tell.interrupted))
      const again = Effect.retry(get("/hello/again"), { schedule: Schedule.spaced("1 second"), times: 60 })
      const asking = yield* ask(again)
      yield* pass(net, 3000, 100)
      // nobody is told that it is down
      assert.isUndefined(waiting.pollUnsafe())
      assert.isUndefined(asking.pollUnsafe())
      yield* net.restart("server")
      const { body } = yield* until(net, asking, 100)
      assert.strictEqual(new TextDecoder().decode(body), "hello again")
    })
  )

  it.effect("a client that lost its power interrupts its requests once the server hears of it", () =>
    Effect.gen(function* () {
      const { ask, network: net, tell } = yield* network()
      yield* net.rules(MockRule.latency("5 millis"))
      yield* ask(Effect.exit(get("/endless")))
      yield* pass(net, 50)
      assert.isAbove(tell.made, 0)
      yield* net.crash("client")
      yield* pass(net, 1000, 100)
      assert.isFalse(yield* Deferred.isDone(tell.ended))
      yield* net.restart("client")
      // it answers what is sent again with a reset
      for (let n = 0; n < 100 && !(yield* Deferred.isDone(tell.ended)); n++) yield* pass(net, 1000, 1000)
      assert.isTrue(yield* Deferred.isDone(tell.ended))
    })
  )
})
