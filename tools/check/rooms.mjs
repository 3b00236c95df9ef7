// The room rules: which room of the project may import what. See the table.
import { builtinModules } from "node:module"
import { posix } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync, Visitor } from "oxc-parser"
import { filesBelow, readText } from "./files.mjs"

const peer = "peerDependencies"
const dependency = "dependencies"

/**
 * What each room may import, and in which part of its package.json a package has to be declared. "node:" stands for
 * Node's own modules, "effect" for all of Effect but its transports and what is built on them, "effect transports" for those.
 *
 * A room with `imports: "declared"` may import every package that its package.json declares. `internals`: it may reach
 * internal/ modules of the packages, by relative path. `reaches`: other rooms that it may name by relative path.
 * `modules`: what a single module may import besides, which others need not have installed: optional peers.
 */
export const rooms = {
  "packages/schema": {
    imports: { effect: peer }
  },
  "packages/core": {
    imports: { effect: peer, "@effect-winsock/schema": dependency }
  },
  "packages/native": {
    imports: {
      effect: peer,
      "@effect-winsock/schema": peer,
      "@effect-winsock/core": peer,
      koffi: dependency,
      "node:": "nowhere"
    }
  },
  "packages/mock": {
    imports: { effect: peer, "@effect-winsock/schema": peer, "@effect-winsock/core": peer },
    modules: { "packages/mock/src/MockTest.ts": { "@effect/vitest": peer, vitest: peer } }
  },
  "packages/platform": {
    imports: {
      effect: peer,
      "effect transports": peer,
      "@effect-winsock/schema": peer,
      "@effect-winsock/core": peer,
      "node:": "nowhere"
    },
    modules: {
      "packages/platform/src/WinsockHttpClient.ts": { "@effect/platform-node": peer },
      "packages/platform/src/WinsockHttpServer.ts": { "@effect/platform-node": peer }
    }
  },
  test: { imports: "declared", internals: true, reaches: ["examples", "bench", "tools"] },
  bench: { imports: "declared", internals: true, reaches: [] },
  examples: { imports: "declared", reaches: [] },
  tools: { imports: "declared", manifest: "package.json", reaches: [] },
  // the configuration files at the root
  ".": { imports: "declared", reaches: [] }
}

// Effect's folders that every room may import. The others are its transports (socket, rpc, cluster, http, http-api) and
// what is or may be built on them (devtools, observability, ...). test/check asks the installed package whether that is so.
export const plain = ["crypto", "encoding", "net", "schema", "testing"]

/** Whether it is one of Effect's modules that are for few: effect/socket/Socket, and effect/socket; not effect/Socket. */
const isTransport = (specifier) => {
  const [name, folder, ...rest] = posix.normalize(specifier).split("/")
  if (name !== "effect" || folder === undefined || folder === "package.json") return false
  return (rest.length > 0 || /^[^A-Z]/.test(folder)) && !plain.includes(folder)
}

const builtins = new Set(builtinModules)

const roomOf = (path) =>
  Object.keys(rooms).find((room) => path.startsWith(`${room}/`)) ?? (path.includes("/") ? undefined : ".")

const manifestOf = (room) => rooms[room].manifest ?? (room === "." ? "package.json" : `${room}/package.json`)

/** "@scope/name/path" -> "@scope/name" */
const packageOf = (specifier) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

/** Every import of a module: static, dynamic, type, re-export and require. `specifier` is undefined if it is computed. */
export const importsOf = (path, text) => {
  const { program, errors, comments } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`)
  const found = []
  const add = (node) => {
    const literal = node?.type === "Literal" && typeof node.value === "string"
    found.push({ specifier: literal ? node.value : undefined, line: text.slice(0, node.start).split("\n").length })
  }
  const withSource = (node) => node.source && add(node.source)
  new Visitor({
    ImportDeclaration: withSource,
    ExportNamedDeclaration: withSource,
    ExportAllDeclaration: withSource,
    ImportExpression: withSource,
    TSImportType: withSource,
    TSExternalModuleReference: (node) => add(node.expression),
    CallExpression: (node) => {
      if (node.callee.type === "Identifier" && node.callee.name === "require" && node.arguments.length > 0) {
        add(node.arguments[0])
      }
    }
  }).visit(program)
  for (const { value, start } of comments) {
    const reference = /^\/\s*<reference\s+types="([^"]+)"/.exec(value)
    const specifier = reference?.[1] === "node" ? "node:" : reference?.[1]
    if (specifier !== undefined) found.push({ specifier, line: text.slice(0, start).split("\n").length })
  }
  return found
}

/** Why a relative import may not be made; undefined if it may. */
const judgeRelative = (room, path, specifier) => {
  const target = posix.join(posix.dirname(path), specifier)
  const other = roomOf(target)
  if (other === room) return undefined
  if (other === undefined) return `${specifier} leaves the project's rooms`
  if (other.startsWith("packages/") && rooms[room].internals) {
    return target.startsWith(`${other}/src/internal/`)
      ? undefined
      : `${specifier} is public: import it from its package's name`
  }
  return rooms[room].reaches?.includes(other) ? undefined : `${room} may not reach into ${other}`
}

