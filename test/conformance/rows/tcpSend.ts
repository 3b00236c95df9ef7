// Sending on streams: buffers, order, completion, and sends that are cancelled.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, describe } from "../bench.ts"
import { type Group, atLeast, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

/** A send that the kernel has taken a part of: the peer received more than there was before it. */
const halfSent = async (b: Bench, size = 4 * 1024 * 1024) => {
  const ends = await Streams.fullPair(b)
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
        const { client, filled, server } = await Streams.fullPair(b)
        const message = Streams.outgoing(b, Streams.much, "end!!")
        const overlapped = b.overlapped()
        const call = Streams.sendOf(b, client, message, { overlapped, bytesAt: 0 })
        const { lpBuffers } = message.view
        const buffer = Structs.WSABUF.view(b.abi, message.block.view, lpBuffers - message.block.address)
        buffer.len = 0
        buffer.buf = 0
        await Streams.take(b, server, filled + Streams.much - 5)
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
      windows: { calls: "WSA_IO_PENDING", received: "one, two, three" },
      probe: async (b) => {
        const { client, filled, server } = await Streams.fullPair(b)
        const tails = ["one", "two", "three"]
        const calls = tails.map((label) =>
          Streams.sendBytes(b, client, Streams.much, { overlapped: b.overlapped(label), bytesAt: 0 }, label)
        )
        await Streams.take(b, server, filled)
        const received: Array<string> = []
        for (const { length } of tails) received.push((await Streams.take(b, server, Streams.much)).slice(-length))
        return { calls: Array.from(new Set(calls)).join(), received: received.join(", ") }
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
        const { client, filled, server } = await Streams.fullPair(b)
        const [A, B] = ["A", "B"].map((label) => b.overlapped(label))
        Streams.sendBytes(b, client, Streams.much, { overlapped: A, bytesAt: 0 }, "first")
        Streams.sendBytes(b, client, Streams.much, { overlapped: B, bytesAt: 0 })
        const cancel = b.success(b.calls.CancelIoEx(client, B.address))
        const second = await b.completion(B)
        await Streams.take(b, server, filled + Streams.much - 5)
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
