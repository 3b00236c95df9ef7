/**
 * What Effect itself costs for the same thing: the same fibers waiting in `Effect.callback`, and nothing behind it.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

type Resume<A> = (effect: Effect.Effect<A>) => void

const nothing: Effect.Effect<number> = Effect.succeed(1)

/** A callback that is resumed before it returns. */
export const immediate: Effect.Effect<number> = Effect.callback((resume) => resume(nothing))

/** Fibers that wait, and those whose interruption waits. */
export class Parked<A> {
  private waiting: Array<Resume<A>> = []
  private settling: Array<Resume<void>> = []

  private readonly finalizer = Effect.callback<void>((settled) => {
    this.settling.push(settled)
  })

  /** Waits until `resume`; its interruption waits until `settle`. */
  readonly wait: Effect.Effect<A> = Effect.callback<A>((resume) => {
    this.waiting.push(resume)
    return this.finalizer
  })

  /** Resumes all that wait now; how many. */
  resume(effect: Effect.Effect<A>): number {
    const { waiting } = this
    this.waiting = []
    for (let i = 0; i < waiting.length; i++) waiting[i](effect)
    return waiting.length
  }

  settle(): void {
    const { settling } = this
    this.waiting = []
    this.settling = []
    for (let i = 0; i < settling.length; i++) settling[i](Effect.void)
  }
}

/** Runs `body` for ever, in a fiber of its own. */
export const forever = <A, E>(body: Effect.Effect<A, E>, step: (value: A) => void): Fiber.Fiber<void, E> =>
  Effect.runFork(Effect.whileLoop({ while: () => true, body: () => body, step }))

/** Runs `body` `n` times; waits only if the fiber did. */
export const times = <A, E>(
  n: number,
  body: () => Effect.Effect<A, E>,
  step: (value: A) => void
): Promise<void> | void => {
  let left = n
  const fiber = Effect.runFork(Effect.whileLoop({ while: () => left-- > 0, body, step }))
  if (fiber.pollUnsafe() === undefined) return Effect.runPromise(Fiber.join(fiber))
  Effect.runSync(fiber.pollUnsafe()!)
}

export const interruptAll = (running: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): void => {
  for (const fiber of running) fiber.interruptUnsafe()
}
