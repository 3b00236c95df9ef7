import { WinsockDatagramSocket } from "@effect-winsock/platform"
import { WSAENETDOWN, WSAENETRESET } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { DatagramSocketError } from "effect/socket/DatagramSocket"
import {
  acquire,
  failure,
  fill,
  here,
  ipv4Group,
  kind,
  kindOf,
  numbersOf,
  open,
  send,
  take,
  upTo
} from "../../support/datagrams.ts"
import { law, numbered, start } from "../../support/rig.ts"

const group4 = ipv4Group("239.255.17.2")

const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)

describe("WinsockDatagramSocket: round trips", () => {
  law("a datagram is answered by an address, by a datagram, and echoed as a whole", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      yield* client.writer.write({ payload: "grüß", address: server.reader.address })
      const [got] = yield* server.reader.pull
      assert.strictEqual(text(got.payload), "grüß")
      assert.deepStrictEqual(got.address, client.reader.address)
      assert.isTrue(WinsockDatagramSocket.isDatagram(got))
      yield* server.writer.write({ payload: "by its address", address: got.address })
      yield* server.writer.write({ payload: "by itself", address: got })
      yield* server.writer.write(got)
      // one that is made by hand has an address, too
      yield* server.writer.write({ payload: "by hand", address: { payload: got.payload, address: got.address } })
      const answers: Array<string> = []
      while (answers.length < 4) {
        for (const { address, payload } of yield* client.reader.pull) {
          assert.deepStrictEqual(address, server.reader.address)
          answers.push(text(payload))
        }
      }
      assert.deepStrictEqual(answers, ["by its address", "by itself", "grüß", "by hand"])
    })
  )

  law("what was received stays as it was", (rig) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      yield* fill(rig, client, server, upTo(200))
      const first = yield* server.reader.pull
      yield* fill(rig, client, server, upTo(200, 200))
      assert.deepStrictEqual(numbersOf(first), upTo(200))
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), upTo(200, 200))
    })
  )
})

