/** The same programs, a flow and an echo, over each library: both ends of every connection are the library's. */
import type { TcpSocket } from "@effect-winsock/core"
import { TcpServer, TcpSocket as TcpSockets } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core/Winsock"
import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
import * as WinsockSocket from "@effect-winsock/platform/WinsockSocket"
import * as NodeSocket from "@effect/platform-node-shared/NodeSocket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"

/** Connections of one library. */
export interface Wire {
  /** Sends `bytes` on each of the first `connections`, `size` at a time, and receives them at the other ends. */
  readonly flow: (connections: number, bytes: number, size: number) => Promise<void>
  /** Sends and gets back `count` requests on each of the first `connections`, one outstanding on each. */
  readonly echo: (connections: number, count: number) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Contestant {
  readonly name: string
  readonly open: (connections: number) => Promise<Wire>
}

const request = new Uint8Array(64)
const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)
const unbounded = { concurrency: "unbounded", discard: true } as const

interface Pair<A> {
  readonly client: A
  readonly server: A
}

/** Connections of node:net, both of their ends. */
const pairs = async (connections: number): Promise<ReadonlyArray<Pair<Net.Socket>>> => {
  const listener = Net.createServer({ pauseOnConnect: true })
  listener.listen(0, "127.0.0.1")
  await once(listener, "listening")
  const { port } = listener.address() as AddressInfo
  const made: Array<Pair<Net.Socket>> = []
  for (let i = 0; i < connections; i++) {
    const accepted = once(listener, "connection")
    const client = Net.connect(port, "127.0.0.1")
    await once(client, "connect")
    const [server] = (await accepted) as [Net.Socket]
    made.push({ client, server })
  }
  listener.close()
  return made
}

// --- node:net ---

const sendAll = (socket: Net.Socket, bytes: number, size: number): void => {
  const chunk = new Uint8Array(size)
  let left = bytes
  const some = (): void => {
    while (left > 0) {
      left -= size
      if (socket.write(chunk)) continue
      socket.once("drain", some)
      return
    }
  }
  some()
}

const receiveAll = (socket: Net.Socket, bytes: number): Promise<void> =>
  new Promise((resolve) => {
    let left = bytes
    const received = (chunk: Buffer): void => {
      left -= chunk.length
      if (left > 0) return
      socket.off("data", received)
      resolve()
    }
    socket.on("data", received)
  })

const ask = (socket: Net.Socket, count: number): Promise<void> =>
  new Promise((resolve) => {
    let asked = 1
    const answered = (): void => {
      if (asked++ < count) return void socket.write(request)
      socket.off("data", answered)
      resolve()
    }
    socket.on("data", answered)
    socket.write(request)
  })

const nodeNet: Contestant = {
  name: "node:net",
  open: async (connections) => {
    const all = await pairs(connections)
    for (const { server } of all) server.resume()
    return {
      flow: async (connections, bytes, size) => {
        const received = all.slice(0, connections).map(({ server }) => receiveAll(server, bytes))
        for (let i = 0; i < connections; i++) sendAll(all[i].client, bytes, size)
        await Promise.all(received)
      },
      echo: async (connections, count) => {
        const chosen = all.slice(0, connections)
        const answer = chosen.map(
          ({ server }) =>
            (chunk: Buffer) =>
              void server.write(chunk)
        )
        for (const [i, { server }] of chosen.entries()) server.on("data", answer[i])
        await Promise.all(chosen.map(({ client }) => ask(client, count)))
        for (const [i, { server }] of chosen.entries()) server.off("data", answer[i])
      },
      close: async () => {
        for (const { client, server } of all) {
          client.destroy()
          server.destroy()
        }
      }
    }
  }
}

// --- what is an Effect ---

/** One end of a connection, as both of Effect's contestants have it. */
interface End<E> {
  readonly pull: Effect.Effect<ReadonlyArray<Uint8Array | string>, E>
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, E>
}

const lengthOf = (chunks: ReadonlyArray<Uint8Array | string>): number => {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  return length
}

const repeat = <E>(times: number, body: Effect.Effect<unknown, E>): Effect.Effect<void, E> => {
  let left = times
  return Effect.whileLoop({ while: () => left-- > 0, body: () => body, step: () => {} })
}

const receive = <E>(end: End<E>, bytes: number): Effect.Effect<void, E> => {
  let left = bytes
  return Effect.whileLoop({
    while: () => left > 0,
    body: () => end.pull,
    step: (chunks) => {
      left -= lengthOf(chunks)
    }
  })
}

