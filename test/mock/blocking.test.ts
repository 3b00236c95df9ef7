// Blocking calls on the simulation: in virtual time, at chosen moments, and as raw calls of another thread.
import { BlockingSocket, Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { EngineKey } from "@effect-winsock/core/Winsock"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { WSA_OPERATION_ABORTED, WSAEINTR, WSAETIMEDOUT } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { loopback, start } from "../support/rig.ts"
import { inScope } from "../support/tcp.ts"
import { bytes, tag } from "../support/udp.ts"

/** A machine with a layer on it, and what was called. */
const machine = Effect.fnUntraced(function* (decorate: (seam: Seam) => Seam = (seam) => seam) {
  const mock = yield* MockWinsock.make()
  const recorder = Decorators.record()
  const winsock = yield* Winsock.make(decorate(recorder.decorate(mock.seam)))
  const run = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, Winsock.Winsock, winsock)
  return { mock, recorder, winsock, run }
})

const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

describe("in virtual time", () => {
  it.effect("SO_RCVTIMEO ends a call when its time has passed, and not before", () =>
    Effect.gen(function* () {
      const { mock, run } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback, { receiveTimeout: "10 seconds" }))
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      yield* TestClock.adjust("9999 millis")
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "TimedOut")
      assert.strictEqual(yield* tag(socket.receiveMessage), "SocketPoisoned")
    })
  )

  it.effect("a timeout of Effect's poisons nothing", () =>
    Effect.gen(function* () {
      const { mock, run } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback))
      const sender = yield* run(UdpSocket.bind(loopback))
      const fiber = yield* start(Effect.timeoutOption(socket.receiveMessage, "1 hour"))
      yield* mock.settled
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
      yield* sender.send(bytes(4), socket.address)
      assert.deepStrictEqual([...(yield* socket.receiveMessage).payload], [4])
    })
  )

  it.effect("an interruption needs no time, whenever it comes", () =>
    Effect.gen(function* () {
      const { mock, run } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback))
      for (const rest of [false, true]) {
        const fiber = yield* start(socket.receiveMessage)
        if (rest) yield* mock.settled
        yield* Fiber.interrupt(fiber)
      }
      // and it blocks again: nothing spins
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    })
  )
})

/** Makes off-thread receives begin, or end, only when a test says so. */
const held = (when: "begin" | "end") => {
  const waiting: Array<() => void> = []
  return {
    decorate: (seam: Seam): Seam => ({
      ...seam,
      offThread: (name, args, done, address) => {
        if (name !== "WSARecvMsg") return seam.offThread(name, args, done, address)
        if (when === "begin") waiting.push(() => seam.offThread(name, args, done, address))
        else seam.offThread(name, args, (...outcome) => waiting.push(() => done(...outcome)), address)
      }
    }),
    release: Effect.sync(() => {
      for (const task of waiting.splice(0)) task()
    }),
    get count() {
      return waiting.length
    }
  }
}

/** CancelIoEx finds nothing so many times, as when a thread is between a check and its wait. */
const deaf = (times: number) => {
  let left = times
  return (seam: Seam): Seam => ({
    ...seam,
    calls: {
      ...seam.calls,
      CancelIoEx: (file, overlapped) => (left-- > 0 ? 0 : seam.calls.CancelIoEx(file, overlapped))
    }
  })
}

