import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import { kinds, type Lab, lab, type Message } from "./support.ts"

const collect = { guard: "collect" } as const

const pending = (l: Lab) => {
  const a = l.bound()
  const overlapped = l.overlapped()
  const message = l.message({ control: 64 })
  assert.strictEqual(l.recvMsg(a.s, message, overlapped.address), Codes.WSA_IO_PENDING)
  return { ...a, message, overlapped }
}

describe("the guard", () => {
  it.effect("FreeUnderOperation: a block freed under a pending receive, which then completes into nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const { port, s } = l.bound()
      const event = l.event()
      const overlapped = l.overlapped(event)
      const block = l.seam.memory.alloc(256)
      const message = l.message()
      message.view.name = block.address
      message.view.namelen = 28
      l.recvMsg(s, message, overlapped.address)
      l.seam.memory.free(block)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["FreeUnderOperation"])
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["FreeUnderOperation", "MemoryGone"])
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_ACCESS_VIOLATION)
    })
  )

  it.effect("FreeUnderOperation: the entries of a wait off the thread", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const cp = l.completionPort()
      const block = l.seam.memory.alloc(64)
      let answer: ReadonlyArray<number> = []
      l.seam.offThread("GetQueuedCompletionStatusEx", [cp, block.address, 1, block.address + 32, 1000, 0], (...r) => {
        answer = r
      })
      l.seam.memory.free(block)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["FreeUnderOperation"])
      l.calls.PostQueuedCompletionStatus(cp, 0, 0, 0)
      yield* l.mock.settled
      assert.deepStrictEqual(answer, [0, 998])
    })
  )

  it.effect("OverlappedReused: while its operation is pending, and before its packet is dequeued", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const { overlapped, port, s } = pending(l)
      const cp = l.completionPort(s)
      l.recvMsg(s, l.message(), overlapped.address)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["OverlappedReused"])
      l.calls.CancelIoEx(s, 0)
      l.packets(cp)
      const other = l.overlapped()
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      l.recvMsg(s, l.message(), other.address)
      l.send(s, "y", "127.0.0.1", port)
      yield* l.mock.settled
      l.recvMsg(s, l.message(), other.address)
      assert.deepStrictEqual(kinds(yield* l.mock.guard).slice(-1), ["OverlappedReused"])
      l.packets(cp)
      const seen = (yield* l.mock.guard).length
      l.recvMsg(s, l.message(), other.address)
      assert.strictEqual((yield* l.mock.guard).length, seen)
    })
  )

  const spoilers: ReadonlyArray<readonly [what: string, f: (message: Message, view: { Offset: number }) => void]> = [
    [
      "OVERLAPPED",
      (_, view) => {
        view.Offset = 3
      }
    ],
    [
      "WSAMSG",
      (message) => {
        message.view.dwFlags = 2
      }
    ],
    [
      "name",
      (message) => {
        message.block.bytes[message.nameAt] = 9
      }
    ],
    [
      "control buffer",
      (message) => {
        message.block.bytes[message.controlAt + 63] = 9
      }
    ],
    [
      "payload buffer",
      (message) => {
        message.block.bytes[message.payloadAt[0] + 63] = 9
      }
    ]
  ]
  for (const [what, spoil] of spoilers) {
    it.effect(`MemoryChanged: the ${what} written to while the kernel has it`, () =>
      Effect.gen(function* () {
        const l = yield* lab(collect)
        const { message, overlapped, port, s } = pending(l)
        spoil(message, overlapped.view)
        l.send(s, "x", "127.0.0.1", port)
        yield* l.mock.settled
        const violations = yield* l.mock.guard
        assert.deepStrictEqual(kinds(violations), ["MemoryChanged"])
        assert.include(violations[0].message, what)
      })
    )
  }

  it.effect("the WSABUF array is captured: it may change after the call", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { message, port, s } = pending(l)
      message.block.bytes.fill(
        0,
        message.view.lpBuffers - message.address,
        message.view.lpBuffers - message.address + 16
      )
      l.send(s, "still", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(message.text, "still")
    })
  )

  it.effect("MemoryChanged: the payload of a pending send", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const { port, s } = l.bound()
      l.setOption(s, 0xffff, 0x1001, 0)
      const message = l.outgoing("text").to("127.0.0.1", port)
      assert.strictEqual(l.sendMsg(s, message, l.overlapped().address), Codes.WSA_IO_PENDING)
      message.block.bytes[message.payloadAt[0]] = 0
      yield* l.mock.settled
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["MemoryChanged"])
    })
  )

  it.effect("DeadSocket: a call on a number that was closed", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const s = l.socket()
      l.closesocket(s)
      assert.strictEqual(l.calls.closesocket(s), -1)
      assert.strictEqual(l.error, Codes.WSAENOTSOCK)
      l.calls.CancelIoEx(s, 0)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["DeadSocket", "DeadSocket"])
      assert.strictEqual(l.calls.closesocket(-1), -1)
      assert.strictEqual(l.calls.closesocket(4000 as SocketHandle), -1)
      assert.strictEqual((yield* l.mock.guard).length, 2)
    })
  )

  it.effect("PacketsDiscarded: a port closed over completions nobody saw", () =>
    Effect.gen(function* () {
      const l = yield* lab(collect)
      const { s } = pending(l)
      const cp = l.completionPort(s)
      l.calls.PostQueuedCompletionStatus(cp, 0, 0, 0)
      l.calls.CancelIoEx(s, 0)
      l.disown(cp)
      l.calls.CloseHandle(cp)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["PacketsDiscarded"])
    })
  )

  it.effect("strict: what is left at the end makes the release die, with the trace", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.scoped(
          Effect.gen(function* () {
            const { seam } = yield* MockWinsock.make()
            const data = seam.memory.alloc(408)
            seam.calls.WSAStartup(0x0202, data.address)
            seam.calls.WSASocketW(2, 2, 17, 0, 0, 1)
            seam.host.keepAlive(true)
            seam.host.onExit(() => {})
          })
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      const text = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
      for (const part of [
        "socket 4 is open",
        "1 blocks of memory",
        "WSAStartup",
        "kept alive",
        "exit tasks",
        "WSASocketW(af=2"
      ]) {
        assert.include(text, part)
      }
    })
  )

  it.effect("strict: a pending operation at the end", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ cancellation: "deferred" })
            pending(l)
            // the lab closes the socket, which ends the receive; the wait stays
            l.seam.offThread("GetQueuedCompletionStatusEx", [l.completionPort(), 0, 1, 0, 5, 0], () => {})
          })
        )
      )
      assert.include(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        "waiting GetQueuedCompletionStatusEx is pending"
      )
    })
  )

  it.effect("off: nothing is looked at, and memory rules cost nothing", () =>
    Effect.gen(function* () {
      const { guard, seam } = yield* MockWinsock.make({ guard: "off", trace: false })
      const block = seam.memory.alloc(8)
      seam.memory.free(block)
      seam.memory.free(block)
      seam.memory.alloc(8)
      assert.deepStrictEqual(yield* guard, [])
    })
  )
})

