/**
 * Simulated native memory: numbers that are addresses, and nothing readable outside a live block.
 */
import type { Block, SeamMemory } from "@effect-winsock/core/Seam"
import type { Abi, Location, Memory } from "@effect-winsock/schema/Layout"
import type { Guard } from "./Guard.ts"

/** What a kernel32 function answers to a bad pointer (winerror.h). */
export const ERROR_NOACCESS = 998

/**
 * A range that is not wholly inside one live block.
 */
export class AccessViolation extends Error {
  readonly address: number
  readonly size: number
  constructor(address: number, size: number) {
    super(`access violation: ${size} bytes at 0x${address.toString(16)}`)
    this.address = address
    this.size = size
  }
}

// x64: one 4 GiB page per block, so that an address is blockId * 2^32 + offset. ia32: pages of 64 KiB, and a block
// takes as many neighbouring pages as it needs and one unmapped page behind them. Addresses stay below 2^47 and 2^32
const pageSizes: { readonly [A in Abi]: number } = { x64: 0x1_0000_0000, ia32: 0x1_0000 }
const pageCounts: { readonly [A in Abi]: number } = { x64: 1 << 15, ia32: 0x1_0000 }
// freed pages lie fallow for this many further frees, so that a stale address faults instead of hitting a new block
const fallow = 1024
const largest = 0x7fff_ffff

export class MockBlock implements Block {
  readonly address: number
  readonly size: number
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly page: number
  readonly pages: number
  live = true
  /** How many ranges of pending operations lie in it, counted while the guard looks. */
  ranges = 0
  constructor(address: number, size: number, page: number, pages: number) {
    const buffer = new ArrayBuffer(size)
    this.address = address
    this.size = size
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.page = page
    this.pages = pages
  }
}

export class MockMemory implements Memory, SeamMemory {
  readonly abi: Abi
  readonly pointerSize: 4 | 8
  readonly guard: Guard
  /** The offset into its block of the range located last. */
  at = 0
  /** Live blocks. */
  live = 0
  private readonly pageSize: number
  private readonly pageCount: number
  private readonly table: Array<MockBlock | undefined> = []
  private readonly freed: Array<MockBlock> = []
  private freedHead = 0
  private next = 1

  constructor(abi: Abi, guard: Guard) {
    this.abi = abi
    this.pointerSize = abi === "x64" ? 8 : 4
    this.guard = guard
    this.pageSize = pageSizes[abi]
    this.pageCount = pageCounts[abi]
  }

  // bound as properties because the seam hands them out without their object
  readonly alloc = (size: number): MockBlock => {
    if (!Number.isInteger(size) || size < 0 || size > largest) throw new RangeError(`cannot allocate ${size} bytes`)
    const pages = Math.ceil(Math.max(size, 1) / this.pageSize)
    const page = this.findPages(pages)
    const block = new MockBlock(page * this.pageSize, size, page, pages)
    for (let i = 0; i < pages; i++) this.table[page + i] = block
    this.live++
    return block
  }

  readonly free = (block: Block): void => {
    const own = this.table[Math.floor(block.address / this.pageSize)]
    if (own === undefined || own !== block || !own.live) {
      this.guard.violation("BadFree", `free of a block at 0x${block.address.toString(16)} that is not allocated`)
      return
    }
    this.guard.freeing(own)
    own.live = false
    this.live--
    this.freed.push(own)
    for (let i = 0; i < own.pages; i++) this.table[own.page + i] = undefined
  }

  readonly resolve = (address: number, size: number): Location => {
    const view = this.locate(address, size)
    return { view, offset: this.at }
  }

  /**
   * Returns the view of the block that holds the range and leaves the range's offset in `at`.
   */
  locate(address: number, size: number): DataView {
    return this.find(address, size).view
  }

  /**
   * As `locate`, for whole byte ranges.
   */
  find(address: number, size: number): MockBlock {
    const block = this.table[Math.floor(address / this.pageSize)]
    if (block === undefined) throw new AccessViolation(address, size)
    const offset = address - block.address
    if (!(offset + size <= block.size) || size < 0) throw new AccessViolation(address, size)
    this.at = offset
    return block
  }

  u16(address: number): number {
    const view = this.locate(address, 2)
    return view.getUint16(this.at, true)
  }

  u32(address: number): number {
    const view = this.locate(address, 4)
    return view.getUint32(this.at, true)
  }

  i32(address: number): number {
    const view = this.locate(address, 4)
    return view.getInt32(this.at, true)
  }

  setU32(address: number, value: number): void {
    const view = this.locate(address, 4)
    view.setUint32(this.at, value, true)
  }

  pointer(address: number): number {
    const view = this.locate(address, this.pointerSize)
    return this.pointerSize === 8
      ? view.getUint32(this.at, true) + view.getUint32(this.at + 4, true) * 0x1_0000_0000
      : view.getUint32(this.at, true)
  }

  setPointer(address: number, value: number): void {
    const view = this.locate(address, this.pointerSize)
    view.setUint32(this.at, value >>> 0, true)
    if (this.pointerSize === 8) view.setUint32(this.at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true)
  }

  /** Returns a copy of the range. */
  copy(address: number, size: number): Uint8Array {
    const block = this.find(address, size)
    return block.bytes.slice(this.at, this.at + size)
  }

  private findPages(pages: number): number {
    if (this.freed.length - this.freedHead > fallow) {
      const old = this.freed[this.freedHead++]
      if (this.freedHead > fallow) {
        this.freed.splice(0, this.freedHead)
        this.freedHead = 0
      }
      if (this.isFree(old.page, pages)) return old.page
    }
    // one page behind every ia32 block stays unmapped
    const gap = this.abi === "ia32" ? 1 : 0
    if (this.next + pages + gap <= this.pageCount) {
      const page = this.next
      this.next += pages + gap
      return page
    }
    for (let page = 1; page + pages <= this.pageCount; page++) {
      if (this.isFree(page, pages + gap)) return page
    }
    throw new RangeError("the simulated address space is full")
  }

  private isFree(page: number, pages: number): boolean {
    if (page + pages > this.pageCount) return false
    for (let i = 0; i < pages; i++) {
      if (this.table[page + i] !== undefined) return false
    }
    return true
  }
}
