/**
 * Faults at the calls of a simulated machine: calls that fail, operations that end differently, late or never,
 * cancellations that lose their race, completions that come late, memory that runs out.
 *
 * A fault is data: its `description` says all of it. `Mock.fault` installs it for a scope, and `Faulted` in the trace
 * tells each time that it struck.
 *
 * **Example** (The third send finds no buffer space)
 *
 * ```ts
 * import { MockFault, MockWinsock } from "@effect-winsock/mock"
 * import { Effect } from "effect"
 *
 * const unkind = Effect.gen(function*() {
 *   const mock = yield* MockWinsock.MockWinsock
 *   yield* mock.fault(MockFault.fail("WSASendMsg", "WSAENOBUFS", { nth: 3 }))
 *   yield* mock.fault(MockFault.late("WSARecvMsg", { after: "30 seconds" }, { probability: 0.1 }))
 *   yield* mock.fault(MockFault.cancelLoses())
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import type * as NtStatus from "@effect-winsock/schema/NtStatus"
import type * as WsaError from "@effect-winsock/schema/WsaError"
import type * as Duration from "effect/Duration"
import { describe } from "./internal/FaultText.ts"

type NumbersOf<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T]

/**
 * An error code, or its name in `schema/WsaError`.
 *
 * @category models
 * @since 0.1.0
 */
export type Code = number | NumbersOf<typeof WsaError>

/**
 * An NTSTATUS, or its name in `schema/NtStatus`.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = number | NumbersOf<typeof NtStatus>

/**
 * How much later: so many turns of the event loop, or a duration of Effect's `Clock`.
 *
 * @category models
 * @since 0.1.0
 */
export type Lateness = number | { readonly after: Duration.Input }

/**
 * Which calls a fault strikes: those for which all of it holds, from the `nth` of them on (from 1), `times` times: once
 * when `nth` is given, always when neither is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly nth?: number | undefined
  readonly times?: number | undefined
  /** Decides by the arguments, by their documented names. Where it throws it does not strike, and the guard is told. */
  readonly when?: ((args: { readonly [parameter: string]: number }) => boolean) | undefined
  /** Of the calls that are left, this share, 0 to 1, by the simulation's seed. */
  readonly probability?: number | undefined
  /** Calls on sockets of this kind. */
  readonly socket?: "UDP" | "TCP" | "RAW" | "UNIX" | undefined
  /**
   * The machine whose calls they are, by name.
   *
   * @default the machine that the fault is given to
   */
  readonly host?: string | undefined
}

/**
 * Something that goes wrong at calls of `call`, a function of ws2_32, mswsock or kernel32, or `"alloc"`, the seam's own.
 * The constructors make them; as a record it can combine what several of them do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault extends Match {
  readonly call: FunctionName | ExtensionName | "alloc"
  /**
   * What it does, in words.
   *
   * @default made from all else
   */
  readonly description?: string | undefined
  /** The call does nothing and fails with this code. */
  readonly code?: Code | undefined
  /** The overlapped operation stays pending and ends in a later turn with this NTSTATUS and no bytes. */
  readonly ntstatus?: Status | undefined
  /**
   * The overlapped operation stays pending and ends this much later than it would. Of `CancelIoEx` and `CancelIo`: the
   * cancellation takes hold this much later, and what comes before completes the operation with its result.
   */
  readonly lateCompletion?: Lateness | undefined
  /** The overlapped operation ends as it would, and its packet reaches the completion port this much later. */
  readonly latePacket?: Lateness | undefined
  /**
   * The overlapped operation does nothing and does not end by itself: until it is cancelled or its socket is closed, or,
   * where its socket is closed all the same, not `"ever"`. Of `CancelIoEx` and `CancelIo`: the call succeeds, and what it
   * should cancel hangs from then on.
   */
  readonly never?: "until closed" | "ever" | undefined
  /** A receive of a stream, or a send of one that is not overlapped and does not wait, takes no more bytes at once. */
  readonly most?: number | undefined
  /** `CancelIoEx` and `CancelIo`: the call succeeds and cancels nothing. */
  readonly ignored?: true | undefined
  /** `CancelIoEx` and `CancelIo`: what is under way to anybody arrives within the call, before it looks. */
  readonly arrives?: true | undefined
}

