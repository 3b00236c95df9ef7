import { UnixServer, UnixSocket } from "@effect-winsock/core"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { MockWinsock } from "@effect-winsock/mock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import * as E from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { type Lab, lab, u32 } from "./support.ts"
import { receive, send } from "./tcpSupport.ts"
import { assertMissing } from "../support/unix.ts"
import { tag } from "../support/udp.ts"
import { start } from "../support/rig.ts"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

const unix = (l: Lab): SocketHandle => {
  const s = l.calls.WSASocketW(Flags.AF_UNIX, Flags.SOCK_STREAM, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
  l.own(s, (s) => l.calls.closesocket(s))
  l.ioctl(s, Ioctls.FIONBIO, u32(1))
  return s
}

const name = (l: Lab, path: string) => {
  const block = l.alloc(112)
  SockAddr.write(block.view, 0, NetAddress.unixPathAddress(path))
  return block
}

/** The code that a bind fails with, 0 for none. */
const bind = (l: Lab, s: SocketHandle, path: string): number =>
  l.calls.bind(s, name(l, path).address, 110) === 0 ? 0 : l.error

const connect = (l: Lab, s: SocketHandle, path: string): number =>
  l.calls.connect(s, name(l, path).address, 110) === 0 ? 0 : l.error

const listening = (l: Lab, path: string, backlog = 4): SocketHandle => {
  const s = unix(l)
  assert.strictEqual(bind(l, s, path), 0)
  assert.strictEqual(l.calls.listen(s, backlog), 0)
  return s
}

const pathOf = (l: Lab, s: SocketHandle, call: "getsockname" | "getpeername", room = 110): string | number => {
  const block = l.alloc(128)
  block.view.setInt32(120, room, true)
  if (l.calls[call](s, block.address, block.address + 120) !== 0) return l.error
  assert.strictEqual(block.view.getInt32(120, true), 110)
  const read = SockAddr.read(block.view, 0, 110)
  return read._tag === "Unix" ? read.address.path : read._tag
}

const wide = (l: Lab, text: string) => {
  const block = l.alloc(2 * text.length + 2)
  for (let i = 0; i < text.length; i++) block.view.setUint16(2 * i, text.charCodeAt(i), true)
  return block.address
}

describe("AF_UNIX: sockets and names", () => {
  it.effect("there are streams, of no protocol", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const make = (type: number, protocol: number): number => {
        const s = l.calls.WSASocketW(Flags.AF_UNIX, type, protocol, 0, 0, 0)
        if (s === -1) return l.error
        l.calls.closesocket(s)
        return 0
      }
      assert.strictEqual(make(Flags.SOCK_STREAM, 0), 0)
      assert.strictEqual(make(Flags.SOCK_DGRAM, 0), E.WSAESOCKTNOSUPPORT)
      assert.strictEqual(make(Flags.SOCK_STREAM, Flags.IPPROTO_TCP), E.WSAEPROTONOSUPPORT)
    })
  )

  it.effect("a name is bound once, and its file stays until it is deleted", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      yield* l.mock.file("C:\\there", new Uint8Array(1))
      const s = unix(l)
      assert.strictEqual(pathOf(l, s, "getsockname"), E.WSAEINVAL)
      assert.strictEqual(bind(l, s, "C:\\a.sock"), 0)
      assert.strictEqual(pathOf(l, s, "getsockname"), "C:\\a.sock")
      assert.strictEqual(pathOf(l, s, "getsockname", 109), E.WSAEFAULT)
      assert.strictEqual(bind(l, s, "C:\\b.sock"), E.WSAEINVAL)
      assert.strictEqual(bind(l, unix(l), "c:/A.SOCK"), E.WSAEADDRINUSE, "one file by whatever name")
      assert.strictEqual(bind(l, unix(l), "C:\\there"), E.WSAEADDRINUSE)
      const file = l.calls.CreateFileW(wide(l, "C:\\a.sock"), 0x8000_0000, 0, 0, 3, 0, 0)
      assert.deepStrictEqual([file as number, l.error], [-1, 1920])
      l.calls.closesocket(s)
      assert.strictEqual(bind(l, unix(l), "C:\\a.sock"), E.WSAEADDRINUSE)
      assert.strictEqual(l.calls.DeleteFileW(wide(l, "C:\\a.sock")), 1)
      assert.deepStrictEqual([l.calls.DeleteFileW(wide(l, "C:\\a.sock")), l.error], [0, E.ERROR_FILE_NOT_FOUND])
      assert.strictEqual(bind(l, unix(l), "C:\\a.sock"), 0)
    })
  )

  it.effect("what is no name is refused: abstract ones, other families, nothing", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const abstract = l.alloc(112)
      abstract.bytes.set([1, 0, 0, 97, 98])
      const bindTo = (address: number, length: number) => (l.calls.bind(unix(l), address, length) === 0 ? 0 : l.error)
      assert.strictEqual(bindTo(abstract.address, 110), E.WSAEINVAL)
      assert.strictEqual(bindTo(abstract.address, 1), E.WSAEFAULT)
      assert.strictEqual(bindTo(0, 110), E.WSAEFAULT)
      abstract.view.setUint16(0, Flags.AF_INET, true)
      assert.strictEqual(bindTo(abstract.address, 110), E.WSAEAFNOSUPPORT)
      assert.strictEqual(connect(l, unix(l), ""), E.WSAEINVAL)
      // no name, by its family alone or by all of it
      abstract.bytes.fill(0)
      abstract.view.setUint16(0, Flags.AF_UNIX, true)
      assert.strictEqual(bindTo(abstract.address, 2), 0)
      assert.strictEqual(bindTo(abstract.address, 110), 0)
    })
  )

  it.effect("options are those of sockets, not of TCP or IP", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = unix(l)
      const set = (level: number, option: number) =>
        l.calls.setsockopt(s, level, option, l.alloc(4).address, 4) === 0 ? 0 : l.error
      assert.strictEqual(set(Flags.SOL_SOCKET, Options.SO_RCVBUF), 0)
      assert.strictEqual(set(Flags.IPPROTO_TCP, Options.TCP_NODELAY), E.WSAENOPROTOOPT)
      assert.strictEqual(set(Flags.IPPROTO_IP, Options.IP_TTL), E.WSAENOPROTOOPT)
    })
  )
})

