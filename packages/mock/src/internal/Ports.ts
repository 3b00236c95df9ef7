/**
 * Completion ports.
 */
import {
  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
  FILE_SKIP_SET_EVENT_ON_HANDLE,
  WSA_INFINITE,
  WSA_WAIT_IO_COMPLETION
} from "@effect-winsock/schema/Flags"
import { OVERLAPPED_ENTRY } from "@effect-winsock/schema/Structs"
import type { Owner } from "./Guard.ts"
import type { KernelObject } from "./Handles.ts"
import type { AnyObject, Kernel } from "./Kernel.ts"
import { AccessViolation, ERROR_NOACCESS } from "./Memory.ts"
import * as sdk from "@effect-winsock/schema/WsaError"
import { ScheduledTask, type Task } from "./Turns.ts"

export class Packet {
  readonly key: number
  readonly overlapped: number
  readonly status: number
  readonly bytes: number
  /** Whether PostQueuedCompletionStatus made it. */
  readonly posted: boolean
  constructor(key: number, overlapped: number, status: number, bytes: number, posted: boolean) {
    this.key = key
    this.overlapped = overlapped
    this.status = status
    this.bytes = bytes
    this.posted = posted
  }
}

export class Port implements KernelObject, Task {
  readonly type = "port"
  handle = 0
  readonly kernel: Kernel
  private packets: Array<Packet> = []
  private head = 0
  private readonly waiters: Array<Waiter> = []
  private waking = false

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  get size(): number {
    return this.packets.length - this.head
  }

  queue(packet: Packet): void {
    if (this.handle === 0) return
    this.packets.push(packet)
    if (this.waiters.length > 0) {
      // the waiting thread may take the packet at once, before the JS thread can look: the two orders differ
      if (this.kernel.settings.dequeue === "seeded" && this.kernel.random.flip()) this.waiters[0].claim(this.take())
      this.wakeLater()
    }
  }

  take(): Packet {
    const packet = this.kernel.settings.dequeue === "seeded" ? this.takeAny() : this.packets[this.head++]
    if (this.head > 64 && this.head * 2 > this.packets.length) {
      this.packets.splice(0, this.head)
      this.head = 0
    }
    return packet
  }

  wait(waiter: Waiter): void {
    this.waiters.push(waiter)
    if (this.size > 0) this.wakeLater()
  }

  /** Runs in a turn of its own: serves the threads that wait. */
  run(): void {
    this.waking = false
    for (let i = 0; i < this.waiters.length;) {
      const waiter = this.waiters[i]
      if (!waiter.ready(this.size)) {
        i++
        continue
      }
      this.waiters.splice(i, 1)
      waiter.serve(this)
    }
  }

  drop(waiter: Waiter): void {
    const i = this.waiters.indexOf(waiter)
    if (i !== -1) this.waiters.splice(i, 1)
  }

  close(): void {
    const discarded = this.packets.slice(this.head).filter((packet) => !packet.posted)
    if (discarded.length > 0) {
      this.kernel.guard.violation("PacketsDiscarded", `port ${this.handle} closed with ${discarded.length} completions`)
    }
    for (const packet of discarded) this.kernel.guard.dequeued(packet.overlapped)
    this.kernel.handles.remove(this)
    this.packets = []
    this.head = 0
    for (const waiter of this.waiters.splice(0)) waiter.abandon(this)
  }

  private wakeLater(): void {
    if (this.waking) return
    this.waking = true
    this.kernel.turns.post(this)
  }

  // any ready packet, but none before an older one of the same OVERLAPPED, and nothing across a posted packet: what is
  // posted is behind all that was queued before it
  private takeAny(): Packet {
    let end = this.head
    while (end < this.packets.length && !this.packets[end].posted) end++
    let i = end === this.head ? this.head : this.head + this.kernel.random.below(end - this.head)
    const { overlapped } = this.packets[i]
    for (let j = this.head; j < i; j++) {
      if (this.packets[j].overlapped === overlapped) i = j
    }
    return this.packets.splice(i, 1)[0]
  }
}

