/**
 * What can be chosen about a simulation, with its defaults.
 */
import { extensions } from "@effect-winsock/core/Signatures"
import type { Abi } from "@effect-winsock/schema/Layout"
import type { GuardLevel } from "./Guard.ts"
import { NameTable } from "./NameTable.ts"

export type Dequeue = "fifo" | "seeded"
export type TruncationAnswer = "pending" | "emsgsize+packet" | "emsgsize-only" | "seeded"
export type ReadyAnswer = "immediate" | "pending" | "seeded"
export type Cancellation = "immediate" | "deferred" | "seeded"
export type Delivery = "turn" | "immediate"
export type Segmentation = "mss" | "seeded"

export interface Settings {
  readonly abi: Abi
  readonly seed: number
  readonly guard: GuardLevel
  readonly callSites: boolean
  readonly trace: number
  readonly dequeue: Dequeue
  readonly truncationAnswer: TruncationAnswer
  readonly readyAnswer: ReadyAnswer
  readonly cancellation: Cancellation
  /** Undefined: what Windows gives for each kind of operation. */
  readonly closeStatus: number | undefined
  readonly delivery: Delivery
  readonly cancelIoEx: boolean
  readonly absentExtensions: ReadonlyArray<string>
  /** Level and number, as SocketOptions keys them. */
  readonly absentOptions: ReadonlySet<number>
  readonly absentIoctls: ReadonlySet<number>
  readonly sendControl: "honoured" | "ignored"
  readonly coalescedInfo: "told" | "missing" | number
  readonly build: number
  readonly segmentation: Segmentation
  readonly cancelledSend: "counted" | "zero"
  /** How long TIME_WAIT lasts, in milliseconds. */
  readonly timeWait: number
  readonly tcpInfo: boolean
  readonly flush: "unsupported" | "aborts"
  readonly unixSockets: boolean
  readonly timestamps: boolean
  readonly names: NameTable
  readonly nameCancellation: "immediate" | "ignored" | "seeded"
}

export const defaults: Settings = {
  abi: "x64",
  seed: 1,
  guard: "strict",
  callSites: false,
  trace: 10_000,
  dequeue: "fifo",
  truncationAnswer: "pending",
  readyAnswer: "immediate",
  cancellation: "immediate",
  closeStatus: undefined,
  delivery: "turn",
  cancelIoEx: true,
  absentExtensions: [],
  absentOptions: new Set(),
  absentIoctls: new Set(),
  sendControl: "honoured",
  coalescedInfo: "told",
  build: 22_631,
  segmentation: "mss",
  cancelledSend: "counted",
  timeWait: 120_000,
  tcpInfo: true,
  flush: "unsupported",
  unixSockets: true,
  timestamps: true,
  names: new NameTable({}),
  nameCancellation: "immediate"
}

const words: { readonly [K in keyof Settings]?: ReadonlyArray<Settings[K]> } = {
  abi: ["x64", "ia32"],
  guard: ["strict", "collect", "off"],
  dequeue: ["fifo", "seeded"],
  truncationAnswer: ["pending", "emsgsize+packet", "emsgsize-only", "seeded"],
  readyAnswer: ["immediate", "pending", "seeded"],
  cancellation: ["immediate", "deferred", "seeded"],
  delivery: ["turn", "immediate"],
  sendControl: ["honoured", "ignored"],
  segmentation: ["mss", "seeded"],
  cancelledSend: ["counted", "zero"],
  flush: ["unsupported", "aborts"]
}

const isAtLeast = (least: number) => (n: unknown) => Number.isInteger(n) && (n as number) >= least

const numbers: {
  readonly [K in keyof Settings]?: readonly [expected: string, holds: (value: unknown) => boolean]
} = {
  seed: ["an integer", Number.isInteger],
  trace: ["a number of events", (n) => n === Number.POSITIVE_INFINITY || isAtLeast(0)(n)],
  closeStatus: ["an NTSTATUS", (n) => n === undefined || Number.isInteger(n)],
  coalescedInfo: ['"told", "missing" or a size', (n) => n === "told" || n === "missing" || isAtLeast(0)(n)],
  build: ["a build", isAtLeast(1)],
  timeWait: ["milliseconds", (n) => typeof n === "number" && n >= 0]
}

const refuse = (name: string, expected: string, value: unknown): never => {
  throw new RangeError(`${name} must be ${expected}, not ${typeof value === "string" ? `"${value}"` : String(value)}`)
}

/** Returns the settings; throws a RangeError that names the first that cannot be, and its value. */
export const checked = (settings: Settings): Settings => {
  for (const name of Object.keys(words) as Array<keyof Settings>) {
    const known: ReadonlyArray<unknown> = words[name]!
    if (!known.includes(settings[name])) refuse(name, known.map((word) => `"${word}"`).join(" or "), settings[name])
  }
  for (const name of Object.keys(numbers) as Array<keyof Settings>) {
    const [expected, holds] = numbers[name]!
    if (!holds(settings[name])) refuse(name, expected, settings[name])
  }
  const unknown = settings.absentExtensions.find((name) => !(name in extensions))
  if (unknown !== undefined) refuse("absentExtensions", "names of extension functions", unknown)
  return settings
}
