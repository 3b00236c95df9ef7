// connect and ConnectEx.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, describe } from "../bench.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

/** A port where connections wait for an answer: the listener's backlog is full. */
const unanswered = async (b: Bench): Promise<number> => {
  const { port } = Streams.listener(b, 1)
  for (let i = 0; i < 8; i++) Streams.connectEx(b, Streams.bound(b).s, port, b.overlapped(`filler ${i}`))
  await b.settle()
  return port
}

/** A ConnectEx that fails at once: its code. */
const refused = (b: Bench, s: SocketHandle, port: number): string => {
  const overlapped = b.overlapped()
  const call = Streams.connectEx(b, s, port, overlapped)
  if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
  return call
}

/** Calls connect until it tells how it came out. */
const connecting = async (b: Bench, s: SocketHandle, port: number): Promise<string> => {
  const first = b.connect(s, Streams.loopback, port)
  const last = await b.until(() => {
    const again = b.connect(s, Streams.loopback, port)
    return again === "WSAEALREADY" || again === "WSAEWOULDBLOCK" || again === "WSAEINVAL" ? undefined : again
  })
  return `${first}, ${last ?? "nothing"}`
}

const soon = (from: number): string => (performance.now() - from < 500 ? "at once" : "after a while")

/** A refused ConnectEx, and when. */
const refusal = async (b: Bench, s: SocketHandle) => {
  const overlapped = b.overlapped()
  const from = performance.now()
  const call = Streams.connectEx(b, s, Streams.deadPort(b), overlapped)
  if (call !== "WSA_IO_PENDING") Streams.over(overlapped)
  const status = await b.completion(overlapped, 5000)
  return { call, status, when: soon(from), overlapped }
}

