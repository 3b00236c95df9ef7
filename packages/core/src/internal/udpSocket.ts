/** A bound UDP socket: the engine's receives and sends, and what the provider can do put together. */
import { AF_INET, AF_INET6 } from "@effect-winsock/schema/Flags"
import type { ControlMessage } from "@effect-winsock/schema/ControlMessage"
import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import {
  WSAEACCES,
  WSAEADDRINUSE,
  WSAEADDRNOTAVAIL,
  WSAEINVAL,
  WSAENOPROTOOPT,
  WSAENOTCONN,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import { Datagram } from "../Datagram.ts"
import type { SocketHandle } from "../Seam.ts"
import type { Capabilities, SendCapabilities } from "../UdpCapabilities.ts"
import type { Options, Outgoing, PeerReport } from "../UdpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { anAddress, isRecord } from "./checks.ts"
import type { Datagrams } from "./datagrams.ts"
import type { Direct } from "./direct.ts"
import type { Engine } from "./engine.ts"
import { LiveSocketOf } from "./liveSocket.ts"
import type { Payload } from "./payload.ts"
import { ofItsFamily } from "./sends.ts"
import type { Checked } from "./udpOptions.ts"
import { check } from "./udpOptions.ts"
import type { Opened, Plan } from "./udpOpen.ts"
import { attach, open, windowsVersion } from "./udpOpen.ts"
import * as DatagramOptions from "./datagramOptions.ts"
import * as Multicast from "./multicast.ts"
import { Groups } from "./groups.ts"
import { socketAttributes } from "./spans.ts"
import { TransmitTimestamps } from "./udpTimestamps.ts"
import { SocketCalls } from "./socketCalls.ts"
import { isFoundOut, sendCapabilities } from "./udpSelfTest.ts"
import type { SendWishes } from "./udpSend.ts"
import * as UdpSend from "./udpSend.ts"

/** Opens, binds, and hands the SOCKET to an engine. */
export const bind = (
  engine: Engine,
  address: NetAddress.InetAddress,
  options: Options
): Effect.Effect<Bound, WinsockError, Scope.Scope> =>
  Effect.suspend(() => {
    if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSASocketW"))
    const checked = check(address, options)
    if (checked instanceof WinsockErrors.WinsockError) return Effect.fail(checked)
    const acquire = (reuseAddress: boolean) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const bound = make(engine, { ...checked, address, reuseAddress }, checked)
          return bound instanceof WinsockErrors.WinsockError ? Effect.fail(bound) : Effect.succeed(bound)
        }),
        (bound) => bound.close
      )
    // a wildcard socket that will answer from the address asked needs a provider that lets a send name its source:
    // where it cannot, sockets of single addresses must be able to share its port
    const { control, reuseAddress } = checked
    if (reuseAddress || control.packetInfo === undefined || !NetAddress.isUnspecified(address.address)) {
      return acquire(reuseAddress)
    }
    const family = NetAddress.isInetAddressV4(address) ? AF_INET : AF_INET6
    return Effect.flatMap(sendCapabilities(engine, family), (can) => acquire(!can.source && can.sourceByBinding))
  })

const make = (engine: Engine, plan: Plan, options: Checked): Bound | WinsockError => {
  // the layer may have been released since
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const opened = open(engine, plan)
  if (opened instanceof WinsockErrors.WinsockError) return opened
  const datagrams = attach(engine, opened, {
    ...options,
    ipv4: opened.family === AF_INET,
    controlSize: opened.controlSize,
    cancel: options.cancel ?? (opened.provider.ifsHandles ? "operation" : "close"),
    coalescing: opened.coalescing
  })
  if (datagrams instanceof WinsockErrors.WinsockError) return datagrams
  engine.life?.opened(datagrams, "socket bound", socketAttributes("udp", opened.bound))
  return new Bound(engine, plan, opened, datagrams, options)
}

/** How many datagrams that came to a socket of a single address are taken over before it is closed. */
const mostAbsorbed = 1024

/** How many datagrams `sendAll` sends before others get a turn. */
const mostAtOnce = 128

const noWishes: SendWishes = {}

