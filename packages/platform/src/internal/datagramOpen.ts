/** How a datagram socket is opened: names looked up, a family chosen, a UdpSocket bound and configured. */
import * as Names from "@effect-winsock/core/Names"
import * as SocketOptions from "@effect-winsock/core/SocketOptions"
import type { ControlName } from "@effect-winsock/core/UdpCapabilities"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import type { Winsock } from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { DatagramSocketError } from "effect/socket/DatagramSocket"
import type { BindOptions, Endpoint, FromSocketOptions, Options } from "../WinsockDatagramSocket.ts"
import * as Errors from "./datagramErrors.ts"

/** A socket's traffic, without a fiber's steps for each datagram. */
export type Direct = NonNullable<UdpSocket.UdpSocket[typeof UdpSocket.DirectKey]>

/** An open socket, and where it sends to when nothing is said. */
export interface Opened {
  readonly socket: UdpSocket.UdpSocket
  readonly direct: Direct
  readonly peer: NetAddress.InetAddress | undefined
}

const families = { ipv4: "IPv4", ipv6: "IPv6" } as const satisfies { readonly [name: string]: NetAddress.IpFamily }

const wildcards = {
  IPv4: NetAddress.ipFromStringUnsafe("0.0.0.0"),
  IPv6: NetAddress.ipFromStringUnsafe("::")
} as const

/** What the sockets of a wildcard address need to answer from the address that was asked. */
const answering: ReadonlyArray<ControlName> = ["packetInfo"]

const refusedAddress = (address: unknown): WinsockError =>
  WinsockErrors.invalidArgument("bind", "address", address, "a name, or an address of effect/net")

/** The address that is said in numbers, or `undefined` where a name is; a whole address keeps its scope. */
const literalOf = (endpoint: BindOptions): NetAddress.InetAddress | undefined | WinsockError => {
  if (NetAddress.isInetAddress(endpoint)) return endpoint
  const { address, port = 0 } = endpoint
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    return WinsockErrors.invalidArgument("bind", "port", port, "an integer from 0 to 65535")
  }
  if (typeof address !== "string") {
    return address === undefined || NetAddress.isIpAddress(address)
      ? address && NetAddress.inetAddressUnsafe(address, port)
      : refusedAddress(address)
  }
  const parsed = NetAddress.inetAddressFromIpString(address, port)
  return parsed._tag === "Success" ? parsed.success : undefined
}

/** The address of an endpoint; IPv4 is preferred where a name has both and nothing is said. */
const resolve = (
  endpoint: Endpoint,
  family: NetAddress.IpFamily | undefined
): Effect.Effect<NetAddress.InetAddress, WinsockError, Winsock> => {
  const literal = literalOf(endpoint)
  if (literal !== undefined)
    return WinsockErrors.isWinsockError(literal) ? Effect.fail(literal) : Effect.succeed(literal)
  const { address, port } = endpoint
  if (typeof address !== "string") return Effect.fail(refusedAddress(address))
  return Effect.map(
    Names.lookup(address, port, { socketType: "datagram", family }),
    (found) => found.find(NetAddress.isInetAddressV4) ?? found[0]
  )
}

interface Plan {
  readonly local: NetAddress.InetAddress
  readonly remote: NetAddress.InetAddress | undefined
}

const plan = Effect.fnUntraced(function* (
  family: Options["family"],
  bind: BindOptions,
  remote: Endpoint | undefined
): Effect.fn.Return<Plan, WinsockError, Winsock> {
  if (family !== undefined && !Object.hasOwn(families, family)) {
    return yield* Effect.fail(WinsockErrors.invalidArgument("bind", "family", family, '"ipv4" or "ipv6"'))
  }
  const literal = literalOf(bind)
  if (WinsockErrors.isWinsockError(literal)) return yield* Effect.fail(literal)
  const fixed =
    family !== undefined ? families[family] : literal === undefined ? undefined : NetAddress.familyOf(literal)
  const to = remote === undefined ? undefined : yield* resolve(remote, fixed)
  const preferred = fixed ?? (to === undefined ? undefined : NetAddress.familyOf(to))
  const { address, port = 0 } = bind
  if (address === undefined) {
    return { local: NetAddress.inetAddressUnsafe(wildcards[preferred ?? "IPv4"], port), remote: to }
  }
  const local = literal ?? (yield* resolve({ address, port }, preferred))
  if (fixed !== undefined && NetAddress.familyOf(local) !== fixed) {
    return yield* Effect.fail(
      WinsockErrors.invalidArgument("bind", "bind.address", bind.address, `an address of family ${family}`)
    )
  }
  return { local, remote: to }
})

