/** What a program expects of a SocketServer, whoever made it. */
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Socket from "effect/socket/Socket"
import { law } from "../../support/rig.ts"

const host = "127.0.0.1"

export const echo = (socket: Socket.Socket) =>
  Effect.gen(function* () {
    const writer = yield* socket.writer
    const { pull } = yield* socket.reader
    while (true) yield* writer.writeAll(yield* pull)
  }).pipe(
    Effect.scoped,
    Effect.catchReason("SocketError", "SocketCloseError", () => Effect.void)
  )

describe("a server", () => {
  law("echoes, and tells where it listens", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host, port: 0 })
      const { port } = server.address as NetAddress.InetAddress
      assert.isAbove(port, 0)
      const running = yield* Effect.forkScoped(server.run(echo))
      const socket = yield* WinsockSocket.makeNet({ host, port })
      const text = yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* socket.writer
          const { pull } = yield* socket.reader
          yield* writer.writeAll(["Hello", "World"])
          let text = ""
          while (text.length < 10) for (const chunk of yield* pull) text += Buffer.from(chunk).toString()
          return text
        })
      )
      assert.strictEqual(text, "HelloWorld")
      yield* Fiber.interrupt(running)
    })
  )
})
