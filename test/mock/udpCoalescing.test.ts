import type { UdpSocket } from "@effect-winsock/core"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Hosts } from "../support/hosts.ts"
import { hosts } from "../support/hosts.ts"
import { interruptSoon, numbered, numberOf, start } from "../support/rig.ts"
import { bytes, controlOf, from, lacks, pattern, tag } from "../support/udp.ts"

type Socket = UdpSocket.UdpSocket

const coalesce = 65_535

/** A socket that joins what comes, and a friend of its. */
const pair = Effect.fnUntraced(function* ({ client, server }: Hosts, options: UdpSocket.Options = {}) {
  const socket = yield* server.bind("10.0.0.1", { coalesce, ...options })
  assert.isTrue((yield* socket.capabilities).coalescing)
  const friend = yield* client.bind("10.0.0.2")
  return { socket, friend }
})

/** Sends payloads that arrive in one turn, so that those of one size are joined. */
const burst = Effect.fnUntraced(function* ({ client }: Hosts, friend: Socket, to: Socket, all: Array<Uint8Array>) {
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* client.mock.hold
      for (const payload of all) yield* friend.send(payload, to.address)
    })
  )
  yield* client.mock.settled
})

const sizes = (messages: ReadonlyArray<{ readonly payload: Uint8Array }>) =>
  messages.map(({ payload }) => payload.length)

const upTo = (n: number): Array<number> => Array.from({ length: n }, (_, i) => i)

/** Ten of four bytes and one of two: one result in the kernel. */
const eleven = [...upTo(10).map(numbered), bytes(9, 9)]

