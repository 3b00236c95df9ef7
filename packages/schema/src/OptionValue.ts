/**
 * What the values of socket options and control codes are: how a program's value is checked, and how it lies in memory.
 *
 * Nothing here throws. A value is read from the program once, by `check`; `write` gets what `check` gave.
 *
 * @since 0.1.0
 */
import type { Abi } from "./Layout.ts"

/**
 * Why a program's value is refused: which part of it, and what would have been accepted, in words that complete "it must
 * be ...".
 *
 * @category models
 * @since 0.1.0
 */
export class Refusal {
  /** The option, or the option and the field: `"SO_LINGER.l_linger"`. */
  readonly option: string
  readonly value: unknown
  readonly expected: string

  constructor(option: string, value: unknown, expected: string) {
    this.option = option
    this.value = value
    this.expected = expected
  }
}

/**
 * The value of an option: its C type, and its way to memory and back.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptionValue<A> {
  /** What the headers or pages call it. */
  readonly type: string
  /** Gives the value as it will be written, or refuses it; `option` is whose value it is. */
  readonly check: (value: unknown, option: string) => A | Refusal
  /** How many bytes writing or reading takes at most. */
  readonly size: (abi: Abi) => number
  /** Writes what `check` gave, and returns how many bytes it took. */
  readonly write: (abi: Abi, view: DataView, at: number, value: A) => number
  /**
   * Reads the `length` bytes at `at` that a provider has written at `address`; `undefined` when they are no such value.
   * What lies behind them is zero.
   */
  readonly read: (abi: Abi, view: DataView, at: number, length: number, address: number) => A | undefined
}

/**
 * The type of what an option's value is.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ValueOf<V> = V extends OptionValue<infer A> ? A : never

const four = (): number => 4

// Windows gives a BOOL in one byte now and then
const number = (view: DataView, at: number, length: number): number | undefined =>
  length >= 4 ? view.getUint32(at, true) : length >= 1 ? view.getUint8(at) : undefined

const isWithin = (value: unknown, least: number, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

/**
 * A `DWORD` of 0 or 1. Any other that is read is `true`.
 *
 * @category values
 * @since 0.1.0
 */
export const bool: OptionValue<boolean> = {
  type: "DWORD (bool)",
  check: (value, option) => (typeof value === "boolean" ? value : new Refusal(option, value, "true or false")),
  size: four,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value ? 1 : 0, true)
    return 4
  },
  read: (_abi, view, at, length) => {
    const read = number(view, at, length)
    return read === undefined ? undefined : read !== 0
  }
}

/**
 * An integer that says what it may be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Integer extends OptionValue<number> {
  readonly least: number
  readonly most: number
}

/**
 * Returns `true` for a value that is an integer with a range.
 *
 * @category guards
 * @since 0.1.0
 */
export const isInteger = (value: OptionValue<any>): value is Integer => "least" in value && "most" in value

const integer = (type: string, least: number, most: number): Integer => ({
  type,
  least,
  most,
  check: (value, option) =>
    isWithin(value, least, most) ? value : new Refusal(option, value, `an integer from ${least} to ${most}`),
  size: four,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value, true)
    return 4
  },
  read: (_abi, view, at, length) => {
    const read = number(view, at, length)
    return read === undefined || least >= 0 ? read : read | 0
  }
})

/**
 * Creates a `DWORD` that a program may set from `least` to `most`.
 *
 * @category values
 * @since 0.1.0
 */
export const dword = (least = 0, most = 0xffff_ffff): Integer => integer("DWORD", least, most)

/**
 * Creates an `INT` that a program may set from `least` to `most`, `least` being negative.
 *
 * @category values
 * @since 0.1.0
 */
export const int = (least: number, most = 0x7fff_ffff): Integer => integer("INT", least, most)

/**
 * A `DWORD` of milliseconds.
 *
 * @category values
 * @since 0.1.0
 */
export const milliseconds: Integer = integer("DWORD (milliseconds)", 0, 0xffff_ffff)

/**
 * Creates a `DWORD` of seconds that a program may set from `least` on; -1 is for ever where it may be set.
 *
 * @category values
 * @since 0.1.0
 */
export const seconds = (least: number): Integer => integer("DWORD (seconds)", least, 0x7fff_ffff)

/**
 * Creates a `DWORD` of which only some values have a meaning.
 *
 * @category values
 * @since 0.1.0
 */
