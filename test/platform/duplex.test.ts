/** A Duplex over a connection in memory, on which every call is seen. What the kernel does is in test/both/platform. */
import type { TcpServer } from "@effect-winsock/core/TcpServer"
import type { TcpSocket } from "@effect-winsock/core/TcpSocket"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import { TcpDuplex } from "@effect-winsock/platform"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { EventEmitter, once } from "node:events"
import type { Duplex } from "node:stream"
import { finished } from "node:stream/promises"
import { getSystemErrorMap } from "node:util"
import { vi } from "vitest"
import type { FakeEnd } from "../support/fakeTcp.ts"
import * as FakeTcp from "../support/fakeTcp.ts"

/** Both ends of a connection as Duplexes that own it, in the scope of the test. */
const both = Effect.fnUntraced(function* (options: TcpDuplex.Options = {}, fake: FakeTcp.Options = {}) {
  const pair = FakeTcp.pair(fake)
  const duplex = yield* TcpDuplex.own(pair.openA, options)
  const peer = yield* TcpDuplex.own(pair.openB, { allowHalfOpen: true })
  return { duplex, peer, end: pair.a, peerEnd: pair.b }
})

const until = (holds: () => boolean) =>
  Effect.promise(async () => {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 10_000) throw new Error("it never holds")
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

/** Enough turns of the event loop for everything that is going to happen. */
const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
})

const event = (emitter: EventEmitter, name: string) => Effect.promise(() => once(emitter, name, { signal: none }))
// `once` otherwise fails with an 'error' that a test expects
const none = new AbortController().signal

const errorOf = (duplex: Duplex) =>
  Effect.promise(
    () =>
      new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        let error: NodeJS.ErrnoException | undefined
        duplex.once("error", (e) => (error = e))
        duplex.once("close", () => resolve(error))
      })
  )

/** All that comes, to the end. */
const all = (duplex: Duplex) =>
  Effect.promise(async () => {
    const chunks: Array<Buffer> = []
    for await (const chunk of duplex.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  })

const pattern = (size: number) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251))

const idle = (end: FakeEnd) => {
  assert.strictEqual(end.receiving, 0, "receives")
  assert.strictEqual(end.sending, 0, "sends")
}

describe("reading", () => {
  it.live("begins when somebody reads, with one receive", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      peer.write("hello")
      yield* settle
      assert.strictEqual(end.mostReceiving, 0)
      const [chunk] = yield* Effect.andThen(
        Effect.sync(() => duplex.resume()),
        event(duplex, "data")
      )
      assert.strictEqual(String(chunk), "hello")
      yield* settle
      assert.strictEqual(end.receiving, 1)
      assert.strictEqual(end.mostReceiving, 1)
    })
  )

  it.live("stops at the high-water mark and goes on when there is room", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both({ highWaterMark: 1000 }, { chunk: 300 })
      const sent = pattern(50_000)
      peer.end(sent)
      duplex.read(0)
      yield* settle
      // the mark, and the one chunk that passed it
      assert.strictEqual(end.received, 1200)
      assert.strictEqual(duplex.readableLength, 1200)
      idle(end)
      assert.isTrue((yield* all(duplex)).equals(sent))
      assert.strictEqual(duplex.bytesRead, 50_000)
      assert.strictEqual(end.mostReceiving, 1)
    })
  )

  it.live("stays at one receive when somebody else puts bytes in", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both()
      duplex.resume()
      yield* settle
      duplex.push("injected")
      yield* settle
      assert.strictEqual(end.receiving, 1)
      assert.strictEqual(end.mostReceiving, 1)
    })
  )

  it.live("stops while it is paused, and holds no wait then", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both({ highWaterMark: 100 })
      duplex.on("data", () => duplex.pause())
      peer.write(Buffer.alloc(300))
      yield* event(duplex, "pause")
      peer.write(Buffer.alloc(300))
      yield* settle
      assert.isAtLeast(duplex.readableLength, 100)
      idle(end)
    })
  )
})

describe("writing", () => {
  it.live("calls back when the bytes were taken, and not before", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both({ highWaterMark: 10 })
      end.held = true
      const called: Array<unknown> = []
      assert.isFalse(duplex.write(Buffer.alloc(20), (error) => called.push(error ?? "taken")))
      yield* settle
      assert.deepStrictEqual(called, [])
      assert.strictEqual(duplex.bytesWritten, 20)
      end.held = false
      end.wake()
      yield* event(duplex, "drain")
      assert.deepStrictEqual(called, ["taken"])
      assert.strictEqual(duplex.bytesWritten, 20)
    })
  )

  it.live("gathers what was written meanwhile into one send", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      duplex.write("a")
      duplex.write("bb")
      duplex.write("ccc", "utf8")
      duplex.write("dd", "latin1")
      duplex.end()
      assert.strictEqual(String(yield* all(peer)), "abbcccdd")
      assert.deepStrictEqual(end.sends, [[1], [2, 3, 2]])
      assert.strictEqual(duplex.bytesWritten, 8)
    })
  )
})

