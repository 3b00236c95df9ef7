// The sockets of machines as a table.
import { TcpServer, TcpSocket, UdpSocket } from "@effect-winsock/core"
import { MockNetstat, MockNetwork } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { start } from "../support/rig.ts"
import { at, bytes } from "../support/udp.ts"

describe("netstat", () => {
  it.effect("has a line a socket, with what waits in it", () =>
    Effect.gen(function* () {
      const { hosts } = yield* MockNetwork.makeTwoHosts()
      const { client, server } = hosts
      const run = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        start(Effect.scoped(Effect.andThen(effect, Effect.never)).pipe(Effect.provide(MockNetwork.layer(server))))
      const receiving = yield* run(Effect.flatMap(UdpSocket.bind(at("fd00::1", 53)), ({ receive }) => receive))
      const listening = yield* run(TcpServer.listen(at("10.0.0.1", 80), { acceptAhead: 1 }))
      const bound = yield* run(UdpSocket.bind(at("10.0.0.1", 54)))
      yield* server.settled
      yield* Effect.gen(function* () {
        const socket = yield* UdpSocket.bind(at("10.0.0.2", 4000))
        yield* socket.send(bytes(1, 2, 3), at("10.0.0.1", 54))
        yield* TcpSocket.connect(at("10.0.0.1", 80))
        yield* server.settled
        const here = MockNetstat.toTable(yield* client.sockets).split("\n")
        assert.strictEqual(here.length, 3)
        assert.match(here[1], /^client {2}UDP +10\.0\.0\.2:4000 +- /)
        assert.match(here[2], /^client {2}TCP +10\.0\.0\.2:\d+ +10\.0\.0\.1:80 +ESTABLISHED +\d+ +0 +0 /)
      }).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(client)))
      yield* server.settled
      const lines = MockNetstat.toTable(yield* server.sockets).split("\n")
      assert.match(lines[0], /^Host +Proto +Local Address +Foreign Address +State +Socket +Recv-Q +Send-Q/)
      assert.isTrue(lines.some((line) => /^server {2}UDPv6 +\[fd00::1\]:53 +- +\d+ +0 +0 +1 +0 +0 +0$/.test(line)))
      assert.isTrue(lines.some((line) => /^server {2}UDP +10\.0\.0\.1:54 +- +\d+ +3 +0 +0 +0 +0 +0$/.test(line)))
      assert.isTrue(lines.some((line) => / LISTENING +\d+ /.test(line)))
      yield* Fiber.interruptAll([receiving, listening, bound])
      // every column begins where its title does
      const column = lines[0].indexOf("State")
      for (const line of lines.slice(1)) assert.strictEqual(line[column - 1] ?? " ", " ")
    }).pipe(Effect.scoped)
  )
})
