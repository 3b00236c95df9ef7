/**
 * A fault in words: all that it says, for lists and traces.
 */
import { nameOf as statusName } from "@effect-winsock/schema/NtStatus"
import { nameOf as codeName } from "@effect-winsock/schema/WsaError"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Fault, Lateness } from "../MockFault.ts"

const named = (value: number | string, nameOf: (n: number) => string | undefined): string =>
  typeof value === "string" ? value : (nameOf(value) ?? String(value))

const late = (by: Lateness): string => {
  if (typeof by === "number") return `${by} ${by === 1 ? "turn" : "turns"} later`
  const duration = Duration.fromInput(by.after)
  return Option.isSome(duration) ? `${Duration.format(duration.value)} later` : String(by.after)
}

const ordinal = (n: number): string => {
  const teen = n % 100 > 10 && n % 100 < 14
  return `${n}${teen ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th")}`
}

const isCancel = ({ call }: Fault): boolean => call === "CancelIoEx" || call === "CancelIo"

const whatOf = (fault: Fault): ReadonlyArray<string> => {
  const { code, lateCompletion, latePacket, most, never, ntstatus } = fault
  const what: Array<string> = []
  if (fault.call === "alloc") what.push("finds no memory")
  else if (code !== undefined) what.push(`fails with ${named(code, codeName)}`)
  if (ntstatus !== undefined) what.push(`completes with ${named(ntstatus, statusName)}`)
  if (fault.ignored === true) what.push("succeeds and cancels nothing")
  if (fault.arrives === true) what.push("loses the race: what is under way arrives first")
  if (never !== undefined) {
    const end = never === "ever" ? "never completes" : "does not complete until its socket is closed"
    what.push(isCancel(fault) ? `succeeds, and the operation ${end}` : end)
  }
  if (lateCompletion !== undefined) what.push(`${isCancel(fault) ? "takes hold" : "completes"} ${late(lateCompletion)}`)
  if (latePacket !== undefined) what.push(`has its packet ${late(latePacket)}`)
  if (most !== undefined) what.push(`takes ${most} ${most === 1 ? "byte" : "bytes"} at most`)
  return what
}

export const describe = (fault: Fault): string => {
  const { host, nth, probability, socket, times, when } = fault
  const parts = [fault.call, whatOf(fault).join(", ")]
  if (nth !== undefined)
    parts.push(times === undefined || times === 1 ? `the ${ordinal(nth)} time` : `from the ${ordinal(nth)} time on`)
  if (times !== undefined && Number.isFinite(times) && (times > 1 || nth === undefined)) {
    parts.push(times === 1 ? "once" : `${times} times`)
  }
  if (probability !== undefined) parts.push(`with a probability of ${probability}`)
  if (socket !== undefined) parts.push(`on ${socket} sockets`)
  if (host !== undefined) parts.push(`at ${host}`)
  if (when !== undefined) parts.push("where its arguments are such")
  return parts.join(" ")
}
