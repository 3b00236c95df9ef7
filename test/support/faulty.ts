// A simulated machine whose calls go wrong, on a test's clock: whatever its faults, what is begun ends within virtual time,
// and the released layer holds nothing.
import { Winsock } from "@effect-winsock/core"
import { MockWinsock } from "@effect-winsock/mock"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { held, nothing, start } from "./rig.ts"

export interface Faulty {
  readonly mock: MockWinsock.Mock
  readonly statistics: Effect.Effect<Winsock.Statistics>
  /** Runs an effect to its end while the clock goes; fails when it takes longer than so many virtual milliseconds. */
  readonly within: <A, E, R>(milliseconds: number, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** How often faults struck, by what they do. */
  readonly struck: Effect.Effect<ReadonlyMap<string, number>>
}

export interface FaultyOptions extends MockWinsock.Options {
  readonly winsock?: Winsock.Options
  /** How many operations the kernel is expected never to give back. */
  readonly leaked?: number
}

const step = 100

const withinOf = (mock: MockWinsock.Mock): Faulty["within"] =>
  Effect.fnUntraced(function* (milliseconds, effect) {
    const fiber = yield* start(effect)
    for (let passed = 0; ; passed += step) {
      yield* mock.settled
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return yield* exit
      if (passed >= milliseconds) return assert.fail(`it has not ended after ${milliseconds} ms`)
      yield* TestClock.adjust(step)
    }
  })

export const withFaulty = <A, E>(
  body: (faulty: Faulty) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  { leaked = 0, winsock: options, ...behaviour }: FaultyOptions = {}
): Effect.Effect<void, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make({ guard: leaked === 0 ? "strict" : "collect", ...behaviour })
      const within = withinOf(mock)
      const layer = yield* Scope.make()
      const winsock = yield* Scope.provide(Winsock.make(mock.seam, options), layer)
      const scope = yield* Scope.make()
      const struck = Effect.map(mock.trace, (trace) => {
        const counts = new Map<string, number>()
        for (const event of trace) {
          if (event._tag === "Faulted") counts.set(event.description, (counts.get(event.description) ?? 0) + 1)
        }
        return counts
      })
      const exit = yield* body({ mock, statistics: winsock.statistics, within, struck }).pipe(
        Effect.provideService(Winsock.Winsock, winsock),
        Scope.provide(scope),
        Effect.exit
      )
      // the body's sockets, then the layer: each within two periods of grace
      yield* within(15_000, Scope.close(scope, Exit.void))
      yield* within(15_000, Scope.close(layer, Exit.void))
      yield* exit
      const statistics = yield* winsock.statistics
      assert.deepStrictEqual(held(statistics), nothing, "what the released layer still holds")
      assert.strictEqual(statistics.leaked, leaked, "operations that were given up")
    })
  )

/** A test on a machine whose calls go wrong. */
export const faulty = <A, E>(
  name: string,
  body: (faulty: Faulty) => Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>,
  options?: FaultyOptions
): void => it.effect(name, () => withFaulty(body, options))
