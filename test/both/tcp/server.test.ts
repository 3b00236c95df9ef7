import { TcpServer, TcpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import { SO_UPDATE_ACCEPT_CONTEXT } from "@effect-winsock/schema/Options"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { interruptSoon, law, loopback, numbered, numberOf, start } from "../../support/rig.ts"
import { inScope, isReset, listen, pair, settledAt, text, utf8 } from "../../support/tcp.ts"
import { at, reason, refuses, tag } from "../../support/udp.ts"

/** Connects, and says who it is. */
const say = (server: TcpServer.TcpServer, n: number) =>
  Effect.tap(TcpSocket.connect(server.address), (client) => client.send(numbered(n)))

/** Accepts, and hears who it is. */
const hear = (server: TcpServer.TcpServer) =>
  Effect.flatMap(server.accept, (connection) =>
    Effect.map(connection.receiveExactly(4), (payload) => numberOf({ payload }))
  )

describe("TcpServer: opening", () => {
  const unsound: ReadonlyArray<readonly [keyof TcpServer.Options, ReadonlyArray<unknown>]> = [
    ["backlog", [0, 2 ** 31, "1", null]],
    ["acceptAhead", [0, 1025, 1.5, null]],
    ["receiveLength", [-1, 65_537, null]],
    ["reuseAddress", [1, null]],
    ["ipv6Only", [0, null]],
    ["linger", [-1, null]]
  ]
  for (const [option, values] of unsound) {
    law(`${option}: the error names the option and the value`, ({ recorder }) =>
      Effect.gen(function* () {
        for (const value of values) yield* refuses(listen({ [option]: value }), option, value)
        assert.strictEqual(recorder.count("WSASocketW"), 0)
      })
    )
  }

  law("what is no address, and no record of options", () =>
    Effect.gen(function* () {
      const server = (address: unknown) => TcpServer.listen(address as NetAddress.InetAddress)
      for (const value of ["127.0.0.1:80", undefined, 80]) yield* refuses(server(value), "address", value)
      yield* refuses(listen(null as never), "options", null)
    })
  )

  law("an address belongs to one server", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      assert.include(["AddressInUse", "PermissionDenied"], yield* tag(TcpServer.listen(server.address)))
      assert.strictEqual(yield* tag(TcpServer.listen(at("203.0.113.9"))), "AddressNotAvailable")
    })
  )

  const failures = [
    ["WSASocketW", WsaError.WSAEMFILE, "TooManySockets"],
    ["setsockopt", WsaError.WSAENOPROTOOPT, "NotSupported"],
    ["bind", WsaError.WSAEACCES, "PermissionDenied"],
    ["listen", WsaError.WSAEOPNOTSUPP, "NotSupported"],
    ["getsockname", WsaError.WSAENOBUFS, "NoBufferSpace"],
    ["WSAIoctl", WsaError.WSAEINVAL, "NotSupported"],
    ["CreateIoCompletionPort", WsaError.WSA_NOT_ENOUGH_MEMORY, "OutOfMemory"]
  ] as const
  for (const [call, code, expected] of failures) {
    law(`${call} fails with ${code}: ${expected}, and no socket is left`, ({ failing, recorder }) =>
      Effect.gen(function* () {
        failing.add({ call, code, nth: 1 } as never)
        const refused = yield* reason(listen())
        assert.deepStrictEqual([refused._tag, refused.operation, refused.code], [expected, call, code])
        assert.strictEqual(recorder.count("closesocket"), call === "WSASocketW" ? 0 : 1)
      })
    )
  }

  law("accepts are posted ahead, and again as connections are taken", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 3 })
      assert.strictEqual(recorder.count("AcceptEx"), 3)
      // the server, and an acceptor for each
      assert.strictEqual((yield* statistics).handles.sockets, 4)
      for (let n = 0; n < 5; n++) yield* say(server, n)
      while ((yield* statistics).inbox < 3) yield* Effect.yieldNow
      assert.strictEqual(recorder.count("AcceptEx"), 3, "posted and not taken are so many at most")
      for (let n = 0; n < 5; n++) {
        assert.strictEqual(yield* hear(server), n)
        yield* settledAt(statistics, 9 + Math.min(n + 1, 5))
        assert.strictEqual(recorder.count("AcceptEx"), 4 + n)
      }
    })
  )
})