describe("the host", () => {
  it.effect("tasks run in a later turn, in order, each turn's before the next's; withdrawn ones do not", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const { schedule } = mock.seam.host
      const ran: Array<string> = []
      schedule(() => {
        ran.push("a")
        schedule(() => ran.push("c"))
      })
      schedule(() => ran.push("withdrawn"))()
      schedule(() => ran.push("b"))
      assert.deepStrictEqual(ran, [])
      yield* mock.settled
      assert.deepStrictEqual(ran, ["a", "b", "c"])
    })
  )

  it.effect("a task that throws is a violation, and the others run", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make(collect)
      const ran: Array<number> = []
      const { schedule } = mock.seam.host
      schedule(() => {
        throw new Error("mine")
      })
      schedule(() => ran.push(1))
      yield* mock.settled
      schedule(() => ran.push(2))
      yield* mock.settled
      assert.deepStrictEqual(ran, [1, 2])
      const [violation] = yield* mock.guard
      assert.strictEqual(violation.kind, "TaskThrew")
      assert.include(violation.message, "mine")
    })
  )

  it.effect("delays run on the virtual clock, in order of time; withdrawn ones do not run", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const { schedule } = mock.seam.host
      const ran: Array<number> = []
      for (const delay of [300, 100, 200, 100]) schedule(() => ran.push(delay), delay)
      schedule(() => ran.push(-1), 150)()
      yield* mock.settled
      assert.deepStrictEqual(ran, [])
      yield* TestClock.adjust(250)
      yield* mock.settled
      assert.deepStrictEqual(ran, [100, 100, 200])
      // an earlier one than what is slept for already
      schedule(() => ran.push(10), 10)
      yield* TestClock.adjust(10)
      yield* mock.settled
      assert.deepStrictEqual(ran, [100, 100, 200, 10])
      yield* TestClock.adjust(1000)
      yield* mock.settled
      assert.deepStrictEqual(ran, [100, 100, 200, 10, 300])
    })
  )

  it.effect("keepAlive counts; exit tasks run on exit", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const { host } = mock.seam
      host.keepAlive(true)
      assert.isTrue(yield* mock.keptAlive)
      host.keepAlive(false)
      assert.isFalse(yield* mock.keptAlive)
      let exits = 0
      const withdraw = host.onExit(() => exits++)
      yield* mock.exit
      withdraw()
      yield* mock.exit
      assert.strictEqual(exits, 1)
    })
  )

  it.effect("settled dies when the simulation never comes to rest", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make({ trace: false })
      let on = true
      const again = (): void => {
        if (on) mock.seam.host.schedule(again)
      }
      again()
      const exit = yield* Effect.exit(mock.settled)
      on = false
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "never comes to rest")
    })
  )
})

