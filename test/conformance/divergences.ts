// Where a layer is known not to be as Windows.
import type { Divergence, Expectation } from "./model.ts"

/**
 * What the simulation does not have, by row. The functions answer what Windows answers where a thing is not
 * supported; none of it is pretended.
 */
export const omissions: { readonly [id: string]: string } = {
  "fact 22": "stream sockets are not simulated yet",
  "fact 30": "raw sockets are not simulated",
  "fact 38": "a call never blocks in a simulation: it answers at once, and the guard reports it",
  "fact 59": "sockets cannot be shared between processes",
  "P31 multicast": "multicast groups are not simulated",
  "§1.12 blocked": "a call never blocks in a simulation: it answers at once, and the guard reports it",
  "§1.12 blocked close": "a call never blocks in a simulation: it answers at once, and the guard reports it"
}

const on8 = (id: string, wine: Expectation, why: string): Divergence => ({ id, wine, versions: ["8.0"], why })

const absent = (option: string): Divergence =>
  on8(`§1.2 ${option}`, { getsockopt: "WSAENOPROTOOPT" }, `Wine has no ${option}`)

/** What Wine does instead of what Windows does. Each was observed under the versions that it names. */
export const divergences: ReadonlyArray<Divergence> = [
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
