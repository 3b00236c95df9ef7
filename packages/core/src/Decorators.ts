/**
 * Decorators of a seam: they record its calls, hold its completions at a gate, make its calls fail, or delay its
 * completions. They work on the real DLL as on the simulated one, so a test can ask for a lost race instead of
 * sleeping until one happens.
 *
 * A decorator is made with a handle that steers it; its `decorate` turns a seam into a seam, and can be used on
 * several. The one applied last is the nearest to the program: a recorder applied after a gate sees the calls that the
 * program makes, one applied before it also those that the gate makes.
 *
 * **Example** (Counting what reaches a seam whose first receive fails)
 *
 * ```ts
 * import * as Decorators from "@effect-winsock/core/Decorators"
 * import type { Seam } from "@effect-winsock/core/Seam"
 * import { WSAENOBUFS } from "@effect-winsock/schema/WsaError"
 * import { pipe } from "effect/Function"
 *
 * const recorder = Decorators.record()
 * const failure = Decorators.fail({ call: "WSARecvMsg", nth: 1, code: WSAENOBUFS })
 *
 * const decorated = (seam: Seam): Seam => pipe(seam, failure.decorate, recorder.decorate)
 *
 * const cancels = (): number => recorder.count("CancelIoEx")
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Holding from "./internal/decorators/holding.ts"
import { makeHolding } from "./internal/decorators/holding.ts"
import type * as Intercept from "./internal/decorators/intercept.ts"
import { failedResult, failureCode, intercept, signatureOf } from "./internal/decorators/intercept.ts"
import type { Seam } from "./Seam.ts"
import type { ExtensionName, extensions, FunctionName, functions } from "./Signatures.ts"

/**
 * The name of any function behind a seam, exported or extension.
 *
 * @category models
 * @since 0.1.0
 */
export type CallName = Intercept.CallName

type SignatureOf<K extends CallName> = K extends FunctionName
  ? (typeof functions)[K]
  : K extends ExtensionName
    ? (typeof extensions)[K]
    : never

/**
 * The arguments of a call, by the names of its parameters in the headers.
 *
 * @category models
 * @since 0.1.0
 */
export type ArgumentsOf<K extends CallName> = {
  readonly [P in SignatureOf<K>["parameters"][number] as P[0]]: number
}

const byName = (name: CallName, args: Intercept.Args): { readonly [parameter: string]: number } =>
  Object.fromEntries(signatureOf(name).parameters.map(([parameter], i) => [parameter, args[i]]))

// -----------------------------------------------------------------------------
// record
// -----------------------------------------------------------------------------

/**
 * One call that was recorded.
 *
 * @category models
 * @since 0.1.0
 */
export type CallRecord<K extends CallName = CallName> = K extends CallName
  ? {
      /** The place of the call among all calls of the recorder, from 0, in the order in which they were made. */
      readonly sequence: number
      readonly name: K
      /** How it was made: an exported function, one bound to its address, or an exported one off the JS thread. */
      readonly origin: "export" | "extension" | "offThread"
      readonly args: ArgumentsOf<K>
      /** What it returned; `undefined` for a function without a result and while the call is being made. */
      readonly result: number | undefined
      /** The error code, when the call failed as its signature says a failure looks; `undefined` otherwise. */
      readonly lastError: number | undefined
    }
  : never

/**
 * The handle of a decorator that records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recorder {
  readonly decorate: (seam: Seam) => Seam
  /** All calls since the last `clear`, in the order in which they were made. */
  readonly calls: ReadonlyArray<CallRecord>
  /** The calls of one function, those alone for which `when` holds. */
  readonly of: <K extends CallName>(name: K, when?: (call: CallRecord<K>) => boolean) => ReadonlyArray<CallRecord<K>>
  /** How many calls `of` would give. */
  readonly count: <K extends CallName>(name: K, when?: (call: CallRecord<K>) => boolean) => number
  /** Forgets all calls. Numbering goes on. */
  readonly clear: () => void
}

