// The reasons for WSA_OPERATION_ABORTED that the page of WSASend gives, each brought about: the socket is closed, SIO_FLUSH
// is executed, the thread that posted the operation exits. What nobody here asked for is no end of a receive (L4).
import { EventObject, Interfaces, TcpServer, TcpSocket, UdpSocket, Winsock } from "@effect-winsock/core"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { MockWinsock } from "@effect-winsock/mock"
import { SIO_FLUSH } from "@effect-winsock/schema/Ioctls"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { loopback, numbered, numberOf, start } from "../support/rig.ts"
import { inScope } from "../support/tcp.ts"
import { reason, tag } from "../support/udp.ts"

type Body = Effect.Effect<unknown, unknown, Winsock.Winsock | MockWinsock.MockWinsock | Scope.Scope>

const on = (name: string, body: Body, options: MockWinsock.Options = {}): void =>
  it.effect(name, () => Effect.provide(Effect.scoped(body), MockWinsock.layer(options)))

const big = new Uint8Array(3_000_000).fill(1)

/** A connection whose client has a send of much that pends, and who waits for it. */
const blocked = Effect.gen(function* () {
  const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
  const { close, value: client } = yield* inScope(
    TcpSocket.connect(server.address, { sendBuffer: 4096, closeTimeout: "10 millis" })
  )
  const peer = yield* server.accept
  const sending = yield* start(reason(client.send(big)))
  yield* (yield* MockWinsock.MockWinsock).settled
  assert.isUndefined(sending.pollUnsafe())
  return { client, close, peer, sending, server }
})

/** A datagram socket with a send that pends, for the network takes nothing. */
const blockedDatagram = Effect.gen(function* () {
  const mock = yield* MockWinsock.MockWinsock
  const { close, value: socket } = yield* inScope(UdpSocket.bind(loopback))
  const peer = yield* UdpSocket.bind(loopback)
  yield* mock.hold
  const payload = new Uint8Array(60_000)
  yield* socket.send(payload, peer.address)
  const sending = yield* start(reason(socket.send(payload, peer.address)))
  yield* mock.settled
  assert.isUndefined(sending.pollUnsafe())
  return { close, sending, socket }
})

/** The sockets that have sends pending. */
const senders = Effect.flatMap(MockWinsock.MockWinsock, ({ sockets }) =>
  Effect.map(sockets, (list) => list.filter(({ pendingSends }) => pendingSends > 0).map(({ socket }) => socket))
)

/** Executes SIO_FLUSH on a socket, as somebody else who has its number could. */
const flush = Effect.flatMap(MockWinsock.MockWinsock, ({ seam }) =>
  Effect.map(senders, (list) => {
    assert.strictEqual(list.length, 1)
    const bytes = seam.memory.alloc(4)
    const rc = seam.calls.WSAIoctl(list[0] as SocketHandle, SIO_FLUSH, 0, 0, 0, 0, bytes.address, 0, 0)
    const code = rc === 0 ? 0 : seam.calls.WSAGetLastError()
    seam.memory.free(bytes)
    return code
  })
)

const statistics = Effect.flatMap(Winsock.Winsock, (winsock) => winsock.statistics)

describe("the socket is closed", () => {
  on(
    "receives and sends that wait fail with OperationAborted",
    Effect.gen(function* () {
      const { client, close, sending } = yield* blocked
      const receiving = yield* start(tag(client.receive))
      const closing = yield* start(close)
      // the time that sends under way get
      yield* TestClock.adjust("1 second")
      const failed = yield* Fiber.join(sending)
      yield* Fiber.join(closing)
      assert.deepStrictEqual([failed._tag, yield* Fiber.join(receiving)], ["OperationAborted", "OperationAborted"])
      const datagrams = yield* blockedDatagram
      const waiting = yield* start(tag(datagrams.socket.receive))
      yield* datagrams.close
      assert.strictEqual((yield* Fiber.join(datagrams.sending))._tag, "OperationAborted")
      assert.strictEqual(yield* Fiber.join(waiting), "OperationAborted")
    })
  )
})

