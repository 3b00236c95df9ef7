import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Codes from "@effect-winsock/schema/WsaError"
import type { Handle, SocketHandle } from "@effect-winsock/core/Seam"
import * as MockTrace from "@effect-winsock/mock/MockTrace"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { kinds, type Lab, lab, u32 } from "./support.ts"
import * as T from "./tcpSupport.ts"

const { IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET } = Flags

const lingerFor = (l: Lab, s: SocketHandle, seconds: number): void => {
  const block = l.alloc(4)
  block.view.setUint16(0, 1, true)
  block.view.setUint16(2, seconds, true)
  l.calls.setsockopt(s, SOL_SOCKET, Options.SO_LINGER, block.address, 4)
}

const disconnect = (l: Lab, s: SocketHandle, flags: number) => {
  const overlapped = l.overlapped()
  const rc = l.extension(s, "DisconnectEx")(s, overlapped.address, flags, 0)
  return { ...overlapped, code: rc !== 0 ? 0 : l.error }
}

describe("streams: queues and ends", () => {
  it.effect("a full backlog refuses, and a SYN that is sent again finds room", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l, "127.0.0.1", 2)
      const clients = [0, 1, 2].map(() => {
        const s = T.stream(l)
        l.connect(s, "127.0.0.1", listener.port)
        return s
      })
      yield* l.mock.settled
      const info = (yield* l.mock.sockets).find(({ socket }) => socket === listener.s)!
      assert.deepStrictEqual([info.state, info.backlog], ["LISTENING", 2])
      assert.isUndefined(l.peer(clients[2]))
      assert.isAbove(T.accept(l, listener.s), 0)
      yield* TestClock.adjust("500 millis")
      yield* l.mock.settled
      assert.strictEqual(l.peer(clients[2]), `127.0.0.1 ${listener.port}`)
      l.closesocket(listener.s)
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, clients[2]), Codes.WSAECONNRESET)
      assert.strictEqual(T.receive(l, clients[0]), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("SIO_TCP_INITIAL_RTO without retransmissions: refused at once; an absent host: 21 seconds", () =>
    Effect.gen(function* () {
      const l = yield* lab({ interfaces: [{ index: 5, name: "Ethernet", addresses: ["192.0.2.1/24"] }] })
      const listener = T.listening(l)
      l.closesocket(listener.s)
      const s = T.stream(l)
      assert.isDefined(l.ioctl(s, Ioctls.SIO_TCP_INITIAL_RTO, [0xff, 0xff, 0xfe, 0]))
      l.connect(s, "127.0.0.1", listener.port)
      yield* l.mock.settled
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_ERROR), Codes.WSAECONNREFUSED)
      const lost = T.stream(l)
      l.connect(lost, "192.0.2.77", 80)
      for (let second = 0; second < 20; second++) {
        yield* TestClock.adjust("1 second")
        yield* l.mock.settled
      }
      assert.strictEqual(l.option(lost, SOL_SOCKET, Options.SO_ERROR), 0)
      yield* TestClock.adjust("1 second")
      yield* l.mock.settled
      assert.strictEqual(l.option(lost, SOL_SOCKET, Options.SO_ERROR), Codes.WSAETIMEDOUT)
      const trace = yield* l.mock.trace
      assert.strictEqual(trace.filter((e) => e._tag === "Segment" && e.to === "192.0.2.77:80").length, 5)
    })
  )

  it.effect(
    "closing with unread bytes resets; SO_LINGER with unsent ones is WSAEWOULDBLOCK, and the socket stays",
    () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const { client, server } = yield* T.pair(l)
        T.send(l, client, "unread")
        yield* l.mock.settled
        l.closesocket(server)
        yield* l.mock.settled
        assert.strictEqual(T.receive(l, client), Codes.WSAECONNRESET)
        const second = yield* T.pair(l)
        lingerFor(l, second.client, 2)
        T.send(l, second.client, 100_000)
        assert.strictEqual(l.calls.closesocket(second.client), -1)
        assert.strictEqual(l.error, Codes.WSAEWOULDBLOCK)
        yield* l.mock.settled
        assert.strictEqual(l.closesocket(second.client), 0)
      })
  )

  it.effect("what was sent before closesocket arrives, then the end", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      assert.strictEqual(T.send(l, client, 60_000), 60_000)
      l.closesocket(client)
      yield* l.mock.settled
      assert.strictEqual(T.receiveCount(l, server, 65_536), 60_000)
      assert.strictEqual(T.receive(l, server), "")
      assert.deepStrictEqual(yield* T.states(l), ["CLOSE_WAIT", "FIN_WAIT_2", "LISTENING"])
      l.closesocket(server)
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), ["LISTENING", "TIME_WAIT"])
    })
  )

  it.effect("TIME_WAIT keeps the pair of addresses, and an exclusive listener's port", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.stream(l)
      l.setOption(listener, SOL_SOCKET, Options.SO_EXCLUSIVEADDRUSE, 1)
      l.bind(listener, "127.0.0.1")
      l.calls.listen(listener, 5)
      const port = l.portOf(listener)
      const client = T.stream(l)
      l.connect(client, "127.0.0.1", port)
      yield* l.mock.settled
      const server = T.accept(l, listener)
      l.closesocket(server)
      yield* l.mock.settled
      l.closesocket(client)
      l.closesocket(listener)
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), ["TIME_WAIT"])
      const again = T.stream(l)
      l.setOption(again, SOL_SOCKET, Options.SO_EXCLUSIVEADDRUSE, 1)
      assert.strictEqual(l.bind(again, "127.0.0.1", port), -1)
      assert.strictEqual(l.error, Codes.WSAEADDRINUSE)
      assert.strictEqual(l.bind(T.stream(l), "127.0.0.1", port), 0)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* T.states(l), [])
    })
  )

  it.effect("77: DisconnectEx", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, port, server } = yield* T.pair(l)
      assert.strictEqual(disconnect(l, T.stream(l), 0).code, Codes.WSAENOTCONN)
      const first = disconnect(l, client, 0)
      assert.strictEqual(first.code, Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual([first.view.Internal, first.view.InternalHigh], [0, 0])
      assert.strictEqual(T.send(l, client, "x"), -Codes.WSAESHUTDOWN)
      T.send(l, server, "still")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, client), "still")
      assert.strictEqual(l.extension(client, "DisconnectEx")(client, 0, 0, 0), 1)
      assert.strictEqual(l.connect(client, "127.0.0.1", port), -1)
      assert.strictEqual(l.error, Codes.WSAEISCONN)
    })
  )

  it.effect(
    "TF_REUSE_SOCKET: the one that ends first waits for TIME_WAIT, the other does not; both connect again",
    () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const { client, listener, port, server } = yield* T.pair(l)
        const early = disconnect(l, client, Flags.TF_REUSE_SOCKET)
        yield* l.mock.settled
        const late = disconnect(l, server, Flags.TF_REUSE_SOCKET)
        yield* l.mock.settled
        assert.deepStrictEqual([early.view.Internal, late.view.Internal], [NtStatus.STATUS_PENDING, 0])
        yield* TestClock.adjust("2 minutes")
        yield* l.mock.settled
        assert.strictEqual(early.view.Internal, 0)
        const accept = T.postAccept(l, listener, server)
        const connect = T.postConnect(l, client, "127.0.0.1", port)
        yield* l.mock.settled
        assert.deepStrictEqual([accept.view.Internal, connect.view.Internal], [0, 0])
        T.send(l, client, "again")
        yield* l.mock.settled
        assert.strictEqual(T.receive(l, server), "again")
      })
  )

  it.effect("shutdown of receiving with bytes unread resets the connection, and so do bytes that come later", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const first = yield* T.pair(l)
      T.send(l, first.client, "unread")
      yield* l.mock.settled
      assert.strictEqual(l.calls.shutdown(first.server, Flags.SD_RECEIVE), 0)
      const second = yield* T.pair(l)
      assert.strictEqual(l.calls.shutdown(second.server, Flags.SD_RECEIVE), 0)
      T.send(l, second.client, "later")
      yield* l.mock.settled
      for (const { client, server } of [first, second]) {
        assert.strictEqual(T.receive(l, client), Codes.WSAECONNRESET)
        assert.strictEqual(T.send(l, server, "x"), -Codes.WSAECONNABORTED)
      }
    })
  )

  it.effect("CloseHandle closes a stream as closesocket does", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.disown(client)
      assert.strictEqual(l.calls.CloseHandle(client), 1)
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), "")
    })
  )

  it.effect("bytes for a socket that is closed are answered with a reset", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      assert.strictEqual(l.calls.WSASendDisconnect(server, 0), 0)
      l.closesocket(server)
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, client), "")
      assert.strictEqual(T.send(l, client, "too late"), 8)
      yield* l.mock.settled
      assert.strictEqual(T.send(l, client, "x"), -Codes.WSAECONNRESET)
      assert.deepStrictEqual(yield* T.states(l), ["CLOSED", "LISTENING"])
    })
  )

  it.effect("a pair of addresses that is in TIME_WAIT is WSAEADDRINUSE to connect", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, port, server } = yield* T.pair(l)
      const own = l.portOf(client)
      l.closesocket(client)
      yield* l.mock.settled
      l.closesocket(server)
      yield* l.mock.settled
      const again = T.stream(l)
      assert.strictEqual(l.bind(again, "127.0.0.1", own), 0)
      assert.strictEqual(l.connect(again, "127.0.0.1", port), -1)
      assert.strictEqual(l.error, Codes.WSAEADDRINUSE)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(l.connect(again, "127.0.0.1", port), -1)
      assert.strictEqual(l.error, Codes.WSAEWOULDBLOCK)
      yield* l.mock.settled
      assert.strictEqual(l.peer(again), `127.0.0.1 ${port}`)
    })
  )

  it.effect("a connect that is given up leaves nothing at the listener", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      const s = T.stream(l)
      l.connect(s, "127.0.0.1", listener.port)
      l.closesocket(s)
      yield* l.mock.settled
      assert.deepStrictEqual(yield* T.states(l), ["LISTENING"])
      assert.strictEqual(T.accept(l, listener.s), -1)
      assert.strictEqual(l.error, Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("connecting and closing with operations that end late, by a fault", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      for (const call of ["AcceptEx", "ConnectEx", "WSARecv", "WSASend"] as const) {
        yield* l.mock.fault({ call, lateCompletion: 3 })
      }
      const listener = T.listening(l)
      const server = T.stream(l)
      const client = T.stream(l)
      l.bind(client, "127.0.0.1")
      const accept = T.postAccept(l, listener.s, server, { data: 8 })
      const connect = T.postConnect(l, client, "127.0.0.1", listener.port, "early")
      yield* l.mock.settled
      assert.deepStrictEqual([accept.view.InternalHigh, connect.view.InternalHigh], [5, 5])
      const receive = T.postReceive(l, server)
      const send = T.postSend(l, client, "late")
      assert.deepStrictEqual([receive.code, send.code], [Codes.WSA_IO_PENDING, Codes.WSA_IO_PENDING])
      yield* l.mock.settled
      assert.deepStrictEqual([receive.view.InternalHigh, receive.text(), send.view.Internal], [4, "late", 0])
    })
  )

  it.effect("keep-alive gives a dead connection up", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      assert.isDefined(l.ioctl(client, Ioctls.SIO_KEEPALIVE_VALS, [...u32(1), ...u32(10_000), ...u32(1000)]))
      yield* TestClock.adjust("60 seconds")
      yield* l.mock.settled
      assert.strictEqual(T.send(l, client, "alive"), 5)
      yield* l.mock.settled
      const pending = T.postReceive(l, client)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.hold
          for (let second = 0; second < 21; second++) yield* TestClock.adjust("1 second")
          yield* l.mock.settled
          assert.strictEqual(pending.view.Internal, NtStatus.STATUS_IO_TIMEOUT)
          assert.strictEqual(T.send(l, client, "x"), -Codes.WSAENETRESET)
        })
      )
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), Codes.WSAECONNRESET)
    })
  )
})

