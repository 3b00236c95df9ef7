/**
 * The numbers of socket options, which are in part also the types of control messages. What is known of each option is in
 * `OptionTable`.
 *
 * Sources: the header of each row, and the pages "SOL_SOCKET Socket Options", "IPPROTO_IP Socket Options",
 * "IPPROTO_IPV6 Socket Options", "IPPROTO_UDP Socket Options" and "IPPROTO_TCP Socket Options".
 *
 * @since 0.1.0
 */

/** Debugging information is recorded. @category constants @since 0.1.0 */
export const SO_DEBUG = 0x1

/** Whether the socket listens. @category constants @since 0.1.0 */
export const SO_ACCEPTCONN = 0x2

/** Others may bind the same address: without asking on Windows. @category constants @since 0.1.0 */
export const SO_REUSEADDR = 0x4

/** Idle connections are probed. @category constants @since 0.1.0 */
export const SO_KEEPALIVE = 0x8

/** Data is sent without routing. @category constants @since 0.1.0 */
export const SO_DONTROUTE = 0x10

/** Broadcasts may be sent. @category constants @since 0.1.0 */
export const SO_BROADCAST = 0x20

/** Loopback is used where possible. @category constants @since 0.1.0 */
export const SO_USELOOPBACK = 0x40

/** What closing does with unsent data. @category constants @since 0.1.0 */
export const SO_LINGER = 0x80

/** Out-of-band data stands in the stream. @category constants @since 0.1.0 */
export const SO_OOBINLINE = 0x100

/** Closing does not wait for unsent data: ~SO_LINGER. @category constants @since 0.1.0 */
export const SO_DONTLINGER = -129

/** Nobody else may bind the same address: ~SO_REUSEADDR. @category constants @since 0.1.0 */
export const SO_EXCLUSIVEADDRUSE = -5

/** Bytes of the send buffer. @category constants @since 0.1.0 */
export const SO_SNDBUF = 0x1001

/** Bytes of the receive buffer. @category constants @since 0.1.0 */
export const SO_RCVBUF = 0x1002

/** Kept from BSD; not supported. @category constants @since 0.1.0 */
export const SO_SNDLOWAT = 0x1003

/** Kept from BSD; not supported. @category constants @since 0.1.0 */
export const SO_RCVLOWAT = 0x1004

/** Time limit of blocking sends; overlapped ones ignore it. @category constants @since 0.1.0 */
export const SO_SNDTIMEO = 0x1005

/** Time limit of blocking receives; overlapped ones ignore it. @category constants @since 0.1.0 */
export const SO_RCVTIMEO = 0x1006

/** The error of a failed asynchronous connect. @category constants @since 0.1.0 */
export const SO_ERROR = 0x1007

/** The socket's type, `SOCK_STREAM` and so on. @category constants @since 0.1.0 */
export const SO_TYPE = 0x1008

/** The largest datagram that can be sent. @category constants @since 0.1.0 */
export const SO_MAX_MSG_SIZE = 0x2003

/** The protocol's catalog entry. @category constants @since 0.1.0 */
export const SO_PROTOCOL_INFOW = 0x2005

/** Connections are acknowledged only when accepted. @category constants @since 0.1.0 */
export const SO_CONDITIONAL_ACCEPT = 0x3002

/** Local and remote address, type and protocol in one answer. @category constants @since 0.1.0 */
export const SO_BSP_STATE = 0x1009

/** The listener accepts nothing for now. @category constants @since 0.1.0 */
export const SO_PAUSE_ACCEPT = 0x3003

/** The network compartment. @category constants @since 0.1.0 */
export const SO_COMPARTMENT_ID = 0x3004

/** Ephemeral ports are chosen at random. @category constants @since 0.1.0 */
export const SO_RANDOMIZE_PORT = 0x3005

/** Local ports are allocated by full address pair. @category constants @since 0.1.0 */
export const SO_PORT_SCALABILITY = 0x3006

/** Ephemeral ports are shared between destinations. @category constants @since 0.1.0 */
export const SO_REUSE_UNICASTPORT = 0x3007

/** The port is shared for multicast only. @category constants @since 0.1.0 */
export const SO_REUSE_MULTICASTPORT = 0x3008

