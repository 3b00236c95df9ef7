/**
 * UDP sockets that tell everything about a datagram, choose everything about a reply, and whose every wait can be
 * interrupted without losing one.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Datagram } from "./Datagram.ts"
import type { Direct } from "./internal/direct.ts"
import { DirectKey } from "./internal/direct.ts"
import type { Live } from "./internal/liveSocket.ts"
import { LiveKey } from "./internal/liveSocket.ts"
import * as internal from "./internal/udpSocket.ts"
import type { Payload as InternalPayload } from "./internal/payload.ts"
import type { Capabilities, ControlName, Wish } from "./UdpCapabilities.ts"
import { datagramMembers, socketAttributes, tracedRecord } from "./internal/spans.ts"
import { type Completion, EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

export {
  /** @internal */
  DirectKey
}

/**
 * How a socket is opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The largest datagram that is received whole, in bytes, 0 to 65,535. A longer one is cut, and says so. Each posted
   * receive holds that much memory; with one fiber waiting that is one, plus one per layer.
   *
   * @default 65535
   */
  readonly maxMessageSize?: number | undefined
  /**
   * How many receives stay posted although no fiber waits, 0 to 1024: that many datagrams are taken from the kernel
   * ahead of demand. Those not taken when the socket closes are counted as discarded.
   *
   * @default 0
   */
  readonly lookAhead?: number | undefined
  /**
   * How many receives are in the kernel at most, 1 to 1024, however many fibers wait.
   *
   * @default 64
   */
  readonly maxPosted?: number | undefined
  /**
   * How many datagrams one `pull` gives at most, 1 to 4096.
   *
   * @default 64
   */
  readonly batch?: number | undefined
  /**
   * What a datagram larger than `maxMessageSize` becomes: a cut message that says `truncated`, or an error of reason
   * `MessageTooLarge`.
   *
   * @default "deliver"
   */
  readonly truncation?: "deliver" | "fail" | undefined
  /**
   * What an interruption of a waiting fiber does: cancel one operation (`CancelIoEx`), or close the whole socket,
   * which aborts all that wait on it, for providers without `CancelIoEx`. By default the first, except with a provider
   * whose sockets are no file handles (`XP1_IFS_HANDLES`).
   */
  readonly cancel?: "operation" | "close" | undefined
  /**
   * How its operations complete. By default as the layer's options say, which is by the port.
   *
   * @default the layer's
   */
  readonly completion?: Completion | undefined
  /**
   * Whether other sockets may bind the same address and port (`SO_REUSEADDR`). By default a fixed port is exclusive
   * (`SO_EXCLUSIVEADDRUSE`): on Windows nobody can steal it then. A wildcard socket with `control` of `packetInfo`
   * shares its port all the same where the provider ignores the source address of a send and `reply` needs a socket of
   * its own: under Wine, with IPv6 and dual stack.
   *
   * @default false
   */
  readonly reuseAddress?: boolean | undefined
  /**
   * Whether an IPv6 socket refuses IPv4. With `false` an IPv6 wildcard socket takes both (dual stack), and IPv4 peers
   * have v4-mapped addresses.
   *
   * @default true
   */
  readonly ipv6Only?: boolean | undefined
  /**
   * The index of the interface to send by (`IP_UNICAST_IF`, `IPV6_UNICAST_IF`), 0 to 2^32 - 1; 0 is the system's choice.
   * One datagram's is chosen with `SendOptions.interface`.
   *
   * @default 0
   */
  readonly interface?: number | undefined
  /**
   * Whether a send that met a dead peer or an expired TTL makes a later receive fail (`SIO_UDP_CONNRESET`,
   * `SIO_UDP_NETRESET`), with reason `ConnectionReset` or `NetworkReset` (under Wine, on a connected socket,
   * `ConnectionRefused`, which may also be what a send fails with). By default it never breaks a receive loop.
   * `receiveEvent` gives such reports as items of their own.
   *
   * @default false
   */
  readonly peerErrors?: boolean | undefined
  /**
   * The control data to ask for with received datagrams: names, which are wishes that are preferred, or a record that
   * says of each whether it is required.
   *
   * @default none
   */
  readonly control?: ReadonlyArray<ControlName> | { readonly [K in ControlName]?: Wish | undefined } | undefined
  /**
   * What becomes of a `SendOptions` wish that the provider would not honour: with `"required"` the send fails with
   * `NotSupported`, with `"preferred"` the datagram goes without (and a `segmentSize` is done by several sends).
   *
   * @default "required"
   */
  readonly sendControl?: Wish | undefined
  /**
   * What `reply` does when the datagram does not tell where it came to: with `"required"` it fails with
   * `NotSupported`, with `"preferred"` the system chooses the source address.
   *
   * @default "preferred"
   */
  readonly reply?: Wish | undefined
  /**
   * Lets the provider join datagrams of one sender and equal size on receive (URO), up to so many bytes, 1 to 65,535;
   * they are given out one by one all the same. The number is a preferred wish. Network cards and VPNs exist that join
   * datagrams without saying so: then a message is several, and nothing tells. Needs `maxMessageSize` as large.
   *
   * @default off
   */
  readonly coalesce?: number | { readonly size: number; readonly wish: Wish } | undefined
  /**
   * The interface that datagrams to multicast groups leave by (`IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`): its index (for
   * IPv4 at most 2^24 - 1), or one of its IPv4 addresses. 0 is the system's choice. A scope id in the destination comes
   * first.
   *
   * @default 0
   */
  readonly multicastInterface?: MulticastInterface | undefined
  /**
   * How far datagrams to multicast groups go, 0 to 255 (`IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`): 0 not beyond the
   * machine, 1 not beyond the link.
   *
   * @default 1
   */
  readonly multicastHops?: number | undefined
  /**
   * Whether what this machine sends to groups that this socket is in is received by it, too (`IP_MULTICAST_LOOP`,
   * `IPV6_MULTICAST_LOOP`). On Windows that is an option of the *receiver*; elsewhere, and so under Wine, of the sender.
   *
   * @default true
   */
  readonly multicastLoopback?: boolean | undefined
  /**
   * Whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`); otherwise such a send fails with
   * `PermissionDenied`.
   *
   * @default false
   */
  readonly broadcast?: boolean | undefined
  /**
   * Whether datagrams are never fragmented (`IP_DONTFRAGMENT`, `IPV6_DONTFRAG`): one that is too large for the interface
   * or the known path fails with `MessageTooLarge`, one that is too large for a link further on is lost.
   *
   * @default false
   */
  readonly dontFragment?: boolean | undefined
  /**
   * How path MTU discovery works (`IP_MTU_DISCOVER`, `IPV6_MTU_DISCOVER`). With `"do"` nothing is fragmented, and what is
   * larger than the path MTU fails with `MessageTooLarge`; with `"probe"` nothing is fragmented, and only what is larger
   * than the interface's MTU fails, for finding out; with `"dont"` all may be fragmented. Wine lacks it, which is
   * `NotSupported`.
   *
   * @default the system's choice
   */
  readonly mtuDiscovery?: "do" | "dont" | "probe" | undefined
  /**
   * Timestamps of datagrams that the network adapter or its driver made (`SIO_TIMESTAMPING`, Windows 10 build 20348): of
   * received ones as `control.timestamp`, of sent ones by `transmitTimestamp`. They are values of a 64-bit counter:
   * of `QueryPerformanceCounter` where the driver makes them, of the adapter's own clock where that does. They must be
   * switched on for the adapter, too. `buffered` is how many of sent datagrams are kept, 1 to 65,535 (by default 64):
   * when so many were not asked for, the next are lost. Wine has none.
   *
   * @default none
   */
  readonly timestamps?:
    | {
        readonly receive?: Wish | undefined
        readonly transmit?: Wish | undefined
        readonly buffered?: number | undefined
      }
    | undefined
}