export class Bound {
  readonly address: NetAddress.InetAddress
  readonly receive: Effect.Effect<Datagram, WinsockError>
  readonly receiveEvent: Effect.Effect<Datagram | PeerReport, WinsockError>
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Datagram>, WinsockError>
  readonly capabilities: Effect.Effect<Capabilities, WinsockError>
  readonly close: Effect.Effect<void>
  readonly live: LiveSocketOf<"udp">
  readonly mtu: Effect.Effect<number, WinsockError>
  readonly groups: Groups
  readonly transmitTimestamps: TransmitTimestamps
  readonly direct: Direct

  private readonly engine: Engine
  private readonly plan: Plan
  private readonly opened: Opened
  private readonly datagrams: Datagrams
  private readonly options: Checked
  private readonly wildcard: boolean
  // undefined until it was asked
  private can: SendCapabilities | undefined = undefined

  constructor(engine: Engine, plan: Plan, opened: Opened, datagrams: Datagrams, options: Checked) {
    this.engine = engine
    this.plan = plan
    this.opened = opened
    this.datagrams = datagrams
    this.options = options
    this.address = opened.bound
    this.wildcard = NetAddress.isUnspecified(opened.bound.address)
    this.receive = datagrams.receive
    this.receiveEvent = Effect.catch(this.receive, (error) =>
      isPeerReport(error) ? Effect.succeed<PeerReport>({ _tag: "PeerReport", error }) : Effect.fail(error)
    )
    this.pull = datagrams.pull(options.batch)
    this.direct = {
      consume: (take) => datagrams.consume(options.batch, take),
      sendNow: (payload, to) => {
        const answer = datagrams.sends.tryNow(payload, this.destination(to), [])
        return typeof answer === "number" ? answer === 0 : answer
      },
      sendWaiting: (payload, to) => datagrams.sends.wait(payload, this.destination(to))
    }
    this.live = new LiveSocketOf(engine, "udp", opened.family, () => (datagrams.isOpen() ? datagrams.socket : -1))
    const on = (): SocketCalls | undefined =>
      datagrams.isOpen() && datagrams.socket !== -1 ? new SocketCalls(engine, datagrams.socket) : undefined
    const v6 = opened.family === AF_INET6
    this.groups = new Groups(on, { v4: !v6 || !plan.ipv6Only, v6 })
    this.transmitTimestamps = new TransmitTimestamps(engine, on, opened.timestamps.transmit)
    this.mtu = Effect.suspend(() => {
      const calls = on()
      return calls === undefined ? Effect.fail(WinsockErrors.socketClosed("getsockopt")) : mtuOf(calls, v6)
    })
    datagrams.onClose = () => this.transmitTimestamps.close()
    this.close = Effect.callback<void>((resume) => datagrams.close(() => resume(Effect.void)))
    this.capabilities = Effect.suspend(() => Effect.flatMap(this.ask(), (send) => this.record(send)))
  }

  private ask(): Effect.Effect<SendCapabilities, WinsockError> {
    if (!this.datagrams.isOpen()) return Effect.fail(WinsockErrors.socketClosed("WSASendMsg"))
    if (this.can !== undefined) return Effect.succeed(this.can)
    return Effect.flatMap(sendCapabilities(this.engine, this.opened.family), (can) => {
      // what was tried while all was being closed says nothing
      if (!this.datagrams.isOpen()) return Effect.fail(WinsockErrors.socketClosed("WSASendMsg"))
      if (isFoundOut(can)) this.can = can
      return Effect.succeed(can)
    })
  }

  private record(send: SendCapabilities): Effect.Effect<Capabilities, WinsockError> {
    const { engine, opened } = this
    // asking takes its time, and the socket or the layer may have been closed meanwhile
    if (engine.closed || !this.datagrams.isOpen()) return Effect.fail(WinsockErrors.socketClosed("RtlGetVersion"))
    const version = windowsVersion(engine)
    const v6 = opened.family === AF_INET6
    const on = new SocketCalls(engine, this.datagrams.socket as SocketHandle)
    return Effect.succeed({
      version,
      receive: opened.receive,
      ecnFromTrafficClass: opened.ecnFromTrafficClass,
      send,
      segmentation: opened.segmentation,
      coalescing: opened.coalescing,
      // Windows Server 2022
      offloadFault: version.build === 20_348,
      peerErrorsOff: opened.peerErrorsOff,
      multicast: Multicast.capabilities(engine, opened.family),
      mtuDiscovery: DatagramOptions.discovers(on, v6),
      timestamps: opened.timestamps,
      largestSend: opened.largestSend,
      cancelOne: opened.provider.ifsHandles
    })
  }

