import { assert, it } from "@effect/vitest"
import { run } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

it(`promises and abort signals do what interruptions do (${layerName})`, async () => {
  const ended = await run("examples/promises.ts", [], { EFFECT_WINSOCK_LAYER: layerName })
  assert.deepStrictEqual(ended, {
    code: 0,
    lines: ["first receive: aborted", "second receive: timed out", "then: one, two", "cancelled: 2, pending: 0"],
    stderr: ""
  })
})
