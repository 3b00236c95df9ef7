import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Mock } from "@effect-winsock/mock/MockWinsock"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import { numbered, start } from "../support/rig.ts"

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

const law = <E>(
  name: string,
  body: (mock: Mock) => Effect.Effect<unknown, E, Winsock.Winsock | Scope.Scope>,
  modes: ReadonlyArray<Winsock.Completion> = ["port", "event", "routine"]
): void => {
  for (const completion of modes) {
    it.effect(`${name}, by ${completion}`, () =>
      Effect.gen(function* () {
        const mock = yield* MockWinsock.make()
        const winsock = yield* Winsock.make(mock.seam, { completion })
        yield* Effect.scoped(body(mock)).pipe(Effect.provideService(Winsock.Winsock, winsock))
      }).pipe(Effect.scoped)
    )
  }
}

const isKept = (mock: Mock, kept: boolean, when: string) =>
  Effect.gen(function* () {
    yield* mock.settled
    assert.strictEqual(yield* mock.keptAlive, kept, when)
  })

describe("L7: the process is kept alive exactly while a fiber waits", () => {
  law("not for a socket, nor for its look-ahead, nor for what is in the inbox", (mock) =>
    Effect.gen(function* () {
      yield* isKept(mock, false, "before")
      const socket = yield* UdpSocket.bind(loopback, { lookAhead: 4 })
      yield* isKept(mock, false, "bound")
      yield* socket.send(numbered(1), socket.address)
      yield* isKept(mock, false, "with a message")
      yield* socket.receive
      yield* isKept(mock, false, "without")
    })
  )

  law("for each that waits, until the last got a message, or was interrupted", (mock) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(loopback)
      const other = yield* UdpSocket.bind(loopback, { lookAhead: 1 })
      const first = yield* start(socket.receive)
      yield* isKept(mock, true, "one waits")
      const second = yield* start(other.pull)
      yield* isKept(mock, true, "two wait")
      yield* socket.send(numbered(1), socket.address)
      yield* Fiber.join(first)
      yield* isKept(mock, true, "one got its message")
      yield* Fiber.interrupt(second)
      yield* isKept(mock, false, "the other was interrupted")
      yield* Fiber.interrupt(yield* start(socket.receive))
      yield* isKept(mock, false, "a cancelled one")
    })
  )

  law("for a send that waits for room", (mock) =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(loopback)
      const fiber = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* mock.hold
          // more than a send buffer holds
          const fiber = yield* start(
            Effect.gen(function* () {
              for (let i = 0; i < 8; i++) yield* socket.send(new Uint8Array(40_000), socket.address)
            })
          )
          yield* isKept(mock, true, "it waits")
          return fiber
        })
      )
      yield* Fiber.join(fiber)
      yield* isKept(mock, false, "it was sent")
    })
  )

  law("no longer than it takes to close", (mock) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const socket = yield* Scope.provide(UdpSocket.bind(loopback), scope)
      const fiber = yield* start(Effect.exit(socket.receive))
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      yield* isKept(mock, false, "closed")
    })
  )

  law(
    "at exit the off-thread wait is woken, and nothing is when there is none",
    (mock) =>
      Effect.gen(function* () {
        const posts = Effect.map(
          mock.trace,
          (events) => events.filter((e) => e._tag === "Call" && e.name === "PostQueuedCompletionStatus").length
        )
        yield* mock.exit
        assert.strictEqual(yield* posts, 0)
        const socket = yield* UdpSocket.bind(loopback)
        const fiber = yield* start(socket.receive)
        yield* mock.settled
        yield* mock.exit
        assert.strictEqual(yield* posts, 1)
        yield* Fiber.interrupt(fiber)
      }),
    // by event it is the wait for events that is woken, by routine there is none
    ["port"]
  )
})
