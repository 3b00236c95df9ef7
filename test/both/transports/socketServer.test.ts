/** What a program expects of a SocketServer, whoever made it: here over TCP. */
import { WSAENETDOWN } from "@effect-winsock/schema/WsaError"
import { WinsockSocket, WinsockSocketServer } from "@effect-winsock/platform"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { SocketServer } from "effect/socket/SocketServer"
import { law, start } from "../../support/rig.ts"
import { inScope, isReset, settledAt, text, utf8 } from "../../support/tcp.ts"
import { tag } from "../../support/udp.ts"
import {
  both,
  connected,
  dial,
  echo,
  host,
  portOf,
  pullBytes,
  roundTrip,
  serving,
  why
} from "../../support/transports.ts"

/** What is logged of a kind, and where it is collected. */
const collecting = () => {
  const messages: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    messages.push(`${logLevel} ${([] as Array<unknown>).concat(message).at(0)}`)
  })
  return { messages, layer: Logger.layer([logger]) }
}

describe("SocketServer: listening", () => {
  law("it tells where, of either family and of both", () =>
    Effect.gen(function* () {
      const four = yield* serving(echo)
      assert.strictEqual(four.address._tag, "InetAddressV4")
      assert.isAbove(portOf(four), 0)
      const six = yield* serving(echo, { host: "::1" })
      assert.strictEqual(six.address._tag, "InetAddressV6")
      assert.strictEqual(NetAddress.formatIp((six.address as NetAddress.InetAddress).address), "::1")
      yield* roundTrip(yield* WinsockSocket.makeNet({ host: "::1", port: portOf(six) }))
      const named = yield* WinsockSocketServer.make({ host: "localhost" })
      assert.isAbove(portOf(named), 0)
    })
  )

  law("nowhere in particular is everywhere", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ port: 0 })
      yield* Effect.forkScoped(server.run(echo))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host, port: portOf(server) }))
      yield* roundTrip(yield* WinsockSocket.makeNet({ host: "::1", port: portOf(server) }))
      // no name is none
      const nameless = yield* WinsockSocketServer.make({ host: "" })
      assert.strictEqual(nameless.address._tag, server.address._tag)
      assert.isTrue(NetAddress.isUnspecified((nameless.address as NetAddress.InetAddress).address))
    })
  )

  law("a port that is none is an open error that names it", () =>
    Effect.gen(function* () {
      for (const port of [65_536, -1, 1.5]) {
        for (const options of [{ port }, { port, host }]) {
          const { reason } = yield* Effect.flip(WinsockSocketServer.make(options))
          assert.strictEqual(reason._tag, "SocketServerOpenError")
          assert.include(String(reason.cause), "port is ")
        }
      }
    })
  )

  law("at an address; as a layer", () =>
    Effect.gen(function* () {
      const address = NetAddress.inetAddressFromIpStringUnsafe(host, 0)
      yield* Effect.gen(function* () {
        const server = yield* SocketServer
        yield* Effect.forkScoped(server.run(echo))
        yield* roundTrip(yield* WinsockSocket.make(server.address as NetAddress.InetAddress))
      }).pipe(Effect.provide(WinsockSocketServer.layer({ address })))
    })
  )

  law("an address that is taken is an open error", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host })
      const { reason } = yield* Effect.flip(WinsockSocketServer.make({ host, port: portOf(server) }))
      assert.strictEqual(reason._tag, "SocketServerOpenError")
      const { cause } = reason as { readonly cause: { readonly reason: { readonly _tag: string } } }
      assert.include(["AddressInUse", "PermissionDenied"], cause.reason._tag)
    })
  )
})

describe("SocketServer: before it runs", () => {
  law("connections wait, with what they sent, and are handed over", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host, acceptAhead: 2 })
      const clients = yield* Effect.forEach([0, 1, 2, 3, 4], (n) =>
        Effect.tap(dial(server), (client) => client.send(utf8(`early ${n}`)))
      )
      // one that went again is handed over as well, for what it said
      yield* clients[4].shutdown("send")
      yield* Effect.forkScoped(server.run(echo))
      for (const [n, client] of clients.entries()) {
        assert.strictEqual(text(yield* client.receiveExactly(7)), `early ${n}`)
      }
      assert.strictEqual(yield* tag(clients[4].receive), "EndOfStream")
    })
  )

  law("closing the scope ends those that wait, and waits for nobody", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* inScope(WinsockSocketServer.make({ host, acceptAhead: 2 }))
      const clients = yield* Effect.forEach([0, 1, 2, 3], () => dial(server.value))
      yield* settledAt(statistics, 7)
      yield* Effect.timeout(server.close, "5 seconds")
      for (const client of clients) yield* isReset(client)
      assert.strictEqual((yield* statistics).handles.sockets, clients.length)
    })
  )
})

