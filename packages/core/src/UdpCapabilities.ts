/**
 * What the provider under a UDP socket can do.
 *
 * @since 0.1.0
 */
import type * as Controls from "./internal/udpControls.ts"

/**
 * Control data that can come with a received datagram, by name:
 *
 * - `packetInfo`: the address it was sent to and the index of the interface it came in by
 * - `hopLimit`: its time to live, or hop limit
 * - `trafficClass`: the whole byte of its type of service, or traffic class
 * - `ecn`: its ECN codepoint: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE
 * - `originalArrivalInterface`: the index of the interface it first arrived at, where it was forwarded within the machine
 *
 * @category models
 * @since 0.1.0
 */
export type ControlName = Controls.ControlName

/**
 * How much a wish matters: without what is `"required"` the operation fails with `NotSupported` and names it; what is
 * `"preferred"` is gone without, or replaced by the best there is, and the capability record tells.
 *
 * @category models
 * @since 0.1.0
 */
export type Wish = "required" | "preferred"

/**
 * A version of Windows as `RtlGetVersion` tells it.
 *
 * @category models
 * @since 0.1.0
 */
export interface WindowsVersion {
  readonly major: number
  readonly minor: number
  readonly build: number
}

/**
 * What can be said on a send, for one datagram.
 *
 * **Details**
 *
 * Found out once per layer and family by sending to oneself on loopback: a provider may accept such control data and
 * ignore it, as Wine does, and nothing but a look at what arrives tells.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendCapabilities {
  /** The source address and interface (`IP_PKTINFO`, `IPV6_PKTINFO`). */
  readonly source: boolean
  /**
   * A socket that is bound to one address sends from it. Wine binds an IPv4 one to all addresses instead, so that the
   * system chooses. IPv6 has one loopback address only, so it counts as true there.
   */
  readonly sourceByBinding: boolean
  readonly hopLimit: boolean
  readonly trafficClass: boolean
  readonly ecn: boolean
}

/**
 * What can be done with multicast groups of the socket's family. Any-source groups work everywhere.
 *
 * @category models
 * @since 0.1.0
 */
export interface MulticastCapabilities {
  /**
   * An interface can be named by its index for IPv4, too. Wine 8 knows IPv4 interfaces by their addresses only; for
   * IPv6 an index always works.
   */
  readonly interfaceByIndex: boolean
  /** Groups of one source can be joined, and sources blocked. Wine 8 does that for IPv4 only. */
  readonly sources: boolean
}

/**
 * Which timestamps of datagrams a socket has: asked for, and switched on. The network adapter must make them as well.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimestampCapabilities {
  /** Received datagrams may carry `control.timestamp`. */
  readonly receive: boolean
  /** `SendOptions.timestampId` is honoured, and `transmitTimestamp` tells. */
  readonly transmit: boolean
}

/**
 * What the provider under one socket can do, as far as it was asked or tried.
 *
 * **Example** (Saying what is missing)
 *
 * ```ts
 * import type { Capabilities } from "@effect-winsock/core/UdpCapabilities"
 *
 * const missing = (can: Capabilities): ReadonlyArray<string> => [
 *   ...(can.receive.packetInfo ? [] : ["the address that was asked"]),
 *   ...(can.receive.ecn || can.ecnFromTrafficClass ? [] : ["ECN"]),
 *   ...(can.send.source || can.send.sourceByBinding ? [] : ["answers from the address that was asked"])
 * ]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  readonly version: WindowsVersion
  /** What received datagrams may carry on this socket: asked for, and switched on. None is ever guaranteed. */
  readonly receive: { readonly [K in ControlName]: boolean }
  /** `ecn` was asked for and comes from the low two bits of the traffic class, for want of a message of its own. */
  readonly ecnFromTrafficClass: boolean
  readonly send: SendCapabilities
  /** A send can be cut into datagrams of equal size by the provider (`UDP_SEND_MSG_SIZE`, USO). */
  readonly segmentation: boolean
  /** Datagrams are joined by the provider on receive (`UDP_RECV_MAX_COALESCED_SIZE`, URO): asked for, and switched on. */
  readonly coalescing: boolean
  /**
   * Windows Server 2022 (build 20348): with segmentation or coalescing in use, its control data of TTL and traffic
   * class is faulty. Source: microsoft/msquic, `datapath_winuser.c`.
   */
  readonly offloadFault: boolean
  /** Reports of dead peers can be switched off (`SIO_UDP_CONNRESET`, `SIO_UDP_NETRESET`). */
  readonly peerErrorsOff: { readonly connectionReset: boolean; readonly networkReset: boolean }
  readonly multicast: MulticastCapabilities
  /** There are modes of path MTU discovery, and a connected socket tells its path MTU (`IP_MTU_DISCOVER`, `IP_MTU`). */
  readonly mtuDiscovery: boolean
  readonly timestamps: TimestampCapabilities
  /** The largest datagram that the provider sends, in bytes (`SO_MAX_MSG_SIZE`). */
  readonly largestSend: number
  /** Whether one operation can be cancelled: the provider's sockets are file handles (`XP1_IFS_HANDLES`). */
  readonly cancelOne: boolean
}