  // --- sending ---

  send(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    wishes: SendWishes | undefined
  ): Effect.Effect<void, WinsockError> {
    if (wishes === undefined && to !== undefined) return this.datagrams.sends.send(payload, this.destination(to))
    return Effect.suspend(() => {
      const { sends } = this.datagrams
      const unsound = sends.refuse(payload, this.destination(to))
      if (unsound !== undefined) return Effect.fail(unsound)
      const peer = to ?? this.peer
      // providers differ in the code they have for it
      if (peer === undefined) return Effect.fail(WinsockErrors.fromCode("WSASendMsg", WSAENOTCONN, "datagram"))
      if (wishes === undefined) return sends.send(payload, undefined)
      const v4 = UdpSend.travelsAsIpv4(peer)
      const read = UdpSend.read(wishes, v4)
      if (read instanceof WinsockErrors.WinsockError) return Effect.fail(read)
      return Effect.flatMap(this.ask(), (can) => this.sendWith(payload, to, read, v4, can))
    })
  }

  /** What `connect` set. */
  peer: NetAddress.InetAddress | undefined = undefined

  private sendWith(
    payload: Payload,
    to: NetAddress.InetAddress | undefined,
    wishes: SendWishes,
    v4: boolean,
    can: SendCapabilities
  ): Effect.Effect<void, WinsockError> {
    const able = this.able(wishes, can)
    if (able instanceof WinsockErrors.WinsockError) return Effect.fail(able)
    const control = UdpSend.messages(able.wishes, v4)
    const { sends } = this.datagrams
    const destination = this.destination(to)
    if (able.pieces === 0) return sends.send(payload, destination, control)
    // the caller may have changed it while the provider was tried
    const unsound = sends.refuse(payload, this.destination(to))
    if (unsound !== undefined) return Effect.fail(unsound)
    // what the provider would have cut
    return this.sendPieces(UdpSend.cut(payload, able.pieces), destination, control)
  }

  private sendPieces(
    pieces: ReadonlyArray<Payload>,
    destination: NetAddress.InetAddress | undefined,
    control: ReadonlyArray<ControlMessage>
  ): Effect.Effect<void, WinsockError> {
    const { sends } = this.datagrams
    let next = 0
    return Effect.whileLoop({
      while: () => next < pieces.length,
      body: () => sends.send(pieces[next++], destination, control),
      step: () => {}
    })
  }

  // what the provider will honour of the wishes, and the size of the pieces that it cannot cut itself
  private able(
    wishes: SendWishes,
    can: SendCapabilities
  ): { readonly wishes: SendWishes; readonly pieces: number } | WinsockError {
    const cuts = wishes.segmentSize === undefined || this.opened.segmentation
    const stamps = wishes.timestampId === undefined || this.opened.timestamps.transmit
    const missing =
      UdpSend.missing(wishes, can) ?? (cuts ? (stamps ? undefined : "timestamps.transmit") : "segmentSize")
    if (missing === undefined) return { wishes, pieces: 0 }
    if (this.options.sendControl === "required") return WinsockErrors.featureMissing("WSASendMsg", missing)
    const honoured = { ...UdpSend.honoured(wishes, can), ...(stamps ? undefined : { timestampId: undefined }) }
    return cuts
      ? { wishes: honoured, pieces: 0 }
      : { wishes: { ...honoured, segmentSize: undefined }, pieces: wishes.segmentSize! }
  }

