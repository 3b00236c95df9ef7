import { NativeBuffer } from "@effect-winsock/core"
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import { ERROR_NOT_FOUND, WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { Rig } from "../../support/rig.ts"
import { interruptSoon, lawInEachMode as law, layerName, random, start } from "../../support/rig.ts"
import { assertStretch, pair, stretch, until } from "../../support/peer.ts"
import { bytes, reason, tag } from "../../support/udp.ts"

const text = new TextEncoder()

/** The receives of no bytes that were handed to the kernel. */
const waits = ({ recorder }: Rig) => recorder.of("WSARecv", (call) => call.args.lpOverlapped !== 0)

/** How many bytes the receives that do not wait were given, as the recorder tells. */
const reads = ({ recorder }: Rig) => recorder.count("WSARecv", (call) => call.args.lpOverlapped === 0)

describe("L1: an interrupted receive of a stream makes at most one cancel call, and loses nothing", () => {
  law("the last waiter's: the receive of no bytes is cancelled, once, and gives its memory back", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      const { slots } = yield* rig.statistics
      yield* Fiber.interrupt(fiber)
      const [cancel, ...more] = rig.recorder.of("CancelIoEx")
      const [wait] = waits(rig)
      assert.strictEqual(more.length, 0)
      assert.deepStrictEqual([cancel.args.hFile, cancel.args.lpOverlapped], [wait.args.s, wait.args.lpOverlapped])
      const after = yield* rig.statistics
      assert.deepStrictEqual([after.pending, after.waiters, after.operations.receive.aborted], [0, 0, 1])
      assert.strictEqual(after.slots.used, slots.used, "the record is the stream's")
      yield* peer.send(bytes(1, 2, 3))
      assert.deepStrictEqual([...(yield* socket.receive)], [1, 2, 3])
    })
  )

  law("none while somebody else waits: one receive of no bytes serves all", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => start(socket.receiveExactly(1)))
      assert.strictEqual(waits(rig).length, 1)
      yield* Fiber.interrupt(fibers[0])
      yield* Fiber.interrupt(fibers[3])
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
      yield* peer.send(bytes(5, 6))
      assert.deepStrictEqual([...(yield* Fiber.join(fibers[1]))], [5])
      assert.deepStrictEqual([...(yield* Fiber.join(fibers[2]))], [6])
    })
  )

  law("it ends when the completion was seen, and is asked for once", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      rig.gate.close()
      yield* interruptSoon(fiber)
      yield* rig.gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* rig.statistics).pending, 1)
      // who comes meanwhile waits for a receive of its own, which cannot be posted before
      const next = yield* start(socket.receive)
      assert.strictEqual(waits(rig).length, 1)
      yield* peer.send(bytes(9))
      rig.gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual([...(yield* Fiber.join(next))], [9])
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 1)
    })
  )

  law("bytes that come while it is being cancelled are the next receive's", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      rig.gate.close()
      yield* interruptSoon(fiber)
      yield* rig.gate.awaitHeld(1)
      yield* peer.send(bytes(1, 2))
      rig.gate.open()
      yield* Fiber.await(fiber)
      yield* peer.send(bytes(3))
      assert.deepStrictEqual([...(yield* socket.receiveExactly(3))], [1, 2, 3])
    })
  )

  law("timeout and race take the same path", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      assert.strictEqual((yield* Effect.timeoutOption(socket.receive, "5 millis"))._tag, "None")
      assert.strictEqual(yield* Effect.race(socket.receive, Effect.as(Effect.yieldNow, "other")), "other")
      assert.strictEqual((yield* Effect.timeoutOption(socket.receiveUntil("\n"), "5 millis"))._tag, "None")
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 3)
      assert.strictEqual((yield* rig.statistics).pending, 0)
      yield* peer.send(bytes(1))
      assert.deepStrictEqual([...(yield* Effect.timeout(socket.receive, "10 seconds"))], [1])
    })
  )

  law("what was read and not given out is left for others, whoever asked for more", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receiveExactly(4))
      yield* peer.send(bytes(1, 2, 3))
      yield* until("three bytes are read", () => reads(rig) > 0)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([...(yield* socket.receive)], [1, 2, 3])
      const another = yield* start(socket.receiveUntil(bytes(7)))
      yield* peer.send(bytes(5, 6))
      yield* until("two more are read", () => reads(rig) > 1)
      yield* Fiber.interrupt(another)
      yield* peer.send(bytes(7, 8))
      assert.deepStrictEqual([...(yield* socket.receiveUntil(bytes(7)))], [5, 6, 7])
      assert.deepStrictEqual([...(yield* socket.receive)], [8])
    })
  )
})

