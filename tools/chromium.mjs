// A browser without a window: what it makes of a file or a page, as a picture or as the elements that it read.
import { execFile, spawnSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"

const names = ["chromium", "google-chrome"]

/** The browser's command; undefined where none runs. */
export const browser = () => names.find((name) => spawnSync(name, ["--version"]).status === 0)

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  // the page has all of the window, and that all of a screen
  "--kiosk"
]

// a bound on what hangs: it takes seconds
const timeout = 60_000

/** Opens a file, or a URL, with a profile of its own, which is gone afterwards. Returns what the browser writes. */
const open = async (what, options) => {
  const command = browser()
  if (command === undefined) throw new Error(`none of ${names.join(", ")} runs`)
  const profile = await mkdtemp(join(tmpdir(), "browser-"))
  try {
    const args = [
      ...flags,
      `--user-data-dir=${profile}`,
      ...options,
      what instanceof URL ? what.href : pathToFileURL(what).href
    ]
    const env = { ...process.env, HOME: profile }
    const { stdout } = await promisify(execFile)(command, args, {
      env,
      timeout,
      killSignal: "SIGKILL",
      maxBuffer: 64 * 1024 * 1024
    })
    return stdout
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** The elements of a file or a URL, as text, when all of it is loaded. */
export const elementsOf = (what, options = []) => open(what, [...options, "--dump-dom"])

/** Writes a PNG file of what a reader of a light or dark screen sees. */
export const screenshot = async (path, { dark = false, height, to, width }) => {
  // Blink's numbers for the preferred scheme: 0 dark, 1 light
  const scheme = `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`
  await open(path, [
    scheme,
    `--screen-info={${width}x${height}}`,
    `--window-size=${width},${height}`,
    `--screenshot=${to}`
  ])
}
