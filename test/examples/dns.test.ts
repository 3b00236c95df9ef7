import { UdpSocket } from "@effect-winsock/core"
import { MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as DnsPacket from "dns-packet"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import * as Authority from "../../examples/dns/authority.ts"
import * as Responder from "../../examples/dns/responder.ts"
import { parse } from "../../examples/dns/zone.ts"
import { random } from "../support/rig.ts"

const zones = [
  Result.getOrThrow(parse(readFileSync(new URL("../../examples/zones/example.zone", import.meta.url), "utf8")))
]
const answer = Authority.make(zones)

const query = (name: string, type: DnsPacket.RecordType, more: Partial<DnsPacket.Packet> = {}): Buffer =>
  DnsPacket.encode({ type: "query", id: 4711, questions: [{ name, type }], ...more })

const edns = (udpPayloadSize: number, ednsVersion = 0): DnsPacket.OptAnswer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion,
  flags: 0,
  flag_do: false,
  options: []
})

const decode = (bytes: Uint8Array) => DnsPacket.decode(Buffer.from(bytes))

const ask = (name: string, type: DnsPacket.RecordType, more?: Partial<DnsPacket.Packet>) => {
  const response = answer(query(name, type, more))
  assert.isDefined(response)
  return { ...response, packet: decode(response.bytes) }
}

const names = (records: ReadonlyArray<DnsPacket.Answer> | undefined) =>
  (records ?? []).filter(({ type }) => type !== "OPT").map(({ name, type }) => `${name} ${type}`)

describe("an authoritative answer", () => {
  it("repeats the query's id, question and wish for recursion", () => {
    const { packet } = ask("WwW.eXample", "A", { flags: DnsPacket.RECURSION_DESIRED })
    assert.strictEqual(packet.id, 4711)
    assert.strictEqual(packet.questions?.[0].name, "WwW.eXample")
    assert.isTrue(packet.flag_qr && packet.flag_aa && packet.flag_rd)
    assert.isFalse(packet.flag_ra)
    assert.deepStrictEqual(names(packet.answers), ["www.example A"])
  })

  it.each([
    ["dangling.example", "A", "NXDOMAIN", ["dangling.example CNAME"], ["example SOA"], true],
    ["away.example", "A", "NOERROR", ["away.example CNAME"], [], true],
    ["web.example", "CNAME", "NOERROR", ["web.example CNAME"], [], true],
    ["deep.example", "A", "NOERROR", [], ["example SOA"], true],
    ["x.deep.example", "A", "NXDOMAIN", [], ["example SOA"], true],
    ["a.b.child.example", "A", "NOERROR", [], ["child.example NS"], false],
    ["notexample", "A", "REFUSED", [], [], false],
    [".", "NS", "REFUSED", [], [], false]
  ] as const)("to %s %s is %s", (name, type, rcode, answers, authorities, authoritative) => {
    const { packet, ...response } = ask(name, type)
    assert.strictEqual(response.rcode, rcode)
    assert.deepStrictEqual(names(packet.answers), [...answers])
    assert.deepStrictEqual(names(packet.authorities), [...authorities])
    assert.strictEqual(packet.flag_aa, authoritative)
  })

  it("to a question for everything is one kind of what there is", () => {
    const everything = query("www.example", "A")
    everything.writeUInt16BE(255, everything.length - 4)
    assert.deepStrictEqual(names(decode(answer(everything)!.bytes).answers), ["www.example A"])
  })

  it("ends where aliases go in a circle", () => {
    const circle = parse("$ORIGIN c.\n$TTL 1\n@ SOA a b 1 2 3 4 5\nx CNAME y\ny CNAME x\n")
    const response = Authority.make([Result.getOrThrow(circle)])(query("x.c", "A"))
    assert.deepStrictEqual(names(decode(response!.bytes).answers), ["x.c CNAME", "y.c CNAME"])
  })

  it("is the most special zone's", () => {
    const inner = parse("$ORIGIN inner.example.\n$TTL 1\n@ SOA a b 1 2 3 4 5\n")
    const both = Authority.make([...zones, Result.getOrThrow(inner)])
    assert.deepStrictEqual(names(decode(both(query("x.inner.example", "A"))!.bytes).authorities), ["inner.example SOA"])
    assert.deepStrictEqual(names(decode(both(query("x.example", "A"))!.bytes).authorities), ["example SOA"])
  })

  it("fits the client: 512 bytes, or what EDNS says, up to the server's own limit", () => {
    const sizes = [undefined, 100, 512, 700, 800, 1232, 4096].map((size) => {
      const { bytes, packet, truncated } = ask("large.example", "TXT", {
        additionals: size === undefined ? [] : [edns(size)]
      })
      assert.strictEqual(packet.flag_tc, truncated)
      assert.strictEqual(packet.answers?.length, truncated ? 0 : 1)
      assert.strictEqual(packet.additionals?.length, size === undefined ? 0 : 1)
      assert.isAtMost(bytes.length, Math.min(Authority.mostBytes, Math.max(512, size ?? 0)))
      return truncated
    })
    assert.deepStrictEqual(sizes, [true, true, true, true, false, false, false])
  })

  it("says which version of EDNS it knows", () => {
    const { packet, rcode } = ask("www.example", "A", { additionals: [edns(1232, 1)] })
    assert.strictEqual(rcode, "BADVERS")
    assert.deepStrictEqual(
      packet.additionals?.map((record) => record.type === "OPT" && [record.extendedRcode, record.ednsVersion]),
      [[1, 0]]
    )
  })

  it("repeats a type and a class that have no names here", () => {
    const strange = query("www.example", "A")
    strange.writeUInt16BE(65_280, strange.length - 4)
    assert.deepStrictEqual(Buffer.from(answer(strange)!.bytes).subarray(12, strange.length), strange.subarray(12))
    strange.writeUInt16BE(60_000, strange.length - 2)
    const response = answer(strange)!
    assert.strictEqual(response.rcode, "REFUSED")
    assert.deepStrictEqual(Buffer.from(response.bytes).subarray(12, strange.length), strange.subarray(12))
  })

  it("to what is no question is that this is not done here", () => {
    const response = answer(query("example", "SOA", { flags: 4 << 11 }))!
    assert.strictEqual(response.rcode, "NOTIMP")
    assert.strictEqual(response.bytes.length, 12)
    assert.strictEqual(decode(response.bytes).id, 4711)
  })
})

