import { assert, beforeAll, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { divergences, omissions } from "./divergences.ts"
import { onMock, runRow } from "./layers.ts"
import { type Divergence, type Outcome, type Row, judgeMock, judgeNative, oneOf, textOf } from "./model.ts"
import * as Report from "./report.ts"
import { groups, rows } from "./table.ts"

const document = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8").split(/\r?\n/)

const outcomes = new Map<string, Outcome>()

beforeAll(async () => {
  await onMock(async (environment) => {
    for (const row of rows) outcomes.set(row.id, await runRow(environment, row))
  })
}, 60_000)

const why = (row: Row): string => {
  const outcome = outcomes.get(row.id)!
  const expected = row.evidence === "unknown" ? "" : `; Windows: ${textOf(row.windows)}`
  return `${Report.outcomeCell(row, outcome)}${expected}`
}

for (const group of groups) {
  describe(`${group.title} (mock)`, () => {
    for (const row of group.rows) {
      it(`${row.id}: ${row.title}`, () => {
        const outcome = outcomes.get(row.id)!
        const judgement = judgeMock(row, outcome, omissions[row.id])
        assert.notStrictEqual(judgement.verdict, "FAIL", `${judgement.note}: ${why(row)}`)
        const cells = `${Report.mockCells(row, outcome)} |`
        assert.isTrue(
          document.some((line) => line.startsWith(cells)),
          `docs/conformance.md is not current (npm run conformance): ${cells}`
        )
      })
    }
  })
}

describe("the table", () => {
  it("has each id once", () => {
    const ids = rows.map(({ id }) => id)
    assert.deepStrictEqual(
      ids.filter((id, at) => ids.indexOf(id) !== at),
      []
    )
  })

  it("has as many rows in the document", () => {
    const numbered = document.filter((line) => rows.some((row) => line.startsWith(`| ${row.id} | ${row.title}`)))
    assert.isAtLeast(numbered.length, rows.length)
    for (const { title } of groups) assert.include(document, `## ${title}`)
  })

  it("names divergences of rows with evidence, once each, that differ from Windows", () => {
    const ids = divergences.map(({ id }) => id)
    assert.deepStrictEqual(new Set(ids).size, ids.length)
    for (const { id, wine } of divergences) {
      const row = rows.find((row) => row.id === id)
      assert.isDefined(row, id)
      assert.notStrictEqual(row.evidence, "unknown", id)
      if (row.evidence !== "unknown") assert.notStrictEqual(textOf(wine), textOf(row.windows), id)
    }
  })

  it("lists only rows as not simulated", () => {
    for (const id of Object.keys(omissions)) {
      assert.isTrue(
        rows.some((row) => row.id === id),
        id
      )
    }
  })
})

describe("verdicts", () => {
  const probe = () => Promise.resolve({})
  const known: Row = {
    id: "x",
    title: "",
    source: "",
    evidence: "seen",
    windows: { call: oneOf("ok", "WSA_IO_PENDING") },
    probe
  }
  const open: Row = { id: "x", title: "", source: "", evidence: "unknown", probe }
  const saw = (call: string): Outcome => ({ _tag: "Observed", observation: { call } })
  const cannot: Outcome = { _tag: "CannotRun", reason: "no" }
  const broken: Outcome = { _tag: "Broken", reason: "no" }
  const divergence: Divergence = { id: "x", wine: { call: "WSAEINVAL" }, versions: ["8.0"], why: "" }
  const wine = { _tag: "Wine", version: "8.0" } as const
  const newer = { _tag: "Wine", version: "10.0" } as const
  const windows = { _tag: "Windows", version: "10.0.22631" } as const

  it("the mock fails where it is not as Windows", () => {
    assert.strictEqual(judgeMock(known, saw("ok"), undefined).verdict, "ok")
    assert.strictEqual(judgeMock(known, saw("WSA_IO_PENDING"), undefined).verdict, "ok")
    assert.strictEqual(judgeMock(known, saw("WSAEINVAL"), undefined).verdict, "FAIL")
    assert.strictEqual(judgeMock(open, saw("WSAEINVAL"), undefined).verdict, "open")
    assert.strictEqual(judgeMock(open, broken, undefined).verdict, "FAIL")
  })

  it("an aspect too many or too few is a difference", () => {
    const more: Outcome = { _tag: "Observed", observation: { call: "ok", bytes: 1 } }
    const fewer: Outcome = { _tag: "Observed", observation: {} }
    assert.strictEqual(judgeMock(known, more, undefined).verdict, "FAIL")
    assert.strictEqual(judgeMock(known, fewer, undefined).verdict, "FAIL")
  })

  it("what the mock cannot run has to be listed, and what is listed has to be so", () => {
    assert.strictEqual(judgeMock(known, cannot, "why").verdict, "cannot run")
    assert.strictEqual(judgeMock(known, cannot, undefined).verdict, "FAIL")
    assert.strictEqual(judgeMock(known, saw("ok"), "why").verdict, "FAIL")
  })

  it("Wine fails where it differs without a name, or otherwise than by name", () => {
    assert.strictEqual(judgeNative(known, saw("ok"), wine, undefined).verdict, "ok")
    assert.strictEqual(judgeNative(known, saw("WSAEINVAL"), wine, undefined).verdict, "FAIL")
    assert.strictEqual(judgeNative(known, saw("WSAEINVAL"), wine, divergence).verdict, "diverges")
    assert.strictEqual(judgeNative(known, saw("WSAEFAULT"), wine, divergence).verdict, "FAIL")
    assert.strictEqual(judgeNative(open, saw("WSAEFAULT"), wine, undefined).verdict, "open")
    assert.strictEqual(judgeNative(known, broken, wine, divergence).verdict, "FAIL")
  })

  it("a named divergence that is none any more fails, under the version that it names", () => {
    assert.strictEqual(judgeNative(known, saw("ok"), wine, divergence).verdict, "FAIL")
    assert.strictEqual(judgeNative(known, saw("ok"), newer, divergence).verdict, "ok")
  })

  it("real Windows is right", () => {
    assert.strictEqual(judgeNative(known, saw("ok"), windows, divergence).verdict, "seen")
    const other = judgeNative(known, saw("WSAEINVAL"), windows, divergence)
    assert.deepStrictEqual([other.verdict, other.note], ["seen", "not as expected: please report"])
    assert.strictEqual(judgeNative(open, saw("ok"), windows, undefined).verdict, "seen")
  })
})
