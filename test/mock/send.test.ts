import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kinds, type Lab, lab, u32 } from "./support.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } = Flags

const ethernet = {
  interfaces: [
    { index: 5, name: "Ethernet", addresses: ["192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64"] },
    { index: 6, name: "Wi-Fi", addresses: ["198.51.100.1/24"], mtu: 1400 }
  ]
}

const sendTo = (l: Lab, s: SocketHandle, text: string, to: ReturnType<Lab["address"]> | undefined): number => {
  const message = l.outgoing(text)
  const bytes = l.alloc(4).address
  const { lpBuffers } = message.view
  const rc = l.calls.WSASendTo(s, lpBuffers, 1, bytes, 0, to?.address ?? 0, to?.length ?? 0, 0, 0)
  return rc === 0 ? 0 : l.error
}

describe("sending", () => {
  it.effect("15, 16, 17: a bad socket, no message, no byte count and no OVERLAPPED", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const message = l.outgoing("x").to("127.0.0.1", port)
      const bytes = l.alloc(4).address
      assert.strictEqual(l.calls.WSASendMsg(-1, message.address, 0, bytes, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAENOTSOCK)
      assert.strictEqual(l.calls.WSASendMsg(s, 0, 0, bytes, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(l.calls.WSASendMsg(s, message.address, 0, 0, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
    })
  )

  it.effect("18: success on an unbound socket binds it, and the last error becomes 0", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port } = l.bound()
      const s = l.socket()
      assert.isUndefined(l.name(s))
      l.calls.WSASetLastError(1234)
      assert.strictEqual(l.send(s, "x", "127.0.0.1", port), 0)
      assert.strictEqual(l.error, 0)
      const [ip, chosen] = l.name(s)!.split(" ")
      assert.strictEqual(ip, "0.0.0.0")
      assert.isAtLeast(Number(chosen), 49_152)
    })
  )

  it.effect("19: a failing WSASendMsg with a message binds too; 20: without a message it does not", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port } = l.bound()
      const s = l.socket()
      l.calls.WSASendMsg(s, 0, 0, l.alloc(4).address, 0, 0)
      assert.isUndefined(l.name(s))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.strictEqual(l.calls.WSASendMsg(s, l.outgoing("x").to("127.0.0.1", port).address, 0, 0, 0, 0), -1)
      assert.isAbove(l.portOf(s), 0)
    })
  )

  it.effect("21: two buffers are one datagram", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const message = l.outgoing("one", "", "two").to("127.0.0.1", port)
      const bytes = l.alloc(4)
      assert.strictEqual(l.calls.WSASendMsg(s, message.address, 0, bytes.address, 0, 0), 0)
      assert.strictEqual(bytes.view.getUint32(0, true), 6)
      yield* l.mock.settled
      assert.strictEqual(l.receive(s), "onetwo")
    })
  )

  it.effect("23: WSASendTo sends, and binds", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.bound()
      const s = l.socket()
      assert.strictEqual(sendTo(l, s, "to", l.address("127.0.0.1", a.port)), 0)
      yield* l.mock.settled
      assert.strictEqual(l.receive(a.s), "to")
      assert.isAbove(l.portOf(s), 0)
    })
  )

  it.effect("24: a connected socket keeps sending to a dead port", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      l.connect(s, "127.0.0.1", 9)
      for (let i = 0; i < 10; i++) {
        assert.strictEqual(l.sendMsg(s, l.outgoing("x")), 0)
        yield* l.mock.settled
      }
    })
  )

  it.effect("25: port 0 is a destination like another", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      assert.strictEqual(l.send(l.socket(), "x", "127.0.0.1", 0), 0)
      assert.strictEqual(l.send(l.socket({ v6: true }), "x", "::1", 0), 0)
      yield* l.mock.settled
    })
  )

  it.effect("27: without a destination WSAENOTCONN; with one of another family WSAEAFNOSUPPORT", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.strictEqual(l.sendMsg(s, l.outgoing("x")), Codes.WSAENOTCONN)
      assert.strictEqual(sendTo(l, s, "x", undefined), Codes.WSAENOTCONN)
      assert.strictEqual(l.send(s, "x", "::1", 5), Codes.WSAEAFNOSUPPORT)
    })
  )

  it.effect("28: connect can be repeated, filters the sender, and AF_UNSPEC undoes it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.socket()
      const b = l.bound()
      const c = l.bound()
      assert.strictEqual(l.connect(a, "127.0.0.1", b.port), 0)
      assert.strictEqual(l.connect(a, "127.0.0.1", c.port), 0)
      assert.strictEqual(l.peer(a), `127.0.0.1 ${c.port}`)
      assert.isTrue(l.name(a)!.startsWith("127.0.0.1 "))
      const port = l.portOf(a)
      l.sendMsg(a, l.outgoing("to c"))
      l.send(b.s, "from b", "127.0.0.1", port)
      l.send(c.s, "from c", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(l.receive(c.s), "to c")
      assert.deepStrictEqual([l.receive(a), l.receive(a)], ["from c", Codes.WSAEWOULDBLOCK])
      const unspecified = l.alloc(16)
      assert.strictEqual(l.calls.connect(a, unspecified.address, 16), 0)
      assert.isUndefined(l.peer(a))
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      l.send(b.s, "from b", "127.0.0.1", port)
      yield* l.mock.settled
      assert.strictEqual(l.receive(a), "from b")
    })
  )

  it.effect("29: a broadcast needs SO_BROADCAST", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const a = l.bound("0.0.0.0")
      const s = l.socket()
      for (const ip of ["255.255.255.255", "192.0.2.255"]) {
        assert.strictEqual(l.send(s, "x", ip, a.port), Codes.WSAEACCES)
      }
      assert.strictEqual(l.connect(s, "192.0.2.255", a.port), -1)
      assert.strictEqual(l.error, Codes.WSAEACCES)
      l.setOption(s, SOL_SOCKET, Options.SO_BROADCAST, 1)
      assert.strictEqual(l.send(s, "all", "192.0.2.255", a.port), 0)
      yield* l.mock.settled
      const message = l.message()
      assert.strictEqual(l.recvMsg(a.s, message), 0)
      assert.strictEqual(message.text, "all")
      assert.strictEqual(message.view.dwFlags, Flags.MSG_BCAST)
    })
  )

  for (const [ip, most] of [
    ["127.0.0.1", 65_507],
    ["::1", 65_527]
  ] as const) {
    it.effect(`${ip}: ${most} bytes go, one more is WSAEMSGSIZE`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const { port, s } = l.bound(ip)
        assert.strictEqual(l.send(s, "x".repeat(most + 1), ip, port), Codes.WSAEMSGSIZE)
        assert.strictEqual(l.send(s, "x".repeat(most), ip, port), 0)
        yield* l.mock.settled
        const message = l.message({ sizes: [70_000] })
        assert.strictEqual(l.recvMsg(s, message), 0)
        assert.strictEqual(message.text.length, most)
      })
    )
  }

  it.effect("a datagram that must stay whole and is larger than the interface takes is WSAEMSGSIZE", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const s = l.socket()
      l.setOption(s, IPPROTO_IP, Options.IP_DONTFRAGMENT, 1)
      assert.strictEqual(l.send(s, "x".repeat(1372), "198.51.100.9", 5), 0)
      assert.strictEqual(l.send(s, "x".repeat(1373), "198.51.100.9", 5), Codes.WSAEMSGSIZE)
      l.setOption(s, IPPROTO_IP, Options.IP_DONTFRAGMENT, 0)
      assert.strictEqual(l.send(s, "x".repeat(1373), "198.51.100.9", 5), 0)
      assert.strictEqual(l.setOption(s, IPPROTO_IP, Options.IP_MTU_DISCOVER, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      l.setOption(s, IPPROTO_IP, Options.IP_MTU_DISCOVER, 1)
      assert.strictEqual(l.send(s, "x".repeat(1373), "198.51.100.9", 5), Codes.WSAEMSGSIZE)
    })
  )

  it.effect("a network of another family, or none, is WSAENETUNREACH", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      assert.strictEqual(l.send(l.socket(), "x", "203.0.113.1", 5), Codes.WSAENETUNREACH)
      assert.strictEqual(l.send(l.socket({ v6: true }), "x", "::ffff:127.0.0.1", 5), Codes.WSAENETUNREACH)
    })
  )

  it.effect("an immediate send completes with a packet; its buffer is free at once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const cp = l.completionPort(s)
      const overlapped = l.overlapped()
      const message = l.outgoing("mine").to("127.0.0.1", port)
      assert.strictEqual(l.sendMsg(s, message, overlapped.address), 0)
      message.block.bytes.fill(0x7a)
      assert.deepStrictEqual(l.packets(cp), [{ key: s, overlapped: overlapped.address, status: 0, bytes: 4 }])
      yield* l.mock.settled
      assert.strictEqual(l.receive(s), "mine")
    })
  )
})

