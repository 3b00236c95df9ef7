import { TcpSocket } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { assert, describe } from "@effect/vitest"
import { IPPROTO_IPV6, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { SIO_TCP_INITIAL_RTO } from "@effect-winsock/schema/Ioctls"
import { SO_REUSE_UNICASTPORT, SO_UPDATE_CONNECT_CONTEXT } from "@effect-winsock/schema/Options"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import { interruptSoon, law, random, start } from "../../support/rig.ts"
import { inScope, isReset, listen, nowhere, pair, settledAt, text, utf8 } from "../../support/tcp.ts"
import { at, reason, refuses, tag } from "../../support/udp.ts"

const anyCall = ["WSASocketW", "setsockopt", "WSAIoctl", "bind", "ConnectEx"] as const

describe("TcpSocket.connect: options are checked before any call", () => {
  const unsound: ReadonlyArray<readonly [keyof TcpSocket.ConnectOptions, ReadonlyArray<unknown>]> = [
    ["chunkSize", [0, 1_048_577, 1.5, "1", null]],
    ["sendQueue", [-1, 2 ** 30 + 1, null]],
    ["sendBuffer", [-1, 2 ** 30 + 1, null]],
    ["receiveBuffer", [-1, "0", null]],
    ["noDelay", [1, "true", null]],
    ["urgentInline", [0, null]],
    ["keepAlive", ["on", 1, null]],
    ["closeTimeout", [-1, Number.NaN, "Infinity", 2 ** 31, "soon", null]],
    ["linger", [-1, Number.NaN, null]],
    ["cancel", ["socket", null]],
    ["local", ["127.0.0.1", 0, null]],
    ["reuseUnicastPort", [1, null]],
    ["firstBytes", ["text", [1], null, new Uint8Array(1_048_577)]],
    ["attemptDelay", [9, "Infinity", null]],
    ["initialRto", [1, null]]
  ]
  for (const [option, values] of unsound) {
    law(`${option}: the error names the option and the value`, ({ recorder }) =>
      Effect.gen(function* () {
        for (const value of values) {
          yield* refuses(TcpSocket.connect(at("127.0.0.1", 9), { [option]: value }), option, value)
        }
        for (const name of anyCall) assert.strictEqual(recorder.count(name), 0)
      })
    )
  }

  law("what is within a record of options", () =>
    Effect.gen(function* () {
      const refused = (options: unknown, option: string, value: unknown) =>
        refuses(TcpSocket.connect(at("127.0.0.1", 9), options as TcpSocket.ConnectOptions), option, value)
      yield* refused(null, "options", null)
      yield* refused({ keepAlive: { time: 0, interval: 1 } }, "keepAlive.time", 0)
      yield* refused({ keepAlive: { time: 1, interval: 2 ** 32 } }, "keepAlive.interval", 2 ** 32)
      yield* refused({ initialRto: { rtt: 0 } }, "initialRto.rtt", 0)
      yield* refused({ initialRto: { rtt: 65_535 } }, "initialRto.rtt", 65_535)
      yield* refused({ initialRto: { retransmissions: 254 } }, "initialRto.retransmissions", 254)
    })
  )

  law("what is no destination, and a local address that none of them is of the family of", ({ recorder }) =>
    Effect.gen(function* () {
      const to = (address: unknown, options?: TcpSocket.ConnectOptions) =>
        TcpSocket.connect(address as NetAddress.InetAddress, options)
      for (const value of ["127.0.0.1", undefined, null, 80]) yield* refuses(to(value), "to", value)
      const none: ReadonlyArray<unknown> = []
      yield* refuses(to(none), "to", none)
      yield* refuses(to([at("127.0.0.1", 9), "x"]), "to", "x")
      const local = at("::1")
      yield* refuses(to([at("127.0.0.1", 9), at("::ffff:127.0.0.1", 9)], { local }), "local", local)
      for (const name of anyCall) assert.strictEqual(recorder.count(name), 0)
    })
  )
})

describe("TcpSocket.connect: one address", () => {
  law("a closed port refuses, and nothing is left", ({ statistics }) =>
    Effect.gen(function* () {
      const to = yield* nowhere
      const before = (yield* statistics).cancels
      const refused = yield* reason(TcpSocket.connect(to))
      assert.deepStrictEqual([refused._tag, refused.operation], ["ConnectionRefused", "ConnectEx"])
      const { cancels, handles, operations } = yield* statistics
      assert.deepStrictEqual([handles.sockets, operations.connect.failed, cancels - before], [0, 1, 0])
    })
  )

  law("first bytes go along, as they were when it began", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const bytes = utf8("hello")
      // the second address is tried when the program has done with its bytes
      const to = [yield* nowhere, server.address] as const
      const fiber = yield* start(TcpSocket.connect(to, { firstBytes: bytes }))
      bytes.fill(0)
      yield* Fiber.join(fiber)
      assert.strictEqual(text(yield* (yield* server.accept).receiveExactly(5)), "hello")
      const client = yield* TcpSocket.connect(server.address, { firstBytes: [utf8("hello"), utf8(", you")] })
      yield* client.send(utf8("!"))
      assert.strictEqual(text(yield* (yield* server.accept).receiveExactly(11)), "hello, you!")
    })
  )

  law("it comes from the local address that is wished", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const { client } = yield* pair(server, { local: at("127.0.0.1") })
      assert.strictEqual(NetAddress.formatIp(client.localAddress.address), "127.0.0.1")
      assert.notStrictEqual(client.localAddress.port, 0)
      assert.deepStrictEqual(client.remoteAddress, server.address)
      assert.strictEqual(
        yield* tag(TcpSocket.connect(server.address, { local: at("203.0.113.9") })),
        "AddressNotAvailable"
      )
    })
  )

  law("a v4-mapped address is reached as what it is", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const client = yield* TcpSocket.connect(at("::ffff:127.0.0.1", server.address.port))
      assert.deepStrictEqual(client.remoteAddress, server.address)
      assert.strictEqual(
        recorder.count("setsockopt", ({ args }) => args.level === IPPROTO_IPV6),
        0
      )
    })
  )

  law("the end of the scope ends the connection, and the peer is told", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      const { close, value: client } = yield* inScope(TcpSocket.connect(server.address))
      const accepted = yield* server.accept
      yield* close
      assert.strictEqual(yield* tag(accepted.receive), "EndOfStream")
      assert.strictEqual(yield* tag(client.receive), "SocketClosed")
      yield* settledAt(statistics, 3)
    })
  )

  /** Fails at each call that a connect makes, in its order. */
  const failures = [
    ["WSASocketW", WsaError.WSAEMFILE, "TooManySockets"],
    ["ioctlsocket", WsaError.WSAENETDOWN, "NetworkDown"],
    ["bind", WsaError.WSAEADDRINUSE, "AddressInUse"],
    ["CreateIoCompletionPort", WsaError.WSA_NOT_ENOUGH_MEMORY, "OutOfMemory"],
    ["ConnectEx", WsaError.WSAENETUNREACH, "NetworkUnreachable"],
    ["ConnectEx", WsaError.WSAEHOSTUNREACH, "HostUnreachable"],
    ["getsockname", WsaError.WSAENOBUFS, "NoBufferSpace"]
  ] as const
  for (const [call, code, expected] of failures) {
    law(`${call} fails with ${code}: ${expected}, and no socket is left`, ({ failing, recorder, statistics }) =>
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 1 })
        yield* settledAt(statistics, 2)
        failing.add({ call, code, nth: 1 } as never)
        const refused = yield* reason(TcpSocket.connect(server.address))
        assert.deepStrictEqual([refused._tag, refused.operation, refused.code], [expected, call, code])
        failing.clear()
        assert.strictEqual(recorder.count("CancelIoEx"), 0)
        // the server may have got a connection of it
        yield* Effect.exit(Effect.timeoutOption(server.accept, "50 millis"))
        yield* settledAt(statistics, (yield* statistics).handles.sockets)
      })
    )
  }

  law("a connection whose context cannot be set is no connection", ({ failing }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      failing.add({
        call: "setsockopt",
        code: WsaError.WSAENOBUFS,
        when: ({ optname }) => optname === SO_UPDATE_CONNECT_CONTEXT
      })
      assert.strictEqual(yield* tag(TcpSocket.connect(server.address)), "NoBufferSpace")
    })
  )

  law("a shared local port where the system knows it", ({ failing, recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const asked = () => recorder.count("setsockopt", ({ args }) => args.optname === SO_REUSE_UNICASTPORT)
      yield* TcpSocket.connect(server.address)
      assert.strictEqual(asked(), 0)
      failing.add({
        call: "setsockopt",
        code: WsaError.WSAENOPROTOOPT,
        when: ({ level, optname }) => level === SOL_SOCKET && optname === SO_REUSE_UNICASTPORT
      })
      yield* TcpSocket.connect(server.address, { reuseUnicastPort: true })
      assert.strictEqual(asked(), 1)
    })
  )
})

