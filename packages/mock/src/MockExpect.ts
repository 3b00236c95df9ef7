/**
 * What a trace must say: selections of its events, operations and datagrams as data, and expectations that show the part of
 * the trace they are about when they are not met. They know nothing of any test runner: a failure is a `TraceMismatch`.
 *
 * @since 0.1.0
 */
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import { WSA_IO_PENDING, WSA_OPERATION_ABORTED } from "@effect-winsock/schema/WsaError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { socketOf } from "./internal/Story.ts"
import type { Described } from "./MockFault.ts"
import * as MockTrace from "./MockTrace.ts"
import { MockWinsock } from "./MockWinsock.ts"

/**
 * An expectation that a trace does not meet. `events` is the part of the trace that it is about.
 *
 * @category errors
 * @since 0.1.0
 */
export class TraceMismatch extends Data.TaggedError("TraceMismatch")<{
  readonly expected: string
  readonly found: string
  readonly events: ReadonlyArray<MockTrace.Event>
}> {
  override get message(): string {
    const { events, expected, found } = this
    const part = events.length === 0 ? "nothing in the trace is about it" : MockTrace.toText(events)
    return `expected ${expected}, found ${found}:\n${part}`
  }
}

/**
 * Events that something is expected of. `title` says which in a failure, `near` which others to show when there are none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Selector {
  readonly title: string
  readonly matches: (event: MockTrace.Event) => boolean
  readonly near: (event: MockTrace.Event) => boolean
}

/**
 * Something that a trace must meet: undefined where it does.
 *
 * @category models
 * @since 0.1.0
 */
export type Expectation = (events: ReadonlyArray<MockTrace.Event>) => TraceMismatch | undefined

/**
 * The name of a function of the DLLs, exported or an extension: what a call in a trace can be of.
 *
 * @category models
 * @since 0.1.0
 */
export type CallName = FunctionName | ExtensionName

/**
 * Which calls: of one machine, on one SOCKET, with one error (0 for those that succeeded).
 *
 * @category models
 * @since 0.1.0
 */
export interface CallFilter {
  readonly host?: string | undefined
  readonly socket?: number | undefined
  readonly error?: number | undefined
  /** Decides by the arguments, by their documented names. */
  readonly when?: ((args: MockTrace.Call["args"]) => boolean) | undefined
}

/**
 * Which datagrams: `from` and `to` are `address:port` (IPv6 addresses in brackets), or an address alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Between {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly host?: string | undefined
}

const shown = 20

const filterText = (filter: object): string => {
  const parts = Object.entries(filter).flatMap(([key, value]) =>
    value === undefined ? [] : [typeof value === "function" ? key : `${key} ${value}`]
  )
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`
}

const isEnd = (endpoint: string, wanted: string | undefined): boolean =>
  wanted === undefined || endpoint === wanted || endpoint.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") === wanted

const isBetween = (event: MockTrace.DatagramEvent | MockTrace.SegmentEvent, { from, to }: Between): boolean =>
  isEnd(event.from, from) && isEnd(event.to, to)

const onHost = (event: MockTrace.Event, host: string | undefined): boolean => host === undefined || event.host === host

// the name may come from a trace
const callOf = (name: string, filter: CallFilter): Selector => {
  const near = (event: MockTrace.Event): boolean =>
    event._tag === "Call" &&
    onHost(event, filter.host) &&
    (filter.socket === undefined || socketOf(event) === filter.socket)
  return {
    title: `${name}${filterText(filter)}`,
    near,
    matches: (event) =>
      event._tag === "Call" &&
      event.name === name &&
      near(event) &&
      (filter.error === undefined || event.error === filter.error) &&
      (filter.when === undefined || filter.when(event.args))
  }
}

/**
 * Selects calls of a DLL function.
 *
 * @category selectors
 * @since 0.1.0
 */
export const call = (name: CallName, filter: CallFilter = {}): Selector => callOf(name, filter)

const datagramSelector = (tag: MockTrace.DatagramEvent["_tag"], what: string, filter: Between): Selector => ({
  title: `datagrams ${what}${filterText(filter)}`,
  near: (event) => event._tag === "Sent" || event._tag === "Delivered" || event._tag === "Dropped",
  matches: (event) => event._tag === tag && onHost(event, filter.host) && isBetween(event, filter)
})

