// Completion by routine: what is its own.
import { BlockingSocket } from "@effect-winsock/core"
import type { Block, Seam } from "@effect-winsock/core/Seam"
import { EngineKey } from "@effect-winsock/core/Winsock"
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Rig } from "../../support/rig.ts"
import { bind, interruptSoon, law, loopback, numbered, numberOf, start } from "../../support/rig.ts"
import { listen, pair, text, utf8 } from "../../support/tcp.ts"
import { tag } from "../../support/udp.ts"

const completion = "routine"

const outstanding = ({ winsock }: Rig): number => winsock[EngineKey].routinesOutstanding

/** How many routines there are, and whether one runs in another, or calls from one. */
const watch = () => {
  const seen = { made: 0, released: 0, nested: 0, runs: 0 }
  let inside = 0
  const decorate = (seam: Seam): Seam => ({
    ...seam,
    calls: {
      ...seam.calls,
      SleepEx: (milliseconds, alertable) => {
        if (inside++ > 0 || milliseconds !== 0) seen.nested++
        const result = seam.calls.SleepEx(milliseconds, alertable)
        inside--
        return result
      }
    },
    routine: (run, queued) => {
      seen.made++
      const routine = seam.routine((...args) => {
        seen.runs++
        run(...args)
      }, queued)
      return {
        address: routine.address,
        release: () => {
          seen.released++
          routine.release()
        }
      }
    }
  })
  return { decorate, seen }
}

/** What the receives that pend have in their hEvent. */
const hEvents: Array<number> = []
const watchEvents = (seam: Seam): Seam => {
  const { abi } = seam
  const blocks: Array<Block> = []
  return {
    ...seam,
    memory: {
      ...seam.memory,
      alloc: (size) => {
        const block = seam.memory.alloc(size)
        blocks.push(block)
        return block
      }
    },
    bind: (name, address) => {
      const f = seam.bind(name, address)
      if (name !== "WSARecvMsg") return f
      const watched = (...args: ReadonlyArray<number>): number => {
        const at = args[3]
        const block = blocks.findLast((one) => at >= one.address && at < one.address + one.size)
        if (block !== undefined) hEvents.push(OVERLAPPED.view(abi, block.view, at - block.address).hEvent)
        return (f as (...args: ReadonlyArray<number>) => number)(...args)
      }
      return watched as typeof f
    }
  }
}

/** The runs of one alertable wait, the last first. */
const reversing = () => {
  const held: Array<() => void> = []
  const result = {
    most: 0,
    decorate: (seam: Seam): Seam => ({
      ...seam,
      calls: {
        ...seam.calls,
        SleepEx: (milliseconds, alertable) => {
          const answer = seam.calls.SleepEx(milliseconds, alertable)
          result.most = Math.max(result.most, held.length)
          for (const run of held.splice(0).toReversed()) run()
          return answer
        }
      },
      routine: (run, queued) => seam.routine((...args) => void held.push(() => run(...args)), queued)
    })
  }
  return result
}
const reversed = reversing()

