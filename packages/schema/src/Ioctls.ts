/**
 * The control codes of `WSAIoctl` and `ioctlsocket`. What is known of each is in `IoctlTable`.
 *
 * They are unsigned, as `WSAIoctl` takes them; `ioctlsocket` takes the same bits as a signed `long` (`FIONBIO | 0`).
 *
 * @since 0.1.0
 */

/** The bytes that can be received; for datagrams, those of all queued ones. @category constants @since 0.1.0 */
export const FIONREAD = 0x4004_667f

/** Sets or clears non-blocking mode. @category constants @since 0.1.0 */
export const FIONBIO = 0x8004_667e

/** Whether all out-of-band data was read. @category constants @since 0.1.0 */
export const SIOCATMARK = 0x4004_7307

/** On overflow the oldest datagram is dropped instead of the newest. @category constants @since 0.1.0 */
export const SIO_ENABLE_CIRCULAR_QUEUEING = 0x2800_0002

/** Discards the send queue; TCP refuses it with `WSAEOPNOTSUPP`. @category constants @since 0.1.0 */
export const SIO_FLUSH = 0x2800_0004

/** The broadcast address of the socket's family. @category constants @since 0.1.0 */
export const SIO_GET_BROADCAST_ADDRESS = 0x4800_0005

/** The address of an extension function, by GUID. @category constants @since 0.1.0 */
export const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc800_0006

/** The local address that would be used for a destination. @category constants @since 0.1.0 */
export const SIO_ROUTING_INTERFACE_QUERY = 0xc800_0014

/** Completes when that local address changes. @category constants @since 0.1.0 */
export const SIO_ROUTING_INTERFACE_CHANGE = 0x8800_0015

/** The local addresses of the socket's family. @category constants @since 0.1.0 */
export const SIO_ADDRESS_LIST_QUERY = 0x4800_0016

/** Completes when the list of local addresses changes. @category constants @since 0.1.0 */
export const SIO_ADDRESS_LIST_CHANGE = 0x2800_0017

/** The provider's own handle of a layered socket, for most calls. @category constants @since 0.1.0 */
export const SIO_BSP_HANDLE = 0x4800_001b

/** The provider's own handle of a layered socket, for select. @category constants @since 0.1.0 */
export const SIO_BSP_HANDLE_SELECT = 0x4800_001c

/** The provider's own handle of a layered socket, for WSAPoll. @category constants @since 0.1.0 */
export const SIO_BSP_HANDLE_POLL = 0x4800_001d

/** The base provider's handle of a layered socket. @category constants @since 0.1.0 */
export const SIO_BASE_HANDLE = 0x4800_0022

/** WSASendMsg as seen by a layered provider. @category constants @since 0.1.0 */
export const SIO_EXT_SENDMSG = 0xc800_0020

/** A table of extension functions (registered I/O). @category constants @since 0.1.0 */
export const SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER = 0xc800_0024

/** The processor that receives this connection's packets. @category constants @since 0.1.0 */
export const SIO_QUERY_RSS_PROCESSOR_INFO = 0x4800_0025

/** The IPv4 interfaces. @category constants @since 0.1.0 */
export const SIO_GET_INTERFACE_LIST = 0x4004_747f

/** How much unsent data keeps the connection busy. @category constants @since 0.1.0 */
export const SIO_IDEAL_SEND_BACKLOG_QUERY = 0x4004_747b

/** Completes when the ideal send backlog changes. @category constants @since 0.1.0 */
export const SIO_IDEAL_SEND_BACKLOG_CHANGE = 0x2000_747a

/** A raw socket receives all packets of its interface. @category constants @since 0.1.0 */
export const SIO_RCVALL = 0x9800_0001

/** A raw socket receives all multicast packets. @category constants @since 0.1.0 */
export const SIO_RCVALL_MCAST = 0x9800_0002

/** A raw socket receives all IGMP packets. @category constants @since 0.1.0 */
export const SIO_RCVALL_IGMPMCAST = 0x9800_0003

/** Keep-alive with its times, a `tcp_keepalive`. @category constants @since 0.1.0 */
export const SIO_KEEPALIVE_VALS = 0x9800_0004

/** FALSE: a datagram that met a closed port fails no receive. @category constants @since 0.1.0 */
export const SIO_UDP_CONNRESET = 0x9800_000c

/** FALSE: a datagram that expired on its way fails no receive. @category constants @since 0.1.0 */
export const SIO_UDP_NETRESET = 0x9800_000f

/** Faster TCP over loopback. @category constants @since 0.1.0 */
export const SIO_LOOPBACK_FAST_PATH = 0x9800_0010

/** The first retransmission time and the number of SYN retries. @category constants @since 0.1.0 */
export const SIO_TCP_INITIAL_RTO = 0x9800_0011

/** Port sharing by processor. @category constants @since 0.1.0 */
export const SIO_CPU_AFFINITY = 0x9800_0015

/** Statistics of a TCP connection (Windows 10 1703). @category constants @since 0.1.0 */
export const SIO_TCP_INFO = 0xd800_0027

/** The time stamp of a sent datagram, by its id. @category constants @since 0.1.0 */
export const SIO_GET_TX_TIMESTAMP = 0x9800_00ea

/** Time stamps for datagrams, a `TIMESTAMPING_CONFIG`. @category constants @since 0.1.0 */
export const SIO_TIMESTAMPING = 0x9800_00eb

/** The process id of a local socket's peer. @category constants @since 0.1.0 */
export const SIO_AF_UNIX_GETPEERPID = 0x5800_0100

/** Behaviour of older Windows. @category constants @since 0.1.0 */
export const SIO_SET_COMPATIBILITY_MODE = 0x9800_012c
