/**
 * Blocks of native memory that a program owns, for receives without a copy.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/nativeBuffer.ts"
import { EngineKey, Winsock } from "./Winsock.ts"
import type { WinsockError } from "./WinsockError.ts"

/**
 * A block of native memory. It is an object of the library's own: anything else is refused where one is asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface NativeBuffer {
  readonly [internal.TypeId]: typeof internal.TypeId
  /** In bytes. */
  readonly size: number
  /**
   * The block itself, not a copy: while a receive waits for it, bytes may be put there at any time. When the scope is
   * closed the memory is freed, and every view of it becomes empty.
   */
  readonly bytes: Uint8Array
}

/**
 * Allocates a block of 1 to 2^30 bytes, zeroed. Closing the scope frees it; a receive that still waits for it fails with
 * `InvalidArgument` when something comes, and takes nothing.
 *
 * Fails with `InvalidArgument` for a size out of range, with `OutOfMemory`.
 *
 * **Example** (Reading into one block again and again)
 *
 * ```ts
 * import { NativeBuffer } from "@effect-winsock/core"
 * import type { TcpSocket } from "@effect-winsock/core"
 * import { Effect } from "effect"
 *
 * const countZeroes = (socket: TcpSocket.TcpSocket) =>
 *   Effect.gen(function*() {
 *     const buffer = yield* NativeBuffer.make(65_536)
 *     const n = yield* socket.receiveInto(buffer)
 *     return buffer.bytes.subarray(0, n).filter((byte) => byte === 0).length
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (size: number): Effect.Effect<NativeBuffer, WinsockError, Winsock | Scope.Scope> =>
  Effect.flatMap(Winsock, (winsock) => internal.make(winsock[EngineKey], size))
