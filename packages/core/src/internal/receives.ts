/**
 * The receives of one datagram socket, as far as the kernel is concerned: posting, completing, releasing in order.
 *
 * Receives belong to the socket, not to the fiber that waits: they are all alike, form a list in posting order, and
 * their results are released from its head only, whatever order they completed in.
 */
import { STATUS_BUFFER_OVERFLOW, STATUS_CANCELLED, STATUS_PENDING, toWsaError } from "@effect-winsock/schema/NtStatus"
import {
  WSA_IO_PENDING,
  WSAECONNREFUSED,
  WSAECONNRESET,
  WSAEMSGSIZE,
  WSAENETRESET
} from "@effect-winsock/schema/WsaError"
import type * as Effect from "effect/Effect"
import type { Block, Extensions, SocketHandle } from "../Seam.ts"
import type { Completion, Owner, Source } from "./completion.ts"
import { NOTHING_COMES, SENTINEL_COMES, UNKNOWN } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { SlotList } from "./lists.ts"
import { Messages } from "./messages.ts"
import type { SlotShape } from "./slots.ts"
import {
  CANCELLING,
  DONE,
  INBOX,
  makeShape,
  NO_MEMORY,
  OWN,
  POSTED,
  SENTINEL,
  Slots,
  SPENT,
  writeConstants
} from "./slots.ts"

/** Ends somebody's wait for a cancellation. */
export type Settle = (effect: Effect.Effect<void>) => void

// what a socket is doing
export const OPEN = 0
export const CLOSING = 1
export const CLOSED = 2

export interface DatagramOptions {
  readonly ipv4: boolean
  readonly maxMessageSize: number
  readonly controlSize: number
  readonly lookAhead: number
  readonly maxPosted: number
  readonly cancel: "operation" | "close"
  readonly completion: Completion
  readonly truncation: "deliver" | "fail"
  /** Whether reports that an earlier send met a dead peer are results. */
  readonly peerErrors: boolean
  /** Whether the provider joins datagrams, so that a result may be several. */
  readonly coalescing: boolean
}

/** How often in a row an abort that nobody asked for is answered by posting again. */
const mostReposts = 16

/** A report of a dead peer, as Windows makes it or, of a connected socket, Linux under Wine. */
const isPeerError = (code: number): boolean =>
  code === WSAECONNRESET || code === WSAENETRESET || code === WSAECONNREFUSED

export abstract class Receives implements Owner {
  readonly key: number
  dirty = false
  nextDirty: Owner["nextDirty"] = undefined
  readonly engine: Engine
  /** -1 once closed: nothing may refer to the number any more. */
  socket: SocketHandle | -1
  /** What it was opened as: for reports, never for calls. */
  readonly number: number
  state = OPEN

  protected readonly recvMsg: Extensions["WSARecvMsg"]
  protected readonly source: Source
  protected readonly options: DatagramOptions
  protected readonly shape: SlotShape
  protected readonly messages: Messages
  protected readonly slots: Slots

  // every slot in the kernel or DONE, in posting order
  protected readonly order = new SlotList(0)
  // POSTED slots, in posting order: the tail is the newest that is not cancelling
  protected readonly active = new SlotList(0)
  protected readonly inbox = new SlotList(0)
  // DONE slots: completed, but not released
  protected done = 0
  // slots that the kernel or the port still owes something for
  protected inKernel = 0
  // by slot: who waits for the cancellation to complete
  protected readonly settlers: Array<Settle | undefined> = []
  protected readonly settled: Array<Settle> = []
  // there was no memory for the only receive
  protected starved = false
  // whether a call that answers at once is likely to find a datagram
  protected hot = false
  private reposts = 0
  protected leaked = false
  // one slot for calls that answer at once, shared by all sockets of this shape
  protected readonly now: Block

