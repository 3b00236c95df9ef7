import type { Abi, Location } from "@effect-winsock/schema/Layout"
import { abis } from "@effect-winsock/schema/Layout"
import { SOCKADDR_IN, WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import * as WsaMessage from "@effect-winsock/schema/WsaMessage"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { abi, bytes, controlMessages, sockAddr, u32 } from "./support.ts"

// blocks at distant addresses, filled with junk; a range that is not inside one is refused
const memoryOf = (on: Abi, junk = 0xee) => {
  const blocks = new Map<number, DataView>()
  let next = on === "x64" ? 0x7f00_0000_0000 : 0x1_0000
  return {
    abi: on,
    blocks,
    alloc: (size: number): number => {
      const address = next
      next += size + 0x1000
      const block = new Uint8Array(size + 32).fill(junk)
      blocks.set(address, new DataView(block.buffer, 16, size))
      return address
    },
    resolve: (address: number, size: number): Location => {
      for (const [start, view] of blocks) {
        if (address >= start && address + size <= start + view.byteLength) return { view, offset: address - start }
      }
      throw new RangeError(`no block has ${size} bytes at ${address}`)
    }
  }
}

const message = Arbitrary.map(
  Arbitrary.all({
    named: Arbitrary.schema(Schema.Boolean),
    name: sockAddr,
    buffers: Arbitrary.array(bytes, { maxLength: 4 }),
    control: controlMessages,
    flags: u32
  }),
  ({ named, ...rest }): WsaMessage.WsaMessage => ({ ...rest, name: named ? rest.name : undefined })
)

const hello: WsaMessage.WsaMessage = {
  name: { _tag: "Inet", address: NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 53), flowinfo: 0 },
  buffers: [new TextEncoder().encode("hello "), new TextEncoder().encode("world")],
  control: [
    { _tag: "IP_TTL", value: 64 },
    { _tag: "IP_ECN", value: 1 }
  ],
  flags: 0x400
}

const built = (on: Abi, content = hello) => {
  const memory = memoryOf(on)
  const address = WsaMessage.encode(memory, content)
  if (typeof address !== "number") throw new Error(WsaMessage.formatIssue(address))
  const { offset, view } = memory.resolve(address, WSAMSG.size[on])
  return { memory, address, view, offset, msg: WSAMSG.view(on, view, offset) }
}

const issue = (
  part: WsaMessage.WsaMessageIssue["part"],
  reason: WsaMessage.WsaMessageIssue["reason"],
  index?: number
) => ({ _tag: "WsaMessageIssue" as const, part, reason, index })

const without = (result: WsaMessage.WsaMessage | WsaMessage.WsaMessageIssue) => {
  assert.isTrue(WsaMessage.isWsaMessageIssue(result))
  const { cause: _, ...rest } = result as WsaMessage.WsaMessageIssue
  return rest
}

