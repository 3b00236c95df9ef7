import { Names, TcpSocket, UdpSocket, WinsockTracing } from "@effect-winsock/core"
import { WinsockDatagramSocket } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { bind, interruptSoon, law, lawInEachMode, loopback, numbered, numberOf, start } from "../../support/rig.ts"
import { listen, nowhere, pair, utf8 } from "../../support/tcp.ts"

/** A tracer that keeps its spans; those of Winsock are looked at. */
const memory = () => {
  const all: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      all.push(span)
      return span
    }
  })
  const spans = () => all.filter(({ name }) => name.startsWith("winsock."))
  return {
    spans,
    names: () => spans().map(({ name }) => name.slice("winsock.".length)),
    of: (name: string) => spans().filter((span) => span.name === `winsock.${name}`),
    run: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.withTracer(self, tracer)
  }
}

/** Comes to an effect after some of the steps that Effect allows before it yields. */
const after = <A, E, R>(steps: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  steps === 0 ? effect : Effect.suspend(() => after(steps - 1, effect))

const tracing = Layer.build(WinsockTracing.layer)

const attribute = (span: Tracer.NativeSpan, name: string): unknown => span.attributes.get(name)

const exitOf = (span: Tracer.NativeSpan): Exit.Exit<unknown, unknown> => {
  if (span.status._tag !== "Ended") throw new Error(`${span.name} has not ended`)
  return span.status.exit
}

const parentOf = (span: Tracer.NativeSpan): string | undefined =>
  Option.getOrUndefined(Option.map(span.parent, (parent) => (parent as Tracer.Span).name))

describe("WinsockTracing: a span for each operation", () => {
  lawInEachMode("datagrams: children of the caller's span, with addresses and bytes", () =>
    Effect.gen(function* () {
      const { names, of, run, spans } = memory()
      yield* tracing
      const socket = yield* bind()
      const peer = yield* bind()
      yield* run(
        Effect.gen(function* () {
          yield* Effect.withSpan(socket.send(new Uint8Array(100), peer.address), "request")
          const message = yield* Effect.withSpan(peer.receive, "serve")
          yield* Effect.withSpan(peer.reply(message, [numbered(1), numbered(2)]), "serve")
          yield* Effect.withSpan(socket.pull, "request")
        })
      )
      assert.deepStrictEqual(names(), ["send", "receive", "reply", "pull"])
      assert.deepStrictEqual(spans().map(parentOf), ["request", "serve", "serve", "request"])
      assert.isTrue(spans().every((span) => Exit.isSuccess(exitOf(span))))
      const [sent] = of("send")
      const ports = [attribute(sent, "network.local.port"), attribute(sent, "network.peer.port")]
      assert.deepStrictEqual(ports, [socket.address.port, peer.address.port])
      assert.deepStrictEqual(
        ["network.transport", "network.type", "network.peer.address", "winsock.bytes"].map((name) =>
          attribute(sent, name)
        ),
        ["udp", "ipv4", "127.0.0.1", 100]
      )
      const [received] = of("receive")
      assert.strictEqual(attribute(received, "network.peer.port"), socket.address.port)
      assert.strictEqual(attribute(received, "winsock.bytes"), 100)
      assert.strictEqual(attribute(of("reply")[0], "winsock.bytes"), 8)
      assert.deepStrictEqual(
        [attribute(of("pull")[0], "winsock.bytes"), attribute(of("pull")[0], "winsock.datagrams")],
        [8, 1]
      )
    })
  )

  law("a socket that has them knows the peer that it is connected to later", () =>
    Effect.gen(function* () {
      yield* tracing
      const socket = yield* bind()
      const peer = yield* bind()
      assert.isUndefined(socket.peer)
      yield* socket.connect(peer.address)
      assert.deepStrictEqual(socket.peer, peer.address)
    })
  )

  law("Effect's DatagramSocket has them, too", () =>
    Effect.gen(function* () {
      const { names, of, run, spans } = memory()
      yield* tracing
      const server = yield* WinsockDatagramSocket.make({ bind: { address: "127.0.0.1" } })
      const reader = yield* server.reader
      const { address, port } = reader.address
      const client = yield* WinsockDatagramSocket.make({ bind: { address: "127.0.0.1" }, connect: { address, port } })
      yield* client.reader
      const { write, writeAll } = yield* client.writer
      const talk = Effect.gen(function* () {
        yield* write({ payload: "hello" })
        const [got] = yield* reader.pull
        assert.strictEqual(got.payload.length, 5)
        yield* writeAll([{ payload: "x" }, { payload: "y" }])
      })
      yield* run(talk)
      assert.deepStrictEqual(names(), [])
      for (let left = 2; left > 0;) left -= (yield* reader.pull).length
      yield* run(Effect.withSpan(talk, "talk"))
      assert.deepStrictEqual(names(), ["send", "pull", "sendAll"])
      assert.deepStrictEqual(spans().map(parentOf), ["talk", "talk", "talk"])
      assert.strictEqual(attribute(of("send")[0], "winsock.bytes"), 5)
      assert.deepStrictEqual(
        [attribute(of("pull")[0], "winsock.bytes"), attribute(of("pull")[0], "winsock.datagrams")],
        [5, 1]
      )
      const odd = yield* Effect.flip(write({ payload: "x", address: reader.address }))
      assert.strictEqual(odd.reason._tag, "DatagramSocketWriteError")
    })
  )

  law("connections: connect and accept, their addresses, and what goes over them", () =>
    Effect.gen(function* () {
      const { names, of, run } = memory()
      yield* tracing
      yield* run(
        Effect.gen(function* () {
          const server = yield* listen()
          const { accepted, client } = yield* pair(server)
          yield* client.send(utf8("hello"))
          yield* accepted.receiveExactly(5)
          yield* client.shutdown("send")
          assert.strictEqual((yield* Stream.runCollect(accepted.stream)).length, 0)
          const [connect] = of("connect")
          const [accept] = of("accept")
          assert.strictEqual(attribute(connect, "network.local.port"), client.localAddress.port)
          assert.strictEqual(attribute(connect, "network.peer.port"), server.address.port)
          assert.strictEqual(attribute(accept, "network.peer.port"), client.localAddress.port)
          assert.strictEqual(attribute(accept, "network.local.port"), server.address.port)
        }).pipe(Effect.withSpan("program"))
      )
      assert.deepStrictEqual(names(), ["connect", "accept", "send", "receiveExactly", "shutdown", "pull"])
      assert.deepStrictEqual([attribute(of("send")[0], "winsock.bytes"), parentOf(of("send")[0])], [5, "program"])
      // the end of a stream is no failure
      assert.isTrue(Exit.isSuccess(exitOf(of("pull")[0])))
      assert.strictEqual(attribute(of("send")[0], "network.transport"), "tcp")
    })
  )

  law("a failure has its reason, an interruption is one", () =>
    Effect.gen(function* () {
      const { of, run } = memory()
      yield* tracing
      const socket = yield* bind()
      yield* run(
        Effect.gen(function* () {
          yield* Effect.flip(TcpSocket.connect(yield* nowhere))
          const fiber = yield* start(socket.receive)
          yield* interruptSoon(fiber)
          yield* Fiber.await(fiber)
          yield* Effect.timeoutOption(socket.receive, "5 millis")
          yield* Effect.flip(socket.send(new Uint8Array(70_000), socket.address))
          yield* Effect.flip(Names.lookup("no.such.name.invalid"))
        }).pipe(Effect.withSpan("program"))
      )
      const [connect] = of("connect")
      assert.isTrue(Exit.isFailure(exitOf(connect)))
      assert.strictEqual(attribute(connect, "error.type"), "ConnectionRefused")
      assert.strictEqual(attribute(connect, "winsock.call"), "ConnectEx")
      assert.deepStrictEqual(
        of("receive").map((span) => [Exit.hasInterrupts(exitOf(span)), attribute(span, "error.type")]),
        [
          [true, undefined],
          [true, undefined]
        ]
      )
      const [send] = of("send")
      assert.deepStrictEqual(
        [attribute(send, "error.type"), attribute(send, "winsock.bytes")],
        ["MessageTooLarge", undefined]
      )
      assert.strictEqual(attribute(of("lookup")[0], "error.type"), "HostNotFound")
    })
  )

  law("a span lives as long as its operation: it ends when the wait does", () =>
    Effect.gen(function* () {
      const { of, run } = memory()
      yield* tracing
      const socket = yield* bind()
      const fiber = yield* start(run(Effect.withSpan(socket.receive, "program")))
      assert.strictEqual(of("receive")[0].status._tag, "Started")
      yield* socket.send(numbered(1), socket.address)
      yield* Fiber.join(fiber)
      assert.isAbove(Number((of("receive")[0].status as { readonly endTime: bigint }).endTime), 0)
    })
  )
})

describe("WinsockTracing: none that no tracer asks for", () => {
  const talk = Effect.fnUntraced(function* (socket: UdpSocket.UdpSocket) {
    yield* socket.send(numbered(1), socket.address)
    yield* socket.receive
  })

  law("not without the layer", () =>
    Effect.gen(function* () {
      const { names, run } = memory()
      yield* run(Effect.withSpan(Effect.andThen(bind(), talk), "program"))
      assert.deepStrictEqual(names(), [])
    })
  )

  law("not outside of spans, in one that is not sampled, or with tracing off", () =>
    Effect.gen(function* () {
      const { names, run } = memory()
      yield* tracing
      const socket = yield* bind()
      yield* run(talk(socket))
      yield* run(Effect.withSpan(talk(socket), "program", { sampled: false }))
      yield* run(Effect.withSpan(Effect.withTracerEnabled(talk(socket), false), "program"))
      yield* run(Effect.withTracerEnabled(Effect.withSpan(talk(socket), "program"), false))
      assert.deepStrictEqual(names(), [])
      yield* run(Effect.withSpan(talk(socket), "program"))
      assert.deepStrictEqual(names(), ["send", "receive"])
    })
  )

  law("not when the layer is gone", () =>
    Effect.gen(function* () {
      const { names, run } = memory()
      const scope = yield* Scope.make()
      yield* Scope.provide(tracing, scope)
      const early = yield* bind()
      yield* Scope.close(scope, Exit.void)
      const late = yield* bind()
      yield* run(Effect.withSpan(Effect.andThen(talk(early), talk(late)), "program"))
      assert.deepStrictEqual(names(), [])
    })
  )
})

describe("WinsockTracing: the promises of what is traced", () => {
  for (const call of ["receive", "pull"] as const) {
    for (const most of [8, 16, 24, 64]) {
      law(
        `a traced ${call} that yields after ${most} steps and is interrupted there takes nothing with it`,
        ({ statistics }) =>
          Effect.gen(function* () {
            const { of, run } = memory()
            yield* tracing
            const socket = yield* bind({ lookAhead: 1, batch: 1 })
            for (let n = 0; n < most; n++) {
              yield* socket.send(numbered(n), socket.address)
              while ((yield* statistics).inbox === 0) yield* Effect.yieldNow
              const got: Array<number> = []
              const take =
                call === "receive"
                  ? Effect.map(socket.receive, (message) => void got.push(numberOf(message)))
                  : Effect.map(socket.pull, (batch) => void got.push(...batch.map(numberOf)))
              const fiber = yield* start(
                run(Effect.withSpan(after(n, take), "program")).pipe(
                  Effect.provideService(References.MaxOpsBeforeYield, most)
                )
              )
              yield* interruptSoon(fiber)
              yield* Fiber.await(fiber)
              assert.strictEqual(got.length + (yield* statistics).inbox, 1, "given out, or still there")
              if (got.length === 0) got.push(numberOf(yield* socket.receive))
              assert.deepStrictEqual(got, [n])
            }
            if (most > 8) assert.isAbove(of(call).length, 0)
          })
      )
    }
  }

  law("a fiber that yields after a few steps receives as ever, without spans", () =>
    Effect.gen(function* () {
      const { names, run } = memory()
      yield* tracing
      const socket = yield* UdpSocket.bind(loopback)
      const fiber = yield* start(
        run(Effect.withSpan(socket.receive, "program")).pipe(Effect.provideService(References.MaxOpsBeforeYield, 4))
      )
      yield* socket.send(numbered(9), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 9)
      assert.deepStrictEqual(names(), [])
    })
  )
})
