/**
 * One table of all control codes: what each takes and gives, which sockets have it, since which Windows, and which the
 * library keeps to itself on the sockets that it keeps promises about.
 *
 * Sources: the header of each row, and the pages "Winsock IOCTLs" and of each code.
 *
 * @since 0.1.0
 */
import * as Io from "./Ioctls.ts"
import { all, internet, raw, tcp, udp } from "./internal/optionRow.ts"
import {
  addressList,
  compatibilityMode,
  guid,
  initialRto,
  interfaceList,
  pointer,
  processorAffinity,
  sockaddr,
  tcpInfo,
  tcpKeepalive,
  timestampingConfig,
  ulong64
} from "./internal/optionStructs.ts"
import type { SocketKind } from "./OptionTable.ts"
import type { OptionValue, ValueOf as Value } from "./OptionValue.ts"
import { bool, bytes, choice, dword, none, ushort } from "./OptionValue.ts"

interface IoctlRow<In, Out, Kind extends SocketKind, Kept extends string | undefined> {
  readonly code: number
  readonly input: OptionValue<In>
  readonly output: OptionValue<Out>
  readonly sockets: ReadonlyArray<Kind>
  readonly since: string | undefined
  readonly source: string
  readonly kept: Kept
}

interface More<Kept extends string | undefined> {
  readonly since?: string
  readonly kept?: Kept
}

const from =
  (source: string) =>
  <In, Out, const Kind extends SocketKind, const Kept extends string | undefined = undefined>(
    code: number,
    input: OptionValue<In>,
    output: OptionValue<Out>,
    sockets: ReadonlyArray<Kind>,
    more: More<Kept> = {}
  ): IoctlRow<In, Out, Kind, Kept> => ({
    code,
    input,
    output,
    sockets,
    since: more.since,
    source,
    kept: more.kept as Kept
  })

const winsock2 = from("winsock2.h")
const mswsock = from("mswsock.h")
const mstcpip = from("mstcpip.h")
const ws2ipdef = from("ws2ipdef.h")
const afunix = from("afunix.h")

const keptAddresses = "left alone: it completes when there is a change, which Interfaces.changes waits for"
const keptRoutes = "left alone: it completes when there is a change, which Interfaces.routeChanges waits for"
const keptBacklog =
  "left alone: it completes when there is a change, which an overlapped call waits for, as Winsock2.WSAIoctl makes on its own sockets"
const keptReports = "left alone: whether dead peers are reported is said when the socket is opened, by peerErrors"

// RCVALL_OFF, RCVALL_ON, RCVALL_SOCKETLEVELONLY, RCVALL_IPLEVEL
const receiveAll = choice(0, 1, 2, 3)

