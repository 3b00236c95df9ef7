import { assert, it } from "@effect/vitest"
import { run } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

it(`a Duplex that is paused does not keep the process alive (${layerName})`, async () => {
  const ended = await run("test/native/fixtures/pausedDuplex.ts", [], { EFFECT_WINSOCK_LAYER: layerName })
  assert.deepStrictEqual([ended.lines, ended.stderr], [["paused with 13 bytes", "the process ends"], ""])
})
