import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { lab } from "./support.ts"
import * as T from "./tcpSupport.ts"

describe("AcceptEx", () => {
  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: pends, completes at the connection, and tells both addresses (74)`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi })
        const listener = T.listening(l)
        const acceptor = T.stream(l)
        const port = l.completionPort(listener.s)
        const accept = T.postAccept(l, listener.s, acceptor)
        assert.strictEqual(accept.code, Codes.WSA_IO_PENDING)
        const client = T.stream(l)
        l.connect(client, "127.0.0.1", listener.port)
        yield* l.mock.settled
        assert.deepStrictEqual(l.packets(port), [{ key: listener.s, overlapped: accept.address, status: 0, bytes: 0 }])
        assert.isUndefined(l.name(acceptor))
        assert.isUndefined(l.peer(acceptor))
        assert.strictEqual(l.calls.shutdown(acceptor, Flags.SD_SEND), -1)
        assert.strictEqual(T.updateAcceptContext(l, acceptor, listener.s), 0)
        assert.strictEqual(l.peer(acceptor), l.name(client))
        const out = l.alloc(64)
        const GetAcceptExSockaddrs = l.extension(acceptor, "GetAcceptExSockaddrs")
        const at = (i: number) => out.address + i * 8
        GetAcceptExSockaddrs(accept.output.address, 0, 44, 44, at(0), at(1), at(2), at(3))
        const remote = Layout.readPointer(abi, out.view, 16) - accept.output.address
        assert.strictEqual(accept.output.view.getUint16(remote, true), Flags.AF_INET)
        assert.strictEqual(accept.output.view.getUint16(remote + 2, false), l.portOf(client))
        assert.strictEqual(out.view.getUint32(24, true), 16)
      })
    )
  }

  it.effect("69, 71: what is refused, and Internal says STATUS_PENDING all the same", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      const bound = T.stream(l)
      l.bind(bound, "127.0.0.1")
      const AcceptEx = l.extension(bound, "AcceptEx")
      const output = l.alloc(128).address
      const acceptor = T.stream(l)
      const refused: ReadonlyArray<readonly [SocketHandle | -1, SocketHandle | -1, number, number, number]> = [
        [bound, acceptor, output, 32, Codes.WSAEINVAL],
        [-1, acceptor, output, 32, Codes.WSAENOTSOCK],
        [listener.s, -1, output, 32, Codes.WSAENOTSOCK],
        [listener.s, acceptor, 0, 32, Codes.WSAEFAULT],
        [listener.s, acceptor, output, 0, Codes.WSAEFAULT],
        [listener.s, l.socket(), output, 32, Codes.WSAEINVAL],
        [listener.s, bound, output, 32, Codes.WSAEINVAL],
        [listener.s, listener.s, output, 32, Codes.WSAEINVAL]
      ]
      for (const [s, a, to, remote, code] of refused) {
        const overlapped = l.overlapped()
        assert.strictEqual(AcceptEx(s, a, to, 0, 32, remote, 0, overlapped.address), 0)
        assert.strictEqual(l.error, code)
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      }
      assert.strictEqual(AcceptEx(listener.s, acceptor, output, 0, 32, 32, 0, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_PARAMETER)
      assert.strictEqual(T.postAccept(l, listener.s, acceptor).code, Codes.WSA_IO_PENDING)
      assert.strictEqual(T.postAccept(l, listener.s, acceptor).code, Codes.WSAEINVAL)
    })
  )

  it.effect(
    "70: too little room for an address leaves the connection in the backlog; no local address is allowed",
    () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const listener = T.listening(l)
        const small = T.postAccept(l, listener.s, T.stream(l), { local: 3 })
        const client = T.stream(l)
        l.connect(client, "127.0.0.1", listener.port)
        yield* l.mock.settled
        assert.strictEqual(small.view.Internal, NtStatus.STATUS_BUFFER_TOO_SMALL)
        const without = T.postAccept(l, listener.s, T.stream(l), { local: 0 })
        assert.strictEqual(without.view.Internal, 0)
      })
  )

  it.effect("72: with room for data it waits for data, or for the peer's end", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      const accepts = [0, 1].map(() => T.postAccept(l, listener.s, T.stream(l), { data: 16 }))
      const clients = [0, 1].map(() => {
        const s = T.stream(l)
        l.connect(s, "127.0.0.1", listener.port)
        return s
      })
      yield* l.mock.settled
      assert.deepStrictEqual(
        accepts.map(({ view }) => view.Internal),
        [NtStatus.STATUS_PENDING, NtStatus.STATUS_PENDING]
      )
      T.send(l, clients[0], "first")
      l.calls.shutdown(clients[1], Flags.SD_SEND)
      yield* l.mock.settled
      assert.deepStrictEqual(
        accepts.map(({ view }) => [view.Internal, view.InternalHigh]),
        [
          [0, 5],
          [0, 0]
        ]
      )
      assert.strictEqual(l.text(accepts[0].output, 0, 16), "first")
    })
  )

  it.effect("61, 73: it is the listener's: closing or cancelling there ends it, cancelling the acceptor does not", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      const [a, b, c] = [T.stream(l), T.stream(l), T.stream(l)]
      const port = l.completionPort(listener.s)
      const accepts = [a, b, c].map((s) => T.postAccept(l, listener.s, s))
      assert.strictEqual(l.calls.CancelIo(a), 1)
      assert.strictEqual(l.calls.CancelIoEx(a, 0), 0)
      assert.strictEqual(l.error, Codes.ERROR_NOT_FOUND)
      assert.strictEqual(l.calls.CancelIoEx(listener.s, accepts[0].address), 1)
      l.closesocket(b)
      l.closesocket(listener.s)
      assert.deepStrictEqual(
        l.packets(port).map(({ bytes, overlapped, status }) => [overlapped, status, bytes]),
        accepts.map(({ address }) => [address, NtStatus.STATUS_CANCELLED, 0])
      )
      // free again
      const other = T.listening(l)
      assert.strictEqual(T.postAccept(l, other.s, a).code, Codes.WSA_IO_PENDING)
    })
  )

  it.effect("a connection that was reset in the backlog", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      for (let i = 0; i < 2; i++) {
        const client = T.stream(l)
        l.connect(client, "127.0.0.1", listener.port)
        yield* l.mock.settled
        const linger = l.alloc(4)
        linger.view.setUint16(0, 1, true)
        l.calls.setsockopt(client, Flags.SOL_SOCKET, 0x80, linger.address, 4)
        l.closesocket(client)
      }
      yield* l.mock.settled
      assert.strictEqual(T.accept(l, listener.s), -1)
      assert.strictEqual(l.error, Codes.WSAECONNRESET)
      const accept = T.postAccept(l, listener.s, T.stream(l))
      assert.strictEqual(accept.view.Internal, NtStatus.STATUS_CONNECTION_RESET)
    })
  )
})

describe("ConnectEx", () => {
  it.effect("75: connects and sends the first bytes; the socket learns of it when told", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      const s = T.stream(l)
      assert.strictEqual(T.postConnect(l, s, "127.0.0.1", listener.port).code, Codes.WSAEINVAL)
      l.bind(s, "0.0.0.0")
      const port = l.completionPort(s)
      const connect = T.postConnect(l, s, "127.0.0.1", listener.port, "first bytes")
      assert.strictEqual(connect.code, Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual(l.packets(port), [{ key: s, overlapped: connect.address, status: 0, bytes: 11 }])
      const server = T.accept(l, listener.s)
      assert.strictEqual(T.receive(l, server), "first bytes")
      assert.isUndefined(l.peer(s))
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_SEND), -1)
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      assert.strictEqual(T.send(l, s, "more"), 4)
      assert.strictEqual(T.updateConnectContext(l, s), 0)
      assert.strictEqual(l.peer(s), `127.0.0.1 ${listener.port}`)
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_SEND), 0)
      assert.strictEqual(T.postConnect(l, s, "127.0.0.1", listener.port).code, Codes.WSAEISCONN)
      assert.strictEqual(T.postConnect(l, listener.s, "127.0.0.1", listener.port).code, Codes.WSAEINVAL)
    })
  )

  it.effect("refused: STATUS_CONNECTION_REFUSED; cancelled: STATUS_CANCELLED, and the socket can try again", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      l.closesocket(listener.s)
      const s = T.stream(l)
      l.bind(s, "127.0.0.1")
      const cancelled = T.postConnect(l, s, "127.0.0.1", listener.port)
      yield* l.mock.settled
      assert.strictEqual(l.calls.CancelIoEx(s, cancelled.address), 1)
      assert.strictEqual(cancelled.view.Internal, NtStatus.STATUS_CANCELLED)
      const refused = T.postConnect(l, s, "127.0.0.1", listener.port)
      for (let i = 0; i < 5; i++) {
        yield* l.mock.settled
        yield* TestClock.adjust("500 millis")
      }
      yield* l.mock.settled
      assert.strictEqual(refused.view.Internal, NtStatus.STATUS_CONNECTION_REFUSED)
    })
  )
})
