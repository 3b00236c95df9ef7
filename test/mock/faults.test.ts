// Faults themselves: which calls they strike, what they say of themselves, and what is refused.
import { MockDiagram, MockFault, MockNetwork, MockTimeline, MockTrace } from "@effect-winsock/mock"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import { type Lab, lab, labOf } from "./support.ts"
import * as T from "./tcpSupport.ts"

const faults = (events: ReadonlyArray<MockTrace.Event>) => events.filter((event) => event._tag === "Faulted")

describe("a fault says all of it", () => {
  for (const [fault, text] of [
    [MockFault.fail("WSASendTo", "WSAENOBUFS", { nth: 3 }), "WSASendTo fails with WSAENOBUFS the 3rd time"],
    [MockFault.fail("WSASocketW", 10024, { times: 2 }), "WSASocketW fails with WSAEMFILE 2 times"],
    [
      MockFault.complete("WSARecv", "STATUS_CONNECTION_RESET", { nth: 2, times: 4 }),
      "WSARecv completes with STATUS_CONNECTION_RESET from the 2nd time on 4 times"
    ],
    [MockFault.late("WSASend", 1), "WSASend completes 1 turn later"],
    [MockFault.late("WSASend", { after: "30 seconds" }), "WSASend completes 30s later"],
    [
      MockFault.latePacket("WSARecvMsg", 3, { socket: "UDP" }),
      "WSARecvMsg has its packet 3 turns later on UDP sockets"
    ],
    [
      MockFault.neverCompletes("ConnectEx", { host: "client" }),
      "ConnectEx does not complete until its socket is closed at client"
    ],
    [MockFault.neverCompletes("AcceptEx", {}, "ever"), "AcceptEx never completes"],
    [
      MockFault.partial("WSARecv", 1, { when: () => true }),
      "WSARecv takes 1 byte at most where its arguments are such"
    ],
    [MockFault.outOfMemory({ nth: 21 }), "alloc finds no memory the 21st time"],
    [MockFault.cancelLoses(), "CancelIoEx loses the race: what is under way arrives first"],
    [MockFault.cancelLate({ after: 250 }), "CancelIoEx takes hold 250ms later"],
    [MockFault.cancelIgnored({ times: 1 }), "CancelIoEx succeeds and cancels nothing once"],
    [MockFault.cancelNotFound({ nth: 112 }), "CancelIoEx fails with ERROR_NOT_FOUND the 112th time"],
    [MockFault.cancelHangs({}, "ever"), "CancelIoEx succeeds, and the operation never completes"],
    [
      MockFault.withProbability(MockFault.fail("WSASend", "WSAENOBUFS"), 0.25),
      "WSASend fails with WSAENOBUFS with a probability of 0.25"
    ]
  ] as const) {
    it(text, () => assert.strictEqual(fault.description, text))
  }

  it.effect("a record without a description has the same one in the trace", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      yield* l.mock.fault({ call: "closesocket", code: "WSAENOTSOCK", nth: 1 })
      const { s } = l.bound()
      assert.strictEqual(l.calls.closesocket(s), -1)
      assert.strictEqual(l.error, Codes.WSAENOTSOCK)
      const events = yield* l.mock.trace
      const [fault] = faults(events)
      assert.deepInclude(fault, {
        call: "closesocket",
        socket: s,
        description: MockFault.fail("closesocket", "WSAENOTSOCK", { nth: 1 }).description
      })
      assert.match(MockTrace.format(fault), /^\[localhost\] FAULT closesocket fails with WSAENOTSOCK the 1st time$/)
      // the call that it struck stands before it
      assert.deepInclude(events[events.indexOf(fault) - 1], { _tag: "Call", name: "closesocket" })
      const svg = MockTimeline.toSvg(events)
      assert.include(svg, '<path class="fault"')
      assert.include(svg, "<title>fault: closesocket fails with WSAENOTSOCK the 1st time</title>")
      assert.include(MockDiagram.toMermaid(events), "fault#58; closesocket fails with WSAENOTSOCK the 1st time")
    })
  )
})