/**
 * Creates a decorator that records every call: of exported functions, of extension functions, and off the JS thread.
 * What the program reads with `WSAGetLastError` afterwards is what it would have read without.
 *
 * **Example** (Exactly one cancel)
 *
 * ```ts
 * import * as Decorators from "@effect-winsock/core/Decorators"
 *
 * const recorder = Decorators.record()
 *
 * const cancelledOnce = (lpOverlapped: number): boolean =>
 *   recorder.count("CancelIoEx", (call) => call.args.lpOverlapped === lpOverlapped) === 1
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const record = (): Recorder => {
  interface Entry {
    readonly sequence: number
    readonly name: CallName
    readonly origin: "export" | "extension" | "offThread"
    readonly args: { readonly [parameter: string]: number }
    result: number | undefined
    lastError: number | undefined
  }
  let entries: Array<Entry> = []
  let sequence = 0

  const begin = (name: CallName, origin: Entry["origin"], args: Intercept.Args): Entry => {
    const entry: Entry = {
      sequence: sequence++,
      name,
      origin,
      args: byName(name, args),
      result: undefined,
      lastError: undefined
    }
    entries.push(entry)
    return entry
  }

  const end = (entry: Entry, result: Intercept.Result, lastError: () => number): void => {
    entry.result = result as number | undefined
    entry.lastError = failureCode(signatureOf(entry.name).fails, result, lastError)
  }

  // an entry's arguments were named by the same table as its type
  const select = <K extends CallName>(name: K, when: (call: CallRecord<K>) => boolean = () => true) =>
    (entries as ReadonlyArray<Entry> as ReadonlyArray<CallRecord<K>>).filter((call) => call.name === name && when(call))

  return {
    decorate: (seam) =>
      intercept(seam, () => ({
        call: (name, origin, args, next) => {
          const entry = begin(name, origin, args)
          const result = next(args)
          end(entry, result, () => seam.calls.WSAGetLastError())
          return result
        },
        offThread: (name, args, next, done) => {
          const entry = begin(name, "offThread", args)
          next(args, (result, lastError) => {
            end(entry, result, () => lastError)
            done(result, lastError)
          })
        }
      })),
    get calls() {
      return [...entries] as ReadonlyArray<Entry> as ReadonlyArray<CallRecord>
    },
    of: select,
    count: (name, when) => select(name, when).length,
    clear: () => {
      entries = []
    }
  }
}

// -----------------------------------------------------------------------------
// fail
// -----------------------------------------------------------------------------

/**
 * The functions that can fail at all.
 *
 * @category models
 * @since 0.1.0
 */
export type FailableName = {
  [K in CallName]: SignatureOf<K>["fails"] extends "NEVER" ? never : K
}[CallName]

/**
 * Which calls fail, and how. Of the calls of `call` for which `when` holds, all of them fail, or only the `nth` (from
 * 1), or `every` so many.
 *
 * The call is not made, or, with `after`, it is made and then reported as failed. It returns what its signature
 * returns for a failure, and `WSAGetLastError` answers `code` until the next call.
 *
 * @category models
 * @since 0.1.0
 */
export type FailRule<K extends FailableName = FailableName> = K extends FailableName
  ? {
      readonly call: K
      readonly code: number
      readonly when?: (args: ArgumentsOf<K>) => boolean
      readonly after?: boolean
    } & (
      | { readonly nth: number; readonly every?: never }
      | { readonly nth?: never; readonly every: number }
      | { readonly nth?: never; readonly every?: never }
    )
  : never

/**
 * The handle of a decorator that makes calls fail.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failing {
  readonly decorate: (seam: Seam) => Seam
  /** Adds a rule, behind those there are: the first that applies decides. Returns a function that takes it back. */
  readonly add: (rule: FailRule) => () => void
  /** Takes back all rules. */
  readonly clear: () => void
  /** How many calls were made to fail. */
  readonly count: number
}

