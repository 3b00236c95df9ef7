import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Handle } from "@effect-winsock/core/Seam"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { kinds, type Lab, lab } from "./support.ts"

const entrySize = Structs.OVERLAPPED_ENTRY.size.x64

interface Waiting {
  answer: readonly [number, number] | undefined
  readonly packets: () => ReadonlyArray<{ readonly overlapped: number }>
}

const waitOn = (l: Lab, port: Handle, timeout: number): Waiting => {
  const block = l.alloc(entrySize * 8 + 4)
  const removed = block.address + entrySize * 8
  const waiting: Waiting = {
    answer: undefined,
    packets: () => l.readPackets(block, block.view.getUint32(entrySize * 8, true))
  }
  l.seam.offThread("GetQueuedCompletionStatusEx", [port, block.address, 8, removed, timeout, 0], (result, error) => {
    waiting.answer = [result, error]
  })
  return waiting
}

describe("completion ports", () => {
  it.effect("56: an empty port answers WAIT_TIMEOUT at once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      const block = l.alloc(64)
      assert.strictEqual(l.calls.GetQueuedCompletionStatusEx(port, block.address, 1, block.address + 32, 0, 0), 0)
      assert.strictEqual(l.error, Codes.WAIT_TIMEOUT)
    })
  )

  it.effect("packets leave in order, with key, address and bytes", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      for (let i = 1; i <= 5; i++) l.calls.PostQueuedCompletionStatus(port, i, i * 10, 2 ** 40 + i)
      assert.deepStrictEqual(
        l.packets(port, 2).map((p) => p.bytes),
        [1, 2]
      )
      assert.deepStrictEqual(
        l.packets(port).map((p) => [p.key, p.overlapped]),
        [
          [30, 2 ** 40 + 3],
          [40, 2 ** 40 + 4],
          [50, 2 ** 40 + 5]
        ]
      )
    })
  )

  it.effect("a socket belongs to one port only, and to a port only when it is overlapped", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const port = l.completionPort()
      const { s } = l.bound()
      assert.strictEqual(l.calls.CreateIoCompletionPort(s, port, 1, 0), port)
      assert.strictEqual(l.calls.CreateIoCompletionPort(s, port, 1, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_PARAMETER)
      const plain = l.socket({ overlapped: false })
      assert.strictEqual(l.calls.CreateIoCompletionPort(plain, port, 1, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_PARAMETER)
      assert.strictEqual(l.calls.CreateIoCompletionPort(400 as Handle, port, 1, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_HANDLE)
    })
  )

  it.effect("54: an immediate success queues a packet; skip mode keeps it away, except from what pended (66)", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      const first = l.overlapped()
      l.send(a.s, "one", "127.0.0.1", a.port)
      yield* l.mock.settled
      const message = l.message()
      assert.strictEqual(l.recvMsg(a.s, message, first.address), 0)
      assert.deepStrictEqual(l.packets(port), [{ key: a.s, overlapped: first.address, status: 0, bytes: 3 }])
      assert.strictEqual(first.view.Internal, 0)
      assert.strictEqual(first.view.InternalHigh, 3)
      assert.strictEqual(l.calls.SetFileCompletionNotificationModes(a.s, 1), 1)
      l.send(a.s, "two!", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.strictEqual(l.recvMsg(a.s, message, first.address), 0)
      assert.deepStrictEqual(l.packets(port), [])
      assert.strictEqual(l.recvMsg(a.s, message, first.address), Codes.WSA_IO_PENDING)
      l.send(a.s, "three", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((p) => p.bytes),
        [5]
      )
    })
  )

  it.effect("55: an immediate failure queues nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      const port = l.completionPort(s)
      assert.strictEqual(l.recvMsg(s, l.message(), l.overlapped().address), Codes.WSAEINVAL)
      assert.deepStrictEqual(l.packets(port), [])
    })
  )

  it.effect("58: a port associated after the operation was posted receives its completion", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const overlapped = l.overlapped()
      l.recvMsg(a.s, l.message(), overlapped.address)
      const port = l.completionPort(a.s)
      l.send(a.s, "late", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((p) => p.overlapped),
        [overlapped.address]
      )
    })
  )

  it.effect("65: hEvent's low bit keeps the packet away; the event is signalled", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      const event = l.event()
      const overlapped = l.overlapped(event + 1)
      l.recvMsg(a.s, l.message(), overlapped.address)
      assert.isFalse(l.isSignalled(event))
      l.send(a.s, "x", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.deepStrictEqual(l.packets(port), [])
      assert.isTrue(l.isSignalled(event))
      assert.strictEqual(overlapped.view.Internal, 0)
    })
  )

  it.effect("63: closing a socket with nothing pending queues nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      l.closesocket(a.s)
      assert.deepStrictEqual(l.packets(port), [])
    })
  )
})

