/** TLS for Sockets: by `upgrade`, and from the beginning. */
import type { TcpSocket } from "@effect-winsock/core"
import { TcpServer, TcpSocket as TcpSockets } from "@effect-winsock/core"
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scheduler from "effect/Scheduler"
import * as Socket from "effect/socket/Socket"
import { SocketServer } from "effect/socket/SocketServer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { nameOf } from "../../../packages/platform/src/internal/socketAddress.ts"
import { fromConnection } from "../../../packages/platform/src/internal/socketSession.ts"
import { cert, key } from "../../support/overTcp.ts"
import { assertStretch, stretch } from "../../support/peer.ts"
import { interruptSoon, layerName, law, loopback, random, start } from "../../support/rig.ts"
import { inScope, settledAt } from "../../support/tcp.ts"
import {
  both,
  dial,
  echo,
  host,
  portOf,
  pullAll,
  pullBytes,
  roundTrip,
  serving,
  text,
  why
} from "../../support/transports.ts"

const identity = { cert, key: Redacted.make(key) }
const trust = { ca: cert, servername: "localhost" }

/** A server of TLS that gives back all that comes. */
const secureServing = Effect.fnUntraced(function* (
  options: Partial<WinsockSocketServer.TlsOptions> = {},
  handler: (socket: Socket.Socket) => Effect.Effect<unknown, unknown> = echo
) {
  const server = yield* WinsockSocketServer.makeTls({ host, key, cert, ...options })
  yield* Effect.forkScoped(server.run(handler))
  return server
})

const clientOf = (port: number, options: Partial<WinsockSocket.TlsOptions> = {}) =>
  WinsockSocket.makeTls({ host, port, ...trust, ...options })

/** The code of node:tls's error. */
const codeOf = ({ reason }: Socket.SocketError): unknown =>
  "cause" in reason ? (reason.cause as { readonly code?: string }).code : reason._tag