/** One thread waiting in GetQueuedCompletionStatusEx. */
class Waiter implements Owner {
  readonly what = "entries of a waiting GetQueuedCompletionStatusEx"
  readonly kernel: Kernel
  readonly address: number
  readonly count: number
  readonly removed: number
  readonly done: (result: number, lastError: number) => void
  readonly size: number
  timer: ScheduledTask | undefined
  timedOut = false
  private readonly claimed: Array<Packet> = []

  constructor(
    kernel: Kernel,
    address: number,
    count: number,
    removed: number,
    done: (result: number, lastError: number) => void
  ) {
    this.kernel = kernel
    this.address = address
    this.count = count
    this.removed = removed
    this.done = done
    this.size = count * OVERLAPPED_ENTRY.size[kernel.settings.abi]
  }

  claim(packet: Packet): void {
    this.claimed.push(packet)
  }

  ready(queued: number): boolean {
    return this.claimed.length > 0 || queued > 0 || this.timedOut
  }

  serve(port: Port): void {
    this.timer?.withdraw()
    this.kernel.guard.owners.delete(this)
    if (this.claimed.length === 0 && port.size === 0) return this.done(0, sdk.WAIT_TIMEOUT)
    try {
      const taken = dequeue(port, this.address, this.count, this.claimed)
      this.kernel.memory.setU32(this.removed, taken)
    } catch (error) {
      if (!(error instanceof AccessViolation)) throw error
      return this.done(0, ERROR_NOACCESS)
    }
    this.done(1, 0)
  }

  abandon(port: Port): void {
    this.timer?.withdraw()
    const end = (): void => {
      // a wait that has its packet is over already
      if (this.claimed.length > 0) return this.serve(port)
      this.kernel.guard.owners.delete(this)
      this.done(0, sdk.ERROR_ABANDONED_WAIT_0)
    }
    this.kernel.turns.post(new ScheduledTask(end))
  }
}

const none: Array<Packet> = []

// writes up to `count` entries and returns how many; packets already claimed come first
const dequeue = (port: Port, address: number, count: number, claimed: Array<Packet>): number => {
  const { kernel } = port
  const { memory } = kernel
  const size = OVERLAPPED_ENTRY.size[memory.abi]
  const at = OVERLAPPED_ENTRY.offsets[memory.abi]
  const taken = Math.min(count, claimed.length + port.size)
  // probed before anything is taken, so that a bad pointer loses no packet
  const view = memory.locate(address, taken * size)
  const base = memory.at
  const wide = memory.pointerSize === 8
  for (let i = 0; i < taken; i++) {
    const packet = i < claimed.length ? claimed[i] : port.take()
    const entry = base + i * size
    view.setUint32(entry + at.lpCompletionKey, packet.key >>> 0, true)
    view.setUint32(entry + at.lpOverlapped, packet.overlapped >>> 0, true)
    view.setUint32(entry + at.Internal, packet.status, true)
    view.setUint32(entry + at.dwNumberOfBytesTransferred, packet.bytes, true)
    if (wide) {
      view.setUint32(entry + at.lpCompletionKey + 4, high(packet.key), true)
      view.setUint32(entry + at.lpOverlapped + 4, high(packet.overlapped), true)
      view.setUint32(entry + at.Internal + 4, 0, true)
    }
    if (!packet.posted) kernel.guard.dequeued(packet.overlapped)
    kernel.trace.dequeued(kernel.name, port.handle, packet.key, packet.overlapped, packet.status, packet.bytes)
  }
  return taken
}

const high = (n: number): number => Math.floor(n / 0x1_0000_0000) >>> 0

const find = (kernel: Kernel, handle: number): Port | undefined => {
  const object = kernel.handles.get(handle)
  if (object !== undefined && object.type === "port") return object
  if (object === undefined) kernel.dead(handle)
  kernel.fail(sdk.WSA_INVALID_HANDLE)
  return undefined
}

