import type { Handle, SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kinds, type Lab, lab } from "./support.ts"

const { IPPROTO_IPV6, SOL_SOCKET } = Flags

describe("the library", () => {
  it.effect("before WSAStartup and after the last WSACleanup: WSANOTINITIALISED", () =>
    Effect.gen(function* () {
      const { calls, memory } = (yield* MockWinsock.make()).seam
      const make = () => calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, 0, 0, 0, 1)
      assert.strictEqual(make(), -1)
      assert.strictEqual(calls.WSAGetLastError(), Codes.WSANOTINITIALISED)
      assert.strictEqual(calls.WSACleanup(), -1)
      const data = memory.alloc(408)
      assert.strictEqual(calls.WSAStartup(0x0202, data.address), 0)
      assert.strictEqual(calls.WSAStartup(0x0202, data.address), 0)
      assert.deepStrictEqual([data.view.getUint16(0, true), data.view.getUint16(2, true)], [0x0202, 0x0202])
      assert.strictEqual(calls.WSACleanup(), 0)
      const s = make()
      assert.isAbove(s, 0)
      calls.closesocket(s)
      assert.strictEqual(calls.WSACleanup(), 0)
      assert.strictEqual(make(), -1)
      memory.free(data)
    })
  )

  it.effect("WSAStartup answers with its code: version 0, no memory, a newer and an older version", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const { calls, memory } = mock.seam
      calls.WSASetLastError(77)
      const data = memory.alloc(408)
      assert.strictEqual(calls.WSAStartup(0x0000, data.address), Codes.WSAVERNOTSUPPORTED)
      assert.strictEqual(calls.WSAStartup(0x0202, 0), Codes.WSAEFAULT)
      assert.strictEqual(calls.WSAGetLastError(), 77)
      calls.WSAStartup(0x0903, data.address)
      assert.strictEqual(data.view.getUint16(0, true), 0x0202)
      calls.WSAStartup(0x0101, data.address)
      assert.strictEqual(data.view.getUint16(0, true), 0x0101)
      calls.WSACleanup()
      calls.WSACleanup()
      memory.free(data)
    })
  )

  it.effect("the last WSACleanup closes what is open, and the guard says so", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { s } = l.bound()
      l.calls.WSACleanup()
      assert.deepStrictEqual((yield* l.mock.counts).handles, 0)
      assert.strictEqual(l.calls.closesocket(s), -1)
      assert.strictEqual(l.error, Codes.WSANOTINITIALISED)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["LeftBehind"])
    })
  )

  it.effect("events: set, reset, wait for any and for all, close", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const [a, b] = [l.event(), l.event()]
      const handles = l.alloc(16)
      handles.view.setUint32(0, a, true)
      handles.view.setUint32(8, b, true)
      const wait = (all: number, timeout = 0) => l.calls.WSAWaitForMultipleEvents(2, handles.address, all, timeout, 0)
      assert.strictEqual(wait(0), Flags.WSA_WAIT_TIMEOUT)
      assert.strictEqual(l.calls.WSASetEvent(b), 1)
      assert.strictEqual(wait(0), 1)
      assert.strictEqual(wait(1), Flags.WSA_WAIT_TIMEOUT)
      l.calls.WSASetEvent(a)
      assert.strictEqual(wait(1), 0)
      l.calls.WSAResetEvent(b)
      assert.strictEqual(wait(0), 0)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), [])
      assert.strictEqual(wait(1, 50), Flags.WSA_WAIT_TIMEOUT)
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
      assert.strictEqual(l.calls.WSAWaitForMultipleEvents(65, handles.address, 0, 0, 0), Flags.WSA_WAIT_FAILED)
      assert.strictEqual(l.error, Codes.WSA_INVALID_PARAMETER)
      l.disown(b)
      assert.strictEqual(l.calls.WSACloseEvent(b), 1)
      assert.strictEqual(wait(0), Flags.WSA_WAIT_FAILED)
      assert.strictEqual(l.error, Codes.WSA_INVALID_HANDLE)
      assert.strictEqual(l.calls.WSASetEvent(b), 0)
      assert.strictEqual(l.error, Codes.WSA_INVALID_HANDLE)
    })
  )

  it.effect("handles are multiples of 4, the lowest free one first, for sockets, ports and events alike", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const handles = [l.socket(), l.completionPort(), l.event(), l.socket()]
      assert.deepStrictEqual(handles, [4, 8, 12, 16])
      l.disown(8)
      l.calls.CloseHandle(8 as Handle)
      l.closesocket(4 as SocketHandle)
      assert.deepStrictEqual([l.event(), l.socket(), l.socket()], [4, 8, 20])
    })
  )

  it.effect("what is not simulated fails as on a system that does not have it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { calls } = l
      const { s } = l.bound()
      const at = l.alloc(64).address
      const refused: ReadonlyArray<readonly [number, number]> = [
        [calls.WSASocketW(Flags.AF_INET, Flags.SOCK_RAW, 300, 0, 0, 1), Codes.WSAEPROTONOSUPPORT],
        [calls.WSASocketW(Flags.AF_UNIX, Flags.SOCK_DGRAM, 0, 0, 0, 1), Codes.WSAESOCKTNOSUPPORT],
        [calls.WSASocketW(99, Flags.SOCK_STREAM, 0, 0, 0, 1), Codes.WSAEAFNOSUPPORT],
        [calls.WSASocketW(Flags.AF_INET, 9, 0, 0, 0, 1), Codes.WSAESOCKTNOSUPPORT],
        [calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, 6, 0, 0, 1), Codes.WSAEPROTONOSUPPORT],
        [calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, 0, 0, 0, 0x1000), Codes.WSAEINVAL],
        [calls.WSASocketW(-1, -1, -1, at, 0, 1), Codes.WSAEOPNOTSUPP],
        [calls.listen(s, 5), Codes.WSAEOPNOTSUPP],
        [calls.accept(s, 0, 0), Codes.WSAEOPNOTSUPP],
        [calls.WSADuplicateSocketW(s, 1, at), Codes.WSAEOPNOTSUPP],
        [calls.CreateFileW(at, 0, 0, 0, 3, 0, 0), Codes.ERROR_FILE_NOT_FOUND]
      ]
      // each call was made in turn above, so the errors are in the trace
      const errors = (yield* l.mock.trace).flatMap((event) =>
        event._tag === "Call" && event.error !== 0 ? [event] : []
      )
      assert.deepStrictEqual(
        errors.map(({ error, result }) => [result, error]),
        refused.map(([, code]) => [-1, code])
      )
      assert.strictEqual(calls.SleepEx(0, 1), 0)
    })
  )

  it.effect("calls with a SOCKET that is none: WSAENOTSOCK; kernel32's: ERROR_INVALID_HANDLE", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const port = l.completionPort() as number as SocketHandle
      for (const s of [-1, 400, 6, port] as Array<SocketHandle>) {
        assert.strictEqual(l.calls.closesocket(s), -1)
        assert.strictEqual(l.error, Codes.WSAENOTSOCK)
        if (s === port) continue
        assert.strictEqual(l.calls.CloseHandle(s), 0)
        assert.strictEqual(l.error, Codes.ERROR_INVALID_HANDLE)
      }
      assert.deepStrictEqual(yield* l.mock.guard, [])
    })
  )
})

