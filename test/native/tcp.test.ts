/**
 * TCP against node:net in one process: two that share an event loop and a pool of threads, and know nothing of each
 * other.
 */
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"
import { platform } from "../conformance/layers.ts"
import { blockSize, isPattern, patternAt } from "../peers/fixtures/pattern.ts"
import { held, law, nothing, start } from "../support/rig.ts"
import { inScope, listen } from "../support/tcp.ts"
import { at, tag } from "../support/udp.ts"

const bulk = 16 * 1024 * 1024

const hashOfPattern = (count: number): string => {
  const hash = createHash("sha256")
  for (let from = 0; from < count; from += blockSize) hash.update(patternAt(from, count - from))
  return hash.digest("hex")
}

const closed = (socket: Net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once("close", () => resolve())
  })

/** A connection of node:net's, which ends with the scope. */
const netConnect = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
      // a reset on purpose is no error of the test's; what counts is what came
      socket.on("error", () => {})
      await once(socket, "connect")
      return socket
    }),
    (socket) => Effect.promise(() => closed(socket.destroy()))
  )

/** A server of node:net's, which ends with the scope, as its connections do. */
const netServer = (handle: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        handle(socket)
      })
      server.listen(0, "127.0.0.1", 511)
      await once(server, "listening")
      return { server, sockets, address: at("127.0.0.1", (server.address() as AddressInfo).port) }
    }),
    ({ server, sockets }) =>
      Effect.promise(() => {
        for (const socket of sockets) socket.destroy()
        return new Promise<void>((resolve) => server.close(() => resolve()))
      })
  )

/** What comes, to the end, which is not the end of the other half. */
const chunksOf = (socket: Net.Socket): AsyncIterable<Buffer> => socket.iterator({ destroyOnReturn: false })

/** All that comes. */
const all = async (socket: Net.Socket): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of chunksOf(socket)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const hashOfAll = async (socket: Net.Socket): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of chunksOf(socket)) hash.update(chunk)
  return hash.digest("hex")
}

const write = async (socket: Net.Socket, count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent += blockSize) {
    if (!socket.write(patternAt(sent, count - sent))) await once(socket, "drain")
  }
}

/** Sends the pattern, and tells how far it is. */
const sending = (socket: TcpSocket.TcpSocket, count: number, progress = { sent: 0 }) =>
  Effect.whileLoop({
    while: () => progress.sent < count,
    body: () => socket.send(patternAt(progress.sent, count - progress.sent)),
    step: () => {
      progress.sent = Math.min(count, progress.sent + blockSize)
    }
  })

/** Receives to the end. */
const received = (socket: TcpSocket.TcpSocket) => {
  const hash = createHash("sha256")
  return Effect.map(
    Stream.runForEach(socket.stream, (chunk) => Effect.sync(() => hash.update(chunk))),
    () => hash.digest("hex")
  )
}

const echo = (socket: TcpSocket.TcpSocket) => Effect.ignore(Stream.run(socket.stream, socket.sink))

/** A server of the layer's under test, and the fiber that runs it. */
const serving = Effect.fnUntraced(function* <E>(handle: (socket: TcpSocket.TcpSocket) => Effect.Effect<unknown, E>) {
  const server = yield* listen({ backlog: 511, closeTimeout: "10 seconds" })
  const fiber = yield* Effect.forkScoped(server.run(handle), { startImmediately: true })
  return { server, fiber, port: server.address.port }
})

/** Round trips on a connection of their own until a number has stood still for many of them. */
const standsStill = Effect.fnUntraced(function* (look: () => number) {
  const peer = yield* netServer((socket) => void socket.pipe(socket))
  const own = yield* TcpSocket.connect(peer.address)
  let last = look()
  let still = 0
  for (let n = 0; n < 5000 && still < 200; n++) {
    yield* own.send(Uint8Array.of(1))
    yield* own.receiveExactly(1)
    const now = look()
    still = now === last ? still + 1 : 0
    last = now
  }
  assert.strictEqual(still, 200, "it goes on and on")
  return last
}, Effect.scoped)

const expected = hashOfPattern(bulk)

