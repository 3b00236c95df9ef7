// Completion routines.
import type { Routine } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, nameOfCode, nameOfStatus, namesOfFlags, type Overlapped } from "../bench.ts"
import { type Group, oneOf } from "../model.ts"
import * as Streams from "../streams.ts"

interface Run {
  readonly error: string
  readonly bytes: number
  readonly flags: number
}

/** A routine that takes note of its runs. */
const recorded = (b: Bench) => {
  const runs: Array<Run> = []
  const routine = b.routine((error, bytes, _overlapped, flags) => {
    runs.push({ error: nameOfCode(error), bytes, flags })
  })
  const text = (): string =>
    runs.map(({ bytes, error, flags }) => `${error} ${bytes} flags ${flags}`).join(", ") || "none"
  return { routine, text, runs }
}

/** SleepEx(0, TRUE). */
const alertable = (b: Bench): string =>
  b.calls.SleepEx(0, 1) === Flags.WSA_WAIT_IO_COMPLETION ? "WAIT_IO_COMPLETION" : "nothing ran"

/** A call whose routine makes it once more, while the first is not over. */
const chained = (b: Bench, make: (overlapped: Overlapped, routine: Routine) => string) => {
  const runs: Array<string> = []
  const [first, second] = [b.overlapped("first"), b.overlapped("second")]
  let inside = 0
  let nested = "no"
  let call = "none"
  const routine = b.routine((error, bytes) => {
    if (inside++ > 0) nested = "yes"
    runs.push(`${nameOfCode(error)} ${bytes}`)
    if (runs.length === 1) call = make(second, routine)
    inside--
  })
  return {
    begin: async () => {
      make(first, routine)
      await b.completion(first)
    },
    seen: () => ({ call, runs: runs.join(", "), nested })
  }
}

