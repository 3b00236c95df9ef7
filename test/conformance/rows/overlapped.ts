// Overlapped calls, their results, and calls that are not overlapped.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, describe, nameOfCode, untouched } from "../bench.ts"
import { type Group, type Observation, oneOf } from "../model.ts"

const RCVTIMEO = [Flags.SOL_SOCKET, Options.SO_RCVTIMEO] as const

/** Two sockets connected to each other. */
const connected = (b: Bench) => {
  const one = b.bound()
  const two = b.bound()
  b.connect(one.s, "127.0.0.1", two.port)
  b.connect(two.s, "127.0.0.1", one.port)
  return { one: one.s, two: two.s }
}

const sendTo = (b: Bench, s: ReturnType<Bench["socket"]>): string => {
  const message = b.outgoing("x")
  return b.result(b.calls.WSASend(s, message.view.lpBuffers, 1, b.bytes.address, 0, 0, 0))
}

/** An OVERLAPPED as the kernel leaves it, written by hand; WSAGetOverlappedResult looks at nothing else. */
const finished = (b: Bench, status: number, bytes: number): number => {
  const block = b.alloc(Structs.OVERLAPPED.size[b.abi])
  const view = Structs.OVERLAPPED.view(b.abi, block.view, 0)
  view.Internal = status
  view.InternalHigh = bytes
  return block.address
}

const resultOf = (b: Bench, s: ReturnType<Bench["socket"]>, status: number): string => {
  const rc = b.calls.WSAGetOverlappedResult(s, finished(b, status, 6), b.bytes.address, 0, b.flags.address)
  return b.success(rc)
}

