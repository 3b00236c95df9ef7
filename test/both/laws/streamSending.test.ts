import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import { ERROR_NOT_FOUND } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { Rig } from "../../support/rig.ts"
import { interruptSoon, lawInEachMode as law, start } from "../../support/rig.ts"
import { assertReset, assertStretch, internalOf, pair, stretch, until } from "../../support/peer.ts"
import { bytes, reason, tag } from "../../support/udp.ts"

// the kernels' buffers are small, so that a send that is long must wait for its peer
const small = { sendBuffer: 8192, peerBuffer: 8192 } as const
const long = 8 * 1024 * 1024

const overlapped = ({ recorder }: Rig) => recorder.of("WSASend", (call) => call.args.lpOverlapped !== 0)

/** A connection of which a send is in the kernel, waiting for its peer to read. */
const blocked = Effect.fnUntraced(function* (rig: Rig, options: Parameters<typeof pair>[1] = {}) {
  const { peer, socket } = yield* pair(rig, { ...small, ...options })
  const fiber = yield* start(Effect.exit(socket.send(stretch(0, long))))
  yield* until("a send is in the kernel", () => overlapped(rig).length > 0)
  return { peer, socket, fiber }
})

const sendsOf = (socket: TcpSocket) => internalOf(socket).sends

describe("L3: a send that waits for its turn is removed whole", () => {
  law("it breaks nothing, and those around it go on", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig)
      const { blocks } = yield* rig.statistics
      const second = yield* start(socket.send(bytes(1, 1, 1)))
      const third = yield* start(socket.send(bytes(2, 2)))
      assert.strictEqual((yield* rig.statistics).blocks.count, blocks.count + 2)
      yield* Fiber.interrupt(second)
      assert.strictEqual((yield* rig.statistics).blocks.count, blocks.count + 1)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
      assertStretch(yield* peer.read(long), 0)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
      yield* Fiber.join(third)
      assert.deepStrictEqual([...(yield* peer.read(2))], [2, 2])
      yield* socket.send(bytes(3))
      assert.deepStrictEqual([...(yield* peer.read(1))], [3])
    })
  )

  law("its payload may be changed when its interruption has ended", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig, { sendQueue: 0 })
      const payload = new Uint8Array(4).fill(7)
      yield* Fiber.interrupt(yield* start(socket.send(payload)))
      payload.fill(9)
      yield* peer.read(long)
      yield* Fiber.join(fiber)
      yield* socket.send(bytes(5))
      assert.deepStrictEqual([...(yield* peer.read(1))], [5])
    })
  )
})

