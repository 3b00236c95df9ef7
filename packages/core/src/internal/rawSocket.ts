/** A raw socket: opened in its own way, and from then on a datagram socket like UDP's. */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  SOCK_RAW,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { IP_HDRINCL, IP_TTL, IPV6_HDRINCL, IPV6_UNICAST_HOPS, SO_BROADCAST } from "@effect-winsock/schema/Options"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Datagram } from "../Datagram.ts"
import type { Options } from "../RawSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Datagrams } from "./datagrams.ts"
import type { Engine } from "./engine.ts"
import { LiveSocketOf } from "./liveSocket.ts"
import type { Payload } from "./payload.ts"
import { datagramProvider } from "./provider.ts"
import type { Checked } from "./rawOptions.ts"
import { check, refuseSegments } from "./rawOptions.ts"
import { socketAttributes } from "./spans.ts"
import { SocketCalls } from "./socketCalls.ts"
import type { Opened, Plan } from "./udpOpen.ts"
import { attach, enableControls, sendBy } from "./udpOpen.ts"
import type { SendWishes } from "./udpSend.ts"
import { Bound } from "./udpSocket.ts"

/** Opens, binds, and hands the SOCKET to an engine. */
export const open = (
  engine: Engine,
  address: NetAddress.IpAddress,
  options: Options
): Effect.Effect<RawBound, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSASocketW"))
    const checked = check(address, options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    return Effect.acquireRelease(
      Effect.suspend(() => {
        const bound = make(engine, NetAddress.inetAddressUnsafe(address, 0), checked)
        return bound instanceof WinsockErrors.WinsockError ? Effect.fail(bound) : Effect.succeed(bound)
      }),
      (bound) => bound.close
    )
  })

const make = (engine: Engine, address: NetAddress.InetAddress, options: Checked): RawBound | WinsockError => {
  // the layer may have been released since
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const plan: Plan = { ...options, address }
  const opened = openAt(engine, plan, options)
  if (opened instanceof WinsockErrors.WinsockError) return opened
  const datagrams = attach(engine, opened, {
    ...options,
    ipv4: opened.family === AF_INET,
    controlSize: opened.controlSize,
    cancel: options.cancel ?? (opened.provider.ifsHandles ? "operation" : "close"),
    coalescing: false
  })
  if (datagrams instanceof WinsockErrors.WinsockError) return datagrams
  engine.life?.opened(datagrams, "socket bound", socketAttributes("raw", opened.bound.address))
  return new RawBound(engine, plan, opened, datagrams, options)
}

const openAt = (engine: Engine, plan: Plan, options: Checked): Opened | WinsockError => {
  const family = NetAddress.isInetAddressV6(plan.address) ? AF_INET6 : AF_INET
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  const socket = engine.calls.WSASocketW(family, SOCK_RAW, options.protocol, 0, 0, flags)
  // its WSAEACCES has a meaning of its own
  if (socket === -1) return engine.lastError("WSASocketW", "raw")
  const opened = configure(new SocketCalls(engine, socket), family, plan, options)
  // the error was read before this call makes another
  if (opened instanceof WinsockErrors.WinsockError) engine.calls.closesocket(socket)
  return opened
}

const configure = (on: SocketCalls, family: number, plan: Plan, options: Checked): Opened | WinsockError => {
  const { engine, socket } = on
  const failed = (operation: string): WinsockError => engine.lastError(operation)
  const v6 = family === AF_INET6
  const level = v6 ? IPPROTO_IPV6 : IPPROTO_IP
  const provider = datagramProvider(engine, family, socket, SOCK_RAW)
  if (provider instanceof WinsockErrors.WinsockError) return provider
  if (!on.doNotBlock()) return failed("ioctlsocket")
  if (plan.interface > 0 && !sendBy(on, v6, false, plan.interface)) return failed("setsockopt")
  const { broadcast, headerIncluded, hopLimit } = options
  if (headerIncluded && !on.set(level, v6 ? IPV6_HDRINCL : IP_HDRINCL, 1)) return failed("setsockopt")
  if (hopLimit !== undefined && !on.set(level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, hopLimit)) return failed("setsockopt")
  if (broadcast && !on.set(SOL_SOCKET, SO_BROADCAST, 1)) return failed("setsockopt")
  const wanted = enableControls(on, v6, false, plan)
  if (wanted instanceof WinsockErrors.WinsockError) return wanted
  if (!on.bind(plan.address)) return failed("bind")
  const bound = on.localAddress()
  if (bound === undefined) return failed("getsockname")
  return {
    ...wanted,
    socket,
    provider,
    family,
    bound,
    coalescing: false,
    segmentation: false,
    // only UDP has them
    peerErrorsOff: { connectionReset: true, networkReset: true },
    largestSend: 65_515,
    timestamps: { receive: false, transmit: false }
  }
}

/**
 * What UDP's has and packets have not, reports and segments, is off or refused; a reply leaves from the address that was
 * asked where a send can name it.
 */
export class RawBound extends Bound {
  readonly liveRaw: LiveSocketOf<"raw">

  constructor(engine: Engine, plan: Plan, opened: Opened, datagrams: Datagrams, options: Checked) {
    super(engine, plan, opened, datagrams, options)
    this.liveRaw = new LiveSocketOf(engine, "raw", opened.family, () => this.live.socket)
  }

  override send(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    wishes: SendWishes | undefined
  ): Effect.Effect<void, WinsockError> {
    const refused = refuseSegments(wishes)
    return refused === undefined ? super.send(payload, to, wishes) : Effect.fail(refused)
  }

  // every raw socket gets a copy of its own: one of a single address would take nothing away, and none is opened
  protected override canReplyThrough(): boolean {
    return false
  }

  sendTo(
    payload: Payload,
    to: NetAddress.IpAddress | undefined,
    wishes: SendWishes | undefined
  ): Effect.Effect<void, WinsockError> {
    if (to === undefined) return this.send(payload, undefined, wishes)
    return NetAddress.isIpAddress(to)
      ? this.send(payload, NetAddress.inetAddressUnsafe(to, 0), wishes)
      : Effect.suspend(() => Effect.fail(WinsockErrors.invalidArgument("WSASendMsg", "to", to, anIpAddress)))
  }

  setIpPeer(peer: NetAddress.IpAddress): Effect.Effect<void, WinsockError> {
    return NetAddress.isIpAddress(peer)
      ? this.setPeer(NetAddress.inetAddressUnsafe(peer, 0))
      : Effect.suspend(() => Effect.fail(WinsockErrors.invalidArgument("connect", "peer", peer, anIpAddress)))
  }

  answer(message: Datagram, payload: Payload, wishes?: SendWishes): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const refused = refuseSegments(wishes)
      return refused === undefined ? this.reply(message, payload, wishes) : Effect.fail(refused)
    })
  }
}

const anIpAddress = "an IPv4 or IPv6 address"
