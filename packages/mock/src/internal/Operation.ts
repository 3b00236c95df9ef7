/**
 * One call in flight: what it asked for, captured at the call, and the memory that is the kernel's until it completes.
 */
import { OVERLAPPED, WSAMSG } from "@effect-winsock/schema/Structs"
import type { Datagram } from "./Datagram.ts"
import type { Late } from "./FaultRule.ts"
import type { MockMemory } from "./Memory.ts"
import type { Registered } from "./Routines.ts"
import { gather } from "./Buffers.ts"
import type { Site } from "./CallSite.ts"
import type { Kernel } from "./Kernel.ts"
import type { Socket } from "./Socket.ts"
import type { Thread } from "./Threads.ts"

export type OperationKind = "receive" | "send" | "ioctl" | "accept" | "connect" | "disconnect"

/**
 * - `idle`: being answered by its call
 * - `pending`: in its socket's list
 * - `cancelling`: in the list still, with its cancellation due in a later turn
 * - `completing`: out of the list, with its completion due in a later turn
 */
export type OperationState = "idle" | "pending" | "cancelling" | "completing" | "done"

export class Operation {
  kind: OperationKind = "receive"
  state: OperationState = "idle"
  socket: Socket
  overlapped = 0
  /** The thread that its call blocks; such a one has no OVERLAPPED. */
  thread: Thread | undefined
  /** Of a blocking accept: the socket that was made. */
  result = 0
  /** Handle of the event to signal, 0 for none. */
  event = 0
  /** Whether hEvent's low bit asks for no packet. */
  suppressed = false
  msg = 0
  name = 0
  /** The completion routine, undefined for none. */
  routine: Registered | undefined
  /** Where the length of the name is to be written, 0 for nowhere. */
  nameLengthAt = 0
  nameLength = 0
  control = 0
  controlLength = 0
  /** Where WSARecv and WSARecvFrom report flags, 0 for nowhere. */
  flagsAt = 0
  peek = false
  /** MSG_WAITALL, and MSG_OOB. */
  waitAll = false
  urgent = false
  /** How far a stream's operation got: bytes received, or handed to the connection. */
  progress = 0
  /** The connection's count of acknowledged bytes that ends the send. */
  mark = 0
  /** Whether a disconnect makes the socket fit for another connection. */
  reuses = false
  /** Most bytes that are handed over at once. */
  piece = Number.POSITIVE_INFINITY
  /** What a send does instead of ending when all of it is sent. */
  disconnects: ((operation: Operation) => void) | undefined
  /** Captured WSABUFs: address, length, address, length, ... */
  readonly buffers: Array<number> = []
  bufferCount = 0
  capacity = 0
  /** What a receive will be completed with, or what a send still has to hand to the network. */
  datagram: Datagram | undefined
  datagrams: ReadonlyArray<Datagram> = []
  /** Status and byte count to complete with. */
  status = 0
  bytes = 0
  /** Turns that a fault adds to its completion. */
  late = 0
  /** Milliseconds that a fault adds to its completion, and to its packet's. */
  delay = 0
  packet: Late | undefined
  /** Whether a fault keeps it from ending by itself, and until when. */
  never: "until closed" | "ever" | undefined
  /** Whether a fault gave it its status. */
  forced = false
  /** Most bytes that a fault lets it take at once. */
  most = Number.POSITIVE_INFINITY
  previous: Operation | undefined
  next: Operation | undefined
  list: OperationList | undefined
  snapshots: Array<Snapshot> | undefined
  /** Where it was begun, if that is noted. */
  site: Site | undefined
  /** Neighbours among what is pending on its socket. */
  earlier: Operation | undefined
  later: Operation | undefined

  constructor(socket: Socket) {
    this.socket = socket
  }

  reset(kind: OperationKind, socket: Socket): this {
    this.kind = kind
    this.socket = socket
    this.overlapped = 0
    this.thread = undefined
    this.result = 0
    this.event = 0
    this.suppressed = false
    this.routine = undefined
    this.msg = 0
    this.name = 0
    this.nameLengthAt = 0
    this.nameLength = 0
    this.control = 0
    this.controlLength = 0
    this.flagsAt = 0
    this.peek = false
    this.waitAll = false
    this.urgent = false
    this.progress = 0
    this.reuses = false
    this.bufferCount = 0
    this.capacity = 0
    this.status = 0
    this.bytes = 0
    this.late = 0
    this.delay = 0
    this.packet = undefined
    this.never = undefined
    this.most = Number.POSITIVE_INFINITY
    this.forced = false
    this.datagram = undefined
    return this
  }

  /** What the guard knows it by: no address is negative. */
  get key(): number {
    return this.thread === undefined ? this.overlapped : -this.thread.id
  }

  addBuffer(address: number, length: number): void {
    this.buffers[this.bufferCount * 2] = address
    this.buffers[this.bufferCount * 2 + 1] = length
    this.bufferCount++
    this.capacity += length
  }

  /** Copies a part of what a send sends. */
  pull(kernel: Kernel, from: number, size: number): Uint8Array {
    return gather(kernel, this, from, size)
  }

  /** Calls `visit` for every range of memory that is the kernel's while the operation is pending. */
  ranges(memory: MockMemory, visit: (what: string, address: number, size: number) => void): void {
    if (this.overlapped !== 0) visit("OVERLAPPED", this.overlapped, OVERLAPPED.size[memory.abi])
    if (this.msg !== 0) visit("WSAMSG", this.msg, WSAMSG.size[memory.abi])
    if (this.name !== 0) visit("name", this.name, this.nameLength)
    if (this.nameLengthAt !== 0) visit("name length", this.nameLengthAt, 4)
    if (this.control !== 0) visit("control buffer", this.control, this.controlLength)
    for (let i = 0; i < this.bufferCount; i++) {
      if (this.buffers[i * 2 + 1] > 0) visit("payload buffer", this.buffers[i * 2], this.buffers[i * 2 + 1])
    }
  }
}

export interface Snapshot {
  readonly what: string
  readonly address: number
  readonly bytes: Uint8Array
}

/** Operations in posting order; removal from the middle is O(1). */
export class OperationList {
  first: Operation | undefined
  last: Operation | undefined
  size = 0

  add(operation: Operation): void {
    operation.list = this
    operation.previous = this.last
    operation.next = undefined
    if (this.last === undefined) this.first = operation
    else this.last.next = operation
    this.last = operation
    this.size++
  }

  remove(operation: Operation): void {
    if (operation.previous === undefined) this.first = operation.next
    else operation.previous.next = operation.next
    if (operation.next === undefined) this.last = operation.previous
    else operation.next.previous = operation.previous
    operation.previous = undefined
    operation.next = undefined
    operation.list = undefined
    this.size--
  }
}
