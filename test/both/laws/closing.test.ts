import { assert, describe } from "@effect/vitest"
import { UdpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import { bind, interruptSoon, lawInEachMode as law, loopback, numbered, numberOf, start } from "../../support/rig.ts"

const reasonOf = (error: WinsockError) => error.reason._tag

/** A socket in a scope of its own. */
const scopedSocket = Effect.fnUntraced(function* (options?: UdpSocket.Options) {
  const scope = yield* Scope.make()
  const socket = yield* Scope.provide(UdpSocket.bind(loopback, options), scope)
  return { socket, close: Scope.close(scope, Exit.void) }
})

describe("L4: aborted by cause, not by code", () => {
  law("an abort that nobody here asked for is answered by posting again", ({ recorder, statistics, winsock }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fiber = yield* start(socket.receive)
      const handle = recorder.of("WSARecvMsg")[0].args.s
      winsock.seam.calls.CancelIoEx(handle as never, 0)
      while ((yield* statistics).reposted === 0) yield* Effect.yieldNow
      assert.isUndefined(fiber.pollUnsafe())
      yield* socket.send(numbered(8), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 8)
    })
  )

  law("whatever status closing gives, the waiter of a closed socket is told OperationAborted", () =>
    Effect.gen(function* () {
      // closes the SOCKET under its operations: the status differs by system
      const { close, socket } = yield* scopedSocket({ cancel: "close" })
      const fibers = yield* Effect.forEach([1, 2, 3], () => start(Effect.flip(socket.receive)))
      const victim = yield* start(socket.receive)
      yield* Fiber.interrupt(victim)
      const reasons = yield* Effect.forEach(fibers, (fiber) => Effect.map(Fiber.join(fiber), reasonOf))
      assert.deepStrictEqual(reasons, ["OperationAborted", "OperationAborted", "OperationAborted"])
      assert.strictEqual(reasonOf(yield* Effect.flip(socket.receive)), "SocketClosed")
      yield* close
    })
  )
})

describe("L5: closing a scope", () => {
  law("waiters fail with OperationAborted, later calls with SocketClosed", ({ statistics }) =>
    Effect.gen(function* () {
      const { close, socket } = yield* scopedSocket()
      const fibers = yield* Effect.forEach([1, 2, 3], () => start(Effect.flip(socket.receive)))
      const puller = yield* start(Effect.flip(Effect.asVoid(socket.pull)))
      yield* close
      const reasons = [yield* Fiber.join(puller), ...(yield* Effect.forEach(fibers, Fiber.join))].map(reasonOf)
      assert.deepStrictEqual(new Set(reasons), new Set(["OperationAborted"]))
      for (const effect of [
        socket.receive,
        socket.pull,
        socket.send(numbered(1), loopback),
        socket.connect(loopback)
      ]) {
        assert.strictEqual(reasonOf(yield* Effect.flip(effect as Effect.Effect<unknown, WinsockError>)), "SocketClosed")
      }
      assert.strictEqual((yield* statistics).handles.sockets, 0)
    })
  )

  law("pending receives are drained before closesocket, and the number is never used again", ({ recorder }) =>
    Effect.gen(function* () {
      const { close, socket } = yield* scopedSocket({ lookAhead: 3 })
      const fiber = yield* start(Effect.exit(socket.receive))
      const handle = recorder.of("WSARecvMsg")[0].args.s
      yield* close
      yield* Fiber.join(fiber)
      yield* Effect.exit(socket.receive)
      const calls = recorder.calls.filter((call) => {
        const args = call.args as { readonly s?: number; readonly hFile?: number }
        return args.s === handle || args.hFile === handle
      })
      const last = calls[calls.length - 1]
      assert.strictEqual(last.name, "closesocket")
      assert.strictEqual(calls.filter((call) => call.name === "closesocket").length, 1)
      assert.strictEqual(calls.filter((call) => call.name === "CancelIoEx").length, 1)
    })
  )

  law("messages that nobody took are counted as discarded", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const { close, socket } = yield* scopedSocket({ lookAhead: 2 })
      gate.close()
      yield* socket.send(numbered(1), socket.address)
      yield* socket.send(numbered(2), socket.address)
      yield* gate.awaitHeld(2)
      gate.open()
      yield* close
      assert.strictEqual((yield* statistics).discarded, 2)
    })
  )

  law("an interruption that is under way when the socket closes ends as well", ({ gate }) =>
    Effect.gen(function* () {
      const { close, socket } = yield* scopedSocket()
      const fiber = yield* start(socket.receive)
      gate.close()
      yield* interruptSoon(fiber)
      yield* gate.awaitHeld(1)
      const closing = yield* start(close)
      assert.isUndefined(closing.pollUnsafe())
      gate.open()
      yield* Fiber.join(closing)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    })
  )

  law("closing twice, and from a fiber that was just resumed, is harmless", () =>
    Effect.gen(function* () {
      const { close, socket } = yield* scopedSocket()
      const others = yield* Effect.forEach([1, 2, 3], () => start(Effect.exit(socket.receive)))
      const closer = yield* start(Effect.andThen(socket.receive, close))
      for (let i = 0; i < 4; i++) yield* socket.send(numbered(i), socket.address)
      yield* Fiber.join(closer)
      yield* close
      for (const fiber of others) assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
    })
  )
})

