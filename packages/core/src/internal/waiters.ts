/**
 * Fibers that wait in turn for something of a socket.
 *
 * What they wait for is given to the first in line at the moment it is resumed, never earlier, so an interruption can
 * never take it along; and never where the fiber may yield with it in hand (see `takeOrWait`).
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type { WinsockError } from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import type { Linked } from "./lists.ts"
import { LinkedList } from "./lists.ts"

export type Resume = (effect: Effect.Effect<any, any>) => void
type Settle = (effect: Effect.Effect<void>) => void

/**
 * How many of Effect's own steps a value may be in hand for: taking and returning it must fit in what is left before
 * the fiber yields, for an interruption that meets the yield drops the value.
 */
const handOver = 4
/** Below this many steps between yields the ready path would never find room: everything goes through the pump. */
export const fewestSteps = 16

/**
 * An effect that takes what is ready, or waits.
 *
 * `ready` takes it, or returns `undefined` when there is nothing or somebody is ahead. `park` gets in line.
 */
export const takeOrWait = <A, E>(
  ready: () => Effect.Effect<A, E> | undefined,
  park: (resume: Resume, again: Effect.Effect<A, E>, hesitant: boolean) => Effect.Effect<void> | void
): Effect.Effect<A, E> => {
  const wait = Effect.callback<A, E>((resume) => park(resume, self, false))
  const self: Effect.Effect<A, E> = Effect.withFiber((fiber) => {
    const most = fiber.cache.maxOpsBeforeYield
    if (most < fewestSteps) return Effect.callback<A, E>((resume) => park(resume, self, true))
    if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => self)
    return ready() ?? wait
  })
  return self
}

/**
 * An effect that begins something in one step and waits for its end in the next. A yield between the two would keep an
 * interruption from ending what was begun, so where one may come it is begun by `parked`, in the step that waits.
 */
export const beginOrPark = <A, E>(begin: () => Effect.Effect<A, E>, parked: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => (fiber.currentOpCount + handOver >= fiber.cache.maxOpsBeforeYield ? parked : begin()))

/**
 * A fiber in line. It is an effect too, the one that an interruption runs: most waits are never interrupted, and need
 * no finalizer made for them.
 */
export class Waiter<R> extends Effectable.Class<void> implements Linked<Waiter<R>> {
  next: Waiter<R> | undefined = undefined
  previous: Waiter<R> | undefined = undefined
  queued = true
  readonly line: Line<R>
  readonly request: R
  readonly resume: Resume
  readonly again: Effect.Effect<any, any>
  readonly hesitant: boolean
  constructor(line: Line<R>, request: R, resume: Resume, again: Effect.Effect<any, any>, hesitant: boolean) {
    super()
    this.line = line
    this.request = request
    this.resume = resume
    this.again = again
    this.hesitant = hesitant
  }
  asEffect(): Effect.Effect<void> {
    return Effect.callback<void>((settled) => this.line.interrupt(this, settled))
  }
}

/** What serves a line. */
export interface Server<R> {
  /** Whether what a request asks for is there; may fetch it. */
  readonly can: (request: R) => boolean
  /** Gives it, where it is there. */
  readonly give: (request: R) => Effect.Effect<unknown, unknown>
}

export class Line<R> {
  private readonly engine: Engine
  private readonly list = new LinkedList<Waiter<R>>()
  private readonly left: (settled: Settle) => void

  /** `left` is told when an interruption has taken somebody out of the line, and settles it. */
  constructor(engine: Engine, left: (settled: Settle) => void) {
    this.engine = engine
    this.left = left
  }

  get length(): number {
    return this.list.length
  }

  /** What the first in line asks for. */
  get first(): R | undefined {
    return this.list.head?.request
  }

  join(request: R, resume: Resume, again: Effect.Effect<any, any>, hesitant: boolean): Waiter<R> {
    const waiter = new Waiter(this, request, resume, again, hesitant)
    this.list.push(waiter)
    this.engine.counters.waiters++
    this.engine.pump.retain()
    return waiter
  }

  interrupt(waiter: Waiter<R>, settled: Settle): void {
    if (!waiter.queued) return settled(Effect.void)
    this.leave(waiter)
    this.left(settled)
  }

  /**
   * Serves those who are in line now, in turn, until one cannot be; who comes back for more is served in the next
   * round, so that a loop of failures cannot keep the event loop from turning. False when one could not be served.
   */
  serve(server: Server<R>): boolean {
    for (let left = this.list.length; left > 0; left--) {
      const waiter = this.list.head
      if (waiter === undefined) return true
      if (!server.can(waiter.request)) return false
      if (waiter.hesitant) {
        this.offer(waiter, server)
        continue
      }
      this.leave(waiter)
      waiter.resume(server.give(waiter.request))
    }
    return true
  }

  fail(error: WinsockError): void {
    const failure = Effect.fail(error)
    for (let left = this.list.length; left > 0; left--) {
      const waiter = this.list.head
      if (waiter === undefined) return
      this.leave(waiter)
      waiter.resume(failure)
    }
  }

  private leave(waiter: Waiter<R>): void {
    this.list.remove(waiter)
    waiter.queued = false
    this.engine.counters.waiters--
    this.engine.pump.release()
  }

  // a fiber that yields after a few steps: an interruption may have reached it but not yet its finalizer, and what it is
  // given then is dropped. It takes for itself, in its first step; one that does not come is left to its finalizer
  private offer(waiter: Waiter<R>, server: Server<R>): void {
    waiter.resume(
      Effect.suspend(() => {
        const there = waiter.queued && server.can(waiter.request)
        if (waiter.queued) this.leave(waiter)
        return there ? server.give(waiter.request) : waiter.again
      })
    )
    if (!waiter.queued) return
    this.list.remove(waiter)
    this.list.push(waiter)
  }
}
