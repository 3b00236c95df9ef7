import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { importsOf, judge, plain } from "../../tools/check/rooms.mjs"

const effect = { effect: "*" }
const schema = { "@effect-winsock/schema": "*" }
const core = { "@effect-winsock/core": "*" }

const manifests = {
  "package.json": { devDependencies: { vitest: "*" } },
  "packages/schema/package.json": { peerDependencies: effect },
  "packages/core/package.json": { peerDependencies: effect, dependencies: schema },
  "packages/native/package.json": {
    peerDependencies: { ...effect, ...schema, ...core },
    dependencies: { koffi: "*" }
  },
  "packages/mock/package.json": { peerDependencies: { ...effect, ...schema, ...core } },
  "packages/platform/package.json": { peerDependencies: { ...effect, ...schema, ...core } },
  "test/package.json": { devDependencies: { ...effect, ...core } },
  "bench/package.json": { devDependencies: core },
  "examples/package.json": { devDependencies: core }
}

const faultsOf = (path: string, text: string) => judge([[path, text]], manifests).faults

describe("a room may not import", () => {
  const planted: ReadonlyArray<readonly [rule: string, path: string, text: string, fault: string]> = [
    [
      "schema: core",
      "packages/schema/src/A.ts",
      `import "@effect-winsock/core"`,
      "may not import @effect-winsock/core"
    ],
    ["schema: node:", "packages/schema/src/A.ts", `import "node:fs"`, "may not import node:fs"],
    ["core: node:", "packages/core/src/A.ts", `import type { Socket } from "node:net"`, "may not import node:net"],
    ["core: Node's, without node:", "packages/core/src/A.ts", `export * from "fs"`, "may not import fs"],
    ["core: Node's types", "packages/core/src/A.ts", `/// <reference types="node" />`, "may not import node:"],
    ["mock: node:", "packages/mock/src/A.ts", `export { join } from "node:path"`, "may not import node:path"],
    ["core: native", "packages/core/src/A.ts", `import "@effect-winsock/native/A"`, "may not import"],
    ["core: mock", "packages/core/src/A.ts", `import("@effect-winsock/mock")`, "may not import"],
    ["native: mock", "packages/native/src/A.ts", `import "@effect-winsock/mock"`, "may not import"],
    ["mock: native", "packages/mock/src/A.ts", `import "@effect-winsock/native"`, "may not import"],
    ["core: koffi", "packages/core/src/A.ts", `let k: typeof import("koffi")`, "may not import koffi"],
    ["mock: koffi", "packages/mock/src/A.ts", `const k = require("koffi")`, "may not import koffi"],
    ["platform: koffi", "packages/platform/src/A.ts", `import k = require("koffi")`, "may not import koffi"],
    ["mock: vitest", "packages/mock/src/A.ts", `import "@effect/vitest"`, "may not import @effect/vitest"],
    ["core: effect/socket", "packages/core/src/A.ts", `import "effect/socket/Socket"`, "effect/socket/Socket"],
    ["native: effect/rpc", "packages/native/src/A.ts", `import "effect/rpc"`, "may not import effect/rpc"],
    ["mock: effect/cluster", "packages/mock/src/A.ts", `import "effect/cluster"`, "may not import effect/cluster"],
    ["schema: effect/http", "packages/schema/src/A.ts", `import "effect/http/X"`, "may not import effect/http/X"],
    ["its own package by name", "packages/core/src/A.ts", `import "@effect-winsock/core/B"`, "may not import"],
    ["another package by path", "packages/mock/src/A.ts", `import "../../core/src/B.ts"`, "may not reach into"],
    ["another package's internals by path", "packages/mock/src/A.ts", `import "../../core/src/internal/b.ts"`, "reach"],
    ["internals by name", "test/core/a.ts", `import "@effect-winsock/core/internal/b"`, "is not public"],
    ["a public module by path", "test/core/a.ts", `import "../../packages/core/src/B.ts"`, "from its package's name"],
    ["internals, in an example", "examples/a.ts", `import "../packages/core/src/internal/b.ts"`, "may not reach into"],
    ["a package that it does not declare", "test/a.ts", `import "vitest"`, "is not declared in test/package.json"],
    ["a computed name", "packages/core/src/A.ts", `import("no" + "de:fs")`, "cannot be judged"],
    ["a file out of the project", "test/a.ts", `import "../../elsewhere/a.ts"`, "leaves the project"]
  ]
  for (const [rule, path, text, fault] of planted) {
    it(rule, () => {
      const faults = faultsOf(path, text)
      assert.strictEqual(faults.length, 1)
      assert.include(faults[0], fault)
      assert.include(faults[0], `${path}:1: `)
    })
  }

  it("anything, if it is not in the table", () => {
    assert.include(faultsOf("packages/other/src/A.ts", "")[0], "is not in the table")
  })
})