describe("bad input dies, naming the field and its value", () => {
  const bad: ReadonlyArray<readonly [string, object, RegExp]> = [
    ["call", { call: "WSASendFile", code: 1 }, /call must be .*"WSASendFile"/],
    ["nth", { call: "WSASend", code: 1, nth: 0 }, /nth must be an integer from 1, not 0/],
    ["times", { call: "WSASend", code: 1, times: 1.5 }, /times must be .* not 1.5/],
    ["probability", { call: "WSASend", code: 1, probability: 1.01 }, /probability must be from 0 to 1, not 1.01/],
    ["probability", { call: "WSASend", code: 1, probability: Number.NaN }, /probability must be .* not NaN/],
    ["code", { call: "WSASend", code: "WSAEWHATEVER" }, /code must be .* not "WSAEWHATEVER"/],
    ["code", { call: "WSASend" }, /code must be given/],
    ["ntstatus", { call: "WSASend", ntstatus: "WSAENOBUFS" }, /ntstatus must be .* not "WSAENOBUFS"/],
    ["most", { call: "WSASend", most: 0 }, /most must be .* not 0/],
    ["never", { call: "WSASend", never: "always" }, /never must be .* not "always"/],
    ["ignored", { call: "WSASend", ignored: true }, /ignored must be of CancelIoEx/],
    ["lateCompletion", { call: "WSASend", lateCompletion: -1 }, /lateCompletion must be .* not -1/],
    ["latePacket", { call: "WSASend", latePacket: { after: "soon" } }, /latePacket.after must be .* not "soon"/],
    ["lateCompletion", { call: "WSASend", lateCompletion: { after: Infinity } }, /lateCompletion.after must be/],
    ["socket", { call: "WSASend", code: 1, socket: "SCTP" }, /socket must be UDP, TCP, RAW, UNIX, not "SCTP"/],
    ["host", { call: "WSASend", code: 1, host: "moon" }, /host must be one of localhost, not "moon"/],
    ["call", { call: "toString", code: 1 }, /call must be .*"toString"/],
    // what would strike never
    ["code", MockFault.fail("WSASend", 0), /code must be a number from 1 to 0xffffffff.* not 0/],
    ["code", MockFault.fail("WSASend", -1), /code must be .* not -1/],
    ["code", MockFault.fail("WSASend", 10_054.5), /code must be .* not 10054.5/],
    ["ntstatus", MockFault.complete("WSASend", -1_073_741_823), /ntstatus must be .* not -1073741823/],
    ["lateCompletion", MockFault.late("closesocket", 2), /lateCompletion must be of a call that can be .*closesocket/],
    [
      "latePacket",
      MockFault.latePacket("CancelIoEx", 2),
      /latePacket must be of a call that can be .*CancelIoEx is not/
    ],
    ["ntstatus", MockFault.complete("bind", 0), /ntstatus must be of a call that can be .*bind is not/],
    ["never", MockFault.neverCompletes("GetAddrInfoExW"), /never must be of a call .*GetAddrInfoExW is not/],
    ["most", { call: "AcceptEx", most: 1 }, /most must be of a call that can take less .*AcceptEx is not, not 1/],
    ["most", MockFault.partial("WSARecv", 1, { socket: "UDP" }), /most must be of streams, which UDP sockets/],
    // what would strike everything
    ["when", { call: "WSASend", code: 1, when: { s: 8 } }, /when must be a function of the arguments, not \{"s":8\}/],
    ["when", { call: "WSASend", code: 1, when: false }, /when must be a function of the arguments, not false/],
    ["prot", MockFault.fail("WSASend", 1, { prot: "UDP" } as never), /each field must be one of code, .*not "prot"/]
  ]
  for (const [field, fault, expected] of bad) {
    it.effect(`${field}: ${expected.source}`, () =>
      Effect.gen(function* () {
        const { mock } = yield* lab()
        const exit = yield* Effect.exit(mock.fault(fault as MockFault.Fault))
        assert.isTrue(Exit.isFailure(exit))
        if (Exit.isSuccess(exit)) return
        const error = Cause.squash(exit.cause)
        assert.instanceOf(error, RangeError)
        assert.match((error as Error).message, expected)
        assert.isTrue(Cause.hasDies(exit.cause))
      })
    )
  }
})

