import { Decorators, UdpSocket } from "@effect-winsock/core"
import { MockWinsock } from "@effect-winsock/mock"
import { SIO_UDP_CONNRESET, SIO_UDP_NETRESET } from "@effect-winsock/schema/Ioctls"
import { WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { loopback } from "../support/rig.ts"

/** A provider that does not know how to keep reports of dead peers to itself. */
const talkative = MockWinsock.layer({
  decorate: Decorators.fail({
    call: "WSAIoctl",
    code: WSAEOPNOTSUPP,
    when: ({ dwIoControlCode }) => dwIoControlCode === SIO_UDP_CONNRESET || dwIoControlCode === SIO_UDP_NETRESET
  }).decorate
})

const afterDeadPeer = <A, E, R>(take: (socket: UdpSocket.UdpSocket) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const dead = yield* Effect.scoped(Effect.map(UdpSocket.bind(loopback), ({ address }) => address))
    const socket = yield* UdpSocket.bind(loopback)
    assert.deepStrictEqual((yield* socket.capabilities).peerErrorsOff, { connectionReset: false, networkReset: false })
    const mock = yield* MockWinsock.MockWinsock
    for (const _ of [1, 2, 3]) yield* socket.send(Uint8Array.of(1), dead)
    yield* mock.settled
    yield* socket.send(Uint8Array.of(2), socket.address)
    return yield* take(socket)
  }).pipe(Effect.scoped, Effect.provide(talkative))

describe("a dead peer breaks no receive where its reports cannot be switched off", () => {
  it.live("receive", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* afterDeadPeer((socket) => socket.receive)).payload, Uint8Array.of(2))
    })
  )

  it.live("pull", () =>
    Effect.gen(function* () {
      const messages = yield* afterDeadPeer((socket) => socket.pull)
      assert.strictEqual(messages.length, 1)
      assert.deepStrictEqual(messages[0].payload, Uint8Array.of(2))
    })
  )

  it.live("receiveEvent", () =>
    Effect.gen(function* () {
      const event = yield* afterDeadPeer((socket) => socket.receiveEvent)
      assert.isTrue("payload" in event)
    })
  )
})
