import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Guids from "@effect-winsock/schema/Guids"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lab, u32 } from "./support.ts"
import { stream } from "./tcpSupport.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } = Flags

describe("options", () => {
  const v4 = [
    "IP_PKTINFO",
    "IP_RECVTTL",
    "IP_RECVTOS",
    "IP_RECVECN",
    "IP_RECVIF",
    "IP_RECVDSTADDR",
    "IP_ORIGINAL_ARRIVAL_IF",
    "IP_PKTINFO_EX",
    "IP_RECVERR",
    "IP_DONTFRAGMENT",
    "IP_MULTICAST_LOOP"
  ] as const
  for (const name of v4) {
    it.effect(`${name}: on, read back, off`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const s = l.socket()
        for (const value of [1, 0, 5]) {
          assert.strictEqual(l.setOption(s, IPPROTO_IP, Options[name], value), 0)
          assert.strictEqual(l.option(s, IPPROTO_IP, Options[name]), value === 0 ? 0 : 1)
        }
      })
    )
  }

  it.effect("unknown options are WSAENOPROTOOPT: another level, another family, -1", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      for (const [level, name] of [
        [SOL_SOCKET, 0x4444],
        [IPPROTO_IPV6, Options.IPV6_PKTINFO],
        [6, 1],
        [IPPROTO_IP, -1],
        [IPPROTO_UDP, 99]
      ]) {
        assert.isUndefined(l.option(s, level, name))
        assert.strictEqual(l.error, Codes.WSAENOPROTOOPT)
        assert.strictEqual(l.setOption(s, level, name, 1), -1)
        assert.strictEqual(l.error, Codes.WSAENOPROTOOPT)
      }
    })
  )

  it.effect("IP_HDRINCL and IP_GET_IFLIST are WSAEINVAL on UDP; IP_MTU needs a peer", () =>
    Effect.gen(function* () {
      const l = yield* lab({ interfaces: [{ index: 5, name: "Ethernet", addresses: ["192.0.2.1/24"], mtu: 1492 }] })
      const s = l.socket()
      assert.isUndefined(l.option(s, IPPROTO_IP, Options.IP_HDRINCL))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.isUndefined(l.option(s, IPPROTO_IP, Options.IP_GET_IFLIST))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.isUndefined(l.option(s, IPPROTO_IP, Options.IP_MTU))
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      l.connect(s, "192.0.2.9", 5)
      assert.strictEqual(l.option(s, IPPROTO_IP, Options.IP_MTU), 1492)
    })
  )

  it.effect("read-only values: type, error, largest message, buffers, protocol", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_TYPE), Flags.SOCK_DGRAM)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_ERROR), 0)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_MAX_MSG_SIZE), 65_507)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_RCVBUF), 65_536)
      assert.strictEqual(l.setOption(s, SOL_SOCKET, Options.SO_TYPE, 1), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      const info = l.alloc(640)
      info.view.setInt32(632, 628, true)
      const { address } = info
      assert.strictEqual(l.calls.getsockopt(s, SOL_SOCKET, Options.SO_PROTOCOL_INFOW, address, address + 632), 0)
      assert.notStrictEqual(info.view.getUint32(0, true) & Flags.XP1_IFS_HANDLES, 0)
      assert.strictEqual(info.view.getUint32(40, true), 1)
      info.view.setInt32(632, 627, true)
      assert.strictEqual(l.calls.getsockopt(s, SOL_SOCKET, Options.SO_PROTOCOL_INFOW, address, address + 632), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )

  it.effect("out of range is WSAEINVAL, too short WSAEFAULT; a BOOL may be a byte", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      for (const value of [0, 256, -1]) {
        assert.strictEqual(l.setOption(s, IPPROTO_IP, Options.IP_TTL, value), -1)
        assert.strictEqual(l.error, Codes.WSAEINVAL)
      }
      const block = l.alloc(8)
      block.view.setUint8(0, 1)
      assert.strictEqual(l.calls.setsockopt(s, SOL_SOCKET, Options.SO_BROADCAST, block.address, 1), 0)
      assert.strictEqual(l.option(s, SOL_SOCKET, Options.SO_BROADCAST), 1)
      block.view.setInt32(4, 1, true)
      const read = () => l.calls.getsockopt(s, SOL_SOCKET, Options.SO_BROADCAST, block.address, block.address + 4)
      assert.strictEqual(read(), 0)
      assert.strictEqual(block.view.getInt32(4, true), 1)
      assert.strictEqual(l.calls.setsockopt(s, SOL_SOCKET, Options.SO_RCVBUF, block.address, 3), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(l.calls.setsockopt(s, SOL_SOCKET, Options.SO_BROADCAST, 0, 4), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )

  it.effect("hop limits may be bytes, switches of control messages may not, and some are told as bytes only", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket({ v6: true })
      const block = l.alloc(8)
      const told = (level: number, name: number, room: number): number => {
        block.view.setInt32(4, room, true)
        const rc = l.calls.getsockopt(s, level, name, block.address, block.address + 4)
        return rc === 0 ? block.view.getInt32(4, true) : -l.error
      }
      block.view.setUint8(0, 9)
      assert.strictEqual(l.calls.setsockopt(s, IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS, block.address, 1), 0)
      assert.strictEqual(l.option(s, IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS), 9)
      assert.strictEqual(told(IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS, 2), 1)
      assert.strictEqual(l.calls.setsockopt(s, IPPROTO_IPV6, Options.IPV6_PKTINFO, block.address, 1), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(told(IPPROTO_IPV6, Options.IPV6_PKTINFO, 3), -Codes.WSAEFAULT)
      assert.strictEqual(told(IPPROTO_IPV6, Options.IPV6_PKTINFO, 4), 4)
      assert.strictEqual(told(IPPROTO_IPV6, Options.IPV6_V6ONLY, 4), 1)
      const t = stream(l)
      for (const [value, is] of [
        [1, 1],
        [0x100, 0]
      ]) {
        assert.strictEqual(l.setOption(t, Flags.IPPROTO_TCP, Options.TCP_NODELAY, value), 0)
        assert.strictEqual(l.option(t, Flags.IPPROTO_TCP, Options.TCP_NODELAY), is)
      }
      assert.strictEqual(l.option(t, SOL_SOCKET, Options.SO_DONTLINGER), 1)
      block.view.setUint8(0, 0)
      assert.strictEqual(l.calls.setsockopt(t, SOL_SOCKET, Options.SO_DONTLINGER, block.address, 1), 0)
      assert.strictEqual(l.option(t, SOL_SOCKET, Options.SO_DONTLINGER), 0)
      block.view.setInt32(4, 2, true)
      block.view.setUint8(0, 7)
      const { address } = block
      assert.strictEqual(l.calls.getsockopt(t, SOL_SOCKET, Options.SO_DONTLINGER, address, address + 4), 0)
      assert.deepStrictEqual([block.view.getUint8(0), block.view.getInt32(4, true)], [0, 1])
    })
  )
})

