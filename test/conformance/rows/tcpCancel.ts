// Cancelling on streams, and streams on completion ports.
import { type Bench, type Overlapped, describe } from "../bench.ts"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

const cancel = (b: Bench, s: SocketHandle, overlapped?: Overlapped): string =>
  b.success(b.calls.CancelIoEx(s, overlapped?.address ?? 0))

/** A connection whose client is on a port. */
const onPort = async (b: Bench) => {
  const ends = await Streams.pair(b)
  return { ...ends, completions: b.port(ends.client) }
}

const skip = (b: Bench, s: SocketHandle): string => b.success(b.calls.SetFileCompletionNotificationModes(s, 1))

export const group: Group = {
  title: "Streams: cancelling and completion ports",
  rows: [
    {
      id: "§1.9 stream CancelIoEx",
      title: "A pending receive that is cancelled",
      evidence: "documented",
      source: "CancelIoEx",
      windows: { call: "ok", packets: "A STATUS_CANCELLED 0", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { client, completions } = await onPort(b)
        const { overlapped } = Streams.posted(b, client)
        const call = cancel(b, client, overlapped)
        return { call, packets: describe(await b.packets(completions)), result: b.overlappedResult(client, overlapped) }
      }
    },
    {
      id: "§1.12 cancel all",
      title: "CancelIoEx of one of two pending receives cancels both",
      evidence: "documented",
      source: "dotnet/runtime (SocketAsyncEventArgs): cancelling one TCP receive ends up cancelling all of the socket",
      windows: { call: "ok", A: "STATUS_CANCELLED", B: "STATUS_CANCELLED" },
      probe: async (b) => {
        const { client } = await onPort(b)
        const [A, B] = ["A", "B"].map((label) => Streams.posted(b, client, label).overlapped)
        const call = cancel(b, client, A)
        await b.completion(A)
        await b.settle()
        return { call, A: b.status(A), B: b.status(B) }
      }
    },
    {
      id: "§1.12 cancel sends",
      title: "The same with a send pending: the send goes on",
      evidence: "documented",
      source: "dotnet/runtime (SocketAsyncEventArgs): sends are not affected",
      windows: { receive: "STATUS_CANCELLED", before: "STATUS_PENDING", send: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b, { buffers: 16_384 })
        const filled = await Streams.fill(b, client)
        const send = b.overlapped("send")
        Streams.sendBytes(b, client, Streams.much, { overlapped: send, bytesAt: 0 })
        const { overlapped } = Streams.posted(b, client)
        cancel(b, client, overlapped)
        const receive = await b.completion(overlapped)
        const before = b.status(send)
        await Streams.take(b, server, filled + Streams.much)
        return { receive, before, send: await b.completion(send) }
      }
    },
    {
      id: "§1.12 cancel then data",
      title: "After a receive was cancelled the connection goes on: the next receive gets what comes",
      evidence: "unknown",
      source: "seen on Wine; of a connection that was dead for reading tells eventcore",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { message, overlapped } = Streams.posted(b, client)
        cancel(b, client, overlapped)
        await b.completion(overlapped)
        Streams.send(b, server, "Hello!")
        const received = await Streams.take(b, client, 6, 500)
        const back = Streams.send(b, client, "back")
        return { cancelled: message.text() || "nothing", received, back, peer: await Streams.take(b, server, 4, 500) }
      }
    },
    {
      id: "§1.12 cancel zero",
      title: "A receive of no bytes that is cancelled loses nothing",
      evidence: "documented",
      source: "CancelIoEx; a receive of no bytes takes none",
      windows: { status: "STATUS_CANCELLED", received: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client, "A", 0)
        cancel(b, client, overlapped)
        const status = await b.completion(overlapped)
        Streams.send(b, server, "Hello!")
        return { status, received: await Streams.take(b, client, 6, 500) }
      }
    },
    {
      id: "§1.12 stream race",
      title: "Data sent before CancelIoEx to a pending receive: taken or left, it is not lost",
      evidence: "documented",
      source: "CancelIoEx: three outcomes",
      windows: { "seen once": true },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { message, overlapped } = Streams.posted(b, client)
        Streams.send(b, server, "race")
        cancel(b, client, overlapped)
        await b.completion(overlapped)
        const taken = message.text()
        const left = taken === "" ? await Streams.take(b, client, 4, 500) : Streams.receive(b, client)
        return { "seen once": taken === "" ? left === "race" : taken === "race" && left === "<WSAEWOULDBLOCK>" }
      }
    },
    {
      id: "§1.9 stream again",
      title: "Cancelling what has completed, and what was cancelled",
      evidence: "documented",
      source: "CancelIoEx: ERROR_NOT_FOUND",
      windows: { completed: "ERROR_NOT_FOUND", cancelled: "ERROR_NOT_FOUND", packets: 2 },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        const A = Streams.posted(b, client, "A").overlapped
        Streams.send(b, server, "x")
        await b.completion(A)
        const completed = cancel(b, client, A)
        const B = Streams.posted(b, client, "B").overlapped
        cancel(b, client, B)
        await b.completion(B)
        const cancelled = cancel(b, client, B)
        return { completed, cancelled, packets: (await b.packets(completions, 2)).length }
      }
    },
    {
      id: "fact 68 stream",
      title: "CancelIoEx and CancelIo with nothing pending; what a send took is not lost",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { CancelIoEx: "ERROR_NOT_FOUND", CancelIo: "ok", received: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.send(b, client, "Hello!")
        const ex = cancel(b, client)
        const io = b.success(b.calls.CancelIo(client))
        return { CancelIoEx: ex, CancelIo: io, received: await Streams.take(b, server, 6) }
      }
    },
    {
      id: "§1.9 stream all",
      title: "CancelIoEx(socket, NULL): a receive and a send, both pending",
      evidence: "documented",
      source: "CancelIoEx: all I/O requests for the file",
      windows: { call: "ok", receive: "STATUS_CANCELLED", send: "STATUS_CANCELLED" },
      probe: async (b) => {
        const { client } = await Streams.pair(b, { buffers: 16_384 })
        await Streams.fill(b, client)
        const send = b.overlapped("send")
        Streams.sendBytes(b, client, Streams.much, { overlapped: send, bytesAt: 0 })
        const { overlapped } = Streams.posted(b, client)
        const call = cancel(b, client)
        return { call, receive: await b.completion(overlapped), send: await b.completion(send) }
      }
    },
    {
      id: "fact 54 stream receive",
      title: "A receive with data at hand, on a port",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 6", key: 7 },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        Streams.send(b, server, "Hello!")
        await b.arrival(client)
        const { call } = Streams.posted(b, client)
        const packets = await b.packets(completions)
        return { call, packets: describe(packets), key: packets[0]?.key ?? "none" }
      }
    },
    {
      id: "fact 55 stream",
      title: "A receive that fails at once queues nothing: after a reset, and not connected",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { reset: "WSAECONNRESET", unconnected: "WSAENOTCONN", packets: "none" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        Streams.reset(b, server)
        await b.completion(overlapped)
        const fresh = Streams.bound(b).s
        const completions = b.port(client, fresh)
        const call = (s: SocketHandle): string => {
          const { call, overlapped } = Streams.posted(b, s)
          if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
          return call
        }
        return { reset: call(client), unconnected: call(fresh), packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 57",
      title: "A reset while a receive pends: its packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { packets: "A STATUS_CONNECTION_RESET 0" },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        Streams.posted(b, client)
        Streams.reset(b, server)
        return { packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "fact 57 send",
      title: "A reset while a send pends: its packet",
      evidence: "unknown",
      source: "of a receive: fact 57",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b, { buffers: 16_384 })
        await Streams.fill(b, client)
        const completions = b.port(client)
        Streams.sendBytes(b, client, Streams.much, { overlapped: b.overlapped(), bytesAt: 0 })
        Streams.reset(b, server)
        return { packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "fact 58 stream",
      title: "A port that the socket joins after the receive was posted gets its packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { packets: "A STATUS_SUCCESS 6", key: 7 },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        Streams.posted(b, client)
        const completions = b.port(client)
        Streams.send(b, server, "Hello!")
        const packets = await b.packets(completions)
        return { packets: describe(packets), key: packets[0]?.key ?? "none" }
      }
    },
    {
      id: "fact 65 stream",
      title: "A receive with the low bit of hEvent set: the event, the result, no packet",
      evidence: "documented",
      source: "GetQueuedCompletionStatus",
      windows: { event: "signalled", result: "ok", packets: "none" },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        const event = b.event()
        const overlapped = b.overlapped("A", event + 1)
        b.recv(client, b.message(), { overlapped, bytesAt: 0 })
        Streams.send(b, server, "Hello!")
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        const result = b.overlappedResult(client, overlapped)
        return { event: signalled, result, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "fact 66 stream",
      title: "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: receives that pended queue their packets, completed or cancelled",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { modes: "ok", completed: "A STATUS_SUCCESS 6", cancelled: "B STATUS_CANCELLED 0" },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        const modes = skip(b, client)
        Streams.posted(b, client, "A")
        Streams.send(b, server, "Hello!")
        const completed = describe(await b.packets(completions))
        const { overlapped } = Streams.posted(b, client, "B")
        cancel(b, client, overlapped)
        return { modes, completed, cancelled: describe(await b.packets(completions)) }
      }
    },
    {
      id: "P9 stream",
      title: "The same mode: an answer at once queues none, of a send and of a receive",
      evidence: "documented",
      source: "SetFileCompletionNotificationModes",
      windows: { "packet for a send answered at once": false, "packet for a receive answered at once": false },
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        skip(b, client)
        const overlapped = b.overlapped("send")
        const send = Streams.send(b, client, "Hello!", { overlapped, bytesAt: 0 })
        await b.completion(overlapped)
        const sent = await b.queued(completions)
        Streams.send(b, server, "x")
        await b.arrival(client)
        const receive = Streams.posted(b, client)
        await b.completion(receive.overlapped)
        const received = await b.queued(completions)
        return {
          "packet for a send answered at once": send === "ok" && sent.length > 0,
          "packet for a receive answered at once": receive.call === "ok" && received.length > 0
        }
      }
    },
    {
      id: "P9 event",
      title: "FILE_SKIP_SET_EVENT_ON_HANDLE: is the socket signalled by a send that is answered at once?",
      evidence: "unknown",
      source: "SetFileCompletionNotificationModes: not where the call returns success",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const modes = b.success(b.calls.SetFileCompletionNotificationModes(client, 2))
        const overlapped = b.overlapped()
        const call = Streams.send(b, client, "Hello!", { overlapped, bytesAt: 0 })
        await b.completion(overlapped)
        return { modes, call, socket: b.signalled(client) ? "signalled" : "not signalled" }
      }
    },
    {
      id: "P34 stream",
      title: "Three receives, and data for all: their packets' order",
      evidence: "unknown",
      source: "completion order is not promised to be issue order",
      probe: async (b) => {
        const { client, completions, server } = await onPort(b)
        for (const label of ["A", "B", "C"]) Streams.posted(b, client, label, 3)
        Streams.send(b, server, "abcdefghi")
        const packets = await b.packets(completions, 3)
        return { packets: packets.map(({ label }) => label).join(", ") }
      }
    }
  ]
}
