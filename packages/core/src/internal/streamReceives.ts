/**
 * The receiving half of a stream.
 *
 * Bytes belong to the stream, not to the fiber that waits for them: what was read and not given out is kept in order, and
 * a request takes only when all that it asks for is there. While somebody waits, a receive of no bytes is in the kernel,
 * which can be cancelled without losing any; when it has completed, what is there is read without waiting.
 */
import { writePointer } from "@effect-winsock/schema/Layout"
import { STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY } from "@effect-winsock/schema/NtStatus"
import { WSABUF } from "@effect-winsock/schema/Structs"
import { WSA_NOT_ENOUGH_MEMORY, WSAENOBUFS, WSAESHUTDOWN, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Block, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { Bytes } from "./bytes.ts"
import type { Engine } from "./engine.ts"
import { IDLE, Operation, PENDING } from "./operation.ts"
import { Reposts } from "./reposts.ts"
import type { Settle, SocketEndpoint } from "./socketEndpoint.ts"
import { OPEN } from "./socketEndpoint.ts"
import { streamError } from "./streamError.ts"
import type { Request } from "./streamRequests.ts"
import * as Requests from "./streamRequests.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

const closed = Effect.suspend(() => Effect.fail(WinsockErrors.socketClosed("WSARecv")))

type Failure = WinsockError | Cause.Done

// whether a read finds something
const NO = 0
/** The last one filled its room, or reads have been finding something. */
const LIKELY = 1
/** The kernel said so. */
const YES = 2

/** How many chunks one read takes at most for who can use more than one, and how many bytes. */
const chunksAtOnce = 4
const bytesAtOnce = 256 * 1024

/** What a machine is short of for a while. A failing NTSTATUS is negative here. */
const shortages: ReadonlySet<number> = new Set([
  WSAENOBUFS,
  WSA_NOT_ENOUGH_MEMORY,
  STATUS_INSUFFICIENT_RESOURCES | 0,
  STATUS_NO_MEMORY | 0
])

export class StreamReceives implements Server<Request> {
  readonly bytes: Bytes
  readonly line: Line<Request>
  /** Whether the peer has ended its side. */
  ended = false

  // each is made when it is first asked for, and once
  private chunk: Effect.Effect<unknown, Failure> | undefined = undefined
  private chunks: Effect.Effect<unknown, Failure> | undefined = undefined
  private oneChunk: Effect.Effect<unknown, Failure> | undefined = undefined

  private readonly engine: Engine
  private readonly stream: SocketEndpoint
  private readonly chunkSize: number
  private readonly mostAtOnce: number
  /** One buffer for all streams that read as much at once: what is read is copied out before anything else is. */
  private readonly scratch: Block
  private operation: Operation | undefined = undefined
  private readable = NO
  // what the kernel was asked to tell of was there already: it need not be asked while reads find something
  private flowing = false
  private readonly reposts = new Reposts()
  // what every receive fails with, once all that came before is given out
  private failure: Effect.Effect<never, WinsockError> | undefined = undefined
  // what those who wait now fail with: the machine was short of something, and the connection is as it was
  private shortage: WinsockError | undefined = undefined

  /** Throws when there is no memory. */
  constructor(engine: Engine, stream: SocketEndpoint, chunkSize: number) {
    this.engine = engine
    this.stream = stream
    this.chunkSize = chunkSize
    this.mostAtOnce = Math.max(1, Math.min(chunksAtOnce, Math.floor(bytesAtOnce / chunkSize)))
    const size = chunkSize * this.mostAtOnce + 32
    this.scratch = engine.shared(`stream receive ${chunkSize}`, size, () => {})
    this.bytes = new Bytes(engine.arena)
    this.line = new Line(engine, (settled) => this.left(settled))
  }

  /** Takes the next bytes. */
  get receive(): Effect.Effect<Uint8Array, WinsockError> {
    return (this.chunk ??= this.ask(Requests.chunk)) as Effect.Effect<Uint8Array, WinsockError>
  }

  /** Takes all that is ready. */
  get pull(): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Failure> {
    return (this.chunks ??= this.ask(Requests.chunks)) as Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Failure>
  }

  /** Takes the next bytes, as an element of a stream. */
  get pullOne(): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Failure> {
    return (this.oneChunk ??= this.ask(Requests.oneChunk)) as Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Failure>
  }

  /** Takes what a request asks for, or waits for it. */
  ask(request: Request): Effect.Effect<unknown, Failure> {
    return takeOrWait(
      () => {
        if (this.stream.state !== OPEN) return closed
        return this.line.length === 0 && this.can(request) ? this.give(request) : undefined
      },
      (resume, again, hesitant) => {
        if (this.stream.state !== OPEN) return resume(closed)
        const waiter = this.line.join(request, resume, again, hesitant)
        // what is in hand already is handed over by the pump
        if (this.failure !== undefined || this.ended || this.readable !== NO || this.bytes.length > 0 || this.post()) {
          this.engine.poke(this.stream)
        }
        return waiter
      }
    )
  }

  /** Puts bytes in front that came with the connection. */
  begin(bytes: Uint8Array): void {
    if (bytes.length > 0) this.bytes.push(bytes)
  }

  /** Whether the connection has failed, or receiving was shut down. */
  get hasFailed(): boolean {
    return this.failure !== undefined
  }

  /** Drops what was read, and receives no more. */
  shutdown(): void {
    this.failure = Effect.suspend(() => Effect.fail(streamError("WSARecv", WSAESHUTDOWN)))
    this.bytes.clear()
    if (this.operation?.state === PENDING) this.stream.unwanted(this.operation)
    this.engine.poke(this.stream)
  }

  /** Forgets what the connection before had. */
  restart(): void {
    this.ended = false
    this.failure = undefined
    this.shortage = undefined
    this.readable = NO
    this.flowing = false
    this.bytes.clear()
  }

  // --- serving ---

  can(request: Request): boolean {
    // whoever was served before may have closed it
    if (this.stream.state !== OPEN && request !== Requests.nothing) return false
    for (;;) {
      const { bytes, ended, failure, readable } = this
      const there = request.isThere(bytes)
      if (failure !== undefined || ended || (there && !(readable !== NO && request.takesMore?.(bytes) === true))) {
        return true
      }
      if (readable === NO) return there
      // only at the moment of giving: who is not given it must find nothing gone. Out of turn it keeps its place
      if (request.into !== undefined) return readable === YES && this.engine.pump.direct > 0
      if (!this.read(request.room?.(bytes) ?? 1)) return there
    }
  }

  give(request: Request): Effect.Effect<unknown, Failure> {
    if (request.isThere(this.bytes)) return request.take(this.bytes)
    if (this.failure !== undefined) return this.failure
    if (this.ended) return request.atEnd(this.bytes)
    const { buffer, length, offset } = request.into!
    const count = this.readInto(buffer.block.address + offset, length)
    return count > 0 ? Effect.succeed(count) : this.ask(request)
  }

  /** Serves who waits, and has the kernel tell when there is more for who is still waiting. */
  work(): void {
    const { brokenBy } = this.engine
    // what the kernel has will not complete any more
    if (brokenBy !== 0) this.failed(brokenBy, "GetQueuedCompletionStatusEx")
    const { shortage } = this
    this.shortage = undefined
    if (shortage !== undefined) this.line.fail(shortage)
    // a receive that is answered at once says that there is something to read
    for (let rounds = 2; rounds > 0; rounds--) {
      if (this.line.serve(this) || !this.post()) return
    }
    if (this.line.length > 0) this.engine.mark(this.stream)
  }

  /** Reads and drops: whether the stream has ended, or failed. While it has not, the kernel tells when there is more. */
  drain(): boolean {
    for (let rounds = 2; rounds > 0; rounds--) {
      if (this.can(Requests.nothing)) return true
      if (!this.post(true)) return false
    }
    this.engine.mark(this.stream)
    return false
  }

  // --- reading ---

  // whole chunks for what is missing, as many as fit; false when there is nothing, or it is not the time to look
  private read(missing: number): boolean {
    const { chunkSize, scratch } = this
    const room = Math.min(Math.ceil(missing / chunkSize), this.mostAtOnce) * chunkSize
    const count = this.call(scratch.address, room)
    for (let at = 0; at < count; at += chunkSize) this.bytes.copy(scratch.bytes, at, Math.min(chunkSize, count - at))
    return count !== -1 || this.failure !== undefined
  }

  private readInto(address: number, room: number): number {
    return Math.max(0, this.call(address, room))
  }

  /** Reads without waiting: how many bytes, 0 for the end, -1 for none or a failure. */
  private call(into: number, room: number): number {
    const { engine, scratch, stream } = this
    // out of turn: whoever asks waits for the pump, which lets the event loop turn first
    if (engine.pump.direct-- <= 0) return -1
    const { abi } = engine.seam
    const offsets = WSABUF.offsets[abi]
    const at = this.chunkSize * this.mostAtOnce
    scratch.view.setUint32(at + offsets.len, room, true)
    writePointer(abi, scratch.view, at + offsets.buf, into)
    scratch.view.setUint32(at + 16, 0, true)
    scratch.view.setUint32(at + 20, 0, true)
    const address = scratch.address + at
    const rc = engine.calls.WSARecv(stream.socket as SocketHandle, address, 1, address + 16, address + 20, 0, 0)
    const code = rc === 0 ? 0 : engine.calls.WSAGetLastError()
    if (code === WSAEWOULDBLOCK) {
      this.readable = NO
      this.flowing = false
      return -1
    }
    const { receive } = engine.counters
    receive.submitted++
    if (code !== 0) {
      receive.fail(code)
      this.failed(code)
      return -1
    }
    receive.completed++
    // what the kernel wrote is not trusted to be within what it was given
    const count = Math.min(scratch.view.getUint32(at + 16, true), room)
    receive.bytes += count
    this.readable = count === room || this.flowing ? LIKELY : NO
    if (count === 0) this.ended = true
    return count
  }

  private failed(code: number, name = "WSARecv"): void {
    this.readable = NO
    // no byte was taken: a later receive finds them all
    if (this.stream.state === OPEN && shortages.has(code)) {
      this.shortage = streamError(name, code)
      return this.engine.poke(this.stream)
    }
    this.failure ??= Effect.suspend(() => Effect.fail(streamError(name, code)))
  }

  // --- the receive of no bytes ---

  /** Posts it, while somebody waits and it is not in the kernel: whether there is something to do at once. */
  private post(anyway = false): boolean {
    const { engine, stream } = this
    if (!anyway && (this.line.length === 0 || stream.state !== OPEN)) return false
    // who waits is told of it first
    if (this.shortage !== undefined) return false
    if (engine.brokenBy !== 0) return true
    if (this.operation !== undefined && this.operation.state !== IDLE) return false
    if (this.readable !== NO && engine.pump.direct <= 0) {
      // there is nothing to ask the kernel for: it is read in another turn
      engine.postpone(stream)
      return false
    }
    try {
      this.operation ??= new Operation(stream, "WSARecv", engine.counters.receive)
    } catch {
      this.line.fail(streamError("WSARecv", WSA_NOT_ENOUGH_MEMORY))
      return false
    }
    const { operation } = this
    const { address, record } = operation
    const { buffer, flags } = engine.records.shape
    operation.prepare()
    engine.records.writeBuffer(record, 0, 0)
    record.view.setUint32(record.at + flags, 0, true)
    const rc = engine.calls.WSARecv(
      stream.socket as SocketHandle,
      address + buffer,
      1,
      0,
      address + flags,
      address,
      operation.routine
    )
    if (!operation.answered(rc === 0 ? 0 : engine.calls.WSAGetLastError())) return false
    this.completed(operation)
    this.flowing = operation.code === 0
    return true
  }

  /** Takes note of the end of its operation; false when it is not its own. */
  completed(operation: Operation): boolean {
    if (operation !== this.operation) return false
    if (operation.code === 0) {
      this.reposts.reset()
      this.readable = YES
    } else if (!this.reposts.allow(operation) && !operation.cancelled) this.failed(operation.code)
    return true
  }

  // somebody left the line: the kernel need not tell any more if it was the last one
  private left(settled: Settle): void {
    const { operation } = this
    if (this.line.length > 0 || operation === undefined || operation.state !== PENDING) return settled(Effect.void)
    this.stream.interrupted(operation, settled)
  }

  dispose(): void {
    this.operation?.release()
    this.operation = undefined
    this.bytes.clear()
  }
}
