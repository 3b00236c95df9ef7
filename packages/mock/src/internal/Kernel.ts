/**
 * One simulated machine as its DLL sees it: handles, memory, the fate of operations.
 */
import { STATUS_PENDING } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import { Connections } from "./Connections.ts"
import type { EventObject } from "./Events.ts"
import { EventWaits } from "./EventWaits.ts"
import type { Late } from "./FaultRule.ts"
import { Faults } from "./Faults.ts"
import { type FileObject, Files } from "./Files.ts"
import { Guard } from "./Guard.ts"
import { Handles } from "./Handles.ts"
import { InterfaceWatches } from "./InterfaceIoctls.ts"
import type { Machine } from "./Machine.ts"
import { AccessViolation, MockMemory } from "./Memory.ts"
import { NameService } from "./Names.ts"
import type { Network } from "./Network.ts"
import { Operation, type OperationKind } from "./Operation.ts"
import { PathMtus } from "./PathMtu.ts"
import { Packet, type Port } from "./Ports.ts"
import type { Random } from "./Random.ts"
import * as Receive from "./Receive.ts"
import { Routines } from "./Routines.ts"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Settings } from "./Settings.ts"
import type { Trace } from "./Trace.ts"
import { ScheduledTask, type Task, type Turns } from "./Turns.ts"
import type { Socket } from "./Socket.ts"
import { streams } from "./Streams.ts"
import type { StreamEvents } from "./Tcp.ts"
import type { TcpSocket } from "./TcpSocket.ts"
import type { Thread } from "./Threads.ts"
import type { UdpSocket } from "./UdpSocket.ts"

export type AnySocket = UdpSocket | TcpSocket

export type AnyObject = AnySocket | Port | EventObject | FileObject

/** The end of an operation, due in a later turn. */
class Completion implements Task {
  readonly kernel: Kernel
  readonly operation: Operation
  constructor(kernel: Kernel, operation: Operation) {
    this.kernel = kernel
    this.operation = operation
  }
  run(): void {
    const { kernel, operation } = this
    // the machine's power went
    if (operation.state === "done") return
    if (operation.late > 1) {
      operation.late--
      kernel.turns.post(this)
      return
    }
    operation.late = 0
    if (operation.datagram !== undefined && !operation.forced) Receive.complete(kernel, operation)
    else {
      kernel.guard.completing(operation)
      kernel.complete(operation, operation.status, operation.bytes)
    }
  }
}

export class Kernel {
  readonly name: string
  readonly settings: Settings
  readonly memory: MockMemory
  readonly guard: Guard
  readonly trace: Trace
  readonly turns: Turns
  readonly random: Random
  readonly network: Network
  readonly machine: Machine
  faults = new Faults(this)
  readonly routines: Routines
  readonly handles = new Handles<AnyObject>((object) => this.guard.begun(object))
  readonly names = new NameService()
  readonly eventWaits = new EventWaits(this)
  /** Who waits for changes of its interfaces. */
  readonly watches = new InterfaceWatches()
  /** Bound UDP sockets by port, oldest first. */
  readonly bound = new Map<number, Array<UdpSocket>>()
  /** Bound raw sockets, oldest first. */
  raws: ReadonlyArray<UdpSocket> = []
  /** Bound TCP sockets. */
  readonly boundStreams = new Map<number, Array<TcpSocket>>()
  readonly connections = new Connections()
  files = new Files()
  readonly pathMtus = new PathMtus()
  readonly streams: StreamEvents = streams
  /** What queues the packets that a fault holds up. */
  readonly latePackets = new Set<() => void>()
  /** Whether the machine's power went, for good: one that is up again has another kernel. */
  isDown = false
  /** The error of the call in progress, 0 while it succeeds. */
  error = 0
  /** The JS thread's last error. */
  lastError = 0
  /** WSAStartup calls without their WSACleanup. */
  started = 0
  /** Calls made, for telling whether anything goes on. */
  activity = 0
  /** The other thread that makes the call in progress; undefined for the JS thread. */
  thread: Thread | undefined
  /** Calls of other threads so far. */
  threads = 0
  /** The name of the call in progress. */
  calling = ""
  keepAlive = 0
  readonly exitTasks = new Set<() => void>()
  private readonly size: number
  private readonly hEventAt: number
  private spare: Operation | undefined