describe("interruption", () => {
  it.effect("cancels again, until the call has returned", () =>
    Effect.gen(function* () {
      const { mock, run, winsock } = yield* machine(deaf(3))
      const socket = yield* run(BlockingSocket.bind(loopback))
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* winsock.statistics).cancels, 4)
    })
  )

  it.effect("a connection that was accepted all the same is kept, and blocks", () =>
    Effect.gen(function* () {
      const { mock, recorder, run } = yield* machine(deaf(8))
      const listener = yield* run(BlockingSocket.listen(loopback))
      const fiber = yield* start(Effect.scoped(listener.accept))
      yield* mock.settled
      const interruption = yield* start(Fiber.interrupt(fiber))
      const client = yield* run(BlockingSocket.connect(listener.address))
      yield* Fiber.join(interruption)
      const stream = yield* listener.accept
      assert.strictEqual(stream.peerAddress.port, client.localAddress.port)
      const receiving = yield* start(stream.receive(1))
      yield* mock.settled
      assert.strictEqual(recorder.count("WSARecv"), 1, "calls, of which one that does not block would be the first")
      yield* client.send(bytes(1))
      assert.deepStrictEqual([...(yield* Fiber.join(receiving))], [1])
    })
  )

  it.effect("a scope closes its socket when the call has returned, and not before", () =>
    Effect.gen(function* () {
      const threads = held("end")
      const { mock, recorder, run } = yield* machine(threads.decorate)
      const { close, value: socket } = yield* inScope(run(BlockingSocket.bind(loopback)))
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      const closing = yield* start(close)
      yield* turns(5)
      assert.strictEqual(recorder.count("closesocket"), 0)
      yield* threads.release
      yield* Fiber.join(closing)
      assert.strictEqual(recorder.count("closesocket"), 1)
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
    })
  )

  it.effect("waits for a thread that comes to its call late, and that call does not block", () =>
    Effect.gen(function* () {
      const threads = held("begin")
      const { mock, run } = yield* machine(threads.decorate)
      const socket = yield* run(BlockingSocket.bind(loopback))
      const fiber = yield* start(socket.receiveMessage)
      yield* turns(5)
      assert.strictEqual(threads.count, 1)
      const interruption = yield* start(Fiber.interrupt(fiber))
      yield* turns(30)
      assert.isUndefined(interruption.pollUnsafe())
      yield* threads.release
      yield* Fiber.join(interruption)
      const again = yield* start(socket.receiveMessage)
      yield* mock.settled
      yield* threads.release
      yield* mock.settled
      assert.isUndefined(again.pollUnsafe())
      const closing = yield* start(Fiber.interrupt(again))
      yield* Fiber.join(closing)
    })
  )

  it.effect("a message that came all the same is the next receive's", () =>
    Effect.gen(function* () {
      const threads = held("end")
      const { mock, run, winsock } = yield* machine(threads.decorate)
      const socket = yield* run(BlockingSocket.bind(loopback))
      const sender = yield* run(UdpSocket.bind(loopback))
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      yield* sender.send(bytes(8), socket.address)
      yield* mock.settled
      assert.strictEqual(threads.count, 1)
      const interruption = yield* start(Fiber.interrupt(fiber))
      yield* turns(3)
      yield* threads.release
      yield* Fiber.join(interruption)
      assert.deepStrictEqual([...(yield* socket.receiveMessage).payload], [8])
      assert.strictEqual((yield* winsock.statistics).recovered, 1)
    })
  )

  it.effect("one call of a socket receives at a time", () =>
    Effect.gen(function* () {
      const { mock, recorder, run, winsock } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback))
      const { Blocking } = yield* Effect.promise(() => import("../../packages/core/src/internal/blockingCalls.ts"))
      const engine = winsock[EngineKey]
      const handle = engine.calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
      const blocking = new Blocking(engine, handle, false)
      const block = engine.heap.alloc(64)
      block.view.setUint16(0, Flags.AF_INET, true)
      engine.calls.bind(handle, block.address, 16)
      const call = () => ({
        args: [handle, block.address + 16, 1, block.address + 32, block.address + 36, 0, 0],
        read: (result: number) => result
      })
      const fibers = [yield* start(blocking.run("WSARecv", call)), yield* start(blocking.run("WSARecv", call))]
      yield* mock.settled
      assert.strictEqual(
        recorder.count("WSARecv", ({ origin }) => origin === "offThread"),
        1
      )
      yield* Effect.forEach(fibers, (fiber) => Fiber.interrupt(fiber))
      yield* Effect.callback<void>((resume) => blocking.close(() => resume(Effect.void)))
      engine.heap.free(block)
      assert.isDefined(socket)
    })
  )

  it.effect("none blocks while routines are outstanding", () =>
    Effect.gen(function* () {
      const { recorder, run, winsock } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback))
      Object.defineProperty(winsock[EngineKey], "routinesOutstanding", { value: 1 })
      assert.strictEqual(yield* tag(socket.receiveMessage), "InProgress")
      assert.strictEqual(recorder.count("WSARecvMsg"), 0)
    })
  )

  it.effect("at exit what blocks is ended", () =>
    Effect.gen(function* () {
      const { mock, run } = yield* machine()
      const socket = yield* run(BlockingSocket.bind(loopback))
      const fiber = yield* start(socket.receiveMessage)
      yield* mock.settled
      yield* mock.exit
      assert.strictEqual(yield* tag(Fiber.join(fiber)), "OperationAborted")
    })
  )

  it.effect("a listener that was interrupted accepts sockets that block", () =>
    Effect.gen(function* () {
      const { mock, run } = yield* machine()
      const listener = yield* run(BlockingSocket.listen(loopback))
      const fiber = yield* start(Effect.scoped(listener.accept))
      yield* mock.settled
      yield* run(BlockingSocket.connect(listener.address))
      yield* Fiber.await(fiber)
      const accepting = yield* start(listener.accept)
      yield* mock.settled
      const client = yield* run(BlockingSocket.connect(listener.address))
      const stream = yield* Fiber.join(accepting)
      const receiving = yield* start(stream.receive(1))
      yield* mock.settled
      assert.isUndefined(receiving.pollUnsafe())
      yield* client.send(bytes(1))
      assert.deepStrictEqual([...(yield* Fiber.join(receiving))], [1])
    })
  )
})

