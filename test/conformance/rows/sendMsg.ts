// WSASendMsg, WSASendTo, WSASend and the control data of a send.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, nameOfCode } from "../bench.ts"
import { i32, nameOfControl, toNumber, type ControlMessage } from "../message.ts"
import type { Group, Observation } from "../model.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP } = Flags

const loopback = { 4: "127.0.0.1", 6: "::1" } as const

/** Sends a datagram with control data from a wildcard socket; what arrives, and from where. */
const sendWith =
  (family: 4 | 6, control: ReadonlyArray<ControlMessage>, wanted?: readonly [level: number, name: number]) =>
  async (b: Bench): Promise<Observation> => {
    const ip = loopback[family]
    const { port, s } = b.bound(ip)
    const set = wanted === undefined ? "ok" : b.setOption(s, ...wanted, 1)
    if (set !== "ok") return { "receive option": set }
    const { s: from } = b.bound(family === 4 ? "0.0.0.0" : "::")
    const call = b.sendMsg(
      from,
      b
        .outgoing("Hello!")
        .to(ip, port)
        .withControl(...control)
    )
    if (call !== "ok") return { call }
    await b.arrival(s)
    const message = b.message({ control: 128 })
    const received = b.recvMsg(s, message)
    if (wanted === undefined) return { call, received, source: message.from.ip }
    const [first] = message.controls
    return { call, received, value: first === undefined ? "no control message" : toNumber(first.data) }
  }

const inPktinfo = (address: ReadonlyArray<number>, index = 0): ControlMessage => ({
  level: IPPROTO_IP,
  type: Options.IP_PKTINFO,
  data: [...address, ...i32(index)]
})

const number = (level: number, type: number, value: number): ControlMessage => ({ level, type, data: i32(value) })

/** The largest payload that a send takes. */
const largest =
  (ip: string, sizes: ReadonlyArray<number>) =>
  async (b: Bench): Promise<Observation> => {
    const { port, s } = b.bound(ip)
    b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVBUF, 1 << 20)
    const { s: from } = b.bound(ip)
    b.setOption(from, Flags.SOL_SOCKET, Options.SO_SNDBUF, 1 << 20)
    const observation: { [size: string]: string } = {}
    for (const size of sizes) {
      const message = b.outgoing("x".repeat(size)).to(ip, port)
      observation[size] = b.sendTo(from, message)
      // a send buffer drains in later turns
      if (observation[size] === "ok") await b.arrival(s)
      b.drain(s)
    }
    return observation
  }

