/** The same two programs, an echo and a burst, over each library: both ends of the wire are the library's. */
import { UdpSocket } from "@effect-winsock/core"
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import { WinsockDatagramSocket } from "@effect-winsock/platform"
import * as NodeDatagramSocket from "@effect/platform-node-shared/NodeDatagramSocket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as DatagramSocket from "effect/socket/DatagramSocket"
import { createSocket } from "node:dgram"
import type { Socket } from "node:dgram"
import { once } from "node:events"

/** Two sockets of one library, a server and a client. */
export interface Wire {
  /** Sends and gets back `count` datagrams, `outstanding` at a time. */
  readonly echo: (count: number, outstanding: number) => Promise<void>
  /** Sends `count` datagrams one way, `size` at a time; each burst is received before the next is sent. */
  readonly burst: (count: number, size: number) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Contestant {
  readonly name: string
  readonly open: () => Promise<Wire>
}

const payload = new Uint8Array(64)
const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

// --- node:dgram ---

const dgramSocket = async (): Promise<Socket> => {
  const socket = createSocket("udp4")
  socket.bind(0, "127.0.0.1")
  await once(socket, "listening")
  return socket
}

const dgram: Contestant = {
  name: "node:dgram",
  open: async () => {
    const server = await dgramSocket()
    const client = await dgramSocket()
    const { port } = server.address()
    let onServer = (message: Buffer, from: number): void => void server.send(message, from, "127.0.0.1")
    let onClient: (() => void) | undefined
    server.on("message", (message, from) => onServer(message, from.port))
    client.on("message", () => onClient?.())
    const echo = onServer
    const sendAll = (size: number): void => {
      for (let i = 0; i < size; i++) client.send(payload, port, "127.0.0.1")
    }
    return {
      echo: (count, outstanding) =>
        new Promise((resolve) => {
          onServer = echo
          let sent = 0
          let received = 0
          const send = (): void => {
            sent++
            client.send(payload, port, "127.0.0.1")
          }
          onClient = () => {
            if (++received === count) resolve()
            else if (sent < count) send()
          }
          for (let i = 0; i < Math.min(outstanding, count); i++) send()
        }),
      burst: (count, size) =>
        new Promise((resolve) => {
          let received = 0
          onServer = () => {
            if (++received === count) resolve()
            else if (received % size === 0) sendAll(size)
          }
          sendAll(size)
        }),
      close: async () => {
        server.close()
        client.close()
      }
    }
  }
}

// --- Effect's own DatagramSocket, over node:dgram and over this library ---

const datagramSocket = <R, E>(
  name: string,
  layer: Layer.Layer<R, E>,
  make: Effect.Effect<DatagramSocket.DatagramSocket, never, R>
): Contestant => ({
  name,
  open: async () => {
    const runtime = ManagedRuntime.make(layer)
    const scope = Scope.makeUnsafe()
    const open = Effect.gen(function* () {
      const socket = yield* make
      return { reader: yield* socket.reader, writer: yield* socket.writer }
    }).pipe(Scope.provide(scope))
    const server = await runtime.runPromise(open)
    const client = await runtime.runPromise(open)
    const out = { payload, address: server.reader.address }
    const serve = Effect.forever(
      Effect.flatMap(server.reader.pull, (batch) =>
        Effect.forEach(batch, (got) => server.writer.write({ payload: got.payload, address: got }), { discard: true })
      )
    )
    return {
      echo: (count, outstanding) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(serve)
            let sent = 0
            for (; sent < Math.min(outstanding, count); sent++) yield* client.writer.write(out)
            for (let received = 0; received < count;) {
              const batch = yield* client.reader.pull
              received += batch.length
              for (let i = 0; i < batch.length && sent < count; i++, sent++) yield* client.writer.write(out)
            }
            yield* Fiber.interrupt(fiber)
          })
        ),
      burst: (count, size) =>
        runtime.runPromise(
          Effect.gen(function* () {
            for (let received = 0; received < count;) {
              const outs = Array.from({ length: size }, () => out) as [typeof out, ...Array<typeof out>]
              yield* client.writer.writeAll(outs)
              for (const until = received + size; received < until;) received += (yield* server.reader.pull).length
            }
          })
        ),
      close: async () => {
        await runtime.runPromise(Scope.close(scope, Exit.void))
        await runtime.dispose()
      }
    }
  }
})

const here = { address: "127.0.0.1", port: 0 }

const nodeDatagramSocket = datagramSocket("NodeDatagramSocket", Layer.empty, NodeDatagramSocket.make({ bind: here }))

const winsockDatagramSocket = datagramSocket(
  "WinsockDatagramSocket",
  NativeWinsock.layer,
  WinsockDatagramSocket.make({ bind: here, maxMessageSize: 2048 })
)

// --- this library ---

const winsock: Contestant = {
  name: "effect-winsock",
  open: async () => {
    const runtime = ManagedRuntime.make(NativeWinsock.layer)
    const scope = Scope.makeUnsafe()
    const open = UdpSocket.bind(loopback, { maxMessageSize: 2048 }).pipe(Scope.provide(scope))
    const server = await runtime.runPromise(open)
    const client = await runtime.runPromise(open)
    const serve = Effect.forever(
      Effect.flatMap(server.pull, (batch) =>
        batch.length === 1
          ? server.send(batch[0].payload, batch[0].from)
          : server.sendAll(batch.map((got) => ({ payload: got.payload, to: got.from })))
      )
    )
    const out = { payload, to: server.address }
    return {
      echo: (count, outstanding) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(serve)
            let sent = 0
            for (; sent < Math.min(outstanding, count); sent++) yield* client.send(payload, server.address)
            for (let received = 0; received < count;) {
              const batch = yield* client.pull
              received += batch.length
              for (let i = 0; i < batch.length && sent < count; i++, sent++) yield* client.send(payload, server.address)
            }
            yield* Fiber.interrupt(fiber)
          })
        ),
      burst: (count, size) =>
        runtime.runPromise(
          Effect.gen(function* () {
            const outs = Array.from({ length: size }, () => out)
            for (let received = 0; received < count;) {
              yield* client.sendAll(outs)
              for (const until = received + size; received < until;) received += (yield* server.pull).length
            }
          })
        ),
      close: async () => {
        await runtime.runPromise(Scope.close(scope, Exit.void))
        await runtime.dispose()
      }
    }
  }
}

export const contestants: ReadonlyArray<Contestant> = [winsock, winsockDatagramSocket, dgram, nodeDatagramSocket]
