// Sends that complete through events, ended at any point.
import { EventObject, TcpServer, TcpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { law, loopback, start } from "../../support/rig.ts"
import { inScope } from "../../support/tcp.ts"
import { tag } from "../../support/udp.ts"

const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

const pairOf = Effect.fnUntraced(function* (server: TcpServer.TcpServer) {
  const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
  return { client, accepted: yield* server.accept }
})

const size = 3_000_000

const drain = (socket: TcpSocket.TcpSocket) => Effect.ignore(Effect.forever(socket.receive))

describe("EventObject.beginSend", () => {
  law("its scope closed after any number of turns: it has sent all, or the stream is broken", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      for (const point of [0, 1, 2, 3, 5, 8, 30]) {
        yield* Effect.gen(function* () {
          const { accepted, client } = yield* pairOf(server)
          const event = yield* EventObject.make
          const { close, value: send } = yield* inScope(EventObject.beginSend(client, new Uint8Array(size), event))
          const reader = yield* start(drain(accepted))
          const told = yield* start(event.wait)
          yield* turns(point)
          yield* close
          // whatever became of it
          yield* Fiber.join(told)
          const outcome = yield* Effect.match(send.result, {
            onFailure: ({ reason }) => reason._tag,
            onSuccess: (bytes) => bytes
          })
          const after = yield* Effect.match(client.send(new Uint8Array(1)), {
            onFailure: ({ reason }) => reason._tag,
            onSuccess: () => "sent"
          })
          assert.include([`${size} sent`, "OperationAborted StreamBroken"], `${outcome} ${after}`)
          yield* Fiber.interrupt(reader)
        }).pipe(Effect.scoped)
      }
      assert.strictEqual((yield* statistics).handles.events, 1)
    })
  )

  law("one whose turn had not come is removed whole, and signals its event", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const { accepted, client } = yield* pairOf(server)
      const [first, second] = [yield* EventObject.make, yield* EventObject.make]
      const send = yield* EventObject.beginSend(client, new Uint8Array(size).fill(1), first)
      const { close, value: queued } = yield* inScope(EventObject.beginSend(client, new Uint8Array(10), second))
      const told = yield* start(second.wait)
      yield* turns(2)
      yield* close
      yield* Fiber.join(told)
      assert.strictEqual(yield* tag(queued.result), "OperationAborted")
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      const bytes = yield* accepted.receiveExactly(size)
      assert.isTrue(bytes.every((byte) => byte === 1))
      yield* first.wait
      assert.strictEqual(yield* send.result, size)
      yield* client.send(new Uint8Array([7]))
      assert.deepStrictEqual([...(yield* accepted.receive)], [7])
    })
  )

  law("its event is taken back when it begins, although its turn comes later", () =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const { accepted, client } = yield* pairOf(server)
      const event = yield* EventObject.make
      const big = yield* start(client.send(new Uint8Array(size)))
      yield* event.set
      const send = yield* EventObject.beginSend(client, new Uint8Array(10), event)
      assert.isFalse(yield* event.isSet)
      yield* accepted.receiveExactly(size + 10)
      yield* Fiber.join(big)
      assert.strictEqual(yield* send.result, 10)
      assert.isTrue(yield* event.isSet)
    })
  )

  law("a reset of its event by the program hides nothing of its end", () =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const { accepted, client } = yield* pairOf(server)
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, new Uint8Array(size), event)
      const told = yield* start(event.wait)
      const resetting = yield* start(Effect.forever(Effect.andThen(event.reset, turns(1))))
      yield* accepted.receiveExactly(size)
      assert.strictEqual(yield* send.result, size)
      yield* Fiber.join(told)
      yield* Fiber.interrupt(resetting)
    })
  )

  law("the payload may be changed as soon as it has begun", () =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const { accepted, client } = yield* pairOf(server)
      const [event, other] = [yield* EventObject.make, yield* EventObject.make]
      const payload = new Uint8Array(size).fill(1)
      const send = yield* EventObject.beginSend(client, payload, event)
      const pieces = [new Uint8Array(2).fill(2), new Uint8Array(3).fill(3)]
      const queued = yield* EventObject.beginSend(client, pieces, other)
      payload.fill(9)
      pieces[0].fill(9)
      const bytes = yield* accepted.receiveExactly(size + 5)
      assert.isTrue(bytes.subarray(0, size).every((byte) => byte === 1))
      assert.deepStrictEqual([...bytes.subarray(size)], [2, 2, 3, 3, 3])
      assert.strictEqual((yield* send.result) + (yield* queued.result), size + 5)
    })
  )

  law("an event whose send waits for its turn is not closed under it", ({ release }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const { client } = yield* pairOf(server)
      const [first, second] = [yield* EventObject.make, yield* EventObject.make]
      const send = yield* EventObject.beginSend(client, new Uint8Array(size), first)
      const queued = yield* EventObject.beginSend(client, new Uint8Array(10), second)
      const told = yield* start(tag(second.wait))
      yield* turns(3)
      yield* release
      assert.strictEqual(yield* Fiber.join(told), "OperationAborted")
      // the other end, with bytes that nobody has read, is closed by the same release, and resets this one if it is first
      const ended = ["OperationAborted", "ConnectionReset", "ConnectionAborted"]
      assert.include(ended, yield* tag(send.result))
      assert.include(ended, yield* tag(queued.result))
    })
  )
})
