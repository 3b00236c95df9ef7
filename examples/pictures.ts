/**
 * Writes the pictures of the documentation into a folder, as SVG: `node examples/pictures.ts folder`. They are the same
 * each time, for both runs have their seed.
 */
import { TcpServer, TcpSocket, UdpSocket } from "@effect-winsock/core"
import { MockDisturbance, MockExplorer, MockNetwork, MockTimeline } from "@effect-winsock/mock"
import { WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { careless, type Name } from "./resilience/programs.ts"

const at = (ip: string, port: number) => NetAddress.inetAddressFromIpStringUnsafe(ip, port)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const server = Effect.gen(function* () {
  const socket = yield* UdpSocket.bind(at("10.0.0.1", 53))
  const listener = yield* TcpServer.listen(at("10.0.0.1", 80), { acceptAhead: 1 })
  yield* Effect.all(
    [
      Effect.forever(Effect.flatMap(socket.receive, (message) => socket.reply(message, message.payload))),
      listener.run((stream) => Effect.flatMap(stream.receiveExactly(5), stream.send))
    ],
    { concurrency: "unbounded" }
  )
}).pipe(Effect.scoped)

// an answer, ten minutes without one, a datagram for nobody, a send that fails, and a stream
const client = Effect.gen(function* () {
  const socket = yield* UdpSocket.bind(at("10.0.0.2", 4000))
  yield* socket.send(bytes("who is there"), at("10.0.0.1", 53))
  yield* socket.receive
  yield* socket.send(bytes("nobody"), at("10.0.0.77", 53))
  yield* Effect.timeoutOption(socket.receive, "10 minutes")
  yield* Effect.ignore(socket.send(bytes("refused"), at("10.0.0.1", 53)))
  const stream = yield* TcpSocket.connect(at("10.0.0.1", 80))
  yield* stream.send(bytes("howdy"))
  yield* stream.receiveExactly(5)
}).pipe(Effect.scoped)

const story = MockExplorer.run(
  {
    network: { hosts: MockNetwork.twoHosts },
    program: ({ hosts }: MockNetwork.MockNetwork<Name>) =>
      Effect.andThen(
        Effect.raceFirst(
          Effect.provide(server, MockNetwork.layer(hosts.server)),
          Effect.provide(Effect.delay(client, 1), MockNetwork.layer(hosts.client))
        ),
        // memory that is never given back, which the guard tells
        Effect.sync(() => hosts.client.seam.memory.alloc(16))
      )
  },
  1,
  [
    {
      at: 300_000,
      duration: 600_000,
      disturbance: MockDisturbance.fault("client", { call: "WSASendMsg", code: WSAENOBUFS, nth: 1 })
    }
  ]
)

const [folder] = process.argv.slice(2)
const write = (name: string, svg: string) => Effect.sync(() => writeFileSync(join(folder, `${name}.svg`), svg))

await Effect.runPromise(
  Effect.gen(function* () {
    const title = "Two machines: an answer, a loss, an interruption, a fault, a stream"
    yield* write("timeline", MockTimeline.toSvg((yield* story).trace, { title }))
    const { report } = yield* Effect.flip(MockExplorer.explore(careless))
    yield* write("wrong-answer", MockTimeline.toSvg(report.shortest.trace, { title: report.failure.message }))
  })
)
