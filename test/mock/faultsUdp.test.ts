// What datagram sockets make of each fault: typed errors, nothing lost, nothing left, an end in virtual time.
import { UdpSocket, Winsock } from "@effect-winsock/core"
import { MockFault } from "@effect-winsock/mock"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { faulty } from "../support/faulty.ts"
import { bind, interruptSoon, loopback, numbered, numberOf, start } from "../support/rig.ts"
import { tag } from "../support/udp.ts"

/** A receive that is interrupted while datagram 1 is under way, then a receive that must get what there is. */
const raced = Effect.fnUntraced(function* (
  within: <A, E, R>(ms: number, e: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) {
  const socket = yield* bind()
  const fiber = yield* start(socket.receive)
  yield* socket.send(numbered(1), socket.address)
  yield* within(12_000, Fiber.interrupt(fiber))
  return { socket, exit: yield* Fiber.await(fiber) }
})

describe("cancellations of a receive (L1, L2)", () => {
  for (const fault of [
    MockFault.cancelLoses(),
    MockFault.cancelLate(3),
    MockFault.cancelLate({ after: "3 seconds" })
  ]) {
    faulty(`${fault.description}: the datagram is the next receive's`, ({ mock, statistics, struck, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(fault)
        const { exit, socket } = yield* raced(within)
        assert.isTrue(Exit.hasInterrupts(exit))
        assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 1)
        assert.strictEqual((yield* statistics).recovered, 1)
        assert.strictEqual((yield* struck).get(fault.description), 1)
      })
    )
  }

  for (const fault of [MockFault.cancelIgnored({ nth: 1 }), MockFault.cancelNotFound({ nth: 1 })]) {
    faulty(`${fault.description}: what comes later completes the receive, and is the next one's`, ({ mock, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(fault)
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        const interruption = yield* start(Fiber.interrupt(fiber))
        yield* mock.settled
        assert.isUndefined(interruption.pollUnsafe())
        yield* socket.send(numbered(1), socket.address)
        yield* within(1000, Fiber.join(interruption))
        assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 1)
      })
    )

    faulty(`${fault.description}: when nothing comes, the socket is closed after the grace`, ({ mock, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(fault)
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        const other = yield* start(tag(socket.receive))
        yield* within(12_000, Fiber.interrupt(fiber))
        assert.include(["OperationAborted", "SocketClosed"], yield* within(1000, Fiber.join(other)))
        assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
      })
    )
  }

  faulty("CancelIoEx succeeds and the operation hangs: the socket is closed after the grace (L6)", ({ mock, within }) =>
    Effect.gen(function* () {
      yield* mock.fault(MockFault.cancelHangs())
      const socket = yield* bind()
      const fiber = yield* start(socket.receive)
      const interruption = yield* start(Fiber.interrupt(fiber))
      yield* mock.settled
      yield* TestClock.adjust("3 seconds")
      yield* mock.settled
      assert.isUndefined(interruption.pollUnsafe())
      yield* within(8000, Fiber.join(interruption))
      assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
    })
  )

  faulty(
    "closing does not end it either: it is given up, told of, and the release goes on (L6)",
    ({ mock, statistics, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(MockFault.cancelHangs({ nth: 1 }, "ever"))
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        yield* within(12_000, Fiber.interrupt(fiber))
        assert.strictEqual((yield* statistics).leaked, 1)
      }),
    { leaked: 1 }
  )

  faulty(
    "no CancelIoEx: an interruption closes the socket, and says so",
    ({ mock, within }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        assert.isFalse((yield* socket.capabilities).cancelOne)
        const fiber = yield* start(socket.receive)
        yield* within(1000, Fiber.interrupt(fiber))
        assert.strictEqual(yield* tag(socket.receive), "SocketClosed")
        const calls = (yield* mock.trace).filter((event) => event._tag === "Call" && event.name === "CancelIoEx")
        assert.deepStrictEqual(calls, [])
      }),
    { cancelIoEx: false }
  )
})

