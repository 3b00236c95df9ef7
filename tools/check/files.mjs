// The project's own files, as paths from its root with forward slashes.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { root } from "../node.mjs"

const skipped = new Set(["node_modules", "dist", ".git"])

/** The files at or below `path`. */
export const filesBelow = (path) => {
  const full = join(root, path)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [path]
  return readdirSync(full)
    .filter((name) => !skipped.has(name))
    .flatMap((name) => filesBelow(path === "." ? name : `${path}/${name}`))
}

export const readText = (path) => readFileSync(join(root, path), "utf8")
