// A kernel that does not keep its word: decorators that run out of memory, or scribble over what a dequeue reports.
import type { Block, Seam } from "@effect-winsock/core/Seam"
import { OVERLAPPED, OVERLAPPED_ENTRY, WSAMSG } from "@effect-winsock/schema/Structs"

/** Memory that runs out, and a count of what is held: blocks, sockets, ports and starts. */
export const ledger = () => {
  const blocks = new Set<Block>()
  const held = { blocks: 0, sockets: 0, ports: 0, starts: 0 }
  let left = Number.POSITIVE_INFINITY
  const decorate = (seam: Seam): Seam => {
    const { calls, memory } = seam
    return {
      ...seam,
      memory: {
        alloc: (size) => {
          if (left-- <= 0) throw new RangeError(`no memory for ${size} bytes`)
          const block = memory.alloc(size)
          blocks.add(block)
          held.blocks = blocks.size
          return block
        },
        free: (block) => {
          blocks.delete(block)
          held.blocks = blocks.size
          memory.free(block)
        }
      },
      calls: {
        ...calls,
        WSAStartup: (...args) => {
          const code = calls.WSAStartup(...args)
          if (code === 0) held.starts++
          return code
        },
        WSACleanup: () => {
          held.starts--
          return calls.WSACleanup()
        },
        WSASocketW: (...args) => {
          const socket = calls.WSASocketW(...args)
          if (socket !== -1) held.sockets++
          return socket
        },
        closesocket: (s) => {
          held.sockets--
          return calls.closesocket(s)
        },
        CreateIoCompletionPort: (...args) => {
          const port = calls.CreateIoCompletionPort(...args)
          if (port !== 0 && args[1] === 0) held.ports++
          return port
        },
        CloseHandle: (handle) => {
          held.ports--
          return calls.CloseHandle(handle)
        }
      }
    }
  }
  return {
    decorate,
    blocks,
    held: held as Readonly<typeof held>,
    /** The next `n` allocations succeed, those after them fail. */
    allow: (n: number) => {
      left = n
    }
  }
}

/** What one dequeue reported, to be changed. */
export class Dequeued {
  private readonly seam: Seam
  private readonly blocks: ReadonlySet<Block>
  private readonly args: ReadonlyArray<number>
  constructor(seam: Seam, blocks: ReadonlySet<Block>, args: ReadonlyArray<number>) {
    this.seam = seam
    this.blocks = blocks
    this.args = args
  }
  private at(address: number): readonly [view: DataView, offset: number] | undefined {
    for (const block of this.blocks) {
      if (address >= block.address && address < block.address + block.size) return [block.view, address - block.address]
    }
    return undefined
  }
  get removed(): number {
    const [view, offset] = this.at(this.args[3])!
    return view.getUint32(offset, true)
  }
  set removed(n: number) {
    const [view, offset] = this.at(this.args[3])!
    view.setUint32(offset, n, true)
  }
  entry(i: number) {
    const { abi } = this.seam
    const [view, offset] = this.at(this.args[1])!
    return OVERLAPPED_ENTRY.view(abi, view, offset + i * OVERLAPPED_ENTRY.size[abi])
  }
  /** The OVERLAPPED and the WSAMSG behind it of each packet that has them. */
  get operations() {
    const { abi } = this.seam
    return Array.from({ length: this.removed }, (_, i) => {
      const found = this.at(this.entry(i).lpOverlapped)
      if (found === undefined) return []
      const [view, offset] = found
      return [
        {
          overlapped: OVERLAPPED.view(abi, view, offset),
          message: WSAMSG.view(abi, view, offset + OVERLAPPED.size[abi])
        }
      ]
    }).flat()
  }
}

const dequeue = "GetQueuedCompletionStatusEx"

/** Runs a script over each dequeue that reports packets with an OVERLAPPED, until the script says it is done. */
export const scribbler = () => {
  const own = ledger()
  let script: ((dequeued: Dequeued) => boolean) | undefined
  const decorate = (under: Seam): Seam => {
    const seam = own.decorate(under)
    const touch = (args: ReadonlyArray<number>): void => {
      const dequeued = new Dequeued(seam, own.blocks, args)
      if (script !== undefined && dequeued.operations.length > 0 && script(dequeued)) script = undefined
    }
    return {
      ...seam,
      calls: {
        ...seam.calls,
        GetQueuedCompletionStatusEx: (...args) => {
          const ok = seam.calls.GetQueuedCompletionStatusEx(...args)
          if (ok !== 0) touch(args)
          return ok
        }
      },
      offThread: (name, args, done) =>
        seam.offThread(name, args, (result, lastError) => {
          if (name === dequeue && result !== 0) touch(args as ReadonlyArray<number>)
          done(result, lastError)
        })
    }
  }
  return {
    decorate,
    /** The next dequeue of a packet is changed by `change`. */
    once: (change: (dequeued: Dequeued) => void) => {
      script = (dequeued) => {
        change(dequeued)
        return true
      }
    },
    get pending() {
      return script !== undefined
    }
  }
}
