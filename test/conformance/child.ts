// Runs the rows on this machine's ws2_32.dll and writes what came of each as a line of JSON, at once: a row that ends
// the process leaves the others' answers behind. `--after=ID` goes on behind that row.
import { writeSync } from "node:fs"
import { onNative, platform, runRow } from "./layers.ts"
import type { Outcome, Platform } from "./model.ts"
import { rows } from "./table.ts"

export type Line =
  | { readonly platform: Platform }
  | { readonly begin: string }
  | { readonly id: string; readonly outcome: Outcome }
  | { readonly end: true }

const write = (line: Line): void => {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const after = process.argv.find((arg) => arg.startsWith("--after="))?.slice("--after=".length)
write({ platform: await platform() })
await onNative(async (environment) => {
  for (const row of rows.slice(rows.findIndex(({ id }) => id === after) + 1)) {
    write({ begin: row.id })
    write({ id: row.id, outcome: await runRow(environment, row) })
  }
})
write({ end: true })