/** After AcceptEx: the listener whose properties are taken over. @category constants @since 0.1.0 */
export const SO_UPDATE_ACCEPT_CONTEXT = 0x700b

/** Seconds since the connection was made; 0xffffffff without one. @category constants @since 0.1.0 */
export const SO_CONNECT_TIME = 0x700c

/** After ConnectEx: the socket becomes an ordinary connected one. @category constants @since 0.1.0 */
export const SO_UPDATE_CONNECT_CONTEXT = 0x7010

/** IP options of sent packets. @category constants @since 0.1.0 */
export const IP_OPTIONS = 1

/** The program supplies the IP header. @category constants @since 0.1.0 */
export const IP_HDRINCL = 2

/**
 * The type of service of sent packets; do not use. Also the type of the control message.
 *
 * @category constants
 * @since 0.1.0
 */
export const IP_TOS = 3

/** The time to live of sent packets. Also the type of the control message. @category constants @since 0.1.0 */
export const IP_TTL = 4

/** The interface for sent multicasts. @category constants @since 0.1.0 */
export const IP_MULTICAST_IF = 9

/** The time to live of sent multicasts. @category constants @since 0.1.0 */
export const IP_MULTICAST_TTL = 10

/** Whether this socket receives this machine's multicasts. @category constants @since 0.1.0 */
export const IP_MULTICAST_LOOP = 11

/** Joins a group. @category constants @since 0.1.0 */
export const IP_ADD_MEMBERSHIP = 12

/** Leaves a group. @category constants @since 0.1.0 */
export const IP_DROP_MEMBERSHIP = 13

/** Sent packets are not fragmented. @category constants @since 0.1.0 */
export const IP_DONTFRAGMENT = 14

/** Joins a group for one source. @category constants @since 0.1.0 */
export const IP_ADD_SOURCE_MEMBERSHIP = 15

/** Leaves a group for one source. @category constants @since 0.1.0 */
export const IP_DROP_SOURCE_MEMBERSHIP = 16

/** Blocks a source of a joined group. @category constants @since 0.1.0 */
export const IP_BLOCK_SOURCE = 17

/** Unblocks a source of a joined group. @category constants @since 0.1.0 */
export const IP_UNBLOCK_SOURCE = 18

/** Received datagrams carry their packet info. @category constants @since 0.1.0 */
export const IP_PKTINFO = 19

/** Received datagrams carry their time to live. @category constants @since 0.1.0 */
export const IP_RECVTTL = 21

/** Received datagrams carry their interface. @category constants @since 0.1.0 */
export const IP_RECVIF = 24

/** Received datagrams carry their destination address. @category constants @since 0.1.0 */
export const IP_RECVDSTADDR = 25

/** Datagrams are received from listed interfaces only. @category constants @since 0.1.0 */
export const IP_IFLIST = 28

/** Adds an interface to the list. @category constants @since 0.1.0 */
export const IP_ADD_IFLIST = 29

/** Removes an interface from the list. @category constants @since 0.1.0 */
export const IP_DEL_IFLIST = 30

/** The interface for sent packets: its index in network byte order. @category constants @since 0.1.0 */
export const IP_UNICAST_IF = 31

/** The listed interfaces; `WSAEINVAL` until `IP_IFLIST` is on. @category constants @since 0.1.0 */
export const IP_GET_IFLIST = 33

/** Received datagrams carry their type of service. @category constants @since 0.1.0 */
export const IP_RECVTOS = 40

/**
 * Received datagrams carry the interface they first arrived at; also at level `IPPROTO_IPV6`.
 *
 * @category constants
 * @since 0.1.0
 */
export const IP_ORIGINAL_ARRIVAL_IF = 47

/** Received datagrams carry their ECN codepoint. @category constants @since 0.1.0 */
export const IP_RECVECN = 50

/** Received datagrams carry their packet info and scope. @category constants @since 0.1.0 */
export const IP_PKTINFO_EX = 51

/** The redirect records of a proxied connection. @category constants @since 0.1.0 */
export const IP_WFP_REDIRECT_RECORDS = 60

/** The redirect context of a proxied connection. @category constants @since 0.1.0 */
export const IP_WFP_REDIRECT_CONTEXT = 70