describe("L6: releasing the layer leaves nothing", () => {
  law("sockets that are still open are closed, their waiters aborted", ({ release, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ lookAhead: 2 })
      const other = yield* bind()
      const fibers = yield* Effect.forEach([socket.receive, other.receive, other.pull], (effect) =>
        start(Effect.flip(effect as Effect.Effect<unknown, WinsockError>))
      )
      yield* release
      for (const fiber of fibers) assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "OperationAborted")
      assert.strictEqual((yield* statistics).handles.sockets, 0)
      assert.strictEqual(reasonOf(yield* Effect.flip(other.receive)), "SocketClosed")
      assert.strictEqual(reasonOf(yield* Effect.flip(Effect.scoped(bind()))), "SocketClosed")
    })
  )

  law(
    "a provider that refuses to cancel: the socket is closed after the grace period",
    ({ failing, recorder }) =>
      Effect.gen(function* () {
        const { close, socket } = yield* scopedSocket()
        // ERROR_INVALID_FUNCTION
        failing.add({ call: "CancelIoEx", code: 1 })
        const fiber = yield* start(socket.receive)
        const other = yield* start(Effect.flip(socket.receive))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(recorder.count("closesocket"), 1)
        assert.strictEqual(reasonOf(yield* Fiber.join(other)), "OperationAborted")
        yield* close
        assert.strictEqual(recorder.count("closesocket"), 1)
      }),
    { cancelGrace: "40 millis" }
  )

  law(
    "an operation that never completes is given up after two grace periods, and the release goes on",
    ({ gate, recorder, release, statistics }) =>
      Effect.gen(function* () {
        const { socket } = yield* scopedSocket()
        const fiber = yield* start(socket.receive)
        gate.close()
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* statistics).leaked, 1)
        const said: Array<unknown> = []
        const logger = Logger.make<unknown, void>((entry) => void said.push(entry.message))
        yield* Effect.provide(release, Logger.layer([logger]))
        gate.open()
        const [posted] = recorder.of("WSARecvMsg")
        const { lpOverlapped, s } = posted.args
        const report = said.flat(2).find((part) => Predicate.hasProperty(part, "overlapped"))
        assert.deepInclude(report as Record<string, unknown> | undefined, {
          operation: "WSARecvMsg",
          socket: s,
          overlapped: lpOverlapped
        })
      }),
    // the status of an operation by event is seen once its socket is closed, whatever is held back
    { cancelGrace: "40 millis", leaked: 1, modes: ["port", "routine"] }
  )
})
