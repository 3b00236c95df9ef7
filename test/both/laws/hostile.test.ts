import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { Dequeued } from "../../support/hostile.ts"
import { ledger, scribbler } from "../../support/hostile.ts"
import {
  bind,
  law as lawByPort,
  lawInEachMode as law,
  layerName,
  loopback,
  makeSeam,
  numbered,
  numberOf,
  start,
  withRig
} from "../../support/rig.ts"

const reasonOf = (error: WinsockError) => error.reason._tag

/** The typed error of an effect; a defect, an interruption or a success fails the test. */
const typed = Effect.fnUntraced(function* <A, R>(effect: Effect.Effect<A, unknown, R>, what = "") {
  const exit = yield* Effect.exit(effect)
  const reason = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason) : undefined
  assert.isDefined(reason, `no typed error ${what}: ${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "a success"}`)
  const { error } = reason!
  assert.isTrue(isWinsockError(error), String(error))
  return error as WinsockError
})

/** Waits until the pump's wait is off the thread: nothing looks at the port then, unless it is woken. */
const awaitAway = (recorder: Decorators.Recorder) =>
  Effect.gen(function* () {
    const isOut = () =>
      recorder.count("GetQueuedCompletionStatusEx", (c) => c.origin === "offThread" && c.result === undefined) > 0
    while (!isOut()) yield* Effect.yieldNow
  })

const nothing = { blocks: 0, sockets: 0, ports: 0, starts: 0 }