describe("streams: options and control codes", () => {
  it.effect("which options a stream has", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = T.stream(l)
      for (const name of [
        "IP_PKTINFO",
        "IP_RECVTTL",
        "IP_RECVTOS",
        "IP_RECVECN",
        "IP_RECVERR",
        "IP_MULTICAST_TTL"
      ] as const) {
        assert.isUndefined(l.option(s, IPPROTO_IP, Options[name]), name)
        assert.strictEqual(l.error, Codes.WSAEINVAL)
      }
      assert.isUndefined(l.option(s, SOL_SOCKET, Options.SO_MAX_MSG_SIZE))
      assert.strictEqual(l.error, Codes.WSAENOPROTOOPT)
      assert.isUndefined(l.option(s, SOL_SOCKET, Options.SO_BROADCAST))
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_TYPE), Flags.SOCK_STREAM)
      assert.strictEqual(l.setOption(s, IPPROTO_TCP, Options.TCP_NODELAY, 1), 0)
      assert.strictEqual(l.option(s, IPPROTO_TCP, Options.TCP_NODELAY), 1)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_CONNECT_TIME), -1)
      const { client, listener, server } = yield* T.pair(l)
      assert.strictEqual(l.option(listener, SOL_SOCKET, Options.SO_ACCEPTCONN), 1)
      assert.strictEqual(l.option(server, SOL_SOCKET, Options.SO_ACCEPTCONN), 0)
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(l.option(client, SOL_SOCKET, Options.SO_CONNECT_TIME), 7)
      lingerFor(l, client, 3)
      assert.strictEqual(l.option(client, SOL_SOCKET, Options.SO_LINGER), 1 | (3 << 16))
      assert.strictEqual(l.option(client, SOL_SOCKET, Options.SO_DONTLINGER), 0)
      assert.strictEqual(l.option(server, SOL_SOCKET, Options.SO_LINGER), 0)
    })
  )

  it.effect("SIO_LOOPBACK_FAST_PATH is for streams that are not connected", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client } = yield* T.pair(l)
      assert.isDefined(l.ioctl(T.stream(l), Ioctls.SIO_LOOPBACK_FAST_PATH, u32(1)))
      assert.isUndefined(l.ioctl(client, Ioctls.SIO_LOOPBACK_FAST_PATH, u32(1)))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.isUndefined(l.ioctl(l.socket(), Ioctls.SIO_LOOPBACK_FAST_PATH, u32(1)))
      assert.strictEqual(l.error, Codes.WSAEOPNOTSUPP)
    })
  )

  it.effect("an accepted socket has the listener's options", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = T.listening(l)
      l.setOption(listener.s, SOL_SOCKET, Options.SO_KEEPALIVE, 1)
      const client = T.stream(l)
      l.connect(client, "127.0.0.1", listener.port)
      yield* l.mock.settled
      const server = T.accept(l, listener.s)
      assert.strictEqual(l.option(server, SOL_SOCKET, Options.SO_KEEPALIVE), 1)
      l.setOption(server, SOL_SOCKET, Options.SO_KEEPALIVE, 0)
      assert.strictEqual(l.option(listener.s, SOL_SOCKET, Options.SO_KEEPALIVE), 1)
    })
  )

  it.effect("control codes: UDP's are refused, SIO_TCP_INFO tells of the connection", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      for (const code of [Ioctls.SIO_UDP_CONNRESET, Ioctls.SIO_UDP_NETRESET, Ioctls.SIO_TIMESTAMPING]) {
        assert.isUndefined(l.ioctl(client, code, [0, 0, 0, 0, 0, 0, 0, 0]))
        assert.strictEqual(l.error, Codes.WSAEOPNOTSUPP)
      }
      assert.isUndefined(l.ioctl(l.socket(), Ioctls.SIO_TCP_INFO, u32(0), 88))
      T.send(l, client, "12345")
      yield* l.mock.settled
      assert.strictEqual(l.ioctl(server, Ioctls.FIONREAD, [], 4)!.view.getUint32(48, true), 5)
      const out = l.alloc(128)
      const call = (s: SocketHandle): number =>
        l.calls.WSAIoctl(s, Ioctls.SIO_TCP_INFO, out.address + 124, 4, out.address, 88, out.address + 120, 0, 0)
      assert.strictEqual(call(client), 0)
      assert.deepStrictEqual(
        [0, 4, 48, 56].map((at) => out.view.getUint32(at, true)),
        [4, 65_495, 5, 0]
      )
      assert.strictEqual(call(server), 0)
      assert.strictEqual(out.view.getUint32(40, true), 65_531)
      assert.strictEqual(call(T.stream(l)), -1)
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      const old = yield* lab({ tcpInfo: false })
      assert.isUndefined(old.ioctl(T.stream(old), Ioctls.SIO_TCP_INFO, u32(0), 32))
      assert.strictEqual(old.error, Codes.WSAEOPNOTSUPP)
    })
  )

  it.effect("the trace has the segments, as data and as text", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, port } = yield* T.pair(l)
      const from = `127.0.0.1:${l.portOf(client)}`
      const to = `127.0.0.1:${port}`
      T.send(l, client, "abc")
      l.closesocket(client)
      yield* l.mock.settled
      const segments = (yield* l.mock.trace).filter((event) => event._tag === "Segment").map(MockTrace.format)
      assert.deepStrictEqual(segments, [
        `[localhost] SYN: ${from} -> ${to}`,
        `[localhost] SYN,ACK: ${to} -> ${from}`,
        `[localhost] ACK: ${from} -> ${to}`,
        `[localhost] ACK: ${from} -> ${to}, 3 bytes`,
        `[localhost] FIN,ACK: ${from} -> ${to}`,
        `[localhost] ACK: ${to} -> ${from}`
      ])
    })
  )

  it.effect("a blocking stream call on the JS thread is reported", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const listener = T.listening(l, "127.0.0.1", 5, { blocking: true })
      assert.strictEqual(T.accept(l, listener.s), -1)
      assert.strictEqual(l.connect(T.stream(l, { blocking: true }), "127.0.0.1", listener.port), -1)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait", "WouldWait"])
    })
  )
})

