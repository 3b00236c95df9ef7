import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { parse } from "../../examples/dns/zone.ts"

const soa = "@ SOA ns1 host.master 1 2 3 4 5\n"
const zone = (text: string) => Result.getOrThrow(parse(`$ORIGIN Example.\n$TTL 1m\n${soa}${text}`))
const records = (text: string, name: string) =>
  (zone(text).names.get(name) ?? []).map(({ data, ttl, type }) => ({ data, ttl, type }))

describe("a zone file", () => {
  it("is read: the example's", () => {
    const { names, origin } = Result.getOrThrow(
      parse(readFileSync(new URL("../../examples/zones/example.zone", import.meta.url), "utf8"))
    )
    assert.strictEqual(origin, "example")
    assert.deepStrictEqual(names.get("deep.example"), [])
    assert.deepStrictEqual(
      names.get("example")?.map(({ type }) => type),
      ["SOA", "NS", "NS", "MX", "MX", "TXT"]
    )
    assert.deepStrictEqual(
      names.get("www.example")?.map(({ ttl, type }) => [type, ttl]),
      [
        ["A", 300],
        ["AAAA", 300]
      ]
    )
  })

  it("has the SOA of its origin, with times in units", () => {
    const text = "$ORIGIN a.\n@ 1h30m IN SOA ns mail.box ( 7 ; serial\n 1w 2D 3h ; a comment )\n 1h1m1s )\n"
    const { soa } = Result.getOrThrow(parse(text))
    assert.strictEqual(soa.ttl, 5400)
    assert.deepStrictEqual(soa.data, {
      mname: "ns.a",
      rname: "mail.box.a",
      serial: 7,
      refresh: 604_800,
      retry: 172_800,
      expire: 10_800,
      minimum: 3661
    })
  })

  it("gives a record without an owner the one before, and its name in lower case", () => {
    assert.deepStrictEqual(records("WWW A 1.2.3.4\n  7 AAAA ::1\n\tIN 8 A 4.3.2.1\n", "www.example"), [
      { type: "A", ttl: 60, data: "1.2.3.4" },
      { type: "AAAA", ttl: 7, data: "::1" },
      { type: "A", ttl: 8, data: "4.3.2.1" }
    ])
  })

  it("resolves names by the origin that stands above them", () => {
    const text = "$ORIGIN sub.Example.\nx MX 5 y\n$ORIGIN deeper\nx NS @\nz NS other.test.\n"
    assert.deepStrictEqual(records(text, "x.sub.example"), [
      { type: "MX", ttl: 60, data: { preference: 5, exchange: "y.sub.example" } }
    ])
    assert.deepStrictEqual(records(text, "x.deeper.sub.example"), [{ type: "NS", ttl: 60, data: "deeper.sub.example" }])
    assert.deepStrictEqual(records(text, "z.deeper.sub.example"), [{ type: "NS", ttl: 60, data: "other.test" }])
  })

  it("keeps the bytes of strings", () => {
    const [{ data }] = records(String.raw`t TXT "a  b;(c)" plain\;x "\"\\\007\255" "ÿ" ""`, "t.example")
    assert.deepStrictEqual(data, [
      Buffer.from("a  b;(c)"),
      Buffer.from("plain;x"),
      Buffer.from([0x22, 0x5c, 7, 255]),
      Buffer.from("ÿ"),
      Buffer.alloc(0)
    ])
  })

  // what is not understood is told, with the line of the file
  it.each([
    ["a A 1.2.3.400", 4, "1.2.3.400 is no IPv4 address"],
    ["a A ::1", 4, "::1 is no IPv4 address"],
    ["a AAAA 1.2.3.4", 4, "1.2.3.4 is no IPv6 address"],
    ["\n\na A", 6, "the address is missing"],
    ["a A 1.2.3.4 5", 4, "5 is one field too many"],
    ["a SRV 1 2 3 b", 4, "the type SRV is not known here"],
    ["$INCLUDE other", 4, "$INCLUDE is not known here"],
    ["* A 1.2.3.4", 4, "the owner *.example is no name that is known here"],
    [String.raw`a\.b A 1.2.3.4`, 4, String.raw`the owner a\.b.example is no name that is known here`],
    [`${"a".repeat(64)} A 1.2.3.4`, 4, `the owner ${"a".repeat(64)}.example is no name that is known here`],
    ["a MX 65536 b", 4, "the preference is 65536, not a number up to 65535"],
    ["$TTL soon", 4, "$TTL is soon, not a time"],
    ["other. A 1.2.3.4", 4, "other is not in the zone example"],
    ["a A 1.2.3.4\na CNAME b", 5, "a.example has a CNAME record, and so no other"],
    ["a CNAME b\na A 1.2.3.4", 5, "a.example has a CNAME record, and so no other"],
    ["@ SOA a b 1 2 3 4 5", 4, "a zone has one SOA record, not 2"],
    ['a TXT "open', 4, "a string is not closed, or a lone backslash"],
    [String.raw`a TXT "\256"`, 4, String.raw`\256 is no byte`],
    [`a TXT "${"x".repeat(256)}"`, 4, "a string is longer than 255 bytes"],
    ["a TXT ( b\nc", 4, "a parenthesis is not closed"],
    ["a TXT b )", 4, "a parenthesis is closed that was not opened"]
  ])("that says %j is refused", (text, line, problem) => {
    const parsed = parse(`$ORIGIN example.\n$TTL 60\n${soa}${text}\n`)
    assert.isTrue(Result.isFailure(parsed))
    const { failure } = parsed as Result.Failure<unknown, { line: number; problem: string; message: string }>
    assert.deepStrictEqual([failure.line, failure.problem], [line, problem])
    assert.strictEqual(failure.message, `line ${line}: ${problem}`)
  })

  it.each([
    ["a A 1.2.3.4", "the owner a is relative, and there is no $ORIGIN"],
    ["$ORIGIN a.\n@ A 1.2.3.4", "there is no TTL"],
    ["$ORIGIN a.\n 5 A 1.2.3.4", "the first record has no owner"],
    ["", "a zone has one SOA record, not 0"]
  ])("that begins %j is refused", (text, problem) => {
    const parsed = parse(text)
    assert.isTrue(Result.isFailure(parsed) && parsed.failure.problem === problem)
  })
})
