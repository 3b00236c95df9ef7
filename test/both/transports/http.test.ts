/** Effect's HTTP server and client over Winsock: the app knows nothing of it. */
import { TcpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { HttpAgent, TcpDuplex } from "@effect-winsock/platform"
import * as WinsockHttpClient from "@effect-winsock/platform/WinsockHttpClient"
import * as WinsockHttpServer from "@effect-winsock/platform/WinsockHttpServer"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { HttpBody, HttpClient, HttpClientRequest, HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import { Socket } from "effect/socket"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import * as http from "node:http"
import * as http2 from "node:http2"
import * as https from "node:https"
import { text as textOf } from "node:stream/consumers"
import { chunk, served, told, type Told } from "../../support/httpApp.ts"
import { cert, key } from "../../support/overTcp.ts"
import { assertStretch, stretch, until } from "../../support/peer.ts"
import { law, layerName, start } from "../../support/rig.ts"
import { inScope, text, utf8 } from "../../support/tcp.ts"

// loading it is none of the first test's time
if (layerName === "mock") await import("@effect-winsock/mock")

const host = "127.0.0.1"
const tlsOptions = { key, cert }
// the certificate is its own authority, and names localhost
const trusting = { ca: cert, servername: "localhost" }

interface Serving {
  readonly tell: Told
  readonly port: number
  readonly address: NetAddress.InetAddress
}

/** Serves the app until the scope closes. */
const serve = Effect.fnUntraced(function* (
  options: Partial<WinsockHttpServer.Options> = {},
  make: () => WinsockHttpServer.Server = () => http.createServer()
) {
  const tell = yield* told
  const layer = Layer.provideMerge(served(tell), WinsockHttpServer.layer(make, { host, port: 0, ...options }))
  const { address } = Context.get(yield* Layer.build(layer), HttpServer.HttpServer)
  if (!NetAddress.isInetAddress(address)) return assert.fail("no address of TCP")
  const serving: Serving = { tell, port: address.port, address }
  return serving
})

/** A client of Effect's, for one server; it keeps its connections. */
const clientOf = Effect.fnUntraced(function* (
  { port }: Serving,
  options: WinsockHttpClient.Options = { keepAlive: true },
  scheme = "http"
) {
  const context = yield* Layer.build(WinsockHttpClient.layer(options))
  return Context.get(context, HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(`${scheme}://${host}:${port}`))
  )
})

const getText = (client: HttpClient.HttpClient, path: string) =>
  Effect.flatMap(client.get(path), (response) => response.text)

/** An answer of which nothing was read, to a request of node:http's. */
const unread = Effect.fnUntraced(function* ({ port }: Serving, path: string) {
  const agent = yield* HttpAgent.make()
  return yield* Effect.promise(async () => {
    const request = http.get({ host, port, path, agent })
    const [response] = (await once(request, "response")) as [http.IncomingMessage]
    return response
  })
})

/** A WebSocket: what it reads, and what writes. */
const webSocket = Effect.fnUntraced(function* (url: string, options: WinsockHttpClient.Options = {}) {
  const layer = WinsockHttpClient.layerWebSocketConstructor(options)
  const socket = yield* Effect.provideContext(Socket.makeWebSocket(url), yield* Layer.build(layer))
  const { pull } = yield* socket.reader
  const { write } = yield* socket.writer
  return { pull, write }
})

/** Waits until nobody listens at an address: a listener takes its time to close. */
const refusedAt = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
  for (let n = 0; n < 500; n++) {
    const exit = yield* Effect.exit(Effect.scoped(TcpSocket.connect(address)))
    if (Exit.isFailure(exit)) {
      const error = Cause.squash(exit.cause) as WinsockError
      return assert.strictEqual(error.reason._tag, "ConnectionRefused")
    }
    yield* Effect.yieldNow
  }
  assert.fail("somebody listens")
})