describe("waiting off the thread", () => {
  it.effect("a packet ends the wait in a later turn", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      const waiting = waitOn(l, port, 0xffffffff)
      yield* l.mock.settled
      assert.isUndefined(waiting.answer)
      l.calls.PostQueuedCompletionStatus(port, 0, 0, 77)
      assert.isUndefined(waiting.answer)
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [1, 0])
      assert.deepStrictEqual(
        waiting.packets().map((p) => p.overlapped),
        [77]
      )
    })
  )

  it.effect("the timeout runs on the virtual clock", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const waiting = waitOn(l, l.completionPort(), 1000)
      yield* TestClock.adjust(999)
      yield* l.mock.settled
      assert.isUndefined(waiting.answer)
      yield* TestClock.adjust(1)
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [0, Codes.WAIT_TIMEOUT])
    })
  )

  it.effect("waits with many timeouts end at theirs", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      const waits = [3000, 1000, 2000, 1000].map((timeout) => waitOn(l, port, timeout))
      const ended = () => waits.map((waiting) => waiting.answer !== undefined)
      yield* TestClock.adjust(1500)
      yield* l.mock.settled
      assert.deepStrictEqual(ended(), [false, true, false, true])
      yield* TestClock.adjust(1000)
      yield* l.mock.settled
      assert.deepStrictEqual(ended(), [false, true, true, true])
      yield* TestClock.adjust(500)
      yield* l.mock.settled
      assert.deepStrictEqual(ended(), [true, true, true, true])
    })
  )

  it.effect("closing the port ends the wait with ERROR_ABANDONED_WAIT_0", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const port = l.completionPort()
      const waiting = waitOn(l, port, 5000)
      l.disown(port)
      assert.strictEqual(l.calls.CloseHandle(port), 1)
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [0, Codes.ERROR_ABANDONED_WAIT_0])
    })
  )

  it.effect("a bad port and no room fail, in a later turn, and leave the thread's last error alone", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      l.calls.WSASetLastError(5)
      const bad = waitOn(l, 4000 as Handle, 0)
      assert.isUndefined(bad.answer)
      yield* l.mock.settled
      assert.deepStrictEqual(bad.answer, [0, Codes.ERROR_INVALID_HANDLE])
      assert.strictEqual(l.error, 5)
    })
  )

  it.effect("waiting on the JS thread is a violation", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const port = l.completionPort()
      const block = l.alloc(64)
      assert.strictEqual(l.calls.GetQueuedCompletionStatusEx(port, block.address, 1, block.address + 32, 10, 0), 0)
      assert.strictEqual(l.error, Codes.WAIT_TIMEOUT)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
    })
  )
})

describe("seeded dequeue", () => {
  const orders = (seed: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const l = yield* lab({ dequeue: "seeded", seed })
        const sockets = Array.from({ length: 6 }, () => l.bound())
        const port = l.completionPort(...sockets.map(({ s }) => s))
        const overlapped = sockets.map(() => l.overlapped())
        const messages = sockets.map(() => l.message())
        sockets.forEach(({ s }, i) => l.recvMsg(s, messages[i], overlapped[i].address))
        sockets.slice(0, 4).forEach(({ port }, i) => l.send(sockets[i].s, "x", "127.0.0.1", port))
        yield* l.mock.settled
        l.calls.PostQueuedCompletionStatus(port, 0, 999, overlapped[0].address)
        sockets.slice(4).forEach(({ port }, i) => l.send(sockets[i].s, "x", "127.0.0.1", port))
        yield* l.mock.settled
        const index = new Map(overlapped.map(({ address }, i) => [address, i]))
        return l.packets(port).map((p) => (p.key === 999 ? "posted" : index.get(p.overlapped)!))
      })
    )

  for (let seed = 1; seed <= 8; seed++) {
    it.effect(`a wait takes no more than it has room for, and loses none (seed ${seed})`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ dequeue: "seeded", seed })
        const port = l.completionPort()
        const posted = Array.from({ length: 40 }, (_, i) => 16 * (i + 1))
        const waiting = waitOn(l, port, 1000)
        for (const overlapped of posted) l.calls.PostQueuedCompletionStatus(port, 0, 7, overlapped)
        yield* l.mock.settled
        assert.deepStrictEqual(waiting.answer, [1, 0])
        const first = waiting.packets().map(({ overlapped }) => overlapped)
        const rest = l.packets(port).map(({ overlapped }) => overlapped)
        assert.isAtMost(first.length, 8)
        assert.deepStrictEqual([...first, ...rest], posted)
      })
    )
  }

  it.effect("shuffles, the same way for the same seed, but nothing passes a posted packet", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      for (let seed = 0; seed < 30; seed++) {
        const order = yield* orders(seed)
        assert.deepStrictEqual(yield* orders(seed), order)
        assert.strictEqual(order[4], "posted")
        assert.deepStrictEqual(order.slice(0, 4).toSorted(), [0, 1, 2, 3])
        assert.deepStrictEqual(order.slice(5).toSorted(), [4, 5])
        seen.add(order.join())
      }
      assert.isAbove(seen.size, 10)
    })
  )

  it.effect("two packets of one OVERLAPPED keep their order", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 50; seed++) {
        const statuses = yield* Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ dequeue: "seeded", guard: "collect", seed })
            const a = l.bound()
            const port = l.completionPort(a.s)
            const overlapped = l.overlapped()
            const message = l.message()
            for (let i = 0; i < 3; i++) {
              l.send(a.s, "y".repeat(i), "127.0.0.1", a.port)
              yield* l.mock.settled
              l.recvMsg(a.s, message, overlapped.address)
            }
            return l.packets(port).map((p) => [p.status, p.bytes])
          })
        )
        assert.deepStrictEqual(
          statuses,
          [0, 1, 2].map((bytes) => [NtStatus.STATUS_SUCCESS, bytes])
        )
      }
    })
  )
})
