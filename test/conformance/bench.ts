// What a probe works with: raw calls, and memory, sockets, ports and events that are all given back at its end.
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
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Codes from "@effect-winsock/schema/WsaError"
import * as NetAddress from "effect/net/NetAddress"
import { Message } from "./message.ts"
import { CannotRun } from "./model.ts"

/** What a probe runs on. */
export interface Environment {
  readonly layer: "mock" | "native"
  readonly seam: Seam
  readonly processId: number
  /** Makes a file with that content; its path. */
  readonly file: (content: string) => string
  /** What only a simulated machine can be told to do. */
  readonly simulated?: Simulated
}

export interface Simulated {
  /** Makes a call fail with a code, until the function that it returns is called. */
  readonly fault: (call: FunctionName | ExtensionName, code: number) => () => void
  /** Lets the thread exit that has made the calls. */
  readonly threadExit: () => void
}

export interface SocketOptions {
  readonly v6?: boolean
  /** An IPv6 socket for both families. */
  readonly dual?: boolean
  readonly type?: number
  readonly protocol?: number
  readonly overlapped?: boolean
  /** FIONBIO is on unless this says otherwise: a probe must not wait on the JS thread. */
  readonly blocking?: boolean
}

/** An OVERLAPPED and the name that observations give it. */
export interface Overlapped {
  readonly label: string
  readonly address: number
  readonly view: Layout.View<typeof Structs.OVERLAPPED.fields>
}

export interface Packet {
  readonly label: string
  readonly key: number
  readonly status: string
  readonly bytes: number
}

/** A call's further arguments. */
export interface CallOptions {
  readonly overlapped?: Overlapped
  readonly routine?: Routine
  /** Where the byte count goes; a word of the bench's own, `bench.bytes`, unless given (0 is NULL). */
  readonly bytesAt?: number
  readonly flags?: number
}

export const nameOfCode = (code: number): string => (code === 0 ? "ok" : (Codes.nameOf(code) ?? String(code)))

export const nameOfStatus = (status: number): string =>
  NtStatus.nameOf(status) ?? `0x${status.toString(16).padStart(8, "0")}`

export const namesOfFlags = (flags: number): string => Flags.messageFlagsOf(flags).join("|") || "none"

export const describe = (packets: ReadonlyArray<Packet>): string =>
  packets.length === 0 ? "none" : packets.map(({ bytes, label, status }) => `${label} ${status} ${bytes}`).join(", ")

/** Bytes of an address's text. */
const ipBytes = (text: string): ReadonlyArray<number> => {
  const ip = NetAddress.ipFromStringUnsafe(text)
  return NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip)
}

const ipText = (bytes: Uint8Array): string =>
  NetAddress.formatIp(
    bytes.length === 4 ? NetAddress.ipv4FromBytesUnsafe(bytes) : NetAddress.ipv6FromBytesUnsafe(bytes)
  )

/** How long a probe waits for what should come, in milliseconds. */
const patience = 3000

// what untouched memory is filled with
export const untouched = 7777

export class Bench {
  readonly seam: Seam
  readonly calls: Calls
  readonly abi: Layout.Abi
  readonly environment: Environment
  /** Where calls write their byte count; see `byteCount`. */
  readonly bytes: Block
  /** Where calls read and write their flags. */
  readonly flags: Block
  private readonly blocks: Array<Block> = []
  private entries: Block | undefined = undefined
  private word: Block | undefined = undefined
  private readonly sockets = new Set<SocketHandle>()
  private readonly handles = new Set<Handle>()
  private readonly events = new Set<Handle>()
  private readonly files = new Set<Handle>()
  private readonly operations: Array<Overlapped> = []
  private readonly routines: Array<Routine> = []
  private readonly faults: Array<() => void> = []
  private readonly underWay = new Set<Promise<unknown>>()

  constructor(environment: Environment) {
    this.environment = environment
    this.seam = environment.seam
    this.calls = environment.seam.calls
    this.abi = environment.seam.abi
    this.bytes = this.alloc(16)
    this.flags = this.alloc(16)
  }

  // --- memory and names ---

  alloc(size: number): Block {
    const block = this.seam.memory.alloc(size)
    this.blocks.push(block)
    return block
  }

  u32(...values: ReadonlyArray<number>): Block {
    const block = this.alloc(values.length * 4)
    values.forEach((value, i) => block.view.setUint32(i * 4, value >>> 0, true))
    return block
  }