describe("which calls it strikes", () => {
  it.effect("the kind of socket", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      yield* l.mock.fault(MockFault.fail("closesocket", "WSAEINPROGRESS", { socket: "UDP", times: 1 }))
      const { client } = yield* T.pair(l)
      const { s } = l.bound()
      assert.strictEqual(l.closesocket(client), 0)
      assert.strictEqual(l.calls.closesocket(s), -1)
    })
  )

  it.effect("the machine, from whichever it is given to", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      yield* hosts.server.fault(MockFault.fail("WSASocketW", "WSAEMFILE", { host: "client" }))
      const [server, client] = [yield* labOf(hosts.server), yield* labOf(hosts.client)]
      assert.notStrictEqual(server.socket(), -1)
      assert.strictEqual(client.calls.WSASocketW(2, 2, 17, 0, 0, 1), -1)
      assert.strictEqual(client.error, Codes.WSAEMFILE)
    })
  )

  it.effect("a share of the calls, the same for the same seed", () =>
    Effect.gen(function* () {
      const run = (seed: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ seed })
            yield* l.mock.fault(MockFault.withProbability(MockFault.fail("CancelIo", "WSAEINTR"), 0.3))
            const { s } = l.bound()
            return Array.from({ length: 200 }, () => l.calls.CancelIo(s))
          })
        )
      const first = yield* run(5)
      const struck = first.filter((result) => result === 0).length
      assert.isAbove(struck, 35)
      assert.isBelow(struck, 85)
      assert.deepStrictEqual(yield* run(5), first)
      assert.notDeepEqual(yield* run(6), first)
    })
  )

  it.effect("one that throws is passed over and not used up, and the guard is told", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const a = l.bound()
      let calls = 0
      const when = (): boolean => {
        calls++
        if (calls === 1) throw new Error("a bug")
        return true
      }
      yield* l.mock.fault(MockFault.fail("WSASendMsg", "WSAENOBUFS", { nth: 1, when }))
      yield* l.mock.fault(
        MockFault.outOfMemory({
          when: () => {
            throw new Error("a bug of memory")
          }
        })
      )
      assert.strictEqual(l.send(a.s, "x", "127.0.0.1", a.port), 0)
      assert.strictEqual(l.send(a.s, "y", "127.0.0.1", a.port), Codes.WSAENOBUFS)
      yield* l.mock.settled
      assert.strictEqual(l.receive(a.s), "x")
      const found = yield* l.mock.guard
      assert.isTrue(found.every(({ kind }) => kind === "TaskThrew"))
      const messages = found.map(({ message }) => message.split("\n")[0])
      assert.strictEqual(messages.filter((message) => message === "Error: a bug").length, 1)
      assert.include(messages, "Error: a bug of memory")
      assert.strictEqual(faults(yield* l.mock.trace).length, 1)
    })
  )

  it.effect("overlapped calls only, where it is about the operation", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      yield* l.mock.fault(MockFault.complete("WSARecvMsg", "STATUS_INSUFFICIENT_RESOURCES", { nth: 1 }))
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message()
      assert.strictEqual(l.recvMsg(s, message, 0), 0)
      const overlapped = l.overlapped()
      l.recvMsg(s, l.message(), overlapped.address)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_INSUFFICIENT_RESOURCES)
    })
  )
})

describe("what it does to operations", () => {
  it.effect("a completion that a duration of the clock delays", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      yield* l.mock.fault(MockFault.late("WSARecvMsg", { after: "2 seconds" }))
      const overlapped = l.overlapped()
      const message = l.message()
      l.recvMsg(s, message, overlapped.address)
      l.send(s, "late", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      yield* TestClock.adjust(1999)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      yield* TestClock.adjust(1)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, 0)
      assert.strictEqual(message.text, "late")
    })
  )

  it.effect("a packet that comes late is overtaken, and its operation has its end before", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port: own, s } = l.bound()
      const port = l.completionPort(s)
      yield* l.mock.fault(MockFault.latePacket("WSARecvMsg", { after: 10 }, { nth: 1 }))
      const overlapped = [l.overlapped(), l.overlapped()]
      for (const { address } of overlapped) l.recvMsg(s, l.message(), address)
      for (const text of ["a", "b"]) l.send(s, text, "127.0.0.1", own)
      yield* l.mock.settled
      assert.deepStrictEqual(
        overlapped.map(({ view }) => view.Internal),
        [0, 0]
      )
      assert.deepStrictEqual(
        l.packets(port).map((packet) => packet.overlapped),
        [overlapped[1].address]
      )
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      yield* TestClock.adjust(10)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(port).map((packet) => packet.overlapped),
        [overlapped[0].address]
      )
    })
  )

  it.effect("one that never completes is ended by CancelIoEx", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      yield* l.mock.fault(MockFault.neverCompletes("WSARecvMsg", { nth: 1 }))
      const overlapped = [l.overlapped(), l.overlapped()]
      const messages = [l.message(), l.message()]
      overlapped.forEach(({ address }, i) => l.recvMsg(s, messages[i], address))
      l.send(s, "second", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(overlapped[0].view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual(messages[1].text, "second")
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 1)
      assert.strictEqual(overlapped[0].view.Internal, NtStatus.STATUS_CANCELLED)
    })
  )

  for (const call of ["WSARecv", "WSASend", "ConnectEx", "AcceptEx"] as const) {
    it.effect(`a ${call} that never completes is ended by closing its socket`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        yield* l.mock.fault(MockFault.neverCompletes(call))
        const { overlapped, s } = yield* begin(l, call)
        yield* l.mock.settled
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
        l.closesocket(s)
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_CANCELLED)
      })
    )
  }
})

