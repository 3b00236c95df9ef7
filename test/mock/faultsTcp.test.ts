// What streams and listeners make of each fault: typed errors, bytes once and in order, an end in virtual time.
import { TcpSocket } from "@effect-winsock/core"
import { MockFault } from "@effect-winsock/mock"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { type Faulty, faulty } from "../support/faulty.ts"
import { interruptSoon, start } from "../support/rig.ts"
import { listen, pair, text, utf8 } from "../support/tcp.ts"
import { pattern, reason, tag } from "../support/udp.ts"

/** A connection, made before the faults are. */
const connected = Effect.fnUntraced(function* (within: Faulty["within"], options?: TcpSocket.ConnectOptions) {
  const server = yield* listen()
  return yield* within(1000, pair(server, options))
})

/** Sends so many bytes from one end, takes them at the other, and looks whether they are the same. */
const transfers = Effect.fnUntraced(function* (
  within: Faulty["within"],
  from: TcpSocket.TcpSocket,
  to: TcpSocket.TcpSocket,
  size: number,
  limit: number
) {
  const bytes = pattern(size)
  const sending = yield* start(from.send(bytes))
  const got = yield* within(limit, to.receiveExactly(size))
  yield* within(limit, Fiber.join(sending))
  assert.isTrue(bytes.every((byte, i) => byte === got[i]))
})

describe("cancellations of a receive (L1, L2)", () => {
  for (const fault of [
    MockFault.cancelLoses(),
    MockFault.cancelLate(3),
    MockFault.cancelLate({ after: "3 seconds" }),
    MockFault.cancelIgnored({ nth: 1 }),
    MockFault.cancelNotFound({ nth: 1 })
  ]) {
    faulty(`${fault.description}: no byte is lost`, ({ mock, struck, within }) =>
      Effect.gen(function* () {
        const { accepted, client } = yield* connected(within)
        yield* mock.fault(fault)
        const fiber = yield* start(accepted.receive)
        yield* mock.settled
        yield* client.send(utf8("hello"))
        yield* within(12_000, Fiber.interrupt(fiber))
        assert.strictEqual(text(yield* within(1000, accepted.receiveExactly(5))), "hello")
        assert.strictEqual((yield* struck).get(fault.description), 1)
      })
    )
  }

  for (const fault of [MockFault.cancelIgnored(), MockFault.cancelNotFound(), MockFault.cancelHangs()]) {
    faulty(
      `${fault.description}: with nothing on its way the socket is closed after the grace (L6)`,
      ({ mock, within }) =>
        Effect.gen(function* () {
          const { accepted, client } = yield* connected(within)
          yield* mock.fault(fault)
          const fiber = yield* start(accepted.receive)
          yield* mock.settled
          yield* within(12_000, Fiber.interrupt(fiber))
          assert.strictEqual(yield* within(1000, tag(accepted.receive)), "SocketClosed")
          assert.include(["ConnectionReset", "EndOfStream"], yield* within(1000, tag(client.receive)))
        })
    )
  }

  faulty(
    "a receive that nothing ends is given up, and the release goes on (L6)",
    ({ mock, statistics, within }) =>
      Effect.gen(function* () {
        const { accepted } = yield* connected(within)
        yield* mock.fault(MockFault.cancelHangs({ nth: 1 }, "ever"))
        const fiber = yield* start(accepted.receive)
        yield* mock.settled
        yield* within(15_000, Fiber.interrupt(fiber))
        assert.strictEqual((yield* statistics).leaked, 1)
      }),
    { leaked: 1 }
  )

  faulty(
    "no CancelIoEx: an interruption closes the socket",
    ({ mock, within }) =>
      Effect.gen(function* () {
        const { accepted } = yield* connected(within)
        const fiber = yield* start(accepted.receive)
        yield* mock.settled
        yield* within(1000, Fiber.interrupt(fiber))
        assert.strictEqual(yield* tag(accepted.receive), "SocketClosed")
      }),
    { cancelIoEx: false }
  )
})

