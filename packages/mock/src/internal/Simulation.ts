/**
 * A simulation put together: machines, their kernels, the network between them, and one event loop for all.
 */
import type { Seam } from "@effect-winsock/core/Seam"
import type * as Clock from "effect/Clock"
import type { Site } from "./CallSite.ts"
import { makeBind, makeCalls, makeOffThread } from "./Dispatcher.ts"
import { Kernel } from "./Kernel.ts"
import type { Machine } from "./Machine.ts"
import { Network } from "./Network.ts"
import { Random } from "./Random.ts"
import type { Routes } from "./Routes.ts"
import { Rules } from "./Rules.ts"
import type { Settings } from "./Settings.ts"
import { Trace } from "./Trace.ts"
import { Loop } from "./Loop.ts"
import { macrotask } from "./macrotask.ts"
import { ScheduledTask, Turns } from "./Turns.ts"

export interface Node {
  readonly kernel: Kernel
  readonly seam: Seam
}

/** How many simulations have begun and not ended. */
export const live = { simulations: 0 }

export class Simulation {
  readonly settings: Settings
  readonly trace: Trace
  readonly turns: Turns
  readonly network: Network
  readonly nodes: ReadonlyArray<Node>

  constructor(settings: Settings, machines: ReadonlyArray<Machine>, clock: Clock.Clock, routes: Routes) {
    this.settings = settings
    this.trace = new Trace(settings.trace, clock)
    this.turns = new Turns(clock, this.taskThrew)
    const random = new Random(settings.seed)
    const rules = new Rules(random, () => this.trace.now, this.taskThrew)
    this.network = new Network(this.turns, settings.delivery, routes, rules)
    const nodes: Array<Node> = []
    for (const machine of machines) {
      const kernel = new Kernel(machine.name, settings, this.trace, this.turns, random, this.network, machine)
      this.network.kernels.push(kernel)
      nodes.push({ kernel, seam: seamOf(kernel) })
    }
    this.nodes = nodes
    live.simulations++
    if (clock instanceof Loop) clock.simulations.add(this)
  }

  /** Calls `done` once nothing is under way, or with false when that takes too many turns. */
  settle(done: (settled: boolean) => void): void {
    let quiet = 0
    let turns = 0
    let last = -1
    const look = (): void => {
      const now = this.activity
      quiet = this.busy || now !== last ? 0 : quiet + 1
      last = now
      if (quiet >= quietTurns) return done(true)
      if (++turns > mostTurns) return done(false)
      this.turns.macrotask(look)
    }
    this.turns.macrotask(look)
  }

  private get busy(): boolean {
    return this.turns.busy || (this.network.size > 0 && !this.network.isHeld)
  }

  private get activity(): number {
    let sum = this.turns.count
    for (const { kernel } of this.nodes) sum += kernel.activity
    return sum
  }

  private readonly taskThrew = (error: unknown): void => {
    // without a guard nobody would hear of it
    if (this.settings.guard === "off") {
      macrotask(() => {
        throw error
      })
      return
    }
    this.nodes[0].kernel.guard.violation(
      "TaskThrew",
      error instanceof Error ? (error.stack ?? error.message) : String(error)
    )
  }
}

// a fiber that yields to Effect's scheduler comes back within one turn; a few more are for chains of them
const quietTurns = 4
const mostTurns = 100_000

// what the kernel allocates for itself never fails
const memoryOf = ({ faults, memory }: Kernel): Seam["memory"] => ({
  alloc: (size) => {
    const refused = faults.any && faults.at("alloc", () => ({ size })) !== 0
    if (refused) throw new RangeError(`cannot allocate ${size} bytes: a fault`)
    return memory.alloc(size)
  },
  free: memory.free
})

const seamOf = (kernel: Kernel): Seam => ({
  name: "mock",
  abi: kernel.settings.abi,
  memory: memoryOf(kernel),
  calls: makeCalls(kernel),
  offThread: makeOffThread(kernel),
  bind: makeBind(kernel),
  routine: (run, queued) => {
    const address = kernel.routines.add(run, queued)
    return { address, release: () => kernel.routines.remove(address) }
  },
  host: {
    schedule: (task, delay = 0) => {
      const scheduled = new ScheduledTask(task)
      kernel.activity++
      kernel.turns.after(delay, scheduled)
      return () => scheduled.withdraw()
    },
    keepAlive: (on) => {
      kernel.keepAlive += on ? 1 : -1
    },
    onExit: (task) => {
      kernel.exitTasks.add(task)
      return () => {
        kernel.exitTasks.delete(task)
      }
    },
    pollInterval: 0
  }
})

/** Records what is still open, allocated or pending on the machine. */
export const audit = (kernel: Kernel): void => {
  const { guard } = kernel
  const left = (what: string, site?: Site): void => guard.violation("LeftBehind", what, site)
  for (const object of kernel.handles.list()) left(`${object.type} ${object.handle} is open`, guard.siteOf(object))
  for (const operation of guard.pending.values()) {
    left(
      `${operation.kind} 0x${operation.overlapped.toString(16)} of socket ${operation.socket.number} is pending`,
      operation.site
    )
  }
  for (const owner of guard.owners) left(`${owner.what} is pending`, guard.siteOf(owner))
  const lists = kernel.names.lists.size
  if (lists > 0) left(`${lists} lists of GetAddrInfoExW are not freed`)
  if (kernel.memory.live > 0) left(`${kernel.memory.live} blocks of memory are allocated`)
  if (kernel.started > 0) left(`${kernel.started} WSAStartup calls have no WSACleanup`)
  if (kernel.routines.size > 0) left(`${kernel.routines.size} completion routines are registered`)
  if (kernel.keepAlive > 0) left("the process is kept alive")
  if (kernel.exitTasks.size > 0) left(`${kernel.exitTasks.size} exit tasks are registered`)
}
