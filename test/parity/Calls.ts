// What each call of a scenario does on a bench, and the line that it leaves in the trace.
import type { Block, SocketHandle } from "@effect-winsock/core/Seam"
import type { Abi } from "@effect-winsock/schema/Layout"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { at, type Bench, type Party, type Posted } from "./Bench.ts"
import type { Call, Step } from "./Steps.ts"

const letters = "abcdefghijklmnopqrstuvwxyz"

/** Sizes of payloads and buffers. The last two are the largest datagram of IPv4 and one more. */
const sizes = [0, 1, 3, 6, 10, 200, 65_507, 65_508] as const

/** Of streams: what fits into the buffers on the way, for how much of more than that has come is open. */
const streamSizes = [0, 1, 3, 6, 10, 200, 4000, 4001] as const

const sizeOf = (party: Party, a: number): number => (isStream(party) ? streamSizes : sizes)[a % sizes.length]

export const socketOptions = [
  ["SO_REUSEADDR", Flags.SOL_SOCKET, Options.SO_REUSEADDR],
  ["SO_EXCLUSIVEADDRUSE", Flags.SOL_SOCKET, Options.SO_EXCLUSIVEADDRUSE],
  ["SO_BROADCAST", Flags.SOL_SOCKET, Options.SO_BROADCAST],
  ["SO_RCVBUF", Flags.SOL_SOCKET, Options.SO_RCVBUF],
  ["SO_SNDBUF", Flags.SOL_SOCKET, Options.SO_SNDBUF],
  ["SO_RCVTIMEO", Flags.SOL_SOCKET, Options.SO_RCVTIMEO],
  ["SO_SNDTIMEO", Flags.SOL_SOCKET, Options.SO_SNDTIMEO],
  ["SO_LINGER", Flags.SOL_SOCKET, Options.SO_LINGER],
  ["SO_DONTLINGER", Flags.SOL_SOCKET, Options.SO_DONTLINGER],
  ["SO_KEEPALIVE", Flags.SOL_SOCKET, Options.SO_KEEPALIVE],
  ["SO_OOBINLINE", Flags.SOL_SOCKET, Options.SO_OOBINLINE],
  ["SO_ACCEPTCONN", Flags.SOL_SOCKET, Options.SO_ACCEPTCONN],
  ["SO_TYPE", Flags.SOL_SOCKET, Options.SO_TYPE],
  ["SO_ERROR", Flags.SOL_SOCKET, Options.SO_ERROR],
  ["SO_MAX_MSG_SIZE", Flags.SOL_SOCKET, Options.SO_MAX_MSG_SIZE],
  ["IP_TTL", Flags.IPPROTO_IP, Options.IP_TTL],
  ["IP_DONTFRAGMENT", Flags.IPPROTO_IP, Options.IP_DONTFRAGMENT],
  ["IP_PKTINFO", Flags.IPPROTO_IP, Options.IP_PKTINFO],
  ["IP_RECVTTL", Flags.IPPROTO_IP, Options.IP_RECVTTL],
  ["IP_MULTICAST_TTL", Flags.IPPROTO_IP, Options.IP_MULTICAST_TTL],
  ["IPV6_UNICAST_HOPS", Flags.IPPROTO_IPV6, Options.IPV6_UNICAST_HOPS],
  ["IPV6_V6ONLY", Flags.IPPROTO_IPV6, Options.IPV6_V6ONLY],
  ["IPV6_PKTINFO", Flags.IPPROTO_IPV6, Options.IPV6_PKTINFO],
  ["IPV6_HOPLIMIT", Flags.IPPROTO_IPV6, Options.IPV6_HOPLIMIT],
  ["TCP_NODELAY", Flags.IPPROTO_TCP, 1],
  ["nothing", Flags.SOL_SOCKET, 0x7777]
] as const

const ofTheSystem: ReadonlySet<string> = new Set(["SO_RCVBUF", "SO_SNDBUF", "SO_MAX_MSG_SIZE"])

