/**
 * Shortens a plan as long as it still fails: leaves out parts of it, large ones first, then halves durations, and so on
 * until nothing can go and nothing can be halved.
 */
import * as Effect from "effect/Effect"

/**
 * Asks `fails` of ever shorter plans, `most` times at most, and returns how often. The last plan for which it said true
 * is the shortest.
 */
export const shorten = <P extends { readonly duration: number }>(
  plan: ReadonlyArray<P>,
  most: number,
  fails: (plan: ReadonlyArray<P>) => Effect.Effect<boolean>
): Effect.Effect<number> =>
  Effect.gen(function* () {
    let current = plan
    let asked = 0
    const better = function* (shorter: ReadonlyArray<P>) {
      if (asked >= most) return false
      asked++
      if (!(yield* fails(shorter))) return false
      current = shorter
      return true
    }
    const leaveOut = function* (largest: number) {
      for (let size = largest; size >= 1; size = Math.min(size >> 1, current.length)) {
        // what could not go may go once others have
        let gone = true
        while (gone && asked < most) {
          gone = false
          for (let at = current.length - size; at >= 0 && asked < most; at--) {
            if (at + size > current.length) continue
            if (yield* better([...current.slice(0, at), ...current.slice(at + size)])) gone = true
          }
        }
      }
    }
    const halve = function* () {
      const before = current
      for (let i = 0; i < current.length; i++) {
        let halved = true
        while (halved && current[i].duration > 1 && asked < most) {
          const shorter = { ...current[i], duration: Math.floor(current[i].duration / 2) }
          halved = yield* better(current.with(i, shorter))
        }
      }
      return current !== before
    }
    yield* leaveOut(current.length)
    // shorter parts may do without others, and let others be shorter
    while (yield* halve()) yield* leaveOut(1)
    return asked
  })
