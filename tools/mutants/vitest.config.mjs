// The tests on the mock, with one planted fault: the environment says which text of which file is replaced as the file
// is loaded, and where to leave a mark that it was. No file of the project is changed.
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const root = fileURLToPath(new URL("../..", import.meta.url))
const mutant = JSON.parse(process.env.EFFECT_WINSOCK_MUTANT ?? "null")
// vite's paths have slashes on every system
const mutated = mutant === null ? undefined : `${root.replaceAll("\\", "/")}${mutant.file}`

const plant = {
  name: "plant",
  enforce: "pre",
  transform: (code, id) => {
    if (id.split("?")[0] !== mutated) return undefined
    if (code.split(mutant.find).length !== 2) throw new Error(`the text to replace is not in ${mutant.file} once`)
    writeFileSync(mutant.mark, "")
    return { code: code.replace(mutant.find, () => mutant.replace), map: null }
  }
}

export default defineConfig({
  root,
  plugins: [plant],
  test: {
    // it does not know of the fault
    fsModuleCache: false,
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/nothing-left.ts"],
    env: { EFFECT_WINSOCK_LAYER: "mock" },
    // a mutant may make anything hang
    testTimeout: 4000,
    hookTimeout: 4000,
    fileParallelism: false
  }
})
