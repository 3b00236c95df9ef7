import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import { TcpSocket as Tcp } from "@effect-winsock/core"
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import {
  assertReset,
  assertStretch,
  internalOf,
  pair as pairWith,
  stretch,
  transport,
  until
} from "../../support/peer.ts"
import type { PairOptions } from "../../support/peer.ts"
import { ledger } from "../../support/hostile.ts"
import type { Rig } from "../../support/rig.ts"
import { interruptSoon, law as lawByPort, lawInEachMode as law, layerName, loopback, start } from "../../support/rig.ts"
import { listen } from "../../support/tcp.ts"
import { bytes, reason, tag } from "../../support/udp.ts"

const long = 8 * 1024 * 1024
const small = { sendBuffer: 8192, peerBuffer: 8192 } as const

/** A connection, and what closes it while its peer lives on. */
const pair = Effect.fnUntraced(function* (rig: Rig, options?: PairOptions) {
  const { peer, socket } = yield* pairWith(rig, options)
  return { peer, socket, close: closeOf(socket) }
})

const closeOf = (socket: TcpSocket) =>
  Effect.callback<void>((resume) => internalOf(socket).close(() => resume(Effect.void)))

const inKernel = ({ recorder }: Rig) => recorder.count("WSASend", (call) => call.args.lpOverlapped !== 0) > 0