describe("SocketServer: handlers", () => {
  law("many at once, each with a connection of its own", () =>
    Effect.gen(function* () {
      const server = yield* serving(echo)
      const socket = yield* WinsockSocket.makeNet({ host, port: portOf(server) })
      // a Socket has one writer: each of them is one of its own
      const sockets = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        WinsockSocket.makeNet({ host, port: portOf(server) })
      )
      yield* Effect.forEach([socket, ...sockets], (one) => roundTrip(one), { concurrency: "unbounded" })
    })
  )

  law("a connection is closed behind its handler, though nobody read it", () =>
    Effect.gen(function* () {
      const server = yield* serving(() => Effect.void)
      const client = yield* dial(server)
      assert.strictEqual(yield* tag(client.receive), "EndOfStream")
    })
  )

  law("the end of the reader's scope closes the connection, though the handler goes on", () =>
    Effect.gen(function* () {
      // no writer, whose end would be this side's
      const server = yield* serving((socket) => Effect.andThen(Effect.scoped(socket.reader), Effect.never))
      const client = yield* dial(server)
      assert.strictEqual(yield* tag(client.receive), "EndOfStream")
    })
  )

  law("a connection that was read to its end is not opened again", () =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<string>()
      const server = yield* serving((socket) =>
        Effect.andThen(
          Effect.ignore(Effect.scoped(Effect.flatMap(socket.reader, ({ pull }) => pull))),
          Effect.flatMap(why(Effect.scoped(socket.reader)), (end) => Deferred.succeed(seen, end))
        )
      )
      const client = yield* dial(server)
      yield* client.shutdown("send")
      assert.strictEqual(yield* Deferred.await(seen), "closed with 1000")
    })
  )

  law("one that fails, or dies, is logged and ends nothing else", () => {
    const { layer, messages } = collecting()
    return Effect.gen(function* () {
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(socket)
            const said = text(yield* pullBytes(pull, 4))
            if (said === "fail") return yield* Effect.fail("as asked")
            if (said === "die.") return yield* Effect.die(new Error("as asked"))
            yield* write("fine")
          })
        )
      )
      for (const word of ["fail", "die.", "live"]) {
        const client = yield* dial(server)
        yield* client.send(utf8(word))
        if (word === "live") assert.strictEqual(text(yield* client.receiveExactly(4)), "fine")
        assert.strictEqual(yield* tag(client.receive), "EndOfStream")
      }
      const unhandled = messages.filter((message) => message.includes("Unhandled error in SocketServer"))
      assert.strictEqual(unhandled.length, 2)
    }).pipe(Effect.provide(layer))
  })

  law("they have the services of who runs it and the connection, and no scope of theirs is the runner's", () =>
    Effect.gen(function* () {
      const Name = Context.Service<{ readonly name: string }>("test/Name")
      const seen = yield* Deferred.make<unknown>()
      const server = yield* WinsockSocketServer.make({ host })
      const outer = yield* Scope.make()
      yield* Effect.forkScoped(
        server
          .run(() =>
            Effect.gen(function* () {
              const { name } = yield* Name
              const { remoteAddress } = Option.getOrThrow(yield* Effect.serviceOption(WinsockSocket.Connection))
              const scope = yield* Effect.serviceOption(Scope.Scope)
              const same = scope._tag === "Some" && scope.value === outer
              yield* Deferred.succeed(seen, [name, (remoteAddress as NetAddress.InetAddress).port, same])
            }).pipe(Effect.orDie)
          )
          .pipe(Effect.provideService(Name, { name: "runner" }), Scope.provide(outer)) as Effect.Effect<never>
      )
      const client = yield* dial(server)
      assert.deepStrictEqual(yield* Deferred.await(seen), ["runner", client.localAddress.port, false])
      yield* Scope.close(outer, Exit.void)
    })
  )
})

