// node tools/pictures.mjs: makes docs/images anew, with a browser (chromium or google-chrome).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { screenshot } from "./chromium.mjs"
import { checkNode, root, runNode } from "./node.mjs"

checkNode()
const folder = mkdtempSync(join(tmpdir(), "pictures-"))
try {
  process.exitCode = await runNode(["examples/pictures.ts", folder])
  for (const file of readdirSync(folder)) {
    const path = join(folder, file)
    const svg = readFileSync(path, "utf8")
    const [width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg).slice(1).map(Number)
    const to = join(root, "docs/images", file.replace(/svg$/, "png"))
    await screenshot(path, { dark: file === "wrong-answer.svg", height, to, width })
  }
} finally {
  rmSync(folder, { recursive: true })
}
