// Where a layer is known not to be as Windows.
import type { Divergence, Expectation } from "./model.ts"

/**
 * What the simulation does not have, by row, and what no probe can bring about on any layer. The functions answer what Windows answers where a thing is not
 * supported; none of it is pretended.
 */
export const omissions: { readonly [id: string]: string } = {
  "fact 59": "sockets cannot be shared between processes"
}

const on8 = (id: string, wine: Expectation, why: string): Divergence => ({ id, wine, versions: ["8.0"], why })

/** Sequences of the options of groups, and what the last of them answers under Wine. */
const groupCodes = (
  [
    ["ADD", "ADD", "WSAEADDRINUSE"],
    ["ADD", "ADD_SOURCE", "ok"],
    ["ADD_SOURCE", "ADD", "WSAEADDRINUSE"],
    ["ADD_SOURCE", "ADD_SOURCE", "WSAEINVAL"],
    ["ADD_SOURCE DROP_SOURCE", "DROP_SOURCE", "WSAEINVAL"],
    ["ADD BLOCK_SOURCE", "BLOCK_SOURCE", "WSAEINVAL"],
    ["ADD BLOCK_SOURCE", "ADD", "WSAEADDRINUSE"],
    ["ADD BLOCK_SOURCE UNBLOCK_SOURCE", "UNBLOCK_SOURCE", "WSAEINVAL"]
  ] as const
).map(([before, act, last]) => {
  const wine = { before: before.replaceAll(/\w+/g, "ok"), last }
  return on8(`§1.9 groups ${before} ${act}`, wine, "Linux has other codes, and lets all sources become one")
})

const absent = (option: string): Divergence =>
  on8(`§1.2 ${option}`, { getsockopt: "WSAENOPROTOOPT" }, `Wine has no ${option}`)