describe("TLS from the beginning", () => {
  law("as a socket and as a channel, with a server's session", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      yield* roundTrip(yield* clientOf(portOf(server)))
      const output = yield* Stream.make("Hello", "World").pipe(
        Stream.encodeText,
        Stream.pipeThroughChannel(WinsockSocket.makeTlsChannel({ host, port: portOf(server), ...trust })),
        Stream.catchIf(
          (error) => error.reason._tag === "SocketCloseError",
          () => Stream.empty
        ),
        Stream.decodeText(),
        Stream.mkString
      )
      assert.strictEqual(output, "HelloWorld")
    })
  )

  law("as layers, with and without TLS", () =>
    Effect.gen(function* () {
      const ask = Effect.flatMap(Socket.Socket, (socket) => roundTrip(socket))
      yield* Effect.gen(function* () {
        const server = yield* SocketServer
        yield* Effect.forkScoped(server.run(echo))
        yield* Effect.provide(ask, WinsockSocket.layerTls({ host, port: portOf(server), ...trust }))
      }).pipe(Effect.provide(WinsockSocketServer.layerTls({ host, key, cert })))
      const plain = yield* serving(echo)
      yield* Effect.provide(ask, WinsockSocket.layer(plain.address as NetAddress.InetAddress))
      yield* Effect.provide(ask, WinsockSocket.layerNet({ host, port: portOf(plain) }))
    })
  )

  law("a certificate that is not trusted is an open error with node:tls's for its cause", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* secureServing({ acceptAhead: 1 })
      const socket = yield* clientOf(portOf(server), { ca: undefined })
      const error = yield* Effect.flip(Effect.scoped(socket.reader))
      assert.deepStrictEqual([error.reason._tag, codeOf(error)], ["SocketOpenError", "DEPTH_ZERO_SELF_SIGNED_CERT"])
      yield* settledAt(statistics, 2)
      // the server goes on
      yield* roundTrip(yield* clientOf(portOf(server)))
    })
  )

  law("a name that the server does not show is an open error", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const socket = yield* clientOf(portOf(server), { servername: "elsewhere.example" })
      assert.strictEqual(codeOf(yield* Effect.flip(Effect.scoped(socket.reader))), "ERR_TLS_CERT_ALTNAME_INVALID")
    })
  )

  law("options that node:tls does not take are open errors, of a server before it listens", ({ recorder }) =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(WinsockSocketServer.makeTls({ host, key, cert: "no certificate" }))
      assert.strictEqual(reason._tag, "SocketServerOpenError")
      assert.strictEqual(recorder.count("WSASocketW"), 0)
      const server = yield* secureServing()
      const socket = yield* clientOf(portOf(server), { cert: "no certificate", key })
      assert.strictEqual(yield* why(Effect.scoped(socket.reader)), "SocketOpenError Unknown")
    })
  )

  law("a peer that says nothing is given the open timeout, and nothing is left of it", ({ statistics }) =>
    Effect.gen(function* () {
      const silent = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const socket = yield* clientOf(silent.address.port, { openTimeout: "1 minute" })
      const { opening, peer } = yield* Effect.gen(function* () {
        const opening = yield* Effect.forkScoped(why(Effect.scoped(socket.reader)), { startImmediately: true })
        const peer = yield* silent.accept
        yield* peer.receive
        yield* TestClock.adjust("1 minute")
        return { opening, peer }
      }).pipe(Effect.provide(TestClock.layer()))
      assert.strictEqual(yield* Fiber.join(opening), "SocketOpenError Timeout")
      yield* Effect.flip(Effect.forever(peer.receive))
      yield* settledAt(statistics, 3)
    })
  )

  law("clients that are no clients of TLS cost the server nothing", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* secureServing({ acceptAhead: 1 })
      const stranger = yield* inScope(dial(server))
      yield* stranger.value.send(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"))
      yield* Effect.flip(Effect.forever(stranger.value.receive))
      yield* stranger.close
      const silent = yield* inScope(dial(server))
      yield* roundTrip(yield* clientOf(portOf(server)))
      yield* silent.close
      yield* settledAt(statistics, 2)
    })
  )

  law("the server asks for a certificate, and takes only one that it trusts", () =>
    Effect.gen(function* () {
      const shown = yield* Deferred.make<string | undefined>()
      const server = yield* WinsockSocketServer.makeTls({ host, key, cert, ca: cert, requestCert: true })
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            const session = Option.getOrThrow(yield* Effect.serviceOption(WinsockSocket.TlsSession))
            yield* Deferred.succeed(shown, session.getPeerCertificate().subject?.CN as string)
            yield* echo(socket)
          })
        )
      )
      yield* roundTrip(yield* clientOf(portOf(server), { key, cert }))
      assert.strictEqual(yield* Deferred.await(shown), "localhost")
      const nobody = yield* clientOf(portOf(server))
      // with TLS 1.3 the client learns of it when it reads
      assert.include(
        ["SocketReadError", "SocketOpenError Unknown", "closed with 1000"],
        yield* why(Effect.scoped(Effect.flatMap(nobody.reader, ({ pull }) => pull)))
      )
    })
  )

  law("a protocol is agreed on", () =>
    Effect.gen(function* () {
      const agreed = yield* Deferred.make<unknown>()
      const server = yield* WinsockSocketServer.makeTls({ host, key, cert, ALPNProtocols: ["two", "one"] })
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            const session = Option.getOrThrow(yield* Effect.serviceOption(WinsockSocket.TlsSession))
            yield* Deferred.succeed(agreed, session.alpnProtocol)
            yield* echo(socket)
          })
        )
      )
      yield* roundTrip(yield* clientOf(portOf(server), { ALPNProtocols: ["one", "three"] }))
      assert.strictEqual(yield* Deferred.await(agreed), "one")
    })
  )

  const size = layerName === "mock" ? 3_000_000 : 1_500_000
  law(`${size} bytes go both ways, to one that takes its time, and end cleanly`, () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const socket = yield* clientOf(portOf(server))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { pull } = yield* socket.reader
          const writing = yield* Effect.forkChild(
            Effect.scoped(
              Effect.flatMap(socket.writer, ({ writeAll }) =>
                Effect.forEach([0, 1, 2], (n) => {
                  const third = stretch((n * size) / 3, size / 3)
                  return writeAll([third.subarray(0, 1000), third.subarray(1000)])
                })
              )
            )
          )
          let received = 0
          const end = yield* why(
            Effect.forever(
              Effect.flatMap(pull, (chunks) => {
                for (const chunk of chunks) {
                  assertStretch(chunk as Uint8Array, received)
                  received += chunk.length
                }
                return Effect.yieldNow
              })
            )
          )
          assert.deepStrictEqual([received, end], [size, "closed with 1000"])
          yield* Fiber.join(writing)
        })
      )
    })
  )

  const runs = layerName === "mock" ? 100 : 60
  for (const most of [2048, 20, 3]) {
    law(`${runs} interruptions of pulls lose nothing, with ${most} steps between yields`, () =>
      Effect.gen(function* () {
        const server = yield* secureServing()
        const socket = yield* clientOf(portOf(server))
        const { pull, write } = yield* both(socket)
        const chance = random(9)
        let sent = 0
        let received = 0
        const take = (chunks: ReadonlyArray<Uint8Array | string>): void => {
          for (const chunk of chunks) {
            assertStretch(chunk as Uint8Array, received)
            received += chunk.length
          }
        }
        for (let run = 0; run < runs; run++) {
          const pulling = yield* start(Effect.forever(Effect.map(pull, take)))
          const size = 1 + chance(2000)
          yield* write(stretch(sent, size))
          sent += size
          for (let turns = chance(6); turns > 0; turns--) yield* Effect.yieldNow
          yield* interruptSoon(pulling)
          yield* Fiber.interrupt(pulling)
        }
        while (received < sent) take(yield* pull)
        assert.strictEqual(received, sent)
      }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, most))
    )
  }
})

