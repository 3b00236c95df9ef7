/**
 * A received datagram: its bytes, and all that the kernel told of it.
 *
 * @since 0.1.0
 */
import type { Control, ControlIssue } from "@effect-winsock/schema/ControlMessage"
import { isControlIssue, parseControl } from "@effect-winsock/schema/ControlMessage"
import { MSG_BCAST, MSG_CTRUNC, MSG_MCAST } from "@effect-winsock/schema/Flags"
import type { Abi } from "@effect-winsock/schema/Layout"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import * as SockAddr_ from "@effect-winsock/schema/SockAddr"
import * as NetAddress from "effect/net/NetAddress"

const noControl: Control = Object.freeze({})

/**
 * A datagram as WSARecvMsg gave it. `payload` is the message's own: nothing writes to it later. Small payloads are
 * views of a 64 KiB chunk shared with their neighbours, so keep a copy (`payload.slice()`) of what is kept for long.
 *
 * The address and the control data are decoded when they are first asked for. Source: the page of `WSAMSG`.
 *
 * **Example** (Where it came to)
 *
 * ```ts
 * import type { Datagram } from "@effect-winsock/core/Datagram"
 * import { isControlIssue } from "@effect-winsock/schema/ControlMessage"
 * import { NetAddress } from "effect/net"
 *
 * const cameTo = (message: Datagram): string => {
 *   const info = isControlIssue(message.control) ? undefined : message.control.packetInfo
 *   return info === undefined ? "unknown" : `${NetAddress.formatIp(info.address)} by interface ${info.ifIndex}`
 * }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Datagram {
  /** The bytes received; when `truncated`, only the first of them. */
  readonly payload: Uint8Array
  /** `WSAMSG.dwFlags` after the call: `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_BCAST`, `MSG_MCAST`. */
  readonly flags: number
  /** Whether the datagram was larger than the socket's `maxMessageSize`: the rest of it is lost. */
  readonly truncated: boolean

  private readonly abi: Abi
  private readonly view: DataView
  private readonly nameAt: number
  private readonly nameLength: number
  private readonly controlAt: number
  private readonly controlLength: number
  private decodedName: SockAddr | SockAddrIssue | undefined
  private decodedControl: Control | ControlIssue | undefined

  /** @internal */
  constructor(
    payload: Uint8Array,
    flags: number,
    truncated: boolean,
    abi: Abi,
    view: DataView,
    nameAt: number,
    nameLength: number,
    controlAt: number,
    controlLength: number
  ) {
    this.payload = payload
    this.flags = flags
    this.truncated = truncated
    this.abi = abi
    this.view = view
    this.nameAt = nameAt
    this.nameLength = nameLength
    this.controlAt = controlAt
    this.controlLength = controlLength
    this.decodedName = undefined
    this.decodedControl = undefined
  }

  /**
   * The sender as the kernel wrote it: an address with its flow information, the bytes of an unknown family, or the
   * issue with a malformed one.
   */
  get name(): SockAddr | SockAddrIssue {
    return (this.decodedName ??= SockAddr_.read(this.view, this.nameAt, this.nameLength))
  }

  /**
   * The sender's address, or `undefined` when the kernel gave none that is an Internet address. On a dual-stack
   * socket an IPv4 sender is a v4-mapped IPv6 address.
   */
  get from(): NetAddress.InetAddress | undefined {
    const name = this.name
    return name._tag === "Inet" ? name.address : undefined
  }

  /**
   * The control messages received with the datagram, or the issue with malformed ones. Which are present depends on
   * the options enabled and on the provider: none is ever guaranteed.
   */
  get control(): Control | ControlIssue {
    return (this.decodedControl ??=
      this.controlLength === 0 ? noControl : parseControl(this.abi, this.view, this.controlAt, this.controlLength))
  }

  /** Whether control messages were lost because they did not fit. */
  get controlTruncated(): boolean {
    return (this.flags & MSG_CTRUNC) !== 0
  }

  /**
   * Whether it was sent to a broadcast address: by `MSG_BCAST` or, where the provider does not set that (Wine), by the
   * packet info, which shows the limited broadcast only.
   */
  get broadcast(): boolean {
    if ((this.flags & MSG_BCAST) !== 0) return true
    const to = this.destination
    return to !== undefined && NetAddress.isIpv4Address(to) && NetAddress.isBroadcast(to)
  }

  /**
   * Whether it was sent to a multicast address: by `MSG_MCAST` or, where the provider does not set that (Wine), by the
   * packet info.
   */
  get multicast(): boolean {
    if ((this.flags & MSG_MCAST) !== 0) return true
    const to = this.destination
    return to !== undefined && NetAddress.isMulticast(to)
  }

  private get destination(): NetAddress.IpAddress | undefined {
    const { control } = this
    return isControlIssue(control) ? undefined : control.packetInfo?.address
  }

  /**
   * Scatters the payload over pieces of the given lengths, in bytes, as a receive into several buffers does: each is
   * filled before the next, the last ones may stay short or empty, and what is left over is not in any. The pieces are
   * views of `payload`; a length that is no whole number of 0 or more is taken as 0.
   *
   * **Example** (A header and the rest)
   *
   * ```ts
   * import type { Datagram } from "@effect-winsock/core/Datagram"
   *
   * const split = (message: Datagram) => {
   *   const [header, body] = message.scatter([12, 65_535])
   *   return { header, body }
   * }
   * ```
   */
  scatter(lengths: ReadonlyArray<number>): Array<Uint8Array> {
    let at = 0
    return lengths.map((length) => {
      const from = at
      if (Number.isInteger(length) && length > 0) at = Math.min(at + length, this.payload.length)
      return this.payload.subarray(from, at)
    })
  }
}
