import * as Decorators from "@effect-winsock/core/Decorators"
import type { Handle } from "@effect-winsock/core/Seam"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import { expectTypeOf } from "vitest"
import * as FakeSeam from "../support/FakeSeam.ts"

const { socket } = FakeSeam
const timeout = WsaError.WAIT_TIMEOUT

describe("record", () => {
  it("takes down every call with its arguments by name, its result and its error", () => {
    const recorder = Decorators.record()
    const seam = recorder.decorate(FakeSeam.make().seam)
    seam.calls.closesocket(socket)
    assert.strictEqual(seam.calls.closesocket(-1), -1)
    assert.strictEqual(seam.calls.WSAGetLastError(), WsaError.WSAENOTSOCK)
    assert.deepStrictEqual(recorder.calls, [
      { sequence: 0, name: "closesocket", origin: "export", args: { s: 4 }, result: 0, lastError: undefined },
      {
        sequence: 1,
        name: "closesocket",
        origin: "export",
        args: { s: -1 },
        result: -1,
        lastError: WsaError.WSAENOTSOCK
      },
      {
        sequence: 2,
        name: "WSAGetLastError",
        origin: "export",
        args: {},
        result: WsaError.WSAENOTSOCK,
        lastError: undefined
      }
    ])
  })

  it("takes down extension functions and off-thread calls", () => {
    const fake = FakeSeam.make()
    const recorder = Decorators.record()
    const seam = recorder.decorate(fake.seam)
    seam.bind("WSARecvMsg", 1)(socket, 16, 0, 32, 0)
    const pump = FakeSeam.pump(seam)
    let got: unknown
    pump.dequeueAway((value) => (got = value))
    const [away] = recorder.of("GetQueuedCompletionStatusEx")
    assert.strictEqual(away.result, undefined)
    fake.runAway()
    fake.reportAway()
    assert.strictEqual(got, timeout)
    assert.deepInclude(away, { origin: "offThread", result: 0, lastError: timeout })
    const [receive] = recorder.of("WSARecvMsg")
    assert.deepInclude(receive, { origin: "extension", result: -1, lastError: WsaError.WSA_IO_PENDING })
    assert.deepStrictEqual(receive.args, {
      s: 4,
      lpMsg: 16,
      lpdwNumberOfBytesRecvd: 0,
      lpOverlapped: 32,
      lpCompletionRoutine: 0
    })
  })

  it("reads the failure of a call that returns its code", () => {
    const recorder = Decorators.record()
    const failing = Decorators.fail({ call: "WSAStartup", code: WsaError.WSAVERNOTSUPPORTED })
    const seam = pipe(FakeSeam.make().seam, failing.decorate, recorder.decorate)
    assert.strictEqual(seam.calls.WSAStartup(0x202, 0), WsaError.WSAVERNOTSUPPORTED)
    assert.strictEqual(recorder.of("WSAStartup")[0].lastError, WsaError.WSAVERNOTSUPPORTED)
  })

  it("asks nothing of the program's own last error but to read it", () => {
    const fake = FakeSeam.make()
    const seam = Decorators.record().decorate(fake.seam)
    seam.calls.closesocket(-1)
    seam.calls.closesocket(socket)
    assert.strictEqual(seam.calls.WSAGetLastError(), WsaError.WSAENOTSOCK)
    assert.notInclude(
      fake.made.map(([name]) => name),
      "WSASetLastError"
    )
  })

  it("answers questions, and forgets", () => {
    const recorder = Decorators.record()
    const seam = recorder.decorate(FakeSeam.make().seam)
    for (const s of [4, 8, -1] as const) seam.calls.closesocket(s as typeof socket | -1)
    assert.strictEqual(recorder.count("closesocket"), 3)
    assert.strictEqual(
      recorder.count("closesocket", (call) => call.args.s > 4),
      1
    )
    assert.strictEqual(
      recorder.count("closesocket", (call) => call.lastError !== undefined),
      1
    )
    assert.strictEqual(recorder.count("CancelIoEx"), 0)
    recorder.clear()
    assert.strictEqual(recorder.calls.length, 0)
    seam.calls.closesocket(socket)
    assert.strictEqual(recorder.calls[0].sequence, 3)
  })

  it("types a call by its name", () => {
    const recorder = Decorators.record()
    const cancels = recorder.of("CancelIoEx").map((call) => call.args)
    expectTypeOf(cancels).toEqualTypeOf<Array<{ readonly hFile: number; readonly lpOverlapped: number }>>()
    for (const call of recorder.calls) {
      if (call.name === "AcceptEx") expectTypeOf(call.args.sAcceptSocket).toEqualTypeOf<number>()
    }
    // @ts-expect-error there is no such function
    recorder.of("WSANoSuchCall")
  })
})