describe("L10: what the kernel reports is not trusted", () => {
  const lies: Record<string, (dequeued: Dequeued) => void> = {
    "a negative name length": (d) => d.operations.forEach(({ message }) => (message.namelen = -1)),
    "the most negative name length": (d) => d.operations.forEach(({ message }) => (message.namelen = -(2 ** 31))),
    "a huge name length": (d) => d.operations.forEach(({ message }) => (message.namelen = 2 ** 31 - 1)),
    "no name": (d) => d.operations.forEach(({ message }) => (message.namelen = 0)),
    "a huge control length": (d) => d.operations.forEach(({ message }) => (message.Control.len = 2 ** 32 - 1)),
    "all flags": (d) => d.operations.forEach(({ message }) => (message.dwFlags = 2 ** 32 - 1)),
    "a huge byte count": (d) => d.operations.forEach(({ overlapped }) => (overlapped.InternalHigh = 2 ** 32 - 1)),
    "a huge byte count in the packet": (d) => (d.entry(0).dwNumberOfBytesTransferred = 2 ** 32 - 1),
    "more packets than it was given room for": (d) => (d.removed = 2 ** 32 - 1)
  }
  const scribbles = scribbler()
  for (const [name, lie] of Object.entries(lies)) {
    lawByPort(
      `${name}: no over-read, and the messages around it are what they were`,
      ({ statistics }) =>
        Effect.gen(function* () {
          const socket = yield* bind({ maxMessageSize: 16 })
          const peer = yield* bind()
          const bystander = yield* start(peer.receive)
          const liar = yield* start(socket.receive)
          scribbles.once(lie)
          yield* socket.send(numbered(1), socket.address)
          const message = yield* Fiber.join(liar)
          assert.isFalse(scribbles.pending)
          assert.isAtMost(message.payload.length, 16)
          assert.strictEqual(numberOf(message), 1)
          // whatever they make of it, they are total
          assert.isDefined(message.name)
          assert.isDefined(message.control)
          assert.isTrue(message.from === undefined || NetAddress.isInetAddress(message.from))
          for (let n = 2; n < 5; n++) {
            yield* socket.send(numbered(n), socket.address)
            assert.strictEqual(numberOf(yield* socket.receive), n)
          }
          yield* peer.send(numbered(9), peer.address)
          assert.strictEqual(numberOf(yield* Fiber.join(bystander)), 9)
          assert.strictEqual((yield* statistics).pending, 0)
        }),
      { decorate: scribbles.decorate }
    )
  }

  lawByPort(
    "a status that nobody knows is an error that keeps its number",
    () =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const fiber = yield* start(typed(socket.receive))
        scribbles.once((d) => d.operations.forEach(({ overlapped }) => (overlapped.Internal = 0xc0ffee00)))
        yield* socket.send(numbered(1), socket.address)
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error.reason.operation, "WSARecvMsg")
        yield* socket.send(numbered(2), socket.address)
        assert.strictEqual(numberOf(yield* socket.receive), 2)
      }),
    { decorate: scribbles.decorate }
  )

  lawByPort(
    "a packet that names an operation twice counts once",
    ({ statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const first = yield* start(socket.receive)
        const second = yield* start(socket.receive)
        scribbles.once((d) => {
          const { lpCompletionKey, lpOverlapped } = d.entry(0)
          for (let i = 1; i < 4; i++) {
            d.entry(i).lpCompletionKey = lpCompletionKey
            d.entry(i).lpOverlapped = lpOverlapped
          }
          d.removed = 4
        })
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(first)), 1)
        assert.isUndefined(second.pollUnsafe())
        assert.strictEqual((yield* statistics).pending, 1)
        yield* socket.send(numbered(2), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(second)), 2)
      }),
    { decorate: scribbles.decorate }
  )

  lawByPort("packets that others post to the port are nobody's", ({ recorder, statistics, winsock }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ maxMessageSize: 16 })
      const peer = yield* bind({ maxMessageSize: 16 })
      // a slot that was used and is free, and one that is pending
      yield* Fiber.interrupt(yield* start(socket.receive))
      const fibers = [yield* start(socket.receive), yield* start(socket.receive)]
      const bystander = yield* start(peer.receive)
      const { calls } = winsock.seam
      const port = recorder.of("CreateIoCompletionPort")[0].result as never
      const key = recorder.of("CreateIoCompletionPort", (c) => c.args.ExistingCompletionPort !== 0)[0].args
        .CompletionKey
      const posts = recorder.of("WSARecvMsg").map((call) => call.args.lpOverlapped)
      const addresses = [
        0,
        1,
        8,
        2 ** 32,
        2 ** 47 - 16,
        ...posts.flatMap((at) => [at, at + 1, at + 8, at - 8, at + 64])
      ]
      const keys = [key, key + 1, key + 2, key + 3, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 0x5741]
      let posted = 0
      for (const lpOverlapped of addresses) {
        for (const k of keys) {
          assert.strictEqual(calls.PostQueuedCompletionStatus(port, 0xffff_ffff, k, lpOverlapped), 1)
          if (lpOverlapped !== 0) posted++
        }
      }
      const before = (yield* statistics).pump.packets
      while ((yield* statistics).pump.packets < before + posted) yield* Effect.yieldNow
      for (const fiber of [...fibers, bystander]) assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* statistics).pending, 3)
      for (const n of [1, 2, 3]) yield* socket.send(numbered(n), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(fibers[0])), 1)
      assert.strictEqual(numberOf(yield* Fiber.join(fibers[1])), 2)
      assert.strictEqual(numberOf(yield* socket.receive), 3)
      yield* peer.send(numbered(4), peer.address)
      assert.strictEqual(numberOf(yield* Fiber.join(bystander)), 4)
    })
  )
})

