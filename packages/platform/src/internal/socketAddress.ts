/** Where a Socket or a server is at: as Node's options say it, or as an address. */
import * as Names from "@effect-winsock/core/Names"
import type { ConnectOptions, HostPort, KeepAlive } from "@effect-winsock/core/TcpSocket"
import * as TcpSocket from "@effect-winsock/core/TcpSocket"
import * as UnixSocket from "@effect-winsock/core/UnixSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Connection } from "./socketLink.ts"

/** Where to connect to. */
export type Destination =
  | NetAddress.InetAddress
  | NonEmptyReadonlyArray<NetAddress.InetAddress>
  | HostPort
  | NetAddress.UnixPathAddress

const isPath = (to: unknown): to is NetAddress.UnixPathAddress =>
  typeof to === "object" && to !== null && NetAddress.isUnixPathAddress(to)

export const connect = (
  to: Destination,
  options: ConnectOptions
): Effect.Effect<Connection, WinsockError, Winsock | Scope.Scope> =>
  isPath(to) ? UnixSocket.connect(to, options) : TcpSocket.connect(to, options)

/** The pause between keep-alive probes, as libuv sets it. Source: `uv__tcp_keepalive` in libuv's src/win/tcp.c. */
const probeInterval = "1 second"

/** Node's way to say when a connection is probed. */
export interface NodeKeepAlive {
  readonly keepAlive?: boolean | KeepAlive | undefined
  readonly keepAliveInitialDelay?: number | undefined
}

export const keepAliveOf = ({ keepAlive, keepAliveInitialDelay = 0 }: NodeKeepAlive): boolean | KeepAlive | undefined =>
  keepAlive === true && keepAliveInitialDelay > 0 ? { time: keepAliveInitialDelay, interval: probeInterval } : keepAlive

const anyOf = (family: number): string => (family === 6 ? "::" : "0.0.0.0")

/** Node's way to say where a connection comes from; what is no address is thrown, as node:net throws it. */
export const localOf = ({
  family,
  local,
  localAddress,
  localPort
}: {
  readonly local?: NetAddress.InetAddress | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly family?: number | undefined
}): NetAddress.InetAddress | undefined => {
  const address = localAddress ?? (family === 4 || family === 6 ? anyOf(family) : undefined)
  return address === undefined ? local : NetAddress.inetAddressFromIpStringUnsafe(address, localPort ?? 0)
}

/** The addresses of a name, or of an address in numbers. */
export const lookup = (
  host: string,
  port: number
): Effect.Effect<NonEmptyReadonlyArray<NetAddress.InetAddress>, WinsockError, Winsock> =>
  Effect.suspend(() => {
    const literal = NetAddress.inetAddressFromIpString(host, port)
    return literal._tag === "Success" ? Effect.succeed([literal.success] as const) : Names.lookup(host, port)
  })