describe("half-close", () => {
  it.live("ends this side behind all writes, and the other one goes on", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both({ allowHalfOpen: true }, { window: 1000 })
      const sent = pattern(20_000)
      duplex.end(sent)
      assert.isTrue((yield* all(peer)).equals(sent))
      yield* until(() => duplex.writableFinished)
      assert.strictEqual(duplex.readyState, "readOnly")
      peer.end("answer")
      assert.strictEqual(String(yield* all(duplex)), "answer")
      yield* until(() => duplex.closed)
      assert.deepStrictEqual(end.log, ["shutdown send", "closed"])
    })
  )

  it.live("allowHalfOpen keeps this side open after the peer's end", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* both({ allowHalfOpen: true })
      peer.end()
      yield* all(duplex)
      yield* settle
      assert.strictEqual(duplex.readyState, "writeOnly")
      duplex.end("late")
      assert.strictEqual(String(yield* all(peer)), "late")
    })
  )

  it.live("without it the peer's end is the end of both", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      peer.end("all")
      peer.resume()
      assert.strictEqual(String(yield* all(duplex)), "all")
      yield* until(() => duplex.closed && peer.closed)
      assert.deepStrictEqual(end.log, ["shutdown send", "closed"])
    })
  )

  it.live("'end' comes to one that has begun to read and found nothing", () =>
    Effect.gen(function* () {
      const { duplex, peer } = yield* both()
      duplex.read(0)
      peer.end()
      yield* event(duplex, "end")
    })
  )
})

describe("errors", () => {
  const fields = (error: NodeJS.ErrnoException | undefined) => ({
    message: error?.message,
    code: error?.code,
    syscall: error?.syscall,
    name: getSystemErrorMap().get(error?.errno ?? 0)?.[0],
    cause: (error?.cause as WinsockErrors.WinsockError | undefined)?.reason._tag
  })

  it.live("a reset is ECONNRESET, once, and then it is closed", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both()
      let errors = 0
      let closes = 0
      duplex.on("error", () => errors++).on("close", () => closes++)
      duplex.resume()
      yield* settle
      end.reset()
      const error = yield* errorOf(duplex)
      assert.deepStrictEqual(fields(error), {
        message: "read ECONNRESET",
        code: "ECONNRESET",
        syscall: "read",
        name: "ECONNRESET",
        cause: "ConnectionReset"
      })
      yield* settle
      assert.deepStrictEqual([errors, closes], [1, 1])
      assert.isTrue(duplex.pending)
      assert.strictEqual(duplex.readyState, "closed")
      idle(end)
    })
  )

  it.live("a write that fails says so", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both()
      end.held = true
      const called: Array<string | undefined> = []
      duplex.write("x", (error) => called.push((error as NodeJS.ErrnoException).code))
      yield* settle
      end.reset()
      assert.strictEqual((yield* errorOf(duplex))?.message, "write ECONNRESET")
      assert.deepStrictEqual(called, ["ECONNRESET"])
    })
  )

  const rows = [
    [() => WinsockErrors.fromCode("WSARecv", WsaError.WSAECONNABORTED, "stream"), "ECONNABORTED"],
    [() => WinsockErrors.fromCode("WSARecv", WsaError.WSAENETRESET, "stream"), "ECONNRESET"],
    [() => WinsockErrors.fromCode("WSARecv", WsaError.WSAETIMEDOUT, "stream"), "ETIMEDOUT"],
    [() => WinsockErrors.fromCode("WSASend", WsaError.WSAESHUTDOWN, "stream"), "EPIPE"],
    [() => WinsockErrors.fromCode("WSASend", WsaError.WSAENOBUFS, "stream"), "ENOBUFS"],
    [() => WinsockErrors.streamBroken("WSASend", undefined), "EPIPE"],
    [() => WinsockErrors.operationAborted("WSARecv"), "ECANCELED"],
    [() => WinsockErrors.socketClosed("WSARecv"), "EBADF"],
    [() => WinsockErrors.fromCode("WSARecv", 12_345, "stream"), "UNKNOWN"]
  ] as const

  for (const [failure, code] of rows) {
    it.live(`${failure().reason._tag} of ${failure().reason.operation} is ${code}`, () =>
      Effect.gen(function* () {
        const { duplex, end } = yield* both()
        duplex.resume()
        end.fail(failure)
        const error = yield* errorOf(duplex)
        assert.deepStrictEqual(fields(error), {
          message: `read ${code}`,
          code,
          syscall: "read",
          name: code,
          cause: failure().reason._tag
        })
      })
    )
  }

  it.live("an end that has no connection any more is an end", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both()
      end.fail(() => WinsockErrors.fromCode("shutdown", WsaError.WSAENOTCONN, "stream"))
      duplex.end()
      yield* event(duplex, "finish")
      end.held = true
    })
  )

  it.live("a defect is an error as it is", () =>
    Effect.gen(function* () {
      const pair = FakeTcp.pair()
      const defect = new Error("a defect")
      const duplex = yield* TcpDuplex.own(Effect.map(pair.openA, (tcp) => ({ ...tcp, receive: Effect.die(defect) })))
      duplex.resume()
      assert.strictEqual(yield* errorOf(duplex), defect)
    })
  )
})