describe("the module for tests", () => {
  const asking = (optional: boolean) => ({
    ...manifests,
    "packages/mock/package.json": {
      peerDependencies: { ...effect, ...schema, ...core, "@effect/vitest": "*" },
      peerDependenciesMeta: { "@effect/vitest": { optional } }
    }
  })
  const file = ["packages/mock/src/MockTest.ts", `import { it } from "@effect/vitest"`] as const

  it("may import vitest, which is an optional peer", () => {
    assert.deepStrictEqual(judge([file], asking(true)).faults, [])
  })

  it("may not ask every user for it", () => {
    assert.deepStrictEqual(judge([file], asking(false)).faults, [
      "packages/mock/package.json: the peer @effect/vitest must be optional"
    ])
  })
})

describe("the modules of HTTP servers and clients", () => {
  const asking = (optional: boolean) => ({
    ...manifests,
    "packages/platform/package.json": {
      peerDependencies: { ...effect, ...schema, ...core, "@effect/platform-node": "*" },
      peerDependenciesMeta: { "@effect/platform-node": { optional } }
    }
  })
  const text = `import "@effect/platform-node/NodeHttpServer"`
  const allowed = ["WinsockHttpClient", "WinsockHttpServer"].map(
    (name) => [`packages/platform/src/${name}.ts`, text] as const
  )

  it("may import @effect/platform-node, which is an optional peer", () => {
    assert.deepStrictEqual(judge(allowed, asking(true)).faults, [])
  })

  it("may not ask every user for it", () => {
    assert.deepStrictEqual(judge(allowed, asking(false)).faults, [
      "packages/platform/package.json: the peer @effect/platform-node must be optional"
    ])
  })

  for (const path of [
    "packages/platform/src/index.ts",
    "packages/platform/src/internal/listening.ts",
    "packages/core/src/A.ts",
    "packages/native/src/A.ts",
    "packages/mock/src/A.ts"
  ]) {
    it(`no other may: ${path}`, () => {
      assert.deepStrictEqual(judge([[path, text]], asking(true)).faults, [
        `${path}:1: ${path.split("/", 2).join("/")} may not import @effect/platform-node/NodeHttpServer`
      ])
    })
  }
})