describe("requests", () => {
  law("are routed, and answered", () =>
    Effect.gen(function* () {
      const serving = yield* serve()
      const client = yield* clientOf(serving)
      assert.strictEqual(yield* getText(client, "/hello/you"), "hello you")
      assert.deepStrictEqual(JSON.parse(yield* getText(client, "/where")), {
        url: `http://${host}:${serving.port}/where`,
        from: host
      })
      assert.strictEqual((yield* client.get("/nowhere")).status, 404)
      assert.strictEqual((yield* client.get("/fails")).status, 500)
      const head = yield* client.head("/hello/head")
      assert.strictEqual(head.headers["content-length"], "10")
      assert.strictEqual(yield* head.text, "")
    })
  )

  law("use one connection, one after the other", () =>
    Effect.gen(function* () {
      let connections = 0
      const serving = yield* serve({}, () => http.createServer().on("connection", () => connections++))
      const client = yield* clientOf(serving)
      for (const name of ["a", "b", "c"]) assert.strictEqual(yield* getText(client, `/hello/${name}`), `hello ${name}`)
      assert.strictEqual(connections, 1)
    })
  )

  law("many at once", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(yield* serve(), { keepAlive: true, maxSockets: 8 })
      const names = Array.from({ length: 40 }, (_, i) => String(i))
      const answers = yield* Effect.forEach(names, (name) => getText(client, `/hello/${name}`), { concurrency: 20 })
      assert.deepStrictEqual(
        answers,
        names.map((name) => `hello ${name}`)
      )
    })
  )

  law("large ones, and large answers", () =>
    Effect.gen(function* () {
      const size = 5_000_000
      const client = yield* clientOf(yield* serve())
      const sent = yield* client.post("/length", { body: HttpBody.uint8Array(stretch(0, size)) })
      assert.strictEqual(yield* sent.text, String(size))
      const got = yield* Effect.flatMap(client.get(`/large/${size}`), (response) => response.arrayBuffer)
      assert.strictEqual(got.byteLength, size)
      assertStretch(new Uint8Array(got), 0)
    })
  )

  law("that stream, answered while they do", () =>
    Effect.gen(function* () {
      const client = yield* clientOf(yield* serve())
      const count = 200
      const body = Stream.map(Stream.range(0, count - 1), (n) => stretch(n * chunk, chunk))
      const response = yield* client.post("/echo", { body: HttpBody.stream(body) })
      let at = 0
      yield* Stream.runForEach(response.stream, (bytes) =>
        Effect.sync(() => {
          assertStretch(bytes, at)
          at += bytes.length
        })
      )
      assert.strictEqual(at, count * chunk)
    })
  )

  law("that ask first whether they may send are told to", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const agent = yield* HttpAgent.make()
      const [continued, answer] = yield* Effect.promise(async () => {
        const headers = { expect: "100-continue", "content-length": 3 }
        const request = http.request({ host, port, agent, method: "POST", path: "/length", headers })
        let continued = false
        request.on("continue", () => {
          continued = true
          request.end("abc")
        })
        request.flushHeaders()
        const [response] = (await once(request, "response")) as [http.IncomingMessage]
        return [continued, await textOf(response)] as const
      })
      assert.deepStrictEqual([continued, answer], [true, "3"])
    })
  )
})

describe("a client that does not read", () => {
  law("holds the handler back, and ends it when it goes", () =>
    Effect.gen(function* () {
      const serving = yield* serve()
      const { tell } = serving
      const response = yield* unread(serving, "/endless")
      let seen = -1
      let turns = 0
      yield* until("the handler makes no more", () => {
        turns = tell.made === seen ? turns + 1 : 0
        seen = tell.made
        return turns > 300
      })
      assert.isAbove(seen, chunk)
      assert.isBelow(seen, 20_000_000)
      // what was made is there, in order
      let at = 0
      yield* Effect.promise(async () => {
        for await (const bytes of response as AsyncIterable<Buffer>) {
          assertStretch(bytes, at)
          at += bytes.length
          if (at > seen + 100 * chunk) break
        }
      })
      assert.isAbove(tell.made, seen)
      yield* Deferred.await(tell.ended)
    })
  )
})

