// Streams on the bench: listening sockets, connected pairs, and calls that answer with bytes or an error.
import type { Block, SocketHandle } from "@effect-winsock/core/Seam"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Effect from "effect/Effect"
import { type Lab, u32 } from "./support.ts"

export interface StreamOptions {
  readonly v6?: boolean
  readonly dual?: boolean
  readonly blocking?: boolean
  readonly overlapped?: boolean
}

export const stream = (l: Lab, options: StreamOptions = {}): SocketHandle => {
  const family = options.v6 === true || options.dual === true ? Flags.AF_INET6 : Flags.AF_INET
  const flags = options.overlapped === false ? 0 : Flags.WSA_FLAG_OVERLAPPED
  const s = l.calls.WSASocketW(family, Flags.SOCK_STREAM, Flags.IPPROTO_TCP, 0, 0, flags)
  l.own(s, (s) => l.calls.closesocket(s))
  if (options.blocking !== true) l.ioctl(s, Ioctls.FIONBIO, u32(1))
  if (options.dual === true) l.setOption(s, Flags.IPPROTO_IPV6, 27, 0)
  return s
}

export const listening = (
  l: Lab,
  ip = "127.0.0.1",
  backlog = 5,
  options: StreamOptions = {}
): { readonly s: SocketHandle; readonly port: number } => {
  const s = stream(l, { v6: ip.includes(":"), ...options })
  if (l.bind(s, ip) !== 0) throw new Error(`bind failed with ${l.error}`)
  if (l.calls.listen(s, backlog) !== 0) throw new Error(`listen failed with ${l.error}`)
  return { s, port: l.portOf(s) }
}

/** The accepted socket, or the error. */
export const accept = (l: Lab, s: SocketHandle): SocketHandle => {
  const accepted = l.calls.accept(s, 0, 0)
  return l.own(accepted, (s) => l.calls.closesocket(s))
}

/** A connected client and the socket that was accepted for it. */
export const pair = (l: Lab, from: Lab = l, ip = "127.0.0.1") =>
  Effect.gen(function* () {
    const listener = listening(l, ip)
    const client = stream(from, { v6: ip.includes(":") })
    from.connect(client, ip, listener.port)
    yield* l.mock.settled
    const server = accept(l, listener.s)
    if (server === -1) throw new Error(`accept failed with ${l.error}`)
    return { client, server, listener: listener.s, port: listener.port }
  })

export interface Buffers {
  readonly block: Block
  readonly address: number
  readonly count: number
  readonly at: ReadonlyArray<number>
  readonly bytesAt: number
  readonly flagsAt: number
}

/** Buffers of the sizes with their WSABUFs, and room for a count and flags. */
export const buffers = (l: Lab, sizes: ReadonlyArray<number>): Buffers => {
  const { abi } = l.seam
  const stride = Structs.WSABUF.size[abi]
  const first = 16 + sizes.length * stride
  const block = l.alloc(first + sizes.reduce((sum, size) => sum + size, 0))
  let next = first
  const at = sizes.map((size, i) => {
    const buffer = Structs.WSABUF.view(abi, block.view, 16 + i * stride)
    buffer.len = size
    buffer.buf = block.address + next
    const here = next
    next += size
    return here
  })
  return {
    block,
    address: block.address + 16,
    count: sizes.length,
    at,
    bytesAt: block.address,
    flagsAt: block.address + 4
  }
}

const fill = (b: Buffers, text: string): Buffers => {
  for (let i = 0; i < text.length; i++) b.block.bytes[b.at[0] + i] = text.charCodeAt(i)
  return b
}

/** Sends without waiting: the count, or the error negated. */
export const send = (l: Lab, s: SocketHandle, data: string | number, flags = 0): number => {
  const b = typeof data === "string" ? fill(buffers(l, [data.length]), data) : buffers(l, [data])
  return l.calls.WSASend(s, b.address, b.count, b.bytesAt, flags, 0, 0) === 0
    ? b.block.view.getUint32(0, true)
    : -l.error
}