export const group: Group = {
  title: "Sending",
  rows: [
    {
      id: "fact 15",
      title: "WSASendMsg on INVALID_SOCKET",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAENOTSOCK" },
      probe: async (b) => {
        const message = b.outgoing("x").to("127.0.0.1", 9)
        return { call: b.result(b.calls.WSASendMsg(-1, message.address, 0, b.bytes.address, 0, 0)) }
      }
    },
    {
      id: "fact 16",
      title: "WSASendMsg without a WSAMSG",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => ({ call: b.result(b.calls.WSASendMsg(b.socket(), 0, 0, b.bytes.address, 0, 0)) })
    },
    {
      id: "fact 17",
      title: "WSASendMsg with neither a byte count nor an OVERLAPPED",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => {
        const { port } = b.bound()
        return { call: b.sendMsg(b.socket(), b.outgoing("x").to("127.0.0.1", port), { bytesAt: 0 }) }
      }
    },
    {
      id: "fact 18",
      title: "WSASendMsg on an unbound socket binds it",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { before: "WSAEINVAL", call: "ok", bytes: 6, "last error": "ok", after: "0.0.0.0, a port" },
      probe: async (b) => {
        const { port } = b.bound()
        const s = b.socket()
        const before = b.nameText(s)
        const message = b.outgoing("Hello!").to("127.0.0.1", port)
        b.calls.WSASetLastError(12345)
        const call = b.sendMsg(s, message)
        const error = nameOfCode(b.calls.WSAGetLastError())
        return { before, call, bytes: b.byteCount, "last error": error, after: b.nameText(s) }
      }
    },
    {
      id: "fact 19",
      title: "A WSASendMsg that fails with WSAEFAULT for want of a byte count binds the socket all the same",
      evidence: "seen",
      source: "Wine's sock.c, marked todo for Wine",
      windows: { call: "WSAEFAULT", after: "0.0.0.0, a port" },
      probe: async (b) => {
        const { port } = b.bound()
        const s = b.socket()
        const call = b.sendMsg(s, b.outgoing("x").to("127.0.0.1", port), { bytesAt: 0 })
        return { call, after: b.nameText(s) }
      }
    },
    {
      id: "fact 20",
      title: "One that fails for want of a WSAMSG does not",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEFAULT", after: "WSAEINVAL" },
      probe: async (b) => {
        const s = b.socket()
        const call = b.result(b.calls.WSASendMsg(s, 0, 0, b.bytes.address, 0, 0))
        return { call, after: b.nameText(s) }
      }
    },
    {
      id: "fact 21",
      title: "Two buffers are one datagram",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", bytes: 6, received: "Hello!" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const call = b.sendMsg(b.bound().s, b.outgoing("Hel", "lo!").to("127.0.0.1", port))
        const bytes = b.byteCount
        await b.arrival(s)
        return { call, bytes, received: b.drain(s).join() }
      }
    },
    {
      id: "fact 22",
      title: "WSASendMsg on a stream socket",
      evidence: "seen",
      source: "Wine's sock.c, marked todo for Wine",
      windows: { call: "WSAEINVAL" },
      probe: async (b) => {
        const s = b.socket({ type: Flags.SOCK_STREAM })
        return { call: b.sendMsg(s, b.outgoing("x").to("127.0.0.1", b.deadPort())) }
      }
    },
    {
      id: "fact 23",
      title: "WSASendTo: neither byte count nor OVERLAPPED; success binds",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { "without both": "WSAEFAULT", call: "ok", after: "0.0.0.0, a port" },
      probe: async (b) => {
        const { port } = b.bound()
        const s = b.socket()
        const message = b.outgoing("x").to("127.0.0.1", port)
        const without = b.sendTo(s, message, { bytesAt: 0 })
        return { "without both": without, call: b.sendTo(s, message), after: b.nameText(s) }
      }
    },
    {
      id: "fact 24",
      title: "Ten sends on a socket connected to a dead port",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { sent: "all" },
      probe: async (b) => {
        const dead = b.deadPort()
        const { s } = b.bound()
        const connected = b.connect(s, "127.0.0.1", dead)
        if (connected !== "ok") return { connect: connected }
        let sent = 0
        for (let i = 0; i < 10; i++) {
          if (b.result(sendConnected(b, s)) === "ok") sent++
          await b.settle()
        }
        return { sent: sent === 10 ? "all" : "not all" }
      }
    },
    {
      id: "fact 25",
      title: "A datagram to port 0",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { IPv4: "ok", IPv6: "ok" },
      probe: async (b) => ({
        IPv4: b.send(b.bound().s, "x", "127.0.0.1", 0),
        IPv6: b.send(b.bound("::1").s, "x", "::1", 0)
      })
    },
    {
      id: "fact 26",
      title: "A receive with room for one byte of the address fails and keeps the datagram",
      evidence: "seen",
      source: "Wine's sock.c (recvfrom), marked todo for Wine",
      windows: { call: "fails", written: "nothing", next: "Hello!" },
      probe: async (b) => {
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ name: 1 })
        const call = b.recvFrom(s, message)
        const nothing = message.text() === "" && message.block.bytes[message.nameAt] === 0
        return {
          call: call === "ok" ? "succeeds" : "fails",
          written: nothing ? "nothing" : "something",
          next: b.drain(s).join() || "nothing"
        }
      }
    },
    {
      id: "fact 27 unbound",
      title: "WSARecv on an unbound socket",
      evidence: "seen",
      source: "Wine's sock.c (recv), marked todo for Wine",
      windows: { call: "WSAEINVAL" },
      probe: async (b) => ({ call: b.recv(b.socket(), b.message()) })
    },
    {
      id: "fact 27 empty",
      title: "WSARecv without an OVERLAPPED, non-blocking, nothing there",
      evidence: "seen",
      source: "Wine's sock.c (recv)",
      windows: { call: "WSAEWOULDBLOCK" },
      probe: async (b) => ({ call: b.recv(b.bound().s, b.message()) })
    },
    {
      id: "fact 27 unconnected",
      title: "WSASend on an unconnected socket",
      evidence: "seen",
      source: "Wine's sock.c (send)",
      windows: { call: "WSAENOTCONN" },
      probe: async (b) => ({ call: b.result(sendConnected(b, b.bound().s)) })
    },
    {
      id: "fact 28",
      title: "connect can be repeated, and connect(AF_UNSPEC) disconnects",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { first: "ok", second: "ok", disconnect: "ok", send: "WSAENOTCONN" },
      probe: async (b) => {
        const { s } = b.bound()
        const first = b.connect(s, "127.0.0.1", b.bound().port)
        const second = b.connect(s, "127.0.0.1", b.bound().port)
        const none = b.alloc(16)
        const disconnect = b.result(b.calls.connect(s, none.address, 16))
        return { first, second, disconnect, send: b.result(sendConnected(b, s)) }
      }
    },
    {
      id: "fact 29",
      title: "A broadcast without SO_BROADCAST",
      evidence: "seen",
      source: "Wine's sock.c; sendto: WSAEACCES",
      windows: { call: "WSAEACCES" },
      probe: async (b) => ({ call: b.send(b.bound("0.0.0.0").s, "x", "255.255.255.255", 9) })
    },
    {
      id: "fact 30",
      title: "A raw ICMP receive with a short buffer consumes the datagram",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEMSGSIZE", next: "WSAEWOULDBLOCK" },
      probe: async (b) => {
        // what other probes set off must have come, and the errors about it too
        await b.settle()
        await b.settle()
        const s = b.socket({ type: Flags.SOCK_RAW, protocol: Flags.IPPROTO_ICMP })
        b.bind(s, "127.0.0.1")
        // an echo reply that nobody asked for: type 0, code 0, checksum 0xffff, and zeros
        const sent = b.sendTo(s, b.outgoing("\0\0\xff\xff\0\0\0\0").to("127.0.0.1", 0))
        if (sent !== "ok") return { send: sent }
        await b.arrival(s)
        return { call: b.recv(s, b.message({ sizes: [4] })), next: b.recv(s, b.message()) }
      }
    },
    {
      id: "P18 control",
      title: "Control.buf NULL with a length",
      evidence: "documented",
      source: "WSASendMsg: WSAEFAULT",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => {
        const message = b.outgoing("x").to("127.0.0.1", b.bound().port)
        message.view.Control.len = 24
        return { call: b.sendMsg(b.bound().s, message) }
      }
    },
    {
      id: "P18 name",
      title: "name NULL with a length",
      evidence: "documented",
      source: "WSASendMsg: WSAEFAULT",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => {
        const message = b.outgoing("x")
        message.view.namelen = 16
        return { call: b.sendMsg(b.bound().s, message) }
      }
    },
    {
      id: "P18 rest",
      title: "Control.len larger than what is used: zeros behind the last message",
      evidence: "unknown",
      source: "picoquic issue 1640: parsed as a bogus header",
      probe: async (b) => {
        const message = b.outgoing("x").to("127.0.0.1", b.bound().port)
        message.withControl(inPktinfo([127, 0, 0, 1]))
        message.view.Control.len = 96
        return { call: b.sendMsg(b.bound("0.0.0.0").s, message) }
      }
    },
    {
      id: "P20 source",
      title: "IP_PKTINFO on a send: ipi_addr is the source",
      evidence: "documented",
      source: "WSASendMsg, IP_PKTINFO",
      windows: { call: "ok", received: "ok", source: "127.0.0.5" },
      probe: sendWith(4, [inPktinfo([127, 0, 0, 5])])
    },
    {
      id: "P20 IPv6",
      title: "IPV6_PKTINFO on a send",
      evidence: "documented",
      source: "WSASendMsg, IPV6_PKTINFO",
      windows: { call: "ok", received: "ok", source: "::1" },
      probe: sendWith(6, [
        {
          level: IPPROTO_IPV6,
          type: Options.IPV6_PKTINFO,
          data: [...Array.from({ length: 15 }, () => 0), 1, ...i32(0)]
        }
      ])
    },
    {
      id: "P20 foreign",
      title: "IP_PKTINFO with an address of another host",
      evidence: "unknown",
      source: "Sunshine issue 5443: WSAEINVAL",
      probe: sendWith(4, [inPktinfo([192, 0, 2, 1])])
    },
    {
      id: "P20 echo",
      title: "The IP_PKTINFO that came with a datagram, sent back with the answer",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const server = b.bound("0.0.0.0")
        const client = b.bound()
        b.setOption(server.s, IPPROTO_IP, Options.IP_PKTINFO, 1)
        await b.deliver(client.s, "ask", server.s, "127.0.0.1", server.port)
        const message = b.message({ control: 128 })
        b.recvMsg(server.s, message)
        const answer = b
          .outgoing("tell")
          .to("127.0.0.1", client.port)
          .withControl(...message.controls)
        const call = b.sendMsg(server.s, answer)
        if (call === "ok") await b.arrival(client.s)
        return { call, received: b.drain(client.s).join() || "nothing" }
      }
    },
    {
      id: "P25 CE",
      title: "IP_ECN CE on a send",
      evidence: "documented",
      source: "Winsock explicit congestion notification: WSAEINVAL",
      windows: { call: "WSAEINVAL" },
      probe: sendWith(4, [number(IPPROTO_IP, Options.IP_ECN, Flags.ECN_CE)])
    },
    {
      id: "§1.9 ECN",
      title: "IP_ECN ECT(0) on a send arrives with IP_RECVECN",
      evidence: "documented",
      source: "Winsock explicit congestion notification",
      windows: { call: "ok", received: "ok", value: Flags.ECN_ECT_0 },
      probe: sendWith(4, [number(IPPROTO_IP, Options.IP_ECN, Flags.ECN_ECT_0)], [IPPROTO_IP, Options.IP_RECVECN])
    },
    {
      id: "§1.9 ECN IPv6",
      title: "IPV6_ECN ECT(0) on a send arrives with IPV6_RECVECN",
      evidence: "documented",
      source: "Winsock explicit congestion notification",
      windows: { call: "ok", received: "ok", value: Flags.ECN_ECT_0 },
      probe: sendWith(
        6,
        [number(IPPROTO_IPV6, Options.IPV6_ECN, Flags.ECN_ECT_0)],
        [IPPROTO_IPV6, Options.IPV6_RECVECN]
      )
    },
    {
      id: "P26",
      title: "The largest IPv4 payload",
      evidence: "documented",
      source: "65,535 less 28 bytes of headers; sendto: WSAEMSGSIZE",
      windows: { "65507": "ok", "65508": "WSAEMSGSIZE" },
      probe: largest("127.0.0.1", [65_507, 65_508])
    },
    {
      id: "P26 IPv6",
      title: "The largest IPv6 payload",
      evidence: "unknown",
      source: "65,535 less 8 bytes of header, by the RFC",
      probe: largest("::1", [65_507, 65_508, 65_527, 65_528])
    },
    {
      id: "§1.9 USO",
      title: "UDP_SEND_MSG_SIZE 100: a send of 250 bytes is three datagrams",
      evidence: "documented",
      source: "IPPROTO_UDP socket options",
      windows: { option: "ok", call: "ok", received: "100, 100, 50" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const { s: from } = b.bound()
        const option = b.setOption(from, IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 100)
        if (option !== "ok") return { option }
        const call = b.send(from, "x".repeat(250), "127.0.0.1", port)
        await b.settle()
        return { option, call, received: segments(b, s).join(", ") }
      }
    },
    {
      id: "§1.9 USO per send",
      title: "The same by a control message",
      evidence: "documented",
      source: "IPPROTO_UDP socket options",
      windows: { call: "ok", received: "100, 100, 50" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const message = b.outgoing("x".repeat(250)).to("127.0.0.1", port)
        const call = b.sendMsg(b.bound().s, message.withControl(number(IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 100)))
        await b.settle()
        return { call, received: segments(b, s).join(", ") }
      }
    },
    {
      id: "open 5",
      title: "Control messages that a send may not know: what it answers",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => {
        const to = { 4: b.bound(), 6: b.bound("::1") }
        const answer = (family: 4 | 6, control: ControlMessage): string => {
          const message = b.outgoing("x").to(loopback[family], to[family].port)
          return b.sendMsg(b.bound(loopback[family]).s, message.withControl(control))
        }
        const unknown = number(IPPROTO_IP, 12_345, 1)
        const ttl = number(IPPROTO_IP, Options.IP_TTL, 33)
        const hopLimit = number(IPPROTO_IPV6, Options.IPV6_HOPLIMIT, 33)
        const tos = number(IPPROTO_IP, Options.IP_TOS, 0xb8)
        const trafficClass = number(IPPROTO_IPV6, Options.IPV6_TCLASS, 0xb8)
        return {
          unknown: answer(4, unknown),
          [nameOfControl(ttl)]: answer(4, ttl),
          [nameOfControl(tos)]: answer(4, tos),
          [nameOfControl(hopLimit)]: answer(6, hopLimit),
          [nameOfControl(trafficClass)]: answer(6, trafficClass)
        }
      }
    },
    {
      id: "open 5 TTL",
      title: "IP_TTL 33 on a send: what arrives with IP_RECVTTL",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: sendWith(4, [number(IPPROTO_IP, Options.IP_TTL, 33)], [IPPROTO_IP, Options.IP_RECVTTL])
    },
    {
      id: "open 5 hop limit",
      title: "IPV6_HOPLIMIT 33 on a send: what arrives with IPV6_HOPLIMIT",
      evidence: "unknown",
      source: 'documented as "specifies/receives"',
      probe: sendWith(6, [number(IPPROTO_IPV6, Options.IPV6_HOPLIMIT, 33)], [IPPROTO_IPV6, Options.IPV6_HOPLIMIT])
    },
    {
      id: "open 5 TOS",
      title: "IP_TOS 0xb8 on a send: what arrives with IP_RECVTOS",
      evidence: "unknown",
      source: "msquic sends it on newer Windows",
      probe: sendWith(4, [number(IPPROTO_IP, Options.IP_TOS, 0xb8)], [IPPROTO_IP, Options.IP_RECVTOS])
    },
    {
      id: "open 5 traffic class",
      title: "IPV6_TCLASS 0xb8 on a send: what arrives with IPV6_RECVTCLASS",
      evidence: "unknown",
      source: "msquic sends it on newer Windows",
      probe: sendWith(6, [number(IPPROTO_IPV6, Options.IPV6_TCLASS, 0xb8)], [IPPROTO_IPV6, Options.IPV6_RECVTCLASS])
    },
    {
      id: "open 10",
      title: "UDP_SEND_MSG_SIZE 1: the largest send of 64, 128, ... 65,507 bytes",
      evidence: "unknown",
      source: "quinn found 512 segments",
      probe: async (b) => {
        const { port } = b.bound()
        const { s } = b.bound()
        let most = "none"
        let refused = "none"
        for (const size of [64, 128, 256, 512, 513, 1024, 4096, 65_507]) {
          const message = b.outgoing("x".repeat(size)).to("127.0.0.1", port)
          const call = b.sendMsg(s, message.withControl(number(IPPROTO_UDP, Options.UDP_SEND_MSG_SIZE, 1)))
          if (call === "ok") most = String(size)
          else {
            refused = `${size}: ${call}`
            break
          }
          await b.settle()
        }
        return { accepted: most, refused }
      }
    }
  ]
}

/** WSASend of one byte to the peer: the call's result. */
const sendConnected = (b: Bench, s: ReturnType<Bench["socket"]>): number => {
  const message = b.outgoing("x")
  return b.calls.WSASend(s, message.view.lpBuffers, 1, b.bytes.address, 0, 0, 0)
}

/** The lengths of the datagrams that are queued. */
const segments = (b: Bench, s: ReturnType<Bench["socket"]>): ReadonlyArray<number> => {
  const lengths: Array<number> = []
  for (;;) {
    const rc = b.recvMsg(s, b.message({ sizes: [4096] }))
    if (rc !== "ok") return lengths
    lengths.push(Number(b.byteCount))
  }
}
