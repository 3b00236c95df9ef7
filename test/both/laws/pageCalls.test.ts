// How the two pages want their calls made, whatever comes of them.
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import { WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { pair, stretch } from "../../support/peer.ts"
import { bind, law, loopback, start } from "../../support/rig.ts"
import { bytes } from "../../support/udp.ts"

const small = { sendBuffer: 4096, receiveBuffer: 4096, peerBuffer: 4096 }

describe("the calls of the pages", () => {
  law("every socket is made for overlapped calls", (rig) =>
    Effect.gen(function* () {
      yield* bind()
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 2 })
      yield* TcpSocket.connect(server.address)
      const made = rig.recorder.of("WSASocketW")
      assert.isAtLeast(made.length, 4)
      for (const { args } of made) assert.strictEqual(args.dwFlags & WSA_FLAG_OVERLAPPED, WSA_FLAG_OVERLAPPED)
    })
  )

  law("an overlapped call is given no byte count and no routine, one that is not a byte count: messages", (rig) =>
    Effect.gen(function* () {
      const [here, there] = [yield* bind(), yield* bind()]
      const waiting = yield* start(there.receive)
      yield* here.send(bytes(1), there.address)
      yield* Fiber.join(waiting)
      yield* here.send(bytes(2), there.address)
      yield* there.receive
      const calls = [...rig.recorder.of("WSARecvMsg"), ...rig.recorder.of("WSASendMsg")].map(({ args }) => ({
        count: "lpdwNumberOfBytesRecvd" in args ? args.lpdwNumberOfBytesRecvd : args.lpNumberOfBytesSent,
        overlapped: args.lpOverlapped,
        routine: args.lpCompletionRoutine
      }))
      assert.isTrue(calls.some(({ overlapped }) => overlapped !== 0))
      assert.isTrue(calls.some(({ overlapped }) => overlapped === 0))
      for (const { count, overlapped, routine } of calls) {
        assert.strictEqual(count === 0, overlapped !== 0)
        assert.strictEqual(routine, 0)
      }
    })
  )

  law("an overlapped call is given no byte count and no routine, one that is not a byte count: streams", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const receiving = yield* start(socket.receive)
      yield* peer.send(bytes(1))
      yield* Fiber.join(receiving)
      const sending = yield* start(socket.send(stretch(0, 1_000_000)))
      yield* peer.read(1_000_000)
      yield* Fiber.join(sending)
      const calls = [...rig.recorder.of("WSARecv"), ...rig.recorder.of("WSASend")].map(({ args }) => ({
        count: "lpNumberOfBytesRecvd" in args ? args.lpNumberOfBytesRecvd : args.lpNumberOfBytesSent,
        overlapped: args.lpOverlapped,
        routine: args.lpCompletionRoutine
      }))
      assert.isTrue(calls.some(({ overlapped }) => overlapped !== 0))
      assert.isTrue(calls.some(({ overlapped }) => overlapped === 0))
      for (const { count, overlapped, routine } of calls) {
        assert.strictEqual(count === 0, overlapped !== 0)
        assert.strictEqual(routine, 0)
      }
    })
  )

  law("each pending operation has an OVERLAPPED of its own", (rig) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => start(socket.receive))
      const posted = rig.recorder.of("WSARecvMsg", ({ args }) => args.lpOverlapped !== 0)
      assert.strictEqual(posted.length, 4)
      assert.strictEqual(new Set(posted.map(({ args }) => args.lpOverlapped)).size, 4)
      assert.strictEqual(new Set(posted.map(({ args }) => args.lpMsg)).size, 4)
      yield* Fiber.interruptAll(fibers)
    })
  )
})