describe("raw calls of another thread", () => {
  const raw = Effect.fnUntraced(function* (flags: number, timeout: number) {
    const mock = yield* MockWinsock.make()
    const { seam } = mock
    const block = yield* Effect.acquireRelease(
      Effect.sync(() => seam.memory.alloc(1024)),
      (block) => Effect.sync(() => seam.memory.free(block))
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => seam.calls.WSAStartup(0x0202, block.address)),
      () => Effect.sync(() => seam.calls.WSACleanup())
    )
    block.bytes.fill(0)
    const s = seam.calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, 0, 0, 0, flags)
    block.view.setUint16(0, Flags.AF_INET, true)
    seam.calls.bind(s, block.address, 16)
    block.view.setUint32(64, timeout, true)
    seam.calls.setsockopt(s, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, block.address + 64, 4)
    const ends: Array<ReadonlyArray<number>> = []
    const { address } = block
    seam.offThread("WSARecv", [s, address + 128, 1, address + 160, address + 164, 0, 0], (...end) => ends.push(end))
    yield* mock.settled
    return { mock, seam, s, ends }
  })

  it.effect("are ended by CancelIoEx, by closesocket and by their timeout, each with its code", () =>
    Effect.gen(function* () {
      const cancelled = yield* raw(Flags.WSA_FLAG_OVERLAPPED, 0)
      assert.strictEqual(cancelled.seam.calls.CancelIoEx(cancelled.s, 0), 1)
      yield* cancelled.mock.settled
      assert.deepStrictEqual(cancelled.ends, [[-1, WSA_OPERATION_ABORTED]])
      cancelled.seam.calls.closesocket(cancelled.s)

      const closed = yield* raw(Flags.WSA_FLAG_OVERLAPPED, 0)
      closed.seam.calls.closesocket(closed.s)
      yield* closed.mock.settled
      assert.deepStrictEqual(closed.ends, [[-1, WSAEINTR]])

      const timed = yield* raw(Flags.WSA_FLAG_OVERLAPPED, 100)
      yield* TestClock.adjust(100)
      yield* timed.mock.settled
      assert.deepStrictEqual(timed.ends, [[-1, WSAETIMEDOUT]])
      timed.seam.calls.closesocket(timed.s)
    })
  )

  it.effect("have no timeout on a socket without WSA_FLAG_OVERLAPPED", () =>
    Effect.gen(function* () {
      const { ends, mock, s, seam } = yield* raw(0, 100)
      yield* TestClock.adjust(10_000)
      yield* mock.settled
      assert.deepStrictEqual(ends, [])
      seam.calls.closesocket(s)
      yield* mock.settled
      assert.strictEqual(ends.length, 1)
    })
  )
})