/**
 * Selects datagrams where they were sent.
 *
 * @category selectors
 * @since 0.1.0
 */
export const sent = (filter: Between = {}): Selector => datagramSelector("Sent", "sent", filter)

/**
 * Selects datagrams where they were delivered to a socket.
 *
 * @category selectors
 * @since 0.1.0
 */
export const delivered = (filter: Between = {}): Selector => datagramSelector("Delivered", "delivered", filter)

/**
 * Selects datagrams where they were dropped.
 *
 * @category selectors
 * @since 0.1.0
 */
export const dropped = (filter: Between = {}): Selector => datagramSelector("Dropped", "dropped", filter)

/**
 * Selects TCP segments where they were sent, with all of these flags.
 *
 * @category selectors
 * @since 0.1.0
 */
export const segment = (
  flags: ReadonlyArray<MockTrace.SegmentEvent["flags"][number]> = [],
  filter: Between = {}
): Selector => ({
  title: `${flags.join("+")} segments${filterText(filter)}`,
  near: (event) => event._tag === "Segment",
  matches: (event) =>
    event._tag === "Segment" &&
    flags.every((flag) => event.flags.includes(flag)) &&
    onHost(event, filter.host) &&
    isBetween(event, filter)
})

/**
 * Selects where faults struck: those at a call, or one by its description. A fault that never strikes is no error of its
 * own: `atLeast(1, faulted("WSASendMsg"))` says that it did.
 *
 * @category selectors
 * @since 0.1.0
 */
export const faulted = (
  fault?: CallName | "alloc" | Described,
  filter: Pick<CallFilter, "host" | "socket"> = {}
): Selector => {
  const [name, description] = typeof fault === "object" ? [fault.call, fault.description] : [fault, undefined]
  return {
    title: `faults${fault === undefined ? "" : `: ${description ?? name}`}${filterText(filter)}`,
    near: (event) => event._tag === "Faulted" || (event._tag === "Call" && event.name === name),
    matches: (event) =>
      event._tag === "Faulted" &&
      (name === undefined || event.call === name) &&
      (description === undefined || event.description === description) &&
      onHost(event, filter.host) &&
      (filter.socket === undefined || event.socket === filter.socket)
  }
}

/**
 * Selects what the guard objected to.
 *
 * @category selectors
 * @since 0.1.0
 */
export const violation = (kind?: MockTrace.ViolationKind): Selector => ({
  title: kind === undefined ? "violations" : `violations ${kind}`,
  near: (event) => event._tag === "Violated",
  matches: (event) => event._tag === "Violated" && (kind === undefined || event.kind === kind)
})

/**
 * Returns the events of a selection, oldest first.
 *
 * @category queries
 * @since 0.1.0
 */
export const select = (events: ReadonlyArray<MockTrace.Event>, selector: Selector): Array<MockTrace.Event> =>
  events.filter(selector.matches)

/**
 * Returns the calls of a DLL function.
 *
 * @category queries
 * @since 0.1.0
 */
export const calls = (
  events: ReadonlyArray<MockTrace.Event>,
  name: CallName,
  filter: CallFilter = {}
): Array<MockTrace.Call> => {
  const { matches } = call(name, filter)
  return events.filter((event): event is MockTrace.Call => event._tag === "Call" && matches(event))
}

/**
 * An overlapped operation: the call that began it, and its end if it came.
 *
 * @category models
 * @since 0.1.0
 */
export interface OverlappedOperation {
  readonly call: MockTrace.Call
  readonly socket: number
  readonly completed: MockTrace.Completed | undefined
  /** `"aborted"` is `WSA_OPERATION_ABORTED`, whoever asked for it. */
  readonly outcome: "succeeded" | "aborted" | "failed" | "pending"
  /** Milliseconds of Effect's `Clock` from the call to the end; undefined while it is pending. */
  readonly duration: number | undefined
}

const outcomeOf = (completed: MockTrace.Completed | undefined): OverlappedOperation["outcome"] => {
  if (completed === undefined) return "pending"
  const code = NtStatus.toWsaError(completed.status)
  return code === 0 ? "succeeded" : code === WSA_OPERATION_ABORTED ? "aborted" : "failed"
}

/**
 * Returns the overlapped operations, in the order of their calls; of one DLL function if it is named. A call that failed at
 * once began none.
 *
 * @category queries
 * @since 0.1.0
 */
