/**
 * One program on three transports: Node's sockets, Winsock's, and the simulated ones. Only its layers differ:
 *
 *     node examples/transports/key-value.ts [--on=node|native|mock]
 *
 * On Windows `native` is the default; elsewhere, under Wine, `node tools/wine/run.mjs examples/transports/key-value.ts`.
 */
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Socket } from "effect/socket/Socket"
import { SocketServer } from "effect/socket/SocketServer"
import process from "node:process"
import { parseArgs } from "node:util"
import { ask, serve } from "./keyValue.ts"

const { values } = parseArgs({ options: { on: { type: "string", default: "native" } } })

const winsock = Layer.unwrap(
  Effect.promise(async () =>
    values.on === "mock"
      ? (await import("@effect-winsock/mock")).MockWinsock.layerLoopback
      : (await import("@effect-winsock/native")).NativeWinsock.layer
  )
)

const host = "127.0.0.1"

interface Transport {
  readonly server: Layer.Layer<SocketServer, unknown>
  readonly client: (port: number) => Layer.Layer<Socket, unknown>
}

const onNode: Transport = {
  server: NodeSocketServer.layer({ host, port: 0 }),
  client: (port: number) => NodeSocket.layerNet({ host, port })
}

// the same words; the provider is built once
const onWinsock: Transport = {
  server: WinsockSocketServer.layer({ host, port: 0 }).pipe(Layer.provide(winsock)),
  client: (port: number) => WinsockSocket.layerNet({ host, port }).pipe(Layer.provide(winsock))
}

const { client, server } = values.on === "node" ? onNode : onWinsock

const program = Effect.gen(function* () {
  const { address } = yield* SocketServer
  const port = "port" in address ? address.port : 0
  yield* Effect.forkScoped(serve)
  const asking = (...requests: ReadonlyArray<string>) => Effect.provide(ask(requests), client(port))
  console.log(...(yield* asking("get colour", "set colour deep blue", "get colour")))
  const others = yield* Effect.forEach(["red", "green", "blue"], (name) => asking(`set ${name} 1`, `get ${name}`), {
    concurrency: "unbounded"
  })
  console.log(others.flat().join(" "))
  console.log(...(yield* asking("names", "sing")))
}).pipe(Effect.scoped, Effect.provide(server))

Effect.runPromise(program).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
