/** Files that TransmitFile sends: opened off the JS thread, closed when no call uses them. */
import { WSA_NOT_ENOUGH_MEMORY, WSAENOBUFS } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Block, Handle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import type { Engine } from "./engine.ts"
import { createFileArguments, isPath, writePath } from "./files.ts"

export const TypeId: unique symbol = Symbol.for("@effect-winsock/core/Winsock2/File")

export class FileOf {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly path: string
  readonly #engine: Engine
  readonly #handle: Handle
  #users = 0
  #closed = false

  constructor(engine: Engine, path: string, handle: Handle) {
    this.path = path
    this.#engine = engine
    this.#handle = handle
  }

  /** A file that a layer has opened and not closed, or why it is none. */
  static openedBy(engine: Engine, file: unknown): FileOf | WinsockError {
    const own = typeof file === "object" && file !== null && #engine in file ? file : undefined
    if (own === undefined || own.#engine !== engine || own.#closed) {
      const expected = "a File that this layer's CreateFile has opened and its scope has not closed"
      return WinsockErrors.invalidArgument("TransmitFile", "file", file, expected)
    }
    return own
  }

  /** Its handle, for a call that tells when it needs it no more. */
  use(): Handle {
    this.#users++
    return this.#handle
  }

  unuse(): void {
    this.#users--
    this.#closeUnused()
  }

  close(): void {
    this.#closed = true
    this.#closeUnused()
  }

  #closeUnused(): void {
    if (this.#closed && this.#users === 0) this.#engine.calls.CloseHandle(this.#handle)
  }
}

export const createFile = (engine: Engine, path: string): Effect.Effect<FileOf, WinsockError, Scope.Scope> =>
  // an interruption cannot withdraw the call: what it opened belongs to the scope before it is heard
  Effect.acquireRelease(
    Effect.callback<FileOf, WinsockError>((resume) => {
      const fail = (error: WinsockError): void => resume(Effect.fail(error))
      if (!isPath(path)) return fail(WinsockErrors.invalidArgument("CreateFileW", "path", path, "the path of a file"))
      if (engine.closed) return fail(WinsockErrors.socketClosed("CreateFileW"))
      let name: Block
      try {
        name = engine.heap.alloc(2 * path.length + 2)
      } catch {
        return fail(WinsockErrors.fromCode("CreateFileW", WSA_NOT_ENOUGH_MEMORY))
      }
      writePath(name, path)
      try {
        engine.callAway("CreateFileW", createFileArguments(name), (file, lastError) => {
          engine.heap.free(name)
          engine.pump.release()
          if (file === -1) fail(WinsockErrors.fromCode("CreateFileW", lastError))
          else resume(Effect.succeed(new FileOf(engine, path, file)))
        })
        engine.pump.retain()
      } catch {
        engine.heap.free(name)
        fail(WinsockErrors.fromCode("CreateFileW", WSAENOBUFS))
      }
    }),
    (file) => Effect.sync(() => file.close())
  )
