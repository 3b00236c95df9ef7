/** Listening sockets. */
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Options, TcpServer } from "../TcpServer.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

export const listen = (
  _engine: Engine,
  _address: NetAddress.InetAddress,
  _options: Options
): Effect.Effect<TcpServer, WinsockError, Scope.Scope> => Effect.die("being built")