describe("SIO_FLUSH", () => {
  on(
    "Windows does not support it: the send goes on",
    Effect.gen(function* () {
      const { peer, sending } = yield* blocked
      assert.strictEqual(yield* flush, 10045)
      yield* (yield* MockWinsock.MockWinsock).settled
      assert.isUndefined(sending.pollUnsafe())
      yield* peer.receiveExactly(big.length)
      yield* Fiber.interrupt(sending)
    })
  )

  on(
    "where it aborts sends as the page says, the stream is broken: nothing follows the torn message",
    Effect.gen(function* () {
      const { client, sending } = yield* blocked
      const younger = yield* start(tag(client.send(Uint8Array.of(1))))
      const receiving = yield* start(client.receive)
      assert.strictEqual(yield* flush, 0)
      const broken = yield* Fiber.join(sending)
      assert.deepStrictEqual([broken._tag, broken.operation], ["StreamBroken", "WSASend"])
      assert.strictEqual(yield* Fiber.join(younger), "StreamBroken")
      // it is the sends' only
      assert.isUndefined(receiving.pollUnsafe())
      const { cancels, operations } = yield* statistics
      assert.deepStrictEqual([cancels, operations.send.aborted], [0, 1])
      yield* Fiber.interrupt(receiving)
    }),
    { flush: "aborts" }
  )

  on(
    "an aborted datagram is told as OperationAborted, and the socket goes on",
    Effect.gen(function* () {
      const { sending, socket } = yield* Effect.scoped(
        Effect.gen(function* () {
          const blocked = yield* blockedDatagram
          assert.strictEqual(yield* flush, 0)
          const failed = yield* Fiber.join(blocked.sending)
          assert.deepStrictEqual([failed._tag, failed.operation, failed.code], ["OperationAborted", "WSASendMsg", 995])
          return blocked
        })
      )
      assert.isDefined(sending.pollUnsafe())
      yield* socket.send(numbered(7), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 7)
    }),
    { flush: "aborts" }
  )
})

describe("the thread that posted the operation exits", () => {
  on(
    "operations on a completion port go on since Windows Vista: nobody notices",
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const { client, peer, sending } = yield* blocked
      const socket = yield* UdpSocket.bind(loopback)
      const waiting = yield* start(socket.receive)
      const receiving = yield* start(client.receive)
      yield* mock.settled
      yield* mock.threadExit()
      yield* mock.settled
      assert.isUndefined(sending.pollUnsafe())
      yield* peer.receiveExactly(big.length)
      yield* Fiber.interrupt(sending)
      yield* peer.send(Uint8Array.of(5))
      assert.deepStrictEqual([...(yield* Fiber.join(receiving))], [5])
      yield* socket.send(numbered(1), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(waiting)), 1)
      assert.strictEqual((yield* statistics).reposted, 0)
    })
  )

  on(
    "where they do not (Windows XP), receives, accepts and waits for changes are posted again, and lose nothing",
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 2 })
      const client = yield* TcpSocket.connect(server.address)
      const peer = yield* server.accept
      const socket = yield* UdpSocket.bind(loopback)
      const first = yield* start(socket.receive)
      const second = yield* start(socket.receive)
      const receiving = yield* start(client.receive)
      const accepting = yield* start(server.accept)
      const changed = yield* start(Stream.runHead(Interfaces.changes("IPv4")))
      yield* mock.settled
      yield* mock.threadExit("aborted")
      yield* mock.settled
      for (const fiber of [first, second, receiving, accepting]) assert.isUndefined(fiber.pollUnsafe())
      // nobody knows what changed meanwhile: how things are is told
      assert.strictEqual((yield* Fiber.join(changed))._tag, "Some")
      yield* socket.send(numbered(1), socket.address)
      yield* socket.send(numbered(2), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(first)), 1)
      assert.strictEqual(numberOf(yield* Fiber.join(second)), 2)
      yield* peer.send(Uint8Array.of(5))
      assert.deepStrictEqual([...(yield* Fiber.join(receiving))], [5])
      yield* TcpSocket.connect(server.address)
      yield* Fiber.join(accepting)
      // two receives of datagrams, one of the stream, two accepts, one wait
      const { cancels, reposted } = yield* statistics
      assert.deepStrictEqual([reposted, cancels], [6, 1])
    })
  )

  on(
    "where they do not, a send is told as aborted: a stream is broken, a datagram not sent",
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const { client, sending } = yield* blocked
      yield* mock.threadExit("aborted")
      assert.strictEqual((yield* Fiber.join(sending))._tag, "StreamBroken")
      assert.strictEqual(yield* tag(client.send(Uint8Array.of(1))), "StreamBroken")
      const datagrams = yield* blockedDatagram
      yield* mock.threadExit("aborted")
      assert.strictEqual((yield* Fiber.join(datagrams.sending))._tag, "OperationAborted")
    })
  )

  on(
    "a send that completes through an event ends as aborted, and signals it",
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const client = yield* TcpSocket.connect(server.address, { sendBuffer: 4096 })
      yield* server.accept
      const event = yield* EventObject.make
      const send = yield* EventObject.beginSend(client, big, event)
      yield* mock.settled
      yield* mock.threadExit("aborted")
      yield* event.wait
      assert.strictEqual(yield* tag(send.result), "StreamBroken")
    })
  )

  on(
    "a connect is told as aborted, and its SOCKET is closed",
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      yield* mock.hold
      const connecting = yield* start(tag(TcpSocket.connect(server.address)))
      yield* mock.settled
      yield* mock.threadExit("aborted")
      assert.strictEqual(yield* Fiber.join(connecting), "OperationAborted")
    })
  )
})
