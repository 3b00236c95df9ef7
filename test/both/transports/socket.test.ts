/** What a program expects of a Socket, whoever made it: here over TCP. */
import { TcpSocket } from "@effect-winsock/core"
import { TCP_NODELAY } from "@effect-winsock/schema/Options"
import { WSAENETUNREACH } from "@effect-winsock/schema/WsaError"
import { WinsockSocket } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { assertStretch, stretch } from "../../support/peer.ts"
import { interruptSoon, layerName, law, random, start } from "../../support/rig.ts"
import { inScope, isReset, nowhere, settledAt, utf8 } from "../../support/tcp.ts"
import { bytes, tag } from "../../support/udp.ts"
import {
  both,
  causeOf,
  connected,
  dial,
  echo,
  host,
  portOf,
  pullAll,
  pullBytes,
  roundTrip,
  serving,
  text,
  why
} from "../../support/transports.ts"

const channelOf = (port: number) => WinsockSocket.makeNetChannel({ host, port })

/** All that comes of what goes in, to a clean close. */
const through = (input: Stream.Stream<Uint8Array>, port: number) =>
  input.pipe(
    Stream.pipeThroughChannel(channelOf(port)),
    Stream.catchIf(
      (error) => error.reason._tag === "SocketCloseError",
      () => Stream.empty
    ),
    Stream.decodeText(),
    Stream.mkString
  )

