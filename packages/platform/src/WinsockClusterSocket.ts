/**
 * The transport of Effect's cluster over TCP sockets of Winsock: runners that call each other's entities by sockets,
 * with `NodeClusterSocket`'s layers and options.
 *
 * @since 0.1.0
 */
import type { Options as TcpServerOptions } from "@effect-winsock/core/TcpServer"
import { Winsock } from "@effect-winsock/core/Winsock"
import type { K8sHttpClient } from "effect/cluster/K8sHttpClient"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import type { ConfigError } from "effect/Config"
import type { Digest } from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import type { SqlClient } from "effect/sql/SqlClient"
import * as WinsockSocket from "./WinsockSocket.ts"
import * as WinsockSocketServer from "./WinsockSocketServer.ts"

/** As long as `NodeClusterSocket` gives a runner to accept. */
const openTimeout = "1 second"

/**
 * Provides how runners are called: each by a connection to its address. `options` are those of the connections.
 *
 * Opening one may take a second, unless they say otherwise. A runner that does not answer pings any more is given up by
 * Effect's RPC client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClientProtocolWith = (
  options: WinsockSocket.Options
): Layer.Layer<Runners.RpcClientProtocol, never, RpcSerialization.RpcSerialization | Winsock> =>
  Layer.effect(
    Runners.RpcClientProtocol,
    Effect.gen(function* () {
      const serialization = yield* RpcSerialization.RpcSerialization
      const winsock = yield* Winsock
      return {
        codecFor: serialization.codecFor,
        make: ({ host, port }) =>
          Effect.flatMap(WinsockSocket.make({ host, port }, { openTimeout, ...options }), (socket) =>
            Effect.provideService(RpcClient.makeProtocolSocket(), Socket.Socket, socket)
          ).pipe(
            Effect.provideService(RpcSerialization.RpcSerialization, serialization),
            Effect.provideService(Winsock, winsock)
          )
      }
    })
  )

/**
 * `layerClientProtocolWith` the defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClientProtocol: Layer.Layer<
  Runners.RpcClientProtocol,
  never,
  RpcSerialization.RpcSerialization | Winsock
> = layerClientProtocolWith({})

/**
 * Provides the server of a runner, which listens at `ShardingConfig`'s `runnerListenAddress`, or else `runnerAddress`.
 * `options` are those of `TcpServer.listen`.
 *
 * Dies where the configuration has neither: it is that of a client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServerWith = (
  options: TcpServerOptions
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, ShardingConfig.ShardingConfig | Winsock> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { runnerAddress, runnerListenAddress } = yield* ShardingConfig.ShardingConfig
      const address = Option.orElse(runnerListenAddress, () => runnerAddress)
      if (Option.isNone(address)) {
        return yield* Effect.die(
          new Error("layerSocketServer: ShardingConfig has no runnerListenAddress and no runnerAddress")
        )
      }
      const { host, port } = address.value
      return WinsockSocketServer.layer({ ...options, host, port })
    })
  )

/**
 * `layerSocketServerWith` the defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer: Layer.Layer<
  SocketServer.SocketServer,
  SocketServer.SocketServerError,
  ShardingConfig.ShardingConfig | Winsock
> = layerSocketServerWith({})

/**
 * What a runner is, with the names and defaults of `NodeClusterSocket.layer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<ClientOnly extends boolean, Storage extends "local" | "sql" | "byo", Health> {
  /**
   * How messages are written.
   *
   * @default "binary", the schemas' own binary format
   */
  readonly serialization?: "binary" | "ndjson" | undefined
  /**
   * The largest message in bytes.
   *
   * @default that of `RpcSerialization`
   */
  readonly serializationMaxBufferSize?: number | "unbounded" | undefined
  /**
   * Whether it only calls entities, and has none.
   *
   * @default false
   */
  readonly clientOnly?: ClientOnly | undefined
  /**
   * Where runners, shards and persisted messages are known: in a database (it needs `SqlClient` and `Digest`), in this
   * process, which makes a cluster of one runner, or in what you bring: `RunnerStorage` and `MessageStorage`.
   *
   * @default "sql"
   */
  readonly storage?: Storage | undefined
  /**
   * How runners that are no longer there are found out: they do not answer, or Kubernetes says so (it needs
   * `K8sHttpClient`).
   *
   * @default "ping"
   */
  readonly runnerHealth?: Health | undefined
  /** Which pods Kubernetes is asked about. */
  readonly runnerHealthK8s?:
    | { readonly namespace?: string | undefined; readonly labelSelector?: string | undefined }
    | undefined
  /** What is not said here is read from the environment, as `ShardingConfig.layerFromEnv` does. */
  readonly shardingConfig?: Partial<ShardingConfig.ShardingConfig["Service"]> | undefined
  /** How connections to other runners are opened. */
  readonly connect?: WinsockSocket.Options | undefined
  /** How the runner listens. */
  readonly listen?: TcpServerOptions | undefined
}

