import * as ControlMessage from "@effect-winsock/schema/ControlMessage"
import type { Abi } from "@effect-winsock/schema/Layout"
import { abis } from "@effect-winsock/schema/Layout"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { abi, bytes, controlMessages, exact, viewOf } from "./support.ts"

const ip = NetAddress.ipFromStringUnsafe
const v4 = (text: string) => ip(text) as NetAddress.Ipv4Address
const v6 = (text: string) => ip(text) as NetAddress.Ipv6Address

const header: { readonly [A in Abi]: number } = { x64: 16, ia32: 12 }

const u32le = (n: number): Array<number> => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24]

// one message as bytes, with a cmsg_len of one's own choice
const cmsg = (
  on: Abi,
  level: number,
  type: number,
  payload: ReadonlyArray<number>,
  length = header[on] + payload.length
): Array<number> => {
  const align = on === "x64" ? 8 : 4
  const out = [...u32le(length), ...(on === "x64" ? u32le(0) : []), ...u32le(level), ...u32le(type), ...payload]
  while (out.length % align !== 0) out.push(0)
  return out
}

const parse = (on: Abi, content: ReadonlyArray<number>) => ControlMessage.parse(on, exact(content), 0, content.length)
const parseControl = (on: Abi, content: ReadonlyArray<number>) =>
  ControlMessage.parseControl(on, exact(content), 0, content.length)

const issue = (reason: ControlMessage.ControlIssue["reason"], offset: number): ControlMessage.ControlIssue => ({
  _tag: "ControlIssue",
  reason,
  offset
})

const decode = {
  x64: SchemaParser.decodeUnknownResult(ControlMessage.FromBytes.x64),
  ia32: SchemaParser.decodeUnknownResult(ControlMessage.FromBytes.ia32)
}
const encode = {
  x64: SchemaParser.encodeUnknownResult(ControlMessage.FromBytes.x64),
  ia32: SchemaParser.encodeUnknownResult(ControlMessage.FromBytes.ia32)
}

const all: ReadonlyArray<ControlMessage.ControlMessage> = [
  { _tag: "IP_PKTINFO", address: v4("10.1.2.3"), ifIndex: 0xffff_fffe },
  { _tag: "IP_PKTINFO_EX", address: v4("10.1.2.3"), ifIndex: 5, scopeId: 6 },
  { _tag: "IPV6_PKTINFO", address: v6("2001:db8::1"), ifIndex: 7 },
  { _tag: "IPV6_PKTINFO_EX", address: v6("fe80::1"), ifIndex: 8, scopeId: 9 },
  { _tag: "IP_TTL", value: 64 },
  { _tag: "IPV6_HOPLIMIT", value: -1 },
  { _tag: "IP_TOS", value: 0xb8 },
  { _tag: "IPV6_TCLASS", value: 0xba },
  { _tag: "IP_ECN", value: 1 },
  { _tag: "IPV6_ECN", value: 2 },
  { _tag: "UDP_SEND_MSG_SIZE", value: 1200 },
  { _tag: "UDP_COALESCED_INFO", value: 0xffff_ffff },
  { _tag: "IP_ORIGINAL_ARRIVAL_IF", value: 11 },
  { _tag: "IPV6_ORIGINAL_ARRIVAL_IF", value: 12 },
  { _tag: "SO_TIMESTAMP", value: 0xfedc_ba98_7654_3210n },
  { _tag: "SO_TIMESTAMP_ID", value: 13 },
  { _tag: "IP_WFP_REDIRECT_RECORDS", value: Uint8Array.of(1, 2, 3) },
  { _tag: "IPV6_WFP_REDIRECT_RECORDS", value: Uint8Array.of() },
  { _tag: "IP_WFP_REDIRECT_CONTEXT", value: Uint8Array.of(4) },
  { _tag: "IPV6_WFP_REDIRECT_CONTEXT", value: Uint8Array.of(5, 6, 7, 8, 9) },
  { _tag: "Unknown", level: 0, type: 75, bytes: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9) }
]

// level, type and payload size of each of the above
const numbers = [
  [0, 19, 8],
  [0, 51, 12],
  [41, 19, 20],
  [41, 51, 24],
  [0, 4, 4],
  [41, 21, 4],
  [0, 3, 4],
  [41, 39, 4],
  [0, 50, 4],
  [41, 50, 4],
  [17, 2, 4],
  [17, 3, 4],
  [0, 47, 4],
  [41, 47, 4],
  [0xffff, 0x300a, 8],
  [0xffff, 0x300b, 4],
  [0, 60, 3],
  [41, 60, 0],
  [0, 70, 1],
  [41, 70, 5],
  [0, 75, 12]
]