for (const on of abis) {
  describe(`WsaMessage on ${on}`, () => {
    it("is built where its pointers say", () => {
      const { memory, msg } = built(on)
      const name = SOCKADDR_IN.at(memory, msg.name)
      assert.deepStrictEqual([msg.namelen, name.sin_family, name.sin_port, name.sin_addr], [16, 2, 53, 0x7f00_0001])
      assert.deepStrictEqual([msg.dwBufferCount, msg.dwFlags], [2, 0x400])
      const second = WSABUF.at(memory, msg.lpBuffers + WSABUF.size[on])
      const data = memory.resolve(second.buf, second.len)
      assert.strictEqual(
        new TextDecoder().decode(new Uint8Array(data.view.buffer, data.view.byteOffset + data.offset, second.len)),
        "world"
      )
      assert.strictEqual(msg.Control.len, on === "x64" ? 48 : 32)
      assert.strictEqual(msg.Control.buf % 8, 0)
    })

    it("absent parts are NULL with length 0", () => {
      const { address, memory, msg } = built(on, { name: undefined, buffers: [], control: [], flags: 0 })
      assert.deepStrictEqual(
        [msg.name, msg.namelen, msg.lpBuffers, msg.dwBufferCount, msg.Control.buf, msg.Control.len, msg.dwFlags],
        [0, 0, 0, 0, 0, 0, 0]
      )
      assert.deepStrictEqual(WsaMessage.decodeAt(memory, address), {
        name: undefined,
        buffers: [],
        control: [],
        flags: 0
      })
    })

    it("a pointer whose length is 0 is not followed", () => {
      const { address, memory, msg } = built(on)
      msg.name = 1
      msg.namelen = 0
      msg.Control.buf = 1
      msg.Control.len = 0
      msg.lpBuffers = 1
      msg.dwBufferCount = 0
      assert.deepStrictEqual(WsaMessage.decodeAt(memory, address), {
        ...hello,
        name: undefined,
        buffers: [],
        control: []
      })
    })

    it("says which pointer leads nowhere", () => {
      const damaged = (damage: (parts: ReturnType<typeof built>) => void) => {
        const parts = built(on)
        damage(parts)
        return without(WsaMessage.decodeAt(parts.memory, parts.address))
      }
      const buffer = (parts: ReturnType<typeof built>, i: number) =>
        WSABUF.at(parts.memory, parts.msg.lpBuffers + i * WSABUF.size[on])
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.name = 5)),
        issue("name", "Memory")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.name = 0)),
        issue("name", "NullPointer")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.namelen = -1)),
        issue("name", "NegativeLength")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.namelen = 0x7fff_ffff)),
        issue("name", "Memory")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.namelen = 3)),
        issue("name", "Malformed")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.Control.buf = 0)),
        issue("Control", "NullPointer")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.Control.len = 0xffff_ffff)),
        issue("Control", "Memory")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.Control.len = 13)),
        issue("Control", "Malformed")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.lpBuffers = 0)),
        issue("lpBuffers", "NullPointer")
      )
      assert.deepStrictEqual(
        damaged(({ msg }) => void (msg.dwBufferCount = 0xffff_ffff)),
        issue("lpBuffers", "Memory")
      )
      assert.deepStrictEqual(
        damaged((p) => void (buffer(p, 1).buf = 0)),
        issue("lpBuffers", "NullPointer", 1)
      )
      assert.deepStrictEqual(
        damaged((p) => void (buffer(p, 0).len = 0xffff_ffff)),
        issue("lpBuffers", "Memory", 0)
      )
      assert.deepStrictEqual(
        damaged((p) => p.memory.blocks.clear()),
        issue("WSAMSG", "Memory")
      )
    })

    it("believes no memory reader", () => {
      const { view } = built(on)
      const readers: ReadonlyArray<(address: number, size: number) => Location> = [
        () => {
          throw new Error("no")
        },
        () => ({ view: new DataView(new ArrayBuffer(1)), offset: 0 }),
        () => ({ view, offset: -100 }),
        () => ({ view, offset: Number.NaN + view.byteLength }),
        () => undefined as unknown as Location
      ]
      readers.slice(0, 3).forEach((resolve) => {
        assert.deepStrictEqual(without(WsaMessage.decode({ abi: on, resolve }, view, 0)), issue("name", "Memory"))
      })
      for (const resolve of readers) {
        assert.isObject(WsaMessage.decode({ abi: on, resolve }, view, 0))
        assert.isObject(WsaMessage.decodeAt({ abi: on, resolve }, 1))
      }
      for (const offset of [-1, 1e9, Number.NaN]) {
        assert.deepStrictEqual(without(WsaMessage.decode(memoryOf(on), view, offset)), issue("WSAMSG", "Memory"))
      }
    })

    it("allocates nothing for a message that has no bytes, and reports a memory that has no room", () => {
      const memory = memoryOf(on)
      const path: WsaMessage.WsaMessage["name"] = { _tag: "Unix", address: NetAddress.unixPathAddress("a".repeat(200)) }
      const ttl = { _tag: "IP_TTL", value: 1 } as const
      const encoded = (content: WsaMessage.WsaMessage) => {
        const result = WsaMessage.encode(memory, content)
        assert.isObject(result)
        return without(result as WsaMessage.WsaMessageIssue)
      }
      assert.deepStrictEqual(encoded({ ...hello, name: path }), issue("name", "Malformed"))
      assert.deepStrictEqual(encoded({ ...hello, control: [ttl, ttl] }), issue("Control", "Malformed"))
      assert.strictEqual(memory.blocks.size, 0)
      memory.alloc = () => {
        throw new RangeError("full")
      }
      assert.deepStrictEqual(encoded(hello), issue("WSAMSG", "Memory"))
    })

    it("has a codec whose issues name the part", () => {
      const memory = memoryOf(on)
      const codec = WsaMessage.fromBytes(memory)
      const content = Schema.encodeUnknownSync(codec)(hello)
      assert.strictEqual(content.length, WSAMSG.size[on])
      assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(content), hello)
      const msg = WSAMSG.view(on, new DataView(content.buffer), 0)
      msg.Control.len = 13
      assert.throws(() => Schema.decodeUnknownSync(codec)(content), /control message at byte 0/)
      msg.namelen = 3
      assert.throws(() => Schema.decodeUnknownSync(codec)(content), /socket address ends at byte 3/)
      msg.name = 0
      assert.throws(() => Schema.decodeUnknownSync(codec)(content), /name is NULL/)
    })
  })
}

describe("WsaMessage", () => {
  it.prop(
    "comes back from memory, through the functions and the codec",
    [abi, message],
    ([on, content]) => {
      const memory = memoryOf(on)
      const address = WsaMessage.encode(memory, content) as number
      assert.isNumber(address)
      assert.deepStrictEqual(WsaMessage.decodeAt(memory, address), content)
      const codec = WsaMessage.fromBytes(memory)
      const encoded = Result.getOrThrow(SchemaParser.encodeUnknownResult(codec)(content))
      assert.deepStrictEqual(Result.getOrThrow(SchemaParser.decodeUnknownResult(codec)(encoded)), content)
    },
    { arbitrary: { runs: 100 } }
  )

  it.prop(
    "is read or refused, whatever bytes its structure has",
    [abi, bytes, u32],
    ([on, noise, at]) => {
      const { address, memory, offset, view } = built(on)
      const size = WSAMSG.size[on]
      noise.forEach((byte, i) => view.setUint8(offset + ((at + i) % size), byte))
      const result = WsaMessage.decodeAt(memory, address)
      const decoded = SchemaParser.decodeUnknownResult(WsaMessage.fromBytes(memory))(
        new Uint8Array(view.buffer, view.byteOffset + offset, size).slice()
      )
      if (WsaMessage.isWsaMessageIssue(result)) {
        assert.isTrue(Result.isFailure(decoded))
        assert.isNotEmpty(WsaMessage.formatIssue(result))
      } else {
        assert.deepStrictEqual(Result.getOrThrow(decoded), result)
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
