// Multicast groups, and timestamps of sent datagrams.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Bench } from "../bench.ts"
import type { Group, Row } from "../model.ts"

const { IPPROTO_IP } = Flags

const address = [239, 255, 0, 9]
const loopback = [127, 0, 0, 1]
// the interface by an address of its own other than the source's, so that their order shows
const through = [127, 0, 0, 2]

const acts = {
  ADD: Options.IP_ADD_MEMBERSHIP,
  DROP: Options.IP_DROP_MEMBERSHIP,
  ADD_SOURCE: Options.IP_ADD_SOURCE_MEMBERSHIP,
  DROP_SOURCE: Options.IP_DROP_SOURCE_MEMBERSHIP,
  BLOCK_SOURCE: Options.IP_BLOCK_SOURCE,
  UNBLOCK_SOURCE: Options.IP_UNBLOCK_SOURCE
} as const

type Act = keyof typeof acts

const apply = (b: Bench, s: SocketHandle, act: Act, by: ReadonlyArray<number> = loopback): string => {
  const value = act.includes("SOURCE") ? [...address, ...loopback, ...by] : [...address, ...by]
  const block = b.alloc(value.length)
  block.bytes.set(value)
  return b.result(b.calls.setsockopt(s, IPPROTO_IP, acts[act], block.address, value.length))
}

/** What the last of several options answers; those before it succeed. */
const sequence = (before: ReadonlyArray<Act>, last: Act, windows: string): Row => ({
  id: `§1.9 groups ${[...before, last].join(" ")}`,
  title: `IP_${last} after ${before.map((act) => `IP_${act}`).join(", ")}, of one group, source and interface`,
  evidence: "documented",
  source: "Multicast Socket Option Behavior",
  windows: { before: before.map(() => "ok").join(" "), last: windows },
  probe: async (b) => {
    const { s } = b.bound("0.0.0.0")
    return { before: before.map((act) => apply(b, s, act)).join(" "), last: apply(b, s, last) }
  }
})

/** Sends to the group by loopback, and tells what has come once a datagram that was sent later has. */
const heard = async (b: Bench, s: SocketHandle, port: number, from: SocketHandle): Promise<string> => {
  const by = b.alloc(4)
  by.bytes.set(loopback)
  b.calls.setsockopt(from, IPPROTO_IP, Options.IP_MULTICAST_IF, by.address, 4)
  b.send(from, "group", address.join("."), port)
  await b.settle()
  return b.drain(s).join(" ") || "nothing"
}

