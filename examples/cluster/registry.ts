/**
 * Where the runners of a cluster know each other from, as a server: who is there, and whose each shard is. A shard is
 * locked for its runner, which has to refresh its locks. One that has not for long, as it died or was cut off, is no
 * longer listed, and another runner takes its shards.
 *
 * It does what a database does in a cluster of `NodeClusterSocket` (`RunnerStorage`), for programs that have none.
 */
import { WinsockSocketServer } from "@effect-winsock/platform"
import { RunnerStorage } from "effect/cluster"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import * as Schema from "effect/Schema"

const Runners = Schema.Array(Schema.Tuple([Schema.String, Schema.Boolean]))
const address = Schema.String
const shards = Schema.Array(Schema.String)

const Registry = RpcGroup.make(
  Rpc.make("Runners", { success: Runners }),
  Rpc.make("Register", { payload: { address, runner: Schema.String, healthy: Schema.Boolean }, success: Schema.Int }),
  Rpc.make("Unregister", { payload: { address } }),
  Rpc.make("SetHealth", { payload: { address, healthy: Schema.Boolean } }),
  Rpc.make("Acquire", { payload: { address, shards }, success: shards }),
  Rpc.make("Refresh", { payload: { address, shards }, success: shards }),
  Rpc.make("Release", { payload: { address, shards } }),
  Rpc.make("ReleaseAll", { payload: { address } })
)

interface Entry {
  readonly runner: string
  readonly healthy: boolean
  /** When it is no longer listed if nothing is heard of it. */
  readonly until: number
}

interface Lock {
  readonly owner: string
  readonly until: number
}

/** How long a lock holds that is not refreshed; as `ShardingConfig.shardLockExpiration` of the runners. */
const live = (lockFor: Duration.Input) =>
  Registry.toLayer(
    Effect.sync(() => {
      const runners = new Map<string, Entry>()
      const locks = new Map<string, Lock>()
      let registrations = 0

      const length = Duration.toMillis(lockFor)

      /** Locks what is free, and what was the runner's already, and says which it has. */
      const lock = (owner: string, wanted: ReadonlyArray<string>) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const had = wanted.filter((shard) => {
            const { owner: other = owner, until = 0 } = locks.get(shard) ?? {}
            return other === owner || until <= now
          })
          for (const shard of had) locks.set(shard, { owner, until: now + length })
          const entry = runners.get(owner)
          if (entry !== undefined) runners.set(owner, { ...entry, until: now + length })
          return had
        })

      const release = (owner: string, isOne: (shard: string) => boolean) =>
        Effect.sync(() => {
          for (const [shard, { owner: other }] of locks) if (other === owner && isOne(shard)) locks.delete(shard)
        })

      return Registry.of({
        Runners: () =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            [...runners.values()].flatMap(({ healthy, runner, until }) =>
              until > now ? [[runner, healthy] as const] : []
            )
          ),
        Register: ({ address, healthy, runner }) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            runners.set(address, { runner, healthy, until: now + length })
            return registrations++
          }),
        Unregister: ({ address }) => Effect.sync(() => void runners.delete(address)),
        SetHealth: ({ address, healthy }) =>
          Effect.sync(() => {
            const entry = runners.get(address)
            if (entry !== undefined) runners.set(address, { ...entry, healthy })
          }),
        Acquire: ({ address, shards }) => lock(address, shards),
        Refresh: ({ address, shards }) => lock(address, shards),
        Release: ({ address, shards }) => release(address, (shard) => shards.includes(shard)),
        ReleaseAll: ({ address }) => release(address, () => true)
      })
    })
  )

/** The server, as long as it is not interrupted. */
export const serve = (at: NetAddress.InetAddress, lockFor: Duration.Input) =>
  RpcServer.layer(Registry).pipe(
    Layer.provide(live(lockFor)),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide(RpcSerialization.layerNdjson),
    Layer.provide(WinsockSocketServer.layer({ address: at })),
    Layer.launch
  )

const asked =
  (patience: Duration.Input) =>
  <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, PersistenceError> =>
    PersistenceError.refail(Effect.timeout(call, patience))

/**
 * The runners' side of it, over whatever socket there is. A call that is not answered in time fails, and the runner goes on
 * with what it knows.
 */
export const layer = (patience: Duration.Input) =>
  Layer.effect(
    RunnerStorage.RunnerStorage,
    Effect.gen(function* () {
      const registry = yield* RpcClient.make(Registry)
      const ask = asked(patience)
      return RunnerStorage.makeEncoded({
        getRunners: Effect.map(ask(registry.Runners()), (runners) => [...runners]),
        register: (address, runner, healthy) => ask(registry.Register({ address, runner, healthy })),
        unregister: (address) => ask(registry.Unregister({ address })),
        setRunnerHealth: (address, healthy) => ask(registry.SetHealth({ address, healthy })),
        acquire: (address, shards) => Effect.map(ask(registry.Acquire({ address, shards })), (had) => [...had]),
        refresh: (address, shards) => ask(registry.Refresh({ address, shards })),
        release: (address, shard) => ask(registry.Release({ address, shards: [shard] })),
        releaseAll: (address) => ask(registry.ReleaseAll({ address }))
      })
    })
  ).pipe(
    Layer.provide(RpcClient.layerProtocolSocket({ retryTransientErrors: true })),
    Layer.provide(RpcSerialization.layerNdjson)
  )
