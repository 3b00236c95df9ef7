/**
 * Fibers that ask the system's resolver: how many at once, who is next, and how asking ends. What a question is and
 * how its answer comes is for those who extend this.
 *
 * Fibers are resumed from the pump's loop only, as those that wait for sockets are.
 */
import * as Effect from "effect/Effect"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Endpoint, Engine, OperationCounters } from "./engine.ts"
import type { Settle } from "./socketEndpoint.ts"

// what a question is doing
/** It waits for its turn: no call was made. */
export const QUEUED = 0
/** The provider has it. */
export const PENDING = 1
/** The provider has it, and was asked to give it up. */
export const CANCELLING = 2
/** The provider has it, and nobody waits for that any more. */
export const ABANDONED = 3
/** It has ended, and its fiber is to be told. */
export const ENDED = 4
/** Its fiber was told. */
export const TOLD = 5

export abstract class NameCall<A> {
  state = QUEUED
  /** What its fiber is told. */
  outcome: Effect.Effect<A, WinsockError> = Effect.never
  /** Who waits for the end of its interruption. */
  settle: Settle | undefined = undefined
  readonly resume: (outcome: Effect.Effect<A, WinsockError>) => void

  constructor(resume: (outcome: Effect.Effect<A, WinsockError>) => void) {
    this.resume = resume
  }
}

export abstract class NameCalls<A, C extends NameCall<A>> implements Endpoint {
  readonly key: number
  dirty = false
  nextDirty: Endpoint | undefined = undefined
  readonly engine: Engine
  protected readonly counters: OperationCounters
  protected closing = false
  /** How many questions the provider has whose places are taken. */
  protected busy = 0
  private readonly operation: string
  private readonly places: number
  private readonly queue: Array<C> = []
  private readonly ended: Array<C> = []
  private readonly closers: Array<() => void> = []

  constructor(engine: Engine, operation: string, places: number, counters: OperationCounters) {
    this.engine = engine
    this.operation = operation
    this.places = places
    this.counters = counters
    this.key = engine.reserve()
    engine.register(this)
  }

  /** Asks, and comes to `end`, at once or later. */
  protected abstract begin(call: C): void
  /** Its fiber is interrupted. */
  protected abstract interrupted(call: C): void
  /** No more is asked: gives up what is under way. */
  protected abstract giveUp(): void
  /** Whether closing has to wait for the provider. */
  protected abstract owed(): boolean
  /** Closing waits no longer. */
  protected abstract dispose(): void
  abstract grace(epoch: number): void

  /** An effect that asks. */
  ask(make: (resume: (outcome: Effect.Effect<A, WinsockError>) => void) => C): Effect.Effect<A, WinsockError> {
    return Effect.callback<A, WinsockError>((resume) => {
      if (this.closing || this.engine.closed) {
        resume(Effect.fail(WinsockErrors.socketClosed(this.operation)))
        return
      }
      const call = make(resume)
      this.engine.counters.waiters++
      this.engine.pump.retain()
      if (this.busy < this.places) this.start(call)
      else this.queue.push(call)
      return Effect.callback<void>((settled) => this.interrupt(call, settled))
    })
  }

  private start(call: C): void {
    this.counters.submitted++
    call.state = PENDING
    this.busy++
    this.begin(call)
  }

  private interrupt(call: C, settled: Settle): void {
    if (call.state === TOLD) return settled(Effect.void)
    call.settle = settled
    if (call.state === QUEUED) {
      this.queue.splice(this.queue.indexOf(call), 1)
      this.tell(call)
    } else if (call.state === PENDING) this.interrupted(call)
  }

  /** The fiber of a question can be told what came of it. */
  protected end(call: C, outcome: Effect.Effect<A, WinsockError>): void {
    call.outcome = outcome
    this.ended.push(call)
    this.engine.poke(this)
  }

  private tell(call: C): void {
    const { engine } = this
    if (call.state !== ABANDONED) call.state = TOLD
    engine.counters.waiters--
    engine.pump.release()
    if (call.settle === undefined) call.resume(call.outcome)
    else call.settle(Effect.void)
  }

  // --- Endpoint: its answers do not come through the port ---

  packet(): void {}
  sentinel(): void {}
  broken(): void {}

  settle(): void {
    const { ended, engine, queue } = this
    // one by one out of the list: what throws must not take the others with it
    for (let call = ended.shift(); call !== undefined; call = ended.shift()) this.tell(call)
    while (this.busy < this.places && queue.length > 0) this.start(queue.shift()!)
    if (!this.closing || this.owed() || this.closers.length === 0) return
    this.dispose()
    engine.unregister(this, false)
    engine.pump.release()
    for (let done = this.closers.pop(); done !== undefined; done = this.closers.pop()) done()
  }

  readonly close = (done: () => void): void => {
    this.closers.push(done)
    this.engine.poke(this)
    if (this.closing) return
    this.closing = true
    this.engine.pump.retain()
    for (const call of this.queue.splice(0)) {
      call.state = ENDED
      this.end(call, Effect.fail(this.aborted()))
    }
    this.giveUp()
  }

  protected aborted(): WinsockError {
    return WinsockErrors.operationAborted(this.operation)
  }
}
