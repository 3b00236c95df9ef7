/** The rows of the table of socket options. */
import type { OptionValue } from "../OptionValue.ts"

/** What a socket is, as far as it decides which options and control codes it takes. */
export type SocketKind = "tcp" | "listener" | "udp" | "raw" | "unix"

export interface OptionRow<
  A,
  out Kind extends SocketKind,
  out Access extends "r" | "w" | "rw",
  out Kept extends string | undefined
> {
  readonly level: number
  readonly number: number
  readonly value: OptionValue<A>
  readonly sockets: ReadonlyArray<Kind>
  readonly access: Access
  readonly since: string | undefined
  readonly source: string
  readonly kept: Kept
}

interface More<Kept extends string | undefined> {
  readonly since?: string
  /** Why the library keeps the setting of it to itself. */
  readonly kept?: Kept
}

/** Makes rows of one level whose constants are in one header. */
export const rowsOf =
  (level: number, source: string) =>
  <
    A,
    const Kind extends SocketKind,
    const Access extends "r" | "w" | "rw",
    const Kept extends string | undefined = undefined
  >(
    number: number,
    value: OptionValue<A>,
    sockets: ReadonlyArray<Kind>,
    access: Access,
    more: More<Kept> = {}
  ): OptionRow<A, Kind, Access, Kept> => ({
    level,
    number,
    value,
    sockets,
    access,
    since: more.since,
    source,
    kept: more.kept as Kept
  })

export const all = ["tcp", "listener", "udp", "raw", "unix"] as const
export const internet = ["tcp", "listener", "udp", "raw"] as const
export const streams = ["tcp", "listener", "unix"] as const
export const tcp = ["tcp", "listener"] as const
export const datagrams = ["udp", "raw"] as const
export const udp = ["udp"] as const
export const raw = ["raw"] as const

// --- why the library keeps some settings to itself ---

export const keptControl =
  "left alone: the room for control data is fixed when the socket is opened, by its options (control, timestamps)" as const
export const keptClosing = "left alone: how a socket ends is said when it is opened, or by abort" as const
export const keptTimeout =
  "left alone: it is for calls that block, whose limits are said when a BlockingSocket is opened (receiveTimeout, sendTimeout); Effect.timeout loses nothing" as const
export const keptContext = "left alone: the library does it when the connection is made" as const
