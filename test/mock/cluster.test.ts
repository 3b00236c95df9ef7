// Effect's cluster over simulated machines, in virtual time: calls of entities, a runner that dies, partitions.
import { MockClock, MockNetwork, MockRule } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as References from "effect/References"
import type { Counted } from "../../examples/cluster/counter.ts"
import * as programs from "../../examples/cluster/programs.ts"

const at = NetAddress.inetAddressFromIpStringUnsafe
const { pace } = programs

const registryAt = at("10.0.0.1", 7000)
const runnerAt = { one: at("10.0.0.2", 7000), two: at("10.0.0.3", 7000) }
const names = Array.from({ length: 8 }, (_, n) => `counter ${n}`)

/** The network of a registry, two runners and a client, all of them up and known to each other. */
const cluster = Effect.fnUntraced(function* (seed: number) {
  const network = yield* MockNetwork.make({
    seed,
    hosts: { registry: {}, one: {}, two: {}, client: {} },
    links: { room: { subnets: "10.0.0.0/24", hosts: ["registry", "one", "two", "client"] } }
  })
  yield* network.host("registry", Effect.orDie(programs.registry(registryAt, pace)))
  yield* network.host("one", Effect.orDie(programs.runner(runnerAt.one, registryAt, pace)))
  yield* network.host("two", Effect.orDie(programs.runner(runnerAt.two, registryAt, pace)))
  return network
})

type Said = typeof Counted.Type

/**
 * An answer of a counter that had been replaced: two of one name were there. Each moves to another runner, or begins anew
 * where it was, so that whoever asks one after the other hears a time of birth that only grows, and a count that grows
 * within it.
 */
const stale = (said: ReadonlyArray<Said>): Said | undefined =>
  said.find(({ count, runner, since }, n) => {
    const before = said[n - 1]
    if (before === undefined || before.since < since) return false
    return before.since > since || before.runner !== runner || before.count >= count
  })

/** What the cluster logs of its troubles, which the tests make, is left out. */
const quietly = Effect.provideService(References.MinimumLogLevel, "None")

const everywhere = Effect.forEach(names, (name) => programs.add(name, 1), { concurrency: "unbounded" })

const members = (said: ReadonlyArray<Said>) => [...new Set(said.map(({ runner }) => runner))].toSorted()

describe("a cluster of simulated machines", () => {
  it.live("has the entities on both runners, and calls them from a third machine", () =>
    Effect.gen(function* () {
      const network = yield* cluster(1)
      yield* Effect.sleep("10 seconds")
      const said = yield* network.run(
        "client",
        Effect.provide(Effect.andThen(everywhere, everywhere), programs.client(registryAt, pace))
      )
      assert.deepStrictEqual(new Set(said.map(({ count }) => count)), new Set([2]))
      assert.deepStrictEqual(members(said), ["10.0.0.2:7000", "10.0.0.3:7000"])
    }).pipe(Effect.scoped, quietly, MockClock.run)
  )

  it.live("goes on when a runner is killed, and has it back when it is there again", () =>
    Effect.gen(function* () {
      const network = yield* cluster(2)
      yield* Effect.sleep("10 seconds")
      const story = Effect.gen(function* () {
        const before = yield* everywhere
        yield* network.crash("one")
        const without = yield* everywhere
        const lost = yield* Clock.currentTimeMillis
        yield* network.restart("one")
        yield* Effect.sleep("20 seconds")
        return { before, without, lost, after: yield* everywhere }
      })
      const { after, before, lost, without } = yield* network.run(
        "client",
        Effect.provide(story, programs.client(registryAt, pace))
      )
      assert.deepStrictEqual(members(before), ["10.0.0.2:7000", "10.0.0.3:7000"])
      assert.deepStrictEqual(members(without), ["10.0.0.3:7000"])
      assert.deepStrictEqual(members(after), ["10.0.0.2:7000", "10.0.0.3:7000"])
      // ten seconds to begin with, then until the lock of the dead is over and it was found out
      assert.isBelow(lost, 40_000)
      // those that stayed where they were have lost nothing
      for (const [n, said] of before.entries()) {
        if (said.runner === "10.0.0.3:7000") assert.strictEqual(without[n].since, said.since)
      }
    }).pipe(Effect.scoped, quietly, MockClock.run)
  )

  for (const seed of [13, 14, 15, 16]) {
    it.live(`survives partitions, loss and delay, seed ${seed}`, () =>
      Effect.gen(function* () {
        const network = yield* cluster(seed)
        const others = { one: ["registry", "two", "client"], two: ["registry", "one", "client"] } as const
        yield* Effect.sleep("10 seconds")
        yield* network.rules(MockRule.loss(0.02), MockRule.latency({ min: 1, max: "20 millis" }))
        const heard = new Map(names.map((name) => [name, [] as Array<Said>]))
        const asking = Effect.forEach(
          names,
          (name) => Effect.map(programs.add(name, 1), (said) => void heard.get(name)!.push(said)),
          { concurrency: "unbounded", discard: true }
        )
        // one of the runners loses sight of some of the others, then the other of all, for longer than pings are patient
        const [first, second] = seed % 2 === 0 ? (["one", "two"] as const) : (["two", "one"] as const)
        const apart = (who: "one" | "two", count: number) =>
          Effect.scoped(Effect.andThen(network.partition(who, others[who].slice(0, count)), Effect.sleep("90 seconds")))
        const storm = Effect.gen(function* () {
          yield* apart(first, 1 + (seed % 3))
          yield* Effect.sleep("20 seconds")
          yield* apart(second, 3)
        })
        const story = Effect.gen(function* () {
          yield* asking
          yield* Effect.raceFirst(storm, Effect.forever(Effect.andThen(asking, Effect.sleep("1 second"))))
          // it has healed, and is whole
          yield* Effect.sleep("40 seconds")
          yield* asking
        })
        yield* network.run("client", Effect.provide(story, programs.client(registryAt, pace)))
        const all = [...heard.values()]
        for (const said of all) {
          assert.isAbove(said.length, 5)
          assert.isUndefined(stale(said), JSON.stringify(said))
        }
        assert.deepStrictEqual(members(all.map((said) => said.at(-1)!)), ["10.0.0.2:7000", "10.0.0.3:7000"])
        assert.isTrue(
          all.some((said) => members(said).length === 2),
          "none has moved"
        )
      }).pipe(Effect.scoped, quietly, MockClock.run)
    )
  }
})