describe("L2: a cancelled receive of no bytes that completed all the same loses nothing", () => {
  law("the bytes are the next receive's, in order", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      rig.gate.close()
      yield* peer.send(bytes(1))
      yield* rig.gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      const [cancel] = rig.recorder.of("CancelIoEx")
      assert.strictEqual(cancel.lastError, ERROR_NOT_FOUND)
      assert.isUndefined(fiber.pollUnsafe())
      rig.gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      yield* peer.send(bytes(2))
      assert.deepStrictEqual([...(yield* socket.receiveExactly(2))], [1, 2])
      assert.strictEqual((yield* rig.statistics).recovered, 1)
    })
  )

  law("a block of the caller's that is closed while somebody waits for it is not written to", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const scope = yield* Scope.make()
      const buffer = yield* Scope.provide(NativeBuffer.make(16), scope)
      const fiber = yield* start(reason(socket.receiveInto(buffer)))
      const behind = yield* start(socket.receive)
      yield* Scope.close(scope, Exit.void)
      yield* peer.send(bytes(1, 2, 3))
      const refused = yield* Fiber.join(fiber)
      assert.deepStrictEqual([refused._tag, refused.operation], ["InvalidArgument", "WSARecv"])
      assert.deepStrictEqual([...(yield* Fiber.join(behind))], [1, 2, 3])
      assert.strictEqual(yield* tag(socket.receiveInto(buffer)), "InvalidArgument")
    })
  )
})