describe("L3: an interrupted send that has reached the kernel breaks the stream for sending", () => {
  law("it and all younger fail, nothing follows the torn message, and closing resets", (rig) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { peer, socket } = yield* Scope.provide(pair(rig, { ...small, closeTimeout: "1 minute" }), scope)
      yield* socket.send(stretch(0, 100))
      const fiber = yield* start(socket.send(stretch(100, long)))
      yield* until("a send is in the kernel", () => overlapped(rig).length > 0)
      const younger = yield* start(reason(socket.send(bytes(255))))
      const file = yield* start(reason(socket.transmitFile("nowhere")))
      const end = yield* start(reason(socket.shutdown("send")))
      yield* Fiber.interrupt(fiber)
      const [cancel, ...more] = rig.recorder.of("CancelIoEx")
      assert.strictEqual(more.length, 0)
      assert.strictEqual(cancel.args.lpOverlapped, overlapped(rig).at(-1)!.args.lpOverlapped)
      for (const late of [younger, file, end]) assert.strictEqual((yield* Fiber.join(late))._tag, "StreamBroken")
      const refused = yield* reason(socket.send(bytes(1)))
      if (refused._tag !== "StreamBroken") return assert.fail(refused._tag)
      // a send that was cancelled does not tell
      assert.deepStrictEqual([refused.operation, refused.bytesSent], ["WSASend", undefined])
      assert.strictEqual((yield* reason(socket.disconnect()))._tag, "StreamBroken")
      assert.strictEqual(rig.recorder.count("shutdown") + rig.recorder.count("CreateFileW"), 0)
      // what it received is still received
      yield* peer.send(bytes(8))
      assert.deepStrictEqual([...(yield* socket.receive)], [8])
      const all = yield* start(peer.readAll)
      yield* internalClose(socket)
      const { bytes: got, end: how } = yield* Fiber.join(all)
      assertReset(rig, how)
      assert.isBelow(got.length, long)
      assertStretch(got, 0)
      yield* Scope.close(scope, Exit.void)
    })
  )

  law("its interruption ends when its completion was seen, and its memory is free only then", (rig) =>
    Effect.gen(function* () {
      const { fiber, socket } = yield* blocked(rig)
      const { blocks } = yield* rig.statistics
      rig.gate.close()
      yield* interruptSoon(fiber)
      yield* rig.gate.awaitHeld(1)
      yield* interruptSoon(fiber)
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* rig.statistics).blocks.count, blocks.count)
      rig.gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual((yield* rig.statistics).blocks.count, blocks.count - 1)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 1)
      assert.strictEqual((yield* rig.statistics).operations.send.aborted, 1)
      assert.strictEqual(yield* tag(socket.send(bytes(1))), "StreamBroken")
    })
  )

  law(
    "one that completes all the same counts as sent, and breaks nothing",
    (rig) =>
      Effect.gen(function* () {
        const { failing, gate } = rig
        // every operation has a packet, also of what is taken at once
        failing.add({ call: "SetFileCompletionNotificationModes", code: 1 })
        const { peer, socket } = yield* pair(rig)
        // no room at first: the send becomes an overlapped one
        failing.add({ call: "WSASend", when: (args) => args.lpOverlapped === 0, nth: 1, code: 10035 })
        gate.close()
        const fiber = yield* start(socket.send(bytes(4)))
        yield* gate.awaitHeld(1)
        yield* interruptSoon(fiber)
        assert.strictEqual(rig.recorder.of("CancelIoEx").at(-1)!.lastError, ERROR_NOT_FOUND)
        assert.isUndefined(fiber.pollUnsafe())
        gate.open()
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        yield* socket.send(bytes(5))
        assert.deepStrictEqual([...(yield* peer.read(2))], [4, 5])
        assert.strictEqual((yield* rig.statistics).recovered, 1)
      }),
    // by event a call that is answered at once is over
    { modes: ["port", "routine"] }
  )

  law("what is known to have left is told: the parts that were sent whole", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const { failing } = rig
      failing.add({ call: "WSASend", when: (args) => args.lpOverlapped !== 0, nth: 2, code: 10055 })
      failing.add({ call: "WSASend", when: (args) => args.lpOverlapped === 0, code: 10035 })
      const payload = stretch(0, 2 * 1024 * 1024)
      const fiber = yield* start(reason(socket.send(payload)))
      assertStretch(yield* peer.read(1024 * 1024), 0)
      const failure = yield* Fiber.join(fiber)
      assert.strictEqual(failure._tag, "NoBufferSpace")
      const broken = yield* reason(socket.send(bytes(1)))
      if (broken._tag !== "StreamBroken") return assert.fail(broken._tag)
      assert.strictEqual(broken.bytesSent, 1024 * 1024)
    })
  )

  for (const most of [3, 4, 5, 8, 16, 24]) {
    law(`fibers that yield every ${most} steps, interrupted at any of them: none is left in line unheard of`, (rig) =>
      Effect.gen(function* () {
        let broken = 0
        for (let turns = 0; turns < 12; turns++) {
          const scope = yield* Scope.make()
          const { socket } = yield* Scope.provide(pair(rig, small), scope)
          const fiber = yield* start(
            Effect.provideService(socket.send(stretch(0, long)), Scheduler.MaxOpsBeforeYield, most)
          )
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
          assert.isTrue(sendsOf(socket).isIdle, `after ${turns} turns`)
          const torn = overlapped(rig).length + rig.recorder.count("WSASend") > 0
          assert.strictEqual(sendsOf(socket).isBroken, torn, `after ${turns} turns`)
          if (torn) broken++
          yield* Scope.close(scope, Exit.void)
        }
        assert.isAbove(broken, 0)
      })
    )
  }

  for (const steps of Array.from({ length: 12 }, (_, i) => i)) {
    law(`a fiber whose own yield comes ${steps} steps into a send`, (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig, small)
        const most = 24
        const after = <A, E>(count: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
          count === 0 ? effect : Effect.suspend(() => after(count - 1, effect))
        const fiber = yield* start(
          Effect.provideService(after(most - steps, socket.send(stretch(0, long))), Scheduler.MaxOpsBeforeYield, most)
        )
        yield* interruptSoon(fiber)
        yield* Fiber.await(fiber)
        assert.isTrue(sendsOf(socket).isIdle)
        assert.strictEqual(sendsOf(socket).isBroken, rig.recorder.count("WSASend") > 0)
      })
    )
  }
})