describe("destroying", () => {
  it.live("interrupts the receive; 'close' comes once, after the connection was closed", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      let closes = 0
      duplex.on("close", () => {
        closes++
        end.log.push("'close'")
      })
      duplex.resume()
      yield* settle
      assert.strictEqual(end.receiving, 1)
      duplex.destroy()
      yield* until(() => duplex.closed)
      yield* settle
      assert.deepStrictEqual(end.log, ["receive interrupted", "closed", "'close'"])
      assert.strictEqual(closes, 1)
      idle(end)
      // nothing was torn, so the peer sees an end
      assert.strictEqual((yield* all(peer)).length, 0)
    })
  )

  it.live("tears a send that was under way: its callback has an error, the peer a reset", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both({}, { window: 100 })
      const called: Array<string | undefined> = []
      duplex.write(Buffer.alloc(1000), (error) => called.push(error?.message))
      duplex.write("never", (error) => called.push(error?.message))
      yield* settle
      assert.strictEqual(end.sending, 1)
      const error = new Error("enough")
      const seen = yield* Effect.forkChild(errorOf(duplex), { startImmediately: true })
      duplex.destroy(error)
      assert.strictEqual(yield* Fiber.join(seen), error)
      assert.sameMembers(called, ["write ECANCELED", "enough"])
      assert.deepStrictEqual(end.log, ["send interrupted", "closed"])
      peer.resume()
      assert.strictEqual((yield* errorOf(peer))?.code, "ECONNRESET")
      idle(end)
    })
  )

  it.live("in a listener of its own data", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      duplex.on("data", () => duplex.destroy())
      peer.write("x")
      yield* event(duplex, "close")
      assert.deepStrictEqual(end.log, ["closed"])
      idle(end)
    })
  )

  it.live("resetAndDestroy resets", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      duplex.resume()
      peer.resume()
      yield* settle
      duplex.resetAndDestroy()
      assert.strictEqual((yield* errorOf(peer))?.code, "ECONNRESET")
      yield* until(() => duplex.closed)
      assert.deepStrictEqual(end.log, ["aborted", "receive interrupted", "closed"])
      idle(end)
    })
  )

  it.live("destroySoon sends all before", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both({ allowHalfOpen: true }, { window: 100 })
      duplex.write(Buffer.alloc(1000))
      duplex.destroySoon()
      assert.strictEqual((yield* all(peer)).length, 1000)
      yield* until(() => duplex.closed)
      assert.deepStrictEqual(end.log, ["shutdown send", "closed"])
      duplex.destroySoon()
    })
  )

  it.live("the end of the scope destroys it, and waits until it is closed", () =>
    Effect.gen(function* () {
      const pair = FakeTcp.pair()
      const scope = yield* Scope.make()
      const duplex = yield* Scope.provide(TcpDuplex.own(pair.openA), scope)
      let closed = false
      duplex.on("close", () => (closed = true))
      duplex.resume()
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(duplex.destroyed)
      assert.deepStrictEqual(pair.a.log, ["receive interrupted", "closed"])
      idle(pair.a)
      yield* settle
      assert.isTrue(closed)
    })
  )

  it.live("a Duplex that was closed leaves nothing in its scope", () =>
    Effect.gen(function* () {
      const pair = FakeTcp.pair()
      const scope = yield* Scope.make()
      const duplex = yield* Scope.provide(TcpDuplex.own(pair.openA), scope)
      assert.strictEqual(scope.state._tag, "Open")
      duplex.destroy()
      yield* until(() => duplex.closed)
      assert.strictEqual(scope.state._tag, "Empty")
    })
  )

  it.live("a connection that cannot be opened leaves nothing in its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const failed = yield* Scope.provide(TcpDuplex.own(Effect.fail("no")), scope).pipe(Effect.flip)
      assert.strictEqual(failed, "no")
      const fiber = yield* Effect.forkChild(Scope.provide(TcpDuplex.own(Effect.never), scope), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(scope.state._tag, "Empty")
    })
  )
})

