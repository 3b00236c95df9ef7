import { assert, describe, it } from "@effect/vitest"
import { run } from "../support/program.ts"

// what it does natively, with clients that know nothing of it, is tested in test/peers
describe("the sample of the page of WSASend", () => {
  it("sends ten buffers, each told by its event", async () => {
    const { code, lines, stderr } = await run("examples/wsasend-sample.ts", ["--mock", "--port=0"])
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    assert.match(lines[0], /^listening on 127\.0\.0\.1:\d+$/)
    assert.deepStrictEqual(
      lines.slice(1, -1),
      Array.from({ length: 10 }, () => "wrote 4096 bytes")
    )
    assert.strictEqual(lines.at(-1), "the client received 40960 bytes")
  })
})
