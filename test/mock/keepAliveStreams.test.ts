import { TcpServer, TcpSocket, Winsock } from "@effect-winsock/core"
import type { Mock } from "@effect-winsock/mock/MockWinsock"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { loopback, start } from "../support/rig.ts"

const isKept = (mock: Mock, kept: boolean, when: string) =>
  Effect.gen(function* () {
    yield* mock.settled
    assert.strictEqual(yield* mock.keptAlive, kept, when)
  })

const law = <E>(
  name: string,
  body: (
    mock: Mock,
    client: TcpSocket.TcpSocket,
    server: TcpSocket.TcpSocket,
    scope: Scope.Closeable
  ) => Effect.Effect<unknown, E, Winsock.Winsock | Scope.Scope>
): void =>
  it.live(name, () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const winsock = yield* Winsock.make(mock.seam)
      const all = Effect.gen(function* () {
        const listening = yield* TcpServer.listen(loopback, { receiveBuffer: 4096, closeTimeout: "1 hour" })
        const scope = yield* Scope.make()
        const options = { sendBuffer: 4096, closeTimeout: "1 hour" } as const
        const client = yield* Scope.provide(TcpSocket.connect(listening.address, options), scope)
        const server = yield* listening.accept
        yield* isKept(mock, false, "connected, and nobody waits")
        yield* body(mock, client, server, scope)
      })
      yield* Effect.scoped(all).pipe(Effect.provideService(Winsock.Winsock, winsock))
    }).pipe(Effect.scoped)
  )

describe("L7: a stream keeps the process alive exactly while a fiber waits", () => {
  law("for bytes, urgent or not, until they came, or the last was interrupted", (mock, client, server) =>
    Effect.gen(function* () {
      const first = yield* start(client.receive)
      const second = yield* start(client.receiveUrgent)
      yield* isKept(mock, true, "two wait")
      yield* server.send(Uint8Array.of(1))
      yield* Fiber.join(first)
      yield* isKept(mock, true, "one got its byte")
      yield* Fiber.interrupt(second)
      yield* isKept(mock, false, "the other was interrupted")
    })
  )

  law("for sends, until the last is done, or removed", (mock, client, server) =>
    Effect.gen(function* () {
      const size = 200_000
      const sending = yield* start(client.send(new Uint8Array(size)))
      const behind = yield* start(client.send(Uint8Array.of(1)))
      yield* isKept(mock, true, "two are in line")
      yield* Fiber.interrupt(behind)
      yield* isKept(mock, true, "one was removed")
      yield* server.receiveExactly(size)
      yield* Fiber.join(sending)
      yield* isKept(mock, false, "all is sent")
      const torn = yield* start(client.send(new Uint8Array(size)))
      yield* Fiber.interrupt(torn)
      yield* isKept(mock, false, "the other was interrupted")
    })
  )

  law("for closing, while sends have their time, and no longer", (mock, client, server, scope) =>
    Effect.gen(function* () {
      const size = 200_000
      const sending = yield* start(client.send(new Uint8Array(size)))
      const closing = yield* start(Scope.close(scope, Exit.void))
      yield* isKept(mock, true, "it waits for the send")
      yield* server.receiveExactly(size)
      yield* Fiber.join(sending)
      yield* Fiber.join(closing)
      yield* isKept(mock, false, "closed")
    })
  )
})
