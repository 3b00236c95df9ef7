// Blocking calls of programs that do what they should not.
import { BlockingSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { bind, law, loopback, start } from "../../support/rig.ts"
import { bytes, tag } from "../../support/udp.ts"

const turns = (n: number) =>
  Effect.repeat(
    Effect.promise(() => new Promise((next) => setImmediate(next))),
    { times: n }
  )

describe("BlockingSocket, hostile programs", () => {
  law("a payload that is none any more when its send's turn has come is refused, and the line goes on", () =>
    Effect.gen(function* () {
      const [one, two, three] = yield* Effect.all(Array.from({ length: 3 }, () => BlockingSocket.bind(loopback)))
      const other = yield* bind()
      // both places are taken
      const first = yield* start(one.receiveMessage)
      const second = yield* start(two.receiveMessage)
      yield* turns(3)
      const payload = [bytes(1)]
      const changed = yield* start(tag(three.send(payload, other.address)))
      const next = yield* start(three.send(bytes(2), other.address))
      Object.assign(payload, [null])
      yield* other.send(bytes(3), one.address)
      yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(changed), "InvalidArgument")
      assert.strictEqual(yield* Fiber.join(next), 1)
      assert.deepStrictEqual([...(yield* other.receive).payload], [2])
      yield* Fiber.interrupt(second)
    })
  )

  law("a receive that blocks goes on when routines are outstanding since, whoever else comes and goes", () =>
    Effect.gen(function* () {
      const socket = yield* BlockingSocket.bind(loopback)
      const other = yield* bind()
      const blocked = yield* start(socket.receiveMessage)
      const next = yield* start(socket.receiveMessage)
      yield* turns(3)
      const byRoutine = yield* bind({ completion: "routine" })
      const receiving = yield* start(byRoutine.receive)
      yield* Fiber.interrupt(next)
      yield* turns(3)
      yield* other.send(bytes(1), socket.address)
      assert.deepStrictEqual([...(yield* Fiber.join(blocked)).payload], [1])
      yield* Fiber.interrupt(receiving)
    })
  )
})
