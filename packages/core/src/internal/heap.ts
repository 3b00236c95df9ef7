/** Native memory, counted: what a layer allocated it must have freed when it is released. */
import type { Block, Seam } from "../Seam.ts"

export class Heap {
  blocks = 0
  bytes = 0
  private readonly seam: Seam

  constructor(seam: Seam) {
    this.seam = seam
  }

  alloc(size: number): Block {
    const block = this.seam.memory.alloc(size)
    this.blocks++
    this.bytes += block.size
    return block
  }

  /** Several blocks, or none: throws as `alloc` does. */
  allocAll(...sizes: ReadonlyArray<number>): Array<Block> {
    const blocks: Array<Block> = []
    try {
      for (const size of sizes) blocks.push(this.alloc(size))
    } catch (error) {
      for (const block of blocks) this.free(block)
      throw error
    }
    return blocks
  }

  free(block: Block): void {
    this.blocks--
    this.bytes -= block.size
    this.seam.memory.free(block)
  }

  /** Gives up a block that the kernel may still write to: it is never freed, and no longer counted as ours. */
  abandon(block: Block): void {
    this.blocks--
    this.bytes -= block.size
  }
}
