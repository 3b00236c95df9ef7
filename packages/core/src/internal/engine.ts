/**
 * The engine of one layer: its completion port, its pump, its endpoints, and what they count.
 */
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { AnyCalls, Block, Calls, Handle, Seam, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { ExtensionName, FunctionName } from "../Signatures.ts"
import { Arena } from "./arena.ts"
import type { Completion, Looker, Mode } from "./completion.ts"
import { PortSource } from "./completion.ts"
import { EventSource } from "./eventCompletions.ts"
import { eventWaits } from "./eventWaits.ts"
import { Heap } from "./heap.ts"
import type { Life } from "./life.ts"
import type { PumpOwner } from "./pump.ts"
import { dequeueSize, Pump } from "./pump.ts"
import { Records } from "./records.ts"
import { RoutineSource } from "./routineCompletions.ts"

/** One of an endpoint's kinds of operation, counted by outcome. */
export class OperationCounters {
  submitted = 0
  completed = 0
  failed = 0
  aborted = 0
  /** How many bytes those have transferred that completed. */
  bytes = 0
  /** How often each code was what they failed with: a code of Winsock's or, negative, a failing NTSTATUS. */
  readonly codes = new Map<number, number>()
  /** Told of a code that was not among those before. */
  onCode: (() => void) | undefined = undefined

  fail(code: number): void {
    this.failed++
    const before = this.codes.get(code)
    this.codes.set(code, (before ?? 0) + 1)
    if (before === undefined) this.onCode?.()
  }
}

export class Counters {
  sockets = 0
  ports = 0
  events = 0
  slotsAllocated = 0
  slotsUsed = 0
  pending = 0
  waiters = 0
  inbox = 0
  cancels = 0
  recovered = 0
  discarded = 0
  reposted = 0
  leaked = 0
  readonly receive = new OperationCounters()
  readonly send = new OperationCounters()
  readonly connect = new OperationCounters()
  readonly accept = new OperationCounters()
  readonly disconnect = new OperationCounters()
  readonly lookup = new OperationCounters()
  readonly reverse = new OperationCounters()
  readonly ioctl = new OperationCounters()
}

/** An operation that the kernel never gave back. */
export interface Leak {
  readonly operation: string
  readonly socket: number
  readonly overlapped: number
  readonly internal: number
}

/** What owns the operations of one SOCKET. */
export interface Endpoint {
  /** The completion key of its own packets. */
  readonly key: number
  /** A packet of one of its operations was dequeued. Runs nobody's code. */
  readonly packet: (overlapped: number) => void
  /** The sentinel behind an undecided operation was dequeued. */
  readonly sentinel: (overlapped: number) => void
  /** Brings it to rest; called when it is dirty. May run anybody's code. */
  readonly settle: () => void
  /** A grace period ended. */
  readonly grace: (epoch: number) => void
  /** The port failed: no packet will come any more. */
  readonly broken: () => void
  /** Starts to close it; calls back when nothing refers to its SOCKET or memory. */
  readonly close: (done: () => void) => void
  /** Whether it is in the list of those to bring to rest, and the one after it there. */
  dirty: boolean
  nextDirty: Endpoint | undefined
}

/** A grace period is checked in this many steps: a cancellation gets between 1 and 1 + 1/steps of it. */
export const graceSteps = 4

export interface EngineOptions {
  /** How the operations of sockets complete that do not say it themselves. */
  readonly completion: Mode
  readonly cancelGrace: number
  /** How many names are looked up at once, and how many addresses. */
  readonly lookups: number
  readonly reverseLookups: number
  /** How many calls block a thread at once. */
  readonly blockingCalls: number
}

/** How often one turn of the pump brings the endpoints to rest. */
const roundsPerTurn = 16

// takes the first of a chain of dirty endpoints out of it, and returns the next
const unlink = (endpoint: Endpoint): Endpoint | undefined => {
  const next = endpoint.nextDirty
  endpoint.nextDirty = undefined
  endpoint.dirty = false
  return next
}

/** How many engines are alive: a program that released its layers has none. */
export const live = { engines: 0 }

export class Engine implements PumpOwner {
  readonly seam: Seam
  readonly calls: Calls
  readonly heap: Heap
  readonly pump: Pump
  readonly port: Handle
  readonly counters = new Counters()
  readonly leaks: Array<Leak> = []
  /** Memory for the arguments of calls that answer at once. */
  readonly scratch: Block
  readonly options: EngineOptions
  readonly arena = new Arena()
  /** Memory for single overlapped calls. */
  readonly records: Records
  /** The thread that it belongs to: Windows cancels what a thread has begun when that ends. */
  readonly thread: number
  closed = false
  /** How many layers ask for spans of operations. */
  tracing = 0
  /** Who is told of the life of sockets, if anybody listens. */
  life: Life | undefined = undefined
  /** The code the port failed with, or 0. */
  brokenBy = 0
  epoch = 0

  private readonly sharedBlocks = new Map<string, Block>()
  private readonly endpoints: Array<Endpoint | undefined> = []
  private readonly freeKeys: Array<number> = []
  // linked through themselves: there is a list in every turn
  private firstDirty: Endpoint | undefined = undefined
  private lastDirty: Endpoint | undefined = undefined
  private graceTimer: (() => void) | undefined
  private cancelling = 0
  // whether a turn has ended since the first of those cancellations was asked for
  private lingering = false

  /** Throws when there is no memory for it; it holds nothing then. */
  constructor(seam: Seam, port: Handle, options: EngineOptions) {
    this.seam = seam
    this.calls = seam.calls
    this.thread = seam.calls.GetCurrentThreadId()
    this.options = options
    this.heap = new Heap(seam)
    this.records = new Records(this)
    this.port = port
    this.counters.ports = 1
    const size = dequeueSize(seam.abi)
    const [scratch, here, away] = this.heap.allocAll(4096, size, size)
    this.scratch = scratch
    this.pump = new Pump(seam, port, here, away, this)
    live.engines++
  }

  // --- PumpOwner ---

  packet(key: number, overlapped: number): void {
    const endpoint = this.endpoints[key >>> 1]
    // a packet that somebody else posted to our port
    if (endpoint === undefined) return
    if ((key & 1) === 1) endpoint.sentinel(overlapped)
    else endpoint.packet(overlapped)
  }

  settle(): boolean {
    for (const looker of this.lookers) looker.look()
    this.settlePostponed()
    // a resume may make other endpoints dirty: go on until all are at rest, but let the event loop turn in between
    for (let round = 0; round < roundsPerTurn && this.firstDirty !== undefined; round++) {
      let endpoint: Endpoint | undefined = this.firstDirty
      let next: Endpoint | undefined = undefined
      this.firstDirty = undefined
      this.lastDirty = undefined
      try {
        for (; endpoint !== undefined; endpoint = next) {
          next = unlink(endpoint)
          endpoint.settle()
        }
      } finally {
        // somebody's code threw into a resume, as an observer of a fiber may: the rest is for another turn
        if (endpoint !== undefined) this.mark(endpoint)
        for (endpoint = next; endpoint !== undefined; endpoint = next) {
          next = unlink(endpoint)
          this.mark(endpoint)
        }
      }
    }
    // most cancellations have completed by the next turn: the timer is for those that have not
    if (this.cancelling > 0 && this.graceTimer === undefined) {
      if (this.lingering) this.graceNext()
      this.lingering = true
    }
    let again = false
    for (const looker of this.lookers) again = looker.rest() || again
    return again || this.firstDirty !== undefined || this.postponed.length > 0
  }

  broken(code: number): void {
    this.brokenBy = code
    for (const endpoint of this.endpoints) endpoint?.broken()
  }

  // --- endpoints ---

  mark(endpoint: Endpoint): void {
    if (endpoint.dirty) return
    endpoint.dirty = true
    if (this.lastDirty === undefined) this.firstDirty = endpoint
    else this.lastDirty.nextDirty = endpoint
    this.lastDirty = endpoint
  }

  /** Marks it and asks for a turn of the pump, in which it will be settled. */
  poke(endpoint: Endpoint): void {
    this.mark(endpoint)
    this.pump.poke()
  }

  /** Brings it to rest in another turn of the pump: no more calls that answer at once fit in this one. */
  postpone(endpoint: Endpoint): void {
    this.postponed.push(endpoint)
    this.pump.poke()
  }

  private readonly postponed: Array<Endpoint> = []

  // in turn, and before those that have packets now, which then queue up behind: each gets its share
  private settlePostponed(): void {
    while (this.postponed.length > 0 && this.pump.direct > 0) {
      let endpoint = this.postponed.shift()
      try {
        endpoint!.settle()
        endpoint = undefined
      } finally {
        // somebody's code threw into a resume: the rest is for later
        if (endpoint !== undefined) this.mark(endpoint)
      }
    }
  }

  /** Reserves a completion key: an even number, the odd one after it is for sentinels. */
  reserve(): number {
    const index = this.freeKeys.pop() ?? this.endpoints.length
    this.endpoints[index] = undefined
    return index * 2
  }

  unreserve(key: number): void {
    this.freeKeys.push(key >>> 1)
  }

  register(endpoint: Endpoint): void {
    this.endpoints[endpoint.key >>> 1] = endpoint
  }

  /** Forgets an endpoint. Its key is used again, unless an operation of it may still complete. */
  unregister(endpoint: Endpoint, leaked: boolean): void {
    this.endpoints[endpoint.key >>> 1] = undefined
    this.life?.closed(endpoint)
    if (!leaked) this.unreserve(endpoint.key)
  }

  /** Returns memory that lives as long as the engine and is the same for all who ask for `key`. */
  shared(key: string, size: number, initialise: (block: Block) => void): Block {
    let block = this.sharedBlocks.get(key)
    if (block === undefined) {
      block = this.heap.alloc(size)
      initialise(block)
      this.sharedBlocks.set(key, block)
    }
    return block
  }

  // --- the kernel's operations ---

  /** An operation was handed to the kernel whose packet will come to the port. */
  submitted(): void {
    this.counters.pending++
    this.pump.submitted()
  }

  /** Its packet was dequeued, or is not waited for any more. */
  completed(): void {
    this.counters.pending--
    this.pump.owed--
  }

  private readonly completions = new Map<Mode, Completion>()
  // what is looked at in every turn, beside the port
  private readonly lookers: Array<Looker> = []
  private events: EventSource | undefined = undefined
  private routines: RoutineSource | undefined = undefined

  /** The way in which the operations of a SOCKET complete, or why it cannot be had. */
  completion(mode: Mode = this.options.completion): Completion | WinsockError {
    const known = this.completions.get(mode)
    if (known !== undefined) return known
    const made = this.makeCompletion(mode)
    if (!(made instanceof WinsockErrors.WinsockError)) this.completions.set(mode, made)
    return made
  }

  private makeCompletion(mode: Mode): Completion | WinsockError {
    if (mode === "port") {
      const port = new PortSource(this)
      return { mode, main: port, other: port }
    }
    // a call that takes no routine has an event then
    const events = this.eventSource()
    if (events instanceof WinsockErrors.WinsockError || mode === "event") {
      return events instanceof WinsockErrors.WinsockError ? events : { mode, main: events, other: events }
    }
    try {
      this.routines ??= new RoutineSource(this)
    } catch {
      return WinsockErrors.fromCode("SleepEx", WSA_NOT_ENOUGH_MEMORY)
    }
    this.lookers.push(this.routines)
    return { mode, main: this.routines, other: events }
  }

  private eventSource(): EventSource | WinsockError {
    if (this.events !== undefined) return this.events
    const waits = eventWaits(this)
    if (waits instanceof WinsockErrors.WinsockError) return waits
    try {
      this.events = new EventSource(
        this,
        waits,
        this.shared("event results", 16, () => {})
      )
    } catch {
      return WinsockErrors.fromCode("WSACreateEvent", WSA_NOT_ENOUGH_MEMORY)
    }
    this.lookers.push(this.events)
    return this.events
  }

  /**
   * How many operations have a completion routine that has not run: any alertable wait of this thread would run it, and no
   * blocking call must be made meanwhile.
   */
  get routinesOutstanding(): number {
    return this.routines?.outstanding ?? 0
  }

  /**
   * Asks the kernel to give an operation back. Not found means that its packet is in the port already; `cancelGrace` helps against
   * any other refusal.
   */
  cancel(socket: SocketHandle, overlapped: number): void {
    this.counters.cancels++
    this.calls.CancelIoEx(socket, overlapped)
  }

  /**
   * Makes a call that may wait off the JS thread; `done` is told its result and, when it failed, its code. It cannot be
   * withdrawn: the engine is not closed before it has returned, unless it is forgotten by what this gives. Throws when
   * too many are running.
   */
  callAway<K extends FunctionName | ExtensionName>(
    name: K,
    args: Parameters<AnyCalls[K]>,
    done: (result: ReturnType<AnyCalls[K]>, lastError: number) => void,
    address?: number
  ): () => void {
    let isAway = true
    const back = (tell: () => void): void => {
      if (!isAway) return
      isAway = false
      this.away--
      tell()
      if (this.away === 0) this.returned?.()
    }
    const { offThread } = this.seam
    if (address === undefined) offThread(name, args, (result, lastError) => back(() => done(result, lastError)))
    else offThread(name, args, (result, lastError) => back(() => done(result, lastError)), address)
    this.away++
    return () => back(() => {})
  }

  private away = 0
  // told when the last of those calls has returned
  private returned: (() => void) | undefined = undefined

  /** An operation completed although it was being cancelled. */
  recovered(socket: number, call: string): void {
    this.counters.recovered++
    this.life?.recovered(socket, call)
  }

  /** A cancellation was asked for; the next turn of the pump sees whether it needs the grace period's timer. */
  graceBegins(): void {
    this.cancelling++
  }

  graceEnds(): void {
    if (--this.cancelling > 0) return
    this.lingering = false
    this.graceTimer?.()
    this.graceTimer = undefined
  }

  private graceNext(): void {
    this.graceTimer = this.seam.host.schedule(this.onGrace, this.options.cancelGrace / graceSteps)
  }

  private readonly onGrace = (): void => {
    this.graceTimer = undefined
    this.epoch++
    for (const endpoint of this.endpoints) endpoint?.grace(this.epoch)
    if (this.cancelling > 0 && this.graceTimer === undefined) this.graceNext()
  }

  leak(operation: string, socket: number, view: DataView, at: number, overlapped: number): void {
    this.counters.leaked++
    this.life?.leaked(socket, operation)
    this.leaks.push({
      operation,
      socket,
      overlapped,
      internal: view.getUint32(at + OVERLAPPED.offsets[this.seam.abi].Internal, true)
    })
  }

  /** A blocking call that never returned. */
  lost(operation: string, socket: number): void {
    this.counters.leaked++
    this.life?.leaked(socket, operation)
    this.leaks.push({ operation, socket, overlapped: 0, internal: 0 })
  }

  // --- closing ---

  /** Closes what is open, drains, closes the port after the pump's call returned, frees everything. */
  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.closed) return resume(Effect.void)
    this.closed = true
    const open = this.endpoints.filter((endpoint) => endpoint !== undefined)
    let left = open.length
    let stopping = false
    // an off-thread call may be made while they close
    const next = (): void => {
      if (left > 0 || this.away > 0 || stopping) return
      stopping = true
      this.pump.stop(() => {
        this.graceTimer?.()
        for (const looker of this.lookers) looker.close()
        this.calls.CloseHandle(this.port)
        this.counters.ports--
        for (const block of this.pump.blocks()) this.heap.free(block)
        for (const block of this.sharedBlocks.values()) this.heap.free(block)
        this.records.dispose()
        this.heap.free(this.scratch)
        this.calls.WSACleanup()
        live.engines--
        resume(Effect.void)
      })
    }
    this.returned = next
    for (const endpoint of open) {
      endpoint.close(() => {
        left--
        next()
      })
    }
    next()
  })

  // --- errors of calls that answer at once ---

  /** The error of a call that just failed. */
  lastError(operation: string, kind: "datagram" | "stream" | "raw" = "datagram"): WinsockError {
    return WinsockErrors.fromCode(operation, this.calls.WSAGetLastError(), kind)
  }
}
