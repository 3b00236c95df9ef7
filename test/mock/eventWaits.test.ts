// Waits for events off the JS thread, call by call; and what the library's own wait does to the process.
import { EventObject, TcpServer, TcpSocket, Winsock } from "@effect-winsock/core"
import type { Handle, SocketHandle } from "@effect-winsock/core/Seam"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { loopback, start } from "../support/rig.ts"
import { inScope } from "../support/tcp.ts"
import { tag } from "../support/udp.ts"
import { kinds, lab, type Lab } from "./support.ts"

/** A wait off the thread: what it answered, once it did. */
const waitOn = (
  l: Lab,
  handles: ReadonlyArray<Handle | SocketHandle>,
  options: { all?: boolean; timeout?: number }
) => {
  const size = Layout.pointerSize(l.seam.abi)
  const block = l.alloc(size * Math.max(1, handles.length))
  handles.forEach((handle, i) => Layout.writePointer(l.seam.abi, block.view, size * i, handle))
  const waiting: { answer: readonly [number, number] | undefined } = { answer: undefined }
  l.seam.offThread(
    "WSAWaitForMultipleEvents",
    [handles.length, block.address, options.all === true ? 1 : 0, options.timeout ?? Flags.WSA_INFINITE, 0],
    (result, error) => {
      waiting.answer = [result, error]
    }
  )
  return waiting
}

describe("WSAWaitForMultipleEvents off the JS thread", () => {
  it.effect("ends in a turn after the signal, and tells the first that is signalled", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const events = [l.event(), l.event(), l.event()]
      const waiting = waitOn(l, events, {})
      yield* l.mock.settled
      assert.isUndefined(waiting.answer)
      l.calls.WSASetEvent(events[2])
      assert.isUndefined(waiting.answer)
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [Flags.WSA_WAIT_EVENT_0 + 2, 0])
      const again = waitOn(l, events, {})
      l.calls.WSASetEvent(events[1])
      yield* l.mock.settled
      assert.deepStrictEqual(again.answer, [Flags.WSA_WAIT_EVENT_0 + 2, 0], "it had ended before")
      const last = waitOn(l, events, {})
      yield* l.mock.settled
      assert.deepStrictEqual(last.answer, [Flags.WSA_WAIT_EVENT_0 + 1, 0])
    })
  )

  it.effect("a signal that is taken back at once releases it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const event = l.event()
      const [one, other] = [waitOn(l, [event], {}), waitOn(l, [event], {})]
      l.calls.WSASetEvent(event)
      l.calls.WSAResetEvent(event)
      const late = waitOn(l, [event], { timeout: 50 })
      yield* l.mock.settled
      assert.deepStrictEqual([one.answer, other.answer, late.answer], [[0, 0], [0, 0], undefined])
      yield* TestClock.adjust("50 millis")
      yield* l.mock.settled
    })
  )

  it.effect("for all of them waits until they are signalled together", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const [a, b] = [l.event(), l.event()]
      const waiting = waitOn(l, [a, b], { all: true })
      l.calls.WSASetEvent(a)
      l.calls.WSAResetEvent(a)
      l.calls.WSASetEvent(b)
      yield* l.mock.settled
      assert.isUndefined(waiting.answer)
      l.calls.WSASetEvent(a)
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [Flags.WSA_WAIT_EVENT_0, 0])
    })
  )

  it.effect("its time passes on the clock", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const waiting = waitOn(l, [l.event()], { timeout: 1000 })
      yield* TestClock.adjust("999 millis")
      yield* l.mock.settled
      assert.isUndefined(waiting.answer)
      yield* TestClock.adjust("1 millis")
      yield* l.mock.settled
      assert.deepStrictEqual(waiting.answer, [Flags.WSA_WAIT_TIMEOUT, 0])
    })
  )

  it.effect("ends with the completion of an operation: its event, or its socket where it has none", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const event = l.event()
      for (const hEvent of [event, 0]) {
        const { port, s } = l.bound()
        const message = l.message()
        assert.strictEqual(l.recvMsg(s, message, l.overlapped(hEvent).address), Codes.WSA_IO_PENDING)
        const waiting = waitOn(l, [hEvent === 0 ? s : event], {})
        yield* l.mock.settled
        assert.isUndefined(waiting.answer)
        assert.strictEqual(l.send(l.socket(), "hello", "127.0.0.1", port), 0)
        yield* l.mock.settled
        assert.deepStrictEqual(waiting.answer, [Flags.WSA_WAIT_EVENT_0, 0])
      }
    })
  )

  it.effect("refuses what it cannot wait for", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const event = l.event()
      const answers = [
        waitOn(l, [], {}),
        waitOn(
          l,
          Array.from({ length: 65 }, () => event),
          {}
        ),
        waitOn(l, [event, l.completionPort()], {}),
        waitOn(l, [event, 4444 as Handle], {})
      ]
      const answer = { nowhere: [0, 0] as readonly [number, number] }
      l.seam.offThread("WSAWaitForMultipleEvents", [1, 12, 0, 0, 0], (result, error) => {
        answer.nowhere = [result, error]
      })
      yield* l.mock.settled
      const failed = (code: number) => [Flags.WSA_WAIT_FAILED, code] as const
      assert.deepStrictEqual(
        answers.map(({ answer }) => answer),
        [
          failed(Codes.WSA_INVALID_PARAMETER),
          failed(Codes.WSA_INVALID_PARAMETER),
          failed(Codes.WSA_INVALID_HANDLE),
          failed(Codes.WSA_INVALID_HANDLE)
        ]
      )
      assert.deepStrictEqual(answer.nowhere, failed(Codes.WSA_INVALID_PARAMETER))
    })
  )

  it.effect("runs no completion routine: alertable is what the JS thread is", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      let runs = 0
      const routine = l.routine(() => runs++)
      const s = l.socket({ blocking: true })
      l.bind(s, "127.0.0.1")
      const message = l.message()
      const overlapped = l.overlapped()
      assert.strictEqual(l.extension(s, "WSARecvMsg")(s, message.address, 0, overlapped.address, routine), -1)
      l.send(l.socket(), "hello", "127.0.0.1", l.portOf(s))
      yield* l.mock.settled
      const event = l.event()
      const block = l.alloc(8)
      Layout.writePointer(l.seam.abi, block.view, 0, event)
      let answer = -1
      l.seam.offThread("WSAWaitForMultipleEvents", [1, block.address, 0, 10, 1], (result) => {
        answer = result
      })
      yield* TestClock.adjust("10 millis")
      yield* l.mock.settled
      assert.deepStrictEqual([answer, runs], [Flags.WSA_WAIT_TIMEOUT, 0])
      assert.strictEqual(l.calls.SleepEx(0, 1), Flags.WSA_WAIT_IO_COMPLETION)
      assert.strictEqual(runs, 1)
    })
  )

  for (const close of ["WSACloseEvent", "CloseHandle"] as const) {
    it.effect(`the guard sees ${close} on an event that it waits for, and its memory freed`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ guard: "collect" })
        const event = l.seam.calls.WSACreateEvent()
        const block = l.seam.memory.alloc(8)
        Layout.writePointer(l.seam.abi, block.view, 0, event)
        l.seam.offThread("WSAWaitForMultipleEvents", [1, block.address, 0, 5, 0], () => {})
        l.seam.memory.free(block)
        l.calls[close](event)
        assert.deepStrictEqual(kinds(yield* l.mock.guard), ["FreeUnderOperation", "DeadSocket"])
        yield* TestClock.adjust("5 millis")
        yield* l.mock.settled
      })
    )
  }
})