/** The mode of path MTU discovery; 0 is refused. @category constants @since 0.1.0 */
export const IP_MTU_DISCOVER = 71

/** The path MTU of a connected socket. @category constants @since 0.1.0 */
export const IP_MTU = 73

/** ICMP errors are queued for `MSG_ERRQUEUE`. @category constants @since 0.1.0 */
export const IP_RECVERR = 75

/** An upper bound for the path MTU. @category constants @since 0.1.0 */
export const IP_USER_MTU = 76

/** Joins a group; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_JOIN_GROUP = 41

/** Leaves a group; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_LEAVE_GROUP = 42

/** Blocks a source; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_BLOCK_SOURCE = 43

/** Unblocks a source; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_UNBLOCK_SOURCE = 44

/** Joins a group for one source; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_JOIN_SOURCE_GROUP = 45

/** Leaves a group for one source; also at level `IPPROTO_IPV6`. @category constants @since 0.1.0 */
export const MCAST_LEAVE_SOURCE_GROUP = 46

/** The program supplies the IPv6 header. @category constants @since 0.1.0 */
export const IPV6_HDRINCL = 2

/** The hop limit of sent packets. @category constants @since 0.1.0 */
export const IPV6_UNICAST_HOPS = 4

/** The interface for sent multicasts, by index. @category constants @since 0.1.0 */
export const IPV6_MULTICAST_IF = 9

/** The hop limit of sent multicasts. @category constants @since 0.1.0 */
export const IPV6_MULTICAST_HOPS = 10

/** Whether this socket receives this machine's multicasts. @category constants @since 0.1.0 */
export const IPV6_MULTICAST_LOOP = 11

/** Joins a group. @category constants @since 0.1.0 */
export const IPV6_ADD_MEMBERSHIP = 12

/** Leaves a group. @category constants @since 0.1.0 */
export const IPV6_DROP_MEMBERSHIP = 13

/** Sent packets are not fragmented. @category constants @since 0.1.0 */
export const IPV6_DONTFRAG = 14

/** Received datagrams carry their packet info. @category constants @since 0.1.0 */
export const IPV6_PKTINFO = 19

/** Received datagrams carry their hop limit. @category constants @since 0.1.0 */
export const IPV6_HOPLIMIT = 21

/** From whom packets are accepted. @category constants @since 0.1.0 */
export const IPV6_PROTECTION_LEVEL = 23

/** Received datagrams carry their interface. @category constants @since 0.1.0 */
export const IPV6_RECVIF = 24

/** Received datagrams carry their destination address. @category constants @since 0.1.0 */
export const IPV6_RECVDSTADDR = 25

/** Where the checksum of raw packets is. @category constants @since 0.1.0 */
export const IPV6_CHECKSUM = 26

/** No IPv4-mapped addresses: on by default, fixed by bind. @category constants @since 0.1.0 */
export const IPV6_V6ONLY = 27

/** Datagrams are received from listed interfaces only. @category constants @since 0.1.0 */
export const IPV6_IFLIST = 28

/** Adds an interface to the list. @category constants @since 0.1.0 */
export const IPV6_ADD_IFLIST = 29

/** Removes an interface from the list. @category constants @since 0.1.0 */
export const IPV6_DEL_IFLIST = 30

/** The interface for sent packets: its index in host byte order. @category constants @since 0.1.0 */
export const IPV6_UNICAST_IF = 31

/** The listed interfaces. @category constants @since 0.1.0 */
export const IPV6_GET_IFLIST = 33

/** Received datagrams carry their routing header. @category constants @since 0.1.0 */
export const IPV6_RECVRTHDR = 38

/** Received datagrams carry their traffic class. @category constants @since 0.1.0 */
export const IPV6_RECVTCLASS = 40

/** Received datagrams carry their ECN codepoint. @category constants @since 0.1.0 */
export const IPV6_RECVECN = 50

/** Received datagrams carry their packet info and scope. @category constants @since 0.1.0 */
export const IPV6_PKTINFO_EX = 51

/** The redirect records of a proxied connection. @category constants @since 0.1.0 */
export const IPV6_WFP_REDIRECT_RECORDS = 60

