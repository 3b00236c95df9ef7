// Every function of Winsock2, in each of its forms.
import { Winsock2 } from "@effect-winsock/core"
import {
  AF_INET,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_PEEK,
  MSG_TRUNC,
  SD_SEND,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TF_REUSE_SOCKET
} from "@effect-winsock/schema/Flags"
import { FIONBIO, FIONREAD, SIO_ADDRESS_LIST_CHANGE, SIO_KEEPALIVE_VALS } from "@effect-winsock/schema/Ioctls"
import { IP_PKTINFO, SO_RCVBUF, SO_TYPE } from "@effect-winsock/schema/Options"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { law, layerName, loopback, start } from "../../support/rig.ts"
import { bytes, pattern, reason, tag } from "../../support/udp.ts"
import { joined, listener, none, pair, shown, soon, tcp, udp } from "../../support/winsock2.ts"

const dword = (value: number): Uint8Array => {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value, true)
  return out
}

describe("Winsock2: datagrams", () => {
  law("WSASendTo gathers, WSARecvFrom scatters, and the sender is told", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      const sent = yield* Winsock2.WSASendTo(a, {
        buffers: [bytes(1, 2), none, bytes(3, 4, 5)],
        name: yield* Winsock2.getsockname(b)
      })
      assert.strictEqual(sent, 5)
      const got = yield* Winsock2.WSARecvFrom(b, { buffers: [1, 3, 10, 4] })
      assert.deepStrictEqual(
        got.buffers.map((buffer) => [...buffer]),
        [[1], [2, 3, 4], [5], []]
      )
      assert.strictEqual(got.bytes, 5)
      assert.isFalse(got.truncated)
      assert.strictEqual(shown(got.name), shown(yield* Winsock2.getsockname(a)))
    })
  )

  law("connect sets a peer and takes it back; WSASend and WSARecv go by it", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      assert.strictEqual(yield* tag(Winsock2.getpeername(a)), "NotConnected")
      const to = yield* Winsock2.getsockname(b)
      yield* Winsock2.WSAConnect(a, to)
      assert.strictEqual(shown(yield* Winsock2.getpeername(a)), shown(to))
      assert.strictEqual(yield* Winsock2.WSASend(a, { buffers: bytes(7) }), 1)
      assert.deepStrictEqual(joined((yield* Winsock2.WSARecv(b, { buffers: [9] })).buffers), [7])
      yield* Winsock2.connect(a, undefined)
      assert.strictEqual(yield* tag(Winsock2.getpeername(a)), "NotConnected")
    })
  )

  law("WSARecvMsg tells the control messages that were enabled", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      yield* Winsock2.setsockopt(b, IPPROTO_IP, IP_PKTINFO, dword(1))
      const name = yield* Winsock2.getsockname(b)
      for (const overlapped of [true, false]) {
        yield* Winsock2.WSASendMsg(a, { buffers: [bytes(1), bytes(2)], name })
        const got = yield* soon(Winsock2.WSARecvMsg(b, { buffers: [64], control: 128, overlapped }))
        assert.deepStrictEqual(joined(got.buffers), [1, 2])
        assert.strictEqual(shown(got.name), shown(yield* Winsock2.getsockname(a)))
        if (!Array.isArray(got.control)) return assert.fail("control data that cannot be read")
        assert.deepStrictEqual(
          got.control.map(({ _tag }) => _tag),
          ["IP_PKTINFO"]
        )
        assert.isFalse(got.controlTruncated)
      }
    })
  )

  law("lpNumberOfBytes is NULL in an overlapped call, and lpOverlapped in the others", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const name = yield* Winsock2.getsockname(socket)
      yield* Winsock2.connect(socket, name)
      for (const overlapped of [true, false]) {
        recorder.clear()
        const buffers = bytes(1)
        yield* Winsock2.WSASend(socket, { buffers, overlapped })
        yield* Winsock2.WSASendTo(socket, { buffers, name, overlapped })
        yield* Winsock2.WSASendMsg(socket, { buffers, name, overlapped })
        yield* soon(Winsock2.WSARecv(socket, { buffers: [8], overlapped }))
        yield* soon(Winsock2.WSARecvFrom(socket, { buffers: [8], overlapped }))
        yield* soon(Winsock2.WSARecvMsg(socket, { buffers: [8], overlapped }))
        const moving = recorder.calls.filter(({ name }) => /^WSA(Send|Recv)/.test(name))
        assert.isAtLeast(moving.length, 6)
        for (const { args, name } of moving) {
          const count = Object.entries(args).find(([key]) => key.includes("NumberOfBytes"))![1]
          assert.strictEqual(count === 0, overlapped, name)
          assert.strictEqual((args as { readonly lpOverlapped: number }).lpOverlapped !== 0, overlapped, name)
        }
      }
    })
  )

  law("WSASendMsg sends control messages, or what the provider says of them", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      const name = yield* Winsock2.getsockname(b)
      const from = yield* Winsock2.getsockname(a)
      if (from._tag !== "Inet" || from.address._tag !== "InetAddressV4") return assert.fail("another family")
      const control = [{ _tag: "IP_PKTINFO", address: from.address.address, ifIndex: 0 }] as const
      assert.strictEqual(yield* Winsock2.WSASendMsg(a, { buffers: bytes(1), name, control }), 1)
      assert.strictEqual(shown((yield* Winsock2.WSARecvFrom(b, { buffers: [9] })).name), shown(from))
    })
  )

  law("what does not fit is cut, and said to be, in every form", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      const name = yield* Winsock2.getsockname(b)
      const send = Winsock2.WSASendTo(a, { buffers: pattern(100), name })
      for (const overlapped of [true, false]) {
        const options = { buffers: [10, 20], overlapped }
        for (const receive of [
          Winsock2.WSARecv(b, options),
          Winsock2.WSARecvFrom(b, options),
          Winsock2.WSARecvMsg(b, options)
        ]) {
          yield* send
          const got: Winsock2.Received = yield* soon(receive)
          assert.isTrue(got.truncated)
          assert.strictEqual(got.bytes, 30)
          assert.deepStrictEqual(joined(got.buffers), [...pattern(30)])
        }
      }
      // Wine does not set the flag
      if (layerName === "native") return
      yield* send
      assert.strictEqual((yield* Winsock2.WSARecvMsg(b, { buffers: [3] })).flags, MSG_TRUNC)
    })
  )

  law("a receive that waits is ended by the datagram, in the order of calls", ({ statistics }) =>
    Effect.gen(function* () {
      const [a, b] = [yield* udp(), yield* udp()]
      const name = yield* Winsock2.getsockname(b)
      const waiting = yield* Effect.forEach([1, 2, 3], () => start(Winsock2.WSARecvFrom(b, { buffers: [8] })))
      assert.strictEqual((yield* statistics).pending, 3)
      for (const n of [1, 2, 3]) yield* Winsock2.WSASendTo(a, { buffers: bytes(n), name })
      const got = yield* Effect.forEach(waiting, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(
        got.map(({ buffers }) => joined(buffers)),
        [[1], [2], [3]]
      )
    })
  )

  law("not overlapped: WouldBlock, and MSG_PEEK leaves the datagram", () =>
    Effect.gen(function* () {
      const b = yield* udp({ overlapped: false })
      const a = yield* udp({ overlapped: false })
      const refused = yield* reason(Winsock2.WSARecvFrom(b, { buffers: [8] }))
      assert.deepStrictEqual(
        [refused._tag, refused.operation, refused.name],
        ["WouldBlock", "WSARecvFrom", "WSAEWOULDBLOCK"]
      )
      yield* Winsock2.WSASendTo(a, { buffers: bytes(1, 2, 3), name: yield* Winsock2.getsockname(b) })
      const peeked = yield* soon(Winsock2.WSARecvFrom(b, { buffers: [2], flags: MSG_PEEK }))
      assert.isTrue(peeked.truncated)
      assert.deepStrictEqual(joined(peeked.buffers), [1, 2])
      assert.deepStrictEqual(joined((yield* Winsock2.WSARecv(b, { buffers: [8] })).buffers), [1, 2, 3])
      assert.strictEqual(yield* tag(Winsock2.WSARecvMsg(b, { buffers: [8] })), "WouldBlock")
    })
  )
})

