import { EventObject, TcpServer, TcpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { interruptSoon, law, loopback, start } from "../../support/rig.ts"
import { inScope } from "../../support/tcp.ts"
import { reason, refuses, tag } from "../../support/udp.ts"

/** Turns of the event loop in which something would have happened that must not. */
const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

const pair = Effect.gen(function* () {
  const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
  const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
  return { client, accepted: yield* server.accept }
})

describe("EventObject", () => {
  law("set, reset and isSet; a wait for one that is set ends at once", ({ statistics }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      assert.isFalse(yield* event.isSet)
      yield* event.set
      assert.isTrue(yield* event.isSet)
      yield* event.wait
      yield* event.wait
      yield* event.reset
      assert.isFalse(yield* event.isSet)
      // its own, and the private one
      assert.strictEqual((yield* statistics).handles.events, 2)
    })
  )

  law("a wait ends with the signal, of all who wait, and it stays signalled", ({ statistics }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => start(Effect.as(event.wait, n)))
      yield* turns(20)
      assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() === undefined))
      assert.strictEqual((yield* statistics).waiters, 3)
      yield* event.set
      assert.deepStrictEqual(yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber)), [1, 2, 3])
      assert.isTrue(yield* event.isSet)
    })
  )

  law("one call off the JS thread for all of them", ({ recorder }) =>
    Effect.gen(function* () {
      const events = yield* Effect.all(Array.from({ length: 5 }, () => EventObject.make))
      const fibers = yield* Effect.forEach(events, (event) => start(event.wait))
      yield* turns(20)
      const away = () => recorder.of("WSAWaitForMultipleEvents").filter((call) => call.origin === "offThread")
      assert.strictEqual(away().at(-1)!.args.cEvents, 6)
      for (const event of events) yield* event.set
      yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    })
  )

  law("more events than one call can wait for", () =>
    Effect.gen(function* () {
      const events = yield* Effect.all(Array.from({ length: 150 }, () => EventObject.make))
      const fibers = yield* Effect.forEach(events, (event) => start(event.wait))
      yield* turns(5)
      for (const event of events.toReversed()) yield* event.set
      yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    })
  )

  law("an interruption changes nothing of the event, nor of the others who wait", ({ statistics }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const [gone, stays] = [yield* start(event.wait), yield* start(event.wait)]
      yield* interruptSoon(gone)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(gone)))
      assert.isUndefined(stays.pollUnsafe())
      assert.strictEqual((yield* statistics).waiters, 1)
      yield* event.set
      yield* Fiber.join(stays)
      const late = yield* Effect.timeoutOption((yield* EventObject.make).wait, "5 millis")
      assert.strictEqual(late._tag, "None")
    })
  )

  law(
    "closing it fails those who wait, and it is closed when no call waits for it any more",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        const { close, value: event } = yield* inScope(EventObject.make)
        const fiber = yield* start(Effect.exit(event.wait))
        yield* turns(20)
        yield* close
        assert.strictEqual(yield* tag(yield* Fiber.join(fiber)), "OperationAborted")
        assert.strictEqual(yield* tag(event.wait), "SocketClosed")
        assert.strictEqual(yield* tag(event.set), "SocketClosed")
        assert.strictEqual(yield* tag(event.isSet), "SocketClosed")
        assert.strictEqual(recorder.count("WSACloseEvent"), 1)
        assert.strictEqual((yield* statistics).handles.events, 1)
      })
  )

  law("releasing the layer ends the waits, and leaves no event", ({ release }) =>
    Effect.gen(function* () {
      const event = yield* EventObject.make
      const fiber = yield* start(Effect.exit(event.wait))
      yield* turns(5)
      yield* release
      assert.strictEqual(yield* tag(yield* Fiber.join(fiber)), "OperationAborted")
      assert.strictEqual(yield* tag(EventObject.make), "SocketClosed")
    })
  )

  law("no event can be made", ({ failing }) =>
    Effect.gen(function* () {
      const remove = failing.add({ call: "WSACreateEvent", code: 8 })
      assert.strictEqual(yield* tag(EventObject.make), "OutOfMemory")
      remove()
      yield* EventObject.make
    })
  )
})

