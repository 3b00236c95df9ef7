/** Effect's RPC over Winsock's sockets, and with an end that is Node's. */
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import type { Winsock } from "@effect-winsock/core/Winsock"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { DevToolsClient, type DevToolsSchema, DevToolsServer } from "effect/devtools"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { RpcClient, RpcSerialization, RpcServer } from "effect/rpc"
import type { Socket } from "effect/socket/Socket"
import { SocketServer } from "effect/socket/SocketServer"
import { law, layerName } from "../../support/rig.ts"
import { live, makeWaits, Procedures, promises } from "../../support/rpc.ts"
import { host, portOf } from "../../support/transports.ts"

interface Ends {
  readonly server: Layer.Layer<SocketServer, unknown, Winsock>
  readonly client: (port: number) => Layer.Layer<Socket, unknown, Winsock>
}

const winsock: Ends = {
  server: WinsockSocketServer.layer({ host, port: 0 }),
  client: (port) => WinsockSocket.layerNet({ host, port })
}

/** Node's own sockets, which the simulation cannot reach. */
const node: Ends = {
  server: NodeSocketServer.layer({ host, port: 0 }),
  client: (port) => NodeSocket.layerNet({ host, port })
}

const pairs: { readonly [title: string]: Ends } = {
  "Winsock's sockets": winsock,
  ...(layerName === "native" && {
    "a client of Node's": { ...winsock, client: node.client },
    "a server of Node's": { ...node, client: winsock.client }
  })
}

const serializations = {
  ndjson: RpcSerialization.layerNdjson,
  "schema-binary": RpcSerialization.layerSchemaBinary()
}

/** The server of the procedures, and where it is. */
const serving = Effect.fnUntraced(function* (
  ends: Ends,
  serialization: Layer.Layer<RpcSerialization.RpcSerialization>
) {
  const waits = yield* makeWaits
  const services = yield* Layer.build(ends.server)
  yield* Layer.build(
    live(waits).pipe(
      Layer.provide(RpcServer.layerProtocolSocketServer),
      Layer.provide([serialization, Layer.succeedContext(services)])
    )
  )
  return { waits, port: portOf(yield* Effect.provideContext(SocketServer, services)) }
})

const calling = (
  ends: Ends,
  serialization: Layer.Layer<RpcSerialization.RpcSerialization>,
  port: number,
  options?: Parameters<typeof RpcClient.layerProtocolSocket>[0]
) =>
  Effect.flatMap(
    Layer.build(RpcClient.layerProtocolSocket(options).pipe(Layer.provide([serialization, ends.client(port)]))),
    (services) => Effect.provideContext(RpcClient.make(Procedures), services)
  )

for (const [title, ends] of Object.entries(pairs)) {
  for (const [format, serialization] of Object.entries(serializations)) {
    describe(`RPC over ${title}, ${format}`, () => {
      for (const [promise, keeps] of Object.entries(promises)) {
        law(promise, () =>
          Effect.gen(function* () {
            const { port, waits } = yield* serving(ends, serialization)
            yield* keeps(yield* calling(ends, serialization, port), waits)
          })
        )
      }

      law("clients are apart: one that goes interrupts its own calls only", () =>
        Effect.gen(function* () {
          const { port, waits } = yield* serving(ends, serialization)
          const scope = yield* Scope.make()
          const leaving = yield* Scope.provide(calling(ends, serialization, port), scope)
          const staying = yield* calling(ends, serialization, port)
          const waiting = yield* Effect.forkChild(leaving.Wait())
          yield* Deferred.await(waits.begun)
          const other = yield* Effect.forkChild(staying.Wait())
          yield* Effect.repeat(Effect.yieldNow, { until: () => waits.count === 2 })
          yield* Scope.close(scope, Exit.void)
          yield* Deferred.await(waits.ended)
          assert.strictEqual(waits.count, 1)
          assert.strictEqual(yield* staying.Greet({ name: "you" }), "hello, you")
          yield* Fiber.interruptAll([waiting, other])
        })
      )
    })
  }
}

describe("RPC: connections", () => {
  const { ndjson } = serializations

  law("a call to nobody fails", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(serving(winsock, ndjson), scope)
      yield* Scope.close(scope, Exit.void)
      const client = yield* calling(winsock, ndjson, port)
      const error = yield* Effect.flip(client.Greet({ name: "you" }))
      assert.strictEqual(error._tag, "RpcClientError")
    })
  )

  law("calls in flight fail when the server ends, and a new server on the port is called again", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port, waits } = yield* Scope.provide(serving(winsock, ndjson), scope)
      const connected = yield* Queue.unbounded<void>()
      const client = yield* Effect.provideService(
        calling(winsock, ndjson, port, { retryTransientErrors: true }),
        RpcClient.ConnectionHooks,
        { onConnect: Effect.asVoid(Queue.offer(connected, undefined)), onDisconnect: Effect.void }
      )
      yield* Queue.take(connected)
      const waiting = yield* Effect.forkChild(Effect.exit(client.Wait()))
      yield* Deferred.await(waits.begun)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
      const again = { ...winsock, server: WinsockSocketServer.layer({ host, port, reuseAddress: true }) }
      yield* serving(again, ndjson)
      yield* Queue.take(connected)
      assert.strictEqual(yield* client.Greet({ name: "you" }), "hello, you")
    })
  )
})

describe("the protocol of the developer tools", () => {
  law("spans come to the server, and metrics when it asks", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host })
      const spans = yield* Queue.unbounded<DevToolsSchema.Span>()
      const metrics = yield* Deferred.make<ReadonlyArray<string>>()
      yield* DevToolsServer.run((client) =>
        Effect.andThen(
          client.send({ _tag: "MetricsRequest" }),
          Effect.forever(
            Effect.flatMap(Queue.take(client.queue), (request) => {
              if (request._tag === "Span") return Queue.offer(spans, request)
              if (request._tag !== "MetricsSnapshot") return Effect.void
              return Deferred.succeed(
                metrics,
                request.metrics.map(({ id }) => id)
              )
            })
          )
        )
      ).pipe(Effect.provideService(SocketServer, server), Effect.forkScoped)
      const counter = Metric.counter("questions")
      yield* Metric.update(counter, 1)
      const tools = DevToolsClient.layerTracer.pipe(
        Layer.provide(WinsockSocket.layerNet({ host, port: portOf(server) }))
      )
      yield* Effect.gen(function* () {
        yield* Effect.withSpan(Effect.void, "a question", { attributes: { of: "mine" } })
        while (true) {
          const span = yield* Queue.take(spans)
          if (span.name !== "a question" || span.status._tag !== "Ended") continue
          assert.strictEqual(span.attributes.get("of"), "mine")
          break
        }
        assert.include(yield* Deferred.await(metrics), "questions")
      }).pipe(Effect.provide(tools))
    })
  )
})