describe("AF_UNIX: connections", () => {
  it.effect("connect, accept, both names, the process, bytes and the end", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const listener = listening(l, "C:\\s.sock")
      const client = unix(l)
      assert.strictEqual(connect(l, client, "C:\\s.sock"), E.WSAEWOULDBLOCK)
      yield* l.mock.settled
      const from = l.alloc(128)
      from.view.setInt32(120, 110, true)
      const server = l.calls.accept(listener, from.address, from.address + 120)
      l.own(server, (s) => l.calls.closesocket(s))
      assert.deepStrictEqual(SockAddr.read(from.view, 0, 110), {
        _tag: "Unix",
        address: NetAddress.unixPathAddress("")
      })
      assert.deepStrictEqual(
        [pathOf(l, client, "getsockname"), pathOf(l, client, "getpeername"), pathOf(l, server, "getsockname")],
        ["", "C:\\s.sock", "C:\\s.sock"]
      )
      const out = l.alloc(16)
      const { address } = out
      assert.strictEqual(
        l.calls.WSAIoctl(client, Ioctls.SIO_AF_UNIX_GETPEERPID, 0, 0, address, 4, address + 8, 0, 0),
        0
      )
      assert.isAbove(out.view.getUint32(0, true), 0)
      l.calls.WSAIoctl(listener, Ioctls.SIO_AF_UNIX_GETPEERPID, 0, 0, address, 4, address + 8, 0, 0)
      assert.strictEqual(l.error, E.WSAENOTCONN)
      assert.strictEqual(send(l, client, "hello"), 5)
      yield* l.mock.settled
      assert.strictEqual(receive(l, server), "hello")
      assert.strictEqual(send(l, client, "x", Flags.MSG_OOB), -E.WSAEOPNOTSUPP)
      assert.strictEqual(receive(l, server, 1, Flags.MSG_OOB), E.WSAEOPNOTSUPP)
      const lines = (yield* l.mock.sockets).filter(({ protocol }) => protocol === "UNIX")
      assert.deepStrictEqual(
        lines.map(({ family, local, peer, state }) => [family, state, local, peer]),
        [
          ["Unix", "LISTENING", "C:\\s.sock", undefined],
          ["Unix", "ESTABLISHED", "", "C:\\s.sock"],
          ["Unix", "ESTABLISHED", "C:\\s.sock", ""]
        ]
      )
      const segments = (yield* l.mock.trace).filter(({ _tag }) => _tag === "Segment")
      assert.strictEqual(segments.length, 0, "nothing is on a wire")
      // both ends are over at once: no TIME_WAIT keeps anything
      l.calls.shutdown(client, Flags.SD_SEND)
      l.calls.shutdown(server, Flags.SD_SEND)
      yield* l.mock.settled
      assert.strictEqual(receive(l, server), "")
      assert.deepStrictEqual(
        (yield* l.mock.sockets).filter(({ local }) => local !== undefined).map(({ state }) => state),
        ["LISTENING", "CLOSED", "CLOSED"]
      )
    })
  )

  it.effect("nobody there, a server that is gone, a full backlog: refused at once", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const refused = Effect.fnUntraced(function* (path: string) {
        const s = unix(l)
        assert.strictEqual(connect(l, s, path), E.WSAEWOULDBLOCK)
        yield* l.mock.settled
        return l.option(s, Flags.SOL_SOCKET, Options.SO_ERROR)
      })
      assert.strictEqual(yield* refused("C:\\none"), E.WSAECONNREFUSED)
      const bound = unix(l)
      bind(l, bound, "C:\\bound")
      assert.strictEqual(yield* refused("C:\\bound"), E.WSAECONNREFUSED, "bound, and not listening")
      listening(l, "C:\\full", 1)
      assert.strictEqual(yield* refused("C:\\full"), 0)
      assert.strictEqual(yield* refused("C:\\full"), E.WSAECONNREFUSED)
    })
  )
})

