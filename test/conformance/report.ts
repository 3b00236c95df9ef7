// The table as text: for a terminal, and as Markdown.
import { styleText } from "node:util"
import { divergences, omissions } from "./divergences.ts"
import {
  type Group,
  type Judgement,
  type Outcome,
  type Platform,
  type Row,
  type Verdict,
  equals,
  judgeMock,
  judgeNative,
  nameOfPlatform,
  textOf
} from "./model.ts"
import { pages, reasonOf, shows } from "./pages.ts"

/** What the layers answered, by the row's id. */
export type Outcomes = ReadonlyMap<string, Outcome>

export interface Run {
  readonly mock: Outcomes
  /** Undefined when only the mock ran. */
  readonly native: { readonly platform: Platform; readonly outcomes: Outcomes } | undefined
}

export interface Judged {
  readonly row: Row
  readonly mock: Outcome
  readonly native: Outcome | undefined
  readonly mockJudgement: Judgement
  readonly nativeJudgement: Judgement | undefined
  /** Both layers' verdicts in one. */
  readonly verdict: Verdict
}

const missing: Outcome = { _tag: "Broken", reason: "the probe did not run" }

export const divergenceOf = (row: Row) => divergences.find(({ id }) => id === row.id)

// the first of these that a layer has is the row's
const weight: ReadonlyArray<Verdict> = ["FAIL", "seen", "diverges", "open", "cannot run", "ok"]

const worst = (...verdicts: ReadonlyArray<Verdict>): Verdict => weight.find((v) => verdicts.includes(v)) ?? "ok"

export const judge = (row: Row, run: Run): Judged => {
  const mock = run.mock.get(row.id) ?? missing
  const mockJudgement = judgeMock(row, mock, omissions[row.id])
  if (run.native === undefined) {
    return { row, mock, native: undefined, mockJudgement, nativeJudgement: undefined, verdict: mockJudgement.verdict }
  }
  const native = run.native.outcomes.get(row.id) ?? missing
  const nativeJudgement = judgeNative(row, native, run.native.platform, divergenceOf(row))
  const verdict = worst(mockJudgement.verdict, nativeJudgement.verdict)
  return { row, mock, native, mockJudgement, nativeJudgement, verdict }
}

const evidenceNames = { seen: "seen", documented: "documented", unknown: "unknown" } as const

export const windowsCell = (row: Row): string =>
  row.evidence === "unknown" ? "unknown" : `${textOf(row.windows)} (${evidenceNames[row.evidence]})`

/** "=" where it is what Windows does, else what was observed. */
export const outcomeCell = (row: Row, outcome: Outcome | undefined): string => {
  if (outcome === undefined) return "-"
  if (outcome._tag === "CannotRun") return `cannot run: ${outcome.reason}`
  if (outcome._tag === "Broken") return `broken: ${outcome.reason}`
  return row.evidence !== "unknown" && equals(outcome.observation, row.windows) ? "=" : textOf(outcome.observation)
}

const verdictCell = ({ mockJudgement, nativeJudgement, verdict }: Judged): string => {
  const notes = [
    ...(mockJudgement.note === undefined ? [] : [`mock: ${mockJudgement.note}`]),
    ...(nativeJudgement?.note === undefined ? [] : [nativeJudgement.note])
  ]
  return notes.length === 0 ? verdict : `${verdict}: ${notes.join("; ")}`
}

// --- the summary ---

const counted = (judgements: ReadonlyArray<Judgement | undefined>): string => {
  const count = (verdict: Verdict): number => judgements.filter((j) => j?.verdict === verdict).length
  const parts: ReadonlyArray<readonly [Verdict, string]> = [
    ["ok", "as Windows"],
    ["seen", "seen"],
    ["diverges", "named divergences"],
    ["cannot run", "cannot run"],
    ["open", "open"],
    ["FAIL", "failed"]
  ]
  return parts
    .filter(([verdict]) => verdict === "FAIL" || count(verdict) > 0)
    .map(([verdict, name]) => `${count(verdict)} ${name}`)
    .join(", ")
}

