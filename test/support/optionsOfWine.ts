// Where Wine 8 is not as Windows, by option and by socket: what `observe` tells of it. Linux lies under it, which knows
// fewer options, and more of them on any socket.

type Answers = { readonly [name: string]: { readonly [sockets: string]: string } }

export const underWine: Answers = {
  SO_DEBUG: { "udp, tcp, listener": "ok/ok/other" },
  SO_KEEPALIVE: { udp: "ok/ok/same" },
  SO_BROADCAST: { "tcp, listener": "ok/ok/same" },
  SO_USELOOPBACK: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_LINGER: { udp: "WSAENOPROTOOPT/ok/other" },
  SO_OOBINLINE: { udp: "ok/ok/same" },
  SO_DONTLINGER: { udp: "WSAENOPROTOOPT/ok/other" },
  SO_EXCLUSIVEADDRUSE: { listener: "ok/ok/same" },
  SO_SNDLOWAT: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_RCVLOWAT: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_MAX_MSG_SIZE: { "tcp, listener": "ok/-/-" },
  SO_CONDITIONAL_ACCEPT: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_PAUSE_ACCEPT: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_COMPARTMENT_ID: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  SO_RANDOMIZE_PORT: { "udp, tcp, listener": "WSAENOPROTOOPT/ok/other" },
  SO_PORT_SCALABILITY: { "udp, tcp, listener": "WSAENOPROTOOPT/ok/other" },
  SO_REUSE_UNICASTPORT: { "udp, tcp, listener": "WSAENOPROTOOPT/ok/other" },
  SO_REUSE_MULTICASTPORT: { "udp, tcp, listener": "WSAENOPROTOOPT/ok/other" },
  SO_UPDATE_ACCEPT_CONTEXT: { "udp, tcp, listener": "-/ok/-" },
  SO_CONNECT_TIME: { udp: "ok/-/-" },
  SO_UPDATE_CONNECT_CONTEXT: { "udp, tcp, listener": "-/ok/-" },
  // the address that was set
  IP_MULTICAST_IF: { udp: "ok/ok/other" },
  IP_ADD_SOURCE_MEMBERSHIP: { "tcp, listener": "-/ok/-" },
  IP_RECVIF: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_RECVDSTADDR: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_IFLIST: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_ADD_IFLIST: { "udp, tcp, listener": "-/WSAENOPROTOOPT/-" },
  IP_DEL_IFLIST: { "udp, tcp, listener": "-/WSAENOPROTOOPT/-" },
  IP_GET_IFLIST: { "udp, tcp, listener": "WSAENOPROTOOPT/-/-" },
  IP_ORIGINAL_ARRIVAL_IF: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_RECVECN: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_PKTINFO_EX: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_MTU_DISCOVER: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_MTU: { "udp, tcp, listener": "WSAENOPROTOOPT/-/-" },
  IP_RECVERR: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IP_USER_MTU: { "udp, tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  MCAST_JOIN_GROUP: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  MCAST_LEAVE_GROUP: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  MCAST_BLOCK_SOURCE: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  MCAST_UNBLOCK_SOURCE: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  MCAST_JOIN_SOURCE_GROUP: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  MCAST_LEAVE_SOURCE_GROUP: { "tcp, listener": "-/WSAENOPROTOOPT/-" },
  IPV6_HDRINCL: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_UNICAST_HOPS: { "udp v4, tcp v4, listener v4": "WSAEOPNOTSUPP/WSAEINVAL/-" },
  IPV6_MULTICAST_IF: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_MULTICAST_HOPS: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_MULTICAST_LOOP: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_ADD_MEMBERSHIP: { "tcp v4, listener v4": "-/WSAEINVAL/-" },
  IPV6_DROP_MEMBERSHIP: { "tcp v4, listener v4": "-/WSAEINVAL/-" },
  IPV6_DONTFRAG: { "udp v4, tcp v4, listener v4": "WSAEOPNOTSUPP/WSAEINVAL/-" },
  IPV6_PKTINFO: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_HOPLIMIT: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_PROTECTION_LEVEL: { "udp, tcp, listener": "ok/ok/other" },
  IPV6_RECVIF: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_RECVDSTADDR: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_CHECKSUM: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_V6ONLY: { "udp v4, tcp v4": "WSAEOPNOTSUPP/ok/other", "listener v4": "WSAEOPNOTSUPP/WSAEINVAL/-" },
  IPV6_IFLIST: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_ADD_IFLIST: { "udp v6, tcp v6, listener v6": "-/WSAENOPROTOOPT/-" },
  IPV6_DEL_IFLIST: { "udp v6, tcp v6, listener v6": "-/WSAENOPROTOOPT/-" },
  IPV6_UNICAST_IF: {
    "udp v4, tcp v4, listener v4": "WSAEOPNOTSUPP/WSAEINVAL/-",
    "udp v6, tcp v6, listener v6": "ok/WSAEINVAL/-"
  },
  IPV6_GET_IFLIST: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/-/-" },
  IPV6_RECVRTHDR: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_RECVTCLASS: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "tcp v4, listener v4": "WSAEINVAL/WSAEINVAL/-" },
  IPV6_TCLASS: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_RECVECN: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_PKTINFO_EX: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_MTU_DISCOVER: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_MTU: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/-/-" },
  IPV6_RECVERR: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  IPV6_USER_MTU: { "udp v6, tcp v6, listener v6": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  UDP_NOCHECKSUM: { "udp, tcp, listener": "WSAEINVAL/WSAEINVAL/-" },
  UDP_CHECKSUM_COVERAGE: { "udp, tcp, listener": "WSAEINVAL/WSAEINVAL/-" },
  UDP_SEND_MSG_SIZE: { "udp, tcp, listener": "WSAEINVAL/WSAEINVAL/-" },
  UDP_RECV_MAX_COALESCED_SIZE: { "udp, tcp, listener": "WSAEINVAL/WSAEINVAL/-" },
  TCP_NODELAY: { "udp v4": "WSAEOPNOTSUPP/WSAEINVAL/-", "udp v6": "WSAEINVAL/WSAEINVAL/-" },
  TCP_EXPEDITED_1122: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_KEEPIDLE: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_MAXSEG: { "tcp, listener": "WSAENOPROTOOPT/-/-" },
  TCP_MAXRT: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_TIMESTAMPS: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_MAXRTMS: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_FASTOPEN: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_KEEPCNT: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" },
  TCP_KEEPINTVL: { "tcp, listener": "WSAENOPROTOOPT/WSAENOPROTOOPT/-" }
}

/** The same of control codes: most of them are unknown to it. */
export const ioctlsUnderWine: Answers = {
  SIOCATMARK: { udp: "WSAEINVAL" },
  SIO_ENABLE_CIRCULAR_QUEUEING: { "tcp, listener": "ok" },
  SIO_GET_BROADCAST_ADDRESS: { "udp v4": "WSAEOPNOTSUPP" },
  SIO_BSP_HANDLE: { "udp, tcp, listener": "WSAEOPNOTSUPP" },
  SIO_BSP_HANDLE_SELECT: { "udp, tcp, listener": "WSAEOPNOTSUPP" },
  SIO_BSP_HANDLE_POLL: { "udp, tcp, listener": "WSAEOPNOTSUPP" },
  SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER: { "udp, tcp, listener": "WSAEOPNOTSUPP" },
  SIO_QUERY_RSS_PROCESSOR_INFO: { "tcp, listener": "WSAEOPNOTSUPP" },
  SIO_KEEPALIVE_VALS: { udp: "WSAEINVAL" },
  SIO_UDP_CONNRESET: { "tcp, listener": "ok" },
  SIO_UDP_NETRESET: { udp: "WSAEOPNOTSUPP" },
  SIO_LOOPBACK_FAST_PATH: { "tcp, listener": "WSAEOPNOTSUPP" },
  SIO_TCP_INITIAL_RTO: { "tcp, listener": "WSAEOPNOTSUPP" },
  SIO_CPU_AFFINITY: { "udp, tcp, listener": "WSAEOPNOTSUPP" },
  SIO_TCP_INFO: { "tcp, listener": "WSAEOPNOTSUPP" },
  SIO_TIMESTAMPING: { udp: "WSAEOPNOTSUPP" },
  SIO_SET_COMPATIBILITY_MODE: { "udp, tcp, listener": "WSAEOPNOTSUPP" }
}

const answerIn = (answers: Answers, name: string, kind: string, family: string): string | undefined => {
  for (const [sockets, answer] of Object.entries(answers[name] ?? {})) {
    for (const socket of sockets.split(", ")) {
      const [of, ...families] = socket.split(" ")
      if (of === kind && (families.length === 0 || families.includes(family))) return answer
    }
  }
  return undefined
}

/** What Wine answers, where that is not what Windows does. */
export const answerOfWine = (option: string, kind: string, family: string): string | undefined =>
  answerIn(underWine, option, kind, family)

export const ioctlAnswerOfWine = (name: string, kind: string, family: string): string | undefined =>
  answerIn(ioctlsUnderWine, name, kind, family)
