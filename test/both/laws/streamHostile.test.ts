import { NativeBuffer, TcpSocket as Tcp } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core"
import type { Block } from "@effect-winsock/core/Seam"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dequeued } from "../../support/hostile.ts"
import { ledger, scribbler } from "../../support/hostile.ts"
import { assertStretch, internalOf, pair, stretch, until } from "../../support/peer.ts"
import type { Rig } from "../../support/rig.ts"
import { law as lawByPort, lawInEachMode as law, layerName, loopback, start, withRig } from "../../support/rig.ts"
import { listen } from "../../support/tcp.ts"
import { bytes, lacks, reason, refuses, tag } from "../../support/udp.ts"

const urgentReceives = ({ recorder }: Rig) => recorder.count("WSARecv", ({ args }) => args.lpOverlapped !== 0)

const small = { sendBuffer: 8192, peerBuffer: 8192 } as const

describe("L10: what the kernel reports of a stream is not trusted", () => {
  const lies: Record<string, (dequeued: Dequeued) => void> = {
    "a huge byte count": (d) => d.operations.forEach(({ overlapped }) => (overlapped.InternalHigh = 2 ** 32 - 1)),
    "a huge byte count in the packet": (d) => (d.entry(0).dwNumberOfBytesTransferred = 2 ** 32 - 1),
    "more packets than it was given room for": (d) => (d.removed = 2 ** 32 - 1),
    "a packet three times": (d) => {
      const { lpCompletionKey, lpOverlapped } = d.entry(0)
      for (let i = 1; i < 3; i++) {
        d.entry(i).lpCompletionKey = lpCompletionKey
        d.entry(i).lpOverlapped = lpOverlapped
      }
      d.removed = 3
    },
    "packets of nobody's": (d) => {
      const { lpCompletionKey, lpOverlapped } = d.entry(0)
      const others = [lpOverlapped + 8, 0x7fff_0000, 1]
      others.forEach((address, i) => {
        d.entry(i + 1).lpCompletionKey = lpCompletionKey
        d.entry(i + 1).lpOverlapped = address
      })
      d.removed = 4
    }
  }
  const scribbles = scribbler()
  for (const [name, lie] of Object.entries(lies)) {
    lawByPort(
      `${name}, of a receive: the bytes are what they were, and a bystander notices nothing`,
      (rig) =>
        Effect.gen(function* () {
          const { peer, socket } = yield* pair(rig)
          const other = yield* pair(rig)
          const bystander = yield* start(other.socket.receive)
          const liar = yield* start(socket.receiveExactly(3))
          scribbles.once(lie)
          yield* peer.send(bytes(1, 2, 3))
          assert.deepStrictEqual([...(yield* Fiber.join(liar))], [1, 2, 3])
          assert.isFalse(scribbles.pending)
          assert.isUndefined(bystander.pollUnsafe())
          yield* other.peer.send(bytes(4))
          assert.deepStrictEqual([...(yield* Fiber.join(bystander))], [4])
          yield* peer.send(bytes(5))
          assert.deepStrictEqual([...(yield* socket.receive)], [5])
          assert.strictEqual((yield* rig.statistics).pending, 0)
        }),
      { decorate: scribbles.decorate }
    )
  }

  law(
    "a send that claims more than it was given: it is over, and the next one is sent",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig, small)
        const sending = yield* start(socket.send(stretch(0, 1024 * 1024)))
        yield* until("it is in the kernel", () => internalOf(socket).pending.length === 1)
        scribbles.once(lies["a huge byte count"])
        assertStretch(yield* peer.read(1024 * 1024), 0)
        yield* Fiber.join(sending)
        yield* socket.send(bytes(9))
        assert.deepStrictEqual([...(yield* peer.read(1))], [9])
      }),
    { decorate: scribbles.decorate }
  )

  lawByPort("a packet that somebody else posted for an operation that is pending is ignored", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      const { engine, key, pending } = internalOf(socket)
      rig.bare.calls.PostQueuedCompletionStatus(engine.port, 7, key, pending.head!.address)
      const { packets } = (yield* rig.statistics).pump
      yield* until("it is dequeued", () => engine.pump.counters.packets > packets)
      assert.strictEqual((yield* rig.statistics).pending, 1)
      yield* peer.send(bytes(1))
      assert.deepStrictEqual([...(yield* Fiber.join(fiber))], [1])
      assert.strictEqual(
        rig.recorder.count("WSARecv", ({ args }) => args.lpOverlapped !== 0),
        1
      )
    })
  )

  law("a read that claims more than it was given room for", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { chunkSize: 16 })
      const { scratch } = internalOf(socket).receives as unknown as { scratch: Block }
      const fiber = yield* start(Effect.exit(socket.receive))
      const { calls } = internalOf(socket).engine
      const lying = Object.create(calls) as typeof calls
      Object.defineProperty(lying, "WSARecv", {
        value: (...args: Parameters<typeof calls.WSARecv>) => {
          const rc = calls.WSARecv(...args)
          if (rc === 0 && args[5] === 0) scratch.view.setUint32(args[3] - scratch.address, 2 ** 32 - 1, true)
          return rc
        }
      })
      Object.defineProperty(internalOf(socket).engine, "calls", { value: lying, configurable: true })
      yield* peer.send(bytes(1, 2))
      const exit = yield* Fiber.join(fiber)
      Object.defineProperty(internalOf(socket).engine, "calls", { value: calls })
      if (Exit.isFailure(exit)) return assert.fail(String(exit))
      assert.strictEqual(exit.value.length, 16)
    })
  )
})