describe("TcpServer: connections", () => {
  for (const ip of ["127.0.0.1", "::1"]) {
    law(`one is accepted over ${ip}, and carries bytes both ways`, () =>
      Effect.gen(function* () {
        const server = yield* TcpServer.listen(at(ip))
        assert.notStrictEqual(server.address.port, 0)
        const { accepted, client } = yield* pair(server)
        assert.deepStrictEqual(accepted.remoteAddress, client.localAddress)
        assert.deepStrictEqual(accepted.localAddress, client.remoteAddress)
        yield* client.send(utf8("hello"))
        assert.strictEqual(text(yield* accepted.receiveExactly(5)), "hello")
        yield* accepted.send(utf8("goodbye"))
        assert.strictEqual(text(yield* client.receiveExactly(7)), "goodbye")
      })
    )
  }

  law("a server of both families has v4-mapped peers", () =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(at("::"), { ipv6Only: false })
      const { port } = server.address
      const client = yield* TcpSocket.connect(at("127.0.0.1", port), { firstBytes: utf8("4") })
      const accepted = yield* server.accept
      assert.deepStrictEqual(accepted.remoteAddress, at("::ffff:127.0.0.1", client.localAddress.port))
      assert.strictEqual(text(yield* accepted.receive), "4")
      yield* TcpSocket.connect(at("::1", port), { firstBytes: utf8("6") })
      assert.strictEqual(text(yield* (yield* server.accept).receive), "6")
      const only = yield* TcpServer.listen(at("::"))
      assert.strictEqual(yield* tag(TcpSocket.connect(at("127.0.0.1", only.address.port))), "ConnectionRefused")
    })
  )

  law("with a receive length it is accepted when its first bytes are there", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 2, receiveLength: 16 })
      const silent = yield* TcpSocket.connect(server.address)
      const speaking = yield* TcpSocket.connect(server.address)
      yield* speaking.send(utf8("first"))
      const accepted = yield* server.accept
      assert.deepStrictEqual(accepted.remoteAddress, speaking.localAddress)
      assert.deepStrictEqual(accepted.localAddress, server.address)
      const before = (yield* statistics).operations.receive.submitted
      assert.strictEqual(text(yield* accepted.receive), "first")
      assert.strictEqual((yield* statistics).operations.receive.submitted, before, "they came with the connection")
      yield* silent.shutdown("send")
      assert.strictEqual(yield* tag((yield* server.accept).receive), "EndOfStream")
    })
  )

  law("what an accepted connection is configured with is the server's options", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen({ keepAlive: true, noDelay: true })
      const set = () => recorder.count("setsockopt", ({ args }) => args.optname === 1 || args.optname === 8)
      const before = set()
      yield* pair(server)
      assert.strictEqual(set(), before + 2)
    })
  )

  law("many at once", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 8 })
      const count = 200
      const heard = yield* start(
        Effect.scoped(
          Effect.all(
            Array.from({ length: count }, () => hear(server)),
            { concurrency: "unbounded" }
          )
        )
      )
      yield* Effect.scoped(
        Effect.andThen(
          Effect.forEach(Array.from({ length: count }).keys(), (n) => say(server, n), { concurrency: 20 }),
          Fiber.join(heard)
        )
      ).pipe(
        Effect.map((all) =>
          assert.deepStrictEqual(
            all.toSorted((a, b) => a - b),
            [...Array(count).keys()]
          )
        )
      )
      yield* settledAt(statistics, 9)
    })
  )

  law("one that is reset before it is accepted is passed over", () =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      for (let n = 0; n < 4; n++) {
        const { value: client, close } = yield* inScope(TcpSocket.connect(server.address))
        yield* client.abort
        yield* close
      }
      yield* say(server, 7)
      // a reset that came after the accept is the connection's own affair
      const next = Effect.eventually(Effect.scoped(hear(server)))
      assert.strictEqual(yield* next, 7)
    })
  )

  law("one whose context cannot be set is passed over, and reset", ({ failing, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      failing.add({
        call: "setsockopt",
        code: WsaError.WSAENOTCONN,
        nth: 1,
        when: ({ optname }) => optname === SO_UPDATE_ACCEPT_CONTEXT
      })
      const first = yield* TcpSocket.connect(server.address)
      yield* say(server, 2)
      assert.strictEqual(yield* hear(server), 2)
      yield* isReset(first)
      assert.strictEqual((yield* statistics).inbox, 0)
    })
  )
})