describe("a handler that does not read", () => {
  law("holds the client back, until it does", () =>
    Effect.gen(function* () {
      const serving = yield* serve()
      const client = yield* clientOf(serving)
      const size = 16_000_000
      const piece = stretch(0, 100_000)
      let sent = 0
      const body = Stream.range(1, size / piece.length).pipe(
        // else all of them are made at once
        Stream.rechunk(1),
        Stream.map(() => {
          sent += piece.length
          return piece
        })
      )
      const asked = yield* start(
        Effect.flatMap(client.post("/late", { body: HttpBody.stream(body) }), (response) => response.text)
      )
      let seen = -1
      let turns = 0
      yield* until("the client sends no more", () => {
        turns = sent === seen ? turns + 1 : 0
        seen = sent
        return sent > 0 && turns > 300
      })
      assert.isBelow(seen, size / 2)
      yield* Deferred.succeed(serving.tell.go, undefined)
      assert.strictEqual(yield* Fiber.join(asked), String(size))
    })
  )
})

describe("a client that goes", () => {
  law("interrupts the handler of its request", () =>
    Effect.gen(function* () {
      const serving = yield* serve()
      const client = yield* clientOf(serving)
      const fiber = yield* start(client.get("/forever"))
      yield* Deferred.await(serving.tell.begun)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(serving.tell.interrupted)
      assert.strictEqual(yield* getText(client, "/hello/again"), "hello again")
    })
  )

  law("by a reset, too", () =>
    Effect.gen(function* () {
      const { address, tell } = yield* serve()
      const connection = yield* TcpSocket.connect(address)
      yield* connection.send(utf8(`GET /forever HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
      yield* Deferred.await(tell.begun)
      yield* connection.abort
      yield* Deferred.await(tell.interrupted)
    })
  )

  law("in the middle of what it sends", () =>
    Effect.gen(function* () {
      const serving = yield* serve()
      const connection = yield* TcpSocket.connect(serving.address)
      yield* connection.send(utf8(`POST /length HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100\r\n\r\nnot all`))
      yield* connection.abort
      const client = yield* clientOf(serving)
      assert.strictEqual(yield* getText(client, "/hello/next"), "hello next")
    })
  )
})

describe("a WebSocket", () => {
  law("sends and receives text and bytes, small and large", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const { pull, write } = yield* webSocket(`ws://${host}:${port}/socket`)
      yield* write("hello")
      assert.deepStrictEqual(yield* pull, ["hello"])
      const large = stretch(0, 3_000_000)
      const fiber = yield* start(write(large))
      const [got] = yield* pull
      yield* Fiber.join(fiber)
      assert.strictEqual(got.length, large.length)
      assertStretch(got as Uint8Array, 0)
    })
  )

  law("is told when the server shuts down", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(serve({ gracefulShutdownTimeout: 1 }))
      const { pull, write } = yield* webSocket(`ws://${host}:${value.port}/socket`)
      yield* write("there")
      assert.deepStrictEqual(yield* pull, ["there"])
      const error = yield* start(Effect.flip(pull))
      yield* close
      const { reason } = yield* Fiber.join(error)
      assert.deepInclude(reason, { _tag: "SocketCloseError", code: 1001 })
    })
  )

  law("is refused where there is none", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const error = yield* Effect.flip(Effect.scoped(webSocket(`ws://${host}:${port}/hello/you`)))
      assert.strictEqual(error.reason._tag, "SocketOpenError")
    })
  )
})