describe("SocketServer: running", () => {
  law("an interruption interrupts all handlers and waits for them; then connections wait again", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host, acceptAhead: 1 })
      let running = 0
      let ended = 0
      const handler = Effect.suspend(() => {
        running++
        return Effect.onInterrupt(Effect.never, () =>
          Effect.andThen(
            Effect.sleep("20 millis"),
            Effect.sync(() => ended++)
          )
        )
      })
      const run = yield* start(server.run(() => handler))
      const clients = yield* Effect.forEach([0, 1, 2], () => dial(server))
      while (running < 3) yield* Effect.yieldNow
      yield* Fiber.interrupt(run)
      assert.strictEqual(ended, 3)
      for (const client of clients) assert.strictEqual(yield* tag(client.receive), "EndOfStream")
      yield* settledAt(statistics, 3 + 2)
      const late = yield* dial(server)
      yield* late.send(utf8("late"))
      yield* Effect.yieldNow
      assert.strictEqual(running, 3)
      yield* Effect.forkScoped(server.run(echo))
      assert.strictEqual(text(yield* late.receiveExactly(4)), "late")
    })
  )

  law("interrupted at any step, it loses no connection", () =>
    Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host, acceptAhead: 1 })
      const heard: Array<string> = []
      const count = 40
      for (let n = 0; n < count; n++) {
        const client = yield* dial(server)
        yield* client.send(utf8(`number ${n};`))
        yield* client.shutdown("send")
        const run = yield* start(
          server.run((socket) =>
            // what has begun is heard to its end
            Effect.uninterruptible(
              Effect.scoped(
                Effect.gen(function* () {
                  const { pull } = yield* socket.reader
                  yield* Effect.flip(
                    Effect.forever(Effect.map(pull, (some) => void heard.push(text(some[0] as never))))
                  )
                })
              )
            )
          )
        )
        for (let turns = n % 4; turns > 0; turns--) yield* Effect.yieldNow
        yield* Fiber.interrupt(run)
      }
      const rest = yield* start(
        server.run((socket) =>
          Effect.scoped(
            Effect.flatMap(socket.reader, ({ pull }) =>
              Effect.forever(Effect.map(pull, (some) => void heard.push(text(some[0] as never))))
            )
          ).pipe(Effect.ignore)
        )
      )
      for (let waits = 0; waits < 500 && heard.length < count; waits++) yield* Effect.sleep("2 millis")
      yield* Fiber.interrupt(rest)
      assert.deepStrictEqual(heard.toSorted(), Array.from({ length: count }, (_, n) => `number ${n};`).toSorted())
    })
  )

  law("an accept that fails is logged, and after a pause accepting goes on", ({ failing, recorder }) => {
    const { layer, messages } = collecting()
    return Effect.gen(function* () {
      const server = yield* WinsockSocketServer.make({ host, acceptAhead: 1 })
      let interrupted = false
      yield* Effect.forkScoped(
        server.run((socket) => Effect.onInterrupt(echo(socket), () => Effect.sync(() => void (interrupted = true))))
      )
      const first = yield* dial(server)
      yield* first.send(utf8("one"))
      assert.strictEqual(text(yield* first.receiveExactly(3)), "one")
      const posted = recorder.count("AcceptEx")
      const fail = (...which: ReadonlyArray<number>) => {
        failing.clear()
        for (const nth of which) failing.add({ call: "AcceptEx", code: WSAENETDOWN, nth })
      }
      const ask = Effect.fnUntraced(function* (word: string) {
        const client = yield* dial(server)
        yield* client.send(utf8(word))
        assert.strictEqual(text(yield* client.receiveExactly(word.length)), word)
      })
      // the accept that is in the kernel takes one more, and the next two fail
      fail(1, 2)
      yield* ask("two")
      yield* ask("three")
      fail(1)
      yield* ask("four")
      yield* ask("five")
      assert.isAtLeast(recorder.count("AcceptEx"), posted + 6)
      const pauses = messages.flatMap((message) => /could not be accepted.* in (\d+) ms/.exec(message)?.[1] ?? [])
      assert.deepStrictEqual(pauses, ["5", "10", "5"])
      assert.isFalse(interrupted, "the first handler has noticed nothing")
      yield* first.send(utf8("still here"))
      assert.strictEqual(text(yield* first.receiveExactly(10)), "still here")
    }).pipe(Effect.provide(layer))
  })

  law("a server that is closed ends its run", () =>
    Effect.gen(function* () {
      const server = yield* inScope(WinsockSocketServer.make({ host }))
      const run = yield* start(Effect.flip(server.value.run(echo)))
      yield* Effect.yieldNow
      yield* server.close
      assert.strictEqual((yield* Fiber.join(run)).reason._tag, "SocketServerUnknownError")
    })
  )

  law("a client's reset is a read error of its handler's, and no other's", () => {
    const { layer } = collecting()
    return Effect.gen(function* () {
      const seen = yield* Deferred.make<string>()
      const server = yield* serving((socket) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { pull, write } = yield* both(socket)
            yield* write("ready")
            yield* Deferred.succeed(seen, yield* why(Effect.forever(pull)))
          })
        )
      )
      const client = yield* dial(server)
      yield* client.receiveExactly(5)
      yield* client.abort
      assert.include(["SocketReadError", "closed with 1000"], yield* Deferred.await(seen))
      const other = yield* dial(server)
      assert.strictEqual(text(yield* other.receiveExactly(5)), "ready")
      yield* connected()
    }).pipe(Effect.provide(layer))
  })
})
