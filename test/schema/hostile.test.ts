// Control data that no kernel writes: valid bytes, damaged. HOSTILE=1000000 sets how many buffers, HOSTILE_SEED which.
import * as ControlMessage from "@effect-winsock/schema/ControlMessage"
import type { Abi } from "@effect-winsock/schema/Layout"
import { abis } from "@effect-winsock/schema/Layout"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as SchemaParser from "effect/SchemaParser"
import { exact } from "./support.ts"

const count = Number(process.env.HOSTILE ?? 20_000)
const seed = Number(process.env.HOSTILE_SEED ?? 1)

type Random = (below: number) => number

const randomOf = (start: number): Random => {
  let state = start >>> 0
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below)
  }
}

const levels = [0, 0, 0, 41, 41, 41, 17, 0xffff, 6, -1]
const types = [19, 51, 4, 21, 3, 39, 50, 47, 60, 70, 2, 3, 24, 25, 75, 0x300a, 0x300b, 0x3010, 0, -1, 0x7fff_ffff]
const sizes = [8, 12, 20, 24, 4, 4, 4, 4, 4, 0, 1, 3, 5, 7, 16, 33]

const put = (out: Array<number>, n: number): void => {
  out.push(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24)
}

// mostly well-formed messages, so that damage is met deep inside
const wellFormed = (abi: Abi, random: Random): Array<number> => {
  const out: Array<number> = []
  const align = abi === "x64" ? 8 : 4
  for (let n = random(5); n > 0; n--) {
    const level = levels[random(levels.length)]
    const type = types[random(types.length)]
    const known: Record<string, number> = { "0,19": 8, "0,51": 12, "41,19": 20, "41,51": 24, "65535,12298": 8 }
    const size = random(8) === 0 ? sizes[random(sizes.length)] : (known[`${level},${type}`] ?? 4)
    put(out, (abi === "x64" ? 16 : 12) + size)
    if (abi === "x64") put(out, 0)
    put(out, level)
    put(out, type)
    for (let i = 0; i < size; i++) out.push(random(256))
    while (out.length % align !== 0) out.push(random(4) === 0 ? random(256) : 0)
  }
  return out
}

const lengths = [0, 1, 11, 12, 13, 15, 16, 17, 20, 24, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff8]

const damage: ReadonlyArray<(bytes: Array<number>, random: Random) => Array<number>> = [
  (bytes) => bytes,
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  (bytes, random) => bytes.slice(random(bytes.length + 1)),
  (bytes, random) => {
    if (bytes.length > 0) bytes[random(bytes.length)] = random(256)
    return bytes
  },
  (bytes, random) => {
    if (bytes.length > 0) bytes[random(bytes.length)] ^= 1 << random(8)
    return bytes
  },
  // a length of one's own, wherever a header may begin
  (bytes, random) => {
    const at = 4 * random(Math.floor(bytes.length / 4) + 1)
    const length: Array<number> = []
    put(length, random(2) === 0 ? lengths[random(lengths.length)] : bytes.length - at + random(5) - 2)
    return [...bytes.slice(0, at), ...length, ...bytes.slice(at + 4)]
  },
  (bytes, random) => [...bytes, ...Array.from({ length: random(40) }, () => 0)],
  (bytes) => [...bytes, ...bytes],
  (_, random) => Array.from({ length: random(97) }, () => random(256))
]

const decode = {
  x64: SchemaParser.decodeUnknownResult(ControlMessage.FromBytes.x64),
  ia32: SchemaParser.decodeUnknownResult(ControlMessage.FromBytes.ia32)
}

// the same bytes inside other memory: what lies around them must not matter
const within = (content: ReadonlyArray<number>, poison: number): DataView => {
  const memory = new Uint8Array(content.length + 96).fill(poison)
  memory.set(content, 48)
  return new DataView(memory.buffer)
}

const check = (abi: Abi, content: ReadonlyArray<number>): "issue" | "messages" => {
  // the buffer ends with the bytes: reading one more throws, and fails the test
  const view = exact(content)
  const result = ControlMessage.parse(abi, view, 0, content.length)
  const record = ControlMessage.parseControl(abi, view, 0, content.length)
  for (const poison of [0, 0xff]) {
    const other = ControlMessage.parse(abi, within(content, poison), 48, content.length)
    assert.deepStrictEqual(other, result)
  }
  const decoded = decode[abi](Uint8Array.from(content))
  if (ControlMessage.isControlIssue(result)) {
    assert.deepStrictEqual(record, result)
    assert.isTrue(Result.isFailure(decoded))
    assert.isTrue(result.offset >= 0 && (result.offset < content.length || content.length === 0))
    return "issue"
  }
  assert.deepStrictEqual(record, ControlMessage.collect(result))
  assert.deepStrictEqual(Result.getOrThrow(decoded), result)
  // what was read can be written, and reads as the same
  const again = ControlMessage.toBytes(abi, result)
  assert.instanceOf(again, Uint8Array)
  assert.deepStrictEqual(ControlMessage.parse(abi, exact(again), 0, again.length), result)
  return "messages"
}

describe("hostile control data", () => {
  it(`${count} damaged buffers give messages or an issue, the same from every reader`, { timeout: 3_600_000 }, () => {
    const random = randomOf(seed)
    const seen = { issue: 0, messages: 0 }
    for (let i = 0; i < count; i++) {
      const abi = abis[i % 2]
      let content = wellFormed(abi, random)
      for (let n = random(3); n >= 0; n--) content = damage[random(damage.length)](content, random)
      try {
        seen[check(abi, content)]++
      } catch (cause) {
        throw new Error(`HOSTILE_SEED=${seed}, buffer ${i} (${abi}): ${Buffer.from(content).toString("hex")}`, {
          cause
        })
      }
    }
    // the generator is worth something only if both outcomes are common
    assert.isAbove(seen.issue, count / 5)
    assert.isAbove(seen.messages, count / 10)
  })
})