export const CreateIoCompletionPort = (kernel: Kernel, file: number, existing: number, key: number): number => {
  let port: Port | undefined
  if (existing !== 0) {
    port = find(kernel, existing)
    if (port === undefined) return 0
    if (file === -1) return kernel.fail(sdk.WSA_INVALID_PARAMETER)
  }
  let object: AnyObject | undefined
  if (file !== -1) {
    object = kernel.handles.get(file)
    if (object === undefined) {
      kernel.dead(file)
      return kernel.fail(sdk.WSA_INVALID_HANDLE)
    }
    // only files have completions, only overlapped ones can belong to a port, and only to one
    if (object.type !== "socket" || !object.overlapped || object.port !== undefined) {
      return kernel.fail(sdk.WSA_INVALID_PARAMETER)
    }
  }
  if (port === undefined) {
    port = new Port(kernel)
    kernel.handles.add(port)
  }
  if (object !== undefined && object.type === "socket") {
    object.port = port
    object.key = key
  }
  return port.handle
}

export const GetQueuedCompletionStatusEx = (
  kernel: Kernel,
  handle: number,
  entries: number,
  count: number,
  removed: number,
  timeout: number,
  alertable: number
): number => {
  const port = find(kernel, handle)
  if (port === undefined) return 0
  if (count === 0) return kernel.fail(sdk.WSA_INVALID_PARAMETER)
  if (port.size === 0 && alertable !== 0 && kernel.routines.alert()) return kernel.fail(WSA_WAIT_IO_COMPLETION)
  if (port.size === 0) return timeout === 0 ? kernel.fail(sdk.WAIT_TIMEOUT) : kernel.wouldWait(sdk.WAIT_TIMEOUT)
  // probed first: a packet is not lost to a bad pointer
  kernel.memory.locate(removed, 4)
  kernel.memory.setU32(removed, dequeue(port, entries, count, none))
  return 1
}

/** The same call made on a thread of its own, which may wait. */
export const waitOffThread = (
  kernel: Kernel,
  args: ReadonlyArray<number>,
  done: (result: number, lastError: number) => void
): void => {
  const [handle, entries, count, removed, timeout] = args
  const object = kernel.handles.get(handle)
  const bad = object === undefined || object.type !== "port"
  if (bad || count === 0) {
    const code = bad ? sdk.WSA_INVALID_HANDLE : sdk.WSA_INVALID_PARAMETER
    kernel.turns.post(new ScheduledTask(() => done(0, code)))
    return
  }
  const waiter = new Waiter(kernel, entries, count, removed, done)
  kernel.guard.begun(waiter)
  kernel.guard.owners.add(waiter)
  object.wait(waiter)
  if (timeout === WSA_INFINITE) return
  waiter.timer = new ScheduledTask(() => {
    waiter.timedOut = true
    object.run()
  })
  kernel.turns.after(timeout, waiter.timer)
}

export const PostQueuedCompletionStatus = (
  kernel: Kernel,
  handle: number,
  bytes: number,
  key: number,
  overlapped: number
): number => {
  const port = find(kernel, handle)
  if (port === undefined) return 0
  port.queue(new Packet(key, overlapped, 0, bytes, true))
  return 1
}

export const SetFileCompletionNotificationModes = (kernel: Kernel, file: number, flags: number): number => {
  const object = kernel.handles.get(file)
  if (object === undefined) {
    kernel.dead(file)
    return kernel.fail(sdk.WSA_INVALID_HANDLE)
  }
  if (
    object.type !== "socket" ||
    (flags & ~(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE)) !== 0
  ) {
    return kernel.fail(sdk.WSA_INVALID_PARAMETER)
  }
  // modes are only ever added
  if ((flags & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) !== 0) object.skipsPort = true
  if ((flags & FILE_SKIP_SET_EVENT_ON_HANDLE) !== 0) object.skipsSignal = true
  return 1
}
