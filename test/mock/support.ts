// A bench for raw calls: blocks, sockets and messages of one simulated machine, all given back when the scope closes.
import type {
  Block,
  Calls,
  CompletionRoutine,
  Extensions,
  Handle,
  Routine,
  Seam,
  SocketHandle
} from "@effect-winsock/core/Seam"
import type { ExtensionName } from "@effect-winsock/core/Signatures"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"

export interface Packet {
  readonly key: number
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
}

export interface ControlMessage {
  readonly level: number
  readonly type: number
  readonly data: ReadonlyArray<number>
}

const ipBytes = (text: string): ReadonlyArray<number> => {
  const ip = NetAddress.ipFromStringUnsafe(text)
  return NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip)
}

/** A WSAMSG with its name, control buffer and payload buffers in one block. */
export class Message {
  readonly lab: Lab
  readonly block: Block
  readonly view: Layout.View<typeof Structs.WSAMSG.fields>
  readonly nameAt: number
  readonly controlAt: number
  readonly payloadAt: ReadonlyArray<number>
  readonly sizes: ReadonlyArray<number>
  constructor(lab: Lab, sizes: ReadonlyArray<number>, control: number, name: boolean) {
    const { abi } = lab.seam
    const nameAt = 64
    const buffersAt = nameAt + 32
    const controlAt = buffersAt + sizes.length * 16
    const first = controlAt + ((control + 15) & ~15)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    this.lab = lab
    this.sizes = sizes
    this.block = lab.alloc(first + total)
    this.nameAt = nameAt
    this.controlAt = controlAt
    this.view = Structs.WSAMSG.view(abi, this.block.view, 0)
    const { address, view } = this.block
    let at = first
    this.payloadAt = sizes.map((size, i) => {
      const buffer = Structs.WSABUF.view(abi, view, buffersAt + i * Structs.WSABUF.size[abi])
      buffer.len = size
      buffer.buf = address + at
      const here = at
      at += size
      return here
    })
    this.view.lpBuffers = address + buffersAt
    this.view.dwBufferCount = sizes.length
    if (control > 0) {
      this.view.Control.buf = address + controlAt
      this.view.Control.len = control
    }
    if (name) {
      this.view.name = address + nameAt
      this.view.namelen = 32
    }
  }
  get address(): number {
    return this.block.address
  }
  get text(): string {
    return this.lab.text(this.block, this.payloadAt[0], this.sizes[0])
  }
  /** What the kernel wrote as the sender. */
  get from(): string {
    const { view } = this.block
    const v6 = view.getUint16(this.nameAt, true) === Flags.AF_INET6
    const bytes = this.block.bytes.slice(this.nameAt + (v6 ? 8 : 4), this.nameAt + (v6 ? 24 : 8))
    const ip = v6 ? NetAddress.ipv6FromBytesUnsafe(bytes) : NetAddress.ipv4FromBytesUnsafe(bytes)
    return `${NetAddress.formatIp(ip)} ${view.getUint16(this.nameAt + 2, false)}`
  }
  to(ip: string, port: number): this {
    this.view.name = this.block.address + this.nameAt
    this.view.namelen = this.lab.writeAddress(this.block, this.nameAt, ip, port)
    return this
  }
  get controls(): Array<ControlMessage> {
    const width = Layout.pointerSize(this.lab.seam.abi)
    const header = width + 8
    const out: Array<ControlMessage> = []
    const { bytes, view } = this.block
    for (let at = this.controlAt; at < this.controlAt + this.view.Control.len;) {
      const length = view.getUint32(at, true)
      out.push({
        level: view.getInt32(at + width, true),
        type: view.getInt32(at + width + 4, true),
        data: Array.from(bytes.slice(at + header, at + length))
      })
      at += (length + width - 1) & ~(width - 1)
    }
    return out
  }
  set controls(messages: ReadonlyArray<ControlMessage>) {
    const width = Layout.pointerSize(this.lab.seam.abi)
    const header = width + 8
    const { bytes, view } = this.block
    let at = this.controlAt
    for (const { data, level, type } of messages) {
      view.setUint32(at, header + data.length, true)
      view.setInt32(at + width, level, true)
      view.setInt32(at + width + 4, type, true)
      bytes.set(data, at + header)
      at += (header + data.length + width - 1) & ~(width - 1)
    }
    this.view.Control.buf = this.block.address + this.controlAt
    this.view.Control.len = at - this.controlAt
  }
}