describe("L10: what the caller says is not trusted", () => {
  const unsound: ReadonlyArray<readonly [keyof UdpSocket.Options, ReadonlyArray<unknown>]> = [
    ["maxMessageSize", [-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "16", {}, 2n, true]],
    ["lookAhead", [-1, 1025, 0.5, Number.NaN, "1", []]],
    ["maxPosted", [0, 1025, -1, Number.NaN, "1"]],
    ["batch", [0, 4097, Number.NEGATIVE_INFINITY, Number.NaN, Symbol("one")]],
    ["truncation", ["cut", 1, true, {}]],
    ["cancel", ["socket", 0, false]],
    ["reuseAddress", ["yes", 1, {}]],
    ["ipv6Only", ["no", 0]],
    ["peerErrors", ["true", 1]]
  ]
  for (const [option, values] of unsound) {
    lawByPort(`the option ${option}: an error that names it and the value, and no call`, ({ recorder, statistics }) =>
      Effect.gen(function* () {
        for (const value of values) {
          const { reason } = yield* typed(bind({ [option]: value } as UdpSocket.Options))
          assert.strictEqual(reason._tag, "InvalidArgument")
          if (reason._tag === "InvalidArgument") assert.deepStrictEqual([reason.option, reason.value], [option, value])
          assert.include(reason.meaning, option)
        }
        assert.strictEqual(recorder.count("WSASocketW"), 0)
        assert.strictEqual((yield* statistics).handles.sockets, 0)
      })
    )
  }

  lawByPort("addresses and payloads that are none", ({ recorder }) =>
    Effect.gen(function* () {
      const unsoundAddresses = [
        null,
        1,
        "127.0.0.1:1",
        {},
        { _tag: "InetAddressV4", port: 1 }
      ] as ReadonlyArray<unknown>
      const socket = yield* bind()
      recorder.clear()
      for (const value of unsoundAddresses) {
        for (const effect of [
          UdpSocket.bind(value as NetAddress.InetAddress),
          socket.connect(value as NetAddress.InetAddress),
          socket.send(numbered(1), value as NetAddress.InetAddress)
        ]) {
          const { reason } = yield* typed(effect as Effect.Effect<unknown, unknown, Winsock.Winsock | Scope.Scope>)
          assert.strictEqual(reason._tag, "InvalidArgument", reason.meaning)
        }
      }
      // what the type checker refuses: none is not how a peer is taken back
      const none = yield* typed(socket.connect(undefined as unknown as NetAddress.InetAddress))
      assert.strictEqual(none.reason._tag, "InvalidArgument")
      const sparse: Array<Uint8Array> = []
      sparse[1] = numbered(1)
      for (const value of [
        undefined,
        null,
        "text",
        [1, 2],
        sparse,
        new Uint16Array(2),
        new DataView(new ArrayBuffer(4)),
        {}
      ]) {
        const { reason } = yield* typed(socket.send(value as Uint8Array, socket.address))
        assert.strictEqual(reason._tag, "InvalidArgument", reason.meaning)
      }
      assert.strictEqual(recorder.calls.filter((call) => call.origin !== "offThread").length, 0)
    })
  )

  lawByPort("datagrams that cannot be sent, and addresses that cannot be sent to", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const refuse = (size: number) => typed(socket.send(new Uint8Array(size), socket.address), `of ${size} bytes`)
      for (const size of [65_508, 65_527, 65_528, 100_000]) {
        assert.strictEqual(reasonOf(yield* refuse(size)), "MessageTooLarge", String(size))
      }
      const noPort = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)
      // Windows takes it, other systems refuse it
      const toNoPort = yield* Effect.exit(socket.send(numbered(1), noPort))
      if (Exit.isFailure(toNoPort)) yield* typed(toNoPort)
      const otherFamily = NetAddress.inetAddressFromIpStringUnsafe("::1", 9)
      yield* typed(socket.send(numbered(1)), "to nobody")
      for (const [option, effect] of [
        ["to", socket.send(numbered(1), otherFamily)],
        ["peer", socket.connect(otherFamily)]
      ] as const) {
        const { reason } = yield* typed(effect, option)
        assert.strictEqual(reason._tag === "InvalidArgument" ? reason.option : reason._tag, option)
      }
      yield* socket.send(new Uint8Array(65_507), socket.address)
      assert.strictEqual((yield* socket.receive).payload.length, 65_507)
      yield* socket.send(new Uint8Array(0), socket.address)
      assert.strictEqual((yield* socket.receive).payload.length, 0)
      assert.strictEqual((yield* statistics).pending, 0)
    })
  )

  it.live(`the layer's cancelGrace (${layerName})`, () =>
    Effect.gen(function* () {
      const recorder = Decorators.record()
      const values = [0, 39, -1, -5000, Number.NaN, Number.POSITIVE_INFINITY, "Infinity", "soon", {}, true, 2 ** 31]
      for (const cancelGrace of values) {
        const seam = Effect.map(makeSeam(), recorder.decorate)
        const options = { cancelGrace } as Winsock.Options
        const { reason } = yield* typed(Effect.scoped(Effect.flatMap(seam, (seam) => Winsock.make(seam, options))))
        assert.strictEqual(reason._tag, "InvalidArgument")
        if (reason._tag === "InvalidArgument") assert.strictEqual(reason.option, "cancelGrace")
      }
      assert.strictEqual(recorder.calls.length, 0)
    })
  )
})

