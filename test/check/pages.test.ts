import { assert, describe, it } from "@effect/vitest"
import { judge } from "../../tools/check/pages.mjs"

const files: { readonly [path: string]: string } = {
  "packages/core/src/A.ts": `export const a = { deep: 1 }\nexport interface Face { readonly member: number }\nconst hidden = 1`,
  "packages/core/src/internal/engine.ts": `export class Engine { run(): void {} }`,
  "packages/mock/src/internal/A.ts": `export const onlyMock = 1`,
  "test/a.test.ts":
    'describe("the group", () => {})\nit("a title", () => {})\nlaw(`of ${many}`, () => {})\nlawInEachMode("in each way", () => {})\n// it("in a comment", () => {})\nconst t = "loose"',
  "test/rows/r.ts": `export const rows = [{ id: "fact 1", title: "A row" }]`
}

const faultsOf = (...rows: ReadonlyArray<string>) =>
  judge(
    ["| | the page says | symbol | test |", "|---|---|---|---|", ...rows].join("\n"),
    Object.keys(files),
    (path) => files[path]
  ).faults

const good = "`a.test.ts`: a title"

describe("docs/pages.md", () => {
  it("a rule with its symbols and tests is no fault", () => {
    const symbols = ["A.a", "A.deep", "A.Face", "A.member", "engine.Engine", "engine.run"].map((name) => `\`${name}\``)
    const tests = [
      good,
      "`a.test.ts`: of ${many}",
      "`a.test.ts`: in each way",
      "`rows/r.ts`: fact 1",
      "`rows/r.ts`: A row"
    ]
    assert.deepStrictEqual(faultsOf(`| R1 | it does | ${symbols.join("<br>")} | ${tests.join("<br>")} |`), [])
  })

  for (const [what, row, fault] of [
    ["a symbol that is no longer exported", `| R1 | x | \`A.hidden\` | ${good} |`, "has no hidden any more"],
    ["a symbol of another module of the name", `| R1 | x | \`A.onlyMock\` | ${good} |`, "has no onlyMock any more"],
    ["a module that is gone", `| R1 | x | \`B.b\` | ${good} |`, "there is no module B"],
    ["what is no symbol", `| R1 | x | A.a | ${good} |`, "not a symbol: A.a"],
    ["no symbol", `| R1 | x | | ${good} |`, "it has no symbol"],
    ["no test", "| S1 | x | `A.a` | |", "it has no test"],
    ["no rule", `| S1 | | \`A.a\` | ${good} |`, "it says nothing"],
    ["a title that is gone", "| R1 | x | `A.a` | `a.test.ts`: b |", 'has no "b" any more'],
    ["a title in a comment", "| R1 | x | `A.a` | `a.test.ts`: in a comment |", 'has no "in a comment" any more'],
    ["a text that is no title", "| R1 | x | `A.a` | `a.test.ts`: loose |", 'has no "loose" any more'],
    ["a text that is no test's", "| R1 | x | `A.a` | `a.test.ts`: the group |", 'has no "the group" any more'],
    ["a file that is gone", "| R1 | x | `A.a` | `b.test.ts`: b |", "there is no test/b.test.ts"],
    ["what is no test", "| R1 | x | `A.a` | a title |", "not a test: a title"],
    ["a cell too many", `| R1 | x | y | \`A.a\` | ${good} |`, "it has 5 cells"]
  ] as const) {
    it(`is at fault for ${what}`, () => {
      const faults = faultsOf(row)
      assert.strictEqual(faults.length, 1, faults.join("\n"))
      assert.include(faults[0], fault)
      assert.match(faults[0], /^docs\/pages\.md:3: [RS]1: /)
    })
  }

  it("is at fault for a number that is used twice, and for no rows", () => {
    const row = `| R1 | x | \`A.a\` | ${good} |`
    assert.deepStrictEqual(faultsOf(row, row), ["docs/pages.md:4: R1: the number is used twice"])
    assert.deepStrictEqual(faultsOf(), ["docs/pages.md: there are no rows"])
  })
})
