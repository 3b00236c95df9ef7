// WSARecvMsg and the control data of a receive.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Options from "@effect-winsock/schema/Options"
import { type Bench, describe, namesOfFlags, untouched } from "../bench.ts"
import { type Message, nameOfControl, space, toNumber } from "../message.ts"
import { CannotRun, type Group, type Observation, atLeast } from "../model.ts"

const { IPPROTO_IP, IPPROTO_IPV6 } = Flags

interface Pair {
  readonly from: ReturnType<Bench["socket"]>
  readonly s: ReturnType<Bench["socket"]>
  readonly ip: string
  readonly port: number
}

type OptionName = readonly [level: number, name: number]

const pktinfo: OptionName = [IPPROTO_IP, Options.IP_PKTINFO]
const recvTtl: OptionName = [IPPROTO_IP, Options.IP_RECVTTL]
const recvTos: OptionName = [IPPROTO_IP, Options.IP_RECVTOS]
const pktinfo6: OptionName = [IPPROTO_IPV6, Options.IPV6_PKTINFO]
const hopLimit6: OptionName = [IPPROTO_IPV6, Options.IPV6_HOPLIMIT]
const recvTclass6: OptionName = [IPPROTO_IPV6, Options.IPV6_RECVTCLASS]

/** A receiver with the options on, and a sender. */
const pair = (b: Bench, options: ReadonlyArray<OptionName>, ip = "127.0.0.1", bindTo = ip): Pair => {
  const { port, s } = b.bound(bindTo)
  for (const [level, name] of options) {
    const set = b.setOption(s, level, name, 1)
    if (set !== "ok") throw new Error(`option ${level}/${name} answers ${set}`)
  }
  return { from: b.bound(ip).s, s, ip, port }
}

const deliver = (b: Bench, p: Pair, text: string): Promise<void> => b.deliver(p.from, text, p.s, p.ip, p.port)

/** The sizes of control data by name, since they differ by ABI. */
const roomText = (b: Bench, length: number, payload: number): string =>
  length === space(b.abi, payload) ? `SPACE(${payload})` : String(length)

/** One control message: what it is called, how long it is, and what it says. */
const one = (message: Message, value: (data: ReadonlyArray<number>) => string | number): Observation => {
  const { controls } = message
  if (controls.length !== 1) return { messages: message.controlNames }
  const { data } = controls[0]
  return { message: nameOfControl(controls[0]), length: `header + ${data.length}`, value: value(data) }
}

/** Turns the option on, reads it back, receives a datagram. */
const withOption =
  (option: OptionName, ip: string, value: (data: ReadonlyArray<number>) => string | number) =>
  async (b: Bench): Promise<Observation> => {
    const p = pair(b, [option], ip)
    const message = b.message({ control: 128 })
    await deliver(b, p, "Hello!")
    const received = b.recvMsg(p.s, message)
    return { option: b.option(p.s, ...option), received, ...one(message, value) }
  }

const destination =
  (bindTo: string, ip: string) =>
  async (b: Bench): Promise<Observation> => {
    const option = ip.includes(":") ? pktinfo6 : pktinfo
    const p = pair(b, [option], ip, bindTo)
    const message = b.message({ control: 128 })
    await deliver(b, p, "Hello!")
    const received = b.recvMsg(p.s, message)
    const { controls } = message
    if (controls.length === 0) return { received, address: "no control message" }
    const size = ip.includes(":") ? 16 : 4
    const block = b.alloc(32)
    block.view.setUint16(0, size === 16 ? Flags.AF_INET6 : Flags.AF_INET, true)
    block.bytes.set(controls[0].data.slice(0, size), size === 16 ? 8 : 4)
    return { received, address: b.readAddress(block, 0).ip }
  }

/** A datagram of six bytes at hand, and a receive with too little room. */
const short = async (b: Bench, sizes: ReadonlyArray<number>, control: number): Promise<readonly [Pair, Message]> => {
  const p = pair(b, control === 0 ? [] : [pktinfo])
  await deliver(b, p, "Hello!")
  return [p, b.message({ sizes, control })]
}