  /** The last error's name. */
  get error(): string {
    return nameOfCode(this.calls.WSAGetLastError())
  }

  /** Of a call that returns 0 or SOCKET_ERROR. */
  result(rc: number): string {
    return rc === 0 ? "ok" : this.error
  }

  /** Of a call that returns TRUE or FALSE. */
  success(rc: number): string {
    return rc !== 0 ? "ok" : this.error
  }

  // --- what only a simulated machine does ---

  private get simulated(): Simulated {
    const { simulated } = this.environment
    if (simulated === undefined) throw new CannotRun("on a simulated machine only")
    return simulated
  }

  /** Makes a call fail with a code, to the end of the probe. */
  faulty(call: FunctionName | ExtensionName, code: string): void {
    this.faults.push(this.simulated.fault(call, Codes[code as keyof typeof Codes] as number))
  }

  /** Lets the thread exit that has made the calls. */
  threadExit(): void {
    this.simulated.threadExit()
  }

  // --- sockets ---

  socket(options: SocketOptions = {}): SocketHandle {
    const { type = Flags.SOCK_DGRAM, protocol = 0 } = options
    const family = options.v6 === true || options.dual === true ? Flags.AF_INET6 : Flags.AF_INET
    const flags = (options.overlapped === false ? 0 : Flags.WSA_FLAG_OVERLAPPED) | Flags.WSA_FLAG_NO_HANDLE_INHERIT
    const s = this.calls.WSASocketW(family, type, protocol, 0, 0, flags)
    if (s === -1) throw new CannotRun(`WSASocketW answers ${this.error}`)
    this.sockets.add(s)
    if (options.blocking !== true) this.nonBlocking(s)
    if (options.dual === true) this.setOption(s, Flags.IPPROTO_IPV6, Options.IPV6_V6ONLY, 0)
    return s
  }

  nonBlocking(s: SocketHandle): SocketHandle {
    this.calls.ioctlsocket(s, Ioctls.FIONBIO, this.u32(1).address)
    return s
  }

  own(s: SocketHandle): SocketHandle {
    this.sockets.add(s)
    return s
  }

  close(s: SocketHandle): string {
    this.sockets.delete(s)
    return this.result(this.calls.closesocket(s))
  }

  writeAddress(block: Block, at: number, ip: string, port: number): number {
    const bytes = ipBytes(ip)
    const v6 = bytes.length === 16
    block.view.setUint16(at, v6 ? Flags.AF_INET6 : Flags.AF_INET, true)
    block.view.setUint16(at + 2, port, false)
    block.bytes.set(bytes, at + (v6 ? 8 : 4))
    return v6 ? 28 : 16
  }

  address(ip: string, port: number): { readonly address: number; readonly length: number } {
    const block = this.alloc(32)
    return { length: this.writeAddress(block, 0, ip, port), address: block.address }
  }

  readAddress(block: Block, at: number): { readonly ip: string; readonly port: number } {
    const v6 = block.view.getUint16(at, true) === Flags.AF_INET6
    const ip = ipText(block.bytes.slice(at + (v6 ? 8 : 4), at + (v6 ? 24 : 8)))
    return { ip, port: block.view.getUint16(at + 2, false) }
  }

  bind(s: SocketHandle, ip: string, port = 0): string {
    const to = this.address(ip, port)
    return this.result(this.calls.bind(s, to.address, to.length))
  }

  connect(s: SocketHandle, ip: string, port: number): string {
    const to = this.address(ip, port)
    return this.result(this.calls.connect(s, to.address, to.length))
  }

  /** What the socket is bound to, or the error's name. */
  name(s: SocketHandle): { readonly ip: string; readonly port: number } | string {
    const block = this.alloc(40)
    block.view.setInt32(32, 32, true)
    const rc = this.calls.getsockname(s, block.address, block.address + 32)
    return rc === 0 ? this.readAddress(block, 0) : this.error
  }

  /** "0.0.0.0, a port", or the error's name. */
  nameText(s: SocketHandle): string {
    const name = this.name(s)
    return typeof name === "string" ? name : `${name.ip}, ${name.port === 0 ? "no port" : "a port"}`
  }

  bound(ip = "127.0.0.1", options: SocketOptions = {}): { readonly s: SocketHandle; readonly port: number } {
    const s = this.socket({ v6: ip.includes(":"), ...options })
    const rc = this.bind(s, ip)
    if (rc !== "ok") throw new CannotRun(`bind to ${ip} answers ${rc}`)
    const name = this.name(s)
    if (typeof name === "string") throw new Error(`getsockname answers ${name}`)
    return { s, port: name.port }
  }