describe("L5: closing a stream", () => {
  law("what is in line gets its time, and the end comes to the peer after all of it", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { ...small, closeTimeout: "1 minute" })
      const first = yield* start(socket.send(stretch(0, long)))
      const second = yield* start(socket.send(stretch(long, 10)))
      yield* until("a send is in the kernel", () => inKernel(rig))
      const closing = yield* start(close)
      // nothing comes to it any more
      assert.strictEqual(yield* tag(socket.send(bytes(1))), "SocketClosed")
      assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([got.length, end], [long + 10, "fin"])
      assertStretch(got, 0)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      yield* Fiber.join(closing)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
      assert.strictEqual(rig.recorder.count("shutdown"), 1)
    })
  )

  law("and no more: then it is cancelled, and the connection is reset", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { ...small, closeTimeout: "20 millis" })
      const sending = yield* start(reason(socket.send(stretch(0, long))))
      yield* until("a send is in the kernel", () => inKernel(rig))
      yield* close
      assert.strictEqual((yield* Fiber.join(sending))._tag, "OperationAborted")
      const { bytes: got, end } = yield* peer.readAll
      assertReset(rig, end)
      assertStretch(got, 0)
    })
  )

  law("with nothing under way it ends this side, and waits for nothing", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig)
      yield* socket.send(bytes(1, 2, 3))
      yield* close
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([[...got], end], [[1, 2, 3], "fin"])
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
    })
  )

  law("those who wait fail with OperationAborted, in one cancel call; the next with SocketClosed", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig)
      const fibers = [
        yield* start(reason(socket.receive)),
        yield* start(reason(socket.receiveExactly(3))),
        yield* start(reason(socket.receiveUntil("x")))
      ]
      yield* close
      for (const fiber of fibers) {
        const ended = yield* Fiber.join(fiber)
        assert.deepStrictEqual([ended._tag, ended.operation], ["OperationAborted", "WSARecv"])
      }
      assert.deepStrictEqual(
        rig.recorder.of("CancelIoEx").map(({ args }) => args.lpOverlapped),
        [0]
      )
      assert.strictEqual((yield* rig.statistics).waiters, 0)
      rig.recorder.clear()
      const late: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        socket.receive,
        socket.pull,
        socket.receiveExactly(1),
        socket.receiveExactly(0),
        socket.receiveUntil("x"),
        socket.receiveUrgent,
        socket.atUrgentMark,
        socket.send(bytes(1)),
        socket.send(bytes(1), { urgent: true }),
        socket.transmitFile("x"),
        socket.shutdown("send"),
        socket.shutdown("receive"),
        socket.sendDisconnect,
        socket.disconnect({ reuse: true }),
        socket.reconnect(loopback),
        socket.setNoDelay(true),
        socket.setKeepAlive(true),
        socket.info
      ]
      for (const effect of late) assert.strictEqual(yield* tag(effect), "SocketClosed")
      yield* socket.abort
      yield* close
      assert.deepStrictEqual(
        rig.recorder.calls.filter(({ name }) => name !== "GetQueuedCompletionStatusEx" && !name.startsWith("Post")),
        [],
        "no call is made on a SOCKET that is closed"
      )
      yield* peer.readAll
    })
  )

  law("the SOCKET is closed when the kernel has given everything back, not before", (rig) =>
    Effect.gen(function* () {
      const { close, socket } = yield* pair(rig)
      const fiber = yield* start(reason(socket.receive))
      rig.gate.close()
      const closing = yield* start(close)
      const second = yield* start(close)
      yield* rig.gate.awaitHeld(1)
      yield* interruptSoon(second)
      assert.isUndefined(closing.pollUnsafe())
      assert.strictEqual(rig.recorder.count("closesocket"), 0)
      rig.gate.open()
      yield* Fiber.join(closing)
      yield* Fiber.await(second)
      assert.strictEqual(rig.recorder.count("closesocket"), 1)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "OperationAborted")
      assert.strictEqual((yield* rig.statistics).handles.sockets, 0)
    })
  )

  law("abort resets at once, whatever waits in either direction", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { ...small, closeTimeout: "1 minute", linger: "1 minute" })
      const sending = yield* start(reason(socket.send(stretch(0, long))))
      const waiting = yield* start(reason(socket.send(bytes(1))))
      const receiving = yield* start(reason(socket.receive))
      yield* until("a send is in the kernel", () => inKernel(rig))
      yield* socket.abort
      for (const fiber of [sending, waiting, receiving]) {
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "OperationAborted")
      }
      assert.strictEqual(rig.recorder.count("shutdown"), 0)
      assertReset(rig, (yield* peer.readAll).end)
      assert.strictEqual(yield* tag(socket.send(bytes(1))), "SocketClosed")
      yield* socket.abort
    })
  )

  law("abort while it is being closed ends the closing", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { ...small, closeTimeout: "1 hour" })
      const sending = yield* start(reason(socket.send(stretch(0, long))))
      yield* until("a send is in the kernel", () => inKernel(rig))
      const closing = yield* start(close)
      yield* socket.abort
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(sending))._tag, "OperationAborted")
      assertReset(rig, (yield* peer.readAll).end)
    })
  )

  law("linger: the peer's end is waited for, and what comes until then is dropped", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { linger: "1 minute", chunkSize: 1000 })
      yield* socket.send(bytes(1))
      const closing = yield* start(close)
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([[...got], end], [[1], "fin"])
      yield* peer.send(stretch(0, 100_000))
      assert.isUndefined(closing.pollUnsafe())
      assert.strictEqual(rig.recorder.count("closesocket"), 0)
      yield* peer.fin
      yield* Fiber.join(closing)
      assert.strictEqual(rig.recorder.count("setsockopt"), 0, "it is not reset")
    })
  )

  law("linger: a peer that does not end is reset", (rig) =>
    Effect.gen(function* () {
      const { close, peer } = yield* pair(rig, { linger: "20 millis" })
      yield* close
      assert.isTrue(rig.recorder.count("shutdown") === 1 && rig.recorder.count("setsockopt") === 1)
      yield* until("the peer is told", () => {
        const some = peer.readSome(1)
        return some === "reset" || some === "fin"
      })
    })
  )

  law("linger: a peer that has ended before is not waited for", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { linger: "1 hour" })
      yield* peer.fin
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
      yield* close
      assert.strictEqual((yield* peer.readAll).end, "fin")
    })
  )

  law("a connection that the peer has reset is closed without more ado", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { linger: "1 hour", closeTimeout: "1 hour" })
      const fiber = yield* start(reason(socket.receive))
      yield* peer.reset
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ConnectionReset")
      rig.recorder.clear()
      yield* close
      assert.strictEqual(rig.recorder.count("shutdown"), 0)
    })
  )

  law("a fiber that is served closes the stream: those behind it are told so, and nothing is read any more", (rig) =>
    Effect.gen(function* () {
      const { close, peer, socket } = yield* pair(rig, { chunkSize: 1 })
      const closer = yield* start(Effect.andThen(socket.receive, socket.abort))
      const behind = yield* start(reason(socket.receive))
      // of AF_UNIX there is no urgent data
      const beside: Effect.Effect<unknown, unknown> =
        transport.family === AF_UNIX ? socket.receiveExactly(9) : socket.receiveUrgent
      const other = yield* start(reason(beside))
      yield* peer.send(bytes(1, 2))
      yield* Fiber.join(closer)
      assert.strictEqual((yield* Fiber.join(behind))._tag, "OperationAborted")
      assert.strictEqual((yield* Fiber.join(other))._tag, "OperationAborted")
      assert.deepStrictEqual(
        rig.recorder.of("WSARecv").filter(({ args }) => (args.s as number) === -1),
        []
      )
      yield* close
    })
  )

  law("the layer is released with everything pending", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { ...small, closeTimeout: "10 millis" })
      const fibers: Array<Fiber.Fiber<Exit.Exit<unknown, unknown>>> = [
        yield* start(Effect.exit(socket.send(stretch(0, long)))),
        yield* start(Effect.exit(socket.send(bytes(1)))),
        yield* start(Effect.exit(socket.transmitFile("nowhere"))),
        yield* start(Effect.exit(socket.receiveExactly(10))),
        yield* start(Effect.exit(socket.receive)),
        yield* start(Effect.exit(socket.shutdown("send")))
      ]
      yield* until("a send is in the kernel", () => inKernel(rig))
      yield* rig.release
      for (const fiber of fibers) {
        assert.strictEqual(yield* tag(yield* Fiber.join(fiber)), "OperationAborted")
      }
      assertReset(rig, (yield* peer.readAll).end)
    })
  )

  law("the layer is released while a connect is under way", (rig) =>
    Effect.gen(function* () {
      const server = yield* Effect.provideService(listen({ acceptAhead: 1 }), Scope.Scope, yield* Scope.make())
      rig.gate.close()
      const fiber = yield* start(Effect.exit(Effect.scoped(Tcp.connect(server.address))))
      yield* rig.gate.awaitHeld(1)
      const releasing = yield* start(rig.release)
      for (let i = 0; i < 4; i++) yield* Effect.yieldNow
      rig.gate.open()
      yield* Fiber.join(releasing)
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* rig.statistics).handles.sockets, 0)
    })
  )
})

