/** AF_UNIX servers: how they are opened, and what becomes of their files. */
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import { ERROR_FILE_NOT_FOUND, WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Block } from "../Seam.ts"
import type { Options, UnixServer } from "../UnixServer.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { streamError } from "./streamError.ts"
import type { Server } from "./streamServer.ts"
import { listening } from "./streamServer.ts"
import { configure, makeSocket, refuse } from "./tcpOpen.ts"
import type { UnixListenChecked } from "./unixOptions.ts"
import { checkUnixServer } from "./unixOptions.ts"
import type { UnixConnection } from "./unixSocket.ts"
import { pathOf, unix } from "./unixSocket.ts"
import { wideSize, writeWide } from "./wideText.ts"

export const listen = (
  engine: Engine,
  path: string | NetAddress.UnixPathAddress,
  options: Options
): Effect.Effect<UnixServer, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const address = pathOf("bind", path)
    if (address instanceof WinsockErrors.WinsockError) return Effect.fail(address)
    const checked = checkUnixServer(options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    const deleting = checked.keepFile
      ? Effect.void
      : // that it cannot be deleted is nobody's failure
        Effect.ignore(Effect.suspend(() => deleteFile(engine, address.path)))
    const opening = Effect.acquireRelease(
      Effect.suspend(() => {
        let bound = false
        const server = open(engine, address, checked, () => (bound = true))
        if (!(server instanceof WinsockErrors.WinsockError)) return Effect.succeed(server)
        return bound ? Effect.andThen(deleting, Effect.fail(server)) : Effect.fail(server)
      }),
      ({ listener }) =>
        // the file first: while the SOCKET is bound to it nobody else's can be at its path
        Effect.andThen(
          deleting,
          Effect.callback<void>((resume) => listener.close(() => resume(Effect.void)))
        )
    )
    return checked.replace ? Effect.andThen(removed(engine, address.path), opening) : opening
  })

/** Opens in one step: the layer may be released at any other. */
const open = (
  engine: Engine,
  address: NetAddress.UnixPathAddress,
  options: UnixListenChecked,
  bound: () => void
): Server<NetAddress.UnixPathAddress, UnixConnection, "unix"> | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const unowned = makeSocket(engine, AF_UNIX)
  if (unowned instanceof WinsockErrors.WinsockError) return unowned
  const { on } = unowned
  const unset = configure(on, options.stream)
  if (unset !== undefined) return refuse(on, unset)
  if (!on.bind(address)) return refuse(on, "bind")
  bound()
  return listening(engine, unowned, AF_UNIX, unix, options.backlog, options)
}

// a provider that has no AF_UNIX is asked first: nothing is deleted for a server that cannot be
const removed = (engine: Engine, path: string): Effect.Effect<void, WinsockError> =>
  Effect.suspend(() => {
    if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSASocketW"))
    const probe = makeSocket(engine, AF_UNIX)
    if (probe instanceof WinsockErrors.WinsockError) return Effect.fail(probe)
    engine.calls.closesocket(probe.on.socket)
    return Effect.catchIf(
      deleteFile(engine, path),
      ({ reason }) => reason.code === ERROR_FILE_NOT_FOUND,
      () => Effect.void
    )
  })

/** Deletes a file off the JS thread, for a disk or a network may make it wait. An interruption leaves it to be done. */
const deleteFile = (engine: Engine, path: string): Effect.Effect<void, WinsockError> =>
  Effect.callback<void, WinsockError>((resume) => {
    // a layer that was released makes no calls any more
    if (engine.closed) return resume(Effect.fail(WinsockErrors.socketClosed("DeleteFileW")))
    let name: Block
    try {
      name = engine.heap.alloc(wideSize(path))
    } catch {
      return resume(Effect.fail(streamError("DeleteFileW", WSA_NOT_ENOUGH_MEMORY)))
    }
    writeWide(name.view, 0, path)
    try {
      engine.callAway("DeleteFileW", [name.address], (deleted, lastError) => {
        engine.heap.free(name)
        engine.pump.release()
        resume(deleted !== 0 ? Effect.void : Effect.fail(streamError("DeleteFileW", lastError)))
      })
    } catch {
      engine.heap.free(name)
      return resume(Effect.fail(streamError("DeleteFileW", WSA_NOT_ENOUGH_MEMORY)))
    }
    engine.pump.retain()
  })
