/** Options and control codes by name: one call each, made and read as the table says. */
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import type { OptionInfo } from "@effect-winsock/schema/OptionTable"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import type { OptionValue } from "@effect-winsock/schema/OptionValue"
import { Refusal } from "@effect-winsock/schema/OptionValue"
import { WSAEFAULT, WSAEINVAL, WSAENOTCONN } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { oneOf } from "./checks.ts"
import type { Engine } from "./engine.ts"
import type { LiveKind, LiveSocket } from "./liveSocket.ts"
import { liveOf } from "./liveSocket.ts"

// in the engine's scratch memory: what goes in, what comes out, and how much
const inputAt = 0
const outputAt = 1024
const lengthAt = 4000

const kinds = { udp: "datagram", raw: "raw", tcp: "stream", listener: "stream", unix: "stream" } as const

/** A failed call, with the option that it was about. */
const failed = (operation: string, live: LiveSocket, name: string, code: number): WinsockError => {
  const { reason } = WinsockErrors.fromCode(operation, code, kinds[live.kind])
  return new WinsockErrors.WinsockError({ reason: { ...reason, meaning: `${name}: ${reason.meaning}` } })
}

const lastError = (operation: string, live: LiveSocket, name: string): WinsockError =>
  failed(operation, live, name, live.engine.calls.WSAGetLastError())

interface Row {
  readonly name: string
  readonly sockets: ReadonlyArray<LiveKind>
  readonly kept: string | undefined
}

/** Why no call is made: the socket is none, of another kind, or closed. */
const refuse = (operation: string, socket: unknown, row: Row): LiveSocket | WinsockError => {
  const live = liveOf(socket)
  if (live === undefined) {
    return WinsockErrors.invalidArgument(operation, "socket", socket, "a socket that this library opened")
  }
  // of others the system knows best
  if (live.managed && !row.sockets.includes(live.kind)) {
    const expected = `${oneOf(row.sockets)}, for ${row.name}`
    return WinsockErrors.invalidArgument(operation, "socket", live.kind, expected)
  }
  return live.socket === -1 ? WinsockErrors.socketClosed(operation) : live
}

const unknown = (operation: string, name: unknown): WinsockError =>
  WinsockErrors.invalidArgument(operation, "name", name, "a name that the table of options has")

const refusedBy = (operation: string, { expected, option, value }: Refusal): WinsockError =>
  WinsockErrors.invalidArgument(operation, option, value, expected)

const find = (name: unknown, socket: unknown): OptionInfo | undefined =>
  typeof name === "string" ? OptionTable.find(name, liveOf(socket)?.family ?? 0) : undefined

/** What getsockopt answers with: its value, or `undefined` when it failed. */
const read = (live: LiveSocket, info: OptionInfo): { readonly value: unknown } | undefined => {
  const { calls, scratch, seam } = live.engine
  const size = info.value.size(seam.abi)
  scratch.bytes.fill(0, outputAt, outputAt + size)
  scratch.view.setInt32(lengthAt, size, true)
  const { address } = scratch
  const socket = live.socket as SocketHandle
  if (calls.getsockopt(socket, info.level, info.number, address + outputAt, address + lengthAt) !== 0) return undefined
  return { value: valueOf(live.engine, info.value, size) }
}

// a provider that says it wrote more than it could is not believed
const valueOf = (engine: Engine, value: OptionValue<unknown>, size: number): unknown => {
  const { scratch, seam } = engine
  const length = Math.min(scratch.view.getUint32(lengthAt, true), size)
  return value.read(seam.abi, scratch.view, outputAt, length, scratch.address + outputAt)
}

export const get = <A>(socket: unknown, name: unknown): Effect.Effect<A, WinsockError> =>
  Effect.suspend(() => {
    const info = find(name, socket)
    if (info === undefined) return Effect.fail(unknown("getsockopt", name))
    if (info.access === "w") {
      return Effect.fail(WinsockErrors.invalidArgument("getsockopt", "name", name, "an option that can be read"))
    }
    const live = refuse("getsockopt", socket, info)
    if (live instanceof WinsockErrors.WinsockError) return Effect.fail(live)
    const answer = read(live, info)
    if (answer === undefined) return Effect.fail(lastError("getsockopt", live, info.name))
    return answer.value === undefined
      ? Effect.fail(failed("getsockopt", live, info.name, WSAEFAULT))
      : Effect.succeed(answer.value as A)
  })

