import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { bind, interruptSoon, law, numbered, numberOf, start } from "../../support/rig.ts"

/** Comes to an effect after some of the steps that Effect allows before it yields. */
const after = <A, E, R>(steps: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  steps === 0 ? effect : Effect.suspend(() => after(steps - 1, effect))

describe("L9: delivered is the step in which the receive effect succeeds", () => {
  for (const most of [8, 16, 24]) {
    law(`a fiber that yields after ${most} steps and is interrupted there takes nothing with it`, ({ statistics }) =>
      Effect.gen(function* () {
        const socket = yield* bind({ lookAhead: 1 })
        for (let n = 0; n < most; n++) {
          yield* socket.send(numbered(n), socket.address)
          while ((yield* statistics).inbox === 0) yield* Effect.yieldNow
          const got: Array<number> = []
          const receive = Effect.map(socket.receive, (message) => void got.push(numberOf(message)))
          const fiber = yield* start(Effect.provideService(after(n, receive), Scheduler.MaxOpsBeforeYield, most))
          yield* interruptSoon(fiber)
          yield* Fiber.await(fiber)
          assert.strictEqual(got.length + (yield* statistics).inbox, 1, "given out, or still there")
          if (got.length === 0) got.push(numberOf(yield* socket.receive))
          assert.deepStrictEqual(got, [n])
        }
      })
    )
  }
})
