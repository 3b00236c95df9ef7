/**
 * The DNS responder on the real ws2_32.dll, asked by resolvers that know nothing of it: `dig`, and Node's own. Both
 * connect their sockets: an answer from another address than the one that they asked does not reach them.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { createSocket } from "node:dgram"
import { Resolver } from "node:dns/promises"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import type { Launched } from "../support/launch.ts"
import { launch } from "../support/launch.ts"

let responder: Launched
let port = 0

beforeAll(async () => {
  responder = await launch("examples/dns-responder.ts", [], /listening on \[::\]:(\d+)\r?\n/)
  port = Number(responder.found)
}, 240_000)

afterAll(() => responder?.stop())

/** The server's addresses, each with one that the client asks from: its own choice would be the same address. */
const addresses = [
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["127.0.0.9", "127.0.0.1"],
  ["127.0.0.9", "127.0.0.9"]
] as const

const answers = {
  A: ["www.example.|300|IN|A|192.0.2.80"],
  AAAA: ["www.example.|300|IN|AAAA|2001:db8::80"]
}

interface Dug {
  readonly status: string
  readonly flags: ReadonlyArray<string>
  readonly server: string
  readonly sections: { readonly [name: string]: ReadonlyArray<string> }
}

const dig = async (server: string, ...args: ReadonlyArray<string>): Promise<Dug> => {
  const options = ["+tries=1", "+time=10", "+notcp", "+nocmd", "+noquestion"]
  const { stdout } = await promisify(execFile)("dig", [`@${server}`, "-p", String(port), ...options, ...args])
  const sections: { [name: string]: Array<string> } = {}
  let section: Array<string> = []
  for (const line of stdout.split("\n")) {
    const title = /^;; (\w+) SECTION:$/.exec(line)
    if (title !== null) section = sections[title[1]] = []
    else if (line !== "" && !line.startsWith(";")) section.push(line.replaceAll(/\s+/g, "|"))
  }
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? "none",
    flags: (/flags: ([\w ]+);/.exec(stdout)?.[1] ?? "").split(" "),
    server: /^;; SERVER: (.*)$/m.exec(stdout)?.[1] ?? "none",
    sections
  }
}

const soa = "example.|300|IN|SOA|ns1.example.|hostmaster.example.|2026010100|14400|3600|1209600|300"

