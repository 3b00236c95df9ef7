import * as Signatures from "@effect-winsock/core/Signatures"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Lab, lab } from "./support.ts"

// a small generator of its own, so that a failing seed can be run again
const chance = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor(((state >>> 8) / 2 ** 24) * below)
  }
}

const pool = (l: Lab, random: (below: number) => number): Array<number> => {
  const blocks = Array.from({ length: 8 }, () => l.alloc(256))
  for (const block of blocks) {
    for (let i = 0; i < 256; i += 4) {
      // small numbers, flags, and now and then an address of another block
      const target = blocks[random(8)].address + random(64)
      if (i % 8 === 0 && random(4) === 0) {
        block.view.setUint32(i, target >>> 0, true)
        block.view.setUint32(i + 4, Math.floor(target / 2 ** 32), true)
        i += 4
      } else {
        block.view.setUint32(i, random(40), true)
      }
    }
  }
  const addresses = blocks.flatMap(({ address }) => [address, address + 64, address + 255])
  const handles = [4, 8, 12, 16, 20, 24, 4, 8, 12]
  const numbers = [0, 0, 0, 0, 1, 2, 16, 17, 28, 41, 64, 65_535, -1, -5, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 45, 2 ** 52]
  return [...addresses, ...addresses, ...handles, ...numbers, ...ioctls]
}

const ioctls = IoctlTable.table.map(({ code }) => code)

const run = (seed: number, abi: "x64" | "ia32") =>
  Effect.gen(function* () {
    const random = chance(seed)
    const l = yield* lab({
      abi,
      cancellation: "seeded",
      dequeue: "seeded",
      guard: "collect",
      readyAnswer: "seeded",
      seed,
      trace: false,
      truncationAnswer: "seeded"
    })
    const a = l.bound()
    l.completionPort(a.s)
    l.event()
    const values = pool(l, random)
    const calls: Array<readonly [name: string, arity: number, f: (...args: Array<number>) => number]> = []
    for (const [name, { parameters }] of Object.entries(Signatures.functions)) {
      const f = l.calls[name as Signatures.FunctionName] as unknown as (...args: Array<number>) => number
      // the library would be gone for the rest of the run
      if (name !== "WSACleanup") calls.push([name, parameters.length, f])
    }
    for (const name of ["WSARecvMsg", "WSASendMsg"] as const) {
      const f = l.extension(a.s, name) as unknown as (...args: Array<number>) => number
      for (let i = 0; i < 8; i++) calls.push([name, Signatures.extensions[name].parameters.length, f])
    }
    const outcomes = new Map<string, number>()
    for (let i = 0; i < 3000; i++) {
      const [name, arity, f] = calls[random(calls.length)]
      const args = Array.from({ length: arity }, () => values[random(values.length)])
      const result = f(...args)
      assert.isTrue(Number.isInteger(result), `${name}(${args.join(", ")}) gave ${result}`)
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
      if (random(200) === 0) yield* l.mock.settled
    }
    yield* l.mock.settled
    assert.isAbove(outcomes.size, 40)
  })

describe("hostile arguments", () => {
  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: no call throws, loops or answers with anything but an integer`, () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 15; seed++) yield* Effect.scoped(run(seed, abi))
      })
    )
  }

  it.effect("a bad pointer is WSAEFAULT wherever a call takes one", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { s } = l.bound()
      const { calls } = l
      const good = l.alloc(64)
      const bad = good.address + 63
      const { address } = good
      const attempts: ReadonlyArray<readonly [string, () => number]> = [
        ["bind", () => calls.bind(l.socket(), bad, 16)],
        ["connect", () => calls.connect(s, bad, 16)],
        ["getsockname", () => calls.getsockname(s, address, bad)],
        ["setsockopt", () => calls.setsockopt(s, 0xffff, 0x20, bad, 4)],
        ["getsockopt", () => calls.getsockopt(s, 0xffff, 0x20, address, bad)],
        ["ioctlsocket", () => calls.ioctlsocket(s, Ioctls.FIONBIO, bad)],
        ["WSAIoctl", () => calls.WSAIoctl(s, Ioctls.FIONBIO, address, 4, 0, 0, bad, 0, 0)],
        ["WSASendMsg", () => calls.WSASendMsg(s, bad, 0, address, 0, 0)],
        ["WSARecv", () => calls.WSARecv(s, bad, 1, address, address, 0, 0)],
        ["WSARecv flags", () => calls.WSARecv(s, address, 1, address, bad, 0, 0)],
        ["WSAGetOverlappedResult", () => calls.WSAGetOverlappedResult(s, bad, address, 0, address)]
      ]
      for (const [name, attempt] of attempts) {
        calls.WSASetLastError(0)
        attempt()
        assert.strictEqual(l.error, Codes.WSAEFAULT, name)
      }
    })
  )
})
