import { TcpSocket, UdpSocket, Winsock, WinsockMetrics } from "@effect-winsock/core"
import { WSAEMSGSIZE, WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { count, counted, failures, lateInterruption, level, series, withRegistry } from "../../support/observe.ts"
import { bind, law, lawInEachMode, loopback, makeSeam, numbered, numberOf, start } from "../../support/rig.ts"
import { listen, nowhere, pair, utf8 } from "../../support/tcp.ts"

const M = WinsockMetrics

/** Waits, without time passing, until something is so. */
const until = Effect.fnUntraced(function* <A>(read: Effect.Effect<A>, is: (value: A) => boolean) {
  for (let n = 0; n < 5000 && !is(yield* read); n++) yield* Effect.yieldNow
  for (let n = 0; n < 200 && !is(yield* read); n++) yield* Effect.sleep(10)
  return yield* read
})

describe("WinsockMetrics: what a known program does is what they say", () => {
  lawInEachMode("datagrams sent and received, and their bytes", ({ recorder }) =>
    counted(
      Effect.gen(function* () {
        const socket = yield* bind()
        const peer = yield* bind()
        for (let n = 1; n <= 20; n++) {
          const receiving = n % 2 === 0 ? yield* start(peer.receive) : undefined
          yield* socket.send(new Uint8Array(n), peer.address)
          yield* receiving === undefined ? peer.receive : Fiber.join(receiving)
        }
        assert.strictEqual(recorder.count("WSASendMsg"), 20)
        assert.strictEqual(yield* count(M.operations("send", "ok")), 20)
        assert.strictEqual(yield* count(M.operations("receive", "ok")), 20)
        assert.strictEqual(yield* count(M.bytes("sent")), 210)
        assert.strictEqual(yield* count(M.bytes("received")), 210)
        for (const kind of ["send", "receive"] as const) {
          assert.strictEqual(yield* count(M.operations(kind, "cancelled")), 0)
          assert.deepStrictEqual(yield* failures(kind), {})
        }
      })
    )
  )

  lawInEachMode("interruptions, each with its CancelIoEx, and what waits", ({ recorder }) =>
    counted(
      Effect.gen(function* () {
        const socket = yield* bind()
        const fibers = yield* Effect.forEach(Array.from({ length: 30 }), () => start(socket.receive))
        assert.strictEqual(yield* level(M.pending), 30)
        assert.strictEqual(yield* level(M.waiters), 30)
        yield* Fiber.interruptAll(fibers)
        assert.strictEqual(recorder.count("CancelIoEx"), 30)
        assert.strictEqual(yield* count(M.cancels), 30)
        assert.strictEqual(yield* count(M.operations("receive", "cancelled")), 30)
        assert.strictEqual(yield* count(M.operations("receive", "ok")), 0)
        assert.strictEqual(yield* count(M.recovered), 0)
        assert.strictEqual(yield* level(M.pending), 0)
        assert.strictEqual(yield* level(M.waiters), 0)
      })
    )
  )

  law("a race that an interruption lost: recovered once, its datagram kept and counted once", (rig) =>
    counted(
      Effect.gen(function* () {
        const socket = yield* lateInterruption(rig)
        assert.strictEqual(yield* count(M.recovered), 1)
        assert.strictEqual(yield* level(M.inbox), 1)
        assert.strictEqual(yield* count(M.operations("receive", "cancelled")), 0)
        assert.strictEqual(numberOf(yield* socket.receive), 1)
        assert.strictEqual(yield* level(M.inbox), 0)
        assert.strictEqual(yield* count(M.operations("receive", "ok")), 1)
        assert.strictEqual(yield* count(M.bytes("received")), 4)
      })
    )
  )

  law("failures, by the tags of their reasons", ({ failing }) =>
    counted(
      Effect.gen(function* () {
        const socket = yield* bind()
        failing.add({ call: "WSASendMsg", nth: 1, code: WSAEMSGSIZE })
        failing.add({ call: "WSASendMsg", nth: 2, code: WSAENOBUFS })
        failing.add({ call: "WSASendMsg", nth: 3, code: WSAENOBUFS })
        for (let n = 0; n < 3; n++) yield* Effect.flip(socket.send(numbered(n), socket.address))
        assert.deepStrictEqual(yield* failures("send"), { MessageTooLarge: 1, NoBufferSpace: 2 })
        assert.strictEqual(yield* count(M.operations("send", "failed", "NoBufferSpace")), 2)
        assert.strictEqual(yield* count(M.operations("send", "ok")), 0)
        assert.strictEqual(yield* count(M.bytes("sent")), 0)
        yield* Effect.flip(TcpSocket.connect(yield* nowhere))
        assert.deepStrictEqual(yield* failures("connect"), { ConnectionRefused: 1 })
      })
    )
  )

  law("connections, and the bytes of both their ends", () =>
    counted(
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 2 })
        const { accepted, client } = yield* pair(server, { firstBytes: utf8("hello") })
        yield* client.send(utf8(", you"))
        yield* accepted.receiveExactly(10)
        yield* accepted.send(new Uint8Array(1000))
        yield* client.receiveExactly(1000)
        assert.strictEqual(yield* count(M.operations("connect", "ok")), 1)
        assert.strictEqual(yield* count(M.operations("accept", "ok")), 1)
        assert.strictEqual(yield* count(M.bytes("sent")), 1010)
        assert.strictEqual(yield* count(M.bytes("received")), 1010)
      })
    )
  )

  law("the pump's wake-ups: as many as off-thread waits have returned", ({ recorder }) =>
    counted(
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(socket.receive)
          // idle for long enough for the wait to move off the thread
          yield* Effect.sleep(20)
          yield* socket.send(numbered(n), socket.address)
          yield* Fiber.join(fiber)
        }
        const away = () => recorder.of("GetQueuedCompletionStatusEx").filter(({ origin }) => origin === "offThread")
        // the last may be out still
        const wakeups = yield* until(count(M.pumpWakeups), (wakeups) => wakeups === away().length)
        assert.isAbove(wakeups, 0)
        assert.strictEqual(wakeups, away().length)
      })
    )
  )
})

