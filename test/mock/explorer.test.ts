import { UdpSocket } from "@effect-winsock/core"
import { MockDisturbance, MockExplorer, MockNetwork, MockTimeline } from "@effect-winsock/mock"
import { WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import { shorten } from "../../packages/mock/src/internal/Shortening.ts"

class WrongAnswer extends Data.TaggedError("WrongAnswer")<{ readonly message: string }> {}

const at = (ip: string, port: number) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)

const network = { hosts: MockNetwork.twoHosts } as const
type Hosts = MockNetwork.MockNetwork<"server" | "client">

const echo = Effect.gen(function* () {
  const socket = yield* UdpSocket.bind(at("10.0.0.1", 53))
  yield* Effect.forever(Effect.flatMap(socket.receive, (message) => socket.reply(message, message.payload)))
})

/** Asks, and again after a second; `careful` looks whether the answer is one to this question. */
const asks = (careful: boolean) =>
  Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(at("10.0.0.2", 0))
    const answer = (n: number): Effect.Effect<number, unknown> =>
      Effect.flatMap(socket.receive, ({ payload }) =>
        careful && payload[0] !== n ? answer(n) : Effect.succeed(payload[0])
      )
    for (let n = 0; n < 20; n++) {
      const ask = Effect.andThen(socket.send(new Uint8Array([n]), at("10.0.0.1", 53)), answer(n))
      const got = yield* ask.pipe(Effect.timeout("1 second"), Effect.retry({ times: 100 }))
      if (got !== n) return yield* new WrongAnswer({ message: `${got} to question ${n}` })
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 1000))
    }
  })

const program =
  (careful: boolean) =>
  ({ hosts }: Hosts) =>
    Effect.raceFirst(
      echo.pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.server))),
      asks(careful).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
    )

const harmless: MockDisturbance.Disturbance = { description: "nothing", code: "harmless", begin: () => Effect.void }

const options = (careful: boolean, seeds = 100) => ({
  network,
  seeds,
  program: program(careful),
  disturbances: [harmless, harmless, MockDisturbance.stall]
})