describe("node:net as client of TcpServer.run", () => {
  law("16 MiB each way at once, by hash", () =>
    Effect.gen(function* () {
      const { port } = yield* serving(echo)
      const socket = yield* netConnect(port)
      const hash = yield* Effect.promise(async () => {
        const hash = hashOfAll(socket)
        await write(socket, bulk)
        socket.end()
        return hash
      })
      assert.strictEqual(hash, expected)
    })
  )

  law("the client ends its side first: it gets its answer all the same", () =>
    Effect.gen(function* () {
      const { port } = yield* serving((socket) =>
        Effect.flatMap(received(socket), (hash) => socket.send(Buffer.from(hash)))
      )
      const socket = yield* netConnect(port)
      const answer = yield* Effect.promise(async () => {
        await write(socket, bulk)
        socket.end()
        return (await all(socket)).toString()
      })
      assert.strictEqual(answer, expected)
    })
  )

  law("the server ends its side first: it takes what the client sends all the same", () =>
    Effect.gen(function* () {
      const hash = yield* Deferred.make<string>()
      const { port } = yield* serving((socket) =>
        Effect.gen(function* () {
          yield* socket.send(Buffer.from("hello"))
          yield* socket.shutdown("send")
          yield* Deferred.succeed(hash, yield* received(socket))
        })
      )
      const socket = yield* netConnect(port)
      const answer = yield* Effect.promise(async () => {
        const answer = (await all(socket)).toString()
        await write(socket, bulk)
        socket.end()
        return answer
      })
      assert.strictEqual(answer, "hello")
      assert.strictEqual(yield* Deferred.await(hash), expected)
    })
  )

  law("a reset reaches the receive that waits, and no other connection", () =>
    Effect.gen(function* () {
      const end = yield* Deferred.make<string>()
      const { port } = yield* serving((socket) =>
        Effect.gen(function* () {
          const name = yield* socket.receiveExactly(1)
          yield* socket.send(name)
          if (name[0] === 1) yield* Deferred.succeed(end, yield* tag(socket.receive))
          else yield* echo(socket)
        })
      )
      const [first, second] = [yield* netConnect(port), yield* netConnect(port)]
      yield* Effect.promise(async () => {
        for (const [i, socket] of [first, second].entries()) {
          socket.write(Uint8Array.of(i + 1))
          assert.strictEqual(((await once(socket, "data")) as [Buffer])[0][0], i + 1)
        }
        first.resetAndDestroy()
      })
      assert.strictEqual(yield* Deferred.await(end), "ConnectionReset")
      const answer = yield* Effect.promise(async () => {
        second.end("still here")
        const chunks: Array<Buffer> = []
        second.on("data", (chunk: Buffer) => chunks.push(chunk))
        await once(second, "end")
        return Buffer.concat(chunks).toString()
      })
      assert.strictEqual(answer, "still here")
    })
  )

  law("a client that pauses is not sent more than there is room for, and all of it when it resumes", () =>
    Effect.gen(function* () {
      const total = 2 * bulk
      const progress = { sent: 0 }
      const { port } = yield* serving((socket) => sending(socket, total, progress))
      const socket = yield* netConnect(port)
      socket.pause()
      const stopped = yield* standsStill(() => progress.sent)
      assert.isAbove(stopped, 0)
      assert.isBelow(stopped, total)
      assert.strictEqual(yield* Effect.promise(() => hashOfAll(socket)), hashOfPattern(total))
    })
  )
})