describe("only packages/platform knows Effect's transports", () => {
  const transports = ["socket", "rpc", "cluster", "http", "http-api"]
  const others = ["schema", "core", "native", "mock"]
  const root = dirname(createRequire(import.meta.url).resolve("effect/package.json"))
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, unknown>>
  }
  const exported = Object.keys(exports).filter((key) => exports[key] !== null)
  const folders = exported.flatMap((key) => /^\.\/([a-z][a-z-]*)$/.exec(key)?.[1] ?? [])
  const modulesOf = (folder: string) =>
    readdirSync(join(root, "src", folder), { recursive: true, encoding: "utf8" })
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => path.endsWith(".ts"))

  it("Effect has them where the table says", () => {
    for (const folder of [...transports, ...plain, "devtools", "observability"]) assert.include(folders, folder)
    // no names of before 4.1
    assert.isFalse(exported.some((key) => key.startsWith("./unstable")))
  })

  for (const folder of folders.filter((name) => !plain.includes(name))) {
    it(`effect/${folder}, and each module of it`, () => {
      const modules = modulesOf(folder).map((path) => `effect/${folder}/${path.slice(0, -3)}`)
      assert.isAbove(modules.length, 0)
      for (const specifier of [`effect/${folder}`, ...modules]) {
        for (const other of others) {
          assert.deepStrictEqual(
            [`import "${specifier}"`, `import type { A } from "${specifier}"`, `await import("${specifier}")`].flatMap(
              (text) => faultsOf(`packages/${other}/src/A.ts`, text)
            ),
            Array.from(
              { length: 3 },
              () => `packages/${other}/src/A.ts:1: packages/${other} may not import ${specifier}`
            )
          )
        }
        assert.deepStrictEqual(faultsOf("packages/platform/src/A.ts", `import "${specifier}"`), [])
      }
    })
  }

  for (const specifier of [
    "effect/net/../socket/Socket",
    "effect/./socket",
    "effect/Socket/Socket",
    "effect/unstable/http"
  ]) {
    it(`by another way: ${specifier}`, () => {
      assert.lengthOf(faultsOf("packages/core/src/A.ts", `import "${specifier}"`), 1)
    })
  }

  it("effect itself gives none of them out", () => {
    const index = importsOf("src/index.ts", readFileSync(join(root, "src/index.ts"), "utf8"))
    assert.isAbove(index.length, 50)
    for (const { specifier } of index) assert.match(specifier ?? "", /^\.\/[A-Za-z]+\.ts$/)
  })

  it("by its place", () => {
    const text = `import "../../../node_modules/effect/dist/socket/Socket.js"`
    assert.lengthOf(faultsOf("packages/core/src/A.ts", text), 1)
  })

  for (const folder of plain) {
    it(`effect/${folder} leads to none of them, so all may import it`, () => {
      for (const path of modulesOf(folder)) {
        const file = `src/${folder}/${path}`
        for (const { specifier } of importsOf(file, readFileSync(join(root, file), "utf8"))) {
          const to = join(dirname(file), specifier ?? "")
            .replaceAll("\\", "/")
            .split("/")
          // what lies at the root is Effect's core, and every room's
          if (to[0] === "src" && to.length > 2 && to[1] !== "internal")
            assert.include(plain, to[1], `${file}: ${specifier}`)
        }
      }
      for (const other of others) {
        assert.deepStrictEqual(faultsOf(`packages/${other}/src/A.ts`, `import "effect/${folder}"`), [])
      }
    })
  }
})

describe("a package must declare", () => {
  it("what it imports, as a peer if it is one", () => {
    const asDependency = { ...manifests, "packages/mock/package.json": { dependencies: effect } }
    assert.deepStrictEqual(judge([["packages/mock/src/A.ts", `import "effect/Effect"`]], asDependency).faults, [
      "packages/mock/src/A.ts:1: effect is not declared in the peerDependencies of packages/mock/package.json",
      "packages/mock/package.json: effect may not be one of the dependencies"
    ])
  })

  it("nothing that is not in the table", () => {
    const more = {
      ...manifests,
      "packages/schema/package.json": { dependencies: { koffi: "*" }, peerDependencies: effect }
    }
    assert.deepStrictEqual(judge([], more).faults, [
      "packages/schema/package.json: koffi may not be one of the dependencies"
    ])
  })
})

it("what the rules allow passes", () => {
  const allowed: ReadonlyArray<readonly [string, string]> = [
    [
      "packages/core/src/A.ts",
      `import * as Effect from "effect/Effect"\nimport "effect/net/NetAddress"\nimport "./internal/b.ts"`
    ],
    ["packages/core/src/internal/b.ts", `import "@effect-winsock/schema/Layout"\nimport "../A.ts"`],
    ["packages/native/src/A.ts", `import "node:fs"\nconst k = import("koffi")`],
    ["packages/platform/src/A.ts", `import "effect/socket/Socket"\nimport "node:stream"`],
    [
      "test/core/a.ts",
      `import "../../packages/core/src/internal/b.ts"\nimport "@effect-winsock/core/A"\nimport "node:fs"`
    ],
    ["test/a.ts", `import "../examples/demo.ts"`],
    ["vitest.config.ts", `import "vitest/config"`]
  ]
  const { faults, imports } = judge(allowed, manifests)
  assert.deepStrictEqual(faults, [])
  assert.strictEqual(imports, 14)
})