describe("binding", () => {
  const code = (l: Lab, s: SocketHandle, ip: string, port: number): number => (l.bind(s, ip, port) === 0 ? 0 : l.error)

  it.effect("81: NULL and short are WSAEFAULT, a foreign address WSAEADDRNOTAVAIL, a second bind WSAEINVAL", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.strictEqual(l.calls.bind(s, 0, 16), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      const at = l.address("127.0.0.1", 0)
      assert.strictEqual(l.calls.bind(s, at.address, 15), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(code(l, s, "192.0.2.1", 0), Codes.WSAEADDRNOTAVAIL)
      assert.strictEqual(code(l, s, "::1", 0), Codes.WSAEAFNOSUPPORT)
      assert.strictEqual(code(l, s, "127.0.0.77", 0), 0)
      assert.strictEqual(code(l, s, "127.0.0.1", 0), Codes.WSAEINVAL)
    })
  )

  it.effect("81: SO_REUSEADDR and SO_EXCLUSIVEADDRUSE exclude each other", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      for (const [first, second] of [
        [Options.SO_REUSEADDR, Options.SO_EXCLUSIVEADDRUSE],
        [Options.SO_EXCLUSIVEADDRUSE, Options.SO_REUSEADDR]
      ]) {
        const s = l.socket()
        assert.strictEqual(l.setOption(s, SOL_SOCKET, first, 1), 0)
        assert.strictEqual(l.setOption(s, SOL_SOCKET, second, 1), -1)
        assert.strictEqual(l.error, Codes.WSAEINVAL)
      }
    })
  )

  const plain = 0
  const reuse = Options.SO_REUSEADDR
  const exclusive = Options.SO_EXCLUSIVEADDRUSE
  const any = "0.0.0.0"
  const one = "127.0.0.1"
  const rules: ReadonlyArray<readonly [first: string, how: number, second: string, how: number, code: number]> = [
    [one, plain, one, plain, Codes.WSAEADDRINUSE],
    [any, plain, any, plain, Codes.WSAEADDRINUSE],
    [any, plain, one, plain, 0],
    [one, plain, any, plain, 0],
    [one, plain, one, reuse, Codes.WSAEACCES],
    [one, reuse, one, reuse, 0],
    [one, reuse, one, plain, Codes.WSAEADDRINUSE],
    [one, exclusive, one, reuse, Codes.WSAEACCES],
    [one, exclusive, one, plain, Codes.WSAEADDRINUSE],
    [any, exclusive, one, plain, Codes.WSAEACCES],
    [any, exclusive, one, reuse, Codes.WSAEACCES],
    [one, reuse, one, exclusive, Codes.WSAEADDRINUSE]
  ]
  const names = new Map([
    [plain, "plain"],
    [reuse, "reuse"],
    [exclusive, "exclusive"]
  ])
  for (const [first, firstHow, second, secondHow, expected] of rules) {
    it.effect(`81: ${second} ${names.get(secondHow)} after ${first} ${names.get(firstHow)}: ${expected}`, () =>
      Effect.gen(function* () {
        const l = yield* lab()
        const [a, b] = [l.socket(), l.socket()]
        if (firstHow !== plain) l.setOption(a, SOL_SOCKET, firstHow, 1)
        if (secondHow !== plain) l.setOption(b, SOL_SOCKET, secondHow, 1)
        assert.strictEqual(code(l, a, first, 5000), 0)
        assert.strictEqual(code(l, b, second, 5000), expected)
      })
    )
  }

  it.effect("a closed socket's port is free; IPv4 and IPv6 ports are apart, except for dual-stack sockets", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const a = l.socket()
      assert.strictEqual(code(l, a, any, 5000), 0)
      assert.strictEqual(code(l, l.socket({ v6: true }), "::", 5000), 0)
      assert.strictEqual(code(l, l.socket({ dual: true }), "::", 5000), Codes.WSAEADDRINUSE)
      l.closesocket(a)
      assert.strictEqual(code(l, l.socket(), any, 5000), 0)
    })
  )

  it.effect("ports of the system's choice are dynamic, all different, and follow the seed", () =>
    Effect.gen(function* () {
      const ports = (seed: number) =>
        Effect.scoped(Effect.map(lab({ seed }), (l) => Array.from({ length: 50 }, () => l.bound().port)))
      const some = yield* ports(7)
      assert.strictEqual(new Set(some).size, 50)
      assert.isTrue(some.every((port) => port >= 49_152 && port <= 65_535))
      assert.deepStrictEqual(yield* ports(7), some)
      assert.notDeepEqual(yield* ports(8), some)
    })
  )

  it.effect("all dynamic ports taken: WSAENOBUFS", () =>
    Effect.gen(function* () {
      const l = yield* lab({ trace: false })
      const at = l.address(any, 0)
      for (let i = 0; i < 16_384; i++) assert.strictEqual(l.calls.bind(l.socket({ blocking: true }), at.address, 16), 0)
      assert.strictEqual(l.calls.bind(l.socket(), at.address, 16), -1)
      assert.strictEqual(l.error, Codes.WSAENOBUFS)
    })
  )

  it.effect("80: IPV6_V6ONLY is 1, and fixed once bound", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket({ v6: true })
      assert.strictEqual(l.option(s, IPPROTO_IPV6, Options.IPV6_V6ONLY), 1)
      l.bind(s, "::1")
      assert.strictEqual(l.setOption(s, IPPROTO_IPV6, Options.IPV6_V6ONLY, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
    })
  )

  it.effect("getsockname and getpeername: unbound, unconnected, no room", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const s = l.socket()
      assert.isUndefined(l.name(s))
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.isUndefined(l.peer(s))
      assert.strictEqual(l.error, Codes.WSAENOTCONN)
      l.bind(s, "127.0.0.1", 5000)
      const room = l.alloc(32)
      room.view.setInt32(16, 15, true)
      assert.strictEqual(l.calls.getsockname(s, room.address, room.address + 16), -1)
      assert.strictEqual(l.error, Codes.WSAEFAULT)
      assert.strictEqual(l.name(s), "127.0.0.1 5000")
    })
  )

  it.effect("the most specific socket gets the datagram: connected, then bound to the address, then wildcard", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const sender = l.bound()
      const [wild, specific, connected] = [l.socket(), l.socket(), l.socket()]
      for (const s of [specific, connected]) l.setOption(s, SOL_SOCKET, Options.SO_REUSEADDR, 1)
      l.bind(wild, any, 5000)
      l.bind(specific, one, 5000)
      l.bind(connected, one, 5000)
      l.connect(connected, one, sender.port)
      l.send(sender.s, "from the peer", one, 5000)
      l.send(l.socket(), "from another", one, 5000)
      l.send(l.socket(), "to another address", "127.0.0.9", 5000)
      yield* l.mock.settled
      assert.deepStrictEqual(
        [connected, specific, wild].map((s) => l.receive(s)),
        ["from the peer", "from another", "to another address"]
      )
    })
  )
})