const truncation =
  (sizes: ReadonlyArray<number>, control: number) =>
  async (b: Bench): Promise<Observation> => {
    const [p, message] = await short(b, sizes, control)
    await deliver(b, p, "second")
    const call = b.recvMsg(p.s, message)
    return { call, text: message.text(), flags: namesOfFlags(message.view.dwFlags), next: b.drain(p.s).join() }
  }

/** An overlapped receive with too little room: posted before or after the datagram came. */
const overlappedTruncation =
  (when: "before" | "after", control: number) =>
  async (b: Bench): Promise<Observation> => {
    const p = pair(b, control === 0 ? [] : [pktinfo])
    const port = b.port(p.s)
    const message = b.message({ sizes: [control === 0 ? 3 : 64], control })
    const overlapped = b.overlapped()
    if (when === "after") await deliver(b, p, "Hello!")
    const call = b.recvMsg(p.s, message, { overlapped, bytesAt: 0 })
    if (when === "before") b.send(p.from, "Hello!", p.ip, p.port)
    const status = await b.completion(overlapped)
    await b.settle()
    const packets = await b.queued(port)
    return { call, status, flags: namesOfFlags(message.view.dwFlags), packets: describe(packets) }
  }

/** The datagram at hand: its text and dwFlags. */
const flagsOfNext = (b: Bench, s: Pair["s"]): Observation => {
  const message = b.message()
  b.recvMsg(s, message)
  return { text: message.text(), flags: namesOfFlags(message.view.dwFlags) }
}

const dualStack = (b: Bench) => {
  const s = b.socket({ dual: true })
  for (const option of [pktinfo, pktinfo6]) {
    const set = b.setOption(s, ...option, 1)
    if (set !== "ok") throw new Error(`option ${option.join("/")} answers ${set}`)
  }
  const bound = b.bind(s, "::")
  if (bound !== "ok") throw new Error(`bind to :: answers ${bound}`)
  const name = b.name(s)
  if (typeof name === "string") throw new Error(`getsockname answers ${name}`)
  return { s, port: name.port }
}

