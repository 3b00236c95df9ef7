/**
 * The one error of the library. It says which call failed, with which code, and what that code means on the kind of
 * socket at hand; its `reason` is what programs match on.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import * as WinsockError from "@effect-winsock/core/WinsockError"
 * import * as Effect from "effect/Effect"
 *
 * const receive = Effect.fail(WinsockError.fromCode("WSARecvMsg", 10054, "datagram"))
 *
 * const program = receive.pipe(
 *   Effect.catchReason("WinsockError", "ConnectionReset", (reason) => Effect.succeed(reason.meaning))
 * )
 *
 * Effect.runSync(program) // "an earlier send met an ICMP port unreachable"
 * ```
 *
 * @since 0.1.0
 */
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import * as conditions from "./internal/conditions.ts"

/**
 * The kinds of socket between which the meaning of a code differs.
 *
 * @category models
 * @since 0.1.0
 */
export type SocketKind = conditions.SocketKind

/**
 * What every reason tells.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReasonOf<Tag extends string> {
  readonly _tag: Tag
  /** The call that failed, by its name in the headers: `"WSARecvMsg"`. */
  readonly operation: string
  /**
   * The code, `10054`. Where the library itself refused and no call was made, it is the code that Winsock has for the
   * condition.
   */
  readonly code: number
  /** The name of the code in the headers, `"WSAECONNRESET"`; the number in decimal when it is unknown. */
  readonly name: string
  /** What the code means here, in words. */
  readonly meaning: string
}

/**
 * The system lacks something that the call asked for, named in `what`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotSupported extends ReasonOf<"NotSupported"> {
  readonly what: conditions.Unsupported
}

/**
 * A message is larger than the buffers or the transport allow.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageTooLarge extends ReasonOf<"MessageTooLarge"> {
  /** Of a send on a connected socket: the largest IP packet that reaches the peer whole, headers included. */
  readonly mtu?: number | undefined
}

/**
 * The library refused an argument before any call was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvalidArgument extends ReasonOf<"InvalidArgument"> {
  /** The argument or option by its name in the library. */
  readonly option: string
  readonly value: unknown
  /** What would have been accepted, in words. */
  readonly expected: string
}

/**
 * A stream can send no more, because an earlier send was interrupted when part of it may have left: anything sent now
 * would follow a torn message.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamBroken extends ReasonOf<"StreamBroken"> {
  /** How many bytes of the interrupted send left, when that is known. */
  readonly bytesSent: number | undefined
}

/**
 * The peer has ended its side of a stream, and what was asked for will never be there.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOfStream extends ReasonOf<"EndOfStream"> {
  /** How many bytes had come before the end; they are left for other receives. */
  readonly received: number
  /** What was asked for, in words. */
  readonly expected: string
}

/**
 * A socket whose state nobody knows any more: only closing it is left.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketPoisoned extends ReasonOf<"SocketPoisoned"> {
  /**
   * What left it so: `SO_RCVTIMEO` or `SO_SNDTIMEO` ended an earlier call, or an interrupted call had received something
   * that nobody could be given.
   */
  readonly by: "receiveTimeout" | "sendTimeout" | "interruption"
}

/**
 * The provider of the socket calls cannot be loaded on this system.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderUnavailable extends ReasonOf<"ProviderUnavailable"> {
  readonly cause: unknown
}

/**
 * The tags of the reasons that tell no more than what every reason tells. `SocketClosed` is a call on a socket that
 * the program has closed; `Unknown` is a code that has no other reason, kept with its number; the others are named
 * after the codes that they stand for.
 *
 * @category models
 * @since 0.1.0
 */
export type PlainTag = Exclude<conditions.Tag, "NotSupported" | "MessageTooLarge"> | "SocketClosed" | "Unknown"

/**
 * Why a call failed. `Reason["_tag"]` lists the reasons.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason =
  | { readonly [Tag in PlainTag]: ReasonOf<Tag> }[PlainTag]
  | NotSupported
  | MessageTooLarge
  | InvalidArgument
  | StreamBroken
  | EndOfStream
  | SocketPoisoned
  | ProviderUnavailable

/**
 * The identifier that marks a `WinsockError`.
 *
 * @category type ids
 * @since 0.1.0
 */
export type TypeId = "~@effect-winsock/core/WinsockError"

/**
 * The identifier that marks a `WinsockError`.
 *
 * @category type ids
 * @since 0.1.0
 */
export const TypeId: TypeId = "~@effect-winsock/core/WinsockError"

const describe = (reason: Reason): string =>
  `${reason.operation} failed: ${reason.name} (${reason.code}): ${reason.meaning}`

/**
 * A failed Winsock call. Match on its reason with `Effect.catchReason`; its message reads
 * `WSARecvMsg failed: WSAECONNRESET (10054): the peer reset the connection`.
 *
 * Making one costs microseconds, so inside the library a failure is a number until it reaches the program.
 *
 * @category errors
 * @since 0.1.0
 */