describe("TLS", () => {
  law("the app knows that it is secure, and who asks", () =>
    Effect.gen(function* () {
      const serving = yield* serve({}, () => https.createServer(tlsOptions))
      const client = yield* clientOf(serving, { keepAlive: true, ...trusting }, "https")
      assert.deepStrictEqual((yield* client.get("/hello/you")).remoteAddress, Option.some(host))
      assert.deepStrictEqual(JSON.parse(yield* getText(client, "/where")), {
        url: `https://${host}:${serving.port}/where`,
        from: host
      })
      const size = 3_000_000
      const got = yield* Effect.flatMap(client.get(`/large/${size}`), (response) => response.arrayBuffer)
      assert.strictEqual(got.byteLength, size)
      assertStretch(new Uint8Array(got), 0)
    })
  )

  law("a WebSocket", () =>
    Effect.gen(function* () {
      const { port } = yield* serve({}, () => https.createServer(tlsOptions))
      const { pull, write } = yield* webSocket(`wss://${host}:${port}/socket`, trusting)
      yield* write("secret")
      assert.deepStrictEqual(yield* pull, ["secret"])
    })
  )

  law("a client that does not trust it is told so, and interrupts nothing", () =>
    Effect.gen(function* () {
      const serving = yield* serve({}, () => https.createServer(tlsOptions))
      const stranger = yield* clientOf(serving, { servername: "localhost" }, "https")
      const error = yield* Effect.flip(stranger.get("/where"))
      assert.strictEqual(error.reason._tag, "TransportError")
      const client = yield* clientOf(serving, trusting, "https")
      assert.strictEqual(yield* getText(client, "/hello/friend"), "hello friend")
    })
  )
})

describe("HTTP/2", () => {
  const ask = Effect.fnUntraced(function* ({ address }: Serving, path: string) {
    const duplex = yield* TcpDuplex.connect(address)
    return yield* Effect.promise(async () => {
      const session = http2.connect(`http://${host}`, { createConnection: () => duplex })
      const stream = session.request({ ":path": path })
      const answer = await textOf(stream)
      session.close()
      return answer
    })
  })

  law("the app is the same", () =>
    Effect.gen(function* () {
      const serving = yield* serve({}, () => http2.createServer())
      assert.strictEqual(yield* ask(serving, "/hello/two"), "hello two")
      assert.include(yield* ask(serving, "/where"), `"from":"${host}"`)
    })
  )

  law("sessions end with the server", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(serve({}, () => http2.createServer()))
      const duplex = yield* TcpDuplex.connect(value.address)
      const session = http2.connect(`http://${host}`, { createConnection: () => duplex })
      const ended = once(session, "close")
      yield* Effect.promise(() => textOf(session.request({ ":path": "/hello/two" })))
      yield* close
      yield* Effect.promise(() => ended)
    })
  )
})

describe("the address", () => {
  law("is the one that was asked for, with a port", () =>
    Effect.gen(function* () {
      const { address } = yield* serve()
      assert.strictEqual(NetAddress.formatIp(address.address), host)
      assert.isAbove(address.port, 0)
    })
  )

  law("of all addresses, without a host", () =>
    Effect.gen(function* () {
      const layer = WinsockHttpServer.layer(() => http.createServer(), { port: 0 })
      const tell = yield* told
      const context = yield* Layer.build(Layer.provideMerge(served(tell), layer))
      const { address } = Context.get(context, HttpServer.HttpServer)
      if (!NetAddress.isInetAddress(address)) return assert.fail("no address of TCP")
      assert.strictEqual(NetAddress.formatIp(address.address), "::")
      const client = Context.get(yield* Layer.build(WinsockHttpClient.layer()), HttpClient.HttpClient)
      for (const name of ["127.0.0.1", "[::1]"]) {
        assert.strictEqual(yield* getText(client, `http://${name}:${address.port}/hello/all`), "hello all")
      }
    })
  )

  law("from a Config", () =>
    Effect.gen(function* () {
      const options = { port: Config.Int("PORT"), host: Config.String("HOST") }
      const layer = WinsockHttpServer.layerConfig(() => http.createServer(), options)
      const provider = ConfigProvider.layer(ConfigProvider.fromUnknown({ PORT: "0", HOST: "127.0.0.1" }))
      const context = yield* Layer.build(Layer.provide(layer, provider))
      const { address } = Context.get(context, HttpServer.HttpServer)
      assert.match(HttpServer.formatAddress(address), /^http:\/\/127\.0\.0\.1:\d+$/)
    })
  )

  law("that is in use is an error as Node has it", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const error = yield* Effect.flip(Effect.scoped(serve({ port })))
      assert.strictEqual(error._tag, "ServeError")
      const cause = error.cause as NodeJS.ErrnoException & { readonly address: string; readonly port: number }
      assert.deepInclude({ ...cause }, { code: "EADDRINUSE", syscall: "listen", address: host, port })
      assert.strictEqual((cause.cause as { readonly _tag: string })._tag, "WinsockError")
    })
  )
})

