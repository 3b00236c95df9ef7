/**
 * The structures of Winsock 2, as the Windows SDK lays them out.
 *
 * @since 0.1.0
 */
import { bytes, struct, union } from "./Layout.ts"

/**
 * A buffer of a gather or scatter list: `len` bytes at `buf`. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSABUF = struct("WSABUF", { len: "u32", buf: "pointer" })

/**
 * What WSARecvMsg and WSASendMsg work on: address, buffers, control data and flags. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSAMSG = struct("WSAMSG", {
  name: "pointer",
  namelen: "i32",
  lpBuffers: "pointer",
  dwBufferCount: "u32",
  Control: WSABUF,
  dwFlags: "u32"
})

/**
 * The header of one control message. `cmsg_len` is a `SIZE_T` (the documentation's `UINT` is wrong).
 * Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSACMSGHDR = struct("WSACMSGHDR", { cmsg_len: "size", cmsg_level: "i32", cmsg_type: "i32" })

/**
 * The kernel's record of one overlapped operation: `Internal` is its NTSTATUS, `InternalHigh` its byte count.
 * Source: `minwinbase.h` (`WSAOVERLAPPED` is the same structure).
 *
 * @category structures
 * @since 0.1.0
 */
export const OVERLAPPED = struct("OVERLAPPED", {
  Internal: "size",
  InternalHigh: "size",
  Offset: "u32",
  OffsetHigh: "u32",
  hEvent: "pointer"
})