  constructor(
    engine: Engine,
    socket: SocketHandle,
    recvMsg: Extensions["WSARecvMsg"],
    options: DatagramOptions,
    key: number
  ) {
    this.engine = engine
    this.key = key
    this.socket = socket
    this.number = socket
    this.recvMsg = recvMsg
    this.source = options.completion.main
    this.options = options
    this.shape = makeShape(engine.seam.abi, options.controlSize, options.maxMessageSize)
    this.messages = new Messages(this.shape, engine.arena)
    this.slots = new Slots(engine, this.shape, [this.order, this.active, this.inbox], this.source)
    this.now = engine.shared(
      `receive ${options.controlSize} ${options.maxMessageSize}`,
      this.shape.stride + 16,
      (block) => {
        writeConstants(this.shape, block, 0)
      }
    )
  }

  abstract packet(overlapped: number): void
  abstract settle(): void
  abstract grace(epoch: number): void
  abstract broken(): void
  abstract readonly close: (done: () => void) => void

  /** How many fibers wait. */
  protected abstract waiting(): number

  /** Whether a failure only says that an earlier send met a dead peer, which nobody here wants to hear. */
  ignores(code: number): boolean {
    return !this.options.peerErrors && isPeerError(code)
  }

  // --- posting ---

  // the invariant: posted (not cancelling) + results in hand <= waiters + lookAhead. How many more it allows
  protected wanted(): number {
    return this.waiting() + this.options.lookAhead - this.active.length - this.done - this.inbox.length
  }

  protected fill(): void {
    const { maxPosted } = this.options
    this.starved = false
    // cancelled receives still hold their slots: a storm of interruptions must not grow the memory without end
    while (
      this.state === OPEN &&
      this.engine.brokenBy === 0 &&
      this.wanted() > 0 &&
      this.active.length < maxPosted &&
      this.inKernel < 2 * maxPosted
    ) {
      const slot = this.slots.acquire()
      if (slot !== NO_MEMORY) {
        this.post(slot)
        continue
      }
      // a waiter without a receive of its own is served by the others'
      if (this.inKernel === 0) this.starved = true
      break
    }
    this.releaseHead()
  }

  private post(slot: number): void {
    const { engine, slots } = this
    const address = slots.address[slot]
    this.messages.reset(slots.view[slot], slots.at[slot])
    slots.owed[slot] = 0
    this.order.push(slot)
    engine.counters.receive.submitted++
    let code = this.postNow(address)
    for (let n = 0; n < mostReposts && this.ignores(code); n++) code = this.postNow(address)
    if (code !== 0 && code !== WSA_IO_PENDING && code !== WSAEMSGSIZE) return this.complete(slot, code, 0)
    slots.state[slot] = POSTED
    this.active.push(slot)
    this.inKernel++
    this.source.submitted(this, address)
    // its end is told all the same; that it answered at once says that more may be waiting
    if (code === 0) this.hot = true
    if (code === WSAEMSGSIZE) this.decide(slot)
  }

  // the kernel may take what the call has failed with for a warning, and tell of the end all the same
  private decide(slot: number): void {
    const { slots } = this
    const answer = this.source.undecided(this, slots.address[slot])
    if (answer === SENTINEL_COMES || answer === UNKNOWN) slots.owed[slot] = OWN | SENTINEL
    if (answer === UNKNOWN) this.undecidable(slot)
    else if (answer === NOTHING_COMES) {
      this.letGo(slot)
      this.finish(slot, STATUS_BUFFER_OVERFLOW)
    }
  }

  private postNow(address: number): number {
    const { routine } = this.source
    const rc = this.recvMsg(this.socket as SocketHandle, address + this.shape.message, 0, address, routine)
    return rc === 0 ? 0 : this.engine.calls.WSAGetLastError()
  }

  // no sentinel could be posted: the call's own answer is the result, and the slot is never used again
  private undecidable(slot: number): void {
    this.leaked = true
    this.slots.owed[slot] = OWN
    this.letGo(slot)
    this.finish(slot, STATUS_BUFFER_OVERFLOW)
  }

