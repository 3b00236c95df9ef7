/**
 * Waits for events off the JS thread: they end in a turn after the signal, or when their time has passed. The signal
 * itself is what ends them, even if it is taken back at once.
 */
import { WSA_INFINITE, WSA_WAIT_FAILED, WSA_WAIT_TIMEOUT } from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Waitable } from "./Events.ts"
import { answerOf, waitable } from "./Events.ts"
import type { Owner } from "./Guard.ts"
import type { Kernel } from "./Kernel.ts"
import { AccessViolation } from "./Memory.ts"
import { ScheduledTask, type Task } from "./Turns.ts"

type Done = (result: number, lastError: number) => void

class EventWait implements Owner {
  // the thread may read them late
  readonly what = "handles of a waiting WSAWaitForMultipleEvents"
  readonly address: number
  readonly size: number
  readonly objects: ReadonlyArray<Waitable>
  readonly all: boolean
  readonly done: Done
  timer: ScheduledTask | undefined = undefined
  late = false
  /** What it answers, -1 while it waits. */
  answer = -1

  constructor(address: number, size: number, objects: ReadonlyArray<Waitable>, all: boolean, done: Done) {
    this.address = address
    this.size = size
    this.objects = objects
    this.all = all
    this.done = done
  }

  look(): void {
    if (this.answer === -1) this.answer = answerOf(this.objects, this.all)
  }
}

export class EventWaits implements Task {
  private readonly kernel: Kernel
  private waits: Array<EventWait> = []
  private looking = false

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  signal(object: Waitable): void {
    object.signalled = true
    for (const wait of this.waits) if (wait.objects.includes(object)) wait.look()
    this.lookLater()
  }

  /** Closing a handle that is waited for is undefined, so no program may do it. */
  closing(object: Waitable): void {
    if (this.waits.some(({ objects }) => objects.includes(object))) {
      this.kernel.guard.violation("DeadSocket", `${this.kernel.calling} on an event that a call waits for`)
    }
  }

  /** WSAWaitForMultipleEvents off the JS thread. */
  wait(args: ReadonlyArray<number>, done: Done): void {
    const { kernel } = this
    const [count, handles, all, timeout] = args
    const fails = (code: number): void => kernel.turns.post(new ScheduledTask(() => done(WSA_WAIT_FAILED, code)))
    let objects: ReadonlyArray<Waitable> | number
    try {
      objects = waitable(kernel, count, handles)
    } catch (error) {
      if (!(error instanceof AccessViolation)) throw error
      return fails(sdk.WSA_INVALID_PARAMETER)
    }
    if (typeof objects === "number") return fails(objects)
    const wait = new EventWait(handles, count * kernel.memory.pointerSize, objects, all !== 0, done)
    wait.look()
    kernel.guard.begun(wait)
    kernel.guard.owners.add(wait)
    this.waits.push(wait)
    this.lookLater()
    if (timeout === WSA_INFINITE) return
    wait.timer = new ScheduledTask(() => {
      wait.late = true
      this.run()
    })
    kernel.turns.after(timeout, wait.timer)
  }

  run(): void {
    this.looking = false
    const ended: Array<readonly [EventWait, number]> = []
    for (const wait of this.waits) {
      if (wait.answer !== -1) ended.push([wait, wait.answer])
      else if (wait.late) ended.push([wait, WSA_WAIT_TIMEOUT])
    }
    for (const [wait, answer] of ended) {
      this.waits = this.waits.filter((other) => other !== wait)
      this.kernel.guard.owners.delete(wait)
      wait.timer?.withdraw()
      wait.done(answer, 0)
    }
  }

  private lookLater(): void {
    if (this.looking || this.waits.length === 0) return
    this.looking = true
    this.kernel.turns.post(this)
  }
}
