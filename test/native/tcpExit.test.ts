/** Processes and workers that end with all of it in the kernel: accepts, receives, sends, and connections at rest. */
import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { runFixture } from "../support/fixture.ts"

const fixture = fileURLToPath(new URL("./fixtures/tcpExit.ts", import.meta.url))

// one that does not end fails its test, and must not outlive it
const run = (scenario: string) => runFixture(fixture, scenario, { timeout: 50_000 })

// a second or so (the bound on a blocking dequeue) on a machine at rest; what it must not be is for ever
const soon = 10_000

// both ends of 12 connections, a listener and 16 accepts ahead; those, 8 receives and 4 sends are pending; the receives
// and an accept are waited for
const busy = "41 sockets, 28 pending, 9 waiters, 0 sent"

describe("a process with connections, a listener, and all kinds of operations pending", () => {
  it("ends on process.exit, with its code", async () => {
    const { code, lines, stderr, took } = await run("exits")
    assert.deepStrictEqual([code, lines], [7, [busy, "ending"]], stderr)
    assert.isBelow(took, soon)
  })

  for (const scenario of ["throws", "rejects"]) {
    it(`ends on an error that nobody catches: ${scenario}`, async () => {
      const { code, lines, stderr, took } = await run(scenario)
      assert.deepStrictEqual([code, lines], [1, [busy, "ending"]], stderr)
      assert.include(stderr, "on purpose")
      assert.isBelow(took, soon)
    })
  }
})

it("a process with connections and a listener ends by itself when nobody waits", async () => {
  const { code, lines, stderr, took } = await run("idles")
  assert.deepStrictEqual([code, lines], [0, ["41 sockets, 16 pending, 0 waiters", "ending"]], stderr)
  assert.isBelow(took, soon)
})

describe("a worker with connections, a listener, and all kinds of operations pending", () => {
  it("can be terminated", async () => {
    const { code, lines, stderr, took } = await run("worker that is terminated")
    assert.deepStrictEqual([code, lines], [0, [busy, "ending", "worker exited 1"]], stderr)
    assert.isBelow(took, soon)
  })

  it("ends on its process.exit", async () => {
    const { code, lines, stderr, took } = await run("worker that exits")
    assert.strictEqual(code, 0, stderr)
    assert.sameMembers([...lines], [busy, "ending", "worker exited 5"])
    assert.isBelow(took, soon)
  })

  it("ends on an error that nobody catches, and its parent goes on", async () => {
    const { code, lines, stderr, took } = await run("worker that throws")
    assert.strictEqual(code, 0, stderr)
    assert.sameMembers([...lines], [busy, "ending", "worker failed: on purpose", "worker exited 1"])
    assert.isBelow(took, soon)
  })
})