describe("L10: memory that runs out", () => {
  const nothing = { blocks: 0, sockets: 0, ports: 0, starts: 0 }
  const withLedger = (
    name: string,
    body: (book: ReturnType<typeof ledger>, rig: Rig) => Effect.Effect<void, unknown, Winsock.Winsock | Scope.Scope>
  ): void =>
    it.live(`${name} (${layerName})`, () => {
      const book = ledger()
      return Effect.andThen(
        withRig((rig) => body(book, rig), { decorate: book.decorate }),
        Effect.sync(() => assert.strictEqual(book.held.blocks, nothing.blocks))
      )
    })

  withLedger("for a connection: typed, its SOCKET is closed, and the next is made", (book, rig) =>
    Effect.gen(function* () {
      const server = yield* listen()
      for (let n = 0; ; n++) {
        assert.isBelow(n, 20)
        book.allow(n)
        const sockets = (yield* rig.statistics).handles.sockets
        const exit = yield* Effect.exit(Effect.scoped(Tcp.connect(server.address, { chunkSize: 1000 + n })))
        book.allow(Number.POSITIVE_INFINITY)
        if (Exit.isSuccess(exit)) break
        assert.strictEqual(yield* tag(exit), "OutOfMemory")
        assert.isAtMost((yield* rig.statistics).handles.sockets, sockets + 1)
      }
    })
  )

  withLedger("for sends and receives: who asked is told, and it goes on when there is some", (book, rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      book.allow(0)
      assert.strictEqual(yield* tag(socket.receive), "OutOfMemory")
      assert.strictEqual(yield* tag(socket.receiveUrgent), "OutOfMemory")
      assert.strictEqual(yield* tag(socket.send(new Uint8Array(100_000))), "OutOfMemory")
      assert.strictEqual(yield* tag(socket.transmitFile("some.bin")), "OutOfMemory")
      assert.strictEqual(yield* tag(NativeBuffer.make(10)), "OutOfMemory")
      book.allow(Number.POSITIVE_INFINITY)
      yield* socket.send(bytes(1))
      assert.deepStrictEqual([...(yield* peer.read(1))], [1])
      const blocked = yield* start(socket.send(stretch(0, 3_000_000)))
      yield* until("it is in the kernel", () => internalOf(socket).pending.length === 1)
      book.allow(0)
      // what cannot be copied ahead waits with its payload where it is
      const behind = yield* start(socket.send(bytes(7)))
      yield* until("all is sent", () => {
        peer.readSome(65_536)
        return behind.pollUnsafe() !== undefined
      })
      yield* Fiber.join(blocked)
      yield* Fiber.join(behind)
      book.allow(Number.POSITIVE_INFINITY)
      const receiving = yield* start(socket.receive)
      yield* peer.send(bytes(2))
      assert.deepStrictEqual([...(yield* Fiber.join(receiving))], [2])
    })
  )
})