describe("Socket: opening", () => {
  law("as a channel, as a stream, and through readers of bytes and of text", () =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const input = Stream.make("Hello", "World").pipe(Stream.encodeText)
      assert.strictEqual(yield* through(input, portOf(server)), "HelloWorld")
      const socket = yield* WinsockSocket.makeNet({ port: portOf(server), host })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* socket.writer
          const pull = yield* Socket.readerString(socket)
          // the two halves of a character
          yield* writer.writeAll([bytes(0xc3), bytes(0xa9, 0x21)])
          let heard = ""
          while (heard.length < 2) heard += (yield* pull).join("")
          assert.strictEqual(heard, "é!")
        })
      )
    })
  )

  law("by name, by address, by the first that answers, from a local address", () =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const port = portOf(server)
      const address = server.address as TcpSocket.TcpSocket["localAddress"]
      const dead = yield* nowhere
      yield* roundTrip(yield* WinsockSocket.make(address))
      yield* roundTrip(yield* WinsockSocket.make([dead, address], { attemptDelay: "10 millis" }))
      yield* roundTrip(yield* WinsockSocket.make({ host: address.address, port }))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host, port, localAddress: host, family: 4 }))
    })
  )

  law("from a port of its own, without an address, to an address or a name", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const { port } = server.address
      for (const to of [host, "localhost"]) {
        const free = (yield* nowhere).port
        const dialled = yield* WinsockSocket.makeNet({ host: to, port, localPort: free })
        const accepting = yield* Effect.forkChild(server.accept, { startImmediately: true })
        yield* dialled.reader
        assert.strictEqual((yield* Fiber.join(accepting)).remoteAddress.port, free)
      }
    })
  )

  law("a local address, a port or a family that is none is named", () =>
    Effect.gen(function* () {
      const odd = { localAddress: "here", localPort: 70_000, family: 5 }
      for (const [option, value] of Object.entries(odd)) {
        const socket = yield* WinsockSocket.makeNet({ host, port: 9, [option]: value })
        const { reason } = yield* Effect.flip(Effect.scoped(socket.reader))
        assert.include(String((reason as Socket.SocketOpenError).cause), `${option} is `)
      }
    })
  )

  law("a refusal is an open error, with what Winsock said for its cause", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* WinsockSocket.make(yield* nowhere)
      const error = yield* Effect.flip(Effect.scoped(socket.reader))
      assert.strictEqual(yield* why(Effect.scoped(socket.reader)), "SocketOpenError Unknown")
      assert.strictEqual(causeOf(error), "ConnectionRefused")
      assert.strictEqual((yield* statistics).handles.sockets, 0)
    })
  )

  law("an option out of range is an open error, and so is an error that opening fails with itself", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* WinsockSocket.makeNet({ port: 1, host, chunkSize: Infinity })
      assert.strictEqual(causeOf(yield* Effect.flip(Effect.scoped(socket.reader))), "InvalidArgument")
      const own = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 4000 }) })
      const failing = yield* WinsockSocket.fromConnection(Effect.fail(own))
      assert.strictEqual(yield* Effect.flip(Effect.scoped(failing.reader)), own)
      assert.strictEqual(recorder.count("ConnectEx"), 0)
    })
  )

  law("an open timeout of zero gives no time", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const socket = yield* WinsockSocket.makeNet({ port: portOf(server), host, openTimeout: 0 })
      assert.strictEqual(yield* why(Effect.scoped(socket.reader)), "SocketOpenError Timeout")
      const never = yield* WinsockSocket.fromConnection(Effect.never, { openTimeout: 0 })
      assert.strictEqual(yield* why(Effect.scoped(never.reader)), "SocketOpenError Timeout")
      assert.strictEqual(recorder.count("ConnectEx"), 0)
    })
  )

  law("an open timeout leaves no socket behind, though the connect has ended well", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      // with the one that the next connection will have
      yield* settledAt(statistics, 4)
      gate.close()
      const socket = yield* WinsockSocket.make(server.address, { openTimeout: "1 minute" })
      const opening = yield* Effect.gen(function* () {
        const opening = yield* Effect.forkScoped(why(Effect.scoped(socket.reader)), { startImmediately: true })
        yield* gate.awaitHeld(1)
        yield* TestClock.adjust("1 minute")
        return opening
      }).pipe(Effect.provide(TestClock.layer()))
      gate.open()
      assert.strictEqual(yield* Fiber.join(opening), "SocketOpenError Timeout")
      // the other side has accepted it
      const accepted = yield* inScope(server.accept)
      yield* accepted.close
      yield* settledAt(statistics, 4)
    })
  )

  law("opening sees the services of who made the Socket, and those of who reads first", () =>
    Effect.gen(function* () {
      const Made = Context.Service<{ readonly name: string }>("test/Made")
      const Read = Context.Reference<string>("test/Read", { defaultValue: () => "nobody" })
      let seen: ReadonlyArray<string> = []
      const open = Effect.gen(function* () {
        seen = [(yield* Made).name, yield* Read]
        return yield* Effect.fail(new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) }))
      })
      const socket = yield* WinsockSocket.fromConnection(open).pipe(
        Effect.provideService(Made, { name: "maker" }),
        Effect.provideService(Read, "maker")
      )
      yield* why(Effect.scoped(socket.reader).pipe(Effect.provideService(Read, "reader")))
      assert.deepStrictEqual(seen, ["maker", "reader"])
    })
  )

  law("what a connection is told is told to the kernel", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const delays = () => recorder.count("setsockopt", ({ args }) => args.optname === TCP_NODELAY)
      const before = delays()
      yield* roundTrip(yield* WinsockSocket.makeNet({ port: portOf(server), host, noDelay: true, keepAlive: true }))
      assert.strictEqual(delays() - before, 1)
      const ioctls = recorder.count("WSAIoctl")
      const options = { port: portOf(server), host, keepAlive: true, keepAliveInitialDelay: 5000 }
      yield* roundTrip(yield* WinsockSocket.makeNet(options))
      assert.isAbove(recorder.count("WSAIoctl"), ioctls)
    })
  )
})

