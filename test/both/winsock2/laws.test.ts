// What the calls of Winsock2 keep, whatever is interrupted, cancelled or closed.
import { EventObject, Winsock2 } from "@effect-winsock/core"
import { AF_INET, IPPROTO_TCP, SOCK_STREAM } from "@effect-winsock/schema/Flags"
import { WSAECONNRESET } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import { interruptSoon, law, lawInEachMode, layerName, start } from "../../support/rig.ts"
import { inScope } from "../../support/tcp.ts"
import { bytes, tag } from "../../support/udp.ts"
import { joined, listener, pair, soon, udp } from "../../support/winsock2.ts"

const data = (overlapped: Winsock2.Overlapped<Winsock2.Received>) =>
  Effect.map(overlapped.result, ({ buffers }) => joined(buffers))

const numbered = Effect.gen(function* () {
  const socket = yield* udp()
  const name = yield* Winsock2.getsockname(socket)
  // at once, and without a packet of its own
  const send = (n: number) => Winsock2.WSASendTo(socket, { buffers: bytes(n), name, overlapped: false })
  return { socket, send }
})

describe("Winsock2: interruption", () => {
  lawInEachMode("a receive that waits: one CancelIoEx, for exactly that operation", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const receive = Winsock2.WSARecvFrom(socket, { buffers: [8] })
      const fibers = yield* Effect.forEach([0, 1, 2], () => start(receive))
      const posted = recorder.of("WSARecvFrom").map(({ args }) => args.lpOverlapped)
      yield* Fiber.interrupt(fibers[1])
      const cancels = recorder.of("CancelIoEx").map(({ args }) => args.lpOverlapped)
      assert.deepStrictEqual(cancels, [posted[1]])
      assert.strictEqual((yield* statistics).pending, 2)
      for (const n of [1, 2]) yield* send(n)
      assert.deepStrictEqual(joined((yield* Fiber.join(fibers[0])).buffers), [1])
      assert.deepStrictEqual(joined((yield* Fiber.join(fibers[2])).buffers), [2])
    })
  )

  lawInEachMode("before the call it makes none", ({ recorder }) =>
    Effect.gen(function* () {
      const { socket } = yield* numbered
      const fiber = yield* Effect.forkChild(Winsock2.WSARecvFrom(socket, { buffers: [8] }))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(recorder.count("WSARecvFrom"), 0)
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
    })
  )

  lawInEachMode("it ends when the kernel has given the operation back, and not before", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const { socket } = yield* numbered
      const fiber = yield* start(Winsock2.WSARecv(socket, { buffers: [8] }))
      gate.close()
      const interrupting = yield* start(Fiber.interrupt(fiber))
      yield* gate.awaitHeld(1)
      assert.isUndefined(interrupting.pollUnsafe())
      assert.strictEqual((yield* statistics).slots.used, 1)
      gate.open()
      yield* Fiber.join(interrupting)
      assert.strictEqual((yield* statistics).slots.used, 0)
    })
  )

  lawInEachMode(
    "a receive that completed all the same is counted as discarded; a begun one is not lost",
    ({ gate, statistics }) =>
      Effect.gen(function* () {
        const { send, socket } = yield* numbered
        const fiber = yield* start(Winsock2.WSARecv(socket, { buffers: [8] }))
        const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
        const waiting = yield* start(begun.result)
        gate.close()
        for (const n of [1, 2]) yield* send(n)
        yield* gate.awaitHeld(2)
        const interrupting = yield* start(Effect.andThen(Fiber.interrupt(fiber), Fiber.interrupt(waiting)))
        gate.open()
        yield* Fiber.join(interrupting)
        assert.strictEqual((yield* statistics).discarded, 1)
        assert.deepStrictEqual(yield* data(begun), [2])
        assert.deepStrictEqual(yield* data(begun), [2])
      })
  )

  for (const most of [8, 16, 24]) {
    lawInEachMode(
      `of a fiber that yields every ${most} steps: every datagram is given out or counted`,
      ({ statistics }) =>
        Effect.gen(function* () {
          const { send, socket } = yield* numbered
          const after = <A, E, R>(steps: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
            steps === 0 ? effect : Effect.suspend(() => after(steps - 1, effect))
          for (const overlapped of [true, false]) {
            for (let n = 0; n < most; n++) {
              const before = (yield* statistics).discarded
              yield* send(n)
              const got: Array<number> = []
              const take = Effect.map(Winsock2.WSARecv(socket, { buffers: [8], overlapped }), ({ buffers }) => {
                got.push(...joined(buffers))
              })
              const fiber = yield* start(Effect.provideService(after(n, take), Scheduler.MaxOpsBeforeYield, most))
              yield* interruptSoon(fiber)
              yield* Fiber.await(fiber)
              const { discarded, inbox } = yield* statistics
              assert.strictEqual(inbox, 0)
              if (got.length + discarded - before === 0) {
                got.push(...joined((yield* Winsock2.WSARecv(socket, { buffers: [8] })).buffers))
              }
              assert.strictEqual(got.length + discarded - before, 1, "given out, counted, or still there")
            }
          }
        })
    )
  }

  lawInEachMode("a stream send in the kernel is torn: later sends fail with StreamBroken", ({ statistics }) =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () =>
        start(Winsock2.WSASend(client, { buffers: new Uint8Array(3_000_000) }))
      )
      const last = fibers[3]
      assert.isUndefined(last.pollUnsafe())
      yield* Fiber.interrupt(last)
      assert.strictEqual((yield* statistics).operations.send.aborted, 1)
      assert.strictEqual(yield* tag(Winsock2.WSASend(client, { buffers: bytes(1) })), "StreamBroken")
      assert.strictEqual(yield* tag(Winsock2.WSASend(client, { buffers: bytes(1), overlapped: false })), "StreamBroken")
      assert.strictEqual(yield* tag(Winsock2.TransmitFile(client, { head: bytes(1) })), "StreamBroken")
    })
  )

  lawInEachMode("of ConnectEx and AcceptEx leaves the sockets their scope's", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const listening = yield* listener
      const acceptSocket = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
      const accepting = yield* start(Winsock2.AcceptEx(listening, { acceptSocket }))
      yield* Fiber.interrupt(accepting)
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      assert.strictEqual((yield* statistics).handles.sockets, 2)
      assert.strictEqual((yield* statistics).pending, 0)
      // and they are of use still
      const again = yield* start(Winsock2.AcceptEx(listening, { acceptSocket }))
      yield* Fiber.interrupt(again)
    })
  )
})