export const operations = (
  events: ReadonlyArray<MockTrace.Event>,
  name?: CallName,
  filter: Omit<CallFilter, "error"> = {}
): Array<OverlappedOperation> => {
  interface Begun {
    readonly call: MockTrace.Call
    completed: MockTrace.Completed | undefined
  }
  const begun: Array<Begun> = []
  const open = new Map<string, Begun>()
  // a call is recorded when it is made: the end of its operation comes after it, even if it is answered at once
  for (const event of events) {
    if (event._tag === "Call") {
      const overlapped = event.args.lpOverlapped ?? 0
      const begins = event.error === 0 || event.error === WSA_IO_PENDING
      if (overlapped === 0 || !begins || notBeginning.has(event.name)) continue
      const one: Begun = { call: event, completed: undefined }
      begun.push(one)
      open.set(`${event.host} ${overlapped}`, one)
    } else if (event._tag === "Completed") {
      const key = `${event.host} ${event.overlapped}`
      const one = open.get(key)
      if (one === undefined) continue
      one.completed = event
      open.delete(key)
    }
  }
  return begun
    .filter((one) => (name === undefined || one.call.name === name) && callOf(one.call.name, filter).matches(one.call))
    .map(({ call, completed }) => ({
      call,
      socket: socketOf(call),
      completed,
      outcome: outcomeOf(completed),
      duration: completed === undefined ? undefined : completed.at - call.at
    }))
}

// they are given an OVERLAPPED that is another call's
const notBeginning: ReadonlySet<string> = new Set([
  "CancelIoEx",
  "WSAGetOverlappedResult",
  "PostQueuedCompletionStatus",
  "GetAddrInfoExOverlappedResult"
])

/**
 * A datagram's way: when it was sent, and what became of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journey {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly payload: Uint8Array
  readonly sentAt: number
  /** When it was delivered, once for each copy and member of its group. */
  readonly deliveredAt: ReadonlyArray<number>
  /** Why it was dropped; undefined where it was not. */
  readonly dropped: string | undefined
}

/**
 * Returns the datagrams that were sent, in order, with what became of them.
 *
 * @category queries
 * @since 0.1.0
 */
export const datagrams = (events: ReadonlyArray<MockTrace.Event>, filter: Between = {}): Array<Journey> => {
  interface Under extends Journey {
    readonly deliveredAt: Array<number>
    dropped: string | undefined
  }
  const { matches } = sent(filter)
  const byId = new Map<number, Under>()
  for (const event of events) {
    if (event._tag === "Sent" && matches(event)) {
      const { at, from, id, payload, to } = event
      byId.set(id, { id, from, to, payload, sentAt: at, deliveredAt: [], dropped: undefined })
    } else if (event._tag === "Delivered") byId.get(event.id)?.deliveredAt.push(event.at)
    else if (event._tag === "Dropped") {
      const one = byId.get(event.id)
      if (one !== undefined) one.dropped = event.reason
    }
  }
  return [...byId.values()]
}

const count =
  (selector: Selector, expected: string, holds: (n: number) => boolean): Expectation =>
  (events) => {
    const found = select(events, selector)
    if (holds(found.length)) return undefined
    const part = found.length > 0 ? found : events.filter(selector.near).slice(-shown)
    return new TraceMismatch({ expected: `${expected} ${selector.title}`, found: String(found.length), events: part })
  }

/**
 * Expects just so many.
 *
 * @category expectations
 * @since 0.1.0
 */
export const exactly = (n: number, selector: Selector): Expectation =>
  count(selector, `exactly ${n}`, (found) => found === n)

/**
 * Expects so many or more.
 *
 * @category expectations
 * @since 0.1.0
 */
export const atLeast = (n: number, selector: Selector): Expectation =>
  count(selector, `at least ${n}`, (found) => found >= n)

/**
 * Expects so many or fewer.
 *
 * @category expectations
 * @since 0.1.0
 */
export const atMost = (n: number, selector: Selector): Expectation =>
  count(selector, `at most ${n}`, (found) => found <= n)

/**
 * Expects none.
 *
 * @category expectations
 * @since 0.1.0
 */
export const none = (selector: Selector): Expectation => count(selector, "no", (found) => found === 0)

/**
 * Expects that the guard objected to nothing.
 *
 * @category expectations
 * @since 0.1.0
 */
export const noViolations: Expectation = none(violation())

