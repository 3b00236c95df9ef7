/**
 * Where in the user's program something was begun: the JS stack and the stack of the fiber, without the library's own
 * frames. Capturing is cheap beside making text of it, which waits until something is wrong.
 */
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import type * as MockTrace from "../MockTrace.ts"

interface StackLimit {
  stackTraceLimit?: number
}

const limits = Error as unknown as StackLimit
// the library's own frames are about ten, and those of Effect's run loop stand between
const deep = 50

const frameOf = (line: string): string | undefined => /^\s*at (.*)$/.exec(line)?.[1]

// the folder of the packages, as stacks name it
const packages = /(?:\(|^)(?:file:\/\/)?([^()]*[\\/])mock[\\/](?:src|dist)[\\/]internal[\\/]CallSite\.[jt]s/.exec(
  (new Error("here").stack ?? "")
    .split("\n")
    .map(frameOf)
    .find((frame) => frame?.includes("CallSite")) ?? ""
)?.[1]

const own = /^(?:schema|core|native|mock|platform)[\\/](?:src|dist)[\\/]/
const foreign = /[\\/]node_modules[\\/]|\(?node:|\(<anonymous>\)$|\(native\)$|^native |^<anonymous>$/

const isUsers = (frame: string): boolean => {
  if (foreign.test(frame)) return false
  if (packages === undefined) return true
  const at = frame.indexOf(packages)
  return at === -1 || !own.test(frame.slice(at + packages.length))
}

const usersFrames = (stack: string | undefined): Array<string> =>
  (stack ?? "").split("\n").flatMap((line) => {
    const frame = frameOf(line)
    return frame !== undefined && isUsers(frame) ? [frame] : []
  })

// of one that goes in circles, or of very deep recursion, these are enough
const mostSpans = 16

export class Site {
  private readonly error: Error
  private readonly stackFrame: References.StackFrame | undefined

  constructor() {
    const { stackTraceLimit } = limits
    limits.stackTraceLimit = deep
    this.error = new Error("call site")
    if (stackTraceLimit !== undefined) limits.stackTraceLimit = stackTraceLimit
    this.stackFrame = Fiber.getCurrent()?.getRef(References.CurrentStackFrame)
  }

  /** Undefined where the user's program has no part in it. */
  decode(): MockTrace.CallSite | undefined {
    const frames = usersFrames(this.error.stack)
    const spans: Array<string> = []
    let frame = this.stackFrame
    for (let i = 0; i < mostSpans && frame !== undefined; i++) {
      const place = usersFrames(frame.stack()).at(0)
      spans.push(place === undefined ? frame.name : `${frame.name} (${place.replace(/^.*\((.*)\)$/, "$1")})`)
      frame = frame.parent
    }
    return frames.length === 0 && spans.length === 0 ? undefined : { frames, spans }
  }
}
