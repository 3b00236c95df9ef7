/** One overlapped call of a socket: from its posting to the packet that gives its memory back. */
import { STATUS_CANCELLED, STATUS_PENDING, toWsaError } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import { WSA_IO_PENDING } from "@effect-winsock/schema/WsaError"
import type { Handle, SocketHandle } from "../Seam.ts"
import type { Source } from "./completion.ts"
import type { Engine, OperationCounters } from "./engine.ts"
import type { Linked } from "./lists.ts"
import type { Record } from "./records.ts"
import type { Settle, SocketEndpoint } from "./socketEndpoint.ts"

// what an operation is doing
export const IDLE = 0
/** The kernel has it. */
export const PENDING = 1
/** The kernel has it, and was asked to give it back. */
export const CANCELLING = 2

/** The calls that take a completion routine. */
export const takesRoutine: ReadonlySet<string> = new Set([
  "WSARecv",
  "WSARecvFrom",
  "WSARecvMsg",
  "WSASend",
  "WSASendTo",
  "WSASendMsg",
  "WSAIoctl"
])

export class Operation implements Linked<Operation> {
  next: Operation | undefined = undefined
  previous: Operation | undefined = undefined
  /** The call that it is for, as reports name it. */
  name: string
  readonly endpoint: SocketEndpoint
  readonly record: Record
  counters: OperationCounters
  state = IDLE
  /** The grace period in which its cancellation was asked for. */
  epoch = 0
  /** When it has ended: 0, or what it failed with, a code of Winsock's or an NTSTATUS (negative). */
  code = 0
  /** When it has ended: how many bytes were transferred. */
  bytes = 0
  /** When it has ended: whether it was cancelled, or its socket closed, before it did. */
  cancelled = false
  /** When it has ended: whether it was aborted although nobody here asked for it. */
  unasked = false
  // whether an event of the program's tells of its end, and nothing else does
  private byEvent = false
  private source: Source
  /** Whether the kernel never gave it back. */
  private leaked = false
  /** Who waits for its cancellation to complete. */
  settle: Settle | undefined = undefined
  /** Gives up memory of its own that the kernel never gave back. */
  abandon: ((engine: Engine) => void) | undefined = undefined

  /** Throws when there is no memory for it. */
  constructor(endpoint: SocketEndpoint, name: string, counters: OperationCounters) {
    this.endpoint = endpoint
    this.name = name
    this.counters = counters
    const { completion, engine } = endpoint
    this.source = completion.main
    this.record = engine.records.acquire(this)
    try {
      this.adopt(completion.main)
      // a turn of a stream's begins as a send, and may become a call that takes no routine
      const mayChange = name === "WSASend" || !takesRoutine.has(name)
      if (completion.other !== completion.main && mayChange) this.adopt(completion.other)
    } catch (error) {
      this.release()
      throw error
    }
  }

  private adopt(source: Source): void {
    const { address, at, view } = this.record
    source.adopt(address, view, at)
  }

  private disown(): void {
    const { main, other } = this.endpoint.completion
    main.disown(this.address)
    if (other !== main) other.disown(this.address)
  }

  /** Whether the kernel has it. */
  get isPending(): boolean {
    return this.state !== IDLE
  }

  /** The address of its OVERLAPPED. */
  get address(): number {
    return this.record.address
  }

  /** What its call takes for a routine, once it is prepared. */
  get routine(): number {
    return this.byEvent ? 0 : this.source.routine
  }

  /** Sets its OVERLAPPED for a call: an event of the program's that is to tell of its end, and where in a file it begins. */
  prepare(event: Handle | 0 = 0, offset = 0): void {
    const { at, view } = this.record
    const { main, other } = this.endpoint.completion
    this.byEvent = event !== 0
    this.source = takesRoutine.has(this.name) ? main : other
    const { abi } = this.endpoint.engine.seam
    const offsets = OVERLAPPED.offsets[abi]
    view.setUint32(at + offsets.Internal, STATUS_PENDING, true)
    view.setUint32(at + offsets.InternalHigh, 0, true)
    view.setUint32(at + offsets.Offset, offset % 0x1_0000_0000, true)
    view.setUint32(at + offsets.OffsetHigh, Math.floor(offset / 0x1_0000_0000), true)
    view.setUint32(at + offsets.hEvent, this.byEvent ? event : this.source.event(this.address), true)
    this.counters.submitted++
  }