describe("WinsockDatagramSocket: pull", () => {
  law("gives all that came since the last one, or waits for the next", (rig) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      yield* fill(rig, client, server, upTo(100))
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), upTo(100))
      const fiber = yield* start(server.reader.pull)
      assert.isUndefined(fiber.pollUnsafe())
      yield* send(client, server, [7])
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(fiber)), [7])
      assert.strictEqual(server.reader.dropped(), 0)
    })
  )

  for (const strategy of ["dropping", "sliding"] as const) {
    law(`when the queue is full: ${strategy}, and counted`, () =>
      Effect.gen(function* () {
        const server = yield* open({ receiveBuffer: { capacity: 4, strategy } })
        const client = yield* open()
        for (const round of [1, 2, 3]) {
          yield* send(client, server, upTo(10))
          while (server.reader.dropped() < 6 * round) yield* Effect.yieldNow
          assert.strictEqual(server.reader.dropped(), 6 * round)
          const kept = strategy === "dropping" ? upTo(4) : upTo(4, 6)
          assert.deepStrictEqual(numbersOf(yield* server.reader.pull), kept)
        }
        // a reader of its own counts for itself
        yield* send(client, server, [1])
        assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [1])
        assert.strictEqual(client.reader.dropped(), 0)
      })
    )
  }

  law("a queue that slides for long holds the youngest, in order", () =>
    Effect.gen(function* () {
      const server = yield* open({ receiveBuffer: { capacity: 3, strategy: "sliding" }, batch: 2 })
      const client = yield* open()
      for (const n of upTo(50)) {
        yield* send(client, server, [n])
        while (server.reader.dropped() < n - 2) yield* Effect.yieldNow
      }
      while (server.reader.dropped() < 47) yield* Effect.yieldNow
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [47, 48, 49])
    })
  )

  law("those who wait are served in turn, each with the next one, and the last with what is left", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      const got: Array<readonly [number, Array<number>]> = []
      const fibers = yield* Effect.forEach([0, 1, 2], (who) =>
        start(Effect.map(server.reader.pull, (batch) => void got.push([who, numbersOf(batch)])))
      )
      yield* send(client, server, upTo(3))
      for (const fiber of fibers) yield* Fiber.join(fiber)
      assert.deepStrictEqual(got.slice(0, 3), [
        [0, [0]],
        [1, [1]],
        [2, [2]]
      ])
    })
  )

  law("who comes back for more is behind those who wait", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      const got: Array<readonly [number, number]> = []
      const fibers = yield* Effect.forEach([0, 1, 2], (who) =>
        start(
          Effect.forever(
            Effect.map(server.reader.pull, (batch) => {
              for (const n of numbersOf(batch)) got.push([who, n])
            }),
            { disableYield: true }
          )
        )
      )
      yield* send(client, server, upTo(9))
      while (got.length < 9) yield* Effect.yieldNow
      yield* Fiber.interruptAll(fibers)
      assert.deepStrictEqual(
        got.map(([, n]) => n),
        upTo(9)
      )
      assert.deepStrictEqual(
        got.map(([who]) => who),
        [0, 1, 2, 0, 1, 2, 0, 1, 2]
      )
    })
  )

  law("an interruption loses nothing, and wakes nobody else", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      const fibers = yield* Effect.forEach([0, 1, 2], () => start(server.reader.pull))
      yield* Fiber.interrupt(fibers[0])
      assert.isUndefined(fibers[1].pollUnsafe())
      yield* send(client, server, [1])
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(fibers[1])), [1])
      yield* Fiber.interrupt(fibers[2])
      const got: Array<number> = []
      const masked = yield* start(
        Effect.uninterruptible(Effect.map(server.reader.pull, (batch) => void got.push(...numbersOf(batch))))
      )
      masked.interruptUnsafe()
      assert.isUndefined(masked.pollUnsafe())
      yield* send(client, server, [2])
      yield* Fiber.await(masked)
      assert.deepStrictEqual(got, [2])
      const raced = yield* Effect.raceFirst(Effect.never, Effect.timeoutOption(server.reader.pull, "5 millis"))
      assert.strictEqual(raced._tag, "None")
      yield* send(client, server, [3])
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [3])
    })
  )

  law("a fiber that interrupted itself in the step before takes nothing", (rig) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      yield* fill(rig, client, server, [1])
      const fiber = yield* start(
        Effect.andThen(
          Effect.sync(() => Fiber.getCurrent()!.interruptUnsafe()),
          server.reader.pull
        )
      )
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [1])
    })
  )

  // a fiber yields after so many steps, and may be interrupted there; Effect itself makes no progress with fewer than 3
  for (const most of [3, 4, 5, 6, 15, 16, 17, 24, 2048]) {
    law(`loops that are interrupted while datagrams come lose none, and the order stays: every ${most} steps`, () =>
      Effect.gen(function* () {
        const [server, client] = [yield* open({ batch: 3 }), yield* open()]
        const got: Array<number> = []
        const loop = Effect.forever(
          Effect.map(server.reader.pull, (batch) => void got.push(...numbersOf(batch))),
          { disableYield: true }
        ).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, most))
        let sent = 0
        const some = (turns: number) =>
          Effect.andThen(send(client, server, [sent++]), Effect.repeat(Effect.yieldNow, { times: turns }))
        for (const round of upTo(60)) {
          const fibers = [yield* start(loop), yield* start(loop)]
          for (let i = 0; i < 4; i++) yield* some(round % 5)
          // datagrams come while it is on its way to its finalizer
          fibers[round % 2].interruptUnsafe()
          for (let i = 0; i < 2; i++) yield* some(round % 3)
          yield* Effect.repeat(Effect.yieldNow, { times: round % 7 })
          yield* Fiber.interruptAll(fibers)
        }
        assert.isAbove(got.length, 0, "what the loops took")
        yield* send(client, server, [sent++])
        while (got.at(-1) !== sent - 1) got.push(...(yield* take(server.reader, 1)))
        assert.deepStrictEqual(got, upTo(sent))
      })
    )
  }

  law("a fiber that is about to yield takes nothing that an interruption could drop", (rig) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      let sent = 0
      let interrupted = 0
      const got: Array<number> = []
      for (const most of [16, 17, 2048]) {
        for (const step of upTo(16)) {
          yield* fill(rig, client, server, [sent++])
          const taking = Effect.andThen(
            Effect.withFiber((fiber) => {
              ;(fiber as { currentOpCount: number }).currentOpCount = most - step
              return Effect.void
            }),
            Effect.map(server.reader.pull, (batch) => void got.push(...numbersOf(batch)))
          )
          const fiber = yield* start(Effect.provideService(taking, Scheduler.MaxOpsBeforeYield, most))
          if (fiber.pollUnsafe() === undefined) interrupted++
          yield* Fiber.interrupt(fiber)
          if (got.at(-1) !== sent - 1) got.push(...(yield* take(server.reader, 1)))
        }
      }
      assert.deepStrictEqual(got, upTo(sent))
      assert.isAbove(interrupted, 9, "fibers that had to yield")
    })
  )

  law("what an observer of a fiber throws leaves the reader whole", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      const uncaught = yield* Deferred.make<unknown>()
      const listener = (error: unknown): void => void Deferred.doneUnsafe(uncaught, Effect.succeed(error))
      const others = process.listeners("uncaughtException")
      process.removeAllListeners("uncaughtException")
      process.on("uncaughtException", listener)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          process.removeListener("uncaughtException", listener)
          for (const other of others) process.on("uncaughtException", other)
        })
      )
      const fiber = yield* start(server.reader.pull)
      fiber.addObserver(() => {
        throw new Error("an observer's own")
      })
      yield* send(client, server, [1])
      assert.include(String(yield* Deferred.await(uncaught)), "an observer's own")
      yield* send(client, server, [2])
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [2])
    })
  )
})

