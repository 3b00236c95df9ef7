import { EventObject, RawSocket, TcpServer, TcpSocket, UdpSocket, UnixServer, UnixSocket } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { Seam } from "@effect-winsock/core/Seam"
import * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"

type Does<A> = Effect.Effect<A, WinsockError>
type Needs<A> = Effect.Effect<A, WinsockError, Winsock.Winsock>
type Makes<A> = Effect.Effect<A, WinsockError, Winsock.Winsock | Scope.Scope>

declare const server: TcpServer.TcpServer
declare const handler: (connection: TcpSocket.TcpSocket) => Effect.Effect<void, "mine", "service" | Scope.Scope>
declare const seamNeeding: Effect.Effect<Seam, "none", "service" | Scope.Scope>

// never run: only its types are looked at
const used = () => ({ run: server.run(handler), layer: Winsock.layer(seamNeeding) })

describe("sockets: types", () => {
  it("what makes a socket needs a Winsock and a scope, and fails with WinsockError alone", () => {
    expectTypeOf(UdpSocket.bind).returns.toEqualTypeOf<Makes<UdpSocket.UdpSocket>>()
    expectTypeOf(TcpSocket.connect).returns.toEqualTypeOf<Makes<TcpSocket.TcpSocket>>()
    expectTypeOf(TcpServer.listen).returns.toEqualTypeOf<Makes<TcpServer.TcpServer>>()
    expectTypeOf(UnixSocket.connect).returns.toEqualTypeOf<Makes<UnixSocket.UnixSocket>>()
    expectTypeOf(UnixServer.listen).returns.toEqualTypeOf<Makes<UnixServer.UnixServer>>()
    expectTypeOf(RawSocket.open).returns.toEqualTypeOf<Makes<RawSocket.RawSocket>>()
    expectTypeOf(EventObject.make).toEqualTypeOf<Makes<EventObject.EventObject>>()
    expectTypeOf(EventObject.makeAutoReset).toEqualTypeOf<Makes<EventObject.EventObject>>()
    expectTypeOf(EventObject.beginSend).returns.toEqualTypeOf<Makes<EventObject.OverlappedSend>>()
    expectTypeOf(UnixSocket.isSupported).toEqualTypeOf<Needs<boolean>>()
  })

  it("what a TCP socket does needs nothing more", () => {
    type Tcp = TcpSocket.TcpSocket
    expectTypeOf<Tcp["receive"]>().toEqualTypeOf<Does<Uint8Array>>()
    expectTypeOf<Tcp["pull"]>().toEqualTypeOf<Pull.Pull<NonEmptyReadonlyArray<Uint8Array>, WinsockError>>()
    expectTypeOf<Tcp["stream"]>().toEqualTypeOf<Stream.Stream<Uint8Array, WinsockError>>()
    expectTypeOf<Tcp["sink"]>().toEqualTypeOf<Sink.Sink<void, Uint8Array, never, WinsockError>>()
    expectTypeOf<Tcp["receiveExactly"]>().returns.toEqualTypeOf<Does<Uint8Array>>()
    expectTypeOf<Tcp["receiveUntil"]>().returns.toEqualTypeOf<Does<Uint8Array>>()
    expectTypeOf<Tcp["receiveInto"]>().returns.toEqualTypeOf<Does<number>>()
    expectTypeOf<Tcp["transmitFile"]>().returns.toEqualTypeOf<Does<number>>()
    for (const name of ["send", "shutdown", "disconnect", "reconnect", "setNoDelay", "setKeepAlive"] as const) {
      expectTypeOf<Tcp[typeof name]>().returns.toEqualTypeOf<Does<void>>()
    }
    // an abort cannot fail
    expectTypeOf<Tcp["abort"]>().toEqualTypeOf<Effect.Effect<void>>()
    expectTypeOf<Parameters<Tcp["shutdown"]>[0]>().toEqualTypeOf<"send" | "receive" | "both">()
    expectTypeOf<string>().toExtend<TcpSocket.HostPort["host"]>()
    expectTypeOf<{ readonly host: string }>().not.toExtend<Parameters<typeof TcpSocket.connect>[0]>()
    expectTypeOf<readonly []>().not.toExtend<Parameters<typeof TcpSocket.connect>[0]>()
  })

  it("a server gives its handlers a scope, hears of none of their failures, and runs for ever", () => {
    expectTypeOf<TcpServer.TcpServer["accept"]>().toEqualTypeOf<
      Effect.Effect<TcpSocket.TcpSocket, WinsockError, Scope.Scope>
    >()
    expectTypeOf<ReturnType<typeof used>["run"]>().toEqualTypeOf<Effect.Effect<never, WinsockError, "service">>()
  })

  it("a socket of AF_UNIX has paths, and lacks what is TCP's", () => {
    type Unix = UnixSocket.UnixSocket
    expectTypeOf<Unix["localAddress"]>().toEqualTypeOf<NetAddress.UnixPathAddress>()
    expectTypeOf<Unix["receive"]>().toEqualTypeOf<Does<Uint8Array>>()
    expectTypeOf<Unix["send"]>().returns.toEqualTypeOf<Does<void>>()
    expectTypeOf<Unix["send"]>().parameter(0).toEqualTypeOf<TcpSocket.Payload>()
    expectTypeOf<Unix["send"]>().parameter(1).toEqualTypeOf<Pick<TcpSocket.SendOptions, "whole"> | undefined>()
    expectTypeOf<"setNoDelay" | "receiveUrgent" | "transmitFile">().not.toExtend<keyof Unix>()
    expectTypeOf<"noDelay">().not.toExtend<keyof UnixSocket.Options>()
  })

  it("a raw socket has addresses without ports, and wants a protocol", () => {
    type Raw = RawSocket.RawSocket
    expectTypeOf<Raw["receive"]>().toEqualTypeOf<Does<Datagram>>()
    expectTypeOf<Raw["messages"]>().toEqualTypeOf<Stream.Stream<Datagram, WinsockError>>()
    expectTypeOf<Raw["address"]>().toEqualTypeOf<NetAddress.IpAddress>()
    expectTypeOf<Raw["send"]>().returns.toEqualTypeOf<Does<void>>()
    expectTypeOf<NetAddress.InetAddress>().not.toExtend<Parameters<typeof RawSocket.open>[0]>()
    expectTypeOf<object>().not.toExtend<RawSocket.Options>()
    expectTypeOf<"segmentSize">().not.toExtend<keyof RawSocket.SendOptions>()
    expectTypeOf<"peerErrors">().not.toExtend<keyof RawSocket.Options>()
  })

  it("events are waited for alone, or several of them", () => {
    expectTypeOf<EventObject.EventObject["wait"]>().toEqualTypeOf<Does<void>>()
    expectTypeOf<EventObject.EventObject["isSet"]>().toEqualTypeOf<Does<boolean>>()
    expectTypeOf(EventObject.waitAny).returns.toEqualTypeOf<Needs<number>>()
    expectTypeOf(EventObject.waitAll).returns.toEqualTypeOf<Needs<void>>()
    expectTypeOf<EventObject.OverlappedSend["result"]>().toEqualTypeOf<Does<number>>()
  })

  it("completion is by port, by event or by routine, everywhere", () => {
    expectTypeOf<Winsock.Completion>().toEqualTypeOf<"port" | "event" | "routine">()
    expectTypeOf<UdpSocket.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
    expectTypeOf<TcpSocket.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
    expectTypeOf<TcpServer.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
    expectTypeOf<UnixSocket.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
    expectTypeOf<RawSocket.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
    expectTypeOf<Winsock.Options["completion"]>().toEqualTypeOf<Winsock.Completion | undefined>()
  })

  it("the layer gives a Winsock, needs what its seam needs, and closes its scope", () => {
    expectTypeOf<ReturnType<typeof used>["layer"]>().toEqualTypeOf<
      Layer.Layer<Winsock.Winsock, WinsockError | "none", "service">
    >()
  })
})