export class WinsockError extends Data.TaggedError("WinsockError")<{
  readonly reason: Reason
  readonly message: string
  readonly cause?: unknown
}> {
  constructor(props: { readonly reason: Reason }) {
    const { reason } = props
    super({
      reason,
      message: describe(reason),
      ...(reason._tag === "ProviderUnavailable" ? { cause: reason.cause } : undefined)
    })
  }

  /**
   * Marks the value as a `WinsockError`.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
}

/**
 * Returns `true` when a value is a `WinsockError`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWinsockError = (u: unknown): u is WinsockError => Predicate.hasProperty(u, TypeId)

const unknown = (operation: string, code: number, name: string, meaning: string): WinsockError =>
  new WinsockError({ reason: { _tag: "Unknown", operation, code, name, meaning } })

/**
 * Creates the error for a code of `WSAGetLastError`, `GetLastError` or a call that returns its code. `kind` chooses
 * the meaning where sockets differ. A code without a reason becomes `Unknown` and keeps its number.
 *
 * **Example** (The same code on two kinds of socket)
 *
 * ```ts
 * import * as WinsockError from "@effect-winsock/core/WinsockError"
 *
 * console.log(WinsockError.fromCode("WSARecvMsg", 10054, "datagram").reason.meaning)
 * // an earlier send met an ICMP port unreachable
 * console.log(WinsockError.fromCode("WSARecv", 10054, "stream").message)
 * // WSARecv failed: WSAECONNRESET (10054): the peer reset the connection
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCode = (operation: string, code: number, kind?: SocketKind): WinsockError => {
  const condition = conditions.find(operation, code, kind)
  if (condition === undefined) {
    return unknown(operation, code, String(code), "a code without a known meaning")
  }
  const { meaning, name, tag, what } = condition
  // the table pairs tags with what they carry, which its lookup by number cannot tell the type checker
  const reason = { _tag: tag, operation, code, name, meaning, ...(what === undefined ? undefined : { what }) } as Reason
  return new WinsockError({ reason })
}

/**
 * Creates the error of a send that was larger than the transport carries, where the path MTU is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const messageTooLarge = (operation: string, mtu: number): WinsockError => {
  const { reason } = fromCode(operation, WsaError.WSAEMSGSIZE, "datagram")
  const meaning = `${reason.meaning}: the path to the peer carries packets of ${mtu} bytes`
  return new WinsockError({ reason: { ...reason, meaning, mtu } as MessageTooLarge })
}

/**
 * Creates the error for a failing status that an operation completed with, as it stands in `OVERLAPPED.Internal`.
 *
 * **Details**
 *
 * The code is the one that `WSAGetOverlappedResult` gives. It gives `WSAEINVAL` for every status that it does not
 * know; these become `Unknown` and name the status, because no argument was to blame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStatus = (operation: string, status: number, kind?: SocketKind): WinsockError => {
  const code = NtStatus.toWsaError(status)
  if (code !== WsaError.WSAEINVAL || status >>> 0 === NtStatus.STATUS_INVALID_PARAMETER) {
    return fromCode(operation, code, kind)
  }
  const hex = `0x${(status >>> 0).toString(16).padStart(8, "0")}`
  const name = NtStatus.nameOf(status >>> 0)
  const meaning = `the operation ended with ${name === undefined ? hex : `${name} (${hex})`}, which has no Winsock code`
  return unknown(operation, code, "WSAEINVAL", meaning)
}

/**
 * Creates the error for the code that a lookup ended with. What was looked up is in the message.
 *
 * **Example** (A host that nobody knows)
 *
 * ```ts
 * import * as WinsockError from "@effect-winsock/core/WinsockError"
 *
 * console.log(WinsockError.lookupFailed("GetAddrInfoExW", 11001, "db.invalid").message)
 * // GetAddrInfoExW failed: WSAHOST_NOT_FOUND (11001): no such host is known: "db.invalid"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const lookupFailed = (operation: string, code: number, name: string): WinsockError => {
  const { reason } = fromCode(operation, code)
  return new WinsockError({ reason: { ...reason, meaning: `${reason.meaning}: ${JSON.stringify(name)}` } })
}

/**
 * Creates the error of an operation that ended because this side cancelled it or closed its socket.
 *
 * @category constructors
 * @since 0.1.0
 */
export const operationAborted = (operation: string): WinsockError => fromCode(operation, WsaError.WSA_OPERATION_ABORTED)

/**
 * Creates the error of a call on a socket that the program has closed. No call is made: the number may by then name
 * another socket.
 *
 * @category constructors
 * @since 0.1.0
 */
export const socketClosed = (operation: string): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "SocketClosed",
      operation,
      code: WsaError.WSAENOTSOCK,
      name: "WSAENOTSOCK",
      meaning: "the socket was closed before the call"
    }
  })

// a value that is refused may be anything: nothing of its own is run to show it
const show = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "function"
      ? "a function"
      : typeof value === "object" && value !== null
        ? "an object"
        : String(value)