export const u32 = (n: number): Array<number> => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24]

export class Lab {
  readonly mock: MockWinsock.Mock
  readonly seam: Seam
  readonly calls: Calls
  private readonly blocks: Array<Block> = []
  private readonly routines: Array<Routine> = []
  private readonly handles = new Map<number, () => void>()
  private functions: Partial<Extensions> = {}

  constructor(mock: MockWinsock.Mock) {
    this.mock = mock
    this.seam = mock.seam
    this.calls = mock.seam.calls
  }

  get error(): number {
    return this.calls.WSAGetLastError()
  }

  alloc(size: number): Block {
    const block = this.seam.memory.alloc(size)
    this.blocks.push(block)
    return block
  }

  /** The address of a completion routine, which is taken back when all else is. */
  routine(run: CompletionRoutine, queued?: () => void): number {
    const routine = this.seam.routine(run, queued)
    this.routines.push(routine)
    return routine.address
  }

  text(block: Block, at: number, length: number): string {
    return Array.from(block.bytes.slice(at, at + length), (byte) => (byte === 0 ? "" : String.fromCharCode(byte))).join(
      ""
    )
  }

  close(): void {
    for (const end of Array.from(this.handles.values())) end()
    this.calls.WSACleanup()
    if (this.routines.length > 0) this.calls.SleepEx(0, 1)
    for (const { release } of this.routines) release()
    for (const block of this.blocks) this.seam.memory.free(block)
  }

  /** Keeps a handle to be closed at the end, unless `closed` says that the test did. */
  own<H extends Handle | SocketHandle>(handle: H, end: (handle: H) => void): H {
    if ((handle as number) > 0) this.handles.set(handle, () => end(handle))
    return handle
  }

  disown(handle: number): void {
    this.handles.delete(handle)
  }

  socket(options: { v6?: boolean; blocking?: boolean; overlapped?: boolean; dual?: boolean } = {}): SocketHandle {
    const family = options.v6 === true || options.dual === true ? Flags.AF_INET6 : Flags.AF_INET
    const flags = options.overlapped === false ? 0 : Flags.WSA_FLAG_OVERLAPPED
    const s = this.calls.WSASocketW(family, Flags.SOCK_DGRAM, Flags.IPPROTO_UDP, 0, 0, flags)
    this.own(s, (s) => this.calls.closesocket(s))
    if (options.blocking !== true) this.ioctl(s, Ioctls.FIONBIO, u32(1))
    if (options.dual === true) this.setOption(s, Flags.IPPROTO_IPV6, 27, 0)
    return s
  }

  closesocket(s: SocketHandle): number {
    this.disown(s)
    return this.calls.closesocket(s)
  }

  writeAddress(block: Block, at: number, ip: string, port: number): number {
    const bytes = ipBytes(ip)
    const v6 = bytes.length === 16
    block.view.setUint16(at, v6 ? Flags.AF_INET6 : Flags.AF_INET, true)
    block.view.setUint16(at + 2, port, false)
    block.bytes.set(bytes, at + (v6 ? 8 : 4))
    return v6 ? 28 : 16
  }

  /** A block with a socket address. */
  address(ip: string, port: number): { readonly address: number; readonly length: number } {
    const block = this.alloc(32)
    return { length: this.writeAddress(block, 0, ip, port), address: block.address }
  }

  bind(s: SocketHandle, ip: string, port = 0): number {
    const to = this.address(ip, port)
    return this.calls.bind(s, to.address, to.length)
  }

