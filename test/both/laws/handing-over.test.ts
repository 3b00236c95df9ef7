import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { scribbler } from "../../support/hostile.ts"
import { bind, interruptSoon, lawInEachMode as law, numbered, numberOf, start } from "../../support/rig.ts"

/** Comes to an effect after some of the steps that Effect allows before it yields. */
const after = <A, E, R>(steps: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  steps === 0 ? effect : Effect.suspend(() => after(steps - 1, effect))

describe("L9: delivered is the step in which the receive effect succeeds", () => {
  for (const call of ["receive", "pull"] as const) {
    for (const most of [8, 16, 24]) {
      law(
        `a ${call} that yields after ${most} steps and is interrupted there takes nothing with it`,
        ({ statistics }) =>
          Effect.gen(function* () {
            const socket = yield* bind({ lookAhead: 1, batch: 1 })
            for (let n = 0; n < most; n++) {
              yield* socket.send(numbered(n), socket.address)
              while ((yield* statistics).inbox === 0) yield* Effect.yieldNow
              const got: Array<number> = []
              const take =
                call === "receive"
                  ? Effect.map(socket.receive, (message) => void got.push(numberOf(message)))
                  : Effect.map(socket.pull, (batch) => void got.push(...batch.map(numberOf)))
              const fiber = yield* start(Effect.provideService(after(n, take), Scheduler.MaxOpsBeforeYield, most))
              yield* interruptSoon(fiber)
              yield* Fiber.await(fiber)
              assert.strictEqual(got.length + (yield* statistics).inbox, 1, "given out, or still there")
              if (got.length === 0) got.push(numberOf(yield* socket.receive))
              assert.deepStrictEqual(got, [n])
            }
          })
      )
    }
  }

  law("who comes back for more in the same step waits behind those who wait", ({ gate }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const got: Array<string> = []
      const take = (who: string) => Effect.map(socket.receive, (message) => void got.push(who + numberOf(message)))
      const first = yield* start(Effect.andThen(take("a"), take("a")))
      const second = yield* start(take("b"))
      gate.close()
      for (const n of [1, 2]) yield* socket.send(numbered(n), socket.address)
      yield* gate.awaitHeld(2)
      gate.open()
      yield* Fiber.join(second)
      yield* socket.send(numbered(3), socket.address)
      yield* Fiber.join(first)
      assert.deepStrictEqual(got, ["a1", "b2", "a3"])
    })
  )

  const scribbles = scribbler()
  law(
    "a datagram that was cut is told from its status, when the provider sets no flag",
    () =>
      Effect.gen(function* () {
        const socket = yield* bind({ maxMessageSize: 4 })
        const fiber = yield* start(socket.receive)
        scribbles.once((d) => d.operations.forEach(({ message }) => (message.dwFlags = 0)))
        yield* socket.send(new Uint8Array(5), socket.address)
        assert.isTrue((yield* Fiber.join(fiber)).truncated)
      }),
    { decorate: scribbles.decorate }
  )
})
