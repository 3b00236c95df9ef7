/**
 * One call of Winsock2 in its two forms: overlapped, from its posting to its end, and answered at once.
 *
 * What has come of it is read out of the kernel's memory when it ends, and kept: it may be asked for any number of times.
 */
import { STATUS_CANCELLED, STATUS_PENDING, toWsaError } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import {
  ERROR_NOT_FOUND,
  WSA_IO_INCOMPLETE,
  WSA_IO_PENDING,
  WSAEMSGSIZE,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Handle, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import type { EventObjectOf } from "./eventObject.ts"
import { CANCELLING, Operation } from "./operation.ts"
import type { Settle } from "./socketEndpoint.ts"
import type { CallMemory } from "./winsock2Memory.ts"
import type { CallSocket, Pending } from "./winsock2Socket.ts"
import { outOfMemory } from "./winsock2Socket.ts"
import { beginOrPark } from "./waiters.ts"

export const TypeId: unique symbol = Symbol.for("@effect-winsock/core/Winsock2/Overlapped")

/** How a call ended that did not fail. */
export interface Ended {
  readonly bytes: number
  /** What the call or WSAGetOverlappedResult says in its flags. */
  readonly flags: number
  /** Whether it was WSAEMSGSIZE: something did not fit. */
  readonly cut: boolean
}

/** A call that is checked and has its memory, and was not made. */
export interface Call<A> {
  /** Its name in the headers. */
  readonly name: string
  readonly counter: "receive" | "send" | "connect" | "accept" | "disconnect" | "ioctl"
  readonly memory: CallMemory
  /** What it takes: not overlapped where there is no OVERLAPPED. */
  readonly arguments: (socket: SocketHandle, overlapped: number, routine: number) => ReadonlyArray<number>
  /** Makes it on this thread: whether it succeeded. */
  readonly perform: (args: ReadonlyArray<number>) => boolean
  readonly value: (ended: Ended) => A
  /** Whether WSAEMSGSIZE is a success that something is missing of. */
  readonly cuts: boolean
  /** Whether its flags are told by WSAGetOverlappedResult when it ends later. */
  readonly flagged: boolean
  /** Whether nothing may be sent after it when it was cancelled. */
  readonly tears: boolean
  /** Where in a file it begins. */
  readonly offset: number
  /** How many bytes it transfers at most, when that is not what its buffers have. */
  readonly most?: number
  /** Gives back what else it holds, when the kernel has it no more. */
  readonly release: () => void
}

type Called = (...args: Array<any>) => number

/** What a call takes, and how it is made, where `succeeds` tells of its result. */
const through =
  (succeeds: (result: number) => boolean) =>
  <F extends Called>(
    call: F,
    args: (socket: SocketHandle, overlapped: number, routine: number) => Parameters<F>
  ): Pick<Call<unknown>, "arguments" | "perform"> => ({
    arguments: args,
    perform: (given) => succeeds(call(...given))
  })

/** Of a call that fails with SOCKET_ERROR. */
export const socketCall = through((result) => result === 0)

/** Of a call that fails with FALSE. */
export const booleanCall = through((result) => result !== 0)

/** Frees what a call holds. */
const dispose = (call: Call<unknown>): void => {
  call.memory.engine.heap.free(call.memory.block)
  call.release()
}

const countersOf = (engine: Engine, { counter }: Call<unknown>) => engine.counters[counter]

type Resume<A> = (effect: Effect.Effect<A, WinsockError>) => void

/** An event that a call was given, for as long as the kernel has it. */
interface Told {
  readonly object: EventObjectOf
}

export class OverlappedOf<A> implements Pending {
  readonly [TypeId]: typeof TypeId = TypeId
  /** The name of its call. */
  readonly name: string
  /** Waits for its end; whoever asks later gets the same. */
  readonly result: Effect.Effect<A, WinsockError>
  readonly socket: CallSocket
  private readonly operation: Operation
  private readonly call: Call<A>
  private readonly told: Told | undefined
  private readonly waiters: Array<Resume<A>> = []
  private outcome: Effect.Effect<A, WinsockError> | undefined = undefined
  // a message or bytes that nobody has asked for yet
  private untaken = false
  // nobody will
  private unwanted = false
  private pended = false
  private abandoned = false
  // whether its outcome was read
  private concluded = false

  constructor(socket: CallSocket, call: Call<A>, operation: Operation, event: EventObjectOf | undefined) {
    this.name = call.name
    this.socket = socket
    this.call = call
    this.operation = operation
    this.told = event === undefined ? undefined : { object: event }
    operation.abandon = this.abandon
    const wait = Effect.callback<A, WinsockError>((resume) => {
      if (this.outcome !== undefined) return resume(this.take)
      this.park(resume)
      return Effect.sync(() => this.leave(resume))
    })
    this.result = Effect.suspend(() => (this.outcome === undefined ? wait : this.take))
  }

  get isOver(): boolean {
    return this.outcome !== undefined
  }

  /** Whether a routine tells of its end. */
  get hasRoutine(): boolean {
    return this.operation.routine !== 0
  }

  /** Makes the call; why it failed, when it did. */
  post(): WinsockError | undefined {
    const { call, operation, socket, told } = this
    const { engine } = socket
    const event = told?.object.event
    if (event !== undefined) {
      event.busy = true
      event.reset()
    }
    // the low bit of hEvent asks for no packet
    operation.prepare(event === undefined ? 0 : ((event.handle | 1) as Handle), call.offset)
    const ok = call.perform(call.arguments(socket.socket as SocketHandle, operation.address, operation.routine))
    const answer = ok ? 0 : engine.calls.WSAGetLastError()
    const undecided = answer === WSAEMSGSIZE && call.cuts && event === undefined
    if (!operation.answered(undecided ? WSA_IO_PENDING : answer)) {
      this.pended = !undecided
      socket.expect(operation, this)
      if (undecided) socket.decide(operation)
      if (event !== undefined) told!.object.waits.watch(event, operation)
      return undefined
    }
    const { code } = operation
    if (code === 0 || (code === WSAEMSGSIZE && call.cuts)) {
      this.ended()
      return undefined
    }
    this.giveBack()
    return socket.error(call.name, code)
  }

  // --- its end ---

  ended(): void {
    const { bytes, cancelled, code, unasked } = this.operation
    if (!this.concluded) this.conclude(code, bytes, cancelled, unasked)
    this.giveBack()
  }

  // reads out of the kernel's memory what has come of it
  private conclude(status: number, count: number, cancelled: boolean, unasked: boolean): void {
    const { call, socket } = this
    this.concluded = true
    const code = status < 0 ? toWsaError(status >>> 0) : status
    const cut = code === WSAEMSGSIZE && call.cuts
    if (!this.abandoned && (code === 0 || cut)) {
      return this.succeeded(call.value({ bytes: this.bytes(count, cut), flags: this.flags(), cut }))
    }
    // aborted by cause, not by code
    const error = cancelled ? WinsockErrors.operationAborted(call.name) : socket.error(call.name, status)
    if (call.tears && (cancelled || unasked)) socket.torn = true
    this.outcome ??= Effect.fail(error)
  }

  private succeeded(value: A): void {
    const { engine } = this.socket
    // whoever waited was told that nothing would come any more
    const late = this.outcome !== undefined
    this.outcome ??= Effect.succeed(value)
    if (this.call.counter !== "receive") return
    if (this.unwanted || late) engine.counters.discarded++
    else {
      this.untaken = true
      engine.counters.inbox++
    }
  }

  // what was cut fills the buffers, and may have no count
  private bytes(count: number, cut: boolean): number {
    const { memory, most } = this.call
    return Math.min(cut && count === 0 ? memory.capacity : count, most ?? memory.capacity)
  }

  private flags(): number {
    const { call, operation, socket } = this
    if (!call.flagged) return 0
    if (!this.pended) return call.memory.readFlags()
    if (socket.socket === -1) return 0
    const { calls, scratch } = socket.engine
    scratch.view.setUint32(8, 0, true)
    calls.WSAGetOverlappedResult(socket.socket, operation.address, scratch.address, 0, scratch.address + 8)
    return scratch.view.getUint32(8, true)
  }

  private giveBack(): void {
    const { call, operation, socket, told } = this
    operation.release()
    if (!this.abandoned) dispose(call)
    if (told === undefined) return
    told.object.event.busy = false
    // closing the event may wait for that
    socket.engine.poke(told.object.waits)
  }

  // the kernel never gave it back
  private readonly abandon = (engine: Engine): void => {
    this.abandoned = true
    engine.heap.abandon(this.call.memory.block)
  }

  unheard(code: number): void {
    this.outcome ??= Effect.fail(this.socket.error("GetQueuedCompletionStatusEx", code))
  }

  // --- who waits for it ---

  /** Its outcome, which is whoever's it is given to from then on. */
  readonly take: Effect.Effect<A, WinsockError> = Effect.suspend(() => this.taken())

  taken(): Effect.Effect<A, WinsockError> {
    if (this.untaken) {
      this.untaken = false
      this.socket.engine.counters.inbox--
    }
    return this.outcome!
  }

  park(resume: Resume<A>): void {
    const { engine } = this.socket
    this.waiters.push(resume)
    engine.counters.waiters++
    engine.pump.retain()
  }

  leave(resume: Resume<A>): void {
    const at = this.waiters.indexOf(resume)
    if (at === -1) return
    this.waiters.splice(at, 1)
    this.left()
  }

  private left(): void {
    const { engine } = this.socket
    engine.counters.waiters--
    engine.pump.release()
  }

  deliver(): void {
    for (let resume = this.waiters.shift(); resume !== undefined; resume = this.waiters.shift()) {
      this.left()
      // taken in the fiber's first step, or not at all
      resume(this.take)
    }
  }

  // --- its early end ---

  /** Nobody wants it any more: cancels it when the kernel has it, and is told when that is over. */
  finish(settled: Settle): void {
    const { operation, socket } = this
    this.unwanted = true
    if (this.untaken) {
      this.untaken = false
      socket.engine.counters.inbox--
      socket.engine.counters.discarded++
    }
    if (!operation.isPending) return settled(Effect.void)
    if (operation.state !== CANCELLING) return socket.interrupted(operation, settled)
    operation.settle = settled
    socket.engine.pump.retain()
  }

  /** Asks for its early end; it ends as ever. */
  get cancel(): Effect.Effect<void, WinsockError> {
    return Effect.suspend(() => {
      const { operation, socket } = this
      if (!operation.isPending) return Effect.fail(socket.error("CancelIoEx", ERROR_NOT_FOUND))
      socket.cancel(operation)
      return Effect.void
    })
  }

  /** Its outcome when it has ended, without waiting. */
  get poll(): Effect.Effect<A, WinsockError> {
    return Effect.suspend(() => {
      if (this.outcome === undefined) this.look()
      if (this.outcome !== undefined) return this.take
      return Effect.fail(this.socket.error("WSAGetOverlappedResult", WSA_IO_INCOMPLETE))
    })
  }

  // the kernel may be done with it, and its packet not seen yet: until then its memory is not given back
  private look(): void {
    const { operation, socket, told } = this
    const { engine } = socket
    if (socket.socket === -1) return
    engine.poke(socket)
    const { calls, scratch } = engine
    const { address } = operation
    const over = calls.WSAGetOverlappedResult(socket.socket, address, scratch.address, 0, scratch.address + 8)
    if (over === 0 && calls.WSAGetLastError() === WSA_IO_INCOMPLETE) return
    // no packet will come
    if (told !== undefined) return socket.packet(address)
    const { at, view } = operation.record
    const offsets = OVERLAPPED.offsets[engine.seam.abi]
    const status = view.getUint32(at + offsets.Internal, true)
    if (status === STATUS_PENDING) return
    const cancelled = operation.state === CANCELLING
    const failed = toWsaError(status) === 0 ? 0 : status | 0
    const unasked = !cancelled && status === STATUS_CANCELLED
    this.conclude(failed, view.getUint32(at + offsets.InternalHigh, true), cancelled, unasked)
    socket.deliverLater(this)
  }
}

/** Makes the call overlapped. */
export const begin = <A>(
  socket: CallSocket,
  call: Call<A>,
  event: EventObjectOf | undefined
): OverlappedOf<A> | WinsockError => {
  const { engine } = socket
  if (engine.brokenBy !== 0) {
    dispose(call)
    return socket.error("GetQueuedCompletionStatusEx", engine.brokenBy)
  }
  let operation: Operation
  try {
    operation = new Operation(socket, call.name, countersOf(engine, call))
  } catch {
    dispose(call)
    return outOfMemory(call.name)
  }
  const overlapped = new OverlappedOf(socket, call, operation, event)
  return overlapped.post() ?? overlapped
}

const isError = (u: unknown): u is WinsockError => u instanceof WinsockErrors.WinsockError

/** Makes the call overlapped and waits for its end; an interruption cancels it, and ends when that is over. */
export const run = <A>(
  socket: CallSocket,
  name: string,
  prepare: () => Call<A> | WinsockError
): Effect.Effect<A, WinsockError> => {
  const start = (): OverlappedOf<A> | WinsockError => {
    if (!socket.isOpen) return WinsockErrors.socketClosed(name)
    const call = prepare()
    return isError(call) ? call : begin(socket, call, undefined)
  }
  const await_ = (overlapped: OverlappedOf<A>, resume: Resume<A>): Effect.Effect<void> => {
    overlapped.park(resume)
    // never in this step: the fiber may yield after it, and an interruption take along what it was given
    if (overlapped.isOver) socket.deliverLater(overlapped)
    return Effect.callback<void>((settled) => {
      overlapped.leave(resume)
      overlapped.finish(settled)
    })
  }
  const parked = Effect.callback<A, WinsockError>((resume) => {
    const begun = start()
    return isError(begun) ? resume(Effect.fail(begun)) : await_(begun, resume)
  })
  return beginOrPark(() => {
    // a loop of calls that answer at once must let the event loop turn
    if (socket.engine.pump.direct-- <= 0) return parked
    const begun = start()
    if (isError(begun)) return Effect.fail(begun)
    return begun.isOver ? begun.taken() : Effect.callback<A, WinsockError>((resume) => await_(begun, resume))
  }, parked)
}

/** Makes the call so that it answers at once; `WouldBlock` when there is nothing to answer. */
export const now = <A>(
  socket: CallSocket,
  name: string,
  prepare: () => Call<A> | WinsockError
): Effect.Effect<A, WinsockError> => {
  const perform = (): Effect.Effect<A, WinsockError> => {
    if (!socket.isOpen) return Effect.fail(WinsockErrors.socketClosed(name))
    const call = prepare()
    if (isError(call)) return Effect.fail(call)
    const { engine } = socket
    const counters = countersOf(engine, call)
    const { memory } = call
    const ok = call.perform(call.arguments(socket.socket as SocketHandle, 0, 0))
    const code = ok ? 0 : engine.calls.WSAGetLastError()
    const cut = code === WSAEMSGSIZE && call.cuts
    if (code !== WSAEWOULDBLOCK) {
      counters.submitted++
      if (code === 0 || cut) {
        counters.completed++
        counters.bytes += memory.readCount()
      } else counters.fail(code)
    }
    const outcome =
      code === 0 || cut
        ? Effect.succeed(call.value({ bytes: memory.readCount(), flags: memory.readFlags(), cut }))
        : Effect.fail(socket.error(call.name, code))
    dispose(call)
    return outcome
  }
  // where the fiber may yield, it has nothing in hand yet
  const parked = Effect.flatMap(
    Effect.callback<void>((resume) => socket.settleLater(resume)),
    perform
  )
  return beginOrPark(() => (socket.engine.pump.direct-- <= 0 ? parked : perform()), parked)
}
