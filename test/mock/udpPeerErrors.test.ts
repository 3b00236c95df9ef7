import { SIO_UDP_CONNRESET, SIO_UDP_NETRESET } from "@effect-winsock/schema/Ioctls"
import { STATUS_CONNECTION_REFUSED, STATUS_PORT_UNREACHABLE } from "@effect-winsock/schema/NtStatus"
import { WSAECONNREFUSED, WSAECONNRESET, WSAENETRESET, WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { hosts } from "../support/hosts.ts"
import { numbered, numberOf, start } from "../support/rig.ts"
import { at, tag } from "../support/udp.ts"

const toNobody = at("10.0.0.2", 9)

describe("UdpSocket: reports of dead peers", () => {
  hosts("are switched off by default, both kinds, and stay on when wished", ({ server }) =>
    Effect.gen(function* () {
      const ioctls = () => server.recorder.of("WSAIoctl").map(({ args }) => args.dwIoControlCode)
      const off = yield* server.bind("10.0.0.1")
      assert.includeMembers(ioctls(), [SIO_UDP_CONNRESET, SIO_UDP_NETRESET])
      assert.deepStrictEqual((yield* off.capabilities).peerErrorsOff, { connectionReset: true, networkReset: true })
      server.recorder.clear()
      yield* server.bind("10.0.0.1", { peerErrors: true })
      assert.notInclude(ioctls(), SIO_UDP_CONNRESET)
      assert.notInclude(ioctls(), SIO_UDP_NETRESET)
    })
  )

  hosts("come in order, each once: an error for receive, an item for receiveEvent", ({ client, server }) =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 8]) {
        const socket = yield* server.bind("10.0.0.1", { peerErrors: true, lookAhead })
        const friend = yield* client.bind("10.0.0.2")
        for (const n of [1, 2, 3]) {
          yield* socket.send(numbered(0), toNobody)
          yield* server.mock.settled
          yield* friend.send(numbered(n), socket.address)
          yield* server.mock.settled
        }
        assert.strictEqual(yield* tag(socket.receive), "ConnectionReset")
        assert.strictEqual(numberOf(yield* socket.receive), 1)
        const report = yield* socket.receiveEvent
        assert.strictEqual("_tag" in report && report.error.reason._tag, "ConnectionReset")
        const message = yield* socket.receiveEvent
        assert.strictEqual("_tag" in message ? "a report" : numberOf(message), 2)
        assert.strictEqual(yield* tag(socket.pull), "ConnectionReset")
        assert.deepStrictEqual((yield* socket.pull).map(numberOf), [3])
      }
    })
  )

  hosts("other errors are no reports: receiveEvent fails with them", ({ server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1", { peerErrors: true })
      yield* server.mock.fault({ call: "WSARecvMsg", nth: 1, code: 10055 })
      assert.strictEqual(yield* tag(socket.receiveEvent), "NoBufferSpace")
    })
  )

  const providers = {
    "WSAECONNRESET when it is called": { code: WSAECONNRESET },
    "WSAENETRESET when it is called": { code: WSAENETRESET },
    "WSAECONNREFUSED when it is called": { code: WSAECONNREFUSED },
    "port unreachable later": { ntstatus: STATUS_PORT_UNREACHABLE },
    "connection refused later": { ntstatus: STATUS_CONNECTION_REFUSED }
  }
  for (const [name, failure] of Object.entries(providers)) {
    hosts(`a provider that cannot switch them off breaks no loop either: ${name}`, ({ client, server }) =>
      Effect.gen(function* () {
        server.failing.add({
          call: "WSAIoctl",
          when: ({ dwIoControlCode }) => dwIoControlCode === SIO_UDP_CONNRESET || dwIoControlCode === SIO_UDP_NETRESET,
          code: WSAEOPNOTSUPP
        })
        const socket = yield* server.bind("10.0.0.1")
        assert.deepStrictEqual((yield* socket.capabilities).peerErrorsOff, {
          connectionReset: false,
          networkReset: false
        })
        const friend = yield* client.bind("10.0.0.2")
        const got: Array<number> = []
        const fiber = yield* start(
          Effect.whileLoop({
            while: () => got.length < 40,
            body: () => socket.pull,
            step: (batch) => got.push(...batch.map(numberOf))
          })
        )
        for (let n = 0; n < 40; n++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* server.mock.fault({ call: "WSARecvMsg", nth: 1, times: 3, ...failure })
              yield* friend.send(numbered(n), socket.address)
              yield* server.mock.settled
            })
          )
        }
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          got,
          Array.from({ length: 40 }, (_, n) => n)
        )
        const { completed, failed, aborted, submitted } = (yield* server.statistics).operations.receive
        assert.strictEqual(submitted, completed + failed + aborted)
      })
    )
  }

  hosts("a provider that fails with nothing else is told at last", ({ server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1")
      yield* server.mock.fault({ call: "WSARecvMsg", code: WSAECONNRESET })
      assert.strictEqual(yield* tag(socket.receive), "ConnectionReset")
      assert.isBelow(server.recorder.count("WSARecvMsg"), 40)
    })
  )

  hosts("a send that is answered with an earlier report is made again", ({ client, server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1")
      const loud = yield* server.bind("10.0.0.1", { peerErrors: true })
      const friend = yield* client.bind("10.0.0.2")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* server.mock.fault({ call: "WSASendMsg", nth: 1, code: WSAECONNREFUSED })
          yield* socket.send(numbered(1), friend.address)
        })
      )
      assert.strictEqual(numberOf(yield* friend.receive), 1)
      yield* server.mock.fault({ call: "WSASendMsg", nth: 1, code: WSAECONNREFUSED })
      assert.strictEqual(yield* tag(loud.send(numbered(2), friend.address)), "ConnectionRefused")
    })
  )
})
