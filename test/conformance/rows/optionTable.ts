// Options by the type of socket, and options whose values are more than a number.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Bench } from "../bench.ts"
import type { Group, Observation } from "../model.ts"

const { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET } = Flags

type Name = { [K in keyof typeof Options]: (typeof Options)[K] extends number ? K : never }[keyof typeof Options]

const stream = (b: Bench): SocketHandle => b.socket({ type: Flags.SOCK_STREAM, protocol: Flags.IPPROTO_TCP })

/** What getsockopt answers for each of the names: "ok", or the error. */
const answers = (b: Bench, s: SocketHandle, level: number, names: ReadonlyArray<Name>): Observation =>
  Object.fromEntries(
    names.map((name) => {
      const value = b.option(s, level, Options[name])
      return [name, typeof value === "string" ? value : "ok"]
    })
  )

const all = (names: ReadonlyArray<Name>, answer: string): Observation =>
  Object.fromEntries(names.map((name) => [name, answer]))

const bsd = ["SO_SNDLOWAT", "SO_RCVLOWAT", "SO_USELOOPBACK"] as const
const ofTcp = ["TCP_EXPEDITED_1122", "TCP_KEEPCNT", "TCP_MAXRT", "TCP_TIMESTAMPS", "TCP_FASTOPEN"] as const

export const group: Group = {
  title: "Options by the type of socket",
  rows: [
    {
      id: "§1.2 IPv6 on IPv4",
      title: "getsockopt on an IPv4 socket for options of IPv6",
      evidence: "documented",
      source: "getsockopt: WSAENOPROTOOPT for an option that the protocol family does not have",
      windows: { IPV6_UNICAST_HOPS: "WSAENOPROTOOPT", IPV6_V6ONLY: "WSAENOPROTOOPT" },
      probe: async (b) => answers(b, b.socket(), IPPROTO_IPV6, ["IPV6_UNICAST_HOPS", "IPV6_V6ONLY"])
    },
    {
      id: "§1.2 other protocol",
      title: "getsockopt on a UDP socket for an option of TCP",
      evidence: "documented",
      source: "getsockopt: WSAENOPROTOOPT for an option that the protocol does not have",
      windows: { TCP_NODELAY: "WSAENOPROTOOPT" },
      probe: async (b) => answers(b, b.socket(), IPPROTO_TCP, ["TCP_NODELAY"])
    },
    {
      id: "§1.2 BSD",
      title: "Options that are kept from BSD, since Windows Vista",
      evidence: "documented",
      source: "SOL_SOCKET Socket Options: WSAEINVAL on Windows Vista and later",
      windows: all(bsd, "WSAEINVAL"),
      probe: async (b) => answers(b, b.socket(), SOL_SOCKET, bsd)
    },
    {
      id: "§1.2 TCP options",
      title: "getsockopt on a TCP socket for options of TCP",
      evidence: "documented",
      source: "IPPROTO_TCP socket options (Windows 10 1703)",
      windows: all(ofTcp, "ok"),
      probe: async (b) => answers(b, stream(b), IPPROTO_TCP, ofTcp)
    },
    {
      id: "§1.2 IP_IFLIST",
      title: "IP_IFLIST: no list before it is on, then what was added",
      evidence: "documented",
      source: "IPPROTO_IP socket options (Windows 10 1803)",
      windows: { before: "WSAEINVAL", on: "ok", empty: 0, add: "ok", list: "1", remove: "ok", after: 0 },
      probe: async (b) => {
        const s = b.socket()
        const list = (): number | string => {
          const block = b.alloc(72)
          block.view.setInt32(64, 64, true)
          const at = block.address
          if (b.calls.getsockopt(s, IPPROTO_IP, Options.IP_GET_IFLIST, at, at + 64) !== 0) return b.error
          const count = block.view.getInt32(64, true) / 4
          if (count === 0) return 0
          return Array.from({ length: count }, (_, i) => block.view.getUint32(4 * i, true)).join(" ")
        }
        const before = list()
        const on = b.setOption(s, IPPROTO_IP, Options.IP_IFLIST, 1)
        if (on !== "ok") return { before, on }
        const empty = list()
        const add = b.setOption(s, IPPROTO_IP, Options.IP_ADD_IFLIST, 1)
        const told = list()
        const remove = b.setOption(s, IPPROTO_IP, Options.IP_DEL_IFLIST, 1)
        return { before, on, empty, add, list: told, remove, after: list() }
      }
    },
    {
      id: "§1.2 IP_UNICAST_IF",
      title: "IP_UNICAST_IF is set in network byte order and told in the host's",
      evidence: "documented",
      source: "IPPROTO_IP socket options",
      windows: { set: "ok", told: 1 },
      probe: async (b) => {
        const s = b.socket()
        const set = b.setOption(s, IPPROTO_IP, Options.IP_UNICAST_IF, 0x0100_0000)
        return { set, told: b.option(s, IPPROTO_IP, Options.IP_UNICAST_IF) }
      }
    },
    {
      id: "§1.2 IP_OPTIONS",
      title: "IP_OPTIONS: none at first, then those that were set",
      evidence: "documented",
      source: "IPPROTO_IP socket options",
      windows: { first: "", set: "ok", told: "1 1 1 1", removed: "" },
      probe: async (b) => {
        const s = b.socket()
        const told = (): string => {
          const block = b.alloc(72)
          block.view.setInt32(64, 40, true)
          const at = block.address
          if (b.calls.getsockopt(s, IPPROTO_IP, Options.IP_OPTIONS, at, at + 64) !== 0) return b.error
          return Array.from(block.bytes.subarray(0, block.view.getInt32(64, true))).join(" ")
        }
        const first = told()
        const set = b.setOption(s, IPPROTO_IP, Options.IP_OPTIONS, 0x0101_0101)
        const some = told()
        b.calls.setsockopt(s, IPPROTO_IP, Options.IP_OPTIONS, 0, 0)
        return { first, set, told: some, removed: told() }
      }
    },
    {
      id: "§1.2 SO_BSP_STATE",
      title: "SO_BSP_STATE of a bound datagram socket: its address, type and protocol",
      evidence: "documented",
      source: "SO_BSP_STATE",
      windows: { type: Flags.SOCK_DGRAM, protocol: Flags.IPPROTO_UDP, local: "inside", port: "its own" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const size = 256
        const block = b.alloc(size + 8)
        block.view.setInt32(size, size, true)
        const { address } = block
        if (b.calls.getsockopt(s, SOL_SOCKET, Options.SO_BSP_STATE, address, address + size) !== 0) {
          return { getsockopt: b.error }
        }
        const state = Structs.CSADDR_INFO.view(b.abi, block.view, 0)
        const at = state.LocalAddr.lpSockaddr - address
        const inside = at > 0 && at + 16 <= size
        return {
          type: state.iSocketType,
          protocol: state.iProtocol,
          local: inside ? "inside" : "outside",
          port: inside && block.view.getUint16(at + 2, false) === port ? "its own" : "another"
        }
      }
    }
  ]
}