const core = <E>(
  name: string,
  body: (mock: MockWinsock.Mock) => Effect.Effect<unknown, E, Winsock.Winsock>,
  options: MockWinsock.Options = {}
): void =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make(options)
      const winsock = yield* Winsock.make(mock.seam)
      yield* body(mock).pipe(Effect.provideService(Winsock.Winsock, winsock))
    }).pipe(Effect.scoped)
  )

const signals = (mock: MockWinsock.Mock) =>
  Effect.map(mock.trace, (events) => events.filter((e) => e._tag === "Call" && e.name === "WSASetEvent").length)

describe("L7: event objects and the process", () => {
  core("it is kept alive exactly while a fiber waits", (mock) =>
    Effect.gen(function* () {
      const isKept = Effect.fnUntraced(function* (kept: boolean, when: string) {
        yield* mock.settled
        assert.strictEqual(yield* mock.keptAlive, kept, when)
      })
      const event = yield* EventObject.make
      yield* isKept(false, "an event")
      const [one, other] = [yield* start(event.wait), yield* start(event.wait)]
      yield* isKept(true, "two wait")
      yield* Fiber.interrupt(one)
      yield* isKept(true, "one waits")
      yield* Fiber.interrupt(other)
      yield* isKept(false, "nobody waits")
      const last = yield* start(event.wait)
      yield* event.set
      yield* Fiber.join(last)
      yield* isKept(false, "it was signalled")
    }).pipe(Effect.scoped)
  )

  core("no call is left waiting when nobody waits", (mock) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fiber = yield* start(event.wait)
      yield* mock.settled
      assert.strictEqual(yield* signals(mock), 0)
      yield* Fiber.interrupt(fiber)
      yield* mock.settled
      // the private event, once
      assert.strictEqual(yield* signals(mock), 1)
      yield* TestClock.adjust("10 seconds")
      yield* mock.settled
      const { trace } = mock
      const waits = (yield* trace).filter((e) => e._tag === "Call" && e.name === "WSAResetEvent").length
      assert.strictEqual(waits, 1, "the off-thread call was made again")
    }).pipe(Effect.scoped)
  )

  core("its exit ends the call", (mock) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fiber = yield* start(event.wait)
      yield* mock.settled
      yield* mock.exit
      assert.strictEqual(yield* signals(mock), 1)
      yield* mock.exit
      assert.strictEqual(yield* signals(mock), 1)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped)
  )

  core("a wait outlives the bound of the call", (mock) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fiber = yield* start(event.wait)
      for (let n = 0; n < 5; n++) {
        yield* TestClock.adjust("1 seconds")
        yield* mock.settled
      }
      assert.isUndefined(fiber.pollUnsafe())
      yield* event.set
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )
})

