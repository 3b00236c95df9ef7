import { assert, it } from "@effect/vitest"
import { examplesOf } from "../../tools/check/docs.mjs"

const fence = "```"

it("an example of a comment keeps its line and column", () => {
  const text = `const a = 1\n/**\n * ${fence}ts\n * import "x"\n * ${fence}\n */\nconst b = "/** ${fence}ts"\n`
  const { examples, faults } = examplesOf("A.ts", text)
  assert.deepStrictEqual(faults, [])
  assert.deepStrictEqual(examples, [{ name: "A.ts.3.ts", text: `\n\n\n   import "x"\nexport {}\n` }])
})

it("examples of a document; other languages and marked ones are left out", () => {
  const text = [
    `${fence}ts`,
    `one()`,
    fence,
    `${fence}ts no-check`,
    `two()`,
    fence,
    `${fence}sh`,
    `npm test`,
    fence,
    `- in a list`,
    `  ${fence}typescript`,
    `  three()`,
    `  ${fence}`
  ]
  const { examples, faults } = examplesOf("README.md", text.join("\n"))
  assert.deepStrictEqual(faults, [])
  assert.deepStrictEqual(
    examples.map(({ text: code }) => code.trim().split("\n")[0]),
    ["one()", "three()"]
  )
})

it("a fence that is not closed is a fault", () => {
  assert.deepStrictEqual(examplesOf("README.md", `text\n${fence}ts\none()`).faults, [
    "README.md:2: the fence is not closed"
  ])
})
