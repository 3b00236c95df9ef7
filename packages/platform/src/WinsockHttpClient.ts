/**
 * Effect's `HttpClient` on Winsock's sockets: the client over `node:http` of `NodeHttpClient`, with agents that connect by
 * Winsock.
 *
 * It needs `@effect/platform-node`, an optional peer of this package, and is therefore not part of the package's index.
 *
 * @since 0.1.0
 */
import type { ConnectOptions } from "@effect-winsock/core/TcpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { WebSocket } from "@effect/platform-node/NodeWS"
import * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type * as https from "node:https"
import * as HttpAgent from "./HttpAgent.ts"

/**
 * What the agents are made with: Node's options for connections that are kept and for TLS, and Winsock's for each
 * connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends https.AgentOptions {
  readonly connection?: ConnectOptions | undefined
}

/**
 * Makes the two agents, which share a connector. Closing the scope destroys them and their connections. Names are looked
 * up as `node:net` does: `lookup` changes that.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeAgent = Effect.fnUntraced(function* ({ connection, ...options }: Options = {}): Effect.fn.Return<
  NodeHttpClient.HttpAgent["Service"],
  never,
  Winsock | Scope.Scope
> {
  const connect = yield* HttpAgent.connector(connection)
  return {
    http: yield* HttpAgent.fromConnector(connect, options),
    https: yield* HttpAgent.fromConnectorSecure(connect, options)
  }
})

/**
 * Provides the agents of `NodeHttpClient.layerNodeHttpNoAgent`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAgent = (options?: Options): Layer.Layer<NodeHttpClient.HttpAgent, never, Winsock> =>
  Layer.effect(NodeHttpClient.HttpAgent)(makeAgent(options))

/**
 * Provides an `HttpClient`, as `NodeHttpClient.layerNodeHttpOptions` does.
 *
 * **Example** (Asking a server)
 *
 * ```ts
 * import { NativeWinsock } from "@effect-winsock/native"
 * import * as WinsockHttpClient from "@effect-winsock/platform/WinsockHttpClient"
 * import { Effect } from "effect"
 * import { HttpClient } from "effect/http"
 *
 * const program = HttpClient.get("http://127.0.0.1:8080/").pipe(
 *   Effect.flatMap((response) => response.text),
 *   Effect.provide(WinsockHttpClient.layer({ keepAlive: true })),
 *   Effect.provide(NativeWinsock.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<HttpClient, never, Winsock> =>
  Layer.provide(NodeHttpClient.layerNodeHttpNoAgent, layerAgent(options))

/**
 * Provides what `Socket.makeWebSocket` makes its WebSockets with: those of the `ws` package, as
 * `NodeWS.layerWebSocketConstructor` does, over connections of Winsock.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocketConstructor = (
  options?: Options
): Layer.Layer<Socket.WebSocketConstructor, never, Winsock> =>
  Layer.effect(Socket.WebSocketConstructor)(
    Effect.map(makeAgent(options), (agents) => (url, given) => {
      const agent = /^(wss|https):/i.test(url) ? agents.https : agents.http
      if (given === undefined || typeof given === "string" || Array.isArray(given)) {
        return new WebSocket(url, given, { agent })
      }
      return new WebSocket(url, given.protocols, { headers: given.headers, agent })
    })
  )
