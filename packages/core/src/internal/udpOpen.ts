/** Opens and configures the SOCKET of a UDP socket: the calls that are made once, in their order. */
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOL_SOCKET,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED
} from "@effect-winsock/schema/Flags"
import { SIO_UDP_CONNRESET, SIO_UDP_NETRESET } from "@effect-winsock/schema/Ioctls"
import {
  IP_UNICAST_IF,
  IPV6_UNICAST_IF,
  IPV6_V6ONLY,
  SO_EXCLUSIVEADDRUSE,
  SO_MAX_MSG_SIZE,
  SO_REUSEADDR,
  UDP_RECV_MAX_COALESCED_SIZE,
  UDP_SEND_MSG_SIZE
} from "@effect-winsock/schema/Options"
import { indexInNetworkOrder } from "@effect-winsock/schema/OptionValue"
import { OSVERSIONINFOW } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY, WSAEACCES, WSAEADDRINUSE, WSAENOPROTOOPT } from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import type { SocketHandle } from "../Seam.ts"
import type { TimestampCapabilities, WindowsVersion, Wish } from "../UdpCapabilities.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { DatagramOptions } from "./receives.ts"
import type { Manner } from "./datagramOptions.ts"
import * as Manners from "./datagramOptions.ts"
import { Datagrams } from "./datagrams.ts"
import type { Mode } from "./completion.ts"
import { associate } from "./completion.ts"
import type { Engine } from "./engine.ts"
import type { DatagramProvider } from "./provider.ts"
import { datagramProvider } from "./provider.ts"
import { SocketCalls } from "./socketCalls.ts"
import type { ControlName } from "./udpControls.ts"
import { controlNames, controls, space } from "./udpControls.ts"
import * as UdpTimestamps from "./udpTimestamps.ts"

/** What a socket is opened with, all of it decided. */
export interface Plan {
  readonly address: NetAddress.InetAddress
  readonly control: { readonly [K in ControlName]?: Wish | undefined }
  readonly reuseAddress: boolean
  readonly ipv6Only: boolean
  readonly peerErrors: boolean
  /** The index of the interface to send by, 0 for the system's choice. */
  readonly interface: number
  /** The largest joined datagram, 0 for none. */
  readonly coalesce: number
  readonly coalesceWish: Wish
  readonly manner: Manner
}

/** A socket that is open and bound, and what became of the wishes. */
export interface Opened {
  readonly socket: SocketHandle
  readonly provider: DatagramProvider
  readonly family: number
  readonly bound: NetAddress.InetAddress
  readonly receive: { readonly [K in ControlName]: boolean }
  readonly ecnFromTrafficClass: boolean
  readonly controlSize: number
  readonly coalescing: boolean
  readonly segmentation: boolean
  readonly peerErrorsOff: { readonly connectionReset: boolean; readonly networkReset: boolean }
  readonly largestSend: number
  readonly timestamps: TimestampCapabilities
}

/**
 * Opens, configures and binds. Returns the error of the first call that failed, after closing the socket; options that
 * are only preferred may fail.
 */
export const open = (engine: Engine, plan: Plan): Opened | WinsockError => {
  if (!plan.reuseAddress || plan.address.port !== 0) return openAt(engine, plan)
  // to a socket that shares its port Linux, under Wine, may give one of another's that does: a socket that shares
  // nothing finds a port of its own first
  for (let n = 1; ; n++) {
    const first = openAt(engine, { ...plan, reuseAddress: false })
    if (first instanceof WinsockErrors.WinsockError) return first
    engine.calls.closesocket(first.socket)
    const opened = openAt(engine, { ...plan, address: first.bound })
    if (!(opened instanceof WinsockErrors.WinsockError) || n === mostPorts) return opened
    // somebody else was faster
    if (opened.reason.code !== WSAEADDRINUSE && opened.reason.code !== WSAEACCES) return opened
  }
}

/** How many ports are tried for a socket that shares its port. */
const mostPorts = 8

const openAt = (engine: Engine, plan: Plan): Opened | WinsockError => {
  const { calls } = engine
  const v6 = NetAddress.isInetAddressV6(plan.address)
  const family = v6 ? AF_INET6 : AF_INET
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  const socket = calls.WSASocketW(family, SOCK_DGRAM, IPPROTO_UDP, 0, 0, flags)
  if (socket === -1) return engine.lastError("WSASocketW")
  const provider = datagramProvider(engine, family, socket)
  const opened =
    provider instanceof WinsockErrors.WinsockError
      ? provider
      : configure(new SocketCalls(engine, socket), family, provider, plan)
  // the error was read before this call makes another
  if (opened instanceof WinsockErrors.WinsockError) calls.closesocket(socket)
  return opened
}

/** Hands an open SOCKET to an engine, which closes it from then on; on failure it is closed here. */
export const attach = (
  engine: Engine,
  opened: Opened,
  options: Omit<DatagramOptions, "completion"> & { readonly completion?: Mode | undefined }
): Datagrams | WinsockError => {
  const completion = engine.completion(options.completion)
  if (completion instanceof WinsockErrors.WinsockError) {
    engine.calls.closesocket(opened.socket)
    return completion
  }
  const key = engine.reserve()
  let error: WinsockError
  if (associate(engine, completion, opened.socket, key)) {
    try {
      return new Datagrams(engine, opened.socket, opened.provider, { ...options, completion }, key)
    } catch {
      // all that it throws for
      error = WinsockErrors.fromCode("WSASocketW", WSA_NOT_ENOUGH_MEMORY)
    }
  } else error = engine.lastError("CreateIoCompletionPort")
  engine.unreserve(key)
  engine.calls.closesocket(opened.socket)
  return error
}

