/** Sockets and servers at paths, where the provider has AF_UNIX; an error of its own kind where it has not. */
import { UnixSocket } from "@effect-winsock/core"
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import * as Socket from "effect/socket/Socket"
import { cert, key } from "../../support/overTcp.ts"
import { stretch, assertStretch } from "../../support/peer.ts"
import { law, start } from "../../support/rig.ts"
import { settledAt, utf8 } from "../../support/tcp.ts"
import { both, causeOf, echo, pullAll, pullBytes, roundTrip, text, why } from "../../support/transports.ts"
import { lawWhereSupported, withFolder } from "../../support/unix.ts"

const serving = Effect.fnUntraced(function* (
  options: WinsockSocketServer.Options,
  handler: (socket: Socket.Socket) => Effect.Effect<unknown, unknown> = echo
) {
  const server = yield* WinsockSocketServer.make(options)
  yield* Effect.forkScoped(server.run(handler))
  return server
})

describe("Sockets at paths", () => {
  lawWhereSupported("a server tells its path, and is reached by it, in Node's words and in Effect's", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("echo.sock")
      const server = yield* serving({ path })
      assert.deepStrictEqual(server.address, NetAddress.unixPathAddress(path))
      yield* roundTrip(yield* WinsockSocket.makeNet({ path, noDelay: true, keepAlive: true }))
      yield* roundTrip(yield* WinsockSocket.make(NetAddress.unixPathAddress(path)))
      const other = yield* serving({ address: NetAddress.unixPathAddress(rig.path("other.sock")) })
      yield* roundTrip(yield* WinsockSocket.make(other.address as NetAddress.UnixPathAddress))
    })
  )

  lawWhereSupported("much goes through; the end of the writer comes behind it, and reading goes on", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("much.sock")
      const size = 500_000
      yield* serving({ path, receiveBuffer: 8192 }, (socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(socket)
            assertStretch(yield* pullBytes(pull, size), 0)
            assert.strictEqual(yield* why(pull), "closed with 1000")
            yield* write("all of it")
          })
        )
      )
      const socket = yield* WinsockSocket.makeNet({ path, sendBuffer: 8192 })
      const { pull } = yield* socket.reader
      const writing = yield* start(Effect.scoped(Effect.flatMap(socket.writer, ({ write }) => write(stretch(0, size)))))
      assert.deepStrictEqual(yield* pullAll(pull), { text: "all of it", end: "closed with 1000" })
      assert.isDefined(writing.pollUnsafe())
    })
  )

  law("a path that is none is an open error that says so", () =>
    Effect.gen(function* () {
      const path = 5 as unknown as string
      const socket = yield* WinsockSocket.makeNet({ path })
      assert.strictEqual(causeOf(yield* Effect.flip(Effect.scoped(socket.reader))), "InvalidArgument")
      const { reason } = yield* Effect.flip(WinsockSocketServer.make({ path }))
      assert.strictEqual(reason._tag, "SocketServerOpenError")
    })
  )

  lawWhereSupported("upgrades to TLS", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("secure.sock")
      yield* serving({ path }, (socket) => echo(socket, { cert, key: Redacted.make(key) }))
      yield* roundTrip(yield* WinsockSocket.makeNet({ path }), { ca: cert, servername: "localhost" })
      const server = yield* WinsockSocketServer.makeTls({ path: rig.path("tls.sock"), key, cert })
      yield* Effect.forkScoped(server.run(echo))
      yield* roundTrip(yield* WinsockSocket.makeTls({ path: rig.path("tls.sock"), ca: cert, servername: "localhost" }))
    })
  )

  lawWhereSupported("connections wait for a server to run, and end with its scope", (rig) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const path = rig.path("early.sock")
      const server = yield* Scope.provide(WinsockSocketServer.make({ path, acceptAhead: 1 }), scope)
      const client = yield* UnixSocket.connect(path)
      yield* client.send(utf8("early"))
      const running = yield* Scope.provide(Effect.forkScoped(server.run(echo)), scope)
      assert.strictEqual(text([yield* client.receiveExactly(5)]), "early")
      yield* Scope.close(scope, Exit.void)
      assert.isDefined(running.pollUnsafe())
      yield* settledAt(rig.statistics, 1)
    })
  )

  lawWhereSupported("closing the reader's scope fails a pull that waits; a close event resets", (rig) =>
    Effect.gen(function* () {
      const path = rig.path("close.sock")
      yield* serving({ path }, () => Effect.never)
      const socket = yield* WinsockSocket.makeNet({ path })
      const scope = yield* Scope.make()
      const { pull } = yield* Scope.provide(socket.reader, scope)
      const pulled = yield* start(why(pull))
      yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Effect.flatMap(Effect.exit(Effect.void), () => why(pull)), "closed with 1006")
      const next = yield* both(socket)
      yield* next.write(new Socket.CloseEvent(4000))
      assert.strictEqual(yield* why(next.pull), "closed with 4000")
      assert.isDefined(pulled.pollUnsafe())
    })
  )

  law(
    "where nobody listens, or there is no AF_UNIX: an open error",
    (rig) =>
      Effect.gen(function* () {
        const supported = yield* UnixSocket.isSupported
        const expected = supported ? "ConnectionRefused" : "NotSupported"
        const socket = yield* WinsockSocket.makeNet({ path: rig.path("nobody.sock") })
        assert.strictEqual(causeOf(yield* Effect.flip(Effect.scoped(socket.reader))), expected)
        const { reason } = yield* Effect.flip(WinsockSocketServer.make({ path: rig.path(supported ? "a-file" : "x") }))
        const { cause } = reason as { readonly cause: { readonly reason: { readonly _tag: string } } }
        assert.deepStrictEqual(
          [reason._tag, cause.reason._tag],
          ["SocketServerOpenError", supported ? "AddressInUse" : "NotSupported"]
        )
      }),
    withFolder
  )
})
