/**
 * What can be chosen about a simulation, with its defaults.
 */
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
