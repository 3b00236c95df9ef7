/** The calls of Winsock2 that are never overlapped, and answer at once. */
import { AF_UNSPEC, SOL_SOCKET, SOMAXCONN } from "@effect-winsock/schema/Flags"
import { FIONBIO, FIONREAD, SIOCATMARK } from "@effect-winsock/schema/Ioctls"
import { pointerSize, writePointer } from "@effect-winsock/schema/Layout"
import { SO_LINGER, SO_UPDATE_ACCEPT_CONTEXT } from "@effect-winsock/schema/Options"
import type { SockAddr } from "@effect-winsock/schema/SockAddr"
import * as SockAddrs from "@effect-winsock/schema/SockAddr"
import { WSAEFAULT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Name, SocketOptions } from "../Winsock2.ts"
import { isRecord, isWithin, oneOf } from "./checks.ts"
import { modes } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { isError, isName, refuseName } from "./winsock2Data.ts"
import { nameCapacity } from "./winsock2Memory.ts"
import type { CallSocket } from "./winsock2Socket.ts"
import type { SocketOf } from "./winsock2Socket.ts"
import { adopt, close, endpointFor, open } from "./winsock2Socket.ts"

const refuse = WinsockErrors.invalidArgument

/** The largest value of an option. */
export const mostOption = 2048

const i32 = 2 ** 31 - 1

type Answer<A> = Effect.Effect<A, WinsockError>

/** The answer of a call that says no more than whether it succeeded. */
const answer = (socket: CallSocket, name: string, rc: number): Answer<void> =>
  rc === 0 ? Effect.void : Effect.fail(socket.error(name))

// --- making and closing ---

export const WSASocket = (
  engine: Engine,
  family: number,
  type: number,
  protocol: number,
  options: SocketOptions
): Effect.Effect<SocketOf, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      for (const [option, value] of Object.entries({ family, type, protocol })) {
        if (!isWithin(value, 0, i32))
          return Effect.fail(refuse("WSASocketW", option, value, `an integer from 0 to ${i32}`))
      }
      if (!isRecord(options)) return Effect.fail(refuse("WSASocketW", "options", options, "a record of options"))
      const { completion, overlapped = true } = options
      if (typeof overlapped !== "boolean")
        return Effect.fail(refuse("WSASocketW", "overlapped", overlapped, "a boolean"))
      if (completion !== undefined && !modes.includes(completion))
        return Effect.fail(refuse("WSASocketW", "completion", completion, oneOf(modes)))
      if (completion !== undefined && !overlapped)
        return Effect.fail(refuse("WSASocketW", "completion", completion, "none without the overlapped attribute"))
      const made = open(engine, { family, type, protocol, overlapped, completion })
      return isError(made) ? Effect.fail(made) : Effect.succeed(made)
    }),
    close
  )

export const accept = (socket: CallSocket): Effect.Effect<SocketOf, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (!socket.isOpen) return Effect.fail(WinsockErrors.socketClosed("accept"))
      const accepted = socket.engine.calls.accept(socket.socket as SocketHandle, 0, 0)
      if (accepted === -1) return Effect.fail(socket.error("accept"))
      const made = adopt(socket.engine, accepted, socket.shape)
      return isError(made) ? Effect.fail(made) : Effect.succeed(made)
    }),
    close
  )

// --- names ---

// writes a name to the scratch memory: its length
const put = (socket: CallSocket, call: string, name: unknown): number | WinsockError => {
  if (!isName(name)) return refuseName(call, "name", name)
  const { view } = socket.engine.scratch
  if (!NetAddress.isSocketAddress(name) && SockAddrs.encodedLength(name) > nameCapacity) {
    return refuseName(call, "name", name)
  }
  const length = NetAddress.isSocketAddress(name) ? SockAddrs.write(view, 0, name) : SockAddrs.encode(name, view, 0)
  return length > 0 ? length : refuseName(call, "name", name)
}

export const bind = (socket: CallSocket, name: Name): Answer<void> => {
  const length = put(socket, "bind", name)
  if (isError(length)) return Effect.fail(length)
  const { calls, scratch } = socket.engine
  return answer(socket, "bind", calls.bind(socket.socket, scratch.address, length))
}

export const connect = (socket: CallSocket, call: "connect" | "WSAConnect", name: Name | undefined): Answer<void> => {
  const { calls, scratch } = socket.engine
  let length: number | WinsockError = 16
  if (name === undefined) {
    if (socket.kind === "stream") return Effect.fail(refuseName(call, "name", name))
    scratch.bytes.fill(0, 0, length)
    scratch.view.setUint16(0, AF_UNSPEC, true)
  } else length = put(socket, call, name)
  if (isError(length)) return Effect.fail(length)
  return answer(socket, call, calls.connect(socket.socket, scratch.address, length))
}

