/** Blocks of native memory that a program owns: the kernel has them only in calls that answer at once. */
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

  close(): void {
    if (this.closed) return
    this.closed = true
    this.engine.heap.free(this.block)
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
