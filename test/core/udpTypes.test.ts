import { UdpSocket } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { Capabilities, ControlName, Wish } from "@effect-winsock/core/UdpCapabilities"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

type Socket = UdpSocket.UdpSocket

describe("UdpSocket: types", () => {
  it("bind needs a Winsock and a scope, and fails with WinsockError alone", () => {
    expectTypeOf(UdpSocket.bind).returns.toEqualTypeOf<Effect.Effect<Socket, WinsockError, Winsock | Scope.Scope>>()
    expectTypeOf<Parameters<typeof UdpSocket.bind>[0]>().toExtend<NetAddress.InetAddress>()
    expectTypeOf<NetAddress.InetAddress>().toExtend<Parameters<typeof UdpSocket.bind>[0]>()
    expectTypeOf<Parameters<typeof UdpSocket.bind>[1]>().toExtend<UdpSocket.Options | undefined>()
  })

  it("nothing that a socket does needs anything more", () => {
    expectTypeOf<Socket["receive"]>().toEqualTypeOf<Effect.Effect<Datagram, WinsockError>>()
    expectTypeOf<Socket["receiveEvent"]>().toEqualTypeOf<Effect.Effect<Datagram | UdpSocket.PeerReport, WinsockError>>()
    expectTypeOf<Socket["pull"]>().toEqualTypeOf<Effect.Effect<NonEmptyReadonlyArray<Datagram>, WinsockError>>()
    expectTypeOf<Socket["messages"]>().toEqualTypeOf<Stream.Stream<Datagram, WinsockError>>()
    expectTypeOf<Socket["capabilities"]>().toEqualTypeOf<Effect.Effect<Capabilities, WinsockError>>()
    for (const name of ["send", "sendAll", "reply", "connect"] as const) {
      expectTypeOf<Socket[typeof name]>().returns.toEqualTypeOf<Effect.Effect<void, WinsockError>>()
    }
    expectTypeOf<Socket["disconnect"]>().toEqualTypeOf<Effect.Effect<void, WinsockError>>()
  })

  it("options are names and wishes that there are", () => {
    expectTypeOf<ControlName>().toEqualTypeOf<
      "packetInfo" | "hopLimit" | "trafficClass" | "ecn" | "originalArrivalInterface"
    >()
    expectTypeOf<ReadonlyArray<ControlName>>().toExtend<UdpSocket.Options["control"]>()
    expectTypeOf<{ readonly packetInfo: Wish }>().toExtend<UdpSocket.Options["control"]>()
    expectTypeOf<ReadonlyArray<"ttl">>().not.toExtend<UdpSocket.Options["control"]>()
    expectTypeOf<{ readonly packetInfo: boolean }>().not.toExtend<UdpSocket.Options["control"]>()
    expectTypeOf<number>().toExtend<UdpSocket.Options["coalesce"]>()
    expectTypeOf<boolean>().not.toExtend<UdpSocket.Options["coalesce"]>()
    expectTypeOf<null>().not.toExtend<UdpSocket.Options["lookAhead"]>()
    expectTypeOf<Uint8Array>().toExtend<UdpSocket.Payload>()
    expectTypeOf<ReadonlyArray<Uint8Array>>().toExtend<UdpSocket.Payload>()
    expectTypeOf<string>().not.toExtend<UdpSocket.Payload>()
  })
})