describe("fail", () => {
  it("reports the failure that the signature has, without the call", () => {
    const fake = FakeSeam.make()
    const failing = Decorators.fail(
      { call: "WSASocketW", code: WsaError.WSAEMFILE },
      { call: "closesocket", code: WsaError.WSAENOTSOCK },
      { call: "CreateIoCompletionPort", code: WsaError.WSA_NOT_ENOUGH_MEMORY },
      { call: "CreateFileW", code: WsaError.ERROR_FILE_NOT_FOUND },
      { call: "CancelIoEx", code: WsaError.ERROR_NOT_FOUND },
      { call: "WSAStartup", code: WsaError.WSASYSNOTREADY },
      { call: "WSARecvMsg", code: WsaError.WSAENOBUFS }
    )
    const { bind, calls } = failing.decorate(fake.seam)
    const outcomes = [
      [calls.WSASocketW(2, 2, 17, 0, 0, 1), calls.WSAGetLastError()],
      [calls.closesocket(socket), calls.WSAGetLastError()],
      [calls.CreateIoCompletionPort(-1, 0, 0, 0), calls.WSAGetLastError()],
      [calls.CreateFileW(1, 0, 0, 0, 0, 0, 0), calls.WSAGetLastError()],
      [calls.CancelIoEx(socket, 1), calls.WSAGetLastError()],
      [calls.WSAStartup(0x202, 0)],
      [bind("WSARecvMsg", 1)(socket, 16, 0, 32, 0), calls.WSAGetLastError()]
    ]
    assert.deepStrictEqual(outcomes, [[-1, 10024], [-1, 10038], [0, 8], [-1, 2], [0, 1168], [10091], [-1, 10055]])
    assert.deepStrictEqual(fake.made, [])
    assert.strictEqual(failing.count, 7)
  })

  it("answers the code until the next call", () => {
    const failing = Decorators.fail({ call: "bind", code: WsaError.WSAEADDRINUSE })
    const { calls } = failing.decorate(FakeSeam.make().seam)
    calls.WSASetLastError(7)
    calls.bind(socket, 0, 0)
    assert.strictEqual(calls.WSAGetLastError(), WsaError.WSAEADDRINUSE)
    assert.strictEqual(calls.WSAGetLastError(), WsaError.WSAEADDRINUSE)
    calls.closesocket(socket)
    assert.strictEqual(calls.WSAGetLastError(), 7)
    calls.bind(socket, 0, 0)
    calls.WSASetLastError(9)
    assert.strictEqual(calls.WSAGetLastError(), 9)
  })

  it("chooses calls by number, by every, and by their arguments", () => {
    const failing = Decorators.fail()
    const { calls } = failing.decorate(FakeSeam.make().seam)
    const five = () => Array.from({ length: 5 }, (_, i) => calls.listen(socket, i))
    const take = failing.add({ call: "listen", nth: 2, code: 1 })
    assert.deepStrictEqual(five(), [0, -1, 0, 0, 0])
    assert.deepStrictEqual(five(), [0, 0, 0, 0, 0])
    take()
    failing.add({ call: "listen", every: 2, code: 1 })
    assert.deepStrictEqual(five(), [0, -1, 0, -1, 0])
    failing.clear()
    failing.add({ call: "listen", when: (args) => args.backlog > 2, nth: 2, code: 1 })
    assert.deepStrictEqual(five(), [0, 0, 0, 0, -1])
    failing.clear()
    assert.deepStrictEqual(five(), [0, 0, 0, 0, 0])
    assert.strictEqual(failing.count, 4)
  })

  it("makes the call first when asked to", () => {
    const fake = FakeSeam.make()
    const { calls } = Decorators.fail({ call: "closesocket", code: 10035, after: true }).decorate(fake.seam)
    assert.strictEqual(calls.closesocket(socket), -1)
    assert.strictEqual(calls.WSAGetLastError(), 10035)
    assert.deepStrictEqual(fake.made, [["closesocket", [4]]])
  })

  it("fails off the JS thread, in a later turn", () => {
    const fake = FakeSeam.make()
    const failing = Decorators.fail({ call: "GetQueuedCompletionStatusEx", nth: 1, code: 735 })
    const pump = FakeSeam.pump(failing.decorate(fake.seam))
    const got: Array<unknown> = []
    pump.dequeueAway((value) => got.push(value))
    assert.deepStrictEqual(got, [])
    fake.advance(0)
    assert.deepStrictEqual(got, [735])
    assert.notInclude(
      fake.made.map(([name]) => name),
      "GetQueuedCompletionStatusEx"
    )
    failing.add({ call: "GetQueuedCompletionStatusEx", code: 6, after: true })
    fake.complete(pump.port, 16)
    pump.dequeueAway((value) => got.push(value))
    fake.runAway()
    fake.reportAway()
    assert.deepStrictEqual(got, [735, 6])
    assert.deepStrictEqual(fake.ports.get(pump.port), [])
  })

  it("refuses at compile time to fail what cannot fail", () => {
    // @ts-expect-error WSAGetLastError has no way to fail
    Decorators.fail({ call: "WSAGetLastError", code: 1 })
    // @ts-expect-error one or the other
    Decorators.fail({ call: "bind", nth: 1, every: 2, code: 1 })
    assert.throws(
      () =>
        Decorators.fail({ call: "SleepEx" as "bind", code: 1 })
          .decorate(FakeSeam.make().seam)
          .calls.SleepEx(0, 0),
      TypeError
    )
  })
})