export const group: Group = {
  title: "Completion routines",
  rows: [
    {
      id: "fact 5",
      title: "IP_PKTINFO on, Control.len 1, a completion routine, the datagram at hand",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        call: "WSA_IO_PENDING",
        SleepEx: "WAIT_IO_COMPLETION",
        runs: "WSAEMSGSIZE 6 flags 0",
        flags: "MSG_CTRUNC"
      },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        b.setOption(s, Flags.IPPROTO_IP, Options.IP_PKTINFO, 1)
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ control: 1 })
        const overlapped = b.overlapped()
        const call = b.recvMsg(s, message, { overlapped, routine, bytesAt: 0 })
        await b.completion(overlapped)
        return { call, SleepEx: alertable(b), runs: text(), flags: namesOfFlags(message.view.dwFlags) }
      }
    },
    {
      id: "fact 45",
      title: "hEvent is not signalled when there is a completion routine",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSA_IO_PENDING", SleepEx: "WAIT_IO_COMPLETION", runs: "ok 6 flags 0", event: "not signalled" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        const event = b.event()
        const overlapped = b.overlapped("A", event)
        const call = b.recv(s, b.message(), { overlapped, routine })
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        await b.completion(overlapped)
        const slept = alertable(b)
        return { call, SleepEx: slept, runs: text(), event: b.signalled(event) ? "signalled" : "not signalled" }
      }
    },
    {
      id: "fact 46",
      title: "A completion routine on a socket of a port",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEINVAL", SleepEx: "nothing ran", runs: "none" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { s } = b.bound()
        b.port(s)
        const call = b.recv(s, b.message(), { overlapped: b.overlapped(), routine })
        return { call, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "fact 47",
      title: "A call that succeeds at once queues its routine",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: oneOf("ok", "WSA_IO_PENDING"), "before SleepEx": 0, SleepEx: "WAIT_IO_COMPLETION", runs: 1 },
      probe: async (b) => {
        const { routine, runs } = recorded(b)
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const overlapped = b.overlapped()
        const call = b.recv(s, b.message(), { overlapped, routine })
        await b.completion(overlapped)
        const before = runs.length
        return { call, "before SleepEx": before, SleepEx: alertable(b), runs: runs.length }
      }
    },
    {
      id: "fact 48",
      title: "A call that fails for its parameters queues no routine",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAENOTSOCK", SleepEx: "nothing ran", runs: "none" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { lpBuffers } = b.message().view
        const { address } = b.overlapped()
        const flags = b.flags.address
        const call = b.result(b.calls.WSARecv(-1, lpBuffers, 1, 0, flags, address, routine.address))
        return { call, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "fact 49",
      title: "An ioctl that nobody knows, overlapped",
      evidence: "seen",
      source: "Wine's sock.c (on TCP too)",
      windows: { call: "WSA_IO_PENDING", SleepEx: "WAIT_IO_COMPLETION", runs: "WSAEOPNOTSUPP 0 flags 0" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { s } = b.bound()
        const overlapped = b.overlapped()
        const { address } = b.bytes
        const call = b.result(
          b.calls.WSAIoctl(s, Ioctls.SIO_FLUSH, 0, 0, 0, 0, address, overlapped.address, routine.address)
        )
        await b.completion(overlapped)
        return { call, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "§1.12 routine",
      title: "A routine that is queued survives CancelIoEx and closesocket",
      evidence: "unknown",
      source: "seen on Wine",
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { s } = b.bound()
        const overlapped = b.overlapped()
        b.recv(s, b.message(), { overlapped, routine })
        b.calls.CancelIoEx(s, overlapped.address)
        const status = await b.completion(overlapped)
        b.close(s)
        return { status, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "§1.9 alertable",
      title: "An alertable wait of WSAWaitForMultipleEvents runs it",
      evidence: "documented",
      source: "WSAWaitForMultipleEvents: WSA_WAIT_IO_COMPLETION",
      windows: { wait: "WSA_WAIT_IO_COMPLETION", runs: 1 },
      probe: async (b) => {
        const { routine, runs } = recorded(b)
        const { port, s } = b.bound()
        const overlapped = b.overlapped()
        b.recv(s, b.message(), { overlapped, routine })
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        await b.completion(overlapped)
        const handles = b.u32(b.event(), 0)
        const rc = b.calls.WSAWaitForMultipleEvents(1, handles.address, 0, 0, 1) >>> 0
        return { wait: rc === Flags.WSA_WAIT_IO_COMPLETION ? "WSA_WAIT_IO_COMPLETION" : rc, runs: runs.length }
      }
    },
    {
      id: "§1.9 all routines",
      title: "One alertable wait runs all routines that are queued, in the order of completion",
      evidence: "documented",
      source: "Asynchronous Procedure Calls: an alertable wait runs the queue until it is empty",
      windows: { first: "WAIT_IO_COMPLETION", runs: "ok 5 flags 0, ok 6 flags 0, ok 5 flags 0", second: "nothing ran" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        const from = b.bound().s
        const pending = ["A", "B", "C"].map((name) => {
          const overlapped = b.overlapped(name)
          b.recv(s, b.message(), { overlapped, routine })
          return overlapped
        })
        for (const payload of ["first", "second", "third"]) b.send(from, payload, "127.0.0.1", port)
        for (const overlapped of pending) await b.completion(overlapped)
        return { first: alertable(b), runs: text(), second: alertable(b) }
      }
    },
    {
      id: "WSARecvMsg routine not overlapped",
      title: "A routine, on a socket that is not overlapped: ignored, the datagram at hand",
      evidence: "documented",
      source: "WSARecvMsg, WSASend: ignored where the socket is not overlapped",
      windows: { call: "ok", bytes: 6, SleepEx: "nothing ran", runs: "none" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound("127.0.0.1", { overlapped: false })
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const call = b.recvMsg(s, b.message(), { overlapped: b.overlapped(), routine })
        return { call, bytes: b.byteCount, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "WSASend routine not overlapped",
      title: "The same of a send",
      evidence: "documented",
      source: "WSASend: ignored where the socket is not overlapped",
      windows: { call: "ok", bytes: 6, SleepEx: "nothing ran", runs: "none" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port } = b.bound()
        const { s } = b.bound("127.0.0.1", { overlapped: false })
        b.connect(s, "127.0.0.1", port)
        const call = Streams.send(b, s, "Hello!", { overlapped: b.overlapped(), routine })
        return { call, bytes: b.byteCount, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "WSASend routine at once",
      title: "A send that is done at once queues its routine too, whose dwFlags are 0",
      evidence: "documented",
      source: "WSASend: the routine is scheduled already when it returns 0",
      windows: {
        call: oneOf("ok", "WSA_IO_PENDING"),
        before: "none",
        SleepEx: "WAIT_IO_COMPLETION",
        runs: "ok 6 flags 0"
      },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { client } = await Streams.pair(b)
        const overlapped = b.overlapped()
        const call = Streams.send(b, client, "Hello!", { overlapped, routine, bytesAt: 0 })
        await b.completion(overlapped)
        const before = text()
        return { call, before, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "WSARecvMsg routine in a routine",
      title: "WSARecvMsg from within a routine: its own runs in the same wait, after the first has returned",
      evidence: "documented",
      source:
        "WSARecvMsg: may be called from a routine; routines of a socket are not nested; all run before the wait ends",
      windows: {
        SleepEx: "WAIT_IO_COMPLETION",
        call: oneOf("ok", "WSA_IO_PENDING"),
        runs: "ok 5, ok 6",
        nested: "no",
        second: "nothing ran"
      },
      probe: async (b) => {
        const { port, s } = b.bound()
        const from = b.bound().s
        await b.deliver(from, "first", s, "127.0.0.1", port)
        await b.deliver(from, "second", s, "127.0.0.1", port)
        const chain = chained(b, (overlapped, routine) =>
          b.recvMsg(s, b.message(), { overlapped, routine, bytesAt: 0 })
        )
        await chain.begin()
        return { SleepEx: alertable(b), ...chain.seen(), second: alertable(b) }
      }
    },
    {
      id: "WSASend routine in a routine",
      title: "WSASend from within a routine: the same",
      evidence: "documented",
      source:
        "WSASend: may be called from a routine; routines of a socket are not nested; all run before the wait ends",
      windows: {
        SleepEx: "WAIT_IO_COMPLETION",
        call: oneOf("ok", "WSA_IO_PENDING"),
        runs: "ok 6, ok 6",
        nested: "no",
        second: "nothing ran",
        received: "Hello!Hello!"
      },
      probe: async (b) => {
        const { client, server } = await Streams.pair(b)
        const chain = chained(b, (overlapped, routine) =>
          Streams.send(b, client, "Hello!", { overlapped, routine, bytesAt: 0 })
        )
        await chain.begin()
        const slept = alertable(b)
        const seen = chain.seen()
        return { SleepEx: slept, ...seen, second: alertable(b), received: await Streams.take(b, server, 12, 500) }
      }
    },
    {
      id: "WSARecvMsg routine hEvent",
      title: "With a routine hEvent is the program's: a number that is no handle, odd too, stays as it is",
      evidence: "documented",
      source: "WSARecvMsg, WSASend: hEvent is ignored with a routine, and may carry context",
      windows: { call: "WSA_IO_PENDING", SleepEx: "WAIT_IO_COMPLETION", runs: "ok 6 flags 0", hEvent: 77_777 },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        const overlapped = b.overlapped()
        overlapped.view.hEvent = 77_777
        const call = b.recvMsg(s, b.message(), { overlapped, routine, bytesAt: 0 })
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        await b.completion(overlapped)
        return { call, SleepEx: alertable(b), runs: text(), hEvent: overlapped.view.hEvent }
      }
    },
    {
      id: "fact 50",
      title: "WSAGetOverlappedResult with fWait of what has ended: the result, and no routine is run by it",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { result: "ok", bytes: 6, before: "none", SleepEx: "WAIT_IO_COMPLETION", runs: "ok 6 flags 0" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        const overlapped = b.overlapped()
        b.recvMsg(s, b.message(), { overlapped, routine, bytesAt: 0 })
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        await b.completion(overlapped)
        const { address } = b.flags
        const bytesAt = b.forget()
        const result = b.success(b.calls.WSAGetOverlappedResult(s, overlapped.address, bytesAt, 1, address))
        const before = text()
        return { result, bytes: b.byteCount, before, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "§1.9 not alertable",
      title: "No wait runs it that is not alertable: SleepEx, WSAWaitForMultipleEvents",
      evidence: "documented",
      source: "WSARecvMsg, WSASend: not before the thread waits alertably",
      windows: { SleepEx: 0, wait: "WSA_WAIT_TIMEOUT", runs: "none", alertable: "WAIT_IO_COMPLETION" },
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        const overlapped = b.overlapped()
        b.recvMsg(s, b.message(), { overlapped, routine, bytesAt: 0 })
        b.send(b.bound().s, "Hello!", "127.0.0.1", port)
        await b.completion(overlapped)
        const slept = b.calls.SleepEx(0, 0)
        const handles = b.u32(b.event(), 0)
        const rc = b.calls.WSAWaitForMultipleEvents(1, handles.address, 0, 0, 0) >>> 0
        const wait = rc === Flags.WSA_WAIT_TIMEOUT ? "WSA_WAIT_TIMEOUT" : rc
        return { SleepEx: slept, wait, runs: text(), alertable: alertable(b) }
      }
    },
    {
      id: "P7 routine",
      title: "Truncated data at hand, a routine: the answer, and whether it runs",
      evidence: "unknown",
      source: "one alertable wait must decide",
      probe: async (b) => {
        const { routine, text } = recorded(b)
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const overlapped = b.overlapped()
        const call = b.recvMsg(s, b.message({ sizes: [3] }), { overlapped, routine, bytesAt: 0 })
        const status = await b.completion(overlapped)
        return { call, status, SleepEx: alertable(b), runs: text() }
      }
    },
    {
      id: "P7 event",
      title: "Truncated data at hand, an event and no port: the answer, and the status when the call has returned",
      evidence: "unknown",
      source: "where the status says nothing, CancelIoEx must decide",
      probe: async (b) => {
        const { port, s } = b.bound()
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const event = b.event()
        const overlapped = b.overlapped("A", event)
        const call = b.recvMsg(s, b.message({ sizes: [3] }), { overlapped, bytesAt: 0 })
        const atOnce = nameOfStatus(overlapped.view.Internal)
        const status = await b.completion(overlapped)
        return { call, "at once": atOnce, status, event: b.signalled(event) ? "signalled" : "not signalled" }
      }
    }
  ]
}
