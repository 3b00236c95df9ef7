// What the tests of TcpSocket and TcpServer share.
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { loopback } from "./rig.ts"

/** A server on loopback, at a port of the system's choice. */
export const listen = (options?: TcpServer.Options) => TcpServer.listen(loopback, options)

/** Something in a scope of its own, and what closes that. */
export const inScope = Effect.fnUntraced(function* <A, E, R>(make: Effect.Effect<A, E, R>) {
  const scope = yield* Scope.make()
  const value = yield* Scope.provide(make, scope)
  return { value, close: Scope.close(scope, Exit.void) }
})

/** A connection, both of its ends. */
export const pair = Effect.fnUntraced(function* (server: TcpServer.TcpServer, options?: TcpSocket.ConnectOptions) {
  const client = yield* TcpSocket.connect(server.address, options)
  return { client, accepted: yield* server.accept }
})

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const utf8 = (characters: string): Uint8Array => new TextEncoder().encode(characters)
