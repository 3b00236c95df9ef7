import { assert, describe, it } from "@effect/vitest"
import { onNative, platform, runRow } from "../conformance/layers.ts"
import { judgeNative } from "../conformance/model.ts"
import * as Report from "../conformance/report.ts"
import { groups } from "../conformance/table.ts"

const here = await platform()

for (const group of groups) {
  describe(`${group.title} (native)`, () => {
    for (const row of group.rows) {
      it(`${row.id}: ${row.title}`, async () => {
        const outcome = await onNative((environment) => runRow(environment, row))
        const { note, verdict } = judgeNative(row, outcome, here, Report.divergenceOf(row))
        assert.notStrictEqual(verdict, "FAIL", `${note}: ${Report.outcomeCell(row, outcome)}`)
      })
    }
  })
}
