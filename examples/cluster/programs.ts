/** What runs on the machines of the cluster: the registry, the runners, and whoever calls the counters. */
import { WinsockClusterSocket, WinsockSocket } from "@effect-winsock/platform"
import { MessageStorage, RunnerAddress, type ShardingConfig } from "effect/cluster"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Socket } from "effect/socket/Socket"
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

export const config = ({ lock, look }: Pace, at?: NetAddress.InetAddress): Partial<Config> => ({
  runnerAddress: Option.map(Option.fromUndefinedOr(at), ({ address, port }) =>
    RunnerAddress.make(NetAddress.formatIp(address), port)
  ),
  shardsPerGroup: 30,
  shardLockExpiration: lock,
  shardLockRefreshInterval: quarter(lock),
  refreshAssignmentsInterval: look,
  runnerHealthCheckInterval: look,
  sendRetryInterval: "50 millis"
})

const quarter = (duration: Duration.Input) => Duration.divideUnsafe(Duration.fromInputUnsafe(duration), 4)

/** What a member stores: the registry, which `socket` is connected to, knows runners and shards; messages are not kept. */
export const storage = <E, R>(socket: Layer.Layer<Socket, E, R>, { lock }: Pace) =>
  Layer.merge(Layer.provide(Registry.layer(quarter(lock)), socket), MessageStorage.layerNoop)

export const registry = (at: NetAddress.InetAddress, pace: Pace) => Registry.serve(at, pace.lock)

/** A runner, as long as it is not interrupted. */
export const runner = (at: NetAddress.InetAddress, registry: NetAddress.InetAddress, pace: Pace) =>
  CounterLive.pipe(
    Layer.provide(WinsockClusterSocket.layer({ storage: "byo", shardingConfig: config(pace, at) })),
    Layer.provide(storage(WinsockSocket.layer(registry), pace)),
    Layer.launch
  )

/** Everything that calls counters, and has none. */
export const client = (registry: NetAddress.InetAddress, pace: Pace) =>
  WinsockClusterSocket.layer({ storage: "byo", clientOnly: true, shardingConfig: config(pace) }).pipe(
    Layer.provide(storage(WinsockSocket.layer(registry), pace))
  )

/** Adds to a counter. A runner that died or cannot be reached is asked again, until its shards are another's. */
export const add = Effect.fnUntraced(function* (name: string, amount: number) {
  const counters = yield* Counter.client
  return yield* Effect.retry(Effect.timeout(counters(name).Add({ amount }), "2 seconds"), {
    schedule: Schedule.spaced("250 millis"),
    times: 200
  })
})
