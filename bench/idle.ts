/**
 * npm run bench -- --idle [--native] [--connections=n]
 *
 * What an idle connection costs: memory after a collection, of both ends of so many connections on loopback (10,000 on
 * the simulated network, 1,000 on the real ws2_32), less what was there before the first. Measured with nobody waiting
 * and with a fiber that waits for bytes at each end. On the simulated network that includes the simulated kernel of both
 * ends; the connections of a layer without them are held beside it to tell the two apart.
 */
import { TcpServer, TcpSocket, Winsock } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import process from "node:process"
import { parseArgs } from "node:util"

const { values } = parseArgs({ options: { native: { type: "boolean" }, connections: { type: "string" } } })

/** The target: 4 KiB an idle connection on the simulated network, which is one of its two ends and all below it. */
const target = 4096
const connections = Number(values.connections ?? (values.native === true ? 1000 : 10_000))
/** How many are being made at a time. */
const atOnce = 50

const collect = globalThis.gc
if (collect === undefined) throw new Error("run it with --expose-gc, as `npm run bench -- --idle` does")

const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** Bytes of the JavaScript heap and what hangs on it, and of native memory. */
const used = Effect.gen(function* () {
  for (let i = 0; i < 4; i++) {
    yield* turn
    collect()
  }
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  const { statistics } = yield* Winsock.Winsock
  const { blocks } = yield* statistics
  // the simulated memory is array buffers; the DLL's is not
  return heapUsed + Math.max(arrayBuffers, external) + (values.native === true ? blocks.bytes : 0)
})

const layer: Effect.Effect<Layer.Layer<Winsock.Winsock, unknown>> = Effect.promise(async () => {
  if (values.native === true) return (await import("@effect-winsock/native")).NativeWinsock.layer
  const { MockWinsock } = await import("@effect-winsock/mock")
  return MockWinsock.layer({ guard: "off" }) as Layer.Layer<Winsock.Winsock, unknown>
})

const program = Effect.gen(function* () {
  const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)
  const server = yield* TcpServer.listen(loopback)
  const pair = Effect.all([TcpSocket.connect(server.address), server.accept], { concurrency: "unbounded" })
  // what is made once: shared buffers, the first slabs
  const warm = yield* Effect.all(Array.from({ length: atOnce }, () => pair))
  const before = yield* used
  const began = performance.now()
  const ends: Array<TcpSocket.TcpSocket> = []
  for (let n = 0; n < connections; n += atOnce) {
    for (const both of yield* Effect.all(
      Array.from({ length: atOnce }, () => pair),
      { concurrency: "unbounded" }
    )) {
      ends.push(...both)
    }
  }
  const seconds = (performance.now() - began) / 1000
  const idle = (yield* used) - before
  const fibers = yield* Effect.forEach(ends, (end) => Effect.forkChild(end.receive, { startImmediately: true }))
  yield* turn
  const waiting = (yield* used) - before
  yield* Fiber.interruptAll(fibers)
  return { idle, waiting, seconds, ends: ends.length, warm: warm.length }
}).pipe(Effect.scoped)

const { ends, idle, seconds, waiting } = await Effect.runPromise(
  Effect.flatMap(layer, (layer) => Effect.provide(program, layer))
)
const each = (bytes: number): string => String(Math.round(bytes / ends)).padStart(6)
const where = values.native === true ? "the real ws2_32" : "the simulated network"
console.log(`${ends / 2} connections on ${where}, both ends here; made in ${seconds.toFixed(1)} s`)
console.log(`nobody waits:          ${each(idle)} bytes an end`)
console.log(`a fiber waits at each: ${each(waiting)} bytes an end`)
const met = idle / ends <= target
const judged = values.native === true ? "no target natively" : `at most ${target} bytes: ${met ? "met" : "MISSED"}`
console.log(`\nan idle connection takes ${Math.round(idle / ends)} bytes (${judged})`)
