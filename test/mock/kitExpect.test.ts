import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as MockExpect from "@effect-winsock/mock/MockExpect"
import * as MockFault from "@effect-winsock/mock/MockFault"
import * as MockTest from "@effect-winsock/mock/MockTest"
import type * as MockTrace from "@effect-winsock/mock/MockTrace"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"

const at = (ip: string, port = 0) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

const it = MockTest.make()

// a receive that gives up after ten minutes, a datagram for the next, one for nobody
const story = Effect.gen(function* () {
  const socket = yield* UdpSocket.bind(at("127.0.0.1", 4000))
  const fiber = yield* Effect.forkChild(Effect.timeoutOption(socket.receive, "10 minutes"))
  yield* MockWinsock.advance("10 minutes")
  yield* Fiber.join(fiber)
  yield* socket.send(new Uint8Array(3), socket.address)
  yield* socket.receive
  yield* socket.send(new Uint8Array(4), at("127.0.0.1", 4001))
  yield* MockWinsock.settled
  return yield* Effect.flatMap(MockWinsock.MockWinsock, ({ trace }) => trace)
})

const messageOf = (events: ReadonlyArray<MockTrace.Event>, expectation: MockExpect.Expectation): string =>
  expectation(events)?.message ?? "met"

describe("what a trace must say", () => {
  it.effect("is met", () =>
    Effect.gen(function* () {
      yield* story
      yield* MockExpect.holds(
        MockExpect.exactly(1, MockExpect.call("CancelIoEx", { error: 0 })),
        MockExpect.atLeast(1, MockExpect.call("WSARecvMsg")),
        MockExpect.atMost(2, MockExpect.sent({ from: "127.0.0.1" })),
        MockExpect.exactly(1, MockExpect.delivered({ from: "127.0.0.1:4000", to: "127.0.0.1:4000" })),
        MockExpect.none(MockExpect.segment()),
        MockExpect.inOrder(
          MockExpect.call("WSARecvMsg"),
          MockExpect.call("CancelIoEx"),
          MockExpect.sent(),
          MockExpect.delivered(),
          MockExpect.sent({ to: "127.0.0.1:4001" })
        ),
        MockExpect.nothingSentAfterClose,
        MockExpect.noViolations
      )
    })
  )

  it.effect("operations and datagrams are data, with times", () =>
    Effect.gen(function* () {
      const events = yield* story
      const [first] = MockExpect.operations(events, "WSARecvMsg")
      assert.strictEqual(first.outcome, "aborted")
      assert.strictEqual(first.duration, 600_000)
      assert.isAbove(first.socket, 0)
      assert.deepStrictEqual(MockExpect.operations(events, "WSARecvMsg", { socket: first.socket + 4 }), [])
      assert.deepStrictEqual(MockExpect.operations(events, "CancelIoEx"), [])
      assert.strictEqual(MockExpect.calls(events, "closesocket").length, 0)
      const [came, lost] = MockExpect.datagrams(events)
      assert.deepStrictEqual([came.payload.length, came.deliveredAt.length, came.dropped], [3, 1, undefined])
      assert.deepStrictEqual([lost.payload.length, lost.deliveredAt.length], [4, 0])
      assert.isString(lost.dropped)
      assert.strictEqual(came.sentAt, 600_000)
    })
  )

  it.effect("is not met: the failure says what was found, and shows the part", () =>
    Effect.gen(function* () {
      const events = yield* story
      const twice = messageOf(events, MockExpect.exactly(2, MockExpect.call("CancelIoEx")))
      assert.include(twice, "expected exactly 2 CancelIoEx, found 1:")
      assert.strictEqual(twice.split("\n").length, 2)
      assert.include(twice, "600.000s")
      // of what there is none, the calls nearby are shown
      const none = messageOf(events, MockExpect.atLeast(1, MockExpect.call("WSASend", { host: "localhost" })))
      assert.include(none, "expected at least 1 WSASend (host localhost), found 0:")
      assert.include(none, "WSASendMsg(")
      assert.include(messageOf(events, MockExpect.none(MockExpect.dropped())), "expected no datagrams dropped, found 1")
      assert.include(messageOf(events, MockExpect.atMost(1, MockExpect.sent())), "found 2")
      assert.include(
        messageOf(events, MockExpect.inOrder(MockExpect.delivered(), MockExpect.call("CancelIoEx"))),
        "found no CancelIoEx after datagrams delivered"
      )
      assert.include(messageOf(events, MockExpect.allEnd("WSARecvMsg", "succeeded")), "found aborted after 600000 ms")
      assert.include(
        messageOf(events, MockExpect.allEnd("WSARecvMsg", "aborted", { within: 5 })),
        "aborted within 5 ms, found aborted after 600000 ms"
      )
      assert.include(messageOf(events, MockExpect.allEnd("ConnectEx", "succeeded")), "found none")
      const failure = yield* Effect.flip(MockExpect.holds(MockExpect.none(MockExpect.sent())))
      assert.strictEqual(failure._tag, "TraceMismatch")
      assert.strictEqual(failure.events.length, 2)
      yield* MockExpect.check([], MockExpect.noViolations, MockExpect.nothingSentAfterClose)
    })
  )

  it.effect("a fault struck, or it did not", () =>
    Effect.gen(function* () {
      const { fault } = yield* MockWinsock.MockWinsock
      const strikes = MockFault.late("WSARecvMsg", 2, { nth: 1 })
      const never = MockFault.fail("WSASendMsg", "WSAENOBUFS", { nth: 1000 })
      yield* fault(strikes)
      yield* fault(never)
      const events = yield* story
      const [{ socket }] = MockExpect.operations(events, "WSARecvMsg")
      yield* MockExpect.holds(
        MockExpect.exactly(1, MockExpect.faulted()),
        MockExpect.exactly(1, MockExpect.faulted("WSARecvMsg")),
        MockExpect.exactly(1, MockExpect.faulted(strikes, { socket, host: "localhost" })),
        MockExpect.none(MockExpect.faulted(strikes, { socket: socket + 4 })),
        MockExpect.none(MockExpect.faulted(strikes, { host: "elsewhere" })),
        MockExpect.none(MockExpect.faulted(MockFault.late("WSARecvMsg", 3, { nth: 1 }))),
        MockExpect.none(MockExpect.faulted("alloc"))
      )
      const message = messageOf(events, MockExpect.atLeast(1, MockExpect.faulted(never)))
      assert.include(message, "expected at least 1 faults: WSASendMsg fails with WSAENOBUFS the 1000th time, found 0:")
      assert.include(message, "WSASendMsg(")
      // @ts-expect-error there is no such function
      assert.isDefined(MockExpect.faulted("WSASendMessage"))
    })
  )

  it("nothing after closesocket: unless the number is another socket's", () => {
    const call = (name: string, args: MockTrace.Call["args"], result = 0): MockTrace.Call => ({
      _tag: "Call",
      at: 0,
      host: "a",
      name,
      args,
      result,
      error: 0
    })
    const sends: MockTrace.Event = {
      _tag: "Sent",
      at: 1,
      host: "a",
      socket: 8,
      id: 1,
      from: "[::1]:1",
      to: "[::1]:2",
      protocol: 17,
      bytes: 0,
      payload: new Uint8Array(0),
      ttl: 128,
      tos: 0
    }
    const closes = call("closesocket", { s: 8 })
    const opens = call("WSASocketW", { af: 2 }, 8)
    assert.strictEqual(MockExpect.nothingSentAfterClose([closes, sends])?.events.length, 2)
    assert.isUndefined(MockExpect.nothingSentAfterClose([closes, opens, sends]))
    assert.isUndefined(MockExpect.nothingSentAfterClose([sends, closes]))
    assert.isUndefined(MockExpect.nothingSentAfterClose([closes, { ...sends, host: "b" }]))
    assert.strictEqual(MockExpect.datagrams([sends], { from: "::1", to: "[::1]:2" }).length, 1)
    assert.strictEqual(MockExpect.datagrams([sends], { from: "::2" }).length, 0)
  })
})
