/**
 * Simulated native memory: numbers that are addresses, and nothing readable outside a live block.
 */
import type { Block, SeamMemory } from "@effect-winsock/core/Seam"
import type { Abi, Location, Memory } from "@effect-winsock/schema/Layout"
import type { Guard } from "./Guard.ts"
import { Pages } from "./Pages.ts"

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

interface Space {
  readonly pageSize: number
  readonly pages: number
  readonly gap: number
}

// x64: one 4 GiB page per block, so that an address is blockId * 2^32 + offset. ia32: pages of 64 KiB, and a block
// takes as many neighbouring pages as it needs and one unmapped page behind them. That is half of the addresses, which
// stay below 2^47 and 2^32; a crowd of blocks that finds no room there has smaller pages in the other half
const roomy: { readonly [A in Abi]: Space } = {
  x64: { pageSize: 0x1_0000_0000, pages: 1 << 14, gap: 0 },
  ia32: { pageSize: 0x1_0000, pages: 1 << 15, gap: 1 }
}
const crowded: { readonly [A in Abi]: Space } = {
  x64: { pageSize: 0x10_0000, pages: 1 << 26, gap: 1 },
  ia32: { pageSize: 0x1000, pages: 1 << 19, gap: 1 }
}
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
  private readonly room: Pages<MockBlock>
  private readonly crowd: Pages<MockBlock>

  constructor(abi: Abi, guard: Guard) {
    this.abi = abi
    this.pointerSize = abi === "x64" ? 8 : 4
    this.guard = guard
    const { gap, pageSize, pages } = roomy[abi]
    const crowd = crowded[abi]
    this.room = new Pages(0, pageSize, pages, gap)
    this.crowd = new Pages(pages * pageSize, crowd.pageSize, crowd.pages, crowd.gap)
  }

  // bound as properties because the seam hands them out without their object
  readonly alloc = (size: number): MockBlock => {
    if (!Number.isInteger(size) || size < 0 || size > largest) throw new RangeError(`cannot allocate ${size} bytes`)
    const { crowd, room } = this
    let space = room
    let page = room.find(room.pagesOf(size))
    if (page === -1) {
      space = crowd
      page = crowd.find(crowd.pagesOf(size))
    }
    if (page === -1) page = crowd.search(crowd.pagesOf(size))
    if (page === -1) {
      space = room
      page = room.search(room.pagesOf(size))
    }
    if (page === -1) throw new RangeError("the simulated address space is full")
    const block = new MockBlock(space.start + page * space.pageSize, size, page, space.pagesOf(size))
    space.map(block)
    this.live++
    return block
  }

  readonly free = (block: Block): void => {
    const own = this.blockAt(block.address)
    if (own === undefined || own !== block || !own.live) {
      this.guard.violation("BadFree", `free of a block at 0x${block.address.toString(16)} that is not allocated`)
      return
    }
    this.guard.freeing(own)
    own.live = false
    this.live--
    this.spaceOf(own.address).unmap(own)
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
    const block = this.blockAt(address)
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

  private spaceOf(address: number): Pages<MockBlock> {
    return address < this.crowd.start ? this.room : this.crowd
  }

  private blockAt(address: number): MockBlock | undefined {
    const space = this.spaceOf(address)
    return space.table[Math.floor((address - space.start) / space.pageSize)]
  }
}
