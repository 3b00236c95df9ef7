import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Options } from "../../../examples/ping/pinger.ts"
import { program, type Output } from "../../../examples/ping/program.ts"
import { run } from "../../support/program.ts"
import { law, layerName, start } from "../../support/rig.ts"
import { ownIdentifier } from "../../support/raw.ts"

const options = (more: { readonly count?: number; readonly hopLimit?: number } = {}): Options => ({
  count: 3,
  hopLimit: undefined,
  interval: "5 millis",
  timeout: "2 seconds",
  size: 32,
  identifier: ownIdentifier(),
  ...more
})

const output = (columns?: number): Output & { readonly text: () => string } => {
  let text = ""
  return { write: (more) => (text += more), text: () => text, columns }
}

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

describe("ping", () => {
  law("the machine itself, by address and by name, side by side: lines, then summaries", () =>
    Effect.gen(function* () {
      const out = output()
      const tallies = yield* program(["127.0.0.1", "127.0.0.2"], options(), out)
      assert.deepStrictEqual(
        tallies.map(({ received, sent }) => [sent, received]),
        [
          [3, 3],
          [3, 3]
        ]
      )
      for (const { jitter, least, most, total } of tallies) {
        assert.isAtLeast(least, 0)
        assert.isAtLeast(total / 3, least)
        assert.isAtLeast(most, total / 3)
        assert.isAtLeast(jitter, 0)
      }
      const said = lines(out.text())
      assert.strictEqual(said.length, 8)
      assert.match(said[0], /^127\.0\.0\.[12]: 32 bytes in \d+\.\d+ ms TTL=\d+$/)
      assert.match(
        said[6],
        /^127\.0\.0\.1: 3 sent, 3 received, 0 % lost; min \S+ ms, avg \S+ ms, max \S+ ms, jitter \S+ ms$/
      )
    })
  )

  law("a terminal gets a table, drawn anew in place", () =>
    Effect.gen(function* () {
      const out = output(60)
      yield* program(["127.0.0.1"], options({ count: 2 }), out)
      const escape = String.fromCodePoint(0x1b)
      // three tables of two lines, each but the first over the one before
      assert.strictEqual(out.text().split(`${escape}[2A`).length, 3)
      const table = out.text().split(`${escape}[2K`)
      assert.strictEqual(table.length, 7)
      for (const line of table.slice(1, -1)) assert.isBelow(line.split("\n")[0].length, 60)
      assert.match(table[5], /^target +sent +lost +min +avg +max +jitter/)
      assert.match(table[6], /^127\.0\.0\.1 +2 +0 %/)
    })
  )

  law("an interruption ends it with the summary", ({ statistics }) =>
    Effect.gen(function* () {
      const out = output()
      const fiber = yield* start(program(["127.0.0.1"], { ...options({ count: 1000 }), interval: "1 hour" }, out))
      while (lines(out.text()).length === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.match(lines(out.text())[1], /^127\.0\.0\.1: 1 sent, 1 received, 0 % lost; /)
      assert.strictEqual((yield* statistics).handles.sockets, 0)
    })
  )
})

describe("ping, the program", () => {
  const args = { mock: ["--mock", "-n", "1", "10.0.0.1", "fd00::1", "server"], native: ["-n", "1", "127.0.0.1"] }

  it(`runs (${layerName})`, async () => {
    const ended = await run("examples/ping.ts", args[layerName])
    assert.strictEqual(ended.stderr, "")
    assert.strictEqual(ended.code, 0)
    const targets = args[layerName].slice(layerName === "mock" ? 3 : 2)
    assert.strictEqual(ended.lines.length, 2 * targets.length)
    targets.forEach((target, i) => {
      const summary = ended.lines[targets.length + i]
      assert.isTrue(summary.startsWith(target), summary)
      assert.include(summary, "1 sent, 1 received, 0 % lost")
    })
  })

  it.each([
    [[], "which addresses"],
    [["-n", "0", "127.0.0.1"], "-n is 0"],
    [["-i", "256", "127.0.0.1"], "-i is 256"],
    [["-l", "x", "127.0.0.1"], "-l is x"]
  ])(`says what is wrong with %s (${layerName})`, async (wrong, what) => {
    const { code, lines, stderr } = await run("examples/ping.ts", ["--mock", ...wrong])
    assert.deepStrictEqual([code, lines.length], [1, 0])
    assert.include(stderr, what)
    assert.strictEqual(stderr.trim().split("\n").length, 1, stderr)
  })
})