const rows: ReadonlyArray<Row> = [
  sequence(["ADD"], "ADD", "WSAEADDRNOTAVAIL"),
  sequence(["ADD"], "ADD_SOURCE", "WSAEADDRNOTAVAIL"),
  sequence(["ADD"], "DROP_SOURCE", "WSAEINVAL"),
  sequence(["ADD"], "UNBLOCK_SOURCE", "WSAEINVAL"),
  sequence(["ADD", "DROP"], "DROP", "WSAEINVAL"),
  sequence(["ADD", "DROP"], "BLOCK_SOURCE", "WSAEINVAL"),
  sequence(["ADD_SOURCE"], "ADD", "WSAEADDRNOTAVAIL"),
  sequence(["ADD_SOURCE"], "ADD_SOURCE", "WSAEADDRNOTAVAIL"),
  sequence(["ADD_SOURCE"], "UNBLOCK_SOURCE", "WSAEINVAL"),
  sequence(["ADD_SOURCE", "DROP_SOURCE"], "UNBLOCK_SOURCE", "WSAEINVAL"),
  sequence(["ADD_SOURCE", "DROP_SOURCE"], "DROP_SOURCE", "WSAEADDRNOTAVAIL"),
  sequence(["ADD", "BLOCK_SOURCE"], "BLOCK_SOURCE", "WSAEADDRNOTAVAIL"),
  sequence(["ADD", "BLOCK_SOURCE"], "ADD_SOURCE", "WSAEINVAL"),
  sequence(["ADD", "BLOCK_SOURCE"], "ADD", "WSAEINVAL"),
  sequence(["ADD", "BLOCK_SOURCE", "UNBLOCK_SOURCE"], "UNBLOCK_SOURCE", "WSAEADDRNOTAVAIL"),
  {
    id: "§1.9 IP_MULTICAST_LOOP",
    title: "Who says whether a machine's own multicasts are received: the receiver",
    evidence: "documented",
    source: "IPPROTO_IP socket options",
    windows: { "off at the receiver": "nothing", "off at the sender": "group" },
    probe: async (b) => {
      const off = async (who: "receiver" | "sender"): Promise<string> => {
        const { port, s } = b.bound("0.0.0.0")
        const { s: from } = b.bound("0.0.0.0")
        apply(b, s, "ADD")
        b.setOption(who === "receiver" ? s : from, IPPROTO_IP, Options.IP_MULTICAST_LOOP, 0)
        return heard(b, s, port, from)
      }
      return { "off at the receiver": await off("receiver"), "off at the sender": await off("sender") }
    }
  },
  {
    id: "§1.9 IP_MULTICAST_IF index",
    title: "IP_MULTICAST_IF with 0.0.0.1 for the interface of index 1",
    evidence: "documented",
    source: "IPPROTO_IP socket options",
    windows: { set: "ok" },
    probe: async (b) => {
      const index = b.alloc(4)
      index.bytes.set([0, 0, 0, 1])
      return {
        set: b.result(b.calls.setsockopt(b.socket(), IPPROTO_IP, Options.IP_MULTICAST_IF, index.address, 4))
      }
    }
  },
  {
    id: "§1.9 ip_mreq_source",
    title: "The order of source and interface in ip_mreq_source",
    evidence: "documented",
    source: "ws2ipdef.h",
    windows: { received: "group" },
    probe: async (b) => {
      const { port, s } = b.bound("0.0.0.0")
      apply(b, s, "ADD_SOURCE", through)
      return { received: await heard(b, s, port, b.bound("127.0.0.1").s) }
    }
  },
  {
    id: "§1.2 MCAST_JOIN_GROUP",
    title: "MCAST_JOIN_GROUP, the option for groups of both families",
    evidence: "documented",
    source: "IPPROTO_IP socket options",
    windows: { call: "ok" },
    probe: async (b) => {
      const size = Structs.GROUP_REQ.size[b.abi]
      const block = b.alloc(size)
      const at = Structs.GROUP_REQ.offsets[b.abi]
      block.view.setUint32(at.gr_interface, 1, true)
      b.writeAddress(block, at.gr_group.ss_family, address.join("."), 0)
      return {
        call: b.result(b.calls.setsockopt(b.socket(), IPPROTO_IP, Options.MCAST_JOIN_GROUP, block.address, size))
      }
    }
  },
  {
    id: "§1.4 SIO_GET_TX_TIMESTAMP",
    title: "SIO_GET_TX_TIMESTAMP: on a socket without, for an id that nothing was sent with, and with one",
    evidence: "documented",
    source: "Winsock timestamping",
    windows: { without: "WSAEOPNOTSUPP", configured: "ok", unknown: "WSAEWOULDBLOCK", sent: "ok" },
    probe: async (b) => {
      const { port, s } = b.bound()
      const ask = (id: number): string => {
        const out = b.ioctl(s, Ioctls.SIO_GET_TX_TIMESTAMP, [id, 0, 0, 0], 8)
        return typeof out === "string" ? out : "ok"
      }
      const without = ask(7)
      const config = b.alloc(Structs.TIMESTAMPING_CONFIG.size[b.abi])
      const view = Structs.TIMESTAMPING_CONFIG.view(b.abi, config.view, 0)
      view.Flags = Flags.TIMESTAMPING_FLAG_TX
      view.TxTimestampsBuffered = 1
      const configured = b.ioctl(s, Ioctls.SIO_TIMESTAMPING, config.bytes.slice())
      if (typeof configured === "string") return { without, configured, unknown: ask(7), sent: "no" }
      const unknown = ask(7)
      const data = [7, 0, 0, 0]
      const message = b.outgoing("x").to("127.0.0.1", port)
      message.withControl({ level: Flags.SOL_SOCKET, type: Options.SO_TIMESTAMP_ID, data })
      const call = b.sendMsg(s, message)
      await b.arrival(s)
      return { without, configured: "ok", unknown, sent: call === "ok" ? ask(7) : call }
    }
  }
]

export const group: Group = { title: "Multicast groups and timestamps", rows }