export const choice = (...values: ReadonlyArray<number>): Integer => {
  const least = Math.min(...values)
  return {
    ...integer(least < 0 ? "INT" : "DWORD", least, Math.max(...values)),
    check: (value, option) =>
      values.includes(value as number) ? (value as number) : new Refusal(option, value, `one of ${values.join(", ")}`)
  }
}

/**
 * A `USHORT`.
 *
 * @category values
 * @since 0.1.0
 */
export const ushort: OptionValue<number> = {
  type: "USHORT",
  check: (value, option) =>
    isWithin(value, 0, 0xffff) ? value : new Refusal(option, value, "an integer from 0 to 65535"),
  size: () => 2,
  write: (_abi, view, at, value) => {
    view.setUint16(at, value, true)
    return 2
  },
  read: (_abi, view, at, length) => (length >= 2 ? view.getUint16(at, true) : undefined)
}

/**
 * The seconds since a connection was made, or `"never"`: 0xffffffff, of a socket that has none.
 *
 * @category values
 * @since 0.1.0
 */
export const connectTime: OptionValue<number | "never"> = {
  type: "DWORD (seconds, or 0xffffffff)",
  check: (value, option) =>
    value === "never" || isWithin(value, 0, 0xffff_fffe)
      ? value
      : new Refusal(option, value, 'an integer from 0 to 4294967294, or "never"'),
  size: four,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value === "never" ? 0xffff_ffff : value, true)
    return 4
  },
  read: (_abi, view, at, length) => {
    const read = number(view, at, length)
    return read === 0xffff_ffff ? "never" : read
  }
}

/** Interface indexes have 24 bits where they share a field with IPv4 addresses. */
const mostIndexV4 = 0xff_ffff

/**
 * The index of an interface in network byte order, 24 bits at most. Read, it may stand in either order: the pages promise
 * the host's, and there are providers that give what was set.
 *
 * @category values
 * @since 0.1.0
 */
export const indexInNetworkOrder: OptionValue<number> = {
  type: "DWORD (IF_INDEX, network byte order)",
  check: (value, option) =>
    isWithin(value, 0, mostIndexV4) ? value : new Refusal(option, value, `an integer from 0 to ${mostIndexV4}`),
  size: four,
  write: (_abi, view, at, value) => {
    view.setUint32(at, value, false)
    return 4
  },
  read: (_abi, view, at, length) => {
    if (length < 4) return undefined
    const host = view.getUint32(at, true)
    return host <= mostIndexV4 ? host : view.getUint32(at, false)
  }
}

/**
 * A list of interface indexes.
 *
 * @category values
 * @since 0.1.0
 */
export const indexes: OptionValue<ReadonlyArray<number>> = {
  type: "IF_INDEX[]",
  check: (value, option) =>
    Array.isArray(value) && value.length <= mostIndexes && value.every((one) => isWithin(one, 0, 0xffff_ffff))
      ? value.slice()
      : new Refusal(option, value, `a list of at most ${mostIndexes} interface indexes`),
  size: () => 4 * mostIndexes,
  write: (_abi, view, at, value) => {
    for (const [i, one] of value.entries()) view.setUint32(at + 4 * i, one, true)
    return 4 * value.length
  },
  read: (_abi, view, at, length) =>
    Array.from({ length: Math.min(mostIndexes, length >> 2) }, (_, i) => view.getUint32(at + 4 * i, true))
}

const mostIndexes = 256

/**
 * Creates a value of bytes as they are, at most `most` of them.
 *
 * @category values
 * @since 0.1.0
 */
export const bytes = (type: string, most: number): OptionValue<Uint8Array> => ({
  type,
  check: (value, option) =>
    value instanceof Uint8Array && value.length <= most
      ? value.slice()
      : new Refusal(option, value, `a Uint8Array of at most ${most} bytes`),
  size: () => most,
  write: (_abi, view, at, value) => {
    new Uint8Array(view.buffer, view.byteOffset + at, value.length).set(value)
    return value.length
  },
  read: (_abi, view, at, length) => new Uint8Array(view.buffer, view.byteOffset + at, Math.min(length, most)).slice()
})

/**
 * No value.
 *
 * @category values
 * @since 0.1.0
 */
export const none: OptionValue<void> = {
  type: "none",
  check: (value, option) => (value === undefined ? undefined : new Refusal(option, value, "left out")),
  size: () => 0,
  write: () => 0,
  read: () => undefined
}