describe("sends", () => {
  for (const most of [1, 7, 1000]) {
    faulty(`calls that take ${most} bytes at most: all is sent and received, in order`, ({ mock, within }) =>
      Effect.gen(function* () {
        const { accepted, client } = yield* connected(within)
        yield* mock.fault(MockFault.partial("WSASend", most))
        yield* mock.fault(MockFault.partial("WSARecv", most))
        yield* transfers(within, client, accepted, most === 1 ? 500 : 5000, 60_000)
      })
    )
  }

  faulty("a send that never completes breaks the stream when it is interrupted (L3)", ({ mock, within }) =>
    Effect.gen(function* () {
      const { client } = yield* connected(within)
      yield* mock.fault(MockFault.fail("WSASend", "WSAEWOULDBLOCK", { when: ({ lpOverlapped }) => lpOverlapped === 0 }))
      yield* mock.fault(MockFault.neverCompletes("WSASend"))
      const fiber = yield* start(client.send(utf8("torn")))
      const younger = yield* start(tag(client.send(utf8("younger"))))
      yield* mock.settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* within(6000, Fiber.interrupt(fiber))
      assert.strictEqual(yield* within(1000, Fiber.join(younger)), "StreamBroken")
      assert.strictEqual(yield* tag(client.send(utf8("later"))), "StreamBroken")
    })
  )

  for (const [fault, expected] of [
    [MockFault.fail("WSASend", "WSAENOBUFS", { nth: 1 }), "NoBufferSpace"],
    [MockFault.fail("WSASend", "WSAECONNABORTED", { nth: 1 }), "ConnectionAborted"]
  ] as const) {
    faulty(`${fault.description}: ${expected}`, ({ mock, within }) =>
      Effect.gen(function* () {
        const { client } = yield* connected(within)
        yield* mock.fault(fault)
        assert.strictEqual(yield* within(1000, tag(client.send(utf8("x")))), expected)
      })
    )
  }

  faulty("WSAENOBUFS before anything was sent breaks nothing: the next send goes", ({ mock, within }) =>
    Effect.gen(function* () {
      const { accepted, client } = yield* connected(within)
      yield* mock.fault(MockFault.fail("WSASend", "WSAENOBUFS", { nth: 1 }))
      assert.strictEqual(yield* within(1000, tag(client.send(utf8("lost")))), "NoBufferSpace")
      yield* client.send(utf8("next"))
      assert.strictEqual(text(yield* within(1000, accepted.receiveExactly(4))), "next")
    })
  )
})

describe("receives", () => {
  const whenPosted = ({ lpOverlapped }: { readonly [parameter: string]: number }) => lpOverlapped !== 0
  for (const fault of [
    MockFault.fail("WSARecv", "WSAENOBUFS", { nth: 1, when: whenPosted }),
    MockFault.fail("WSARecv", "WSAENOBUFS", { nth: 1, when: (args) => !whenPosted(args) }),
    MockFault.fail("WSARecv", "WSA_NOT_ENOUGH_MEMORY", { nth: 1 }),
    MockFault.complete("WSARecv", "STATUS_INSUFFICIENT_RESOURCES", { nth: 1 }),
    MockFault.complete("WSARecv", "STATUS_NO_MEMORY", { nth: 1 })
  ]) {
    for (const early of [true, false]) {
      faulty(
        `${fault.description}, bytes ${early ? "there" : "to come"}: a shortage is told, and no byte is lost (L9)`,
        ({ mock, within }) =>
          Effect.gen(function* () {
            const { accepted, client } = yield* connected(within)
            yield* mock.fault(fault)
            if (early) yield* client.send(utf8("whole"))
            yield* mock.settled
            const fibers = [yield* start(tag(accepted.receive)), yield* start(tag(accepted.receive))]
            if (!early) {
              yield* mock.settled
              yield* client.send(utf8("whole"))
            }
            for (const fiber of fibers) {
              assert.include(["NoBufferSpace", "OutOfMemory"], yield* within(1000, Fiber.join(fiber)))
            }
            assert.strictEqual(text(yield* within(1000, accepted.receiveExactly(5))), "whole")
            const fiber = yield* start(accepted.receive)
            yield* mock.settled
            yield* within(1000, Fiber.interrupt(fiber))
          })
      )
    }
  }

  faulty("a shortage that lasts fails every receive, and ends with its cause", ({ mock, within }) =>
    Effect.gen(function* () {
      const { accepted, client } = yield* connected(within)
      yield* client.send(utf8("whole"))
      const scope = yield* Scope.make()
      yield* Scope.provide(mock.fault(MockFault.fail("WSARecv", "WSAENOBUFS")), scope)
      for (let n = 0; n < 20; n++) assert.strictEqual(yield* within(1000, tag(accepted.receive)), "NoBufferSpace")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(text(yield* within(1000, accepted.receiveExactly(5))), "whole")
    })
  )

  for (const [fault, expected] of [
    [MockFault.complete("WSARecv", "STATUS_CONNECTION_RESET", { nth: 1 }), "ConnectionReset"],
    [MockFault.complete("WSARecv", 0xc000_1234, { nth: 1 }), "Unknown"]
  ] as const) {
    faulty(`${fault.description}: that is the end of the stream, for every receive`, ({ mock, within }) =>
      Effect.gen(function* () {
        const { accepted } = yield* connected(within)
        yield* mock.fault(fault)
        for (let n = 0; n < 3; n++) assert.strictEqual(yield* within(1000, tag(accepted.receive)), expected)
      })
    )
  }

  for (const fault of [
    MockFault.late("WSARecv", 4, { probability: 0.5 }),
    MockFault.late("WSARecv", { after: "300 millis" }, { probability: 0.5 }),
    MockFault.latePacket("WSARecv", 4, { probability: 0.5 }),
    MockFault.latePacket("WSASend", { after: "300 millis" }, { probability: 0.5 })
  ]) {
    faulty(`${fault.description}: bytes come once and in order (L9)`, ({ mock, within }) =>
      Effect.gen(function* () {
        const { accepted, client } = yield* connected(within, { sendBuffer: 1000 })
        yield* mock.fault(fault)
        for (let i = 0; i < 5; i++) yield* transfers(within, client, accepted, 3000 + i, 60_000)
      })
    )
  }
})