export const group: Group = {
  title: "Overlapped calls and their results",
  rows: [
    {
      id: "fact 33",
      title: "An overlapped receive pends on a non-blocking socket too",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { "FIONBIO off": "WSA_IO_PENDING", "FIONBIO on": "WSA_IO_PENDING" },
      probe: async (b) => {
        const call = (blocking: boolean): string =>
          b.recv(b.bound("127.0.0.1", { blocking }).s, b.message(), { overlapped: b.overlapped() })
        return { "FIONBIO off": call(true), "FIONBIO on": call(false) }
      }
    },
    {
      id: "fact 34",
      title: "While it pends: Internal, InternalHigh, the byte count",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { internal: "STATUS_PENDING", internalHigh: "untouched", bytes: "untouched" },
      probe: async (b) => {
        const overlapped = b.overlapped()
        b.bytes.view.setUint32(0, untouched, true)
        b.recv(b.bound().s, b.message(), { overlapped })
        return {
          internal: b.status(overlapped),
          internalHigh: overlapped.view.InternalHigh === untouched ? "untouched" : "written",
          bytes: b.byteCount === "untouched" ? "untouched" : "written"
        }
      }
    },
    {
      id: "fact 35",
      title: "hEvent NULL: the socket itself is signalled",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { pending: "not signalled", completed: "signalled" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const overlapped = b.overlapped()
        b.recv(s, b.message(), { overlapped })
        const pending = b.signalled(s) ? "signalled" : "not signalled"
        b.send(b.bound().s, "x", "127.0.0.1", port)
        await b.completion(overlapped)
        return { pending, completed: (await b.signal(s)) ? "signalled" : "not signalled" }
      }
    },
    {
      id: "fact 36",
      title: "An overlapped receive with data at hand",
      evidence: "seen",
      source: 'Wine\'s sock.c ("not reliably")',
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), status: "STATUS_SUCCESS", bytes: 6 },
      probe: async (b) => {
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const overlapped = b.overlapped()
        const call = b.recv(s, b.message(), { overlapped })
        return { call, status: await b.completion(overlapped), bytes: overlapped.view.InternalHigh }
      }
    },
    {
      id: "fact 38",
      title: "On a socket that is not overlapped a receive with an OVERLAPPED blocks",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { "before the datagram": "blocks", next: "ok", bytes: 6 },
      probe: async (b) => {
        const s = b.socket({ overlapped: false, blocking: true })
        b.bind(s, "127.0.0.1")
        b.setOption(s, ...RCVTIMEO, 3000)
        const name = b.name(s)
        if (typeof name === "string") throw new Error(name)
        const message = b.message()
        const overlapped = b.overlapped()
        let returned = false
        const { lpBuffers } = message.view
        const { address } = overlapped
        const call = b
          .offThread("WSARecv", s, lpBuffers, 1, b.bytes.address, b.flags.address, address, 0)
          .finally(() => (returned = true))
        // a receive of another thread that is known to last longer than a call that does not block
        await timeout(b, 100)
        const before = returned ? "returns" : "blocks"
        b.send(b.bound().s, "Hello!", "127.0.0.1", name.port)
        const { error, result } = await call
        return {
          "before the datagram": before,
          next: result === 0 ? "ok" : error,
          bytes: b.byteCount
        }
      }
    },
    {
      id: "fact 39",
      title: "SO_RCVTIMEO 100: a receive without an OVERLAPPED",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAETIMEDOUT" },
      probe: async (b) => ({ call: await timeout(b, 100) })
    },
    {
      id: "fact 39 overlapped",
      title: "SO_RCVTIMEO 100: an overlapped receive is not timed out",
      evidence: "seen",
      source: "Wine's sock.c (P27)",
      windows: { "after 250 ms": "STATUS_PENDING", next: "STATUS_SUCCESS" },
      probe: async (b) => {
        const { port, s } = b.bound()
        b.setOption(s, ...RCVTIMEO, 100)
        const overlapped = b.overlapped()
        b.recv(s, b.message(), { overlapped })
        await timeout(b, 250)
        const after = b.status(overlapped)
        b.send(b.bound().s, "x", "127.0.0.1", port)
        return { "after 250 ms": after, next: await b.completion(overlapped) }
      }
    },
    {
      id: "fact 43",
      title: "shutdown of a connected UDP socket",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        "bad how": "WSAEINVAL",
        SD_RECEIVE: "ok",
        receive: "WSAESHUTDOWN",
        again: "ok",
        SD_SEND: "ok",
        send: "WSAESHUTDOWN"
      },
      probe: async (b) => {
        const { one } = connected(b)
        const shutdown = (how: number): string => b.result(b.calls.shutdown(one, how))
        return {
          "bad how": shutdown(55),
          SD_RECEIVE: shutdown(Flags.SD_RECEIVE),
          receive: b.recv(one, b.message()),
          again: shutdown(Flags.SD_RECEIVE),
          SD_SEND: shutdown(Flags.SD_SEND),
          send: sendTo(b, one)
        }
      }
    },
    {
      id: "fact 43 unconnected",
      title: "shutdown of an unconnected UDP socket",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { SD_RECEIVE: "WSAENOTCONN", SD_SEND: "WSAENOTCONN" },
      probe: async (b) => {
        const { s } = b.bound()
        return {
          SD_RECEIVE: b.result(b.calls.shutdown(s, Flags.SD_RECEIVE)),
          SD_SEND: b.result(b.calls.shutdown(s, Flags.SD_SEND))
        }
      }
    },
    {
      id: "fact 51",
      title: "WSAGetOverlappedResult on INVALID_SOCKET",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { result: "WSAENOTSOCK" },
      probe: async (b) => {
        const { address } = b.bytes
        const rc = b.calls.WSAGetOverlappedResult(-1, finished(b, 0, 6), address, 0, b.flags.address)
        return { result: b.success(rc) }
      }
    },
    {
      id: "fact 52",
      title: "WSAGetOverlappedResult of a status that is a success",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { STATUS_SUCCESS: "ok", STATUS_TIMEOUT: "ok", "0x40000000": "ok", bytes: 6 },
      probe: async (b) => {
        const s = b.socket()
        const results = { STATUS_SUCCESS: resultOf(b, s, 0), STATUS_TIMEOUT: resultOf(b, s, 0x102) }
        b.bytes.view.setUint32(0, untouched, true)
        const last = resultOf(b, s, 0x4000_0000)
        return { ...results, "0x40000000": last, bytes: b.byteCount }
      }
    },
    {
      id: "fact 53",
      title: "WSAGetOverlappedResult of STATUS_PENDING",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { result: "WSA_IO_INCOMPLETE" },
      probe: async (b) => ({ result: resultOf(b, b.socket(), NtStatus.STATUS_PENDING) })
    },
    {
      id: "§1.7",
      title: "WSAGetOverlappedResult of every failing NTSTATUS of the library's table",
      evidence: "seen",
      source: "Wine's sock.c, map_status",
      windows: { "other than the table": "none" },
      probe: async (b) => {
        const s = b.socket()
        const others = NtStatus.table
          .filter(({ status }) => !NtStatus.isSuccess(status))
          .map(({ name, status }) => [name, nameOfCode(NtStatus.toWsaError(status)), resultOf(b, s, status)] as const)
          .filter(([, expected, found]) => expected !== found)
        const text = others.map(([name, , found]) => `${name} ${found}`).join(", ")
        return { "other than the table": text === "" ? "none" : text }
      }
    },
    {
      id: "fact 79 count",
      title: "An overlapped WSAIoctl without lpcbBytesReturned",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => {
        const s = b.socket()
        const { address } = b.overlapped()
        const on = b.u32(0).address
        return { call: b.result(b.calls.WSAIoctl(s, Ioctls.SIO_UDP_CONNRESET, on, 4, 0, 0, 0, address, 0)) }
      }
    },
    {
      id: "fact 79 GUID",
      title: "SIO_GET_EXTENSION_FUNCTION_POINTER of a GUID that nobody has",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEINVAL", packets: "none" },
      probe: async (b) => {
        const s = b.socket()
        const port = b.port(s)
        const call = extensionPointer(b, s, "00000000-1111-2222-3333-444444444444")
        return { call, packets: describe(await b.queued(port)) }
      }
    },
    {
      id: "fact 79 overlapped",
      title: "SIO_GET_EXTENSION_FUNCTION_POINTER with an OVERLAPPED",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", packets: 1 },
      probe: async (b) => {
        const s = b.socket()
        const port = b.port(s)
        const call = extensionPointer(b, s, Guids.extensions.WSARecvMsg)
        return { call, packets: (await b.queued(port)).length }
      }
    },
    {
      id: "P8",
      title: "A receive of no bytes takes a datagram and loses it",
      evidence: "documented",
      source: "WSARecv: WSAEMSGSIZE, the excess is lost",
      windows: { call: "WSAEMSGSIZE", next: "second" },
      probe: async (b) => {
        const { port, s } = b.bound()
        const { s: from } = b.bound()
        await b.deliver(from, "Hello!", s, "127.0.0.1", port)
        await b.deliver(from, "second", s, "127.0.0.1", port)
        return { call: b.recv(s, b.message({ sizes: [0] })), next: b.drain(s).join() }
      }
    },
    {
      id: "§1.9 WSARecvFrom",
      title: "WSARecvFrom of a datagram that is too large",
      evidence: "documented",
      source: "WSARecvFrom: WSAEMSGSIZE",
      windows: { call: "WSAEMSGSIZE", text: "Hel", next: "nothing" },
      probe: async (b) => {
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ sizes: [3] })
        const call = b.recvFrom(s, message)
        return { call, text: message.text(), next: b.drain(s).join() || "nothing" }
      }
    },
    {
      id: "§1.9 WSARecvFrom flags",
      title: "The same: byte count, lpFlags and the address",
      evidence: "unknown",
      source: "MSG_PARTIAL is documented for message-oriented sockets",
      probe: async (b) => {
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ sizes: [3] })
        b.recvFrom(s, message)
        const bytes = b.byteCount
        const flags = b.flags.view.getUint32(0, true)
        return {
          bytes: bytes === untouched ? "untouched" : bytes,
          flags: `0x${flags.toString(16)}`,
          from: message.from.ip,
          fromlen: message.nameLength
        }
      }
    },
    {
      id: "open 3 WSARecvFrom",
      title: "Truncated data at hand, overlapped, on a port: the answer, and whether a packet follows (P7)",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: truncated("WSARecvFrom", "after", false)
    },
    {
      id: "open 3 WSARecv",
      title: "The same of WSARecv",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: truncated("WSARecv", "after", false)
    },
    {
      id: "open 3 posted",
      title: "WSARecvFrom posted before a datagram that is too large",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: truncated("WSARecvFrom", "before", false)
    },
    {
      id: "open 3 skip",
      title: "Truncated data at hand with FILE_SKIP_COMPLETION_PORT_ON_SUCCESS",
      evidence: "unknown",
      source: "not documented",
      probe: truncated("WSARecvFrom", "after", true)
    },
    {
      id: "P12",
      title: "The last error belongs to the thread",
      evidence: "documented",
      source: "WSAGetLastError",
      windows: { "other thread": "WSAENOTSOCK", "this thread": "WSAEINVAL" },
      probe: async (b) => {
        b.calls.WSASetLastError(10022)
        const other = await b.offThread("closesocket", -1)
        return { "other thread": other.error, "this thread": b.error }
      }
    },
    {
      id: "P15",
      title: "WSAWaitForMultipleEvents of 64 and of 65 handles",
      evidence: "documented",
      source: "WSA_MAXIMUM_WAIT_EVENTS, WSA_INVALID_PARAMETER",
      windows: { "64": "WSA_WAIT_TIMEOUT", "65": "WSA_INVALID_PARAMETER" },
      probe: async (b) => ({ "64": waitFor(b, 64, []), "65": waitFor(b, 65, []) })
    },
    {
      id: "P15 order",
      title: "Several events signalled: the lowest index is told",
      evidence: "documented",
      source: "WSAWaitForMultipleEvents",
      windows: { result: "WSA_WAIT_EVENT_0 + 1" },
      probe: async (b) => ({ result: waitFor(b, 4, [1, 3]) })
    },
    {
      id: "P36",
      title: "A socket that cannot be: INVALID_SOCKET is all ones",
      evidence: "documented",
      source: "WSASocketW: WSAEAFNOSUPPORT",
      windows: { socket: -1, error: "WSAEAFNOSUPPORT" },
      probe: async (b) => ({
        socket: b.calls.WSASocketW(999, Flags.SOCK_DGRAM, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED),
        error: b.error
      })
    }
  ]
}