describe("WinsockDatagramSocket: one reader at a time", () => {
  law("another one waits, can be interrupted there, and opens a socket of its own", ({ statistics }) =>
    Effect.gen(function* () {
      const socket = yield* WinsockDatagramSocket.make({ bind: here })
      const sockets = Effect.map(statistics, ({ handles }) => handles.sockets)
      const none = yield* sockets
      const first = yield* Scope.make()
      const reader = yield* Scope.provide(socket.reader, first)
      const second = yield* Scope.make()
      const waiting = yield* start(Scope.provide(socket.reader, second))
      const impatient = yield* start(Scope.provide(socket.reader, second))
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(impatient)
      assert.strictEqual(yield* sockets, none + 1)
      yield* Scope.close(first, Exit.void)
      const next = yield* Fiber.join(waiting)
      assert.notStrictEqual(next, reader)
      assert.strictEqual(yield* sockets, none + 1)
      yield* Scope.close(second, Exit.void)
      assert.strictEqual(yield* sockets, none)
    })
  )

  law("a reader that closes has closed its SOCKET: the next one binds the same port", () =>
    Effect.gen(function* () {
      const probe = yield* Effect.scoped(Effect.map(open(), ({ reader }) => reader.address.port))
      const socket = yield* WinsockDatagramSocket.make({ bind: { ...here, port: probe } })
      for (let i = 0; i < 5; i++) {
        const address = yield* Effect.scoped(Effect.map(socket.reader, (reader) => reader.address))
        assert.strictEqual(address.port, probe)
      }
    })
  )

  law("closing it fails those who pull, and whatever is in the queue is gone", (rig) =>
    Effect.gen(function* () {
      const client = yield* open()
      const scope = yield* Scope.make()
      const server = yield* Scope.provide(open(), scope)
      const fibers = yield* Effect.forEach([0, 1], () => start(server.reader.pull))
      yield* Scope.close(scope, Exit.void)
      for (const fiber of fibers) assert.strictEqual(yield* kind(Fiber.join(fiber)), "Closed")
      assert.strictEqual(yield* kind(server.reader.pull), "Closed")
      assert.strictEqual(yield* kind(server.reader.joinMulticast({ group: group4 })), "Closed")

      const another = yield* Scope.make()
      const full = yield* Scope.provide(open(), another)
      yield* fill(rig, client, full, upTo(3))
      yield* Scope.close(another, Exit.void)
      assert.strictEqual(yield* kind(full.reader.pull), "Closed")
    })
  )

  law("from within the fiber that a datagram woke, too", () =>
    Effect.gen(function* () {
      const client = yield* open()
      const scope = yield* Scope.make()
      const server = yield* Scope.provide(open(), scope)
      const waiting = yield* start(server.reader.pull)
      const closing = yield* start(
        Effect.andThen(
          Effect.catch(server.reader.pull, () => Effect.void),
          Scope.close(scope, Exit.void)
        )
      )
      yield* send(client, server, upTo(3))
      yield* Fiber.join(closing)
      assert.isDefined(waiting.pollUnsafe())
      assert.strictEqual(yield* kind(server.reader.pull), "Closed")
    })
  )

  law("the layer that goes is a socket that closes underneath", ({ release }) =>
    Effect.gen(function* () {
      const server = yield* open()
      const fiber = yield* start(server.reader.pull)
      yield* release
      assert.strictEqual(yield* kind(Fiber.join(fiber)), "Closed")
      assert.strictEqual(yield* kind(server.reader.pull), "Closed")
      assert.strictEqual(yield* kind(server.writer.write({ payload: "x", address: server.reader.address })), "Closed")
    })
  )
})