  protected startCancelling(slot: number): void {
    this.active.remove(slot)
    this.slots.state[slot] = CANCELLING
    this.slots.epoch[slot] = this.engine.epoch
    this.engine.graceBegins()
  }

  // --- completing ---

  /** Notes a packet; false when it is none of the receives'. */
  protected receivePacket(overlapped: number): boolean {
    const { engine, slots } = this
    const slot = slots.find(overlapped)
    if (slot === -1) return false
    if (!this.isHeld(slot)) return true
    const status = this.messages.status(slots.view[slot], slots.at[slot])
    // somebody else's packet: the kernel writes the status before it queues its own
    if (status === STATUS_PENDING) return true
    engine.mark(this)
    if (slots.owed[slot] === 0) this.letGo(slot)
    else slots.owed[slot] = SENTINEL
    this.finish(slot, status)
    return true
  }

  sentinel(overlapped: number): void {
    const { slots } = this
    const slot = slots.find(overlapped)
    if (slot === -1 || (slots.owed[slot] & SENTINEL) === 0) return
    this.engine.mark(this)
    slots.owed[slot] = 0
    this.letGo(slot)
    // no packet came: the call's own answer is the result
    if (this.isHeld(slot)) this.finish(slot, STATUS_BUFFER_OVERFLOW)
    else if (slots.state[slot] === SPENT) slots.release(slot)
  }

  private isHeld(slot: number): boolean {
    const state = this.slots.state[slot]
    return state === POSTED || state === CANCELLING
  }

  // nothing more is owed for one slot
  private letGo(slot: number): void {
    this.inKernel--
    this.source.completed(this.slots.address[slot])
  }

  // the kernel gave the operation back
  private finish(slot: number, status: number): void {
    const { engine, messages, slots } = this
    const { counters } = engine
    const cancelled = slots.state[slot] === CANCELLING
    if (cancelled) this.endCancelling(slot)
    else this.active.remove(slot)

    const overflow = status === STATUS_BUFFER_OVERFLOW
    const code = overflow ? 0 : toWsaError(status)
    if (code !== 0) {
      // aborted by cause, not by code: whatever an operation fails with after we cancelled it or closed the socket is
      // our doing. An abort that nobody here asked for is answered by posting again
      const unasked = status === STATUS_CANCELLED && this.reposts < mostReposts
      const unheard = !cancelled && this.ignores(code)
      if (!cancelled && !unasked && !unheard) return this.complete(slot, status | 0, 0)
      if (!cancelled) counters.reposted++
      if (!cancelled && unasked) this.reposts++
      if (unheard) counters.receive.fail(status | 0)
      else counters.receive.aborted++
      this.order.remove(slot)
      return this.giveBack(slot)
    }

    this.reposts = 0
    if (cancelled) engine.recovered(this.number, "WSARecvMsg")
    const view = slots.view[slot]
    const at = slots.at[slot]
    const cut = messages.isCut(view, at, overflow)
    slots.truncated[slot] = cut ? 1 : 0
    this.complete(slot, 0, messages.size(view, at, cut))
  }

  private endCancelling(slot: number): void {
    this.engine.graceEnds()
    const settler = this.settlers[slot]
    if (settler === undefined) return
    this.settlers[slot] = undefined
    this.settled.push(settler)
  }

  private complete(slot: number, code: number, size: number): void {
    const { slots } = this
    const { receive } = this.engine.counters
    if (code === 0) {
      receive.completed++
      receive.bytes += size
    } else receive.fail(code)
    slots.code[slot] = code
    slots.size[slot] = size
    slots.state[slot] = DONE
    this.done++
  }

  // results leave from the head of the posting order only
  protected releaseHead(): void {
    const { order, slots } = this
    while (order.head !== -1 && slots.state[order.head] === DONE) {
      this.done--
      this.toInbox(order.shift())
    }
  }

  protected toInbox(slot: number): void {
    this.slots.state[slot] = INBOX
    this.inbox.push(slot)
    this.engine.counters.inbox++
  }