describe("EventObject.beginSend", () => {
  law("each send is told by its event, and WSAGetOverlappedResult says how much it sent", ({ recorder }) =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const event = yield* EventObject.make
      yield* event.set
      for (let i = 0; i < 10; i++) {
        const send = yield* EventObject.beginSend(client, new Uint8Array(4096).fill(i), event)
        yield* event.wait
        assert.strictEqual(yield* send.result, 4096)
        assert.isTrue(yield* event.isSet)
        yield* event.reset
        const bytes = yield* accepted.receiveExactly(4096)
        assert.isTrue(bytes.every((byte) => byte === i))
      }
      assert.strictEqual(recorder.count("WSAGetOverlappedResult"), 10)
    })
  )

  law("it takes its turn among the sends, and does not wait", ({ statistics }) =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const event = yield* EventObject.make
      const big = yield* start(client.send(new Uint8Array(8_000_000).fill(1)))
      // of an earlier use: it must not be taken for the end of a send that waits for its turn
      yield* event.set
      const send = yield* EventObject.beginSend(client, new Uint8Array([2, 2]), event)
      const last = yield* start(client.send(new Uint8Array([3])))
      assert.isFalse(yield* event.isSet)
      const bytes = yield* accepted.receiveExactly(8_000_003)
      assert.deepStrictEqual([...bytes.subarray(7_999_999)], [1, 2, 2, 3])
      yield* event.wait
      assert.strictEqual(yield* send.result, 2)
      yield* Fiber.join(big)
      yield* Fiber.join(last)
      // the accept that is posted ahead
      assert.strictEqual((yield* statistics).pending, 1)
    })
  )

  law("an interruption of the wait for its result leaves it alone", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, new Uint8Array(8_000_000), event)
      const fiber = yield* start(send.result)
      yield* Fiber.interrupt(fiber)
      yield* accepted.receiveExactly(8_000_000)
      assert.strictEqual(yield* send.result, 8_000_000)
    })
  )

  law("closing its scope before its end cancels it, and breaks the stream", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const event = yield* EventObject.make
      const { close, value: send } = yield* inScope(EventObject.beginSend(client, new Uint8Array(16_000_000), event))
      yield* turns(3)
      yield* close
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      assert.strictEqual(yield* tag(send.result), "OperationAborted")
      assert.strictEqual(yield* tag(client.send(new Uint8Array(1))), "StreamBroken")
      const { blocks, pending } = yield* statistics
      assert.strictEqual(pending, 1, "the accept that is posted ahead")
      assert.isBelow(blocks.bytes, 1_000_000)
      // it can be used again
      yield* event.wait
    })
  )

  law("one event is for one operation at a time", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, new Uint8Array(8_000_000), event)
      yield* refuses(EventObject.beginSend(client, new Uint8Array(1), event), "event", event)
      yield* accepted.receiveExactly(8_000_000)
      yield* send.result
      yield* refuses(EventObject.beginSend(client, "abc" as never, event), "payload", "abc")
      yield* refuses(EventObject.beginSend(1 as never, new Uint8Array(1), event), "socket", 1)
      yield* refuses(EventObject.beginSend(client, new Uint8Array(1), 2 as never), "event", 2)
    })
  )

  law("a send that cannot be made tells so, and does not keep those who wait for its event", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const event = yield* EventObject.make
      yield* client.shutdown("send")
      const send = yield* EventObject.beginSend(client, new Uint8Array(1), event)
      yield* event.wait
      assert.strictEqual((yield* reason(send.result))._tag, "Shutdown")
    })
  )

  law("an event is closed after the send that uses it", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const { close, value: event } = yield* inScope(EventObject.make)
      const send = yield* EventObject.beginSend(client, new Uint8Array(8_000_000), event)
      const closing = yield* start(close)
      yield* turns(10)
      assert.isUndefined(closing.pollUnsafe())
      yield* accepted.receiveExactly(8_000_000)
      yield* Fiber.join(closing)
      assert.strictEqual(yield* send.result, 8_000_000)
    })
  )

  law("releasing the layer with a send under way leaves nothing", ({ release }) =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const event = yield* EventObject.make
      const scope = yield* Scope.make()
      yield* Scope.provide(EventObject.beginSend(client, new Uint8Array(16_000_000), event), scope)
      yield* turns(2)
      yield* release
      yield* Scope.close(scope, Exit.void)
    })
  )
})
