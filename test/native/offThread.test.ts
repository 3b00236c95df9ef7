import type { Handle, Seam } from "@effect-winsock/core/Seam"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Worker } from "node:worker_threads"
import * as Support from "./support.ts"

const { ERROR_INVALID_HANDLE } = Support

// more than libuv has threads, whatever UV_THREADPOOL_SIZE says here
const poolSize = Number(process.env.UV_THREADPOOL_SIZE ?? 4) + 4

/** Blocks every thread of libuv's pool until the returned effect opens the gate and all have come back. */
const blockPool = (seam: Seam) =>
  Effect.gen(function* () {
    const gate = yield* Support.completionPort(seam)
    const blocked = yield* Effect.forEach(Array.from({ length: poolSize }), () =>
      Effect.gen(function* () {
        const { args } = yield* Support.entries(seam)
        return yield* Effect.forkChild(
          Support.offThread(seam, "GetQueuedCompletionStatusEx", oneEntry(args(gate, 30_000))),
          { startImmediately: true }
        )
      })
    )
    return Effect.gen(function* () {
      for (let i = 0; i < poolSize; i++) {
        assert.strictEqual(seam.calls.PostQueuedCompletionStatus(gate, 0, 0, 0), 1)
      }
      for (const fiber of blocked) assert.strictEqual((yield* Fiber.join(fiber)).result, 1)
    })
  })

type Dequeue = Parameters<Seam["calls"]["GetQueuedCompletionStatusEx"]>
const oneEntry = ([port, entries, , removed, timeout, alertable]: Dequeue): Dequeue => [
  port,
  entries,
  1,
  removed,
  timeout,
  alertable
]

/** Looks at the port every `pollInterval` until a packet is there. */
const poll = (seam: Seam, port: Handle, entries: Support.Entries) =>
  Effect.callback<ReadonlyArray<Support.Packet>>((resume) => {
    const again = () => seam.host.schedule(look, seam.host.pollInterval)
    const look = () => {
      if (seam.calls.GetQueuedCompletionStatusEx(...entries.args(port, 0)) === 1) {
        resume(Effect.succeed(entries.packets()))
      } else {
        withdraw = again()
      }
    }
    let withdraw = again()
    return Effect.sync(() => withdraw())
  })

describe("a call off the JS thread", () => {
  it.effect(
    "waits its turn when the pool is busy; polling does not",
    () =>
      Effect.gen(function* () {
        const seam = yield* Support.started
        const port = yield* Support.completionPort(seam)
        const [waiting, polled] = [yield* Support.entries(seam), yield* Support.entries(seam)]
        const open = yield* blockPool(seam)
        let began = false
        const dequeue = yield* Effect.forkChild(
          Support.offThread(seam, "GetQueuedCompletionStatusEx", waiting.args(port, 30_000)).pipe(
            Effect.tap(() =>
              Effect.sync(() => {
                began = true
              })
            )
          ),
          { startImmediately: true }
        )
        assert.strictEqual(seam.calls.PostQueuedCompletionStatus(port, 5, 6, 0), 1)
        const packets = yield* poll(seam, port, polled)
        assert.deepStrictEqual(packets, [{ key: 6, overlapped: 0, status: 0, bytes: 5 }])
        assert.isFalse(began)
        yield* open
        assert.strictEqual(seam.calls.PostQueuedCompletionStatus(port, 0, 0, 0), 1)
        assert.strictEqual((yield* Fiber.join(dequeue)).result, 1)
      }),
    20_000
  )

  it.effect("reports from the top of the event loop, each report in its own turn of microtasks", () =>
    Effect.gen(function* () {
      const seam = yield* Support.started
      const log: Array<string> = []
      let inCall = true
      yield* Effect.callback<void>((resume) => {
        let left = 3
        for (let i = 0; i < 3; i++) {
          seam.offThread("SleepEx", [0, 0], (result) => {
            assert.isFalse(inCall)
            assert.strictEqual(result, 0)
            log.push(`report`)
            queueMicrotask(() => {
              log.push(`microtask`)
              if (--left === 0) resume(Effect.void)
            })
          })
        }
        inCall = false
      })
      assert.deepStrictEqual(log, ["report", "microtask", "report", "microtask", "report", "microtask"])
    })
  )

  it.effect("can be made again from a report", () =>
    Effect.gen(function* () {
      const seam = yield* Support.started
      const port = yield* Support.completionPort(seam)
      const entries = yield* Support.entries(seam)
      const keys = yield* Effect.callback<ReadonlyArray<number>>((resume) => {
        const seen: Array<number> = []
        const arm = () =>
          seam.offThread("GetQueuedCompletionStatusEx", oneEntry(entries.args(port, 5000)), (result) => {
            assert.strictEqual(result, 1)
            seen.push(entries.packets()[0].key)
            if (seen.length === 20) return resume(Effect.succeed(seen))
            arm()
            seam.calls.PostQueuedCompletionStatus(port, 0, seen.length, 0)
          })
        arm()
        seam.calls.PostQueuedCompletionStatus(port, 0, 0, 0)
      })
      assert.deepStrictEqual(
        keys,
        Array.from({ length: 20 }, (_, i) => i)
      )
    })
  )

  it.effect("fails, reported, when koffi takes no more of them", () =>
    Effect.gen(function* () {
      const seam = yield* Support.started
      const results = yield* Effect.all(
        Array.from({ length: 300 }, () => Support.offThread(seam, "WSAResetEvent", [0])),
        { concurrency: "unbounded" }
      )
      const codes = new Map<number, number>()
      for (const { lastError, result } of results) {
        assert.strictEqual(result, 0)
        codes.set(lastError, (codes.get(lastError) ?? 0) + 1)
      }
      const ERROR_MAX_THRDS_REACHED = 164
      assert.sameMembers([...codes.keys()], [ERROR_INVALID_HANDLE, ERROR_MAX_THRDS_REACHED])
      assert.isAtLeast(codes.get(ERROR_INVALID_HANDLE)!, 256)
      // and the next one is taken again
      const next = yield* Support.offThread(seam, "WSAResetEvent", [0])
      assert.strictEqual(next.lastError, ERROR_INVALID_HANDLE)
    })
  )
})

describe("in a worker", () => {
  it("a datagram arrives, dequeued on and off the worker's thread", async () => {
    const worker = new Worker(new URL("./fixtures/worker.ts", import.meta.url), { workerData: "datagram" })
    const messages: Array<unknown> = []
    worker.on("message", (message) => messages.push(message))
    const code = await new Promise((resolve, reject) => {
      worker.on("error", reject)
      worker.on("exit", resolve)
    })
    assert.deepStrictEqual(messages, ["one", "two"])
    assert.strictEqual(code, 0)
  })
})