describe("connecting and accepting", () => {
  for (const [fault, expected] of [
    [MockFault.complete("ConnectEx", "STATUS_CONNECTION_REFUSED", { nth: 1 }), "ConnectionRefused"],
    [MockFault.complete("ConnectEx", "STATUS_IO_TIMEOUT", { nth: 1 }), "TimedOut"],
    [MockFault.fail("ConnectEx", "WSAENOBUFS", { nth: 1 }), "NoBufferSpace"],
    [MockFault.fail("WSASocketW", "WSAEMFILE", { nth: 1 }), "TooManySockets"],
    [MockFault.fail("setsockopt", "WSAENOTCONN", { nth: 1 }), "NotConnected"]
  ] as const) {
    faulty(`${fault.description}: ${expected}, and nothing is left`, ({ mock, statistics, within }) =>
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 1 })
        const before = (yield* statistics).handles.sockets
        yield* mock.fault(fault)
        assert.strictEqual(yield* within(5000, tag(TcpSocket.connect(server.address))), expected)
        yield* mock.settled
        assert.strictEqual((yield* statistics).handles.sockets, before)
        yield* within(1000, pair(server))
      })
    )
  }

  faulty("a ConnectEx that never completes is cancelled when it is interrupted", ({ mock, statistics, within }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      const before = (yield* statistics).handles.sockets
      yield* mock.fault(MockFault.neverCompletes("ConnectEx", { nth: 1 }))
      const fiber = yield* start(TcpSocket.connect(server.address))
      yield* mock.settled
      yield* within(12_000, Fiber.interrupt(fiber))
      assert.strictEqual((yield* statistics).handles.sockets, before)
      yield* within(1000, pair(server))
    })
  )

  for (const fault of [
    MockFault.cancelLoses(),
    MockFault.cancelLate(2),
    MockFault.cancelLate({ after: "2 seconds" }),
    MockFault.cancelIgnored({ nth: 1 }),
    MockFault.cancelNotFound({ nth: 1 }),
    MockFault.cancelHangs({ nth: 1 })
  ]) {
    faulty(
      `${fault.description}, of a ConnectEx: no socket leaks, and the next one connects`,
      ({ mock, statistics, within }) =>
        Effect.gen(function* () {
          const server = yield* listen({ acceptAhead: 1 })
          const before = (yield* statistics).handles.sockets
          yield* mock.fault(fault)
          const fiber = yield* start(Effect.scoped(TcpSocket.connect(server.address)))
          yield* interruptSoon(fiber)
          yield* within(12_000, Fiber.await(fiber))
          yield* mock.settled
          assert.isAtMost((yield* statistics).handles.sockets, before + 1)
          const client = yield* within(1000, TcpSocket.connect(server.address))
          yield* client.send(utf8("x"))
          // the first may have come through
          const first = yield* within(5000, server.accept)
          const got = yield* within(5000, Effect.exit(first.receiveExactly(1)))
          if (Exit.isFailure(got)) {
            const second = yield* within(5000, server.accept)
            assert.strictEqual(text(yield* within(1000, second.receiveExactly(1))), "x")
          }
        })
    )

    faulty(
      `${fault.description}, of an AcceptEx: the connection is kept for the next accept, or the server says why`,
      ({ mock, within }) =>
        Effect.gen(function* () {
          const server = yield* listen({ acceptAhead: 1 })
          yield* mock.fault(fault)
          const fiber = yield* start(Effect.scoped(server.accept))
          yield* mock.settled
          const client = yield* start(tag(Effect.flatMap(TcpSocket.connect(server.address), (c) => c.receive)))
          yield* within(12_000, Fiber.interrupt(fiber))
          const accepted = yield* within(12_000, Effect.exit(server.accept))
          if (Exit.isFailure(accepted)) assert.strictEqual(yield* tag(server.accept), "SocketClosed")
          yield* interruptSoon(client)
        })
    )
  }

  for (const nth of [1, 2, 3]) {
    for (const fault of [
      MockFault.complete("AcceptEx", "STATUS_CONNECTION_RESET", { nth }),
      MockFault.complete("AcceptEx", "STATUS_INSUFFICIENT_RESOURCES", { nth }),
      MockFault.fail("AcceptEx", "WSAENOBUFS", { nth }),
      MockFault.fail("WSASocketW", "WSAEMFILE", { nth: nth + 1 }),
      MockFault.late("AcceptEx", { after: "1 second" }, { nth }),
      MockFault.latePacket("AcceptEx", { after: "1 second" }, { nth })
    ]) {
      faulty(`${fault.description}: the server goes on`, ({ mock, within }) =>
        Effect.gen(function* () {
          yield* mock.fault(fault)
          const server = yield* listen({ acceptAhead: 2 })
          let accepted = 0
          let failed = 0
          for (let n = 0; n < 4; n++) {
            const client = yield* within(10_000, Effect.result(TcpSocket.connect(server.address)))
            if (client._tag === "Failure") {
              assert.strictEqual(client.failure.reason._tag, "TooManySockets")
              failed++
              continue
            }
            for (let tries = 0; tries < 3; tries++) {
              const outcome = yield* within(10_000, Effect.result(server.accept))
              if (outcome._tag === "Success") {
                accepted++
                break
              }
              assert.include(["NoBufferSpace", "TooManySockets", "ConnectionReset"], outcome.failure.reason._tag)
              failed++
            }
          }
          assert.isAtLeast(accepted, 3)
          assert.isAtMost(failed, 1)
        })
      )
    }
  }
})

