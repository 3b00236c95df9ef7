// Options, ioctls, binding.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Bench } from "../bench.ts"
import type { Group, Observation, Row } from "../model.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } = Flags

type Name = { [K in keyof typeof Options]: (typeof Options)[K] extends number ? K : never }[keyof typeof Options]

const levels = { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, SOL_SOCKET } as const

/** getsockopt: "ok", or the error. */
const get = (b: Bench, s: SocketHandle, level: number, name: number): string => {
  const value = b.option(s, level, name)
  return typeof value === "string" ? value : "ok"
}

const present =
  (level: keyof typeof levels, name: Name) =>
  async (b: Bench): Promise<Observation> => ({
    getsockopt: get(b, b.socket({ v6: level === "IPPROTO_IPV6" }), levels[level], Options[name])
  })

/** The options that exist on a UDP socket. */
const legal = (level: "IPPROTO_IP" | "IPPROTO_IPV6", names: ReadonlyArray<Name>): ReadonlyArray<Row> =>
  names.map((name) => ({
    id: `§1.2 ${level === "IPPROTO_IPV6" && name.startsWith("IP_") ? name.replace("IP_", "IPV6_") : name}`,
    title: "getsockopt on a UDP socket",
    evidence: "seen",
    source: "Wine's sock.c, test_sockopt_validity",
    windows: { getsockopt: "ok" },
    probe: present(level, name)
  }))

const accepted = (id: string, title: string, source: string, code: number, input: ReadonlyArray<number>): Row => ({
  id,
  title,
  evidence: "documented",
  source,
  windows: { call: "ok" },
  probe: async (b) => {
    const out = b.ioctl(b.bound().s, code, input)
    return { call: typeof out === "string" ? out : "ok" }
  }
})

/** Binds a second socket where the first is. */
const again = async (b: Bench, first: Name | undefined, second: Name | undefined): Promise<string> => {
  const s = b.socket()
  if (first !== undefined) b.setOption(s, SOL_SOCKET, Options[first], 1)
  b.bind(s, "127.0.0.1")
  const name = b.name(s)
  if (typeof name === "string") throw new Error(name)
  const other = b.socket()
  if (second !== undefined) b.setOption(other, SOL_SOCKET, Options[second], 1)
  return b.bind(other, "127.0.0.1", name.port)
}

