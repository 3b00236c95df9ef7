/**
 * The native memory of single overlapped calls: an OVERLAPPED and the few words beside it that the kernel refers to,
 * in slabs, so that an idle connection costs tens of bytes and an OVERLAPPED is found by arithmetic.
 */
import { writePointer } from "@effect-winsock/schema/Layout"
import { OVERLAPPED, WSABUF } from "@effect-winsock/schema/Structs"
import type { Block } from "../Seam.ts"
import type { Engine } from "./engine.ts"
import type { Operation } from "./operation.ts"

const align = (n: number, to: number): number => Math.ceil(n / to) * to

/** How many records the first slab has; each later one has as many as all before it, up to `most`. */
const first = 16
const most = 1024

/** Where the parts of a record lie, in bytes from its start. The OVERLAPPED is first: its address is the record's. */
export interface RecordShape {
  /** 32 bytes: a WSABUF, or whatever else the call takes a pointer to. */
  readonly buffer: number
  /** A DWORD for the flags of a receive. */
  readonly flags: number
  /** A DWORD for a count of bytes. */
  readonly count: number
  readonly stride: number
}

/** One record in its slab. */
export interface Record {
  readonly index: number
  readonly view: DataView
  readonly at: number
  readonly address: number
}

interface Slab {
  readonly block: Block
  readonly first: number
  /** Whether the kernel may still write to it: it is never freed then. */
  leaked: boolean
}

export class Records {
  readonly shape: RecordShape
  private readonly engine: Engine
  private readonly slabs: Array<Slab> = []
  private readonly free: Array<Record> = []
  private readonly owners: Array<Operation | undefined> = []

  constructor(engine: Engine) {
    this.engine = engine
    const buffer = align(OVERLAPPED.size[engine.seam.abi], 8)
    this.shape = { buffer, flags: buffer + 32, count: buffer + 36, stride: align(buffer + 40, 8) }
  }

  /** Throws when there is no memory. */
  acquire(owner: Operation): Record {
    if (this.free.length === 0) this.grow()
    const record = this.free.pop()!
    this.owners[record.index] = owner
    this.engine.counters.slotsUsed++
    return record
  }

  release(record: Record): void {
    this.owners[record.index] = undefined
    this.engine.counters.slotsUsed--
    this.free.push(record)
  }

  /** Leaves a record to the kernel, which never gave it back, and with it its slab. */
  abandon(record: Record): void {
    this.owners[record.index] = undefined
    this.engine.counters.slotsUsed--
    this.slabOf(record.address)!.leaked = true
  }

  /** The operation whose OVERLAPPED is at `address`. */
  find(address: number): Operation | undefined {
    const slab = this.slabOf(address)
    if (slab === undefined) return undefined
    const index = (address - slab.block.address) / this.shape.stride
    return Number.isInteger(index) ? this.owners[slab.first + index] : undefined
  }

  /** Writes a WSABUF into a record. */
  writeBuffer(record: Record, address: number, length: number): void {
    const { abi } = this.engine.seam
    const offsets = WSABUF.offsets[abi]
    const at = record.at + this.shape.buffer
    record.view.setUint32(at + offsets.len, length, true)
    writePointer(abi, record.view, at + offsets.buf, address)
  }

  /** Frees all memory but what the kernel never gave back. */
  dispose(): void {
    const { engine } = this
    for (const slab of this.slabs) {
      if (slab.leaked) engine.heap.abandon(slab.block)
      else engine.heap.free(slab.block)
    }
    engine.counters.slotsAllocated -= this.owners.length
    this.slabs.length = 0
    this.free.length = 0
    this.owners.length = 0
  }

  private slabOf(address: number): Slab | undefined {
    // few slabs, the newest and largest first
    for (let i = this.slabs.length - 1; i >= 0; i--) {
      const { block } = this.slabs[i]
      if (address >= block.address && address < block.address + block.size) return this.slabs[i]
    }
    return undefined
  }

  private grow(): void {
    const { engine, shape } = this
    const start = this.owners.length
    const count = start === 0 ? first : Math.min(start, most)
    const block = engine.heap.alloc(count * shape.stride)
    this.slabs.push({ block, first: start, leaked: false })
    engine.counters.slotsAllocated += count
    for (let i = count - 1; i >= 0; i--) {
      const at = i * shape.stride
      this.free.push({ index: start + i, view: block.view, at, address: block.address + at })
    }
    for (let i = 0; i < count; i++) this.owners.push(undefined)
  }
}
