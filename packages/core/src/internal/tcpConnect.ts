/** Connections from this side. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { ConnectOptions, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

export const connect = (
  _engine: Engine,
  _to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress>,
  _options: ConnectOptions
): Effect.Effect<TcpSocket, WinsockError, Scope.Scope> => Effect.die("being built")