describe("the bytes of control messages", () => {
  it("are what Windows writes, on x64 and on ia32", () => {
    const messages: ReadonlyArray<ControlMessage.ControlMessage> = [
      { _tag: "IP_PKTINFO", address: v4("127.0.0.1"), ifIndex: 3 },
      { _tag: "IP_ECN", value: 2 }
    ]
    const expected: { readonly [A in Abi]: ReadonlyArray<number> } = {
      x64: [
        [24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 127, 0, 0, 1, 3, 0, 0, 0],
        [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
      ].flat(),
      ia32: [
        [20, 0, 0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 127, 0, 0, 1, 3, 0, 0, 0],
        [16, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 2, 0, 0, 0]
      ].flat()
    }
    for (const on of abis) {
      assert.deepStrictEqual([...(ControlMessage.toBytes(on, messages) as Uint8Array)], expected[on])
      assert.deepStrictEqual(parse(on, expected[on]), messages)
    }
  })

  it("have each kind's level, type and payload size", () => {
    for (const on of abis) {
      all.forEach((message, i) => {
        const [level, type, size] = numbers[i]
        const content = exact([...(ControlMessage.toBytes(on, [message]) as Uint8Array)])
        const at = header[on] - 8
        assert.deepStrictEqual(
          [content.getUint32(0, true), content.getInt32(at, true), content.getInt32(at + 4, true)],
          [header[on] + size, level, type],
          `${message._tag} on ${on}`
        )
      })
    }
  })

  it("take WSA_CMSG_SPACE each", () => {
    const unknown = (length: number): ControlMessage.ControlMessage => ({
      _tag: "Unknown",
      level: 1,
      type: 1,
      bytes: new Uint8Array(length)
    })
    for (const [size, x64, ia32] of [
      [0, 16, 12],
      [4, 24, 16],
      [8, 24, 20],
      [12, 32, 24],
      [16, 32, 28],
      [20, 40, 32],
      [24, 40, 36],
      [1, 24, 16]
    ]) {
      assert.strictEqual(ControlMessage.encodedLength("x64", [unknown(size)]), x64)
      assert.strictEqual(ControlMessage.encodedLength("ia32", [unknown(size)]), ia32)
    }
    assert.strictEqual(ControlMessage.encodedLength("x64", [unknown(1), unknown(1)]), 48)
    assert.strictEqual(ControlMessage.encodedLength("x64", []), 0)
  })

  it("are all written, padding as zeros, and none outside", () => {
    for (const on of abis) {
      const length = ControlMessage.encodedLength(on, all)
      const dirty = new Uint8Array(length + 16).fill(0xee)
      assert.strictEqual(ControlMessage.encode(on, all, viewOf(dirty), 8), length)
      assert.deepStrictEqual(dirty.subarray(8, 8 + length), ControlMessage.toBytes(on, all))
      assert.deepStrictEqual([dirty[7], dirty[8 + length]], [0xee, 0xee])
    }
  })

  it("are copied out", () => {
    const content = ControlMessage.toBytes("x64", all) as Uint8Array
    const parsed = ControlMessage.parse("x64", viewOf(content), 0, content.length)
    content.fill(0)
    assert.deepStrictEqual(parsed, all)
  })
})

describe("the rules", () => {
  it("no data is no messages", () => {
    for (const on of abis) {
      assert.deepStrictEqual(parse(on, []), [])
      assert.deepStrictEqual(parseControl(on, []), {})
    }
  })

  for (const on of abis) {
    const ttl = cmsg(on, 0, 4, u32le(64))

    it(`zero, short and overlong cmsg_len are issues (${on})`, () => {
      const with_ = (length: number) => parse(on, [...ttl, ...cmsg(on, 9, 9, [0, 0, 0, 0], length)])
      assert.deepStrictEqual(with_(0), issue("ZeroLength", ttl.length))
      assert.deepStrictEqual(with_(1), issue("ShortLength", ttl.length))
      assert.deepStrictEqual(with_(header[on] - 1), issue("ShortLength", ttl.length))
      assert.isArray(with_(header[on]))
      assert.isArray(with_(header[on] + 4))
      for (const length of [header[on] + 9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
        assert.deepStrictEqual(with_(length), issue("OverlongLength", ttl.length))
      }
    })

    it(`a tail of zeroed headers is an issue and no loop (${on})`, () => {
      assert.deepStrictEqual(
        parse(
          on,
          Array.from({ length: 4096 }, () => 0)
        ),
        issue("ZeroLength", 0)
      )
      assert.deepStrictEqual(
        parse(on, [...ttl, ...Array.from({ length: 64 }, () => 0)]),
        issue("ZeroLength", ttl.length)
      )
    })

    it(`a tail too short for a header is padding if zero, else a cut header (${on})`, () => {
      for (let n = 1; n < header[on]; n++) {
        const zeros = Array.from({ length: n }, () => 0)
        assert.deepStrictEqual(parse(on, [...ttl, ...zeros]), [{ _tag: "IP_TTL", value: 64 }])
        assert.deepStrictEqual(parse(on, [...ttl, ...zeros.slice(1), 1]), issue("CutHeader", ttl.length))
        assert.deepStrictEqual(parse(on, zeros), issue("CutHeader", 0))
      }
    })

    it(`the padding of the last message may be missing, and is not looked at (${on})`, () => {
      const odd = { _tag: "Unknown", level: 5, type: 6, bytes: Uint8Array.of(1) } as const
      const content = [...(ControlMessage.toBytes(on, [odd]) as Uint8Array)]
      for (let length = header[on] + 1; length < content.length; length++) {
        assert.deepStrictEqual(parse(on, content.slice(0, length)), [odd])
      }
      assert.deepStrictEqual(parse(on, [...content.slice(0, header[on] + 1), 7, 7, 7]), [odd])
      assert.deepStrictEqual(parse(on, content.slice(0, header[on])), issue("OverlongLength", 0))
    })

    it(`a known message has its payload's size exactly (${on})`, () => {
      numbers.forEach(([level, type, size], i) => {
        const tag = all[i]._tag
        const opaque = tag === "Unknown" || tag.includes("WFP")
        for (const wrong of [0, size - 1, size + 1, size + 4, 64].filter((n) => n >= 0 && n !== size)) {
          const content = [
            ...ttl,
            ...cmsg(
              on,
              level,
              type,
              Array.from({ length: wrong }, () => 1)
            )
          ]
          const result = parse(on, level === 0 && type === 4 ? content.slice(ttl.length) : content)
          if (opaque) assert.isArray(result, `${tag} of ${wrong}`)
          else assert.deepInclude(result, { reason: "PayloadSize" }, `${tag} of ${wrong}`)
        }
      })
      assert.deepStrictEqual(parse(on, [...ttl, ...cmsg(on, 0, 19, [1])]), issue("PayloadSize", ttl.length))
    })

    it(`a known message stands once, an unknown one as often as it likes (${on})`, () => {
      for (const [i, [level, type, size]] of numbers.slice(0, 20).entries()) {
        const one = cmsg(
          on,
          level,
          type,
          Array.from({ length: size }, () => 1)
        )
        assert.deepStrictEqual(parse(on, [...one, ...one]), issue("Duplicate", one.length), all[i]._tag)
      }
      const unknown = cmsg(on, 0, 24, [1, 0, 0, 0])
      assert.lengthOf(parse(on, [...unknown, ...unknown]) as ReadonlyArray<unknown>, 2)
    })

    it(`the old numbers are the same messages (${on})`, () => {
      const content = [...cmsg(on, 0, 21, u32le(33)), ...cmsg(on, 0, 39, u32le(7))]
      assert.deepStrictEqual(parse(on, content), [
        { _tag: "IP_TTL", value: 33 },
        { _tag: "IP_TOS", value: 7 }
      ])
      assert.deepStrictEqual(parseControl(on, content), { hopLimit: 33, trafficClass: 7, ecn: 3 })
      assert.deepStrictEqual(parse(on, [...ttl, ...cmsg(on, 0, 21, u32le(33))]), issue("Duplicate", ttl.length))
      assert.deepStrictEqual(parse(on, cmsg(on, 41, 4, u32le(33))), [
        { _tag: "Unknown", level: 41, type: 4, bytes: Uint8Array.of(33, 0, 0, 0) }
      ])
    })

    it(`what lies outside the view is not read (${on})`, () => {
      const view = exact(ttl)
      for (const [offset, length] of [
        [0, ttl.length + 1],
        [1, ttl.length],
        [-1, 4],
        [0, -4],
        [Number.NaN, 4]
      ]) {
        assert.deepStrictEqual(ControlMessage.parse(on, view, offset, length), issue("OutOfBounds", 0))
        assert.deepStrictEqual(ControlMessage.parseControl(on, view, offset, length), issue("OutOfBounds", 0))
      }
    })
  }

  it("a cmsg_len above 32 bits is overlong", () => {
    const content = cmsg("x64", 0, 4, u32le(64))
    content[4] = 1
    assert.deepStrictEqual(parse("x64", content), issue("OverlongLength", 0))
  })

  it("issues are sentences, and the codec says them", () => {
    assert.strictEqual(ControlMessage.formatIssue(issue("ZeroLength", 24)), "control message at byte 24: cmsg_len is 0")
    assert.throws(
      () => Schema.decodeUnknownSync(ControlMessage.FromBytes.x64)(new Uint8Array(32)),
      /control message at byte 0: cmsg_len is 0/
    )
    assert.isTrue(ControlMessage.isControlIssue(issue("CutHeader", 0)))
    assert.isFalse(ControlMessage.isControlIssue([]))
    assert.isFalse(ControlMessage.isControlIssue({}))
  })
})

describe("the record", () => {
  const permutations = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
    items.length < 2
      ? [items]
      : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item].concat(rest)))

  // what is the same for every order, through both ways to a record
  const record = (messages: ReadonlyArray<ControlMessage.ControlMessage>): ControlMessage.Control => {
    const records = permutations(messages).flatMap((order) => [
      ControlMessage.collect(order),
      parseControl("x64", [...(ControlMessage.toBytes("x64", order) as Uint8Array)])
    ])
    for (const other of records) assert.deepStrictEqual(other, records[0])
    return records[0] as ControlMessage.Control
  }

  it("has the IPv4 packet info of a dual-stack socket's datagram, whatever the order", () => {
    const mapped = { _tag: "IPV6_PKTINFO", address: v6("::ffff:10.0.0.1"), ifIndex: 2 } as const
    const plain = { _tag: "IP_PKTINFO", address: v4("10.0.0.1"), ifIndex: 2 } as const
    const other = { _tag: "IPV6_PKTINFO", address: v6("2001:db8::1"), ifIndex: 9 } as const
    assert.deepStrictEqual(record([mapped, plain]), { packetInfo: { address: v4("10.0.0.1"), ifIndex: 2 } })
    assert.deepStrictEqual(record([other, plain]), { packetInfo: { address: v4("10.0.0.1"), ifIndex: 2 } })
    assert.deepStrictEqual(record([mapped]), { packetInfo: { address: v4("10.0.0.1"), ifIndex: 2 } })
    assert.deepStrictEqual(record([other]), { packetInfo: { address: v6("2001:db8::1"), ifIndex: 9 } })
  })

  it("prefers the packet info with a scope, within a family", () => {
    const info = { _tag: "IPV6_PKTINFO", address: v6("fe80::1"), ifIndex: 2 } as const
    const scoped = { ...info, _tag: "IPV6_PKTINFO_EX", scopeId: 2 } as const
    const plain = { _tag: "IP_PKTINFO", address: v4("10.0.0.1"), ifIndex: 4 } as const
    const plainEx = { ...plain, _tag: "IP_PKTINFO_EX", scopeId: 0 } as const
    assert.deepStrictEqual(record([info, scoped]).packetInfo, { address: v6("fe80::1"), ifIndex: 2, scopeId: 2 })
    assert.deepStrictEqual(record([info, scoped, plain]).packetInfo, { address: v4("10.0.0.1"), ifIndex: 4 })
    assert.deepStrictEqual(record([info, scoped, plain, plainEx]).packetInfo, {
      address: v4("10.0.0.1"),
      ifIndex: 4,
      scopeId: 0
    })
  })

  it("prefers IPv4's message of every other kind too", () => {
    assert.deepStrictEqual(
      record([
        { _tag: "IP_TTL", value: 1 },
        { _tag: "IPV6_HOPLIMIT", value: 2 }
      ]),
      { hopLimit: 1 }
    )
    assert.deepStrictEqual(
      record([
        { _tag: "IP_ECN", value: 1 },
        { _tag: "IPV6_ECN", value: 2 }
      ]),
      { ecn: 1 }
    )
    assert.deepStrictEqual(
      record([
        { _tag: "IP_TOS", value: 5 },
        { _tag: "IPV6_TCLASS", value: 6 }
      ]),
      { trafficClass: 5, ecn: 1 }
    )
    assert.deepStrictEqual(
      record([
        { _tag: "IP_ORIGINAL_ARRIVAL_IF", value: 5 },
        { _tag: "IPV6_ORIGINAL_ARRIVAL_IF", value: 6 }
      ]),
      { originalArrivalInterface: 5 }
    )
    const [records4, records6, context4, context6] = all.filter((message) => message._tag.includes("WFP"))
    assert.deepStrictEqual(record([records4, records6]), { redirectRecords: Uint8Array.of(1, 2, 3) })
    assert.deepStrictEqual(record([context4, context6]), { redirectContext: Uint8Array.of(4) })
  })

  it("derives ECN from the traffic class only where no ECN message is", () => {
    assert.deepStrictEqual(record([{ _tag: "IP_TOS", value: 0xbb }]), { trafficClass: 0xbb, ecn: 3 })
    assert.deepStrictEqual(record([{ _tag: "IPV6_TCLASS", value: 2 }]), { trafficClass: 2, ecn: 2 })
    assert.deepStrictEqual(
      record([
        { _tag: "IP_TOS", value: 3 },
        { _tag: "IPV6_ECN", value: 0 }
      ]),
      { trafficClass: 3, ecn: 0 }
    )
  })

  it("has the rest by its name, and unknown messages in order", () => {
    const unknown = all.at(-1) as ControlMessage.UnknownMessage
    assert.deepStrictEqual(
      record([
        { _tag: "UDP_SEND_MSG_SIZE", value: 1 },
        { _tag: "UDP_COALESCED_INFO", value: 2 },
        { _tag: "SO_TIMESTAMP", value: 3n },
        { _tag: "SO_TIMESTAMP_ID", value: 4 },
        unknown
      ]),
      { segmentSize: 1, coalescedSize: 2, timestamp: 3n, timestampId: 4, unknown: [unknown] }
    )
    const second = { ...unknown, type: 76 }
    assert.deepStrictEqual(ControlMessage.collect([unknown, second]), { unknown: [unknown, second] })
  })
})

