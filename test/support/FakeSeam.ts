import type { Block, Calls, Handle, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import { functions } from "@effect-winsock/core/Signatures"
import type { FunctionName } from "@effect-winsock/core/Signatures"
import type { Abi } from "@effect-winsock/schema/Layout"
import { readPointer } from "@effect-winsock/schema/Layout"
import { OVERLAPPED_ENTRY } from "@effect-winsock/schema/Structs"
import * as WsaError from "@effect-winsock/schema/WsaError"

export interface Entry {
  readonly key: number
  readonly lpOverlapped: number
  readonly bytes: number
}

type AnyCall = (...args: ReadonlyArray<number>) => number | void

interface Away {
  readonly name: FunctionName
  readonly args: ReadonlyArray<number>
  readonly done: (result: number, lastError: number) => void
  result: readonly [result: number, lastError: number] | undefined
}

/**
 * A seam of one completion port and little more, in memory. Calls without a behaviour of their own succeed with 0 and
 * are counted; off-thread calls and scheduled tasks run when the test says so.
 */
export const make = (abi: Abi = "x64") => {
  const blocks = new Set<Block>()
  const ports = new Map<number, Array<Entry>>()
  const made: Array<readonly [name: string, args: ReadonlyArray<number>]> = []
  let next = 0x10_0000
  let lastError = 0
  let away: Array<Away> = []
  let tasks: Array<{ readonly task: () => void; readonly at: number }> = []
  let now = 0

  const at = (address: number): readonly [view: DataView, offset: number] => {
    for (const block of blocks) {
      if (address >= block.address && address < block.address + block.size) return [block.view, address - block.address]
    }
    throw new Error(`no block at ${address}`)
  }

  const failed = (code: number, result: number): number => {
    lastError = code
    return result
  }

  const dequeue = (...[port, entries, count, removed]: ReadonlyArray<number>): number => {
    const queue = ports.get(port)
    if (queue === undefined) return failed(WsaError.WSA_INVALID_HANDLE, 0)
    if (queue.length === 0) return failed(WsaError.WAIT_TIMEOUT, 0)
    const taken = queue.splice(0, count)
    const view = at(entries)
    for (const [i, entry] of taken.entries()) {
      const record = OVERLAPPED_ENTRY.view(abi, view[0], view[1] + i * OVERLAPPED_ENTRY.size[abi])
      record.lpCompletionKey = entry.key
      record.lpOverlapped = entry.lpOverlapped
      record.dwNumberOfBytesTransferred = entry.bytes
    }
    const [view_, offset] = at(removed)
    view_.setUint32(offset, taken.length, true)
    return 1
  }

  const behaviours: { readonly [K in FunctionName]?: AnyCall } = {
    WSAGetLastError: () => lastError,
    WSASetLastError: (code) => {
      lastError = code
    },
    CreateIoCompletionPort: () => {
      const port = (next += 4)
      ports.set(port, [])
      return port
    },
    PostQueuedCompletionStatus: (port, bytes, key, lpOverlapped) => {
      const queue = ports.get(port)
      if (queue === undefined) return failed(WsaError.WSA_INVALID_HANDLE, 0)
      queue.push({ key, lpOverlapped, bytes })
      return 1
    },
    GetQueuedCompletionStatusEx: dequeue,
    CloseHandle: (handle) => (ports.delete(handle) ? 1 : failed(WsaError.WSA_INVALID_HANDLE, 0)),
    closesocket: (s) => (s < 0 ? failed(WsaError.WSAENOTSOCK, -1) : 0),
    WSASocketW: () => (next += 4)
  }
  const received: AnyCall = () => failed(WsaError.WSA_IO_PENDING, -1)

  const counted =
    (name: string, call: AnyCall): AnyCall =>
    (...args) => {
      made.push([name, args])
      return call(...args)
    }
  const calls = Object.fromEntries(
    Object.keys(functions).map((name) => [name, counted(name, behaviours[name as FunctionName] ?? (() => 0))])
  ) as unknown as Calls

  const seam: Seam = {
    name: "fake",
    abi,
    memory: {
      alloc: (size) => {
        const bytes = new Uint8Array(size)
        const block: Block = { address: next, size, bytes, view: new DataView(bytes.buffer) }
        next += size + 16
        blocks.add(block)
        return block
      },
      free: (block) => {
        blocks.delete(block)
      }
    },
    calls,
    bind: ((name: string) => counted(name, received)) as unknown as Seam["bind"],
    // never run: nothing here completes by one
    routine: () => ({ address: 0x1000, release: () => {} }),
    offThread: ((name: FunctionName, args: ReadonlyArray<number>, done: Away["done"]) => {
      away.push({ name, args, done, result: undefined })
    }) as Seam["offThread"],
    host: {
      schedule: (task, delay = 0) => {
        const entry = { task, at: now + delay }
        tasks.push(entry)
        return () => {
          tasks = tasks.filter((other) => other !== entry)
        }
      },
      keepAlive: () => {},
      onExit: () => () => {},
      pollInterval: 0
    }
  }

  return {
    seam,
    made,
    blocks,
    ports,
    /** Completes an operation: its packet comes to the port. */
    complete: (port: Handle, lpOverlapped: number, key = 1, bytes = 0) => {
      ports.get(port)!.push({ key, lpOverlapped, bytes })
    },
    /** The threads of the off-thread calls make them, and have not reported yet. */
    runAway: () => {
      for (const call of away) {
        if (call.result === undefined) {
          const result = (calls[call.name] as unknown as AnyCall)(...call.args) as number
          call.result = [result, lastError]
        }
      }
    },
    /** The off-thread calls that were made report. */
    reportAway: () => {
      const ready = away.filter((call) => call.result !== undefined)
      away = away.filter((call) => call.result === undefined)
      for (const call of ready) call.done(...call.result!)
    },
    /** Lets time pass, and runs what is then due. */
    advance: (milliseconds: number) => {
      now += milliseconds
      const due = tasks.filter((entry) => entry.at <= now)
      tasks = tasks.filter((entry) => entry.at > now)
      for (const entry of due) entry.task()
    }
  }
}

export type FakeSeam = ReturnType<typeof make>

/** A program's side of a completion port: what a pump would do, one dequeue at a time. */
export const pump = (seam: Seam, capacity = 8) => {
  const port = seam.calls.CreateIoCompletionPort(-1, 0, 0, 1)
  const stride = OVERLAPPED_ENTRY.size[seam.abi]
  const block = seam.memory.alloc(stride * capacity + 16)
  const args = [port, block.address, capacity, block.address + stride * capacity, 1000, 0] as const

  const taken = (): ReadonlyArray<number> =>
    Array.from({ length: block.view.getUint32(stride * capacity, true) }, (_, i) =>
      readPointer(seam.abi, block.view, i * stride + OVERLAPPED_ENTRY.offsets[seam.abi].lpOverlapped)
    )

  return {
    port,
    /** The OVERLAPPEDs that one dequeue delivers, or the code that it fails with. */
    dequeue: (): ReadonlyArray<number> | number =>
      seam.calls.GetQueuedCompletionStatusEx(...args) === 0 ? seam.calls.WSAGetLastError() : taken(),
    /** The same off the JS thread; `deliver` is told when the call reports. */
    dequeueAway: (deliver: (got: ReadonlyArray<number> | number) => void) =>
      seam.offThread("GetQueuedCompletionStatusEx", [...args], (result, lastError) =>
        deliver(result === 0 ? lastError : taken())
      ),
    post: (lpOverlapped: number, key = 1) => seam.calls.PostQueuedCompletionStatus(port, 0, key, lpOverlapped)
  }
}

export const socket = 4 as SocketHandle
