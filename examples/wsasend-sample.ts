/**
 * The sample of Microsoft's page of WSASend, told as Effects: a server that sends ten buffers of 4,096 bytes to whoever
 * connects, each by an overlapped WSASend that is waited for through its event object. On Windows:
 *
 *     node examples/wsasend-sample.ts [--port=27015] [--address=127.0.0.1] [--mock]
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/wsasend-sample.ts ...`. Port 0 is any that is free, and is
 * printed. With --mock a client on the simulated network counts the bytes; else `nc 127.0.0.1 27015 | wc -c` does.
 */
import type { Winsock } from "@effect-winsock/core"
import { EventObject, TcpServer, TcpSocket } from "@effect-winsock/core"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import process from "node:process"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "27015" },
    address: { type: "string", default: "127.0.0.1" },
    mock: { type: "boolean", default: false }
  }
})

const bufferSize = 4096
const bufferCount = 10

const sendAll = (connection: TcpSocket.TcpSocket) =>
  Effect.gen(function* () {
    const buffer = new Uint8Array(bufferSize).fill("#".codePointAt(0)!)
    const event = yield* EventObject.make
    for (let i = 0; i < bufferCount; i++) {
      const send = yield* EventObject.beginSend(connection, buffer, event)
      yield* event.wait
      console.log(`wrote ${yield* send.result} bytes`)
      yield* event.reset
    }
    yield* connection.shutdown("send")
  }).pipe(Effect.scoped)

const server = Effect.gen(function* () {
  const local = yield* Effect.fromResult(NetAddress.inetAddressFromIpString(values.address, Number(values.port)))
  const listening = yield* TcpServer.listen(local)
  console.log(`listening on ${NetAddress.formatInet(listening.address)}`)
  return listening
})

/** Serves one client, as the sample does. The peer ends last, so nothing that it has not read is lost. */
const native = Effect.gen(function* () {
  const connection = yield* (yield* server).accept
  console.log("client connected")
  yield* sendAll(connection)
  yield* Stream.runDrain(connection.stream)
})

const simulated = Effect.gen(function* () {
  const listening = yield* server
  const client = yield* TcpSocket.connect(listening.address)
  const connection = yield* listening.accept
  const [count] = yield* Effect.all([Stream.runFold(client.stream, () => 0, add), sendAll(connection)], {
    concurrency: "unbounded"
  })
  console.log(`the client received ${count} bytes`)
})

const add = (count: number, chunk: Uint8Array): number => count + chunk.length

const run = <E>(
  program: Effect.Effect<void, E, Winsock.Winsock>,
  layer: Layer.Layer<Winsock.Winsock, E>
): Promise<void> => Effect.runPromise(Effect.provide(program, layer))

const main = async (): Promise<void> => {
  if (values.mock) {
    const { MockWinsock } = await import("@effect-winsock/mock")
    return run(Effect.scoped(simulated), MockWinsock.layerLoopback)
  }
  const { NativeWinsock } = await import("@effect-winsock/native")
  return run(Effect.scoped(native), NativeWinsock.layer)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
