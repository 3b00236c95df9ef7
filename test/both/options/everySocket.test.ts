// Options of the sockets that are neither UdpSocket nor TCP's: which kind each is, and what is kept from the program.
import { BlockingSocket, SocketOptions, UnixServer, Winsock2 } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Flags from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { law, loopback, start } from "../../support/rig.ts"
import { inScope, listen, text, utf8 } from "../../support/tcp.ts"
import { bytes, reason, refuses, tag } from "../../support/udp.ts"
import { lawWhereSupported, pair } from "../../support/unix.ts"
import * as raw from "../../support/winsock2.ts"

// as a program without types would call it
const loosely = SocketOptions as unknown as {
  readonly get: (socket: unknown, name: unknown) => Effect.Effect<unknown, WinsockError>
  readonly set: (socket: unknown, name: unknown, value?: unknown) => Effect.Effect<void, WinsockError>
  readonly ioctl: (socket: unknown, name: unknown, input?: unknown) => Effect.Effect<unknown, WinsockError>
}

/** The expectation of a refusal. */
const expectedOf = (effect: Effect.Effect<unknown, WinsockError>) =>
  Effect.map(reason(effect), (why) => ("expected" in why ? String(why.expected) : why._tag))

const assertClosed = Effect.fnUntraced(function* (socket: unknown) {
  assert.strictEqual(yield* tag(loosely.get(socket, "SO_TYPE")), "SocketClosed")
  assert.strictEqual(yield* tag(loosely.set(socket, "SO_RCVBUF", 1000)), "SocketClosed")
  assert.strictEqual(yield* tag(loosely.ioctl(socket, "FIONREAD")), "SocketClosed")
})

describe("SocketOptions: AF_UNIX", () => {
  lawWhereSupported("connections and servers have the options of sockets, and none of IP or TCP", (rig) =>
    Effect.gen(function* () {
      const server = yield* UnixServer.listen(rig.path("options.sock"))
      const { accepted, client } = yield* pair(server)
      for (const socket of [server, accepted, client]) {
        assert.strictEqual(yield* SocketOptions.get(socket, "SO_TYPE"), Flags.SOCK_STREAM)
        yield* SocketOptions.set(socket, "SO_RCVBUF", 20_000)
        assert.strictEqual(yield* SocketOptions.get(socket, "SO_RCVBUF"), 20_000)
        for (const name of ["IP_TTL", "TCP_NODELAY"]) yield* refuses(loosely.get(socket, name), "socket", "unix")
        const linger = { l_onoff: true, l_linger: 1 }
        yield* refuses(loosely.set(socket, "SO_LINGER", linger), "SO_LINGER", linger)
        yield* refuses(loosely.ioctl(socket, "FIONBIO", false), "FIONBIO", false)
      }
      assert.strictEqual(yield* SocketOptions.get(server, "SO_ACCEPTCONN"), true)
      assert.strictEqual(yield* SocketOptions.ioctl(client, "SIO_AF_UNIX_GETPEERPID"), yield* client.peerProcessId)
      yield* accepted.send(bytes(1, 2, 3))
      assert.strictEqual((yield* client.receiveExactly(1))[0], 1)
    })
  )

  lawWhereSupported("a closed one takes no call", (rig) =>
    Effect.gen(function* () {
      const server = yield* inScope(UnixServer.listen(rig.path("closed.sock")))
      const connection = yield* inScope(pair(server.value))
      yield* connection.close
      yield* server.close
      yield* Effect.forEach([server.value, connection.value.client, connection.value.accepted], assertClosed)
    })
  )
})

