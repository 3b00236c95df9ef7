import { WinsockDatagramSocket } from "@effect-winsock/platform"
import {
  WSAEACCES,
  WSAECONNREFUSED,
  WSAEHOSTUNREACH,
  WSAEMSGSIZE,
  WSAENETUNREACH,
  WSAENOBUFS,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { acquire, failure, here, kind, kindOf, numbersOf, open, reasonOf, take, upTo } from "../../support/datagrams.ts"
import { law, lawInEachMode, numbered, start } from "../../support/rig.ts"
import { at, bytes } from "../../support/udp.ts"

/** The call that is tried first finds no room, so that the overlapped one is made. */
const full = { call: "WSASendMsg", when: (args: { lpOverlapped?: unknown }) => args.lpOverlapped === 0 } as const

describe("WinsockDatagramSocket: writes", () => {
  law("wait for a reader, can be interrupted there, and wait again when it is closed", ({ recorder }) =>
    Effect.gen(function* () {
      const server = yield* open()
      const socket = yield* WinsockDatagramSocket.make({ bind: here })
      const writer = yield* socket.writer
      const out = (n: number) => ({ payload: numbered(n), address: server.reader.address })
      const waiting = [yield* start(writer.write(out(1))), yield* start(writer.writeAll([out(2), out(3)]))]
      const never = yield* start(writer.write(out(9)))
      yield* Fiber.interrupt(never)
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
      const scope = yield* Scope.make()
      yield* Scope.provide(socket.reader, scope)
      for (const fiber of waiting) yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        (yield* take(server.reader, 3)).toSorted((a, b) => a - b),
        [1, 2, 3]
      )
      yield* Scope.close(scope, Exit.void)
      const again = yield* start(writer.write(out(4)))
      assert.isUndefined(again.pollUnsafe())
      yield* socket.reader
      yield* Fiber.join(again)
      assert.deepStrictEqual(yield* take(server.reader, 1), [4])
    })
  )

  law("one that waits for room is cancelled when it is interrupted, itself alone", ({ failing, gate, recorder }) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      failing.add({ ...full, code: WSAEWOULDBLOCK })
      gate.close()
      const out = (n: number) => ({ payload: numbered(n), address: server.reader.address })
      const [first, second] = [yield* start(client.writer.write(out(1))), yield* start(client.writer.write(out(2)))]
      const posted = recorder.of("WSASendMsg").filter(({ args }) => args.lpOverlapped !== 0)
      assert.strictEqual(posted.length, 2)
      recorder.clear()
      first.interruptUnsafe()
      const cancels = recorder.of("CancelIoEx")
      assert.deepStrictEqual(
        cancels.map(({ args }) => args.lpOverlapped),
        [posted[0].args.lpOverlapped]
      )
      assert.isUndefined(second.pollUnsafe())
      gate.open()
      // it ends when the operation has
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(first)))
      yield* Fiber.join(second)
    })
  )

  law("an interruption before it makes no call", ({ recorder }) =>
    Effect.gen(function* () {
      const client = yield* open()
      const out = { payload: numbered(1), address: client.reader.address }
      for (const write of [client.writer.write(out), client.writer.writeAll([out, out])]) {
        const fiber = yield* start(
          Effect.andThen(
            Effect.sync(() => Fiber.getCurrent()!.interruptUnsafe()),
            write
          )
        )
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
    })
  )

  law("answers that are interrupted at each step leave nothing behind", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* open({ bind: { address: "::" } })
      const client = yield* open()
      yield* client.writer.write({ payload: numbered(1), address: at("127.0.0.1", server.reader.address.port) })
      const [got] = yield* server.reader.pull
      const before = yield* statistics
      for (const turns of upTo(8)) {
        const fiber = yield* start(server.writer.writeAll([got, got, { payload: numbered(2), address: got }]))
        for (let i = 0; i < turns; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      }
      yield* server.writer.write({ payload: numbered(3), address: got })
      while ((yield* take(client.reader, 1)).at(-1) !== 3);
      const after = yield* statistics
      assert.strictEqual(after.handles.sockets, before.handles.sockets)
      assert.strictEqual(after.pending, before.pending)
    })
  )

  law("what the caller does to the bytes of one that waits does not matter", ({ failing, gate }) =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      failing.add({ ...full, nth: 1, code: WSAEWOULDBLOCK })
      gate.close()
      const payload = numbered(1)
      const fiber = yield* start(client.writer.write({ payload, address: server.reader.address }))
      payload.fill(9)
      gate.open()
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* take(server.reader, 1), [1])
    })
  )

  law("one that waits for room fails, or was sent, when the reader is closed", ({ failing, gate }) =>
    Effect.gen(function* () {
      const server = yield* open()
      const scope = yield* Scope.make()
      const client = yield* Scope.provide(open(), scope)
      failing.add({ ...full, code: WSAEWOULDBLOCK })
      gate.close()
      const fiber = yield* start(client.writer.write({ payload: numbered(1), address: server.reader.address }))
      const closing = yield* start(Scope.close(scope, Exit.void))
      gate.open()
      yield* Fiber.join(closing)
      // the kernel may have taken the bytes already
      const exit = yield* Fiber.await(fiber)
      if (Exit.isFailure(exit)) assert.strictEqual(kindOf(reasonOf(exit)), "Closed")
      else assert.deepStrictEqual(yield* take(server.reader, 1), [1])
    })
  )

  law("a peer is where those go that have no address; without one they fail", () =>
    Effect.gen(function* () {
      const [server, other] = [yield* open(), yield* open()]
      const client = yield* open({ peer: server.reader.address })
      yield* client.writer.write({ payload: numbered(1) })
      yield* client.writer.writeAll([
        { payload: numbered(2) },
        { payload: numbered(3), address: other.reader.address },
        { payload: numbered(4) }
      ])
      assert.deepStrictEqual(yield* take(server.reader, 3), [1, 2, 4])
      assert.deepStrictEqual(yield* take(other.reader, 1), [3])
      // a peer filters nothing
      yield* other.writer.write({ payload: numbered(5), address: client.reader.address })
      assert.deepStrictEqual(yield* take(client.reader, 1), [5])

      const lost = yield* failure(server.writer.write({ payload: numbered(6) }))
      assert.strictEqual(kindOf(lost), "Write Unknown")
      if (lost._tag === "DatagramSocketWriteError") assert.isUndefined(lost.address)
      const none = server.writer.writeAll([
        { payload: numbered(7), address: client.reader.address },
        { payload: numbered(8) }
      ])
      assert.strictEqual(yield* kind(none), "Write Unknown")
      // nothing of it was sent
      yield* server.writer.write({ payload: numbered(9), address: client.reader.address })
      assert.deepStrictEqual(yield* take(client.reader, 1), [9])
    })
  )

  law("a connected socket takes no address but a datagram's, and hears its peer only", () =>
    Effect.gen(function* () {
      const [server, stranger] = [yield* open(), yield* open()]
      const client = yield* open({ connect: server.reader.address })
      yield* client.writer.write({ payload: numbered(1) })
      const [got] = yield* server.reader.pull
      yield* stranger.writer.write({ payload: numbered(8), address: got })
      yield* server.writer.write({ payload: numbered(2), address: got })
      const [answer] = yield* client.reader.pull
      assert.deepStrictEqual(numbersOf([answer]), [2])
      yield* client.writer.write({ payload: numbered(3), address: answer })
      yield* client.writer.writeAll([{ payload: numbered(4), address: answer }, { payload: numbered(5) }, answer])
      assert.deepStrictEqual(yield* take(server.reader, 4), [3, 4, 5, 2])
      const refused = yield* failure(client.writer.write({ payload: numbered(6), address: stranger.reader.address }))
      assert.strictEqual(kindOf(refused), "Write Unknown")
      if (refused._tag === "DatagramSocketWriteError") {
        assert.deepStrictEqual(refused.address, stranger.reader.address)
      }
    })
  )

  law("writeAll sends in order, and several pieces are one datagram", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open()]
      const [first, ...rest] = upTo(300).map((n) => ({ payload: numbered(n), address: server.reader.address }))
      yield* client.writer.writeAll([first, ...rest])
      assert.deepStrictEqual(yield* take(server.reader, 300), upTo(300))
      yield* client.writer.write({ payload: [bytes(1, 2), bytes(3)], address: server.reader.address })
      const [got] = yield* server.reader.pull
      assert.deepStrictEqual([...got.payload], [1, 2, 3])
    })
  )

  law("the one that fails is named, those before it were sent and those after it were not", ({ failing }) =>
    Effect.gen(function* () {
      const [server, other, client] = [yield* open(), yield* open(), yield* open()]
      failing.add({ call: "WSASendMsg", nth: 3, code: WSAENOBUFS })
      const to = server.reader.address
      const refused = yield* failure(
        client.writer.writeAll([
          { payload: numbered(1), address: to },
          { payload: numbered(2), address: to },
          { payload: numbered(3), address: other.reader.address },
          { payload: numbered(4), address: to }
        ])
      )
      assert.strictEqual(kindOf(refused), "Write Unknown")
      if (refused._tag === "DatagramSocketWriteError") assert.deepStrictEqual(refused.address, other.reader.address)
      yield* client.writer.write({ payload: numbered(5), address: to })
      assert.deepStrictEqual(yield* take(server.reader, 3), [1, 2, 5])
    })
  )

  law("one that is too large fails, and the socket goes on", () =>
    Effect.gen(function* () {
      const [server, client] = [yield* open(), yield* open({ kernelSendBufferSize: 1 << 18 })]
      for (const size of [65_508, 70_000]) {
        const large = { payload: new Uint8Array(size), address: server.reader.address }
        const refused = yield* failure(client.writer.write(large))
        assert.strictEqual(kindOf(refused), "Write MessageTooLarge")
        if (refused._tag === "DatagramSocketWriteError") {
          assert.deepStrictEqual(refused.address, server.reader.address)
          assert.include(String(refused.cause), "WSAEMSGSIZE")
        }
        assert.strictEqual(yield* kind(client.writer.writeAll([large])), "Write MessageTooLarge")
      }
      yield* client.writer.write({ payload: numbered(1), address: server.reader.address })
      assert.deepStrictEqual(yield* take(server.reader, 1), [1])
    })
  )

  const kinds = [
    [WSAEMSGSIZE, "MessageTooLarge"],
    [WSAEHOSTUNREACH, "Unreachable"],
    [WSAENETUNREACH, "Unreachable"],
    [WSAECONNREFUSED, "ConnectionRefused"],
    [WSAEACCES, "PermissionDenied"],
    [WSAENOBUFS, "Unknown"]
  ] as const
  for (const [code, name] of kinds) {
    law(`what the system says becomes a kind: ${code} is ${name}`, ({ failing }) =>
      Effect.gen(function* () {
        const [server, client] = [yield* open(), yield* open({ peerErrors: true })]
        const stop = failing.add({ call: "WSASendMsg", code })
        assert.strictEqual(
          yield* kind(client.writer.write({ payload: numbered(1), address: server.reader.address })),
          `Write ${name}`
        )
        stop()
      })
    )
  }

  law("what cannot be sent at all is refused with what it is", () =>
    Effect.gen(function* () {
      const client = yield* open()
      const odd = { payload: 7 as unknown as string, address: client.reader.address }
      const refused = yield* failure(client.writer.write(odd))
      assert.strictEqual(kindOf(refused), "Write Unknown")
      if (refused._tag === "DatagramSocketWriteError") assert.include(String(refused.cause), "payload")
      for (const address of ["127.0.0.1", null, 7, {}, { address: "127.0.0.1", port: 9 }]) {
        const nowhere = { payload: "x", address } as unknown as WinsockDatagramSocket.OutgoingDatagram
        for (const write of [client.writer.write(nowhere), client.writer.writeAll([nowhere])]) {
          const said = yield* failure(write)
          assert.strictEqual(kindOf(said), "Write Unknown")
          if (said._tag === "DatagramSocketWriteError") assert.include(String(said.cause), "address is ")
        }
      }
    })
  )
})

describe("WinsockDatagramSocket: a program that closes under load", () => {
  lawInEachMode("nothing is left after, whatever was under way", ({ statistics }) =>
    Effect.gen(function* () {
      const server = yield* open()
      for (const round of upTo(10)) {
        const socket = yield* WinsockDatagramSocket.make({ bind: here, lookAhead: round % 3 })
        const scope = yield* Scope.make()
        const client = yield* Scope.provide(acquire(socket), scope)
        const out = { payload: numbered(round), address: client.reader.address }
        const fibers = [
          yield* start(Effect.forever(server.writer.write(out))),
          yield* start(Effect.forever(Effect.flatMap(client.reader.pull, ([got]) => client.writer.write(got)))),
          yield* start(Effect.forever(client.reader.pull)),
          yield* start(Effect.forever(client.writer.writeAll([out, out, out])))
        ]
        for (let turns = round * 3; turns > 0; turns--) yield* Effect.yieldNow
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.interruptAll(fibers)
      }
      const { handles } = yield* statistics
      assert.strictEqual(handles.sockets, 1)
    })
  )
})