export const group: Group = {
  title: "Streams: connecting",
  rows: [
    {
      id: "§1.9 connect",
      title: "connect of a non-blocking stream: the first call, and when it is connected",
      evidence: "documented",
      source: "connect",
      windows: { calls: "WSAEWOULDBLOCK, WSAEISCONN", peer: "connected" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const s = Streams.socket(b)
        const calls = await connecting(b, s, listening.port)
        return { calls, peer: Streams.peerOf(b, s) }
      }
    },
    {
      id: "§1.9 connect bad",
      title: "connect: of a listener, to the wildcard, to port 0, a short name, another family",
      evidence: "documented",
      source: "connect",
      windows: {
        listener: "WSAEINVAL",
        wildcard: "WSAEADDRNOTAVAIL",
        "port 0": "WSAEADDRNOTAVAIL",
        short: "WSAEFAULT",
        family: "WSAEAFNOSUPPORT"
      },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        const { address } = b.address(Streams.loopback, port)
        const other = b.address("::1", port)
        const connect = (at: number, length: number): string => b.result(b.calls.connect(Streams.socket(b), at, length))
        return {
          listener: b.connect(s, Streams.loopback, port),
          wildcard: b.connect(Streams.socket(b), "0.0.0.0", port),
          "port 0": b.connect(Streams.socket(b), Streams.loopback, 0),
          short: connect(address, 15),
          family: connect(other.address, other.length)
        }
      }
    },
    {
      id: "§1.9 connect twice",
      title: "connect of a stream that is connected",
      evidence: "documented",
      source: "connect",
      windows: { connect: "WSAEISCONN", ConnectEx: "WSAEISCONN" },
      probe: async (b) => {
        const { client, listener } = await Streams.pair(b)
        return {
          connect: b.connect(client, Streams.loopback, listener.port),
          ConnectEx: refused(b, client, listener.port)
        }
      }
    },
    {
      id: "fact 76",
      title: "While a connect is under way: another one, and ConnectEx",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { first: "WSAEWOULDBLOCK", second: "WSAEALREADY", ConnectEx: "WSAEINVAL" },
      probe: async (b) => {
        const port = await unanswered(b)
        const { s } = Streams.bound(b)
        const connect = (): string => b.connect(s, Streams.loopback, port)
        return { first: connect(), second: connect(), ConnectEx: refused(b, s, port) }
      }
    },
    {
      id: "fact 75",
      title: "ConnectEx: the calls that fail at once",
      evidence: "seen",
      source: "Wine's sock.c (P4)",
      windows: {
        unbound: "WSAEINVAL",
        listener: "WSAEINVAL",
        "no OVERLAPPED": "WSA_INVALID_PARAMETER",
        connected: "WSAEISCONN"
      },
      probe: async (b) => {
        const { client, listener } = await Streams.pair(b)
        return {
          unbound: refused(b, Streams.socket(b), listener.port),
          listener: refused(b, Streams.listener(b).s, listener.port),
          "no OVERLAPPED": Streams.connectEx(b, Streams.bound(b).s, listener.port, undefined),
          connected: refused(b, client, listener.port)
        }
      }
    },
    {
      id: "fact 75 Internal",
      title: "A ConnectEx that fails at once: Internal afterwards, and no packet",
      evidence: "unknown",
      source: "of AcceptEx: fact 69",
      probe: async (b) => {
        const s = Streams.socket(b)
        const completions = b.port(s)
        const overlapped = b.overlapped()
        const call = Streams.connectEx(b, s, Streams.listener(b).port, overlapped)
        const internal = b.status(overlapped)
        Streams.over(overlapped)
        return { call, internal, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 75 connects",
      title: "ConnectEx: its packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 0", result: "ok" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        const overlapped = b.overlapped()
        const call = Streams.connectEx(b, s, listening.port, overlapped)
        return { call, packets: describe(await b.packets(completions)), result: b.overlappedResult(s, overlapped) }
      }
    },
    {
      id: "fact 75 data",
      title: "ConnectEx with first bytes: they are counted, and received",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { packets: "A STATUS_SUCCESS 6", received: "Hello!" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        Streams.connectEx(b, s, listening.port, b.overlapped(), { data: "Hello!" })
        const packets = describe(await b.packets(completions))
        return { packets, received: await Streams.take(b, await Streams.accepted(b, listening.s), 6) }
      }
    },
    {
      id: "fact 75 refused",
      title: "ConnectEx to a port where nobody listens",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", status: "STATUS_CONNECTION_REFUSED", result: "WSAECONNREFUSED" },
      probe: async (b) => {
        const { s } = Streams.bound(b)
        const { call, overlapped, status } = await refusal(b, s)
        return { call, status, result: b.overlappedResult(s, overlapped) }
      }
    },
    {
      id: "§1.12 refused time",
      title: "The same: when",
      evidence: "unknown",
      source: "about 2 s on Windows, where SYNs are sent again: told by libuv and curl, which set SIO_TCP_INITIAL_RTO",
      probe: async (b) => ({ when: (await refusal(b, Streams.bound(b).s)).when })
    },
    {
      id: "§1.12 refused RTO",
      title: "The same after SIO_TCP_INITIAL_RTO without retransmissions",
      evidence: "documented",
      source: "SIO_TCP_INITIAL_RTO: TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS",
      windows: { ioctl: "ok", status: "STATUS_CONNECTION_REFUSED", when: "at once" },
      probe: async (b) => {
        const { s } = Streams.bound(b)
        const ioctl = noRetransmissions(b, s)
        const { status, when } = await refusal(b, s)
        return { ioctl, status, when }
      }
    },
    {
      id: "§1.9 refused again",
      title: "After a refusal the socket can be connected elsewhere",
      evidence: "documented",
      source: "connect: after WSAECONNREFUSED it can be called again for the same socket",
      windows: { first: "STATUS_CONNECTION_REFUSED", second: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { s } = Streams.bound(b)
        noRetransmissions(b, s)
        const { status } = await refusal(b, s)
        const overlapped = b.overlapped("B")
        const call = Streams.connectEx(b, s, Streams.listener(b).port, overlapped)
        if (call !== "ok" && call !== "WSA_IO_PENDING") {
          Streams.over(overlapped)
          return { first: status, second: call }
        }
        return { first: status, second: await b.completion(overlapped) }
      }
    },
    {
      id: "P4",
      title: "SO_UPDATE_CONNECT_CONTEXT: what works before it and after",
      evidence: "documented",
      source: "ConnectEx",
      windows: {
        "getpeername before": "WSAENOTCONN",
        "shutdown before": "WSAENOTCONN",
        "send before": "ok",
        update: "ok",
        "getpeername after": "connected",
        "shutdown after": "ok"
      },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const { s } = Streams.bound(b)
        const overlapped = b.overlapped()
        Streams.connectEx(b, s, listening.port, overlapped)
        await b.completion(overlapped)
        const peer = Streams.peerOf(b, s)
        const sent = Streams.send(b, s, "x")
        const shutdown = b.result(b.calls.shutdown(s, Flags.SD_RECEIVE))
        const update = Streams.updateConnect(b, s)
        return {
          "getpeername before": peer,
          "shutdown before": shutdown,
          "send before": sent,
          update,
          "getpeername after": Streams.peerOf(b, s),
          "shutdown after": b.result(b.calls.shutdown(s, Flags.SD_SEND))
        }
      }
    },
    {
      id: "P4 unconnected",
      title: "SO_UPDATE_CONNECT_CONTEXT of a socket that is not connected",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => ({ update: Streams.updateConnect(b, Streams.bound(b).s) })
    },
    {
      id: "§1.9 SO_CONNECT_TIME ConnectEx",
      title: "SO_CONNECT_TIME tells that ConnectEx has connected, before the context is updated",
      evidence: "documented",
      source: "ConnectEx",
      windows: { before: 0xffff_ffff, after: 0 },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const { s } = Streams.bound(b)
        const time = (): number | string => b.option(s, Flags.SOL_SOCKET, Options.SO_CONNECT_TIME)
        const before = time()
        const overlapped = b.overlapped()
        Streams.connectEx(b, s, listening.port, overlapped)
        await b.completion(overlapped)
        return { before, after: time() }
      }
    },
    {
      id: "§1.9 ConnectEx cancelled",
      title: "A ConnectEx that is cancelled",
      evidence: "documented",
      source: "CancelIoEx",
      windows: {
        call: "WSA_IO_PENDING",
        cancel: "ok",
        packets: "A STATUS_CANCELLED 0",
        result: "WSA_OPERATION_ABORTED"
      },
      probe: async (b) => {
        const port = await unanswered(b)
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        const overlapped = b.overlapped()
        const call = Streams.connectEx(b, s, port, overlapped)
        const cancel = b.success(b.calls.CancelIoEx(s, overlapped.address))
        const packets = describe(await b.packets(completions))
        return { call, cancel, packets, result: b.overlappedResult(s, overlapped) }
      }
    },
    {
      id: "§1.12 ConnectEx again",
      title: "The same: can the socket be connected afterwards?",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const port = await unanswered(b)
        const { s } = Streams.bound(b)
        const overlapped = b.overlapped()
        Streams.connectEx(b, s, port, overlapped)
        b.calls.CancelIoEx(s, overlapped.address)
        await b.completion(overlapped)
        const again = b.overlapped("B")
        const call = Streams.connectEx(b, s, Streams.listener(b).port, again)
        if (call !== "ok" && call !== "WSA_IO_PENDING") {
          Streams.over(again)
          return { again: call }
        }
        return { again: await b.completion(again) }
      }
    },
    {
      id: "§1.9 ConnectEx closed",
      title: "closesocket with a ConnectEx pending",
      evidence: "unknown",
      source: "not documented (of AcceptEx: fact 61)",
      probe: async (b) => {
        const port = await unanswered(b)
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        Streams.connectEx(b, s, port, b.overlapped())
        b.close(s)
        return { packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 65 ConnectEx",
      title: "ConnectEx with the low bit of hEvent set: the event, the result, no packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { event: "signalled", result: "ok", packets: "none" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const { s } = Streams.bound(b)
        const completions = b.port(s)
        const event = b.event()
        const overlapped = b.overlapped("A", event + 1)
        Streams.connectEx(b, s, listening.port, overlapped)
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        const result = b.overlappedResult(s, overlapped)
        return { event: signalled, result, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 67 stream",
      title: "connect, shutdown, WSASendDisconnect and DisconnectEx without an OVERLAPPED queue nothing",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        calls: "WSAEWOULDBLOCK, WSAEISCONN",
        shutdown: "ok",
        WSASendDisconnect: "ok",
        DisconnectEx: "ok",
        packets: "none"
      },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const sockets = [Streams.socket(b), Streams.socket(b), Streams.socket(b)]
        const completions = b.port(...sockets)
        const calls = new Set<string>()
        for (const s of sockets) calls.add(await connecting(b, s, listening.port))
        const shutdown = b.result(b.calls.shutdown(sockets[0], Flags.SD_SEND))
        const sendDisconnect = b.result(b.calls.WSASendDisconnect(sockets[1], 0))
        const disconnect = b.success(b.extension(sockets[2], "DisconnectEx")(sockets[2], 0, 0, 0))
        await b.settle()
        return {
          calls: Array.from(calls).join("; "),
          shutdown,
          WSASendDisconnect: sendDisconnect,
          DisconnectEx: disconnect,
          packets: describe(await b.queued(completions))
        }
      }
    }
  ]
}

/** SIO_TCP_INITIAL_RTO with the shortest time and no retransmission of the SYN. */
function noRetransmissions(b: Bench, s: SocketHandle): string {
  // TCP_INITIAL_RTO_PARAMETERS: Rtt u16 (unspecified), MaxSynRetransmissions u8 (none), padding
  const out = b.ioctl(s, Ioctls.SIO_TCP_INITIAL_RTO, [0xff, 0xff, 0xfe, 0])
  return typeof out === "string" ? out : "ok"
}
