import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { mutants } from "../../tools/mutants/table.mjs"

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))

describe("the planted faults", () => {
  it("are many, and each has its name", () => {
    assert.isAbove(mutants.length, 20)
    assert.strictEqual(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  })

  for (const { caughtBy, file, find, name, replace } of mutants) {
    it(`${name}: its text is in its file once, and its tests exist`, () => {
      assert.strictEqual(readFileSync(path(file), "utf8").split(find).length - 1, 1)
      assert.notStrictEqual(replace, find)
      assert.isAbove(caughtBy.length, 0)
      for (const test of caughtBy) assert.isTrue(existsSync(path(test)), test)
    })
  }
})
