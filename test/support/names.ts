// What a test does to the resolver under it: keeps it from being seen to answer, and from returning.
import type { Seam } from "@effect-winsock/core/Seam"
import { WSA_WAIT_TIMEOUT } from "@effect-winsock/schema/Flags"

/** Keeps lookups of names from being seen to end, and calls of GetNameInfoW from returning. */
export const hold = () => {
  let held = true
  const returns: Array<() => void> = []
  return {
    /** Lets go what is held, and holds no more. */
    release: (): void => {
      held = false
      for (const done of returns.splice(0)) done()
    },
    /** How many calls of GetNameInfoW have returned and are held. */
    get returned(): number {
      return returns.length
    },
    decorate: (seam: Seam): Seam => ({
      ...seam,
      calls: {
        ...seam.calls,
        WSAWaitForMultipleEvents: (...args) => (held ? WSA_WAIT_TIMEOUT : seam.calls.WSAWaitForMultipleEvents(...args))
      },
      offThread: (name, args, done) =>
        seam.offThread(name, args, (result, lastError) => {
          if (held && name === "GetNameInfoW") returns.push(() => done(result, lastError))
          else done(result, lastError)
        })
    })
  }
}