describe("the send buffer", () => {
  const full = Effect.gen(function* () {
    const l = yield* lab()
    const { port, s } = l.bound()
    l.setOption(s, SOL_SOCKET, Options.SO_SNDBUF, 10)
    return { cp: l.completionPort(s), l, port, s }
  })

  it.effect("what does not fit pends until the network took what is before it, in order", () =>
    Effect.gen(function* () {
      const { cp, l, port, s } = yield* full
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.hold
          const overlapped = [0, 1, 2].map(() => l.overlapped())
          const codes = overlapped.map((o, i) =>
            l.sendMsg(s, l.outgoing(`message${i}`).to("127.0.0.1", port), o.address)
          )
          assert.deepStrictEqual(codes, [0, Codes.WSA_IO_PENDING, Codes.WSA_IO_PENDING])
          assert.strictEqual(l.send(s, "x", "127.0.0.1", port), Codes.WSAEWOULDBLOCK)
          yield* l.mock.settled
          assert.strictEqual(l.packets(cp).length, 1)
          const [info] = yield* l.mock.sockets
          assert.deepStrictEqual([info.pendingSends, info.sendBuffered], [2, 8])
        })
      )
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(cp).map((p) => p.bytes),
        [8, 8]
      )
      assert.deepStrictEqual([l.receive(s), l.receive(s), l.receive(s)], ["message0", "message1", "message2"])
    })
  )

  it.effect("an empty buffer takes a datagram larger than itself", () =>
    Effect.gen(function* () {
      const { l, port, s } = yield* full
      assert.strictEqual(l.send(s, "x".repeat(100), "127.0.0.1", port), 0)
      yield* l.mock.settled
    })
  )

  it.effect("a pending send can be cancelled, and then was not sent", () =>
    Effect.gen(function* () {
      const { cp, l, port, s } = yield* full
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.hold
          const overlapped = [0, 1, 2].map(() => l.overlapped())
          overlapped.forEach((o, i) => l.sendMsg(s, l.outgoing(`message${i}`).to("127.0.0.1", port), o.address))
          assert.strictEqual(l.calls.CancelIoEx(s, overlapped[1].address), 1)
          assert.deepStrictEqual(
            l.packets(cp).map((p) => p.status),
            [0, NtStatus.STATUS_CANCELLED]
          )
        })
      )
      yield* l.mock.settled
      l.packets(cp)
      assert.deepStrictEqual([l.receive(s), l.receive(s), l.receive(s)], ["message0", "message2", Codes.WSAEWOULDBLOCK])
    })
  )

  it.effect("closing ends pending sends", () =>
    Effect.gen(function* () {
      const { cp, l, port, s } = yield* full
      yield* l.mock.hold
      l.sendMsg(s, l.outgoing("12345678").to("127.0.0.1", port), l.overlapped().address)
      l.sendMsg(s, l.outgoing("12345678").to("127.0.0.1", port), l.overlapped().address)
      l.closesocket(s)
      assert.deepStrictEqual(
        l.packets(cp).map((p) => p.status),
        [0, NtStatus.STATUS_CANCELLED]
      )
    })
  )

  it.effect("SO_SNDBUF 0: an overlapped send lasts until the network has it", () =>
    Effect.gen(function* () {
      const { cp, l, port, s } = yield* full
      l.setOption(s, SOL_SOCKET, Options.SO_SNDBUF, 0)
      const overlapped = l.overlapped()
      const code = l.sendMsg(s, l.outgoing("zero").to("127.0.0.1", port), overlapped.address)
      assert.strictEqual(code, Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual(
        l.packets(cp).map((p) => [p.status, p.bytes]),
        [[0, 4]]
      )
      assert.strictEqual(l.receive(s), "zero")
    })
  )

  it.effect("a blocking send that does not fit would block", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { port, s } = l.bound("127.0.0.1", { blocking: true })
      l.setOption(s, SOL_SOCKET, Options.SO_SNDBUF, 4)
      assert.strictEqual(l.send(s, "1234", "127.0.0.1", port), 0)
      assert.strictEqual(l.send(s, "5678", "127.0.0.1", port), Codes.WSAEINTR)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
      yield* l.mock.settled
    })
  )
})