type Needs<Storage, Health> =
  | Winsock
  | ("local" extends Storage
      ? never
      : "byo" extends Storage
        ? MessageStorage.MessageStorage | RunnerStorage.RunnerStorage
        : SqlClient | Digest)
  | ("k8s" extends Health ? K8sHttpClient : never)

/**
 * A runner of a cluster, or a client of one: `NodeClusterSocket.layer` over Winsock.
 *
 * **Example** (A runner whose cluster is known to a storage of your own)
 *
 * ```ts
 * import { WinsockClusterSocket } from "@effect-winsock/platform"
 * import { RunnerAddress } from "effect/cluster"
 * import { Option } from "effect"
 *
 * const runner = WinsockClusterSocket.layer({
 *   storage: "byo",
 *   shardingConfig: { runnerAddress: Option.some(RunnerAddress.make("10.0.0.1", 34431)) }
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <
  const ClientOnly extends boolean = false,
  const Storage extends "local" | "sql" | "byo" = never,
  const Health extends "ping" | "k8s" = never
>(
  options: Options<ClientOnly, Storage, Health> = {}
): Layer.Layer<
  Sharding | Runners.Runners | ("byo" extends Storage ? never : MessageStorage.MessageStorage),
  ConfigError | (ClientOnly extends true ? never : SocketServer.SocketServerError),
  Needs<Storage, Health>
> => {
  const { serializationMaxBufferSize: size } = options
  const protocol = layerClientProtocolWith(options.connect ?? {})
  const health =
    options.runnerHealth === "k8s"
      ? RunnerHealth.layerK8s(options.runnerHealthK8s)
      : Layer.provide(RunnerHealth.layerPing, Layer.provide(Runners.layerRpc, protocol))
  const runner = options.clientOnly
    ? Layer.provide(SocketRunner.layerClientOnly, protocol)
    : Layer.provide(SocketRunner.layer, [layerSocketServerWith(options.listen ?? {}), protocol, health])
  const storages = {
    local: Layer.merge(MessageStorage.layerNoop, RunnerStorage.layerMemory),
    sql: Layer.merge(SqlMessageStorage.layer, Layer.orDie(SqlRunnerStorage.layer)),
    byo: Layer.empty
  }
  const serialization =
    options.serialization === "ndjson"
      ? RpcSerialization.layerNdjsonWith({ maxBufferSize: size })
      : RpcSerialization.layerSchemaBinary({ maxFrameSize: size })
  // what a layer needs follows from the options, as the type above says
  return runner.pipe(
    Layer.provideMerge(storages[options.storage ?? "sql"] as Layer.Layer<any, any, any>),
    Layer.provide(ShardingConfig.layerFromEnv(options.shardingConfig)),
    Layer.provide(serialization)
  ) as Layer.Layer<any, any, any>
}
