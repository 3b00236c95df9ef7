import { NativeBuffer, UnixServer, UnixSocket } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { WSAEINVAL, WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { interruptSoon, layerName, random, start } from "../../support/rig.ts"
import { assertStretch, stretch } from "../../support/peer.ts"
import { inScope, settledAt, text, utf8 } from "../../support/tcp.ts"
import { bytes, reason, tag } from "../../support/udp.ts"
import { lawWhereSupported, pair } from "../../support/unix.ts"

type Needs = Winsock | Scope.Scope

const decode = (chunks: ReadonlyArray<Uint8Array>) => chunks.map(text).join("")

describe("AF_UNIX: connections", () => {
  lawWhereSupported("bytes go both ways, and each side ends by itself", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("both.sock"))
      const { accepted, client } = yield* pair(server)
      yield* client.send([bytes(1, 2), bytes(3)])
      assert.deepStrictEqual([...(yield* accepted.receiveExactly(3))], [1, 2, 3])
      yield* accepted.send(utf8("line\nrest"))
      assert.strictEqual(text(yield* client.receiveUntil("\n")), "line\n")
      yield* client.shutdown("send")
      assert.strictEqual(yield* tag(accepted.receive), "EndOfStream")
      yield* accepted.send(utf8(", and more"))
      yield* accepted.shutdown("send")
      assert.strictEqual(decode([...(yield* Stream.runCollect(client.stream))]), "rest, and more")
      assert.strictEqual(yield* tag(client.send(bytes(1))), "Shutdown")
    })
  )

  lawWhereSupported("the accepted side has the server's path, the other none", (rig) =>
    Effect.gen(function* () {
      const path = NetAddress.unixPathAddress(rig.path("names.sock"))
      const server = yield* UnixServer.listen(path)
      assert.strictEqual(server.address.path, path.path)
      const { accepted, client } = yield* pair(server)
      assert.deepStrictEqual([client.localAddress.path, client.remoteAddress.path], ["", path.path])
      assert.deepStrictEqual([accepted.localAddress.path, accepted.remoteAddress.path], [path.path, ""])
      const [mine, its] = [yield* client.peerProcessId, yield* accepted.peerProcessId]
      assert.isAbove(mine, 0)
      assert.strictEqual(mine, its, "both are this process")
    })
  )

  lawWhereSupported("much goes through, faster than it is read", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("much.sock"))
      const { accepted, client } = yield* pair(server, { sendBuffer: 8192, receiveBuffer: 8192 })
      const size = 1_000_000
      const sending = yield* start(
        Stream.run(Stream.make(stretch(0, size / 2), stretch(size / 2, size / 2)), client.sink)
      )
      assertStretch(yield* accepted.receiveExactly(size), 0)
      yield* Fiber.join(sending)
      const buffer = yield* NativeBuffer.make(8)
      yield* accepted.send(bytes(9, 8))
      assert.strictEqual(yield* client.receiveInto(buffer, 4), 2)
      assert.deepStrictEqual(Array.from(buffer.bytes.subarray(4, 6)), [9, 8])
    })
  )

  lawWhereSupported("several clients are served at once, each in a fiber", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("run.sock"), { acceptAhead: 2 })
      const running = yield* start(server.run((connection) => Stream.run(connection.stream, connection.sink)))
      const answers = yield* Effect.forEach(
        [1, 2, 3, 4, 5],
        (n) =>
          Effect.scoped(
            Effect.gen(function* () {
              const client = yield* UnixSocket.connect(server.address)
              yield* client.send(bytes(n))
              return (yield* client.receiveExactly(1))[0]
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers, [1, 2, 3, 4, 5])
      yield* Fiber.interrupt(running)
    })
  )

  lawWhereSupported("the first bytes of a connection are the first receive's", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("first.sock"), { receiveLength: 4 })
      const client = yield* UnixSocket.connect(server.address)
      yield* client.send(bytes(1, 2, 3, 4, 5))
      const accepted = yield* server.accept
      assert.deepStrictEqual([...(yield* accepted.receiveExactly(5))], [1, 2, 3, 4, 5])
    })
  )

  lawWhereSupported("an interrupted receive loses nothing, and is one cancellation", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("receive.sock"))
      const { accepted, client } = yield* pair(server)
      rig.recorder.clear()
      const fiber = yield* start(accepted.receiveExactly(4))
      yield* client.send(bytes(1, 2))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 1)
      yield* client.send(bytes(3, 4))
      assert.deepStrictEqual([...(yield* accepted.receiveExactly(4))], [1, 2, 3, 4])
    })
  )

  lawWhereSupported("an interrupted send tears the stream, and what follows fails", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("send.sock"))
      const { accepted, client } = yield* pair(server, { sendBuffer: 4096, receiveBuffer: 4096 })
      const fiber = yield* start(client.send(stretch(0, 8_000_000)))
      const next = yield* start(client.send(bytes(1)))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* tag(Fiber.join(next)), "StreamBroken")
      yield* client.abort
      const exit = yield* Effect.exit(Stream.runDrain(accepted.stream))
      assert.isTrue(Exit.isFailure(exit), "the peer must not take it for all there was")
    })
  )

  lawWhereSupported("abort resets the connection", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("abort.sock"))
      const { accepted, client } = yield* pair(server)
      const waiting = yield* start(tag(client.receive))
      yield* client.abort
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
      assert.strictEqual(yield* tag(accepted.receive), "ConnectionReset")
      assert.strictEqual(yield* tag(client.receive), "SocketClosed")
      assert.strictEqual(yield* tag(client.peerProcessId), "SocketClosed")
    })
  )
})

