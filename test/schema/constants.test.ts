import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import * as Options from "@effect-winsock/schema/Options"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import { assert, describe, it } from "@effect/vitest"

const constantsOf = (module: object): Record<string, number> =>
  Object.fromEntries(Object.entries(module).filter((entry): entry is [string, number] => typeof entry[1] === "number"))

// "NAME value" pairs; a line "PREFIX:" puts a prefix before the names that follow
const read = (text: string): Record<string, number> => {
  const out: Record<string, number> = {}
  let prefix = ""
  for (const line of text.trim().split("\n")) {
    const [, before, pairs] = /^\s*(?:(\w*):)?(.*)$/.exec(line)!
    prefix = before ?? prefix
    for (const pair of pairs
      .split(",")
      .map((entry) => entry.trim())
      .filter((entry) => entry !== "")) {
      const [name, value] = pair.split(" ")
      out[prefix + name] = Number(value)
    }
  }
  return out
}

describe("Flags", () => {
  it("has the headers' numbers", () => {
    assert.deepStrictEqual(
      constantsOf(Flags),
      read(`
        MSG_: OOB 0x1, PEEK 0x2, DONTROUTE 0x4, WAITALL 0x8, INTERRUPT 0x10, PUSH_IMMEDIATE 0x20, TRUNC 0x100
          CTRUNC 0x200, BCAST 0x400, MCAST 0x800, ERRQUEUE 0x1000, PARTIAL 0x8000, MAXIOVLEN 16
        WSA_: FLAG_OVERLAPPED 1, FLAG_NO_HANDLE_INHERIT 0x80, FLAG_REGISTERED_IO 0x100
          WAIT_EVENT_0 0, WAIT_IO_COMPLETION 0xc0, WAIT_TIMEOUT 258, WAIT_FAILED 4294967295, MAXIMUM_WAIT_EVENTS 64
          INFINITE 4294967295, INVALID_EVENT 0
        : XP1_IFS_HANDLES 0x20000, SOMAXCONN 0x7fffffff, INVALID_SOCKET -1, SOCKET_ERROR -1, SOL_SOCKET 0xffff
        SD_: RECEIVE 0, SEND 1, BOTH 2
        TCP_INITIAL_RTO_: DEFAULT_RTT 0, UNSPECIFIED_RTT 0xffff, DEFAULT_MAX_SYN_RETRANSMISSIONS 0
          UNSPECIFIED_MAX_SYN_RETRANSMISSIONS 0xff, NO_SYN_RETRANSMISSIONS 0xfe
        TF_: DISCONNECT 1, REUSE_SOCKET 2, WRITE_BEHIND 4, USE_SYSTEM_THREAD 0x10, USE_KERNEL_APC 0x20
        TP_ELEMENT_: MEMORY 1, FILE 2, EOP 4
        FILE_SKIP_: COMPLETION_PORT_ON_SUCCESS 1, SET_EVENT_ON_HANDLE 2
        FD_: READ 1, WRITE 2, OOB 4, ACCEPT 8, CONNECT 0x10, CLOSE 0x20, QOS 0x40, GROUP_QOS 0x80
          ROUTING_INTERFACE_CHANGE 0x100, ADDRESS_LIST_CHANGE 0x200
        AF_: UNSPEC 0, UNIX 1, INET 2, INET6 23, BTH 32, HYPERV 34
        SOCK_: STREAM 1, DGRAM 2, RAW 3, RDM 4, SEQPACKET 5
        IPPROTO_: IP 0, ICMP 1, IGMP 2, TCP 6, UDP 17, IPV6 41, ICMPV6 58, RM 113, RAW 255
        ECN_: NOT_ECT 0, ECT_1 1, ECT_0 2, CE 3
        TIMESTAMPING_FLAG_: RX 1, TX 2
      `)
    )
  })

  it("has the flags that each call takes and returns", () => {
    assert.deepStrictEqual(Flags.messageFlags, {
      WSARecv: { in: 0x802b, out: 0x8001 },
      WSARecvFrom: { in: 0x8003, out: 0x8001 },
      WSARecvMsg: { in: 0x2, out: 0x1f00 },
      WSASend: { in: 0x8005, out: 0 },
      WSASendTo: { in: 0x8005, out: 0 },
      WSASendMsg: { in: 0x8005, out: 0 }
    })
  })

  it("names the flags that are set", () => {
    assert.deepStrictEqual(Flags.messageFlagsOf(0x301), ["MSG_OOB", "MSG_TRUNC", "MSG_CTRUNC"])
    assert.deepStrictEqual(Flags.messageFlagsOf(0x40), [])
    assert.strictEqual(Flags.SOMAXCONN_HINT(200), -200)
  })
})

