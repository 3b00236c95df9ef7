/**
 * The programs that run on a machine, which end with its power and may begin again with it.
 */
import type * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MockWinsock } from "../MockWinsock.ts"
import type { Power } from "./Host.ts"

/** What a program on a machine is given. */
export type Given = Winsock.Winsock | MockWinsock | Scope.Scope

type Any = Fiber.Fiber<unknown, unknown>

export class Programs {
  private readonly power: Power
  private readonly layer: () => Layer.Layer<Winsock.Winsock | MockWinsock, WinsockError>
  private readonly fibers = new Set<Any>()
  private readonly waiting = new Set<() => void>()
  /** How often the power has gone. */
  private crashes = 0

  constructor(power: Power, layer: () => Layer.Layer<Winsock.Winsock | MockWinsock, WinsockError>) {
    this.power = power
    this.layer = layer
  }

  get isUp(): boolean {
    return this.power.isUp
  }

  /** The program, for a fiber of its own: with the machine's layer and a scope, and known to the machine while it runs. */
  private on<A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | WinsockError, Exclude<R, Given>> {
    return Effect.withFiber((fiber: Any) => {
      this.fibers.add(fiber)
      fiber.addObserver(() => this.fibers.delete(fiber))
      return Effect.provide(Effect.scoped(program), this.layer()) as Effect.Effect<
        A,
        E | WinsockError,
        Exclude<R, Given>
      >
    })
  }

  run<A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | WinsockError, Exclude<R, Given>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkChild(this.on(program), { startImmediately: true }), (fiber) =>
        Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interrupt(fiber))
      )
    )
  }

  fork<A, E, R>(
    program: Effect.Effect<A, E, R>
  ): Effect.Effect<Fiber.Fiber<A, E | WinsockError>, never, Exclude<R, Given> | Scope.Scope> {
    return Effect.forkScoped(this.on(program), { startImmediately: true })
  }

  /** Runs the program whenever the machine is up; ends with its failure. */
  host<A, E, R>(
    program: Effect.Effect<A, E, R>
  ): Effect.Effect<Fiber.Fiber<never, E | WinsockError>, never, Exclude<R, Given> | Scope.Scope> {
    const life = Effect.suspend(() => {
      const { crashes } = this
      return Effect.flatMap(
        Effect.exit(Effect.asVoid(this.run(program))),
        (exit): Effect.Effect<void, E | WinsockError> => {
          // whatever it ended with when its power had gone, it was not by itself
          if (this.crashes !== crashes) return Effect.void
          return Exit.isSuccess(exit) ? this.next(crashes) : exit
        }
      )
    })
    return Effect.forkScoped(Effect.forever(Effect.andThen(this.up, life), { disableYield: true }), {
      startImmediately: true
    })
  }

  /** Waits until the machine is up. */
  private readonly up: Effect.Effect<void> = Effect.suspend(() => (this.isUp ? Effect.void : this.whenStarted))

  // until it has crashed, and is up again
  private next(crashes: number): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.crashes !== crashes && this.isUp ? Effect.void : Effect.andThen(this.whenStarted, this.next(crashes))
    )
  }

  private readonly whenStarted: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const start = (): void => resume(Effect.void)
    this.waiting.add(start)
    return Effect.sync(() => {
      this.waiting.delete(start)
    })
  })

  /** The power goes. Ends when the programs have. */
  readonly crash: Effect.Effect<void> = Effect.withFiber((self: Any) => {
    if (!this.isUp) return Effect.void
    this.crashes++
    this.power.off()
    const fibers = Array.from(this.fibers)
    // in the same step, before any of them hears of it
    for (const fiber of fibers) fiber.interruptUnsafe()
    // who pulls its own plug cannot wait for its own end
    return Effect.asVoid(Fiber.awaitAll(fibers.filter((fiber) => fiber !== self)))
  })

  readonly restart: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.crash,
      Effect.sync(() => {
        if (this.isUp) return
        this.power.on()
        const { waiting } = this
        const starts = Array.from(waiting)
        waiting.clear()
        for (const start of starts) start()
      })
    )
  )
}
