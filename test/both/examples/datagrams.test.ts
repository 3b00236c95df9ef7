import { assert, describe, it } from "@effect/vitest"
import { run } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

const ways = { mock: ["--node", "--mock"], native: ["--node", "--native"] }[layerName]

describe(`examples/transports/datagrams.ts (${layerName})`, () => {
  it.each(ways)("does the same with only its layer changed: %s", { timeout: 120_000 }, async (way) => {
    const ended = await run("examples/transports/datagrams.ts", [way])
    assert.deepStrictEqual(ended, {
      code: 0,
      lines: [
        "cellar: 3 readings, mean 13; 70,000 bytes: MessageTooLarge",
        "attic: 2 readings, mean 29; 70,000 bytes: MessageTooLarge"
      ],
      stderr: ""
    })
  })
})