describe("operations that end differently", () => {
  for (const fault of [
    MockFault.late("WSARecvMsg", 5, { probability: 0.5 }),
    MockFault.late("WSARecvMsg", { after: "700 millis" }, { probability: 0.5 }),
    MockFault.latePacket("WSARecvMsg", 4, { probability: 0.5 }),
    MockFault.latePacket("WSARecvMsg", { after: "700 millis" }, { probability: 0.5 })
  ]) {
    for (const waiters of [1, 4]) {
      faulty(`${fault.description}, ${waiters} at a time: each once and in order (L9)`, ({ mock, struck, within }) =>
        Effect.gen(function* () {
          yield* mock.fault(fault)
          const socket = yield* bind({ lookAhead: 2 })
          const got: Array<number> = []
          const fibers = yield* Effect.forEach(Array.from({ length: waiters }), () =>
            start(
              Effect.whileLoop({
                while: () => got.length < 40,
                body: () => socket.receive,
                step: (message) => got.push(numberOf(message))
              })
            )
          )
          for (let n = 0; n < 60; n++) yield* socket.send(numbered(n), socket.address)
          yield* within(60_000, Effect.forEach(fibers, Fiber.join))
          assert.isAtLeast(got.length, 40)
          assert.deepStrictEqual(
            got,
            Array.from(got, (_, n) => n)
          )
          assert.isAbove((yield* struck).get(fault.description) ?? 0, 2)
        })
      )
    }
  }

  faulty(
    "a receive that never completes: interrupted, it is cancelled, and the next gets what came",
    ({ mock, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(MockFault.neverCompletes("WSARecvMsg", { nth: 1 }))
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        yield* socket.send(numbered(1), socket.address)
        yield* mock.settled
        assert.isUndefined(fiber.pollUnsafe())
        yield* within(1000, Fiber.interrupt(fiber))
        assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 1)
      })
  )

  faulty("a send that never completes: interrupted, it is cancelled, and later ones go", ({ mock, within }) =>
    Effect.gen(function* () {
      yield* mock.fault(
        MockFault.fail("WSASendMsg", "WSAEWOULDBLOCK", { when: ({ lpOverlapped }) => lpOverlapped === 0 })
      )
      yield* mock.fault(MockFault.neverCompletes("WSASendMsg", { nth: 1 }))
      const socket = yield* bind()
      const fiber = yield* start(socket.send(numbered(1), socket.address))
      const next = yield* start(socket.send(numbered(2), socket.address))
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* within(1000, Fiber.interrupt(fiber))
      yield* within(1000, Fiber.join(next))
      assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 2)
    })
  )

  for (const [status, expected] of [
    ["STATUS_INSUFFICIENT_RESOURCES", "NoBufferSpace"],
    ["STATUS_NO_MEMORY", "NoBufferSpace"],
    ["STATUS_NETWORK_UNREACHABLE", "NetworkUnreachable"]
  ] as const) {
    faulty(`a receive that ends with ${status} fails typed, and the next goes on`, ({ mock, within }) =>
      Effect.gen(function* () {
        yield* mock.fault(MockFault.complete("WSARecvMsg", status, { nth: 1 }))
        const socket = yield* bind()
        assert.strictEqual(yield* within(1000, tag(socket.receive)), expected)
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 1)
      })
    )
  }
})

describe("calls that fail", () => {
  faulty("WSAENOBUFS from sends and from receives is NoBufferSpace, and nothing is lost", ({ mock, within }) =>
    Effect.gen(function* () {
      yield* mock.fault(MockFault.fail("WSASendMsg", "WSAENOBUFS", { nth: 1 }))
      yield* mock.fault(MockFault.fail("WSARecvMsg", "WSAENOBUFS", { nth: 1 }))
      const socket = yield* bind()
      assert.strictEqual(yield* tag(socket.send(numbered(1), socket.address)), "NoBufferSpace")
      yield* socket.send(numbered(2), socket.address)
      assert.strictEqual(yield* within(1000, tag(socket.receive)), "NoBufferSpace")
      assert.strictEqual(numberOf(yield* within(1000, socket.receive)), 2)
    })
  )

  for (const [code, expected] of [
    ["WSAEMFILE", "TooManySockets"],
    ["WSAENOBUFS", "NoBufferSpace"],
    ["WSAEPROVIDERFAILEDINIT", "ProviderFailed"]
  ] as const) {
    faulty(`WSASocketW that fails with ${code} leaves nothing, and the next works`, ({ mock }) =>
      Effect.gen(function* () {
        yield* mock.fault(MockFault.fail("WSASocketW", code, { nth: 1 }))
        assert.strictEqual(yield* tag(bind()), expected)
        yield* bind()
      })
    )
  }

  for (const call of ["bind", "CreateIoCompletionPort", "getsockname"] as const) {
    faulty(`${call} that fails closes what was opened`, ({ mock, statistics }) =>
      Effect.gen(function* () {
        yield* mock.fault(MockFault.fail(call, call === "bind" ? "WSAEADDRINUSE" : "WSAENOBUFS", { nth: 1 }))
        assert.strictEqual(yield* tag(bind()), call === "bind" ? "AddressInUse" : "NoBufferSpace")
        assert.strictEqual((yield* statistics).handles.sockets, 0)
      })
    )
  }

  faulty("the wake-up of the off-thread wait that fails delays, and loses nothing", ({ mock, within }) =>
    Effect.gen(function* () {
      yield* mock.fault(MockFault.fail("PostQueuedCompletionStatus", "WSA_NOT_ENOUGH_MEMORY"))
      const socket = yield* bind()
      const fiber = yield* start(socket.receive)
      yield* mock.settled
      yield* socket.send(numbered(1), socket.address)
      assert.strictEqual(numberOf(yield* within(2000, Fiber.join(fiber))), 1)
    })
  )

  faulty("GetQueuedCompletionStatusEx that fails now and then delays, and loses nothing", ({ mock, within }) =>
    Effect.gen(function* () {
      const fault = MockFault.fail("GetQueuedCompletionStatusEx", "WSA_NOT_ENOUGH_MEMORY", { probability: 0.7 })
      const scope = yield* Scope.make()
      yield* Scope.provide(mock.fault(fault), scope)
      const socket = yield* bind()
      for (let n = 0; n < 20; n++) {
        const fiber = yield* start(socket.receive)
        yield* mock.settled
        yield* socket.send(numbered(n), socket.address)
        assert.strictEqual(numberOf(yield* within(10_000, Fiber.join(fiber))), n)
      }
      yield* Scope.close(scope, Exit.void)
    })
  )
})