  /** A port that nobody has. */
  deadPort(ip = "127.0.0.1"): number {
    const { port, s } = this.bound(ip)
    this.close(s)
    return port
  }

  setOption(s: SocketHandle, level: number, name: number, value: number): string {
    return this.result(this.calls.setsockopt(s, level, name, this.u32(value).address, 4))
  }

  /** The option's value, or the error's name. */
  option(s: SocketHandle, level: number, name: number): number | string {
    const block = this.u32(0, 4)
    const rc = this.calls.getsockopt(s, level, name, block.address, block.address + 4)
    return rc === 0 ? block.view.getUint32(0, true) : this.error
  }

  /** WSAIoctl without an OVERLAPPED: the output, or the error's name. */
  ioctl(s: SocketHandle, code: number, input: ReadonlyArray<number> | Uint8Array, output = 0): Block | string {
    const block = this.alloc(Math.max(input.length, 1) + Math.max(output, 1))
    block.bytes.set(input)
    const from = input.length === 0 ? 0 : block.address
    const out = this.alloc(Math.max(output, 1))
    const { address } = this.bytes
    const rc = this.calls.WSAIoctl(s, code, from, input.length, output === 0 ? 0 : out.address, output, address, 0, 0)
    return rc === 0 ? out : this.error
  }

  extension<K extends ExtensionName>(s: SocketHandle, name: K): Extensions[K] {
    const width = Layout.pointerSize(this.abi)
    const out = this.ioctl(s, Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER, Guids.toBytes(Guids.extensions[name]), width)
    if (typeof out === "string") throw new CannotRun(`the address of ${name} is not told: ${out}`)
    return this.seam.bind(name, Layout.readPointer(this.abi, out.view, 0))
  }

  /** What the last call wrote as its byte count. */
  get byteCount(): number | "untouched" {
    const count = this.bytes.view.getUint32(0, true)
    return count === untouched ? "untouched" : count
  }

  /** Makes `byteCount` "untouched"; where it is. */
  forget(): number {
    this.bytes.view.setUint32(0, untouched, true)
    return this.bytes.address
  }

  // --- messages ---

  message(options: ConstructorParameters<typeof Message>[1] = {}): Message {
    return new Message(this, options)
  }

  /** A message that carries the text, one buffer per part. */
  outgoing(...parts: ReadonlyArray<string>): Message {
    const message = new Message(this, { sizes: parts.map((part) => part.length), control: 128, name: 0 })
    message.view.Control.len = 0
    message.view.Control.buf = 0
    parts.forEach((part, i) => message.write(i, part))
    return message
  }

  recvMsg(s: SocketHandle, message: Message, options: CallOptions = {}): string {
    const { overlapped, routine } = options
    const f = this.extension(s, "WSARecvMsg")
    const bytesAt = options.bytesAt ?? this.forget()
    return this.result(f(s, message.address, bytesAt, overlapped?.address ?? 0, routine?.address ?? 0))
  }

  recvFrom(s: SocketHandle, message: Message, options: CallOptions = {}): string {
    const { overlapped, routine, bytesAt = this.forget(), flags = 0 } = options
    this.flags.view.setUint32(0, flags, true)
    const rc = this.calls.WSARecvFrom(
      s,
      message.view.lpBuffers,
      message.view.dwBufferCount,
      bytesAt,
      this.flags.address,
      message.view.name,
      message.nameLengthAt,
      overlapped?.address ?? 0,
      routine?.address ?? 0
    )
    return this.result(rc)
  }

  recv(s: SocketHandle, message: Message, options: CallOptions = {}): string {
    const { overlapped, routine, bytesAt = this.forget(), flags = 0 } = options
    this.flags.view.setUint32(0, flags, true)
    const rc = this.calls.WSARecv(
      s,
      message.view.lpBuffers,
      message.view.dwBufferCount,
      bytesAt,
      this.flags.address,
      overlapped?.address ?? 0,
      routine?.address ?? 0
    )
    return this.result(rc)
  }

  sendMsg(s: SocketHandle, message: Message, options: CallOptions = {}): string {
    const { overlapped, routine, bytesAt = this.forget(), flags = 0 } = options
    const o = overlapped?.address ?? 0
    return this.result(this.calls.WSASendMsg(s, message.address, flags, bytesAt, o, routine?.address ?? 0))
  }

