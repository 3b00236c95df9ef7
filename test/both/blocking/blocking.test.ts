// Sockets in blocking mode: what their calls do, one at a time and interrupted.
import { BlockingSocket, TcpServer, TcpSocket, UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { bind, law, loopback, random, start } from "../../support/rig.ts"
import { inScope, listen, text, utf8 } from "../../support/tcp.ts"
import { bytes, from, pattern, reason, refuses, tag } from "../../support/udp.ts"

const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

/** A connection in blocking mode, and the overlapped socket at its other end. */
const connected = Effect.fnUntraced(function* (options?: BlockingSocket.Options) {
  const server = yield* listen()
  const stream = yield* BlockingSocket.connect(server.address, options)
  return { stream, peer: yield* server.accept }
})

/** Sends until no more fits, and counts what was taken. */
const fill = Effect.fnUntraced(function* (stream: BlockingSocket.Stream) {
  const piece = new Uint8Array(1 << 20)
  let taken = 0
  for (let n = 0; n < 200; n++) {
    const sent = yield* Effect.exit(stream.trySend(piece))
    if (Exit.isSuccess(sent)) taken += sent.value
    else {
      assert.strictEqual(yield* tag(sent), "WouldBlock")
      return taken
    }
  }
  return assert.fail("there is always room")
})

describe("BlockingSocket", () => {
  law("receives what comes later, and sends", ({ recorder }) =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      assert.strictEqual(stream.peerAddress.port, peer.localAddress.port)
      const fiber = yield* start(stream.receive(100))
      yield* turns(3)
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send(utf8("Hello!"))
      assert.strictEqual(text(yield* Fiber.join(fiber)), "Hello!")
      assert.strictEqual(yield* stream.send([utf8("a"), utf8("bc")]), 3)
      assert.strictEqual(text(yield* peer.receiveExactly(3)), "abc")
      assert.isAbove(
        recorder.count("WSARecv", ({ origin }) => origin === "offThread"),
        0
      )
      yield* peer.shutdown("send")
      assert.strictEqual(yield* tag(stream.receive(1)), "EndOfStream")
    })
  )

  law("sends all of it, or blocks until there was room for all", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      yield* fill(stream)
      const size = 3 << 20
      const sending = yield* start(stream.send(new Uint8Array(size).fill(7)))
      yield* turns(5)
      assert.isUndefined(sending.pollUnsafe())
      const reading = yield* start(Effect.forever(peer.receive))
      assert.strictEqual(yield* Fiber.join(sending), size)
      yield* Fiber.interrupt(reading)
    })
  )

  law("receives messages, and says who sent them and what was cut", () =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback, { maxMessageSize: 4 })
      const other = yield* bind()
      const fiber = yield* start(socket.receiveMessage)
      yield* other.send(bytes(1, 2, 3), socket.address)
      const message = yield* Fiber.join(fiber)
      assert.deepStrictEqual([...message.payload], [1, 2, 3])
      assert.strictEqual(from(message), "127.0.0.1")
      assert.isFalse(message.truncated)
      yield* other.send(bytes(1, 2, 3, 4, 5), socket.address)
      const cut = yield* socket.receiveMessage
      assert.deepStrictEqual([...cut.payload, cut.truncated], [1, 2, 3, 4, true])
      assert.strictEqual(yield* socket.send(bytes(9), other.address), 1)
      assert.deepStrictEqual([...(yield* other.receive).payload], [9])
    })
  )

  law("accepts, and those it accepted block too", () =>
    Effect.gen(function* () {
      const listener = yield* BlockingSocket.listen(loopback)
      const fiber = yield* start(listener.accept)
      yield* turns(3)
      const client = yield* TcpSocket.connect(listener.address)
      const stream = yield* Fiber.join(fiber)
      const receiving = yield* start(stream.receive(10))
      yield* turns(3)
      assert.isUndefined(receiving.pollUnsafe())
      yield* client.send(utf8("x"))
      assert.strictEqual(text(yield* Fiber.join(receiving)), "x")
    })
  )

  law("an interrupted accept is cancelled, and the next gets the connection", () =>
    Effect.gen(function* () {
      const listener = yield* BlockingSocket.listen(loopback)
      const fiber = yield* start(listener.accept)
      yield* turns(3)
      yield* Fiber.interrupt(fiber)
      yield* TcpSocket.connect(listener.address)
      yield* listener.accept
    })
  )

  law("refuses what cannot be", () =>
    Effect.gen(function* () {
      yield* refuses(BlockingSocket.bind(loopback, { receiveTimeout: 0 }), "receiveTimeout", 0)
      yield* refuses(BlockingSocket.bind(loopback, { overlapped: false, sendTimeout: 5 }), "sendTimeout", 5)
      yield* refuses(BlockingSocket.bind(loopback, { maxMessageSize: 0 }), "maxMessageSize", 0)
      const { stream } = yield* connected({ overlapped: false })
      yield* refuses(stream.receive(0), "size", 0)
      const nothing = "nothing" as never
      yield* refuses(stream.send(nothing), "payload", nothing)
    })
  )
})

