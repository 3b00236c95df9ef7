/**
 * Slots: the native memory of one receive each, in slabs. A slot holds everything the kernel refers to while the
 * operation is pending, so nothing has to be pinned or collected: OVERLAPPED, WSAMSG, WSABUF, address, control, payload.
 */
import type { Abi } from "@effect-winsock/schema/Layout"
import { writePointer } from "@effect-winsock/schema/Layout"
import { OVERLAPPED, WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import type { Block } from "../Seam.ts"
import type { Source as CompletionSource } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { SlotList } from "./lists.ts"

/** Room for the largest socket address of a datagram (SOCKADDR_IN6 is 28 bytes), aligned. */
export const nameCapacity = 32

const align = (n: number, to: number): number => Math.ceil(n / to) * to

/** Where the parts of a slot lie, in bytes from its start. The OVERLAPPED is first: its address is the slot's. */
export interface SlotShape {
  readonly abi: Abi
  readonly message: number
  readonly buffer: number
  readonly name: number
  readonly control: number
  readonly controlCapacity: number
  readonly payload: number
  readonly payloadCapacity: number
  readonly stride: number
}

export const makeShape = (abi: Abi, controlCapacity: number, payloadCapacity: number): SlotShape => {
  const message = align(OVERLAPPED.size[abi], 8)
  const buffer = align(message + WSAMSG.size[abi], 8)
  const name = align(buffer + WSABUF.size[abi], 8)
  const control = name + nameCapacity
  const payload = control + align(controlCapacity, 8)
  return {
    abi,
    message,
    buffer,
    name,
    control,
    controlCapacity,
    payload,
    payloadCapacity,
    stride: align(payload + payloadCapacity, 64)
  }
}

/** Writes what never changes in a slot: the pointers between its parts. */
export const writeConstants = (shape: SlotShape, block: Block, at: number): void => {
  const { abi } = shape
  const { address, view } = block
  const msg = WSAMSG.offsets[abi]
  const buf = WSABUF.offsets[abi]
  const m = at + shape.message
  writePointer(abi, view, m + msg.name, address + at + shape.name)
  writePointer(abi, view, m + msg.lpBuffers, address + at + shape.buffer)
  view.setUint32(m + msg.dwBufferCount, 1, true)
  if (shape.controlCapacity > 0) writePointer(abi, view, m + msg.Control.buf, address + at + shape.control)
  view.setUint32(at + shape.buffer + buf.len, shape.payloadCapacity, true)
  writePointer(abi, view, at + shape.buffer + buf.buf, address + at + shape.payload)
}

// what a slot is doing
export const FREE = 0
/** The kernel has it. */
export const POSTED = 1
/** The kernel has it, and was asked to give it back. */
export const CANCELLING = 2
/** It completed; a receive posted earlier has not. */
export const DONE = 3
/** Its result is next for a waiter. */
export const INBOX = 4
/** Its result was handed over, but the port still owes a packet for it. */
export const SPENT = 5

// why a packet is still owed
/** After a synchronous WSAEMSGSIZE: the operation's own packet may or may not come. */
export const OWN = 1
/** The sentinel posted behind it. */
export const SENTINEL = 2

/** What `Slots.acquire` returns when there is no memory. */
export const NO_MEMORY = -1

/**
 * What messages are copied from: one slot, from its address on. A view costs as much as the copy, so the last one is
 * kept for a datagram of the same size; and the block's buffer, for asking for that is a call out of JavaScript.
 */
export class Source {
  private readonly buffer: ArrayBufferLike
  private readonly start: number
  private last: Uint8Array

  constructor(shape: SlotShape, block: Block, at: number) {
    this.buffer = block.bytes.buffer
    this.start = block.bytes.byteOffset + at + shape.name
    this.last = new Uint8Array(this.buffer, this.start, 0)
  }

  /** Its first `size` bytes. */
  bytes(size: number): Uint8Array {
    if (this.last.length !== size) this.last = new Uint8Array(this.buffer, this.start, size)
    return this.last
  }
}

export class Slots {
  readonly shape: SlotShape
  readonly slabs: Array<Block> = []
  allocated = 0
  private used = 0

  /** One of FREE ... SPENT. */
  state: Uint8Array
  /** Bits of OWN and SENTINEL. */
  owed: Uint8Array
  /** 0, or what the operation failed with: a code of Winsock's, or an NTSTATUS (negative). */
  code: Int32Array
  /** Whether the datagram was larger than the buffer. */
  truncated: Uint8Array
  /** How many bytes were received. */
  size: Uint32Array
  /** The grace period in which its cancellation was asked for. */
  epoch: Uint32Array
  /** The address of its OVERLAPPED. */
  address: Float64Array
  /** Where it starts in `view`. */
  at: Int32Array
  /** The view of its slab. */
  readonly view: Array<DataView> = []
  readonly source: Array<Source> = []

  private readonly engine: Engine
  private readonly completion: CompletionSource
  private readonly firsts: Array<number> = []
  private readonly free: SlotList
  /** The lists whose links grow with the slots. */
  readonly lists: ReadonlyArray<SlotList>

  constructor(engine: Engine, shape: SlotShape, lists: ReadonlyArray<SlotList>, source: CompletionSource) {
    this.engine = engine
    this.completion = source
    this.shape = shape
    this.free = new SlotList(0)
    this.lists = [this.free, ...lists]
    this.state = new Uint8Array(0)
    this.owed = new Uint8Array(0)
    this.code = new Int32Array(0)
    this.truncated = new Uint8Array(0)
    this.size = new Uint32Array(0)
    this.epoch = new Uint32Array(0)
    this.address = new Float64Array(0)
    this.at = new Int32Array(0)
  }

  /** Takes a free slot, or `NO_MEMORY`. Its state is still FREE. */
  acquire(): number {
    if (this.free.head === -1 && !this.grow()) return NO_MEMORY
    this.used++
    this.engine.counters.slotsUsed++
    return this.free.shift()
  }

  release(slot: number): void {
    this.state[slot] = FREE
    this.used--
    this.engine.counters.slotsUsed--
    this.free.push(slot)
  }

  /** The slot whose OVERLAPPED is at `address`, or -1. */
  find(address: number): number {
    // few slabs (each doubles the number of slots), the newest and largest first
    for (let i = this.slabs.length - 1; i >= 0; i--) {
      const slab = this.slabs[i]
      const offset = address - slab.address
      if (offset >= 0 && offset < slab.size) {
        const index = offset / this.shape.stride
        return Number.isInteger(index) ? this.firsts[i] + index : -1
      }
    }
    return -1
  }

  /** Frees all memory; no slot may be in the kernel's hands. */
  dispose(): void {
    for (const slab of this.slabs) this.engine.heap.free(slab)
    this.forget()
  }

  /** Leaves the memory to the kernel, which never gave back some of it. */
  abandon(): void {
    for (const slab of this.slabs) this.engine.heap.abandon(slab)
    this.forget()
  }

  private forget(): void {
    for (let slot = 0; slot < this.allocated; slot++) this.completion.disown(this.address[slot])
    this.engine.counters.slotsAllocated -= this.allocated
    this.engine.counters.slotsUsed -= this.used
    this.slabs.length = 0
    this.firsts.length = 0
    this.allocated = 0
    this.used = 0
  }

  // all of a new slab's, or none
  private adopt(slab: Block, count: number): boolean {
    const { completion, shape } = this
    for (let i = 0; i < count; i++) {
      try {
        completion.adopt(slab.address + i * shape.stride, slab.view, i * shape.stride)
      } catch {
        while (i-- > 0) completion.disown(slab.address + i * shape.stride)
        return false
      }
    }
    return true
  }

  private grow(): boolean {
    const { shape } = this
    const first = this.allocated
    const count = Math.max(1, first)
    let slab: Block
    try {
      slab = this.engine.heap.alloc(count * shape.stride)
    } catch {
      return false
    }
    if (!this.adopt(slab, count)) {
      this.engine.heap.free(slab)
      return false
    }
    const total = first + count
    this.slabs.push(slab)
    this.firsts.push(first)
    this.allocated = total
    this.engine.counters.slotsAllocated += count
    this.state = extend(this.state, new Uint8Array(total))
    this.owed = extend(this.owed, new Uint8Array(total))
    this.code = extend(this.code, new Int32Array(total))
    this.truncated = extend(this.truncated, new Uint8Array(total))
    this.size = extend(this.size, new Uint32Array(total))
    this.epoch = extend(this.epoch, new Uint32Array(total))
    this.address = extend(this.address, new Float64Array(total))
    this.at = extend(this.at, new Int32Array(total))
    for (const list of this.lists) list.grow(total)
    for (let slot = first; slot < total; slot++) {
      const at = (slot - first) * shape.stride
      this.address[slot] = slab.address + at
      this.at[slot] = at
      this.view.push(slab.view)
      this.source.push(new Source(shape, slab, at))
      writeConstants(shape, slab, at)
      this.free.push(slot)
    }
    return true
  }
}

const extend = <T extends { set: (from: T) => void }>(from: T, to: T): T => {
  to.set(from)
  return to
}