describe("TcpSocket.connect: how a SYN is repeated", () => {
  // what is passed to SIO_TCP_INITIAL_RTO: Rtt and MaxSynRetransmissions
  const wishes: Array<readonly [number, number]> = []
  const listening = (seam: Seam): Seam => {
    const blocks = new Set<ReturnType<Seam["memory"]["alloc"]>>()
    return {
      ...seam,
      memory: {
        ...seam.memory,
        alloc: (size) => {
          const block = seam.memory.alloc(size)
          blocks.add(block)
          return block
        },
        free: (block) => {
          blocks.delete(block)
          seam.memory.free(block)
        }
      },
      calls: {
        ...seam.calls,
        WSAIoctl: (...args) => {
          const [, code, input] = args
          const block = [...blocks].find(({ address, size }) => input >= address && input < address + size)
          if (code === SIO_TCP_INITIAL_RTO && block !== undefined) {
            const { view } = block
            wishes.push([view.getUint16(input - block.address, true), view.getUint8(input - block.address + 2)])
          }
          return seam.calls.WSAIoctl(...args)
        }
      }
    }
  }
  law(
    "on loopback not at all, unless it is wished",
    () =>
      Effect.gen(function* () {
        const to = yield* nowhere
        wishes.length = 0
        for (const initialRto of [
          undefined,
          { rtt: "300 millis" },
          { retransmissions: 0 },
          { rtt: 20, retransmissions: 1 }
        ] as const) {
          yield* Effect.exit(TcpSocket.connect(to, { initialRto }))
        }
        assert.deepStrictEqual(wishes, [
          [0xffff, 0xfe],
          [300, 0xfe],
          [0xffff, 0xfe],
          [20, 1]
        ])
      }),
    { decorate: listening }
  )

  law("a system that does not know of it does as it does; one that refuses the wish says so", ({ failing }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const asked = ({ dwIoControlCode }: { readonly dwIoControlCode: number }) =>
        dwIoControlCode >>> 0 === SIO_TCP_INITIAL_RTO
      const unknown = failing.add({ call: "WSAIoctl", code: WsaError.WSAEOPNOTSUPP, when: asked })
      yield* TcpSocket.connect(server.address)
      yield* TcpSocket.connect(server.address, { initialRto: { retransmissions: 1 } })
      unknown()
      failing.add({ call: "WSAIoctl", code: WsaError.WSAEINVAL, when: asked })
      yield* TcpSocket.connect(server.address)
      const refused = yield* reason(TcpSocket.connect(server.address, { initialRto: { retransmissions: 1 } }))
      assert.deepStrictEqual([refused._tag, refused.operation], ["InvalidCall", "WSAIoctl"])
    })
  )
})

