/** Makes and configures the SOCKETs of streams, and hands them to an engine. */
import {
  AF_UNIX,
  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
  FILE_SKIP_SET_EVENT_ON_HANDLE,
  IPPROTO_TCP,
  SOCK_STREAM,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { SIO_KEEPALIVE_VALS } from "@effect-winsock/schema/Ioctls"
import { SO_KEEPALIVE, SO_OOBINLINE, SO_RCVBUF, SO_SNDBUF, TCP_NODELAY } from "@effect-winsock/schema/Options"
import { tcp_keepalive } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import type { SocketHandle } from "../Seam.ts"
import type { ExtensionName } from "../Signatures.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Completion } from "./completion.ts"
import { associate } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { Provider } from "./provider.ts"
import { extensionMissing, providerOf } from "./provider.ts"
import { SocketCalls } from "./socketCalls.ts"
import { Stream } from "./stream.ts"
import { streamError } from "./streamError.ts"
import type { KeepAlive, StreamOptions } from "./tcpOptions.ts"

/** A stream SOCKET that nobody owns yet: whoever has it closes it. */
export interface Unowned {
  readonly on: SocketCalls
  readonly provider: Provider
}

/** The error of the call that was just made. */
export const lastError = (engine: Engine, operation: string): WinsockError =>
  streamError(operation, engine.calls.WSAGetLastError())

/** Makes a SOCKET that is overlapped, not inherited, and whose calls that answer at once do not wait. */
export const makeSocket = (engine: Engine, family: number): Unowned | WinsockError => {
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  const protocol = family === AF_UNIX ? 0 : IPPROTO_TCP
  const socket = engine.calls.WSASocketW(family, SOCK_STREAM, protocol, 0, 0, flags)
  if (socket === -1) return lastError(engine, "WSASocketW")
  const on = new SocketCalls(engine, socket)
  if (!on.doNotBlock()) return refuse(on, "ioctlsocket")
  return { on, provider: providerOf(engine, family, SOCK_STREAM, socket) }
}

/** Closes a SOCKET of which a call has just failed, and gives that call's error. */
export const refuse = (on: SocketCalls, operation: string): WinsockError =>
  // it was read before the next call is made
  closing(on, lastError(on.engine, operation))

/** Closes a SOCKET whose provider has just failed to give out a function, and gives the error of that. */
export const refuseWithout = (on: SocketCalls, name: ExtensionName): WinsockError =>
  closing(on, extensionMissing(on.engine, name, "stream"))

const closing = (on: SocketCalls, error: WinsockError): WinsockError => {
  on.engine.calls.closesocket(on.socket)
  return error
}

/** Sets keep-alive; false when the call failed, which is `setsockopt` or, with times, `WSAIoctl`. */
export const setKeepAlive = (on: SocketCalls, keepAlive: KeepAlive): boolean => {
  if (typeof keepAlive === "boolean") return on.set(SOL_SOCKET, SO_KEEPALIVE, keepAlive ? 1 : 0)
  const { calls, scratch, seam } = on.engine
  const at = tcp_keepalive.offsets[seam.abi]
  const size = tcp_keepalive.size[seam.abi]
  scratch.view.setUint32(at.onoff, 1, true)
  scratch.view.setUint32(at.keepalivetime, keepAlive.time, true)
  scratch.view.setUint32(at.keepaliveinterval, keepAlive.interval, true)
  return calls.WSAIoctl(on.socket, SIO_KEEPALIVE_VALS, scratch.address, size, 0, 0, scratch.address + 64, 0, 0) === 0
}

/** Sets what any connection's options say; the name of the call that failed. */
export const configure = (on: SocketCalls, options: StreamOptions): string | undefined => {
  const { keepAlive, noDelay, receiveBuffer, sendBuffer, urgentInline } = options
  if (sendBuffer !== undefined && !on.set(SOL_SOCKET, SO_SNDBUF, sendBuffer)) return "setsockopt"
  if (receiveBuffer !== undefined && !on.set(SOL_SOCKET, SO_RCVBUF, receiveBuffer)) return "setsockopt"
  if (noDelay && !on.set(IPPROTO_TCP, TCP_NODELAY, 1)) return "setsockopt"
  if (urgentInline && !on.set(SOL_SOCKET, SO_OOBINLINE, 1)) return "setsockopt"
  if (keepAlive === false || setKeepAlive(on, keepAlive)) return undefined
  return keepAlive === true ? "setsockopt" : "WSAIoctl"
}

/** Hands a SOCKET to an engine, which closes it from then on; on failure it is closed here. */
export const attach = (engine: Engine, unowned: Unowned, options: StreamOptions): Stream | WinsockError => {
  const { on, provider } = unowned
  const completion = engine.completion(options.completion)
  if (completion instanceof WinsockErrors.WinsockError) {
    engine.calls.closesocket(on.socket)
    return completion
  }
  const key = engine.reserve()
  let error: WinsockError
  if (associate(engine, completion, on.socket, key)) {
    const mode = {
      completion,
      skips: skipPackets(engine, completion, on.socket, provider),
      cancelCloses: (options.cancel ?? (provider.ifsHandles ? "operation" : "close")) === "close"
    }
    try {
      return new Stream(engine, unowned, key, mode, options)
    } catch {
      // all that it throws for
      error = WinsockErrors.fromCode("WSASocketW", WSA_NOT_ENOUGH_MEMORY, "stream")
    }
  } else error = lastError(engine, "CreateIoCompletionPort")
  engine.unreserve(key)
  engine.calls.closesocket(on.socket)
  return error
}

/** Without file handles under it, a packet may come all the same: nothing is skipped then. */
export const skipPackets = (engine: Engine, { mode }: Completion, socket: SocketHandle, provider: Provider): boolean =>
  mode === "port" &&
  provider.ifsHandles &&
  engine.calls.SetFileCompletionNotificationModes(
    socket,
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE
  ) !== 0
