/**
 * The sample of the page of WSASend on the real ws2_32.dll, with clients that know nothing of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { launch } from "../support/launch.ts"

const listening = /listening on 127\.0\.0\.1:(\d+)\r?\n/

// each serves one client
const clients = {
  nc: (port: string) => ["nc", "-N", "127.0.0.1", port],
  curl: (port: string) => ["curl", "-sS", "--max-time", "30", `telnet://127.0.0.1:${port}`]
}

describe.skipIf(process.platform === "win32")("the sample of the page of WSASend", () => {
  it.each(Object.entries(clients))(
    "%s receives exactly 40,960 bytes",
    async (_, client) => {
      const server = await launch("examples/wsasend-sample.ts", ["--port=0"], listening)
      try {
        const [command, ...args] = client(server.found)
        const receiving = promisify(execFile)(command, args, { encoding: "latin1", timeout: 60_000 })
        // the end of its input is no end of the transfer
        receiving.child.stdin!.end()
        const { stdout } = await receiving
        assert.strictEqual(stdout.length, 40_960)
        assert.strictEqual(stdout, "#".repeat(40_960))
      } finally {
        await server.stop()
      }
    },
    240_000
  )
})