/**
 * A network interface for multicasts: its index or, for IPv4, one of its addresses.
 *
 * @category models
 * @since 0.1.0
 */
export type MulticastInterface = number | NetAddress.Ipv4Address

/**
 * What can be said of a membership in a multicast group.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupOptions {
  /**
   * The interface to receive by: its index (for IPv4 at most 2^24 - 1), or one of its IPv4 addresses. Wine knows IPv4
   * interfaces by their addresses only.
   *
   * @default 0, the system's choice
   */
  readonly interface?: MulticastInterface | undefined
  /** The one host to receive from (source-specific multicast); a group may be joined for several, one by one. */
  readonly source?: NetAddress.IpAddress | undefined
}

/**
 * Bytes, or several pieces that are sent as one datagram.
 *
 * @category models
 * @since 0.1.0
 */
export type Payload = InternalPayload

/**
 * What can be said of one send. Whether the provider honours it is found out once per layer, on loopback; see
 * `Options.sendControl` for what follows.
 *
 * It is read once, when the send is run. What is out of range fails with `InvalidArgument` and its name.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendOptions {
  /** The source address: one of the machine's own, of the destination's family (v4-mapped counts as IPv4). */
  readonly source?: NetAddress.IpAddress | undefined
  /** The index of the interface to leave by; only together with `source`. */
  readonly interface?: number | undefined
  /** Time to live, or hop limit, 1 to 255. */
  readonly hopLimit?: number | undefined
  /** The whole byte of type of service, or traffic class, 0 to 255. */
  readonly trafficClass?: number | undefined
  /** The ECN codepoint: 0 Not-ECT, 1 ECT(1), 2 ECT(0). CE is refused before the call. */
  readonly ecn?: number | undefined
  /** Cuts the payload into datagrams of so many bytes, but for the last (USO), 1 to 65,527. */
  readonly segmentSize?: number | undefined
  /**
   * A number for `transmitTimestamp` to ask by, 0 to 2^32 - 1, unique among those not asked for yet
   * (`SO_TIMESTAMP_ID`). Not together with `segmentSize`; the socket needs `timestamps` with `transmit`.
   */
  readonly timestampId?: number | undefined
}