/**
 * Creates a decorator that makes calls fail: of exported functions, of extension functions, and off the JS thread.
 *
 * **Example** (A cancel that comes too late)
 *
 * ```ts
 * import * as Decorators from "@effect-winsock/core/Decorators"
 * import { ERROR_NOT_FOUND } from "@effect-winsock/schema/WsaError"
 *
 * const failing = Decorators.fail({ call: "CancelIoEx", every: 2, code: ERROR_NOT_FOUND, after: true })
 *
 * const stop = failing.add({ call: "closesocket", when: (args) => args.s === 4, code: 10035 })
 *
 * stop()
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fail = (...rules: ReadonlyArray<FailRule>): Failing => {
  interface Rule {
    readonly rule: FailRule
    matched: number
  }
  let active: Array<Rule> = []
  let count = 0

  const add = (rule: FailRule): (() => void) => {
    const entry: Rule = { rule, matched: 0 }
    active.push(entry)
    return () => {
      active = active.filter((other) => other !== entry)
    }
  }
  for (const rule of rules) add(rule)

  const applies = (entry: Rule, name: CallName, args: Intercept.Args): boolean => {
    const { call, every, nth } = entry.rule
    if (call !== name) return false
    // the rule's type ties its predicate to its call
    const when = entry.rule.when as ((args: { readonly [parameter: string]: number }) => boolean) | undefined
    if (when !== undefined && !when(byName(name, args))) return false
    entry.matched++
    return nth !== undefined ? entry.matched === nth : every === undefined || entry.matched % every === 0
  }

  // every rule counts the call, although the first that applies decides
  const find = (name: CallName, args: Intercept.Args): FailRule | undefined => {
    const found = active.filter((entry) => applies(entry, name, args))
    if (found.length === 0) return undefined
    count++
    return found[0].rule
  }

  return {
    decorate: (seam) =>
      intercept(seam, (site) => ({
        call: (name, _origin, args, next) => {
          const rule = find(name, args)
          if (rule === undefined) return next(args)
          if (rule.after === true) next(args)
          return site.fail(name, rule.code)
        },
        offThread: (name, args, next, done) => {
          const rule = find(name, args)
          if (rule === undefined) return next(args, done)
          const report = () => done(failedResult(name, rule.code), rule.code)
          if (rule.after === true) next(args, report)
          else seam.host.schedule(report)
        }
      })),
    add,
    clear: () => {
      active = []
    },
    get count() {
      return count
    }
  }
}

// -----------------------------------------------------------------------------
// gate
// -----------------------------------------------------------------------------

/**
 * A completion packet that a gate or a delay decides about.
 *
 * @category models
 * @since 0.1.0
 */
export type Packet = Holding.Packet

/**
 * The handle of a gate.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  readonly decorate: (seam: Seam) => Seam
  /** Holds back packets from now on. */
  readonly close: () => void
  /**
   * Lets packets pass, those that are held first and in their order. While an off-thread dequeue is out, that is when
   * it has reported, which it is woken up to do.
   */
  readonly open: () => void
  readonly isOpen: boolean
  /** How many packets are held. */
  readonly held: number
  /**
   * Completes when at least `n` packets are held. Packets are held when somebody dequeues them, which the pump does
   * as long as it expects any; nothing here waits for time to pass.
   */
  readonly awaitHeld: (n: number) => Effect.Effect<void>
}

