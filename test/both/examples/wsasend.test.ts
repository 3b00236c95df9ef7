import { TcpSocket } from "@effect-winsock/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { run } from "../../support/program.ts"
import { layerName, withRig } from "../../support/rig.ts"
import { at, tag } from "../../support/udp.ts"

const wrote = Array.from({ length: 10 }, () => "wrote 4096 bytes")

/** The sample in a process of its own, when it listens. */
const sample = Effect.acquireRelease(
  Effect.promise(async () => {
    const file = fileURLToPath(new URL("../../../examples/wsasend-sample.ts", import.meta.url))
    const child = spawn(process.execPath, [file, "--port=0"], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const port = await new Promise<number>((resolve, reject) => {
      const read = (text: string) => {
        output += text
        const listening = /listening on 127\.0\.0\.1:(\d+)\r?\n/.exec(output)
        if (listening !== null) resolve(Number(listening[1]))
      }
      child.stdout.setEncoding("utf8").on("data", read)
      child.stderr.setEncoding("utf8").on("data", read)
      child.on("error", reject)
      child.on("close", (code) => reject(new Error(`it ended with ${code}: ${output}`)))
    })
    return { child, port, text: () => output }
  }),
  ({ child }) => Effect.sync(() => child.kill())
)

/** With a client of its own, on the simulated network. */
const simulated = Effect.gen(function* () {
  const { code, lines, stderr } = yield* Effect.promise(() => run("examples/wsasend-sample.ts", ["--mock", "--port=0"]))
  assert.strictEqual(stderr, "")
  assert.strictEqual(code, 0)
  assert.match(lines[0], /^listening on 127\.0\.0\.1:\d+$/)
  assert.deepStrictEqual(lines.slice(1, -1), wrote)
  assert.strictEqual(lines.at(-1), "the client received 40960 bytes")
})

/** With a client of the library's, in this process. */
const real = withRig(() =>
  Effect.gen(function* () {
    const { child, port, text } = yield* sample
    const client = yield* TcpSocket.connect(at("127.0.0.1", port))
    const bytes = yield* client.receiveExactly(40_960)
    assert.isTrue(bytes.every((byte) => byte === "#".codePointAt(0)))
    assert.strictEqual(yield* tag(client.receive), "EndOfStream")
    yield* client.shutdown("send")
    if (child.exitCode === null) yield* Effect.promise(() => once(child, "exit"))
    assert.strictEqual(child.exitCode, 0, text())
    assert.deepStrictEqual(text().split(/\r?\n/).slice(1, -1), ["client connected", ...wrote])
  })
)

// what it does with clients that know nothing of it is tested in test/peers
describe("the sample of the page of WSASend", () => {
  it.live(
    `sends ten buffers, each told by its event (${layerName})`,
    () => ({ mock: simulated, native: real })[layerName]
  )

  it.each(["--port=70000", "--port=http", "--address=nobody"])("says what is wrong with %s", async (arg) => {
    const { code, lines, stderr } = await run("examples/wsasend-sample.ts", ["--mock", arg])
    assert.strictEqual(code, 1)
    assert.deepStrictEqual(lines, [])
    assert.strictEqual(stderr.trim().split("\n").length, 1, stderr)
    assert.isAbove(stderr.trim().length, 0)
  })
})
