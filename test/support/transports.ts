// What the tests of Effect's transports share.
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import type { TcpSocket as Tcp } from "@effect-winsock/core/TcpSocket"
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import { loopback } from "./rig.ts"

/** How a program fails on a Socket: the reason's name, with what it tells besides. */
export const why = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), ({ reason }) =>
    reason._tag === "SocketCloseError"
      ? `closed with ${reason.code}`
      : reason._tag === "SocketOpenError"
        ? `${reason._tag} ${reason.kind}`
        : reason._tag
  )

/** The reason of the WinsockError that a SocketError has for a cause. */
export const causeOf = (error: Socket.SocketError): string => {
  const { reason } = error as { readonly reason: { readonly cause?: { readonly reason?: { readonly _tag: string } } } }
  return reason.cause?.reason?._tag ?? "none"
}

export const text = (chunks: ReadonlyArray<Uint8Array | string>): string =>
  Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string))).toString()

type Pull = Socket.Reader["pull"]

/** Pulls until so many bytes have come: all that did. */
export const pullBytes = Effect.fnUntraced(function* (pull: Pull, length: number) {
  const chunks: Array<Uint8Array> = []
  let count = 0
  while (count < length) {
    for (const chunk of yield* pull) {
      chunks.push(Buffer.from(chunk as string))
      count += chunk.length
    }
  }
  return Buffer.concat(chunks)
})

/** Pulls to the end: what came, and how it ended. */
export const pullAll = Effect.fnUntraced(function* (pull: Pull) {
  const chunks: Array<Uint8Array | string> = []
  const end = yield* why(Effect.forever(Effect.map(pull, (some) => void chunks.push(...some))))
  return { text: text(chunks), end }
})

/** A reader and a writer of one Socket, in the scope. */
export const both = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const { pull, upgrade } = yield* socket.reader
  const { write, writeAll } = yield* socket.writer
  return { pull, upgrade, write, writeAll }
})

/** A connected Socket, and the plain connection at its other end. */
export const connected = Effect.fnUntraced(function* (options: WinsockSocket.Options & TcpServer.Options = {}) {
  const server = yield* TcpServer.listen(loopback, { ...options, acceptAhead: 1 })
  const accepting = yield* Effect.forkChild(server.accept, { startImmediately: true })
  const socket = yield* WinsockSocket.make(server.address, options)
  const ends = yield* both(socket)
  const peer: Tcp = yield* Fiber.join(accepting)
  return { ...ends, socket, peer, server }
})

/** Gives back all that comes. */
export const echo = (socket: Socket.Socket, options?: Socket.TlsUpgradeOptions) =>
  Effect.gen(function* () {
    const { pull, upgrade, writeAll } = yield* both(socket)
    if (options !== undefined) yield* upgrade(options)
    return yield* Effect.forever(Effect.flatMap(pull, writeAll))
  }).pipe(
    Effect.scoped,
    Effect.catchReason("SocketError", "SocketCloseError", () => Effect.void)
  )

export const host = "127.0.0.1"

export const portOf = (server: SocketServer.SocketServer["Service"]): number =>
  (server.address as NetAddress.InetAddress).port

/** A server on loopback that runs a handler for as long as the scope is open. */
export const serving = Effect.fnUntraced(function* <E, R>(
  handler: (socket: Socket.Socket) => Effect.Effect<unknown, E, R>,
  options: WinsockSocketServer.Options = {}
) {
  const server = yield* WinsockSocketServer.make({ host, ...options })
  yield* Effect.forkScoped(server.run(handler))
  return server
})

/** Says something on a Socket of its own, and hears as much. */
export const roundTrip = (
  socket: Socket.Socket,
  options?: Socket.TlsUpgradeOptions
): Effect.Effect<void, Socket.SocketError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { pull, upgrade, writeAll } = yield* both(socket)
      if (options !== undefined) yield* upgrade(options)
      yield* writeAll(["Hello", "World"])
      assert.strictEqual(text([yield* pullBytes(pull, 10)]), "HelloWorld")
    })
  )

/** A plain connection to a server. */
export const dial = (server: SocketServer.SocketServer["Service"]) =>
  TcpSocket.connect(server.address as NetAddress.InetAddress)
