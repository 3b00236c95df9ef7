/**
 * Providers to test against: how the Winsock of one system differs from another's, as a behaviour to spread into the
 * options of a simulation.
 *
 * What is absent comes from the tables of `schema` (`OptionTable`, `IoctlTable`: since which Windows there is each option
 * and control code) and, for Wine, from what its DLL was seen to answer; the project's tests compare that on Wine itself.
 *
 * There is none for Windows XP: it has no `GetQueuedCompletionStatusEx` and no `CancelIoEx`, so the library does not run
 * there. What a program does without `CancelIoEx` is tested with `cancelIoEx: false` (a layered provider).
 *
 * **Example** (One test on several systems)
 *
 * ```ts
 * import { MockProvider, MockWinsock } from "@effect-winsock/mock"
 *
 * const layers = Object.values(MockProvider.all).map((provider) => MockWinsock.layer({ ...provider, seed: 7 }))
 * ```
 *
 * @since 0.1.0
 */
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import { STATUS_HANDLES_CLOSED } from "@effect-winsock/schema/NtStatus"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import type { Behaviour } from "./MockWinsock.ts"

/** The systems that the tables name, oldest first, and their builds. */
const builds: Readonly<Record<string, number>> = {
  "Windows 7": 7601,
  "Windows 8": 9200,
  "Windows 10": 10_240,
  "Windows 10 1607": 14_393,
  "Windows 10 1703": 15_063,
  "Windows 10 1709": 16_299,
  "Windows 10 1803": 17_134,
  "Windows 10 2004": 19_041
}

const isYounger = (row: { readonly since: string | undefined }, build: number): boolean =>
  row.since !== undefined && builds[row.since] > build

const unique = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)]

/** What a build does not have, by the tables. */
const absentAt = (build: number) => ({
  build,
  absentOptions: unique(OptionTable.table.filter((row) => isYounger(row, build)).map(({ name }) => name)),
  absentIoctls: IoctlTable.table.filter((row) => isYounger(row, build)).map(({ name }) => name)
})

// Names that the tables have no date for and that ws2ipdef.h got after Windows 7. Not verified on a Windows 7
const afterWindows7: ReadonlyArray<string> = [
  "IP_RECVTOS",
  "IP_RECVECN",
  "IPV6_RECVECN",
  "IP_PKTINFO_EX",
  "IPV6_PKTINFO_EX",
  "IP_WFP_REDIRECT_RECORDS",
  "IPV6_WFP_REDIRECT_RECORDS",
  "IP_WFP_REDIRECT_CONTEXT",
  "IPV6_WFP_REDIRECT_CONTEXT",
  "IP_MTU_DISCOVER",
  "IPV6_MTU_DISCOVER",
  "IP_MTU",
  "IPV6_MTU",
  "IP_USER_MTU",
  "IPV6_USER_MTU",
  "IP_RECVERR",
  "IPV6_RECVERR"
]

const seven = absentAt(builds["Windows 7"])

/**
 * Windows 7 SP1 (6.1, build 7601): no ECN, no path MTU modes, no segmentation or coalescing of datagrams, no
 * `SIO_TCP_INFO`, no timestamps, no AF_UNIX, and no time to live or type of service of received IPv4 datagrams.
 *
 * Source: the columns "since" of `OptionTable` and `IoctlTable`; IP_RECVTOS and what has no date there: ws2ipdef.h.
 *
 * @category providers
 * @since 0.1.0
 */
export const windows7: Behaviour = {
  ...seven,
  absentOptions: [...seven.absentOptions, ...afterWindows7],
  tcpInfo: false,
  timestamps: false,
  unixSockets: false
}

/**
 * Windows Server 2022 (build 20348): all there is by the tables. Its control data of TTL and traffic class is faulty while
 * segmentation or coalescing is in use (microsoft/msquic, `datapath_winuser.c`), which the library tells by the build
 * (`offloadFault`); the simulated control data is right.
 *
 * @category providers
 * @since 0.1.0
 */
export const windowsServer2022: Behaviour = absentAt(20_348)

/**
 * Windows 11 23H2 (build 22631), which a simulation is where nothing is said.
 *
 * @category providers
 * @since 0.1.0
 */
export const windows11: Behaviour = absentAt(22_631)