  constructor(
    name: string,
    settings: Settings,
    trace: Trace,
    turns: Turns,
    random: Random,
    network: Network,
    machine: Machine
  ) {
    this.name = name
    this.settings = settings
    this.trace = trace
    this.guard = new Guard(settings.guard, name, trace, settings.callSites)
    this.routines = new Routines(this.guard, turns)
    this.memory = new MockMemory(settings.abi, this.guard)
    this.guard.memory = this.memory
    this.turns = turns
    this.random = random
    this.network = network
    this.machine = machine
    this.size = OVERLAPPED.size[settings.abi]
    this.hEventAt = OVERLAPPED.offsets[settings.abi].hEvent
  }

  /** Makes the call in progress fail with `code`. */
  fail(code: number): number {
    this.error = code
    return 0
  }

  /** Returns the socket, or makes the call fail. */
  socket(s: number): AnySocket | undefined {
    if (this.started === 0) {
      this.error = sdk.WSANOTINITIALISED
      return undefined
    }
    const object = this.handles.get(s)
    if (object !== undefined && object.type === "socket") return object
    if (object === undefined) this.dead(s)
    this.error = sdk.WSAENOTSOCK
    return undefined
  }

  /** Reports a call on a number that was a handle and is no more. */
  dead(handle: number): void {
    if (this.guard.level !== "off" && this.handles.wasUsed(handle)) {
      this.guard.violation("DeadSocket", `${this.calling} on ${handle}, which is closed`)
    }
  }

  /**
   * A call that has to wait: nothing in the simulation can go on while the JS thread waits, so it answers `code`
   * instead, and the guard says so.
   */
  wouldWait(code: number): number {
    this.guard.violation("WouldWait", `${this.calling} waits, and was made on the JS thread`)
    return this.fail(code)
  }

  /**
   * A call of another thread waits for an operation that is in its socket's list already, for `timeout` milliseconds at
   * most. Always the end of its call.
   */
  block(operation: Operation, bytesAt: number, timeout: number): number {
    const thread = this.thread!
    // without the flag a socket has no timeouts
    thread.block(operation, bytesAt, operation.socket.overlapped ? timeout : 0)
    operation.thread = thread
    operation.state = "pending"
    this.spare = undefined
    this.guard.pended(operation)
    return 0
  }

  flip(choice: "immediate" | "pending" | "deferred" | "seeded", later: "pending" | "deferred"): boolean {
    return choice === "seeded" ? this.random.flip() : choice === later
  }

  /** Returns an operation to fill in; it becomes its caller's only if it stays pending. */
  operation(kind: OperationKind, socket: Socket): Operation {
    this.spare ??= new Operation(socket)
    return this.spare.reset(kind, socket)
  }

  // --- overlapped operations ---

  /**
   * Takes note of the OVERLAPPED of a call; false when the call failed. Internal says STATUS_PENDING from here on and
   * InternalHigh is left alone.
   */
  begin(operation: Operation, overlapped: number, routine: number): boolean {
    const view = this.memory.locate(overlapped, this.size)
    const at = this.memory.at
    if (routine !== 0) {
      operation.routine = this.routines.at(routine)
      // a socket of a port has no routines; an address that is no routine's is a jump into nowhere
      if (operation.socket.port !== undefined || operation.routine === undefined) {
        this.error = operation.socket.port === undefined ? sdk.WSAEOPNOTSUPP : sdk.WSAEINVAL
        return false
      }
    }
    this.guard.submitting(overlapped, this.calling)
    operation.overlapped = overlapped
    const hEvent = view.getUint32(at + this.hEventAt, true)
    operation.suppressed = (hEvent & 1) === 1
    // with a routine hEvent is the program's own
    operation.event = routine === 0 ? (hEvent & ~1) >>> 0 : 0
    if (operation.event !== 0) {
      const event = this.handles.get(operation.event)
      if (event === undefined || event.type !== "event") {
        this.error = sdk.WSA_INVALID_HANDLE
        return false
      }
      event.signalled = false
    } else {
      operation.socket.signalled = false
    }
    this.markPending(overlapped)
    return true
  }