  /** Takes the answer of its call, 0 or a code: whether that was its end. */
  answered(code: number): boolean {
    const { byEvent, endpoint, source } = this
    this.cancelled = false
    this.unasked = false
    const ok = code === 0 || (code === WSA_IO_PENDING && this.hasSucceeded())
    if (ok ? endpoint.skips || byEvent || !source.tellsAtOnce : code !== WSA_IO_PENDING) {
      this.code = ok ? 0 : code
      this.bytes = ok ? this.transferred() : 0
      if (ok) {
        this.counters.completed++
        this.counters.bytes += this.bytes
      } else this.counters.fail(code)
      return true
    }
    this.state = PENDING
    endpoint.pending.push(this)
    if (byEvent) endpoint.engine.counters.pending++
    else source.submitted(endpoint, this.address)
    return false
  }

  /** Asks the kernel to give it back. */
  cancel(): void {
    const { endpoint } = this
    this.startCancelling()
    endpoint.cancellations++
    endpoint.engine.cancel(endpoint.socket as SocketHandle, this.address)
    endpoint.engine.pump.poke()
  }

  /** Whatever it fails with from now on is this side's doing. */
  startCancelling(): void {
    const { engine } = this.endpoint
    this.epoch = engine.epoch
    if (this.state !== PENDING) return
    this.state = CANCELLING
    engine.graceBegins()
  }

  /** Its packet was dequeued, or its event may have been signalled: false when it has not ended. */
  packet(): boolean {
    if (this.state === IDLE) return false
    const status = this.status()
    // the kernel writes the status before it queues its own
    if (status === STATUS_PENDING) return false
    this.end(status, this.transferred())
    return true
  }

  /** Its call has failed with WSAEMSGSIZE, which is a warning to the kernel: what comes of it. */
  undecided(): number {
    return this.source.undecided(this.endpoint, this.address)
  }

  /** It was answered with a failure, and nothing of it will be heard any more: the status, where the kernel wrote none. */
  answerIs(status: number): void {
    if (this.status() !== STATUS_PENDING) return
    const { at, view } = this.record
    view.setUint32(at + OVERLAPPED.offsets[this.endpoint.engine.seam.abi].Internal, status, true)
  }

  /** The kernel never gave it back: it ends as aborted, and its memory is left to the kernel. */
  giveUp(): void {
    const { engine, number } = this.endpoint
    const { at, view } = this.record
    engine.leak(this.name, number, view, at, this.address)
    this.leaked = true
    this.startCancelling()
    this.end(STATUS_CANCELLED, 0)
    this.source.abandoned(this.address)
    this.disown()
    engine.records.abandon(this.record)
    this.abandon?.(engine)
  }

  /** Gives its memory back, unless that was left to the kernel. */
  release(): void {
    if (this.leaked) return
    this.disown()
    this.endpoint.engine.records.release(this.record)
  }

  // Wine says of a DisconnectEx that it is pending when it has succeeded, and skips its packet. Should one come all the
  // same, it is ignored as any that nobody waits for
  private hasSucceeded(): boolean {
    return this.name === "DisconnectEx" && this.status() === 0
  }

  private status(): number {
    const { at, view } = this.record
    return view.getUint32(at + OVERLAPPED.offsets[this.endpoint.engine.seam.abi].Internal, true)
  }

  private transferred(): number {
    const { at, view } = this.record
    return view.getUint32(at + OVERLAPPED.offsets[this.endpoint.engine.seam.abi].InternalHigh, true)
  }

  private end(status: number, bytes: number): void {
    const { counters, endpoint } = this
    const { engine } = endpoint
    this.cancelled = this.state === CANCELLING
    this.state = IDLE
    endpoint.pending.remove(this)
    if (this.byEvent) engine.counters.pending--
    else this.source.completed(this.address)
    if (this.cancelled) engine.graceEnds()
    this.bytes = bytes
    this.code = toWsaError(status) === 0 ? 0 : status | 0
    this.unasked = !this.cancelled && status === STATUS_CANCELLED
    if (this.code === 0) {
      counters.completed++
      counters.bytes += bytes
      if (this.cancelled) engine.recovered(endpoint.number, this.name)
    } else if (this.cancelled || this.unasked) counters.aborted++
    else counters.fail(this.code)
    if (this.settle === undefined) return
    endpoint.settleLater(this.settle)
    this.settle = undefined
    engine.pump.release()
  }
}
