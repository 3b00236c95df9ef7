// A provider that answers nonsense about interfaces, or never gives a wait back (L6, L10).
import { Interfaces } from "@effect-winsock/core"
import type { Block, Seam } from "@effect-winsock/core/Seam"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { interruptSoon, law, loopback, start } from "../../support/rig.ts"
import { tag } from "../../support/udp.ts"

/** Lets a test write over what WSAIoctl has answered: its output, and the count that it tells. */
const scribbling = () => {
  let scribble: ((output: Block, count: (n: number) => void) => void) | undefined
  const decorate = (seam: Seam): Seam => {
    const blocks = new Set<Block>()
    const within = (address: number): Block | undefined => {
      for (const block of blocks) if (address >= block.address && address < block.address + block.size) return block
      return undefined
    }
    return {
      ...seam,
      memory: {
        ...seam.memory,
        alloc: (size) => {
          const block = seam.memory.alloc(size)
          blocks.add(block)
          return block
        },
        free: (block) => {
          blocks.delete(block)
          seam.memory.free(block)
        }
      },
      calls: {
        ...seam.calls,
        WSAIoctl: (...args) => {
          const rc = seam.calls.WSAIoctl(...args)
          const output = within(args[4])
          if (rc !== 0 || scribble === undefined || output === undefined) return rc
          const told = within(args[6])
          scribble(output, (n) => told!.view.setUint32(args[6] - told!.address, n, true))
          return rc
        }
      }
    }
  }
  return { decorate, set: (next: typeof scribble) => (scribble = next) }
}

describe("answers that are nonsense", () => {
  const scribbles = scribbling()
  law(
    "nothing outside the answer is read, and nothing hangs",
    () =>
      Effect.gen(function* () {
        for (const size of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
          for (const byte of [0, 0x7f, 0xff]) {
            scribbles.set((output, count) => {
              output.bytes.fill(byte)
              count(size)
            })
            // a pointer of all ones is in no answer, and one of zeros neither
            assert.deepStrictEqual(yield* Interfaces.addresses("IPv4"), [])
            // nor are these the bytes of an address
            assert.strictEqual(yield* tag(Interfaces.routeTo(loopback)), "NotSupported")
          }
        }
        scribbles.set(undefined)
        assert.isAbove((yield* Interfaces.list).length, 0)
      }),
    { decorate: scribbles.decorate }
  )
})

describe("a wait that the kernel never gives back", () => {
  law(
    "costs two grace periods, is reported, and its memory is left to the kernel",
    ({ gate, recorder, statistics }) =>
      Effect.gen(function* () {
        const fiber = yield* start(Stream.runDrain(Interfaces.changes("IPv4")))
        gate.close()
        yield* interruptSoon(fiber)
        yield* Fiber.await(fiber)
        const { handles, leaked, pending } = yield* statistics
        assert.deepStrictEqual([handles.sockets, leaked, pending], [0, 1, 0])
        const waits = recorder.of("WSAIoctl", ({ args }) => args.dwIoControlCode === Ioctls.SIO_ADDRESS_LIST_CHANGE)
        assert.deepStrictEqual([waits.length, recorder.count("closesocket")], [1, 1])
        gate.open()
      }),
    { cancelGrace: "40 millis", leaked: 1 }
  )
})
