/** The options of connections and servers, checked: what a program gives is read once, before any call is made. */
import {
  SOMAXCONN,
  TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS,
  TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS,
  TCP_INITIAL_RTO_UNSPECIFIED_RTT
} from "@effect-winsock/schema/Flags"
import * as NetAddress from "effect/net/NetAddress"
import type { Options as ServerOptions } from "../TcpServer.ts"
import type { ConnectOptions, Options } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Range, Span } from "./checks.ts"
import { anAddress, durationOf, isRecord, isWithin, numbersOf, refuseChoice, refused, refuseOptions } from "./checks.ts"
import type { Mode } from "./completion.ts"
import { modes } from "./completion.ts"
import { aPayload, copyPayload, isPayload, lengthOf } from "./payload.ts"

const ranges = {
  chunkSize: { least: 1, most: 1_048_576, default: 65_536 },
  sendQueue: { least: 0, most: 2 ** 30, default: 1_048_576 },
  sendBuffer: { least: 0, most: 2 ** 30 },
  receiveBuffer: { least: 0, most: 2 ** 30 }
} as const satisfies { readonly [K in keyof Options]?: Range }

const serverRanges = {
  backlog: { least: 1, most: 2 ** 31 - 1, default: SOMAXCONN },
  acceptAhead: { least: 1, most: 1024, default: 16 },
  receiveLength: { least: 0, most: 65_536, default: 0 }
} as const satisfies { readonly [K in keyof ServerOptions]?: Range }

const flag = [true, false] as const

// `cancel` and `completion` have no defaults of their own: the provider decides, and the layer
const choices = {
  noDelay: flag,
  urgentInline: flag,
  cancel: ["operation", "close"],
  completion: modes
} as const satisfies { readonly [K in keyof Options]?: ReadonlyArray<unknown> }

const connectChoices = { reuseUnicastPort: flag } as const satisfies {
  readonly [K in keyof ConnectOptions]?: ReadonlyArray<unknown>
}

const serverChoices = { reuseAddress: flag, ipv6Only: flag } as const satisfies {
  readonly [K in keyof ServerOptions]?: ReadonlyArray<unknown>
}

/** The longest that the host's timers wait. */
const longest = 2 ** 31 - 1

const pause = { least: 0, most: longest, expected: "a duration of at most 24 days" } as const
const spans = {
  closeTimeout: { ...pause, default: 2000 },
  linger: { ...pause, default: 0 },
  attemptDelay: { least: 10, most: longest, default: 250, expected: "a duration from 10 milliseconds to 24 days" }
} as const satisfies { readonly [K in keyof ConnectOptions]?: Span }
// a ULONG of milliseconds
const probe: Span = { least: 1, most: 2 ** 32 - 1, expected: "a duration from 1 millisecond to 49 days" }
// a USHORT of milliseconds, of which two values mean something else
const rtt: Span = { least: 1, most: 65_534, expected: "a duration from 1 to 65534 milliseconds" }

/** The most that `firstBytes` may be. */
const mostFirstBytes = 1_048_576
/** A UCHAR, of which three values mean something else: 0 (the system's), 0xfe (none), 0xff (unchanged). */
const mostRetransmissions = 253

/** When probes are sent: not at all, when the system will have it, or after so many milliseconds. */
export type KeepAlive = boolean | { readonly time: number; readonly interval: number }

/** The fields of TCP_INITIAL_RTO_PARAMETERS. */
export interface InitialRto {
  readonly rtt: number
  readonly retransmissions: number
}

/** Options of any connection that are in range, and defaults for what was not given. Times are in milliseconds. */
export interface StreamOptions {
  readonly chunkSize: number
  readonly sendQueue: number
  /** `undefined` for the system's. */
  readonly sendBuffer: number | undefined
  readonly receiveBuffer: number | undefined
  readonly noDelay: boolean
  readonly keepAlive: KeepAlive
  readonly urgentInline: boolean
  readonly closeTimeout: number
  readonly linger: number
  readonly cancel: "operation" | "close" | undefined
  /** `undefined` for the layer's. */
  readonly completion: Mode | undefined
}

export interface ConnectChecked {
  readonly stream: StreamOptions
  readonly local: NetAddress.InetAddress | undefined
  readonly reuseUnicastPort: boolean
  /** A copy of its own. */
  readonly firstBytes: Uint8Array
  readonly attemptDelay: number
  readonly initialRto: InitialRto | undefined
}

export interface ListenChecked {
  readonly stream: StreamOptions
  readonly backlog: number
  readonly acceptAhead: number
  readonly receiveLength: number
  readonly reuseAddress: boolean
  readonly ipv6Only: boolean
}

const nothing = new Uint8Array(0)