describe("ioctls", () => {
  it.effect("FIONREAD counts all queued bytes, through both calls", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      for (const text of ["abc", "defgh"]) l.send(s, text, "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(l.ioctl(s, Ioctls.FIONREAD, [], 4)?.view.getUint32(48, true), 8)
      const argument = l.alloc(4)
      assert.strictEqual(l.calls.ioctlsocket(s, Ioctls.FIONREAD, argument.address), 0)
      assert.strictEqual(argument.view.getUint32(0, true), 8)
      assert.strictEqual(l.calls.ioctlsocket(s, Ioctls.SIO_FLUSH, argument.address), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )

  it.effect("79: a bogus GUID is WSAEINVAL and queues nothing; a good one succeeds at once and queues a packet", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const cp = l.completionPort(s)
      const io = l.alloc(64)
      const overlapped = l.overlapped()
      const ask = () => {
        const { address } = io
        const code = Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER
        return l.calls.WSAIoctl(s, code, address, 16, address + 16, 8, address + 32, overlapped.address, 0)
      }
      assert.strictEqual(ask(), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.deepStrictEqual(l.packets(cp), [])
      io.bytes.set(Guids.toBytes(Guids.WSAID_WSARECVMSG))
      assert.strictEqual(ask(), 0)
      assert.deepStrictEqual(
        l.packets(cp).map((p) => [p.status, p.bytes]),
        [[0, 8]]
      )
      const { address } = io
      const code = Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER
      assert.strictEqual(l.calls.WSAIoctl(s, code, address, 16, address + 16, 8, 0, overlapped.address, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )

  it.effect("an extension that the provider does not have", () =>
    Effect.gen(function* () {
      const l = yield* lab({ absentExtensions: ["WSARecvMsg"] })
      const s = l.socket()
      assert.throws(() => l.extension(s, "WSARecvMsg"), /10022/)
      assert.isFunction(l.extension(s, "WSASendMsg"))
    })
  )

  it.effect("an extension bound to a wrong address cannot be called", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const f = l.seam.bind("WSARecvMsg", 0x1234)
      assert.throws(() => f(l.socket(), 0, 0, 0, 0), /access violation/)
    })
  )

  it.effect("49: an ioctl that nobody knows: WSAEOPNOTSUPP, overlapped it pends first", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const cp = l.completionPort(s)
      assert.isUndefined(l.ioctl(s, Ioctls.SIO_FLUSH, []))
      assert.strictEqual(l.error, Codes.WSAEOPNOTSUPP)
      const overlapped = l.overlapped()
      const bytes = l.alloc(4).address
      assert.strictEqual(l.calls.WSAIoctl(s, Ioctls.SIO_FLUSH, 0, 0, 0, 0, bytes, overlapped.address, 0), -1)
      assert.strictEqual(l.error, Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(cp).map((p) => p.status),
        [NtStatus.STATUS_NOT_SUPPORTED]
      )
    })
  )

  it.effect("SIO_BASE_HANDLE is the socket; SIO_ENABLE_CIRCULAR_QUEUEING succeeds", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.strictEqual(l.ioctl(s, Ioctls.SIO_BASE_HANDLE, [], 8)?.view.getUint32(48, true), s)
      assert.isDefined(l.ioctl(s, Ioctls.SIO_ENABLE_CIRCULAR_QUEUEING, []))
      assert.isUndefined(l.ioctl(s, Ioctls.SIO_BASE_HANDLE, [], 4))
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.isUndefined(l.ioctl(s, Ioctls.SIO_UDP_CONNRESET, [0]))
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )
})

describe("control messages of a receive", () => {
  const loopbackIndex = 1

  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`7, 8, 9, 10, ECN: ${abi}, IPv4: the destination, TTL, TOS, ECN`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi })
        const { port, s } = l.bound("0.0.0.0")
        for (const name of [Options.IP_PKTINFO, Options.IP_RECVTTL, Options.IP_RECVTOS, Options.IP_RECVECN]) {
          l.setOption(s, IPPROTO_IP, name, 1)
        }
        l.send(s, "x", "127.0.0.5", port)
        yield* l.mock.settled
        const message = l.message({ control: 200 })
        assert.strictEqual(l.recvMsg(s, message), 0)
        assert.strictEqual(message.view.Control.len, abi === "x64" ? 96 : 68)
        assert.deepStrictEqual(message.controls, [
          { level: IPPROTO_IP, type: Options.IP_PKTINFO, data: [127, 0, 0, 5, ...u32(loopbackIndex)] },
          { level: IPPROTO_IP, type: Options.IP_TTL, data: u32(128) },
          { level: IPPROTO_IP, type: Options.IP_TOS, data: u32(0) },
          { level: IPPROTO_IP, type: Options.IP_ECN, data: u32(0) }
        ])
      })
    )

    it.effect(`11, 12, 13: ${abi}, IPv6: the destination, hop limit, traffic class`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi })
        const { port, s } = l.bound("::1")
        for (const name of [Options.IPV6_PKTINFO, Options.IPV6_HOPLIMIT, Options.IPV6_RECVTCLASS]) {
          l.setOption(s, IPPROTO_IPV6, name, 1)
        }
        l.send(s, "x", "::1", port)
        yield* l.mock.settled
        const message = l.message({ control: 200 })
        assert.strictEqual(l.recvMsg(s, message), 0)
        assert.deepStrictEqual(message.controls, [
          {
            level: IPPROTO_IPV6,
            type: Options.IPV6_PKTINFO,
            data: [...Array.from({ length: 15 }, () => 0), 1, ...u32(loopbackIndex)]
          },
          { level: IPPROTO_IPV6, type: Options.IPV6_HOPLIMIT, data: u32(128) },
          { level: IPPROTO_IPV6, type: Options.IPV6_TCLASS, data: u32(0) }
        ])
      })
    )
  }

  it.effect("14: an option that is off again gives nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, IPPROTO_IP, Options.IP_PKTINFO, 1)
      l.setOption(s, IPPROTO_IP, Options.IP_RECVTTL, 1)
      l.setOption(s, IPPROTO_IP, Options.IP_PKTINFO, 0)
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message({ control: 200 })
      l.recvMsg(s, message)
      assert.deepStrictEqual(
        message.controls.map((c) => c.type),
        [Options.IP_TTL]
      )
    })
  )

  it.effect("what fits is written, then MSG_CTRUNC", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, IPPROTO_IP, Options.IP_PKTINFO, 1)
      l.setOption(s, IPPROTO_IP, Options.IP_RECVTTL, 1)
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message({ control: 47 })
      assert.strictEqual(l.recvMsg(s, message), Codes.WSAEMSGSIZE)
      assert.strictEqual(message.view.dwFlags, Flags.MSG_CTRUNC)
      assert.deepStrictEqual(
        message.controls.map((c) => c.type),
        [Options.IP_PKTINFO]
      )
    })
  )

  it.effect("a dual-stack socket gets IPPROTO_IP messages with v4 datagrams, IPPROTO_IPV6 ones with v6", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound("::", { dual: true })
      l.setOption(s, IPPROTO_IP, Options.IP_PKTINFO, 1)
      l.setOption(s, IPPROTO_IPV6, Options.IPV6_PKTINFO, 1)
      l.send(l.socket(), "four", "127.0.0.1", port)
      l.send(l.socket({ v6: true }), "six", "::1", port)
      yield* l.mock.settled
      const levels = [0, 1].map(() => {
        const message = l.message({ control: 100 })
        l.recvMsg(s, message)
        return message.controls.map((c) => [c.level, c.data.length])
      })
      assert.deepStrictEqual(levels, [[[IPPROTO_IP, 8]], [[IPPROTO_IPV6, 20]]])
    })
  )

  it.effect("arrival interface, packet info with scope, IP_RECVIF", () =>
    Effect.gen(function* () {
      const l = yield* lab({ interfaces: [{ index: 9, name: "Ethernet", addresses: ["192.0.2.1/24"] }] })
      const { port, s } = l.bound("0.0.0.0")
      for (const name of [Options.IP_ORIGINAL_ARRIVAL_IF, Options.IP_PKTINFO_EX, Options.IP_RECVIF]) {
        l.setOption(s, IPPROTO_IP, name, 1)
      }
      l.send(s, "x", "192.0.2.1", port)
      yield* l.mock.settled
      const message = l.message({ control: 200 })
      l.recvMsg(s, message)
      assert.deepStrictEqual(message.controls, [
        { level: IPPROTO_IP, type: Options.IP_PKTINFO_EX, data: [192, 0, 2, 1, ...u32(9), ...u32(0)] },
        { level: IPPROTO_IP, type: Options.IP_ORIGINAL_ARRIVAL_IF, data: u32(9) },
        { level: IPPROTO_IP, type: Options.IP_RECVIF, data: u32(9) }
      ])
    })
  )

  it.effect("timestamps: SIO_TIMESTAMPING gives SO_TIMESTAMP, a counter that grows", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      assert.isDefined(l.ioctl(s, Ioctls.SIO_TIMESTAMPING, [...u32(Flags.TIMESTAMPING_FLAG_RX), 0, 0, 0, 0]))
      l.send(s, "x", "127.0.0.1", port)
      yield* l.mock.settled
      const message = l.message({ control: 64 })
      l.recvMsg(s, message)
      assert.deepStrictEqual(
        message.controls.map((c) => [c.level, c.type, c.data.length]),
        [[SOL_SOCKET, Options.SO_TIMESTAMP, 8]]
      )
      assert.isUndefined(l.ioctl(s, Ioctls.SIO_TIMESTAMPING, [...u32(4), 0, 0, 0, 0]))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )
})

