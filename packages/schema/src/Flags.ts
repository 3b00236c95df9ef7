/**
 * Winsock's flags and small constants: message flags, socket creation, shutdown, waits, events, families, types and
 * protocols.
 *
 * Sources: `winsock2.h`, `ws2def.h`, `mswsock.h`, `winbase.h` and the pages of the calls that take them.
 *
 * @since 0.1.0
 */

// --- message flags ---

/** Out-of-band data, sent or received. @category constants @since 0.1.0 */
export const MSG_OOB = 0x1

/** Data is copied but not removed; for sockets that are not overlapped. @category constants @since 0.1.0 */
export const MSG_PEEK = 0x2

/** The data is sent without routing. @category constants @since 0.1.0 */
export const MSG_DONTROUTE = 0x4

/** A receive completes only when its buffers are full (stream sockets). @category constants @since 0.1.0 */
export const MSG_WAITALL = 0x8

/** The send may be made in interrupt context; no provider supports it. @category constants @since 0.1.0 */
export const MSG_INTERRUPT = 0x10

/** A receive completes as soon as possible (stream sockets). @category constants @since 0.1.0 */
export const MSG_PUSH_IMMEDIATE = 0x20

/** The datagram was larger than the buffers. @category constants @since 0.1.0 */
export const MSG_TRUNC = 0x100

/** The control data was larger than its buffer. @category constants @since 0.1.0 */
export const MSG_CTRUNC = 0x200

/** The datagram was a broadcast. @category constants @since 0.1.0 */
export const MSG_BCAST = 0x400

/** The datagram was a multicast. @category constants @since 0.1.0 */
export const MSG_MCAST = 0x800

/** The message is from the socket's error queue. @category constants @since 0.1.0 */
export const MSG_ERRQUEUE = 0x1000

/** The data is a part of a message. @category constants @since 0.1.0 */
export const MSG_PARTIAL = 0x8000

/** The historical limit of a buffer list; the calls do not enforce it. @category constants @since 0.1.0 */
export const MSG_MAXIOVLEN = 16

// --- socket creation, accept, disconnect, shutdown ---

/** The socket supports overlapped operations. @category constants @since 0.1.0 */
export const WSA_FLAG_OVERLAPPED = 0x1

/** Child processes do not inherit the socket. @category constants @since 0.1.0 */
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80

/** The socket supports registered I/O. @category constants @since 0.1.0 */
export const WSA_FLAG_REGISTERED_IO = 0x100

/**
 * In `WSAPROTOCOL_INFOW.dwServiceFlags1`: the provider's sockets are true file handles.
 *
 * @category constants
 * @since 0.1.0
 */
export const XP1_IFS_HANDLES = 0x20000

/** `shutdown`: no more receives. @category constants @since 0.1.0 */
export const SD_RECEIVE = 0

/** `shutdown`: no more sends. @category constants @since 0.1.0 */
export const SD_SEND = 1

/** `shutdown`: neither. @category constants @since 0.1.0 */
export const SD_BOTH = 2

/** TransmitFile: disconnect after the data. @category constants @since 0.1.0 */
export const TF_DISCONNECT = 0x1

/**
 * TransmitFile, DisconnectEx: make the socket ready for AcceptEx or ConnectEx again.
 *
 * @category constants
 * @since 0.1.0
 */
export const TF_REUSE_SOCKET = 0x2

/** TransmitFile: complete before the peer has acknowledged the data. @category constants @since 0.1.0 */
export const TF_WRITE_BEHIND = 0x4

/** TransmitFile: use Windows' own thread for long transmits. @category constants @since 0.1.0 */
export const TF_USE_SYSTEM_THREAD = 0x10

/** TransmitFile: use kernel asynchronous procedure calls. @category constants @since 0.1.0 */
export const TF_USE_KERNEL_APC = 0x20

/** TransmitPackets: the element is memory. @category constants @since 0.1.0 */
export const TP_ELEMENT_MEMORY = 1

/** TransmitPackets: the element is a part of a file. @category constants @since 0.1.0 */
export const TP_ELEMENT_FILE = 2

/** TransmitPackets: the element ends a packet. @category constants @since 0.1.0 */
export const TP_ELEMENT_EOP = 4

/** `listen`: the provider's largest backlog. @category constants @since 0.1.0 */
export const SOMAXCONN = 0x7fffffff

// --- SIO_TCP_INITIAL_RTO: the values of TCP_INITIAL_RTO_PARAMETERS, from mstcpip.h ---

/** `Rtt`: the system's. @category constants @since 0.1.0 */
export const TCP_INITIAL_RTO_DEFAULT_RTT = 0