  sendAll(messages: Iterable<Outgoing>): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { sends } = this.datagrams
      if (typeof messages?.[Symbol.iterator] !== "function") {
        return Effect.fail(WinsockErrors.invalidArgument("WSASendMsg", "messages", messages, "an iterable"))
      }
      const iterator = messages[Symbol.iterator]()
      // one that ended or threw needs no end
      let ended = false
      // what the fiber has to do next: it is a step of its own
      let step: Effect.Effect<void, WinsockError> = Effect.void
      const advance = (): boolean => {
        // what can be sent at once needs no step of the fiber
        for (let n = 0; n < mostAtOnce; n++) {
          ended = true
          const next = iterator.next()
          if (next.done === true) return false
          ended = false
          if (!isRecord(next.value)) {
            const wrong = WinsockErrors.invalidArgument("WSASendMsg", "messages", next.value, "a record with a payload")
            step = Effect.fail(wrong)
            return true
          }
          const { options, payload, to } = next.value
          if (options !== undefined || (to === undefined && this.peer === undefined)) {
            step = this.send(payload, to, options)
            return true
          }
          const destination = this.destination(to)
          const answer = sends.tryNow(payload, destination, [])
          if (answer === 0) continue
          step = answer === WSAEWOULDBLOCK ? sends.wait(payload, destination) : Effect.fail(answer as WinsockError)
          return true
        }
        step = Effect.yieldNow
        return true
      }
      const all = Effect.whileLoop({ while: advance, body: () => step, step: () => {} })
      // as a loop does that is left early
      return iterator.return === undefined
        ? all
        : Effect.ensuring(
            all,
            Effect.sync(() => (ended ? undefined : void iterator.return?.()))
          )
    })
  }

  // a dual-stack socket speaks IPv6 only: an IPv4 peer has its v4-mapped address there
  private destination(to: NetAddress.InetAddress | undefined): NetAddress.InetAddress | undefined {
    return to !== undefined && !this.plan.ipv6Only && this.opened.family === AF_INET6 && NetAddress.isInetAddressV4(to)
      ? SockAddr.toV4Mapped(to)
      : to
  }

  connect(peer: NetAddress.InetAddress): Effect.Effect<void, WinsockError> {
    return NetAddress.isInetAddress(peer)
      ? this.setPeer(peer)
      : Effect.suspend(() => Effect.fail(WinsockErrors.invalidArgument("connect", "peer", peer, anAddress)))
  }

  /** Sets the peer; `undefined` takes it back. */
  setPeer(peer: NetAddress.InetAddress | undefined): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { socket } = this.datagrams
      const destination = this.destination(peer)
      if (destination !== undefined && !this.datagrams.fits(destination)) {
        return Effect.fail(WinsockErrors.invalidArgument("connect", "peer", peer, ofItsFamily))
      }
      if (!this.datagrams.isOpen() || socket === -1) return Effect.fail(WinsockErrors.socketClosed("connect"))
      const on = new SocketCalls(this.engine, socket)
      if (!on.connect(destination)) return Effect.fail(this.engine.lastError("connect"))
      this.peer = peer
      // Linux, under Wine, takes back a port that it chose, and nobody reaches the socket any more
      return peer === undefined && on.localAddress()?.port !== this.address.port
        ? Effect.fail(WinsockErrors.featureMissing("connect", "disconnecting a socket whose port it chose itself"))
        : Effect.void
    })
  }

  // --- replying ---

  reply(message: Datagram, payload: Payload, given?: SendWishes): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const to = message instanceof Datagram ? message.from : undefined
      if (to === undefined) {
        return Effect.fail(WinsockErrors.invalidArgument("WSASendMsg", "message", message, "a datagram with a sender"))
      }
      const wishes = given === undefined ? noWishes : UdpSend.read(given, UdpSend.travelsAsIpv4(to))
      if (wishes instanceof WinsockErrors.WinsockError) return Effect.fail(wishes)
      const plain = this.send(payload, to, given === undefined ? undefined : wishes)
      // a socket of one address has no other to send from
      if (!this.wildcard || wishes.source !== undefined) return plain
      const { control } = message
      const info = isControlIssue(control) ? undefined : control.packetInfo
      if (info === undefined) return this.replyPlainly(plain, "packetInfo, which reply needs")
      // nothing can be sent from the address of a group or of everybody
      if (NetAddress.isMulticast(info.address) || isBroadcast(info.address)) return plain
      return Effect.flatMap(this.ask(), (can) => {
        if (can.source) {
          // the broadcast address of a network looks like any other, but is no source
          return Effect.catchIf(
            this.send(payload, to, { ...wishes, source: info.address, interface: info.ifIndex }),
            ({ reason: { _tag, code } }) =>
              code === WSAEADDRNOTAVAIL || (code === WSAEINVAL && _tag !== "InvalidArgument"),
            () => plain
          )
        }
        return can.sourceByBinding && this.canReplyThrough()
          ? this.replyThrough(info.address, payload, to, wishes, can, plain)
          : this.replyPlainly(plain, "the choice of a source address, which reply needs")
      })
    })
  }

  /** Whether a socket of one address can be opened for one reply. */
  protected canReplyThrough(): boolean {
    return true
  }

  private replyPlainly(plain: Effect.Effect<void, WinsockError>, lacking: string): Effect.Effect<void, WinsockError> {
    return this.options.reply === "preferred" ? plain : Effect.fail(WinsockErrors.featureMissing("WSASendMsg", lacking))
  }

  /**
   * Sends through a SOCKET of one address that shares the port, opened for this one datagram. While it is open the
   * datagrams to that address come to it: they are taken over before it is closed.
   */
  private replyThrough(
    source: NetAddress.IpAddress,
    payload: Payload,
    to: NetAddress.InetAddress,
    wishes: SendWishes,
    can: SendCapabilities,
    plain: Effect.Effect<void, WinsockError>
  ): Effect.Effect<void, WinsockError> {
    const { datagrams, engine, plan } = this
    const v4 = UdpSend.travelsAsIpv4(to)
    const refused = datagrams.sends.refuse(payload, to)
    if (refused !== undefined) return Effect.fail(refused)
    const able = this.able(wishes, can)
    if (able instanceof WinsockErrors.WinsockError) return Effect.fail(able)
    const address = this.localAddress(source)
    const single = open(engine, { ...plan, reuseAddress: true, address })
    if (single instanceof WinsockErrors.WinsockError) {
      const { code } = single.reason
      // an address that is not the machine's own: the broadcast address of a network
      if (code === WSAEADDRNOTAVAIL) return plain
      // the message is another socket's, and this one shares its port with nobody
      return code === WSAEACCES || code === WSAEADDRINUSE
        ? this.replyPlainly(plain, "a socket with packetInfo, which reply needs")
        : Effect.fail(single)
    }
    const { socket } = single
    const control = UdpSend.messages(able.wishes, v4)
    const pieces = able.pieces === 0 ? [payload] : UdpSend.cut(payload, able.pieces)
    const destination = this.destination(to)
    let answer: number | WinsockError = 0
    let sent = 0
    for (; sent < pieces.length; sent++) {
      answer = datagrams.sends.tryNow(pieces[sent], destination, control, socket)
      if (answer !== 0) break
    }
    // connected to itself it takes from nobody else, so that nothing comes between the last look and its end
    datagrams.absorb(socket, mostAbsorbed, () => void new SocketCalls(engine, socket).connect(address))
    engine.calls.closesocket(socket)
    if (answer === 0) return Effect.void
    if (answer !== WSAEWOULDBLOCK) return Effect.fail(answer as WinsockError)
    // its buffer is as full as the network is busy; the socket's own send waits for room
    const busy = WinsockErrors.fromCode("WSASendMsg", WSAEWOULDBLOCK, "datagram")
    return this.options.reply === "preferred"
      ? this.sendPieces(pieces.slice(sent), destination, control)
      : Effect.fail(busy)
  }

  private localAddress(address: NetAddress.IpAddress): NetAddress.InetAddress {
    const local = NetAddress.inetAddressUnsafe(address, this.opened.bound.port)
    return this.opened.family === AF_INET6 && NetAddress.isInetAddressV4(local) ? SockAddr.toV4Mapped(local) : local
  }
}

const mtuOf = (on: SocketCalls, v6: boolean): Effect.Effect<number, WinsockError> => {
  const mtu = DatagramOptions.mtu(on, v6)
  if (mtu !== -1) return Effect.succeed(mtu)
  const code = on.engine.calls.WSAGetLastError()
  return Effect.fail(
    code === WSAENOPROTOOPT
      ? WinsockErrors.featureMissing("getsockopt", "mtu")
      : WinsockErrors.fromCode("getsockopt", code, "datagram")
  )
}

const isBroadcast = (address: NetAddress.IpAddress): boolean =>
  NetAddress.isIpv4Address(address) && NetAddress.isBroadcast(address)

// the last is what Linux, under Wine, gives a connected socket
const peerReports: ReadonlySet<string> = new Set(["ConnectionReset", "NetworkReset", "ConnectionRefused"])

const isPeerReport = (error: WinsockError): boolean => peerReports.has(error.reason._tag)
