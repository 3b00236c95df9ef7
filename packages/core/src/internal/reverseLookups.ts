/**
 * Lookups of addresses: GetNameInfoW, which has no overlapped form and cannot be cancelled. It is made off the JS thread,
 * a few at a time; one that nobody waits for any more keeps its place until it returns.
 */
import { NI_MAXHOST, NI_MAXSERV } from "@effect-winsock/schema/NameFlags"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { SOCKADDR_STORAGE } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY, WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type { Block } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { ABANDONED, ENDED, NameCall, NameCalls, PENDING } from "./nameCalls.ts"
import { readWide } from "./wideText.ts"

const operation = "GetNameInfoW"

/** What is asked. */
export interface ReverseQuery {
  readonly address: NetAddress.InetAddress
  readonly flags: number
}

export interface ReverseAnswer {
  readonly host: string
  readonly service: string
}

const hostAt = SOCKADDR_STORAGE.size.x64
const serviceAt = hostAt + 2 * NI_MAXHOST
const size = serviceAt + 2 * NI_MAXSERV

class ReverseLookup extends NameCall<ReverseAnswer> {
  readonly query: ReverseQuery

  constructor(query: ReverseQuery, resume: (outcome: Effect.Effect<ReverseAnswer, WinsockError>) => void) {
    super(resume)
    this.query = query
  }
}

class ReverseLookups extends NameCalls<ReverseAnswer, ReverseLookup> {
  private readonly active = new Set<ReverseLookup>()

  constructor(engine: Engine) {
    super(engine, operation, engine.options.reverseLookups, engine.counters.reverse)
  }

  protected begin(one: ReverseLookup): void {
    const { engine } = this
    const { address, flags } = one.query
    let block: Block
    try {
      block = engine.heap.alloc(size)
    } catch {
      return this.fail(one, WSA_NOT_ENOUGH_MEMORY)
    }
    const length = SockAddr.write(block.view, 0, address)
    const host = block.address + hostAt
    const service = block.address + serviceAt
    try {
      engine.callAway(
        operation,
        [block.address, length, host, NI_MAXHOST, service, NI_MAXSERV, flags],
        // the result is the code itself
        (code) => this.returned(one, block, code)
      )
    } catch {
      engine.heap.free(block)
      return this.fail(one, WSAENOBUFS)
    }
    engine.counters.pending++
    this.active.add(one)
  }

  private fail(one: ReverseLookup, code: number): void {
    this.busy--
    this.counters.fail(code)
    one.state = ENDED
    this.end(one, this.failure(one, code))
  }

  private failure(one: ReverseLookup, code: number): Effect.Effect<never, WinsockError> {
    const name = NetAddress.formatIp(one.query.address.address)
    return Effect.fail(WinsockErrors.lookupFailed(operation, code, name))
  }

  private returned(one: ReverseLookup, block: Block, code: number): void {
    const { counters, engine } = this
    const { view } = block
    const outcome =
      code === 0
        ? Effect.succeed({ host: readWide(view, hostAt, NI_MAXHOST), service: readWide(view, serviceAt, NI_MAXSERV) })
        : this.failure(one, code)
    engine.heap.free(block)
    engine.counters.pending--
    this.active.delete(one)
    this.busy--
    if (one.state === ABANDONED) {
      counters.aborted++
      // its place is free now
      if (!this.closing) engine.poke(this)
      return
    }
    if (code === 0) counters.completed++
    else counters.fail(code)
    one.state = ENDED
    this.end(one, outcome)
  }

  // nothing can be done about the call: it is left alone, and the interruption ends
  protected interrupted(one: ReverseLookup): void {
    one.state = ABANDONED
    this.end(one, Effect.fail(this.aborted()))
  }

  grace(): void {}

  protected giveUp(): void {
    for (const one of this.active) if (one.state === PENDING) this.interrupted(one)
  }

  // the engine itself waits for calls that are made elsewhere
  protected owed(): boolean {
    return false
  }

  protected dispose(): void {}
}

const known = new WeakMap<Engine, ReverseLookups>()

/** Looks an address up. */
export const reverseLookup = (engine: Engine, query: ReverseQuery): Effect.Effect<ReverseAnswer, WinsockError> =>
  Effect.suspend(() => {
    let lookups = known.get(engine)
    if (lookups === undefined) {
      if (engine.closed) return Effect.fail(WinsockErrors.socketClosed(operation))
      known.set(engine, (lookups = new ReverseLookups(engine)))
    }
    return lookups.ask((resume) => new ReverseLookup(query, resume))
  })