export const summary = (judged: ReadonlyArray<Judged>, run: Run): string => {
  const mock = `mock ${counted(judged.map(({ mockJudgement }) => mockJudgement))}`
  if (run.native === undefined) return `conformance: ${judged.length} rows; ${mock}`
  const native = counted(judged.map(({ nativeJudgement }) => nativeJudgement))
  return `conformance: ${judged.length} rows; ${mock}; native (${nameOfPlatform(run.native.platform)}) ${native}`
}

export const failed = (judged: ReadonlyArray<Judged>): boolean => judged.some(({ verdict }) => verdict === "FAIL")

// --- the terminal ---

const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === "" ? word : `${line} ${word}`
    }
    while (line.length > width) {
      lines.push(line.slice(0, width))
      line = line.slice(width)
    }
  }
  return [...lines, line]
}

type Style = Parameters<typeof styleText>[0]

const styles: { readonly [V in Verdict]: Style } = {
  ok: "green",
  seen: "green",
  diverges: "yellow",
  open: "cyan",
  "cannot run": "gray",
  FAIL: "red"
}

export interface Paper {
  readonly width: number
  readonly colour: boolean
}

/** The table, a line per element. */
export const terminal = (groups: ReadonlyArray<Group>, run: Run, paper: Paper): ReadonlyArray<string> => {
  const style = (format: Style, text: string): string =>
    paper.colour ? styleText(format, text, { validateStream: false }) : text
  const cells = run.native === undefined ? 3 : 4
  const width = Math.max(24, Math.floor((paper.width - 2 - 3 * (cells - 1)) / cells))
  const lines: Array<string> = []
  const put = (texts: ReadonlyArray<string>, format: ReadonlyArray<Style | undefined>): void => {
    const wrapped = texts.map((text) => wrap(text, width))
    const height = Math.max(...wrapped.map((column) => column.length))
    for (let i = 0; i < height; i++) {
      const columns = wrapped.map((column, at) => {
        const text = (column[i] ?? "").padEnd(width)
        const own = format[at]
        return own === undefined ? text : style(own, text)
      })
      lines.push(`  ${columns.join("   ").trimEnd()}`)
    }
  }
  const native = run.native === undefined ? [] : [`native (${nameOfPlatform(run.native.platform)})`]
  put(["Windows (evidence)", "mock", ...native, "verdict"], ["bold", "bold", "bold", "bold"])
  for (const group of groups) {
    lines.push("", style(["bold", "underline"], group.title))
    for (const row of group.rows) {
      const judged = judge(row, run)
      lines.push(`${style("bold", row.id)}  ${row.title}`)
      const answers = run.native === undefined ? [judged.mock] : [judged.mock, judged.native]
      put(
        [windowsCell(row), ...answers.map((outcome) => outcomeCell(row, outcome)), verdictCell(judged)],
        [...(["gray"] as const), ...answers.map(() => undefined), styles[judged.verdict]]
      )
    }
  }
  lines.push("", style(["bold", "underline"], "The error codes of the two pages"))
  for (const [code, name, , row, how, ...layers] of codes(groups, run)) {
    lines.push(`  ${name.padEnd(11)} ${code.padEnd(22)} ${how.padEnd(11)} ${layers.join(" / ").padEnd(24)} ${row}`)
  }
  return lines
}

// --- the codes of the pages ---

const answer = (outcome: Outcome | undefined, code: string): string =>
  outcome === undefined ? "-" : outcome._tag === "CannotRun" ? "cannot run" : shows(outcome, code) ? "yes" : "another"

/** Code, function, the library's reason, a row, how it provokes the code, and whether the layers gave it. */
export const codes = (groups: ReadonlyArray<Group>, run: Run): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = new Map(groups.flatMap((group) => group.rows).map((row) => [row.id, row]))
  return pages.flatMap((page) =>
    page.rows.map((id) => [
      page.code,
      page.function,
      reasonOf(page),
      id,
      rows.get(id)?.byFault === true ? "by a fault" : "really",
      answer(run.mock.get(id), page.code),
      answer(run.native?.outcomes.get(id), page.code)
    ])
  )
}

