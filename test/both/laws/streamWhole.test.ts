/** Sends that are sent whole or not at all, whoever is interrupted while they are sent. */
import { SD_SEND } from "@effect-winsock/schema/Flags"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { assertReset, assertStretch, pair, stretch, until } from "../../support/peer.ts"
import type { Rig } from "../../support/rig.ts"
import { interruptSoon, layerName, law, random, start } from "../../support/rig.ts"
import { bytes } from "../../support/udp.ts"

const small = { sendBuffer: 8192, peerBuffer: 8192 }
// more than one call sends at once, and than the kernel takes
const long = 3_000_000
const whole = { whole: true } as const

const inKernel = ({ recorder }: Rig) => recorder.of("WSASend", ({ args }) => args.lpOverlapped !== 0)

describe("a send that is to be whole", () => {
  law("an interruption ends at once and cancels nothing; the rest follows, and then what is sent next", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const payload = stretch(0, long)
      const fiber = yield* start(socket.send([payload.subarray(0, 7), payload.subarray(7)], whole))
      yield* until("a send is in the kernel", () => inKernel(rig).length > 0)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
      // it is the caller's again
      payload.fill(9)
      const next = yield* start(socket.send(stretch(long, 1000), whole))
      assertStretch(yield* peer.read(long + 1000), 0)
      yield* Fiber.join(next)
    })
  )

  law("one that waits for its turn is removed whole", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const first = yield* start(socket.send(stretch(0, long)))
      yield* until("a send is in the kernel", () => inKernel(rig).length > 0)
      const second = yield* start(socket.send(bytes(255, 255), whole))
      yield* Fiber.interrupt(second)
      const third = yield* start(socket.send(stretch(long, 10), whole))
      assertStretch(yield* peer.read(long + 10), 0)
      yield* Fiber.joinAll([first, third])
    })
  )

  law("closing gives it its time, and then resets", (rig) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { peer, socket } = yield* Scope.provide(pair(rig, { ...small, closeTimeout: "100 millis" }), scope)
      const fiber = yield* start(socket.send(stretch(0, long), whole))
      yield* until("a send is in the kernel", () => inKernel(rig).length > 0)
      yield* Fiber.interrupt(fiber)
      yield* socket.close
      const { bytes: got, end } = yield* peer.readAll
      assertReset(rig, end)
      assert.isBelow(got.length, long)
      assertStretch(got, 0)
      yield* Scope.close(scope, Exit.void)
    })
  )

  law("the end of this side comes behind it", (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const fiber = yield* start(socket.send(stretch(0, long), whole))
      yield* until("a send is in the kernel", () => inKernel(rig).length > 0)
      yield* Fiber.interrupt(fiber)
      const ending = yield* start(socket.shutdown("send"))
      const { bytes: got, end } = yield* peer.readAll
      assert.deepStrictEqual([got.length, end], [long, "fin"])
      assertStretch(got, 0)
      yield* Fiber.join(ending)
      assert.strictEqual(
        rig.recorder.count("shutdown", ({ args }) => args.how === SD_SEND),
        1
      )
    })
  )

  const rounds = layerName === "mock" ? 150 : 40
  law(`${rounds} interruptions tear nothing: each is there whole, or not at all`, (rig) =>
    Effect.gen(function* () {
      const { peer, socket } = yield* pair(rig, small)
      const chance = random(20_261_129)
      const all = yield* start(peer.readAll)
      let given = 0
      for (let round = 1; round <= rounds; round++) {
        // its number, its length, and as many bytes of its number
        const size = 1 + chance(30_000)
        const payload = new Uint8Array(4 + size).fill(round & 0xff, 4)
        new DataView(payload.buffer).setUint32(0, size)
        const fiber = yield* start(socket.send(payload, whole))
        for (let turns = chance(3); turns > 0; turns--) yield* Effect.yieldNow
        yield* interruptSoon(fiber)
        if (Exit.isSuccess(yield* Fiber.await(fiber))) given++
        payload.fill(0)
      }
      yield* socket.shutdown("send")
      const { bytes: got } = yield* Fiber.join(all)
      const view = new DataView(got.buffer, got.byteOffset)
      let found = 0
      for (let at = 0; at < got.length; found++) {
        const size = view.getUint32(at)
        const [first] = got.subarray(at + 4)
        assert.isTrue(at + 4 + size <= got.length && size > 0 && first !== 0, `a message at ${at}`)
        assert.isTrue(got.subarray(at + 4, at + 4 + size).every((byte) => byte === first))
        at += 4 + size
      }
      assert.isAtLeast(found, given)
      assert.strictEqual(rig.recorder.count("CancelIoEx"), 0)
    })
  )
})