const configure = Effect.fnUntraced(function* (socket: UdpSocket.UdpSocket, options: Options) {
  const { kernelReceiveBufferSize, kernelSendBufferSize, socketOptions = {}, ttl } = options
  if (kernelReceiveBufferSize !== undefined) yield* SocketOptions.set(socket, "SO_RCVBUF", kernelReceiveBufferSize)
  if (kernelSendBufferSize !== undefined) yield* SocketOptions.set(socket, "SO_SNDBUF", kernelSendBufferSize)
  if (ttl !== undefined) {
    const v4 = NetAddress.isInetAddressV4(socket.address)
    yield* v4 ? SocketOptions.set(socket, "IP_TTL", ttl) : SocketOptions.set(socket, "IPV6_UNICAST_HOPS", ttl)
  }
  for (const [name, value] of Object.entries(socketOptions)) {
    if (value === undefined) continue
    // the type of the options pairs names with values, which a loop over them loses
    yield* SocketOptions.set(socket, name as "IP_TTL", value as number)
  }
})

/** Options of this adapter's own, and those of a UdpSocket's that have other defaults here. */
const udpOptions = (options: Options, local: NetAddress.InetAddress): UdpSocket.Options => {
  const { connect, control, ipv6Only, multicast, peerErrors, ...rest } = options
  const wildcard = NetAddress.isUnspecified(local.address)
  return {
    ...rest,
    // as node:dgram binds: a socket of IPv6 takes IPv4, too
    ipv6Only: ipv6Only ?? false,
    // a connected socket's reports are `onError`'s
    peerErrors: peerErrors ?? connect !== undefined,
    control: control ?? (wildcard && connect === undefined ? answering : undefined),
    multicastInterface: multicast?.interface ?? options.multicastInterface,
    multicastHops: multicast?.ttl ?? options.multicastHops,
    multicastLoopback: multicast?.loopback ?? options.multicastLoopback
  }
}

const opened = (
  socket: UdpSocket.UdpSocket,
  peer: NetAddress.InetAddress | undefined
): Effect.Effect<Opened, WinsockError> => {
  const direct = socket[UdpSocket.DirectKey]
  return direct === undefined
    ? Effect.fail(WinsockErrors.invalidArgument("bind", "socket", socket, "a socket of UdpSocket.bind"))
    : Effect.succeed({ socket, direct, peer })
}

/** Opens a socket that lives as long as the scope. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Opened, DatagramSocketError, Winsock | Scope.Scope> {
  if (options.reusePort === true) return yield* Effect.fail(Errors.unsupported("reusePort"))
  const remote = options.connect ?? options.peer
  const opening = Effect.gen(function* () {
    const planned = yield* plan(options.family, options.bind ?? {}, remote)
    const socket = yield* UdpSocket.bind(planned.local, udpOptions(options, planned.local))
    yield* configure(socket, options)
    if (options.connect !== undefined) yield* socket.connect(planned.remote!)
    return yield* opened(socket, planned.remote)
  })
  return yield* Effect.mapError(opening, Errors.fromOpen)
})

/** Takes over a socket that the program opened. */
export const adopt = Effect.fnUntraced(function* <R>(
  acquire: Effect.Effect<UdpSocket.UdpSocket, DatagramSocketError | WinsockError, R>,
  { peer }: FromSocketOptions
): Effect.fn.Return<Opened, DatagramSocketError, R | Winsock> {
  const adopted = Effect.gen(function* () {
    const socket = yield* acquire
    if (socket.peer !== undefined || peer === undefined) return yield* opened(socket, socket.peer)
    return yield* opened(socket, yield* resolve(peer, NetAddress.familyOf(socket.address)))
  })
  return yield* Effect.mapError(adopted, (error) =>
    WinsockErrors.isWinsockError(error) ? Errors.fromOpen(error) : error
  )
})
