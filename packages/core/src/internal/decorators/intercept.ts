import type { Seam } from "../../Seam.ts"
import { extensions, functions } from "../../Signatures.ts"
import type { ExtensionName, Failure, FunctionName, Signature } from "../../Signatures.ts"

/** The name of any function behind the seam. WSASendMsg is in both tables, with one signature. */
export type CallName = FunctionName | ExtensionName

/** What a call returns; `void` for the few that return nothing. */
export type Result = number | void

/** Where a function comes from: exported by name, or bound to an address. */
export type Origin = "export" | "extension"

export type Args = ReadonlyArray<number>

/** Reports the end of an off-thread call. */
export type Done = (result: Result, lastError: number) => void

/** What a decorator does around each call. */
export interface Interceptor {
  readonly call: (name: CallName, origin: Origin, args: Args, next: (args: Args) => Result) => Result
  readonly offThread: (name: CallName, args: Args, next: (args: Args, done: Done) => void, done: Done) => void
}

/** What an interceptor may use: the seam below it, and a way to report a failure that did not happen there. */
export interface Site {
  readonly seam: Seam
  /** Gives the result of a failed call; WSAGetLastError answers `code` until the next call. */
  readonly fail: (name: CallName, code: number) => Result
}

/** Looks up the signature of any function. */
export const signatureOf = (name: CallName): Signature =>
  name in functions ? functions[name as FunctionName] : extensions[name as ExtensionName]

const results: { readonly [F in Exclude<Failure, "CODE" | "NEVER">]: -1 | 0 } = {
  SOCKET_ERROR: -1,
  INVALID_SOCKET: -1,
  INVALID_HANDLE_VALUE: -1,
  FALSE: 0,
  NULL: 0
}

/** What a call returns when it fails with `code`. */
export const failedResult = (name: CallName, code: number): number => {
  const { fails } = signatureOf(name)
  if (fails === "NEVER") throw new TypeError(`${name} has no way to fail`)
  return fails === "CODE" ? code : results[fails]
}

/** The code that a call failed with, or `undefined` when it did not fail. */
export const failureCode = (fails: Failure, result: Result, lastError: () => number): number | undefined => {
  if (fails === "NEVER") return undefined
  if (fails === "CODE") return result === 0 ? undefined : (result as number)
  return result === results[fails] ? lastError() : undefined
}

type AnyCall = (...args: Args) => Result

/** Puts an interceptor around every function of a seam. */
export const intercept = (
  seam: Seam,
  make: (site: Site) => Interceptor,
  memory: Seam["memory"] = seam.memory
): Seam => {
  let reported: number | undefined
  const fail = (name: CallName, code: number): Result => {
    const result = failedResult(name, code)
    if (signatureOf(name).fails !== "CODE") reported = code
    return result
  }
  const interceptor = make({ seam, fail })

  const around = (name: CallName, origin: Origin, inner: AnyCall): AnyCall => {
    const next = (args: Args): Result => {
      if (name === "WSAGetLastError" && reported !== undefined) return reported
      reported = undefined
      return inner(...args)
    }
    return (...args) => interceptor.call(name, origin, args, next)
  }

  const calls = Object.fromEntries(
    Object.entries(seam.calls).map(([name, inner]) => [
      name,
      around(name as FunctionName, "export", inner as unknown as AnyCall)
    ])
  )
  // the tables give each name its type; a function that serves all names can only be told
  const bind = (name: ExtensionName, address: number) =>
    around(name, "extension", seam.bind(name, address) as unknown as AnyCall)
  const below = seam.offThread as (name: CallName, args: Args, done: Done, address?: number) => void
  const offThread = (name: CallName, args: Args, done: Done, address?: number) =>
    interceptor.offThread(
      name,
      args,
      (given, report) => (address === undefined ? below(name, given, report) : below(name, given, report, address)),
      done
    )

  return {
    name: seam.name,
    abi: seam.abi,
    memory,
    calls: calls as unknown as Seam["calls"],
    offThread: offThread as Seam["offThread"],
    bind: bind as unknown as Seam["bind"],
    routine: seam.routine,
    host: seam.host
  }
}
