/** Lines on a terminal, one after the other, slowly enough to be read. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { styleText } from "node:util"

/** A colour or a style, as Node.js names them. */
export type Style = Parameters<typeof styleText>[0]

/** Coloured where it is shown on a terminal; NO_COLOR and FORCE_COLOR are Node's own business. */
export const paint = (style: Style, text: string): string => styleText(style, text, { validateStream: true })

const pace: Duration.Input = "7 millis"

export const say = (text: string): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sync(() => console.log(text)),
    Effect.sleep(pace)
  )

export const heading = (text: string): Effect.Effect<void> => say(`\n${paint("bold", text)}`)

const speakers = { server: "magenta", client: "cyan" } as const satisfies { readonly [name: string]: Style }

export type Speaker = keyof typeof speakers

/** A line of one of the two machines. */
export const line = (speaker: Speaker, text: string): Effect.Effect<void> =>
  say(`  ${paint(speakers[speaker], speaker)}  ${text}`)

/** A line that belongs to the one before. */
export const below = (text: string): Effect.Effect<void> => say(`          ${text}`)

export const quiet = (text: string): string => paint("gray", text)

export const good = (text: string): string => `${paint("green", "✓")} ${text}`

export const bad = (text: string): string => `${paint("red", "✗")} ${text}`
