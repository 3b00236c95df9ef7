/**
 * Which addresses are taken: pages of one size, of which a block takes as many neighbours as it needs.
 */

/** What takes pages. */
export interface Paged {
  readonly page: number
  readonly pages: number
}

// freed pages lie fallow for this many further frees, so that a stale address faults instead of hitting a new block
const fallow = 1024

export class Pages<A extends Paged> {
  readonly pageSize: number
  /** Where its first page is. */
  readonly start: number
  readonly table: Array<A | undefined> = []
  private readonly count: number
  /** Unmapped pages behind every block. */
  private readonly gap: number
  private readonly freed: Array<A> = []
  private freedHead = 0
  private next = 1

  constructor(start: number, pageSize: number, count: number, gap: number) {
    this.start = start
    this.pageSize = pageSize
    this.count = count
    this.gap = gap
  }

  pagesOf(size: number): number {
    return Math.ceil(Math.max(size, 1) / this.pageSize)
  }

  /** Returns the first of so many pages that are free, -1 where none lie fallow long enough and none were never used. */
  find(pages: number): number {
    if (this.freed.length - this.freedHead > fallow) {
      const old = this.freed[this.freedHead++]
      if (this.freedHead > fallow) {
        this.freed.splice(0, this.freedHead)
        this.freedHead = 0
      }
      if (this.isFree(old.page, pages)) return old.page
    }
    if (this.next + pages + this.gap > this.count) return -1
    const page = this.next
    this.next += pages + this.gap
    return page
  }

  /** The same, of all that are free; -1 when there are none. */
  search(pages: number): number {
    for (let page = 1; page + pages <= this.count; page++) {
      if (this.isFree(page, pages + this.gap)) return page
    }
    return -1
  }

  map(block: A): void {
    for (let i = 0; i < block.pages; i++) this.table[block.page + i] = block
  }

  unmap(block: A): void {
    this.freed.push(block)
    for (let i = 0; i < block.pages; i++) this.table[block.page + i] = undefined
  }

  private isFree(page: number, pages: number): boolean {
    if (page + pages > this.count) return false
    for (let i = 0; i < pages; i++) {
      if (this.table[page + i] !== undefined) return false
    }
    return true
  }
}