describe("L9: the bytes of a stream are given out once and in order", () => {
  for (const [which, overlapped] of [
    ["of the receive of no bytes", true],
    ["of a read", false]
  ] as const) {
    law(`a shortage ${which} fails who waits, and costs no byte`, (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig)
        const failing = { now: true }
        rig.failing.add({
          call: "WSARecv",
          code: WSAENOBUFS,
          when: ({ lpOverlapped }) => failing.now && (lpOverlapped !== 0) === overlapped
        })
        const fibers = yield* Effect.forEach([1, 2], () => start(tag(socket.receive)))
        yield* peer.send(bytes(1, 2, 3))
        for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), "NoBufferSpace")
        assert.strictEqual(yield* tag(socket.receive), "NoBufferSpace")
        failing.now = false
        assert.deepStrictEqual([...(yield* socket.receiveExactly(3))], [1, 2, 3])
      })
    )
  }

  law("receives are served in the order of their calls", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const buffer = yield* NativeBuffer.make(3)
      const got: Array<string> = []
      const note = (name: string) => (chunk: Uint8Array) => void got.push(`${name}${[...chunk].join("")}`)
      const fibers = [
        yield* start(Effect.map(socket.receiveExactly(3), note("a"))),
        yield* start(Effect.map(socket.receiveUntil(bytes(6)), note("b"))),
        yield* start(Effect.map(socket.receiveInto(buffer), (n) => note("c")(buffer.bytes.subarray(0, n)))),
        yield* start(Effect.map(socket.receive, note("d")))
      ]
      yield* peer.send(bytes(1, 2, 3, 4, 5, 6, 7, 8, 9, 0))
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(got, ["a123", "b456", "c789", "d0"])
    })
  )

  law("a pull takes all that is ready, a few chunks at most, and a receive one chunk", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { chunkSize: 4 })
      const fiber = yield* start(socket.pull)
      rig.gate.close()
      yield* peer.send(stretch(0, 100))
      yield* rig.gate.awaitHeld(1)
      rig.gate.open()
      const first = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        first.map((chunk) => chunk.length),
        Array.from({ length: 16 }, () => 4)
      )
      const chunk = yield* socket.receive
      assert.strictEqual(chunk.length, 4)
      assertStretch(chunk, 64)
      const rest = yield* socket.receiveExactly(32)
      assertStretch(rest, 68)
    })
  )

  law("a delimiter is found wherever it was cut, and the longest part is bounded", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { chunkSize: 3 })
      yield* peer.send(text.encode("one\r\n\r\r\ntwo\r\nthree"))
      const lines: Array<string> = []
      for (let i = 0; i < 3; i++) lines.push(new TextDecoder().decode(yield* socket.receiveUntil("\r\n")))
      assert.deepStrictEqual(lines, ["one\r\n", "\r\r\n", "two\r\n"])
      assert.strictEqual(yield* tag(socket.receiveUntil("\r\n", { maxLength: 5 })), "MessageTooLarge")
      const rest = yield* start(socket.receiveUntil("ee", { maxLength: 5 }))
      assert.strictEqual(new TextDecoder().decode(yield* Fiber.join(rest)), "three")
      yield* peer.send(text.encode("end"))
      yield* peer.fin
      const ended = yield* reason(socket.receiveUntil("\r\n"))
      assert.strictEqual(ended._tag, "EndOfStream")
      assert.strictEqual(new TextDecoder().decode(yield* socket.receiveExactly(3)), "end")
      assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
    })
  )

  law("nothing at all is received at once, and no call is made for it", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      assert.strictEqual((yield* socket.receiveExactly(0)).length, 0)
      assert.strictEqual(rig.recorder.count("WSARecv"), 0)
    })
  )

  // the same bytes through every way of receiving, each of them interrupted at random
  // (with less than 3 no fiber gets anywhere)
  for (const most of [3, 4, 8, 17, 2048]) {
    for (const chunkSize of [1, 7, 4096]) {
      law(`fibers that yield every ${most} steps, chunks of ${chunkSize}, random cuts and interruptions`, (rig) =>
        Effect.gen(function* () {
          const { peer, socket } = yield* pair(rig, { chunkSize })
          const buffer = yield* NativeBuffer.make(64)
          const chance = random(7919 * most + chunkSize)
          const total = layerName === "native" ? 1000 : 3000
          let sent = 0
          let got = 0
          let interrupted = 0
          const take = (chunk: Uint8Array): void => {
            assertStretch(chunk, got)
            got += chunk.length
          }
          const ways: ReadonlyArray<() => Effect.Effect<unknown, unknown>> = [
            () => Effect.map(socket.receive, take),
            () => Effect.map(socket.pull, (some) => some.forEach(take)),
            () => Effect.map(socket.receiveExactly(1 + chance(40)), take),
            // each byte value is there within 256 bytes
            () => Effect.map(socket.receiveUntil(bytes((got + chance(20)) & 0xff), { maxLength: 1024 }), take),
            () =>
              Effect.suspend(() => {
                const offset = chance(32)
                return Effect.map(socket.receiveInto(buffer, offset, 1 + chance(32)), (n) =>
                  take(buffer.bytes.slice(offset, offset + n))
                )
              })
          ]
          for (let step = 0; got < total; step++) {
            assert.isBelow(step, 20_000, `${got} of ${total} bytes came`)
            const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
            for (let i = 1 + chance(2); i > 0; i--) {
              const way = ways[chance(ways.length)]()
              fibers.push(yield* start(Effect.provideService(way, Scheduler.MaxOpsBeforeYield, most)))
            }
            if (sent < total + 2048 && chance(3) > 0) {
              const length = 1 + chance(120)
              yield* peer.send(stretch(sent, length))
              sent += length
            }
            for (let turns = chance(4); turns > 0; turns--) yield* Effect.yieldNow
            for (const fiber of fibers) {
              const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
              if (Exit.hasInterrupts(exit)) interrupted++
              else assert.isTrue(Exit.isSuccess(exit), String(exit))
            }
          }
          assert.isAbove(interrupted, 0)
          yield* peer.fin
          // nothing is left over
          const left = yield* Effect.exit(socket.receiveExactly(sent - got))
          if (Exit.isFailure(left)) return assert.fail(`of ${sent} bytes ${got} came, and then: ${String(left)}`)
          take(left.value)
          assert.strictEqual(yield* tag(socket.receive), "EndOfStream")
          assert.strictEqual((yield* rig.statistics).pending, 0)
        })
      )
    }
  }

  law("a loop of receives keeps neither timers nor other sockets waiting", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { chunkSize: 1 })
      yield* peer.send(stretch(0, 2000))
      yield* socket.receive
      const { turns } = (yield* rig.statistics).pump
      for (let i = 1; i < 2000; i++) yield* socket.receive
      assert.isAbove((yield* rig.statistics).pump.turns - turns, 10)
    })
  )
})

describe("L8: an interruption before the call makes no call", () => {
  law("of a fiber that has not started, or interrupted itself in the step before", (rig) =>
    Effect.gen(function* () {
      const { socket } = yield* pair(rig)
      const buffer = yield* NativeBuffer.make(8)
      const ways = (socket: TcpSocket): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
        socket.receive,
        socket.pull,
        socket.receiveExactly(1),
        socket.receiveUntil("x"),
        socket.receiveInto(buffer),
        socket.receiveUrgent,
        socket.send(bytes(1)),
        socket.transmitFile("x"),
        socket.shutdown("both"),
        socket.disconnect()
      ]
      for (const way of ways(socket)) {
        yield* Fiber.interrupt(yield* Effect.forkChild(way))
        const fiber = yield* start(
          Effect.andThen(
            Effect.sync(() => Fiber.getCurrent()!.interruptUnsafe()),
            way
          )
        )
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }
      const made = rig.recorder.calls.filter(({ name }) =>
        /^(WSARecv|WSASend|shutdown|CreateFileW|Disconnect)/.test(name)
      )
      assert.deepStrictEqual(made, [])
    })
  )
})
