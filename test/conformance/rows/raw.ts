// Raw sockets. Where nothing is said of ICMP the probes use IGMP, which nobody else sends on a loopback interface.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import type { Bench } from "../bench.ts"
import type { Group } from "../model.ts"

const { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_TCP, SOCK_RAW, SOL_SOCKET } = Flags
const IPPROTO_IGMP = 2

const raw = (b: Bench, protocol = IPPROTO_IGMP) => b.socket({ type: SOCK_RAW, protocol })

const bound = (b: Bench, protocol = IPPROTO_IGMP) => {
  const s = raw(b, protocol)
  b.bind(s, "127.0.0.1")
  return s
}

const made = (b: Bench, family: number, protocol: number): string => {
  const s = b.calls.WSASocketW(family, SOCK_RAW, protocol, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
  if (s === -1) return b.error
  b.own(s)
  return "ok"
}

const get = (b: Bench, level: number, name: number): string => {
  const value = b.option(raw(b), level, name)
  return typeof value === "number" ? "ok" : value
}

export const group: Group = {
  title: "Raw sockets",
  rows: [
    {
      id: "raw protocols",
      title: "SOCK_RAW of ICMP, of ICMPv6, and of more than a byte",
      evidence: "documented",
      source: "TCP/IP Raw Sockets; WSASocketW: WSAEPROTONOSUPPORT",
      windows: { ICMP: "ok", ICMPv6: "ok", "300": "WSAEPROTONOSUPPORT" },
      probe: async (b) => {
        // without the rights of an administrator none of this can be seen
        raw(b, IPPROTO_ICMP)
        return {
          ICMP: made(b, Flags.AF_INET, IPPROTO_ICMP),
          ICMPv6: made(b, Flags.AF_INET6, IPPROTO_ICMPV6),
          "300": made(b, Flags.AF_INET, 300)
        }
      }
    },
    {
      id: "raw unbound",
      title: "A receive on a raw socket that is not bound",
      evidence: "documented",
      source: "WSARecvMsg, WSARecvFrom: WSAEINVAL",
      windows: { WSARecvFrom: "WSAEINVAL", WSARecvMsg: "WSAEINVAL" },
      probe: async (b) => ({
        WSARecvFrom: b.recvFrom(raw(b), b.message()),
        WSARecvMsg: b.recvMsg(raw(b), b.message())
      })
    },
    {
      id: "raw header",
      title: "What WSARecvMsg receives over IPv4 begins with the IP header; control data is beside it",
      evidence: "documented",
      source: "TCP/IP Raw Sockets; WSARecvMsg: for raw sockets too",
      windows: { call: "ok", bytes: 24, version: 4, protocol: 2, payload: "abcd", control: "IP_PKTINFO" },
      probe: async (b) => {
        const s = bound(b)
        b.setOption(s, IPPROTO_IP, Options.IP_PKTINFO, 1)
        const sent = b.sendTo(s, b.outgoing("abcd").to("127.0.0.1", 0))
        if (sent !== "ok") return { send: sent }
        await b.arrival(s)
        const message = b.message({ sizes: [1, 8, 1, 10, 8], control: 64 })
        const call = b.recvMsg(s, message)
        const bytes = b.byteCount
        const [first, , protocol, , payload] = [0, 1, 2, 3, 4].map((i) => message.text(i))
        return {
          call,
          bytes,
          version: (first.codePointAt(0) ?? 0) >>> 4,
          protocol: protocol.codePointAt(0) ?? 0,
          payload: payload.slice(0, 4),
          control: message.controlNames
        }
      }
    },
    {
      id: "raw options",
      title: "Options of a raw socket: its header, its type, no error reports",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: { IP_HDRINCL: "ok", IP_RECVERR: "WSAEINVAL" },
      probe: async (b) => ({
        IP_HDRINCL: get(b, IPPROTO_IP, Options.IP_HDRINCL),
        IP_RECVERR: get(b, IPPROTO_IP, Options.IP_RECVERR)
      })
    },
    {
      id: "raw type",
      title: "SO_TYPE of a raw socket",
      evidence: "documented",
      source: "SOL_SOCKET socket options",
      windows: { SO_TYPE: SOCK_RAW },
      probe: async (b) => ({ SO_TYPE: b.option(raw(b), SOL_SOCKET, Options.SO_TYPE) })
    },
    {
      id: "raw port",
      title: "The port that getsockname tells of a bound raw socket",
      evidence: "unknown",
      source: "raw sockets have no ports; Linux tells the protocol",
      probe: async (b) => {
        const name = b.name(bound(b))
        return typeof name === "string" ? { call: name } : { port: name.port }
      }
    },
    {
      id: "raw TCP",
      title: "bind of a raw socket of TCP",
      evidence: "unknown",
      source: "TCP/IP Raw Sockets: not allowed; the code is not told",
      probe: async (b) => ({ bind: b.bind(raw(b, IPPROTO_TCP), "127.0.0.1") })
    },
    {
      id: "raw copies",
      title: "Two raw sockets of a protocol, and one that is connected elsewhere",
      evidence: "documented",
      source: "TCP/IP Raw Sockets: each gets a copy of what is for it",
      windows: { first: "ok", second: "ok", elsewhere: "WSAEWOULDBLOCK" },
      probe: async (b) => {
        const [first, second, elsewhere] = [bound(b), bound(b), raw(b)]
        b.bind(elsewhere, "127.0.0.1")
        b.connect(elsewhere, "127.0.0.9", 0)
        const sent = b.sendTo(first, b.outgoing("x").to("127.0.0.1", 0))
        if (sent !== "ok") return { send: sent }
        await b.arrival(first)
        await b.arrival(second)
        return {
          first: b.recvMsg(first, b.message()),
          second: b.recvMsg(second, b.message()),
          elsewhere: b.recvMsg(elsewhere, b.message())
        }
      }
    }
  ]
}
