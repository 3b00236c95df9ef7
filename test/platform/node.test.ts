/** Node's own protocols over connections in memory. */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import { HttpAgent, TcpDuplex } from "@effect-winsock/platform"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Open } from "../../packages/platform/src/internal/connecting.ts"
import { connector } from "../../packages/platform/src/internal/connecting.ts"
import type { FakeEnd } from "../support/fakeTcp.ts"
import * as FakeTcp from "../support/fakeTcp.ts"
import type { Net, WithNet } from "../support/overTcp.ts"
import { suite } from "../support/overTcp.ts"

const withNet: WithNet = (body) =>
  Effect.gen(function* () {
    const ends: Array<FakeEnd> = []
    yield* Effect.scoped(
      Effect.gen(function* () {
        const backlog = yield* Queue.unbounded<Effect.Effect<TcpSocket, never, Scope.Scope>>()
        const open = Effect.suspend(() => {
          const pair = FakeTcp.pair()
          ends.push(pair.a, pair.b)
          return Effect.andThen(Queue.offer(backlog, pair.openB), pair.openA)
        })
        const connect = yield* connector(() => open, {})
        const net: Net = {
          server: { accept: Effect.flatten(Queue.take(backlog)) } as Partial<TcpServer> as TcpServer,
          port: 80,
          connect: (options) => TcpDuplex.own(open, options),
          agent: (options) => HttpAgent.fromConnector(connect, options),
          secureAgent: (options) => HttpAgent.fromConnectorSecure(connect, options)
        }
        yield* body(net)
      })
    )
    for (const end of ends) {
      assert.deepStrictEqual([end.receiving, end.sending, end.closed], [0, 0, true], end.log.join(", "))
    }
  })

suite(withNet, 1_000_000)

describe("a connector", () => {
  const addresses = (to: ReadonlyArray<NetAddress.InetAddress>) =>
    to.map(({ address, port }) => `${NetAddress.formatIp(address)} ${port}`)

  /** What a connector asks for, and what it calls back with. */
  const connecting = Effect.fnUntraced(function* (destination: HttpAgent.Destination, opens?: Open<never>) {
    const asked: Array<ReadonlyArray<string>> = []
    const pair = FakeTcp.pair()
    const open: Open<Scope.Scope> = (to, options) => {
      asked.push(addresses(options.local === undefined ? to : [...to, options.local]))
      return opens === undefined ? pair.openA : opens(to, options)
    }
    const connect = yield* connector(open, {})
    const [error, duplex] = yield* Effect.promise(
      () =>
        new Promise<readonly [NodeJS.ErrnoException | null, TcpDuplex.TcpDuplex]>((resolve) => {
          connect(destination, (error, duplex) => resolve([error, duplex]))
        })
    )
    return { asked, error, duplex, end: pair.a }
  })

  it.live("takes addresses, and the options of node:net", () =>
    Effect.gen(function* () {
      const { asked, duplex, end, error } = yield* connecting({
        host: "::1",
        port: "8080",
        localAddress: "::1",
        localPort: 99,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 3000,
        timeout: 1234
      })
      assert.isNull(error)
      assert.deepStrictEqual(asked, [["::1 8080", "::1 99"]])
      assert.deepStrictEqual(end.log, ["noDelay true", 'keepAlive {"time":3000,"interval":"1 second"}'])
      assert.strictEqual(duplex.timeout, 1234)
    })
  )

  it.live("looks names up, and has all addresses tried", () =>
    Effect.gen(function* () {
      const { asked } = yield* connecting({
        hostname: "many.example",
        port: 80,
        family: 4,
        lookup: (name, options, callback) => {
          assert.deepStrictEqual([name, options], ["many.example", { all: true, family: 4 }])
          callback(null, [
            { address: "192.0.2.1", family: 4 },
            { address: "2001:db8::1", family: 6 }
          ])
        }
      })
      assert.deepStrictEqual(asked, [["192.0.2.1 80", "2001:db8::1 80"]])
      const one = yield* connecting({ host: "one.example", lookup: (_, __, done) => done(null, "192.0.2.7", 4) })
      assert.deepStrictEqual(one.asked, [["192.0.2.7 0"]])
    })
  )

  it.live("tells what is wrong as node:net does", () =>
    Effect.gen(function* () {
      const refused = WinsockErrors.fromCode("ConnectEx", WsaError.WSAECONNREFUSED, "stream")
      const { error } = yield* connecting({ host: "127.0.0.1", port: 9 }, () => Effect.fail(refused))
      assert.deepInclude({ ...error } as object, {
        code: "ECONNREFUSED",
        syscall: "connect",
        address: "127.0.0.1",
        port: 9
      })
      assert.strictEqual(error?.message, "connect ECONNREFUSED 127.0.0.1:9")
      assert.strictEqual(error?.cause, refused)
      const unknown = new Error("no such name")
      const failed = yield* connecting({ host: "none.example", lookup: (_, __, done) => done(unknown, "", 4) })
      assert.strictEqual(failed.error, unknown)
      const nothing = yield* connecting({ host: "none.example", lookup: (_, __, done) => done(null, []) })
      assert.strictEqual(nothing.error?.message, "none.example has no address")
    })
  )

  it.live("ends what is being connected with its scope", () =>
    Effect.gen(function* () {
      let error: NodeJS.ErrnoException | null = null
      let interrupted = false
      yield* Effect.scoped(
        Effect.gen(function* () {
          const open = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted = true)))
          const connect = yield* connector(open, {})
          connect({ host: "127.0.0.1", port: 1 }, (e) => (error = e))
        })
      )
      assert.isTrue(interrupted)
      assert.strictEqual(error!.code, "ECANCELED")
    })
  )
})