describe("node:net as server for TcpSocket.connect", () => {
  law("16 MiB each way at once, by hash", () =>
    Effect.gen(function* () {
      const peer = yield* netServer((socket) => void socket.pipe(socket))
      const socket = yield* TcpSocket.connect(peer.address)
      const hash = yield* start(received(socket))
      yield* sending(socket, bulk)
      yield* socket.shutdown("send")
      assert.strictEqual(yield* Fiber.join(hash), expected)
    })
  )

  law("this side ends first: it gets the answer all the same", () =>
    Effect.gen(function* () {
      const peer = yield* netServer((socket) => void hashOfAll(socket).then((hash) => socket.end(hash)))
      const socket = yield* TcpSocket.connect(peer.address)
      yield* sending(socket, bulk)
      yield* socket.shutdown("send")
      assert.strictEqual(Buffer.from(yield* socket.receiveExactly(64)).toString(), expected)
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
    })
  )

  law("the peer ends its side first: it takes all the same what is sent", () =>
    Effect.gen(function* () {
      const hash = Promise.withResolvers<string>()
      const peer = yield* netServer((socket) => {
        socket.end("hello")
        hashOfAll(socket).then(hash.resolve, hash.reject)
      })
      const socket = yield* TcpSocket.connect(peer.address)
      assert.strictEqual(Buffer.from(yield* socket.receiveExactly(5)).toString(), "hello")
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
      yield* sending(socket, bulk)
      yield* socket.shutdown("send")
      assert.strictEqual(yield* Effect.promise(() => hash.promise), expected)
    })
  )

  law("a peer that pauses is not sent more than there is room for, and all of it when it resumes", () =>
    Effect.gen(function* () {
      const total = 2 * bulk
      const accepted = Promise.withResolvers<Net.Socket>()
      const peer = yield* netServer((socket) => accepted.resolve(socket.pause()))
      const socket = yield* TcpSocket.connect(peer.address)
      const progress = { sent: 0 }
      const fiber = yield* start(Effect.andThen(sending(socket, total, progress), socket.shutdown("send")))
      const other = yield* Effect.promise(() => accepted.promise)
      const stopped = yield* standsStill(() => progress.sent)
      assert.isAbove(stopped, 0)
      assert.isBelow(stopped, total)
      assert.strictEqual(yield* Effect.promise(() => hashOfAll(other)), hashOfPattern(total))
      yield* Fiber.join(fiber)
    })
  )

  law("nothing is taken for nobody: the peer's writes wait until this side receives", () =>
    Effect.gen(function* () {
      const total = 2 * bulk
      const accepted = Promise.withResolvers<Net.Socket>()
      const peer = yield* netServer((socket) => {
        accepted.resolve(socket)
        write(socket, total).then(
          () => socket.end(),
          () => {}
        )
      })
      const socket = yield* TcpSocket.connect(peer.address)
      const other = yield* Effect.promise(() => accepted.promise)
      const written = yield* standsStill(() => other.bytesWritten)
      assert.isBelow(written, total)
      assert.isTrue(other.writableNeedDrain)
      assert.strictEqual(yield* received(socket), hashOfPattern(total))
    })
  )

  law("a peer that destroys what it has read ends the stream", () =>
    Effect.gen(function* () {
      const peer = yield* netServer((socket) => socket.once("data", () => socket.destroy()))
      const socket = yield* TcpSocket.connect(peer.address)
      const fiber = yield* start(tag(socket.receive))
      yield* socket.send(Uint8Array.of(1))
      assert.strictEqual(yield* Fiber.join(fiber), "EndOfStream")
    })
  )

  law("a peer that resets: the receive that waits fails, and so does what is sent", () =>
    Effect.gen(function* () {
      const peer = yield* netServer((socket) => socket.once("data", () => socket.resetAndDestroy()))
      const socket = yield* TcpSocket.connect(peer.address)
      const fiber = yield* start(tag(socket.receive))
      yield* socket.send(Uint8Array.of(1))
      assert.strictEqual(yield* Fiber.join(fiber), "ConnectionReset")
      assert.include(["ConnectionReset", "ConnectionAborted"], yield* tag(socket.send(Uint8Array.of(2))))
    })
  )

  law("a peer that destroys in the middle of a send: the send fails", () =>
    Effect.gen(function* () {
      const peer = yield* netServer((socket) => socket.once("data", () => socket.destroy()))
      const socket = yield* TcpSocket.connect(peer.address)
      // more than all buffers hold
      assert.include(["ConnectionReset", "ConnectionAborted"], yield* tag(sending(socket, 4 * bulk)))
    })
  )
})

