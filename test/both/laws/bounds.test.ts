import { assert, describe } from "@effect/vitest"
import { UdpSocket } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import {
  bind,
  interruptSoon,
  law as lawByPort,
  lawInEachMode as law,
  loopback,
  numbered,
  numberOf,
  start
} from "../../support/rig.ts"

const blocked = 10035

describe("L1: an interruption makes at most one cancel call", () => {
  law("a storm of interruptions holds no more receives than twice maxPosted", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxPosted: 2 })
      gate.close()
      const fibers = []
      for (let i = 0; i < 20; i++) {
        const fiber = yield* start(socket.receive)
        yield* interruptSoon(fiber)
        fibers.push(fiber)
      }
      assert.isAtMost((yield* statistics).pending, 4)
      gate.open()
      yield* Effect.forEach(fibers, Fiber.await)
      yield* socket.send(numbered(1), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 1)
    })
  )

  law("an interrupted send cancels itself alone", ({ failing, gate, recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      const receiver = yield* start(socket.receive)
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, code: blocked })
      gate.close()
      const sends = yield* Effect.forEach([1, 2], (n) => start(socket.send(numbered(n), peer.address)))
      const posts = recorder.of("WSASendMsg", (call) => call.args.lpOverlapped !== 0)
      assert.strictEqual(posts.length, 2)
      yield* interruptSoon(sends[1])
      gate.open()
      yield* Fiber.await(sends[1])
      yield* Fiber.join(sends[0])
      assert.deepStrictEqual(
        recorder.of("CancelIoEx").map((call) => call.args.lpOverlapped),
        [posts[1].args.lpOverlapped]
      )
      assert.isUndefined(receiver.pollUnsafe())
    })
  )
})

describe("L2: a cancelled operation that completed anyway loses nothing", () => {
  law("while a send waits in the kernel, later ones do not try to go past it", ({ failing, gate, recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth: 1, code: blocked })
      gate.close()
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => start(socket.send(numbered(n), peer.address)))
      assert.strictEqual(
        recorder.count("WSASendMsg", (call) => call.args.lpOverlapped === 0),
        1
      )
      assert.strictEqual(
        recorder.count("WSASendMsg", (call) => call.args.lpOverlapped !== 0),
        3
      )
      gate.open()
      yield* Effect.forEach(fibers, Fiber.join)
      for (const n of [1, 2, 3]) assert.strictEqual(numberOf(yield* peer.receive), n)
    })
  )
})

describe("L4: aborted by cause, not by code", () => {
  // a provider that aborts whatever is posted
  const aborting =
    (on: { now: boolean }) =>
    (seam: Seam): Seam => ({
      ...seam,
      bind: (name, address) => {
        const call = seam.bind(name, address) as (...args: Array<number>) => number
        const aborted = (...args: Array<number>): number => {
          const result = call(...args)
          const code = seam.calls.WSAGetLastError()
          if (on.now && args[3] !== 0) seam.calls.CancelIoEx(args[0] as never, args[3])
          seam.calls.WSASetLastError(code)
          return result
        }
        return (name === "WSARecvMsg" ? aborted : call) as never
      }
    })
  const on = { now: false }
  law(
    "aborts that nobody here asked for, one after the other, are told in the end",
    ({ statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        on.now = true
        const error = yield* Effect.flip(socket.receive)
        on.now = false
        assert.strictEqual(error.reason._tag, "OperationAborted")
        assert.isAbove((yield* statistics).reposted, 0)
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* socket.receive), 1)
      }),
    { decorate: aborting(on) }
  )
})

describe("L6: releasing the layer leaves nothing", () => {
  lawByPort(
    "the completion key of an operation that was given up is not used again",
    ({ gate, recorder }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const socket = yield* Scope.provide(UdpSocket.bind(loopback), scope)
        const fiber = yield* start(socket.receive)
        gate.close()
        yield* Fiber.interrupt(fiber)
        yield* Scope.close(scope, Exit.void)
        const other = yield* bind()
        const [key, ...others] = recorder
          .of("CreateIoCompletionPort", (call) => call.args.ExistingCompletionPort !== 0)
          .map((call) => call.args.CompletionKey)
        assert.strictEqual(others.length, 1)
        assert.notInclude(others, key)
        // the late packet is nobody's
        gate.open()
        yield* other.send(numbered(1), other.address)
        assert.strictEqual(numberOf(yield* other.receive), 1)
      }),
    { cancelGrace: "40 millis", leaked: 1 }
  )
})