describe("TLS: what has come already", () => {
  law("is not dropped where a fiber yields with it in hand", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const { pull, write } = yield* both(yield* clientOf(portOf(server)))
      const chance = random(20_261_130)
      let sent = 0
      let received = 0
      const take = (chunks: ReadonlyArray<Uint8Array | string>): void => {
        for (const chunk of chunks) {
          assertStretch(chunk as Uint8Array, received)
          received += chunk.length
        }
      }
      for (let run = 0; run < 150; run++) {
        yield* write(stretch(sent, 10))
        sent += 10
        for (let turns = 0; turns < 8; turns++) yield* Effect.yieldNow
        let steps = run % 25
        const busy = Effect.whileLoop({ while: () => steps-- > 0, body: () => Effect.void, step: () => {} })
        const pulling = yield* start(Effect.map(Effect.andThen(busy, pull), take))
        if (chance(4) > 0) yield* interruptSoon(pulling)
        yield* Fiber.interrupt(pulling)
      }
      while (received < sent) take(yield* pull)
      assert.strictEqual(received, sent)
    }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, 20))
  )
})

describe("TLS by upgrade", () => {
  law("the server's side, for a client of TLS", () =>
    Effect.gen(function* () {
      const server = yield* serving((socket) => echo(socket, identity))
      yield* roundTrip(yield* clientOf(portOf(server)))
    })
  )

  law("the client's side, to a server of TLS", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      yield* roundTrip(socket, { ...trust, rejectUnauthorized: true })
    })
  )

  law("both sides, after a word in the clear; writes meanwhile wait for it", () =>
    Effect.gen(function* () {
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, upgrade, write } = yield* both(socket)
            assert.strictEqual(text([yield* pullBytes(pull, 8)]), "STARTTLS")
            yield* write("GO")
            yield* upgrade(identity)
            yield* write("secret")
            assert.strictEqual(text([yield* pullBytes(pull, 4)]), "mine")
            yield* write("!")
          })
        )
      )
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const { pull, upgrade, write } = yield* both(socket)
      yield* write("STARTTLS")
      assert.strictEqual(text([yield* pullBytes(pull, 2)]), "GO")
      const upgrading = yield* start(upgrade({ ...trust, alpnProtocols: ["x"] }))
      // it has begun: neither goes out in the clear, nor takes what belongs to the handshake
      const writing = yield* start(write("mine"))
      const pulling = yield* start(pullBytes(pull, 6))
      yield* Fiber.join(upgrading)
      yield* Fiber.join(writing)
      assert.strictEqual(text([yield* Fiber.join(pulling)]), "secret")
      assert.deepStrictEqual(yield* pullAll(pull), { text: "!", end: "closed with 1000" })
    })
  )

  law("a server must show who it is, and nobody half of it; the connection stays as it was", () =>
    Effect.gen(function* () {
      const said = yield* Deferred.make<ReadonlyArray<string>>()
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, upgrade, writeAll } = yield* both(socket)
            yield* Deferred.succeed(said, [
              yield* why(upgrade()),
              yield* why(upgrade({ cert })),
              yield* why(upgrade({ cert: "no certificate", key: Redacted.make("no key") }))
            ])
            yield* writeAll(yield* pull)
          })
        )
      )
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const { pull, upgrade, write } = yield* both(socket)
      const three = ["SocketUpgradeError", "SocketUpgradeError", "SocketUpgradeError"]
      assert.deepStrictEqual(yield* Deferred.await(said), three)
      assert.strictEqual(yield* why(upgrade({ cert })), "SocketUpgradeError")
      assert.strictEqual(yield* why(upgrade({ key: Redacted.make(key) })), "SocketUpgradeError")
      const odd = { ca: 5, servername: 5, alpnProtocols: [""] }
      for (const [option, value] of Object.entries(odd)) {
        assert.strictEqual(yield* why(upgrade({ [option]: value } as never)), "SocketUpgradeError", option)
      }
      yield* write("plain")
      assert.strictEqual(text([yield* pullBytes(pull, 5)]), "plain")
    })
  )

  law("a second one is refused, and the first stays", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const { pull, upgrade, write } = yield* both(socket)
      yield* upgrade({ ...trust, ...identity })
      assert.strictEqual(yield* why(upgrade(trust)), "SocketUpgradeError")
      const session = yield* Effect.scoped(
        Effect.flatMap(Effect.flatten(Effect.map(clientOf(portOf(server)), (one) => one.reader)), ({ upgrade }) =>
          why(upgrade(trust))
        )
      )
      assert.strictEqual(session, "SocketUpgradeError")
      yield* write("on")
      assert.strictEqual(text([yield* pullBytes(pull, 2)]), "on")
    })
  )

  law("a handshake that fails is an upgrade error, for pulls as well; writes fail", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      const { pull, upgrade, write } = yield* both(socket)
      const waiting = yield* start(why(Effect.andThen(Effect.yieldNow, write("x"))))
      const error = yield* Effect.flip(upgrade({ rejectUnauthorized: true }))
      assert.deepStrictEqual([error.reason._tag, codeOf(error)], ["SocketUpgradeError", "DEPTH_ZERO_SELF_SIGNED_CERT"])
      assert.strictEqual(yield* why(pull), "SocketUpgradeError")
      assert.strictEqual(yield* why(write("x")), "SocketWriteError")
      yield* Fiber.interrupt(waiting)
    })
  )

  law("without a name of its own it expects the name that was connected to", () =>
    Effect.gen(function* () {
      const server = yield* secureServing()
      const to = TcpSockets.connect({ host, port: portOf(server) })
      const upgradeOf = (host: string) =>
        Effect.scoped(
          Effect.flatMap(fromConnection(to, { host }), ({ reader }) =>
            Effect.flatMap(reader, ({ upgrade }) => upgrade({ ca: cert }))
          )
        )
      yield* upgradeOf("localhost")
      assert.strictEqual(codeOf(yield* Effect.flip(upgradeOf("elsewhere.example"))), "ERR_TLS_CERT_ALTNAME_INVALID")
      assert.deepStrictEqual(
        [{ host: "a.example", port: 1 }, { host }, loopback].map((to) => nameOf(to)),
        ["a.example", undefined, undefined]
      )
    })
  )

  law("an interrupted one is the end of the connection", () =>
    Effect.gen(function* () {
      const silent = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const accepted = yield* Effect.forkChild(silent.accept)
      const socket = yield* WinsockSocket.make(silent.address)
      const { pull, upgrade, write } = yield* both(socket)
      const upgrading = yield* start(upgrade(trust))
      const peer: TcpSocket.TcpSocket = yield* Fiber.join(accepted)
      yield* peer.receive
      const pulled = yield* start(why(pull))
      yield* Fiber.interrupt(upgrading)
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1006")
      assert.strictEqual(yield* why(write("x")), "SocketWriteError")
      yield* Effect.flip(Effect.forever(peer.receive))
    })
  )

  law("a client's certificate that is not trusted is the server's upgrade error", () =>
    Effect.gen(function* () {
      const said = yield* Deferred.make<string>()
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.flatMap(socket.reader, ({ upgrade }) =>
            Effect.flatMap(Effect.exit(upgrade({ ...identity, requestCert: true, rejectUnauthorized: true })), (exit) =>
              Deferred.succeed(said, exit._tag === "Success" ? "trusted" : Cause.pretty(exit.cause))
            )
          )
        )
      )
      const socket = yield* clientOf(portOf(server), { key, cert })
      yield* Effect.exit(Effect.scoped(Effect.flatMap(socket.reader, ({ pull }) => pull)))
      assert.include(yield* Deferred.await(said), "upgrade")
    })
  )
})

