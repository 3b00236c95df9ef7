import { assert, describe, it } from "@effect/vitest"
import { run } from "../../support/program.ts"
import { layerName } from "../../support/rig.ts"

const expected = {
  code: 0,
  lines: ["nothing ok deep blue", "ok 1 ok 1 ok 1", "blue colour green red what is sing?"],
  stderr: ""
}

describe("a program for NodeSocket and NodeSocketServer runs with only its layer changed", () => {
  for (const on of ["node", layerName]) {
    it(`on ${on} (${layerName})`, async () => {
      assert.deepStrictEqual(await run("examples/transports/key-value.ts", [`--on=${on}`]), expected)
    })
  }
})