export const nameOf = (socket: CallSocket, call: "getsockname" | "getpeername"): Answer<SockAddr> => {
  const { calls, scratch } = socket.engine
  scratch.view.setInt32(nameCapacity, nameCapacity, true)
  const rc = calls[call](socket.socket, scratch.address, scratch.address + nameCapacity)
  if (rc !== 0) return Effect.fail(socket.error(call))
  const name = SockAddrs.read(scratch.view, 0, Math.min(scratch.view.getInt32(nameCapacity, true), nameCapacity))
  return SockAddrs.isSockAddrIssue(name) ? Effect.fail(socket.error(call, WSAEFAULT)) : Effect.succeed(name)
}

// --- states ---

export const listen = (socket: CallSocket, backlog: number): Answer<void> =>
  isWithin(backlog, -65_535, SOMAXCONN)
    ? answer(socket, "listen", socket.engine.calls.listen(socket.socket, backlog))
    : Effect.fail(refuse("listen", "backlog", backlog, `an integer from -65535 to ${SOMAXCONN}`))

export const shutdown = (socket: CallSocket, how: number): Answer<void> =>
  isWithin(how, 0, 2)
    ? answer(socket, "shutdown", socket.engine.calls.shutdown(socket.socket, how))
    : Effect.fail(refuse("shutdown", "how", how, "SD_RECEIVE, SD_SEND or SD_BOTH"))

export const WSASendDisconnect = (socket: CallSocket): Answer<void> =>
  answer(socket, "WSASendDisconnect", socket.engine.calls.WSASendDisconnect(socket.socket, 0))

const commands: ReadonlySet<number> = new Set([FIONBIO, FIONREAD, SIOCATMARK])

export const ioctlsocket = (socket: CallSocket, command: number, value: number): Answer<number> => {
  if (!commands.has(command)) {
    return Effect.fail(refuse("ioctlsocket", "command", command, "FIONBIO, FIONREAD or SIOCATMARK"))
  }
  if (command === FIONBIO && value !== 1) {
    return Effect.fail(refuse("ioctlsocket", "value", value, "1: no call may wait on the JS thread"))
  }
  if (!isWithin(value, 0, 0xffff_ffff)) {
    return Effect.fail(refuse("ioctlsocket", "value", value, "an integer from 0 to 4294967295"))
  }
  const { calls, scratch } = socket.engine
  scratch.view.setUint32(0, value, true)
  return calls.ioctlsocket(socket.socket, command, scratch.address) === 0
    ? Effect.succeed(scratch.view.getUint32(0, true))
    : Effect.fail(socket.error("ioctlsocket"))
}

// --- options ---

const checkOption = (call: string, level: number, option: number): WinsockError | undefined => {
  for (const [name, value] of Object.entries({ level, option })) {
    if (!isWithin(value, -(2 ** 31), i32)) return refuse(call, name, value, "an integer of 32 bits")
  }
  return undefined
}

export const getsockopt = (socket: CallSocket, level: number, option: number, length: number): Answer<Uint8Array> => {
  const refused = checkOption("getsockopt", level, option)
  if (refused !== undefined) return Effect.fail(refused)
  if (!isWithin(length, 0, mostOption)) {
    return Effect.fail(refuse("getsockopt", "length", length, `an integer from 0 to ${mostOption}`))
  }
  const { calls, scratch } = socket.engine
  scratch.bytes.fill(0, 0, length)
  scratch.view.setInt32(mostOption, length, true)
  const rc = calls.getsockopt(socket.socket, level, option, scratch.address, scratch.address + mostOption)
  if (rc !== 0) return Effect.fail(socket.error("getsockopt"))
  const got = scratch.view.getInt32(mostOption, true)
  return Effect.succeed(scratch.bytes.slice(0, Math.max(0, Math.min(got, length))))
}

export const setsockopt = (socket: CallSocket, level: number, option: number, value: unknown): Answer<void> => {
  const name = "setsockopt"
  const { calls, scratch, seam } = socket.engine
  const refused = checkOption(name, level, option)
  if (refused !== undefined) return Effect.fail(refused)
  let length: number
  if (level === SOL_SOCKET && option === SO_UPDATE_ACCEPT_CONTEXT) {
    const listener = endpointFor(socket.engine, name, value)
    if (isError(listener)) return Effect.fail(listener)
    writePointer(seam.abi, scratch.view, 0, listener.socket)
    length = pointerSize(seam.abi)
  } else {
    if (!(value instanceof Uint8Array) || value.length > mostOption) {
      return Effect.fail(refuse(name, "value", value, `a Uint8Array of ${mostOption} bytes at most`))
    }
    // l_onoff and l_linger: a closesocket that lingers fails on a SOCKET that does not block, and leaves it open
    if (level === SOL_SOCKET && option === SO_LINGER && value[0] !== 0 && (value[2] !== 0 || value[3] !== 0)) {
      return Effect.fail(refuse(name, "value", value, "no time to linger but 0: no call may wait on the JS thread"))
    }
    scratch.bytes.set(value)
    length = value.length
  }
  // an option without a value takes none
  const at = length === 0 ? 0 : scratch.address
  return answer(socket, name, calls.setsockopt(socket.socket, level, option, at, length))
}
