/** What a program sees of a stream. */
import { AF_INET, AF_INET6, IPPROTO_TCP, MSG_DONTROUTE, MSG_OOB, SD_RECEIVE } from "@effect-winsock/schema/Flags"
import { SIO_TCP_INFO, SIOCATMARK } from "@effect-winsock/schema/Ioctls"
import { TCP_NODELAY } from "@effect-winsock/schema/Options"
import { TCP_INFO_v0 } from "@effect-winsock/schema/Structs"
import { WSAEISCONN, WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Sink from "effect/Sink"
import * as Streams from "effect/Stream"
import type { NativeBuffer } from "../NativeBuffer.ts"
import type { TcpInfo } from "../TcpInfo.ts"
import { states } from "../TcpInfo.ts"
import type { ConnectOptions, KeepAlive, Payload, SendOptions, TcpSocket, TransmitOptions } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress, isRecord, isWithin } from "./checks.ts"
import { DisconnectTurn } from "./disconnectTurn.ts"
import { LiveKey, LiveSocketOf } from "./liveSocket.ts"
import { Buffer } from "./nativeBuffer.ts"
import { aPayload, isPayload } from "./payload.ts"
import type { SocketCalls } from "./socketCalls.ts"
import type { Stream } from "./stream.ts"
import { streamError } from "./streamError.ts"
import type { Request } from "./streamRequests.ts"
import * as Requests from "./streamRequests.ts"
import { DataTurn, EndTurn } from "./streamTurn.ts"
import { setKeepAlive } from "./tcpOpen.ts"
import { firstBytesOf, keepAliveOf } from "./tcpOptions.ts"
import { regionOf, TransmitTurn } from "./transmitTurn.ts"

const mostReceived = 2 ** 30
// every runtime has it, and it needs no types of any of them
const { TextEncoder } = globalThis as unknown as { TextEncoder: new () => { encode: (text: string) => Uint8Array } }
const encoder = new TextEncoder()

const refused = (
  operation: string,
  option: string,
  value: unknown,
  expected: string
): Effect.Effect<never, WinsockError> =>
  Effect.suspend(() => Effect.fail(WinsockErrors.invalidArgument(operation, option, value, expected)))

// made anew at each look: a closure for each of them would be most of what an idle connection costs
export class Connection implements TcpSocket {
  readonly internal: Stream
  private local: NetAddress.InetAddress
  private remote: NetAddress.InetAddress

