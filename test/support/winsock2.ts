// What the tests of Winsock2 share.
import { Winsock2 } from "@effect-winsock/core"
import { AF_INET, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT } from "@effect-winsock/schema/Options"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { loopback, start } from "./rig.ts"
import * as Fiber from "effect/Fiber"

export const none = new Uint8Array(0)

/** A datagram socket, bound to loopback. */
export const udp = Effect.fnUntraced(function* (options?: Winsock2.SocketOptions) {
  const socket = yield* Winsock2.WSASocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP, options)
  yield* Winsock2.bind(socket, loopback)
  return socket
})

/** A stream socket, bound to loopback. */
export const tcp = Effect.fnUntraced(function* (options?: Winsock2.SocketOptions) {
  const socket = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, options)
  yield* Winsock2.bind(socket, loopback)
  return socket
})

export const listener = Effect.gen(function* () {
  const socket = yield* tcp()
  yield* Winsock2.listen(socket, 5)
  return socket
})

/** A connection, both of its ends, made by ConnectEx and AcceptEx. */
export const pair = Effect.gen(function* () {
  const listening = yield* listener
  const acceptSocket = yield* Winsock2.WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
  const accepting = yield* start(Winsock2.AcceptEx(listening, { acceptSocket }))
  const client = yield* tcp()
  yield* Winsock2.ConnectEx(client, { name: yield* Winsock2.getsockname(listening) })
  yield* Winsock2.setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, none)
  yield* Fiber.join(accepting)
  yield* Winsock2.setsockopt(acceptSocket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, listening)
  yield* Winsock2.closesocket(listening)
  return { client, accepted: acceptSocket }
})

/** A name as text. */
export const shown = (name: SockAddr | SockAddrIssue | undefined): string =>
  name?._tag === "Inet" ? `${NetAddress.formatIp(name.address.address)}:${name.address.port}` : (name?._tag ?? "none")

/** All bytes of some buffers, in order. */
export const joined = (buffers: ReadonlyArray<Uint8Array>): Array<number> => buffers.flatMap((buffer) => [...buffer])

/** Repeats a call that answers at once until it has an answer. */
export const soon = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    for (let n = 0; n < 1000; n++) {
      const exit = yield* Effect.exit(call)
      if (exit._tag === "Success") return exit.value
      if (!String(exit.cause).includes("WSAEWOULDBLOCK")) return yield* exit
      yield* Effect.promise(() => new Promise((next) => setTimeout(next, 1)))
    }
    return assert.fail("it would still wait")
  })