describe.each(["x64", "ia32"] as const)("gate on %s", (abi) => {
  const make = (options?: Parameters<typeof Decorators.gate>[0]) => {
    const fake = FakeSeam.make(abi)
    const gate = Decorators.gate(options)
    const seam = gate.decorate(fake.seam)
    return { fake, gate, seam, ...FakeSeam.pump(seam) }
  }

  it("lets everything pass while it is open", () => {
    const { dequeue, fake, gate, port } = make()
    fake.complete(port, 16)
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [16, 32])
    assert.strictEqual(dequeue(), timeout)
    assert.isTrue(gate.isOpen)
  })

  it("holds what completed, and lets it go in order, before what came later", () => {
    const { dequeue, fake, gate, port } = make({ closed: true })
    assert.isFalse(gate.isOpen)
    fake.complete(port, 16, 5, 100)
    fake.complete(port, 32, 6, 200)
    assert.strictEqual(dequeue(), timeout)
    assert.strictEqual(gate.held, 2)
    fake.complete(port, 48, 7, 300)
    const blocks = fake.blocks.size
    gate.open()
    assert.strictEqual(gate.held, 0)
    assert.strictEqual(fake.blocks.size, blocks)
    assert.deepStrictEqual(fake.ports.get(port), [
      { lpOverlapped: 16, key: 5, bytes: 100 },
      { lpOverlapped: 32, key: 6, bytes: 200 },
      { lpOverlapped: 48, key: 7, bytes: 300 }
    ])
    assert.deepStrictEqual(dequeue(), [16, 32, 48])
  })

  it("lets wake-ups pass", () => {
    const { dequeue, fake, gate, port, post } = make({ closed: true })
    fake.complete(port, 16)
    post(0)
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [0])
    assert.strictEqual(gate.held, 2)
  })

  it("holds more than one dequeue takes", () => {
    const { dequeue, fake, gate, port } = make({ closed: true })
    const all = Array.from({ length: 200 }, (_, i) => 16 * (i + 1))
    for (const lpOverlapped of all.slice(0, 100)) fake.complete(port, lpOverlapped)
    while (fake.ports.get(port)!.length > 0) assert.strictEqual(dequeue(), timeout)
    assert.strictEqual(gate.held, 100)
    for (const lpOverlapped of all.slice(100)) fake.complete(port, lpOverlapped)
    gate.open()
    const got: Array<number> = []
    for (let taken = dequeue(); typeof taken !== "number"; taken = dequeue()) got.push(...taken)
    assert.deepStrictEqual(got, all)
  })

  it("holds only what it is asked to", () => {
    const { dequeue, fake, gate, port } = make({ closed: true, only: (packet) => packet.key === 2 })
    fake.complete(port, 16, 2)
    fake.complete(port, 32, 1)
    assert.deepStrictEqual(dequeue(), [32])
    assert.strictEqual(gate.held, 1)
    gate.open()
    assert.deepStrictEqual(dequeue(), [16])
  })

  it("keeps a posted packet behind what is held, and only then", () => {
    const { dequeue, fake, gate, port, post } = make({ closed: true, only: (packet) => packet.key === 2 })
    post(64)
    assert.deepStrictEqual(dequeue(), [64])
    fake.complete(port, 16, 2)
    post(64)
    fake.complete(port, 32, 1)
    assert.deepStrictEqual(dequeue(), [32])
    assert.strictEqual(gate.held, 2)
    gate.open()
    gate.close()
    // released into the port, and held again: the posted one is still known as such
    assert.strictEqual(dequeue(), timeout)
    gate.open()
    assert.deepStrictEqual(dequeue(), [16, 64])
  })

  it("keeps the packets of one OVERLAPPED in order", () => {
    let first = true
    const { dequeue, fake, gate, port } = make({
      closed: true,
      only: () => {
        const held = first
        first = false
        return held
      }
    })
    fake.complete(port, 16)
    fake.complete(port, 16, 2)
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [32])
    gate.open()
    assert.deepStrictEqual(
      fake.ports.get(port)!.map((entry) => entry.key),
      [1, 2]
    )
  })

  it("tells which call a packet belongs to", () => {
    const seen: Array<Decorators.Packet> = []
    const { dequeue, fake, port, seam } = make({
      closed: true,
      only: (packet) => {
        seen.push(packet)
        return false
      }
    })
    seam.bind("WSARecvMsg", 1)(socket, 16, 0, 32, 0)
    seam.calls.CancelIoEx(socket, 32)
    fake.complete(port, 32, 3, 9)
    fake.complete(port, 48)
    dequeue()
    assert.deepStrictEqual(seen, [
      { port, key: 3, lpOverlapped: 32, bytes: 9, operation: "WSARecvMsg", posted: false },
      { port, key: 1, lpOverlapped: 48, bytes: 0, operation: undefined, posted: false }
    ])
  })

  it("holds what an off-thread call takes, and delivers it after what was held before", () => {
    const { dequeue, dequeueAway, fake, gate, port } = make({ closed: true })
    const got: Array<unknown> = []
    fake.complete(port, 16)
    assert.strictEqual(dequeue(), timeout)
    dequeueAway((value) => got.push(value))
    fake.complete(port, 32)
    // the thread has taken the packet and the JS thread does not know: a release now would put 16 behind 32
    fake.runAway()
    gate.open()
    assert.strictEqual(gate.held, 1)
    fake.reportAway()
    assert.deepStrictEqual(got, [timeout])
    assert.strictEqual(gate.held, 0)
    assert.deepStrictEqual(dequeue(), [16, 32])
    assert.strictEqual(dequeue(), timeout)
  })

  it("wakes an off-thread call that waits, so that the release need not", () => {
    const { dequeue, dequeueAway, fake, gate, port } = make({ closed: true })
    const got: Array<unknown> = []
    fake.complete(port, 16)
    dequeue()
    dequeueAway((value) => got.push(value))
    gate.open()
    // a look in between takes the wake-up, and puts it back
    assert.strictEqual(dequeue(), timeout)
    assert.strictEqual(fake.ports.get(port)!.length, 1)
    fake.runAway()
    fake.reportAway()
    assert.deepStrictEqual(got, [timeout])
    assert.deepStrictEqual(dequeue(), [16])
  })

  it("keeps what cannot be posted, and tries again", () => {
    const fake = FakeSeam.make(abi)
    const gate = Decorators.gate({ closed: true })
    const failing = Decorators.fail({ call: "PostQueuedCompletionStatus", nth: 2, code: 8 })
    const { dequeue, port } = FakeSeam.pump(pipe(fake.seam, failing.decorate, gate.decorate))
    for (const lpOverlapped of [16, 32, 48]) fake.complete(port, lpOverlapped)
    dequeue()
    fake.complete(port, 64)
    gate.open()
    assert.strictEqual(gate.held, 4)
    assert.deepStrictEqual(fake.ports.get(port), [])
    assert.deepStrictEqual(dequeue(), [16, 32, 48, 64])
  })

  it("keeps what comes while it takes back a release that failed", () => {
    const fake = FakeSeam.make(abi)
    const gate = Decorators.gate({ closed: true })
    const failing = Decorators.fail()
    const { dequeue, port } = FakeSeam.pump(pipe(fake.seam, failing.decorate, gate.decorate))
    failing.add({
      call: "PostQueuedCompletionStatus",
      when: (args) => {
        if (args.lpOverlapped === 32) fake.complete(port, 48)
        return args.lpOverlapped === 32
      },
      nth: 1,
      code: 8
    })
    fake.complete(port, 16)
    fake.complete(port, 32)
    dequeue()
    gate.open()
    assert.strictEqual(gate.held, 3)
    failing.clear()
    assert.deepStrictEqual(dequeue(), [16, 32, 48])
  })

  it("forgets what it holds for a port that is closed", () => {
    const { dequeue, fake, gate, port, seam } = make({ closed: true })
    fake.complete(port, 16)
    dequeue()
    assert.strictEqual(seam.calls.CloseHandle(port), 1)
    assert.strictEqual(gate.held, 0)
    gate.open()
    assert.strictEqual(dequeue(), WsaError.WSA_INVALID_HANDLE)
  })

  it("passes on the failure of a dequeue", () => {
    const { fake, seam } = make({ closed: true })
    assert.strictEqual(seam.calls.GetQueuedCompletionStatusEx(999 as Handle, 0, 1, 0, 0, 0), 0)
    assert.strictEqual(seam.calls.WSAGetLastError(), WsaError.WSA_INVALID_HANDLE)
    assert.isAbove(fake.made.length, 0)
  })

  it("can be stacked", () => {
    const fake = FakeSeam.make(abi)
    const inner = Decorators.gate({ closed: true, only: (packet) => packet.key === 1 })
    const outer = Decorators.gate({ closed: true, only: (packet) => packet.key === 2 })
    const { dequeue, dequeueAway, port } = FakeSeam.pump(pipe(fake.seam, inner.decorate, outer.decorate))
    fake.complete(port, 16, 1)
    fake.complete(port, 32, 2)
    assert.strictEqual(dequeue(), timeout)
    assert.deepStrictEqual([inner.held, outer.held], [1, 1])
    const got: Array<unknown> = []
    dequeueAway((value) => got.push(value))
    outer.open()
    fake.runAway()
    fake.reportAway()
    assert.deepStrictEqual(dequeue(), [32])
    inner.open()
    assert.deepStrictEqual(dequeue(), [16])
    assert.deepStrictEqual(got, [timeout])
  })

  it.effect("tells when enough is held, in a turn of its own", () =>
    Effect.gen(function* () {
      const { dequeue, fake, gate, port } = make({ closed: true })
      const fiber = yield* Effect.forkChild(gate.awaitHeld(2), { startImmediately: true })
      const gone = yield* Effect.forkChild(gate.awaitHeld(1), { startImmediately: true })
      yield* Fiber.interrupt(gone)
      fake.complete(port, 16)
      dequeue()
      fake.advance(0)
      assert.isUndefined(fiber.pollUnsafe())
      fake.complete(port, 32)
      dequeue()
      assert.isUndefined(fiber.pollUnsafe())
      fake.advance(0)
      yield* Fiber.join(fiber)
      yield* gate.awaitHeld(2)
      assert.strictEqual(gate.held, 2)
    })
  )
})

