/** The options of level `SOL_SOCKET`. Source: the page "SOL_SOCKET Socket Options". */
import { SOL_SOCKET } from "../Flags.ts"
import * as Options from "../Options.ts"
import { bool, connectTime, dword, milliseconds, none } from "../OptionValue.ts"
import {
  all,
  datagrams,
  internet,
  keptClosing,
  keptContext,
  keptTimeout,
  rowsOf,
  streams,
  tcp,
  udp
} from "./optionRow.ts"
import { bspState, linger, pointer, protocolInfo } from "./optionStructs.ts"

const winsock2 = rowsOf(SOL_SOCKET, "winsock2.h")
const ws2def = rowsOf(SOL_SOCKET, "ws2def.h")
const mswsock = rowsOf(SOL_SOCKET, "mswsock.h")

export const socketOptions = {
  SO_DEBUG: winsock2(Options.SO_DEBUG, bool, all, "rw"),
  SO_ACCEPTCONN: winsock2(Options.SO_ACCEPTCONN, bool, all, "r"),
  SO_REUSEADDR: winsock2(Options.SO_REUSEADDR, bool, all, "rw"),
  SO_KEEPALIVE: winsock2(Options.SO_KEEPALIVE, bool, tcp, "rw"),
  SO_DONTROUTE: winsock2(Options.SO_DONTROUTE, bool, all, "rw"),
  SO_BROADCAST: winsock2(Options.SO_BROADCAST, bool, datagrams, "rw"),
  SO_USELOOPBACK: winsock2(Options.SO_USELOOPBACK, bool, all, "rw"),
  SO_LINGER: winsock2(Options.SO_LINGER, linger, streams, "rw", { kept: keptClosing }),
  SO_OOBINLINE: winsock2(Options.SO_OOBINLINE, bool, tcp, "rw", {
    kept: "left alone: where urgent data stand is said when the connection is made, by urgentInline"
  }),
  SO_DONTLINGER: winsock2(Options.SO_DONTLINGER, bool, streams, "rw", { kept: keptClosing }),
  SO_EXCLUSIVEADDRUSE: winsock2(Options.SO_EXCLUSIVEADDRUSE, bool, all, "rw"),
  SO_SNDBUF: winsock2(Options.SO_SNDBUF, dword(0, 0x7fff_ffff), all, "rw"),
  SO_RCVBUF: winsock2(Options.SO_RCVBUF, dword(0, 0x7fff_ffff), all, "rw"),
  SO_SNDLOWAT: winsock2(Options.SO_SNDLOWAT, dword(), all, "rw"),
  SO_RCVLOWAT: winsock2(Options.SO_RCVLOWAT, dword(), all, "rw"),
  SO_SNDTIMEO: winsock2(Options.SO_SNDTIMEO, milliseconds, all, "rw", { kept: keptTimeout }),
  SO_RCVTIMEO: winsock2(Options.SO_RCVTIMEO, milliseconds, all, "rw", { kept: keptTimeout }),
  SO_ERROR: winsock2(Options.SO_ERROR, dword(), all, "r"),
  SO_TYPE: winsock2(Options.SO_TYPE, dword(), all, "r"),
  SO_MAX_MSG_SIZE: winsock2(Options.SO_MAX_MSG_SIZE, dword(), datagrams, "r"),
  SO_PROTOCOL_INFOW: winsock2(Options.SO_PROTOCOL_INFOW, protocolInfo, all, "r"),
  SO_CONDITIONAL_ACCEPT: winsock2(Options.SO_CONDITIONAL_ACCEPT, bool, tcp, "rw"),
  SO_BSP_STATE: ws2def(Options.SO_BSP_STATE, bspState, internet, "r"),
  SO_PAUSE_ACCEPT: ws2def(Options.SO_PAUSE_ACCEPT, bool, tcp, "rw"),
  SO_COMPARTMENT_ID: ws2def(Options.SO_COMPARTMENT_ID, dword(), internet, "rw"),
  SO_RANDOMIZE_PORT: ws2def(Options.SO_RANDOMIZE_PORT, bool, internet, "rw"),
  SO_PORT_SCALABILITY: ws2def(Options.SO_PORT_SCALABILITY, bool, internet, "rw"),
  SO_REUSE_UNICASTPORT: ws2def(Options.SO_REUSE_UNICASTPORT, bool, tcp, "rw", { since: "Windows 10" }),
  SO_REUSE_MULTICASTPORT: ws2def(Options.SO_REUSE_MULTICASTPORT, bool, udp, "rw"),
  SO_UPDATE_ACCEPT_CONTEXT: mswsock(Options.SO_UPDATE_ACCEPT_CONTEXT, pointer, tcp, "w", { kept: keptContext }),
  SO_CONNECT_TIME: mswsock(Options.SO_CONNECT_TIME, connectTime, tcp, "r"),
  SO_UPDATE_CONNECT_CONTEXT: mswsock(Options.SO_UPDATE_CONNECT_CONTEXT, none, tcp, "w", { kept: keptContext })
}
