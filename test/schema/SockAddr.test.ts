import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { bytes, exact, sockAddr, viewOf } from "./support.ts"

const decode = SchemaParser.decodeUnknownResult(SockAddr.FromBytes)
const encode = SchemaParser.encodeUnknownResult(SockAddr.FromBytes)
const readAll = (content: ArrayLike<number>) => SockAddr.read(exact(content), 0, content.length)
const v6 = Result.getOrThrow(
  NetAddress.inetAddressV6(NetAddress.ipv6FromBytesUnsafe(Uint8Array.from({ length: 16 }, (_, i) => i)), 0x1234, {
    scopeId: 7
  })
)

const issue = (reason: SockAddr.SockAddrIssue["reason"], offset: number): SockAddr.SockAddrIssue => ({
  _tag: "SockAddrIssue",
  reason,
  offset
})

describe("SockAddr", () => {
  it("writes the bytes that Windows reads", () => {
    const view = new DataView(new ArrayBuffer(32))
    new Uint8Array(view.buffer).fill(0xee)
    assert.strictEqual(SockAddr.write(view, 4, NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 53)), 16)
    assert.deepStrictEqual(
      [...new Uint8Array(view.buffer, 3, 18)],
      [0xee, 2, 0, 0, 53, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xee]
    )
    assert.strictEqual(SockAddr.write(view, 2, v6, 0x01020304), 28)
    assert.deepStrictEqual(
      [...new Uint8Array(view.buffer, 2, 28)],
      [23, 0, 0x12, 0x34, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7, 0, 0, 0]
    )
  })

  it("reads the flow information that effect/net has no place for", () => {
    const view = new DataView(new ArrayBuffer(28))
    SockAddr.write(view, 0, v6, 0xffff_ffff)
    assert.deepStrictEqual(SockAddr.read(view, 0, 28), { _tag: "Inet", address: v6, flowinfo: 0xffff_ffff })
  })

  it("knows the sizes of the families", () => {
    assert.strictEqual(SockAddr.size(NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 1)), 16)
    assert.strictEqual(SockAddr.size(v6), 28)
    assert.strictEqual(SockAddr.size(NetAddress.unixPathAddress("/tmp/s")), 110)
  })

  it("says where an address is cut", () => {
    assert.deepStrictEqual(readAll([]), issue("TooShort", 0))
    assert.deepStrictEqual(readAll([2]), issue("TooShort", 1))
    assert.deepStrictEqual(readAll([2, ...Array.from({ length: 14 }, () => 0)]), issue("TooShort", 15))
    assert.deepStrictEqual(readAll([23, ...Array.from({ length: 26 }, () => 0)]), issue("TooShort", 27))
  })

  it("does not look outside the view", () => {
    const view = exact([2, 0, 0, 0])
    for (const [offset, length] of [
      [0, 5],
      [3, 2],
      [-1, 2],
      [0, -1],
      [Number.NaN, 2],
      [0, Number.NaN]
    ]) {
      assert.deepStrictEqual(SockAddr.read(view, offset, length), issue("OutOfBounds", 0), `${offset}, ${length}`)
    }
  })

  it("takes an address from a larger structure, and keeps unknown families as bytes", () => {
    const storage = new Uint8Array(128)
    SockAddr.write(viewOf(storage), 0, v6)
    assert.deepStrictEqual(SockAddr.read(viewOf(storage), 0, 128), { _tag: "Inet", address: v6, flowinfo: 0 })
    assert.deepStrictEqual(readAll([32, 0, 1, 2]), { _tag: "Unknown", family: 32, bytes: Uint8Array.of(1, 2) })
  })

  it("ends a path at its first zero byte or with the structure", () => {
    const path = (text: string): SockAddr.SockAddr => ({ _tag: "Unix", address: NetAddress.unixPathAddress(text) })
    assert.deepStrictEqual(readAll([1, 0, 0x2f, 0x61, 0, 0x62]), path("/a"))
    assert.deepStrictEqual(readAll([1, 0, 0x2f, 0x61]), path("/a"))
    assert.deepStrictEqual(readAll([1, 0]), path(""))
    assert.deepStrictEqual(readAll([1, 0, ...Array.from({ length: 126 }, () => 0x61)]), path("a".repeat(108)))
  })

  it("keeps as bytes a path that is no text", () => {
    const unknown = (...payload: Array<number>): SockAddr.SockAddr => ({
      _tag: "Unknown",
      family: 1,
      bytes: Uint8Array.from(payload)
    })
    assert.deepStrictEqual(readAll([1, 0, 0xff, 0]), unknown(0xff, 0))
    assert.deepStrictEqual(readAll([1, 0, 0, 0x61]), unknown(0, 0x61))
  })

  it("writes nothing for a path that does not fit", () => {
    for (const path of ["a".repeat(109), "é".repeat(55), "a\0b"]) {
      const view = new DataView(new ArrayBuffer(110))
      assert.strictEqual(SockAddr.write(view, 0, NetAddress.unixPathAddress(path)), 0)
      assert.isTrue(new Uint8Array(view.buffer).every((byte) => byte === 0))
      assert.isTrue(Result.isFailure(encode({ _tag: "Unix", address: NetAddress.unixPathAddress(path) })))
    }
    assert.strictEqual(
      SockAddr.toBytes({ _tag: "Unix", address: NetAddress.unixPathAddress("é".repeat(54)) })?.length,
      110
    )
    assert.isUndefined(SockAddr.toBytes({ _tag: "Unknown", family: 2, bytes: new Uint8Array(14) }))
  })

  it("converts between the families for dual-stack sockets", () => {
    const v4 = NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 80) as NetAddress.InetAddressV4
    const mapped = SockAddr.toV4Mapped(v4)
    assert.strictEqual(mapped.toString(), NetAddress.inetAddressFromStringUnsafe("[::ffff:127.0.0.1]:80").toString())
    assert.deepStrictEqual(SockAddr.fromV4Mapped(mapped), v4)
    assert.isUndefined(SockAddr.fromV4Mapped(v6))
  })

  it("makes a sentence of an issue, and the codec says it", () => {
    assert.match(SockAddr.formatIssue(issue("TooShort", 3)), /ends at byte 3/)
    assert.throws(() => Schema.decodeUnknownSync(SockAddr.FromBytes)(Uint8Array.of(2, 0, 0)), /ends at byte 3/)
  })

  it.prop(
    "comes back from its bytes",
    [sockAddr],
    ([address]) => {
      const content = SockAddr.toBytes(address)!
      assert.strictEqual(content.length, SockAddr.encodedLength(address))
      assert.deepStrictEqual(readAll(content), address)
      assert.deepStrictEqual(Result.getOrThrow(decode(content)), address)
      assert.deepStrictEqual(Result.getOrThrow(encode(address)), content)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "is read by the codec and by the function alike, whatever the bytes",
    [bytes],
    ([content]) => {
      for (const family of [undefined, 1, 2, 23]) {
        const address = family === undefined ? content : Uint8Array.of(family, 0, ...content, ...content)
        const result = readAll(address)
        const decoded = decode(address)
        if (SockAddr.isSockAddrIssue(result)) assert.isTrue(Result.isFailure(decoded))
        else assert.deepStrictEqual(Result.getOrThrow(decoded), result)
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
