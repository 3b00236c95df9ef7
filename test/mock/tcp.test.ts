import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { lab, labOf } from "./support.ts"
import * as T from "./tcpSupport.ts"

describe("streams: connecting and ending", () => {
  for (const abi of ["x64", "ia32"] as const) {
    for (const ip of ["127.0.0.1", "::1"]) {
      it.effect(`${abi}, ${ip}: a connection, both ways, to the graceful end`, () =>
        Effect.gen(function* () {
          const l = yield* lab({ abi })
          const { client, listener, port, server } = yield* T.pair(l, l, ip)
          assert.strictEqual(l.peer(client), `${ip} ${port}`)
          assert.strictEqual(l.peer(server), l.name(client))
          assert.strictEqual(l.name(server), `${ip} ${port}`)
          assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
          assert.strictEqual(T.send(l, client, "hello"), 5)
          yield* l.mock.settled
          assert.strictEqual(T.receive(l, server), "hello")
          assert.strictEqual(T.send(l, server, "world"), 5)
          assert.strictEqual(l.calls.shutdown(client, Flags.SD_SEND), 0)
          yield* l.mock.settled
          assert.deepStrictEqual(yield* T.states(l), ["CLOSE_WAIT", "FIN_WAIT_2", "LISTENING"])
          assert.strictEqual(T.receive(l, server), "")
          assert.strictEqual(T.receive(l, server), "")
          assert.strictEqual(T.send(l, server, "!"), 1)
          yield* l.mock.settled
          assert.strictEqual(T.receive(l, client), "world!")
          l.closesocket(server)
          yield* l.mock.settled
          assert.strictEqual(T.receive(l, client), "")
          assert.deepStrictEqual(yield* T.states(l), ["LISTENING", "TIME_WAIT"])
          l.closesocket(client)
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(yield* T.states(l), ["LISTENING"])
          l.closesocket(listener)
        })
      )
    }
  }

  it.effect("between hosts, by the addresses of both", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      const server = yield* labOf(hosts.server)
      const client = yield* labOf(hosts.client)
      const listener = T.listening(server, "10.0.0.1")
      const c = T.stream(client)
      client.connect(c, "10.0.0.1", listener.port)
      yield* server.mock.settled
      const s = T.accept(server, listener.s)
      assert.strictEqual(client.peer(c), `10.0.0.1 ${listener.port}`)
      assert.isTrue(server.peer(s)!.startsWith("10.0.0.2 "))
      assert.strictEqual(T.send(client, c, 5000), 5000)
      yield* server.mock.settled
      const trace = yield* server.mock.trace
      const sizes = trace.flatMap((event) => (event._tag === "Segment" && event.bytes > 0 ? [event.bytes] : []))
      assert.deepStrictEqual(sizes, [1460, 1460, 1460, 620])
      assert.strictEqual(T.receiveCount(server, s, 8000), 5000)
    })
  )

  it.effect("segments are as large as the smaller of both interfaces lets them be", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.make({
        hosts: {
          a: { interfaces: [{ index: 2, name: "a", addresses: ["fd00::a/64"] }] },
          b: { interfaces: [{ index: 2, name: "b", addresses: ["fd00::b/64"], mtu: 1280 }] }
        }
      })
      const a = yield* labOf(hosts.a)
      const b = yield* labOf(hosts.b)
      const { client } = yield* T.pair(b, a, "fd00::b")
      T.send(a, client, 1500)
      yield* a.mock.settled
      const sizes = (yield* a.mock.trace).flatMap((event) =>
        event._tag === "Segment" && event.bytes > 0 ? [event.bytes] : []
      )
      assert.deepStrictEqual(sizes, [1220, 280])
    })
  )

  it.effect("a dual-stack listener takes IPv4; the ports of TCP are not UDP's", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l, "::", 5, { dual: true })
      const client = T.stream(l)
      l.connect(client, "127.0.0.1", listener.port)
      yield* l.mock.settled
      const server = T.accept(l, listener.s)
      assert.strictEqual(l.peer(server)!.split(" ")[0], "::ffff:127.0.0.1")
      assert.strictEqual(l.bind(l.socket(), "127.0.0.1", listener.port), 0)
      assert.strictEqual(l.bind(T.stream(l, { v6: true }), "::", listener.port), -1)
      assert.strictEqual(l.error, Codes.WSAEADDRINUSE)
    })
  )

  it.effect("connect: WSAEWOULDBLOCK, WSAEALREADY (76), WSAEISCONN", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port } = T.listening(l)
      const s = T.stream(l)
      const codes = [l.connect(s, "127.0.0.1", port), l.error, l.connect(s, "127.0.0.1", port), l.error]
      assert.deepStrictEqual(codes, [-1, Codes.WSAEWOULDBLOCK, -1, Codes.WSAEALREADY])
      yield* l.mock.settled
      assert.strictEqual(l.connect(s, "127.0.0.1", port), -1)
      assert.strictEqual(l.error, Codes.WSAEISCONN)
    })
  )

  it.effect("a refused connect takes two seconds, and leaves its error once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const free = T.listening(l)
      l.closesocket(free.s)
      const s = T.stream(l)
      l.connect(s, "127.0.0.1", free.port)
      yield* TestClock.adjust(0)
      for (let i = 0; i < 3; i++) {
        yield* l.mock.settled
        yield* TestClock.adjust("500 millis")
      }
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), ["SYN_SENT"])
      yield* TestClock.adjust("500 millis")
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), [])
      assert.strictEqual(l.option(s, Flags.SOL_SOCKET, 0x1007), Codes.WSAECONNREFUSED)
      assert.strictEqual(l.option(s, Flags.SOL_SOCKET, 0x1007), 0)
    })
  )

  it.effect("41, 55, 57: a reset ends what pends with STATUS_CONNECTION_RESET, later calls at once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const port = l.completionPort(server)
      const pending = T.postReceive(l, server)
      const linger = l.alloc(4)
      linger.view.setUint16(0, 1, true)
      assert.strictEqual(l.calls.setsockopt(client, Flags.SOL_SOCKET, 0x80, linger.address, 4), 0)
      l.closesocket(client)
      yield* l.mock.settled
      assert.strictEqual(pending.view.Internal, NtStatus.STATUS_CONNECTION_RESET)
      assert.strictEqual(l.packets(port).length, 1)
      assert.strictEqual(l.option(server, Flags.SOL_SOCKET, 0x1007), 0)
      assert.strictEqual(T.receive(l, server), Codes.WSAECONNRESET)
      assert.strictEqual(T.send(l, server, "x"), -Codes.WSAECONNRESET)
      assert.strictEqual(T.postReceive(l, server).code, Codes.WSAECONNRESET)
      assert.strictEqual(l.packets(port).length, 0)
    })
  )

  it.effect("60: closing with a receive pending aborts it and resets the peer", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const port = l.completionPort(server)
      const pending = T.postReceive(l, server)
      l.closesocket(server)
      assert.strictEqual(pending.view.Internal, NtStatus.STATUS_CONNECTION_ABORTED)
      assert.strictEqual(l.packets(port).length, 1)
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, client), Codes.WSAECONNRESET)
    })
  )

  it.effect("42, 43: shutdown", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, listener, server } = yield* T.pair(l)
      const pending = T.postReceive(l, server)
      assert.strictEqual(l.calls.shutdown(server, Flags.SD_RECEIVE), 0)
      assert.strictEqual(T.postReceive(l, server).code, Codes.WSAESHUTDOWN)
      T.send(l, client, "later")
      yield* l.mock.settled
      assert.deepStrictEqual([pending.view.Internal, pending.view.InternalHigh, pending.text()], [0, 5, "later"])
      assert.strictEqual(l.calls.shutdown(client, Flags.SD_SEND), 0)
      assert.strictEqual(l.calls.shutdown(client, Flags.SD_SEND), 0)
      assert.strictEqual(T.send(l, client, "x"), -Codes.WSAESHUTDOWN)
      assert.strictEqual(l.calls.shutdown(client, 7), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      for (const s of [T.stream(l), listener]) {
        assert.strictEqual(l.calls.shutdown(s, Flags.SD_SEND), -1)
        assert.strictEqual(l.error, Codes.WSAENOTCONN)
      }
    })
  )

  it.effect("both sides end at once: CLOSING on both, then TIME_WAIT", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.calls.shutdown(client, Flags.SD_SEND)
      l.calls.shutdown(server, Flags.SD_SEND)
      assert.deepStrictEqual(yield* T.states(l), ["FIN_WAIT_1", "FIN_WAIT_1", "LISTENING"])
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), ["LISTENING", "TIME_WAIT", "TIME_WAIT"])
    })
  )
})
