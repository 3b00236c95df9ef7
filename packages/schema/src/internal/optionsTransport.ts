/** The options of the levels `IPPROTO_UDP` and `IPPROTO_TCP`. Source: the pages of these levels' options. */
import { IPPROTO_TCP, IPPROTO_UDP } from "../Flags.ts"
import * as Options from "../Options.ts"
import { bool, dword, milliseconds, seconds } from "../OptionValue.ts"
import { rowsOf, tcp as connections, udp } from "./optionRow.ts"

const tcpip = rowsOf(IPPROTO_UDP, "ws2tcpip.h")
const ofUdp = rowsOf(IPPROTO_UDP, "ws2ipdef.h")
const ws2def = rowsOf(IPPROTO_TCP, "ws2def.h")
const ofTcp = rowsOf(IPPROTO_TCP, "ws2ipdef.h")
const offload = { since: "Windows 10 2004" } as const

export const udpOptions = {
  UDP_NOCHECKSUM: tcpip(Options.UDP_NOCHECKSUM, bool, udp, "rw"),
  UDP_CHECKSUM_COVERAGE: tcpip(Options.UDP_CHECKSUM_COVERAGE, dword(), udp, "rw"),
  UDP_SEND_MSG_SIZE: ofUdp(Options.UDP_SEND_MSG_SIZE, dword(0, 0xffff), udp, "rw", {
    ...offload,
    kept: "left alone: it would cut every send; SendOptions.segmentSize cuts one"
  }),
  UDP_RECV_MAX_COALESCED_SIZE: ofUdp(Options.UDP_RECV_MAX_COALESCED_SIZE, dword(), udp, "rw", {
    ...offload,
    kept: "left alone: the room for joined datagrams is fixed when the socket is opened, by coalesce"
  })
}

export const tcpOptions = {
  TCP_NODELAY: ws2def(Options.TCP_NODELAY, bool, connections, "rw"),
  TCP_EXPEDITED_1122: ofTcp(Options.TCP_EXPEDITED_1122, bool, connections, "rw"),
  TCP_KEEPIDLE: ofTcp(Options.TCP_KEEPIDLE, seconds(1), connections, "rw", { since: "Windows 10 1709" }),
  TCP_MAXSEG: ofTcp(Options.TCP_MAXSEG, dword(), connections, "r"),
  TCP_MAXRT: ofTcp(Options.TCP_MAXRT, seconds(-1), connections, "rw"),
  TCP_TIMESTAMPS: ofTcp(Options.TCP_TIMESTAMPS, bool, connections, "rw"),
  TCP_MAXRTMS: ofTcp(Options.TCP_MAXRTMS, milliseconds, connections, "rw"),
  TCP_FASTOPEN: ofTcp(Options.TCP_FASTOPEN, bool, connections, "rw", { since: "Windows 10 1607" }),
  TCP_KEEPCNT: ofTcp(Options.TCP_KEEPCNT, dword(1, 255), connections, "rw", { since: "Windows 10 1703" }),
  TCP_KEEPINTVL: ofTcp(Options.TCP_KEEPINTVL, seconds(1), connections, "rw", { since: "Windows 10 1709" })
}
