import { assert, describe, it } from "@effect/vitest"
import { beforeAll } from "vitest"
import { run, type Ended } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

/** The addresses that are asked, each with what the server is told of the datagram. */
const asked = {
  mock: [
    ["10.0.0.1", "interface 7 (Ethernet), TTL 128, ECN Not-ECT"],
    ["10.0.0.101", "interface 7 (Ethernet), TTL 17, ECN ECT(0)"],
    ["10.0.1.1", "interface 8 (Ethernet 2), TTL 128, ECN Not-ECT"],
    ["fd00::101", "interface 7 (Ethernet), TTL 128, ECN ECT(1)"]
  ],
  native: [
    ["127.0.0.1", ""],
    ["127.0.0.9", ""],
    ["::1", ""]
  ]
}[layerName]

const escape = String.fromCodePoint(0x1b)

describe(`the demo (${layerName})`, () => {
  let ended: Ended
  beforeAll(async () => {
    ended = await run("examples/demo.ts", [], {
      EFFECT_WINSOCK_LAYER: layerName,
      NO_COLOR: "1",
      FORCE_COLOR: undefined
    })
  })

  it("ends well and says nothing of errors", () => {
    assert.strictEqual(ended.stderr, "")
    assert.strictEqual(ended.code, 0)
  })

  it.each(asked)("is told where a datagram for %s came to, and answers from there", (address, told) => {
    const at = ended.lines.findIndex((line) => line.startsWith(`  client  → asks ${address}`))
    const [from, to, answer] = ended.lines.slice(at + 1, at + 4).map((line) => line.trim())
    assert.match(from, /^server {2}← "who is there\?" from \[?[\w.:]+\]?:\d+$/)
    assert.isTrue(to.startsWith(`to ${address}, interface `), to)
    assert.match(to, /, interface \d+ \(.+\), TTL \d+, ECN (Not-ECT|ECT\([01]\)|CE)$/)
    assert.isTrue(to.endsWith(told), to)
    const host = address.includes(":") ? `[${address}]` : address
    assert.isTrue(answer.startsWith(`client  ← "here I am" from ${host}:`), answer)
    assert.isTrue(answer.endsWith("✓ the address that was asked"), answer)
  })

  it("shows the receive that was cancelled, and the datagram that was not lost", () => {
    const all = ended.lines.map((line) => line.trim().replaceAll(/ +/g, " "))
    const at = all.indexOf("WSARecvMsg WSA_IO_PENDING")
    assert.deepStrictEqual(all.slice(at - 1, at + 5), [
      'client Effect.timeoutOption(socket.receive, "50 millis") → None',
      "WSARecvMsg WSA_IO_PENDING",
      "CancelIoEx ok",
      "its OVERLAPPED WSA_OPERATION_ABORTED STATUS_CANCELLED",
      "server → answers at last",
      'client ← "sorry, I am late" ✓ the next receive has it: nothing was lost'
    ])
  })

  it("holds nothing at the end", () => {
    const nothing = "✓ sockets 0, ports 0, slots 0, pending 0, waiters 0, memory 0 bytes"
    const held = ended.lines.filter((line) => line.includes("sockets "))
    assert.deepStrictEqual(
      held.map((line) => line.slice(0, 10 + nothing.length)),
      [`  server  ${nothing}`, `  client  ${nothing}`]
    )
  })

  it("has no colours where nobody sees them", () => {
    assert.isFalse(ended.lines.some((line) => line.includes(escape)))
  })
})