  protected giveBack(slot: number): void {
    if (this.slots.owed[slot] !== 0) this.slots.state[slot] = SPENT
    else this.slots.release(slot)
  }

  // --- taking over from another SOCKET ---

  /**
   * Takes over what came to another SOCKET, of an address of this one's and its port, while that was open: at most
   * `most` datagrams. What this socket has for that address is older. `seal` makes the other one take nothing more.
   */
  absorb(socket: SocketHandle, most: number, seal: () => void): void {
    const taken: Array<number> = []
    this.takeFrom(socket, taken, most)
    const early = taken.length > 0
    if (early) this.takeOwn(most)
    seal()
    this.takeFrom(socket, taken, most)
    if (taken.length === 0) return
    if (!early) this.takeOwn(most)
    this.enlist(taken)
    if (this.waiting() > 0) this.engine.poke(this)
  }

  // what waits in the kernel; while a receive waits there, nothing does
  private takeOwn(most: number): void {
    const { order } = this
    for (let slot = order.head; slot !== -1; slot = order.after(slot)) if (this.isPending(slot)) return
    const taken: Array<number> = []
    this.takeFrom(this.socket as SocketHandle, taken, most)
    this.enlist(taken)
  }

  private isPending(slot: number): boolean {
    const { slots } = this
    const status = this.messages.status(slots.view[slot], slots.at[slot])
    return this.isHeld(slot) && status === STATUS_PENDING
  }

  // behind all that has come, before the receives that still wait in the kernel
  private enlist(taken: ReadonlyArray<number>): void {
    const { order, slots } = this
    const later: Array<number> = []
    for (let slot = order.head; slot !== -1; slot = order.after(slot)) if (this.isPending(slot)) later.push(slot)
    for (const slot of later) order.remove(slot)
    for (const slot of taken) {
      order.push(slot)
      this.complete(slot, 0, slots.size[slot])
    }
    for (const slot of later) order.push(slot)
    this.releaseHead()
  }

  private takeFrom(socket: SocketHandle, into: Array<number>, most: number): void {
    const { engine, messages, now, shape, slots } = this
    while (into.length < most) {
      const slot = slots.acquire()
      if (slot === NO_MEMORY) return
      const view = slots.view[slot]
      const at = slots.at[slot]
      let code: number
      let tries = 0
      // a report about what was sent stands before the datagrams
      do {
        messages.reset(view, at)
        now.view.setUint32(shape.stride, shape.payloadCapacity, true)
        const message = slots.address[slot] + shape.message
        const rc = this.recvMsg(socket, message, now.address + shape.stride, 0, 0)
        code = rc === 0 ? 0 : engine.calls.WSAGetLastError()
      } while (isPeerError(code) && tries++ < mostReposts)
      if (code !== 0 && code !== WSAEMSGSIZE) return slots.release(slot)
      engine.counters.receive.submitted++
      slots.truncated[slot] = messages.isCut(view, at, code !== 0) ? 1 : 0
      slots.owed[slot] = 0
      slots.size[slot] = messages.bounded(now.view.getUint32(shape.stride, true))
      into.push(slot)
    }
  }

  /** Leaves to the kernel what it never gave back. */
  protected giveUp(): void {
    const { engine, order, slots } = this
    this.leaked = true
    for (let slot = order.head; slot !== -1;) {
      const after = order.after(slot)
      if (this.isHeld(slot)) {
        engine.leak("WSARecvMsg", this.number, slots.view[slot], slots.at[slot], slots.address[slot])
        this.endCancelling(slot)
        this.letGo(slot)
        this.source.abandoned(slots.address[slot])
        order.remove(slot)
        slots.state[slot] = SPENT
        slots.owed[slot] = OWN
      }
      slot = after
    }
    // sentinels that will not come either
    for (let slot = 0; slot < slots.allocated; slot++) if ((slots.owed[slot] & SENTINEL) !== 0) this.letGo(slot)
  }
}
