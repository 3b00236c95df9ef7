/** WinsockErrors as errors that look like those of node:net. */
import type { Reason, WinsockError } from "@effect-winsock/core/WinsockError"
import { isWinsockError } from "@effect-winsock/core/WinsockError"
import * as Cause from "effect/Cause"
import * as NetAddress from "effect/net/NetAddress"
import { getSystemErrorMap } from "node:util"

/** Which call failed, by libuv's name for it. */
export type Syscall = "accept" | "connect" | "listen" | "read" | "write" | "shutdown"

/**
 * Node's name for each reason. What is not here is `UNKNOWN`, as it is for Node. Source: `uv_translate_sys_error` in
 * libuv's src/win/error.c; `StreamBroken` is what Node says of a stream that can be written no more.
 */
const codes: { readonly [Tag in Reason["_tag"]]?: string } = {
  AddressInUse: "EADDRINUSE",
  AddressNotAvailable: "EADDRNOTAVAIL",
  AlreadyConnected: "EISCONN",
  AlreadyInProgress: "EALREADY",
  CallInterrupted: "ECANCELED",
  ConnectionAborted: "ECONNABORTED",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  DestinationRequired: "EDESTADDRREQ",
  Disconnected: "ECONNRESET",
  EndOfStream: "EOF",
  Fault: "EFAULT",
  HostDown: "EHOSTUNREACH",
  HostNotFound: "ENOENT",
  HostUnreachable: "EHOSTUNREACH",
  InvalidArgument: "EINVAL",
  InvalidCall: "EINVAL",
  InvalidHandle: "EBADF",
  MessageTooLarge: "EMSGSIZE",
  NetworkDown: "ENETDOWN",
  NetworkReset: "ECONNRESET",
  NetworkUnreachable: "ENETUNREACH",
  NoBufferSpace: "ENOBUFS",
  NotBound: "EINVAL",
  NotConnected: "ENOTCONN",
  NotSocket: "ENOTSOCK",
  NotSupported: "ENOTSUP",
  OperationAborted: "ECANCELED",
  OutOfMemory: "ENOMEM",
  PermissionDenied: "EACCES",
  Shutdown: "EPIPE",
  SocketClosed: "EBADF",
  StreamBroken: "EPIPE",
  TimedOut: "ETIMEDOUT",
  TooManySockets: "EMFILE",
  WouldBlock: "EAGAIN"
}

const numbers = new Map(Array.from(getSystemErrorMap(), ([errno, [name]]) => [name, errno]))

const make = (code: string, syscall: Syscall, cause?: WinsockError): NodeJS.ErrnoException =>
  Object.assign(new Error(`${syscall} ${code}`, cause === undefined ? undefined : { cause }), {
    errno: numbers.get(code),
    code,
    syscall
  })

/** The error that node:net would have given, with the WinsockError as its cause. */
export const fromWinsock = (error: WinsockError, syscall: Syscall): NodeJS.ErrnoException =>
  make(codes[error.reason._tag] ?? "UNKNOWN", syscall, error)

/** The error of a call that was interrupted. */
export const cancelled = (syscall: Syscall): NodeJS.ErrnoException => make("ECANCELED", syscall)

type AddressError = NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }

/** As `fromWinsock`, of what was asked of an address, which it names. */
export const fromAddress = (
  error: WinsockError,
  syscall: Syscall,
  { address, port }: NetAddress.InetAddress
): AddressError => {
  const made = fromWinsock(error, syscall)
  const host = NetAddress.formatIp(address)
  made.message += ` ${host}:${port}`
  return Object.assign(made, { address: host, port })
}

/** As `fromWinsock`, for a connect: it names the address, when there was one. */
export const fromConnect = (error: WinsockError, to: ReadonlyArray<NetAddress.InetAddress>): AddressError =>
  to.length === 1 ? fromAddress(error, "connect", to[0]) : fromWinsock(error, "connect")

/** The error for whatever ended a fiber: its failure, its defect as it is, or `ECANCELED` for an interruption. */
export const fromCause = (cause: Cause.Cause<WinsockError>, syscall: Syscall): Error => {
  if (Cause.hasInterruptsOnly(cause)) return cancelled(syscall)
  const squashed = Cause.squash(cause)
  return isWinsockError(squashed)
    ? fromWinsock(squashed as WinsockError, syscall)
    : squashed instanceof Error
      ? squashed
      : new Error(`${syscall} failed`, { cause: squashed })
}

/** Whether it is the peer's end of the stream. */
export const isEnd = (cause: Cause.Cause<WinsockError>): boolean =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error.reason._tag === "EndOfStream")

/** Whether there is no connection any more that could be ended. */
export const isGone = (cause: Cause.Cause<WinsockError>): boolean =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error.reason._tag === "NotConnected")
