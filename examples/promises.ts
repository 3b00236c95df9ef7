/**
 * The same sockets from plain promises. A ManagedRuntime owns Winsock and the socket; each wait is a promise, and an
 * AbortSignal is its interruption: it cancels that one receive (CancelIoEx), and neither the socket nor a datagram is
 * lost by it. Runs on the simulated ws2_32, and on the real one with EFFECT_WINSOCK_LAYER=native.
 */
import { UdpSocket, Winsock } from "@effect-winsock/core"
import { MockWinsock } from "@effect-winsock/mock"
import { NativeWinsock } from "@effect-winsock/native"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as NetAddress from "effect/net/NetAddress"
import process from "node:process"

class Socket extends Context.Service<Socket, UdpSocket.UdpSocket>()("examples/promises/Socket") {}

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)
const winsock = process.env.EFFECT_WINSOCK_LAYER === "native" ? NativeWinsock.layer : MockWinsock.layerLoopback
const runtime = ManagedRuntime.make(Layer.provideMerge(Layer.effect(Socket, UdpSocket.bind(loopback)), winsock))

const socket = await runtime.runPromise(Socket)
const receive = (signal?: AbortSignal) => runtime.runPromise(socket.receive, { signal })
const send = (text: string) => runtime.runPromise(socket.send(new TextEncoder().encode(text), socket.address))
const statistics = Effect.flatMap(Winsock.Winsock, (winsock) => winsock.statistics)

// a wait that is aborted: its promise is rejected when the kernel has given the receive back
const controller = new AbortController()
const waiting = receive(controller.signal).then(
  () => "a datagram",
  () => "aborted"
)
controller.abort()
console.log(`first receive: ${await waiting}`)

// a deadline is an AbortSignal as well
const late = await receive(AbortSignal.timeout(20)).catch(() => "timed out")
console.log(`second receive: ${typeof late === "string" ? late : "a datagram"}`)

// the socket is as good as new, and two waits at once get one datagram each, in the order in which they came
const both = Promise.all([receive(), receive()])
await send("one")
await send("two")
const payloads = (await both).map(({ payload }) => new TextDecoder().decode(payload))
console.log(`then: ${payloads.join(", ")}`)

const { cancels, pending } = await runtime.runPromise(statistics)
console.log(`cancelled: ${cancels}, pending: ${pending}`)

// closes the socket and releases Winsock
await runtime.dispose()
