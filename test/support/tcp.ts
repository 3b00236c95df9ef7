// What the tests of TcpSocket and TcpServer share.
import type { Winsock } from "@effect-winsock/core"
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { layerName, loopback } from "./rig.ts"
import { tag } from "./udp.ts"

/** A server on loopback, at a port of the system's choice. */
export const listen = (options?: TcpServer.Options) => TcpServer.listen(loopback, options)

/** Something in a scope of its own, and what closes that. */
export const inScope = Effect.fnUntraced(function* <A, E, R>(make: Effect.Effect<A, E, R>) {
  const scope = yield* Scope.make()
  const value = yield* Scope.provide(make, scope)
  return { value, close: Scope.close(scope, Exit.void) }
})

/** An address where nobody listens any more. */
export const nowhere = Effect.scoped(Effect.map(listen({ acceptAhead: 1 }), ({ address }) => address))

/** A connection, both of its ends. */
export const pair = Effect.fnUntraced(function* (server: TcpServer.TcpServer, options?: TcpSocket.ConnectOptions) {
  const client = yield* TcpSocket.connect(server.address, options)
  return { client, accepted: yield* server.accept }
})

/** Waits until so many sockets are open, and no more. */
export const settledAt = Effect.fnUntraced(function* (statistics: Effect.Effect<Winsock.Statistics>, sockets: number) {
  for (let n = 0; n < 2000 && (yield* statistics).handles.sockets !== sockets; n++) yield* Effect.yieldNow
  for (let n = 0; n < 100 && (yield* statistics).handles.sockets !== sockets; n++) yield* Effect.sleep(10)
  assert.strictEqual((yield* statistics).handles.sockets, sockets, "sockets that are open")
  return sockets
})

/** Asserts that the peer has reset a connection. */
export const isReset = Effect.fnUntraced(function* (connection: TcpSocket.TcpSocket) {
  // Wine gives an end for a reset that came before the first receive
  const wine = layerName === "native" ? ["EndOfStream"] : []
  assert.include(["ConnectionReset", ...wine], yield* tag(connection.receive))
})

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const utf8 = (characters: string): Uint8Array => new TextEncoder().encode(characters)