describe("the codec", () => {
  it("refuses messages that could not be read back", () => {
    const ttl = { _tag: "IP_TTL", value: 64 } as const
    const disguised = { _tag: "Unknown", level: 0, type: 4, bytes: Uint8Array.of(1, 0, 0, 0) } as const
    for (const on of abis) {
      const space = ControlMessage.encodedLength(on, [ttl])
      assert.deepStrictEqual(ControlMessage.toBytes(on, [ttl, ttl]), issue("Duplicate", space))
      assert.deepStrictEqual(
        ControlMessage.toBytes(on, [{ _tag: "IP_ECN", value: 0 }, disguised]),
        issue("NotUnknown", space)
      )
      assert.isTrue(Result.isFailure(encode[on]([ttl, ttl])))
      assert.isTrue(Result.isFailure(encode[on]([disguised])))
      assert.isTrue(Result.isFailure(encode[on]([{ _tag: "IP_PKTINFO", address: v4("1.2.3.4"), ifIndex: -1 }])))
      assert.isTrue(Result.isSuccess(encode[on](all)))
    }
  })

  it.prop(
    "and the functions take messages to bytes and back",
    [abi, controlMessages],
    ([on, messages]) => {
      const content = ControlMessage.toBytes(on, messages)
      assert.instanceOf(content, Uint8Array)
      const parsed = parse(on, [...content])
      assert.deepStrictEqual(parsed, messages)
      assert.deepStrictEqual(parseControl(on, [...content]), ControlMessage.collect(messages))
      assert.deepStrictEqual(Result.getOrThrow(encode[on](messages)), content)
      assert.deepStrictEqual(Result.getOrThrow(decode[on](content)), messages)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "and the functions agree on arbitrary bytes",
    [abi, bytes],
    ([on, content]) => {
      const parsed = ControlMessage.parse(on, viewOf(content), 0, content.length)
      const decoded = decode[on](content)
      if (ControlMessage.isControlIssue(parsed)) assert.isTrue(Result.isFailure(decoded))
      else assert.deepStrictEqual(Result.getOrThrow(decoded), parsed)
    },
    { arbitrary: { runs: 500 } }
  )
})
