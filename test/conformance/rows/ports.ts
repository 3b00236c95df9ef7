// Completion ports.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, describe, nameOfStatus, untouched } from "../bench.ts"
import { CannotRun, type Group, oneOf } from "../model.ts"

const entriesBlock = (b: Bench, count: number) => {
  const stride = Structs.OVERLAPPED_ENTRY.size[b.abi]
  const block = b.alloc(stride * count + 8)
  return { block, entries: block.address, removed: block.address + stride * count, removedAt: stride * count }
}

/** A receiver on a port, with a sender. */
const onPort = (b: Bench) => {
  const receiver = b.bound()
  return { ...receiver, from: b.bound().s, completions: b.port(receiver.s) }
}

export const group: Group = {
  title: "Completion ports",
  rows: [
    {
      id: "fact 54",
      title: "A call that succeeds at once queues a packet all the same",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 6", key: 7 },
      probe: async (b) => {
        const p = onPort(b)
        await b.deliver(p.from, "Hello!", p.s, "127.0.0.1", p.port)
        const call = b.recv(p.s, b.message(), { overlapped: b.overlapped() })
        const packets = await b.packets(p.completions)
        return { call, packets: describe(packets), key: packets[0]?.key ?? "none" }
      }
    },
    {
      id: "fact 54 send",
      title: "The same of a send",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 6" },
      probe: async (b) => {
        const p = onPort(b)
        const message = b.outgoing("Hello!").to("127.0.0.1", b.bound().port)
        const call = b.sendMsg(p.s, message, { overlapped: b.overlapped() })
        return { call, packets: describe(await b.packets(p.completions)) }
      }
    },
    {
      id: "fact 55",
      title: "A call that fails at once queues none",
      evidence: "seen",
      source: "Wine's sock.c (on TCP: WSAENOTCONN)",
      windows: { call: "WSAENOTCONN", bytes: "untouched", packets: "none" },
      probe: async (b) => {
        const p = onPort(b)
        const { address } = b.overlapped()
        b.bytes.view.setUint32(0, untouched, true)
        const { lpBuffers } = b.outgoing("x").view
        const call = b.result(b.calls.WSASend(p.s, lpBuffers, 1, b.bytes.address, 0, address, 0))
        const bytes = b.byteCount === "untouched" ? "untouched" : "written"
        return { call, bytes, packets: describe(await b.queued(p.completions)) }
      }
    },
    {
      id: "fact 56",
      title: "GetQueuedCompletionStatusEx on an empty port",
      evidence: "documented",
      source: "GetQueuedCompletionStatusEx; of GetQueuedCompletionStatus seen by Wine's sock.c",
      windows: { call: "WAIT_TIMEOUT" },
      probe: async (b) => {
        const { entries, removed } = entriesBlock(b, 1)
        return { call: b.success(b.calls.GetQueuedCompletionStatusEx(b.port(), entries, 1, removed, 0, 0)) }
      }
    },
    {
      id: "fact 56 outputs",
      title: "The same: the entries and their count",
      evidence: "unknown",
      source: "of GetQueuedCompletionStatus: key and byte count untouched, lpOverlapped NULL",
      probe: async (b) => {
        const { block, entries, removed, removedAt } = entriesBlock(b, 1)
        block.bytes.fill(0xaa)
        b.calls.GetQueuedCompletionStatusEx(b.port(), entries, 1, removed, 0, 0)
        const count = block.view.getUint32(removedAt, true)
        return {
          entries: block.bytes.subarray(0, removedAt).every((byte) => byte === 0xaa) ? "untouched" : "written",
          count: count === 0xaaaaaaaa ? "untouched" : count
        }
      }
    },
    {
      id: "fact 58",
      title: "A port that the socket joins after the receive was posted gets its packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", packets: "A STATUS_SUCCESS 6", key: 7 },
      probe: async (b) => {
        const { port, s } = b.bound()
        const call = b.recv(s, b.message(), { overlapped: b.overlapped() })
        const completions = b.port(s)
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        const packets = await b.packets(completions)
        return { call, packets: describe(packets), key: packets[0]?.key ?? "none" }
      }
    },
    {
      id: "fact 59",
      title: "An operation of a duplicated socket completes to the same port; closing one of the two cancels nothing",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", "after closing one": "STATUS_PENDING", packets: "A STATUS_SUCCESS 6" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const completions = b.port(s)
        const info = b.alloc(Structs.WSAPROTOCOL_INFOW.size[b.abi])
        const told = b.calls.WSADuplicateSocketW(s, b.environment.processId, info.address)
        if (told !== 0) throw new CannotRun(`WSADuplicateSocketW answers ${b.error}`)
        const other = b.calls.WSASocketW(-1, -1, -1, info.address, 0, Flags.WSA_FLAG_OVERLAPPED)
        if (other === -1) return { WSASocketW: b.error }
        b.own(other)
        const overlapped = b.overlapped()
        const call = b.recv(other, b.message(), { overlapped })
        b.close(s)
        await b.settle()
        const status = b.status(overlapped)
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        const packets = await b.packets(completions, 1, 1000)
        return { call, "after closing one": status, packets: describe(packets) }
      }
    },
    {
      id: "fact 65",
      title: "hEvent with its low bit set: the event is signalled, the result is there, no packet comes",
      evidence: "seen",
      source: "Wine's sock.c (ConnectEx, DisconnectEx); GetQueuedCompletionStatus",
      windows: { call: "WSA_IO_PENDING", event: "signalled", result: "ok", bytes: 6, packets: "none" },
      probe: async (b) => {
        const p = onPort(b)
        const event = b.event()
        const overlapped = b.overlapped("A", event + 1)
        const call = b.recv(p.s, b.message(), { overlapped })
        b.send(p.from, "Hello!", "127.0.0.1", p.port)
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        const result = b.overlappedResult(p.s, overlapped)
        const bytes = b.byteCount
        return { call, event: signalled, result, bytes, packets: describe(await b.queued(p.completions)) }
      }
    },
    {
      id: "fact 66",
      title: "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: an operation that pended queues its packet",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { modes: "ok", call: "WSA_IO_PENDING", packets: "A STATUS_SUCCESS 6" },
      probe: async (b) => {
        const p = onPort(b)
        const modes = b.success(b.calls.SetFileCompletionNotificationModes(p.s, 1))
        const call = b.recv(p.s, b.message(), { overlapped: b.overlapped() })
        b.send(p.from, "Hello!", "127.0.0.1", p.port)
        return { modes, call, packets: describe(await b.packets(p.completions)) }
      }
    },
    {
      id: "fact 66 cancelled",
      title: "The same when it fails",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { modes: "ok", call: "WSA_IO_PENDING", packets: "A STATUS_CANCELLED 0" },
      probe: async (b) => {
        const p = onPort(b)
        const modes = b.success(b.calls.SetFileCompletionNotificationModes(p.s, 1))
        const overlapped = b.overlapped()
        const call = b.recv(p.s, b.message(), { overlapped })
        b.calls.CancelIoEx(p.s, overlapped.address)
        return { modes, call, packets: describe(await b.packets(p.completions)) }
      }
    },
    {
      id: "P9",
      title: "FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: a call that succeeds at once queues none",
      evidence: "documented",
      source: "SetFileCompletionNotificationModes",
      windows: { modes: "ok", "packet for an answer at once": false },
      probe: async (b) => {
        const p = onPort(b)
        const modes = b.success(b.calls.SetFileCompletionNotificationModes(p.s, 1))
        const message = b.outgoing("Hello!").to("127.0.0.1", b.bound().port)
        const overlapped = b.overlapped()
        const call = b.sendMsg(p.s, message, { overlapped })
        await b.completion(overlapped)
        const packets = await b.queued(p.completions)
        return { modes, "packet for an answer at once": call === "ok" && packets.length > 0 }
      }
    },
    {
      id: "P9 unset",
      title: "The mode cannot be taken back",
      evidence: "documented",
      source: "SetFileCompletionNotificationModes: once set, it cannot be removed",
      windows: { "packet for an answer at once": false },
      probe: async (b) => {
        const p = onPort(b)
        b.calls.SetFileCompletionNotificationModes(p.s, 1)
        b.calls.SetFileCompletionNotificationModes(p.s, 0)
        const message = b.outgoing("Hello!").to("127.0.0.1", b.bound().port)
        const overlapped = b.overlapped()
        const call = b.sendMsg(p.s, message, { overlapped })
        await b.completion(overlapped)
        return { "packet for an answer at once": call === "ok" && (await b.queued(p.completions)).length > 0 }
      }
    },
    {
      id: "P10",
      title: "A socket goes on one port, once",
      evidence: "documented",
      source: "CreateIoCompletionPort",
      windows: { again: "WSA_INVALID_PARAMETER", other: "WSA_INVALID_PARAMETER" },
      probe: async (b) => {
        const p = onPort(b)
        const join = (port: typeof p.completions): string => b.success(b.calls.CreateIoCompletionPort(p.s, port, 8, 0))
        return { again: join(p.completions), other: join(b.port()) }
      }
    },
    {
      id: "P10 not overlapped",
      title: "A socket that is not overlapped on a port",
      evidence: "unknown",
      source: 'CreateIoCompletionPort: "opened for overlapped I/O"',
      probe: async (b) => {
        const s = b.socket({ overlapped: false })
        return { call: b.success(b.calls.CreateIoCompletionPort(s, b.port(), 8, 0)) }
      }
    },
    {
      id: "§1.9 batch",
      title: "Several packets in one call, in the order they were posted",
      evidence: "documented",
      source: "GetQueuedCompletionStatusEx, PostQueuedCompletionStatus",
      windows: { call: "ok", entries: "1 STATUS_SUCCESS 10, 2 STATUS_SUCCESS 20, 3 STATUS_SUCCESS 30" },
      probe: async (b) => {
        const port = b.port()
        for (const key of [1, 2, 3]) b.calls.PostQueuedCompletionStatus(port, key * 10, key, 0)
        const { block, entries, removed, removedAt } = entriesBlock(b, 8)
        const call = b.success(b.calls.GetQueuedCompletionStatusEx(port, entries, 8, removed, 0, 0))
        const count = block.view.getUint32(removedAt, true)
        const texts = Array.from({ length: count }, (_, i) => {
          const view = Structs.OVERLAPPED_ENTRY.view(b.abi, block.view, i * Structs.OVERLAPPED_ENTRY.size[b.abi])
          return `${view.lpCompletionKey} ${nameOfStatus(view.Internal)} ${view.dwNumberOfBytesTransferred}`
        })
        return { call, entries: texts.join(", ") }
      }
    },
    {
      id: "§1.9 closed port",
      title: "A port that is closed while a thread waits in it",
      evidence: "documented",
      source: "GetQueuedCompletionStatusEx: ERROR_ABANDONED_WAIT_0",
      windows: { call: "ERROR_ABANDONED_WAIT_0" },
      probe: async (b) => {
        const port = b.port()
        const ready = b.port()
        const { entries, removed } = entriesBlock(b, 1)
        // a pool serves calls in order: when the second thread answers, the first is at its call or very near it
        const waiting = b.offThread("GetQueuedCompletionStatusEx", port, entries, 1, removed, 1000, 0)
        b.calls.PostQueuedCompletionStatus(ready, 0, 0, 0)
        const second = entriesBlock(b, 1)
        await b.offThread("GetQueuedCompletionStatusEx", ready, second.entries, 1, second.removed, 1000, 0)
        await nap(b)
        b.closePort(port)
        const { error, result } = await waiting
        return { call: result === 0 ? error : "ok" }
      }
    },
    {
      id: "P34",
      title: "Three receives, three datagrams: the order of the packets",
      evidence: "unknown",
      source: "completion order is not promised to be issue order",
      probe: async (b) => {
        const p = onPort(b)
        for (const label of ["A", "B", "C"]) b.recv(p.s, b.message(), { overlapped: b.overlapped(label) })
        for (const text of ["1", "2", "3"]) b.send(p.from, text, "127.0.0.1", p.port)
        const packets = await b.packets(p.completions, 3)
        return { packets: packets.map(({ label }) => label).join(", ") }
      }
    },
    {
      id: "§1.12 sentinel",
      title: "A packet posted after a synchronous WSAEMSGSIZE comes behind the operation's own, if there is one",
      evidence: "unknown",
      source: "seen on Wine, to be confirmed on Windows",
      probe: async (b) => {
        const p = onPort(b)
        await b.deliver(p.from, "Hello!", p.s, "127.0.0.1", p.port)
        const overlapped = b.overlapped()
        const call = b.recvMsg(p.s, b.message({ sizes: [3] }), { overlapped, bytesAt: 0 })
        const before = await b.queued(p.completions)
        await b.settle()
        const after = await b.queued(p.completions)
        return { call, before: describe(before), behind: describe(after) }
      }
    },
    {
      id: "fact 67",
      title: "connect and shutdown queue nothing",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { connect: "ok", shutdown: "ok", packets: "none" },
      probe: async (b) => {
        const p = onPort(b)
        const connect = b.connect(p.s, "127.0.0.1", b.bound().port)
        const shutdown = b.result(b.calls.shutdown(p.s, Flags.SD_BOTH))
        return { connect, shutdown, packets: describe(await b.queued(p.completions)) }
      }
    }
  ]
}

/** Lets another thread get to its wait: as long as a receive with a timeout of 50 ms takes. */
async function nap(b: Bench): Promise<void> {
  const { entries, removed } = entriesBlock(b, 1)
  await b.offThread("GetQueuedCompletionStatusEx", b.port(), entries, 1, removed, 50, 0)
}