/** Why a package, or a module of Node's, may not be imported; undefined if it may. */
const judgePackage = (room, path, specifier, manifest) => {
  const imports =
    rooms[room].imports === "declared" ? "declared" : { ...rooms[room].imports, ...rooms[room].modules?.[path] }
  const fromNode = specifier.startsWith("node:") || builtins.has(specifier)
  const name = packageOf(specifier)
  if (/^@effect-winsock\/[^/]+\/internal(\/|$)/.test(specifier)) return `${specifier} is not public`
  if (imports === "declared") {
    const sections = [dependency, peer, "devDependencies", "optionalDependencies"]
    return fromNode || sections.some((section) => Object.hasOwn(manifest[section] ?? {}, name))
      ? undefined
      : `${name} is not declared in ${manifestOf(room)}`
  }
  const key = fromNode ? "node:" : isTransport(specifier) ? "effect transports" : name
  if (!Object.hasOwn(imports, key)) return `${room} may not import ${specifier}`
  return fromNode || Object.hasOwn(manifest[imports[key]] ?? {}, name)
    ? undefined
    : `${name} is not declared in the ${imports[key]} of ${manifestOf(room)}`
}

/** A package's package.json may ask its users for nothing that the table does not name. */
const judgeManifest = (room, manifest) => {
  const optional = Object.assign({}, ...Object.values(rooms[room].modules ?? {}))
  const faults = [dependency, peer, "optionalDependencies"].flatMap((section) =>
    Object.keys(manifest[section] ?? {})
      .filter((name) => ({ ...rooms[room].imports, ...optional })[name] !== section)
      .map((name) => `${manifestOf(room)}: ${name} may not be one of the ${section}`)
  )
  const asked = Object.keys(optional).filter(
    (name) => manifest[peer]?.[name] !== undefined && manifest.peerDependenciesMeta?.[name]?.optional !== true
  )
  return [...faults, ...asked.map((name) => `${manifestOf(room)}: the peer ${name} must be optional`)]
}

/**
 * Judges the files, given as [path, text], and the manifests, given as an object by path. Returns a line per fault, and
 * how many imports were seen.
 */
export const judge = (files, manifests) => {
  const faults = []
  let imports = 0
  for (const [path, text] of files) {
    const room = roomOf(path)
    if (room === undefined) {
      faults.push(`${path}: its folder is not in the table of tools/check/rooms.mjs`)
      continue
    }
    for (const { specifier, line } of importsOf(path, text)) {
      imports++
      const fault =
        specifier === undefined
          ? rooms[room].imports === "declared"
            ? undefined
            : "an import of a computed name cannot be judged"
          : /^\.\.?(\/|$)/.test(specifier)
            ? judgeRelative(room, path, specifier)
            : judgePackage(room, path, specifier, manifests[manifestOf(room)] ?? {})
      if (fault !== undefined) faults.push(`${path}:${line}: ${fault}`)
    }
  }
  for (const room of Object.keys(rooms)) {
    const manifest = manifests[manifestOf(room)]
    if (room.startsWith("packages/") && manifest !== undefined) faults.push(...judgeManifest(room, manifest))
  }
  return { faults, imports }
}

const main = () => {
  const all = filesBelow(".")
  const sources = all.filter((path) => /\.[cm]?[jt]s$/.test(path) && !path.endsWith(".d.mts"))
  const manifests = all.filter((path) => path.endsWith("package.json"))
  const { faults, imports } = judge(
    sources.map((path) => [path, readText(path)]),
    Object.fromEntries(manifests.map((path) => [path, JSON.parse(readText(path))]))
  )
  for (const fault of faults) console.log(fault)
  console.log(`rooms: ${imports} imports of ${sources.length} modules`)
  process.exit(faults.length === 0 ? 0 : 1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