describe("WinsockDatagramSocket: errors of receiving", () => {
  law("one that ends it comes after what is in the queue, stays, and fails writes, too", (rig) =>
    Effect.gen(function* () {
      const client = yield* open()
      const socket = yield* WinsockDatagramSocket.make({ bind: here })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* acquire(socket)
          yield* fill(rig, client, server, [1, 2])
          const stop = rig.failing.add({ call: "WSARecvMsg", code: WSAENETDOWN })
          yield* send(client, server, [3])
          assert.deepStrictEqual(yield* take(server.reader, 3), [1, 2, 3])
          const first = yield* failure(server.reader.pull)
          assert.strictEqual(kindOf(first), "Read Unreachable")
          stop()
          assert.strictEqual(yield* failure(server.reader.pull), first)
          const write = server.writer.write({ payload: "x", address: client.reader.address })
          assert.strictEqual(yield* failure(write), first)
          assert.strictEqual(
            yield* failure(server.writer.writeAll([{ payload: "x", address: client.reader.address }])),
            first
          )
        })
      )
      // the next reader is a new socket
      const server = yield* acquire(socket)
      yield* send(client, server, [4])
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [4])
    })
  )

  law("one that is about one datagram ends nothing: `onError` hears of it", (rig) =>
    Effect.gen(function* () {
      const heard: Array<DatagramSocketError> = []
      const onError = (error: DatagramSocketError): never => {
        heard.push(error)
        throw new Error("a listener's own")
      }
      const client = yield* open()
      const server = yield* open({ maxMessageSize: 8, truncation: "fail", onError })
      const waiting = yield* start(server.reader.pull)
      yield* client.writer.write({ payload: new Uint8Array(9), address: server.reader.address })
      yield* send(client, server, [1])
      assert.deepStrictEqual(numbersOf(yield* Fiber.join(waiting)), [1])
      assert.deepStrictEqual(
        heard.map(({ reason }) => kindOf(reason)),
        ["Read MessageTooLarge"]
      )
      const stop = rig.failing.add({ call: "WSARecvMsg", nth: 1, code: WSAENETRESET })
      yield* send(client, server, [2])
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [2])
      yield* send(client, server, [3])
      assert.deepStrictEqual(numbersOf(yield* server.reader.pull), [3])
      stop()
    })
  )

  law("a dead peer of a connected socket is `onError`'s", () =>
    Effect.gen(function* () {
      const dead = yield* Effect.scoped(Effect.map(open(), ({ reader }) => reader.address))
      const heard = yield* Deferred.make<string>()
      const client = yield* open({
        connect: { ...here, port: dead.port },
        onError: ({ reason }) => void Deferred.doneUnsafe(heard, Effect.succeed(kindOf(reason)))
      })
      const waiting = yield* start(client.reader.pull)
      yield* client.writer.write({ payload: numbered(1) })
      assert.strictEqual(yield* Deferred.await(heard), "Read ConnectionRefused")
      assert.isUndefined(waiting.pollUnsafe())
    })
  )
})
