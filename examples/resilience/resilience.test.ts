/**
 * A network program under test, without a network: copy this to begin with.
 *
 * Both ends run in one process, each on its own simulated machine, in virtual time: the three minutes of the first test
 * take milliseconds.
 */
import {
  MockClock,
  MockDisturbance,
  MockExplorer,
  MockNetwork,
  type MockRule,
  MockTimeline
} from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Client from "./client.ts"
import { careful, careless, questions, server } from "./programs.ts"

/** A rule is a function that decides about each packet. This one loses them all. */
const partition: MockRule.Rule = {
  description: "a partition",
  begin: () => () => ({ _tag: "Drop", reason: "partition" })
}

describe("a client that asks again", () => {
  it.live("survives loss, delays, a partition and a restart of the server", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.makeTwoHosts({ seed: 1 })
      const { client, server: host } = network.hosts
      // for all of the test
      yield* MockDisturbance.loses(0.2).begin(network)
      yield* MockDisturbance.delays(300).begin(network)
      // the partition: from 10 s on, for a minute
      const outage = Effect.delay(
        Effect.scoped(Effect.andThen(client.rules(partition), Effect.sleep("1 minute"))),
        "10 seconds"
      )
      // the server: 90 s, then it is gone for 10 s, then a new one
      const lives = Effect.timeoutOption(server(network), "90 seconds").pipe(
        Effect.andThen(Effect.sleep("10 seconds")),
        Effect.andThen(server(network))
      )
      yield* Effect.raceAllFirst([Effect.andThen(outage, Effect.never), lives, questions(Client.make, network, 60)])

      const trace = yield* client.trace
      const lost = new Set(trace.flatMap((event) => (event._tag === "Dropped" ? [event.reason] : [])))
      assert.isTrue(lost.has("lost") && lost.has("partition"), [...lost].join(", "))
      // both servers were asked: each has had its socket
      const opened = trace.filter((event) => event._tag === "Call" && event.name === "bind" && event.host === host.name)
      assert.strictEqual(opened.length, 2)
      assert.isAbove(yield* Clock.currentTimeMillis, 100_000)
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
  it.live("is found out, with the seed that shows it and the disturbance that it takes", () =>
    Effect.gen(function* () {
      const { report } = yield* Effect.flip(MockExplorer.explore(careless))
      assert.strictEqual(report.failure.name, "WrongAnswer")
      assert.strictEqual(report.shortest.plan.length, 1)

      // the seed is the run: the same packets at the same times
      const again = yield* MockExplorer.replay(careless, report.seed)
      assert.deepStrictEqual(again.failure, report.failure)
      assert.deepStrictEqual(again.trace, (yield* MockExplorer.replay(careless, report.seed)).trace)
      const shortest = yield* MockExplorer.run(careless, report.seed, report.shortest.plan)
      assert.deepStrictEqual(shortest.trace, report.shortest.trace)

      // for people: open it in a browser
      const folder = mkdtempSync(join(tmpdir(), "resilience-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const file = join(folder, "wrong-answer.svg")
      writeFileSync(file, MockTimeline.toSvg(shortest.trace, { title: shortest.failure?.message }))
      assert.include(readFileSync(file, "utf8"), "is no answer to")
    }).pipe(Effect.scoped)
  )
})
