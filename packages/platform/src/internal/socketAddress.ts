/** Where a Socket or a server is at: as Node's options say it, or as an address. */
import * as Names from "@effect-winsock/core/Names"
import type { ConnectOptions, HostPort, KeepAlive } from "@effect-winsock/core/TcpSocket"
import * as TcpSocket from "@effect-winsock/core/TcpSocket"
import * as UnixSocket from "@effect-winsock/core/UnixSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
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

/** Node's way to say where to connect to, and from where. */
export interface NodeDestination extends NodeKeepAlive {
  readonly path?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly family?: number | undefined
  readonly local?: NetAddress.InetAddress | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

/** Connects as node:net does: from a local address, or a port of its own, of the family that is wanted. */
export const connectNet = (
  options: NodeDestination & Omit<ConnectOptions, "keepAlive">
): Effect.Effect<Connection, WinsockError, Winsock | Scope.Scope> => {
  const { family = 0, host = "localhost", localAddress, localPort, path, port = 0 } = options
  const given = { ...options, keepAlive: keepAliveOf(options) }
  if (path !== undefined) return connect(NetAddress.unixPathAddress(path), given)
  if (family !== 0 && family !== 4 && family !== 6) return refuse("family", family, "4, 6, or 0 for both")
  const to = { host, port }
  const from = (address: string): Effect.Effect<Connection, WinsockError, Winsock | Scope.Scope> => {
    const local = NetAddress.inetAddressFromIpString(address, localPort ?? 0)
    if (local._tag === "Success") return connect(to, { ...given, local: local.success })
    return NetAddress.ipFromString(address)._tag === "Success"
      ? refuse("localPort", localPort, "an integer from 0 to 65535")
      : refuse("localAddress", address, "an IP address")
  }
  // addresses of another family than the local one's are not tried
  if (localAddress !== undefined) return from(localAddress)
  if (family === 0 && localPort === undefined) return connect(to, given)
  if (family !== 0) return from(wildcards[family])
  const literal = NetAddress.ipFromString(host)
  if (literal._tag === "Success") return from(wildcards[NetAddress.isIpv4Address(literal.success) ? 4 : 6])
  return Effect.catch(from(wildcards[4]), (error) =>
    Effect.mapError(from(wildcards[6]), (other) => (unnamed.has(other.reason._tag) ? error : other))
  )
}

const wildcards = { 4: "0.0.0.0", 6: "::" } as const

// a name that has no address of the family
const unnamed: ReadonlySet<string> = new Set(["HostNotFound", "NoData"])

const refuse = (option: string, value: unknown, expected: string): Effect.Effect<never, WinsockError> =>
  Effect.fail(WinsockErrors.invalidArgument("ConnectEx", option, value, expected))

/** The name that is connected to, where it is one. */
export const nameOf = (to: object): string | undefined => {
  const { host } = to as { readonly host?: unknown }
  return typeof host === "string" && NetAddress.ipFromString(host)._tag === "Failure" ? host : undefined
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
