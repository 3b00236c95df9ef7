// Type-checks every ```ts example in the JSDoc of packages/*/src and in README.md and docs/*.md. Each is a module of its
// own, written to a folder of node_modules/.cache at the line and column where it stands in its file, so that tsc's
// complaints point there. A fence marked ```ts no-check is left out.
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "oxc-parser"
import { node, root } from "../node.mjs"
import { filesBelow, readText } from "./files.mjs"

const cache = join(root, "node_modules/.cache/doc-examples")

/** The examples among `lines`; `first` is the line number of the first. A line of a comment begins with " * ". */
const fencesOf = (lines, first) => {
  const found = []
  const faults = []
  let open
  for (const [i, raw] of lines.entries()) {
    const line = raw.replace(/^\s*\*/, (star) => " ".repeat(star.length))
    const fence = /^\s*(`{3,}|~{3,})\s*(.*?)\s*$/.exec(line)
    if (open === undefined && fence !== null) {
      const [language, ...marks] = fence[2].split(/\s+/)
      const wanted = ["ts", "typescript"].includes(language) && !marks.includes("no-check")
      open = { mark: fence[1], wanted, line: first + i, code: [] }
    } else if (open !== undefined && fence !== null && fence[2] === "" && fence[1].startsWith(open.mark)) {
      if (open.wanted) found.push(open)
      open = undefined
    } else {
      open?.code.push(line)
    }
  }
  if (open !== undefined) faults.push(`${open.line}: the fence is not closed`)
  return { found, faults }
}

const lineOf = (text, offset) => text.slice(0, offset).split("\n").length

/** The texts of a file in which examples may stand, each with the number of its first line. */
const partsOf = (path, text) =>
  path.endsWith(".md")
    ? [[text, 1]]
    : parseSync(path, text)
        .comments.filter((comment) => comment.type === "Block" && comment.value.startsWith("*"))
        .map((comment) => [comment.value, lineOf(text, comment.start)])

/** All examples of a file: name of the module, and its text. */
export const examplesOf = (path, text) => {
  const parts = partsOf(path, text).map(([part, first]) => fencesOf(part.split("\n"), first))
  return {
    examples: parts.flatMap(({ found }) =>
      found.map(({ line, code }) => ({
        name: `${path}.${line}.ts`,
        text: `${"\n".repeat(line)}${code.join("\n")}\nexport {}\n`
      }))
    ),
    faults: parts.flatMap(({ faults }) => faults.map((fault) => `${path}:${fault}`))
  }
}

const configOf = (names) => ({
  extends: relative(cache, join(root, "tsconfig.base.json")).replaceAll("\\", "/"),
  compilerOptions: {
    composite: false,
    declaration: false,
    declarationMap: false,
    noEmit: true,
    incremental: true,
    tsBuildInfoFile: "./.tsbuildinfo",
    // an example shows a value without using it
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ["node"]
  },
  files: names,
  references: readdirSync(join(root, "packages")).map((name) => ({ path: `../../../packages/${name}` }))
})

/** Makes the folder hold these files and no other; an unchanged file is not touched, so that tsc need not look again. */
const write = (files) => {
  const wanted = new Map(files)
  mkdirSync(cache, { recursive: true })
  for (const entry of readdirSync(cache, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name)
    const name = relative(cache, full).replaceAll("\\", "/")
    if (!entry.isFile() || name === ".tsbuildinfo") continue
    if (!wanted.has(name)) rmSync(full)
    else if (readFileSync(full, "utf8") === wanted.get(name)) wanted.delete(name)
  }
  for (const [name, text] of wanted) {
    mkdirSync(join(cache, name, ".."), { recursive: true })
    writeFileSync(join(cache, name), text)
  }
}

const main = () => {
  const sources = [
    ...filesBelow("packages").filter((path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path)),
    ...["README.md", "docs"].flatMap(filesBelow).filter((path) => path.endsWith(".md"))
  ]
  const all = sources.map((path) => examplesOf(path, readText(path)))
  const examples = all.flatMap((file) => file.examples)
  const faults = all.flatMap((file) => file.faults)
  if (examples.length > 0) {
    const config = JSON.stringify(configOf(examples.map(({ name }) => name)), null, 2)
    write([...examples.map(({ name, text }) => [name, text]), ["tsconfig.json", config]])
    const tsc = spawnSync(node, [join(root, "node_modules/typescript/bin/tsc"), "-p", cache, "--pretty", "false"], {
      cwd: cache,
      encoding: "utf8"
    })
    const output = `${tsc.stdout}${tsc.stderr}`.trim()
    if (tsc.status !== 0) faults.push(output.replaceAll(/^(\S+)\.\d+\.ts\((\d+),(\d+)\)/gm, "$1:$2:$3") || "tsc failed")
  }
  for (const fault of faults) console.log(fault)
  console.log(`docs: ${examples.length} examples of ${sources.length} files`)
  process.exit(faults.length === 0 ? 0 : 1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