describe("what is no address of TCP", () => {
  for (const [name, options, message] of [
    ["a path", { path: "\\\\.\\pipe\\web" }, "listen: path is a pipe or a file; a TcpServer listens at an address"],
    [
      "a port that others have",
      { reusePort: true },
      "listen: reusePort is not known to Winsock: see reuseAddress of TcpServer"
    ],
    ["a port out of range", { port: 65_536 }, "listen: port is 65536, not an integer from 0 to 65535"],
    ["a port that is none", { port: Number.NaN }, "listen: port is NaN, not an integer from 0 to 65535"]
  ] as const) {
    law(`${name} is refused`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(serve(options)))
        assert.strictEqual(error._tag, "ServeError")
        assert.strictEqual((error.cause as Error).message, message)
      })
    )
  }
})

describe("the end", () => {
  law("waits for what is under way, and accepts no more", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(serve())
      const client = yield* clientOf(value, { keepAlive: false })
      const asked = yield* start(getText(client, "/slow"))
      yield* Deferred.await(value.tell.begun)
      const idle = yield* clientOf(value)
      yield* getText(idle, "/hello/idle")
      const closing = yield* start(close)
      yield* refusedAt(value.address)
      assert.isUndefined(closing.pollUnsafe())
      yield* Deferred.succeed(value.tell.go, undefined)
      assert.strictEqual(yield* Fiber.join(asked), "slow GET")
      yield* Fiber.join(closing)
    })
  )

  law("interrupts handlers after the time they have", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(serve({ gracefulShutdownTimeout: "50 millis" }))
      const client = yield* clientOf(value)
      const asked = yield* start(client.get("/forever"))
      yield* Deferred.await(value.tell.begun)
      yield* close
      assert.isTrue(yield* Deferred.isDone(value.tell.interrupted))
      assert.strictEqual((yield* Fiber.join(asked)).status, 503)
    })
  )

  law("under load: requests, streams, WebSockets and connections that say nothing", ({ statistics }) =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(serve({ gracefulShutdownTimeout: 1 }))
      const before = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* clientOf(value, { keepAlive: true, maxSockets: 100 })
          for (let i = 0; i < 10; i++) yield* start(Effect.ignore(client.get("/forever")))
          for (let i = 0; i < 5; i++) yield* unread(value, "/endless")
          for (let i = 0; i < 5; i++) {
            const { pull, write } = yield* webSocket(`ws://${host}:${value.port}/socket`)
            yield* write("x")
            yield* pull
          }
          for (let i = 0; i < 5; i++) yield* TcpSocket.connect(value.address)
          yield* Deferred.await(value.tell.begun)
          const sockets = (yield* statistics).handles.sockets
          yield* close
          return sockets
        })
      )
      assert.isAtLeast(before, 50)
      assert.isTrue(yield* Deferred.isDone(value.tell.ended))
      assert.strictEqual((yield* statistics).handles.sockets, 0)
    })
  )

  law("closes connections that are kept", () =>
    Effect.gen(function* () {
      // nothing else would end it
      const { close, value } = yield* inScope(serve({}, () => http.createServer({ keepAliveTimeout: 0 })))
      const connection = yield* TcpSocket.connect(value.address)
      yield* connection.send(utf8(`GET /hello/you HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
      yield* connection.receiveUntil("hello you")
      yield* close
      const error = yield* Effect.flip(connection.receive)
      assert.strictEqual(error.reason._tag, "EndOfStream")
    })
  )

  law("by a signal", () =>
    Effect.gen(function* () {
      const controller = new AbortController()
      let closed = false
      const server = http.createServer().on("close", () => (closed = true))
      const { address } = yield* serve({ signal: controller.signal }, () => server)
      controller.abort()
      yield* until("the server is closed", () => closed)
      assert.isFalse(server.listening)
      assert.isNull(server.address())
      yield* refusedAt(address)
    })
  )

  law("leaves the server as Node made it, and it can be served again", () =>
    Effect.gen(function* () {
      const server = http.createServer()
      for (const name of ["once", "twice"]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const client = yield* clientOf(yield* serve({}, () => server))
            assert.strictEqual(yield* getText(client, `/hello/${name}`), `hello ${name}`)
          })
        )
        for (const own of ["listen", "close", "listening", "address", "getConnections"]) {
          assert.isFalse(Object.hasOwn(server, own), own)
        }
        for (const event of ["secureConnection", "request", "upgrade"]) {
          assert.strictEqual(server.listenerCount(event), 0, event)
        }
      }
    })
  )
})

describe("Node's own bounds", () => {
  law("a client that says nothing is answered 408", () =>
    Effect.gen(function* () {
      const bounds = { headersTimeout: 20, requestTimeout: 20, connectionsCheckingInterval: 10 }
      const { address } = yield* serve({}, () => http.createServer(bounds))
      const connection = yield* TcpSocket.connect(address)
      assert.include(text(yield* connection.receive), "408 Request Timeout")
    })
  )

  law("an idle connection is closed", () =>
    Effect.gen(function* () {
      const { address } = yield* serve({}, () => http.createServer({ keepAliveTimeout: 1, keepAliveTimeoutBuffer: 0 }))
      const connection = yield* TcpSocket.connect(address)
      yield* connection.send(utf8(`GET /hello/you HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
      const answer = text(yield* connection.receiveUntil("hello you"))
      assert.include(answer, "200 OK")
      const error = yield* Effect.flip(connection.receive)
      assert.strictEqual(error.reason._tag, "EndOfStream")
    })
  )

  law("no more connections than it may have", () =>
    Effect.gen(function* () {
      let dropped = 0
      const server = http.createServer().on("drop", (about) => {
        assert.strictEqual(about?.remoteAddress, host)
        dropped++
      })
      server.maxConnections = 1
      const serving = yield* serve({}, () => server)
      const client = yield* clientOf(serving)
      assert.strictEqual(yield* getText(client, "/hello/one"), "hello one")
      const other = yield* TcpSocket.connect(serving.address)
      yield* Effect.flip(other.receive)
      assert.strictEqual(dropped, 1)
      const count = yield* Effect.promise(
        () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
      )
      assert.strictEqual(count, 1)
    })
  )
})

