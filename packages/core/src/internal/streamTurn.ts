/** Something that is done to the sending half of a stream in its turn, and the one that sends bytes. */
import { MSG_OOB, SD_SEND } from "@effect-winsock/schema/Flags"
import { WSA_NOT_ENOUGH_MEMORY, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import type * as Effect from "effect/Effect"
import type { Block, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import type { Linked } from "./lists.ts"
import type { Payload } from "./payload.ts"
import { aPayload, copyPayload, copyRange, lengthOf } from "./payload.ts"
import type { Settle } from "./socketEndpoint.ts"
import type { Stream } from "./stream.ts"
import type { StreamSends } from "./streamSends.ts"

// what a step comes to; any other number is the code that it failed with
export const DONE = 0
export const UNDER_WAY = -1

export abstract class Turn<A = void> implements Linked<Turn<any>> {
  next: Turn<any> | undefined = undefined
  previous: Turn<any> | undefined = undefined
  /** The call that it is for, as its errors name it. */
  readonly name: string
  /** Whether it is in line. */
  queued = false
  /** Whether any of it may have reached the kernel. */
  started = false
  /** Whether its fiber was interrupted after that. */
  interrupted = false
  /** Whether it waits for something else than an operation of the stream. */
  elsewhere = false
  /** Whether it has copied what it sends, ahead of its turn. */
  captured = false
  /** Who waits for it. */
  resume: ((effect: Effect.Effect<A, WinsockError>) => void) | undefined = undefined
  /** Whose interruption waits for it. */
  settled: Settle | undefined = undefined
  /** How it ended, when it ended before anybody waited for it. */
  outcome: Effect.Effect<A, WinsockError> | undefined = undefined
  /** Why the library itself ended it. */
  refused: WinsockError | undefined = undefined

  constructor(name: string) {
    this.name = name
  }

  /** Whether it leaves a torn message when it has started and does not end well. */
  abstract readonly tears: boolean
  /** How many bytes it would copy ahead of its turn. */
  get length(): number {
    return 0
  }
  /** Goes on with it: `DONE`, `UNDER_WAY`, or a code. */
  abstract step(sends: StreamSends): number
  /** Its operation has ended well. */
  abstract advance(bytes: number): void
  /** Whether all of it is done. */
  abstract isComplete(): boolean
  /** What it gives. */
  abstract value(): A

  /** Copies what it sends, ahead of its turn; false when it does not. */
  capture(_engine: Engine): boolean {
    return false
  }
  /** Whether it goes on without whoever waited for it, though it has begun. */
  keep(): boolean {
    return false
  }
  /** How many bytes of it have left, when that is known. */
  sent(): number | undefined {
    return undefined
  }
  /** Gives back what it holds. */
  dispose(_engine: Engine): void {}
}

/** How much one call sends at most: what is longer is sent in several, without memory for all of it. */
const mostAtOnce = 1024 * 1024
/** What is shorter is first tried from memory that all streams share. */
const mostShared = 64 * 1024

/** One send. */
export class DataTurn extends Turn {
  readonly tears = true
  private payload: Payload
  private readonly size: number
  private readonly flags: number
  private readonly whole: boolean
  private done = 0
  // a copy of the payload, of `held` bytes from `base` on
  private block: Block | undefined = undefined
  private base = 0
  private held = 0

  constructor(payload: Payload, flags: number, whole = false) {
    super("WSASend")
    // of its own: pieces may be put in and taken out of an array while it waits
    this.payload = Array.isArray(payload) ? payload.slice() : payload
    this.size = lengthOf(payload)
    this.flags = flags
    this.whole = whole
  }

  override get length(): number {
    return this.size
  }

  override capture(engine: Engine): boolean {
    this.captured = this.size <= mostAtOnce && this.load(engine) === 0
    return this.captured
  }

  // whoever gave the payload may change it from now on
  override keep(): boolean {
    if (!this.whole || lengthOf(this.payload) !== this.size) return false
    if (this.base + this.held < this.size) {
      const copy = new Uint8Array(this.size)
      copyPayload(this.payload, copy, 0)
      this.payload = copy
    }
    return true
  }

  step(sends: StreamSends): number {
    while (!this.isComplete()) {
      if (sends.isOutOfTurn()) return UNDER_WAY
      let code = this.sendNow(sends)
      if (code !== 0) return code
      if (this.isComplete()) return DONE
      if (this.block === undefined || this.done === this.base + this.held) code = this.load(sends.engine)
      if (code !== 0) return code
      code = this.sendRest(sends)
      if (code !== 0) return code
    }
    return DONE
  }

  advance(bytes: number): void {
    this.done = Math.min(this.size, this.done + bytes)
  }

  isComplete(): boolean {
    return this.started && this.done === this.size
  }

  value(): void {}

  override sent(): number {
    return this.done
  }

  override dispose(engine: Engine): void {
    if (this.block !== undefined) engine.heap.free(this.block)
    this.block = undefined
  }

  // the kernel never gave back what it sends from
  private readonly abandon = (engine: Engine): void => {
    if (this.block !== undefined) engine.heap.abandon(this.block)
    this.block = undefined
  }

  // without waiting: most sends are taken at once. What finds no room is no failure
  private sendNow(sends: StreamSends): number {
    let address: number
    let length: number
    if (this.block !== undefined && this.done < this.base + this.held) {
      address = this.block.address + this.done - this.base
      length = this.base + this.held - this.done
    } else if (this.started || this.size > mostShared) return 0
    else {
      if (this.changed()) return WSAEWOULDBLOCK
      length = copyPayload(this.payload, sends.scratch.bytes, 0)
      address = sends.scratch.address
    }
    const code = sends.sendNow(address, length, this.flagsOf(length))
    if (code === WSAEWOULDBLOCK) return 0
    if (code === 0) {
      this.started = true
      this.advance(sends.count)
    }
    return code
  }

  private sendRest(sends: StreamSends): number {
    const before = this.started
    this.started = true
    const address = this.block!.address + this.done - this.base
    const length = this.base + this.held - this.done
    const code = sends.sendOverlapped(address, length, this.flagsOf(length), this.abandon)
    if (code === DONE) this.advance(sends.count)
    // a call that failed at once has sent nothing
    else if (code !== UNDER_WAY) this.started = before
    return code
  }

  // of urgent data the last byte is urgent, and not the last of each part
  private flagsOf(length: number): number {
    return this.done + length === this.size ? this.flags : this.flags & ~MSG_OOB
  }

  private load(engine: Engine): number {
    if (this.changed()) return WSAEWOULDBLOCK
    const held = Math.min(this.size - this.done, mostAtOnce)
    try {
      this.block ??= engine.heap.alloc(Math.max(1, held))
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    copyRange(this.payload, this.done, held, this.block.bytes)
    this.base = this.done
    this.held = held
    return 0
  }

  // a payload that the caller has detached or cut since it was looked at
  private changed(): boolean {
    if (lengthOf(this.payload) === this.size) return false
    this.refused = WinsockErrors.invalidArgument("WSASend", "payload", this.payload, `${aPayload}, left as it was`)
    return true
  }
}

/** An end of this side: a call that answers at once. */
export class EndTurn extends Turn {
  readonly tears = false
  private readonly stream: Stream
  private over = false

  constructor(name: "shutdown" | "WSASendDisconnect", stream: Stream) {
    super(name)
    this.stream = stream
  }

  step(sends: StreamSends): number {
    const { calls } = sends.engine
    const socket = this.stream.socket as SocketHandle
    const rc = this.name === "shutdown" ? calls.shutdown(socket, SD_SEND) : calls.WSASendDisconnect(socket, 0)
    if (rc !== 0) return calls.WSAGetLastError()
    this.over = true
    this.stream.sentEnd = true
    return DONE
  }

  advance(): void {}

  isComplete(): boolean {
    return this.over
  }

  value(): void {}
}
