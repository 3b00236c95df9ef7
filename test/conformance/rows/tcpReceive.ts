// Receiving on streams.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { describe, untouched } from "../bench.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

export const group: Group = {
  title: "Streams: receiving",
  rows: [
    {
      id: "fact 31",
      title: "WSARecv without a buffer",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { NULL: "WSAEINVAL", "count 0": "WSAEINVAL" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const { lpBuffers } = b.message().view
        const call = (at: number): string =>
          b.result(b.calls.WSARecv(client, at, 0, b.bytes.address, b.u32(0).address, 0, 0))
        return { NULL: call(0), "count 0": call(lpBuffers) }
      }
    },
    {
      id: "fact 32",
      title: "A receive of no bytes pends until there is data, and leaves it",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", before: "STATUS_PENDING", after: "STATUS_SUCCESS", bytes: 0, next: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { call, overlapped } = Streams.posted(b, client, "A", 0)
        await b.settle()
        const before = b.status(overlapped)
        Streams.send(b, server, "Hello!")
        const after = await b.completion(overlapped)
        const bytes = overlapped.view.InternalHigh
        return { call, before, after, bytes, next: Streams.receive(b, client) }
      }
    },
    {
      id: "fact 32 end",
      title: "A receive of no bytes, and the peer closes",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { call, overlapped } = Streams.posted(b, client, "A", 0)
        b.close(server)
        return { call, status: await b.completion(overlapped), next: Streams.receive(b, client) }
      }
    },
    {
      id: "fact 33 stream",
      title: "On a non-blocking stream: without an OVERLAPPED, and with one",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { without: "WSAEWOULDBLOCK", with: "WSA_IO_PENDING" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return { without: b.recv(client, b.message()), with: Streams.posted(b, client).call }
      }
    },
    {
      id: "fact 34 stream",
      title: "While it pends: Internal, InternalHigh, the byte count",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { internal: "STATUS_PENDING", internalHigh: "untouched", bytes: "untouched" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const overlapped = b.overlapped()
        b.recv(client, b.message(), { overlapped })
        return {
          internal: b.status(overlapped),
          internalHigh: overlapped.view.InternalHigh === untouched ? "untouched" : "written",
          bytes: b.byteCount === "untouched" ? "untouched" : "written"
        }
      }
    },
    {
      id: "fact 36 stream",
      title: "An overlapped receive with data at hand, that has room for more",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), status: "STATUS_SUCCESS", bytes: 6, text: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const { call, message, overlapped } = Streams.posted(b, client)
        const status = await b.completion(overlapped)
        return { call, status, bytes: overlapped.view.InternalHigh, text: message.text() }
      }
    },
    {
      id: "fact 37",
      title: "Several receives are filled in posting order",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { A: "abc", B: "def", C: "ghi" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const posts = ["A", "B", "C"].map((label) => Streams.posted(b, client, label, 3))
        Streams.send(b, server, "abcdefghi")
        for (const { overlapped } of posts) await b.completion(overlapped)
        const [A, B, C] = posts.map(({ message }) => message.text())
        return { A, B, C }
      }
    },
    {
      id: "§1.9 scatter stream",
      title: "Two buffers are filled one after the other",
      evidence: "documented",
      source: "WSARecv: buffers are filled in the order of the array",
      windows: { status: "STATUS_SUCCESS", bytes: 6, first: "Hel", second: "lo!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const message = b.message({ sizes: [3, 10], name: 0 })
        const overlapped = b.overlapped()
        b.recv(client, message, { overlapped, bytesAt: 0 })
        const status = await b.completion(overlapped)
        const first = message.text(0).slice(0, 3)
        return { status, bytes: overlapped.view.InternalHigh, first, second: message.text(1) }
      }
    },
    {
      id: "fact 40",
      title: "The peer closes: a pending receive, and the next ones",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { status: "STATUS_SUCCESS", bytes: 0, next: "<end>", again: "<end>" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        b.close(server)
        const status = await b.completion(overlapped)
        const bytes = overlapped.view.InternalHigh
        return { status, bytes, next: Streams.receive(b, client), again: Streams.receive(b, client) }
      }
    },
    {
      id: "fact 40 data",
      title: "Data that came before the end is received before it",
      evidence: "documented",
      source: "closesocket: a graceful close sends what is left",
      windows: { received: "Hello!<end>" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        b.close(server)
        return { received: await Streams.take(b, client, 100) }
      }
    },
    {
      id: "fact 41",
      title: "The peer resets: a pending receive",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { status: "STATUS_CONNECTION_RESET", bytes: 0, result: "WSAECONNRESET", SO_ERROR: 0 },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        Streams.reset(b, server)
        const status = await b.completion(overlapped)
        const bytes = overlapped.view.InternalHigh
        const result = b.overlappedResult(client, overlapped)
        return { status, bytes, result, SO_ERROR: b.option(client, Flags.SOL_SOCKET, Options.SO_ERROR) }
      }
    },
    {
      id: "fact 41 next",
      title: "After a reset: the next receive and send",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { receive: "WSAECONNRESET", send: "WSAECONNRESET", "receive again": "WSAECONNRESET" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        Streams.reset(b, server)
        await b.completion(overlapped)
        const receive = (): string => b.recv(client, b.message())
        return { receive: receive(), send: Streams.send(b, client, "x"), "receive again": receive() }
      }
    },
    {
      id: "§1.9 reset data",
      title: "Data that came before a reset, and is not received yet",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        Streams.reset(b, server)
        await b.settle()
        return { first: Streams.receive(b, client), next: Streams.receive(b, client) }
      }
    },
    {
      id: "§1.9 stream unconnected",
      title: "WSARecv of a stream that is not connected, and of a listener",
      evidence: "documented",
      source: "WSARecv: WSAENOTCONN (fact 55)",
      windows: { fresh: "WSAENOTCONN", bound: "WSAENOTCONN", listener: "WSAENOTCONN" },
      probe: async (b) => {
        const call = (s: ReturnType<typeof Streams.socket>): string => b.recv(s, b.message())
        return {
          fresh: call(Streams.socket(b)),
          bound: call(Streams.bound(b).s),
          listener: call(Streams.listener(b).s)
        }
      }
    },
    {
      id: "§1.9 MSG_PEEK",
      title: "MSG_PEEK without an OVERLAPPED leaves the data",
      evidence: "documented",
      source: "WSARecv: MSG_PEEK",
      windows: { peek: "Hello!", again: "Hello!", receive: "Hello!", left: "<WSAEWOULDBLOCK>" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const peek = (): string => Streams.receive(b, client, 64, { flags: Flags.MSG_PEEK })
        const receive = (): string => Streams.receive(b, client)
        return { peek: peek(), again: peek(), receive: receive(), left: receive() }
      }
    },
    {
      id: "§1.9 MSG_PEEK overlapped",
      title: "MSG_PEEK with an OVERLAPPED, data at hand",
      evidence: "unknown",
      source: "WSARecv: only for sockets that are not overlapped",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const overlapped = b.overlapped()
        const call = b.recv(client, b.message(), { overlapped, flags: Flags.MSG_PEEK, bytesAt: 0 })
        if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
        const status = await b.completion(overlapped)
        return { call, status, next: Streams.receive(b, client) }
      }
    },
    {
      id: "§1.9 MSG_WAITALL",
      title: "MSG_WAITALL: an overlapped receive waits for all that it has room for",
      evidence: "documented",
      source: "WSARecv: MSG_WAITALL",
      windows: { call: "WSA_IO_PENDING", half: "STATUS_PENDING", status: "STATUS_SUCCESS", bytes: 6, text: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const overlapped = b.overlapped()
        const message = b.message({ sizes: [6], name: 0 })
        const call = b.recv(client, message, { overlapped, flags: Flags.MSG_WAITALL, bytesAt: 0 })
        Streams.send(b, server, "Hel")
        await b.settle()
        const half = b.status(overlapped)
        Streams.send(b, server, "lo!")
        const status = await b.completion(overlapped)
        return { call, half, status, bytes: overlapped.view.InternalHigh, text: message.text() }
      }
    },
    {
      id: "§1.12 MSG_PARTIAL",
      title: "MSG_PARTIAL of a receive on a stream",
      evidence: "unknown",
      source: "documented for message-oriented sockets; it succeeds on Wine",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        return { receive: Streams.receive(b, client, 64, { flags: Flags.MSG_PARTIAL }) }
      }
    },
    {
      id: "§1.9 WSARecvFrom stream",
      title: "WSARecvFrom on a stream: the address is left alone",
      evidence: "documented",
      source: "WSARecvFrom: lpFrom and lpFromlen are ignored for connection-oriented sockets",
      windows: { call: "ok", text: "Hello!", address: "untouched" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const message = b.message()
        const call = b.recvFrom(client, message)
        const family = message.block.view.getUint16(message.nameAt, true)
        return { call, text: message.text(), address: family === 0 ? "untouched" : "written" }
      }
    },
    {
      id: "§1.9 WSARecvMsg stream",
      title: "WSARecvMsg on a stream",
      evidence: "unknown",
      source: "WSARecvMsg: for datagram and raw sockets; the code is not told",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const call = b.recvMsg(client, b.message())
        return { call, next: Streams.receive(b, client) }
      }
    },
    {
      id: "§1.9 urgent",
      title: "MSG_OOB: the urgent byte is received apart from the stream",
      evidence: "documented",
      source: "Protocol-Independent Out-of-Band Data",
      windows: { send: "ok", urgent: "!", stream: "abcd" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, server, "ab")
        const send = Streams.send(b, server, "!", { flags: Flags.MSG_OOB })
        Streams.send(b, server, "cd")
        const urgent = await b.until(() => {
          const text = Streams.receive(b, client, 4, { flags: Flags.MSG_OOB })
          return text.startsWith("<") ? undefined : text
        }, 500)
        return { send, urgent: urgent ?? "nothing", stream: await Streams.take(b, client, 4, 500) }
      }
    },
    {
      id: "§1.9 urgent inline",
      title: "SO_OOBINLINE: the urgent byte is in the stream",
      evidence: "documented",
      source: "SO_OOBINLINE",
      windows: { option: "ok", stream: "ab!cd" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const option = b.setOption(client, Flags.SOL_SOCKET, Options.SO_OOBINLINE, 1)
        Streams.send(b, server, "ab")
        Streams.send(b, server, "!", { flags: Flags.MSG_OOB })
        Streams.send(b, server, "cd")
        return { option, stream: await Streams.take(b, client, 5, 500) }
      }
    },
    {
      id: "§1.9 no urgent",
      title: "MSG_OOB with no urgent data: without an OVERLAPPED, and with one",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const without = b.recv(client, b.message(), { flags: Flags.MSG_OOB })
        const overlapped = b.overlapped()
        const call = b.recv(client, b.message(), { overlapped, flags: Flags.MSG_OOB, bytesAt: 0 })
        if (call !== "WSA_IO_PENDING") Streams.over(overlapped)
        return { without, with: call }
      }
    },
    {
      id: "fact 35 stream",
      title: "hEvent NULL: the socket itself is signalled",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { pending: "not signalled", completed: "signalled" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        const pending = b.signalled(client) ? "signalled" : "not signalled"
        Streams.send(b, server, "x")
        await b.completion(overlapped)
        return { pending, completed: (await b.signal(client)) ? "signalled" : "not signalled" }
      }
    },
    {
      id: "§1.9 event stream",
      title: "hEvent of a receive: reset by the call, signalled by its completion, still set afterwards",
      evidence: "documented",
      source: "WSARecv, WSAOVERLAPPED",
      windows: { pending: "not signalled", completed: "signalled", again: "signalled", packets: "A STATUS_SUCCESS 6" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const completions = b.port(client)
        const event = b.event()
        b.calls.WSASetEvent(event)
        const overlapped = b.overlapped("A", event)
        b.recv(client, b.message(), { overlapped, bytesAt: 0 })
        const pending = b.signalled(event) ? "signalled" : "not signalled"
        Streams.send(b, server, "Hello!")
        await b.completion(overlapped)
        const completed = (await b.signal(event)) ? "signalled" : "not signalled"
        const again = b.signalled(event) ? "signalled" : "not signalled"
        return { pending, completed, again, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 42",
      title: "shutdown(SD_RECEIVE) with a receive pending: it goes on; a new one is refused",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        shutdown: "ok",
        after: "STATUS_PENDING",
        next: "WSAESHUTDOWN",
        status: "STATUS_SUCCESS",
        text: "Hello!"
      },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { message, overlapped } = Streams.posted(b, client)
        const shutdown = b.result(b.calls.shutdown(client, Flags.SD_RECEIVE))
        await b.settle()
        const after = b.status(overlapped)
        const next = b.recv(client, b.message())
        Streams.send(b, server, "Hello!")
        const status = await b.completion(overlapped)
        return { shutdown, after, next, status, text: message.text() }
      }
    }
  ]
}