describe("L10: no memory", () => {
  it.live(`for the layer: typed, and nothing is left (${layerName})`, () =>
    Effect.gen(function* () {
      for (let n = 0; ; n++) {
        const book = ledger()
        const made = yield* Effect.exit(
          Effect.scoped(
            Effect.flatMap(makeSeam(), (seam) => {
              const decorated = book.decorate(seam)
              book.allow(n)
              return Winsock.make(decorated)
            })
          )
        )
        assert.deepStrictEqual(book.held, nothing)
        if (Exit.isSuccess(made)) {
          assert.isAbove(n, 1)
          return
        }
        assert.strictEqual(reasonOf(yield* typed(made)), "OutOfMemory", `allocation ${n}`)
      }
    })
  )

  const withLedger = (
    name: string,
    body: (
      book: ReturnType<typeof ledger>,
      rig: Parameters<Parameters<typeof law>[1]>[0]
    ) => Effect.Effect<unknown, unknown, Winsock.Winsock | Scope.Scope>
  ) =>
    it.live(`${name} (${layerName})`, () => {
      const book = ledger()
      return Effect.andThen(
        withRig((rig) => body(book, rig), { decorate: book.decorate }),
        Effect.sync(() => assert.deepStrictEqual(book.held, nothing))
      )
    })

  withLedger("for a socket: typed, the SOCKET is closed, the others go on", (book, { statistics }) =>
    Effect.gen(function* () {
      const other = yield* bind({ maxMessageSize: 100 })
      const waiting = yield* start(other.receive)
      for (let n = 0; ; n++) {
        book.allow(n)
        const scope = yield* Scope.make()
        // a shape of its own, and look-ahead: all that a socket can want memory for
        const bound = yield* Effect.exit(
          Scope.provide(UdpSocket.bind(loopback, { maxMessageSize: 777, lookAhead: 1 }), scope)
        )
        book.allow(Number.POSITIVE_INFINITY)
        if (Exit.isSuccess(bound)) {
          assert.isAbove(n, 0)
          // whether or not its look-ahead got memory, it receives
          yield* bound.value.send(numbered(n), bound.value.address)
          assert.strictEqual(numberOf(yield* bound.value.receive), n)
          yield* Scope.close(scope, Exit.void)
          break
        }
        assert.strictEqual(reasonOf(yield* typed(bound)), "OutOfMemory")
        assert.strictEqual((yield* statistics).handles.sockets, 1)
        assert.strictEqual(book.held.sockets, 1)
        yield* Scope.close(scope, Exit.void)
      }
      yield* other.send(numbered(1), other.address)
      assert.strictEqual(numberOf(yield* Fiber.join(waiting)), 1)
    })
  )

  withLedger("for a receive: whoever waits is told, whoever else waits is not", (book, { recorder }) =>
    Effect.gen(function* () {
      const other = yield* bind()
      const waiting = yield* start(other.receive)
      for (const way of ["receive", "pull"] as const) {
        const socket = yield* bind()
        // nothing but the refusal itself can wake the pump
        yield* awaitAway(recorder)
        book.allow(0)
        const wait = typed<unknown, never>(socket[way])
        const fibers = [yield* start(wait), yield* start(wait)]
        for (const fiber of fibers) assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "OutOfMemory")
        // there is memory again before anybody was told: nobody is
        const again = yield* start(socket.receive)
        book.allow(Number.POSITIVE_INFINITY)
        yield* socket.send(numbered(5), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(again)), 5)
      }
      assert.isUndefined(waiting.pollUnsafe())
      yield* other.send(numbered(1), other.address)
      assert.strictEqual(numberOf(yield* Fiber.join(waiting)), 1)
    })
  )

  withLedger("for more receives: the waiters share those there are", (book) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const first = yield* start(socket.receive)
      book.allow(0)
      const others = yield* Effect.forEach([1, 2, 3], () => start(socket.receive))
      for (let n = 0; n < 4; n++) yield* socket.send(numbered(n), socket.address)
      const got = yield* Effect.forEach([first, ...others], (fiber) => Effect.map(Fiber.join(fiber), numberOf))
      assert.deepStrictEqual(got, [0, 1, 2, 3])
    })
  )

  withLedger("for a look-ahead that could not be: what is over is not told to a later receive", (book) =>
    Effect.gen(function* () {
      const warm = yield* bind()
      book.allow(0)
      const socket = yield* bind({ lookAhead: 1 })
      book.allow(Number.POSITIVE_INFINITY)
      const fiber = yield* start(socket.receive)
      yield* warm.send(numbered(3), socket.address)
      assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 3)
    })
  )

  withLedger("for a send that must wait: typed, and later sends go on", (book, { failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth: 1, code: 10035 })
      book.allow(0)
      const error = yield* typed(socket.send(numbered(1), peer.address))
      assert.deepStrictEqual([error.reason._tag, error.reason.operation], ["OutOfMemory", "WSASendMsg"])
      book.allow(Number.POSITIVE_INFINITY)
      yield* socket.send(numbered(2), peer.address)
      assert.strictEqual(numberOf(yield* peer.receive), 2)
    })
  )
})