  /** Writes STATUS_PENDING where a call's OVERLAPPED is, if it has one. */
  markPending(overlapped: number): void {
    if (overlapped === 0) return
    const view = this.memory.locate(overlapped, this.size)
    view.setUint32(this.memory.at, STATUS_PENDING, true)
    if (this.memory.pointerSize === 8) view.setUint32(this.memory.at + 4, 0, true)
  }

  /** Keeps the operation: it completes later. Always the end of its call. */
  pend(operation: Operation): number {
    this.spare = undefined
    this.guard.pended(operation)
    return this.fail(sdk.WSA_IO_PENDING)
  }

  /** Keeps the operation and completes it in a later turn. */
  pendAndFinish(operation: Operation): number {
    this.pend(operation)
    this.finishLater(operation)
    return 0
  }

  finishLater(operation: Operation): void {
    operation.list?.remove(operation)
    if (operation.never !== undefined) {
      operation.state = "pending"
      return this.faults.keep(operation)
    }
    operation.state = "completing"
    const completion = new Completion(this, operation)
    if (operation.delay === 0) return this.turns.post(completion)
    this.turns.after(operation.delay, new ScheduledTask(() => completion.run()))
  }

  /** Ends a pending operation. */
  complete(operation: Operation, status: number, bytes: number): void {
    operation.list?.remove(operation)
    if (operation.never !== undefined) this.faults.ended(operation)
    operation.state = "done"
    this.report(operation, status, bytes, true)
  }

  /** Ends a pending operation that has nothing but a status to tell. */
  end(operation: Operation, status: number): void {
    this.guard.completing(operation)
    this.complete(operation, status, 0)
  }

  private queueLate(port: Port, packet: Packet, late: Late): void {
    const due = (): void => {
      if (this.latePackets.delete(due)) port.queue(packet)
    }
    this.latePackets.add(due)
    this.turns.later(late, due)
  }

  /** Writes the outcome of an operation, signals its event and queues its packet if one is `wanted`. */
  report(operation: Operation, status: number, bytes: number, wanted: boolean): void {
    const { overlapped, socket, thread } = operation
    if (thread !== undefined) return thread.end(status, bytes, operation.result)
    try {
      const view = this.memory.locate(overlapped, this.size)
      const at = this.memory.at
      const width = this.memory.pointerSize
      view.setUint32(at, status, true)
      view.setUint32(at + width, bytes, true)
      if (width === 8) {
        view.setUint32(at + 4, 0, true)
        view.setUint32(at + 12, 0, true)
      }
    } catch (error) {
      if (!(error instanceof AccessViolation)) throw error
      this.guard.violation(
        "MemoryGone",
        `the OVERLAPPED 0x${overlapped.toString(16)} was freed under its operation`,
        operation.site
      )
    }
    if (operation.event !== 0) {
      const event = this.handles.get(operation.event)
      if (event !== undefined && event.type === "event") this.eventWaits.signal(event)
    } else if (!socket.skipsSignal) {
      this.eventWaits.signal(socket)
    }
    const { routine } = operation
    // a call that succeeds at once has its routine run too
    if (routine !== undefined && (wanted || status === 0)) this.routines.post(routine, status, bytes, overlapped)
    const port = operation.suppressed || !wanted ? undefined : socket.port
    if (port !== undefined) {
      this.guard.queued(overlapped)
      const packet = new Packet(socket.key, overlapped, status, bytes, false)
      // what answers at once queues its packet within the call
      if (operation.packet === undefined || operation.state !== "done") port.queue(packet)
      else this.queueLate(port, packet, operation.packet)
    }
    this.trace.completed(this.name, socket.number, overlapped, status, bytes, port !== undefined)
  }
}
