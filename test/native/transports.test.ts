/**
 * Effect's Socket and SocketServer over the real ws2_32 against node:net and node:tls, and against Effect's own over
 * those: what they say to each other is the same.
 */
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Socket from "effect/socket/Socket"
import { createHash } from "node:crypto"
import type { EventEmitter } from "node:events"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"
import * as tls from "node:tls"
import { cert, key } from "../support/overTcp.ts"
import { blockSize, patternAt } from "../peers/fixtures/pattern.ts"
import { law } from "../support/rig.ts"
import { both, echo, host, portOf, pullAll, roundTrip, serving, why } from "../support/transports.ts"

const bulk = 4 * 1024 * 1024
const identity = { cert, key: Redacted.make(key) }
const trust = { ca: cert, servername: "localhost" }

// an option that its types do not have
const halfOpen: object = { allowHalfOpen: true }

const hashOfPattern = (count: number): string => {
  const hash = createHash("sha256")
  for (let from = 0; from < count; from += blockSize) hash.update(patternAt(from, count - from))
  return hash.digest("hex")
}

const hashOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest("hex")
}

const write = async (socket: Net.Socket, count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent += blockSize) {
    if (!socket.write(patternAt(sent, count - sent))) await once(socket, "drain")
  }
  socket.end()
}

/** A stream of Node's, which ends with the scope. */
const client = (open: () => Net.Socket, ready: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = open().on("error", () => {})
      await once(socket as EventEmitter, ready)
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const netClient = (port: number) => client(() => Net.connect({ port, host, allowHalfOpen: true }), "connect")

const tlsClient = (port: number, options: tls.ConnectionOptions = {}) =>
  client(() => tls.connect({ port, host, ...trust, ...halfOpen, ...options }), "secureConnect")

/** A server of Node's, which ends with the scope, as its connections do. */
const server = (make: (handle: (socket: Net.Socket) => void) => Net.Server, handle: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Net.Socket>()
      const listening = make((socket) => {
        sockets.add(socket.on("error", () => {}))
        handle(socket)
      })
      listening.listen(0, host)
      await once(listening, "listening")
      return { listening, sockets, port: (listening.address() as AddressInfo).port }
    }),
    ({ listening, sockets }) =>
      Effect.promise(() => {
        for (const socket of sockets) socket.destroy()
        return new Promise<void>((resolve) => listening.close(() => resolve()))
      })
  )

const netServer = (handle: (socket: Net.Socket) => void) =>
  server((handle) => Net.createServer({ allowHalfOpen: true }, handle), handle)

const tlsServer = (handle: (socket: Net.Socket) => void, options: tls.TlsOptions = {}) =>
  server((handle) => tls.createServer({ key, cert, allowHalfOpen: true, ...options }, handle), handle)

/** Writes the pattern, and ends its side; gives a hash of all that comes. */
const exchange = (socket: Socket.Socket, options?: Socket.TlsUpgradeOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { pull, upgrade } = yield* socket.reader
      if (options !== undefined) yield* upgrade(options)
      yield* Effect.forkChild(
        Effect.scoped(
          Effect.flatMap(socket.writer, ({ write }) =>
            Effect.forEach(
              Array.from({ length: bulk / blockSize }, (_, n) => n * blockSize),
              (from) => write(patternAt(from, bulk - from)),
              { discard: true }
            )
          )
        )
      )
      const hash = createHash("sha256")
      const end = yield* why(
        Effect.forever(
          Effect.map(pull, (chunks) => {
            for (const chunk of chunks) hash.update(chunk)
          })
        )
      )
      return [hash.digest("hex"), end]
    })
  )

const whole = [hashOfPattern(bulk), "closed with 1000"]

