/**
 * Calls that block a thread until they are done: a few at a time per layer, the others wait in line. `Blocking` has those
 * of one SOCKET, of which one may receive (or accept) and one may send (or connect).
 *
 * An interruption makes the SOCKET non-blocking, so that a call whose thread has not come to it yet ends at once, and
 * cancels (`CancelIoEx`) until the call has returned: the SOCKET is closed, and the memory used again, only then.
 */
import { SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { FIONBIO } from "@effect-winsock/schema/Ioctls"
import { SO_LINGER } from "@effect-winsock/schema/Options"
import {
  WSA_OPERATION_ABORTED,
  WSAEINTR,
  WSAENOBUFS,
  WSAETIMEDOUT,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import { Datagram } from "../Datagram.ts"
import type { Block, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Endpoint, Engine, OperationCounters } from "./engine.ts"
import { graceSteps } from "./engine.ts"
import { SocketCalls } from "./socketCalls.ts"
import type { Settle } from "./socketEndpoint.ts"

/** The calls that may block. */
export type BlockingName =
  | "WSARecv"
  | "WSARecvFrom"
  | "WSARecvMsg"
  | "WSASend"
  | "WSASendTo"
  | "WSASendMsg"
  | "connect"
  | "accept"

/** What each of them does: which others it waits for, how it is counted, and whether a timeout of the kernel ends it. */
const kinds = {
  WSARecv: { lane: 0, counter: "receive", times: "receiveTimeout" },
  WSARecvFrom: { lane: 0, counter: "receive", times: "receiveTimeout" },
  WSARecvMsg: { lane: 0, counter: "receive", times: "receiveTimeout" },
  WSASend: { lane: 1, counter: "send", times: "sendTimeout" },
  WSASendTo: { lane: 1, counter: "send", times: "sendTimeout" },
  WSASendMsg: { lane: 1, counter: "send", times: "sendTimeout" },
  connect: { lane: 1, counter: "connect", times: undefined },
  accept: { lane: 0, counter: "accept", times: undefined }
} as const satisfies { readonly [K in BlockingName]: unknown }

// what a call that transfers gives: how much it has sent, the bytes, or a message
const bytesOf = (value: unknown): number =>
  typeof value === "number"
    ? value
    : value instanceof Uint8Array
      ? value.length
      : value instanceof Datagram
        ? value.payload.length
        : 0

/** One call, made when its turn has come. */
export interface BlockingCall<A> {
  readonly args: ReadonlyArray<number>
  /** Where an extension function is. */
  readonly address?: number | undefined
  /** Memory that the call refers to: freed when it has returned. */
  readonly memory?: Block | undefined
  /** What a call that succeeded gives. */
  readonly read: (result: number) => A
  /** What a call that failed gives all the same. */
  readonly rescue?: ((code: number) => A | undefined) | undefined
  /**
   * Takes what an interrupted call has brought all the same. Where nobody does, a receive that brought something leaves
   * its SOCKET poisoned: what came next would follow a gap.
   */
  readonly keep?: ((value: A) => void) | undefined
}

/** How a call ended. */
export type Outcome<A> =
  | { readonly _tag: "Returned"; readonly value: A }
  | { readonly _tag: "Failed"; readonly error: WinsockError }

// what a job is doing
const QUEUED = 0
const RUNNING = 1
const ENDED = 2

/** A call from its place in line to its return. */
export class Job<A> {
  state = QUEUED
  /** Whether its end was asked for. */
  cancelled = false
  call: BlockingCall<A> | undefined = undefined
  /** Forgets the thread that makes the call. */
  abandon: (() => void) | undefined = undefined
  readonly blocking: Blocking
  readonly name: BlockingName
  readonly make: () => BlockingCall<A> | WinsockError
  /** Told of its end, where nobody's code may run. */
  readonly ended: (outcome: Outcome<A>) => void

  constructor(
    blocking: Blocking,
    name: BlockingName,
    make: () => BlockingCall<A> | WinsockError,
    ended: (outcome: Outcome<A>) => void
  ) {
    this.blocking = blocking
    this.name = name
    this.make = make
    this.ended = ended
  }

  get lane(): number {
    return kinds[this.name].lane
  }

  get counters(): OperationCounters {
    return this.blocking.engine.counters[kinds[this.name].counter]
  }
}

/** The line of a layer: whose turn it is. */
class BlockingCalls {
  readonly queue: Array<Job<any>> = []
  private readonly places: number
  private busy = 0

  constructor(places: number) {
    this.places = places
  }

  add(job: Job<any>): void {
    this.queue.push(job)
    this.advance()
  }

  /** Puts one back that has to be made again, before all others. */
  again(job: Job<any>): void {
    this.queue.unshift(job)
  }

  remove(job: Job<any>): void {
    this.queue.splice(this.queue.indexOf(job), 1)
  }

  taken(): void {
    this.busy++
  }

  free(): void {
    this.busy--
  }

  /** Makes the calls that there is a place for, oldest first. */
  advance(): void {
    for (let i = 0; i < this.queue.length && this.busy < this.places;) {
      const job = this.queue[i]
      if (job.blocking.isBusy(job)) {
        i++
        continue
      }
      this.queue.splice(i, 1)
      job.blocking.start(job)
    }
  }
}

const known = new WeakMap<Engine, BlockingCalls>()

const lineOf = (engine: Engine): BlockingCalls => {
  let line = known.get(engine)
  if (line === undefined) known.set(engine, (line = new BlockingCalls(engine.options.blockingCalls)))
  return line
}

/** What is told after the calls of a SOCKET have come to rest. */
export interface BlockingOwner {
  /** May run anybody's code. */
  readonly work: () => void
}

const OPEN = 0
const CLOSING = 1
const CLOSED = 2

/** How often a cancellation is tried anew in the next turn of the event loop, before timers are used. */
const quickTries = 16
const slowestTry = 50

/** The blocking calls of one SOCKET, which it closes in the end. */
export class Blocking implements Endpoint {
  readonly key: number
  dirty = false
  nextDirty: Endpoint | undefined = undefined
  readonly engine: Engine
  /** -1 once closed. */
  socket: SocketHandle | -1
  readonly isStream: boolean
  owner: BlockingOwner | undefined = undefined

  private readonly line: BlockingCalls
  private readonly number: number
  private readonly running = new Set<Job<any>>()
  private state = OPEN
  // what all later calls are refused with, and what sends are
  private poison: ((operation: string) => WinsockError) | undefined = undefined
  private torn = false
  // the cancellation under way
  private cancelling = false
  private found = false
  private tries = 0
  private epoch = 0
  private hasShut = false
  private timer: (() => void) | undefined = undefined
  private readonly telling: Array<() => void> = []
  private readonly closers: Array<() => void> = []
  private readonly closeSocket: (socket: SocketHandle) => void
  private readonly withdrawExit: () => void

  /** Takes the SOCKET over. `closeSocket` closes it, once; the default also counts it. */
  constructor(
    engine: Engine,
    socket: SocketHandle,
    isStream: boolean,
    closeSocket: (socket: SocketHandle) => void = closes(engine)
  ) {
    this.engine = engine
    this.socket = socket
    this.number = socket
    this.isStream = isStream
    this.closeSocket = closeSocket
    this.line = lineOf(engine)
    this.key = engine.reserve()
    engine.register(this)
    // at exit nobody can wait for the call to return: the process would hang on it
    this.withdrawExit = engine.seam.host.onExit(() => {
      if (this.running.size === 0) return
      this.setBlocking(false)
      if (this.socket !== -1) engine.calls.CancelIoEx(this.socket, 0)
      this.shut()
    })
  }

  get isOpen(): boolean {
    return this.state === OPEN && this.socket !== -1
  }

  /** Why a call of this name is not made. */
  refusal(name: BlockingName): WinsockError | undefined {
    if (!this.isOpen) return WinsockErrors.socketClosed(name)
    if (this.poison !== undefined) return this.poison(name)
    if (this.torn && kinds[name].counter === "send") return WinsockErrors.streamBroken(name, undefined)
    if (this.engine.routinesOutstanding > 0) return WinsockErrors.routinesOutstanding(name)
    return undefined
  }

  /**
   * Makes a call in its turn. `make` prepares it then, in memory of its own. Interrupted in line it makes no call;
   * interrupted later it ends when the call has returned.
   */
  run<A>(name: BlockingName, make: () => BlockingCall<A> | WinsockError): Effect.Effect<A, WinsockError> {
    return Effect.callback<A, WinsockError>((resume) => {
      const refused = this.refusal(name)
      if (refused !== undefined) return resume(Effect.fail(refused))
      const waiter = new FiberJob<A>(this, name, make, resume)
      this.submit(waiter.job)
      return Effect.callback<void>((settled) => waiter.interrupt(settled))
    })
  }

  submit(job: Job<any>): void {
    this.line.add(job)
    this.engine.pump.poke()
  }

  /** Nobody wants it any more: takes it out of the line, or cancels it. Its end is told in either case. */
  withdraw(job: Job<any>): void {
    if (job.cancelled || job.state === ENDED) return
    job.cancelled = true
    if (job.state === RUNNING) return this.cancel()
    this.line.remove(job)
    this.end(job, { _tag: "Failed", error: WinsockErrors.operationAborted(job.name) })
  }

  // --- making calls ---

  /** Whether a job of it has to wait for another one's end. */
  isBusy(job: Job<any>): boolean {
    if (this.cancelling) return true
    for (const other of this.running) if (other.lane === job.lane) return true
    return false
  }

  /** Whether a call of its kind is in line or under way: what answers at once must not overtake it. */
  isAhead(name: BlockingName): boolean {
    const { lane } = kinds[name]
    for (const job of this.running) if (job.lane === lane) return true
    return this.line.queue.some((job) => job.blocking === this && job.lane === lane)
  }

  start(job: Job<any>): void {
    const made = this.refusal(job.name) ?? job.make()
    if (made instanceof WinsockErrors.WinsockError) return this.end(job, { _tag: "Failed", error: made })
    job.call = made
    job.state = RUNNING
    this.running.add(job)
    this.line.taken()
    this.engine.counters.pending++
    job.counters.submitted++
    const returned = (result: number, code: number): void => this.returned(job, result, code)
    try {
      job.abandon = this.engine.callAway(job.name, made.args as never, returned as never, made.address)
    } catch {
      // too many threads: as the provider says it
      this.returned(job, -1, WSAENOBUFS)
    }
  }

  private returned(job: Job<any>, result: number, code: number): void {
    const { engine, line } = this
    const call = job.call!
    this.left(job)
    const outcome = this.outcomeOf(job, call, result, code)
    if (call.memory !== undefined) engine.heap.free(call.memory)
    if (outcome === undefined) {
      // by a cancellation of another call, or as one that met a SOCKET that was non-blocking for a moment
      job.state = QUEUED
      job.call = undefined
      engine.counters.reposted++
      line.again(job)
    } else this.end(job, outcome)
    this.rest()
    line.advance()
  }

  private left(job: Job<any>): void {
    this.running.delete(job)
    this.line.free()
    this.engine.counters.pending--
  }

  // undefined when it has to be made again
  private outcomeOf(job: Job<any>, call: BlockingCall<any>, result: number, code: number): Outcome<any> | undefined {
    const { counters, name } = job
    const kind = kinds[name]
    const rescued = result === -1 ? call.rescue?.(code) : undefined
    if (result !== -1 || rescued !== undefined) {
      const value = result === -1 ? rescued : call.read(result)
      counters.completed++
      if (kind.counter === "send" || kind.counter === "receive") counters.bytes += bytesOf(value)
      if (job.cancelled) {
        this.engine.counters.recovered++
        this.unclaimed(name, call.keep, value)
      }
      return { _tag: "Returned", value }
    }
    const tears = kind.counter === "send" && this.isStream
    if (code === WSAETIMEDOUT && kind.times !== undefined) {
      const { times } = kind
      this.poison = (operation) => WinsockErrors.socketPoisoned(operation, times)
      if (tears) this.torn = true
    }
    if (job.cancelled || this.state !== OPEN) {
      counters.aborted++
      if (tears) this.torn = true
      return { _tag: "Failed", error: WinsockErrors.operationAborted(name) }
    }
    const unasked = code === WSA_OPERATION_ABORTED || code === WSAEINTR || code === WSAEWOULDBLOCK
    if (unasked && this.socket !== -1) {
      if (!tears || code === WSAEWOULDBLOCK) return undefined
      this.torn = true
      counters.aborted++
      return { _tag: "Failed", error: WinsockErrors.streamBroken(name, undefined) }
    }
    counters.fail(code)
    return { _tag: "Failed", error: WinsockErrors.fromCode(name, code, this.isStream ? "stream" : "datagram") }
  }

  /** Nobody can be given what a call has brought. */
  unclaimed<A>(name: BlockingName, keep: ((value: A) => void) | undefined, value: A): void {
    if (keep !== undefined) return keep(value)
    if (kinds[name].lane === 0) this.poison = (operation) => WinsockErrors.socketPoisoned(operation, "interruption")
  }

  private end(job: Job<any>, outcome: Outcome<any>): void {
    job.state = ENDED
    job.ended(outcome)
    this.engine.poke(this)
  }

  /** Runs a task from the pump's loop, where anybody's code may run. */
  tell(task: () => void): void {
    this.telling.push(task)
    this.engine.poke(this)
  }

  // --- cancelling ---

  private cancel(): void {
    this.found = false
    if (!this.cancelling) {
      this.cancelling = true
      this.hasShut = false
      this.epoch = this.engine.epoch
      this.engine.graceBegins()
      // a thread may not have come to its call yet, and cancelling would find nothing
      this.setBlocking(false)
    }
    this.tries = 0
    this.timer?.()
    this.cancelNow()
  }

  private readonly cancelNow = (): void => {
    this.timer = undefined
    if (this.socket === -1) return
    this.engine.counters.cancels++
    if (this.engine.calls.CancelIoEx(this.socket, 0) !== 0) this.found = true
    const { host } = this.engine.seam
    const late = this.tries++ - quickTries
    // the grace period begins where turns of the pump have passed
    if (late < 0) this.engine.pump.poke()
    this.timer =
      late < 0
        ? host.schedule(this.cancelNow)
        : host.schedule(this.cancelNow, Math.min(2 ** Math.min(late, 6), slowestTry))
  }

  // no call is being cancelled any more
  private rest(): void {
    if (!this.cancelling) return
    for (const job of this.running) if (job.cancelled) return
    this.cancelling = false
    this.timer?.()
    this.timer = undefined
    this.engine.graceEnds()
    this.setBlocking(true)
  }

  /** Makes the SOCKET blocking, or not. */
  setBlocking(on: boolean): void {
    if (this.socket === -1) return
    const { calls, scratch } = this.engine
    scratch.view.setUint32(0, on ? 0 : 1, true)
    calls.ioctlsocket(this.socket, FIONBIO, scratch.address)
  }

  /** Makes a call that answers at once, on a SOCKET that does not block meanwhile. */
  now<A>(call: (socket: SocketHandle) => A): A {
    this.setBlocking(false)
    const answer = call(this.socket as SocketHandle)
    const { calls } = this.engine
    const code = calls.WSAGetLastError()
    if (!this.cancelling) this.setBlocking(true)
    calls.WSASetLastError(code)
    return answer
  }

  // a cancellation that the call does not heed: close the SOCKET, and when that does not help either, give it up
  grace(epoch: number): void {
    if (!this.cancelling || epoch - this.epoch < graceSteps) return
    this.epoch = epoch
    if (!this.hasShut) {
      this.hasShut = true
      // where nothing was found to cancel, no thread has come to the call: the number must not become another SOCKET's
      if (this.found) this.shut()
      return
    }
    for (const job of this.running) this.giveUp(job)
    if (this.socket !== -1) {
      // left open on purpose
      this.socket = -1
      this.engine.counters.sockets--
    }
    this.rest()
    this.line.advance()
  }

  private giveUp(job: Job<any>): void {
    const { engine } = this
    job.abandon?.()
    this.left(job)
    if (job.call?.memory !== undefined) engine.heap.abandon(job.call.memory)
    engine.lost(job.name, this.number)
    job.counters.aborted++
    this.end(job, { _tag: "Failed", error: WinsockErrors.operationAborted(job.name) })
  }

  // --- as an endpoint ---

  packet(): void {}
  sentinel(): void {}
  broken(): void {}

  settle(): void {
    // one by one out of the list: what throws must not take the others with it
    for (let task = this.telling.shift(); task !== undefined; task = this.telling.shift()) task()
    this.owner?.work()
    if (this.state === CLOSING && this.running.size === 0) this.finish()
  }

  /** Ends what is under way, closes the SOCKET, and calls back then. */
  readonly close = (done: () => void): void => {
    if (this.state === CLOSED) return done()
    this.closers.push(done)
    this.engine.poke(this)
    if (this.state === CLOSING) return
    this.state = CLOSING
    this.engine.pump.retain()
    for (const job of this.line.queue.filter(({ blocking }) => blocking === this)) this.withdraw(job)
    for (const job of this.running) job.cancelled = true
    if (this.running.size > 0) this.cancel()
  }

  // a torn message is ended by a reset: after a FIN the peer would take it for all there was
  private shut(): void {
    const { engine, socket } = this
    if (socket === -1) return
    if (this.torn) new SocketCalls(engine, socket).set(SOL_SOCKET, SO_LINGER, 1)
    this.socket = -1
    this.closeSocket(socket)
  }

  private finish(): void {
    const { closers, engine } = this
    this.state = CLOSED
    this.timer?.()
    this.withdrawExit()
    this.shut()
    engine.unregister(this, false)
    engine.pump.release()
    for (let done = closers.pop(); done !== undefined; done = closers.pop()) done()
  }
}

const closes = (engine: Engine): ((socket: SocketHandle) => void) => {
  engine.counters.sockets++
  return (socket) => {
    engine.calls.closesocket(socket)
    engine.counters.sockets--
  }
}

/** A call that one fiber waits for. */
class FiberJob<A> {
  readonly job: Job<A>
  private readonly resume: (effect: Effect.Effect<A, WinsockError>) => void
  private settled: Settle | undefined = undefined
  private told = false
  // what its fiber has not taken yet
  private left: { readonly value: A } | undefined = undefined

  constructor(
    blocking: Blocking,
    name: BlockingName,
    make: () => BlockingCall<A> | WinsockError,
    resume: (effect: Effect.Effect<A, WinsockError>) => void
  ) {
    this.resume = resume
    let keep: ((value: A) => void) | undefined
    this.job = new Job<A>(
      blocking,
      name,
      () => {
        const made = make()
        if (!(made instanceof WinsockErrors.WinsockError)) keep = made.keep
        return made
      },
      (outcome) => {
        if (outcome._tag === "Returned" && !this.job.cancelled) this.left = { value: outcome.value }
        this.keep = keep
        blocking.tell(() => this.tell(outcome))
      }
    )
    blocking.engine.counters.waiters++
    blocking.engine.pump.retain()
  }

  private keep: ((value: A) => void) | undefined = undefined

  private tell(outcome: Outcome<A>): void {
    const { engine } = this.job.blocking
    engine.counters.waiters--
    engine.pump.release()
    this.told = true
    if (this.settled !== undefined) {
      this.unclaimed()
      return this.settled(Effect.void)
    }
    if (outcome._tag === "Failed") return this.resume(Effect.fail(outcome.error))
    // it was cancelled because the SOCKET is closed, and its value was kept
    if (this.left === undefined) return this.resume(Effect.fail(WinsockErrors.operationAborted(this.job.name)))
    // it takes it in its first step, or does not come: then its finalizer does
    this.resume(
      Effect.suspend(() => {
        this.left = undefined
        return Effect.succeed(outcome.value)
      })
    )
  }

  interrupt(settled: Settle): void {
    if (this.told) {
      this.unclaimed()
      return settled(Effect.void)
    }
    this.settled = settled
    this.job.blocking.withdraw(this.job)
  }

  private unclaimed(): void {
    const { left } = this
    this.left = undefined
    if (left !== undefined) this.job.blocking.unclaimed(this.job.name, this.keep, left.value)
  }
}
