/**
 * The first of several addresses that answers, as RFC 8305 ("Happy Eyeballs") says: in families' turns, the next one
 * when the last has failed or has not answered in time.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"

/** Makes a wait inside an uninterruptible region interruptible, where the region was entered from one that is. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Tries one address. It runs uninterruptible, so that what it acquired cannot be dropped on its way out, and waits in
 * `restore` only; when it fails or is interrupted it leaves nothing behind.
 */
export type Attempt<T, A, E, R> = (address: T, restore: Restore) => Effect.Effect<A, E, R>

/** Puts the families in turns, beginning with the first address's; within a family the order stays. */
export const interleave = (
  addresses: NonEmptyReadonlyArray<NetAddress.InetAddress>
): NonEmptyReadonlyArray<NetAddress.InetAddress> => {
  const firstIsV4 = NetAddress.isInetAddressV4(addresses[0])
  const [own, other] = [true, false].map((same) =>
    addresses.filter((address) => (NetAddress.isInetAddressV4(address) === firstIsV4) === same)
  )
  const inTurn: Array<NetAddress.InetAddress> = []
  for (let i = 0; i < Math.max(own.length, other.length); i++)
    inTurn.push(...own.slice(i, i + 1), ...other.slice(i, i + 1))
  return inTurn as unknown as NonEmptyReadonlyArray<NetAddress.InetAddress>
}

/** How the attempts of one call stand. */
class Race<A, E> {
  readonly fibers: Array<Fiber.Fiber<void>> = []
  /** What was acquired: more than one where two succeed in the same instant. */
  readonly won: Array<A> = []
  /** The causes of attempts that failed, in the order of their failures. */
  readonly lost: Array<Cause.Cause<E>> = []
  /** Whether the attempt that began last has ended. */
  lastEnded = false
  wake: (() => void) | undefined = undefined

  /** Takes note of the end of an attempt. */
  ended(exit: Exit.Exit<A, E>, index: number): void {
    if (Exit.isSuccess(exit)) this.won.push(exit.value)
    else this.lost.push(exit.cause)
    if (index === this.fibers.length - 1) this.lastEnded = true
    this.wake?.()
  }

  /** Waits until `holds` does. */
  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (holds()) return resume(Effect.void)
      this.wake = () => {
        if (!holds()) return
        this.wake = undefined
        resume(Effect.void)
      }
      return Effect.sync(() => {
        this.wake = undefined
      })
    })
  }
}

const run = Effect.fnUntraced(function* <T, A, E, R>(
  race: Race<A, E>,
  addresses: NonEmptyReadonlyArray<T>,
  delay: Duration.Input,
  attempt: Attempt<T, A, E, R>
) {
  const tries = (index: number) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.map(Effect.exit(attempt(addresses[index], restore)), (exit) => race.ended(exit, index))
    )
  const isWon = () => race.won.length > 0
  for (let index = 0; index < addresses.length; index++) {
    race.lastEnded = false
    // its place is taken before it runs: it may end in its first step
    const fiber = Effect.forkChild(Effect.suspend(() => tries(index)))
    race.fibers.push(yield* fiber)
    const isNextsTurn = race.until(() => isWon() || race.lastEnded)
    if (index < addresses.length - 1) yield* Effect.timeoutOption(isNextsTurn, delay)
    if (isWon()) return
  }
  yield* race.until(() => isWon() || race.lost.length === addresses.length)
})

/**
 * Tries addresses until one is won; the others are interrupted and waited for, and what was won besides is given to
 * `discard`. When none is won it fails as the first one did that failed. Must run uninterruptible, with the `restore` of
 * that region.
 */
export const first = <T, A, E, R>(
  addresses: NonEmptyReadonlyArray<T>,
  delay: Duration.Input,
  attempt: Attempt<T, A, E, R>,
  discard: (won: A) => Effect.Effect<void>,
  restore: Restore
): Effect.Effect<A, E, R> => {
  if (addresses.length === 1) return attempt(addresses[0], restore)
  return Effect.suspend(() => {
    const race = new Race<A, E>()
    return Effect.flatMap(Effect.exit(restore(run(race, addresses, delay, attempt))), (exit) =>
      Effect.flatMap(Fiber.interruptAll(race.fibers), () => {
        const kept = Exit.isSuccess(exit) ? race.won.slice(0, 1) : []
        const discarded = Effect.forEach(race.won.slice(kept.length), discard, {
          concurrency: "unbounded",
          discard: true
        })
        return Effect.andThen(
          discarded,
          Exit.isFailure(exit)
            ? Effect.failCause(exit.cause)
            : Effect.suspend(() => (kept.length > 0 ? Effect.succeed(kept[0]) : Effect.failCause(race.lost[0])))
        )
      })
    )
  })
}