describe("TcpSocket.connect: several addresses", () => {
  law("the next is tried when one refuses, and only the connection is left", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      const client = yield* TcpSocket.connect([yield* nowhere, yield* nowhere, server.address])
      assert.deepStrictEqual(client.remoteAddress, server.address)
      yield* server.accept
      // the server, one acceptor, and both ends
      yield* settledAt(statistics, 4)
      assert.strictEqual(recorder.count("ConnectEx"), 3)
    })
  )

  law("when none answers it is the first error", ({ statistics }) =>
    Effect.gen(function* () {
      const refused = yield* reason(TcpSocket.connect([yield* nowhere, yield* nowhere], { local: at("127.0.0.1") }))
      assert.strictEqual(refused._tag, "ConnectionRefused")
      yield* settledAt(statistics, 0)
    })
  )

  law("losers are cancelled, each once, and waited for", ({ gate, recorder, statistics }) =>
    Effect.gen(function* () {
      const one = yield* listen({ acceptAhead: 1 })
      const two = yield* listen({ acceptAhead: 1 })
      const held = yield* settledAt(statistics, 4)
      // both connect, and nobody here knows it yet
      gate.close()
      const fiber = yield* start(TcpSocket.connect([one.address, two.address], { attemptDelay: "10 millis" }))
      while (recorder.count("ConnectEx") < 2) yield* Effect.sleep(1)
      yield* gate.awaitHeld(2)
      gate.open()
      yield* Fiber.join(fiber)
      // the connection of the one, and what the servers got
      const { handles, inbox } = yield* statistics
      assert.isAtMost(handles.sockets, held + 1 + inbox + 2)
      assert.isAtMost(recorder.count("CancelIoEx"), 1)
    })
  )
})

