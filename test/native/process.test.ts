import { afterEach, assert, describe, it } from "@effect/vitest"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { createSocket } from "node:dgram"
import { fileURLToPath } from "node:url"

const fixture = fileURLToPath(new URL("./fixtures/process.ts", import.meta.url))

const children = new Set<ChildProcess>()
// one that does not end fails its test, and must not outlive it
afterEach(() => {
  for (const child of children) child.kill()
})

const launch = (scenario: string) => {
  const child = spawn(process.execPath, [fixture, scenario], { stdio: ["ignore", "pipe", "pipe"] })
  children.add(child)
  let stdout = ""
  let stderr = ""
  let ending = Number.NaN
  let ended = false
  let said = () => {}
  child.stdout.on("data", (data) => {
    stdout += data
    if (Number.isNaN(ending) && stdout.includes("ending")) ending = performance.now()
    said()
  })
  child.stderr.on("data", (data) => {
    stderr += data
  })
  const lines = () => stdout.split(/\r?\n/).filter((line) => line !== "")
  return {
    isAlive: () => !ended,
    /** The first line that begins with `word`, when it is said. */
    says: (word: string) =>
      new Promise<string>((resolve, reject) => {
        said = () => {
          const line = stdout
            .split(/\r?\n/)
            .slice(0, -1)
            .find((line) => line.startsWith(word))
          if (line !== undefined) resolve(line)
        }
        child.on("close", () => reject(new Error(`it never said ${word}: ${stdout}${stderr}`)))
        said()
      }),
    ended: new Promise<{ code: number | null; lines: Array<string>; stderr: string; took: number }>(
      (resolve, reject) => {
        child.on("error", reject)
        child.on("close", (code) => {
          children.delete(child)
          ended = true
          resolve({ code, lines: lines(), stderr, took: performance.now() - ending })
        })
      }
    )
  }
}

const run = (scenario: string) => launch(scenario).ended

// a second or so (the bound on a blocking dequeue), and room for a busy machine
const soon = 5000

describe("L7: a process stays alive while a fiber waits, and only then", () => {
  it("lives until the datagram comes, and ends behind it", { timeout: 15_000 }, async () => {
    const child = launch("waits")
    const port = Number((await child.says("ready")).slice("ready ".length))
    // longer than a process needs that nothing keeps
    assert.strictEqual((await run("does not wait")).code, 0)
    assert.isTrue(child.isAlive())
    const sender = createSocket("udp4")
    sender.send("hello", port, "127.0.0.1")
    const { code, lines, stderr } = await child.ended
    sender.close()
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, [`ready ${port}`, "got hello"])
  })

  for (const [scenario, lines] of [
    ["does not wait", ["ending"]],
    ["waited", ["0 pending", "ending"]],
    ["waited, with look-ahead", ["ending"]]
  ] as const) {
    it(`ends by itself when nobody waits: ${scenario}`, { timeout: 15_000 }, async () => {
      const end = await run(scenario)
      assert.strictEqual(end.code, 0, end.stderr)
      assert.deepStrictEqual(end.lines, [...lines])
      assert.isBelow(end.took, soon)
    })
  }
})

describe("L7: a process with a fiber that waits", () => {
  it("ends on process.exit, with its code", { timeout: 15_000 }, async () => {
    const { code, lines, took } = await run("exits")
    assert.strictEqual(code, 7)
    assert.deepStrictEqual(lines, ["ending"])
    assert.isBelow(took, soon)
  })

  for (const scenario of ["throws", "rejects"]) {
    it(`ends on an error that nobody catches: ${scenario}`, { timeout: 15_000 }, async () => {
      const { code, stderr, took } = await run(scenario)
      assert.strictEqual(code, 1)
      assert.include(stderr, "on purpose")
      assert.isBelow(took, soon)
    })
  }

  it("goes on after an error that somebody catches", { timeout: 15_000 }, async () => {
    const { code, lines, stderr } = await run("goes on after an error")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["caught on purpose", "got two"])
  })
})

describe("L7: a worker with a fiber that waits", () => {
  it("lives until the datagram comes, and ends behind it", { timeout: 15_000 }, async () => {
    const { code, lines, stderr } = await run("worker that receives")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ready", "got hello", "worker exited 0"])
  })

  it("can be terminated", { timeout: 15_000 }, async () => {
    const { code, lines, stderr, took } = await run("worker that is terminated")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ending", "worker exited 1"])
    assert.isBelow(took, soon)
  })

  it("ends on its process.exit", { timeout: 15_000 }, async () => {
    const { code, lines, stderr, took } = await run("worker that exits")
    assert.strictEqual(code, 0, stderr)
    assert.sameMembers(lines, ["ending", "worker exited 5"])
    assert.isBelow(took, soon)
  })
})

describe("L7: a process with a fiber that waits for an event", () => {
  it("lives until the signal, longer than one call waits, and ends behind it", async () => {
    const { code, lines, stderr, took } = await run("waits for an event")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ready", "signalled", "ending"])
    assert.isBelow(took, soon)
  })

  it("ends by itself when nobody waits", async () => {
    const { code, lines, stderr, took } = await run("waited for an event")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ending"])
    assert.isBelow(took, soon)
  })

  it("ends on process.exit, with its code", async () => {
    const { code, lines, took } = await run("exits with an event")
    assert.strictEqual(code, 7)
    assert.deepStrictEqual(lines, ["ending"])
    assert.isBelow(took, soon)
  })

  it("is a worker that can be terminated", async () => {
    const { code, lines, stderr, took } = await run("worker that waits for an event")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["ending", "worker exited 1"])
    assert.isBelow(took, soon)
  })

  it("is told of it although its threads are all busy", async () => {
    const { code, lines, stderr } = await run("starved of events")
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(lines.length, 1, lines.join("\n"))
    const figures = JSON.parse(lines[0])
    // the threads were busy to the end
    assert.isFalse(figures.free)
    assert.isBelow(figures.waits.most, 1000)
  })
})

describe("a process", () => {
  it("whose threads are all busy still sends, receives and interrupts", { timeout: 60_000 }, async () => {
    const { code, lines, stderr } = await run("starved")
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(lines.length, 1, lines.join("\n"))
    const figures = JSON.parse(lines[0])
    // the threads were busy to the end
    assert.isFalse(figures.free)
    // the slowest look of the pump's timer, and room for a busy machine
    assert.isBelow(figures.trips.most, 1000)
    assert.isBelow(figures.interrupts.most, 1000)
  })

  it("has two layers, and releases one", { timeout: 15_000 }, async () => {
    const { code, lines, stderr, took } = await run("two layers")
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual(lines, ["got one", "OperationAborted", "got two", "0 0 0", "ending"])
    assert.isBelow(took, soon)
  })
})