describe("calls that answer at once", () => {
  law("nothing is there, something is, and a peek leaves it", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      assert.strictEqual(yield* tag(stream.tryReceive(10)), "WouldBlock")
      const peeking = yield* start(stream.peek(10))
      yield* peer.send(utf8("Hello!"))
      assert.strictEqual(text(yield* Fiber.join(peeking)), "Hello!")
      assert.strictEqual(text(yield* stream.peek(3)), "Hel")
      assert.strictEqual(text(yield* stream.tryReceive(2)), "He")
      assert.strictEqual(text(yield* stream.receive(10)), "llo!")
      // and it blocks again
      const waiting = yield* start(stream.receive(10))
      yield* turns(5)
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(yield* tag(stream.tryReceive(10)), "WouldBlock")
      yield* Fiber.interrupt(waiting)
    })
  )

  law("a part of a stream's send is taken, and its count told", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      const taken = yield* fill(stream)
      let received = 0
      while (received < taken) received += (yield* peer.receive).length
      assert.strictEqual(received, taken)
      // and no more than that: what follows is next
      assert.strictEqual(yield* stream.trySend(bytes(5)), 1)
      assert.deepStrictEqual([...(yield* peer.receive)], [5])
    })
  )

  law("of messages", () =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback)
      const other = yield* bind()
      assert.strictEqual(yield* tag(socket.tryReceive), "WouldBlock")
      const peeking = yield* start(socket.peek)
      yield* other.send(bytes(1), socket.address)
      assert.deepStrictEqual([...(yield* Fiber.join(peeking)).payload], [1])
      assert.deepStrictEqual([...(yield* socket.tryReceive).payload], [1])
      assert.strictEqual(yield* tag(socket.tryReceive), "WouldBlock")
      assert.strictEqual(yield* socket.trySend(bytes(2, 3), other.address), 2)
    })
  )
})

describe("timeouts of the kernel's", () => {
  law("SO_RCVTIMEO poisons the socket, and only closing it is left", ({ recorder }) =>
    Effect.gen(function* () {
      const { stream } = yield* connected({ receiveTimeout: 60 })
      const first = yield* start(stream.receive(1))
      const second = yield* start(stream.receive(1))
      assert.strictEqual(yield* tag(Fiber.join(first)), "TimedOut")
      assert.strictEqual(yield* tag(Fiber.join(second)), "SocketPoisoned")
      recorder.clear()
      const refused = yield* reason(stream.send(utf8("x")))
      if (refused._tag !== "SocketPoisoned") return assert.fail(refused.meaning)
      assert.strictEqual(refused.by, "receiveTimeout")
      assert.strictEqual(yield* tag(stream.tryReceive(1)), "SocketPoisoned")
      assert.strictEqual(yield* tag(stream.peek(1)), "SocketPoisoned")
      assert.strictEqual(recorder.calls.filter(({ name }) => name.startsWith("WSA")).length, 0)
    })
  )

  law("SO_SNDTIMEO too", () =>
    Effect.gen(function* () {
      const { stream } = yield* connected({ sendTimeout: 60 })
      yield* fill(stream)
      assert.strictEqual(yield* tag(stream.send(new Uint8Array(1 << 22))), "TimedOut")
      const refused = yield* reason(stream.receive(1))
      assert.strictEqual(refused._tag === "SocketPoisoned" && refused.by, "sendTimeout")
    })
  )

  law("of messages", () =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback, { receiveTimeout: "60 millis" })
      assert.strictEqual(yield* tag(socket.receiveMessage), "TimedOut")
      assert.strictEqual(yield* tag(socket.receiveMessage), "SocketPoisoned")
    })
  )
})