const openFile = (l: Lab, path: string): Handle => {
  const name = l.alloc(path.length * 2 + 2)
  for (let i = 0; i < path.length; i++) name.view.setUint16(i * 2, path.charCodeAt(i), true)
  const file = l.calls.CreateFileW(name.address, 0x8000_0000, 1, 0, 3, 0, 0)
  return l.own(file, (file) => l.calls.CloseHandle(file))
}

const transmit = (
  l: Lab,
  s: SocketHandle,
  file: Handle | 0,
  options: { head?: string; tail?: string; count?: number; offset?: number; flags?: number }
) => {
  const { head = "", tail = "" } = options
  const { abi } = l.seam
  const block = l.alloc(64 + head.length + tail.length)
  const buffers = Structs.TRANSMIT_FILE_BUFFERS.view(abi, block.view, 0)
  for (let i = 0; i < head.length; i++) block.bytes[64 + i] = head.charCodeAt(i)
  for (let i = 0; i < tail.length; i++) block.bytes[64 + head.length + i] = tail.charCodeAt(i)
  if (head !== "") buffers.Head = block.address + 64
  buffers.HeadLength = head.length
  if (tail !== "") buffers.Tail = block.address + 64 + head.length
  buffers.TailLength = tail.length
  const overlapped = l.overlapped()
  overlapped.view.Offset = (options.offset ?? 0) >>> 0
  overlapped.view.OffsetHigh = Math.floor((options.offset ?? 0) / 0x1_0000_0000)
  const TransmitFile = l.extension(s, "TransmitFile")
  const rc = TransmitFile(s, file, options.count ?? 0, 0, overlapped.address, block.address, options.flags ?? 0)
  return { ...overlapped, code: rc !== 0 ? 0 : l.error }
}

