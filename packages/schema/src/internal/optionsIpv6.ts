/** The options of level `IPPROTO_IPV6`. Source: the page "IPPROTO_IPV6 Socket Options". */
import { IPPROTO_IPV6 } from "../Flags.ts"
import * as Options from "../Options.ts"
import { bool, bytes, choice, dword, indexes, int } from "../OptionValue.ts"
import { datagrams, internet, keptControl, raw, rowsOf, udp } from "./optionRow.ts"
import { groupReq, groupSourceReq, mreqV6 } from "./optionStructs.ts"

const row = rowsOf(IPPROTO_IPV6, "ws2ipdef.h")
const lists = { since: "Windows 10 1803" } as const
const control = { kept: keptControl } as const
const redirect = bytes("opaque", 1024)

export const ipv6Options = {
  IPV6_HDRINCL: row(Options.IPV6_HDRINCL, bool, raw, "rw"),
  IPV6_UNICAST_HOPS: row(Options.IPV6_UNICAST_HOPS, dword(1, 255), internet, "rw"),
  IPV6_MULTICAST_IF: row(Options.IPV6_MULTICAST_IF, dword(), datagrams, "rw"),
  IPV6_MULTICAST_HOPS: row(Options.IPV6_MULTICAST_HOPS, dword(0, 255), datagrams, "rw"),
  IPV6_MULTICAST_LOOP: row(Options.IPV6_MULTICAST_LOOP, bool, datagrams, "rw"),
  IPV6_ADD_MEMBERSHIP: row(Options.IPV6_ADD_MEMBERSHIP, mreqV6, datagrams, "w"),
  IPV6_DROP_MEMBERSHIP: row(Options.IPV6_DROP_MEMBERSHIP, mreqV6, datagrams, "w"),
  IPV6_DONTFRAG: row(Options.IPV6_DONTFRAG, bool, internet, "rw"),
  IPV6_PKTINFO: row(Options.IPV6_PKTINFO, bool, datagrams, "rw", control),
  IPV6_HOPLIMIT: row(Options.IPV6_HOPLIMIT, bool, datagrams, "rw", control),
  // PROTECTION_LEVEL_DEFAULT, _UNRESTRICTED, _EDGERESTRICTED, _RESTRICTED
  IPV6_PROTECTION_LEVEL: row(Options.IPV6_PROTECTION_LEVEL, choice(-1, 10, 20, 30), internet, "rw"),
  IPV6_RECVIF: row(Options.IPV6_RECVIF, bool, datagrams, "rw", control),
  IPV6_RECVDSTADDR: row(Options.IPV6_RECVDSTADDR, bool, datagrams, "rw", control),
  IPV6_CHECKSUM: row(Options.IPV6_CHECKSUM, int(-1), raw, "rw"),
  IPV6_V6ONLY: row(Options.IPV6_V6ONLY, bool, internet, "rw"),
  IPV6_IFLIST: row(Options.IPV6_IFLIST, bool, datagrams, "rw", lists),
  IPV6_ADD_IFLIST: row(Options.IPV6_ADD_IFLIST, dword(1), datagrams, "w", lists),
  IPV6_DEL_IFLIST: row(Options.IPV6_DEL_IFLIST, dword(1), datagrams, "w", lists),
  IPV6_UNICAST_IF: row(Options.IPV6_UNICAST_IF, dword(), internet, "rw"),
  IPV6_GET_IFLIST: row(Options.IPV6_GET_IFLIST, indexes, datagrams, "r", lists),
  IPV6_RECVRTHDR: row(Options.IPV6_RECVRTHDR, bool, datagrams, "rw", control),
  IPV6_RECVTCLASS: row(Options.IPV6_RECVTCLASS, bool, datagrams, "rw", control),
  // not on the page: programs try it to find out whether a send may carry it
  IPV6_TCLASS: row(Options.IPV6_TCLASS, dword(0, 255), internet, "rw"),
  IP_ORIGINAL_ARRIVAL_IF: row(Options.IP_ORIGINAL_ARRIVAL_IF, bool, datagrams, "rw", {
    ...control,
    since: "Windows 7"
  }),
  IPV6_RECVECN: row(Options.IPV6_RECVECN, bool, datagrams, "rw", control),
  IPV6_PKTINFO_EX: row(Options.IPV6_PKTINFO_EX, bool, datagrams, "rw", control),
  IPV6_WFP_REDIRECT_RECORDS: row(Options.IPV6_WFP_REDIRECT_RECORDS, redirect, internet, "rw"),
  IPV6_WFP_REDIRECT_CONTEXT: row(Options.IPV6_WFP_REDIRECT_CONTEXT, redirect, internet, "rw"),
  IPV6_MTU_DISCOVER: row(Options.IPV6_MTU_DISCOVER, choice(1, 2, 3), internet, "rw"),
  IPV6_MTU: row(Options.IPV6_MTU, dword(), internet, "r"),
  IPV6_RECVERR: row(Options.IPV6_RECVERR, bool, udp, "rw", control),
  IPV6_USER_MTU: row(Options.IPV6_USER_MTU, dword(), internet, "rw"),
  MCAST_JOIN_GROUP: row(Options.MCAST_JOIN_GROUP, groupReq, datagrams, "w"),
  MCAST_LEAVE_GROUP: row(Options.MCAST_LEAVE_GROUP, groupReq, datagrams, "w"),
  MCAST_BLOCK_SOURCE: row(Options.MCAST_BLOCK_SOURCE, groupSourceReq, datagrams, "w"),
  MCAST_UNBLOCK_SOURCE: row(Options.MCAST_UNBLOCK_SOURCE, groupSourceReq, datagrams, "w"),
  MCAST_JOIN_SOURCE_GROUP: row(Options.MCAST_JOIN_SOURCE_GROUP, groupSourceReq, datagrams, "w"),
  MCAST_LEAVE_SOURCE_GROUP: row(Options.MCAST_LEAVE_SOURCE_GROUP, groupSourceReq, datagrams, "w")
}
