// Options and ioctls of streams.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, describe } from "../bench.ts"
import type { Expectation, Group, Observation, Row, Value } from "../model.ts"
import * as Streams from "../streams.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET } = Flags

type Name = { [K in keyof typeof Options]: (typeof Options)[K] extends number ? K : never }[keyof typeof Options]

const get = (b: Bench, s: SocketHandle, level: number, name: Name): string => {
  const value = b.option(s, level, Options[name])
  return typeof value === "string" ? value : "ok"
}

/** BOOL options are told in a byte by some. */
const flag = (b: Bench, s: SocketHandle, level: number, name: Name): Value => {
  const value = b.option(s, level, Options[name])
  return typeof value === "string" ? value : value & 255
}

const ofDatagrams: ReadonlyArray<Name> = [
  "IP_PKTINFO",
  "IP_RECVTTL",
  "IP_RECVTOS",
  "IP_ECN",
  "IP_RECVIF",
  "IP_RECVDSTADDR",
  "IP_ORIGINAL_ARRIVAL_IF",
  "IP_PKTINFO_EX",
  "IP_RECVERR",
  "IP_MULTICAST_IF",
  "IP_MULTICAST_TTL",
  "IP_MULTICAST_LOOP"
]

const ofDatagramsV6: ReadonlyArray<Name> = [
  "IPV6_PKTINFO",
  "IPV6_HOPLIMIT",
  "IPV6_RECVTCLASS",
  "IPV6_ECN",
  "IPV6_RECVIF",
  "IPV6_RECVDSTADDR",
  "IPV6_PKTINFO_EX",
  "IPV6_RECVERR",
  "IPV6_MULTICAST_IF",
  "IPV6_MULTICAST_HOPS",
  "IPV6_MULTICAST_LOOP"
]

/** The options of datagrams, on a stream. */
const illegal = (id: string, level: number, names: ReadonlyArray<Name>): Row => ({
  id,
  title: "getsockopt of the options of datagram sockets on a stream",
  evidence: "seen",
  source: "Wine's sock.c, test_sockopt_validity",
  windows: Object.fromEntries(names.map((name) => [name, "WSAEINVAL"])) satisfies Expectation,
  probe: async (b) => {
    const s = Streams.socket(b, { v6: level === IPPROTO_IPV6 })
    return Object.fromEntries(names.map((name) => [name, get(b, s, level, name)]))
  }
})

/** Sets an option of a new stream and reads it back. */
const settable =
  (level: number, name: Name, value: number) =>
  async (b: Bench): Promise<Observation> => {
    const s = Streams.socket(b)
    const before = flag(b, s, level, name)
    const set = b.setOption(s, level, Options[name], value)
    return { before, set, after: flag(b, s, level, name) }
  }

const outcome = (out: object | string): string => (typeof out === "string" ? out : "ok")

const words = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)

const atMark = (b: Bench, s: SocketHandle): Value => {
  const block = b.u32(0)
  const rc = b.calls.ioctlsocket(s, Ioctls.SIOCATMARK, block.address)
  return rc === 0 ? block.view.getUint32(0, true) : b.error
}

/** "ab", an urgent "!" and "cd" at a client with SO_OOBINLINE; and what SIOCATMARK said before. */
const urgent = async (b: Bench) => {
  const { client, server } = await Streams.pair(b)
  b.setOption(client, SOL_SOCKET, Options.SO_OOBINLINE, 1)
  const nothing = atMark(b, client)
  Streams.send(b, server, "ab")
  Streams.send(b, server, "!", { flags: Flags.MSG_OOB })
  Streams.send(b, server, "cd")
  await b.until(() => (b.readable(client) >= 2 ? true : undefined))
  await b.settle()
  return { client, nothing }
}

/** A TCP_INFO_v0, of which the fields are told that do not depend on the machine. */
const infoSize = 88
const tcpInfo = (b: Bench, s: SocketHandle): Observation => {
  const out = b.ioctl(s, Ioctls.SIO_TCP_INFO, words(0), infoSize)
  if (typeof out === "string") return { call: out }
  const { view } = out
  return { call: "ok", state: view.getUint32(0, true), out: view.getUint32(48, true), in: view.getUint32(56, true) }
}

