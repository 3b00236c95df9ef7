import { Winsock2 } from "@effect-winsock/core"
import type { EventObject } from "@effect-winsock/core/EventObject"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { ControlIssue, ControlMessage } from "@effect-winsock/schema/ControlMessage"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"

type Needs<A> = Effect.Effect<A, WinsockError, Winsock>
type NeedsScope<A> = Effect.Effect<A, WinsockError, Winsock | Scope.Scope>

declare const socket: Winsock2.Socket

// never run: only its types are looked at
const begun = () => ({
  recvMsg: Winsock2.begin("WSARecvMsg", socket, { buffers: [1], control: 64 }),
  send: Winsock2.begin("WSASend", socket, { buffers: new Uint8Array(1) }),
  accept: Winsock2.begin("AcceptEx", socket, { acceptSocket: socket })
})

describe("Winsock2: types", () => {
  it("a socket is no number, and no number is a socket", () => {
    expectTypeOf<number>().not.toExtend<Winsock2.Socket>()
    expectTypeOf<Winsock2.Socket>().not.toExtend<number>()
    expectTypeOf<{ readonly generation: number }>().not.toExtend<Winsock2.Socket>()
    expectTypeOf<Winsock2.Socket["generation"]>().toEqualTypeOf<number>()
  })

  it("what makes something needs a scope, what does not needs none", () => {
    expectTypeOf(Winsock2.WSASocket).returns.toEqualTypeOf<NeedsScope<Winsock2.Socket>>()
    expectTypeOf(Winsock2.accept).returns.toEqualTypeOf<NeedsScope<Winsock2.Socket>>()
    expectTypeOf(Winsock2.CreateFile).returns.toEqualTypeOf<NeedsScope<Winsock2.File>>()
    expectTypeOf(Winsock2.WSACreateEvent).toEqualTypeOf<NeedsScope<EventObject>>()
    for (const call of ["bind", "connect", "WSAConnect", "listen", "shutdown", "closesocket", "setsockopt"] as const) {
      expectTypeOf<ReturnType<(typeof Winsock2)[typeof call]>>().toEqualTypeOf<Needs<void>>()
    }
    expectTypeOf(Winsock2.getsockname).returns.toEqualTypeOf<Needs<SockAddr>>()
    expectTypeOf(Winsock2.getsockopt).returns.toEqualTypeOf<Needs<Uint8Array>>()
    expectTypeOf(Winsock2.WSAIoctl).returns.toEqualTypeOf<Needs<Uint8Array>>()
  })

  it("each call gives what its page says", () => {
    expectTypeOf(Winsock2.WSARecv).returns.toEqualTypeOf<Needs<Winsock2.Received>>()
    expectTypeOf(Winsock2.WSARecvFrom).returns.toEqualTypeOf<Needs<Winsock2.ReceivedFrom>>()
    expectTypeOf(Winsock2.WSARecvMsg).returns.toEqualTypeOf<Needs<Winsock2.ReceivedMsg>>()
    for (const call of ["WSASend", "WSASendTo", "WSASendMsg", "ConnectEx", "TransmitFile"] as const) {
      expectTypeOf<ReturnType<(typeof Winsock2)[typeof call]>>().toEqualTypeOf<Needs<number>>()
    }
    expectTypeOf(Winsock2.AcceptEx).returns.toEqualTypeOf<Needs<Winsock2.Accepted>>()
    expectTypeOf(Winsock2.DisconnectEx).returns.toEqualTypeOf<Needs<void>>()
    expectTypeOf<Winsock2.ReceivedFrom["name"]>().toEqualTypeOf<SockAddr | SockAddrIssue | undefined>()
    expectTypeOf<Winsock2.ReceivedMsg["control"]>().toEqualTypeOf<ReadonlyArray<ControlMessage> | ControlIssue>()
    expectTypeOf<NetAddress.InetAddress>().toExtend<Winsock2.Name>()
    expectTypeOf<string>().not.toExtend<Winsock2.Name>()
  })

  it("begin gives what the call of that name gives", () => {
    type Begun = ReturnType<typeof begun>
    expectTypeOf<Begun["recvMsg"]>().toEqualTypeOf<NeedsScope<Winsock2.Overlapped<Winsock2.ReceivedMsg>>>()
    expectTypeOf<Begun["send"]>().toEqualTypeOf<NeedsScope<Winsock2.Overlapped<number>>>()
    expectTypeOf<Begun["accept"]>().toEqualTypeOf<NeedsScope<Winsock2.Overlapped<Winsock2.Accepted>>>()
    expectTypeOf<"bind">().not.toExtend<Parameters<typeof Winsock2.begin>[0]>()
    expectTypeOf<Winsock2.Overlapped<number>["result"]>().toEqualTypeOf<Effect.Effect<number, WinsockError>>()
    expectTypeOf<{ readonly buffers: string }>().not.toExtend<Winsock2.SendOptions>()
  })
})