export const group: Group = {
  title: "Receiving messages",
  rows: [
    {
      id: "fact 1",
      title: "WSARecvMsg without a WSAMSG",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEFAULT" },
      probe: async (b) => {
        const { s } = b.bound()
        return { call: b.result(b.extension(s, "WSARecvMsg")(s, 0, b.bytes.address, 0, 0)) }
      }
    },
    {
      id: "fact 2",
      title: "No option enabled, Control { NULL, 0 }",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "ok", bytes: 6, text: "Hello!", flags: "none" },
      probe: async (b) => {
        const [p, message] = await short(b, [64], 0)
        const call = b.recvMsg(p.s, message)
        const bytes = b.byteCount
        return { call, bytes, text: message.text(), flags: namesOfFlags(message.view.dwFlags) }
      }
    },
    {
      id: "fact 3",
      title: "IP_PKTINFO on, Control.len 1",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { call: "WSAEMSGSIZE", bytes: 6, flags: "MSG_CTRUNC" },
      probe: async (b) => {
        const [p, message] = await short(b, [64], 1)
        const call = b.recvMsg(p.s, message)
        return { call, bytes: b.byteCount, flags: namesOfFlags(message.view.dwFlags) }
      }
    },
    {
      id: "fact 4",
      title: "The same, overlapped and posted before the datagram",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: {
        call: "WSA_IO_PENDING",
        internal: "STATUS_BUFFER_OVERFLOW",
        internalHigh: 6,
        offsets: "untouched",
        event: "signalled",
        result: "WSAEMSGSIZE",
        bytes: 6,
        resultFlags: "untouched",
        flags: "MSG_CTRUNC"
      },
      probe: async (b) => {
        const p = pair(b, [pktinfo])
        const event = b.event()
        const overlapped = b.overlapped("A", event)
        overlapped.view.Offset = untouched
        overlapped.view.OffsetHigh = untouched
        const message = b.message({ control: 1 })
        const call = b.recvMsg(p.s, message, { overlapped })
        b.send(p.from, "Hello!", p.ip, p.port)
        const internal = await b.completion(overlapped)
        const event2 = (await b.signal(event)) ? "signalled" : "not signalled"
        const { Offset, OffsetHigh, InternalHigh } = overlapped.view
        b.flags.view.setUint32(0, untouched, true)
        return {
          call,
          internal,
          internalHigh: InternalHigh,
          offsets: Offset === untouched && OffsetHigh === untouched ? "untouched" : "written",
          event: event2,
          result: b.overlappedResult(p.s, overlapped),
          bytes: b.byteCount,
          resultFlags: b.flags.view.getUint32(0, true) === untouched ? "untouched" : "written",
          flags: namesOfFlags(message.view.dwFlags)
        }
      }
    },
    {
      id: "fact 6",
      title: "Control.len while pending, and at completion",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { pending: "unchanged", completed: "SPACE(8)" },
      probe: async (b) => {
        const p = pair(b, [pktinfo])
        const overlapped = b.overlapped()
        const message = b.message({ control: 128 })
        b.recvMsg(p.s, message, { overlapped })
        const pending = message.view.Control.len === 128 ? "unchanged" : "changed"
        b.send(p.from, "Hello!", p.ip, p.port)
        await b.completion(overlapped)
        return { pending, completed: roomText(b, message.view.Control.len, 8) }
      }
    },
    {
      id: "fact 7",
      title: "IP_PKTINFO's address on a socket bound to 127.0.0.1",
      evidence: "seen",
      source: "Wine's sock.c (the documentation's \"from which\" is wrong: P22)",
      windows: { received: "ok", address: "127.0.0.1" },
      probe: destination("127.0.0.1", "127.0.0.1")
    },
    {
      id: "fact 7 wildcard",
      title: "IP_PKTINFO's address on a socket bound to 0.0.0.0",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { received: "ok", address: "127.0.0.1" },
      probe: destination("0.0.0.0", "127.0.0.1")
    },
    {
      id: "fact 8",
      title: "IP_RECVTTL",
      evidence: "seen",
      source: "Wine's sock.c (Windows 10 1607 and older: type 21; P23)",
      windows: { option: 1, received: "ok", message: "IP_TTL", length: "header + 4", value: atLeast(32) },
      probe: withOption(recvTtl, "127.0.0.1", toNumber)
    },
    {
      id: "fact 9",
      title: "IP_PKTINFO",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { option: 1, received: "ok", message: "IP_PKTINFO", length: "header + 8", value: "127.0.0.1" },
      probe: withOption(pktinfo, "127.0.0.1", (data) => data.slice(0, 4).join("."))
    },
    {
      id: "fact 10",
      title: "IP_RECVTOS",
      evidence: "seen",
      source: "Wine's sock.c (Windows 10 1607 and older: type 39; P23)",
      windows: { option: 1, received: "ok", message: "IP_TOS", length: "header + 4", value: 0 },
      probe: withOption(recvTos, "127.0.0.1", toNumber)
    },
    {
      id: "fact 11",
      title: "IPV6_HOPLIMIT",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { option: 1, received: "ok", message: "IPV6_HOPLIMIT", length: "header + 4", value: atLeast(32) },
      probe: withOption(hopLimit6, "::1", toNumber)
    },
    {
      id: "fact 12",
      title: "IPV6_PKTINFO",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { option: 1, received: "ok", message: "IPV6_PKTINFO", length: "header + 20", value: "::1" },
      probe: withOption(pktinfo6, "::1", (data) =>
        data.slice(0, 16).join() === `${"0,".repeat(15)}1` ? "::1" : "other"
      )
    },
    {
      id: "fact 13",
      title: "IPV6_RECVTCLASS",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { option: 1, received: "ok", message: "IPV6_TCLASS", length: "header + 4", value: 0 },
      probe: withOption(recvTclass6, "::1", toNumber)
    },
    {
      id: "fact 14",
      title: "Each option is off again after setting 0",
      evidence: "seen",
      source: "Wine's sock.c",
      windows: { "127.0.0.1": "none", "::1": "none" },
      probe: async (b) => {
        const observation: { [ip: string]: string } = {}
        for (const [ip, options] of [
          ["127.0.0.1", [pktinfo, recvTtl, recvTos]],
          ["::1", [pktinfo6, hopLimit6, recvTclass6]]
        ] as const) {
          const p = pair(b, options, ip)
          for (const [level, name] of options) b.setOption(p.s, level, name, 0)
          const message = b.message({ control: 128 })
          await deliver(b, p, "Hello!")
          b.recvMsg(p.s, message)
          observation[ip] = message.controlNames
        }
        return observation
      }
    },
    {
      id: "§1.9 truncated data",
      title: "A datagram larger than the buffers: the excess is lost",
      evidence: "documented",
      source: "WSARecvMsg: WSAEMSGSIZE, MSG_TRUNC",
      windows: { call: "WSAEMSGSIZE", text: "Hel", flags: "MSG_TRUNC", next: "second" },
      probe: truncation([3], 0)
    },
    {
      id: "§1.9 truncated both",
      title: "Both data and control data truncated",
      evidence: "documented",
      source: "WSARecvMsg: MSG_TRUNC and/or MSG_CTRUNC",
      windows: { call: "WSAEMSGSIZE", text: "Hel", flags: "MSG_TRUNC|MSG_CTRUNC", next: "second" },
      probe: truncation([3], 1)
    },
    {
      id: "§1.9 truncated count",
      title: "The byte count of the call when data is truncated",
      evidence: "unknown",
      source: "of truncated control data: the whole payload (fact 3)",
      probe: async (b) => {
        const [p, message] = await short(b, [3], 0)
        const call = b.recvMsg(p.s, message)
        return { call, bytes: b.byteCount }
      }
    },
    {
      id: "§1.9 peek",
      title: "MSG_PEEK in dwFlags of a call that is not overlapped leaves the datagram",
      evidence: "documented",
      source: 'WSARecvMsg: MSG_PEEK, "only for non-overlapped sockets"',
      windows: { call: "ok", text: "Hello!", next: "Hello!" },
      probe: async (b) => {
        const s = b.socket({ overlapped: false })
        b.bind(s, "127.0.0.1")
        const name = b.name(s)
        if (typeof name === "string") throw new Error(name)
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", name.port)
        const message = b.message()
        message.view.dwFlags = Flags.MSG_PEEK
        const call = b.recvMsg(s, message)
        return { call, text: message.text(), next: b.drain(s).join() }
      }
    },
    {
      id: "§1.9 peek overlapped",
      title: "MSG_PEEK in dwFlags of an overlapped call, datagram at hand",
      evidence: "unknown",
      source: "WSARecvMsg says nothing of it",
      probe: async (b) => {
        const p = pair(b, [])
        await deliver(b, p, "Hello!")
        const message = b.message()
        message.view.dwFlags = Flags.MSG_PEEK
        const overlapped = b.overlapped()
        const call = b.recvMsg(p.s, message, { overlapped, bytesAt: 0 })
        if (call === "ok" || call === "WSA_IO_PENDING") await b.completion(overlapped)
        return { call, text: message.text(), next: b.drain(p.s).join() }
      }
    },
    {
      id: "§1.9 scatter",
      title: "A datagram fills the buffers in order",
      evidence: "documented",
      source: "WSARecvMsg: lpBuffers",
      windows: { call: "ok", bytes: 6, text: "Hello!" },
      probe: async (b) => {
        const [p, message] = await short(b, [2, 3, 8], 0)
        const call = b.recvMsg(p.s, message)
        return { call, bytes: b.byteCount, text: message.text() }
      }
    },
    {
      id: "§1.9 order",
      title: "Pending receives take datagrams in the order they were posted",
      evidence: "documented",
      source: "WSARecvMsg: buffers are filled in the order they were supplied",
      windows: { A: "first", B: "second", C: "third" },
      probe: async (b) => {
        const p = pair(b, [])
        const messages = ["A", "B", "C"].map((label) => {
          const [overlapped, message] = [b.overlapped(label), b.message()] as const
          b.recvMsg(p.s, message, { overlapped })
          return { overlapped, message, label }
        })
        for (const text of ["first", "second", "third"]) b.send(p.from, text, p.ip, p.port)
        for (const { overlapped } of messages) await b.completion(overlapped)
        return Object.fromEntries(messages.map(({ label, message }) => [label, message.text()]))
      }
    },
    {
      id: "P3",
      title: "WSARecvMsg on an unbound socket",
      evidence: "documented",
      source: "WSARecvMsg: WSAEINVAL, the socket has not been bound",
      windows: { "not overlapped": "WSAEINVAL", overlapped: "WSAEINVAL" },
      probe: async (b) => {
        const s = b.socket()
        return {
          "not overlapped": b.recvMsg(s, b.message()),
          overlapped: b.recvMsg(s, b.message(), { overlapped: b.overlapped() })
        }
      }
    },
    {
      id: "P19",
      title: "Control.len is written: a receive that does not reset it has no room",
      evidence: "documented",
      source: "WSAMSG: Control is in/out",
      windows: { first: "ok", left: 0, second: "WSAEMSGSIZE", flags: "MSG_CTRUNC" },
      probe: async (b) => {
        const p = pair(b, [])
        const message = b.message({ control: 128 })
        await deliver(b, p, "one")
        const first = b.recvMsg(p.s, message)
        const left = message.view.Control.len
        b.setOption(p.s, ...pktinfo, 1)
        await deliver(b, p, "two")
        const second = b.recvMsg(p.s, message)
        return { first, left, second, flags: namesOfFlags(message.view.dwFlags) }
      }
    },
    {
      id: "P21 name",
      title: "An IPv4 datagram on a dual-stack socket: the sender is v4-mapped",
      evidence: "documented",
      source: "Dual-Stack Sockets",
      windows: { received: "ok", from: "::ffff:127.0.0.1" },
      probe: async (b) => {
        const { port, s } = dualStack(b)
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ control: 256 })
        const received = b.recvMsg(s, message)
        return { received, from: message.from.ip }
      }
    },
    {
      id: "P21 control",
      title: "The same: which control messages it carries",
      evidence: "documented",
      source: "IP_PKTINFO on dual-stack sockets: an IPv4 datagram has IN_PKTINFO",
      windows: { messages: "IP_PKTINFO" },
      probe: async (b) => {
        const { port, s } = dualStack(b)
        await b.deliver(b.bound().s, "Hello!", s, "127.0.0.1", port)
        const message = b.message({ control: 256 })
        b.recvMsg(s, message)
        return { messages: message.controlNames }
      }
    },
    {
      id: "P21 IPv6",
      title: "An IPv6 datagram on a dual-stack socket",
      evidence: "documented",
      source: "IPV6_PKTINFO",
      windows: { messages: "IPV6_PKTINFO", from: "::1" },
      probe: async (b) => {
        const { port, s } = dualStack(b)
        await b.deliver(b.bound("::1").s, "Hello!", s, "::1", port)
        const message = b.message({ control: 256 })
        b.recvMsg(s, message)
        return { messages: message.controlNames, from: message.from.ip }
      }
    },
    {
      id: "P31 multicast",
      title: "dwFlags of a multicast datagram",
      evidence: "documented",
      source: "WSARecvMsg: MSG_MCAST",
      windows: { text: "Hello!", flags: "MSG_MCAST" },
      probe: async (b) => {
        const { port, s } = b.bound("0.0.0.0")
        const group = b.alloc(8)
        // 239.255.0.1, at the loopback interface's address
        group.bytes.set([239, 255, 0, 1, 127, 0, 0, 1])
        const joined = b.result(b.calls.setsockopt(s, IPPROTO_IP, Options.IP_ADD_MEMBERSHIP, group.address, 8))
        if (joined !== "ok") throw new CannotRun(`IP_ADD_MEMBERSHIP on loopback answers ${joined}`)
        const { s: from } = b.bound()
        const via = b.result(b.calls.setsockopt(from, IPPROTO_IP, Options.IP_MULTICAST_IF, group.address + 4, 4))
        if (via !== "ok") throw new CannotRun(`IP_MULTICAST_IF of loopback answers ${via}`)
        b.setOption(from, IPPROTO_IP, Options.IP_MULTICAST_TTL, 0)
        await b.deliver(from, "Hello!", s, "239.255.0.1", port)
        return flagsOfNext(b, s)
      }
    },
    {
      id: "P31 broadcast",
      title: "dwFlags of a broadcast to 127.255.255.255",
      evidence: "unknown",
      source: "WSARecvMsg: MSG_BCAST; of loopback nothing is said",
      probe: async (b) => {
        const { port, s } = b.bound("0.0.0.0")
        const { s: from } = b.bound()
        b.setOption(from, Flags.SOL_SOCKET, Options.SO_BROADCAST, 1)
        const call = b.send(from, "Hello!", "127.255.255.255", port)
        await b.settle()
        return { call, ...(b.readable(s) === 0 ? { text: "nothing" } : flagsOfNext(b, s)) }
      }
    },
    {
      id: "W8 partial control",
      title: "Room for one control message of two",
      evidence: "unknown",
      source: "Wine drops both",
      probe: async (b) => {
        const p = pair(b, [pktinfo, recvTtl])
        await deliver(b, p, "Hello!")
        const message = b.message({ control: space(b.abi, 8) })
        const call = b.recvMsg(p.s, message)
        return { call, messages: message.controlNames, flags: namesOfFlags(message.view.dwFlags) }
      }
    },
    {
      id: "open 3 WSARecvMsg",
      title: "Truncated data at hand, overlapped, on a port: the answer, and whether a packet follows (P7)",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: overlappedTruncation("after", 0)
    },
    {
      id: "open 3 control",
      title: "Truncated control data at hand, overlapped, on a port (P7)",
      evidence: "unknown",
      source: "not documented (with a completion routine: fact 5)",
      probe: overlappedTruncation("after", 1)
    },
    {
      id: "open 4",
      title: "Truncated data, posted before the datagram: is MSG_TRUNC set?",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: overlappedTruncation("before", 0)
    },
    {
      id: "open 6 IPv4",
      title: "The control messages of IP_RECVIF, IP_RECVDSTADDR, IP_PKTINFO_EX, IP_RECVERR, IP_ORIGINAL_ARRIVAL_IF",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => {
        const observation: { [name: string]: string } = {}
        for (const name of [
          "IP_RECVIF",
          "IP_RECVDSTADDR",
          "IP_PKTINFO_EX",
          "IP_RECVERR",
          "IP_ORIGINAL_ARRIVAL_IF"
        ] as const) {
          const p = pair(b, [])
          const set = b.setOption(p.s, IPPROTO_IP, Options[name], 1)
          await deliver(b, p, "Hello!")
          const message = b.message({ control: 128 })
          b.recvMsg(p.s, message)
          const found = message.controls.map((c) => `${nameOfControl(c)} of ${c.data.length} bytes`)
          observation[name] = set === "ok" ? found.join(", ") || "no message" : set
        }
        return observation
      }
    },
    {
      id: "open 6 IPv6",
      title: "The control messages of IPV6_RECVIF, IPV6_RECVDSTADDR, IPV6_PKTINFO_EX, IPV6_RECVERR",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => {
        const observation: { [name: string]: string } = {}
        for (const name of ["IPV6_RECVIF", "IPV6_RECVDSTADDR", "IPV6_PKTINFO_EX", "IPV6_RECVERR"] as const) {
          const p = pair(b, [], "::1")
          const set = b.setOption(p.s, IPPROTO_IPV6, Options[name], 1)
          await deliver(b, p, "Hello!")
          const message = b.message({ control: 128 })
          b.recvMsg(p.s, message)
          const found = message.controls.map((c) => `${nameOfControl(c)} of ${c.data.length} bytes`)
          observation[name] = set === "ok" ? found.join(", ") || "no message" : set
        }
        return observation
      }
    },
    {
      id: "open 7",
      title: "The order of control messages",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => {
        const four = pair(b, [recvTos, recvTtl, pktinfo])
        const six = pair(b, [recvTclass6, hopLimit6, pktinfo6], "::1")
        const texts: Array<string> = []
        for (const p of [four, six]) {
          await deliver(b, p, "Hello!")
          const message = b.message({ control: 128 })
          b.recvMsg(p.s, message)
          texts.push(message.controlNames)
        }
        return { IPv4: texts[0], IPv6: texts[1] }
      }
    },
    {
      id: "open 8",
      title: "namelen of an overlapped receive: when is it written?",
      evidence: "unknown",
      source: "not documented, and not in Wine's tests",
      probe: async (b) => {
        const p = pair(b, [])
        const message = b.message()
        const overlapped = b.overlapped()
        b.recvMsg(p.s, message, { overlapped, bytesAt: 0 })
        const pending = message.view.namelen
        b.send(p.from, "Hello!", p.ip, p.port)
        await b.completion(overlapped)
        return { before: 128, pending, completed: message.view.namelen }
      }
    }
  ]
}
