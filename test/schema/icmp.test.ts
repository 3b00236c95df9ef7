import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"

const v4 = (text: string) => NetAddress.ipFromStringUnsafe(text) as NetAddress.Ipv4Address
const v6 = (text: string) => NetAddress.ipFromStringUnsafe(text) as NetAddress.Ipv6Address
const data = Uint8Array.from({ length: 5 }, (_, i) => i + 1)
const between: Icmp.Between = { source: v6("fe80::1"), destination: v6("2001:db8::2") }

/** The checksum as RFC 1071 words it, apart from the one under test. */
const onesComplementSum = (bytes: ReadonlyArray<number>): number => {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (bytes[i + 1] ?? 0)
    if (sum >= 65_536) sum -= 65_535
  }
  return sum
}

const tags = ["EchoRequest", "EchoReply", "DestinationUnreachable", "PacketTooBig", "TimeExceeded"] as const

const messages: { readonly [T in (typeof tags)[number]]: Icmp.IcmpMessage } = {
  EchoRequest: { _tag: "EchoRequest", identifier: 0x1234, sequence: 0xffff, data },
  EchoReply: { _tag: "EchoReply", identifier: 0, sequence: 1, data: new Uint8Array(0) },
  DestinationUnreachable: { _tag: "DestinationUnreachable", code: 3, mtu: 0, quoted: data },
  PacketTooBig: { _tag: "PacketTooBig", code: 0, mtu: 1280, quoted: data },
  TimeExceeded: { _tag: "TimeExceeded", code: 1, mtu: 0, quoted: data }
}

describe("ICMP", () => {
  it("an echo request byte by byte", () => {
    const bytes = Icmp.encode(4, { _tag: "EchoRequest", identifier: 0x0102, sequence: 3, data })
    assert.deepStrictEqual([...bytes], [8, 0, 0xed, 0xf4, 1, 2, 0, 3, 1, 2, 3, 4, 5])
    assert.strictEqual(onesComplementSum([...bytes]), 0xffff)
  })

  it("the checksum of ICMPv6 covers the addresses, the length and the protocol", () => {
    const bytes = Icmp.encode(6, messages.EchoRequest, between)
    const pseudo = [
      ...NetAddress.ipv6ToOctets(between.source),
      ...NetAddress.ipv6ToOctets(between.destination),
      0,
      0,
      0,
      bytes.length,
      0,
      0,
      0,
      58
    ]
    assert.strictEqual(onesComplementSum([...pseudo, ...bytes]), 0xffff)
    assert.deepStrictEqual(Icmp.decode(6, bytes, between), messages.EchoRequest)
    const other = { ...between, source: v6("fe80::2") }
    assert.deepStrictEqual(Icmp.decode(6, bytes, other), { _tag: "IcmpIssue", reason: "Checksum", offset: 2 })
    // without the addresses it is the kernel's business
    assert.deepStrictEqual([...Icmp.encode(6, messages.EchoRequest).subarray(2, 4)], [0, 0])
    assert.deepStrictEqual(Icmp.decode(6, bytes), messages.EchoRequest)
  })

  it.each(tags.flatMap((tag) => ([4, 6] as const).map((version) => [tag, version] as const)))(
    "%s of version %s comes back as it was",
    (tag, version) => {
      const message = messages[tag]
      if (tag === "PacketTooBig" && version === 4) return assert.throws(() => Icmp.encode(4, message), RangeError)
      assert.deepStrictEqual(Icmp.decode(version, Icmp.encode(version, message)), message)
    }
  )

  it("the next hop's MTU, and only in the message that has it", () => {
    const bytes = Icmp.encode(4, { _tag: "DestinationUnreachable", code: 4, mtu: 1400, quoted: data })
    assert.deepStrictEqual([...bytes.subarray(4, 8)], [0, 0, 1400 >>> 8, 1400 & 255])
    assert.deepStrictEqual(Icmp.decode(4, bytes), { _tag: "DestinationUnreachable", code: 4, mtu: 1400, quoted: data })
    const host = Icmp.encode(4, { _tag: "DestinationUnreachable", code: 1, mtu: 1400, quoted: data })
    assert.deepStrictEqual(Icmp.decode(4, host), { _tag: "DestinationUnreachable", code: 1, mtu: 0, quoted: data })
  })

  it("types without a tag are kept", () => {
    const message: Icmp.IcmpMessage = { _tag: "Other", type: 13, code: 2, body: Uint8Array.of(0, 1, 2, 3, 4) }
    assert.deepStrictEqual(Icmp.decode(4, Icmp.encode(4, message)), message)
    // a type of the other version is none of this one's
    const asV6 = Icmp.decode(6, Icmp.encode(4, messages.EchoRequest))
    assert.strictEqual(asV6._tag, "Other")
  })

  it("what is too short, and a wrong checksum", () => {
    for (let length = 0; length < 8; length++) {
      const issue = Icmp.decode(4, new Uint8Array(length))
      assert.deepStrictEqual(issue, { _tag: "IcmpIssue", reason: "TooShort", offset: length })
      assert.isTrue(Icmp.isIcmpIssue(issue))
      assert.include(Icmp.formatIssue(issue as Icmp.IcmpIssue), `byte ${length}`)
    }
    const bytes = Icmp.encode(4, messages.EchoRequest)
    for (let i = 0; i < bytes.length; i++) {
      const bad = bytes.slice()
      bad[i] ^= 1
      assert.strictEqual(Icmp.decode(4, bad)._tag, "IcmpIssue", `byte ${i}`)
    }
  })

  it("names the codes", () => {
    assert.strictEqual(Icmp.unreachableReason(4, 1), "host unreachable")
    assert.strictEqual(Icmp.unreachableReason(6, 4), "port unreachable")
    for (const code of [-1, 16, 255, Number.NaN]) {
      assert.include(Icmp.unreachableReason(4, code), "unreachable")
      assert.include(Icmp.unreachableReason(6, code), String(code))
    }
  })
})