describe("Winsock2: fairness", () => {
  for (const overlapped of [true, false]) {
    lawInEachMode(`a loop of calls that answer at once lets the event loop turn (overlapped: ${overlapped})`, () =>
      Effect.gen(function* () {
        const { send, socket } = yield* numbered
        let turned = false
        setImmediate(() => {
          turned = true
        })
        let calls = 0
        while (!turned && calls < 5000) {
          yield* send(calls & 255)
          yield* soon(Winsock2.WSARecv(socket, { buffers: [8], overlapped }))
          calls++
        }
        assert.isTrue(turned, "no turn in 5000 calls")
      })
    )
  }
})

describe("Winsock2: begin", () => {
  lawInEachMode("the result is waited for by many, and asked for again", () =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const begun = yield* Winsock2.begin("WSARecvFrom", socket, { buffers: [8] })
      assert.strictEqual(begun.name, "WSARecvFrom")
      const fibers = yield* Effect.forEach([0, 1, 2], () => start(data(begun)))
      yield* Fiber.interrupt(fibers[0])
      yield* send(5)
      assert.deepStrictEqual(yield* Fiber.join(fibers[1]), [5])
      assert.deepStrictEqual(yield* Fiber.join(fibers[2]), [5])
      assert.deepStrictEqual(yield* data(begun), [5])
    })
  )

  lawInEachMode("a time limit on the wait loses nothing", ({ recorder }) =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(begun.result, 5)))
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      yield* send(9)
      assert.deepStrictEqual(yield* data(begun), [9])
    })
  )

  law("WSAGetOverlappedResult: Pending while it is, and then its outcome, although its packet is held", ({ gate }) =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
      const poll = Winsock2.WSAGetOverlappedResult(begun, false)
      const failed = yield* Effect.flip(poll)
      assert.deepStrictEqual([failed.reason._tag, failed.reason.name], ["Pending", "WSA_IO_INCOMPLETE"])
      gate.close()
      yield* send(3)
      yield* gate.awaitHeld(1)
      assert.deepStrictEqual(joined((yield* poll).buffers), [3])
      gate.open()
      assert.deepStrictEqual(joined((yield* Winsock2.WSAGetOverlappedResult(begun, true)).buffers), [3])
    })
  )

  law("an event tells of its end, and no packet does", ({ statistics }) =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const event = yield* Winsock2.WSACreateEvent
      yield* Winsock2.WSASetEvent(event)
      const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] }, event)
      assert.isFalse(yield* event.isSet)
      assert.strictEqual(
        yield* tag(Effect.scoped(Winsock2.begin("WSARecv", socket, { buffers: [8] }, event))),
        "InvalidArgument"
      )
      const packets = (yield* statistics).pump.packets
      // a send has a packet of its own, unless it answers at once
      yield* Winsock2.WSASendTo(socket, {
        buffers: bytes(4),
        name: yield* Winsock2.getsockname(socket),
        overlapped: false
      })
      yield* event.wait
      assert.deepStrictEqual(joined((yield* Winsock2.WSAGetOverlappedResult(begun, false)).buffers), [4])
      assert.strictEqual((yield* statistics).pump.packets, packets)
      yield* Winsock2.WSAResetEvent(event)
      const again = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] }, event)
      yield* send(6)
      assert.deepStrictEqual(yield* data(again), [6])
    })
  )

  law("WSAWaitForMultipleEvents tells which operation has ended, or that all have", () =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const events = yield* Effect.all([Winsock2.WSACreateEvent, Winsock2.WSACreateEvent])
      const [first, second] = yield* Effect.forEach(events, (event) =>
        Winsock2.begin("WSARecv", socket, { buffers: [8] }, event)
      )
      assert.strictEqual(yield* tag(Winsock2.WSAWaitForMultipleEvents(events, { timeout: 0 })), "TimedOut")
      yield* send(1)
      assert.strictEqual(yield* Winsock2.WSAWaitForMultipleEvents(events), 0)
      const all = yield* start(Winsock2.WSAWaitForMultipleEvents(events, { waitAll: true }))
      yield* send(2)
      assert.strictEqual(yield* Fiber.join(all), 0)
      assert.deepStrictEqual([yield* data(first), yield* data(second)], [[1], [2]])
    })
  )

  law("a call that fails at once fails there, and leaves its event free", () =>
    Effect.gen(function* () {
      const socket = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
      const event = yield* EventObject.make
      const failing = Winsock2.begin("WSARecv", socket, { buffers: [8] }, event)
      assert.strictEqual(yield* tag(failing), "NotConnected")
      assert.strictEqual(yield* tag(failing), "NotConnected")
    })
  )

  lawInEachMode("CancelIoEx ends one, or all; what has ended is NothingToCancel", ({ recorder }) =>
    Effect.gen(function* () {
      const { send, socket } = yield* numbered
      const receive = Winsock2.begin("WSARecv", socket, { buffers: [8] })
      const [a, b, c] = [yield* receive, yield* receive, yield* receive]
      yield* Winsock2.CancelIoEx(socket, b)
      assert.strictEqual(yield* tag(b.result), "OperationAborted")
      assert.strictEqual(yield* tag(Winsock2.CancelIoEx(socket, b)), "NothingToCancel")
      yield* send(1)
      assert.deepStrictEqual(yield* data(a), [1])
      yield* Winsock2.CancelIoEx(socket)
      assert.strictEqual(yield* tag(c.result), "OperationAborted")
      assert.strictEqual(yield* tag(Winsock2.CancelIoEx(socket)), "NothingToCancel")
      assert.strictEqual(recorder.count("CancelIoEx"), 2)
    })
  )

  lawInEachMode(
    "closing its scope cancels it; closing it after its end counts what nobody took",
    ({ gate, recorder, statistics }) =>
      Effect.gen(function* () {
        const { send, socket } = yield* numbered
        const one = yield* inScope(Winsock2.begin("WSARecv", socket, { buffers: [8] }))
        const waiting = yield* start(one.value.result)
        gate.close()
        const closing = yield* start(one.close)
        yield* gate.awaitHeld(1)
        assert.isUndefined(closing.pollUnsafe())
        gate.open()
        yield* Fiber.join(closing)
        assert.strictEqual(recorder.count("CancelIoEx"), 1)
        assert.strictEqual(yield* tag(one.value.result), "OperationAborted")
        assert.strictEqual(yield* tag(Fiber.join(waiting)), "OperationAborted")
        const two = yield* inScope(Winsock2.begin("WSARecv", socket, { buffers: [8] }))
        yield* send(1)
        for (let n = 0; n < 1000 && (yield* statistics).inbox === 0; n++) yield* Effect.sleep(1)
        assert.strictEqual((yield* statistics).inbox, 1)
        yield* two.close
        const { discarded, inbox } = yield* statistics
        assert.deepStrictEqual({ discarded, inbox }, { discarded: 1, inbox: 0 })
        assert.deepStrictEqual(yield* data(two.value), [1])
      })
  )
})