describe("Winsock2: streams", () => {
  law("ConnectEx and AcceptEx make a connection, with its first data and both names", () =>
    Effect.gen(function* () {
      const listening = yield* listener
      const name = yield* Winsock2.getsockname(listening)
      const acceptSocket = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
      const accepting = yield* start(Winsock2.AcceptEx(listening, { acceptSocket, receiveDataLength: 16 }))
      const client = yield* tcp()
      assert.strictEqual(yield* Winsock2.ConnectEx(client, { name, data: bytes(1, 2, 3) }), 3)
      const { bytes: first, local, remote } = yield* Fiber.join(accepting)
      assert.deepStrictEqual([...first], [1, 2, 3])
      assert.strictEqual(shown(local), shown(name))
      assert.strictEqual(shown(remote), shown(yield* Winsock2.getsockname(client)))
    })
  )

  law("bytes both ways; a half-close; the end is a receive of none", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      assert.strictEqual(yield* Winsock2.WSASend(client, { buffers: [bytes(1, 2), bytes(3)] }), 3)
      assert.deepStrictEqual(joined((yield* Winsock2.WSARecv(accepted, { buffers: [2, 8] })).buffers), [1, 2, 3])
      yield* Winsock2.shutdown(client, SD_SEND)
      assert.strictEqual((yield* Winsock2.WSARecv(accepted, { buffers: [8] })).bytes, 0)
      yield* Winsock2.WSASendTo(accepted, { buffers: bytes(9) })
      const last = yield* soon(Winsock2.WSARecvFrom(client, { buffers: [8], overlapped: false }))
      assert.deepStrictEqual([joined(last.buffers), last.name], [[9], undefined])
      yield* Winsock2.WSASendDisconnect(accepted)
      assert.strictEqual((yield* Winsock2.WSARecv(client, { buffers: [8] })).bytes, 0)
      assert.strictEqual(yield* tag(Winsock2.WSASend(client, { buffers: bytes(1) })), "Shutdown")
    })
  )

  law("not overlapped: a send says how much it took, and WouldBlock when there is no room", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      const big = new Uint8Array(1_000_000).fill(1)
      let sent = 0
      let full = false
      for (let n = 0; n < 200 && !full; n++) {
        const exit = yield* Effect.exit(Winsock2.WSASend(client, { buffers: big, overlapped: false }))
        if (exit._tag === "Success") sent += exit.value
        else full = (yield* tag(exit)) === "WouldBlock"
      }
      assert.isTrue(full)
      let got = 0
      while (got < sent) got += (yield* Winsock2.WSARecv(accepted, { buffers: [1_000_000] })).bytes
      assert.strictEqual(got, sent)
    })
  )

  law("accept takes a connection that is there, and says WouldBlock when none is", ({ statistics }) =>
    Effect.gen(function* () {
      const listening = yield* listener
      assert.strictEqual(yield* tag(Effect.scoped(Winsock2.accept(listening))), "WouldBlock")
      const client = yield* tcp()
      yield* Winsock2.ConnectEx(client, { name: yield* Winsock2.getsockname(listening) })
      const accepted = yield* soon(Winsock2.accept(listening))
      assert.isTrue(accepted.overlapped)
      assert.notStrictEqual(accepted.generation, listening.generation)
      assert.strictEqual(shown(yield* Winsock2.getpeername(accepted)), shown(yield* Winsock2.getsockname(client)))
      yield* Winsock2.WSASend(client, { buffers: bytes(5) })
      assert.deepStrictEqual(joined((yield* Winsock2.WSARecv(accepted, { buffers: [8] })).buffers), [5])
      assert.strictEqual((yield* statistics).handles.sockets, 3)
    })
  )

  law("connect on a stream begins, and says WouldBlock", () =>
    Effect.gen(function* () {
      const listening = yield* listener
      const client = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, { overlapped: false })
      const name = yield* Winsock2.getsockname(listening)
      assert.strictEqual(yield* tag(Winsock2.connect(client, name)), "WouldBlock")
      const accepted = yield* soon(Winsock2.accept(listening))
      yield* Winsock2.WSASend(accepted, { buffers: bytes(1) })
      assert.strictEqual((yield* soon(Winsock2.WSARecv(client, { buffers: [8] }))).bytes, 1)
    })
  )

  law("DisconnectEx ends a connection; with TF_REUSE_SOCKET the socket is connected again", () =>
    Effect.gen(function* () {
      const { accepted, client } = yield* pair
      yield* Winsock2.DisconnectEx(accepted)
      assert.strictEqual((yield* Winsock2.WSARecv(client, { buffers: [8] })).bytes, 0)
      if (layerName === "native") return
      yield* Winsock2.DisconnectEx(client, { flags: TF_REUSE_SOCKET })
      const listening = yield* listener
      yield* Winsock2.ConnectEx(client, { name: yield* Winsock2.getsockname(listening) })
    })
  )

  law(
    "TransmitFile sends a part of a file, with head and tail",
    ({ path }) =>
      Effect.gen(function* () {
        const { accepted, client } = yield* pair
        const file = yield* Winsock2.CreateFile(path("some.bin"))
        const head = bytes(1, 2)
        const tail = bytes(3)
        const sent = yield* Winsock2.TransmitFile(client, { file, offset: 10, length: 20, head, tail })
        assert.strictEqual(sent, 23)
        const got: Array<number> = []
        while (got.length < 23) got.push(...joined((yield* Winsock2.WSARecv(accepted, { buffers: [64] })).buffers))
        assert.deepStrictEqual(got, [1, 2, ...pattern(100).subarray(10, 30), 3])
        assert.strictEqual(yield* Winsock2.TransmitFile(client, { file, offset: 90 }), 10)
        assert.strictEqual(yield* tag(Winsock2.CreateFile(path("no.bin"))), "FileNotFound")
      }),
    { files: { "some.bin": pattern(100) } }
  )
})

