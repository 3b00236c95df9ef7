// CancelIoEx and CancelIo.
import type { SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, type Overlapped, describe } from "../bench.ts"
import type { Message } from "../message.ts"
import { type Group } from "../model.ts"

const posted = (b: Bench, s: SocketHandle, label: string): { overlapped: Overlapped; message: Message } => {
  const overlapped = b.overlapped(label)
  const message = b.message()
  const call = b.recvMsg(s, message, { overlapped, bytesAt: 0 })
  if (call !== "WSA_IO_PENDING") throw new Error(`the receive answers ${call}`)
  return { overlapped, message }
}

const onPort = (b: Bench) => {
  const receiver = b.bound()
  return { ...receiver, from: b.bound().s, completions: b.port(receiver.s) }
}

const cancel = (b: Bench, s: SocketHandle, overlapped?: Overlapped): string =>
  b.success(b.calls.CancelIoEx(s, overlapped?.address ?? 0))

/** A receive that blocks on another thread; `ready` asks until the call can be seen. */
const blocked = (b: Bench) => {
  const { port, s } = b.bound("127.0.0.1", { blocking: true })
  b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, 2000)
  const { lpBuffers } = b.message().view
  const call = b.offThread("WSARecv", s, lpBuffers, 1, b.bytes.address, b.flags.address, 0, 0)
  return { port, s, call }
}

/** Lets 50 milliseconds pass on another thread. */
const waited = (b: Bench): Promise<unknown> =>
  b.offThread("GetQueuedCompletionStatusEx", b.port(), b.alloc(64).address, 1, b.alloc(4).address, 50, 0)

