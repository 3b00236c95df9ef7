/**
 * What programs written for node:net must be able to do on a Duplex: the same suite over a connection in memory, over the
 * mock and over the real DLL.
 */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import { TcpDuplex } from "@effect-winsock/platform"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as http2 from "node:http2"
import * as https from "node:https"
import type { Duplex } from "node:stream"
import { Readable, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import * as tls from "node:tls"

const pem = (name: string) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url))

/** A certificate for localhost that is its own authority. */
export const key = pem("key")
export const cert = pem("certificate")

/** A server, and how to connect to it. */
export interface Net {
  readonly server: TcpServer
  readonly port: number
  readonly connect: (options: TcpDuplex.Options) => Effect.Effect<TcpDuplex.TcpDuplex, unknown, Scope.Scope>
  readonly agent: (options?: http.AgentOptions) => Effect.Effect<http.Agent, never, Scope.Scope>
  readonly secureAgent: (options?: https.AgentOptions) => Effect.Effect<https.Agent, never, Scope.Scope>
}

/** Runs a body with a network of its own. */
export type WithNet = <A, E>(body: (net: Net) => Effect.Effect<A, E, Scope.Scope>) => Effect.Effect<void, unknown>

interface Answer {
  readonly status: number | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

const ask = (
  request: http.ClientRequest,
  write: (request: http.ClientRequest) => void = (r) => r.end()
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request.on("error", reject).on("response", (response) => {
      const chunks: Array<Buffer> = []
      response
        .on("error", reject)
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("end", () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) })
        )
    })
    write(request)
  })

const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")

const pattern = (size: number, seed = 0) => {
  const bytes = Buffer.allocUnsafe(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) + seed) & 0xff
  return bytes
}

/** A sink that takes its time: a chunk for each turn of the event loop. */
const slowHash = (highWaterMark: number) => {
  const digest = createHash("sha256")
  const sink = new Writable({
    highWaterMark,
    write: (chunk: Buffer, _, callback) => {
      digest.update(chunk)
      setImmediate(callback)
    }
  })
  return { sink, digest: () => digest.digest("hex") }
}

const answer: http.RequestListener = (request, response) => {
  if (request.method === "POST") {
    const digest = createHash("sha256")
    let length = 0
    request.on("data", (chunk: Buffer) => {
      length += chunk.length
      digest.update(chunk)
    })
    request.on("end", () => response.end(`${length} ${digest.digest("hex")}`))
  } else if (request.url === "/chunked") {
    void pipeline(Readable.from([pattern(70_000), pattern(70_000, 1), pattern(1, 2)]), response)
  } else if (request.url === "/large") {
    response.end(pattern(3_000_000))
  } else {
    const { remoteAddress, remotePort, remoteFamily } = request.socket
    response.setHeader("content-type", "text/plain")
    response.end(`${request.url} from ${remoteAddress} ${remoteFamily} ${typeof remotePort}\n`)
  }
}

const serving = (net: Net, target: TcpDuplex.Target) => Effect.forkScoped(TcpDuplex.serve(net.server, target))