/**
 * Creates the error for an argument that the library refuses before any call is made. `expected` completes the
 * sentence "it must be ...".
 *
 * **Example** (Refusing a hop limit)
 *
 * ```ts
 * import * as WinsockError from "@effect-winsock/core/WinsockError"
 *
 * console.log(WinsockError.invalidArgument("setsockopt", "hopLimit", 256, "an integer from 0 to 255").message)
 * // setsockopt failed: WSAEINVAL (10022): hopLimit is 256 and must be an integer from 0 to 255
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalidArgument = (operation: string, option: string, value: unknown, expected: string): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "InvalidArgument",
      operation,
      code: WsaError.WSAEINVAL,
      name: "WSAEINVAL",
      meaning: `${option} is ${show(value)} and must be ${expected}`,
      option,
      value,
      expected
    }
  })

/**
 * Creates the error for a wish that the provider cannot fulfil, found out without or before the call. `feature` is the
 * name of the option or capability.
 *
 * **Example** (A provider without ECN)
 *
 * ```ts
 * import * as WinsockError from "@effect-winsock/core/WinsockError"
 *
 * console.log(WinsockError.featureMissing("WSASendMsg", "ecn").message)
 * // WSASendMsg failed: WSAENOPROTOOPT (10042): this provider does not support ecn
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const featureMissing = (operation: string, feature: string): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "NotSupported",
      operation,
      code: WsaError.WSAENOPROTOOPT,
      name: "WSAENOPROTOOPT",
      meaning: `this provider does not support ${feature}`,
      what: "option"
    }
  })

/**
 * The error for an extension function that `WSAIoctl` failed to give out with `code`. `WSAEINVAL` is how providers say that
 * they do not have it.
 *
 * @internal
 */
export const extensionMissing = (name: string, code: number, kind: SocketKind): WinsockError =>
  code !== WsaError.WSAEINVAL
    ? fromCode("WSAIoctl", code, kind)
    : new WinsockError({
        reason: {
          _tag: "NotSupported",
          operation: "WSAIoctl",
          code,
          name: "WSAEINVAL",
          meaning: `this provider does not have ${name}`,
          what: "operation"
        }
      })

/**
 * Creates the error of a send on a stream that an interrupted send has broken. `bytesSent` is how much of that send
 * left, or `undefined` when it is not known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const streamBroken = (operation: string, bytesSent: number | undefined): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "StreamBroken",
      operation,
      code: WsaError.WSAECONNABORTED,
      name: "WSAECONNABORTED",
      meaning: `an earlier send was interrupted after ${bytesSent ?? "an unknown number of"} bytes had left`,
      bytesSent
    }
  })

const poisons = {
  receiveTimeout: "SO_RCVTIMEO ended an earlier call",
  sendTimeout: "SO_SNDTIMEO ended an earlier call",
  interruption: "an interrupted call had received something"
} as const

/**
 * Creates the error of a call on a socket whose state nobody knows since a timeout of the kernel's or an interruption.
 * Source: the pages of `SO_RCVTIMEO` and `SO_SNDTIMEO`: "the connection is in an indeterminate state and should be
 * closed".
 *
 * @category constructors
 * @since 0.1.0
 */
export const socketPoisoned = (operation: string, by: SocketPoisoned["by"]): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "SocketPoisoned",
      operation,
      code: WsaError.WSAECONNABORTED,
      name: "WSAECONNABORTED",
      meaning: `${poisons[by]}: the state of the socket is not known, and closing it is all that is left`,
      by
    }
  })

/**
 * Creates the error of a blocking call while operations with completion routines are outstanding: it would wait
 * alertably. Source: the pages of `WSARecvMsg` and `WSASend`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const routinesOutstanding = (operation: string): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "InProgress",
      operation,
      code: WsaError.WSAEINPROGRESS,
      name: "WSAEINPROGRESS",
      meaning: "operations with completion routines are outstanding: a blocking call must not wait meanwhile"
    }
  })

/**
 * Creates the error of a receive on a stream that the peer has ended, of which `received` bytes are left. `expected` is
 * what was asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const endOfStream = (operation: string, received: number, expected: string): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "EndOfStream",
      operation,
      code: WsaError.WSAEDISCON,
      name: "WSAEDISCON",
      meaning: `the peer ended the stream after ${received} bytes, where ${expected} should have been`,
      received,
      expected
    }
  })

/**
 * Creates the error of a provider that cannot be loaded: the wrong system, a missing DLL or binary. `meaning` says
 * what is missing; `cause` is what the attempt threw.
 *
 * @category constructors
 * @since 0.1.0
 */
export const providerUnavailable = (operation: string, meaning: string, cause: unknown): WinsockError =>
  new WinsockError({
    reason: {
      _tag: "ProviderUnavailable",
      operation,
      code: WsaError.WSASYSNOTREADY,
      name: "WSASYSNOTREADY",
      meaning,
      cause
    }
  })