export const group: Group = {
  title: "Cancelling",
  rows: [
    {
      id: "fact 68",
      title: "CancelIoEx and CancelIo with nothing pending",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { CancelIoEx: "ERROR_NOT_FOUND", CancelIo: "ok" },
      probe: async (b) => {
        const { s } = b.bound()
        return { CancelIoEx: cancel(b, s), CancelIo: b.success(b.calls.CancelIo(s)) }
      }
    },
    {
      id: "fact 68 sent",
      title: "What a non-blocking send took is not lost by CancelIoEx and CancelIo",
      evidence: "seen",
      source: "Wine's sock.c (on TCP)",
      windows: { received: "Hello!" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const { s: from } = b.bound()
        b.send(from, "Hello!", "127.0.0.1", port)
        cancel(b, from)
        b.calls.CancelIo(from)
        await b.arrival(s)
        return { received: b.drain(s).join() }
      }
    },
    {
      id: "§1.9 CancelIoEx",
      title: "A pending receive that is cancelled",
      evidence: "documented",
      source: "CancelIoEx: ERROR_OPERATION_ABORTED; a packet is queued",
      windows: { call: "ok", packets: "A STATUS_CANCELLED 0", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const p = onPort(b)
        const { overlapped } = posted(b, p.s, "A")
        const call = cancel(b, p.s, overlapped)
        const packets = await b.packets(p.completions)
        return { call, packets: describe(packets), result: b.overlappedResult(p.s, overlapped) }
      }
    },
    {
      id: "§1.9 event",
      title: "The same with an event",
      evidence: "documented",
      source: "CancelIoEx, OVERLAPPED: the event is signalled when the operation completes",
      windows: { event: "signalled", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { s } = b.bound()
        const event = b.event()
        const overlapped = b.overlapped("A", event)
        b.recvMsg(s, b.message(), { overlapped, bytesAt: 0 })
        cancel(b, s, overlapped)
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        return { event: signalled, result: b.overlappedResult(s, overlapped) }
      }
    },
    {
      id: "§1.9 InternalHigh",
      title: "InternalHigh of a cancelled receive, and what the call wrote",
      evidence: "unknown",
      source: "InternalHigh after a cancelled send is filled by Wine",
      probe: async (b) => {
        const { s } = b.bound()
        const { message, overlapped } = posted(b, s, "A")
        cancel(b, s, overlapped)
        await b.completion(overlapped)
        return { internalHigh: overlapped.view.InternalHigh, namelen: message.view.namelen, text: message.text() }
      }
    },
    {
      id: "§1.9 again",
      title: "Cancelling what was cancelled and has completed",
      evidence: "documented",
      source: "CancelIoEx: ERROR_NOT_FOUND",
      windows: { again: "ERROR_NOT_FOUND", packets: 1 },
      probe: async (b) => {
        const p = onPort(b)
        const { overlapped } = posted(b, p.s, "A")
        cancel(b, p.s, overlapped)
        await b.completion(overlapped)
        const again = cancel(b, p.s, overlapped)
        return { again, packets: (await b.packets(p.completions)).length + (await b.queued(p.completions)).length }
      }
    },
    {
      id: "P5",
      title: "Too late: the operation has completed, its packet is still in the port",
      evidence: "documented",
      source: "CancelIoEx: ERROR_NOT_FOUND; the operation completed normally",
      windows: { call: "ERROR_NOT_FOUND", packets: "A STATUS_SUCCESS 6", text: "Hello!" },
      probe: async (b) => {
        const p = onPort(b)
        const { message, overlapped } = posted(b, p.s, "A")
        b.send(p.from, "Hello!", "127.0.0.1", p.port)
        await b.completion(overlapped)
        const call = cancel(b, p.s, overlapped)
        return { call, packets: describe(await b.packets(p.completions)), text: message.text() }
      }
    },
    {
      id: "§1.9 other socket",
      title: "Another socket's operation",
      evidence: "documented",
      source: "CancelIoEx: ERROR_NOT_FOUND",
      windows: { call: "ERROR_NOT_FOUND", status: "STATUS_PENDING" },
      probe: async (b) => {
        const { s } = b.bound()
        const { overlapped } = posted(b, s, "A")
        return { call: cancel(b, b.bound().s, overlapped), status: b.status(overlapped) }
      }
    },
    {
      id: "§1.9 CancelIo",
      title: "CancelIo cancels what the thread began on the socket",
      evidence: "documented",
      source: "CancelIo",
      windows: { call: "ok", packets: 2, status: "STATUS_CANCELLED" },
      probe: async (b) => {
        const p = onPort(b)
        posted(b, p.s, "A")
        posted(b, p.s, "B")
        const call = b.success(b.calls.CancelIo(p.s))
        const packets = await b.packets(p.completions, 2)
        const statuses = new Set(packets.map(({ status }) => status))
        return { call, packets: packets.length, status: Array.from(statuses).join(", ") }
      }
    },
    {
      id: "§1.9 all",
      title: "CancelIoEx(socket, NULL) cancels every operation of the socket",
      evidence: "documented",
      source: "CancelIoEx: all I/O requests for the file",
      windows: { call: "ok", packets: 3, status: "STATUS_CANCELLED" },
      probe: async (b) => {
        const p = onPort(b)
        for (const label of ["A", "B", "C"]) posted(b, p.s, label)
        const call = cancel(b, p.s)
        const packets = await b.packets(p.completions, 3)
        const statuses = new Set(packets.map(({ status }) => status))
        return { call, packets: packets.length, status: Array.from(statuses).join(", ") }
      }
    },
    {
      id: "§1.11 all order",
      title: "The order of their packets",
      evidence: "unknown",
      source: "on Wine the reverse of posting",
      probe: async (b) => {
        const p = onPort(b)
        for (const label of ["A", "B", "C"]) posted(b, p.s, label)
        cancel(b, p.s)
        const packets = await b.packets(p.completions, 3)
        return { packets: packets.map(({ label }) => label).join(", ") }
      }
    },
    {
      id: "open 1",
      title: "CancelIoEx of the middle one of three receives: only that one? And who gets the next datagrams",
      evidence: "unknown",
      source: 'not documented (of TCP: "will end up canceling all")',
      probe: async (b) => {
        const p = onPort(b)
        const operations = ["A", "B", "C"].map((label) => posted(b, p.s, label))
        cancel(b, p.s, operations[1].overlapped)
        await b.completion(operations[1].overlapped)
        await b.settle()
        const cancelled = await b.queued(p.completions)
        for (const text of ["1", "2"]) b.send(p.from, text, "127.0.0.1", p.port)
        await b.settle()
        await b.packets(p.completions, 2, 500)
        const texts = operations.map(({ message }) => message.text() || "nothing")
        return { packets: describe(cancelled), A: texts[0], B: texts[1], C: texts[2] }
      }
    },
    {
      id: "§1.12 late datagram",
      title: "A datagram that comes after the cancellation is the next receive's",
      evidence: "unknown",
      source: "of TCP seen on Wine",
      probe: async (b) => {
        const p = onPort(b)
        const { message, overlapped } = posted(b, p.s, "A")
        cancel(b, p.s, overlapped)
        await b.deliver(p.from, "late", p.s, "127.0.0.1", p.port)
        return { cancelled: message.text() || "nothing", next: b.drain(p.s).join() || "nothing" }
      }
    },
    {
      id: "§1.12 race",
      title: "A datagram sent before CancelIoEx to a pending receive: taken or left, it is not lost",
      evidence: "documented",
      source: "CancelIoEx: three outcomes; none loses data of a datagram socket",
      windows: { "seen once": true },
      probe: async (b) => {
        const p = onPort(b)
        const { message, overlapped } = posted(b, p.s, "A")
        b.send(p.from, "race", "127.0.0.1", p.port)
        cancel(b, p.s, overlapped)
        await b.completion(overlapped)
        await b.settle()
        const texts = [message.text(), ...b.drain(p.s)].filter((text) => text !== "")
        return { "seen once": texts.join() === "race" }
      }
    },
    {
      id: "W8 closed socket",
      title: "CancelIoEx of a socket that is closed",
      evidence: "unknown",
      source: "ERROR_INVALID_HANDLE on Wine",
      probe: async (b) => {
        const { s } = b.bound()
        b.close(s)
        return { call: cancel(b, s) }
      }
    },
    {
      id: "§1.12 blocked",
      title: "A blocked receive, and CancelIoEx(socket, NULL) of another thread",
      evidence: "unknown",
      source: "released with 995 on Wine",
      probe: async (b) => {
        const { call, s } = blocked(b)
        let ended = false
        void call.finally(() => (ended = true))
        // the other thread may not be at its call yet: ask until it comes back
        await b.until(() => {
          b.calls.CancelIoEx(s, 0)
          return ended ? true : undefined
        }, 1000)
        const { error, result } = await call
        return { receive: result === 0 ? "ok" : error }
      }
    },
    {
      id: "§1.12 blocked FIONBIO",
      title: "A blocked receive whose socket is made non-blocking: it waits on, and CancelIoEx ends it",
      evidence: "unknown",
      source: "seen under Wine 8",
      probe: async (b) => {
        const { call, s } = blocked(b)
        let ended = false
        void call.finally(() => (ended = true))
        await waited(b)
        b.nonBlocking(s)
        await waited(b)
        const before = ended ? "ended" : "waits"
        await b.until(() => {
          b.calls.CancelIoEx(s, 0)
          return ended ? true : undefined
        }, 1000)
        const { error, result } = await call
        return { before, receive: result === 0 ? "ok" : error }
      }
    },
    {
      id: "SO_RCVTIMEO flag",
      title: "SO_RCVTIMEO of a socket without WSA_FLAG_OVERLAPPED never takes effect",
      evidence: "documented",
      source: "SOL_SOCKET options",
      windows: { "after 150 ms": "waits" },
      probe: async (b) => {
        const { s } = b.bound("127.0.0.1", { blocking: true, overlapped: false })
        b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVTIMEO, 20)
        const { lpBuffers } = b.message().view
        let ended = false
        const call = b
          .offThread("WSARecv", s, lpBuffers, 1, b.bytes.address, b.flags.address, 0, 0)
          .finally(() => (ended = true))
        for (let n = 0; n < 3; n++) await waited(b)
        const after = ended ? "ended" : "waits"
        await b.until(() => {
          b.calls.CancelIoEx(s, 0)
          return ended ? true : undefined
        }, 1000)
        await call
        return { "after 150 ms": after }
      }
    },
    {
      id: "§1.12 blocked close",
      title: "A blocked receive, and closesocket of another thread",
      evidence: "unknown",
      source: "10022 on Wine; of Windows 10004 or 10053 is said",
      probe: async (b) => {
        const { call, s } = blocked(b)
        await waited(b)
        b.close(s)
        const { error, result } = await call
        return { receive: result === 0 ? "ok" : error }
      }
    }
  ]
}