describe("files", () => {
  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: 78: TransmitFile sends head, file and tail`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi })
        yield* l.mock.file("C:\\page.txt", new TextEncoder().encode("the file"))
        const { client, server } = yield* T.pair(l)
        const file = openFile(l, "c:/PAGE.txt")
        const size = l.alloc(8)
        assert.strictEqual(l.calls.GetFileSizeEx(file, size.address), 1)
        assert.strictEqual(size.view.getUint32(0, true), 8)
        const whole = transmit(l, client, file, { head: "<", tail: ">" })
        const part = transmit(l, client, file, { offset: 4, count: 2 })
        const none = transmit(l, client, 0, {})
        yield* l.mock.settled
        assert.deepStrictEqual(
          [whole, part, none].map(({ view }) => [view.Internal, view.InternalHigh]),
          [
            [0, 10],
            [0, 2],
            [0, 0]
          ]
        )
        assert.strictEqual(T.receive(l, server), "<the file>fi")
        assert.strictEqual(transmit(l, T.stream(l), file, {}).code, Codes.WSAENOTCONN)
        assert.strictEqual(transmit(l, l.socket(), file, {}).code, Codes.WSAENOTCONN)
      })
    )
  }

  it.effect("a file of 3 GiB costs nothing, is sent in parts, and a cancelled part is torn", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const size = 3 * 2 ** 30
      yield* l.mock.file("large", { size, byteAt: (offset) => offset % 256 })
      const { client, server } = yield* T.pair(l)
      const file = openFile(l, "large")
      const bytes = l.alloc(8)
      l.calls.GetFileSizeEx(file, bytes.address)
      assert.strictEqual(bytes.view.getUint32(0, true), size)
      assert.strictEqual(transmit(l, client, file, {}).code, Codes.WSAEINVAL)
      const end = transmit(l, client, file, { offset: size - 3 })
      yield* l.mock.settled
      assert.deepStrictEqual([end.view.Internal, end.view.InternalHigh], [0, 3])
      assert.strictEqual(T.receiveCount(l, server, 10), 3)
      const long = transmit(l, client, file, { count: 2_147_483_646 })
      yield* l.mock.settled
      assert.strictEqual(l.calls.CancelIoEx(client, long.address), 1)
      assert.deepStrictEqual([long.view.Internal, long.view.InternalHigh], [NtStatus.STATUS_CANCELLED, 131_072])
    })
  )

  it.effect("TF_DISCONNECT ends the connection behind the file", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const sent = transmit(l, client, 0, { head: "bye", flags: Flags.TF_DISCONNECT })
      yield* l.mock.settled
      assert.deepStrictEqual([sent.view.Internal, sent.view.InternalHigh], [0, 3])
      assert.deepStrictEqual([T.receive(l, server), T.receive(l, server)], ["bye", ""])
    })
  )

  it.effect("files that are not there, and files to write", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      yield* l.mock.file("there", new Uint8Array(1))
      assert.strictEqual(openFile(l, "elsewhere"), -1)
      assert.strictEqual(l.error, Codes.ERROR_FILE_NOT_FOUND)
      const name = l.alloc(16)
      for (let i = 0; i < 5; i++) name.view.setUint16(i * 2, "there".charCodeAt(i), true)
      for (const [access, disposition] of [
        [0x4000_0000, 3],
        [0x8000_0000, 2]
      ]) {
        assert.strictEqual(l.calls.CreateFileW(name.address, access, 0, 0, disposition, 0, 0), -1)
        assert.strictEqual(l.error, Codes.ERROR_ACCESS_DENIED)
      }
      assert.strictEqual(l.calls.GetFileSizeEx(l.event(), name.address), 0)
      assert.strictEqual(l.error, Codes.ERROR_INVALID_HANDLE)
    })
  )
})
