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

export interface Settings {
  readonly abi: Abi
  readonly seed: number
  readonly guard: GuardLevel
  readonly trace: number
  readonly dequeue: Dequeue
  readonly truncationAnswer: TruncationAnswer
  readonly readyAnswer: ReadyAnswer
  readonly cancellation: Cancellation
  readonly closeStatus: number
  readonly delivery: Delivery
  readonly absentExtensions: ReadonlyArray<string>
  /** Level and number, as SocketOptions keys them. */
  readonly absentOptions: ReadonlySet<number>
  readonly sendControl: "honoured" | "ignored"
  readonly coalescedInfo: "told" | "missing" | number
  readonly build: number
  readonly names: NameTable
  readonly nameCancellation: "immediate" | "ignored" | "seeded"
}

export const defaults: Settings = {
  abi: "x64",
  seed: 1,
  guard: "strict",
  trace: 10_000,
  dequeue: "fifo",
  truncationAnswer: "pending",
  readyAnswer: "immediate",
  cancellation: "immediate",
  // STATUS_CANCELLED
  closeStatus: 0xc0000120,
  delivery: "turn",
  absentExtensions: [],
  absentOptions: new Set(),
  sendControl: "honoured",
  coalescedInfo: "told",
  build: 22_631,
  names: new NameTable({}),
  nameCancellation: "immediate"
}
