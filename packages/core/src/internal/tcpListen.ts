/** Listening sockets of TCP: how they are opened. */
import { AF_INET, AF_INET6, IPPROTO_IPV6, SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE, SO_REUSEADDR } from "@effect-winsock/schema/Options"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Options, TcpServer } from "../TcpServer.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress } from "./checks.ts"
import type { Engine } from "./engine.ts"
import type { Server } from "./streamServer.ts"
import { listening } from "./streamServer.ts"
import { configure, makeSocket, refuse } from "./tcpOpen.ts"
import type { ListenChecked } from "./tcpOptions.ts"
import { checkListen } from "./tcpOptions.ts"
import type { Connection } from "./tcpSocket.ts"
import { tcp } from "./tcpSocket.ts"

export const listen = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: Options
): Effect.Effect<TcpServer, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    if (!NetAddress.isInetAddress(address)) {
      return Effect.fail(WinsockErrors.invalidArgument("bind", "address", address, anAddress))
    }
    const checked = checkListen(options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    return Effect.acquireRelease(
      Effect.suspend(() => {
        const server = open(engine, address, checked)
        return server instanceof WinsockErrors.WinsockError ? Effect.fail(server) : Effect.succeed(server)
      }),
      (server) => Effect.callback<void>((resume) => server.listener.close(() => resume(Effect.void)))
    )
  })

/** Opens in one step: the layer may be released at any other. */
const open = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: ListenChecked
): Server<NetAddress.InetAddress, Connection, "listener"> | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const v6 = NetAddress.isInetAddressV6(address)
  const family = v6 ? AF_INET6 : AF_INET
  const unowned = makeSocket(engine, family)
  if (unowned instanceof WinsockErrors.WinsockError) return unowned
  const { on } = unowned
  if (v6 && !on.set(IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0)) return refuse(on, "setsockopt")
  const sharing = options.reuseAddress ? SO_REUSEADDR : SO_EXCLUSIVEADDRUSE
  if (!on.set(SOL_SOCKET, sharing, 1)) return refuse(on, "setsockopt")
  // buffers count from the handshake on, so the connections have them from their listener; the rest is set on each
  const unset = configure(on, { ...options.stream, noDelay: false, keepAlive: false, urgentInline: false })
  if (unset !== undefined) return refuse(on, unset)
  if (!on.bind(address)) return refuse(on, "bind")
  return listening(engine, unowned, family, tcp, options.backlog, options)
}