/** What Wine does instead of what Windows does. Each was observed under the versions that it names. */
export const divergences: ReadonlyArray<Divergence> = [
  // raw sockets
  on8(
    "raw protocols",
    { ICMP: "ok", ICMPv6: "WSAEPROTONOSUPPORT", "300": "WSAEPROTONOSUPPORT" },
    "Wine has raw sockets of a few protocols only, and none of ICMPv6"
  ),
  on8(
    "raw unbound",
    { WSARecvFrom: "WSAEWOULDBLOCK", WSARecvMsg: "WSAEWOULDBLOCK" },
    "Wine has a raw socket wait for packets that is not bound"
  ),
  on8("raw options", { IP_HDRINCL: "ok", IP_RECVERR: "WSAENOPROTOOPT" }, "Wine has no IP_RECVERR"),
  // receiving
  on8(
    "fact 3",
    { call: "WSAEMSGSIZE", bytes: "untouched", flags: "MSG_CTRUNC" },
    "Wine writes the byte count of a call that is not overlapped only when the call succeeds"
  ),
  on8(
    "§1.9 truncated data",
    { call: "WSAEMSGSIZE", text: "Hel", flags: "none", next: "second" },
    "Wine does not set MSG_TRUNC"
  ),
  on8(
    "§1.9 truncated both",
    { call: "WSAEMSGSIZE", text: "Hel", flags: "MSG_CTRUNC", next: "second" },
    "Wine does not set MSG_TRUNC"
  ),
  on8(
    "P3",
    { "not overlapped": "WSAEWOULDBLOCK", overlapped: "WSA_IO_PENDING" },
    "Wine lets an unbound socket receive"
  ),
  on8(
    "P21 control",
    { messages: "IPV6_PKTINFO, IP_PKTINFO" },
    "Wine adds the IPv6 packet info, with a v4-mapped address, as Linux gives it"
  ),
  on8("P31 multicast", { text: "Hello!", flags: "none" }, "Wine does not set MSG_MCAST"),
  on8(
    "WSARecvMsg WSAEFAULT",
    { name: "WSAEWOULDBLOCK", control: "WSAEWOULDBLOCK", "without both": "WSAEWOULDBLOCK" },
    "Wine finds out about bad pointers when there is a datagram"
  ),
  on8(
    "WSARecvMsg WSAEOPNOTSUPP",
    { call: "WSAEWOULDBLOCK" },
    "Wine does not look at what kind of socket WSARecvMsg is called on"
  ),
  // interfaces
  on8("§1.4 SIO_GET_INTERFACE_LIST IPv6", { call: "ok" }, "Wine lists the IPv4 interfaces on an IPv6 socket, too"),
  on8(
    "§1.4 SIO_ROUTING_INTERFACE_QUERY",
    { call: "ok", address: "another" },
    "Wine tells the address of the default route, also of loopback"
  ),
  on8("§1.4 SIO_ROUTING_INTERFACE_QUERY IPv6", { call: "WSAEAFNOSUPPORT" }, "Wine knows no routes of IPv6"),
  on8(
    "§1.4 SIO_ADDRESS_LIST_CHANGE",
    {
      "not overlapped": "WSAEWOULDBLOCK",
      call: "WSA_IO_PENDING",
      status: "STATUS_SUCCESS",
      packets: "A STATUS_CANCELLED 0"
    },
    "Wine leaves the OVERLAPPED of this one alone while it pends"
  ),
  on8(
    "§1.4 SIO_ROUTING_INTERFACE_CHANGE",
    {
      "not overlapped": "WSAEOPNOTSUPP",
      call: "WSA_IO_PENDING",
      status: "STATUS_NOT_SUPPORTED",
      packets: "A STATUS_NOT_SUPPORTED 0"
    },
    "Wine has no SIO_ROUTING_INTERFACE_CHANGE"
  ),
  // sending
  on8(
    "fact 19",
    { call: "WSAEFAULT", after: "WSAEINVAL" },
    "Wine checks its arguments before it binds (todo in its tests)"
  ),
  on8("fact 22", { call: "WSAECONNRESET" }, "Wine sends on a stream socket (todo in its tests); Linux says EPIPE"),
  on8("fact 24", { sent: "not all" }, "Linux reports the port unreachable to the next send"),
  on8(
    "fact 25",
    { IPv4: "WSAEINVAL", IPv6: "WSAEINVAL" },
    "Linux refuses port 0; newer versions of Wine do not ask it"
  ),
  on8(
    "fact 26",
    { call: "succeeds", written: "something", next: "nothing" },
    "Wine does not look at the room for the address (todo in its tests)"
  ),
  on8("fact 27 unbound", { call: "WSAEWOULDBLOCK" }, "Wine lets an unbound socket receive (todo in its tests)"),
  on8("fact 27 unconnected", { call: "WSAEINVAL" }, "Wine has no code of its own for Linux' EDESTADDRREQ"),
  on8(
    "fact 28",
    { first: "ok", second: "ok", disconnect: "ok", send: "WSAEINVAL" },
    "the send of an unconnected socket, as in fact 27"
  ),
  on8("P18 control", { call: "ok" }, "Wine ignores the control data of a send"),
  on8("P18 name", { call: "WSAEINVAL" }, "Wine takes no name with a length for no destination, as in fact 27"),
  on8("P20 source", { call: "ok", received: "ok", source: "127.0.0.1" }, "Wine ignores the control data of a send"),
  on8("P25 CE", { call: "ok", received: "ok", source: "127.0.0.1" }, "Wine ignores the control data of a send"),
  on8("§1.9 ECN", { "receive option": "WSAENOPROTOOPT" }, "Wine has no IP_RECVECN"),
  on8("§1.9 ECN IPv6", { "receive option": "WSAENOPROTOOPT" }, "Wine has no IPV6_RECVECN"),
  on8("§1.9 USO", { option: "WSAEINVAL" }, "Wine has no UDP_SEND_MSG_SIZE"),
  on8("§1.9 USO per send", { call: "ok", received: "250" }, "Wine ignores the control data of a send"),
  // overlapped calls, ports, cancelling
  on8("fact 43 unconnected", { SD_RECEIVE: "ok", SD_SEND: "ok" }, "Wine shuts an unconnected UDP socket down"),
  on8(
    "fact 55",
    { call: "WSAEINVAL", bytes: "untouched", packets: "none" },
    "the send of an unconnected socket, as in fact 27; it queues nothing, as on Windows"
  ),
  on8("§1.9 closed port", { call: "WAIT_TIMEOUT" }, "Wine keeps a port alive while a thread waits in it"),
  on8(
    "fact 68",
    { CancelIoEx: "ok", CancelIo: "ok" },
    "Wine's CancelIoEx(socket, NULL) succeeds with nothing pending; with an OVERLAPPED it says ERROR_NOT_FOUND"
  ),
  on8("P1", { receive: "nothing", result: "ok" }, "Wine never reports a port unreachable to an unconnected socket"),
  on8(
    "P1 at once",
    { receive: "nothing", next: "WSAEWOULDBLOCK" },
    "Wine never reports a port unreachable to an unconnected socket"
  ),
  on8(
    "fact 5",
    {
      call: "WSAEMSGSIZE",
      SleepEx: "WAIT_IO_COMPLETION",
      runs: "WSAEMSGSIZE 6 flags 0",
      flags: "MSG_CTRUNC"
    },
    "Wine answers a truncated receive at once, and completes it all the same"
  ),
  // options
  on8("fact 81 foreign", { call: "ok" }, "Wine binds to an address that no interface has"),
  ...["IP_ECN", "IP_RECVIF", "IP_RECVDSTADDR", "IP_ORIGINAL_ARRIVAL_IF", "IP_PKTINFO_EX", "IP_RECVERR"].map(absent),
  ...["IPV6_ECN", "IPV6_RECVIF", "IPV6_RECVDSTADDR", "IPV6_ORIGINAL_ARRIVAL_IF", "IPV6_PKTINFO_EX"].map(absent),
  ...["IPV6_RECVERR", "IP_MTU", "IPV6_MTU"].map(absent),
  on8(
    "§1.2 illegal",
    {
      IP_HDRINCL: "WSAEINVAL",
      IP_GET_IFLIST: "WSAENOPROTOOPT",
      IP_ADD_MEMBERSHIP: "WSAENOPROTOOPT",
      IP_DROP_MEMBERSHIP: "WSAENOPROTOOPT",
      "-1": "WSAENOPROTOOPT"
    },
    "Wine has no IP_GET_IFLIST"
  ),
  on8(
    "§1.2 IP_MTU_DISCOVER",
    { getsockopt: "WSAENOPROTOOPT", "set 0": "WSAENOPROTOOPT" },
    "Wine has no IP_MTU_DISCOVER"
  ),
  on8("§1.2 UDP_SEND_MSG_SIZE", { getsockopt: "WSAEINVAL" }, "Wine has no options of the level IPPROTO_UDP"),
  on8(
    "§1.2 UDP_RECV_MAX_COALESCED_SIZE",
    { getsockopt: "WSAEINVAL", set: "WSAEINVAL" },
    "Wine has no options of the level IPPROTO_UDP"
  ),
  on8("P2", { call: "WSAEOPNOTSUPP" }, "Wine has no SIO_UDP_NETRESET"),
  on8("P29", { bytes: 6 }, "Wine tells the first datagram's size, as Linux does"),
  on8("§1.4 SIO_TIMESTAMPING", { call: "WSAEOPNOTSUPP" }, "Wine has no SIO_TIMESTAMPING"),
  // streams: connecting
  on8(
    "§1.9 connect bad",
    {
      listener: "WSAEINVAL",
      wildcard: "WSAEWOULDBLOCK",
      "port 0": "WSAEWOULDBLOCK",
      short: "WSAEADDRNOTAVAIL",
      family: "WSAEOPNOTSUPP"
    },
    "Linux connects to the wildcard and tries port 0; Wine has codes of its own for bad names"
  ),
  on8(
    "§1.12 refused RTO",
    { ioctl: "WSAEOPNOTSUPP", status: "STATUS_CONNECTION_REFUSED", when: "at once" },
    "Wine has no SIO_TCP_INITIAL_RTO; Linux refuses at once"
  ),
  on8(
    "§1.9 refused again",
    { first: "STATUS_CONNECTION_REFUSED", second: "WSAECONNABORTED" },
    "Linux tells the refusal once more, as ECONNABORTED, to the next connect"
  ),
  on8(
    "P4",
    {
      "getpeername before": "connected",
      "shutdown before": "ok",
      "send before": "ok",
      update: "ok",
      "getpeername after": "connected",
      "shutdown after": "ok"
    },
    "Wine's sockets need no SO_UPDATE_CONNECT_CONTEXT"
  ),
  // streams: accepting
  on8(
    "§1.9 listen",
    {
      unbound: "WSAEINVAL",
      datagram: "WSAEOPNOTSUPP",
      connected: "WSAEINVAL",
      twice: "ok",
      "no socket": "WSAENOTSOCK"
    },
    "Linux says EINVAL of a socket that is connected"
  ),
  on8(
    "§1.9 backlog",
    { connected: "some", refused: "none" },
    "Linux leaves SYNs without an answer when the queue is full: the client goes on trying"
  ),
  on8(
    "fact 69",
    {
      "not listening": "WSA_IO_PENDING",
      INVALID_SOCKET: "WSAENOTSOCK",
      "no buffer": "WSAEINVAL",
      "no OVERLAPPED": "WSA_INVALID_PARAMETER",
      "remote length 0": "WSAEFAULT"
    },
    "Wine 8 does not look whether the socket listens, and has another code for a missing buffer"
  ),
  on8(
    "fact 69 Internal",
    { call: "WSA_IO_PENDING", internal: "STATUS_PENDING", packets: "none" },
    "Wine 8 does not look whether the socket listens"
  ),
  on8(
    "fact 70",
    { status: "STATUS_SUCCESS", local: "127.0.0.1, length 16", remote: "127.0.0.1, length 16" },
    "Wine tells the local address though there is no room for it"
  ),
  on8(
    "fact 70 short",
    { status: "STATUS_BUFFER_TOO_SMALL", accept: "nothing" },
    "Wine has taken the connection from the queue, and loses it"
  ),
  on8(
    "fact 71",
    { datagram: "WSA_IO_PENDING", bound: "WSA_IO_PENDING", connected: "WSA_IO_PENDING", "waited for": "WSAEINVAL" },
    "Wine 8 does not look at the accepting socket"
  ),
  on8(
    "fact 74",
    { before: "127.0.0.1, a port", update: "ok", after: "127.0.0.1, a port", peer: "connected" },
    "Wine's sockets need no SO_UPDATE_ACCEPT_CONTEXT"
  ),
  on8(
    "fact 74 before",
    { send: "ok", received: "Hello!", shutdown: "ok", peer: "connected" },
    "Wine's sockets need no SO_UPDATE_ACCEPT_CONTEXT"
  ),
  // streams: sending and receiving
  on8(
    "WSASend WSAENOTCONN",
    {
      fresh: "WSAECONNRESET",
      bound: "WSAECONNRESET",
      listener: "WSAECONNRESET",
      overlapped: "WSAECONNRESET"
    },
    "Linux says EPIPE, as after a reset"
  ),
  on8("WSASend MSG_PARTIAL", { XP1_PARTIAL_MESSAGE: "no", call: "ok" }, "Wine ignores MSG_PARTIAL of a send"),
  on8("WSASend MSG_PARTIAL datagram", { call: "ok" }, "Wine ignores MSG_PARTIAL of a send"),
  on8("fact 31", { NULL: "WSAEWOULDBLOCK", "count 0": "WSAEWOULDBLOCK" }, "Wine lets a receive have no buffer"),
  on8(
    "fact 41 next",
    { receive: "ok", send: "WSAECONNRESET", "receive again": "ok" },
    "Linux tells a reset once; after that the stream has ended"
  ),
  on8(
    "§1.9 MSG_WAITALL",
    { call: "WSA_IO_PENDING", half: "STATUS_SUCCESS", status: "STATUS_SUCCESS", bytes: 3, text: "Hel" },
    "Wine completes an overlapped receive with what has come, MSG_WAITALL or not"
  ),
  // streams: cancelling and closing
  on8(
    "§1.12 cancel all",
    { call: "ok", A: "STATUS_CANCELLED", B: "STATUS_PENDING" },
    "Wine cancels the receive that is named, and no other"
  ),
  on8(
    "fact 68 stream",
    { CancelIoEx: "ok", CancelIo: "ok", received: "Hello!" },
    "Wine's CancelIoEx(socket, NULL) succeeds with nothing pending, as in fact 68"
  ),
  on8(
    "fact 55 stream",
    { reset: "ok", unconnected: "WSAENOTCONN", packets: "A STATUS_SUCCESS 0" },
    "Linux tells a reset once, as in fact 41"
  ),
  on8(
    "fact 77 reserved",
    { reserved: "ok", flag: "ok" },
    "Wine ignores dwReserved and the flags of DisconnectEx that it does not know"
  ),
  on8(
    "fact 77 reuse",
    { call: "WSA_IO_PENDING", status: "STATUS_SUCCESS", again: "WSAEISCONN" },
    "Wine takes TF_REUSE_SOCKET, but shuts down only"
  ),
  on8(
    "fact 60",
    { close: "ok", packets: "A STATUS_HANDLES_CLOSED 0", result: "WSAEINVAL" },
    "Wine has one status for all receives whose socket is closed"
  ),
  on8(
    "fact 60 stream CloseHandle",
    { call: "ok", packets: "A STATUS_HANDLES_CLOSED 0" },
    "Wine has one status for all receives whose socket is closed"
  ),
  on8("P33", { close: "ok", after: "WSAENOTSOCK" }, "Wine waits, as Linux does, and closes the socket"),
  // TransmitFile
  on8("fact 78 too many", { call: "WSA_IO_PENDING" }, "Wine does not look at the number of bytes"),
  on8(
    "fact 78 bad",
    { offset: "WSA_IO_PENDING", flags: "WSA_IO_PENDING" },
    "Wine looks at neither the offset nor the flags"
  ),
  on8(
    "fact 78 TF_DISCONNECT",
    { call: "WSA_IO_PENDING", packets: "A STATUS_SUCCESS 16", received: "0123456789abcdef", send: "ok" },
    "Wine ignores TF_DISCONNECT"
  ),
  on8("fact 78 reset", { call: "WSAENOTCONN" }, "after a reset a Linux socket is not connected any more"),
  // options and ioctls of streams
  on8(
    "§1.2 stream IPv4",
    {
      IP_PKTINFO: "WSAEINVAL",
      IP_RECVTTL: "WSAEINVAL",
      IP_RECVTOS: "WSAEINVAL",
      IP_ECN: "WSAENOPROTOOPT",
      IP_RECVIF: "WSAENOPROTOOPT",
      IP_RECVDSTADDR: "WSAENOPROTOOPT",
      IP_ORIGINAL_ARRIVAL_IF: "WSAENOPROTOOPT",
      IP_PKTINFO_EX: "WSAENOPROTOOPT",
      IP_RECVERR: "WSAENOPROTOOPT",
      IP_MULTICAST_IF: "WSAEINVAL",
      IP_MULTICAST_TTL: "WSAEINVAL",
      IP_MULTICAST_LOOP: "WSAEINVAL"
    },
    "Wine does not have these options, of no kind of socket"
  ),
  on8(
    "§1.2 stream IPv6",
    {
      IPV6_PKTINFO: "WSAEINVAL",
      IPV6_HOPLIMIT: "WSAEINVAL",
      IPV6_RECVTCLASS: "WSAEINVAL",
      IPV6_ECN: "WSAENOPROTOOPT",
      IPV6_RECVIF: "WSAENOPROTOOPT",
      IPV6_RECVDSTADDR: "WSAENOPROTOOPT",
      IPV6_PKTINFO_EX: "WSAENOPROTOOPT",
      IPV6_RECVERR: "WSAENOPROTOOPT",
      IPV6_MULTICAST_IF: "WSAEINVAL",
      IPV6_MULTICAST_HOPS: "WSAEINVAL",
      IPV6_MULTICAST_LOOP: "WSAEINVAL"
    },
    "Wine does not have these options, of no kind of socket"
  ),
  on8(
    "§1.2 TCP_KEEPIDLE",
    {
      TCP_KEEPIDLE: "WSAENOPROTOOPT, WSAENOPROTOOPT",
      TCP_KEEPINTVL: "WSAENOPROTOOPT, WSAENOPROTOOPT",
      TCP_KEEPCNT: "WSAENOPROTOOPT, WSAENOPROTOOPT"
    },
    "Wine 8 has keep-alive values through SIO_KEEPALIVE_VALS only"
  ),
  on8(
    "§1.2 SO_REUSE_UNICASTPORT",
    { set: "ok", value: "WSAENOPROTOOPT" },
    "Wine takes SO_REUSE_UNICASTPORT and forgets it"
  ),
  on8(
    "§1.2 SO_CONDITIONAL_ACCEPT",
    { before: "WSAENOPROTOOPT", after: "WSAENOPROTOOPT" },
    "Wine has no SO_CONDITIONAL_ACCEPT"
  ),
  on8("§1.9 SO_BROADCAST stream", { set: "ok" }, "Linux has SO_BROADCAST on every socket"),
  on8("§1.4 SIO_TCP_INFO", { call: "WSAEOPNOTSUPP" }, "Wine has no SIO_TCP_INFO"),
  on8("§1.4 SIO_TCP_INITIAL_RTO", { call: "WSAEOPNOTSUPP" }, "Wine has no SIO_TCP_INITIAL_RTO"),
  on8(
    "§1.4 SIOCATMARK",
    { nothing: 1, before: 1, stream: "ab!cd", after: 1 },
    "Wine 8 always says that there is no urgent byte before the reader"
  ),
  // options by the type of socket
  on8(
    "§1.2 IPv6 on IPv4",
    { IPV6_UNICAST_HOPS: "WSAEOPNOTSUPP", IPV6_V6ONLY: "WSAEOPNOTSUPP" },
    "Linux, under Wine, has another code for it"
  ),
  on8("§1.2 other protocol", { TCP_NODELAY: "WSAEOPNOTSUPP" }, "Linux, under Wine, has another code for it"),
  on8(
    "§1.2 BSD",
    { SO_SNDLOWAT: "WSAENOPROTOOPT", SO_RCVLOWAT: "WSAENOPROTOOPT", SO_USELOOPBACK: "WSAENOPROTOOPT" },
    "Wine answers as Windows did before Vista"
  ),
  on8(
    "§1.2 TCP options",
    {
      TCP_EXPEDITED_1122: "WSAENOPROTOOPT",
      TCP_KEEPCNT: "WSAENOPROTOOPT",
      TCP_MAXRT: "WSAENOPROTOOPT",
      TCP_TIMESTAMPS: "WSAENOPROTOOPT",
      TCP_FASTOPEN: "WSAENOPROTOOPT"
    },
    "Wine has only TCP_NODELAY"
  ),
  on8("§1.2 IP_IFLIST", { before: "WSAENOPROTOOPT", on: "WSAENOPROTOOPT" }, "Wine has no IP_IFLIST"),
  on8("§1.2 IP_UNICAST_IF", { set: "ok", told: 0x0100_0000 }, "Wine tells what was set"),
  // AF_UNIX
  on8("P32 AF_UNIX", { stream: "WSAEAFNOSUPPORT" }, "Wine 8 has no AF_UNIX"),
  // multicast groups: Linux' codes, and what Linux does on its loopback interface
  ...groupCodes,
  on8(
    "§1.9 IP_MULTICAST_LOOP",
    { "off at the receiver": "group", "off at the sender": "group" },
    "the option is the sender's on Linux, whose loopback interface gives back what is sent all the same"
  ),
  on8(
    "WSARecvMsg routine not overlapped",
    { call: "ok", bytes: 6, SleepEx: "WAIT_IO_COMPLETION", runs: "ok 6 flags 0" },
    "Wine does not ignore the routine"
  ),
  on8(
    "WSASend routine not overlapped",
    { call: "ok", bytes: 6, SleepEx: "WAIT_IO_COMPLETION", runs: "ok 6 flags 0" },
    "Wine does not ignore the routine"
  ),
  on8("§1.9 IP_MULTICAST_IF index", { set: "WSAEINVAL" }, "Wine takes addresses of IPv4 interfaces only"),
  on8(
    "§1.9 ip_mreq_source",
    { received: "nothing" },
    "Wine gives the structure to Linux as it is, which has another order"
  ),
  on8("§1.2 MCAST_JOIN_GROUP", { call: "WSAENOPROTOOPT" }, "Wine has no MCAST_JOIN_GROUP"),
  on8(
    "§1.4 SIO_GET_TX_TIMESTAMP",
    { without: "WSAEOPNOTSUPP", configured: "WSAEOPNOTSUPP", unknown: "WSAEOPNOTSUPP", sent: "no" },
    "Wine has no timestamps"
  ),
  // names
  on8("N4", { outcome: "ok" }, "Wine does not look at the members of the hints that are not for hints"),
  on8("N5", { outcome: "ok" }, "Wine leaves out the flags that it does not know"),
  on8("N8", { outcome: "ok" }, "Wine does not look at the namespace"),
  on8(
    "N13",
    { call: "WSA_IO_PENDING", cancel: "WSA_INVALID_HANDLE", outcome: "ok" },
    "Wine gives out no handle of a lookup and cancels none: the lookup goes on to its end"
  ),
  on8("N20", { call: "no host no service" }, "Wine tells nothing, successfully"),
  on8("N21", { call: "no host http" }, "Wine takes a buffer of no characters for none"),
  on8("N22", { call: "WSAEAFNOSUPPORT" }, "Wine has the code for a family here")
]