describe("L10: calls that fail", () => {
  it.live(`when the layer is made: typed, and nothing is left (${layerName})`, () =>
    Effect.gen(function* () {
      const failures = [
        { rule: { call: "WSAStartup", code: 10_091 }, reason: "SystemNotReady" },
        { rule: { call: "CreateIoCompletionPort", code: 8 }, reason: "OutOfMemory" }
      ] as const
      for (const { reason, rule } of failures) {
        const book = ledger()
        const failing = Decorators.fail(rule)
        const error = yield* typed(
          Effect.scoped(Effect.flatMap(makeSeam(), (seam) => Winsock.make(failing.decorate(book.decorate(seam)))))
        )
        assert.deepStrictEqual([error.reason.operation, error.reason._tag], [rule.call, reason])
        assert.deepStrictEqual(book.held, nothing)
      }
    })
  )

  const ipv6 = NetAddress.inetAddressFromIpStringUnsafe("::1", 0)
  const failures: ReadonlyArray<Decorators.FailRule> = [
    { call: "WSASocketW", code: 10_024 },
    { call: "WSAIoctl", nth: 1, code: 10_022 },
    { call: "WSAIoctl", nth: 2, code: 10_022 },
    { call: "ioctlsocket", code: 10_050 },
    { call: "setsockopt", code: 10_042 },
    { call: "bind", code: 10_048 },
    { call: "getsockname", code: 10_050 },
    { call: "CreateIoCompletionPort", code: 8 }
  ]
  for (const rule of failures) {
    lawByPort(
      `${rule.call}${rule.nth === undefined ? "" : ` (${rule.nth})`}: no socket is left, and the next is bound`,
      ({ failing, recorder, statistics }) =>
        Effect.gen(function* () {
          const withdraw = failing.add(rule)
          const error = yield* typed(UdpSocket.bind(ipv6))
          assert.deepStrictEqual([error.reason.operation, error.reason.code], [rule.call, rule.code])
          assert.strictEqual(recorder.count("closesocket"), rule.call === "WSASocketW" ? 0 : 1)
          assert.strictEqual((yield* statistics).handles.sockets, 0)
          withdraw()
          const socket = yield* UdpSocket.bind(ipv6)
          yield* socket.send(numbered(1), socket.address)
          assert.strictEqual(numberOf(yield* socket.receive), 1)
        })
    )
  }

  lawByPort(
    "PostQueuedCompletionStatus: waits, interruptions, closing and the release still end",
    ({ failing, recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        failing.add({ call: "PostQueuedCompletionStatus", code: 8 })
        const fiber = yield* start(socket.receive)
        // it is out, and cannot be woken
        yield* awaitAway(recorder)
        const other = yield* start(socket.receive)
        yield* Fiber.interrupt(other)
        yield* socket.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(fiber)), 1)
        const last = yield* start(socket.receive)
        yield* awaitAway(recorder)
        yield* Fiber.interrupt(last)
      })
  )

  lawByPort(
    "the port is gone: waiters are told so, later ones too, and the release ends",
    ({ failing, release, statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const fibers = yield* Effect.forEach([1, 2], () => start(typed(socket.receive)))
        failing.add({ call: "GetQueuedCompletionStatusEx", code: 6 })
        for (const fiber of fibers) {
          const { reason } = yield* Fiber.join(fiber)
          assert.deepStrictEqual([reason._tag, reason.operation], ["InvalidHandle", "GetQueuedCompletionStatusEx"])
        }
        assert.strictEqual(reasonOf(yield* typed(socket.receive)), "InvalidHandle")
        assert.strictEqual(reasonOf(yield* typed(Effect.asVoid(socket.pull))), "InvalidHandle")
        assert.strictEqual((yield* statistics).waiters, 0)
        yield* release
      }),
    { cancelGrace: "40 millis", leaked: 2 }
  )

  lawByPort("an off-thread call that is refused: the event loop looks instead", ({ failing, statistics }) =>
    Effect.gen(function* () {
      failing.add({ call: "GetQueuedCompletionStatusEx", when: (args) => args.dwMilliseconds > 0, code: 164 })
      const socket = yield* bind()
      for (let n = 0; n < 3; n++) {
        const fiber = yield* start(socket.receive)
        const { wakeups } = (yield* statistics).pump
        while ((yield* statistics).pump.wakeups === wakeups) yield* Effect.yieldNow
        yield* socket.send(numbered(n), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        yield* Fiber.interrupt(yield* start(socket.receive))
      }
    })
  )

  const refuses = (seam: Seam): Seam => ({
    ...seam,
    offThread: () => {
      throw new Error("no thread")
    }
  })
  law(
    "an off-thread call that cannot be made: the event loop looks instead",
    ({ statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(socket.receive)
          const { turns } = (yield* statistics).pump
          while ((yield* statistics).pump.turns < turns + 4) yield* Effect.yieldNow
          yield* socket.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
          yield* Fiber.interrupt(yield* start(socket.receive))
        }
      }),
    { decorate: refuses }
  )
})

