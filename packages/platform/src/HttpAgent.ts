/**
 * Agents for `http.request` and `https.request`, and for clients that take an agent, whose connections are these sockets.
 *
 * @since 0.1.0
 */
import type { ConnectOptions } from "@effect-winsock/core/TcpSocket"
import * as TcpSocket from "@effect-winsock/core/TcpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import * as https from "node:https"
import type { LookupFunction } from "node:net"
import type { Duplex } from "node:stream"
import * as connecting from "./internal/connecting.ts"
import * as NodeAddresses from "./internal/nodeAddresses.ts"
import { leaveToTls } from "./internal/owning.ts"
import type { Options, TcpDuplex } from "./TcpDuplex.ts"

/**
 * Where to connect to: what `net.createConnection` takes, as far as it is not about files.
 *
 * @category models
 * @since 0.1.0
 */
export interface Destination extends Options {
  /** An address, or a name that is looked up. @default "localhost" */
  readonly host?: string | null | undefined
  /** The same, when there is no `host`. */
  readonly hostname?: string | null | undefined
  readonly port?: number | string | null | undefined
  readonly family?: number | undefined
  readonly hints?: number | undefined
  readonly lookup?: LookupFunction | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly noDelay?: boolean | undefined
  readonly keepAlive?: boolean | undefined
  readonly keepAliveInitialDelay?: number | undefined
  readonly timeout?: number | undefined
}

/**
 * What is called with the Duplex, or with an error and nothing else, as Node's callbacks are.
 *
 * @category models
 * @since 0.1.0
 */
export type Callback = (error: Error | null, duplex: TcpDuplex) => void

/**
 * Connects, and calls back with a Duplex or an error as node:net gives it (`code: "ECONNREFUSED"`, `address`, `port`). It
 * can be the `createConnection` of `http.request`.
 *
 * @category models
 * @since 0.1.0
 */
export type Connector = (destination: Destination, callback: Callback) => undefined

/**
 * Makes a function that connects. Names are looked up as node:net does, and all addresses are tried as
 * `TcpSocket.connect` does. Closing the scope interrupts what is being connected and destroys what is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connector = (options: ConnectOptions = {}): Effect.Effect<Connector, never, Winsock | Scope.Scope> =>
  connecting.connector(TcpSocket.connect, options)

type Created = (error: Error | null, stream: Duplex) => void

const nobody: Created = () => {}

class Agent extends http.Agent {
  readonly #connect: Connector

  constructor(options: http.AgentOptions, connect: Connector) {
    super(options)
    this.#connect = connect
  }

  override createConnection(options: http.ClientRequestArgs, callback: Created = nobody): undefined {
    this.#connect(options, callback)
  }
}

class SecureAgent extends https.Agent {
  readonly #connect: Connector

  constructor(options: https.AgentOptions, connect: Connector) {
    super(options)
    this.#connect = connect
  }

  override createConnection(options: https.RequestOptions, callback: Created = nobody): undefined {
    this.#connect({ ...options, autoDestroy: false }, (error, duplex) => {
      if (error !== null) return callback(error, duplex)
      // node:https makes a session over it at once
      const over: https.RequestOptions & { readonly socket: Duplex } = { ...options, socket: duplex }
      const session = super.createConnection(over)!
      leaveToTls(duplex)
      NodeAddresses.tell(session, duplex)
      callback(null, session)
    })
  }
}

const ending = <A extends http.Agent>(make: () => A): Effect.Effect<A, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(make), (agent) => Effect.sync(() => agent.destroy()))

/**
 * Makes an agent for `http.request` that connects with a connector. Closing the scope destroys it and the connections it
 * has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromConnector = (
  connect: Connector,
  options: http.AgentOptions = {}
): Effect.Effect<http.Agent, never, Scope.Scope> => ending(() => new Agent(options, connect))

/**
 * Makes an agent for `https.request` that connects with a connector. Closing the scope destroys it and the connections it
 * has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromConnectorSecure = (
  connect: Connector,
  options: https.AgentOptions = {}
): Effect.Effect<https.Agent, never, Scope.Scope> => ending(() => new SecureAgent(options, connect))

/**
 * Makes an agent for `http.request`. Closing the scope destroys it and all its connections.
 *
 * **Gotchas**
 *
 * Idle connections of an agent with `keepAlive` keep the process alive until the scope is closed: they wait for the
 * server's end.
 *
 * **Example** (Asking a server)
 *
 * ```ts
 * import { HttpAgent } from "@effect-winsock/platform"
 * import { Effect } from "effect"
 * import * as http from "node:http"
 *
 * const program = Effect.gen(function*() {
 *   const agent = yield* HttpAgent.make({ keepAlive: true })
 *   return yield* Effect.callback<number | undefined, Error>((resume) => {
 *     http
 *       .get("http://127.0.0.1:8080/", { agent }, (response) => {
 *         response.resume().on("end", () => resume(Effect.succeed(response.statusCode)))
 *       })
 *       .on("error", (error) => resume(Effect.fail(error)))
 *   })
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: http.AgentOptions = {},
  connection: ConnectOptions = {}
): Effect.Effect<http.Agent, never, Winsock | Scope.Scope> =>
  Effect.flatMap(connector(connection), (connect) => fromConnector(connect, options))

/**
 * Makes an agent for `https.request`. Closing the scope destroys it and all its connections.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeSecure = (
  options: https.AgentOptions = {},
  connection: ConnectOptions = {}
): Effect.Effect<https.Agent, never, Winsock | Scope.Scope> =>
  Effect.flatMap(connector(connection), (connect) => fromConnectorSecure(connect, options))
