/** Looks at what passes between the engine and ws2_32: the calls of an overlapped receive, and what became of it. */
import { Decorators } from "@effect-winsock/core"
import type { Block, Seam } from "@effect-winsock/core/Seam"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Structs from "@effect-winsock/schema/Structs"
import { nameOf, WSA_IO_PENDING } from "@effect-winsock/schema/WsaError"

/** A function of ws2_32 and how it answered, or an OVERLAPPED and how its operation ended. */
export interface Step {
  readonly what: string
  readonly answer: string
  readonly note?: string | undefined
}

export interface Watch {
  readonly decorate: (seam: Seam) => Seam
  /** Forgets what was seen. */
  readonly clear: () => void
  /** Each receive that was posted since, how it was cancelled, and the status that the kernel wrote. */
  readonly receives: () => ReadonlyArray<Step>
}

const codeName = (code: number): string => nameOf(code) ?? String(code)

export const make = (): Watch => {
  const recorder = Decorators.record()
  // the kernel writes the status of an operation into memory: to read it there, its blocks must be known
  const blocks = new Set<Block>()
  let abi: Seam["abi"] = "x64"

  const remember = (seam: Seam): Seam => {
    abi = seam.abi
    return {
      ...seam,
      memory: {
        alloc: (size) => {
          const block = seam.memory.alloc(size)
          blocks.add(block)
          return block
        },
        free: (block) => {
          blocks.delete(block)
          seam.memory.free(block)
        }
      }
    }
  }

  const statusOf = (lpOverlapped: number): number | undefined => {
    for (const { address, size, view } of blocks) {
      if (lpOverlapped >= address && lpOverlapped < address + size) {
        return Number(Structs.OVERLAPPED.view(abi, view, lpOverlapped - address).Internal) >>> 0
      }
    }
    return undefined
  }

  const ending = (lpOverlapped: number): Step => {
    const status = statusOf(lpOverlapped)
    return status === undefined
      ? { what: "its OVERLAPPED", answer: "is gone" }
      : { what: "its OVERLAPPED", answer: codeName(NtStatus.toWsaError(status)), note: NtStatus.nameOf(status) }
  }

  return {
    decorate: (seam) => recorder.decorate(remember(seam)),
    clear: recorder.clear,
    receives: () => {
      const steps: Array<Step> = []
      for (const { args } of recorder.of("WSARecvMsg", (call) => call.lastError === WSA_IO_PENDING)) {
        steps.push({ what: "WSARecvMsg", answer: codeName(WSA_IO_PENDING) })
        for (const { lastError } of recorder.of("CancelIoEx", (call) => call.args.lpOverlapped === args.lpOverlapped)) {
          steps.push({ what: "CancelIoEx", answer: lastError === undefined ? "ok" : codeName(lastError) })
        }
        steps.push(ending(args.lpOverlapped))
      }
      return steps
    }
  }
}
