import { assert, it } from "@effect/vitest"
import { updated } from "../../tools/options.mjs"

it("docs/options.md shows the tables as they are", async () => {
  const { text, wanted } = await updated()
  assert.strictEqual(text, wanted, "npm run options")
  assert.include(text, "`SO_CONNECT_TIME`")
  assert.notInclude(text, "undefined")
})