describe("L4: aborted by cause, not by code", () => {
  law("the peer's reset while a receive and sends are pending is a reset, for all and for ever", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig)
      const receiving = yield* start(reason(socket.receive))
      const younger = yield* start(reason(socket.send(bytes(1))))
      yield* peer.reset
      const sent = yield* Fiber.join(fiber)
      assert.strictEqual(yield* tag(sent), "ConnectionReset")
      assert.strictEqual((yield* Fiber.join(receiving))._tag, "ConnectionReset")
      assert.strictEqual((yield* Fiber.join(younger))._tag, "ConnectionReset")
      assert.strictEqual(yield* tag(socket.receive), "ConnectionReset")
      assert.strictEqual(yield* tag(socket.send(bytes(1))), "ConnectionReset")
      assert.strictEqual((yield* rig.statistics).operations.send.failed, 1)
    })
  )

  law("a receive that somebody else cancelled is posted again", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const fiber = yield* start(socket.receive)
      for (let n = 1; n <= 3; n++) {
        rig.bare.calls.CancelIoEx(internalOf(socket).socket, 0)
        yield* until("it is posted again", () => overlappedReceives(rig) === n + 1)
      }
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send(bytes(1))
      assert.deepStrictEqual([...(yield* Fiber.join(fiber))], [1])
      const { cancels, operations, reposted } = yield* rig.statistics
      assert.deepStrictEqual([cancels, operations.receive.aborted, reposted], [0, 3, 3])
    })
  )

  law("a send that somebody else cancelled has broken the stream: it cannot be sent again", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig)
      const younger = yield* start(reason(socket.send(bytes(255))))
      rig.bare.calls.CancelIoEx(internalOf(socket).socket, 0)
      const failed = yield* reason(yield* Fiber.join(fiber))
      if (failed._tag !== "StreamBroken") return assert.fail(failed._tag)
      assert.isUndefined(failed.bytesSent)
      assert.strictEqual((yield* Fiber.join(younger))._tag, "StreamBroken")
      const all = yield* start(peer.readAll)
      yield* internalClose(socket)
      const { bytes: got, end } = yield* Fiber.join(all)
      assertStretch(got, 0)
      assertReset(rig, end)
    })
  )

  law("whatever a send fails with once its stream is being closed is this side's doing", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig, { closeTimeout: "10 millis" })
      const younger = yield* start(reason(socket.send(bytes(1))))
      const receiving = yield* start(reason(socket.receive))
      yield* internalClose(socket)
      for (const ended of [yield* reason(yield* Fiber.join(fiber)), yield* Fiber.join(younger)]) {
        assert.deepStrictEqual([ended._tag, ended.operation], ["OperationAborted", "WSASend"])
      }
      assert.strictEqual((yield* Fiber.join(receiving))._tag, "OperationAborted")
      for (const late of [socket.send(bytes(1)), socket.receive, socket.shutdown("both"), socket.transmitFile("x")]) {
        assert.strictEqual(yield* tag<unknown, unknown, never>(late), "SocketClosed")
      }
      assertReset(rig, (yield* peer.readAll).end)
    })
  )
})