describe("Winsock2: closing", () => {
  lawInEachMode("of a socket ends what is pending, then nothing refers to its number", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const { socket } = yield* numbered
      const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
      const waiting = yield* start(Winsock2.WSARecvFrom(socket, { buffers: [8] }))
      yield* Winsock2.closesocket(socket)
      assert.strictEqual(yield* tag(begun.result), "OperationAborted")
      assert.strictEqual(yield* tag(Fiber.join(waiting)), "OperationAborted")
      const [first] = recorder.of("WSASocketW")
      const number = first.result
      // the number is another socket's now, more likely than not
      const next = yield* udp()
      recorder.clear()
      for (const call of [
        Winsock2.closesocket(socket),
        Winsock2.WSARecv(socket, { buffers: [8] }),
        Winsock2.WSARecv(socket, { buffers: [8], overlapped: false }),
        Winsock2.getsockname(socket),
        Winsock2.CancelIoEx(socket),
        Effect.scoped(Winsock2.begin("WSARecv", socket, { buffers: [8] }))
      ]) {
        assert.strictEqual(yield* tag(call), "SocketClosed")
      }
      assert.isUndefined(recorder.calls.find(({ args }) => "s" in args && args.s === number))
      assert.notStrictEqual(next.generation, socket.generation)
      assert.strictEqual((yield* statistics).handles.sockets, 1)
    })
  )

  lawInEachMode("of the layer ends everything", ({ release }) =>
    Effect.gen(function* () {
      const { socket } = yield* numbered
      const waiting = yield* start(Winsock2.WSARecv(socket, { buffers: [8] }))
      yield* release
      assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
      assert.strictEqual(yield* tag(Winsock2.WSARecv(socket, { buffers: [8] })), "SocketClosed")
      assert.strictEqual(
        yield* tag(Effect.scoped(Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP))),
        "SocketClosed"
      )
    })
  )

  lawInEachMode("a genuine reset is the peer's doing, and not an abort", ({ failing }) =>
    Effect.gen(function* () {
      const { client } = yield* pair
      failing.add({ call: "WSARecv", code: WSAECONNRESET })
      assert.strictEqual(yield* tag(Winsock2.WSARecv(client, { buffers: [8] })), "ConnectionReset")
    })
  )

  if (layerName === "mock") {
    for (const answer of ["pending", "emsgsize+packet", "emsgsize-only"] as const) {
      lawInEachMode(
        `a datagram that is cut, where the kernel says ${answer}: it is given out once, and nothing is left`,
        ({ statistics }) =>
          Effect.gen(function* () {
            const { socket } = yield* numbered
            const name = yield* Winsock2.getsockname(socket)
            for (let n = 0; n < 20; n++) {
              yield* Winsock2.WSASendTo(socket, { buffers: bytes(n, 1, 2), name, overlapped: false })
              const got = yield* Winsock2.WSARecvFrom(socket, { buffers: [1] })
              assert.deepStrictEqual([joined(got.buffers), got.bytes, got.truncated], [[n], 1, true])
            }
            const { pending, slots } = yield* statistics
            assert.deepStrictEqual({ pending, used: slots.used }, { pending: 0, used: 0 })
          }),
        { mock: { truncationAnswer: answer, delivery: "immediate" } }
      )
    }

    law(
      "what a provider never gives back is left to it, and closing goes on",
      ({ release, statistics }) =>
        Effect.gen(function* () {
          const { socket } = yield* numbered
          const begun = yield* Winsock2.begin("WSARecv", socket, { buffers: [8] })
          yield* release
          assert.strictEqual(yield* tag(begun.result), "OperationAborted")
          assert.strictEqual((yield* statistics).leaked, 1)
        }),
      {
        leaked: 1,
        cancelGrace: "40 millis",
        // no packet is ever seen
        decorate: (seam) => ({
          ...seam,
          calls: {
            ...seam.calls,
            GetQueuedCompletionStatusEx: () => {
              seam.calls.WSASetLastError(258)
              return 0
            }
          },
          offThread: (name, args, done) =>
            name === "GetQueuedCompletionStatusEx"
              ? void setTimeout(() => done(0 as never, 258), 1)
              : seam.offThread(name, args, done)
        })
      }
    )
  }
})