describe("UdpSocket: coalescing on receive", () => {
  hosts("joined datagrams are given out one by one, in order, the shorter one last", (both) =>
    Effect.gen(function* () {
      const { friend, socket } = yield* pair(both)
      const { server } = both
      const before = (yield* server.statistics).operations.receive.completed
      yield* burst(both, friend, socket, eleven)
      const got = []
      for (const _ of eleven) got.push(yield* socket.receive)
      assert.deepStrictEqual(
        got.map((message) => [...message.payload]),
        eleven.map((payload) => [...payload])
      )
      for (const message of got) {
        assert.strictEqual(from(message), "10.0.0.2")
        assert.strictEqual(controlOf(message).coalescedSize, 4)
        assert.isFalse(message.truncated)
      }
      // it was one result
      assert.strictEqual((yield* server.statistics).operations.receive.completed, before + 1)
      assert.strictEqual((yield* server.statistics).slots.used, 0)
    })
  )

  hosts("a payload of a piece is its own", (both) =>
    Effect.gen(function* () {
      const { friend, socket } = yield* pair(both)
      yield* burst(both, friend, socket, [bytes(1, 1), bytes(2, 2), bytes(3, 3)])
      const first = yield* socket.receive
      const second = yield* socket.receive
      first.payload.fill(7)
      assert.deepStrictEqual(
        [[...second.payload], [...(yield* socket.receive).payload]],
        [
          [2, 2],
          [3, 3]
        ]
      )
    })
  )

  hosts("pull takes up to a batch of them and leaves the rest", (both) =>
    Effect.gen(function* () {
      for (const lookAhead of [0, 3]) {
        const { friend, socket } = yield* pair(both, { batch: 4, lookAhead })
        yield* burst(both, friend, socket, eleven)
        const batches: Array<Array<number>> = []
        while (batches.flat().length < 11) batches.push(sizes(yield* socket.pull))
        assert.deepStrictEqual(batches.flat(), [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2])
        for (const batch of batches) assert.isAtMost(batch.length, 4)
      }
    })
  )

  hosts("several who wait get one each; with the rest come those who ask next", (both) =>
    Effect.gen(function* () {
      const { friend, socket } = yield* pair(both)
      const fibers = yield* Effect.forEach(upTo(3), () => start(socket.receive))
      yield* burst(both, friend, socket, upTo(6).map(numbered))
      const got = []
      for (const fiber of fibers) got.push(numberOf(yield* Fiber.join(fiber)))
      assert.deepStrictEqual(got, [0, 1, 2])
      const taken = yield* Stream.runCollect(Stream.take(socket.messages, 2))
      assert.deepStrictEqual(taken.map(numberOf), [3, 4])
      const event = yield* socket.receiveEvent
      assert.strictEqual("_tag" in event ? event._tag : numberOf(event), 5)
    })
  )

  hosts("an interruption between pieces loses none", (both) =>
    Effect.gen(function* () {
      for (let after = 0; after < 12; after++) {
        const { friend, socket } = yield* pair(both)
        const got: Array<number> = []
        const fiber = yield* start(
          Effect.forever(
            Effect.andThen(
              Effect.map(socket.receive, (m) => void got.push(numberOf(m))),
              Effect.yieldNow
            )
          )
        )
        yield* burst(both, friend, socket, upTo(10).map(numbered))
        while (got.length < Math.min(after, 10)) yield* Effect.yieldNow
        yield* interruptSoon(fiber)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        while (got.length < 10) got.push(numberOf(yield* socket.receive))
        assert.deepStrictEqual(got, upTo(10))
      }
    })
  )

  hosts("those left when the socket closes are counted, every one", (both) =>
    Effect.gen(function* () {
      const discarded = Effect.map(both.server.statistics, (statistics) => statistics.discarded)
      let before = 0
      for (const taken of [0, 1, 10, 11]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { friend, socket } = yield* pair(both, { lookAhead: 1 })
            yield* burst(both, friend, socket, eleven)
            while ((yield* both.server.statistics).inbox === 0) yield* Effect.yieldNow
            for (let i = 0; i < taken; i++) yield* socket.receive
          })
        )
        assert.strictEqual((yield* discarded) - before, 11 - taken)
        before = yield* discarded
        assert.strictEqual((yield* both.server.statistics).inbox, 0)
      }
    })
  )

  hosts("lone datagrams, empty ones and those of several senders are what they are", (both) =>
    Effect.gen(function* () {
      const { friend, socket } = yield* pair(both)
      const other = yield* both.client.bind("10.0.0.2")
      yield* burst(both, friend, socket, [bytes(), bytes(1), bytes(), bytes(2, 2), bytes(3)])
      yield* burst(both, other, socket, [bytes(4)])
      const got = []
      for (let i = 0; i < 6; i++) got.push(yield* socket.receive)
      assert.deepStrictEqual(sizes(got), [0, 1, 0, 2, 1, 1])
      assert.deepStrictEqual(got[5].from, other.address)
    })
  )

  hosts("is off by default, and with 0", (both) =>
    Effect.gen(function* () {
      for (const options of [{}, { coalesce: 0 }]) {
        const socket = yield* both.server.bind("10.0.0.1", options)
        const friend = yield* both.client.bind("10.0.0.2")
        assert.isFalse((yield* socket.capabilities).coalescing)
        yield* burst(both, friend, socket, upTo(4).map(numbered))
        for (const n of upTo(4)) {
          const message = yield* socket.receive
          assert.strictEqual(numberOf(message), n)
          assert.deepStrictEqual(message.control, {})
        }
      }
    })
  )

  hosts("joins up to the size that was asked for", (both) =>
    Effect.gen(function* () {
      const { friend, socket } = yield* pair(both, { coalesce: 10, maxMessageSize: 10 })
      const before = (yield* both.server.statistics).operations.receive.completed
      yield* burst(both, friend, socket, upTo(5).map(numbered))
      for (const n of upTo(5)) assert.strictEqual(numberOf(yield* socket.receive), n)
      assert.strictEqual((yield* both.server.statistics).operations.receive.completed, before + 3)
    })
  )

  for (const truncation of ["deliver", "fail"] as const) {
    hosts(`a datagram that is too large stands among joined ones: ${truncation}`, (both) =>
      Effect.gen(function* () {
        const { friend, socket } = yield* pair(both, { coalesce: 8, maxMessageSize: 8, truncation })
        yield* burst(both, friend, socket, [numbered(1), numbered(2), pattern(9), numbered(3), numbered(4)])
        assert.strictEqual(numberOf(yield* socket.receive), 1)
        assert.strictEqual(numberOf(yield* socket.receive), 2)
        if (truncation === "fail") assert.strictEqual(yield* tag(socket.receive), "MessageTooLarge")
        else {
          const cut = yield* socket.receive
          assert.deepStrictEqual([[...cut.payload], cut.truncated], [[...pattern(8)], true])
        }
        assert.strictEqual(numberOf(yield* socket.receive), 3)
        assert.strictEqual(numberOf(yield* socket.receive), 4)
      })
    )
  }

  for (const coalescedInfo of ["missing", 0, 12, 13, 0xffff_ffff] as const) {
    hosts(
      `a size that is ${coalescedInfo} splits nothing: what came is one message`,
      (both) =>
        Effect.gen(function* () {
          const { friend, socket } = yield* pair(both)
          yield* burst(both, friend, socket, upTo(3).map(numbered))
          const message = yield* socket.receive
          assert.deepStrictEqual(
            [...message.payload],
            upTo(3).flatMap((n) => Array.from(numbered(n)))
          )
          assert.isFalse(message.truncated || message.controlTruncated)
          yield* burst(both, friend, socket, [bytes(7)])
          assert.deepStrictEqual(sizes(yield* socket.pull), [1])
        }),
      { coalescedInfo }
    )
  }

  hosts(
    "a size that is wrong but possible is believed, and nothing is lost",
    (both) =>
      Effect.gen(function* () {
        const { friend, socket } = yield* pair(both)
        yield* burst(both, friend, socket, upTo(3).map(numbered))
        const got = []
        while (sizes(got).reduce((sum, size) => sum + size, 0) < 12) got.push(yield* socket.receive)
        assert.deepStrictEqual(sizes(got), [5, 5, 2])
      }),
    { coalescedInfo: 5 }
  )

  for (const abi of ["x64", "ia32"] as const) {
    hosts(
      `the information fits beside all other control data, ${abi}`,
      (both) =>
        Effect.gen(function* () {
          const control = ["packetInfo", "hopLimit", "trafficClass", "ecn", "originalArrivalInterface"] as const
          const { friend, socket } = yield* pair(both, { control })
          yield* burst(both, friend, socket, upTo(3).map(numbered))
          for (const n of upTo(3)) {
            const message = yield* socket.receive
            assert.strictEqual(numberOf(message), n)
            for (const name of [...control, "coalescedSize"]) assert.property(controlOf(message), name)
          }
        }),
      { abi }
    )
  }

  hosts(
    "required without support fails and leaves no socket; preferred goes on without",
    (both) =>
      Effect.gen(function* () {
        const { server } = both
        const required = server.bind("10.0.0.1", { coalesce: { size: 1000, wish: "required" } })
        yield* lacks(Effect.scoped(required), "coalesce")
        assert.strictEqual((yield* server.mock.sockets).length, 0)
        for (const wish of [1000, { size: 1000, wish: "preferred" }] as const) {
          const socket = yield* server.bind("10.0.0.1", { coalesce: wish })
          assert.isFalse((yield* socket.capabilities).coalescing)
          const friend = yield* both.client.bind("10.0.0.2")
          yield* burst(both, friend, socket, upTo(3).map(numbered))
          for (const n of upTo(3)) assert.strictEqual(numberOf(yield* socket.receive), n)
        }
      }),
    { absentOptions: ["UDP_RECV_MAX_COALESCED_SIZE"] }
  )
})