describe("a connection that is another's", () => {
  const lent = Effect.fnUntraced(function* (fake: FakeTcp.Options = {}) {
    const pair = FakeTcp.pair(fake)
    const socket = yield* pair.openA
    const peer = yield* TcpDuplex.own(pair.openB, { allowHalfOpen: true })
    return { duplex: yield* TcpDuplex.make(socket), end: pair.a, peer }
  })

  it.live("is ended by destroying, and stays open", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* lent()
      duplex.resume()
      yield* settle
      duplex.destroy()
      yield* all(peer)
      yield* until(() => duplex.closed)
      assert.deepStrictEqual(end.log, ["receive interrupted", "shutdown both"])
    })
  )

  it.live("is left as it is when both sides were ended", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* lent()
      peer.end()
      yield* all(duplex)
      yield* until(() => duplex.closed)
      assert.deepStrictEqual(end.log, ["shutdown send"])
    })
  )

  it.live("is reset when a send was torn", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* lent({ window: 10 })
      duplex.write(Buffer.alloc(100))
      yield* settle
      duplex.destroy()
      peer.resume()
      assert.strictEqual((yield* errorOf(peer))?.code, "ECONNRESET")
      assert.deepStrictEqual(end.log, ["send interrupted", "aborted"])
    })
  )
})

describe("what a net.Socket has", () => {
  it.live("addresses, state and options", () =>
    Effect.gen(function* () {
      const { duplex, end } = yield* both()
      const { localAddress, localFamily, localPort, remoteAddress, remoteFamily, remotePort } = duplex
      assert.deepStrictEqual(
        [localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily],
        ["127.0.0.1", 50_000, "IPv4", "::1", 80, "IPv6"]
      )
      assert.deepStrictEqual(duplex.address(), { address: "127.0.0.1", port: 50_000, family: "IPv4" })
      assert.deepStrictEqual([duplex.connecting, duplex.pending, duplex.readyState], [false, false, "open"])
      assert.strictEqual(duplex.ref().unref().setNoDelay().setNoDelay(false), duplex)
      assert.strictEqual(duplex.setKeepAlive(true).setKeepAlive(true, 5000).setKeepAlive(), duplex)
      assert.deepStrictEqual(end.log, [
        "noDelay true",
        "noDelay false",
        "keepAlive true",
        'keepAlive {"time":5000,"interval":"1 second"}',
        "keepAlive false"
      ])
      duplex.destroy()
      duplex.setNoDelay()
      assert.strictEqual(end.log.at(-1), "closed")
    })
  )

  it.live("'timeout' after a while without anything", () =>
    Effect.gen(function* () {
      const { duplex, end, peer } = yield* both()
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
      try {
        let timeouts = 0
        duplex.on("timeout", () => timeouts++)
        duplex.resume()
        assert.strictEqual(duplex.setTimeout(1000), duplex)
        assert.strictEqual(duplex.timeout, 1000)
        vi.advanceTimersByTime(999)
        peer.write("something comes")
        yield* until(() => duplex.bytesRead > 0)
        vi.advanceTimersByTime(999)
        duplex.write("something goes")
        yield* until(() => end.sending === 0)
        vi.advanceTimersByTime(999)
        assert.strictEqual(timeouts, 0)
        vi.advanceTimersByTime(1)
        assert.strictEqual(timeouts, 1)
        vi.advanceTimersByTime(5000)
        assert.strictEqual(timeouts, 1)
        let called = 0
        const callback = () => called++
        duplex.setTimeout(10, callback)
        vi.advanceTimersByTime(10)
        assert.deepStrictEqual([timeouts, called], [2, 1])
        duplex.setTimeout(10, callback)
        duplex.setTimeout(0, callback)
        vi.advanceTimersByTime(100)
        assert.deepStrictEqual([timeouts, called], [2, 1])
        duplex.setTimeout(10)
        duplex.destroy()
        vi.advanceTimersByTime(100)
        assert.strictEqual(timeouts, 2)
        assert.strictEqual(vi.getTimerCount(), 0)
      } finally {
        vi.useRealTimers()
      }
    })
  )

  it.live("its waits have the context of its maker", () =>
    Effect.gen(function* () {
      const Name = Context.Reference<string>("test/platform/Name", { defaultValue: () => "nobody" })
      const pair = FakeTcp.pair()
      const open = Effect.map(pair.openA, (tcp) => ({
        ...tcp,
        receive: Effect.map(Name, (name) => new TextEncoder().encode(name))
      }))
      const duplex = yield* TcpDuplex.own(open).pipe(Effect.provideService(Name, "the maker"))
      assert.strictEqual(String(duplex.read() ?? (yield* event(duplex, "readable"), duplex.read(9))), "the maker")
    })
  )
})

