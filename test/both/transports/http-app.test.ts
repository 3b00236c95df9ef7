/** The guestbook of examples/transports, as it was written for Node's own sockets and with its layer changed. */
import { Winsock } from "@effect-winsock/core"
import * as WinsockHttpClient from "@effect-winsock/platform/WinsockHttpClient"
import * as WinsockHttpServer from "@effect-winsock/platform/WinsockHttpServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpClient, HttpServer } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Socket } from "effect/socket"
import { createServer } from "node:http"
import { Api, app, Note } from "../../../examples/transports/http/guestbook.ts"
import { law, start } from "../../support/rig.ts"

const noteOf = Schema.decodeUnknownSync(Schema.fromJsonString(Note))

/** A visitor, who knows the app and not what serves it. */
const visit = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const url = HttpServer.formatAddress(address)
  const client = yield* HttpApiClient.make(Api, { baseUrl: url })
  assert.deepStrictEqual(yield* client.notes.write({ payload: { text: "first" } }), { id: 1, text: "first" })
  assert.strictEqual((yield* Effect.flip(client.notes.write({ payload: { text: "" } })))._tag, "SchemaError")
  const refused = yield* HttpClient.post(`${url}/notes`)
  assert.strictEqual(refused.status, 400)

  // a page that somebody looks at, while others write
  const page = yield* start(Effect.flatMap(HttpClient.get(`${url}/?notes=3`), (response) => response.text))
  const socket = yield* Socket.makeWebSocket(url.replace("http", "ws") + "/live")
  const pull = yield* Socket.readerString(socket)
  const { write } = yield* socket.writer
  yield* write("<second>")
  assert.deepStrictEqual(
    (yield* pull).map((note) => noteOf(note)),
    [{ id: 2, text: "<second>" }]
  )
  yield* client.notes.write({ payload: { text: "third" } })
  assert.deepStrictEqual(
    (yield* pull).map((note) => noteOf(note)),
    [{ id: 3, text: "third" }]
  )
  assert.include(
    yield* Fiber.join(page),
    '<li id="note1">first</li>\n<li id="note2">&lt;second></li>\n<li id="note3">third</li>\n</ul>'
  )
  assert.lengthOf(yield* client.notes.list(), 3)

  const asked = yield* HttpClient.get(`${url}/address`)
  assert.strictEqual(yield* asked.text, "127.0.0.1")
}).pipe(Effect.scoped)

const options = { host: "127.0.0.1", port: 0 }

const served = (server: ReturnType<typeof NodeHttpServer.layer>) => Layer.provideMerge(app, server)

describe("the guestbook", () => {
  it.live("on Node's own sockets", () =>
    visit.pipe(
      Effect.provide(NodeHttpClient.layerNodeHttp),
      Effect.provide(NodeWS.layerWebSocketConstructor),
      Effect.provide(served(NodeHttpServer.layer(() => createServer(), options)))
    )
  )

  law("on Winsock", ({ recorder, winsock }) =>
    Effect.gen(function* () {
      const context = Layer.succeed(Winsock.Winsock, winsock)
      yield* visit.pipe(
        Effect.provide(Layer.provide(WinsockHttpClient.layer(), context)),
        Effect.provide(Layer.provide(WinsockHttpClient.layerWebSocketConstructor(), context)),
        Effect.provide(
          served(
            Layer.provide(
              WinsockHttpServer.layer(() => createServer(), options),
              context
            )
          )
        ),
        Effect.scoped
      )
      assert.isAbove(recorder.count("WSASend"), 5)
    })
  )
})
