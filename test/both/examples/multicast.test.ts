import { assert, it } from "@effect/vitest"
import { run } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

it(`whoever is in the group answers (${layerName})`, async () => {
  const ended = await run("examples/multicast.ts", [], { EFFECT_WINSOCK_LAYER: layerName })
  assert.deepStrictEqual(ended, { code: 0, lines: ["I am ada", "I am grace", "I am hedy"], stderr: "" })
})
