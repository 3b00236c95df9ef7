/** The calls of Winsock2 that move data: their arguments, checked as the pages say, and what they give. */
import * as ControlMessage from "@effect-winsock/schema/ControlMessage"
import {
  messageFlags,
  messageFlagsOf,
  MSG_CTRUNC,
  MSG_OOB,
  MSG_PARTIAL,
  MSG_PEEK,
  MSG_PUSH_IMMEDIATE,
  MSG_TRUNC,
  MSG_WAITALL
} from "@effect-winsock/schema/Flags"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import * as SockAddrs from "@effect-winsock/schema/SockAddr"
import { WSAEOPNOTSUPP } from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import type { Calls, Extensions, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type {
  ReceiveMsgOptions,
  ReceiveOptions,
  Received,
  ReceivedFrom,
  ReceivedMsg,
  SendMsgOptions,
  SendOptions,
  SendToOptions
} from "../Winsock2.ts"
import { isRecord, isWithin } from "./checks.ts"
import { aPayload, copyPayload, isPayload } from "./payload.ts"
import { CallMemory, nameCapacity } from "./winsock2Memory.ts"
import type { Call, Ended } from "./winsock2Overlapped.ts"
import { socketCall } from "./winsock2Overlapped.ts"
import type { CallSocket } from "./winsock2Socket.ts"
import { outOfMemory } from "./winsock2Socket.ts"

/** How many buffers one call takes: the calls themselves set no bound. */
const mostBuffers = 1024
/** How many bytes all of them have at most. */
const mostBytes = 2 ** 30
/** How much control data a call takes at most. */
const mostControl = 65_536

export type DataCall = keyof typeof messageFlags

const receives: ReadonlySet<DataCall> = new Set(["WSARecv", "WSARecvFrom", "WSARecvMsg"])
const messagesOnly: ReadonlySet<DataCall> = new Set(["WSARecvMsg", "WSASendMsg"])

const refuse = WinsockErrors.invalidArgument

/** What a flag must not be given with. Sources: the pages of WSARecv, WSARecvFrom, WSARecvMsg, WSASend, WSASendTo, WSASendMsg. */
interface FlagRule {
  readonly flag: number
  readonly forbids: (socket: CallSocket, flags: number, overlapped: boolean) => boolean
}

// each is answered with WSAEOPNOTSUPP
const flagRules: ReadonlyArray<FlagRule> = [
  { flag: MSG_PEEK, forbids: (_socket, _flags, overlapped) => overlapped },
  { flag: MSG_OOB | MSG_WAITALL | MSG_PUSH_IMMEDIATE, forbids: ({ kind }) => kind !== "stream" },
  {
    flag: MSG_WAITALL,
    // sockets that are not overlapped do not block here
    forbids: (_socket, flags, overlapped) => !overlapped || (flags & (MSG_OOB | MSG_PEEK | MSG_PARTIAL)) !== 0
  }
]

const checkFlags = (
  name: DataCall,
  socket: CallSocket,
  flags: unknown,
  overlapped: boolean
): WinsockError | undefined => {
  const allowed = messageFlags[name].in
  if (!isWithin(flags, 0, 0xffff_ffff) || (flags & ~allowed) !== 0) {
    return refuse(name, "flags", flags, `a combination of ${messageFlagsOf(allowed).join(", ")}`)
  }
  const broken = flagRules.find((rule) => (flags & rule.flag) !== 0 && rule.forbids(socket, flags, overlapped))
  return broken === undefined ? undefined : socket.error(name, WSAEOPNOTSUPP)
}

const checkCall = (name: DataCall, socket: CallSocket, options: unknown): WinsockError | undefined => {
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  if (messagesOnly.has(name) && socket.kind === "stream") {
    return refuse(name, "socket", socket.shape.type, "a socket of type SOCK_DGRAM or SOCK_RAW")
  }
  return socket.torn && !receives.has(name) ? WinsockErrors.streamBroken(name, undefined) : undefined
}

/** The sizes of the buffers of a receive. */
const checkSizes = (name: DataCall, given: unknown): ReadonlyArray<number> | WinsockError => {
  const expected = `1 to ${mostBuffers} lengths in bytes, of ${mostBytes} together at most`
  if (!Array.isArray(given) || !isWithin(given.length, 1, mostBuffers)) {
    return refuse(name, "buffers", given, expected)
  }
  // a copy, so that what is checked is what is used
  const sizes: ReadonlyArray<unknown> = Array.from(given)
  let sum = 0
  for (const size of sizes) {
    if (!isWithin(size, 0, mostBytes) || (sum += size) > mostBytes) return refuse(name, "buffers", given, expected)
  }
  return sizes as ReadonlyArray<number>
}

const checkPieces = (name: DataCall, given: unknown): ReadonlyArray<Uint8Array> | WinsockError => {
  if (!isPayload(given)) return refuse(name, "buffers", given, aPayload)
  const pieces = Array.isArray(given) ? Array.from(given as ReadonlyArray<Uint8Array>) : [given as Uint8Array]
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return isWithin(pieces.length, 1, mostBuffers) && total <= mostBytes
    ? pieces
    : refuse(name, "buffers", given, `1 to ${mostBuffers} pieces, of ${mostBytes} bytes together at most`)
}

/** Writes a name into the memory of a call: its length, or why it is none. */
export const putName = (
  name: string,
  option: string,
  memory: CallMemory,
  given: NetAddress.SocketAddress | SockAddr
): number | WinsockError => {
  const { at, view } = memory.nameView
  const length = NetAddress.isSocketAddress(given)
    ? SockAddrs.write(view, at, given)
    : SockAddrs.encodedLength(given) > nameCapacity
      ? 0
      : SockAddrs.encode(given, view, at)
  return length > 0 ? length : refuse(name, option, given, aName)
}

const aName = "a socket address that fits into a SOCKADDR_STORAGE"

export const isName = (given: unknown): given is NetAddress.SocketAddress | SockAddr => {
  if (NetAddress.isSocketAddress(given)) return true
  if (!isRecord(given)) return false
  const { _tag, address, bytes, family } = given as { [key: string]: unknown }
  if (_tag === "Unknown") return isWithin(family, 0, 0xffff) && bytes instanceof Uint8Array
  return (_tag === "Inet" || _tag === "Unix") && NetAddress.isSocketAddress(address)
}

export const refuseName = (name: string, option: string, given: unknown): WinsockError =>
  refuse(name, option, given, aName)

/** The memory of a call; `fill` writes its arguments to it, or says why they are not to be written. */
export const remember = (
  name: string,
  socket: CallSocket,
  sizes: ReadonlyArray<number>,
  control: number,
  fill: (memory: CallMemory) => WinsockError | undefined
): CallMemory | WinsockError => {
  const { engine } = socket
  let memory: CallMemory
  try {
    memory = new CallMemory(engine, sizes, control)
  } catch {
    return outOfMemory(name)
  }
  const refused = fill(memory)
  if (refused !== undefined) engine.heap.free(memory.block)
  return refused ?? memory
}

export const isError = (u: unknown): u is WinsockError => u instanceof WinsockErrors.WinsockError

const nothing = (): void => {}

/** What most calls have. */
export const plain = { cuts: false, flagged: false, tears: false, offset: 0, release: nothing } as const

/** lpNumberOfBytes is NULL in an overlapped call, "to avoid potentially erroneous results". */
const countOf = (memory: CallMemory, overlapped: number): number => (overlapped === 0 ? memory.count : 0)

// --- receiving ---

const received = (memory: CallMemory, { bytes, flags }: Ended, truncated: boolean): Received => ({
  bytes,
  buffers: memory.readData(bytes),
  flags,
  truncated
})

const nameOf = (view: DataView): SockAddr | SockAddrIssue | undefined =>
  view.byteLength === 0 ? undefined : SockAddrs.read(view, 0, view.byteLength)

const prepareReceive = <A, K extends "WSARecv" | "WSARecvFrom">(
  name: K,
  socket: CallSocket,
  options: ReceiveOptions,
  overlapped: boolean,
  args: (memory: CallMemory, socket: SocketHandle, overlapped: number, routine: number) => Parameters<Calls[K]>,
  value: (memory: CallMemory, ended: Ended) => A
): Call<A> | WinsockError => {
  const refused = checkCall(name, socket, options)
  if (refused !== undefined) return refused
  const { flags = 0 } = options
  const forbidden = checkFlags(name, socket, flags, overlapped)
  if (forbidden !== undefined) return forbidden
  const sizes = checkSizes(name, options.buffers)
  if (isError(sizes)) return sizes
  const memory = remember(name, socket, sizes, 0, (memory) => {
    // a provider may leave the count as it is when it says WSAEMSGSIZE
    memory.setCount(memory.capacity)
    memory.setFlags(flags)
    memory.setNameLength(nameCapacity)
    return undefined
  })
  if (isError(memory)) return memory
  return {
    ...plain,
    name,
    counter: "receive",
    memory,
    ...socketCall<Calls[K]>(socket.engine.calls[name], (s, o, r) => args(memory, s, o, r)),
    value: (ended) => value(memory, ended),
    cuts: socket.kind !== "stream",
    flagged: true
  }
}

export const WSARecv = (
  socket: CallSocket,
  options: ReceiveOptions,
  overlapped: boolean
): Call<Received> | WinsockError => {
  return prepareReceive(
    "WSARecv",
    socket,
    options,
    overlapped,
    (memory, s, o, r) => [s, memory.buffers, memory.sizes.length, countOf(memory, o), memory.flags, o, r],
    (memory, ended) => received(memory, ended, ended.cut)
  )
}

export const WSARecvFrom = (
  socket: CallSocket,
  options: ReceiveOptions,
  overlapped: boolean
): Call<ReceivedFrom> | WinsockError => {
  return prepareReceive(
    "WSARecvFrom",
    socket,
    options,
    overlapped,
    (memory, s, o, r) => [
      s,
      memory.buffers,
      memory.sizes.length,
      countOf(memory, o),
      memory.flags,
      memory.name,
      memory.nameLength,
      o,
      r
    ],
    (memory, ended) => ({
      ...received(memory, ended, ended.cut),
      // a stream knows its peer: nothing is written for one
      name: socket.kind === "stream" ? undefined : nameOf(memory.readName())
    })
  )
}

export const WSARecvMsg = (
  socket: CallSocket,
  options: ReceiveMsgOptions,
  overlapped: boolean
): Call<ReceivedMsg> | WinsockError => {
  const name = "WSARecvMsg"
  const refused = checkCall(name, socket, options)
  if (refused !== undefined) return refused
  const { control = 0, flags = 0 } = options
  const forbidden = checkFlags(name, socket, flags, overlapped)
  if (forbidden !== undefined) return forbidden
  if (!isWithin(control, 0, mostControl)) {
    return refuse(name, "control", control, `an integer from 0 to ${mostControl}`)
  }
  const sizes = checkSizes(name, options.buffers)
  if (isError(sizes)) return sizes
  const recvMsg = socket.provider.get(name, socket.on.socket)
  if (recvMsg === undefined) return socket.error("WSAIoctl")
  const memory = remember(name, socket, sizes, control, (memory) => {
    memory.setCount(memory.capacity)
    memory.setMessage(nameCapacity, flags)
    return undefined
  })
  if (isError(memory)) return memory
  const { abi } = socket.engine.seam
  return {
    ...plain,
    name,
    counter: "receive",
    memory,
    ...socketCall<Extensions["WSARecvMsg"]>(recvMsg, (s, o, r) => [s, memory.message, countOf(memory, o), o, r]),
    value: ({ bytes, cut }) => {
      const flags = memory.readMessageFlags()
      const truncated = (flags & MSG_TRUNC) !== 0 || (cut && (flags & MSG_CTRUNC) === 0)
      const control = memory.readControl()
      return {
        ...received(memory, { bytes, flags, cut }, truncated),
        name: nameOf(memory.readMessageName()),
        control: ControlMessage.parse(abi, control, 0, control.byteLength),
        controlTruncated: (flags & MSG_CTRUNC) !== 0
      }
    },
    cuts: true
  }
}

// --- sending ---

const prepareSend = <K extends "WSASend" | "WSASendTo" | "WSASendMsg">(
  name: K,
  socket: CallSocket,
  options: SendOptions,
  overlapped: boolean,
  control: Uint8Array,
  fill: (memory: CallMemory) => WinsockError | undefined,
  args: (
    memory: CallMemory,
    socket: SocketHandle,
    flags: number,
    overlapped: number,
    routine: number
  ) => Parameters<Calls[K]>
): Call<number> | WinsockError => {
  const { flags = 0 } = options
  const forbidden = checkFlags(name, socket, flags, overlapped)
  if (forbidden !== undefined) return forbidden
  const pieces = checkPieces(name, options.buffers)
  if (isError(pieces)) return pieces
  const sizes = pieces.map(({ length }) => length)
  const memory = remember(name, socket, sizes, control.length, (memory) => {
    copyPayload(pieces, memory.block.bytes, memory.data - memory.block.address)
    memory.setControl(control)
    return fill(memory)
  })
  if (isError(memory)) return memory
  return {
    ...plain,
    name,
    counter: "send",
    memory,
    ...socketCall<Calls[K]>(socket.engine.calls[name], (s, o, r) => args(memory, s, flags, o, r)),
    value: ({ bytes }) => bytes,
    tears: socket.kind === "stream"
  }
}

const noControl = new Uint8Array(0)

export const WSASend = (socket: CallSocket, options: SendOptions, overlapped: boolean): Call<number> | WinsockError => {
  return (
    checkCall("WSASend", socket, options) ??
    prepareSend(
      "WSASend",
      socket,
      options,
      overlapped,
      noControl,
      () => undefined,
      (memory, s, flags, o, r) => [s, memory.buffers, memory.sizes.length, countOf(memory, o), flags, o, r]
    )
  )
}

// a name that is given, or NULL for the peer that the socket is connected to
const fillName =
  (name: string, given: SendToOptions["name"], told: (memory: CallMemory, length: number) => void) =>
  (memory: CallMemory): WinsockError | undefined => {
    const length = given === undefined ? 0 : putName(name, "name", memory, given)
    if (isError(length)) return length
    told(memory, length)
    return undefined
  }

export const WSASendTo = (
  socket: CallSocket,
  options: SendToOptions,
  overlapped: boolean
): Call<number> | WinsockError => {
  const refused = checkCall("WSASendTo", socket, options)
  if (refused !== undefined) return refused
  const { name } = options
  if (name !== undefined && !isName(name)) return refuseName("WSASendTo", "name", name)
  let length = 0
  return prepareSend(
    "WSASendTo",
    socket,
    options,
    overlapped,
    noControl,
    fillName("WSASendTo", name, (_memory, written) => {
      length = written
    }),
    (memory, s, flags, o, r) => [
      s,
      memory.buffers,
      memory.sizes.length,
      countOf(memory, o),
      flags,
      length === 0 ? 0 : memory.name,
      length,
      o,
      r
    ]
  )
}

// the messages are checked by reading back what is written
const controlBytes = (socket: CallSocket, given: SendMsgOptions["control"]): Uint8Array | WinsockError => {
  if (given === undefined) return noControl
  const refused = (expected: string): WinsockError => refuse("WSASendMsg", "control", given, expected)
  if (!Array.isArray(given)) return refused("an array of control messages")
  let bytes: ReturnType<typeof ControlMessage.toBytes>
  try {
    bytes = ControlMessage.toBytes(socket.engine.seam.abi, given)
  } catch {
    return refused("an array of control messages")
  }
  if (ControlMessage.isControlIssue(bytes)) {
    return refused(`control messages that can be read back: ${ControlMessage.formatIssue(bytes)}`)
  }
  return bytes.length > mostControl ? refused(`at most ${mostControl} bytes of control messages`) : bytes
}

export const WSASendMsg = (
  socket: CallSocket,
  options: SendMsgOptions,
  overlapped: boolean
): Call<number> | WinsockError => {
  const refused = checkCall("WSASendMsg", socket, options)
  if (refused !== undefined) return refused
  const { name } = options
  if (name !== undefined && !isName(name)) return refuseName("WSASendMsg", "name", name)
  const control = controlBytes(socket, options.control)
  if (isError(control)) return control
  return prepareSend(
    "WSASendMsg",
    socket,
    options,
    overlapped,
    control,
    fillName("WSASendMsg", name, (memory, length) => memory.setMessage(length, 0)),
    (memory, s, flags, o, r) => [s, memory.message, flags, countOf(memory, o), o, r]
  )
}
