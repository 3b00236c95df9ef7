/**
 * A program written for `NodeDatagramSocket` with three layers: Node's, Winsock on the simulation, and Winsock.
 *
 *     node examples/transports/datagrams.ts [--node | --mock]
 *
 * without either on Windows; elsewhere, under Wine, `node tools/wine/run.mjs examples/transports/datagrams.ts`.
 */
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import * as WinsockDatagramSocket from "@effect-winsock/platform/WinsockDatagramSocket"
import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import process from "node:process"
import { report, serve } from "./meter.ts"
import type { SocketLayer } from "./meter.ts"

const program = Effect.fnUntraced(function* <R>(layer: SocketLayer<R>) {
  const ready = yield* Deferred.make<NetAddress.InetAddress>()
  yield* serve((at) => Effect.asVoid(Deferred.succeed(ready, at))).pipe(
    Effect.provide(layer({ bind: { address: "127.0.0.1" }, receiveBuffer: { capacity: 256 } })),
    Effect.forkChild
  )
  const { port } = yield* Deferred.await(ready)
  const clients = [
    { meter: "cellar", values: [12, 13, 14] },
    { meter: "attic", values: [27, 31] }
  ]
  const reports = yield* Effect.forEach(
    clients,
    // a socket of its own for each
    ({ meter, values }) =>
      Effect.provide(report(meter, values), layer({ peer: { address: "localhost", port }, family: "ipv4" }), {
        local: true
      }),
    { concurrency: "unbounded" }
  )
  for (const line of reports) console.log(line)
})

const [way] = process.argv.slice(2)
await Effect.runPromise(
  way === "--node"
    ? program(NodeDatagramSocket.layer)
    : Effect.provide(
        program(WinsockDatagramSocket.layer),
        way === "--mock" ? MockWinsock.layerLoopback : NativeWinsock.layer
      )
)
