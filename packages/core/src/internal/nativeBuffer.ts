/** Blocks of native memory that a program owns: freed when its scope is closed and no receive has it any more. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { WSA_NOT_ENOUGH_MEMORY } from "@effect-winsock/schema/WsaError"
import type { Block } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"

export const TypeId: unique symbol = Symbol.for("@effect-winsock/core/NativeBuffer")

const most = 2 ** 30

export class Buffer {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly engine: Engine
  readonly block: Block
  private users = 0
  private closed = false

  constructor(engine: Engine, block: Block) {
    this.engine = engine
    this.block = block
  }

  get size(): number {
    return this.block.size
  }

  get bytes(): Uint8Array {
    return this.block.bytes
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** The kernel has it. */
  retain(): void {
    this.users++
  }

  /** The kernel has given it back. */
  release(): void {
    if (--this.users === 0 && this.closed) this.engine.heap.free(this.block)
  }

  /** The kernel never gave it back: it must not be freed. */
  abandon(): void {
    this.closed = true
    this.users = -1
    this.engine.heap.abandon(this.block)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.users === 0) this.engine.heap.free(this.block)
  }
}

export const make = (engine: Engine, size: number): Effect.Effect<Buffer, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (!Number.isInteger(size) || size < 1 || size > most) {
        return Effect.fail(WinsockErrors.invalidArgument("WSARecv", "size", size, `an integer from 1 to ${most}`))
      }
      if (engine.closed) return Effect.fail(WinsockErrors.socketClosed("WSARecv"))
      try {
        return Effect.succeed(new Buffer(engine, engine.heap.alloc(size)))
      } catch {
        return Effect.fail(WinsockErrors.fromCode("WSARecv", WSA_NOT_ENOUGH_MEMORY))
      }
    }),
    (buffer) => Effect.sync(() => buffer.close())
  )
