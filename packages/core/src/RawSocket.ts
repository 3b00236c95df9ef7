/**
 * Raw sockets: packets of any IP protocol but TCP, ICMP above all, with everything that a datagram socket tells and
 * chooses, and waits that can be interrupted without losing a packet.
 *
 * Windows lets administrators open them only. What it keeps from them: TCP, and UDP from an address that is not the
 * machine's own. Source: "TCP/IP Raw Sockets" on learn.microsoft.com.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Datagram } from "./Datagram.ts"
import type { Live } from "./internal/liveSocket.ts"
import { LiveKey } from "./internal/liveSocket.ts"
import * as internal from "./internal/rawSocket.ts"
import type * as UdpSocket from "./UdpSocket.ts"
import { datagramMembers, socketAttributes, tracedRecord } from "./internal/spans.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * How a raw socket is opened. What it shares with UDP sockets means the same here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Pick<
  UdpSocket.Options,
  | "maxMessageSize"
  | "lookAhead"
  | "maxPosted"
  | "batch"
  | "truncation"
  | "cancel"
  | "completion"
  | "interface"
  | "control"
  | "sendControl"
  | "reply"
> {
  /** The protocol of IP: a number from 0 to 255, `"icmp"` (1) or `"icmpv6"` (58). */
  readonly protocol: number | "icmp" | "icmpv6"
  /**
   * Whether what is sent begins with its IP header (`IP_HDRINCL`, `IPV6_HDRINCL`): `Ipv4Header.encode` makes one.
   *
   * @default false
   */
  readonly headerIncluded?: boolean | undefined
  /**
   * Time to live, or hop limit, of all that is sent (`IP_TTL`, `IPV6_UNICAST_HOPS`), 1 to 255. One packet's is chosen
   * with `SendOptions.hopLimit`, where the provider honours it.
   *
   * @default the system's, 128
   */
  readonly hopLimit?: number | undefined
  /**
   * Whether packets may be sent to broadcast addresses (`SO_BROADCAST`).
   *
   * @default false
   */
  readonly broadcast?: boolean | undefined
}

/**
 * Bytes, or several pieces that are sent as one packet.
 *
 * @category models
 * @since 0.1.0
 */
export type Payload = UdpSocket.Payload

/**
 * What can be said of one send, as of one of UDP's. What the provider honours is found out with UDP sockets.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions extends Omit<UdpSocket.SendOptions, "segmentSize"> {}

/**
 * A bound raw socket. It gets a copy of each packet of its protocol that the machine receives for its address, those
 * that the machine answers itself too. Its receives belong to it, not to the fibers that wait.
 *
 * What is received over IPv4 begins with the IP header (`Ipv4Header.decode` splits it); over IPv6 it does not, and the
 * hop limit is told by `control`. Where `from` has a port it means nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawSocket extends Live<"raw"> {
  /** The address it is bound to. */
  readonly address: NetAddress.IpAddress
  /**
   * Waits for the next packet.
   *
   * Interrupting it cancels a receive that nobody needs any more (`CancelIoEx`), and ends when that has completed. A
   * packet that came in between is the next one's.
   *
   * Fails with `OperationAborted` when the socket is closed meanwhile, with `SocketClosed` afterwards.
   */
  readonly receive: Effect.Effect<Datagram, WinsockError>
  /** Waits for at least one packet and takes all that are ready, up to `Options.batch`. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Datagram>, WinsockError>
  /** All packets, one by one: a consumer that stops early leaves the rest for others. */
  readonly messages: Stream.Stream<Datagram, WinsockError>
  /**
   * Sends one packet, to `to` or to the peer of a connected socket: its payload or, with `Options.headerIncluded`, all
   * of it. The checksum of ICMPv6 is the kernel's (RFC 3542), that of ICMP the program's.
   *
   * Fails with `MessageTooLarge` above the protocol's limit, with `InvalidArgument` for an option out of range or a
   * destination of another family, with `NotSupported` for an option that the provider would not honour, with
   * `NotConnected` without a destination.
   */
  readonly send: (
    payload: Payload,
    to?: NetAddress.IpAddress,
    options?: SendOptions
  ) => Effect.Effect<void, WinsockError>
  /**
   * Answers a packet: to where it came from and, with `control: ["packetInfo"]`, from the address and by the interface
   * it came to. Where the provider ignores the source address of a send, `Options.reply` decides.
   */
  readonly reply: (message: Datagram, payload: Payload, options?: SendOptions) => Effect.Effect<void, WinsockError>
  /** Sets the only peer: the default of `send`, and the only one that is received from. Can be repeated. */
  readonly connect: (peer: NetAddress.IpAddress) => Effect.Effect<void, WinsockError>
}

/**
 * Opens a raw socket and binds it to `address`, whose family is the socket's; `0.0.0.0` and `::` are all of the
 * machine's own. Closing the scope cancels and drains what is pending and closes it.
 *
 * Fails by reason: `PermissionDenied` (`WSAEACCES`) without the rights of an administrator, `InvalidArgument` for an
 * option out of range, `NotSupported` for a protocol or a required wish that the machine does not have (Wine has no
 * ICMPv6), `AddressNotAvailable`, `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (An echo request and its reply)
 *
 * ```ts
 * import * as RawSocket from "@effect-winsock/core/RawSocket"
 * import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
 * import * as Icmp from "@effect-winsock/schema/Icmp"
 * import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const ping = Effect.gen(function*() {
 *   const socket = yield* RawSocket.open(NetAddress.ipv4Unspecified, { protocol: "icmp", hopLimit: 64 })
 *   const request: Icmp.IcmpMessage = { _tag: "EchoRequest", identifier: 1, sequence: 1, data: new Uint8Array(32) }
 *   yield* socket.send(Icmp.encode(4, request), NetAddress.ipv4Loopback)
 *   while (true) {
 *     const packet = Ipv4Header.decode((yield* socket.receive).payload)
 *     if (Ipv4Header.isIpv4HeaderIssue(packet)) continue
 *     const message = Icmp.decode(4, packet.payload)
 *     if (message._tag === "EchoReply" && message.identifier === 1) return packet.header.timeToLive
 *   }
 * }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  address: NetAddress.IpAddress,
  options: Options
): Effect.Effect<RawSocket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return Effect.map(internal.open(engine, address, options), (bound) =>
      tracedRecord(engine, datagramMembers, () => socketAttributes("raw", bound.address.address), make(bound))
    )
  })

const make = (socket: internal.RawBound): RawSocket => ({
  address: socket.address.address,
  receive: socket.receive,
  pull: socket.pull,
  messages: Stream.fromEffectRepeat(socket.receive),
  send: (payload, to, options) => socket.sendTo(payload, to, options),
  reply: (message, payload, options) => socket.answer(message, payload, options),
  connect: (peer) => socket.setIpPeer(peer),
  [LiveKey]: socket.liveRaw
})