const optionValues = [0, 1, 2, 64, 255, 8192, -1] as const
const optionLengths = [4, 4, 4, 4, 4, 4, 4, 1, 2, 0, 8] as const

export const ioctls = [
  ["FIONREAD", Ioctls.FIONREAD],
  ["FIONBIO", Ioctls.FIONBIO],
  ["SIOCATMARK", Ioctls.SIOCATMARK],
  ["SIO_UDP_CONNRESET", Ioctls.SIO_UDP_CONNRESET],
  ["SIO_KEEPALIVE_VALS", Ioctls.SIO_KEEPALIVE_VALS],
  ["SIO_BASE_HANDLE", Ioctls.SIO_BASE_HANDLE],
  ["SIO_FLUSH", Ioctls.SIO_FLUSH],
  ["unknown", 0x9800_7777]
] as const

const indexOf = (bench: Bench, party: Party): number => bench.parties.indexOf(party) + 1

const isV6 = (party: Party): boolean => party.kind.endsWith("6")

export const isStream = (party: Party): boolean => party.kind.startsWith("tcp")

/** NULL once closed: INVALID_SOCKET as a HANDLE is the process itself. */
const fileOf = ({ handle, open }: Party): SocketHandle | 0 => (open ? handle : 0)

/** Where a call goes: to another socket, to nobody, or to what is no address. */
const places = [
  ...Array.from({ length: 12 }, () => "peer" as const),
  "dead",
  "port 0",
  "short",
  "NULL",
  "unspecified"
] as const

interface Place {
  readonly address: number
  readonly length: number
  readonly text: string
}

/** `connect` with NULL is left out, because Wine 8 dies of it, and `ConnectEx` with it: both draw from one list. */
const placesToConnect = places.filter((what) => what !== "NULL")

const place = (
  bench: Bench,
  party: Party,
  { b, t }: Step,
  block: Block,
  offset: number,
  among: ReadonlyArray<(typeof places)[number]> = places
): Place => {
  const what = among[b % among.length]
  const to = bench.party(t)
  // of the sender's own family, whatever the other is
  const port = what === "peer" ? bench.portOf(to) : what === "dead" ? bench.deadPort(party.kind) : 0
  const length = bench.writeAddress(block, offset, isV6(party), port, "loopback")
  const text = what === "peer" ? `s${indexOf(bench, to)}${port === 0 ? " (no port)" : ""}` : what
  if (what === "unspecified") block.view.setUint16(offset, Flags.AF_UNSPEC, true)
  if (what === "NULL") return { address: 0, length, text }
  return { address: block.address + offset, length: what === "short" ? 8 : length, text }
}

const fill = (posted: Posted, size: number): void => {
  const { bytes } = posted.block
  const shift = posted.number
  for (let i = 0; i < size; i++) bytes[at.payload + i] = letters.charCodeAt((i + shift) % letters.length)
}

const sendTells = (): string => ""

// whether a call is overlapped, a peek, or neither
const modes = ["overlapped", "overlapped", "at once", "at once", "peek"] as const

const flagsText = (flags: number): string => (flags === 0 ? "" : ` flags ${flags.toString(16)}`)

const count = (posted: Posted): number => posted.block.view.getUint32(at.count, true)

/** How control data is received: `recvcontrol` is `WSARecvMsg` with room for it. */
type Receive = "recv" | "recvfrom" | "recvmsg" | "recvcontrol"

const takesMessage = (how: Receive): boolean => how === "recvmsg" || how === "recvcontrol"

const controlRoom = 128

