import { UdpSocket } from "@effect-winsock/core"
import { MockDisturbance, MockExplorer, MockFault, MockNetwork, MockRule, MockTimeline } from "@effect-winsock/mock"
import { WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
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
    for (let n = 0; n < 10; n++) {
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

  it.live("the careful client passes, and 15 seeds are the same run twice", () =>
    Effect.gen(function* () {
      const explored = yield* MockExplorer.explore({ ...options(true, 15), repeatEvery: 1 })
      assert.strictEqual(explored.runs, 15)
      // seconds of virtual time for each
      assert.isAbove(explored.time / explored.runs, 4000)
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

  it.live("a program with chance, time or a memory of its own is told as such, and where its runs part", () =>
    Effect.gen(function* () {
      const told = (program: (hosts: Hosts) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
        Effect.gen(function* () {
          const { report } = yield* Effect.flip(MockExplorer.explore({ network, program, seeds: 40 }))
          assert.strictEqual(report.failure.kind, "Nondeterminism")
          assert.include(report.failure.message, "Date.now, Math.random")
          return report.failure.message
        })
      let count = 0
      const sends = (byte: () => number, size: () => number) => (net: Hosts) =>
        net.run(
          "client",
          Effect.flatMap(UdpSocket.bind(at("10.0.0.2", 0)), (socket) =>
            socket.send(new Uint8Array(size()).fill(byte()), at("10.0.0.1", 53))
          )
        )
      const constant = () => 1
      assert.include(
        yield* told(
          sends(
            () => Math.random() * 256,
            () => 8
          )
        ),
        "the same with another payload"
      )
      assert.match(
        yield* told(sends(() => ++count, constant)),
        /event \d+ was\n.*#1 sent.*\nand then\n  the same with another payload/
      )
      assert.match(yield* told(sends(constant, () => ++count)), /event \d+ was\n.*\nand then\n(?!  the same)/)
      assert.match(yield* told(() => Effect.sleep(++count)), /with the same events, until 0\.\d+s and until 0\.\d+s/)
      // what it failed of is told as well
      const failing = yield* told(() =>
        Effect.suspend(() => Effect.fail(new WrongAnswer({ message: `no ${++count}` })))
      )
      assert.match(failing, /the first: Failed \(WrongAnswer\): no \d+\nthe second: Failed \(WrongAnswer\): no \d+/)
      // whether it fails at all
      const sometimes = yield* told(() => Effect.suspend(() => (++count % 2 === 0 ? Effect.void : Effect.fail("odd"))))
      assert.include(sometimes, "it went well")
      // after runs that were the same
      let runs = 0
      yield* told(() => Effect.sleep(++runs < 10 ? 1 : runs))
    })
  )

  it.live("a program that the network hosts and that fails ends the run with what it failed of", () =>
    Effect.gen(function* () {
      const hosting = (server: Effect.Effect<unknown, unknown>) =>
        Effect.map(
          MockExplorer.run<"server" | "client", unknown>(
            {
              network,
              program: (net) => Effect.andThen(net.host("server", server), Effect.sleep("1 minute"))
            },
            1,
            [{ at: 10, duration: 10, disturbance: MockDisturbance.restart("server") }]
          ),
          ({ failure, time }) => [failure?.kind, failure?.name, time]
        )
      assert.deepStrictEqual(yield* hosting(Effect.delay(Effect.die(new TypeError("no")), 30)), [
        "Died",
        "TypeError",
        40
      ])
      assert.deepStrictEqual(yield* hosting(Effect.fail(new WrongAnswer({ message: "" }))), [
        "Failed",
        "WrongAnswer",
        0
      ])
      // what a crash ends has not failed, nor what ends by itself or with the run
      assert.deepStrictEqual(yield* hosting(Effect.never), [undefined, undefined, 60_000])
      assert.deepStrictEqual(yield* hosting(Effect.void), [undefined, undefined, 60_000])
    })
  )

  it.live("what cannot be explored is told with the option and the value", () =>
    Effect.gen(function* () {
      const wrong = (more: Partial<MockExplorer.Options<"server" | "client">>) =>
        Effect.map(
          Effect.exit(MockExplorer.explore({ network, program: () => Effect.void, seeds: 1, ...more })),
          (exit) => (Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "nothing")
        )
      const disturbances = MockDisturbance.mild
      const not = (name: string, least: number, value: number) =>
        `RangeError: ${name} of an exploration: not an integer of at least ${least}: ${value}`
      assert.strictEqual(yield* wrong({}), "nothing")
      assert.strictEqual(yield* wrong({ seeds: 0 }), not("seeds", 1, 0))
      assert.strictEqual(yield* wrong({ seeds: [] }), "RangeError: seeds of an exploration: none")
      assert.strictEqual(yield* wrong({ seeds: [1.5] }), not("seeds", 0, 1.5))
      assert.strictEqual(yield* wrong({ seed: -1 }), not("seed", 0, -1))
      assert.strictEqual(yield* wrong({ disturbances, within: 0 }), not("within", 1, 0))
      assert.strictEqual(yield* wrong({ disturbances, most: -1 }), not("most", 0, -1))
      assert.strictEqual(yield* wrong({ repeatEvery: 0 }), not("repeatEvery", 1, 0))
      assert.strictEqual(yield* wrong({ maxShortening: Number.NaN }), not("maxShortening", 0, Number.NaN))
    })
  )

  it.live("a mistake in the options is no finding of a seed: nothing runs, nothing is reported", () =>
    Effect.gen(function* () {
      let runs = 0
      const subject = { network, program: () => Effect.sync(() => void runs++) }
      const told = (exit: Exit.Exit<unknown, unknown>) =>
        Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? String(Cause.squash(exit.cause)) : "nothing"
      const wrong = (more: Partial<MockExplorer.Options<"server" | "client">>) =>
        Effect.map(Effect.exit(MockExplorer.explore({ ...subject, seeds: 3, ...more })), told)
      const of = (text: string) => `RangeError: ${text.replace(":", " of an exploration:")}`
      assert.strictEqual(yield* wrong({ maxTime: 0 }), of("maxTime: not more than 0: 0"))
      assert.strictEqual(yield* wrong({ maxTurns: Number.NaN }), of("maxTurns: not more than 0: NaN"))
      assert.strictEqual(yield* wrong({ maxTime: "5 minutes" as never }), of("maxTime: not more than 0: 5 minutes"))
      const nobody = MockDisturbance.fault("sever" as never, MockFault.cancelLoses())
      for (const one of [
        MockDisturbance.crash("sever"),
        MockDisturbance.restart("sever"),
        nobody,
        MockDisturbance.fault("server", MockFault.cancelLoses({ host: "sever" })),
        MockDisturbance.rule(MockRule.when(MockRule.drop, { from: "sever" }))
      ]) {
        const message = of(`disturbance: ${one.code}: not a host of its network (server, client): sever`)
        // whether it is drawn or not
        assert.strictEqual(yield* wrong({ disturbances: [one] as never, most: 0 }), message)
        // and what a seed draws later
        const late = () => (chance: MockRule.Chance) => (chance.below(50) === 0 ? one : harmless)
        assert.strictEqual(yield* wrong({ disturbances: [late()] as never, seeds: 200 }), message)
        const plan = [{ at: 1, duration: 1, disturbance: one }] as MockExplorer.Plan<never>
        assert.strictEqual(told(yield* Effect.exit(MockExplorer.run(subject, 1, plan))), message)
      }
      for (const [seed, plan, message] of [
        [1.5, [], "seed: not an integer of at least 0: 1.5"],
        [1, [{ at: -1, duration: 1, disturbance: harmless }], "at: not milliseconds: -1"],
        [1, [{ at: 1, duration: Number.NaN, disturbance: harmless }], "duration: not milliseconds: NaN"]
      ] as const) {
        assert.strictEqual(told(yield* Effect.exit(MockExplorer.run(subject, seed, plan))), of(message))
      }
      const nowhere = { hosts: { ...MockNetwork.twoHosts, client: { interfaces: [{ index: 0 }] } } } as never
      assert.match(yield* wrong({ network: nowhere }), /^RangeError: /)
      assert.throws(
        () => MockDisturbance.fault("server", MockFault.fail("WSASend", 0)),
        RangeError,
        "fault: code must be a number from 1"
      )
      assert.strictEqual(runs, 0)
    })
  )

  it.live("a list of seeds is those, a number counts up from the first", () =>
    Effect.gen(function* () {
      const ran = (more: Partial<MockExplorer.Options<"server" | "client">>) =>
        Effect.gen(function* () {
          const seeds: Array<number> = []
          // the seed of a run is that of its chance
          const program = () => Effect.map(Random.nextInt, (one) => void seeds.push(one))
          yield* MockExplorer.explore({ network, program, repeatEvery: 1000, ...more })
          return new Set(seeds)
        })
      const three = yield* ran({ seeds: 3, seed: 7 })
      assert.strictEqual(three.size, 3)
      assert.deepStrictEqual(yield* ran({ seeds: [7, 8, 9] }), three)
      assert.includeMembers([...three], [...(yield* ran({ seeds: [9] }))])
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
      assert.strictEqual(yield* kind({ program: () => Effect.interrupt }), "Interrupted Interrupted")
      assert.strictEqual(yield* kind({ invariant: () => "no" }), "Invariant Invariant")
      const throws = () => {
        throw new TypeError("no")
      }
      assert.strictEqual(yield* kind({ program: throws }), "Died TypeError")
      assert.strictEqual(yield* kind({ invariant: throws }), "Invariant Invariant")
      // what hangs whatever one does, and what nobody will ever settle
      assert.strictEqual(yield* kind({ program: () => Effect.uninterruptible(Effect.never) }), "Stopped Deadlock")
      assert.strictEqual(
        yield* kind({ program: () => Effect.promise(() => new Promise(() => {})) }),
        "Stopped Deadlock"
      )
      const forks = () => Effect.andThen(Effect.forkDetach(Effect.forever(Effect.sleep("1 second"))), Effect.sleep(10))
      assert.strictEqual(yield* kind({ program: forks }), "Guard Asleep")
      const leaves = ({ hosts }: Hosts) => Effect.sync(() => hosts.client.seam.memory.alloc(16))
      assert.strictEqual(yield* kind({ program: leaves }), "Guard Guard")
    })
  )

  it.live("an interruption ends the run that is on, with all that it has, and there is no other", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      let runs = 0
      let released = 0
      const program = ({ host, run }: Hosts) =>
        Effect.gen(function* () {
          runs++
          yield* Effect.addFinalizer(() => Effect.sync(() => released++))
          yield* host("server", echo)
          yield* run(
            "client",
            Effect.andThen(Deferred.succeed(begun, undefined), Effect.forever(Effect.sleep("1 second")))
          )
        })
      const endless = {
        network,
        program,
        maxTime: 1e12,
        maxTurns: 1e9,
        disturbances: MockDisturbance.crashes("server")
      }
      const fiber = yield* Effect.forkChild(MockExplorer.explore(endless))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([runs, released], [1, 1])
    })
  )

  it.live("a disturbance that dies ends the run", () =>
    Effect.gen(function* () {
      const bad = { ...harmless, begin: () => Effect.die(new Error("a bug")) }
      const plan = [{ at: 10, duration: 10, disturbance: bad }]
      const { failure } = yield* MockExplorer.run({ network, program: () => Effect.sleep(100) }, 1, plan)
      assert.deepStrictEqual(failure, { kind: "Died", name: "Error", message: "a bug" })
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

  it.live("leaves out what was needed only while the others were long", () =>
    Effect.gen(function* () {
      let shortest: ReadonlyArray<(typeof parts)[number]> = parts
      // the third calls for the fourth, unless it is short
      const fails = (plan: typeof shortest) => {
        const third = plan.find(({ id }) => id === 3)
        return third !== undefined && (third.duration < 500 || plan.some(({ id }) => id === 4))
      }
      yield* shorten(parts, 1000, (plan) =>
        Effect.sync(() => {
          if (fails(plan)) shortest = plan
          return fails(plan)
        })
      )
      assert.deepStrictEqual(shortest, [{ id: 3, duration: 1 }])
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
