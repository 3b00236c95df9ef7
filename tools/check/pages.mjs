// Checks docs/pages.md: every rule of the two pages names a symbol that is there, and a test whose title is in the file.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "oxc-parser"
import { root } from "../node.mjs"
import { filesBelow, readText } from "./files.mjs"

const document = "docs/pages.md"

/** Visits every node of a syntax tree. */
const visit = (node, see) => {
  if (node === null || typeof node !== "object") return
  if (Array.isArray(node)) {
    for (const one of node) visit(one, see)
    return
  }
  if (typeof node.type === "string") see(node)
  for (const [key, value] of Object.entries(node)) if (key !== "parent") visit(value, see)
}

const nameOf = (key) =>
  key?.type === "Identifier" ? key.name : key?.type === "Literal" ? String(key.value) : undefined

const keyed = new Set([
  "TSPropertySignature",
  "TSMethodSignature",
  "Property",
  "PropertyDefinition",
  "MethodDefinition"
])

/** What a module exports, and the members of what it exports. */
export const symbolsOf = (path, text) => {
  const found = new Set()
  for (const statement of parseSync(path, text).program.body) {
    if (statement.type !== "ExportNamedDeclaration") continue
    const { declaration } = statement
    for (const { exported } of statement.specifiers) found.add(nameOf(exported))
    if (declaration === null) continue
    const declared = declaration.type === "VariableDeclaration" ? declaration.declarations : [declaration]
    for (const { id } of declared) found.add(nameOf(id))
    visit(declaration, (node) => {
      if (keyed.has(node.type)) found.add(nameOf(node.key))
    })
  }
  found.delete(undefined)
  return found
}

/** The name that a callee begins with: `it` of `it.effect` and of `it.each(...)`. */
const rootOf = (callee) =>
  callee.type === "MemberExpression"
    ? rootOf(callee.object)
    : callee.type === "CallExpression"
      ? rootOf(callee.callee)
      : nameOf(callee)

// what a test is made with: Vitest's own, and the suites' (a law on the layer under test or in each way of
// completion, whatever a file calls it; a test between machines)
const makers = /^(?:it|hosts|law\w*)$/

/** Titles as they are written: those of `it`, of laws, and the ids and titles of rows. */
export const titlesOf = (path, text) => {
  const found = new Set()
  const take = (node) => {
    if (node?.type === "Literal" && typeof node.value === "string") found.add(node.value)
    else if (node?.type === "TemplateLiteral") found.add(text.slice(node.start + 1, node.end - 1))
  }
  visit(parseSync(path, text).program, (node) => {
    if (node.type === "CallExpression" && makers.test(rootOf(node.callee) ?? "")) take(node.arguments[0])
    else if (node.type === "Property" && ["id", "title"].includes(nameOf(node.key))) take(node.value)
  })
  return found
}

/** The rows of the tables: their lines and cells. */
const rowsOf = (text) =>
  text.split("\n").flatMap((line, i) => {
    const cells = /^\|(.*)\|$/
      .exec(line)?.[1]
      .split("|")
      .map((cell) => cell.trim())
    return cells === undefined || !/^[RS]\d+$/.test(cells[0]) ? [] : [{ line: i + 1, cells }]
  })

const parts = (cell) => cell.split("<br>").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))

/** The faults of the document, with the files of the project: their paths, and how to read one. */
export const judge = (text, paths, read) => {
  const faults = []
  const symbols = new Map()
  const titles = new Map()
  const cached = (cache, path, of) => {
    if (!cache.has(path)) cache.set(path, of(path, read(path)))
    return cache.get(path)
  }
  const seen = new Set()
  const rows = rowsOf(text)
  if (rows.length === 0) faults.push(`${document}: there are no rows`)
  for (const { cells, line } of rows) {
    const fault = (what) => faults.push(`${document}:${line}: ${cells[0]}: ${what}`)
    const [id, rule, symbolCell, testCell] = cells
    if (cells.length !== 4) {
      fault(`it has ${cells.length} cells, not 4`)
      continue
    }
    if (seen.has(id)) fault("the number is used twice")
    seen.add(id)
    if (rule === "") fault("it says nothing")
    const named = parts(symbolCell)
    if (named.length === 0) fault("it has no symbol")
    for (const part of named) {
      const symbol = /^`([^`]+)`$/.exec(part)?.[1]
      const [module, name] = (symbol ?? "").split(".")
      // several packages may have a module of the name: the public ones come first
      const found = paths
        .filter((path) => new RegExp(`^packages/[^/]+/src/(internal/)?${module}\\.ts$`).test(path))
        .toSorted((a, b) => Number(a.includes("/internal/")) - Number(b.includes("/internal/")))
      if (symbol === undefined || name === undefined) fault(`not a symbol: ${part}`)
      else if (found.length === 0) fault(`there is no module ${module}`)
      else if (!cached(symbols, found[0], symbolsOf).has(name)) fault(`${found[0]} has no ${name} any more`)
    }
    const tests = parts(testCell)
    if (tests.length === 0) fault("it has no test")
    for (const part of tests) {
      const [, path, title] = /^`([^`]+)`: (.+)$/.exec(part) ?? []
      if (path === undefined) fault(`not a test: ${part}`)
      else if (!paths.includes(`test/${path}`)) fault(`there is no test/${path}`)
      else if (!cached(titles, `test/${path}`, titlesOf).has(title)) fault(`test/${path} has no "${title}" any more`)
    }
  }
  return { faults, rows: rows.length }
}

const main = () => {
  const paths = ["packages", "test"].flatMap(filesBelow).filter((path) => path.endsWith(".ts"))
  const text = existsSync(join(root, document)) ? readText(document) : ""
  const { faults, rows } = judge(text, paths, readText)
  for (const fault of faults) console.log(fault)
  console.log(`pages: ${rows} rules`)
  process.exit(faults.length === 0 ? 0 : 1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