/** Level and type of each message, in order of both: their values (an interface, a hop limit) are the system's own affair. */
const controlText = (abi: Abi, view: DataView): string => {
  const header = Structs.WSACMSGHDR.size[abi]
  const end = Math.min(Structs.WSAMSG.view(abi, view, at.message).Control.len, controlRoom)
  const out: Array<string> = []
  for (let i = 0; i + header <= end;) {
    const { cmsg_len, cmsg_level, cmsg_type } = Structs.WSACMSGHDR.view(abi, view, at.control + i)
    out.push(`${cmsg_level}/${cmsg_type}:${cmsg_len - header}`)
    if (cmsg_len < header) break
    i += Math.ceil(cmsg_len / 8) * 8
  }
  return ` control [${out.toSorted().join(" ")}]`
}

/** What a receive gave: bytes, flags, and from where. */
const received =
  (bench: Bench, how: Receive) =>
  (posted: Posted, bytes: number): string => {
    const { abi } = bench.seam
    const { block, capacity, party } = posted
    const { view } = block
    const flags = takesMessage(how)
      ? Structs.WSAMSG.view(abi, view, at.message).dwFlags
      : view.getUint32(at.flags, true)
    const length =
      how === "recv"
        ? 0
        : takesMessage(how)
          ? Structs.WSAMSG.view(abi, view, at.message).namelen
          : view.getInt32(at.length, true)
    const from = length === 0 || isStream(party) ? "" : ` from ${bench.addressText(party.kind, block, at.name, length)}`
    const shown = Math.min(bytes, capacity)
    const control = how === "recvcontrol" ? controlText(abi, view) : ""
    return `${bench.text(block, shown)}${flagsText(flags)}${control}${bytes === 0 && shown === 0 && from.includes("family") ? "" : from}`
  }

const receive =
  (how: Receive) =>
  (bench: Bench, step: Step): string => {
    const { calls, abi } = { calls: bench.seam.calls, abi: bench.seam.abi }
    const party = bench.party(step.s)
    const mode = modes[step.c % modes.length]
    const size = sizeOf(party, step.a)
    const posted = bench.post(how, party, size, received(bench, how))
    const { block } = posted
    const { address, view } = block
    view.setUint32(at.flags, mode === "peek" ? Flags.MSG_PEEK : 0, true)
    view.setInt32(at.length, 28, true)
    const overlapped = mode === "overlapped" ? address + at.overlapped : 0
    const s = bench.handle(party)
    const [buffers, counted, flags] = [address + at.buffers, address + at.count, address + at.flags]
    let rc: number
    if (how === "recv") rc = calls.WSARecv(s, buffers, 1, counted, flags, overlapped, 0)
    else if (how === "recvfrom")
      rc = calls.WSARecvFrom(s, buffers, 1, counted, flags, address + at.name, address + at.length, overlapped, 0)
    else {
      const message = Structs.WSAMSG.view(abi, view, at.message)
      message.name = address + at.name
      message.namelen = 28
      message.lpBuffers = buffers
      message.dwBufferCount = 1
      message.dwFlags = mode === "peek" ? Flags.MSG_PEEK : 0
      if (how === "recvcontrol") {
        message.Control.len = controlRoom
        message.Control.buf = address + at.control
      }
      rc = bench.extension(party, "WSARecvMsg")(s, address + at.message, counted, overlapped, 0)
    }
    const head = `${how} ${size} ${mode}`
    if (mode === "overlapped") return `${head}: ${bench.taken(posted, rc === 0)}`
    const code = bench.code(rc)
    if (code !== "ok" && code !== "10040") return `${head}: ${code}`
    const told = code === "ok" ? count(posted) : size
    return `${head}: ${code}${code === "ok" ? ` ${told}` : ""} ${posted.tells(told)}`
  }