describe("L10: what a program gives is read before any call", () => {
  const wrong: ReadonlyArray<unknown> = [-1, 1.5, Number.NaN, "1", null, {}]

  lawByPort("arguments of receives", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      const buffer = yield* NativeBuffer.make(10)
      for (const value of [...wrong, 2 ** 30 + 1, undefined]) {
        yield* refuses(socket.receiveExactly(value as number), "length", value)
        if (value !== undefined)
          yield* refuses(socket.receiveUntil("x", { maxLength: value as number }), "maxLength", value)
      }
      yield* refuses(socket.receiveUntil("x", { maxLength: 0 }), "maxLength", 0)
      yield* refuses(socket.receiveUntil("x", null as never), "options", null)
      const empty = new Uint8Array(0)
      for (const value of ["", empty, 5, null, [1], new Uint16Array(2)]) {
        yield* refuses(socket.receiveUntil(value as string), "delimiter", value)
      }
      for (const value of [null, {}, new Uint8Array(4)]) {
        yield* refuses(socket.receiveInto(value as unknown as NativeBuffer.NativeBuffer), "buffer", value)
      }
      for (const value of [...wrong, 10]) yield* refuses(socket.receiveInto(buffer, value as number), "offset", value)
      for (const value of [...wrong, 0, 11])
        yield* refuses(socket.receiveInto(buffer, 0, value as number), "length", value)
      yield* refuses(socket.receiveInto(buffer, 5, 6), "length", 6)
      for (const value of [...wrong, 0, 2 ** 30 + 1]) yield* refuses(NativeBuffer.make(value as number), "size", value)
      assert.strictEqual(rig.recorder.count("WSARecv"), 0)
      // a block of another layer's
      yield* Effect.promise(() =>
        Effect.runPromise(
          withRig((other) =>
            Effect.gen(function* () {
              const foreign = yield* pair(other)
              yield* refuses(foreign.socket.receiveInto(buffer), "buffer", buffer)
            })
          )
        )
      )
    })
  )

  lawByPort("arguments of sends, ends and settings", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      // oxlint-disable-next-line no-sparse-arrays
      for (const value of [null, undefined, "text", 5, [1], [new Uint8Array(1), undefined], [,], new Uint16Array(1)]) {
        yield* refuses(socket.send(value as never), "payload", value)
      }
      yield* refuses(socket.send(bytes(1), null as never), "options", null)
      const partial = yield* reason(socket.send(bytes(1), { partial: true }))
      assert.strictEqual(partial._tag, "NotSupported")
      for (const value of ["none", null, 1]) yield* refuses(socket.shutdown(value as "send"), "how", value)
      yield* refuses(socket.disconnect(null as never), "options", null)
      for (const value of [1, null, "yes"])
        yield* refuses(socket.setNoDelay(value as unknown as boolean), "noDelay", value)
      for (const value of [1, null])
        yield* refuses(socket.setKeepAlive(value as unknown as boolean), "keepAlive", value)
      for (const value of [0, 2 ** 32, Number.NaN, "soon"]) {
        const times = (time: unknown, interval: unknown) =>
          socket.setKeepAlive({ time, interval } as { time: number; interval: number })
        yield* refuses(times(value, 10), "keepAlive.time", value)
        yield* refuses(times(10, value), "keepAlive.interval", value)
      }
      yield* refuses(socket.reconnect(null as never), "to", null)
      yield* refuses(socket.reconnect(loopback, null as never), "options", null)
      yield* refuses(socket.reconnect(loopback, { firstBytes: "x" as never }), "firstBytes", "x")
      assert.deepStrictEqual(
        rig.recorder.calls.filter(({ name }) =>
          /^(WSASend|shutdown|setsockopt|WSAIoctl|ConnectEx|DisconnectEx)/.test(name)
        ),
        []
      )
    })
  )
})