describe("what providers lack", () => {
  for (const extension of ["WSARecvMsg", "WSASendMsg"] as const) {
    faulty(
      `without ${extension} a socket cannot be opened, and that is typed`,
      ({ statistics }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* tag(bind()), "InvalidCall")
          assert.strictEqual((yield* statistics).handles.sockets, 0)
        }),
      { absentExtensions: [extension] }
    )
  }

  faulty(
    "an option that the provider does not know is typed, and what is only preferred is gone without",
    ({ within }) =>
      Effect.gen(function* () {
        const socket = yield* within(5000, bind({ control: { packetInfo: "preferred" } }))
        assert.isFalse((yield* within(5000, socket.capabilities)).receive.packetInfo)
        assert.strictEqual(yield* tag(within(5000, bind({ control: { packetInfo: "required" } }))), "NotSupported")
      }),
    { absentOptions: ["IP_PKTINFO"] }
  )

  faulty("a control code that the provider refuses", ({ mock, within }) =>
    Effect.gen(function* () {
      yield* mock.fault(
        MockFault.fail("WSAIoctl", "WSAEOPNOTSUPP", {
          when: ({ dwIoControlCode }) => dwIoControlCode >>> 0 === Ioctls.SIO_UDP_CONNRESET
        })
      )
      const socket = yield* bind()
      assert.isFalse((yield* within(5000, socket.capabilities)).peerErrorsOff.connectionReset)
    })
  )
})

describe("the layer", () => {
  faulty("WSAStartup that fails is typed, and leaves nothing", ({ mock }) =>
    Effect.gen(function* () {
      yield* mock.fault(MockFault.fail("WSAStartup", "WSASYSNOTREADY", { nth: 1 }))
      yield* mock.fault(MockFault.fail("CreateIoCompletionPort", "WSA_NOT_ENOUGH_MEMORY", { nth: 1 }))
      const before = yield* mock.counts
      assert.strictEqual(yield* tag(Effect.scoped(Winsock.make(mock.seam))), "SystemNotReady")
      assert.strictEqual(yield* tag(Effect.scoped(Winsock.make(mock.seam))), "OutOfMemory")
      assert.deepStrictEqual(yield* mock.counts, before)
    })
  )

  faulty("memory that runs out, at each allocation in turn: typed, and nothing is left", ({ mock, within }) =>
    Effect.gen(function* () {
      const before = yield* mock.counts
      let failed = 0
      for (let nth = 1; nth <= 40; nth++) {
        const outcome = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* mock.fault(MockFault.outOfMemory({ nth }))
            const scope = yield* Scope.make()
            const program = Effect.gen(function* () {
              const winsock = yield* Winsock.make(mock.seam)
              return yield* Effect.gen(function* () {
                const socket = yield* UdpSocket.bind(loopback)
                yield* socket.send(numbered(nth), socket.address)
                return numberOf(yield* socket.receive)
              }).pipe(Effect.provideService(Winsock.Winsock, winsock))
            })
            const result = yield* within(3000, Effect.result(Scope.provide(program, scope)))
            yield* within(15_000, Scope.close(scope, Exit.void))
            return result
          })
        )
        if (outcome._tag === "Success") assert.strictEqual(outcome.success, nth)
        else {
          failed++
          assert.strictEqual(outcome.failure.reason._tag, "OutOfMemory")
        }
        assert.deepStrictEqual(yield* mock.counts, before)
      }
      assert.isAbove(failed, 2)
      assert.isBelow(failed, 40)
    })
  )

  for (const completion of ["port", "event", "routine"] as const) {
    faulty(
      `released while receives hang: bounded, by ${completion}`,
      ({ mock }) =>
        Effect.gen(function* () {
          yield* mock.fault(MockFault.neverCompletes("WSARecvMsg"))
          yield* mock.fault(MockFault.cancelNotFound())
          const socket = yield* bind()
          const fibers = yield* Effect.forEach([0, 1, 2], () => start(tag(socket.receive)))
          yield* interruptSoon(fibers[1])
          yield* mock.settled
          return undefined
        }),
      { winsock: { completion } }
    )
  }
})