describe("our server", () => {
  law("gives node:net all of it back, to the end", () =>
    Effect.gen(function* () {
      const own = yield* serving(echo)
      const socket = yield* netClient(portOf(own))
      yield* Effect.promise(async () => {
        void write(socket, bulk)
        assert.strictEqual(await hashOf(socket), whole[0])
      })
    })
  )

  law("of TLS, gives node:tls all of it back, tells the protocol, and takes a session back", () =>
    Effect.gen(function* () {
      const own = yield* WinsockSocketServer.makeTls({ host, key, cert, ALPNProtocols: ["b", "a"] })
      yield* Effect.forkScoped(own.run(echo))
      const socket = (yield* tlsClient(portOf(own), { ALPNProtocols: ["a"] })) as tls.TLSSocket
      assert.deepStrictEqual([socket.alpnProtocol, socket.authorized], ["a", true])
      const session = once(socket as EventEmitter, "session")
      yield* Effect.promise(async () => {
        void write(socket, bulk)
        assert.strictEqual(await hashOf(socket), whole[0])
      })
      const [ticket] = (yield* Effect.promise(() => session)) as [Buffer]
      const again = (yield* tlsClient(portOf(own), { session: ticket })) as tls.TLSSocket
      assert.isTrue(again.isSessionReused())
    })
  )

  law("upgrades for node:tls, which began on a plain socket of its own", () =>
    Effect.gen(function* () {
      const own = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, upgrade, writeAll } = yield* both(socket)
            yield* writeAll(yield* pull)
            yield* upgrade(identity)
            return yield* Effect.forever(Effect.flatMap(pull, writeAll))
          })
        ).pipe(Effect.ignore)
      )
      const plain = yield* netClient(portOf(own))
      yield* Effect.promise(async () => {
        plain.write("STARTTLS")
        assert.strictEqual(String((await once(plain, "data"))[0]), "STARTTLS")
        const session = tls.connect({ socket: plain, ...trust, ...halfOpen })
        await once(session, "secureConnect")
        void write(session, bulk)
        assert.strictEqual(await hashOf(session), whole[0])
      })
    })
  )

  law("is reached by NodeSocket, plain and by TLS", () =>
    Effect.gen(function* () {
      const own = yield* serving(echo)
      yield* roundTrip(yield* NodeSocket.makeNet({ host, port: portOf(own) }))
      const secure = yield* serving((socket) => echo(socket, identity))
      yield* roundTrip(yield* NodeSocket.makeTls({ host, port: portOf(secure), ...trust }))
      yield* roundTrip(yield* NodeSocket.makeNet({ host, port: portOf(secure) }), trust)
    })
  )
})

describe("our client", () => {
  law("gets all of it back from node:net", () =>
    Effect.gen(function* () {
      const { port } = yield* netServer((socket) => socket.pipe(socket))
      assert.deepStrictEqual(yield* exchange(yield* WinsockSocket.makeNet({ host, port })), whole)
    })
  )

  law("gets all of it back from node:tls, from the beginning and by an upgrade", () =>
    Effect.gen(function* () {
      const { port } = yield* tlsServer((socket) => socket.pipe(socket))
      assert.deepStrictEqual(yield* exchange(yield* WinsockSocket.makeTls({ host, port, ...trust })), whole)
      assert.deepStrictEqual(yield* exchange(yield* WinsockSocket.makeNet({ host, port }), trust), whole)
    })
  )

  law("shows its certificate to node:tls, and is refused without", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const asking = { ca: cert, requestCert: true, rejectUnauthorized: true }
      const { port } = yield* tlsServer((socket) => {
        seen.push((socket as tls.TLSSocket).getPeerCertificate().subject.CN)
        socket.pipe(socket)
      }, asking)
      yield* roundTrip(yield* WinsockSocket.makeTls({ host, port, ...trust, key, cert }))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host, port }), { ...trust, ...identity })
      const nobody = yield* WinsockSocket.makeTls({ host, port, ...trust })
      yield* why(Effect.scoped(Effect.flatMap(nobody.reader, ({ pull }) => pull)))
      assert.deepStrictEqual(seen, ["localhost", "localhost"])
    })
  )

  law("sees node:net's end and its reset, and shows its own", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      const { port } = yield* netServer((socket) => {
        socket.on("error", (error: NodeJS.ErrnoException) => ends.push(error.code!))
        socket.on("end", () => ends.push("end"))
        socket.once("data", (data) => {
          if (String(data) === "end") socket.end("bye")
          else if (String(data) === "reset") socket.resetAndDestroy()
        })
      })
      const ask = (word: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(yield* WinsockSocket.makeNet({ host, port }))
            yield* write(word)
            return yield* pullAll(pull)
          })
        )
      assert.deepStrictEqual(yield* ask("end"), { text: "bye", end: "closed with 1000" })
      // Wine may give the end of the stream for a reset
      assert.include(["SocketReadError", "closed with 1000"], (yield* ask("reset")).end)
      const { write } = yield* both(yield* WinsockSocket.makeNet({ host, port }))
      yield* write("x")
      yield* write(new Socket.CloseEvent(4000))
      for (let waits = 0; waits < 500 && ends.length < 2; waits++) yield* Effect.sleep("10 millis")
      assert.strictEqual(ends[0], "end")
      assert.isAtLeast(ends.length, 2)
    })
  )

  law("reaches NodeSocketServer, plain, by TLS and by an upgrade", () =>
    Effect.gen(function* () {
      const portOfNodes = (address: NetAddress.SocketAddress) => (address as NetAddress.InetAddress).port
      const plain = yield* NodeSocketServer.make({ host, port: 0 })
      yield* Effect.forkScoped(plain.run((socket) => echo(socket)))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host, port: portOfNodes(plain.address) }))
      const secure = yield* NodeSocketServer.makeTls({ host, port: 0, key, cert })
      yield* Effect.forkScoped(secure.run((socket) => echo(socket)))
      const port = portOfNodes(secure.address)
      yield* roundTrip(yield* WinsockSocket.makeTls({ host, port, ...trust }))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host, port }), trust)
    })
  )
})