describe("faults and the trace", () => {
  it.effect("a code: the nth call fails and does nothing; the rule ends with its scope", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.fault({ call: "WSASocketW", code: Codes.WSAEMFILE, nth: 2 })
          assert.strictEqual(l.socket({ blocking: true }), 4)
          assert.strictEqual(l.socket({ blocking: true }), -1)
          assert.strictEqual(l.error, Codes.WSAEMFILE)
          assert.strictEqual(l.socket({ blocking: true }), 8)
          yield* l.mock.fault({ call: "closesocket", code: Codes.WSAENOTSOCK, when: ({ s }) => s === 8 })
          assert.strictEqual(l.calls.closesocket(8 as SocketHandle), -1)
        })
      )
      assert.strictEqual(l.closesocket(8 as SocketHandle), 0)
    })
  )

  it.effect("an NTSTATUS: the operation pends and ends with it, and takes no datagram", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const cp = l.completionPort(s)
      l.send(s, "kept", "127.0.0.1", port)
      yield* l.mock.settled
      yield* l.mock.fault({ call: "WSARecvMsg", nth: 1, ntstatus: NtStatus.STATUS_INSUFFICIENT_RESOURCES })
      assert.strictEqual(l.recvMsg(s, l.message(), l.overlapped().address), Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(cp).map((p) => p.status),
        [NtStatus.STATUS_INSUFFICIENT_RESOURCES]
      )
      assert.strictEqual(l.receive(s), "kept")
    })
  )

  it.effect("a late completion: the operation ends turns after it would", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const cp = l.completionPort(s)
      yield* l.mock.fault({ call: "WSARecvMsg", lateCompletion: 3, times: 1 })
      const message = l.message()
      const other = l.message()
      l.recvMsg(s, message, l.overlapped().address)
      l.recvMsg(s, other, l.overlapped().address)
      l.send(s, "1", "127.0.0.1", port)
      l.send(s, "2", "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual([message.text, other.text], ["1", "2"])
      const order = l.packets(cp).map((p) => p.overlapped)
      assert.strictEqual(order.length, 2)
      assert.isAbove(order[0], order[1])
    })
  )

  it.effect("the trace tells calls, completions, packets and datagrams in order", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const cp = l.completionPort(s)
      const overlapped = l.overlapped()
      const message = l.message()
      l.extension(s, "WSARecvMsg")
      const out = l.outgoing("hi").to("127.0.0.1", port)
      const bytes = l.alloc(4).address
      yield* l.mock.clearTrace
      l.recvMsg(s, message, overlapped.address)
      l.calls.WSASendMsg(s, out.address, 0, bytes, 0, 0)
      yield* l.mock.settled
      l.packets(cp)
      const events = yield* l.mock.trace
      assert.deepStrictEqual(
        events.map((event) => event._tag),
        ["Call", "Call", "Call", "Sent", "Delivered", "Completed", "Call", "Dequeued"]
      )
      const [recv] = events
      assert.deepInclude(recv, { error: Codes.WSA_IO_PENDING, host: "localhost", name: "WSARecvMsg", result: -1 })
      assert.deepStrictEqual(recv._tag === "Call" ? recv.args : {}, {
        lpCompletionRoutine: 0,
        lpMsg: message.address,
        lpOverlapped: overlapped.address,
        lpdwNumberOfBytesRecvd: 0,
        s
      })
      const sent = events[3]
      assert.deepInclude(sent, { bytes: 2, from: `127.0.0.1:${port}`, to: `127.0.0.1:${port}` })
      const [info] = yield* l.mock.sockets
      assert.deepInclude(info, { local: `127.0.0.1:${port}`, pendingReceives: 0, socket: s })
    })
  )

  it.effect("the trace keeps the latest events", () =>
    Effect.gen(function* () {
      const l = yield* lab({ trace: 10 })
      for (let i = 0; i < 1000; i++) l.calls.WSASetLastError(i)
      const events = yield* l.mock.trace
      assert.deepStrictEqual(
        events.map((e) => (e._tag === "Call" ? e.args.iError : -1)),
        [990, 991, 992, 993, 994, 995, 996, 997, 998, 999]
      )
    })
  )
})
