/** What a program gives is read once, before any call is made: the kinds of values that options have. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"

/** What a number must be; one without a default is left to the system. */
export interface Range {
  readonly least: number
  readonly most: number
  readonly default?: number
}

type Numbers<R> = { readonly [K in keyof R]: R[K] extends { readonly default: number } ? number : number | undefined }

/** What a value that is no address must be. */
export const anAddress = "an IPv4 or IPv6 socket address"

/** Whether a value can be read as a record. */
export const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null

export const isWithin = (value: unknown, least: number, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

export const oneOf = (allowed: ReadonlyArray<unknown>): string => allowed.map((one) => JSON.stringify(one)).join(" or ")

export const refused = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument("WSASocketW", option, value, expected)

/** What of options that are no record at all. */
export const refuseOptions = (options: unknown): WinsockError | undefined =>
  isRecord(options) ? undefined : refused("options", options, "a record of options")

/** Reads the numbers among the options. */
export const numbersOf = <const R extends { readonly [name: string]: Range }>(
  ranges: R,
  options: { readonly [K in keyof R]?: unknown }
): Numbers<R> | WinsockError => {
  const numbers: { [name: string]: number | undefined } = {}
  for (const [name, { default: usual, least, most }] of Object.entries(ranges)) {
    const given = options[name]
    if (given !== undefined && !isWithin(given, least, most)) {
      return refused(name, given, `an integer from ${least} to ${most}`)
    }
    numbers[name] = given === undefined ? usual : given
  }
  return numbers as Numbers<R>
}

/** Whether one of the options that have a few values has another. */
export const refuseChoice = <const C extends { readonly [name: string]: ReadonlyArray<unknown> }>(
  choices: C,
  options: { readonly [K in keyof C]?: unknown }
): WinsockError | undefined => {
  for (const [name, allowed] of Object.entries(choices)) {
    const value = options[name]
    if (value !== undefined && !allowed.includes(value)) return refused(name, value, oneOf(allowed))
  }
  return undefined
}

/** A duration in milliseconds, NaN for a value that is none. */
export const millisOf = (value: unknown): number => {
  // Effect takes it for no time at all
  if (Number.isNaN(value)) return Number.NaN
  const duration = Duration.fromInput(value as Duration.Input)
  return Option.isSome(duration) ? Duration.toMillis(duration.value) : Number.NaN
}

/** What a duration must be, in milliseconds and in words. */
export interface Span extends Range {
  readonly expected: string
}

/** Reads one of the options that are durations, in milliseconds. */
export const durationOf = (option: string, given: unknown, span: Span): number | WinsockError => {
  const millis = given === undefined && span.default !== undefined ? span.default : millisOf(given)
  return millis >= span.least && millis <= span.most ? millis : refused(option, given, span.expected)
}
