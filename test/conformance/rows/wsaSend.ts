// The WSASend page's table of codes, and its flags.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, describe, untouched } from "../bench.ts"
import { byFault, notInitialised } from "../faults.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

export const group: Group = {
  title: "Streams: WSASend, code by code",
  rows: [
    byFault("WSASend", "WSAECONNABORTED", "The connection ended for a time-out or another failure"),
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
    byFault("WSASend", "WSAEINTR", "A blocking call was cancelled through WSACancelBlockingCall"),
    byFault("WSASend", "WSAEINPROGRESS", "A blocking call is under way"),
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
    {
      id: "WSASend WSAEMSGSIZE datagram",
      title: "A connected datagram socket, and one byte more than a datagram carries",
      evidence: "documented",
      source: "WSASend: SO_MAX_MSG_SIZE",
      windows: { call: "WSAEMSGSIZE", received: "nothing" },
      probe: async (b) => {
        const { s } = b.bound()
        const to = b.bound()
        b.connect(s, Streams.loopback, to.port)
        const call = Streams.sendBytes(b, s, 65_508)
        await b.settle()
        return { call, received: b.drain(to.s).join() || "nothing" }
      }
    },
    byFault("WSASend", "WSAENETDOWN", "The network subsystem has failed"),
    byFault("WSASend", "WSAENETRESET", "Keep-alive found that the peer is gone"),
    byFault("WSASend", "WSAENOBUFS", "The provider has no memory"),
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
        const { client } = await Streams.fullPair(b)
        // room may have come back for some
        let call = ""
        for (let i = 0; i < 100 && call !== "WSAEWOULDBLOCK"; i++) call = Streams.sendBytes(b, client, 16_384)
        return { call, bytes: b.byteCount }
      }
    },
    notInitialised("WSASend", (b) => {
      const { lpBuffers } = b.outgoing("x").view
      return () => b.result(b.calls.WSASend(-1, lpBuffers, 1, b.bytes.address, 0, 0, 0))
    }),
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
        const { client, filled, server } = await Streams.fullPair(b)
        const completions = b.port(client)
        const overlapped = b.overlapped()
        const call = Streams.sendBytes(b, client, Streams.much, { overlapped })
        const bytes = b.byteCount
        await b.settle()
        const before = b.status(overlapped)
        await Streams.take(b, server, filled + Streams.much)
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
        const { client, filled, server } = await Streams.fullPair(b)
        b.setOption(client, Flags.SOL_SOCKET, Options.SO_SNDTIMEO, 100)
        const overlapped = b.overlapped()
        Streams.sendBytes(b, client, Streams.much, { overlapped, bytesAt: 0 })
        const after = await b.completion(overlapped, 250)
        await Streams.take(b, server, filled + Streams.much)
        return { "after 250 ms": after, next: await b.completion(overlapped) }
      }
    },
    {
      id: "WSASend WSA_OPERATION_ABORTED",
      title: "A send that was cancelled while it pended",
      evidence: "documented",
      source: "WSASend; CancelIoEx",
      windows: { cancel: "ok", status: "STATUS_CANCELLED", packets: 1, result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { client } = await Streams.fullPair(b)
        const completions = b.port(client)
        const overlapped = b.overlapped()
        Streams.sendBytes(b, client, Streams.much, { overlapped, bytesAt: 0 })
        const cancel = b.success(b.calls.CancelIoEx(client, overlapped.address))
        const packets = (await b.packets(completions)).length
        return { cancel, status: b.status(overlapped), packets, result: b.overlappedResult(client, overlapped) }
      }
    },
    {
      id: "WSASend closed",
      title: "A send that pended when its socket was closed: the page says WSA_OPERATION_ABORTED",
      evidence: "unknown",
      source: "WSASend; of receives Windows is known to say WSAECONNABORTED (fact 60)",
      probe: async (b) => {
        const { client } = await Streams.fullPair(b)
        const overlapped = b.overlapped()
        Streams.sendBytes(b, client, Streams.much, { overlapped, bytesAt: 0 })
        b.setOption(client, Flags.SOL_SOCKET, Options.SO_LINGER, 1)
        const close = b.close(client)
        await b.completion(overlapped, 1000)
        return { close, result: b.overlappedResult(Streams.socket(b), overlapped) }
      }
    },
    {
      id: "WSASend SIO_FLUSH",
      title: "SIO_FLUSH with a send pending: the page says that it aborts the send",
      evidence: "seen",
      source: "Wine's sock.c (the code is not supported); WSASend promises WSA_OPERATION_ABORTED",
      windows: { "not overlapped": "WSAEOPNOTSUPP", overlapped: "STATUS_NOT_SUPPORTED", send: "STATUS_PENDING" },
      probe: async (b) => {
        const { client } = await Streams.fullPair(b)
        const send = b.overlapped("send")
        Streams.sendBytes(b, client, Streams.much, { overlapped: send, bytesAt: 0 })
        const flush = b.overlapped("flush")
        const now = b.ioctl(client, Ioctls.SIO_FLUSH, [])
        b.calls.WSAIoctl(client, Ioctls.SIO_FLUSH, 0, 0, 0, 0, b.forget(), flush.address, 0)
        const later = await b.completion(flush)
        return { "not overlapped": typeof now === "string" ? now : "ok", overlapped: later, send: b.status(send) }
      }
    },
    {
      id: "WSASend thread exit",
      title: "The thread that posted a send exits, and its socket is on no port",
      evidence: "documented",
      source: "WSASend; ExitThread (on a port: fact 64)",
      windows: { status: "STATUS_CANCELLED", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { client } = await Streams.fullPair(b)
        const overlapped = b.overlapped()
        Streams.sendBytes(b, client, Streams.much, { overlapped, bytesAt: 0 })
        b.threadExit()
        return { status: b.status(overlapped), result: b.overlappedResult(client, overlapped) }
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