describe("200 connections each way in one process", () => {
  law("echo, half-close, reset, and are open when the layer is released: it holds nothing", ({ release, statistics }) =>
    Effect.gen(function* () {
      const count = 200
      const { fiber, port } = yield* serving(echo)
      const peer = yield* netServer((socket) => void socket.pipe(socket))
      const each = Array.from({ length: count }, (_, i) => i)
      const there = yield* Effect.forEach(each, () => netConnect(port), { concurrency: "unbounded" })
      const here = yield* Effect.forEach(each, () => TcpSocket.connect(peer.address), { concurrency: "unbounded" })
      const length = 5000
      const echoed = async (socket: Net.Socket, i: number) => {
        socket.write(patternAt(i, length))
        const chunks: Array<Buffer> = []
        let left = length
        while (left > 0) {
          const [chunk] = (await once(socket, "data")) as [Buffer]
          chunks.push(chunk)
          left -= chunk.length
        }
        return isPattern(Buffer.concat(chunks), i)
      }
      const [fromThere, fromHere] = yield* Effect.all(
        [
          Effect.promise(() => Promise.all(there.map(echoed))),
          Effect.forEach(
            here,
            (socket, i) =>
              Effect.andThen(
                socket.send(patternAt(i, length)),
                Effect.map(socket.receiveExactly(length), (bytes) => isPattern(bytes, i))
              ),
            { concurrency: "unbounded" }
          )
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(fromThere.filter(Boolean).length, count)
      assert.strictEqual(fromHere.filter(Boolean).length, count)
      const open = yield* statistics
      // both ends' own, and the listener
      assert.isAtLeast(open.handles.sockets, 2 * count + 1)
      assert.strictEqual(peer.sockets.size, count)

      // a third ends, a third is reset, a third is open to the last
      const waiting = yield* Effect.forEach(here, (socket, i) =>
        i % 3 === 1 ? Effect.as(socket.abort, undefined) : start(tag(socket.receive))
      )
      for (const [i, socket] of here.entries()) if (i % 3 === 0) yield* socket.shutdown("send")
      for (const [i, fiber] of waiting.entries()) {
        if (i % 3 === 0) assert.strictEqual(yield* Fiber.join(fiber!), "EndOfStream")
      }
      yield* Effect.promise(() =>
        Promise.all(
          there.map(async (socket, i) => {
            if (i % 3 === 1) socket.resetAndDestroy()
            else if (i % 3 === 0) assert.strictEqual((await all(socket.end())).length, 0)
          })
        )
      )
      yield* release
      assert.deepStrictEqual(held(yield* statistics), nothing)
      for (const [i, fiber] of waiting.entries()) {
        if (i % 3 === 2) assert.strictEqual(yield* Fiber.join(fiber!), "OperationAborted")
      }
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      // whoever was connected learns of it
      yield* Effect.promise(() =>
        Promise.all([...there, ...peer.sockets].map((socket) => closed(socket.end().resume())))
      )
    })
  )
})

// Windows keeps the port of a listener that has it for itself (SO_EXCLUSIVEADDRUSE) while what that has accepted is alive,
// and in TIME_WAIT; Wine does not
for (const reuseAddress of [true, false]) {
  const again = Effect.fnUntraced(function* (port: number) {
    const exit = yield* Effect.exit(TcpServer.listen(at("127.0.0.1", port), { reuseAddress }))
    if (Exit.isSuccess(exit)) return exit.value
    assert.isFalse(reuseAddress)
    assert.strictEqual((yield* Effect.promise(platform))._tag, "Windows")
    assert.strictEqual(yield* tag(exit), "AddressInUse")
    return undefined
  })

  const hears = Effect.fnUntraced(function* (server: TcpServer.TcpServer, text: string) {
    const socket = yield* netConnect(server.address.port)
    const connection = yield* server.accept
    socket.write(text)
    assert.strictEqual(Buffer.from(yield* connection.receiveExactly(text.length)).toString(), text)
  })

  describe(`a port that is ${reuseAddress ? "shared" : "one listener's"}`, () => {
    law("is listened at again when the server has ended its connections, and was the first to", () =>
      Effect.gen(function* () {
        const first = yield* inScope(listen({ reuseAddress }))
        const { port } = first.value.address
        // the side that ends first has its connection in TIME_WAIT
        for (let i = 0; i < 5; i++) {
          const accepted = yield* start(Effect.scoped(Effect.asVoid(first.value.accept)))
          const socket = yield* netConnect(port)
          yield* Effect.promise(() => all(socket))
          yield* Fiber.join(accepted)
          socket.end()
          yield* Effect.promise(() => closed(socket))
        }
        yield* first.close
        const second = yield* again(port)
        if (second !== undefined) yield* hears(second, "hello")
      })
    )

    law("is listened at again while connections of before are open, and they go on", () =>
      Effect.gen(function* () {
        const first = yield* inScope(listen({ reuseAddress }))
        const { port } = first.value.address
        const old = yield* netConnect(port)
        const connection = yield* first.value.accept
        yield* first.close
        const second = yield* again(port)
        if (second !== undefined) yield* hears(second, "young")
        old.write("old")
        assert.strictEqual(Buffer.from(yield* connection.receiveExactly(3)).toString(), "old")
        yield* connection.send(Buffer.from("and back"))
        const [answer] = (yield* Effect.promise(() => once(old, "data"))) as [Buffer]
        assert.strictEqual(answer.toString(), "and back")
      })
    )
  })
}