/**
 * Creates a gate for completion packets, open unless `closed`. While it is closed, a packet that was dequeued and has
 * an OVERLAPPED is held back: the operation has completed, and the program does not know it yet. A dequeue of which
 * nothing is left fails with `WAIT_TIMEOUT`. Packets without an OVERLAPPED, the pump's own wake-ups, pass.
 *
 * What completes by a routine is held back by keeping its run until the gate opens. What completes by an event is held
 * back where the program asks for the result: `WSAGetOverlappedResult` (not waiting) says `WSA_IO_INCOMPLETE`, unless the
 * low bit of hEvent is set. Both count as packets of port 0.
 *
 * **Details**
 *
 * With `only`, the other packets pass as well. Still, packets of one OVERLAPPED keep their order, and a packet that
 * the program posted waits for all that are held before it in the same port.
 *
 * A held packet is posted again when the gate opens. Its key, OVERLAPPED and byte count survive; its status is read
 * from the OVERLAPPED. Closing the port discards what is held for it. Completion ports and the memory for their
 * entries must be made through the decorated seam.
 *
 * **Example** (Completed, but not yet dequeued)
 *
 * ```ts
 * import * as Decorators from "@effect-winsock/core/Decorators"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 *
 * const gate = Decorators.gate()
 *
 * const lostRace = Effect.fnUntraced(function*<A, E>(receive: Effect.Effect<A, E>, send: Effect.Effect<void, E>) {
 *   gate.close()
 *   const fiber = yield* Effect.forkChild(receive, { startImmediately: true })
 *   yield* send
 *   yield* gate.awaitHeld(1)
 *   fiber.interruptUnsafe()
 *   gate.open()
 *   return yield* Fiber.await(fiber)
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const gate = (options?: { readonly only?: (packet: Packet) => boolean; readonly closed?: boolean }): Gate => {
  interface Waiter {
    readonly n: number
    readonly resume: () => void
  }
  let closed = options?.closed ?? false
  let waiters: Array<Waiter> = []

  const holding = makeHolding({
    terms: (packet) => (closed && (options?.only?.(packet) ?? true) ? {} : undefined),
    once: false,
    held: (seam) => {
      const count = holding.count()
      const ready = waiters.filter((waiter) => waiter.n <= count)
      if (ready.length === 0) return
      waiters = waiters.filter((waiter) => waiter.n > count)
      // a fiber that went on here would run inside the dequeue
      seam.host.schedule(() => {
        for (const waiter of ready) waiter.resume()
      })
    }
  })

  return {
    decorate: holding.decorate,
    close: () => {
      closed = true
    },
    open: () => {
      closed = false
      holding.releaseAll()
    },
    get isOpen() {
      return !closed
    },
    get held() {
      return holding.count()
    },
    awaitHeld: (n) =>
      Effect.callback<void>((resume) => {
        if (holding.count() >= n) return resume(Effect.void)
        const waiter: Waiter = { n, resume: () => resume(Effect.void) }
        waiters.push(waiter)
        return Effect.sync(() => {
          waiters = waiters.filter((other) => other !== waiter)
        })
      })
  }
}

// -----------------------------------------------------------------------------
// delay
// -----------------------------------------------------------------------------

/**
 * Which packets come late, and by how much: `dequeues` dequeues of their port (from 1) after the one that took them,
 * or `milliseconds` of the host's time.
 *
 * @category models
 * @since 0.1.0
 */
export type DelayRule = { readonly only?: (packet: Packet) => boolean } & (
  | { readonly dequeues: number; readonly milliseconds?: never }
  | { readonly dequeues?: never; readonly milliseconds: number }
)

/**
 * The handle of a decorator that delays completions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delaying {
  readonly decorate: (seam: Seam) => Seam
  /** Adds a rule, behind those there are: the first that applies decides. Returns a function that takes it back. */
  readonly add: (rule: DelayRule) => () => void
  /** Takes back all rules and lets what is held pass. */
  readonly clear: () => void
  /** How many packets are held. */
  readonly held: number
}

/**
 * Creates a decorator that delivers completions late, and so in another order. Each packet is delayed once; the order
 * that a `gate` keeps is kept here too. A dequeue does not wait while a packet is held for dequeues.
 *
 * **Example** (Every second receive overtaken)
 *
 * ```ts
 * import * as Decorators from "@effect-winsock/core/Decorators"
 *
 * let receives = 0
 *
 * const delaying = Decorators.delay({
 *   only: (packet) => packet.operation === "WSARecvMsg" && receives++ % 2 === 0,
 *   dequeues: 1
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (...rules: ReadonlyArray<DelayRule>): Delaying => {
  let active = [...rules]
  const holding = makeHolding({
    terms: (packet) => active.find((rule) => rule.only?.(packet) ?? true),
    once: true,
    held: () => {}
  })
  return {
    decorate: holding.decorate,
    add: (rule) => {
      const own = { ...rule }
      active.push(own)
      return () => {
        active = active.filter((other) => other !== own)
      }
    },
    clear: () => {
      active = []
      holding.releaseAll()
    },
    get held() {
      return holding.count()
    }
  }
}