const begin = Effect.fnUntraced(function* (l: Lab, call: "WSARecv" | "WSASend" | "ConnectEx" | "AcceptEx") {
  if (call === "ConnectEx") {
    const listener = T.listening(l)
    const s = T.stream(l)
    l.bind(s, "127.0.0.1")
    return { s, overlapped: T.postConnect(l, s, "127.0.0.1", listener.port) }
  }
  if (call === "AcceptEx") {
    const { s } = T.listening(l)
    return { s, overlapped: T.postAccept(l, s, T.stream(l)) }
  }
  const { client } = yield* T.pair(l)
  const overlapped = call === "WSARecv" ? T.postReceive(l, client) : T.postSend(l, client, "text")
  return { s: client, overlapped }
})

describe("what it does to cancellations", () => {
  it.effect("loses: what is under way arrives within the call, and there is nothing to cancel", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port: own, s } = l.bound()
      const port = l.completionPort(s)
      yield* l.mock.fault(MockFault.cancelLoses())
      const overlapped = [l.overlapped(), l.overlapped()]
      const message = l.message()
      l.recvMsg(s, message, overlapped[0].address)
      l.recvMsg(s, l.message(), overlapped[1].address)
      l.send(s, "won", "127.0.0.1", own)
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      assert.strictEqual(message.text, "won")
      // nothing was under way to this one
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[1].address), 1)
      assert.deepStrictEqual(
        l.packets(port).map((packet) => packet.status),
        [0, NtStatus.STATUS_CANCELLED]
      )
    })
  )

  it.effect("late by turns or by the clock: what comes before completes it", () =>
    Effect.gen(function* () {
      for (const by of [2, { after: "1 second" }] as const) {
        const l = yield* lab()
        const { port, s } = l.bound()
        yield* l.mock.fault(MockFault.cancelLate(by))
        const overlapped = [l.overlapped(), l.overlapped()]
        const message = l.message()
        l.recvMsg(s, message, overlapped[0].address)
        l.recvMsg(s, l.message(), overlapped[1].address)
        for (const { address } of overlapped) assert.strictEqual(l.calls.CancelIoEx(s, address), 1)
        l.send(s, "before", "127.0.0.1", port)
        assert.strictEqual(overlapped[1].view.Internal, NtStatus.STATUS_PENDING)
        yield* l.mock.settled
        yield* TestClock.adjust("1 second")
        yield* l.mock.settled
        assert.strictEqual(message.text, "before")
        assert.strictEqual(overlapped[1].view.Internal, NtStatus.STATUS_CANCELLED)
      }
    })
  )

  it.effect("ignored, not found: the operation goes on, and asking again cancels it", () =>
    Effect.gen(function* () {
      for (const [fault, result] of [
        [MockFault.cancelIgnored({ nth: 1 }), 1],
        [MockFault.cancelNotFound({ nth: 1 }), 0]
      ] as const) {
        const l = yield* lab()
        const { s } = l.bound()
        yield* l.mock.fault(fault)
        const overlapped = l.overlapped()
        l.recvMsg(s, l.message(), overlapped.address)
        assert.strictEqual(l.calls.CancelIoEx(s, overlapped.address), result)
        yield* l.mock.settled
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
        assert.strictEqual(l.calls.CancelIoEx(s, overlapped.address), 1)
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_CANCELLED)
      }
    })
  )

  it.effect("hangs: data goes past it, another cancellation does nothing, closing ends it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      yield* l.mock.fault(MockFault.cancelHangs({ nth: 1 }))
      const overlapped = [l.overlapped(), l.overlapped()]
      const messages = [l.message(), l.message()]
      overlapped.forEach(({ address }, i) => l.recvMsg(s, messages[i], address))
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 1)
      assert.strictEqual(l.calls.CancelIoEx(s, overlapped[0].address), 1)
      l.send(s, "past", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(overlapped[0].view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual(messages[1].text, "past")
      l.closesocket(s)
      assert.strictEqual(overlapped[0].view.Internal, NtStatus.STATUS_CANCELLED)
    })
  )

  it.effect("hangs for ever: the guard says what is left", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { s } = l.bound()
      yield* l.mock.fault(MockFault.cancelHangs({}, "ever"))
      const overlapped = l.overlapped()
      l.recvMsg(s, l.message(), overlapped.address)
      assert.strictEqual(l.calls.CancelIoEx(s, 0), 1)
      l.closesocket(s)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual((yield* l.mock.counts).pending, 1)
    })
  )
})

it.effect("without CancelIoEx the sockets are no file handles, and the call fails", () =>
  Effect.gen(function* () {
    const l = yield* lab({ cancelIoEx: false })
    const { s } = l.bound()
    assert.strictEqual(l.calls.CancelIoEx(s, 0), 0)
    assert.strictEqual(l.error, Codes.ERROR_INVALID_FUNCTION)
  })
)