describe("an interruption", () => {
  law("at any step of the beginning leaves nothing", () =>
    Effect.gen(function* () {
      let finished = false
      for (let steps = 0; !finished && steps < 200; steps++) {
        const fiber = yield* start(Effect.scoped(serve({ host: "localhost" })))
        for (let i = 0; i < steps; i++) yield* Effect.yieldNow
        finished = fiber.pollUnsafe() !== undefined
        yield* Fiber.interrupt(fiber)
      }
      assert.isTrue(finished)
    })
  )

  law("of the server while clients connect strands none of them", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const { close, value } = yield* inScope(serve({ gracefulShutdownTimeout: 1 }))
        const asking = yield* Effect.forEach(Array.from({ length: 10 }), () =>
          start(
            Effect.scoped(
              Effect.gen(function* () {
                const connection = yield* TcpSocket.connect(value.address)
                yield* connection.send(utf8(`GET /hello/you HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
                // an answer and an end, an end, or a reset: but not silence
                return yield* Effect.exit(Effect.forever(connection.receive))
              })
            ).pipe(Effect.exit)
          )
        )
        for (let i = 0; i < round * 3; i++) yield* Effect.yieldNow
        yield* close
        yield* Fiber.joinAll(asking)
      }
    })
  )
})

describe("the layer for tests", () => {
  law("is a server, and a client that knows where it is", () =>
    Effect.gen(function* () {
      const layer = Layer.provideMerge(served(yield* told), WinsockHttpServer.layerTest)
      const client = Context.get(yield* Layer.build(layer), HttpClient.HttpClient)
      assert.strictEqual(yield* getText(client, "/hello/test"), "hello test")
    })
  )
})