const send =
  (how: "send" | "sendto" | "sendmsg") =>
  (bench: Bench, step: Step): string => {
    const { abi, calls } = bench.seam
    const party = bench.party(step.s)
    const overlappedly = step.c % 2 === 0
    const size = sizeOf(party, step.a)
    const posted = bench.post(how, party, size, sendTells)
    const { block } = posted
    const { address } = block
    fill(posted, size)
    const overlapped = overlappedly ? address + at.overlapped : 0
    const s = bench.handle(party)
    const [buffers, counted] = [address + at.buffers, address + at.count]
    let rc: number
    let to = ""
    if (how === "send") rc = calls.WSASend(s, buffers, 1, counted, 0, overlapped, 0)
    else {
      const where = place(bench, party, step, block, at.name)
      to = ` to ${where.text}`
      if (how === "sendto") rc = calls.WSASendTo(s, buffers, 1, counted, 0, where.address, where.length, overlapped, 0)
      else {
        const message = Structs.WSAMSG.view(abi, block.view, at.message)
        message.name = where.address
        message.namelen = where.length
        message.lpBuffers = buffers
        message.dwBufferCount = 1
        rc = calls.WSASendMsg(s, address + at.message, 0, counted, overlapped, 0)
      }
    }
    const head = `${how} ${size}${to}${overlappedly ? " overlapped" : ""}`
    if (overlappedly) return `${head}: ${bench.taken(posted, rc === 0)}`
    const code = bench.code(rc)
    return `${head}: ${code}${code === "ok" ? ` ${count(posted)}` : ""}`
  }

const nameLengths = [28, 28, 28, 16, 8, 0] as const

const name =
  (how: "getsockname" | "getpeername") =>
  (bench: Bench, { a, s }: Step): string => {
    const party = bench.party(s)
    const block = bench.alloc(64)
    const length = nameLengths[a % nameLengths.length]
    block.view.setInt32(32, length, true)
    const code = bench.code(bench.seam.calls[how](bench.handle(party), block.address, block.address + 32))
    const told = code === "ok" ? ` ${bench.addressText(party.kind, block, 0, block.view.getInt32(32, true))}` : ""
    return `${how} ${length}: ${code}${told}`
  }

const bindPlaces = ["loopback", "loopback", "loopback", "any", "same", "same", "short", "NULL", "family"] as const

const backlogs = [0, 1, 5, -1] as const