describe("L10: what runs when a fiber is resumed is not trusted", () => {
  law("a message that was released after another socket's fiber closed this one is counted", ({ gate, statistics }) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const closer = yield* bind()
      const closed = yield* Scope.provide(UdpSocket.bind(loopback, { lookAhead: 1 }), scope)
      const fiber = yield* start(Effect.andThen(closer.receive, Scope.close(scope, Exit.void)))
      gate.close()
      yield* closer.send(numbered(1), closer.address)
      yield* gate.awaitHeld(1)
      yield* closer.send(numbered(2), closed.address)
      yield* gate.awaitHeld(2)
      gate.open()
      yield* Fiber.join(fiber)
      const after = yield* statistics
      assert.deepStrictEqual([after.discarded, after.inbox], [1, 0])
    })
  )

  const thrown: Array<unknown> = []
  const guarded =
    <A extends ReadonlyArray<unknown>>(task: (...args: A) => void) =>
    (...args: A): void => {
      try {
        task(...args)
      } catch (error) {
        thrown.push(error)
      }
    }
  law(
    "an observer that throws into a resume: the other waiters are served all the same",
    ({ gate, statistics }) =>
      Effect.gen(function* () {
        const sockets = [yield* bind(), yield* bind()]
        const fibers = yield* Effect.forEach([0, 0, 0, 1], (i) => start(sockets[i].receive))
        const interrupted = [yield* start(sockets[1].receive), yield* start(sockets[1].receive)]
        for (const fiber of [fibers[0], interrupted[0]]) {
          fiber.addObserver(() => {
            throw new Error("on purpose")
          })
        }
        gate.close()
        for (const n of [0, 1, 2]) yield* sockets[0].send(numbered(n), sockets[0].address)
        yield* sockets[1].send(numbered(3), sockets[1].address)
        for (const fiber of interrupted) fiber.interruptUnsafe()
        yield* gate.awaitHeld(6)
        thrown.length = 0
        gate.open()
        // an observer behind the one that throws is not told, so nothing is joined before it ended
        for (const fiber of [...fibers, ...interrupted]) {
          while (fiber.pollUnsafe() === undefined) yield* Effect.yieldNow
        }
        for (const [n, fiber] of fibers.entries()) assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        for (const fiber of interrupted) assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        assert.strictEqual(thrown.length, 2)
        assert.strictEqual((yield* statistics).pending, 0)
      }),
    {
      decorate: (seam) => ({
        ...seam,
        host: { ...seam.host, schedule: (task, delay) => seam.host.schedule(guarded(task), delay) },
        offThread: (name, args, done) => seam.offThread(name, args, guarded(done))
      })
    }
  )

  for (const most of [3, 4, 5, 6, 7, 8, 12, 16]) {
    it.live(`the layer is released while a bind yields every ${most} steps (${layerName})`, () =>
      Effect.gen(function* () {
        let bound = 0
        for (let steps = 0; steps < 16; steps++) {
          yield* withRig((rig) =>
            Effect.gen(function* () {
              const fiber = yield* start(
                Effect.exit(Effect.scoped(bind())).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, most))
              )
              for (let i = 0; i < steps; i++) yield* Effect.yieldNow
              yield* rig.release
              bound += Exit.isSuccess(yield* Fiber.join(fiber)) ? 1 : 0
              const cleanup = rig.recorder.of("WSACleanup")[0].sequence
              assert.deepStrictEqual(
                rig.recorder.calls.filter((call) => call.sequence > cleanup),
                []
              )
            })
          )
        }
        // before it, in it and after it
        assert.isAbove(bound, 0)
        if (most < 8) assert.isBelow(bound, 16)
      })
    )
  }

  const asks: Record<string, (socket: UdpSocket.UdpSocket) => Effect.Effect<unknown, unknown, Winsock.Winsock>> = {
    capabilities: (socket) => socket.capabilities,
    "a send with options": (socket) => socket.send(numbered(1), socket.address, { hopLimit: 4 }),
    "a bind of a wildcard address": () =>
      Effect.scoped(UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 0), { control: ["packetInfo"] }))
  }
  for (const [name, ask] of Object.entries(asks)) {
    it.live(`the layer is released while ${name} tries the provider (${layerName})`, () =>
      Effect.gen(function* () {
        for (const most of [3, 5, 8, 16, 2048]) {
          for (let turns = 0; turns < 12; turns++) {
            yield* withRig((rig) =>
              Effect.gen(function* () {
                const socket = yield* bind()
                const fiber = yield* start(
                  Effect.exit(ask(socket)).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, most))
                )
                for (let i = 0; i < turns; i++) yield* Effect.yieldNow
                yield* rig.release
                const exit = yield* Fiber.join(fiber)
                if (Exit.isFailure(exit)) yield* typed(exit)
                const cleanup = rig.recorder.of("WSACleanup")[0].sequence
                assert.deepStrictEqual(
                  rig.recorder.calls.filter((call) => call.sequence > cleanup),
                  []
                )
              })
            )
          }
        }
      })
    )
  }
})