describe("TcpServer: interrupting an accept costs the kernel nothing and loses no connection", () => {
  law("interrupted, timed out, raced", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const fiber = yield* start(Effect.scoped(server.accept))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* Effect.timeoutOption(Effect.scoped(server.accept), "5 millis"))._tag, "None")
      yield* Effect.raceFirst(Effect.scoped(server.accept), Effect.sleep(5))
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
      yield* say(server, 3)
      assert.strictEqual(yield* hear(server), 3)
    })
  )

  law("accepted, and nobody knows it yet, when the only waiter goes", ({ gate, recorder }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      gate.close()
      const waiting = yield* start(Effect.scoped(server.accept))
      const third = yield* start(say(server, 5))
      yield* gate.awaitHeld(1)
      yield* Fiber.interrupt(waiting)
      gate.open()
      yield* Fiber.join(third)
      assert.strictEqual(yield* hear(server), 5)
      assert.strictEqual(recorder.count("CancelIoEx"), 0)
    })
  )

  law("who waits is served in turn, and who comes back in the same step waits behind", ({ gate }) =>
    Effect.gen(function* () {
      const server = yield* listen()
      const got: Array<string> = []
      const take = (who: string) => Effect.map(server.accept, () => void got.push(who))
      const first = yield* start(Effect.andThen(take("a"), take("a")))
      const second = yield* start(take("b"))
      gate.close()
      const connecting = yield* Effect.forEach([1, 2], () => start(TcpSocket.connect(server.address)))
      // theirs, and the server's
      yield* gate.awaitHeld(4)
      gate.open()
      yield* Fiber.joinAll(connecting)
      yield* Fiber.join(second)
      yield* TcpSocket.connect(server.address)
      yield* Fiber.join(first)
      assert.deepStrictEqual(got, ["a", "b", "a"])
    })
  )

  law("a waiter that interrupts the next one", () =>
    Effect.gen(function* () {
      const server = yield* listen()
      const got: Array<number> = []
      const victims: Array<Fiber.Fiber<unknown, unknown>> = []
      const killer = Effect.flatMap(server.accept, () =>
        Effect.sync(() => victims.forEach((one) => one.interruptUnsafe()))
      )
      const fiber = yield* start(killer)
      victims.push(yield* start(Effect.map(hear(server), (n) => void got.push(n))))
      yield* say(server, 1)
      yield* say(server, 2)
      yield* Fiber.join(fiber)
      yield* Fiber.await(victims[0])
      if (got.length === 0) got.push(yield* hear(server))
      assert.deepStrictEqual(got, [2])
    })
  )

  /** Comes to an effect after some of the steps that Effect allows before it yields. */
  const after = <A, E, R>(steps: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    steps === 0 ? effect : Effect.suspend(() => after(steps - 1, effect))

  for (const most of [8, 16, 32]) {
    law(`one that yields after ${most} steps and is interrupted there takes nothing with it`, ({ statistics }) =>
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 1 })
        for (let n = 0; n < most; n++) {
          const { close } = yield* inScope(say(server, n))
          while ((yield* statistics).inbox === 0) yield* Effect.yieldNow
          let got = 0
          const take = Effect.scoped(Effect.map(server.accept, () => void got++))
          const fiber = yield* start(Effect.provideService(after(n, take), Scheduler.MaxOpsBeforeYield, most))
          yield* interruptSoon(fiber)
          yield* Fiber.await(fiber)
          const { handles, inbox } = yield* statistics
          if (inbox === 1) assert.strictEqual(yield* Effect.scoped(hear(server)), n)
          // it was taken: its scope has closed it
          else assert.isAtMost(handles.sockets, 3 + got)
          yield* close
          yield* settledAt(statistics, 2)
        }
      })
    )
  }
})

describe("TcpServer: lack of resources is waited out, and nothing else is", () => {
  for (const [call, code] of [
    ["WSASocketW", WsaError.WSAEMFILE],
    ["WSASocketW", WsaError.WSAENOBUFS],
    ["AcceptEx", WsaError.WSAENOBUFS],
    ["AcceptEx", WsaError.WSAECONNRESET]
  ] as const) {
    law(`${call} fails with ${code} for a while`, ({ failing, recorder }) =>
      Effect.gen(function* () {
        const server = yield* listen({ acceptAhead: 1 })
        yield* say(server, 1)
        const began = performance.now()
        const rule = failing.add({ call, code } as never)
        assert.strictEqual(yield* hear(server), 1)
        const waiting = yield* start(hear(server))
        while (failing.count < 4) yield* Effect.sleep(1)
        // 10, 20 and 40 milliseconds lie between four tries
        assert.isAtLeast(performance.now() - began, 65)
        rule()
        assert.isUndefined(waiting.pollUnsafe())
        yield* say(server, 2)
        assert.strictEqual(yield* Fiber.join(waiting), 2)
        assert.isAtMost(recorder.count(call), 20)
      })
    )
  }

  law("what makes accepting impossible ends those who wait, or the next, and then it is tried again", ({ failing }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      failing.add({ call: "AcceptEx", code: WsaError.WSAEINVAL, nth: 1 })
      yield* say(server, 1)
      assert.strictEqual(yield* hear(server), 1)
      const failed = yield* reason(Effect.scoped(server.accept))
      assert.deepStrictEqual([failed.operation, failed.code], ["AcceptEx", WsaError.WSAEINVAL])
      yield* say(server, 2)
      assert.strictEqual(yield* hear(server), 2)
    })
  )
})