describe("Ioctls", () => {
  const expected = read(`
    : FIONREAD 0x4004667f, FIONBIO 0x8004667e, SIOCATMARK 0x40047307
    SIO_: FLUSH 0x28000004, GET_BROADCAST_ADDRESS 0x48000005, ENABLE_CIRCULAR_QUEUEING 0x28000002
      GET_EXTENSION_FUNCTION_POINTER 0xc8000006, GET_MULTIPLE_EXTENSION_FUNCTION_POINTER 0xc8000024
      ROUTING_INTERFACE_CHANGE 0x88000015
      ROUTING_INTERFACE_QUERY 0xc8000014, ADDRESS_LIST_QUERY 0x48000016, ADDRESS_LIST_CHANGE 0x28000017
      BSP_HANDLE 0x4800001b, BSP_HANDLE_SELECT 0x4800001c, BSP_HANDLE_POLL 0x4800001d, BASE_HANDLE 0x48000022
      EXT_SENDMSG 0xc8000020, GET_INTERFACE_LIST 0x4004747f, IDEAL_SEND_BACKLOG_QUERY 0x4004747b
      IDEAL_SEND_BACKLOG_CHANGE 0x2000747a, RCVALL 0x98000001, RCVALL_MCAST 0x98000002, RCVALL_IGMPMCAST 0x98000003
      KEEPALIVE_VALS 0x98000004, UDP_CONNRESET 0x9800000c, UDP_NETRESET 0x9800000f, LOOPBACK_FAST_PATH 0x98000010
      TCP_INITIAL_RTO 0x98000011, CPU_AFFINITY 0x98000015, TCP_INFO 0xd8000027, QUERY_RSS_PROCESSOR_INFO 0x48000025
      GET_TX_TIMESTAMP 0x980000ea, TIMESTAMPING 0x980000eb, AF_UNIX_GETPEERPID 0x58000100
      SET_COMPATIBILITY_MODE 0x9800012c
  `)

  it("has the headers' numbers, as constants and in the table", () => {
    assert.deepStrictEqual(constantsOf(Ioctls), expected)
    assert.deepStrictEqual(Object.fromEntries(IoctlTable.table.map(({ code, name }) => [name, code])), expected)
  })

  it("names a code, signed or unsigned", () => {
    assert.strictEqual(IoctlTable.infoOf(0x8004_667e)?.name, "FIONBIO")
    assert.strictEqual(IoctlTable.infoOf(0x8004_667e | 0)?.name, "FIONBIO")
    assert.isUndefined(IoctlTable.infoOf(1))
  })
})