export const suite = (withNet: WithNet, largest: number): void => {
  describe("a stream", () => {
    it.live("carries much both ways at once, to readers that take their time", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const here = pattern(largest)
          const there = pattern(largest, 77)
          const peer = yield* Effect.forkChild(TcpDuplex.own(net.server.accept, { allowHalfOpen: true }))
          const duplex = yield* net.connect({ allowHalfOpen: true })
          const other = yield* Fiber.join(peer)
          const mine = slowHash(1000)
          const its = slowHash(100_000)
          yield* Effect.promise(() =>
            Promise.all([
              pipeline(Readable.from([here.subarray(0, 100_000), here.subarray(100_000)]), duplex),
              pipeline(duplex, mine.sink),
              pipeline(Readable.from([there]), other),
              pipeline(other, its.sink)
            ])
          )
          assert.strictEqual(mine.digest(), hash(there))
          assert.strictEqual(its.digest(), hash(here))
          assert.strictEqual(duplex.bytesRead, largest)
          assert.strictEqual(duplex.bytesWritten, largest)
        })
      )
    )
  })

  describe("node:http", () => {
    it.live("GET, HEAD, POST, chunks, and what is large", () =>
      withNet((net) =>
        Effect.gen(function* () {
          yield* serving(net, http.createServer(answer))
          const agent = yield* net.agent()
          const options = { agent, port: net.port, host: "127.0.0.1" }
          yield* Effect.promise(async () => {
            const got = await ask(http.request({ ...options, path: "/hello" }))
            assert.strictEqual(got.status, 200)
            assert.strictEqual(String(got.body), "/hello from 127.0.0.1 IPv4 number\n")
            const head = await ask(http.request({ ...options, method: "HEAD", path: "/hello" }))
            assert.strictEqual(head.headers["content-type"], "text/plain")
            assert.strictEqual(head.body.length, 0)
            const large = await ask(http.request({ ...options, path: "/large" }))
            assert.isTrue(large.body.equals(pattern(3_000_000)))
            const chunked = await ask(http.request({ ...options, path: "/chunked" }))
            assert.strictEqual(chunked.headers["transfer-encoding"], "chunked")
            assert.strictEqual(chunked.body.length, 140_001)
            const body = pattern(2_000_000, 5)
            const posted = await ask(http.request({ ...options, method: "POST" }), (request) => request.end(body))
            assert.strictEqual(String(posted.body), `2000000 ${hash(body)}`)
          })
        })
      )
    )

    it.live("two requests on one connection that is kept alive", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const web = http.createServer(answer)
          let connections = 0
          web.on("connection", () => connections++)
          yield* serving(net, web)
          const agent = yield* net.agent({ keepAlive: true })
          const options = { agent, port: net.port, host: "127.0.0.1" }
          yield* Effect.promise(async () => {
            for (const path of ["/one", "/two", "/three"]) {
              const { body } = await ask(http.request({ ...options, path }))
              assert.match(String(body), new RegExp(`^${path} from`))
              // the connection is free again in the next turn
              await new Promise((resolve) => setImmediate(resolve))
            }
          })
          assert.strictEqual(connections, 1)
        })
      )
    )

    it.live("an answer that its reader gives up", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const closed = Promise.withResolvers<boolean>()
          const web = http.createServer((_, response) => {
            response.on("close", () => closed.resolve(response.writableFinished))
            response.write(pattern(5_000_000))
          })
          yield* serving(net, web)
          const agent = yield* net.agent()
          const request = http.get({ agent, port: net.port, host: "127.0.0.1" })
          yield* Effect.promise(async () => {
            const [response] = (await once(request, "response")) as [http.IncomingMessage]
            await once(response, "data")
            request.destroy()
            assert.isFalse(await closed.promise)
          })
        })
      )
    )

    it.live("an upgrade", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const web = http.createServer(answer)
          web.on("upgrade", (_, socket: Duplex) => {
            socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
            socket.pipe(socket)
          })
          yield* serving(net, web)
          const agent = yield* net.agent()
          const headers = { connection: "Upgrade", upgrade: "echo" }
          const request = http.get({ agent, port: net.port, host: "127.0.0.1", headers })
          yield* Effect.promise(async () => {
            const [, socket] = (await once(request, "upgrade")) as [unknown, Duplex]
            socket.write("hello")
            assert.strictEqual(String((await once(socket, "data"))[0]), "hello")
            socket.end()
            await once(socket.resume(), "close")
          })
        })
      )
    )
  })

  describe("node:tls", () => {
    it.live("a session between two of them", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const server = tls.createServer({ key, cert }, (session) => session.pipe(session))
          yield* serving(net, server)
          const duplex = yield* net.connect(TcpDuplex.underTls)
          const sent = pattern(1_000_000)
          const session = tls.connect({ socket: duplex, ca: cert, servername: "localhost" })
          yield* Effect.promise(async () => {
            await once(session, "secureConnect")
            assert.isTrue(session.authorized)
            const { digest, sink } = slowHash(16_384)
            await Promise.all([pipeline(Readable.from([sent]), session), pipeline(session, sink)])
            assert.strictEqual(digest(), hash(sent))
            if (!duplex.closed) await once(duplex, "close")
          })
        })
      )
    )

    it.live("a session of a server is read to its end, whatever has ended before", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const { digest, sink } = slowHash(1000)
          const read = Promise.withResolvers<void>()
          const server = tls.createServer({ key, cert }, (session) => {
            session.end("bye")
            pipeline(session, sink).then(read.resolve, read.reject)
          })
          yield* serving(net, server)
          const sent = pattern(300_000)
          const socket = yield* net.connect(TcpDuplex.underTls)
          const session = tls.connect({ socket, ca: cert, servername: "localhost" })
          yield* Effect.promise(async () => {
            assert.strictEqual(String((await once(session, "data"))[0]), "bye")
            session.end(sent)
            await read.promise
            assert.strictEqual(digest(), hash(sent))
          })
        })
      )
    )

    it.live("the client's end is the end of the server's session", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const server = tls.createServer({ key, cert }, (session) => session.resume())
          yield* serving(net, server)
          const socket = yield* net.connect(TcpDuplex.underTls)
          const session = tls.connect({ socket, ca: cert, servername: "localhost" })
          yield* Effect.promise(async () => {
            await once(session, "secureConnect")
            session.end()
            await once(session.resume(), "close")
            if (!socket.closed) await once(socket, "close")
          })
        })
      )
    )

    it.live("https, and a certificate that is not trusted", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const web = https.createServer({ key, cert }, (_, response) => response.end("secret"))
          web.on("tlsClientError", () => {})
          yield* serving(net, web)
          const trusting = yield* net.secureAgent({ ca: cert, keepAlive: true })
          const other = yield* net.secureAgent()
          yield* Effect.promise(async () => {
            const options = { host: "127.0.0.1", port: net.port, servername: "localhost" }
            assert.strictEqual(String((await ask(https.request({ ...options, agent: trusting }))).body), "secret")
            const refused = await ask(https.request({ ...options, agent: other })).catch((error: unknown) => error)
            assert.strictEqual((refused as NodeJS.ErrnoException).code, "DEPTH_ZERO_SELF_SIGNED_CERT")
          })
        })
      )
    )

    it.live("http/2", () =>
      withNet((net) =>
        Effect.gen(function* () {
          const web = http2.createServer((request, response) => response.end(`you asked for ${request.url}`))
          yield* serving(net, web)
          const duplex = yield* net.connect({})
          const session = http2.connect("http://localhost", { createConnection: () => duplex })
          yield* Effect.promise(async () => {
            const bodies = await Promise.all(
              ["/a", "/b"].map(async (path) => {
                const chunks = await session.request({ ":path": path }).toArray()
                return String(Buffer.concat(chunks as Array<Buffer>))
              })
            )
            assert.deepStrictEqual(bodies, ["you asked for /a", "you asked for /b"])
            session.close()
            if (!duplex.closed) await once(duplex, "close")
          })
        })
      )
    )
  })
}
