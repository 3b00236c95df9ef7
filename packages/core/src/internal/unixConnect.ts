/** AF_UNIX connections from this side. */
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import { WSAEAFNOSUPPORT } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Options, UnixSocket } from "../UnixSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { socketAttributes } from "./spans.ts"
import type { Stream } from "./stream.ts"
import { attempt, owned } from "./streamConnect.ts"
import { streamError } from "./streamError.ts"
import { attach, configure, makeSocket, refuse } from "./tcpOpen.ts"
import type { StreamOptions } from "./tcpOptions.ts"
import { checkUnix } from "./unixOptions.ts"
import { pathOf, UnixConnection, unixPath, unnamed } from "./unixSocket.ts"

const noBytes = new Uint8Array(0)

export const connect = (
  engine: Engine,
  path: string | NetAddress.UnixPathAddress,
  options: Options
): Effect.Effect<UnixSocket, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const to = pathOf("ConnectEx", path)
    if (to instanceof WinsockErrors.WinsockError) return Effect.fail(to)
    const checked = checkUnix(options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        attempt(
          () => open(engine, checked),
          to,
          noBytes,
          (stream) => made(stream, to),
          restore
        ),
        owned
      )
    )
  })

// what a provider says of names that nobody gave differs: a connection is none the worse for it
const made = (stream: Stream, to: NetAddress.UnixPathAddress): UnixConnection => {
  const local = stream.on.address("getsockname", unixPath) ?? unnamed
  const remote = stream.on.address("getpeername", unixPath) ?? to
  stream.engine.life?.opened(stream, "connection made", socketAttributes("unix", local, remote))
  return new UnixConnection(stream, local, remote)
}

/** Makes the SOCKET of a connection, bound as ConnectEx wants it. In one step: the layer may be released at any other. */
const open = (engine: Engine, options: StreamOptions): Stream | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  if (engine.brokenBy !== 0) return streamError("GetQueuedCompletionStatusEx", engine.brokenBy)
  const unowned = makeSocket(engine, AF_UNIX)
  if (unowned instanceof WinsockErrors.WinsockError) return unowned
  const { on } = unowned
  const unset = configure(on, options)
  if (unset !== undefined) return refuse(on, unset)
  // makes no file
  if (!on.bind(unnamed)) return refuse(on, "bind")
  return attach(engine, unowned, options)
}

export const isSupported = (engine: Engine): Effect.Effect<boolean, WinsockError> =>
  Effect.suspend(() => {
    if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSASocketW"))
    const unowned = makeSocket(engine, AF_UNIX)
    if (unowned instanceof WinsockErrors.WinsockError) {
      return unowned.reason.code === WSAEAFNOSUPPORT ? Effect.succeed(false) : Effect.fail(unowned)
    }
    engine.calls.closesocket(unowned.on.socket)
    return Effect.succeed(true)
  })