  constructor(stream: Stream, local: NetAddress.InetAddress, remote: NetAddress.InetAddress) {
    this.internal = stream
    this.local = local
    this.remote = remote
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

  get receive(): TcpSocket["receive"] {
    return this.internal.receives.receive
  }

  get pull(): TcpSocket["pull"] {
    return this.internal.receives.pull
  }

  get receiveUrgent(): TcpSocket["receiveUrgent"] {
    const { internal } = this
    return internal.options.urgentInline ? urgentIsInline : internal.urgent.receive
  }

  get receiveExactly(): TcpSocket["receiveExactly"] {
    return (length: number): Effect.Effect<Uint8Array, WinsockError> =>
      isWithin(length, 0, mostReceived)
        ? this.ask<Uint8Array>(Requests.exactly(length))
        : refused("WSARecv", "length", length, `an integer from 0 to ${mostReceived}`)
  }

  get receiveUntil(): TcpSocket["receiveUntil"] {
    return (delimiter, options = {}) => {
      if (!isRecord(options)) return refused("WSARecv", "options", options, "a record of options")
      const { maxLength = 65_536 } = options
      const bytes: unknown = typeof delimiter === "string" ? encoder.encode(delimiter) : delimiter
      if (!isPayload(bytes) || Array.isArray(bytes) || bytes.length === 0) {
        return refused("WSARecv", "delimiter", delimiter, "text or a Uint8Array, of 1 byte at least")
      }
      if (!isWithin(maxLength, 1, mostReceived)) {
        return refused("WSARecv", "maxLength", maxLength, `an integer from 1 to ${mostReceived}`)
      }
      // a copy: what it looks for must not change while it waits. Each run looks anew
      const copy = (bytes as Uint8Array).slice()
      return Effect.suspend(() => this.ask<Uint8Array>(Requests.until(copy, maxLength)))
    }
  }

  get receiveInto(): TcpSocket["receiveInto"] {
    return (buffer: NativeBuffer, offset = 0, length?: number): Effect.Effect<number, WinsockError> => {
      if (!(buffer instanceof Buffer)) return refused("WSARecv", "buffer", buffer, "a NativeBuffer")
      if (buffer.engine !== this.internal.engine) {
        return refused("WSARecv", "buffer", buffer, "a NativeBuffer of the same layer")
      }
      const { size } = buffer
      if (!isWithin(offset, 0, size - 1))
        return refused("WSARecv", "offset", offset, `an integer from 0 to ${size - 1}`)
      const room = length === undefined ? size - offset : length
      if (!isWithin(room, 1, size - offset)) {
        return refused("WSARecv", "length", length, `an integer from 1 to ${size - offset}`)
      }
      return this.ask<number>(Requests.into(buffer, offset, room))
    }
  }

  get atUrgentMark(): Effect.Effect<boolean, WinsockError> {
    return this.answer("ioctlsocket", (on) => {
      const { calls, scratch } = on.engine
      if (calls.ioctlsocket(on.socket, SIOCATMARK, scratch.address) !== 0) return undefined
      // what was read and not given out comes before it
      return scratch.view.getUint32(0, true) !== 0 && this.internal.receives.bytes.length === 0
    })
  }

  get stream(): Streams.Stream<Uint8Array, WinsockError> {
    return Streams.fromPull(Effect.succeed(this.internal.receives.pullOne))
  }

  // --- sending ---

  get send(): TcpSocket["send"] {
    return (payload: Payload, options?: SendOptions): Effect.Effect<void, WinsockError> =>
      this.internal.sends.run(() => {
        if (!isPayload(payload)) return WinsockErrors.invalidArgument("WSASend", "payload", payload, aPayload)
        const flags = options === undefined ? 0 : flagsOf(options)
        return typeof flags === "number" ? new DataTurn(payload, flags) : flags
      })
  }

  get sink(): Sink.Sink<void, Uint8Array, never, WinsockError> {
    return Sink.forEachArray((chunks: NonEmptyReadonlyArray<Uint8Array>) => this.send(chunks))
  }

  get channel(): TcpSocket["channel"] {
    return <IE>() =>
      Channel.fromTransform((input: Pull.Pull<NonEmptyReadonlyArray<Uint8Array>, IE, unknown>, scope) =>
        Effect.gen({ self: this }, function* () {
          const failed = yield* Deferred.make<never, WinsockError | IE>()
          const sending = Effect.forever(Effect.flatMap(input, (chunks) => this.send(chunks)))
          const ending = Pull.catchDone(sending, () => this.shutdown("send"))
          yield* Effect.forkIn(
            Effect.catchCause(ending, (cause) => Deferred.failCause(failed, cause as Cause.Cause<WinsockError | IE>)),
            scope
          )
          // losing the race takes nothing: bytes that come meanwhile are the next pull's
          return Effect.raceFirst(this.pull, Deferred.await(failed))
        })
      )
  }

  get transmitFile(): TcpSocket["transmitFile"] {
    return (path: string, options: TransmitOptions = {}): Effect.Effect<number, WinsockError> =>
      this.internal.sends.run(() => {
        const region = regionOf(path, options)
        return region instanceof WinsockErrors.WinsockError ? region : new TransmitTurn(this.internal, region)
      })
  }

  // --- ending ---

  get shutdown(): TcpSocket["shutdown"] {
    return (how) => {
      if (how !== "send" && how !== "receive" && how !== "both") {
        return refused("shutdown", "how", how, '"send", "receive" or "both"')
      }
      const receive = how === "send" ? Effect.void : this.shutdownReceive
      return how === "receive" ? receive : Effect.andThen(receive, this.endOf("shutdown"))
    }
  }

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

  get abort(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => this.internal.abort(() => resume(Effect.void)))
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

  private ask<A>(request: Request): Effect.Effect<A, WinsockError> {
    return this.internal.receives.ask(request) as Effect.Effect<A, WinsockError>
  }

  private endOf(name: "shutdown" | "WSASendDisconnect"): Effect.Effect<void, WinsockError> {
    const { internal } = this
    return internal.sends.run(() => new EndTurn(name, internal))
  }

  private get shutdownReceive(): Effect.Effect<void, WinsockError> {
    return this.answer("shutdown", (on) => {
      if (on.engine.calls.shutdown(on.socket, SD_RECEIVE) !== 0) return undefined
      this.internal.receives.shutdown()
      return null
    })
  }

  // a call that answers at once; `undefined` says that it failed
  private answer<A>(
    operation: string,
    call: (on: SocketCalls) => A | undefined
  ): Effect.Effect<A extends null ? void : A, WinsockError> {
    return Effect.suspend(() => {
      const { internal } = this
      if (!internal.isOpen) return Effect.fail(WinsockErrors.socketClosed(operation))
      const answer = call(internal.on)
      return answer === undefined
        ? Effect.fail(streamError(operation, internal.engine.calls.WSAGetLastError()))
        : Effect.succeed(answer as A extends null ? void : A)
    })
  }

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
  socket instanceof Connection ? socket.internal : undefined

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