export const group: Group = {
  title: "Binding, options and ioctls",
  rows: [
    {
      id: "fact 80",
      title: "IPV6_V6ONLY: on by default, and fixed once the socket is bound",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { default: 1, before: "ok", after: "WSAEINVAL" },
      probe: async (b) => {
        const s = b.socket({ v6: true })
        const initial = b.option(s, IPPROTO_IPV6, Options.IPV6_V6ONLY)
        const before = b.setOption(s, IPPROTO_IPV6, Options.IPV6_V6ONLY, 0)
        const bound = b.bind(s, "::1")
        if (bound !== "ok") return { bind: bound }
        return { default: initial, before, after: b.setOption(s, IPPROTO_IPV6, Options.IPV6_V6ONLY, 1) }
      }
    },
    {
      id: "fact 81 name",
      title: "bind without a name, and with a short one",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { NULL: "WSAEFAULT", short: "WSAEFAULT" },
      probe: async (b) => {
        const s = b.socket()
        const { address } = b.address("127.0.0.1", 0)
        return { NULL: b.result(b.calls.bind(s, 0, 16)), short: b.result(b.calls.bind(s, address, 15)) }
      }
    },
    {
      id: "fact 81 twice",
      title: "A second bind of a socket",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEINVAL" },
      probe: async (b) => ({ call: b.bind(b.bound().s, "127.0.0.1") })
    },
    {
      id: "fact 81 foreign",
      title: "bind to another host's address",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEADDRNOTAVAIL" },
      probe: async (b) => ({ call: b.bind(b.socket(), "192.0.2.1") })
    },
    {
      id: "fact 81 exclusion",
      title: "SO_REUSEADDR and SO_EXCLUSIVEADDRUSE exclude each other",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { "exclusive after reuse": "WSAEINVAL", "reuse after exclusive": "WSAEINVAL" },
      probe: async (b) => {
        const second = (first: Name, second: Name): string => {
          const s = b.socket()
          b.setOption(s, SOL_SOCKET, Options[first], 1)
          return b.setOption(s, SOL_SOCKET, Options[second], 1)
        }
        return {
          "exclusive after reuse": second("SO_REUSEADDR", "SO_EXCLUSIVEADDRUSE"),
          "reuse after exclusive": second("SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR")
        }
      }
    },
    {
      id: "fact 81 reuse",
      title: "A bind with SO_REUSEADDR where a socket without it is",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEACCES" },
      probe: async (b) => ({ call: await again(b, undefined, "SO_REUSEADDR") })
    },
    {
      id: "§1.9 in use",
      title: "A bind where a socket is",
      evidence: "documented",
      source: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE",
      windows: { plain: "WSAEADDRINUSE", "both reuse": "ok", "reuse over exclusive": "WSAEACCES" },
      probe: async (b) => ({
        plain: await again(b, undefined, undefined),
        "both reuse": await again(b, "SO_REUSEADDR", "SO_REUSEADDR"),
        "reuse over exclusive": await again(b, "SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR")
      })
    },
    ...legal("IPPROTO_IP", [
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
    ]),
    ...legal("IPPROTO_IPV6", [
      "IPV6_PKTINFO",
      "IPV6_HOPLIMIT",
      "IPV6_RECVTCLASS",
      "IPV6_ECN",
      "IPV6_RECVIF",
      "IPV6_RECVDSTADDR",
      "IP_ORIGINAL_ARRIVAL_IF",
      "IPV6_PKTINFO_EX",
      "IPV6_RECVERR",
      "IPV6_MULTICAST_IF",
      "IPV6_MULTICAST_HOPS",
      "IPV6_MULTICAST_LOOP"
    ]),
    {
      id: "§1.2 illegal",
      title: "Options that a UDP socket does not have, or not yet",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: {
        IP_HDRINCL: "WSAEINVAL",
        IP_GET_IFLIST: "WSAEINVAL",
        IP_ADD_MEMBERSHIP: "WSAENOPROTOOPT",
        IP_DROP_MEMBERSHIP: "WSAENOPROTOOPT",
        "-1": "WSAENOPROTOOPT"
      },
      probe: async (b) => {
        const s = b.socket()
        return {
          IP_HDRINCL: get(b, s, IPPROTO_IP, Options.IP_HDRINCL),
          IP_GET_IFLIST: get(b, s, IPPROTO_IP, Options.IP_GET_IFLIST),
          IP_ADD_MEMBERSHIP: get(b, s, IPPROTO_IP, Options.IP_ADD_MEMBERSHIP),
          IP_DROP_MEMBERSHIP: get(b, s, IPPROTO_IP, Options.IP_DROP_MEMBERSHIP),
          "-1": get(b, s, IPPROTO_IP, -1)
        }
      }
    },
    {
      id: "§1.2 IP_MTU",
      title: "IP_MTU of an unconnected socket",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: { getsockopt: "WSAENOTCONN" },
      probe: present("IPPROTO_IP", "IP_MTU")
    },
    {
      id: "§1.2 IPV6_MTU",
      title: "IPV6_MTU of an unconnected socket",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: { getsockopt: "WSAENOTCONN" },
      probe: present("IPPROTO_IPV6", "IPV6_MTU")
    },
    {
      id: "§1.2 IP_MTU_DISCOVER",
      title: "IP_MTU_DISCOVER: read, and set to 0",
      evidence: "seen",
      source: "Wine's sock.c, test_sockopt_validity",
      windows: { getsockopt: "ok", "set 0": "WSAEINVAL" },
      probe: async (b) => {
        const s = b.socket()
        return {
          getsockopt: get(b, s, IPPROTO_IP, Options.IP_MTU_DISCOVER),
          "set 0": b.setOption(s, IPPROTO_IP, Options.IP_MTU_DISCOVER, 0)
        }
      }
    },
    {
      id: "§1.2 UDP_SEND_MSG_SIZE",
      title: "Segmentation on send: the option",
      evidence: "documented",
      source: "IPPROTO_UDP socket options (Windows 10 2004)",
      windows: { getsockopt: "ok" },
      probe: present("IPPROTO_UDP", "UDP_SEND_MSG_SIZE")
    },
    {
      id: "§1.2 UDP_RECV_MAX_COALESCED_SIZE",
      title: "Coalescing on receive: the option",
      evidence: "documented",
      source: "IPPROTO_UDP socket options (Windows 10 2004)",
      windows: { getsockopt: "ok", set: "ok" },
      probe: async (b) => {
        const s = b.socket()
        return {
          getsockopt: get(b, s, IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE),
          set: b.setOption(s, IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE, 65_507)
        }
      }
    },
    {
      id: "P24",
      title: "Four datagrams of 100 bytes to a coalescing socket: what is received",
      evidence: "unknown",
      source: "coalescing on loopback is not documented",
      probe: async (b) => {
        const { port, s } = b.bound()
        const set = b.setOption(s, IPPROTO_UDP, Options.UDP_RECV_MAX_COALESCED_SIZE, 65_507)
        if (set !== "ok") return { set }
        const { s: from } = b.bound()
        for (let i = 0; i < 4; i++) b.send(from, "x".repeat(100), "127.0.0.1", port)
        await b.settle()
        const message = b.message({ sizes: [4096], control: 128 })
        const call = b.recvMsg(s, message)
        return { call, bytes: b.byteCount, messages: message.controlNames }
      }
    },
    {
      id: "§1.2 IPV6_TCLASS",
      title: "IPV6_TCLASS: may it be set? (msquic's probe for sending a traffic class)",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => ({
        set: b.setOption(b.socket({ v6: true }), IPPROTO_IPV6, Options.IPV6_TCLASS, 0xb8)
      })
    },
    {
      id: "P25 IP_TOS",
      title: "IP_TOS by setsockopt: accepted, and on the wire?",
      evidence: "unknown",
      source: 'documented "do not use"; msquic: fails silently',
      probe: async (b) => {
        const { port, s } = b.bound()
        b.setOption(s, IPPROTO_IP, Options.IP_RECVTOS, 1)
        const { s: from } = b.bound()
        const set = b.setOption(from, IPPROTO_IP, Options.IP_TOS, 0xb8)
        await b.deliver(from, "x", s, "127.0.0.1", port)
        const message = b.message({ control: 128 })
        b.recvMsg(s, message)
        return { set, arrives: message.controls[0]?.data[0] ?? "no control message" }
      }
    },
    accepted(
      "§1.4 SIO_UDP_CONNRESET",
      "SIO_UDP_CONNRESET FALSE",
      "winsock ioctls",
      Ioctls.SIO_UDP_CONNRESET,
      [0, 0, 0, 0]
    ),
    accepted("P2", "SIO_UDP_NETRESET FALSE", "winsock ioctls", Ioctls.SIO_UDP_NETRESET, [0, 0, 0, 0]),
    {
      id: "§1.4 SIO_ENABLE_CIRCULAR_QUEUEING",
      title: "SIO_ENABLE_CIRCULAR_QUEUEING",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok" },
      probe: async (b) => {
        const out = b.ioctl(b.bound().s, Ioctls.SIO_ENABLE_CIRCULAR_QUEUEING, [])
        return { call: typeof out === "string" ? out : "ok" }
      }
    },
    {
      id: "§1.4 SIO_BASE_HANDLE",
      title: "SIO_BASE_HANDLE of a socket without layered providers is the socket",
      evidence: "documented",
      source: "SIO_BASE_HANDLE",
      windows: { handle: "the socket" },
      probe: async (b) => {
        const s = b.socket()
        const out = b.ioctl(s, Ioctls.SIO_BASE_HANDLE, [], Layout.pointerSize(b.abi))
        if (typeof out === "string") return { handle: out }
        return { handle: Layout.readPointer(b.abi, out.view, 0) === s ? "the socket" : "another" }
      }
    },
    {
      id: "P29",
      title: "FIONREAD with datagrams of 6 and 4 bytes queued",
      evidence: "documented",
      source: "ioctlsocket, FIONREAD: the total of all queued bytes",
      windows: { bytes: 10 },
      probe: async (b) => {
        const { port, s } = b.bound()
        const { s: from } = b.bound()
        b.send(from, "Hello!", "127.0.0.1", port)
        b.send(from, "more", "127.0.0.1", port)
        await b.settle()
        return { bytes: b.readable(s) }
      }
    },
    {
      id: "§1.4 SIO_TIMESTAMPING",
      title: "SIO_TIMESTAMPING with TIMESTAMPING_FLAG_RX",
      evidence: "documented",
      source: "Winsock timestamping (Windows 10 2004 / 11)",
      windows: { call: "ok", message: "SO_TIMESTAMP" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const config = b.alloc(Structs.TIMESTAMPING_CONFIG.size[b.abi])
        Structs.TIMESTAMPING_CONFIG.view(b.abi, config.view, 0).Flags = Flags.TIMESTAMPING_FLAG_RX
        const out = b.ioctl(s, Ioctls.SIO_TIMESTAMPING, config.bytes.slice())
        if (typeof out === "string") return { call: out }
        await b.deliver(b.bound().s, "x", s, "127.0.0.1", port)
        const message = b.message({ control: 128 })
        b.recvMsg(s, message)
        return { call: "ok", message: message.controlNames }
      }
    },
    {
      id: "P29 SIO_FLUSH",
      title: "SIO_FLUSH of a UDP socket, not overlapped",
      evidence: "unknown",
      source: "on TCP WSAEOPNOTSUPP; documented WSAENOPROTOOPT",
      probe: async (b) => {
        const out = b.ioctl(b.bound().s, Ioctls.SIO_FLUSH, [])
        return { call: typeof out === "string" ? out : "ok" }
      }
    },
    {
      id: "P9 provider",
      title: "SO_PROTOCOL_INFOW: handles are file handles, no layered provider",
      evidence: "documented",
      source: "WSAPROTOCOL_INFOW: XP1_IFS_HANDLES, ChainLen 1",
      windows: { XP1_IFS_HANDLES: true, ChainLen: 1 },
      probe: async (b) => {
        const size = Structs.WSAPROTOCOL_INFOW.size[b.abi]
        const block = b.alloc(size + 8)
        block.view.setInt32(size, size, true)
        const rc = b.calls.getsockopt(
          b.socket(),
          SOL_SOCKET,
          Options.SO_PROTOCOL_INFOW,
          block.address,
          block.address + size
        )
        if (rc !== 0) return { getsockopt: b.error }
        const info = Structs.WSAPROTOCOL_INFOW.view(b.abi, block.view, 0)
        return {
          XP1_IFS_HANDLES: (info.dwServiceFlags1 & Flags.XP1_IFS_HANDLES) !== 0,
          ChainLen: info.ProtocolChain.ChainLen
        }
      }
    },
    {
      id: "open 9",
      title: "SO_MAX_MSG_SIZE",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => ({
        IPv4: b.option(b.socket(), SOL_SOCKET, Options.SO_MAX_MSG_SIZE),
        IPv6: b.option(b.socket({ v6: true }), SOL_SOCKET, Options.SO_MAX_MSG_SIZE)
      })
    },
    {
      id: "§1.3",
      title: "WSARecvMsg and WSASendMsg are found by their GUIDs, for both families",
      evidence: "documented",
      source: "SIO_GET_EXTENSION_FUNCTION_POINTER, WSARecvMsg, WSASendMsg",
      windows: { IPv4: "both", IPv6: "both" },
      probe: async (b) => {
        const found = (v6: boolean): string => {
          const s = b.socket({ v6 })
          for (const name of ["WSARecvMsg", "WSASendMsg"] as const) b.extension(s, name)
          return "both"
        }
        return { IPv4: found(false), IPv6: found(true) }
      }
    }
  ]
}