describe("coalescing", () => {
  it.effect("equal datagrams of one sender become one, a shorter one ends it, up to the size", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const [b, c] = [l.bound(), l.bound()]
      l.setOption(a.s, IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE, 10)
      const send = (from: typeof b, ...texts: ReadonlyArray<string>) => {
        for (const text of texts) l.send(from.s, text, "127.0.0.1", a.port)
      }
      send(b, "aaa", "bbb", "cc", "ddd", "eee", "fff", "ggg")
      send(c, "hhh")
      send(b, "i", "jj")
      yield* l.mock.settled
      const received = []
      for (;;) {
        const message = l.message({ control: 64 })
        if (l.recvMsg(a.s, message) !== 0) break
        received.push([message.text, message.controls.map((m) => [m.level, m.type, m.data[0]])])
      }
      const info = [[IPPROTO_UDP, Options.UDP_COALESCED_INFO, 3]]
      assert.deepStrictEqual(received, [
        ["aaabbbcc", info],
        ["dddeeefff", info],
        ["ggg", []],
        ["hhh", []],
        ["i", []],
        ["jj", []]
      ])
    })
  )

  it.effect("a waiting receive gets what one turn brought together", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const cp = l.completionPort(a.s)
      l.setOption(a.s, IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE, 1000)
      const message = l.message({ control: 64 })
      l.recvMsg(a.s, message, l.overlapped().address)
      for (const text of ["one", "two", "six"]) l.send(a.s, text, "127.0.0.1", a.port)
      yield* l.mock.settled
      assert.strictEqual(message.text, "onetwosix")
      assert.deepStrictEqual(
        l.packets(cp).map((p) => p.bytes),
        [9]
      )
    })
  )
})