describe("Options", () => {
  it("has the headers' numbers", () => {
    assert.deepStrictEqual(
      constantsOf(Options),
      read(`
        SO_: DEBUG 1, ACCEPTCONN 2, REUSEADDR 4, KEEPALIVE 8, DONTROUTE 0x10, BROADCAST 0x20, USELOOPBACK 0x40
          LINGER 0x80, OOBINLINE 0x100, DONTLINGER -129, EXCLUSIVEADDRUSE -5, SNDBUF 0x1001, RCVBUF 0x1002
          SNDLOWAT 0x1003, RCVLOWAT 0x1004, SNDTIMEO 0x1005, RCVTIMEO 0x1006, ERROR 0x1007, TYPE 0x1008
          BSP_STATE 0x1009, MAX_MSG_SIZE 0x2003, PROTOCOL_INFOW 0x2005, CONDITIONAL_ACCEPT 0x3002
          PAUSE_ACCEPT 0x3003, COMPARTMENT_ID 0x3004, RANDOMIZE_PORT 0x3005, PORT_SCALABILITY 0x3006
          REUSE_UNICASTPORT 0x3007, REUSE_MULTICASTPORT 0x3008, UPDATE_ACCEPT_CONTEXT 0x700b, CONNECT_TIME 0x700c
          UPDATE_CONNECT_CONTEXT 0x7010, TIMESTAMP 0x300a, TIMESTAMP_ID 0x300b, RECEIVED_HOPLIMIT 0x3010
          RECEIVED_PROCESSOR 0x3011
        IP_: OPTIONS 1, HDRINCL 2, TOS 3, TTL 4, MULTICAST_IF 9, MULTICAST_TTL 10, MULTICAST_LOOP 11
          ADD_MEMBERSHIP 12, DROP_MEMBERSHIP 13, DONTFRAGMENT 14, ADD_SOURCE_MEMBERSHIP 15
          DROP_SOURCE_MEMBERSHIP 16, BLOCK_SOURCE 17, UNBLOCK_SOURCE 18, PKTINFO 19, HOPLIMIT 21, RECVTTL 21
          RECVIF 24, RECVDSTADDR 25, IFLIST 28, ADD_IFLIST 29, DEL_IFLIST 30, UNICAST_IF 31, GET_IFLIST 33
          TCLASS 39, RECVTOS 40, ORIGINAL_ARRIVAL_IF 47, ECN 50, RECVECN 50, PKTINFO_EX 51
          WFP_REDIRECT_RECORDS 60, WFP_REDIRECT_CONTEXT 70, MTU_DISCOVER 71, MTU 73, RECVERR 75, USER_MTU 76
        IPV6_: HOPOPTS 1, HDRINCL 2, UNICAST_HOPS 4, MULTICAST_IF 9, MULTICAST_HOPS 10, MULTICAST_LOOP 11
          ADD_MEMBERSHIP 12, DROP_MEMBERSHIP 13, DONTFRAG 14, PKTINFO 19, HOPLIMIT 21, PROTECTION_LEVEL 23
          RECVIF 24, RECVDSTADDR 25, CHECKSUM 26, V6ONLY 27, IFLIST 28, ADD_IFLIST 29, DEL_IFLIST 30, UNICAST_IF 31
          RTHDR 32, GET_IFLIST 33, RECVRTHDR 38, TCLASS 39, RECVTCLASS 40, ECN 50, RECVECN 50, PKTINFO_EX 51
          WFP_REDIRECT_RECORDS 60, WFP_REDIRECT_CONTEXT 70, MTU_DISCOVER 71, MTU 72, RECVERR 75, USER_MTU 76
        MCAST_: JOIN_GROUP 41, LEAVE_GROUP 42, BLOCK_SOURCE 43, UNBLOCK_SOURCE 44, JOIN_SOURCE_GROUP 45
          LEAVE_SOURCE_GROUP 46
        UDP_: NOCHECKSUM 1, SEND_MSG_SIZE 2, RECV_MAX_COALESCED_SIZE 3, COALESCED_INFO 3, CHECKSUM_COVERAGE 20
        TCP_: NODELAY 1, EXPEDITED_1122 2, KEEPIDLE 3, MAXSEG 4, MAXRT 5, TIMESTAMPS 10, MAXRTMS 14, FASTOPEN 15
          KEEPCNT 16, KEEPINTVL 17
      `)
    )
  })

  it("has one row for a level and number, found by them", () => {
    const constants = constantsOf(Options)
    for (const info of OptionTable.table) {
      assert.strictEqual(info.number, constants[info.name], info.name)
      assert.strictEqual(OptionTable.infoOf(info.level, info.number), info)
    }
    assert.isUndefined(
      OptionTable.infoOf(Flags.SOL_SOCKET, 0xfffb),
      "the low half of SO_EXCLUSIVEADDRUSE is another number"
    )
    assert.isUndefined(OptionTable.infoOf(Flags.IPPROTO_IP, -1))
  })

  it("knows on which sockets Windows refuses an option", () => {
    const sockets = (level: number, number: number) => OptionTable.infoOf(level, number)?.sockets.join(" ")
    for (const number of [19, 21, 24, 25, 40, 47, 50, 51]) {
      assert.strictEqual(sockets(Flags.IPPROTO_IP, number), "udp raw", `IPPROTO_IP ${number}`)
      assert.strictEqual(sockets(Flags.IPPROTO_IPV6, number), "udp raw", `IPPROTO_IPV6 ${number}`)
    }
    assert.strictEqual(sockets(Flags.IPPROTO_IP, Options.IP_RECVERR), "udp")
    assert.strictEqual(sockets(Flags.IPPROTO_IP, Options.IP_HDRINCL), "raw")
    assert.strictEqual(
      OptionTable.infoOf(Flags.IPPROTO_IP, Options.IP_UNICAST_IF)?.value.type,
      "DWORD (IF_INDEX, network byte order)"
    )
    assert.strictEqual(OptionTable.infoOf(Flags.IPPROTO_IPV6, Options.IPV6_UNICAST_IF)?.value.type, "DWORD")
  })
})

