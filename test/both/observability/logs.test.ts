import { WinsockLogs } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type { Winsock } from "@effect-winsock/core"
import { lateInterruption } from "../../support/observe.ts"
import { bind, law, numbered } from "../../support/rig.ts"
import { inScope, listen, pair } from "../../support/tcp.ts"

interface Line {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Runs a program with a logger that keeps its lines, and the layer if it is wished. */
const logged = <A, E>(
  body: (lines: () => ReadonlyArray<Line>) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options: { readonly layer?: boolean; readonly minimum?: "Debug" | "Info" } = {}
) => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    lines.push({ level: logLevel, message: Array.isArray(message) ? message[0] : message, annotations })
  })
  const layer = options.layer === false ? Effect.void : Layer.build(WinsockLogs.layer)
  return Effect.andThen(
    layer,
    body(() => lines)
  ).pipe(
    Effect.provideService(References.MinimumLogLevel, options.minimum ?? "Debug"),
    Effect.provide(Logger.layer([logger]))
  )
}

/** What was told is written behind the step in which it was. */
const written = Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))

/** Waits until the inboxes hold so much. */
const inHand = Effect.fnUntraced(function* (statistics: Effect.Effect<Winsock.Statistics>, inbox: number) {
  for (let n = 0; n < 5000 && (yield* statistics).inbox !== inbox; n++) yield* Effect.yieldNow
  for (let n = 0; n < 200 && (yield* statistics).inbox !== inbox; n++) yield* Effect.sleep(10)
  assert.strictEqual((yield* statistics).inbox, inbox)
})

const texts = (lines: ReadonlyArray<Line>): ReadonlyArray<string> =>
  lines.map(({ level, message }) => `${level} ${String(message)}`)

describe("WinsockLogs: the life of sockets", () => {
  law(
    "a socket of datagrams: bound and closed, with its address; what nobody has received is warned of",
    ({ statistics }) =>
      logged((lines) =>
        Effect.gen(function* () {
          const { close, value: socket } = yield* inScope(bind({ lookAhead: 4, maxPosted: 4 }))
          yield* socket.send(numbered(1), socket.address)
          yield* socket.send(numbered(2), socket.address)
          yield* socket.receive
          yield* inHand(statistics, 1)
          yield* close
          yield* written
          assert.deepStrictEqual(texts(lines()), [
            "Debug socket bound",
            "Warn datagrams that nobody had received were dropped",
            "Debug socket closed"
          ])
          const [bound, dropped, closed] = lines()
          for (const { annotations } of [bound, dropped, closed]) {
            assert.strictEqual(annotations["network.local.port"], socket.address.port)
            assert.strictEqual(annotations["network.transport"], "udp")
            assert.strictEqual(annotations["winsock.socket"], bound.annotations["winsock.socket"])
          }
          assert.strictEqual(dropped.annotations["winsock.dropped"], 1)
        })
      )
  )

  law("a server and a connection's two ends: listening, made, accepted, reset, closed", () =>
    logged((lines) =>
      Effect.gen(function* () {
        const { close, value } = yield* inScope(
          Effect.gen(function* () {
            const server = yield* listen({ acceptAhead: 1 })
            return { server, ...(yield* pair(server)) }
          })
        )
        yield* value.client.abort
        yield* close
        yield* written
        const all = texts(lines()).toSorted()
        assert.deepStrictEqual(
          all,
          [
            "Debug server listening",
            "Debug connection made",
            "Debug connection accepted",
            "Debug connection reset",
            "Debug socket closed",
            "Debug socket closed",
            "Debug socket closed"
          ].toSorted()
        )
        const of = (message: string) => lines().find((line) => line.message === message)!.annotations
        assert.strictEqual(of("connection reset")["network.local.port"], value.client.localAddress.port)
        assert.strictEqual(of("connection accepted")["network.peer.port"], value.client.localAddress.port)
        assert.strictEqual(of("server listening")["network.local.port"], value.server.address.port)
      })
    )
  )

  law("an interruption that came too late is told of", (rig) =>
    logged((lines) =>
      Effect.gen(function* () {
        const socket = yield* lateInterruption(rig)
        yield* socket.receive
        yield* written
        assert.deepStrictEqual(texts(lines()), [
          "Debug socket bound",
          "Debug an operation completed although it was being cancelled"
        ])
        assert.strictEqual(lines()[1].annotations["winsock.call"], "WSARecvMsg")
        assert.strictEqual(lines()[1].annotations["winsock.socket"], lines()[0].annotations["winsock.socket"])
      })
    )
  )

  law("levels are the context's: at Info only what was lost is left", ({ statistics }) =>
    logged(
      (lines) =>
        Effect.gen(function* () {
          const { close, value: socket } = yield* inScope(bind({ lookAhead: 1 }))
          yield* socket.send(numbered(1), socket.address)
          yield* inHand(statistics, 1)
          yield* close
          yield* written
          assert.deepStrictEqual(texts(lines()), ["Warn datagrams that nobody had received were dropped"])
        }),
      { minimum: "Info" }
    )
  )

  law("nothing without the layer, and nothing when it is gone", () =>
    logged(
      (lines) =>
        Effect.gen(function* () {
          yield* Effect.scoped(bind())
          yield* written
          assert.deepStrictEqual(lines(), [])
          const { close } = yield* inScope(Layer.build(WinsockLogs.layer))
          const { close: closeSocket } = yield* inScope(bind())
          yield* close
          // the layer's end writes what was told before
          assert.deepStrictEqual(texts(lines()), ["Debug socket bound"])
          yield* closeSocket
          yield* Effect.scoped(bind())
          yield* written
          assert.strictEqual(lines().length, 1)
        }),
      { layer: false }
    )
  )
})