/** `Rtt`: unchanged. @category constants @since 0.1.0 */
export const TCP_INITIAL_RTO_UNSPECIFIED_RTT = 0xffff

/** `MaxSynRetransmissions`: the system's. @category constants @since 0.1.0 */
export const TCP_INITIAL_RTO_DEFAULT_MAX_SYN_RETRANSMISSIONS = 0

/** `MaxSynRetransmissions`: unchanged. @category constants @since 0.1.0 */
export const TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS = 0xff

/** `MaxSynRetransmissions`: the SYN is sent once. @category constants @since 0.1.0 */
export const TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS = 0xfe

/** What calls that create a socket return on failure, as a signed number. @category constants @since 0.1.0 */
export const INVALID_SOCKET = -1

/** What most calls return on failure. @category constants @since 0.1.0 */
export const SOCKET_ERROR = -1

// --- completion, waits and network events ---

/** No packet for an operation that succeeded at once; cannot be unset. @category constants @since 0.1.0 */
export const FILE_SKIP_COMPLETION_PORT_ON_SUCCESS = 1

/** The handle itself is not signalled at completion; cannot be unset. @category constants @since 0.1.0 */
export const FILE_SKIP_SET_EVENT_ON_HANDLE = 2

/** The first event was signalled; add the index for the others. @category constants @since 0.1.0 */
export const WSA_WAIT_EVENT_0 = 0

/** An alertable wait ran a completion routine. @category constants @since 0.1.0 */
export const WSA_WAIT_IO_COMPLETION = 0xc0

/** The wait's time expired. @category constants @since 0.1.0 */
export const WSA_WAIT_TIMEOUT = 0x102

/** The wait failed. @category constants @since 0.1.0 */
export const WSA_WAIT_FAILED = 0xffff_ffff

/** The most events that one wait takes. @category constants @since 0.1.0 */
export const WSA_MAXIMUM_WAIT_EVENTS = 64

/** A wait without a time limit. @category constants @since 0.1.0 */
export const WSA_INFINITE = 0xffff_ffff

/** What WSACreateEvent returns on failure. @category constants @since 0.1.0 */
export const WSA_INVALID_EVENT = 0

/** Network event: data can be received. @category constants @since 0.1.0 */
export const FD_READ = 0x1

/** Network event: data can be sent. @category constants @since 0.1.0 */
export const FD_WRITE = 0x2

/** Network event: out-of-band data arrived. @category constants @since 0.1.0 */
export const FD_OOB = 0x4

/** Network event: a connection can be accepted. @category constants @since 0.1.0 */
export const FD_ACCEPT = 0x8

/** Network event: the connection attempt ended. @category constants @since 0.1.0 */
export const FD_CONNECT = 0x10

/** Network event: the peer closed. @category constants @since 0.1.0 */
export const FD_CLOSE = 0x20

/** Network event: the quality of service changed. @category constants @since 0.1.0 */
export const FD_QOS = 0x40

/** Network event: reserved. @category constants @since 0.1.0 */
export const FD_GROUP_QOS = 0x80

/** Network event: the route to a destination changed. @category constants @since 0.1.0 */
export const FD_ROUTING_INTERFACE_CHANGE = 0x100

/** Network event: the list of local addresses changed. @category constants @since 0.1.0 */
export const FD_ADDRESS_LIST_CHANGE = 0x200

// --- families, types and protocols ---

/** No address family. @category constants @since 0.1.0 */
export const AF_UNSPEC = 0

/** Local sockets, named by paths (Windows 10 1803, stream sockets only). @category constants @since 0.1.0 */
export const AF_UNIX = 1

/** IPv4. @category constants @since 0.1.0 */
export const AF_INET = 2

/** IPv6. @category constants @since 0.1.0 */
export const AF_INET6 = 23

/** Bluetooth. @category constants @since 0.1.0 */
export const AF_BTH = 32

/** Hyper-V. @category constants @since 0.1.0 */
export const AF_HYPERV = 34

/** A stream of bytes over a connection. @category constants @since 0.1.0 */
export const SOCK_STREAM = 1

/** Datagrams. @category constants @since 0.1.0 */
export const SOCK_DGRAM = 2

/** Raw protocol packets. @category constants @since 0.1.0 */
export const SOCK_RAW = 3

/** Reliable datagrams. @category constants @since 0.1.0 */
export const SOCK_RDM = 4

/** Ordered packets over a connection. @category constants @since 0.1.0 */
export const SOCK_SEQPACKET = 5

/** IPv4, as the level of options and control messages. @category constants @since 0.1.0 */
export const IPPROTO_IP = 0

/** ICMP for IPv4. @category constants @since 0.1.0 */
export const IPPROTO_ICMP = 1