const codeColumns = ["code", "function", "reason", "row", "how", "mock"]

// --- Markdown ---

const escaped = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ")

const line = (cells: ReadonlyArray<string>): string => `| ${cells.map(escaped).join(" | ")} |`

/** The beginning of a row's line, up to the mock's answer: what can be told without Windows or Wine. */
export const mockCells = (row: Row, mock: Outcome): string =>
  line([row.id, row.title, windowsCell(row), outcomeCell(row, mock)]).slice(0, -2)

const introduction = (platform: Platform): string => {
  const name = nameOfPlatform(platform)
  const verdicts =
    platform._tag === "Windows"
      ? "The verdict `seen` says that this is what real Windows answered; a note marks what was expected otherwise."
      : `\`diverges\` marks a difference of Wine that is known by name (listed at the end), and an unnamed one makes
the command fail.`
  return `# Conformance

Generated by \`npm run conformance\`; do not edit.

Each row is a behaviour of Windows' sockets, with a probe that makes the calls and looks at memory, codes and packets.
The same probe runs on the simulated ws2_32 (mock) and on a real one (native, here ${name}). \`=\` means: as Windows.

**Evidence.** \`seen\`: seen on Windows by Wine's CI, which runs Wine's own tests on it. \`documented\`: said by
Microsoft's documentation or headers. \`unknown\`: neither says; the row shows what the layers answer, and nothing is
judged. Where each row comes from, or why it is asked, is listed under Sources, by its id.

**Verdicts.** The mock has to be as Windows on every row with evidence; \`cannot run\`: it does not
simulate it, or no probe can bring it about.
${verdicts}

**Do you have Windows?** Then you can answer the open points: clone the project and run

    npm run conformance

It takes under a minute, uses the loopback interface only and needs no administrator (raw sockets are left out
without). It writes one file, \`docs/conformance-windows-<version>.md\`: please attach it to an issue of the project.
`
}

/** The whole document, with what is known of Wine at its end. */
export const markdown = (groups: ReadonlyArray<Group>, run: Run & { native: object }): string => {
  const { platform } = run.native
  const columns = ["", "behaviour", "Windows (evidence)", "mock", `native (${nameOfPlatform(platform)})`, "verdict"]
  const sections = groups.map((group) => {
    const rows = group.rows.map((row) => {
      const judged = judge(row, run)
      const note = judged.nativeJudgement?.note
      const remark = platform._tag === "Windows" && note !== undefined ? `${judged.verdict}: ${note}` : judged.verdict
      return `${mockCells(row, judged.mock)} ${line([outcomeCell(row, judged.native), remark])}`
    })
    return [`## ${group.title}`, "", line(columns), line(columns.map(() => "---")), ...rows, ""].join("\n")
  })
  const wine = divergences.map(({ id, versions, why }) => line([id, why, versions.join(", ")]))
  const notSimulated = Object.entries(omissions).map(([id, why]) => line([id, why]))
  const sources = groups.flatMap((group) => group.rows.map((row) => line([row.id, row.source])))
  const pageColumns = [...codeColumns, nameOfPlatform(platform)]
  return [
    introduction(platform),
    ...sections,
    "## The error codes of the two pages\n",
    `Every code of the tables on the pages of WSARecvMsg and WSASend, with the rows above that provoke it. \`by a fault\`: nothing
brings it about but a fault of the simulated machine. \`another\`: this layer answers with another code, as the row
tells. \`reason\` is what the library makes of the code; the code that a call pends with is no error there.
`,
    line(pageColumns),
    line(pageColumns.map(() => "---")),
    ...codes(groups, run).map(line),
    "",
    "## What is known of Wine\n",
    line(["", "what it does instead of Windows", "observed under"]),
    line(["---", "---", "---"]),
    ...wine,
    "",
    "## What is not run, on the mock or at all\n",
    line(["", "why"]),
    line(["---", "---"]),
    ...notSimulated,
    "",
    "## Sources\n",
    line(["", "source, or why it is asked"]),
    line(["---", "---"]),
    ...sources,
    ""
  ].join("\n")
}
