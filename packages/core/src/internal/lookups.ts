/**
 * Lookups of names: GetAddrInfoExW, overlapped.
 *
 * It completes by an event, never by the port, and the event is the last thing that the provider touches: so the pump's
 * thread looks at the events, often at first and then every few milliseconds, as long as there are any.
 */
import { AF_INET, AF_INET6, AF_UNSPEC, WSA_WAIT_EVENT_0 } from "@effect-winsock/schema/Flags"
import { readPointer, writePointer } from "@effect-winsock/schema/Layout"
import { ADDRINFOEXW, OVERLAPPED, TIMEVAL } from "@effect-winsock/schema/Structs"
import { WSA_IO_PENDING, WSA_NOT_ENOUGH_MEMORY, WSAEINPROGRESS, WSANO_DATA } from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type { Block, Handle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { readList } from "./addressInfo.ts"
import type { Engine } from "./engine.ts"
import { graceSteps } from "./engine.ts"
import { ABANDONED, CANCELLING, ENDED, NameCall, NameCalls, PENDING } from "./nameCalls.ts"
import { wideSize, writeWide } from "./wideText.ts"

const operation = "GetAddrInfoExW"

/** What is asked. */
export interface Query {
  readonly host: string | undefined
  readonly service: string | undefined
  readonly family: NetAddress.IpFamily | undefined
  readonly flags: number
  readonly socketType: number
  readonly namespace: number
  /** In milliseconds; 0 is the provider's own. */
  readonly timeout: number
}

export interface Answer {
  readonly addresses: NonEmptyReadonlyArray<NetAddress.InetAddress>
  readonly canonicalName: string | undefined
}

// where the parts of a request lie in its memory; the OVERLAPPED is first
const resultAt = OVERLAPPED.size.x64
const handleAt = resultAt + 8
const timeoutAt = handleAt + 8
const hintsAt = timeoutAt + TIMEVAL.size.x64
const hostAt = hintsAt + ADDRINFOEXW.size.x64

/** How many looks at the events come one after the other before there are pauses between them. */
const spins = 4
/** The longest pause between two looks, in milliseconds: while fibers wait, and when nobody does. */
const slowest = 10
const slowestAbandoned = 250

const families = { IPv4: AF_INET, IPv6: AF_INET6 } as const

class Lookup extends NameCall<Answer> {
  readonly query: Query
  block: Block | undefined = undefined
  event: Handle | 0 = 0
  /** The grace period in which its cancellation was asked for. */
  epoch = 0

  constructor(query: Query, resume: (outcome: Effect.Effect<Answer, WinsockError>) => void) {
    super(resume)
    this.query = query
  }
}

class Lookups extends NameCalls<Answer, Lookup> {
  /** What the provider has. */
  private active: Array<Lookup> = []
  private timer: (() => void) | undefined = undefined
  private looks = 0

  constructor(engine: Engine) {
    super(engine, operation, engine.options.lookups, engine.counters.lookup)
  }

  protected begin(one: Lookup): void {
    const code = this.submit(one)
    if (code === WSA_IO_PENDING) {
      this.active.push(one)
      this.engine.counters.pending++
      this.hurry()
    } else this.finish(one, code)
  }

  // makes the call: WSA_IO_PENDING, or the code that it ended with at once
  private submit(one: Lookup): number {
    const { calls, counters, heap, seam } = this.engine
    const { abi } = seam
    const { family, flags, host, namespace, service, socketType, timeout } = one.query
    const serviceAt = hostAt + (host === undefined ? 0 : wideSize(host))
    try {
      one.block = heap.alloc(serviceAt + (service === undefined ? 0 : wideSize(service)))
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    const event = calls.WSACreateEvent()
    if (event === 0) return calls.WSAGetLastError()
    one.event = event
    counters.events++
    const { address, view } = one.block
    const overlapped = OVERLAPPED.offsets[abi]
    view.setUint32(overlapped.Internal, WSAEINPROGRESS, true)
    writePointer(abi, view, overlapped.hEvent, event)
    const hints = ADDRINFOEXW.offsets[abi]
    view.setInt32(hintsAt + hints.ai_flags, flags, true)
    view.setInt32(hintsAt + hints.ai_family, family === undefined ? AF_UNSPEC : families[family], true)
    view.setInt32(hintsAt + hints.ai_socktype, socketType, true)
    view.setInt32(timeoutAt + TIMEVAL.offsets[abi].tv_sec, Math.floor(timeout / 1000), true)
    view.setInt32(timeoutAt + TIMEVAL.offsets[abi].tv_usec, Math.ceil((timeout % 1000) * 1000), true)
    if (host !== undefined) writeWide(view, hostAt, host)
    if (service !== undefined) writeWide(view, serviceAt, service)
    return calls.GetAddrInfoExW(
      host === undefined ? 0 : address + hostAt,
      service === undefined ? 0 : address + serviceAt,
      namespace,
      0,
      address + hintsAt,
      address + resultAt,
      timeout === 0 ? 0 : address + timeoutAt,
      address,
      0,
      address + handleAt
    )
  }

  protected interrupted(one: Lookup): void {
    this.cancel(one)
  }

  // the provider may refuse: then it has answered already, or `cancelGrace` is for it
  private cancel(one: Lookup): void {
    const { engine } = this
    one.state = CANCELLING
    one.epoch = engine.epoch
    engine.counters.cancels++
    engine.calls.GetAddrInfoExCancel(one.block!.address + handleAt)
    engine.graceBegins()
    this.hurry()
    engine.pump.poke()
  }

  // --- looking ---

  private hurry(): void {
    this.looks = 0
    this.timer?.()
    this.timer = this.engine.seam.host.schedule(this.look)
  }

  private readonly look = (): void => {
    this.timer = undefined
    this.looks++
    const left: Array<Lookup> = []
    for (const one of this.active) {
      if (this.signalled(one)) this.completed(one)
      else left.push(one)
    }
    this.active = left
    if (left.length === 0) return
    // the grace period begins in the pump's turns, and nothing in the port makes it turn
    if (this.looks <= spins && left.some(({ state }) => state === CANCELLING)) this.engine.pump.poke()
    const longest = this.busy > 0 ? slowest : slowestAbandoned
    const delay = this.looks < spins ? undefined : Math.min(2 ** (this.looks - spins), longest)
    this.timer = this.engine.seam.host.schedule(this.look, delay)
  }

  // the event is in the OVERLAPPED: a list of one, as the call takes it
  private signalled(one: Lookup): boolean {
    const { calls, seam } = this.engine
    const hEvent = one.block!.address + OVERLAPPED.offsets[seam.abi].hEvent
    return calls.WSAWaitForMultipleEvents(1, hEvent, 0, 0, 0) === WSA_WAIT_EVENT_0
  }

  private completed(one: Lookup): void {
    const { calls, counters } = this.engine
    counters.pending--
    this.finish(one, calls.GetAddrInfoExOverlappedResult(one.block!.address))
  }

  // the provider has done with it: gives everything back, and has its fiber told if it was not
  private finish(one: Lookup, code: number): void {
    const { counters, engine } = this
    const { state } = one
    const given = state === PENDING
    if (code === 0) counters.completed++
    else if (given) counters.fail(code)
    else counters.aborted++
    if (code === 0 && !given) engine.counters.recovered++
    const list = one.block === undefined ? 0 : readPointer(engine.seam.abi, one.block.view, resultAt)
    const outcome = given ? this.read(one.query, code, list) : Effect.fail(this.aborted())
    this.release(one, list)
    if (state === ABANDONED) return
    if (state === CANCELLING) engine.graceEnds()
    one.state = ENDED
    this.busy--
    this.end(one, outcome)
  }

  private release(one: Lookup, list: number): void {
    const { calls, counters, heap } = this.engine
    // one that was cancelled may have been answered all the same
    if (list !== 0) calls.FreeAddrInfoExW(list)
    if (one.block !== undefined) heap.free(one.block)
    if (one.event === 0) return
    calls.WSACloseEvent(one.event)
    counters.events--
  }

  private read(query: Query, code: number, list: number): Effect.Effect<Answer, WinsockError> {
    const name = query.host ?? query.service ?? ""
    if (code !== 0) return Effect.fail(WinsockErrors.lookupFailed(operation, code, name))
    const { addresses, canonicalName } = readList(this.engine, list)
    const [first, ...others] = addresses
    return first === undefined
      ? Effect.fail(WinsockErrors.lookupFailed(operation, WSANO_DATA, name))
      : Effect.succeed({ addresses: [first, ...others], canonicalName })
  }

  // --- ending ---

  // a cancellation that the provider ignores: its work goes on, but nobody waits for it
  grace(epoch: number): void {
    for (const one of this.active) {
      if (one.state !== CANCELLING || epoch - one.epoch < graceSteps) continue
      one.state = ABANDONED
      this.busy--
      this.engine.graceEnds()
      this.end(one, Effect.fail(this.aborted()))
    }
  }

  protected giveUp(): void {
    for (const one of this.active) if (one.state === PENDING) this.cancel(one)
  }

  protected owed(): boolean {
    return this.busy > 0
  }

  // what was abandoned and has not ended by now is the provider's for good
  protected dispose(): void {
    const { engine } = this
    this.timer?.()
    this.look()
    this.timer?.()
    for (const { block } of this.active) {
      engine.counters.pending--
      engine.counters.events--
      this.counters.aborted++
      engine.leak(operation, -1, block!.view, 0, block!.address)
      engine.heap.abandon(block!)
    }
    this.active = []
  }
}

const known = new WeakMap<Engine, Lookups>()

/** Looks a name up. */
export const lookup = (engine: Engine, query: Query): Effect.Effect<Answer, WinsockError> =>
  Effect.suspend(() => {
    let lookups = known.get(engine)
    if (lookups === undefined) {
      if (engine.closed) return Effect.fail(WinsockErrors.socketClosed(operation))
      known.set(engine, (lookups = new Lookups(engine)))
    }
    return lookups.ask((resume) => new Lookup(query, resume))
  })
