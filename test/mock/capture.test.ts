// The capture file of a trace, read back block by block; tshark reads it in test/peers/capture.test.ts.
import { MockCapture } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { story } from "../support/story.ts"

interface Packet {
  readonly host: number
  readonly microseconds: number
  readonly bytes: Uint8Array
  readonly comment: string
  readonly direction: number
}

const read = (file: Uint8Array): { readonly hosts: Array<string>; readonly packets: Array<Packet> } => {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const hosts: Array<string> = []
  const packets: Array<Packet> = []
  const options = (at: number, end: number): Map<number, Uint8Array> => {
    const found = new Map<number, Uint8Array>()
    while (at < end) {
      const size = view.getUint16(at + 2, true)
      if (view.getUint16(at, true) === 0) break
      found.set(view.getUint16(at, true), file.subarray(at + 4, at + 4 + size))
      at += 4 + Math.ceil(size / 4) * 4
    }
    return found
  }
  const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
  for (let at = 0; at < file.length;) {
    const type = view.getUint32(at, true)
    const size = view.getUint32(at + 4, true)
    const end = at + size
    assert.strictEqual(size % 4, 0)
    assert.strictEqual(view.getUint32(end - 4, true), size)
    if (at === 0) assert.deepStrictEqual([type, view.getUint32(8, true)], [0x0a0d0d0a, 0x1a2b3c4d])
    else if (type === 1) {
      assert.strictEqual(view.getUint16(at + 8, true), 101)
      hosts.push(text(options(at + 16, end - 4).get(2)))
    } else {
      assert.strictEqual(type, 6)
      const length = view.getUint32(at + 20, true)
      assert.strictEqual(view.getUint32(at + 24, true), length)
      const found = options(at + 28 + Math.ceil(length / 4) * 4, end - 4)
      packets.push({
        host: view.getUint32(at + 8, true),
        microseconds: view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true),
        bytes: file.subarray(at + 28, at + 28 + length),
        comment: text(found.get(1)),
        direction: found.get(2)![0]
      })
    }
    at = end
  }
  return { hosts, packets }
}

/** What is left over when all that a checksum covers is added up: nothing. */
const leftOver = (parts: ReadonlyArray<Uint8Array>): number => {
  let sum = 0
  for (const part of parts) for (let i = 0; i < part.length; i += 2) sum += part[i] * 256 + (part[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000)
  return 0xffff - sum
}

describe("a trace as a capture", () => {
  it.effect("has every packet once, as it left, with right checksums and times", () =>
    Effect.gen(function* () {
      const trace = yield* story
      const { hosts, packets } = read(MockCapture.toPcapng(trace))
      assert.sameMembers(hosts, ["server", "client"])
      const sent = trace.filter((event) => event._tag === "Sent" || event._tag === "Segment")
      assert.deepStrictEqual(
        packets.map(({ host, microseconds }) => [hosts[host], microseconds]),
        sent.map(({ at, host }) => [host, at * 1000])
      )
      for (const { bytes, direction } of packets) {
        assert.strictEqual(direction, 2)
        assert.strictEqual(bytes[0], 0x45)
        assert.strictEqual(bytes[2] * 256 + bytes[3], bytes.length)
        assert.strictEqual(leftOver([bytes.subarray(0, 20)]), 0)
        const size = bytes.length - 20
        const pseudo = Uint8Array.of(0, bytes[9], size >> 8, size & 255)
        assert.strictEqual(leftOver([bytes.subarray(12, 20), pseudo, bytes.subarray(20)]), 0)
      }
      assert.deepStrictEqual(
        packets.map(({ comment }) => comment).filter((comment) => comment !== ""),
        ["dropped: no such host"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("taken on one machine it has what left there and what came in", () =>
    Effect.gen(function* () {
      const trace = yield* story
      const { hosts, packets } = read(MockCapture.toPcapng(trace, { host: "server" }))
      assert.deepStrictEqual(hosts, ["server"])
      const seen = trace.filter(({ host, _tag }) => host === "server" && /^(Sent|Delivered|Segment.*)$/.test(_tag))
      assert.strictEqual(packets.length, seen.length)
      assert.deepStrictEqual([...new Set(packets.map(({ direction }) => direction))].toSorted(), [1, 2])
    }).pipe(Effect.scoped)
  )

  it.effect("numbers the bytes of a stream: each side acknowledges what arrived, and sends on from there", () =>
    Effect.gen(function* () {
      const { packets } = read(MockCapture.toPcapng(yield* story))
      const next = new Map<string, number>()
      let data = 0
      for (const { bytes } of packets.filter(({ bytes }) => bytes[9] === 6)) {
        const view = new DataView(bytes.buffer, bytes.byteOffset + 20)
        const way = `${view.getUint16(0)}>${view.getUint16(2)}`
        const back = `${view.getUint16(2)}>${view.getUint16(0)}`
        const flags = bytes[33]
        const size = bytes.length - 20 - (bytes[32] >> 4) * 4
        assert.strictEqual(view.getUint32(4), next.get(way) ?? 0)
        if ((flags & 16) !== 0) assert.isAtMost(view.getUint32(8), next.get(back)!)
        next.set(way, view.getUint32(4) + size + (flags & 1) + ((flags >> 1) & 1))
        data += size
      }
      assert.strictEqual(data, 10)
    }).pipe(Effect.scoped)
  )

  it("of nothing is a file without packets", () => assert.deepStrictEqual(read(MockCapture.toPcapng([])).packets, []))
})