  sendTo(s: SocketHandle, message: Message, options: CallOptions = {}): string {
    const { overlapped, routine, bytesAt = this.forget(), flags = 0 } = options
    const rc = this.calls.WSASendTo(
      s,
      message.view.lpBuffers,
      message.view.dwBufferCount,
      bytesAt,
      flags,
      message.view.name,
      message.view.namelen,
      overlapped?.address ?? 0,
      routine?.address ?? 0
    )
    return this.result(rc)
  }

  /** Sends a text without an OVERLAPPED. */
  send(s: SocketHandle, text: string, ip: string, port: number): string {
    return this.sendTo(s, this.outgoing(text).to(ip, port))
  }

  /** Sends a text and waits until it can be received; throws when that fails. */
  async deliver(from: SocketHandle, text: string, to: SocketHandle, ip: string, port: number): Promise<void> {
    const waiting = this.readable(to) > 0
    const sent = this.send(from, text, ip, port)
    if (sent !== "ok") throw new Error(`the datagram could not be sent: ${sent}`)
    // behind another one it does not show
    if (waiting) await this.settle()
    else await this.arrival(to)
  }

  /** Waits until the socket has something to receive. */
  async arrival(s: SocketHandle): Promise<void> {
    const out = await this.until(() => (this.readable(s) > 0 ? true : undefined))
    if (out === undefined) throw new Error("the datagram did not arrive")
  }

  /** FIONREAD. */
  readable(s: SocketHandle): number {
    const block = (this.word ??= this.alloc(8))
    const rc = this.calls.ioctlsocket(s, Ioctls.FIONREAD, block.address)
    return rc === 0 ? block.view.getUint32(0, true) : 0
  }

  /** Takes what is queued, without waiting: the texts. */
  drain(s: SocketHandle): Array<string> {
    const texts: Array<string> = []
    for (;;) {
      const message = this.message({ sizes: [128] })
      if (this.recvFrom(s, message) !== "ok" || texts.length > 100) return texts
      texts.push(message.text())
    }
  }

  /** Loopback carries datagrams in order: when one sent now has arrived, everything sent before has. */
  async settle(): Promise<void> {
    const to = this.bound()
    const from = this.bound()
    await this.deliver(from.s, ".", to.s, "127.0.0.1", to.port)
    this.close(to.s)
    this.close(from.s)
  }

  // --- overlapped operations ---

  overlapped(label = "A", hEvent = 0): Overlapped {
    const block = this.alloc(Structs.OVERLAPPED.size[this.abi])
    const view = Structs.OVERLAPPED.view(this.abi, block.view, 0)
    view.InternalHigh = untouched
    view.hEvent = hEvent
    const overlapped = { label, address: block.address, view }
    this.operations.push(overlapped)
    return overlapped
  }

  /** The name of Internal. */
  status(overlapped: Overlapped): string {
    return nameOfStatus(overlapped.view.Internal)
  }

  /** Waits until Internal is not STATUS_PENDING; its name. */
  async completion(overlapped: Overlapped, bound = patience): Promise<string> {
    const { view } = overlapped
    await this.until(() => (view.Internal === NtStatus.STATUS_PENDING ? undefined : true), bound)
    return this.status(overlapped)
  }

  /** WSAGetOverlappedResult without waiting; the byte count is in `bytes`, the flags in `flags`. */
  overlappedResult(s: SocketHandle, overlapped: Overlapped): string {
    const { address } = overlapped
    return this.success(this.calls.WSAGetOverlappedResult(s, address, this.forget(), 0, this.flags.address))
  }

  routine(run: CompletionRoutine): Routine {
    const routine = this.seam.routine(run)
    this.routines.push(routine)
    return routine
  }

  port(...sockets: ReadonlyArray<SocketHandle>): Handle {
    const port = this.calls.CreateIoCompletionPort(-1, 0, 0, 1)
    this.handles.add(port)
    for (const s of sockets) this.associate(port, s)
    return port
  }

  associate(port: Handle, s: SocketHandle, key = 7): void {
    if (this.calls.CreateIoCompletionPort(s, port, key, 0) !== port) {
      throw new Error(`the socket does not go on the port: ${this.error}`)
    }
  }

  /** Closes the handle at the end. */
  keep(handle: Handle): Handle {
    this.files.add(handle)
    return handle
  }

  closePort(port: Handle): string {
    this.handles.delete(port)
    return this.success(this.calls.CloseHandle(port))
  }