const configure = (on: SocketCalls, family: number, provider: DatagramProvider, plan: Plan): Opened | WinsockError => {
  const { engine, socket } = on
  const failed = (operation: string): WinsockError => engine.lastError(operation)
  const v6 = family === AF_INET6
  const dual = v6 && !plan.ipv6Only

  if (!on.doNotBlock()) return failed("ioctlsocket")
  if (v6 && !on.set(IPPROTO_IPV6, IPV6_V6ONLY, dual ? 0 : 1)) return failed("setsockopt")
  if (plan.interface > 0 && !sendBy(on, v6, dual, plan.interface)) return failed("setsockopt")
  if (plan.reuseAddress) {
    if (!on.set(SOL_SOCKET, SO_REUSEADDR, 1)) return failed("setsockopt")
  } else if (plan.address.port !== 0 && !on.set(SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)) return failed("setsockopt")

  // a provider that does not know these never makes such reports
  const peerErrorsOff = {
    connectionReset: plan.peerErrors || on.ioctl(SIO_UDP_CONNRESET, 0),
    networkReset: plan.peerErrors || on.ioctl(SIO_UDP_NETRESET, 0)
  }

  const wanted = enableControls(on, v6, dual, plan)
  if (wanted instanceof WinsockErrors.WinsockError) return wanted

  const coalescing = plan.coalesce > 0 && on.set(IPPROTO_UDP, UDP_RECV_MAX_COALESCED_SIZE, plan.coalesce)
  if (plan.coalesce > 0 && !coalescing && plan.coalesceWish === "required") {
    return WinsockErrors.featureMissing("setsockopt", "coalesce")
  }

  const unset = Manners.apply(on, v6, dual, plan.manner)
  if (unset !== undefined) return unset
  const timestamps = UdpTimestamps.enable(on, plan.manner.timestamps)
  if (timestamps instanceof WinsockErrors.WinsockError) return timestamps

  if (!on.bind(plan.address)) return failed("bind")
  const bound = on.localAddress()
  if (bound === undefined) return failed("getsockname")

  const largestSend = on.get(SOL_SOCKET, SO_MAX_MSG_SIZE)
  return {
    socket,
    provider,
    family,
    bound,
    ...wanted,
    controlSize:
      wanted.controlSize +
      (coalescing ? space(engine.seam.abi, 4) : 0) +
      (timestamps.receive ? space(engine.seam.abi, 8) : 0),
    coalescing,
    segmentation: on.get(IPPROTO_UDP, UDP_SEND_MSG_SIZE) !== -1,
    peerErrorsOff,
    // 65,535 less the headers of UDP and, for IPv4, of IP
    largestSend: largestSend > 0 ? largestSend : v6 ? 65_527 : 65_507,
    timestamps
  }
}

// IP_UNICAST_IF takes the index in network byte order, IPV6_UNICAST_IF in the host's
export const sendBy = (on: SocketCalls, v6: boolean, dual: boolean, index: number): boolean =>
  (!v6 || on.set(IPPROTO_IPV6, IPV6_UNICAST_IF, index)) &&
  ((v6 && !dual) || on.set(IPPROTO_IP, IP_UNICAST_IF, index, indexInNetworkOrder))

// on a dual-stack socket the options of both families count, each for its own datagrams
export const enableControls = (
  on: SocketCalls,
  v6: boolean,
  dual: boolean,
  plan: Plan
): Pick<Opened, "receive" | "ecnFromTrafficClass" | "controlSize"> | WinsockError => {
  const { abi } = on.engine.seam
  const receive = Object.fromEntries(controlNames.map((name) => [name, false])) as { [K in ControlName]: boolean }
  let controlSize = 0
  let ecnFromTrafficClass = false

  const enable = (name: ControlName): boolean => {
    if (receive[name]) return true
    const control = controls[name]
    const own = v6 ? control.v6 : control.v4
    if (!on.set(own.level, own.option, 1)) return false
    receive[name] = true
    controlSize += space(abi, own.payload)
    if (!dual) return true
    controlSize += space(abi, control.v4.payload)
    // IPv4 may be switched off on the machine, which is WSAEINVAL: then no datagram needs it
    return on.set(control.v4.level, control.v4.option, 1) || on.engine.calls.WSAGetLastError() !== WSAENOPROTOOPT
  }

  for (const name of controlNames) {
    const wish = plan.control[name]
    if (wish === undefined || enable(name)) continue
    if (name === "ecn" && enable("trafficClass")) {
      ecnFromTrafficClass = true
      continue
    }
    if (wish === "required") return WinsockErrors.featureMissing("setsockopt", name)
  }
  return { receive, ecnFromTrafficClass, controlSize }
}

/** Asks Windows which it is; the compatibility layer that lies to GetVersionEx does not lie here. */
export const windowsVersion = (engine: Engine): WindowsVersion => {
  const { calls, scratch, seam } = engine
  const at = OSVERSIONINFOW.offsets[seam.abi]
  scratch.view.setUint32(at.dwOSVersionInfoSize, OSVERSIONINFOW.size[seam.abi], true)
  calls.RtlGetVersion(scratch.address)
  return {
    major: scratch.view.getUint32(at.dwMajorVersion, true),
    minor: scratch.view.getUint32(at.dwMinorVersion, true),
    build: scratch.view.getUint32(at.dwBuildNumber, true)
  }
}
