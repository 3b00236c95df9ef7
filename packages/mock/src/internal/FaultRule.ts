/**
 * A fault as it is looked at, and what it is refused for.
 */
import { extensions, functions } from "@effect-winsock/core/Signatures"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Fault, Lateness } from "../MockFault.ts"
import { describe } from "./FaultText.ts"

/** How much later something happens than it would: turns of the event loop, or milliseconds of the clock. */
export interface Late {
  readonly turns: number
  readonly delay: number
}

const inTime: Late = { turns: 0, delay: 0 }

export interface Rule {
  readonly fault: Fault
  readonly description: string
  readonly code: number
  readonly ntstatus: number | undefined
  readonly completion: Late
  readonly packet: Late
  /** Whether only overlapped calls can have it. */
  readonly needsOverlapped: boolean
  seen: number
  left: number
}

const cancels: ReadonlySet<string> = new Set(["CancelIoEx", "CancelIo"])

// calls whose operations ask what a fault wants of them
const overlappedCalls: ReadonlySet<string> = new Set<keyof typeof functions | keyof typeof extensions>([
  "WSASend",
  "WSASendTo",
  "WSASendMsg",
  "WSARecv",
  "WSARecvFrom",
  "WSARecvMsg",
  "WSAIoctl",
  "AcceptEx",
  "ConnectEx",
  "DisconnectEx",
  "TransmitFile"
])

// calls that take a part of a stream, and say how much
const partialCalls: ReadonlySet<string> = new Set<keyof typeof functions>([
  "WSASend",
  "WSASendTo",
  "WSARecv",
  "WSARecvFrom"
])

// what a fault can do; each is a field of its own
const effects = ["code", "ntstatus", "lateCompletion", "latePacket", "never", "most", "ignored", "arrives"] as const
const fields: ReadonlySet<string> = new Set<keyof Fault>([
  ...effects,
  "call",
  "description",
  "nth",
  "times",
  "when",
  "probability",
  "socket",
  "host"
])
const kinds = ["UDP", "TCP", "RAW", "UNIX"]

const shown = (value: unknown): string =>
  typeof value === "string" ? `"${value}"` : typeof value === "object" ? JSON.stringify(value) : String(value)

export const refuse = (field: string, value: unknown, expected: string): never => {
  throw new RangeError(`fault: ${field} must be ${expected}, not ${shown(value)}`)
}

const number = (field: string, value: number | undefined, holds: (n: number) => boolean, expected: string): void => {
  if (value !== undefined && !(typeof value === "number" && holds(value))) refuse(field, value, expected)
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 1

const longest = 2 ** 31

const lateOf = (field: string, late: Lateness | undefined): Late => {
  if (late === undefined) return inTime
  const expected = "a number of turns, or { after: a duration up to 24 days }"
  if (typeof late === "number") {
    number(field, late, (n) => Number.isInteger(n) && n >= 0 && n < longest, expected)
    return { turns: late, delay: 0 }
  }
  const after = Duration.fromInput(late.after)
  const delay = Option.isSome(after) ? Duration.toMillis(after.value) : Number.NaN
  if (!(delay >= 0 && delay < longest)) refuse(`${field}.after`, String(late.after), expected)
  return { turns: 0, delay }
}

const constantOf = (
  field: string,
  value: number | string | undefined,
  table: object,
  least: number
): number | undefined => {
  if (value === undefined) return undefined
  const found = typeof value === "string" ? (table as { readonly [name: string]: unknown })[value] : value
  if (typeof found === "number" && Number.isInteger(found) && found >= least && found <= 0xffff_ffff) return found
  return refuse(field, value, `a number from ${least} to 0xffffffff, or the name of one`)
}

// what would never strike, or strike something else, would be a test of nothing
const checkEffects = (fault: Fault): void => {
  const { call, socket } = fault
  const isCancel = cancels.has(call)
  for (const field of ["ignored", "arrives"] as const) {
    if (fault[field] !== undefined && fault[field] !== true) refuse(field, fault[field], "true or nothing")
    if (fault[field] === true && !isCancel) refuse(field, true, `of CancelIoEx and CancelIo only, which ${call} is not`)
  }
  for (const field of ["ntstatus", "lateCompletion", "latePacket", "never"] as const) {
    const ofCancels = field === "lateCompletion" || field === "never"
    if (fault[field] === undefined || overlappedCalls.has(call) || (isCancel && ofCancels)) continue
    const calls = `${[...overlappedCalls].join(", ")}${ofCancels ? `, ${[...cancels].join(", ")}` : ""}`
    refuse(field, fault[field], `of a call that can be overlapped (${calls}), which ${call} is not`)
  }
  if (fault.most === undefined) return
  if (!partialCalls.has(call)) {
    refuse("most", fault.most, `of a call that can take less (${[...partialCalls].join(", ")}), which ${call} is not`)
  }
  if (socket === "UDP" || socket === "RAW")
    refuse("most", fault.most, `of streams, which ${socket} sockets are none of`)
}

/** Checks a fault; throws a RangeError that names the field and its value. */
export const ruleOf = (fault: Fault): Rule => {
  const { call, most, never, nth, probability, socket, times, when } = fault
  if (call !== "alloc" && !Object.hasOwn(functions, call) && !Object.hasOwn(extensions, call)) {
    refuse("call", call, 'a function of the seam, or "alloc"')
  }
  const unknown = Object.keys(fault).find((field) => !fields.has(field))
  if (unknown !== undefined) refuse("each field", unknown, `one of ${[...fields].join(", ")}`)
  number("nth", nth, isCount, "an integer from 1")
  number("times", times, (n) => isCount(n) || n === Number.POSITIVE_INFINITY, "an integer from 1")
  number("probability", probability, (p) => p >= 0 && p <= 1, "from 0 to 1")
  number("most", most, isCount, "a number of bytes, from 1")
  if (when !== undefined && typeof when !== "function") refuse("when", when, "a function of the arguments")
  if (socket !== undefined && !kinds.includes(socket)) refuse("socket", socket, kinds.join(", "))
  if (never !== undefined && never !== "until closed" && never !== "ever") {
    refuse("never", never, '"until closed" or "ever"')
  }
  if (!effects.some((field) => fault[field] !== undefined)) refuse("code", undefined, `given, or one of its kind`)
  const completion = lateOf("lateCompletion", fault.lateCompletion)
  const packet = lateOf("latePacket", fault.latePacket)
  const code = constantOf("code", fault.code, WsaError, 1) ?? 0
  const ntstatus = constantOf("ntstatus", fault.ntstatus, NtStatus, 0)
  checkEffects(fault)
  const asynchronous =
    fault.ntstatus !== undefined ||
    fault.lateCompletion !== undefined ||
    fault.latePacket !== undefined ||
    never !== undefined
  return {
    fault,
    description: fault.description ?? describe(fault),
    code,
    ntstatus,
    completion,
    packet,
    needsOverlapped: asynchronous && !cancels.has(call),
    seen: 0,
    left: times ?? (nth === undefined ? Number.POSITIVE_INFINITY : 1)
  }
}