describe.skipIf(process.platform === "win32")("dig", () => {
  it.each(addresses)("is answered at %s, asking from %s", async (address, from) => {
    for (const type of ["A", "AAAA"] as const) {
      const dug = await dig(address, "-b", from, "www.example", type)
      assert.strictEqual(dug.status, "NOERROR")
      assert.deepStrictEqual(dug.flags, ["qr", "aa", "rd"])
      assert.deepStrictEqual(dug.sections, { ANSWER: answers[type] })
      assert.strictEqual(dug.server, `${address}#${port}(${address}) (UDP)`)
    }
  })

  it.each(["127.0.0.1", "::1", "127.0.0.9"])("is answered at %s, asking from where it likes", async (address) => {
    assert.deepStrictEqual((await dig(address, "www.example", "A")).sections, { ANSWER: answers.A })
  })

  it("follows aliases", async () => {
    const { sections } = await dig("127.0.0.9", "blog.example", "A")
    assert.deepStrictEqual(sections.ANSWER, [
      "blog.example.|3600|IN|CNAME|web.example.",
      "web.example.|3600|IN|CNAME|www.example.",
      ...answers.A
    ])
  })

  it("is told what there is not", async () => {
    const name = await dig("::1", "nobody.example", "A")
    assert.strictEqual(name.status, "NXDOMAIN")
    assert.deepStrictEqual(name.sections, { AUTHORITY: [soa] })
    const type = await dig("::1", "ns2.example", "AAAA")
    assert.strictEqual(type.status, "NOERROR")
    assert.deepStrictEqual(type.sections, { AUTHORITY: [soa] })
    const other = await dig("::1", "elsewhere.test", "A")
    assert.strictEqual(other.status, "REFUSED")
    assert.deepStrictEqual(other.sections, {})
  })

  it("gets as much as it can take", async () => {
    const plain = await dig("127.0.0.1", "+noedns", "+ignore", "large.example", "TXT")
    assert.deepStrictEqual(plain.flags, ["qr", "aa", "tc", "rd"])
    assert.deepStrictEqual(plain.sections, {})
    const large = await dig("127.0.0.1", "+bufsize=1232", "large.example", "TXT")
    assert.deepStrictEqual(large.flags, ["qr", "aa", "rd"])
    const digits = `"${"0123456789".repeat(10)}"`
    assert.deepStrictEqual(large.sections.ANSWER, [
      ["large.example.", "3600", "IN", "TXT", ...Array.from({ length: 7 }, () => digits)].join("|")
    ])
  })

  it("understands a zone's records as they stand in its file", async () => {
    assert.deepStrictEqual((await dig("::1", "text.example", "TXT")).sections.ANSWER, [
      String.raw`text.example.|3600|IN|TXT|"one|string"|"and|another;|with|a|semicolon"|"a|\"quote\"|and|a|byte:|\255"`
    ])
    const mail = (await dig("::1", "example", "MX")).sections
    assert.sameMembers(
      [...mail.ANSWER],
      ["example.|3600|IN|MX|10|mail.example.", "example.|3600|IN|MX|20|mail.elsewhere.invalid."]
    )
    assert.deepStrictEqual(mail.ADDITIONAL, ["mail.example.|3600|IN|A|192.0.2.25"])
  })

  it("is answered after what is no DNS at all", async () => {
    const socket = createSocket("udp4")
    const send = (bytes: Buffer) =>
      new Promise<void>((resolve, reject) =>
        socket.send(bytes, port, "127.0.0.9", (error) => (error === null ? resolve() : reject(error)))
      )
    for (let length = 0; length < 40; length++) await send(Buffer.alloc(length, 0xff))
    for (let length = 0; length < 40; length++) await send(Buffer.alloc(length))
    await send(Buffer.alloc(60_000))
    socket.close()
    assert.strictEqual((await dig("127.0.0.9", "www.example", "A")).status, "NOERROR")
  })

  it("is answered many times at once", async () => {
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, i) => dig(addresses[i % addresses.length][0], "www.example", "A"))
    )
    for (const { sections } of all) assert.deepStrictEqual(sections.ANSWER, answers.A)
  })
})

describe("Node's resolver", () => {
  const ask = (address: string): Resolver => {
    const resolver = new Resolver({ timeout: 10_000, tries: 1 })
    resolver.setServers([address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`])
    return resolver
  }

  it.each(addresses)("is answered at %s, asking from %s", async (address, from) => {
    const resolver = ask(address)
    if (!from.includes(":")) resolver.setLocalAddress(from)
    assert.deepStrictEqual(await resolver.resolve4("www.example", { ttl: true }), [{ address: "192.0.2.80", ttl: 300 }])
    assert.deepStrictEqual(await resolver.resolve6("www.example"), ["2001:db8::80"])
  })

  it("understands what it is told", async () => {
    const resolver = ask("127.0.0.9")
    assert.deepStrictEqual(await resolver.resolveTxt("example"), [["v=spf1 mx -all"]])
    assert.sameDeepMembers(await resolver.resolveMx("example"), [
      { exchange: "mail.example", priority: 10 },
      { exchange: "mail.elsewhere.invalid", priority: 20 }
    ])
    assert.strictEqual((await resolver.resolveSoa("example")).serial, 2_026_010_100)
    const codeOf = (answer: Promise<unknown>) =>
      answer.then(
        () => "none",
        (error: NodeJS.ErrnoException) => error.code
      )
    assert.strictEqual(await codeOf(resolver.resolve4("nobody.example")), "ENOTFOUND")
    assert.strictEqual(await codeOf(resolver.resolve6("ns2.example")), "ENODATA")
    assert.strictEqual(await codeOf(resolver.resolve4("elsewhere.test")), "EREFUSED")
  })
})
