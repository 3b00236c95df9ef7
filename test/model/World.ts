/**
 * The world of one run: a simulated machine, an engine over it, sockets, and fibers that use them at random.
 *
 * Nothing sleeps: the driver turns the event loop by hand, and time is a virtual clock's. All chance comes from the
 * seed, so a run is repeated exactly.
 */
import { UdpSocket, Winsock } from "@effect-winsock/core"
import type { Seam, SocketHandle } from "@effect-winsock/core/Seam"
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

const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const ERROR_NO_SYSTEM_RESOURCES = 1450

/** The payload of datagram `n`: its number, then bytes that follow from it. */
export const payloadOf = (n: number, length: number): Uint8Array => {
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

  // --- the machine and its layer ---

  begin(): void {
    const { plan } = this
    this.mock = this.now(Scope.provide(MockWinsock.make(plan.mock), this.mockScope))
    this.addFaults()
    const options = { cancelGrace: 400, completion: plan.completion }
    this.winsock = this.now(Scope.provide(Winsock.make(this.seam(this.mock.seam), options), this.layerScope))
    for (const socket of plan.sockets) this.bind(socket)
    this.memoryShort = true
  }

  statistics(): Winsock.Statistics {
    return this.now(this.winsock.statistics)
  }

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

  run(effect: Effect.Effect<unknown, unknown>, what: string): Fiber.Fiber<unknown, unknown> {
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
  async settled(): Promise<void> {
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

  bind(plan: SocketPlan): void {
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
  numberOf(life: Life): number | undefined {
    return this.infoOf(life)?.socket
  }

  private infoOf(life: Life): MockWinsock.SocketInfo | undefined {
    const local = `127.0.0.1:${life.socket.address.port}`
    return this.now(this.mock.sockets).find((info) => info.local === local)
  }

  closing(life: Life): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.note(`close of socket ${life.index}`)
      life.mayBeClosed = true
      return Scope.close(life.scope, Exit.void)
    })
  }

  close(life: Life): void {
    this.run(this.closing(life), `close of socket ${life.index}`)
  }

  release(): void {
    if (this.releasing !== undefined) return
    for (const life of this.lives) life.mayBeClosed = true
    this.releasing = this.run(Scope.close(this.layerScope, Exit.void), "release of the layer")
  }

  /** Whether the layer is being released; with a fiber, whether that is the one that does it. */
  isReleasing(by: unknown = this.releasing): boolean {
    return this.releasing !== undefined && by === this.releasing
  }

  /** Keeps datagrams from arriving, or lets them again. */
  switchNet(): void {
    if (this.releaseNet !== undefined) return this.openNet()
    this.releaseNet = Scope.makeUnsafe()
    this.now(Scope.provide(this.mock.hold, this.releaseNet))
  }

  openNet(): void {
    if (this.releaseNet === undefined) return
    this.now(Scope.close(this.releaseNet, Exit.void))
    this.releaseNet = undefined
  }

  // interruptions and failures of CancelIoEx close a socket too, if its plan says so
  mayBeClosed(life: Life): boolean {
    const byCancel = life.plan.cancel === "close" || this.plan.unkindness.cancelRefused > 0
    return (
      life.mayBeClosed || (byCancel && this.facts.interruptions > 0) || (byCancel && this.infoOf(life) === undefined)
    )
  }

  // --- at rest ---

  /** Ends the simulation, and looks for what the layer, which was released, or the machine still holds. */
  leftBehind(): void {
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
    const exit = Effect.runSyncExitWith(this.still)(Scope.close(this.mockScope, Exit.void))
    if (Exit.isFailure(exit)) {
      const defect = exit.cause.reasons[0]
      const text = defect._tag === "Die" ? String((defect.defect as Error).message) : String(exit.cause)
      this.problems.push(text.split("what happened last:")[0].trim())
    }
  }

  /** What is not as it should be when everything has come to rest. */
  unrest(): ReadonlyArray<string> {
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
