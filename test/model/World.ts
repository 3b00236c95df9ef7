/**
 * The world of one run: a simulated machine, an engine over it, sockets, and fibers that use them at random.
 *
 * Nothing sleeps: the driver turns the event loop by hand, and time is a virtual clock's. All chance comes from the
 * seed, so a run is repeated exactly.
 */
import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Datagram } from "@effect-winsock/core/Datagram"
import type { Seam, SocketHandle } from "@effect-winsock/core/Seam"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import { MockWinsock } from "@effect-winsock/mock"
import { SOL_SOCKET } from "@effect-winsock/schema/Flags"
import { SO_RCVBUF, SO_SNDBUF } from "@effect-winsock/schema/Options"
import { WSAENOBUFS, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { Chance } from "./Chance.ts"
import type { Plan, SocketPlan } from "./Plan.ts"
import { VirtualClock } from "./VirtualClock.ts"

/** What a receive or a pull gave out, in the order in which it happened. */
export type Given =
  | { readonly _tag: "Message"; readonly n: number; readonly size: number; readonly truncated: boolean }
  | { readonly _tag: "Failure"; readonly code: number; readonly reason: string; readonly mayBeClosed: boolean }

/** One socket from its bind to its close. */
export interface Life {
  readonly index: number
  readonly plan: SocketPlan
  readonly socket: UdpSocket.UdpSocket
  readonly scope: Scope.Closeable
  readonly given: Array<Given>
  /** Receives and pulls that were begun and have not ended. */
  waiting: number
  /** Whether anything began to close it. */
  mayBeClosed: boolean
}

/** One send. */
export interface Sent {
  readonly n: number
  readonly life: Life
  outcome: "not begun" | "under way" | "sent" | "interrupted" | number
  mayBeClosed: boolean
}

/** What the driver and the fibers did that an oracle must know of. */
export class Facts {
  /** Receives, pulls and sends that ended because their fiber was interrupted. */
  interruptions = 0
  /** Calls of CancelIoEx that the engine did not make. */
  foreignCancels = 0
  readonly sends: Array<Sent> = []
}

/** What a fiber may do next, and how often it does. */
const actions = {
  take: 30,
  burst: 12,
  timeout: 8,
  raceYields: 6,
  raceTake: 5,
  uninterruptible: 4,
  masked: 2,
  send: 20,
  yields: 8,
  busy: 8,
  interruptOther: 5,
  interruptSelf: 1,
  close: 1
}

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const closed = "the socket is closed" as const

const ERROR_NO_SYSTEM_RESOURCES = 1450

/** The payload of datagram `n`: its number, then bytes that follow from it. */
const payloadOf = (n: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 4; i < length; i++) bytes[i] = (n * 31 + i) & 255
  if (length >= 4) new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

export class World {
  readonly plan: Plan
  readonly chance: Chance
  readonly clock = new VirtualClock()
  readonly facts = new Facts()
  readonly lives: Array<Life> = []
  readonly fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  readonly problems: Array<string> = []
  mock!: MockWinsock.Mock
  winsock!: Winsock.Winsock["Service"]
  readonly log: Array<{ readonly at: number; readonly text: string }> = []
  private readonly verbose: boolean
  private readonly fates: Chance
  private readonly context: Context.Context<never>
  // for what does not wait, and so must not yield
  private readonly still: Context.Context<never>
  private readonly mockScope = Scope.makeUnsafe()
  private readonly layerScope = Scope.makeUnsafe()
  private sent = 0
  private scheduled = 0
  private ran = 0
  // memory is refused to the slots alone
  private memoryShort = false
  private releasing: Fiber.Fiber<unknown, unknown> | undefined
  private releaseNet: Scope.Closeable | undefined

  constructor(plan: Plan, verbose: boolean) {
    this.plan = plan
    this.verbose = verbose
    this.chance = new Chance(plan.seed ^ 0x5bd1e995)
    this.fates = new Chance(plan.seed ^ 0x2545f491)
    this.still = Context.make(Clock.Clock, this.clock) as Context.Context<never>
    this.context = this.still.pipe(
      Context.add(Scheduler.Scheduler, new Scheduler.MixedScheduler("async", this.schedule)),
      Context.add(Scheduler.MaxOpsBeforeYield, plan.maxOpsBeforeYield)
    )
  }

  // --- begin and end ---

  begin(): void {
    const { plan } = this
    this.mock = this.now(Scope.provide(MockWinsock.make(plan.mock), this.mockScope))
    this.addFaults()
    const options = { cancelGrace: 400 }
    this.winsock = this.now(Scope.provide(Winsock.make(this.seam(this.mock.seam), options), this.layerScope))
    for (const socket of plan.sockets) this.bind(socket)
    this.memoryShort = true
  }

  /** Closes all and waits until every fiber has ended. */
  async end(): Promise<void> {
    const { chance } = this
    this.openNet()
    await this.checkpoint()
    if (chance.percent(50)) {
      for (const life of chance.shuffled(this.lives)) {
        this.close(life)
        await this.turns(chance.below(3))
      }
    }
    this.release()
    for (const life of this.lives) this.close(life)
    // each time the clock stands between two grace periods, timeouts or waits: a handful of them ends every run
    for (let jumps = 0; !this.isOver(); jumps++) {
      await this.settled()
      if (this.isOver()) break
      if (jumps === 200 || !this.clock.jump()) {
        const left = this.fibers.flatMap((fiber, i) => (fiber.pollUnsafe() === undefined ? [i] : []))
        this.problems.push(
          `it does not come to an end: ${left.length} fibers wait for ever, of them ${left.slice(0, 8)}`
        )
        return
      }
    }
    await this.settled()
    const left = this.statistics()
    const held = {
      ...left.handles,
      blocks: left.blocks.count,
      bytes: left.blocks.bytes,
      allocated: left.slots.allocated,
      used: left.slots.used,
      pending: left.pending,
      waiters: left.waiters,
      inbox: left.inbox,
      leaked: left.leaked
    }
    for (const [name, count] of Object.entries(held)) {
      if (count !== 0) this.problems.push(`the released layer holds ${count} ${name}`)
    }
    for (const fiber of this.fibers) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined && Exit.isFailure(exit) && exit.cause.reasons.some((reason) => reason._tag === "Die")) {
        this.problems.push(`a fiber died: ${String(exit.cause)}`)
      }
    }
    const exit = Effect.runSyncExitWith(this.still)(Scope.close(this.mockScope, Exit.void))
    if (Exit.isFailure(exit)) {
      const defect = exit.cause.reasons[0]
      const text = defect._tag === "Die" ? String((defect.defect as Error).message) : String(exit.cause)
      this.problems.push(text.split("what happened last:")[0].trim())
    }
  }

  private isOver(): boolean {
    return this.fibers.every((fiber) => fiber.pollUnsafe() !== undefined)
  }

  statistics(): Winsock.Statistics {
    return this.now(this.winsock.statistics)
  }

  // --- the seam, and what it is unkind about ---

  private addFaults(): void {
    const { fates, mock, plan } = this
    const { late, receiveFails, sendBlocks, sendFails, wakeLost, cancelRefused } = plan.unkindness
    const add = (percent: number, fault: MockWinsock.Fault): void => {
      if (percent === 0) return
      const { when } = fault
      const rule = {
        ...fault,
        when: (args: { readonly [parameter: string]: number }) =>
          (when === undefined || when(args)) && fates.percent(percent)
      }
      this.now(Scope.provide(mock.fault(rule), this.mockScope))
    }
    add(receiveFails, { call: "WSARecvMsg", code: WSAENOBUFS })
    add(sendFails, { call: "WSASendMsg", code: WSAENOBUFS })
    add(sendBlocks, { call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, code: WSAEWOULDBLOCK })
    for (const call of ["WSARecvMsg", "WSASendMsg"] as const) {
      add(late, { call, when: (args) => args.lpOverlapped !== 0, lateCompletion: 1 + fates.below(4) })
    }
    add(wakeLost, { call: "PostQueuedCompletionStatus", when: (args) => args.lpOverlapped === 0, code: 8 })
    // ERROR_INVALID_FUNCTION
    add(cancelRefused, { call: "CancelIoEx", code: 1 })
  }

  private seam(seam: Seam): Seam {
    const { fates, plan } = this
    const { noMemory, offThreadRefused } = plan.unkindness
    const refuse: Seam["offThread"] = (name, args, done) => {
      if (!fates.percent(offThreadRefused)) return seam.offThread(name, args, done)
      if (fates.percent(50)) throw new Error("too many calls off the JS thread")
      seam.host.schedule(() => done(0 as never, ERROR_NO_SYSTEM_RESOURCES))
    }
    return {
      ...seam,
      offThread: offThreadRefused === 0 ? seam.offThread : refuse,
      host: { ...seam.host, pollInterval: plan.pollInterval },
      memory: {
        ...seam.memory,
        alloc: (size) => {
          if (this.memoryShort && fates.percent(noMemory)) throw new RangeError("no memory")
          return seam.memory.alloc(size)
        }
      }
    }
  }

  // --- running effects ---

  /** Runs what does not wait. */
  private now<A, E>(effect: Effect.Effect<A, E>): A {
    return Effect.runSyncWith(this.still)(effect)
  }

  private run(effect: Effect.Effect<unknown, unknown>, what: string): Fiber.Fiber<unknown, unknown> {
    this.note(`fiber ${this.fibers.length} starts: ${what}`)
    const fiber = Effect.runForkWith(this.context)(effect)
    this.fibers.push(fiber)
    return fiber
  }

  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await turn()
  }

  // Effect's scheduler, seen from outside: how many of its tasks wait for the event loop, and how many ran
  private readonly schedule = (task: () => void): (() => void) => {
    this.scheduled++
    let waits = true
    const end = (): boolean => {
      const ended = waits
      waits = false
      if (ended) this.scheduled--
      return ended
    }
    const handle = setImmediate(() => {
      if (!end()) return
      this.ran++
      task()
    })
    return () => {
      if (end()) clearImmediate(handle)
    }
  }

  /** Waits until neither the kernel nor a fiber has anything to do. */
  private async settled(): Promise<void> {
    for (let rounds = 0; rounds < 2000; rounds++) {
      const { ran } = this
      const fiber = Effect.runForkWith(this.still)(this.mock.settled)
      const exit = await new Promise<Exit.Exit<void>>((resolve) => {
        fiber.addObserver(resolve)
      })
      if (Exit.isFailure(exit)) break
      if (this.scheduled === 0 && this.ran === ran) return
    }
    throw new Error("it never comes to rest: something is done again and again")
  }

  note(text: string): void {
    if (this.verbose) this.log.push({ at: this.now(this.mock.trace).length, text })
  }

  // --- sockets ---

  private bind(plan: SocketPlan): void {
    const { receiveBuffer, sendBuffer, ...options } = plan
    const scope = Scope.makeUnsafe()
    const wasShort = this.memoryShort
    this.memoryShort = false
    const bound = Scope.provide(UdpSocket.bind(loopback, options), scope)
    const socket = this.now(Effect.provideService(bound, Winsock.Winsock, this.winsock))
    this.memoryShort = wasShort
    const life: Life = { index: this.lives.length, plan, socket, scope, given: [], waiting: 0, mayBeClosed: false }
    this.lives.push(life)
    this.setBuffer(life, SO_RCVBUF, receiveBuffer)
    this.setBuffer(life, SO_SNDBUF, sendBuffer)
    this.note(`socket ${life.index} bound`)
  }

  private setBuffer(life: Life, option: number, size: number): void {
    if (size === 0) return
    const { calls, memory } = this.mock.seam
    const block = memory.alloc(4)
    block.view.setUint32(0, size, true)
    calls.setsockopt(this.numberOf(life) as SocketHandle, SOL_SOCKET, option, block.address, 4)
    memory.free(block)
  }

  /** The SOCKET while it is open. */
  private numberOf(life: Life): number | undefined {
    return this.infoOf(life)?.socket
  }

  private infoOf(life: Life): MockWinsock.SocketInfo | undefined {
    const local = `127.0.0.1:${life.socket.address.port}`
    return this.now(this.mock.sockets).find((info) => info.local === local)
  }

  private closing(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.note(`close of socket ${life.index}`)
      life.mayBeClosed = true
      return Scope.close(life.scope, Exit.void)
    })
  }

  private close(life: Life): void {
    this.run(this.closing(life), `close of socket ${life.index}`)
  }

  private release(): void {
    if (this.releasing !== undefined) return
    for (const life of this.lives) life.mayBeClosed = true
    this.releasing = this.run(Scope.close(this.layerScope, Exit.void), "release of the layer")
  }

  private openNet(): void {
    if (this.releaseNet === undefined) return
    this.now(Scope.close(this.releaseNet, Exit.void))
    this.releaseNet = undefined
  }

  // --- what fibers do ---

  private gave(life: Life, message: Datagram): void {
    const { payload, truncated } = message
    let n = this.plan.lengths.indexOf(0)
    if (payload.length >= 4) n = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const whole = payloadOf(n, this.plan.lengths[n] ?? 0)
    if (payload.some((byte, i) => byte !== whole[i])) this.problems.push(`datagram ${n} was given out damaged`)
    life.given.push({ _tag: "Message", n, size: payload.length, truncated })
    this.note(`socket ${life.index} gave datagram ${n}`)
  }

  private failed(life: Life, error: WinsockError): void {
    const { _tag: reason, code } = error.reason
    life.given.push({ _tag: "Failure", code, reason, mayBeClosed: this.mayBeClosed(life) })
    this.note(`socket ${life.index} gave ${reason} ${code}`)
  }

  // interruptions and failures of CancelIoEx close a socket too, if its plan says so
  private mayBeClosed(life: Life): boolean {
    const byCancel = life.plan.cancel === "close" || this.plan.unkindness.cancelRefused > 0
    return (
      life.mayBeClosed || (byCancel && this.facts.interruptions > 0) || (byCancel && this.infoOf(life) === undefined)
    )
  }

  // counts the operation while it lasts; a message is recorded in the step in which the receive succeeds
  private recorded<A>(
    life: Life,
    effect: Effect.Effect<A, WinsockError>,
    record: (value: A) => void
  ): Effect.Effect<void, typeof closed> {
    return Effect.suspend(() => {
      let open = false
      const begin = Effect.suspend(() => {
        open = true
        life.waiting++
        return effect
      })
      const close = (): void => {
        if (open) life.waiting--
        open = false
      }
      const given = Effect.map(begin, (value) => {
        close()
        record(value)
      })
      // a program that is told that its socket is closed ends
      const caught = Effect.catch(given, (error) =>
        Effect.suspend(() => {
          close()
          this.failed(life, error)
          return error.reason._tag === "SocketClosed" ? Effect.fail(closed) : Effect.void
        })
      )
      return Effect.onInterrupt(caught, () =>
        Effect.sync(() => {
          if (open) this.facts.interruptions++
          close()
        })
      )
    })
  }

  private receive(life: Life): Effect.Effect<void, typeof closed> {
    return this.recorded(life, life.socket.receive, (message) => this.gave(life, message))
  }

  private pull(life: Life): Effect.Effect<void, typeof closed> {
    return this.recorded(life, life.socket.pull, (batch) => {
      if (batch.length > life.plan.batch) this.problems.push(`a batch of ${batch.length}, which is too large`)
      for (const message of batch) this.gave(life, message)
    })
  }

  private take(life: Life): Effect.Effect<void, typeof closed> {
    return this.chance.percent(70) ? this.receive(life) : this.pull(life)
  }

  private send(): Effect.Effect<void> {
    const { chance, facts, plan } = this
    return Effect.suspend(() => {
      const n = this.sent++
      if (n >= plan.lengths.length) return Effect.void
      const life = chance.one(this.lives)
      const to = chance.one(this.lives)
      const sent: Sent = { n, life, outcome: "not begun", mayBeClosed: false }
      facts.sends.push(sent)
      const begin = Effect.suspend(() => {
        sent.outcome = "under way"
        this.note(`send of datagram ${n} from socket ${life.index} to socket ${to.index}`)
        return life.socket.send(payloadOf(n, plan.lengths[n]), to.socket.address)
      })
      const sending = Effect.map(begin, () => {
        sent.outcome = "sent"
      })
      const caught = Effect.catch(sending, (error) =>
        Effect.sync(() => {
          sent.outcome = error.reason.code
          sent.mayBeClosed = this.mayBeClosed(life)
        })
      )
      return Effect.onInterrupt(caught, () =>
        Effect.sync(() => {
          if (sent.outcome !== "under way") return
          sent.outcome = "interrupted"
          facts.interruptions++
        })
      )
    })
  }

  private yields(count: number): Effect.Effect<void> {
    return count === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, this.yields(count - 1))
  }

  /** Steps that use up what Effect allows before it yields, so that the yield falls anywhere. */
  private busy(count: number): Effect.Effect<void> {
    return count === 0 ? Effect.void : Effect.flatMap(Effect.void, () => this.busy(count - 1))
  }

  private interruptOther(): Effect.Effect<void> {
    return Effect.sync(() => {
      const fiber = this.chance.one(this.fibers)
      this.note(`interruption of fiber ${this.fibers.indexOf(fiber)} by a fiber`)
      if (fiber !== this.releasing) fiber.interruptUnsafe()
    })
  }

  private action(name: keyof typeof actions): Effect.Effect<unknown, typeof closed> {
    const { chance } = this
    const life = chance.percent(75) ? this.lives[this.lives.length - 1] : chance.one(this.lives)
    const take = this.take(life)
    switch (name) {
      case "take":
        return take
      case "burst": {
        const times = 2 + chance.below(12)
        return Effect.replicateEffect(take, times, { discard: true })
      }
      case "timeout":
        return Effect.timeoutOption(take, 1 + chance.below(40))
      case "raceYields":
        return Effect.race(take, this.yields(chance.below(4)))
      case "raceTake":
        return Effect.race(take, this.take(life))
      case "uninterruptible":
        return Effect.uninterruptible(take)
      case "masked":
        return Effect.uninterruptibleMask((restore) => Effect.andThen(this.send(), restore(take)))
      case "send":
        return this.send()
      case "yields":
        return this.yields(1 + chance.below(3))
      case "busy":
        return this.busy(chance.below(40))
      case "interruptOther":
        return this.interruptOther()
      case "interruptSelf":
        return Effect.interrupt
      case "close":
        return chance.percent(50) ? this.closing(life) : Effect.void
    }
  }

  private spawn(): void {
    const names = Array.from({ length: 1 + this.chance.below(4) }, () => this.chance.weighted(actions))
    const program = names.map((name) => this.action(name)).reduce((before, next) => Effect.andThen(before, next))
    this.run(program, names.join(", "))
  }

  // --- the driver ---

  async step(): Promise<void> {
    const { chance } = this
    switch (
      chance.weighted({
        spawn: 30,
        sends: 25,
        interrupt: 14,
        interruptMany: 3,
        clock: 6,
        foreignCancel: 2,
        foreignPacket: 2,
        hold: 4,
        checkpoint: 2,
        rebind: 1,
        close: 1,
        release: this.releasing === undefined && chance.percent(20) ? 1 : 0
      })
    ) {
      case "spawn":
        this.spawn()
        break
      case "sends":
        for (let i = chance.below(4); i >= 0; i--) this.run(this.send(), "send")
        break
      case "interrupt":
        this.interrupt()
        break
      case "interruptMany":
        for (let i = 2 + chance.below(6); i > 0; i--) this.interrupt()
        break
      case "clock":
        this.clock.advance(chance.one([1, 10, 40, 300, 1000]))
        break
      case "foreignCancel":
        this.foreignCancel()
        break
      case "foreignPacket":
        this.foreignPacket()
        break
      case "hold":
        if (this.releaseNet === undefined) {
          this.releaseNet = Scope.makeUnsafe()
          this.now(Scope.provide(this.mock.hold, this.releaseNet))
        } else this.openNet()
        break
      case "checkpoint":
        await this.checkpoint()
        break
      case "rebind":
        if (this.releasing === undefined) this.bind(chance.one(this.plan.sockets))
        break
      case "close":
        this.close(chance.one(this.lives))
        break
      case "release":
        this.release()
        break
    }
    if (chance.percent(60)) await this.turns(1 + chance.below(3))
    else if (chance.percent(20)) await Promise.resolve()
  }

  private interrupt(): void {
    if (this.fibers.length === 0) return
    // mostly one of the latest: the older have ended
    const from = this.chance.percent(70) ? Math.max(0, this.fibers.length - 6) : 0
    const index = from + this.chance.below(this.fibers.length - from)
    const fiber = this.fibers[index]
    if (fiber === this.releasing) return
    this.note(`interruption of fiber ${index}`)
    fiber.interruptUnsafe()
    if (this.chance.percent(15)) fiber.interruptUnsafe()
  }

  // as another thread's CancelIo would
  private foreignCancel(): void {
    const life = this.chance.one(this.lives)
    const socket = this.numberOf(life)
    if (socket === undefined) return
    this.note(`somebody cancels all of socket ${life.index}`)
    this.facts.foreignCancels++
    this.mock.seam.calls.CancelIoEx(socket as SocketHandle, 0)
  }

  // as a program that uses the port for its own ends would
  private foreignPacket(): void {
    const { port } = this.winsock[Winsock.EngineKey]
    if (this.releasing !== undefined) return
    const key = this.chance.below(12)
    this.mock.seam.calls.PostQueuedCompletionStatus(port, 0, key, this.chance.one([0, 16, 0x7fff_0000]))
  }

  /** Lets everything come to rest and looks whether it rests where it should. */
  private async checkpoint(): Promise<void> {
    this.note("checkpoint")
    this.openNet()
    await this.settled()
    // who waits for a timer of the pump's is served when the clock goes on, and may need the next one then
    for (let left = 10; left > 0 && this.unrest().length > 0; left--) {
      this.clock.advance(300)
      await this.settled()
    }
    this.problems.push(...this.unrest())
  }

  /** What is not as it should be when everything has come to rest. */
  private unrest(): ReadonlyArray<string> {
    const problems: Array<string> = []
    if (this.releasing !== undefined) return problems
    const { inbox, pending, recovered, waiters } = this.statistics()
    const refused = this.plan.unkindness.cancelRefused > 0
    let waiting = 0
    for (const life of this.lives) {
      waiting += life.waiting
      const info = this.infoOf(life)
      if (info === undefined) continue
      const name = `socket ${life.index}`
      if (info.queued > 0 && life.waiting > 0) {
        problems.push(`${name} has ${info.queued} datagrams ready and ${life.waiting} fibers waiting`)
      }
      // a refused cancellation keeps its fiber and its receive until the grace period ends
      if (refused) continue
      // only a cancellation that lost its race leaves more in hand than is wanted
      const allowed = life.waiting + life.plan.lookAhead + recovered
      if (info.pendingReceives > allowed) {
        problems.push(`${name} has ${info.pendingReceives} receives posted where ${allowed} would do`)
      }
    }
    if (refused) return problems
    if (waiting !== waiters) problems.push(`${waiting} fibers wait, but ${waiters} waiters are counted`)
    if (this.lives.length === 1) problems.push(...this.unrestAlone(inbox, pending, recovered, waiters))
    return problems
  }

  // what the statistics of one socket alone tell of it
  private unrestAlone(inbox: number, pending: number, recovered: number, waiters: number): ReadonlyArray<string> {
    const problems: Array<string> = []
    const [life] = this.lives
    const { lookAhead, maxPosted } = life.plan
    if (inbox > 0 && waiters > 0) problems.push(`${inbox} results in hand, and ${waiters} fibers waiting`)
    const posted = this.infoOf(life)?.pendingReceives ?? 0
    const allowed = waiters + lookAhead + recovered
    if (posted > Math.max(0, allowed - inbox)) {
      problems.push(`${posted} receives posted and ${inbox} results in hand, where ${allowed} would do`)
    }
    const wanted = Math.min(maxPosted, waiters + lookAhead - inbox)
    // a receive that failed at once waits behind those posted before it, and is in hand already
    const { noMemory, receiveFails } = this.plan.unkindness
    const fewer = noMemory + receiveFails > 0 || this.mayBeClosed(life)
    // one that completed may wait for the next look at the port
    if (!fewer && pending < wanted) problems.push(`${pending} receives posted where ${wanted} were wanted`)
    return problems
  }
}
