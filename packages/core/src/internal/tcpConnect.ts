/** Connections from this side: a SOCKET for each address that is tried, of which one is kept. */
import {
  AF_INET,
  AF_INET6,
  SOL_SOCKET,
  TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS,
  TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS,
  TCP_INITIAL_RTO_UNSPECIFIED_RTT
} from "@effect-winsock/schema/Flags"
import { SIO_TCP_INITIAL_RTO } from "@effect-winsock/schema/Ioctls"
import { SO_REUSE_UNICASTPORT } from "@effect-winsock/schema/Options"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { TCP_INITIAL_RTO_PARAMETERS } from "@effect-winsock/schema/Structs"
import { WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ConnectOptions, HostPort, TcpSocket } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress, isRecord, isWithin } from "./checks.ts"
import type { Engine } from "./engine.ts"
import * as HappyEyeballs from "./happyEyeballs.ts"
import { lookup } from "./lookups.ts"
import { queryOf } from "./nameOptions.ts"
import type { SocketCalls } from "./socketCalls.ts"
import { socketAttributes } from "./spans.ts"
import type { Stream } from "./stream.ts"
import { attempt, owned } from "./streamConnect.ts"
import { streamError } from "./streamError.ts"
import { attach, configure, lastError, makeSocket, refuse } from "./tcpOpen.ts"
import type { ConnectChecked, InitialRto } from "./tcpOptions.ts"
import { checkConnect } from "./tcpOptions.ts"
import { Connection } from "./tcpSocket.ts"

export const connect = (
  engine: Engine,
  to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress> | HostPort,
  options: ConnectOptions
): Effect.Effect<TcpSocket, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    const checked = checkConnect(options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    return isHostPort(to)
      ? Effect.flatMap(find(engine, to, checked.local), (addresses) => dial(engine, addresses, checked))
      : dial(engine, to, checked)
  })

const dial = (
  engine: Engine,
  to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress>,
  options: ConnectChecked
): Effect.Effect<TcpSocket, WinsockError, Scope.Scope> => {
  const addresses = destinations(to, options.local)
  if (addresses instanceof WinsockErrors.WinsockError) return Effect.fail(addresses)
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      HappyEyeballs.first(
        addresses,
        options.attemptDelay,
        (to, restore) =>
          attempt(
            () => open(engine, to, options),
            to,
            options.firstBytes,
            (stream) => made(stream, to),
            restore
          ),
        (connection) => connection.abort,
        restore
      ),
      owned
    )
  )
}

// an IPv4 address in IPv6's clothes is reached by an IPv4 socket
const canonical = (address: NetAddress.InetAddress): NetAddress.InetAddress =>
  NetAddress.isInetAddressV6(address) ? (SockAddr.fromV4Mapped(address) ?? address) : address

const invalid = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument("ConnectEx", option, value, expected)

const isHostPort = (to: unknown): to is HostPort =>
  isRecord(to) && !NetAddress.isInetAddress(to) && !Array.isArray(to) && "host" in (to as object)

/** The addresses of a host: its own, or what is found under its name for the family that it is connected from. */
const find = (
  engine: Engine,
  { host, port }: HostPort,
  local: NetAddress.InetAddress | undefined
): Effect.Effect<NonEmptyReadonlyArray<NetAddress.InetAddress>, WinsockError> => {
  if (!isWithin(port, 0, 65_535)) return Effect.fail(invalid("to.port", port, "an integer from 0 to 65535"))
  const literal = typeof host === "string" ? Result.getOrUndefined(NetAddress.ipFromString(host)) : host
  if (NetAddress.isIpAddress(literal)) return Effect.succeed([NetAddress.inetAddressUnsafe(literal, port)])
  const family = local === undefined ? undefined : NetAddress.familyOf(canonical(local))
  const query = queryOf(host, { service: port, family, socketType: "stream" })
  return host === undefined || WinsockErrors.isWinsockError(query)
    ? Effect.fail(invalid("to.host", host, "the name or the address of a host"))
    : Effect.map(lookup(engine, query), ({ addresses }) => addresses)
}