describe("interruption", () => {
  law("cancels the call until it has returned, and the socket goes on", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      const fiber = yield* start(stream.receive(10))
      yield* turns(3)
      yield* Fiber.interrupt(fiber)
      const [call] = recorder.of("WSARecv", ({ origin }) => origin === "offThread")
      assert.strictEqual(call.result, -1)
      assert.isAbove((yield* statistics).cancels, 0)
      yield* peer.send(utf8("later"))
      assert.strictEqual(text(yield* stream.receive(10)), "later")
    })
  )

  law("before its thread has come to it", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      for (let n = 0; n < 10; n++) {
        const fiber = yield* start(stream.receive(10))
        yield* turns(n % 3)
        yield* Fiber.interrupt(fiber)
      }
      yield* peer.send(utf8("later"))
      assert.strictEqual(text(yield* stream.receive(10)), "later")
    })
  )

  law("in line makes no call, and two calls block at most", ({ recorder }) =>
    Effect.gen(function* () {
      const sockets = yield* Effect.forEach([1, 2, 3], () => BlockingSocket.bind(loopback))
      const fibers = yield* Effect.forEach(sockets, (socket) => start(socket.receiveMessage))
      yield* turns(5)
      const away = () => recorder.count("WSARecvMsg", ({ origin }) => origin === "offThread")
      assert.strictEqual(away(), 2)
      yield* Fiber.interrupt(fibers[2])
      assert.strictEqual(away(), 2)
      const third = yield* start(sockets[2].receiveMessage)
      yield* Fiber.interrupt(fibers[0])
      yield* turns(3)
      assert.strictEqual(away(), 3)
      const sender = yield* bind()
      yield* sender.send(bytes(7), sockets[2].address)
      assert.deepStrictEqual([...(yield* Fiber.join(third)).payload], [7])
      yield* Fiber.interrupt(fibers[1])
    })
  )

  law("of a send breaks the stream for sending, and for nothing else", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* connected()
      const sending = yield* start(stream.send(new Uint8Array(1 << 25)))
      const behind = yield* start(stream.send(utf8("behind")))
      yield* Effect.sleep(50)
      yield* Fiber.interrupt(sending)
      assert.strictEqual(yield* tag(Fiber.join(behind)), "StreamBroken")
      assert.strictEqual(yield* tag(stream.trySend(utf8("x"))), "StreamBroken")
      yield* peer.send(utf8("still"))
      assert.strictEqual(text(yield* stream.receive(10)), "still")
    })
  )

  law("of a receive has another fiber's made again", () =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback)
      const sender = yield* bind()
      const first = yield* start(socket.receiveMessage)
      const second = yield* start(socket.receiveMessage)
      yield* turns(3)
      yield* Fiber.interrupt(first)
      yield* sender.send(bytes(5), socket.address)
      assert.deepStrictEqual([...(yield* Fiber.join(second)).payload], [5])
    })
  )

  for (const steps of [2048, 20, 3]) {
    law(`at every point loses no message, with a yield after ${steps} steps`, () =>
      Effect.gen(function* () {
        const next = random(steps)
        const socket = yield* BlockingSocket.bind(loopback)
        const sender = yield* bind()
        const got: Array<number> = []
        const receive = Effect.provideService(
          Effect.map(socket.receiveMessage, ({ payload }) => payload[0]),
          Scheduler.MaxOpsBeforeYield,
          steps
        )
        for (let n = 0; n < 60; n++) {
          const fiber = yield* start(receive)
          yield* turns(next(4))
          yield* sender.send(bytes(n), socket.address)
          yield* turns(next(4))
          yield* Fiber.interrupt(fiber)
          const exit = yield* Fiber.await(fiber)
          if (exit._tag === "Success") got.push(exit.value)
        }
        while (got.length < 60) got.push((yield* socket.receiveMessage).payload[0])
        assert.deepStrictEqual(
          got,
          Array.from({ length: 60 }, (_, n) => n)
        )
      })
    )
  }

  law("closing ends all that blocks, and later calls are refused", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback)
      const { close, value: stream } = yield* inScope(BlockingSocket.connect(server.address))
      const receiving = yield* start(stream.receive(1))
      const more = yield* start(stream.receive(1))
      yield* turns(3)
      yield* close
      assert.strictEqual(yield* tag(Fiber.join(receiving)), "OperationAborted")
      assert.strictEqual(yield* tag(Fiber.join(more)), "OperationAborted")
      assert.strictEqual(yield* tag(stream.receive(1)), "SocketClosed")
      assert.strictEqual(yield* tag(stream.send(pattern(3))), "SocketClosed")
      assert.strictEqual((yield* statistics).waiters, 0)
    })
  )

  law("releasing the layer does not wait for a call that blocks", ({ release }) =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback)
      const udp = yield* UdpSocket.bind(loopback)
      const fiber = yield* start(socket.receiveMessage)
      yield* turns(2)
      yield* release
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
      assert.strictEqual(yield* tag(udp.receive), "SocketClosed")
    })
  )

  law(
    "a call that never returns is given up",
    ({ gate, release, statistics }) =>
      Effect.gen(function* () {
        assert.isDefined(gate)
        const socket = yield* BlockingSocket.bind(loopback)
        const fiber = yield* start(socket.receiveMessage)
        yield* turns(3)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* statistics).leaked, 1)
        assert.strictEqual(yield* tag(socket.receiveMessage), "SocketClosed")
        yield* release
      }),
    {
      cancelGrace: 40,
      leaked: 1,
      decorate: (seam) => ({
        ...seam,
        // its thread never comes to it
        offThread: (name, args, done, address) => {
          if (name !== "WSARecvMsg") seam.offThread(name, args, done, address)
        }
      })
    }
  )
})
