import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kinds, type Lab, lab, u32 } from "./support.ts"

const wsarecv = (l: Lab, s: Parameters<Lab["receive"]>[0], size: number, flags = 0, overlapped = 0) => {
  const message = l.message({ sizes: [size] })
  const io = l.alloc(64)
  io.view.setUint32(4, flags, true)
  io.view.setInt32(8, 28, true)
  const { calls } = l
  const rc = calls.WSARecvFrom(
    s,
    message.view.lpBuffers,
    1,
    overlapped === 0 ? io.address : 0,
    io.address + 4,
    io.address + 16,
    io.address + 8,
    overlapped,
    0
  )
  return {
    code: rc === 0 ? 0 : l.error,
    message,
    bytes: () => io.view.getUint32(0, true),
    flags: () => io.view.getUint32(4, true),
    fromLength: () => io.view.getInt32(8, true),
    fromPort: () => io.view.getUint16(18, false)
  }
}

describe("receiving", () => {
  it.effect("1: lpMsg NULL is WSAEFAULT; no byte count and no OVERLAPPED too", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const recvMsg = l.extension(s, "WSARecvMsg")
      assert.strictEqual(recvMsg(s, 0, l.alloc(4).address, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(recvMsg(s, l.message().address, 0, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )

  it.effect("2: no option, Control {NULL, 0}: success, and Control.len is 0", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(l.send(b.s, "hello", "127.0.0.1", a.port), 0)
      yield* l.mock.settled
      const message = l.message()
      assert.strictEqual(l.recvMsg(a.s, message), 0)
      assert.strictEqual(message.text, "hello")
      assert.strictEqual(message.from, `127.0.0.1 ${b.port}`)
      assert.strictEqual(message.view.namelen, 16)
      assert.strictEqual(message.view.dwFlags, 0)
      assert.strictEqual(message.view.Control.len, 0)
    })
  )

  it.effect("3: control buffer too small, not overlapped: WSAEMSGSIZE, all bytes, dwFlags is MSG_CTRUNC alone", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
      l.send(s, "packet", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message({ control: 1 })
      const bytes = l.alloc(4)
      assert.strictEqual(l.extension(s, "WSARecvMsg")(s, message.address, bytes.address, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEMSGSIZE)
      assert.strictEqual(bytes.view.getUint32(0, true), 6)
      assert.strictEqual(message.view.dwFlags, Flags.MSG_CTRUNC)
      assert.strictEqual(message.text, "packet")
    })
  )

  it.effect(
    "4: the same, posted before the datagram: BUFFER_OVERFLOW, and WSAGetOverlappedResult leaves the flags",
    () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const { port, s } = l.bound()
        l.setOption(s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
        const event = l.event()
        const overlapped = l.overlapped(event)
        overlapped.view.Offset = 11
        const message = l.message({ control: 1 })
        assert.strictEqual(l.recvMsg(s, message, overlapped.address), Codes.WSA_IO_PENDING)
        l.send(s, "packet", "127.0.0.1", port)
        yield* l.mock.settled
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_BUFFER_OVERFLOW)
        assert.strictEqual(overlapped.view.InternalHigh, 6)
        assert.strictEqual(overlapped.view.Offset, 11)
        assert.isTrue(l.isSignalled(event))
        assert.strictEqual(message.view.dwFlags, Flags.MSG_CTRUNC)
        const out = l.alloc(8)
        out.view.setUint32(4, 0xdead, true)
        assert.strictEqual(l.calls.WSAGetOverlappedResult(s, overlapped.address, out.address, 0, out.address + 4), 0)
        assert.strictEqual(l.error, Codes.WSAEMSGSIZE)
        assert.strictEqual(out.view.getUint32(0, true), 6)
        assert.strictEqual(out.view.getUint32(4, true), 0xdead)
      })
  )

  it.effect("5: a truncated datagram that is queued already: the call pends", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const port = l.completionPort(a.s)
      l.send(a.s, "0123456789", "127.0.0.1", a.port)
      yield* l.mock.settled
      const overlapped = l.overlapped()
      const message = l.message({ sizes: [4] })
      assert.strictEqual(l.recvMsg(a.s, message, overlapped.address), Codes.WSA_IO_PENDING)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual(l.packets(port), [
        { key: a.s, overlapped: overlapped.address, status: NtStatus.STATUS_BUFFER_OVERFLOW, bytes: 4 }
      ])
      assert.strictEqual(message.view.dwFlags, Flags.MSG_TRUNC)
      assert.strictEqual(message.text, "0123")
      assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
    })
  )

  for (const packet of [true, false]) {
    const answer = packet ? "emsgsize+packet" : "emsgsize-only"
    it.effect(`truncation at hand, ${answer}: WSAEMSGSIZE, Internal BUFFER_OVERFLOW`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ truncationAnswer: answer })
        const a = l.bound()
        const port = l.completionPort(a.s)
        l.send(a.s, "0123456789", "127.0.0.1", a.port)
        yield* l.mock.settled
        const overlapped = l.overlapped()
        const message = l.message({ sizes: [4] })
        assert.strictEqual(l.recvMsg(a.s, message, overlapped.address), Codes.WSAEMSGSIZE)
        assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_BUFFER_OVERFLOW)
        assert.strictEqual(overlapped.view.InternalHigh, 4)
        assert.strictEqual(message.view.dwFlags, Flags.MSG_TRUNC)
        assert.strictEqual(l.packets(port).length, packet ? 1 : 0)
      })
    )
  }

  it.effect("truncation at hand in skip mode: no packet, whatever the answer", () =>
    Effect.gen(function* () {
      const l = yield* lab({ truncationAnswer: "emsgsize+packet" })
      const a = l.bound()
      const port = l.completionPort(a.s)
      l.calls.SetFileCompletionNotificationModes(a.s, 1)
      l.send(a.s, "0123456789", "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.strictEqual(l.recvMsg(a.s, l.message({ sizes: [4] }), l.overlapped().address), Codes.WSAEMSGSIZE)
      assert.deepStrictEqual(l.packets(port), [])
    })
  )

  it.effect("seeded truncation shows all three answers", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      for (let seed = 0; seed < 40; seed++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ seed, truncationAnswer: "seeded" })
            const a = l.bound()
            const port = l.completionPort(a.s)
            l.send(a.s, "0123456789", "127.0.0.1", a.port)
            yield* l.mock.settled
            const code = l.recvMsg(a.s, l.message({ sizes: [4] }), l.overlapped().address)
            yield* l.mock.settled
            seen.add(`${code} ${l.packets(port).length}`)
          })
        )
      }
      assert.deepStrictEqual(Array.from(seen).toSorted(), ["10040 0", "10040 1", "997 1"])
    })
  )

  it.effect("6: Control.len stays while pending, and shrinks to the bytes used", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
      const message = l.message({ control: 200 })
      l.recvMsg(s, message, l.overlapped().address)
      assert.strictEqual(message.view.Control.len, 200)
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(message.view.Control.len, 24)
    })
  )

  it.effect("26: a from buffer that is too short: an error, nothing written, and the datagram stays", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.send(s, "kept", "127.0.0.1", port)
      yield* l.mock.settled
      const io = l.alloc(64)
      io.view.setInt32(8, 1, true)
      const message = l.message()
      const { lpBuffers } = message.view
      const { address } = io
      assert.strictEqual(
        l.calls.WSARecvFrom(s, lpBuffers, 1, address, address + 4, address + 16, address + 8, 0, 0),
        -1
      )
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(message.text, "")
      assert.strictEqual(l.receive(s), "kept")
    })
  )

  it.effect("27: unbound is WSAEINVAL, bound and empty WSAEWOULDBLOCK", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.strictEqual(l.receive(s), Codes.WSAEINVAL)
      assert.strictEqual(wsarecv(l, s, 8).code, Codes.WSAEINVAL)
      l.bind(s, "127.0.0.1")
      assert.strictEqual(l.receive(s), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("31: no buffers is WSAEINVAL", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const io = l.alloc(32)
      assert.strictEqual(l.calls.WSARecv(s, 0, 0, io.address, io.address + 4, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.strictEqual(l.calls.WSARecv(s, io.address + 16, 0, io.address, io.address + 4, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )

  it.effect("33: overlapped pends on a non-blocking socket too; without it WSAEWOULDBLOCK touches no OVERLAPPED", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const overlapped = l.overlapped()
      assert.strictEqual(l.recvMsg(s, l.message(), overlapped.address), Codes.WSA_IO_PENDING)
      assert.strictEqual(l.receive(s), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      // what comes is the pending receive's
      l.send(s, "first", "127.0.0.1", port)
      l.send(s, "second", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(overlapped.view.InternalHigh, 5)
      assert.strictEqual(l.receive(s), "second")
    })
  )

  it.effect("34: while pending Internal is STATUS_PENDING, InternalHigh and the byte count are untouched", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const overlapped = l.overlapped()
      const bytes = l.alloc(4)
      bytes.view.setUint32(0, 4321, true)
      l.extension(s, "WSARecvMsg")(s, l.message().address, bytes.address, overlapped.address, 0)
      assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual(overlapped.view.InternalHigh, 7777)
      assert.strictEqual(bytes.view.getUint32(0, true), 4321)
    })
  )

  it.effect("36: with data at hand a call may pend and then complete; seeded does both", () =>
    Effect.gen(function* () {
      const answers = new Set<number>()
      for (let seed = 0; seed < 20; seed++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const l = yield* lab({ readyAnswer: "seeded", seed })
            const { port, s } = l.bound()
            l.send(s, "data", "127.0.0.1", port)
            yield* l.mock.settled
            const message = l.message()
            const overlapped = l.overlapped()
            const code = l.recvMsg(s, message, overlapped.address)
            answers.add(code)
            if (code === Codes.WSA_IO_PENDING) {
              assert.strictEqual(message.text, "")
              assert.strictEqual(overlapped.view.Internal, NtStatus.STATUS_PENDING)
            }
            yield* l.mock.settled
            assert.strictEqual(message.text, "data")
            assert.strictEqual(overlapped.view.Internal, 0)
          })
        )
      }
      assert.deepStrictEqual(Array.from(answers).toSorted(), [0, Codes.WSA_IO_PENDING])
    })
  )

  it.effect("37: several receives are filled in posting order", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const messages = [0, 1, 2].map(() => l.message())
      for (const message of messages) l.recvMsg(s, message, l.overlapped().address)
      for (const text of ["a", "b", "c"]) l.send(s, text, "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual(
        messages.map((message) => message.text),
        ["a", "b", "c"]
      )
    })
  )

  it.effect("38: an OVERLAPPED on a socket that is not overlapped would block", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { port, s } = l.bound("127.0.0.1", { overlapped: false })
      assert.strictEqual(l.recvMsg(s, l.message(), l.overlapped().address), Codes.WSAEINTR)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
      l.send(s, "now", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message()
      const bytes = l.alloc(4).address
      assert.strictEqual(l.extension(s, "WSARecvMsg")(s, message.address, bytes, l.overlapped().address, 0), 0)
      assert.strictEqual(message.text, "now")
    })
  )

  it.effect("39: SO_RCVTIMEO does not end an overlapped receive; a blocking one would wait", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { s } = l.bound("127.0.0.1", { blocking: true })
      l.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, 100)
      assert.strictEqual(l.receive(s), Codes.WSAETIMEDOUT)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
    })
  )

  it.effect("43: after shutdown(SD_RECEIVE) receives fail, pending ones stay (42), datagrams are dropped", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_RECEIVE), -1)
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      const b = l.bound()
      l.connect(s, "127.0.0.1", b.port)
      assert.strictEqual(l.calls.shutdown(s, 9), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_RECEIVE), 0)
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_RECEIVE), 0)
      assert.strictEqual(l.receive(s), Codes.WSAESHUTDOWN)
      l.send(b.s, "x", "127.0.0.1", port)
      assert.strictEqual(l.calls.shutdown(s, Flags.SD_SEND), 0)
      assert.strictEqual(l.sendMsg(s, l.outgoing("x")), Codes.WSAESHUTDOWN)
    })
  )

  it.effect("46: a completion routine on a socket of a port is WSAEINVAL; without a port it is not supported", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const call = () => l.extension(s, "WSARecvMsg")(s, l.message().address, 0, l.overlapped().address, 0x1234)
      assert.strictEqual(call(), -1)
      assert.strictEqual(l.error, Codes.WSAEOPNOTSUPP)
      l.completionPort(s)
      assert.strictEqual(call(), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )

  it.effect("52, 53: WSAGetOverlappedResult of a pending and of a completed operation", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const overlapped = l.overlapped()
      l.recvMsg(s, l.message(), overlapped.address)
      const out = l.alloc(8)
      const result = () => l.calls.WSAGetOverlappedResult(s, overlapped.address, out.address, 0, out.address + 4)
      assert.strictEqual(result(), 0)
      assert.strictEqual(l.error, Codes.WSA_IO_INCOMPLETE)
      l.send(s, "four", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(result(), 1)
      assert.strictEqual(out.view.getUint32(0, true), 4)
    })
  )

  it.effect("WSARecvFrom: source, length, flags; MSG_PEEK leaves the datagram; MSG_PARTIAL says it was cut", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const b = l.bound()
      l.send(b.s, "datagram", "127.0.0.1", a.port)
      yield* l.mock.settled
      const peek = wsarecv(l, a.s, 32, Flags.MSG_PEEK)
      assert.deepStrictEqual([peek.code, peek.bytes(), peek.message.text], [0, 8, "datagram"])
      const cut = wsarecv(l, a.s, 3)
      assert.deepStrictEqual(
        [cut.code, cut.bytes(), cut.flags(), cut.fromPort(), cut.fromLength()],
        [Codes.WSAEMSGSIZE, 3, Flags.MSG_PARTIAL, b.port, 16]
      )
      assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
      assert.strictEqual(wsarecv(l, a.s, 3, Flags.MSG_OOB).code, Codes.WSAEOPNOTSUPP)
    })
  )

  it.effect("WSARecvMsg takes MSG_PEEK, and only on calls that are not overlapped", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      l.send(a.s, "again", "127.0.0.1", a.port)
      yield* l.mock.settled
      const message = l.message()
      message.view.dwFlags = Flags.MSG_PEEK
      assert.strictEqual(l.recvMsg(a.s, message), 0)
      assert.strictEqual(message.text, "again")
      message.view.dwFlags = Flags.MSG_PEEK
      assert.strictEqual(l.recvMsg(a.s, message, l.overlapped().address), Codes.WSAEOPNOTSUPP)
      assert.strictEqual(l.receive(a.s), "again")
    })
  )

  it.effect("a datagram is scattered over the buffers, zero-length ones included", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.send(s, "abcdefg", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message({ sizes: [3, 0, 8] })
      assert.strictEqual(l.recvMsg(s, message), 0)
      assert.strictEqual(message.text, "abc")
      assert.strictEqual(l.text(message.block, message.payloadAt[2], 8), "defg")
    })
  )

  it.effect("a datagram of no bytes completes a receive with 0", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const cp = l.completionPort(s)
      l.recvMsg(s, l.message(), l.overlapped().address)
      l.send(s, "", "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(cp).map((p) => [p.status, p.bytes]),
        [[0, 0]]
      )
    })
  )

  it.effect("SO_RCVBUF: what does not fit is dropped and counted", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVBUF, 10)
      for (const text of ["12345678", "123", "12", "1"]) l.send(s, text, "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual([l.receive(s), l.receive(s), l.receive(s)], ["12345678", "12", Codes.WSAEWOULDBLOCK])
      const [info] = yield* l.mock.sockets
      assert.strictEqual(info.dropped, 2)
    })
  )

  it.effect("a message in the wrong shape is WSAEFAULT and takes no datagram", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.send(s, "safe", "127.0.0.1", port)
      yield* l.mock.settled
      const spoil: ReadonlyArray<(message: ReturnType<typeof l.message>) => void> = [
        (m) => {
          m.view.name = 0
        },
        (m) => {
          m.view.namelen = 15
        },
        (m) => {
          m.view.namelen = -1
        },
        (m) => {
          m.view.Control.buf = 0
        },
        (m) => {
          m.view.Control.len = 0xffff_ffff
        },
        (m) => {
          m.view.lpBuffers = 8
        },
        (m) => {
          m.view.dwBufferCount = 0xffff_ffff
        }
      ]
      for (const f of spoil) {
        const message = l.message({ control: 64 })
        f(message)
        assert.strictEqual(l.recvMsg(s, message), Codes.WSAEFAULT)
      }
      assert.strictEqual(l.receive(s), "safe")
    })
  )

  it.effect("FIONBIO off again: a receive without data would block", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { s } = l.bound()
      l.ioctl(s, 0x8004667e, u32(0))
      assert.strictEqual(l.receive(s), Codes.WSAEINTR)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
    })
  )
})