const destinations = (
  to: NetAddress.InetAddress | NonEmptyReadonlyArray<NetAddress.InetAddress>,
  local: NetAddress.InetAddress | undefined
): NonEmptyReadonlyArray<NetAddress.InetAddress> | WinsockError => {
  // a copy: what is tried must not change while it is
  const given = Array.isArray(to) ? Array.from(to as ReadonlyArray<unknown>) : [to]
  const addresses: Array<NetAddress.InetAddress> = []
  for (const one of given) {
    if (!NetAddress.isInetAddress(one)) return invalid("to", one, anAddress)
    addresses.push(canonical(one))
  }
  const [first] = addresses
  if (first === undefined) return invalid("to", to, "one address at least")
  const all = HappyEyeballs.interleave([first, ...addresses.slice(1)])
  if (local === undefined) return all
  const v4 = NetAddress.isInetAddressV4(canonical(local))
  const [head, ...rest] = all.filter((address) => NetAddress.isInetAddressV4(address) === v4)
  return head === undefined ? invalid("local", local, "an address of a family that is connected to") : [head, ...rest]
}

const made = (stream: Stream, to: NetAddress.InetAddress): Connection | WinsockError => {
  const local = stream.on.localAddress()
  if (local === undefined) return lastError(stream.engine, "getsockname")
  // a peer that is gone already may have no address any more
  const remote = stream.on.peerAddress() ?? to
  stream.engine.life?.opened(stream, "connection made", socketAttributes("tcp", local, remote))
  return new Connection(stream, local, remote)
}

/** Makes the SOCKET of one attempt, bound as ConnectEx wants it. In one step: the layer may be released at any other. */
const open = (engine: Engine, to: NetAddress.InetAddress, options: ConnectChecked): Stream | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  if (engine.brokenBy !== 0) return streamError("GetQueuedCompletionStatusEx", engine.brokenBy)
  const v6 = NetAddress.isInetAddressV6(to)
  const unowned = makeSocket(engine, v6 ? AF_INET6 : AF_INET)
  if (unowned instanceof WinsockErrors.WinsockError) return unowned
  const { on } = unowned
  const unset = configure(on, options.stream)
  if (unset !== undefined) return refuse(on, unset)
  // a system that does not know it shares no ports
  if (options.reuseUnicastPort) on.set(SOL_SOCKET, SO_REUSE_UNICASTPORT, 1)
  if (!setInitialRto(on, to, options.initialRto)) return refuse(on, "WSAIoctl")
  const any = NetAddress.inetAddressUnsafe(v6 ? NetAddress.ipv6Unspecified : NetAddress.ipv4Unspecified, 0)
  if (!on.bind(options.local === undefined ? any : canonical(options.local))) return refuse(on, "bind")
  return attach(engine, unowned, options.stream)
}

/**
 * Says how a SYN is repeated: on loopback not at all unless that is wished, for Windows repeats it after a refusal too.
 * False when a wish was refused by a system that knows of such wishes.
 */
const setInitialRto = (on: SocketCalls, to: NetAddress.InetAddress, wish: InitialRto | undefined): boolean => {
  const loopback = NetAddress.isLoopback(to.address)
  if (wish === undefined && !loopback) return true
  const { calls, scratch, seam } = on.engine
  const { rtt, retransmissions } = wish ?? {
    rtt: TCP_INITIAL_RTO_UNSPECIFIED_RTT,
    retransmissions: TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS
  }
  const unspecified = retransmissions === TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS
  const at = TCP_INITIAL_RTO_PARAMETERS.offsets[seam.abi]
  const size = TCP_INITIAL_RTO_PARAMETERS.size[seam.abi]
  scratch.view.setUint32(0, 0, true)
  scratch.view.setUint16(at.Rtt, rtt, true)
  scratch.view.setUint8(
    at.MaxSynRetransmissions,
    unspecified && loopback ? TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS : retransmissions
  )
  const rc = calls.WSAIoctl(on.socket, SIO_TCP_INITIAL_RTO, scratch.address, size, 0, 0, scratch.address + 8, 0, 0)
  return rc === 0 || wish === undefined || calls.WSAGetLastError() === WSAEOPNOTSUPP
}
