// The planted faults that `npm run mutants` expects some test to catch: all of the files beside this one. Each names a
// file, the text in it that is replaced, why the text is there, and the test files that must fail.
import { readdirSync } from "node:fs"

const own = new Set(["table.mjs", "vitest.config.mjs"])
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".mjs") && !own.has(file))
const modules = await Promise.all(files.toSorted().map((file) => import(`./${file}`)))

export const mutants = modules.flatMap((module) => module.default)