describe('L5: cancel: "close"', () => {
  law(
    "an interruption closes the stream, abortively; who else waits fails, and no single operation is cancelled",
    (rig) =>
      Effect.gen(function* () {
        const { close, peer, socket } = yield* pair(rig, { ...small, cancel: "close" })
        const sending = yield* start(reason(socket.send(stretch(0, long))))
        const waiting = yield* start(reason(socket.send(bytes(1))))
        yield* until("a send is in the kernel", () => inKernel(rig))
        const receiving = yield* start(socket.receive)
        yield* Fiber.interrupt(receiving)
        assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
        for (const fiber of [sending, waiting]) assert.strictEqual((yield* Fiber.join(fiber))._tag, "OperationAborted")
        assert.strictEqual(yield* tag(socket.send(bytes(1))), "SocketClosed")
        assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
        assertReset(rig, (yield* peer.readAll).end)
        yield* close
        assert.deepStrictEqual(
          rig.recorder.of("WSASend").filter(({ args }) => (args.s as number) === -1),
          []
        )
      })
  )

  law("closing does not wait for a cancel that such a provider does not have", (rig) =>
    Effect.gen(function* () {
      rig.failing.add({ call: "CancelIoEx", code: 1 })
      const { close, socket } = yield* pair(rig, { cancel: "close" })
      const fiber = yield* start(reason(socket.receive))
      const begun = performance.now()
      yield* socket.shutdown("receive")
      yield* Fiber.join(fiber)
      yield* close
      assert.isBelow(performance.now() - begun, 4000)
    })
  )
})

