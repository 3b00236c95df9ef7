// The simulated provider that scenarios run on: a machine of its own for each.
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Provider, run } from "./Run.ts"
import type { Outcome, Scenario } from "./Steps.ts"

/** A started machine, which answers a receive that cuts a datagram as was seen natively: Windows leaves it open. */
export const simulated: Effect.Effect<Provider, never, Scope.Scope> = Effect.gen(function* () {
  const { seam, settled } = yield* MockWinsock.make({
    guard: "collect",
    trace: false,
    truncationAnswer: "emsgsize+packet"
  })
  const data = seam.memory.alloc(512)
  yield* Effect.acquireRelease(
    Effect.sync(() => seam.calls.WSAStartup(0x0202, data.address)),
    () =>
      Effect.sync(() => {
        seam.calls.WSACleanup()
        seam.memory.free(data)
      })
  )
  return { seam, settled }
})

export const runSimulated = (scenario: Scenario): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.scoped(Effect.flatMap(simulated, (provider) => run(provider, scenario)))