/** Takes a value for a socket: as it is to be written, and the SOCKET that takes it; or why it is refused. */
const take = (
  operation: string,
  live: LiveSocket,
  { kept, name }: { readonly kept: string | undefined; readonly name: string },
  codec: { readonly check: (value: unknown, name: string) => unknown },
  given: unknown
): { readonly checked: unknown; readonly handle: SocketHandle } | WinsockError => {
  const refused = (expected: string): WinsockError => WinsockErrors.invalidArgument(operation, name, given, expected)
  if (live.managed && kept !== undefined) return refused(kept)
  const checked = codec.check(given, name)
  if (checked instanceof Refusal) return refusedBy(operation, checked)
  const instead = live.refuses?.(name, checked)
  if (instead !== undefined) return refused(instead)
  // reading the value may have run the program's code
  const handle = live.socket
  return handle === -1 ? WinsockErrors.socketClosed(operation) : { checked, handle }
}

export const set = (socket: unknown, name: unknown, value: unknown): Effect.Effect<void, WinsockError> =>
  Effect.suspend(() => {
    const info = find(name, socket)
    if (info === undefined) return Effect.fail(unknown("setsockopt", name))
    if (info.access === "r") {
      return Effect.fail(WinsockErrors.invalidArgument("setsockopt", "name", name, "an option that can be set"))
    }
    const live = refuse("setsockopt", socket, info)
    if (live instanceof WinsockErrors.WinsockError) return Effect.fail(live)
    const taken = take("setsockopt", live, info, info.value, value)
    if (taken instanceof WinsockErrors.WinsockError) return Effect.fail(taken)
    const { checked, handle } = taken
    const { calls, scratch, seam } = live.engine
    const length = info.value.write(seam.abi, scratch.view, inputAt, checked)
    const at = length === 0 ? 0 : scratch.address + inputAt
    return calls.setsockopt(handle, info.level, info.number, at, length) === 0
      ? Effect.void
      : Effect.fail(lastError("setsockopt", live, info.name))
  })

export const supported = (socket: unknown, name: unknown): Effect.Effect<boolean, WinsockError> =>
  Effect.suspend(() => {
    const info = find(name, socket)
    if (info === undefined) return Effect.fail(unknown("getsockopt", name))
    const live = refuse("getsockopt", socket, { ...info, sockets: everyKind })
    if (live instanceof WinsockErrors.WinsockError) return Effect.fail(live)
    if (OptionTable.refusal(info, live.kind, live.family, info.access === "w" ? "w" : "r") !== 0) {
      return Effect.succeed(false)
    }
    // no value to be read: only the table tells
    if (info.access === "w" || read(live, info) !== undefined) return Effect.succeed(true)
    const code = live.engine.calls.WSAGetLastError()
    // without a peer there is no MTU, and without a list of interfaces none to give: that is the socket's state
    return Effect.succeed(code === WSAENOTCONN || (code === WSAEINVAL && info.access === "r"))
  })

const everyKind: ReadonlyArray<LiveKind> = ["tcp", "listener", "udp", "raw", "unix"]

export const ioctl = <A>(socket: unknown, name: unknown, input?: unknown): Effect.Effect<A, WinsockError> =>
  Effect.suspend(() => {
    const info = typeof name === "string" ? IoctlTable.find(name) : undefined
    if (info === undefined) return Effect.fail(unknown("WSAIoctl", name))
    const live = refuse("WSAIoctl", socket, info)
    if (live instanceof WinsockErrors.WinsockError) return Effect.fail(live)
    const taken = take("WSAIoctl", live, info, info.input, input)
    if (taken instanceof WinsockErrors.WinsockError) return Effect.fail(taken)
    const { checked, handle } = taken
    const { calls, scratch, seam } = live.engine
    const length = info.input.write(seam.abi, scratch.view, inputAt, checked)
    const size = info.output.size(seam.abi)
    scratch.bytes.fill(0, outputAt, outputAt + size)
    scratch.view.setUint32(lengthAt, 0, true)
    const at = length === 0 ? 0 : scratch.address + inputAt
    const out = size === 0 ? 0 : scratch.address + outputAt
    if (calls.WSAIoctl(handle, info.code, at, length, out, size, scratch.address + lengthAt, 0, 0) !== 0) {
      return Effect.fail(lastError("WSAIoctl", live, info.name))
    }
    const value = valueOf(live.engine, info.output, size)
    return value === undefined && size > 0
      ? Effect.fail(failed("WSAIoctl", live, info.name, WSAEFAULT))
      : Effect.succeed(value as A)
  })
