/** The calls of Winsock2 that make and end connections, and send files: extension functions that are always overlapped. */
import {
  TF_DISCONNECT,
  TF_REUSE_SOCKET,
  TF_USE_KERNEL_APC,
  TF_USE_SYSTEM_THREAD,
  TF_WRITE_BEHIND
} from "@effect-winsock/schema/Flags"
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import { readPointer, writePointer } from "@effect-winsock/schema/Layout"
import type { SockAddr, SockAddrIssue } from "@effect-winsock/schema/SockAddr"
import * as SockAddrs from "@effect-winsock/schema/SockAddr"
import { TRANSMIT_FILE_BUFFERS } from "@effect-winsock/schema/Structs"
import type { Calls, Extensions, Handle, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type {
  Accepted,
  AcceptExOptions,
  ConnectExOptions,
  DisconnectExOptions,
  IoctlOptions,
  TransmitFileOptions
} from "../Winsock2.ts"
import { isRecord, isWithin } from "./checks.ts"
import { aPayload, copyPayload, isPayload, lengthOf } from "./payload.ts"
import { isError, isName, plain, putName, refuseName, remember } from "./winsock2Data.ts"
import { FileOf } from "./winsock2File.ts"
import type { CallMemory } from "./winsock2Memory.ts"
import type { Call } from "./winsock2Overlapped.ts"
import { booleanCall, socketCall } from "./winsock2Overlapped.ts"
import type { CallSocket } from "./winsock2Socket.ts"
import { endpointFor } from "./winsock2Socket.ts"

const refuse = WinsockErrors.invalidArgument

/** The most that goes along with a connection, or around a file. */
const mostAlong = 2 ** 20
/** The most that an ioctl takes or gives. */
const mostIoctl = 2 ** 20
/** The most that one call of TransmitFile sends. Source: its page. */
const mostPerCall = 2 ** 31 - 2

const none = new Uint8Array(0)

const streamOnly = (name: string, socket: CallSocket): WinsockError | undefined =>
  socket.kind === "stream" ? undefined : refuse(name, "socket", socket.shape.type, "a socket of type SOCK_STREAM")

const checkBytes = (name: string, option: string, given: unknown, most: number): WinsockError | undefined => {
  if (!isPayload(given)) return refuse(name, option, given, aPayload)
  return lengthOf(given) > most ? refuse(name, option, given, `at most ${most} bytes`) : undefined
}

// --- ConnectEx ---

export const ConnectEx = (socket: CallSocket, options: ConnectExOptions): Call<number> | WinsockError => {
  const name = "ConnectEx"
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  const { data = none, name: to } = options
  const refused = streamOnly(name, socket) ?? checkBytes(name, "data", data, mostAlong)
  if (refused !== undefined) return refused
  if (!isName(to)) return refuseName(name, "name", to)
  const connectEx = socket.provider.get(name, socket.on.socket)
  if (connectEx === undefined) return socket.error("WSAIoctl")
  const size = lengthOf(data)
  let length = 0
  const memory = remember(name, socket, [size], 0, (memory) => {
    const written = putName(name, "name", memory, to)
    if (isError(written)) return written
    length = written
    copyPayload(data, memory.block.bytes, memory.data - memory.block.address)
    return undefined
  })
  if (isError(memory)) return memory
  return {
    ...plain,
    name,
    counter: "connect",
    memory,
    ...booleanCall<Extensions["ConnectEx"]>(connectEx, (s, o) => [
      s,
      memory.name,
      length,
      size === 0 ? 0 : memory.data,
      size,
      0,
      o
    ]),
    value: ({ bytes }) => bytes
  }
}

// --- AcceptEx ---

/** Room for one address as AcceptEx writes it: 16 bytes more than any address, aligned. */
const nameRoom = 144

export const AcceptEx = (socket: CallSocket, options: AcceptExOptions): Call<Accepted> | WinsockError => {
  const name = "AcceptEx"
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  const { receiveDataLength = 0 } = options
  const refused = streamOnly(name, socket)
  if (refused !== undefined) return refused
  const acceptor = endpointFor(socket.engine, name, options.acceptSocket)
  if (isError(acceptor)) return acceptor
  if (!isWithin(receiveDataLength, 0, mostAlong)) {
    return refuse(name, "receiveDataLength", receiveDataLength, `an integer from 0 to ${mostAlong}`)
  }
  const acceptEx = socket.provider.get(name, socket.on.socket)
  if (acceptEx === undefined) return socket.error("WSAIoctl")
  const getNames = socket.provider.get("GetAcceptExSockaddrs", socket.on.socket)
  if (getNames === undefined) return socket.error("WSAIoctl")
  const memory = remember(name, socket, [receiveDataLength, 2 * nameRoom], 0, () => undefined)
  if (isError(memory)) return memory
  return {
    ...plain,
    name,
    counter: "accept",
    memory,
    ...booleanCall<Extensions["AcceptEx"]>(acceptEx, (s, o) => [
      s,
      acceptor.socket as SocketHandle,
      memory.data,
      receiveDataLength,
      nameRoom,
      nameRoom,
      memory.count,
      o
    ]),
    value: ({ bytes }) => {
      const { scratch } = socket.engine
      const out = (i: number): number => scratch.address + i * 8
      scratch.bytes.fill(0, 0, 32)
      getNames(memory.data, receiveDataLength, nameRoom, nameRoom, out(0), out(1), out(2), out(3))
      const local = readName(socket, memory, 0)
      const remote = readName(socket, memory, 2)
      return { bytes: memory.readData(Math.min(bytes, receiveDataLength))[0], local, remote }
    }
  }
}

// one of the addresses that GetAcceptExSockaddrs found, where it is within what was given
const readName = (socket: CallSocket, memory: CallMemory, i: number): SockAddr | SockAddrIssue | undefined => {
  const { scratch, seam } = socket.engine
  const at = readPointer(seam.abi, scratch.view, i * 8) - memory.block.address
  const length = scratch.view.getInt32(i * 8 + 8, true)
  const start = memory.data - memory.block.address
  if (length <= 0 || at < start || at + length > start + memory.capacity) return undefined
  return SockAddrs.read(memory.block.view, at, length)
}

// --- DisconnectEx ---

export const DisconnectEx = (socket: CallSocket, options: DisconnectExOptions = {}): Call<void> | WinsockError => {
  const name = "DisconnectEx"
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  const { flags = 0 } = options
  const refused = streamOnly(name, socket)
  if (refused !== undefined) return refused
  if (flags !== 0 && flags !== TF_REUSE_SOCKET) return refuse(name, "flags", flags, "0 or TF_REUSE_SOCKET")
  const disconnectEx = socket.provider.get(name, socket.on.socket)
  if (disconnectEx === undefined) return socket.error("WSAIoctl")
  const memory = remember(name, socket, [], 0, () => undefined)
  if (isError(memory)) return memory
  return {
    ...plain,
    name,
    counter: "disconnect",
    memory,
    ...booleanCall<Extensions["DisconnectEx"]>(disconnectEx, (s, o) => [s, o, flags, 0]),
    value: () => {
      // another connection may be made with it, which nobody has torn
      if (flags === TF_REUSE_SOCKET) socket.torn = false
    }
  }
}

// --- TransmitFile ---

const transmitFlags = TF_DISCONNECT | TF_REUSE_SOCKET | TF_WRITE_BEHIND | TF_USE_SYSTEM_THREAD | TF_USE_KERNEL_APC

/** The record that says where head and tail are stands before them. */
const aroundSize = 32

export const TransmitFile = (socket: CallSocket, options: TransmitFileOptions): Call<number> | WinsockError => {
  const name = "TransmitFile"
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  const { bytesPerSend = 0, file, flags = 0, head = none, length = 0, offset = 0, tail = none } = options
  const refused =
    streamOnly(name, socket) ??
    checkBytes(name, "head", head, mostAlong) ??
    checkBytes(name, "tail", tail, mostAlong) ??
    checkRange(name, "offset", offset, Number.MAX_SAFE_INTEGER) ??
    checkRange(name, "length", length, mostPerCall) ??
    checkRange(name, "bytesPerSend", bytesPerSend, 2 ** 31 - 1)
  if (refused !== undefined) return refused
  if (!isWithin(flags, 0, 0xffff_ffff) || (flags & ~transmitFlags) !== 0) {
    return refuse(name, "flags", flags, "a combination of the TF_ flags")
  }
  if (socket.torn) return WinsockErrors.streamBroken(name, undefined)
  const opened = file === undefined ? undefined : FileOf.openedBy(socket.engine, file)
  if (isError(opened)) return opened
  const transmitFile = socket.provider.get(name, socket.on.socket)
  if (transmitFile === undefined) return socket.error("WSAIoctl")
  const headLength = lengthOf(head)
  const tailLength = lengthOf(tail)
  const memory = remember(name, socket, [aroundSize, headLength, tailLength], 0, (memory) => {
    const { abi } = socket.engine.seam
    const at = TRANSMIT_FILE_BUFFERS.offsets[abi]
    const { bytes, view } = memory.block
    const start = memory.data - memory.block.address
    writePointer(abi, view, start + at.Head, headLength === 0 ? 0 : memory.data + aroundSize)
    view.setUint32(start + at.HeadLength, headLength, true)
    writePointer(abi, view, start + at.Tail, tailLength === 0 ? 0 : memory.data + aroundSize + headLength)
    view.setUint32(start + at.TailLength, tailLength, true)
    copyPayload(head, bytes, start + aroundSize)
    copyPayload(tail, bytes, start + aroundSize + headLength)
    return undefined
  })
  if (isError(memory)) return memory
  const handle = opened === undefined ? 0 : opened.use()
  return {
    ...plain,
    name,
    counter: "send",
    memory,
    ...booleanCall<Extensions["TransmitFile"]>(transmitFile, (s, o) => [
      s,
      handle as Handle,
      length,
      bytesPerSend,
      o,
      memory.data,
      flags
    ]),
    value: ({ bytes }) => bytes,
    tears: true,
    offset,
    most: mostPerCall,
    release: () => opened?.unuse()
  }
}

const checkRange = (name: string, option: string, value: unknown, most: number): WinsockError | undefined =>
  isWithin(value, 0, most) ? undefined : refuse(name, option, value, `an integer from 0 to ${most}`)

// --- WSAIoctl ---

export const WSAIoctl = (socket: CallSocket, options: IoctlOptions): Call<Uint8Array> | WinsockError => {
  const name = "WSAIoctl"
  if (!isRecord(options)) return refuse(name, "options", options, "a record of options")
  const { code, input = none, outputLength = 0 } = options
  if (!isWithin(code, 0, 0xffff_ffff) || code === FIONBIO) {
    return refuse(name, "code", code, "the code of an ioctl other than FIONBIO, which is for ioctlsocket")
  }
  const refused =
    checkBytes(name, "input", input, mostIoctl) ?? checkRange(name, "outputLength", outputLength, mostIoctl)
  if (refused !== undefined) return refused
  const inputLength = lengthOf(input)
  const memory = remember(name, socket, [outputLength, inputLength], 0, (memory) => {
    copyPayload(input, memory.block.bytes, memory.data - memory.block.address + outputLength)
    return undefined
  })
  if (isError(memory)) return memory
  const { calls } = socket.engine
  return {
    ...plain,
    name,
    counter: "ioctl",
    memory,
    ...socketCall<Calls["WSAIoctl"]>(calls.WSAIoctl, (s, o, r) => [
      s,
      code,
      inputLength === 0 ? 0 : memory.data + outputLength,
      inputLength,
      outputLength === 0 ? 0 : memory.data,
      outputLength,
      // it takes no NULL, not even in an overlapped call
      memory.count,
      o,
      r
    ]),
    value: ({ bytes }) => memory.readData(Math.min(bytes, outputLength))[0]
  }
}
