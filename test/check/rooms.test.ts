import { assert, describe, it } from "@effect/vitest"
import { judge } from "../../tools/check/rooms.mjs"

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
