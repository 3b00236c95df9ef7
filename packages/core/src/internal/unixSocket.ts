/** What a program sees of an AF_UNIX connection, and the paths that are its addresses. */
import { AF_UNIX } from "@effect-winsock/schema/Flags"
import { SIO_AF_UNIX_GETPEERPID } from "@effect-winsock/schema/Ioctls"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import type * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type { UnixSocket } from "../UnixSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord } from "./checks.ts"
import type { Kind } from "./listener.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import type { ReadName } from "./socketCalls.ts"
import type { Stream } from "./stream.ts"
import { socketAttributes, streamMembers, traceInstance } from "./spans.ts"
import { StreamConnection } from "./streamConnection.ts"

export class UnixConnection extends StreamConnection implements UnixSocket {
  readonly localAddress: NetAddress.UnixPathAddress
  readonly remoteAddress: NetAddress.UnixPathAddress

  constructor(stream: Stream, local: NetAddress.UnixPathAddress, remote: NetAddress.UnixPathAddress) {
    super(stream)
    this.localAddress = local
    this.remoteAddress = remote
    const { engine } = stream
    if (engine.tracing > 0) traceInstance(engine, streamMembers, () => socketAttributes("unix", local, remote), this)
  }

  get [LiveKey](): LiveSocketOf<"unix"> {
    const { internal } = this
    return new LiveSocketOf(internal.engine, "unix", AF_UNIX, () => (internal.isOpen ? internal.socket : -1))
  }

  get peerProcessId(): Effect.Effect<number, WinsockError> {
    return this.answer("WSAIoctl", (on) => {
      const { calls, scratch } = on.engine
      const { address, view } = scratch
      const rc = calls.WSAIoctl(on.socket, SIO_AF_UNIX_GETPEERPID, 0, 0, address, 4, address + 8, 0, 0)
      return rc === 0 ? view.getUint32(0, true) : undefined
    })
  }
}

/** Of names, the paths. */
export const unixPath: ReadName<NetAddress.UnixPathAddress> = (name) =>
  name._tag === "Unix" ? name.address : undefined

/** What an AF_UNIX listener makes of its accepts. */
export const unix: Kind<NetAddress.UnixPathAddress, UnixConnection, "unix"> = {
  live: "unix",
  read: unixPath,
  // SOCKADDR_UN has 110 bytes
  nameCapacity: 128,
  make: (stream, local, remote) => new UnixConnection(stream, local, remote)
}

/** The name of a SOCKET that has none: what ConnectEx wants it bound to. */
export const unnamed = NetAddress.unixPathAddress("")

/** Reads a path that a program gave. */
export const pathOf = (operation: string, given: unknown): NetAddress.UnixPathAddress | WinsockError => {
  const address = typeof given === "string" ? NetAddress.unixPathAddress(given) : given
  if (
    isRecord(address) &&
    NetAddress.isUnixPathAddress(address) &&
    typeof address.path === "string" &&
    address.path !== "" &&
    // a path that is not Unicode would be another one in UTF-8
    address.path.isWellFormed() &&
    SockAddr.toBytes({ _tag: "Unix", address }) !== undefined
  ) {
    return address
  }
  return WinsockErrors.invalidArgument(operation, "path", given, "a path of 1 to 108 bytes of UTF-8, without a zero")
}