describe("Socket: pulling", () => {
  law("batches, then a clean close, again and again", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      yield* peer.send(utf8("all of "))
      yield* peer.send(utf8("it"))
      yield* peer.shutdown("send")
      assert.deepStrictEqual(yield* pullAll(pull), { text: "all of it", end: "closed with 1000" })
      const again = yield* Effect.flip(pull)
      assert.strictEqual(yield* Effect.flip(pull), again)
    })
  )

  law("a reset is a read error with Winsock's for its cause, again and again", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      const pulled = yield* start(Effect.flip(pull))
      yield* peer.abort
      const error = yield* Fiber.join(pulled)
      // Wine may give the end of the stream for a reset
      if (layerName === "mock" || error.reason._tag !== "SocketCloseError") {
        assert.deepStrictEqual([error.reason._tag, causeOf(error)], ["SocketReadError", "ConnectionReset"])
      }
      assert.strictEqual(yield* Effect.flip(pull), error)
    })
  )

  law("nothing is read until it is pulled", ({ recorder }) =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected({ sendBuffer: 8192, receiveBuffer: 8192 })
      recorder.clear()
      const size = 400_000
      const sending = yield* start(peer.send(stretch(0, size)))
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      yield* Effect.sleep("20 millis")
      assert.isUndefined(sending.pollUnsafe(), "the sender is held back")
      assert.strictEqual(recorder.count("WSARecv"), 0)
      assertStretch(yield* pullBytes(pull, size), 0)
      yield* Fiber.join(sending)
    })
  )

  law("closing the reader's scope fails a pull that waits, and every later one", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const socket = yield* WinsockSocket.make(server.address)
      const reader = yield* inScope(socket.reader)
      const pulled = yield* start(why(reader.value.pull))
      yield* Effect.yieldNow
      yield* reader.close
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1006")
      assert.strictEqual(yield* why(reader.value.pull), "closed with 1006")
      assert.strictEqual(yield* why(reader.value.upgrade()), "SocketUpgradeError")
    })
  )

  law("it does so though the peer reads nothing of what is being sent", () =>
    Effect.gen(function* () {
      const options = { sendBuffer: 8192, receiveBuffer: 8192, closeTimeout: "300 millis" } as const
      const { server } = yield* connected(options)
      const socket = yield* WinsockSocket.make(server.address, options)
      const scope = yield* inScope(both(socket))
      const { pull, write } = scope.value
      const pulled = yield* start(why(pull))
      const written = yield* start(why(write(stretch(0, 4_000_000))))
      yield* Effect.sleep("20 millis")
      assert.isUndefined(written.pollUnsafe())
      const closing = yield* start(scope.close)
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1006")
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(written), "SocketWriteError")
    })
  )

  law("a connection that is closed under it is an abnormal end", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const tcp = yield* TcpSocket.connect(server.address)
      const socket = yield* WinsockSocket.fromConnection(Effect.succeed(tcp))
      const { pull, write } = yield* both(socket)
      const pulled = yield* start(why(pull))
      yield* Effect.yieldNow
      yield* tcp.close
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1006")
      assert.strictEqual(yield* why(write("x")), "SocketWriteError")
    })
  )

  law("an interrupted pull leaves what came for the next one, in order, to the end", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      const first = yield* start(pull)
      yield* Effect.yieldNow
      // sent, and interrupted before it can be given out: the next one is in line already
      yield* peer.send(utf8("first"))
      yield* interruptSoon(first)
      const next = yield* start(pullBytes(pull, 11))
      yield* peer.send(utf8("second"))
      yield* peer.shutdown("send")
      const given = yield* Fiber.await(first)
      if (Exit.isFailure(given)) assert.strictEqual(text([yield* Fiber.join(next)]), "firstsecond")
      else assert.strictEqual(text(given.value) + text([yield* Fiber.join(next)]), "firstsecond")
      assert.strictEqual(yield* why(pull), "closed with 1000")
    })
  )

  const runs = layerName === "mock" ? 400 : 100
  for (const most of [2048, 20, 3]) {
    law(`${runs} interruptions lose and double nothing, with ${most} steps between yields`, () =>
      Effect.gen(function* () {
        const { peer, pull } = yield* connected({ chunkSize: 512 })
        const chance = random(20_260_702 + most)
        let sent = 0
        let received = 0
        const take = (chunks: ReadonlyArray<Uint8Array | string>): void => {
          for (const chunk of chunks) {
            assertStretch(chunk as Uint8Array, received)
            received += chunk.length
          }
        }
        for (let run = 0; run < runs; run++) {
          // what it is given in the step in which it succeeds is the program's
          const pulling = yield* start(Effect.forever(Effect.map(pull, take)))
          for (let steps = chance(3); steps > 0; steps--) {
            const size = 1 + chance(3000)
            const sending = yield* start(peer.send(stretch(sent, size)))
            sent += size
            if (chance(2) === 0) yield* Effect.yieldNow
            if (chance(3) === 0) yield* interruptSoon(pulling)
            yield* Fiber.join(sending)
          }
          yield* Fiber.interrupt(pulling)
        }
        yield* peer.shutdown("send")
        yield* Effect.flip(Effect.forever(Effect.map(pull, take)))
        assert.strictEqual(received, sent)
      }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, most))
    )
  }
})

