/**
 * One datagram, twice: a receive times out and is cancelled, and the datagram that comes late is the next receive's.
 * `npm run demo` runs it on the simulated ws2_32, `npm run demo -- --native` on the real one.
 */
import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam } from "@effect-winsock/core/Seam"
import { nameOf } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import process from "node:process"
import { styleText } from "node:util"

const native = process.env.EFFECT_WINSOCK_LAYER === "native"

const provider = Effect.gen(function* () {
  if (native) return yield* (yield* Effect.promise(() => import("@effect-winsock/native"))).NativeWinsock.seam
  return yield* (yield* Effect.promise(() => import("@effect-winsock/mock"))).MockWinsock.seam()
})

const say = (text: string) =>
  Effect.andThen(
    Effect.sync(() => console.log(text)),
    Effect.sleep("60 millis")
  )
const heading = (text: string) => say(styleText("bold", `\n${text}`))

const recorder = Decorators.record()
const shown = new Set(["WSASocketW", "bind", "WSARecvMsg", "WSASendMsg", "CancelIoEx", "closesocket"])

/** What reached ws2_32 since the last look. */
const calls = Effect.suspend(() => {
  const lines = recorder.calls
    .filter((call) => shown.has(call.name))
    .map((call) => {
      const code = call.lastError === undefined ? "ok" : (nameOf(call.lastError) ?? String(call.lastError))
      const colour = code === "ok" ? "green" : code === "WSA_IO_PENDING" ? "yellow" : "red"
      return `  ${styleText("cyan", call.name.padEnd(12))} ${styleText(colour, code)}`
    })
  recorder.clear()
  return Effect.forEach(lines, say, { discard: true })
})

const program = Effect.gen(function* () {
  const winsock = yield* Winsock.Winsock
  yield* heading(`ws2_32 is ${native ? "the real one" : "simulated"}`)

  yield* Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0))
      yield* calls

      yield* heading('Effect.timeoutOption(socket.receive, "50 millis")')
      const nothing = yield* Effect.timeoutOption(socket.receive, "50 millis")
      yield* calls
      const { operations } = yield* winsock.statistics
      yield* say(`  -> ${nothing._tag}: the operation was ${aborted(operations.receive.aborted)}`)

      yield* heading('socket.send("late"), and then socket.receive')
      yield* socket.send(new TextEncoder().encode("late"), socket.address)
      const message = yield* socket.receive
      yield* calls
      yield* say(`  -> "${new TextDecoder().decode(message.payload)}" from ${String(message.from)}`)
    })
  )

  yield* heading("the scope is closed")
  yield* calls
  const { cancels, handles, pending, slots, waiters } = yield* winsock.statistics
  yield* say(
    `  -> sockets ${handles.sockets}, slots ${slots.used}, pending ${pending}, waiters ${waiters}; cancelled ${cancels}`
  )
})

const aborted = (count: number): string => `completed ${count} time with WSA_OPERATION_ABORTED`

const layer = Winsock.layer(Effect.map(provider, (seam: Seam) => recorder.decorate(seam)))

Effect.runPromise(Effect.provide(program, layer)).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