describe("SocketOptions: BlockingSocket", () => {
  law("each kind has its options; the mode and the timeouts stay as they were opened with", ({ recorder }) =>
    Effect.gen(function* () {
      const listener = yield* BlockingSocket.listen(loopback)
      const stream = yield* BlockingSocket.connect(listener.address)
      const accepted = yield* listener.accept
      const datagrams = yield* BlockingSocket.bind(loopback)
      assert.strictEqual(yield* SocketOptions.get(listener, "SO_ACCEPTCONN"), true)
      for (const one of [stream, accepted]) {
        yield* SocketOptions.set(one, "TCP_NODELAY", true)
        assert.strictEqual(yield* SocketOptions.get(one, "TCP_NODELAY"), true)
      }
      yield* SocketOptions.set(datagrams, "IP_TTL", 9)
      assert.strictEqual(yield* SocketOptions.get(datagrams, "IP_TTL"), 9)
      const before = recorder.count("setsockopt") + recorder.count("WSAIoctl")
      for (const socket of [listener, stream, accepted, datagrams]) {
        yield* refuses(loosely.ioctl(socket, "FIONBIO", true), "FIONBIO", true)
        yield* refuses(loosely.set(socket, "SO_RCVTIMEO", 5), "SO_RCVTIMEO", 5)
        assert.include(yield* expectedOf(loosely.set(socket, "SO_RCVTIMEO", 5)), "receiveTimeout")
      }
      yield* refuses(loosely.get(datagrams, "TCP_NODELAY"), "socket", "udp")
      yield* refuses(loosely.get(stream, "IP_PKTINFO"), "socket", "tcp")
      assert.strictEqual(recorder.count("setsockopt") + recorder.count("WSAIoctl"), before)
      yield* stream.send(utf8("Hello!"))
      assert.strictEqual(text(yield* accepted.receive(10)), "Hello!")
    })
  )

  law("the timeout that it was opened with is read, and a closed one takes no call", () =>
    Effect.gen(function* () {
      const open = yield* inScope(BlockingSocket.bind(loopback, { receiveTimeout: "600 millis" }))
      assert.strictEqual(yield* SocketOptions.get(open.value, "SO_RCVTIMEO"), 600)
      const server = yield* listen()
      const stream = yield* inScope(BlockingSocket.connect(server.address))
      const listener = yield* inScope(BlockingSocket.listen(loopback))
      yield* open.close
      yield* stream.close
      yield* listener.close
      yield* Effect.forEach([open.value, stream.value, listener.value], assertClosed)
    })
  )
})

describe("SocketOptions: while a socket is being closed", () => {
  law("and its receive has not ended, it takes no call: BlockingSocket", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(BlockingSocket.bind(loopback))
      const receiving = yield* start(tag(value.receiveMessage))
      const closing = yield* start(close)
      yield* assertClosed(value)
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(receiving), "OperationAborted")
    })
  )

  law("and its receive has not ended, it takes no call: Winsock2.Socket", ({ gate }) =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(raw.udp())
      const receiving = yield* start(tag(Winsock2.WSARecv(value, { buffers: [8] })))
      gate.close()
      const closing = yield* start(close)
      yield* assertClosed(value)
      assert.isUndefined(closing.pollUnsafe())
      gate.open()
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(receiving), "OperationAborted")
    })
  )
})

describe("SocketOptions: Winsock2.Socket", () => {
  law("nothing is kept from the program, but what would make a call wait", ({ recorder }) =>
    Effect.gen(function* () {
      const [udp, tcp] = [yield* raw.udp(), yield* raw.tcp()]
      yield* SocketOptions.set(udp, "IP_PKTINFO", true)
      assert.strictEqual(yield* SocketOptions.get(udp, "IP_PKTINFO"), true)
      yield* SocketOptions.set(tcp, "SO_RCVTIMEO", 5)
      yield* SocketOptions.set(tcp, "SO_LINGER", { l_onoff: true, l_linger: 0 })
      yield* SocketOptions.ioctl(tcp, "FIONBIO", true)
      // of options of another kind the system knows best
      assert.notStrictEqual(yield* tag(SocketOptions.get(tcp, "UDP_RECV_MAX_COALESCED_SIZE")), "InvalidArgument")
      const before = recorder.count("setsockopt") + recorder.count("WSAIoctl")
      yield* refuses(SocketOptions.ioctl(tcp, "FIONBIO", false), "FIONBIO", false)
      const linger = { l_onoff: true, l_linger: 5 }
      yield* refuses(SocketOptions.set(tcp, "SO_LINGER", linger), "SO_LINGER", linger)
      yield* refuses(SocketOptions.set(tcp, "SO_UPDATE_ACCEPT_CONTEXT", 4), "SO_UPDATE_ACCEPT_CONTEXT", 4)
      assert.strictEqual(recorder.count("setsockopt") + recorder.count("WSAIoctl"), before)
      // not without lingering, whatever its time would be
      yield* SocketOptions.set(tcp, "SO_LINGER", { l_onoff: false, l_linger: 5 })
    })
  )

  law("a closed one takes no call, and what only looks like one is none", () =>
    Effect.gen(function* () {
      const { close, value } = yield* inScope(raw.udp())
      const copy: unknown = JSON.parse(JSON.stringify(value))
      yield* refuses(loosely.get(copy, "SO_TYPE"), "socket", copy)
      const heir: unknown = Object.create(value)
      yield* refuses(loosely.get(heir, "SO_TYPE"), "socket", heir)
      assert.strictEqual(yield* SocketOptions.get(value, "SO_TYPE"), Flags.SOCK_DGRAM)
      yield* close
      yield* assertClosed(value)
      const other = yield* raw.udp()
      yield* Winsock2.closesocket(other)
      yield* assertClosed(other)
    })
  )
})