describe("Winsock2: options and ioctls", () => {
  law("getsockopt and setsockopt pass bytes", () =>
    Effect.gen(function* () {
      const socket = yield* udp()
      assert.deepStrictEqual(yield* Winsock2.getsockopt(socket, SOL_SOCKET, SO_TYPE), dword(SOCK_DGRAM))
      yield* Winsock2.setsockopt(socket, SOL_SOCKET, SO_RCVBUF, dword(20_000))
      assert.strictEqual((yield* Winsock2.getsockopt(socket, SOL_SOCKET, SO_RCVBUF)).length, 4)
      assert.strictEqual(yield* tag(Winsock2.getsockopt(socket, SOL_SOCKET, 0x7777)), "NotSupported")
      assert.strictEqual(yield* tag(Winsock2.getsockopt(socket, SOL_SOCKET, SO_RCVBUF, 1)), "Fault")
    })
  )

  law("ioctlsocket says how much there is; WSAIoctl passes bytes", () =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const name = yield* Winsock2.getsockname(socket)
      yield* Winsock2.WSASendTo(socket, { buffers: bytes(1, 2, 3), name })
      for (let n = 0; n < 1000 && (yield* Winsock2.ioctlsocket(socket, FIONREAD)) === 0; n++) yield* Effect.sleep(1)
      assert.isAtLeast(yield* Winsock2.ioctlsocket(socket, FIONREAD), 3)
      assert.strictEqual(yield* Winsock2.ioctlsocket(socket, FIONBIO, 1), 1)
      const stream = yield* tcp()
      const input = [dword(1), dword(10_000), dword(1000)]
      const code = SIO_KEEPALIVE_VALS
      const out = yield* Winsock2.WSAIoctl(stream, { code, input, overlapped: false })
      assert.strictEqual(out.length, 0)
    })
  )

  law("an overlapped WSAIoctl pends, and is ended by its interruption", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* udp()
      const change = Winsock2.WSAIoctl(socket, { code: SIO_ADDRESS_LIST_CHANGE })
      const fiber = yield* start(change)
      assert.strictEqual((yield* statistics).operations.ioctl.submitted, 1)
      assert.strictEqual((yield* statistics).pending, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      const begun = yield* Winsock2.begin("WSAIoctl", socket, { code: SIO_ADDRESS_LIST_CHANGE })
      assert.strictEqual(yield* tag(Winsock2.WSAGetOverlappedResult(begun, false)), "Pending")
      assert.strictEqual(
        yield* tag(Winsock2.WSAIoctl(socket, { code: SIO_ADDRESS_LIST_CHANGE, overlapped: false })),
        "WouldBlock"
      )
    })
  )

  law("a socket is what it was made as, and its bound name is told", () =>
    Effect.gen(function* () {
      const socket = yield* Winsock2.WSASocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)
      const { family, overlapped, protocol, type } = socket
      assert.deepStrictEqual([family, type, protocol, overlapped], [AF_INET, SOCK_DGRAM, IPPROTO_UDP, true])
      assert.strictEqual(yield* tag(Winsock2.getsockname(socket)), "InvalidCall")
      yield* Winsock2.bind(socket, loopback)
      assert.match(shown(yield* Winsock2.getsockname(socket)), /^127\.0\.0\.1:[1-9]/)
      assert.strictEqual(yield* tag(Winsock2.bind(socket, loopback)), "InvalidCall")
    })
  )
})