describe("AF_UNIX: whatever the provider answers when", () => {
  for (const seed of [1, 2, 3, 4]) {
    const abi = seed % 2 === 0 ? "ia32" : "x64"
    const chance = "seeded" as const
    const mock = {
      abi,
      seed,
      segmentation: chance,
      readyAnswer: chance,
      cancellation: chance,
      dequeue: chance
    } as const
    lawWhereSupported(
      `every byte arrives once and in order, seed ${seed}`,
      (rig) =>
        Effect.gen(function* () {
          const server = yield* UnixServer.listen(rig.path("seeded.sock"), { receiveLength: seed, chunkSize: 1000 })
          const { accepted, client } = yield* Effect.zipWith(
            UnixSocket.connect(server.address, { sendBuffer: 2048 }).pipe(
              Effect.tap((client) => client.send(stretch(0, seed)))
            ),
            server.accept,
            (client, accepted) => ({ accepted, client }),
            { concurrent: true }
          )
          const size = 60_000
          const below = random(seed)
          const sending = yield* start(client.send(stretch(seed, size - seed)))
          let at = 0
          while (at < size) {
            const length = Math.min(1 + below(5000), size - at)
            const fiber = yield* start(accepted.receiveExactly(length))
            for (let n = below(4); n > 0; n--) yield* Effect.yieldNow
            if (below(2) === 0) yield* interruptSoon(fiber)
            const exit = yield* Fiber.await(fiber)
            if (Exit.isFailure(exit)) continue
            assertStretch(exit.value, at)
            at += length
          }
          yield* Fiber.join(sending)
        }),
      { mock }
    )
  }
})

describe("AF_UNIX: connecting and listening", () => {
  lawWhereSupported("where nobody listens a connect is refused at once, and leaves nothing", (rig) =>
    Effect.gen(function* () {
      const before = (yield* rig.statistics).handles.sockets
      assert.strictEqual(yield* tag(UnixSocket.connect(rig.path("nobody.sock"))), "ConnectionRefused")
      const { close, value } = yield* inScope(UnixServer.listen(rig.path("gone.sock"), { keepFile: true }))
      yield* close
      assert.strictEqual(yield* tag(UnixSocket.connect(value.address)), "ConnectionRefused")
      assert.strictEqual((yield* rig.statistics).handles.sockets, before)
    })
  )

  lawWhereSupported("a file that is there is another's: it is left alone unless it is to be replaced", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("a-file")
      assert.strictEqual(yield* tag(UnixServer.listen(path)), "AddressInUse")
      assert.strictEqual(rig.recorder.count("DeleteFileW"), 0)
      const { close } = yield* inScope(UnixServer.listen(path, { replace: true, keepFile: true }))
      yield* close
      assert.strictEqual(yield* tag(UnixServer.listen(path)), "AddressInUse", "the file of a server that is gone")
      // nothing to replace is no failure
      yield* Effect.scoped(UnixServer.listen(rig.path("new.sock"), { replace: true }))
    })
  )

  lawWhereSupported("a server's own file goes with it", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("own.sock")
      yield* Effect.scoped(UnixServer.listen(path))
      const [deleted, ...more] = rig.recorder.of("DeleteFileW")
      assert.strictEqual(more.length, 0)
      const [closed] = rig.recorder.of("closesocket", (call) => call.sequence > deleted.sequence)
      assert.isDefined(closed, "the file goes first: then nobody else's can be at its path")
      yield* Effect.scoped(UnixServer.listen(path))
    })
  )

  lawWhereSupported("a server that cannot listen takes its file with it", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("listen.sock")
      const heal = rig.failing.add({ call: "listen", code: WSAENOBUFS })
      assert.strictEqual(yield* tag(UnixServer.listen(path)), "NoBufferSpace")
      heal()
      yield* Effect.scoped(UnixServer.listen(path))
    })
  )

  lawWhereSupported("interrupted while its file is being replaced, a server is not opened", (rig) =>
    Effect.gen(function* () {
      const opening = yield* start(Effect.scoped(UnixServer.listen(rig.path("a-file"), { replace: true })))
      yield* Fiber.interrupt(opening)
      assert.strictEqual(rig.recorder.count("DeleteFileW"), 1)
      assert.strictEqual(rig.recorder.count("bind"), 0)
      // the deletion goes on, and its memory is given back when it is over
    })
  )

  lawWhereSupported("a server that outlives its layer leaves its file, and makes no calls", (rig) =>
    Effect.gen(function* () {
      const { close } = yield* inScope(UnixServer.listen(rig.path("layer.sock")))
      yield* rig.release
      rig.recorder.clear()
      yield* close
      assert.strictEqual(rig.recorder.calls.length, 0)
      assert.strictEqual(yield* tag(UnixSocket.isSupported), "SocketClosed")
    })
  )

  lawWhereSupported("what only TCP has means nothing, whatever it is", (rig) =>
    Effect.gen(function* () {
      const tcp = { noDelay: "x", local: 1, reuseAddress: 2, keepAlive: 3 } as object
      const server = yield* UnixServer.listen(rig.path("tcp.sock"), tcp)
      const { accepted, client } = yield* pair(server, tcp)
      yield* client.send(bytes(1))
      assert.deepStrictEqual([...(yield* accepted.receive)], [1])
      assert.strictEqual(
        rig.recorder.count("setsockopt", ({ args }) => args.level !== SOL_SOCKET),
        0
      )
    })
  )

  lawWhereSupported("an interrupted accept loses no connection", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("accept.sock"))
      const waiting = yield* start(Effect.scoped(server.accept))
      yield* Fiber.interrupt(waiting)
      const client = yield* UnixSocket.connect(server.address)
      const accepted = yield* server.accept
      yield* accepted.send(bytes(7))
      assert.deepStrictEqual([...(yield* client.receive)], [7])
    })
  )

  lawWhereSupported("an interrupted connect leaves no socket, whether it was made or not", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("connect.sock"))
      yield* settledAt(rig.statistics, 17)
      rig.gate.close()
      const connecting = yield* start(Effect.scoped(UnixSocket.connect(server.address)))
      yield* interruptSoon(connecting)
      rig.gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(connecting)))
      // what the server got of it is its own
      const left = yield* Effect.timeoutOption(Effect.scoped(Effect.exit(server.accept)), "50 millis")
      assert.isTrue(Option.isNone(left) || Exit.isSuccess(left.value))
    })
  )

  lawWhereSupported("closing a server ends who waits, resets who nobody took, and leaves connections alone", (rig) =>
    Effect.gen(function* () {
      const { close, value: server } = yield* inScope(UnixServer.listen(rig.path("closing.sock")))
      const { accepted, client } = yield* pair(server)
      const other = yield* UnixSocket.connect(server.address)
      const waiting = yield* start(Effect.forEach([1, 2], () => tag(Effect.scoped(server.accept))))
      yield* close
      assert.include(yield* Fiber.join(waiting), "OperationAborted")
      assert.strictEqual(yield* tag(Effect.scoped(server.accept)), "SocketClosed")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(other.receive)))
      yield* client.send(bytes(1))
      assert.deepStrictEqual([...(yield* accepted.receive)], [1])
    })
  )
})