describe("AF_UNIX: a system without it", () => {
  for (const [what, options] of [
    ["before Windows 10 1803", { build: 17_133 }],
    ["as Wine 8", { unixSockets: false }]
  ] as const) {
    it.effect(`${what} it is a typed refusal, and nothing is deleted`, () =>
      Effect.gen(function* () {
        const mock = yield* MockWinsock.MockWinsock
        yield* mock.file("C:\\x", new Uint8Array(1))
        assert.isFalse(yield* UnixSocket.isSupported)
        yield* assertMissing(UnixSocket.connect("C:\\x"))
        yield* assertMissing(UnixServer.listen("C:\\x", { replace: true }))
        const deleted = (yield* mock.trace).filter((event) => event._tag === "Call" && event.name === "DeleteFileW")
        assert.strictEqual(deleted.length, 0)
      }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer(options)))
    )
  }
})

describe("AF_UNIX: UnixSocket in virtual time", () => {
  it.effect("a connect that nobody answers can be given up, and no time passes otherwise", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      assert.strictEqual(yield* tag(UnixSocket.connect("C:\\nobody")), "ConnectionRefused")
      const server = yield* UnixServer.listen("C:\\held")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* mock.hold
          const fiber = yield* start(Effect.timeoutOption(Effect.scoped(UnixSocket.connect(server.address)), "1 hour"))
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
        })
      )
      const client = yield* UnixSocket.connect(server.address)
      assert.strictEqual(client.remoteAddress.path, "C:\\held")
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )
  it.effect("a file is deleted while the process is kept alive, and let go after it", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.MockWinsock
      yield* Effect.scoped(UnixServer.listen("C:\\alive"))
      const waiting = yield* start(Effect.scoped(UnixServer.listen("C:\\alive", { replace: true, keepFile: true })))
      assert.isTrue(yield* mock.keptAlive)
      yield* Fiber.join(waiting)
      yield* mock.settled
      assert.isFalse(yield* mock.keptAlive)
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )
})