describe("asking and setting", () => {
  lawByPort("no delay, keep-alive and what the system counts", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      yield* socket.setNoDelay(true)
      yield* socket.setNoDelay(false)
      yield* socket.setKeepAlive({ time: "10 seconds", interval: "1 second" })
      yield* socket.setKeepAlive(true)
      yield* socket.setKeepAlive(false)
      assert.strictEqual(rig.recorder.count("setsockopt"), 4)
      yield* socket.send(bytes(1, 2, 3))
      yield* peer.read(3)
      // Wine has no SIO_TCP_INFO
      if (layerName === "native") return yield* lacks(socket.info, "")
      const { bytesOut, state } = yield* socket.info
      assert.deepStrictEqual([state, bytesOut], ["Established", 3])
    })
  )
})

describe("urgent data", () => {
  law("a byte is sent and received beside the others, and its place is told", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const urgent = yield* start(socket.receiveUrgent)
      yield* peer.send(bytes(1))
      yield* peer.sendUrgent(33)
      yield* peer.send(bytes(2))
      assert.strictEqual(yield* Fiber.join(urgent), 33)
      assert.deepStrictEqual([...(yield* socket.receiveExactly(2))], [1, 2])
      yield* socket.send(bytes(4, 5, 6), { urgent: true })
      assert.deepStrictEqual([...(yield* peer.read(2))], [4, 5])
    })
  )

  law("of a long urgent send the last byte alone is urgent", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const length = 2 * 1024 * 1024 + 10
      const sending = yield* start(socket.send(stretch(0, length), { urgent: true }))
      assertStretch(yield* peer.read(length - 1), 0)
      yield* Fiber.join(sending)
    })
  )

  // as Windows does to all receives of a stream when one of them is cancelled
  const cancelled = (rig: Rig, socket: Parameters<typeof internalOf>[0]) =>
    Effect.gen(function* () {
      const posted = urgentReceives(rig)
      rig.bare.calls.CancelIoEx(internalOf(socket).socket, 0)
      yield* until("it is posted again", () => urgentReceives(rig) > posted)
    })

  law("cancelling the other receive does not end it: it is posted again", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const urgent = yield* start(socket.receiveUrgent)
      yield* until("it is posted", () => urgentReceives(rig) === 1)
      for (let i = 0; i < 40; i++) {
        yield* Fiber.interrupt(yield* start(socket.receive))
        yield* cancelled(rig, socket)
      }
      assert.isUndefined(urgent.pollUnsafe())
      yield* peer.sendUrgent(7)
      assert.strictEqual(yield* Fiber.join(urgent), 7)
      const { cancels, reposted } = yield* rig.statistics
      assert.strictEqual(cancels, 40)
      assert.isAtLeast(reposted, 40)
    })
  )

  law("what ends it again and again for no reason is told in the end", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      const urgent = yield* start(reason(socket.receiveUrgent))
      yield* until("it is posted", () => urgentReceives(rig) === 1)
      for (let i = 0; i < 16; i++) yield* cancelled(rig, socket)
      rig.bare.calls.CancelIoEx(internalOf(socket).socket, 0)
      assert.strictEqual((yield* Fiber.join(urgent))._tag, "OperationAborted")
    })
  )

  law("an interrupted one is cancelled, and its byte is the next one's", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const first = yield* start(socket.receiveUrgent)
      yield* until("it is posted", () => urgentReceives(rig) === 1)
      yield* Fiber.interrupt(first)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 1)
      const urgent = yield* start(socket.receiveUrgent)
      yield* until("it is posted", () => urgentReceives(rig) === 2)
      rig.gate.close()
      yield* peer.sendUrgent(8)
      yield* rig.gate.awaitHeld(1)
      const interruption = yield* start(Fiber.interrupt(urgent))
      rig.gate.open()
      yield* Fiber.join(interruption)
      assert.strictEqual(yield* socket.receiveUrgent, 8)
      assert.strictEqual((yield* rig.statistics).recovered, 1)
    })
  )

  law("where they are in line it is told whether some are ahead", (rig) =>
    Effect.gen(function* () {
      // reads of one byte: what is not taken is the kernel's still
      const { peer, socket } = yield* pair(rig, { urgentInline: true, chunkSize: 1 })
      assert.isTrue(yield* socket.atUrgentMark)
      yield* peer.send(bytes(1))
      yield* peer.sendUrgent(2)
      yield* peer.send(bytes(3))
      assert.deepStrictEqual([...(yield* socket.receiveExactly(1))], [1])
      // Wine always says that there are none
      assert.strictEqual(yield* socket.atUrgentMark, layerName === "native")
      assert.deepStrictEqual([...(yield* socket.receiveExactly(2))], [2, 3])
      assert.isTrue(yield* socket.atUrgentMark)
    })
  )

  law("in line it is one of the others, and receiveUrgent is refused", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { urgentInline: true })
      yield* peer.send(bytes(1))
      yield* peer.sendUrgent(2)
      yield* peer.send(bytes(3))
      assert.strictEqual((yield* socket.receiveExactly(3)).length, 3)
      yield* refuses(socket.receiveUrgent, "urgentInline", true)
    })
  )
})

