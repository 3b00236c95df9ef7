import type { UdpSocket } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { bind, law, numbered, numberOf, start } from "../../support/rig.ts"
import { bytes, pattern, payloads, reason, tag } from "../../support/udp.ts"

const upTo = (n: number): Array<number> => Array.from({ length: n }, (_, i) => i)

/** Sends numbers to a socket, from itself. */
const fill = (socket: UdpSocket.UdpSocket, numbers: ReadonlyArray<number>) =>
  Effect.forEach(numbers, (n) => socket.send(numbered(n), socket.address), { discard: true })

describe("UdpSocket: datagrams larger than maxMessageSize", () => {
  const paths = {
    "a waiting receive": { lookAhead: 0, sendFirst: false },
    "a receive after it came": { lookAhead: 0, sendFirst: true },
    "look-ahead": { lookAhead: 2, sendFirst: true }
  }
  for (const [path, { lookAhead, sendFirst }] of Object.entries(paths)) {
    const receive = Effect.fnUntraced(function* (socket: UdpSocket.UdpSocket, payload: Uint8Array) {
      const fiber = sendFirst ? undefined : yield* start(socket.receive)
      yield* socket.send(payload, socket.address)
      return fiber === undefined ? yield* socket.receive : yield* Fiber.join(fiber)
    })
    law(`are cut, and say so: ${path}`, () =>
      Effect.gen(function* () {
        const socket = yield* bind({ maxMessageSize: 8, lookAhead, truncation: "deliver" })
        for (const size of [7, 8, 9, 100]) {
          const message = yield* receive(socket, pattern(size))
          assert.strictEqual(message.truncated, size > 8, String(size))
          assert.deepStrictEqual(payloads([message]), [[...pattern(Math.min(size, 8))]])
        }
      })
    )
    law(`are an error of their own when wished, and the next is whole: ${path}`, () =>
      Effect.gen(function* () {
        const socket = yield* bind({ maxMessageSize: 8, lookAhead, truncation: "fail" })
        for (let n = 0; n < 3; n++) {
          assert.strictEqual(yield* tag(receive(socket, pattern(9))), "MessageTooLarge")
          assert.deepStrictEqual(payloads([yield* receive(socket, bytes(n))]), [[n]])
        }
      })
    )
  }

  law("nothing but an empty one fits into no bytes", () =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxMessageSize: 0 })
      for (const size of [0, 1]) {
        yield* socket.send(pattern(size), socket.address)
        const message = yield* socket.receive
        assert.deepStrictEqual([message.payload.length, message.truncated], [0, size === 1])
      }
    })
  )

  law("in a batch, an error ends what came before it", () =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 8]) {
        const socket = yield* bind({ maxMessageSize: 8, lookAhead, truncation: "fail" })
        for (const size of [1, 2, 9, 3]) yield* socket.send(pattern(size), socket.address)
        const sizes: Array<number | string> = []
        while (sizes.length < 4) {
          const exit = yield* Effect.exit(socket.pull)
          if (Exit.isSuccess(exit)) sizes.push(...exit.value.map((message) => message.payload.length))
          else sizes.push((yield* reason(exit))._tag)
        }
        assert.deepStrictEqual(sizes, [1, 2, "MessageTooLarge", 3])
      }
    })
  )
})

describe("UdpSocket: pull", () => {
  law("gives what is ready, at least one and at most `batch`, in order", () =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 3, 100]) {
        const socket = yield* bind({ batch: 4, lookAhead })
        yield* fill(socket, upTo(10))
        const batches: Array<Array<number>> = []
        while (batches.flat().length < 10) batches.push((yield* socket.pull).map(numberOf))
        assert.deepStrictEqual(batches.flat(), upTo(10))
        for (const batch of batches) assert.isTrue(batch.length >= 1 && batch.length <= 4)
      }
    })
  )

  law("waits for the first", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fiber = yield* start(socket.pull)
      assert.isUndefined(fiber.pollUnsafe())
      yield* fill(socket, [5])
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(numberOf), [5])
    })
  )
})

describe("UdpSocket: lookAhead", () => {
  law("datagrams are taken from the kernel before anybody asks, and no more than that", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ lookAhead: 3 })
      assert.strictEqual((yield* statistics).pending, 3)
      yield* fill(socket, upTo(5))
      while ((yield* statistics).inbox < 3) yield* Effect.yieldNow
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.deepStrictEqual([(yield* statistics).inbox, (yield* statistics).pending], [3, 0])
      for (const n of upTo(5)) assert.strictEqual(numberOf(yield* socket.receive), n)
    })
  )

  law("those that nobody took are counted when the socket closes", ({ statistics }) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const socket = yield* bind({ lookAhead: 3 })
          yield* fill(socket, upTo(3))
          while ((yield* statistics).inbox < 3) yield* Effect.yieldNow
          assert.strictEqual(numberOf(yield* socket.receive), 0)
        })
      )
      assert.strictEqual((yield* statistics).discarded, 2)
    })
  )
})

