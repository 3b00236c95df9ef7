// shutdown, WSASendDisconnect, DisconnectEx and closesocket of streams.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, type Overlapped, describe } from "../bench.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

const shutdown = (b: Bench, s: SocketHandle, how: number): string => b.result(b.calls.shutdown(s, how))

const disconnect = (b: Bench, s: SocketHandle, flags = 0, overlapped?: Overlapped, reserved = 0): string => {
  const call = b.success(b.extension(s, "DisconnectEx")(s, overlapped?.address ?? 0, flags, reserved))
  if (overlapped !== undefined && call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
  return call
}

export const group: Group = {
  title: "Streams: shutting down and closing",
  rows: [
    {
      id: "fact 43 stream",
      title: "shutdown of a connected stream",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        "bad how": "WSAEINVAL",
        SD_RECEIVE: "ok",
        receive: "WSAESHUTDOWN",
        again: "ok",
        SD_SEND: "ok",
        send: "WSAESHUTDOWN",
        "SD_SEND again": "ok"
      },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return {
          "bad how": shutdown(b, client, 55),
          SD_RECEIVE: shutdown(b, client, Flags.SD_RECEIVE),
          receive: b.recv(client, b.message()),
          again: shutdown(b, client, Flags.SD_RECEIVE),
          SD_SEND: shutdown(b, client, Flags.SD_SEND),
          send: Streams.send(b, client, "x"),
          "SD_SEND again": shutdown(b, client, Flags.SD_SEND)
        }
      }
    },
    {
      id: "fact 43 listener",
      title: "shutdown of a stream that is not connected, and of a listener",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { unconnected: "WSAENOTCONN", listener: "WSAENOTCONN" },
      probe: async (b) => ({
        unconnected: shutdown(b, Streams.bound(b).s, Flags.SD_SEND),
        listener: shutdown(b, Streams.listener(b).s, Flags.SD_RECEIVE)
      })
    },
    {
      id: "§1.9 half-close",
      title: "shutdown(SD_SEND): the peer sees the end, and can still send",
      evidence: "documented",
      source: "shutdown; Graceful Shutdown, Linger Options, and Socket Closure",
      windows: { peer: "Hello!<end>", back: "answer" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, client, "Hello!")
        shutdown(b, client, Flags.SD_SEND)
        const peer = await Streams.take(b, server, 100)
        Streams.send(b, server, "answer")
        return { peer, back: await Streams.take(b, client, 6) }
      }
    },
    {
      id: "§1.9 SD_SEND pending",
      title: "shutdown(SD_SEND) with a send pending: what was sent comes first",
      evidence: "documented",
      source: "shutdown: the end is sent after all data",
      windows: { call: "WSA_IO_PENDING", shutdown: "ok", status: "STATUS_SUCCESS", last: "Hello", end: "end" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b, { buffers: 16_384 })
        await Streams.fill(b, client)
        const overlapped = b.overlapped()
        const call = Streams.sendBytes(b, client, Streams.much, { overlapped, bytesAt: 0 }, "Hello")
        const rc = shutdown(b, client, Flags.SD_SEND)
        const { end, last } = await Streams.drained(b, server)
        return { call, shutdown: rc, status: await b.completion(overlapped, 500), last, end }
      }
    },
    {
      id: "§1.9 both ends",
      title: "Both ends shut their sending down at the same time",
      evidence: "documented",
      source: "shutdown",
      windows: { client: "<end>", server: "<end>" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        shutdown(b, client, Flags.SD_SEND)
        shutdown(b, server, Flags.SD_SEND)
        return { client: await Streams.take(b, client, 1), server: await Streams.take(b, server, 1) }
      }
    },
    {
      id: "§1.9 data after SD_RECEIVE",
      title: "Data that comes after shutdown(SD_RECEIVE): what its sender sees",
      evidence: "unknown",
      source: "shutdown: the connection is reset when there is data, or more comes",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        shutdown(b, client, Flags.SD_RECEIVE)
        const first = Streams.send(b, server, "x")
        await b.settle()
        return { first, next: Streams.send(b, server, "x"), receive: Streams.receive(b, server) }
      }
    },
    {
      id: "§1.9 WSASendDisconnect stream",
      title: "WSASendDisconnect: the peer sees the end; receiving goes on; sending is over",
      evidence: "documented",
      source: "WSASendDisconnect: as shutdown(SD_SEND) where there is no disconnect data",
      windows: { call: "ok", peer: "<end>", send: "WSAESHUTDOWN", received: "answer" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const call = b.result(b.calls.WSASendDisconnect(client, 0))
        const peer = await Streams.take(b, server, 1)
        Streams.send(b, server, "answer")
        return { call, peer, send: Streams.send(b, client, "x"), received: await Streams.take(b, client, 6) }
      }
    },
    {
      id: "§1.9 WSASendDisconnect bad",
      title: "WSASendDisconnect of a stream that is not connected, and of INVALID_SOCKET",
      evidence: "documented",
      source: "WSASendDisconnect",
      windows: { unconnected: "WSAENOTCONN", invalid: "WSAENOTSOCK" },
      probe: async (b) => ({
        unconnected: b.result(b.calls.WSASendDisconnect(Streams.bound(b).s, 0)),
        invalid: b.result(b.calls.WSASendDisconnect(-1, 0))
      })
    },
    {
      id: "fact 77",
      title: "DisconnectEx: not connected; overlapped; sending, receiving, connecting and calling it again afterwards",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        "not connected": "WSAENOTCONN",
        call: "WSA_IO_PENDING",
        packets: "A STATUS_SUCCESS 0",
        peer: "<end>",
        send: "WSAESHUTDOWN",
        received: "answer",
        again: "ok",
        connect: "WSAEISCONN"
      },
      probe: async (b) => {
        const { client, listener, server } = await Streams.pair(b)
        const completions = b.port(client)
        const unconnected = disconnect(b, Streams.bound(b).s)
        const call = disconnect(b, client, 0, b.overlapped())
        const packets = describe(await b.packets(completions))
        const peer = await Streams.take(b, server, 1)
        Streams.send(b, server, "answer")
        const received = await Streams.take(b, client, 6, 500)
        return {
          "not connected": unconnected,
          call,
          packets,
          peer,
          send: Streams.send(b, client, "x"),
          received,
          again: disconnect(b, client),
          connect: b.connect(client, Streams.loopback, listener.port)
        }
      }
    },
    {
      id: "fact 77 reserved",
      title: "DisconnectEx with dwReserved, and with a flag that it does not have",
      evidence: "documented",
      source: "DisconnectEx: WSAEINVAL",
      windows: { reserved: "WSAEINVAL", flag: "WSAEINVAL" },
      probe: async (b) => {
        const one = await Streams.pair(b)
        const two = await Streams.pair(b)
        return {
          reserved: disconnect(b, one.client, 0, undefined, 1),
          flag: disconnect(b, two.client, Flags.TF_WRITE_BEHIND)
        }
      }
    },
    {
      id: "fact 77 reuse",
      title: "DisconnectEx with TF_REUSE_SOCKET after the peer has closed: the socket connects again",
      evidence: "documented",
      source: "DisconnectEx (the socket stays bound)",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), status: "STATUS_SUCCESS", again: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        // who closes first is in TIME_WAIT
        b.close(server)
        await Streams.ending(b, client)
        const overlapped = b.overlapped()
        const call = disconnect(b, client, Flags.TF_REUSE_SOCKET, overlapped)
        const status = await b.completion(overlapped)
        const again = b.overlapped("B")
        const connect = Streams.connectEx(b, client, Streams.listener(b).port, again)
        if (connect === "ok" || connect === "WSA_IO_PENDING") return { call, status, again: await b.completion(again) }
        Streams.over(again)
        return { call, status, again: connect }
      }
    },
    {
      id: "fact 77 reuse AcceptEx",
      title: "The same, given to AcceptEx",
      evidence: "documented",
      source: "DisconnectEx: hSocket can be passed to AcceptEx or ConnectEx",
      windows: { status: "STATUS_SUCCESS", again: "STATUS_SUCCESS", received: "Hello!" },
      probe: async (b) => {
        const listening = Streams.listener(b)
        const first = Streams.acceptEx(b, listening.s)
        const client = await Streams.connected(b, listening.port)
        await b.completion(first.overlapped)
        first.update()
        b.close(client)
        await Streams.ending(b, first.s)
        const overlapped = b.overlapped("disconnect")
        disconnect(b, first.s, Flags.TF_REUSE_SOCKET, overlapped)
        const status = await b.completion(overlapped)
        const second = Streams.acceptEx(b, listening.s, "B", {}, first.s)
        if (second.call !== "ok" && second.call !== "WSA_IO_PENDING") {
          Streams.over(second.overlapped)
          return { status, again: second.call }
        }
        await Streams.connected(b, listening.port, Streams.bound(b).s, { data: "Hello!" })
        const again = await b.completion(second.overlapped, 500)
        second.update()
        return { status, again, received: again === "STATUS_SUCCESS" ? await Streams.take(b, first.s, 6) : "nothing" }
      }
    },
    {
      id: "fact 65 DisconnectEx",
      title: "DisconnectEx with the low bit of hEvent set: the event, the result, no packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { event: "signalled", result: "ok", packets: "none" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        const event = b.event()
        const overlapped = b.overlapped("A", event + 1)
        disconnect(b, client, 0, overlapped)
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        const result = b.overlappedResult(client, overlapped)
        return { event: signalled, result, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 60",
      title: "closesocket with a receive pending",
      evidence: "seen",
      source: "Wine's sock.c; WSARecv documents 995 (P17)",
      windows: { close: "ok", packets: "A STATUS_CONNECTION_ABORTED 0", result: "WSAECONNABORTED" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        const { overlapped } = Streams.posted(b, client)
        const close = b.close(client)
        const packets = describe(await b.packets(completions))
        return { close, packets, result: b.overlappedResult(b.socket(), overlapped) }
      }
    },
    {
      id: "fact 60 stream CloseHandle",
      title: "CloseHandle with a receive pending",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", packets: "A STATUS_CONNECTION_ABORTED 0" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        Streams.posted(b, client)
        const call = b.success(b.calls.CloseHandle(client))
        return { call, packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 60 send",
      title: "closesocket with a send pending",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b, { buffers: 16_384 })
        await Streams.fill(b, client)
        const completions = b.port(client)
        Streams.sendBytes(b, client, Streams.much, { overlapped: b.overlapped(), bytesAt: 0 })
        const close = b.close(client)
        return { close, packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "fact 60 peer",
      title: "closesocket with a receive pending: how it ends for the peer",
      evidence: "unknown",
      source: "a reset on Windows, as libuv tells",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.posted(b, client)
        b.close(client)
        return { peer: await Streams.ending(b, server) }
      }
    },
    {
      id: "fact 61",
      title: "closesocket of a listener with an AcceptEx pending",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { close: "ok", packets: "A STATUS_CANCELLED 0" },
      probe: async (b) => {
        const { s } = Streams.listener(b)
        const completions = b.port(s)
        Streams.acceptEx(b, s)
        const close = b.close(s)
        return { close, packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 61 acceptor",
      title: "closesocket of the accepting socket of a pending AcceptEx",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { close: "ok", packets: "A STATUS_CANCELLED 0" },
      probe: async (b) => {
        const { s } = Streams.listener(b)
        const completions = b.port(s)
        const acceptance = Streams.acceptEx(b, s)
        const close = b.close(acceptance.s)
        return { close, packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 61 bound",
      title: "The same when a connection has come, of which AcceptEx waits for data",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { packets: oneOf("A STATUS_CANCELLED 0", "A STATUS_CONNECTION_ABORTED 0") },
      probe: async (b) => {
        const { port, s } = Streams.listener(b)
        const completions = b.port(s)
        const acceptance = Streams.acceptEx(b, s, "A", { receive: 64 })
        await Streams.connected(b, port)
        await b.settle()
        b.close(acceptance.s)
        return { packets: describe(await b.packets(completions, 1, 1000)) }
      }
    },
    {
      id: "fact 63 stream",
      title: "closesocket of a connection with nothing pending queues nothing",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", packets: "none" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        const call = b.close(client)
        return { call, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 64",
      title: "The thread that posted a receive on a port's socket exits: the receive goes on",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { status: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        b.port(client)
        const { overlapped } = Streams.posted(b, client)
        b.threadExit()
        Streams.send(b, server, "x")
        return { status: await b.completion(overlapped) }
      }
    },
    {
      id: "§1.9 graceful",
      title: "closesocket sends what was taken, and then the end",
      evidence: "documented",
      source: "closesocket, SO_DONTLINGER",
      windows: { close: "ok", received: "all", end: "end" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b, { buffers: 16_384 })
        const filled = await Streams.fill(b, client)
        const close = b.close(client)
        const { bytes, end } = await Streams.drained(b, server)
        return { close, received: bytes === filled ? "all" : "not all", end }
      }
    },
    {
      id: "§1.9 abortive",
      title: "closesocket with SO_LINGER on and no time: the peer sees a reset",
      evidence: "documented",
      source: "closesocket: a hard or abortive close",
      windows: { close: "ok", peer: "STATUS_CONNECTION_RESET" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, server)
        return { close: Streams.reset(b, client), peer: await b.completion(overlapped) }
      }
    },
    {
      id: "§1.9 unread",
      title: "closesocket with data that was not received: how it ends for the peer",
      evidence: "unknown",
      source: "a reset, as RFC 1122 4.2.2.13 says",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const { overlapped } = Streams.posted(b, server)
        b.close(client)
        return { peer: await b.completion(overlapped) }
      }
    },
    {
      id: "P33",
      title: "closesocket of a non-blocking socket that lingers with data to send",
      evidence: "documented",
      source: "closesocket: WSAEWOULDBLOCK, and the socket is still open",
      windows: { close: "WSAEWOULDBLOCK", after: "ok" },
      probe: async (b) => {
        const { client } = await Streams.pair(b, { buffers: 16_384 })
        await Streams.fill(b, client)
        // one second
        b.setOption(client, Flags.SOL_SOCKET, Options.SO_LINGER, 0x0001_0001)
        const close = b.result(b.calls.closesocket(client))
        if (close === "WSAENOTSOCK") return { close }
        const type = b.option(client, Flags.SOL_SOCKET, Options.SO_TYPE)
        return { close, after: typeof type === "string" ? type : "ok" }
      }
    },
    {
      id: "P17 stream",
      title: "Is the number of a closed SOCKET given to the next one?",
      evidence: "unknown",
      source: "seen on Wine",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        b.close(client)
        return { "next socket": Streams.socket(b) === client ? "the same number" : "another number" }
      }
    },
    {
      id: "§1.9 TIME_WAIT",
      title: "The port of a listener whose side closed a connection first: can a new listener have it?",
      evidence: "unknown",
      source: "not documented of Windows (Linux refuses without SO_REUSEADDR)",
      probe: async (b) => {
        const { client, listener, server } = await Streams.pair(b)
        b.close(server)
        await Streams.ending(b, client)
        b.close(client)
        b.close(listener.s)
        await b.settle()
        return { bind: b.bind(Streams.socket(b), Streams.loopback, listener.port) }
      }
    }
  ]
}