describe("without the clock, and so without its timer", () => {
  core("a wait that begins beside another is told", (mock) =>
    Effect.gen(function* () {
      const [first, second] = [yield* EventObject.make, yield* EventObject.make]
      const other = yield* start(first.wait)
      yield* mock.settled
      const fiber = yield* start(second.wait)
      yield* mock.settled
      mock.seam.calls.WSASetEvent(second.handle)
      yield* mock.settled
      assert.isDefined(fiber.pollUnsafe())
      assert.isUndefined(other.pollUnsafe())
      yield* Fiber.interrupt(other)
    }).pipe(Effect.scoped)
  )

  for (const seed of [1, 2, 3, 4, 5, 6]) {
    core(
      `a send by event gives no packet, and leaves nothing to look for (seed ${seed})`,
      (mock) =>
        Effect.gen(function* () {
          const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
          const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
          const accepted = yield* server.accept
          const event = yield* EventObject.make
          for (const size of [10, 40_000]) {
            yield* mock.settled
            yield* mock.clearTrace
            const send = yield* EventObject.beginSend(client, new Uint8Array(size), event)
            yield* mock.settled
            if (size > 10) yield* accepted.receiveExactly(size)
            assert.strictEqual(yield* send.result, size)
            yield* mock.settled
            const completed = (yield* mock.trace).filter((e) => e._tag === "Completed" && e.bytes === size)
            assert.deepStrictEqual(
              completed.map((e) => e._tag === "Completed" && e.packet),
              [false]
            )
          }
          yield* Effect.flatMap(Winsock.Winsock, ({ statistics }) =>
            Effect.map(statistics, ({ pending }) => assert.strictEqual(pending, 1, "the accept that is posted ahead"))
          )
          yield* event.reset
        }).pipe(Effect.scoped),
      { seed, readyAnswer: "seeded", cancellation: "seeded", dequeue: "seeded" }
    )
  }

  core("the pump looks for nothing when a send by event is over", (mock) =>
    Effect.gen(function* () {
      const { close, value: server } = yield* inScope(TcpServer.listen(loopback, { acceptAhead: 1 }))
      const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
      const accepted = yield* server.accept
      yield* close
      const looks = Effect.map(
        mock.trace,
        (events) => events.filter((e) => e._tag === "Call" && e.name === "GetQueuedCompletionStatusEx").length
      )
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, new Uint8Array(40_000), event)
      yield* accepted.receiveExactly(40_000)
      assert.strictEqual(yield* send.result, 40_000)
      yield* mock.settled
      const before = yield* looks
      yield* TestClock.adjust("1 seconds")
      yield* mock.settled
      assert.strictEqual(yield* looks, before)
    }).pipe(Effect.scoped)
  )
})

describe("an event that the program closes itself", () => {
  core(
    "fails who waits for it, and nobody else",
    (mock) =>
      Effect.gen(function* () {
        const [first, broken, last] = [yield* EventObject.make, yield* EventObject.make, yield* EventObject.make]
        const fiber = yield* start(tag(broken.wait))
        const others = [yield* start(first.wait), yield* start(last.wait)]
        yield* mock.settled
        mock.seam.calls.WSACloseEvent(broken.handle)
        // the call ends, and the look tells
        yield* last.set
        assert.strictEqual(yield* Fiber.join(fiber), "InvalidHandle")
        yield* Fiber.join(others[1])
        assert.isUndefined(others[0].pollUnsafe())
        yield* first.set
        yield* Fiber.join(others[0])
      }).pipe(Effect.scoped),
    { guard: "collect" }
  )
})