/** Posts a send: what it was given, and the call's error. */
export const postSend = (l: Lab, s: SocketHandle, data: string | number, flags = 0) => {
  const b = typeof data === "string" ? fill(buffers(l, [data.length]), data) : buffers(l, [data])
  const overlapped = l.overlapped()
  const code = l.calls.WSASend(s, b.address, b.count, 0, flags, overlapped.address, 0) === 0 ? 0 : l.error
  return { ...overlapped, buffers: b, code }
}

/** Receives without waiting: the text, or the error. */
export const receive = (l: Lab, s: SocketHandle, size = 64, flags = 0): string | number => {
  const b = buffers(l, [size])
  b.block.view.setUint32(4, flags, true)
  if (l.calls.WSARecv(s, b.address, b.count, b.bytesAt, b.flagsAt, 0, 0) !== 0) return l.error
  return l.text(b.block, b.at[0], b.block.view.getUint32(0, true))
}

/** How many bytes a receive without waiting gives, or the error negated. */
export const receiveCount = (l: Lab, s: SocketHandle, size: number): number => {
  const b = buffers(l, [size])
  if (l.calls.WSARecv(s, b.address, b.count, b.bytesAt, b.flagsAt, 0, 0) !== 0) return -l.error
  return b.block.view.getUint32(0, true)
}

/** Posts a receive. */
export const postReceive = (l: Lab, s: SocketHandle, sizes: ReadonlyArray<number> = [64], flags = 0) => {
  const b = buffers(l, sizes)
  b.block.view.setUint32(4, flags, true)
  const overlapped = l.overlapped()
  const code = l.calls.WSARecv(s, b.address, b.count, 0, b.flagsAt, overlapped.address, 0) === 0 ? 0 : l.error
  const text = (i = 0): string => l.text(b.block, b.at[i], sizes[i])
  return { ...overlapped, buffers: b, code, text }
}

/** Posts an AcceptEx; room for addresses as the documentation asks. */
export const postAccept = (
  l: Lab,
  listener: SocketHandle,
  acceptor: SocketHandle,
  options: { readonly data?: number; readonly local?: number; readonly remote?: number } = {}
) => {
  const data = options.data ?? 0
  const local = options.local ?? 44
  const remote = options.remote ?? 44
  const output = l.alloc(data + 96)
  const overlapped = l.overlapped()
  const AcceptEx = l.extension(listener, "AcceptEx")
  const rc = AcceptEx(listener, acceptor, output.address, data, local, remote, 0, overlapped.address)
  return { ...overlapped, output, code: rc !== 0 ? 0 : l.error }
}

/** Posts a ConnectEx. */
export const postConnect = (l: Lab, s: SocketHandle, ip: string, port: number, text = "") => {
  const to = l.address(ip, port)
  const data = l.alloc(Math.max(text.length, 1))
  for (let i = 0; i < text.length; i++) data.bytes[i] = text.charCodeAt(i)
  const overlapped = l.overlapped()
  const ConnectEx = l.extension(s, "ConnectEx")
  const address = text === "" ? 0 : data.address
  const rc = ConnectEx(s, to.address, to.length, address, text.length, 0, overlapped.address)
  return { ...overlapped, data, code: rc !== 0 ? 0 : l.error }
}

export const updateAcceptContext = (l: Lab, s: SocketHandle, listener: SocketHandle): number => {
  const block = l.alloc(8)
  Layout.writePointer(l.seam.abi, block.view, 0, listener)
  const size = Layout.pointerSize(l.seam.abi)
  return l.calls.setsockopt(s, Flags.SOL_SOCKET, 0x700b, block.address, size) === 0 ? 0 : l.error
}

export const updateConnectContext = (l: Lab, s: SocketHandle): number =>
  l.calls.setsockopt(s, Flags.SOL_SOCKET, 0x7010, 0, 0) === 0 ? 0 : l.error

/** The states of the machine's TCP sockets and connections, sorted. */
export const states = (l: Lab) =>
  Effect.map(l.mock.sockets, (sockets) =>
    sockets.flatMap(({ state }) => (state === undefined ? [] : [state])).toSorted()
  )