/** Reads a wish for keep-alive. */
export const keepAliveOf = (given: unknown): KeepAlive | WinsockError => {
  if (given === undefined) return false
  if (typeof given === "boolean") return given
  if (!isRecord(given)) return refused("keepAlive", given, "true, false, or its time and interval")
  const { interval, time } = given as { readonly time: unknown; readonly interval: unknown }
  const idle = durationOf("keepAlive.time", time, probe)
  if (idle instanceof WinsockErrors.WinsockError) return idle
  const between = durationOf("keepAlive.interval", interval, probe)
  if (between instanceof WinsockErrors.WinsockError) return between
  return { time: Math.round(idle), interval: Math.round(between) }
}

const streamOf = (options: Options): StreamOptions | WinsockError => {
  const unread = refuseOptions(options)
  if (unread !== undefined) return unread
  const numbers = numbersOf(ranges, options)
  if (numbers instanceof WinsockErrors.WinsockError) return numbers
  const unknown = refuseChoice(choices, options)
  if (unknown !== undefined) return unknown
  const keepAlive = keepAliveOf(options.keepAlive)
  if (keepAlive instanceof WinsockErrors.WinsockError) return keepAlive
  const closeTimeout = durationOf("closeTimeout", options.closeTimeout, spans.closeTimeout)
  if (closeTimeout instanceof WinsockErrors.WinsockError) return closeTimeout
  const linger = durationOf("linger", options.linger, spans.linger)
  if (linger instanceof WinsockErrors.WinsockError) return linger
  return {
    ...numbers,
    noDelay: options.noDelay === true,
    keepAlive,
    urgentInline: options.urgentInline === true,
    closeTimeout,
    linger,
    cancel: options.cancel,
    completion: options.completion
  }
}

/** Reads bytes that go with a connect, and copies them. */
export const firstBytesOf = (given: unknown): Uint8Array | WinsockError => {
  if (given === undefined) return nothing
  if (!isPayload(given)) return refused("firstBytes", given, aPayload)
  const length = lengthOf(given)
  if (length > mostFirstBytes) return refused("firstBytes", given, `at most ${mostFirstBytes} bytes`)
  const bytes = new Uint8Array(length)
  copyPayload(given, bytes, 0)
  return bytes
}

const initialRtoOf = (given: unknown): InitialRto | undefined | WinsockError => {
  if (given === undefined) return undefined
  if (!isRecord(given)) return refused("initialRto", given, "a record of rtt and retransmissions")
  const { retransmissions, rtt: first } = given as { readonly rtt: unknown; readonly retransmissions: unknown }
  const time = first === undefined ? TCP_INITIAL_RTO_UNSPECIFIED_RTT : durationOf("initialRto.rtt", first, rtt)
  if (time instanceof WinsockErrors.WinsockError) return time
  if (retransmissions !== undefined && !isWithin(retransmissions, 0, mostRetransmissions)) {
    const expected = `an integer from 0 to ${mostRetransmissions}`
    return refused("initialRto.retransmissions", retransmissions, expected)
  }
  return {
    rtt: Math.round(time),
    retransmissions:
      retransmissions === undefined
        ? TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS
        : retransmissions === 0
          ? TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS
          : retransmissions
  }
}

/** Reads the options of a connect, or says which is not what it must be. */
export const checkConnect = (options: ConnectOptions): ConnectChecked | WinsockError => {
  const stream = streamOf(options)
  if (stream instanceof WinsockErrors.WinsockError) return stream
  const unknown = refuseChoice(connectChoices, options)
  if (unknown !== undefined) return unknown
  const { local } = options
  if (local !== undefined && !NetAddress.isInetAddress(local)) return refused("local", local, anAddress)
  const firstBytes = firstBytesOf(options.firstBytes)
  if (firstBytes instanceof WinsockErrors.WinsockError) return firstBytes
  const attemptDelay = durationOf("attemptDelay", options.attemptDelay, spans.attemptDelay)
  if (attemptDelay instanceof WinsockErrors.WinsockError) return attemptDelay
  const initialRto = initialRtoOf(options.initialRto)
  if (initialRto instanceof WinsockErrors.WinsockError) return initialRto
  return { stream, local, reuseUnicastPort: options.reuseUnicastPort === true, firstBytes, attemptDelay, initialRto }
}

/** Reads the options of a server, or says which is not what it must be. */
export const checkListen = (options: ServerOptions): ListenChecked | WinsockError => {
  const stream = streamOf(options)
  if (stream instanceof WinsockErrors.WinsockError) return stream
  const numbers = numbersOf(serverRanges, options)
  if (numbers instanceof WinsockErrors.WinsockError) return numbers
  const unknown = refuseChoice(serverChoices, options)
  if (unknown !== undefined) return unknown
  return {
    stream,
    ...numbers,
    reuseAddress: options.reuseAddress === true,
    ipv6Only: options.ipv6Only !== false
  }
}
