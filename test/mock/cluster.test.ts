// Effect's cluster over simulated machines, in virtual time: calls of entities, a runner that dies, partitions.
import { MockClock, MockNetwork, MockRule } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as programs from "../../examples/cluster/programs.ts"

const at = NetAddress.inetAddressFromIpStringUnsafe
const { pace } = programs

const registryAt = at("10.0.0.1", 7000)
const runnerAt = { one: at("10.0.0.2", 7000), two: at("10.0.0.3", 7000) }
const names = Array.from({ length: 20 }, (_, n) => `counter ${n}`)

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

/** What a counter says that is not kept anywhere else: if it has moved away and come back, it has begun anew. */
interface Said {
  readonly runner: string
  readonly count: number
}

/** Whether one that had moved away was asked again where it had been, as if it never had: nothing may say both. */
const stale = (said: ReadonlyArray<Said>): Said | undefined => {
  const left = new Map<string, Said>()
  let since = 0
  for (const [n, now] of said.entries()) {
    const before = said[n - 1]
    if (before !== undefined && before.runner !== now.runner) {
      left.set(before.runner, before)
      since = n
    }
    const then = left.get(now.runner)
    // an answer that got lost is asked for again, so a counter may be ahead of what was heard
    if (then !== undefined && since > 0 && now.count > then.count && now.count > 40 * (n - since + 1)) return now
  }
  return undefined
}

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
    }).pipe(Effect.scoped, MockClock.run)
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
        if (said.runner === "10.0.0.3:7000") assert.strictEqual(without[n].count, 2)
      }
    }).pipe(Effect.scoped, MockClock.run)
  )

  for (const seed of [11, 12, 13, 14, 15, 16]) {
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
        // one of the runners loses sight of some of the others, or of all, in turn
        const storm = Effect.gen(function* () {
          for (let n = 0; n < 4; n++) {
            const who = (seed + n) % 2 === 0 ? "one" : "two"
            const from = others[who].slice(0, 1 + (((seed >> 1) + n) % 3))
            yield* Effect.scoped(Effect.andThen(network.partition(who, from), Effect.sleep(`${5 + 3 * n} seconds`)))
            yield* Effect.sleep("5 seconds")
          }
        })
        const story = Effect.gen(function* () {
          yield* asking
          yield* Effect.raceFirst(storm, Effect.forever(Effect.andThen(asking, Effect.sleep("250 millis"))))
          // it has healed, and is whole
          yield* Effect.sleep("20 seconds")
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
      }).pipe(Effect.scoped, MockClock.run)
    )
  }
})