  connect(s: SocketHandle, ip: string, port: number): number {
    const to = this.address(ip, port)
    return this.calls.connect(s, to.address, to.length)
  }

  private named(call: (name: number, length: number) => number): string | undefined {
    const block = this.alloc(48)
    block.view.setInt32(32, 32, true)
    if (call(block.address, block.address + 32) !== 0) return undefined
    const v6 = block.view.getUint16(0, true) === Flags.AF_INET6
    const bytes = block.bytes.slice(v6 ? 8 : 4, v6 ? 24 : 8)
    const ip = v6 ? NetAddress.ipv6FromBytesUnsafe(bytes) : NetAddress.ipv4FromBytesUnsafe(bytes)
    return `${NetAddress.formatIp(ip)} ${block.view.getUint16(2, false)}`
  }

  /** "ip port" of the socket, undefined when the call failed. */
  name(s: SocketHandle): string | undefined {
    return this.named((name, length) => this.calls.getsockname(s, name, length))
  }

  peer(s: SocketHandle): string | undefined {
    return this.named((name, length) => this.calls.getpeername(s, name, length))
  }

  portOf(s: SocketHandle): number {
    return Number(this.name(s)?.split(" ")[1])
  }

  /** A socket bound to the address, and its port. */
  bound(
    ip = "127.0.0.1",
    options: { v6?: boolean; blocking?: boolean; overlapped?: boolean; dual?: boolean } = {}
  ): { readonly s: SocketHandle; readonly port: number } {
    const s = this.socket({ v6: ip.includes(":"), ...options })
    if (this.bind(s, ip) !== 0) throw new Error(`bind failed with ${this.error}`)
    return { s, port: this.portOf(s) }
  }

  setOption(s: SocketHandle, level: number, name: number, value: number): number {
    const block = this.alloc(4)
    block.view.setInt32(0, value, true)
    return this.calls.setsockopt(s, level, name, block.address, 4)
  }

  /** The option's value, undefined when the call failed. */
  option(s: SocketHandle, level: number, name: number): number | undefined {
    const block = this.alloc(8)
    block.view.setInt32(4, 4, true)
    const rc = this.calls.getsockopt(s, level, name, block.address, block.address + 4)
    return rc === 0 ? block.view.getInt32(0, true) : undefined
  }

  ioctl(s: SocketHandle, code: number, input: ReadonlyArray<number>, output = 0): Block | undefined {
    const block = this.alloc(16 + 64)
    block.bytes.set(input, 16)
    const rc = this.calls.WSAIoctl(
      s,
      code,
      input.length === 0 ? 0 : block.address + 16,
      input.length,
      output === 0 ? 0 : block.address + 48,
      output,
      block.address,
      0,
      0
    )
    return rc === 0 ? block : undefined
  }

  extension<K extends ExtensionName>(s: SocketHandle, name: K): Extensions[K] {
    const known = this.functions[name]
    if (known !== undefined) return known
    const width = Layout.pointerSize(this.seam.abi)
    const guid = Array.from(Guids.toBytes(Guids.extensions[name]))
    const block = this.ioctl(s, Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER, guid, width)
    if (block === undefined) throw new Error(`${name} is not there: ${this.error}`)
    const f = this.seam.bind(name, Layout.readPointer(this.seam.abi, block.view, 48))
    this.functions = { ...this.functions, [name]: f }
    return f
  }

  message(options: { sizes?: ReadonlyArray<number>; control?: number; name?: boolean } = {}): Message {
    return new Message(this, options.sizes ?? [64], options.control ?? 0, options.name ?? true)
  }

  /** A message that carries the text, one buffer per part. */
  outgoing(...parts: ReadonlyArray<string>): Message {
    const message = new Message(
      this,
      parts.map((part) => part.length),
      256,
      false
    )
    message.view.Control.len = 0
    parts.forEach((part, i) => {
      for (let j = 0; j < part.length; j++) message.block.bytes[message.payloadAt[i] + j] = part.charCodeAt(j)
    })
    return message
  }

