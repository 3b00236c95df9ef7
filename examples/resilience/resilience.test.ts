/**
 * A network program under test, without a network: copy this to begin with.
 *
 * The server (server.ts) answers datagrams; the client (client.ts) asks until it is answered. Each runs on a simulated
 * machine of its own, both in this process and in virtual time: the three minutes of the first test take milliseconds.
 */
import { MockClock, MockExplorer, MockNetwork, MockRule, MockTimeline } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Client from "./client.ts"
import { careful, careless, questions, server } from "./programs.ts"

describe("a client that asks again", () => {
  it.live("survives loss, delays, a partition and a restart of the server", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.makeTwoHosts({ seed: 1 })
      // what the server's machine runs: now, and anew after each restart
      yield* network.host("server", server)

      // all the time
      yield* network.rules(MockRule.loss(0.2), MockRule.latency({ min: 0, max: "300 millis" }))
      // a minute without each other, and later ten seconds without power
      const partition = Effect.andThen(network.partition("client", "server"), Effect.sleep("1 minute"))
      const troubles = Effect.gen(function* () {
        yield* Effect.sleep("10 seconds")
        yield* Effect.scoped(partition)
        yield* Effect.sleep("20 seconds")
        yield* network.crash("server")
        yield* Effect.sleep("10 seconds")
        yield* network.restart("server")
      })
      yield* Effect.forkScoped(troubles)

      // the client: a question a second, and it fails of a wrong answer
      yield* network.run("client", questions(Client.make, 60))

      // it has seen all of that
      const trace = yield* network.hosts.client.trace
      const reasons = new Set(trace.flatMap((event) => (event._tag === "Dropped" ? [event.reason] : [])))
      assert.includeMembers([...reasons], ["loss of 20 %", "partition of client from server", "host is down"])
      const power = trace.filter(({ _tag }) => _tag === "Crashed" || _tag === "Restarted")
      assert.deepStrictEqual(
        power.map(({ _tag, at }) => [_tag, at]),
        [
          ["Crashed", 90_000],
          ["Restarted", 100_000]
        ]
      )
      assert.isAbove(yield* Clock.currentTimeMillis, 130_000)
    }).pipe(Effect.scoped, MockClock.run)
  )

  it.live("has the right answers under 50 seeds, each with a network as bad as it gets", () =>
    Effect.gen(function* () {
      const explored = yield* MockExplorer.explore(careful)
      assert.strictEqual(explored.runs, 50)
    })
  )
})

describe("a client that takes any answer", () => {
  it.live("is found out, with the seed that shows it and the disturbance that it takes", ({ annotate }) =>
    Effect.gen(function* () {
      // without the flip the test fails here, and the message of the error is all that one needs
      const { report } = yield* Effect.flip(MockExplorer.explore(careless))
      assert.strictEqual(report.failure.name, "WrongAnswer")

      // the seed is the run: the same packets at the same times, now and on any machine
      const again = yield* MockExplorer.replay(careless, report.seed)
      assert.deepStrictEqual(again.failure, report.failure)
      assert.deepStrictEqual(again.trace, (yield* MockExplorer.replay(careless, report.seed)).trace)

      // of all that happened in it, this one disturbance is enough
      assert.strictEqual(report.shortest.plan.length, 1)
      const shortest = yield* MockExplorer.run(careless, report.seed, report.shortest.plan)
      assert.deepStrictEqual(shortest.trace, report.shortest.trace)

      // for people: vitest's reports show what is attached; `writeFileSync` makes a file of it, for a browser
      const svg = MockTimeline.toSvg(shortest.trace, { title: shortest.failure?.message })
      yield* Effect.promise(() => annotate("how it went wrong", { body: svg, contentType: "image/svg+xml" }))
      assert.include(svg, "is no answer to")
    })
  )
})