describe("TLS: ending", () => {
  law("closing the reader's scope fails a pull that waits, and sends what was written", () =>
    Effect.gen(function* () {
      const heard = yield* Deferred.make<{ readonly text: string; readonly end: string }>()
      const server = yield* secureServing({}, (socket) =>
        Effect.scoped(
          Effect.flatMap(socket.reader, ({ pull }) =>
            Effect.flatMap(pullAll(pull), (all) => Deferred.succeed(heard, all))
          )
        )
      )
      const socket = yield* clientOf(portOf(server))
      const scope = yield* inScope(both(socket))
      const pulled = yield* start(why(scope.value.pull))
      yield* scope.value.writeAll(["good", " bye"])
      yield* scope.close
      assert.strictEqual(yield* Fiber.join(pulled), "closed with 1006")
      assert.strictEqual(yield* why(scope.value.pull), "closed with 1006")
      assert.deepStrictEqual(yield* Deferred.await(heard), { text: "good bye", end: "closed with 1000" })
    })
  )

  law("a close event: of 1000 cleanly, above it with a reset", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      const server = yield* secureServing({}, (socket) =>
        Effect.scoped(
          Effect.flatMap(socket.reader, ({ pull }) =>
            Effect.map(pullAll(pull), (all) => void ends.push(`${all.text}: ${all.end}`))
          )
        )
      )
      for (const code of [1000, 4000]) {
        const socket = yield* clientOf(portOf(server))
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(socket)
            const pulled = yield* start(why(pull))
            yield* write("x")
            for (let turns = 0; turns < 20; turns++) yield* Effect.yieldNow
            yield* write(new Socket.CloseEvent(code))
            assert.strictEqual(yield* Fiber.join(pulled), `closed with ${code}`)
            assert.strictEqual(yield* why(write("more")), "SocketWriteError")
          })
        )
      }
      while (ends.length < 2) yield* Effect.sleep("1 millis")
      assert.strictEqual(ends[0], "x: closed with 1000")
      // Wine may give the end of the stream for a reset
      const amiss = ["x: SocketReadError", ...(layerName === "native" ? ["x: closed with 1000"] : [])]
      assert.include(amiss, ends[1])
    })
  )

  law("a peer that reads nothing keeps no scope from closing", () =>
    Effect.gen(function* () {
      const server = yield* secureServing({ receiveBuffer: 8192 }, () => Effect.never)
      const options = { sendBuffer: 8192, closeTimeout: "200 millis" } as const
      const socket = yield* clientOf(portOf(server), options)
      const scope = yield* inScope(both(socket))
      const written = yield* start(why(Effect.forever(scope.value.write(stretch(0, 500_000)))))
      yield* Effect.sleep("50 millis")
      assert.isUndefined(written.pollUnsafe())
      const before = performance.now()
      yield* Effect.timeout(scope.close, "10 seconds")
      assert.isAbove(performance.now() - before, 150)
      assert.strictEqual(yield* Fiber.join(written), "SocketWriteError")
    })
  )

  const runs = layerName === "mock" ? 16 : 20
  law("interrupted anywhere, it leaves nothing", ({ statistics }) =>
    Effect.gen(function* () {
      const listening = yield* inScope(secureServing({ acceptAhead: 1 }, (socket) => Effect.ignore(echo(socket))))
      const port = portOf(listening.value)
      const chance = random(5)
      for (let run = 0; run < runs; run++) {
        const socket = run % 2 === 0 ? yield* clientOf(port) : yield* WinsockSocket.makeNet({ host, port })
        const busy = yield* start(
          Effect.scoped(
            Effect.gen(function* () {
              const { pull, upgrade, write } = yield* both(socket)
              if (run % 2 !== 0) yield* upgrade(trust)
              // no more than finds room at the other side: closing waits for what does not
              yield* Effect.forkChild(write(stretch(0, 1 + chance(50_000))))
              return yield* Effect.forever(pull)
            })
          )
        )
        for (let turns = chance(60); turns > 0; turns--) yield* Effect.yieldNow
        yield* Fiber.interrupt(busy)
      }
      yield* listening.close
      yield* settledAt(statistics, 0)
      assert.strictEqual((yield* statistics).waiters, 0)
    })
  )
})
