/** What runs on the machines of the cluster: the registry, the runners, and whoever calls the counters. */
import { WinsockClusterSocket } from "@effect-winsock/platform"
import { MessageStorage, RunnerAddress, type ShardingConfig } from "effect/cluster"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { Counter, CounterLive } from "./counter.ts"
import * as Registry from "./registry.ts"

type Config = ShardingConfig.ShardingConfig["Service"]

/** How soon the cluster notices what happened. These are good for machines in one room; Effect's defaults are slower. */
export interface Pace {
  /** How long a shard stays its runner's that is not heard of. */
  readonly lock: Duration.Input
  /** How often runners look who is there. */
  readonly look: Duration.Input
}

export const pace: Pace = { lock: "6 seconds", look: "1 second" }

const config = ({ lock, look }: Pace): Partial<Config> => ({
  shardsPerGroup: 30,
  shardLockExpiration: lock,
  shardLockRefreshInterval: Duration.divideUnsafe(Duration.fromInputUnsafe(lock), 4),
  refreshAssignmentsInterval: look,
  runnerHealthCheckInterval: look,
  sendRetryInterval: "50 millis"
})

/** A runner's storage: the registry knows runners and shards, and messages are not kept. */
const storage = (registry: NetAddress.InetAddress, { lock }: Pace) =>
  Layer.merge(
    Registry.layer(registry, Duration.divideUnsafe(Duration.fromInputUnsafe(lock), 4)),
    MessageStorage.layerNoop
  )

const member = (at: NetAddress.InetAddress) => RunnerAddress.make(NetAddress.formatIp(at.address), at.port)

export const registry = (at: NetAddress.InetAddress, pace: Pace) => Registry.serve(at, pace.lock)

/** A runner, as long as it is not interrupted. */
export const runner = (at: NetAddress.InetAddress, registry: NetAddress.InetAddress, pace: Pace) =>
  CounterLive.pipe(
    Layer.provide(
      WinsockClusterSocket.layer({
        storage: "byo",
        shardingConfig: { ...config(pace), runnerAddress: Option.some(member(at)) }
      })
    ),
    Layer.provide(storage(registry, pace)),
    Layer.launch
  )

/** Everything that calls counters, and has none. */
export const client = (registry: NetAddress.InetAddress, pace: Pace) =>
  WinsockClusterSocket.layer({
    storage: "byo",
    clientOnly: true,
    shardingConfig: { ...config(pace), runnerAddress: Option.none() }
  }).pipe(Layer.provide(storage(registry, pace)))

/** Adds to a counter. A runner that died or cannot be reached is asked again, until its shards are another's. */
export const add = Effect.fnUntraced(function* (name: string, amount: number) {
  const counters = yield* Counter.client
  return yield* Effect.retry(Effect.timeout(counters(name).Add({ amount }), "2 seconds"), {
    schedule: Schedule.spaced("250 millis"),
    times: 200
  })
})
