/** How connections end that are Duplexes, over TCP. */
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import type { WinsockError } from "@effect-winsock/core"
import { TcpDuplex } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import * as http from "node:http"
import type { Duplex } from "node:stream"
import { layerName, law, loopback, random, type Rig } from "../../support/rig.ts"

/** What opens a connection to a server that is closed when it has accepted it: no SOCKETs but the two are left. */
const connecting = Effect.fnUntraced(function* <A, R>(
  open: (server: TcpServer.TcpServer) => Effect.Effect<A, WinsockError.WinsockError, R>
) {
  const listening = yield* Scope.make()
  const server = yield* Scope.provide(TcpServer.listen(loopback), listening)
  const accepted = yield* Effect.forkChild(server.accept)
  const opened = yield* open(server)
  const peer = yield* Fiber.join(accepted)
  yield* Scope.close(listening, Exit.void)
  return { opened, peer }
})

/** A Duplex, and the connection at its other end. */
const connected = Effect.fnUntraced(function* (options: TcpDuplex.ConnectOptions = {}) {
  const { opened, peer } = yield* connecting((server) => TcpDuplex.connect(server.address, options))
  return { duplex: opened, peer }
})

const closing = (duplex: Duplex) =>
  Effect.promise(
    () =>
      new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        let error: NodeJS.ErrnoException | undefined
        duplex.once("error", (e) => (error = e))
        if (duplex.closed) resolve(error)
        else duplex.once("close", () => resolve(error))
      })
  )

const event = (duplex: Duplex, name: string) => Effect.promise(() => once(duplex, name))

const sockets = ({ statistics }: Rig) => Effect.map(statistics, ({ handles }) => handles.sockets)

const bytes = (size: number) => new Uint8Array(size).fill(7)

describe("half-close", () => {
  law("the end comes behind all that was written, and the other side goes on", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* connected({ allowHalfOpen: true })
      duplex.write(bytes(100_000))
      duplex.end("end")
      const all = yield* peer.receiveExactly(100_003)
      assert.strictEqual(String(Buffer.from(all.subarray(100_000))), "end")
      assert.strictEqual((yield* Effect.flip(peer.receive)).reason._tag, "EndOfStream")
      const answered = yield* Effect.forkChild(event(duplex, "data"), { startImmediately: true })
      yield* peer.send(new TextEncoder().encode("answer"))
      assert.strictEqual(String((yield* Fiber.join(answered))[0]), "answer")
      yield* peer.shutdown("send")
      assert.isUndefined(yield* closing(duplex))
    })
  )

  law("the peer's end is the end of both", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* connected()
      duplex.resume()
      yield* peer.shutdown("send")
      assert.isUndefined(yield* closing(duplex))
      assert.strictEqual((yield* Effect.flip(peer.receive)).reason._tag, "EndOfStream")
    })
  )
})

/** What else may be seen of a reset: Wine ends this side before it resets. */
const wineSays = <A>(value: A): ReadonlyArray<A> => (layerName === "native" ? [value] : [])

describe("errors", () => {
  law("the peer's reset", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* connected()
      duplex.resume()
      const closed = yield* Effect.forkChild(closing(duplex), { startImmediately: true })
      yield* peer.abort
      const error = yield* Fiber.join(closed)
      assert.include(["ECONNRESET read", ...wineSays(undefined)], error && `${error.code} ${error.syscall}`)
    })
  )

  law("resetting the peer", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* connected()
      duplex.resetAndDestroy()
      assert.isUndefined(yield* closing(duplex))
      const { _tag } = (yield* Effect.flip(peer.receive)).reason
      assert.include(["ConnectionReset", ...wineSays("EndOfStream")], _tag)
    })
  )
})

describe("closing", () => {
  law("'close' comes when the SOCKET is closed", (rig) =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* connected()
      assert.strictEqual(yield* sockets(rig), 2)
      const reading = yield* Effect.forkChild(Effect.flip(peer.receive), { startImmediately: true })
      duplex.resume()
      yield* Effect.yieldNow
      duplex.destroy()
      yield* closing(duplex)
      assert.strictEqual(yield* sockets(rig), 1)
      assert.strictEqual((yield* Fiber.join(reading)).reason._tag, "EndOfStream")
      assert.strictEqual((yield* rig.statistics).waiters, 0)
    })
  )

  law("a connection that was lent stays open", (rig) =>
    Effect.gen(function* () {
      const { opened, peer } = yield* connecting((server) => TcpSocket.connect(server.address))
      const duplex = yield* TcpDuplex.make(opened)
      duplex.write("hello")
      duplex.destroySoon()
      yield* closing(duplex)
      assert.strictEqual(String(Buffer.from(yield* peer.receiveExactly(5))), "hello")
      assert.strictEqual((yield* Effect.flip(peer.receive)).reason._tag, "EndOfStream")
      assert.strictEqual(yield* sockets(rig), 2)
    })
  )

  law("an interrupted server closes all its connections", (rig) =>
    Effect.gen(function* () {
      const web = http.createServer(() => {})
      const listening = yield* Scope.make()
      const server = yield* Scope.provide(TcpServer.listen(loopback), listening)
      const serving = yield* Effect.forkChild(TcpDuplex.serve(server, web))
      const clients = yield* Effect.forEach([1, 2, 3], () => TcpSocket.connect(server.address))
      const asked = Effect.promise(() => once(web, "request"))
      for (const client of clients) {
        const request = yield* Effect.forkChild(asked, { startImmediately: true })
        yield* client.send(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        yield* Fiber.join(request)
      }
      yield* Fiber.interrupt(serving)
      for (const client of clients) assert.strictEqual((yield* Effect.flip(client.receive)).reason._tag, "EndOfStream")
      yield* Scope.close(listening, Exit.void)
      assert.strictEqual(yield* sockets(rig), clients.length)
    })
  )

  const runs = layerName === "mock" ? 60 : 20
  law("destroyed at any point, by either side", (rig) =>
    Effect.gen(function* () {
      const chance = random(20_260_101)
      const listening = yield* Scope.make()
      const server = yield* Scope.provide(TcpServer.listen(loopback), listening)
      for (let run = 0; run < runs; run++) {
        const scope = yield* Scope.make()
        yield* Effect.gen(function* () {
          const accepted = yield* Effect.forkChild(TcpDuplex.own(server.accept))
          const pair = [yield* TcpDuplex.connect(server.address), yield* Fiber.join(accepted)]
          for (const duplex of pair) {
            duplex.on("error", () => {})
            if (chance(4) > 0) duplex.resume()
          }
          for (let step = chance(12); step > 0; step--) {
            const duplex = pair[chance(2)]
            if (duplex.writable) duplex.write(bytes(1 + chance(200_000)))
            if (chance(3) === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          }
          const first = pair[chance(2)]
          const how = chance(4)
          if (how === 0) first.destroy()
          else if (how === 1) first.resetAndDestroy()
          else if (how === 2) first.destroy(new Error("enough"))
          else first.end()
          if (chance(2) === 0) yield* closing(how === 3 ? pair[0].destroy() : first)
        }).pipe((effect) => Scope.provide(effect, scope))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* rig.statistics).waiters, 0, `run ${run}`)
      }
      yield* Scope.close(listening, Exit.void)
      const { handles, pending } = yield* rig.statistics
      assert.deepStrictEqual([handles.sockets, pending], [0, 0])
    })
  )
})
