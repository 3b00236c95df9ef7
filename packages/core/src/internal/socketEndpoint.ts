/**
 * What owns the operations of one SOCKET that are each of their own kind (streams, listeners): their packets, their
 * cancellation, and closing, which waits until the kernel has given everything back.
 */
import type * as Effect from "effect/Effect"
import * as Effects from "effect/Effect"
import type { SocketHandle } from "../Seam.ts"
import type { Completion, Owner } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { graceSteps } from "./engine.ts"
import { LinkedList } from "./lists.ts"
import type { Operation } from "./operation.ts"
import { CANCELLING, PENDING } from "./operation.ts"

/** Ends somebody's wait for a cancellation. */
export type Settle = (effect: Effect.Effect<void>) => void

// what a socket is doing
export const OPEN = 0
/** It does no more, but has not begun to give up what is under way. */
export const ENDING = 1
/** All that is pending is being cancelled. */
export const CLOSING = 2
export const CLOSED = 3

/** How the operations of a SOCKET complete and are cancelled. */
export interface CompletionMode {
  readonly completion: Completion
  /** Whether a call that succeeds at once has no packet. */
  readonly skips: boolean
  /** Whether single operations cannot be cancelled, so that the socket is closed instead. */
  readonly cancelCloses: boolean
}

export abstract class SocketEndpoint implements Owner {
  readonly key: number
  dirty = false
  nextDirty: Owner["nextDirty"] = undefined
  readonly engine: Engine
  /** -1 once closed: nothing may refer to the number any more. */
  socket: SocketHandle | -1
  /** What it was opened as: for reports, never for calls. */
  readonly number: number
  /** Whether a call that succeeds at once has no packet. */
  readonly skips: boolean
  readonly completion: Completion
  state = OPEN
  /** Whether single operations cannot be cancelled. */
  protected readonly cancelCloses: boolean
  /** What the kernel has. */
  readonly pending = new LinkedList<Operation>()
  /** How many cancellations of its operations were asked for: on Windows one of a receive ends all of them. */
  cancellations = 0
  protected leaked = false
  private readonly closers: Array<() => void> = []
  private readonly settled: Array<Settle> = []

  constructor(engine: Engine, socket: SocketHandle, key: number, mode: CompletionMode) {
    this.engine = engine
    this.socket = socket
    this.number = socket
    this.key = key
    this.completion = mode.completion
    this.skips = mode.skips
    this.cancelCloses = mode.cancelCloses
  }

  /** Takes over the SOCKET: from now on it is closed here. */
  protected own(): void {
    const { completion, engine } = this
    engine.register(this)
    engine.counters.sockets++
    completion.main.opened()
    if (completion.other !== completion.main) completion.other.opened()
  }

  /** Takes note of the end of an operation; runs nobody's code. */
  protected abstract ended(operation: Operation): void
  /** Serves who waits and posts what is owed; may run anybody's code. */
  protected abstract work(): void
  /** Begins to end it, in whatever way is its own, and comes to `stop`. */
  protected abstract end(): void
  /** The SOCKET is closed and the kernel has nothing: gives back what is left. */
  protected abstract dispose(): void

  packet(overlapped: number): void {
    const operation = this.engine.records.find(overlapped)
    if (operation === undefined || operation.endpoint !== this || !operation.packet()) return
    this.engine.mark(this)
    this.ended(operation)
  }

  // its operations have one packet each, or none: nothing is ever undecided
  sentinel(_overlapped: number): void {}

  settle(): void {
    const { engine, settled } = this
    this.work()
    // one by one out of the list: what throws must not take the others with it
    for (let settle = settled.shift(); settle !== undefined; settle = settled.shift()) {
      engine.pump.release()
      settle(Effects.void)
    }
    if (this.state === CLOSING) {
      if (this.pending.length === 0) this.finish()
      else if (engine.brokenBy !== 0) {
        // no packet will ever come: there is nothing to wait for
        this.shut()
        this.giveUp()
        engine.mark(this)
      }
    } else if (this.state === CLOSED) this.report()
  }

  /** Ends somebody's wait for a cancellation when it is at rest. */
  settleLater(settle: Settle): void {
    this.engine.pump.retain()
    this.settled.push(settle)
    this.engine.mark(this)
  }

  /** Nobody wants the operation any more: cancels it, or closes the socket where single ones cannot be cancelled. */
  interrupted(operation: Operation, settle: Settle | undefined): void {
    operation.settle = settle
    if (settle !== undefined) this.engine.pump.retain()
    if (this.cancelCloses) this.shut()
    else operation.cancel()
  }

  /** Nobody needs the operation, but it harms nobody either: cancels it where single ones can be cancelled. */
  unwanted(operation: Operation): void {
    if (!this.cancelCloses) operation.cancel()
  }

  broken(): void {
    this.engine.poke(this)
  }

  // a cancellation that does not complete: close the socket, and when that does not help either, give up its memory
  grace(epoch: number): void {
    let expired = false
    for (let one = this.pending.head; one !== undefined; one = one.next) {
      if (one.state === CANCELLING && epoch - one.epoch >= graceSteps) expired = true
    }
    if (!expired) return
    if (this.socket !== -1) this.shut()
    else this.giveUp()
    this.engine.poke(this)
  }

  // --- closing ---

  /** Ends it, and calls back when nothing refers to its SOCKET or memory. */
  readonly close = (done: () => void): void => {
    if (this.state === CLOSED) return done()
    this.closers.push(done)
    if (this.state === OPEN) {
      this.state = ENDING
      this.engine.pump.retain()
      this.end()
    }
    this.engine.poke(this)
  }

  /** Gives up what is under way, and closes the SOCKET when that is done. */
  protected stop(): void {
    if (this.state >= CLOSING) return
    // what cannot be cancelled completes when the SOCKET is closed
    if (this.cancelCloses) return this.closeUnder()
    this.state = CLOSING
    if (this.active()) this.engine.cancel(this.socket as SocketHandle, 0)
    this.cancelAll()
    this.engine.poke(this)
  }

  /** Closes the SOCKET under its operations: they complete, each with an error that is this side's doing. */
  protected shut(): void {
    this.closeUnder()
  }

  private closeUnder(): void {
    if (this.state === OPEN) this.engine.pump.retain()
    if (this.state < CLOSING) this.state = CLOSING
    this.cancelAll()
    this.closeSocket()
    this.engine.poke(this)
  }

  private active(): boolean {
    for (let one = this.pending.head; one !== undefined; one = one.next) if (one.state === PENDING) return true
    return false
  }

  private cancelAll(): void {
    for (let one = this.pending.head; one !== undefined; one = one.next) one.startCancelling()
  }

  private closeSocket(): void {
    if (this.socket === -1) return
    const { socket } = this
    this.socket = -1
    this.engine.calls.closesocket(socket)
    this.engine.counters.sockets--
  }

  // leaves to the kernel what it never gave back
  private giveUp(): void {
    this.leaked = true
    for (let one = this.pending.head; one !== undefined; one = this.pending.head) {
      one.giveUp()
      this.ended(one)
    }
  }

  private finish(): void {
    this.state = CLOSED
    this.closeSocket()
    this.dispose()
    this.engine.unregister(this, this.leaked)
    const { main, other } = this.completion
    main.closed()
    if (other !== main) other.closed()
    this.engine.pump.release()
    this.report()
  }

  private report(): void {
    for (let done = this.closers.pop(); done !== undefined; done = this.closers.pop()) done()
  }
}
