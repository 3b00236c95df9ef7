/** Effect's cluster over Winsock's sockets, all of its members in one process. */
import { TcpServer } from "@effect-winsock/core"
import { WinsockClusterSocket } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import { RunnerAddress, ShardingConfig } from "effect/cluster"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import { SocketServer } from "effect/socket/SocketServer"
import * as programs from "../../../examples/cluster/programs.ts"
import { law, loopback } from "../../support/rig.ts"

/** An address whose port is free: who is called by others has to know it before it listens. */
const free = Effect.scoped(Effect.map(TcpServer.listen(loopback), (server) => server.address))

const pace: programs.Pace = { lock: "2 seconds", look: "100 millis" }
const names = Array.from({ length: 8 }, (_, n) => `counter ${n}`)
const everywhere = Effect.forEach(names, (name) => programs.add(name, 1), { concurrency: "unbounded" })
const runnersOf = (said: Effect.Success<typeof everywhere>) => new Set(said.map(({ runner }) => runner))
const quietly = Effect.provideService(References.MinimumLogLevel, "None")

describe("a cluster in one process", () => {
  law("is called on both runners, and goes on with the one that is left", () =>
    Effect.gen(function* () {
      const registry = yield* free
      yield* Effect.forkScoped(programs.registry(registry, pace))
      const at = [yield* free, yield* free]
      const [one] = yield* Effect.forEach(at, (address) => Effect.forkScoped(programs.runner(address, registry, pace)))
      yield* Effect.gen(function* () {
        const before = yield* Effect.repeat(everywhere, {
          until: (said) => runnersOf(said).size === 2,
          schedule: Schedule.spaced(pace.look),
          times: 200
        })
        assert.deepStrictEqual(runnersOf(before), new Set(at.map((address) => NetAddress.formatInet(address))))
        yield* Fiber.interrupt(one)
        assert.deepStrictEqual(runnersOf(yield* everywhere), new Set([NetAddress.formatInet(at[1])]))
      }).pipe(Effect.provide(programs.client(registry, pace)))
    }).pipe(quietly)
  )
})

describe("the server of a runner", () => {
  const addressOf = (config: Partial<ShardingConfig.ShardingConfig["Service"]>) =>
    Effect.map(SocketServer, ({ address }) => NetAddress.formatSocketAddress(address)).pipe(
      Effect.provide(Layer.provide(WinsockClusterSocket.layerSocketServer, ShardingConfig.layer(config)))
    )
  const runner = ({ address, port }: NetAddress.InetAddress) =>
    Option.some(RunnerAddress.make(NetAddress.formatIp(address), port))

  law("listens at the runner's address, or where it is told to", () =>
    Effect.gen(function* () {
      const [at, other] = [yield* free, yield* free]
      assert.strictEqual(yield* addressOf({ runnerAddress: runner(at) }), NetAddress.formatInet(at))
      assert.strictEqual(
        yield* addressOf({ runnerAddress: runner(at), runnerListenAddress: runner(other) }),
        NetAddress.formatInet(other)
      )
    })
  )

  law("is none for a client", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(addressOf({ runnerAddress: Option.none(), runnerListenAddress: Option.none() }))
      assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("runnerListenAddress"))
    })
  )
})