describe("AF_UNIX: what is refused", () => {
  lawWhereSupported("what is no path, before any call", (rig) =>
    Effect.gen(function* () {
      rig.recorder.clear()
      for (const path of ["", "x".repeat(109), "a\0b", "\ud800", 7, null, { path: "x" }]) {
        for (const open of [UnixSocket.connect, UnixServer.listen]) {
          const why = yield* reason(Effect.scoped(Effect.asVoid<unknown, WinsockError, Needs>(open(path as never))))
          assert.deepStrictEqual([why._tag, "option" in why && why.option], ["InvalidArgument", "path"])
        }
      }
      for (const [options, option] of [
        [null, "options"],
        [{ acceptAhead: 0 }, "acceptAhead"],
        [{ replace: 1 }, "replace"],
        [{ keepFile: "no" }, "keepFile"],
        [{ chunkSize: 0 }, "chunkSize"]
      ] as const) {
        const why = yield* reason(Effect.scoped(UnixServer.listen("x.sock", options as never)))
        assert.deepStrictEqual([why._tag, "option" in why && why.option], ["InvalidArgument", option])
      }
      const why = yield* reason(Effect.scoped(UnixSocket.connect("x.sock", { linger: "x" as never })))
      assert.deepStrictEqual([why._tag, "option" in why && why.option], ["InvalidArgument", "linger"])
      assert.strictEqual(rig.recorder.calls.length, 0)
    })
  )

  lawWhereSupported("a provider of streams without ConnectEx or AcceptEx", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("extensions.sock")
      const heal = rig.failing.add({ call: "WSAIoctl", code: WSAEINVAL })
      assert.strictEqual((yield* reason(Effect.scoped(UnixServer.listen(path)))).operation, "WSAIoctl")
      assert.strictEqual((yield* reason(Effect.scoped(UnixSocket.connect(path)))).operation, "WSAIoctl")
      heal()
      yield* Effect.scoped(UnixServer.listen(path))
    })
  )
})

describe(`AF_UNIX: whether there is any (${layerName})`, () => {
  lawWhereSupported("isSupported makes a SOCKET and closes it", (rig) =>
    Effect.gen(function* () {
      rig.recorder.clear()
      assert.isTrue(yield* UnixSocket.isSupported)
      assert.deepStrictEqual([rig.recorder.count("WSASocketW"), rig.recorder.count("closesocket")], [1, 1])
    })
  )
})