describe("Socket: writing", () => {
  law("writes wait for the connection, in order, and for the next one after it", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            heard.push((yield* pullAll(pull)).text)
          })
        )
      )
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const { write, writeAll } = yield* socket.writer
      for (let n = 1; n < 3; n++) {
        const writing = yield* start(Effect.forEach([`a${n}`, `b${n}`, `c${n}`], write))
        const last = yield* start(writeAll([`d${n}`, `e${n}`]))
        yield* Effect.yieldNow
        assert.isUndefined(writing.pollUnsafe())
        assert.isUndefined(last.pollUnsafe())
        yield* Effect.scoped(Effect.andThen(socket.reader, Fiber.joinAll([writing, last])))
        while (heard.length < n) yield* Effect.sleep("1 millis")
        // each of the two in its own order, and the batch in one piece
        assert.strictEqual(heard[n - 1].replace(`d${n}e${n}`, ""), `a${n}b${n}c${n}`)
      }
    })
  )

  law("2,000 writes that wait for the connection all leave", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const socket = yield* WinsockSocket.make(server.address)
      const { write } = yield* socket.writer
      const writing = yield* start(
        Effect.forEach(stretch(0, 2000), (n) => write(bytes(n)), { concurrency: "unbounded" })
      )
      yield* Effect.yieldNow
      yield* Effect.scoped(
        Effect.andThen(
          socket.reader,
          Effect.gen(function* () {
            const peer = yield* server.accept
            assertStretch(yield* peer.receiveExactly(2000), 0)
            yield* Fiber.join(writing)
          })
        )
      )
    })
  )

  law("a batch is one WSASend", ({ recorder }) =>
    Effect.gen(function* () {
      const { peer, writeAll } = yield* connected()
      recorder.clear()
      yield* writeAll(["a", bytes(0x62), "çd"])
      assert.strictEqual(recorder.count("WSASend"), 1)
      assert.strictEqual(text([yield* peer.receiveExactly(5)]), "abçd")
    })
  )

  law("an interrupted write is sent whole or not at all, and costs the others nothing", ({ recorder }) =>
    Effect.gen(function* () {
      const { peer, pull, write, writeAll } = yield* connected({ sendBuffer: 8192, receiveBuffer: 8192 })
      const size = 2_000_000
      const payload = stretch(0, size)
      const first = yield* start(write(payload))
      while (recorder.count("WSASend", ({ args }) => args.lpOverlapped !== 0) === 0) yield* Effect.yieldNow
      const second = yield* start(write(bytes(255)))
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      payload.fill(9)
      const third = yield* start(writeAll([stretch(size, 5), stretch(size + 5, 5)]))
      assertStretch(yield* peer.receiveExactly(size + 10), 0)
      yield* Fiber.join(third)
      yield* peer.send(utf8("and back"))
      assert.strictEqual(text([yield* pullBytes(pull, 8)]), "and back")
    })
  )

  law("the end of the writer comes behind all that is being written, and reading goes on", () =>
    Effect.gen(function* () {
      const options = { sendBuffer: 8192, receiveBuffer: 8192 }
      const { server } = yield* connected(options)
      const socket = yield* WinsockSocket.make(server.address, options)
      const { pull } = yield* socket.reader
      const peer = yield* server.accept
      const size = 600_000
      const writer = yield* inScope(socket.writer)
      const writes = yield* start(
        Effect.forEach([0, 1, 2], (n) => writer.value.write(stretch((n * size) / 3, size / 3)), {
          concurrency: "unbounded"
        })
      )
      // nobody reads yet: it must not wait for that
      yield* writer.close
      assert.isUndefined(writes.pollUnsafe())
      assertStretch(yield* peer.receiveExactly(size), 0)
      assert.strictEqual(yield* tag(peer.receive), "EndOfStream")
      yield* Fiber.join(writes)
      yield* peer.send(utf8("late"))
      yield* peer.shutdown("send")
      assert.deepStrictEqual(yield* pullAll(pull), { text: "late", end: "closed with 1000" })
    })
  )

  law("the end of no input at all is an end, too", () =>
    Effect.gen(function* () {
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(socket)
            assert.strictEqual(yield* why(pull), "closed with 1000")
            yield* write("Closed")
          })
        )
      )
      assert.strictEqual(yield* through(Stream.empty, portOf(server)), "Closed")
    })
  )

  law("an end does not outlive its connection", () =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const first = yield* inScope(socket.reader)
      yield* Effect.scoped(socket.writer)
      assert.deepStrictEqual(yield* pullAll(first.value.pull), { text: "", end: "closed with 1000" })
      yield* first.close
      yield* roundTrip(socket)
    })
  )

  law("a write that fails says so, with Winsock's error for its cause", ({ failing }) =>
    Effect.gen(function* () {
      const { write } = yield* connected()
      failing.add({ call: "WSASend", code: WSAENETUNREACH, nth: 1 })
      const error = yield* Effect.flip(write("lost"))
      assert.deepStrictEqual([error.reason._tag, causeOf(error)], ["SocketWriteError", "NetworkUnreachable"])
    })
  )
})