/**
 * One of the datagrams of `sendAll`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing {
  readonly payload: Payload
  readonly to?: NetAddress.InetAddress | undefined
  readonly options?: SendOptions | undefined
}

/**
 * A report that a datagram sent earlier met a dead peer or an expired TTL.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerReport {
  readonly _tag: "PeerReport"
  readonly error: WinsockError
}

/**
 * A bound UDP socket. Its receives belong to it, not to the fibers that wait: an interrupted fiber leaves no message
 * behind, and messages are given out once, in the order in which they came.
 *
 * @category models
 * @since 0.1.0
 */
export interface UdpSocket extends Live<"udp"> {
  /** @internal */
  readonly [DirectKey]?: Direct | undefined
  /** The address it is bound to; its port is never 0. */
  readonly address: NetAddress.InetAddress
  /** The only peer, which `connect` set. */
  readonly peer: NetAddress.InetAddress | undefined
  /** What the provider can do. Asks it, the first time. */
  readonly capabilities: Effect.Effect<Capabilities, WinsockError>
  /**
   * Waits for the next datagram.
   *
   * Interrupting it cancels a receive that nobody needs any more (`CancelIoEx`), and ends when that has completed. A
   * datagram that came in between is the next one's.
   *
   * Fails with `OperationAborted` when the socket is closed meanwhile, with `SocketClosed` afterwards.
   */
  readonly receive: Effect.Effect<Datagram, WinsockError>
  /** Waits for the next datagram or, with `Options.peerErrors`, the next report of a dead peer. */
  readonly receiveEvent: Effect.Effect<Datagram | PeerReport, WinsockError>
  /** Waits for at least one datagram and takes all that are ready, up to `Options.batch`. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Datagram>, WinsockError>
  /**
   * All datagrams, one by one: a consumer that stops early leaves the rest for others. `Stream.fromEffectRepeat` over
   * `pull` is faster and takes batches of which a consumer that stops early loses the rest.
   */
  readonly messages: Stream.Stream<Datagram, WinsockError>
  /**
   * Sends one datagram, to `to` or to the peer of a connected socket. It is done when the provider has taken the
   * bytes; an interruption while it waits for room cancels it, and one that comes too late counts as sent.
   *
   * Fails with `MessageTooLarge` above the protocol's limit (65,507 bytes over IPv4), with `InvalidArgument` for an
   * option out of range, with `NotSupported` for one that the provider would not honour.
   */
  readonly send: (
    payload: Payload,
    to?: NetAddress.InetAddress,
    options?: SendOptions
  ) => Effect.Effect<void, WinsockError>
  /**
   * Sends several datagrams in order. When one fails, those before it were sent and those after it were not; they are
   * not even asked for, so `messages` may be endless. Others get a turn now and then. A generator that is left early,
   * by a failure or an interruption, is ended as a loop would end it; what it throws is a defect.
   */
  readonly sendAll: (messages: Iterable<Outgoing>) => Effect.Effect<void, WinsockError>
  /**
   * Answers a datagram: to where it came from, from the address and by the interface it came to. On a wildcard socket
   * that takes `control: ["packetInfo"]`. Where the provider ignores the source address of a send, the answer leaves
   * through a socket of its own, bound to that address; what arrives there meanwhile is not lost. When that one finds no
   * room it does not wait: with `Options.reply` `"required"` it fails with `WouldBlock`, else the answer goes plainly.
   *
   * A message to a multicast group or a broadcast address is answered from the address that the system chooses.
   */
  readonly reply: (message: Datagram, payload: Payload, options?: SendOptions) => Effect.Effect<void, WinsockError>
  /**
   * Sets the only peer: the default of `send`, and the only one that is received from. Can be repeated. Under Wine 8 a
   * connected socket whose peer was dead once receives nothing any more; one that names the peer in `send` does.
   */
  readonly connect: (peer: NetAddress.InetAddress) => Effect.Effect<void, WinsockError>
  /**
   * Takes back `connect`. Fails with `NotSupported` where that loses the port, and with it all that is sent to it: under
   * Wine, on a socket that was bound to port 0.
   */
  readonly disconnect: Effect.Effect<void, WinsockError>
  /**
   * Joins a multicast group until the scope closes, or for good in the socket's own: `join` before the datagrams that are
   * not to be missed. A dual-stack socket may join groups of both families. Bind to an unspecified address: elsewhere than
   * on Windows a socket of one address gets no multicasts.
   *
   * Fails with `InvalidArgument` for what is no multicast address, with `AddressNotAvailable` for a group that the socket
   * is in already on that interface (under Wine `AddressInUse`) or an interface that there is not, with `NotSupported`
   * where the provider cannot name the interface or the source so.
   */
  readonly joinGroup: (
    group: NetAddress.IpAddress,
    options?: GroupOptions
  ) => Effect.Effect<void, WinsockError, Scope.Scope>
  /**
   * Leaves a group before the scope closes in which it was joined. The options must be those that it was joined with.
   * Fails with `InvalidCall` (under Wine `AddressNotAvailable`, too) when the socket is not in the group.
   */
  readonly leaveGroup: (group: NetAddress.IpAddress, options?: GroupOptions) => Effect.Effect<void, WinsockError>
  /** Receives nothing any more of one host that sends to a group which was joined for all. */
  readonly blockSource: (
    group: NetAddress.IpAddress,
    source: NetAddress.IpAddress,
    options?: Pick<GroupOptions, "interface">
  ) => Effect.Effect<void, WinsockError>
  /** Takes back `blockSource`. */
  readonly unblockSource: (
    group: NetAddress.IpAddress,
    source: NetAddress.IpAddress,
    options?: Pick<GroupOptions, "interface">
  ) => Effect.Effect<void, WinsockError>
  /**
   * What the system takes for the largest IP packet that reaches the peer whole, in bytes, headers included (`IP_MTU`,
   * `IPV6_MTU`). Fails with `NotConnected` on a socket without a peer, with `NotSupported` under Wine.
   */
  readonly mtu: Effect.Effect<number, WinsockError>
  /**
   * Takes the timestamp of the datagram that was sent with a `timestampId` (`SIO_GET_TX_TIMESTAMP`), and forgets it. Windows
   * has no way to wait for one, so it is looked for eight times, for about an eighth of a second.
   *
   * Fails with `WouldBlock` when it has not come by then: there was no such datagram, its timestamp was taken or not
   * kept, or the adapter makes none. Fails with `NotSupported` on a socket without `timestamps`.
   */
  readonly transmitTimestamp: (id: number) => Effect.Effect<bigint, WinsockError>
}

