/**
 * The picture of a simulation, opened by a browser.
 */
import { MockTimeline } from "@effect-winsock/mock"
import type { Event } from "@effect-winsock/mock/MockTrace"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { elementsOf, screenshot } from "../../tools/chromium.mjs"
import { readPng } from "../support/png.ts"
import { story } from "../support/story.ts"

const bars = ["succeeded", "aborted", "failed", "pending"]

/** What a browser makes of the picture of a trace: its elements, and what is seen on a light and on a dark screen. */
const opened = (trace: ReadonlyArray<Event>) =>
  Effect.acquireUseRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "timeline-"))),
    (folder) =>
      Effect.promise(async () => {
        const svg = MockTimeline.toSvg(trace, { title: "A <story> & more" })
        const path = join(folder, "trace.svg")
        await writeFile(path, svg)
        const [width, height] = [/^<svg [^>]* width="(\d+)"/, /^<svg [^>]* height="(\d+)"/].map((size) =>
          Number(size.exec(svg)![1])
        )
        const seen = async (dark: boolean) => {
          const to = join(folder, `${dark}.png`)
          await screenshot(path, { dark, height, to, width })
          return readPng(await readFile(to))
        }
        return { dom: await elementsOf(path), light: await seen(false), dark: await seen(true), width, height, svg }
      }),
    (folder) => Effect.promise(() => rm(folder, { recursive: true }))
  )

/** The fill colours of the rules of a style sheet: before its dark part, and in it. */
const fillsOf = (svg: string) => {
  const [light, dark] = svg.split("@media (prefers-color-scheme: dark)")
  const of = (css: string, name: string) => new RegExp(`\\.${name} \\{[^}]*fill: (#\\w{6})`).exec(css)?.[1]
  return {
    light: (name: string) => of(light, name),
    dark: (name: string) => of(dark, name) ?? of(light, name)
  }
}

describe.skipIf(process.platform === "win32")("the picture of a simulation, in a browser", () => {
  it.effect(
    "it is read without an error, has each bar and arrow, and is seen in colours of its own on a light and a dark screen",
    () =>
      Effect.gen(function* () {
        const trace = yield* story
        const { dark, dom, height, light, svg, width } = yield* opened(trace)
        // an error of its parser is an element of its own
        assert.notInclude(dom, "parsererror")
        assert.match(dom, /^(<\?xml[^>]*>\s*)?<svg /)
        const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0
        for (const pattern of [/<rect class="\w+/g, /<path class="arrow/g, /<text /g, /<title>/g]) {
          assert.isAbove(count(dom, pattern), 5)
          assert.strictEqual(count(dom, pattern), count(svg, pattern))
        }
        const fills = fillsOf(svg)
        for (const [picture, fill] of [
          [light, fills.light],
          [dark, fills.dark]
        ] as const) {
          assert.deepStrictEqual([picture.width, picture.height], [width, height])
          // a blank page, or one with a message, has none of them
          for (const name of bars.filter((one) => svg.includes(`<rect class="${one}"`))) {
            const pixels = picture.colours.get(fill(name)!) ?? 0
            assert.isAbove(pixels, 100, `${name} ${fill(name)}`)
          }
        }
        const most = ({ colours }: typeof light) => [...colours].toSorted(([, a], [, b]) => b - a)[0][0]
        assert.notStrictEqual(most(light), most(dark))
      }).pipe(Effect.scoped),
    240_000
  )
})
