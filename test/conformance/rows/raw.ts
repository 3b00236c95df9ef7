// Raw sockets: what a receive begins with, headers of the program's own, ICMPv6.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Icmp from "@effect-winsock/schema/Icmp"
import * as Ipv4Header from "@effect-winsock/schema/Ipv4Header"
import * as Options from "@effect-winsock/schema/Options"
import * as NetAddress from "effect/net/NetAddress"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import type { Bench } from "../bench.ts"
import type { Group } from "../model.ts"

// nobody answers a reply, so that it is all that comes
const reply = Icmp.encode(4, { _tag: "EchoReply", identifier: 7, sequence: 9, data: Uint8Array.of(1, 2, 3, 4) })

const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** A raw socket of ICMP, once nothing is said any more about what was sent before. */
export const openIcmp = async (b: Bench): Promise<SocketHandle> => {
  // what was sent arrives, then what is said about it
  await b.settle()
  await b.settle()
  const s = b.socket({ type: Flags.SOCK_RAW, protocol: Flags.IPPROTO_ICMP })
  b.bind(s, "127.0.0.1")
  return s
}

/** The packet that the socket has now. */
const receive = async (b: Bench, s: SocketHandle) => {
  await b.arrival(s)
  const message = b.message({ sizes: [256] })
  const call = b.recvFrom(s, message)
  const count = b.byteCount
  const size = count === "untouched" ? 0 : count
  const bytes = message.block.bytes.slice(message.payloadStart, message.payloadStart + size)
  const packet = Ipv4Header.decode(bytes)
  return { call, size, packet: Ipv4Header.isIpv4HeaderIssue(packet) ? undefined : packet, from: message.from.ip }
}

export const group: Group = {
  title: "Raw sockets",
  rows: [
    {
      id: "raw IPv4 header",
      title: "A raw receive over IPv4 begins with the IP header",
      evidence: "documented",
      source: "TCP/IP Raw Sockets: the IP header is included in what is received",
      windows: { send: "ok", call: "ok", bytes: 20 + reply.length, protocol: Flags.IPPROTO_ICMP, from: "127.0.0.1" },
      probe: async (b) => {
        const s = await openIcmp(b)
        const send = b.sendTo(s, b.outgoing(textOf(reply)).to("127.0.0.1", 0))
        const { call, from, packet, size } = await receive(b, s)
        return { send, call, bytes: size, protocol: packet?.header.protocol ?? "no header", from }
      }
    },
    {
      id: "raw IP_TTL",
      title: "IP_TTL of a raw socket is the packet's",
      evidence: "documented",
      source: "IPPROTO_IP socket options: IP_TTL",
      windows: { option: "ok", ttl: 9 },
      probe: async (b) => {
        const s = await openIcmp(b)
        const option = b.setOption(s, Flags.IPPROTO_IP, Options.IP_TTL, 9)
        b.sendTo(s, b.outgoing(textOf(reply)).to("127.0.0.1", 0))
        const { packet } = await receive(b, s)
        return { option, ttl: packet?.header.timeToLive ?? "no header" }
      }
    },
    {
      id: "raw IP_HDRINCL",
      title: "IP_HDRINCL: the header is the program's, but its source address where it is 0",
      evidence: "documented",
      source: "IPPROTO_IP socket options: IP_HDRINCL; TCP/IP Raw Sockets",
      windows: { option: "ok", read: 1, send: "ok", ttl: 33, "type of service": 0x20, from: "127.0.0.1" },
      probe: async (b) => {
        const s = await openIcmp(b)
        const option = b.setOption(s, Flags.IPPROTO_IP, Options.IP_HDRINCL, 1)
        const read = b.option(s, Flags.IPPROTO_IP, Options.IP_HDRINCL)
        const header = { protocol: 1, timeToLive: 33, typeOfService: 0x20, destination: NetAddress.ipv4Loopback }
        const send = b.sendTo(s, b.outgoing(textOf(Ipv4Header.encode(header, reply))).to("127.0.0.1", 0))
        const { from, packet } = await receive(b, s)
        const { timeToLive = "no header", typeOfService = "no header" } = packet?.header ?? {}
        return { option, read, send, ttl: timeToLive, "type of service": typeOfService, from }
      }
    },
    {
      id: "raw ICMPv6",
      title: "A raw socket of ICMPv6",
      evidence: "documented",
      source: "TCP/IP Raw Sockets: IPPROTO_ICMPV6",
      windows: { call: "ok" },
      probe: async (b) => {
        const s = b.calls.WSASocketW(Flags.AF_INET6, Flags.SOCK_RAW, Flags.IPPROTO_ICMPV6, 0, 0, 1)
        const call = s === -1 ? b.error : "ok"
        if (s !== -1) b.calls.closesocket(s)
        return { call }
      }
    }
  ]
}