describe("completion by routine", () => {
  const one = watch()
  law(
    "one routine serves all sockets, its waits are not nested, and it is given back at the end",
    ({ release, statistics }) =>
      Effect.gen(function* () {
        const sockets = yield* Effect.forEach([1, 2, 3], () => bind())
        // each fiber goes on posting from the continuation of what its routine told
        const fibers = yield* Effect.forEach(sockets, ({ receive }) =>
          start(Effect.forEach(Array.from({ length: 20 }), () => receive))
        )
        for (let n = 0; n < 20; n++) {
          for (const { address } of sockets) yield* sockets[0].send(numbered(n), address)
          if (n % 5 === 0) yield* Effect.sleep(1)
        }
        for (const fiber of fibers) {
          assert.deepStrictEqual(
            (yield* Fiber.join(fiber)).map(numberOf),
            Array.from({ length: 20 }, (_, n) => n)
          )
        }
        assert.strictEqual((yield* statistics).pending, 0)
        yield* release
        const { made, nested, released, runs } = one.seen
        assert.deepStrictEqual([made, released, nested], [1, 1, 0])
        assert.isAbove(runs, 0)
      }),
    { completion, decorate: one.decorate }
  )

  law(
    "the engine counts what has not run: a cancelled one too, until it has",
    (rig) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        assert.strictEqual(outstanding(rig), 0)
        const fiber = yield* start(socket.receive)
        assert.strictEqual(outstanding(rig), 1)
        yield* interruptSoon(fiber)
        assert.strictEqual(outstanding(rig), 1)
        yield* Fiber.await(fiber)
        assert.strictEqual(outstanding(rig), 0)
      }),
    { completion }
  )

  const lost = watch()
  law(
    "one that never ran is not given back, and running late it harms nobody",
    (rig) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        rig.gate.close()
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(outstanding(rig), 1)
        const other = yield* bind()
        rig.gate.open()
        // until the late run was seen
        const another = yield* start(other.receive)
        while (outstanding(rig) > 1) yield* Effect.sleep(1)
        yield* other.send(numbered(3), other.address)
        assert.strictEqual(numberOf(yield* Fiber.join(another)), 3)
        rig.gate.close()
        yield* Fiber.interrupt(yield* start(other.receive))
        yield* rig.release
        assert.deepStrictEqual([lost.seen.made, lost.seen.released], [1, 0])
        rig.gate.open()
      }),
    { completion, cancelGrace: "40 millis", leaked: 2, decorate: lost.decorate }
  )

  law(
    "calls that take no routine complete by an event, all others by the routine, and none by a port",
    ({ recorder }) =>
      Effect.gen(function* () {
        const server = yield* listen()
        const { accepted, client } = yield* pair(server)
        const receiving = yield* start(accepted.receive)
        yield* client.send(utf8("hello"))
        assert.strictEqual(text(yield* Fiber.join(receiving)), "hello")
        yield* Effect.forEach([client, accepted], ({ shutdown }) => shutdown("send"))
        assert.strictEqual(recorder.count("CreateIoCompletionPort"), 1)
        assert.strictEqual(recorder.count("SetFileCompletionNotificationModes"), 0)
        assert.isAbove(recorder.count("ConnectEx"), 0)
        assert.isAbove(recorder.count("AcceptEx"), 0)
        const overlapped = recorder.of("WSARecv", ({ args }) => args.lpOverlapped !== 0)
        assert.isAbove(overlapped.length, 0)
        assert.isTrue(overlapped.every(({ args }) => args.lpCompletionRoutine !== 0))
        // its results are in the OVERLAPPEDs: nothing waits for them
        assert.strictEqual(
          recorder.count("WSAGetOverlappedResult", ({ args }) => args.fWait !== 0),
          0
        )
        assert.isTrue(recorder.of("SleepEx").every(({ args }) => args.dwMilliseconds === 0 && args.bAlertable === 1))
      }),
    { completion }
  )

  law(
    "while the program is idle a timer looks, for Windows does not tell",
    () =>
      Effect.gen(function* () {
        const socket = yield* bind()
        const other = yield* bind({ completion: "port" })
        for (let n = 0; n < 3; n++) {
          const fiber = yield* start(socket.receive)
          yield* Effect.sleep(30)
          yield* other.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
      }),
    { completion, decorate: (seam) => ({ ...seam, routine: (run) => seam.routine(run) }) }
  )

  law(
    "an alertable wait of the program's own runs them too, and nothing is lost",
    ({ recorder, winsock }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 10; n++) {
          const fiber = yield* start(socket.receive)
          yield* socket.send(numbered(n), socket.address)
          // not in a turn of the pump
          for (let i = 0; i < 3; i++) winsock.seam.calls.SleepEx(0, 1)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
        assert.isAbove(recorder.count("SleepEx"), 0)
      }),
    { completion }
  )

  law(
    "hEvent is nobody's event: it is 0, and no event is waited for",
    ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let n = 0; n < 5; n++) {
          const fiber = yield* start(socket.receive)
          yield* socket.send(numbered(n), socket.address)
          assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
        assert.isAbove(hEvents.length, 0)
        assert.isTrue(hEvents.every((hEvent) => hEvent === 0))
        for (const name of ["WSAWaitForMultipleEvents", "WSAGetOverlappedResult"] as const) {
          assert.strictEqual(recorder.count(name), 0, name)
        }
      }),
    { completion, decorate: watchEvents }
  )

  law(
    "routines that run in whatever order: each receive has its own datagram",
    () =>
      Effect.gen(function* () {
        const socket = yield* bind()
        for (let round = 0; round < 5; round++) {
          const fibers = yield* Effect.forEach([0, 1, 2, 3], () => start(socket.receive))
          for (const n of [0, 1, 2, 3]) yield* socket.send(numbered(n), socket.address)
          for (const [n, fiber] of fibers.entries()) assert.strictEqual(numberOf(yield* Fiber.join(fiber)), n)
        }
        assert.isAbove(reversed.most, 1)
      }),
    { completion, decorate: reversed.decorate }
  )

  law(
    "while a routine may run no call blocks, for it would wait alertably",
    ({ recorder }) =>
      Effect.gen(function* () {
        const blocking = yield* BlockingSocket.bind(loopback)
        const socket = yield* bind()
        const fiber = yield* start(socket.receive)
        recorder.clear()
        assert.strictEqual(yield* tag(blocking.receiveMessage), "InProgress")
        assert.strictEqual(
          recorder.count("WSARecvMsg", ({ origin }) => origin === "offThread"),
          0
        )
        yield* Fiber.interrupt(fiber)
        const receiving = yield* start(blocking.receiveMessage)
        yield* socket.send(numbered(4), blocking.address)
        assert.strictEqual(numberOf(yield* Fiber.join(receiving)), 4)
      }),
    { completion }
  )

  law(
    "without means for a routine no socket is opened, and none is left",
    ({ recorder, statistics }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* tag(bind()), "OutOfMemory")
        assert.strictEqual(yield* tag(listen()), "OutOfMemory")
        assert.strictEqual(recorder.count("WSASocketW"), recorder.count("closesocket"))
        assert.strictEqual((yield* statistics).handles.sockets, 0)
        const fiber = yield* start((yield* bind({ completion: "port" })).receive)
        yield* Fiber.interrupt(fiber)
      }),
    {
      completion,
      decorate: (seam) => ({
        ...seam,
        routine: () => {
          throw new RangeError("no more callbacks")
        }
      })
    }
  )
})
