import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { runFixture } from "../support/fixture.ts"

const fixture = fileURLToPath(new URL("./fixtures/exit.ts", import.meta.url))

const run = (scenario: string) => runFixture(fixture, scenario)

// a second or so (the bound on a blocking dequeue) on a machine at rest; what it must not be is for ever
const soon = 10_000

describe("a process with a dequeue blocked off the thread", () => {
  it("ends at once on process.exit when the exit posts to it", async () => {
    const { code, lines, took } = await run("exit with a post")
    assert.strictEqual(code, 3)
    assert.deepStrictEqual(lines, ["ending"])
    assert.isBelow(took, soon)
  })

  it("ends on process.exit when the dequeue's own bound is over", async () => {
    const { code, lines, took } = await run("exit without a post")
    assert.strictEqual(code, 3)
    assert.deepStrictEqual(lines, ["ending"])
    assert.isBelow(took, soon)
  })

  it("ends on an uncaught error", async () => {
    const { code, stderr, took } = await run("uncaught error")
    assert.strictEqual(code, 1)
    assert.include(stderr, "on purpose")
    assert.isBelow(took, soon)
  })

  it("ends on an uncaught error in a report", async () => {
    const { code, stderr, took } = await run("error in a report")
    assert.strictEqual(code, 1)
    assert.include(stderr, "on purpose")
    assert.isBelow(took, soon)
  })

  it("loses no report to an error in another", async () => {
    const { code, lines } = await run("caught error in a report")
    assert.strictEqual(code, 0)
    assert.sameMembers([...lines], ["caught report 1", "caught report 2", "ending", "caught report 3"])
  })
})

describe("a worker with a dequeue blocked off its thread", () => {
  it("is terminated when the dequeue's own bound is over", async () => {
    const { code, lines, stderr, took } = await run("terminated worker")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ending", "worker exited 1"])
    assert.isBelow(took, soon)
  })

  it("ends at once on its process.exit when the exit posts to it", async () => {
    const { code, lines, stderr, took } = await run("worker that exits")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ending", "worker exited 5"])
    assert.isBelow(took, soon)
  })
})

describe("the host", () => {
  it("does not keep the process for a task with a delay", async () => {
    const { code, lines } = await run("nothing keeps it")
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(lines, ["ending"])
  })

  it("keeps the process while it is told to", async () => {
    const { code, lines } = await run("kept alive")
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(lines, ["scheduled", "ending"])
  })

  it("keeps the process for a task without delay, and forgets what is withdrawn", async () => {
    const { code, lines } = await run("a task without delay")
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(lines, ["ending", "ran", "exit"])
  })
})