describe("TcpServer: closing", () => {
  let lacking = false
  const freed: Array<number> = []

  law("connections that nobody took are reset and counted", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const { close, value: server } = yield* inScope(listen({ acceptAhead: 4 }))
      const clients = yield* Effect.forEach([1, 2, 3], (n) => say(server, n))
      while ((yield* statistics).inbox < 3) yield* Effect.yieldNow
      yield* close
      const { discarded, handles, inbox, pending } = yield* statistics
      assert.deepStrictEqual([discarded, handles.sockets, inbox, pending], [3, 3, 0, 0])
      assert.strictEqual(recorder.count("CancelIoEx"), 1, "one for all that was posted")
      for (const client of clients) yield* isReset(client)
    })
  )

  law("one that is accepted while the server closes is reset too", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const { close, value: server } = yield* inScope(listen({ acceptAhead: 1 }))
      gate.close()
      const client = yield* start(TcpSocket.connect(server.address))
      yield* gate.awaitHeld(2)
      const closing = yield* start(close)
      gate.open()
      yield* Fiber.join(closing)
      yield* Fiber.join(client)
      const { discarded, handles } = yield* statistics
      assert.deepStrictEqual([discarded, handles.sockets], [1, 1])
    })
  )

  law("who waits fails with OperationAborted, later accepts with SocketClosed; accepted connections live", () =>
    Effect.gen(function* () {
      const { close, value: server } = yield* inScope(listen())
      const { accepted, client } = yield* pair(server)
      const waiting = yield* Effect.forEach([1, 2], () => start(tag(Effect.scoped(server.accept))))
      const running = yield* start(tag(server.run(() => Effect.void)))
      yield* close
      for (const fiber of [...waiting, running]) assert.strictEqual(yield* Fiber.join(fiber), "OperationAborted")
      assert.strictEqual(yield* tag(Effect.scoped(server.accept)), "SocketClosed")
      yield* client.send(utf8("on"))
      assert.strictEqual(text(yield* accepted.receive), "on")
    })
  )

  law(
    "accepts that never complete are given up after two grace periods, with their memory",
    ({ gate, statistics }) =>
      Effect.gen(function* () {
        // 3 times what is received, and two addresses of 48 bytes
        const size = 3 * (1000 + 96)
        const ended = yield* inScope(listen({ acceptAhead: 3, receiveLength: 1000 }))
        yield* ended.close
        assert.include(freed, size)
        const { close } = yield* inScope(listen({ acceptAhead: 3, receiveLength: 1000 }))
        gate.close()
        freed.length = 0
        yield* close
        const { handles, leaked } = yield* statistics
        assert.deepStrictEqual([handles.sockets, leaked], [0, 3])
        assert.notInclude(freed, size)
        gate.open()
      }),
    {
      cancelGrace: "40 millis",
      leaked: 3,
      decorate: (seam) => ({
        ...seam,
        memory: {
          ...seam.memory,
          free: (block) => {
            freed.push(block.size)
            seam.memory.free(block)
          }
        }
      })
    }
  )

  law(
    "a server for which there is no memory",
    ({ statistics }) =>
      Effect.gen(function* () {
        lacking = true
        assert.strictEqual(yield* tag(listen({ acceptAhead: 4, receiveLength: 50_000 })), "OutOfMemory")
        lacking = false
        const { handles, slots } = yield* statistics
        assert.deepStrictEqual([handles.sockets, slots.used], [0, 0])
      }),
    {
      decorate: (seam) => ({
        ...seam,
        memory: {
          ...seam.memory,
          alloc: (size) => {
            if (lacking && size >= 200_000) throw new RangeError("no memory")
            return seam.memory.alloc(size)
          }
        }
      })
    }
  )

  law("the layer is released with everything pending", ({ release, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 2 })
      const other = yield* listen({ acceptAhead: 2, receiveLength: 10 })
      const running = yield* start(Effect.exit(server.run((connection) => connection.receive)))
      yield* say(other, 1)
      const client = yield* TcpSocket.connect(server.address)
      const receiving = yield* start(Effect.exit(client.receive))
      const connecting = yield* start(Effect.exit(TcpSocket.connect(server.address)))
      yield* release
      for (const fiber of [running, receiving, connecting] as ReadonlyArray<Fiber.Fiber<unknown>>) {
        yield* Fiber.await(fiber)
      }
      assert.strictEqual((yield* statistics).pending, 0)
      assert.strictEqual(yield* tag(TcpServer.listen(loopback)), "SocketClosed")
    })
  )
})