describe("serving", () => {
  const listening = Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Effect.Effect<TcpSocket, never, Scope.Scope>>()
    const accept = Effect.flatten(Queue.take(queue))
    const server = { accept } as Partial<TcpServer> as TcpServer
    const connect = Effect.fnUntraced(function* (fake: FakeTcp.Options = {}) {
      const pair = FakeTcp.pair(fake)
      yield* Queue.offer(queue, pair.openB)
      return { client: yield* TcpDuplex.own(pair.openA, { allowHalfOpen: true }), end: pair.b }
    })
    return { server, connect }
  })

  it.live("hands every connection over as the server would have its own; an interruption closes all", () =>
    Effect.gen(function* () {
      const { connect, server } = yield* listening
      const target = Object.assign(new EventEmitter(), {
        allowHalfOpen: true,
        highWaterMark: 1234,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 77
      })
      const connections: Array<TcpDuplex.TcpDuplex> = []
      target.on("connection", (connection) => connections.push(connection))
      const serving = yield* Effect.forkChild(TcpDuplex.serve(server, target))
      const first = yield* connect()
      const second = yield* connect()
      yield* until(() => connections.length === 2)
      assert.isTrue(connections[0].allowHalfOpen)
      assert.strictEqual(connections[0].readableHighWaterMark, 1234)
      assert.deepStrictEqual(first.end.log, ["noDelay true", 'keepAlive {"time":77,"interval":"1 second"}'])
      connections[0].resume()
      yield* settle
      yield* Fiber.interrupt(serving)
      assert.isTrue(first.end.closed && second.end.closed)
      idle(first.end)
      assert.isTrue(connections.every((connection) => connection.destroyed))
    })
  )

  it.live("a connection that nobody takes is closed, and so is one whose listener fails", () =>
    Effect.gen(function* () {
      const { connect, server } = yield* listening
      const target = new EventEmitter()
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => logged.push(message))
      const serving = yield* Effect.forkChild(Effect.provide(TcpDuplex.serve(server, target), Logger.layer([logger])))
      const first = yield* connect()
      yield* until(() => first.end.closed)
      target.once("connection", () => {
        throw new Error("a listener")
      })
      const second = yield* connect()
      yield* until(() => second.end.closed)
      assert.include(String(logged), "the connection was closed")
      target.once("connection", (connection: Duplex) => connection.end("third"))
      const third = yield* connect()
      assert.strictEqual(String(yield* all(third.client)), "third")
      assert.isUndefined(serving.pollUnsafe())
      yield* Fiber.interrupt(serving)
    })
  )

  it.live("handle is done when its connection is closed, and interrupting it destroys it", () =>
    Effect.gen(function* () {
      const target = new EventEmitter()
      target.on("connection", (connection: Duplex) => connection.end("bye").resume())
      const pair = FakeTcp.pair()
      const client = yield* TcpDuplex.own(pair.openA, { allowHalfOpen: true })
      const handling = yield* Effect.forkChild(
        Effect.scoped(Effect.flatMap(pair.openB, (tcp) => TcpDuplex.handle(tcp, target)))
      )
      assert.strictEqual(String(yield* all(client)), "bye")
      assert.isUndefined(handling.pollUnsafe())
      client.end()
      yield* Fiber.join(handling)
      assert.isTrue(pair.b.closed)

      const other = FakeTcp.pair()
      const idleTarget = new EventEmitter().on("connection", (connection: Duplex) => connection.resume())
      const interrupted = yield* Effect.forkChild(
        Effect.scoped(Effect.flatMap(other.openB, (tcp) => TcpDuplex.handle(tcp, idleTarget)))
      )
      yield* until(() => other.b.receiving === 1)
      yield* Fiber.interrupt(interrupted)
      idle(other.b)
      assert.isTrue(other.b.closed)
      yield* Effect.promise(() => finished(client, { error: false }).catch(() => undefined))
    })
  )
})