describe("L6: a cancel that never completes", () => {
  // the status of an operation by event is seen once its socket is closed, whatever is held back
  for (const mode of ["port", "routine"] as const) {
    const book = ledger()
    law(
      "is reported, its memory left to the kernel, and the release goes on",
      (rig) =>
        Effect.gen(function* () {
          const { socket } = yield* pair(rig, { ...small, closeTimeout: "1 hour" })
          const receiving = yield* start(socket.receive)
          const sending = yield* start(socket.send(stretch(0, long)))
          yield* until("a send is in the kernel", () => inKernel(rig))
          rig.gate.close()
          const interruptions = [yield* start(Fiber.interrupt(receiving)), yield* start(Fiber.interrupt(sending))]
          for (const one of interruptions) yield* Fiber.join(one)
          assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(receiving)))
          assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
          const { handles, leaked, pending, slots } = yield* rig.statistics
          assert.deepStrictEqual([handles.sockets, leaked, pending, slots.used], [0, 2, 0, 0])
          yield* rig.release
          rig.gate.open()
          yield* Effect.addFinalizer(() =>
            // the records of the operations, the bytes of the send, and the peer's memory, which is its own
            Effect.sync(() => assert.strictEqual(book.held.blocks, 3))
          )
        }),
      { cancelGrace: "80 millis", leaked: 2, decorate: book.decorate, modes: [mode] }
    )
  }

  law(
    "one that is refused closes the socket, and completes then",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig)
        rig.failing.add({ call: "CancelIoEx", code: 1 })
        const receiving = yield* start(socket.receive)
        const behind = yield* start(reason(socket.receive))
        yield* Fiber.interrupt(behind)
        yield* Fiber.interrupt(receiving)
        assert.strictEqual(yield* tag(socket.send(bytes(1))), "SocketClosed")
        assertReset(rig, (yield* peer.readAll).end)
        assert.strictEqual((yield* rig.statistics).handles.sockets, 0)
      }),
    { cancelGrace: "80 millis" }
  )
})

describe("L4, L10: the port is gone", () => {
  lawByPort(
    "all that wait are told so, later ones too, and the release ends",
    (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig, small)
        const fibers = [
          yield* start(reason(socket.receive)),
          yield* start(reason(socket.receiveExactly(2))),
          yield* start(reason(socket.send(stretch(0, long)))),
          yield* start(reason(socket.send(bytes(1)))),
          yield* start(reason(socket.shutdown("send")))
        ]
        yield* until("a send is in the kernel", () => inKernel(rig))
        rig.failing.add({ call: "GetQueuedCompletionStatusEx", code: 6 })
        for (const fiber of fibers) {
          const { _tag, operation } = yield* Fiber.join(fiber)
          assert.deepStrictEqual([_tag, operation], ["InvalidHandle", "GetQueuedCompletionStatusEx"])
        }
        for (const late of [socket.receive, socket.send(bytes(1)), socket.receiveUrgent]) {
          assert.strictEqual(yield* tag<unknown, unknown, never>(late), "InvalidHandle")
        }
        yield* rig.release
      }),
    { cancelGrace: "80 millis", leaked: 2 }
  )
})

