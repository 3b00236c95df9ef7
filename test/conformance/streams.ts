// Streams for probes: listeners, connections, and what flows through them.
import type { Handle, SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import { type Bench, type CallOptions, type Overlapped, type SocketOptions } from "./bench.ts"
import type { Message } from "./message.ts"

export const loopback = "127.0.0.1"

const stream: SocketOptions = { type: Flags.SOCK_STREAM }

export const socket = (b: Bench, options: SocketOptions = {}): SocketHandle => b.socket({ ...stream, ...options })

export const bound = (b: Bench, ip = loopback) => b.bound(ip, stream)

export interface Listener {
  readonly s: SocketHandle
  readonly port: number
}

export const listener = (b: Bench, backlog = 16, ip = loopback): Listener => {
  const { port, s } = bound(b, ip)
  const rc = b.result(b.calls.listen(s, backlog))
  if (rc !== "ok") throw new Error(`listen answers ${rc}`)
  return { s, port }
}

/** A port of loopback on which nobody listens. */
export const deadPort = (b: Bench): number => {
  const { port, s } = bound(b)
  b.close(s)
  return port
}

/** accept: the socket, or the error's name. */
export const accept = (b: Bench, s: SocketHandle): SocketHandle | string => {
  const accepted = b.calls.accept(s, 0, 0)
  return accepted === -1 ? b.error : b.nonBlocking(b.own(accepted))
}

/** Waits for the next connection. */
export const accepted = async (b: Bench, s: SocketHandle): Promise<SocketHandle> => {
  const found = await b.until(() => {
    const found = accept(b, s)
    return found === "WSAEWOULDBLOCK" ? undefined : found
  })
  if (typeof found !== "number") throw new Error(`accept answers ${found ?? "nothing"}`)
  return found
}

export interface ConnectOptions {
  readonly ip?: string
  readonly data?: string
}

/** ConnectEx. */
export const connectEx = (
  b: Bench,
  s: SocketHandle,
  port: number,
  overlapped: Overlapped | undefined,
  { data = "", ip = loopback }: ConnectOptions = {}
): string => {
  const to = b.address(ip, port)
  const block = b.alloc(data.length + 1)
  for (let i = 0; i < data.length; i++) block.bytes[i] = data.charCodeAt(i)
  const [at, size] = data === "" ? [0, 0] : [block.address, data.length]
  const f = b.extension(s, "ConnectEx")
  return b.success(f(s, to.address, to.length, at, size, b.forget(), overlapped?.address ?? 0))
}

export const updateConnect = (b: Bench, s: SocketHandle): string =>
  b.result(b.calls.setsockopt(s, Flags.SOL_SOCKET, Options.SO_UPDATE_CONNECT_CONTEXT, 0, 0))

export const updateAccept = (b: Bench, s: SocketHandle, listening: SocketHandle): string => {
  const width = Layout.pointerSize(b.abi)
  const block = b.alloc(8)
  Layout.writePointer(b.abi, block.view, 0, listening)
  return b.result(b.calls.setsockopt(s, Flags.SOL_SOCKET, Options.SO_UPDATE_ACCEPT_CONTEXT, block.address, width))
}

/** Connects a socket of its own, and waits until it is connected. */
export const connected = async (
  b: Bench,
  port: number,
  s: SocketHandle = bound(b).s,
  options: ConnectOptions = {}
): Promise<SocketHandle> => {
  const overlapped = b.overlapped("connect")
  const call = connectEx(b, s, port, overlapped, options)
  if (call !== "ok" && call !== "WSA_IO_PENDING") throw new Error(`ConnectEx answers ${call}`)
  const status = await b.completion(overlapped)
  if (status !== "STATUS_SUCCESS") throw new Error(`ConnectEx ends with ${status}`)
  const update = updateConnect(b, s)
  if (update !== "ok") throw new Error(`SO_UPDATE_CONNECT_CONTEXT answers ${update}`)
  return s
}

/** getpeername: "connected", or the error's name. */
export const peerOf = (b: Bench, s: SocketHandle): string => {
  const block = b.alloc(40)
  block.view.setInt32(32, 32, true)
  return b.calls.getpeername(s, block.address, block.address + 32) === 0 ? "connected" : b.error
}

export interface Pair {
  readonly listener: Listener
  readonly client: SocketHandle
  readonly server: SocketHandle
  /** Of the client. */
  readonly port: number
}

export interface PairOptions {
  /** SO_SNDBUF and SO_RCVBUF of both, for a pipe that is soon full. */
  readonly buffers?: number
}

const shrink = (b: Bench, s: SocketHandle, size: number): void => {
  b.setOption(s, Flags.SOL_SOCKET, Options.SO_SNDBUF, size)
  b.setOption(s, Flags.SOL_SOCKET, Options.SO_RCVBUF, size)
}

/** Two ends of a connection over loopback. */
export const pair = async (b: Bench, { buffers }: PairOptions = {}): Promise<Pair> => {
  const listening = listener(b)
  const { port, s } = bound(b)
  if (buffers !== undefined) for (const end of [listening.s, s]) shrink(b, end, buffers)
  const client = await connected(b, listening.port, s)
  const server = await accepted(b, listening.s)
  if (buffers !== undefined) shrink(b, server, buffers)
  return { listener: listening, client, server, port }
}

/** Posts a receive. */
export const posted = (
  b: Bench,
  s: SocketHandle,
  label = "A",
  size = 64
): { readonly call: string; readonly overlapped: Overlapped; readonly message: Message } => {
  const overlapped = b.overlapped(label)
  const message = b.message({ sizes: [size], name: 0 })
  return { overlapped, message, call: b.recv(s, message, { overlapped, bytesAt: 0 }) }
}

/** WSASend of texts, a buffer each. */
export const send = (b: Bench, s: SocketHandle, texts: string | ReadonlyArray<string>, options: CallOptions = {}) => {
  const message = b.outgoing(...(typeof texts === "string" ? [texts] : texts))
  return sendOf(b, s, message, options)
}

export const sendOf = (b: Bench, s: SocketHandle, message: Message, options: CallOptions = {}): string => {
  const { flags = 0, overlapped, routine, bytesAt = b.forget() } = options
  const { dwBufferCount, lpBuffers } = message.view
  const at = overlapped?.address ?? 0
  return b.result(b.calls.WSASend(s, lpBuffers, dwBufferCount, bytesAt, flags, at, routine?.address ?? 0))
}

/** WSASend of that many bytes, the last of which are `tail`. */
export const sendBytes = (b: Bench, s: SocketHandle, size: number, options: CallOptions = {}, tail = ""): string =>
  sendOf(b, s, outgoing(b, size, tail), options)

export const outgoing = (b: Bench, size: number, tail = ""): Message => {
  const message = b.message({ sizes: [size], name: 0 })
  const { block, payloadStart } = message
  block.bytes.fill(120, payloadStart)
  for (let i = 0; i < tail.length; i++) block.bytes[payloadStart + size - tail.length + i] = tail.charCodeAt(i)
  return message
}

/** What a receive without an OVERLAPPED gives now: a text, "<end>", or the error's name in angle brackets. */
export const receive = (b: Bench, s: SocketHandle, size = 64, options: CallOptions = {}): string =>
  receiveInto(b, s, b.message({ sizes: [size], name: 0 }), options)

const receiveInto = (b: Bench, s: SocketHandle, message: Message, options: CallOptions = {}): string => {
  const call = b.recv(s, message, options)
  if (call !== "ok") return `<${call}>`
  const { byteCount } = b
  if (typeof byteCount !== "number") return "<no byte count>"
  if (byteCount === 0) return "<end>"
  const bytes = message.block.bytes.subarray(message.payloadStart, message.payloadStart + byteCount)
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** Receives until there are so many bytes, or the stream ends; the end and errors are in angle brackets. */
export const take = async (b: Bench, s: SocketHandle, count: number, bound?: number): Promise<string> => {
  const most = 65_536
  const message = b.message({ sizes: [Math.min(count, most)], name: 0 })
  let text = ""
  await b.until(() => {
    // not more than there shall be
    const left = count - text.length
    const more = left < most ? receiveInto(b, s, sized(b, message, left)) : receiveInto(b, s, message)
    if (more !== "<WSAEWOULDBLOCK>") text += more
    return text.length >= count || text.endsWith(">") ? true : undefined
  }, bound)
  return text
}

/** The message with so much room in its buffer. */
const sized = (b: Bench, message: Message, size: number): Message => {
  const { block, view } = message
  Structs.WSABUF.view(b.abi, block.view, view.lpBuffers - block.address).len = size
  return message
}

/** Receives what comes until the stream ends, and how it ends; without the bytes themselves. */
export const drained = async (b: Bench, s: SocketHandle): Promise<{ bytes: number; last: string; end: string }> => {
  const message = b.message({ sizes: [65_536], name: 0 })
  const found = { bytes: 0, last: "", end: "nothing" }
  await b.until(() => {
    for (;;) {
      const call = b.recv(s, message)
      if (call === "WSAEWOULDBLOCK") return undefined
      const { byteCount } = b
      if (call !== "ok" || typeof byteCount !== "number" || byteCount === 0) {
        found.end = call === "ok" ? "end" : call
        return true
      }
      found.bytes += byteCount
      const start = message.payloadStart + Math.max(0, byteCount - 5)
      const tail = message.block.bytes.subarray(start, message.payloadStart + byteCount)
      found.last = (found.last + String.fromCharCode(...tail)).slice(-5)
    }
  })
  return found
}

/** How a stream ends for its reader: the status of a receive that is posted now. */
export const ending = async (b: Bench, s: SocketHandle): Promise<string> => {
  const { call, overlapped } = posted(b, s, "end", 1)
  if (call !== "ok" && call !== "WSA_IO_PENDING") return call
  const status = await b.completion(overlapped)
  return status === "STATUS_SUCCESS" ? `STATUS_SUCCESS ${overlapped.view.InternalHigh}` : status
}

/** Sends without waiting until no more fits: how many bytes were taken. */
export const fill = async (b: Bench, s: SocketHandle): Promise<number> => {
  const message = b.message({ sizes: [16_384], name: 0 })
  message.block.bytes.fill(120, message.payloadStart)
  let sent = 0
  let call = ""
  // room that comes back while what was sent is carried away is taken, too
  for (let round = 0; round < 5; round++) {
    do {
      call = sendOf(b, s, message)
      if (call === "ok") sent += Number(b.byteCount)
    } while (call === "ok" && sent < 64 * 1024 * 1024)
    await b.settle()
  }
  if (call !== "WSAEWOULDBLOCK") throw new Error(`the pipe is not full: ${call} after ${sent} bytes`)
  return sent
}

/**
 * More bytes than there can be room for in a full pair: what is sent there pends. (Some room comes back at any time,
 * when the peer acknowledges late.)
 */
export const much = 1_000_000

/** A connection with small buffers, which the client has filled with `filled` bytes. */
export const fullPair = async (b: Bench): Promise<Pair & { readonly filled: number }> => {
  const ends = await pair(b, { buffers: 16_384 })
  return { ...ends, filled: await fill(b, ends.client) }
}

/** Closes a connection by a reset: SO_LINGER on, with no time. */
export const reset = (b: Bench, s: SocketHandle): string => {
  b.setOption(s, Flags.SOL_SOCKET, Options.SO_LINGER, 1)
  return b.close(s)
}

/** The operation of a call that failed is not under way, whatever Internal says (fact 69). */
export const over = (overlapped: Overlapped): void => {
  overlapped.view.Internal = 0
}

// --- AcceptEx ---

export interface AcceptOptions {
  readonly receive?: number
  readonly local?: number
  readonly remote?: number
  readonly overlapped?: Overlapped
}

/** A sockaddr_in and the 16 bytes that AcceptEx wants besides. */
export const addressRoom = 32

export class Acceptance {
  readonly s: SocketHandle
  readonly overlapped: Overlapped
  readonly call: string
  private readonly b: Bench
  private readonly listening: SocketHandle
  private readonly output: Message
  private readonly options: Required<Omit<AcceptOptions, "overlapped">>

  constructor(b: Bench, listening: SocketHandle, label = "A", options: AcceptOptions = {}, s = socket(b)) {
    const { local = addressRoom, overlapped = b.overlapped(label), receive = 0, remote = addressRoom } = options
    this.b = b
    this.s = s
    this.listening = listening
    this.overlapped = overlapped
    this.options = { receive, local, remote }
    this.output = b.message({ sizes: [receive + local + remote + 64], name: 0 })
    const f = b.extension(listening, "AcceptEx")
    const { address } = this
    this.call = b.success(f(listening, s, address, receive, local, remote, b.forget(), overlapped.address))
  }

  private get address(): number {
    return this.output.block.address + this.output.payloadStart
  }

  /** Data that came with the connection. */
  get text(): string {
    const { block, payloadStart } = this.output
    const size = Math.min(this.overlapped.view.InternalHigh, this.options.receive)
    return String.fromCharCode(...block.bytes.subarray(payloadStart, payloadStart + size))
  }

  update(): string {
    return updateAccept(this.b, this.s, this.listening)
  }

  /** What GetAcceptExSockaddrs tells. */
  addresses(): { readonly local: Told; readonly remote: Told } {
    const { b, options } = this
    const { abi } = b
    const out = b.alloc(64)
    const at = [0, 16, 32, 48]
    for (const i of at) Layout.writePointer(abi, out.view, i, marker)
    const [local, localLength, remote, remoteLength] = at.map((i) => out.address + i)
    const f = b.extension(this.listening, "GetAcceptExSockaddrs")
    f(this.address, options.receive, options.local, options.remote, local, localLength, remote, remoteLength)
    const told = (at: number): Told => {
      const pointer = Layout.readPointer(abi, out.view, at)
      if (pointer === marker) return "untouched"
      const offset = pointer - this.output.block.address
      if (offset < 0 || offset >= this.output.block.size) return "elsewhere"
      return {
        ...b.readAddress(this.output.block, offset),
        offset: pointer - this.address,
        length: out.view.getInt32(at + 16, true)
      }
    }
    return { local: told(0), remote: told(32) }
  }
}

/** What a pointer that nobody wrote has. */
const marker = 0x7777

export type Told =
  | { readonly ip: string; readonly port: number; readonly offset: number; readonly length: number }
  | "untouched"
  | "elsewhere"

/** Posts an AcceptEx. */
export const acceptEx = (
  b: Bench,
  listening: SocketHandle,
  label?: string,
  options?: AcceptOptions,
  s?: SocketHandle
): Acceptance => new Acceptance(b, listening, label, options, s)

// --- TransmitFile ---

const GENERIC_READ = 0x8000_0000
const FILE_SHARE_READ = 1
const OPEN_EXISTING = 3
const FILE_FLAG_OVERLAPPED = 0x4000_0000

/** A file with that content, opened for overlapped reading. */
export const file = (b: Bench, content: string): Handle => {
  const path = b.environment.file(content)
  const name = b.alloc(path.length * 2 + 2)
  for (let i = 0; i < path.length; i++) name.view.setUint16(i * 2, path.charCodeAt(i), true)
  const { address } = name
  const handle = b.calls.CreateFileW(address, GENERIC_READ, FILE_SHARE_READ, 0, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, 0)
  if (handle === -1) throw new Error(`CreateFileW answers ${b.error}`)
  return b.keep(handle)
}

export interface TransmitOptions {
  readonly overlapped?: Overlapped
  readonly file?: Handle
  readonly head?: string
  readonly tail?: string
  readonly bytes?: number
  readonly perSend?: number
  readonly flags?: number
}

export const transmit = (b: Bench, s: SocketHandle, options: TransmitOptions): string => {
  const { bytes = 0, file = 0, flags = 0, head, overlapped, perSend = 0, tail } = options
  let buffers = 0
  if (head !== undefined || tail !== undefined) {
    const block = b.alloc(Structs.TRANSMIT_FILE_BUFFERS.size[b.abi])
    const view = Structs.TRANSMIT_FILE_BUFFERS.view(b.abi, block.view, 0)
    const put = (text: string): number => {
      const data = b.alloc(text.length)
      for (let i = 0; i < text.length; i++) data.bytes[i] = text.charCodeAt(i)
      return data.address
    }
    if (head !== undefined) {
      view.Head = put(head)
      view.HeadLength = head.length
    }
    if (tail !== undefined) {
      view.Tail = put(tail)
      view.TailLength = tail.length
    }
    buffers = block.address
  }
  const f = b.extension(s, "TransmitFile")
  return b.success(f(s, file, bytes, perSend, overlapped?.address ?? 0, buffers, flags))
}
