/** Datagrams in earnest, from another process: complete and in order when paced, in order and bounded when not. */
import { UdpSocket } from "@effect-winsock/core"
import { NativeWinsock } from "@effect-winsock/native"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { spawn } from "node:child_process"
import { monitorEventLoopDelay } from "node:perf_hooks"
import process from "node:process"
import { fileURLToPath } from "node:url"

const fixture = fileURLToPath(new URL("./fixtures/sender.ts", import.meta.url))
const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

/** The sender's process; the scope's end waits for its end. */
const sender = (port: number, count: number, mode: "credit" | "flood") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [fixture, String(port), String(count), mode], { stdio: "ignore" })
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve))
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill()
        return ended
      })
  )

const numberOf = (payload: Uint8Array): number => new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0)

const word = (n: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

describe("datagrams from another process", () => {
  it.live(
    "100,000 paced by credit arrive complete and in order",
    () =>
      Effect.gen(function* () {
        const count = 100_000
        const window = 128
        const socket = yield* UdpSocket.bind(loopback, { maxMessageSize: 2048 })
        yield* sender(socket.address.port, count, "credit")
        const hello = yield* socket.receive
        const peer = hello.from!
        let expected = 0
        let granted = window
        yield* socket.send(word(granted), peer)
        while (expected < count) {
          const messages = yield* socket.pull
          for (const { payload } of messages) {
            // no assertion per datagram: a hundred thousand of them cost more than the datagrams
            if (numberOf(payload) !== expected) assert.strictEqual(numberOf(payload), expected)
            expected++
          }
          if (granted - expected <= window / 2) {
            granted = expected + window
            yield* socket.send(word(granted), peer)
          }
        }
        assert.strictEqual(expected, count)
      }).pipe(Effect.scoped, Effect.provide(NativeWinsock.layer)),
    120_000
  )

  it.live(
    "a flood arrives in order without doubles, memory stays flat and the program responsive",
    () =>
      Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(loopback, { maxMessageSize: 2048 })
        yield* sender(socket.address.port, 100_000, "flood")
        yield* socket.receive
        const delay = monitorEventLoopDelay({ resolution: 5 })
        delay.enable()
        const before = process.memoryUsage()
        let last = -1
        let received = 0
        for (let ended = false; !ended;) {
          // the end may be among what a full buffer dropped: silence is the end then
          const batch = yield* Effect.timeoutOption(socket.pull, "1 second")
          if (batch._tag === "None") break
          for (const { payload } of batch.value) {
            if (payload.length === 3) {
              ended = true
              break
            }
            const n = numberOf(payload)
            if (n <= last) assert.isAbove(n, last)
            last = n
            received++
          }
        }
        delay.disable()
        const after = process.memoryUsage()
        assert.isAbove(received, 0)
        const grown = after.rss - before.rss
        assert.isBelow(grown, 128 * 1024 * 1024, "bytes of memory more than before")
        console.log(
          `flood: ${received} of 100,000 received; event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, ` +
            `max ${(delay.max / 1e6).toFixed(1)} ms; memory ${(grown / 1024 / 1024).toFixed(1)} MiB more`
        )
      }).pipe(Effect.scoped, Effect.provide(NativeWinsock.layer)),
    120_000
  )
})