/** IGMP. @category constants @since 0.1.0 */
export const IPPROTO_IGMP = 2

/** TCP. @category constants @since 0.1.0 */
export const IPPROTO_TCP = 6

/** UDP. @category constants @since 0.1.0 */
export const IPPROTO_UDP = 17

/** IPv6, as the level of options and control messages. @category constants @since 0.1.0 */
export const IPPROTO_IPV6 = 41

/** ICMP for IPv6. @category constants @since 0.1.0 */
export const IPPROTO_ICMPV6 = 58

/** Reliable multicast (PGM). @category constants @since 0.1.0 */
export const IPPROTO_RM = 113

/** Raw IP packets. @category constants @since 0.1.0 */
export const IPPROTO_RAW = 255

/** The socket itself, as the level of options and control messages. @category constants @since 0.1.0 */
export const SOL_SOCKET = 0xffff

// --- values of control messages and ioctls ---

/** The packet's transport is not ECN-capable. @category constants @since 0.1.0 */
export const ECN_NOT_ECT = 0

/** ECN-capable transport, codepoint 1. @category constants @since 0.1.0 */
export const ECN_ECT_1 = 1

/** ECN-capable transport, codepoint 0. @category constants @since 0.1.0 */
export const ECN_ECT_0 = 2

/** Congestion was experienced; sending it is refused with `WSAEINVAL`. @category constants @since 0.1.0 */
export const ECN_CE = 3

/** SIO_TIMESTAMPING: time stamps for received datagrams. @category constants @since 0.1.0 */
export const TIMESTAMPING_FLAG_RX = 1

/** SIO_TIMESTAMPING: time stamps for sent datagrams. @category constants @since 0.1.0 */
export const TIMESTAMPING_FLAG_TX = 2

/**
 * Returns the backlog for `listen` that asks for about `n` pending connections: the macro `SOMAXCONN_HINT`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const SOMAXCONN_HINT = (n: number): number => -n

/**
 * The message flags that one call takes and returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageFlags {
  /** The bits that the caller may set. */
  readonly in: number
  /** The bits that the call may return. */
  readonly out: number
}

/**
 * The message flags of each call. Source: the call's own page, parameter `lpFlags` or `dwFlags`; for `WSARecvMsg`
 * the out flags are `WSAMSG.dwFlags` (`MSG_ERRQUEUE` is only in `ws2def.h`), for `WSASendMsg` the in flags are its own
 * parameter: `WSAMSG.dwFlags` is ignored there.
 *
 * @category constants
 * @since 0.1.0
 */
export const messageFlags = {
  WSARecv: {
    in: MSG_PEEK | MSG_OOB | MSG_PARTIAL | MSG_PUSH_IMMEDIATE | MSG_WAITALL,
    out: MSG_OOB | MSG_PARTIAL
  },
  WSARecvFrom: { in: MSG_PEEK | MSG_OOB | MSG_PARTIAL, out: MSG_OOB | MSG_PARTIAL },
  WSARecvMsg: { in: MSG_PEEK, out: MSG_BCAST | MSG_MCAST | MSG_TRUNC | MSG_CTRUNC | MSG_ERRQUEUE },
  WSASend: { in: MSG_DONTROUTE | MSG_OOB | MSG_PARTIAL, out: 0 },
  WSASendTo: { in: MSG_DONTROUTE | MSG_OOB | MSG_PARTIAL, out: 0 },
  WSASendMsg: { in: MSG_DONTROUTE | MSG_OOB | MSG_PARTIAL, out: 0 }
} as const satisfies Record<string, MessageFlags>

const messageFlagNames: ReadonlyArray<readonly [flag: number, name: string]> = [
  [MSG_OOB, "MSG_OOB"],
  [MSG_PEEK, "MSG_PEEK"],
  [MSG_DONTROUTE, "MSG_DONTROUTE"],
  [MSG_WAITALL, "MSG_WAITALL"],
  [MSG_INTERRUPT, "MSG_INTERRUPT"],
  [MSG_PUSH_IMMEDIATE, "MSG_PUSH_IMMEDIATE"],
  [MSG_TRUNC, "MSG_TRUNC"],
  [MSG_CTRUNC, "MSG_CTRUNC"],
  [MSG_BCAST, "MSG_BCAST"],
  [MSG_MCAST, "MSG_MCAST"],
  [MSG_ERRQUEUE, "MSG_ERRQUEUE"],
  [MSG_PARTIAL, "MSG_PARTIAL"]
]

/**
 * Returns the names of the message flags that are set, lowest bit first. Bits without a name are left out.
 *
 * @category getters
 * @since 0.1.0
 */
export const messageFlagsOf = (flags: number): ReadonlyArray<string> =>
  messageFlagNames.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name)