/**
 * What only the comparison of whole scenarios shows (test/parity), and no row of the table asks. `arguable` are those for
 * which nothing says what Windows does: the simulation's answer is a choice.
 */
export const parityDivergences: ReadonlyArray<{
  readonly id: string
  readonly why: string
  readonly arguable?: true
}> = [
  {
    id: "parity closed",
    why: "Wine looks at arguments before the socket; ws2_32 finds the provider, which knows lengths and options, by the socket"
  },
  { id: "parity families", why: "Linux, under Wine, has other codes for a family that is not the socket's" },
  {
    id: "parity listen",
    why: "Wine looks whether a datagram socket is bound first; the page has WSAEOPNOTSUPP for its type, bound or not"
  },
  { id: "parity peek", why: "Wine leaves MSG_PEEK in the flags that a receive tells", arguable: true },
  {
    id: "parity aborted",
    why: "bytes after SD_RECEIVE reset the connection, as the page of shutdown says; Linux throws them away"
  },
  { id: "parity oversized", why: "Wine queues a packet for an overlapped send that it refuses with WSAEMSGSIZE" },
  { id: "parity short name", why: "Wine looks at the name and at its length in another order", arguable: true },
  { id: "parity result", why: "Wine writes the flags of a result that is a failure (fact 4: they are left alone)" },
  { id: "parity lengths", why: "Wine looks at lengths before the option, and takes lengths that Windows does not" },
  { id: "parity kinds of socket", why: "Linux has the options of SOL_SOCKET on all kinds of sockets" },
  { id: "parity read-only", why: "Wine has WSAENOPROTOOPT, or success, for writing an option that is only read" },
  { id: "parity values", why: "Linux takes other values of these options", arguable: true },
  { id: "parity exclusive", why: "Wine takes SO_EXCLUSIVEADDRUSE of a socket that is bound", arguable: true },
  { id: "parity defaults", why: "the hop limit is 64 on Linux and 128 on Windows, and Linux discovers MTUs" },
  { id: "parity room", why: "Wine tells the room that SO_TYPE was given", arguable: true },
  { id: "parity base handle", why: "Wine writes SIO_BASE_HANDLE where there is no room for it" },
  { id: "parity connreset", why: "Wine takes SIO_UDP_CONNRESET of every socket and in any length" },
  {
    id: "parity port",
    why: "Linux gives the port back when AF_UNSPEC disconnects a socket that chose none, and binds in a send that fails"
  },
  {
    id: "parity receive buffer",
    why: "Linux has a larger receive buffer for datagrams: what the simulation drops behind the largest one still fits"
  },
  { id: "parity send buffer", why: "Linux has room for more than SO_SNDBUF says" }
]
