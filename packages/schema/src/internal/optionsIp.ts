/** The options of level `IPPROTO_IP`. Source: the page "IPPROTO_IP Socket Options". */
import { IPPROTO_IP } from "../Flags.ts"
import * as Options from "../Options.ts"
import { bool, bytes, choice, dword, indexes, indexInNetworkOrder } from "../OptionValue.ts"
import { datagrams, internet, keptControl, raw, rowsOf, udp } from "./optionRow.ts"
import { groupReq, groupSourceReq, interfaceV4, mreq, mreqSource } from "./optionStructs.ts"

const row = rowsOf(IPPROTO_IP, "ws2ipdef.h")
const lists = { since: "Windows 10 1803" } as const
const control = { kept: keptControl } as const
const redirect = bytes("opaque", 1024)

export const ipOptions = {
  IP_OPTIONS: row(Options.IP_OPTIONS, bytes("char[]", 40), internet, "rw"),
  IP_HDRINCL: row(Options.IP_HDRINCL, bool, raw, "rw"),
  IP_TOS: row(Options.IP_TOS, dword(0, 255), internet, "rw"),
  IP_TTL: row(Options.IP_TTL, dword(1, 255), internet, "rw"),
  IP_MULTICAST_IF: row(Options.IP_MULTICAST_IF, interfaceV4, datagrams, "rw"),
  IP_MULTICAST_TTL: row(Options.IP_MULTICAST_TTL, dword(0, 255), datagrams, "rw"),
  IP_MULTICAST_LOOP: row(Options.IP_MULTICAST_LOOP, bool, datagrams, "rw"),
  IP_ADD_MEMBERSHIP: row(Options.IP_ADD_MEMBERSHIP, mreq, datagrams, "w"),
  IP_DROP_MEMBERSHIP: row(Options.IP_DROP_MEMBERSHIP, mreq, datagrams, "w"),
  IP_DONTFRAGMENT: row(Options.IP_DONTFRAGMENT, bool, internet, "rw"),
  IP_ADD_SOURCE_MEMBERSHIP: row(Options.IP_ADD_SOURCE_MEMBERSHIP, mreqSource, datagrams, "w"),
  IP_DROP_SOURCE_MEMBERSHIP: row(Options.IP_DROP_SOURCE_MEMBERSHIP, mreqSource, datagrams, "w"),
  IP_BLOCK_SOURCE: row(Options.IP_BLOCK_SOURCE, mreqSource, datagrams, "w"),
  IP_UNBLOCK_SOURCE: row(Options.IP_UNBLOCK_SOURCE, mreqSource, datagrams, "w"),
  IP_PKTINFO: row(Options.IP_PKTINFO, bool, datagrams, "rw", control),
  IP_RECVTTL: row(Options.IP_RECVTTL, bool, datagrams, "rw", { ...control, since: "Windows 10" }),
  IP_RECVIF: row(Options.IP_RECVIF, bool, datagrams, "rw", control),
  IP_RECVDSTADDR: row(Options.IP_RECVDSTADDR, bool, datagrams, "rw", control),
  IP_IFLIST: row(Options.IP_IFLIST, bool, datagrams, "rw", lists),
  IP_ADD_IFLIST: row(Options.IP_ADD_IFLIST, dword(1), datagrams, "w", lists),
  IP_DEL_IFLIST: row(Options.IP_DEL_IFLIST, dword(1), datagrams, "w", lists),
  IP_UNICAST_IF: row(Options.IP_UNICAST_IF, indexInNetworkOrder, internet, "rw"),
  IP_GET_IFLIST: row(Options.IP_GET_IFLIST, indexes, datagrams, "r", lists),
  IP_RECVTOS: row(Options.IP_RECVTOS, bool, datagrams, "rw", control),
  IP_ORIGINAL_ARRIVAL_IF: row(Options.IP_ORIGINAL_ARRIVAL_IF, bool, datagrams, "rw", {
    ...control,
    since: "Windows 7"
  }),
  IP_RECVECN: row(Options.IP_RECVECN, bool, datagrams, "rw", control),
  IP_PKTINFO_EX: row(Options.IP_PKTINFO_EX, bool, datagrams, "rw", control),
  IP_WFP_REDIRECT_RECORDS: row(Options.IP_WFP_REDIRECT_RECORDS, redirect, internet, "rw"),
  IP_WFP_REDIRECT_CONTEXT: row(Options.IP_WFP_REDIRECT_CONTEXT, redirect, internet, "rw"),
  IP_MTU_DISCOVER: row(Options.IP_MTU_DISCOVER, choice(1, 2, 3), internet, "rw"),
  IP_MTU: row(Options.IP_MTU, dword(), internet, "r"),
  IP_RECVERR: row(Options.IP_RECVERR, bool, udp, "rw", control),
  IP_USER_MTU: row(Options.IP_USER_MTU, dword(), internet, "rw"),
  MCAST_JOIN_GROUP: row(Options.MCAST_JOIN_GROUP, groupReq, datagrams, "w"),
  MCAST_LEAVE_GROUP: row(Options.MCAST_LEAVE_GROUP, groupReq, datagrams, "w"),
  MCAST_BLOCK_SOURCE: row(Options.MCAST_BLOCK_SOURCE, groupSourceReq, datagrams, "w"),
  MCAST_UNBLOCK_SOURCE: row(Options.MCAST_UNBLOCK_SOURCE, groupSourceReq, datagrams, "w"),
  MCAST_JOIN_SOURCE_GROUP: row(Options.MCAST_JOIN_SOURCE_GROUP, groupSourceReq, datagrams, "w"),
  MCAST_LEAVE_SOURCE_GROUP: row(Options.MCAST_LEAVE_SOURCE_GROUP, groupSourceReq, datagrams, "w")
}