export const table: { readonly [K in Call]: (bench: Bench, step: Step) => string } = {
  bind: (bench, { a, s, t }) => {
    const party = bench.party(s)
    const what = bindPlaces[a % bindPlaces.length]
    const other = bench.party(t)
    const block = bench.alloc(64)
    const port = what === "same" ? bench.portOf(other) : 0
    const v6 = what === "family" ? !isV6(party) : isV6(party)
    const length = bench.writeAddress(block, 0, v6, port, what === "any" ? "any" : "loopback")
    const to = what === "NULL" ? 0 : block.address
    const code = bench.code(bench.seam.calls.bind(bench.handle(party), to, what === "short" ? 8 : length))
    const where = what === "same" ? `s${indexOf(bench, other)}'s` : what
    return `bind ${where}: ${code}`
  },
  connect: (bench, step) => {
    const party = bench.party(step.s)
    const block = bench.alloc(64)
    const to = place(bench, party, step, block, 0, placesToConnect)
    const code = bench.code(bench.seam.calls.connect(bench.handle(party), to.address, to.length))
    return `connect ${to.text}: ${code}`
  },
  listen: (bench, { a, s }) => {
    const backlog = backlogs[a % backlogs.length]
    return `listen ${backlog}: ${bench.code(bench.seam.calls.listen(bench.handle(bench.party(s)), backlog))}`
  },
  accept: (bench, { s }) => {
    const party = bench.party(s)
    const block = bench.alloc(64)
    block.view.setInt32(32, 28, true)
    const accepted = bench.seam.calls.accept(bench.handle(party), block.address, block.address + 32)
    if (accepted === -1) return `accept: ${bench.error}`
    const from = bench.addressText(party.kind, block, 0, block.view.getInt32(32, true))
    bench.adopt(party.kind, accepted)
    return `accept: s${bench.parties.length} from ${from}`
  },
  getsockname: name("getsockname"),
  getpeername: name("getpeername"),
  shutdown: (bench, { a, s }) =>
    `shutdown ${a % 4}: ${bench.code(bench.seam.calls.shutdown(bench.handle(bench.party(s)), a % 4))}`,
  closesocket: (bench, { s }) => {
    const party = bench.party(s)
    const code = bench.code(bench.seam.calls.closesocket(bench.handle(party)))
    party.open = false
    return `closesocket: ${code}`
  },
  setsockopt: (bench, { a, b, c, s }) => {
    const [option, level, code] = socketOptions[a % socketOptions.length]
    const value = optionValues[b % optionValues.length]
    const length = optionLengths[c % optionLengths.length]
    const block = bench.alloc(16)
    block.view.setInt32(0, value, true)
    const rc = bench.seam.calls.setsockopt(bench.handle(bench.party(s)), level, code, block.address, length)
    return `setsockopt ${option} ${value} in ${length}: ${bench.code(rc)}`
  },
  getsockopt: (bench, { a, c, s }) => {
    const [option, level, code] = socketOptions[a % socketOptions.length]
    const length = optionLengths[c % optionLengths.length]
    const block = bench.alloc(32)
    block.bytes.fill(0xee)
    block.view.setInt32(16, length, true)
    const { address } = block
    const answer = bench.code(
      bench.seam.calls.getsockopt(bench.handle(bench.party(s)), level, code, address, address + 16)
    )
    const told = block.view.getInt32(16, true)
    const bytes = Array.from(block.bytes.slice(0, Math.min(told, 8)), (byte) => byte.toString(16).padStart(2, "0"))
    // how large a buffer is by default is the system's own affair
    const value = ofTheSystem.has(option) ? "" : ` ${bytes.join("")}`
    return `getsockopt ${option} in ${length}: ${answer}${answer === "ok" ? ` ${told}${value}` : ""}`
  },
  ioctl: (bench, { a, b, s }) => {
    const [name, code] = ioctls[a % ioctls.length]
    const party = bench.party(s)
    const block = bench.alloc(64)
    const { address, view } = block
    view.setUint32(0, 1, true)
    // of keep-alive: a time and an interval
    view.setUint32(4, 7000, true)
    view.setUint32(8, 1000, true)
    const input = [4, 12, 4, 0][b % 4]
    const output = [4, 8, 16, 0][b % 4]
    const { calls } = bench.seam
    const answer = bench.code(
      calls.WSAIoctl(bench.handle(party), code, address, input, address + 16, output, address + 48, 0, 0)
    )
    const told = view.getUint32(48, true)
    const handle = Layout.readPointer(bench.seam.abi, view, 16)
    const value = name === "SIO_BASE_HANDLE" ? (handle === party.handle ? " itself" : " another") : ` ${handle}`
    return `ioctl ${name} ${input} ${output}: ${answer}${answer === "ok" ? ` ${told}${told === 0 ? "" : value}` : ""}`
  },
  send: send("send"),
  sendto: send("sendto"),
  sendmsg: send("sendmsg"),
  recv: receive("recv"),
  recvfrom: receive("recvfrom"),
  recvmsg: receive("recvmsg"),
  recvcontrol: receive("recvcontrol"),
  AcceptEx: (bench, { a, s }) => {
    const party = bench.party(s)
    const acceptor = bench.open(party.kind)
    const room = [0, 0, 6][a % 3]
    const length = isV6(party) ? 44 : 32
    const posted = bench.post("AcceptEx", party, room + 2 * length, ({ block }, bytes) =>
      room === 0 ? "" : bench.text(block, bytes)
    )
    const { address } = posted.block
    const f = bench.extension(party, "AcceptEx")
    const s1 = bench.handle(party)
    const { payload } = at
    const rc = f(s1, acceptor.handle, address + payload, room, length, length, address + at.count, address)
    return `AcceptEx into s${bench.parties.length} ${room}: ${bench.taken(posted, rc !== 0)}`
  },
  ConnectEx: (bench, step) => {
    const party = bench.party(step.s)
    const size = [0, 0, 3][step.a % 3]
    const posted = bench.post("ConnectEx", party, size, sendTells)
    fill(posted, size)
    const { address } = posted.block
    const to = place(bench, party, step, posted.block, at.name, placesToConnect)
    const data = size === 0 ? 0 : address + at.payload
    const f = bench.extension(party, "ConnectEx")
    const rc = f(bench.handle(party), to.address, to.length, data, size, address + at.count, address)
    return `ConnectEx ${to.text} ${size}: ${bench.taken(posted, rc !== 0)}`
  },
  DisconnectEx: (bench, { c, s }) => {
    const party = bench.party(s)
    const f = bench.extension(party, "DisconnectEx")
    if (c % 2 === 1) return `DisconnectEx: ${bench.bool(f(bench.handle(party), 0, 0, 0))}`
    const posted = bench.post("DisconnectEx", party, 0, sendTells)
    return `DisconnectEx overlapped: ${bench.taken(posted, f(bench.handle(party), posted.block.address, 0, 0) !== 0)}`
  },
  update: (bench, { a, s, t }) => {
    const party = bench.party(s)
    const { calls } = bench.seam
    if (a % 2 === 0) {
      const rc = calls.setsockopt(bench.handle(party), Flags.SOL_SOCKET, Options.SO_UPDATE_CONNECT_CONTEXT, 0, 0)
      return `update of connect: ${bench.code(rc)}`
    }
    const block = bench.alloc(16)
    const listener = bench.party(t)
    Layout.writePointer(bench.seam.abi, block.view, 0, bench.handle(listener))
    const width = Layout.pointerSize(bench.seam.abi)
    const option = Options.SO_UPDATE_ACCEPT_CONTEXT
    const rc = calls.setsockopt(bench.handle(party), Flags.SOL_SOCKET, option, block.address, width)
    return `update of accept by s${indexOf(bench, listener)}: ${bench.code(rc)}`
  },
  cancel: (bench, { a, b, s }) => {
    const { CancelIoEx } = bench.seam.calls
    const what = ["operation", "operation", "operation", "all", "never begun"][b % 5]
    if (what === "operation" && bench.posted.length > 0) {
      // the latest, or the one before, of whatever socket
      const posted = bench.posted[Math.max(0, bench.posted.length - 1 - (a % 3))]
      const { party } = posted
      const head = `CancelIoEx s${indexOf(bench, party)} o${posted.number}`
      return `${head}: ${bench.bool(CancelIoEx(fileOf(party), posted.block.address))}`
    }
    const party = bench.party(s)
    const overlapped = what === "all" ? 0 : bench.alloc(32).address
    return `CancelIoEx ${what === "all" ? "NULL" : "never begun"}: ${bench.bool(CancelIoEx(fileOf(party), overlapped))}`
  },
  result: (bench, { a }) => {
    if (bench.posted.length === 0) return "result: of none"
    const posted = bench.posted[Math.max(0, bench.posted.length - 1 - (a % 3))]
    const { block, party } = posted
    const { address, view } = block
    if (!posted.begun) return `result o${posted.number}: refused`
    view.setUint32(at.count, 0xeeee, true)
    view.setUint32(at.flags, 0xeeee, true)
    const rc = bench.seam.calls.WSAGetOverlappedResult(
      bench.handle(party),
      address,
      address + at.count,
      0,
      address + at.flags
    )
    const told = `${view.getUint32(at.count, true)} ${view.getUint32(at.flags, true).toString(16)}`
    return `result o${posted.number}: ${bench.bool(rc)} ${told}`
  }
}

/** The line of a step. */
export const lineOf = (bench: Bench, step: Step): string => {
  const party = bench.party(step.s)
  const by = `${party.kind} s${indexOf(bench, party)}${party.open ? "" : " closed"}`
  return `${by} ${table[step.call](bench, step)}`
}
