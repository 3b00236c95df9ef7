/**
 * Packets that came, and fibers that wait for them: bounded, first in, first out on both sides.
 *
 * A packet is given to a fiber at the moment it is resumed, never earlier, so that an interruption can take none along.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type { DatagramSocketError } from "effect/socket/DatagramSocket"

type Batch<A> = NonEmptyReadonlyArray<A>
type Pull<A> = Effect.Effect<Batch<A>, DatagramSocketError>

/**
 * How many steps of Effect's own a batch may be in hand for: where the fiber yields before they are over, an interruption
 * would drop it.
 */
const handOver = 4
/** With fewer steps between yields a fiber takes for itself, in the first step after it was resumed. */
const fewestSteps = 16

class Waiter<A> {
  readonly resume: (effect: Pull<A>) => void
  readonly hesitant: boolean
  waits = true
  constructor(resume: (effect: Pull<A>) => void, hesitant: boolean) {
    this.resume = resume
    this.hesitant = hesitant
  }
}

export class DatagramQueue<A> {
  /** Takes all that came, or waits for the next. */
  readonly pull: Pull<A>
  /** How many packets there was no room for. */
  dropped = 0
  /** What every pull fails with when there is nothing left to take. */
  failure: Effect.Effect<never, DatagramSocketError> | undefined = undefined

  private readonly capacity: number
  private readonly sliding: boolean
  // the first `head` of them are gone
  private packets: Array<A> = []
  private head = 0
  private readonly waiters: Array<Waiter<A>> = []

  constructor(capacity: number, sliding: boolean) {
    this.capacity = capacity
    this.sliding = sliding
    const wait = Effect.callback<Batch<A>, DatagramSocketError>((resume) => this.park(new Waiter(resume, false)))
    const hesitate = Effect.callback<Batch<A>, DatagramSocketError>((resume) => this.park(new Waiter(resume, true)))
    const pull: Pull<A> = Effect.withFiber((fiber) => {
      const most = fiber.cache.maxOpsBeforeYield
      if (most < fewestSteps) return hesitate
      if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => pull)
      if (this.size === 0) return this.failure ?? wait
      return this.waiters.length === 0 ? Effect.succeed(this.takeAll()) : wait
    })
    this.pull = pull
  }

  private get size(): number {
    return this.packets.length - this.head
  }

  /** Takes in what came. What a fiber does with it may throw, which is not for the receiving fiber to die of. */
  offer(batch: Batch<A>): void {
    if (this.failure !== undefined) return
    const { waiters } = this
    if (waiters.length === 1 && this.size === 0 && !waiters[0].hesitant) {
      return this.wake(waiters.pop()!, Effect.succeed(batch))
    }
    if (this.size === 0) {
      this.packets = batch.slice()
      this.head = 0
    } else for (const packet of batch) this.packets.push(packet)
    this.serve()
    this.bound()
  }

  /** The oldest waiter gets the next packet, and the last of them all that are left. */
  private serve(): void {
    const { waiters } = this
    // who comes back for more is served in this round, too: each takes one at least
    while (this.size > 0 && waiters.length > 0) {
      const waiter = waiters.shift()!
      if (waiter.hesitant) {
        this.offerTo(waiter)
        if (waiter.waits) return
      } else this.wake(waiter, Effect.succeed(waiters.length === 0 ? this.takeAll() : this.takeOne()))
    }
  }

  /**
   * A fiber that yields after a few steps: an interruption may have reached it but not its finalizer yet, and what it is
   * given then is dropped. It is told to take for itself; one that does not is taken out by its finalizer.
   */
  private offerTo(waiter: Waiter<A>): void {
    this.waiters.unshift(waiter)
    this.wake(
      waiter,
      Effect.suspend(() => {
        if (!waiter.waits) return this.pull
        this.leave(waiter)
        if (this.size === 0) return this.pull
        const taken = this.waiters.length === 0 ? this.takeAll() : this.takeOne()
        this.serveSoon()
        return Effect.succeed(taken)
      })
    )
  }

  // what there is no room for: the newest that came, or the oldest that wait
  private bound(): void {
    const excess = this.size - this.capacity
    if (excess <= 0) return
    this.dropped += excess
    if (!this.sliding) {
      this.packets.length -= excess
      return
    }
    this.head += excess
    if (this.head >= this.capacity) {
      this.packets = this.packets.slice(this.head)
      this.head = 0
    }
  }

  private takeAll(): Batch<A> {
    const { head, packets } = this
    this.packets = []
    this.head = 0
    return (head === 0 ? packets : packets.slice(head)) as unknown as Batch<A>
  }

  private takeOne(): Batch<A> {
    return [this.packets[this.head++]]
  }

  private park(waiter: Waiter<A>): Effect.Effect<void> {
    this.waiters.push(waiter)
    // only a fiber that yields after a few steps waits although there is something: from here it would yield with it
    if (waiter.hesitant) this.serveSoon()
    return Effect.sync(() => {
      this.leave(waiter)
      // it may have been told to take, and have kept those behind it waiting
      this.serveSoon()
    })
  }

  private serveSoon(): void {
    if (this.waiters.length === 0 || (this.size === 0 && this.failure === undefined)) return
    setImmediate(() => {
      this.serve()
      if (this.failure !== undefined && this.size === 0) this.failAll(this.failure)
    })
  }

  private leave(waiter: Waiter<A>): void {
    if (!waiter.waits) return
    waiter.waits = false
    const at = this.waiters.indexOf(waiter)
    if (at !== -1) this.waiters.splice(at, 1)
  }

  private wake(waiter: Waiter<A>, effect: Pull<A>): void {
    if (!waiter.hesitant) waiter.waits = false
    try {
      waiter.resume(effect)
    } catch (error) {
      // an observer of the fiber threw: that is nobody's here to catch
      queueMicrotask(() => {
        throw error
      })
    }
  }

  private failAll(failure: Effect.Effect<never, DatagramSocketError>): void {
    for (const waiter of this.waiters.splice(0)) {
      waiter.waits = false
      this.wake(waiter, failure)
    }
  }

  /** Nothing comes any more: what is there can still be taken. The first failure stays. */
  fail(error: DatagramSocketError): void {
    if (this.failure !== undefined) return
    this.failure = Effect.fail(error)
    if (this.size === 0) this.failAll(this.failure)
  }

  /** Nothing can be taken any more. */
  close(error: DatagramSocketError): void {
    this.packets = []
    this.head = 0
    this.failure = Effect.fail(error)
    this.failAll(this.failure)
  }
}
