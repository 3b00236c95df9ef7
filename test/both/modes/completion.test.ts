// A little of everything in each way of completion; the laws are tested in all of them too.
import type { Winsock } from "@effect-winsock/core"
import { Decorators, UdpSocket } from "@effect-winsock/core"
import { WSAEMSGSIZE } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Rig } from "../../support/rig.ts"
import { bind, law, lawInEachMode, loopback, numbered, numberOf, start } from "../../support/rig.ts"
import { listen, pair, settledAt, text, utf8 } from "../../support/tcp.ts"
import { refuses } from "../../support/udp.ts"

const modes: ReadonlyArray<Winsock.Completion> = ["port", "event", "routine"]

/** Which ways the calls that pend were made in: by what they were given. */
const waysOf = ({ recorder }: Rig): ReadonlyArray<string> => {
  const found = new Set<string>()
  if (recorder.count("CreateIoCompletionPort", ({ args }) => args.ExistingCompletionPort !== 0) > 0) found.add("port")
  const calls = [...recorder.of("WSARecvMsg"), ...recorder.of("WSARecv")]
  if (calls.some(({ args }) => args.lpCompletionRoutine !== 0)) found.add("routine")
  if (recorder.count("WSACreateEvent") > 0) found.add("event")
  return [...found]
}

describe("a socket and its layer choose how operations complete", () => {
  for (const completion of modes) {
    law(`datagrams by ${completion}, busy and idle`, (rig) =>
      Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(loopback, { completion })
        for (const n of [0, 1, 2]) {
          const fiber = yield* start(socket.receive)
          yield* socket.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
        const interrupted = yield* start(socket.receive)
        yield* Effect.sleep(50)
        yield* Fiber.interrupt(interrupted)
        const idle = yield* start(socket.receive)
        yield* Effect.sleep(50)
        yield* socket.send(numbered(9), socket.address)
        assert.strictEqual(numberOf(yield* Fiber.join(idle)), 9)
        assert.include(waysOf(rig), completion)
        if (completion !== "port") assert.notInclude(waysOf(rig), "port")
      })
    )

    law(`a connection by ${completion}: what the server is, its connections are`, (rig) =>
      Effect.gen(function* () {
        const server = yield* listen({ completion })
        const { accepted, client } = yield* pair(server, { completion })
        const waiting = yield* start(accepted.receive)
        yield* Effect.sleep(20)
        yield* client.send(utf8("hello"))
        assert.strictEqual(text(yield* Fiber.join(waiting)), "hello")
        const idle = yield* start(client.receive)
        yield* Effect.sleep(20)
        yield* accepted.send(utf8("world"))
        assert.strictEqual(text(yield* Fiber.join(idle)), "world")
        assert.include(waysOf(rig), completion)
        if (completion !== "port") assert.notInclude(waysOf(rig), "port")
      })
    )
  }

  lawInEachMode("sockets of all ways live side by side in one layer", ({ statistics }) =>
    Effect.gen(function* () {
      const sockets = yield* Effect.forEach([undefined, ...modes], (completion) =>
        UdpSocket.bind(loopback, { completion })
      )
      const fibers = yield* Effect.forEach(sockets, ({ receive }) => start(receive))
      assert.strictEqual((yield* statistics).pending, sockets.length)
      yield* Effect.forEach(sockets, ({ address }, n) => sockets[0].send(numbered(n), address))
      for (const [n, fiber] of fibers.entries()) assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
    })
  )

  lawInEachMode("a call that fails with WSAEMSGSIZE and begins nothing has its own answer for a result", (rig) =>
    Effect.gen(function* () {
      const { failing, statistics } = rig
      const socket = yield* bind({ maxMessageSize: 8 })
      failing.add({ call: "WSARecvMsg", when: ({ lpOverlapped }) => lpOverlapped !== 0, nth: 1, code: WSAEMSGSIZE })
      const cut = yield* socket.receive
      assert.deepStrictEqual([cut.truncated, cut.payload.length], [true, 8])
      yield* settledAt(statistics, 1)
      assert.deepStrictEqual([(yield* statistics).pending, (yield* statistics).slots.used], [0, 0])
      yield* socket.send(numbered(5), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 5)
    })
  )

  for (const completion of modes) {
    const delaying = Decorators.delay()
    law(
      `by ${completion} a completion can be delayed, in time or by others, and loses nothing`,
      () =>
        Effect.gen(function* () {
          const socket = yield* bind()
          for (const rule of [{ milliseconds: 20 }, { dequeues: 2 }] as const) {
            const begun = performance.now()
            const withdraw = delaying.add(rule)
            const fibers = yield* Effect.forEach([1, 2, 3], () => start(socket.receive))
            for (const n of [1, 2, 3]) yield* socket.send(numbered(n), socket.address)
            if (completion === "routine" && "dequeues" in rule) delaying.clear()
            for (const [i, fiber] of fibers.entries()) assert.strictEqual(numberOf(yield* Fiber.join(fiber)), i + 1)
            if ("milliseconds" in rule) assert.isAtLeast(performance.now() - begun, 15)
            withdraw()
          }
          assert.strictEqual(delaying.held, 0)
        }),
      { completion, decorate: delaying.decorate }
    )
  }

  law("what is no way is refused, by name", () =>
    Effect.gen(function* () {
      const completion = "poll" as "port"
      yield* refuses(bind({ completion }), "completion", completion)
      yield* refuses(listen({ completion }), "completion", completion)
    })
  )
})