describe("L9: the order of calls is the order of bytes", () => {
  law("many fibers, sends of all sizes and gathers", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, { sendQueue: 100_000 })
      const sizes = [0, 1, 7, 64 * 1024, 64 * 1024 + 1, 1024 * 1024 + 1, 3, 5 * 1024 * 1024, 0, 100]
      let at = 0
      const fibers = []
      for (const size of sizes) {
        const payload = stretch(at, size)
        const third = Math.floor(size / 3)
        const gathered = [payload.subarray(0, third), payload.subarray(third, third), payload.subarray(third)]
        fibers.push(yield* start(socket.send(fibers.length % 2 === 0 ? payload : gathered)))
        at += size
      }
      assertStretch(yield* peer.read(at), 0)
      for (const fiber of fibers) yield* Fiber.join(fiber)
      assert.isUndefined(peer.readSome(1), "nothing was sent twice")
    })
  )

  law("what waits is copied ahead up to sendQueue bytes, and given back", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig, { sendQueue: 100 })
      const { blocks } = yield* rig.statistics
      const payloads = [40, 60, 1, 0, 30].map((size) => new Uint8Array(size).fill(size))
      const fibers = yield* Effect.forEach(payloads, (payload) => start(socket.send(payload)))
      const more = (yield* rig.statistics).blocks.bytes - blocks.bytes
      assert.isAtLeast(more, 100)
      // each block is as large as the provider makes the smallest
      assert.isBelow(more, 100 + 3 * 32)
      // what was copied may be changed, what was not may not
      payloads[0].fill(0)
      yield* peer.read(long)
      yield* Fiber.join(fiber)
      const got = yield* peer.read(131)
      assert.deepStrictEqual(
        [...got],
        [40, 60, 1, 30].flatMap((size) => Array.from({ length: size }, () => size))
      )
      for (const one of fibers) yield* Fiber.join(one)
      const idle = (yield* rig.statistics).blocks
      assert.isAtMost(idle.bytes, blocks.bytes)
      // and there is as much room as before
      const again = yield* start(Effect.exit(socket.send(stretch(0, long))))
      yield* until("a send is in the kernel", () => internalOf(socket).pending.length === 1)
      const busy = (yield* rig.statistics).blocks
      const copied = yield* start(socket.send(new Uint8Array(100)))
      assert.isAtLeast((yield* rig.statistics).blocks.bytes - busy.bytes, 100)
      yield* peer.read(long + 100)
      yield* Fiber.join(again)
      yield* Fiber.join(copied)
    })
  )

  law("a payload that was cut or detached while it waited is refused, and nothing of it is sent", (rig) =>
    Effect.gen(function* () {
      const { fiber, peer, socket } = yield* blocked(rig, { sendQueue: 0 })
      const detached = new Uint8Array(10)
      const pieces = [bytes(1, 2), bytes(3)]
      const refused = yield* start(reason(socket.send(detached)))
      const gathered = yield* start(socket.send(pieces))
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      // the array is the caller's to change
      pieces.length = 0
      pieces.push(undefined as never)
      yield* peer.read(long)
      yield* Fiber.join(fiber)
      const failure = yield* Fiber.join(refused)
      assert.strictEqual(failure._tag === "InvalidArgument" && failure.option, "payload")
      yield* Fiber.join(gathered)
      assert.deepStrictEqual([...(yield* peer.read(3))], [1, 2, 3])
      yield* socket.send(bytes(4))
      assert.deepStrictEqual([...(yield* peer.read(1))], [4])
    })
  )

  law("a loop of sends keeps neither timers nor other sockets waiting", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig)
      const { turns } = (yield* rig.statistics).pump
      for (let i = 0; i < 1000; i++) yield* socket.send(bytes(i & 0xff))
      assert.isAbove((yield* rig.statistics).pump.turns - turns, 4)
      yield* peer.read(1000)
    })
  )
})

const overlappedReceives = ({ recorder }: Rig) => recorder.count("WSARecv", (call) => call.args.lpOverlapped !== 0)
const internalClose = (socket: TcpSocket) =>
  Effect.callback<void>((resume) => internalOf(socket).close(() => resume(Effect.void)))