describe("views", () => {
  law("stream: all bytes to the end, and what a consumer leaves is left", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { chunkSize: 4 })
      yield* peer.send(stretch(0, 10))
      const first = yield* Stream.runCollect(Stream.take(socket.stream, 1))
      assertStretch(first[0], 0)
      const rest = yield* start(Stream.runCollect(socket.stream))
      yield* peer.send(stretch(10, 1000))
      yield* peer.fin
      const chunks = yield* Fiber.join(rest)
      assert.strictEqual(
        chunks.reduce((sum, chunk) => sum + chunk.length, first[0].length),
        1010
      )
      let at = first[0].length
      for (const chunk of chunks) {
        assertStretch(chunk, at)
        at += chunk.length
      }
    })
  )

  law("sink: every chunk in turn; a reset fails the stream that runs into it", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const chunks = Array.from({ length: 100 }, (_, i) => stretch(i * 10, 10))
      yield* Stream.run(Stream.fromIterable(chunks), socket.sink)
      assertStretch(yield* peer.read(1000), 0)
      const failing = yield* start(tag(Stream.run(Stream.forever(Stream.succeed(new Uint8Array(65_536))), socket.sink)))
      yield* peer.reset
      assert.include(["ConnectionReset", "ConnectionAborted"], yield* Fiber.join(failing))
    })
  )

  law("channel: what goes in is sent, what comes is given out, and the end of the input ends this side", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const echo = yield* start(
        Stream.runCollect(Stream.pipeThroughChannel(Stream.make(bytes(1, 2), bytes(3)), socket.channel<never>()))
      )
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([[...got], end], [[1, 2, 3], "fin"])
      yield* peer.send(bytes(4, 5))
      yield* peer.fin
      assert.deepStrictEqual(
        (yield* Fiber.join(echo)).flatMap((chunk) => Array.from(chunk)),
        [4, 5]
      )
    })
  )

  law("channel: a failure of the input ends it", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      const input = Stream.concat(Stream.make(bytes(1)), Stream.fail("enough" as const))
      const exit = yield* Effect.exit(Stream.runDrain(Stream.pipeThroughChannel(input, socket.channel<"enough">())))
      assert.isTrue(Exit.isFailure(exit) && String(exit).includes("enough"))
    })
  )
})
