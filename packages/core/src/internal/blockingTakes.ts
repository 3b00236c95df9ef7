/**
 * Fibers in line for what blocking calls of one kind bring. As with receives of datagrams, the calls belong to the socket:
 * there is one while somebody waits, and what it brings when nobody does any more is kept for the next.
 */
import type * as Effect from "effect/Effect"
import * as Effects from "effect/Effect"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Blocking, BlockingCall, BlockingName } from "./blockingCalls.ts"
import { Job } from "./blockingCalls.ts"
import type { Settle } from "./socketEndpoint.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

/** What somebody waits for: `peek` leaves it where it is. */
export interface Request {
  readonly size: number
  readonly peek: boolean
}

/** How what calls bring is kept, and given. */
export interface Store<A> {
  /** Prepares a call. */
  readonly make: (request: Request) => BlockingCall<A> | WinsockError
  /** Whether there is something. */
  readonly has: () => boolean
  readonly put: (value: A) => void
  readonly take: (request: Request) => Effect.Effect<A, WinsockError>
  readonly peek: (value: A | undefined, request: Request) => Effect.Effect<A, WinsockError>
}

export class Takes<A> implements Server<Request> {
  readonly blocking: Blocking
  private readonly name: BlockingName
  private readonly store: Store<A>
  private readonly line: Line<Request>
  private job: Job<A> | undefined = undefined
  private failure: WinsockError | undefined = undefined
  private peeked: { readonly value: A } | undefined = undefined
  // who waits for the end of an interruption
  private readonly settled: Array<Settle> = []

  constructor(blocking: Blocking, name: BlockingName, store: Store<A>) {
    this.blocking = blocking
    this.name = name
    this.store = store
    const { engine } = blocking
    this.line = new Line(engine, (settled) => {
      engine.pump.retain()
      this.settled.push(settled)
      engine.poke(blocking)
    })
  }

  /** Takes what is there, or waits for it. */
  take(request: Request): Effect.Effect<A, WinsockError> {
    return takeOrWait<A, WinsockError>(
      () => {
        const refused = this.blocking.refusal(this.name)
        if (refused !== undefined) return Effects.fail(refused)
        return this.line.length === 0 && this.store.has() ? this.give(request) : undefined
      },
      (resume, again, hesitant) => {
        const refused = this.blocking.refusal(this.name)
        if (refused !== undefined) return resume(Effects.fail(refused))
        const waiter = this.line.join(request, resume, again, hesitant)
        this.blocking.engine.poke(this.blocking)
        return waiter
      }
    )
  }

  /** Whether somebody is in line, or a call is under way. */
  get isBusy(): boolean {
    return this.line.length > 0 || this.job !== undefined
  }

  can({ peek }: Request): boolean {
    return this.failure !== undefined || this.store.has() || (peek && this.peeked !== undefined)
  }

  give(request: Request): Effect.Effect<A, WinsockError> {
    const { failure, peeked, store } = this
    if (failure !== undefined) {
      this.failure = undefined
      return Effects.fail(failure)
    }
    return request.peek ? store.peek(peeked?.value, request) : store.take(request)
  }

  /** Serves who waits, and sees to it that a call is under way for them, and only then. */
  work(): void {
    const { blocking, line } = this
    if (line.length > 0) line.serve(this)
    this.failure = undefined
    this.peeked = undefined
    const refused = line.length === 0 ? undefined : blocking.refusal(this.name)
    // routines keep calls from being made, and leave one that is under way alone
    const isLate = refused?.reason._tag === "InProgress" && this.job !== undefined
    if (refused !== undefined && !isLate) {
      line.fail(refused.reason._tag === "SocketClosed" ? WinsockErrors.operationAborted(this.name) : refused)
    }
    if (line.first !== undefined && this.job === undefined) this.call(line.first)
    if (line.length === 0 && this.job !== undefined) blocking.withdraw(this.job)
    if (this.job?.cancelled === true) return
    for (let settle = this.settled.shift(); settle !== undefined; settle = this.settled.shift()) {
      blocking.engine.pump.release()
      settle(Effects.void)
    }
  }

  private call(request: Request): void {
    const { blocking, store } = this
    this.job = new Job<A>(
      blocking,
      this.name,
      () => store.make(request),
      (outcome) => {
        const wasCancelled = this.job!.cancelled
        this.job = undefined
        if (outcome._tag === "Failed") {
          if (!wasCancelled) this.failure = outcome.error
        } else if (request.peek) this.peeked = { value: outcome.value }
        else store.put(outcome.value)
      }
    )
    blocking.submit(this.job)
  }
}