describe("an exploration", () => {
  it.live("finds a client that takes a late answer for another's, and shortens the plan to the stall", () =>
    Effect.gen(function* () {
      const { report } = yield* Effect.flip(MockExplorer.explore(options(false)))
      assert.deepStrictEqual([report.failure.kind, report.failure.name], ["Failed", "WrongAnswer"])
      assert.deepStrictEqual(
        report.shortest.plan.map(({ disturbance }) => disturbance.code),
        ["MockDisturbance.stall"]
      )
      assert.strictEqual(report.shortest.failure?.name, "WrongAnswer")
      // half as long would not be enough
      const [{ duration, ...rest }] = report.shortest.plan
      const shorter = yield* MockExplorer.run(options(false), report.seed, [{ ...rest, duration: duration >> 1 }])
      assert.isUndefined(shorter.failure)
    })
  )

  it.live("a seed is the same run each time, with its trace, and the report says how to have it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(MockExplorer.explore(options(false)))
      const { failure, plan, seed, shortest } = error.report
      const once = yield* MockExplorer.replay(options(false), seed)
      assert.deepStrictEqual([once.failure, once.plan], [failure, plan])
      assert.deepStrictEqual(yield* MockExplorer.replay(options(false), seed), once)
      assert.deepStrictEqual(yield* MockExplorer.run(options(false), seed, shortest.plan), shortest)
      assert.include(error.message, `seed ${seed}: Failed (WrongAnswer)`)
      assert.include(error.message, `MockExplorer.run(options, ${seed}, [\n  { at: ${shortest.plan[0].at}, duration: `)
      assert.include(error.message, "disturbance: MockDisturbance.stall }\n])")
      assert.include(MockTimeline.toSvg(shortest.trace), "<svg")
    })
  )

  it.live("the careful client passes, and 60 seeds are the same run twice", () =>
    Effect.gen(function* () {
      const explored = yield* MockExplorer.explore({ ...options(true, 60), repeatEvery: 1 })
      assert.strictEqual(explored.runs, 60)
      // minutes of virtual time for each
      assert.isAbove(explored.time / explored.runs, 5000)
    })
  )

  it.live("a fault at calls is found too, and is what is left of the plan", () =>
    Effect.gen(function* () {
      const fault = MockDisturbance.fault("client", { call: "WSASendMsg", code: WSAENOBUFS })
      const fragile = ({ hosts }: Hosts) =>
        Effect.gen(function* () {
          const socket = yield* UdpSocket.bind(at("10.0.0.2", 0))
          for (let n = 0; n < 10; n++) {
            yield* socket.send(new Uint8Array([n]), at("10.0.0.1", 53))
            yield* Effect.sleep(1000)
          }
        }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
      const found = yield* Effect.flip(
        MockExplorer.explore({ network, seeds: 50, program: fragile, disturbances: [harmless, fault] })
      )
      assert.strictEqual(found.report.failure.name, "WinsockError")
      assert.deepStrictEqual(
        found.report.shortest.plan.map(({ disturbance }) => disturbance),
        [fault as MockDisturbance.Disturbance]
      )
    })
  )

  it.live("a program that waits for ever is told with who waits", () =>
    Effect.gen(function* () {
      const waits = ({ hosts }: Hosts) =>
        Effect.flatMap(UdpSocket.bind(at("10.0.0.1", 53)), ({ receive }) => receive).pipe(
          Effect.scoped,
          Effect.provide(MockNetwork.layer(hosts.server))
        )
      const error = yield* Effect.flip(MockExplorer.explore({ network, program: waits }))
      const { failure, seed } = error.report
      assert.deepStrictEqual([failure.kind, failure.name, seed], ["Stopped", "Deadlock", 1])
      assert.match(error.message, /nothing will ever happen[^]*10\.0\.0\.1:53/)
    })
  )

  it.live("a program with chance of its own is told as such, whether it fails or not", () =>
    Effect.gen(function* () {
      const random = ({ hosts }: Hosts) =>
        Effect.gen(function* () {
          const socket = yield* UdpSocket.bind(at("10.0.0.2", 0))
          yield* socket.send(new Uint8Array([Math.random() * 256, Math.random() * 256]), at("10.0.0.1", 53))
        }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.client)))
      const error = yield* Effect.flip(MockExplorer.explore({ network, program: random }))
      assert.strictEqual(error.report.failure.kind, "Nondeterminism")
      const fails = yield* Effect.flip(
        MockExplorer.explore({ network, program: () => Effect.fail(String(Math.random())) })
      )
      assert.strictEqual(fails.report.failure.kind, "Nondeterminism")
    })
  )

  it.live("defects, time that runs out, what is left behind and invariants are kinds of failure", () =>
    Effect.gen(function* () {
      const kind = (more: Partial<MockExplorer.Subject<"server" | "client">>) =>
        Effect.map(
          MockExplorer.run<"server" | "client", unknown>({ network, program: () => Effect.void, ...more }, 1),
          ({ failure }) => failure && `${failure.kind} ${failure.name}`
        )
      assert.isUndefined(yield* kind({}))
      assert.strictEqual(yield* kind({ program: () => Effect.die(new TypeError("no")) }), "Died TypeError")
      assert.strictEqual(yield* kind({ program: () => Effect.sleep("2 hours") }), "Stopped MaxTime")
      assert.strictEqual(yield* kind({ program: () => Effect.forever(Effect.yieldNow) }), "Stopped MaxTurns")
      assert.strictEqual(yield* kind({ program: () => Effect.interrupt }), "Interrupted Error")
      assert.strictEqual(yield* kind({ invariant: () => "no" }), "Invariant Invariant")
      const leaves = ({ hosts }: Hosts) => Effect.sync(() => hosts.client.seam.memory.alloc(16))
      assert.strictEqual(yield* kind({ program: leaves }), "Guard Guard")
    })
  )

  it.live("a disturbance that dies ends the run", () =>
    Effect.gen(function* () {
      const bad = MockDisturbance.fault<"client" | "server">("nobody" as "client", {
        call: "WSASendTo",
        code: WSAENOBUFS
      })
      const plan = [{ at: 10, duration: 10, disturbance: bad }]
      const { failure } = yield* MockExplorer.run({ network, program: () => Effect.sleep(100) }, 1, plan)
      assert.strictEqual(failure?.kind, "Died")
    })
  )
})

describe("shortening", () => {
  const parts = Array.from({ length: 16 }, (_, id) => ({ id, duration: 1000 }))

  it.live("leaves what is needed together, at its shortest", () =>
    Effect.gen(function* () {
      let shortest: ReadonlyArray<(typeof parts)[number]> = parts
      const needs = (plan: typeof shortest) =>
        plan.some(({ id }) => id === 3) && plan.some(({ duration, id }) => id === 11 && duration >= 100)
      const runs = yield* shorten(parts, 1000, (plan) =>
        Effect.sync(() => {
          if (needs(plan)) shortest = plan
          return needs(plan)
        })
      )
      assert.deepStrictEqual(shortest, [
        { id: 3, duration: 1 },
        { id: 11, duration: 125 }
      ])
      assert.isBelow(runs, 120)
    })
  )

  it.live("asks no more often than it may", () =>
    Effect.gen(function* () {
      let asked = 0
      const count = Effect.sync(() => ++asked > 100)
      assert.strictEqual(yield* shorten(parts, 7, () => count), 7)
      assert.strictEqual(asked, 7)
    })
  )
})
