/**
 * A cluster on the real ws2_32.dll, each member a process of its own: called by a client on Node's own sockets, also when
 * one of its runners is killed.
 */
import { NodeClusterSocket, NodeSocket } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as programs from "../../examples/cluster/programs.ts"
import { launch } from "../support/launch.ts"

const launched = (role: string, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      launch("examples/cluster.ts", [role, ...args], new RegExp(`${role} at (127\\.0\\.0\\.1:\\d+)`))
    ),
    ({ stop }) => Effect.promise(stop)
  )

const names = Array.from({ length: 8 }, (_, n) => `counter ${n}`)
const everywhere = Effect.forEach(names, (name) => programs.add(name, 1), { concurrency: "unbounded" })
const runnersOf = (said: Effect.Success<typeof everywhere>) => [...new Set(said.map(({ runner }) => runner))].toSorted()

describe("a cluster of processes", () => {
  it.live(
    "is called by a client on Node's sockets, and goes on when a runner is killed",
    () =>
      Effect.gen(function* () {
        const registry = yield* launched("registry")
        const runner = launched("runner", `--registry=${registry.found}`)
        const [one, two] = yield* Effect.all([runner, runner], { concurrency: 2 })
        const [host, port] = registry.found.split(":")
        const client = NodeClusterSocket.layer({
          storage: "byo",
          clientOnly: true,
          shardingConfig: programs.config(programs.pace)
        }).pipe(Layer.provide(programs.storage(NodeSocket.layerNet({ host, port: Number(port) }), programs.pace)))
        yield* Effect.gen(function* () {
          // both are known once counters are on both, which each call may change until then
          const before = yield* Effect.repeat(everywhere, {
            until: (said) => runnersOf(said).length === 2,
            schedule: Schedule.spaced("200 millis"),
            times: 100
          })
          assert.deepStrictEqual(runnersOf(before), [one.found, two.found].toSorted())
          yield* Effect.promise(one.kill)
          const after = yield* everywhere
          assert.deepStrictEqual(runnersOf(after), [two.found])
          for (const [n, said] of before.entries()) {
            if (said.runner !== two.found) continue
            // the same one, which a call that is made again may have counted on more than once
            assert.strictEqual(after[n].since, said.since)
            assert.isAbove(after[n].count, said.count)
          }
        }).pipe(Effect.provide(client))
      }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    120_000
  )
})