// WSAENOPROTOOPT, or WSAEINVAL for UDP's own (Wine 8.0)
const unknownToWine: ReadonlyArray<string> = [
  "SO_USELOOPBACK",
  "SO_SNDLOWAT",
  "SO_RCVLOWAT",
  "SO_CONDITIONAL_ACCEPT",
  "SO_PAUSE_ACCEPT",
  "SO_COMPARTMENT_ID",
  "IP_RECVIF",
  "IP_RECVDSTADDR",
  "IP_IFLIST",
  "IP_ADD_IFLIST",
  "IP_DEL_IFLIST",
  "IP_GET_IFLIST",
  "IP_ORIGINAL_ARRIVAL_IF",
  "IP_RECVECN",
  "IP_PKTINFO_EX",
  "IP_MTU_DISCOVER",
  "IP_MTU",
  "IP_RECVERR",
  "IP_USER_MTU",
  "MCAST_JOIN_GROUP",
  "MCAST_LEAVE_GROUP",
  "MCAST_BLOCK_SOURCE",
  "MCAST_UNBLOCK_SOURCE",
  "MCAST_JOIN_SOURCE_GROUP",
  "MCAST_LEAVE_SOURCE_GROUP",
  "IPV6_HDRINCL",
  "IPV6_RECVIF",
  "IPV6_RECVDSTADDR",
  "IPV6_CHECKSUM",
  "IPV6_IFLIST",
  "IPV6_ADD_IFLIST",
  "IPV6_DEL_IFLIST",
  "IPV6_GET_IFLIST",
  "IPV6_RECVRTHDR",
  "IPV6_TCLASS",
  "IPV6_RECVECN",
  "IPV6_PKTINFO_EX",
  "IPV6_MTU_DISCOVER",
  "IPV6_MTU",
  "IPV6_RECVERR",
  "IPV6_USER_MTU",
  "UDP_NOCHECKSUM",
  "UDP_CHECKSUM_COVERAGE",
  "UDP_SEND_MSG_SIZE",
  "UDP_RECV_MAX_COALESCED_SIZE",
  "TCP_EXPEDITED_1122",
  "TCP_KEEPIDLE",
  "TCP_MAXSEG",
  "TCP_MAXRT",
  "TCP_TIMESTAMPS",
  "TCP_MAXRTMS",
  "TCP_FASTOPEN",
  "TCP_KEEPCNT",
  "TCP_KEEPINTVL"
]

/**
 * Wine 8.0: it accepts the control data of sends and ignores it, knows few options and control codes, has no AF_UNIX,
 * queues a packet for a receive that has failed with WSAEMSGSIZE, and has a status of its own for what closesocket ends.
 *
 * Not simulated: its sockets that are bound to one IPv4 address and send from another, its IPv4 interfaces that have no
 * index for multicast, its `SO_MAX_MSG_SIZE` of IPv6 (65507), options that it takes and forgets (`SO_RANDOMIZE_PORT` and
 * three of its kind), its code for UDP's own options (WSAEINVAL), and cancelling one receive of a stream alone.
 *
 * Source: observed on Wine 8.0; the project's tests keep it so.
 *
 * @category providers
 * @since 0.1.0
 */
export const wine: Behaviour = {
  build: 18_362,
  absentOptions: unknownToWine,
  absentIoctls: [
    "SIO_BSP_HANDLE",
    "SIO_BSP_HANDLE_SELECT",
    "SIO_BSP_HANDLE_POLL",
    "SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER",
    "SIO_QUERY_RSS_PROCESSOR_INFO",
    "SIO_UDP_NETRESET",
    "SIO_LOOPBACK_FAST_PATH",
    "SIO_TCP_INITIAL_RTO",
    "SIO_CPU_AFFINITY",
    "SIO_TCP_INFO",
    "SIO_TIMESTAMPING",
    "SIO_GET_TX_TIMESTAMP",
    "SIO_SET_COMPATIBILITY_MODE"
  ],
  sendControl: "ignored",
  truncationAnswer: "emsgsize+packet",
  closeStatus: STATUS_HANDLES_CLOSED,
  tcpInfo: false,
  timestamps: false,
  unixSockets: false
}

/**
 * All of them, by name.
 *
 * @category providers
 * @since 0.1.0
 */
export const all = { windows7, windowsServer2022, windows11, wine } as const
