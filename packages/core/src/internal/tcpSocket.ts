/** What a program sees of a TCP connection. */
import { AF_INET, AF_INET6, IPPROTO_TCP, MSG_DONTROUTE, MSG_OOB } from "@effect-winsock/schema/Flags"
import { SIO_TCP_INFO, SIOCATMARK } from "@effect-winsock/schema/Ioctls"
import { TCP_NODELAY } from "@effect-winsock/schema/Options"
import { TCP_INFO_v0 } from "@effect-winsock/schema/Structs"
import { WSAEISCONN, WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type { TcpInfo } from "../TcpInfo.ts"
import { states } from "../TcpInfo.ts"
import type { ConnectOptions, KeepAlive, Payload, SendOptions, TcpSocket, TransmitOptions } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress, isRecord } from "./checks.ts"
import { DisconnectTurn } from "./disconnectTurn.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import type { Kind } from "./listener.ts"
import type { SocketCalls } from "./socketCalls.ts"
import { inet } from "./socketCalls.ts"
import type { Stream } from "./stream.ts"
import { refused, StreamConnection } from "./streamConnection.ts"
import { streamError } from "./streamError.ts"
import { socketAttributes, streamMembers, traceInstance } from "./spans.ts"
import { setKeepAlive } from "./tcpOpen.ts"
import { firstBytesOf, keepAliveOf } from "./tcpOptions.ts"
import { regionOf, TransmitTurn } from "./transmitTurn.ts"

export class Connection extends StreamConnection implements TcpSocket {
  private local: NetAddress.InetAddress
  private remote: NetAddress.InetAddress

  constructor(stream: Stream, local: NetAddress.InetAddress, remote: NetAddress.InetAddress) {
    super(stream)
    this.local = local
    this.remote = remote
    const { engine } = stream
    if (engine.tracing > 0)
      traceInstance(engine, streamMembers, () => socketAttributes("tcp", this.local, this.remote), this)
  }

  get localAddress(): NetAddress.InetAddress {
    return this.local
  }

  get remoteAddress(): NetAddress.InetAddress {
    return this.remote
  }

  get [LiveKey](): LiveSocketOf<"tcp"> {
    const { internal } = this
    const family = NetAddress.isInetAddressV4(this.local) ? AF_INET : AF_INET6
    return new LiveSocketOf(internal.engine, "tcp", family, () => (internal.isOpen ? internal.socket : -1))
  }

  // --- receiving ---

  get receiveUrgent(): TcpSocket["receiveUrgent"] {
    const { internal } = this
    return internal.options.urgentInline ? urgentIsInline : internal.urgent.receive
  }

  get atUrgentMark(): Effect.Effect<boolean, WinsockError> {
    return this.answer("ioctlsocket", (on) => {
      const { calls, scratch } = on.engine
      if (calls.ioctlsocket(on.socket, SIOCATMARK, scratch.address) !== 0) return undefined
      // what was read and not given out comes before it
      return scratch.view.getUint32(0, true) !== 0 && this.internal.receives.bytes.length === 0
    })
  }

  // --- sending ---

  override get send(): TcpSocket["send"] {
    return (payload: Payload, options?: SendOptions): Effect.Effect<void, WinsockError> =>
      this.sendWith(payload, () => (options === undefined ? 0 : flagsOf(options)), options?.whole === true)
  }

  get transmitFile(): TcpSocket["transmitFile"] {
    return (path: string, options: TransmitOptions = {}): Effect.Effect<number, WinsockError> =>
      this.internal.sends.run(() => {
        const region = regionOf(path, options)
        return region instanceof WinsockErrors.WinsockError ? region : new TransmitTurn(this.internal, region)
      })
  }

  // --- ending ---

  get sendDisconnect(): Effect.Effect<void, WinsockError> {
    return this.endOf("WSASendDisconnect")
  }

  get disconnect(): TcpSocket["disconnect"] {
    return (options: { readonly reuse?: boolean | undefined } = {}): Effect.Effect<void, WinsockError> =>
      this.internal.sends.run(() =>
        isRecord(options)
          ? new DisconnectTurn(this.internal, options.reuse === true)
          : WinsockErrors.invalidArgument("DisconnectEx", "options", options, "a record of options")
      )
  }

  get reconnect(): TcpSocket["reconnect"] {
    return (
      to: NetAddress.InetAddress,
      options: Pick<ConnectOptions, "firstBytes"> = {}
    ): Effect.Effect<void, WinsockError> =>
      Effect.suspend(() => {
        const { internal } = this
        if (!NetAddress.isInetAddress(to)) return refused("ConnectEx", "to", to, anAddress)
        if (!isRecord(options)) return refused("ConnectEx", "options", options, "a record of options")
        const bytes = firstBytesOf(options.firstBytes)
        if (bytes instanceof WinsockErrors.WinsockError) return Effect.fail(bytes)
        if (internal.isOpen && !internal.isReusable) return Effect.fail(streamError("ConnectEx", WSAEISCONN))
        return Effect.flatMap(internal.connect(to, bytes), () => this.readAddresses())
      })
  }