describe("control data of a send", () => {
  const arrived = (l: Lab, s: SocketHandle) => {
    const message = l.message({ control: 256 })
    assert.strictEqual(l.recvMsg(s, message), 0)
    return message
  }

  const cases: ReadonlyArray<
    readonly [
      name: string,
      ip: string,
      level: number,
      type: number,
      good: number,
      bad: number,
      option: number,
      arrives: number
    ]
  > = [
    ["IP_TTL", "127.0.0.1", IPPROTO_IP, Options.IP_TTL, 9, 256, Options.IP_RECVTTL, Options.IP_TTL],
    ["IP_HOPLIMIT", "127.0.0.1", IPPROTO_IP, Options.IP_HOPLIMIT, 9, 0, Options.IP_RECVTTL, Options.IP_TTL],
    ["IP_TOS", "127.0.0.1", IPPROTO_IP, Options.IP_TOS, 0xb8, 256, Options.IP_RECVTOS, Options.IP_TOS],
    ["IP_ECN", "127.0.0.1", IPPROTO_IP, Options.IP_ECN, 2, 3, Options.IP_RECVECN, Options.IP_ECN],
    ["IPV6_HOPLIMIT", "::1", IPPROTO_IPV6, Options.IPV6_HOPLIMIT, 9, -1, Options.IPV6_HOPLIMIT, Options.IPV6_HOPLIMIT],
    ["IPV6_TCLASS", "::1", IPPROTO_IPV6, Options.IPV6_TCLASS, 0x21, 300, Options.IPV6_RECVTCLASS, Options.IPV6_TCLASS],
    ["IPV6_ECN", "::1", IPPROTO_IPV6, Options.IPV6_ECN, 1, 3, Options.IPV6_RECVECN, Options.IPV6_ECN]
  ]

  for (const abi of ["x64", "ia32"] as const) {
    for (const [name, ip, level, type, good, bad, option, arrives] of cases) {
      it.effect(`${abi}: ${name} ${good} arrives, ${bad} is WSAEINVAL`, () =>
        Effect.gen(function* () {
          const l = yield* lab({ abi })
          const { port, s } = l.bound(ip)
          l.setOption(s, level, option, 1)
          const message = l.outgoing("x").to(ip, port)
          message.controls = [{ level, type, data: u32(good) }]
          assert.strictEqual(l.sendMsg(s, message), 0)
          yield* l.mock.settled
          assert.deepStrictEqual(arrived(l, s).controls, [{ level, type: arrives, data: u32(good) }])
          message.controls = [{ level, type, data: u32(bad) }]
          assert.strictEqual(l.sendMsg(s, message), Codes.WSAEINVAL)
        })
      )
    }
  }

  it.effect("ECN and traffic class share the byte", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      l.setOption(s, IPPROTO_IP, Options.IP_RECVTOS, 1)
      const message = l.outgoing("x").to("127.0.0.1", port)
      message.controls = [
        { level: IPPROTO_IP, type: Options.IP_TOS, data: u32(0xb8) },
        { level: IPPROTO_IP, type: Options.IP_ECN, data: u32(2) }
      ]
      l.sendMsg(s, message)
      yield* l.mock.settled
      assert.deepStrictEqual(arrived(l, s).controls[0].data, u32(0xba))
    })
  )

  it.effect("IP_PKTINFO selects the source; an address or interface that is not there is WSAEINVAL", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const a = l.bound("192.0.2.1")
      const s = l.socket()
      const send = (ip: ReadonlyArray<number>, index: number) => {
        const message = l.outgoing("x").to("192.0.2.1", a.port)
        message.controls = [{ level: IPPROTO_IP, type: Options.IP_PKTINFO, data: [...ip, ...u32(index)] }]
        return l.sendMsg(s, message)
      }
      for (const [ip, index] of [
        [[192, 0, 2, 2], 0],
        [[192, 0, 2, 2], 5],
        [[198, 51, 100, 1], 6]
      ] as const) {
        assert.strictEqual(send(ip, index), 0)
        yield* l.mock.settled
        assert.isTrue(arrived(l, a.s).from.startsWith(`${ip.join(".")} `))
      }
      assert.strictEqual(send([192, 0, 2, 77], 0), Codes.WSAEINVAL)
      assert.strictEqual(send([192, 0, 2, 2], 6), Codes.WSAEINVAL)
      assert.strictEqual(send([192, 0, 2, 2], 99), Codes.WSAEINVAL)
    })
  )

  it.effect("IP_UNICAST_IF, in network byte order, chooses the interface", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const a = l.bound("192.0.2.1")
      const s = l.socket()
      l.setOption(s, IPPROTO_IP, Options.IP_UNICAST_IF, 6 << 24)
      assert.strictEqual(l.send(s, "x", "203.0.113.1", 5), 0)
      const sent = (yield* l.mock.trace).find((event) => event._tag === "Sent")
      assert.isTrue(sent?.from.startsWith("198.51.100.1:"))
      yield* l.mock.settled
      assert.strictEqual(l.receive(a.s), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("a link-local destination leaves by its scope, and arrives with the receiver's", () =>
    Effect.gen(function* () {
      const l = yield* lab({
        interfaces: [
          { index: 5, name: "Ethernet", addresses: ["fe80::5/64"] },
          { index: 6, name: "Wi-Fi", addresses: ["fe80::6/64"] }
        ]
      })
      const a = l.bound("fe80::6")
      const message = l.outgoing("x").to("fe80::6", a.port)
      message.block.view.setUint32(message.nameAt + 24, 6, true)
      assert.strictEqual(l.sendMsg(l.socket({ v6: true }), message), 0)
      yield* l.mock.settled
      const received = arrived(l, a.s)
      assert.isTrue(received.from.startsWith("fe80::6 "))
      assert.strictEqual(received.block.view.getUint32(received.nameAt + 24, true), 6)
    })
  )

  it.effect("IP_PKTINFO with an interface and no address sends from 0.0.0.0", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const a = l.bound("192.0.2.1")
      const message = l.outgoing("x").to("192.0.2.1", a.port)
      message.controls = [{ level: IPPROTO_IP, type: Options.IP_PKTINFO, data: [0, 0, 0, 0, ...u32(5)] }]
      assert.strictEqual(l.sendMsg(l.socket(), message), 0)
      yield* l.mock.settled
      assert.isTrue(arrived(l, a.s).from.startsWith("0.0.0.0 "))
    })
  )

  it.effect("IPV6_PKTINFO selects the source", () =>
    Effect.gen(function* () {
      const l = yield* lab(ethernet)
      const a = l.bound("::1")
      const message = l.outgoing("x").to("::1", a.port)
      const ip = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
      message.controls = [{ level: IPPROTO_IPV6, type: Options.IPV6_PKTINFO, data: [...ip, ...u32(0)] }]
      assert.strictEqual(l.sendMsg(l.socket({ v6: true }), message), 0)
      yield* l.mock.settled
      assert.isTrue(arrived(l, a.s).from.startsWith("2001:db8::1 "))
    })
  )

  it.effect("UDP_SEND_MSG_SIZE splits, as control data and as option", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const message = l.outgoing("abcdefgh").to("127.0.0.1", port)
      message.controls = [{ level: IPPROTO_UDP, type: Options.UDP_SEND_MSG_SIZE, data: u32(3) }]
      assert.strictEqual(l.sendMsg(s, message), 0)
      yield* l.mock.settled
      assert.deepStrictEqual([l.receive(s), l.receive(s), l.receive(s)], ["abc", "def", "gh"])
      l.setOption(s, IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 4)
      l.send(s, "abcdefgh", "127.0.0.1", port)
      yield* l.mock.settled
      assert.deepStrictEqual([l.receive(s), l.receive(s)], ["abcd", "efgh"])
    })
  )

  it.effect("the wrong family, an unknown type, a wrong size and broken headers are WSAEINVAL", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { port, s } = l.bound()
      const message = l.outgoing("x").to("127.0.0.1", port)
      const code = () => l.sendMsg(s, message)
      message.controls = [{ level: IPPROTO_IPV6, type: Options.IPV6_HOPLIMIT, data: u32(5) }]
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.controls = [{ level: IPPROTO_IP, type: 777, data: u32(5) }]
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.controls = [{ level: IPPROTO_IP, type: Options.IP_TTL, data: [1, 2] }]
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.controls = [{ level: IPPROTO_IP, type: Options.IP_TTL, data: u32(5) }]
      message.view.Control.len += 8
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.view.Control.len = 20
      message.block.view.setUint32(message.controlAt, 21, true)
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.block.view.setUint32(message.controlAt, 0, true)
      assert.strictEqual(code(), Codes.WSAEINVAL)
      message.view.Control.buf = 0
      assert.strictEqual(code(), Codes.WSAEFAULT)
    })
  )
})