describe("TcpSocket.connect: interruption at any point leaves no socket", () => {
  law("before it began: no call", ({ recorder }) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(TcpSocket.connect(at("127.0.0.1", 9)))
      yield* Fiber.interrupt(fiber)
      for (const name of anyCall) assert.strictEqual(recorder.count(name), 0)
    })
  )

  law("while it is in the kernel: one CancelIoEx, of its operation", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const before = (yield* statistics).handles.sockets
      const fiber = yield* start(TcpSocket.connect(server.address))
      const [connect] = recorder.of("ConnectEx")
      yield* Fiber.interrupt(fiber)
      const [cancel, ...more] = recorder.of("CancelIoEx")
      assert.deepStrictEqual([cancel.args.hFile, more.length], [connect.args.s, 0])
      assert.strictEqual(cancel.args.lpOverlapped, connect.args.lpOverlapped)
      assert.strictEqual(
        recorder.count("closesocket", ({ args }) => args.s === connect.args.s),
        1
      )
      const { handles, inbox, operations } = yield* statistics
      assert.strictEqual(operations.connect.submitted, 1)
      assert.isAtMost(handles.sockets - inbox, before + 1)
    })
  )

  law("when it has completed and nobody knows yet: it is closed", ({ gate, recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      gate.close()
      const fiber = yield* start(TcpSocket.connect(server.address))
      // the client's and the server's
      yield* gate.awaitHeld(2)
      yield* interruptSoon(fiber)
      assert.isUndefined(fiber.pollUnsafe(), "it ends when the completion was seen")
      gate.open()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(recorder.count("CancelIoEx"), 1)
      assert.strictEqual((yield* statistics).recovered, 1)
      const accepted = yield* server.accept
      yield* isReset(accepted)
    })
  )

  law("a timeout is an interruption", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      gate.close()
      const fiber = yield* start(Effect.timeoutOption(TcpSocket.connect(server.address), "10 millis"))
      yield* gate.awaitHeld(2)
      yield* Effect.sleep(20)
      gate.open()
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
      // the server, its connection, and no other
      yield* settledAt(statistics, 2)
    })
  )

  law("cancel: close, for providers that can cancel nothing", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      const fiber = yield* start(TcpSocket.connect(server.address, { cancel: "close" }))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      while ((yield* statistics).handles.sockets > 2) yield* Effect.yieldNow
    })
  )

  for (const most of [8, 16, 2048]) {
    law(`at random moments, over one address and over several (${most} steps between yields)`, ({ statistics }) =>
      Effect.gen(function* () {
        const server = yield* listen()
        const dead = yield* nowhere
        const running = yield* start(server.run(() => Effect.void))
        const before = (yield* statistics).handles.sockets
        const chance = random(most)
        let connected = 0
        for (let n = 0; n < 60; n++) {
          const to = n % 2 === 0 ? server.address : ([dead, server.address] as const)
          const connecting = Effect.scoped(Effect.map(TcpSocket.connect(to), () => void connected++))
          const fiber = yield* start(Effect.provideService(connecting, Scheduler.MaxOpsBeforeYield, most))
          for (let turn = chance(12); turn > 0; turn--) yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
        }
        yield* settledAt(statistics, before)
        const { operations } = yield* statistics
        assert.isAtLeast(operations.connect.completed, connected)
        yield* Fiber.interrupt(running)
      })
    )
  }

  law(
    "a cancellation that never completes is given up after two grace periods",
    ({ gate, release, statistics }) =>
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 1 })
        gate.close()
        const fiber = yield* start(TcpSocket.connect(server.address))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* statistics).leaked, 1)
        const releasing = yield* start(release)
        while ((yield* statistics).leaked < 2) yield* Effect.sleep(5)
        yield* Fiber.join(releasing)
        gate.open()
      }),
    { cancelGrace: "40 millis", leaked: 2 }
  )

  law("the layer is released meanwhile: OperationAborted, and connecting is over", ({ gate, release }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      gate.close()
      const fiber = yield* start(Effect.flip(TcpSocket.connect(server.address)))
      yield* gate.awaitHeld(1)
      const releasing = yield* start(release)
      gate.open()
      yield* Fiber.join(releasing)
      const exit = yield* Fiber.await(fiber)
      if (Exit.isSuccess(exit)) assert.include(["OperationAborted", "SocketClosed"], exit.value.reason._tag)
      assert.strictEqual(yield* tag(TcpSocket.connect(server.address)), "SocketClosed")
    })
  )
})