/**
 * Expects an event of each selection, one after the other, with anything between them.
 *
 * @category expectations
 * @since 0.1.0
 */
export const inOrder =
  (...selectors: ReadonlyArray<Selector>): Expectation =>
  (events) => {
    let next = 0
    for (const event of events) if (next < selectors.length && selectors[next].matches(event)) next++
    if (next === selectors.length) return undefined
    const part = events.filter((event) => selectors.some(({ matches }) => matches(event))).slice(-shown)
    return new TraceMismatch({
      expected: selectors.map(({ title }) => title).join(", then "),
      found: next === 0 ? "not the first of them" : `no ${selectors[next].title} after ${selectors[next - 1].title}`,
      events: part
    })
  }

/**
 * Expects that every operation of a DLL function ended so, and that there is one. `within`: in so many milliseconds.
 *
 * @category expectations
 * @since 0.1.0
 */
export const allEnd =
  (
    name: CallName,
    outcome: OverlappedOperation["outcome"],
    filter: Omit<CallFilter, "error"> & { readonly within?: number | undefined } = {}
  ): Expectation =>
  (events) => {
    const { within, ...rest } = filter
    const all = operations(events, name, rest)
    const wrong = all.filter(
      (one) => one.outcome !== outcome || (within !== undefined && (one.duration ?? Number.POSITIVE_INFINITY) > within)
    )
    if (all.length > 0 && wrong.length === 0) return undefined
    return new TraceMismatch({
      expected: `every ${name}${filterText(rest)} ${outcome}${within === undefined ? "" : ` within ${within} ms`}`,
      found:
        all.length === 0
          ? "none"
          : wrong
              .map(({ duration, outcome }) => `${outcome}${duration === undefined ? "" : ` after ${duration} ms`}`)
              .join(", "),
      events:
        all.length === 0
          ? events.filter(call(name, rest).near).slice(-shown)
          : wrong.flatMap(({ call, completed }) => (completed === undefined ? [call] : [call, completed]))
    })
  }

/**
 * Expects that no socket sends after its `closesocket`. (A number that was given to another socket meanwhile is that one's.)
 *
 * @category expectations
 * @since 0.1.0
 */
export const nothingSentAfterClose: Expectation = (events) => {
  const closed = new Map<string, MockTrace.Event>()
  for (const event of events) {
    if (event._tag === "Call" && event.error === 0) {
      if (event.name === "closesocket") closed.set(`${event.host} ${socketOf(event)}`, event)
      // what makes a socket answers with its number
      else if (makers.has(event.name)) closed.delete(`${event.host} ${event.result}`)
      continue
    }
    if (event._tag !== "Sent" && (event._tag !== "Segment" || event.bytes === 0)) continue
    const close = event.socket === 0 ? undefined : closed.get(`${event.host} ${event.socket}`)
    if (close === undefined) continue
    return new TraceMismatch({
      expected: "nothing sent after closesocket",
      found: `socket ${event.socket} sends`,
      events: [close, event]
    })
  }
  return undefined
}

const makers: ReadonlySet<string> = new Set(["WSASocketW", "accept", "WSAAccept"])

/**
 * Fails with the first of the expectations that the events do not meet.
 *
 * @category running
 * @since 0.1.0
 */
export const check = (
  events: ReadonlyArray<MockTrace.Event>,
  ...expectations: ReadonlyArray<Expectation>
): Effect.Effect<void, TraceMismatch> =>
  Effect.suspend(() => {
    for (const expectation of expectations) {
      const mismatch = expectation(events)
      if (mismatch !== undefined) return Effect.fail(mismatch)
    }
    return Effect.void
  })

/**
 * Fails with the first of the expectations that the trace of the simulation does not meet so far.
 *
 * **Example** (One cancellation)
 *
 * ```ts
 * import { MockExpect } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const cancelledOnce = Effect.gen(function*() {
 *   yield* MockExpect.holds(
 *     MockExpect.exactly(1, MockExpect.call("CancelIoEx")),
 *     MockExpect.allEnd("WSARecvMsg", "aborted"),
 *     MockExpect.nothingSentAfterClose
 *   )
 * })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const holds = (...expectations: ReadonlyArray<Expectation>): Effect.Effect<void, TraceMismatch, MockWinsock> =>
  Effect.flatMap(MockWinsock, ({ trace }) => Effect.flatMap(trace, (events) => check(events, ...expectations)))