/** Waits in a blocking receive of another thread until SO_RCVTIMEO ends it. */
async function timeout(b: Bench, milliseconds: number): Promise<string> {
  const { s } = b.bound("127.0.0.1", { blocking: true })
  b.setOption(s, ...RCVTIMEO, milliseconds)
  const message = b.message()
  const { lpBuffers } = message.view
  const bytes = b.alloc(4).address
  const flags = b.alloc(4).address
  const { error, result } = await b.offThread("WSARecv", s, lpBuffers, 1, bytes, flags, 0, 0)
  return result === 0 ? "ok" : error
}

function extensionPointer(b: Bench, s: ReturnType<Bench["socket"]>, guid: string): string {
  const input = b.alloc(16)
  input.bytes.set(Guids.toBytes(guid))
  const output = b.alloc(8)
  const { address } = b.overlapped()
  const code = Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER
  const width = Layout.pointerSize(b.abi)
  return b.result(b.calls.WSAIoctl(s, code, input.address, 16, output.address, width, b.bytes.address, address, 0))
}

function truncated(name: "WSARecvFrom" | "WSARecv", when: "before" | "after", skip: boolean) {
  return async (b: Bench): Promise<Observation> => {
    const { port: to, s } = b.bound()
    const { s: from } = b.bound()
    const port = b.port(s)
    const set = skip ? b.success(b.calls.SetFileCompletionNotificationModes(s, 1)) : "ok"
    if (set !== "ok") return { modes: set }
    if (when === "after") await b.deliver(from, "Hello!", s, "127.0.0.1", to)
    const overlapped = b.overlapped()
    const message = b.message({ sizes: [3] })
    const options = { overlapped, bytesAt: 0 }
    const call = name === "WSARecv" ? b.recv(s, message, options) : b.recvFrom(s, message, options)
    if (when === "before") b.send(from, "Hello!", "127.0.0.1", to)
    const status = await b.completion(overlapped)
    await b.settle()
    return { call, status, bytes: overlapped.view.InternalHigh, packets: describe(await b.queued(port)) }
  }
}

function waitFor(b: Bench, count: number, signalled: ReadonlyArray<number>): string {
  const width = Layout.pointerSize(b.abi)
  const block = b.alloc(count * width)
  for (let i = 0; i < count; i++) {
    const event = b.event()
    if (signalled.includes(i)) b.calls.WSASetEvent(event)
    Layout.writePointer(b.abi, block.view, i * width, event)
  }
  const rc = b.calls.WSAWaitForMultipleEvents(count, block.address, 0, 0, 0) >>> 0
  if (rc === Flags.WSA_WAIT_TIMEOUT) return "WSA_WAIT_TIMEOUT"
  return rc === Flags.WSA_WAIT_FAILED ? b.error : `WSA_WAIT_EVENT_0 + ${rc}`
}