describe("delay", () => {
  const make = (...rules: ReadonlyArray<Decorators.DelayRule>) => {
    const fake = FakeSeam.make()
    const delaying = Decorators.delay(...rules)
    const seam = delaying.decorate(fake.seam)
    return { fake, delaying, seam, ...FakeSeam.pump(seam) }
  }

  it("delivers a packet some dequeues later, once, and waits for nothing meanwhile", () => {
    const { delaying, dequeue, fake, port } = make({ only: (packet) => packet.lpOverlapped === 16, dequeues: 2 })
    fake.complete(port, 16)
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [32])
    assert.strictEqual(delaying.held, 1)
    assert.strictEqual(dequeue(), timeout)
    assert.deepStrictEqual(dequeue(), [16])
    assert.strictEqual(delaying.held, 0)
    const waits = fake.made.filter(([name]) => name === "GetQueuedCompletionStatusEx").map(([, args]) => args[4])
    // the first waits as it was asked to; the third's first look is the release's own
    assert.deepStrictEqual(waits, [1000, 0, 0, 1000])
    fake.complete(port, 16)
    assert.strictEqual(dequeue(), timeout)
  })

  it("delivers a packet after a time of the host", () => {
    const { dequeue, fake, port } = make({ milliseconds: 50 })
    fake.complete(port, 16)
    assert.strictEqual(dequeue(), timeout)
    fake.advance(49)
    assert.strictEqual(dequeue(), timeout)
    fake.advance(1)
    assert.deepStrictEqual(dequeue(), [16])
  })

  it("delivers to an off-thread call", () => {
    const { dequeueAway, fake, port } = make({ milliseconds: 50 })
    const got: Array<unknown> = []
    const away = () => {
      dequeueAway((value) => got.push(value))
      fake.runAway()
      fake.reportAway()
    }
    fake.complete(port, 16)
    away()
    fake.advance(50)
    away()
    assert.deepStrictEqual(got, [timeout, [16]])
  })

  it("keeps a posted packet behind a delayed one", () => {
    const { dequeue, fake, port, post } = make({ only: (packet) => !packet.posted, dequeues: 1 })
    fake.complete(port, 16)
    post(16, 3)
    assert.strictEqual(dequeue(), timeout)
    assert.deepStrictEqual(dequeue(), [16, 16])
  })

  it("delays once, whatever a gate above it posts again", () => {
    const fake = FakeSeam.make()
    const delaying = Decorators.delay({ dequeues: 1 })
    const gate = Decorators.gate({ closed: true })
    const { dequeue, port } = FakeSeam.pump(pipe(fake.seam, delaying.decorate, gate.decorate))
    fake.complete(port, 16)
    assert.strictEqual(dequeue(), timeout)
    assert.deepStrictEqual([delaying.held, gate.held], [1, 0])
    assert.strictEqual(dequeue(), timeout)
    assert.deepStrictEqual([delaying.held, gate.held], [0, 1])
    gate.open()
    assert.deepStrictEqual(dequeue(), [16])
  })

  it("chooses by the call", () => {
    const { dequeue, fake, port, seam } = make({ only: (packet) => packet.operation === "WSASend", dequeues: 1 })
    seam.calls.WSASend(socket, 0, 0, 0, 0, 16, 0)
    seam.calls.WSARecv(socket, 0, 0, 0, 0, 32, 0)
    fake.complete(port, 16)
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [32])
    assert.deepStrictEqual(dequeue(), [16])
  })

  it("takes and drops rules, and lets go of what it holds", () => {
    const { delaying, dequeue, fake, port } = make()
    const drop = delaying.add({ milliseconds: 5 })
    fake.complete(port, 16)
    assert.strictEqual(dequeue(), timeout)
    delaying.clear()
    assert.deepStrictEqual(dequeue(), [16])
    drop()
    const take = delaying.add({ milliseconds: 5 })
    take()
    fake.complete(port, 32)
    assert.deepStrictEqual(dequeue(), [32])
  })

  it("withdraws its timer when the port is closed", () => {
    const { delaying, dequeue, fake, port, seam } = make({ milliseconds: 5 })
    fake.complete(port, 16)
    dequeue()
    seam.calls.CloseHandle(port)
    const before = fake.made.length
    fake.advance(5)
    assert.strictEqual(fake.made.length, before)
    assert.strictEqual(delaying.held, 0)
  })
})