/** The redirect context of a proxied connection. @category constants @since 0.1.0 */
export const IPV6_WFP_REDIRECT_CONTEXT = 70

/** The mode of path MTU discovery; 0 is refused. @category constants @since 0.1.0 */
export const IPV6_MTU_DISCOVER = 71

/** The path MTU of a connected socket (not IPv4's number). @category constants @since 0.1.0 */
export const IPV6_MTU = 72

/** ICMP errors are queued for `MSG_ERRQUEUE`. @category constants @since 0.1.0 */
export const IPV6_RECVERR = 75

/** An upper bound for the path MTU. @category constants @since 0.1.0 */
export const IPV6_USER_MTU = 76

/** Datagrams are sent with checksum 0. @category constants @since 0.1.0 */
export const UDP_NOCHECKSUM = 1

/** How much of a datagram the checksum covers. @category constants @since 0.1.0 */
export const UDP_CHECKSUM_COVERAGE = 20

/**
 * A send is cut into datagrams of this size; 0 is off. Also the type of the control message.
 *
 * @category constants
 * @since 0.1.0
 */
export const UDP_SEND_MSG_SIZE = 2

/** Received datagrams are joined up to this size; 0 is off. @category constants @since 0.1.0 */
export const UDP_RECV_MAX_COALESCED_SIZE = 3

/** Small segments are sent at once. @category constants @since 0.1.0 */
export const TCP_NODELAY = 1

/** Urgent data as RFC 1122 says. @category constants @since 0.1.0 */
export const TCP_EXPEDITED_1122 = 2

/** Idle time before the first keep-alive probe. @category constants @since 0.1.0 */
export const TCP_KEEPIDLE = 3

/** The largest segment. @category constants @since 0.1.0 */
export const TCP_MAXSEG = 4

/** How long data is retransmitted; -1 for ever. @category constants @since 0.1.0 */
export const TCP_MAXRT = 5

/** Time stamps as RFC 1323 says. @category constants @since 0.1.0 */
export const TCP_TIMESTAMPS = 10

/** How long data is retransmitted. @category constants @since 0.1.0 */
export const TCP_MAXRTMS = 14

/** Data may travel with the SYN. @category constants @since 0.1.0 */
export const TCP_FASTOPEN = 15

/** How many keep-alive probes are sent. @category constants @since 0.1.0 */
export const TCP_KEEPCNT = 16

/** Time between keep-alive probes. @category constants @since 0.1.0 */
export const TCP_KEEPINTVL = 17

// --- constants that are control message types, or second names ---

/**
 * The type of the time-to-live control message up to Windows 10 1607: the number of `IP_RECVTTL`.
 *
 * @category constants
 * @since 0.1.0
 */
export const IP_HOPLIMIT = 21

/** The type of the type-of-service control message up to Windows 10 1607. @category constants @since 0.1.0 */
export const IP_TCLASS = 39

/** The type of the ECN control message: the number of `IP_RECVECN`. @category constants @since 0.1.0 */
export const IP_ECN = 50

/** The type of the hop-by-hop options control message. @category constants @since 0.1.0 */
export const IPV6_HOPOPTS = 1

/** The type of the routing header control message. @category constants @since 0.1.0 */
export const IPV6_RTHDR = 32

/** The type of the traffic class control message. @category constants @since 0.1.0 */
export const IPV6_TCLASS = 39

/** The type of the ECN control message: the number of `IPV6_RECVECN`. @category constants @since 0.1.0 */
export const IPV6_ECN = 50

/** The type of the coalesced datagrams' control message. @category constants @since 0.1.0 */
export const UDP_COALESCED_INFO = 3

/** The type of the time stamp control message. @category constants @since 0.1.0 */
export const SO_TIMESTAMP = 0x300a

/** The type of the time stamp id control message. @category constants @since 0.1.0 */
export const SO_TIMESTAMP_ID = 0x300b

/** In `ws2def.h` since Windows 11 24H2; undocumented. @category constants @since 0.1.0 */
export const SO_RECEIVED_HOPLIMIT = 0x3010

/** In `ws2def.h` since Windows 11 24H2; undocumented. @category constants @since 0.1.0 */
export const SO_RECEIVED_PROCESSOR = 0x3011