describe("TcpServer.run", () => {
  law("a fiber for each connection; its connection is closed when it ends", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 2 })
      const running = yield* start(server.run((connection) => Stream.run(connection.stream, connection.sink)))
      const clients = yield* Effect.forEach([1, 2, 3, 4], (n) => say(server, n))
      for (const [i, client] of clients.entries()) {
        assert.strictEqual(numberOf({ payload: yield* client.receiveExactly(4) }), i + 1)
      }
      for (const client of clients) {
        yield* client.shutdown("send")
        assert.strictEqual(yield* tag(client.receive), "EndOfStream")
      }
      yield* settledAt(statistics, 7)
      yield* Fiber.interrupt(running)
      assert.strictEqual((yield* statistics).waiters, 0)
    })
  )

  law("a handler that fails is logged, closes its connection and ends nothing else", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.make(({ cause, logLevel, message }) => {
        logged.push(`${logLevel} ${String(message)} ${String(cause.reasons.length)}`)
      })
      const server = yield* listen()
      let n = 0
      const handler = (connection: TcpSocket.TcpSocket): Effect.Effect<void, unknown> => {
        n++
        if (n === 1) return Effect.fail("no")
        if (n === 2) return Effect.die("broken")
        if (n === 3) throw new Error("thrown")
        return connection.send(utf8("yes"))
      }
      const running = yield* start(server.run(handler).pipe(Effect.provide(Logger.layer([logger]))))
      for (let i = 0; i < 3; i++) {
        assert.strictEqual(yield* tag((yield* TcpSocket.connect(server.address)).receive), "EndOfStream")
      }
      assert.strictEqual(text(yield* (yield* TcpSocket.connect(server.address)).receive), "yes")
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(logged, Array(3).fill("Error the handler of a connection failed 1"))
    })
  )

  law("its interruption interrupts all handlers and waits for their ends", ({ recorder, statistics }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 2 })
      const ends: Array<string> = []
      const both = yield* Deferred.make<void>()
      const mayEnd = yield* Deferred.make<void>()
      let begun = 0
      const handler = (connection: TcpSocket.TcpSocket) =>
        Effect.gen(function* () {
          yield* Effect.addFinalizer(() => Effect.map(Deferred.await(mayEnd), () => void ends.push("scope")))
          begun++
          if (begun === 2) yield* Deferred.succeed(both, undefined)
          yield* connection.receive
        })
      const running = yield* start(server.run(handler))
      const clients = yield* Effect.forEach([1, 2], () => TcpSocket.connect(server.address))
      yield* Deferred.await(both)
      yield* interruptSoon(running)
      for (let n = 0; n < 20; n++) yield* Effect.yieldNow
      assert.isUndefined(running.pollUnsafe())
      yield* Deferred.succeed(mayEnd, undefined)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(running)))
      assert.deepStrictEqual(ends, ["scope", "scope"])
      assert.strictEqual((yield* statistics).handles.sockets, 5, "the server with its acceptors, and the clients")
      for (const client of clients) assert.strictEqual(yield* tag(client.receive), "EndOfStream")
      // one for each handler's receive
      assert.isAtMost(recorder.count("CancelIoEx"), 2)
      yield* say(server, 9)
      assert.strictEqual(yield* hear(server), 9)
    })
  )

  law("a failure of accept ends it, with its handlers", ({ failing }) =>
    Effect.gen(function* () {
      const server = yield* listen({ acceptAhead: 1 })
      failing.add({ call: "AcceptEx", code: WsaError.WSAEINVAL, nth: 1 })
      const running = yield* start(reason(server.run(() => Effect.never)))
      const client = yield* TcpSocket.connect(server.address)
      assert.strictEqual((yield* Fiber.join(running)).operation, "AcceptEx")
      assert.strictEqual(yield* tag(client.receive), "EndOfStream")
    })
  )
})
