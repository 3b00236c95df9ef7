// Sending on streams: the WSASend page, code by code, and what it says of order, flags and buffers.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, describe, untouched } from "../bench.ts"
import { omissions } from "../divergences.ts"
import { CannotRun, type Group, type Row, atLeast, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

/** A code of the page that no probe can bring about; why is among the omissions. */
const outOfReach = (code: string, title: string): Row => {
  const id = `WSASend ${code}`
  const probe = async () => {
    throw new CannotRun(omissions[id])
  }
  return { id, title, evidence: "documented", source: "WSASend", windows: { call: code }, probe }
}

/** More bytes than there can be room for while the peer does not receive. */
const much = 1_000_000

const fullPair = async (b: Bench) => {
  const ends = await Streams.pair(b, { buffers: 16_384 })
  return { ...ends, filled: await Streams.fill(b, ends.client) }
}

/** A send that the kernel has taken a part of: the peer received more than there was before it. */
const halfSent = async (b: Bench, size = 4 * 1024 * 1024) => {
  const ends = await fullPair(b)
  const overlapped = b.overlapped("A")
  const call = Streams.sendBytes(b, ends.client, size, { overlapped, bytesAt: 0 })
  const before = await Streams.take(b, ends.server, ends.filled + 20_000)
  await b.settle()
  return { ...ends, overlapped, call, taken: before.length, size }
}

export const group: Group = {
  title: "Streams: sending",
  rows: [
    {
      id: "fact 54 stream",
      title: "An overlapped send that is taken at once, on a port",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), packets: "A STATUS_SUCCESS 6", received: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const completions = b.port(client)
        const call = Streams.send(b, client, "Hello!", { overlapped: b.overlapped() })
        const packets = describe(await b.packets(completions))
        return { call, packets, received: await Streams.take(b, server, 6) }
      }
    },
    {
      id: "WSASend gather",
      title: "Several buffers go out one after the other",
      evidence: "documented",
      source: "WSASend",
      windows: { call: "ok", bytes: 6, received: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const call = Streams.send(b, client, ["He", "", "llo", "!"])
        const bytes = b.byteCount
        return { call, bytes, received: await Streams.take(b, server, 6) }
      }
    },
    {
      id: "WSASend many buffers",
      title: "More than 16 buffers",
      evidence: "documented",
      source: "WSASend: 16 was the most of Windows 95 and 98",
      windows: { call: "ok", bytes: 100, received: "a".repeat(100) },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const buffers = Array.from({ length: 100 }, () => "a")
        const call = Streams.send(b, client, buffers)
        const bytes = b.byteCount
        return { call, bytes, received: await Streams.take(b, server, 100) }
      }
    },
    {
      id: "WSASend captured",
      title: "The array of WSABUFs may be overwritten as soon as an overlapped call returns",
      evidence: "documented",
      source: "WSASend: the provider captures the WSABUF structures",
      windows: { call: "WSA_IO_PENDING", status: "STATUS_SUCCESS", last: "end!!" },
      probe: async (b) => {
        const { client, filled, server } = await fullPair(b)
        const message = b.outgoing("the end!!")
        const overlapped = b.overlapped()
        const call = Streams.sendOf(b, client, message, { overlapped, bytesAt: 0 })
        const { lpBuffers } = message.view
        const buffer = Structs.WSABUF.view(b.abi, message.block.view, lpBuffers - message.block.address)
        buffer.len = 0
        buffer.buf = 0
        await Streams.take(b, server, filled)
        const status = await b.completion(overlapped)
        b.close(client)
        return { call, status, last: (await Streams.drained(b, server)).last }
      }
    },
    {
      id: "WSASend nothing",
      title: "A send of no bytes",
      evidence: "documented",
      source: "send: len may be zero; the call succeeds",
      windows: { call: "ok", bytes: 0, received: "next" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const call = Streams.send(b, client, "")
        const bytes = b.byteCount
        Streams.send(b, client, "next")
        return { call, bytes, received: await Streams.take(b, server, 4) }
      }
    },
    {
      id: "WSASend nothing overlapped",
      title: "An overlapped send of no bytes, on a port",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const completions = b.port(client)
        const call = Streams.send(b, client, "", { overlapped: b.overlapped() })
        return { call, packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "WSASend no buffer",
      title: "A send without a buffer: the count is 0",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return { call: b.result(b.calls.WSASend(client, 0, 0, b.bytes.address, 0, 0, 0)) }
      }
    },
    {
      id: "WSASend order",
      title: "Three overlapped sends: their bytes go out in the order of the calls",
      evidence: "documented",
      source: "WSASend",
      windows: { received: "firstsecondthird", statuses: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const completions = b.port(client)
        for (const label of ["first", "second", "third"]) {
          Streams.send(b, client, label, { overlapped: b.overlapped(label) })
        }
        const packets = await b.packets(completions, 3)
        const statuses = new Set(packets.map(({ status }) => status))
        return { received: await Streams.take(b, server, 16), statuses: Array.from(statuses).join() }
      }
    },
    {
      id: "WSASend order pending",
      title: "The same of sends that pend",
      evidence: "documented",
      source: "WSASend",
      windows: { calls: "WSA_IO_PENDING", received: "firstsecondthird" },
      probe: async (b) => {
        const { client, filled, server } = await fullPair(b)
        const calls = ["first", "second", "third"].map((label) =>
          Streams.send(b, client, label, { overlapped: b.overlapped(label), bytesAt: 0 })
        )
        await Streams.take(b, server, filled)
        return { calls: Array.from(new Set(calls)).join(), received: await Streams.take(b, server, 16) }
      }
    },
    {
      id: "WSASend routine",
      title: "A completion routine of a send",
      evidence: "documented",
      source: "WSASend: no flags are defined, dwFlags is zero",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), runs: "0 6 0" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const runs: Array<string> = []
        const routine = b.routine((error, bytes, _overlapped, flags) => {
          runs.push(`${error} ${bytes} ${flags}`)
        })
        const overlapped = b.overlapped()
        const call = Streams.send(b, client, "Hello!", { overlapped, routine, bytesAt: 0 })
        await b.until(() => {
          b.calls.SleepEx(0, 1)
          return runs.length > 0 ? true : undefined
        })
        return { call, runs: runs.join() || "none" }
      }
    },
    {
      id: "WSASend sample",
      title: "The page's sample: ten buffers of 4096 bytes, each waited for through its event",
      evidence: "documented",
      source: "WSASend: the example",
      windows: { results: "4096", received: 40_960, end: "end" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const event = b.event()
        const overlapped = b.overlapped("A", event)
        const results = new Set<string>()
        for (let i = 0; i < 10; i++) {
          const call = Streams.sendBytes(b, server, 4096, { overlapped })
          if (call !== "ok" && call !== "WSA_IO_PENDING") results.add(call)
          if (!(await b.signal(event))) results.add("not signalled")
          const result = b.overlappedResult(server, overlapped)
          results.add(result === "ok" ? String(b.byteCount) : result)
          b.calls.WSAResetEvent(event)
        }
        b.close(server)
        const { bytes, end } = await Streams.drained(b, client)
        return { results: Array.from(results).join(), received: bytes, end }
      }
    },
    {
      id: "WSASend part",
      title: "A non-blocking send of more than there is room for: a part of it is taken, or all",
      evidence: "documented",
      source: "WSASend: it returns with only part of the buffers consumed",
      windows: { call: "ok", bytes: atLeast(1), received: "what was told" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b, { buffers: 16_384 })
        const call = Streams.sendBytes(b, client, 4 * 1024 * 1024)
        const bytes = b.byteCount
        b.close(client)
        const received = (await Streams.drained(b, server)).bytes
        return { call, bytes: Math.min(Number(bytes), 1), received: received === bytes ? "what was told" : received }
      }
    },
    // the page's table of codes
    outOfReach("WSAECONNABORTED", "The connection ended for a time-out or another failure"),
    {
      id: "WSASend WSAECONNRESET",
      title: "The peer has reset the connection (fact 55): nothing is queued",
      evidence: "seen",
      source: "Wine's sock.c; WSASend",
      windows: { call: "WSAECONNRESET", bytes: "untouched", packets: "none" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        Streams.reset(b, server)
        await b.completion(overlapped)
        const completions = b.port(client)
        const send = b.overlapped("send")
        b.bytes.view.setUint32(0, untouched, true)
        const call = Streams.send(b, client, "x", { overlapped: send, bytesAt: b.bytes.address })
        const bytes = b.byteCount
        if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(send)
        return { call, bytes, packets: describe(await b.queued(completions)) }
      }
    },
    {
      id: "WSASend WSAEFAULT",
      title: "Pointers to nowhere: lpBuffers, a buffer's memory, neither a byte count nor an OVERLAPPED",
      evidence: "documented",
      source: "WSASend",
      windows: { lpBuffers: "WSAEFAULT", memory: "WSAEFAULT", "without both": "WSAEFAULT" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const message = b.outgoing("x")
        const { lpBuffers } = message.view
        const without = b.result(b.calls.WSASend(client, lpBuffers, 1, 0, 0, 0, 0))
        const view = Structs.WSABUF.view(b.abi, message.block.view, lpBuffers - message.block.address)
        view.buf = 8
        const send = (at: number): string => b.result(b.calls.WSASend(client, at, 1, b.bytes.address, 0, 0, 0))
        return { lpBuffers: send(0), memory: send(lpBuffers), "without both": without }
      }
    },
    outOfReach("WSAEINTR", "A blocking call was cancelled through WSACancelBlockingCall"),
    outOfReach("WSAEINPROGRESS", "A blocking call is under way"),
    {
      id: "WSASend WSAEINVAL",
      title: "A completion routine on a socket of a port",
      evidence: "seen",
      source: "Wine's sock.c (fact 46); the page's causes are those of other codes, see WSAENOTCONN",
      windows: { call: "WSAEINVAL", received: "next" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        b.port(client)
        const overlapped = b.overlapped()
        const call = Streams.send(b, client, "x", { overlapped, routine: b.routine(() => {}), bytesAt: 0 })
        if (call !== "WSA_IO_PENDING") Streams.over(overlapped)
        Streams.send(b, client, "next")
        return { call, received: await Streams.take(b, server, 4) }
      }
    },
    {
      id: "WSASend not overlapped",
      title: "With an OVERLAPPED on a socket that is not overlapped",
      evidence: "unknown",
      source: "WSASend says both: WSAEINVAL, and that the parameter is ignored",
      probe: async (b) => {
        const listening = Streams.listener(b)
        const s = Streams.socket(b, { overlapped: false })
        b.connect(s, Streams.loopback, listening.port)
        const server = await Streams.accepted(b, listening.s)
        const call = Streams.send(b, s, "Hello!", { overlapped: b.overlapped() })
        return { call, received: await Streams.take(b, server, 6, 500) }
      }
    },
    {
      id: "WSASend WSAEMSGSIZE",
      title: "A stream has no largest message (of datagrams: P26)",
      evidence: "documented",
      source: "WSASend: for message-oriented sockets",
      windows: { call: oneOf("ok", "WSA_IO_PENDING") },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return { call: Streams.sendBytes(b, client, 1_000_000, { overlapped: b.overlapped() }) }
      }
    },
    outOfReach("WSAENETDOWN", "The network subsystem has failed"),
    outOfReach("WSAENETRESET", "Keep-alive found that the peer is gone"),
    outOfReach("WSAENOBUFS", "The provider has no memory"),
    {
      id: "WSASend WSAENOTCONN",
      title: "A stream that is not connected, and a listener",
      evidence: "documented",
      source: "WSASend",
      windows: { fresh: "WSAENOTCONN", bound: "WSAENOTCONN", listener: "WSAENOTCONN", overlapped: "WSAENOTCONN" },
      probe: async (b) => {
        const overlapped = b.overlapped()
        const call = Streams.send(b, Streams.bound(b).s, "x", { overlapped, bytesAt: 0 })
        if (call !== "WSA_IO_PENDING") Streams.over(overlapped)
        return {
          fresh: Streams.send(b, Streams.socket(b), "x"),
          bound: Streams.send(b, Streams.bound(b).s, "x"),
          listener: Streams.send(b, Streams.listener(b).s, "x"),
          overlapped: call
        }
      }
    },
    {
      id: "WSASend WSAENOTSOCK",
      title: "INVALID_SOCKET, and a socket that is closed",
      evidence: "documented",
      source: "WSASend",
      windows: { invalid: "WSAENOTSOCK", closed: "WSAENOTSOCK" },
      probe: async (b) => {
        const s = Streams.socket(b)
        b.close(s)
        const { lpBuffers } = b.outgoing("x").view
        const { address } = b.bytes
        return {
          invalid: b.result(b.calls.WSASend(-1, lpBuffers, 1, address, 0, 0, 0)),
          closed: b.result(b.calls.WSASend(s, lpBuffers, 1, address, 0, 0, 0))
        }
      }
    },
    {
      id: "WSASend WSAEOPNOTSUPP",
      title: "MSG_OOB on a datagram socket",
      evidence: "documented",
      source: "WSASend",
      windows: { MSG_OOB: "WSAEOPNOTSUPP" },
      probe: async (b) => {
        const { s } = b.bound()
        b.connect(s, Streams.loopback, b.bound().port)
        return { MSG_OOB: Streams.send(b, s, "x", { flags: Flags.MSG_OOB }) }
      }
    },
    {
      id: "WSASend MSG_PARTIAL",
      title: "MSG_PARTIAL on a stream, whose provider does not have XP1_PARTIAL_MESSAGE",
      evidence: "documented",
      source: "WSASend: WSAEOPNOTSUPP of transports that do not support partial messages",
      windows: { XP1_PARTIAL_MESSAGE: "no", call: "WSAEOPNOTSUPP" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const flags = serviceFlags(b, client)
        const partial = typeof flags === "number" ? ((flags & XP1_PARTIAL_MESSAGE) === 0 ? "no" : "yes") : flags
        return { XP1_PARTIAL_MESSAGE: partial, call: Streams.send(b, client, "x", { flags: Flags.MSG_PARTIAL }) }
      }
    },
    {
      id: "WSASend MSG_PARTIAL datagram",
      title: "MSG_PARTIAL on a datagram socket",
      evidence: "documented",
      source: "WSASend: WSAEOPNOTSUPP of transports that do not support partial messages",
      windows: { call: "WSAEOPNOTSUPP" },
      probe: async (b) => {
        const { s } = b.bound()
        b.connect(s, Streams.loopback, b.bound().port)
        return { call: Streams.send(b, s, "x", { flags: Flags.MSG_PARTIAL }) }
      }
    },
    {
      id: "WSASend MSG_DONTROUTE",
      title: "MSG_DONTROUTE",
      evidence: "documented",
      source: "WSASend: a provider may ignore it",
      windows: { call: "ok", received: "Hello!" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const call = Streams.send(b, client, "Hello!", { flags: Flags.MSG_DONTROUTE })
        return { call, received: await Streams.take(b, server, 6, 500) }
      }
    },
    {
      id: "WSASend unknown flag",
      title: "A flag that nobody knows",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return { call: Streams.send(b, client, "x", { flags: 0x0100_0000 }) }
      }
    },
    {
      id: "WSASend WSAESHUTDOWN",
      title: "After shutdown with SD_SEND, and with SD_BOTH",
      evidence: "seen",
      source: "Wine's sock.c (fact 43); WSASend",
      windows: { SD_SEND: "WSAESHUTDOWN", SD_BOTH: "WSAESHUTDOWN", SD_RECEIVE: "ok" },
      probe: async (b) => {
        const after = async (how: number): Promise<string> => {
          const { client } = await Streams.pair(b)
          b.calls.shutdown(client, how)
          return Streams.send(b, client, "x")
        }
        return {
          SD_SEND: await after(Flags.SD_SEND),
          SD_BOTH: await after(Flags.SD_BOTH),
          SD_RECEIVE: await after(Flags.SD_RECEIVE)
        }
      }
    },
    {
      id: "WSASend WSAEWOULDBLOCK",
      title: "Non-blocking, and the peer does not receive",
      evidence: "documented",
      source: "WSASend",
      windows: { call: "WSAEWOULDBLOCK", bytes: "untouched" },
      probe: async (b) => {
        const { client } = await fullPair(b)
        const call = Streams.send(b, client, "x")
        return { call, bytes: b.byteCount }
      }
    },
    outOfReach("WSANOTINITIALISED", "Before WSAStartup"),
    {
      id: "WSASend WSA_IO_PENDING",
      title: "Overlapped, and the peer does not receive: it pends, and completes when the peer does",
      evidence: "documented",
      source: "WSASend",
      windows: {
        call: "WSA_IO_PENDING",
        bytes: "untouched",
        before: "STATUS_PENDING",
        packets: "A STATUS_SUCCESS 1000000"
      },
      probe: async (b) => {
        const { client, filled, server } = await fullPair(b)
        const completions = b.port(client)
        const overlapped = b.overlapped()
        const call = Streams.sendBytes(b, client, much, { overlapped })
        const bytes = b.byteCount
        await b.settle()
        const before = b.status(overlapped)
        await Streams.take(b, server, filled + much)
        return { call, bytes, before, packets: describe(await b.packets(completions)) }
      }
    },
    {
      id: "WSASend SO_SNDTIMEO",
      title: "SO_SNDTIMEO 100: an overlapped send is not timed out",
      evidence: "documented",
      source: "WSASend: SO_SNDTIMEO applies to blocking sockets only (P27)",
      windows: { "after 250 ms": "STATUS_PENDING", next: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { client, filled, server } = await fullPair(b)
        b.setOption(client, Flags.SOL_SOCKET, Options.SO_SNDTIMEO, 100)
        const overlapped = b.overlapped()
        Streams.sendBytes(b, client, much, { overlapped, bytesAt: 0 })
        const after = await b.completion(overlapped, 250)
        await Streams.take(b, server, filled + much)
        return { "after 250 ms": after, next: await b.completion(overlapped) }
      }
    },
    {
      id: "WSASend WSA_OPERATION_ABORTED",
      title: "A send that was cancelled while it pended",
      evidence: "documented",
      source: "WSASend; CancelIoEx",
      windows: { cancel: "ok", packets: "A STATUS_CANCELLED 0", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { client } = await fullPair(b)
        const completions = b.port(client)
        const overlapped = b.overlapped()
        Streams.send(b, client, "Hello!", { overlapped, bytesAt: 0 })
        const cancel = b.success(b.calls.CancelIoEx(client, overlapped.address))
        const packets = describe(await b.packets(completions))
        return { cancel, packets, result: b.overlappedResult(client, overlapped) }
      }
    },
    {
      id: "§1.12 half-way",
      title: "A send that is cancelled half-way",
      evidence: "documented",
      source: "CancelIoEx",
      windows: { call: "WSA_IO_PENDING", cancel: "ok", status: "STATUS_CANCELLED", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { call, client, overlapped } = await halfSent(b)
        const cancel = b.success(b.calls.CancelIoEx(client, overlapped.address))
        const status = await b.completion(overlapped)
        return { call, cancel, status, result: b.overlappedResult(client, overlapped) }
      }
    },
    {
      id: "§1.12 half-way bytes",
      title: "The same: what InternalHigh tells, what the peer gets of it, and of a send behind it",
      evidence: "unknown",
      source: "on Wine a part of it, and then the next send",
      probe: async (b) => {
        const { client, filled, overlapped, server, size, taken } = await halfSent(b)
        b.calls.CancelIoEx(client, overlapped.address)
        await b.completion(overlapped)
        const told = overlapped.view.InternalHigh
        const behind = b.overlapped("behind")
        const next = Streams.send(b, client, "AFTER", { overlapped: behind, bytesAt: 0 })
        if (next !== "ok" && next !== "WSA_IO_PENDING") Streams.over(behind)
        b.calls.shutdown(client, Flags.SD_SEND)
        const { bytes, end, last } = await Streams.drained(b, server)
        const torn = taken + bytes - filled - (last === "AFTER" ? 5 : 0)
        return {
          InternalHigh: told === 0 ? "0" : told === torn ? "what was sent" : "something else",
          sent: torn === 0 ? "nothing" : torn < size ? "a part" : "all",
          next,
          last: last === "AFTER" ? last : "the torn send",
          end
        }
      }
    },
    {
      id: "§1.12 cancelled sends",
      title: "Two sends pend; the second is cancelled: the first goes on",
      evidence: "documented",
      source: "CancelIoEx: the request of that OVERLAPPED",
      windows: { cancel: "ok", B: "STATUS_CANCELLED", A: "STATUS_SUCCESS", last: "first" },
      probe: async (b) => {
        const { client, filled, server } = await fullPair(b)
        const [A, B] = ["A", "B"].map((label) => b.overlapped(label))
        Streams.send(b, client, "first", { overlapped: A, bytesAt: 0 })
        Streams.send(b, client, "second", { overlapped: B, bytesAt: 0 })
        const cancel = b.success(b.calls.CancelIoEx(client, B.address))
        const second = await b.completion(B)
        await Streams.take(b, server, filled)
        const first = await b.completion(A)
        b.close(client)
        return { cancel, B: second, A: first, last: (await Streams.drained(b, server)).last }
      }
    },
    {
      id: "§1.9 SO_SNDBUF 0",
      title: "SO_SNDBUF 0, overlapped, the peer does not receive: is a send of 6 bytes taken at once?",
      evidence: "unknown",
      source: "SO_SNDBUF: nothing is buffered in the sender; when it completes is not told",
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const set = b.setOption(client, Flags.SOL_SOCKET, Options.SO_SNDBUF, 0)
        const overlapped = b.overlapped()
        const call = Streams.send(b, client, "Hello!", { overlapped, bytesAt: 0 })
        return { set, call, status: await b.completion(overlapped, 500) }
      }
    },
    {
      id: "§1.9 send to the gone",
      title: "Sends to a peer that has closed: the first, and those after its reset has come",
      evidence: "unknown",
      source: "the peer's machine answers with a reset",
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        b.close(server)
        await Streams.ending(b, client)
        const first = Streams.send(b, client, "x")
        await b.settle()
        return { first, next: Streams.send(b, client, "x"), receive: Streams.receive(b, client) }
      }
    }
  ]
}

const XP1_PARTIAL_MESSAGE = 0x0004_0000

/** dwServiceFlags1 of the socket's provider, or the error's name. */
function serviceFlags(b: Bench, s: ReturnType<typeof Streams.socket>): number | string {
  const size = Structs.WSAPROTOCOL_INFOW.size[b.abi]
  const block = b.alloc(size + 4)
  block.view.setInt32(size, size, true)
  const { address } = block
  const rc = b.calls.getsockopt(s, Flags.SOL_SOCKET, Options.SO_PROTOCOL_INFOW, address, address + size)
  return rc === 0 ? Structs.WSAPROTOCOL_INFOW.view(b.abi, block.view, 0).dwServiceFlags1 : b.error
}
