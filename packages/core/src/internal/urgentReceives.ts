/** Urgent data of a stream: bytes that are received out of their place, one at a time. */
import { MSG_OOB } from "@effect-winsock/schema/Flags"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type { SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { IDLE, Operation, PENDING } from "./operation.ts"
import { Reposts } from "./reposts.ts"
import type { Settle, SocketEndpoint } from "./socketEndpoint.ts"
import { OPEN } from "./socketEndpoint.ts"
import { streamError } from "./streamError.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

export class UrgentReceives implements Server<void> {
  readonly line: Line<void>
  readonly receive: Effect.Effect<number, WinsockError>

  private readonly engine: Engine
  private readonly stream: SocketEndpoint
  private operation: Operation | undefined = undefined
  // what came for somebody who was interrupted meanwhile
  private inbox: Array<number> = []
  // what whoever waits now fails with
  private failure: WinsockError | undefined = undefined
  private readonly reposts = new Reposts()

  constructor(engine: Engine, stream: SocketEndpoint) {
    this.engine = engine
    this.stream = stream
    this.line = new Line(engine, (settled) => this.left(settled))
    this.receive = takeOrWait(
      () => (this.line.length === 0 && this.can() ? this.give() : undefined),
      (resume, again, hesitant) => {
        if (this.stream.state !== OPEN) return resume(Effect.fail(WinsockErrors.socketClosed("WSARecv")))
        const waiter = this.line.join(undefined, resume, again, hesitant)
        this.engine.poke(this.stream)
        return waiter
      }
    )
  }

  /** Forgets what the connection before had. */
  restart(): void {
    this.inbox = []
    this.failure = undefined
  }

  can(): boolean {
    // whoever was served before may have closed it
    return this.stream.state === OPEN && this.inbox.length > 0
  }

  give(): Effect.Effect<number> {
    return Effect.succeed(this.inbox.shift()!)
  }

  work(): void {
    const { brokenBy } = this.engine
    const failure = brokenBy === 0 ? this.failure : streamError("GetQueuedCompletionStatusEx", brokenBy)
    this.failure = undefined
    this.line.serve(this)
    if (failure !== undefined) this.line.fail(failure)
    else if (this.line.length > 0 && this.stream.state === OPEN && (this.operation?.state ?? IDLE) === IDLE) this.post()
  }

  private post(): void {
    const { engine, stream } = this
    try {
      this.operation ??= new Operation(stream, "WSARecv", engine.counters.receive)
    } catch {
      return this.line.fail(streamError("WSARecv", WSA_NOT_ENOUGH_MEMORY))
    }
    const { operation } = this
    const { address, record } = operation
    const { buffer, count, flags } = engine.records.shape
    operation.prepare()
    engine.records.writeBuffer(record, address + count, 1)
    record.view.setUint32(record.at + flags, MSG_OOB, true)
    const rc = engine.calls.WSARecv(
      stream.socket as SocketHandle,
      address + buffer,
      1,
      0,
      address + flags,
      address,
      operation.routine
    )
    if (!operation.answered(rc === 0 ? 0 : engine.calls.WSAGetLastError())) return
    this.completed(operation)
    engine.mark(stream)
  }

  /** Takes note of the end of its operation; false when it is not its own. */
  completed(operation: Operation): boolean {
    if (operation !== this.operation) return false
    const { bytes, code, record } = operation
    if (code === 0 && bytes > 0) {
      this.reposts.reset()
      this.inbox.push(record.view.getUint8(record.at + this.engine.records.shape.count))
    } else if (code === 0) this.failure = WinsockErrors.endOfStream("WSARecv", 0, "a byte of urgent data")
    else if (!this.reposts.allow(operation) && !operation.cancelled) this.failure = streamError("WSARecv", code)
    return true
  }

  private left(settled: Settle): void {
    const { operation } = this
    if (this.line.length > 0 || operation?.state !== PENDING) return settled(Effect.void)
    this.stream.interrupted(operation, settled)
  }

  dispose(): void {
    this.operation?.release()
    this.operation = undefined
  }
}
