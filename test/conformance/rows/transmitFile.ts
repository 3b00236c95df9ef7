// TransmitFile.
import * as Flags from "@effect-winsock/schema/Flags"
import { type Bench, describe } from "../bench.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

const content = "0123456789abcdef"

/** TransmitFile with an OVERLAPPED, on a port. */
const transmitted = async (b: Bench, options: Streams.TransmitOptions & { readonly offset?: number }) => {
  const { client, server } = await Streams.pair(b)
  const completions = b.port(client)
  const overlapped = b.overlapped()
  overlapped.view.Offset = options.offset ?? 0
  const call = Streams.transmit(b, client, { ...options, overlapped })
  if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
  const packets = describe(call === "ok" || call === "WSA_IO_PENDING" ? await b.packets(completions) : [])
  if ((options.flags ?? 0) === 0) b.calls.shutdown(client, Flags.SD_SEND)
  return { call, packets, received: await Streams.take(b, server, 1000, 1000), client }
}

const started = oneOf("ok", "WSA_IO_PENDING")

export const group: Group = {
  title: "Streams: TransmitFile",
  rows: [
    {
      id: "fact 78",
      title: "Without a file and without buffers: connected, not connected, of datagrams",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { connected: "ok", unconnected: "WSAENOTCONN", datagram: "WSAENOTCONN" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        return {
          connected: Streams.transmit(b, client, {}),
          unconnected: Streams.transmit(b, Streams.bound(b).s, {}),
          datagram: Streams.transmit(b, b.bound().s, {})
        }
      }
    },
    {
      id: "fact 78 buffers",
      title: "A head and a tail without a file",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: started, packets: "A STATUS_SUCCESS 8", received: "headtail<end>" },
      probe: async (b) => {
        const { call, packets, received } = await transmitted(b, { head: "head", tail: "tail" })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 all",
      title: "A head, the whole file, a tail: the bytes are counted together",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: started, packets: "A STATUS_SUCCESS 18", received: `[${content}]<end>` },
      probe: async (b) => {
        const { call, packets, received } = await transmitted(b, {
          file: Streams.file(b, content),
          head: "[",
          tail: "]"
        })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 region",
      title: "A part of the file from the OVERLAPPED's offset",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: started, packets: "A STATUS_SUCCESS 5", received: "45678<end>" },
      probe: async (b) => {
        const file = Streams.file(b, content)
        const { call, packets, received } = await transmitted(b, { file, bytes: 5, offset: 4 })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 offset",
      title: "From an offset to the end of the file",
      evidence: "seen",
      source: "Wine's sock.c; TransmitFile: 0 bytes to write are the whole file",
      windows: { call: started, packets: "A STATUS_SUCCESS 6", received: "abcdef<end>" },
      probe: async (b) => {
        const file = Streams.file(b, content)
        const { call, packets, received } = await transmitted(b, { file, offset: 10 })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 per send",
      title: "nNumberOfBytesPerSend",
      evidence: "documented",
      source: "TransmitFile",
      windows: { call: started, packets: "A STATUS_SUCCESS 16", received: `${content}<end>` },
      probe: async (b) => {
        const file = Streams.file(b, content)
        const { call, packets, received } = await transmitted(b, { file, perSend: 3 })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 beyond",
      title: "More bytes than the file has",
      evidence: "unknown",
      source: "not documented",
      probe: async (b) => {
        const file = Streams.file(b, content)
        const { call, packets, received } = await transmitted(b, { file, bytes: 100 })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 too many",
      title: "More than 2,147,483,646 bytes in one call",
      evidence: "documented",
      source: "TransmitFile: WSAEINVAL",
      windows: { call: "WSAEINVAL" },
      probe: async (b) => {
        const { client } = await Streams.pair(b)
        const overlapped = b.overlapped()
        const call = Streams.transmit(b, client, { file: Streams.file(b, content), bytes: 0x8000_0000, overlapped })
        if (call !== "ok" && call !== "WSA_IO_PENDING") Streams.over(overlapped)
        return { call }
      }
    },
    {
      id: "fact 78 bad",
      title: "An offset behind the end of the file, and TF_REUSE_SOCKET without TF_DISCONNECT",
      evidence: "documented",
      source: "TransmitFile: WSAEINVAL",
      windows: { offset: "WSAEINVAL", flags: "WSAEINVAL" },
      probe: async (b) => {
        const file = Streams.file(b, content)
        const offset = await transmitted(b, { file, offset: 1000 })
        const flags = await transmitted(b, { file, flags: Flags.TF_REUSE_SOCKET })
        return { offset: offset.call, flags: flags.call }
      }
    },
    {
      id: "fact 78 TF_DISCONNECT",
      title: "TF_DISCONNECT ends the stream behind the file",
      evidence: "documented",
      source: "TransmitFile",
      windows: { call: started, packets: "A STATUS_SUCCESS 16", received: `${content}<end>`, send: "WSAESHUTDOWN" },
      probe: async (b) => {
        const file = Streams.file(b, content)
        const flags = Flags.TF_DISCONNECT
        const { call, client, packets, received } = await transmitted(b, { file, flags })
        return { call, packets, received, send: Streams.send(b, client, "x") }
      }
    },
    {
      id: "fact 78 bad file",
      title: "A handle that is no file",
      evidence: "unknown",
      source: "TransmitFile: WSAENOTSOCK is said of the socket, nothing of the file",
      probe: async (b) => {
        const { call, packets, received } = await transmitted(b, { file: b.event() })
        return { call, packets, received }
      }
    },
    {
      id: "fact 78 reset",
      title: "The peer has reset the connection",
      evidence: "documented",
      source: "TransmitFile: WSAECONNRESET",
      windows: { call: "WSAECONNRESET" },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const { overlapped } = Streams.posted(b, client)
        Streams.reset(b, server)
        await b.completion(overlapped)
        const file = Streams.file(b, content)
        const transmit = b.overlapped()
        const call = Streams.transmit(b, client, { file, overlapped: transmit })
        if (call === "ok" || call === "WSA_IO_PENDING") return { call, status: await b.completion(transmit) }
        Streams.over(transmit)
        return { call }
      }
    },
    {
      id: "fact 78 cancelled",
      title: "A TransmitFile that is cancelled while the peer does not receive",
      evidence: "documented",
      source: "CancelIoEx; TransmitFile: WSA_OPERATION_ABORTED",
      windows: { call: "WSA_IO_PENDING", cancel: "ok", status: "STATUS_CANCELLED", result: "WSA_OPERATION_ABORTED" },
      probe: async (b) => {
        const { client } = await Streams.pair(b, { buffers: 16_384 })
        const file = Streams.file(b, content.repeat(262_144))
        await Streams.fill(b, client)
        const overlapped = b.overlapped()
        const call = Streams.transmit(b, client, { file, overlapped })
        const cancel = b.success(b.calls.CancelIoEx(client, overlapped.address))
        const status = await b.completion(overlapped)
        return { call, cancel, status, result: b.overlappedResult(client, overlapped) }
      }
    },
    {
      id: "fact 65 TransmitFile",
      title: "hEvent of a TransmitFile, and the event's low bit",
      evidence: "documented",
      source: "TransmitFile, GetQueuedCompletionStatus",
      windows: { event: "signalled", result: "ok", packets: "none", received: content },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const completions = b.port(client)
        const event = b.event()
        const overlapped = b.overlapped("A", event + 1)
        Streams.transmit(b, client, { file: Streams.file(b, content), overlapped })
        await b.completion(overlapped)
        const signalled = (await b.signal(event)) ? "signalled" : "not signalled"
        const result = b.overlappedResult(client, overlapped)
        const packets = describe(await b.queued(completions))
        return { event: signalled, result, packets, received: await Streams.take(b, server, 16) }
      }
    }
  ]
}