describe("dual stack", () => {
  it.effect("v4 datagrams arrive from v4-mapped names, and answers go back", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const server = l.bound("::", { dual: true })
      const client = l.bound("127.0.0.1")
      l.send(client.s, "ask", "127.0.0.1", server.port)
      yield* l.mock.settled
      const message = l.message()
      l.recvMsg(server.s, message)
      assert.strictEqual(message.from, `::ffff:127.0.0.1 ${client.port}`)
      assert.strictEqual(message.view.namelen, 28)
      assert.strictEqual(l.send(server.s, "answer", "::ffff:127.0.0.1", client.port), 0)
      yield* l.mock.settled
      assert.strictEqual(l.receive(client.s), "answer")
      const six = l.bound("::1")
      l.send(six.s, "six", "::1", server.port)
      yield* l.mock.settled
      assert.strictEqual(l.receive(server.s), "six")
    })
  )

  it.effect("binds to a v4-mapped address; a v6-only socket does not, and takes no v4 datagram", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const dual = l.socket({ dual: true })
      assert.strictEqual(l.bind(dual, "::ffff:127.0.0.1"), 0)
      const only = l.socket({ v6: true })
      assert.strictEqual(l.bind(only, "::ffff:127.0.0.1"), -1)
      assert.strictEqual(l.error, Codes.WSAEADDRNOTAVAIL)
      l.bind(only, "::", 6000)
      l.send(l.socket(), "x", "127.0.0.1", 6000)
      yield* l.mock.settled
      assert.strictEqual(l.receive(only), Codes.WSAEWOULDBLOCK)
    })
  )
})