/**
 * Opens a socket and binds it to `address`; port 0 takes any free port. Closing the scope cancels and drains what is
 * pending and closes it.
 *
 * Fails by reason: `InvalidArgument` for an option out of range, `NotSupported` for a required wish or a family that
 * the machine lacks, `AddressInUse`, `AddressNotAvailable`, `PermissionDenied`, `TooManySockets`, `NoBufferSpace`.
 *
 * **Example** (Answering from the address that was asked)
 *
 * ```ts
 * import * as UdpSocket from "@effect-winsock/core/UdpSocket"
 * import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const echo = Effect.gen(function*() {
 *   const any = NetAddress.inetAddressFromIpStringUnsafe("0.0.0.0", 7)
 *   const socket = yield* UdpSocket.bind(any, { control: ["packetInfo", "hopLimit", "ecn"] })
 *   while (true) {
 *     const message = yield* socket.receive
 *     yield* socket.reply(message, message.payload)
 *   }
 * }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = (
  address: NetAddress.InetAddress,
  options: Options = {}
): Effect.Effect<UdpSocket, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => {
    const engine = winsock[EngineKey]
    return Effect.map(internal.bind(engine, address, options), (bound) =>
      tracedRecord(engine, datagramMembers, () => socketAttributes("udp", bound.address), make(bound))
    )
  })

const make = (socket: internal.Bound): UdpSocket => ({
  address: socket.address,
  get peer() {
    return socket.peer
  },
  capabilities: socket.capabilities,
  receive: socket.receive,
  receiveEvent: socket.receiveEvent,
  pull: socket.pull,
  messages: Stream.fromEffectRepeat(socket.receive),
  send: (payload, to, options) => socket.send(payload, to, options),
  sendAll: (messages) => socket.sendAll(messages),
  reply: (message, payload, options) => socket.reply(message, payload, options),
  connect: (peer) => socket.connect(peer),
  disconnect: socket.setPeer(undefined),
  [LiveKey]: socket.live,
  [DirectKey]: socket.direct,
  joinGroup: (group, options) => socket.groups.join(group, options),
  leaveGroup: (group, options) => socket.groups.leave(group, options),
  blockSource: (group, source, options) => socket.groups.filter("block", group, source, options),
  unblockSource: (group, source, options) => socket.groups.filter("unblock", group, source, options),
  mtu: socket.mtu,
  transmitTimestamp: (id) => socket.transmitTimestamps.take(id)
})