describe("what is no query", () => {
  const good = query("www.example", "A")
  const changed = (at: number, ...bytes: ReadonlyArray<number>) => {
    const copy = Buffer.from(good)
    copy.set(bytes, at)
    return copy
  }
  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half a header", good.subarray(0, 11)],
    ["a response", changed(2, 0x80)],
    ["no question", changed(5, 0)],
    ["two questions", changed(5, 2)],
    ["65,535 questions", changed(4, 0xff, 0xff)],
    ["an answer", changed(7, 1)],
    ["a name that goes on", changed(12, 63)],
    ["a name that points to itself", changed(12, 0xc0, 12)],
    ["a name that points into the header", changed(12, 0xc0, 4)],
    ["a label of an unknown kind", changed(12, 0x80)],
    ["a dot in a label", changed(13, 0x2e)],
    ["bytes that are no text", changed(13, 0xff)],
    ["something behind it", Buffer.concat([good, Buffer.of(0)])],
    ["two EDNS records", query("www.example", "A", { additionals: [edns(512), edns(512)] })]
  ])("gets no answer: %s", (_, packet) => {
    assert.isUndefined(answer(packet))
  })

  it("is survived, whatever it is", () => {
    const next = random(7)
    const counts = { answered: 0, ignored: 0 }
    for (let i = 0; i < 5000; i++) {
      const packet = Buffer.from(i % 2 === 0 ? good : query("large.example", "TXT", { additionals: [edns(1232)] }))
      for (let n = next(4); n >= 0; n--) packet[next(packet.length)] = next(256)
      const response = answer(packet.subarray(0, next(8) === 0 ? next(packet.length) : packet.length))
      counts[response === undefined ? "ignored" : "answered"]++
      assert.isAtMost(response?.bytes.length ?? 0, Authority.mostBytes)
    }
    assert.isAbove(counts.answered, 500)
    assert.isAbove(counts.ignored, 500)
  })
})

const at = (address: string, port = 0) => NetAddress.inetAddressFromIpStringUnsafe(address, port)

/** A responder on a machine, asked once: where the answer came from, and what it was. */
const exchange = ({ from, listen, to }: { readonly from: string; readonly listen: string; readonly to: string }) =>
  Effect.gen(function* () {
    const responder = yield* Responder.make({ zones, address: at(listen) })
    yield* Effect.forkScoped(responder.serve)
    const client = yield* UdpSocket.bind(at(from))
    const asked = at(to, responder.address.port)
    yield* client.send(query("www.example", "A"), asked)
    const message = yield* client.receive
    assert.isTrue(message.from !== undefined && Equal.equals(message.from, asked), String(message.from))
    assert.deepStrictEqual(names(decode(message.payload).answers), ["www.example A"])
    assert.deepStrictEqual(responder.counters(), { answered: 1, truncated: 0, malformed: 0, failed: 0 })
  }).pipe(Effect.scoped)

describe("a responder", () => {
  // as Wine does: the answer goes through a socket of its own, bound to the address that was asked
  for (const sendControl of ["honoured", "ignored"] as const) {
    it.live.each([
      { listen: "0.0.0.0", from: "127.0.0.1", to: "127.0.0.9" },
      { listen: "0.0.0.0", from: "127.0.0.1", to: "127.0.0.1" },
      { listen: "::", from: "127.0.0.1", to: "127.0.0.9" },
      { listen: "::", from: "::1", to: "::1" }
    ])(`on $listen answers $from from $to, which it asked (control data of sends is ${sendControl})`, (addresses) =>
      exchange(addresses).pipe(Effect.provide(MockWinsock.layer({ sendControl })))
    )
  }

  it.live("counts what it does not answer, and goes on", () =>
    Effect.gen(function* () {
      const responder = yield* Responder.make({ zones, address: at("127.0.0.1"), handlers: 3 })
      yield* Effect.forkScoped(responder.serve)
      const client = yield* UdpSocket.bind(at("127.0.0.1"))
      const cut = Buffer.alloc(5000)
      cut.set(query("www.example", "A"))
      for (const junk of [Buffer.alloc(0), Buffer.alloc(12, 0xff), cut]) yield* client.send(junk, responder.address)
      for (let i = 0; i < 20; i++) yield* client.send(query("large.example", "TXT"), responder.address)
      for (let i = 0; i < 20; i++) assert.isTrue(decode((yield* client.receive).payload).flag_tc)
      assert.deepStrictEqual(responder.counters(), { answered: 20, truncated: 20, malformed: 3, failed: 0 })
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )

  it.live("tells of its answers", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const responder = yield* Responder.make({ zones, address: at("::"), log: (line) => lines.push(line) })
      yield* Effect.forkScoped(responder.serve)
      const client = yield* UdpSocket.bind(at("127.0.0.1"))
      yield* client.send(query("nobody.example", "A"), at("127.0.0.9", responder.address.port))
      yield* client.receive
      const sender = NetAddress.formatInet(client.address)
      assert.deepStrictEqual(lines, [`${sender} at 127.0.0.9: nobody.example A -> NXDOMAIN`])
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )
})
