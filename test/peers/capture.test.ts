/**
 * The capture file of a simulation, read by a program that knows nothing of it.
 */
import { MockCapture } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { story } from "../support/story.ts"

const run = promisify(execFile)

/** What tshark says of some fields of each packet. */
const fieldsOf = (file: Uint8Array, fields: ReadonlyArray<string>) =>
  Effect.acquireUseRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "capture-"))),
    (folder) =>
      Effect.promise(async () => {
        const path = join(folder, "trace.pcapng")
        await writeFile(path, file)
        const checks = ["ip", "tcp", "udp"].flatMap((protocol) => ["-o", `${protocol}.check_checksum:TRUE`])
        const shown = fields.flatMap((field) => ["-e", field])
        const { stdout } = await run("tshark", ["-r", path, ...checks, "-T", "fields", ...shown], { timeout: 60_000 })
        return stdout
          .split("\n")
          .slice(0, -1)
          .map((line) => line.split("\t"))
      }),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )

describe.skipIf(process.platform === "win32")("the capture of a simulation, read by tshark", () => {
  it.effect(
    "every packet is whole, with good checksums; the stream has no gap and no packet that was not expected",
    () =>
      Effect.gen(function* () {
        const trace = yield* story
        const sent = trace.filter((event) => event._tag === "Sent" || event._tag === "Segment")
        const lines = yield* fieldsOf(MockCapture.toPcapng(trace), [
          "frame.time_relative",
          "ip.src",
          "ip.dst",
          "ip.checksum.status",
          "udp.checksum.status",
          "tcp.checksum.status",
          "tcp.analysis.flags",
          "frame.comment"
        ])
        assert.strictEqual(lines.length, sent.length)
        const first = sent[0].at
        for (const [i, [time, source, destination, ip, udp, tcp, analysis]] of lines.entries()) {
          const event = sent[i]
          assert.strictEqual(Number(time), (event.at - first) / 1000)
          assert.deepStrictEqual(
            [`${source}:`, `${destination}:`],
            [event.from, event.to].map((end) => end.replace(/\d+$/, ""))
          )
          assert.deepStrictEqual(
            [ip, udp, tcp],
            ["1", event._tag === "Sent" ? "1" : "", event._tag === "Sent" ? "" : "1"]
          )
          assert.strictEqual(analysis, "")
        }
        assert.strictEqual(lines.filter((line) => line[7] === "dropped: no such host").length, 1)
      }).pipe(Effect.scoped),
    120_000
  )
})
