// AcceptEx and GetAcceptExSockaddrs.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, describe } from "../bench.ts"
import { type Group, type Observation, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

/** An AcceptEx that fails at once: the code, and what Internal says. */
const refused = (b: Bench, listening: SocketHandle, options?: Streams.AcceptOptions, s?: SocketHandle): string => {
  const { call, overlapped } = Streams.acceptEx(b, listening, "A", options, s)
  if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
  return call
}

/** AcceptEx with arguments of its own. */
const rawAcceptEx = (b: Bench, listening: SocketHandle | -1, buffer: number, overlapped: number): string => {
  const s = Streams.socket(b)
  const f = b.extension(s, "AcceptEx")
  const room = Streams.addressRoom
  return b.success(f(listening, s, buffer, 0, room, room, b.bytes.address, overlapped))
}

const addressRoomV6 = 44

/** A listener with an AcceptEx posted. */
const waiting = (b: Bench, options?: Streams.AcceptOptions) => {
  const listening = Streams.listener(b)
  const completions = b.port(listening.s)
  return { ...listening, completions, acceptance: Streams.acceptEx(b, listening.s, "A", options) }
}

const where = (told: Streams.Told): string => (typeof told === "string" ? told : `${told.ip}, length ${told.length}`)

export const group: Group = {
  title: "Streams: AcceptEx",
  rows: [
    {
      id: "fact 69",
      title: "AcceptEx: the calls that fail at once",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        "not listening": "WSAEINVAL",
        INVALID_SOCKET: "WSAENOTSOCK",
        "no buffer": "WSAEFAULT",
        "no OVERLAPPED": "WSA_INVALID_PARAMETER",
        "remote length 0": "WSAEFAULT"
      },
      probe: async (b) => {
        const { s } = Streams.listener(b)
        const buffer = b.alloc(128).address
        const overlapped = b.overlapped()
        const invalid = rawAcceptEx(b, -1, buffer, overlapped.address)
        const noBuffer = rawAcceptEx(b, s, 0, overlapped.address)
        Streams.over(overlapped)
        return {
          "not listening": refused(b, Streams.bound(b).s),
          INVALID_SOCKET: invalid,
          "no buffer": noBuffer,
          "no OVERLAPPED": rawAcceptEx(b, s, buffer, 0),
          "remote length 0": refused(b, s, { remote: 0 })
        }
      }
    },
    {
      id: "fact 69 Internal",
      title: "The same: Internal is STATUS_PENDING afterwards, though nothing is under way (P16)",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEINVAL", internal: "STATUS_PENDING", packets: "none" },
      probe: async (b) => {
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        const { call, overlapped } = Streams.acceptEx(b, s)
        const internal = b.status(overlapped)
        Streams.over(overlapped)
        return { call, internal, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 70",
      title: "Local address length 0: GetAcceptExSockaddrs leaves the local outputs alone",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { status: "STATUS_SUCCESS", local: "untouched", remote: "127.0.0.1, length 16" },
      probe: async (b) => {
        const { acceptance, port } = waiting(b, { local: 0 })
        if (acceptance.call !== "WSA_IO_PENDING") return { call: acceptance.call }
        await Streams.connected(b, port)
        const status = await b.completion(acceptance.overlapped)
        const { local, remote } = acceptance.addresses()
        return { status, local: where(local), remote: where(remote) }
      }
    },
    {
      id: "fact 70 short",
      title:
        "Room for the local address that is too little: STATUS_BUFFER_TOO_SMALL; the connection stays in the queue",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { status: "STATUS_BUFFER_TOO_SMALL", accept: "ok" },
      probe: async (b) => {
        const { acceptance, port, s } = waiting(b, { local: 3 })
        if (acceptance.call !== "WSA_IO_PENDING") {
          Streams.over(acceptance.overlapped)
          return { call: acceptance.call }
        }
        await Streams.connected(b, port)
        const status = await b.completion(acceptance.overlapped)
        const found = await b.until(() => {
          const found = Streams.accept(b, s)
          return typeof found === "number" ? "ok" : undefined
        }, 500)
        return { status, accept: found ?? "nothing" }
      }
    },
    {
      id: "fact 71",
      title: "AcceptEx into a socket that is of datagrams, bound, connected, or waited for already",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { datagram: "WSAEINVAL", bound: "WSAEINVAL", connected: "WSAEINVAL", "waited for": "WSAEINVAL" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const { acceptance, s } = waiting(b)
        return {
          datagram: refused(b, s, {}, b.socket()),
          bound: refused(b, s, {}, Streams.bound(b).s),
          connected: refused(b, s, {}, client),
          "waited for": refused(b, s, {}, acceptance.s)
        }
      }
    },
    {
      id: "fact 72",
      title: "With a receive length it completes with the first data, not with the connection",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", connected: "STATUS_PENDING", packets: "A STATUS_SUCCESS 6", text: "Hello!" },
      probe: async (b) => {
        const { acceptance, completions, port } = waiting(b, { receive: 64 })
        const client = await Streams.connected(b, port)
        await b.settle()
        const connected = b.status(acceptance.overlapped)
        Streams.send(b, client, "Hello!")
        const packets = describe(await b.packets(completions))
        return { call: acceptance.call, connected, packets, text: acceptance.text }
      }
    },
    {
      id: "fact 72 end",
      title: "With a receive length, and the peer disconnects: no bytes",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { packets: "A STATUS_SUCCESS 0" },
      probe: async (b) => {
        const { completions, port } = waiting(b, { receive: 64 })
        b.close(await Streams.connected(b, port))
        return { packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "fact 72 reset",
      title: "With a receive length, and the peer resets",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { completions, port } = waiting(b, { receive: 64 })
        const client = await Streams.connected(b, port)
        await b.settle()
        Streams.reset(b, client)
        return { packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "§1.9 AcceptEx",
      title: "Without a receive length it completes with the connection; data is left to the next receive",
      evidence: "documented",
      source: "AcceptEx",
      windows: { call: "WSA_IO_PENDING", packets: "A STATUS_SUCCESS 0", received: "Hello!" },
      probe: async (b) => {
        const { acceptance, completions, port } = waiting(b)
        await Streams.connected(b, port, Streams.bound(b).s, { data: "Hello!" })
        const packets = describe(await b.packets(completions))
        acceptance.update()
        return { call: acceptance.call, packets, received: await Streams.take(b, acceptance.s, 6) }
      }
    },
    {
      id: "§1.9 AcceptEx at hand",
      title: "A connection that waits already is taken",
      evidence: "documented",
      source: "AcceptEx",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 0" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const completions = b.port(listening.s)
        await Streams.connected(b, listening.port)
        await b.settle()
        const { call } = Streams.acceptEx(b, listening.s)
        return { call, packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "§1.9 layout",
      title: "GetAcceptExSockaddrs: the addresses lie behind the data, and are the connection's",
      evidence: "documented",
      source: "GetAcceptExSockaddrs, AcceptEx: 16 bytes more than the longest address",
      windows: {
        text: "Hello!",
        local: "127.0.0.1, length 16",
        remote: "127.0.0.1, length 16",
        "local port": "the listener's",
        "remote port": "the client's",
        "behind the data": true
      },
      probe: async (b) => {
        const { acceptance, port } = waiting(b, { receive: 64 })
        const client = Streams.bound(b)
        await Streams.connected(b, port, client.s, { data: "Hello!" })
        await b.completion(acceptance.overlapped)
        const { local, remote } = acceptance.addresses()
        if (typeof local === "string" || typeof remote === "string")
          return { local: where(local), remote: where(remote) }
        return {
          text: acceptance.text,
          local: where(local),
          remote: where(remote),
          "local port": local.port === port ? "the listener's" : "another",
          "remote port": remote.port === client.port ? "the client's" : "another",
          "behind the data": local.offset >= 64 && remote.offset >= 64 + Streams.addressRoom
        }
      }
    },
    {
      id: "§1.9 layout IPv6",
      title: "The same over IPv6",
      evidence: "documented",
      source: "GetAcceptExSockaddrs",
      windows: { local: "::1, length 28", remote: "::1, length 28" },
      probe: async (b) => {
        const { port, s } = Streams.listener(b, 5, "::1")
        const options = { local: addressRoomV6, remote: addressRoomV6 }
        const acceptance = Streams.acceptEx(b, s, "A", options, Streams.socket(b, { v6: true }))
        await Streams.connected(b, port, Streams.bound(b, "::1").s, { ip: "::1" })
        await b.completion(acceptance.overlapped)
        const { local, remote } = acceptance.addresses()
        return { local: where(local), remote: where(remote) }
      }
    },
    {
      id: "§1.9 layout offsets",
      title: "The same: where exactly",
      evidence: "unknown",
      source: "the layout of the output buffer is not documented",
      probe: async (b) => {
        const { acceptance, port } = waiting(b, { receive: 64 })
        await Streams.connected(b, port, Streams.bound(b).s, { data: "Hello!" })
        await b.completion(acceptance.overlapped)
        const { local, remote } = acceptance.addresses()
        const offset = (told: Streams.Told): Observation[string] => (typeof told === "string" ? told : told.offset)
        return { local: offset(local), remote: offset(remote) }
      }
    },
    {
      id: "fact 73",
      title: "CancelIo and CancelIoEx of the accepting socket do nothing: the operation is the listener's",
      evidence: "seen",
      source: "Wine's sock.c (CancelIo)",
      windows: { CancelIo: "ok", after: "STATUS_PENDING", status: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { acceptance, port } = waiting(b)
        const call = b.success(b.calls.CancelIo(acceptance.s))
        b.calls.CancelIoEx(acceptance.s, 0)
        await b.settle()
        const after = b.status(acceptance.overlapped)
        await Streams.connected(b, port)
        return { CancelIo: call, after, status: await b.completion(acceptance.overlapped) }
      }
    },
    {
      id: "fact 73 listener",
      title: "CancelIoEx of the listener cancels the AcceptEx that is named, and no other",
      evidence: "documented",
      source: "CancelIoEx",
      windows: { call: "ok", packets: "A STATUS_CANCELLED 0", B: "STATUS_PENDING" },
      probe: async (b) => {
        const { acceptance, completions, s } = waiting(b)
        const other = Streams.acceptEx(b, s, "B")
        const call = b.success(b.calls.CancelIoEx(s, acceptance.overlapped.address))
        const packets = describe(await b.packets(completions))
        return { call, packets, B: b.status(other.overlapped) }
      }
    },
    {
      id: "§1.12 AcceptEx again",
      title: "After its AcceptEx was cancelled a socket can be given to another, and the connection is not lost",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { acceptance, port, s } = waiting(b)
        b.calls.CancelIoEx(s, acceptance.overlapped.address)
        await b.completion(acceptance.overlapped)
        await Streams.connected(b, port)
        const again = Streams.acceptEx(b, s, "B", {}, acceptance.s)
        if (again.call !== "ok" && again.call !== "WSA_IO_PENDING") {
          Streams.over(again.overlapped)
          return { call: again.call }
        }
        return { call: "accepted", status: await b.completion(again.overlapped) }
      }
    },
    {
      id: "fact 74",
      title: "SO_UPDATE_ACCEPT_CONTEXT: the socket's names before and after",
      evidence: "seen",
      source: "Wine's sock.c; AcceptEx (P4)",
      windows: { before: "WSAEINVAL", update: "ok", after: "127.0.0.1, a port", peer: "connected" },
      probe: async (b) => {
        const { acceptance, port } = waiting(b)
        await Streams.connected(b, port)
        await b.completion(acceptance.overlapped)
        const before = b.nameText(acceptance.s)
        const update = acceptance.update()
        return { before, update, after: b.nameText(acceptance.s), peer: Streams.peerOf(b, acceptance.s) }
      }
    },
    {
      id: "fact 74 before",
      title: "Before SO_UPDATE_ACCEPT_CONTEXT: send and receive work, shutdown and getpeername do not",
      evidence: "documented",
      source: "AcceptEx: only ReadFile, WriteFile, send, recv, TransmitFile and closesocket may be called (P4)",
      windows: { send: "ok", received: "Hello!", shutdown: "WSAENOTCONN", peer: "WSAENOTCONN" },
      probe: async (b) => {
        const { acceptance, port } = waiting(b)
        const client = await Streams.connected(b, port)
        await b.completion(acceptance.overlapped)
        const { s } = acceptance
        b.nonBlocking(s)
        const sent = Streams.send(b, s, "x")
        Streams.send(b, client, "Hello!")
        const received = await Streams.take(b, s, 6)
        const peer = Streams.peerOf(b, s)
        return { send: sent, received, shutdown: b.result(b.calls.shutdown(s, Flags.SD_SEND)), peer }
      }
    },
    {
      id: "fact 74 bad",
      title: "SO_UPDATE_ACCEPT_CONTEXT of a socket that nothing accepted, and with a short value",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { acceptance, port, s } = waiting(b)
        const fresh = Streams.updateAccept(b, Streams.socket(b), s)
        await Streams.connected(b, port)
        await b.completion(acceptance.overlapped)
        const value = b.u32(s).address
        const { SO_UPDATE_ACCEPT_CONTEXT } = Options
        const short = b.calls.setsockopt(acceptance.s, Flags.SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, value, 2)
        return { fresh, short: b.result(short) }
      }
    },
    {
      id: "§1.9 AcceptEx order",
      title: "Two AcceptEx and one connection: which of them gets it",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { acceptance, port, s } = waiting(b)
        const other = Streams.acceptEx(b, s, "B")
        await Streams.connected(b, port)
        const first = await b.until(() =>
          [acceptance, other].find(({ overlapped }) => b.status(overlapped) !== "STATUS_PENDING")
        )
        return { first: first === undefined ? "none" : first.overlapped.label }
      }
    },
    {
      id: "§1.9 SO_CONNECT_TIME",
      title: "SO_CONNECT_TIME of a socket that is not connected, and of a connection",
      evidence: "documented",
      source: "SO_CONNECT_TIME: seconds, or 0xFFFFFFFF",
      windows: { unconnected: 0xffff_ffff, connected: 0 },
      probe: async (b) => {
        const of = (s: SocketHandle): number | string => b.option(s, Flags.SOL_SOCKET, Options.SO_CONNECT_TIME)
        return { unconnected: of(Streams.socket(b)), connected: of((await Streams.pair(b)).client) }
      }
    }
  ]
}
