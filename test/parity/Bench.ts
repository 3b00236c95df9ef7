// A provider's answers to a scenario, at the level of the seam: what was returned, which codes, what came.
import type { Block, Extensions, Handle, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import type { ExtensionName } from "@effect-winsock/core/Signatures"
import * as Flags from "@effect-winsock/schema/Flags"
import * as Guids from "@effect-winsock/schema/Guids"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as Layout from "@effect-winsock/schema/Layout"
import { STATUS_PENDING } from "@effect-winsock/schema/NtStatus"
import * as Structs from "@effect-winsock/schema/Structs"
import type { Kind, Way } from "./Steps.ts"

/** What the memory is filled with before a call, to see what the call leaves alone. */
const untouched = 0xee

const WSA_IO_PENDING = 997

export interface Party {
  readonly kind: Kind
  handle: SocketHandle
  open: boolean
}

/** An overlapped call and its memory: OVERLAPPED, count, flags, address and its length, WSABUF, WSAMSG, control data, payload. */
export interface Posted {
  readonly number: number
  readonly name: string
  readonly party: Party
  readonly block: Block
  readonly capacity: number
  readonly event: Handle | undefined
  /** Whether the call was accepted, so that it must end. */
  begun: boolean
  ended: boolean
  /** What it says of its end besides status and count. */
  readonly tells: (bytes: number) => string
}

export const at = {
  overlapped: 0,
  count: 40,
  flags: 44,
  length: 48,
  buffers: 64,
  message: 112,
  name: 176,
  control: 224,
  payload: 352
} as const

const maxPackets = 32

export class Bench {
  readonly seam: Seam
  readonly way: Way
  readonly parties: Array<Party> = []
  readonly posted: Array<Posted> = []
  private readonly blocks: Array<Block> = []
  private readonly ports = new Map<string, string>()
  private readonly port: Handle
  private readonly entries: Block
  private readonly scratch: Block
  /** Ports of nobody, by kind. */
  private readonly dead = new Map<Kind, number>()
  private functions: Partial<Extensions> = {}

  constructor(seam: Seam, way: Way, kinds: ReadonlyArray<Kind>) {
    this.seam = seam
    this.way = way
    this.entries = this.alloc(maxPackets * Structs.OVERLAPPED_ENTRY.size[seam.abi] + 16)
    this.scratch = this.alloc(256)
    this.port = seam.calls.CreateIoCompletionPort(-1, 0, 0, 1)
    for (const kind of kinds) this.open(kind)
  }

  get error(): number {
    return this.seam.calls.WSAGetLastError()
  }

  alloc(size: number): Block {
    const block = this.seam.memory.alloc(size)
    this.blocks.push(block)
    return block
  }

  /** A socket that never blocks, on the port where operations end there. */
  open(kind: Kind): Party {
    const { calls } = this.seam
    const family = kind.endsWith("6") ? Flags.AF_INET6 : Flags.AF_INET
    const type = kind.startsWith("udp") ? Flags.SOCK_DGRAM : Flags.SOCK_STREAM
    const flags = Flags.WSA_FLAG_OVERLAPPED | Flags.WSA_FLAG_NO_HANDLE_INHERIT
    return this.adopt(kind, calls.WSASocketW(family, type, 0, 0, 0, flags))
  }

  adopt(kind: Kind, handle: SocketHandle): Party {
    const party = { kind, handle, open: true }
    this.parties.push(party)
    const block = this.scratch
    block.view.setUint32(0, 1, true)
    this.seam.calls.ioctlsocket(handle, Ioctls.FIONBIO, block.address)
    if (this.way === "port") this.seam.calls.CreateIoCompletionPort(handle, this.port, this.parties.length, 0)
    return party
  }

  party(index: number): Party {
    return this.parties[index % this.parties.length]
  }

  /** The handle, INVALID_SOCKET once closed: its number may be another's. */
  handle(party: Party): SocketHandle | -1 {
    return party.open ? party.handle : -1
  }

  extension<K extends ExtensionName>(party: Party, name: K): Extensions[K] {
    const known = this.functions[name]
    if (known !== undefined) return known
    const block = this.alloc(64)
    block.bytes.set(Guids.toBytes(Guids.extensions[name]))
    const width = Layout.pointerSize(this.seam.abi)
    const { address } = block
    const code = Ioctls.SIO_GET_EXTENSION_FUNCTION_POINTER
    // another socket's would do, but this one may be closed
    const { handle } = this.parties.find(({ kind, open }) => open && kind === party.kind) ?? this.open(party.kind)
    this.seam.calls.WSAIoctl(handle, code, address, 16, address + 16, width, address + 40, 0, 0)
    const f = this.seam.bind(name, Layout.readPointer(this.seam.abi, block.view, 16))
    this.functions = { ...this.functions, [name]: f }
    return f
  }

  /** Writes an address of the loopback interface, or the wildcard, and returns its length. */
  writeAddress(block: Block, offset: number, v6: boolean, port: number, ip: "loopback" | "any" | "foreign"): number {
    const { bytes, view } = block
    bytes.fill(0, offset, offset + 28)
    view.setUint16(offset, v6 ? Flags.AF_INET6 : Flags.AF_INET, true)
    view.setUint16(offset + 2, port)
    if (v6) {
      if (ip === "loopback") bytes[offset + 23] = 1
      if (ip === "foreign") view.setUint32(offset + 8, 0x2001_0db8)
    } else {
      view.setUint32(offset + 4, ip === "loopback" ? 0x7f00_0001 : ip === "foreign" ? 0xc633_6401 : 0)
    }
    return v6 ? 28 : 16
  }

  /** The port that the party is bound to; 0 where it is not. */
  portOf(party: Party): number {
    const block = this.scratch
    block.view.setInt32(128, 64, true)
    if (this.seam.calls.getsockname(this.handle(party), block.address + 64, block.address + 128) !== 0) return 0
    return block.view.getUint16(66)
  }

  /** A port that nobody has. */
  deadPort(kind: Kind): number {
    const known = this.dead.get(kind)
    if (known !== undefined) return known
    const { calls } = this.seam
    const v6 = kind.endsWith("6")
    const type = kind.startsWith("udp") ? Flags.SOCK_DGRAM : Flags.SOCK_STREAM
    const s = calls.WSASocketW(v6 ? Flags.AF_INET6 : Flags.AF_INET, type, 0, 0, 0, Flags.WSA_FLAG_OVERLAPPED)
    const length = this.writeAddress(this.scratch, 0, v6, 0, "loopback")
    calls.bind(s, this.scratch.address, length)
    const party: Party = { kind, handle: s, open: true }
    const port = this.portOf(party)
    calls.closesocket(s)
    this.dead.set(kind, port)
    this.ports.set(`${kind} ${port}`, "dead")
    return port
  }

  /** An address as the trace has it: ports by the order in which they were seen. */
  addressText(kind: Kind, block: Block, offset: number, length: number): string {
    const { bytes, view } = block
    const family = view.getUint16(offset, true)
    if (length < 16) return `short ${length}`
    const v6 = family === Flags.AF_INET6
    if (!v6 && family !== Flags.AF_INET) return `family ${family}`
    const ip = v6
      ? Array.from(bytes.slice(offset + 8, offset + 24), (byte) => byte.toString(16)).join("")
      : Array.from(bytes.slice(offset + 4, offset + 8)).join(".")
    const port = view.getUint16(offset + 2)
    return `${ip}:${this.portText(kind, port)}`
  }

  private portText(kind: Kind, port: number): string {
    if (port === 0) return "0"
    const key = `${kind} ${port}`
    const known = this.ports.get(key)
    if (known !== undefined) return known
    const name = `p${this.ports.size + 1}`
    this.ports.set(key, name)
    return name
  }

  /** `"ok"` or the code of a call that returns SOCKET_ERROR where it fails. */
  code(result: number): string {
    return result === 0 ? "ok" : String(this.error)
  }

  /** The same of a call that returns a BOOL. */
  bool(result: number): string {
    return result !== 0 ? "ok" : String(this.error)
  }

  /** Memory for a call, as if for an overlapped one. */
  post(name: string, party: Party, capacity: number, tells: (posted: Posted, bytes: number) => string): Posted {
    const block = this.alloc(at.payload + Math.max(capacity, 128))
    block.bytes.fill(untouched, at.payload)
    block.view.setUint32(at.count, 0xeeee, true)
    const event = this.way === "event" ? this.seam.calls.WSACreateEvent() : undefined
    const overlapped = Structs.OVERLAPPED.view(this.seam.abi, block.view, at.overlapped)
    if (event !== undefined) overlapped.hEvent = event
    const buffer = Structs.WSABUF.view(this.seam.abi, block.view, at.buffers)
    buffer.len = capacity
    buffer.buf = block.address + at.payload
    const posted: Posted = {
      number: this.posted.length + 1,
      name,
      party,
      block,
      capacity,
      event,
      begun: false,
      ended: false,
      tells: (bytes) => tells(posted, bytes)
    }
    return posted
  }

  /** Enters an overlapped call, and says how it was taken. */
  taken(posted: Posted, ok: boolean): string {
    const error = ok ? 0 : this.error
    this.posted.push(posted)
    posted.begun = ok || error === WSA_IO_PENDING
    // which of the two it is, is the kernel's choice
    return posted.begun ? `o${posted.number} taken` : `o${posted.number} refused ${error}`
  }

  isPending(posted: Posted): boolean {
    return posted.begun && !posted.ended
  }

  statusOf(posted: Posted): number {
    return Structs.OVERLAPPED.view(this.seam.abi, posted.block.view, at.overlapped).Internal
  }

  text(block: Block, length: number): string {
    const shown = Math.max(0, Math.min(length, 12))
    const text = Array.from(block.bytes.slice(at.payload, at.payload + shown), (byte) => String.fromCharCode(byte))
    return `"${text.join("")}"${length > shown ? "…" : ""}`
  }

  /** The operations that have ended by now, oldest first; waits up to `timeout` milliseconds for a first one. */
  ends(timeout: number): ReadonlyArray<{ readonly operation: number; readonly line: string }> {
    const found = this.way === "port" ? this.packets(timeout) : this.events(timeout)
    return found.toSorted((x, y) => x.operation - y.operation)
  }

  private packets(timeout: number): Array<{ operation: number; line: string }> {
    const { abi, calls } = this.seam
    const stride = Structs.OVERLAPPED_ENTRY.size[abi]
    const { address, view } = this.entries
    const removed = maxPackets * stride
    if (calls.GetQueuedCompletionStatusEx(this.port, address, maxPackets, address + removed, timeout, 0) === 0)
      return []
    return Array.from({ length: view.getUint32(removed, true) }, (_, i) => {
      const entry = Structs.OVERLAPPED_ENTRY.view(abi, view, i * stride)
      const posted = this.posted.find(({ block }) => block.address === entry.lpOverlapped)
      if (posted === undefined) return { operation: 0, line: `a packet of nobody` }
      const twice = posted.ended ? " AGAIN" : ""
      const uncalled = posted.begun ? "" : " though refused"
      posted.ended = true
      const key = this.parties[entry.lpCompletionKey - 1] === posted.party ? "" : ` key of another`
      const told = entry.dwNumberOfBytesTransferred
      return { operation: posted.number, line: `${this.end(posted)}${twice}${uncalled}${key} packet ${told}` }
    })
  }

  private events(timeout: number): Array<{ operation: number; line: string }> {
    const { abi, calls } = this.seam
    const out: Array<{ operation: number; line: string }> = []
    for (const posted of this.posted) {
      if (!this.isPending(posted) || posted.event === undefined) continue
      Layout.writePointer(abi, this.scratch.view, 0, posted.event)
      const wait = out.length === 0 ? timeout : 0
      if (calls.WSAWaitForMultipleEvents(1, this.scratch.address, 0, wait, 0) !== 0) continue
      posted.ended = true
      out.push({ operation: posted.number, line: this.end(posted) })
    }
    return out
  }

  private end(posted: Posted): string {
    const overlapped = Structs.OVERLAPPED.view(this.seam.abi, posted.block.view, at.overlapped)
    const status = overlapped.Internal >>> 0
    const pending = status === STATUS_PENDING ? " still pending" : ""
    const bytes = overlapped.InternalHigh
    const told = posted.tells(bytes)
    const hex = status.toString(16).padStart(8, "0")
    return `o${posted.number} ${posted.name} ends ${hex} ${bytes}${pending}${told === "" ? "" : ` ${told}`}`
  }

  /** Ends what is left and gives all back. */
  close(): void {
    const { calls, memory } = this.seam
    for (const party of this.parties) if (party.open) calls.closesocket(party.handle)
    for (const { event } of this.posted) if (event !== undefined) calls.WSACloseEvent(event)
    calls.CloseHandle(this.port)
    // memory of what has not ended is the kernel's still
    const kept = new Set(this.posted.filter((posted) => this.isPending(posted)).map(({ block }) => block))
    for (const block of this.blocks) if (!kept.has(block)) memory.free(block)
  }
}