  overlapped(hEvent = 0): { readonly address: number; readonly view: Layout.View<typeof Structs.OVERLAPPED.fields> } {
    const block = this.alloc(Structs.OVERLAPPED.size[this.seam.abi])
    const view = Structs.OVERLAPPED.view(this.seam.abi, block.view, 0)
    view.InternalHigh = 7777
    view.hEvent = hEvent
    return { address: block.address, view }
  }

  /** WSARecvMsg: 0, or the error. */
  recvMsg(s: SocketHandle, message: Message, overlapped = 0): number {
    const bytes = overlapped === 0 ? this.alloc(4).address : 0
    return this.extension(s, "WSARecvMsg")(s, message.address, bytes, overlapped, 0) === 0 ? 0 : this.error
  }

  /** WSASendMsg: 0, or the error. */
  sendMsg(s: SocketHandle, message: Message, overlapped = 0): number {
    const bytes = this.alloc(4).address
    return this.calls.WSASendMsg(s, message.address, 0, bytes, overlapped, 0) === 0 ? 0 : this.error
  }

  send(s: SocketHandle, text: string, ip: string, port: number): number {
    return this.sendMsg(s, this.outgoing(text).to(ip, port))
  }

  /** Receives without waiting: the text, or the error. */
  receive(s: SocketHandle): string | number {
    const message = this.message()
    const code = this.recvMsg(s, message)
    return code === 0 ? message.text : code
  }

  completionPort(...sockets: ReadonlyArray<SocketHandle>): Handle {
    const port = this.own(this.calls.CreateIoCompletionPort(-1, 0, 0, 1), (port) => this.calls.CloseHandle(port))
    for (const s of sockets) this.calls.CreateIoCompletionPort(s, port, s, 0)
    return port
  }

  event(): Handle {
    return this.own(this.calls.WSACreateEvent(), (event) => this.calls.WSACloseEvent(event))
  }

  isSignalled(event: Handle): boolean {
    const block = this.alloc(8)
    Layout.writePointer(this.seam.abi, block.view, 0, event)
    return this.calls.WSAWaitForMultipleEvents(1, block.address, 0, 0, 0) === 0
  }

  /** What the port has, oldest first. */
  packets(port: Handle, most = 64): Array<Packet> {
    const { abi } = this.seam
    const stride = Structs.OVERLAPPED_ENTRY.size[abi]
    const block = this.alloc(stride * most + 4)
    const removed = block.address + stride * most
    if (this.calls.GetQueuedCompletionStatusEx(port, block.address, most, removed, 0, 0) === 0) return []
    return this.readPackets(block, block.view.getUint32(stride * most, true))
  }

  readPackets(block: Block, count: number): Array<Packet> {
    const { abi } = this.seam
    return Array.from({ length: count }, (_, i) => {
      const entry = Structs.OVERLAPPED_ENTRY.view(abi, block.view, i * Structs.OVERLAPPED_ENTRY.size[abi])
      return {
        key: entry.lpCompletionKey,
        overlapped: entry.lpOverlapped,
        status: entry.Internal,
        bytes: entry.dwNumberOfBytesTransferred
      }
    })
  }
}

/** A started machine. */
export const lab = (options: MockWinsock.Options = {}): Effect.Effect<Lab, never, Scope.Scope> =>
  Effect.flatMap(MockWinsock.make(options), labOf)

export const labOf = (mock: MockWinsock.Mock): Effect.Effect<Lab, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const lab = new Lab(mock)
      const data = lab.alloc(512)
      lab.calls.WSAStartup(0x0202, data.address)
      return lab
    }),
    (lab) => Effect.sync(() => lab.close())
  )

export const kinds = (violations: ReadonlyArray<{ readonly kind: string }>): Array<string> =>
  violations.map(({ kind }) => kind)
