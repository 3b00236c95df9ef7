import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Options } from "../../../examples/ping/pinger.ts"
import { program } from "../../../examples/ping/program.ts"
import { run } from "../../support/program.ts"
import { ownIdentifier } from "../../support/raw.ts"
import { law, layerName } from "../../support/rig.ts"
import { reason } from "../../support/udp.ts"

const options = (): Options => ({
  count: 3,
  hopLimit: undefined,
  interval: 1,
  timeout: "10 seconds",
  size: 32,
  identifier: ownIdentifier()
})

const denied = "the program must run elevated"

/** What the program answers with, unless a raw socket is not permitted here: then that is what it says. */
const whenPermitted = <A, E, R, B, R2>(
  ping: Effect.Effect<A, E, R>,
  body: (a: A) => Effect.Effect<B, never, R2>
): Effect.Effect<void, E, R | R2> =>
  Effect.matchEffect(ping, {
    onSuccess: (found) => Effect.asVoid(body(found)),
    onFailure: (error) => {
      if (layerName === "mock" || !String(error).includes("WSAEACCES")) return Effect.fail(error)
      return Effect.sync(() => assert.include(String(error), denied))
    }
  })

describe("ping", () => {
  law("of this machine, by its address and by its name", () => {
    let text = ""
    const output = { write: (piece: string) => void (text += piece), columns: undefined }
    return whenPermitted(program(["127.0.0.1", "localhost"], options(), output), (tallies) =>
      Effect.sync(() => {
        assert.deepStrictEqual(
          tallies.map(({ received, sent }) => [sent, received]),
          [
            [3, 3],
            [3, 3]
          ]
        )
        const lines = text.trimEnd().split("\n")
        assert.strictEqual(lines.length, 8, text)
        const replies = lines.filter((line) => /^127\.0\.0\.1: 32 bytes in [\d.]+ ms TTL=\d+$/.test(line))
        assert.strictEqual(replies.length, 3, text)
        assert.match(lines[6], /^127\.0\.0\.1: 3 sent, 3 received, 0 % lost; min [\d.]+ ms, avg /)
        assert.match(lines[7], /^localhost \((127\.0\.0\.1|::1)\): 3 sent, 3 received, 0 % lost; min /)
        for (const { least, most, total } of tallies) assert.isTrue(least <= total / 3 && total / 3 <= most)
      })
    )
  })

  law("over IPv6, where the machine has raw sockets of ICMPv6; Wine has none and says so", () => {
    let text = ""
    const output = { write: (piece: string) => void (text += piece), columns: undefined }
    const ping = program(["::1"], options(), output)
    return Effect.matchEffect(ping, {
      onSuccess: ([{ received, sent }]) =>
        Effect.sync(() => {
          assert.deepStrictEqual([sent, received], [3, 3])
          assert.match(text, /^::1: 32 bytes in [\d.]+ ms TTL=\d+\n/)
        }),
      onFailure: (error) =>
        Effect.sync(() => {
          assert.strictEqual(layerName, "native", error.message)
          assert.oneOf(error.reason._tag, ["NotSupported", "PermissionDenied"])
          assert.strictEqual(text, "")
        })
    })
  })

  law("without the rights of an administrator says so, and sends nothing", (rig) =>
    Effect.gen(function* () {
      rig.failing.add({ call: "WSASocketW", code: Codes.WSAEACCES })
      let text = ""
      const output = { write: (piece: string) => void (text += piece), columns: undefined }
      const refused = yield* reason(program(["127.0.0.1"], options(), output))
      assert.deepStrictEqual([refused._tag, refused.code], ["PermissionDenied", Codes.WSAEACCES])
      assert.include(refused.meaning, denied)
      assert.strictEqual(text, "")
      assert.strictEqual(rig.recorder.count("WSASendMsg"), 0)
    })
  )
})

describe(`examples/ping.ts (${layerName})`, () => {
  it("pings what it is told to", async () => {
    const targets = { mock: ["--mock", "10.0.0.1", "fd00::1"], native: ["127.0.0.1"] }[layerName]
    const ended = await run("examples/ping.ts", ["-n", "1", ...targets])
    if (layerName === "native" && ended.stderr.includes("WSAEACCES")) {
      assert.include(ended.stderr, denied)
      return assert.strictEqual(ended.code, 1)
    }
    assert.strictEqual(ended.stderr, "")
    assert.strictEqual(ended.code, 0)
    const addresses = targets.filter((target) => !target.startsWith("-"))
    assert.strictEqual(ended.lines.length, 2 * addresses.length)
    for (const address of addresses) {
      assert.isTrue(ended.lines.some((line) => line.startsWith(`${address}: 32 bytes in `)))
      assert.isTrue(ended.lines.some((line) => line.startsWith(`${address}: 1 sent, 1 received, 0 % lost; min `)))
    }
  })

  it.each([
    [[], "which addresses or names?"],
    [["-n", "0", "127.0.0.1"], "-n is 0 and must be an integer from 1 to 1000000"],
    [["-i", "256", "127.0.0.1"], "-i is 256 and must be an integer from 1 to 255"]
  ])("says what is wrong with %j", async (args, message) => {
    const ended = await run("examples/ping.ts", args)
    assert.deepStrictEqual(ended, { code: 1, lines: [], stderr: ended.stderr })
    assert.strictEqual(ended.stderr.trim(), message)
  })
})