describe("Guids", () => {
  it("has the headers' texts", () => {
    assert.deepStrictEqual(
      { ...Guids.extensions },
      {
        TransmitFile: "b5367df0-cbac-11cf-95ca-00805f48a192",
        AcceptEx: "b5367df1-cbac-11cf-95ca-00805f48a192",
        GetAcceptExSockaddrs: "b5367df2-cbac-11cf-95ca-00805f48a192",
        TransmitPackets: "d9689da0-1f90-11d3-9971-00c04f68c876",
        ConnectEx: "25a207b9-ddf3-4660-8ee9-76e58c74063e",
        DisconnectEx: "7fda2e11-8630-436f-a031-f536a6eec157",
        WSARecvMsg: "f689d7c8-6f1f-436b-8a53-e54fe351c322",
        WSASendMsg: "a441e712-754f-43ca-84a7-0dee44cf606d",
        WSAPoll: "18c76f85-dc66-4964-972e-23c27238312b"
      }
    )
    assert.strictEqual(Guids.WSAID_MULTIPLE_RIO, "8509e081-96dd-4005-b165-9e2ee8c79e3f")
  })

  it("has the first three groups little-endian in memory", () => {
    assert.deepStrictEqual(
      Buffer.from(Guids.toBytes(Guids.WSAID_WSARECVMSG)).toString("hex"),
      "c8d789f61f6f6b438a53e54fe351c322"
    )
    for (const guid of Object.values(Guids.extensions)) {
      assert.strictEqual(Guids.fromBytes(Guids.toBytes(guid)), guid)
    }
  })
})

describe("NameFlags", () => {
  it("has the headers' numbers", () => {
    assert.deepStrictEqual(
      constantsOf(NameFlags),
      read(`
        AI_: PASSIVE 1, CANONNAME 2, NUMERICHOST 4, NUMERICSERV 8, DNS_ONLY 0x10, FORCE_CLEAR_TEXT 0x20
          BYPASS_DNS_CACHE 0x40, RETURN_TTL 0x80, ALL 0x100, ADDRCONFIG 0x400, V4MAPPED 0x800
          NON_AUTHORITATIVE 0x4000, SECURE 0x8000, RETURN_PREFERRED_NAMES 0x10000, FQDN 0x20000, FILESERVER 0x40000
          DISABLE_IDN_ENCODING 0x80000, SECURE_WITH_FALLBACK 0x100000, EXCLUSIVE_CUSTOM_SERVERS 0x200000
          RETURN_RESPONSE_FLAGS 0x10000000, REQUIRE_SECURE 0x20000000, RESOLUTION_HANDLE 0x40000000
          EXTENDED 0x80000000
        NI_: NOFQDN 1, NUMERICHOST 2, NAMEREQD 4, NUMERICSERV 8, DGRAM 16, MAXHOST 1025, MAXSERV 32
        NS_: ALL 0, SAP 1, NDS 2, PEER_BROWSE 3, SLP 5, DHCP 6, TCPIP_LOCAL 10, TCPIP_HOSTS 11, DNS 12, NETBT 13
          WINS 14, NLA 15, BTH 16, LOCALNAME 19, NBP 20, MS 30, STDA 31, NTDS 32, EMAIL 37, PNRPNAME 38
          PNRPCLOUD 39
      `)
    )
  })
})