  // --- asking and setting ---

  get setNoDelay(): TcpSocket["setNoDelay"] {
    return (on: boolean): Effect.Effect<void, WinsockError> =>
      typeof on === "boolean"
        ? this.answer("setsockopt", (calls) => (calls.set(IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0) ? null : undefined))
        : refused("setsockopt", "noDelay", on, "true or false")
  }

  get setKeepAlive(): TcpSocket["setKeepAlive"] {
    return (keepAlive: boolean | KeepAlive): Effect.Effect<void, WinsockError> =>
      Effect.suspend(() => {
        const read = keepAliveOf(keepAlive)
        if (read instanceof WinsockErrors.WinsockError) return Effect.fail(read)
        const operation = typeof read === "boolean" ? "setsockopt" : "WSAIoctl"
        return this.answer(operation, (calls) => (setKeepAlive(calls, read) ? null : undefined))
      })
  }

  get info(): Effect.Effect<TcpInfo, WinsockError> {
    return this.answer("WSAIoctl", infoOf)
  }

  // ---

  private readAddresses(): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { on } = this.internal
      const local = on.localAddress()
      if (local === undefined) return Effect.fail(on.engine.lastError("getsockname", "stream"))
      const remote = on.peerAddress()
      if (remote === undefined) return Effect.fail(on.engine.lastError("getpeername", "stream"))
      this.local = local
      this.remote = remote
      return Effect.void
    })
  }
}

/** The stream of a socket that this library made. */
export const streamOf = (socket: TcpSocket): Stream | undefined =>
  socket instanceof StreamConnection ? socket.internal : undefined

/** What a TCP listener makes of its accepts. */
export const tcp: Kind<NetAddress.InetAddress, Connection, "listener"> = {
  live: "listener",
  read: inet,
  nameCapacity: 48,
  make: (stream, local, remote) => new Connection(stream, local, remote)
}

const urgentIsInline = Effect.suspend(() =>
  Effect.fail(
    WinsockErrors.invalidArgument(
      "WSARecv",
      "urgentInline",
      true,
      "false, for urgent data to be received by themselves"
    )
  )
)

const flagsOf = (options: SendOptions): number | WinsockError => {
  if (!isRecord(options)) {
    return WinsockErrors.invalidArgument("WSASend", "options", options, "a record of options")
  }
  // a transport without messages has none in parts
  if (options.partial === true) return streamError("WSASend", WSAEOPNOTSUPP)
  return (options.dontRoute === true ? MSG_DONTROUTE : 0) | (options.urgent === true ? MSG_OOB : 0)
}

const infoOf = (on: SocketCalls): TcpInfo | undefined => {
  const { calls, scratch, seam } = on.engine
  const at = TCP_INFO_v0.offsets[seam.abi]
  const size = TCP_INFO_v0.size[seam.abi]
  const out = 16
  // version 0 of the structure
  scratch.view.setUint32(0, 0, true)
  const returned = scratch.address + 8
  if (calls.WSAIoctl(on.socket, SIO_TCP_INFO, scratch.address, 4, scratch.address + out, size, returned, 0, 0) !== 0) {
    return undefined
  }
  const { view } = scratch
  const u32 = (offset: number): number => view.getUint32(out + offset, true)
  const u64 = (offset: number): number => u32(offset) + u32(offset + 4) * 0x1_0000_0000
  return {
    state: states[u32(at.State)] ?? "Unknown",
    mss: u32(at.Mss),
    connectionTimeMs: u64(at.ConnectionTimeMs),
    timestampsEnabled: view.getUint8(out + at.TimestampsEnabled) !== 0,
    rttUs: u32(at.RttUs),
    minRttUs: u32(at.MinRttUs),
    bytesInFlight: u32(at.BytesInFlight),
    congestionWindow: u32(at.Cwnd),
    sendWindow: u32(at.SndWnd),
    receiveWindow: u32(at.RcvWnd),
    receiveBuffer: u32(at.RcvBuf),
    bytesOut: u64(at.BytesOut),
    bytesIn: u64(at.BytesIn),
    bytesReordered: u32(at.BytesReordered),
    bytesRetransmitted: u32(at.BytesRetrans),
    fastRetransmits: u32(at.FastRetrans),
    duplicateAcksIn: u32(at.DupAcksIn),
    timeoutEpisodes: u32(at.TimeoutEpisodes),
    synRetransmits: view.getUint8(out + at.SynRetrans)
  }
}