const rows = {
  FIONREAD: winsock2(Io.FIONREAD, none, dword(), all),
  FIONBIO: winsock2(Io.FIONBIO, bool, none, all, {
    kept: "left alone: calls that answer at once are made on the JavaScript thread, which must never wait in one"
  }),
  SIOCATMARK: winsock2(Io.SIOCATMARK, none, bool, tcp),
  SIO_ENABLE_CIRCULAR_QUEUEING: winsock2(Io.SIO_ENABLE_CIRCULAR_QUEUEING, none, none, udp),
  SIO_FLUSH: winsock2(Io.SIO_FLUSH, none, none, internet),
  SIO_GET_BROADCAST_ADDRESS: winsock2(Io.SIO_GET_BROADCAST_ADDRESS, none, sockaddr, udp),
  SIO_GET_EXTENSION_FUNCTION_POINTER: winsock2(Io.SIO_GET_EXTENSION_FUNCTION_POINTER, guid, pointer, all),
  SIO_ROUTING_INTERFACE_QUERY: winsock2(Io.SIO_ROUTING_INTERFACE_QUERY, sockaddr, sockaddr, internet),
  SIO_ROUTING_INTERFACE_CHANGE: winsock2(Io.SIO_ROUTING_INTERFACE_CHANGE, sockaddr, none, internet, {
    kept: keptRoutes
  }),
  SIO_ADDRESS_LIST_QUERY: winsock2(Io.SIO_ADDRESS_LIST_QUERY, none, addressList, internet),
  SIO_ADDRESS_LIST_CHANGE: winsock2(Io.SIO_ADDRESS_LIST_CHANGE, none, none, internet, { kept: keptAddresses }),
  SIO_BSP_HANDLE: mswsock(Io.SIO_BSP_HANDLE, none, pointer, all),
  SIO_BSP_HANDLE_SELECT: mswsock(Io.SIO_BSP_HANDLE_SELECT, none, pointer, all),
  SIO_BSP_HANDLE_POLL: mswsock(Io.SIO_BSP_HANDLE_POLL, none, pointer, all),
  SIO_BASE_HANDLE: mswsock(Io.SIO_BASE_HANDLE, none, pointer, all),
  SIO_EXT_SENDMSG: mswsock(Io.SIO_EXT_SENDMSG, none, none, udp, {
    kept: "left alone: it is WSASendMsg as a layered provider sees it, with pointers of its caller's"
  }),
  SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: mswsock(
    Io.SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER,
    guid,
    bytes("table of pointers", 256),
    internet,
    { since: "Windows 8" }
  ),
  SIO_QUERY_RSS_PROCESSOR_INFO: mswsock(Io.SIO_QUERY_RSS_PROCESSOR_INFO, none, processorAffinity, tcp, {
    since: "Windows 8"
  }),
  SIO_GET_INTERFACE_LIST: ws2ipdef(Io.SIO_GET_INTERFACE_LIST, none, interfaceList, internet),
  SIO_IDEAL_SEND_BACKLOG_QUERY: ws2ipdef(Io.SIO_IDEAL_SEND_BACKLOG_QUERY, none, dword(), tcp),
  SIO_IDEAL_SEND_BACKLOG_CHANGE: ws2ipdef(Io.SIO_IDEAL_SEND_BACKLOG_CHANGE, none, none, tcp, { kept: keptBacklog }),
  SIO_RCVALL: mstcpip(Io.SIO_RCVALL, receiveAll, none, raw),
  SIO_RCVALL_MCAST: mstcpip(Io.SIO_RCVALL_MCAST, receiveAll, none, raw),
  SIO_RCVALL_IGMPMCAST: mstcpip(Io.SIO_RCVALL_IGMPMCAST, receiveAll, none, raw),
  SIO_KEEPALIVE_VALS: mstcpip(Io.SIO_KEEPALIVE_VALS, tcpKeepalive, none, tcp),
  SIO_UDP_CONNRESET: mswsock(Io.SIO_UDP_CONNRESET, bool, none, udp, { kept: keptReports }),
  SIO_UDP_NETRESET: mswsock(Io.SIO_UDP_NETRESET, bool, none, udp, { kept: keptReports }),
  SIO_LOOPBACK_FAST_PATH: mstcpip(Io.SIO_LOOPBACK_FAST_PATH, bool, none, tcp, { since: "Windows 8" }),
  SIO_TCP_INITIAL_RTO: mstcpip(Io.SIO_TCP_INITIAL_RTO, initialRto, none, tcp, { since: "Windows 7" }),
  SIO_CPU_AFFINITY: mstcpip(Io.SIO_CPU_AFFINITY, ushort, none, internet, { since: "Windows 8" }),
  SIO_TCP_INFO: mstcpip(Io.SIO_TCP_INFO, choice(0), tcpInfo, tcp, { since: "Windows 10 1703" }),
  SIO_GET_TX_TIMESTAMP: mstcpip(Io.SIO_GET_TX_TIMESTAMP, dword(), ulong64, udp, { since: "Windows 10 2004" }),
  SIO_TIMESTAMPING: mstcpip(Io.SIO_TIMESTAMPING, timestampingConfig, none, udp, {
    since: "Windows 10 2004",
    kept: "left alone: the room for control data is fixed when the socket is opened, by its options (timestamps)"
  }),
  SIO_AF_UNIX_GETPEERPID: afunix(Io.SIO_AF_UNIX_GETPEERPID, none, dword(), ["unix"], { since: "Windows 10 1803" }),
  SIO_SET_COMPATIBILITY_MODE: mswsock(Io.SIO_SET_COMPATIBILITY_MODE, compatibilityMode, none, internet)
}

type Rows = typeof rows

/**
 * The names of all control codes, which are those of the headers.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof Rows

/**
 * What a control code takes; `void` for those that take nothing.
 *
 * @category utility types
 * @since 0.1.0
 */
export type InputOf<N extends Name> = Value<Rows[N]["input"]>

/**
 * What a control code gives; `void` for those that give nothing.
 *
 * @category utility types
 * @since 0.1.0
 */
export type OutputOf<N extends Name> = Value<Rows[N]["output"]>

/**
 * The kinds of socket that have a control code.
 *
 * @category utility types
 * @since 0.1.0
 */
export type SocketsOf<N extends Name> = Rows[N]["sockets"][number]

/**
 * The control codes that the library keeps to itself.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Kept = { [N in Name]: Rows[N]["kept"] extends string ? N : never }[Name]

/**
 * What is known of one control code.
 *
 * @category models
 * @since 0.1.0
 */
export interface IoctlInfo {
  readonly name: Name
  readonly code: number
  readonly input: OptionValue<any>
  readonly output: OptionValue<any>
  readonly sockets: ReadonlyArray<SocketKind>
  /** The first Windows that has it, where that is later than Windows Vista. */
  readonly since: string | undefined
  /** The header that defines it. */
  readonly source: string
  /** Why the library does not let a program use it on its sockets, in words that complete "it must be ...". */
  readonly kept: string | undefined
}

/**
 * Every control code.
 *
 * @category constants
 * @since 0.1.0
 */
export const table: ReadonlyArray<IoctlInfo> = Object.entries<IoctlRow<any, any, SocketKind, string | undefined>>(
  rows
).map(([name, row]) => Object.assign({ name: name as Name }, row))

const byCode: ReadonlyMap<number, IoctlInfo> = new Map(table.map((info) => [info.code, info]))

const byName: ReadonlyMap<string, IoctlInfo> = new Map(table.map((info) => [info.name, info]))

/**
 * Returns what is known of a control code, signed or unsigned, or `undefined` for one that is not in `table`.
 *
 * @category getters
 * @since 0.1.0
 */
export const infoOf = (code: number): IoctlInfo | undefined => byCode.get(code >>> 0)

/**
 * Returns the control code of a name, or `undefined` where there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (name: string): IoctlInfo | undefined => byName.get(name)