export const group: Group = {
  title: "Streams: options and ioctls",
  rows: [
    illegal("§1.2 stream IPv4", IPPROTO_IP, ofDatagrams),
    illegal("§1.2 stream IPv6", IPPROTO_IPV6, ofDatagramsV6),
    {
      id: "§1.2 stream membership",
      title: "getsockopt of IP_ADD_MEMBERSHIP and IP_DROP_MEMBERSHIP, and of an option that nobody knows",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: { IP_ADD_MEMBERSHIP: "WSAENOPROTOOPT", IP_DROP_MEMBERSHIP: "WSAENOPROTOOPT", "-1": "WSAENOPROTOOPT" },
      probe: async (b) => {
        const s = Streams.socket(b)
        const unknown = b.option(s, IPPROTO_IP, -1)
        return {
          IP_ADD_MEMBERSHIP: get(b, s, IPPROTO_IP, "IP_ADD_MEMBERSHIP"),
          IP_DROP_MEMBERSHIP: get(b, s, IPPROTO_IP, "IP_DROP_MEMBERSHIP"),
          "-1": typeof unknown === "string" ? unknown : "ok"
        }
      }
    },
    {
      id: "§1.2 stream types",
      title: "SO_TYPE and SO_ERROR of a stream",
      evidence: "documented",
      source: "SOL_SOCKET Socket Options",
      windows: { SO_TYPE: Flags.SOCK_STREAM, SO_ERROR: 0 },
      probe: async (b) => {
        const s = Streams.socket(b)
        const of = (name: Name): Value => b.option(s, SOL_SOCKET, Options[name])
        return { SO_TYPE: of("SO_TYPE"), SO_ERROR: of("SO_ERROR") }
      }
    },
    {
      id: "§1.2 stream SO_MAX_MSG_SIZE",
      title: "SO_MAX_MSG_SIZE of a stream",
      evidence: "unknown",
      source: "SO_MAX_MSG_SIZE has no meaning for stream-oriented sockets",
      probe: async (b) => ({ value: b.option(Streams.socket(b), SOL_SOCKET, Options.SO_MAX_MSG_SIZE) })
    },
    {
      id: "§1.9 stream in use",
      title: "A bind where a listener is",
      evidence: "documented",
      source: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE",
      windows: {
        plain: "WSAEADDRINUSE",
        reuse: "WSAEACCES",
        "reuse over exclusive": "WSAEACCES",
        "exclusive over reuse": "WSAEADDRINUSE"
      },
      probe: async (b) => {
        const again = (first: Name | undefined, second: Name | undefined): string => {
          const s = Streams.socket(b)
          if (first !== undefined) b.setOption(s, SOL_SOCKET, Options[first], 1)
          b.bind(s, Streams.loopback)
          b.calls.listen(s, 5)
          const name = b.name(s)
          if (typeof name === "string") return name
          const other = Streams.socket(b)
          if (second !== undefined) b.setOption(other, SOL_SOCKET, Options[second], 1)
          return b.bind(other, Streams.loopback, name.port)
        }
        return {
          plain: again(undefined, undefined),
          reuse: again(undefined, "SO_REUSEADDR"),
          "reuse over exclusive": again("SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR"),
          "exclusive over reuse": again("SO_REUSEADDR", "SO_EXCLUSIVEADDRUSE")
        }
      }
    },
    {
      id: "§1.2 TCP_NODELAY",
      title: "TCP_NODELAY: off, and on",
      evidence: "documented",
      source: "IPPROTO_TCP Socket Options",
      windows: { before: 0, set: "ok", after: 1 },
      probe: settable(IPPROTO_TCP, "TCP_NODELAY", 1)
    },
    {
      id: "§1.2 SO_KEEPALIVE",
      title: "SO_KEEPALIVE: off, and on",
      evidence: "documented",
      source: "SO_KEEPALIVE",
      windows: { before: 0, set: "ok", after: 1 },
      probe: settable(SOL_SOCKET, "SO_KEEPALIVE", 1)
    },
    {
      id: "§1.2 SO_OOBINLINE",
      title: "SO_OOBINLINE: off, and on",
      evidence: "documented",
      source: "SOL_SOCKET Socket Options",
      windows: { before: 0, set: "ok", after: 1 },
      probe: settable(SOL_SOCKET, "SO_OOBINLINE", 1)
    },
    {
      id: "§1.2 TCP_KEEPIDLE",
      title: "TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT: set and read back",
      evidence: "documented",
      source: "IPPROTO_TCP Socket Options (Windows 10, version 1709 and later)",
      windows: { TCP_KEEPIDLE: "ok, 60", TCP_KEEPINTVL: "ok, 5", TCP_KEEPCNT: "ok, 4" },
      probe: async (b) => {
        const s = Streams.socket(b)
        const through = (name: Name, value: number): string =>
          `${b.setOption(s, IPPROTO_TCP, Options[name], value)}, ${b.option(s, IPPROTO_TCP, Options[name])}`
        return {
          TCP_KEEPIDLE: through("TCP_KEEPIDLE", 60),
          TCP_KEEPINTVL: through("TCP_KEEPINTVL", 5),
          TCP_KEEPCNT: through("TCP_KEEPCNT", 4)
        }
      }
    },
    {
      id: "§1.2 SO_LINGER",
      title: "SO_LINGER: off by default; set and read back; SO_DONTLINGER beside it; on a datagram socket",
      evidence: "documented",
      source: "SO_LINGER, SO_DONTLINGER; SOL_SOCKET Socket Options",
      windows: {
        SO_LINGER: 0,
        SO_DONTLINGER: 1,
        set: "ok",
        "SO_LINGER after": 0x0005_0001,
        "SO_DONTLINGER after": 0,
        datagram: "WSAENOPROTOOPT"
      },
      probe: async (b) => {
        const s = Streams.socket(b)
        const linger = b.option(s, SOL_SOCKET, Options.SO_LINGER)
        return {
          SO_LINGER: typeof linger === "number" ? linger & 0xffff : linger,
          SO_DONTLINGER: flag(b, s, SOL_SOCKET, "SO_DONTLINGER"),
          set: b.setOption(s, SOL_SOCKET, Options.SO_LINGER, 0x0005_0001),
          "SO_LINGER after": b.option(s, SOL_SOCKET, Options.SO_LINGER),
          "SO_DONTLINGER after": flag(b, s, SOL_SOCKET, "SO_DONTLINGER"),
          datagram: get(b, b.socket(), SOL_SOCKET, "SO_LINGER")
        }
      }
    },
    {
      id: "§1.2 SO_REUSE_UNICASTPORT",
      title: "SO_REUSE_UNICASTPORT, set before bind",
      evidence: "documented",
      source: "SO_REUSE_UNICASTPORT (Windows 10 and later)",
      windows: { set: "ok", value: 1 },
      probe: async (b) => {
        const s = Streams.socket(b)
        const set = b.setOption(s, SOL_SOCKET, Options.SO_REUSE_UNICASTPORT, 1)
        return { set, value: flag(b, s, SOL_SOCKET, "SO_REUSE_UNICASTPORT") }
      }
    },
    {
      id: "§1.2 SO_CONDITIONAL_ACCEPT",
      title: "SO_CONDITIONAL_ACCEPT: before listen, and after",
      evidence: "documented",
      source: "SO_CONDITIONAL_ACCEPT: before listen, else WSAEINVAL",
      windows: { before: "ok", after: "WSAEINVAL" },
      probe: async (b) => {
        const set = (s: SocketHandle): string => b.setOption(s, SOL_SOCKET, Options.SO_CONDITIONAL_ACCEPT, 1)
        return { before: set(Streams.bound(b).s), after: set(Streams.listener(b).s) }
      }
    },
    {
      id: "§1.2 buffers",
      title: "SO_SNDBUF and SO_RCVBUF: set and read back",
      evidence: "documented",
      source: "SOL_SOCKET Socket Options",
      windows: { SO_SNDBUF: "ok, 20000", SO_RCVBUF: "ok, 30000" },
      probe: async (b) => {
        const s = Streams.socket(b)
        const through = (name: Name, value: number): string =>
          `${b.setOption(s, SOL_SOCKET, Options[name], value)}, ${b.option(s, SOL_SOCKET, Options[name])}`
        return { SO_SNDBUF: through("SO_SNDBUF", 20_000), SO_RCVBUF: through("SO_RCVBUF", 30_000) }
      }
    },
    {
      id: "§1.9 SO_BROADCAST stream",
      title: "SO_BROADCAST on a stream",
      evidence: "documented",
      source: "SO_BROADCAST: not valid for streams (WSAENOPROTOOPT)",
      windows: { set: "WSAENOPROTOOPT" },
      probe: async (b) => ({ set: b.setOption(Streams.socket(b), SOL_SOCKET, Options.SO_BROADCAST, 1) })
    },
    {
      id: "§1.4 SIO_KEEPALIVE_VALS",
      title: "SIO_KEEPALIVE_VALS: on, off, without a value, with a short one",
      evidence: "documented",
      source: "SIO_KEEPALIVE_VALS",
      windows: { on: "ok", off: "ok", without: "WSAEFAULT", short: "WSAEFAULT" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const call = (input: Uint8Array): string => outcome(b.ioctl(client, Ioctls.SIO_KEEPALIVE_VALS, input))
        return {
          on: call(words(1, 10_000, 1_000)),
          off: call(words(0, 0, 0)),
          without: call(new Uint8Array(0)),
          short: call(words(1))
        }
      }
    },
    {
      id: "§1.4 SIO_KEEPALIVE_VALS option",
      title: "The same turns SO_KEEPALIVE on",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        b.ioctl(client, Ioctls.SIO_KEEPALIVE_VALS, words(1, 10_000, 1_000))
        return { SO_KEEPALIVE: flag(b, client, SOL_SOCKET, "SO_KEEPALIVE") }
      }
    },
    {
      id: "§1.4 SIO_TCP_INFO",
      title: "SIO_TCP_INFO of a connection: its state, the bytes that it sent and received",
      evidence: "documented",
      source: "SIO_TCP_INFO, TCP_INFO_v0 (Windows 10, version 1703 and later)",
      windows: { call: "ok", state: 4, out: 6, in: 2 },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, client, "Hello!")
        await Streams.take(b, server, 6)
        Streams.send(b, server, "ok")
        await Streams.take(b, client, 2)
        return tcpInfo(b, client)
      }
    },
    {
      id: "§1.4 SIO_TCP_INFO bad",
      title: "SIO_TCP_INFO: not connected, a version that nobody has, of datagrams",
      evidence: "unknown",
      source: "the codes are not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const call = (s: SocketHandle, version = 0): string =>
          outcome(b.ioctl(s, Ioctls.SIO_TCP_INFO, words(version), infoSize))
        return { unconnected: call(Streams.socket(b)), version: call(client, 99), datagram: call(b.bound().s) }
      }
    },
    {
      id: "§1.4 SIO_TCP_INITIAL_RTO",
      title: "SIO_TCP_INITIAL_RTO before connecting",
      evidence: "documented",
      source: "SIO_TCP_INITIAL_RTO",
      windows: { call: "ok" },
      probe: async (b) => {
        const s = Streams.socket(b)
        return { call: outcome(b.ioctl(s, Ioctls.SIO_TCP_INITIAL_RTO, [0xff, 0xff, 0xfe, 0])) }
      }
    },
    {
      id: "§1.4 SIO_TCP_INITIAL_RTO bad",
      title: "SIO_TCP_INITIAL_RTO: connected, a short value, of datagrams",
      evidence: "unknown",
      source: "the codes are not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const call = (s: SocketHandle, input: ReadonlyArray<number>): string =>
          outcome(b.ioctl(s, Ioctls.SIO_TCP_INITIAL_RTO, input))
        return {
          connected: call(client, [0xff, 0xff, 0xfe, 0]),
          short: call(Streams.socket(b), [0xff]),
          datagram: call(b.bound().s, [0xff, 0xff, 0xfe, 0])
        }
      }
    },
    {
      id: "§1.4 SIO_LOOPBACK_FAST_PATH",
      title: "SIO_LOOPBACK_FAST_PATH",
      evidence: "unknown",
      source: "documented, and deprecated since Windows 10, version 1809",
      probe: async (b) => ({ call: outcome(b.ioctl(Streams.socket(b), Ioctls.SIO_LOOPBACK_FAST_PATH, words(1))) })
    },
    {
      id: "§1.4 SIOCATMARK",
      title: "SIOCATMARK: TRUE where no urgent byte waits to be read",
      evidence: "documented",
      source: "WSAIoctl, SIOCATMARK: whether all out-of-band data has been read (with SO_OOBINLINE)",
      windows: { nothing: 1, before: 0, stream: "ab!cd", after: 1 },
      probe: async (b) => {
        const { client, nothing } = await urgent(b)
        const before = atMark(b, client)
        return { nothing, before, stream: await Streams.take(b, client, 5), after: atMark(b, client) }
      }
    },
    {
      id: "§1.4 SIOCATMARK at",
      title: "The same where the urgent byte is next; and how much a receive gives before it",
      evidence: "unknown",
      source: "WSAIoctl: a receive gives some or all of what is before the mark",
      probe: async (b) => {
        const { client } = await urgent(b)
        const stream = Streams.receive(b, client)
        return { stream, at: atMark(b, client), rest: await Streams.take(b, client, 5 - stream.length, 500) }
      }
    },
    {
      id: "§1.4 SIOCATMARK bad",
      title: "SIOCATMARK of datagrams, and of a listener",
      evidence: "unknown",
      source: "WSAIoctl: only for sockets of stream style; the code is not told",
      probe: async (b) => ({ datagram: atMark(b, b.bound().s), listener: atMark(b, Streams.listener(b).s) })
    },
    {
      id: "§1.4 FIONREAD stream",
      title: "FIONREAD: what a receive would give, of several sends too",
      evidence: "documented",
      source: "WSAIoctl: FIONREAD",
      windows: { nothing: 0, bytes: 9, received: "Hello!you", after: 0 },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const nothing = b.readable(client)
        Streams.send(b, server, "Hello!")
        Streams.send(b, server, "you")
        await b.until(() => (b.readable(client) >= 9 ? true : undefined))
        const bytes = b.readable(client)
        return { nothing, bytes, received: Streams.receive(b, client), after: b.readable(client) }
      }
    },
    {
      id: "§1.4 FIONREAD unconnected",
      title: "FIONREAD of a stream that is not connected, and of a listener",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const call = (s: SocketHandle): string => b.result(b.calls.ioctlsocket(s, Ioctls.FIONREAD, b.u32(0).address))
        return { unconnected: call(Streams.socket(b)), listener: call(Streams.listener(b).s) }
      }
    },
    {
      id: "§1.4 SIO_FLUSH",
      title: "SIO_FLUSH on a stream: at once, and overlapped",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEOPNOTSUPP", overlapped: "WSA_IO_PENDING", packets: "A STATUS_NOT_SUPPORTED 0" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        const call = outcome(b.ioctl(client, Ioctls.SIO_FLUSH, []))
        const { address } = b.overlapped()
        const overlapped = b.result(b.calls.WSAIoctl(client, Ioctls.SIO_FLUSH, 0, 0, 0, 0, b.bytes.address, address, 0))
        return { call, overlapped, packets: describe(await b.packets(completions, 1, 500)) }
      }
    },
    {
      id: "§1.4 SIO_IDEAL_SEND_BACKLOG_QUERY",
      title: "SIO_IDEAL_SEND_BACKLOG_QUERY of a connection, and of a stream that is not connected",
      evidence: "documented",
      source: "SIO_IDEAL_SEND_BACKLOG_QUERY: WSAENOTCONN",
      windows: { connected: "some bytes", unconnected: "WSAENOTCONN" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const of = (s: SocketHandle): string => {
          const out = b.ioctl(s, Ioctls.SIO_IDEAL_SEND_BACKLOG_QUERY, [], 4)
          return typeof out === "string" ? out : out.view.getUint32(0, true) > 0 ? "some bytes" : "0"
        }
        return { connected: of(client), unconnected: of(Streams.socket(b)) }
      }
    },
    {
      id: "§1.4 SIO_BASE_HANDLE stream",
      title: "SIO_BASE_HANDLE of a stream",
      evidence: "documented",
      source: "SIO_BASE_HANDLE",
      windows: { handle: "the socket" },
      probe: async (b) => {
        const s = Streams.socket(b)
        const out = b.ioctl(s, Ioctls.SIO_BASE_HANDLE, [], 8)
        if (typeof out === "string") return { handle: out }
        return { handle: out.view.getUint32(0, true) === s ? "the socket" : "another" }
      }
    },
    {
      id: "§1.4 SIO_UDP_CONNRESET stream",
      title: "SIO_UDP_CONNRESET of a stream",
      evidence: "unknown",
      source: "documented for datagram sockets",
      probe: async (b) => ({ call: outcome(b.ioctl(Streams.socket(b), Ioctls.SIO_UDP_CONNRESET, words(0))) })
    },
    {
      id: "§1.2 SO_UPDATE read",
      title: "getsockopt of SO_UPDATE_ACCEPT_CONTEXT and SO_UPDATE_CONNECT_CONTEXT",
      evidence: "unknown",
      source: "documented for setsockopt only",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return {
          SO_UPDATE_ACCEPT_CONTEXT: get(b, client, SOL_SOCKET, "SO_UPDATE_ACCEPT_CONTEXT"),
          SO_UPDATE_CONNECT_CONTEXT: get(b, client, SOL_SOCKET, "SO_UPDATE_CONNECT_CONTEXT")
        }
      }
    }
  ]
}