const serve = <E>({ pull, send }: End<E>): Effect.Effect<never, E> =>
  Effect.forever(Effect.flatMap(pull, (chunks) => send(chunks[0] as Uint8Array)))

const flow = <E>(all: ReadonlyArray<Pair<End<E>>>, bytes: number, size: number): Effect.Effect<void, E> => {
  const chunk = new Uint8Array(size)
  return Effect.gen(function* () {
    const receiving = yield* Effect.forkChild(Effect.forEach(all, ({ server }) => receive(server, bytes), unbounded))
    yield* Effect.forEach(all, ({ client }) => repeat(bytes / size, client.send(chunk)), unbounded)
    yield* Fiber.join(receiving)
  })
}

const echo = <E>(all: ReadonlyArray<Pair<End<E>>>, count: number): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const serving = yield* Effect.forkChild(Effect.forEach(all, ({ server }) => serve(server), unbounded))
    yield* Effect.forEach(
      all,
      ({ client }) =>
        repeat(
          count,
          Effect.flatMap(client.send(request), () => client.pull)
        ),
      unbounded
    )
    yield* Fiber.interrupt(serving)
  })

// --- Effect's own, over node:net ---

const nodeSocket: Contestant = {
  name: "NodeSocket",
  open: async (connections) => {
    const scope = Scope.makeUnsafe()
    const end = (socket: Net.Socket): Promise<End<Socket.SocketError>> =>
      Effect.gen(function* () {
        const own = yield* NodeSocket.fromDuplex(Effect.succeed(socket))
        const { pull } = yield* own.reader
        const { write } = yield* own.writer
        return { pull, send: write }
      }).pipe(Scope.provide(scope), Effect.runPromise)
    const sockets = await pairs(connections)
    const all = await Promise.all(
      sockets.map(async ({ client, server }) => ({ client: await end(client), server: await end(server) }))
    )
    return {
      flow: (connections, bytes, size) => Effect.runPromise(flow(all.slice(0, connections), bytes, size)),
      echo: (connections, count) => Effect.runPromise(echo(all.slice(0, connections), count)),
      close: async () => {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        for (const { client, server } of sockets) {
          client.destroy()
          server.destroy()
        }
      }
    }
  }
}

// --- this library, by itself and as Effect's Socket ---

const ofWinsock = (
  name: string,
  layer: Layer.Layer<Winsock, unknown>,
  endOf: (connection: TcpSocket.TcpSocket) => Effect.Effect<End<unknown>, unknown, Scope.Scope>
): Contestant => ({
  name,
  open: async (connections) => {
    const runtime = ManagedRuntime.make(layer)
    const scope = Scope.makeUnsafe()
    const all = await runtime.runPromise(
      Effect.gen(function* () {
        const server = yield* TcpServer.listen(loopback)
        const made: Array<Pair<End<unknown>>> = []
        for (let i = 0; i < connections; i++) {
          const client = yield* TcpSockets.connect(server.address)
          made.push({ client: yield* endOf(client), server: yield* endOf(yield* server.accept) })
        }
        return made
      }).pipe(Scope.provide(scope))
    )
    return {
      flow: (connections, bytes, size) => runtime.runPromise(flow(all.slice(0, connections), bytes, size)),
      echo: (connections, count) => runtime.runPromise(echo(all.slice(0, connections), count)),
      close: async () => {
        await runtime.runPromise(Scope.close(scope, Exit.void))
        await runtime.dispose()
      }
    }
  }
})

/** This library on a layer: its own socket, and Effect's over that. */
export const ofLayer = (layer: Layer.Layer<Winsock, unknown>): ReadonlyArray<Contestant> => [
  ofWinsock("effect-winsock", layer, (connection) =>
    // made anew each time, as programs do it
    Effect.succeed({ pull: connection.pull, send: (bytes) => Effect.suspend(() => connection.send(bytes)) })
  ),
  ofWinsock("WinsockSocket", layer, (connection) =>
    Effect.gen(function* () {
      const own = yield* WinsockSocket.fromConnection(Effect.succeed(connection))
      const { pull } = yield* own.reader
      const { write } = yield* own.writer
      return { pull, send: write }
    })
  )
]

export const contestants: ReadonlyArray<Contestant> = [...ofLayer(NativeWinsock.layer), nodeNet, nodeSocket]
