/**
 * Effect's `HttpServer` on Winsock's sockets. A program written for `NodeHttpServer` of `@effect/platform-node` runs with its
 * layer changed: requests and responses, HTTP/2, WebSockets and other upgrades, TLS and timeouts are that module's and Node's
 * own. Only the listening and the connections are Winsock's.
 *
 * It needs `@effect/platform-node`, an optional peer of this package, and is therefore not part of the package's index.
 *
 * @since 0.1.0
 */
import type * as TcpServer from "@effect-winsock/core/TcpServer"
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { NodeServices } from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type { LazyArg } from "effect/Function"
import type * as Etag from "effect/http/Etag"
import type { HttpClient } from "effect/http/HttpClient"
import type { HttpPlatform } from "effect/http/HttpPlatform"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type * as http2 from "node:http2"
import * as listening from "./internal/listening.ts"
import type * as TcpDuplex from "./TcpDuplex.ts"
import * as WinsockHttpClient from "./WinsockHttpClient.ts"

/**
 * Where and how a server listens: the options of `NodeHttpServer`, and more of Winsock's.
 *
 * **Details**
 *
 * - `port`, `host`, `backlog`, `ipv6Only` and `signal` are as for Node's `server.listen`. Without a host it listens at all
 *   addresses: at `::` for both families, or at `0.0.0.0` where there is no IPv6. The backlog is the system's most by
 *   default.
 * - `exclusive`, `readableAll` and `writableAll` mean nothing here. `path` and `reusePort` are refused with a `ServeError`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends NodeHttpServer.Options {
  /** How the TcpServer listens and its connections behave. It wins over what Node's options say of the same. */
  readonly server?: TcpServer.Options | undefined
  /** How the streams of the connections behave. */
  readonly stream?: TcpDuplex.Options | undefined
}

/**
 * One of Node's servers: of `node:http`, `node:https` or `node:http2`.
 *
 * @category models
 * @since 0.1.0
 */
export type Server = http.Server | http2.Http2Server | http2.Http2SecureServer

/**
 * Makes an `HttpServer` of one of Node's servers, which listens at once. The server's options are given where it is made:
 * certificates, `requestTimeout`, `keepAliveTimeout`, `maxConnections` and so on.
 *
 * **Details**
 *
 * When the scope closes it accepts no more, closes idle connections and waits for requests under way, for
 * `gracefulShutdownTimeout` (20 seconds by default); then their fibers are interrupted, and what connections are left end.
 * A client that goes interrupts the fiber of its request.
 *
 * Fails with a `ServeError` whose cause is what Node's own server would have said (`code: "EADDRINUSE"`, `address`, `port`);
 * that error's cause is the `WinsockError`.
 *
 * **Gotchas**
 *
 * The server that `evaluate` gives is made to listen by Winsock until the scope closes: its `listen`, `close`, `address`,
 * `listening` and `getConnections` are replaced.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  evaluate: LazyArg<Server>,
  options: Options
): Effect.fn.Return<HttpServer.HttpServer["Service"], ServeError, Winsock | Scope.Scope> {
  const server = evaluate()
  // the parts that are used are the same in all of them
  yield* listening.install(server as http.Server, options)
  return yield* NodeHttpServer.make(() => server, options)
})

/**
 * Provides an `HttpServer`, and nothing else.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (
  evaluate: LazyArg<Server>,
  options: Options
): Layer.Layer<HttpServer.HttpServer, ServeError, Winsock> =>
  Layer.effect(HttpServer.HttpServer)(make(evaluate, options))

/**
 * Provides what a server needs besides: `NodeHttpServer.layerHttpServices`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpServices: Layer.Layer<NodeServices | HttpPlatform | Etag.Generator> =
  NodeHttpServer.layerHttpServices

/**
 * Provides an `HttpServer` with the platform, the ETags and the Node services that requests need.
 *
 * **Example** (A program of NodeHttpServer's, its layer changed)
 *
 * ```ts
 * import { NativeWinsock } from "@effect-winsock/native"
 * import * as WinsockHttpServer from "@effect-winsock/platform/WinsockHttpServer"
 * import { Effect, Layer } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 * import { createServer } from "node:http"
 *
 * const app = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("hello")))
 *
 * const main = HttpRouter.serve(app).pipe(
 *   Layer.provide(WinsockHttpServer.layer(() => createServer(), { port: 8080 })),
 *   Layer.provide(NativeWinsock.layer),
 *   Layer.launch
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  evaluate: LazyArg<Server>,
  options: Options
): Layer.Layer<HttpServer.HttpServer | NodeServices | HttpPlatform | Etag.Generator, ServeError, Winsock> =>
  Layer.mergeAll(layerServer(evaluate, options), layerHttpServices)

/**
 * As `layer`, with options from a `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  evaluate: LazyArg<Server>,
  options: Config.Wrap<Options>
): Layer.Layer<
  HttpServer.HttpServer | NodeServices | HttpPlatform | Etag.Generator,
  ServeError | Config.ConfigError,
  Winsock
> =>
  Layer.mergeAll(
    Layer.effect(HttpServer.HttpServer)(Effect.flatMap(Config.unwrap(options), (options) => make(evaluate, options))),
    layerHttpServices
  )

/**
 * Provides a server at a free port of 127.0.0.1, and an `HttpClient` whose URLs begin at it, for tests. Both use the same
 * Winsock.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerTest: Layer.Layer<
  HttpServer.HttpServer | HttpClient | NodeServices | HttpPlatform | Etag.Generator,
  ServeError,
  Winsock
> = HttpServer.layerTestClient.pipe(
  Layer.provide(WinsockHttpClient.layer({ keepAlive: false })),
  Layer.provideMerge(layer(() => http.createServer(), { host: "127.0.0.1", port: 0 }))
)
