/**
 * The sending half of a stream: a line of turns (sends, files, ends of this side). The first in line is under way, one
 * operation of it in the kernel at most, so the order of calls is the order of bytes.
 *
 * A turn that is interrupted before it has come is removed whole. One that has reached the kernel breaks the stream when
 * it is interrupted, unless it completes all the same: it cannot be known what left, and nothing must follow a torn
 * message. Unless it was asked to be sent whole: then it goes on by itself.
 */
import { writePointer } from "@effect-winsock/schema/Layout"
import { WSABUF } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY, WSA_OPERATION_ABORTED, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { Block, Handle, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { LinkedList } from "./lists.ts"
import { IDLE, Operation, PENDING } from "./operation.ts"
import type { Settle, SocketEndpoint } from "./socketEndpoint.ts"
import { streamError } from "./streamError.ts"
import type { Turn } from "./streamTurn.ts"
import { DONE, UNDER_WAY } from "./streamTurn.ts"
import { beginOrPark } from "./waiters.ts"

/** How long a send may be to be tried from memory that all streams share. */
export const scratchSize = 64 * 1024

/** What a connection that is gone fails with: the kernel itself will take no more. */
const gone: ReadonlySet<string> = new Set(["ConnectionReset", "ConnectionAborted", "NetworkReset", "TimedOut"])

/** The calls that are made in line, as their errors name them. */
export type SendCall = "WSASend" | "TransmitFile" | "DisconnectEx"

/** Leaves memory to the kernel that never gave it back. */
export type Abandon = (engine: Engine) => void

export class StreamSends {
  readonly engine: Engine
  readonly stream: SocketEndpoint
  /** Memory for calls that answer at once. */
  readonly scratch: Block
  /** How many bytes the last call that answered at once has sent. */
  count = 0

  private readonly line = new LinkedList<Turn>()
  private readonly queueSize: number
  private captured = 0
  private operation: Operation | undefined = undefined
  // whether the operation of the first in line has ended and nobody has looked at it
  private over = false
  // whether it ended in a way that does not tell how much of it has left
  private uncertain = false
  // what everything in line fails with, and all that comes after it
  private failure: ((name: string) => WinsockError) | undefined = undefined
  private refusal: ((name: string) => WinsockError) | undefined = undefined

  /** Throws when there is no memory. */
  constructor(engine: Engine, stream: SocketEndpoint, queueSize: number) {
    this.engine = engine
    this.stream = stream
    this.queueSize = queueSize
    this.scratch = engine.shared("stream send", scratchSize + 32, () => {})
  }

  /** Whether nothing is in line. */
  get isIdle(): boolean {
    return this.line.head === undefined
  }

  /** Whether a message was torn. */
  isBroken = false

  /** Does something in its turn: `make` makes it, or says why not. */
  run<A>(make: () => Turn<A> | WinsockError): Effect.Effect<A, WinsockError> {
    const parked = Effect.callback<A, WinsockError>((resume) => {
      const turn = make()
      return turn instanceof WinsockErrors.WinsockError ? resume(Effect.fail(turn)) : this.join(turn, resume)
    })
    return beginOrPark(() => {
      if (!this.isIdle) return parked
      const turn = make()
      if (turn instanceof WinsockErrors.WinsockError) return Effect.fail(turn)
      if (this.refusal !== undefined) return Effect.fail(this.refusal(turn.name))
      this.begin(turn)
      return turn.outcome ?? Effect.callback<A, WinsockError>((resume) => this.await(turn, resume))
    }, parked)
  }

  /** From now on nothing is sent: what is in line fails with one error, what comes with another. */
  fail(failure: (name: string) => WinsockError, refusal: (name: string) => WinsockError): void {
    this.failure = failure
    this.refusal = refusal
    this.engine.mark(this.stream)
  }

  /** Nothing comes any more; what is in line goes on. */
  refuse(refusal: (name: string) => WinsockError): void {
    this.refusal = refusal
  }

  /** Forgets what the connection before had. */
  restart(): void {
    this.failure = undefined
    this.refusal = undefined
  }

  /** No packet will come any more: all that wait are told so, and what the kernel has is left to it. */
  portBroken(code: number): void {
    const broken = (): WinsockError => streamError("GetQueuedCompletionStatusEx", code)
    if (this.failure === undefined) this.fail(broken, broken)
    if (this.operation === undefined || this.operation.state === IDLE) return
    for (let turn = this.line.head?.next; turn !== undefined; turn = this.line.head?.next) {
      this.finish(turn, WSA_OPERATION_ABORTED, broken())
    }
    // its memory is the kernel's
    const { head } = this.line
    if (head?.resume === undefined) return
    this.finished.push(head.resume, Effect.fail(broken()))
    head.resume = undefined
  }

  // --- in line ---

  private join<A>(turn: Turn<A>, resume: (effect: Effect.Effect<A, WinsockError>) => void): Effect.Effect<void> | void {
    if (this.refusal !== undefined) return resume(Effect.fail(this.refusal(turn.name)))
    if (this.isIdle) this.begin(turn)
    else {
      this.enter(turn)
      if (this.captured + turn.length <= this.queueSize && turn.capture(this.engine)) this.captured += turn.length
    }
    return this.await(turn, resume)
  }

  private await<A>(
    turn: Turn<A>,
    resume: (effect: Effect.Effect<A, WinsockError>) => void
  ): Effect.Effect<void> | void {
    if (turn.outcome !== undefined) return resume(turn.outcome)
    turn.resume = resume
    return Effect.callback<void>((settled) => this.interrupt(turn, settled))
  }

  private begin<A>(turn: Turn<A>): void {
    this.enter(turn)
    this.go(turn)
  }

  private enter<A>(turn: Turn<A>): void {
    this.line.push(turn as Turn<any>)
    turn.queued = true
    this.engine.pump.retain()
  }

  private interrupt<A>(turn: Turn<A>, settled: Settle): void {
    if (!turn.queued) return settled(Effect.void)
    turn.resume = undefined
    if (turn.started && turn.keep()) return settled(Effect.void)
    if (!turn.started) {
      this.leave(turn as Turn<any>)
      // it may have kept its place while its file was opened
      this.engine.poke(this.stream)
      return settled(Effect.void)
    }
    turn.interrupted = true
    turn.settled = settled
    if (this.operation?.state === PENDING) this.stream.interrupted(this.operation, undefined)
    else this.engine.poke(this.stream)
  }

  private leave(turn: Turn<any>): void {
    this.line.remove(turn)
    turn.queued = false
    if (turn.captured) this.captured -= turn.length
    turn.dispose(this.engine)
    this.engine.pump.release()
  }

  // goes on with the first in line, as far as it can: it is over, or in the kernel
  private go(turn: Turn<any>): void {
    const { engine } = this
    if (engine.brokenBy !== 0) {
      return this.finish(turn, 0, streamError("GetQueuedCompletionStatusEx", engine.brokenBy))
    }
    const code = turn.step(this)
    if (code !== UNDER_WAY) this.finish(turn, code, undefined)
  }

  private finish(turn: Turn<any>, code: number, error: WinsockError | undefined): void {
    const failed = code !== DONE || error !== undefined
    if (failed && turn.tears && turn.started && !this.isBroken) {
      this.isBroken = true
      const bytesSent = this.uncertain ? undefined : turn.sent()
      const lost = error === undefined && turn.refused === undefined && !turn.interrupted
      const broken =
        lost && gone.has(streamError(turn.name, code).reason._tag)
          ? (name: string): WinsockError => streamError(name, code)
          : (name: string): WinsockError => WinsockErrors.streamBroken(name, bytesSent)
      // where the stream is being closed that is what is said of it
      if (this.failure === undefined) this.fail(broken, broken)
    }
    this.leave(turn)
    if (turn.settled !== undefined) this.stream.settleLater(turn.settled)
    const outcome = failed
      ? Effect.fail(error ?? turn.refused ?? streamError(turn.name, code))
      : Effect.sync(() => turn.value())
    if (turn.resume === undefined) turn.outcome = outcome
    else this.finished.push(turn.resume, outcome)
  }

  // resumes and what they are given: only the pump resumes
  private readonly finished: Array<any> = []

  /** Goes on with the line, and resumes those whose turns are over. */
  work(): void {
    this.advance()
    const { finished } = this
    while (finished.length > 0) {
      const [resume, outcome] = finished.splice(0, 2)
      resume(outcome)
    }
  }

  private advance(): void {
    for (let turn = this.line.head; turn !== undefined; turn = this.line.head) {
      const { operation } = this
      if (operation !== undefined && operation.state !== IDLE) return
      if (turn.elsewhere && this.failure === undefined) return
      if (this.over) {
        this.over = false
        const { bytes, cancelled, code, unasked } = operation!
        if (code === 0) turn.advance(bytes)
        // aborted by cause, not by code: whatever it fails with after it was cancelled is this side's doing
        else if (!cancelled) {
          // nobody here asked for it: what was sent cannot be sent again
          const torn = unasked && turn.tears ? WinsockErrors.streamBroken(turn.name, undefined) : undefined
          this.finish(turn, code, torn)
          continue
        }
      }
      if (turn.isComplete()) this.finish(turn, DONE, undefined)
      else if (this.failure !== undefined) this.finish(turn, WSA_OPERATION_ABORTED, this.failure(turn.name))
      else if (turn.interrupted) this.finish(turn, WSA_OPERATION_ABORTED, undefined)
      else {
        this.go(turn)
        // it is under way, or out of turn
        if (this.line.head === turn) return
      }
    }
  }

  // --- calls ---

  /**
   * Whether enough calls were made in this turn of the event loop: a loop of sends that are all taken at once must let it
   * turn. The pump goes on with the line in the next one.
   */
  isOutOfTurn(): boolean {
    const { engine, stream } = this
    if (engine.pump.direct-- > 0) return false
    engine.postpone(stream)
    return true
  }

  /** Sends without waiting, and says in `count` how many bytes: 0, or the code. */
  sendNow(address: number, length: number, flags: number): number {
    const { engine, scratch, stream } = this
    this.count = 0
    const { abi } = engine.seam
    const offsets = WSABUF.offsets[abi]
    scratch.view.setUint32(scratchSize + offsets.len, length, true)
    writePointer(abi, scratch.view, scratchSize + offsets.buf, address)
    const at = scratch.address + scratchSize
    const rc = engine.calls.WSASend(stream.socket as SocketHandle, at, 1, at + 16, flags, 0, 0)
    const code = rc === 0 ? 0 : engine.calls.WSAGetLastError()
    if (code === WSAEWOULDBLOCK) return code
    const { send } = engine.counters
    send.submitted++
    if (code === 0) {
      send.completed++
      this.count = Math.min(scratch.view.getUint32(scratchSize + 16, true), length)
      send.bytes += this.count
    } else send.fail(code)
    return code
  }

  /** Sends in an overlapped operation: `UNDER_WAY`, or 0 when it ended at once, with `count`, or the code. */
  sendOverlapped(address: number, length: number, flags: number, abandon: Abandon, event: Handle | 0 = 0): number {
    const send = (operation: Operation): boolean => {
      const { engine, stream } = this
      const { record } = operation
      engine.records.writeBuffer(record, address, length)
      const buffer = operation.address + engine.records.shape.buffer
      const socket = stream.socket as SocketHandle
      return engine.calls.WSASend(socket, buffer, 1, 0, flags, operation.address, operation.routine) === 0
    }
    return this.post("WSASend", abandon, send, 0, event)
  }

  /** The operation of the first in line. */
  get current(): Operation | undefined {
    return this.operation
  }

  /**
   * Makes an overlapped call: `UNDER_WAY`, or 0 when it ended at once, with `count`, or the code. `call` tells whether it
   * succeeded; `abandon` leaves the memory it refers to to the kernel, when that never gives it back. With an `event` that
   * tells of its end, and no packet.
   */
  post(
    name: SendCall,
    abandon: Abandon | undefined,
    call: (operation: Operation) => boolean,
    offset = 0,
    event: Handle | 0 = 0
  ): number {
    const { engine, stream } = this
    const { disconnect, send } = engine.counters
    try {
      this.operation ??= new Operation(stream, name, send)
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    const { operation } = this
    operation.name = name
    operation.counters = name === "DisconnectEx" ? disconnect : send
    // the low bit of hEvent asks for no packet
    operation.prepare(event === 0 ? 0 : ((event | 1) as Handle), offset)
    operation.abandon = abandon
    if (!operation.answered(call(operation) ? 0 : engine.calls.WSAGetLastError())) return UNDER_WAY
    this.count = operation.bytes
    return operation.code
  }

  /** Takes note of the end of its operation; false when it is not its own. */
  completed(operation: Operation): boolean {
    if (operation !== this.operation) return false
    this.over = true
    this.uncertain = operation.code !== 0
    return true
  }

  dispose(): void {
    this.operation?.release()
    this.operation = undefined
  }
}
