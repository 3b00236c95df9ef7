/** The options of a UDP socket, checked: what a program gives is read once, before any call is made. */
import * as NetAddress from "effect/net/NetAddress"
import type { ControlName, Wish } from "../UdpCapabilities.ts"
import type { Options } from "../UdpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Range } from "./checks.ts"
import { anAddress, isRecord, isWithin, numbersOf, oneOf, refuseChoice, refused, refuseOptions } from "./checks.ts"
import type { Mode } from "./completion.ts"
import { modes } from "./completion.ts"
import type { Manner } from "./datagramOptions.ts"
import * as DatagramOptions from "./datagramOptions.ts"
import { controlNames } from "./udpControls.ts"

const ranges = {
  maxMessageSize: { least: 0, most: 65_535, default: 65_535 },
  lookAhead: { least: 0, most: 1024, default: 0 },
  maxPosted: { least: 1, most: 1024, default: 64 },
  batch: { least: 1, most: 4096, default: 64 },
  interface: { least: 0, most: 0xffff_ffff, default: 0 }
} as const satisfies { readonly [K in keyof Options]?: Range }

const wishes = ["required", "preferred"] as const

// `cancel` and `completion` have no defaults of their own: the provider decides, and the layer
const choices = {
  truncation: ["deliver", "fail"],
  cancel: ["operation", "close"],
  completion: modes,
  reuseAddress: [false, true],
  ipv6Only: [true, false],
  peerErrors: [false, true],
  sendControl: wishes,
  reply: wishes
} as const satisfies { readonly [K in keyof Options]?: ReadonlyArray<unknown> }

const defaults = { truncation: "deliver", sendControl: "required", reply: "preferred" } as const

/** The wishes for control data by name. */
export type ControlWishes = { readonly [K in ControlName]?: Wish | undefined }

/** Options that are in range, and defaults for what was not given. */
export interface Checked {
  readonly maxMessageSize: number
  readonly lookAhead: number
  readonly maxPosted: number
  readonly batch: number
  /** The index of the interface to send by, 0 for the system's choice. */
  readonly interface: number
  readonly truncation: "deliver" | "fail"
  readonly cancel: "operation" | "close" | undefined
  readonly completion: Mode | undefined
  readonly reuseAddress: boolean
  readonly ipv6Only: boolean
  readonly peerErrors: boolean
  readonly sendControl: Wish
  readonly reply: Wish
  /** The largest joined datagram, 0 for none. */
  readonly coalesce: number
  readonly coalesceWish: Wish
  readonly control: ControlWishes
  readonly manner: Manner
}

/** Reads the options, or says which is not what it must be. */
export const check = (address: NetAddress.InetAddress, options: Options): Checked | WinsockError => {
  if (!NetAddress.isInetAddress(address)) return WinsockErrors.invalidArgument("bind", "address", address, anAddress)
  const unread = refuseOptions(options)
  if (unread !== undefined) return unread
  const numbers = numbersOf(ranges, options)
  if (numbers instanceof WinsockErrors.WinsockError) return numbers
  const unknown = refuseChoice(choices, options)
  if (unknown !== undefined) return unknown
  const coalesce = coalesceOf(options.coalesce, numbers.maxMessageSize)
  if (coalesce instanceof WinsockErrors.WinsockError) return coalesce
  const control = controlOf(options.control)
  if (control instanceof WinsockErrors.WinsockError) return control
  const manner = DatagramOptions.check(address, options)
  if (manner instanceof WinsockErrors.WinsockError) return manner
  return {
    ...numbers,
    truncation: options.truncation ?? defaults.truncation,
    cancel: options.cancel,
    completion: options.completion,
    reuseAddress: options.reuseAddress === true,
    ipv6Only: options.ipv6Only !== false,
    peerErrors: options.peerErrors === true,
    sendControl: options.sendControl ?? defaults.sendControl,
    reply: options.reply ?? defaults.reply,
    coalesce: coalesce.size,
    coalesceWish: coalesce.wish,
    control,
    manner
  }
}

// as a plain number 0 is none; who makes it a wish of its own wants some
const coalesceOf = (
  given: unknown,
  maxMessageSize: number
): { readonly size: number; readonly wish: Wish } | WinsockError => {
  if (given === undefined) return { size: 0, wish: "preferred" }
  const asRecord = isRecord(given)
  const { size, wish } = (asRecord ? given : { size: given, wish: "preferred" }) as {
    readonly size: unknown
    readonly wish: unknown
  }
  const least = asRecord ? 1 : 0
  if (!isWithin(size, least, 65_535)) return refused("coalesce", size, `an integer from ${least} to 65535`)
  if (size > maxMessageSize) return refused("coalesce", size, `at most maxMessageSize, ${maxMessageSize}`)
  if (!isWish(wish)) return refused("coalesce.wish", wish, oneOf(wishes))
  return { size, wish }
}

const isWish = (value: unknown): value is Wish => (wishes as ReadonlyArray<unknown>).includes(value)

const isControlName = (name: unknown): name is ControlName => (controlNames as ReadonlyArray<unknown>).includes(name)

const controlOf = (given: unknown): ControlWishes | WinsockError => {
  if (given === undefined) return {}
  if (!isRecord(given)) return refused("control", given, "a list of names, or a record of them")
  const found: { [K in ControlName]?: Wish | undefined } = {}
  if (Array.isArray(given)) {
    for (const name of given as ReadonlyArray<unknown>) {
      if (!isControlName(name)) return refused("control", name, `one of ${controlNames.join(", ")}`)
      found[name] = "preferred"
    }
    return found
  }
  for (const [name, wish] of Object.entries(given as { readonly [name: string]: unknown })) {
    if (!isControlName(name)) return refused("control", name, `one of ${controlNames.join(", ")}`)
    if (wish !== undefined && !isWish(wish)) return refused(`control.${name}`, wish, oneOf(wishes))
    found[name] = wish
  }
  return found
}