describe("UdpSocket: messages", () => {
  law("a consumer that takes some leaves the rest", () =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 8]) {
        const socket = yield* bind({ lookAhead })
        yield* fill(socket, upTo(8))
        const taken = yield* Stream.runCollect(Stream.take(socket.messages, 1))
        assert.deepStrictEqual(taken.map(numberOf), [0])
        const some = yield* Stream.runCollect(Stream.take(socket.messages, 3))
        assert.deepStrictEqual(some.map(numberOf), [1, 2, 3])
        const until = yield* Stream.runCollect(Stream.takeUntil(socket.messages, (message) => numberOf(message) === 5))
        assert.deepStrictEqual(until.map(numberOf), [4, 5])
        assert.strictEqual(numberOf(yield* socket.receive), 6)
        assert.strictEqual(numberOf(yield* socket.receive), 7)
      }
    })
  )

  law("a consumer that fails in the middle leaves the rest", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      yield* fill(socket, upTo(4))
      const failing = Stream.runForEach(socket.messages, (message) =>
        numberOf(message) === 1 ? Effect.fail("enough") : Effect.void
      )
      assert.strictEqual(yield* Effect.flip(failing), "enough")
      assert.strictEqual(numberOf(yield* socket.receive), 2)
      assert.strictEqual(numberOf(yield* socket.receive), 3)
    })
  )

  law("two consumers share: each message is given out once", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const got: Array<number> = []
      const consume = Stream.runForEach(Stream.take(socket.messages, 10), (message) =>
        Effect.sync(() => got.push(numberOf(message)))
      )
      const fibers = [yield* start(consume), yield* start(consume)]
      yield* fill(socket, upTo(20))
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        got.toSorted((a, b) => a - b),
        upTo(20)
      )
    })
  )

  law("ends with the socket", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          const socket = yield* bind()
          const fiber = yield* Effect.forkDetach(Stream.runDrain(socket.messages), { startImmediately: true })
          return fiber
        })
      )
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
    })
  )
})

describe("UdpSocket: a busy loop through the wrappers, interrupted wherever Effect yields, loses nothing", () => {
  type Loop = (
    socket: UdpSocket.UdpSocket,
    deliver: (message: Datagram) => void
  ) => Effect.Effect<unknown, WinsockError>
  const asMessage = (event: Datagram | UdpSocket.PeerReport): Datagram => {
    if ("_tag" in event) return assert.fail("a report")
    return event
  }
  const loops: Record<string, Loop> = {
    receiveEvent: (socket, deliver) =>
      Effect.gen(function* () {
        while (true) deliver(asMessage(yield* socket.receiveEvent))
      }),
    "receiveEvent, mapped": (socket, deliver) =>
      Effect.forever(
        Effect.map(socket.receiveEvent, (event) => deliver(asMessage(event))),
        { disableYield: true }
      ),
    "messages with runForEach": (socket, deliver) =>
      Stream.runForEach(socket.messages, (message) => Effect.sync(() => deliver(message))),
    "messages, mapped": (socket, deliver) => Stream.runDrain(Stream.map(socket.messages, deliver))
  }
  /** Says to the next check for a yield that this many steps were made since the last. */
  const atStep = (step: number) =>
    Effect.withFiber<void>((fiber) => {
      ;(fiber as { currentOpCount: number }).currentOpCount = step
      return Effect.void
    })
  const phases: ReadonlyArray<readonly [most: number, phases: ReadonlyArray<number>]> = [
    [8, upTo(8)],
    [16, upTo(16)],
    [17, upTo(17)],
    [24, upTo(24)],
    [64, upTo(24).map((i) => 63 - i)],
    [2048, upTo(24).map((i) => 2047 - i)]
  ]
  const sources = {
    "the inbox": { lookAhead: 100, maxPosted: 128, yields: [1] },
    "the kernel": { lookAhead: 0, maxPosted: 64, yields: [1, 2] }
  }
  for (const [loopName, loop] of Object.entries(loops)) {
    for (const [sourceName, { lookAhead, maxPosted, yields }] of Object.entries(sources)) {
      law(`${loopName}, from ${sourceName}`, ({ statistics }) =>
        Effect.gen(function* () {
          const socket = yield* bind({ lookAhead, maxPosted })
          // while somebody waits the pump fills the inbox at once, not by timer
          const other = yield* bind()
          yield* start(other.receive)
          let cut = 0
          for (const [most, starts] of phases) {
            for (const phase of starts) {
              for (const turns of yields) {
                const count = Math.min(most, 32) + 4
                yield* fill(socket, upTo(count))
                if (lookAhead > 0) while ((yield* statistics).inbox < count) yield* Effect.yieldNow
                const got: Array<number> = []
                const deliver = (message: Datagram) => void got.push(numberOf(message))
                // the first is waited for, so that the loop finds the others at once
                const busy = Effect.andThen(
                  Effect.map(socket.receive, deliver),
                  Effect.andThen(atStep(phase), loop(socket, deliver))
                )
                const fiber = yield* start(Effect.provideService(busy, Scheduler.MaxOpsBeforeYield, most))
                while (got.length === 0) yield* Effect.yieldNow
                for (let i = 1; i < turns; i++) yield* Effect.yieldNow
                fiber.interruptUnsafe()
                assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
                if (got.length < count) cut++
                yield* fill(socket, [count])
                while (got.at(-1) !== count) got.push(numberOf(yield* socket.receive))
                assert.deepStrictEqual(got, upTo(count + 1), `phase ${phase} of ${most}, after ${turns} yields`)
              }
            }
          }
          // a loop that had taken everything shows nothing
          assert.isAbove(cut, 20)
        })
      )
    }
  }
})