describe("Socket: closing", () => {
  law("a close event of 1000 ends it when all has left", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected()
      const pulled = yield* start(why(pull))
      yield* write("the last words")
      yield* write(new Socket.CloseEvent(1000))
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1000")
      assert.strictEqual(text([yield* peer.receiveExactly(14)]), "the last words")
      assert.strictEqual(yield* tag(peer.receive), "EndOfStream")
      assert.strictEqual(yield* why(write("more")), "SocketWriteError")
    })
  )

  law("a close event above 1000 resets it, and pulls tell its code", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected()
      const pulled = yield* start(why(pull))
      yield* write(new Socket.CloseEvent(4001, "enough"))
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 4001")
      yield* isReset(peer)
      const { reason } = yield* Effect.flip(pull)
      assert.strictEqual(reason._tag === "SocketCloseError" ? reason.closeReason : reason._tag, "enough")
    })
  )

  law("the end of the reader's scope is a clean end for the peer, with all that was written", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const socket = yield* WinsockSocket.make(server.address)
      yield* Effect.scoped(Effect.flatMap(both(socket), ({ write }) => write("good bye")))
      const peer = yield* server.accept
      assert.strictEqual(text([yield* peer.receiveExactly(8)]), "good bye")
      assert.strictEqual(yield* tag(peer.receive), "EndOfStream")
    })
  )

  law("two readers have a connection each; writes go to the later one, and wait when it is gone", () =>
    Effect.gen(function* () {
      const { server } = yield* connected()
      const socket = yield* WinsockSocket.make(server.address)
      const { write } = yield* socket.writer
      const one = yield* inScope(socket.reader)
      const first = yield* server.accept
      const two = yield* inScope(socket.reader)
      const second = yield* server.accept
      yield* one.close
      assert.strictEqual(yield* tag(first.receive), "EndOfStream")
      yield* write("second")
      assert.strictEqual(text([yield* second.receiveExactly(6)]), "second")
      yield* two.close
      const waiting = yield* start(write("third"))
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(waiting)
    })
  )

  const runs = layerName === "mock" ? 40 : 25
  law("interrupted anywhere, it leaves nothing", ({ statistics }) =>
    Effect.gen(function* () {
      const listening = yield* Scope.make()
      const server = yield* Scope.provide(serving(echo, { closeTimeout: "20 millis" }), listening)
      const chance = random(77)
      for (let run = 0; run < runs; run++) {
        // what finds no room at the other side is not waited for
        const options = { openTimeout: "5 seconds", closeTimeout: "20 millis" } as const
        const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server), ...options })
        const busy = yield* start(
          Effect.scoped(
            Effect.gen(function* () {
              const { pull, write } = yield* both(socket)
              yield* Effect.forkChild(Effect.forever(write(stretch(0, 1 + chance(100_000)))))
              return yield* Effect.forever(pull)
            })
          )
        )
        for (let turns = chance(30); turns > 0; turns--) yield* Effect.yieldNow
        yield* Fiber.interrupt(busy)
      }
      yield* dial(server)
      yield* Scope.close(listening, Exit.void)
      yield* settledAt(statistics, 1)
      assert.strictEqual((yield* statistics).waiters, 0)
      // a server says what its handlers fail with
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
