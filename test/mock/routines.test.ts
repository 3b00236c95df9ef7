import * as Flags from "@effect-winsock/schema/Flags"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lab } from "./support.ts"

const setUp = Effect.gen(function* () {
  const l = yield* lab()
  const a = l.bound()
  const runs: Array<ReadonlyArray<number>> = []
  const routine = l.routine((...args) => void runs.push(args))
  const receive = () => {
    const overlapped = l.overlapped()
    const message = l.message()
    const rc = l.extension(a.s, "WSARecvMsg")(a.s, message.address, 0, overlapped.address, routine)
    return { overlapped: overlapped.address, code: rc === 0 ? 0 : l.error }
  }
  return { l, a, runs, routine, receive }
})

describe("completion routines", () => {
  it.effect("run in an alertable wait only, in the order of completion", () =>
    Effect.gen(function* () {
      const { a, l, receive, runs } = yield* setUp
      const first = receive()
      const second = receive()
      assert.strictEqual(first.code, Codes.WSA_IO_PENDING)
      l.send(a.s, "one", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.strictEqual(l.calls.CancelIoEx(a.s, second.overlapped), 1)
      assert.strictEqual(l.calls.SleepEx(0, 0), 0)
      assert.deepStrictEqual(runs, [])
      assert.strictEqual(l.calls.SleepEx(0, 1), Flags.WSA_WAIT_IO_COMPLETION)
      assert.deepStrictEqual(runs, [
        [0, 3, first.overlapped, 0],
        [Codes.WSA_OPERATION_ABORTED, 0, second.overlapped, 0]
      ])
      assert.strictEqual(l.calls.SleepEx(0, 1), 0)
    })
  )

  it.effect("one that queues another is followed by it in the same wait, and not nested", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      l.send(a.s, "one", "127.0.0.1", a.port)
      l.send(a.s, "second", "127.0.0.1", a.port)
      yield* l.mock.settled
      const seen: Array<string> = []
      const post = () => l.extension(a.s, "WSARecvMsg")(a.s, l.message().address, 0, l.overlapped().address, routine)
      const routine = l.routine((_error, bytes) => {
        seen.push(`begins ${bytes}`)
        if (seen.length === 1) post()
        seen.push(`ends ${bytes}`)
      })
      post()
      assert.strictEqual(l.calls.SleepEx(0, 1), Flags.WSA_WAIT_IO_COMPLETION)
      assert.deepStrictEqual(seen, ["begins 3", "ends 3", "begins 6", "ends 6"])
      assert.strictEqual(l.calls.SleepEx(0, 1), 0)
    })
  )

  it.effect("an alertable dequeue of an empty port runs them and takes nothing", () =>
    Effect.gen(function* () {
      const { a, l, receive, runs } = yield* setUp
      const port = l.completionPort()
      receive()
      l.send(a.s, "one", "127.0.0.1", a.port)
      yield* l.mock.settled
      const block = l.alloc(64)
      const rc = l.calls.GetQueuedCompletionStatusEx(port, block.address, 1, block.address + 40, 0, 1)
      assert.deepStrictEqual([rc, l.error, runs.length], [0, Flags.WSA_WAIT_IO_COMPLETION, 1])
    })
  )

  it.effect("whoever asks is told when one is queued, once for all that are", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      let told = 0
      const routine = l.routine(
        () => {},
        () => told++
      )
      const post = () => l.extension(a.s, "WSARecvMsg")(a.s, l.message().address, 0, l.overlapped().address, routine)
      post()
      post()
      l.calls.CancelIoEx(a.s, 0)
      assert.strictEqual(told, 0)
      yield* l.mock.settled
      assert.strictEqual(told, 1)
      assert.strictEqual(l.calls.SleepEx(0, 1), Flags.WSA_WAIT_IO_COMPLETION)
      post()
      l.calls.CancelIoEx(a.s, 0)
      yield* l.mock.settled
      assert.strictEqual(told, 2)
    })
  )

  it.effect("one that is taken back while it would still be run is a breach, whether it is pending or queued", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const a = l.bound()
      for (const cancelled of [false, true]) {
        const routine = l.seam.routine(() => {})
        l.extension(a.s, "WSARecvMsg")(a.s, l.message().address, 0, l.overlapped().address, routine.address)
        if (cancelled) l.calls.CancelIoEx(a.s, 0)
        routine.release()
        l.calls.CancelIoEx(a.s, 0)
        l.calls.SleepEx(0, 1)
      }
      assert.deepStrictEqual(
        (yield* l.mock.guard).map(({ kind }) => kind),
        ["RoutineGone", "RoutineGone"]
      )
    })
  )

  it.effect("an OVERLAPPED is taken until its routine ran", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const a = l.bound()
      const routine = l.routine(() => {})
      const overlapped = l.overlapped().address
      const post = () => l.extension(a.s, "WSARecvMsg")(a.s, l.message().address, 0, overlapped, routine)
      post()
      l.calls.CancelIoEx(a.s, overlapped)
      post()
      assert.deepStrictEqual(
        (yield* l.mock.guard).map(({ kind }) => kind),
        ["OverlappedReused"]
      )
      l.calls.CancelIoEx(a.s, overlapped)
      l.calls.SleepEx(0, 1)
      post()
      assert.strictEqual((yield* l.mock.guard).length, 1)
      l.calls.CancelIoEx(a.s, overlapped)
      l.calls.SleepEx(0, 1)
    })
  )
})
