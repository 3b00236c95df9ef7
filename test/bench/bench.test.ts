import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

interface Counts {
  readonly receive: number
  readonly send: number
  readonly dequeue: number
  readonly cancel: number
}

/** What this suite asks of the JSON document. */
interface Row {
  readonly name: string
  readonly floor: { readonly median: number }
  readonly memory?: number
  readonly engine?: { readonly median: number }
  readonly counts: { readonly calls?: Counts; readonly engine?: Counts }
}

const floors = ["loop", "message"]
/** What stands on a socket, beside that socket. */
const adapters = ["datagram-socket-parked", "datagram-socket-pull", "datagram-socket-write"]
const controls = ["control-parse", "control-encode"]
/** What an idle connection holds: on the mock only. */
const idle = ["idle-connection", "idle-end", "idle-kernel", "idle-receive", "idle-fiber"]
const cases = [
  "ready-inbox",
  "ready-inbox-arrival",
  "ready-now",
  "parked-64",
  "parked-1",
  "parked-event-loop",
  "interrupt",
  "interrupt-root",
  "pull",
  "send"
]

const script = fileURLToPath(new URL("../../bench/run.ts", import.meta.url))

const quick = async (provider: string): Promise<ReadonlyArray<Row>> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    "--quick",
    "--json",
    `--provider=${provider}`
  ])
  return JSON.parse(stdout).rows
}

describe.concurrent("npm run bench -- --quick", () => {
  it.each(["fake", "mock"])("runs every case on the %s provider", { timeout: 60_000 }, async (provider) => {
    const rows = await quick(provider)
    assert.deepStrictEqual(
      rows.map((row) => row.name),
      [...floors, ...cases, ...adapters, ...controls, ...(provider === "mock" ? idle : [])]
    )
    for (const { engine, floor, memory, name } of rows) {
      assert.isAbove(idle.includes(name) ? (memory ?? 0) : floor.median, 0, name)
      if ([...cases, ...adapters].includes(name)) assert.isAbove(engine?.median ?? 0, 0, name)
    }
  })

  it("takes off what the engine's own calls cost, no more and no less", { timeout: 60_000 }, async () => {
    const rows = await quick("fake")
    const measured = rows.filter((row) => cases.includes(row.name))
    assert.lengthOf(measured, cases.length)
    for (const { counts, name } of measured) {
      const { calls, engine } = counts
      assert.isDefined(engine, name)
      assert.strictEqual(calls!.receive, engine!.receive, `${name}: receives`)
      assert.strictEqual(calls!.send, engine!.send, `${name}: sends`)
      assert.strictEqual(calls!.cancel, engine!.cancel, `${name}: cancels`)
      // who looks first, the event loop or the off-thread call, is not the same in each turn
      if (name !== "parked-event-loop") assert.strictEqual(calls!.dequeue, engine!.dequeue, `${name}: dequeues`)
    }
  })
})
