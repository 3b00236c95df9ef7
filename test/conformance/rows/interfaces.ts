// Control codes about the machine's interfaces.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as InterfaceList from "@effect-winsock/schema/InterfaceList"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as NetAddress from "effect/net/NetAddress"
import { type Bench, describe } from "../bench.ts"
import type { Group, Observation } from "../model.ts"

/** An answer without an OVERLAPPED, with so much room. */
const query = (b: Bench, s: SocketHandle, code: number, room: number) => {
  const out = b.alloc(Math.max(room, 1))
  const rc = b.calls.WSAIoctl(s, code, 0, 0, out.address, room, b.forget(), 0, 0)
  return { call: b.result(rc), out, count: b.byteCount }
}

const room = 16_384

const loopbackOf = { IPv4: "127.0.0.1", IPv6: "::1" } as const

/** Which address leads to loopback. */
const route =
  (family: keyof typeof loopbackOf) =>
  async (b: Bench): Promise<Observation> => {
    const s = b.socket({ v6: family === "IPv6" })
    const input = b.alloc(32)
    const length = b.writeAddress(input, 0, loopbackOf[family], 9)
    const out = b.ioctl(s, Ioctls.SIO_ROUTING_INTERFACE_QUERY, input.bytes.slice(0, length), 64)
    if (typeof out === "string") return { call: out }
    return { call: "ok", address: b.readAddress(out, 0).ip === loopbackOf[family] ? "loopback" : "another" }
  }

/** A wait for a change, cancelled; without an OVERLAPPED first. */
const waiting =
  (code: number, withInput: boolean) =>
  async (b: Bench): Promise<Observation> => {
    const s = b.socket()
    const completions = b.port(s)
    const input = b.alloc(32)
    const length = withInput ? b.writeAddress(input, 0, "127.0.0.1", 9) : 0
    const at = length === 0 ? 0 : input.address
    const now = b.result(b.calls.WSAIoctl(s, code, at, length, 0, 0, b.forget(), 0, 0))
    const overlapped = b.overlapped()
    const call = b.result(b.calls.WSAIoctl(s, code, at, length, 0, 0, b.forget(), overlapped.address, 0))
    await b.settle()
    const status = b.status(overlapped)
    b.calls.CancelIoEx(s, overlapped.address)
    return { "not overlapped": now, call, status, packets: describe(await b.packets(completions)) }
  }

export const group: Group = {
  title: "Interfaces",
  rows: [
    {
      id: "§1.4 SIO_ADDRESS_LIST_QUERY",
      title: "The addresses to bind to: loopback is not among them",
      evidence: "documented",
      source: "SIO_ADDRESS_LIST_QUERY",
      windows: { call: "ok", loopback: "no" },
      probe: async (b) => {
        const { call, count, out } = query(b, b.socket(), Ioctls.SIO_ADDRESS_LIST_QUERY, room)
        const list = InterfaceList.readAddresses(b.abi, out.view, Number(count), out.address)
        const loopback = list.some(({ address }) => NetAddress.formatIp(address).startsWith("127."))
        return { call, loopback: loopback ? "yes" : "no" }
      }
    },
    {
      id: "§1.4 SIO_ADDRESS_LIST_QUERY short",
      title: "The same with too little room: how much it takes is told",
      evidence: "documented",
      source: "SIO_ADDRESS_LIST_QUERY: WSAEFAULT, and the size in lpcbBytesReturned",
      windows: { call: "WSAEFAULT", told: "as much as it takes" },
      probe: async (b) => {
        const s = b.socket()
        const { call, count } = query(b, s, Ioctls.SIO_ADDRESS_LIST_QUERY, 16)
        const whole = query(b, s, Ioctls.SIO_ADDRESS_LIST_QUERY, Number(count) || 1)
        return { call, told: whole.call === "ok" ? "as much as it takes" : String(count) }
      }
    },
    {
      id: "§1.4 SIO_GET_INTERFACE_LIST",
      title: "The interfaces: the first of loopback",
      evidence: "documented",
      source: "SIO_GET_INTERFACE_LIST; INTERFACE_INFO",
      windows: { call: "ok", address: "127.0.0.1", netmask: "255.0.0.0", up: true, loopback: true },
      probe: async (b) => {
        const { call, count, out } = query(b, b.socket(), Ioctls.SIO_GET_INTERFACE_LIST, room)
        const list = InterfaceList.readInterfaces(out.view, Number(count))
        const own = list.find(({ flags }) => (flags & InterfaceList.IFF_LOOPBACK) !== 0)
        if (own === undefined) return { call, address: "none" }
        return {
          call,
          address: NetAddress.formatIp(own.address),
          netmask: NetAddress.formatIp(own.netmask),
          up: (own.flags & InterfaceList.IFF_UP) !== 0,
          loopback: true
        }
      }
    },
    {
      id: "§1.4 SIO_GET_INTERFACE_LIST short",
      title: "The same with too little room",
      evidence: "documented",
      source: "SIO_GET_INTERFACE_LIST: WSAEFAULT",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => ({ call: query(b, b.socket(), Ioctls.SIO_GET_INTERFACE_LIST, 16).call })
    },
    {
      id: "§1.4 SIO_GET_INTERFACE_LIST IPv6",
      title: "The same on an IPv6 socket",
      evidence: "documented",
      source: "SIO_GET_INTERFACE_LIST: WSAEINVAL where the level is not IPPROTO_IP",
      windows: { call: "WSAEINVAL" },
      probe: async (b) => ({ call: query(b, b.socket({ v6: true }), Ioctls.SIO_GET_INTERFACE_LIST, room).call })
    },
    {
      id: "§1.4 SIO_ROUTING_INTERFACE_QUERY",
      title: "The address that leads to 127.0.0.1",
      evidence: "documented",
      source: "SIO_ROUTING_INTERFACE_QUERY: the local interface to be used",
      windows: { call: "ok", address: "loopback" },
      probe: route("IPv4")
    },
    {
      id: "§1.4 SIO_ROUTING_INTERFACE_QUERY IPv6",
      title: "The address that leads to ::1",
      evidence: "documented",
      source: "SIO_ROUTING_INTERFACE_QUERY: the local interface to be used",
      windows: { call: "ok", address: "loopback" },
      probe: route("IPv6")
    },
    {
      id: "§1.4 SIO_ADDRESS_LIST_CHANGE",
      title: "It pends until the addresses change; not overlapped and non-blocking it does not wait",
      evidence: "documented",
      source: "SIO_ADDRESS_LIST_CHANGE: WSAEWOULDBLOCK",
      windows: {
        "not overlapped": "WSAEWOULDBLOCK",
        call: "WSA_IO_PENDING",
        status: "STATUS_PENDING",
        packets: "A STATUS_CANCELLED 0"
      },
      probe: waiting(Ioctls.SIO_ADDRESS_LIST_CHANGE, false)
    },
    {
      id: "§1.4 SIO_ROUTING_INTERFACE_CHANGE",
      title: "It pends until the route changes",
      evidence: "documented",
      source: "SIO_ROUTING_INTERFACE_CHANGE",
      windows: {
        "not overlapped": "WSAEWOULDBLOCK",
        call: "WSA_IO_PENDING",
        status: "STATUS_PENDING",
        packets: "A STATUS_CANCELLED 0"
      },
      probe: waiting(Ioctls.SIO_ROUTING_INTERFACE_CHANGE, true)
    }
  ]
}