/**
 * A fault that says what it does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Described extends Fault {
  readonly description: string
}

const make = (fault: Fault): Described => ({ ...fault, description: describe(fault) })

/**
 * Makes a call fail with a code, without having done anything: `WSASocketW` with `WSAEMFILE`, `WSAStartup` with
 * `WSASYSNOTREADY`, sends with `WSAENOBUFS`, `GetQueuedCompletionStatusEx` (off the JS thread too) with
 * `ERROR_INVALID_HANDLE`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fail = (call: FunctionName | ExtensionName, code: Code, match?: Match): Described =>
  make({ ...match, call, code })

/**
 * Makes an overlapped operation pend, do nothing, and end in a later turn with an NTSTATUS and no bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const complete = (call: FunctionName | ExtensionName, ntstatus: Status, match?: Match): Described =>
  make({ ...match, call, ntstatus })

/**
 * Makes an overlapped operation pend and end later than it would, with its own result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const late = (call: FunctionName | ExtensionName, lateCompletion: Lateness, match?: Match): Described =>
  make({ ...match, call, lateCompletion })

/**
 * Makes the packet of an overlapped operation that pends reach its completion port later, so that others overtake it. Its
 * `OVERLAPPED` has its end before that, and `CancelIoEx` finds nothing any more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const latePacket = (call: FunctionName | ExtensionName, latePacket: Lateness, match?: Match): Described =>
  make({ ...match, call, latePacket })

/**
 * Makes an overlapped operation pend without doing anything, until it is cancelled or its socket is closed. With
 * `"ever"` closing the socket does not end it either: a driver that hangs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const neverCompletes = (
  call: FunctionName | ExtensionName,
  match?: Match,
  never: "until closed" | "ever" = "until closed"
): Described => make({ ...match, call, never })

/**
 * Makes receives of streams, and their sends that are not overlapped, take so many bytes at most: `WSARecv` giving one
 * byte at a time, `WSASend` that is partial, as sends on sockets that do not wait are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const partial = (call: "WSARecv" | "WSASend", most: number, match?: Match): Described =>
  make({ ...match, call, most })

/**
 * Makes allocations of native memory fail, by `size` where `when` asks for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outOfMemory = (match?: Omit<Match, "socket">): Described =>
  make({ ...match, call: "alloc", code: "WSA_NOT_ENOUGH_MEMORY" })

/**
 * Lets `CancelIoEx` lose its race: all that is under way arrives within the call, before it looks. An operation that this
 * completes has its result, and the call fails with `ERROR_NOT_FOUND`; any other is cancelled.
 *
 * @category cancellation
 * @since 0.1.0
 */
export const cancelLoses = (match?: Match): Described => make({ ...match, call: "CancelIoEx", arrives: true })

/**
 * Makes `CancelIoEx` succeed and take hold only later: what comes before completes the operation with its result.
 *
 * @category cancellation
 * @since 0.1.0
 */
export const cancelLate = (lateCompletion: Lateness, match?: Match): Described =>
  make({ ...match, call: "CancelIoEx", lateCompletion })

/**
 * Makes `CancelIoEx` succeed and cancel nothing: the operation goes on, to its own end or its socket's.
 *
 * @category cancellation
 * @since 0.1.0
 */
export const cancelIgnored = (match?: Match): Described => make({ ...match, call: "CancelIoEx", ignored: true })

/**
 * Makes `CancelIoEx` answer `ERROR_NOT_FOUND` for an operation that is pending, which goes on.
 *
 * @category cancellation
 * @since 0.1.0
 */
export const cancelNotFound = (match?: Match): Described =>
  make({ ...match, call: "CancelIoEx", code: "ERROR_NOT_FOUND" })

/**
 * Makes `CancelIoEx` succeed, and the operation hang: neither data nor another cancellation ends it, only the end of its
 * socket, or, with `"ever"`, nothing at all.
 *
 * @category cancellation
 * @since 0.1.0
 */
export const cancelHangs = (match?: Match, never: "until closed" | "ever" = "until closed"): Described =>
  make({ ...match, call: "CancelIoEx", never })

/**
 * Returns the fault, striking a share of the calls only, 0 to 1, by the simulation's seed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withProbability = (fault: Fault, probability: number): Described =>
  make({ ...fault, probability, description: undefined })