describe("what an error quotes", () => {
  const echo = Icmp.encode(4, messages.EchoRequest)
  const packet = Ipv4Header.encode({ protocol: 1, source: v4("10.0.0.2"), destination: v4("10.0.0.1") }, echo)
  const expected = { destination: v4("10.0.0.1"), identifier: 0x1234, sequence: 0xffff }

  it("the echo request of IPv4, of which 8 bytes are enough", () => {
    assert.deepStrictEqual(Icmp.quotedEcho(4, packet), expected)
    assert.deepStrictEqual(Icmp.quotedEcho(4, packet.subarray(0, 28)), expected)
    assert.isUndefined(Icmp.quotedEcho(4, packet.subarray(0, 27)))
  })

  it("the echo request of IPv6", () => {
    const quoted = new Uint8Array(48)
    quoted[0] = 0x60
    quoted[6] = 58
    quoted.set(NetAddress.ipv6ToOctets(between.destination), 24)
    quoted.set(Icmp.encode(6, messages.EchoRequest).subarray(0, 8), 40)
    const found = { destination: between.destination, identifier: 0x1234, sequence: 0xffff }
    assert.deepStrictEqual(Icmp.quotedEcho(6, quoted), found)
    for (const at of [0, 6, 40]) {
      const other = quoted.slice()
      other[at] = 17
      assert.isUndefined(Icmp.quotedEcho(6, other), `byte ${at}`)
    }
    assert.isUndefined(Icmp.quotedEcho(6, quoted.subarray(0, 47)))
  })

  it("not another protocol, another type, or a later fragment", () => {
    const header = { protocol: 1, destination: v4("10.0.0.1") }
    assert.isUndefined(Icmp.quotedEcho(4, Ipv4Header.encode({ ...header, protocol: 17 }, echo)))
    assert.isUndefined(Icmp.quotedEcho(4, Ipv4Header.encode({ ...header, fragmentOffset: 8 }, echo)))
    assert.isUndefined(Icmp.quotedEcho(4, Ipv4Header.encode(header, Icmp.encode(4, messages.EchoReply))))
    assert.isUndefined(Icmp.quotedEcho(6, packet))
  })
})

