/**
 * The one way into the simulated DLL: every call passes here, for tracing, faults, pointer checks and its result.
 */
import type { Calls, Extensions, OffThread } from "@effect-winsock/core/Seam"
import * as Signatures from "@effect-winsock/core/Signatures"
import { WSA_WAIT_FAILED } from "@effect-winsock/schema/Flags"
import { WSAEFAULT, WSAEINVAL } from "@effect-winsock/schema/WsaError"
import { type Implementation, extensions, functions } from "./Functions.ts"
import { addressOf } from "./Ioctls.ts"
import type { Kernel } from "./Kernel.ts"
import * as Names from "./Names.ts"
import { AccessViolation, ERROR_NOACCESS } from "./Memory.ts"
import { waitOffThread } from "./Ports.ts"
import { Thread } from "./Threads.ts"
import { ScheduledTask } from "./Turns.ts"

const failureResults: { readonly [F in Signatures.Failure]: number } = {
  SOCKET_ERROR: -1,
  INVALID_SOCKET: -1,
  FALSE: 0,
  NULL: 0,
  INVALID_HANDLE_VALUE: -1,
  CODE: 0,
  NEVER: 0
}

/** What a function needs to be called: looked up once, shared by every simulation. */
class Entry {
  readonly name: string
  readonly signature: Signatures.Signature
  readonly implementation: Implementation
  readonly failure: number
  /** The result is the error code itself, and the last error is left alone. */
  readonly isCode: boolean
  /** The function has no failing result: an error of it is the last error only. */
  readonly fault: number
  /** Success of these resets the last error. */
  readonly clears: boolean
  constructor(name: string, signature: Signatures.Signature, implementation: Implementation) {
    this.name = name
    this.signature = signature
    this.implementation = implementation
    this.failure = failureResults[signature.fails]
    this.isCode = signature.fails === "CODE"
    this.fault = signature.dll === "kernel32.dll" ? ERROR_NOACCESS : WSAEFAULT
    this.clears = signature.dll !== "kernel32.dll" && signature.fails === "SOCKET_ERROR"
  }
}

const entriesOf = <N extends string>(
  signatures: { readonly [K in N]: Signatures.Signature },
  implementations: { readonly [K in N]: Implementation }
): ReadonlyArray<Entry> =>
  (Object.keys(signatures) as Array<N>).map((name) => new Entry(name, signatures[name], implementations[name]))

const functionEntries = entriesOf(Signatures.functions, functions)
const extensionEntries = entriesOf(Signatures.extensions, extensions)
const entryByName = new Map(functionEntries.map((entry) => [entry.name, entry]))
const extensionByName = new Map(extensionEntries.map((entry) => [entry.name, entry]))

const argumentsOf = (entry: Entry, args: ReadonlyArray<number>): Record<string, number> => {
  const out: Record<string, number> = {}
  for (let i = 0; i < args.length; i++) out[entry.signature.parameters[i][0]] = args[i]
  return out
}

const invoke = (kernel: Kernel, entry: Entry, args: Array<number>): number => {
  kernel.error = 0
  kernel.calling = entry.name
  kernel.activity++
  const record =
    kernel.trace.limit === 0 ? undefined : kernel.trace.call(kernel.name, entry.name, entry.signature, args)
  let result = 0
  const faulty = kernel.faults.any
  if (faulty) kernel.error = kernel.faults.at(entry.name, () => argumentsOf(entry, args))
  if (kernel.error === 0) {
    try {
      result = entry.implementation(kernel, ...args)
    } catch (error) {
      if (!(error instanceof AccessViolation)) throw error
      kernel.error = entry.fault
    }
  }
  if (faulty) kernel.faults.done()
  const code = kernel.error
  if (code !== 0) {
    if (entry.isCode) result = code
    else {
      result = entry.failure
      kernel.lastError = code
    }
  } else if (entry.clears) {
    kernel.lastError = 0
  }
  if (record !== undefined) {
    record.result = result
    record.error = code
  }
  return result
}

type Table = Record<string, (...args: Array<number>) => number>

// the tables of signatures give every entry its type; here they are all functions of numbers
export const makeCalls = (kernel: Kernel): Calls => {
  const calls: Table = {}
  for (const entry of functionEntries) calls[entry.name] = (...args) => invoke(kernel, entry, args)
  return calls as unknown as Calls
}

export const makeBind =
  (kernel: Kernel) =>
  <K extends keyof Extensions>(name: K, address: number): Extensions[K] => {
    const entry = extensionEntries.find((candidate) => candidate.name === name)
    // a wrong address is a jump into nowhere: an access violation at the call
    const isHere = entry !== undefined && addressOf(name) === address
    const call = (...args: Array<number>): number => {
      if (!isHere) throw new AccessViolation(address, 1)
      return invoke(kernel, entry, args)
    }
    return call as unknown as Extensions[K]
  }

/**
 * A call of another thread is made in a later turn, with a last error of its own. Waits for packets and for events, and
 * what blocks, last as long as they must; other calls that would wait answer as on the JS thread.
 */
export const makeOffThread = (kernel: Kernel): OffThread => {
  const offThread = (
    name: keyof Calls,
    args: ReadonlyArray<number>,
    done: (result: number, lastError: number) => void,
    address?: number
  ): void => {
    kernel.activity++
    if (name === "GetQueuedCompletionStatusEx" || name === "WSAWaitForMultipleEvents") {
      const waiting = entryByName.get(name)!
      const code = kernel.faults.any ? kernel.faults.at(name, () => argumentsOf(waiting, args)) : 0
      kernel.faults.done()
      // what the two return for a failure: FALSE and WSA_WAIT_FAILED
      if (code !== 0)
        return kernel.turns.post(
          new ScheduledTask(() => done(name === "GetQueuedCompletionStatusEx" ? 0 : WSA_WAIT_FAILED, code))
        )
    }
    if (name === "GetQueuedCompletionStatusEx") return waitOffThread(kernel, args, done)
    if (name === "WSAWaitForMultipleEvents") return kernel.eventWaits.wait(args, done)
    const entry = (address === undefined ? entryByName : extensionByName).get(name)
    // a jump into nowhere
    if (address !== undefined && addressOf(name as never) !== address) throw new AccessViolation(address, 1)
    const elsewhere = Names.elsewhere(kernel, name, args)
    const task = (): void => {
      if (entry === undefined) return done(-1, WSAEINVAL)
      const before = kernel.lastError
      const thread = new Thread(kernel, ++kernel.threads, done)
      kernel.thread = thread
      let result: number
      try {
        result = invoke(kernel, entry, args.slice())
      } finally {
        kernel.thread = undefined
      }
      const after = kernel.error
      kernel.lastError = before
      if (!thread.isBlocked) done(result, after)
    }
    if (elsewhere === undefined) return kernel.turns.post(new ScheduledTask(task))
    kernel.turns.after(elsewhere.latency, new ScheduledTask(() => elsewhere.run(task)))
  }
  return offThread as OffThread
}