  event(): Handle {
    const event = this.calls.WSACreateEvent()
    this.events.add(event)
    return event
  }

  /** Whether the event (or the socket) is signalled. */
  signalled(handle: Handle | SocketHandle): boolean {
    const block = (this.word ??= this.alloc(8))
    Layout.writePointer(this.abi, block.view, 0, handle)
    return this.calls.WSAWaitForMultipleEvents(1, block.address, 0, 0, 0) === 0
  }

  async signal(handle: Handle | SocketHandle): Promise<boolean> {
    return (await this.until(() => (this.signalled(handle) ? true : undefined))) === true
  }

  /** What the port has now. */
  dequeue(port: Handle): Array<Packet & { readonly overlapped: number }> {
    const most = 64
    const stride = Structs.OVERLAPPED_ENTRY.size[this.abi]
    // one for all: it is asked once a turn
    const block = (this.entries ??= this.alloc(stride * most + 4))
    const removed = block.address + stride * most
    if (this.calls.GetQueuedCompletionStatusEx(port, block.address, most, removed, 0, 0) === 0) return []
    return Array.from({ length: block.view.getUint32(stride * most, true) }, (_, i) => {
      const entry = Structs.OVERLAPPED_ENTRY.view(this.abi, block.view, i * stride)
      const own = this.operations.find(({ address }) => address === entry.lpOverlapped)
      return {
        label: own?.label ?? "?",
        overlapped: entry.lpOverlapped,
        key: entry.lpCompletionKey,
        status: nameOfStatus(entry.Internal),
        bytes: entry.dwNumberOfBytesTransferred
      }
    })
  }

  /** Waits for that many packets; those that came when they do not. */
  async packets(port: Handle, count = 1, bound = patience): Promise<Array<Packet>> {
    const packets: Array<Packet> = []
    await this.until(() => {
      packets.push(...this.dequeue(port))
      return packets.length >= count ? true : undefined
    }, bound)
    return packets
  }

  /** What is in the port now: the port is first in, first out, so all that comes before a packet posted now. */
  async queued(port: Handle): Promise<Array<Packet>> {
    const sentinel = this.alloc(16).address
    this.calls.PostQueuedCompletionStatus(port, 0, 0, sentinel)
    const packets: Array<Packet> = []
    await this.until(() => {
      const found = this.dequeue(port)
      const at = found.findIndex((packet) => packet.overlapped === sentinel)
      packets.push(...(at === -1 ? found : found.slice(0, at)))
      return at === -1 ? undefined : true
    })
    return packets
  }

  // --- time ---

  /** Looks once per turn of the event loop until there is something; undefined when the bound is over. */
  async until<A>(look: () => A | undefined, bound = patience): Promise<A | undefined> {
    const end = performance.now() + bound
    for (;;) {
      const found = look()
      if (found !== undefined || performance.now() > end) return found
      await this.turn()
    }
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.seam.host.schedule(resolve)
    })
  }

  /** Makes a call on another thread; it must have a bound of its own. */
  offThread<K extends FunctionName>(
    name: K,
    ...args: Parameters<Calls[K]>
  ): Promise<{ readonly result: number; readonly error: string }> {
    const made = new Promise<{ readonly result: number; readonly error: string }>((resolve) => {
      this.seam.offThread(name, args, (result, lastError) => {
        this.underWay.delete(made)
        resolve({ result: result as number, error: nameOfCode(lastError) })
      })
    })
    this.underWay.add(made)
    return made
  }

  // --- the end ---

  private get pending(): boolean {
    return this.operations.some(({ view }) => view.Internal === NtStatus.STATUS_PENDING)
  }

  /** Gives everything back. Memory of an operation that does not end stays the kernel's. */
  async release(): Promise<void> {
    for (const remove of this.faults) remove()
    for (const s of this.sockets) {
      this.calls.CancelIoEx(s, 0)
      this.calls.closesocket(s)
    }
    await Promise.all(this.underWay)
    const ended = (): true | undefined => (this.pending ? undefined : true)
    await this.until(ended, 1000)
    if (this.routines.length > 0) this.calls.SleepEx(0, 1)
    for (const { release } of this.routines) release()
    for (const handle of this.handles) {
      this.dequeue(handle)
      this.calls.CloseHandle(handle)
    }
    for (const event of this.events) this.calls.WSACloseEvent(event)
    for (const file of this.files) this.calls.CloseHandle(file)
    if (this.pending) return
    for (const block of this.blocks) this.seam.memory.free(block)
  }
}
