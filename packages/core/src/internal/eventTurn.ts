/** A send in its turn that is one overlapped call, and completes through an event. */
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import type { Block, SocketHandle } from "../Seam.ts"
import type { Engine } from "./engine.ts"
import type { Event, EventWaits } from "./eventWaits.ts"
import type { Payload } from "./payload.ts"
import { copyPayload, lengthOf } from "./payload.ts"
import type { StreamSends } from "./streamSends.ts"
import { DONE, Turn, UNDER_WAY } from "./streamTurn.ts"

export class EventTurn extends Turn<number> {
  readonly tears = true
  private readonly waits: EventWaits
  private readonly event: Event
  private readonly payload: Uint8Array
  private sends: StreamSends | undefined = undefined
  private block: Block | undefined = undefined
  private count = 0
  private over = false

  constructor(payload: Payload, waits: EventWaits, event: Event) {
    super("WSASend")
    // the caller may change it when the send has begun
    this.payload = new Uint8Array(lengthOf(payload))
    copyPayload(payload, this.payload, 0)
    this.waits = waits
    this.event = event
  }

  step(sends: StreamSends): number {
    if (this.over) return DONE
    this.sends = sends
    const { length } = this.payload
    try {
      this.block = sends.engine.heap.alloc(Math.max(1, length))
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    this.block.bytes.set(this.payload)
    this.started = true
    const code = sends.sendOverlapped(this.block.address, length, 0, this.abandon, this.event.handle)
    if (code === UNDER_WAY) this.waits.watch(this.event, sends.current!)
    else if (code === DONE) this.advance(sends.count)
    // a call that failed at once has sent nothing
    else this.started = false
    return code
  }

  advance(bytes: number): void {
    this.count = this.result(bytes)
    this.over = true
  }

  isComplete(): boolean {
    return this.over
  }

  value(): number {
    return this.count
  }

  override dispose(engine: Engine): void {
    if (this.block !== undefined) engine.heap.free(this.block)
    this.block = undefined
  }

  // as a program that is told by an event asks for it; what the kernel wrote is the same
  private result(bytes: number): number {
    const { engine, stream } = this.sends!
    const { calls, scratch } = engine
    const { address } = this.sends!.current!
    const told = calls.WSAGetOverlappedResult(
      stream.socket as SocketHandle,
      address,
      scratch.address,
      0,
      scratch.address + 8
    )
    return Math.min(told === 0 ? bytes : scratch.view.getUint32(0, true), this.payload.length)
  }

  // the kernel never gave back what it sends from
  private readonly abandon = (engine: Engine): void => {
    if (this.block !== undefined) engine.heap.abandon(this.block)
    this.block = undefined
  }
}
