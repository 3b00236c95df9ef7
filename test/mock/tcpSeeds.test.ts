import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Flags from "@effect-winsock/schema/Flags"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { type Lab, lab } from "./support.ts"
import * as T from "./tcpSupport.ts"
import { Chance } from "../model/Chance.ts"

type Posted = ReturnType<typeof T.postReceive>

/** The bytes that completed receives got, in posting order. */
const received = (posted: ReadonlyArray<Posted>): Array<number> =>
  posted.flatMap(({ buffers, view }) => {
    if (view.Internal !== 0) return []
    return Array.from(buffers.block.bytes.slice(buffers.at[0], buffers.at[0] + view.InternalHigh))
  })

const postNumbered = (l: Lab, s: SocketHandle, from: number, size: number) => {
  const b = T.buffers(l, [size])
  for (let i = 0; i < size; i++) b.block.bytes[b.at[0] + i] = (from + i) & 0xff
  const overlapped = l.overlapped()
  const code = l.calls.WSASend(s, b.address, 1, 0, 0, overlapped.address, 0) === 0 ? 0 : l.error
  return { ...overlapped, code, size }
}

describe("streams: whatever the seed", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it.effect(`seed ${seed}: with receives cancelled at random, every byte arrives once and in order`, () =>
      Effect.gen(function* () {
        const l = yield* lab({
          seed,
          abi: seed % 2 === 0 ? "ia32" : "x64",
          segmentation: "seeded",
          readyAnswer: "seeded",
          dequeue: "seeded",
          cancellation: "seeded",
          delivery: seed % 3 === 0 ? "immediate" : "turn",
          trace: 200
        })
        const chance = new Chance(seed)
        const below = (below: number): number => chance.below(below)
        const { client, server } = yield* T.pair(l)
        l.setOption(client, Flags.SOL_SOCKET, 0x1001, [0, 50, 65_536][seed % 3])
        l.setOption(server, Flags.SOL_SOCKET, 0x1002, [100, 65_536][seed % 2])
        const sends: Array<ReturnType<typeof postNumbered>> = []
        const receives: Array<Posted> = []
        let next = 0
        for (let step = 0; step < 300; step++) {
          switch (below(5)) {
            case 0: {
              const size = 1 + below(200)
              sends.push(postNumbered(l, client, next, size))
              next += size
              break
            }
            case 1:
            case 2:
              receives.push(T.postReceive(l, server, [below(8) === 0 ? 0 : 1 + below(150)]))
              break
            case 3: {
              const pending = receives.filter(({ view }) => view.Internal === NtStatus.STATUS_PENDING)
              if (pending.length > 0) l.calls.CancelIoEx(server, pending[below(pending.length)].address)
              break
            }
            default:
              yield* l.mock.settled
          }
        }
        l.calls.shutdown(client, Flags.SD_SEND)
        for (let i = 0; i < 10_000; i++) {
          yield* l.mock.settled
          const last = T.postReceive(l, server, [4096])
          receives.push(last)
          yield* l.mock.settled
          if (last.view.Internal === 0 && last.view.InternalHigh === 0) break
        }
        const bytes = received(receives)
        assert.strictEqual(bytes.length, next)
        assert.isTrue(bytes.every((byte, i) => byte === (i & 0xff)))
        assert.isTrue(sends.every(({ size, view }) => view.Internal === 0 && view.InternalHigh === size))
      })
    )
  }

  it.effect("the same seed gives the same trace", () =>
    Effect.gen(function* () {
      const run = Effect.scoped(
        Effect.gen(function* () {
          const l = yield* lab({ seed: 7, segmentation: "seeded", readyAnswer: "seeded" })
          const { client, server } = yield* T.pair(l)
          T.send(l, client, 1000)
          yield* l.mock.settled
          while (T.receiveCount(l, server, 100) > 0) yield* l.mock.settled
          return (yield* l.mock.trace).flatMap((event) => (event._tag === "Segment" ? [event] : []))
        })
      )
      const first = yield* run
      assert.isAbove(first.length, 5)
      assert.deepStrictEqual(yield* run, first)
    })
  )
})