describe("what providers lack", () => {
  for (const extension of ["ConnectEx", "AcceptEx", "GetAcceptExSockaddrs"] as const) {
    faulty(
      `without ${extension}: NotSupported names it, and nothing is left`,
      ({ statistics, within }) =>
        Effect.gen(function* () {
          const before = (yield* statistics).handles.sockets
          const connect = Effect.flatMap(listen(), (server) => TcpSocket.connect(server.address))
          const attempt = extension === "ConnectEx" ? Effect.asVoid(connect) : Effect.asVoid(listen())
          const missing = yield* within(5000, reason(Effect.scoped(attempt)))
          assert.strictEqual(missing._tag, "NotSupported")
          assert.strictEqual(missing.meaning, `this provider does not have ${extension}`)
          assert.strictEqual((yield* statistics).handles.sockets, before)
        }),
      { absentExtensions: [extension] }
    )
  }
})

describe("release (L5, L6)", () => {
  for (const completion of ["port", "event", "routine"] as const) {
    for (const fault of [
      MockFault.cancelIgnored(),
      MockFault.cancelNotFound(),
      MockFault.cancelHangs(),
      MockFault.cancelLate({ after: "2 seconds" })
    ]) {
      faulty(
        `${fault.description}: bounded, by ${completion}`,
        ({ mock, within }) =>
          Effect.gen(function* () {
            const { accepted, client } = yield* connected(within)
            yield* mock.fault(fault)
            yield* start(Effect.exit(accepted.receive))
            yield* start(Effect.exit(client.receive))
            const server = yield* listen({ acceptAhead: 3 })
            yield* start(Effect.exit(server.accept))
            yield* mock.settled
          }),
        { winsock: { completion } }
      )
    }
  }
})