describe("WinsockMetrics: where they are, and where not", () => {
  law("without the layer nothing is registered, whatever is done", () =>
    withRegistry(
      Effect.gen(function* () {
        const socket = yield* bind()
        yield* socket.send(numbered(1), socket.address)
        yield* socket.receive
        assert.deepStrictEqual(yield* series, [])
      })
    )
  )

  law("when all is released the gauges are 0, and the counters stay", ({ release, winsock }) =>
    withRegistry(
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Layer.build(WinsockMetrics.layer)
            const socket = yield* bind({ lookAhead: 4, maxPosted: 4 })
            for (let n = 0; n < 3; n++) yield* socket.send(numbered(n), socket.address)
            assert.strictEqual(yield* until(level(M.inbox), (inbox) => inbox === 3), 3)
            assert.strictEqual(yield* level(M.sockets), 1)
          })
        ).pipe(Effect.provideService(Winsock.Winsock, winsock))
        yield* release
        for (const gauge of [M.sockets, M.pending, M.waiters, M.inbox]) assert.strictEqual(yield* level(gauge), 0)
        assert.strictEqual(yield* count(M.operations("send", "ok")), 3)
        assert.strictEqual(yield* count(M.operations("receive", "ok")), 3)
        // what is in hand is looked ahead: only one of four was still in the kernel
        assert.strictEqual(yield* count(M.operations("receive", "cancelled")), 1)
        assert.strictEqual(yield* count(M.discarded), 3)
      })
    )
  )

  law("Winsocks one after the other and side by side add up; attributes keep them apart", () =>
    withRegistry(
      Effect.gen(function* () {
        const seam = yield* makeSeam()
        const talk = (times: number) =>
          Effect.gen(function* () {
            const socket = yield* UdpSocket.bind(loopback)
            for (let n = 0; n < times; n++) {
              yield* socket.send(numbered(n), socket.address)
              yield* socket.receive
            }
          })
        const run = (times: number) =>
          Effect.scoped(Effect.andThen(Layer.build(WinsockMetrics.layer), talk(times))).pipe(
            Effect.provide(Winsock.layer(Effect.succeed(seam)))
          )
        for (let n = 1; n <= 4; n++) yield* run(n)
        yield* Effect.all([run(5), run(6)], { concurrency: "unbounded" })
        assert.strictEqual(yield* count(M.operations("send", "ok")), 21)
        const named = <A, E, R>(self: Effect.Effect<A, E, R>) =>
          Effect.provideService(self, Metric.CurrentMetricAttributes, { host: "b" })
        yield* named(run(7))
        assert.strictEqual(yield* count(M.operations("send", "ok")), 21)
        assert.strictEqual(yield* named(count(M.operations("send", "ok"))), 7)
        assert.strictEqual(yield* named(count(M.bytes("sent"))), 28)
      })
    )
  )

  law("the layer twice over one Winsock counts it once", () =>
    counted(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(Layer.build(Layer.fresh(WinsockMetrics.layer)), scope)
        yield* Scope.close(scope, Exit.void)
        const socket = yield* bind()
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(yield* count(M.operations("send", "ok")), 1)
      })
    )
  )
})
