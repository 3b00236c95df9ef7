// A story on two machines for the views of a trace: a datagram and its answer, one that is lost, an interrupted receive, a
// stream, and a call that fails.
import { TcpServer, TcpSocket, UdpSocket } from "@effect-winsock/core"
import { MockNetwork } from "@effect-winsock/mock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { start } from "./rig.ts"
import { at } from "./udp.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What was recorded; time goes by in it only where it says so. */
export const story = Effect.gen(function* () {
  const { hosts } = yield* MockNetwork.makeTwoHosts()
  const onServer = MockNetwork.layer(hosts.server)
  const onClient = MockNetwork.layer(hosts.client)
  const server = yield* start(
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("10.0.0.1", 53))
      yield* start(Effect.forever(Effect.flatMap(socket.receive, (message) => socket.reply(message, message.payload))))
      const listener = yield* TcpServer.listen(at("10.0.0.1", 80), { acceptAhead: 1 })
      yield* listener.run((stream) => Effect.flatMap(stream.receiveExactly(5), stream.send))
    }).pipe(Effect.scoped, Effect.provide(onServer))
  )
  yield* hosts.server.settled
  yield* Effect.gen(function* () {
    const socket = yield* UdpSocket.bind(at("10.0.0.2", 4000))
    yield* socket.send(bytes("ask & <tell>"), at("10.0.0.1", 53))
    yield* socket.receive
    yield* socket.send(bytes("nobody"), at("10.0.0.77", 53))
    const waiting = yield* start(Effect.timeoutOption(socket.receive, "10 minutes"))
    yield* hosts.client.settled
    yield* TestClock.adjust("10 minutes")
    yield* Fiber.join(waiting)
    const stream = yield* TcpSocket.connect(at("10.0.0.1", 80))
    yield* stream.send(bytes("howdy"))
    yield* stream.receiveExactly(5)
    yield* hosts.client.fault({ call: "WSASendMsg", code: 10055, nth: 1 })
    yield* Effect.ignore(socket.send(bytes("refused"), at("10.0.0.1", 53)))
  }).pipe(Effect.scoped, Effect.provide(onClient))
  yield* hosts.client.settled
  const trace = yield* hosts.server.trace
  yield* Fiber.interrupt(server)
  return trace
})
