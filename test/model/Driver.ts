/** What happens to a world from outside, step by step, until it ends. */
import * as Exit from "effect/Exit"
import type { Plan } from "./Plan.ts"
import { Programs } from "./Programs.ts"
import { World } from "./World.ts"
import type { SocketHandle } from "@effect-winsock/core/Seam"
import { Winsock } from "@effect-winsock/core"

export class Driver {
  readonly world: World
  private readonly programs: Programs

  constructor(plan: Plan, verbose: boolean) {
    this.world = new World(plan, verbose)
    this.programs = new Programs(this.world)
  }

  async step(): Promise<void> {
    const { world } = this
    const { chance } = world
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
        release: !world.isReleasing() && chance.percent(20) ? 1 : 0
      })
    ) {
      case "spawn":
        this.programs.spawn()
        break
      case "sends":
        for (let i = chance.below(4); i >= 0; i--) world.run(this.programs.send(), "send")
        break
      case "interrupt":
        this.interrupt()
        break
      case "interruptMany":
        for (let i = 2 + chance.below(6); i > 0; i--) this.interrupt()
        break
      case "clock":
        world.clock.advance(chance.one([1, 10, 40, 300, 1000]))
        break
      case "foreignCancel":
        this.foreignCancel()
        break
      case "foreignPacket":
        this.foreignPacket()
        break
      case "hold":
        world.switchNet()
        break
      case "checkpoint":
        await this.checkpoint()
        break
      case "rebind":
        if (!world.isReleasing()) world.bind(chance.one(world.plan.sockets))
        break
      case "close":
        world.close(chance.one(world.lives))
        break
      case "release":
        world.release()
        break
    }
    if (chance.percent(60)) await world.turns(1 + chance.below(3))
    else if (chance.percent(20)) await Promise.resolve()
  }

  private interrupt(): void {
    const { world } = this
    if (world.fibers.length === 0) return
    // mostly one of the latest: the older have ended
    const from = world.chance.percent(70) ? Math.max(0, world.fibers.length - 6) : 0
    const index = from + world.chance.below(world.fibers.length - from)
    const fiber = world.fibers[index]
    if (world.isReleasing(fiber)) return
    world.note(`interruption of fiber ${index}`)
    fiber.interruptUnsafe()
    if (world.chance.percent(15)) fiber.interruptUnsafe()
  }

  // as another thread's CancelIo would
  private foreignCancel(): void {
    const { world } = this
    const life = world.chance.one(world.lives)
    const socket = world.numberOf(life)
    if (socket === undefined) return
    world.note(`somebody cancels all of socket ${life.index}`)
    world.facts.foreignCancels++
    world.mock.seam.calls.CancelIoEx(socket as SocketHandle, 0)
  }

  // as a program that uses the port for its own ends would
  private foreignPacket(): void {
    const { world } = this
    const { port } = world.winsock[Winsock.EngineKey]
    if (world.isReleasing()) return
    const key = world.chance.below(12)
    world.mock.seam.calls.PostQueuedCompletionStatus(port, 0, key, world.chance.one([0, 16, 0x7fff_0000]))
  }

  /** Lets everything come to rest and looks whether it rests where it should. */
  private async checkpoint(): Promise<void> {
    const { world } = this
    world.note("checkpoint")
    world.openNet()
    await world.settled()
    // who waits for a timer of the pump's is served when the clock goes on, and may need the next one then
    for (let left = 10; left > 0 && world.unrest().length > 0; left--) {
      world.clock.advance(300)
      await world.settled()
    }
    world.problems.push(...world.unrest())
  }

  /** Closes all and waits until every fiber has ended. */
  async end(): Promise<void> {
    const { world } = this
    const { chance } = world
    world.openNet()
    await this.checkpoint()
    if (chance.percent(50)) {
      for (const life of chance.shuffled(world.lives)) {
        world.close(life)
        await world.turns(chance.below(3))
      }
    }
    world.release()
    for (const life of world.lives) world.close(life)
    // each time the clock stands between two grace periods, timeouts or waits: a handful of them ends every run
    for (let jumps = 0; !this.isOver(); jumps++) {
      await world.settled()
      if (this.isOver()) break
      if (jumps === 200 || !world.clock.jump()) {
        const left = world.fibers.flatMap((fiber, i) => (fiber.pollUnsafe() === undefined ? [i] : []))
        world.problems.push(
          `it does not come to an end: ${left.length} fibers wait for ever, of them ${left.slice(0, 8)}`
        )
        return
      }
    }
    await world.settled()
    world.leftBehind()
    for (const fiber of world.fibers) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined && Exit.isFailure(exit) && exit.cause.reasons.some((reason) => reason._tag === "Die")) {
        world.problems.push(`a fiber died: ${String(exit.cause)}`)
      }
    }
  }

  private isOver(): boolean {
    return this.world.fibers.every((fiber) => fiber.pollUnsafe() !== undefined)
  }
}