describe("L5: half-closes", () => {
  law('shutdown("send") comes in its turn, and the peer may still send', (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const sending = yield* start(socket.send(stretch(0, 1_000_000)))
      const ending = yield* start(socket.shutdown("send"))
      const late = yield* start(reason(socket.send(bytes(1))))
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([got.length, end], [1_000_000, "fin"])
      yield* Fiber.join(sending)
      yield* Fiber.join(ending)
      assert.strictEqual((yield* Fiber.join(late))._tag, "Shutdown")
      assert.strictEqual(yield* tag(socket.send(bytes(1))), "Shutdown")
      yield* peer.send(bytes(7))
      assert.deepStrictEqual([...(yield* socket.receive)], [7])
      yield* peer.fin
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
    })
  )

  law('shutdown("receive") ends those who wait, and what had come is dropped', (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const exactly = yield* start(reason(socket.receiveExactly(10)))
      yield* peer.send(bytes(1, 2))
      yield* until("two bytes are read", () => internalOf(socket).receives.bytes.length === 2)
      yield* socket.shutdown("receive")
      assert.strictEqual((yield* Fiber.join(exactly))._tag, "Shutdown")
      assert.strictEqual(yield* tag(socket.receive), "Shutdown")
      yield* socket.send(bytes(3))
      assert.deepStrictEqual([...(yield* peer.read(1))], [3])
    })
  )

  law("the end of the stream is told again and again, and is none of an exact length", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      yield* peer.send(bytes(1, 2, 3))
      yield* peer.fin
      const short = yield* reason(socket.receiveExactly(4))
      assert.strictEqual(short._tag, "EndOfStream")
      assert.deepStrictEqual([...(yield* socket.receive)], [1, 2, 3])
      for (let i = 0; i < 2; i++) {
        assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(socket.pull)))
      }
      assert.strictEqual((yield* socket.receiveExactly(0)).length, 0)
      yield* socket.send(bytes(4))
      assert.deepStrictEqual([...(yield* peer.read(1))], [4])
    })
  )

  for (const way of ["sendDisconnect", "disconnect"] as const) {
    law(`${way} ends this side, in its turn`, (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig, small)
        const sending = yield* start(socket.send(stretch(0, 500_000)))
        const ending = yield* start(way === "disconnect" ? socket.disconnect() : socket.sendDisconnect)
        const { bytes: got, end } = yield* peer.readAll
        assert.deepStrictEqual([got.length, end], [500_000, "fin"])
        yield* peer.fin
        yield* Fiber.join(sending)
        yield* Fiber.join(ending)
        assert.strictEqual(yield* tag(socket.send(bytes(1))), "Shutdown")
        const { disconnect } = (yield* rig.statistics).operations
        assert.strictEqual(disconnect.submitted, way === "disconnect" ? 1 : 0)
      })
    )
  }

  law("a connection is made again of a socket that was disconnected for reuse", (rig) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const other = yield* listen()
      const socket = yield* Tcp.connect(server.address)
      const first = yield* server.accept
      // a byte of urgent data that nobody takes
      const urgent = yield* start(socket.receiveUrgent)
      yield* until("it is posted", () => internalOf(socket).pending.length === 1)
      rig.gate.close()
      yield* first.send(bytes(9), { urgent: true })
      yield* rig.gate.awaitHeld(1)
      yield* interruptSoon(urgent)
      rig.gate.open()
      yield* Fiber.await(urgent)
      assert.strictEqual(yield* tag(socket.reconnect(other.address)), "AlreadyConnected")
      // who ends first would have to wait for the end of TIME_WAIT
      yield* first.shutdown("send")
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
      yield* socket.disconnect({ reuse: true })
      assert.strictEqual(yield* tag(first.receive), "EndOfStream")
      const again = yield* Effect.exit(socket.reconnect(other.address, { firstBytes: bytes(1, 2) }))
      // Wine says that a socket can be used again, and refuses
      if (layerName === "native" && Exit.isFailure(again)) {
        assert.strictEqual(yield* tag(again), "AlreadyConnected")
        return
      }
      yield* again
      const second = yield* other.accept
      assert.strictEqual(socket.remoteAddress.port, other.address.port)
      assert.deepStrictEqual([...(yield* second.receiveExactly(2))], [1, 2])
      yield* second.send(bytes(3))
      assert.deepStrictEqual([...(yield* socket.receive)], [3])
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(socket.receiveUrgent, "5 millis")))
    })
  )
})