describe("the IPv4 header", () => {
  const fields: Ipv4Header.Fields = {
    typeOfService: 0xb8,
    identification: 0xbeef,
    dontFragment: true,
    timeToLive: 7,
    protocol: 17,
    source: v4("192.0.2.1"),
    destination: v4("192.0.2.255")
  }

  it("byte by byte, with its checksum", () => {
    const bytes = Ipv4Header.encode(fields, data)
    const expected = [0x45, 0xb8, 0, 25, 0xbe, 0xef, 0x40, 0, 7, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255, ...data]
    const sum = onesComplementSum(expected.slice(0, 20))
    expected[10] = (~sum >>> 8) & 255
    expected[11] = ~sum & 255
    assert.deepStrictEqual([...bytes], expected)
  })

  it("comes back as it was, with options and as a fragment", () => {
    const options = Uint8Array.of(7, 3, 4)
    const packet = Ipv4Header.decode(
      Ipv4Header.encode({ ...fields, options, dontFragment: false, moreFragments: true, fragmentOffset: 65_528 }, data)
    )
    if (Ipv4Header.isIpv4HeaderIssue(packet)) return assert.fail(Ipv4Header.formatIssue(packet))
    const { checksum, ...header } = packet.header
    assert.isAbove(checksum, 0)
    assert.deepStrictEqual(header, {
      headerLength: 24,
      typeOfService: 0xb8,
      totalLength: 29,
      identification: 0xbeef,
      dontFragment: false,
      moreFragments: true,
      fragmentOffset: 65_528,
      timeToLive: 7,
      protocol: 17,
      source: v4("192.0.2.1"),
      destination: v4("192.0.2.255"),
      // padded to a whole word
      options: Uint8Array.of(7, 3, 4, 0)
    })
    assert.deepStrictEqual(packet.payload, data)
  })

  it("padding is left off, a cut packet is what there is, and no length is all", () => {
    const payload = (bytes: Uint8Array) => {
      const packet = Ipv4Header.decode(bytes)
      return Ipv4Header.isIpv4HeaderIssue(packet) ? packet.reason : packet.payload.length
    }
    const bytes = Ipv4Header.encode(fields, data)
    assert.strictEqual(payload(Uint8Array.of(...bytes, 0, 0)), 5)
    assert.strictEqual(payload(bytes.subarray(0, 22)), 2)
    assert.strictEqual(payload(bytes.with(3, 0)), 5)
    assert.strictEqual(payload(bytes.with(3, 19)), "TotalLength")
    assert.strictEqual(payload(bytes.subarray(0, 19)), "TooShort")
    assert.strictEqual(payload(bytes.with(0, 0x46).subarray(0, 23)), "TooShort")
    assert.strictEqual(payload(bytes.with(0, 0x44)), "HeaderLength")
    assert.strictEqual(payload(bytes.with(0, 0x65)), "Version")
    assert.strictEqual(payload(new Uint8Array(0)), "TooShort")
  })

  it("what no packet can hold", () => {
    assert.throws(() => Ipv4Header.encode({ ...fields, options: new Uint8Array(41) }, data), RangeError)
    assert.throws(() => Ipv4Header.encode(fields, new Uint8Array(65_516)), RangeError)
    assert.strictEqual(Ipv4Header.encode(fields, new Uint8Array(65_515)).length, 65_535)
  })

  it("issues are sentences", () => {
    for (const reason of ["TooShort", "Version", "HeaderLength", "TotalLength"] as const) {
      assert.match(Ipv4Header.formatIssue({ _tag: "Ipv4HeaderIssue", reason, offset: 0 }), /^the IPv4 packet /)
    }
  })
})

describe("hostile bytes", () => {
  // every decoder answers with a value or an issue, and looks only at what it was given
  const chance = (seed: number) => () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16

  it("never throw, and never show what lies beside them", () => {
    const next = chance(7)
    for (let run = 0; run < 4000; run++) {
      const length = next() % 90
      const around = new Uint8Array(length + 16).fill(0xee)
      const bytes = around.subarray(8, 8 + length)
      for (let i = 0; i < length; i++) bytes[i] = next() & 255
      // half of them look like packets
      if (run % 2 === 0 && length > 9) {
        bytes[0] = run % 4 === 0 ? 0x40 | (next() & 15) : 0x60
        bytes[9] = 1
        bytes[6] = run % 4 === 0 ? 0 : 58
      }
      for (const version of [4, 6] as const) {
        const message = Icmp.decode(version, bytes)
        assert.isString(message._tag)
        const quoted = Icmp.quotedEcho(version, bytes)
        if (quoted !== undefined) assert.isAtLeast(length, version === 4 ? 28 : 48)
      }
      const packet = Ipv4Header.decode(bytes)
      if (Ipv4Header.isIpv4HeaderIssue(packet)) continue
      const { header, payload } = packet
      assert.isAtMost(header.headerLength + payload.length, length)
      assert.strictEqual(payload.byteOffset, bytes.byteOffset + header.headerLength)
    }
  })
})
