// Native memory as blocks: koffi's calloc and free, and one view of each block.
import type { Block, SeamMemory } from "@effect-winsock/core/Seam"
import type * as Koffi from "koffi"

const maxSize = 0x7fff_ffff

/** Throws what koffi throws where the runtime cannot show native memory to JavaScript (Electron). */
export const probe = (koffi: typeof Koffi): void => {
  const pointer = koffi.alloc("uint8_t", 16)
  try {
    koffi.view(pointer, 16).transfer()
  } finally {
    koffi.free(pointer)
  }
}

export const make = (koffi: typeof Koffi): SeamMemory => ({
  alloc(size): Block {
    if (!Number.isInteger(size) || size < 1 || size > maxSize) {
      throw new RangeError(`A block of memory has 1 to ${maxSize} bytes, not ${size}`)
    }
    let pointer: bigint
    try {
      pointer = koffi.alloc("uint8_t", size)
    } catch (cause) {
      throw new RangeError(`There is no memory for a block of ${size} bytes`, { cause })
    }
    const buffer = koffi.view(pointer, size)
    return { address: Number(pointer), size, bytes: new Uint8Array(buffer), view: new DataView(buffer) }
  },
  free(block): void {
    const buffer = block.bytes.buffer as ArrayBuffer
    if (buffer.detached) throw new RangeError(`The block at ${block.address} was freed before`)
    // detached, `bytes` and `view` are empty: a late reader finds nothing or a TypeError, never another's memory
    buffer.transfer()
    koffi.free(BigInt(block.address))
  }
})
