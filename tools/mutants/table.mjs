// The planted faults that `npm run mutants` expects some test to catch: all of the files beside this one. Each names a
// file, the text in it that is replaced, why the text is there, and the test files that must fail.
import { readdirSync } from "node:fs"

const own = new Set(["table", "vitest.config"])
const names = readdirSync(import.meta.dirname).flatMap((file) => /^(.+)\.mjs$/.exec(file)?.[1] ?? [])
const topics = names.filter((name) => !own.has(name)).toSorted()
const modules = await Promise.all(topics.map((name) => import(`./${name}.mjs`)))

export const mutants = modules.flatMap((module) => module.default)