/**
 * One packet of a completion port. Source: `minwinbase.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const OVERLAPPED_ENTRY = struct("OVERLAPPED_ENTRY", {
  lpCompletionKey: "size",
  lpOverlapped: "pointer",
  Internal: "size",
  dwNumberOfBytesTransferred: "u32"
})

/**
 * An IPv4 socket address. `sin_addr` is in network byte order. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_IN = struct("SOCKADDR_IN", {
  sin_family: "u16",
  sin_port: "u16be",
  sin_addr: "u32be",
  sin_zero: bytes(8)
})

/**
 * An IPv6 socket address. `sin6_scope_id` is in host byte order. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_IN6 = struct(
  "SOCKADDR_IN6",
  {
    sin6_family: "u16",
    sin6_port: "u16be",
    sin6_flowinfo: "u32",
    sin6_addr: bytes(16),
    sin6_scope_id: "u32"
  },
  4
)

/**
 * The address of a local socket: a path of UTF-8 bytes, ended by a zero where it is shorter. Source: `afunix.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_UN = struct("SOCKADDR_UN", { sun_family: "u16", sun_path: bytes(108) })

/**
 * Room for any socket address. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_STORAGE = struct("SOCKADDR_STORAGE", {
  ss_family: "u16",
  __ss_pad1: bytes(6),
  __ss_align: bytes(8, 8),
  __ss_pad2: bytes(112)
})

/**
 * An IPv4 or an IPv6 socket address. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_INET = union("SOCKADDR_INET", {
  Ipv4: SOCKADDR_IN,
  Ipv6: SOCKADDR_IN6,
  si_family: "u16"
})

/**
 * The local address and the interface of an IPv4 datagram, on receive its destination. There is no `ipi_spec_dst`.
 * Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const IN_PKTINFO = struct("IN_PKTINFO", { ipi_addr: "u32be", ipi_ifindex: "u32" })

/**
 * The local address and the interface of an IPv6 datagram, on receive its destination. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const IN6_PKTINFO = struct("IN6_PKTINFO", { ipi6_addr: bytes(16), ipi6_ifindex: "u32" })

/**
 * `IN_PKTINFO` and the scope of the address. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const IN_PKTINFO_EX = struct("IN_PKTINFO_EX", { pkt_info: IN_PKTINFO, scope_id: "u32" })

/**
 * `IN6_PKTINFO` and the scope of the address. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const IN6_PKTINFO_EX = struct("IN6_PKTINFO_EX", { pkt_info: IN6_PKTINFO, scope_id: "u32" })

/**
 * An ICMP error, as the error queue tells of it; `info` is the MTU where one is told. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const IN_RECVERR = struct("IN_RECVERR", { protocol: "i32", info: "u32", type: "u8", code: "u8" })

/**
 * What TransmitFile sends before and after the file. Source: `mswsock.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const TRANSMIT_FILE_BUFFERS = struct("TRANSMIT_FILE_BUFFERS", {
  Head: "pointer",
  HeadLength: "u32",
  Tail: "pointer",
  TailLength: "u32"
})

/**
 * A part of what TransmitPackets sends: memory at `pBuffer`, or a file's bytes from `nFileOffset` on (`u` is the union).
 * Source: `mswsock.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const TRANSMIT_PACKETS_ELEMENT = struct("TRANSMIT_PACKETS_ELEMENT", {
  dwElFlags: "u32",
  cLength: "u32",
  u: union("u", {
    file: struct("file", { nFileOffset: bytes(8, 8), hFile: "pointer" }),
    pBuffer: "pointer"
  })
})

/**
 * A GUID; its first three fields are little-endian numbers. Source: `guiddef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const GUID = struct("GUID", { Data1: "u32", Data2: "u16", Data3: "u16", Data4: bytes(8) })

/**
 * The providers that a protocol is layered over. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSAPROTOCOLCHAIN = struct("WSAPROTOCOLCHAIN", { ChainLen: "i32", ChainEntries: bytes(28, 4) })

/**
 * A protocol's catalog entry; `szProtocol` is UTF-16. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSAPROTOCOL_INFOW = struct("WSAPROTOCOL_INFOW", {
  dwServiceFlags1: "u32",
  dwServiceFlags2: "u32",
  dwServiceFlags3: "u32",
  dwServiceFlags4: "u32",
  dwProviderFlags: "u32",
  ProviderId: GUID,
  dwCatalogEntryId: "u32",
  ProtocolChain: WSAPROTOCOLCHAIN,
  iVersion: "i32",
  iAddressFamily: "i32",
  iMaxSockAddr: "i32",
  iMinSockAddr: "i32",
  iSocketType: "i32",
  iProtocol: "i32",
  iProtocolMaxOffset: "i32",
  iNetworkByteOrder: "i32",
  iSecurityScheme: "i32",
  dwMessageSize: "u32",
  dwProviderReserved: "u32",
  szProtocol: bytes(512, 2)
})

/**
 * What WSAStartup tells. The 32-bit structure keeps the order of Winsock 1. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSADATA = struct(
  "WSADATA",
  {
    wVersion: "u16",
    wHighVersion: "u16",
    iMaxSockets: "u16",
    iMaxUdpDg: "u16",
    lpVendorInfo: "pointer",
    szDescription: bytes(257),
    szSystemStatus: bytes(129)
  },
  8,
  {
    ia32: ["wVersion", "wHighVersion", "szDescription", "szSystemStatus", "iMaxSockets", "iMaxUdpDg", "lpVendorInfo"]
  }
)

/**
 * The network events of a socket, and an error code (an `int`) for each of the ten kinds. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSANETWORKEVENTS = struct("WSANETWORKEVENTS", { lNetworkEvents: "i32", iErrorCode: bytes(40, 4) })

/**
 * A socket in WSAPoll's list. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSAPOLLFD = struct("WSAPOLLFD", { fd: "pointer", events: "i16", revents: "i16" })

/**
 * The value of `SO_LINGER`; `l_linger` is in seconds. Source: `winsock2.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const linger = struct("linger", { l_onoff: "u16", l_linger: "u16" })

/**
 * The input of `SIO_KEEPALIVE_VALS`; times are in milliseconds. Source: `mstcpip.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const tcp_keepalive = struct("tcp_keepalive", {
  onoff: "u32",
  keepalivetime: "u32",
  keepaliveinterval: "u32"
})

/**
 * The input of `SIO_TCP_INITIAL_RTO`: `Rtt` is in milliseconds. Source: `mstcpip.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const TCP_INITIAL_RTO_PARAMETERS = struct("TCP_INITIAL_RTO_PARAMETERS", {
  Rtt: "u16",
  MaxSynRetransmissions: "u8"
})

/**
 * What `SIO_TCP_INFO` tells of a connection for version 0; `ConnectionTimeMs`, `BytesOut` and `BytesIn` are 64-bit
 * numbers. Source: `mstcpip.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const TCP_INFO_v0 = struct("TCP_INFO_v0", {
  State: "i32",
  Mss: "u32",
  ConnectionTimeMs: bytes(8, 8),
  TimestampsEnabled: "u8",
  RttUs: "u32",
  MinRttUs: "u32",
  BytesInFlight: "u32",
  Cwnd: "u32",
  SndWnd: "u32",
  RcvWnd: "u32",
  RcvBuf: "u32",
  BytesOut: bytes(8, 8),
  BytesIn: bytes(8, 8),
  BytesReordered: "u32",
  BytesRetrans: "u32",
  FastRetrans: "u32",
  DupAcksIn: "u32",
  TimeoutEpisodes: "u32",
  SynRetrans: "u8"
})

/**
 * The input of `SIO_TIMESTAMPING`. Source: `mstcpip.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const TIMESTAMPING_CONFIG = struct("TIMESTAMPING_CONFIG", { Flags: "u32", TxTimestampsBuffered: "u16" })

/**
 * A membership of an IPv4 group on the interface with a local address. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const ip_mreq = struct("ip_mreq", { imr_multiaddr: "u32be", imr_interface: "u32be" })

/**
 * A membership of an IPv4 group for one source. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const ip_mreq_source = struct("ip_mreq_source", {
  imr_multiaddr: "u32be",
  imr_sourceaddr: "u32be",
  imr_interface: "u32be"
})

/**
 * A membership of an IPv6 group on the interface with an index. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const ipv6_mreq = struct("ipv6_mreq", { ipv6mr_multiaddr: bytes(16), ipv6mr_interface: "u32" })

/**
 * A membership of a group of either family on the interface with an index. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const GROUP_REQ = struct("GROUP_REQ", { gr_interface: "u32", gr_group: SOCKADDR_STORAGE })

/**
 * A membership of a group of either family for one source. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const GROUP_SOURCE_REQ = struct("GROUP_SOURCE_REQ", {
  gsr_interface: "u32",
  gsr_group: SOCKADDR_STORAGE,
  gsr_source: SOCKADDR_STORAGE
})

/**
 * A pointer to a socket address, and its length. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKET_ADDRESS = struct("SOCKET_ADDRESS", { lpSockaddr: "pointer", iSockaddrLength: "i32" })

/**
 * A socket's addresses, type and protocol: the value of `SO_BSP_STATE`. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const CSADDR_INFO = struct("CSADDR_INFO", {
  LocalAddr: SOCKET_ADDRESS,
  RemoteAddr: SOCKET_ADDRESS,
  iSocketType: "i32",
  iProtocol: "i32"
})

/**
 * What RtlGetVersion fills in; the caller sets `dwOSVersionInfoSize`. Source: `winnt.h` (`OSVERSIONINFOW`).
 *
 * @category structures
 * @since 0.1.0
 */
export const OSVERSIONINFOW = struct("OSVERSIONINFOW", {
  dwOSVersionInfoSize: "u32",
  dwMajorVersion: "u32",
  dwMinorVersion: "u32",
  dwBuildNumber: "u32",
  dwPlatformId: "u32",
  szCSDVersion: bytes(256)
})

/**
 * One address of a name that was looked up; as hints, only the first four fields may be set. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const ADDRINFOEXW = struct("ADDRINFOEXW", {
  ai_flags: "i32",
  ai_family: "i32",
  ai_socktype: "i32",
  ai_protocol: "i32",
  ai_addrlen: "size",
  ai_canonname: "pointer",
  ai_addr: "pointer",
  ai_blob: "pointer",
  ai_bloblen: "size",
  ai_provider: "pointer",
  ai_next: "pointer"
})

/**
 * A span of time. Source: `winsock2.h` (`struct timeval`; its `long` has 32 bits in both ABIs).
 *
 * @category structures
 * @since 0.1.0
 */
export const TIMEVAL = struct("TIMEVAL", { tv_sec: "i32", tv_usec: "i32" })
